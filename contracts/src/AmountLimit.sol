// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Token bucket over amounts.
/// @notice Fills with time only: an edit never brings the level up, neither by a larger capacity nor by a faster rate
///         applied to time that has passed.
library AmountLimit {
    /// More than the bucket holds now.
    error LimitExceeded(uint256 got, uint256 level);
    /// Capacity and rate must not be zero.
    error LimitZero();

    /// @notice A bucket. Two slots, of which `take` writes one.
    struct Bucket {
        /// How much there is at most.
        uint128 capacity;
        /// How much comes back each second.
        uint128 perSecond;
        /// How much there was at `updatedAt`.
        uint128 level;
        /// Seconds; when `level` was written.
        uint64 updatedAt;
    }

    /// @dev Begins full.
    function begin(Bucket storage b, uint128 capacity, uint128 perSecond) internal {
        _configure(b, capacity, perSecond, capacity);
    }

    /// @dev What had come in under the old settings stays, cut to the new capacity.
    function edit(Bucket storage b, uint128 capacity, uint128 perSecond) internal {
        uint256 now_ = available(b);
        // casting to 'uint128' is safe because what is available is at most the old capacity
        // forge-lint: disable-next-line(unsafe-typecast)
        _configure(b, capacity, perSecond, now_ < capacity ? uint128(now_) : capacity);
    }

    function take(Bucket storage b, uint256 amount) internal {
        uint256 now_ = available(b);
        if (amount > now_) revert LimitExceeded(amount, now_);
        // casting to 'uint128' is safe because what is available is at most the capacity
        // forge-lint: disable-next-line(unsafe-typecast)
        (b.level, b.updatedAt) = (uint128(now_ - amount), uint64(block.timestamp));
    }

    function available(Bucket storage b) internal view returns (uint256) {
        uint256 capacity = b.capacity;
        // At most 2^128 + 2^64 * 2^128.
        uint256 filled = uint256(b.level) + (block.timestamp - b.updatedAt) * b.perSecond;
        return filled < capacity ? filled : capacity;
    }

    function _configure(Bucket storage b, uint128 capacity, uint128 perSecond, uint128 level) private {
        if (capacity == 0 || perSecond == 0) revert LimitZero();
        (b.capacity, b.perSecond, b.level) = (capacity, perSecond, level);
        b.updatedAt = uint64(block.timestamp);
    }
}
