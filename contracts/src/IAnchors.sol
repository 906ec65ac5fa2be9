// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Whether a digest of off-chain data is anchored on this chain, and since when.
/// @notice `Evidence` answers for the consortium chain, `EvidenceRoll` for the public one.
interface IAnchors {
    /// @notice Returns the second of this chain in which `digest` was anchored for `stream`, or zero if it is not.
    /// @param stream Feed or device whose data it is of (docs/devices.md).
    /// @param digest Merkle root of a period, or the digest a `session` statement is about.
    function anchoredAt(bytes32 stream, bytes32 digest) external view returns (uint64);
}
