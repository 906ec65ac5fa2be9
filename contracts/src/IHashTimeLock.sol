// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Lock, LockId, LockState, Terms} from "./LockTypes.sol";

/// @title Hash time locks of native and ERC-20 assets.
/// @notice Money goes to the recipient against the preimage of a hash, or back to the sender after a time; never
///         anywhere else, whoever sends the transaction. All times are unix seconds of the block.
///
/// ```
///  lock        publicClaimAt        refundAt          publicRefundAt
///   |-- recipient --|----- anyone -----|---- sender ----|---- anyone ----> no end
///   |             claims               |            refunds
/// ```
///
/// In a private window only the party itself may act, and gets the safety deposit; in a public window anyone may, the
/// same fixed party is paid, and whoever acts gets the deposit. Nothing can be claimed at or after `refundAt`, unless the
/// lock has a refund guard: then its guard, not the clock, keeps claim and refund apart, and it can be claimed as long
/// as it is open (docs/adr/0008-guarded-locks.md).
///
/// What a lock with evidence hooks allows (`hookFlags` bit 0: claim condition, bit 1: refund guard):
///
/// | call                        | no hooks | claim condition | refund guard | both |
/// |-----------------------------|----------|-----------------|--------------|------|
/// | `claim`, `claimBatch`       | yes      | refused         | yes          | refused |
/// | `claimWith`                 | refused  | yes             | refused      | yes  |
/// | `refund`, `refundTogether`  | yes      | yes             | refused      | refused |
/// | `refundWith`                | refused  | refused         | yes          | yes  |
///
/// A condition only narrows claims, so a refund needs no evidence, and a recipient may always renounce. A guard narrows
/// refunds, and may protect others than the recipient (holders of what was minted against the lock), so the recipient
/// alone cannot waive it. A lock in parts takes no hooks: evidence would have to be judged per part.
/// @dev Invariants L1..L12 in docs/threats.md; each has a test with the same number. Tokens whose balances change
///      without a transfer (rebasing) are not supported: nothing here can see that.
interface IHashTimeLock {
    /// @notice Money was locked. `memo` is what the sender said, see `lock`.
    event Locked(LockId indexed id, bytes32 indexed hashlock, address indexed recipient, Lock lock, bytes memo);

    /// @notice The whole lock was paid to its recipient; `by` sent the transaction and got the deposit.
    event Claimed(LockId indexed id, bytes32 indexed hashlock, bytes32 preimage, address by);

    /// @notice Part `index` was paid to the recipient. The last open part brings `by` the deposit.
    event PartClaimed(LockId indexed id, uint256 index, bytes32 preimage, uint256 amount, address by);

    /// @notice `amount`, all that was not claimed, was paid back to the sender; `by` got the deposit.
    event Refunded(LockId indexed id, uint256 amount, address by);

    /// Field `field` of the lock is zero: 0 hashlock, 1 sender, 2 recipient, 3 amount.
    error LockFieldZero(uint256 field);
    /// Only the sender may lock his own money.
    error LockNotBySender(address got, address expected);
    /// The recipient is this contract or the token: it could never use the money.
    error LockRecipientRefused(address got);
    /// The token has no code, or is this contract.
    error LockTokenRefused(address got);
    /// `publicClaimAt` is not after the current time.
    error LockWindowPast(uint256 got, uint256 nowAt);
    /// Times must rise: publicClaimAt < refundAt < publicRefundAt.
    error LockWindowsDisordered(uint256 publicClaimAt, uint256 refundAt, uint256 publicRefundAt);
    /// The time to claim, or the sender's own time to refund, is shorter than `MIN_WINDOW`.
    error LockWindowShort(uint256 got, uint256 min);
    /// `publicRefundAt` is further away than `MAX_HORIZON`: milliseconds instead of seconds?
    error LockHorizonFar(uint256 got, uint256 max);
    /// Parts must be 1..MAX_PARTS, and no part may be empty.
    error LockPartsRefused(uint256 got, uint256 max);
    /// Unknown flag, a judge without flag, a flag without a judge that has code, or hooks on a lock in parts.
    error LockHooksRefused(uint8 flags, address hooks);
    /// The memo is longer than `MAX_MEMO`.
    error LockMemoLong(uint256 got, uint256 max);
    /// Native value sent along differs from what the lock needs.
    error LockWrongValue(uint256 got, uint256 expected);
    /// The token brought another amount than it was told to: fee on transfer is not supported.
    error LockAmountNotReceived(uint256 got, uint256 expected);
    /// The same lock was already made; choose another salt.
    error LockKnown(LockId id, LockState state);
    /// A gasless lock needs an ERC-20 token: native value cannot be pulled.
    error LockForNative();
    /// The time up to which a signature was good has passed.
    error SignatureExpired(uint256 deadline, uint256 nowAt);
    /// The signature is not `signer`'s over this request.
    error SignatureWrong(address signer);
    /// The lock is not open: never made, or ended already.
    error LockNotOpen(LockId id, LockState state);
    /// `refundAt` has come and no guard asks for evidence: only refunds now.
    error ClaimTooLate(uint256 nowAt, uint256 refundAt);
    /// Before `publicClaimAt` only the recipient claims.
    error ClaimStillPrivate(address got, address expected, uint256 until);
    /// sha256 of the preimage is `got`, or the part's path does not lead to the root.
    error ClaimWrongPreimage(bytes32 got, bytes32 expected);
    /// Lists of different lengths.
    error ClaimLengthsDiffer(uint256 locks, uint256 preimages);
    /// This lock is claimed in parts, by `claimPart`.
    error ClaimNeedsPart(uint256 parts);
    /// This lock has no such part.
    error ClaimNoSuchPart(uint256 got, uint256 parts);
    /// This part is already paid.
    error ClaimPartTwice(uint256 index);
    /// This lock is claimed with evidence, by `claimWith`.
    error ClaimNeedsEvidence(address hooks);
    /// This lock has no claim condition; use `claim`.
    error ClaimTakesNoEvidence();
    /// Before `refundAt` only claims.
    error RefundTooEarly(uint256 nowAt, uint256 refundAt);
    /// Before `publicRefundAt` only the sender refunds.
    error RefundStillPrivate(address got, address expected, uint256 until);
    /// This lock is refunded with evidence, by `refundWith`.
    error RefundNeedsEvidence(address hooks);
    /// This lock has no refund guard; use `refund`.
    error RefundTakesNoEvidence();
    /// The judge did not return its selector.
    error EvidenceRefused(address hooks, bytes4 got);
    /// The payee did not take native money; the lock stays open.
    error PayoutRefused(address payee, uint256 amount);

    /// @notice Locks `msg.sender`'s own money.
    ///         Timeline: before `publicClaimAt`.
    /// @dev `msg.value` is `amount + deposit` for the native asset, `deposit` for a token (approved before).
    /// @param memo Up to 256 bytes for those who watch; not interpreted here. The bridge's terms of the other side are
    ///        `abi.encode(uint256 version = 1, uint256 destinationChainId, address destinationToken,
    ///        uint256 destinationAmount, address destinationRecipient)`.
    function lock(Lock calldata lock_, bytes calldata memo) external payable returns (LockId);

    /// @notice Locks the money of `lock.sender`, who signed for it (EOA or ERC-1271), while the caller pays gas and deposit.
    ///         Timeline: before `publicClaimAt` and not after `deadline`.
    /// @dev EIP-712 `LockFor(Lock lock,bytes memo,uint256 nonce,uint256 deadline)` with the struct `Lock` of this file
    ///      (`terms` as uint256). `nonce` is keyed: 192 bits key, 64 bits sequence; see `nonces(owner, key)`. Signatures
    ///      under different keys may be used in any order.
    function lockFor(
        Lock calldata lock_,
        bytes calldata memo,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external payable returns (LockId);

    /// @notice Makes the sender's unused signatures of one key worthless by using up its next nonce.
    function cancelNonce(uint192 key) external returns (uint256 used);

    /// @notice Pays the recipient.
    ///         Timeline: recipient before `publicClaimAt`, anyone before `refundAt`.
    function claim(Lock calldata lock_, bytes32 preimage) external;

    /// @notice Pays many locks; runs of the same token and recipient are paid by one transfer.
    ///         Timeline of each: as `claim`.
    /// @dev A lock that has ended meanwhile, and a native payee who does not take his money (with `BATCH_PAYOUT_GAS`),
    ///      are skipped and stay as they are, so that one party cannot hold up the others. Everything else that is wrong
    ///      is the caller's mistake and reverts the whole. A token that fails reverts the whole too: leave it out.
    /// @return claimed How many locks were paid.
    function claimBatch(Lock[] calldata locks, bytes32[] calldata preimages) external returns (uint256 claimed);

    /// @notice Pays one of `parts` equal parts (the last also the remainder).
    ///         Timeline: as `claim`.
    /// @dev Leaf `keccak256(bytes.concat(keccak256(abi.encode(index, sha256(preimage)))))`, pairs sorted.
    function claimPart(Lock calldata lock_, uint256 index, bytes32 preimage, bytes32[] calldata proof) external;

    /// @notice Pays the recipient of a lock with a claim condition.
    ///         Timeline: as `claim`.
    function claimWith(Lock calldata lock_, bytes32 preimage, bytes calldata evidence) external;

    /// @notice Pays back what is not claimed.
    ///         Timeline: sender from `refundAt`, anyone from `publicRefundAt`.
    function refund(Lock calldata lock_) external;

    /// @notice Pays back what is not claimed, early, by agreement: called by the sender, signed by the recipient.
    ///         Timeline: any time not after `deadline`.
    /// @dev EIP-712 `RefundTogether(bytes32 id,uint256 deadline)`.
    function refundTogether(Lock calldata lock_, uint256 deadline, bytes calldata recipientSignature) external;

    /// @notice Pays back a lock with a refund guard.
    ///         Timeline: as `refund`.
    function refundWith(Lock calldata lock_, bytes calldata evidence) external;

    /// @notice Returns the id of a lock, made or not.
    function idOf(Lock calldata lock_) external pure returns (LockId);

    /// @notice Returns the state, and which parts are claimed (bit i: part i).
    function stateOf(LockId id) external view returns (LockState state, uint256 claimedParts);

    /// @notice Returns the packed terms.
    function packTerms(
        uint40 publicClaimAt,
        uint40 refundAt,
        uint40 publicRefundAt,
        uint16 parts,
        uint8 hookFlags,
        uint112 salt
    ) external pure returns (Terms);

    /// @notice Returns the fields of packed terms.
    function unpackTerms(Terms terms)
        external
        pure
        returns (
            uint40 publicClaimAt,
            uint40 refundAt,
            uint40 publicRefundAt,
            uint16 parts,
            uint8 hookFlags,
            uint112 salt
        );

    /// @notice Shortest time to claim, and shortest time the sender has to refund alone, in seconds.
    function MIN_WINDOW() external view returns (uint256);

    /// @notice Longest time from lock to `publicRefundAt`, in seconds.
    function MAX_HORIZON() external view returns (uint256);

    /// @notice Most parts of a lock.
    function MAX_PARTS() external view returns (uint256);

    /// @notice Longest memo in bytes.
    function MAX_MEMO() external view returns (uint256);

    /// @notice Gas a native payee gets in `claimBatch`.
    function BATCH_PAYOUT_GAS() external view returns (uint256);
}
