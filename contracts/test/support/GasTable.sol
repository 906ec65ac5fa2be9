// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Assert} from "./Assert.sol";

/// A table of what transactions cost, written to a file or compared with it.
abstract contract GasTable is Assert {
    string internal table;

    /// A row for the transaction that was sent last.
    function row(string memory what, string memory note) internal {
        string memory gas = thousands(vm.lastCallGas().gasTotalUsed);
        table = string.concat(table, "| ", what, " | ", gas, " | ", note, " |\n");
    }

    function writeOrCompare(string memory file) internal {
        if (vm.envOr("CAUSEWAY_WRITE_GAS", false)) return vm.writeFile(file, table);
        yes(
            keccak256(bytes(vm.readFile(file))) == keccak256(bytes(table)),
            string.concat(
                file, " differs from what was measured; run `cargo xtask contracts gas` and look at the change"
            )
        );
    }

    function thousands(uint256 value) internal pure returns (string memory) {
        if (value < 1000) return vm.toString(value);
        bytes memory digits = bytes(vm.toString(1000 + value % 1000));
        digits[0] = ",";
        return string.concat(thousands(value / 1000), string(digits));
    }
}
