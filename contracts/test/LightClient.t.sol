// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ILightClient} from "../src/ILightClient.sol";
import {IValidatorSet, Validator} from "../src/IValidatorSet.sol";
import {Certificate, Checkpoint} from "../src/LightClientTypes.sol";
import {OtherChain} from "./support/OtherChain.sol";

/// What one client of a chain of seven validators believes: L16 to L21, V3, V6.
abstract contract LightClientTest is OtherChain {
    uint256 internal constant CHAIN = 7701;
    bytes32 internal domain = domainOf(CHAIN);
    ILightClient internal client;
    bytes internal votes = votesOf(1, 7);

    function setUp() public virtual {
        vm.warp(START);
        client = _deploy(votes);
    }

    function _deploy(bytes memory set) internal returns (ILightClient) {
        return _deployWith(set, GOVERNOR, DELAY);
    }

    function _deployFor(address governor, uint64 delay) internal returns (ILightClient) {
        return _deployWith(votesOf(1, 7), governor, delay);
    }

    function _deployWith(bytes memory set, address governor, uint64 delay) private returns (ILightClient) {
        bytes memory arguments =
            abi.encode(uint64(CHAIN), domain, EPOCH_LENGTH, VALIDATOR_SET, GRACE, uint64(0), set, governor, delay);
        return ILightClient(deploy("LightClient", arguments));
    }

    function _header(uint64 height, bytes32 root) internal pure returns (bytes memory) {
        return header(keccak256("parent"), height, uint64(START) + height, root);
    }

    function _update(bytes memory h, uint256 set, uint256 count, uint64 epoch, bytes memory set_) internal {
        client.update(list(h), certify(domain, set, count, epoch, keccak256(h)), set_);
    }

    function _checkpoint(uint64 height, bytes32 root) internal pure returns (Checkpoint memory) {
        return Checkpoint(height, uint64(START) + height, root);
    }

    /// Brings epoch `from + 1` with the set numbered `next`.
    function _handOver(uint64 from, uint256 signers, bytes memory set, bytes memory next) internal {
        uint64 height = (from + 1) * EPOCH_LENGTH - 1;
        (bytes32 root, bytes[] memory account, bytes[] memory slot) =
            stateWith(VALIDATOR_SET, client.VOTES_HASH_SLOT(), uint256(keccak256(next)));
        _update(_header(height, root), signers, 5, from, set);
        client.handover(_checkpoint(height, root), account, slot, next);
    }

    function _unknown(Checkpoint memory c) internal {
        vm.expectRevert(abi.encodeWithSelector(ILightClient.CheckpointUnknown.selector, c.height));
        client.check(c);
    }
}

contract LightClientUpdateTest is LightClientTest {
    function test_L16_a_certified_header_is_known_afterwards() external {
        bytes memory h = _header(3, keccak256("s"));
        _unknown(_checkpoint(3, keccak256("s")));

        _update(h, 1, 5, 0, votes);

        client.check(_checkpoint(3, keccak256("s")));
        eq(client.latestHeight(), 3, "height");
        eq(client.checkpointHash(3), keccak256(abi.encode(uint64(3), uint64(START) + 3, keccak256("s"))), "stored");
    }

    function test_L16_headers_lead_from_a_block_to_the_certified_one() external {
        bytes memory a = _header(3, keccak256("a"));
        bytes memory b = header(keccak256(a), 4, uint64(START) + 4, keccak256("b"));

        client.update(list(a, b), certify(domain, 1, 5, 0, keccak256(b)), votes);

        client.check(_checkpoint(3, keccak256("a")));
        _unknown(_checkpoint(4, keccak256("b")));
    }

    function test_L16_a_duplicate_update_is_success_and_writes_nothing() external {
        bytes memory h = _header(3, keccak256("s"));
        _update(h, 1, 5, 0, votes);

        _update(h, 1, 7, 0, votes);

        yes(!client.frozen(), "not frozen");
        client.check(_checkpoint(3, keccak256("s")));
    }

    function test_L16_an_older_block_is_recorded_and_the_newest_height_stays() external {
        _update(_header(5, keccak256("new")), 1, 5, 0, votes);

        _update(_header(2, keccak256("old")), 1, 5, 0, votes);

        client.check(_checkpoint(2, keccak256("old")));
        eq(client.latestHeight(), 5, "newest");
    }

    function test_L16_any_other_height_time_or_root_is_unknown() external {
        _update(_header(3, keccak256("s")), 1, 5, 0, votes);

        _unknown(Checkpoint(3, uint64(START) + 4, keccak256("s")));
        _unknown(Checkpoint(3, uint64(START) + 3, keccak256("t")));
        _unknown(Checkpoint(4, uint64(START) + 3, keccak256("s")));
        _unknown(Checkpoint(0, 0, 0));
    }

    // ---- certificates

    function _refused(Certificate memory c, bytes memory error) private {
        bytes memory h = _header(3, keccak256("s"));
        vm.expectRevert(error);
        client.update(list(h), c, votes);
    }

    function _good() private view returns (Certificate memory) {
        return certify(domain, 1, 5, 0, keccak256(_header(3, keccak256("s"))));
    }

    function test_V3_four_of_seven_are_not_a_quorum() external {
        Certificate memory c = certify(domain, 1, 4, 0, keccak256(_header(3, keccak256("s"))));
        _refused(c, abi.encodeWithSelector(ILightClient.CertificateQuorum.selector, 4, 5));
    }

    function test_V6_a_certificate_without_signers_is_refused() external {
        Certificate memory c = _good();
        (c.signers, c.signatures) = (0, "");
        _refused(c, abi.encodeWithSelector(ILightClient.CertificateQuorum.selector, 0, 5));
    }

    function test_L17_a_forged_signature_is_refused() external {
        Certificate memory c = _good();
        c.signatures[70] ^= 0x01;
        bytes memory h = _header(3, keccak256("s"));
        vm.expectPartialRevert(ILightClient.SignatureWrong.selector);
        client.update(list(h), c, votes);
    }

    function test_L17_signatures_in_another_order_are_refused() external {
        Certificate memory c = _good();
        bytes memory s = c.signatures;
        for (uint256 i = 0; i < 65; ++i) {
            (s[i], s[65 + i]) = (s[65 + i], s[i]);
        }
        bytes memory error =
            abi.encodeWithSelector(ILightClient.SignatureWrong.selector, 0, vm.addr(key(1, 1)), vm.addr(key(1, 0)));
        _refused(c, error);
    }

    function test_L17_a_signer_cannot_count_twice() external {
        // One signature in five places: each place is one member's.
        Certificate memory c = _good();
        bytes32 digest = keccak256(
            abi.encode(domain, uint256(2), uint64(0), uint64(5), uint64(4), keccak256(_header(3, keccak256("s"))))
        );
        bytes memory one = signature(key(1, 0), digest);
        c.signatures = bytes.concat(one, one, one, one, one);
        bytes memory error =
            abi.encodeWithSelector(ILightClient.SignatureWrong.selector, 1, vm.addr(key(1, 0)), vm.addr(key(1, 1)));
        _refused(c, error);
    }

    function test_L17_truncated_and_surplus_signatures_are_refused() external {
        Certificate memory c = _good();
        bytes memory whole = c.signatures;
        c.signatures = bytes.concat(whole, new bytes(65));
        _refused(c, abi.encodeWithSelector(ILightClient.CertificateLength.selector, 390, 325));
        c.signatures = bytes.concat(whole, hex"00");
        _refused(c, abi.encodeWithSelector(ILightClient.CertificateLength.selector, 326, 325));
        c.signatures = new bytes(0);
        _refused(c, abi.encodeWithSelector(ILightClient.CertificateLength.selector, 0, 325));
        c.signatures = whole;
        c.signers |= 1 << 6;
        _refused(c, abi.encodeWithSelector(ILightClient.CertificateLength.selector, 325, 390));
    }

    function test_L17_a_signer_beyond_the_set_is_refused() external {
        Certificate memory c = _good();
        c.signers |= 1 << 7;
        _refused(c, abi.encodeWithSelector(ILightClient.CertificateSignersUnknown.selector, c.signers, 7));
        c.signers = type(uint256).max;
        _refused(c, abi.encodeWithSelector(ILightClient.CertificateSignersUnknown.selector, c.signers, 7));
    }

    function test_L17_high_s_is_refused() external {
        bytes memory h = _header(3, keccak256("s"));
        bytes32 digest = keccak256(abi.encode(domain, uint256(2), uint64(0), uint64(5), uint64(4), keccak256(h)));
        Certificate memory c = _good();
        c.signatures = high(signature(key(1, 0), digest));
        for (uint256 i = 1; i < 5; ++i) {
            c.signatures = bytes.concat(c.signatures, signature(key(1, i), digest));
        }

        _refused(c, abi.encodeWithSelector(ILightClient.SignatureMalformed.selector, 0));
    }

    function testFuzz_L17_v_is_27_or_28(uint8 v) external {
        vm.assume(v != 27 && v != 28);
        Certificate memory c = _good();
        c.signatures[64] = bytes1(v);
        _refused(c, abi.encodeWithSelector(ILightClient.SignatureMalformed.selector, 0));
    }

    function test_L17_votes_of_another_kind_domain_view_or_block_are_refused() external {
        bytes memory h = _header(3, keccak256("s"));
        Certificate memory c = certify(domainOf(CHAIN + 1), 1, 5, 0, keccak256(h));
        vm.expectPartialRevert(ILightClient.SignatureWrong.selector);
        client.update(list(h), c, votes);
        c = certify(domain, 1, 5, 0, keccak256("another block"));
        vm.expectPartialRevert(ILightClient.SignatureWrong.selector);
        client.update(list(h), c, votes);
        c = _good();
        c.viewNumber = 6;
        vm.expectPartialRevert(ILightClient.SignatureWrong.selector);
        client.update(list(h), c, votes);
        bytes32 digest = keccak256(abi.encode(domain, uint256(0), uint64(0), uint64(5), uint64(4), keccak256(h)));
        c = _good();
        c.signatures = "";
        for (uint256 i = 0; i < 5; ++i) {
            c.signatures = bytes.concat(c.signatures, signature(key(1, i), digest));
        }
        vm.expectPartialRevert(ILightClient.SignatureWrong.selector);
        client.update(list(h), c, votes); // a notarization is no finalization
    }

    function test_L17_votes_that_are_not_the_set_are_refused() external {
        bytes memory h = _header(3, keccak256("s"));
        Certificate memory c = certify(domain, 2, 5, 0, keccak256(h));
        bytes memory mine = votesOf(2, 7);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.SetWrong.selector, 0, keccak256(mine), keccak256(votes)));
        client.update(list(h), c, mine);
        // Four of the true set would make three of them a quorum.
        bytes memory fewer = votesOf(1, 4);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.SetWrong.selector, 0, keccak256(fewer), keccak256(votes)));
        client.update(list(h), c, fewer);
    }

    function testFuzz_L17_no_changed_byte_of_a_certificate_passes(uint256 place, uint8 flip) external {
        vm.assume(flip != 0);
        bytes memory h = _header(3, keccak256("s"));
        Certificate memory c = certify(domain, 1, 5, 0, keccak256(h));
        c.signatures[place % 325] ^= bytes1(flip);
        vm.expectRevert();
        client.update(list(h), c, votes);
    }

    // ---- headers

    function test_L16_headers_re_ordered_missing_or_foreign_are_refused() external {
        bytes memory a = _header(3, keccak256("a"));
        bytes memory b = header(keccak256(a), 4, uint64(START) + 4, keccak256("b"));
        bytes memory c = header(keccak256(b), 5, uint64(START) + 5, keccak256("c"));
        Certificate memory forC = certify(domain, 1, 5, 0, keccak256(c));

        vm.expectRevert(abi.encodeWithSelector(ILightClient.HeaderNotLinked.selector, 1, keccak256(b), keccak256(a)));
        client.update(list(a, c), forC, votes);
        vm.expectPartialRevert(ILightClient.SignatureWrong.selector);
        client.update(list(a, b), forC, votes);
        vm.expectPartialRevert(ILightClient.HeaderNotLinked.selector);
        client.update(list(c, b), forC, votes);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.HeadersCount.selector, 0, 64));
        client.update(new bytes[](0), forC, votes);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.HeadersCount.selector, 65, 64));
        client.update(new bytes[](65), forC, votes);
    }

    function test_L16_a_certificate_of_another_epoch_than_its_block_is_refused() external {
        bytes memory h = _header(10, keccak256("s"));
        Certificate memory c = certify(domain, 1, 5, 0, keccak256(h));
        vm.expectRevert(abi.encodeWithSelector(ILightClient.CertificateWrongEpoch.selector, 0, 1));
        client.update(list(h), c, votes);
    }

    function test_L16_truncated_and_surplus_headers_are_refused() external {
        bytes memory h = _header(3, keccak256("s"));
        bytes memory longer = bytes.concat(h, hex"00");
        bytes memory shorter = new bytes(h.length - 1);
        for (uint256 i = 0; i < shorter.length; ++i) {
            shorter[i] = h[i];
        }
        bytes[3] memory bad = [longer, shorter, bytes("")];
        for (uint256 i = 0; i < 3; ++i) {
            Certificate memory c = certify(domain, 1, 7, 0, keccak256(bad[i]));
            vm.expectRevert(abi.encodeWithSelector(ILightClient.HeaderMalformed.selector, 0));
            client.update(list(bad[i]), c, votes);
        }
    }

    /// Even certified, bytes that are no header prove nothing.
    function testFuzz_malformed_header_rlp_is_refused(bytes calldata noise) external {
        Certificate memory c = certify(domain, 1, 5, 0, keccak256(noise));
        vm.expectRevert();
        client.update(list(noise), c, votes);
    }

    function testFuzz_a_header_with_one_changed_byte_is_refused(uint256 place, uint8 flip) external {
        vm.assume(flip != 0);
        bytes memory h = _header(3, keccak256("s"));
        Certificate memory c = certify(domain, 1, 5, 0, keccak256(h));
        h[place % h.length] ^= bytes1(flip);
        vm.expectRevert();
        client.update(list(h), c, votes);
    }

    /// Made by libraries that are not ours: headers by ethereumjs, votes by noble.
    function test_real_headers_and_certificate_of_an_independent_library_are_accepted() external {
        string memory json = vm.readFile("test/fixtures/final.json");
        bytes memory set = vm.parseJsonBytes(json, ".certificate.votes");
        bytes32 theirs = vm.parseJsonBytes32(json, ".certificate.domain");
        eq(theirs, domain, "domain");
        ILightClient c = ILightClient(
            deploy(
                "LightClient",
                abi.encode(uint64(CHAIN), theirs, EPOCH_LENGTH, VALIDATOR_SET, GRACE, uint64(4), set, GOVERNOR, DELAY)
            )
        );
        Certificate memory certificate = Certificate(
            4,
            17,
            16,
            uint256(vm.parseJsonBytes32(json, ".certificate.signers")),
            vm.parseJsonBytes(json, ".certificate.signatures")
        );

        c.update(vm.parseJsonBytesArray(json, ".headers"), certificate, set);

        c.check(Checkpoint(41, 1_800_000_000, vm.parseJsonBytes32(json, ".first.stateRoot")));
    }
}

contract LightClientSetTest is LightClientTest {
    // ---- configuration: V6

    function _configRefused(uint64 chain, bytes32 d, uint64 length, address at, uint64 grace, bytes memory error)
        private
    {
        bytes memory arguments = abi.encode(chain, d, length, at, grace, uint64(0), votes, GOVERNOR, DELAY);
        bytes memory code = bytes.concat(vm.getCode("artifacts/LightClient.json"), arguments);
        vm.expectRevert(error);
        this.create(code);
    }

    function create(bytes memory code) external {
        assembly {
            if iszero(create(0, add(code, 32), mload(code))) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    function _setRefused(bytes memory set, bytes memory error) private {
        bytes memory arguments =
            abi.encode(uint64(CHAIN), domain, EPOCH_LENGTH, VALIDATOR_SET, GRACE, uint64(0), set, GOVERNOR, DELAY);
        bytes memory code = bytes.concat(vm.getCode("artifacts/LightClient.json"), arguments);
        vm.expectRevert(error);
        this.create(code);
    }

    function test_V6_a_client_of_nothing_is_refused() external {
        bytes4 zero = ILightClient.ConfigZero.selector;
        _configRefused(0, domain, 10, VALIDATOR_SET, 1, abi.encodeWithSelector(zero, 0));
        _configRefused(1, 0, 10, VALIDATOR_SET, 1, abi.encodeWithSelector(zero, 1));
        _configRefused(1, domain, 0, VALIDATOR_SET, 1, abi.encodeWithSelector(zero, 2));
        _configRefused(1, domain, 10, address(0), 1, abi.encodeWithSelector(zero, 3));
        bytes4 grace = ILightClient.GraceRefused.selector;
        _configRefused(1, domain, 10, VALIDATOR_SET, 0, abi.encodeWithSelector(grace, 0, 7 days));
        _configRefused(1, domain, 10, VALIDATOR_SET, 7 days + 1, abi.encodeWithSelector(grace, 7 days + 1, 7 days));
    }

    function test_V6_sets_whose_quorum_tolerates_nothing_are_refused() external {
        bytes4 size = ILightClient.SetSizeRefused.selector;
        // Quorum 0 of 0, 1 of 1, 2 of 2, 3 of 3.
        for (uint256 n = 0; n < 4; ++n) {
            _setRefused(votesOf(1, n), abi.encodeWithSelector(size, 20 * n, 4, 101));
        }
        _setRefused(bytes.concat(votes, hex"00"), abi.encodeWithSelector(size, 141, 4, 101));
        _setRefused(new bytes(102 * 20), abi.encodeWithSelector(size, 2040, 4, 101));
    }

    function test_V6_a_set_with_a_zero_or_repeated_member_is_refused() external {
        bytes memory one = abi.encodePacked(vm.addr(key(1, 0)));
        bytes memory twice = bytes.concat(votesOf(1, 4), one);
        _setRefused(twice, abi.encodeWithSelector(ILightClient.SetMemberTwice.selector, 0, 4));
        bytes memory zero = bytes.concat(votesOf(1, 4), new bytes(20));
        _setRefused(zero, abi.encodeWithSelector(ILightClient.SetMemberZero.selector, 4));
    }

    // ---- handover

    function test_L18_the_set_in_the_state_of_the_last_block_validates_the_next_epoch() external {
        bytes memory next = votesOf(2, 4);

        _handOver(0, 1, votes, next);

        eq(client.epoch(), 1, "epoch");
        eq(client.votesHash(1), keccak256(next), "new");
        eq(client.votesHash(0), keccak256(votes), "old");
        bytes memory h = _header(11, keccak256("s"));
        client.update(list(h), certify(domain, 2, 3, 1, keccak256(h)), next);
        client.check(_checkpoint(11, keccak256("s")));
    }

    function test_L18_an_unchanged_set_is_handed_on() external {
        _handOver(0, 1, votes, votes);
        _handOver(1, 1, votes, votes);

        eq(client.epoch(), 2, "epoch");
        eq(client.votesHash(2), keccak256(votes), "set");
    }

    function test_L18_certificates_of_a_future_set_are_refused() external {
        bytes memory h = _header(11, keccak256("s"));
        Certificate memory c = certify(domain, 1, 5, 1, keccak256(h));
        vm.expectRevert(abi.encodeWithSelector(ILightClient.SetUnknown.selector, 1, 0));
        client.update(list(h), c, votes);
    }

    function test_L19_the_set_before_is_believed_for_the_grace_time_only() external {
        _handOver(0, 1, votes, votesOf(2, 4));
        vm.warp(START + GRACE);
        _update(_header(5, keccak256("in time")), 1, 5, 0, votes);

        vm.warp(START + GRACE + 1);
        bytes memory h = _header(6, keccak256("late"));
        Certificate memory c = certify(domain, 1, 5, 0, keccak256(h));
        vm.expectRevert(abi.encodeWithSelector(ILightClient.SetExpired.selector, 0, 1));
        client.update(list(h), c, votes);
        client.check(_checkpoint(5, keccak256("in time")));
    }

    function test_L19_the_set_before_the_last_is_never_believed() external {
        _handOver(0, 1, votes, votesOf(2, 7));
        _handOver(1, 2, votesOf(2, 7), votesOf(3, 7));
        bytes memory h = _header(5, keccak256("s"));
        Certificate memory c = certify(domain, 1, 5, 0, keccak256(h));
        vm.expectRevert(abi.encodeWithSelector(ILightClient.SetExpired.selector, 0, 2));
        client.update(list(h), c, votes);
        eq(client.votesHash(0), 0, "forgotten");
        eq(client.votesHash(3), 0, "future");
    }

    function test_L18_a_handover_from_any_other_block_is_refused() external {
        bytes memory next = votesOf(2, 4);
        (bytes32 root, bytes[] memory account, bytes[] memory slot) =
            stateWith(VALIDATOR_SET, bytes32(uint256(2)), uint256(keccak256(next)));
        _update(_header(8, root), 1, 5, 0, votes);

        vm.expectRevert(abi.encodeWithSelector(ILightClient.HandoverWrongHeight.selector, 8, 9));
        client.handover(_checkpoint(8, root), account, slot, next);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.CheckpointUnknown.selector, 9));
        client.handover(_checkpoint(9, root), account, slot, next);
    }

    function test_V6_a_handover_to_nobody_or_to_a_bad_set_is_refused() external {
        (bytes32 root, bytes[] memory account, bytes[] memory slot) = stateWith(VALIDATOR_SET, bytes32(uint256(1)), 1); // another slot: ours is proved absent
        _update(_header(9, root), 1, 5, 0, votes);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.HandoverEmpty.selector));
        client.handover(_checkpoint(9, root), account, slot, "");

        bytes[2] memory bad = [votesOf(2, 3), bytes.concat(votesOf(2, 4), bytes20(vm.addr(key(2, 3))))];
        for (uint256 i = 0; i < 2; ++i) {
            client = _deploy(votes);
            (root, account, slot) = stateWith(VALIDATOR_SET, bytes32(uint256(2)), uint256(keccak256(bad[i])));
            _update(_header(9, root), 1, 5, 0, votes);
            vm.expectPartialRevert(i == 0 ? ILightClient.SetSizeRefused.selector : ILightClient.SetMemberTwice.selector);
            client.handover(_checkpoint(9, root), account, slot, bad[i]);
        }
    }

    function test_L18_votes_that_the_state_does_not_show_are_refused() external {
        bytes memory next = votesOf(2, 4);
        (bytes32 root, bytes[] memory account, bytes[] memory slot) =
            stateWith(VALIDATOR_SET, bytes32(uint256(2)), uint256(keccak256(next)));
        _update(_header(9, root), 1, 5, 0, votes);
        bytes memory mine = votesOf(3, 4);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.SetWrong.selector, 1, keccak256(mine), keccak256(next)));
        client.handover(_checkpoint(9, root), account, slot, mine);
    }

    /// The slot that a handover proves is where the real contract keeps it.
    function test_L18_the_proved_slot_is_that_of_the_validator_set() external {
        Validator[] memory first = new Validator[](4);
        bytes memory packed;
        for (uint256 i = 0; i < 4; ++i) {
            first[i] = Validator(vm.addr(key(9, i)), keccak256(abi.encode(i)), "127.0.0.1:1");
            packed = bytes.concat(packed, bytes20(first[i].vote));
        }
        IValidatorSet set = IValidatorSet(deploy("ValidatorSet", abi.encode(address(this), uint64(10), first)));

        eq(vm.load(address(set), client.VOTES_HASH_SLOT()), keccak256(packed), "constructed");
        eq(set.VOTES_HASH_SLOT(), client.VOTES_HASH_SLOT(), "one slot");
        (first[0], first[1]) = (first[1], first[0]);
        set.schedule(first);
        eq(vm.load(address(set), client.VOTES_HASH_SLOT()), set.votesHash(), "scheduled");
        yes(set.votesHash() != keccak256(packed), "order counts");
    }
}

/// f + 1 or more validators sign two blocks of one height.
contract EquivocatingValidators is LightClientTest {
    function test_L20_a_second_block_of_a_known_height_freezes() external {
        _update(_header(3, keccak256("a")), 1, 5, 0, votes);

        _update(_header(3, keccak256("b")), 1, 5, 0, votes);

        yes(client.frozen(), "frozen");
        bytes memory closed = abi.encodeWithSelector(ILightClient.ClientFrozen.selector);
        vm.expectRevert(closed);
        client.check(_checkpoint(3, keccak256("a")));
        vm.expectRevert(closed);
        client.checkNotFrozen();
        bytes memory h = _header(4, keccak256("c"));
        Certificate memory c = certify(domain, 1, 5, 0, keccak256(h));
        vm.expectRevert(closed);
        client.update(list(h), c, votes);
    }

    function test_L20_two_certificates_of_an_unknown_height_freeze() external {
        bytes memory a = _header(3, keccak256("a"));
        bytes memory b = _header(3, keccak256("b"));
        Certificate memory forA = certify(domain, 1, 5, 0, keccak256(a));
        Certificate memory forB = certify(domain, 1, 5, 0, keccak256(b));

        client.reportEquivocation(list(a), forA, votes, list(b), forB, votes);

        yes(client.frozen(), "frozen");
    }

    function test_L20_nobody_freezes_with_one_block_or_two_heights() external {
        bytes memory a = _header(3, keccak256("a"));
        bytes memory b = _header(4, keccak256("b"));
        Certificate memory forA = certify(domain, 1, 5, 0, keccak256(a));
        Certificate memory again = certify(domain, 1, 7, 0, keccak256(a));
        Certificate memory forB = certify(domain, 1, 5, 0, keccak256(b));

        vm.expectRevert(abi.encodeWithSelector(ILightClient.NoEquivocation.selector, 3, 3));
        client.reportEquivocation(list(a), forA, votes, list(a), again, votes);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.NoEquivocation.selector, 3, 4));
        client.reportEquivocation(list(a), forA, votes, list(b), forB, votes);
    }

    function test_L20_nobody_freezes_with_less_than_a_quorum_or_an_expired_set() external {
        bytes memory a = _header(3, keccak256("a"));
        bytes memory b = _header(3, keccak256("b"));
        Certificate memory forA = certify(domain, 1, 5, 0, keccak256(a));
        Certificate memory few = certify(domain, 1, 4, 0, keccak256(b));
        vm.expectRevert(abi.encodeWithSelector(ILightClient.CertificateQuorum.selector, 4, 5));
        client.reportEquivocation(list(a), forA, votes, list(b), few, votes);

        _handOver(0, 1, votes, votesOf(2, 4));
        vm.warp(START + GRACE + 1);
        Certificate memory old = certify(domain, 1, 5, 0, keccak256(b));
        vm.expectRevert(abi.encodeWithSelector(ILightClient.SetExpired.selector, 0, 1));
        client.reportEquivocation(list(a), forA, votes, list(b), old, votes);
    }
}

/// Whatever a stranger without validators' keys sends.
contract ForgingStranger is OtherChain {
    ILightClient private immutable _client;
    bytes32 private immutable _domain;
    bytes private _votes;

    constructor(ILightClient client, bytes32 domain, bytes memory votes) {
        (_client, _domain, _votes) = (client, domain, votes);
    }

    function forge(uint64 height, bytes32 root, uint256 keys, uint64 epoch, uint256 count) external {
        bytes memory h = header(0, height % 40, uint64(START), root);
        // f = 2 keys of the true set at most, the rest are his own.
        Certificate memory c = certify(_domain, 1, within(keys, 0, 2), epoch % 4, keccak256(h));
        Certificate memory mine = certify(_domain, 5, within(count, 0, 7), epoch % 4, keccak256(h));
        c.signatures = bytes.concat(c.signatures, mine.signatures);
        c.signers |= mine.signers << within(keys, 0, 2);
        try _client.update(list(h), c, _votes) {} catch {}
        try _client.update(list(h), mine, votesOf(5, 7)) {} catch {}
    }

    function handOver(bytes32 root, uint64 height) external {
        bytes memory mine = votesOf(5, 4);
        (, bytes[] memory account, bytes[] memory slot) =
            stateWith(VALIDATOR_SET, bytes32(uint256(2)), uint256(keccak256(mine)));
        try _client.handover(Checkpoint(height % 40, uint64(START), root), account, slot, mine) {} catch {}
    }
}

contract LightClientInvariantTest is LightClientTest {
    ForgingStranger private _stranger;

    function setUp() public override {
        super.setUp();
        _update(_header(3, keccak256("s")), 1, 5, 0, votes);
        _stranger = new ForgingStranger(client, domain, votes);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_stranger);
    }

    function invariant_L21_without_a_quorum_nothing_changes() external view {
        yes(!client.frozen(), "not frozen");
        eq(client.epoch(), 0, "epoch");
        eq(client.votesHash(0), keccak256(votes), "set");
        eq(client.latestHeight(), 3, "height");
        client.check(_checkpoint(3, keccak256("s")));
    }
}
