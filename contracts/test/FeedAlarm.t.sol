// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AlarmBand, FeedAlarm, FeedConfig, Report} from "../src/FeedTypes.sol";
import {IFeedAggregator} from "../src/IFeedAggregator.sol";
import {FeedWorld} from "./support/FeedWorld.sol";

/// A band with hysteresis and duration: L86. Calm from 2 to 8 degrees, 0.5 within to clear, for two minutes.
contract FeedAlarmTest is FeedWorld {
    uint32 private _next = 1;

    function _at(uint256 second, int128 answer) private {
        vm.warp(START + second);
        transmit(_next++, answer);
    }

    function _is(bool raised, uint256 since, string memory what) private view {
        (bool got, uint40 from) = feed.alarm();
        yes(got == raised, what);
        eq(from, since == 0 ? 0 : START + since, what);
    }

    function test_L86_an_alarm_is_raised_when_the_band_is_left_for_long_enough() external {
        _at(0, 425);
        _at(60, 801);
        _is(false, 60, "it begins");
        _at(179, 801);
        _is(false, 60, "not long enough");

        vm.warp(START + 180);
        vm.expectEmit(true, true, true, true, address(feed));
        emit IFeedAggregator.AlarmRaised(5, 4, 900, START + 180);
        transmit(_next++, 900);

        _is(true, 0, "raised");
    }

    function test_L86_below_the_band_is_an_alarm_too() external {
        _at(0, 199);
        _at(120, -4_000);
        _is(true, 0, "raised");
    }

    function test_L86_one_calm_answer_begins_it_anew() external {
        _at(0, 900);
        _at(60, 800);
        _is(false, 0, "calm: the bounds belong to the band");
        _at(61, 900);
        _at(180, 900);
        _is(false, 61, "anew");
        _at(181, 900);
        _is(true, 0, "raised");
    }

    function test_L86_an_alarm_is_cleared_only_well_within_the_band_and_for_as_long() external {
        _at(0, 900);
        _at(120, 900);
        _at(130, 751);
        _is(true, 0, "within the band, not within the hysteresis");
        _at(140, 750);
        _is(true, 140, "it begins");
        _at(200, 900);
        _is(true, 0, "back out");
        _at(210, 250);
        _at(330, 700);
        _is(false, 0, "cleared");
    }

    function test_L86_the_feed_goes_on_during_an_alarm() external {
        _at(0, 900);
        _at(120, 5_000);
        _at(121, 6_000);

        (int256 answer,) = feed.readFresh(1);
        eq(uint256(answer), 6_000, "as high as is plausible");
    }

    function test_L86_a_clock_that_was_ahead_does_not_stop_the_feed() external {
        Report memory r = report(1, 900, 4);
        r.observedAt = START + 30;
        send(feed, config(4), r, bits(3));
        _is(false, 30, "it begins, ahead");

        _next = 2;
        _at(10, 900);
        _is(false, 30, "not long enough");
        _at(150, 900);
        _is(true, 0, "raised");
    }

    function test_L86_without_a_duration_every_answer_decides() external {
        FeedConfig memory c = config(4);
        c.alarm.duration = 0;
        feed.setConfig(c);
        send(feed, c, report(1, 801, 4), bits(3));
        _is(true, 0, "raised");
        send(feed, c, report(2, 750, 4), bits(3));
        _is(false, 0, "cleared");
    }

    function test_L86_a_new_configuration_keeps_the_alarm_and_begins_its_end_anew() external {
        _at(0, 900);
        _at(120, 900);
        _at(130, 500);
        _is(true, 130, "ending");

        feed.setConfig(config(4));

        _is(true, 0, "still raised");
    }

    /// What the book says, written another way: the last answers alone decide.
    function testFuzz_L86_alarms_are_those_of_the_book(uint256 seed) external view {
        AlarmBand memory band = AlarmBand(200, 800, 50, 120);
        (bool raised, uint40 since, bool expected) = (false, 0, false);
        int128[] memory answers = new int128[](24);
        uint40[] memory times = new uint40[](24);
        uint256 changed = 0;
        uint40 now_ = START;
        for (uint256 i = 0; i < 24; ++i) {
            now_ += uint40(seed % 90);
            seed = uint256(keccak256(abi.encode(seed)));
            (answers[i], times[i]) = (int128(int256(seed % 1_000)), now_);
            seed = uint256(keccak256(abi.encode(seed)));

            (raised, since) = this.next(band, raised, since, answers[i], now_);

            if (_turns(band, expected, answers, times, changed, i)) (expected, changed) = (!expected, i + 1);
            yes(raised == expected, "alarm");
        }
    }

    /// Whether from some answer on, none before `from`, up to answer `last`, all would change it, for long enough.
    function _turns(
        AlarmBand memory band,
        bool raised,
        int128[] memory answers,
        uint40[] memory times,
        uint256 from,
        uint256 last
    ) private pure returns (bool) {
        for (uint256 i = last + 1; i > from; --i) {
            int128 a = answers[i - 1];
            bool out = a < 200 || a > 800;
            bool well = a >= 250 && a <= 750;
            if (raised ? !well : !out) return false;
            if (times[last] - times[i - 1] >= band.duration) return true;
        }
        return false;
    }

    function next(AlarmBand calldata band, bool raised, uint40 since, int128 answer, uint40 at)
        external
        pure
        returns (bool, uint40)
    {
        return FeedAlarm.next(band, raised, since, answer, at);
    }
}
