// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IPointsToken} from "../src/IPointsToken.sol";
import {Assert} from "./support/Assert.sol";

interface IPermit {
    function DOMAIN_SEPARATOR() external view returns (bytes32);
    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;
}

/// Points: minted by one, permitted by signature.
contract PointsTokenTest is Assert {
    IPointsToken private _token;

    function setUp() external {
        _token = IPointsToken(deploy("PointsToken", abi.encode("Points", "PTS", address(this))));
    }

    function test_the_minter_mints() external {
        _token.mint(address(1), 5);

        eq(_token.balanceOf(address(1)), 5, "balance");
        eq(_token.totalSupply(), 5, "supply");
        eq(_token.minter(), address(this), "minter");
    }

    function test_nobody_else_mints() external {
        vm.expectRevert(abi.encodeWithSelector(IPointsToken.CallerNotMinter.selector, address(1), address(this)));
        vm.prank(address(1));
        _token.mint(address(1), 5);
    }

    function test_L10_a_token_without_minter_is_refused() external {
        vm.expectPartialRevert(IPointsToken.MinterZero.selector);
        this.deployWithout();
    }

    function deployWithout() external {
        deploy("PointsToken", abi.encode("Points", "PTS", address(0)));
    }

    function test_a_permit_approves_by_signature() external {
        address owner = vm.addr(7);
        bytes32 kind = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 request = keccak256(abi.encode(kind, owner, address(2), 9, 0, block.timestamp));
        IPermit permit = IPermit(address(_token));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(7, keccak256(abi.encodePacked(hex"1901", permit.DOMAIN_SEPARATOR(), request)));

        permit.permit(owner, address(2), 9, block.timestamp, v, r, s);

        eq(_token.allowance(owner, address(2)), 9, "allowance");
    }
}
