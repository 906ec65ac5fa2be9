// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Points of one chain: an ERC-20 token with permits and one fixed minter.
interface IPointsToken is IERC20 {
    /// Only the minter mints.
    error CallerNotMinter(address got, address expected);
    /// The constructor's minter is zero.
    error MinterZero();

    /// @notice Makes `amount` new points for `to`.
    function mint(address to, uint256 amount) external;

    /// @notice Returns who may mint; fixed at construction.
    function minter() external view returns (address);
}
