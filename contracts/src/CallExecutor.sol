// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BoundedCall} from "./BoundedCall.sol";
import {ICallExecutor} from "./ICallExecutor.sol";

/// @title Makes calls for contracts of other chains.
/// @dev Apart from the gateway, so that a call of another chain is never made by an account that means anything.
contract CallExecutor is ICallExecutor {
    /// @inheritdoc ICallExecutor
    uint256 public constant MAX_RESULT = 1_024;

    /// @inheritdoc ICallExecutor
    address public immutable gateway;

    uint64 private transient _chainId;
    address private transient _sender;
    bytes32 private transient _messageId;

    /// The gateway makes its own executor.
    constructor() {
        gateway = msg.sender;
    }

    /// @inheritdoc ICallExecutor
    function execute(
        uint64 chainId,
        address sender,
        bytes32 messageId,
        address target,
        uint256 gasLimit,
        bool exactly,
        bytes memory data
    ) external returns (bool success, bytes memory result) {
        if (msg.sender != gateway) revert CallerNotGateway(msg.sender, gateway);
        (_chainId, _sender, _messageId) = (chainId, sender, messageId);
        uint256 usable = BoundedCall.usable();
        if (usable < gasLimit) revert BoundedCall.GasTooLow(usable, gasLimit);
        (success, result) = BoundedCall.call(target, exactly ? gasLimit : usable, data, MAX_RESULT);
        (_chainId, _sender, _messageId) = (0, address(0), 0);
    }

    /// @inheritdoc ICallExecutor
    function origin() external view returns (uint64, address, bytes32) {
        if (_messageId == 0) revert NoCallRunning();
        return (_chainId, _sender, _messageId);
    }
}
