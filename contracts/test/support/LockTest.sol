// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IHashTimeLock} from "../../src/IHashTimeLock.sol";
import {IPointsToken} from "../../src/IPointsToken.sol";
import {Lock, LockId, LockState, Terms, TermsLib} from "../../src/LockTypes.sol";
import {Assert} from "./Assert.sol";

interface IToken {
    function approve(address spender, uint256 amount) external;
}

/// Alice locks for Bob, Carol is a stranger; an hour each of private claim, public claim and private refund.
abstract contract LockTest is Assert {
    uint256 internal constant ALICE_KEY = 0xA11CE;
    uint256 internal constant BOB_KEY = 0xB0B;
    uint256 internal constant START = 1_800_000_000;
    uint256 internal constant AMOUNT = 1_000_000;
    uint256 internal constant DEPOSIT = 777;
    bytes32 internal constant PREIMAGE = keccak256("preimage");

    /// Kept, because sha256 is a call of its own and would use up a `prank` or `expectRevert`.
    bytes32 internal hash = hashOf(PREIMAGE);
    IHashTimeLock internal htlc;
    IPointsToken internal token;
    address internal alice = vm.addr(ALICE_KEY);
    address internal bob = vm.addr(BOB_KEY);
    address internal carol = address(0xCA201);

    function setUp() public virtual {
        vm.warp(START);
        htlc = IHashTimeLock(deploy("HashTimeLock", ""));
        token = IPointsToken(deploy("PointsToken", abi.encode("Points", "PTS", address(this))));
        token.mint(alice, 1e30);
        approve(alice, address(token));
        vm.deal(alice, 1e30);
        vm.deal(carol, 1e30);
        vm.deal(bob, 1e30);
    }

    function approve(address who, address token_) internal {
        vm.prank(who);
        IToken(token_).approve(address(htlc), type(uint256).max);
    }

    function hashOf(bytes32 preimage) internal pure returns (bytes32) {
        return sha256(abi.encode(preimage));
    }

    function terms(uint16 parts, uint8 flags, uint112 salt) internal pure returns (Terms) {
        return
            TermsLib.pack(uint40(START + 1 hours), uint40(START + 2 hours), uint40(START + 3 hours), parts, flags, salt);
    }

    function windows(uint256 publicClaimAt, uint256 refundAt, uint256 publicRefundAt) internal pure returns (Terms) {
        return TermsLib.pack(uint40(publicClaimAt), uint40(refundAt), uint40(publicRefundAt), 1, 0, 1);
    }

    function tokenLock() internal view returns (Lock memory) {
        return lockOf(address(token), 0);
    }

    function nativeLock() internal view returns (Lock memory) {
        return lockOf(address(0), DEPOSIT);
    }

    function lockOf(address token_, uint256 deposit) internal view returns (Lock memory) {
        return Lock(hash, alice, bob, token_, AMOUNT, deposit, terms(1, 0, 1), address(0));
    }

    /// Locks as the sender, with the value it needs.
    function open(Lock memory l) internal returns (LockId) {
        uint256 value = l.token == address(0) ? l.amount + l.deposit : l.deposit;
        vm.prank(l.sender);
        return htlc.lock{value: value}(l, "");
    }

    function claimAs(address who, Lock memory l) internal {
        vm.prank(who);
        htlc.claim(l, PREIMAGE);
    }

    function refundAs(address who, Lock memory l) internal {
        vm.prank(who);
        htlc.refund(l);
    }

    function stateIs(Lock memory l, LockState expected) internal view {
        (LockState got,) = htlc.stateOf(htlc.idOf(l));
        eq(uint256(got), uint256(expected), "state");
    }

    /// Expects the next lock of `l` with `value` sent along to fail.
    function lockRefused(Lock memory l, uint256 value, bytes memory error) internal {
        vm.prank(l.sender);
        vm.expectRevert(error);
        htlc.lock{value: value}(l, "");
    }

    function digest(bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Causeway HashTimeLock"),
                keccak256("1"),
                block.chainid,
                address(htlc)
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function signed(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest(structHash));
        return abi.encodePacked(r, s, v);
    }
}
