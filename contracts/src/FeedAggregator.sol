// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CalldataRlp} from "./CalldataRlp.sol";
import {FeedId} from "./DeviceTypes.sol";
import {FeedAlarm, FeedConfig, Report, ReportSignatures} from "./FeedTypes.sol";
import {IAggregatorV3} from "./IAggregatorV3.sol";
import {IFeedAggregator} from "./IFeedAggregator.sol";

/// @title A feed: answers that a quorum of operators signed, their median taken here.
/// @notice -- round n: report, once --/-- round n + 1: report, once --/-- staleAfter without one: stale, said by anyone --
/// @dev Invariants L80..L87 in docs/threats.md; each has a test with the same number. A report costs two slots: the
///      configuration comes with it and is compared by its digest.
contract FeedAggregator is IFeedAggregator {
    /// @inheritdoc IFeedAggregator
    uint256 public constant MIN_OPERATORS = 4;
    /// @inheritdoc IFeedAggregator
    uint256 public constant MAX_OPERATORS = 31;
    /// @inheritdoc IFeedAggregator
    uint256 public constant MAX_SKEW = 30;
    /// @inheritdoc IFeedAggregator
    uint256 public constant MAX_PERIOD = 30 days;
    /// @inheritdoc IAggregatorV3
    uint256 public constant version = 1;

    bytes32 private constant _CONFIG_TAG = keccak256("causeway.feed.config.v1");
    bytes32 private constant _REPORT_TAG = keccak256("causeway.feed.report.v1");
    uint256 private constant _ADDRESS = 20;
    uint256 private constant _OBSERVATION = 16;
    uint256 private constant _SIGNATURE = 64;
    uint256 private constant _MAX_DECIMALS = 18;
    uint256 private constant _LOW_BITS = type(uint256).max >> 1;
    /// Half the order of secp256k1.
    uint256 private constant _MAX_S = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    /// One slot: all that a report changes beside its own round.
    struct _Head {
        uint32 round;
        uint32 configNumber;
        uint32 requested;
        uint40 updatedAt;
        uint40 alarmSince;
        uint64 events;
        bool raised;
        bool stale;
    }

    struct _Round {
        int128 answer;
        uint40 updatedAt;
    }

    _Head private _head;
    bytes32 private _configDigest;
    mapping(uint256 round => _Round) private _rounds;

    /// @inheritdoc IFeedAggregator
    FeedId public immutable feed;
    /// @inheritdoc IFeedAggregator
    address public immutable administrator;
    /// @inheritdoc IAggregatorV3
    uint8 public immutable decimals;
    bytes32 private immutable _domain;
    /// @inheritdoc IAggregatorV3
    string public description;

    /// @param home Chain and address of the feed's first aggregator: its own at home, the other one's elsewhere. Both have
    ///        one domain, so that one report is good for both, and for no other deployment.
    constructor(
        FeedId feed_,
        uint256 homeChainId,
        address home,
        address administrator_,
        uint8 decimals_,
        string memory description_,
        FeedConfig memory config
    ) {
        if (FeedId.unwrap(feed_) == 0) revert FeedRefused(0);
        bool here = home == address(this);
        if (homeChainId == 0 || home == address(0) || here != (homeChainId == block.chainid)) revert FeedRefused(1);
        if (administrator_ == address(0)) revert FeedRefused(2);
        if (decimals_ > _MAX_DECIMALS) revert FeedRefused(3);
        if (bytes(description_).length == 0) revert FeedRefused(4);
        (feed, administrator, decimals, description) = (feed_, administrator_, decimals_, description_);
        _domain = keccak256(abi.encode(_CONFIG_TAG, homeChainId, home, feed_));
        _setConfig(config);
    }

    /// @inheritdoc IFeedAggregator
    function setConfig(FeedConfig calldata config) external {
        if (msg.sender != administrator) revert CallerNotAdministrator(msg.sender, administrator);
        _setConfig(config);
    }

    /// @inheritdoc IFeedAggregator
    function transmit(FeedConfig calldata config, Report calldata report, ReportSignatures calldata signatures)
        external
    {
        _Head memory head = _head;
        bytes32 configDigest = _checkConfig(head.configNumber, config);
        if (report.round <= head.round) revert ReportOld(report.round, head.round);
        uint256 latest = block.timestamp + MAX_SKEW;
        if (report.observedAt < head.updatedAt || report.observedAt > latest) {
            revert ReportTimeRefused(report.observedAt, head.updatedAt, latest);
        }
        uint256 operators = config.operators.length / _ADDRESS;
        uint256 quorum = operators - (operators - 1) / 3;
        int128 answer = _median(report, operators, quorum);
        if (answer < config.min || answer > config.max) revert AnswerImplausible(answer, config.min, config.max);
        _checkSignatures(config.operators, reportDigestOf(configDigest, report), signatures, quorum);

        _accept(head, config, configDigest, report, signatures.signers, answer);
    }

    /// @inheritdoc IFeedAggregator
    function requestRound() external returns (uint32 round) {
        round = _head.round + 1;
        if (_head.requested == round) revert RequestedBefore(round);
        _head.requested = round;
        emit RoundRequested(_head.events++, round, msg.sender);
    }

    /// @inheritdoc IFeedAggregator
    function markStale(FeedConfig calldata config) external {
        _Head memory head = _head;
        _checkConfig(head.configNumber, config);
        uint256 staleAt = uint256(head.updatedAt) + config.staleAfter;
        if (head.stale || block.timestamp < staleAt) revert NotStale(block.timestamp, staleAt);
        _head.stale = true;
        emit FeedStale(_head.events++, head.round, head.updatedAt, msg.sender);
    }

    /// @inheritdoc IFeedAggregator
    function readFresh(uint256 maxAge) external view returns (int256 answer, uint256 updatedAt) {
        _Round memory last = _round(_head.round);
        uint256 age = block.timestamp - last.updatedAt;
        if (maxAge == 0 || age > maxAge) revert AnswerTooOld(age, maxAge);
        return (last.answer, last.updatedAt);
    }

    /// @inheritdoc IAggregatorV3
    function getRoundData(uint80 roundId) external view returns (uint80, int256, uint256, uint256, uint80) {
        return _roundData(roundId);
    }

    /// @inheritdoc IAggregatorV3
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return _roundData(_head.round);
    }

    /// @inheritdoc IFeedAggregator
    function alarm() external view returns (bool raised, uint40 since) {
        return (_head.raised, _head.alarmSince);
    }

    /// @inheritdoc IFeedAggregator
    function configuration() external view returns (uint32, bytes32) {
        return (_head.configNumber, _configDigest);
    }

    /// @inheritdoc IFeedAggregator
    function events() external view returns (uint64) {
        return _head.events;
    }

    /// @inheritdoc IFeedAggregator
    function configDigestOf(uint32 configNumber, FeedConfig calldata config) external view returns (bytes32) {
        return _digestOf(configNumber, keccak256(abi.encode(config)));
    }

    /// @inheritdoc IFeedAggregator
    function reportDigestOf(bytes32 configDigest, Report calldata r) public pure returns (bytes32) {
        return keccak256(
            abi.encode(_REPORT_TAG, configDigest, r.round, r.observedAt, r.observers, keccak256(r.observations))
        );
    }

    // ---- effects

    function _setConfig(FeedConfig memory config) private {
        _checkOperators(config.operators);
        _checkLimits(config);
        uint32 number = _head.configNumber + 1;
        bytes32 digest = _digestOf(number, keccak256(abi.encode(config)));
        (_head.configNumber, _configDigest) = (number, digest);
        // F13: what was pending under other limits begins anew. A feed without an answer is stale from now on, not from 1970.
        _head.alarmSince = 0;
        if (_head.round == 0) _head.updatedAt = uint40(block.timestamp);
        emit ConfigSet(_head.events++, number, digest, config);
    }

    function _accept(
        _Head memory head,
        FeedConfig calldata config,
        bytes32 configDigest,
        Report calldata report,
        uint32 signers,
        int128 answer
    ) private {
        uint40 at = report.observedAt;
        (bool raised, uint40 since) = FeedAlarm.next(config.alarm, head.raised, head.alarmSince, answer, at);
        // Consumers subtract it from this chain's time.
        if (at > block.timestamp) at = uint40(block.timestamp);
        bool changed = raised != head.raised;
        uint64 number = head.events;
        _head = _Head({
            round: report.round,
            configNumber: head.configNumber,
            requested: head.requested,
            updatedAt: at,
            alarmSince: since,
            events: number + (changed ? 2 : 1),
            raised: raised,
            stale: false
        });
        _rounds[report.round] = _Round(answer, at);
        emit NewRound(report.round, msg.sender, at);
        emit AnswerUpdated(answer, report.round, at);
        emit ReportAccepted(number, report.round, configDigest, report, signers, msg.sender);
        if (!changed) return;
        if (raised) emit AlarmRaised(number + 1, report.round, answer, report.observedAt);
        else emit AlarmCleared(number + 1, report.round, answer, report.observedAt);
    }

    // ---- reading

    function _round(uint80 roundId) private view returns (_Round memory round) {
        round = _rounds[roundId];
        if (round.updatedAt == 0) revert RoundUnknown(roundId);
    }

    function _roundData(uint80 roundId) private view returns (uint80, int256, uint256, uint256, uint80) {
        _Round memory round = _round(roundId);
        return (roundId, round.answer, round.updatedAt, round.updatedAt, roundId);
    }

    // ---- checks

    function _digestOf(uint32 configNumber, bytes32 configHash) private view returns (bytes32) {
        return keccak256(abi.encode(_domain, configNumber, configHash));
    }

    function _checkConfig(uint32 number, FeedConfig calldata config) private view returns (bytes32 digest) {
        digest = _digestOf(number, keccak256(abi.encode(config)));
        if (digest != _configDigest) revert ConfigWrong(digest, _configDigest);
    }

    /// F5: ascending, one for each observer, enough of them; the upper middle one.
    function _median(Report calldata report, uint256 operators, uint256 quorum) private pure returns (int128 answer) {
        bytes calldata packed = report.observations;
        uint256 count = packed.length / _OBSERVATION;
        if (count * _OBSERVATION != packed.length) revert ObservationsMalformed(packed.length);
        if (count < quorum) revert QuorumMissing(count, quorum);
        if (report.observers >> operators != 0 || _bits(report.observers) != count) {
            revert ObserversWrong(report.observers, count);
        }
        uint256 at = _offset(packed);
        int256 before = type(int256).min;
        // At most MAX_OPERATORS rounds: there is one bit for each. Positions are far below 2^64.
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                int256 value = int256(CalldataRlp.word(at + _OBSERVATION * i)) >> 128;
                if (value < before) revert ObservationsUnsorted(i);
                if (i == count / 2) answer = int128(value);
                before = value;
            }
        }
    }

    function _checkSignatures(
        bytes calldata operators,
        bytes32 digest,
        ReportSignatures calldata signatures,
        uint256 quorum
    ) private pure {
        uint256 signers = signatures.signers;
        uint256 got = _bits(signers);
        bytes calldata packed = signatures.signatures;
        if (signers >> (operators.length / _ADDRESS) != 0 || packed.length != got * _SIGNATURE) {
            revert SignersWrong(signatures.signers, packed.length);
        }
        if (got < quorum) revert QuorumMissing(got, quorum);
        uint256 at = _offset(packed);
        uint256 first = _offset(operators);
        // At most MAX_OPERATORS rounds: there is no bit beyond the operators, and one signature for each. Positions are far
        // below 2^64.
        unchecked {
            for (uint256 place = 0; signers >> place != 0; ++place) {
                if ((signers >> place) & 1 == 0) continue;
                _checkOne(place, digest, at, address(uint160(CalldataRlp.word(first + _ADDRESS * place) >> 96)));
                at += _SIGNATURE;
            }
        }
    }

    /// EIP-2098. `ecrecover` takes both forms of s; one is enough. It gives zero for nonsense, which is no operator.
    function _checkOne(uint256 place, bytes32 digest, uint256 at, address expected) private pure {
        uint256 vs = CalldataRlp.word(at + 32);
        uint256 s = vs & _LOW_BITS;
        address signer = address(0);
        if (s <= _MAX_S) signer = ecrecover(digest, uint8(27 + (vs >> 255)), bytes32(CalldataRlp.word(at)), bytes32(s));
        if (signer != expected) revert SignatureNotOf(place, expected);
    }

    function _checkOperators(bytes memory operators) private pure {
        uint256 count = operators.length / _ADDRESS;
        bool sized = count >= MIN_OPERATORS && count <= MAX_OPERATORS && count % 3 == 1;
        if (!sized || count * _ADDRESS != operators.length) revert OperatorsRefused(operators.length);
        address before = address(0);
        for (uint256 i = 0; i < count; ++i) {
            address operator;
            // The word begins within the bytes, and its high 160 bits are within them.
            assembly ("memory-safe") {
                operator := shr(96, mload(add(add(operators, 32), mul(i, 20))))
            }
            if (operator <= before) revert OperatorsUnsorted(i);
            before = operator;
        }
    }

    function _checkLimits(FeedConfig memory c) private pure {
        if (c.min >= c.max) revert ConfigRefused(0);
        if (c.alarm.low < c.min || c.alarm.low > c.alarm.high || c.alarm.high > c.max) revert ConfigRefused(1);
        uint256 width = uint256(int256(c.alarm.high) - c.alarm.low);
        if (2 * uint256(c.alarm.hysteresis) > width) revert ConfigRefused(2);
        if (c.alarm.duration > MAX_PERIOD) revert ConfigRefused(3);
        if (c.deviation == 0) revert ConfigRefused(4);
        if (c.heartbeat == 0 || c.heartbeat > MAX_PERIOD) revert ConfigRefused(5);
        if (c.staleAfter < c.heartbeat || c.staleAfter > MAX_PERIOD) revert ConfigRefused(6);
    }

    function _bits(uint256 bitmap) private pure returns (uint256 count) {
        for (; bitmap != 0; bitmap &= bitmap - 1) ++count;
    }

    function _offset(bytes calldata data) private pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := data.offset
        }
    }
}
