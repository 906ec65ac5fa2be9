// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IVerifier} from "../src/IVerifier.sol";
import {IVerifierRegistry} from "../src/IVerifierRegistry.sol";
import {Assert} from "./support/Assert.sol";
import {ProofVectors} from "./verifiers/ProofVectors.sol";

/// What verifying costs: whole transactions of the committed artifacts, as docs/circuits.md has them. Isolated like GasTest.
contract VerifierGasTest is Assert {
    /// forge-config: default.isolate = true
    function test_gas_of_proofs_is_as_documented() external {
        (uint256[8] memory link, uint256[] memory linkInputs) = ProofVectors.hashLinkVerifier();
        address linkVerifier = deploy("HashLinkVerifier", "");
        eq(_gas(linkVerifier, abi.encodeCall(IVerifier.verify, (link, linkInputs))), 234_881, "4 inputs");

        (uint256[8] memory right, uint256[] memory inputs) = ProofVectors.rightVerifier();
        IVerifier verifier = IVerifier(deploy("RightVerifier", ""));
        eq(_gas(address(verifier), abi.encodeCall(IVerifier.verify, (right, inputs))), 248_452, "6 inputs");

        IVerifierRegistry registry = IVerifierRegistry(deploy("VerifierRegistry", abi.encode(address(this), true)));
        registry.register(verifier, 0);
        bytes32 circuit = verifier.circuit();
        eq(
            _gas(address(registry), abi.encodeCall(IVerifierRegistry.accept, (circuit, right, inputs))),
            282_330,
            "accepted once, 6 inputs"
        );
    }

    function _gas(address target, bytes memory call) private returns (uint256) {
        (bool ok,) = target.call(call);
        yes(ok, "refused");
        return vm.lastCallGas().gasTotalUsed;
    }
}
