// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CalldataRlp} from "./CalldataRlp.sol";
import {ILightClient} from "./ILightClient.sol";
import {Certificate, Checkpoint} from "./LightClientTypes.sol";
import {StateProof} from "./StateProof.sol";

/// @title What this chain believes of one other chain, on certificates alone.
/// @notice -- first set --/-- update .. update --/-- handover to the next epoch's set --/-- update .. --/-- ...
///         -- frozen --/-- proposed: the long delay --/-- recovered: a later epoch, nothing from before --/-- update .. --/-- ...
/// @dev Invariants L16..L21 and L109..L114 in docs/threats.md; each has a test with the same number. Before a freeze no
///      account has a privilege, and the newest set does not expire by time: who is late with handovers is late, not locked
///      out (docs/adr/0006-light-client.md, docs/adr/0012-recovery.md). Loops are bounded by MAX_VALIDATORS and MAX_HEADERS.
contract LightClient is ILightClient {
    /// @inheritdoc ILightClient
    uint256 public constant MIN_VALIDATORS = 4;
    /// @inheritdoc ILightClient
    uint256 public constant MAX_VALIDATORS = 101;
    /// @inheritdoc ILightClient
    uint256 public constant MAX_GRACE = 7 days;
    /// @inheritdoc ILightClient
    uint256 public constant MAX_HEADERS = 64;
    /// Bounds of the time in which everybody may look at what is proposed.
    uint256 private constant _MIN_RECOVERY_DELAY = 7 days;
    uint256 private constant _MAX_RECOVERY_DELAY = 365 days;
    /// @inheritdoc ILightClient
    bytes32 public constant VOTES_HASH_SLOT = bytes32(uint256(2));

    /// `believedFrom` of a client that is frozen. No block has this height: an epoch would have to begin there.
    uint64 private constant _NEVER = type(uint64).max;
    /// Kind of a vote that finalises.
    uint256 private constant _FINALIZE = 2;
    uint256 private constant _SIGNATURE = 65;
    uint256 private constant _ADDRESS = 20;
    /// Half the order of secp256k1, rounded down: s above it is a second form of the same signature.
    uint256 private constant _MAX_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    // Where the fields of a header lie: everything up to the difficulty has one length (Yellow Paper, section 4.3).
    uint256 private constant _PARENT = 3;
    uint256 private constant _OMMERS = 36;
    uint256 private constant _BENEFICIARY = 69;
    uint256 private constant _STATE_ROOT = 90;
    uint256 private constant _TRANSACTIONS = 123;
    uint256 private constant _RECEIPTS = 156;
    uint256 private constant _BLOOM = 189;
    uint256 private constant _DIFFICULTY = 448;
    uint256 private constant _NUMBER = 449;

    /// @inheritdoc ILightClient
    uint64 public immutable chainId;
    /// @inheritdoc ILightClient
    bytes32 public immutable domain;
    /// @inheritdoc ILightClient
    uint64 public immutable epochLength;
    /// @inheritdoc ILightClient
    address public immutable validatorSet;
    /// @inheritdoc ILightClient
    uint64 public immutable grace;
    address private immutable _governor;
    uint64 private immutable _recoveryDelay;

    /// One slot: all that a certificate's acceptance hangs on beside the set itself.
    struct _Head {
        uint64 epoch;
        uint64 handedOverAt;
        uint64 latestHeight;
        /// Checkpoints below this height are not believed: 0 before the first recovery, `_NEVER` while frozen.
        uint64 believedFrom;
    }

    /// What the governor has proposed; nothing while `readyAt` is 0.
    struct _Recovery {
        bytes32 hash;
        uint64 readyAt;
    }

    _Head private _head;
    /// Votes hashes of the newest epoch and the one before it, by the parity of their epoch.
    bytes32[2] private _votes;
    /// Hash of the checkpoint by height.
    mapping(uint64 height => bytes32) private _checkpoints;
    _Recovery private _recovery;

    /// @param firstEpoch The epoch `votes` validate; the deployer vouches for it, and everybody can compare it.
    /// @param governor_ Who may propose a recovery; zero: nobody, then a freeze is for ever, and the delay is zero.
    constructor(
        uint64 chainId_,
        bytes32 domain_,
        uint64 epochLength_,
        address validatorSet_,
        uint64 grace_,
        uint64 firstEpoch,
        bytes memory votes,
        address governor_,
        uint64 recoveryDelay_
    ) {
        if (chainId_ == 0) revert ConfigZero(0);
        if (domain_ == 0) revert ConfigZero(1);
        if (epochLength_ == 0) revert ConfigZero(2);
        if (validatorSet_ == address(0)) revert ConfigZero(3);
        if (grace_ == 0 || grace_ > MAX_GRACE) revert GraceRefused(grace_, MAX_GRACE);
        bool delayFits = governor_ == address(0)
            ? recoveryDelay_ == 0
            : recoveryDelay_ >= _MIN_RECOVERY_DELAY && recoveryDelay_ <= _MAX_RECOVERY_DELAY;
        if (!delayFits) revert RecoveryDelayRefused(recoveryDelay_, _MIN_RECOVERY_DELAY, _MAX_RECOVERY_DELAY);
        _checkSet(votes);
        (chainId, domain, epochLength, validatorSet, grace) = (chainId_, domain_, epochLength_, validatorSet_, grace_);
        (_governor, _recoveryDelay) = (governor_, recoveryDelay_);
        _install(firstEpoch, keccak256(votes), votes);
    }

    modifier onlyFrozen() {
        if (_head.believedFrom != _NEVER) revert ClientNotFrozen();
        _;
    }

    modifier onlyGovernor() {
        if (msg.sender != _governor) revert CallerNotGovernor(msg.sender, _governor);
        _;
    }

    /// @inheritdoc ILightClient
    function update(bytes[] calldata headers, Certificate calldata certificate, bytes calldata votes)
        external
        returns (Checkpoint memory checkpoint)
    {
        (checkpoint,) = _verify(headers, certificate, votes);
        bytes32 hash = checkpoint.hash();
        bytes32 known = _checkpoints[checkpoint.height];
        if (known == hash) return checkpoint;
        if (known != 0) {
            _freeze(checkpoint.height);
            return checkpoint;
        }
        _checkpoints[checkpoint.height] = hash;
        if (checkpoint.height > _head.latestHeight) _head.latestHeight = checkpoint.height;
        emit Updated(checkpoint.height, checkpoint.timestamp, checkpoint.stateRoot);
    }

    /// @inheritdoc ILightClient
    function handover(
        Checkpoint calldata lastOfEpoch,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof,
        bytes calldata votes
    ) external {
        // No checkpoint is known to a frozen client.
        _checkKnown(lastOfEpoch);
        uint64 newest = _head.epoch;
        uint64 expected = (newest + 1) * epochLength - 1;
        if (lastOfEpoch.height != expected) revert HandoverWrongHeight(lastOfEpoch.height, expected);
        bytes32 next = bytes32(
            StateProof.slotAt(lastOfEpoch.stateRoot, validatorSet, VOTES_HASH_SLOT, accountProof, storageProof)
        );
        if (next == 0) revert HandoverEmpty();
        bytes32 got = keccak256(votes);
        if (got != next) revert SetWrong(newest + 1, got, next);
        // A set that is known was checked when it came.
        if (next != _votes[newest % 2]) _checkSet(votes);
        _install(newest + 1, next, votes);
    }

    /// @inheritdoc ILightClient
    function reportEquivocation(
        bytes[] calldata headersA,
        Certificate calldata certificateA,
        bytes calldata votesA,
        bytes[] calldata headersB,
        Certificate calldata certificateB,
        bytes calldata votesB
    ) external {
        (Checkpoint memory a, bytes32 hashA) = _verify(headersA, certificateA, votesA);
        (Checkpoint memory b, bytes32 hashB) = _verify(headersB, certificateB, votesB);
        if (a.height != b.height || hashA == hashB) revert NoEquivocation(a.height, b.height);
        _freeze(a.height);
    }

    /// -- frozen --/-- HERE --/-- recovered --
    /// @inheritdoc ILightClient
    function proposeRecovery(uint64 firstEpoch, bytes calldata votes) external onlyGovernor onlyFrozen {
        // Later than all that was believed: no checkpoint from before the freeze is of it.
        uint64 newest = _head.epoch;
        if (firstEpoch <= newest || uint256(firstEpoch) * epochLength >= _NEVER) {
            revert RecoveryWrongEpoch(firstEpoch, newest);
        }
        _checkSet(votes);
        uint64 readyAt = uint64(block.timestamp) + _recoveryDelay;
        _recovery = _Recovery(_hashOf(firstEpoch, votes), readyAt);
        emit RecoveryProposed(firstEpoch, keccak256(votes), votes, readyAt);
    }

    /// -- proposed --/-- HERE --
    /// @inheritdoc ILightClient
    function cancelRecovery() external onlyGovernor {
        bytes32 hash = _recovery.hash;
        if (_recovery.readyAt == 0) revert RecoveryUnknown(hash, 0);
        delete _recovery;
        emit RecoveryCancelled(hash);
    }

    /// -- proposed --/-- the delay --/-- HERE --
    /// @inheritdoc ILightClient
    function recover(uint64 firstEpoch, bytes calldata votes) external onlyFrozen {
        _Recovery memory proposed = _recovery;
        bytes32 got = _hashOf(firstEpoch, votes);
        if (proposed.readyAt == 0 || got != proposed.hash) revert RecoveryUnknown(got, proposed.hash);
        if (block.timestamp < proposed.readyAt) revert RecoveryTooEarly(block.timestamp, proposed.readyAt);
        delete _recovery;
        // The set that was the newest has no say, though its place in `_votes` would be that of the epoch before.
        _votes[(firstEpoch + 1) % 2] = 0;
        uint64 from = firstEpoch * epochLength;
        (_head.latestHeight, _head.believedFrom) = (0, from);
        emit Recovered(firstEpoch, from);
        _install(firstEpoch, keccak256(votes), votes);
    }

    /// @inheritdoc ILightClient
    function check(Checkpoint calldata checkpoint) external view {
        _checkKnown(checkpoint);
    }

    /// @inheritdoc ILightClient
    function slotAt(
        Checkpoint calldata checkpoint,
        address account,
        bytes32 slot,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external view returns (uint256) {
        _checkKnown(checkpoint);
        return StateProof.slotAt(checkpoint.stateRoot, account, slot, accountProof, storageProof);
    }

    /// @inheritdoc ILightClient
    function checkNotFrozen() external view returns (uint64 from) {
        from = _head.believedFrom;
        if (from == _NEVER) revert ClientFrozen();
    }

    /// @inheritdoc ILightClient
    function frozen() external view returns (bool) {
        return _head.believedFrom == _NEVER;
    }

    /// @inheritdoc ILightClient
    function believedFrom() external view returns (uint64) {
        return _head.believedFrom;
    }

    /// @inheritdoc ILightClient
    function recovery() external view returns (address governor, uint64 delay, bytes32 hash, uint64 readyAt) {
        return (_governor, _recoveryDelay, _recovery.hash, _recovery.readyAt);
    }

    /// @inheritdoc ILightClient
    function epoch() external view returns (uint64) {
        return _head.epoch;
    }

    /// @inheritdoc ILightClient
    function handedOverAt() external view returns (uint64) {
        return _head.handedOverAt;
    }

    /// @inheritdoc ILightClient
    function latestHeight() external view returns (uint64) {
        return _head.latestHeight;
    }

    /// @inheritdoc ILightClient
    function votesHash(uint64 epoch_) external view returns (bytes32) {
        uint64 newest = _head.epoch;
        bool known = epoch_ == newest || epoch_ + 1 == newest;
        return known ? _votes[epoch_ % 2] : bytes32(0);
    }

    /// @inheritdoc ILightClient
    function checkpointHash(uint64 height) external view returns (bytes32) {
        return _checkpoints[height];
    }

    // ---- effects

    function _install(uint64 epoch_, bytes32 hash, bytes memory votes) private {
        _votes[epoch_ % 2] = hash;
        (_head.epoch, _head.handedOverAt) = (epoch_, uint64(block.timestamp));
        emit HandedOver(epoch_, hash, votes);
    }

    function _freeze(uint64 height) private {
        _head.believedFrom = _NEVER;
        emit Frozen(height);
    }

    // ---- checks

    function _hashOf(uint64 firstEpoch, bytes calldata votes) private pure returns (bytes32) {
        return keccak256(abi.encode(firstEpoch, keccak256(votes)));
    }

    function _checkKnown(Checkpoint calldata checkpoint) private view {
        uint64 height = checkpoint.height;
        uint64 from = _head.believedFrom;
        if (height < from) {
            if (from == _NEVER) revert ClientFrozen();
            revert CheckpointUnknown(height);
        }
        if (_checkpoints[height] != checkpoint.hash()) revert CheckpointUnknown(height);
    }

    /// Checks headers and certificate; returns the first header as a checkpoint, and its hash.
    function _verify(bytes[] calldata headers, Certificate calldata certificate, bytes calldata votes)
        private
        view
        returns (Checkpoint memory first, bytes32 firstHash)
    {
        uint256 count = headers.length;
        if (count == 0 || count > MAX_HEADERS) revert HeadersCount(count, MAX_HEADERS);
        first = _readHeader(headers[0], 0);
        firstHash = keccak256(headers[0]);
        uint64 height = first.height;
        bytes32 certified = firstHash;
        for (uint256 i = 1; i < count; ++i) {
            height = _readHeader(headers[i], i).height;
            bytes32 parent = bytes32(CalldataRlp.word(_offset(headers[i]) + _PARENT + 1));
            if (parent != certified) revert HeaderNotLinked(i, parent, certified);
            certified = keccak256(headers[i]);
        }
        uint64 expected = height / epochLength;
        if (certificate.epoch != expected) revert CertificateWrongEpoch(certificate.epoch, expected);
        _checkSetOf(certificate.epoch, votes);
        _checkSignatures(certificate, certified, votes);
    }

    /// The client believes at all, the certificate is of a set that still has a say, and `votes` is that set.
    function _checkSetOf(uint64 epoch_, bytes calldata votes) private view {
        _Head memory head = _head;
        if (head.believedFrom == _NEVER) revert ClientFrozen();
        if (epoch_ > head.epoch) revert SetUnknown(epoch_, head.epoch);
        if (epoch_ + 1 < head.epoch) revert SetExpired(epoch_, head.epoch);
        if (epoch_ < head.epoch && block.timestamp > uint256(head.handedOverAt) + grace) {
            revert SetExpired(epoch_, head.epoch);
        }
        bytes32 known = _votes[epoch_ % 2];
        bytes32 got = keccak256(votes);
        // Before the first handover the other place is empty; no votes hash to zero.
        if (got != known) revert SetWrong(epoch_, got, known);
    }

    function _checkSignatures(Certificate calldata certificate, bytes32 blockHash, bytes calldata votes) private view {
        uint256 size = votes.length / _ADDRESS;
        // What is installed was checked; a set below the minimum would make one signature a quorum.
        if (size < MIN_VALIDATORS) revert SetSizeRefused(votes.length, MIN_VALIDATORS, MAX_VALIDATORS);
        uint256 signers = certificate.signers;
        if (signers >> size != 0) revert CertificateSignersUnknown(signers, size);
        bytes32 digest = keccak256(
            abi.encode(domain, _FINALIZE, certificate.epoch, certificate.viewNumber, certificate.parentView, blockHash)
        );
        uint256 got = _checkEach(signers, digest, certificate.signatures, votes);
        uint256 needed = size - (size - 1) / 3;
        if (got < needed) revert CertificateQuorum(got, needed);
    }

    /// Checks one signature for each set bit, and that there are no others; returns how many.
    function _checkEach(uint256 signers, bytes32 digest, bytes calldata signatures, bytes calldata votes)
        private
        pure
        returns (uint256 got)
    {
        uint256 at = _offset(signatures);
        uint256 end = at + signatures.length;
        uint256 vote = _offset(votes);
        // At most 101 rounds: `signers` has no bit beyond the set. Positions are far below 2^64.
        unchecked {
            for (uint256 i = 0; signers >> i != 0; ++i) {
                if ((signers >> i) & 1 == 0) continue;
                if (at + _SIGNATURE <= end) {
                    _checkOne(i, digest, at, address(uint160(CalldataRlp.word(vote + _ADDRESS * i) >> 96)));
                }
                at += _SIGNATURE;
                ++got;
            }
        }
        if (at != end) revert CertificateLength(signatures.length, got * _SIGNATURE);
    }

    /// `ecrecover` takes both forms of s; one is enough. It gives zero for nonsense, and no member is zero.
    function _checkOne(uint256 index, bytes32 digest, uint256 at, address expected) private pure {
        uint256 s = CalldataRlp.word(at + 32);
        uint8 v = uint8(CalldataRlp.word(at + 64) >> 248);
        if (s > _MAX_S || (v != 27 && v != 28)) revert SignatureMalformed(index);
        address got = ecrecover(digest, v, bytes32(CalldataRlp.word(at)), bytes32(s));
        if (got != expected || got == address(0)) revert SignatureWrong(index, got, expected);
    }

    /// A set that may be installed: V6.
    function _checkSet(bytes memory votes) private pure {
        uint256 size = votes.length / _ADDRESS;
        if (size < MIN_VALIDATORS || size > MAX_VALIDATORS || size * _ADDRESS != votes.length) {
            revert SetSizeRefused(votes.length, MIN_VALIDATORS, MAX_VALIDATORS);
        }
        for (uint256 i = 0; i < size; ++i) {
            address member = _member(votes, i);
            if (member == address(0)) revert SetMemberZero(i);
            for (uint256 j = 0; j < i; ++j) {
                if (_member(votes, j) == member) revert SetMemberTwice(j, i);
            }
        }
    }

    function _member(bytes memory votes, uint256 index) private pure returns (address member) {
        // The index is below the size: the word read begins within the bytes, its high 160 bits are within them.
        assembly ("memory-safe") {
            member := shr(96, mload(add(add(votes, 32), mul(index, 20))))
        }
    }

    /// Reads what is needed of a header. What lies behind the timestamp is covered by the hash, which a quorum signed.
    function _readHeader(bytes calldata header, uint256 index) private pure returns (Checkpoint memory c) {
        uint256 at = _offset(header);
        uint256 limit = at + header.length;
        // A list of 256 to 65,535 bytes, and nothing behind it; fields of fixed length where they must be.
        bool sound = header.length > _NUMBER && CalldataRlp.word(at) >> 248 == 0xf9
            && (CalldataRlp.word(at) >> 232) & 0xffff == header.length - 3 && _is(at + _PARENT, 0xa0)
            && _is(at + _OMMERS, 0xa0) && _is(at + _BENEFICIARY, 0x94) && _is(at + _STATE_ROOT, 0xa0)
            && _is(at + _TRANSACTIONS, 0xa0) && _is(at + _RECEIPTS, 0xa0)
            && CalldataRlp.word(at + _BLOOM) >> 232 == 0xb90100 && _is(at + _DIFFICULTY, 0x80);
        if (!sound) revert HeaderMalformed(index);
        uint256 field;
        uint256 next;
        (field, next) = CalldataRlp.number(at + _NUMBER, limit, 8);
        c.height = uint64(field);
        (, next) = CalldataRlp.number(next, limit, 8); // gas limit
        (, next) = CalldataRlp.number(next, limit, 8); // gas used
        (field,) = CalldataRlp.number(next, limit, 8);
        c.timestamp = uint64(field);
        c.stateRoot = bytes32(CalldataRlp.word(at + _STATE_ROOT + 1));
    }

    function _is(uint256 at, uint256 prefix) private pure returns (bool) {
        return CalldataRlp.word(at) >> 248 == prefix;
    }

    function _offset(bytes calldata data) private pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := data.offset
        }
    }
}
