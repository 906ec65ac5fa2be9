// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

import {IGateway} from "../../src/IGateway.sol";
import {ILightClient} from "../../src/ILightClient.sol";
import {Certificate, Checkpoint} from "../../src/LightClientTypes.sol";
import {Item, ItemKind, LaneConfig, Message, MessageLib} from "../../src/MessageTypes.sol";
import {OtherChain} from "./OtherChain.sol";
import {Vm} from "./Vm.sol";

/// Two chains in one machine, `vm.chainId` says which one it is: `home` with gateway A, `away` with gateway B.
/// Items are learnt from events, trees and paths are computed by the book (docs/messages.md), and the other chain's state
/// is what `vm.load` finds in the other gateway.
abstract contract GatewayTest is OtherChain {
    uint64 internal constant HOME = 7701;
    uint64 internal constant AWAY = 7702;
    uint32 internal constant LANE = 1;
    uint32 internal constant ORDERED = 2;
    uint256 internal constant PAYLOAD = 256;
    bytes32 private constant _ITEM_APPENDED = keccak256("ItemAppended(uint32,uint64,uint8,bytes)");

    address internal constant GUARDIAN = address(0x60a2d1A200000000000000000000000000000001);
    address internal constant CAROL = address(0xCa20100000000000000000000000000000000001);

    struct Side {
        IGateway gateway;
        ILightClient clientOfOther;
        uint64 height;
    }

    Side internal a;
    Side internal b;
    mapping(address gateway => mapping(uint32 lane => bytes[])) internal bodies;
    mapping(address gateway => mapping(uint32 lane => ItemKind[])) internal kinds;

    function setUp() public virtual {
        vm.warp(START);
        vm.recordLogs();
        address[] memory denied = new address[](1);
        denied[0] = address(0xDe21eD0000000000000000000000000000000001);
        a.gateway = IGateway(deploy("Gateway", abi.encode(address(this), GUARDIAN, denied)));
        b.gateway = IGateway(deploy("Gateway", abi.encode(address(this), GUARDIAN, denied)));
        a.clientOfOther = _client(AWAY, 2);
        b.clientOfOther = _client(HOME, 1);
        home();
        _open(a, AWAY, b);
        away();
        _open(b, HOME, a);
        home();
    }

    function home() internal {
        vm.chainId(HOME);
    }

    function away() internal {
        vm.chainId(AWAY);
    }

    function _client(uint64 chain, uint256 set) private returns (ILightClient) {
        bytes memory votes = votesOf(set, 7);
        return ILightClient(
            deploy(
                "LightClient",
                abi.encode(
                    chain, domainOf(chain), uint64(1_000_000), VALIDATOR_SET, GRACE, uint64(0), votes, GOVERNOR, DELAY
                )
            )
        );
    }

    function _open(Side storage s, uint64 remote, Side storage other) private {
        address client = address(s.clientOfOther);
        s.gateway.openLane(LaneConfig(LANE, remote, address(other.gateway), client, false, 1000, 10));
        s.gateway.openLane(LaneConfig(ORDERED, remote, address(other.gateway), client, true, 1000, 10));
    }

    // ---- sending

    function at(uint64 chain, address who) internal pure returns (bytes memory) {
        return InteroperableAddress.formatEvmV1(chain, who);
    }

    /// From a contract or account at home to `to` away.
    function send(address from, address to, bytes memory payload, bytes[] memory attributes)
        internal
        returns (bytes32 id)
    {
        home();
        vm.prank(from);
        return a.gateway.sendMessage(at(AWAY, to), payload, attributes);
    }

    function wish(string memory signature) internal pure returns (bytes memory) {
        return abi.encodeWithSignature(signature);
    }

    function wish(string memory signature, uint256 value) internal pure returns (bytes memory) {
        return abi.encodeWithSignature(signature, value);
    }

    function none() internal pure returns (bytes[] memory) {
        return new bytes[](0);
    }

    // ---- what a relayer does

    /// Reads all items from the logs since the last call.
    function sync() internal {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != _ITEM_APPENDED) continue;
            uint32 lane = uint32(uint256(logs[i].topics[1]));
            eq(uint256(logs[i].topics[2]), bodies[logs[i].emitter][lane].length, "V5: numbers without gaps");
            bodies[logs[i].emitter][lane].push(abi.decode(logs[i].data, (bytes)));
            kinds[logs[i].emitter][lane].push(ItemKind(uint256(logs[i].topics[3])));
        }
    }

    function item(IGateway g, uint32 lane, uint256 index) internal view returns (Item memory) {
        bytes memory body = bodies[address(g)][lane][index];
        bytes memory about;
        if (kinds[address(g)][lane][index] == ItemKind.Ack) {
            uint64 n = uint64(bytes8(word(body, 0)));
            about = bodies[address(g) == address(a.gateway) ? address(b.gateway) : address(a.gateway)][lane][n];
        }
        return Item(kinds[address(g)][lane][index], body, about);
    }

    function items(IGateway g, uint32 lane, uint256 first, uint256 count) internal view returns (Item[] memory list_) {
        list_ = new Item[](count);
        for (uint256 i = 0; i < count; ++i) {
            list_[i] = item(g, lane, first + i);
        }
    }

    function leaves(IGateway g, uint32 lane) internal view returns (bytes32[] memory list_) {
        list_ = new bytes32[](bodies[address(g)][lane].length);
        (bytes32 domain,) = _domains(g, lane);
        for (uint256 i = 0; i < list_.length; ++i) {
            list_[i] = keccak256(
                abi.encode(
                    domain, uint256(i), uint256(kinds[address(g)][lane][i]), keccak256(bodies[address(g)][lane][i])
                )
            );
        }
    }

    /// By the book, not asked of the contract.
    function _domains(IGateway g, uint32 lane) internal view returns (bytes32 outward, bytes32 inward) {
        bool isA = address(g) == address(a.gateway);
        bytes32 tag = keccak256("causeway.lane.v1");
        bytes32 ab = keccak256(
            abi.encode(tag, uint256(HOME), address(a.gateway), uint256(AWAY), address(b.gateway), uint256(lane))
        );
        bytes32 ba = keccak256(
            abi.encode(tag, uint256(AWAY), address(b.gateway), uint256(HOME), address(a.gateway), uint256(lane))
        );
        return isA ? (ab, ba) : (ba, ab);
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(abi.encode(left, right));
    }

    function up(bytes32[] memory level) internal pure returns (bytes32[] memory next) {
        next = new bytes32[]((level.length + 1) / 2);
        for (uint256 i = 0; i < next.length; ++i) {
            next[i] = 2 * i + 1 < level.length ? node(level[2 * i], level[2 * i + 1]) : level[2 * i];
        }
    }

    function topOf(bytes32[] memory level) internal pure returns (bytes32) {
        while (level.length > 1) level = up(level);
        return level[0];
    }

    function rangePath(bytes32[] memory level, uint256 first, uint256 count)
        internal
        pure
        returns (bytes32[] memory path)
    {
        (uint256 lo, uint256 hi, uint256 n) = (first, first + count - 1, 0);
        bytes32[] memory all = new bytes32[](128);
        while (level.length > 1) {
            if (lo % 2 == 1) all[n++] = level[lo - 1];
            if (hi % 2 == 0 && hi + 1 < level.length) all[n++] = level[hi + 1];
            (level, lo, hi) = (up(level), lo / 2, hi / 2);
        }
        return cut(all, n);
    }

    function peakPath(bytes32[] memory level, uint256 index) internal pure returns (bytes32[] memory path) {
        (uint256 differ, uint256 n) = (index ^ level.length, 0);
        bytes32[] memory all = new bytes32[](64);
        while (differ > 1) {
            all[n++] = level[index ^ 1];
            (level, index, differ) = (up(level), index / 2, differ / 2);
        }
        return cut(all, n);
    }

    function cut(bytes32[] memory from, uint256 length) internal pure returns (bytes32[] memory to) {
        to = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) {
            to[i] = from[i];
        }
    }

    function rootOf(IGateway g, uint32 lane) internal view returns (bytes32) {
        (bytes32 domain,) = _domains(g, lane);
        bytes32[] memory all = leaves(g, lane);
        return keccak256(abi.encode(domain, uint256(all.length), topOf(all)));
    }

    /// A state of the chain of `s` with this slot of its gateway as it is now, known to the other side's client.
    function certified(Side storage s, Side storage other, uint256 set, bytes32 slot)
        internal
        returns (Checkpoint memory c, bytes[] memory account, bytes[] memory storage_)
    {
        return certifiedOf(s, other, set, address(s.gateway), slot);
    }

    /// The same of any contract there.
    function certifiedOf(Side storage s, Side storage other, uint256 set, address who, bytes32 slot)
        internal
        returns (Checkpoint memory c, bytes[] memory account, bytes[] memory storage_)
    {
        uint256 value = uint256(vm.load(who, slot));
        bytes32 root;
        if (value == 0) slot = keccak256("another slot that is set");
        (root, account, storage_) = stateWith(who, slot, value == 0 ? 1 : value);
        s.height += 1;
        c = Checkpoint(s.height, uint64(block.timestamp), root);
        bytes memory h = header(keccak256("parent"), c.height, c.timestamp, root);
        ILightClient client = other.clientOfOther;
        client.update(list(h), certify(client.domain(), set, 5, 0, keccak256(h)), votesOf(set, 7));
    }

    function proveToB(uint32 lane) internal returns (bytes32 root) {
        bytes32 slot = a.gateway.rootSlot(lane);
        (Checkpoint memory c, bytes[] memory account, bytes[] memory storage_) = certified(a, b, 1, slot);
        away();
        return b.gateway.proveRoot(lane, c, account, storage_);
    }

    function proveToA(uint32 lane) internal returns (bytes32 root) {
        bytes32 slot = b.gateway.rootSlot(lane);
        (Checkpoint memory c, bytes[] memory account, bytes[] memory storage_) = certified(b, a, 2, slot);
        home();
        return a.gateway.proveRoot(lane, c, account, storage_);
    }

    function deliverToB(uint32 lane, uint256 first, uint256 count) internal {
        sync();
        bytes32 root = proveToB(lane);
        bytes32[] memory all = leaves(a.gateway, lane);
        Item[] memory some = items(a.gateway, lane, first, count);
        away();
        b.gateway.deliver(lane, root, uint64(all.length), uint64(first), some, rangePath(all, first, count));
    }

    function deliverToA(uint32 lane, uint256 first, uint256 count) internal {
        sync();
        bytes32 root = proveToA(lane);
        bytes32[] memory all = leaves(b.gateway, lane);
        Item[] memory some = items(b.gateway, lane, first, count);
        home();
        a.gateway.deliver(lane, root, uint64(all.length), uint64(first), some, rangePath(all, first, count));
    }

    /// What the away side says of a message's delivered bit now.
    function timeOutAtA(uint32 lane, uint64 index) internal {
        (Checkpoint memory c, bytes[] memory account, bytes[] memory storage_) = bitOf(lane, index);
        bytes32[] memory path = peakPath(leaves(a.gateway, lane), index);
        home();
        a.gateway.timeOut(lane, index, bodies[address(a.gateway)][lane][index], path, c, account, storage_);
    }

    function bitOf(uint32 lane, uint64 index)
        internal
        returns (Checkpoint memory c, bytes[] memory account, bytes[] memory storage_)
    {
        sync();
        (bytes32 slot,) = b.gateway.deliveredSlot(lane, index);
        return certified(b, a, 2, slot);
    }
}
