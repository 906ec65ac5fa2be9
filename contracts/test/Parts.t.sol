// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IHashTimeLock} from "../src/IHashTimeLock.sol";
import {Lock, LockId, LockState} from "../src/LockTypes.sol";
import {LockTest} from "./support/LockTest.sol";

/// Locks in parts: L8.
contract PartsTest is LockTest {
    function _secret(uint256 index) private pure returns (bytes32) {
        return keccak256(abi.encode("part", index));
    }

    function _leaf(uint256 index) private pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(index, hashOf(_secret(index))))));
    }

    /// Root over `count` leaves and the path of `index`: pairs sorted, a lone node moves up.
    function _tree(uint256 count, uint256 index) private pure returns (bytes32 root, bytes32[] memory path) {
        bytes32[] memory level = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            level[i] = _leaf(i);
        }
        bytes32[] memory longPath = new bytes32[](8);
        uint256 length;
        while (count > 1) {
            if ((index ^ 1) < count) longPath[length++] = level[index ^ 1];
            uint256 next = (count + 1) / 2;
            for (uint256 i = 0; i < next; ++i) {
                level[i] = 2 * i + 1 < count ? _parent(level[2 * i], level[2 * i + 1]) : level[2 * i];
            }
            (count, index) = (next, index / 2);
        }
        path = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) {
            path[i] = longPath[i];
        }
        root = level[0];
    }

    function _parent(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }

    function _lockInParts(uint16 parts, uint256 amount) private view returns (Lock memory l) {
        l = lockOf(address(token), DEPOSIT);
        l.amount = amount;
        l.terms = terms(parts, 0, 1);
        (l.hashlock,) = _tree(parts, 0);
    }

    function _claimPart(address who, Lock memory l, uint256 index) private {
        (, bytes32[] memory path) = _tree(l.terms.parts(), index);
        vm.prank(who);
        htlc.claimPart(l, index, _secret(index), path);
    }

    function test_L8_all_parts_together_are_the_amount() external {
        Lock memory l = _lockInParts(3, 100);
        open(l);

        _claimPart(bob, l, 2);
        eq(token.balanceOf(bob), 34, "the last part takes the remainder");
        _claimPart(bob, l, 0);
        _claimPart(bob, l, 1);

        eq(token.balanceOf(bob), 100, "bob");
        eq(bob.balance, 1e30 + DEPOSIT, "the deposit comes with the last open part");
        (LockState state, uint256 bitmap) = htlc.stateOf(htlc.idOf(l));
        eq(uint256(state), uint256(LockState.Claimed), "state");
        eq(bitmap, 7, "bitmap");
    }

    /// Any number of parts, any subset claimed: recipient and sender together get the amount, nothing stays.
    function testFuzz_L8_claimed_and_refunded_parts_are_the_amount(uint16 parts, uint256 amount, uint256 subset)
        external
    {
        parts = uint16(within(parts, 2, 240));
        Lock memory l = _lockInParts(parts, within(amount, parts, 1e24));
        open(l);
        uint256 before = token.balanceOf(alice);
        uint256 claimed;
        for (uint256 i = 0; i < parts && claimed < 6; ++i) {
            if ((subset >> (i % 256)) & 1 == 0) continue;
            _claimPart(bob, l, i);
            ++claimed;
        }

        if (claimed < parts) {
            vm.warp(START + 2 hours);
            refundAs(alice, l);
        }

        eq(token.balanceOf(bob) + token.balanceOf(alice) - before, l.amount, "paid out");
        eq(token.balanceOf(address(htlc)), 0, "held");
        eq(address(htlc).balance, 0, "deposit");
    }

    function test_L8_two_hundred_and_forty_parts_fit() external {
        Lock memory l = _lockInParts(240, 2405);
        open(l);
        _claimPart(bob, l, 239);
        eq(token.balanceOf(bob), 15, "the last part");

        vm.warp(START + 2 hours);
        refundAs(alice, l);

        eq(token.balanceOf(alice), 1e30 - 15, "alice");
        stateIs(l, LockState.Refunded);
    }

    function test_L8_a_part_is_not_claimed_twice() external {
        Lock memory l = _lockInParts(4, 100);
        open(l);
        _claimPart(bob, l, 1);

        (, bytes32[] memory path) = _tree(4, 1);
        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.ClaimPartTwice.selector, 1));
        vm.prank(bob);
        htlc.claimPart(l, 1, _secret(1), path);
    }

    function test_L8_the_secret_of_one_part_does_not_open_another() external {
        Lock memory l = _lockInParts(4, 100);
        open(l);
        (, bytes32[] memory path) = _tree(4, 1);

        vm.expectPartialRevert(IHashTimeLock.ClaimWrongPreimage.selector);
        vm.prank(bob);
        htlc.claimPart(l, 0, _secret(1), path);
    }

    function test_L8_parts_that_do_not_exist_are_refused() external {
        Lock memory l = _lockInParts(4, 100);
        open(l);

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.ClaimNoSuchPart.selector, 4, 4));
        vm.prank(bob);
        htlc.claimPart(l, 4, _secret(4), new bytes32[](0));
        open(tokenLock());
        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.ClaimNoSuchPart.selector, 0, 1));
        vm.prank(bob);
        htlc.claimPart(tokenLock(), 0, PREIMAGE, new bytes32[](0));
    }

    function test_L8_a_lock_in_parts_is_not_claimed_whole() external {
        Lock memory l = _lockInParts(4, 100);
        open(l);

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.ClaimNeedsPart.selector, 4));
        claimAs(bob, l);
    }

    function test_L4_parts_keep_the_windows() external {
        Lock memory l = _lockInParts(4, 100);
        open(l);
        (, bytes32[] memory path) = _tree(4, 0);

        vm.expectPartialRevert(IHashTimeLock.ClaimStillPrivate.selector);
        vm.prank(carol);
        htlc.claimPart(l, 0, _secret(0), path);
        vm.warp(START + 2 hours);
        vm.expectPartialRevert(IHashTimeLock.ClaimTooLate.selector);
        vm.prank(bob);
        htlc.claimPart(l, 0, _secret(0), path);
    }

    function test_L2_no_part_is_claimed_after_a_refund() external {
        Lock memory l = _lockInParts(2, 100);
        LockId id = open(l);
        _claimPart(bob, l, 0);
        bytes memory signature =
            signed(BOB_KEY, keccak256(abi.encode(keccak256("RefundTogether(bytes32 id,uint256 deadline)"), id, START)));
        vm.prank(alice);
        htlc.refundTogether(l, START, signature);
        eq(token.balanceOf(alice), 1e30 - 50, "alice gets what was not claimed");

        (, bytes32[] memory path) = _tree(2, 1);
        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.LockNotOpen.selector, id, LockState.Refunded));
        vm.prank(bob);
        htlc.claimPart(l, 1, _secret(1), path);
    }
}
