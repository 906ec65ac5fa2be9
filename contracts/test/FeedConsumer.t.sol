// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AggregatorV3Interface, ColdChainConsumer} from "./support/ColdChainConsumer.sol";
import {FeedWorld} from "./support/FeedWorld.sol";

/// A consumer that was written for price feeds reads this one unchanged: L87.
contract FeedConsumerTest is FeedWorld {
    ColdChainConsumer private _consumer;

    function setUp() public override {
        super.setUp();
        _consumer = new ColdChainConsumer(address(feed), 60);
    }

    function test_L87_a_consumer_written_for_price_feeds_reads_this_one() external {
        transmit(1, 425);
        yes(_consumer.isCold(), "cold");
        transmit(2, 1_275);
        yes(!_consumer.isCold(), "not cold");
        eq(uint256(_consumer.degrees()), 12, "degrees");
        eq(uint256(_consumer.change()), 850, "change");
        transmit(3, -2_500);
        yes(_consumer.degrees() == -25, "below zero");
        eq(AggregatorV3Interface(address(feed)).version(), 1, "version");
        yes(bytes(AggregatorV3Interface(address(feed)).description()).length != 0, "description");
    }

    function test_L87_its_check_for_stale_answers_works() external {
        transmit(1, 425);
        vm.warp(START + 61);

        vm.expectRevert(bytes.concat(bytes4(0x08c379a0), abi.encode("stale answer")));
        _consumer.isCold();
    }
}
