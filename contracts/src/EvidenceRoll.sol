// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

import {Anchor, AnchorLib, Anchors} from "./EvidenceTypes.sol";
import {IEvidenceRoll} from "./IEvidenceRoll.sol";
import {LaneTree} from "./LaneTree.sol";

/// @title What the public chain knows of the consortium's anchors.
contract EvidenceRoll is IEvidenceRoll, Anchors {
    using AnchorLib for Anchor;

    mapping(uint64 count => mapping(bytes32 top => uint64 second)) private _known;
    uint64 private _events;

    address private immutable _gateway;
    uint256 private immutable _consortiumChainId;
    address private immutable _evidence;

    constructor(address gateway, uint256 consortiumChainId, address evidence, uint256 rootLife_) Anchors(rootLife_) {
        if (gateway.code.length == 0) revert RollConfigRefused(0);
        if (consortiumChainId == 0) revert RollConfigRefused(1);
        if (evidence == address(0)) revert RollConfigRefused(2);
        (_gateway, _consortiumChainId, _evidence) = (gateway, consortiumChainId, evidence);
    }

    /// @inheritdoc IERC7786Recipient
    function receiveMessage(bytes32, bytes calldata sender, bytes calldata payload) external payable returns (bytes4) {
        if (msg.sender != _gateway) revert CallerNotGateway(msg.sender, _gateway);
        if (msg.value != 0) revert ValueRefused(msg.value);
        (bool ok, uint256 chain, address from) = InteroperableAddress.tryParseEvmV1Calldata(sender);
        if (!ok || chain != _consortiumChainId || from != _evidence) revert SenderNotEvidence(sender);
        (uint64 count, bytes32 top) = abi.decode(payload, (uint64, bytes32));
        if (count == 0 || top == 0) revert RollEmpty(count, top);
        if (_known[count][top] == 0) {
            _known[count][top] = uint64(block.timestamp);
            emit RollKnown(_events++, count, top);
        }
        return IERC7786Recipient.receiveMessage.selector;
    }

    /// @inheritdoc IEvidenceRoll
    function show(uint64 count, bytes32 top, uint64 index, Anchor calldata anchor, bytes32[] calldata path) external {
        uint64 since = _known[count][top];
        if (since == 0) revert RollUnknown(count, top);
        bytes32[] memory nodes = new bytes32[](1);
        nodes[0] = anchor.leaf(index);
        bytes32 got = index < count ? LaneTree.rangeTop(nodes, index, count, path) : bytes32(0);
        if (got != top) revert AnchorNotShown(index, got, top);
        _mark(anchor, since);
        emit AnchorShown(_events++, index, anchor.stream, anchor, since);
    }

    /// @inheritdoc IEvidenceRoll
    function knownSince(uint64 count, bytes32 top) external view returns (uint64) {
        return _known[count][top];
    }

    /// @inheritdoc IEvidenceRoll
    function anchoredAt(bytes32 stream, bytes32 digest) public view override(Anchors, IEvidenceRoll) returns (uint64) {
        return Anchors.anchoredAt(stream, digest);
    }

    /// @inheritdoc IEvidenceRoll
    function events() external view returns (uint64) {
        return _events;
    }
}
