// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {Administered} from "./Administered.sol";
import {CallExecutor} from "./CallExecutor.sol";
import {ICallExecutor} from "./ICallExecutor.sol";
import {IGateway} from "./IGateway.sol";
import {ILightClient} from "./ILightClient.sol";
import {LaneTree} from "./LaneTree.sol";
import {ItemKind, LaneConfig, MessageLib, SentState} from "./MessageTypes.sol";
import {Bucket, RateLimit} from "./RateLimit.sol";

/// @title Lanes of a gateway: how they are opened, limited, paused, read, and how items are appended.
/// @dev INVARIANT: `_roots` and `_delivered` are the first variables in storage and stay there: the other chain proves
///      their slots (`rootSlot`, `deliveredSlot`; test/GatewayStorage.t.sol).
abstract contract GatewayLanes is IGateway, Administered, Multicall, ReentrancyGuardTransient {
    using LaneTree for bytes32[64];
    using RateLimit for Bucket;

    /// A lane, as few slots as can be: settings, then what a sending writes, then what a delivery writes.
    struct _Lane {
        ILightClient client;
        uint64 remoteChainId;
        bool ordered;
        bool paused;
        address remoteGateway;
        // ---- one slot
        uint64 count;
        Bucket outward;
        // ---- one slot
        uint64 next;
        Bucket inward;
        bytes32[64] peaks;
    }

    uint256 private constant _ROOTS = 0;
    uint256 private constant _DELIVERED = 1;
    /// Precompiles and system contracts of either chain live below.
    uint160 private constant _SYSTEM_RANGE = type(uint64).max;

    mapping(uint32 lane => bytes32) private _roots;
    mapping(uint32 lane => mapping(uint256 word => uint256)) internal _delivered;

    mapping(uint32 lane => _Lane) internal _lanes;
    mapping(uint64 chainId => mapping(bool ordered => uint32 lane)) internal _laneTo;
    /// One more than the height of the checkpoint that proved it; 0 for what was not.
    mapping(uint32 lane => mapping(bytes32 root => uint256)) internal _rootProved;
    mapping(uint32 lane => mapping(uint64 index => bytes32 messageId)) internal _failed;
    /// Two bits for each outbound item: `SentState`.
    mapping(uint32 lane => mapping(uint256 word => uint256)) private _sent;
    mapping(bytes32 messageId => bytes32) internal _failedHook;
    mapping(address target => bool) private _denied;

    /// @inheritdoc IGateway
    address public immutable guardian;
    /// @inheritdoc IGateway
    ICallExecutor public immutable executor;

    constructor(address administrator_, address guardian_, address[] memory denied) {
        if (administrator_ == address(0)) revert ConfigZero(0);
        if (guardian_ == address(0)) revert ConfigZero(1);
        guardian = guardian_;
        _setAdministrator(administrator_);
        executor = new CallExecutor();
        for (uint256 i = 0; i < denied.length; ++i) {
            if (denied[i] == address(0)) revert ConfigZero(2);
            _deny(denied[i]);
        }
    }

    modifier onlyAdministrator() {
        address expected = administrator();
        if (msg.sender != expected) revert CallerRefused(msg.sender, expected);
        _;
    }

    // ---- configuration

    /// @inheritdoc IGateway
    function openLane(LaneConfig calldata c) external onlyAdministrator {
        _checkConfig(c);
        _checkRemote(c);
        if (_lanes[c.lane].remoteChainId != 0 || _laneTo[c.remoteChainId][c.ordered] != 0) revert LaneKnown(c.lane);
        _Lane storage l = _lanes[c.lane];
        (l.client, l.remoteChainId, l.ordered) = (ILightClient(c.client), c.remoteChainId, c.ordered);
        l.remoteGateway = c.remoteGateway;
        l.outward = RateLimit.open(c.capacity, c.refill);
        l.inward = RateLimit.open(c.capacity, c.refill);
        _laneTo[c.remoteChainId][c.ordered] = c.lane;
        if (!_denied[c.client]) _deny(c.client);
        emit LaneOpened(c.lane, c.remoteChainId, c.remoteGateway, c.client, c.ordered);
        emit LimitChanged(c.lane, c.capacity, c.refill);
    }

    /// @inheritdoc IGateway
    function setLimit(uint32 lane, uint32 capacity, uint32 refill) external onlyAdministrator {
        _Lane storage l = _known(lane);
        _checkLimit(capacity, refill);
        l.outward = l.outward.edit(capacity, refill);
        l.inward = l.inward.edit(capacity, refill);
        emit LimitChanged(lane, capacity, refill);
    }

    /// @inheritdoc IGateway
    function denyTarget(address target) external onlyAdministrator {
        _deny(target);
    }

    /// @inheritdoc IGateway
    function pause(uint32 lane) external {
        if (msg.sender != guardian && msg.sender != administrator()) revert CallerRefused(msg.sender, guardian);
        _known(lane).paused = true;
        emit LanePaused(lane, msg.sender);
    }

    /// @inheritdoc IGateway
    function unpause(uint32 lane) external onlyAdministrator {
        _known(lane).paused = false;
        emit LaneUnpaused(lane);
    }

    // ---- reading

    /// @inheritdoc IGateway
    function laneOf(uint32 lane) external view returns (LaneConfig memory config, bool paused) {
        _Lane storage l = _known(lane);
        config = LaneConfig(
            lane, l.remoteChainId, l.remoteGateway, address(l.client), l.ordered, l.inward.capacity, l.inward.refill
        );
        paused = l.paused;
    }

    /// @inheritdoc IGateway
    function laneTo(uint64 remoteChainId, bool ordered) external view returns (uint32) {
        return _laneTo[remoteChainId][ordered];
    }

    /// @inheritdoc IGateway
    function outbound(uint32 lane) external view returns (uint64 count, bytes32 root) {
        return (_known(lane).count, _roots[lane]);
    }

    /// @inheritdoc IGateway
    function peaks(uint32 lane) external view returns (bytes32[] memory list) {
        _Lane storage l = _known(lane);
        list = new bytes32[](LaneTree.LEVELS);
        for (uint256 level = 0; level < LaneTree.LEVELS; ++level) {
            if ((l.count >> level) & 1 == 1) list[level] = l.peaks[level];
        }
    }

    /// @inheritdoc IGateway
    function nextInbound(uint32 lane) external view returns (uint64) {
        return _known(lane).next;
    }

    /// @inheritdoc IGateway
    function rootKnown(uint32 lane, bytes32 root) external view returns (bool) {
        return _rootProved[lane][root] > _known(lane).client.believedFrom();
    }

    /// @inheritdoc IGateway
    function delivered(uint32 lane, uint64 index) external view returns (bool) {
        return (_delivered[lane][index >> 8] >> (index & 255)) & 1 == 1;
    }

    /// @inheritdoc IGateway
    function failed(uint32 lane, uint64 index) external view returns (bytes32) {
        return _failed[lane][index];
    }

    /// @inheritdoc IGateway
    function sentState(uint32 lane, uint64 index) external view returns (SentState) {
        return _sentState(lane, index);
    }

    /// @inheritdoc IGateway
    function failedHook(bytes32 messageId) external view returns (bytes32) {
        return _failedHook[messageId];
    }

    /// @inheritdoc IGateway
    function available(uint32 lane) external view returns (uint256 outward, uint256 inward) {
        _Lane storage l = _known(lane);
        return (l.outward.available(), l.inward.available());
    }

    /// @inheritdoc IGateway
    function isForbidden(address target) public view returns (bool) {
        return
            uint160(target) <= _SYSTEM_RANGE || target == address(this) || target == address(executor)
                || _denied[target];
    }

    /// @inheritdoc IGateway
    function domains(uint32 lane) external view returns (bytes32 outward, bytes32 inward) {
        _Lane storage l = _known(lane);
        return (_outwardDomain(lane, l), _inwardDomain(lane, l));
    }

    /// @inheritdoc IGateway
    function rootSlot(uint32 lane) public pure returns (bytes32) {
        return keccak256(abi.encode(lane, _ROOTS));
    }

    /// @inheritdoc IGateway
    function deliveredSlot(uint32 lane, uint64 index) public pure returns (bytes32 slot, uint256 bit) {
        slot = keccak256(abi.encode(uint256(index) >> 8, keccak256(abi.encode(lane, _DELIVERED))));
        bit = 1 << (index & 255);
    }

    // ---- for sending and delivering

    /// A lane that is open and runs.
    function _running(uint32 lane) internal view returns (_Lane storage l) {
        l = _known(lane);
        if (l.paused) revert LaneIsPaused(lane);
    }

    function _known(uint32 lane) internal view returns (_Lane storage l) {
        l = _lanes[lane];
        if (l.remoteChainId == 0) revert LaneUnknown(lane);
    }

    /// M1: appends items and stores the new root.
    function _append(uint32 lane, _Lane storage l, ItemKind kind, bytes[] memory bodies, uint256 length)
        internal
        returns (bytes32 leaf)
    {
        bytes32 domain = _outwardDomain(lane, l);
        uint64 count = l.count;
        for (uint256 i = 0; i < length; ++i) {
            leaf = MessageLib.leaf(domain, count, kind, keccak256(bodies[i]));
            l.peaks.append(count, leaf);
            emit ItemAppended(lane, count, kind, bodies[i]);
            ++count;
        }
        l.count = count;
        _roots[lane] = MessageLib.root(domain, count, l.peaks.top(count));
    }

    function _outwardDomain(uint32 lane, _Lane storage l) internal view returns (bytes32) {
        return MessageLib.laneDomain(block.chainid, address(this), l.remoteChainId, l.remoteGateway, lane);
    }

    function _inwardDomain(uint32 lane, _Lane storage l) internal view returns (bytes32) {
        return MessageLib.laneDomain(l.remoteChainId, l.remoteGateway, block.chainid, address(this), lane);
    }

    function _sentState(uint32 lane, uint64 index) internal view returns (SentState) {
        return SentState((_sent[lane][index >> 7] >> (2 * (index & 127))) & 3);
    }

    /// Ends an outbound message; the caller has seen that it is pending.
    function _endSent(uint32 lane, uint64 index, SentState how) internal {
        _sent[lane][index >> 7] |= uint256(how) << (2 * (index & 127));
    }

    // ---- checks

    function _deny(address target) private {
        _denied[target] = true;
        emit TargetDenied(target);
    }

    /// V6: nothing that is zero is accepted.
    function _checkConfig(LaneConfig calldata c) private view {
        if (c.lane == 0) revert LaneConfigRefused(0);
        if (c.remoteChainId == 0 || c.remoteChainId == block.chainid) revert LaneConfigRefused(1);
        if (c.remoteGateway == address(0)) revert LaneConfigRefused(2);
        if (c.client.code.length == 0) revert LaneConfigRefused(3);
        if (ILightClient(c.client).chainId() != c.remoteChainId) revert LaneConfigRefused(3);
        _checkLimit(c.capacity, c.refill);
    }

    function _checkLimit(uint32 capacity, uint32 refill) private pure {
        if (capacity == 0) revert LaneConfigRefused(4);
        if (refill == 0) revert LaneConfigRefused(5);
    }

    /// One gateway and one client for each chain: whoever opens lanes cannot bring in a second, complaisant one.
    function _checkRemote(LaneConfig calldata c) private view {
        uint32 other = _laneTo[c.remoteChainId][!c.ordered];
        if (other == 0) return;
        _Lane storage l = _lanes[other];
        if (l.remoteGateway != c.remoteGateway || address(l.client) != c.client) {
            revert RemoteDiffers(c.remoteChainId, l.remoteGateway, address(l.client));
        }
    }
}
