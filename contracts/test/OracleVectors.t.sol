// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Admission, DeviceId, DeviceKeys, FeedId, Rekeying} from "../src/DeviceTypes.sol";
import {AlarmBand, FeedConfig, Report} from "../src/FeedTypes.sol";
import {IDeviceRegistry, RegistryConfig} from "../src/IDeviceRegistry.sol";
import {IFeedAggregator} from "../src/IFeedAggregator.sol";
import {Assert} from "./support/Assert.sol";

/// What the Rust side computes for itself: `bindings/oracle.rs` and the core's `feed::report` expect the same.
contract OracleVectorsTest is Assert {
    address private constant PLACE = address(bytes20(hex"0909090909090909090909090909090909090909"));

    /// The deployed contract, moved to where the vectors have it.
    function _registry() private returns (IDeviceRegistry) {
        vm.chainId(7701);
        RegistryConfig memory c = RegistryConfig(address(this), 7702, address(1), address(2), 1, 1 days, 1);
        vm.etch(PLACE, deploy("DeviceRegistry", abi.encode(c)).code);
        return IDeviceRegistry(PLACE);
    }

    function test_ids_of_devices_are_those_of_the_book() external {
        eq(
            DeviceId.unwrap(_registry().idOf("did:odin:1.4711.1")),
            0xad1d55473e88a8683fbc8aaf8f2560d9f969924fb60a4eeb1707b3377da57077,
            "device"
        );
    }

    function test_what_is_signed_about_a_device_is_that_of_the_book() external {
        IDeviceRegistry registry = _registry();
        DeviceKeys memory keys = DeviceKeys(_bytes(1), _bytes(2), 3, 4, DeviceId.wrap(_bytes(5)));
        Admission memory a = Admission("did:odin:1.4711.1", _address(6), _address(7), _bytes(8), keys, 1_800_000_000);
        Rekeying memory r = Rekeying(DeviceId.wrap(_bytes(10)), 2, _bytes(8), keys, 1_800_000_000);

        eq(registry.admissionDigest(a), 0x77a545947098abfe933a8caff37ab5fd35d272fd2d5beb48310e30d28a4b7d55, "admission");
        eq(registry.rekeyingDigest(r), 0x8944b78f164e0eb1f0b508b51b2c0e076b323e9630761c5f1197d73c002b2198, "rekeying");
        eq(
            registry.revocationDigest(DeviceId.wrap(_bytes(10))),
            0x3e5af524e9a044436ad740e7452237b6065c4f750d08a4a3475e3dba1c323cfe,
            "revocation"
        );
    }

    function test_digests_of_feeds_are_those_of_the_book() external {
        FeedConfig memory c;
        c.operators =
            bytes.concat(bytes20(_address(1)), bytes20(_address(2)), bytes20(_address(3)), bytes20(_address(4)));
        (c.min, c.max, c.deviation, c.heartbeat, c.staleAfter) = (-4_000, 6_000, 50, 60, 150);
        c.alarm = AlarmBand(200, 800, 50, 120);
        bytes memory arguments =
            abi.encode(FeedId.wrap(_bytes(3)), uint256(7701), PLACE, address(this), uint8(2), "t", c);
        IFeedAggregator feed = IFeedAggregator(deploy("FeedAggregator", arguments));
        bytes memory observations =
            bytes.concat(bytes16(uint128(int128(-425))), bytes16(uint128(12)), bytes16(uint128(600)));

        eq(
            feed.configDigestOf(1, c),
            0x47d0b800de4fb5f56e0a7d65b719063542594f744347f6ae6bf4e51fe124d097,
            "configuration"
        );
        bytes32 report = feed.reportDigestOf(_bytes(0x11), Report(7, 1_800_000_000, 11, observations));
        eq(report, 0x5fa77e7a84380edcd8ee15d4e5efaa51025385b7e7d5458a816e83406cd59c0d, "report");
    }

    function _bytes(uint8 b) private pure returns (bytes32) {
        return bytes32(uint256(b) * (type(uint256).max / 255));
    }

    function _address(uint8 b) private pure returns (address) {
        return address(bytes20(_bytes(b)));
    }
}
