// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ICredentialDesk} from "../src/ICredentialDesk.sol";
import {IVerifier} from "../src/IVerifier.sol";
import {ProofWorld} from "./support/ProofWorld.sol";
import {ProofVectors} from "./verifiers/ProofVectors.sol";

/// Credential checks: L105, L106. The proofs are real; ProofVectors.sol says whence.
contract CredentialDeskTest is ProofWorld {
    uint64 private constant NOW = 1_800_000_000;

    bytes32 private _request;
    uint256[8] private _proof;
    uint256[] private _inputs;

    function setUp() public override {
        super.setUp();
        vm.prank(ASKER);
        _request = desk.ask(PURPOSE, 2);
        (_proof, _inputs) = ProofVectors.consent();
        anchors.anchorRoot(ISSUERS, _inputs[0]);
    }

    function _answer(bytes32 request) private {
        desk.answer(request, _inputs[0], _inputs[2], NOW, _proof);
    }

    function test_L105_a_holder_answers_and_the_asker_learns_the_verdict() external {
        eq(desk.signalOf(_request), _inputs[5], "the proof consents to this request");
        yes(!desk.requestOf(_request).answered, "not yet");

        vm.prank(carol);
        _answer(_request);

        yes(desk.requestOf(_request).answered, "answered");
    }

    function test_L106_a_right_is_used_once_for_an_asker_and_purpose() external {
        _answer(_request);
        vm.expectRevert(abi.encodeWithSelector(ICredentialDesk.RequestAnswered.selector, _request));
        _answer(_request);

        vm.prank(ASKER);
        bytes32 second = desk.ask(PURPOSE, 2);
        (uint256[8] memory proof, uint256[] memory inputs) = ProofVectors.secondConsent();
        eq(inputs[2], _inputs[2], "the same nullifier, whatever the request");
        vm.expectRevert(abi.encodeWithSelector(ICredentialDesk.RightUsed.selector, inputs[2]));
        desk.answer(second, inputs[0], inputs[2], NOW, proof);
        vm.expectRevert(abi.encodeWithSelector(IVerifier.ProofRefused.selector));
        desk.answer(second, inputs[0], inputs[2] + 1, NOW, proof);
        yes(!desk.requestOf(second).answered, "not answered");
    }

    function test_L105_consent_is_to_one_request() external {
        vm.prank(ASKER);
        bytes32 second = desk.ask(PURPOSE, 2);
        vm.expectRevert(abi.encodeWithSelector(IVerifier.ProofRefused.selector));
        _answer(second);

        vm.prank(ASKER);
        bytes32 higher = desk.ask(PURPOSE, 3);
        vm.expectRevert(abi.encodeWithSelector(IVerifier.ProofRefused.selector));
        _answer(higher);

        vm.prank(carol);
        bytes32 hers = desk.ask(PURPOSE, 2);
        vm.expectRevert(abi.encodeWithSelector(IVerifier.ProofRefused.selector));
        _answer(hers);
    }

    function test_L105_an_expired_unknown_or_dropped_root_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(ICredentialDesk.RootNotRecent.selector, 7));
        desk.answer(_request, 7, _inputs[2], NOW, _proof);

        anchors.anchorRoot(METERS, 7);
        vm.expectRevert(abi.encodeWithSelector(ICredentialDesk.RootNotRecent.selector, 7));
        desk.answer(_request, 7, _inputs[2], NOW, _proof);

        // Somebody was revoked: the old root counts no more.
        anchors.dropRoot(ISSUERS, _inputs[0]);
        vm.expectRevert(abi.encodeWithSelector(ICredentialDesk.RootNotRecent.selector, _inputs[0]));
        _answer(_request);

        anchors.anchorRoot(ISSUERS, _inputs[0]);
        vm.warp(START + ROOT_LIFE + 1);
        vm.expectRevert(abi.encodeWithSelector(ICredentialDesk.RootNotRecent.selector, _inputs[0]));
        _answer(_request);
    }

    function test_L105_a_right_is_judged_now() external {
        uint256 age = 10 minutes;
        vm.warp(START + age + 1);
        vm.expectRevert(abi.encodeWithSelector(ICredentialDesk.TimeNotNow.selector, NOW, START + age + 1, age));
        _answer(_request);
        vm.warp(START - 1);
        vm.expectRevert(abi.encodeWithSelector(ICredentialDesk.TimeNotNow.selector, NOW, START - 1, age));
        _answer(_request);
        vm.warp(START + age);
        vm.expectRevert(abi.encodeWithSelector(IVerifier.ProofRefused.selector));
        desk.answer(_request, _inputs[0], _inputs[2], NOW + 1, _proof);

        _answer(_request);
    }

    function test_L105_on_another_chain_the_proof_is_refused() external {
        vm.chainId(1);
        vm.expectRevert(abi.encodeWithSelector(IVerifier.ProofRefused.selector));
        _answer(_request);
    }

    function test_requests_that_are_none_are_refused() external {
        vm.expectRevert(abi.encodeWithSelector(ICredentialDesk.RequestUnknown.selector, bytes32(0)));
        _answer(0);
        vm.expectRevert(abi.encodeWithSelector(ICredentialDesk.PurposeZero.selector));
        desk.ask(0, 1);
    }
}
