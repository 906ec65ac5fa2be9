// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice When an answer is an alarm. Independent of what is plausible: an alarm never silences the feed.
struct AlarmBand {
    /// Answers within both are calm; beyond one of them they breach.
    int128 low;
    int128 high;
    /// How far within the band an answer must be to end an alarm.
    uint128 hysteresis;
    /// Seconds of data that must breach, or be calm, without interruption before the alarm is raised, or cleared.
    uint32 duration;
}

/// @notice How a feed is made. Its digest is part of what operators sign, so a change ends all reports under way.
struct FeedConfig {
    /// 3f + 1 accounts in ascending order, 20 bytes each; bit i of a bitmap is the one at place i.
    bytes operators;
    /// What is plausible: other observations are not made, and other answers not accepted.
    int128 min;
    int128 max;
    AlarmBand alarm;
    /// By how much, in units of the last decimal, an observation must differ from the last answer to begin a round.
    uint128 deviation;
    /// Seconds after the last answer when a round begins anyway.
    uint32 heartbeat;
    /// Seconds after the last answer when the feed may be called stale.
    uint32 staleAfter;
}

/// @notice What a round came to. The same bytes are accepted by both chains.
struct Report {
    uint32 round;
    /// Seconds since 1970: the time of the data.
    uint40 observedAt;
    /// Whose observations these are, one bit each.
    uint32 observers;
    /// 16 bytes each, two's complement, in ascending order of their values.
    bytes observations;
}

/// @notice A quorum's signatures under a report.
struct ReportSignatures {
    /// Whose these are, one bit each.
    uint32 signers;
    /// `r | vs` (EIP-2098), 64 bytes each, in the order of the bits.
    bytes signatures;
}

/// @title Whether an answer changes an alarm (rules F12, F13 of docs/oracle.md).
library FeedAlarm {
    /// @dev `since`: when what would change `raised` began, zero while it has not. Answers come about in the order of their time.
    function next(AlarmBand calldata band, bool raised, uint40 since, int128 answer, uint40 at)
        internal
        pure
        returns (bool raisedNow, uint40 sinceNow)
    {
        // Sums of an int128 and a uint128 fit an int256.
        int256 h = raised ? int256(uint256(band.hysteresis)) : int256(0);
        bool inside = answer >= band.low + h && answer <= band.high - h;
        if (inside != raised) return (raised, 0);
        sinceNow = since == 0 ? at : since;
        // The first time may be a little ahead of the next one.
        return uint256(at) >= uint256(sinceNow) + band.duration ? (!raised, 0) : (raised, sinceNow);
    }
}
