// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IHashTimeLock} from "../src/IHashTimeLock.sol";
import {Checkpoint} from "../src/LightClientTypes.sol";
import {Lock, LockId, LockState, TermsLib} from "../src/LockTypes.sol";
import {PegLimits, PegState, PegTerms} from "../src/PegTypes.sol";
import {StateSlots} from "../src/StateSlots.sol";
import {Assert} from "./support/Assert.sol";
import {IAsset, PegWorld, Side} from "./support/PegWorld.sol";

/// Users, `ReplayingRelayer`s and `SilentRelayer`s of both chains at once: anything, by anyone, at any time, with any
/// known checkpoint, as often as it likes, or not at all.
contract PegHandler is Assert {
    struct Transfer {
        bool out;
        Lock lock;
        PegTerms terms;
        bytes32 secret;
    }

    uint256 private constant _MAX = 16;

    Side private _home;
    Side private _side;
    address private immutable _administrator;
    address[3] private _users;
    Transfer[] private _transfers;
    mapping(uint256 => uint256) public claims;
    mapping(uint256 => uint256) public refunds;

    uint256 public opened;
    uint256 public claimed;
    uint256 public collected;
    uint256 public refunded;

    constructor(Side memory home, Side memory side, address administrator, address[3] memory users) {
        (_home, _side, _administrator, _users) = (home, side, administrator, users);
    }

    function secret(uint256 seed) public pure returns (bytes32) {
        return keccak256(abi.encode("secret", seed % 3));
    }

    function transferCount() external view returns (uint256) {
        return _transfers.length;
    }

    function transferAt(uint256 i) external view returns (Transfer memory) {
        return _transfers[i];
    }

    // ---- users

    function lock(uint256 seed, bool out, uint64 amount) public {
        if (_transfers.length >= _MAX) return;
        address who = _users[seed % 3];
        // Who has nothing pegged pegs in.
        if (out && IAsset(_side.asset).balanceOf(who) == 0) out = false;
        Side memory origin = out ? _side : _home;
        origin.chain.enter();
        uint256 balance = IAsset(origin.asset).balanceOf(who);
        PegTerms memory t = PegTerms(_users[(seed >> 2) % 3], _transfers.length);
        Lock memory l = _make(origin, seed, who, within(amount, 1, balance < 1e6 ? balance : 1e6), t);
        vm.prank(who);
        origin.locks.lock(l, "");
        _transfers.push(Transfer(out, l, t, secret(seed)));
        LockId id = LockId.wrap(keccak256(abi.encode(l)));
        origin.chain.watch(address(origin.locks), StateSlots.lockSlot(id));
        Side memory destination = out ? _home : _side;
        destination.chain.watch(address(destination.port), StateSlots.transferSlot(id));
    }

    /// A lock, and a carrier that is awake.
    function travel(uint256 seed, bool out, uint64 amount, uint256 steps) external {
        lock(seed, out, amount);
        carry(0, steps);
    }

    /// One in three shows a secret, which need not be the right one.
    function claim(uint256 pick, uint256 seed) external {
        if (_transfers.length == 0) return;
        _claim(pick % _transfers.length, secret(seed));
    }

    function _claim(uint256 i, bytes32 preimage) private {
        Side memory destination = _destination(i);
        destination.chain.enter();
        try destination.port.claim(_transfers[i].lock, preimage) {
            ++claims[i];
            ++claimed;
        } catch {}
    }

    // ---- relayers

    function finalise(bool out) public {
        Side memory s = out ? _side : _home;
        if (s.chain.height() < 40) s.chain.finalise();
    }

    /// A carrier that does its work on one of the newest, up to where it is killed.
    function carry(uint256 pick, uint256 steps) public {
        if (_transfers.length == 0) return;
        uint256 i = _transfers.length - 1 - pick % (_transfers.length < 2 ? 1 : 2);
        Transfer memory t = _transfers[i];
        finalise(t.out);
        open(i, 0, true);
        if (steps % 4 > 0) _claim(i, t.secret);
        if (steps % 4 > 1) _collect(i, t.secret, steps % 8 > 3);
        if (steps % 4 > 2) finalise(!t.out);
    }

    function open(uint256 pick, uint256 block_, bool newest) public {
        if (_transfers.length == 0) return;
        uint256 i = pick % _transfers.length;
        (Side memory origin, Side memory destination) = (_origin(i), _destination(i));
        uint256 height = _height(origin, block_, newest);
        if (height == 0) return;
        Checkpoint memory c = origin.chain.blockAt(height - 1);
        bytes32 slot = StateSlots.lockSlot(_id(i));
        (bytes[] memory a, bytes[] memory s) = origin.chain.prove(height - 1, address(origin.locks), slot);
        destination.chain.enter();
        try destination.port.open(_transfers[i].lock, _transfers[i].terms, c, a, s) {
            ++opened;
        } catch {}
    }

    function collect(uint256 pick, uint256 seed, bool direct) external {
        if (_transfers.length == 0) return;
        _collect(pick % _transfers.length, secret(seed), direct);
    }

    function _collect(uint256 i, bytes32 preimage, bool direct) private {
        Side memory origin = _origin(i);
        origin.chain.enter();
        if (direct) {
            try origin.locks.claim(_transfers[i].lock, preimage) {
                ++collected;
            } catch {}
        } else {
            try origin.port.collect(_transfers[i].lock, preimage) {
                ++collected;
            } catch {}
        }
    }

    function refund(uint256 pick, uint256 block_, bool newest) external {
        if (_transfers.length == 0) return;
        uint256 i = pick % _transfers.length;
        (Side memory origin, Side memory destination) = (_origin(i), _destination(i));
        uint256 height = _height(destination, block_, newest);
        if (height == 0) return;
        bytes32 slot = StateSlots.transferSlot(_id(i));
        (bytes[] memory a, bytes[] memory s) = destination.chain.prove(height - 1, address(destination.port), slot);
        bytes memory evidence = abi.encode(destination.chain.blockAt(height - 1), a, s);
        origin.chain.enter();
        vm.prank(_transfers[i].lock.sender);
        try origin.locks.refundWith(_transfers[i].lock, evidence) {
            ++refunds[i];
            ++refunded;
        } catch {}
    }

    // ---- time and governors

    function pass(bool out, uint16 seconds_) external {
        (out ? _side : _home).chain.pass(seconds_ % 200);
    }

    function passBoth(uint16 seconds_) external {
        _home.chain.pass(seconds_ % 400);
        _side.chain.pass(seconds_ % 400);
    }

    /// Paused a sixth of the time.
    function pause(bool out, uint8 on) external {
        Side memory s = out ? _side : _home;
        vm.prank(_administrator);
        if (on % 6 == 0) s.port.pause();
        else s.port.unpause();
    }

    function limit(bool out, uint32 capacity, uint32 perSecond, uint32 large, uint16 delay) external {
        Side memory s = out ? _side : _home;
        s.chain.enter();
        vm.prank(_administrator);
        s.port.setLimits(PegLimits(uint128(capacity) + 1e6, uint128(perSecond) + 1e5, large, uint64(delay) % 600 + 1));
    }

    /// Windows around the time of the chains; one lock in eight has a salt that nobody can open.
    function _make(Side memory origin, uint256 seed, address who, uint256 amount, PegTerms memory t)
        private
        view
        returns (Lock memory)
    {
        bytes32 hashlock = sha256(abi.encode(secret(seed)));
        uint256 now_ = origin.chain.time();
        uint40 until = uint40(now_ + 900);
        uint112 salt = origin.port.saltOf(hashlock, t);
        if (seed % 8 == 7) salt ^= 1;
        address port = address(origin.port);
        return Lock(
            hashlock,
            who,
            port,
            origin.asset,
            amount,
            0,
            TermsLib.pack(until, until + 300, until + 600, 1, 2, salt),
            port
        );
    }

    function _height(Side memory s, uint256 seed, bool newest) private view returns (uint256 height) {
        height = s.chain.height();
        if (height != 0 && !newest) height = 1 + seed % height;
    }

    function _origin(uint256 i) private view returns (Side memory) {
        return _transfers[i].out ? _side : _home;
    }

    function _destination(uint256 i) private view returns (Side memory) {
        return _transfers[i].out ? _home : _side;
    }

    function _id(uint256 i) private view returns (LockId) {
        return LockId.wrap(keccak256(abi.encode(_transfers[i].lock)));
    }
}

/// Whatever is done in whatever order on either chain: L40 (V1), L41 (V2), L42 (V3), L57.
contract PegConservationTest is PegWorld {
    PegHandler private _handler;
    address[3] private _users = [address(0xA1), address(0xA2), address(0xA3)];

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < 3; ++i) {
            IAsset(home.asset).mint(_users[i], 1e12);
            _approve(_users[i], home.asset, home.locks);
            _approve(_users[i], side.asset, side.locks);
        }
        _handler = new PegHandler(home, side, administrator, _users);
    }

    function _approve(address who, address asset, IHashTimeLock locks) private {
        vm.prank(who);
        IAsset(asset).approve(address(locks), type(uint256).max);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// V1. A lock that nobody can open and whose secret was shown all the same counts as owed: its asset is a gift.
    /// forge-config: default.invariant.runs = 24
    function invariant_L40_what_is_held_is_what_was_minted() external view {
        uint256 backing = balance(home, address(home.port));
        uint256 owed = supply();
        for (uint256 i = 0; i < _handler.transferCount(); ++i) {
            PegHandler.Transfer memory t = _handler.transferAt(i);
            (bool open, bool paid, bool taken) = _look(t);
            uint256 amount = t.lock.amount;
            if (!t.out && open && paid) backing += amount;
            if (t.out && open && paid) owed -= amount;
            // In the port, and not paid out yet: the user is still owed it.
            if (!t.out && taken && !paid) owed += amount;
            if (t.out && taken && !paid) owed += amount;
        }
        eq(backing, owed, "V1");
    }

    /// V2.
    /// forge-config: default.invariant.runs = 24
    function invariant_L41_each_transfer_ends_once() external view {
        for (uint256 i = 0; i < _handler.transferCount(); ++i) {
            PegHandler.Transfer memory t = _handler.transferAt(i);
            (, bool paid,) = _look(t);
            yes(_handler.claims(i) + _handler.refunds(i) <= 1, "one end");
            yes((_handler.claims(i) == 1) == paid, "paid is paid");
            yes(_handler.refunds(i) == 0 || lockState(t.out ? side : home, t.lock) == LockState.None, "refunded");
        }
    }

    /// V3: what was opened or paid has a lock behind it on the other chain that can only go to the port.
    /// forge-config: default.invariant.runs = 24
    function invariant_L42_nothing_is_paid_without_a_lock_behind_it() external view {
        for (uint256 i = 0; i < _handler.transferCount(); ++i) {
            PegHandler.Transfer memory t = _handler.transferAt(i);
            (bool open, bool paid, bool taken) = _look(t);
            yes(!paid || open || taken, "a lock is behind what was paid");
        }
    }

    /// Users' money: what left them is at the other side, on the way, or will come back.
    /// forge-config: default.invariant.runs = 24
    function invariant_L57_nobody_loses_anything() external view {
        uint256 all = supply() + balance(home, address(home.locks));
        for (uint256 i = 0; i < 3; ++i) {
            all += balance(home, _users[i]);
        }
        for (uint256 i = 0; i < _handler.transferCount(); ++i) {
            PegHandler.Transfer memory t = _handler.transferAt(i);
            (bool open, bool paid, bool taken) = _look(t);
            if (!t.out && open && paid) all -= t.lock.amount; // counted twice: still in the lock, and minted
            if (!t.out && taken && !paid) all += t.lock.amount; // P8 pays it
            if (t.out && open && paid) all -= t.lock.amount; // counted twice: released, and not yet destroyed
            if (t.out && taken && !paid) all += t.lock.amount; // P8 pays it
        }
        eq(all, 3e12, "all there");
    }

    /// The handler reaches what the invariants speak of.
    function test_L40_a_carrier_that_is_let_do_its_work_ends_a_transfer() external {
        _handler.lock(4, false, 1e6);
        _handler.carry(0, 3);
        eq(_handler.claimed(), 1, "claimed in");
        eq(_handler.collected(), 1, "collected in");
        _handler.lock(5, true, 5e5);
        _handler.carry(0, 3);
        eq(_handler.claimed(), 2, "claimed out");
        _handler.lock(4, false, 1e6);
        for (uint256 i = 0; i < 10; ++i) {
            _handler.passBoth(399);
        }
        _handler.finalise(true);
        _handler.refund(2, 0, true);
        eq(_handler.refunded(), 1, "refunded");
    }

    function _look(PegHandler.Transfer memory t) private view returns (bool open, bool paid, bool taken) {
        LockState lock = lockState(t.out ? side : home, t.lock);
        open = lock == LockState.Open;
        taken = lock == LockState.Claimed;
        paid = transferState(t.out ? home : side, t.lock) == PegState.Claimed;
    }
}
