// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAnchors} from "./IAnchors.sol";

/// @notice What is anchored of one stream's data in one period.
struct Anchor {
    /// Feed or device.
    bytes32 stream;
    /// 0, 1, 2, .. for each stream.
    uint64 period;
    /// Milliseconds since 1970: the period begins with `from` and ends before `until`.
    uint64 from;
    uint64 until;
    /// How many readings.
    uint64 count;
    /// Merkle root over them.
    bytes32 root;
    /// Digest of all of them in their order: the running digest, or the one a `session` statement is about.
    bytes32 digest;
}

/// @notice Leaves of the tree over all anchors; its shape is that of docs/messages.md.
library AnchorLib {
    bytes32 private constant _LEAF_TAG = keccak256("causeway.evidence.anchor.v1");

    /// @dev 288 bytes go in, a node has 64: neither passes for the other.
    function leaf(Anchor memory anchor, uint64 index) internal pure returns (bytes32) {
        return keccak256(abi.encode(_LEAF_TAG, index, anchor));
    }
}

/// @title What is known to be anchored.
abstract contract Anchors is IAnchors {
    mapping(bytes32 stream => mapping(bytes32 digest => uint64 second)) private _anchored;

    /// @inheritdoc IAnchors
    function anchoredAt(bytes32 stream, bytes32 digest) external view returns (uint64) {
        return _anchored[stream][digest];
    }

    /// @dev Keeps the first time: what was anchored does not become younger.
    function _mark(Anchor memory a, uint64 second) internal {
        if (_anchored[a.stream][a.root] == 0) _anchored[a.stream][a.root] = second;
        if (_anchored[a.stream][a.digest] == 0) _anchored[a.stream][a.digest] = second;
    }
}
