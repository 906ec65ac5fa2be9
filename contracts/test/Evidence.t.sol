// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Anchor, Anchors} from "../src/EvidenceTypes.sol";
import {IAnchors} from "../src/IAnchors.sol";
import {IEvidence} from "../src/IEvidence.sol";
import {IEvidenceRoll} from "../src/IEvidenceRoll.sol";
import {LaneTree} from "../src/LaneTree.sol";
import {Assert} from "./support/Assert.sol";
import {TestPost} from "./support/TestPost.sol";
import {Vm} from "./support/Vm.sol";

/// Anchors on one chain, shown on the other: L90 to L93.
contract EvidenceTest is Assert {
    uint256 private constant START = 1_800_000_000;
    uint256 private constant PUBLIC = 7701;
    uint64 private constant CONSORTIUM = 7702;
    bytes32 private constant STREAM = keccak256("cold-chain/4711/temperature");
    uint256 private constant LIFE = 2 days;
    address private constant KEEPER = address(0x4EE9E4);

    TestPost private _post;
    IEvidence private _evidence;
    IEvidenceRoll private _roll;
    bytes32[] private _leaves;

    function setUp() external {
        vm.warp(START);
        _post = new TestPost(CONSORTIUM);
        address there = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        _evidence = IEvidence(deploy("Evidence", abi.encode(address(this), address(_post), PUBLIC, there, LIFE)));
        _roll = IEvidenceRoll(
            deploy("EvidenceRoll", abi.encode(address(_post), uint256(CONSORTIUM), address(_evidence), LIFE))
        );
        _evidence.setKeeper(STREAM, KEEPER);
    }

    function _anchor(uint64 period) private pure returns (Anchor memory) {
        uint64 from = uint64(START - 1 days) * 1_000 + period * 1_000;
        bytes32 root = keccak256(abi.encode("root", period));
        return Anchor(STREAM, period, from, from + 1_000, 60, root, keccak256(abi.encode("digest", period)));
    }

    function _add(Anchor memory a) private returns (uint64 index) {
        vm.prank(KEEPER);
        index = _evidence.anchor(a);
        _leaves.push(_evidence.leafOf(a, index));
    }

    function _fails(Anchor memory a, bytes memory error) private {
        vm.expectRevert(error);
        vm.prank(KEEPER);
        _evidence.anchor(a);
    }

    // ---- L90: append only

    function test_L90_an_anchor_is_known_with_its_time_and_stays() external {
        Anchor memory a = _anchor(0);
        _add(a);
        vm.warp(START + 60);
        Anchor memory second = _anchor(1);
        second.root = a.root;
        _add(second);

        eq(_evidence.anchoredAt(STREAM, a.root), START, "root: the first time");
        eq(_evidence.anchoredAt(STREAM, a.digest), START, "digest");
        eq(_evidence.anchoredAt(STREAM, second.digest), START + 60, "second");
        eq(_evidence.anchoredAt(STREAM, keccak256("nothing")), 0, "nothing");
        eq(_evidence.anchoredAt(keccak256("another"), a.root), 0, "another stream");
    }

    function test_L90_periods_follow_each_other() external {
        bytes4 wrong = IEvidence.PeriodWrong.selector;
        _fails(_anchor(1), abi.encodeWithSelector(wrong, STREAM, 1, 0));
        _add(_anchor(0));
        _fails(_anchor(0), abi.encodeWithSelector(wrong, STREAM, 0, 1));
        _fails(_anchor(2), abi.encodeWithSelector(wrong, STREAM, 2, 1));
        _add(_anchor(1));
        (uint64 period, uint64 notBefore) = _evidence.nextOf(STREAM);
        eq(period, 2, "next");
        eq(notBefore, _anchor(1).until, "from");
    }

    function test_L90_periods_do_not_overlap_run_backwards_or_into_the_future() external {
        _add(_anchor(0));
        bytes4 refused = IEvidence.PeriodTimesRefused.selector;
        uint64 end = _anchor(0).until;
        Anchor memory a = _anchor(1);
        a.from = end - 1;
        _fails(a, abi.encodeWithSelector(refused, end - 1, a.until, end, START * 1_000));
        (a.from, a.until) = (end, end);
        _fails(a, abi.encodeWithSelector(refused, end, end, end, START * 1_000));
        a.until = uint64(START * 1_000 + 1);
        _fails(a, abi.encodeWithSelector(refused, end, a.until, end, START * 1_000));
    }

    // ---- L91: keepers

    function test_L91_only_the_keeper_of_a_stream_anchors_and_only_the_administrator_names_him() external {
        Anchor memory a = _anchor(0);
        vm.expectRevert(abi.encodeWithSelector(IEvidence.CallerNotKeeper.selector, STREAM, address(this), KEEPER));
        _evidence.anchor(a);
        a.stream = keccak256("another");
        _fails(a, abi.encodeWithSelector(IEvidence.CallerNotKeeper.selector, a.stream, KEEPER, address(0)));
        vm.expectRevert(abi.encodeWithSelector(IEvidence.CallerNotAdministrator.selector, KEEPER, address(this)));
        vm.prank(KEEPER);
        _evidence.setKeeper(STREAM, KEEPER);
        _evidence.setKeeper(STREAM, address(0));
        _fails(_anchor(0), abi.encodeWithSelector(IEvidence.CallerNotKeeper.selector, STREAM, KEEPER, address(0)));
    }

    function test_L91_nobody_is_not_a_keeper() external {
        Anchor memory a = _anchor(0);
        a.stream = keccak256("without a keeper");
        vm.expectPartialRevert(IEvidence.CallerNotKeeper.selector);
        vm.prank(address(0));
        _evidence.anchor(a);
    }

    // ---- L92, L93: on the other chain

    function test_L92_what_was_rolled_up_is_shown_by_anyone() external {
        for (uint64 i = 0; i < 5; ++i) {
            _add(_anchor(i));
        }
        (uint64 count, bytes32 top,) = _evidence.state();
        _evidence.rollUp();
        vm.warp(START + 100);
        _post.deliver(0);
        vm.warp(START + 200);

        _roll.show(count, top, 3, _anchor(3), _path(3));

        eq(_roll.anchoredAt(STREAM, _anchor(3).root), START + 100, "since the roll was known");
        eq(_roll.anchoredAt(STREAM, _anchor(3).digest), START + 100, "digest");
        eq(_roll.anchoredAt(STREAM, _anchor(2).root), 0, "not shown");
    }

    function test_L92_a_root_is_recent_by_its_data_not_by_being_shown() external {
        _add(_anchor(0));
        (uint64 count, bytes32 top,) = _evidence.state();
        _evidence.rollUp();
        uint256 root = uint256(_anchor(0).root);
        uint256 until = _anchor(0).until / 1_000;
        vm.warp(until + LIFE);
        yes(IAnchors(address(_evidence)).isRootRecent(STREAM, root), "recent on the consortium");
        yes(!IAnchors(address(_roll)).isRootRecent(STREAM, root), "not shown");
        yes(!IAnchors(address(_evidence)).isRootRecent(STREAM, root + 1), "no root");
        yes(!IAnchors(address(_evidence)).isDigestAnchored(uint256(STREAM) + 1, root), "another device");
        _post.deliver(0);
        _roll.show(count, top, 0, _anchor(0), _path(0));
        yes(IAnchors(address(_roll)).isRootRecent(STREAM, root), "recent on the public chain");
        yes(IAnchors(address(_roll)).isDigestAnchored(uint256(STREAM), uint256(_anchor(0).digest)), "digest");
        vm.warp(until + LIFE + 1);

        _roll.show(count, top, 0, _anchor(0), _path(0));

        yes(!IAnchors(address(_evidence)).isRootRecent(STREAM, root), "old on the consortium");
        yes(!IAnchors(address(_roll)).isRootRecent(STREAM, root), "old on the public chain");
        yes(IAnchors(address(_roll)).isDigestAnchored(uint256(STREAM), uint256(_anchor(0).digest)), "digests stay");
    }

    function testFuzz_L92_every_anchor_has_its_path_and_no_other(uint8 size, uint8 which, uint8 other) external {
        uint64 count = uint64(within(size, 1, 40));
        for (uint64 i = 0; i < count; ++i) {
            _add(_anchor(i));
        }
        (, bytes32 top,) = _evidence.state();
        _evidence.rollUp();
        _post.deliver(0);
        uint64 index = uint64(within(which, 0, count - 1));
        uint64 wrong = uint64(within(other, 0, count + 3));
        bytes32[] memory path = _path(index);

        _roll.show(count, top, index, _anchor(index), path);
        if (wrong == index) return;
        vm.expectRevert();
        _roll.show(count, top, wrong, _anchor(index), path);
        vm.expectRevert();
        _roll.show(count, top, index, _anchor(wrong), path);
    }

    function test_L92_a_changed_anchor_or_path_shows_nothing() external {
        _add(_anchor(0));
        _add(_anchor(1));
        (uint64 count, bytes32 top,) = _evidence.state();
        bytes32[] memory path = _path(1);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceRoll.RollUnknown.selector, count, top));
        _roll.show(count, top, 1, _anchor(1), path);
        _evidence.rollUp();
        _post.deliver(0);

        Anchor memory a = _anchor(1);
        a.count += 1;
        vm.expectPartialRevert(IEvidenceRoll.AnchorNotShown.selector);
        _roll.show(count, top, 1, a, path);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceRoll.AnchorNotShown.selector, 2, 0, top));
        _roll.show(count, top, 2, _anchor(1), path);
        vm.expectRevert(abi.encodeWithSelector(LaneTree.PathLength.selector, 0, 1));
        _roll.show(count, top, 1, _anchor(1), new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(LaneTree.PathLength.selector, 2, 1));
        _roll.show(count, top, 1, _anchor(1), new bytes32[](2));
        vm.expectRevert(abi.encodeWithSelector(IEvidenceRoll.RollUnknown.selector, 3, top));
        _roll.show(3, top, 1, _anchor(1), path);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceRoll.RollUnknown.selector, 0, 0));
        _roll.show(0, 0, 0, _anchor(1), path);
    }

    function test_L93_rolls_come_in_any_order_and_again() external {
        _add(_anchor(0));
        (uint64 one, bytes32 first,) = _evidence.state();
        _evidence.rollUp();
        _add(_anchor(1));
        (uint64 two, bytes32 second,) = _evidence.state();
        _evidence.rollUp();

        _post.deliver(1);
        vm.warp(START + 5);
        _post.deliver(0);
        _post.deliver(1);

        eq(_roll.knownSince(two, second), START, "the first time");
        eq(_roll.knownSince(one, first), START + 5, "later");
        eq(_roll.events(), 2, "each once");
    }

    function test_L93_only_the_evidences_word_through_the_gateway_is_heard() external {
        bytes memory from = _post.nameOf(CONSORTIUM, address(_evidence));
        bytes memory payload = abi.encode(uint64(1), keccak256("top"));
        vm.expectRevert(abi.encodeWithSelector(IEvidenceRoll.CallerNotGateway.selector, address(this), address(_post)));
        _roll.receiveMessage(0, from, payload);
        bytes memory liar = _post.nameOf(CONSORTIUM, address(this));
        vm.expectRevert(abi.encodeWithSelector(IEvidenceRoll.SenderNotEvidence.selector, liar));
        _post.deliverTo(address(_roll), liar, payload);
        liar = _post.nameOf(PUBLIC, address(_evidence));
        vm.expectRevert(abi.encodeWithSelector(IEvidenceRoll.SenderNotEvidence.selector, liar));
        _post.deliverTo(address(_roll), liar, payload);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceRoll.RollEmpty.selector, 0, keccak256("top")));
        _post.deliverTo(address(_roll), from, abi.encode(uint64(0), keccak256("top")));
        vm.expectRevert(abi.encodeWithSelector(IEvidenceRoll.RollEmpty.selector, 1, 0));
        _post.deliverTo(address(_roll), from, abi.encode(uint64(1), bytes32(0)));
        vm.expectRevert();
        _post.deliverTo(address(_roll), from, hex"01");
    }

    function test_L93_what_the_gateway_refused_is_rolled_up_later() external {
        vm.expectRevert(abi.encodeWithSelector(IEvidence.NothingNew.selector, 0));
        _evidence.rollUp();
        _add(_anchor(0));
        _post.setRefusing(true);
        vm.expectRevert(abi.encodeWithSelector(TestPost.Refusing.selector));
        _evidence.rollUp();
        _post.setRefusing(false);
        _evidence.rollUp();
        vm.expectRevert(abi.encodeWithSelector(IEvidence.NothingNew.selector, 1));
        _evidence.rollUp();
    }

    function test_V5_events_of_both_ends_have_no_gaps() external {
        vm.recordLogs();
        for (uint64 i = 0; i < 3; ++i) {
            _add(_anchor(i));
            _evidence.rollUp();
            _post.deliver(i);
        }
        (uint64 count, bytes32 top,) = _evidence.state();
        _roll.show(count, top, 2, _anchor(2), _path(2));

        Vm.Log[] memory logs = vm.getRecordedLogs();
        (uint256 here, uint256 there) = (1, 0); // the keeper
        for (uint256 i = 0; i < logs.length; ++i) {
            uint256 number = uint256(logs[i].topics[1]);
            if (logs[i].emitter == address(_evidence)) eq(number, here++, "consortium");
            if (logs[i].emitter == address(_roll)) eq(number, there++, "public");
        }
        eq(here, _evidence.events(), "all of the consortium");
        eq(there, _roll.events(), "all of the public chain");
        eq(here + there, 11, "all of them");
    }

    function test_V6_zeros_are_refused() external {
        bytes4 refused = IEvidence.EvidenceConfigRefused.selector;
        bytes memory c = abi.encode(address(0), address(_post), PUBLIC, address(_roll), LIFE);
        _deployFails("Evidence", c, abi.encodeWithSelector(refused, 0));
        c = abi.encode(address(this), address(0), PUBLIC, address(_roll), LIFE);
        _deployFails("Evidence", c, abi.encodeWithSelector(refused, 1));
        c = abi.encode(address(this), address(_post), 0, address(_roll), LIFE);
        _deployFails("Evidence", c, abi.encodeWithSelector(refused, 2));
        c = abi.encode(address(this), address(_post), PUBLIC, address(0), LIFE);
        _deployFails("Evidence", c, abi.encodeWithSelector(refused, 3));
        refused = IEvidenceRoll.RollConfigRefused.selector;
        c = abi.encode(address(0), PUBLIC, address(_evidence), LIFE);
        _deployFails("EvidenceRoll", c, abi.encodeWithSelector(refused, 0));
        c = abi.encode(address(_post), 0, address(_evidence), LIFE);
        _deployFails("EvidenceRoll", c, abi.encodeWithSelector(refused, 1));
        c = abi.encode(address(_post), PUBLIC, address(0), LIFE);
        _deployFails("EvidenceRoll", c, abi.encodeWithSelector(refused, 2));
        c = abi.encode(address(_post), PUBLIC, address(_evidence), 0);
        _deployFails("EvidenceRoll", c, abi.encodeWithSelector(Anchors.RootLifeRefused.selector, 0, 90 days));
        c = abi.encode(address(_post), PUBLIC, address(_evidence), 91 days);
        _deployFails("EvidenceRoll", c, abi.encodeWithSelector(Anchors.RootLifeRefused.selector, 91 days, 90 days));
        vm.expectRevert(abi.encodeWithSelector(IEvidence.StreamZero.selector));
        _evidence.setKeeper(0, KEEPER);
        for (uint256 field = 0; field < 3; ++field) {
            Anchor memory a = _anchor(0);
            if (field == 0) a.count = 0;
            if (field == 1) a.root = 0;
            if (field == 2) a.digest = 0;
            _fails(a, abi.encodeWithSelector(IEvidence.AnchorZero.selector, field));
        }
    }

    // ---- helpers

    /// Hashes beside leaf `index`, by the book: the last of an odd number goes up as it is.
    function _path(uint256 index) private view returns (bytes32[] memory path) {
        bytes32[] memory nodes = _leaves;
        uint256 width = nodes.length;
        bytes32[] memory found = new bytes32[](64);
        uint256 count = 0;
        for (; width > 1; width = (width + 1) / 2) {
            uint256 beside = index ^ 1;
            if (beside < width) found[count++] = nodes[beside];
            for (uint256 i = 0; i < width; i += 2) {
                nodes[i / 2] = i + 1 < width ? keccak256(abi.encode(nodes[i], nodes[i + 1])) : nodes[i];
            }
            index /= 2;
        }
        path = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            path[i] = found[i];
        }
    }

    function _deployFails(string memory name, bytes memory arguments, bytes memory error) private {
        vm.expectRevert(error);
        this.deployExternally(name, arguments);
    }

    function deployExternally(string calldata name, bytes calldata arguments) external {
        deploy(name, arguments);
    }
}
