// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Candidate, CandidateState, ElectionConfig, Position} from "../src/ElectionTypes.sol";
import {IElection} from "../src/IElection.sol";
import {IAdministered} from "../src/IAdministered.sol";
import {IValidatorSet, Validator} from "../src/IValidatorSet.sol";
import {ElectionWorld} from "./support/ElectionWorld.sol";

/// A contract of a candidate's owner that votes for it.
contract SelfVoter {
    constructor(IElection election, uint32 number) payable {
        election.vote{value: msg.value}(number);
    }
}

/// Candidates and their deposits: L132 to L134, V6.
contract ElectionCandidatesTest is ElectionWorld {
    function _state(uint32 number) private view returns (CandidateState) {
        return election.candidate(number).state;
    }

    function test_a_candidate_is_on_record_with_keys_and_deposit() external {
        uint32 number = register(7);

        Candidate memory c = election.candidate(number);
        eq(number, 8, "number");
        eq(election.numberOf(voteOf(7)), 8, "by vote key");
        eq(c.vote, voteOf(7), "vote");
        eq(c.network, networkOf(7), "network");
        eq(c.deposit, DEPOSIT, "deposit");
        yes(c.state == CandidateState.Running, "running");
    }

    function test_a_deposit_below_the_least_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IElection.DepositRefused.selector, DEPOSIT - 1, DEPOSIT));
        this.registerOne(7, DEPOSIT - 1);
    }

    function registerOne(uint256 i, uint96 deposit) external {
        register(i, deposit);
    }

    function test_L133_a_key_is_one_candidates_for_ever() external {
        vm.expectPartialRevert(IElection.KeyUsed.selector);
        this.registerOne(3, DEPOSIT);
        bytes memory signed = signature(key(1, 9), election.candidacyDigest(address(this), voteOf(9), networkOf(3)));
        vm.expectRevert(abi.encodeWithSelector(IElection.KeyUsed.selector, 1));
        election.register{value: DEPOSIT}(voteOf(9), networkOf(3), "h:1", 0, signed);
        slash(3);
        vm.expectPartialRevert(IElection.KeyUsed.selector);
        this.registerOne(3, DEPOSIT);
    }

    function test_L133_nobody_stands_without_its_keys_signature() external {
        bytes memory signed = signature(key(1, 9), election.candidacyDigest(ownerOf(9), voteOf(9), networkOf(9)));
        // A thief sends what the owner signed.
        vm.expectPartialRevert(IElection.CandidacyNotSigned.selector);
        election.register{value: DEPOSIT}(voteOf(9), networkOf(9), "h:1", 0, signed);
        vm.expectPartialRevert(IElection.CandidacyNotSigned.selector);
        election.register{value: DEPOSIT}(voteOf(9), networkOf(9), "h:1", 0, "");
    }

    function test_zero_keys_bad_endpoints_and_too_much_commission_are_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IElection.KeyZero.selector, 0));
        election.register{value: DEPOSIT}(address(0), networkOf(9), "h:1", 0, "");
        vm.expectRevert(abi.encodeWithSelector(IElection.KeyZero.selector, 1));
        election.register{value: DEPOSIT}(voteOf(9), 0, "h:1", 0, "");
        vm.expectRevert(abi.encodeWithSelector(IElection.EndpointRefused.selector, 0, 31));
        election.register{value: DEPOSIT}(voteOf(9), networkOf(9), "", 0, "");
        vm.expectRevert(abi.encodeWithSelector(IElection.EndpointRefused.selector, 32, 31));
        election.register{value: DEPOSIT}(voteOf(9), networkOf(9), string(new bytes(32)), 0, "");
        vm.expectRevert(abi.encodeWithSelector(IElection.CommissionRefused.selector, 10_001, 10_000));
        election.register{value: DEPOSIT}(voteOf(9), networkOf(9), "h:1", 10_001, "");
    }

    function test_only_the_owner_changes_a_candidate() external {
        bytes memory refused = abi.encodeWithSelector(IElection.CallerNotOwner.selector, address(this), ownerOf(0));
        vm.expectRevert(refused);
        election.resign(1);
        vm.expectRevert(refused);
        election.setEndpoint(1, "h:1");
        vm.expectRevert(refused);
        election.rejoin(1);
    }

    function test_a_new_endpoint_is_scheduled_with_the_next_election() external {
        elect();
        vm.prank(ownerOf(2));
        election.setEndpoint(3, "moved.example:4000");

        election.elect();

        eq(keccak256(bytes(set.at(set.currentEpoch() + 1)[2].endpoint)), keccak256("moved.example:4000"), "endpoint");
    }

    function test_L132_a_deposit_comes_back_after_the_delay_once() external {
        register(7);
        vm.prank(ownerOf(7));
        election.resign(8);
        vm.expectRevert(abi.encodeWithSelector(IElection.StillProducing.selector, 8));
        election.release(8); // not in the epoch it resigned in, however long that is
        vm.roll(nextEpoch());
        vm.expectRevert(
            abi.encodeWithSelector(IElection.ReleaseTooEarly.selector, block.timestamp, block.timestamp + EXIT)
        );
        election.release(8);

        vm.warp(block.timestamp + EXIT);
        election.release(8);
        election.withdraw(ownerOf(7));

        eq(ownerOf(7).balance, DEPOSIT, "paid");
        vm.expectPartialRevert(IElection.CandidateNotRunning.selector);
        election.release(8);
        vm.expectRevert(abi.encodeWithSelector(IElection.NothingCredited.selector, ownerOf(7)));
        election.withdraw(ownerOf(7));
    }

    function test_L132_while_it_produces_its_deposit_stays_and_the_delay_begins_when_it_stops() external {
        register(7);
        elect();
        vm.prank(ownerOf(0));
        election.resign(1);
        vm.warp(block.timestamp + EXIT);
        vm.expectRevert(abi.encodeWithSelector(IElection.StillProducing.selector, 1));
        election.release(1);

        grow(nextEpoch(), numbers(7));
        electWith(numbers(7));
        yes(!produces(0) && produces(7), "replaced");
        vm.expectRevert(abi.encodeWithSelector(IElection.StillProducing.selector, 1));
        election.release(1); // it validates until the epoch ends
        vm.roll(nextEpoch());
        vm.expectPartialRevert(IElection.ReleaseTooEarly.selector);
        election.release(1);
        vm.warp(block.timestamp + EXIT);
        election.release(1);
        eq(election.credited(ownerOf(0)), DEPOSIT, "credited");
    }

    function test_who_left_can_still_be_slashed() external {
        register(7);
        vm.prank(ownerOf(7));
        election.resign(8);

        slash(7);

        yes(_state(8) == CandidateState.Slashed, "slashed");
        vm.warp(block.timestamp + EXIT);
        vm.expectPartialRevert(IElection.CandidateNotRunning.selector);
        election.release(8);
    }

    function test_when_all_places_are_taken_a_better_one_displaces_the_last() external {
        elect();
        for (uint256 i = 7; i < 256; ++i) {
            register(i);
        }
        vm.expectPartialRevert(IElection.CandidatesFull.selector);
        this.registerOne(256, DEPOSIT);

        uint32 number = register(256, DEPOSIT + 1 ether);

        yes(_state(number) == CandidateState.Running, "stands");
        yes(_state(256) == CandidateState.Leaving, "the last of equals left");
        eq(election.running().length, 256, "bounded");
        voteFor(number, 0, 1_000 ether);
        elect();
        yes(produces(256), "the whole list can be ranked");
    }

    function test_V6_a_configuration_with_zeros_or_nonsense_is_refused() external {
        for (uint256 field = 0; field < 15; ++field) {
            ElectionConfig memory c = config();
            if (field == 0) c.validatorSet = address(1);
            if (field == 1) c.devices = address(0);
            if (field == 2) c.domain = 0;
            if (field == 3) c.treasury = address(0);
            if (field == 4) c.minimumDeposit = 0;
            if (field == 7) c.voteWeight = 10_000;
            if (field == 8) c.idleShare = 0;
            if (field == 9) c.reporterShare = 5_001;
            if (field == 10) c.devicesPerSeat = 0;
            if (field == 11) c.benchEpochs = 0;
            if (field == 12) c.closingBlocks = uint32(LENGTH / 2 + 1);
            if (field == 13) c.voteLock = 0;
            if (field == 14) c.exitDelay = 0;
            if (field == 5 || field == 6) continue; // a weight and a reward of zero are a choice
            vm.expectRevert(abi.encodeWithSelector(IElection.ElectionConfigRefused.selector, field));
            this.deployElection(c);
        }
    }

    function deployElection(ElectionConfig memory c) external {
        deploy("Election", abi.encode(c));
    }

    function test_L134_the_former_administrator_has_no_say_any_more() external {
        Validator[] memory mine = set.at(0);
        vm.expectPartialRevert(IValidatorSet.CallerNotAdministrator.selector);
        set.schedule(mine);
        vm.expectPartialRevert(IAdministered.AdministrationNotYours.selector);
        set.offerAdministration(address(this));
        eq(set.administrator(), address(election), "the election");
    }
}

/// Voters and their points: L121, L122, L128.
contract ElectionVotersTest is ElectionWorld {
    function test_votes_are_locked_points() external {
        voteFor(1, 0, 5 ether);

        eq(election.candidate(1).votes, 5 ether, "votes");
        Position memory p = election.positionOf(1, voterOf(0));
        eq(p.amount, 5 ether, "position");
        eq(p.movableAt, block.timestamp + LOCK, "locked");
        eq(voterOf(0).balance, 0, "spent");
    }

    function test_L121_locked_points_neither_move_nor_vote_again() external {
        voteFor(1, 0, 5 ether);
        bytes memory locked =
            abi.encodeWithSelector(IElection.VoteLocked.selector, block.timestamp, block.timestamp + LOCK);

        vm.expectRevert(locked);
        vm.prank(voterOf(0), voterOf(0));
        election.unvote(1, 1);
        vm.expectRevert(locked);
        vm.prank(voterOf(0), voterOf(0));
        election.move(1, 2, 1);
    }

    function test_L121_points_move_after_the_lock_and_are_locked_anew() external {
        voteFor(1, 0, 5 ether);
        vm.warp(block.timestamp + LOCK);

        vm.prank(voterOf(0), voterOf(0));
        election.move(1, 2, 3 ether);

        eq(election.candidate(1).votes, 2 ether, "from");
        eq(election.candidate(2).votes, 3 ether, "to");
        vm.expectPartialRevert(IElection.VoteLocked.selector);
        vm.prank(voterOf(0), voterOf(0));
        election.unvote(2, 1);
    }

    function test_L121_nobody_takes_anothers_points_or_more_than_his_own() external {
        voteFor(1, 0, 5 ether);
        vm.warp(block.timestamp + LOCK);

        vm.expectRevert(abi.encodeWithSelector(IElection.VoteAmountRefused.selector, 1, 0));
        vm.prank(voterOf(1), voterOf(1));
        election.unvote(1, 1);
        vm.expectRevert(abi.encodeWithSelector(IElection.VoteAmountRefused.selector, 5 ether + 1, 5 ether));
        vm.prank(voterOf(0), voterOf(0));
        election.unvote(1, 5 ether + 1);
        vm.prank(voterOf(0), voterOf(0));
        election.unvote(1, 5 ether);
        election.withdraw(voterOf(0));
        eq(voterOf(0).balance, 5 ether, "back");
    }

    function test_L121_a_later_vote_locks_the_whole_position() external {
        voteFor(1, 0, 5 ether);
        vm.warp(block.timestamp + LOCK - 1);
        voteFor(1, 0, 1);
        vm.warp(block.timestamp + 1);

        vm.expectPartialRevert(IElection.VoteLocked.selector);
        vm.prank(voterOf(0), voterOf(0));
        election.unvote(1, 1);
    }

    function test_L121_points_of_a_slashed_candidate_are_free_at_once() external {
        voteFor(1, 0, 5 ether);

        slash(0);
        vm.prank(voterOf(0), voterOf(0));
        election.move(1, 2, 5 ether);

        eq(election.candidate(2).votes, 5 ether, "moved");
    }

    function test_no_points_are_no_vote_and_only_who_stands_is_voted_for() external {
        vm.expectPartialRevert(IElection.VoteAmountRefused.selector);
        vm.prank(voterOf(0), voterOf(0));
        election.vote(1);
        vm.expectPartialRevert(IElection.CandidateNotRunning.selector);
        vm.prank(voterOf(0), voterOf(0));
        election.vote(99);
    }

    function test_nobody_votes_for_oneself_with_either_account() external {
        vm.deal(ownerOf(0), 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IElection.VoteForOneself.selector, 1, ownerOf(0)));
        vm.prank(ownerOf(0), ownerOf(0));
        election.vote{value: 1 ether}(1);
        vm.deal(voteOf(0), 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IElection.VoteForOneself.selector, 1, voteOf(0)));
        vm.prank(voteOf(0), voteOf(0));
        election.vote{value: 1 ether}(1);
    }

    function test_nobody_votes_for_oneself_through_a_contract() external {
        // Also not while it is being made, when it has no code yet.
        vm.expectPartialRevert(IElection.VoterIsContract.selector);
        new SelfVoter{value: 1 ether}(election, 1);
    }

    function test_L122_the_score_is_the_formula_over_what_anyone_can_read() external {
        election.fund{value: 100 ether}();
        voteFor(1, 0, 70 ether);
        electWith(numbers(7));

        Candidate memory c = election.candidate(1);
        yes(c.produced > 0, "has made blocks");
        uint256 contribution = c.deposit + 1 ether * uint256(c.produced) * c.filled / 10_000;
        eq(election.contributionOf(1), contribution, "C");
        eq(election.scoreOf(1), (6_000 * 70 ether + 4_000 * contribution) / 10_000, "S");
    }

    function test_L122_the_largest_votes_and_deposit_do_not_overflow() external {
        voteFor(1, 0, type(uint128).max - 1);
        voteFor(1, 1, 1);
        vm.deal(address(this), type(uint96).max);
        election.raiseDeposit{value: type(uint96).max - DEPOSIT}(1);
        vm.expectRevert(abi.encodeWithSelector(IElection.VoteAmountRefused.selector, 1, 0));
        this.voteOne();
        vm.expectPartialRevert(IElection.DepositRefused.selector);
        election.raiseDeposit{value: 1}(1);

        elect();

        yes(produces(0), "elected");
        eq(election.ranking()[0], 1, "first");
    }

    function voteOne() external {
        voteFor(1, 2, 1);
    }

    function test_L128_rewards_are_shared_with_voters_by_their_points() external {
        election.fund{value: 1_000 ether}();
        voteFor(1, 0, 30 ether);
        voteFor(1, 1, 10 ether);
        grow(FIRST_HEIGHT + 7, numbers(7));
        uint40 blocks = election.candidate(1).produced;
        eq(blocks, 1, "one block");

        election.collect(1, voterOf(0));
        election.collect(1, voterOf(1));
        election.collect(1, voterOf(2));

        eq(election.credited(ownerOf(0)), 0.25 ether, "commission");
        eq(election.credited(voterOf(0)), 0.5625 ether, "three quarters of the rest");
        eq(election.credited(voterOf(1)), 0.1875 ether, "a quarter of it");
        eq(election.credited(voterOf(2)), 0, "did not vote");
        eq(election.credited(ownerOf(1)), 1 ether, "without voters all is the owner's");
    }

    function test_L128_who_votes_later_has_no_share_of_what_was_earned_before() external {
        election.fund{value: 1_000 ether}();
        grow(FIRST_HEIGHT + 7, numbers(7));

        voteFor(1, 0, 30 ether);

        eq(election.pendingOf(1, voterOf(0)), 0, "nothing yet");
    }

    function test_L128_an_empty_pool_pays_nothing_and_stops_nothing() external {
        election.fund{value: 1.5 ether}();

        grow(FIRST_HEIGHT + 8, numbers(7));

        eq(election.pool(), 0, "paid out");
        uint256 paid;
        for (uint256 i = 0; i < 7; ++i) {
            paid += election.credited(ownerOf(i));
        }
        eq(paid, 1.5 ether, "and no more");
    }
}
