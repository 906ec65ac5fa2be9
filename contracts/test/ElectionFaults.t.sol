// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Candidate, CandidateState, ConsensusVote} from "../src/ElectionTypes.sol";
import {IElection} from "../src/IElection.sol";
import {ElectionWorld} from "./support/ElectionWorld.sol";

/// Evidence of two votes: L129, L130. Candidate 2 is the `Equivocator`.
contract ElectionFaultsTest is ElectionWorld {
    uint64 private constant EPOCH = 20;
    uint64 private constant VIEW = 7;

    function _notarize(uint256 i, bytes32 blockHash) private view returns (ConsensusVote memory) {
        return castBy(i, 0, EPOCH, VIEW, blockHash);
    }

    function _finalize(uint256 i, bytes32 blockHash) private view returns (ConsensusVote memory) {
        return castBy(i, 2, EPOCH, VIEW, blockHash);
    }

    function _nullify(uint256 i) private view returns (ConsensusVote memory) {
        return castBy(i, 1, EPOCH, VIEW, 0);
    }

    function _refused(ConsensusVote memory a, ConsensusVote memory b, bytes memory error) private {
        vm.expectRevert(error);
        election.report(a, b);
    }

    function _compatible(ConsensusVote memory a, ConsensusVote memory b) private {
        _refused(a, b, abi.encodeWithSelector(IElection.VotesCompatible.selector));
    }

    // ---- what is slashed

    function test_L129_two_notarizations_of_one_view_are_slashed() external {
        elect();
        (ConsensusVote memory a, ConsensusVote memory b) = (_notarize(2, "a"), _notarize(2, "b"));
        vm.prank(REPORTER);
        election.report(a, b);

        Candidate memory c = election.candidate(3);
        yes(c.state == CandidateState.Slashed, "slashed");
        eq(c.deposit, 0, "nothing left");
        eq(election.credited(REPORTER), DEPOSIT * 3 / 10, "reporter");
        eq(election.credited(TREASURY), DEPOSIT * 7 / 10, "treasury");
    }

    function test_L129_two_finalizations_of_one_view_are_slashed() external {
        election.report(_finalize(2, "a"), _finalize(2, "b"));
        yes(election.candidate(3).state == CandidateState.Slashed, "slashed");
    }

    function test_L129_one_block_on_two_parents_is_slashed() external {
        ConsensusVote memory other = _notarize(2, "a");
        other.parentView = VIEW - 2;
        other.signature = signature(key(1, 2), election.voteDigest(other));

        election.report(_notarize(2, "a"), other);
        yes(election.candidate(3).state == CandidateState.Slashed, "slashed");
    }

    function test_L129_finalizing_what_one_nullified_is_slashed_in_either_order() external {
        election.report(_finalize(2, "a"), _nullify(2));
        election.report(_nullify(3), _finalize(3, "a"));

        yes(election.candidate(3).state == CandidateState.Slashed, "slashed");
        yes(election.candidate(4).state == CandidateState.Slashed, "slashed");
    }

    // ---- what is not

    function test_L129_what_honest_validators_sign_is_no_offence() external {
        // A block is notarized, then its view times out; or it is notarized and finalized; or one vote is seen twice.
        _compatible(_notarize(2, "a"), _nullify(2));
        _compatible(_notarize(2, "a"), _finalize(2, "a"));
        _compatible(_notarize(2, "a"), _notarize(2, "a"));
        _compatible(_finalize(2, "a"), _finalize(2, "a"));
        _compatible(_nullify(2), _nullify(2));
    }

    function test_L129_votes_of_two_views_or_epochs_are_no_offence() external {
        _compatible(_notarize(2, "a"), castBy(2, 0, EPOCH, VIEW + 1, "b"));
        _compatible(_notarize(2, "a"), castBy(2, 0, EPOCH + 1, VIEW, "b"));
    }

    function test_L129_a_vote_with_another_epoch_written_on_it_is_nobodys() external {
        ConsensusVote memory moved = castBy(2, 0, EPOCH + 1, VIEW, "b");
        moved.epoch = EPOCH;

        ConsensusVote memory first = _notarize(2, "a");
        vm.expectPartialRevert(IElection.VotesOfTwo.selector);
        election.report(first, moved);
    }

    function test_L129_two_innocents_do_not_make_an_offender() external {
        _refused(
            _notarize(2, "a"),
            _notarize(3, "b"),
            abi.encodeWithSelector(IElection.VotesOfTwo.selector, voteOf(2), voteOf(3))
        );
    }

    function test_L129_a_forger_without_the_key_slashes_only_himself() external {
        // Signed by a stranger's key: no candidate, nothing at stake.
        ConsensusVote memory a = castBy(50, 0, EPOCH, VIEW, "a");
        ConsensusVote memory b = castBy(50, 0, EPOCH, VIEW, "b");
        _refused(a, b, abi.encodeWithSelector(IElection.NothingAtStake.selector, voteOf(50), CandidateState.None));
    }

    function test_L129_votes_of_another_chain_are_no_evidence() external {
        ConsensusVote memory a = _notarize(2, "a");
        ConsensusVote memory b = _notarize(2, "b");
        a.signature = signature(key(1, 2), _elsewhere(a));
        b.signature = signature(key(1, 2), _elsewhere(b));

        // What is recovered from either is some account, and not the same.
        vm.expectPartialRevert(IElection.VotesOfTwo.selector);
        election.report(a, b);
        yes(election.candidate(3).state == CandidateState.Running, "innocent here");
    }

    function _elsewhere(ConsensusVote memory v) private pure returns (bytes32) {
        return keccak256(abi.encode(domainOf(7702), uint256(v.kind), v.epoch, v.viewNumber, v.parentView, v.blockHash));
    }

    function test_L129_a_second_form_of_a_signature_is_refused() external {
        ConsensusVote memory a = _notarize(2, "a");
        a.signature = high(a.signature);
        _refused(a, _notarize(2, "b"), abi.encodeWithSelector(IElection.VoteSignatureMalformed.selector, 0));
        ConsensusVote memory b = _notarize(2, "b");
        b.signature = hex"00";
        _refused(_notarize(2, "a"), b, abi.encodeWithSelector(IElection.VoteSignatureMalformed.selector, 1));
    }

    function test_L129_a_nullification_that_names_a_block_is_no_evidence() external {
        ConsensusVote memory odd = castBy(2, 1, EPOCH, VIEW, "x");
        _compatible(odd, _finalize(2, "a"));
    }

    function testFuzz_L129_only_the_signer_of_both_is_slashed(uint8 kind, bytes32 one, bytes32 two, uint256 flip)
        external
    {
        kind = kind % 2 == 0 ? 0 : 2;
        vm.assume(one != two);
        ConsensusVote memory a = castBy(2, kind, EPOCH, VIEW, one);
        ConsensusVote memory b = castBy(2, kind, EPOCH, VIEW, two);
        // One bit of the first signature is another.
        a.signature[flip % 64] = bytes1(uint8(a.signature[flip % 64]) ^ uint8(1 << (flip % 8)));

        (bool ok,) = address(election).call(abi.encodeCall(IElection.report, (a, b)));

        yes(!ok, "refused");
        for (uint32 n = 1; n <= 7; ++n) {
            yes(election.candidate(n).state == CandidateState.Running, "nobody is slashed");
        }
    }

    // ---- what follows

    function test_L130_evidence_counts_once() external {
        ConsensusVote memory a = _notarize(2, "a");
        ConsensusVote memory b = _notarize(2, "b");
        election.report(a, b);

        _refused(a, b, abi.encodeWithSelector(IElection.NothingAtStake.selector, voteOf(2), CandidateState.Slashed));
        _refused(
            _finalize(2, "c"),
            _finalize(2, "d"),
            abi.encodeWithSelector(IElection.NothingAtStake.selector, voteOf(2), CandidateState.Slashed)
        );
    }

    function test_L130_the_first_standby_takes_the_place_in_the_next_epoch() external {
        register(7);
        elect();
        yes(produces(2) && !produces(7), "before");

        slash(2);

        yes(!produces(2) && produces(7), "after");
        eq(election.standbys().length, 0, "the standby is used");
        scheduledAsElected();
    }

    function test_L130_also_in_an_epoch_that_is_never_elected() external {
        register(7);
        elect();
        grow(nextEpoch() + 5, numbers(7));

        slash(2);

        scheduledAsElected();
        yes(!produces(2), "out of the next set");
    }

    function test_L130_without_a_standby_the_set_becomes_smaller() external {
        elect();

        slash(2);

        eq(election.producers().length, 6, "six");
        scheduledAsElected();
        grow(nextEpoch(), numbers(7));
        elect();
        eq(election.producers().length, 6, "and six stay");
    }

    function test_L130_below_four_the_set_stays_and_says_so() external {
        elect();
        for (uint256 i = 0; i < 3; ++i) {
            slash(i);
        }
        eq(election.producers().length, 4, "four");
        bytes32 hash = set.votesHash();

        slash(3);

        eq(set.votesHash(), hash, "a set of three could not bear a fault");
        yes(election.candidate(4).state == CandidateState.Slashed, "slashed all the same");
    }

    function test_L130_a_slashed_producer_gets_no_reward_for_blocks_it_still_makes() external {
        election.fund{value: 100 ether}();
        elect();
        uint256 before = election.credited(ownerOf(2));
        slash(2);

        grow(nextEpoch(), numbers(7));

        eq(election.credited(ownerOf(2)), before, "nothing more");
    }

    function test_L130_a_benched_or_gone_standby_is_passed_over() external {
        register(7);
        register(8);
        elect();
        vm.prank(ownerOf(7));
        election.resign(8);

        slash(2);

        yes(!produces(7) && produces(8), "the next one");
    }

    function test_L130_who_resigned_leaves_with_the_slashed_one() external {
        register(7);
        elect();
        vm.prank(ownerOf(0));
        election.resign(1);

        slash(2);

        yes(!produces(0) && !produces(2) && produces(7), "one standby for two");
        eq(election.producers().length, 6, "six");
        scheduledAsElected();
    }
}
