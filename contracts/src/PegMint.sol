// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PegPort} from "./PegPort.sol";
import {PegToken} from "./PegToken.sol";
import {PegConfig} from "./PegTypes.sol";

/// @title Side end of a peg: mints for what is locked at home, and by being paid destroys.
/// @dev L40, L48. Its token is the first contract it makes, so both addresses are known before either chain has them.
contract PegMint is PegPort {
    PegToken private immutable _token;

    constructor(PegConfig memory config, string memory name, string memory symbol, uint8 decimals) PegPort(config) {
        _token = new PegToken(name, symbol, decimals, address(this), config.locks);
    }

    /// @notice Returns the token that only this contract mints.
    function token() public view override returns (address) {
        return address(_token);
    }

    function _payOut(address recipient, uint256 amount) internal override {
        _token.mint(recipient, amount);
    }
}
