// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title A contract that one account administers, until it hands over to another that takes it.
/// @notice -- administered by A --/-- A offers B --/-- B accepts: administered by B --/-- ..
///         Two steps: an address that cannot act, mistyped or without code for it, never becomes administrator.
interface IAdministered {
    /// @notice `to` may take the administration; zero withdraws an offer.
    event AdministrationOffered(address indexed from, address indexed to);
    /// @notice The administration passed on.
    event AdministrationTaken(address indexed from, address indexed to);

    /// Only the administrator offers.
    error AdministrationNotYours(address got, address expected);
    /// The administration was not offered to the caller.
    error AdministrationNotOffered(address got, address offeredTo);

    /// @notice Offers the administration to `to`, in place of an earlier offer. Timeline: any time, by the administrator.
    function offerAdministration(address to) external;

    /// @notice Takes the administration. Timeline: while it is offered to the caller.
    function acceptAdministration() external;

    /// @notice Returns who administers.
    function administrator() external view returns (address);

    /// @notice Returns to whom the administration is offered; zero if to nobody.
    function offeredTo() external view returns (address);
}
