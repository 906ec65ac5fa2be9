// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IVerifier} from "../src/IVerifier.sol";
import {IVerifierRegistry} from "../src/IVerifierRegistry.sol";
import {Assert} from "./support/Assert.sol";
import {ProofVectors} from "./verifiers/ProofVectors.sol";

/// Says of itself what a test wants, and verifies everything: only its key is looked at.
contract ClaimedVerifier is IVerifier {
    bytes32 public circuit = keccak256("claimed");
    bool public development = true;
    uint256[] private _key;

    constructor(uint256[] memory words) {
        _key = words;
    }

    function setDevelopment(bool value) external {
        development = value;
    }

    function key() external view returns (uint256[] memory) {
        return _key;
    }

    function verify(uint256[8] calldata, uint256[] calldata) external pure {}
}

/// Verifiers and their registry (V8).
contract VerifierRegistryTest is Assert {
    uint256 private constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    uint256 private constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;

    IVerifierRegistry private _registry;
    IVerifier private _verifier;
    bytes32 private _circuit;

    function setUp() external {
        _registry = IVerifierRegistry(deploy("VerifierRegistry", abi.encode(address(this), true)));
        _verifier = IVerifier(deploy("RightVerifier", ""));
        _circuit = _verifier.circuit();
        _registry.register(_verifier, 0);
    }

    // ---- what verifies

    function test_V8_a_statement_is_accepted_once_whatever_its_proof() external {
        (uint256[8] memory proof, uint256[] memory inputs) = ProofVectors.right();
        bytes32 statement = _registry.accept(_circuit, proof, inputs);
        eq(statement, keccak256(abi.encodePacked(_circuit, inputs)), "statement");
        yes(_registry.accepted(address(this), statement), "accepted");

        (uint256[8] memory negated,) = ProofVectors.negated();
        (uint256[8] memory other,) = ProofVectors.rerandomised();
        _registry.check(_circuit, negated, inputs);
        _registry.check(_circuit, other, inputs);
        bytes memory seen = abi.encodeWithSelector(IVerifierRegistry.StatementSeen.selector, statement, address(this));
        vm.expectRevert(seen);
        _registry.accept(_circuit, proof, inputs);
        vm.expectRevert(seen);
        _registry.accept(_circuit, negated, inputs);
        vm.expectRevert(seen);
        _registry.accept(_circuit, other, inputs);
    }

    function test_nobody_uses_up_a_statement_for_another() external {
        (uint256[8] memory proof, uint256[] memory inputs) = ProofVectors.right();
        vm.prank(address(7));
        _registry.accept(_circuit, proof, inputs);

        _registry.accept(_circuit, proof, inputs);
    }

    function test_a_refused_proof_uses_up_nothing() external {
        (uint256[8] memory proof, uint256[] memory inputs) = ProofVectors.right();
        uint256[8] memory bad = proof;
        (bad[6], bad[7]) = (proof[0], proof[1]);
        vm.expectRevert(abi.encodeWithSelector(IVerifier.ProofRefused.selector));
        _registry.accept(_circuit, bad, inputs);

        (proof,) = ProofVectors.right();
        _registry.accept(_circuit, proof, inputs);
    }

    // ---- what does not

    function test_inputs_are_counted() external {
        (uint256[8] memory proof, uint256[] memory inputs) = ProofVectors.right();
        for (uint256 count = 0; count < 9; ++count) {
            if (count == inputs.length) continue;
            vm.expectRevert(abi.encodeWithSelector(IVerifier.InputsCounted.selector, count, inputs.length));
            _registry.check(_circuit, proof, new uint256[](count));
        }
    }

    function test_inputs_are_below_the_order() external {
        (uint256[8] memory proof, uint256[] memory inputs) = ProofVectors.right();
        for (uint256 i = 0; i < inputs.length; ++i) {
            inputs[i] += R;
            vm.expectRevert(abi.encodeWithSelector(IVerifier.InputNotCanonical.selector, i, inputs[i]));
            _registry.check(_circuit, proof, inputs);
            inputs[i] -= R;
        }
    }

    function test_other_inputs_are_refused() external {
        (uint256[8] memory proof, uint256[] memory inputs) = ProofVectors.right();
        for (uint256 i = 0; i < inputs.length; ++i) {
            inputs[i] += 1;
            vm.expectRevert(abi.encodeWithSelector(IVerifier.ProofRefused.selector));
            _registry.check(_circuit, proof, inputs);
            inputs[i] -= 1;
        }
    }

    function test_coordinates_are_below_the_modulus_and_points_on_their_curves() external {
        (uint256[8] memory proof, uint256[] memory inputs) = ProofVectors.right();
        for (uint256 i = 0; i < 8; ++i) {
            uint256 honest = proof[i];
            proof[i] = honest + Q;
            vm.expectRevert(abi.encodeWithSelector(IVerifier.ProofRefused.selector));
            _registry.check(_circuit, proof, inputs);
            proof[i] = honest ^ 1;
            vm.expectRevert(abi.encodeWithSelector(IVerifier.ProofRefused.selector));
            _registry.check(_circuit, proof, inputs);
            proof[i] = honest;
        }
    }

    function test_nothing_is_no_proof() external {
        (, uint256[] memory inputs) = ProofVectors.right();
        uint256[8] memory zeros;
        vm.expectRevert(abi.encodeWithSelector(IVerifier.ProofRefused.selector));
        _registry.check(_circuit, zeros, inputs);
    }

    function test_a_proof_of_another_circuit_is_refused() external {
        IVerifier link = IVerifier(deploy("HashLinkVerifier", ""));
        _registry.register(link, 0);
        bytes32 circuit = link.circuit();
        (uint256[8] memory own, uint256[] memory ownInputs) = ProofVectors.hashlink();
        _registry.check(circuit, own, ownInputs);
        (uint256[8] memory proof,) = ProofVectors.right();

        vm.expectRevert(abi.encodeWithSelector(IVerifier.ProofRefused.selector));
        _registry.check(circuit, proof, ownInputs);
    }

    /// With too little gas the precompile fails: that must not look like a refusal that succeeds.
    function test_too_little_gas_reverts() external {
        (uint256[8] memory proof, uint256[] memory inputs) = ProofVectors.right();
        bytes memory call = abi.encodeCall(IVerifierRegistry.check, (_circuit, proof, inputs));
        uint256[4] memory limits = [uint256(20_000), 48_000, 100_000, 180_000];
        for (uint256 i = 0; i < limits.length; ++i) {
            (bool ok,) = address(_registry).call{gas: limits[i]}(call);
            yes(!ok, "succeeded with too little gas");
        }
    }

    function test_an_unknown_circuit_is_refused() external {
        (uint256[8] memory proof, uint256[] memory inputs) = ProofVectors.right();
        vm.expectRevert(abi.encodeWithSelector(IVerifierRegistry.CircuitUnknown.selector, bytes32(0)));
        _registry.accept(0, proof, inputs);

        _registry.retire(_circuit);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRegistry.CircuitUnknown.selector, _circuit));
        _registry.accept(_circuit, proof, inputs);
    }

    // ---- registering

    function test_development_keys_are_marked_and_can_be_shut_out() external {
        IVerifierRegistry.Entry memory entry = _registry.entry(_circuit);
        yes(entry.development, "marked");
        eq(entry.keyHash, keccak256(abi.encodePacked(_verifier.key())), "key hash");

        IVerifierRegistry strict = IVerifierRegistry(deploy("VerifierRegistry", abi.encode(address(this), false)));
        vm.expectRevert(abi.encodeWithSelector(IVerifierRegistry.KeyIsDevelopment.selector, _circuit));
        strict.register(_verifier, 0);
    }

    function test_only_the_administrator_registers_and_retires() external {
        bytes memory refused =
            abi.encodeWithSelector(IVerifierRegistry.CallerNotAdministrator.selector, address(7), address(this));
        vm.expectRevert(refused);
        vm.prank(address(7));
        _registry.register(_verifier, 0);
        vm.expectRevert(refused);
        vm.prank(address(7));
        _registry.retire(_circuit);
    }

    function test_one_key_speaks_for_a_circuit() external {
        bytes32 keyHash = _registry.entry(_circuit).keyHash;
        vm.expectRevert(abi.encodeWithSelector(IVerifierRegistry.CircuitTaken.selector, _circuit, keyHash));
        _registry.register(_verifier, 0);

        _registry.retire(_circuit);
        _registry.register(_verifier, 0);
    }

    function test_a_ceremony_has_a_transcript_and_a_development_key_none() external {
        ClaimedVerifier claimed = new ClaimedVerifier(_verifier.key());
        vm.expectRevert(abi.encodeWithSelector(IVerifierRegistry.TranscriptUnfit.selector, bytes32(uint256(1)), true));
        _registry.register(claimed, bytes32(uint256(1)));
        claimed.setDevelopment(false);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRegistry.TranscriptUnfit.selector, bytes32(0), false));
        _registry.register(claimed, 0);

        _registry.register(claimed, bytes32(uint256(1)));
    }

    // ---- unsafe keys

    function test_V8_gamma_is_not_delta_nor_its_opposite() external {
        uint256[] memory words = _verifier.key();
        for (uint256 i = 0; i < 4; ++i) {
            words[10 + i] = words[6 + i];
        }
        _refuses(words, abi.encodeWithSelector(IVerifierRegistry.KeyGammaIsDelta.selector));
        words[12] = Q - words[12];
        words[13] = Q - words[13];
        _refuses(words, abi.encodeWithSelector(IVerifierRegistry.KeyGammaIsDelta.selector));
    }

    function test_V8_delta_is_not_the_generator() external {
        uint256[] memory words = _verifier.key();
        words[10] = 0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2;
        words[11] = 0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed;
        words[12] = 0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b;
        words[13] = 0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa;
        _refuses(words, abi.encodeWithSelector(IVerifierRegistry.KeyDeltaIsGenerator.selector));
    }

    function test_V8_no_element_is_the_identity() external {
        uint256[6] memory places = [uint256(0), 2, 6, 10, 14, 18];
        for (uint256 i = 0; i < places.length; ++i) {
            uint256[] memory words = _verifier.key();
            uint256 length = places[i] == 0 || places[i] >= 14 ? 2 : 4;
            for (uint256 j = 0; j < length; ++j) {
                words[places[i] + j] = 0;
            }
            _refuses(words, abi.encodeWithSelector(IVerifierRegistry.KeyIdentity.selector, places[i]));
        }
    }

    function test_points_of_a_key_are_on_their_curves() external {
        uint256[6] memory places = [uint256(0), 2, 6, 10, 14, 18];
        for (uint256 i = 0; i < places.length; ++i) {
            uint256[] memory words = _verifier.key();
            words[places[i]] ^= 1;
            _refuses(words, abi.encodeWithSelector(IVerifierRegistry.KeyPoint.selector, places[i]));
        }
    }

    function test_a_key_has_whole_points_and_an_input() external {
        uint256[3] memory lengths = [uint256(0), 16, 19];
        for (uint256 i = 0; i < lengths.length; ++i) {
            uint256[] memory words = new uint256[](lengths[i]);
            _refuses(words, abi.encodeWithSelector(IVerifierRegistry.KeyLength.selector, lengths[i]));
        }
    }

    function _refuses(uint256[] memory words, bytes memory reason) private {
        ClaimedVerifier claimed = new ClaimedVerifier(words);
        vm.expectRevert(reason);
        _registry.register(claimed, 0);
    }
}
