// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Admission, DeviceId} from "../src/DeviceTypes.sol";
import {Anchor} from "../src/EvidenceTypes.sol";
import {FeedConfig, Report, ReportSignatures} from "../src/FeedTypes.sol";
import {IEvidence} from "../src/IEvidence.sol";
import {IFeedAggregator} from "../src/IFeedAggregator.sol";
import {SignedReading} from "../src/ReadingTypes.sol";
import {DeviceWorld} from "./support/DeviceWorld.sol";
import {FeedWorld} from "./support/FeedWorld.sol";
import {GasTable} from "./support/GasTable.sol";

/// Writes or compares gas-feed.md, as `GasTest` does for gas.md.
contract FeedGasTest is FeedWorld, GasTable {
    /// forge-config: default.isolate = true
    function test_gas_of_feeds_is_as_committed() external {
        table = string.concat(
            "# Gas of feeds\n\n",
            "Written by `cargo xtask contracts gas`, compared by `cargo xtask contracts test`. Whole transactions (21,000 +\n",
            "calldata + execution) of the committed artifacts on Osaka rules. Steady state: the feed has answered before, no alarm\n",
            "changes. Every slot is cold when the transaction begins. A report has observations and signatures of 2f + 1 of\n",
            "n = 3f + 1 operators; the peer's has those of 2f + 1, and signatures of f + 1.\n\n",
            "| transaction | gas | best peer |\n|---|---:|---:|\n"
        );
        _transmit(4, "91,220 OCR2");
        _transmit(7, "100,181 OCR2");
        _transmit(16, "127,297 OCR2");
        _transmit(31, "172,398 OCR2");
        FeedConfig memory c = config(4);
        feed.requestRound();
        transmit(1, 425);
        vm.warp(START + 60);
        Report memory r = report(2, 900, 4);
        send(feed, c, r, bits(3));
        vm.warp(START + 180);
        r = report(3, 900, 4);
        ReportSignatures memory s = sign(feed, r, bits(3));
        vm.prank(PAYER);
        feed.transmit(c, r, s);
        row("the same of 4 operators, raising an alarm", "");
        feed.requestRound();
        row("`requestRound`", "");
        vm.warp(START + 400);
        feed.markStale(c);
        row("`markStale`", "");
        feed.setConfig(config(31));
        row("`setConfig` of 31 operators", "");

        writeOrCompare("gas-feed.md");
    }

    /// As in life: observations that differ, of four digits.
    function _transmit(uint256 n, string memory peer) private {
        FeedConfig memory c = config(n);
        IFeedAggregator f = newFeed(c);
        send(f, c, report(1, 425, n), bits(quorum(n)));
        int128[] memory observations = new int128[](quorum(n));
        for (uint256 i = 0; i < observations.length; ++i) {
            observations[i] = int128(int256(412 + i));
        }
        Report memory r = reportOf(2, observations);
        ReportSignatures memory s = sign(f, r, bits(quorum(n)));
        vm.prank(PAYER);
        f.transmit(c, r, s);
        row(string.concat("`FeedAggregator.transmit`, n = ", vm.toString(n)), peer);
    }
}

/// Writes or compares gas-devices.md.
contract DeviceGasTest is DeviceWorld, GasTable {
    /// forge-config: default.isolate = true
    function test_gas_of_devices_is_as_committed() external {
        table = string.concat(
            "# Gas of devices and evidence\n\n",
            "Written by `cargo xtask contracts gas`, compared by `cargo xtask contracts test`. Whole transactions (21,000 +\n",
            "calldata + execution - refunds) of the committed artifacts on Osaka rules, where P-256 is a precompile (EIP-7951);\n",
            "cold storage. Without the message to the other chain, for which a Gateway takes some 66,000 gas more (`sendMessage` in\n",
            "gas-relay.md, less the 21,000 of a transaction).\n\n",
            "| transaction | gas | |\n|---|---:|---|\n"
        );
        admit(9);
        rekey(registry.idOf(admission(9).did), 8);
        post.setRefusing(true);
        Admission memory a = admission(1);
        (a.keys.feedX, a.keys.feedY) = (FEED_X, FEED_Y);
        DeviceId id = admit(a, 1);
        row("`DeviceRegistry.admit`", "three signatures, one of them P-256; 12 new slots");
        rekey(id, 2);
        row("`DeviceRegistry.rekey`", "");
        bytes memory from = post.nameOf(PUBLIC, address(registry));
        (bytes memory first, bytes memory next) = (post.payload(0), post.payload(1));
        post.deliverTo(address(mirror), from, first);
        row("`DeviceMirror.receiveMessage`, first record", "without the Gateway's proofs");
        post.deliverTo(address(mirror), from, next);
        row("`DeviceMirror.receiveMessage`, next record", "");
        SignedReading memory one = signed(reading(id, 7, 425, keccak256("sixth")), 1);
        SignedReading memory two = signed(reading(id, 7, 426, keccak256("sixth")), 1);
        registry.slash(one, two);
        row("`DeviceRegistry.slash`", "two P-256 signatures and two SHA-256 hashes");
        DeviceId other = registry.idOf(admission(9).did);
        vm.prank(owner);
        registry.exit(other);
        row("`DeviceRegistry.exit`", "");
        _evidence();

        writeOrCompare("gas-devices.md");
    }

    function _evidence() private {
        bytes32 stream = keccak256("stream");
        IEvidence evidence = IEvidence(
            deploy("Evidence", abi.encode(address(this), address(post), uint256(PUBLIC), address(mirror), 1 days))
        );
        evidence.setKeeper(stream, address(this));
        for (uint64 i = 0; i < 3; ++i) {
            uint64 from = uint64(START - 1 days) * 1_000 + i * 1_000;
            evidence.anchor(
                Anchor(stream, i, from, from + 1_000, 60, keccak256(abi.encode(i)), keccak256(abi.encode(i, "d")))
            );
        }
        row("`Evidence.anchor`", "");
    }
}
