// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {FeedId} from "../../src/DeviceTypes.sol";
import {AlarmBand, FeedConfig, Report, ReportSignatures} from "../../src/FeedTypes.sol";
import {IFeedAggregator} from "../../src/IFeedAggregator.sol";
import {Assert} from "./Assert.sol";

/// A feed at home and its twin on another chain, and operators with real keys, in the order of their accounts.
abstract contract FeedWorld is Assert {
    uint40 internal constant START = 1_800_000_000;
    FeedId internal constant FEED = FeedId.wrap(keccak256("cold-chain/4711/temperature"));
    address internal constant PAYER = address(0x9A1E4);

    IFeedAggregator internal feed;
    /// Keys of the operators by their place; sorted by account.
    uint256[] internal keys;

    function setUp() public virtual {
        vm.warp(START);
        _makeKeys(31);
        feed = newFeed(config(4));
    }

    /// Sorted once for all sizes: the first n of sorted accounts are sorted too.
    function _makeKeys(uint256 count) private {
        for (uint256 i = 0; i < count; ++i) {
            keys.push(uint256(keccak256(abi.encode("operator", i))));
            for (uint256 j = i; j > 0 && vm.addr(keys[j]) < vm.addr(keys[j - 1]); --j) {
                (keys[j], keys[j - 1]) = (keys[j - 1], keys[j]);
            }
        }
    }

    function newFeed(FeedConfig memory c) internal returns (IFeedAggregator) {
        address home = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        return IFeedAggregator(deploy("FeedAggregator", arguments(block.chainid, home, c)));
    }

    function arguments(uint256 homeChain, address home, FeedConfig memory c) internal view returns (bytes memory) {
        return abi.encode(FEED, homeChain, home, address(this), uint8(2), "temperature of 4711 in Celsius", c);
    }

    /// Plausible from -40 to 60 degrees, calm from 2 to 8.
    function config(uint256 n) internal view returns (FeedConfig memory c) {
        for (uint256 i = 0; i < n; ++i) {
            c.operators = bytes.concat(c.operators, bytes20(vm.addr(keys[i])));
        }
        (c.min, c.max, c.deviation, c.heartbeat, c.staleAfter) = (-4_000, 6_000, 50, 60, 150);
        c.alarm = AlarmBand(200, 800, 50, 120);
    }

    // ---- reports

    function quorum(uint256 n) internal pure returns (uint256) {
        return n - (n - 1) / 3;
    }

    /// A report in which the first operators that make a quorum observed `answer`.
    function report(uint32 round, int128 answer, uint256 n) internal view returns (Report memory) {
        int128[] memory observations = new int128[](quorum(n));
        for (uint256 i = 0; i < observations.length; ++i) {
            observations[i] = answer;
        }
        return reportOf(round, observations);
    }

    function reportOf(uint32 round, int128[] memory observations) internal view returns (Report memory r) {
        for (uint256 i = 0; i < observations.length; ++i) {
            r.observations = bytes.concat(r.observations, bytes16(uint128(observations[i])));
        }
        (r.round, r.observedAt, r.observers) = (round, uint40(block.timestamp), uint32((1 << observations.length) - 1));
    }

    /// Signatures of the operators with these bits.
    function sign(IFeedAggregator f, Report memory r, uint32 signers)
        internal
        view
        returns (ReportSignatures memory s)
    {
        (, bytes32 digest) = f.configuration();
        return signDigest(f.reportDigestOf(digest, r), signers);
    }

    function signDigest(bytes32 digest, uint32 signers) internal view returns (ReportSignatures memory s) {
        s.signers = signers;
        for (uint256 i = 0; i < keys.length; ++i) {
            if ((signers >> i) & 1 == 1) s.signatures = bytes.concat(s.signatures, signature(keys[i], digest));
        }
    }

    /// EIP-2098.
    function signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, uint256(s) | (uint256(v - 27) << 255));
    }

    function bits(uint256 count) internal pure returns (uint32) {
        return uint32((1 << count) - 1);
    }

    /// A round of four operators.
    function transmit(uint32 round, int128 answer) internal {
        send(feed, config(4), report(round, answer, 4), bits(3));
    }

    function send(IFeedAggregator f, FeedConfig memory c, Report memory r, uint32 signers) internal {
        ReportSignatures memory s = sign(f, r, signers);
        vm.prank(PAYER);
        f.transmit(c, r, s);
    }
}
