// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IEventHub, Subscription} from "../src/IEventHub.sol";
import {GatewayTest} from "./support/GatewayTest.sol";
import {Taker} from "./support/Recipients.sol";

/// Is told by a call of its own function.
contract Counter {
    address public emitter;
    bytes32 public topic;
    uint64 public sequence;
    bytes public data;

    function onEvent(address emitter_, bytes32 topic_, uint64 sequence_, bytes calldata data_) external {
        (emitter, topic, sequence, data) = (emitter_, topic_, sequence_, data_);
    }
}

/// A published event arrives on the other chain with no person in between: L29.
contract EventHubTest is GatewayTest {
    bytes32 private constant _TOPIC = "price";
    IEventHub private _hub;
    Taker private _taker;
    Counter private _counter;

    function setUp() public override {
        super.setUp();
        _hub = IEventHub(deploy("EventHub", abi.encode(address(a.gateway))));
        (_taker, _counter) = (new Taker(), new Counter());
    }

    function _to(address who, bytes4 selector) private pure returns (Subscription memory) {
        return Subscription(address(0), at(AWAY, who), selector, 300_000, 1 hours, false);
    }

    function test_L29_an_event_reaches_every_subscriber() external {
        _hub.subscribe(CAROL, _TOPIC, _to(address(_taker), 0));
        _hub.subscribe(CAROL, _TOPIC, _to(address(_counter), Counter.onEvent.selector));
        vm.prank(CAROL);
        eq(_hub.publish(_TOPIC, "42"), 2, "sent");

        deliverToB(LANE, 0, 2);

        eq(keccak256(_taker.lastPayload()), keccak256(abi.encode(CAROL, _TOPIC, uint64(0), bytes("42"))), "message");
        eq(keccak256(_taker.lastSender()), keccak256(at(HOME, address(_hub))), "from the hub");
        eq(_counter.emitter(), CAROL, "call");
        eq(keccak256(_counter.data()), keccak256("42"), "data");
    }

    function test_L29_nobody_publishes_for_another() external {
        _hub.subscribe(CAROL, _TOPIC, _to(address(_taker), 0));
        eq(_hub.publish(_TOPIC, "mine"), 0, "another topic of the same name");
    }

    function test_L29_a_topic_has_sixteen_subscriptions_at_most() external {
        for (uint256 i = 0; i < 16; ++i) {
            _hub.subscribe(CAROL, _TOPIC, _to(address(_taker), 0));
        }
        vm.expectRevert(abi.encodeWithSelector(IEventHub.TopicFull.selector, 16));
        _hub.subscribe(CAROL, _TOPIC, _to(address(_taker), 0));
    }

    function test_L29_a_curator_keeps_a_topic_clear_of_strangers() external {
        uint64 id = _hub.subscribe(CAROL, _TOPIC, _to(address(_taker), 0));
        vm.prank(CAROL);
        _hub.setCurator(_TOPIC, GUARDIAN);
        vm.expectRevert(abi.encodeWithSelector(IEventHub.SubscriberRefused.selector, address(this), GUARDIAN));
        _hub.subscribe(CAROL, _TOPIC, _to(address(_taker), 0));
        vm.prank(GUARDIAN);
        _hub.unsubscribe(CAROL, _TOPIC, id);
        (uint64[] memory ids,) = _hub.subscriptions(CAROL, _TOPIC);
        eq(ids.length, 0, "none");
        vm.expectRevert(abi.encodeWithSelector(IEventHub.SubscriptionUnknown.selector, id));
        _hub.unsubscribe(CAROL, _TOPIC, id);
    }

    function test_L29_a_bad_subscription_silences_nobody_else() external {
        Subscription memory bad = _to(address(_taker), 0);
        bad.recipient = at(5, address(_taker));
        _hub.subscribe(CAROL, _TOPIC, bad);
        bad = _to(address(_taker), 0);
        bad.gasLimit = type(uint64).max;
        _hub.subscribe(CAROL, _TOPIC, bad);
        _hub.subscribe(CAROL, _TOPIC, _to(address(_taker), 0));
        vm.prank(CAROL);
        eq(_hub.publish(_TOPIC, "42"), 1, "the good one");
    }

    function test_V6_empty_subscriptions_are_refused() external {
        Subscription memory s = _to(address(_taker), 0);
        s.recipient = "";
        _refused(s, 0);
        s.recipient = new bytes(65);
        _refused(s, 0);
        s = _to(address(_taker), 0);
        s.gasLimit = 0;
        _refused(s, 1);
        s.gasLimit = 1;
        s.lifetime = 0;
        _refused(s, 2);
        s.lifetime = type(uint64).max;
        _refused(s, 2);
    }

    function _refused(Subscription memory s, uint256 field) private {
        vm.expectRevert(abi.encodeWithSelector(IEventHub.SubscriptionRefused.selector, field));
        _hub.subscribe(CAROL, _TOPIC, s);
    }

    /// The caller of a publisher cannot leave out a subscriber by giving little gas.
    function testFuzz_L29_with_any_gas_all_are_told_or_none(uint32 gas_) external {
        for (uint256 i = 0; i < 3; ++i) {
            _hub.subscribe(address(this), _TOPIC, _to(address(_taker), 0));
        }
        try _hub.publish{gas: within(gas_, 30_000, 900_000)}(_TOPIC, "42") returns (uint256 sent) {
            eq(sent, 3, "all");
        } catch {}
    }
}
