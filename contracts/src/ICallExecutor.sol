// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Makes calls for contracts of other chains.
/// @notice Owns nothing and has no right anywhere: never approve it, never make it an owner. A contract that wants to know
///         who calls asks `origin()` while it is called.
interface ICallExecutor {
    /// The caller is not the gateway.
    error CallerNotGateway(address got, address expected);
    /// No call of another chain is running.
    error NoCallRunning();

    /// @notice Calls `target`; never fails for a reason that lies in the target.
    /// @param exactly Whether the target gets just `gasLimit`, or all there is, but no less.
    /// @return success Whether the call went through.
    /// @return result The first MAX_RESULT bytes it returned.
    function execute(
        uint64 chainId,
        address sender,
        bytes32 messageId,
        address target,
        uint256 gasLimit,
        bool exactly,
        bytes memory data
    ) external returns (bool success, bytes memory result);

    /// @notice Returns the chain, the sender and the message of the call that is running.
    function origin() external view returns (uint64 chainId, address sender, bytes32 messageId);

    /// @notice Returns the gateway it works for.
    function gateway() external view returns (address);

    /// @notice Returns how many bytes of an answer are kept.
    function MAX_RESULT() external view returns (uint256);
}
