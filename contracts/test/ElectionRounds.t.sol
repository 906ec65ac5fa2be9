// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BlockHeader} from "../src/BlockHeader.sol";
import {IElection} from "../src/IElection.sol";
import {ElectionWorld} from "./support/ElectionWorld.sol";

/// How blocks are counted: L127.
contract ElectionRecordTest is ElectionWorld {
    function test_L127_blocks_are_counted_for_who_made_them() external {
        grow(FIRST_HEIGHT + 15, numbers(7));

        uint256 sum;
        for (uint32 n = 1; n <= 7; ++n) {
            sum += election.candidate(n).produced;
        }
        eq(sum, 14, "each once");
        eq(election.recorded(), FIRST_HEIGHT + 14, "up to the newest");
    }

    function test_L127_a_block_is_not_counted_twice_and_none_is_left_out() external {
        vm.roll(FIRST_HEIGHT + 5);
        bytes[] memory five = headersTo(uint64(FIRST_HEIGHT) + 1, uint64(FIRST_HEIGHT) + 5, numbers(7));
        election.record(five);

        vm.expectRevert(abi.encodeWithSelector(IElection.HeaderOutOfOrder.selector, 0, 1_001, 1_005));
        election.record(five);
        bytes[] memory gap = new bytes[](1);
        gap[0] = headerBy(voteOf(0), 1_006, 0);
        vm.expectRevert(abi.encodeWithSelector(IElection.HeaderOutOfOrder.selector, 0, 1_006, 1_005));
        election.record(gap);
    }

    function test_L127_a_header_of_no_block_counts_for_nothing() external {
        vm.roll(FIRST_HEIGHT + 3);
        bytes[] memory forged = new bytes[](1);
        forged[0] = headerBy(voteOf(3), uint64(FIRST_HEIGHT) + 1, 0);
        vm.expectRevert(abi.encodeWithSelector(IElection.BlockUnknown.selector, FIRST_HEIGHT + 1, keccak256(forged[0])));
        election.record(forged);
        bytes[] memory good = headersTo(uint64(FIRST_HEIGHT) + 1, uint64(FIRST_HEIGHT) + 3, numbers(7));
        good[0] = headerBy(voteOf(3), uint64(FIRST_HEIGHT) + 1, keccak256("other parent"));
        vm.expectRevert(abi.encodeWithSelector(IElection.HeaderNotLinked.selector, 1));
        election.record(good);
    }

    function test_L127_nonsense_is_no_header() external {
        vm.expectRevert(abi.encodeWithSelector(IElection.HeadersRefused.selector, 0, 256));
        election.record(new bytes[](0));
        vm.expectRevert(abi.encodeWithSelector(IElection.HeadersRefused.selector, 257, 256));
        election.record(new bytes[](257));
        bytes[] memory one = new bytes[](1);
        one[0] = "nonsense";
        vm.expectRevert(abi.encodeWithSelector(BlockHeader.HeaderMalformed.selector, 0));
        election.record(one);
    }

    function test_L127_blocks_nobody_recorded_for_long_are_counted_through_an_anchor() external {
        vm.roll(FIRST_HEIGHT + 400);
        bytes[] memory older = headersTo(uint64(FIRST_HEIGHT) + 1, uint64(FIRST_HEIGHT) + 200, numbers(7));
        vm.setBlockhash(FIRST_HEIGHT + 199, keccak256(older[198]));
        bytes[] memory newer = headersTo(uint64(FIRST_HEIGHT) + 200, uint64(FIRST_HEIGHT) + 400, numbers(7));
        vm.setBlockhash(FIRST_HEIGHT + 199, 0); // too far back by then
        vm.setBlockhash(FIRST_HEIGHT + 399, keccak256(newer[199]));
        vm.roll(FIRST_HEIGHT + 500);
        vm.expectPartialRevert(IElection.BlockUnknown.selector);
        election.record(older);

        election.anchor(newer);
        election.record(older);
        election.record(newer);

        eq(election.recorded(), FIRST_HEIGHT + 399, "all");
        yes(election.candidate(1).produced > 0, "counted");
    }

    function test_what_was_produced_counts_half_with_each_epoch() external {
        electWith(numbers(7));
        uint40 before = election.candidate(1).produced;

        vm.roll(nextEpoch());

        eq(election.candidate(1).produced, before / 2, "half");
    }
}

/// Elections: L123 to L126, L131.
contract ElectionRoundsTest is ElectionWorld {
    function test_L123_the_best_by_score_produce_and_the_next_stand_by() external {
        for (uint256 i = 7; i < 10; ++i) {
            register(i);
        }
        voteFor(9, 0, 1_000 ether); // candidate 8
        elect();

        yes(produces(8), "who has most votes");
        yes(!produces(7) && !produces(9), "no room for newcomers without votes");
        eq(election.standbys().length, 3, "the others stand by");
        scheduledAsElected();
    }

    function test_L123_of_equals_who_registered_first_produces() external {
        for (uint256 i = 7; i < 12; ++i) {
            register(i);
        }

        electWith(new uint256[](0)); // nobody of them makes a block

        for (uint256 i = 0; i < 7; ++i) {
            yes(produces(i), "the first seven");
        }
        eq(election.standbys()[0], 8, "then the eighth");
    }

    function testFuzz_L123_the_elected_are_the_top_by_score(uint64[12] calldata votes) external {
        for (uint256 i = 7; i < 12; ++i) {
            register(i);
        }
        for (uint32 i = 0; i < 12; ++i) {
            if (votes[i] != 0) voteFor(i + 1, i, votes[i]);
        }

        elect();

        uint256 least = type(uint256).max;
        uint32 last;
        uint32[] memory all = election.producers();
        for (uint256 i = 0; i < all.length; ++i) {
            uint256 score = election.scoreOf(all[i]);
            if (score < least || (score == least && all[i] > last)) (least, last) = (score, all[i]);
        }
        for (uint256 i = 0; i < 12; ++i) {
            if (produces(i)) continue;
            uint256 score = election.scoreOf(uint32(i + 1));
            yes(score < least || (score == least && i + 1 > last), "nobody better is left out");
        }
        eq(all.length, 7, "seven seats");
        scheduledAsElected();
    }

    function test_an_epoch_is_elected_in_its_closing_blocks_and_not_before() external {
        grow(opens() - 1, numbers(7));
        vm.expectRevert(abi.encodeWithSelector(IElection.ElectionTooEarly.selector, block.number, block.number + 1));
        election.elect();
    }

    function test_no_election_before_the_blocks_are_recorded() external {
        vm.roll(opens());
        vm.expectRevert(abi.encodeWithSelector(IElection.BlocksMissing.selector, FIRST_HEIGHT, block.number - 1));
        election.elect();
    }

    function test_an_election_without_an_office_is_refused() external {
        IElection other = IElection(deploy("Election", abi.encode(config())));
        vm.expectRevert(abi.encodeWithSelector(IElection.NotInOffice.selector, address(election)));
        other.elect();
    }

    function test_a_set_whose_members_stay_keeps_its_hash() external {
        elect();
        bytes32 hash = set.votesHash();
        grow(nextEpoch(), numbers(7));
        voteFor(5, 0, 100 ether); // another order of scores

        elect();

        eq(set.votesHash(), hash, "same");
    }

    // ---- seats

    function test_L124_seats_grow_by_three_for_an_epoch_up_to_101() external {
        devices.set(type(uint64).max);
        uint32 seats = 7;
        while (seats < 100) {
            eq(election.seatsAfter(seats, type(uint64).max), seats + 3, "step");
            seats += 3;
        }
        eq(election.seatsAfter(100, type(uint64).max), 101, "the last step is one");
        eq(election.seatsAfter(101, type(uint64).max), 101, "and then no more");
    }

    function test_L124_seats_shrink_the_way_they_grew_down_to_7() external view {
        eq(election.seatsAfter(101, 0), 100, "the last came alone");
        uint32 seats = 100;
        while (seats > 7) {
            eq(election.seatsAfter(seats, 0), seats - 3, "step");
            seats -= 3;
        }
        eq(election.seatsAfter(7, 0), 7, "never fewer");
    }

    function test_L124_seats_won_are_kept_down_to_four_fifths_of_the_devices() external view {
        // Ten devices for each seat: 30 win three seats.
        eq(election.seatsAfter(7, 29), 7, "not yet");
        eq(election.seatsAfter(7, 30), 10, "won");
        eq(election.seatsAfter(10, 24), 10, "kept");
        eq(election.seatsAfter(10, 23), 7, "lost");
    }

    function testFuzz_L124_seats_stay_within_7_and_101_and_step_once(uint64[16] calldata counts) external view {
        uint32 seats = 7;
        for (uint256 i = 0; i < 16; ++i) {
            uint32 next = election.seatsAfter(seats, counts[i] % 2_000);
            yes(next >= 7 && next <= 101, "bounds");
            yes(next <= seats + 3 && next + 3 >= seats, "one step");
            seats = next;
        }
    }

    function test_L124_more_devices_more_producers() external {
        for (uint256 i = 7; i < 12; ++i) {
            register(i);
        }
        devices.set(30);

        elect();

        eq(election.producers().length, 10, "ten seats");
        eq(election.standbys().length, 2, "and two stand by");
        scheduledAsElected();
    }

    function test_L124_with_fewer_candidates_than_seats_all_of_them_produce() external {
        register(7);
        devices.set(1_000);

        elect();

        eq(election.seats(), 10, "seats");
        eq(election.producers().length, 8, "candidates");
    }

    function test_L125_with_fewer_than_four_candidates_the_set_stays() external {
        elect();
        bytes32 hash = set.votesHash();
        for (uint32 n = 1; n <= 4; ++n) {
            vm.prank(ownerOf(n - 1));
            election.resign(n);
        }
        grow(nextEpoch(), numbers(7));

        elect();

        eq(set.votesHash(), hash, "kept");
        eq(election.producers().length, 7, "they go on");
    }

    function test_L126_electing_again_steps_and_judges_once() external {
        for (uint256 i = 7; i < 20; ++i) {
            register(i);
        }
        devices.set(1_000);
        elect();
        uint16 filled = election.candidate(1).filled;
        eq(election.seats(), 10, "one step");

        election.elect();
        election.elect();

        eq(election.seats(), 10, "still one");
        eq(election.candidate(1).filled, filled, "judged once");
    }

    function test_L126_the_last_election_of_an_epoch_counts_also_when_seats_change_again() external {
        for (uint256 i = 7; i < 20; ++i) {
            register(i);
        }
        devices.set(30);
        elect();
        eq(set.at(set.currentEpoch() + 1).length, 10, "handover to ten is pending");

        devices.set(0);
        election.elect();

        eq(set.at(set.currentEpoch() + 1).length, 7, "seven after all");
        scheduledAsElected();
        vm.roll(nextEpoch());
        eq(set.at(set.currentEpoch()).length, 7, "and seven it is");
    }

    function test_who_wins_votes_after_an_election_calls_another_in_time() external {
        register(7);
        elect();
        yes(!produces(7), "not yet");

        voteFor(8, 0, 1_000 ether);
        election.elect();

        yes(produces(7), "in the same epoch");
        eq(election.candidate(8).since, set.currentEpoch() + 1, "from the next on");
    }

    // ---- idle producers

    /// `LazyProducer`: candidate 3 makes no block for an epoch.
    function _lazyEpoch() private {
        register(7);
        elect();
        grow(nextEpoch(), numbers(7));
        electWith(without(numbers(7), 3));
    }

    function test_L131_an_idle_producer_is_replaced_by_the_first_standby() external {
        _lazyEpoch();

        yes(!produces(3), "out");
        yes(produces(7), "the standby is in");
        eq(election.candidate(4).benchedUntil, set.currentEpoch() + 3, "for two epochs");
        eq(election.candidate(4).filled, 5_000, "and its share is remembered");
        scheduledAsElected();
    }

    function test_L131_it_rejoins_when_its_time_is_over_and_not_by_itself() external {
        _lazyEpoch();
        vm.expectPartialRevert(IElection.RejoinRefused.selector);
        vm.prank(ownerOf(3));
        election.rejoin(4);
        voteFor(4, 0, 1_000 ether);
        for (uint256 i = 0; i < 3; ++i) {
            grow(nextEpoch(), without(numbers(8), 3));
            electWith(without(numbers(8), 3));
            yes(!produces(3), "still out");
        }

        vm.prank(ownerOf(3));
        election.rejoin(4);
        election.elect();

        yes(produces(3), "back");
    }

    function test_L131_who_fills_half_of_its_share_is_not_idle() external {
        elect();
        grow(nextEpoch(), numbers(7));
        // Candidate 3 makes one block of 13 where a fair share is one of 7.
        uint256[] memory makers = new uint256[](13);
        for (uint256 i = 0; i < 13; ++i) {
            makers[i] = i == 0 ? 3 : without(numbers(7), 3)[i % 6];
        }
        electWith(makers);

        yes(produces(3), "stays");
        yes(election.candidate(4).filled < 10_000, "but it is seen");
    }

    function test_L131_a_producer_of_later_epochs_is_not_judged_by_this_one() external {
        register(7);
        voteFor(8, 0, 1_000 ether);
        elect();
        yes(produces(7), "elected for the next epoch");

        election.elect();
        grow(nextEpoch(), numbers(7));
        yes(election.candidate(8).benchedUntil == 0, "it had no slots yet");
    }

    function test_L131_too_few_blocks_judge_nobody() external {
        for (uint256 i = 7; i < 13; ++i) {
            register(i);
        }
        devices.set(1_000);
        elect();
        grow(nextEpoch(), numbers(10));
        electWith(numbers(10));
        grow(nextEpoch(), numbers(13));
        eq(election.producers().length, 13, "thirteen");

        // Forty blocks before the closing ones are not four for each of thirteen.
        electWith(without(numbers(13), 3));

        yes(produces(3), "stays");
    }
}
