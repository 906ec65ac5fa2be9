// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {FeedId} from "../src/DeviceTypes.sol";
import {FeedConfig, ReportSignatures} from "../src/FeedTypes.sol";
import {DeviceSession, IDeviceSessions} from "../src/IDeviceSessions.sol";
import {IFeedAggregator} from "../src/IFeedAggregator.sol";
import {FeedWorld} from "./support/FeedWorld.sol";

/// What a quorum of a feed's operators puts on record about a device: L160 to L162.
contract DeviceSessionsTest is FeedWorld {
    bytes32 private constant DEVICE = keccak256("device 4711");
    IDeviceSessions private _sessions;

    function setUp() public override {
        super.setUp();
        _sessions = IDeviceSessions(deploy("DeviceSessions", abi.encode(feed)));
    }

    function _session() private pure returns (DeviceSession memory) {
        return DeviceSession({device: DEVICE, keyNumber: 1, first: 7, last: 38, digest: 425});
    }

    function _digest(IDeviceSessions at, DeviceSession memory s) private view returns (bytes32) {
        (, bytes32 config_) = at.aggregator().configuration();
        return at.sessionDigestOf(config_, s);
    }

    function _signed(DeviceSession memory s, uint32 signers) private view returns (ReportSignatures memory) {
        return signDigest(_digest(_sessions, s), signers);
    }

    function _fails(DeviceSession memory s, ReportSignatures memory signatures, bytes memory error) private {
        vm.expectRevert(error);
        _sessions.record(config(4), s, signatures);
    }

    // ---- L160: quorum

    function test_L160_a_quorum_puts_a_session_on_record_and_anyone_brings_it() external {
        DeviceSession memory s = _session();
        ReportSignatures memory signatures = _signed(s, bits(3));
        uint256 number = _sessions.numberOf(DEVICE);
        yes(!_sessions.isDigestAnchored(number, 425), "before");

        vm.prank(PAYER);
        uint256 got = _sessions.record(config(4), s, signatures);

        eq(got, number, "the device's number");
        yes(_sessions.isDigestAnchored(number, 425), "after");
        eq(_sessions.recordedAt(number, 425), START, "when");
        eq(uint256(_sessions.events()), 1, "events");
        yes(!_sessions.isDigestAnchored(number, 426), "another digest");
        yes(!_sessions.isDigestAnchored(_sessions.numberOf(keccak256("another")), 425), "another device");
    }

    function testFuzz_L160_fewer_than_two_thirds_put_nothing_on_record(uint8 size, uint8 missing) external {
        uint256 n = 3 * within(size, 1, 10) + 1;
        uint256 got = within(missing, 0, quorum(n) - 1);
        IFeedAggregator f = newFeed(config(n));
        IDeviceSessions sessions = IDeviceSessions(deploy("DeviceSessions", abi.encode(f)));
        DeviceSession memory s = _session();
        ReportSignatures memory few = signDigest(_digest(sessions, s), bits(got));
        ReportSignatures memory enough = signDigest(_digest(sessions, s), bits(quorum(n)));

        vm.expectRevert(abi.encodeWithSelector(IDeviceSessions.QuorumMissing.selector, got, quorum(n)));
        sessions.record(config(n), s, few);
        sessions.record(config(n), s, enough);
    }

    function test_L160_an_operator_twice_is_one() external {
        DeviceSession memory s = _session();
        bytes memory one = signature(keys[0], _digest(_sessions, s));
        bytes memory thrice = bytes.concat(one, one, one);
        address second = vm.addr(keys[1]);

        _fails(s, ReportSignatures(1, thrice), abi.encodeWithSelector(IDeviceSessions.SignersWrong.selector, 1, 192));
        bytes memory error = abi.encodeWithSelector(IDeviceSessions.SignatureNotOf.selector, 1, second);
        _fails(s, ReportSignatures(7, thrice), error);
    }

    function test_L160_strangers_and_nonsense_sign_nothing() external {
        DeviceSession memory s = _session();
        bytes4 wrong = IDeviceSessions.SignersWrong.selector;
        bytes4 notOf = IDeviceSessions.SignatureNotOf.selector;

        ReportSignatures memory signatures = _signed(s, bits(3));
        signatures.signers = 1 << 4 | 7;
        _fails(s, signatures, abi.encodeWithSelector(wrong, signatures.signers, 192));
        signatures = _signed(s, bits(3));
        signatures.signatures = bytes.concat(signatures.signatures, bytes1(0));
        _fails(s, signatures, abi.encodeWithSelector(wrong, 7, 193));
        signatures.signatures = new bytes(192);
        _fails(s, signatures, abi.encodeWithSelector(notOf, 0, vm.addr(keys[0])));
    }

    function test_L160_the_other_form_of_a_signature_is_none() external {
        DeviceSession memory s = _session();
        bytes32 digest = _digest(_sessions, s);
        (uint8 v, bytes32 x, bytes32 low) = vm.sign(keys[0], digest);
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        uint256 high = (order - uint256(low)) | (uint256(28 - v) << 255);
        bytes memory rest = bytes.concat(signature(keys[1], digest), signature(keys[2], digest));

        ReportSignatures memory signatures = ReportSignatures(7, bytes.concat(x, bytes32(high), rest));
        _fails(s, signatures, abi.encodeWithSelector(IDeviceSessions.SignatureNotOf.selector, 0, vm.addr(keys[0])));
    }

    // ---- L161: what was signed, by whom

    function testFuzz_L161_a_changed_session_is_not_the_signed_one(uint8 field) external {
        DeviceSession memory s = _session();
        ReportSignatures memory signatures = _signed(s, bits(3));
        field = uint8(within(field, 0, 4));
        if (field == 0) s.device = keccak256("another");
        if (field == 1) s.keyNumber = 2;
        if (field == 2) s.first += 1;
        if (field == 3) s.last -= 1;
        if (field == 4) s.digest += 1;

        vm.expectPartialRevert(IDeviceSessions.SignatureNotOf.selector);
        _sessions.record(config(4), s, signatures);
    }

    function test_L161_operators_of_before_count_no_more() external {
        DeviceSession memory s = _session();
        ReportSignatures memory signatures = _signed(s, bits(3));
        FeedConfig memory next = config(7);
        feed.setConfig(next);

        vm.expectPartialRevert(IDeviceSessions.ConfigWrong.selector);
        _sessions.record(config(4), s, signatures);
        vm.expectPartialRevert(IDeviceSessions.QuorumMissing.selector);
        _sessions.record(next, s, signatures);
    }

    /// The same words as in contracts/bindings/oracle.rs.
    function test_L161_the_vector() external view {
        uint256 number = _sessions.numberOf(DEVICE);
        bytes32 digest = _sessions.sessionDigestOf(bytes32(uint256(0xc0) * (type(uint256).max / 255)), _session());
        eq(bytes32(number), bytes32(0x0d6d9c3e8ee06bfcddec3826cbf2521784725665249c5f1dfd995a0f758f39d8), "number");
        eq(digest, bytes32(0x9693e189f9f390ba285d76701a44752c1378751c69369a1a6876710433df8849), "digest");
    }

    function test_L161_a_number_is_an_element_of_the_field_and_of_one_feed() external {
        uint256 expected =
            uint256(keccak256(abi.encode(keccak256("causeway.device.number.v1"), DEVICE, FeedId.unwrap(FEED)))) >> 3;

        eq(_sessions.numberOf(DEVICE), expected, "number");
        yes(expected < 21888242871839275222246405745257275088548364400416034343698204186575808495617, "below r");
    }

    // ---- L162: once, and nothing else

    function test_L162_a_session_is_on_record_once() external {
        DeviceSession memory s = _session();
        _sessions.record(config(4), s, _signed(s, bits(3)));

        uint256 number = _sessions.numberOf(DEVICE);
        ReportSignatures memory others = _signed(s, 14);
        _fails(s, others, abi.encodeWithSelector(IDeviceSessions.SessionKnown.selector, number, 425));
        eq(uint256(_sessions.events()), 1, "events");
    }

    function test_L162_what_says_nothing_is_refused() external {
        for (uint256 field = 0; field < 5; ++field) {
            DeviceSession memory s = _session();
            if (field == 0) s.device = 0;
            if (field == 1) s.keyNumber = 0;
            if (field == 2) s.first = 0;
            if (field == 3) s.last = s.first - 1;
            if (field == 4) s.digest = 0;
            _fails(s, _signed(s, bits(3)), abi.encodeWithSelector(IDeviceSessions.SessionRefused.selector, field));
        }
    }

    function test_L162_no_set_is_on_record() external view {
        yes(!_sessions.isRootRecent(keccak256("causeway/issuers/1"), 1), "a set");
    }

    function test_L162_an_aggregator_is_needed() external {
        vm.expectPartialRevert(IDeviceSessions.ConfigZero.selector);
        deploy("DeviceSessions", abi.encode(address(0)));
    }
}
