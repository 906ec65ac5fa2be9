// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IMeteredToken} from "../src/IMeteredToken.sol";
import {IVerifier} from "../src/IVerifier.sol";
import {OwnedAnchors} from "../src/OwnedAnchors.sol";
import {ProofWorld} from "./support/ProofWorld.sol";
import {ProofVectors} from "./verifiers/ProofVectors.sol";

/// Minting what was metered: L107, L108; and the anchors of tests. The proof is real; ProofVectors.sol says whence.
contract MeteredTokenTest is ProofWorld {
    uint256[8] private _proof;
    uint256[] private _inputs;

    function setUp() public override {
        super.setUp();
        (_proof, _inputs) = ProofVectors.metered();
        anchors.anchorRoot(METERS, _inputs[1]);
    }

    function _mint(uint64 period, uint256 set, uint256 total, uint256 digest) private {
        metered.mint(period, set, total, digest, _proof);
    }

    function test_L107_what_was_metered_is_minted_once() external {
        eq(_inputs[2], 8 * 1000 + 28, "what the eight meters counted");

        _mint(PERIOD, _inputs[1], _inputs[2], _inputs[3]);

        eq(IERC20(METERED).totalSupply(), _inputs[2] * UNIT, "minted = metered");
        eq(IERC20(METERED).balanceOf(bob), _inputs[2] * UNIT, "the beneficiary");
        vm.expectRevert(abi.encodeWithSelector(IMeteredToken.PeriodMinted.selector, PERIOD));
        _mint(PERIOD, _inputs[1], _inputs[2], _inputs[3]);
    }

    function test_L107_another_total_period_or_digest_is_refused() external {
        vm.warp(START + 3600);
        bytes memory refused = abi.encodeWithSelector(IVerifier.ProofRefused.selector);
        vm.expectRevert(refused);
        _mint(PERIOD, _inputs[1], _inputs[2] + 1, _inputs[3]);
        vm.expectRevert(refused);
        _mint(PERIOD, _inputs[1], _inputs[2], _inputs[3] + 1);
        vm.expectRevert(refused);
        _mint(PERIOD + 1, _inputs[1], _inputs[2], _inputs[3]);
        vm.chainId(1);
        vm.expectRevert(refused);
        _mint(PERIOD, _inputs[1], _inputs[2], _inputs[3]);
        eq(IERC20(METERED).totalSupply(), 0, "nothing");
    }

    function test_L108_only_meters_on_record_count() external {
        vm.expectRevert(abi.encodeWithSelector(IMeteredToken.RootNotRecent.selector, 7));
        _mint(PERIOD, 7, _inputs[2], _inputs[3]);
        anchors.dropRoot(METERS, _inputs[1]);
        vm.expectRevert(abi.encodeWithSelector(IMeteredToken.RootNotRecent.selector, _inputs[1]));
        _mint(PERIOD, _inputs[1], _inputs[2], _inputs[3]);
    }

    function test_L107_a_period_that_is_not_over_is_refused() external {
        vm.warp(START - 1);
        vm.expectRevert(abi.encodeWithSelector(IMeteredToken.PeriodNotOver.selector, PERIOD, START - 1, START));
        _mint(PERIOD, _inputs[1], _inputs[2], _inputs[3]);
        vm.expectPartialRevert(IMeteredToken.PeriodNotOver.selector);
        _mint(type(uint64).max, _inputs[1], _inputs[2], _inputs[3]);
    }

    function test_only_the_owner_anchors() external {
        bytes memory refused = abi.encodeWithSelector(OwnedAnchors.CallerNotOwner.selector, carol, address(this));
        vm.expectRevert(refused);
        vm.prank(carol);
        anchors.anchorRoot(METERS, 7);
        vm.expectRevert(refused);
        vm.prank(carol);
        anchors.dropRoot(METERS, 7);
        vm.expectRevert(refused);
        vm.prank(carol);
        anchors.anchorDigest(DEVICE, 7);
    }

    function test_V6_zero_is_never_anchored() external {
        bytes memory zero = abi.encodeWithSelector(OwnedAnchors.AnchorZero.selector);
        vm.expectRevert(zero);
        anchors.anchorDigest(0, 7);
        vm.expectRevert(zero);
        anchors.anchorDigest(DEVICE, 0);
        vm.expectRevert(zero);
        anchors.anchorRoot(METERS, 0);
        vm.expectRevert(zero);
        anchors.anchorRoot(0, 7);
        yes(!anchors.isDigestAnchored(DEVICE, 0) && !anchors.isRootRecent(METERS, 0), "zero");
    }
}
