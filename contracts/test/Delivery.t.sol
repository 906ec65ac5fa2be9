// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {GoodsReceipt, IDeliveryAgreement, PurchaseOrder} from "../src/examples/IDeliveryAgreement.sol";
import {ISettlement} from "../src/ISettlement.sol";
import {Deal, DealState, Outcome} from "../src/SettlementTypes.sol";
import {IAsset} from "./support/PegWorld.sol";
import {SettlementWorld} from "./support/SettlementWorld.sol";
import {Vm} from "./support/Vm.sol";

/// The worked example of a private business: what the escrow pays is what the figures come to, and no figure leaves.
contract DeliveryTest is SettlementWorld {
    bytes32 private constant _ORDER_SALT = keccak256("order salt");
    bytes32 private constant _RECEIPT_SALT = keccak256("receipt salt");
    IDeliveryAgreement private _agreement;

    function setUp() public override {
        super.setUp();
        _agreement = IDeliveryAgreement(deploy("DeliveryAgreement", abi.encode(address(settlement))));
    }

    function test_the_parties_are_paid_what_their_private_figures_come_to() external {
        Deal memory d = _opened();

        _state(alice, d, _receipt());
        _state(bob, d, _receipt());
        agree(d, _outcome());
        deliver();
        release(d, _outcome());

        // 37 came, 2 of them broken, 17 each.
        eq(IAsset(asset).balanceOf(bob), 35 * 17, "for the good ones");
        isDeal(d, DealState.Released);
    }

    function test_no_figure_leaves_the_consortium() external {
        Deal memory d = _opened();
        _state(alice, d, _receipt());
        _state(bob, d, _receipt());
        agree(d, _outcome());
        bytes memory sent = post.payload(post.count() - 1);
        vm.recordLogs();
        deliver();
        release(d, _outcome());

        eq(sent.length, 96, "an id, a digest, a split");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            yes(!_contains(logs[i].data, bytes(_order().goods)), "goods");
            yes(!_contains(logs[i].data, bytes(_receipt().remark)), "remark");
        }
        yes(_contains(abi.encode(_order()), bytes(_order().goods)), "the search finds what is there");
    }

    function test_parties_that_disagree_conclude_nothing_until_they_agree() external {
        Deal memory d = _opened();
        GoodsReceipt memory other = _receipt();
        other.damaged = 3;
        _state(alice, d, other);
        _state(bob, d, _receipt());
        agree(d, _outcome());
        eq(settlement.verdictOf(idOf(d)), bytes32(0), "no verdict");

        _state(alice, d, _receipt());

        yes(settlement.verdictOf(idOf(d)) != 0, "the business was the last to stand for it");
    }

    function test_nobody_else_states_anything() external {
        Deal memory d = _opened();
        vm.expectRevert(abi.encodeWithSelector(IDeliveryAgreement.AgreementNotParty.selector, carol));
        vm.prank(carol);
        _agreement.state(d, _order(), _ORDER_SALT, _receipt(), _RECEIPT_SALT);
    }

    function test_another_order_or_random_value_is_refused() external {
        Deal memory d = _opened();
        PurchaseOrder memory dearer = _order();
        dearer.unitPrice += 1;
        vm.expectPartialRevert(IDeliveryAgreement.AgreementOrderUnknown.selector);
        vm.prank(alice);
        _agreement.state(d, dearer, _ORDER_SALT, _receipt(), _RECEIPT_SALT);
        vm.expectPartialRevert(IDeliveryAgreement.AgreementOrderUnknown.selector);
        vm.prank(alice);
        _agreement.state(d, _order(), _RECEIPT_SALT, _receipt(), _RECEIPT_SALT);
    }

    function test_figures_that_cannot_be_are_refused() external {
        Deal memory d = _opened();
        GoodsReceipt memory r = _receipt();
        r.delivered = 41;
        _refused(d, r, abi.encodeWithSelector(IDeliveryAgreement.AgreementReceiptRefused.selector, 2, 41, 40));
        r = _receipt();
        r.damaged = 38;
        _refused(d, r, abi.encodeWithSelector(IDeliveryAgreement.AgreementReceiptRefused.selector, 38, 37, 40));
    }

    function test_goods_worth_more_than_the_escrow_are_refused() external {
        Deal memory d = _deal();
        d.amount = 594;
        open(d);
        _refused(d, _receipt(), abi.encodeWithSelector(IDeliveryAgreement.AgreementWorthTooMuch.selector, 595, 594));
    }

    function test_after_the_deadline_nothing_is_concluded() external {
        Deal memory d = _opened();
        _state(alice, d, _receipt());
        passBoth(1 hours);
        consortium.enter();
        vm.expectPartialRevert(ISettlement.DealTooLate.selector);
        vm.prank(bob);
        _agreement.state(d, _order(), _ORDER_SALT, _receipt(), _RECEIPT_SALT);
        refund(d);
        isDeal(d, DealState.Refunded);
    }

    function test_a_settlement_without_code_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IDeliveryAgreement.AgreementConfigNoCode.selector, carol));
        this.deployWith(carol);
    }

    function deployWith(address settlement_) external {
        deploy("DeliveryAgreement", abi.encode(settlement_));
    }

    function _refused(Deal memory d, GoodsReceipt memory r, bytes memory error) private {
        consortium.enter();
        vm.expectRevert(error);
        vm.prank(alice);
        _agreement.state(d, _order(), _ORDER_SALT, r, _RECEIPT_SALT);
    }

    function _order() private pure returns (PurchaseOrder memory) {
        return PurchaseOrder("cathode copper, grade A", 40, 17);
    }

    function _receipt() private pure returns (GoodsReceipt memory) {
        return GoodsReceipt(37, 2, "three pallets missing, two bundles wet");
    }

    function _outcome() private view returns (Outcome memory) {
        return _agreement.outcomeOf(_order(), _receipt(), _RECEIPT_SALT);
    }

    function _deal() private view returns (Deal memory d) {
        d = deal();
        d.business = address(_agreement);
        d.termsDigest = _agreement.orderDigest(_order(), _ORDER_SALT);
    }

    function _opened() private returns (Deal memory d) {
        d = _deal();
        open(d);
    }

    function _state(address who, Deal memory d, GoodsReceipt memory r) private {
        consortium.enter();
        vm.prank(who);
        _agreement.state(d, _order(), _ORDER_SALT, r, _RECEIPT_SALT);
    }

    function _contains(bytes memory text, bytes memory part) private pure returns (bool) {
        if (part.length == 0 || text.length < part.length) return part.length == 0;
        for (uint256 i = 0; i + part.length <= text.length; ++i) {
            uint256 j = 0;
            while (j < part.length && text[i + j] == part[j]) ++j;
            if (j == part.length) return true;
        }
        return false;
    }
}
