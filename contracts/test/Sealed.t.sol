// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IMemberRegistry} from "../src/IMemberRegistry.sol";
import {ISealedContent} from "../src/ISealedContent.sol";
import {CallClass, ProposalState, Role} from "../src/MemberTypes.sol";
import {Content, Grant, HolderKey, PartyKey, Sealing} from "../src/SealedTypes.sol";
import {SealedWorld} from "./support/SealedWorld.sol";

/// A registry whose one member decides alone: the real one takes no less than four.
contract LoneRegistry {
    function neededFor(CallClass) external pure returns (uint256) {
        return 1;
    }
}

/// What is registered: L170 to L173.
contract SealedContentTest is SealedWorld {
    function _refused(bytes memory error, Sealing memory s) private {
        vm.expectRevert(error);
        sealedBy(ALICE, s);
    }

    function test_L170_a_content_is_remembered_with_its_parties_and_holders() external {
        bytes32 id = sealOne();

        Content memory c = sealing.content(id);
        eq(id, sealing.idOf(ALICE, keccak256("file")), "id");
        eq(c.owner, ALICE, "owner");
        eq(c.digest, keccak256("file"), "digest");
        eq(c.commitment, keccak256("plain"), "commitment");
        eq(c.subject, keccak256("deal"), "subject");
        eq(c.size, 2_000, "size");
        eq(c.height, block.number, "height");
        eq(c.sealedAt, block.timestamp, "time");
        eq(c.parties.length, 2, "parties");
        eq(c.holders.length, 4, "holders");
        eq(c.holders[3], 4, "the last holder");
        eq(sealing.contents(), 1, "count");
        eq(sealing.contentAt(0), id, "listed");
    }

    function test_L170_nobody_takes_the_id_of_anothers_content() external {
        Sealing memory s = words();
        s.parties[0] = PartyKey(EVE, keyFor(EVE), new bytes(80));
        publish(EVE);
        s.parties = _one(EVE);
        bytes32 stolen = sealedBy(EVE, s);
        bytes32 own = sealOne();

        yes(stolen != own, "two ids");
        vm.expectRevert(abi.encodeWithSelector(ISealedContent.ContentKnown.selector, own));
        sealedBy(ALICE, words());
    }

    function _one(address account) private pure returns (PartyKey[] memory parties) {
        parties = new PartyKey[](1);
        parties[0] = PartyKey(account, keyFor(account), new bytes(80));
    }

    function test_L170_what_makes_no_sense_is_refused() external {
        Sealing memory s = words();
        s.digest = 0;
        _refused(abi.encodeWithSelector(ISealedContent.ContentRefused.selector, 0), s);
        s = words();
        s.commitment = 0;
        _refused(abi.encodeWithSelector(ISealedContent.ContentRefused.selector, 1), s);
        s = words();
        s.size = 0;
        _refused(abi.encodeWithSelector(ISealedContent.ContentRefused.selector, 2), s);
        s.size = uint32(sealing.MAX_SIZE() + 1);
        _refused(abi.encodeWithSelector(ISealedContent.ContentRefused.selector, 2), s);
        s = words();
        s.points = new bytes(2 * 48);
        _refused(abi.encodeWithSelector(ISealedContent.PointsRefused.selector, 96, 144), s);
        s.points = new bytes(3 * 48 + 1);
        _refused(abi.encodeWithSelector(ISealedContent.PointsRefused.selector, 145, 144), s);
        s = words();
        s.holders[2].share = new bytes(79);
        _refused(abi.encodeWithSelector(ISealedContent.SealedKeyRefused.selector, 79, 80), s);
        s = words();
        s.parties[1].whole = new bytes(81);
        _refused(abi.encodeWithSelector(ISealedContent.SealedKeyRefused.selector, 81, 80), s);
        vm.expectRevert(abi.encodeWithSelector(ISealedContent.SealedConfigRefused.selector));
        this.made(EVE);
    }

    function made(address registry_) external returns (address) {
        return deploy("SealedContent", abi.encode(registry_));
    }

    function test_L171_parties_are_few_in_order_and_have_keys() external {
        Sealing memory s = words();
        s.parties = new PartyKey[](0);
        _refused(abi.encodeWithSelector(ISealedContent.PartiesRefused.selector, 0, 16), s);
        s.parties = new PartyKey[](17);
        _refused(abi.encodeWithSelector(ISealedContent.PartiesRefused.selector, 17, 16), s);
        // Without whoever registers it.
        s.parties = _one(BOB);
        _refused(abi.encodeWithSelector(ISealedContent.PartiesRefused.selector, 1, 16), s);
        // Twice, or out of order.
        s = words();
        s.parties[1] = s.parties[0];
        _refused(abi.encodeWithSelector(ISealedContent.PartiesRefused.selector, 1, 16), s);
        s = words();
        (s.parties[0], s.parties[1]) = (s.parties[1], s.parties[0]);
        _refused(abi.encodeWithSelector(ISealedContent.PartiesRefused.selector, 1, 16), s);
        s = words();
        s.parties[1].account = EVE;
        _refused(abi.encodeWithSelector(ISealedContent.KeyMissing.selector, EVE), s);
        s = words();
        s.parties[0].key = bytes32(uint256(7));
        _refused(
            abi.encodeWithSelector(ISealedContent.KeyNotCurrent.selector, BOB, bytes32(uint256(7)), keyFor(BOB)), s
        );
    }

    function test_L172_all_members_with_a_key_hold_a_share_and_nobody_else() external {
        Sealing memory s = words();
        HolderKey[] memory three = new HolderKey[](3);
        (three[0], three[1], three[2]) = (s.holders[0], s.holders[1], s.holders[2]);
        s.holders = three;
        _refused(abi.encodeWithSelector(ISealedContent.HoldersRefused.selector, 3, 4, 3), s);
        // The regulator has a key and holds nothing.
        s = words();
        s.holders[3] = HolderKey(5, keyFor(accountOf(REGULATOR)), new bytes(80));
        _refused(abi.encodeWithSelector(ISealedContent.HoldersRefused.selector, 3, 4, 3), s);
        s = words();
        s.holders[3] = s.holders[2];
        _refused(abi.encodeWithSelector(ISealedContent.HoldersRefused.selector, 3, 4, 3), s);
        // A member changed its key meanwhile.
        vm.prank(accountOf(1));
        sealing.publishKey(bytes32(uint256(9)));
        _refused(
            abi.encodeWithSelector(
                ISealedContent.KeyNotCurrent.selector, accountOf(1), keyFor(accountOf(1)), bytes32(uint256(9))
            ),
            words()
        );
        (uint32[] memory now_, uint256 needed) = sealing.holders();
        eq(now_.length, 4, "holders now");
        eq(needed, 3, "2f + 1 of four");
    }

    function test_L172_as_many_shares_open_as_votes_are_needed_and_never_one() external {
        // A fifth without a key holds nothing; still so many shares are needed as five members need votes.
        admitFifth();
        Sealing memory s = words();
        _refused(abi.encodeWithSelector(ISealedContent.PointsRefused.selector, 144, 4 * 48), s);
        s.points = new bytes(4 * 48);
        eq(sealing.content(sealedBy(ALICE, s)).needed, 4, "needed");
        // Where one decides alone, nothing is sealed.
        sealing = ISealedContent(deploy("SealedContent", abi.encode(address(new LoneRegistry()))));
        publish(ALICE);
        publish(BOB);
        _refused(abi.encodeWithSelector(ISealedContent.ThresholdTooSmall.selector, 1, 2), words());
    }

    function test_L172_members_without_keys_seal_nothing() external {
        ISealedContent fresh = ISealedContent(deploy("SealedContent", abi.encode(address(registry))));
        vm.prank(ALICE);
        fresh.publishKey(keyFor(ALICE));
        Sealing memory s = words();
        (s.parties, s.holders) = (_one(ALICE), new HolderKey[](0));

        vm.expectRevert(abi.encodeWithSelector(ISealedContent.HoldersRefused.selector, 0, 0, 3));
        vm.prank(ALICE);
        fresh.seal(s);
    }

    function test_L173_a_key_is_its_accounts_own_and_not_zero() external {
        vm.expectRevert(abi.encodeWithSelector(ISealedContent.KeyZero.selector));
        sealing.publishKey(0);
        vm.expectEmit(true, true, true, true, address(sealing));
        emit ISealedContent.KeyPublished(EVE, bytes32(uint256(3)));
        vm.prank(EVE);
        sealing.publishKey(bytes32(uint256(3)));

        eq(sealing.keyOf(EVE), bytes32(uint256(3)), "hers");
        eq(sealing.keyOf(ALICE), keyFor(ALICE), "untouched");
    }
}

/// Opening by vote, and the shares: L174 to L177.
contract SealedOpeningTest is SealedWorld {
    uint32 private constant _REGULATOR = 5;

    function test_L174_only_the_members_votes_open() external {
        bytes32 id = sealOne();

        vm.expectRevert(abi.encodeWithSelector(ISealedContent.OnlyByVote.selector, ALICE));
        vm.prank(ALICE);
        sealing.open(id, _REGULATOR);
        // The regulator has no vote on it, and two of four are too few.
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.RoleRefused.selector, _REGULATOR, Role.Observer));
        proposeBy(REGULATOR, address(sealing), opening(id, _REGULATOR));
        uint256 number = proposeBy(0, address(sealing), opening(id, _REGULATOR));
        cast(number, 1, true);
        vm.warp(block.timestamp + DELAY);
        notIn(number, ProposalState.Open, ProposalState.Passed);
        registry.execute(number);

        eq(sealing.grantsOf(id).length, 0, "closed");
    }

    function test_L174_a_vote_opens_one_content_to_one_organisation() external {
        (bytes32 id, Sealing memory other) = (sealOne(), words());
        other.digest = keccak256("other");
        bytes32 closed = sealedBy(ALICE, other);

        uint256 number = openTo(id, _REGULATOR);

        Grant memory g = sealing.grant(number);
        eq(g.content, id, "content");
        eq(g.organisation, _REGULATOR, "organisation");
        eq(g.recipient, accountOf(REGULATOR), "recipient");
        eq(g.key, keyFor(accountOf(REGULATOR)), "key");
        eq(g.height, block.number, "height");
        eq(sealing.grantsOf(closed).length, 0, "the other stays closed");
    }

    function test_L174_an_expired_vote_opens_nothing() external {
        bytes32 id = sealOne();
        uint256 number = pass(address(sealing), opening(id, _REGULATOR));
        vm.warp(block.timestamp + WINDOW + 1);

        notIn(number, ProposalState.Expired, ProposalState.Passed);
        registry.execute(number);
        eq(sealing.grantsOf(id).length, 0, "closed");
    }

    function test_L174_nothing_is_opened_that_is_not_there_or_to_nobody() external {
        bytes32 id = sealOne();
        uint256 unknown = pass(address(sealing), opening(bytes32(uint256(1)), _REGULATOR));
        vm.expectRevert(abi.encodeWithSelector(ISealedContent.ContentUnknown.selector, bytes32(uint256(1))));
        registry.execute(unknown);
        uint256 stranger = pass(address(sealing), opening(id, 9));
        vm.expectRevert(abi.encodeWithSelector(ISealedContent.RecipientRefused.selector, 9));
        registry.execute(stranger);
        admitFifth();
        uint256 keyless = passBy(some(0, 1, 2, 3), address(sealing), opening(id, 6));
        vm.expectRevert(abi.encodeWithSelector(ISealedContent.KeyMissing.selector, accountOf(5)));
        registry.execute(keyless);
    }

    function test_L175_holders_release_their_share_once_after_the_grant() external {
        bytes32 id = sealOne();
        vm.expectRevert(abi.encodeWithSelector(ISealedContent.GrantUnknown.selector, 1));
        releaseBy(0, 1);
        uint256 number = openTo(id, _REGULATOR);

        vm.expectEmit(true, true, true, true, address(sealing));
        emit ISealedContent.ShareReleased(number, 1, new bytes(80));
        releaseBy(0, number);
        vm.expectRevert(abi.encodeWithSelector(ISealedContent.ReleasedBefore.selector, number, 1));
        releaseBy(0, number);
        releaseBy(3, number);

        eq(sealing.grant(number).released, 2, "two");
        eq(sealing.releasedAt(number, 4), block.number, "when");
        eq(sealing.releasedAt(number, 2), 0, "not yet");
        vm.expectRevert(abi.encodeWithSelector(ISealedContent.SealedKeyRefused.selector, 81, 80));
        vm.prank(accountOf(1));
        sealing.release(number, new bytes(81));
    }

    function test_L176_who_is_no_member_or_holds_nothing_releases_nothing() external {
        bytes32 id = sealOne();
        uint256 number = openTo(id, _REGULATOR);

        vm.expectRevert(abi.encodeWithSelector(ISealedContent.CallerNotMember.selector, ALICE));
        vm.prank(ALICE);
        sealing.release(number, new bytes(80));
        vm.expectRevert(abi.encodeWithSelector(ISealedContent.CallerNotMember.selector, accountOf(REGULATOR)));
        releaseBy(REGULATOR, number);
        // Who came later has no share of what was sealed before.
        admitFifth();
        vm.prank(accountOf(5));
        sealing.publishKey(bytes32(uint256(1)));
        vm.expectRevert(abi.encodeWithSelector(ISealedContent.NotAHolder.selector, 6, id));
        releaseBy(5, number);
        // Who left has one that counts no more.
        registry.execute(passBy(some(0, 1, 2, 5), address(registry), abi.encodeCall(IMemberRegistry.remove, (4))));
        vm.expectRevert(abi.encodeWithSelector(ISealedContent.CallerNotMember.selector, accountOf(3)));
        releaseBy(3, number);
    }

    function test_L176_nothing_is_opened_to_a_removed_organisation_nor_sealed_to_it() external {
        admitFifth();
        bytes32 id;
        {
            Sealing memory s = words();
            s.points = new bytes(4 * 48);
            id = sealedBy(ALICE, s);
        }
        registry.execute(passBy(some(0, 1, 2, 5), address(registry), abi.encodeCall(IMemberRegistry.remove, (4))));

        uint256 number = passBy(some(0, 1, 2, 5), address(sealing), opening(id, 4));
        vm.expectRevert(abi.encodeWithSelector(ISealedContent.RecipientRefused.selector, 4));
        registry.execute(number);
        Sealing memory again = words();
        again.digest = keccak256("again");
        vm.expectRevert(abi.encodeWithSelector(ISealedContent.HoldersRefused.selector, 4, 3, 3));
        sealedBy(ALICE, again);
    }

    function test_L177_another_key_afterwards_changes_no_grant() external {
        bytes32 id = sealOne();
        uint256 number = openTo(id, _REGULATOR);

        vm.prank(accountOf(REGULATOR));
        sealing.publishKey(bytes32(uint256(2)));

        eq(sealing.grant(number).key, keyFor(accountOf(REGULATOR)), "as it was voted");
        eq(sealing.grant(openTo(id, _REGULATOR)).key, bytes32(uint256(2)), "another vote, another key");
    }
}
