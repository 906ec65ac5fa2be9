// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Allowed, CallClass, Organisation, Parameter, Proposal, ProposalState, Role, Terms} from "./MemberTypes.sol";
import {Validator} from "./IValidatorSet.sol";

/// @title Who belongs to the consortium, and what its members decide.
/// @notice A proposal: -- votes, until `closes` --/-- passed: delay --/-- window: execute --
///         Everything that changes is a call, either of this contract or of one on the list, and is made by votes alone.
///         Rules G1..G14 in docs/validators.md. Nobody has a privilege.
/// @dev Invariants L135..L146 in docs/threats.md.
interface IMemberRegistry {
    /// @notice An organisation belongs to the consortium.
    event OrganisationAdmitted(uint32 indexed number, address indexed account, Role role, string name);
    /// @notice An organisation belongs to it no more; its certificates and its vote count for nothing from now on.
    event OrganisationRemoved(uint32 indexed number, address indexed account);
    /// @notice An organisation has another role.
    event RoleChanged(uint32 indexed number, Role role);
    /// @notice A certificate speaks for an organisation.
    event CertificateBound(uint32 indexed number, bytes32 indexed fingerprint);
    /// @notice A certificate speaks for nobody any more.
    event CertificateRevoked(uint32 indexed number, bytes32 indexed fingerprint);
    /// @notice An organisation runs these validators from the next epoch on.
    event ValidatorsChanged(uint32 indexed number, Validator[] validators);
    /// @notice A parameter has another value.
    event ParameterChanged(Parameter indexed parameter, uint40 value);
    /// @notice A call may be proposed, or with class `None` no more.
    event CallAllowed(address indexed target, bytes4 indexed selector, CallClass class);
    /// @notice These organisations share what the group's owner keeps for it.
    event GroupChanged(bytes32 indexed group, uint32 indexed owner, uint32[] organisations);

    /// @notice A call is proposed.
    event Proposed(
        uint256 indexed proposal,
        uint32 indexed proposer,
        CallClass class,
        uint40 closes,
        address target,
        bytes data,
        string why
    );
    /// @notice An organisation voted.
    event Voted(uint256 indexed proposal, uint32 indexed organisation, bool approves);
    /// @notice Enough agree.
    event Passed(uint256 indexed proposal, uint40 executableAt, uint40 until);
    /// @notice Too many are against it.
    event Rejected(uint256 indexed proposal);
    /// @notice The call was made.
    event Executed(uint256 indexed proposal, address indexed executor);

    /// A parameter or an address of the configuration makes no sense: 0 validator set, 1 call target.
    error RegistryConfigRefused(uint256 field);
    /// Too few founders, or too many organisations.
    error OrganisationsRefused(uint256 got, uint256 min, uint256 max);
    /// Only votes do this.
    error OnlyByVote(address caller);
    /// The caller is no organisation, or was removed.
    error CallerNotAdmitted(address caller);
    /// The organisation's role does not allow this.
    error RoleRefused(uint32 organisation, Role role);
    /// There is no such organisation any more.
    error OrganisationUnknown(uint32 organisation);
    /// The name is empty, too long or taken; the account zero or taken: 0 name, 1 account, 2 role.
    error TermsRefused(uint256 field);
    /// The certificate is zero, or belongs or belonged to an organisation.
    error CertificateRefused(bytes32 fingerprint);
    /// The certificate is not this organisation's.
    error CertificateNotYours(bytes32 fingerprint);
    /// More of these than an organisation may have.
    error TooMany(uint256 got, uint256 max);
    /// An observer does not validate.
    error ObserverValidates(uint32 organisation);
    /// With so many validators an organisation could break the chain alone: `max` is f of the whole set.
    error ShareTooLarge(uint32 organisation, uint256 got, uint256 max);
    /// A parameter outside its bounds.
    error ParameterRefused(Parameter parameter, uint256 got, uint256 min, uint256 max);
    /// The group has another owner.
    error GroupNotYours(bytes32 group, uint32 owner);

    /// The call is not on the list.
    error CallNotAllowed(address target, bytes4 selector);
    /// The call's data is too long.
    error CallTooLong(uint256 got, uint256 max);
    /// The reason is missing or too long, in bytes.
    error WhyRefused(uint256 got, uint256 max);
    /// The proposal is not in the state this needs.
    error ProposalNotIn(uint256 proposal, ProposalState got, ProposalState expected);
    /// One organisation, one vote.
    error VotedBefore(uint256 proposal, uint32 organisation);
    /// Its delay is not over.
    error ExecutedTooEarly(uint256 nowAt, uint256 executableAt);
    /// Some who agreed have no vote any more.
    error ApprovalsMissing(uint256 got, uint256 needed);

    // ---- proposals

    /// @notice Proposes a call, with the proposer's approval and its reason, which stands in the event alone.
    ///         Timeline: any time, by an organisation with a vote on it.
    function propose(address target, bytes calldata data, string calldata why) external returns (uint256 proposal);

    /// @notice Votes. Timeline: until `closes`, once for each organisation.
    function vote(uint256 proposal, bool approves) external;

    /// @notice Makes the call; anyone may. Timeline: from `executableAt` on, for the window.
    function execute(uint256 proposal) external;

    // ---- by vote alone

    /// @notice Admits an organisation.
    function admit(Terms calldata terms) external returns (uint32 organisation);

    /// @notice Removes an organisation, its certificates at once, its validators with the next epoch.
    function remove(uint32 organisation) external;

    /// @notice Gives an organisation another role; an observer's validators leave.
    function setRole(uint32 organisation, Role role) external;

    /// @notice Sets the validators of an organisation.
    function setValidators(uint32 organisation, Validator[] calldata validators) external;

    /// @notice Sets a parameter.
    function setParameter(Parameter parameter, uint40 value) external;

    /// @notice Puts a call on the list, or takes it off.
    function allow(Allowed calldata call) external;

    // ---- by an organisation

    /// @notice Binds a certificate to the caller's organisation.
    function bindCertificate(bytes32 fingerprint) external;

    /// @notice Revokes a certificate of the caller's organisation, for ever.
    function revokeCertificate(bytes32 fingerprint) external;

    /// @notice Sets who shares a group of the caller's organisation, beside itself; the first call takes the name.
    function setGroup(bytes32 group, uint32[] calldata organisations) external;

    /// @notice Takes the administration of a contract that offers it; anyone may call.
    function takeOver(address target) external;

    // ---- reading

    /// @notice Returns an organisation; role `None` if it is none, or was removed.
    function organisation(uint32 number) external view returns (Organisation memory);

    /// @notice Returns the number of the organisation that votes by `account`; zero if none does.
    function numberOf(address account) external view returns (uint32);

    /// @notice Returns whose certificate this is and what it may do; zero and `None` if it counts for nothing.
    function certificate(bytes32 fingerprint) external view returns (uint32 organisation, Role role);

    /// @notice Returns the numbers of all organisations.
    function organisations() external view returns (uint32[] memory);

    /// @notice Returns the validators of all organisations, in the order they are scheduled.
    function validators() external view returns (Validator[] memory);

    /// @notice Returns whether `organisation` may see what the group keeps.
    function isInGroup(bytes32 group, uint32 organisation) external view returns (bool);

    /// @notice Returns a proposal.
    function proposal(uint256 number) external view returns (Proposal memory);

    /// @notice Returns how many proposals there are; numbers begin at 1.
    function proposals() external view returns (uint256);

    /// @notice Returns whether, and how, an organisation voted: 0 not, 1 for it, 2 against it.
    function voteOf(uint256 proposal, uint32 organisation) external view returns (uint8);

    /// @notice Returns how a call may be proposed.
    function classOf(address target, bytes4 selector) external view returns (CallClass);

    /// @notice Returns a parameter.
    function parameter(Parameter which) external view returns (uint40);

    /// @notice Returns how many must agree on a call of this class, as the organisations are now.
    function neededFor(CallClass class) external view returns (uint256);

    /// @notice Most organisations.
    function MAX_ORGANISATIONS() external view returns (uint256);

    /// @notice Most certificates of one organisation at once.
    function MAX_CERTIFICATES() external view returns (uint256);

    /// @notice Longest name, in bytes.
    function MAX_NAME() external view returns (uint256);

    /// @notice Longest call, in bytes.
    function MAX_CALL() external view returns (uint256);

    /// @notice Longest reason, in bytes.
    function MAX_WHY() external view returns (uint256);
}
