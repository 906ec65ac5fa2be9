// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AmountLimit} from "../src/AmountLimit.sol";
import {IHashTimeLock} from "../src/IHashTimeLock.sol";
import {ILightClient} from "../src/ILightClient.sol";
import {IPegPort} from "../src/IPegPort.sol";
import {IPegToken} from "../src/IPegToken.sol";
import {Checkpoint} from "../src/LightClientTypes.sol";
import {Lock, LockId, LockState, Terms, TermsLib} from "../src/LockTypes.sol";
import {PegConfig, PegLimits, PegState, PegTerms} from "../src/PegTypes.sol";
import {StateSlots} from "../src/StateSlots.sol";
import {Judge} from "./support/Actors.sol";
import {TestClient} from "./support/TestChain.sol";
import {IAsset, PegWorld, Side} from "./support/PegWorld.sol";
import {ReenteringToken} from "./tokens/OddTokens.sol";

/// Tells the port what no chain ever finalised: its own checkpoints, other accounts, other slots.
contract ForgingRelayer {
    function open(
        IPegPort port,
        Lock calldata l,
        PegTerms calldata t,
        Checkpoint calldata c,
        bytes[] calldata a,
        bytes[] calldata s
    ) external {
        port.open(l, t, c, a, s);
    }
}

/// A token that does as it is told, and then keeps one more for itself.
contract GreedyToken {
    mapping(address => uint256) public balanceOf;
    bool public greedy;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function setGreedy(bool greedy_) external {
        greedy = greedy_;
    }

    function approve(address, uint256) external pure returns (bool) {
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        balanceOf[msg.sender] -= greedy ? amount + 1 : amount;
        balanceOf[to] += amount;
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

/// What a port does not take: L42 to L44, L47, L48, L54 to L59.
contract PegRefusalsTest is PegWorld {
    function open(Lock calldata l, PegTerms calldata t) external {
        openNow(side, l, t);
    }

    function claim(bool atHome, Lock calldata l) external {
        claimAt(atHome ? home : side, l);
    }

    function _refused(Lock memory l, PegTerms memory t, bytes memory error) private {
        lockAt(home, l);
        vm.expectRevert(error);
        this.open(l, t);
    }

    function _refusal(uint256 field) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IPegPort.PegLockRefused.selector, field);
    }

    function _proofs(Lock memory l) private returns (Checkpoint memory c, bytes[] memory a, bytes[] memory s) {
        c = home.chain.finalise();
        bytes32 slot = StateSlots.lockSlot(LockId.wrap(keccak256(abi.encode(l))));
        (a, s) = home.chain.prove(c.height, address(home.locks), slot);
    }

    // ---- L42: nothing without a final block of the other chain

    function test_L42_a_checkpoint_that_nobody_certified_opens_nothing() external {
        ForgingRelayer forger = new ForgingRelayer();
        Lock memory l = pegLock(home, AMOUNT, terms());
        lockAt(home, l);
        (Checkpoint memory c, bytes[] memory a, bytes[] memory s) = _proofs(l);
        side.chain.enter();

        c.height += 1;
        vm.expectPartialRevert(TestClient.CheckpointUnknown.selector);
        forger.open(side.port, l, terms(), c, a, s);
        c.height -= 1;
        c.stateRoot = keccak256("forged");
        vm.expectPartialRevert(TestClient.CheckpointUnknown.selector);
        forger.open(side.port, l, terms(), c, a, s);
    }

    function test_L42_a_lock_that_was_never_made_opens_nothing() external {
        Lock memory real = pegLock(home, AMOUNT, PegTerms(user, 1));
        lockAt(home, real);
        Lock memory l = pegLock(home, AMOUNT, terms());
        (Checkpoint memory c, bytes[] memory a, bytes[] memory s) = _proofs(l);
        side.chain.enter();

        LockId id = LockId.wrap(keccak256(abi.encode(l)));
        vm.expectRevert(abi.encodeWithSelector(IPegPort.PegLockNotProved.selector, id, LockState.None));
        side.port.open(l, terms(), c, a, s);
        // The proof of another lock is not one of this.
        (a, s) = home.chain.prove(c.height, address(home.locks), StateSlots.lockSlot(_id(real)));
        vm.expectRevert();
        side.port.open(l, terms(), c, a, s);
    }

    function test_L54_the_same_lock_in_another_contract_opens_nothing() external {
        Side memory elsewhere = home;
        elsewhere.locks = IHashTimeLock(deploy("HashTimeLock", ""));
        vm.prank(user);
        IAsset(home.asset).approve(address(elsewhere.locks), AMOUNT);
        Lock memory l = pegLock(home, AMOUNT, terms());
        home.chain.enter();
        vm.prank(user);
        elsewhere.locks.lock(l, "");
        home.chain.watch(address(elsewhere.locks), StateSlots.lockSlot(_id(l)));
        home.chain.watch(address(home.locks), StateSlots.lockSlot(_id(l)));
        Checkpoint memory c = home.chain.finalise();
        (bytes[] memory a, bytes[] memory s) =
            home.chain.prove(c.height, address(elsewhere.locks), StateSlots.lockSlot(_id(l)));
        side.chain.enter();

        vm.expectRevert();
        side.port.open(l, terms(), c, a, s);
    }

    function test_L54_a_port_that_is_not_deployed_shows_no_absence() external {
        Lock memory l = pegLock(home, AMOUNT, terms());
        lockAt(home, l);
        passBoth(2 hours);
        Checkpoint memory c = side.chain.finalise();
        (bytes[] memory a, bytes[] memory s) =
            side.chain.prove(c.height, address(0xBAD), StateSlots.transferSlot(_id(l)));
        home.chain.enter();

        vm.expectRevert();
        vm.prank(user);
        home.locks.refundWith(l, abi.encode(c, a, s));
    }

    /// Absence at the consortium's own contract of the same id proves nothing about the port.
    function test_L54_a_refund_is_not_shown_by_another_account() external {
        Lock memory l = pegLock(home, AMOUNT, terms());
        lockAt(home, l);
        openNow(side, l, terms());
        claimAt(side, l);
        passBoth(2 hours);
        Checkpoint memory c = side.chain.finalise();
        (bytes[] memory a, bytes[] memory s) =
            side.chain.prove(c.height, address(side.locks), StateSlots.transferSlot(_id(l)));
        home.chain.enter();

        vm.expectRevert();
        vm.prank(user);
        home.locks.refundWith(l, abi.encode(c, a, s));
    }

    // ---- L43: only locks for the peg

    function test_L43_a_lock_that_is_not_for_the_peg_opens_nothing() external {
        Lock memory l = pegLock(home, AMOUNT, terms());
        l.recipient = carrier;
        _refused(l, terms(), _refusal(0));

        l = pegLock(home, AMOUNT, terms());
        l.hooks = address(new Judge());
        _refused(l, terms(), _refusal(1));

        l = pegLock(home, AMOUNT, terms());
        l.hooks = address(0);
        l.terms = _flags(l, 0, 1);
        _refused(l, terms(), _refusal(1));

        l = pegLock(home, AMOUNT, terms());
        l.terms = _flags(l, 3, 1);
        _refused(l, terms(), _refusal(2));

        l = pegLock(home, AMOUNT, terms());
        l.terms = _flags(l, 1, 1);
        _refused(l, terms(), _refusal(2));

        address wrong = deploy("PointsToken", abi.encode("Other", "OTH", address(this)));
        IAsset(wrong).mint(user, AMOUNT);
        vm.prank(user);
        IAsset(wrong).approve(address(home.locks), AMOUNT);
        l = pegLock(home, AMOUNT, terms());
        l.token = wrong;
        _refused(l, terms(), _refusal(4));
    }

    /// `HashTimeLock` makes no such lock; the port does not rely on it.
    function test_L43_parts_and_zero_are_refused_by_the_port_itself() external {
        Lock memory l = pegLock(home, AMOUNT, terms());
        l.terms = _flags(l, 2, 2);
        vm.expectRevert(_refusal(3));
        this.open(l, terms());
        l = pegLock(home, 0, terms());
        vm.expectRevert(_refusal(5));
        this.open(l, terms());
    }

    function testFuzz_L43_only_the_committed_terms_open(address recipient, uint256 nonce, uint112 salt) external {
        PegTerms memory said = PegTerms(recipient, nonce);
        Lock memory l = pegLock(home, AMOUNT, terms());
        if (recipient == beneficiary && nonce == 7) return;
        vm.expectPartialRevert(IPegPort.PegTermsNotCommitted.selector);
        this.open(l, said);
        if (salt == home.port.saltOf(hash, terms())) return;
        l.terms = TermsLib.pack(uint40(START + 1 hours), uint40(START + 2 hours), uint40(START + 3 hours), 1, 2, salt);
        vm.expectPartialRevert(IPegPort.PegTermsNotCommitted.selector);
        this.open(l, terms());
    }

    function test_L43_the_commitment_never_changes() external view {
        PegTerms memory t = PegTerms(address(0x2222222222222222222222222222222222222222), 7);
        bytes32 hashlock = 0x3333333333333333333333333333333333333333333333333333333333333333;
        eq(home.port.saltOf(hashlock, t), 0xd573568357fafcfe8ca59a1708c6, "golden; also in bindings/peg.rs");
    }

    function test_L43_terms_of_another_hash_do_not_open() external {
        Lock memory l = pegLock(home, AMOUNT, terms());
        l.hashlock = keccak256("another");
        vm.expectPartialRevert(IPegPort.PegTermsNotCommitted.selector);
        this.open(l, terms());
    }

    function test_L43_recipients_that_would_lose_the_money_are_refused() external {
        address[4] memory bad = [address(0), address(side.port), address(side.locks), side.asset];
        for (uint256 i = 0; i < bad.length; ++i) {
            Lock memory l = pegLock(home, AMOUNT, PegTerms(bad[i], i));
            vm.expectRevert(abi.encodeWithSelector(IPegPort.PegRecipientRefused.selector, bad[i]));
            this.open(l, PegTerms(bad[i], i));
        }
    }

    /// Whatever is wrong with a lock that names the port as guard: at or after T its sender gets it back.
    function testFuzz_L57_a_lock_that_cannot_open_is_refunded(uint8 wrong, uint112 salt) external {
        Lock memory l = pegLock(home, AMOUNT, terms());
        if (wrong % 4 == 0) {
            l.terms =
                TermsLib.pack(uint40(START + 1 hours), uint40(START + 2 hours), uint40(START + 3 hours), 1, 2, salt);
        }
        if (wrong % 4 == 1) l.recipient = carrier;
        if (wrong % 4 == 2) l.terms = _flags(l, 3, 1);
        if (wrong % 4 == 3) l.hashlock = keccak256("nobody knows the preimage");
        lockAt(home, l);
        passBoth(2 hours);

        refundNow(home, l);

        eq(balance(home, user), 1e30, "user");
    }

    function test_L57_a_claim_condition_of_the_port_is_never_met() external {
        Lock memory l = pegLock(home, AMOUNT, terms());
        l.terms = _flags(l, 3, 1);
        lockAt(home, l);
        home.chain.pass(1 hours);
        home.chain.enter();

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.EvidenceRefused.selector, address(home.port), bytes4(0)));
        home.locks.claimWith(l, SECRET, "");
    }

    // ---- L44: exactly what was opened

    function test_L44_a_wrong_preimage_claims_nothing() external {
        Lock memory l = _opened();
        side.chain.enter();

        vm.expectPartialRevert(IPegPort.PegWrongPreimage.selector);
        side.port.claim(l, keccak256("guess"));
    }

    function test_L44_a_changed_lock_claims_nothing() external {
        Lock memory l = _opened();
        side.chain.enter();
        l.amount += 1;

        vm.expectRevert(abi.encodeWithSelector(IPegPort.PegNotOpen.selector, _id(l), PegState.None));
        side.port.claim(l, SECRET);
    }

    function test_L44_whoever_claims_the_beneficiary_is_paid() external {
        Lock memory l = _opened();

        claimAt(side, l);

        eq(balance(side, carrier), 0, "carrier");
        eq(balance(side, beneficiary), AMOUNT, "beneficiary");
    }

    // ---- L47, L48: the assets

    function test_L47_a_token_that_takes_more_is_not_released() external {
        GreedyToken greedy = new GreedyToken();
        _join(address(greedy));
        greedy.mint(user, 10 * AMOUNT);
        vm.prank(user);
        IAsset(side.asset).approve(address(side.locks), type(uint256).max);
        fund(2 * AMOUNT);
        Lock memory l = pegLock(side, AMOUNT, terms());
        lockAt(side, l);
        openNow(home, l, terms());
        greedy.setGreedy(true);

        vm.expectRevert(abi.encodeWithSelector(IPegPort.PegAssetMoved.selector, AMOUNT + 1, AMOUNT));
        this.claim(true, l);
        passBoth(2 hours);
        refundNow(side, l);

        eq(balance(side, user), 2 * AMOUNT, "user has his pegged units back");
    }

    function test_L55_a_token_that_reenters_is_released_once() external {
        ReenteringToken evil = new ReenteringToken();
        _join(address(evil));
        evil.mint(user, 10 * AMOUNT);
        vm.prank(user);
        evil.approve(address(home.locks), type(uint256).max);
        vm.prank(user);
        IAsset(side.asset).approve(address(side.locks), type(uint256).max);
        fund(3 * AMOUNT);
        Lock memory l = pegLock(side, AMOUNT, terms());
        lockAt(side, l);
        openNow(home, l, terms());
        evil.plan(address(home.port), abi.encodeCall(home.port.claim, (l, SECRET)));

        claimAt(home, l);

        yes(!evil.succeeded(), "the second claim is refused");
        eq(evil.balanceOf(beneficiary), AMOUNT, "paid once");
    }

    function test_L48_only_the_port_mints() external {
        vm.expectPartialRevert(IPegToken.PegTokenCallerNotPort.selector);
        IPegToken(side.asset).mint(address(this), 1);
    }

    function test_L48_only_locks_pay_the_port() external {
        fund(AMOUNT);
        vm.expectRevert(abi.encodeWithSelector(IPegToken.PegTokenSentToPort.selector, user));
        vm.prank(user);
        IPegToken(side.asset).transfer(address(side.port), 1);
        eq(supply(), AMOUNT, "nothing was destroyed");
    }

    function test_L47_native_money_reaches_the_vault_through_locks_alone() external {
        vm.deal(carrier, 1);
        vm.prank(carrier);
        (bool ok,) = address(home.port).call{value: 1}("");
        yes(!ok, "refused");
    }

    // ---- L54, L58: configuration

    function test_L58_zero_means_nothing_is_accepted() external {
        address asset = home.asset;
        PegConfig memory c = _good();
        c.remoteLocks = address(0);
        _refusedConfig(c, asset, abi.encodeWithSelector(IPegPort.PegConfigZero.selector, 0));
        c = _good();
        c.remotePort = address(0);
        _refusedConfig(c, asset, abi.encodeWithSelector(IPegPort.PegConfigZero.selector, 1));
        c = _good();
        c.remoteToken = address(0);
        _refusedConfig(c, asset, abi.encodeWithSelector(IPegPort.PegConfigZero.selector, 2));
        c = _good();
        c.administrator = address(0);
        _refusedConfig(c, asset, abi.encodeWithSelector(IPegPort.PegConfigZero.selector, 3));
        c = _good();
        c.guardian = address(0);
        _refusedConfig(c, asset, abi.encodeWithSelector(IPegPort.PegConfigZero.selector, 4));
        c = _good();
        c.locks = carrier;
        _refusedConfig(c, asset, abi.encodeWithSelector(IPegPort.PegConfigNoCode.selector, carrier));
        c = _good();
        c.client = ILightClient(address(0));
        _refusedConfig(c, asset, abi.encodeWithSelector(IPegPort.PegConfigNoCode.selector, address(0)));
        _refusedConfig(_good(), carrier, abi.encodeWithSelector(IPegPort.PegConfigNoCode.selector, carrier));
    }

    function test_L58_limits_of_zero_are_refused() external {
        _refusedLimits(PegLimits(0, 1, 1, 1), abi.encodeWithSelector(AmountLimit.LimitZero.selector));
        _refusedLimits(PegLimits(1, 0, 1, 1), abi.encodeWithSelector(AmountLimit.LimitZero.selector));
        bytes4 delay = IPegPort.PegDelayRefused.selector;
        _refusedLimits(PegLimits(1, 1, 1, 0), abi.encodeWithSelector(delay, 0, uint64(30 days)));
        _refusedLimits(PegLimits(1, 1, 1, 31 days), abi.encodeWithSelector(delay, uint64(31 days), uint64(30 days)));
    }

    // ---- L59: where proofs look

    function test_L59_locks_and_transfers_lie_where_the_other_chain_looks() external {
        Lock memory l = _opened();
        bytes32 slot = StateSlots.lockSlot(_id(l));
        eq(uint256(vm.load(address(home.locks), slot)) >> 248, uint256(LockState.Open), "open lock");
        slot = StateSlots.transferSlot(_id(l));
        eq(uint256(vm.load(address(side.port), slot)) >> 248, uint256(PegState.Open), "open transfer");

        claimAt(side, l);
        collectAt(home, l);

        eq(uint256(vm.load(address(side.port), slot)) >> 248, uint256(PegState.Claimed), "claimed transfer");
        slot = StateSlots.lockSlot(_id(l));
        eq(uint256(vm.load(address(home.locks), slot)) >> 248, uint256(LockState.Claimed), "claimed lock");
        fund(AMOUNT);
        l = pegLock(side, AMOUNT, terms());
        lockAt(side, l);
        openNow(home, l, terms());
        slot = StateSlots.transferSlot(_id(l));
        eq(uint256(vm.load(address(home.port), slot)) >> 248, uint256(PegState.Open), "the vault's alike");
    }

    function _opened() private returns (Lock memory l) {
        l = pegLock(home, AMOUNT, terms());
        lockAt(home, l);
        openNow(side, l, terms());
    }

    function _id(Lock memory l) private pure returns (LockId) {
        return LockId.wrap(keccak256(abi.encode(l)));
    }

    function _flags(Lock memory l, uint8 flags, uint16 parts) private pure returns (Terms) {
        Terms t = l.terms;
        return TermsLib.pack(
            uint40(t.publicClaimAt()), uint40(t.refundAt()), uint40(t.publicRefundAt()), parts, flags, uint112(t.salt())
        );
    }

    function _good() private view returns (PegConfig memory) {
        return _config(home, side, address(side.port), side.asset);
    }

    function deployVault(PegConfig calldata c, address asset) external {
        deploy("PegVault", abi.encode(c, asset));
    }

    function _refusedConfig(PegConfig memory c, address asset, bytes memory error) private {
        vm.expectRevert(error);
        this.deployVault(c, asset);
    }

    function _refusedLimits(PegLimits memory limits, bytes memory error) private {
        vm.expectRevert(error);
        vm.prank(administrator);
        home.port.setLimits(limits);
    }
}
