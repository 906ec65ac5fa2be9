// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice Who on another chain is told of a topic.
struct Subscription {
    /// Who made it and may end it.
    address subscriber;
    /// ERC-7930 address of the contract that is told.
    bytes recipient;
    /// Zero: `receiveMessage` of the recipient. Else it is called with this selector.
    bytes4 selector;
    /// Gas of the execution.
    uint64 gasLimit;
    /// Seconds from publishing to the message's deadline.
    uint64 lifetime;
    /// Whether it takes the ordered lane.
    bool ordered;
}

/// @title Triggers: a contract publishes, contracts of other chains are called, and no person is in between.
/// @notice A topic belongs to the contract that publishes it. Told is `abi.encode(emitter, topic, sequence, data)`, as
///         payload of a message whose sender is this hub, or as arguments behind the selector.
interface IEventHub {
    /// @notice Whoever is `curator` decides from now on who subscribes; zero opens the topic to anybody.
    event CuratorSet(address indexed emitter, bytes32 indexed topic, address curator);
    /// @notice A subscription was made.
    event Subscribed(address indexed emitter, bytes32 indexed topic, uint64 indexed id, Subscription subscription);
    /// @notice A subscription was ended.
    event Unsubscribed(address indexed emitter, bytes32 indexed topic, uint64 indexed id);
    /// @notice The topic's next event.
    event Published(address indexed emitter, bytes32 indexed topic, uint64 indexed sequence, bytes data);
    /// @notice A message was sent for a subscription.
    event Triggered(uint64 indexed id, uint64 indexed sequence, bytes32 indexed sendId);
    /// @notice The gateway took no message for a subscription; the others are not touched.
    event TriggerRefused(uint64 indexed id, uint64 indexed sequence, bytes reason);

    /// The gateway is zero.
    error GatewayZero();
    /// The topic has a curator, and only he or the emitter subscribes others, and ends their subscriptions.
    error SubscriberRefused(address got, address curator);
    /// The topic has MAX_SUBSCRIPTIONS.
    error TopicFull(uint256 max);
    /// 0: the recipient is empty or longer than MAX_RECIPIENT; 1: no gas; 2: the lifetime is not within 1..MAX_LIFETIME.
    error SubscriptionRefused(uint256 field);
    /// No such subscription.
    error SubscriptionUnknown(uint64 id);
    /// The data is longer than MAX_DATA.
    error DataLong(uint256 got, uint256 max);
    /// The caller left too little gas to send a message: nobody may leave out a subscriber that way.
    error PublishGasTooLow(uint64 id);

    /// @notice Says who decides about the caller's topic.
    function setCurator(bytes32 topic, address curator) external;

    /// @notice Subscribes to a topic; the field `subscriber` is ignored and becomes the caller.
    function subscribe(address emitter, bytes32 topic, Subscription calldata subscription) external returns (uint64 id);

    /// @notice Ends a subscription: its subscriber, the emitter, or the curator.
    function unsubscribe(address emitter, bytes32 topic, uint64 id) external;

    /// @notice Publishes on a topic of the caller's: one message for each subscription.
    /// @return sent How many messages the gateway took.
    function publish(bytes32 topic, bytes calldata data) external returns (uint256 sent);

    /// @notice Returns the subscriptions of a topic and their ids.
    function subscriptions(address emitter, bytes32 topic)
        external
        view
        returns (uint64[] memory ids, Subscription[] memory list);

    /// @notice Returns how many events a topic has had.
    function sequenceOf(address emitter, bytes32 topic) external view returns (uint64);

    /// @notice Returns who decides about a topic, or zero.
    function curatorOf(address emitter, bytes32 topic) external view returns (address);

    /// @notice Returns the gateway messages are sent by.
    function gateway() external view returns (address);

    /// @notice Returns the most subscriptions of a topic.
    function MAX_SUBSCRIPTIONS() external view returns (uint256);

    /// @notice Returns the longest recipient in bytes.
    function MAX_RECIPIENT() external view returns (uint256);

    /// @notice Returns the longest lifetime in seconds, as the gateway's.
    function MAX_LIFETIME() external view returns (uint256);

    /// @notice Returns the longest data in bytes.
    function MAX_DATA() external view returns (uint256);
}
