// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title A sender that wants to know how its messages end.
/// @notice Called by the gateway for messages sent with the attribute `notifySender()`, once for each message, with
///         HOOK_GAS. A hook that fails is kept, and anybody may run it again with more gas.
interface IMessageHooks {
    /// @notice The message ended at its destination: executed with this result, or not.
    function onAcknowledged(bytes32 sendId, bool success, bytes calldata result) external;

    /// @notice The message was proved not to have been delivered by its deadline, and never will be: undo.
    function onTimedOut(bytes32 sendId) external;
}
