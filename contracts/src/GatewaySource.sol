// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

import {BoundedCall} from "./BoundedCall.sol";
import {GatewayLanes} from "./GatewayLanes.sol";
import {IGateway} from "./IGateway.sol";
import {IMessageHooks} from "./IMessageHooks.sol";
import {LaneTree} from "./LaneTree.sol";
import {Checkpoint} from "./LightClientTypes.sol";
import {Item, ItemKind, Message, MessageLib, Outcome, SentState} from "./MessageTypes.sol";
import {Bucket, RateLimit} from "./RateLimit.sol";

/// @title The gateway as a source: sending, and how what was sent ends.
/// @notice -- sent --/-- pending --/-- acknowledged, or timed out --
abstract contract GatewaySource is GatewayLanes {
    using LaneTree for bytes32[64];
    using RateLimit for Bucket;

    /// @inheritdoc IGateway
    uint256 public constant MAX_PAYLOAD = 8_192;
    /// @inheritdoc IGateway
    uint256 public constant MAX_LIFETIME = 30 days;
    /// @inheritdoc IGateway
    uint256 public constant DEFAULT_LIFETIME = 1 days;
    /// @inheritdoc IGateway
    uint256 public constant MAX_MESSAGE_GAS = 8_000_000;
    /// @inheritdoc IGateway
    uint256 public constant DEFAULT_MESSAGE_GAS = 200_000;
    /// @inheritdoc IGateway
    uint256 public constant HOOK_GAS = 200_000;

    bytes4 private constant _DEADLINE = bytes4(keccak256("deadline(uint64)"));
    bytes4 private constant _GAS_LIMIT = bytes4(keccak256("gasLimit(uint64)"));
    bytes4 private constant _ORDERED = bytes4(keccak256("ordered()"));
    bytes4 private constant _RAW_CALL = bytes4(keccak256("rawCall()"));
    bytes4 private constant _NOTIFY_SENDER = bytes4(keccak256("notifySender()"));

    /// What the attributes of a message ask for.
    struct _Wishes {
        uint64 deadline;
        uint64 gasLimit;
        bool ordered;
        uint8 flags;
    }

    /// -- HERE --/-- pending --
    /// @inheritdoc IERC7786GatewaySource
    function sendMessage(bytes calldata recipient, bytes calldata payload, bytes[] calldata attributes)
        external
        payable
        returns (bytes32 sendId)
    {
        if (msg.value != 0) revert ValueRefused(msg.value);
        if (payload.length > MAX_PAYLOAD) revert PayloadLong(payload.length, MAX_PAYLOAD);
        (uint256 chainId, address to) = _parse(recipient);
        _Wishes memory w = _read(attributes);
        uint32 lane = chainId > type(uint64).max ? 0 : _laneTo[uint64(chainId)][w.ordered];
        if (lane == 0) revert NoLaneTo(chainId, w.ordered);
        _Lane storage l = _running(lane);
        // M17: what a frozen client lets nobody answer is not sent.
        l.client.checkNotFrozen();
        _takeOutward(lane, l);
        bytes[] memory bodies = new bytes[](1);
        bodies[0] = MessageLib.pack(Message(w.flags, w.deadline, w.gasLimit, msg.sender, to, payload));
        sendId = _append(lane, l, ItemKind.Message, bodies, 1);
        bytes memory sender = InteroperableAddress.formatEvmV1(block.chainid, msg.sender);
        emit MessageSent(sendId, sender, recipient, payload, 0, attributes);
    }

    /// -- pending --/-- HERE: after the deadline --
    /// @inheritdoc IGateway
    function timeOut(
        uint32 lane,
        uint64 index,
        bytes calldata body,
        bytes32[] calldata path,
        Checkpoint calldata checkpoint,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external nonReentrant {
        _Lane storage l = _running(lane);
        Message memory m = MessageLib.unpack(body);
        bytes32 id = MessageLib.leaf(_outwardDomain(lane, l), index, ItemKind.Message, keccak256(body));
        l.peaks.checkPeak(l.count, index, id, path);
        SentState state = _sentState(lane, index);
        if (state != SentState.Pending) revert MessageEnded(lane, index, state);
        // M13: strictly later, so that no later block can still set the bit.
        if (checkpoint.timestamp <= m.deadline) revert TimeOutTooEarly(checkpoint.timestamp, m.deadline);
        (bytes32 slot, uint256 bit) = deliveredSlot(lane, index);
        uint256 word = l.client.slotAt(checkpoint, l.remoteGateway, slot, accountProof, storageProof);
        if (word & bit != 0) revert MessageDelivered(lane, index);
        _endSent(lane, index, SentState.TimedOut);
        emit MessageTimedOut(lane, index, id);
        _notify(id, m, abi.encodeCall(IMessageHooks.onTimedOut, (id)));
    }

    /// -- acknowledged, or timed out --/-- HERE --
    /// @inheritdoc IGateway
    function runHook(bytes32 messageId, address sender, bytes calldata data) external nonReentrant {
        bytes32 kept = _failedHook[messageId];
        if (kept == 0 || kept != keccak256(abi.encode(sender, data))) revert HookUnknown(messageId);
        delete _failedHook[messageId];
        (bool ok, bytes memory reason) = BoundedCall.call(sender, gasleft(), data, _MAX_REASON);
        if (!ok) revert HookFails(messageId, reason);
        emit HookRun(messageId, sender);
    }

    /// @inheritdoc IERC7786GatewaySource
    function supportsAttribute(bytes4 selector) external pure returns (bool) {
        return selector == _DEADLINE || selector == _GAS_LIMIT || selector == _ORDERED || selector == _RAW_CALL
            || selector == _NOTIFY_SENDER;
    }

    /// How much of a failure's reason is kept in an event or error.
    uint256 internal constant _MAX_REASON = 256;

    /// M12: ends the message an ack is about. Returns false when that was done before.
    function _acknowledge(uint32 lane, _Lane storage l, Item calldata item) internal returns (bool) {
        (uint64 index, bytes32 id, Outcome outcome, bytes calldata result) = MessageLib.unpackAck(item.body);
        if (index >= l.count) revert MessageUnknown(lane, index);
        bytes32 expected = MessageLib.leaf(_outwardDomain(lane, l), index, ItemKind.Message, keccak256(item.message));
        if (id != expected) revert AckOfAnother(index, id, expected);
        SentState state = _sentState(lane, index);
        if (state == SentState.Acknowledged) return false;
        // The other chain said both that it was delivered and that it was not: nothing more is believed of it here.
        if (state != SentState.Pending) revert MessageEnded(lane, index, state);
        _endSent(lane, index, SentState.Acknowledged);
        emit MessageAcknowledged(lane, index, id, outcome, result);
        bool success = outcome == Outcome.Executed;
        Message memory m = MessageLib.unpack(item.message);
        _notify(id, m, abi.encodeCall(IMessageHooks.onAcknowledged, (id, success, result)));
        return true;
    }

    /// M14: a hook that fails is kept and holds up nothing.
    function _notify(bytes32 id, Message memory m, bytes memory data) private {
        if (m.flags & MessageLib.NOTIFY_SENDER == 0 || m.sender.code.length == 0) return;
        (bool ok,) = BoundedCall.callExactly(m.sender, HOOK_GAS, data, 0);
        if (ok) return;
        _failedHook[id] = keccak256(abi.encode(m.sender, data));
        emit HookFailed(id, m.sender, data);
    }

    function _takeOutward(uint32 lane, _Lane storage l) private {
        Bucket memory bucket = l.outward;
        uint256 level = bucket.available();
        if (level == 0) revert RateLimited(lane, 1, 0);
        l.outward = bucket.take(level, 1);
    }

    /// One form only: leading zeros or bytes behind would make many names of one account.
    function _parse(bytes calldata recipient) private pure returns (uint256 chainId, address to) {
        bool ok;
        (ok, chainId, to) = InteroperableAddress.tryParseEvmV1Calldata(recipient);
        bool same = ok && keccak256(InteroperableAddress.formatEvmV1(chainId, to)) == keccak256(recipient);
        if (!same || to == address(0)) revert RecipientMalformed(recipient);
    }

    function _read(bytes[] calldata attributes) private view returns (_Wishes memory w) {
        w.deadline = uint64(block.timestamp + DEFAULT_LIFETIME);
        w.gasLimit = uint64(DEFAULT_MESSAGE_GAS);
        uint256 seen;
        // At most six rounds: five attributes, and the one that comes twice or is none of them.
        for (uint256 i = 0; i < attributes.length; ++i) {
            bytes calldata a = attributes[i];
            uint256 bit = _readOne(w, a);
            if (seen & bit != 0) revert AttributeTwice(bytes4(a));
            seen |= bit;
        }
        // M2: the deadline lies ahead, and not beyond what anybody would wait for.
        uint256 max = block.timestamp + MAX_LIFETIME;
        if (w.deadline <= block.timestamp || w.deadline > max) {
            revert DeadlineRefused(w.deadline, block.timestamp + 1, max);
        }
        if (w.gasLimit == 0 || w.gasLimit > MAX_MESSAGE_GAS) revert GasLimitRefused(w.gasLimit, MAX_MESSAGE_GAS);
    }

    function _readOne(_Wishes memory w, bytes calldata a) private pure returns (uint256 bit) {
        bytes4 selector = bytes4(a);
        if (selector == _DEADLINE) (w.deadline, bit) = (_argument(a), 1);
        else if (selector == _GAS_LIMIT) (w.gasLimit, bit) = (_argument(a), 2);
        else if (selector == _ORDERED) (w.ordered, bit) = (true, 4);
        else if (selector == _RAW_CALL) (w.flags, bit) = (w.flags | MessageLib.RAW_CALL, 8);
        else if (selector == _NOTIFY_SENDER) (w.flags, bit) = (w.flags | MessageLib.NOTIFY_SENDER, 16);
        else revert UnsupportedAttribute(selector);
        if (bit > 2 && a.length != 4) revert AttributeMalformed(selector);
    }

    function _argument(bytes calldata a) private pure returns (uint64) {
        if (a.length != 36) revert AttributeMalformed(bytes4(a));
        uint256 value = uint256(bytes32(a[4:]));
        if (value > type(uint64).max) revert AttributeMalformed(bytes4(a));
        return uint64(value);
    }
}
