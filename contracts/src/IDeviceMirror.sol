// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

import {DeviceId, DeviceRecord, DeviceState} from "./DeviceTypes.sol";

/// @title What the consortium chain knows of the devices that the public chain admitted.
/// @notice Told by the registry through the Gateway, in any order and as often as it likes: a record is taken when its
///         version is higher than the known one's.
/// @dev Invariant L77 in docs/threats.md. Nobody has a privilege here. Every event bears the next number, from 0.
interface IDeviceMirror is IERC7786Recipient {
    /// @notice The record is this one now.
    event DeviceMirrored(
        uint64 indexed number, DeviceId indexed id, uint64 indexed version, DeviceState state, DeviceRecord record
    );

    /// Field `field` of the configuration makes no sense: 0 gateway, 1 public chain, 2 registry.
    error MirrorConfigRefused(uint256 field);
    /// Only the Gateway delivers.
    error CallerNotGateway(address got, address expected);
    /// The message is not from the one registry on the one chain.
    error SenderNotRegistry(bytes got);
    /// Messages bring no money.
    error ValueRefused(uint256 got);
    /// A record has a version, a key number and a state.
    error RecordRefused(DeviceId id, uint64 version);

    /// @notice Returns what is known of a device; version zero if nothing is.
    function deviceOf(DeviceId id) external view returns (DeviceRecord memory);

    /// @notice Returns whether a device's readings count.
    function isActive(DeviceId id) external view returns (bool);

    /// @notice Returns the number the next event will bear.
    function events() external view returns (uint64);

    /// @notice Returns the Gateway of this chain.
    function gateway() external view returns (address);

    /// @notice Returns the public chain's id.
    function publicChainId() external view returns (uint256);

    /// @notice Returns the registry on the public chain.
    function registry() external view returns (address);
}
