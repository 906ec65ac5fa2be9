// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import {IAnchors} from "./IAnchors.sol";
import {IMeteredToken} from "./IMeteredToken.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";
import {ProofContext} from "./ProofContext.sol";

/// @title Consumer of the statement `sum`.
/// @dev Invariants L107 and L108 in docs/threats.md. Period p is the `length` seconds from p * length on; the context of
///      its proof has p as its round. Of a set with more meters than the circuit has, whoever comes first chooses which
///      are summed: admit exactly as many.
contract MeteredToken is ERC20, IMeteredToken {
    bytes32 private constant CIRCUIT = keccak256("sum-8-10");
    bytes32 private constant DOMAIN = keccak256("causeway/sum/1");

    /// @notice What a token is made for.
    struct Config {
        IVerifierRegistry registry;
        IAnchors anchors;
        bytes32 set;
        address beneficiary;
        uint64 length;
        uint64 unit;
    }

    /// Which verifier is believed.
    IVerifierRegistry public immutable registry;
    /// Which sets of meters are on record.
    IAnchors public immutable anchors;
    /// Name of the meters' set at `anchors`.
    bytes32 public immutable set;
    /// Who gets what is minted.
    address public immutable beneficiary;
    /// Seconds of a period.
    uint64 public immutable length;
    /// Smallest units minted for each unit metered.
    uint64 public immutable unit;

    mapping(uint64 period => bool) public minted;

    constructor(string memory name_, string memory symbol_, Config memory config) ERC20(name_, symbol_) {
        bool zero = address(config.registry) == address(0) || address(config.anchors) == address(0) || config.set == 0
            || config.beneficiary == address(0) || config.length == 0 || config.unit == 0;
        if (zero) revert ConfigZero();
        (registry, anchors, set) = (config.registry, config.anchors, config.set);
        (beneficiary, length, unit) = (config.beneficiary, config.length, config.unit);
    }

    /// @inheritdoc IMeteredToken
    function mint(uint64 period, uint256 set_, uint256 total, uint256 digest, uint256[8] calldata proof) external {
        uint256 endsAt = (uint256(period) + 1) * length;
        if (block.timestamp < endsAt) revert PeriodNotOver(period, block.timestamp, endsAt);
        if (minted[period]) revert PeriodMinted(period);
        if (!anchors.isRootRecent(set, set_)) revert RootNotRecent(set_);
        minted[period] = true;

        uint256[] memory inputs = new uint256[](4);
        inputs[0] = ProofContext.here(DOMAIN, bytes32(uint256(period)));
        inputs[1] = set_;
        inputs[2] = total;
        inputs[3] = digest;
        bytes32 statement = registry.accept(CIRCUIT, proof, inputs);
        uint256 amount = total * unit;
        emit Metered(period, total, amount, set_, digest, statement);
        _mint(beneficiary, amount);
    }
}
