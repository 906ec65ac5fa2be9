// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Stands on the side chain for an asset that is held on its home chain.
interface IPegToken is IERC20 {
    /// A constructor argument is zero: 0 port, 1 locks.
    error PegTokenZero(uint256 field);
    /// Only the port mints.
    error PegTokenCallerNotPort(address got, address expected);
    /// The port is paid by locks alone: whatever else is sent there would be destroyed for nothing.
    error PegTokenSentToPort(address from);

    /// @notice Makes `amount` new units for `to`; only the port may.
    function mint(address to, uint256 amount) external;

    /// @notice Returns who mints, and by being paid destroys.
    function port() external view returns (address);

    /// @notice Returns the `HashTimeLock` whose payments to the port are destroyed.
    function locks() external view returns (address);
}
