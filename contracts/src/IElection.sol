// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Candidate, CandidateState, ConsensusVote, ElectionConfig, Position} from "./ElectionTypes.sol";

/// @title Who produces the blocks of the public chain.
/// @notice Each epoch: -- blocks recorded --/-- closing blocks: elect() --/-- next epoch: the elected produce --
///         A candidate: -- register: running --/-- resign --/-- exitDelay: release --
///                      -- HERE: slashed by evidence, while the deposit is there --/
///         Rules E1..E16 in docs/validators.md. Nobody has a privilege.
/// @dev Invariants L120..L134 in docs/threats.md.
interface IElection {
    /// @notice A candidate stands. Vote key, network key and owner are written only here.
    event CandidateRegistered(
        uint32 indexed number,
        address indexed owner,
        address indexed vote,
        bytes32 network,
        string endpoint,
        uint16 commission,
        uint96 deposit
    );
    /// @notice A candidate listens elsewhere from the next election on.
    event EndpointChanged(uint32 indexed number, string endpoint);
    /// @notice A candidate has more at stake.
    event DepositRaised(uint32 indexed number, uint96 deposit);
    /// @notice A candidate stands no more: by itself, or because better ones wanted the last place.
    event CandidateLeaving(uint32 indexed number, uint40 releaseAt, bool displaced);
    /// @notice A candidate's deposit was credited to its owner.
    event CandidateGone(uint32 indexed number, uint96 deposit);
    /// @notice A benched candidate stands again.
    event CandidateRejoined(uint32 indexed number, uint64 epoch);
    /// @notice A producer signed two votes that exclude each other and lost its deposit.
    event ProducerSlashed(
        uint32 indexed number,
        address indexed vote,
        address indexed reporter,
        uint96 deposit,
        ConsensusVote first,
        ConsensusVote second
    );
    /// @notice A producer made `blocks` of the `recorded` blocks of an epoch with `size` producers: too few.
    event ProducerIdle(uint32 indexed number, uint64 indexed epoch, uint32 blocks, uint32 recorded, uint32 size);

    /// @notice `producers`, numbers of candidates in the order of certificates, will produce from `epoch` on.
    event Elected(uint64 indexed epoch, uint32 seats, uint64 devices, uint32[] producers, uint32[] standbys);
    /// @notice There are too few candidates for a set: the one there is goes on.
    event ElectionKept(uint64 indexed epoch, uint256 eligible, uint256 needed);

    /// @notice Points were locked for a candidate.
    event Voted(uint32 indexed number, address indexed voter, uint128 amount, uint128 position, uint40 movableAt);
    /// @notice Points were taken from a candidate.
    event Unvoted(uint32 indexed number, address indexed voter, uint128 amount, uint128 position);

    /// @notice Blocks up to `number` are counted.
    event Recorded(uint64 indexed number, uint256 count);
    /// @notice The hash of an older block is known, from headers that lead to it.
    event Anchored(uint64 indexed number, bytes32 hash);
    /// @notice Rewards have more to be paid from.
    event RewardsFunded(address indexed from, uint256 amount, uint256 pool);
    /// @notice Points wait for `payee`.
    event Credited(address indexed payee, uint256 amount);
    /// @notice Credited points were paid.
    event Withdrawn(address indexed payee, uint256 amount);

    /// Field `field` of the configuration makes no sense, counted from 0 in the order of `ElectionConfig`.
    error ElectionConfigRefused(uint256 field);
    /// The deposit is less than the least, or more than can be counted.
    error DepositRefused(uint256 got, uint256 min);
    /// A key is zero: 0 vote, 1 network.
    error KeyZero(uint256 which);
    /// The key belongs or belonged to a candidate: 0 vote, 1 network.
    error KeyUsed(uint256 which);
    /// The endpoint is empty or longer than MAX_ENDPOINT bytes.
    error EndpointRefused(uint256 got, uint256 max);
    /// More commission than there is.
    error CommissionRefused(uint256 got, uint256 max);
    /// The vote key did not sign this candidacy.
    error CandidacyNotSigned(address got, address expected);
    /// There are as many candidates as can be, and the last of them has at least this score.
    error CandidatesFull(uint256 score, uint256 least);
    /// The candidate is not in the state this needs.
    error CandidateNotRunning(uint32 number, CandidateState state);
    /// Only the owner does this.
    error CallerNotOwner(address got, address expected);
    /// The candidate still produces.
    error StillProducing(uint32 number);
    /// The deposit stays until then.
    error ReleaseTooEarly(uint256 nowAt, uint256 releaseAt);
    /// The candidate is not benched, or until this epoch.
    error RejoinRefused(uint64 epoch, uint64 benchedUntil);

    /// A contract votes for nobody: who stands behind it cannot be seen.
    error VoterIsContract(address voter);
    /// Owner and vote key of a candidate do not vote for it.
    error VoteForOneself(uint32 number, address voter);
    /// No points, or more than there are.
    error VoteAmountRefused(uint256 got, uint256 max);
    /// The points are locked until then.
    error VoteLocked(uint256 nowAt, uint256 movableAt);

    /// No headers, or too many.
    error HeadersRefused(uint256 got, uint256 max);
    /// Header `index` has another number than comes next.
    error HeaderOutOfOrder(uint256 index, uint64 got, uint64 expected);
    /// Header `index` does not name the one before it as its parent.
    error HeaderNotLinked(uint256 index);
    /// No block of this chain that can be looked up has this hash: 256 back, or anchored.
    error BlockUnknown(uint64 number, bytes32 hash);

    /// An epoch is elected in its last blocks.
    error ElectionTooEarly(uint256 height, uint256 opens);
    /// Blocks must be recorded first.
    error BlocksMissing(uint64 recorded, uint64 needed);
    /// The election does not administer the `ValidatorSet` yet.
    error NotInOffice(address administrator);

    /// The votes do not exclude each other: another epoch or view, or an honest validator may sign both.
    error VotesCompatible();
    /// A signature is not in its one form.
    error VoteSignatureMalformed(uint256 index);
    /// The votes are of two keys.
    error VotesOfTwo(address first, address second);
    /// The signer is no candidate, or has nothing at stake any more.
    error NothingAtStake(address signer, CandidateState state);
    /// Nothing is credited.
    error NothingCredited(address payee);
    /// The payee does not take the points.
    error WithdrawalRefused(address payee, uint256 amount);

    // ---- candidates

    /// @notice Registers a candidate; the value sent is its deposit, `signature` the vote key's over `candidacyDigest`.
    function register(
        address vote,
        bytes32 network,
        string calldata endpoint,
        uint16 commission,
        bytes calldata signature
    ) external payable returns (uint32 number);

    /// @notice Adds to a candidate's deposit. Timeline: while it runs.
    function raiseDeposit(uint32 number) external payable;

    /// @notice Says where a candidate listens. Timeline: while it runs, by the owner.
    function setEndpoint(uint32 number, string calldata endpoint) external;

    /// @notice Stands no more. Timeline: while it runs, by the owner.
    function resign(uint32 number) external;

    /// @notice Credits the deposit of a candidate that left. Timeline: from `releaseAt` on, not while it produces.
    function release(uint32 number) external;

    /// @notice Stands again after idleness. Timeline: from epoch `benchedUntil` on, by the owner.
    function rejoin(uint32 number) external;

    // ---- voters

    /// @notice Locks the value sent for a candidate; all of the voter's points with it can be moved `voteLock` later.
    function vote(uint32 number) external payable;

    /// @notice Takes points from a candidate; they are credited. Timeline: from `movableAt` on, or when the candidate runs
    ///         no more.
    function unvote(uint32 number, uint128 amount) external;

    /// @notice Moves points to another candidate, where they are locked anew. Timeline: as `unvote`.
    function move(uint32 from, uint32 to, uint128 amount) external;

    /// @notice Credits a voter's share of rewards; anyone may call.
    function collect(uint32 number, address voter) external;

    // ---- blocks and rewards

    /// @notice Counts the next blocks, and pays for them. Timeline: while the last of them is one of the 256 newest, or
    ///         anchored.
    function record(bytes[] calldata headers) external;

    /// @notice Makes the hash before the first of these headers known, as the last of them is: how blocks are recorded that
    ///         nobody recorded for long.
    function anchor(bytes[] calldata headers) external;

    /// @notice Adds the value sent to what rewards are paid from.
    function fund() external payable;

    /// @notice Pays `payee` what was credited; anyone may call.
    function withdraw(address payee) external;

    // ---- elections and faults

    /// @notice Takes over the `ValidatorSet`'s administration; anyone may call. Timeline: once it is offered.
    function takeOffice() external;

    /// @notice Elects the producers of the next epoch; anyone may call, the last call in an epoch counts.
    ///         Timeline: in the last `closingBlocks` of an epoch, with all blocks before them recorded.
    function elect() external;

    /// @notice Slashes who signed both votes, and takes it out of the next epoch's set; anyone may call.
    ///         Timeline: while its deposit is there.
    function report(ConsensusVote calldata first, ConsensusVote calldata second) external;

    // ---- reading

    /// @notice Returns what is known of a candidate; state `None` if nothing is.
    function candidate(uint32 number) external view returns (Candidate memory);

    /// @notice Returns a candidate's number by its vote key's address; zero if there is none.
    function numberOf(address vote) external view returns (uint32);

    /// @notice Returns S = k * votes + (1 - k) * C, in wei; C = deposit + blockWeight * produced * filled.
    function scoreOf(uint32 number) external view returns (uint256);

    /// @notice Returns C of `scoreOf`, in wei.
    function contributionOf(uint32 number) external view returns (uint256);

    /// @notice Returns who stands, unordered.
    function running() external view returns (uint32[] memory);

    /// @notice Returns the eligible in the order an election would take them.
    function ranking() external view returns (uint32[] memory);

    /// @notice Returns the producers elected last, in the order of certificates.
    function producers() external view returns (uint32[] memory);

    /// @notice Returns who comes next, best first.
    function standbys() external view returns (uint32[] memory);

    /// @notice Returns how many seats there are.
    function seats() external view returns (uint32);

    /// @notice Returns how many seats follow `current` with so many active devices: one step at most.
    function seatsAfter(uint32 current, uint64 devices) external view returns (uint32);

    /// @notice Returns a voter's points with a candidate.
    function positionOf(uint32 number, address voter) external view returns (Position memory);

    /// @notice Returns a voter's share of rewards that is not collected yet.
    function pendingOf(uint32 number, address voter) external view returns (uint256);

    /// @notice Returns what is credited.
    function credited(address payee) external view returns (uint256);

    /// @notice Returns what rewards are paid from.
    function pool() external view returns (uint256);

    /// @notice Returns the newest block that is counted.
    function recorded() external view returns (uint64);

    /// @notice Returns what a vote key signs to stand: `keccak256(abi.encode(keccak256("causeway.candidacy.v1"), chain id,
    ///         election, owner, vote, network))`.
    function candidacyDigest(address owner, address vote, bytes32 network) external view returns (bytes32);

    /// @notice Returns what a validator signs to cast a vote of consensus.
    function voteDigest(ConsensusVote calldata vote) external view returns (bytes32);

    /// @notice Returns the settings.
    function config() external view returns (ElectionConfig memory);

    /// @notice Most candidates that stand at once.
    function MAX_CANDIDATES() external view returns (uint256);

    /// @notice Fewest seats.
    function MIN_SEATS() external view returns (uint32);

    /// @notice Most seats.
    function MAX_SEATS() external view returns (uint32);

    /// @notice Most standbys that are kept.
    function MAX_STANDBYS() external view returns (uint256);

    /// @notice Longest endpoint in bytes: one slot, so that a set of 101 is scheduled in one transaction (EIP-7825).
    function MAX_ENDPOINT() external view returns (uint256);

    /// @notice Most headers in one call.
    function MAX_HEADERS() external view returns (uint256);
}
