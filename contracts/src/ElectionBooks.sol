// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

import {Candidate, CandidateState, ElectionConfig, Position} from "./ElectionTypes.sol";
import {IElection} from "./IElection.sol";
import {IValidatorSet} from "./IValidatorSet.sol";

/// @title The books of an election: candidates, their scores, voters' points, and what is owed to whom.
/// @dev No loop over voters; loops over candidates end at MAX_CANDIDATES.
abstract contract ElectionBooks is IElection {
    /// @inheritdoc IElection
    uint256 public constant MAX_CANDIDATES = 256;
    /// @inheritdoc IElection
    uint32 public constant MIN_SEATS = 7;
    /// @inheritdoc IElection
    uint32 public constant MAX_SEATS = 101;
    /// @inheritdoc IElection
    uint256 public constant MAX_STANDBYS = 16;

    /// @inheritdoc IElection
    uint256 public constant MAX_ENDPOINT = 31;

    uint256 internal constant _WHOLE = 10_000;
    /// Rewards for each wei voted are counted in this many parts.
    uint256 private constant _PRECISION = 1e27;
    uint256 private constant _MAX_COMMISSION = 10_000;
    uint256 private constant _MIN_EXIT_DELAY = 1 hours;
    uint256 private constant _MAX_DELAY = 90 days;
    uint256 private constant _MAX_REPORTER_SHARE = 5_000;
    bytes32 private constant _CANDIDACY = keccak256("causeway.candidacy.v1");

    struct _Candidate {
        address owner;
        uint96 deposit;
        // ---- one slot: what a recorded block writes, and a score reads
        address vote;
        uint40 produced;
        uint32 inEpoch;
        uint16 filled;
        // ---- one slot
        uint128 votes;
        uint64 countedIn;
        uint40 releaseAt;
        uint16 commission;
        uint8 place;
        // ---- one slot
        uint64 since;
        uint64 benchedUntil;
        CandidateState state;
        // ---- one slot each
        uint256 perVote;
        bytes32 network;
        string endpoint;
    }

    struct _Position {
        uint128 amount;
        uint40 movableAt;
        /// `perVote` up to which the rewards are credited.
        uint256 paidTo;
    }

    IValidatorSet internal immutable _set;
    uint64 internal immutable _epochLength;

    ElectionConfig internal _config;
    mapping(uint32 number => _Candidate) internal _candidates;
    mapping(address vote => uint32 number) internal _numbers;
    mapping(bytes32 network => bool) private _networkUsed;
    /// Candidates in state `Running`; a candidate knows its place.
    uint32[] internal _running;
    uint32 private _registered;
    /// Whether the set that was scheduled names endpoints that were changed since.
    bool internal _endpointsChanged;
    mapping(uint32 number => mapping(address voter => _Position)) private _positions;
    mapping(address payee => uint256) private _credits;
    uint256 internal _pool;

    constructor(ElectionConfig memory c) {
        if (c.validatorSet.code.length == 0) revert ElectionConfigRefused(0);
        if (c.devices.code.length == 0) revert ElectionConfigRefused(1);
        if (c.domain == 0) revert ElectionConfigRefused(2);
        if (c.treasury == address(0)) revert ElectionConfigRefused(3);
        if (c.minimumDeposit == 0) revert ElectionConfigRefused(4);
        if (c.voteWeight == 0 || c.voteWeight >= _WHOLE) revert ElectionConfigRefused(7);
        if (c.idleShare == 0 || c.idleShare >= _WHOLE) revert ElectionConfigRefused(8);
        if (c.reporterShare == 0 || c.reporterShare > _MAX_REPORTER_SHARE) revert ElectionConfigRefused(9);
        if (c.devicesPerSeat == 0) revert ElectionConfigRefused(10);
        if (c.benchEpochs == 0) revert ElectionConfigRefused(11);
        _set = IValidatorSet(c.validatorSet);
        _epochLength = _set.epochLength();
        // Blocks before the closing ones are what idleness is judged by.
        if (c.closingBlocks == 0 || c.closingBlocks > _epochLength / 2) revert ElectionConfigRefused(12);
        if (c.voteLock == 0 || c.voteLock > _MAX_DELAY) revert ElectionConfigRefused(13);
        if (c.exitDelay < _MIN_EXIT_DELAY || c.exitDelay > _MAX_DELAY) revert ElectionConfigRefused(14);
        _config = c;
    }

    modifier onlyRunning(uint32 number) {
        _checkRunning(number);
        _;
    }

    modifier onlyOwner(uint32 number) {
        address owner = _candidates[number].owner;
        if (msg.sender != owner) revert CallerNotOwner(msg.sender, owner);
        _;
    }

    // ---- candidates

    /// @inheritdoc IElection
    function register(
        address vote_,
        bytes32 network,
        string calldata endpoint,
        uint16 commission,
        bytes calldata signature
    ) external payable returns (uint32 number) {
        uint256 min = _config.minimumDeposit;
        if (msg.value < min || msg.value > type(uint96).max) revert DepositRefused(msg.value, min);
        if (vote_ == address(0)) revert KeyZero(0);
        if (network == 0) revert KeyZero(1);
        if (_numbers[vote_] != 0) revert KeyUsed(0);
        if (_networkUsed[network]) revert KeyUsed(1);
        if (commission > _MAX_COMMISSION) revert CommissionRefused(commission, _MAX_COMMISSION);
        _checkEndpoint(endpoint);
        _checkSigned(candidacyDigest(msg.sender, vote_, network), vote_, signature);
        if (_running.length == MAX_CANDIDATES) _displace(_score(0, uint96(msg.value), 0, 0));

        number = ++_registered;
        _numbers[vote_] = number;
        _networkUsed[network] = true;
        _Candidate storage c = _candidates[number];
        // The value was compared with the largest uint96 above.
        (c.owner, c.deposit, c.vote, c.network) = (msg.sender, uint96(msg.value), vote_, network);
        (c.endpoint, c.commission, c.filled) = (endpoint, commission, uint16(_WHOLE));
        c.state = CandidateState.Running;
        c.place = uint8(_running.length); // below MAX_CANDIDATES, which is 256
        _running.push(number);
        emit CandidateRegistered(number, msg.sender, vote_, network, endpoint, commission, uint96(msg.value));
    }

    /// @inheritdoc IElection
    function raiseDeposit(uint32 number) external payable onlyRunning(number) {
        _Candidate storage c = _candidates[number];
        uint256 deposit = msg.value + c.deposit;
        if (msg.value == 0 || deposit > type(uint96).max) revert DepositRefused(msg.value, 1);
        c.deposit = uint96(deposit);
        emit DepositRaised(number, uint96(deposit));
    }

    /// @inheritdoc IElection
    function setEndpoint(uint32 number, string calldata endpoint) external onlyRunning(number) onlyOwner(number) {
        _checkEndpoint(endpoint);
        _candidates[number].endpoint = endpoint;
        _endpointsChanged = true;
        emit EndpointChanged(number, endpoint);
    }

    /// @inheritdoc IElection
    function resign(uint32 number) external onlyRunning(number) onlyOwner(number) {
        _retire(number, false);
    }

    /// @inheritdoc IElection
    function release(uint32 number) external {
        _Candidate storage c = _candidates[number];
        if (c.state != CandidateState.Leaving) revert CandidateNotRunning(number, c.state);
        if (c.since != 0 || _epoch() < c.benchedUntil) revert StillProducing(number);
        if (block.timestamp < c.releaseAt) revert ReleaseTooEarly(block.timestamp, c.releaseAt);
        uint96 deposit = c.deposit;
        (c.state, c.deposit) = (CandidateState.Gone, 0);
        emit CandidateGone(number, deposit);
        _credit(c.owner, deposit);
    }

    /// @inheritdoc IElection
    function rejoin(uint32 number) external onlyRunning(number) onlyOwner(number) {
        _Candidate storage c = _candidates[number];
        uint64 epoch = _epoch();
        if (c.benchedUntil == 0 || epoch < c.benchedUntil) revert RejoinRefused(epoch, c.benchedUntil);
        c.benchedUntil = 0;
        emit CandidateRejoined(number, epoch);
    }

    // ---- voters

    /// @inheritdoc IElection
    function vote(uint32 number) external payable {
        _vote(number, msg.value);
    }

    /// @inheritdoc IElection
    function unvote(uint32 number, uint128 amount) external {
        _unvote(number, amount);
        _credit(msg.sender, amount);
    }

    /// @inheritdoc IElection
    function move(uint32 from, uint32 to, uint128 amount) external {
        _unvote(from, amount);
        _vote(to, amount);
    }

    /// @inheritdoc IElection
    function collect(uint32 number, address voter) external {
        _settle(number, voter);
    }

    /// @inheritdoc IElection
    function withdraw(address payee) external {
        uint256 amount = _credits[payee];
        if (amount == 0) revert NothingCredited(payee);
        _credits[payee] = 0;
        emit Withdrawn(payee, amount);
        if (!LowLevelCall.callNoReturn(payee, amount, "")) revert WithdrawalRefused(payee, amount);
    }

    // ---- reading

    /// @inheritdoc IElection
    function candidate(uint32 number) external view returns (Candidate memory a) {
        _Candidate storage c = _candidates[number];
        (a.owner, a.vote, a.network, a.endpoint) = (c.owner, c.vote, c.network, c.endpoint);
        (a.state, a.deposit, a.votes, a.commission) = (c.state, c.deposit, c.votes, c.commission);
        (a.produced, a.filled, a.since) = (_produced(c, _epoch()), c.filled, c.since);
        (a.benchedUntil, a.releaseAt) = (c.benchedUntil, c.releaseAt);
    }

    /// @inheritdoc IElection
    function numberOf(address vote_) external view returns (uint32) {
        return _numbers[vote_];
    }

    /// @inheritdoc IElection
    function scoreOf(uint32 number) external view returns (uint256) {
        return _scoreOf(number, _epoch());
    }

    /// @inheritdoc IElection
    function contributionOf(uint32 number) external view returns (uint256) {
        _Candidate storage c = _candidates[number];
        return _contribution(c.deposit, _produced(c, _epoch()), c.filled);
    }

    /// @inheritdoc IElection
    function running() external view returns (uint32[] memory) {
        return _running;
    }

    /// @inheritdoc IElection
    function positionOf(uint32 number, address voter) external view returns (Position memory) {
        _Position storage p = _positions[number][voter];
        return Position(p.amount, p.movableAt);
    }

    /// @inheritdoc IElection
    function pendingOf(uint32 number, address voter) external view returns (uint256) {
        return _pending(_candidates[number].perVote, _positions[number][voter]);
    }

    /// @inheritdoc IElection
    function credited(address payee) external view returns (uint256) {
        return _credits[payee];
    }

    /// @inheritdoc IElection
    function config() external view returns (ElectionConfig memory) {
        return _config;
    }

    /// @inheritdoc IElection
    function candidacyDigest(address owner, address vote_, bytes32 network) public view returns (bytes32) {
        return keccak256(abi.encode(_CANDIDACY, block.chainid, address(this), owner, vote_, network));
    }

    // ---- effects

    /// Takes a candidate off the list; what becomes of it is the caller's business.
    function _strike(uint32 number) internal {
        uint8 place = _candidates[number].place;
        uint32 last = _running[_running.length - 1];
        _running[place] = last;
        _candidates[last].place = place;
        _running.pop();
    }

    function _retire(uint32 number, bool displaced) private {
        _Candidate storage c = _candidates[number];
        _strike(number);
        (c.state, c.releaseAt) = (CandidateState.Leaving, uint40(block.timestamp) + _config.exitDelay);
        // E5: it may be validating until this epoch ends, also when it is no producer of the next.
        c.benchedUntil = _epoch() + 1;
        emit CandidateLeaving(number, c.releaseAt, displaced);
    }

    /// E4: who brings more than the last takes its place; producers are not displaced.
    function _displace(uint256 score) private {
        uint64 epoch = _epoch();
        uint256 least = type(uint256).max;
        uint32 last;
        for (uint256 i = 0; i < _running.length; ++i) {
            uint32 number = _running[i];
            if (_candidates[number].since != 0) continue;
            uint256 its = _scoreOf(number, epoch);
            // Of equals, the one that came last.
            if (its < least || (its == least && number > last)) (least, last) = (its, number);
        }
        if (score <= least) revert CandidatesFull(score, least);
        _retire(last, true);
    }

    function _vote(uint32 number, uint256 amount) private onlyRunning(number) {
        _Candidate storage c = _candidates[number];
        // E6. A contract could be anybody's, also the candidate's.
        if (msg.sender != tx.origin) revert VoterIsContract(msg.sender);
        if (msg.sender == c.owner || msg.sender == c.vote) revert VoteForOneself(number, msg.sender);
        uint256 room = type(uint128).max - c.votes;
        if (amount == 0 || amount > room) revert VoteAmountRefused(amount, room);
        _settle(number, msg.sender);
        _Position storage p = _positions[number][msg.sender];
        // The sum was compared with the largest uint128; no position exceeds it.
        uint128 added = uint128(amount);
        (p.amount, p.movableAt) = (p.amount + added, uint40(block.timestamp) + _config.voteLock);
        c.votes += added;
        emit Voted(number, msg.sender, added, p.amount, p.movableAt);
    }

    function _unvote(uint32 number, uint128 amount) private {
        _Candidate storage c = _candidates[number];
        _Position storage p = _positions[number][msg.sender];
        if (amount == 0 || amount > p.amount) revert VoteAmountRefused(amount, p.amount);
        // E7. Nobody is held with a candidate that does not stand.
        if (c.state == CandidateState.Running && block.timestamp < p.movableAt) {
            revert VoteLocked(block.timestamp, p.movableAt);
        }
        _settle(number, msg.sender);
        p.amount -= amount;
        c.votes -= amount;
        emit Unvoted(number, msg.sender, amount, p.amount);
    }

    function _settle(uint32 number, address voter) private {
        uint256 perVote = _candidates[number].perVote;
        _Position storage p = _positions[number][voter];
        uint256 amount = _pending(perVote, p);
        p.paidTo = perVote;
        if (amount != 0) _credit(voter, amount);
    }

    /// E13: the owner's part, and the rest for all voters alike, rounded down.
    function _reward(_Candidate storage c, uint256 amount) internal {
        uint256 votes = c.votes;
        uint256 own = votes == 0 ? amount : amount * c.commission / _WHOLE;
        if (own != 0) _credits[c.owner] += own;
        if (amount != own) c.perVote += (amount - own) * _PRECISION / votes;
    }

    function _credit(address payee, uint256 amount) internal {
        _credits[payee] += amount;
        emit Credited(payee, amount);
    }

    // ---- sums

    /// As `ValidatorSet.currentEpoch`.
    function _epoch() internal view returns (uint64) {
        return uint64(block.number) / _epochLength;
    }

    function _pending(uint256 perVote, _Position storage p) private view returns (uint256) {
        return (perVote - p.paidTo) * p.amount / _PRECISION;
    }

    /// Half of what was counted, for each epoch that passed.
    function _produced(_Candidate storage c, uint64 epoch) internal view returns (uint40) {
        return c.countedIn < epoch ? uint40(uint256(c.produced) >> (epoch - c.countedIn)) : c.produced;
    }

    function _scoreOf(uint32 number, uint64 epoch) internal view returns (uint256) {
        _Candidate storage c = _candidates[number];
        return _score(c.votes, c.deposit, _produced(c, epoch), c.filled);
    }

    /// E8. At most 2^14 * (2^128 + 2^96 + 2^96 * 2^40): far below 2^160.
    function _score(uint128 votes, uint96 deposit, uint40 produced, uint16 filled) private view returns (uint256) {
        uint256 k = _config.voteWeight;
        return (k * votes + (_WHOLE - k) * _contribution(deposit, produced, filled)) / _WHOLE;
    }

    function _contribution(uint96 deposit, uint40 produced, uint16 filled) private view returns (uint256) {
        return deposit + uint256(_config.blockWeight) * produced * filled / _WHOLE;
    }

    // ---- checks

    function _checkRunning(uint32 number) private view {
        CandidateState state = _candidates[number].state;
        if (state != CandidateState.Running) revert CandidateNotRunning(number, state);
    }

    function _checkEndpoint(string calldata endpoint) private pure {
        uint256 got = bytes(endpoint).length;
        if (got == 0 || got > MAX_ENDPOINT) revert EndpointRefused(got, MAX_ENDPOINT);
    }

    function _checkSigned(bytes32 digest, address expected, bytes calldata signature) private pure {
        (address got, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (problem != ECDSA.RecoverError.NoError || got != expected) revert CandidacyNotSigned(got, expected);
    }
}
