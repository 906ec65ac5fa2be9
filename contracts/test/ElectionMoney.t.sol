// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Candidate, CandidateState} from "../src/ElectionTypes.sol";
import {ElectionWorld} from "./support/ElectionWorld.sol";

/// Does anything to an election, at any time, by anyone.
contract ElectionHandler is ElectionWorld {
    uint256 public constant PEOPLE = 6;
    uint256 private _next = 7;
    uint256 private _time;

    constructor() {
        ElectionWorld.setUp();
        vm.deal(address(this), type(uint96).max);
        election.fund{value: 50 ether}();
    }

    /// Nothing: the world is made once.
    function setUp() public override {}

    function registerOne() external {
        if (_next < 14) register(_next++);
    }

    function voteOne(uint256 who, uint256 pick, uint96 amount) external {
        who %= PEOPLE;
        vm.deal(voterOf(who), amount);
        vm.prank(voterOf(who), voterOf(who));
        try election.vote{value: amount}(number(pick)) {} catch {}
    }

    function moveOne(uint256 who, uint256 from, uint256 to, uint128 amount, bool away) external {
        address voter = voterOf(who % PEOPLE);
        uint128 held = election.positionOf(number(from), voter).amount;
        amount = held == 0 ? amount : uint128(within(amount, 0, held));
        vm.prank(voter, voter);
        if (away) {
            try election.unvote(number(from), amount) {} catch {}
        } else {
            try election.move(number(from), number(to), amount) {} catch {}
        }
    }

    function resignOne(uint256 pick) external {
        uint32 n = number(pick);
        vm.prank(election.candidate(n).owner);
        try election.resign(n) {} catch {}
    }

    function releaseOne(uint256 pick) external {
        try election.release(number(pick)) {} catch {}
    }

    function rejoinOne(uint256 pick) external {
        uint32 n = number(pick);
        vm.prank(election.candidate(n).owner);
        try election.rejoin(n) {} catch {}
    }

    function slashOne(uint256 pick) external {
        if (pick % 4 != 0) return;
        try this.slashNow(number(pick) - 1) {} catch {}
    }

    function slashNow(uint256 i) external {
        slash(i);
    }

    function growOn(uint8 blocks, uint256 lazy) external {
        grow(block.number + blocks % 60 + 1, without(numbers(_next), lazy % _next));
        _time += 6 hours;
        vm.warp(block.timestamp + _time);
    }

    function electNow(uint8 devices_) external {
        devices.set(devices_);
        if (block.number < opens()) grow(opens(), numbers(_next));
        try election.elect() {} catch {}
    }

    function collectOne(uint256 who, uint256 pick) external {
        election.collect(number(pick), voterOf(who % PEOPLE));
    }

    function withdrawOne(uint256 who) external {
        try election.withdraw(voterOf(who % PEOPLE)) {} catch {}
        try election.withdraw(ownerOf(who % _next)) {} catch {}
    }

    function number(uint256 pick) public view returns (uint32) {
        return uint32(1 + pick % (_next - 1));
    }

    // ---- sums

    function balance() external view returns (uint256) {
        return address(election).balance;
    }

    /// Everything that is owed to somebody.
    function owed() external view returns (uint256 sum) {
        sum = election.pool() + election.credited(TREASURY) + election.credited(REPORTER);
        for (uint32 n = 1; n < _next + 1; ++n) {
            Candidate memory c = election.candidate(n);
            sum += uint256(c.deposit) + c.votes + election.credited(c.owner);
            for (uint256 v = 0; v < PEOPLE; ++v) {
                sum += election.pendingOf(n, voterOf(v));
            }
        }
        for (uint256 v = 0; v < PEOPLE; ++v) {
            sum += election.credited(voterOf(v));
        }
    }

    function votesAddUp() external view returns (bool) {
        for (uint32 n = 1; n < _next + 1; ++n) {
            uint256 sum;
            for (uint256 v = 0; v < PEOPLE; ++v) {
                sum += election.positionOf(n, voterOf(v)).amount;
            }
            if (sum != election.candidate(n).votes) return false;
        }
        return true;
    }

    /// Everybody on the list runs, once; nobody slashed has anything or is elected.
    function listIsSound() external view returns (bool) {
        uint32[] memory all = election.running();
        for (uint256 i = 0; i < all.length; ++i) {
            if (election.candidate(all[i]).state != CandidateState.Running) return false;
            for (uint256 j = 0; j < i; ++j) {
                if (all[j] == all[i]) return false;
            }
        }
        for (uint32 n = 1; n < _next + 1; ++n) {
            Candidate memory c = election.candidate(n);
            bool here = produces(n - 1);
            if (here != (c.since != 0)) return false;
            bool stake = c.state == CandidateState.Running || c.state == CandidateState.Leaving;
            if (stake != (c.deposit != 0)) return false;
        }
        return true;
    }

    function seatsAreSound() external view returns (bool) {
        uint256 producers = election.producers().length;
        return election.seats() >= 7 && election.seats() <= 101 && (producers == 0 || producers >= 4);
    }
}

/// L120, and what else holds in every reachable state.
contract ElectionMoneyTest is ElectionWorld {
    ElectionHandler private _handler;

    function setUp() public override {
        _handler = new ElectionHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// Rounding leaves a wei for each voter and block behind, and never owes more than there is.
    /// forge-config: default.invariant.runs = 24
    /// forge-config: default.invariant.depth = 64
    function invariant_L120_what_is_owed_is_there() external view {
        yes(_handler.balance() >= _handler.owed(), "enough");
        yes(_handler.balance() - _handler.owed() < 1 gwei, "and nothing but rounding besides");
    }

    /// forge-config: default.invariant.runs = 24
    /// forge-config: default.invariant.depth = 64
    function invariant_L121_votes_are_the_sum_of_positions() external view {
        yes(_handler.votesAddUp(), "votes");
    }

    /// forge-config: default.invariant.runs = 24
    /// forge-config: default.invariant.depth = 64
    function invariant_L130_lists_and_stakes_agree() external view {
        yes(_handler.listIsSound(), "list");
    }

    /// forge-config: default.invariant.runs = 24
    /// forge-config: default.invariant.depth = 64
    function invariant_L124_seats_and_sets_stay_within_bounds() external view {
        yes(_handler.seatsAreSound(), "seats");
    }
}
