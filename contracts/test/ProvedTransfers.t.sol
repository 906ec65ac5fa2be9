// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IHashTimeLock} from "../src/IHashTimeLock.sol";
import {ILightClient} from "../src/ILightClient.sol";
import {IPegPort} from "../src/IPegPort.sol";
import {ISettlement} from "../src/ISettlement.sol";
import {ISettlementEscrow} from "../src/ISettlementEscrow.sol";
import {Checkpoint} from "../src/LightClientTypes.sol";
import {Lock, LockId, Terms, TermsLib} from "../src/LockTypes.sol";
import {PegConfig, PegLimits, PegTerms} from "../src/PegTypes.sol";
import {Deal, DealId, DealState, Outcome} from "../src/SettlementTypes.sol";
import {StateSlots} from "../src/StateSlots.sol";
import {GatewayTest} from "./support/GatewayTest.sol";
import {IAsset} from "./support/PegWorld.sol";

/// Peg and settlement over the `LightClient`s and `Gateway`s that are deployed: certificates of a quorum, proofs against their
/// roots, messages of a lane. The tests of each contract alone have their own world.
contract ProvedTransfersTest is GatewayTest {
    uint256 private constant _ALICE_KEY = 0xA11CE;
    uint256 private constant _BOB_KEY = 0xB0B;
    bytes32 private constant _SECRET = keccak256("secret");
    bytes32 private _hash = sha256(abi.encode(_SECRET));

    address private _alice = vm.addr(_ALICE_KEY);
    address private _bob = vm.addr(_BOB_KEY);
    address private _points;
    ISettlementEscrow private _escrow;
    ISettlement private _settlement;
    IHashTimeLock private _homeLocks;
    IHashTimeLock private _awayLocks;
    IPegPort private _vault;
    IPegPort private _mint;

    function setUp() public override {
        super.setUp();
        home();
        _points = deploy("PointsToken", abi.encode("Points", "PTS", address(this)));
        IAsset(_points).mint(_alice, 1_000);
        _deploySettlement();
        _deployPeg();
        vm.prank(_alice);
        IAsset(_points).approve(address(_escrow), 1_000);
        vm.prank(_alice);
        IAsset(_points).approve(address(_homeLocks), 1_000);
    }

    // ---- settlement

    function test_a_verdict_travels_through_the_gateways_and_releases() external {
        Deal memory d = _opened();
        _agree(d);

        deliverToA(LANE, 0, 1);
        _release(d);

        eq(IAsset(_points).balanceOf(_bob), 600, "counterparty");
        eq(IAsset(_points).balanceOf(_alice), 400, "initiator");
        // Settlement asked for no answer; the lane still brings one home.
        deliverToB(LANE, 0, 1);
    }

    function test_with_the_lane_paused_the_verdict_is_proved_by_its_slot() external {
        Deal memory d = _opened();
        away();
        b.gateway.pause(LANE);
        _agree(d);
        home();
        vm.expectPartialRevert(ISettlementEscrow.VerdictNotThis.selector);
        this.releaseExternally(d);

        (Checkpoint memory c, bytes[] memory account, bytes[] memory storage_) = _verdict(d);
        home();
        _escrow.prove(_id(d), _outcome(), c, account, storage_);
        _release(d);

        eq(IAsset(_points).balanceOf(_bob), 600, "counterparty");
    }

    function test_a_refund_needs_a_certified_block_past_the_deadline_without_a_verdict() external {
        Deal memory d = _opened();
        (Checkpoint memory c, bytes[] memory account, bytes[] memory storage_) = _verdict(d);
        home();
        vm.expectPartialRevert(ISettlementEscrow.VerdictCheckpointEarly.selector);
        _escrow.refund(d, c, account, storage_);
        vm.warp(d.deadline);
        Checkpoint memory forged = Checkpoint(c.height + 1, d.deadline, c.stateRoot);
        vm.expectPartialRevert(ILightClient.CheckpointUnknown.selector);
        _escrow.refund(d, forged, account, storage_);

        (c, account, storage_) = _verdict(d);
        home();
        _escrow.refund(d, c, account, storage_);

        eq(IAsset(_points).balanceOf(_alice), 1_000, "initiator");
        (DealState state,) = _escrow.stateOf(_id(d));
        eq(uint256(state), uint256(DealState.Refunded), "deal");
    }

    function test_a_deal_with_a_verdict_is_not_refunded_however_late() external {
        Deal memory d = _opened();
        _agree(d);
        vm.warp(d.deadline + 30 days);
        (Checkpoint memory c, bytes[] memory account, bytes[] memory storage_) = _verdict(d);

        home();
        vm.expectPartialRevert(ISettlementEscrow.VerdictExists.selector);
        _escrow.refund(d, c, account, storage_);
    }

    // ---- peg

    function test_a_lock_is_minted_by_a_certificate_and_collected() external {
        Lock memory l = _locked();
        _openAway(l);

        _mint.claim(l, _SECRET);
        home();
        _vault.collect(l, _SECRET);

        eq(IAsset(_mint.token()).balanceOf(_bob), 1_000, "minted");
        eq(IAsset(_points).balanceOf(address(_vault)), 1_000, "held");
    }

    function test_after_the_claim_no_certificate_refunds_the_lock() external {
        Lock memory l = _locked();
        _openAway(l);
        _mint.claim(l, _SECRET);
        vm.warp(START + 4 hours);
        bytes memory best = _transfer(l);

        home();
        vm.expectPartialRevert(IPegPort.PegPaidOut.selector);
        this.refundExternally(l, best);
    }

    function test_without_a_claim_a_certificate_past_the_deadline_refunds_the_lock() external {
        Lock memory l = _locked();
        _openAway(l);
        vm.warp(START + 2 hours);
        bytes memory absent = _transfer(l);

        home();
        vm.prank(_alice);
        _homeLocks.refundWith(l, absent);

        eq(IAsset(_points).balanceOf(_alice), 1_000, "back");
    }

    function releaseExternally(Deal calldata d) external {
        _release(d);
    }

    function refundExternally(Lock calldata l, bytes calldata evidence) external {
        _homeLocks.refundWith(l, evidence);
    }

    // ---- the parties

    function _deploySettlement() private {
        address there = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        bytes memory arguments = abi.encode(address(a.gateway), address(a.clientOfOther), there);
        _escrow = ISettlementEscrow(deploy("SettlementEscrow", arguments));
        away();
        arguments = abi.encode(address(b.gateway), uint256(HOME), address(_escrow));
        _settlement = ISettlement(deploy("Settlement", arguments));
        home();
    }

    function _opened() private returns (Deal memory d) {
        d = Deal(
            _alice, _bob, _points, 1_000, uint64(START + 1 hours), address(_settlement), keccak256("private terms"), 1
        );
        home();
        vm.prank(_alice);
        _escrow.open(d);
    }

    function _outcome() private pure returns (Outcome memory) {
        return Outcome(keccak256("private result"), 600);
    }

    /// The escrow's own chain is part of it.
    function _id(Deal memory d) private returns (DealId) {
        home();
        return _escrow.idOf(d);
    }

    function _signed(uint256 secret, Deal memory d) private returns (bytes memory) {
        return signature(secret, _settlement.signedHash(_id(d), _outcome()));
    }

    function _agree(Deal memory d) private {
        bytes memory first = _signed(_ALICE_KEY, d);
        bytes memory second = _signed(_BOB_KEY, d);
        away();
        vm.prank(_alice);
        _settlement.confirm(d, _outcome(), first);
        vm.prank(_bob);
        _settlement.confirm(d, _outcome(), second);
    }

    function _release(Deal memory d) private {
        bytes memory first = _signed(_ALICE_KEY, d);
        bytes memory second = _signed(_BOB_KEY, d);
        _escrow.release(d, _outcome(), first, second);
    }

    /// The deal's slot in `Settlement`, in a block of the other chain that this one knows.
    function _verdict(Deal memory d) private returns (Checkpoint memory, bytes[] memory, bytes[] memory) {
        bytes32 slot = StateSlots.verdictSlot(DealId.unwrap(_id(d)));
        return certifiedOf(b, a, 2, address(_settlement), slot);
    }

    function _deployPeg() private {
        _homeLocks = IHashTimeLock(deploy("HashTimeLock", ""));
        _awayLocks = IHashTimeLock(deploy("HashTimeLock", ""));
        uint256 nonce = vm.getNonce(address(this));
        address vault = vm.computeCreateAddress(address(this), nonce);
        address mint = vm.computeCreateAddress(address(this), nonce + 1);
        address token = vm.computeCreateAddress(mint, 1);
        PegLimits memory limits = PegLimits(10_000, 1, 5_000, 1 minutes);
        PegConfig memory c = PegConfig(
            address(_homeLocks), a.clientOfOther, address(_awayLocks), mint, token, address(this), GUARDIAN, limits
        );
        _vault = IPegPort(deploy("PegVault", abi.encode(c, _points)));
        away();
        c = PegConfig(
            address(_awayLocks), b.clientOfOther, address(_homeLocks), vault, _points, address(this), GUARDIAN, limits
        );
        _mint = IPegPort(deploy("PegMint", abi.encode(c, "Pegged Points", "pPTS", uint8(18))));
        home();
        eq(address(_vault), vault, "vault");
        eq(address(_mint), mint, "mint");
    }

    function _locked() private returns (Lock memory l) {
        uint112 salt = _vault.saltOf(_hash, PegTerms(_bob, 7));
        Terms packed =
            TermsLib.pack(uint40(START + 1 hours), uint40(START + 90 minutes), uint40(START + 3 hours), 1, 2, salt);
        l = Lock(_hash, _alice, address(_vault), _points, 1_000, 0, packed, address(_vault));
        home();
        vm.prank(_alice);
        _homeLocks.lock(l, "");
    }

    function _openAway(Lock memory l) private {
        bytes32 slot = StateSlots.lockSlot(LockId.wrap(keccak256(abi.encode(l))));
        (Checkpoint memory c, bytes[] memory account, bytes[] memory storage_) =
            certifiedOf(a, b, 1, address(_homeLocks), slot);
        away();
        _mint.open(l, PegTerms(_bob, 7), c, account, storage_);
    }

    /// What the mint says of a lock in a block that the home chain knows.
    function _transfer(Lock memory l) private returns (bytes memory) {
        bytes32 slot = StateSlots.transferSlot(LockId.wrap(keccak256(abi.encode(l))));
        (Checkpoint memory c, bytes[] memory account, bytes[] memory storage_) =
            certifiedOf(b, a, 2, address(_mint), slot);
        return abi.encode(c, account, storage_);
    }
}
