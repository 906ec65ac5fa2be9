// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

import {ILightClient} from "./ILightClient.sol";
import {Checkpoint} from "./LightClientTypes.sol";
import {Deal, DealId, DealState, Outcome} from "./SettlementTypes.sol";

/// @title Public end of a settlement: holds an asset until the consortium's result and both signatures, or time-out.
/// @notice -- open --/-- release by verdict and signatures, no end --------------------------------------------
///                    deal.deadline --/-- refund by proof that no verdict was published at >= deal.deadline ---
///         Rules S1..S12 are in docs/transfers.md.
/// @dev Invariants L60..L68 in docs/threats.md. Nobody has a privilege here. Every event bears the next number, from 0.
interface ISettlementEscrow is IERC7786Recipient {
    /// @notice The asset is locked.
    event DealOpened(uint64 indexed number, DealId indexed id, address indexed counterparty, Deal deal);
    /// @notice The consortium's result is known here.
    event VerdictRecorded(uint64 indexed number, DealId indexed id, Outcome outcome);
    /// @notice Both parties were paid their shares.
    event DealReleased(uint64 indexed number, DealId indexed id, Outcome outcome, address by);
    /// @notice The initiator was paid back.
    event DealRefunded(uint64 indexed number, DealId indexed id, uint256 amount, address by);
    /// @notice `payee` did not take his share; he withdraws it when he can.
    event ShareCredited(uint64 indexed number, address indexed payee, address indexed asset, uint256 amount);
    /// @notice A credited share was paid.
    event ShareWithdrawn(uint64 indexed number, address indexed payee, address indexed asset, uint256 amount);

    /// Field `field` of the configuration is zero: 0 settlement.
    error EscrowConfigZero(uint256 field);
    /// This address has no code.
    error EscrowConfigNoCode(address got);
    /// Field `field` of the deal makes no sense: 0 initiator, 1 counterparty, 2 asset, 3 amount, 4 business, 5 terms.
    error DealRefused(uint256 field);
    /// Only the initiator locks his own asset.
    error DealNotByInitiator(address got, address expected);
    /// The deadline is not `MIN_WINDOW`..`MAX_HORIZON` from now: milliseconds instead of seconds?
    error DealDeadlineRefused(uint256 got, uint256 nowAt);
    /// The same deal was already made; choose another salt.
    error DealKnown(DealId id, DealState state);
    /// The deal is not open: never made, or ended already.
    error DealNotOpen(DealId id, DealState state);
    /// Native value sent along differs from what the deal needs.
    error DealWrongValue(uint256 got, uint256 expected);
    /// The token brought another amount than it was told to.
    error DealAmountNotReceived(uint256 got, uint256 expected);
    /// Only the Gateway delivers.
    error CallerNotGateway(address got, address expected);
    /// The message is not from the one `Settlement` on the one chain.
    error SenderNotSettlement(bytes got);
    /// No verdict is known, or it is of another outcome.
    error VerdictNotThis(DealId id, bytes32 got, bytes32 expected);
    /// The checkpoint shows another verdict, or none (zero).
    error VerdictNotProved(DealId id, bytes32 got, bytes32 expected);
    /// A verdict was published: the deal is released, not refunded.
    error VerdictExists(DealId id, bytes32 verdict);
    /// The checkpoint is before the deadline: a verdict could still follow.
    error VerdictCheckpointEarly(uint256 got, uint256 min);
    /// The verdict gives away more than there is.
    error OutcomeTooLarge(uint256 got, uint256 amount);
    /// The signature is not this party's over this outcome.
    error SignatureNotOf(address party);
    /// Nothing is credited.
    error NothingCredited(address payee, address asset);
    /// The payee does not take native money, again.
    error WithdrawalRefused(address payee, uint256 amount);

    /// @notice Locks the initiator's asset.
    function open(Deal calldata deal) external payable returns (DealId);

    /// @notice Records a verdict by a proof of the consortium's state, without a message.
    ///         Timeline: any time after the verdict.
    function prove(
        DealId id,
        Outcome calldata outcome,
        Checkpoint calldata checkpoint,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external;

    /// @notice Pays both parties their shares. Timeline: after the verdict, no end.
    function release(
        Deal calldata deal,
        Outcome calldata outcome,
        bytes calldata initiatorSignature,
        bytes calldata counterpartySignature
    ) external;

    /// @notice Pays the initiator back, on proof that at or after the deadline there was no verdict.
    function refund(
        Deal calldata deal,
        Checkpoint calldata checkpoint,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external;

    /// @notice Pays `payee` what was credited to him; anyone may call.
    function withdraw(address payee, address asset) external;

    /// @notice Returns where a deal is, and the hash of its verdict if one is known.
    function stateOf(DealId id) external view returns (DealState state, bytes32 verdict);

    /// @notice Returns the id of a deal, made or not.
    function idOf(Deal calldata deal) external view returns (DealId);

    /// @notice Returns what is credited.
    function credited(address payee, address asset) external view returns (uint256);

    /// @notice Returns the number the next event will bear.
    function events() external view returns (uint64);

    /// @notice Returns the Gateway of this chain.
    function gateway() external view returns (address);

    /// @notice Returns what this chain believes of the consortium.
    function client() external view returns (ILightClient);

    /// @notice Returns the consortium's `Settlement`.
    function settlement() external view returns (address);

    /// @notice Shortest time to the deadline, in seconds.
    function MIN_WINDOW() external view returns (uint256);

    /// @notice Longest time to the deadline, in seconds.
    function MAX_HORIZON() external view returns (uint256);

    /// @notice Gas a native payee gets; what needs more is credited.
    function PAYOUT_GAS() external view returns (uint256);
}
