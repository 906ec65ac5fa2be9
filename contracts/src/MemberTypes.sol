// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Validator} from "./IValidatorSet.sol";

/// @notice What an organisation may do.
enum Role {
    /// Nothing: never admitted, or removed.
    None,
    /// Votes on everything, validates, reads, sends.
    Member,
    /// A regulator: reads, and votes on pauses; never validates.
    Observer
}

/// @notice Where a proposal stands.
enum ProposalState {
    /// There is none of this number.
    None,
    /// Votes are cast.
    Open,
    /// Enough organisations agree; anybody executes it in its window.
    Passed,
    /// Done, for ever.
    Executed,
    /// Too many are against it: it cannot pass any more.
    Rejected,
    /// Not enough agreed in time, or nobody executed it in time.
    Expired
}

/// @notice How a call may be proposed.
enum CallClass {
    /// Not at all.
    None,
    /// Members vote, by a quorum of 2f + 1; after the delay.
    Guarded,
    /// Members and observers vote, f + 1 of both are enough; at once.
    Pause
}

/// @notice Parameters that votes change.
enum Parameter {
    /// Seconds in which votes are cast.
    VotePeriod,
    /// Seconds from passing to execution.
    Delay,
    /// Seconds in which it can be executed.
    Window
}

/// @notice An organisation to admit.
struct Terms {
    string name;
    /// The account it votes by.
    address account;
    Role role;
    /// SHA-256 fingerprints of its certificates.
    bytes32[] certificates;
    /// Its validators; none for an observer.
    Validator[] validators;
}

/// @notice An organisation.
struct Organisation {
    string name;
    address account;
    Role role;
    bytes32[] certificates;
    Validator[] validators;
}

/// @notice A call that may be proposed.
struct Allowed {
    address target;
    bytes4 selector;
    CallClass class;
}

/// @notice A proposal and where it stands.
struct Proposal {
    /// Number of the organisation that made it.
    uint32 proposer;
    CallClass class;
    ProposalState state;
    /// When votes end.
    uint40 closes;
    /// When it can be executed; zero while it has not passed.
    uint40 executableAt;
    /// Organisations that agree and still have a vote.
    uint32 approvals;
    uint32 refusals;
    /// How many must agree, as the organisations are now.
    uint32 needed;
    address target;
    bytes data;
}
