// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IHashTimeLock} from "../../src/IHashTimeLock.sol";
import {ILightClient} from "../../src/ILightClient.sol";
import {IPegPort} from "../../src/IPegPort.sol";
import {IPegToken} from "../../src/IPegToken.sol";
import {Checkpoint} from "../../src/LightClientTypes.sol";
import {Lock, LockId, LockState, TermsLib} from "../../src/LockTypes.sol";
import {PegConfig, PegLimits, PegState, PegTerms} from "../../src/PegTypes.sol";
import {StateSlots} from "../../src/StateSlots.sol";
import {Assert} from "./Assert.sol";
import {TestChain} from "./TestChain.sol";

interface IAsset {
    function mint(address to, uint256 amount) external;
    function approve(address spender, uint256 amount) external;
    function balanceOf(address who) external view returns (uint256);
}

/// One side of the pair.
struct Side {
    TestChain chain;
    IHashTimeLock locks;
    IPegPort port;
    address asset;
}

/// A home and a side chain in one test machine, each with its own clock, joined by a peg.
abstract contract PegWorld is Assert {
    uint256 internal constant START = 1_800_000_000;
    /// Clocks of two chains are never the same.
    uint256 internal constant SKEW = 37;
    uint256 internal constant AMOUNT = 1_000_000;
    uint128 internal constant CAPACITY = 10_000_000;
    uint128 internal constant PER_SECOND = 1_000;
    uint128 internal constant LARGE = 5_000_000;
    uint64 internal constant DELAY = 20 minutes;
    bytes32 internal constant SECRET = keccak256("secret");

    Side internal home;
    Side internal side;
    address internal user = address(0x05E2);
    address internal beneficiary = address(0xBE2E);
    address internal carrier = address(0xCA22);
    address internal administrator = address(0xAD01);
    address internal guardian = address(0x60A2);
    /// sha256 is a call of its own and would use up a `prank` or `expectRevert`.
    bytes32 internal hash = sha256(abi.encode(SECRET));

    function setUp() public virtual {
        address asset = deploy("PointsToken", abi.encode("Points", "PTS", address(this)));
        _join(asset);
        IAsset(asset).mint(user, 1e30);
        vm.prank(user);
        IAsset(asset).approve(address(home.locks), type(uint256).max);
        vm.prank(user);
        IAsset(side.asset).approve(address(side.locks), type(uint256).max);
    }

    /// Deploys both ends for a home asset. Their addresses are known beforehand, as they are in life.
    function _join(address asset) internal {
        vm.warp(START);
        home.chain = new TestChain(7701, START);
        side.chain = new TestChain(7702, START + SKEW);
        home.locks = IHashTimeLock(deploy("HashTimeLock", ""));
        side.locks = IHashTimeLock(deploy("HashTimeLock", ""));
        uint256 nonce = vm.getNonce(address(this));
        address vault = vm.computeCreateAddress(address(this), nonce);
        address mint = vm.computeCreateAddress(address(this), nonce + 1);
        address token = vm.computeCreateAddress(mint, 1);

        PegConfig memory c = _config(home, side, mint, token);
        home.port = IPegPort(deploy("PegVault", abi.encode(c, asset)));
        c = _config(side, home, vault, asset);
        side.port = IPegPort(deploy("PegMint", abi.encode(c, "Pegged Points", "pPTS", uint8(18))));
        eq(address(home.port), vault, "vault");
        eq(address(side.port), mint, "mint");
        eq(side.port.token(), token, "token");
        (home.asset, side.asset) = (asset, token);
        // Accounts are part of the state from the beginning.
        home.chain.watch(vault, bytes32(0));
        home.chain.watch(address(home.locks), bytes32(0));
        side.chain.watch(mint, bytes32(0));
        side.chain.watch(address(side.locks), bytes32(0));
    }

    function _config(Side memory here, Side memory there, address port, address token)
        internal
        view
        returns (PegConfig memory)
    {
        return PegConfig(
            address(here.locks),
            ILightClient(address(there.chain.client())),
            address(there.locks),
            port,
            token,
            administrator,
            guardian,
            PegLimits(CAPACITY, PER_SECOND, LARGE, DELAY)
        );
    }

    // ---- a transfer

    /// A lock for the peg at `origin`: T in an hour, R an hour later, by the clock of `START`.
    function pegLock(Side memory origin, uint256 amount, PegTerms memory t) internal view returns (Lock memory) {
        uint112 salt = origin.port.saltOf(hash, t);
        return Lock(
            hash,
            user,
            address(origin.port),
            origin.asset,
            amount,
            0,
            TermsLib.pack(uint40(START + 1 hours), uint40(START + 2 hours), uint40(START + 3 hours), 1, 2, salt),
            address(origin.port)
        );
    }

    function terms() internal view returns (PegTerms memory) {
        return PegTerms(beneficiary, 7);
    }

    function lockAt(Side memory origin, Lock memory l) internal returns (LockId id) {
        origin.chain.enter();
        uint256 value = l.token == address(0) ? l.amount + l.deposit : l.deposit;
        vm.prank(l.sender);
        id = origin.locks.lock{value: value}(l, "");
        origin.chain.watch(address(origin.locks), StateSlots.lockSlot(id));
        other(origin).chain.watch(address(other(origin).port), StateSlots.transferSlot(id));
    }

    /// Opens at the destination with the lock's state in block `height` of the origin.
    function openAt(Side memory destination, Lock memory l, PegTerms memory t, uint256 height) internal {
        Side memory origin = other(destination);
        Checkpoint memory c = origin.chain.blockAt(height);
        bytes32 slot = StateSlots.lockSlot(LockId.wrap(keccak256(abi.encode(l))));
        (bytes[] memory a, bytes[] memory s) = origin.chain.prove(height, address(origin.locks), slot);
        destination.chain.enter();
        destination.port.open(l, t, c, a, s);
    }

    function openNow(Side memory destination, Lock memory l, PegTerms memory t) internal {
        Side memory origin = other(destination);
        origin.chain.finalise();
        openAt(destination, l, t, origin.chain.height() - 1);
    }

    function claimAt(Side memory destination, Lock memory l) internal {
        destination.chain.enter();
        vm.prank(carrier);
        destination.port.claim(l, SECRET);
    }

    function collectAt(Side memory origin, Lock memory l) internal {
        origin.chain.enter();
        vm.prank(carrier);
        origin.port.collect(l, SECRET);
    }

    /// Evidence of what the destination says of this lock in its block `height`.
    function evidence(Side memory origin, Lock memory l, uint256 height) internal view returns (bytes memory) {
        Side memory destination = other(origin);
        bytes32 slot = StateSlots.transferSlot(LockId.wrap(keccak256(abi.encode(l))));
        (bytes[] memory a, bytes[] memory s) = destination.chain.prove(height, address(destination.port), slot);
        return abi.encode(destination.chain.blockAt(height), a, s);
    }

    function refundAt(Side memory origin, Lock memory l, uint256 height) internal {
        bytes memory e = evidence(origin, l, height);
        origin.chain.enter();
        vm.prank(l.sender);
        origin.locks.refundWith(l, e);
    }

    function refundNow(Side memory origin, Lock memory l) internal {
        other(origin).chain.finalise();
        refundAt(origin, l, other(origin).chain.height() - 1);
    }

    /// Brings pegged units into being for `user`, so that there is something to peg out.
    function fund(uint256 amount) internal {
        PegTerms memory t = PegTerms(user, 99);
        Lock memory l = pegLock(home, amount, t);
        lockAt(home, l);
        openNow(side, l, t);
        claimAt(side, l);
        collectAt(home, l);
    }

    function passBoth(uint256 seconds_) internal {
        home.chain.pass(seconds_);
        side.chain.pass(seconds_);
    }

    // ---- what is

    function other(Side memory s) internal view returns (Side memory) {
        return address(s.port) == address(home.port) ? side : home;
    }

    function transferState(Side memory destination, Lock memory l) internal view returns (PegState state) {
        (state,,,) = destination.port.transferOf(LockId.wrap(keccak256(abi.encode(l))));
    }

    function lockState(Side memory origin, Lock memory l) internal view returns (LockState state) {
        (state,) = origin.locks.stateOf(LockId.wrap(keccak256(abi.encode(l))));
    }

    function balance(Side memory s, address who) internal view returns (uint256) {
        return s.asset == address(0) ? who.balance : IAsset(s.asset).balanceOf(who);
    }

    function supply() internal view returns (uint256) {
        return IPegToken(side.asset).totalSupply();
    }

    function isState(Side memory destination, Lock memory l, PegState expected) internal view {
        eq(uint256(transferState(destination, l)), uint256(expected), "transfer");
    }

    function isLock(Side memory origin, Lock memory l, LockState expected) internal view {
        eq(uint256(lockState(origin, l)), uint256(expected), "lock");
    }
}
