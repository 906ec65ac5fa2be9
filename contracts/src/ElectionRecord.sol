// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BlockHeader} from "./BlockHeader.sol";
import {ElectionBooks} from "./ElectionBooks.sol";
import {CandidateState, ElectionConfig} from "./ElectionTypes.sol";
import {IElection} from "./IElection.sol";

/// @title Who made which block, from the headers themselves.
/// @dev Validators sign no block whose beneficiary is not its proposer (docs/adr/0017-blocks-counted-from-headers.md).
///      Blocks are counted without gaps: nobody can leave out another's.
abstract contract ElectionRecord is ElectionBooks {
    /// @inheritdoc IElection
    uint256 public constant MAX_HEADERS = 256;

    /// The blocks of one epoch as far as they are counted.
    struct _Count {
        uint64 epoch;
        uint32 blocks;
        /// The newest block counted.
        uint64 last;
    }

    _Count internal _count;
    mapping(uint64 number => bytes32) private _anchors;

    constructor(ElectionConfig memory c) ElectionBooks(c) {
        _count.last = uint64(block.number);
    }

    /// @inheritdoc IElection
    function record(bytes[] calldata headers) external {
        _Count memory count = _count;
        (address[] memory makers,) = _chain(headers, count.last + 1);
        uint256 pool_ = _pool;
        for (uint256 i = 0; i < makers.length; ++i) {
            uint64 epoch = ++count.last / _epochLength;
            if (count.epoch != epoch) (count.epoch, count.blocks) = (epoch, 0);
            ++count.blocks;
            pool_ -= _countOne(makers[i], epoch, pool_);
        }
        (_count, _pool) = (count, pool_);
        emit Recorded(count.last, makers.length);
    }

    /// @inheritdoc IElection
    function anchor(bytes[] calldata headers) external {
        if (headers.length == 0) revert HeadersRefused(0, MAX_HEADERS);
        (uint64 first,,) = BlockHeader.read(headers[0], 0);
        (, bytes32 parent) = _chain(headers, first);
        _anchors[first - 1] = parent;
        emit Anchored(first - 1, parent);
    }

    /// @inheritdoc IElection
    function fund() external payable {
        _pool += msg.value;
        emit RewardsFunded(msg.sender, msg.value, _pool);
    }

    /// @inheritdoc IElection
    function pool() external view returns (uint256) {
        return _pool;
    }

    /// @inheritdoc IElection
    function recorded() external view returns (uint64) {
        return _count.last;
    }

    /// Counts a block for its maker, if that is a candidate; returns what was paid for it.
    function _countOne(address maker, uint64 epoch, uint256 pool_) private returns (uint256 paid) {
        _Candidate storage c = _candidates[_numbers[maker]];
        // E14: who was slashed gets nothing more.
        if (c.state != CandidateState.Running && c.state != CandidateState.Leaving) return 0;
        if (c.countedIn != epoch) (c.produced, c.countedIn, c.inEpoch) = (_produced(c, epoch), epoch, 0);
        ++c.produced;
        ++c.inEpoch;
        paid = _config.blockReward;
        if (paid > pool_) paid = pool_;
        if (paid != 0) _reward(c, paid);
    }

    /// Headers that follow each other from `expected` on, the last of them known: who made them, and the first's parent.
    function _chain(bytes[] calldata headers, uint64 expected)
        private
        view
        returns (address[] memory makers, bytes32 firstParent)
    {
        uint256 count = headers.length;
        if (count == 0 || count > MAX_HEADERS) revert HeadersRefused(count, MAX_HEADERS);
        makers = new address[](count);
        bytes32 last;
        for (uint256 i = 0; i < count; ++i) {
            (uint64 number, bytes32 parent, address maker) = BlockHeader.read(headers[i], i);
            if (number != expected) revert HeaderOutOfOrder(i, number, expected);
            if (i == 0) firstParent = parent;
            else if (parent != last) revert HeaderNotLinked(i);
            (makers[i], last) = (maker, keccak256(headers[i]));
            ++expected;
        }
        _checkKnown(expected - 1, last);
    }

    function _checkKnown(uint64 number, bytes32 hash) private view {
        // Zero for blocks that are too far back, and for this one.
        bytes32 known = blockhash(number);
        if (known == 0) known = _anchors[number];
        if (known != hash) revert BlockUnknown(number, hash);
    }
}
