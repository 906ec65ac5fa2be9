// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AmountLimit} from "../src/AmountLimit.sol";
import {IHashTimeLock} from "../src/IHashTimeLock.sol";
import {IPegPort} from "../src/IPegPort.sol";
import {Lock, LockId, LockState} from "../src/LockTypes.sol";
import {PegLimits, PegState, PegTerms} from "../src/PegTypes.sol";
import {TestClient} from "./support/TestChain.sol";
import {IAsset, PegWorld, Side} from "./support/PegWorld.sol";

/// The life of a transfer in both directions, and every way out of it: L40 to L52.
contract PegTest is PegWorld {
    event PegOpened(
        uint64 indexed number, LockId indexed id, address indexed recipient, Lock lock, uint64 claimableAt, bool paid
    );

    function _lock(Side memory origin) private returns (Lock memory l) {
        l = pegLock(origin, AMOUNT, terms());
        lockAt(origin, l);
    }

    function _opened(Side memory origin) private returns (Lock memory l) {
        l = _lock(origin);
        openNow(other(origin), l, terms());
    }

    /// The chains exchanged: what holds for peg in holds for peg out.
    function _origin(bool out) private returns (Side memory) {
        if (out) fund(2 * AMOUNT);
        return out ? side : home;
    }

    // ---- the way it should go

    function test_L40_peg_in_moves_the_asset_to_the_side_chain() external {
        Lock memory l = _opened(home);
        eq(supply(), 0, "nothing before the claim");

        claimAt(side, l);
        collectAt(home, l);

        eq(balance(side, beneficiary), AMOUNT, "beneficiary");
        eq(balance(home, address(home.port)), AMOUNT, "vault");
        eq(supply(), AMOUNT, "supply");
        isState(side, l, PegState.Claimed);
        isLock(home, l, LockState.Claimed);
    }

    function test_L40_peg_out_brings_it_back() external {
        fund(2 * AMOUNT);
        Lock memory l = _opened(side);

        claimAt(home, l);
        eq(supply(), 2 * AMOUNT, "not yet destroyed");
        collectAt(side, l);

        eq(balance(home, beneficiary), AMOUNT, "beneficiary");
        eq(balance(home, address(home.port)), AMOUNT, "vault");
        eq(supply(), AMOUNT, "destroyed");
    }

    function test_L40_a_release_waits_for_late_collections() external {
        PegTerms memory mine = PegTerms(user, 1);
        Lock memory first = pegLock(home, AMOUNT, mine);
        lockAt(home, first);
        openNow(side, first, mine);
        claimAt(side, first);
        Lock memory l = _opened(side);

        vm.expectRevert();
        this.claimExternally(true, l);
        collectAt(home, first);
        claimAt(home, l);

        eq(balance(home, beneficiary), AMOUNT, "beneficiary");
    }

    function test_L42_a_native_asset_is_pegged_as_well() external {
        _join(address(0));
        vm.deal(user, 10 * AMOUNT);
        vm.prank(user);
        (bool ok,) = side.asset.call(abi.encodeWithSignature("approve(address,uint256)", side.locks, AMOUNT));
        yes(ok, "approved");
        PegTerms memory mine = PegTerms(user, 1);
        Lock memory l = pegLock(home, AMOUNT, mine);
        l.deposit = 5;
        lockAt(home, l);
        openNow(side, l, mine);
        claimAt(side, l);
        collectAt(home, l);
        eq(carrier.balance, 5, "who collects gets the deposit");
        eq(address(home.port).balance, AMOUNT, "vault");

        l = _opened(side);
        claimAt(home, l);

        eq(beneficiary.balance, AMOUNT, "beneficiary");
        eq(address(home.port).balance, 0, "vault");
    }

    // ---- once, and one of two

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_L41_a_claimed_transfer_is_never_refunded(bool out, uint256 at, uint256 later) external {
        Side memory origin = _origin(out);
        Lock memory l = _opened(origin);
        passBoth(within(at, 0, 1 hours - SKEW - 1));
        claimAt(other(origin), l);
        passBoth(within(later, 2 hours, 100 days));
        other(origin).chain.finalise();
        bytes memory e = evidence(origin, l, other(origin).chain.height() - 1);
        origin.chain.enter();

        vm.expectPartialRevert(IPegPort.PegPaidOut.selector);
        vm.prank(user);
        origin.locks.refundWith(l, e);

        // However late: the port is owed it.
        collectAt(origin, l);
        isLock(origin, l, LockState.Claimed);
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_L41_a_refunded_transfer_is_never_claimed(bool out, bool opened, uint256 later) external {
        Side memory origin = _origin(out);
        Lock memory l = _lock(origin);
        origin.chain.finalise();
        uint256 proof = origin.chain.height() - 1;
        if (opened) openAt(other(origin), l, terms(), proof);
        passBoth(2 hours + within(later, 0, 10 days));
        refundNow(origin, l);
        isLock(origin, l, LockState.None);

        if (!opened) {
            vm.expectPartialRevert(IPegPort.PegTooLate.selector);
            this.openExternally(out, l, proof);
        } else {
            vm.expectPartialRevert(IPegPort.PegTooLate.selector);
            this.claimExternally(out, l);
        }
        origin.chain.finalise();
        proof = origin.chain.height() - 1;
        vm.expectPartialRevert(IPegPort.PegLockNotProved.selector);
        this.openExternally(out, l, proof);
    }

    function openExternally(bool out, Lock calldata l, uint256 height) external {
        openAt(out ? home : side, l, terms(), height);
    }

    function claimExternally(bool out, Lock calldata l) external {
        claimAt(out ? home : side, l);
    }

    function test_L41_a_transfer_is_opened_and_claimed_once() external {
        Lock memory l = _opened(home);

        vm.expectPartialRevert(IPegPort.PegKnown.selector);
        this.openExternally(false, l, 0);
        claimAt(side, l);
        vm.expectPartialRevert(IPegPort.PegKnown.selector);
        this.openExternally(false, l, 0);
        vm.expectPartialRevert(IPegPort.PegNotOpen.selector);
        this.claimExternally(false, l);

        collectAt(home, l);
        home.chain.finalise();
        vm.expectPartialRevert(IPegPort.PegKnown.selector);
        this.openExternally(false, l, 1);
        eq(supply(), AMOUNT, "minted once");
    }

    function test_L41_locks_of_one_hash_do_not_touch_each_other() external {
        Lock memory l = _opened(home);
        PegTerms memory t = PegTerms(carrier, 1);
        IAsset(home.asset).mint(carrier, AMOUNT);
        vm.prank(carrier);
        IAsset(home.asset).approve(address(home.locks), AMOUNT);
        Lock memory copy = pegLock(home, AMOUNT, t);
        copy.sender = carrier;
        lockAt(home, copy);
        openNow(side, copy, t);

        claimAt(side, l);
        claimAt(side, copy);
        collectAt(home, l);
        collectAt(home, copy);

        eq(balance(side, beneficiary), AMOUNT, "user's");
        eq(balance(side, carrier), AMOUNT, "copier's own");
        eq(balance(home, address(home.port)), supply(), "V1");
    }

    // ---- the clocks

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_L45_claims_end_at_t_by_the_destinations_clock(bool out, uint256 at) external {
        Side memory origin = _origin(out);
        Lock memory l = _opened(origin);
        Side memory destination = other(origin);
        at = within(at, destination.chain.time(), START + 2 hours);
        destination.chain.pass(at - destination.chain.time());

        bool late = at >= START + 1 hours;
        if (late) vm.expectRevert(abi.encodeWithSelector(IPegPort.PegTooLate.selector, at, START + 1 hours));
        this.claimExternally(out, l);

        isState(destination, l, late ? PegState.Open : PegState.Claimed);
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_L46_a_refund_needs_a_block_at_or_after_t(bool out, uint256 at) external {
        Side memory origin = _origin(out);
        Lock memory l = _opened(origin);
        Side memory destination = other(origin);
        at = within(at, destination.chain.time(), START + 2 hours);
        destination.chain.pass(at - destination.chain.time());
        destination.chain.finalise();
        origin.chain.pass(2 hours);
        bytes memory e = evidence(origin, l, destination.chain.height() - 1);
        origin.chain.enter();

        bool early = at < START + 1 hours;
        if (early) vm.expectRevert(abi.encodeWithSelector(IPegPort.PegCheckpointEarly.selector, at, START + 1 hours));
        vm.prank(user);
        origin.locks.refundWith(l, e);

        isLock(origin, l, early ? LockState.Open : LockState.None);
    }

    function test_L46_a_refund_waits_for_its_own_chains_time_as_well() external {
        Lock memory l = _lock(home);
        side.chain.pass(2 hours);
        side.chain.finalise();
        bytes memory e = evidence(home, l, 0);
        home.chain.enter();

        vm.expectPartialRevert(IHashTimeLock.RefundTooEarly.selector);
        vm.prank(user);
        home.locks.refundWith(l, e);
    }

    function test_L46_neither_pause_nor_limit_stops_a_refund() external {
        Lock memory l = _opened(home);
        vm.prank(guardian);
        home.port.pause();
        vm.prank(guardian);
        side.port.pause();
        vm.prank(administrator);
        home.port.setLimits(PegLimits(1, 1, 1, 30 days));
        passBoth(2 hours);

        refundNow(home, l);

        eq(balance(home, user), 1e30, "user");
    }

    function test_L46_a_transfer_that_never_opened_is_refunded() external {
        Lock memory l = _lock(home);
        passBoth(2 hours);

        refundNow(home, l);

        eq(balance(home, user), 1e30, "user");
    }

    // ---- the secret given away early

    function test_L45_a_lock_claimed_before_it_was_opened_still_pays_the_user() external {
        Lock memory l = _lock(home);
        collectAt(home, l);

        openNow(side, l, terms());
        claimAt(side, l);

        eq(balance(side, beneficiary), AMOUNT, "beneficiary");
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_L45_a_lock_proved_claimed_pays_at_any_time(bool out, bool opened, uint256 later) external {
        Side memory origin = _origin(out);
        Lock memory l = _lock(origin);
        if (opened) openNow(other(origin), l, terms());
        collectAt(origin, l);
        passBoth(2 hours + within(later, 0, 1000 days));

        openNow(other(origin), l, terms());
        claimAt(other(origin), l);

        eq(balance(other(origin), beneficiary), AMOUNT, "beneficiary");
    }

    function test_L46_a_lock_claimed_early_is_not_refunded() external {
        Lock memory l = _lock(home);
        collectAt(home, l);
        passBoth(2 hours);
        side.chain.finalise();
        bytes memory e = evidence(home, l, side.chain.height() - 1);
        home.chain.enter();

        vm.expectPartialRevert(IHashTimeLock.LockNotOpen.selector);
        vm.prank(user);
        home.locks.refundWith(l, e);
    }

    // ---- limits and waiting

    function test_L49_a_full_limit_delays_and_the_user_is_refunded() external {
        Lock memory first = pegLock(home, 4_999_999, PegTerms(user, 1));
        Lock memory second = pegLock(home, 4_999_999, PegTerms(user, 2));
        Lock memory third = pegLock(home, 4_000_000, terms());
        lockAt(home, first);
        lockAt(home, second);
        lockAt(home, third);
        openNow(side, first, PegTerms(user, 1));
        openNow(side, second, PegTerms(user, 2));

        vm.expectRevert(abi.encodeWithSelector(AmountLimit.LimitExceeded.selector, 4_000_000, 2));
        this.openExternally(false, third, 1);
        passBoth(2 hours);
        refundNow(home, third);

        isLock(home, third, LockState.None);
    }

    function test_L49_the_limit_comes_back_with_time() external {
        Lock memory first = pegLock(home, 4_999_999, PegTerms(user, 1));
        Lock memory second = pegLock(home, 4_999_999, PegTerms(user, 2));
        lockAt(home, first);
        lockAt(home, second);
        openNow(side, first, PegTerms(user, 1));
        openNow(side, second, PegTerms(user, 2));
        eq(side.port.available(), 2, "used");

        side.chain.pass(60);
        side.chain.enter();
        eq(side.port.available(), 60_002, "a minute's worth");
        side.chain.pass(100 days);
        side.chain.enter();
        eq(side.port.available(), CAPACITY, "never more than full");
    }

    function testFuzz_L49_an_edit_never_raises_what_is_available(
        uint128 capacity,
        uint128 perSecond,
        uint256 before,
        uint256 taken
    ) external {
        Lock memory l = pegLock(home, within(taken, 1, LARGE - 1), terms());
        lockAt(home, l);
        openNow(side, l, terms());
        side.chain.pass(within(before, 0, 1 days));
        side.chain.enter();
        uint256 available = side.port.available();
        capacity = capacity == 0 ? 1 : capacity;

        vm.prank(administrator);
        side.port.setLimits(PegLimits(capacity, perSecond == 0 ? 1 : perSecond, LARGE, DELAY));

        yes(side.port.available() <= available, "not raised");
        yes(side.port.available() <= capacity, "at most the capacity");
    }

    function test_L50_a_large_amount_waits() external {
        Lock memory l = pegLock(home, LARGE, terms());
        lockAt(home, l);
        openNow(side, l, terms());
        (,, uint64 claimableAt,) = side.port.transferOf(LockId.wrap(keccak256(abi.encode(l))));
        eq(claimableAt, START + SKEW + DELAY, "claimable");

        side.chain.pass(DELAY - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IPegPort.PegStillWaiting.selector, START + SKEW + DELAY - 1, START + SKEW + DELAY)
        );
        this.claimExternally(false, l);
        side.chain.pass(1);
        claimAt(side, l);

        eq(balance(side, beneficiary), LARGE, "beneficiary");
    }

    function test_L50_a_wait_longer_than_the_window_is_not_begun() external {
        Lock memory l = pegLock(home, LARGE, terms());
        lockAt(home, l);
        home.chain.finalise();
        side.chain.pass(1 hours - SKEW - DELAY);

        vm.expectRevert(abi.encodeWithSelector(IPegPort.PegTooLate.selector, START + 1 hours, START + 1 hours));
        this.openExternally(false, l, 0);
        passBoth(2 hours);
        refundNow(home, l);

        eq(balance(home, user), 1e30, "user");
    }

    // ---- pausing

    function test_L51_a_paused_port_neither_opens_nor_claims() external {
        Lock memory l = _opened(home);
        vm.prank(guardian);
        side.port.pause();

        vm.expectPartialRevert(IPegPort.PegIsPaused.selector);
        this.claimExternally(false, l);
        vm.expectPartialRevert(IPegPort.PegIsPaused.selector);
        this.openExternally(false, l, 0);
        vm.prank(administrator);
        side.port.unpause();
        claimAt(side, l);

        eq(balance(side, beneficiary), AMOUNT, "beneficiary");
    }

    /// The claim was in the pool, so the secret is out; the guardian was first. Nobody loses anything.
    function test_L51_a_pause_between_opening_and_t_loses_nobodys_money() external {
        Lock memory l = _opened(home);
        vm.prank(guardian);
        side.port.pause();
        vm.expectPartialRevert(IPegPort.PegIsPaused.selector);
        this.claimExternally(false, l);
        collectAt(home, l);
        passBoth(1 days);
        vm.prank(administrator);
        side.port.unpause();

        openNow(side, l, terms());
        claimAt(side, l);

        eq(balance(side, beneficiary), AMOUNT, "beneficiary");
        eq(balance(home, address(home.port)), supply(), "V1");
    }

    function test_L51_only_the_named_pause_and_unpause() external {
        bytes4 refused = IPegPort.PegCallerRefused.selector;
        vm.expectRevert(abi.encodeWithSelector(refused, carrier));
        vm.prank(carrier);
        home.port.pause();
        vm.expectRevert(abi.encodeWithSelector(refused, guardian));
        vm.prank(guardian);
        home.port.unpause();
        vm.expectRevert(abi.encodeWithSelector(refused, guardian));
        vm.prank(guardian);
        home.port.setLimits(PegLimits(1, 1, 1, 1));
        vm.prank(administrator);
        home.port.pause();
        yes(home.port.paused(), "the administrator may");
    }

    // ---- collecting

    function test_L52_a_guarded_lock_is_collected_long_after_its_refund_time() external {
        Lock memory l = _opened(home);
        claimAt(side, l);
        passBoth(1000 days);
        home.chain.enter();

        vm.prank(carrier);
        home.locks.claim(l, SECRET);

        eq(balance(home, address(home.port)), AMOUNT, "vault");
    }

    function test_L52_collecting_pays_the_port_and_the_deposit_to_who_did_it() external {
        Lock memory l = pegLock(home, AMOUNT, terms());
        l.deposit = 11;
        vm.deal(user, 11);
        lockAt(home, l);

        collectAt(home, l);

        eq(balance(home, address(home.port)), AMOUNT, "vault");
        eq(carrier.balance, 11, "carrier");
        eq(address(home.port).balance, 0, "nothing stays behind");
    }

    function test_L52_only_locks_for_the_port_are_collected() external {
        Lock memory l = pegLock(home, AMOUNT, terms());
        l.recipient = carrier;

        vm.expectRevert(abi.encodeWithSelector(IPegPort.PegNotOurLock.selector, carrier));
        home.port.collect(l, SECRET);
    }

    function test_L52_collecting_needs_the_secret() external {
        Lock memory l = _opened(home);

        vm.expectPartialRevert(IHashTimeLock.ClaimWrongPreimage.selector);
        home.port.collect(l, keccak256("guess"));
    }

    // ---- what a frozen client means

    function test_L56_nothing_is_believed_of_a_frozen_client() external {
        Lock memory l = _opened(home);
        Lock memory second = pegLock(home, AMOUNT, PegTerms(user, 2));
        lockAt(home, second);
        home.chain.finalise();
        TestClient(address(side.port.client())).freeze();

        vm.expectPartialRevert(TestClient.ClientFrozen.selector);
        this.openExternally(false, l, 0);
        // What was proved before still ends.
        claimAt(side, l);

        eq(balance(side, beneficiary), AMOUNT, "beneficiary");
    }

    function test_L53_every_event_has_the_next_number() external {
        eq(side.port.events(), 1, "the first is of the first limits");
        Lock memory l = _opened(home);
        eq(side.port.events(), 2, "opened");
        claimAt(side, l);
        eq(side.port.events(), 3, "claimed");
        vm.prank(guardian);
        side.port.pause();
        eq(side.port.events(), 4, "paused");
        vm.prank(administrator);
        side.port.unpause();
        eq(side.port.events(), 5, "unpaused");
        vm.prank(administrator);
        side.port.setLimits(PegLimits(1, 1, 1, 1));
        eq(side.port.events(), 6, "limited");
        collectAt(home, l);
        eq(home.port.events(), 2, "collected");
    }

    function test_L53_the_event_of_an_opening_says_all_that_a_claim_needs() external {
        Lock memory l = _lock(home);
        home.chain.finalise();
        vm.expectEmit(true, true, true, true, address(side.port));
        emit PegOpened(1, LockId.wrap(keccak256(abi.encode(l))), beneficiary, l, uint64(START + SKEW), false);
        this.openExternally(false, l, 0);
    }
}
