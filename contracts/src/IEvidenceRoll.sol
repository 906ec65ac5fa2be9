// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

import {Anchor} from "./EvidenceTypes.sol";
import {IAnchors} from "./IAnchors.sol";

/// @title What the public chain knows of the consortium's anchors: roots over all of them, and those that were shown.
/// @notice -- root told by the Gateway --/-- anchors shown against it, by anyone, at any time --
/// @dev Invariants L92, L93 in docs/threats.md. Nobody has a privilege here. Every event bears the next number, from 0.
interface IEvidenceRoll is IERC7786Recipient, IAnchors {
    /// @notice The root over the consortium's first `count` anchors is known.
    event RollKnown(uint64 indexed number, uint64 indexed count, bytes32 top);
    /// @notice An anchor was shown; its root and digest count as anchored since the root over it was known.
    event AnchorShown(uint64 indexed number, uint64 indexed index, bytes32 indexed stream, Anchor anchor, uint64 since);

    /// Field `field` of the configuration makes no sense: 0 gateway, 1 consortium chain, 2 evidence.
    error RollConfigRefused(uint256 field);
    /// Only the Gateway delivers.
    error CallerNotGateway(address got, address expected);
    /// The message is not from the one `Evidence` on the one chain.
    error SenderNotEvidence(bytes got);
    /// Messages bring no money.
    error ValueRefused(uint256 got);
    /// Nothing is anchored, or the root is zero.
    error RollEmpty(uint64 count, bytes32 top);
    /// No such root was told.
    error RollUnknown(uint64 count, bytes32 top);
    /// The anchor is not one of so many, or its path leads elsewhere.
    error AnchorNotShown(uint64 index, bytes32 got, bytes32 expected);

    /// @notice Shows an anchor against a known root. May be repeated.
    /// @param path Hashes beside it, from the leaf up (docs/messages.md).
    function show(uint64 count, bytes32 top, uint64 index, Anchor calldata anchor, bytes32[] calldata path) external;

    /// @notice Returns since when a root is known here; zero if it is not.
    function knownSince(uint64 count, bytes32 top) external view returns (uint64);

    /// @notice Returns the second of this chain in which a root or digest of a stream became known here; zero if it is not.
    function anchoredAt(bytes32 stream, bytes32 digest) external view returns (uint64);

    /// @notice Returns the number the next event will bear.
    function events() external view returns (uint64);
}
