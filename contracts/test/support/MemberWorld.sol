// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IMemberRegistry} from "../../src/IMemberRegistry.sol";
import {IValidatorSet, Validator} from "../../src/IValidatorSet.sol";
import {Allowed, CallClass, ProposalState, Role, Terms} from "../../src/MemberTypes.sol";
import {Assert} from "./Assert.sol";

/// Something that is paused and limited by votes.
contract Valve {
    address public immutable governor;
    bool public paused;
    uint256 public limit;

    error NotTheGovernor();

    constructor(address governor_) {
        governor = governor_;
    }

    modifier onlyGovernor() {
        if (msg.sender != governor) revert NotTheGovernor();
        _;
    }

    function pause() external onlyGovernor {
        paused = true;
    }

    function unpause() external onlyGovernor {
        paused = false;
    }

    function setLimit(uint256 limit_) external onlyGovernor {
        limit = limit_;
    }

    function drain() external onlyGovernor {
        limit = 0;
    }
}

/// Four members with a validator each, and a regulator. Organisation `i` gets number `i + 1`.
abstract contract MemberWorld is Assert {
    uint256 internal constant START = 1_800_000_000;
    uint64 internal constant LENGTH = 100;
    uint40 internal constant PERIOD = 1 days;
    uint40 internal constant DELAY = 1 hours;
    uint40 internal constant WINDOW = 2 days;
    /// The regulator's place.
    uint256 internal constant REGULATOR = 4;

    IValidatorSet internal set;
    IMemberRegistry internal registry;
    Valve internal valve;

    function setUp() public virtual {
        vm.warp(START);
        vm.roll(10);
        Validator[] memory first = new Validator[](4);
        for (uint256 i = 0; i < 4; ++i) {
            first[i] = validatorOf(i);
        }
        set = IValidatorSet(deploy("ValidatorSet", abi.encode(address(this), LENGTH, first)));
        address there = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        valve = new Valve(there);
        registry = deployRegistry(founders(), [PERIOD, DELAY, WINDOW], calls());
        eq(address(registry), there, "registry");
        set.offerAdministration(address(registry));
        registry.takeOver(address(set));
    }

    function deployRegistry(Terms[] memory terms, uint40[3] memory periods, Allowed[] memory allowed)
        internal
        returns (IMemberRegistry)
    {
        return IMemberRegistry(deploy("MemberRegistry", abi.encode(address(set), terms, periods, allowed)));
    }

    function founders() internal pure returns (Terms[] memory all) {
        all = new Terms[](5);
        for (uint256 i = 0; i < 4; ++i) {
            all[i] = termsOf(i, Role.Member, 1);
        }
        all[REGULATOR] = termsOf(REGULATOR, Role.Observer, 0);
    }

    function calls() internal view returns (Allowed[] memory all) {
        all = new Allowed[](3);
        all[0] = Allowed(address(valve), Valve.pause.selector, CallClass.Pause);
        all[1] = Allowed(address(valve), Valve.unpause.selector, CallClass.Guarded);
        all[2] = Allowed(address(valve), Valve.setLimit.selector, CallClass.Guarded);
    }

    // ---- organisations

    function termsOf(uint256 i, Role role, uint256 validators) internal pure returns (Terms memory t) {
        (t.name, t.account, t.role) = (string.concat("org ", vm.toString(i)), accountOf(i), role);
        t.certificates = new bytes32[](1);
        t.certificates[0] = certificateOf(i);
        t.validators = new Validator[](validators);
        for (uint256 j = 0; j < validators; ++j) {
            t.validators[j] = validatorOf(i + 100 * j);
        }
    }

    function accountOf(uint256 i) internal pure returns (address) {
        return address(uint160(0xAC0000 + i));
    }

    function certificateOf(uint256 i) internal pure returns (bytes32) {
        return keccak256(abi.encode("certificate", i));
    }

    function validatorOf(uint256 i) internal pure returns (Validator memory) {
        return Validator(address(uint160(0xF00000 + i)), keccak256(abi.encode("network", i)), "10.0.0.1:30303");
    }

    // ---- acts

    function proposeBy(uint256 i, address target, bytes memory data) internal returns (uint256) {
        vm.prank(accountOf(i));
        return registry.propose(target, data, "test");
    }

    function propose(uint256 i, bytes memory data) internal returns (uint256) {
        return proposeBy(i, address(registry), data);
    }

    function cast(uint256 number, uint256 i, bool approves) internal {
        vm.prank(accountOf(i));
        registry.vote(number, approves);
    }

    /// Passed by the organisations of `who`, the first of them proposing.
    function passBy(uint256[] memory who, address target, bytes memory data) internal returns (uint256 number) {
        number = proposeBy(who[0], target, data);
        for (uint256 i = 1; i < who.length; ++i) {
            if (registry.proposal(number).state == ProposalState.Open) cast(number, who[i], true);
        }
        vm.warp(block.timestamp + DELAY);
    }

    function pass(address target, bytes memory data) internal returns (uint256) {
        return passBy(some(0, 1, 2), target, data);
    }

    function decide(bytes memory data) internal {
        registry.execute(pass(address(registry), data));
    }

    function some(uint256 a, uint256 b, uint256 c) internal pure returns (uint256[] memory who) {
        who = new uint256[](3);
        (who[0], who[1], who[2]) = (a, b, c);
    }

    function some(uint256 a, uint256 b, uint256 c, uint256 d) internal pure returns (uint256[] memory who) {
        who = new uint256[](4);
        (who[0], who[1], who[2], who[3]) = (a, b, c, d);
    }

    /// Organisation 5 joins, with a validator.
    function admitFifth() internal {
        decide(abi.encodeCall(IMemberRegistry.admit, (termsOf(5, Role.Member, 1))));
    }

    // ---- looking

    function isState(uint256 number, ProposalState expected) internal view {
        eq(uint256(registry.proposal(number).state), uint256(expected), "state");
    }

    function notIn(uint256 number, ProposalState got, ProposalState expected) internal {
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.ProposalNotIn.selector, number, got, expected));
    }

    function scheduled() internal view returns (Validator[] memory) {
        return set.at(set.currentEpoch() + 1);
    }
}
