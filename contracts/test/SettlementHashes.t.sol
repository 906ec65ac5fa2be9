// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deal, DealId, Outcome, SettlementLib} from "../src/SettlementTypes.sol";
import {Assert} from "./support/Assert.sol";

/// What is signed, stored and proved of a deal: the daemon makes the same (contracts/bindings/deal.rs).
contract SettlementHashesTest is Assert {
    using SettlementLib for Deal;

    function test_the_hashes_of_a_deal_never_change() external view {
        this.compare(_deal(), Outcome(_repeat(6), 600));
    }

    function compare(Deal calldata deal, Outcome calldata outcome) external pure {
        address escrow = address(uint160(uint256(_repeat(9))));
        DealId id = deal.idOf(7701, escrow);
        eq(DealId.unwrap(id), _ID, "id");
        eq(SettlementLib.verdictOf(id, outcome), _VERDICT, "verdict");
        eq(SettlementLib.signedHash(SettlementLib.domainOf(7701, escrow), id, outcome), _SIGNED, "signed");
    }

    function _deal() private pure returns (Deal memory) {
        return Deal(_account(1), _account(2), _account(3), 1_000, 1_800_003_600, _account(4), _repeat(5), 1);
    }

    function _account(uint8 byte_) private pure returns (address) {
        return address(uint160(uint256(_repeat(byte_))));
    }

    function _repeat(uint8 byte_) private pure returns (bytes32) {
        return bytes32(uint256(byte_) * (type(uint256).max / 255));
    }

    bytes32 private constant _ID = 0xada62983b98657ba21b8c6f2c90bc47ab67a6f322b790f44c42407313d1f5bfb;
    bytes32 private constant _VERDICT = 0xb966f634242ec15df1aea208c07d512d177ee408156dfb3cd180445f6c07284c;
    bytes32 private constant _SIGNED = 0x51848a3bda3e4eb13c338e7f185a31611a7a12a8deb7705d28dda0ec57741dcc;
}
