// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

import {IEventHub, Subscription} from "./IEventHub.sol";

/// @title Triggers: a contract publishes, contracts of other chains are called, and no person is in between.
/// @dev At most MAX_SUBSCRIPTIONS messages for one event. A message the gateway refuses is left out with an event, so that
///      one bad subscription silences nobody else.
contract EventHub is IEventHub {
    /// @inheritdoc IEventHub
    uint256 public constant MAX_SUBSCRIPTIONS = 16;
    /// @inheritdoc IEventHub
    uint256 public constant MAX_RECIPIENT = 64;
    /// @inheritdoc IEventHub
    uint256 public constant MAX_DATA = 4_096;
    /// @inheritdoc IEventHub
    uint256 public constant MAX_LIFETIME = 30 days;

    /// @inheritdoc IEventHub
    address public immutable gateway;

    struct _Topic {
        address curator;
        uint64 sequence;
        uint64[] ids;
        mapping(uint64 id => Subscription) subscriptions;
    }

    uint64 private _lastId;
    mapping(address emitter => mapping(bytes32 topic => _Topic)) private _topics;

    constructor(address gateway_) {
        if (gateway_ == address(0)) revert GatewayZero();
        gateway = gateway_;
    }

    /// @inheritdoc IEventHub
    function setCurator(bytes32 topic, address curator) external {
        _topics[msg.sender][topic].curator = curator;
        emit CuratorSet(msg.sender, topic, curator);
    }

    /// @inheritdoc IEventHub
    function subscribe(address emitter, bytes32 topic, Subscription calldata s) external returns (uint64 id) {
        _Topic storage t = _topics[emitter][topic];
        if (t.curator != address(0) && !_decides(t, emitter)) revert SubscriberRefused(msg.sender, t.curator);
        if (t.ids.length >= MAX_SUBSCRIPTIONS) revert TopicFull(MAX_SUBSCRIPTIONS);
        if (s.recipient.length == 0 || s.recipient.length > MAX_RECIPIENT) revert SubscriptionRefused(0);
        if (s.gasLimit == 0) revert SubscriptionRefused(1);
        if (s.lifetime == 0 || s.lifetime > MAX_LIFETIME) revert SubscriptionRefused(2);
        id = ++_lastId;
        t.ids.push(id);
        t.subscriptions[id] = Subscription(msg.sender, s.recipient, s.selector, s.gasLimit, s.lifetime, s.ordered);
        emit Subscribed(emitter, topic, id, t.subscriptions[id]);
    }

    /// @inheritdoc IEventHub
    function unsubscribe(address emitter, bytes32 topic, uint64 id) external {
        _Topic storage t = _topics[emitter][topic];
        address subscriber = t.subscriptions[id].subscriber;
        if (subscriber == address(0)) revert SubscriptionUnknown(id);
        if (msg.sender != subscriber && !_decides(t, emitter)) revert SubscriberRefused(msg.sender, t.curator);
        delete t.subscriptions[id];
        uint256 last = t.ids.length - 1;
        // At most MAX_SUBSCRIPTIONS rounds; the order of the others is kept but for the last one.
        for (uint256 i = 0; i < last; ++i) {
            if (t.ids[i] == id) t.ids[i] = t.ids[last];
        }
        t.ids.pop();
        emit Unsubscribed(emitter, topic, id);
    }

    /// @inheritdoc IEventHub
    function publish(bytes32 topic, bytes calldata data) external returns (uint256 sent) {
        if (data.length > MAX_DATA) revert DataLong(data.length, MAX_DATA);
        _Topic storage t = _topics[msg.sender][topic];
        uint64 sequence = t.sequence++;
        emit Published(msg.sender, topic, sequence, data);
        bytes memory told = abi.encode(msg.sender, topic, sequence, data);
        for (uint256 i = 0; i < t.ids.length; ++i) {
            if (_trigger(t.subscriptions[t.ids[i]], t.ids[i], sequence, told)) ++sent;
        }
    }

    /// @inheritdoc IEventHub
    function subscriptions(address emitter, bytes32 topic)
        external
        view
        returns (uint64[] memory ids, Subscription[] memory list)
    {
        _Topic storage t = _topics[emitter][topic];
        ids = t.ids;
        list = new Subscription[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            list[i] = t.subscriptions[ids[i]];
        }
    }

    /// @inheritdoc IEventHub
    function sequenceOf(address emitter, bytes32 topic) external view returns (uint64) {
        return _topics[emitter][topic].sequence;
    }

    /// @inheritdoc IEventHub
    function curatorOf(address emitter, bytes32 topic) external view returns (address) {
        return _topics[emitter][topic].curator;
    }

    function _decides(_Topic storage t, address emitter) private view returns (bool) {
        return msg.sender == emitter || msg.sender == t.curator;
    }

    function _trigger(Subscription storage s, uint64 id, uint64 sequence, bytes memory told) private returns (bool) {
        bytes memory payload = s.selector == 0 ? told : bytes.concat(s.selector, told);
        try IERC7786GatewaySource(gateway).sendMessage(s.recipient, payload, _attributes(s)) returns (bytes32 sendId) {
            emit Triggered(id, sequence, sendId);
            return true;
        } catch (bytes memory reason) {
            // The gateway gives a reason for all it refuses; no reason means it ran out of gas.
            if (reason.length == 0) revert PublishGasTooLow(id);
            emit TriggerRefused(id, sequence, reason);
            return false;
        }
    }

    function _attributes(Subscription storage s) private view returns (bytes[] memory list) {
        list = new bytes[](2 + (s.selector == 0 ? 0 : 1) + (s.ordered ? 1 : 0));
        list[0] = abi.encodeWithSignature("deadline(uint64)", uint64(block.timestamp) + s.lifetime);
        list[1] = abi.encodeWithSignature("gasLimit(uint64)", s.gasLimit);
        uint256 next = 2;
        if (s.selector != 0) list[next++] = abi.encodeWithSignature("rawCall()");
        if (s.ordered) list[next] = abi.encodeWithSignature("ordered()");
    }
}
