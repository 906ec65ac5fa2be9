// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deal, DealId, Outcome} from "../SettlementTypes.sol";

/// @notice What was ordered; private to the members of the consortium.
struct PurchaseOrder {
    /// What is to be delivered.
    string goods;
    /// How many.
    uint256 units;
    /// Price of one, in the smallest unit of the deal's asset.
    uint256 unitPrice;
}

/// @notice What came; private to the members of the consortium.
struct GoodsReceipt {
    /// How many units came.
    uint256 delivered;
    /// How many of them nobody can use.
    uint256 damaged;
    /// What else is to be said.
    string remark;
}

/// @title Worked example of a private business: goods are delivered to the initiator, who pays for the good ones.
/// @notice -- deal opened on the public chain --/-- both parties state order and receipt; the last one concludes --
/// @dev Put it on the consortium chain and name it as `Deal.business`. Its figures never leave that chain: `Settlement` gets a
///      digest and the split. Write your own contract the same way; nothing else of the settlement has to know it.
interface IDeliveryAgreement {
    /// @notice A party put its figures in.
    event DeliveryStated(DealId indexed id, address indexed party, PurchaseOrder order, GoodsReceipt receipt);
    /// @notice Both parties put in the same figures, which come to this.
    event DeliveryAgreed(DealId indexed id, Outcome outcome);

    /// The address of `Settlement` has no code.
    error AgreementConfigNoCode(address got);
    /// Neither initiator nor counterparty of this deal.
    error AgreementNotParty(address got);
    /// The order and its random value are not those that the deal was made for.
    error AgreementOrderUnknown(bytes32 got, bytes32 expected);
    /// More came than was ordered, or more was damaged than came.
    error AgreementReceiptRefused(uint256 damaged, uint256 delivered, uint256 ordered);
    /// The goods are worth more than the escrow holds.
    error AgreementWorthTooMuch(uint256 worth, uint256 amount);

    /// @notice Puts in the caller's figures. When both parties have put in the same ones, `Settlement` is told their outcome.
    ///         Until the verdict a party may put in others. `orderSalt` and `receiptSalt` are random values that the parties share.
    ///         Timeline: before `deal.deadline`.
    function state(
        Deal calldata deal,
        PurchaseOrder calldata order,
        bytes32 orderSalt,
        GoodsReceipt calldata receipt,
        bytes32 receiptSalt
    ) external;

    /// @notice Returns the digest by which a deal is made for this order: `Deal.termsDigest`.
    function orderDigest(PurchaseOrder calldata order, bytes32 salt) external pure returns (bytes32);

    /// @notice Returns what order and receipt come to: what the parties confirm in `Settlement`.
    function outcomeOf(PurchaseOrder calldata order, GoodsReceipt calldata receipt, bytes32 receiptSalt)
        external
        pure
        returns (Outcome memory);

    /// @notice Returns the consortium's `Settlement`.
    function settlement() external view returns (address);
}
