// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {FeedId} from "../src/DeviceTypes.sol";
import {AlarmBand, FeedConfig, Report, ReportSignatures} from "../src/FeedTypes.sol";
import {IAggregatorV3} from "../src/IAggregatorV3.sol";
import {IFeedAggregator} from "../src/IFeedAggregator.sol";
import {FeedWorld} from "./support/FeedWorld.sol";
import {Vm} from "./support/Vm.sol";

/// Reports, rounds, configuration, freshness: L80 to L85, L87. Alarms are in FeedAlarm.t.sol.
contract FeedTest is FeedWorld {
    // ---- L80: quorum

    function test_L80_a_quorums_report_becomes_the_answer() external {
        transmit(1, 425);

        (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredIn) = feed.latestRoundData();
        eq(id, 1, "round");
        eq(uint256(answer), 425, "answer");
        eq(startedAt, START, "started");
        eq(updatedAt, START, "updated");
        eq(answeredIn, 1, "answered in");
    }

    function testFuzz_L80_fewer_than_two_thirds_sign_nothing(uint8 size, uint8 missing) external {
        uint256 n = 3 * within(size, 1, 10) + 1;
        FeedConfig memory c = config(n);
        IFeedAggregator f = newFeed(c);
        Report memory r = report(1, 425, n);
        uint256 got = within(missing, 0, quorum(n) - 1);
        ReportSignatures memory s = sign(f, r, bits(got));

        vm.expectRevert(abi.encodeWithSelector(IFeedAggregator.QuorumMissing.selector, got, quorum(n)));
        f.transmit(c, r, s);
        send(f, c, r, bits(quorum(n)));
    }

    function test_L80_one_operator_is_one_signature() external {
        Report memory r = report(1, 425, 4);
        (, bytes32 config_) = feed.configuration();
        bytes memory one = signature(keys[0], feed.reportDigestOf(config_, r));

        ReportSignatures memory s = ReportSignatures(1, bytes.concat(one, one, one));
        _fails(config(4), r, s, abi.encodeWithSelector(IFeedAggregator.SignersWrong.selector, 1, 192));
        s = ReportSignatures(1, one);
        _fails(config(4), r, s, abi.encodeWithSelector(IFeedAggregator.QuorumMissing.selector, 1, 3));
        s = ReportSignatures(7, bytes.concat(one, one, one));
        address second = vm.addr(keys[1]);
        _fails(config(4), r, s, abi.encodeWithSelector(IFeedAggregator.SignatureNotOf.selector, 1, second));
    }

    function test_L80_strangers_and_nonsense_sign_nothing() external {
        Report memory r = report(1, 425, 4);
        ReportSignatures memory s = sign(feed, r, bits(3));
        bytes4 wrong = IFeedAggregator.SignersWrong.selector;

        s.signers = 1 << 4 | 7;
        _fails(config(4), r, s, abi.encodeWithSelector(wrong, s.signers, 192));
        s.signers = 15;
        _fails(config(4), r, s, abi.encodeWithSelector(wrong, 15, 192));
        s = sign(feed, r, bits(3));
        s.signatures = bytes.concat(s.signatures, bytes1(0));
        _fails(config(4), r, s, abi.encodeWithSelector(wrong, 7, 193));
        s.signatures = new bytes(192);
        bytes4 notOf = IFeedAggregator.SignatureNotOf.selector;
        _fails(config(4), r, s, abi.encodeWithSelector(notOf, 0, vm.addr(keys[0])));
        s = signDigest(keccak256("another"), 7);
        vm.expectPartialRevert(notOf);
        feed.transmit(config(4), r, s);
    }

    function test_L80_the_other_form_of_a_signature_is_none() external {
        Report memory r = report(1, 425, 4);
        (, bytes32 config_) = feed.configuration();
        bytes32 digest = feed.reportDigestOf(config_, r);
        (uint8 v, bytes32 x, bytes32 low) = vm.sign(keys[0], digest);
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        uint256 high = (order - uint256(low)) | (uint256(28 - v) << 255);
        bytes memory rest = bytes.concat(signature(keys[1], digest), signature(keys[2], digest));

        ReportSignatures memory s = ReportSignatures(7, bytes.concat(x, bytes32(high), rest));
        _fails(config(4), r, s, abi.encodeWithSelector(IFeedAggregator.SignatureNotOf.selector, 0, vm.addr(keys[0])));
    }

    function testFuzz_L80_a_changed_report_is_not_the_signed_one(uint8 field) external {
        Report memory r = report(1, 425, 4);
        ReportSignatures memory s = sign(feed, r, bits(3));
        field = uint8(within(field, 0, 3));
        if (field == 0) r.round = 2;
        if (field == 1) r.observedAt += 1;
        if (field == 2) r.observers = 14;
        if (field == 3) r.observations = report(1, 426, 4).observations;

        vm.expectPartialRevert(IFeedAggregator.SignatureNotOf.selector);
        feed.transmit(config(4), r, s);
    }

    // ---- L81: median

    function testFuzz_L81_f_liars_do_not_move_the_answer_out_of_the_honest_range(uint8 size, uint256 seed) external {
        uint256 n = 3 * within(size, 1, 10) + 1;
        uint256 count = quorum(n) + seed % (n - quorum(n) + 1);
        int128[] memory observations = new int128[](count);
        (int128 low, int128 high) = (type(int128).max, type(int128).min);
        for (uint256 i = 0; i < count; ++i) {
            bool liar = i < (n - 1) / 3;
            seed = uint256(keccak256(abi.encode(seed)));
            observations[i] = liar ? (seed & 1 == 0 ? int128(-4_000) : int128(6_000)) : int128(int256(seed % 600));
            if (!liar && observations[i] < low) low = observations[i];
            if (!liar && observations[i] > high) high = observations[i];
        }
        _sort(observations);
        FeedConfig memory c = config(n);
        IFeedAggregator f = newFeed(c);

        send(f, c, reportOf(1, observations), bits(quorum(n)));

        (, int256 answer,,,) = f.latestRoundData();
        yes(answer >= low && answer <= high, "within what the honest saw");
        eq(uint256(answer), uint256(int256(observations[count / 2])), "upper middle one");
    }

    function test_L81_observations_that_do_not_ascend_are_refused() external {
        int128[] memory o = new int128[](3);
        (o[0], o[1], o[2]) = (400, 500, 499);
        _fails(reportOf(1, o), abi.encodeWithSelector(IFeedAggregator.ObservationsUnsorted.selector, 2));
        (o[0], o[1], o[2]) = (0, -1, 1);
        _fails(reportOf(1, o), abi.encodeWithSelector(IFeedAggregator.ObservationsUnsorted.selector, 1));
    }

    function test_L81_observers_are_a_quorum_and_one_for_each_observation() external {
        Report memory r = report(1, 425, 4);
        bytes4 wrong = IFeedAggregator.ObserversWrong.selector;
        r.observers = 15;
        _fails(r, abi.encodeWithSelector(wrong, 15, 3));
        r.observers = 3;
        _fails(r, abi.encodeWithSelector(wrong, 3, 3));
        r.observers = 19;
        _fails(r, abi.encodeWithSelector(wrong, 19, 3));
        _fails(reportOf(1, new int128[](2)), abi.encodeWithSelector(IFeedAggregator.QuorumMissing.selector, 2, 3));
        r = reportOf(1, new int128[](0));
        _fails(r, abi.encodeWithSelector(IFeedAggregator.QuorumMissing.selector, 0, 3));
        r.observations = new bytes(47);
        _fails(r, abi.encodeWithSelector(IFeedAggregator.ObservationsMalformed.selector, 47));
    }

    function test_L81_an_implausible_median_is_refused_at_both_ends() external {
        bytes4 implausible = IFeedAggregator.AnswerImplausible.selector;
        _fails(report(1, 6_001, 4), abi.encodeWithSelector(implausible, int128(6_001), int128(-4_000), int128(6_000)));
        _fails(report(1, -4_001, 4), abi.encodeWithSelector(implausible, int128(-4_001), int128(-4_000), int128(6_000)));
        int128 largest = type(int128).max;
        _fails(report(1, largest, 4), abi.encodeWithSelector(implausible, largest, int128(-4_000), int128(6_000)));
        transmit(1, -4_000);
        transmit(2, 6_000);
    }

    // ---- L82: rounds and time

    function test_L82_one_report_for_a_round_and_rounds_rise() external {
        transmit(3, 425);

        for (uint32 round = 0; round < 4; ++round) {
            _fails(report(round, 430, 4), abi.encodeWithSelector(IFeedAggregator.ReportOld.selector, round, 3));
        }
        transmit(5, 430);
        vm.expectRevert(abi.encodeWithSelector(IFeedAggregator.RoundUnknown.selector, 4));
        feed.getRoundData(4);
        (, int256 third,,,) = feed.getRoundData(3);
        eq(uint256(third), 425, "third round stays");
    }

    function test_L82_data_does_not_grow_older_and_is_not_of_the_future() external {
        transmit(1, 425);
        Report memory r = report(2, 425, 4);
        bytes4 refused = IFeedAggregator.ReportTimeRefused.selector;

        r.observedAt = START - 1;
        _fails(r, abi.encodeWithSelector(refused, START - 1, START, START + 30));
        r.observedAt = START + 31;
        _fails(r, abi.encodeWithSelector(refused, START + 31, START, START + 30));
        r.observedAt = type(uint40).max;
        _fails(r, abi.encodeWithSelector(refused, type(uint40).max, START, START + 30));
    }

    function test_L82_a_clock_that_is_ahead_does_not_break_consumers() external {
        Report memory r = report(1, 425, 4);
        r.observedAt = START + 30;
        send(feed, config(4), r, bits(3));

        (,,, uint256 updatedAt,) = feed.latestRoundData();
        eq(updatedAt, START, "not after now");
        feed.readFresh(1);
    }

    function test_L82_before_the_first_round_there_is_no_answer() external {
        bytes memory unknown = abi.encodeWithSelector(IFeedAggregator.RoundUnknown.selector, 0);
        vm.expectRevert(unknown);
        feed.latestRoundData();
        vm.expectRevert(unknown);
        feed.readFresh(1 days);
        vm.expectRevert(unknown);
        feed.getRoundData(0);
    }

    // ---- L83: both chains, one report

    function test_L83_the_same_report_is_good_on_both_chains_and_on_no_other_deployment() external {
        uint256 homeChain = block.chainid;
        Report memory r = report(1, 425, 4);
        ReportSignatures memory s = sign(feed, r, bits(3));
        vm.chainId(7702);
        IFeedAggregator twin = IFeedAggregator(deploy("FeedAggregator", arguments(homeChain, address(feed), config(4))));
        IFeedAggregator stranger = newFeed(config(4));

        twin.transmit(config(4), r, s);

        eq(keccak256(abi.encode(_digest(twin))), keccak256(abi.encode(_digest(feed))), "one configuration");
        vm.expectPartialRevert(IFeedAggregator.SignatureNotOf.selector);
        stranger.transmit(config(4), r, s);
        vm.chainId(homeChain);
        feed.transmit(config(4), r, s);
    }

    // ---- L84: configuration

    function test_L84_a_new_configuration_ends_reports_of_the_old_one() external {
        Report memory r = report(1, 425, 4);
        ReportSignatures memory s = sign(feed, r, bits(3));
        feed.setConfig(config(7));
        (uint32 number, bytes32 digest) = feed.configuration();
        eq(number, 2, "number");

        bytes32 old = feed.configDigestOf(2, config(4));
        _fails(config(4), r, s, abi.encodeWithSelector(IFeedAggregator.ConfigWrong.selector, old, digest));
        vm.expectPartialRevert(IFeedAggregator.QuorumMissing.selector);
        feed.transmit(config(7), r, s);
        send(feed, config(7), report(1, 425, 7), bits(5));
    }

    function test_L84_even_the_same_configuration_again_is_another() external {
        Report memory r = report(1, 425, 4);
        ReportSignatures memory s = sign(feed, r, bits(3));
        feed.setConfig(config(4));

        vm.expectPartialRevert(IFeedAggregator.SignatureNotOf.selector);
        feed.transmit(config(4), r, s);
    }

    function test_L84_rounds_and_answers_outlive_a_configuration() external {
        transmit(3, 425);
        feed.setConfig(config(7));

        (uint80 id,,,,) = feed.latestRoundData();
        eq(id, 3, "round");
        Report memory r = report(3, 425, 7);
        ReportSignatures memory s = sign(feed, r, bits(5));
        _fails(config(7), r, s, abi.encodeWithSelector(IFeedAggregator.ReportOld.selector, 3, 3));
    }

    function test_L84_only_the_administrator_configures() external {
        FeedConfig memory c = config(4);
        bytes4 refused = IFeedAggregator.CallerNotAdministrator.selector;
        vm.expectRevert(abi.encodeWithSelector(refused, PAYER, address(this)));
        vm.prank(PAYER);
        feed.setConfig(c);
    }

    function test_V6_sets_that_tolerate_nobody_are_refused() external {
        uint256[9] memory sizes = [uint256(0), 1, 2, 3, 5, 6, 8, 30, 32];
        keys.push(uint256(keccak256("one more")));
        for (uint256 i = 0; i < sizes.length; ++i) {
            _configFails(
                config(sizes[i]), abi.encodeWithSelector(IFeedAggregator.OperatorsRefused.selector, 20 * sizes[i])
            );
        }
        FeedConfig memory c = config(4);
        c.operators = bytes.concat(c.operators, bytes1(0));
        _configFails(c, abi.encodeWithSelector(IFeedAggregator.OperatorsRefused.selector, 81));
    }

    function test_V6_zero_repeated_and_unsorted_operators_are_refused() external {
        bytes4 unsorted = IFeedAggregator.OperatorsUnsorted.selector;
        FeedConfig memory c = config(4);
        c.operators = bytes.concat(bytes20(0), _slice(c.operators, 20, 60));
        _configFails(c, abi.encodeWithSelector(unsorted, 0));
        c = config(4);
        c.operators = bytes.concat(_slice(c.operators, 0, 20), _slice(c.operators, 0, 60));
        _configFails(c, abi.encodeWithSelector(unsorted, 1));
        c = config(4);
        c.operators = bytes.concat(_slice(c.operators, 0, 40), _slice(c.operators, 60, 20), _slice(c.operators, 40, 20));
        _configFails(c, abi.encodeWithSelector(unsorted, 3));
    }

    function test_V6_limits_that_make_no_sense_are_refused() external {
        for (uint256 field = 0; field < 7; ++field) {
            FeedConfig memory c = config(4);
            if (field == 0) c.max = c.min;
            if (field == 1) c.alarm.low = c.min - 1;
            if (field == 2) c.alarm.hysteresis = 301;
            if (field == 3) c.alarm.duration = 31 days;
            if (field == 4) c.deviation = 0;
            if (field == 5) c.heartbeat = 0;
            if (field == 6) c.staleAfter = c.heartbeat - 1;
            _configFails(c, abi.encodeWithSelector(IFeedAggregator.ConfigRefused.selector, field));
        }
        FeedConfig memory d = config(4);
        (d.alarm.low, d.alarm.high) = (800, 200);
        _configFails(d, abi.encodeWithSelector(IFeedAggregator.ConfigRefused.selector, 1));
        d = config(4);
        d.alarm.hysteresis = type(uint128).max;
        _configFails(d, abi.encodeWithSelector(IFeedAggregator.ConfigRefused.selector, 2));
    }

    function test_V6_a_feed_with_zeros_is_refused() external {
        bytes memory good = arguments(1, address(feed), config(4));
        bytes4 refused = IFeedAggregator.FeedRefused.selector;
        bytes memory c = abi.encode(FeedId.wrap(0), 1, address(feed), address(this), uint8(2), "t", config(4));
        _deployFails(c, abi.encodeWithSelector(refused, 0));
        c = abi.encode(FEED, 0, address(feed), address(this), uint8(2), "t", config(4));
        _deployFails(c, abi.encodeWithSelector(refused, 1));
        c = abi.encode(FEED, 1, address(0), address(this), uint8(2), "t", config(4));
        _deployFails(c, abi.encodeWithSelector(refused, 1));
        c = abi.encode(FEED, block.chainid, address(feed), address(this), uint8(2), "t", config(4));
        _deployFails(c, abi.encodeWithSelector(refused, 1));
        c = abi.encode(FEED, 1, address(feed), address(0), uint8(2), "t", config(4));
        _deployFails(c, abi.encodeWithSelector(refused, 2));
        c = abi.encode(FEED, 1, address(feed), address(this), uint8(19), "t", config(4));
        _deployFails(c, abi.encodeWithSelector(refused, 3));
        c = abi.encode(FEED, 1, address(feed), address(this), uint8(2), "", config(4));
        _deployFails(c, abi.encodeWithSelector(refused, 4));
        this.deployExternally(good);
    }

    // ---- L85: freshness, silence, requests

    function test_L85_a_read_says_how_old_it_may_be() external {
        transmit(1, 425);
        vm.warp(START + 100);

        (int256 answer, uint256 updatedAt) = feed.readFresh(100);
        eq(uint256(answer), 425, "answer");
        eq(updatedAt, START, "time");
        vm.expectRevert(abi.encodeWithSelector(IFeedAggregator.AnswerTooOld.selector, 100, 99));
        feed.readFresh(99);
        vm.expectRevert(abi.encodeWithSelector(IFeedAggregator.AnswerTooOld.selector, 100, 0));
        feed.readFresh(0);
    }

    function test_L85_a_report_that_comes_late_does_not_look_fresh() external {
        Report memory r = report(1, 425, 4);
        ReportSignatures memory s = sign(feed, r, bits(3));
        vm.warp(START + 1 hours);
        feed.transmit(config(4), r, s);

        (,,, uint256 updatedAt,) = feed.latestRoundData();
        eq(updatedAt, START, "time of the data");
        vm.expectRevert(abi.encodeWithSelector(IFeedAggregator.AnswerTooOld.selector, 1 hours, 60));
        feed.readFresh(60);
    }

    function test_L85_silence_is_said_once_by_anyone_and_ends_with_an_answer() external {
        transmit(1, 425);
        FeedConfig memory c = config(4);
        bytes4 notStale = IFeedAggregator.NotStale.selector;

        vm.warp(START + 149);
        vm.expectRevert(abi.encodeWithSelector(notStale, START + 149, START + 150));
        feed.markStale(c);
        vm.warp(START + 150);
        vm.expectEmit(true, true, true, true, address(feed));
        emit IFeedAggregator.FeedStale(2, 1, START, PAYER);
        vm.prank(PAYER);
        feed.markStale(c);
        vm.expectRevert(abi.encodeWithSelector(notStale, START + 150, START + 150));
        feed.markStale(c);
        transmit(2, 430);
        vm.warp(START + 300);
        feed.markStale(c);
    }

    function test_L85_a_feed_that_never_spoke_is_stale_too_with_its_own_limits_only() external {
        vm.warp(START + 150);
        FeedConfig memory c = config(4);
        c.staleAfter = 60;
        vm.expectPartialRevert(IFeedAggregator.ConfigWrong.selector);
        feed.markStale(c);
        feed.markStale(config(4));
    }

    function test_L85_a_round_is_requested_once() external {
        vm.prank(PAYER);
        eq(feed.requestRound(), 1, "round");
        vm.expectRevert(abi.encodeWithSelector(IFeedAggregator.RequestedBefore.selector, 1));
        feed.requestRound();
        transmit(1, 425);
        eq(feed.requestRound(), 2, "next");
    }

    // ---- L87: events

    function test_V5_L87_events_have_no_gaps_and_consumers_see_theirs() external {
        vm.recordLogs();
        transmit(1, 900);
        vm.warp(START + 120);
        transmit(2, 900);
        feed.requestRound();
        vm.warp(START + 300);
        feed.markStale(config(4));
        feed.setConfig(config(7));

        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 next = 1; // the first configuration
        uint256 answers = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            bool known = logs[i].topics[0] == IAggregatorV3.AnswerUpdated.selector
                || logs[i].topics[0] == IAggregatorV3.NewRound.selector;
            if (known) ++answers;
            else eq(uint256(logs[i].topics[1]), next++, "number");
        }
        eq(answers, 4, "two for each round");
        eq(next, feed.events(), "counted");
        eq(next, 7, "all of them");
    }

    function test_L87_an_answer_is_announced_as_consumers_expect() external {
        vm.expectEmit(true, true, true, true, address(feed));
        emit IAggregatorV3.NewRound(1, PAYER, START);
        vm.expectEmit(true, true, true, true, address(feed));
        emit IAggregatorV3.AnswerUpdated(-425, 1, START);
        transmit(1, -425);
    }

    // ---- helpers

    function _digest(IFeedAggregator f) private view returns (bytes32 digest) {
        (, digest) = f.configuration();
    }

    function _fails(Report memory r, bytes memory error) private {
        _fails(config(4), r, sign(feed, r, bits(3)), error);
    }

    function _fails(FeedConfig memory c, Report memory r, ReportSignatures memory s, bytes memory error) private {
        vm.expectRevert(error);
        feed.transmit(c, r, s);
    }

    function _configFails(FeedConfig memory c, bytes memory error) private {
        vm.expectRevert(error);
        feed.setConfig(c);
        _deployFails(arguments(1, address(feed), c), error);
    }

    function _deployFails(bytes memory arguments_, bytes memory error) private {
        vm.expectRevert(error);
        this.deployExternally(arguments_);
    }

    function deployExternally(bytes calldata arguments_) external {
        deploy("FeedAggregator", arguments_);
    }

    function _slice(bytes memory data, uint256 from, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            part[i] = data[from + i];
        }
    }

    function _sort(int128[] memory list) private pure {
        for (uint256 i = 1; i < list.length; ++i) {
            for (uint256 j = i; j > 0 && list[j] < list[j - 1]; --j) {
                (list[j], list[j - 1]) = (list[j - 1], list[j]);
            }
        }
    }
}
