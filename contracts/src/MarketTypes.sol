// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {FeedId} from "./DeviceTypes.sol";

/// @notice Names what is offered: `keccak256(abi.encode(owner, feed))`. Whoever likes lists a feed, under his own name.
type ListingId is bytes32;

/// @notice Names a group of readers, from 1.
type GroupId is uint64;

/// @notice Who may read.
enum Access {
    /// Nobody new.
    Closed,
    /// Anybody.
    Free,
    /// Who paid.
    Paid,
    /// Members of the groups that the owner let in.
    Private
}

/// @notice What a member of a group may do.
enum Role {
    None,
    /// Reads.
    Reader,
    /// Reads, and says who is a reader.
    Manager
}

/// @notice How data is offered.
struct Offer {
    Access access;
    /// Price of one read, in the chain's native asset.
    uint96 pricePerRead;
    /// Price of a subscription's period; zero: there is no subscription.
    uint96 pricePerPeriod;
    /// Seconds.
    uint32 period;
    /// Parts of 10,000 of what is paid that go to the devices.
    uint16 rewardShare;
    /// Who says which readings were useful.
    address keeper;
}

/// @notice What is known of a listing.
struct Listing {
    address owner;
    FeedId feed;
    Offer offer;
    /// What is there for devices.
    uint128 pool;
    /// Next period of rewards.
    uint64 rewardPeriod;
}

/// @notice A device's useful readings in one period.
struct Useful {
    bytes32 device;
    uint32 readings;
}
