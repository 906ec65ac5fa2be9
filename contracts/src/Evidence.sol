// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

import {Anchor, AnchorLib, Anchors} from "./EvidenceTypes.sol";
import {IEvidence} from "./IEvidence.sol";
import {LaneTree} from "./LaneTree.sol";

/// @title Roots of off-chain data, period by period, never changed; on the consortium chain.
/// @dev Invariants L90..L93 in docs/threats.md; each has a test with the same number.
contract Evidence is IEvidence, Anchors {
    using AnchorLib for Anchor;
    using LaneTree for bytes32[64];

    struct _Stream {
        address keeper;
        uint64 periods;
        uint64 until;
    }

    mapping(bytes32 stream => _Stream) private _streams;
    bytes32[64] private _peaks;
    uint64 private _count;
    uint64 private _rolledUp;
    uint64 private _events;

    /// @inheritdoc IEvidence
    address public immutable administrator;
    address private immutable _gateway;
    uint256 private immutable _publicChainId;
    address private immutable _roll;

    constructor(address administrator_, address gateway, uint256 publicChainId, address roll, uint256 rootLife_)
        Anchors(rootLife_)
    {
        if (administrator_ == address(0)) revert EvidenceConfigRefused(0);
        if (gateway.code.length == 0) revert EvidenceConfigRefused(1);
        if (publicChainId == 0) revert EvidenceConfigRefused(2);
        if (roll == address(0)) revert EvidenceConfigRefused(3);
        (administrator, _gateway, _publicChainId, _roll) = (administrator_, gateway, publicChainId, roll);
    }

    /// @inheritdoc IEvidence
    function setKeeper(bytes32 stream, address keeper) external {
        if (msg.sender != administrator) revert CallerNotAdministrator(msg.sender, administrator);
        if (stream == 0) revert StreamZero();
        _streams[stream].keeper = keeper;
        emit KeeperSet(_events++, stream, keeper);
    }

    /// @inheritdoc IEvidence
    function anchor(Anchor calldata a) external returns (uint64 index) {
        _Stream storage s = _streams[a.stream];
        if (s.keeper == address(0) || msg.sender != s.keeper) revert CallerNotKeeper(a.stream, msg.sender, s.keeper);
        if (a.period != s.periods) revert PeriodWrong(a.stream, a.period, s.periods);
        uint256 nowAt = block.timestamp * 1_000;
        if (a.from < s.until || a.until <= a.from || a.until > nowAt) {
            revert PeriodTimesRefused(a.from, a.until, s.until, nowAt);
        }
        if (a.count == 0) revert AnchorZero(0);
        if (a.root == 0) revert AnchorZero(1);
        if (a.digest == 0) revert AnchorZero(2);

        (s.periods, s.until) = (a.period + 1, a.until);
        index = _count++;
        _peaks.append(index, a.leaf(index));
        _mark(a, uint64(block.timestamp));
        emit Anchored(_events++, index, a.stream, a);
    }

    /// @inheritdoc IEvidence
    function rollUp() external returns (bytes32 sendId) {
        uint64 count = _count;
        if (count == _rolledUp) revert NothingNew(count);
        _rolledUp = count;
        bytes32 top = _peaks.top(count);
        uint64 number = _events++;
        bytes memory to = InteroperableAddress.formatEvmV1(_publicChainId, _roll);
        sendId = IERC7786GatewaySource(_gateway).sendMessage(to, abi.encode(count, top), new bytes[](0));
        emit RolledUp(number, count, top, sendId);
    }

    /// @inheritdoc IEvidence
    function keeperOf(bytes32 stream) external view returns (address) {
        return _streams[stream].keeper;
    }

    /// @inheritdoc IEvidence
    function nextOf(bytes32 stream) external view returns (uint64 period, uint64 notBefore) {
        return (_streams[stream].periods, _streams[stream].until);
    }

    /// @inheritdoc IEvidence
    function state() external view returns (uint64 count, bytes32 top, uint64 rolledUp) {
        return (_count, _count == 0 ? bytes32(0) : _peaks.top(_count), _rolledUp);
    }

    /// @inheritdoc IEvidence
    function leafOf(Anchor calldata a, uint64 index) external pure returns (bytes32) {
        return a.leaf(index);
    }

    /// @inheritdoc IEvidence
    function anchoredAt(bytes32 stream, bytes32 digest) public view override(Anchors, IEvidence) returns (uint64) {
        return Anchors.anchoredAt(stream, digest);
    }

    /// @inheritdoc IEvidence
    function events() external view returns (uint64) {
        return _events;
    }
}
