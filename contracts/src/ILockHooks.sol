// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Lock} from "./LockTypes.sol";

/// @title Judge of evidence a lock may ask for beside preimage and time.
/// @notice A lock names its judge when it is made; both parties must trust its code. A judge that refuses a refund for
///         ever keeps the money locked for ever: it needs a way out of its own.
/// @dev Called by `HashTimeLock` after the lock is marked as ended and before anything is paid; it may write (a replay
///      guard), and reverting undoes the whole call. It must return its own selector: anything else counts as refusal.
interface ILockHooks {
    /// @notice Judges the evidence offered with a claim; the preimage and window were already checked.
    /// @return `ILockHooks.checkClaim.selector` to accept.
    function checkClaim(Lock calldata lock, bytes calldata evidence) external returns (bytes4);

    /// @notice Judges the evidence offered with a refund; the window was already checked.
    /// @return `ILockHooks.checkRefund.selector` to accept.
    function checkRefund(Lock calldata lock, bytes calldata evidence) external returns (bytes4);
}
