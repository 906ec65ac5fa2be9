// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAdministered} from "./IAdministered.sol";

/// @title A contract that one account administers, until it hands over to another that takes it.
/// @dev The two addresses lie in a namespace of their own (ERC-7201): slots that other chains prove stay where they are,
///      whatever else a contract inherits.
abstract contract Administered is IAdministered {
    /// @custom:storage-location erc7201:causeway.administered
    struct _Administration {
        address administrator;
        address offeredTo;
    }

    /// keccak256(abi.encode(uint256(keccak256("causeway.administered")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant _NAMESPACE = 0xd175feb9f2f690de479d11dfc6b539ee8043042a916c9c8eb264f7111419b900;

    /// @inheritdoc IAdministered
    function offerAdministration(address to) external {
        _Administration storage a = _administration();
        if (msg.sender != a.administrator) revert AdministrationNotYours(msg.sender, a.administrator);
        a.offeredTo = to;
        emit AdministrationOffered(msg.sender, to);
    }

    /// @inheritdoc IAdministered
    function acceptAdministration() external {
        _Administration storage a = _administration();
        if (msg.sender != a.offeredTo) revert AdministrationNotOffered(msg.sender, a.offeredTo);
        address from = a.administrator;
        (a.administrator, a.offeredTo) = (msg.sender, address(0));
        emit AdministrationTaken(from, msg.sender);
    }

    /// @inheritdoc IAdministered
    function offeredTo() external view returns (address) {
        return _administration().offeredTo;
    }

    /// @inheritdoc IAdministered
    function administrator() public view virtual returns (address) {
        return _administration().administrator;
    }

    /// The first administrator; the caller has checked that it is not zero.
    function _setAdministrator(address first) internal {
        _administration().administrator = first;
    }

    function _administration() private pure returns (_Administration storage a) {
        assembly ("memory-safe") {
            a.slot := _NAMESPACE
        }
    }
}
