// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {Administered} from "./Administered.sol";
import {AmountLimit} from "./AmountLimit.sol";
import {IHashTimeLock} from "./IHashTimeLock.sol";
import {ILightClient} from "./ILightClient.sol";
import {ILockHooks} from "./ILockHooks.sol";
import {IPegPort} from "./IPegPort.sol";
import {Checkpoint} from "./LightClientTypes.sol";
import {Lock, LockId, LockState, TermsLib} from "./LockTypes.sol";
import {PegConfig, PegLimits, PegState, PegTerms, PegTermsLib} from "./PegTypes.sol";
import {StateProof} from "./StateProof.sol";
import {StateSlots} from "./StateSlots.sol";

/// @title What both ends of a peg do alike.
/// @notice -- open by proof --/-- claim by preimage --/-- T --/-- claim only of what is proved claimed at the origin --
/// @dev Invariants L40..L59 in docs/threats.md. One slot per transfer, which the other chain proves:
///      `uint8 state | uint8 paid | uint40 claimableAt | uint40 unused | uint160 recipient`. It is never cleared.
abstract contract PegPort is IPegPort, Administered, Multicall, ReentrancyGuardTransient {
    using AmountLimit for AmountLimit.Bucket;
    using PegTermsLib for PegTerms;

    /// @inheritdoc IPegPort
    uint64 public constant MAX_DELAY = 30 days;

    uint256 private constant _OPEN = uint256(PegState.Open) << StateSlots.STATE_SHIFT;
    uint256 private constant _CLAIMED = uint256(PegState.Claimed) << StateSlots.STATE_SHIFT;
    uint256 private constant _PAID = 1 << 240;
    uint256 private constant _CLAIMABLE_SHIFT = 200;
    uint256 private constant _BELOW_STATE = (1 << StateSlots.STATE_SHIFT) - 1;

    /// Slot 0, see `StateSlots.TRANSFERS`: nothing that is stored may be declared before it.
    mapping(LockId => uint256) private _transfers;

    AmountLimit.Bucket private _bucket;
    uint128 private _largeAmount;
    uint64 private _delay;
    /// Number of the next event.
    uint56 private _events;
    bool private _paused;

    /// @inheritdoc IPegPort
    address public immutable locks;
    /// @inheritdoc IPegPort
    ILightClient public immutable client;
    /// @inheritdoc IPegPort
    address public immutable remoteLocks;
    /// @inheritdoc IPegPort
    address public immutable remotePort;
    /// @inheritdoc IPegPort
    address public immutable remoteToken;
    /// @inheritdoc IPegPort
    address public immutable guardian;

    constructor(PegConfig memory c) {
        if (c.remoteLocks == address(0)) revert PegConfigZero(0);
        if (c.remotePort == address(0)) revert PegConfigZero(1);
        if (c.administrator == address(0)) revert PegConfigZero(3);
        if (c.guardian == address(0)) revert PegConfigZero(4);
        if (c.locks.code.length == 0) revert PegConfigNoCode(c.locks);
        if (address(c.client).code.length == 0) revert PegConfigNoCode(address(c.client));
        (locks, client, remoteLocks, remotePort) = (c.locks, c.client, c.remoteLocks, c.remotePort);
        (remoteToken, guardian) = (c.remoteToken, c.guardian);
        _setAdministrator(c.administrator);
        _bucket.begin(c.limits.capacity, c.limits.perSecond);
        _setDelay(c.limits);
    }

    /// -- HERE: deposits, and a native asset, from the locks of this chain --
    receive() external payable {
        if (msg.sender != locks) revert PegCallerRefused(msg.sender);
    }

    modifier onlyAdministrator() {
        if (msg.sender != administrator()) revert PegCallerRefused(msg.sender);
        _;
    }

    modifier whenNotPaused() {
        if (_paused) revert PegIsPaused();
        _;
    }

    /// @inheritdoc IPegPort
    function open(
        Lock calldata l,
        PegTerms calldata terms,
        Checkpoint calldata checkpoint,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external whenNotPaused returns (LockId id) {
        id = _checkLock(l, terms);
        client.check(checkpoint);
        bytes32 slot = StateSlots.lockSlot(id);
        uint256 proved = StateProof.slotAt(checkpoint.stateRoot, remoteLocks, slot, accountProof, storageProof);
        LockState origin = LockState(proved >> StateSlots.STATE_SHIFT);
        if (origin != LockState.Open && origin != LockState.Claimed) revert PegLockNotProved(id, origin);
        _open(id, l, terms.recipient, origin == LockState.Claimed);
    }

    /// @inheritdoc IPegPort
    function claim(Lock calldata l, bytes32 preimage) external whenNotPaused nonReentrant {
        LockId id = _idOf(l);
        uint256 transfer = _openTransfer(id);
        _checkTime(transfer, l.terms.publicClaimAt());
        bytes32 got = sha256(abi.encode(preimage));
        if (got != l.hashlock) revert PegWrongPreimage(got, l.hashlock);

        _transfers[id] = _CLAIMED | (transfer & _BELOW_STATE);
        address recipient = address(uint160(transfer));
        emit PegClaimed(_nextNumber(), id, l.hashlock, preimage, recipient, l.amount, msg.sender);
        _payOut(recipient, l.amount);
    }

    /// @inheritdoc IPegPort
    function collect(Lock calldata l, bytes32 preimage) external nonReentrant {
        if (l.recipient != address(this)) revert PegNotOurLock(l.recipient);
        emit PegCollected(_nextNumber(), _idOf(l), l.amount, msg.sender);
        IHashTimeLock(locks).claim(l, preimage);
        if (l.deposit != 0) _payNative(msg.sender, l.deposit);
    }

    /// @inheritdoc IPegPort
    function pause() external {
        if (msg.sender != guardian && msg.sender != administrator()) revert PegCallerRefused(msg.sender);
        _paused = true;
        emit PegPaused(_nextNumber(), msg.sender);
    }

    /// @inheritdoc IPegPort
    function unpause() external onlyAdministrator {
        _paused = false;
        emit PegUnpaused(_nextNumber());
    }

    /// @inheritdoc IPegPort
    function setLimits(PegLimits calldata l) external onlyAdministrator {
        _bucket.edit(l.capacity, l.perSecond);
        _setDelay(l);
    }

    /// @inheritdoc ILockHooks
    /// @dev Refuses: a lock for the peg has no claim condition.
    function checkClaim(Lock calldata, bytes calldata) external pure returns (bytes4) {
        return bytes4(0);
    }

    /// @inheritdoc ILockHooks
    function checkRefund(Lock calldata l, bytes calldata evidence) external view returns (bytes4) {
        (Checkpoint memory checkpoint, bytes[] memory accountProof, bytes[] memory storageProof) =
            abi.decode(evidence, (Checkpoint, bytes[], bytes[]));
        // P9: what the other side has not paid by a block with time >= T, it pays only against this lock proved claimed.
        uint256 until = l.terms.publicClaimAt();
        if (checkpoint.timestamp < until) revert PegCheckpointEarly(checkpoint.timestamp, until);
        LockId id = _idOf(l);
        // By a call to itself, because proofs are read from calldata.
        PegState state = this.remoteStateOf(id, checkpoint, accountProof, storageProof);
        if (state == PegState.Claimed) revert PegPaidOut(id);
        return ILockHooks.checkRefund.selector;
    }

    /// @inheritdoc IPegPort
    function remoteStateOf(
        LockId id,
        Checkpoint calldata checkpoint,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external view returns (PegState) {
        client.check(checkpoint);
        bytes32 slot = StateSlots.transferSlot(id);
        uint256 proved = StateProof.slotAt(checkpoint.stateRoot, remotePort, slot, accountProof, storageProof);
        return PegState(proved >> StateSlots.STATE_SHIFT);
    }

    /// @inheritdoc IPegPort
    function transferOf(LockId id)
        external
        view
        returns (PegState state, bool paid, uint64 claimableAt, address recipient)
    {
        uint256 transfer = _transfers[id];
        return (_stateIn(transfer), transfer & _PAID != 0, uint64(_claimableAt(transfer)), address(uint160(transfer)));
    }

    /// @inheritdoc IPegPort
    function saltOf(bytes32 hashlock, PegTerms calldata terms) external pure returns (uint112) {
        return terms.commitment(hashlock);
    }

    /// @inheritdoc IPegPort
    function available() external view returns (uint256) {
        return _bucket.available();
    }

    /// @inheritdoc IPegPort
    function limits() external view returns (PegLimits memory) {
        return PegLimits(_bucket.capacity, _bucket.perSecond, _largeAmount, _delay);
    }

    /// @inheritdoc IPegPort
    function paused() external view returns (bool) {
        return _paused;
    }

    /// @inheritdoc IPegPort
    function events() external view returns (uint64) {
        return _events;
    }

    /// @inheritdoc IPegPort
    function token() public view virtual returns (address);

    /// @dev Gives exactly `amount` of this chain's asset to `recipient`, or reverts.
    function _payOut(address recipient, uint256 amount) internal virtual;

    function _payNative(address payee, uint256 amount) internal {
        if (!LowLevelCall.callNoReturn(payee, amount, "")) revert PegPayoutRefused(payee, amount);
    }

    // ---- effects

    function _open(LockId id, Lock calldata l, address recipient, bool paid) private {
        uint256 transfer = _transfers[id];
        if (transfer == 0) return _begin(id, l, recipient, paid);
        // P8: the only news about what is open already is that the port has been paid for it.
        bool news = paid && _stateIn(transfer) == PegState.Open && transfer & _PAID == 0;
        if (!news) revert PegKnown(id, _stateIn(transfer));
        _transfers[id] = transfer | _PAID;
        emit PegPaid(_nextNumber(), id);
    }

    function _begin(LockId id, Lock calldata l, address recipient, bool paid) private {
        uint256 claimableAt = block.timestamp + (l.amount >= _largeAmount ? _delay : 0);
        uint256 until = l.terms.publicClaimAt();
        if (!paid && claimableAt >= until) revert PegTooLate(claimableAt, until);
        _bucket.take(l.amount);
        _transfers[id] = _OPEN | (paid ? _PAID : 0) | (claimableAt << _CLAIMABLE_SHIFT) | uint160(recipient);
        // casting to 'uint64' is safe because a block's time is
        // forge-lint: disable-next-line(unsafe-typecast)
        emit PegOpened(_nextNumber(), id, recipient, l, uint64(claimableAt), paid);
    }

    function _setDelay(PegLimits memory l) private {
        if (l.delay == 0 || l.delay > MAX_DELAY) revert PegDelayRefused(l.delay, MAX_DELAY);
        (_largeAmount, _delay) = (l.largeAmount, l.delay);
        emit PegLimited(_nextNumber(), l);
    }

    function _nextNumber() private returns (uint64) {
        return _events++;
    }

    // ---- checks

    function _checkLock(Lock calldata l, PegTerms calldata terms) private view returns (LockId) {
        if (l.recipient != remotePort) revert PegLockRefused(0);
        if (l.hooks != remotePort) revert PegLockRefused(1);
        if (l.terms.hookFlags() != TermsLib.REFUND_GUARD) revert PegLockRefused(2);
        if (l.terms.parts() != 1) revert PegLockRefused(3);
        if (l.token != remoteToken) revert PegLockRefused(4);
        if (l.amount == 0) revert PegLockRefused(5);
        uint112 expected = terms.commitment(l.hashlock);
        if (l.terms.salt() != expected) revert PegTermsNotCommitted(uint112(l.terms.salt()), expected);
        address r = terms.recipient;
        if (r == address(0) || r == address(this) || r == locks || r == token()) revert PegRecipientRefused(r);
        return _idOf(l);
    }

    function _openTransfer(LockId id) private view returns (uint256 transfer) {
        transfer = _transfers[id];
        if (_stateIn(transfer) != PegState.Open) revert PegNotOpen(id, _stateIn(transfer));
    }

    function _checkTime(uint256 transfer, uint256 until) private view {
        if (block.timestamp < _claimableAt(transfer)) revert PegStillWaiting(block.timestamp, _claimableAt(transfer));
        if (block.timestamp >= until && transfer & _PAID == 0) revert PegTooLate(block.timestamp, until);
    }

    function _idOf(Lock calldata l) private pure returns (LockId) {
        return LockId.wrap(keccak256(abi.encode(l)));
    }

    function _stateIn(uint256 transfer) private pure returns (PegState) {
        return PegState(transfer >> StateSlots.STATE_SHIFT);
    }

    function _claimableAt(uint256 transfer) private pure returns (uint256) {
        return uint40(transfer >> _CLAIMABLE_SHIFT);
    }
}
