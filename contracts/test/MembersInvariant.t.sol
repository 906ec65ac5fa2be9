// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IMemberRegistry} from "../src/IMemberRegistry.sol";
import {Validator} from "../src/IValidatorSet.sol";
import {Organisation, Parameter, Proposal, ProposalState, Role, Terms} from "../src/MemberTypes.sol";
import {MemberWorld, Valve} from "./support/MemberWorld.sol";

/// Proposes, votes, waits and executes, whoever and whatever it is.
contract MembersHandler is MemberWorld {
    /// A proposal was executed that too few agreed on, outside of its window, or twice.
    bool public broken;
    uint256 public done;
    uint256 private _next = 5;
    mapping(uint256 proposal => bool) private _executed;

    constructor() {
        MemberWorld.setUp();
    }

    /// Nothing: the world is made once.
    function setUp() public override {}

    function proposeOne(uint256 who, uint256 what, uint256 pick) external {
        bytes memory data;
        address target = address(registry);
        what %= 7;
        if (what == 0) data = abi.encodeCall(IMemberRegistry.admit, (_newcomer()));
        if (what == 1) data = abi.encodeCall(IMemberRegistry.remove, (uint32(1 + pick % 12)));
        if (what == 2) {
            data = abi.encodeCall(IMemberRegistry.setRole, (uint32(1 + pick % 12), Role(1 + pick % 2)));
        }
        if (what == 3) {
            Validator[] memory some_ = termsOf(20 + pick % 20, Role.Member, pick % 3).validators;
            data = abi.encodeCall(IMemberRegistry.setValidators, (uint32(1 + pick % 12), some_));
        }
        if (what == 4) {
            data = abi.encodeCall(IMemberRegistry.setParameter, (Parameter(pick % 3), uint40(pick % 10 days)));
        }
        if (what >= 5) {
            target = address(valve);
            data = what == 5 ? abi.encodeCall(Valve.pause, ()) : abi.encodeCall(Valve.unpause, ());
        }
        vm.prank(accountOf(who % 12));
        try registry.propose(target, data, "fuzz") {} catch {}
    }

    function voteOne(uint256 who, uint256 pick, uint8 against) external {
        vm.prank(accountOf(who % 12));
        try registry.vote(number(pick), against % 8 != 0) {} catch {}
    }

    /// Everybody for the newest, so that something happens.
    function agree() external {
        for (uint256 i = 0; i < 12; ++i) {
            vm.prank(accountOf(i));
            try registry.vote(registry.proposals(), true) {} catch {}
        }
    }

    function wait(uint32 time) external {
        vm.warp(block.timestamp + time % 1 days);
        vm.roll(block.number + time % 150);
    }

    function executeOne(uint256 pick) external {
        uint256 n = number(pick);
        Proposal memory p = registry.proposal(n);
        try registry.execute(n) {
            ++done;
            bool sound = p.state == ProposalState.Passed && p.approvals >= p.needed && p.needed >= 2
                && block.timestamp >= p.executableAt && !_executed[n];
            if (!sound) broken = true;
            _executed[n] = true;
        } catch {}
    }

    function number(uint256 pick) public view returns (uint256) {
        uint256 all = registry.proposals();
        // The newest ones are those that can still be decided.
        return all < 4 ? 1 + pick % 3 : all - pick % 4;
    }

    function _newcomer() private returns (Terms memory) {
        uint256 i = _next < 12 ? _next++ : 5 + _next % 7;
        return termsOf(i, Role.Member, 1);
    }

    /// Nobody has more than f validators, observers none, and the set is everybody's.
    function sharesAreSound() external view returns (bool) {
        Validator[] memory all = registry.validators();
        uint32[] memory numbers = registry.organisations();
        uint256 sum;
        for (uint256 i = 0; i < numbers.length; ++i) {
            Organisation memory o = registry.organisation(numbers[i]);
            sum += o.validators.length;
            if (o.role == Role.None) return false;
            if (o.role == Role.Observer && o.validators.length != 0) return false;
            if (o.validators.length > (all.length - 1) / 3) return false;
        }
        bool scheduledAll = keccak256(abi.encode(scheduled())) == keccak256(abi.encode(all));
        return all.length >= 4 && sum == all.length && scheduledAll;
    }
}

/// What holds in every reachable state of a consortium.
contract MembersInvariantTest is MemberWorld {
    MembersHandler private _handler;

    function setUp() public override {
        _handler = new MembersHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// forge-config: default.invariant.runs = 32
    function invariant_L135_executed_means_agreed_in_time_and_once() external view {
        yes(!_handler.broken(), "sound");
    }

    /// forge-config: default.invariant.runs = 32
    function invariant_L139_L140_shares_and_set_are_sound() external view {
        yes(_handler.sharesAreSound(), "shares");
    }
}
