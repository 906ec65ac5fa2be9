// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAnchors} from "./IAnchors.sol";

/// @title Anchors on the word of one owner: for the local profile and for tests.
/// @notice Whoever relies on it trusts the owner for what was measured and who is admitted.
contract OwnedAnchors is IAnchors {
    /// @notice A digest of readings is on record for a device.
    event DigestAnchored(uint256 indexed device, uint256 indexed digest);

    /// @notice A root of a set counts until `until`, seconds.
    event RootAnchored(bytes32 indexed set, uint256 indexed root, uint256 until);

    /// @notice A root of a set counts no more: somebody in it was revoked.
    event RootDropped(bytes32 indexed set, uint256 indexed root);

    /// @notice The owner or the life of roots is zero.
    error ConfigZero();

    /// @notice Only the owner anchors.
    error CallerNotOwner(address got, address expected);

    /// @notice Zero is no digest, root or device.
    error AnchorZero();

    /// @notice Who anchors.
    address public immutable owner;
    /// @notice Seconds for which a root counts.
    uint256 public immutable rootLife;

    mapping(uint256 device => mapping(uint256 digest => bool)) private _digests;
    mapping(bytes32 set => mapping(uint256 root => uint256 until)) private _roots;

    constructor(address owner_, uint256 rootLife_) {
        if (owner_ == address(0) || rootLife_ == 0) revert ConfigZero();
        owner = owner_;
        rootLife = rootLife_;
    }

    modifier onlyOwner() {
        if (msg.sender != owner) revert CallerNotOwner(msg.sender, owner);
        _;
    }

    /// @notice Puts a digest on record for a device.
    function anchorDigest(uint256 device, uint256 digest) external onlyOwner {
        if (device == 0 || digest == 0) revert AnchorZero();
        _digests[device][digest] = true;
        emit DigestAnchored(device, digest);
    }

    /// @notice Lets a root count for `rootLife` from now.
    function anchorRoot(bytes32 set, uint256 root) external onlyOwner {
        if (set == 0 || root == 0) revert AnchorZero();
        uint256 until = block.timestamp + rootLife;
        _roots[set][root] = until;
        emit RootAnchored(set, root, until);
    }

    /// @notice Lets a root count no more, at once.
    function dropRoot(bytes32 set, uint256 root) external onlyOwner {
        delete _roots[set][root];
        emit RootDropped(set, root);
    }

    /// @inheritdoc IAnchors
    function isDigestAnchored(uint256 device, uint256 digest) external view returns (bool) {
        return _digests[device][digest];
    }

    /// @inheritdoc IAnchors
    function isRootRecent(bytes32 set, uint256 root) external view returns (bool) {
        return block.timestamp <= _roots[set][root];
    }
}
