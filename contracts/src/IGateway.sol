// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

import {IAdministered} from "./IAdministered.sol";
import {ICallExecutor} from "./ICallExecutor.sol";
import {Certificate, Checkpoint} from "./LightClientTypes.sol";
import {Item, ItemKind, LaneConfig, Outcome, SentState} from "./MessageTypes.sol";

/// @title Messages to and from contracts of other chains, on proofs alone.
/// @notice Source:      -- sent --/-- pending --/-- acknowledged, or timed out
///         Destination: -- root proved --/-- until the deadline: executed, or failed and retried --/-- given up
///         A relayer is anybody; it can delay and nothing else.
/// @dev Rules M1.. and byte formats in docs/messages.md, invariants L22.. in docs/threats.md, docs/adr/0007-gateway.md.
///
///      Attributes of `sendMessage`, each the selector followed by its ABI-encoded argument, at most once:
///      `deadline(uint64)` second of the destination's clock; `gasLimit(uint64)`; `ordered()` takes the ordered lane;
///      `rawCall()` calls the recipient with the payload; `notifySender()` calls `IMessageHooks` of the sender.
///      The returned `sendId` is the message's id on both chains. By ERC-7786 a value other than zero says that more is
///      to be done: somebody must carry it.
interface IGateway is IERC7786GatewaySource, IAdministered {
    /// @notice A lane was opened.
    event LaneOpened(
        uint32 indexed lane, uint64 indexed remoteChainId, address remoteGateway, address client, bool ordered
    );
    /// @notice A lane's limits were changed; what may pass at this moment did not grow.
    event LimitChanged(uint32 indexed lane, uint32 capacity, uint32 refill);
    /// @notice Nothing is sent or delivered on the lane.
    event LanePaused(uint32 indexed lane, address by);
    /// @notice The lane runs again.
    event LaneUnpaused(uint32 indexed lane);
    /// @notice Messages to `target` are refused from now on.
    event TargetDenied(address indexed target);

    /// @notice Item `index` of this chain's side of the lane; all a relayer needs, and all the tree is made of.
    event ItemAppended(uint32 indexed lane, uint64 indexed index, ItemKind indexed kind, bytes body);

    /// @notice The other gateway's root is known: `count` and hashes are behind it (docs/messages.md).
    event RootProved(uint32 indexed lane, bytes32 indexed root, uint64 height);
    /// @notice An inbound message was executed.
    event MessageExecuted(uint32 indexed lane, uint64 indexed index, bytes32 indexed messageId, bytes result);
    /// @notice An inbound message failed and is kept until its deadline.
    event MessageFailed(uint32 indexed lane, uint64 indexed index, bytes32 indexed messageId, bytes reason);
    /// @notice An inbound message has a recipient that is forbidden or has no code; it is over.
    event MessageRefused(uint32 indexed lane, uint64 indexed index, bytes32 indexed messageId, address recipient);
    /// @notice An inbound message came after its deadline and was not executed.
    event MessageExpired(uint32 indexed lane, uint64 indexed index, bytes32 indexed messageId);
    /// @notice A failed message's time is over.
    event MessageGivenUp(uint32 indexed lane, uint64 indexed index, bytes32 indexed messageId);
    /// @notice Somebody else was first: nothing was done, which is success.
    event ItemSkipped(uint32 indexed lane, uint64 indexed index, bytes32 indexed leaf);

    /// @notice How an outbound message ended at its destination.
    event MessageAcknowledged(
        uint32 indexed lane, uint64 indexed index, bytes32 indexed messageId, Outcome outcome, bytes result
    );
    /// @notice An outbound message was not delivered by its deadline, and never will be.
    event MessageTimedOut(uint32 indexed lane, uint64 indexed index, bytes32 indexed messageId);
    /// @notice The sender's hook failed and is kept; `runHook(sender, data)` runs it again.
    event HookFailed(bytes32 indexed messageId, address indexed sender, bytes data);
    /// @notice A kept hook went through.
    event HookRun(bytes32 indexed messageId, address indexed sender);

    /// A constructor argument is zero: 0 administrator, 1 guardian, 2 a denied target.
    error ConfigZero(uint256 field);
    /// Only `expected` may do this.
    error CallerRefused(address got, address expected);
    /// A lane's setting is refused: 0 lane, 1 remote chain, 2 remote gateway, 3 client, 4 capacity, 5 refill.
    error LaneConfigRefused(uint256 field);
    /// The number is taken, or the remote chain already has a lane of this order.
    error LaneKnown(uint32 lane);
    /// The remote chain is known with another gateway or client, and a chain has one of each for ever.
    error RemoteDiffers(uint64 remoteChainId, address gateway, address client);
    /// No such lane.
    error LaneUnknown(uint32 lane);
    /// No lane leads to this chain in the order asked for.
    error NoLaneTo(uint256 chainId, bool ordered);
    /// The lane is paused.
    error LaneIsPaused(uint32 lane);
    /// More messages than the lane lets through now.
    error RateLimited(uint32 lane, uint256 wanted, uint256 available);

    /// Messages carry no native asset.
    error ValueRefused(uint256 got);
    /// The recipient is not one account of an EVM chain in its one canonical form, or is zero.
    error RecipientMalformed(bytes recipient);
    /// The attribute is given twice.
    error AttributeTwice(bytes4 selector);
    /// The attribute's argument does not have the length it must.
    error AttributeMalformed(bytes4 selector);
    /// The payload is longer than MAX_PAYLOAD.
    error PayloadLong(uint256 got, uint256 max);
    /// The deadline is not within now and MAX_LIFETIME from now.
    error DeadlineRefused(uint64 got, uint256 min, uint256 max);
    /// The gas limit is not within 1..MAX_MESSAGE_GAS.
    error GasLimitRefused(uint64 got, uint256 max);

    /// The other gateway's root is zero: it has sent nothing, or the proof is of something else.
    error RootZero();
    /// No such root was proved on this lane.
    error RootUnknown(uint32 lane, bytes32 root);
    /// No items were given, or more than the root holds.
    error ItemsRefused(uint64 first, uint256 count, uint64 total);
    /// The item is of no kind, or a bare leaf that is not 32 bytes, or one that an ordered lane must process.
    error ItemMalformed(uint256 place);
    /// Items and path do not give the root.
    error PathWrong(bytes32 got, bytes32 expected);
    /// An ordered lane takes item `expected` next.
    error OutOfOrder(uint64 got, uint64 expected);
    /// This message is not kept as failed.
    error NotFailed(uint32 lane, uint64 index);
    /// It failed again.
    error RetryFails(bytes reason);
    /// It is over: no more retries.
    error RetryTooLate(uint256 now_, uint64 deadline);
    /// It can still be retried.
    error GiveUpTooEarly(uint256 now_, uint64 deadline);

    /// The message was not sent from here.
    error MessageUnknown(uint32 lane, uint64 index);
    /// The message has already ended.
    error MessageEnded(uint32 lane, uint64 index, SentState how);
    /// The result is not of this message.
    error AckOfAnother(uint64 index, bytes32 got, bytes32 expected);
    /// At this checkpoint the message could still be delivered.
    error TimeOutTooEarly(uint64 timestamp, uint64 deadline);
    /// The message was delivered.
    error MessageDelivered(uint32 lane, uint64 index);
    /// No such failed hook is kept.
    error HookUnknown(bytes32 messageId);
    /// The hook failed again.
    error HookFails(bytes32 messageId, bytes reason);

    // ---- configuration

    /// @notice Opens a lane. A remote chain has at most one unordered and one ordered lane, to one gateway, by one client.
    function openLane(LaneConfig calldata config) external;

    /// @notice Changes a lane's limits in both directions.
    function setLimit(uint32 lane, uint32 capacity, uint32 refill) external;

    /// @notice Refuses messages to `target` from now on; there is no way back.
    function denyTarget(address target) external;

    /// @notice Stops sending, delivering, acknowledging and timing out on the lane.
    function pause(uint32 lane) external;

    /// @notice Ends a pause.
    function unpause(uint32 lane) external;

    // ---- destination: -- HERE: root proved --/-- HERE: until the deadline --/-- HERE: given up

    /// @notice Passes a certificate on to the lane's light client, for use with `multicall`.
    function update(uint32 lane, bytes[] calldata headers, Certificate calldata certificate, bytes calldata votes)
        external;

    /// @notice Learns a root of the other gateway's side of the lane. May be repeated.
    /// @param storageProof Of `rootSlot(lane)` of the other gateway.
    function proveRoot(
        uint32 lane,
        Checkpoint calldata checkpoint,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external returns (bytes32 root);

    /// @notice Processes items `first`, `first + 1`, .. under a known root. What is done already is skipped.
    /// @param count How many items the other side had when it had this root.
    /// @param path Hashes beside the items, from the leaves up, left before right on each level.
    function deliver(
        uint32 lane,
        bytes32 root,
        uint64 count,
        uint64 first,
        Item[] calldata items,
        bytes32[] calldata path
    ) external;

    /// @notice Tries a failed message again, until its deadline, with all the gas given, at least its limit.
    function retry(uint32 lane, uint64 index, bytes calldata body) external;

    /// @notice Ends a failed message after its deadline; its sender is told.
    function giveUp(uint32 lane, uint64 index, bytes calldata body) external;

    // ---- source: -- pending --/-- HERE

    /// @notice Ends a message that was not delivered by its deadline.
    /// @param path From the message's leaf up to the peak it lies under (docs/messages.md).
    /// @param checkpoint Of the destination, later than the deadline.
    /// @param storageProof Of `deliveredSlot(lane, index)` of the other gateway.
    function timeOut(
        uint32 lane,
        uint64 index,
        bytes calldata body,
        bytes32[] calldata path,
        Checkpoint calldata checkpoint,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) external;

    /// @notice Runs a sender's failed hook again, with all the gas given.
    function runHook(bytes32 messageId, address sender, bytes calldata data) external;

    // ---- reading

    /// @notice Returns how a lane was opened and its limits.
    function laneOf(uint32 lane) external view returns (LaneConfig memory config, bool paused);

    /// @notice Returns the lane to a chain.
    function laneTo(uint64 remoteChainId, bool ordered) external view returns (uint32);

    /// @notice Returns how many items this side of the lane has, and their root; zero while it has none.
    function outbound(uint32 lane) external view returns (uint64 count, bytes32 root);

    /// @notice Returns the peaks of the tree over this side's items, by level; only those of the set bits of `count`.
    function peaks(uint32 lane) external view returns (bytes32[] memory);

    /// @notice Returns what an ordered lane takes next.
    function nextInbound(uint32 lane) external view returns (uint64);

    /// @notice Returns whether a root of the other side is known.
    function rootKnown(uint32 lane, bytes32 root) external view returns (bool);

    /// @notice Returns whether an inbound message was delivered.
    function delivered(uint32 lane, uint64 index) external view returns (bool);

    /// @notice Returns the id of the inbound message that is kept as failed under this number, or zero.
    function failed(uint32 lane, uint64 index) external view returns (bytes32);

    /// @notice Returns how an outbound message ended, if it did.
    function sentState(uint32 lane, uint64 index) external view returns (SentState);

    /// @notice Returns the hash of the failed hook that is kept for a message, or zero.
    function failedHook(bytes32 messageId) external view returns (bytes32);

    /// @notice Returns how many messages could be sent and delivered now.
    function available(uint32 lane) external view returns (uint256 outward, uint256 inward);

    /// @notice Returns whether messages to this account are refused.
    function isForbidden(address target) external view returns (bool);

    /// @notice Returns what the leaves and roots of this side, and of the other, begin with.
    function domains(uint32 lane) external view returns (bytes32 outward, bytes32 inward);

    /// @notice Returns the storage slot of this side's root, which the other chain proves.
    function rootSlot(uint32 lane) external pure returns (bytes32);

    /// @notice Returns the storage slot with the delivered bit of a message, which the other chain proves, and its bit.
    function deliveredSlot(uint32 lane, uint64 index) external pure returns (bytes32 slot, uint256 bit);

    /// @notice Returns who makes raw calls.
    function executor() external view returns (ICallExecutor);

    /// @notice Returns who, beside the administrator, may pause.
    function guardian() external view returns (address);

    /// @notice Returns the most items of one `deliver`.
    function MAX_ITEMS() external view returns (uint256);

    /// @notice Returns the longest payload in bytes.
    function MAX_PAYLOAD() external view returns (uint256);

    /// @notice Returns the longest time from sending to the deadline, in seconds.
    function MAX_LIFETIME() external view returns (uint256);

    /// @notice Returns the time from sending to the deadline when none is given, in seconds.
    function DEFAULT_LIFETIME() external view returns (uint256);

    /// @notice Returns the most gas of one message.
    function MAX_MESSAGE_GAS() external view returns (uint256);

    /// @notice Returns the gas of a message that asks for none.
    function DEFAULT_MESSAGE_GAS() external view returns (uint256);

    /// @notice Returns the gas of a hook.
    function HOOK_GAS() external view returns (uint256);
}
