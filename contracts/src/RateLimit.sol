// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice So many at once, so many more each second.
struct Bucket {
    uint32 capacity;
    uint32 refill;
    uint32 level;
    uint40 settledAt;
}

/// @title Token buckets whose edits never refill them.
/// @dev The level is what was left at `settledAt`. An edit settles at the old rate first and then cuts to the new capacity.
library RateLimit {
    /// @dev A full bucket.
    function open(uint32 capacity, uint32 refill) internal view returns (Bucket memory) {
        return Bucket(capacity, refill, capacity, uint40(block.timestamp));
    }

    /// @dev What could be taken now.
    function available(Bucket memory b) internal view returns (uint256) {
        // 32 bits times 40 bits: no overflow.
        uint256 level = uint256(b.level) + uint256(b.refill) * (block.timestamp - b.settledAt);
        return level < b.capacity ? level : b.capacity;
    }

    /// @dev Takes `count` of `level`, which is `available`; the caller has compared them.
    function take(Bucket memory b, uint256 level, uint256 count) internal view returns (Bucket memory) {
        return Bucket(b.capacity, b.refill, uint32(level - count), uint40(block.timestamp));
    }

    /// @dev New limits; what may pass now does not grow.
    function edit(Bucket memory b, uint32 capacity, uint32 refill) internal view returns (Bucket memory) {
        uint256 level = available(b);
        return Bucket(capacity, refill, level < capacity ? uint32(level) : capacity, uint40(block.timestamp));
    }
}
