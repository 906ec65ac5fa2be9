// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {GasTable} from "./support/GasTable.sol";
import {SealedWorld} from "./support/SealedWorld.sol";

/// Rows of sealed content.
contract SealedGasTest is SealedWorld, GasTable {
    /// forge-config: default.isolate = true
    function test_gas_is_as_committed() external {
        table = string.concat(
            "# Gas of sealed content\n\n",
            "Written by `cargo xtask contracts gas`, compared by `cargo xtask contracts test`. Whole transactions (21,000 +\n",
            "calldata + execution) of the committed artifacts on Osaka rules. Two parties, four holders, three shares open;\n",
            "sealed keys and commitments of zero bytes, whose calldata costs less than that of real ones.\n\n",
            "| transaction | gas | note |\n",
            "|---|---:|---|\n"
        );
        publish(EVE);
        row("`publishKey`", "the first of an account");
        bytes32 id = sealOne();
        row("`seal`", "the first content of all");
        registry.execute(pass(address(sealing), opening(id, 5)));
        row("`execute` of `open`", "");
        uint256 number = sealing.grantsOf(id)[0];
        releaseBy(0, number);
        row("`release`", "the first share");
        releaseBy(1, number);
        row("`release`", "another share");
        writeOrCompare("gas-sealed.md");
    }
}
