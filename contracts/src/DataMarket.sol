// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

import {DeviceId, DeviceRecord, DeviceState, FeedId} from "./DeviceTypes.sol";
import {IDataMarket} from "./IDataMarket.sol";
import {IDeviceRegistry} from "./IDeviceRegistry.sol";
import {Access, GroupId, Listing, ListingId, Offer, Role, Useful} from "./MarketTypes.sol";

/// @title Where data is offered free, for money or to groups, and devices earn by it.
/// @dev Invariants L94..L98 in docs/threats.md; each has a test with the same number.
contract DataMarket is IDataMarket {
    /// @inheritdoc IDataMarket
    uint256 public constant MAX_COUNT = 1_000_000;
    /// @inheritdoc IDataMarket
    uint256 public constant MAX_DEVICES = 128;
    /// @inheritdoc IDataMarket
    uint256 public constant MAX_PERIOD = 366 days;

    uint256 private constant _WHOLE = 10_000;

    struct _Membership {
        Role role;
        uint64 until;
    }

    mapping(ListingId => Listing) private _listings;
    mapping(ListingId => mapping(address reader => uint64)) private _reads;
    mapping(ListingId => mapping(address reader => uint64)) private _until;
    mapping(ListingId => mapping(GroupId => bool)) private _admitted;
    mapping(GroupId => address owner) private _groups;
    mapping(GroupId => mapping(address account => _Membership)) private _members;
    mapping(address payee => uint256) private _credits;
    uint64 private _lastGroup;
    uint64 private _events;

    /// @inheritdoc IDataMarket
    IDeviceRegistry public immutable registry;

    constructor(IDeviceRegistry registry_) {
        if (address(registry_).code.length == 0) revert MarketConfigRefused(address(registry_));
        registry = registry_;
    }

    modifier onlyOwner(ListingId id) {
        address owner = _known(id).owner;
        if (msg.sender != owner) revert CallerNotOwner(msg.sender, owner);
        _;
    }

    /// @inheritdoc IDataMarket
    function list(FeedId feed, Offer calldata offer) external returns (ListingId id) {
        if (FeedId.unwrap(feed) == 0) revert OfferRefused(0);
        _checkOffer(offer);
        id = idOf(msg.sender, feed);
        Listing storage l = _listings[id];
        (l.owner, l.feed, l.offer) = (msg.sender, feed, offer);
        emit Listed(_events++, id, msg.sender, feed, offer);
    }

    /// @inheritdoc IDataMarket
    function buyReads(ListingId id, uint32 count) external payable {
        Listing storage l = _forSale(id);
        if (l.offer.pricePerRead == 0) revert NotForSale(id, l.offer.access);
        _take(id, l, count, l.offer.pricePerRead);
        uint64 total = _reads[id][msg.sender] + count;
        _reads[id][msg.sender] = total;
        emit ReadsBought(_events++, id, msg.sender, count, total);
    }

    /// @inheritdoc IDataMarket
    function subscribe(ListingId id, uint32 periods) external payable {
        Listing storage l = _forSale(id);
        if (l.offer.pricePerPeriod == 0) revert NotForSale(id, l.offer.access);
        _take(id, l, periods, l.offer.pricePerPeriod);
        uint256 from = _until[id][msg.sender];
        if (from < block.timestamp) from = block.timestamp;
        // At most MAX_COUNT periods of MAX_PERIOD at once: far below 2^64.
        uint64 until = uint64(from + uint256(periods) * l.offer.period);
        _until[id][msg.sender] = until;
        emit Subscribed(_events++, id, msg.sender, until);
    }

    /// @inheritdoc IDataMarket
    function fund(ListingId id) external payable {
        _toPool(id, _known(id), msg.value);
    }

    /// @inheritdoc IDataMarket
    function reward(ListingId id, uint64 period, uint96 perReading, Useful[] calldata useful) external {
        Listing storage l = _known(id);
        address keeper = l.offer.keeper;
        if (keeper == address(0) || msg.sender != keeper) revert CallerNotKeeper(msg.sender, keeper);
        if (period != l.rewardPeriod) revert RewardPeriodWrong(period, l.rewardPeriod);
        if (useful.length == 0 || useful.length > MAX_DEVICES) revert CountRefused(useful.length, MAX_DEVICES);
        l.rewardPeriod = period + 1;
        uint256 spent = 0;
        bytes32 before = 0;
        for (uint256 i = 0; i < useful.length; ++i) {
            Useful calldata u = useful[i];
            if (u.device <= before || u.readings == 0) revert RewardMalformed(i);
            before = u.device;
            spent += _reward(id, period, perReading, u);
        }
        if (spent > l.pool) revert PoolTooSmall(spent, l.pool);
        l.pool -= uint128(spent);
    }

    /// @inheritdoc IDataMarket
    function createGroup() external returns (GroupId group) {
        group = GroupId.wrap(++_lastGroup);
        _groups[group] = msg.sender;
        emit GroupCreated(_events++, group, msg.sender);
    }

    /// @inheritdoc IDataMarket
    function setRole(GroupId group, address account, Role role, uint64 until) external {
        address owner = _groups[group];
        if (owner == address(0)) revert GroupUnknown(group);
        bool byManager = roleOf(group, msg.sender) == Role.Manager;
        bool aboutManager = role == Role.Manager || _members[group][account].role == Role.Manager;
        if (msg.sender != owner && (!byManager || aboutManager)) revert RoleRefused(msg.sender, role);
        _members[group][account] = _Membership(role, until);
        emit RoleSet(_events++, group, account, role, until);
    }

    /// @inheritdoc IDataMarket
    function admitGroup(ListingId id, GroupId group, bool admitted) external onlyOwner(id) {
        if (_groups[group] == address(0)) revert GroupUnknown(group);
        _admitted[id][group] = admitted;
        emit GroupAdmitted(_events++, id, group, admitted);
    }

    /// @inheritdoc IDataMarket
    function withdraw(address payee) external {
        uint256 amount = _credits[payee];
        if (amount == 0) revert NothingCredited(payee);
        _credits[payee] = 0;
        emit EarningsWithdrawn(_events++, payee, amount);
        if (!LowLevelCall.callNoReturn(payee, amount, "")) revert WithdrawalRefused(payee, amount);
    }

    /// @inheritdoc IDataMarket
    function mayRead(ListingId id, address account, GroupId group) external view returns (bool) {
        Listing storage l = _known(id);
        if (account == l.owner || l.offer.access == Access.Free) return true;
        // What was bought stays bought, whatever the offer is now.
        if (_until[id][account] > block.timestamp) return true;
        return l.offer.access == Access.Private && _admitted[id][group] && roleOf(group, account) != Role.None;
    }

    /// @inheritdoc IDataMarket
    function readsOf(ListingId id, address account) external view returns (uint64) {
        return _reads[id][account];
    }

    /// @inheritdoc IDataMarket
    function subscribedUntil(ListingId id, address account) external view returns (uint64) {
        return _until[id][account];
    }

    /// @inheritdoc IDataMarket
    function listingOf(ListingId id) external view returns (Listing memory) {
        return _listings[id];
    }

    /// @inheritdoc IDataMarket
    function credited(address payee) external view returns (uint256) {
        return _credits[payee];
    }

    /// @inheritdoc IDataMarket
    function events() external view returns (uint64) {
        return _events;
    }

    /// @inheritdoc IDataMarket
    function roleOf(GroupId group, address account) public view returns (Role) {
        _Membership storage m = _members[group][account];
        return m.until > block.timestamp ? m.role : Role.None;
    }

    /// @inheritdoc IDataMarket
    function idOf(address owner, FeedId feed) public pure returns (ListingId) {
        return ListingId.wrap(keccak256(abi.encode(owner, feed)));
    }

    // ---- money

    /// Takes exactly the price, for the devices and the owner.
    function _take(ListingId id, Listing storage l, uint256 count, uint256 price) private {
        if (count == 0 || count > MAX_COUNT) revert CountRefused(count, MAX_COUNT);
        if (msg.value != count * price) revert PriceWrong(msg.value, count * price);
        uint256 share = msg.value * l.offer.rewardShare / _WHOLE;
        if (share != 0) _toPool(id, l, share);
        if (share != msg.value) _credit(l.owner, msg.value - share);
    }

    function _toPool(ListingId id, Listing storage l, uint256 amount) private {
        // All the native asset there is fits 128 bits.
        l.pool += uint128(amount);
        emit PoolFunded(_events++, id, amount);
    }

    function _reward(ListingId id, uint64 period, uint256 perReading, Useful calldata u)
        private
        returns (uint256 amount)
    {
        DeviceId device = DeviceId.wrap(u.device);
        DeviceRecord memory record = registry.deviceOf(device);
        if (record.state != DeviceState.Active) revert DeviceNotActive(device);
        amount = perReading * u.readings;
        emit DeviceRewarded(_events++, id, device, period, u.readings, amount);
        _credit(record.owner, amount);
    }

    function _credit(address payee, uint256 amount) private {
        _credits[payee] += amount;
        emit EarningsCredited(_events++, payee, amount);
    }

    // ---- checks

    function _known(ListingId id) private view returns (Listing storage l) {
        l = _listings[id];
        if (l.owner == address(0)) revert ListingUnknown(id);
    }

    function _forSale(ListingId id) private view returns (Listing storage l) {
        l = _known(id);
        if (l.offer.access != Access.Paid) revert NotForSale(id, l.offer.access);
    }

    function _checkOffer(Offer calldata o) private pure {
        bool priced = o.pricePerRead != 0 || o.pricePerPeriod != 0;
        if (priced != (o.access == Access.Paid)) revert OfferRefused(1);
        bool timed = o.period != 0 && o.period <= MAX_PERIOD;
        if (o.pricePerPeriod != 0 ? !timed : o.period != 0) revert OfferRefused(2);
        if (o.rewardShare > _WHOLE) revert OfferRefused(3);
        if (o.rewardShare != 0 && o.keeper == address(0)) revert OfferRefused(4);
    }
}
