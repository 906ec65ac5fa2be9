// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {NoncesKeyed} from "@openzeppelin/contracts/utils/NoncesKeyed.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IHashTimeLock} from "./IHashTimeLock.sol";
import {ILockHooks} from "./ILockHooks.sol";
import {Lock, LockId, LockState, Terms, TermsLib} from "./LockTypes.sol";

/// @title Hash time locks of native and ERC-20 assets.
/// @notice -- locked --/-- recipient claims --/-- anyone claims --/-- sender refunds --/-- anyone refunds --
/// @dev Invariants L1..L12 in docs/threats.md; each has a test with the same number.
///
///      One slot per lock: the state in the top byte, the bitmap of claimed parts in the low 240 bits. A claim leaves its
///      slot for ever, so that it can be shown by a state proof; a refund after `refundAt` frees the slot, because from
///      then on the same lock cannot be made again, so nothing is there to claim (docs/adr/0004-lock-tombstone.md).
///      The mapping lies at slot 4, which state proofs of the other chain rely on (src/StateSlots.sol, L59).
///      One file over the usual length, because every way to end a lock shares the same few effects and checks below.
contract HashTimeLock is IHashTimeLock, EIP712, NoncesKeyed, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @inheritdoc IHashTimeLock
    uint256 public constant MIN_WINDOW = 4 seconds;
    /// @inheritdoc IHashTimeLock
    uint256 public constant MAX_HORIZON = 366 days;
    /// @inheritdoc IHashTimeLock
    uint256 public constant MAX_PARTS = 240;
    /// @inheritdoc IHashTimeLock
    uint256 public constant MAX_MEMO = 256;
    /// @inheritdoc IHashTimeLock
    uint256 public constant BATCH_PAYOUT_GAS = 50_000;

    address private constant _NATIVE = address(0);
    uint256 private constant _STATE_SHIFT = 248;
    uint256 private constant _OPEN = uint256(LockState.Open) << _STATE_SHIFT;
    uint256 private constant _CLAIMED = uint256(LockState.Claimed) << _STATE_SHIFT;
    uint256 private constant _REFUNDED = uint256(LockState.Refunded) << _STATE_SHIFT;
    uint256 private constant _BITMAP = (1 << 240) - 1;

    string private constant _LOCK_TYPE =
        "Lock(bytes32 hashlock,address sender,address recipient,address token,uint256 amount,uint256 deposit,uint256 terms,address hooks)";
    bytes32 private constant _LOCK_TYPEHASH = keccak256(bytes(_LOCK_TYPE));
    bytes32 private constant _LOCK_FOR_TYPEHASH =
        keccak256(abi.encodePacked("LockFor(Lock lock,bytes memo,uint256 nonce,uint256 deadline)", _LOCK_TYPE));
    bytes32 private constant _REFUND_TOGETHER_TYPEHASH = keccak256("RefundTogether(bytes32 id,uint256 deadline)");

    /// A run of batch claims that one token transfer will pay.
    struct _Run {
        address token;
        address recipient;
        uint256 amount;
    }

    mapping(LockId => uint256) private _slots;

    constructor() EIP712("Causeway HashTimeLock", "1") {}

    /// -- locked --/-- HERE: recipient, then anyone --/-- refundAt, or no end if a guard keeps claim and refund apart --
    modifier onlyInClaimWindow(Lock calldata l) {
        _checkClaimWindow(l);
        _;
    }

    /// -- refundAt --/-- HERE: sender, then anyone --
    modifier onlyInRefundWindow(Lock calldata l) {
        uint256 refundAt = l.terms.refundAt();
        if (block.timestamp < refundAt) revert RefundTooEarly(block.timestamp, refundAt);
        if (msg.sender != l.sender && block.timestamp < l.terms.publicRefundAt()) {
            revert RefundStillPrivate(msg.sender, l.sender, l.terms.publicRefundAt());
        }
        _;
    }

    /// -- HERE --/-- deadline of a signature --
    modifier onlyUntil(uint256 deadline) {
        if (block.timestamp > deadline) revert SignatureExpired(deadline, block.timestamp);
        _;
    }

    /// @inheritdoc IHashTimeLock
    function lock(Lock calldata l, bytes calldata memo) external payable nonReentrant returns (LockId) {
        if (msg.sender != l.sender) revert LockNotBySender(msg.sender, l.sender);
        return _lock(l, memo);
    }

    /// @inheritdoc IHashTimeLock
    function lockFor(
        Lock calldata l,
        bytes calldata memo,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external payable nonReentrant onlyUntil(deadline) returns (LockId) {
        if (l.token == _NATIVE) revert LockForNative();
        _useCheckedNonce(l.sender, nonce);
        bytes32 lockHash = keccak256(abi.encode(_LOCK_TYPEHASH, l));
        bytes32 request = keccak256(abi.encode(_LOCK_FOR_TYPEHASH, lockHash, keccak256(memo), nonce, deadline));
        _checkSignature(l.sender, request, signature);
        return _lock(l, memo);
    }

    /// @inheritdoc IHashTimeLock
    function cancelNonce(uint192 key) external returns (uint256 used) {
        return _useNonce(msg.sender, key);
    }

    /// @inheritdoc IHashTimeLock
    function claim(Lock calldata l, bytes32 preimage) external onlyInClaimWindow(l) {
        _checkPlainClaim(l);
        LockId id = _markClaimed(l, preimage);
        emit Claimed(id, l.hashlock, preimage, msg.sender);
        _pay(l.token, l.recipient, l.amount, l.deposit);
    }

    /// @inheritdoc IHashTimeLock
    function claimBatch(Lock[] calldata locks, bytes32[] calldata preimages) external returns (uint256 claimed) {
        if (locks.length != preimages.length) revert ClaimLengthsDiffer(locks.length, preimages.length);
        uint256 deposits;
        _Run memory run;
        for (uint256 i = 0; i < locks.length; ++i) {
            Lock calldata l = locks[i];
            if (!_claimInBatch(l, preimages[i], run)) continue;
            deposits += l.deposit;
            ++claimed;
        }
        _payRun(run);
        if (deposits != 0) _payNative(msg.sender, deposits);
    }

    /// @inheritdoc IHashTimeLock
    function claimPart(Lock calldata l, uint256 index, bytes32 preimage, bytes32[] calldata proof)
        external
        onlyInClaimWindow(l)
    {
        uint256 parts = l.terms.parts();
        if (index >= parts || parts == 1) revert ClaimNoSuchPart(index, parts);
        LockId id = _idOf(l);
        uint256 slot = _openSlot(id);
        uint256 bit = 1 << index;
        if (slot & bit != 0) revert ClaimPartTwice(index);
        _checkPart(l.hashlock, index, preimage, proof);

        slot |= bit;
        bool last = slot & _BITMAP == (1 << parts) - 1;
        _slots[id] = last ? _CLAIMED | (slot & _BITMAP) : slot;
        uint256 amount = _partAmount(l.amount, parts, index);
        emit PartClaimed(id, index, preimage, amount, msg.sender);
        _pay(l.token, l.recipient, amount, last ? l.deposit : 0);
    }

    /// @inheritdoc IHashTimeLock
    function claimWith(Lock calldata l, bytes32 preimage, bytes calldata evidence) external onlyInClaimWindow(l) {
        if (!l.terms.hasClaimCondition()) revert ClaimTakesNoEvidence();
        LockId id = _markClaimed(l, preimage);
        bytes4 answer = ILockHooks(l.hooks).checkClaim(l, evidence);
        if (answer != ILockHooks.checkClaim.selector) revert EvidenceRefused(l.hooks, answer);
        emit Claimed(id, l.hashlock, preimage, msg.sender);
        _pay(l.token, l.recipient, l.amount, l.deposit);
    }

    /// @inheritdoc IHashTimeLock
    function refund(Lock calldata l) external onlyInRefundWindow(l) {
        if (l.terms.hasRefundGuard()) revert RefundNeedsEvidence(l.hooks);
        (LockId id, uint256 rest) = _markRefunded(l);
        _payBack(id, l, rest);
    }

    /// @inheritdoc IHashTimeLock
    function refundTogether(Lock calldata l, uint256 deadline, bytes calldata recipientSignature)
        external
        onlyUntil(deadline)
    {
        if (l.terms.hasRefundGuard()) revert RefundNeedsEvidence(l.hooks);
        // The sender alone: a stranger could otherwise take the deposit with a signature he saw.
        if (msg.sender != l.sender) revert RefundStillPrivate(msg.sender, l.sender, type(uint256).max);
        (LockId id, uint256 rest) = _markRefunded(l);
        bytes32 request = keccak256(abi.encode(_REFUND_TOGETHER_TYPEHASH, id, deadline));
        _checkSignature(l.recipient, request, recipientSignature);
        _payBack(id, l, rest);
    }

    /// @inheritdoc IHashTimeLock
    function refundWith(Lock calldata l, bytes calldata evidence) external onlyInRefundWindow(l) {
        if (!l.terms.hasRefundGuard()) revert RefundTakesNoEvidence();
        (LockId id, uint256 rest) = _markRefunded(l);
        bytes4 answer = ILockHooks(l.hooks).checkRefund(l, evidence);
        if (answer != ILockHooks.checkRefund.selector) revert EvidenceRefused(l.hooks, answer);
        _payBack(id, l, rest);
    }

    /// @inheritdoc IHashTimeLock
    function idOf(Lock calldata l) external pure returns (LockId) {
        return _idOf(l);
    }

    /// @inheritdoc IHashTimeLock
    function stateOf(LockId id) external view returns (LockState state, uint256 claimedParts) {
        uint256 slot = _slots[id];
        return (_stateIn(slot), slot & _BITMAP);
    }

    /// @inheritdoc IHashTimeLock
    function packTerms(
        uint40 publicClaimAt,
        uint40 refundAt,
        uint40 publicRefundAt,
        uint16 parts,
        uint8 hookFlags,
        uint112 salt
    ) external pure returns (Terms) {
        return TermsLib.pack(publicClaimAt, refundAt, publicRefundAt, parts, hookFlags, salt);
    }

    /// @inheritdoc IHashTimeLock
    function unpackTerms(Terms t)
        external
        pure
        returns (
            uint40 publicClaimAt,
            uint40 refundAt,
            uint40 publicRefundAt,
            uint16 parts,
            uint8 hookFlags,
            uint112 salt
        )
    {
        publicClaimAt = uint40(t.publicClaimAt());
        refundAt = uint40(t.refundAt());
        publicRefundAt = uint40(t.publicRefundAt());
        parts = uint16(t.parts());
        hookFlags = t.hookFlags();
        salt = t.salt();
    }

    // ---- making a lock

    function _lock(Lock calldata l, bytes calldata memo) private returns (LockId id) {
        if (memo.length > MAX_MEMO) revert LockMemoLong(memo.length, MAX_MEMO);
        _checkParties(l);
        _checkWindows(l.terms);
        _checkOptions(l);
        id = _idOf(l);
        uint256 slot = _slots[id];
        if (slot != 0) revert LockKnown(id, _stateIn(slot));
        _slots[id] = _OPEN;
        emit Locked(id, l.hashlock, l.recipient, l, memo);
        _receive(l);
    }

    function _checkParties(Lock calldata l) private view {
        if (l.hashlock == 0) revert LockFieldZero(0);
        if (l.sender == address(0)) revert LockFieldZero(1);
        if (l.recipient == address(0)) revert LockFieldZero(2);
        if (l.amount == 0) revert LockFieldZero(3);
        if (l.recipient == address(this) || l.recipient == l.token) revert LockRecipientRefused(l.recipient);
    }

    function _checkWindows(Terms t) private view {
        (uint256 publicClaimAt, uint256 refundAt, uint256 publicRefundAt) =
            (t.publicClaimAt(), t.refundAt(), t.publicRefundAt());
        if (publicClaimAt <= block.timestamp) revert LockWindowPast(publicClaimAt, block.timestamp);
        if (publicClaimAt >= refundAt || refundAt >= publicRefundAt) {
            revert LockWindowsDisordered(publicClaimAt, refundAt, publicRefundAt);
        }
        // No subtraction below can underflow: now < publicClaimAt < refundAt < publicRefundAt.
        _checkLength(refundAt - block.timestamp);
        _checkLength(publicRefundAt - refundAt);
        uint256 horizon = publicRefundAt - block.timestamp;
        if (horizon > MAX_HORIZON) revert LockHorizonFar(horizon, MAX_HORIZON);
    }

    function _checkLength(uint256 window) private pure {
        if (window < MIN_WINDOW) revert LockWindowShort(window, MIN_WINDOW);
    }

    function _checkOptions(Lock calldata l) private view {
        (uint256 parts, uint8 flags) = (l.terms.parts(), l.terms.hookFlags());
        if (parts == 0 || parts > MAX_PARTS || parts > l.amount) revert LockPartsRefused(parts, MAX_PARTS);
        if (flags == 0 && l.hooks == address(0)) return;
        bool known = flags != 0 && flags <= (TermsLib.CLAIM_CONDITION | TermsLib.REFUND_GUARD);
        if (!known || parts != 1 || l.hooks == address(this) || l.hooks.code.length == 0) {
            revert LockHooksRefused(flags, l.hooks);
        }
    }

    /// Takes the money in, and measures that it came.
    function _receive(Lock calldata l) private {
        uint256 value = l.token == _NATIVE ? l.amount + l.deposit : l.deposit;
        if (msg.value != value) revert LockWrongValue(msg.value, value);
        if (l.token == _NATIVE) return;
        if (l.token == address(this) || l.token.code.length == 0) revert LockTokenRefused(l.token);
        IERC20 token = IERC20(l.token);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(l.sender, address(this), l.amount);
        uint256 got = token.balanceOf(address(this)) - before;
        if (got != l.amount) revert LockAmountNotReceived(got, l.amount);
    }

    // ---- ending a lock: effects

    function _markClaimed(Lock calldata l, bytes32 preimage) private returns (LockId id) {
        id = _idOf(l);
        _openSlot(id);
        _checkPreimage(l.hashlock, preimage);
        _slots[id] = _CLAIMED;
    }

    /// Ends the lock and returns what its sender gets back.
    function _markRefunded(Lock calldata l) private returns (LockId id, uint256 rest) {
        id = _idOf(l);
        uint256 claimedParts = _openSlot(id) & _BITMAP;
        // Nothing of it was claimed and nobody can lock it any more, so nobody can claim it: forget it.
        bool forget = claimedParts == 0 && block.timestamp >= l.terms.refundAt();
        _slots[id] = forget ? 0 : _REFUNDED | claimedParts;
        rest = l.amount - _claimedAmount(l.amount, l.terms.parts(), claimedParts);
    }

    /// Claims one lock of a batch, or returns false and changes nothing.
    function _claimInBatch(Lock calldata l, bytes32 preimage, _Run memory run) private returns (bool) {
        LockId id = _idOf(l);
        if (_slots[id] >> _STATE_SHIFT != uint256(LockState.Open)) return false;
        _checkClaimWindow(l);
        _checkPlainClaim(l);
        _checkPreimage(l.hashlock, preimage);
        _slots[id] = _CLAIMED;
        if (l.token == _NATIVE) {
            (bool taken,) = l.recipient.call{value: l.amount, gas: BATCH_PAYOUT_GAS}("");
            if (!taken) {
                _slots[id] = _OPEN;
                return false;
            }
        } else if (run.token == l.token && run.recipient == l.recipient) {
            run.amount += l.amount;
        } else {
            _payRun(run);
            (run.token, run.recipient, run.amount) = (l.token, l.recipient, l.amount);
        }
        emit Claimed(id, l.hashlock, preimage, msg.sender);
        return true;
    }

    // ---- paying: interactions, always last

    function _payBack(LockId id, Lock calldata l, uint256 rest) private {
        emit Refunded(id, rest, msg.sender);
        _pay(l.token, l.sender, rest, l.deposit);
    }

    /// Pays `amount` to the fixed party and the deposit to the caller.
    function _pay(address token, address payee, uint256 amount, uint256 deposit) private {
        if (token != _NATIVE) {
            IERC20(token).safeTransfer(payee, amount);
        } else if (payee == msg.sender) {
            return _payNative(payee, amount + deposit); // one call instead of two
        } else {
            _payNative(payee, amount);
        }
        if (deposit != 0) _payNative(msg.sender, deposit);
    }

    function _payRun(_Run memory run) private {
        if (run.amount != 0) IERC20(run.token).safeTransfer(run.recipient, run.amount);
    }

    function _payNative(address payee, uint256 amount) private {
        if (!LowLevelCall.callNoReturn(payee, amount, "")) revert PayoutRefused(payee, amount);
    }

    // ---- checks

    function _checkClaimWindow(Lock calldata l) private view {
        uint256 refundAt = l.terms.refundAt();
        // A guard, not the clock, says when a refund is right: until then the recipient loses nothing by being late.
        bool late = block.timestamp >= refundAt && !l.terms.hasRefundGuard();
        if (late) revert ClaimTooLate(block.timestamp, refundAt);
        if (msg.sender != l.recipient && block.timestamp < l.terms.publicClaimAt()) {
            revert ClaimStillPrivate(msg.sender, l.recipient, l.terms.publicClaimAt());
        }
    }

    function _checkPlainClaim(Lock calldata l) private pure {
        if (l.terms.parts() != 1) revert ClaimNeedsPart(l.terms.parts());
        if (l.terms.hasClaimCondition()) revert ClaimNeedsEvidence(l.hooks);
    }

    function _openSlot(LockId id) private view returns (uint256 slot) {
        slot = _slots[id];
        if (slot >> _STATE_SHIFT != uint256(LockState.Open)) revert LockNotOpen(id, _stateIn(slot));
    }

    function _checkPreimage(bytes32 hashlock, bytes32 preimage) private pure {
        bytes32 got = sha256(abi.encode(preimage));
        if (got != hashlock) revert ClaimWrongPreimage(got, hashlock);
    }

    function _checkPart(bytes32 root, uint256 index, bytes32 preimage, bytes32[] calldata proof) private pure {
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(index, sha256(abi.encode(preimage))))));
        bytes32 got = MerkleProof.processProofCalldata(proof, leaf);
        if (got != root) revert ClaimWrongPreimage(got, root);
    }

    function _checkSignature(address signer, bytes32 request, bytes calldata signature) private view {
        if (!SignatureChecker.isValidSignatureNowCalldata(signer, _hashTypedDataV4(request), signature)) {
            revert SignatureWrong(signer);
        }
    }

    // ---- arithmetic

    /// keccak256(abi.encode(l)) without re-encoding: a static struct of full words lies in calldata as `abi.encode` would
    /// write it. Unclean high bits of an address give an id that was never locked, as `_lock` emits, so validates, all.
    ///
    /// | gas              | abi.encode | this   |
    /// |------------------|------------|--------|
    /// | claim            | 48,528     | 47,985 |
    /// | each in a batch  | 12,451     | 11,854 |
    function _idOf(Lock calldata l) private pure returns (LockId) {
        bytes32 hash;
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, l, 256)
            hash := keccak256(free, 256)
        }
        return LockId.wrap(hash);
    }

    function _stateIn(uint256 slot) private pure returns (LockState) {
        return LockState(slot >> _STATE_SHIFT);
    }

    function _partAmount(uint256 amount, uint256 parts, uint256 index) private pure returns (uint256) {
        uint256 each = amount / parts;
        return index == parts - 1 ? amount - each * (parts - 1) : each;
    }

    /// At most 240 rounds: one per claimed part.
    function _claimedAmount(uint256 amount, uint256 parts, uint256 bitmap) private pure returns (uint256 sum) {
        if (bitmap == 0) return 0;
        for (uint256 i = 0; i < parts; ++i) {
            if ((bitmap >> i) & 1 == 1) sum += _partAmount(amount, parts, i);
        }
    }
}
