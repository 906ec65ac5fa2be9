// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAdministered} from "./IAdministered.sol";

/// @notice One validator of the chain.
struct Validator {
    /// Address of the secp256k1 key whose signatures are its votes.
    address vote;
    /// ed25519 key by which the other validators know it on the network.
    bytes32 network;
    /// `host:port` where it listens.
    string endpoint;
}

/// @title Who validates this chain, epoch by epoch.
/// @notice Epoch = block number / epoch length. The set of epoch e + 1 is what was scheduled last by the end of the last
///         block of e, or else the set of e. A transaction meant for e + 1 that is included only in a block of e + 1
///         therefore takes effect in e + 2: nothing ever changes within an epoch.
/// @dev Invariants L13..L15 in docs/threats.md.
interface IValidatorSet is IAdministered {
    /// @notice `validators` will validate from `epoch` on, unless scheduled again before it begins.
    event Scheduled(uint64 indexed epoch, bytes32 setHash, Validator[] validators);

    /// The constructor's administrator or epoch length is zero.
    error ConfigZero();
    /// Only the administrator schedules.
    error CallerNotAdministrator(address got, address expected);
    /// A set has MIN_VALIDATORS..MAX_VALIDATORS members.
    error SetSizeRefused(uint256 got, uint256 min, uint256 max);
    /// Member `index` has a zero vote address or network key.
    error KeyZero(uint256 index);
    /// Members `first` and `second` share a vote address or network key.
    error KeyTwice(uint256 first, uint256 second);
    /// The endpoint of member `index` is empty or longer than MAX_ENDPOINT bytes.
    error EndpointLength(uint256 index, uint256 got, uint256 max);
    /// Nothing is known of epochs after the next.
    error EpochUnknown(uint64 got, uint64 max);

    /// @notice Sets who validates from the next epoch on; the last call in an epoch wins. By the administrator.
    function schedule(Validator[] calldata next) external;

    /// @notice Returns the validators of an epoch, in the order of their index in certificates.
    /// @dev Up to the next epoch; the next one's may change until the current epoch's last block.
    function at(uint64 epoch) external view returns (Validator[] memory);

    /// @notice Returns `keccak256(abi.encode(uint64 epoch, address[] votes))`, which light clients store.
    function setHash(uint64 epoch) external view returns (bytes32);

    /// @notice Returns `keccak256` of the packed 20-byte vote addresses of the set scheduled last: the next epoch's set at
    ///         the end of an epoch. Independent of the epoch's number; other chains prove it by its slot.
    function votesHash() external view returns (bytes32);

    /// @notice Returns the storage slot of `votesHash`. Fixed for ever.
    function VOTES_HASH_SLOT() external view returns (bytes32);

    /// @notice Returns the number of blocks in an epoch.
    function epochLength() external view returns (uint64);

    /// @notice Returns the epoch of this block.
    function currentEpoch() external view returns (uint64);

    /// @notice Returns the smallest size of a set: 3f + 1 with f = 1.
    function MIN_VALIDATORS() external view returns (uint256);

    /// @notice Returns the largest size of a set.
    function MAX_VALIDATORS() external view returns (uint256);

    /// @notice Returns the longest endpoint in bytes.
    function MAX_ENDPOINT() external view returns (uint256);
}
