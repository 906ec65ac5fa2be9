// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Candidate, ConsensusVote, ElectionConfig} from "../../src/ElectionTypes.sol";
import {IElection} from "../../src/IElection.sol";
import {IValidatorSet, Validator} from "../../src/IValidatorSet.sol";
import {OtherChain} from "./OtherChain.sol";

/// As many active devices as a test says.
contract CountedDevices {
    uint64 public active;

    function set(uint64 count) external {
        active = count;
    }
}

/// A chain whose seven validators are its first candidates, with headers that name who made them. Candidate `i` has vote
/// key `i` of set 1 and becomes number `i + 1`.
abstract contract ElectionWorld is OtherChain {
    uint64 internal constant LENGTH = 50;
    uint32 internal constant CLOSING = 10;
    uint256 internal constant FIRST_HEIGHT = 1_000;
    uint96 internal constant DEPOSIT = 100 ether;
    uint96 internal constant REWARD = 1 ether;
    uint40 internal constant LOCK = 1 days;
    uint40 internal constant EXIT = 2 days;
    address internal constant TREASURY = address(0x74EA5);
    address internal constant REPORTER = address(0x4E904);

    bytes32 internal domain = domainOf(7701);
    IElection internal election;
    IValidatorSet internal set;
    CountedDevices internal devices;
    /// Hash of the newest header that was recorded.
    bytes32 private _last = keccak256("parent");
    bytes private _template;

    function setUp() public virtual {
        vm.warp(START);
        vm.roll(FIRST_HEIGHT);
        devices = new CountedDevices();
        Validator[] memory first = new Validator[](7);
        for (uint256 i = 0; i < 7; ++i) {
            first[i] = Validator(voteOf(i), networkOf(i), endpointOf(i));
        }
        set = IValidatorSet(deploy("ValidatorSet", abi.encode(address(this), LENGTH, first)));
        election = IElection(deploy("Election", abi.encode(config())));
        _template = header(0, 0x1234, uint64(START), keccak256("state"));
        for (uint256 i = 0; i < 7; ++i) {
            register(i);
        }
        set.offerAdministration(address(election));
        election.takeOffice();
    }

    function config() internal view returns (ElectionConfig memory c) {
        (c.validatorSet, c.devices, c.domain, c.treasury) = (address(set), address(devices), domain, TREASURY);
        (c.minimumDeposit, c.blockWeight, c.blockReward) = (DEPOSIT, 1 ether, REWARD);
        (c.voteWeight, c.idleShare, c.reporterShare) = (6_000, 5_000, 3_000);
        (c.devicesPerSeat, c.benchEpochs, c.closingBlocks) = (10, 2, CLOSING);
        (c.voteLock, c.exitDelay) = (LOCK, EXIT);
    }

    // ---- people

    function voteOf(uint256 i) internal pure returns (address) {
        return vm.addr(key(1, i));
    }

    function networkOf(uint256 i) internal pure returns (bytes32) {
        return keccak256(abi.encode("network", i));
    }

    function endpointOf(uint256 i) internal pure virtual returns (string memory) {
        return string.concat("10.0.0.", vm.toString(i), ":30303");
    }

    function ownerOf(uint256 i) internal pure returns (address) {
        return address(uint160(0xA11CE00 + i));
    }

    function voterOf(uint256 i) internal pure returns (address) {
        return address(uint160(0xB0B00 + i));
    }

    // ---- acts

    function register(uint256 i) internal returns (uint32) {
        return register(i, DEPOSIT);
    }

    function register(uint256 i, uint96 deposit) internal returns (uint32) {
        bytes memory signed = signature(key(1, i), election.candidacyDigest(ownerOf(i), voteOf(i), networkOf(i)));
        vm.deal(ownerOf(i), deposit);
        vm.prank(ownerOf(i));
        return election.register{value: deposit}(voteOf(i), networkOf(i), endpointOf(i), 2_500, signed);
    }

    function voteFor(uint32 number, uint256 voter, uint256 amount) internal {
        vm.deal(voterOf(voter), amount);
        vm.prank(voterOf(voter), voterOf(voter));
        election.vote{value: amount}(number);
    }

    /// Lets the chain grow to `height`, the candidates of `makers` making blocks in turn, and records all of them.
    function grow(uint256 height, uint256[] memory makers) internal {
        uint64 from = election.recorded() + 1;
        while (from < height) {
            uint64 until = from + 200 < height ? from + 200 : uint64(height);
            vm.roll(until);
            election.record(headersTo(from, until, makers));
            from = until;
        }
        vm.roll(height);
        vm.warp(START + height);
    }

    /// Headers `from..until`; the last one's hash becomes known.
    function headersTo(uint64 from, uint64 until, uint256[] memory makers) internal returns (bytes[] memory list_) {
        list_ = new bytes[](until - from);
        for (uint64 n = from; n < until; ++n) {
            address maker = makers.length == 0 ? address(0) : voteOf(makers[n % makers.length]);
            list_[n - from] = headerBy(maker, n, _last);
            _last = keccak256(list_[n - from]);
        }
        vm.setBlockhash(until - 1, _last);
    }

    /// A header of a height of two bytes.
    function headerBy(address maker, uint64 number, bytes32 parent) internal view returns (bytes memory h) {
        h = bytes.concat(_template);
        for (uint256 i = 0; i < 20; ++i) {
            h[70 + i] = bytes20(maker)[i];
        }
        (h[450], h[451]) = (bytes1(uint8(number >> 8)), bytes1(uint8(number)));
        assembly {
            mstore(add(h, 36), parent)
        }
    }

    /// Grows to the closing blocks of the present epoch, and elects.
    function electWith(uint256[] memory makers) internal {
        grow(opens(), makers);
        election.elect();
    }

    function elect() internal {
        electWith(numbers(7));
    }

    /// First block of the next epoch.
    function nextEpoch() internal view returns (uint256) {
        return (block.number / LENGTH + 1) * LENGTH;
    }

    /// First block in which this epoch can be elected.
    function opens() internal view returns (uint256) {
        return nextEpoch() - CLOSING;
    }

    /// 0, 1, .. below `count`.
    function numbers(uint256 count) internal pure returns (uint256[] memory all) {
        all = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            all[i] = i;
        }
    }

    function without(uint256[] memory all, uint256 one) internal pure returns (uint256[] memory rest) {
        rest = new uint256[](all.length - 1);
        uint256 at;
        for (uint256 i = 0; i < all.length; ++i) {
            if (all[i] != one) rest[at++] = all[i];
        }
    }

    // ---- votes of consensus

    function castBy(uint256 i, uint8 kind, uint64 epoch, uint64 viewNumber, bytes32 blockHash)
        internal
        view
        returns (ConsensusVote memory v)
    {
        (v.kind, v.epoch, v.viewNumber, v.blockHash) = (kind, epoch, viewNumber, blockHash);
        if (kind != 1) v.parentView = viewNumber - 1;
        v.signature = signature(key(1, i), election.voteDigest(v));
    }

    function slash(uint256 i) internal {
        ConsensusVote memory a = castBy(i, 0, 20, 7, keccak256("a"));
        ConsensusVote memory b = castBy(i, 0, 20, 7, keccak256("b"));
        vm.prank(REPORTER);
        election.report(a, b);
    }

    // ---- looking

    function produces(uint256 i) internal view returns (bool) {
        uint32[] memory all = election.producers();
        for (uint256 j = 0; j < all.length; ++j) {
            if (all[j] == i + 1) return true;
        }
        return false;
    }

    /// Whether the next epoch's set is exactly the elected, in order.
    function scheduledAsElected() internal view {
        Validator[] memory next = set.at(set.currentEpoch() + 1);
        uint32[] memory all = election.producers();
        eq(next.length, all.length, "size of the set");
        for (uint256 i = 0; i < all.length; ++i) {
            Candidate memory c = election.candidate(all[i]);
            eq(next[i].vote, c.vote, "vote");
            eq(next[i].network, c.network, "network");
            eq(keccak256(bytes(next[i].endpoint)), keccak256(bytes(c.endpoint)), "endpoint");
        }
    }
}
