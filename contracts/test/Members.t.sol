// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAdministered} from "../src/IAdministered.sol";
import {IMemberRegistry} from "../src/IMemberRegistry.sol";
import {IValidatorSet, Validator} from "../src/IValidatorSet.sol";
import {Allowed, CallClass, Parameter, Proposal, ProposalState, Role, Terms} from "../src/MemberTypes.sol";
import {MemberWorld, Valve} from "./support/MemberWorld.sol";

/// Proposals and votes: L135 to L137, L141, L142.
contract MembersVoteTest is MemberWorld {
    bytes private _change = abi.encodeCall(IMemberRegistry.setParameter, (Parameter.Delay, 2 hours));

    function test_L135_a_proposal_passes_with_a_quorum_waits_and_is_executed_once() external {
        uint256 number = propose(0, _change);
        eq(registry.proposal(number).needed, 3, "2f + 1 of four");
        cast(number, 1, true);
        isState(number, ProposalState.Open);
        cast(number, 2, true);
        isState(number, ProposalState.Passed);

        vm.expectRevert(
            abi.encodeWithSelector(IMemberRegistry.ExecutedTooEarly.selector, block.timestamp, block.timestamp + DELAY)
        );
        registry.execute(number);
        vm.warp(block.timestamp + DELAY);
        registry.execute(number);

        eq(registry.parameter(Parameter.Delay), 2 hours, "changed");
        notIn(number, ProposalState.Executed, ProposalState.Passed);
        registry.execute(number);
    }

    function test_L135_nothing_happens_below_the_quorum() external {
        uint256 number = propose(0, _change);
        cast(number, 1, true);

        notIn(number, ProposalState.Open, ProposalState.Passed);
        registry.execute(number);
    }

    function test_L135_two_against_of_four_reject() external {
        uint256 number = propose(0, _change);
        cast(number, 1, false);
        isState(number, ProposalState.Open);
        cast(number, 2, false);

        isState(number, ProposalState.Rejected);
        notIn(number, ProposalState.Rejected, ProposalState.Open);
        cast(number, 3, true);
    }

    function test_L136_one_organisation_one_vote() external {
        uint256 number = propose(0, _change);

        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.VotedBefore.selector, number, 1));
        cast(number, 0, true);
        cast(number, 1, false);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.VotedBefore.selector, number, 2));
        cast(number, 1, true);
    }

    function test_L136_strangers_neither_propose_nor_vote() external {
        uint256 number = propose(0, _change);

        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.CallerNotAdmitted.selector, address(this)));
        registry.vote(number, true);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.CallerNotAdmitted.selector, address(this)));
        registry.propose(address(registry), _change, "test");
    }

    function test_L136_a_removed_member_votes_no_more() external {
        admitFifth();
        uint256 number = propose(0, _change);
        registry.execute(passBy(some(0, 1, 2, 5), address(registry), abi.encodeCall(IMemberRegistry.remove, (4))));

        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.CallerNotAdmitted.selector, accountOf(3)));
        cast(number, 3, true);
    }

    function test_L136_what_a_member_voted_before_its_removal_counts_no_more() external {
        admitFifth();
        // Five members need four: 0, 1, 2 and 3 agree. Without 3 they are three of four, which is enough; without a
        // second one, who is an observer from then on, they are two of three.
        uint256 number = propose(0, _change);
        cast(number, 1, true);
        cast(number, 2, true);
        cast(number, 3, true);
        isState(number, ProposalState.Passed);
        registry.execute(passBy(some(0, 1, 2, 5), address(registry), abi.encodeCall(IMemberRegistry.remove, (4))));
        eq(registry.proposal(number).approvals, 3, "three are left");

        bytes memory sixth = abi.encodeCall(IMemberRegistry.admit, (termsOf(6, Role.Member, 1)));
        registry.execute(passBy(some(0, 1, 2), address(registry), sixth));
        eq(registry.proposal(number).needed, 4, "of five");

        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.ApprovalsMissing.selector, 3, 4));
        registry.execute(number);
    }

    function test_L137_only_listed_calls_are_proposed() external {
        bytes4 drain = Valve.drain.selector;
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.CallNotAllowed.selector, address(valve), drain));
        proposeBy(0, address(valve), abi.encodeWithSelector(drain));
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.CallNotAllowed.selector, address(set), bytes4(0)));
        proposeBy(0, address(set), hex"00");
        vm.expectPartialRevert(IMemberRegistry.CallNotAllowed.selector);
        propose(0, abi.encodeCall(IMemberRegistry.execute, (1)));
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.CallTooLong.selector, 16_385, 16_384));
        proposeBy(0, address(valve), new bytes(16_385));
    }

    function test_L137_a_proposal_says_why() external {
        uint256 max = registry.MAX_WHY();
        bytes memory refused = abi.encodeWithSelector(IMemberRegistry.WhyRefused.selector, 0, max);
        _refusedWhy("", refused);
        refused = abi.encodeWithSelector(IMemberRegistry.WhyRefused.selector, max + 1, max);
        _refusedWhy(string(new bytes(max + 1)), refused);
        vm.prank(accountOf(0));
        eq(registry.propose(address(registry), _change, string(new bytes(max))), 1, "just short enough");
    }

    function _refusedWhy(string memory why, bytes memory refused) private {
        vm.prank(accountOf(0));
        vm.expectRevert(refused);
        registry.propose(address(registry), _change, why);
    }

    function test_L137_a_call_taken_off_the_list_is_not_made_any_more() external {
        uint256 number = pass(address(valve), abi.encodeCall(Valve.setLimit, (7)));
        decide(
            abi.encodeCall(IMemberRegistry.allow, (Allowed(address(valve), Valve.setLimit.selector, CallClass.None)))
        );

        vm.expectPartialRevert(IMemberRegistry.CallNotAllowed.selector);
        registry.execute(number);
    }

    function test_L137_members_add_calls_but_never_touch_the_registrys_own() external {
        decide(
            abi.encodeCall(IMemberRegistry.allow, (Allowed(address(valve), Valve.drain.selector, CallClass.Guarded)))
        );
        registry.execute(pass(address(valve), abi.encodeCall(Valve.drain, ())));

        Allowed memory own = Allowed(address(registry), IMemberRegistry.admit.selector, CallClass.None);
        uint256 number = pass(address(registry), abi.encodeCall(IMemberRegistry.allow, (own)));
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.RegistryConfigRefused.selector, 1));
        registry.execute(number);
    }

    function test_L137_what_votes_do_nobody_else_does() external {
        bytes memory refused = abi.encodeWithSelector(IMemberRegistry.OnlyByVote.selector, accountOf(0));
        bytes[6] memory acts = [
            abi.encodeCall(IMemberRegistry.admit, (termsOf(9, Role.Member, 0))),
            abi.encodeCall(IMemberRegistry.remove, (2)),
            abi.encodeCall(IMemberRegistry.setRole, (2, Role.Observer)),
            abi.encodeCall(IMemberRegistry.setValidators, (2, new Validator[](0))),
            _change,
            abi.encodeCall(IMemberRegistry.allow, (Allowed(address(valve), Valve.drain.selector, CallClass.Pause)))
        ];
        for (uint256 i = 0; i < acts.length; ++i) {
            vm.prank(accountOf(0));
            (bool ok, bytes memory why) = address(registry).call(acts[i]);
            yes(!ok && keccak256(why) == keccak256(refused), "refused");
        }
    }

    function test_a_call_that_reverts_takes_its_execution_with_it() external {
        uint256 number = pass(address(registry), abi.encodeCall(IMemberRegistry.remove, (99)));

        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.OrganisationUnknown.selector, 99));
        registry.execute(number);
        isState(number, ProposalState.Passed);
    }

    function test_L141_a_regulator_freezes_with_one_member_at_once_and_cannot_unfreeze() external {
        uint256 number = proposeBy(REGULATOR, address(valve), abi.encodeCall(Valve.pause, ()));
        eq(registry.proposal(number).needed, 2, "f + 1 of five");
        cast(number, 0, true);
        registry.execute(number);
        yes(valve.paused(), "frozen");

        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.RoleRefused.selector, 5, Role.Observer));
        proposeBy(REGULATOR, address(valve), abi.encodeCall(Valve.unpause, ()));
        number = proposeBy(0, address(valve), abi.encodeCall(Valve.unpause, ()));
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.RoleRefused.selector, 5, Role.Observer));
        cast(number, REGULATOR, true);
        registry.execute(pass(address(valve), abi.encodeCall(Valve.unpause, ())));
        yes(!valve.paused(), "by the members' quorum");
    }

    function test_L141_nobody_freezes_alone() external {
        uint256 number = proposeBy(REGULATOR, address(valve), abi.encodeCall(Valve.pause, ()));

        notIn(number, ProposalState.Open, ProposalState.Passed);
        registry.execute(number);
    }

    function test_L142_votes_end() external {
        uint256 number = propose(0, _change);
        vm.warp(block.timestamp + PERIOD + 1);

        notIn(number, ProposalState.Expired, ProposalState.Open);
        cast(number, 1, true);
    }

    function test_L142_what_passed_is_executed_in_its_window_or_never() external {
        uint256 number = pass(address(registry), _change);
        vm.warp(block.timestamp + WINDOW + 1);

        notIn(number, ProposalState.Expired, ProposalState.Passed);
        registry.execute(number);
    }

    function test_there_is_nothing_to_do_about_a_proposal_that_is_none() external {
        notIn(9, ProposalState.None, ProposalState.Open);
        cast(9, 0, true);
        notIn(9, ProposalState.None, ProposalState.Passed);
        registry.execute(9);
    }

    function test_parameters_have_bounds() external {
        uint256 number =
            pass(address(registry), abi.encodeCall(IMemberRegistry.setParameter, (Parameter.Window, uint40(59))));
        vm.expectRevert(
            abi.encodeWithSelector(IMemberRegistry.ParameterRefused.selector, Parameter.Window, 59, 60, 90 days)
        );
        registry.execute(number);
    }

    function testFuzz_L135_executed_means_a_quorum_agreed_in_time(uint8 votes, uint32 wait) external {
        uint256 number = propose(0, _change);
        uint256 agreed = 1;
        for (uint256 i = 1; i < 4; ++i) {
            bool approves = (votes >> i) & 1 != 0;
            if (registry.proposal(number).state != ProposalState.Open) break;
            cast(number, i, approves);
            if (approves) ++agreed;
        }
        vm.warp(block.timestamp + wait);

        try registry.execute(number) {
            yes(agreed >= 3, "a quorum");
            yes(wait >= DELAY && wait <= DELAY + WINDOW, "in its window");
        } catch {
            yes(agreed < 3 || wait < DELAY || wait > DELAY + WINDOW, "refused for a reason");
        }
    }
}

/// Organisations, certificates, validators, groups: L138 to L140, L143, L144, V6.
contract MembersBooksTest is MemberWorld {
    function _refused(bytes memory data, bytes memory error) private {
        uint256 number = pass(address(registry), data);
        vm.expectRevert(error);
        registry.execute(number);
    }

    function test_founders_are_on_record() external view {
        (uint32 number, Role role) = registry.certificate(certificateOf(2));
        eq(number, 3, "whose");
        yes(role == Role.Member, "member");
        (number, role) = registry.certificate(certificateOf(REGULATOR));
        yes(role == Role.Observer, "regulator");
        eq(registry.numberOf(accountOf(1)), 2, "by account");
        eq(registry.organisations().length, 5, "five");
    }

    function test_L140_the_set_is_the_organisations_validators() external {
        admitFifth();

        Validator[] memory next = scheduled();
        eq(next.length, 5, "five");
        eq(keccak256(abi.encode(next)), keccak256(abi.encode(registry.validators())), "same");
        eq(next[4].vote, validatorOf(5).vote, "the new one");
    }

    function test_L138_a_removed_members_certificate_counts_for_nothing_at_once() external {
        admitFifth();
        registry.execute(passBy(some(0, 1, 2, 5), address(registry), abi.encodeCall(IMemberRegistry.remove, (4))));

        (uint32 number, Role role) = registry.certificate(certificateOf(3));
        eq(number, 0, "nobody's");
        yes(role == Role.None, "nothing");
        eq(scheduled().length, 4, "its validator leaves with the next epoch");
        yes(registry.organisation(4).role == Role.None, "removed");
        vm.expectPartialRevert(IMemberRegistry.CallerNotAdmitted.selector);
        vm.prank(accountOf(3));
        registry.bindCertificate("other");
    }

    function test_L138_a_certificate_is_one_organisations_for_ever() external {
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.CertificateRefused.selector, certificateOf(1)));
        vm.prank(accountOf(0));
        registry.bindCertificate(certificateOf(1));
        vm.prank(accountOf(1));
        registry.revokeCertificate(certificateOf(1));
        (, Role role) = registry.certificate(certificateOf(1));
        yes(role == Role.None, "revoked");
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.CertificateRefused.selector, certificateOf(1)));
        vm.prank(accountOf(1));
        registry.bindCertificate(certificateOf(1));
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.CertificateRefused.selector, bytes32(0)));
        vm.prank(accountOf(1));
        registry.bindCertificate(0);
    }

    function test_L138_nobody_revokes_anothers_certificate() external {
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.CertificateNotYours.selector, certificateOf(1)));
        vm.prank(accountOf(0));
        registry.revokeCertificate(certificateOf(1));
    }

    function test_certificates_are_bounded() external {
        for (uint256 i = 0; i < 15; ++i) {
            vm.prank(accountOf(0));
            registry.bindCertificate(keccak256(abi.encode("more", i)));
        }
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.TooMany.selector, 17, 16));
        vm.prank(accountOf(0));
        registry.bindCertificate("one more");
    }

    /// `SybilOrganisation` wants more than its share.
    function test_L139_no_organisation_validates_with_more_than_f() external {
        Validator[] memory two = new Validator[](2);
        (two[0], two[1]) = (validatorOf(0), validatorOf(200));
        _refused(
            abi.encodeCall(IMemberRegistry.setValidators, (1, two)),
            abi.encodeWithSelector(IMemberRegistry.ShareTooLarge.selector, 1, 2, 1)
        );
    }

    function test_L139_a_sybil_is_not_admitted_under_anothers_name_account_or_keys() external {
        Terms memory t = termsOf(9, Role.Member, 1);
        t.account = accountOf(1);
        _refused(
            abi.encodeCall(IMemberRegistry.admit, (t)), abi.encodeWithSelector(IMemberRegistry.TermsRefused.selector, 1)
        );
        t = termsOf(9, Role.Member, 1);
        t.name = "org 1";
        _refused(
            abi.encodeCall(IMemberRegistry.admit, (t)), abi.encodeWithSelector(IMemberRegistry.TermsRefused.selector, 0)
        );
        t = termsOf(9, Role.Member, 1);
        t.validators[0] = validatorOf(2);
        _refused(
            abi.encodeCall(IMemberRegistry.admit, (t)), abi.encodeWithSelector(IValidatorSet.KeyTwice.selector, 2, 4)
        );
        t = termsOf(9, Role.Member, 1);
        t.certificates[0] = certificateOf(0);
        _refused(
            abi.encodeCall(IMemberRegistry.admit, (t)),
            abi.encodeWithSelector(IMemberRegistry.CertificateRefused.selector, certificateOf(0))
        );
    }

    function test_L139_an_observer_never_validates() external {
        Validator[] memory one = new Validator[](1);
        one[0] = validatorOf(77);
        _refused(
            abi.encodeCall(IMemberRegistry.setValidators, (5, one)),
            abi.encodeWithSelector(IMemberRegistry.ObserverValidates.selector, 5)
        );
        _refused(
            abi.encodeCall(IMemberRegistry.admit, (termsOf(9, Role.Observer, 1))),
            abi.encodeWithSelector(IMemberRegistry.ObserverValidates.selector, 6)
        );
    }

    function test_L139_who_becomes_an_observer_validates_no_more() external {
        admitFifth();
        registry.execute(
            passBy(some(0, 1, 2, 5), address(registry), abi.encodeCall(IMemberRegistry.setRole, (4, Role.Observer)))
        );

        eq(registry.organisation(4).validators.length, 0, "none");
        eq(scheduled().length, 4, "four");
    }

    function test_L140_a_removal_that_leaves_too_few_validators_is_refused() external {
        _refused(
            abi.encodeCall(IMemberRegistry.remove, (4)),
            // Three validators bear no fault: f is 0, and everybody has more.
            abi.encodeWithSelector(IMemberRegistry.ShareTooLarge.selector, 1, 1, 0)
        );
    }

    function test_L143_a_group_is_its_owners_and_those_it_names() external {
        bytes32 group = "deal 4711";
        uint32[] memory two = new uint32[](1);
        two[0] = 2;
        vm.prank(accountOf(0));
        registry.setGroup(group, two);

        yes(registry.isInGroup(group, 1) && registry.isInGroup(group, 2), "inside");
        yes(!registry.isInGroup(group, 3) && !registry.isInGroup("other", 1), "outside");
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.GroupNotYours.selector, group, 1));
        vm.prank(accountOf(1));
        registry.setGroup(group, two);
        two[0] = 3;
        vm.prank(accountOf(0));
        registry.setGroup(group, two);
        yes(!registry.isInGroup(group, 2) && registry.isInGroup(group, 3), "replaced");
    }

    function test_L143_a_removed_member_is_in_no_group() external {
        admitFifth();
        uint32[] memory four = new uint32[](1);
        four[0] = 4;
        vm.prank(accountOf(0));
        registry.setGroup("deal", four);
        yes(registry.isInGroup("deal", 4), "inside");

        registry.execute(passBy(some(0, 1, 2, 5), address(registry), abi.encodeCall(IMemberRegistry.remove, (4))));

        yes(!registry.isInGroup("deal", 4), "outside");
    }

    function test_L144_the_administration_goes_to_whom_it_is_offered_alone() external {
        IValidatorSet other =
            IValidatorSet(deploy("ValidatorSet", abi.encode(address(this), LENGTH, registry.validators())));
        vm.expectRevert(
            abi.encodeWithSelector(IAdministered.AdministrationNotOffered.selector, address(registry), address(0))
        );
        registry.takeOver(address(other));
        other.offerAdministration(accountOf(0));
        vm.expectPartialRevert(IAdministered.AdministrationNotOffered.selector);
        registry.takeOver(address(other));
        vm.expectRevert(
            abi.encodeWithSelector(IAdministered.AdministrationNotYours.selector, accountOf(0), address(this))
        );
        vm.prank(accountOf(0));
        other.offerAdministration(accountOf(0));

        vm.prank(accountOf(0));
        other.acceptAdministration();
        eq(other.administrator(), accountOf(0), "taken");
        eq(other.offeredTo(), address(0), "used up");
    }

    function test_V6_registries_with_too_few_founders_or_nonsense_are_refused() external {
        Terms[] memory few = new Terms[](3);
        for (uint256 i = 0; i < 3; ++i) {
            few[i] = termsOf(i, Role.Member, 0);
        }
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.OrganisationsRefused.selector, 3, 4, 64));
        this.deployWith(few, [PERIOD, DELAY, WINDOW], calls());
        vm.expectPartialRevert(IMemberRegistry.ParameterRefused.selector);
        this.deployWith(founders(), [PERIOD, uint40(0), WINDOW], calls());
        Allowed[] memory zero = new Allowed[](1);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.RegistryConfigRefused.selector, 1));
        this.deployWith(founders(), [PERIOD, DELAY, WINDOW], zero);
        Terms[] memory bad = founders();
        bad[0].account = address(0);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.TermsRefused.selector, 1));
        this.deployWith(bad, [PERIOD, DELAY, WINDOW], calls());
        bad = founders();
        bad[0].role = Role.None;
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.TermsRefused.selector, 2));
        this.deployWith(bad, [PERIOD, DELAY, WINDOW], calls());
        bad = founders();
        bad[0].validators = termsOf(0, Role.Member, 2).validators;
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.ShareTooLarge.selector, 1, 2, 1));
        this.deployWith(bad, [PERIOD, DELAY, WINDOW], calls());
    }

    function deployWith(Terms[] memory terms, uint40[3] memory periods, Allowed[] memory allowed) external {
        deployRegistry(terms, periods, allowed);
    }
}
