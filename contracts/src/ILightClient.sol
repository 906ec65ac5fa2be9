// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Certificate, Checkpoint} from "./LightClientTypes.sol";

/// @title What this chain believes of one other chain, on certificates alone.
/// @notice Until a freeze nobody has a privilege here: every function is open to anybody, and believes nothing but a quorum's
///         signatures. A frozen client is recovered by its governor alone, after a long delay, in sight of everybody.
///         -- first set --/-- update .. update --/-- handover to the next epoch's set --/-- update .. --/-- ...
/// @dev Invariants L16..L21, L109..L114 in docs/threats.md; docs/adr/0006-light-client.md, docs/adr/0012-recovery.md.
interface ILightClient {
    /// @notice A final block of the other chain is known from now on.
    event Updated(uint64 indexed height, uint64 timestamp, bytes32 stateRoot);
    /// @notice `votes` (20 bytes each, in the order of certificates) validate from `epoch` on.
    event HandedOver(uint64 indexed epoch, bytes32 votesHash, bytes votes);
    /// @notice Two blocks of one height were certified: the client accepts and confirms nothing any more.
    event Frozen(uint64 indexed height);
    /// @notice From `readyAt` on anyone may make `votes` the set of `firstEpoch`, unless the governor cancels it.
    event RecoveryProposed(uint64 indexed firstEpoch, bytes32 votesHash, bytes votes, uint64 readyAt);
    /// @notice What was proposed will not come.
    event RecoveryCancelled(bytes32 indexed hash);
    /// @notice The client believes again, from `firstEpoch` on, and no checkpoint below `believedFrom`.
    event Recovered(uint64 indexed firstEpoch, uint64 believedFrom);

    /// A constructor argument is zero: 0 chain id, 1 domain, 2 epoch length, 3 validator set.
    error ConfigZero(uint256 field);
    /// The grace time is not within 1..MAX_GRACE.
    error GraceRefused(uint256 got, uint256 max);
    /// A set has MIN_VALIDATORS..MAX_VALIDATORS members of 20 bytes.
    error SetSizeRefused(uint256 bytesGot, uint256 min, uint256 max);
    /// Member `index` is the zero address.
    error SetMemberZero(uint256 index);
    /// Members `first` and `second` are the same address.
    error SetMemberTwice(uint256 first, uint256 second);
    /// These votes are not the set of `epoch`.
    error SetWrong(uint64 epoch, bytes32 got, bytes32 expected);
    /// Nothing is known of sets after `newest`.
    error SetUnknown(uint64 got, uint64 newest);
    /// The set of this epoch has no say any more.
    error SetExpired(uint64 got, uint64 newest);
    /// The certified block is of another epoch than the certificate.
    error CertificateWrongEpoch(uint64 got, uint64 expected);
    /// A bit is set for a member that the set does not have.
    error CertificateSignersUnknown(uint256 signers, uint256 size);
    /// Fewer signers than a quorum of n - (n - 1) / 3.
    error CertificateQuorum(uint256 got, uint256 needed);
    /// Not exactly 65 bytes for each signer.
    error CertificateLength(uint256 got, uint256 expected);
    /// The signature of member `index` is not canonical: v is 27 or 28, s in the lower half.
    error SignatureMalformed(uint256 index);
    /// The signature of member `index` is somebody else's, or of something else.
    error SignatureWrong(uint256 index, address got, address expected);
    /// No headers, or more than MAX_HEADERS.
    error HeadersCount(uint256 got, uint256 max);
    /// Header `index` is not the RLP of a block header.
    error HeaderMalformed(uint256 index);
    /// Header `index` is not the child of the header before it.
    error HeaderNotLinked(uint256 index, bytes32 got, bytes32 expected);
    /// The two chains of headers do not begin with different blocks of one height.
    error NoEquivocation(uint64 first, uint64 second);
    /// The checkpoint is not of the last block of the newest epoch.
    error HandoverWrongHeight(uint64 got, uint64 expected);
    /// The other chain's state shows no set at all.
    error HandoverEmpty();
    /// No such checkpoint was certified here.
    error CheckpointUnknown(uint64 height);
    /// Two blocks of one height were certified: nothing of that chain is believed any more.
    error ClientFrozen();
    /// There is nothing to recover from.
    error ClientNotFrozen();
    /// Only the governor proposes and cancels.
    error CallerNotGovernor(address got, address expected);
    /// The delay is not within 7 to 365 days (`min`..`max`), or there is one without a governor.
    error RecoveryDelayRefused(uint256 got, uint256 min, uint256 max);
    /// The epoch is not later than the newest one, or no chain comes that far.
    error RecoveryWrongEpoch(uint64 got, uint64 newest);
    /// This is not what is proposed.
    error RecoveryUnknown(bytes32 got, bytes32 proposed);
    /// The delay is not over.
    error RecoveryTooEarly(uint256 time, uint256 readyAt);

    /// @notice Records the first of `headers` as final.
    /// @dev May be repeated: a known checkpoint is success and writes nothing. A *different* checkpoint at a known height
    ///      freezes the client and returns, so that the freeze stays.
    /// @param headers RLP of block headers, each the parent of the next; the certificate is for the last.
    /// @param certificate Votes of the set of the last header's epoch.
    /// @param votes The vote addresses of that whole set, 20 bytes each.
    /// @return What later proofs hang on.
    function update(bytes[] calldata headers, Certificate calldata certificate, bytes calldata votes)
        external
        returns (Checkpoint memory);

    /// @notice Installs the set of the epoch after the newest, as the last block of the newest epoch left it in the state.
    /// @param lastOfEpoch A known checkpoint of that block.
    /// @param accountProof `ValidatorSet` of the other chain in its state.
    /// @param storageProof Its slot VOTES_HASH_SLOT.
    /// @param votes The new set, 20 bytes each, whose hash is in that slot.
    function handover(
        Checkpoint calldata lastOfEpoch,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof,
        bytes calldata votes
    ) external;

    /// @notice Freezes the client on proof that two blocks of one height are final.
    function reportEquivocation(
        bytes[] calldata headersA,
        Certificate calldata certificateA,
        bytes calldata votesA,
        bytes[] calldata headersB,
        Certificate calldata certificateB,
        bytes calldata votesB
    ) external;

    /// @notice Says what a frozen client is to believe, not before the delay is over. Replaces what was proposed before.
    /// @dev For the governor. It says which branch of the other chain counts: everybody can look, for as long as the delay.
    /// @param firstEpoch Later than the newest epoch known here.
    /// @param votes The vote addresses of its whole set, 20 bytes each.
    function proposeRecovery(uint64 firstEpoch, bytes calldata votes) external;

    /// @notice Takes back what is proposed.
    /// @dev For the governor.
    function cancelRecovery() external;

    /// @notice Makes a frozen client believe again as proposed. Nothing certified before the freeze counts afterwards.
    /// @dev For anybody, once the delay is over.
    function recover(uint64 firstEpoch, bytes calldata votes) external;

    /// @notice Reverts unless this checkpoint was certified here, since the last recovery, and the client is not frozen.
    function check(Checkpoint calldata checkpoint) external view;

    /// @notice Returns the value of a storage slot of the other chain at a known checkpoint; 0 means proved absence.
    /// @dev Reverts as `check` does, and with the errors of `StateProof`.
    function slotAt(
        Checkpoint calldata checkpoint,
        address account,
        bytes32 slot,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external view returns (uint256);

    /// @notice Reverts if the client is frozen; returns `believedFrom` otherwise.
    function checkNotFrozen() external view returns (uint64);

    /// @notice Returns whether two blocks of one height were certified.
    function frozen() external view returns (bool);

    /// @notice Returns the height below which no checkpoint is believed: 0 before the first recovery, 2^64 - 1 while frozen.
    function believedFrom() external view returns (uint64);

    /// @notice Returns who may propose a recovery (zero: nobody, ever), the seconds between a proposal and the recovery,
    ///         `keccak256(abi.encode(firstEpoch, keccak256(votes)))` of what is proposed, and when that may come; zeros
    ///         while nothing is.
    function recovery() external view returns (address governor, uint64 delay, bytes32 hash, uint64 readyAt);

    /// @notice Returns the newest epoch whose set is known.
    function epoch() external view returns (uint64);

    /// @notice Returns when the newest set was installed, in seconds of this chain.
    function handedOverAt() external view returns (uint64);

    /// @notice Returns `keccak256` of the packed vote addresses of the newest epoch or the one before it, else zero.
    function votesHash(uint64 epoch) external view returns (bytes32);

    /// @notice Returns the height of the newest known checkpoint; 0 when there is none since the last recovery.
    function latestHeight() external view returns (uint64);

    /// @notice Returns the hash of the checkpoint certified at a height, or zero. Below `believedFrom` it counts no more.
    function checkpointHash(uint64 height) external view returns (bytes32);

    /// @notice Returns the other chain's id.
    function chainId() external view returns (uint64);

    /// @notice Returns the domain of the other chain's votes.
    function domain() external view returns (bytes32);

    /// @notice Returns the other chain's epoch length in blocks.
    function epochLength() external view returns (uint64);

    /// @notice Returns where the other chain's `ValidatorSet` is.
    function validatorSet() external view returns (address);

    /// @notice Returns for how many seconds after a handover the set before it is still believed.
    function grace() external view returns (uint64);

    /// @notice Returns the slot of the other chain's `ValidatorSet` that a handover proves.
    function VOTES_HASH_SLOT() external view returns (bytes32);

    /// @notice Returns the smallest set that tolerates a fault.
    function MIN_VALIDATORS() external view returns (uint256);

    /// @notice Returns the largest set.
    function MAX_VALIDATORS() external view returns (uint256);

    /// @notice Returns the longest grace time in seconds.
    function MAX_GRACE() external view returns (uint256);

    /// @notice Returns how many headers one call takes at most.
    function MAX_HEADERS() external view returns (uint256);
}
