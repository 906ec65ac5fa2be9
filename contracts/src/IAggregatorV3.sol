// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title What consumers of price feeds call, by the names and types they know it.
/// @notice `startedAt` and `updatedAt` are both the time of the data, never that of a transaction: a report that comes late
///         does not look fresh. Numbers of rounds that brought no report are left out.
interface IAggregatorV3 {
    /// @notice A round brought an answer.
    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);
    /// @notice A round began.
    event NewRound(uint256 indexed roundId, address indexed startedBy, uint256 startedAt);

    /// @notice Returns the decimals of answers.
    function decimals() external view returns (uint8);

    /// @notice Returns what is observed, for people.
    function description() external view returns (string memory);

    /// @notice Returns the version of this contract.
    function version() external view returns (uint256);

    /// @notice Returns a past round.
    function getRoundData(uint80 roundId)
        external
        view
        returns (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);

    /// @notice Returns the last round.
    function latestRoundData()
        external
        view
        returns (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}
