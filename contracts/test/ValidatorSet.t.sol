// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IValidatorSet, Validator} from "../src/IValidatorSet.sol";
import {Assert} from "./support/Assert.sol";

/// Validators per epoch: L13 to L15.
contract ValidatorSetTest is Assert {
    uint64 private constant LENGTH = 100;
    IValidatorSet private _set;

    function setUp() external {
        vm.roll(0);
        _set = _deploy(address(this), LENGTH, _members(4, 1));
    }

    function _deploy(address administrator, uint64 length, Validator[] memory first) private returns (IValidatorSet) {
        return IValidatorSet(deploy("ValidatorSet", abi.encode(administrator, length, first)));
    }

    /// Members that `seed` tells apart from others'.
    function _members(uint256 count, uint256 seed) private pure returns (Validator[] memory set) {
        set = new Validator[](count);
        for (uint256 i = 0; i < count; ++i) {
            address vote = address(uint160(uint256(keccak256(abi.encode(seed, i)))));
            set[i] = Validator(vote, keccak256(abi.encode("network", seed, i)), "127.0.0.1:30303");
        }
    }

    function _is(uint64 epoch, Validator[] memory expected) private view {
        eq(keccak256(abi.encode(_set.at(epoch))), keccak256(abi.encode(expected)), "set");
    }

    function test_the_first_set_validates_from_block_zero() external view {
        eq(_set.currentEpoch(), 0, "epoch");
        _is(0, _members(4, 1));
        _is(1, _members(4, 1));
    }

    function test_L13_a_scheduled_set_begins_with_the_next_epoch() external {
        vm.roll(LENGTH - 1);
        _set.schedule(_members(7, 2));

        _is(0, _members(4, 1));
        _is(1, _members(7, 2));
        vm.roll(LENGTH);
        eq(_set.currentEpoch(), 1, "epoch");
        _is(1, _members(7, 2));
    }

    function test_L13_a_change_that_comes_one_block_late_waits_an_epoch() external {
        vm.roll(LENGTH);
        _set.schedule(_members(7, 2));

        _is(1, _members(4, 1));
        _is(2, _members(7, 2));
    }

    function test_L13_the_last_schedule_of_an_epoch_wins() external {
        _set.schedule(_members(21, 2));
        _set.schedule(_members(5, 3));

        _is(1, _members(5, 3));
    }

    function test_L15_past_epochs_keep_their_sets() external {
        bytes32 zero = _set.setHash(0);
        _set.schedule(_members(5, 2));
        vm.roll(5 * LENGTH);
        _set.schedule(_members(6, 3));
        vm.roll(9 * LENGTH);

        eq(_set.setHash(0), zero, "hash of epoch 0");
        _is(0, _members(4, 1));
        _is(1, _members(5, 2));
        _is(5, _members(5, 2));
        _is(6, _members(6, 3));
        _is(9, _members(6, 3));
    }

    function testFuzz_L13_no_schedule_changes_this_epoch_or_an_earlier_one(uint32 height, uint8 count) external {
        vm.roll(height);
        uint64 epoch = _set.currentEpoch();
        bytes32 before = _set.setHash(epoch);

        _set.schedule(_members(within(count, 4, 21), 2));

        eq(_set.setHash(epoch), before, "this epoch");
    }

    function test_nothing_is_said_of_epochs_after_the_next() external {
        vm.expectRevert(abi.encodeWithSelector(IValidatorSet.EpochUnknown.selector, 2, 1));
        _set.at(2);
        vm.expectRevert(abi.encodeWithSelector(IValidatorSet.EpochUnknown.selector, 2, 1));
        _set.setHash(2);
    }

    function test_the_hash_covers_epoch_and_votes() external view {
        Validator[] memory set = _members(4, 1);
        address[] memory votes = new address[](4);
        for (uint256 i = 0; i < 4; ++i) {
            votes[i] = set[i].vote;
        }

        eq(_set.setHash(1), keccak256(abi.encode(uint64(1), votes)), "hash");
        yes(_set.setHash(0) != _set.setHash(1), "one set, two epochs, two hashes");
    }

    function test_L14_only_the_administrator_schedules() external {
        address carol = address(0xCA201);

        vm.expectRevert(abi.encodeWithSelector(IValidatorSet.CallerNotAdministrator.selector, carol, address(this)));
        vm.prank(carol);
        _set.schedule(_members(4, 2));
    }

    function _refused(Validator[] memory set, bytes memory error) private {
        vm.expectRevert(error);
        _set.schedule(set);
    }

    function test_L14_sets_too_small_or_too_large_are_refused() external {
        bytes4 size = IValidatorSet.SetSizeRefused.selector;
        _refused(_members(0, 2), abi.encodeWithSelector(size, 0, 4, 101));
        _refused(_members(3, 2), abi.encodeWithSelector(size, 3, 4, 101));
        _refused(_members(102, 2), abi.encodeWithSelector(size, 102, 4, 101));
    }

    function test_L14_zero_and_repeated_keys_are_refused() external {
        Validator[] memory set = _members(5, 2);
        set[2].vote = address(0);
        _refused(set, abi.encodeWithSelector(IValidatorSet.KeyZero.selector, 2));
        set = _members(5, 2);
        set[3].network = 0;
        _refused(set, abi.encodeWithSelector(IValidatorSet.KeyZero.selector, 3));
        set = _members(5, 2);
        set[4].vote = set[1].vote;
        _refused(set, abi.encodeWithSelector(IValidatorSet.KeyTwice.selector, 1, 4));
        set = _members(5, 2);
        set[4].network = set[0].network;
        _refused(set, abi.encodeWithSelector(IValidatorSet.KeyTwice.selector, 0, 4));
    }

    function test_L14_empty_and_long_endpoints_are_refused() external {
        Validator[] memory set = _members(4, 2);
        set[1].endpoint = "";
        _refused(set, abi.encodeWithSelector(IValidatorSet.EndpointLength.selector, 1, 0, 64));
        set[1].endpoint = string(new bytes(65));
        _refused(set, abi.encodeWithSelector(IValidatorSet.EndpointLength.selector, 1, 65, 64));
    }

    function test_L14_a_constructor_with_zeros_is_refused() external {
        vm.expectPartialRevert(IValidatorSet.ConfigZero.selector);
        this.deployWith(address(0), LENGTH, _members(4, 1));
        vm.expectPartialRevert(IValidatorSet.ConfigZero.selector);
        this.deployWith(address(this), 0, _members(4, 1));
        vm.expectPartialRevert(IValidatorSet.SetSizeRefused.selector);
        this.deployWith(address(this), LENGTH, _members(3, 1));
    }

    function deployWith(address administrator, uint64 length, Validator[] memory first) external {
        _deploy(administrator, length, first);
    }

    /// The largest set with the longest endpoints fits a transaction (EIP-7825: 2^24 gas), also when it replaces another.
    function test_the_largest_set_fits_one_transaction() external {
        Validator[] memory set = _members(101, 2);
        for (uint256 i = 0; i < set.length; ++i) {
            set[i].endpoint = "a-host-name-that-is-as-long-as-it-may-be.validators.example:65535";
            assembly {
                mstore(mload(add(mload(add(set, mul(0x20, add(i, 1)))), 0x40)), 64)
            }
        }
        uint256 before = gasleft();
        _set.schedule(set);
        uint256 used = before - gasleft();
        yes(used + 700_000 < 1 << 24, vm.toString(used));
    }
}
