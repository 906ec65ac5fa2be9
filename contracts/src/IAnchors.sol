// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title What is on record about off-chain data: digests of readings, and sets of who is admitted.
/// @notice Contracts that act on proofs ask here whether what a proof speaks of is what was put on record. Who may put it
///         there, and on whose word, is the implementation's to say.
interface IAnchors {
    /// @notice Whether this digest of readings was anchored for this device.
    function isDigestAnchored(uint256 device, uint256 digest) external view returns (bool);

    /// @notice Whether this is a root of the set that still counts. Sets are named apart, so that a thermometer's place
    ///         in one is none in the set of meters.
    function isRootRecent(bytes32 set, uint256 root) external view returns (bool);
}
