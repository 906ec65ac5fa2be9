// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {FeedId} from "./DeviceTypes.sol";
import {FeedConfig, Report, ReportSignatures} from "./FeedTypes.sol";
import {IAggregatorV3} from "./IAggregatorV3.sol";

/// @title A feed: answers that a quorum of operators signed, their median taken here.
/// @notice -- round n: report, once --/-- round n + 1: report, once --/-- staleAfter without one: stale, said by anyone --
///         Whoever brings a report pays for it and has no say in it. Rules F1.. are in docs/oracle.md.
/// @dev Invariants L80..L87 in docs/threats.md. Events of this interface bear the next number, from 0; those of
///      `IAggregatorV3` have the form that consumers know, and the round as their number.
interface IFeedAggregator is IAggregatorV3 {
    /// @notice Reports are of this configuration from now on.
    event ConfigSet(uint64 indexed number, uint32 indexed configNumber, bytes32 indexed configDigest, FeedConfig config);
    /// @notice A round's report, whole.
    event ReportAccepted(
        uint64 indexed number, uint32 indexed round, bytes32 indexed configDigest, Report report, uint32 signers, address by
    );
    /// @notice Somebody wants an answer now.
    event RoundRequested(uint64 indexed number, uint32 indexed round, address by);
    /// @notice The answers were out of the band for as long as an alarm takes.
    event AlarmRaised(uint64 indexed number, uint32 indexed round, int128 answer, uint40 observedAt);
    /// @notice The answers were back within the band, for as long.
    event AlarmCleared(uint64 indexed number, uint32 indexed round, int128 answer, uint40 observedAt);
    /// @notice There has been no answer for too long; the last one is of `updatedAt`.
    event FeedStale(uint64 indexed number, uint32 indexed round, uint40 updatedAt, address by);

    /// Field `field` makes no sense: 0 feed, 1 home, 2 administrator, 3 decimals, 4 description.
    error FeedRefused(uint256 field);
    /// Only the administrator configures.
    error CallerNotAdministrator(address got, address expected);
    /// Operators are 3f + 1 accounts of 20 bytes each, from MIN_OPERATORS to MAX_OPERATORS.
    error OperatorsRefused(uint256 bytes_);
    /// The operators do not ascend, so one of them may be there twice; or the first is zero.
    error OperatorsUnsorted(uint256 place);
    /// Field `field` of the configuration makes no sense: 0 plausible range, 1 alarm band, 2 hysteresis, 3 duration,
    /// 4 deviation, 5 heartbeat, 6 stale.
    error ConfigRefused(uint256 field);
    /// This is not the configuration in force.
    error ConfigWrong(bytes32 got, bytes32 expected);
    /// A report of this round, or of a later one, is here: somebody else was first.
    error ReportOld(uint32 got, uint32 latest);
    /// The data is older than the last report's, or from the future: milliseconds instead of seconds?
    error ReportTimeRefused(uint256 got, uint256 min, uint256 max);
    /// Bits that are no operators', or not one for each observation.
    error ObserversWrong(uint32 observers, uint256 observations);
    /// Fewer than 2f + 1 observations or signatures.
    error QuorumMissing(uint256 got, uint256 needed);
    /// The observations do not have 16 bytes each.
    error ObservationsMalformed(uint256 length);
    /// The observations do not ascend.
    error ObservationsUnsorted(uint256 place);
    /// Nothing like this is observed: a broken sensor, or another unit.
    error AnswerImplausible(int128 answer, int128 min, int128 max);
    /// Bits that are no operators', or signatures that are not one for each bit.
    error SignersWrong(uint32 signers, uint256 length);
    /// The signature is not this operator's over this report.
    error SignatureNotOf(uint256 place, address expected);
    /// There is no such round.
    error RoundUnknown(uint80 round);
    /// The last answer is older than the reader takes; no age at all is no answer either.
    error AnswerTooOld(uint256 age, uint256 maxAge);
    /// The round is requested already.
    error RequestedBefore(uint32 round);
    /// The feed is not stale yet, or that was said before.
    error NotStale(uint256 nowAt, uint256 staleAt);

    /// @notice Sets operators and limits. Rounds go on from the last one.
    function setConfig(FeedConfig calldata config) external;

    /// @notice Takes a round's report. Anyone may bring it, to each chain.
    function transmit(FeedConfig calldata config, Report calldata report, ReportSignatures calldata signatures) external;

    /// @notice Asks the operators for a round now; once for each round.
    function requestRound() external returns (uint32 round);

    /// @notice Says that the feed is silent; once for each silence.
    function markStale(FeedConfig calldata config) external;

    /// @notice Returns the last answer if its data is at most `maxAge` seconds old, else reverts.
    function readFresh(uint256 maxAge) external view returns (int256 answer, uint256 updatedAt);

    /// @notice Returns whether an alarm is on, and since when what would change that has been so (zero: it is not so).
    function alarm() external view returns (bool raised, uint40 since);

    /// @notice Returns the configuration's number and digest.
    function configuration() external view returns (uint32 configNumber, bytes32 configDigest);

    /// @notice Returns the digest a configuration would have under a number.
    function configDigestOf(uint32 configNumber, FeedConfig calldata config) external view returns (bytes32);

    /// @notice Returns what operators sign.
    function reportDigestOf(bytes32 configDigest, Report calldata report) external pure returns (bytes32);

    /// @notice Returns the number the next event of this interface will bear.
    function events() external view returns (uint64);

    /// @notice Returns the feed's id.
    function feed() external view returns (FeedId);

    /// @notice Returns who configures.
    function administrator() external view returns (address);

    /// @notice Fewest operators: 3f + 1 with f = 1.
    function MIN_OPERATORS() external view returns (uint256);

    /// @notice Most operators.
    function MAX_OPERATORS() external view returns (uint256);

    /// @notice Seconds that the data's clock may be ahead of this chain's.
    function MAX_SKEW() external view returns (uint256);

    /// @notice Longest duration of an alarm's condition, heartbeat and silence, in seconds.
    function MAX_PERIOD() external view returns (uint256);
}
