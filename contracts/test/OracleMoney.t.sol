// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Admission, DeviceId, DeviceState, FeedId} from "../src/DeviceTypes.sol";
import {IDataMarket} from "../src/IDataMarket.sol";
import {Access, ListingId, Offer, Useful} from "../src/MarketTypes.sol";
import {SignedReading} from "../src/ReadingTypes.sol";
import {DeviceWorld} from "./support/DeviceWorld.sol";

/// Does anything to devices and listings, at any time, by anyone.
contract OracleHandler is DeviceWorld {
    uint256 private constant DEVICES = 6;
    address private constant KEEPER = address(0x4EE9E4);

    IDataMarket public market;
    address[4] private _people = [address(0xA1), address(0xA2), address(0x74EA5), address(0xA4)];
    uint64 private _period;
    uint256 private _now = START;

    constructor() {
        DeviceWorld.setUp();
        market = IDataMarket(deploy("DataMarket", abi.encode(address(registry))));
        vm.prank(_people[0]);
        market.list(FEED, Offer(Access.Paid, 3, 7, 1 days, 3_333, KEEPER));
    }

    /// Nothing: the world is made once.
    function setUp() public override {}

    function admitOne(uint256 pick, uint96 more) external {
        uint256 n = 1 + pick % DEVICES;
        Admission memory a = admission(n);
        a.expires = type(uint64).max;
        bytes32 digest = registry.admissionDigest(a);
        vm.deal(address(this), type(uint128).max);
        try registry.admit{value: uint256(DEPOSIT) + more % 1 ether}(a, approve(digest, n)) {} catch {}
    }

    function exitOne(uint256 pick, bool revoke) external {
        DeviceId id = device(pick);
        vm.prank(owner);
        if (revoke) {
            try registry.revoke(id, "") {} catch {}
        } else {
            try registry.exit(id) {} catch {}
        }
    }

    function releaseOne(uint256 pick) external {
        try registry.release(device(pick)) {} catch {}
    }

    function slashOne(uint256 pick, int64 one, int64 two) external {
        DeviceId id = device(pick);
        SignedReading memory a = signed(reading(id, 7, one, 0), 1 + pick % DEVICES);
        SignedReading memory b = signed(reading(id, 7, two, 0), 1 + pick % DEVICES);
        vm.prank(_people[pick % 2]);
        try registry.slash(a, b) {} catch {}
    }

    function buy(uint256 who, uint32 count, bool subscription) external {
        count = uint32(within(count, 0, 2_000));
        ListingId id = listing();
        address reader = _people[who % 4];
        vm.deal(reader, type(uint128).max);
        vm.prank(reader);
        if (subscription) {
            try market.subscribe{value: uint256(count) * 7}(id, count) {} catch {}
        } else {
            try market.buyReads{value: uint256(count) * 3}(id, count) {} catch {}
        }
    }

    function rewardOne(uint256 pick, uint32 readings, uint8 perReading) external {
        Useful[] memory useful = new Useful[](1);
        useful[0] = Useful(DeviceId.unwrap(device(pick)), readings % 500);
        vm.prank(KEEPER);
        try market.reward(listing(), _period, perReading, useful) {
            ++_period;
        } catch {}
    }

    function withdrawAll(uint256 who) external {
        address payee = person(who);
        try registry.withdraw(payee) {} catch {}
        try market.withdraw(payee) {} catch {}
    }

    function pass(uint32 seconds_) external {
        _now += seconds_ % 3 days;
        vm.warp(_now);
    }

    function listing() public view returns (ListingId) {
        return market.idOf(_people[0], FEED);
    }

    function device(uint256 pick) public view returns (DeviceId) {
        return registry.idOf(admission(1 + pick % DEVICES).did);
    }

    /// Everybody who can be owed something.
    function person(uint256 who) public view returns (address) {
        return who % 5 == 4 ? owner : _people[who % 5];
    }

    function owedByRegistry() external view returns (uint256 owed) {
        for (uint256 i = 0; i < DEVICES; ++i) {
            (uint96 deposit,) = registry.stakeOf(device(i));
            owed += deposit;
        }
        for (uint256 i = 0; i < 5; ++i) {
            owed += registry.credited(person(i));
        }
    }

    function owedByMarket() external view returns (uint256 owed) {
        owed = market.listingOf(listing()).pool;
        for (uint256 i = 0; i < 5; ++i) {
            owed += market.credited(person(i));
        }
    }

    /// Devices whose state and deposit do not agree.
    function contradictions() external view returns (uint256 count) {
        for (uint256 i = 0; i < DEVICES; ++i) {
            (uint96 deposit,) = registry.stakeOf(device(i));
            DeviceState state = registry.deviceOf(device(i)).state;
            bool held = state == DeviceState.Active || state == DeviceState.Leaving || state == DeviceState.Revoked;
            if (held != (deposit >= DEPOSIT)) ++count;
        }
    }

    function balances() external view returns (uint256, uint256) {
        return (address(registry).balance, address(market).balance);
    }
}

/// Nothing is lost, made or stuck: L76 and L94.
contract OracleMoneyTest is DeviceWorld {
    OracleHandler private _handler;

    function setUp() public override {
        _handler = new OracleHandler();
    }

    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(_handler);
    }

    /// forge-config: default.invariant.runs = 16
    function invariant_L76_the_registry_holds_what_it_owes() external view {
        (uint256 registry_,) = _handler.balances();
        eq(registry_, _handler.owedByRegistry(), "deposits and credits");
        eq(_handler.contradictions(), 0, "a deposit is there until the device is slashed or gone");
    }

    /// forge-config: default.invariant.runs = 16
    function invariant_L94_the_market_holds_what_it_owes() external view {
        (, uint256 market_) = _handler.balances();
        eq(market_, _handler.owedByMarket(), "pool and credits");
    }
}
