// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Arrays} from "@openzeppelin/contracts/utils/Arrays.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {ElectionRecord} from "./ElectionRecord.sol";
import {CandidateState, ConsensusVote, ElectionConfig} from "./ElectionTypes.sol";
import {IDeviceRegistry} from "./IDeviceRegistry.sol";
import {IElection} from "./IElection.sol";
import {Validator} from "./IValidatorSet.sol";

/// @title Who produces the blocks of the public chain.
/// @notice -- blocks recorded --/-- closing blocks: elect() --/-- next epoch: the elected produce --
/// @dev Invariants L120..L134 in docs/threats.md; each has a test with the same number.
contract Election is ElectionRecord {
    uint256 private constant _NOTARIZE = 0;
    uint256 private constant _NULLIFY = 1;
    uint256 private constant _FINALIZE = 2;

    /// Seats come and go in steps of f.
    uint32 private constant _STEP = 3;
    /// Seats are lost only below this part of 10,000 of the devices that won them.
    uint256 private constant _KEEP = 8_000;
    /// Fewest blocks for each producer by which idleness is judged.
    uint256 private constant _SAMPLE = 4;

    /// The set that was scheduled last.
    struct _Plan {
        /// First epoch of it.
        uint64 from;
        uint32 size;
        /// Size of the set before it.
        uint32 sizeBefore;
        /// Epoch that was judged last, plus one.
        uint64 judged;
        uint32 seats;
        /// Seats at the beginning of the epoch that was judged last.
        uint32 seatsBefore;
    }

    _Plan private _plan;
    uint32[] private _producers;
    uint32[] private _standbys;

    constructor(ElectionConfig memory c) ElectionRecord(c) {
        _plan.seats = MIN_SEATS;
    }

    /// @inheritdoc IElection
    function takeOffice() external {
        _set.acceptAdministration();
    }

    /// @inheritdoc IElection
    function elect() external {
        if (_set.administrator() != address(this)) revert NotInOffice(_set.administrator());
        uint64 epoch = _epoch();
        uint64 opens = (epoch + 1) * _epochLength - _config.closingBlocks;
        if (block.number < opens) revert ElectionTooEarly(block.number, opens);
        if (_count.last + 1 < opens) revert BlocksMissing(_count.last, opens - 1);

        // Once for each epoch; electing again must neither judge nor step twice.
        if (_plan.judged != epoch + 1) {
            _judge(epoch);
            (_plan.judged, _plan.seatsBefore) = (epoch + 1, _plan.seats);
        }
        _plan.seats = seatsAfter(_plan.seatsBefore, _devices());
        uint32[] memory ranked = _ranking(epoch);
        uint256 size = ranked.length < _plan.seats ? ranked.length : _plan.seats;
        if (_tooFew(epoch, size)) return;
        _standbys = _slice(ranked, size, MAX_STANDBYS);
        _install(_slice(ranked, 0, size), epoch);
    }

    /// @inheritdoc IElection
    function report(ConsensusVote calldata first, ConsensusVote calldata second) external {
        if (!_excludeEachOther(first, second)) revert VotesCompatible();
        address signer = _signer(first, 0);
        address other = _signer(second, 1);
        if (signer != other) revert VotesOfTwo(signer, other);
        uint32 number = _numbers[signer];
        _Candidate storage c = _candidates[number];
        CandidateState state = c.state;
        if (state != CandidateState.Running && state != CandidateState.Leaving) revert NothingAtStake(signer, state);

        if (state == CandidateState.Running) _strike(number);
        uint96 deposit = c.deposit;
        (c.state, c.deposit) = (CandidateState.Slashed, 0);
        emit ProducerSlashed(number, signer, msg.sender, deposit, first, second);
        uint256 share = uint256(deposit) * _config.reporterShare / _WHOLE;
        _credit(msg.sender, share);
        _credit(_config.treasury, deposit - share);
        if (c.since != 0) _replace();
    }

    /// @inheritdoc IElection
    function ranking() external view returns (uint32[] memory) {
        return _ranking(_epoch());
    }

    /// @inheritdoc IElection
    function producers() external view returns (uint32[] memory) {
        return _producers;
    }

    /// @inheritdoc IElection
    function standbys() external view returns (uint32[] memory) {
        return _standbys;
    }

    /// @inheritdoc IElection
    function seats() external view returns (uint32) {
        return _plan.seats;
    }

    /// @inheritdoc IElection
    function seatsAfter(uint32 current, uint64 devices) public view returns (uint32) {
        uint256 each = _config.devicesPerSeat;
        // 7, 10, .. 100, 101.
        uint32 more = current + _STEP > MAX_SEATS ? MAX_SEATS : current + _STEP;
        if (devices >= (more - MIN_SEATS) * each) return more;
        if (devices * _WHOLE >= (current - MIN_SEATS) * each * _KEEP) return current;
        return current == MAX_SEATS ? MAX_SEATS - 1 : current - _STEP;
    }

    /// @inheritdoc IElection
    function voteDigest(ConsensusVote calldata v) public view returns (bytes32) {
        return keccak256(
            abi.encode(_config.domain, uint256(v.kind), v.epoch, v.viewNumber, v.parentView, v.blockHash)
        );
    }

    // ---- elections

    /// E11: what each producer filled of its share of this epoch's blocks, and who is benched for it.
    function _judge(uint64 epoch) private {
        if (_count.epoch != epoch) return;
        uint256 size = _plan.from <= epoch ? _plan.size : _plan.sizeBefore;
        uint256 blocks = _count.blocks;
        if (size == 0 || blocks < size * _SAMPLE) return;
        for (uint256 i = 0; i < _producers.length; ++i) {
            uint32 number = _producers[i];
            _Candidate storage c = _candidates[number];
            if (c.state != CandidateState.Running || c.since > epoch) continue;
            uint32 made = c.countedIn == epoch ? c.inEpoch : 0;
            uint256 share = made * size * _WHOLE / blocks;
            if (share > _WHOLE) share = _WHOLE;
            c.filled = uint16((c.filled + share) / 2);
            if (share >= _config.idleShare) continue;
            c.benchedUntil = epoch + 1 + _config.benchEpochs;
            emit ProducerIdle(number, epoch, made, uint32(blocks), uint32(size));
        }
    }

    /// Who stands and is not benched, best first; of equals, who registered first.
    function _ranking(uint64 epoch) private view returns (uint32[] memory ranked) {
        uint32[] memory all = _running;
        uint256[] memory keys = new uint256[](all.length);
        uint256 eligible;
        for (uint256 i = 0; i < all.length; ++i) {
            if (_candidates[all[i]].benchedUntil != 0) continue;
            // Scores are below 2^160.
            keys[eligible++] = _scoreOf(all[i], epoch) << 32 | (type(uint32).max - all[i]);
        }
        assembly ("memory-safe") {
            mstore(keys, eligible)
        }
        return _descending(keys);
    }

    /// Makes these the producers of the next epoch. A set that stays the same is not scheduled again: light clients then
    /// have nothing to check.
    function _install(uint32[] memory next, uint64 epoch) private {
        next = _ordered(next);
        bool changed = _endpointsChanged;
        // Bits by the place on the list, which is below 256.
        uint256 chosen;
        for (uint256 i = 0; i < next.length; ++i) {
            _Candidate storage c = _candidates[next[i]];
            chosen |= 1 << c.place;
            if (c.since != 0) continue;
            c.since = epoch + 1;
            changed = true;
        }
        for (uint256 i = 0; i < _producers.length; ++i) {
            _Candidate storage c = _candidates[_producers[i]];
            if (c.state == CandidateState.Running && (chosen >> c.place) & 1 != 0) continue;
            c.since = 0;
            changed = true;
            // E5: what it signs until the end of this epoch stays at stake.
            if (c.state != CandidateState.Leaving) continue;
            (c.releaseAt, c.benchedUntil) = (uint40(block.timestamp) + _config.exitDelay, epoch + 1);
        }
        if (_plan.from <= epoch) _plan.sizeBefore = _plan.size;
        (_plan.from, _plan.size) = (epoch + 1, uint32(next.length));
        _producers = next;
        _endpointsChanged = false;
        emit Elected(epoch + 1, _plan.seats, _devices(), next, _standbys);
        if (changed) _set.schedule(_validators(next));
    }

    /// The producers that still stand, and standbys in the places of the others.
    function _replace() private {
        uint64 epoch = _epoch();
        uint32[] memory old = _producers;
        uint32[] memory next = new uint32[](old.length);
        uint256 size;
        for (uint256 i = 0; i < old.length; ++i) {
            uint32 number = old[i];
            if (_candidates[number].state != CandidateState.Running) number = _takeStandby();
            if (number != 0) next[size++] = number;
        }
        if (_tooFew(epoch, size)) return;
        _install(_slice(next, 0, size), epoch);
    }

    /// Takes the first standby that still stands from the list; zero if there is none.
    function _takeStandby() private returns (uint32 first) {
        uint32[] memory list = _standbys;
        for (uint256 i = 0; i < list.length; ++i) {
            _Candidate storage c = _candidates[list[i]];
            if (c.state != CandidateState.Running || c.benchedUntil != 0) continue;
            // Those before it cannot be taken any more.
            _standbys = _slice(list, i + 1, list.length);
            return list[i];
        }
    }

    function _devices() private view returns (uint64) {
        return IDeviceRegistry(_config.devices).active();
    }

    function _tooFew(uint64 epoch, uint256 eligible) private returns (bool) {
        uint256 needed = _set.MIN_VALIDATORS();
        if (eligible >= needed) return false;
        emit ElectionKept(epoch + 1, eligible, needed);
        return true;
    }

    function _validators(uint32[] memory numbers) private view returns (Validator[] memory set) {
        set = new Validator[](numbers.length);
        for (uint256 i = 0; i < numbers.length; ++i) {
            _Candidate storage c = _candidates[numbers[i]];
            set[i] = Validator(c.vote, c.network, c.endpoint);
        }
    }

    // ---- evidence

    /// E12: what no validator that follows the protocol signs, whatever it sees.
    function _excludeEachOther(ConsensusVote calldata a, ConsensusVote calldata b) private pure returns (bool) {
        if (a.epoch != b.epoch || a.viewNumber != b.viewNumber) return false;
        if (a.kind == b.kind && (a.kind == _NOTARIZE || a.kind == _FINALIZE)) {
            return a.blockHash != b.blockHash || a.parentView != b.parentView;
        }
        return (a.kind == _NULLIFY && b.kind == _FINALIZE) || (a.kind == _FINALIZE && b.kind == _NULLIFY);
    }

    function _signer(ConsensusVote calldata v, uint256 index) private view returns (address signer) {
        // A nullification has neither parent nor block; one that names them was signed for nothing.
        if (v.kind == _NULLIFY && (v.parentView != 0 || v.blockHash != 0)) revert VotesCompatible();
        ECDSA.RecoverError problem;
        (signer, problem,) = ECDSA.tryRecoverCalldata(voteDigest(v), v.signature);
        if (problem != ECDSA.RecoverError.NoError) revert VoteSignatureMalformed(index);
    }

    // ---- lists

    function _slice(uint32[] memory list, uint256 from, uint256 max) private pure returns (uint32[] memory part) {
        uint256 left = list.length - from;
        part = new uint32[](left < max ? left : max);
        for (uint256 i = 0; i < part.length; ++i) {
            part[i] = list[from + i];
        }
    }

    /// Ascending numbers: a set whose members stay keeps its order, and its hash.
    function _ordered(uint32[] memory list) private pure returns (uint32[] memory) {
        uint256[] memory keys = new uint256[](list.length);
        for (uint256 i = 0; i < list.length; ++i) {
            keys[i] = type(uint32).max - list[i];
        }
        return _descending(keys);
    }

    /// Numbers by their keys, whose last 32 bits are the complement of the number.
    function _descending(uint256[] memory keys) private pure returns (uint32[] memory list) {
        Arrays.sort(keys, _higher);
        list = new uint32[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            list[i] = type(uint32).max - uint32(keys[i]);
        }
    }

    function _higher(uint256 a, uint256 b) private pure returns (bool) {
        return a > b;
    }
}
