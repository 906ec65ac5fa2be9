// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC7786GatewaySource, IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

import {BoundedCall} from "../src/BoundedCall.sol";
import {ICallExecutor} from "../src/ICallExecutor.sol";
import {IGateway} from "../src/IGateway.sol";
import {ILightClient} from "../src/ILightClient.sol";
import {LaneTree} from "../src/LaneTree.sol";
import {Certificate, Checkpoint} from "../src/LightClientTypes.sol";
import {Item, ItemKind, LaneConfig, MessageLib, SentState} from "../src/MessageTypes.sol";
import {GatewayTest} from "./support/GatewayTest.sol";
import {Asker, BadTaker, LightTaker, ReenteringTaker, Taker} from "./support/Recipients.sol";

/// Messages there and results back: M1 to M17, L22 to L30, V3, V5, V6.
abstract contract WithActors is GatewayTest {
    Taker internal taker;
    BadTaker internal bad;
    Asker internal asker;

    function setUp() public virtual override {
        super.setUp();
        (taker, bad, asker) = (new Taker(), new BadTaker(), new Asker(a.gateway));
    }

    function ask(address to, bytes memory payload, bytes[] memory attributes) internal returns (bytes32) {
        home();
        return asker.ask(at(AWAY, to), payload, attributes);
    }

    function notified() internal pure returns (bytes[] memory) {
        return list(wish("notifySender()"));
    }

    function calling() internal pure returns (bytes[] memory) {
        return list(wish("rawCall()"), wish("notifySender()"));
    }

    function state(uint32 lane, uint64 index) internal view returns (uint256) {
        return uint256(a.gateway.sentState(lane, index));
    }
}

contract GatewaySendTest is WithActors {
    function test_V5_items_are_numbered_without_gaps_and_make_the_root() external {
        for (uint256 i = 0; i < 20; ++i) {
            send(CAROL, address(taker), abi.encode(i), none());
            sync();
            (uint64 count, bytes32 root) = a.gateway.outbound(LANE);
            eq(count, i + 1, "count");
            eq(root, rootOf(a.gateway, LANE), "root by the book");
        }
    }

    function test_M1_the_id_is_the_leaf_and_the_event_of_erc7786_is_emitted() external {
        bytes memory recipient = at(AWAY, address(taker));
        vm.expectEmit(false, true, true, false, address(a.gateway));
        emit IERC7786GatewaySource.MessageSent(0, at(HOME, CAROL), recipient, "x", 0, none());
        bytes32 id = send(CAROL, address(taker), "x", none());
        sync();
        eq(id, leaves(a.gateway, LANE)[0], "leaf");
    }

    function test_attributes_are_those_of_the_document() external view {
        string[5] memory known = ["deadline(uint64)", "gasLimit(uint64)", "ordered()", "rawCall()", "notifySender()"];
        for (uint256 i = 0; i < 5; ++i) {
            yes(a.gateway.supportsAttribute(bytes4(keccak256(bytes(known[i])))), known[i]);
        }
        yes(!a.gateway.supportsAttribute(0), "zero");
        yes(a.gateway.supportsAttribute(0x7661663e), "deadline as documented");
    }

    function _refused(bytes memory recipient, bytes memory payload, bytes[] memory w, bytes memory error) private {
        vm.expectRevert(error);
        a.gateway.sendMessage(recipient, payload, w);
    }

    function test_M2_deadlines_behind_or_far_ahead_are_refused() external {
        bytes memory to = at(AWAY, address(taker));
        bytes4 selector = IGateway.DeadlineRefused.selector;
        uint256[4] memory bad_ = [uint256(0), START, START + 30 days + 1, type(uint64).max];
        for (uint256 i = 0; i < 4; ++i) {
            bytes memory error = abi.encodeWithSelector(selector, bad_[i], START + 1, START + 30 days);
            _refused(to, "", list(wish("deadline(uint64)", bad_[i])), error);
        }
        a.gateway.sendMessage(to, "", list(wish("deadline(uint64)", START + 1)));
        a.gateway.sendMessage(to, "", list(wish("deadline(uint64)", START + 30 days)));
    }

    function test_V6_what_is_malformed_is_not_sent() external {
        bytes memory to = at(AWAY, address(taker));
        bytes4 gas = IGateway.GasLimitRefused.selector;
        _refused(to, "", list(wish("gasLimit(uint64)", 0)), abi.encodeWithSelector(gas, 0, 8_000_000));
        _refused(to, "", list(wish("gasLimit(uint64)", 8_000_001)), abi.encodeWithSelector(gas, 8_000_001, 8_000_000));
        _refused(to, new bytes(8193), none(), abi.encodeWithSelector(IGateway.PayloadLong.selector, 8193, 8192));
        bytes4 one = bytes4(keccak256("gasLimit(uint64)"));
        bytes memory w = wish("gasLimit(uint64)", 1);
        _refused(to, "", list(w, w), abi.encodeWithSelector(IGateway.AttributeTwice.selector, one));
        bytes memory long = bytes.concat(w, hex"00");
        _refused(to, "", list(long), abi.encodeWithSelector(IGateway.AttributeMalformed.selector, one));
        w = wish("gasLimit(uint64)", uint256(1) << 64);
        _refused(to, "", list(w), abi.encodeWithSelector(IGateway.AttributeMalformed.selector, one));
        bytes4 unknown = IERC7786GatewaySource.UnsupportedAttribute.selector;
        _refused(to, "", list(hex"deadbeef"), abi.encodeWithSelector(unknown, bytes4(0xdeadbeef)));
        _refused(to, "", list(""), abi.encodeWithSelector(unknown, bytes4(0)));
        bytes[4] memory recipients =
            [at(AWAY, address(0)), bytes.concat(to, hex"00"), bytes(""), hex"000100000300001e16147e57"];
        for (uint256 i = 0; i < 4; ++i) {
            bytes memory error = abi.encodeWithSelector(IGateway.RecipientMalformed.selector, recipients[i]);
            _refused(recipients[i], "", none(), error);
        }
        bytes memory nowhere = abi.encodeWithSelector(IGateway.NoLaneTo.selector, 5, false);
        _refused(at(5, address(taker)), "", none(), nowhere);
        vm.expectRevert(abi.encodeWithSelector(IGateway.ValueRefused.selector, 1));
        vm.deal(address(this), 1);
        a.gateway.sendMessage{value: 1}(to, "", none());
    }
}

contract GatewayDeliverTest is WithActors {
    function test_M4_a_message_is_delivered_with_its_sender_and_id() external {
        bytes32 id = send(CAROL, address(taker), "hello", none());

        deliverToB(LANE, 0, 1);

        eq(taker.taken(), 1, "taken");
        eq(taker.lastId(), id, "id");
        eq(keccak256(taker.lastSender()), keccak256(at(HOME, CAROL)), "sender");
        eq(keccak256(taker.lastPayload()), keccak256("hello"), "payload");
        yes(b.gateway.delivered(LANE, 0), "bit");
    }

    function test_M11_the_result_of_a_call_comes_back() external {
        bytes32 id = ask(address(taker), abi.encodeCall(Taker.add, (2, 40)), calling());
        deliverToB(LANE, 0, 1);

        deliverToA(LANE, 0, 1);

        eq(state(LANE, 0), uint256(SentState.Acknowledged), "ended");
        eq(asker.acknowledged(), 1, "hook");
        eq(asker.lastId(), id, "id");
        yes(asker.lastSuccess(), "success");
        eq(abi.decode(asker.lastResult(), (uint256)), 42, "result");
    }

    function test_M11_a_called_contract_can_ask_who_calls() external {
        ICallExecutor executor = b.gateway.executor();
        bytes32 id = ask(address(taker), abi.encodeCall(Taker.whoCalls, (executor)), calling());
        deliverToB(LANE, 0, 1);
        deliverToA(LANE, 0, 1);

        (uint64 chain, address sender, bytes32 got) = abi.decode(asker.lastResult(), (uint64, address, bytes32));
        eq(chain, HOME, "chain");
        eq(sender, address(asker), "sender");
        eq(got, id, "id");
        vm.expectRevert(abi.encodeWithSelector(ICallExecutor.NoCallRunning.selector));
        executor.origin();
    }

    function test_L24_only_its_gateway_moves_an_executor() external {
        ICallExecutor executor = b.gateway.executor();
        vm.expectRevert(
            abi.encodeWithSelector(ICallExecutor.CallerNotGateway.selector, address(this), address(b.gateway))
        );
        executor.execute(HOME, CAROL, bytes32(uint256(1)), address(taker), 1, true, "");
    }

    /// Every range of every tree of up to nine items.
    function test_M4_every_range_has_a_path() external {
        for (uint256 total = 1; total <= 9; ++total) {
            send(CAROL, address(taker), abi.encode(total), none());
            for (uint256 first = 0; first < total; ++first) {
                for (uint256 count = 1; first + count <= total; ++count) {
                    deliverToB(LANE, first, count);
                }
            }
        }
        eq(taker.taken(), 9, "each once");
    }

    function testFuzz_M4_ranges_of_larger_trees_have_paths(uint8 total_, uint8 first_, uint8 count_) external {
        uint256 total = within(total_, 1, 40);
        for (uint256 i = 0; i < total; ++i) {
            send(CAROL, address(taker), abi.encode(i), none());
        }
        uint256 first = within(first_, 0, total - 1);
        uint256 count = within(count_, 1, total - first);

        deliverToB(LANE, first, count);

        eq(taker.taken(), count, "taken");
    }
}

/// Delivers what is not so.
contract ForgingRelayer is WithActors {
    bytes32 private _root;
    bytes32[] private _all;

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < 5; ++i) {
            send(CAROL, address(taker), abi.encode(i), none());
        }
        sync();
        _root = proveToB(LANE);
        _all = leaves(a.gateway, LANE);
        away();
    }

    function _deliver(bytes32 root, uint64 count, uint64 first, Item[] memory some, bytes32[] memory path) private {
        b.gateway.deliver(LANE, root, count, first, some, path);
    }

    function test_V3_a_root_that_was_not_proved_is_unknown() external {
        bytes32[] memory path = rangePath(_all, 0, 1);
        Item[] memory one = items(a.gateway, LANE, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(IGateway.RootUnknown.selector, LANE, keccak256("mine")));
        _deliver(keccak256("mine"), 5, 0, one, path);
        // Proved on one lane is not proved on the other.
        vm.expectRevert(abi.encodeWithSelector(IGateway.RootUnknown.selector, ORDERED, _root));
        b.gateway.deliver(ORDERED, _root, 5, 0, one, path);
    }

    /// Nomad: an empty root counted as proved.
    function test_V6_a_zero_root_is_refused_at_proof_and_at_delivery() external {
        bytes32 slot = a.gateway.rootSlot(ORDERED);
        (Checkpoint memory c, bytes[] memory account, bytes[] memory storage_) = certified(a, b, 1, slot);
        vm.expectRevert(abi.encodeWithSelector(IGateway.RootZero.selector));
        b.gateway.proveRoot(ORDERED, c, account, storage_);

        Item[] memory one = items(a.gateway, LANE, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(IGateway.RootZero.selector));
        _deliver(0, 5, 0, one, new bytes32[](0));
    }

    function test_V3_a_proof_at_an_uncertified_checkpoint_is_refused() external {
        bytes32 slot = a.gateway.rootSlot(LANE);
        (bytes32 root, bytes[] memory account, bytes[] memory storage_) = stateWith(address(a.gateway), slot, 666);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.CheckpointUnknown.selector, 77));
        b.gateway.proveRoot(LANE, Checkpoint(77, uint64(START), root), account, storage_);
    }

    function test_L22_changed_items_are_refused() external {
        Item[] memory one = items(a.gateway, LANE, 2, 1);
        bytes32[] memory path = rangePath(_all, 2, 1);
        for (uint256 i = 0; i < one[0].body.length; i += 13) {
            one[0].body[i] ^= 0x01;
            vm.expectPartialRevert(IGateway.PathWrong.selector);
            _deliver(_root, 5, 2, one, path);
            one[0].body[i] ^= 0x01;
        }
        one[0].kind = ItemKind.Ack; // a message read as the result of a message
        vm.expectPartialRevert(IGateway.PathWrong.selector);
        _deliver(_root, 5, 2, one, path);
    }

    function test_L22_items_at_another_place_count_or_order_are_refused() external {
        Item[] memory two = items(a.gateway, LANE, 2, 2);
        bytes32[] memory path = rangePath(_all, 2, 2);
        vm.expectPartialRevert(IGateway.PathWrong.selector);
        _deliver(_root, 5, 0, two, path);
        vm.expectPartialRevert(IGateway.PathWrong.selector);
        _deliver(_root, 6, 2, two, path);
        (two[0], two[1]) = (two[1], two[0]);
        vm.expectPartialRevert(IGateway.PathWrong.selector);
        _deliver(_root, 5, 2, two, path);
        vm.expectRevert(abi.encodeWithSelector(IGateway.ItemsRefused.selector, 4, 2, 5));
        _deliver(_root, 5, 4, two, path);
        vm.expectRevert(abi.encodeWithSelector(IGateway.ItemsRefused.selector, type(uint64).max, 2, 5));
        _deliver(_root, 5, type(uint64).max, two, path);
    }

    function test_V6_no_items_are_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IGateway.ItemsRefused.selector, 0, 0, 5));
        _deliver(_root, 5, 0, new Item[](0), _all);
        vm.expectRevert(abi.encodeWithSelector(IGateway.ItemsRefused.selector, 0, 257, 300));
        _deliver(_root, 300, 0, new Item[](257), _all);
    }

    function test_L22_paths_truncated_with_surplus_or_re_ordered_are_refused() external {
        Item[] memory one = items(a.gateway, LANE, 2, 1);
        bytes32[] memory path = rangePath(_all, 2, 1);
        vm.expectRevert(abi.encodeWithSelector(LaneTree.PathLength.selector, 2, 3));
        _deliver(_root, 5, 2, one, cut(path, 2));
        bytes32[] memory longer = new bytes32[](4);
        for (uint256 i = 0; i < 3; ++i) {
            longer[i] = path[i];
        }
        vm.expectRevert(abi.encodeWithSelector(LaneTree.PathLength.selector, 4, 3));
        _deliver(_root, 5, 2, one, longer);
        (path[0], path[1]) = (path[1], path[0]);
        vm.expectPartialRevert(IGateway.PathWrong.selector);
        _deliver(_root, 5, 2, one, path);
    }

    /// A node of the tree is not a leaf, and bare leaves deliver nothing.
    function test_L22_a_bare_leaf_executes_nothing() external {
        Item[] memory some = items(a.gateway, LANE, 0, 2);
        some[0] = Item(ItemKind.Leaf, abi.encode(_all[0]), "");
        _deliver(_root, 5, 0, some, rangePath(_all, 0, 2));
        eq(taker.taken(), 1, "only the other");
        yes(!b.gateway.delivered(LANE, 0), "not delivered");

        some[0].body = hex"00";
        vm.expectRevert(abi.encodeWithSelector(IGateway.ItemMalformed.selector, 0));
        _deliver(_root, 5, 0, some, rangePath(_all, 0, 2));
    }

    function testFuzz_L22_no_invented_item_is_delivered(
        bytes calldata body,
        uint64 first,
        uint64 count,
        bytes32[] calldata path
    ) external {
        Item[] memory one = new Item[](1);
        one[0] = Item(ItemKind.Message, body, "");
        vm.expectRevert();
        _deliver(_root, count, first, one, path);
    }

    /// Wormhole: what judges a proof was given by the caller. Here the client is the lane's, and opened once.
    function test_L23_nobody_brings_a_client_or_a_gateway_of_his_own() external {
        LaneConfig memory c = LaneConfig(3, HOME, address(a.gateway), address(b.clientOfOther), false, 1, 1);
        vm.prank(CAROL);
        vm.expectRevert(abi.encodeWithSelector(IGateway.CallerRefused.selector, CAROL, address(this)));
        b.gateway.openLane(c);
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneKnown.selector, 3));
        b.gateway.openLane(c);
        // Not even the administrator replaces what a chain is believed by.
        ILightClient mine = ILightClient(
            deploy(
                "LightClient",
                abi.encode(
                    HOME,
                    bytes32(uint256(1)),
                    uint64(1),
                    VALIDATOR_SET,
                    GRACE,
                    uint64(0),
                    votesOf(3, 4),
                    address(0),
                    uint64(0)
                )
            )
        );
        (c.client, c.lane) = (address(mine), 4);
        vm.expectPartialRevert(IGateway.RemoteDiffers.selector);
        b.gateway.openLane(c);
        (c.client, c.remoteGateway) = (address(b.clientOfOther), CAROL);
        vm.expectPartialRevert(IGateway.RemoteDiffers.selector);
        b.gateway.openLane(c);
    }
}

/// Delivers everything again, in any order.
contract ReplayingRelayer is WithActors {
    function test_M5_a_duplicate_delivery_is_success_and_executes_nothing() external {
        send(CAROL, address(taker), "x", none());
        deliverToB(LANE, 0, 1);

        deliverToB(LANE, 0, 1);

        eq(taker.taken(), 1, "once");
        (uint64 acks,) = b.gateway.outbound(LANE);
        eq(acks, 1, "one ack");
    }

    function test_M5_under_an_old_root_nothing_is_delivered_twice() external {
        send(CAROL, address(taker), "x", none());
        sync();
        bytes32 old = proveToB(LANE);
        bytes32[] memory all = leaves(a.gateway, LANE);
        send(CAROL, address(taker), "y", none());
        deliverToB(LANE, 0, 2);

        away();
        b.gateway.deliver(LANE, old, 1, 0, items(a.gateway, LANE, 0, 1), rangePath(all, 0, 1));

        eq(taker.taken(), 2, "each once");
    }

    function test_M12_the_same_acknowledgement_twice_calls_once() external {
        ask(address(taker), "x", notified());
        deliverToB(LANE, 0, 1);
        deliverToA(LANE, 0, 1);

        deliverToA(LANE, 0, 1);

        eq(asker.acknowledged(), 1, "once");
    }

    function test_M12_an_acknowledgement_with_another_message_is_refused() external {
        ask(address(taker), "x", notified());
        ask(address(taker), "y", notified());
        deliverToB(LANE, 0, 2);
        sync();
        bytes32 root = proveToA(LANE);
        bytes32[] memory all = leaves(b.gateway, LANE);
        Item[] memory one = items(b.gateway, LANE, 0, 1);
        one[0].message = bodies[address(a.gateway)][LANE][1];

        vm.expectPartialRevert(IGateway.AckOfAnother.selector);
        a.gateway.deliver(LANE, root, 2, 0, one, rangePath(all, 0, 1));
    }

    function test_L22_a_message_home_is_not_a_message_away() external {
        // The same lane number, the other direction: another domain, so another leaf.
        send(CAROL, address(taker), "x", none());
        sync();
        bytes32 root = proveToB(LANE);
        away();
        vm.prank(CAROL);
        b.gateway.sendMessage(at(HOME, address(taker)), "y", none());
        sync();
        Item[] memory one = items(b.gateway, LANE, 0, 1);
        vm.expectPartialRevert(IGateway.PathWrong.selector);
        b.gateway.deliver(LANE, root, 1, 0, one, new bytes32[](0));
    }
}

/// Delivers nothing, or not in time.
contract SilentRelayer is WithActors {
    uint64 private constant _DEADLINE = uint64(START) + 100;

    function _askUntil() private returns (bytes32) {
        return ask(address(taker), "x", list(wish("deadline(uint64)", _DEADLINE), wish("notifySender()")));
    }

    function test_M13_what_was_not_delivered_times_out_and_is_undone() external {
        bytes32 id = _askUntil();
        vm.warp(_DEADLINE + 1);

        timeOutAtA(LANE, 0);

        eq(state(LANE, 0), uint256(SentState.TimedOut), "ended");
        eq(asker.timedOut(), 1, "undone");
        eq(asker.lastId(), id, "id");
    }

    function test_M13_any_place_in_the_tree_can_time_out() external {
        for (uint256 i = 0; i < 11; ++i) {
            _askUntil();
        }
        vm.warp(_DEADLINE + 1);
        for (uint64 i = 0; i < 11; ++i) {
            timeOutAtA(LANE, i);
        }
        eq(asker.timedOut(), 11, "all");
    }

    function test_M6_after_its_deadline_a_message_is_not_executed() external {
        _askUntil();
        vm.warp(_DEADLINE + 1);
        deliverToB(LANE, 0, 1);
        eq(taker.taken(), 0, "not executed");
        yes(!b.gateway.delivered(LANE, 0), "no bit");
        timeOutAtA(LANE, 0);
        eq(asker.timedOut(), 1, "undone");
    }

    function test_M6_at_its_deadline_a_message_is_executed() external {
        _askUntil();
        vm.warp(_DEADLINE);
        deliverToB(LANE, 0, 1);
        eq(taker.taken(), 1, "executed");
    }

    function test_M13_absence_at_too_early_a_header_is_refused() external {
        _askUntil();
        vm.warp(_DEADLINE);
        (Checkpoint memory c, bytes[] memory account, bytes[] memory storage_) = bitOf(LANE, 0);
        vm.warp(_DEADLINE + 100);
        home();
        vm.expectRevert(abi.encodeWithSelector(IGateway.TimeOutTooEarly.selector, _DEADLINE, _DEADLINE));
        a.gateway.timeOut(LANE, 0, bodies[address(a.gateway)][LANE][0], new bytes32[](0), c, account, storage_);
    }

    function test_M13_a_delivered_message_does_not_time_out() external {
        _askUntil();
        deliverToB(LANE, 0, 1);
        vm.warp(_DEADLINE + 1);
        (Checkpoint memory c, bytes[] memory account, bytes[] memory storage_) = bitOf(LANE, 0);
        home();
        vm.expectRevert(abi.encodeWithSelector(IGateway.MessageDelivered.selector, LANE, 0));
        a.gateway.timeOut(LANE, 0, bodies[address(a.gateway)][LANE][0], new bytes32[](0), c, account, storage_);
    }

    function test_L26_a_time_out_after_an_acknowledgement_is_refused() external {
        _askUntil();
        // A lying chain: it executed, and shows a state in which it did not.
        vm.warp(_DEADLINE + 1);
        (Checkpoint memory c, bytes[] memory account, bytes[] memory storage_) = bitOf(LANE, 0);
        vm.warp(_DEADLINE);
        deliverToB(LANE, 0, 1);
        deliverToA(LANE, 0, 1);

        vm.expectRevert(abi.encodeWithSelector(IGateway.MessageEnded.selector, LANE, 0, SentState.Acknowledged));
        a.gateway.timeOut(LANE, 0, bodies[address(a.gateway)][LANE][0], new bytes32[](0), c, account, storage_);
        eq(asker.acknowledged() + asker.timedOut(), 1, "one end");
    }

    function test_L26_an_acknowledgement_after_a_time_out_is_refused() external {
        _askUntil();
        vm.warp(_DEADLINE + 1);
        timeOutAtA(LANE, 0);
        vm.warp(_DEADLINE);
        deliverToB(LANE, 0, 1);
        sync();
        bytes32 root = proveToA(LANE);
        Item[] memory one = items(b.gateway, LANE, 0, 1);

        vm.expectRevert(abi.encodeWithSelector(IGateway.MessageEnded.selector, LANE, 0, SentState.TimedOut));
        a.gateway.deliver(LANE, root, 1, 0, one, new bytes32[](0));
        eq(asker.acknowledged() + asker.timedOut(), 1, "one end");
    }

    function test_M13_only_what_was_sent_from_here_times_out() external {
        _askUntil();
        vm.warp(_DEADLINE + 1);
        (Checkpoint memory c, bytes[] memory account, bytes[] memory storage_) = bitOf(LANE, 0);
        bytes memory body = bodies[address(a.gateway)][LANE][0];
        home();
        vm.expectRevert(abi.encodeWithSelector(LaneTree.LeafUnknown.selector, 1, 1));
        a.gateway.timeOut(LANE, 1, body, new bytes32[](0), c, account, storage_);
        vm.expectRevert(abi.encodeWithSelector(LaneTree.PathLength.selector, 1, 0));
        a.gateway.timeOut(LANE, 0, body, new bytes32[](1), c, account, storage_);
        body[60 % body.length] ^= 0x01;
        vm.expectPartialRevert(LaneTree.PeakWrong.selector);
        a.gateway.timeOut(LANE, 0, body, new bytes32[](0), c, account, storage_);
    }
}

contract GatewayFailureTest is WithActors {
    function _fails(BadTaker.Mode mode) private {
        bad.set(mode);
        ask(address(bad), "x", list(wish("gasLimit(uint64)", 100_000), wish("notifySender()")));
        ask(address(taker), "y", none());

        deliverToB(LANE, 0, 2);

        yes(b.gateway.failed(LANE, 0) != 0, "kept");
        eq(taker.taken(), 1, "the other one is executed");
    }

    function test_M10_a_reverting_recipient_fails_alone() external {
        _fails(BadTaker.Mode.Revert);
    }

    function test_M10_a_gas_burning_recipient_fails_alone() external {
        _fails(BadTaker.Mode.BurnGas);
    }

    function test_M10_a_return_bomb_costs_nobody_else() external {
        _fails(BadTaker.Mode.ReturnBomb);
    }

    function test_M10_a_revert_bomb_costs_nobody_else() external {
        _fails(BadTaker.Mode.RevertBomb);
    }

    function test_V6_silence_or_a_wrong_answer_is_no_acceptance() external {
        _fails(BadTaker.Mode.WrongAnswer);
    }

    function test_V6_no_answer_is_no_acceptance() external {
        _fails(BadTaker.Mode.NoAnswer);
    }

    function test_M11_a_long_answer_of_a_call_is_cut() external {
        bad.set(BadTaker.Mode.ReturnBomb);
        ask(address(bad), "x", calling());
        deliverToB(LANE, 0, 1);
        deliverToA(LANE, 0, 1);
        eq(asker.lastResult().length, 1024, "length");
    }

    function test_M10_anyone_retries_a_failed_message_until_it_succeeds() external {
        _fails(BadTaker.Mode.Revert);
        bytes memory body = bodies[address(a.gateway)][LANE][0];
        vm.prank(CAROL);
        vm.expectPartialRevert(IGateway.RetryFails.selector);
        b.gateway.retry(LANE, 0, body);
        bad.set(BadTaker.Mode.Good);
        vm.prank(CAROL);
        b.gateway.retry(LANE, 0, body);

        vm.expectRevert(abi.encodeWithSelector(IGateway.NotFailed.selector, LANE, 0));
        b.gateway.retry(LANE, 0, body);
        deliverToA(LANE, 1, 1);
        yes(asker.lastSuccess(), "acknowledged as executed");
    }

    function test_M10_after_its_deadline_a_failed_message_is_given_up_and_not_retried() external {
        _fails(BadTaker.Mode.Revert);
        bytes memory body = bodies[address(a.gateway)][LANE][0];
        vm.expectPartialRevert(IGateway.GiveUpTooEarly.selector);
        b.gateway.giveUp(LANE, 0, body);
        vm.warp(START + 1 days + 1);
        bad.set(BadTaker.Mode.Good);
        vm.expectPartialRevert(IGateway.RetryTooLate.selector);
        b.gateway.retry(LANE, 0, body);

        b.gateway.giveUp(LANE, 0, body);

        deliverToA(LANE, 1, 1);
        eq(asker.acknowledged(), 1, "told");
        yes(!asker.lastSuccess(), "of the failure");
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotFailed.selector, LANE, 0));
        away();
        b.gateway.giveUp(LANE, 0, body);
    }

    function test_M10_a_failed_message_is_delivered_and_does_not_time_out() external {
        _fails(BadTaker.Mode.Revert);
        yes(b.gateway.delivered(LANE, 0), "bit");
    }

    // ---- M8: Poly: the executor could call privileged contracts

    function test_M8_forbidden_targets_are_refused_for_good() external {
        address[7] memory targets = [
            address(b.gateway),
            address(b.gateway.executor()),
            address(b.clientOfOther),
            VALIDATOR_SET,
            address(1), // a precompile
            address(0xDe21eD0000000000000000000000000000000001),
            CAROL // no code
        ];
        for (uint64 i = 0; i < 7; ++i) {
            ask(targets[i], abi.encodeWithSignature("pause(uint32)", LANE), calling());
            deliverToB(LANE, i, 1);
            deliverToA(LANE, i, 1);
            eq(asker.acknowledged(), i + 1, "told");
            yes(!asker.lastSuccess(), "refused");
            eq(b.gateway.failed(LANE, i), 0, "not kept");
        }
        (, bool paused) = b.gateway.laneOf(LANE);
        yes(!paused, "untouched");
    }

    function test_M8_a_target_denied_later_is_refused_at_retry() external {
        _fails(BadTaker.Mode.Revert);
        b.gateway.denyTarget(address(bad));
        bad.set(BadTaker.Mode.Good);
        b.gateway.retry(LANE, 0, bodies[address(a.gateway)][LANE][0]);
        deliverToA(LANE, 1, 1);
        yes(!asker.lastSuccess(), "refused");
    }

    // ---- M9

    /// With any amount of gas: either everything reverts, or the recipient had all it was promised.
    function testFuzz_M9_a_relayer_cannot_starve_a_message(uint32 gas_, bool raw) external {
        uint256 promised = 300_000;
        bytes[] memory w = raw
            ? list(wish("gasLimit(uint64)", promised), wish("rawCall()"))
            : list(wish("gasLimit(uint64)", promised));
        send(CAROL, address(taker), raw ? abi.encodeCall(Taker.seeGas, ()) : bytes("x"), w);
        sync();
        bytes32 root = proveToB(LANE);
        bytes memory call = abi.encodeCall(
            IGateway.deliver, (LANE, root, uint64(1), uint64(0), items(a.gateway, LANE, 0, 1), new bytes32[](0))
        );
        away();
        (bool ok,) = address(b.gateway).call{gas: within(gas_, 50_000, 700_000)}(call);

        eq(ok ? 1 : 0, taken(), "executed or nothing");
        if (ok) yes(taker.gasSeen() + 2_000 > promised, "all its gas");
        eq(b.gateway.failed(LANE, 0), 0, "never failed");
    }

    function taken() private view returns (uint256) {
        return taker.taken();
    }

    function test_M9_too_little_gas_is_named() external {
        send(CAROL, address(taker), "x", list(wish("gasLimit(uint64)", 1_000_000)));
        sync();
        bytes32 root = proveToB(LANE);
        Item[] memory one = items(a.gateway, LANE, 0, 1);
        away();
        vm.expectPartialRevert(BoundedCall.GasTooLow.selector);
        b.gateway.deliver{gas: 900_000}(LANE, root, 1, 0, one, new bytes32[](0));
    }

    // ---- re-entrancy

    function test_L25_a_recipient_cannot_deliver_while_it_is_called() external {
        ReenteringTaker again = new ReenteringTaker(address(b.gateway));
        send(CAROL, address(again), "x", list(wish("gasLimit(uint64)", 500_000)));
        sync();
        bytes32 root = proveToB(LANE);
        Item[] memory one = items(a.gateway, LANE, 0, 1);
        again.plan(abi.encodeCall(IGateway.deliver, (LANE, root, uint64(1), uint64(0), one, new bytes32[](0))));
        away();
        b.gateway.deliver(LANE, root, 1, 0, one, new bytes32[](0));

        yes(again.entered() && !again.succeeded(), "refused");
    }

    function test_L25_a_recipient_may_send_while_it_is_called() external {
        ReenteringTaker again = new ReenteringTaker(address(b.gateway));
        again.plan(abi.encodeCall(IERC7786GatewaySource.sendMessage, (at(HOME, address(taker)), "back", none())));
        send(CAROL, address(again), "x", list(wish("gasLimit(uint64)", 500_000)));
        deliverToB(LANE, 0, 1);
        yes(again.succeeded(), "sent");
        sync();
        (uint64 count, bytes32 root) = b.gateway.outbound(LANE);
        eq(count, 2, "message and ack");
        eq(root, rootOf(b.gateway, LANE), "one tree");
        deliverToA(LANE, 0, 2);
        eq(taker.taken(), 1, "came back");
    }

    // ---- M14

    function _hookFails(Asker.Mode mode) private returns (bytes32 id) {
        id = ask(address(taker), "x", notified());
        asker.set(mode, "");
        deliverToB(LANE, 0, 1);

        deliverToA(LANE, 0, 1);

        eq(state(LANE, 0), uint256(SentState.Acknowledged), "ended all the same");
        yes(a.gateway.failedHook(id) != 0, "kept");
    }

    function _data(bytes32 id) private pure returns (bytes memory) {
        return abi.encodeWithSignature("onAcknowledged(bytes32,bool,bytes)", id, true, bytes(""));
    }

    function test_M14_a_failed_hook_is_run_again_by_anyone_and_only_once() external {
        bytes32 id = _hookFails(Asker.Mode.Revert);
        vm.expectPartialRevert(IGateway.HookFails.selector);
        a.gateway.runHook(id, address(asker), _data(id));
        asker.set(Asker.Mode.Good, "");
        vm.expectRevert(abi.encodeWithSelector(IGateway.HookUnknown.selector, id));
        a.gateway.runHook(id, address(taker), _data(id));
        vm.prank(CAROL);
        a.gateway.runHook(id, address(asker), _data(id));
        eq(asker.acknowledged(), 1, "run");
        vm.expectRevert(abi.encodeWithSelector(IGateway.HookUnknown.selector, id));
        a.gateway.runHook(id, address(asker), _data(id));
    }

    function test_M14_a_gas_burning_hook_holds_up_nothing() external {
        _hookFails(Asker.Mode.BurnGas);
    }

    function test_M14_a_hook_cannot_deliver_again() external {
        ask(address(taker), "x", notified());
        deliverToB(LANE, 0, 1);
        sync();
        bytes32 root = proveToA(LANE);
        Item[] memory one = items(b.gateway, LANE, 0, 1);
        asker.set(
            Asker.Mode.Reenter,
            abi.encodeCall(IGateway.deliver, (LANE, root, uint64(1), uint64(0), one, new bytes32[](0)))
        );
        home();
        a.gateway.deliver(LANE, root, 1, 0, one, new bytes32[](0));
        yes(!asker.reentered(), "refused");
        eq(asker.acknowledged(), 1, "once");
    }

    function test_M14_who_did_not_ask_is_told_nothing() external {
        ask(address(taker), "x", none());
        deliverToB(LANE, 0, 1);
        deliverToA(LANE, 0, 1);
        eq(asker.acknowledged(), 0, "no hook");
        eq(state(LANE, 0), uint256(SentState.Acknowledged), "ended");
    }
}

contract GatewayLaneTest is WithActors {
    // ---- M7

    function test_M7_an_ordered_lane_takes_nothing_out_of_order() external {
        for (uint256 i = 0; i < 4; ++i) {
            send(CAROL, address(taker), abi.encode(i), list(wish("ordered()")));
        }
        sync();
        bytes32 root = proveToB(ORDERED);
        bytes32[] memory all = leaves(a.gateway, ORDERED);
        Item[] memory some = items(a.gateway, ORDERED, 1, 2);
        bytes32[] memory path = rangePath(all, 1, 2);
        away();
        vm.expectRevert(abi.encodeWithSelector(IGateway.OutOfOrder.selector, 1, 0));
        b.gateway.deliver(ORDERED, root, 4, 1, some, path);

        deliverToB(ORDERED, 0, 2);
        eq(b.gateway.nextInbound(ORDERED), 2, "next");
        deliverToB(ORDERED, 1, 3); // the first of these is done: skipped
        eq(taker.taken(), 4, "all, once");
        eq(b.gateway.nextInbound(ORDERED), 4, "next");
    }

    function test_M7_an_ordered_lane_takes_no_bare_leaf_in_place_of_an_item() external {
        for (uint256 i = 0; i < 2; ++i) {
            send(CAROL, address(taker), abi.encode(i), list(wish("ordered()")));
        }
        sync();
        bytes32 root = proveToB(ORDERED);
        bytes32[] memory all = leaves(a.gateway, ORDERED);
        Item[] memory some = items(a.gateway, ORDERED, 0, 2);
        some[0] = Item(ItemKind.Leaf, abi.encode(all[0]), "");
        away();
        vm.expectRevert(abi.encodeWithSelector(IGateway.ItemMalformed.selector, 0));
        b.gateway.deliver(ORDERED, root, 2, 0, some, new bytes32[](0));
    }

    function test_M7_expired_and_failed_messages_do_not_block_an_ordered_lane() external {
        bad.set(BadTaker.Mode.Revert);
        send(CAROL, address(taker), "late", list(wish("ordered()"), wish("deadline(uint64)", START + 1)));
        send(CAROL, address(bad), "fails", list(wish("ordered()")));
        send(CAROL, address(taker), "good", list(wish("ordered()")));
        vm.warp(START + 2);
        deliverToB(ORDERED, 0, 3);
        eq(taker.taken(), 1, "the third");
        eq(b.gateway.nextInbound(ORDERED), 3, "next");
        yes(!b.gateway.delivered(ORDERED, 0), "expired has no bit");
        timeOutAtA(ORDERED, 0);
    }

    // ---- M15

    function test_M15_a_paused_lane_moves_nothing_and_the_others_run() external {
        send(CAROL, address(taker), "x", none());
        sync();
        bytes32 root = proveToB(LANE);
        Item[] memory one = items(a.gateway, LANE, 0, 1);
        vm.prank(GUARDIAN);
        b.gateway.pause(LANE);
        bytes memory paused = abi.encodeWithSelector(IGateway.LaneIsPaused.selector, LANE);
        away();
        vm.expectRevert(paused);
        b.gateway.deliver(LANE, root, 1, 0, one, new bytes32[](0));
        vm.expectRevert(paused);
        b.gateway.sendMessage(at(HOME, address(taker)), "", none());
        vm.expectRevert(paused);
        b.gateway.retry(LANE, 0, "");
        vm.expectRevert(paused);
        b.gateway.giveUp(LANE, 0, "");
        b.gateway.sendMessage(at(HOME, address(taker)), "", list(wish("ordered()")));

        vm.expectRevert(abi.encodeWithSelector(IGateway.CallerRefused.selector, GUARDIAN, address(this)));
        vm.prank(GUARDIAN);
        b.gateway.unpause(LANE);
        b.gateway.unpause(LANE);
        b.gateway.deliver(LANE, root, 1, 0, one, new bytes32[](0));
        eq(taker.taken(), 1, "later");
    }

    function test_M15_a_stranger_pauses_nothing() external {
        vm.expectRevert(abi.encodeWithSelector(IGateway.CallerRefused.selector, CAROL, GUARDIAN));
        vm.prank(CAROL);
        a.gateway.pause(LANE);
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneUnknown.selector, 9));
        a.gateway.pause(9);
    }

    // ---- M16

    function test_M16_the_bucket_limits_sending_and_delivering() external {
        a.gateway.setLimit(LANE, 3, 1);
        b.gateway.setLimit(LANE, 2, 1);
        for (uint256 i = 0; i < 3; ++i) {
            send(CAROL, address(taker), "x", none());
        }
        bytes memory to = at(AWAY, address(taker));
        vm.expectRevert(abi.encodeWithSelector(IGateway.RateLimited.selector, LANE, 1, 0));
        a.gateway.sendMessage(to, "x", none());
        sync();
        bytes32 root = proveToB(LANE);
        Item[] memory three = items(a.gateway, LANE, 0, 3);
        away();
        vm.expectRevert(abi.encodeWithSelector(IGateway.RateLimited.selector, LANE, 3, 2));
        b.gateway.deliver(LANE, root, 3, 0, three, new bytes32[](0));
        deliverToB(LANE, 0, 2);
        vm.warp(START + 1);
        deliverToB(LANE, 2, 1);
        eq(taker.taken(), 3, "all in time");
    }

    function testFuzz_M16_an_edit_never_refills(uint8 sent, uint32 capacity, uint32 refill, uint16 time) external {
        a.gateway.setLimit(LANE, 300, 1);
        for (uint256 i = 0; i < within(sent, 0, 20); ++i) {
            send(CAROL, address(taker), "x", none());
        }
        vm.warp(START + time);
        (uint256 before,) = a.gateway.available(LANE);
        a.gateway.setLimit(LANE, uint32(within(capacity, 1, type(uint32).max)), uint32(within(refill, 1, 1000)));
        (uint256 afterwards,) = a.gateway.available(LANE);
        yes(afterwards <= before, "no more than before");
    }

    // ---- M17

    function test_M17_a_frozen_client_stops_both_directions() external {
        send(CAROL, address(taker), "x", none());
        sync();
        bytes32 root = proveToB(LANE);
        Item[] memory one = items(a.gateway, LANE, 0, 1);
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory h = header(keccak256(abi.encode(i)), 500, uint64(START), keccak256(abi.encode(i)));
            bytes memory votes = votesOf(1, 7);
            Certificate memory c = certify(domainOf(HOME), 1, 5, 0, keccak256(h));
            b.gateway.update(LANE, list(h), c, votes);
        }
        yes(b.clientOfOther.frozen(), "frozen");
        bytes memory closed = abi.encodeWithSelector(ILightClient.ClientFrozen.selector);
        away();
        vm.expectRevert(closed);
        b.gateway.deliver(LANE, root, 1, 0, one, new bytes32[](0));
        vm.expectRevert(closed);
        b.gateway.sendMessage(at(HOME, address(taker)), "", none());
    }

    // ---- configuration

    function _laneRefused(LaneConfig memory c, uint256 field) private {
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneConfigRefused.selector, field));
        a.gateway.openLane(c);
    }

    function test_V6_a_lane_of_zeros_is_refused() external {
        address client = address(a.clientOfOther);
        _laneRefused(LaneConfig(0, AWAY, CAROL, client, false, 1, 1), 0);
        _laneRefused(LaneConfig(5, 0, CAROL, client, false, 1, 1), 1);
        _laneRefused(LaneConfig(5, HOME, CAROL, client, false, 1, 1), 1); // itself
        _laneRefused(LaneConfig(5, AWAY, address(0), client, false, 1, 1), 2);
        _laneRefused(LaneConfig(5, AWAY, CAROL, address(0), false, 1, 1), 3);
        _laneRefused(LaneConfig(5, AWAY, CAROL, CAROL, false, 1, 1), 3);
        _laneRefused(LaneConfig(5, AWAY, CAROL, address(b.clientOfOther), false, 1, 1), 3); // of another chain
        _laneRefused(LaneConfig(5, AWAY, CAROL, client, false, 0, 1), 4);
        _laneRefused(LaneConfig(5, AWAY, CAROL, client, false, 1, 0), 5);
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneConfigRefused.selector, 4));
        a.gateway.setLimit(LANE, 0, 1);
    }

    function test_V6_a_gateway_without_administrator_or_guardian_is_refused() external {
        bytes memory code = vm.getCode("artifacts/Gateway.json");
        bytes[3] memory arguments = [
            abi.encode(address(0), GUARDIAN, new address[](0)),
            abi.encode(address(this), address(0), new address[](0)),
            abi.encode(address(this), GUARDIAN, new address[](1))
        ];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IGateway.ConfigZero.selector, i));
            this.create(bytes.concat(code, arguments[i]));
        }
    }

    function create(bytes memory code) external {
        assembly {
            if iszero(create(0, add(code, 32), mload(code))) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    // ---- what the other chain proves

    function test_storage_positions_are_those_of_the_document() external {
        send(CAROL, address(taker), "x", none());
        (, bytes32 root) = a.gateway.outbound(LANE);
        bytes32 slot = keccak256(abi.encode(uint256(LANE), uint256(0)));
        eq(a.gateway.rootSlot(LANE), slot, "slot of the root");
        eq(vm.load(address(a.gateway), slot), root, "root");

        for (uint256 i = 0; i < 299; ++i) {
            send(CAROL, address(taker), "x", none());
        }
        deliverToB(LANE, 258, 2);
        slot = keccak256(abi.encode(uint256(1), keccak256(abi.encode(uint256(LANE), uint256(1)))));
        (bytes32 got, uint256 bit) = b.gateway.deliveredSlot(LANE, 259);
        eq(got, slot, "slot of the bits");
        eq(bit, 8, "bit");
        eq(uint256(vm.load(address(b.gateway), slot)), 4 + 8, "bits 258 and 259");
    }
}

/// Anything, in any order, on both lanes: what must hold whatever a relayer does.
contract RelayHandler is WithActors {
    uint256 private _now = START;
    uint256 public sent;
    mapping(uint256 => bool) private _closed;

    constructor() {
        setUp();
    }

    function ask(uint8 kind, uint16 life) external {
        (uint64 total,) = a.gateway.outbound(LANE);
        if (total >= 24) return;
        home();
        bytes[] memory w = list(wish("deadline(uint64)", _now + 1 + life % 600), wish("notifySender()"));
        asker.ask(at(AWAY, kind % 3 == 0 ? address(bad) : address(taker)), "x", w);
        ++sent;
    }

    function deliver(uint8 first, uint8 count) external {
        sync();
        uint256 total = bodies[address(a.gateway)][LANE].length;
        if (total == 0) return;
        uint256 from = first % total;
        deliverToB(LANE, from, within(count, 1, total - from));
    }

    function acknowledge(uint8 first, uint8 count) external {
        sync();
        uint256 total = bodies[address(b.gateway)][LANE].length;
        if (total == 0) return;
        uint256 from = first % total;
        deliverToA(LANE, from, within(count, 1, total - from));
    }

    function timeOut(uint8 index) external {
        sync();
        uint256 total = bodies[address(a.gateway)][LANE].length;
        if (total == 0) return;
        (Checkpoint memory c, bytes[] memory account, bytes[] memory storage_) = bitOf(LANE, uint64(index % total));
        bytes32[] memory path = peakPath(leaves(a.gateway, LANE), index % total);
        bytes memory body = bodies[address(a.gateway)][LANE][index % total];
        home();
        try a.gateway.timeOut(LANE, uint64(index % total), body, path, c, account, storage_) {} catch {}
    }

    function retryOrGiveUp(uint8 index, bool mend) external {
        sync();
        uint256 total = bodies[address(a.gateway)][LANE].length;
        if (total == 0) return;
        bad.set(mend ? BadTaker.Mode.Good : BadTaker.Mode.Revert);
        bytes memory body = bodies[address(a.gateway)][LANE][index % total];
        away();
        try b.gateway.retry(LANE, uint64(index % total), body) {} catch {}
        try b.gateway.giveUp(LANE, uint64(index % total), body) {} catch {}
    }

    function wait(uint16 time) external {
        _now += time % 300;
        vm.warp(_now);
    }

    // ---- the books

    function ends() external view returns (uint256 ended, uint256 hooks) {
        for (uint64 i = 0; i < sent; ++i) {
            if (state(LANE, i) != uint256(SentState.Pending)) ++ended;
        }
        hooks = asker.acknowledged() + asker.timedOut();
    }

    function delivered() external view returns (uint256 bits) {
        for (uint64 i = 0; i < sent; ++i) {
            if (b.gateway.delivered(LANE, i)) ++bits;
        }
    }

    /// Messages that were delivered and timed out.
    function contradictions() external view returns (uint256 count) {
        for (uint64 i = 0; i < sent; ++i) {
            bool timed = state(LANE, i) == uint256(SentState.TimedOut);
            if (timed && b.gateway.delivered(LANE, i)) ++count;
        }
    }

    function rootsAreByTheBook() external returns (bool) {
        sync();
        (, bytes32 rootA) = a.gateway.outbound(LANE);
        (, bytes32 rootB) = b.gateway.outbound(LANE);
        return (rootA == 0 || rootA == rootOf(a.gateway, LANE)) && (rootB == 0 || rootB == rootOf(b.gateway, LANE));
    }

    function takenByGood() external view returns (uint256) {
        return taker.taken();
    }
}

contract GatewayInvariantTest is GatewayTest {
    RelayHandler private _handler;

    function setUp() public override {
        _handler = new RelayHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        bytes4[] memory s = new bytes4[](6);
        (s[0], s[1], s[2]) =
        (RelayHandler.ask.selector, RelayHandler.deliver.selector, RelayHandler.acknowledge.selector);
        (s[3], s[4], s[5]) =
        (RelayHandler.timeOut.selector, RelayHandler.retryOrGiveUp.selector, RelayHandler.wait.selector);
        targets[0] = FuzzSelector(address(_handler), s);
    }

    /// forge-config: default.invariant.runs = 16
    /// forge-config: default.invariant.depth = 64
    function invariant_L26_every_message_ends_at_most_once() external view {
        (uint256 ended, uint256 hooks) = _handler.ends();
        eq(hooks, ended, "one hook for each end");
    }

    /// forge-config: default.invariant.runs = 16
    /// forge-config: default.invariant.depth = 64
    function invariant_L27_nothing_is_both_delivered_and_timed_out() external view {
        eq(_handler.contradictions(), 0, "contradictions");
    }

    /// forge-config: default.invariant.runs = 16
    /// forge-config: default.invariant.depth = 64
    function invariant_L22_executed_at_most_what_was_delivered() external view {
        yes(_handler.takenByGood() <= _handler.delivered(), "at most once each");
    }

    /// forge-config: default.invariant.runs = 16
    /// forge-config: default.invariant.depth = 64
    function invariant_V5_roots_are_those_of_the_gapless_events() external {
        yes(_handler.rootsAreByTheBook(), "roots");
    }
}
