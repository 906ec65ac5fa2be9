// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IVerifier} from "./IVerifier.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";

/// @title Which verifier speaks for which circuit, and which statements were accepted (V8).
contract VerifierRegistry is IVerifierRegistry {
    // The generator of G2, imaginary parts first.
    uint256 private constant G2_X1 = 0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2;
    uint256 private constant G2_X0 = 0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed;
    uint256 private constant G2_Y1 = 0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b;
    uint256 private constant G2_Y0 = 0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa;

    // Words of a key.
    uint256 private constant BETA = 2;
    uint256 private constant GAMMA = 6;
    uint256 private constant DELTA = 10;
    uint256 private constant POINTS = 14;

    /// Who registers and retires.
    address public immutable administrator;
    /// Whether keys whose secret everybody knows are taken.
    bool public immutable developmentAllowed;

    mapping(bytes32 circuit => Entry) private _entries;
    mapping(address consumer => mapping(bytes32 statement => bool)) private _accepted;

    constructor(address administrator_, bool developmentAllowed_) {
        if (administrator_ == address(0)) revert ConfigZero();
        administrator = administrator_;
        developmentAllowed = developmentAllowed_;
    }

    modifier onlyAdministrator() {
        if (msg.sender != administrator) revert CallerNotAdministrator(msg.sender, administrator);
        _;
    }

    /// @inheritdoc IVerifierRegistry
    function register(IVerifier verifier, bytes32 transcript) external onlyAdministrator {
        bytes32 circuit = verifier.circuit();
        bool development = verifier.development();
        if (development && !developmentAllowed) revert KeyIsDevelopment(circuit);
        if (development != (transcript == 0)) revert TranscriptUnfit(transcript, development);
        Entry storage known = _entries[circuit];
        if (address(known.verifier) != address(0)) revert CircuitTaken(circuit, known.keyHash);
        uint256[] memory words = verifier.key();
        _checkKey(words);
        bytes32 keyHash = keccak256(abi.encodePacked(words));
        _entries[circuit] = Entry(verifier, development, keyHash, transcript);
        emit Registered(circuit, keyHash, verifier, development, transcript);
    }

    /// @inheritdoc IVerifierRegistry
    function retire(bytes32 circuit) external onlyAdministrator {
        bytes32 keyHash = _known(circuit).keyHash;
        delete _entries[circuit];
        emit Retired(circuit, keyHash);
    }

    /// @inheritdoc IVerifierRegistry
    function accept(bytes32 circuit, uint256[8] calldata proof, uint256[] calldata inputs)
        external
        returns (bytes32 statement)
    {
        Entry storage known = _known(circuit);
        statement = statementOf(circuit, inputs);
        if (_accepted[msg.sender][statement]) revert StatementSeen(statement, msg.sender);
        _accepted[msg.sender][statement] = true;
        emit Accepted(statement, circuit, msg.sender, known.keyHash, known.development);
        known.verifier.verify(proof, inputs);
    }

    /// @inheritdoc IVerifierRegistry
    function check(bytes32 circuit, uint256[8] calldata proof, uint256[] calldata inputs) external view {
        _known(circuit).verifier.verify(proof, inputs);
    }

    /// @inheritdoc IVerifierRegistry
    function entry(bytes32 circuit) external view returns (Entry memory) {
        return _entries[circuit];
    }

    /// @inheritdoc IVerifierRegistry
    function accepted(address consumer, bytes32 statement) external view returns (bool) {
        return _accepted[consumer][statement];
    }

    /// @inheritdoc IVerifierRegistry
    function statementOf(bytes32 circuit, uint256[] calldata inputs) public pure returns (bytes32) {
        return keccak256(abi.encodePacked(circuit, inputs));
    }

    function _known(bytes32 circuit) private view returns (Entry storage known) {
        known = _entries[circuit];
        if (address(known.verifier) == address(0)) revert CircuitUnknown(circuit);
    }

    function _checkKey(uint256[] memory words) private view {
        // A point for the constant and at least one input.
        if (words.length < POINTS + 4 || words.length % 2 != 0) revert KeyLength(words.length);
        _checkG1(words, 0);
        _checkG2(words, BETA);
        _checkG2(words, GAMMA);
        _checkG2(words, DELTA);
        for (uint256 at = POINTS; at < words.length; at += 2) {
            _checkG1(words, at);
        }
        uint256[4] memory gamma = [words[GAMMA], words[GAMMA + 1], words[GAMMA + 2], words[GAMMA + 3]];
        if (_sameOrOpposite(words, gamma)) revert KeyGammaIsDelta();
        if (_sameOrOpposite(words, [G2_X1, G2_X0, G2_Y1, G2_Y0])) revert KeyDeltaIsGenerator();
    }

    // What a precompile refuses costs all the gas it is given: about twice what it uses.

    /// On the curve of G1 there is no other group. Adding zero shows whether a point is on it.
    function _checkG1(uint256[] memory words, uint256 at) private view {
        (uint256 x, uint256 y) = (words[at], words[at + 1]);
        if (x == 0 && y == 0) revert KeyIdentity(at);
        (bool good,) = address(6).staticcall{gas: 300}(abi.encode(x, y, 0, 0));
        if (!good) revert KeyPoint(at);
    }

    /// Pairing zero with a point shows whether it is in the group.
    function _checkG2(uint256[] memory words, uint256 at) private view {
        (uint256 x1, uint256 x0, uint256 y1, uint256 y0) = (words[at], words[at + 1], words[at + 2], words[at + 3]);
        if (x1 == 0 && x0 == 0 && y1 == 0 && y0 == 0) revert KeyIdentity(at);
        (bool good,) = address(8).staticcall{gas: 160_000}(abi.encode(0, 0, x1, x0, y1, y0));
        if (!good) revert KeyPoint(at);
    }

    /// Whether delta has this point's first coordinate: then it is the point or its opposite.
    function _sameOrOpposite(uint256[] memory words, uint256[4] memory point) private pure returns (bool) {
        return words[DELTA] == point[0] && words[DELTA + 1] == point[1];
    }
}
