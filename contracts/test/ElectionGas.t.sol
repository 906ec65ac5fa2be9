// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IMemberRegistry} from "../src/IMemberRegistry.sol";
import {Parameter, Role} from "../src/MemberTypes.sol";
import {ConsensusVote} from "../src/ElectionTypes.sol";
import {ElectionWorld} from "./support/ElectionWorld.sol";
import {GasTable} from "./support/GasTable.sol";
import {MemberWorld} from "./support/MemberWorld.sol";

/// Writes or compares gas-election.md, as Gas.t.sol does gas.md.
contract ElectionGasTest is ElectionWorld, GasTable {
    /// forge-config: default.isolate = true
    function test_gas_is_as_committed() external {
        table = string.concat(
            "# Gas of elections\n\n",
            "Written by `cargo xtask contracts gas`, compared by `cargo xtask contracts test`. Whole transactions (21,000 +\n",
            "calldata + execution) of the committed artifacts on Osaka rules. Headers as this chain makes them for empty blocks,\n",
            "endpoints of 30 bytes. ",
            "A transaction may use 16,777,216.\n\n",
            "| transaction | gas | note |\n",
            "|---|---:|---|\n"
        );
        _people();
        _blocks();
        _elections();
        writeOrCompare("gas-election.md");
    }

    /// The longest a set takes.
    function endpointOf(uint256 i) internal pure override returns (string memory) {
        return string.concat("a-long-name.example.org", vm.toString(100 + i % 900), ":3030");
    }

    function _people() private {
        register(7);
        row("`register`", "");
        voteFor(1, 0, 1 ether);
        row("`vote`, first of a voter", "");
        voteFor(1, 0, 1 ether);
        row("`vote`, more", "");
        vm.warp(block.timestamp + LOCK);
        vm.prank(voterOf(0), voterOf(0));
        election.move(1, 2, 1 ether);
        row("`move`", "");
        vm.prank(voterOf(0), voterOf(0));
        election.unvote(1, 1 ether);
        row("`unvote`", "");
        election.withdraw(voterOf(0));
        row("`withdraw`", "");
        election.fund{value: 10_000 ether}();
    }

    function _blocks() private {
        grow(FIRST_HEIGHT + 8, numbers(7));
        grow(FIRST_HEIGHT + 9, numbers(7));
        row("`record` of one block", "");
        grow(FIRST_HEIGHT + 25, numbers(7));
        row("`record` of 16 blocks", "");
    }

    function _elections() private {
        elect();
        row("`elect`, 8 candidates, first set of 7", "");
        election.elect();
        row("`elect` again, same set", "");
        grow(nextEpoch(), numbers(7));
        elect();
        row("`elect`, 8 candidates, same set of 7", "judges 7");
        ConsensusVote memory a = castBy(2, 0, 20, 7, "a");
        ConsensusVote memory b = castBy(2, 0, 20, 7, "b");
        election.report(a, b);
        row("`report` of a producer among 7", "schedules the standby");
        for (uint256 i = 8; i < 128; ++i) {
            register(i);
        }
        // One step short of 101 for each epoch.
        devices.set(10_000);
        for (uint256 i = 0; i < 31; ++i) {
            grow(nextEpoch(), without(numbers(100), 2));
            electWith(without(numbers(100), 2));
        }
        row("`elect`, 127 candidates, set of 100", "one step of seats before");
        for (uint256 i = 128; i < 257; ++i) {
            register(i);
        }
        grow(nextEpoch(), without(numbers(100), 2));
        electWith(without(numbers(100), 2));
        row("`elect`, 256 candidates, set of 101", "the largest");
        uint256 last = election.producers()[100] - 1;
        a = castBy(last, 0, 20, 7, "a");
        b = castBy(last, 0, 20, 7, "b");
        election.report(a, b);
        row("`report` of a producer among 101", "");
    }
}

/// Rows of the consortium, in a file of their own: another world.
contract MembersGasTest is MemberWorld, GasTable {
    /// forge-config: default.isolate = true
    function test_gas_is_as_committed() external {
        table = string.concat(
            "# Gas of the consortium's votes\n\n",
            "Written by `cargo xtask contracts gas`, compared by `cargo xtask contracts test`. Whole transactions (21,000 +\n",
            "calldata + execution) of the committed artifacts on Osaka rules. Four members with one validator each, and a\n",
            "regulator.\n\n",
            "| transaction | gas | note |\n",
            "|---|---:|---|\n"
        );
        bytes memory change = abi.encodeCall(IMemberRegistry.setParameter, (Parameter.Window, 2 hours));
        uint256 number = propose(0, change);
        row("`propose` a parameter", "");
        cast(number, 1, true);
        row("`vote`", "");
        cast(number, 2, true);
        row("`vote` that passes it", "");
        vm.warp(block.timestamp + DELAY);
        registry.execute(number);
        row("`execute` it", "");
        number = pass(address(registry), abi.encodeCall(IMemberRegistry.admit, (termsOf(5, Role.Member, 1))));
        registry.execute(number);
        row("`execute` the admission of a member with a validator", "schedules five");
        number = propose(0, abi.encodeCall(IMemberRegistry.remove, (4)));
        row("`propose` a removal", "");
        writeOrCompare("gas-members.md");
    }
}
