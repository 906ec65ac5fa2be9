// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

import {IPegToken} from "./IPegToken.sol";

/// @title Stands on the side chain for an asset that is held on its home chain.
/// @dev L40, L48: made by the port alone, destroyed in the transfer that pays the port, so that supply is never stale.
contract PegToken is IPegToken, ERC20, ERC20Permit {
    /// @inheritdoc IPegToken
    address public immutable port;
    /// @inheritdoc IPegToken
    address public immutable locks;
    uint8 private immutable _decimals;

    constructor(string memory name_, string memory symbol_, uint8 decimals_, address port_, address locks_)
        ERC20(name_, symbol_)
        ERC20Permit(name_)
    {
        if (port_ == address(0)) revert PegTokenZero(0);
        if (locks_ == address(0)) revert PegTokenZero(1);
        (port, locks, _decimals) = (port_, locks_, decimals_);
    }

    /// @inheritdoc IPegToken
    function mint(address to, uint256 amount) external {
        if (msg.sender != port) revert PegTokenCallerNotPort(msg.sender, port);
        _mint(to, amount);
    }

    /// @notice Returns the decimals of the home asset.
    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (to != port) return super._update(from, to, value);
        if (from != locks) revert PegTokenSentToPort(from);
        super._update(from, address(0), value);
    }
}
