// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {FeedConfig, ReportSignatures} from "./FeedTypes.sol";
import {IAnchors} from "./IAnchors.sol";
import {IFeedAggregator} from "./IFeedAggregator.sol";

/// @notice Readings of a device that follow each other without a gap, and the digest a statement `session` is about.
struct DeviceSession {
    /// The device's id.
    bytes32 device;
    /// Of the key that signed them.
    uint32 keyNumber;
    /// Sequence numbers of the first and the last: every one in between is there, too.
    uint64 first;
    uint64 last;
    /// Poseidon digest over number, times and values (docs/circuits.md).
    uint256 digest;
}

/// @title Sessions of a feed's devices, on record on the word of a quorum of the feed's operators.
/// @notice An operator signs what its own archive holds, readings that the device's key signed and nothing left out. Whoever
///         brings the signatures pays for it and has no say in it. One set of signatures is good for both chains.
/// @dev Invariants L160..L162 in docs/threats.md. Every event bears the next number, from 0.
interface IDeviceSessions is IAnchors {
    /// @notice A session is on record under the device's number.
    event SessionRecorded(
        uint64 indexed number, uint256 indexed device, uint256 indexed digest, DeviceSession session, uint32 signers
    );

    /// The aggregator is zero.
    error ConfigZero();
    /// Field `field` makes no sense: 0 device, 1 key number, 2 first, 3 last, 4 digest.
    error SessionRefused(uint256 field);
    /// This is not the configuration in force.
    error ConfigWrong(bytes32 got, bytes32 expected);
    /// It is on record already: nothing is left to do.
    error SessionKnown(uint256 device, uint256 digest);
    /// Bits that are no operators', or signatures that are not one for each bit.
    error SignersWrong(uint32 signers, uint256 length);
    /// Fewer than 2f + 1 of 3f + 1 operators signed.
    error QuorumMissing(uint256 got, uint256 needed);
    /// The signature is not this operator's over this session.
    error SignatureNotOf(uint256 place, address expected);

    /// @notice Puts a session on record. Anyone may bring it.
    /// @param config The feed's configuration in force on this chain: it names the operators.
    function record(FeedConfig calldata config, DeviceSession calldata session, ReportSignatures calldata signatures)
        external
        returns (uint256 device);

    /// @notice Returns a device's number in statements: of 253 bits, so it is an element of the field.
    function numberOf(bytes32 device) external view returns (uint256);

    /// @notice Returns what operators sign.
    function sessionDigestOf(bytes32 configDigest, DeviceSession calldata session) external pure returns (bytes32);

    /// @notice Returns the second in which a session came on record; zero if it is not.
    function recordedAt(uint256 device, uint256 digest) external view returns (uint256);

    /// @notice Returns the number the next event will bear.
    function events() external view returns (uint64);

    /// @notice Returns the aggregator whose operators are believed.
    function aggregator() external view returns (IFeedAggregator);
}
