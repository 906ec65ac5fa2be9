// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity >=0.8.0;

/// The interface that price feeds have in the wild, by its public name: nothing here knows of ours.
interface AggregatorV3Interface {
    function decimals() external view returns (uint8);
    function description() external view returns (string memory);
    function version() external view returns (uint256);
    function getRoundData(uint80 _roundId)
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}

/// Pays for a delivery if it is cold now, with the checks that consumers of feeds are told to make.
contract ColdChainConsumer {
    AggregatorV3Interface private immutable _feed;
    uint256 private immutable _heartbeat;

    constructor(address feed, uint256 heartbeat) {
        (_feed, _heartbeat) = (AggregatorV3Interface(feed), heartbeat);
    }

    /// In whole degrees.
    function degrees() public view returns (int256) {
        (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound) =
            _feed.latestRoundData();
        require(startedAt != 0 && updatedAt != 0, "incomplete round");
        require(answeredInRound >= roundId, "stale round");
        require(block.timestamp - updatedAt <= _heartbeat, "stale answer");
        return answer / int256(10 ** _feed.decimals());
    }

    /// By how much it changed since the round before.
    function change() external view returns (int256) {
        (uint80 roundId, int256 answer,,,) = _feed.latestRoundData();
        (, int256 before,,,) = _feed.getRoundData(roundId - 1);
        return answer - before;
    }

    function isCold() external view returns (bool) {
        return degrees() < 8;
    }
}
