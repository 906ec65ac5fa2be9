// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IHashTimeLock} from "../src/IHashTimeLock.sol";
import {IPointsToken} from "../src/IPointsToken.sol";
import {Lock, LockId, LockState, TermsLib} from "../src/LockTypes.sol";
import {Assert} from "./support/Assert.sol";
import {LockTest} from "./support/LockTest.sol";

/// Does anything to locks, at any time, by anyone, and keeps its own books.
contract Handler is Assert {
    IHashTimeLock private immutable _htlc;
    IPointsToken private immutable _token;
    address[4] private _actors;
    Lock[] private _locks;
    mapping(uint256 => uint256) private _payouts;
    uint256 private _now;

    uint256 public tokensHeld;
    uint256 public nativeHeld;
    uint256 public doubleEnds;
    uint256 public wrongWindows;
    uint256 public reused;

    constructor(IHashTimeLock htlc, IPointsToken token, uint256 start) {
        (_htlc, _token, _now) = (htlc, token, start);
        _actors = [address(0xA1), address(0xA2), address(0xA3), address(0xA4)];
    }

    function secret(uint256 seed) public pure returns (bytes32) {
        return keccak256(abi.encode(seed % 4));
    }

    function lock(uint256 seed, bool native, uint64 amount, uint64 deposit) external {
        if (_locks.length >= 24) return;
        Lock memory l = _make(seed, native, uint256(amount) + 1, deposit);
        vm.prank(l.sender);
        try _htlc.lock{value: l.deposit + (native ? l.amount : 0)}(l, "") {
            _locks.push(l);
            _count(l, l.amount, true);
        } catch {}
    }

    function again(uint256 pick) external {
        if (_locks.length == 0) return;
        Lock memory l = _locks[pick % _locks.length];
        vm.prank(l.sender);
        try _htlc.lock{value: l.deposit + (l.token == address(0) ? l.amount : 0)}(l, "") {
            ++reused;
        } catch {}
    }

    function claim(uint256 pick, uint256 who, uint256 seed) external {
        if (_locks.length == 0) return;
        uint256 i = pick % _locks.length;
        Lock memory l = _locks[i];
        vm.prank(_actors[who % 4]);
        try _htlc.claim(l, secret(seed)) {
            if (_now >= l.terms.refundAt()) ++wrongWindows;
            _ended(i);
        } catch {}
    }

    function claimBatch(uint256 pick, uint256 who, uint256 seed) external {
        if (_locks.length < 3) return;
        (Lock[] memory locks, bytes32[] memory secrets) = (new Lock[](3), new bytes32[](3));
        bool[3] memory wereOpen;
        for (uint256 i = 0; i < 3; ++i) {
            locks[i] = _locks[(pick % _locks.length + i) % _locks.length];
            secrets[i] = secret(seed >> i);
            wereOpen[i] = _isOpen(locks[i]);
        }
        vm.prank(_actors[who % 4]);
        try _htlc.claimBatch(locks, secrets) {
            for (uint256 i = 0; i < 3; ++i) {
                if (wereOpen[i] && !_isOpen(locks[i])) _ended((pick % _locks.length + i) % _locks.length);
            }
        } catch {}
    }

    function refund(uint256 pick, uint256 who) external {
        if (_locks.length == 0) return;
        uint256 i = pick % _locks.length;
        Lock memory l = _locks[i];
        vm.prank(_actors[who % 4]);
        try _htlc.refund(l) {
            if (_now < l.terms.refundAt()) ++wrongWindows;
            _ended(i);
        } catch {}
    }

    function wait(uint16 time) external {
        _now += time % 900;
        vm.warp(_now);
    }

    function _make(uint256 seed, bool native, uint256 amount, uint256 deposit) private view returns (Lock memory) {
        return Lock(
            sha256(abi.encode(secret(seed))),
            _actors[seed % 4],
            _actors[(seed >> 2) % 4],
            native ? address(0) : address(_token),
            amount,
            deposit,
            TermsLib.pack(uint40(_now + 600), uint40(_now + 1200), uint40(_now + 1800), 1, 0, uint112(_locks.length)),
            address(0)
        );
    }

    function _isOpen(Lock memory l) private view returns (bool) {
        (LockState state,) = _htlc.stateOf(_htlc.idOf(l));
        return state == LockState.Open;
    }

    function _ended(uint256 i) private {
        if (++_payouts[i] > 1) ++doubleEnds;
        _count(_locks[i], _locks[i].amount, false);
    }

    function _count(Lock memory l, uint256 amount, bool into) private {
        uint256 native = l.deposit + (l.token == address(0) ? amount : 0);
        uint256 tokens = l.token == address(0) ? 0 : amount;
        nativeHeld = into ? nativeHeld + native : nativeHeld - native;
        tokensHeld = into ? tokensHeld + tokens : tokensHeld - tokens;
    }
}

/// Whatever is done in whatever order: L1, L2, L4, L7.
contract ConservationTest is LockTest {
    Handler private _handler;

    function setUp() public override {
        super.setUp();
        _handler = new Handler(htlc, token, START);
        for (uint160 who = 0xA1; who <= 0xA4; ++who) {
            token.mint(address(who), 1e30);
            vm.deal(address(who), 1e30);
            approve(address(who), address(token));
        }
        vm.deal(address(_handler), 1e30);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_L1_the_contract_holds_exactly_the_open_locks() external view {
        eq(token.balanceOf(address(htlc)), _handler.tokensHeld(), "tokens");
        eq(address(htlc).balance, _handler.nativeHeld(), "native");
    }

    function invariant_L2_no_lock_ends_twice() external view {
        eq(_handler.doubleEnds(), 0, "double ends");
    }

    function invariant_L4_no_lock_ends_in_the_wrong_window() external view {
        eq(_handler.wrongWindows(), 0, "wrong windows");
    }

    function invariant_L7_no_lock_is_made_twice() external view {
        eq(_handler.reused(), 0, "reused");
    }
}
