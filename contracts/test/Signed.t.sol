// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IHashTimeLock} from "../src/IHashTimeLock.sol";
import {Lock, LockState} from "../src/LockTypes.sol";
import {ContractWallet} from "./support/Actors.sol";
import {LockTest} from "./support/LockTest.sol";

interface INonces {
    function nonces(address owner, uint192 key) external view returns (uint256);
}

/// Gasless locks: L11.
contract SignedTest is LockTest {
    bytes private constant LOCK_TYPE =
        "Lock(bytes32 hashlock,address sender,address recipient,address token,uint256 amount,uint256 deposit,uint256 terms,address hooks)";

    function _request(Lock memory l, bytes memory memo, uint256 nonce, uint256 deadline)
        private
        pure
        returns (bytes32)
    {
        bytes32 kind = keccak256(
            bytes.concat("LockFor(Lock lock,bytes memo,uint256 nonce,uint256 deadline)", LOCK_TYPE)
        );
        return
            keccak256(
                abi.encode(kind, keccak256(abi.encode(keccak256(LOCK_TYPE), l)), keccak256(memo), nonce, deadline)
            );
    }

    function _lockFor(Lock memory l, uint256 nonce, bytes memory signature) private {
        vm.prank(carol);
        htlc.lockFor{value: l.deposit}(l, "memo", nonce, START, signature);
    }

    function _salted(uint112 salt) private view returns (Lock memory l) {
        l = lockOf(address(token), DEPOSIT);
        l.terms = terms(1, 0, salt);
    }

    function test_L11_a_signed_lock_is_made_by_somebody_else_who_pays_the_deposit() external {
        Lock memory l = _salted(1);

        _lockFor(l, 0, signed(ALICE_KEY, _request(l, "memo", 0, START)));

        stateIs(l, LockState.Open);
        eq(token.balanceOf(address(htlc)), AMOUNT, "held");
        eq(carol.balance, 1e30 - DEPOSIT, "carol");
        eq(alice.balance, 1e30, "alice pays nothing");
    }

    function test_L11_a_signature_is_used_once() external {
        Lock memory l = _salted(1);
        bytes memory signature = signed(ALICE_KEY, _request(l, "memo", 0, START));
        _lockFor(l, 0, signature);

        vm.expectRevert(abi.encodeWithSignature("InvalidAccountNonce(address,uint256)", alice, 1));
        _lockFor(l, 0, signature);
    }

    function test_L11_signatures_under_different_keys_are_used_in_any_order() external {
        uint256 first = uint256(5) << 64;
        uint256 second = uint256(9) << 64;
        bytes memory one = signed(ALICE_KEY, _request(_salted(1), "memo", first, START));
        bytes memory two = signed(ALICE_KEY, _request(_salted(2), "memo", second, START));

        _lockFor(_salted(2), second, two);
        _lockFor(_salted(1), first, one);

        eq(INonces(address(htlc)).nonces(alice, 5), first + 1, "next of key 5");
    }

    function test_L11_a_cancelled_signature_is_refused() external {
        Lock memory l = _salted(1);
        bytes memory signature = signed(ALICE_KEY, _request(l, "memo", 0, START));
        vm.prank(alice);
        htlc.cancelNonce(0);

        vm.expectRevert(abi.encodeWithSignature("InvalidAccountNonce(address,uint256)", alice, 1));
        _lockFor(l, 0, signature);
    }

    function test_L11_a_signature_of_another_or_for_other_terms_is_refused() external {
        Lock memory l = _salted(1);
        bytes memory wrong = abi.encodeWithSelector(IHashTimeLock.SignatureWrong.selector, alice);

        bytes memory byBob = signed(BOB_KEY, _request(l, "memo", 0, START));
        vm.expectRevert(wrong);
        _lockFor(l, 0, byBob);
        bytes memory otherMemo = signed(ALICE_KEY, _request(l, "other", 0, START));
        vm.expectRevert(wrong);
        _lockFor(l, 0, otherMemo);
        bytes memory otherSalt = signed(ALICE_KEY, _request(_salted(2), "memo", 0, START));
        vm.expectRevert(wrong);
        _lockFor(l, 0, otherSalt);
        vm.expectRevert(wrong);
        _lockFor(l, 0, "");
    }

    function test_L11_an_expired_signature_is_refused() external {
        Lock memory l = _salted(1);
        bytes memory signature = signed(ALICE_KEY, _request(l, "memo", 0, START));
        vm.warp(START + 1);

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.SignatureExpired.selector, START, START + 1));
        _lockFor(l, 0, signature);
    }

    function test_native_money_is_not_locked_by_signature() external {
        Lock memory l = nativeLock();
        bytes memory signature = signed(ALICE_KEY, _request(l, "memo", 0, START));

        vm.expectPartialRevert(IHashTimeLock.LockForNative.selector);
        _lockFor(l, 0, signature);
    }

    function test_L10_the_zero_sender_signs_nothing() external {
        Lock memory l = _salted(1);
        l.sender = address(0);

        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.SignatureWrong.selector, address(0)));
        _lockFor(l, 0, new bytes(65));
    }

    function test_L11_a_contract_wallet_signs_by_its_owner() external {
        ContractWallet wallet = new ContractWallet(alice);
        wallet.approve(address(token), address(htlc));
        token.mint(address(wallet), AMOUNT);
        Lock memory l = _salted(1);
        l.sender = address(wallet);

        bytes memory byBob = signed(BOB_KEY, _request(l, "memo", 0, START));
        vm.expectRevert(abi.encodeWithSelector(IHashTimeLock.SignatureWrong.selector, address(wallet)));
        _lockFor(l, 0, byBob);
        _lockFor(l, 0, signed(ALICE_KEY, _request(l, "memo", 0, START)));

        stateIs(l, LockState.Open);
    }
}
