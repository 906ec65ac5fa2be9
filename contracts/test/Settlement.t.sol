// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

import {ILightClient} from "../src/ILightClient.sol";
import {ISettlement} from "../src/ISettlement.sol";
import {ISettlementEscrow} from "../src/ISettlementEscrow.sol";
import {Checkpoint} from "../src/LightClientTypes.sol";
import {Deal, DealId, DealState, Outcome} from "../src/SettlementTypes.sol";
import {StateSlots} from "../src/StateSlots.sol";
import {GasBurningPayee, RefusingPayee} from "./support/Actors.sol";
import {TestPost} from "./support/TestPost.sol";
import {IAsset} from "./support/PegWorld.sol";
import {SettlementWorld} from "./support/SettlementWorld.sol";
import {TestClient} from "./support/TestChain.sol";
import {FeeToken} from "./tokens/OddTokens.sol";

/// Two chains, one deal: L60 to L68.
contract SettlementTest is SettlementWorld {
    function test_L62_the_proved_result_and_both_signatures_release() external {
        Deal memory d = opened();
        agree(d, outcome());
        deliver();

        release(d, outcome());

        eq(IAsset(asset).balanceOf(bob), 600, "counterparty");
        eq(IAsset(asset).balanceOf(alice), 1e30 - 600, "initiator gets the rest");
        eq(IAsset(asset).balanceOf(address(escrow)), 0, "nothing stays");
        isDeal(d, DealState.Released);
    }

    function test_L62_a_verdict_is_proved_without_a_message() external {
        Deal memory d = opened();
        post.setRefusing(true);
        agree(d, outcome());

        proveVerdict(d, outcome());
        release(d, outcome());

        eq(IAsset(asset).balanceOf(bob), 600, "counterparty");
    }

    function test_L62_without_a_verdict_signatures_release_nothing() external {
        Deal memory d = opened();

        vm.expectPartialRevert(ISettlementEscrow.VerdictNotThis.selector);
        this.releaseExternally(d, outcome());
    }

    function test_L62_signatures_of_another_outcome_release_nothing() external {
        Deal memory d = opened();
        agree(d, outcome());
        deliver();
        Outcome memory other = Outcome(keccak256("other"), 600);
        bytes memory a = signed(ALICE_KEY, d, outcome());
        bytes memory b = signed(BOB_KEY, d, other);
        chain.enter();

        vm.expectRevert(abi.encodeWithSelector(ISettlementEscrow.SignatureNotOf.selector, bob));
        escrow.release(d, outcome(), a, b);
        vm.expectRevert(abi.encodeWithSelector(ISettlementEscrow.SignatureNotOf.selector, alice));
        escrow.release(d, outcome(), b, b);
        vm.expectPartialRevert(ISettlementEscrow.VerdictNotThis.selector);
        this.releaseExternally(d, other);
    }

    function test_L62_signatures_for_another_deal_release_nothing() external {
        Deal memory d = opened();
        Deal memory twin = deal();
        twin.salt += 1;
        open(twin);
        agree(d, outcome());
        deliver();
        bytes memory a = signed(ALICE_KEY, d, outcome());
        bytes memory b = signed(BOB_KEY, d, outcome());
        chain.enter();

        vm.expectPartialRevert(ISettlementEscrow.VerdictNotThis.selector);
        escrow.release(twin, outcome(), a, b);
    }

    function test_L62_the_initiators_signature_twice_is_not_two() external {
        Deal memory d = opened();
        agree(d, outcome());
        deliver();
        bytes memory a = signed(ALICE_KEY, d, outcome());
        chain.enter();

        vm.expectRevert(abi.encodeWithSelector(ISettlementEscrow.SignatureNotOf.selector, bob));
        escrow.release(d, outcome(), a, a);
        vm.expectRevert(abi.encodeWithSelector(ISettlementEscrow.SignatureNotOf.selector, alice));
        escrow.release(d, outcome(), "", "");
    }

    function test_L62_only_the_gateway_with_the_settlements_word_is_heard() external {
        Deal memory d = opened();
        bytes memory payload = abi.encode(escrow.idOf(d), outcome());
        bytes memory from = post.nameOf(7702, address(settlement));

        vm.expectRevert(
            abi.encodeWithSelector(ISettlementEscrow.CallerNotGateway.selector, address(this), address(post))
        );
        escrow.receiveMessage(0, from, payload);
        bytes memory liar = post.nameOf(7702, address(this));
        vm.expectRevert(abi.encodeWithSelector(ISettlementEscrow.SenderNotSettlement.selector, liar));
        post.deliverTo(address(escrow), liar, payload);
        liar = post.nameOf(7703, address(settlement));
        vm.expectRevert(abi.encodeWithSelector(ISettlementEscrow.SenderNotSettlement.selector, liar));
        post.deliverTo(address(escrow), liar, payload);
        vm.expectPartialRevert(ISettlementEscrow.SenderNotSettlement.selector);
        post.deliverTo(address(escrow), "", payload);
    }

    /// `ReplayingRelayer`: the same message, the same proof, the same release, again and again.
    function test_L61_what_comes_twice_changes_nothing() external {
        Deal memory d = opened();
        Deal memory twin = deal();
        twin.salt += 1;
        open(twin);
        agree(d, outcome());
        deliver();
        uint64 events = escrow.events();
        deliver();
        proveVerdict(d, outcome());
        eq(escrow.events(), events, "recorded once");
        release(d, outcome());

        vm.expectRevert(abi.encodeWithSelector(ISettlementEscrow.DealNotOpen.selector, idOf(d), DealState.Released));
        this.releaseExternally(d, outcome());
        eq(IAsset(asset).balanceOf(address(escrow)), 1_000, "the other deal's money is untouched");
    }

    function test_L61_the_same_deal_is_not_opened_again() external {
        Deal memory d = opened();
        chain.enter();

        vm.expectPartialRevert(ISettlementEscrow.DealKnown.selector);
        vm.prank(alice);
        escrow.open(d);
    }

    // ---- time

    function test_L63_no_verdict_by_the_deadline_refunds_the_initiator() external {
        Deal memory d = opened();
        passBoth(1 hours);

        refund(d);

        eq(IAsset(asset).balanceOf(alice), 1e30, "initiator");
        isDeal(d, DealState.Refunded);
    }

    function testFuzz_L63_refund_and_release_exclude_each_other(bool agreed, uint256 agreeAt, uint256 refundAt)
        external
    {
        Deal memory d = opened();
        consortium.pass(within(agreeAt, 0, 2 hours));
        bool published = agreed && consortium.time() < d.deadline;
        if (published) agree(d, outcome());
        consortium.pass(within(refundAt, 0, 2 hours));
        chain.pass(3 hours);

        bool late = consortium.time() >= d.deadline;
        bytes4 refusal =
            late ? ISettlementEscrow.VerdictExists.selector : ISettlementEscrow.VerdictCheckpointEarly.selector;
        if (!late || published) vm.expectPartialRevert(refusal);
        this.refundExternally(d);
        if (!published) return isDeal(d, late ? DealState.Refunded : DealState.Open);

        // The relayer was late; the counterparty loses nothing by it.
        deliver();
        release(d, outcome());
        isDeal(d, DealState.Released);
    }

    function test_L63_a_verdict_after_a_refund_moves_nothing() external {
        Deal memory d = opened();
        passBoth(1 hours);
        refund(d);
        // What cannot be: the message of a verdict that came into being after the deadline.
        post.deliverTo(address(escrow), post.nameOf(7702, address(settlement)), abi.encode(idOf(d), outcome()));

        vm.expectRevert(abi.encodeWithSelector(ISettlementEscrow.DealNotOpen.selector, idOf(d), DealState.Refunded));
        this.releaseExternally(d, outcome());
    }

    function test_L63_a_refund_needs_the_consortiums_own_state() external {
        Deal memory d = opened();
        passBoth(1 hours);
        Checkpoint memory c = consortium.finalise();
        (bytes[] memory a, bytes[] memory s) =
            consortium.prove(c.height, address(settlement), StateSlots.verdictSlot(bytes32(uint256(1))));
        c.stateRoot = keccak256("forged");
        chain.enter();

        vm.expectPartialRevert(TestClient.CheckpointUnknown.selector);
        escrow.refund(d, c, a, s);
    }

    // ---- the consortium

    function test_L64_after_the_deadline_nothing_is_confirmed() external {
        Deal memory d = opened();
        consortium.pass(1 hours);
        bytes memory a = signed(ALICE_KEY, d, outcome());
        consortium.enter();

        vm.expectRevert(
            abi.encodeWithSelector(ISettlement.DealTooLate.selector, START + 1 hours + SKEW, START + 1 hours)
        );
        vm.prank(alice);
        settlement.confirm(d, outcome(), a);
    }

    function test_L64_one_party_is_not_two() external {
        Deal memory d = opened();
        confirm(alice, ALICE_KEY, d, outcome());
        confirm(alice, ALICE_KEY, d, outcome());
        eq(settlement.verdictOf(idOf(d)), bytes32(0), "no verdict");
        confirm(bob, BOB_KEY, d, Outcome(keccak256("other"), 600));
        eq(settlement.verdictOf(idOf(d)), bytes32(0), "not of different outcomes");
        confirm(bob, BOB_KEY, d, Outcome(outcome().digest, 601));
        eq(settlement.verdictOf(idOf(d)), bytes32(0), "not of different shares");

        confirm(bob, BOB_KEY, d, outcome());

        yes(settlement.verdictOf(idOf(d)) != 0, "agreed at last");
    }

    function test_L64_a_party_confirms_with_its_own_signature_only() external {
        Deal memory d = opened();
        bytes memory b = signed(BOB_KEY, d, outcome());
        bytes memory other = signed(ALICE_KEY, d, Outcome(keccak256("other"), 600));
        consortium.enter();

        vm.expectRevert(abi.encodeWithSelector(ISettlement.OutcomeSignatureWrong.selector, alice));
        vm.prank(alice);
        settlement.confirm(d, outcome(), b);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.OutcomeSignatureWrong.selector, alice));
        vm.prank(alice);
        settlement.confirm(d, outcome(), other);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.CallerNotParty.selector, carol));
        vm.prank(carol);
        settlement.confirm(d, outcome(), b);
    }

    function test_L64_a_verdict_is_published_once() external {
        Deal memory d = opened();
        agree(d, outcome());
        bytes memory a = signed(ALICE_KEY, d, Outcome(keccak256("second thoughts"), 0));

        vm.expectRevert(abi.encodeWithSelector(ISettlement.VerdictKnown.selector, idOf(d)));
        vm.prank(alice);
        settlement.confirm(d, Outcome(keccak256("second thoughts"), 0), a);
        eq(post.count(), 1, "one message");
    }

    function test_L64_a_business_contract_must_conclude_the_same() external {
        Deal memory d = deal();
        d.business = carol;
        open(d);
        agree(d, outcome());
        eq(settlement.verdictOf(idOf(d)), bytes32(0), "not without the business");

        vm.expectRevert(abi.encodeWithSelector(ISettlement.CallerNotBusiness.selector, alice, carol));
        vm.prank(alice);
        settlement.conclude(d, outcome());
        vm.prank(carol);
        settlement.conclude(d, Outcome(keccak256("other"), 600));
        eq(settlement.verdictOf(idOf(d)), bytes32(0), "not another outcome");
        vm.prank(carol);
        settlement.conclude(d, outcome());

        yes(settlement.verdictOf(idOf(d)) != 0, "published");
    }

    function test_L64_more_than_there_is_cannot_be_agreed() external {
        Deal memory d = opened();
        Outcome memory more = Outcome(keccak256("x"), 1_001);
        bytes memory a = signed(ALICE_KEY, d, more);
        consortium.enter();

        vm.expectRevert(abi.encodeWithSelector(ISettlement.OutcomeRefused.selector, more.digest, 1_001, 1_000));
        vm.prank(alice);
        settlement.confirm(d, more, a);
        vm.expectPartialRevert(ISettlement.OutcomeRefused.selector);
        vm.prank(alice);
        settlement.confirm(d, Outcome(0, 1), a);
    }

    function test_L68_a_gateway_that_refuses_does_not_hold_up_a_verdict() external {
        Deal memory d = opened();
        DealId id = idOf(d);
        post.setRefusing(true);
        agree(d, outcome());
        yes(settlement.verdictOf(id) != 0, "published all the same");
        eq(post.count(), 0, "not sent");

        post.setRefusing(false);
        settlement.send(id, outcome());

        eq(post.count(), 1, "sent");
        vm.expectRevert(abi.encodeWithSelector(ISettlement.VerdictSentBefore.selector, id));
        settlement.send(id, outcome());
        vm.expectRevert(abi.encodeWithSelector(ISettlement.VerdictUnknown.selector, id));
        settlement.send(id, Outcome(keccak256("other"), 600));
    }

    function test_L66_the_message_is_three_words_and_nothing_private() external {
        Deal memory d = opened();
        agree(d, outcome());

        eq(
            keccak256(post.payload(0)),
            keccak256(abi.encode(idOf(d), outcome().digest, outcome().toCounterparty)),
            "id, digest, share"
        );
    }

    // ---- paying

    function test_L65_a_native_asset_is_settled_as_well() external {
        Deal memory d = deal();
        d.asset = address(0);
        vm.deal(alice, 1_000);
        open(d);
        agree(d, outcome());
        deliver();

        release(d, outcome());

        eq(bob.balance, 600, "counterparty");
        eq(alice.balance, 400, "initiator");
    }

    /// A key whose account became a contract that takes no money (EIP-7702) holds up nobody.
    function test_L65_a_payee_who_takes_no_money_is_credited() external {
        address[2] memory bad = [address(new RefusingPayee()), address(new GasBurningPayee())];
        for (uint256 i = 0; i < bad.length; ++i) {
            Deal memory d = deal();
            (d.asset, d.salt) = (address(0), i);
            vm.deal(alice, 1_000);
            open(d);
            agree(d, outcome());
            deliver();
            vm.etch(bob, bad[i].code);
            release(d, outcome());
            eq(alice.balance, 400, "the other is paid");
            eq(escrow.credited(bob, address(0)), 600, "credited");
            vm.etch(bob, "");

            escrow.withdraw(bob, address(0));

            eq(bob.balance, 600, "withdrawn");
            vm.expectRevert(abi.encodeWithSelector(ISettlementEscrow.NothingCredited.selector, bob, address(0)));
            escrow.withdraw(bob, address(0));
            vm.deal(bob, 0);
        }
    }

    function testFuzz_L65_shares_add_up(uint256 share, uint96 amount) external {
        Deal memory d = deal();
        d.amount = uint256(amount) + 1;
        open(d);
        Outcome memory o = Outcome(keccak256("o"), within(share, 0, d.amount));
        agree(d, o);
        deliver();

        release(d, o);

        eq(IAsset(asset).balanceOf(bob), o.toCounterparty, "counterparty");
        eq(IAsset(asset).balanceOf(alice), 1e30 - o.toCounterparty, "initiator");
    }

    // ---- nonsense

    function test_L67_deals_that_make_no_sense_are_refused() external {
        Deal memory d = deal();
        d.counterparty = address(0);
        _refused(d, 1);
        d.counterparty = alice;
        _refused(d, 1);
        d.counterparty = address(escrow);
        _refused(d, 1);
        d = deal();
        d.asset = address(escrow);
        _refused(d, 2);
        d.asset = carol;
        _refused(d, 2);
        d = deal();
        d.amount = 0;
        _refused(d, 3);
        d = deal();
        d.business = address(0);
        _refused(d, 4);
        d = deal();
        d.termsDigest = 0;
        _refused(d, 5);
        d = deal();
        d.deadline = uint64(START + 3);
        vm.expectPartialRevert(ISettlementEscrow.DealDeadlineRefused.selector);
        this.openExternally(d);
        d.deadline = uint64((START + 1 hours) * 1000);
        vm.expectPartialRevert(ISettlementEscrow.DealDeadlineRefused.selector);
        this.openExternally(d);
        d = deal();
        vm.expectRevert(abi.encodeWithSelector(ISettlementEscrow.DealNotByInitiator.selector, address(this), alice));
        escrow.open(d);
        vm.expectRevert(abi.encodeWithSelector(ISettlementEscrow.DealWrongValue.selector, 1, 0));
        vm.deal(alice, 1);
        vm.prank(alice);
        escrow.open{value: 1}(d);
    }

    function test_L60_a_token_with_a_fee_is_not_taken() external {
        FeeToken fee = new FeeToken();
        fee.mint(alice, 1_000);
        vm.prank(alice);
        fee.approve(address(escrow), 1_000);
        Deal memory d = deal();
        d.asset = address(fee);

        vm.expectRevert(abi.encodeWithSelector(ISettlementEscrow.DealAmountNotReceived.selector, 990, 1_000));
        this.openExternally(d);
    }

    function test_L67_zero_means_nothing_is_accepted() external {
        ILightClient client = ILightClient(address(consortium.client()));
        _refusedEscrow(
            address(0), client, carol, abi.encodeWithSelector(ISettlementEscrow.EscrowConfigNoCode.selector, address(0))
        );
        _refusedEscrow(
            address(post),
            ILightClient(address(0)),
            carol,
            abi.encodeWithSelector(ISettlementEscrow.EscrowConfigNoCode.selector, address(0))
        );
        _refusedEscrow(
            address(post), client, address(0), abi.encodeWithSelector(ISettlementEscrow.EscrowConfigZero.selector, 0)
        );
        bytes4 zero = ISettlement.SettlementConfigZero.selector;
        _refusedSettlement(address(0), 1, carol, abi.encodeWithSelector(zero, 0));
        _refusedSettlement(carol, 0, carol, abi.encodeWithSelector(zero, 1));
        _refusedSettlement(carol, 1, address(0), abi.encodeWithSelector(zero, 2));
    }

    function test_L59_verdicts_lie_where_the_other_chain_looks() external {
        Deal memory d = opened();
        agree(d, outcome());

        bytes32 slot = StateSlots.verdictSlot(DealId.unwrap(idOf(d)));
        eq(vm.load(address(settlement), slot), settlement.verdictOf(idOf(d)), "slot");
    }

    function test_L62_receiving_returns_the_magic_value() external {
        Deal memory d = opened();
        eq(
            post.deliverTo(address(escrow), post.nameOf(7702, address(settlement)), abi.encode(idOf(d), outcome())),
            bytes32(IERC7786Recipient.receiveMessage.selector),
            "selector"
        );
    }

    function _refused(Deal memory d, uint256 field) private {
        vm.expectRevert(abi.encodeWithSelector(ISettlementEscrow.DealRefused.selector, field));
        this.openExternally(d);
    }

    function deployExternally(string calldata name, bytes calldata arguments) external {
        deploy(name, arguments);
    }

    function _refusedEscrow(address gateway, ILightClient client, address there, bytes memory error) private {
        vm.expectRevert(error);
        this.deployExternally("SettlementEscrow", abi.encode(gateway, client, there));
    }

    function _refusedSettlement(address gateway, uint256 chainId, address there, bytes memory error) private {
        vm.expectRevert(error);
        this.deployExternally("Settlement", abi.encode(gateway, chainId, there));
    }
}
