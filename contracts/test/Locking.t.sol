// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IHashTimeLock} from "../src/IHashTimeLock.sol";
import {Lock, LockId, LockState, Terms, TermsLib} from "../src/LockTypes.sol";
import {LockTest} from "./support/LockTest.sol";
import {FalseReturningToken, FeeToken, NoReturnToken, ReenteringToken} from "./tokens/OddTokens.sol";

/// Making a lock: L7, L9, L10 and the time bounds of L4.
contract LockingTest is LockTest {
    event Locked(LockId indexed id, bytes32 indexed hashlock, address indexed recipient, Lock lock, bytes memo);

    function test_L1_a_token_lock_moves_exactly_the_amount() external {
        open(tokenLock());

        eq(token.balanceOf(address(htlc)), AMOUNT, "held");
        eq(token.balanceOf(alice), 1e30 - AMOUNT, "alice");
        stateIs(tokenLock(), LockState.Open);
    }

    function test_L1_a_native_lock_moves_amount_and_deposit() external {
        open(nativeLock());

        eq(address(htlc).balance, AMOUNT + DEPOSIT, "held");
    }

    function test_the_event_repeats_the_whole_lock_and_memo() external {
        Lock memory l = tokenLock();
        bytes memory memo = abi.encode(uint256(1), uint256(7702), address(9), uint256(5), bob);

        vm.expectEmit(true, true, true, true, address(htlc));
        emit Locked(htlc.idOf(l), l.hashlock, bob, l, memo);
        vm.prank(alice);
        LockId id = htlc.lock(l, memo);

        eq(LockId.unwrap(id), keccak256(abi.encode(l)), "id");
    }

    function test_L7_the_same_lock_cannot_be_made_twice() external {
        LockId id = open(tokenLock());

        lockRefused(tokenLock(), 0, abi.encodeWithSelector(IHashTimeLock.LockKnown.selector, id, LockState.Open));
    }

    function test_L7_a_claimed_lock_cannot_be_made_again() external {
        LockId id = open(tokenLock());
        claimAs(bob, tokenLock());

        lockRefused(tokenLock(), 0, abi.encodeWithSelector(IHashTimeLock.LockKnown.selector, id, LockState.Claimed));
    }

    function test_L7_a_refunded_lock_cannot_be_made_again() external {
        open(tokenLock());
        vm.warp(START + 2 hours);
        refundAs(alice, tokenLock());

        stateIs(tokenLock(), LockState.None);
        lockRefused(
            tokenLock(),
            0,
            abi.encodeWithSelector(IHashTimeLock.LockWindowPast.selector, START + 1 hours, START + 2 hours)
        );
    }

    /// Whatever the time of the end, afterwards the same lock can never be made.
    function testFuzz_L7_no_lock_is_made_again_after_its_end(uint256 endAt, uint256 againAt, bool asClaim) external {
        Lock memory l = tokenLock();
        open(l);
        endAt = asClaim ? within(endAt, START, START + 2 hours - 1) : within(endAt, START + 2 hours, START + 400 days);
        vm.warp(endAt);
        asClaim ? claimAs(bob, l) : refundAs(alice, l);

        vm.warp(within(againAt, endAt, START + 800 days));
        vm.expectRevert();
        vm.prank(alice);
        htlc.lock(l, "");
    }

    function test_L10_zero_fields_are_refused() external {
        bytes4 zero = IHashTimeLock.LockFieldZero.selector;
        Lock memory l = tokenLock();
        l.hashlock = 0;
        lockRefused(l, 0, abi.encodeWithSelector(zero, 0));
        l = tokenLock();
        l.sender = address(0);
        lockRefused(l, 0, abi.encodeWithSelector(zero, 1));
        l = tokenLock();
        l.recipient = address(0);
        lockRefused(l, 0, abi.encodeWithSelector(zero, 2));
        l = tokenLock();
        l.amount = 0;
        lockRefused(l, 0, abi.encodeWithSelector(zero, 3));
    }

    function test_L10_zero_terms_are_refused() external {
        Lock memory l = tokenLock();
        l.terms = Terms.wrap(0);

        lockRefused(l, 0, abi.encodeWithSelector(IHashTimeLock.LockWindowPast.selector, 0, START));
    }

    function test_L10_recipients_that_can_never_use_the_money_are_refused() external {
        bytes4 refused = IHashTimeLock.LockRecipientRefused.selector;
        Lock memory l = tokenLock();
        l.recipient = address(htlc);
        lockRefused(l, 0, abi.encodeWithSelector(refused, address(htlc)));
        l.recipient = address(token);
        lockRefused(l, 0, abi.encodeWithSelector(refused, address(token)));
    }

    function test_L10_a_token_without_code_is_refused() external {
        lockRefused(lockOf(carol, 0), 0, abi.encodeWithSelector(IHashTimeLock.LockTokenRefused.selector, carol));
        lockRefused(
            lockOf(address(htlc), 0), 0, abi.encodeWithSelector(IHashTimeLock.LockTokenRefused.selector, address(htlc))
        );
    }

    function test_L11_a_stranger_cannot_lock_the_senders_money() external {
        Lock memory l = tokenLock();

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.LockNotBySender.selector, carol, alice));
        vm.prank(carol);
        htlc.lock(l, "");
    }

    function test_L10_wrong_native_value_is_refused() external {
        bytes4 wrong = IHashTimeLock.LockWrongValue.selector;
        lockRefused(nativeLock(), AMOUNT, abi.encodeWithSelector(wrong, AMOUNT, AMOUNT + DEPOSIT));
        lockRefused(nativeLock(), 0, abi.encodeWithSelector(wrong, 0, AMOUNT + DEPOSIT));
        lockRefused(tokenLock(), 1, abi.encodeWithSelector(wrong, 1, 0));
    }

    function test_L10_disordered_windows_are_refused() external {
        bytes4 bad = IHashTimeLock.LockWindowsDisordered.selector;
        Lock memory l = tokenLock();
        l.terms = windows(START + 20, START + 20, START + 30);
        lockRefused(l, 0, abi.encodeWithSelector(bad, START + 20, START + 20, START + 30));
        l.terms = windows(START + 10, START + 30, START + 20);
        lockRefused(l, 0, abi.encodeWithSelector(bad, START + 10, START + 30, START + 20));
    }

    function test_L10_short_windows_are_refused() external {
        bytes4 short = IHashTimeLock.LockWindowShort.selector;
        Lock memory l = tokenLock();
        l.terms = windows(START + 1, START + 3, START + 30);
        lockRefused(l, 0, abi.encodeWithSelector(short, 3, 4));
        l.terms = windows(START + 1, START + 20, START + 21);
        lockRefused(l, 0, abi.encodeWithSelector(short, 1, 4));
        l.terms = windows(START + 1, START + 4, START + 8);
        open(l);
    }

    function test_L10_milliseconds_are_refused() external {
        Lock memory l = tokenLock();
        l.terms = windows(START + 10, START + 20, (START + 30) * 100);

        lockRefused(
            l, 0, abi.encodeWithSelector(IHashTimeLock.LockHorizonFar.selector, (START + 30) * 100 - START, 366 days)
        );
    }

    function test_L10_impossible_parts_are_refused() external {
        bytes4 refused = IHashTimeLock.LockPartsRefused.selector;
        Lock memory l = tokenLock();
        l.terms = terms(0, 0, 1);
        lockRefused(l, 0, abi.encodeWithSelector(refused, 0, 240));
        l.terms = terms(241, 0, 1);
        lockRefused(l, 0, abi.encodeWithSelector(refused, 241, 240));
        l.terms = terms(3, 0, 1);
        l.amount = 2;
        lockRefused(l, 0, abi.encodeWithSelector(refused, 3, 240));
    }

    function test_a_memo_is_at_most_256_bytes() external {
        Lock memory l = tokenLock();

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.LockMemoLong.selector, 257, 256));
        vm.prank(alice);
        htlc.lock(l, new bytes(257));
        vm.prank(alice);
        htlc.lock(l, new bytes(256));
    }

    function test_L9_a_fee_on_transfer_token_is_refused() external {
        FeeToken fee = new FeeToken();
        fee.mint(alice, AMOUNT);
        approve(alice, address(fee));

        lockRefused(
            lockOf(address(fee), 0),
            0,
            abi.encodeWithSelector(IHashTimeLock.LockAmountNotReceived.selector, AMOUNT - AMOUNT / 100, AMOUNT)
        );
    }

    function test_L9_a_token_that_answers_false_is_refused() external {
        FalseReturningToken bad = new FalseReturningToken();

        lockRefused(
            lockOf(address(bad), 0), 0, abi.encodeWithSignature("SafeERC20FailedOperation(address)", address(bad))
        );
    }

    function test_a_token_that_answers_nothing_works() external {
        NoReturnToken usdt = new NoReturnToken();
        usdt.mint(alice, AMOUNT);
        approve(alice, address(usdt));
        Lock memory l = lockOf(address(usdt), 0);

        open(l);
        claimAs(bob, l);

        eq(usdt.balanceOf(bob), AMOUNT, "bob");
    }

    /// A token with hooks: the amount that comes in must not be counted for two locks.
    function test_L9_a_reentrant_token_cannot_fill_two_locks_with_one_amount() external {
        ReenteringToken evil = new ReenteringToken();
        evil.mint(alice, AMOUNT);
        evil.mint(address(evil), AMOUNT);
        approve(alice, address(evil));
        approve(address(evil), address(evil));
        Lock memory inner = lockOf(address(evil), 0);
        inner.sender = address(evil);
        evil.plan(address(htlc), abi.encodeCall(htlc.lock, (inner, "")));

        Lock memory l = lockOf(address(evil), 0);
        open(l);

        yes(!evil.succeeded(), "the inner lock is refused");
        eq(
            bytes32(evil.answer()),
            bytes32(abi.encodeWithSignature("ReentrancyGuardReentrantCall()")),
            "refused by the guard"
        );
        stateIs(inner, LockState.None);
        eq(evil.balanceOf(address(htlc)), AMOUNT, "held");
    }

    function test_L9_a_claim_from_within_a_lock_is_refused() external {
        ReenteringToken evil = new ReenteringToken();
        evil.mint(alice, 2 * AMOUNT);
        approve(alice, address(evil));
        Lock memory first = lockOf(address(evil), 0);
        open(first);
        vm.warp(START + 1 hours);
        Lock memory second = lockOf(address(evil), 0);
        second.terms = windows(START + 2 hours, START + 3 hours, START + 4 hours);
        evil.plan(address(htlc), abi.encodeCall(htlc.claim, (first, PREIMAGE)));

        vm.expectRevert();
        vm.prank(alice);
        htlc.lock(second, "");

        stateIs(first, LockState.Open);
        eq(evil.balanceOf(address(htlc)), AMOUNT, "held");
    }

    function test_no_native_money_comes_in_without_a_lock() external {
        (bool ok,) = address(htlc).call{value: 1}("");

        yes(!ok, "refused");
    }

    function testFuzz_terms_round_trip(uint256 word) external view {
        (uint40 a, uint40 b, uint40 c, uint16 parts, uint8 flags, uint112 salt) = htlc.unpackTerms(Terms.wrap(word));

        eq(Terms.unwrap(htlc.packTerms(a, b, c, parts, flags, salt)), word, "word");
    }
}
