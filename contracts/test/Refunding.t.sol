// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IHashTimeLock} from "../src/IHashTimeLock.sol";
import {Lock, LockId, LockState} from "../src/LockTypes.sol";
import {ReenteringPayee} from "./support/Actors.sol";
import {LockTest} from "./support/LockTest.sol";

/// Refunding after time or by agreement: L2 to L4, L7, L11.
contract RefundingTest is LockTest {
    event Refunded(LockId indexed id, uint256 amount, address by);

    function test_L3_the_sender_gets_everything_back() external {
        LockId id = open(nativeLock());
        vm.warp(START + 2 hours);

        vm.expectEmit(true, true, true, true, address(htlc));
        emit Refunded(id, AMOUNT, alice);
        refundAs(alice, nativeLock());

        eq(alice.balance, 1e30, "alice");
    }

    function test_L3_a_stranger_who_refunds_gets_the_deposit_and_nothing_else() external {
        open(nativeLock());
        vm.warp(START + 3 hours);
        refundAs(carol, nativeLock());

        eq(alice.balance, 1e30 - DEPOSIT, "alice");
        eq(carol.balance, 1e30 + DEPOSIT, "carol");
    }

    function test_L4_nobody_refunds_before_refund_time() external {
        open(tokenLock());
        vm.warp(START + 2 hours - 1);

        vm.expectRevert(
            abi.encodeWithSelector(IHashTimeLock.RefundTooEarly.selector, START + 2 hours - 1, START + 2 hours)
        );
        refundAs(alice, tokenLock());
    }

    function test_L4_a_stranger_cannot_refund_in_the_private_window() external {
        open(tokenLock());
        vm.warp(START + 3 hours - 1);

        vm.expectRevert(
            abi.encodeWithSelector(IHashTimeLock.RefundStillPrivate.selector, carol, alice, START + 3 hours)
        );
        refundAs(carol, tokenLock());
    }

    /// At no time are both ends open, and each window admits exactly whom it names.
    function testFuzz_L4_windows_are_disjoint(uint256 at, uint8 who) external {
        Lock memory l = tokenLock();
        open(l);
        at = within(at, START, START + 4 hours);
        address actor = [alice, bob, carol][who % 3];
        vm.warp(at);

        vm.prank(actor);
        (bool claimed,) = address(htlc).call(abi.encodeCall(htlc.claim, (l, PREIMAGE)));
        vm.prank(actor);
        (bool refunded,) = address(htlc).call(abi.encodeCall(htlc.refund, (l)));

        bool mayClaim = at < START + 2 hours && (actor == bob || at >= START + 1 hours);
        bool mayRefund = at >= START + 2 hours && (actor == alice || at >= START + 3 hours);
        yes(claimed == mayClaim, "claim");
        yes(refunded == mayRefund, "refund");
        yes(!(claimed && refunded), "never both");
    }

    function test_L2_a_lock_is_not_refunded_twice() external {
        LockId id = open(tokenLock());
        vm.warp(START + 2 hours);
        refundAs(alice, tokenLock());

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.LockNotOpen.selector, id, LockState.None));
        refundAs(alice, tokenLock());
    }

    function test_L2_a_claimed_lock_is_not_refunded() external {
        LockId id = open(tokenLock());
        claimAs(bob, tokenLock());
        vm.warp(START + 2 hours);

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.LockNotOpen.selector, id, LockState.Claimed));
        refundAs(alice, tokenLock());
    }

    function test_L2_a_reentering_sender_is_refunded_once() external {
        ReenteringPayee evil = new ReenteringPayee(htlc);
        vm.deal(address(evil), 1e18);
        Lock memory l = nativeLock();
        l.sender = address(evil);
        vm.deal(address(this), AMOUNT + DEPOSIT);
        evil.act{value: AMOUNT + DEPOSIT}(abi.encodeCall(htlc.lock, (l, "")));
        open(nativeLock());
        vm.warp(START + 2 hours);
        bytes memory again = abi.encodeCall(htlc.refund, (l));
        evil.plan(again);

        evil.act(again);

        yes(evil.entered() && !evil.succeeded(), "tried and failed");
        eq(address(evil).balance, 1e18 + AMOUNT + DEPOSIT, "paid once");
    }

    // ---- by agreement

    function _agreement(LockId id, uint256 deadline) private pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("RefundTogether(bytes32 id,uint256 deadline)"), id, deadline));
    }

    function test_L11_sender_and_recipient_together_refund_early() external {
        LockId id = open(nativeLock());
        bytes memory signature = signed(BOB_KEY, _agreement(id, START + 10));

        vm.prank(alice);
        htlc.refundTogether(nativeLock(), START + 10, signature);

        eq(alice.balance, 1e30, "alice");
        stateIs(nativeLock(), LockState.Refunded);
    }

    function test_L7_a_lock_refunded_early_cannot_be_made_again() external {
        LockId id = open(tokenLock());
        bytes memory signature = signed(BOB_KEY, _agreement(id, START + 10));
        vm.prank(alice);
        htlc.refundTogether(tokenLock(), START + 10, signature);

        lockRefused(tokenLock(), 0, abi.encodeWithSelector(IHashTimeLock.LockKnown.selector, id, LockState.Refunded));
    }

    function test_L11_an_expired_agreement_is_refused() external {
        LockId id = open(tokenLock());
        bytes memory signature = signed(BOB_KEY, _agreement(id, START + 10));
        vm.warp(START + 11);

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.SignatureExpired.selector, START + 10, START + 11));
        vm.prank(alice);
        htlc.refundTogether(tokenLock(), START + 10, signature);
    }

    function test_L11_an_agreement_by_another_or_for_another_lock_is_refused() external {
        LockId id = open(tokenLock());
        bytes memory byAlice = signed(ALICE_KEY, _agreement(id, START + 10));
        bytes memory forOther = signed(BOB_KEY, _agreement(LockId.wrap(keccak256("other")), START + 10));
        bytes memory expected = abi.encodeWithSelector(IHashTimeLock.SignatureWrong.selector, bob);

        vm.expectRevert(expected);
        vm.prank(alice);
        htlc.refundTogether(tokenLock(), START + 10, byAlice);
        vm.expectRevert(expected);
        vm.prank(alice);
        htlc.refundTogether(tokenLock(), START + 10, forOther);
        vm.expectRevert(expected);
        vm.prank(alice);
        htlc.refundTogether(tokenLock(), START + 10, "");
    }

    function test_L3_a_stranger_cannot_use_an_agreement() external {
        LockId id = open(tokenLock());
        bytes memory signature = signed(BOB_KEY, _agreement(id, START + 10));

        vm.expectRevert(
            abi.encodeWithSelector(IHashTimeLock.RefundStillPrivate.selector, carol, alice, type(uint256).max)
        );
        vm.prank(carol);
        htlc.refundTogether(tokenLock(), START + 10, signature);
    }
}
