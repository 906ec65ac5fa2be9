// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAdministered} from "./IAdministered.sol";
import {IMemberRegistry} from "./IMemberRegistry.sol";
import {IValidatorSet} from "./IValidatorSet.sol";
import {MemberBooks} from "./MemberBooks.sol";
import {Allowed, CallClass, Parameter, Proposal, ProposalState, Role, Terms} from "./MemberTypes.sol";

/// @title Who belongs to the consortium, and what its members decide.
/// @notice A proposal: -- votes, until `closes` --/-- passed: delay --/-- window: execute --
/// @dev Invariants L135..L146 in docs/threats.md; each has a test with the same number.
contract MemberRegistry is MemberBooks {
    /// @inheritdoc IMemberRegistry
    uint256 public constant MAX_CALL = 16_384;
    /// @inheritdoc IMemberRegistry
    uint256 public constant MAX_WHY = 1_000;

    /// With fewer members one of them could decide alone, or nobody could be removed.
    uint256 private constant _MIN_FOUNDERS = 4;
    uint256 private constant _MIN_PERIOD = 1 minutes;
    uint256 private constant _MAX_PERIOD = 90 days;
    uint8 private constant _FOR = 1;
    uint8 private constant _AGAINST = 2;

    struct _Proposal {
        uint32 proposer;
        CallClass class;
        bool executed;
        bool rejected;
        uint40 closes;
        uint40 executableAt;
        uint40 until;
        address target;
        bytes data;
    }

    mapping(Parameter => uint40) private _parameters;
    mapping(address target => mapping(bytes4 selector => CallClass)) private _classes;
    mapping(uint256 number => _Proposal) private _proposals;
    mapping(uint256 number => mapping(uint32 organisation => uint8)) private _votes;
    uint256 private _proposed;

    /// @param periods Vote period, delay and window, in seconds.
    constructor(IValidatorSet set, Terms[] memory founders, uint40[3] memory periods, Allowed[] memory calls)
        MemberBooks(set)
    {
        for (uint256 i = 0; i < periods.length; ++i) {
            _setParameter(Parameter(i), periods[i]);
        }
        for (uint256 i = 0; i < founders.length; ++i) {
            _admit(founders[i]);
        }
        (uint256 members,) = _count();
        if (members < _MIN_FOUNDERS) revert OrganisationsRefused(members, _MIN_FOUNDERS, MAX_ORGANISATIONS);
        _checkShares(validators().length);
        bytes4[6] memory own = [
            IMemberRegistry.admit.selector,
            IMemberRegistry.remove.selector,
            IMemberRegistry.setRole.selector,
            IMemberRegistry.setValidators.selector,
            IMemberRegistry.setParameter.selector,
            IMemberRegistry.allow.selector
        ];
        for (uint256 i = 0; i < own.length; ++i) {
            _allow(Allowed(address(this), own[i], CallClass.Guarded));
        }
        for (uint256 i = 0; i < calls.length; ++i) {
            if (calls[i].target == address(this)) revert RegistryConfigRefused(1);
            _allow(calls[i]);
        }
    }

    // ---- proposals

    /// @inheritdoc IMemberRegistry
    function propose(address target, bytes calldata data, string calldata why) external returns (uint256 number) {
        if (data.length > MAX_CALL) revert CallTooLong(data.length, MAX_CALL);
        uint256 length = bytes(why).length;
        if (length == 0 || length > MAX_WHY) revert WhyRefused(length, MAX_WHY);
        CallClass class = _classOf(target, data);
        uint32 by = _voter(class);
        number = ++_proposed;
        _Proposal storage p = _proposals[number];
        (p.proposer, p.class, p.target, p.data) = (by, class, target, data);
        p.closes = uint40(block.timestamp) + _parameters[Parameter.VotePeriod];
        emit Proposed(number, by, class, p.closes, target, data, why);
        _cast(number, by, true);
    }

    /// @inheritdoc IMemberRegistry
    function vote(uint256 number, bool approves) external {
        _checkState(number, ProposalState.Open);
        uint32 by = _voter(_proposals[number].class);
        if (_votes[number][by] != 0) revert VotedBefore(number, by);
        _cast(number, by, approves);
    }

    /// @inheritdoc IMemberRegistry
    function execute(uint256 number) external {
        _checkState(number, ProposalState.Passed);
        _Proposal storage p = _proposals[number];
        if (block.timestamp < p.executableAt) revert ExecutedTooEarly(block.timestamp, p.executableAt);
        // G3: the list, and who has a vote, as they are now.
        _classOf(p.target, p.data);
        (uint256 approvals,) = _tally(number, p.class);
        uint256 needed = neededFor(p.class);
        if (approvals < needed) revert ApprovalsMissing(approvals, needed);
        p.executed = true;
        emit Executed(number, msg.sender);
        (bool ok, bytes memory answer) = p.target.call(p.data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    // ---- by vote alone

    /// @inheritdoc IMemberRegistry
    function setParameter(Parameter which, uint40 value) external onlyByVote {
        _setParameter(which, value);
    }

    /// @inheritdoc IMemberRegistry
    function allow(Allowed calldata call) external onlyByVote {
        // G9: its own functions stay as they are, or nobody could change anything any more.
        if (call.target == address(this)) revert RegistryConfigRefused(1);
        _allow(call);
    }

    // ---- by anyone

    /// @inheritdoc IMemberRegistry
    function takeOver(address target) external {
        IAdministered(target).acceptAdministration();
        if (target == address(_set)) _schedule();
    }

    // ---- reading

    /// @inheritdoc IMemberRegistry
    function proposal(uint256 number) external view returns (Proposal memory a) {
        _Proposal storage p = _proposals[number];
        (a.proposer, a.class, a.state) = (p.proposer, p.class, _state(p));
        (a.closes, a.executableAt, a.target, a.data) = (p.closes, p.executableAt, p.target, p.data);
        (uint256 approvals, uint256 refusals) = _tally(number, p.class);
        (a.approvals, a.refusals) = (uint32(approvals), uint32(refusals));
        if (p.class != CallClass.None) a.needed = uint32(neededFor(p.class));
    }

    /// @inheritdoc IMemberRegistry
    function proposals() external view returns (uint256) {
        return _proposed;
    }

    /// @inheritdoc IMemberRegistry
    function voteOf(uint256 number, uint32 by) external view returns (uint8) {
        return _votes[number][by];
    }

    /// @inheritdoc IMemberRegistry
    function classOf(address target, bytes4 selector) external view returns (CallClass) {
        return _classes[target][selector];
    }

    /// @inheritdoc IMemberRegistry
    function parameter(Parameter which) external view returns (uint40) {
        return _parameters[which];
    }

    /// @inheritdoc IMemberRegistry
    function neededFor(CallClass class) public view returns (uint256) {
        (uint256 members, uint256 observers) = _count();
        uint256 all = members + observers;
        // G2: 2f + 1 of the members, or f + 1 of all for a pause. Never one alone: there are at least two.
        if (class == CallClass.Pause) return (all - 1) / 3 + 1 < 2 ? 2 : (all - 1) / 3 + 1;
        return members - (members - 1) / 3;
    }

    // ---- effects

    function _cast(uint256 number, uint32 by, bool approves) private {
        _Proposal storage p = _proposals[number];
        _votes[number][by] = approves ? _FOR : _AGAINST;
        emit Voted(number, by, approves);
        (uint256 approvals, uint256 refusals) = _tally(number, p.class);
        uint256 needed = neededFor(p.class);
        if (approvals >= needed) {
            uint40 delay = p.class == CallClass.Pause ? 0 : _parameters[Parameter.Delay];
            p.executableAt = uint40(block.timestamp) + delay;
            p.until = p.executableAt + _parameters[Parameter.Window];
            emit Passed(number, p.executableAt, p.until);
        } else if (refusals + needed > _electorate(p.class)) {
            p.rejected = true;
            emit Rejected(number);
        }
    }

    function _setParameter(Parameter which, uint40 value) private {
        if (value < _MIN_PERIOD || value > _MAX_PERIOD) {
            revert ParameterRefused(which, value, _MIN_PERIOD, _MAX_PERIOD);
        }
        _parameters[which] = value;
        emit ParameterChanged(which, value);
    }

    function _allow(Allowed memory call) private {
        if (call.target == address(0)) revert RegistryConfigRefused(1);
        _classes[call.target][call.selector] = call.class;
        emit CallAllowed(call.target, call.selector, call.class);
    }

    // ---- sums

    /// Votes of organisations that have a vote now: who was removed counts no more.
    function _tally(uint256 number, CallClass class) private view returns (uint256 approvals, uint256 refusals) {
        for (uint256 i = 0; i < _all.length; ++i) {
            if (!_hasVote(_role(_all[i]), class)) continue;
            uint8 cast = _votes[number][_all[i]];
            if (cast == _FOR) ++approvals;
            if (cast == _AGAINST) ++refusals;
        }
    }

    function _count() private view returns (uint256 members, uint256 observers) {
        for (uint256 i = 0; i < _all.length; ++i) {
            if (_role(_all[i]) == Role.Member) ++members;
            else ++observers;
        }
    }

    function _electorate(CallClass class) private view returns (uint256) {
        (uint256 members, uint256 observers) = _count();
        return class == CallClass.Pause ? members + observers : members;
    }

    function _state(_Proposal storage p) private view returns (ProposalState) {
        if (p.closes == 0) return ProposalState.None;
        if (p.executed) return ProposalState.Executed;
        if (p.rejected) return ProposalState.Rejected;
        if (p.executableAt != 0) return block.timestamp > p.until ? ProposalState.Expired : ProposalState.Passed;
        return block.timestamp > p.closes ? ProposalState.Expired : ProposalState.Open;
    }

    // ---- checks

    function _checkState(uint256 number, ProposalState expected) private view {
        ProposalState got = _state(_proposals[number]);
        if (got != expected) revert ProposalNotIn(number, got, expected);
    }

    function _voter(CallClass class) private view returns (uint32 number) {
        number = _caller();
        Role role = _role(number);
        if (!_hasVote(role, class)) revert RoleRefused(number, role);
    }

    function _hasVote(Role role, CallClass class) private pure returns (bool) {
        return role == Role.Member || (role == Role.Observer && class == CallClass.Pause);
    }

    function _classOf(address target, bytes memory data) private view returns (CallClass class) {
        bytes4 selector = data.length < 4 ? bytes4(0) : bytes4(data);
        class = _classes[target][selector];
        if (class == CallClass.None || data.length < 4) revert CallNotAllowed(target, selector);
    }
}
