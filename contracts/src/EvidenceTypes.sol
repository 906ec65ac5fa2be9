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

/// @title What is known to be anchored, and how recent it is.
abstract contract Anchors is IAnchors {
    /// Longest life of a root, in seconds.
    uint256 public constant MAX_ROOT_LIFE = 90 days;

    struct _Known {
        /// Second of this chain.
        uint64 since;
        /// Second in which its data ended, the latest of them.
        uint64 until;
    }

    mapping(bytes32 stream => mapping(bytes32 digest => _Known)) private _known;

    /// @notice Seconds for which a set's root counts from the end of its period on.
    uint256 public immutable rootLife;

    /// The life of roots is zero or too long.
    error RootLifeRefused(uint256 got, uint256 max);

    constructor(uint256 rootLife_) {
        if (rootLife_ == 0 || rootLife_ > MAX_ROOT_LIFE) revert RootLifeRefused(rootLife_, MAX_ROOT_LIFE);
        rootLife = rootLife_;
    }

    /// @notice Returns the second of this chain in which a root or digest of a stream became known here; zero if it is not.
    function anchoredAt(bytes32 stream, bytes32 digest) public view virtual returns (uint64) {
        return _known[stream][digest].since;
    }

    /// @inheritdoc IAnchors
    /// @dev A device's sessions are the stream of its number (docs/devices.md).
    function isDigestAnchored(uint256 device, uint256 digest) external view returns (bool) {
        return _known[bytes32(device)][bytes32(digest)].since != 0;
    }

    /// @inheritdoc IAnchors
    /// @dev By the data's time: an old root does not become recent by being shown again.
    function isRootRecent(bytes32 set, uint256 root) external view returns (bool) {
        uint64 until = _known[set][bytes32(root)].until;
        return until != 0 && block.timestamp <= uint256(until) + rootLife;
    }

    /// @dev Keeps the first time: what was anchored does not become younger.
    function _mark(Anchor memory a, uint64 since) internal {
        _markOne(a.stream, a.root, since, a.until / 1_000);
        if (a.digest != a.root) _markOne(a.stream, a.digest, since, a.until / 1_000);
    }

    function _markOne(bytes32 stream, bytes32 digest, uint64 since, uint64 until) private {
        _Known memory known = _known[stream][digest];
        if (known.since == 0) known.since = since;
        if (known.until < until) known.until = until;
        _known[stream][digest] = known;
    }
}
