// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Lock, LockId} from "../src/LockTypes.sol";
import {Checkpoint} from "../src/LightClientTypes.sol";
import {PegTerms} from "../src/PegTypes.sol";
import {StateSlots} from "../src/StateSlots.sol";
import {PegWorld} from "./support/PegWorld.sol";

/// Writes or compares gas-peg.md, as `GasTest` does for gas.md: whole transactions, each with cold storage.
contract PegGasTest is PegWorld {
    string private _table;

    /// forge-config: default.isolate = true
    function test_gas_of_the_peg_is_as_committed() external {
        _table = string.concat(
            "# Gas of the peg\n\n",
            "Written by `cargo xtask contracts gas`, compared by `cargo xtask contracts test`. Whole transactions, as in gas.md;\n",
            "ERC-20 home asset, proofs of an account trie and a storage trie one or two nodes deep, without the light client's\n",
            "update.\n\n",
            "| transaction | gas |\n|---|---:|\n"
        );
        fund(3 * AMOUNT);
        Lock memory l = pegLock(home, AMOUNT, terms());
        home.chain.watch(address(home.locks), StateSlots.lockSlot(LockId.wrap(keccak256(abi.encode(l)))));
        home.chain.enter();
        vm.prank(user);
        home.locks.lock(l, "");
        _row("lock for the peg, no memo", vm.lastCallGas().gasTotalUsed);
        _open(l, terms());
        _row("`PegMint.open`, with proof", vm.lastCallGas().gasTotalUsed);
        side.chain.enter();
        side.port.claim(l, SECRET);
        _row("`PegMint.claim`, first units of the recipient", vm.lastCallGas().gasTotalUsed);
        home.chain.enter();
        home.port.collect(l, SECRET);
        _row("`PegVault.collect`", vm.lastCallGas().gasTotalUsed);

        PegTerms memory second = PegTerms(user, 2);
        l = pegLock(home, AMOUNT, second);
        lockAt(home, l);
        _open(l, second);
        passBoth(2 hours);
        side.chain.finalise();
        bytes memory proof = evidence(home, l, side.chain.height() - 1);
        home.chain.enter();
        vm.prank(user);
        home.locks.refundWith(l, proof);
        _row("`HashTimeLock.refundWith` proof of absence (opened, not claimed)", vm.lastCallGas().gasTotalUsed);

        if (vm.envOr("CAUSEWAY_WRITE_GAS", false)) return vm.writeFile("gas-peg.md", _table);
        yes(
            keccak256(bytes(vm.readFile("gas-peg.md"))) == keccak256(bytes(_table)),
            "gas-peg.md differs from what was measured; run `cargo xtask contracts gas` and look at the change"
        );
    }

    function _open(Lock memory l, PegTerms memory t) private {
        Checkpoint memory c = home.chain.finalise();
        bytes32 slot = StateSlots.lockSlot(LockId.wrap(keccak256(abi.encode(l))));
        (bytes[] memory a, bytes[] memory s) = home.chain.prove(c.height, address(home.locks), slot);
        side.chain.enter();
        side.port.open(l, t, c, a, s);
    }

    function _row(string memory what, uint256 gas) private {
        _table = string.concat(_table, "| ", what, " | ", vm.toString(gas), " |\n");
    }
}
