// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DeviceId, DeviceState, FeedId} from "../src/DeviceTypes.sol";
import {IDataMarket} from "../src/IDataMarket.sol";
import {Access, GroupId, ListingId, Offer, Role, Useful} from "../src/MarketTypes.sol";
import {RefusingPayee} from "./support/Actors.sol";
import {DeviceWorld} from "./support/DeviceWorld.sol";
import {Vm} from "./support/Vm.sol";

/// Offers, sales, groups, rewards: L94 to L98.
contract MarketTest is DeviceWorld {
    address private constant SELLER = address(0x5E11E4);
    address private constant READER = address(0x4EADE4);
    address private constant KEEPER = address(0x4EE9E4);
    GroupId private constant NO_GROUP = GroupId.wrap(0);

    IDataMarket private _market;
    ListingId private _id;

    function setUp() public override {
        super.setUp();
        _market = IDataMarket(deploy("DataMarket", abi.encode(address(registry))));
        _id = _list(_paid());
        vm.deal(READER, 100 ether);
    }

    function _paid() private pure returns (Offer memory) {
        return Offer(Access.Paid, 10 gwei, 1 ether, 30 days, 2_500, KEEPER);
    }

    function _offer(Access access) private pure returns (Offer memory) {
        return Offer(access, 0, 0, 0, 0, address(0));
    }

    function _list(Offer memory o) private returns (ListingId) {
        vm.prank(SELLER);
        return _market.list(FEED, o);
    }

    function _buy(uint32 count) private {
        vm.prank(READER);
        _market.buyReads{value: uint256(count) * 10 gwei}(_id, count);
    }

    function _subscribe(uint32 periods) private {
        vm.prank(READER);
        _market.subscribe{value: uint256(periods) * 1 ether}(_id, periods);
    }

    function _may(GroupId group) private view returns (bool) {
        return _market.mayRead(_id, READER, group);
    }

    // ---- L94: money

    function test_L94_what_is_paid_is_the_sellers_and_the_devices() external {
        _buy(100);
        _subscribe(2);

        uint256 paid = 100 * 10 gwei + 2 ether;
        eq(_market.credited(SELLER), paid * 3 / 4, "seller");
        eq(_market.listingOf(_id).pool, paid / 4, "devices");
        eq(address(_market).balance, paid, "nothing else");
        _market.withdraw(SELLER);
        eq(SELLER.balance, paid * 3 / 4, "paid out");
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.NothingCredited.selector, SELLER));
        _market.withdraw(SELLER);
    }

    function test_L94_the_price_is_exact_and_of_this_moment() external {
        bytes4 wrong = IDataMarket.PriceWrong.selector;
        vm.expectRevert(abi.encodeWithSelector(wrong, 1 ether - 1, 1 ether));
        vm.prank(READER);
        _market.subscribe{value: 1 ether - 1}(_id, 1);
        vm.expectRevert(abi.encodeWithSelector(wrong, 1 ether + 1, 1 ether));
        vm.prank(READER);
        _market.subscribe{value: 1 ether + 1}(_id, 1);
        Offer memory dearer = _paid();
        dearer.pricePerRead = 11 gwei;
        _list(dearer);
        vm.expectRevert(abi.encodeWithSelector(wrong, 10 gwei, 11 gwei));
        vm.prank(READER);
        _market.buyReads{value: 10 gwei}(_id, 1);
    }

    function test_L94_counts_have_bounds_and_what_is_not_sold_is_not_bought() external {
        bytes4 refused = IDataMarket.CountRefused.selector;
        vm.expectRevert(abi.encodeWithSelector(refused, 0, 1_000_000));
        _market.buyReads(_id, 0);
        vm.expectRevert(abi.encodeWithSelector(refused, 1_000_001, 1_000_000));
        _market.subscribe(_id, 1_000_001);
        Offer memory readsOnly = _paid();
        (readsOnly.pricePerPeriod, readsOnly.period) = (0, 0);
        _list(readsOnly);
        bytes4 notForSale = IDataMarket.NotForSale.selector;
        vm.expectRevert(abi.encodeWithSelector(notForSale, _id, Access.Paid));
        _market.subscribe(_id, 1);
        _list(_offer(Access.Free));
        vm.expectRevert(abi.encodeWithSelector(notForSale, _id, Access.Free));
        _market.buyReads(_id, 1);
        ListingId unknown = _market.idOf(READER, FEED);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.ListingUnknown.selector, unknown));
        _market.buyReads(unknown, 1);
    }

    function test_L94_a_payee_that_takes_no_money_holds_up_nobody() external {
        _buy(1);
        vm.etch(SELLER, address(new RefusingPayee()).code);

        vm.expectRevert(abi.encodeWithSelector(IDataMarket.WithdrawalRefused.selector, SELLER, 7_500_000_000));
        _market.withdraw(SELLER);
        _buy(1);

        eq(_market.credited(SELLER), 15_000_000_000, "waits");
    }

    // ---- L95: what was bought

    function test_L95_reads_add_up_and_subscriptions_are_prolonged() external {
        _buy(3);
        _buy(4);
        eq(_market.readsOf(_id, READER), 7, "reads");
        _subscribe(1);
        vm.warp(START + 10 days);
        _subscribe(1);
        eq(_market.subscribedUntil(_id, READER), START + 60 days, "from the end of the first");
        vm.warp(START + 90 days);
        _subscribe(1);
        eq(_market.subscribedUntil(_id, READER), START + 120 days, "from now");
    }

    function test_L95_what_was_bought_stays_bought() external {
        yes(!_may(NO_GROUP), "not yet");
        _subscribe(1);
        yes(_may(NO_GROUP), "subscribed");
        _list(_offer(Access.Closed));
        yes(_may(NO_GROUP), "closed for new ones only");
        vm.warp(START + 30 days);
        yes(!_may(NO_GROUP), "over");
    }

    function test_L95_anybody_reads_what_is_free_and_nobody_what_is_closed() external {
        _list(_offer(Access.Free));
        yes(_may(NO_GROUP), "free");
        _list(_offer(Access.Closed));
        yes(!_may(NO_GROUP), "closed");
        yes(_market.mayRead(_id, SELLER, NO_GROUP), "its owner always");
    }

    // ---- L96: groups

    function test_L96_members_of_an_admitted_group_read_until_their_time_is_over() external {
        _list(_offer(Access.Private));
        GroupId group = _market.createGroup();
        _market.setRole(group, READER, Role.Reader, uint64(START + 10));
        yes(!_may(group), "group not admitted");
        vm.prank(SELLER);
        _market.admitGroup(_id, group, true);
        yes(_may(group), "member");
        yes(!_may(NO_GROUP), "as nobody's member");
        yes(!_market.mayRead(_id, KEEPER, group), "no member");
        vm.warp(START + 10);
        yes(!_may(group), "over");
        _market.setRole(group, READER, Role.Reader, uint64(START + 20));
        yes(_may(group), "again");
        vm.prank(SELLER);
        _market.admitGroup(_id, group, false);
        yes(!_may(group), "group put out");
    }

    function test_L96_managers_make_readers_and_only_the_owner_makes_managers() external {
        GroupId group = _market.createGroup();
        uint64 until = uint64(START + 1 days);
        bytes4 refused = IDataMarket.RoleRefused.selector;
        vm.expectRevert(abi.encodeWithSelector(refused, KEEPER, Role.Reader));
        vm.prank(KEEPER);
        _market.setRole(group, READER, Role.Reader, until);
        _market.setRole(group, KEEPER, Role.Manager, until);
        vm.prank(KEEPER);
        _market.setRole(group, READER, Role.Reader, until);
        yes(_market.roleOf(group, READER) == Role.Reader, "by the manager");
        vm.expectRevert(abi.encodeWithSelector(refused, KEEPER, Role.Manager));
        vm.prank(KEEPER);
        _market.setRole(group, READER, Role.Manager, until);
        _market.setRole(group, SELLER, Role.Manager, until);
        vm.expectRevert(abi.encodeWithSelector(refused, KEEPER, Role.None));
        vm.prank(KEEPER);
        _market.setRole(group, SELLER, Role.None, 0);
        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(refused, KEEPER, Role.None));
        vm.prank(KEEPER);
        _market.setRole(group, READER, Role.None, 0);
    }

    function test_L96_unknown_groups_and_strangers_change_nothing() external {
        GroupId unknown = GroupId.wrap(9);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.GroupUnknown.selector, unknown));
        _market.setRole(unknown, READER, Role.Reader, type(uint64).max);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.GroupUnknown.selector, unknown));
        vm.prank(SELLER);
        _market.admitGroup(_id, unknown, true);
        GroupId group = _market.createGroup();
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.CallerNotOwner.selector, READER, SELLER));
        vm.prank(READER);
        _market.admitGroup(_id, group, true);
    }

    // ---- L97: rewards

    function test_L97_useful_readings_are_paid_from_the_pool_once_for_a_period() external {
        Useful[] memory useful = _useful();
        _market.fund{value: 1 ether}(_id);

        vm.prank(KEEPER);
        _market.reward(_id, 0, 0.01 ether, useful);

        eq(_market.credited(owner), 0.3 ether, "owner of both devices");
        eq(_market.listingOf(_id).pool, 0.7 ether, "rest");
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.RewardPeriodWrong.selector, 0, 1));
        vm.prank(KEEPER);
        _market.reward(_id, 0, 0.01 ether, useful);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.PoolTooSmall.selector, 0.9 ether, 0.7 ether));
        vm.prank(KEEPER);
        _market.reward(_id, 1, 0.03 ether, useful);
        eq(_market.credited(owner), 0.3 ether, "nothing more");
    }

    function test_L97_only_the_keeper_rewards_active_devices_each_once() external {
        Useful[] memory useful = _useful();
        _market.fund{value: 1 ether}(_id);
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.CallerNotKeeper.selector, SELLER, KEEPER));
        vm.prank(SELLER);
        _market.reward(_id, 0, 1, useful);
        (useful[0], useful[1]) = (useful[1], useful[0]);
        _rewardFails(useful, abi.encodeWithSelector(IDataMarket.RewardMalformed.selector, 1));
        useful[0] = useful[1];
        _rewardFails(useful, abi.encodeWithSelector(IDataMarket.RewardMalformed.selector, 1));
        useful = _ofTwo(1, 0);
        _rewardFails(useful, abi.encodeWithSelector(IDataMarket.RewardMalformed.selector, 1));
        bytes4 refused = IDataMarket.CountRefused.selector;
        _rewardFails(new Useful[](0), abi.encodeWithSelector(refused, 0, 128));
        _rewardFails(new Useful[](129), abi.encodeWithSelector(refused, 129, 128));
        useful = _ofTwo(1, 1);
        DeviceId revoked = DeviceId.wrap(useful[1].device);
        vm.prank(owner);
        registry.revoke(revoked, "");
        _rewardFails(useful, abi.encodeWithSelector(IDataMarket.DeviceNotActive.selector, revoked));
        useful[1].device = bytes32(type(uint256).max);
        bytes32 unknown = useful[1].device;
        _rewardFails(useful, abi.encodeWithSelector(IDataMarket.DeviceNotActive.selector, unknown));
    }

    function test_L97_without_a_keeper_nobody_rewards() external {
        _list(_offer(Access.Free));
        Useful[] memory useful = _useful();
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.CallerNotKeeper.selector, address(0), address(0)));
        vm.prank(address(0));
        _market.reward(_id, 0, 1, useful);
    }

    // ---- V5, V6

    function test_V5_L98_events_of_the_market_have_no_gaps() external {
        vm.recordLogs();
        _buy(1);
        _subscribe(1);
        _market.fund{value: 1 ether}(_id);
        Useful[] memory useful = _useful();
        vm.prank(KEEPER);
        _market.reward(_id, 0, 1, useful);
        GroupId group = _market.createGroup();
        _market.setRole(group, READER, Role.Reader, 1);
        vm.prank(SELLER);
        _market.admitGroup(_id, group, true);
        _market.withdraw(SELLER);

        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 next = 1; // the listing
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == address(_market)) eq(uint256(logs[i].topics[1]), next++, "number");
        }
        eq(next, _market.events(), "counted");
        eq(next, 16, "all of them");
    }

    function test_V6_offers_that_make_no_sense_are_refused() external {
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.MarketConfigRefused.selector, address(0)));
        this.deployExternally(abi.encode(address(0)));
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.OfferRefused.selector, 0));
        _market.list(FeedId.wrap(0), _paid());
        Offer memory o = _offer(Access.Paid);
        _offerFails(o, 1);
        o = _paid();
        o.access = Access.Free;
        _offerFails(o, 1);
        o = _paid();
        o.period = 0;
        _offerFails(o, 2);
        o.period = 367 days;
        _offerFails(o, 2);
        o = _paid();
        o.pricePerPeriod = 0;
        _offerFails(o, 2);
        o = _paid();
        o.rewardShare = 10_001;
        _offerFails(o, 3);
        o = _paid();
        o.keeper = address(0);
        _offerFails(o, 4);
    }

    // ---- helpers

    function _useful() private returns (Useful[] memory useful) {
        (admit(1), admit(2));
        return _ofTwo(10, 20);
    }

    function _ofTwo(uint32 one, uint32 two) private view returns (Useful[] memory useful) {
        bytes32 a = DeviceId.unwrap(registry.idOf(admission(1).did));
        bytes32 b = DeviceId.unwrap(registry.idOf(admission(2).did));
        useful = new Useful[](2);
        (useful[0], useful[1]) = a < b ? (Useful(a, one), Useful(b, two)) : (Useful(b, one), Useful(a, two));
    }

    function _rewardFails(Useful[] memory useful, bytes memory error) private {
        vm.expectRevert(error);
        vm.prank(KEEPER);
        _market.reward(_id, 0, 1, useful);
    }

    function _offerFails(Offer memory o, uint256 field) private {
        vm.expectRevert(abi.encodeWithSelector(IDataMarket.OfferRefused.selector, field));
        _market.list(FEED, o);
    }

    function deployExternally(bytes calldata arguments) external {
        deploy("DataMarket", arguments);
    }
}
