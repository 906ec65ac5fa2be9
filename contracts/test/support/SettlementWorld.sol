// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ISettlement} from "../../src/ISettlement.sol";
import {ISettlementEscrow} from "../../src/ISettlementEscrow.sol";
import {Checkpoint} from "../../src/LightClientTypes.sol";
import {Deal, DealId, DealState, Outcome} from "../../src/SettlementTypes.sol";
import {StateSlots} from "../../src/StateSlots.sol";
import {Assert} from "./Assert.sol";
import {IAsset} from "./PegWorld.sol";
import {TestChain} from "./TestChain.sol";
import {TestPost} from "./TestPost.sol";

/// A public and a consortium chain in one test machine; Alice and Bob have a deal.
abstract contract SettlementWorld is Assert {
    uint256 internal constant ALICE_KEY = 0xA11CE;
    uint256 internal constant BOB_KEY = 0xB0B;
    uint256 internal constant START = 1_800_000_000;
    uint256 internal constant SKEW = 37;

    TestChain internal chain;
    TestChain internal consortium;
    TestPost internal post;
    ISettlementEscrow internal escrow;
    ISettlement internal settlement;
    address internal asset;
    address internal alice = vm.addr(ALICE_KEY);
    address internal bob = vm.addr(BOB_KEY);
    address internal carol = address(0xCA201);

    function setUp() public virtual {
        vm.warp(START);
        chain = new TestChain(7701, START);
        consortium = new TestChain(7702, START + SKEW);
        post = new TestPost(7702);
        address there = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        escrow = ISettlementEscrow(
            deploy("SettlementEscrow", abi.encode(address(post), address(consortium.client()), there))
        );
        // In the machine's one world the public chain's id is this machine's.
        settlement = ISettlement(deploy("Settlement", abi.encode(address(post), block.chainid, address(escrow))));
        eq(address(settlement), there, "settlement");
        consortium.watch(address(settlement), bytes32(0));
        asset = deploy("PointsToken", abi.encode("Points", "PTS", address(this)));
        IAsset(asset).mint(alice, 1e30);
        vm.prank(alice);
        IAsset(asset).approve(address(escrow), type(uint256).max);
    }

    function deal() internal view returns (Deal memory) {
        uint64 deadline = uint64(START + 1 hours);
        return Deal(alice, bob, asset, 1_000, deadline, address(settlement), keccak256("private terms"), 1);
    }

    function outcome() internal pure returns (Outcome memory) {
        return Outcome(keccak256("private result"), 600);
    }

    function opened() internal returns (Deal memory d) {
        d = deal();
        open(d);
    }

    function open(Deal memory d) internal returns (DealId id) {
        chain.enter();
        vm.prank(d.initiator);
        id = escrow.open{value: d.asset == address(0) ? d.amount : 0}(d);
        consortium.watch(address(settlement), StateSlots.verdictSlot(DealId.unwrap(id)));
    }

    function openExternally(Deal calldata d) external {
        open(d);
    }

    function signed(uint256 key, Deal memory d, Outcome memory o) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, settlement.signedHash(idOf(d), o));
        return abi.encodePacked(r, s, v);
    }

    function confirm(address who, uint256 key, Deal memory d, Outcome memory o) internal {
        bytes memory signature = signed(key, d, o);
        consortium.enter();
        vm.prank(who);
        settlement.confirm(d, o, signature);
    }

    function agree(Deal memory d, Outcome memory o) internal {
        confirm(alice, ALICE_KEY, d, o);
        confirm(bob, BOB_KEY, d, o);
    }

    /// Brings the last message over.
    function deliver() internal {
        chain.enter();
        post.deliver(post.count() - 1);
    }

    function proveVerdict(Deal memory d, Outcome memory o) internal {
        Checkpoint memory c = consortium.finalise();
        bytes32 slot = StateSlots.verdictSlot(DealId.unwrap(idOf(d)));
        (bytes[] memory a, bytes[] memory s) = consortium.prove(c.height, address(settlement), slot);
        chain.enter();
        escrow.prove(idOf(d), o, c, a, s);
    }

    function release(Deal memory d, Outcome memory o) internal {
        bytes memory a = signed(ALICE_KEY, d, o);
        bytes memory b = signed(BOB_KEY, d, o);
        chain.enter();
        vm.prank(carol);
        escrow.release(d, o, a, b);
    }

    function releaseExternally(Deal calldata d, Outcome calldata o) external {
        release(d, o);
    }

    function refund(Deal memory d) internal {
        Checkpoint memory c = consortium.finalise();
        bytes32 slot = StateSlots.verdictSlot(DealId.unwrap(idOf(d)));
        (bytes[] memory a, bytes[] memory s) = consortium.prove(c.height, address(settlement), slot);
        chain.enter();
        vm.prank(carol);
        escrow.refund(d, c, a, s);
    }

    function refundExternally(Deal calldata d) external {
        refund(d);
    }

    function passBoth(uint256 seconds_) internal {
        chain.pass(seconds_);
        consortium.pass(seconds_);
    }

    function idOf(Deal memory d) internal view returns (DealId) {
        return escrow.idOf(d);
    }

    function isDeal(Deal memory d, DealState expected) internal view {
        (DealState got,) = escrow.stateOf(idOf(d));
        eq(uint256(got), uint256(expected), "deal");
    }
}
