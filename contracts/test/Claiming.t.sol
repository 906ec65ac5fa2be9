// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IHashTimeLock} from "../src/IHashTimeLock.sol";
import {Lock, LockId, LockState} from "../src/LockTypes.sol";
import {GasBurningPayee, ReenteringPayee, RefusingPayee} from "./support/Actors.sol";
import {LockTest} from "./support/LockTest.sol";
import {ReenteringToken} from "./tokens/OddTokens.sol";

/// Claiming one lock or many: L2 to L6.
contract ClaimingTest is LockTest {
    event Claimed(LockId indexed id, bytes32 indexed hashlock, bytes32 preimage, address by);

    function test_L3_the_recipient_gets_the_amount_and_the_deposit() external {
        open(nativeLock());

        vm.expectEmit(true, true, true, true, address(htlc));
        emit Claimed(htlc.idOf(nativeLock()), hashOf(PREIMAGE), PREIMAGE, bob);
        claimAs(bob, nativeLock());

        eq(bob.balance, 1e30 + AMOUNT + DEPOSIT, "bob");
        eq(address(htlc).balance, 0, "held");
        stateIs(nativeLock(), LockState.Claimed);
    }

    function test_L3_a_stranger_who_claims_gets_the_deposit_and_nothing_else() external {
        open(nativeLock());
        vm.warp(START + 1 hours);
        claimAs(carol, nativeLock());

        eq(bob.balance, 1e30 + AMOUNT, "bob");
        eq(carol.balance, 1e30 + DEPOSIT, "carol");
    }

    function test_L4_a_stranger_cannot_claim_in_the_private_window() external {
        open(tokenLock());
        vm.warp(START + 1 hours - 1);

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.ClaimStillPrivate.selector, carol, bob, START + 1 hours));
        claimAs(carol, tokenLock());
    }

    function test_L4_nobody_claims_at_refund_time() external {
        open(tokenLock());
        vm.warp(START + 2 hours);

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.ClaimTooLate.selector, START + 2 hours, START + 2 hours));
        claimAs(bob, tokenLock());
    }

    function test_the_recipient_claims_in_the_last_second() external {
        open(tokenLock());
        vm.warp(START + 2 hours - 1);
        claimAs(bob, tokenLock());

        eq(token.balanceOf(bob), AMOUNT, "bob");
    }

    function testFuzz_L6_no_other_preimage_opens_a_lock(bytes32 guess) external {
        vm.assume(guess != PREIMAGE);
        Lock memory l = tokenLock();
        open(l);

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.ClaimWrongPreimage.selector, hashOf(guess), l.hashlock));
        vm.prank(bob);
        htlc.claim(l, guess);
    }

    function test_L2_a_lock_is_not_claimed_twice() external {
        LockId id = open(tokenLock());
        claimAs(bob, tokenLock());

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.LockNotOpen.selector, id, LockState.Claimed));
        claimAs(bob, tokenLock());
    }

    function test_L2_a_lock_never_made_is_not_claimed() external {
        LockId id = htlc.idOf(tokenLock());

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.LockNotOpen.selector, id, LockState.None));
        claimAs(bob, tokenLock());
    }

    function test_L3_a_lock_with_one_changed_field_is_another_lock() external {
        open(tokenLock());
        Lock memory forged = tokenLock();
        forged.recipient = carol;

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.LockNotOpen.selector, htlc.idOf(forged), LockState.None));
        claimAs(carol, forged);
    }

    function test_L2_a_reentering_recipient_is_paid_once() external {
        ReenteringPayee evil = new ReenteringPayee(htlc);
        Lock memory l = nativeLock();
        l.recipient = address(evil);
        open(l);
        Lock memory other = nativeLock();
        open(other);
        bytes memory again = abi.encodeCall(htlc.claim, (l, PREIMAGE));
        evil.plan(again);

        evil.act(again);

        yes(evil.entered() && !evil.succeeded(), "tried and failed");
        eq(address(evil).balance, AMOUNT + DEPOSIT, "paid once");
        eq(address(htlc).balance, AMOUNT + DEPOSIT, "the other lock's money is there");
    }

    function test_L2_a_reentering_token_pays_out_once() external {
        ReenteringToken evil = new ReenteringToken();
        evil.mint(alice, 2 * AMOUNT);
        approve(alice, address(evil));
        Lock memory l = lockOf(address(evil), 0);
        Lock memory other = lockOf(address(evil), 0);
        other.hashlock = keccak256("other");
        open(l);
        open(other);
        vm.warp(START + 1 hours);
        evil.plan(address(htlc), abi.encodeCall(htlc.claim, (l, PREIMAGE)));

        claimAs(carol, l);

        yes(!evil.succeeded(), "the second claim is refused");
        eq(evil.balanceOf(bob), AMOUNT, "bob");
        eq(evil.balanceOf(address(htlc)), AMOUNT, "held for the other lock");
    }

    function test_L5_a_recipient_that_refuses_native_money_leaves_the_lock_open() external {
        Lock memory l = nativeLock();
        l.recipient = address(new RefusingPayee());
        open(l);
        vm.warp(START + 1 hours);

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.PayoutRefused.selector, l.recipient, AMOUNT));
        claimAs(carol, l);
        vm.warp(START + 2 hours);
        refundAs(alice, l);

        eq(alice.balance, 1e30, "alice has everything back");
    }

    // ---- many at once

    function _batch(uint256 count, address token_)
        private
        view
        returns (Lock[] memory locks, bytes32[] memory secrets)
    {
        locks = new Lock[](count);
        secrets = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            secrets[i] = keccak256(abi.encode("secret", i));
            locks[i] = lockOf(token_, DEPOSIT);
            locks[i].hashlock = hashOf(secrets[i]);
        }
    }

    function _openAll(Lock[] memory locks) private {
        for (uint256 i = 0; i < locks.length; ++i) {
            open(locks[i]);
        }
    }

    function test_L1_a_batch_pays_every_lock_and_all_deposits() external {
        (Lock[] memory locks, bytes32[] memory secrets) = _batch(5, address(token));
        locks[3].recipient = carol;
        _openAll(locks);
        vm.warp(START + 1 hours);

        vm.prank(carol);
        uint256 claimed = htlc.claimBatch(locks, secrets);

        eq(claimed, 5, "claimed");
        eq(token.balanceOf(bob), 4 * AMOUNT, "bob");
        eq(token.balanceOf(carol), AMOUNT, "carol");
        eq(carol.balance, 1e30 + 5 * DEPOSIT, "deposits");
        eq(token.balanceOf(address(htlc)), 0, "held");
    }

    function test_L5_a_lock_that_ended_meanwhile_does_not_stop_a_batch() external {
        (Lock[] memory locks, bytes32[] memory secrets) = _batch(3, address(token));
        _openAll(locks);
        vm.prank(bob);
        htlc.claim(locks[1], secrets[1]);

        vm.prank(bob);
        eq(htlc.claimBatch(locks, secrets), 2, "claimed");

        eq(token.balanceOf(bob), 3 * AMOUNT, "bob");
    }

    function test_L5_native_payees_who_refuse_do_not_stop_a_batch() external {
        (Lock[] memory locks, bytes32[] memory secrets) = _batch(4, address(0));
        locks[0].recipient = address(new RefusingPayee());
        locks[2].recipient = address(new GasBurningPayee());
        _openAll(locks);
        vm.warp(START + 1 hours);

        vm.prank(carol);
        eq(htlc.claimBatch(locks, secrets), 2, "claimed");

        eq(bob.balance, 1e30 + 2 * AMOUNT, "bob");
        eq(carol.balance, 1e30 + 2 * DEPOSIT, "only the deposits of what was paid");
        stateIs(locks[0], LockState.Open);
        stateIs(locks[2], LockState.Open);
        eq(address(htlc).balance, 2 * (AMOUNT + DEPOSIT), "held");
    }

    function test_L2_the_same_lock_twice_in_a_batch_is_paid_once() external {
        (Lock[] memory locks, bytes32[] memory secrets) = _batch(2, address(token));
        _openAll(locks);
        (locks[1], secrets[1]) = (locks[0], secrets[0]);

        vm.prank(bob);
        eq(htlc.claimBatch(locks, secrets), 1, "claimed");

        eq(token.balanceOf(bob), AMOUNT, "bob");
    }

    function test_L2_a_payee_that_reenters_a_batch_is_skipped_and_later_paid_once() external {
        ReenteringPayee evil = new ReenteringPayee(htlc);
        (Lock[] memory locks, bytes32[] memory secrets) = _batch(3, address(0));
        locks[0].recipient = locks[1].recipient = locks[2].recipient = address(evil);
        _openAll(locks);
        bytes memory again = abi.encodeCall(htlc.claimBatch, (locks, secrets));
        evil.plan(again);

        evil.act(again);
        eq(address(evil).balance, 0, "the gas of a batch payout is not enough to come back");
        evil.act(abi.encodeCall(htlc.claim, (locks[1], secrets[1])));

        // While it was paid for one lock it claimed the other two, which is its right: once each.
        eq(address(evil).balance, 3 * (AMOUNT + DEPOSIT), "paid once each");
        eq(address(htlc).balance, 0, "held");
    }

    function test_L6_a_wrong_preimage_in_a_batch_reverts_it() external {
        (Lock[] memory locks, bytes32[] memory secrets) = _batch(2, address(token));
        _openAll(locks);
        secrets[1] = secrets[0];

        vm.expectRevert(
            abi.encodeWithSelector(IHashTimeLock.ClaimWrongPreimage.selector, hashOf(secrets[0]), locks[1].hashlock)
        );
        vm.prank(bob);
        htlc.claimBatch(locks, secrets);
    }

    function test_L4_a_batch_keeps_the_windows() external {
        (Lock[] memory locks, bytes32[] memory secrets) = _batch(2, address(token));
        _openAll(locks);

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.ClaimStillPrivate.selector, carol, bob, START + 1 hours));
        vm.prank(carol);
        htlc.claimBatch(locks, secrets);
        vm.warp(START + 2 hours);
        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.ClaimTooLate.selector, START + 2 hours, START + 2 hours));
        vm.prank(bob);
        htlc.claimBatch(locks, secrets);
    }

    function test_lists_of_different_lengths_are_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.ClaimLengthsDiffer.selector, 2, 1));
        htlc.claimBatch(new Lock[](2), new bytes32[](1));
    }
}
