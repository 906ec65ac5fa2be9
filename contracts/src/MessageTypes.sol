// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice What an item of a lane is. Rules M1.. and byte formats: docs/messages.md.
enum ItemKind {
    /// Not an item. In `deliver`: a leaf whose item is not to be processed, only to complete the path.
    Leaf,
    /// A message to a contract of the other chain.
    Message,
    /// What became of a message that came the other way.
    Ack
}

/// @notice One item of a lane as a relayer carries it.
struct Item {
    ItemKind kind;
    /// Message: `abi.encodePacked(uint8 flags, uint64 deadline, uint64 gasLimit, address sender, address recipient, payload)`.
    /// Ack: `abi.encodePacked(uint64 index, bytes32 messageId, uint8 outcome, result)`. Leaf: its 32 bytes.
    bytes body;
    /// Ack: the body of the message it is about, as it was sent from here. Else empty.
    bytes message;
}

/// @notice A message, read from its body.
struct Message {
    /// Bits of `MessageLib`.
    uint8 flags;
    /// Second of the destination's clock up to which, inclusive, it may be executed.
    uint64 deadline;
    /// Gas its execution is given.
    uint64 gasLimit;
    /// Who sent it, on the source chain.
    address sender;
    /// Who gets it, on the destination chain.
    address recipient;
    bytes payload;
}

/// @notice How a message ended at its destination. Numbers are never reused.
enum Outcome {
    /// Never sent.
    None,
    /// The recipient took it; the result is what it returned.
    Executed,
    /// It failed, was kept, and was given up after its deadline.
    Failed,
    /// Its recipient is forbidden or has no code.
    Refused
}

/// @notice What the source gateway knows of a message it sent.
enum SentState {
    /// Neither acknowledged nor timed out, or not a message at all.
    Pending,
    /// Its acknowledgement was proved.
    Acknowledged,
    /// It was proved that it was not delivered by its deadline.
    TimedOut
}

/// @notice How a lane is set up; nothing of it ever changes, but the limits.
struct LaneConfig {
    /// The same number on both chains, above 0.
    uint32 lane;
    uint64 remoteChainId;
    address remoteGateway;
    /// What this chain believes of the other.
    address client;
    /// Items are processed strictly in order of their numbers.
    bool ordered;
    /// Most messages at once, in each direction.
    uint32 capacity;
    /// Messages per second that flow back, in each direction.
    uint32 refill;
}

/// @notice Bodies, leaves and domains of lanes.
library MessageLib {
    /// @dev Flag: the recipient is called with the payload as calldata, not by `receiveMessage`.
    uint8 internal constant RAW_CALL = 1;
    /// @dev Flag: the sender is told how it ended (`IMessageHooks`).
    uint8 internal constant NOTIFY_SENDER = 2;

    /// @dev Bytes of a message body before its payload.
    uint256 internal constant MESSAGE_HEAD = 57;
    /// @dev Bytes of an ack body before its result.
    uint256 internal constant ACK_HEAD = 41;

    bytes32 internal constant DOMAIN_TAG = keccak256("causeway.lane.v1");

    /// A body is shorter than its head, or has an unknown flag or outcome.
    error BodyMalformed(ItemKind kind);

    /// @dev What makes leaves and roots of one direction of one lane unlike all others.
    function laneDomain(uint256 fromChain, address fromGateway, uint256 toChain, address toGateway, uint32 lane)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(DOMAIN_TAG, fromChain, fromGateway, toChain, toGateway, lane));
    }

    /// @dev Leaf of an item; for a message also its id.
    function leaf(bytes32 domain, uint64 index, ItemKind kind, bytes32 bodyHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(domain, index, kind, bodyHash));
    }

    /// @dev What is stored, and proved to the other chain: how many items, and what remains of them.
    function root(bytes32 domain, uint64 count, bytes32 top) internal pure returns (bytes32) {
        return keccak256(abi.encode(domain, count, top));
    }

    /// @dev Body of a message.
    function pack(Message memory m) internal pure returns (bytes memory) {
        return abi.encodePacked(m.flags, m.deadline, m.gasLimit, m.sender, m.recipient, m.payload);
    }

    /// @dev Reads a message's body.
    function unpack(bytes calldata body) internal pure returns (Message memory m) {
        if (body.length < MESSAGE_HEAD) revert BodyMalformed(ItemKind.Message);
        m.flags = uint8(body[0]);
        if (m.flags > RAW_CALL | NOTIFY_SENDER) revert BodyMalformed(ItemKind.Message);
        m.deadline = uint64(bytes8(body[1:9]));
        m.gasLimit = uint64(bytes8(body[9:17]));
        m.sender = address(bytes20(body[17:37]));
        m.recipient = address(bytes20(body[37:57]));
        m.payload = body[57:];
    }

    /// @dev Body of an acknowledgement.
    function packAck(uint64 index, bytes32 messageId, Outcome outcome, bytes memory result)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(index, messageId, outcome, result);
    }

    /// @dev Reads an acknowledgement's body.
    function unpackAck(bytes calldata body)
        internal
        pure
        returns (uint64 index, bytes32 messageId, Outcome outcome, bytes calldata result)
    {
        if (body.length < ACK_HEAD) revert BodyMalformed(ItemKind.Ack);
        index = uint64(bytes8(body[0:8]));
        messageId = bytes32(body[8:40]);
        uint8 number = uint8(body[40]);
        if (number == 0 || number > uint8(type(Outcome).max)) revert BodyMalformed(ItemKind.Ack);
        outcome = Outcome(number);
        result = body[41:];
    }
}
