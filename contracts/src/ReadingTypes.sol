// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DeviceId, FeedId} from "./DeviceTypes.sol";

/// @notice One reading, as its device signs it (docs/devices.md).
struct Reading {
    /// Number of the device's keys.
    uint32 keyNumber;
    /// 1, 2, .. for each device, feed and key.
    uint64 sequence;
    /// Milliseconds since 1970.
    uint64 time;
    /// In units of the feed's last decimal.
    int64 value;
    DeviceId device;
    FeedId feed;
    /// Digest of the reading before; zero for the first.
    bytes32 previous;
}

/// @notice A reading with its hardware key's signature.
struct SignedReading {
    Reading reading;
    bytes32 r;
    bytes32 s;
}

/// @notice How a device contradicted itself.
enum Offence {
    /// Two readings of one number.
    Equivocation,
    /// A reading that does not name the one before.
    BrokenLink,
    /// A first reading that names one before.
    FalseStart
}

/// @notice What of readings can be judged without any other data.
library ReadingLib {
    /// The readings are not of one device, feed and key.
    error ReadingsUnrelated();
    /// The readings do not contradict each other.
    error ReadingsConsistent(uint64 first, uint64 second);

    bytes4 private constant _TAG = "CWR1";
    /// The beginning of a COSE_Sign1 `Sig_structure` with {1: -7}, no external data and a payload of 128 bytes.
    bytes private constant _PREFIX = hex"846a5369676e61747572653143a10126405880";

    /// @dev What the device signs, and what its next reading names.
    function digest(Reading memory r) internal pure returns (bytes32) {
        bytes memory head = abi.encodePacked(_PREFIX, _TAG, r.keyNumber, r.sequence, r.time, r.value);
        return sha256(abi.encodePacked(head, r.device, r.feed, r.previous));
    }

    /// @dev What two readings of one device, given in the order of their numbers, show against it.
    function offence(Reading memory a, bytes32 digestA, Reading memory b, bytes32 digestB)
        internal
        pure
        returns (Offence)
    {
        if (a.device != b.device || a.feed != b.feed || a.keyNumber != b.keyNumber) revert ReadingsUnrelated();
        if (a.sequence == b.sequence && digestA != digestB) return Offence.Equivocation;
        if (a.sequence == 1 && a.previous != 0) return Offence.FalseStart;
        // A number whose next one does not exist is followed by nothing.
        bool next = a.sequence != type(uint64).max && a.sequence + 1 == b.sequence;
        if (next && b.previous != digestA) return Offence.BrokenLink;
        revert ReadingsConsistent(a.sequence, b.sequence);
    }
}
