// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice A final block of the other chain, as far as proofs hang on it. A client keeps only its hash:
///         `keccak256(abi.encode(checkpoint))`.
struct Checkpoint {
    /// Number of the block.
    uint64 height;
    /// Seconds since the Unix epoch.
    uint64 timestamp;
    /// Root of the state after the block.
    bytes32 stateRoot;
}

/// @notice A quorum's votes that a block is final.
struct Certificate {
    /// Epoch of the votes: block number / epoch length.
    uint64 epoch;
    /// View of the votes.
    uint64 viewNumber;
    /// View of the parent.
    uint64 parentView;
    /// Bit i is set when validator i of the epoch's set has signed.
    uint256 signers;
    /// `r | s | v` of each signer in ascending order of its index, 65 bytes each; v is 27 or 28, s low.
    bytes signatures;
}

using CheckpointLib for Checkpoint global;

/// @notice Hash of a checkpoint.
library CheckpointLib {
    /// @dev `keccak256(abi.encode(checkpoint))`; a client stores nothing else.
    function hash(Checkpoint memory c) internal pure returns (bytes32) {
        return keccak256(abi.encode(c.height, c.timestamp, c.stateRoot));
    }
}
