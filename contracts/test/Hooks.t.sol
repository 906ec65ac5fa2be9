// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IHashTimeLock} from "../src/IHashTimeLock.sol";
import {ILockHooks} from "../src/ILockHooks.sol";
import {Lock, LockId, LockState} from "../src/LockTypes.sol";
import {Judge, ReenteringJudge} from "./support/Actors.sol";
import {LockTest} from "./support/LockTest.sol";

/// Locks that ask for evidence: L12, the whole table of IHashTimeLock.
contract HooksTest is LockTest {
    Judge private _judge;

    function setUp() public override {
        super.setUp();
        _judge = new Judge();
    }

    function _judged(uint8 flags) private view returns (Lock memory l) {
        l = tokenLock();
        l.terms = terms(1, flags, 1);
        l.hooks = address(_judge);
    }

    function _together(Lock memory l) private {
        bytes32 kind = keccak256("RefundTogether(bytes32 id,uint256 deadline)");
        bytes32 id = keccak256(abi.encode(l));
        bytes memory signature = signed(BOB_KEY, keccak256(abi.encode(kind, id, START)));
        vm.prank(alice);
        htlc.refundTogether(l, START, signature);
    }

    function _claimWith(Lock memory l) private {
        vm.prank(bob);
        htlc.claimWith(l, PREIMAGE, "evidence");
    }

    function _refundWith(Lock memory l) private {
        vm.prank(alice);
        htlc.refundWith(l, "evidence");
    }

    function _needs(bytes4 selector) private view returns (bytes memory) {
        return abi.encodeWithSelector(selector, address(_judge));
    }

    function test_L12_a_claim_condition_that_is_met_pays() external {
        Lock memory l = _judged(1);
        open(l);
        _judge.setAnswer(ILockHooks.checkClaim.selector);

        _claimWith(l);

        eq(token.balanceOf(bob), AMOUNT, "bob");
        eq(_judge.asked(), 1, "asked once");
    }

    function test_L12_a_claim_condition_that_is_not_met_refuses() external {
        Lock memory l = _judged(1);
        open(l);
        bytes4[3] memory answers = [bytes4(0), bytes4(0xffffffff), ILockHooks.checkRefund.selector];

        for (uint256 i = 0; i < answers.length; ++i) {
            _judge.setAnswer(answers[i]);
            vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.EvidenceRefused.selector, address(_judge), answers[i]));
            _claimWith(l);
        }
        stateIs(l, LockState.Open);
    }

    function test_L12_plain_claims_of_a_conditional_lock_are_refused() external {
        Lock memory l = _judged(1);
        open(l);
        (Lock[] memory locks, bytes32[] memory secrets) = (new Lock[](1), new bytes32[](1));
        (locks[0], secrets[0]) = (l, PREIMAGE);

        vm.expectRevert(_needs(IHashTimeLock.ClaimNeedsEvidence.selector));
        claimAs(bob, l);
        vm.expectRevert(_needs(IHashTimeLock.ClaimNeedsEvidence.selector));
        vm.prank(bob);
        htlc.claimBatch(locks, secrets);
    }

    function test_L12_a_conditional_lock_is_refunded_without_evidence() external {
        Lock memory l = _judged(1);
        open(l);
        vm.warp(START + 2 hours);

        refundAs(alice, l);

        eq(token.balanceOf(alice), 1e30, "alice");
    }

    function test_L12_a_recipient_may_renounce_a_conditional_lock() external {
        Lock memory l = _judged(1);
        open(l);

        _together(l);

        eq(token.balanceOf(alice), 1e30, "alice");
    }

    function test_L12_a_guarded_refund_needs_evidence() external {
        Lock memory l = _judged(2);
        open(l);
        vm.expectRevert(_needs(IHashTimeLock.RefundNeedsEvidence.selector));
        _together(l);
        vm.warp(START + 2 hours);

        vm.expectRevert(_needs(IHashTimeLock.RefundNeedsEvidence.selector));
        refundAs(alice, l);
        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.EvidenceRefused.selector, address(_judge), bytes4(0)));
        _refundWith(l);
        _judge.setAnswer(ILockHooks.checkRefund.selector);
        _refundWith(l);

        eq(token.balanceOf(alice), 1e30, "alice");
    }

    function test_L12_a_guarded_lock_is_claimed_plainly() external {
        Lock memory l = _judged(2);
        open(l);

        vm.expectPartialRevert(IHashTimeLock.ClaimTakesNoEvidence.selector);
        vm.prank(bob);
        htlc.claimWith(l, PREIMAGE, "");
        claimAs(bob, l);

        eq(token.balanceOf(bob), AMOUNT, "bob");
    }

    function test_L12_evidence_is_refused_where_none_is_asked_for() external {
        Lock memory l = tokenLock();
        open(l);

        vm.expectPartialRevert(IHashTimeLock.ClaimTakesNoEvidence.selector);
        _claimWith(l);
        vm.warp(START + 2 hours);
        vm.expectPartialRevert(IHashTimeLock.RefundTakesNoEvidence.selector);
        _refundWith(l);
    }

    function test_L4_evidence_does_not_open_a_closed_window() external {
        Lock memory l = _judged(3);
        open(l);
        _judge.setAnswer(ILockHooks.checkRefund.selector);
        vm.expectPartialRevert(IHashTimeLock.RefundTooEarly.selector);
        _refundWith(l);

        l = _judged(1);
        open(l);
        vm.warp(START + 2 hours);
        _judge.setAnswer(ILockHooks.checkClaim.selector);
        vm.expectPartialRevert(IHashTimeLock.ClaimTooLate.selector);
        _claimWith(l);
    }

    /// Its guard, not the clock, keeps claim and refund apart: docs/adr/0008-guarded-locks.md.
    function testFuzz_L4_a_guarded_lock_is_claimed_as_long_as_it_is_open(uint256 at, uint8 flags) external {
        Lock memory l = _judged(flags % 2 == 0 ? 2 : 3);
        open(l);
        vm.warp(START + within(at, 1 hours, 1000 days));

        if (flags % 2 == 0) {
            claimAs(carol, l);
        } else {
            _judge.setAnswer(ILockHooks.checkClaim.selector);
            _claimWith(l);
        }

        eq(token.balanceOf(bob), AMOUNT, "bob");
        stateIs(l, LockState.Claimed);
    }

    function test_L4_a_guarded_lock_keeps_its_private_claim_window() external {
        Lock memory l = _judged(2);
        open(l);

        vm.expectPartialRevert(IHashTimeLock.ClaimStillPrivate.selector);
        claimAs(carol, l);
    }

    function test_L2_a_guarded_lock_that_was_refunded_is_not_claimed() external {
        Lock memory l = _judged(2);
        open(l);
        _judge.setAnswer(ILockHooks.checkRefund.selector);
        vm.warp(START + 2 hours);
        _refundWith(l);

        vm.expectPartialRevert(IHashTimeLock.LockNotOpen.selector);
        claimAs(bob, l);
        lockRefused(
            l, 0, abi.encodeWithSelector(IHashTimeLock.LockWindowPast.selector, START + 1 hours, START + 2 hours)
        );
    }

    function test_L2_a_guarded_lock_that_was_claimed_late_is_not_refunded() external {
        Lock memory l = _judged(2);
        open(l);
        _judge.setAnswer(ILockHooks.checkRefund.selector);
        vm.warp(START + 4 hours);
        claimAs(carol, l);

        vm.expectPartialRevert(IHashTimeLock.LockNotOpen.selector);
        _refundWith(l);
    }

    function test_L6_evidence_does_not_replace_the_preimage() external {
        Lock memory l = _judged(1);
        open(l);
        _judge.setAnswer(ILockHooks.checkClaim.selector);

        vm.expectPartialRevert(IHashTimeLock.ClaimWrongPreimage.selector);
        vm.prank(bob);
        htlc.claimWith(l, keccak256("guess"), "evidence");
    }

    function test_L10_hooks_that_make_no_sense_are_refused() external {
        bytes4 refused = IHashTimeLock.LockHooksRefused.selector;
        Lock memory l = _judged(4);
        lockRefused(l, 0, abi.encodeWithSelector(refused, 4, address(_judge)));
        l = _judged(0);
        lockRefused(l, 0, abi.encodeWithSelector(refused, 0, address(_judge)));
        l = _judged(1);
        l.hooks = address(0);
        lockRefused(l, 0, abi.encodeWithSelector(refused, 1, address(0)));
        l.hooks = carol;
        lockRefused(l, 0, abi.encodeWithSelector(refused, 1, carol));
        l = _judged(1);
        l.terms = terms(2, 1, 1);
        lockRefused(l, 0, abi.encodeWithSelector(refused, 1, address(_judge)));
    }

    function test_L2_a_judge_that_reenters_ends_the_lock_once() external {
        ReenteringJudge evil = new ReenteringJudge(htlc);
        Lock memory l = _judged(3);
        l.hooks = address(evil);
        open(l);
        vm.warp(START + 1 hours);

        vm.prank(bob);
        htlc.claimWith(l, PREIMAGE, abi.encode(PREIMAGE));

        yes(!evil.succeeded(), "the second claim is refused");
        eq(token.balanceOf(bob), AMOUNT, "bob");
    }
}
