// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IVerifier} from "./IVerifier.sol";

/// @title Which verifier speaks for which circuit, and which statements were accepted.
/// @notice A statement is a circuit and its public inputs. Proofs are no identity: anyone makes others of the same
///         statement, so what is accepted once is the statement, by its hash.
interface IVerifierRegistry {
    /// @notice What is known of a circuit's key.
    struct Entry {
        IVerifier verifier;
        bool development;
        bytes32 keyHash;
        bytes32 transcript;
    }

    /// @notice A verifier speaks for a circuit from now on.
    event Registered(
        bytes32 indexed circuit, bytes32 indexed keyHash, IVerifier verifier, bool development, bytes32 transcript
    );

    /// @notice No statement of this circuit is accepted until another verifier is registered.
    event Retired(bytes32 indexed circuit, bytes32 indexed keyHash);

    /// @notice A statement was accepted for the contract that asked.
    event Accepted(
        bytes32 indexed statement, bytes32 indexed circuit, address indexed consumer, bytes32 keyHash, bool development
    );

    /// @notice The administrator is zero.
    error ConfigZero();

    /// @notice Only the administrator registers and retires.
    error CallerNotAdministrator(address got, address expected);

    /// @notice This registry takes no development keys.
    error KeyIsDevelopment(bytes32 circuit);

    /// @notice A ceremony's key comes with its transcript's hash, a development key without.
    error TranscriptUnfit(bytes32 got, bool development);

    /// @notice The key has no place for a constant and an input, or half a point.
    error KeyLength(uint256 got);

    /// @notice An element of the key is the identity. Counted in words.
    error KeyIdentity(uint256 at);

    /// @notice An element of the key is not on its curve or not in its group. Counted in words.
    error KeyPoint(uint256 at);

    /// @notice Gamma is delta or its opposite: anyone proves anything.
    error KeyGammaIsDelta();

    /// @notice Delta is the generator or its opposite: nobody contributed.
    error KeyDeltaIsGenerator();

    /// @notice Another verifier speaks for this circuit; retire it first.
    error CircuitTaken(bytes32 circuit, bytes32 keyHash);

    /// @notice No verifier speaks for this circuit.
    error CircuitUnknown(bytes32 circuit);

    /// @notice The statement was accepted before for this consumer.
    error StatementSeen(bytes32 statement, address consumer);

    /// @notice Registers a verifier, having looked at its key.
    /// @dev The key is what the verifier says it is: who registers compares the verifier's code with the generated one.
    /// @param transcript Hash of the ceremony's transcript; zero for a development key.
    function register(IVerifier verifier, bytes32 transcript) external;

    /// @notice Retires a circuit's verifier.
    function retire(bytes32 circuit) external;

    /// @notice Verifies a proof and accepts its statement, once for each calling contract.
    /// @dev Each consumer has its own statements, so nobody can use one up for another.
    function accept(bytes32 circuit, uint256[8] calldata proof, uint256[] calldata inputs)
        external
        returns (bytes32 statement);

    /// @notice Reverts unless the proof is one of these inputs. Accepts nothing.
    function check(bytes32 circuit, uint256[8] calldata proof, uint256[] calldata inputs) external view;

    /// @notice What is known of a circuit's key; zeros if nothing is.
    function entry(bytes32 circuit) external view returns (Entry memory);

    /// @notice Whether a consumer's statement was accepted.
    function accepted(address consumer, bytes32 statement) external view returns (bool);

    /// @notice The hash of a statement: keccak256(circuit, inputs...).
    function statementOf(bytes32 circuit, uint256[] calldata inputs) external pure returns (bytes32);
}
