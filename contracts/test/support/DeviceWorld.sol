// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {
    Admission,
    Approvals,
    DeviceId,
    DeviceKeys,
    DeviceRecord,
    FeedId,
    NO_DEVICE,
    Rekeying
} from "../../src/DeviceTypes.sol";
import {IDeviceMirror} from "../../src/IDeviceMirror.sol";
import {IDeviceRegistry, RegistryConfig} from "../../src/IDeviceRegistry.sol";
import {Reading, ReadingLib, SignedReading} from "../../src/ReadingTypes.sol";
import {Assert} from "./Assert.sol";
import {TestPost} from "./TestPost.sol";

/// A registry with its mirror, and devices with real P-256 keys. Device `n` has hardware key `n`, from 1.
abstract contract DeviceWorld is Assert {
    uint256 internal constant START = 1_800_000_000;
    uint64 internal constant PUBLIC = 7701;
    uint256 internal constant CONSORTIUM = 7702;
    uint256 internal constant OWNER_KEY = 0x0133;
    uint256 internal constant MEMBER_KEY = 0x3E3BE4;
    uint96 internal constant DEPOSIT = 1 ether;
    uint40 internal constant EXIT_DELAY = 2 days;
    uint16 internal constant SHARE = 4_000;
    address internal constant TREASURY = address(0x74EA5);
    FeedId internal constant FEED = FeedId.wrap(keccak256("cold-chain/4711/temperature"));
    // circomlib's base point of BabyJubJub.
    uint256 internal constant FEED_X = 5299619240641551281634865583518297030282874472190772894086521144482721001553;
    uint256 internal constant FEED_Y = 16950150798460657717958625567821834550301663161624707787222815936182638968203;

    TestPost internal post;
    IDeviceRegistry internal registry;
    IDeviceMirror internal mirror;
    address internal owner = vm.addr(OWNER_KEY);
    address internal member = vm.addr(MEMBER_KEY);

    function setUp() public virtual {
        vm.warp(START);
        post = new TestPost(PUBLIC);
        address there = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        registry = IDeviceRegistry(deploy("DeviceRegistry", abi.encode(registryConfig(there))));
        mirror = IDeviceMirror(deploy("DeviceMirror", abi.encode(address(post), uint256(PUBLIC), address(registry))));
        eq(address(mirror), there, "mirror");
    }

    function registryConfig(address there) internal view returns (RegistryConfig memory) {
        return RegistryConfig(address(post), CONSORTIUM, there, TREASURY, DEPOSIT, EXIT_DELAY, SHARE);
    }

    // ---- devices

    function keysOf(uint256 n) internal pure returns (DeviceKeys memory) {
        (uint256 x, uint256 y) = vm.publicKeyP256(n);
        return DeviceKeys(bytes32(x), bytes32(y), 0, 0, NO_DEVICE);
    }

    function admission(uint256 n) internal view returns (Admission memory) {
        string memory did = string.concat("did:odin:1.4711.", vm.toString(n));
        return
            Admission(did, owner, member, keccak256(abi.encode("certificate", n)), keysOf(n), uint64(START + 1 hours));
    }

    function rekeying(DeviceId id, uint256 key) internal view returns (Rekeying memory) {
        bytes32 certificate = keccak256(abi.encode("certificate", key));
        uint32 next = registry.deviceOf(id).keyNumber + 1;
        return Rekeying(id, next, certificate, keysOf(key), uint64(block.timestamp + 1 hours));
    }

    function approve(bytes32 digest, uint256 hardware) internal pure returns (Approvals memory a) {
        (a.owner, a.consortiumOwner) = (signatureOf(OWNER_KEY, digest), signatureOf(MEMBER_KEY, digest));
        (a.r, a.s) = signHardware(hardware, sha256(abi.encode(digest)));
    }

    function admit(uint256 n) internal returns (DeviceId) {
        return admit(admission(n), n);
    }

    function admit(Admission memory a, uint256 n) internal returns (DeviceId) {
        return registry.admit{value: DEPOSIT}(a, approve(registry.admissionDigest(a), n));
    }

    function rekey(DeviceId id, uint256 key) internal {
        Rekeying memory r = rekeying(id, key);
        registry.rekey(r, approve(registry.rekeyingDigest(r), key));
    }

    // ---- readings

    function reading(DeviceId id, uint64 sequence, int64 value, bytes32 previous)
        internal
        pure
        returns (Reading memory)
    {
        return Reading(1, sequence, uint64(START * 1_000 + sequence * 60_000), value, id, FEED, previous);
    }

    function signed(Reading memory r, uint256 hardware) internal pure returns (SignedReading memory s) {
        s.reading = r;
        (s.r, s.s) = signHardware(hardware, ReadingLib.digest(r));
    }

    /// Both forms of s verify; devices send the smaller one.
    function signHardware(uint256 key, bytes32 digest) internal pure returns (bytes32 r, bytes32 s) {
        uint256 n = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551;
        (r, s) = vm.signP256(key, digest);
        if (uint256(s) > n / 2) s = bytes32(n - uint256(s));
    }

    function signatureOf(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// Brings all messages from number `from` on over.
    function deliverFrom(uint256 from) internal {
        for (uint256 i = from; i < post.count(); ++i) {
            post.deliver(i);
        }
    }

    function isRecord(DeviceRecord memory got, DeviceRecord memory expected, string memory what) internal pure {
        eq(keccak256(abi.encode(got)), keccak256(abi.encode(expected)), what);
    }
}
