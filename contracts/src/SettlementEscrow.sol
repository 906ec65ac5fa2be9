// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {ILightClient} from "./ILightClient.sol";
import {ISettlementEscrow} from "./ISettlementEscrow.sol";
import {Checkpoint} from "./LightClientTypes.sol";
import {Deal, DealId, DealState, Outcome, SettlementLib} from "./SettlementTypes.sol";
import {StateProof} from "./StateProof.sol";
import {StateSlots} from "./StateSlots.sol";

/// @title Public end of a settlement.
/// @notice -- open --/-- release by verdict and signatures, no end; refund by proof of no verdict at >= deadline --
/// @dev Invariants L60..L68 in docs/threats.md; each has a test with the same number.
contract SettlementEscrow is ISettlementEscrow, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SettlementLib for Deal;

    /// @inheritdoc ISettlementEscrow
    uint256 public constant MIN_WINDOW = 4 seconds;
    /// @inheritdoc ISettlementEscrow
    uint256 public constant MAX_HORIZON = 366 days;
    /// @inheritdoc ISettlementEscrow
    uint256 public constant PAYOUT_GAS = 50_000;

    address private constant _NATIVE = address(0);

    mapping(DealId => DealState) private _states;
    mapping(DealId => bytes32) private _verdicts;
    mapping(address payee => mapping(address asset => uint256)) private _credits;
    uint64 private _events;

    /// @inheritdoc ISettlementEscrow
    address public immutable gateway;
    /// @inheritdoc ISettlementEscrow
    ILightClient public immutable client;
    /// @inheritdoc ISettlementEscrow
    address public immutable settlement;
    bytes32 private immutable _domain;

    constructor(address gateway_, ILightClient client_, address settlement_) {
        if (settlement_ == address(0)) revert EscrowConfigZero(0);
        if (gateway_.code.length == 0) revert EscrowConfigNoCode(gateway_);
        if (address(client_).code.length == 0) revert EscrowConfigNoCode(address(client_));
        (gateway, client, settlement) = (gateway_, client_, settlement_);
        _domain = SettlementLib.domainOf(block.chainid, address(this));
    }

    /// @inheritdoc ISettlementEscrow
    function open(Deal calldata deal) external payable nonReentrant returns (DealId id) {
        _checkDeal(deal);
        id = _idOf(deal);
        if (_states[id] != DealState.None) revert DealKnown(id, _states[id]);
        _states[id] = DealState.Open;
        emit DealOpened(_events++, id, deal.counterparty, deal);
        _receive(deal);
    }

    /// @inheritdoc IERC7786Recipient
    function receiveMessage(bytes32, bytes calldata sender, bytes calldata payload)
        external
        payable
        returns (bytes4)
    {
        if (msg.sender != gateway) revert CallerNotGateway(msg.sender, gateway);
        if (msg.value != 0) revert DealWrongValue(msg.value, 0);
        (bool ok, uint256 chain, address from) = InteroperableAddress.tryParseEvmV1Calldata(sender);
        if (!ok || chain != client.chainId() || from != settlement) revert SenderNotSettlement(sender);
        (DealId id, Outcome memory outcome) = abi.decode(payload, (DealId, Outcome));
        _record(id, outcome);
        return IERC7786Recipient.receiveMessage.selector;
    }

    /// @inheritdoc ISettlementEscrow
    function prove(
        DealId id,
        Outcome calldata outcome,
        Checkpoint calldata checkpoint,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external {
        bytes32 got = _provedVerdict(id, checkpoint, accountProof, storageProof);
        bytes32 expected = SettlementLib.verdictOf(id, outcome);
        if (got != expected) revert VerdictNotProved(id, got, expected);
        _record(id, outcome);
    }

    /// @inheritdoc ISettlementEscrow
    function release(
        Deal calldata deal,
        Outcome calldata outcome,
        bytes calldata initiatorSignature,
        bytes calldata counterpartySignature
    ) external nonReentrant {
        DealId id = _end(deal, DealState.Released);
        bytes32 expected = SettlementLib.verdictOf(id, outcome);
        if (_verdicts[id] != expected) revert VerdictNotThis(id, _verdicts[id], expected);
        if (outcome.toCounterparty > deal.amount) revert OutcomeTooLarge(outcome.toCounterparty, deal.amount);
        bytes32 signed = SettlementLib.signedHash(_domain, id, outcome);
        _checkSignature(deal.initiator, signed, initiatorSignature);
        _checkSignature(deal.counterparty, signed, counterpartySignature);

        emit DealReleased(_events++, id, outcome, msg.sender);
        _pay(deal.asset, deal.counterparty, outcome.toCounterparty);
        _pay(deal.asset, deal.initiator, deal.amount - outcome.toCounterparty);
    }

    /// @inheritdoc ISettlementEscrow
    function refund(
        Deal calldata deal,
        Checkpoint calldata checkpoint,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external nonReentrant {
        DealId id = _end(deal, DealState.Refunded);
        // S7: what has no verdict in a block with time >= deadline never gets one.
        if (checkpoint.timestamp < deal.deadline) revert VerdictCheckpointEarly(checkpoint.timestamp, deal.deadline);
        bytes32 verdict = _provedVerdict(id, checkpoint, accountProof, storageProof);
        if (verdict != 0) revert VerdictExists(id, verdict);

        emit DealRefunded(_events++, id, deal.amount, msg.sender);
        _pay(deal.asset, deal.initiator, deal.amount);
    }

    /// @inheritdoc ISettlementEscrow
    function withdraw(address payee, address asset) external nonReentrant {
        uint256 amount = _credits[payee][asset];
        if (amount == 0) revert NothingCredited(payee, asset);
        _credits[payee][asset] = 0;
        emit ShareWithdrawn(_events++, payee, asset, amount);
        if (asset != _NATIVE) return IERC20(asset).safeTransfer(payee, amount);
        if (!LowLevelCall.callNoReturn(payee, amount, "")) revert WithdrawalRefused(payee, amount);
    }

    /// @inheritdoc ISettlementEscrow
    function stateOf(DealId id) external view returns (DealState state, bytes32 verdict) {
        return (_states[id], _verdicts[id]);
    }

    /// @inheritdoc ISettlementEscrow
    function idOf(Deal calldata deal) external view returns (DealId) {
        return _idOf(deal);
    }

    /// @inheritdoc ISettlementEscrow
    function credited(address payee, address asset) external view returns (uint256) {
        return _credits[payee][asset];
    }

    /// @inheritdoc ISettlementEscrow
    function events() external view returns (uint64) {
        return _events;
    }

    // ---- effects

    function _record(DealId id, Outcome memory outcome) private {
        bytes32 verdict = SettlementLib.verdictOf(id, outcome);
        bytes32 known = _verdicts[id];
        if (known == verdict) return; // delivered twice, or also proved
        if (known != 0) revert VerdictNotThis(id, known, verdict);
        _verdicts[id] = verdict;
        emit VerdictRecorded(_events++, id, outcome);
    }

    function _end(Deal calldata deal, DealState state) private returns (DealId id) {
        id = _idOf(deal);
        if (_states[id] != DealState.Open) revert DealNotOpen(id, _states[id]);
        _states[id] = state;
    }

    // ---- money

    /// Takes the asset in, and measures that it came.
    function _receive(Deal calldata deal) private {
        uint256 value = deal.asset == _NATIVE ? deal.amount : 0;
        if (msg.value != value) revert DealWrongValue(msg.value, value);
        if (deal.asset == _NATIVE) return;
        IERC20 token = IERC20(deal.asset);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(deal.initiator, address(this), deal.amount);
        uint256 got = token.balanceOf(address(this)) - before;
        if (got != deal.amount) revert DealAmountNotReceived(got, deal.amount);
    }

    /// Pays, or credits what is not taken: one payee holds up nobody (S8). A caller who gives too little gas to pay
    /// brings about a credit, no loss.
    function _pay(address asset, address payee, uint256 amount) private {
        if (amount == 0) return;
        if (_tryPay(asset, payee, amount)) return;
        _credits[payee][asset] += amount;
        emit ShareCredited(_events++, payee, asset, amount);
    }

    function _tryPay(address asset, address payee, uint256 amount) private returns (bool taken) {
        if (asset != _NATIVE) return IERC20(asset).trySafeTransfer(payee, amount);
        (taken,) = payee.call{value: amount, gas: PAYOUT_GAS}("");
    }

    // ---- checks

    function _checkDeal(Deal calldata d) private view {
        if (msg.sender != d.initiator) revert DealNotByInitiator(msg.sender, d.initiator);
        if (d.counterparty == address(0) || d.counterparty == d.initiator) revert DealRefused(1);
        if (d.counterparty == address(this) || d.counterparty == d.asset) revert DealRefused(1);
        if (d.asset == address(this) || (d.asset != _NATIVE && d.asset.code.length == 0)) revert DealRefused(2);
        if (d.amount == 0) revert DealRefused(3);
        if (d.business == address(0)) revert DealRefused(4);
        if (d.termsDigest == 0) revert DealRefused(5);
        if (d.deadline < block.timestamp + MIN_WINDOW || d.deadline > block.timestamp + MAX_HORIZON) {
            revert DealDeadlineRefused(d.deadline, block.timestamp);
        }
    }

    function _checkSignature(address party, bytes32 signed, bytes calldata signature) private pure {
        (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(signed, signature);
        if (problem != ECDSA.RecoverError.NoError || signer != party) revert SignatureNotOf(party);
    }

    function _provedVerdict(
        DealId id,
        Checkpoint calldata checkpoint,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) private view returns (bytes32) {
        client.check(checkpoint);
        bytes32 slot = StateSlots.verdictSlot(DealId.unwrap(id));
        return bytes32(StateProof.slotAt(checkpoint.stateRoot, settlement, slot, accountProof, storageProof));
    }

    function _idOf(Deal calldata deal) private view returns (DealId) {
        return deal.idOf(block.chainid, address(this));
    }
}
