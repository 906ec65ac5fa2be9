// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

import {IPointsToken} from "./IPointsToken.sol";

/// @title Points of one chain.
contract PointsToken is IPointsToken, ERC20, ERC20Permit {
    /// @inheritdoc IPointsToken
    address public immutable minter;

    constructor(string memory name_, string memory symbol_, address minter_) ERC20(name_, symbol_) ERC20Permit(name_) {
        if (minter_ == address(0)) revert MinterZero();
        minter = minter_;
    }

    /// @inheritdoc IPointsToken
    function mint(address to, uint256 amount) external {
        if (msg.sender != minter) revert CallerNotMinter(msg.sender, minter);
        _mint(to, amount);
    }
}
