// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ILogAnchor, LogHead} from "../src/ILogAnchor.sol";
import {Assert} from "./support/Assert.sol";

/// Anchors whatever it is told, and remembers what went through.
contract LogKeeper is Assert {
    ILogAnchor public immutable anchors;
    LogHead[] private _taken;
    bytes32[] private _digests;

    constructor(ILogAnchor anchors_) {
        anchors = anchors_;
    }

    /// Small numbers, so that shrinking, repeating and rewriting are all tried.
    function say(bool honest, uint64 size, uint8 root, bytes calldata head) external {
        LogHead memory last = anchors.headOf(address(this));
        bytes32 previous = honest ? last.link : bytes32(uint256(root));
        try anchors.anchor(previous, size % 16, bytes32(uint256(root % 4)), head) {
            _taken.push(anchors.headOf(address(this)));
            _digests.push(keccak256(head));
        } catch {}
    }

    function taken() external view returns (LogHead[] memory, bytes32[] memory) {
        return (_taken, _digests);
    }
}

/// Heads of event logs: L115 to L119.
contract LogAnchorTest is Assert {
    address private constant _KEEPER = address(0xA11CE);
    bytes32 private constant _ROOT = keccak256("root");
    bytes private constant _HEAD = "head";
    ILogAnchor private _anchors;
    LogKeeper private _one;
    LogKeeper private _other;

    function setUp() external {
        _anchors = ILogAnchor(deploy("LogAnchor", ""));
        (_one, _other) = (new LogKeeper(_anchors), new LogKeeper(_anchors));
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](2);
        (targets[0], targets[1]) = (address(_one), address(_other));
    }

    function _say(bytes32 previous, uint64 size, bytes32 root) private returns (bytes32) {
        vm.prank(_KEEPER);
        return _anchors.anchor(previous, size, root, _HEAD);
    }

    function test_a_head_is_on_record_with_who_and_when() external {
        vm.warp(1_700_000_000);
        bytes32 link = keccak256(abi.encode(_KEEPER, uint64(1), uint64(7), _ROOT, keccak256(_HEAD), bytes32(0)));
        vm.expectEmit(true, true, true, true, address(_anchors));
        emit ILogAnchor.Anchored(_KEEPER, 1, 7, _ROOT, link, _HEAD);

        eq(_say(0, 7, _ROOT), link, "link");

        LogHead memory head = _anchors.headOf(_KEEPER);
        eq(head.number, 1, "number");
        eq(head.size, 7, "size");
        eq(head.time, 1_700_000_000, "time");
        eq(head.root, _ROOT, "root");
        eq(head.link, link, "link on record");
    }

    function test_L115_a_shorter_log_is_refused() external {
        bytes32 link = _say(0, 7, _ROOT);

        vm.expectRevert(abi.encodeWithSelector(ILogAnchor.AnchorShrinks.selector, 6, 7));
        _say(link, 6, keccak256("shorter"));
    }

    function test_L116_as_long_a_log_has_the_same_root() external {
        bytes32 link = _say(0, 7, _ROOT);
        bytes32 again = _say(link, 7, _ROOT);

        vm.expectRevert(abi.encodeWithSelector(ILogAnchor.AnchorRewrites.selector, 7, keccak256("another"), _ROOT));
        _say(again, 7, keccak256("another"));
    }

    function test_L117_a_head_names_the_one_before() external {
        bytes32 link = _say(0, 7, _ROOT);

        vm.expectRevert(abi.encodeWithSelector(ILogAnchor.AnchorStale.selector, bytes32(0), link));
        _say(0, 8, keccak256("fork"));
        eq(_anchors.headOf(_KEEPER).link, link, "nothing changed");
    }

    function test_L119_nobody_speaks_for_another() external {
        bytes32 link = _say(0, 7, _ROOT);

        _anchors.anchor(0, 1, keccak256("mine"), _HEAD);

        eq(_anchors.headOf(_KEEPER).link, link, "the keeper's head");
        eq(_anchors.headOf(address(this)).size, 1, "mine");
    }

    function test_an_empty_head_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(ILogAnchor.AnchorEmpty.selector));
        _anchors.anchor(0, 0, _ROOT, _HEAD);
        vm.expectRevert(abi.encodeWithSelector(ILogAnchor.AnchorEmpty.selector));
        _anchors.anchor(0, 1, 0, _HEAD);
    }

    function test_a_head_too_long_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(ILogAnchor.AnchorLong.selector, 4_097, 4_096));
        _anchors.anchor(0, 1, _ROOT, new bytes(4_097));
    }

    /// forge-config: default.invariant.runs = 16
    function invariant_L115_heads_never_shrink() external view {
        _each(_one);
        _each(_other);
    }

    /// L118: numbers are 1, 2, .. without a gap; L117: each link is made of the one before.
    function _each(LogKeeper keeper) private view {
        (LogHead[] memory heads, bytes32[] memory digests) = keeper.taken();
        LogHead memory before;
        for (uint256 i = 0; i < heads.length; ++i) {
            LogHead memory head = heads[i];
            eq(head.number, i + 1, "L118");
            yes(head.size >= before.size, "L115");
            yes(head.size != before.size || head.root == before.root, "L116");
            bytes32 link =
                keccak256(abi.encode(address(keeper), head.number, head.size, head.root, digests[i], before.link));
            eq(head.link, link, "L117");
            before = head;
        }
        eq(_anchors.headOf(address(keeper)).link, before.link, "L119");
    }
}
