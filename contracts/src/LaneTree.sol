// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @title Append-only Merkle trees over the items of a lane, and paths in them.
/// @notice Neighbours are paired level by level, the last of an odd number goes up as it is (docs/messages.md).
/// @dev Own instead of OpenZeppelin's `MerkleTree`: no hashes of empty subtrees (32 for each root there), a root that says
///      how many leaves there are, and paths for a range of leaves.
library LaneTree {
    /// The path has hashes that are not used, or too few.
    error PathLength(uint256 got, uint256 needed);
    /// The path's leaf is not one of the tree's.
    error LeafUnknown(uint256 index, uint256 count);
    /// Leaf and path do not give the tree's peak.
    error PeakWrong(bytes32 got, bytes32 expected);

    /// @dev Levels of the highest tree: 2^63 leaves and more never come.
    uint256 internal constant LEVELS = 64;

    /// @dev Adds leaf number `count`: joins it with the complete subtrees to its left.
    function append(bytes32[64] storage peaks, uint64 count, bytes32 leaf) internal {
        uint256 level = 0;
        for (uint256 rest = count; rest & 1 == 1; rest >>= 1) {
            leaf = Hashes.efficientKeccak256(peaks[level], leaf);
            ++level;
        }
        peaks[level] = leaf;
    }

    /// @dev What remains of `count` leaves, at least one.
    function top(bytes32[64] storage peaks, uint64 count) internal view returns (bytes32 acc) {
        uint256 level = 0;
        for (uint256 rest = count; rest != 0; rest >>= 1) {
            if (rest & 1 == 1) {
                bytes32 peak = peaks[level];
                // No hash is zero: zero means that this is the first peak.
                acc = acc == 0 ? peak : Hashes.efficientKeccak256(peak, acc);
            }
            ++level;
        }
    }

    /// @dev What remains of `width` leaves of which `nodes` are those from number `lo` on. Overwrites `nodes`.
    function rangeTop(bytes32[] memory nodes, uint256 lo, uint256 width, bytes32[] calldata path)
        internal
        pure
        returns (bytes32)
    {
        uint256 length = nodes.length;
        uint256 used = 0;
        // At most 64 rounds: the width is halved in each.
        while (width > 1) {
            (uint256 from, uint256 to) = (0, 0);
            if (lo & 1 == 1) {
                nodes[0] = Hashes.efficientKeccak256(_next(path, used++), nodes[0]);
                (from, to) = (1, 1);
            }
            for (; from + 1 < length; from += 2) {
                nodes[to++] = Hashes.efficientKeccak256(nodes[from], nodes[from + 1]);
            }
            if (from < length) {
                bool alone = lo + length == width;
                nodes[to++] = alone ? nodes[from] : Hashes.efficientKeccak256(nodes[from], _next(path, used++));
            }
            (length, lo, width) = (to, lo >> 1, (width + 1) >> 1);
        }
        if (used != path.length) revert PathLength(path.length, used);
        return nodes[0];
    }

    /// @dev Reverts unless `leaf` is leaf number `index` of the tree of `count` leaves.
    function checkPeak(bytes32[64] storage peaks, uint64 count, uint64 index, bytes32 leaf, bytes32[] calldata path)
        internal
        view
    {
        if (index >= count) revert LeafUnknown(index, count);
        // The highest bit in which they differ is set in `count`: there the index has left the tree's edge.
        uint256 level = 0;
        while ((uint256(index) ^ count) >> (level + 1) != 0) ++level;
        if (path.length != level) revert PathLength(path.length, level);
        for (uint256 i = 0; i < level; ++i) {
            bool right = (index >> i) & 1 == 1;
            leaf = right ? Hashes.efficientKeccak256(path[i], leaf) : Hashes.efficientKeccak256(leaf, path[i]);
        }
        if (leaf != peaks[level]) revert PeakWrong(leaf, peaks[level]);
    }

    function _next(bytes32[] calldata path, uint256 index) private pure returns (bytes32) {
        if (index >= path.length) revert PathLength(path.length, index + 1);
        return path[index];
    }
}
