// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGateway} from "../src/IGateway.sol";
import {ILightClient} from "../src/ILightClient.sol";
import {Certificate, Checkpoint} from "../src/LightClientTypes.sol";
import {Item} from "../src/MessageTypes.sol";
import {LightClientTest} from "./LightClient.t.sol";
import {GatewayTest} from "./support/GatewayTest.sol";
import {LightTaker} from "./support/Recipients.sol";

/// A client that saw two certified blocks of one height, and the way out of that: L109 to L112, L114.
abstract contract FrozenTest is LightClientTest {
    uint64 internal constant EPOCH = 5;
    bytes internal next = votesOf(4, 4);

    /// Heights 3 (one block) and 4 (two blocks) are certified by the first set.
    function setUp() public virtual override {
        super.setUp();
        _update(_header(3, keccak256("a")), 1, 5, 0, votes);
        _freeze();
    }

    function _freeze() internal {
        _update(_header(4, keccak256("b")), 1, 5, 0, votes);
        _update(_header(4, keccak256("c")), 1, 5, 0, votes);
        yes(client.frozen(), "frozen");
        eq(client.believedFrom(), type(uint64).max, "nothing is believed");
    }

    function _propose() internal {
        vm.prank(GOVERNOR);
        client.proposeRecovery(EPOCH, next);
    }

    function _recover() internal {
        _propose();
        vm.warp(block.timestamp + DELAY);
        client.recover(EPOCH, next);
    }

    function _hash(uint64 epoch, bytes memory set) internal pure returns (bytes32) {
        return keccak256(abi.encode(epoch, keccak256(set)));
    }

    function _certificateOf(uint256 set, uint64 epoch, bytes memory h) internal view returns (Certificate memory) {
        return certify(domain, set, 4, epoch, keccak256(h));
    }
}

contract RecoveryTest is FrozenTest {
    function test_L109_after_the_delay_anyone_makes_it_believe_as_was_proposed() external {
        _propose();
        vm.warp(block.timestamp + DELAY);

        vm.prank(address(0x57a));
        client.recover(EPOCH, next);

        yes(!client.frozen(), "believes again");
        eq(client.epoch(), EPOCH, "epoch");
        eq(client.votesHash(EPOCH), keccak256(next), "set");
        eq(client.believedFrom(), EPOCH * EPOCH_LENGTH, "from");
        eq(client.handedOverAt(), block.timestamp, "since");
        bytes memory h = _header(EPOCH * EPOCH_LENGTH + 1, keccak256("n"));
        client.update(list(h), _certificateOf(4, EPOCH, h), next);
        client.check(_checkpoint(EPOCH * EPOCH_LENGTH + 1, keccak256("n")));
    }

    function test_L109_before_the_delay_is_over_nothing_changes() external {
        _propose();
        uint256 ready = block.timestamp + DELAY;
        vm.warp(ready - 1);

        vm.expectRevert(abi.encodeWithSelector(ILightClient.RecoveryTooEarly.selector, ready - 1, ready));
        client.recover(EPOCH, next);

        yes(client.frozen(), "still frozen");
    }

    function test_L109_what_was_not_proposed_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(ILightClient.RecoveryUnknown.selector, _hash(EPOCH, next), 0));
        client.recover(EPOCH, next);
        _propose();
        vm.warp(block.timestamp + DELAY);

        bytes32 proposed = _hash(EPOCH, next);
        bytes memory mine = votesOf(6, 4);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.RecoveryUnknown.selector, _hash(EPOCH, mine), proposed));
        client.recover(EPOCH, mine);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.RecoveryUnknown.selector, _hash(EPOCH + 1, next), proposed));
        client.recover(EPOCH + 1, next);
    }

    function test_L109_what_was_taken_back_or_replaced_does_not_come() external {
        _propose();
        (address governor, uint64 delay, bytes32 hash, uint64 readyAt) = client.recovery();
        yes(governor == GOVERNOR, "governor");
        eq(delay, DELAY, "delay");
        eq(hash, _hash(EPOCH, next), "proposed");
        eq(readyAt, block.timestamp + DELAY, "visible");
        vm.prank(GOVERNOR);
        client.cancelRecovery();
        (,,, readyAt) = client.recovery();
        eq(readyAt, 0, "nothing is proposed");
        vm.warp(block.timestamp + DELAY);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.RecoveryUnknown.selector, _hash(EPOCH, next), 0));
        client.recover(EPOCH, next);

        _propose();
        vm.warp(block.timestamp + DELAY - 1);
        bytes memory other = votesOf(6, 4);
        vm.prank(GOVERNOR);
        client.proposeRecovery(EPOCH + 2, other);
        vm.warp(block.timestamp + 1);
        // A replacement waits its whole delay.
        vm.expectPartialRevert(ILightClient.RecoveryTooEarly.selector);
        client.recover(EPOCH + 2, other);
    }

    function test_L109_a_recovery_is_used_once() external {
        _recover();
        bytes memory h = _header(EPOCH * EPOCH_LENGTH + 1, keccak256("n"));
        client.update(list(h), _certificateOf(4, EPOCH, h), next);
        bytes memory two = _header(EPOCH * EPOCH_LENGTH + 1, keccak256("m"));
        client.update(list(two), _certificateOf(4, EPOCH, two), next);
        yes(client.frozen(), "frozen again");

        vm.expectRevert(abi.encodeWithSelector(ILightClient.RecoveryUnknown.selector, _hash(EPOCH, next), 0));
        client.recover(EPOCH, next);
    }

    function test_L110_nobody_but_the_governor_proposes_or_takes_back() external {
        bytes memory refused = abi.encodeWithSelector(ILightClient.CallerNotGovernor.selector, address(this), GOVERNOR);
        vm.expectRevert(refused);
        client.proposeRecovery(EPOCH, next);
        _propose();
        vm.expectRevert(refused);
        client.cancelRecovery();
        vm.prank(GOVERNOR);
        client.cancelRecovery();
        vm.prank(GOVERNOR);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.RecoveryUnknown.selector, 0, 0));
        client.cancelRecovery();
    }

    function test_L110_the_governor_can_do_nothing_to_a_client_that_is_not_frozen() external {
        client = _deploy(votes);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.ClientNotFrozen.selector));
        vm.prank(GOVERNOR);
        client.proposeRecovery(EPOCH, next);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.ClientNotFrozen.selector));
        client.recover(EPOCH, next);
    }

    function test_L111_without_a_governor_a_freeze_is_for_ever() external {
        client = _deployFor(address(0), 0);
        _freeze();
        vm.expectRevert(abi.encodeWithSelector(ILightClient.CallerNotGovernor.selector, address(this), address(0)));
        client.proposeRecovery(EPOCH, next);
        vm.warp(block.timestamp + 1000 days);
        vm.expectPartialRevert(ILightClient.RecoveryUnknown.selector);
        client.recover(EPOCH, next);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.ClientFrozen.selector));
        client.checkNotFrozen();
    }

    function test_L112_no_checkpoint_from_before_counts_afterwards() external {
        _recover();
        _unknown(_checkpoint(3, keccak256("a")));
        _unknown(_checkpoint(4, keccak256("b")));
        eq(client.latestHeight(), 0, "nothing is known yet");
        bytes[] memory nothing = new bytes[](0);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.CheckpointUnknown.selector, 3));
        client.slotAt(_checkpoint(3, keccak256("a")), address(1), 0, nothing, nothing);
    }

    function test_L112_no_set_from_before_has_a_say_afterwards() external {
        _recover();
        bytes memory old = _header(5, keccak256("o"));
        Certificate memory c = certify(domain, 1, 5, 0, keccak256(old));
        vm.expectRevert(abi.encodeWithSelector(ILightClient.SetExpired.selector, 0, EPOCH));
        client.update(list(old), c, votes);
        // Not as the epoch before the new one either, within its grace.
        bytes memory before = _header((EPOCH - 1) * EPOCH_LENGTH, keccak256("p"));
        c = certify(domain, 1, 5, EPOCH - 1, keccak256(before));
        vm.expectRevert(abi.encodeWithSelector(ILightClient.SetWrong.selector, EPOCH - 1, keccak256(votes), 0));
        client.update(list(before), c, votes);
        bytes memory now_ = _header(EPOCH * EPOCH_LENGTH, keccak256("q"));
        c = certify(domain, 1, 5, EPOCH, keccak256(now_));
        vm.expectPartialRevert(ILightClient.SetWrong.selector);
        client.update(list(now_), c, votes);
    }

    function test_L112_the_new_set_hands_over_as_any_other() external {
        _recover();
        bytes memory later = votesOf(2, 4);
        uint64 height = (EPOCH + 1) * EPOCH_LENGTH - 1;
        (bytes32 root, bytes[] memory account, bytes[] memory slot) =
            stateWith(VALIDATOR_SET, client.VOTES_HASH_SLOT(), uint256(keccak256(later)));
        bytes memory h = _header(height, root);
        client.update(list(h), _certificateOf(4, EPOCH, h), next);

        client.handover(_checkpoint(height, root), account, slot, later);

        eq(client.epoch(), EPOCH + 1, "epoch");
        client.check(_checkpoint(height, root));
    }

    function test_L114_an_epoch_that_is_not_later_or_never_comes_is_refused() external {
        vm.expectRevert(abi.encodeWithSelector(ILightClient.RecoveryWrongEpoch.selector, 0, 0));
        vm.prank(GOVERNOR);
        client.proposeRecovery(0, next);
        uint64 never = type(uint64).max / EPOCH_LENGTH + 1;
        vm.expectRevert(abi.encodeWithSelector(ILightClient.RecoveryWrongEpoch.selector, never, 0));
        vm.prank(GOVERNOR);
        client.proposeRecovery(never, next);
    }

    function test_V6_L114_a_set_that_tolerates_nothing_is_not_proposed() external {
        bytes memory three = votesOf(4, 3);
        vm.expectPartialRevert(ILightClient.SetSizeRefused.selector);
        vm.prank(GOVERNOR);
        client.proposeRecovery(EPOCH, three);
        bytes memory twice = bytes.concat(votesOf(4, 4), bytes20(vm.addr(key(4, 0))));
        vm.expectRevert(abi.encodeWithSelector(ILightClient.SetMemberTwice.selector, 0, 4));
        vm.prank(GOVERNOR);
        client.proposeRecovery(EPOCH, twice);
        vm.expectPartialRevert(ILightClient.SetSizeRefused.selector);
        vm.prank(GOVERNOR);
        client.proposeRecovery(EPOCH, "");
    }

    function test_V6_L114_a_delay_that_nobody_could_watch_is_refused() external {
        bytes4 delay = ILightClient.RecoveryDelayRefused.selector;
        vm.expectRevert(abi.encodeWithSelector(delay, 7 days - 1, 7 days, 365 days));
        _deployFor(GOVERNOR, 7 days - 1);
        vm.expectRevert(abi.encodeWithSelector(delay, 365 days + 1, 7 days, 365 days));
        _deployFor(GOVERNOR, 365 days + 1);
        vm.expectRevert(abi.encodeWithSelector(delay, 0, 7 days, 365 days));
        _deployFor(GOVERNOR, 0);
        vm.expectRevert(abi.encodeWithSelector(delay, 30 days, 7 days, 365 days));
        _deployFor(address(0), 30 days);
    }
}

/// Everybody, the governor's keys excepted, does what he likes to a frozen client.
contract ImpatientStranger is GatewayTest {
    ILightClient private immutable _client;

    constructor(ILightClient client) {
        _client = client;
    }

    function setUp() public override {}

    function recover(uint64 epoch, uint256 set) external {
        try _client.recover(epoch % 9, votesOf(within(set, 1, 5), 4)) {} catch {}
    }

    function propose(uint64 epoch, uint256 set) external {
        try _client.proposeRecovery(epoch % 9, votesOf(within(set, 1, 5), 4)) {} catch {}
    }

    function cancel() external {
        try _client.cancelRecovery() {} catch {}
    }

    function wait(uint256 seconds_) external {
        vm.warp(block.timestamp + within(seconds_, 1, 100 days));
    }
}

contract RecoveryInvariantTest is FrozenTest {
    ImpatientStranger private _stranger;

    function setUp() public override {
        super.setUp();
        _stranger = new ImpatientStranger(client);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_stranger);
    }

    function invariant_L110_a_stranger_never_thaws_a_client() external view {
        yes(client.frozen(), "frozen");
        eq(client.epoch(), 0, "epoch");
    }
}

/// Messages over a lane whose client was recovered: L113.
contract RecoveredLaneTest is GatewayTest {
    uint64 private constant _LENGTH = 1_000_000;
    uint64 private constant _EPOCH = 1;
    LightTaker private _taker;

    function setUp() public override {
        super.setUp();
        _taker = new LightTaker();
    }

    function _freezeAndRecover() private {
        bytes memory votes = votesOf(1, 7);
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory h = header(keccak256(abi.encode(i)), 500, uint64(START), keccak256(abi.encode(i)));
            b.gateway.update(LANE, list(h), certify(domainOf(HOME), 1, 5, 0, keccak256(h)), votes);
        }
        ILightClient client = b.clientOfOther;
        yes(client.frozen(), "frozen");
        vm.prank(GOVERNOR);
        client.proposeRecovery(_EPOCH, votesOf(5, 7));
        vm.warp(block.timestamp + DELAY);
        client.recover(_EPOCH, votesOf(5, 7));
    }

    function test_L113_a_root_from_before_delivers_nothing_until_it_is_proved_again() external {
        send(CAROL, address(_taker), "x", list(wish("deadline(uint64)", START + DELAY)));
        sync();
        bytes32 root = proveToB(LANE);
        Item[] memory one = items(a.gateway, LANE, 0, 1);
        yes(b.gateway.rootKnown(LANE, root), "proved");
        _freezeAndRecover();

        away();
        yes(!b.gateway.rootKnown(LANE, root), "forgotten");
        vm.expectRevert(abi.encodeWithSelector(IGateway.RootUnknown.selector, LANE, root));
        b.gateway.deliver(LANE, root, 1, 0, one, new bytes32[](0));

        // The branch that counts has the same message.
        (bytes32 state, bytes[] memory account, bytes[] memory slot) =
            stateWith(address(a.gateway), a.gateway.rootSlot(LANE), uint256(root));
        Checkpoint memory c = Checkpoint(_EPOCH * _LENGTH, uint64(block.timestamp), state);
        bytes memory h = header(keccak256("parent"), c.height, c.timestamp, state);
        b.gateway.update(LANE, list(h), certify(domainOf(HOME), 5, 5, _EPOCH, keccak256(h)), votesOf(5, 7));
        eq(b.gateway.proveRoot(LANE, c, account, slot), root, "proved again");
        b.gateway.deliver(LANE, root, 1, 0, one, new bytes32[](0));
        yes(b.gateway.delivered(LANE, 0), "delivered");
        // Proving what is known stays success and writes nothing.
        eq(b.gateway.proveRoot(LANE, c, account, slot), root, "known");
    }
}
