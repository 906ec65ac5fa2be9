// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {
    Admission,
    Approvals,
    DeviceId,
    DeviceKeys,
    DeviceRecord,
    DeviceState,
    FeedId,
    NO_DEVICE,
    Rekeying
} from "../src/DeviceTypes.sol";
import {IDeviceMirror} from "../src/IDeviceMirror.sol";
import {IDeviceRegistry, RegistryConfig} from "../src/IDeviceRegistry.sol";
import {Reading, ReadingLib} from "../src/ReadingTypes.sol";
import {ContractWallet, RefusingPayee} from "./support/Actors.sol";
import {DeviceWorld} from "./support/DeviceWorld.sol";
import {Vm} from "./support/Vm.sol";

/// Admission, keys, exit, mirror: L70 to L73, L75 to L77. Slashing is in Slashing.t.sol.
contract DevicesTest is DeviceWorld {
    // ---- L70: three signatures and a deposit

    function test_L70_three_signatures_and_a_deposit_admit() external {
        Admission memory a = admission(1);
        (a.keys.feedX, a.keys.feedY) = (FEED_X, FEED_Y);

        DeviceId id = admit(a, 1);

        DeviceRecord memory expected = DeviceRecord(1, 1, DeviceState.Active, owner, member, a.certificate, a.keys);
        isRecord(registry.deviceOf(id), expected, "record");
        eq(DeviceId.unwrap(id), DeviceId.unwrap(registry.idOf(a.did)), "id");
        (uint96 deposit, uint64 releaseAt) = registry.stakeOf(id);
        eq(deposit, DEPOSIT, "deposit");
        eq(releaseAt, 0, "not leaving");
    }

    function test_L70_each_of_the_three_signatures_is_needed() external {
        Admission memory a = admission(1);
        bytes32 digest = registry.admissionDigest(a);
        Approvals memory good = approve(digest, 1);

        Approvals memory bad = approve(digest, 1);
        bad.owner = good.consortiumOwner;
        _admissionFails(a, bad, abi.encodeWithSelector(IDeviceRegistry.SignatureNotOf.selector, owner));
        bad = approve(digest, 1);
        bad.consortiumOwner = good.owner;
        _admissionFails(a, bad, abi.encodeWithSelector(IDeviceRegistry.SignatureNotOf.selector, member));
        bad.consortiumOwner = "";
        _admissionFails(a, bad, abi.encodeWithSelector(IDeviceRegistry.SignatureNotOf.selector, member));
        bad = approve(digest, 2);
        _admissionFails(a, bad, abi.encodeWithSelector(IDeviceRegistry.HardwareSignatureWrong.selector, digest));
        (bad.r, bad.s) = (0, 0);
        _admissionFails(a, bad, abi.encodeWithSelector(IDeviceRegistry.HardwareSignatureWrong.selector, digest));
    }

    function testFuzz_L70_signatures_of_anything_else_admit_nothing(uint8 field) external {
        Admission memory a = admission(1);
        Approvals memory approvals = approve(registry.admissionDigest(a), 1);
        field = uint8(within(field, 0, 5));
        if (field == 0) a.did = "did:odin:1.4711.2";
        if (field == 1) a.owner = address(this);
        if (field == 2) a.consortiumOwner = address(this);
        if (field == 3) a.certificate = keccak256("another");
        if (field == 4) a.keys.feedX = 1;
        if (field == 5) a.expires += 1;

        vm.expectRevert();
        registry.admit{value: DEPOSIT}(a, approvals);
    }

    function test_L70_a_contract_owner_signs_by_its_own_rule() external {
        Admission memory a = admission(1);
        a.owner = address(new ContractWallet(owner));

        DeviceId id = admit(a, 1);

        eq(registry.deviceOf(id).owner, a.owner, "owner");
    }

    function test_L70_a_small_deposit_or_a_late_admission_is_refused() external {
        Admission memory a = admission(1);
        Approvals memory approvals = approve(registry.admissionDigest(a), 1);

        vm.expectRevert(abi.encodeWithSelector(IDeviceRegistry.DepositRefused.selector, DEPOSIT - 1, DEPOSIT));
        registry.admit{value: DEPOSIT - 1}(a, approvals);
        vm.warp(a.expires + 1);
        vm.expectRevert(abi.encodeWithSelector(IDeviceRegistry.ApprovalExpired.selector, a.expires + 1, a.expires));
        registry.admit{value: DEPOSIT}(a, approvals);
    }

    function test_L70_dids_have_one_spelling() external {
        string[8] memory wrong = [
            "",
            "did:odin:",
            "did:web:1.4711",
            "did:odin:A",
            "did:odin:1 4",
            "did:odin:1/4",
            "DID:odin:1",
            "did:odin:1\x00"
        ];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IDeviceRegistry.DidRefused.selector, wrong[i]));
            registry.idOf(wrong[i]);
        }
        bytes memory long = new bytes(129);
        for (uint256 i = 0; i < long.length; ++i) {
            long[i] = i < 9 ? bytes("did:odin:")[i] : bytes1("0");
        }
        vm.expectPartialRevert(IDeviceRegistry.DidRefused.selector);
        registry.idOf(string(long));
        registry.idOf("did:odin:1.4711-b:z9");
    }

    // ---- L71: once

    function test_L71_did_certificate_and_keys_are_used_once() external {
        Admission memory first = admission(1);
        (first.keys.feedX, first.keys.feedY) = (FEED_X, FEED_Y);
        DeviceId id = admit(first, 1);

        _admissionFails(first, 1, abi.encodeWithSelector(IDeviceRegistry.DeviceKnown.selector, id, DeviceState.Active));
        Admission memory a = admission(2);
        a.certificate = first.certificate;
        _admissionFails(a, 2, abi.encodeWithSelector(IDeviceRegistry.AlreadyUsed.selector, 0));
        a = admission(2);
        a.keys = keysOf(1);
        _admissionFails(a, 1, abi.encodeWithSelector(IDeviceRegistry.AlreadyUsed.selector, 1));
        a = admission(2);
        (a.keys.feedX, a.keys.feedY) = (FEED_X, FEED_Y);
        _admissionFails(a, 2, abi.encodeWithSelector(IDeviceRegistry.AlreadyUsed.selector, 2));
    }

    function test_L71_a_device_that_left_does_not_come_back() external {
        DeviceId id = admit(1);
        vm.prank(owner);
        registry.exit(id);
        vm.warp(START + EXIT_DELAY);
        registry.release(id);

        Admission memory a = admission(1);
        a.expires = uint64(block.timestamp);
        _admissionFails(a, 1, abi.encodeWithSelector(IDeviceRegistry.DeviceKnown.selector, id, DeviceState.Gone));
    }

    function test_L71_points_off_their_curves_are_refused() external {
        Admission memory a = admission(1);
        a.keys.feedX = FEED_X;
        a.keys.feedY = FEED_Y + 1;
        _admissionFails(a, 1, abi.encodeWithSelector(IDeviceRegistry.FeedKeyRefused.selector, FEED_X, FEED_Y + 1));
        (a.keys.feedX, a.keys.feedY) = (0, 1);
        _admissionFails(a, 1, abi.encodeWithSelector(IDeviceRegistry.FeedKeyRefused.selector, 0, 1));
        uint256 r = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
        (a.keys.feedX, a.keys.feedY) = (FEED_X + r, FEED_Y);
        _admissionFails(a, 1, abi.encodeWithSelector(IDeviceRegistry.FeedKeyRefused.selector, FEED_X + r, FEED_Y));
        a = admission(1);
        (a.keys.hardwareX, a.keys.hardwareY) = (bytes32(uint256(1)), bytes32(uint256(1)));
        vm.expectPartialRevert(IDeviceRegistry.HardwareSignatureWrong.selector);
        this.admitExternally(a, 1);
    }

    // ---- L72: speakers

    function test_L72_a_weak_device_speaks_by_an_active_ones_key() external {
        DeviceId node = admit(1);
        Admission memory weak = admission(2);
        weak.keys = keysOf(1);
        weak.keys.speaker = node;

        DeviceId id = admit(weak, 1);

        eq(DeviceId.unwrap(registry.deviceOf(id).keys.speaker), DeviceId.unwrap(node), "speaker");
    }

    function test_L72_nobody_is_a_speaker_without_his_signature() external {
        DeviceId node = admit(1);
        Admission memory weak = admission(2);
        weak.keys = keysOf(1);
        weak.keys.speaker = node;

        bytes32 digest = registry.admissionDigest(weak);
        _admissionFails(weak, 2, abi.encodeWithSelector(IDeviceRegistry.HardwareSignatureWrong.selector, digest));
    }

    function test_L72_a_speaker_is_active_and_speaks_for_himself() external {
        DeviceId node = admit(1);
        Admission memory weak = admission(2);
        weak.keys = keysOf(3);
        weak.keys.speaker = node;
        _admissionFails(weak, 3, abi.encodeWithSelector(IDeviceRegistry.SpeakerRefused.selector, node));

        weak.keys = keysOf(1);
        weak.keys.speaker = node;
        DeviceId id = admit(weak, 1);
        Admission memory weaker = admission(3);
        weaker.keys = keysOf(1);
        weaker.keys.speaker = id;
        _admissionFails(weaker, 1, abi.encodeWithSelector(IDeviceRegistry.SpeakerRefused.selector, id));

        vm.prank(owner);
        registry.revoke(node, "");
        weaker.keys.speaker = node;
        _admissionFails(weaker, 1, abi.encodeWithSelector(IDeviceRegistry.SpeakerRefused.selector, node));
    }

    // ---- L73: keys

    function test_L73_a_rekeyed_device_has_the_next_keys_and_the_old_ones_are_remembered() external {
        DeviceId id = admit(1);

        rekey(id, 2);

        DeviceRecord memory record = registry.deviceOf(id);
        eq(record.keyNumber, 2, "number");
        eq(record.version, 2, "version");
        eq(record.keys.hardwareX, keysOf(2).hardwareX, "new key");
        eq(registry.keysOf(id, 1).hardwareX, keysOf(1).hardwareX, "old key");
        eq(registry.keysOf(id, 3).hardwareX, 0, "no third key");
    }

    function test_L73_a_rekeying_counts_once_and_only_for_its_device() external {
        (DeviceId id, DeviceId other) = (admit(1), admit(2));
        Rekeying memory r = rekeying(id, 3);
        Approvals memory approvals = approve(registry.rekeyingDigest(r), 3);
        registry.rekey(r, approvals);

        vm.expectRevert(abi.encodeWithSelector(IDeviceRegistry.KeyNumberWrong.selector, 2, 3));
        registry.rekey(r, approvals);
        r.device = other;
        vm.expectPartialRevert(IDeviceRegistry.SignatureNotOf.selector);
        registry.rekey(r, approvals);
    }

    function test_L73_what_is_retired_is_not_rekeyed() external {
        DeviceId id = admit(1);
        Rekeying memory r = rekeying(id, 2);
        vm.prank(owner);
        registry.exit(id);

        bytes memory error = abi.encodeWithSelector(IDeviceRegistry.DeviceNotActive.selector, id, DeviceState.Leaving);
        Approvals memory approvals = approve(registry.rekeyingDigest(r), 2);
        vm.expectRevert(error);
        registry.rekey(r, approvals);
    }

    // ---- L75: leaving

    function test_L75_the_deposit_goes_back_to_the_owner_after_the_delay() external {
        DeviceId id = admit(1);
        vm.prank(owner);
        registry.exit(id);

        vm.warp(START + EXIT_DELAY - 1);
        vm.expectPartialRevert(IDeviceRegistry.ExitTooEarly.selector);
        registry.release(id);
        vm.warp(START + EXIT_DELAY);
        registry.release(id);
        registry.withdraw(owner);

        eq(owner.balance, DEPOSIT, "paid");
        eq(address(registry).balance, 0, "nothing stays");
        vm.expectRevert(abi.encodeWithSelector(IDeviceRegistry.NothingAtStake.selector, id, DeviceState.Gone));
        registry.release(id);
        vm.expectRevert(abi.encodeWithSelector(IDeviceRegistry.NothingCredited.selector, owner));
        registry.withdraw(owner);
    }

    function test_L75_only_the_owner_takes_his_device_out() external {
        DeviceId id = admit(1);

        vm.expectRevert(abi.encodeWithSelector(IDeviceRegistry.CallerNotOwner.selector, member, owner));
        vm.prank(member);
        registry.exit(id);
        vm.expectRevert(abi.encodeWithSelector(IDeviceRegistry.NothingAtStake.selector, id, DeviceState.Active));
        registry.release(id);
    }

    function test_L75_either_key_of_the_owner_revokes_and_nobody_else() external {
        (DeviceId one, DeviceId two, DeviceId three) = (admit(1), admit(2), admit(3));
        vm.prank(owner);
        registry.revoke(one, "");
        registry.revoke(two, signatureOf(MEMBER_KEY, registry.revocationDigest(two)));

        yes(registry.deviceOf(one).state == DeviceState.Revoked, "by the owner");
        yes(registry.deviceOf(two).state == DeviceState.Revoked, "by the consortium key");
        bytes memory ofAnother = signatureOf(MEMBER_KEY, registry.revocationDigest(two));
        vm.expectRevert(abi.encodeWithSelector(IDeviceRegistry.SignatureNotOf.selector, member));
        registry.revoke(three, ofAnother);
        vm.expectRevert(abi.encodeWithSelector(IDeviceRegistry.DeviceNotActive.selector, two, DeviceState.Revoked));
        registry.revoke(two, ofAnother);
    }

    function test_L75_an_owner_who_takes_no_money_holds_up_nobody() external {
        Admission memory a = admission(1);
        DeviceId id = admit(a, 1);
        DeviceId other = admit(2);
        vm.prank(owner);
        registry.exit(id);
        vm.prank(owner);
        registry.exit(other);
        vm.warp(START + EXIT_DELAY);
        registry.release(id);
        vm.etch(owner, address(new RefusingPayee()).code);

        vm.expectRevert(abi.encodeWithSelector(IDeviceRegistry.WithdrawalRefused.selector, owner, DEPOSIT));
        registry.withdraw(owner);
        registry.release(other);

        eq(registry.credited(owner), 2 * DEPOSIT, "waits");
    }

    // ---- L76, L77: events and mirror

    function test_V5_events_of_the_registry_have_no_gaps() external {
        vm.recordLogs();
        DeviceId id = admit(1);
        rekey(id, 2);
        post.setRefusing(true);
        vm.prank(owner);
        registry.exit(id);
        vm.warp(START + EXIT_DELAY);
        registry.release(id);
        registry.withdraw(owner);

        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 next = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == address(registry)) eq(uint256(logs[i].topics[1]), next++, "number");
        }
        eq(next, registry.events(), "counted");
        eq(next, 10, "all of them");
    }

    function test_L77_the_mirror_follows() external {
        DeviceId id = admit(1);
        yes(!mirror.isActive(id), "not told yet");
        deliverFrom(0);
        yes(mirror.isActive(id), "told");
        isRecord(mirror.deviceOf(id), registry.deviceOf(id), "record");

        vm.prank(owner);
        registry.revoke(id, "");
        deliverFrom(1);

        yes(!mirror.isActive(id), "revoked");
    }

    function testFuzz_L77_old_news_changes_nothing(uint256 order) external {
        DeviceId id = admit(1);
        rekey(id, 2);
        rekey(id, 3);
        vm.prank(owner);
        registry.exit(id);
        uint64 known = 0;
        for (uint256 i = 0; i < 12; ++i) {
            uint256 letter = order % 4;
            order /= 4;

            post.deliver(letter);

            if (letter + 1 > known) known = uint64(letter + 1);
            eq(mirror.deviceOf(id).version, known, "the newest of what was told");
        }
    }

    function test_L77_a_gateway_that_refuses_holds_up_nothing() external {
        post.setRefusing(true);
        DeviceId id = admit(1);
        eq(post.count(), 0, "not taken");
        post.setRefusing(false);

        registry.mirrorAgain(id);
        deliverFrom(0);

        isRecord(mirror.deviceOf(id), registry.deviceOf(id), "record");
        DeviceId unknown = registry.idOf("did:odin:none");
        vm.expectRevert(abi.encodeWithSelector(IDeviceRegistry.DeviceNotActive.selector, unknown, DeviceState.None));
        registry.mirrorAgain(unknown);
    }

    function test_L77_only_the_registrys_word_through_the_gateway_is_heard() external {
        DeviceId id = admit(1);
        bytes memory payload = post.payload(0);
        bytes memory from = post.nameOf(PUBLIC, address(registry));

        vm.expectRevert(abi.encodeWithSelector(IDeviceMirror.CallerNotGateway.selector, address(this), address(post)));
        mirror.receiveMessage(0, from, payload);
        bytes memory liar = post.nameOf(PUBLIC, address(this));
        vm.expectRevert(abi.encodeWithSelector(IDeviceMirror.SenderNotRegistry.selector, liar));
        post.deliverTo(address(mirror), liar, payload);
        liar = post.nameOf(PUBLIC + 1, address(registry));
        vm.expectRevert(abi.encodeWithSelector(IDeviceMirror.SenderNotRegistry.selector, liar));
        post.deliverTo(address(mirror), liar, payload);
        DeviceRecord memory none;
        vm.expectRevert(abi.encodeWithSelector(IDeviceMirror.RecordRefused.selector, id, 0));
        post.deliverTo(address(mirror), from, abi.encode(id, none));
        vm.expectRevert();
        post.deliverTo(address(mirror), from, hex"00");
    }

    function test_V6_a_registry_or_mirror_with_zeros_is_refused() external {
        for (uint256 field = 0; field < 7; ++field) {
            RegistryConfig memory c = registryConfig(address(mirror));
            if (field == 0) c.gateway = address(0);
            if (field == 1) c.consortiumChainId = 0;
            if (field == 2) c.mirror = address(0);
            if (field == 3) c.treasury = address(0);
            if (field == 4) c.minimumDeposit = 0;
            if (field == 5) c.exitDelay = 0;
            if (field == 6) c.reporterShare = 0;
            vm.expectRevert(abi.encodeWithSelector(IDeviceRegistry.RegistryConfigRefused.selector, field));
            this.deployExternally("DeviceRegistry", abi.encode(c));
        }
        RegistryConfig memory d = registryConfig(address(mirror));
        d.reporterShare = 5_001;
        vm.expectRevert(abi.encodeWithSelector(IDeviceRegistry.RegistryConfigRefused.selector, 6));
        this.deployExternally("DeviceRegistry", abi.encode(d));
        bytes4 refused = IDeviceMirror.MirrorConfigRefused.selector;
        vm.expectRevert(abi.encodeWithSelector(refused, 0));
        this.deployExternally("DeviceMirror", abi.encode(address(0), uint256(PUBLIC), address(registry)));
        vm.expectRevert(abi.encodeWithSelector(refused, 1));
        this.deployExternally("DeviceMirror", abi.encode(address(post), uint256(0), address(registry)));
        vm.expectRevert(abi.encodeWithSelector(refused, 2));
        this.deployExternally("DeviceMirror", abi.encode(address(post), uint256(PUBLIC), address(0)));
    }

    function test_V6_zero_owners_and_certificates_are_refused() external {
        Admission memory a = admission(1);
        a.owner = address(0);
        _admissionFails(a, 1, abi.encodeWithSelector(IDeviceRegistry.AdmissionRefused.selector, 0));
        a = admission(1);
        a.consortiumOwner = address(0);
        _admissionFails(a, 1, abi.encodeWithSelector(IDeviceRegistry.AdmissionRefused.selector, 1));
        a = admission(1);
        a.certificate = 0;
        _admissionFails(a, 1, abi.encodeWithSelector(IDeviceRegistry.AdmissionRefused.selector, 2));
    }

    /// The vectors of docs/devices.md.
    function test_the_digest_of_a_reading_is_that_of_the_book() external pure {
        DeviceId device = DeviceId.wrap(bytes32(uint256(0x11) * (type(uint256).max / 255)));
        FeedId feed = FeedId.wrap(bytes32(uint256(0x22) * (type(uint256).max / 255)));
        bytes32 first = ReadingLib.digest(Reading(1, 1, 1_800_000_000_123, -425, device, feed, 0));
        eq(first, 0xc7a6a678fbe023870babf6e133419264473b6ed09c49fc3743a393ab57348ccd, "first");
        Reading memory r = Reading(1, 2, 1_800_000_060_123, type(int64).max, device, feed, first);
        eq(ReadingLib.digest(r), 0x23f797a7e7b1e9e40f082c20769cd8c1e32c0dc8011f3038191305d130bfcb29, "second");
    }

    // ---- helpers

    function _admissionFails(Admission memory a, uint256 hardware, bytes memory error) private {
        _admissionFails(a, approve(registry.admissionDigest(a), hardware), error);
    }

    function _admissionFails(Admission memory a, Approvals memory approvals, bytes memory error) private {
        vm.expectRevert(error);
        registry.admit{value: DEPOSIT}(a, approvals);
    }

    function admitExternally(Admission calldata a, uint256 hardware) external {
        admit(a, hardware);
    }

    function deployExternally(string calldata name, bytes calldata arguments) external {
        deploy(name, arguments);
    }
}
