// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

import {BoundedCall} from "./BoundedCall.sol";
import {GatewayLanes} from "./GatewayLanes.sol";
import {GatewaySource} from "./GatewaySource.sol";
import {IGateway} from "./IGateway.sol";
import {LaneTree} from "./LaneTree.sol";
import {Certificate, Checkpoint} from "./LightClientTypes.sol";
import {Item, ItemKind, Message, MessageLib, Outcome} from "./MessageTypes.sol";
import {Bucket, RateLimit} from "./RateLimit.sol";

/// @title Messages to and from contracts of other chains, on proofs alone.
/// @notice As a destination: -- root proved --/-- until the deadline: executed, or failed and retried --/-- given up --
/// @dev Rules M1..M17 in docs/messages.md, invariants L22.. in docs/threats.md; each has a test with its number.
///      `nonReentrant` guards what calls foreign code; sending from within such a call is allowed, and is why
///      acknowledgements are appended after all executions.
contract Gateway is GatewaySource {
    using RateLimit for Bucket;

    /// @inheritdoc IGateway
    uint256 public constant MAX_ITEMS = 256;

    /// What one `deliver` gathers.
    struct _Round {
        uint32 lane;
        bool ordered;
        uint64 chainId;
        uint64 next;
        /// Messages that were executed, whether they failed or not.
        uint256 executed;
        /// Acknowledgements to append, the first `acked` of these.
        bytes[] acks;
        uint256 acked;
    }

    constructor(address administrator_, address guardian_, address[] memory denied)
        GatewayLanes(administrator_, guardian_, denied)
    {}

    /// @inheritdoc IGateway
    function update(uint32 lane, bytes[] calldata headers, Certificate calldata certificate, bytes calldata votes)
        external
    {
        _known(lane).client.update(headers, certificate, votes);
    }

    /// -- HERE --/-- executed --
    /// @inheritdoc IGateway
    function proveRoot(
        uint32 lane,
        Checkpoint calldata checkpoint,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external returns (bytes32 root) {
        _Lane storage l = _known(lane);
        root = bytes32(l.client.slotAt(checkpoint, l.remoteGateway, rootSlot(lane), accountProof, storageProof));
        // M3: a lane that has sent nothing has no root, and zero proves nothing.
        if (root == 0) revert RootZero();
        uint256 proved = _rootProved[lane][root];
        // L113: what was proved before a recovery counts no more; it may be proved again.
        if (proved != 0 && proved > l.client.believedFrom()) return root;
        _rootProved[lane][root] = uint256(checkpoint.height) + 1;
        emit RootProved(lane, root, checkpoint.height);
    }

    /// -- root proved --/-- HERE --
    /// @inheritdoc IGateway
    function deliver(
        uint32 lane,
        bytes32 root,
        uint64 count,
        uint64 first,
        Item[] calldata items,
        bytes32[] calldata path
    ) external nonReentrant {
        _Lane storage l = _running(lane);
        uint256 from = l.client.checkNotFrozen();
        if (root == 0) revert RootZero();
        if (_rootProved[lane][root] <= from) revert RootUnknown(lane, root);
        uint256 length = items.length;
        if (length == 0 || length > MAX_ITEMS || uint256(first) + length > count) {
            revert ItemsRefused(first, length, count);
        }
        _Round memory r;
        (r.lane, r.ordered, r.chainId, r.next) = (lane, l.ordered, l.remoteChainId, l.next);
        r.acks = new bytes[](length);
        bytes32[] memory leaves = _checkPath(l, r, root, count, first, items, path);
        // M7
        if (r.ordered && first > r.next) revert OutOfOrder(first, r.next);
        for (uint256 i = 0; i < length; ++i) {
            _process(l, r, first + uint64(i), leaves[i], items[i]);
        }
        _finish(l, r);
    }

    /// -- failed --/-- HERE: until the deadline --/-- given up --
    /// @inheritdoc IGateway
    function retry(uint32 lane, uint64 index, bytes calldata body) external nonReentrant {
        (_Lane storage l, bytes32 id, Message memory m) = _takeFailed(lane, index, body);
        if (block.timestamp > m.deadline) revert RetryTooLate(block.timestamp, m.deadline);
        bytes memory ack;
        if (_isRefused(m.recipient)) {
            ack = _refuse(lane, index, id, m.recipient);
        } else {
            (bool ok, bytes memory result) = _execute(l.remoteChainId, id, m, false);
            if (!ok) revert RetryFails(result);
            emit MessageExecuted(lane, index, id, result);
            ack = MessageLib.packAck(index, id, Outcome.Executed, result);
        }
        _appendAck(lane, l, ack);
    }

    /// -- failed --/-- until the deadline --/-- HERE --
    /// @inheritdoc IGateway
    function giveUp(uint32 lane, uint64 index, bytes calldata body) external nonReentrant {
        (_Lane storage l, bytes32 id, Message memory m) = _takeFailed(lane, index, body);
        if (block.timestamp <= m.deadline) revert GiveUpTooEarly(block.timestamp, m.deadline);
        emit MessageGivenUp(lane, index, id);
        _appendAck(lane, l, MessageLib.packAck(index, id, Outcome.Failed, ""));
    }

    // ---- delivering

    /// M4: returns the leaves of items that have their path to the root. Overwrites nothing that is returned.
    function _checkPath(
        _Lane storage l,
        _Round memory r,
        bytes32 root,
        uint64 count,
        uint64 first,
        Item[] calldata items,
        bytes32[] calldata path
    ) private view returns (bytes32[] memory leaves) {
        bytes32 domain = _inwardDomain(r.lane, l);
        leaves = new bytes32[](items.length);
        bytes32[] memory nodes = new bytes32[](items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            uint64 index = first + uint64(i);
            bool bare = items[i].kind == ItemKind.Leaf;
            if (bare && (items[i].body.length != 32 || (r.ordered && index >= r.next))) revert ItemMalformed(i);
            leaves[i] =
                bare ? bytes32(items[i].body) : MessageLib.leaf(domain, index, items[i].kind, keccak256(items[i].body));
            nodes[i] = leaves[i];
        }
        bytes32 got = MessageLib.root(domain, count, LaneTree.rangeTop(nodes, first, count, path));
        if (got != root) revert PathWrong(got, root);
    }

    function _process(_Lane storage l, _Round memory r, uint64 index, bytes32 leaf, Item calldata item) private {
        if (item.kind == ItemKind.Leaf) return;
        if (r.ordered) {
            if (index < r.next) {
                emit ItemSkipped(r.lane, index, leaf);
                return;
            }
            r.next = index + 1;
        }
        bool fresh = item.kind == ItemKind.Message
            ? _receive(r, index, leaf, MessageLib.unpack(item.body))
            : _acknowledge(r.lane, l, item);
        // M5
        if (!fresh) emit ItemSkipped(r.lane, index, leaf);
    }

    /// Returns false when the message was delivered before.
    function _receive(_Round memory r, uint64 index, bytes32 id, Message memory m) private returns (bool) {
        uint256 bit = 1 << (index & 255);
        uint256 word = _delivered[r.lane][index >> 8];
        if (word & bit != 0) return false;
        // M6
        if (block.timestamp > m.deadline) {
            emit MessageExpired(r.lane, index, id);
            return true;
        }
        _delivered[r.lane][index >> 8] = word | bit; // effect before interaction
        if (_isRefused(m.recipient)) {
            r.acks[r.acked++] = _refuse(r.lane, index, id, m.recipient);
            return true;
        }
        ++r.executed;
        (bool ok, bytes memory result) = _execute(r.chainId, id, m, true);
        if (ok) {
            // M11
            r.acks[r.acked++] = MessageLib.packAck(index, id, Outcome.Executed, result);
            emit MessageExecuted(r.lane, index, id, result);
        } else {
            // M10
            _failed[r.lane][index] = id;
            emit MessageFailed(r.lane, index, id, result);
        }
        return true;
    }

    /// Takes from the bucket, moves an ordered lane on, and appends the acknowledgements.
    function _finish(_Lane storage l, _Round memory r) private {
        if (r.executed != 0) {
            Bucket memory bucket = l.inward;
            uint256 level = bucket.available();
            // M16
            if (r.executed > level) revert RateLimited(r.lane, r.executed, level);
            l.inward = bucket.take(level, r.executed);
        }
        if (r.ordered) l.next = r.next;
        if (r.acked != 0) _append(r.lane, l, ItemKind.Ack, r.acks, r.acked);
    }

    function _appendAck(uint32 lane, _Lane storage l, bytes memory ack) private {
        bytes[] memory acks = new bytes[](1);
        acks[0] = ack;
        _append(lane, l, ItemKind.Ack, acks, 1);
    }

    /// Checks that a message is kept as failed, and keeps it no longer.
    function _takeFailed(uint32 lane, uint64 index, bytes calldata body)
        private
        returns (_Lane storage l, bytes32 id, Message memory m)
    {
        l = _running(lane);
        l.client.checkNotFrozen();
        id = MessageLib.leaf(_inwardDomain(lane, l), index, ItemKind.Message, keccak256(body));
        if (_failed[lane][index] != id) revert NotFailed(lane, index);
        delete _failed[lane][index];
        m = MessageLib.unpack(body);
    }

    // ---- executing

    /// M8
    function _isRefused(address recipient) private view returns (bool) {
        return isForbidden(recipient) || recipient.code.length == 0;
    }

    function _refuse(uint32 lane, uint64 index, bytes32 id, address recipient) private returns (bytes memory ack) {
        emit MessageRefused(lane, index, id, recipient);
        return MessageLib.packAck(index, id, Outcome.Refused, "");
    }

    /// M9: with exactly the message's gas, or with all there is but no less.
    function _execute(uint64 chainId, bytes32 id, Message memory m, bool exactly)
        private
        returns (bool ok, bytes memory result)
    {
        if (m.flags & MessageLib.RAW_CALL != 0) {
            return executor.execute(chainId, m.sender, id, m.recipient, m.gasLimit, exactly, m.payload);
        }
        bytes memory sender = InteroperableAddress.formatEvmV1(chainId, m.sender);
        bytes memory data = abi.encodeCall(IERC7786Recipient.receiveMessage, (id, sender, m.payload));
        uint256 usable = BoundedCall.usable();
        if (usable < m.gasLimit) revert BoundedCall.GasTooLow(usable, m.gasLimit);
        (ok, result) = BoundedCall.call(m.recipient, exactly ? m.gasLimit : usable, data, _MAX_REASON);
        if (!ok) return (false, result);
        // V6: silence, or an account that answers nothing, is no acceptance.
        if (result.length < 32 || bytes32(result) != bytes32(IERC7786Recipient.receiveMessage.selector)) {
            return (false, result);
        }
        return (true, "");
    }
}
