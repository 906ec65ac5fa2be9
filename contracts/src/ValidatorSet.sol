// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

import {Administered} from "./Administered.sol";
import {IValidatorSet, Validator} from "./IValidatorSet.sol";

/// @title Who validates this chain, epoch by epoch.
/// @dev Invariants L13..L15 in docs/threats.md; each has a test with the same number. Every loop is bounded by
///      MAX_VALIDATORS, looking up an epoch by the logarithm of the changes so far.
contract ValidatorSet is IValidatorSet, Administered {
    using Checkpoints for Checkpoints.Trace160;

    /// @inheritdoc IValidatorSet
    uint256 public constant MIN_VALIDATORS = 4;
    /// @inheritdoc IValidatorSet
    uint256 public constant MAX_VALIDATORS = 101;
    /// @inheritdoc IValidatorSet
    uint256 public constant MAX_ENDPOINT = 64;

    /// @inheritdoc IValidatorSet
    bytes32 public constant VOTES_HASH_SLOT = bytes32(uint256(2));

    /// @inheritdoc IValidatorSet
    uint64 public immutable epochLength;

    /// Sets by the epoch they begin with.
    mapping(uint64 epoch => Validator[]) private _sets;
    /// From which epoch on which set holds: key and value are the epoch of its beginning.
    Checkpoints.Trace160 private _beginnings;
    /// What other chains prove at a handover. INVARIANT: lies in VOTES_HASH_SLOT, behind the two above.
    bytes32 private _votesHash;

    constructor(address administrator_, uint64 epochLength_, Validator[] memory first) {
        if (administrator_ == address(0) || epochLength_ == 0) revert ConfigZero();
        _setAdministrator(administrator_);
        epochLength = epochLength_;
        _begin(0, first);
    }

    modifier onlyAdministrator() {
        address expected = administrator();
        if (msg.sender != expected) revert CallerNotAdministrator(msg.sender, expected);
        _;
    }

    /// @inheritdoc IValidatorSet
    function schedule(Validator[] calldata next) external onlyAdministrator {
        _begin(currentEpoch() + 1, next);
    }

    /// @inheritdoc IValidatorSet
    function at(uint64 epoch) external view returns (Validator[] memory) {
        return _sets[_beginningOf(epoch)];
    }

    /// @inheritdoc IValidatorSet
    function setHash(uint64 epoch) external view returns (bytes32) {
        return _hash(epoch, _sets[_beginningOf(epoch)]);
    }

    /// @inheritdoc IValidatorSet
    function votesHash() external view returns (bytes32) {
        return _votesHash;
    }

    /// @inheritdoc IValidatorSet
    function currentEpoch() public view returns (uint64) {
        return uint64(block.number) / epochLength;
    }

    function _begin(uint64 epoch, Validator[] memory set) private {
        _check(set);
        delete _sets[epoch];
        for (uint256 i = 0; i < set.length; ++i) {
            _sets[epoch].push(set[i]);
        }
        _beginnings.push(epoch, epoch);
        _votesHash = keccak256(_packed(set));
        emit Scheduled(epoch, _hash(epoch, set), set);
    }

    function _beginningOf(uint64 epoch) private view returns (uint64) {
        uint64 max = currentEpoch() + 1;
        if (epoch > max) revert EpochUnknown(epoch, max);
        return uint64(_beginnings.upperLookupRecent(epoch));
    }

    function _check(Validator[] memory set) private pure {
        if (set.length < MIN_VALIDATORS || set.length > MAX_VALIDATORS) {
            revert SetSizeRefused(set.length, MIN_VALIDATORS, MAX_VALIDATORS);
        }
        for (uint256 i = 0; i < set.length; ++i) {
            Validator memory v = set[i];
            if (v.vote == address(0) || v.network == 0) revert KeyZero(i);
            uint256 length = bytes(v.endpoint).length;
            if (length == 0 || length > MAX_ENDPOINT) revert EndpointLength(i, length, MAX_ENDPOINT);
            for (uint256 j = 0; j < i; ++j) {
                if (set[j].vote == v.vote || set[j].network == v.network) revert KeyTwice(j, i);
            }
        }
    }

    function _hash(uint64 epoch, Validator[] memory set) private pure returns (bytes32) {
        address[] memory votes = new address[](set.length);
        for (uint256 i = 0; i < set.length; ++i) {
            votes[i] = set[i].vote;
        }
        return keccak256(abi.encode(epoch, votes));
    }

    /// The vote addresses, 20 bytes each.
    function _packed(Validator[] memory set) private pure returns (bytes memory votes) {
        votes = new bytes(20 * set.length);
        for (uint256 i = 0; i < set.length; ++i) {
            address vote = set[i].vote;
            // Whole words: the next one overwrites the 12 bytes too many, the last one's lie in free memory.
            assembly ("memory-safe") {
                mstore(add(add(votes, 32), mul(i, 20)), shl(96, vote))
            }
        }
    }
}
