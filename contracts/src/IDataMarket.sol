// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DeviceId, FeedId} from "./DeviceTypes.sol";
import {IDeviceRegistry} from "./IDeviceRegistry.sol";
import {Access, GroupId, Listing, ListingId, Offer, Role, Useful} from "./MarketTypes.sol";

/// @title Where data is offered free, for money or to groups, and devices earn by it.
/// @notice What a contract can do for privacy is to say who may read: the data itself is off chain, and whoever serves it
///         asks here. What is published on a chain anybody reads.
/// @dev Invariants L94..L98 in docs/threats.md. Every event bears the next number, from 0.
interface IDataMarket {
    /// @notice Data is offered like this from now on.
    event Listed(uint64 indexed number, ListingId indexed id, address indexed owner, FeedId feed, Offer offer);
    /// @notice A reader paid for `count` more reads.
    event ReadsBought(uint64 indexed number, ListingId indexed id, address indexed reader, uint32 count, uint64 total);
    /// @notice A reader's subscription runs until then.
    event Subscribed(uint64 indexed number, ListingId indexed id, address indexed reader, uint64 until);
    /// @notice Money came for a listing's devices.
    event PoolFunded(uint64 indexed number, ListingId indexed id, uint256 amount);
    /// @notice A device earned.
    event DeviceRewarded(
        uint64 indexed number, ListingId indexed id, DeviceId indexed device, uint64 period, uint32 readings, uint256 amount
    );
    /// @notice A group began.
    event GroupCreated(uint64 indexed number, GroupId indexed group, address indexed owner);
    /// @notice An account is this in a group until then; `None` ends it.
    event RoleSet(uint64 indexed number, GroupId indexed group, address indexed account, Role role, uint64 until);
    /// @notice A group may read, or no longer.
    event GroupAdmitted(uint64 indexed number, ListingId indexed id, GroupId indexed group, bool admitted);
    /// @notice Money was credited, and waits.
    event EarningsCredited(uint64 indexed number, address indexed payee, uint256 amount);
    /// @notice Credited money was paid.
    event EarningsWithdrawn(uint64 indexed number, address indexed payee, uint256 amount);

    /// The registry has no code.
    error MarketConfigRefused(address registry);
    /// Field `field` of the offer makes no sense: 0 feed, 1 prices, 2 period, 3 share, 4 keeper.
    error OfferRefused(uint256 field);
    /// There is no such listing.
    error ListingUnknown(ListingId id);
    /// This is not for sale that way: see the offer.
    error NotForSale(ListingId id, Access access);
    /// Nothing, or more than can be bought at once.
    error CountRefused(uint256 got, uint256 max);
    /// The price is another one, perhaps since a moment ago.
    error PriceWrong(uint256 got, uint256 expected);
    /// Only the listing's owner does this.
    error CallerNotOwner(address got, address expected);
    /// Only the listing's keeper does this.
    error CallerNotKeeper(address got, address expected);
    /// Rewards of a period are paid once, one period after another.
    error RewardPeriodWrong(uint64 got, uint64 expected);
    /// Devices must ascend, so that none is there twice, and have readings.
    error RewardMalformed(uint256 place);
    /// The device is not active: it earns nothing.
    error DeviceNotActive(DeviceId device);
    /// There is less for the devices than this comes to.
    error PoolTooSmall(uint256 needed, uint256 pool);
    /// There is no such group.
    error GroupUnknown(GroupId group);
    /// Managers make readers; the group's owner makes managers.
    error RoleRefused(address caller, Role role);
    /// Nothing is credited.
    error NothingCredited(address payee);
    /// The payee does not take the money.
    error WithdrawalRefused(address payee, uint256 amount);

    /// @notice Offers the caller's data of a feed, or changes the offer. What was bought stays bought.
    function list(FeedId feed, Offer calldata offer) external returns (ListingId);

    /// @notice Buys `count` reads for the caller, at exactly the price.
    function buyReads(ListingId id, uint32 count) external payable;

    /// @notice Buys `periods` more periods for the caller, at exactly the price.
    function subscribe(ListingId id, uint32 periods) external payable;

    /// @notice Gives the value sent to a listing's devices.
    function fund(ListingId id) external payable;

    /// @notice Pays each device's owner `perReading` for each useful reading of the listing's next period.
    function reward(ListingId id, uint64 period, uint96 perReading, Useful[] calldata useful) external;

    /// @notice Begins a group; the caller owns it.
    function createGroup() external returns (GroupId);

    /// @notice Makes an account a reader or manager until a second of this chain, or nobody.
    function setRole(GroupId group, address account, Role role, uint64 until) external;

    /// @notice Lets a group read the caller's private listing, or no longer.
    function admitGroup(ListingId id, GroupId group, bool admitted) external;

    /// @notice Pays `payee` what was credited to him; anyone may call.
    function withdraw(address payee) external;

    /// @notice Returns whether an account may read without paying more. `group` is the one it reads as a member of.
    function mayRead(ListingId id, address account, GroupId group) external view returns (bool);

    /// @notice Returns how many reads an account ever bought; whoever serves the data counts what was used.
    function readsOf(ListingId id, address account) external view returns (uint64);

    /// @notice Returns the second in which a subscription ends; zero if there was none.
    function subscribedUntil(ListingId id, address account) external view returns (uint64);

    /// @notice Returns an account's role, `None` after it expired.
    function roleOf(GroupId group, address account) external view returns (Role);

    /// @notice Returns a listing.
    function listingOf(ListingId id) external view returns (Listing memory);

    /// @notice Returns a listing's id, made or not.
    function idOf(address owner, FeedId feed) external pure returns (ListingId);

    /// @notice Returns what is credited.
    function credited(address payee) external view returns (uint256);

    /// @notice Returns the number the next event will bear.
    function events() external view returns (uint64);

    /// @notice Returns where devices and their owners are known.
    function registry() external view returns (IDeviceRegistry);

    /// @notice Most reads or periods bought at once.
    function MAX_COUNT() external view returns (uint256);

    /// @notice Most devices rewarded at once.
    function MAX_DEVICES() external view returns (uint256);

    /// @notice Longest subscription period, in seconds.
    function MAX_PERIOD() external view returns (uint256);
}
