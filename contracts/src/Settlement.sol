// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

import {ISettlement} from "./ISettlement.sol";
import {Deal, DealId, Outcome, SettlementLib} from "./SettlementTypes.sol";

/// @title Consortium end of a settlement.
/// @notice -- confirm, conclude --/-- verdict, for ever --/-- deal.deadline: no verdict any more --
/// @dev Invariants L60..L68 in docs/threats.md; each has a test with the same number.
contract Settlement is ISettlement {
    using SettlementLib for Deal;

    /// Who must stand for an outcome.
    enum _Role {
        Initiator,
        Counterparty,
        Business
    }

    /// Slot 0, see `StateSlots.VERDICTS`: nothing that is stored may be declared before it.
    mapping(DealId => bytes32 verdict) private _verdicts;
    mapping(DealId => mapping(_Role => bytes32 verdict)) private _stands;
    mapping(DealId => bool) private _sent;
    uint64 private _events;

    /// @inheritdoc ISettlement
    address public immutable gateway;
    /// @inheritdoc ISettlement
    uint256 public immutable publicChainId;
    /// @inheritdoc ISettlement
    address public immutable escrow;
    bytes32 private immutable _domain;

    constructor(address gateway_, uint256 publicChainId_, address escrow_) {
        if (gateway_ == address(0)) revert SettlementConfigZero(0);
        if (publicChainId_ == 0) revert SettlementConfigZero(1);
        if (escrow_ == address(0)) revert SettlementConfigZero(2);
        (gateway, publicChainId, escrow) = (gateway_, publicChainId_, escrow_);
        _domain = SettlementLib.domainOf(publicChainId_, escrow_);
    }

    /// -- HERE --/-- deal.deadline --
    modifier onlyBefore(uint64 deadline) {
        if (block.timestamp >= deadline) revert DealTooLate(block.timestamp, deadline);
        _;
    }

    /// @inheritdoc ISettlement
    function confirm(Deal calldata deal, Outcome calldata outcome, bytes calldata signature)
        external
        onlyBefore(deal.deadline)
    {
        DealId id = _checkOpen(deal, outcome);
        bool initiator = msg.sender == deal.initiator;
        if (!initiator && msg.sender != deal.counterparty) revert CallerNotParty(msg.sender);
        bytes32 signed = SettlementLib.signedHash(_domain, id, outcome);
        (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(signed, signature);
        if (problem != ECDSA.RecoverError.NoError || signer != msg.sender) revert OutcomeSignatureWrong(msg.sender);

        _stands[id][initiator ? _Role.Initiator : _Role.Counterparty] = SettlementLib.verdictOf(id, outcome);
        emit OutcomeConfirmed(_events++, id, msg.sender, outcome, signature);
        _publishIfAgreed(id, deal, outcome);
    }

    /// @inheritdoc ISettlement
    function conclude(Deal calldata deal, Outcome calldata outcome) external onlyBefore(deal.deadline) {
        DealId id = _checkOpen(deal, outcome);
        if (msg.sender != deal.business) revert CallerNotBusiness(msg.sender, deal.business);
        _stands[id][_Role.Business] = SettlementLib.verdictOf(id, outcome);
        emit OutcomeConcluded(_events++, id, msg.sender, outcome);
        _publishIfAgreed(id, deal, outcome);
    }

    /// @inheritdoc ISettlement
    function send(DealId id, Outcome calldata outcome) external {
        if (_verdicts[id] != SettlementLib.verdictOf(id, outcome)) revert VerdictUnknown(id);
        if (_sent[id]) revert VerdictSentBefore(id);
        _send(id, outcome);
    }

    /// @inheritdoc ISettlement
    function verdictOf(DealId id) external view returns (bytes32) {
        return _verdicts[id];
    }

    /// @inheritdoc ISettlement
    function idOf(Deal calldata deal) external view returns (DealId) {
        return deal.idOf(publicChainId, escrow);
    }

    /// @inheritdoc ISettlement
    function signedHash(DealId id, Outcome calldata outcome) external view returns (bytes32) {
        return SettlementLib.signedHash(_domain, id, outcome);
    }

    /// @inheritdoc ISettlement
    function events() external view returns (uint64) {
        return _events;
    }

    function _publishIfAgreed(DealId id, Deal calldata deal, Outcome calldata outcome) private {
        bytes32 verdict = SettlementLib.verdictOf(id, outcome);
        if (_stands[id][_Role.Initiator] != verdict || _stands[id][_Role.Counterparty] != verdict) return;
        if (deal.business != address(this) && _stands[id][_Role.Business] != verdict) return;
        _verdicts[id] = verdict;
        emit VerdictPublished(_events++, id, outcome);
        _send(id, outcome);
    }

    /// A Gateway that refuses does not hold up the verdict: it stands in the state, and can be proved without a message.
    function _send(DealId id, Outcome calldata outcome) private {
        _sent[id] = true;
        bytes memory to = InteroperableAddress.formatEvmV1(publicChainId, escrow);
        bytes memory payload = abi.encode(id, outcome);
        try IERC7786GatewaySource(gateway).sendMessage(to, payload, new bytes[](0)) returns (bytes32 sendId) {
            emit VerdictSent(_events++, id, sendId);
        } catch (bytes memory reason) {
            _sent[id] = false;
            emit VerdictNotSent(_events++, id, reason);
        }
    }

    function _checkOpen(Deal calldata deal, Outcome calldata outcome) private view returns (DealId id) {
        if (outcome.digest == 0 || outcome.toCounterparty > deal.amount) {
            revert OutcomeRefused(outcome.digest, outcome.toCounterparty, deal.amount);
        }
        id = deal.idOf(publicChainId, escrow);
        if (_verdicts[id] != 0) revert VerdictKnown(id);
    }
}
