// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

import {DeviceId, DeviceRecord, DeviceState} from "./DeviceTypes.sol";
import {IDeviceMirror} from "./IDeviceMirror.sol";

/// @title What the consortium chain knows of the devices that the public chain admitted.
contract DeviceMirror is IDeviceMirror {
    mapping(DeviceId => DeviceRecord) private _devices;
    uint64 private _events;

    /// @inheritdoc IDeviceMirror
    address public immutable gateway;
    /// @inheritdoc IDeviceMirror
    uint256 public immutable publicChainId;
    /// @inheritdoc IDeviceMirror
    address public immutable registry;

    constructor(address gateway_, uint256 publicChainId_, address registry_) {
        if (gateway_.code.length == 0) revert MirrorConfigRefused(0);
        if (publicChainId_ == 0) revert MirrorConfigRefused(1);
        if (registry_ == address(0)) revert MirrorConfigRefused(2);
        (gateway, publicChainId, registry) = (gateway_, publicChainId_, registry_);
    }

    /// @inheritdoc IERC7786Recipient
    function receiveMessage(bytes32, bytes calldata sender, bytes calldata payload) external payable returns (bytes4) {
        if (msg.sender != gateway) revert CallerNotGateway(msg.sender, gateway);
        if (msg.value != 0) revert ValueRefused(msg.value);
        (bool ok, uint256 chain, address from) = InteroperableAddress.tryParseEvmV1Calldata(sender);
        if (!ok || chain != publicChainId || from != registry) revert SenderNotRegistry(sender);
        (DeviceId id, DeviceRecord memory record) = abi.decode(payload, (DeviceId, DeviceRecord));
        if (record.keyNumber == 0 || record.state == DeviceState.None) revert RecordRefused(id, record.version);

        // D7: what is old news is no fault of whoever brought it.
        if (record.version > _devices[id].version) {
            _devices[id] = record;
            emit DeviceMirrored(_events++, id, record.version, record.state, record);
        }
        return IERC7786Recipient.receiveMessage.selector;
    }

    /// @inheritdoc IDeviceMirror
    function deviceOf(DeviceId id) external view returns (DeviceRecord memory) {
        return _devices[id];
    }

    /// @inheritdoc IDeviceMirror
    function isActive(DeviceId id) external view returns (bool) {
        return _devices[id].state == DeviceState.Active;
    }

    /// @inheritdoc IDeviceMirror
    function events() external view returns (uint64) {
        return _events;
    }
}
