// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IAdministered} from "./IAdministered.sol";
import {ILightClient} from "./ILightClient.sol";
import {ILockHooks} from "./ILockHooks.sol";
import {Checkpoint} from "./LightClientTypes.sol";
import {Lock, LockId, LockState} from "./LockTypes.sol";
import {PegLimits, PegState, PegTerms} from "./PegTypes.sol";

/// @title One end of the hash-locked side-chain transfer of one asset.
/// @notice The user locks at the origin in favour of the port there; this port, at the destination, pays against a proof
///         of that lock and its preimage, before `T`. Rules P1..P16 are in docs/transfers.md.
///
/// ```
///  destination   -- open by proof --/-- claim by preimage --/-- T = publicClaimAt --/-- only if the lock is proved claimed
///  origin        -- locked --/---------- collect by preimage, no end, until refunded ----------------------------------
///                                                            R = refundAt --/-- refund by proof of no claim at >= T ---
/// ```
///
/// Every event bears the next number of this port, from 0, without gaps.
/// @dev Invariants L40..L59 in docs/threats.md. The port is also the refund guard (`ILockHooks`) of locks made in its
///      favour on this chain; `evidence` is `abi.encode(Checkpoint, bytes[] accountProof, bytes[] storageProof)` of the
///      other port's slot of the lock's id.
interface IPegPort is ILockHooks, IAdministered {
    /// @notice A lock of the other chain is proved; `paid` if it was claimed there already. Not claimed before
    ///         `claimableAt`. Limits were taken.
    event PegOpened(
        uint64 indexed number, LockId indexed id, address indexed recipient, Lock lock, uint64 claimableAt, bool paid
    );
    /// @notice The lock of an opened transfer is proved claimed: `T` does not bind it any more.
    event PegPaid(uint64 indexed number, LockId indexed id);
    /// @notice `recipient` was paid `amount`.
    event PegClaimed(
        uint64 indexed number,
        LockId indexed id,
        bytes32 indexed hashlock,
        bytes32 preimage,
        address recipient,
        uint256 amount,
        address by
    );
    /// @notice A lock of this chain paid this port through `collect`.
    event PegCollected(uint64 indexed number, LockId indexed id, uint256 amount, address by);
    /// @notice Nothing is opened or claimed until further notice.
    event PegPaused(uint64 indexed number, address by);
    /// @notice Opening and claiming go on.
    event PegUnpaused(uint64 indexed number);
    /// @notice New limits; what was available was not raised by it.
    event PegLimited(uint64 indexed number, PegLimits limits);

    /// Field `field` of the configuration is zero: 0 remote locks, 1 remote port, 2 remote token, 3 administrator,
    /// 4 guardian.
    error PegConfigZero(uint256 field);
    /// This address has no code.
    error PegConfigNoCode(address got);
    /// The delay is zero, or too long to be meant in seconds.
    error PegDelayRefused(uint64 got, uint64 max);
    /// Only the administrator, or to pause also the guardian.
    error PegCallerRefused(address got);
    /// Opening and claiming are paused.
    error PegIsPaused();
    /// The lock is not for the peg: 0 recipient, 1 hooks, 2 hook flags, 3 parts, 4 token, 5 amount.
    error PegLockRefused(uint256 field);
    /// The lock commits to other terms.
    error PegTermsNotCommitted(uint112 got, uint112 expected);
    /// Zero, or a contract of the peg: the money would be lost.
    error PegRecipientRefused(address got);
    /// The checkpoint shows the lock neither open nor claimed.
    error PegLockNotProved(LockId id, LockState state);
    /// Opened before, and this proof says nothing new.
    error PegKnown(LockId id, PegState state);
    /// Not opened, or claimed before.
    error PegNotOpen(LockId id, PegState state);
    /// `T` has come, or would before the waiting is over.
    error PegTooLate(uint256 at, uint256 until);
    /// A large amount: wait.
    error PegStillWaiting(uint256 nowAt, uint256 claimableAt);
    /// sha256 of the preimage is `got`.
    error PegWrongPreimage(bytes32 got, bytes32 expected);
    /// This lock does not pay this port.
    error PegNotOurLock(address recipient);
    /// The checkpoint is before `T`: a claim could still follow.
    error PegCheckpointEarly(uint256 got, uint256 min);
    /// The transfer is claimed at the other side: there is nothing to refund.
    error PegPaidOut(LockId id);
    /// The token took `got` from this port when told to move `expected`.
    error PegAssetMoved(uint256 got, uint256 expected);
    /// The payee does not take native money.
    error PegPayoutRefused(address payee, uint256 amount);

    /// @notice Takes a proof that the lock is open at the other chain, or claimed; then the second call with a proof of
    ///         the claim lifts `T` from a transfer opened before.
    ///         Timeline: before `T`; at any time if the lock is proved claimed.
    /// @dev Anyone. The amount is taken from the limit; a large one waits.
    function open(
        Lock calldata lock_,
        PegTerms calldata terms,
        Checkpoint calldata checkpoint,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external returns (LockId id);

    /// @notice Pays the recipient that was proved when the transfer was opened.
    ///         Timeline: opened, waited, before `T`; at any time if the lock was proved claimed.
    function claim(Lock calldata lock_, bytes32 preimage) external;

    /// @notice Claims a lock of this chain for this port; whoever calls gets its safety deposit.
    ///         Timeline: as long as the lock is open.
    function collect(Lock calldata lock_, bytes32 preimage) external;

    /// @notice Stops opening and claiming. Refunds and collections go on.
    function pause() external;

    /// @notice Lets opening and claiming go on.
    function unpause() external;

    /// @notice Sets the limits for what is opened from now on.
    function setLimits(PegLimits calldata limits) external;

    /// @notice Returns where a transfer from the other chain is here, and once opened whom it pays and from when.
    function transferOf(LockId id)
        external
        view
        returns (PegState state, bool paid, uint64 claimableAt, address recipient);

    /// @notice Returns where a transfer from this chain is at the other, at a checkpoint known here.
    function remoteStateOf(
        LockId id,
        Checkpoint calldata checkpoint,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external view returns (PegState);

    /// @notice Returns the salt that a lock with this hash must have to pay by these terms.
    function saltOf(bytes32 hashlock, PegTerms calldata terms) external pure returns (uint112);

    /// @notice Returns how much may be opened now.
    function available() external view returns (uint256);

    /// @notice Returns the limits set last.
    function limits() external view returns (PegLimits memory);

    /// @notice Returns whether opening and claiming are stopped.
    function paused() external view returns (bool);

    /// @notice Returns the number the next event will bear.
    function events() external view returns (uint64);

    /// @notice Returns the asset of this chain; zero is native.
    function token() external view returns (address);

    /// @notice Returns `HashTimeLock` of this chain.
    function locks() external view returns (address);

    /// @notice Returns what this chain believes of the other.
    function client() external view returns (ILightClient);

    /// @notice Returns `HashTimeLock` of the other chain.
    function remoteLocks() external view returns (address);

    /// @notice Returns the port of the other chain.
    function remotePort() external view returns (address);

    /// @notice Returns the asset of the other chain; zero is native.
    function remoteToken() external view returns (address);

    /// @notice Returns who may begin a pause besides the administrator.
    function guardian() external view returns (address);

    /// @notice Longest delay, in seconds.
    function MAX_DELAY() external view returns (uint64);
}
