// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Strict RLP reader over calldata.
/// @dev Canonical encodings only: no single byte below 0x80 with a prefix, no long form for what fits a short one, no
///      leading zero in a length. Positions are absolute in calldata; callers pass the end of what they may read. Items
///      of more than 65,535 bytes are refused: neither trie nodes nor headers are that long.
library CalldataRlp {
    /// Not canonical RLP, or longer than what holds it.
    error RlpMalformed(uint256 position);

    /// @dev Reads the item that begins at `at` and must end at or before `limit`: where its content begins, where it ends.
    function bounds(uint256 at, uint256 limit) internal pure returns (uint256 payload, uint256 end, bool isList) {
        if (at >= limit) revert RlpMalformed(at);
        // Calldata positions are far below 2^64 and lengths below 2^16: no sum can overflow.
        unchecked {
            uint256 head = word(at);
            uint256 prefix = head >> 248;
            if (prefix < 0x80) return (at, at + 1, false);
            isList = prefix >= 0xc0;
            uint256 length = prefix - (isList ? 0xc0 : 0x80);
            payload = at + 1;
            if (length > 55) (payload, length) = _long(at, length - 55, head);
            end = payload + length;
            if (end > limit) revert RlpMalformed(at);
            // One byte below 0x80 stands for itself.
            if (prefix == 0x81 && (head >> 240) & 0xff < 0x80) revert RlpMalformed(at);
        }
    }

    /// @dev Reads an unsigned number of at most `width` bytes, without leading zeros; zero is the empty string.
    function number(uint256 at, uint256 limit, uint256 width) internal pure returns (uint256 value, uint256 end) {
        uint256 payload;
        bool isList;
        (payload, end, isList) = bounds(at, limit);
        uint256 length = end - payload;
        if (isList || length > width) revert RlpMalformed(at);
        if (length == 0) return (0, end);
        value = word(payload) >> (256 - 8 * length);
        if (value >> (8 * (length - 1)) == 0) revert RlpMalformed(at); // a leading zero, or zero as a byte
    }

    /// @dev Returns the 32 bytes at a position. Beyond calldata's end they are zero, which no caller takes for content:
    ///      bounds are checked first.
    function word(uint256 at) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(at)
        }
    }

    function _long(uint256 at, uint256 width, uint256 head) private pure returns (uint256 payload, uint256 length) {
        unchecked {
            // Lengths of one or two bytes, the shortest form that holds them.
            if (width > 2) revert RlpMalformed(at);
            length = width == 1 ? (head >> 240) & 0xff : (head >> 232) & 0xffff;
            if (length < (width == 1 ? 56 : 256)) revert RlpMalformed(at);
            payload = at + 1 + width;
        }
    }
}
