// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deal, DealId, Outcome} from "./SettlementTypes.sol";

/// @title Consortium end of a settlement: makes the parties' agreed result a verdict, once.
/// @notice -- parties and business confirm one outcome --/-- verdict, for ever --/-- deal.deadline: no verdict any more --
///         Rules S1..S12 are in docs/transfers.md. Digests and the split are all that ever leaves this chain.
/// @dev Invariants L60..L68 in docs/threats.md. Nobody has a privilege here. Every event bears the next number, from 0.
interface ISettlement {
    /// @notice A party stands for this outcome, and has signed for it on the public chain.
    event OutcomeConfirmed(
        uint64 indexed number, DealId indexed id, address indexed party, Outcome outcome, bytes signature
    );
    /// @notice The business contract stands for this outcome.
    event OutcomeConcluded(uint64 indexed number, DealId indexed id, address indexed business, Outcome outcome);
    /// @notice All who must stand for one outcome do.
    event VerdictPublished(uint64 indexed number, DealId indexed id, Outcome outcome);
    /// @notice The verdict went to the Gateway, as this message.
    event VerdictSent(uint64 indexed number, DealId indexed id, bytes32 sendId);
    /// @notice The Gateway did not take the verdict; it can be sent again, or proved without a message.
    event VerdictNotSent(uint64 indexed number, DealId indexed id, bytes reason);

    /// Field `field` of the configuration is zero: 0 gateway, 1 public chain id, 2 escrow.
    error SettlementConfigZero(uint256 field);
    /// The deadline has come: no result any more.
    error DealTooLate(uint256 nowAt, uint256 deadline);
    /// Not a party of this deal.
    error CallerNotParty(address got);
    /// Not the business contract of this deal.
    error CallerNotBusiness(address got, address expected);
    /// The digest is zero, or more is given away than there is.
    error OutcomeRefused(bytes32 digest, uint256 toCounterparty, uint256 amount);
    /// The signature is not this party's over this outcome.
    error OutcomeSignatureWrong(address expected);
    /// The result is published and does not change.
    error VerdictKnown(DealId id);
    /// Nothing is published for this deal, or another outcome.
    error VerdictUnknown(DealId id);
    /// The Gateway has it already.
    error VerdictSentBefore(DealId id);

    /// @notice States that the calling party agrees to this outcome, and gives its signature for the public chain. May be
    ///         changed until the verdict. The last of those who must agree publishes.
    ///         Timeline: before `deal.deadline`.
    function confirm(Deal calldata deal, Outcome calldata outcome, bytes calldata signature) external;

    /// @notice States that the calling business contract came to this outcome.
    ///         Timeline: before `deal.deadline`.
    function conclude(Deal calldata deal, Outcome calldata outcome) external;

    /// @notice Sends a verdict that the Gateway did not take when it was published.
    ///         Timeline: after the verdict.
    function send(DealId id, Outcome calldata outcome) external;

    /// @notice Returns the verdict's hash, or zero.
    function verdictOf(DealId id) external view returns (bytes32);

    /// @notice Returns the id of a deal.
    function idOf(Deal calldata deal) external view returns (DealId);

    /// @notice Returns what a party signs for an outcome.
    function signedHash(DealId id, Outcome calldata outcome) external view returns (bytes32);

    /// @notice Returns the number the next event will bear.
    function events() external view returns (uint64);

    /// @notice Returns the Gateway of this chain.
    function gateway() external view returns (address);

    /// @notice Returns the public chain's id.
    function publicChainId() external view returns (uint256);

    /// @notice Returns the escrow on the public chain.
    function escrow() external view returns (address);
}
