// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IHashTimeLock} from "../src/IHashTimeLock.sol";
import {ISessionCondition, SessionTerms} from "../src/ISessionCondition.sol";
import {IVerifier} from "../src/IVerifier.sol";
import {IVerifierRegistry} from "../src/IVerifierRegistry.sol";
import {Lock, LockId, LockState} from "../src/LockTypes.sol";
import {ProofWorld} from "./support/ProofWorld.sol";
import {ProofVectors} from "./verifiers/ProofVectors.sol";

/// Locks that are claimed with a proof about device data: L100..L104. The proofs are real; ProofVectors.sol says whence.
contract SessionConditionTest is ProofWorld {
    Lock private _lock;
    uint256[8] private _proof;
    uint256[] private _inputs;

    function setUp() public override {
        super.setUp();
        _lock = conditionalLock();
        (_proof, _inputs) = ProofVectors.coldChain();
        anchors.anchorDigest(DEVICE, _inputs[1]);
        open(_lock);
    }

    function _claim(Lock memory l, bytes memory evidence) private {
        vm.prank(bob);
        htlc.claimWith(l, PREIMAGE, evidence);
    }

    function _evidence() private view returns (bytes memory) {
        return condition.evidence(agreed(), _inputs[1], _inputs[4], _proof);
    }

    function _refused(bytes memory evidence, bytes memory error) private {
        vm.expectRevert(error);
        _claim(_lock, evidence);
        stateIs(_lock, LockState.Open);
    }

    /// The lock whose id the committed proofs name: if this fails, put the id into circuits/examples/verifiers.rs.
    function test_the_committed_proofs_are_for_this_lock() external view {
        uint256 input = uint256(
            keccak256(abi.encode(keccak256("causeway/session/1"), block.chainid, CONDITION, htlc.idOf(_lock)))
        ) >> 3;
        eq(_inputs[0], input, vm.toString(uint256(LockId.unwrap(htlc.idOf(_lock)))));
    }

    function test_L100_a_cold_chain_that_never_broke_pays() external {
        uint256 before = bob.balance;

        _claim(_lock, _evidence());

        eq(bob.balance, before + AMOUNT, "bob");
        stateIs(_lock, LockState.Claimed);
        bytes32 statement = registry.statementOf(keccak256("session-256"), _inputs);
        yes(registry.accepted(CONDITION, statement), "the statement is used up");
    }

    function test_L100_a_broken_cold_chain_does_not_pay_and_is_refunded() external {
        (uint256[8] memory proof, uint256[] memory inputs) = ProofVectors.brokenColdChain();
        registry.check(keccak256("session-256"), proof, inputs);
        eq(inputs[5], 0, "a true statement: it broke");
        anchors.anchorDigest(DEVICE, inputs[1]);
        bytes memory evidence = condition.evidence(agreed(), inputs[1], inputs[4], proof);
        _refused(evidence, abi.encodeWithSelector(IVerifier.ProofRefused.selector));

        vm.warp(START + 2 hours);
        uint256 before = alice.balance;
        refundAs(alice, _lock);

        eq(alice.balance, before + AMOUNT, "alice");
    }

    function test_L100_the_preimage_is_needed_as_well() external {
        bytes memory evidence = _evidence();
        vm.expectPartialRevert(IHashTimeLock.ClaimWrongPreimage.selector);
        vm.prank(bob);
        htlc.claimWith(_lock, keccak256("guess"), evidence);
    }

    function test_L100_after_the_time_a_proof_opens_nothing() external {
        bytes memory evidence = _evidence();
        vm.warp(START + 2 hours);
        vm.expectPartialRevert(IHashTimeLock.ClaimTooLate.selector);
        _claim(_lock, evidence);
    }

    function test_L101_a_proof_for_another_chain_or_lock_is_refused() external {
        (uint256[8] memory proof, uint256[] memory inputs) = ProofVectors.coldChainElsewhere();
        bytes memory evidence = condition.evidence(agreed(), inputs[1], inputs[4], proof);
        _refused(evidence, abi.encodeWithSelector(IVerifier.ProofRefused.selector));

        Lock memory other = conditionalLock();
        other.amount -= 1;
        open(other);
        evidence = _evidence();
        vm.expectRevert(abi.encodeWithSelector(IVerifier.ProofRefused.selector));
        _claim(other, evidence);
    }

    function test_L101_on_another_chain_the_proof_is_refused() external {
        vm.chainId(1);
        _refused(_evidence(), abi.encodeWithSelector(IVerifier.ProofRefused.selector));
    }

    function test_L102_other_terms_than_agreed_are_refused() external {
        uint112 salt = condition.saltOf(agreed());
        for (uint256 i = 0; i < 8; ++i) {
            SessionTerms memory t = agreed();
            if (i == 0) t.device += 1;
            if (i == 1) t.from += 1;
            if (i == 2) t.until -= 1;
            if (i == 3) t.low -= 1;
            if (i == 4) t.high += 1;
            if (i == 5) t.gap += 1;
            if (i == 6) t.count -= 1;
            if (i == 7) t.nonce += 1;
            bytes memory evidence = condition.evidence(t, _inputs[1], _inputs[4], _proof);
            _refused(
                evidence, abi.encodeWithSelector(ISessionCondition.TermsNotAgreed.selector, condition.saltOf(t), salt)
            );
        }
    }

    function test_V6_terms_that_ask_for_nothing_are_refused() external {
        for (uint256 i = 0; i < 3; ++i) {
            SessionTerms memory t = agreed();
            if (i == 0) t.count = 0;
            if (i == 1) t.until = t.from;
            if (i == 2) t.low = t.high + 1;
            Lock memory l = conditionalLock(t);
            open(l);
            bytes memory evidence = condition.evidence(t, _inputs[1], _inputs[4], _proof);
            vm.expectRevert(abi.encodeWithSelector(ISessionCondition.TermsRefused.selector));
            _claim(l, evidence);
        }
    }

    function test_L103_readings_that_nobody_anchored_are_refused() external {
        uint256 digest = _inputs[1] + 1;
        bytes memory evidence = condition.evidence(agreed(), digest, _inputs[4], _proof);
        _refused(evidence, abi.encodeWithSelector(ISessionCondition.DigestNotAnchored.selector, DEVICE, digest));

        SessionTerms memory t = agreed();
        t.device = 6;
        Lock memory l = conditionalLock(t);
        open(l);
        evidence = condition.evidence(t, _inputs[1], _inputs[4], _proof);
        vm.expectRevert(abi.encodeWithSelector(ISessionCondition.DigestNotAnchored.selector, 6, _inputs[1]));
        _claim(l, evidence);
    }

    function test_L103_another_anchored_digest_is_not_what_was_proved() external {
        anchors.anchorDigest(DEVICE, 7);
        bytes memory evidence = condition.evidence(agreed(), 7, _inputs[4], _proof);
        _refused(evidence, abi.encodeWithSelector(IVerifier.ProofRefused.selector));
    }

    function test_L103_readings_that_cover_less_than_agreed_are_refused() external {
        SessionTerms memory t = agreed();
        t.from -= 1;
        _refusedUnder(t, ISessionCondition.ReadingsNotWhole.selector);
        t = agreed();
        t.until += 1;
        _refusedUnder(t, ISessionCondition.ReadingsNotWhole.selector);
        t = agreed();
        t.count += 1;
        _refusedUnder(t, ISessionCondition.ReadingsTooFew.selector);
    }

    function _refusedUnder(SessionTerms memory t, bytes4 error) private {
        Lock memory l = conditionalLock(t);
        open(l);
        bytes memory evidence = condition.evidence(t, _inputs[1], _inputs[4], _proof);
        vm.expectPartialRevert(error);
        _claim(l, evidence);
    }

    /// A span that says more than was proved, in bits the contract does not look at or in those it does.
    function test_L103_a_span_that_was_not_proved_is_refused() external {
        uint256[4] memory spans =
            [_inputs[4] + 1, _inputs[4] - (1 << 16), _inputs[4] + (1 << 64), _inputs[4] + (1 << 250)];
        for (uint256 i = 0; i < spans.length; ++i) {
            bytes memory evidence = condition.evidence(agreed(), _inputs[1], spans[i], _proof);
            vm.expectRevert(abi.encodeWithSelector(IVerifier.ProofRefused.selector));
            _claim(_lock, evidence);
        }
        uint256 r = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
        bytes memory alias_ = condition.evidence(agreed(), _inputs[1], _inputs[4] + r, _proof);
        vm.expectRevert();
        _claim(_lock, alias_);
        stateIs(_lock, LockState.Open);
    }

    function test_L104_a_stranger_cannot_use_the_statement_up() external {
        bytes memory evidence = _evidence();
        vm.expectRevert(abi.encodeWithSelector(ISessionCondition.CallerNotLocks.selector, carol, address(htlc)));
        vm.prank(carol);
        condition.checkClaim(_lock, evidence);
        vm.prank(carol);
        registry.accept(keccak256("session-256"), _proof, _inputs);

        _claim(_lock, evidence);

        stateIs(_lock, LockState.Claimed);
    }

    function test_V8_a_statement_opens_one_lock_once() external {
        vm.prank(CONDITION);
        registry.accept(keccak256("session-256"), _proof, _inputs);
        bytes memory evidence = _evidence();
        vm.expectPartialRevert(IVerifierRegistry.StatementSeen.selector);
        _claim(_lock, evidence);
    }

    function test_evidence_that_is_none_is_refused() external {
        bytes memory whole = _evidence();
        for (uint256 length = 0; length < whole.length; length += 31) {
            bytes memory part = new bytes(length);
            for (uint256 i = 0; i < length; ++i) {
                part[i] = whole[i];
            }
            vm.expectRevert();
            _claim(_lock, part);
        }
    }

    /// Both flags: time alone opens the refund, the proof the claim.
    function test_L100_with_a_guard_the_refund_is_time_s_alone() external {
        Lock memory l = conditionalLock();
        l.terms = terms(1, 3, condition.saltOf(agreed()));
        open(l);
        vm.warp(START + 2 hours);
        uint256 before = alice.balance;

        vm.prank(alice);
        htlc.refundWith(l, "");

        eq(alice.balance, before + AMOUNT, "alice");
    }

    function test_V6_nothing_is_no_configuration() external {
        vm.expectRevert(abi.encodeWithSelector(ISessionCondition.ConfigZero.selector));
        this.make(address(0), address(registry), address(anchors));
        vm.expectRevert(abi.encodeWithSelector(ISessionCondition.ConfigZero.selector));
        this.make(address(htlc), address(0), address(anchors));
        vm.expectRevert(abi.encodeWithSelector(ISessionCondition.ConfigZero.selector));
        this.make(address(htlc), address(registry), address(0));
    }

    function make(address locks, address registry_, address anchors_) external {
        deploy("SessionCondition", abi.encode(locks, registry_, anchors_));
    }
}
