// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IVerifier} from "../src/IVerifier.sol";
import {IVerifierRegistry} from "../src/IVerifierRegistry.sol";
import {Lock} from "../src/LockTypes.sol";
import {ProofWorld} from "./support/ProofWorld.sol";
import {ProofVectors} from "./verifiers/ProofVectors.sol";

/// Writes or compares gas-proof.md, as `GasTest` does for gas.md: whole transactions, each with cold storage.
contract ProofGasTest is ProofWorld {
    string private _table;

    /// forge-config: default.isolate = true
    function test_gas_of_proofs_is_as_committed() external {
        _table = string.concat(
            "# Gas of proofs\n\n",
            "Written by `cargo xtask contracts gas`, compared by `cargo xtask contracts test`. Whole transactions, as in gas.md.\n",
            "Peer: the first cut of a verifier, with inputs of other sizes; 213,886 / 227,063 / 260,025 for 1 / 3 / 8 inputs.\n",
            "An input costs 6,150 for two precompiles and 200 for calling them, and 128 to 512 of calldata by its bytes.\n\n",
            "| transaction | inputs | gas | first cut, same number of inputs |\n|---|---:|---:|---:|\n"
        );
        _verifiers();
        _registry();
        _consumers();
        if (vm.envOr("CAUSEWAY_WRITE_GAS", false)) return vm.writeFile("gas-proof.md", _table);
        yes(
            keccak256(bytes(vm.readFile("gas-proof.md"))) == keccak256(bytes(_table)),
            "gas-proof.md differs from what was measured; run `cargo xtask contracts gas` and look at the change"
        );
    }

    function _verifiers() private {
        (uint256[8] memory proof, uint256[] memory inputs) = ProofVectors.right();
        _verify("RightVerifier", proof, inputs);
        (proof, inputs) = ProofVectors.alarm();
        _verify("AlarmVerifier", proof, inputs);
        (proof, inputs) = ProofVectors.session();
        _verify("SessionVerifier", proof, inputs);
        (proof, inputs) = ProofVectors.hashlink();
        _verify("HashLinkVerifier", proof, inputs);
        (proof, inputs) = ProofVectors.sum();
        _verify("SumVerifier", proof, inputs);
        (proof, inputs) = ProofVectors.median();
        _verify("MedianVerifier", proof, inputs);
    }

    function _verify(string memory name, uint256[8] memory proof, uint256[] memory inputs) private {
        address verifier = deploy(name, "");
        // The line through the first cut's 1, 3 and 8 inputs.
        uint256 firstCut = 207_296 + 6_590 * inputs.length;
        string memory peer = string.concat("about ", vm.toString(firstCut));
        _call(
            string.concat("`", name, ".verify`"),
            inputs.length,
            verifier,
            abi.encodeCall(IVerifier.verify, (proof, inputs)),
            peer
        );
    }

    function _registry() private {
        (uint256[8] memory proof, uint256[] memory inputs) = ProofVectors.session();
        bytes memory call = abi.encodeCall(IVerifierRegistry.accept, (keccak256("session-256"), proof, inputs));
        _call("`VerifierRegistry.accept`: verified, marked, announced", inputs.length, address(registry), call, "");
    }

    function _consumers() private {
        (uint256[8] memory proof, uint256[] memory inputs) = ProofVectors.coldChain();
        anchors.anchorDigest(DEVICE, inputs[1]);
        Lock memory l = conditionalLock();
        open(l);
        bytes memory evidence = condition.evidence(agreed(), inputs[1], inputs[4], proof);
        vm.prank(bob);
        htlc.claimWith(l, PREIMAGE, evidence);
        _row("`HashTimeLock.claimWith`, native, on a `session` proof", 6, vm.lastCallGas().gasTotalUsed, "");

        (proof, inputs) = ProofVectors.consent();
        anchors.anchorRoot(ISSUERS, inputs[0]);
        vm.prank(ASKER);
        bytes32 request = desk.ask(PURPOSE, 2);
        desk.answer(request, inputs[0], inputs[2], 1_800_000_000, proof);
        _row("`CredentialDesk.answer`", 6, vm.lastCallGas().gasTotalUsed, "");

        (proof, inputs) = ProofVectors.metered();
        anchors.anchorRoot(METERS, inputs[1]);
        metered.mint(PERIOD, inputs[1], inputs[2], inputs[3], proof);
        _row("`MeteredToken.mint`, first of its beneficiary", 4, vm.lastCallGas().gasTotalUsed, "");
    }

    function _call(string memory what, uint256 count, address target, bytes memory call, string memory peer) private {
        (bool ok,) = target.call(call);
        yes(ok, what);
        _row(what, count, vm.lastCallGas().gasTotalUsed, peer);
    }

    function _row(string memory what, uint256 count, uint256 gas, string memory peer) private {
        _table =
            string.concat(_table, "| ", what, " | ", vm.toString(count), " | ", vm.toString(gas), " | ", peer, " |\n");
    }
}
