// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ConsensusVote} from "../src/ElectionTypes.sol";
import {IElection} from "../src/IElection.sol";
import {ElectionWorld} from "./support/ElectionWorld.sol";

/// What the Rust side computes for itself: `bindings/governance.rs` expects the same.
contract ElectionVectorsTest is ElectionWorld {
    function test_what_is_signed_to_stand_is_that_of_the_book() external {
        address place = address(bytes20(hex"0909090909090909090909090909090909090909"));
        vm.chainId(7701);
        vm.etch(place, address(election).code);

        bytes32 digest = IElection(place)
            .candidacyDigest(
                address(bytes20(hex"0101010101010101010101010101010101010101")),
                address(bytes20(hex"0202020202020202020202020202020202020202")),
                0x0303030303030303030303030303030303030303030303030303030303030303
            );

        eq(digest, 0x3465304feb8fa4367b46a6492b8b08d7bd18e341cff9cd37edd95bbae70dd87b, "candidacy");
    }

    function test_seats_are_those_of_the_book() external view {
        uint64[3][9] memory cases = [
            [uint64(7), 29, 7],
            [uint64(7), 30, 10],
            [uint64(10), 24, 10],
            [uint64(10), 23, 7],
            [uint64(7), 0, 7],
            [uint64(100), type(uint64).max, 101],
            [uint64(101), type(uint64).max, 101],
            [uint64(101), 0, 100],
            [uint64(100), 0, 97]
        ];
        for (uint256 i = 0; i < cases.length; ++i) {
            eq(election.seatsAfter(uint32(cases[i][0]), cases[i][1]), cases[i][2], "seats");
        }
    }

    function test_a_vote_of_consensus_is_what_validators_sign() external view {
        ConsensusVote memory v = ConsensusVote(2, 3, 4, 5, keccak256("block"), "");

        bytes32 expected =
            keccak256(abi.encode(domain, uint256(2), uint64(3), uint64(4), uint64(5), keccak256("block")));
        eq(election.voteDigest(v), expected, "the light client's digest");
    }
}
