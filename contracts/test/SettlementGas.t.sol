// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint} from "../src/LightClientTypes.sol";
import {Deal, DealId} from "../src/SettlementTypes.sol";
import {StateSlots} from "../src/StateSlots.sol";
import {SettlementWorld} from "./support/SettlementWorld.sol";

/// Writes or compares gas-settlement.md, as `GasTest` does for gas.md: whole transactions, each with cold storage.
contract SettlementGasTest is SettlementWorld {
    string private _table;

    /// forge-config: default.isolate = true
    function test_gas_of_the_settlement_is_as_committed() external {
        _table = string.concat(
            "# Gas of the settlement\n\n",
            "Written by `cargo xtask contracts gas`, compared by `cargo xtask contracts test`. Whole transactions, as in gas.md;\n",
            "ERC-20 asset, proofs of an account trie and a storage trie one or two nodes deep, without the light client's update;\n",
            "the message that carries a verdict is in gas-relay.md, here its sending is free.\n\n",
            "| transaction | gas |\n|---|---:|\n"
        );
        // Counters and balances of the contracts are not zero.
        Deal memory before = deal();
        before.salt = 99;
        open(before);
        agree(before, outcome());
        deliver();
        release(before, outcome());

        Deal memory d = deal();
        chain.enter();
        vm.prank(alice);
        escrow.open(d);
        _row("`SettlementEscrow.open`");
        consortium.watch(address(settlement), StateSlots.verdictSlot(DealId.unwrap(idOf(d))));
        confirm(alice, ALICE_KEY, d, outcome());
        _row("`Settlement.confirm`, the first");
        confirm(bob, BOB_KEY, d, outcome());
        _row("`Settlement.confirm`, the last, which publishes");
        bytes32 slot = StateSlots.verdictSlot(DealId.unwrap(idOf(d)));
        Checkpoint memory c = consortium.finalise();
        (bytes[] memory a, bytes[] memory s) = consortium.prove(c.height, address(settlement), slot);
        DealId id = idOf(d);
        chain.enter();
        escrow.prove(id, outcome(), c, a, s);
        _row("`SettlementEscrow.prove`");
        bytes memory first = signed(ALICE_KEY, d, outcome());
        bytes memory second = signed(BOB_KEY, d, outcome());
        chain.enter();
        escrow.release(d, outcome(), first, second);
        _row("`SettlementEscrow.release` to both");

        d.salt = 2;
        id = open(d);
        passBoth(2 hours);
        c = consortium.finalise();
        slot = StateSlots.verdictSlot(DealId.unwrap(id));
        (a, s) = consortium.prove(c.height, address(settlement), slot);
        chain.enter();
        escrow.refund(d, c, a, s);
        _row("`SettlementEscrow.refund` on proof of absence");

        if (vm.envOr("CAUSEWAY_WRITE_GAS", false)) return vm.writeFile("gas-settlement.md", _table);
        yes(
            keccak256(bytes(vm.readFile("gas-settlement.md"))) == keccak256(bytes(_table)),
            "gas-settlement.md differs from what was measured; run `cargo xtask contracts gas` and look at the change"
        );
    }

    function _row(string memory what) private {
        _table = string.concat(_table, "| ", what, " | ", vm.toString(vm.lastCallGas().gasTotalUsed), " |\n");
    }
}
