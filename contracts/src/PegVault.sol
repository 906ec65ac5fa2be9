// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {PegPort} from "./PegPort.sol";
import {PegConfig} from "./PegTypes.sol";

/// @title Home end of a peg: holds the asset for what was minted, and releases it.
/// @dev L40, L47. Takes only what locks of this chain pay it, so nothing here is owed to anyone but holders of `PegToken`.
contract PegVault is PegPort {
    using SafeERC20 for IERC20;

    address private immutable _token;

    constructor(PegConfig memory config, address token_) PegPort(config) {
        // The other side's asset is a `PegToken`, never native.
        if (config.remoteToken == address(0)) revert PegConfigZero(2);
        if (token_ != address(0) && token_.code.length == 0) revert PegConfigNoCode(token_);
        _token = token_;
    }

    /// @notice Returns the asset held here; zero is native.
    function token() public view override returns (address) {
        return _token;
    }

    /// @notice Returns how much is held.
    function held() public view returns (uint256) {
        return _token == address(0) ? address(this).balance : IERC20(_token).balanceOf(address(this));
    }

    function _payOut(address recipient, uint256 amount) internal override {
        if (_token == address(0)) return _payNative(recipient, amount);
        uint256 before = held();
        IERC20(_token).safeTransfer(recipient, amount);
        uint256 left = held();
        // A token that took more, or nothing, must not go unnoticed: V1.
        if (left + amount != before) revert PegAssetMoved(before > left ? before - left : 0, amount);
    }
}
