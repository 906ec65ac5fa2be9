// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ISettlement} from "../ISettlement.sol";
import {Deal, DealId, Outcome} from "../SettlementTypes.sol";
import {GoodsReceipt, IDeliveryAgreement, PurchaseOrder} from "./IDeliveryAgreement.sol";

/// @title Worked example of a private business.
contract DeliveryAgreement is IDeliveryAgreement {
    mapping(DealId => mapping(address party => bytes32 figures)) private _stated;

    /// @inheritdoc IDeliveryAgreement
    address public immutable settlement;

    constructor(address settlement_) {
        if (settlement_.code.length == 0) revert AgreementConfigNoCode(settlement_);
        settlement = settlement_;
    }

    /// @inheritdoc IDeliveryAgreement
    function state(
        Deal calldata deal,
        PurchaseOrder calldata order,
        bytes32 orderSalt,
        GoodsReceipt calldata receipt,
        bytes32 receiptSalt
    ) external {
        if (msg.sender != deal.initiator && msg.sender != deal.counterparty) {
            revert AgreementNotParty(msg.sender);
        }
        bytes32 terms = orderDigest(order, orderSalt);
        if (terms != deal.termsDigest) revert AgreementOrderUnknown(terms, deal.termsDigest);
        Outcome memory outcome = outcomeOf(order, receipt, receiptSalt);
        if (outcome.toCounterparty > deal.amount) revert AgreementWorthTooMuch(outcome.toCounterparty, deal.amount);

        DealId id = ISettlement(settlement).idOf(deal);
        bytes32 figures = keccak256(abi.encode(terms, outcome));
        _stated[id][msg.sender] = figures;
        emit DeliveryStated(id, msg.sender, order, receipt);
        if (_stated[id][deal.initiator] != figures || _stated[id][deal.counterparty] != figures) return;
        emit DeliveryAgreed(id, outcome);
        ISettlement(settlement).conclude(deal, outcome);
    }

    /// @inheritdoc IDeliveryAgreement
    function orderDigest(PurchaseOrder calldata order, bytes32 salt) public pure returns (bytes32) {
        return keccak256(bytes.concat(salt, abi.encode(order)));
    }

    /// @inheritdoc IDeliveryAgreement
    function outcomeOf(PurchaseOrder calldata order, GoodsReceipt calldata receipt, bytes32 receiptSalt)
        public
        pure
        returns (Outcome memory)
    {
        if (receipt.delivered > order.units || receipt.damaged > receipt.delivered) {
            revert AgreementReceiptRefused(receipt.damaged, receipt.delivered, order.units);
        }
        uint256 worth = (receipt.delivered - receipt.damaged) * order.unitPrice;
        return Outcome(keccak256(bytes.concat(receiptSalt, abi.encode(receipt))), worth);
    }
}
