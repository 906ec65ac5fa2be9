// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DeviceId, DeviceState, FeedId} from "../src/DeviceTypes.sol";
import {IDeviceRegistry} from "../src/IDeviceRegistry.sol";
import {Offence, Reading, ReadingLib, SignedReading} from "../src/ReadingTypes.sol";
import {DeviceWorld} from "./support/DeviceWorld.sol";

/// Devices that contradict themselves, and reporters that make things up: L74.
contract TwoFacedDeviceTest is DeviceWorld {
    address private constant REPORTER = address(0x4E904);
    DeviceId private _id;

    function setUp() public override {
        super.setUp();
        _id = admit(1);
    }

    function test_L74_a_two_faced_device_loses_its_deposit() external {
        SignedReading memory a = signed(reading(_id, 7, 425, keccak256("sixth")), 1);
        SignedReading memory b = signed(reading(_id, 7, 426, keccak256("sixth")), 1);

        yes(_slash(a, b) == Offence.Equivocation, "offence");

        yes(registry.deviceOf(_id).state == DeviceState.Slashed, "state");
        eq(registry.credited(REPORTER), 0.4 ether, "reporter");
        eq(registry.credited(TREASURY), 0.6 ether, "treasury");
        registry.withdraw(REPORTER);
        registry.withdraw(TREASURY);
        eq(address(registry).balance, 0, "nothing stays");
    }

    function test_L74_a_device_that_drops_a_reading_breaks_the_link() external {
        Reading memory seventh = reading(_id, 7, 425, keccak256("sixth"));
        SignedReading memory b = signed(reading(_id, 8, 430, keccak256("another seventh")), 1);

        yes(_slash(signed(seventh, 1), b) == Offence.BrokenLink, "offence");
    }

    function test_L74_a_first_reading_has_none_before() external {
        SignedReading memory first = signed(reading(_id, 1, 425, keccak256("before")), 1);

        yes(_slash(first, first) == Offence.FalseStart, "offence");
    }

    function testFuzz_L74_an_honest_device_is_never_slashed(uint64 first, uint64 second, uint8 length) external {
        length = uint8(within(length, 2, 12));
        Reading[] memory chain = new Reading[](length);
        bytes32 previous = 0;
        for (uint64 i = 0; i < length; ++i) {
            chain[i] = reading(_id, i + 1, int64(i), previous);
            previous = ReadingLib.digest(chain[i]);
        }
        SignedReading memory a = signed(chain[within(first, 0, length - 1)], 1);
        SignedReading memory b = signed(chain[within(second, 0, length - 1)], 1);

        vm.expectPartialRevert(ReadingLib.ReadingsConsistent.selector);
        this.slashExternally(a, b);
    }

    function test_L74_nobodys_readings_but_the_devices_are_evidence() external {
        SignedReading memory a = signed(reading(_id, 7, 425, 0), 1);
        SignedReading memory forged = signed(reading(_id, 7, 426, 0), 2);

        vm.expectPartialRevert(IDeviceRegistry.HardwareSignatureWrong.selector);
        this.slashExternally(a, forged);
        vm.expectPartialRevert(IDeviceRegistry.HardwareSignatureWrong.selector);
        this.slashExternally(forged, a);
        (forged.r, forged.s) = (a.r, a.s);
        vm.expectPartialRevert(IDeviceRegistry.HardwareSignatureWrong.selector);
        this.slashExternally(a, forged);
    }

    function test_L74_a_second_signature_of_one_reading_is_no_second_reading() external {
        SignedReading memory a = signed(reading(_id, 7, 425, keccak256("sixth")), 1);
        SignedReading memory b = signed(reading(_id, 7, 425, keccak256("sixth")), 1);
        b.s = bytes32(0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551 - uint256(a.s));

        vm.expectPartialRevert(IDeviceRegistry.HardwareSignatureWrong.selector);
        this.slashExternally(a, b);
        vm.expectPartialRevert(ReadingLib.ReadingsConsistent.selector);
        this.slashExternally(a, a);
    }

    function test_L74_readings_of_two_chains_do_not_contradict_each_other() external {
        DeviceId other = admit(2);
        rekey(_id, 3);
        SignedReading memory a = signed(reading(_id, 7, 425, keccak256("sixth")), 1);
        bytes memory unrelated = abi.encodeWithSelector(ReadingLib.ReadingsUnrelated.selector);
        bytes4 unknown = IDeviceRegistry.KeyUnknown.selector;

        _fails(a, signed(reading(other, 7, 426, keccak256("sixth")), 2), unrelated);
        Reading memory r = reading(_id, 7, 426, keccak256("sixth"));
        r.feed = FeedId.wrap(keccak256("humidity"));
        _fails(a, signed(r, 1), unrelated);
        r = reading(_id, 7, 426, keccak256("sixth"));
        r.keyNumber = 2;
        _fails(a, signed(r, 3), unrelated);
        r.keyNumber = 3;
        _fails(a, signed(r, 3), abi.encodeWithSelector(unknown, _id, 3));
        r.keyNumber = 0;
        _fails(a, signed(r, 3), abi.encodeWithSelector(unknown, _id, 0));
    }

    function test_L74_neither_a_rekeying_nor_an_exit_saves_the_deposit() external {
        rekey(_id, 2);
        vm.prank(owner);
        registry.exit(_id);
        vm.warp(START + EXIT_DELAY);

        _slash(signed(reading(_id, 7, 1, 0), 1), signed(reading(_id, 7, 2, 0), 1));

        vm.expectRevert(abi.encodeWithSelector(IDeviceRegistry.NothingAtStake.selector, _id, DeviceState.Slashed));
        registry.release(_id);
    }

    function test_L74_a_deposit_is_lost_once() external {
        SignedReading memory a = signed(reading(_id, 7, 1, 0), 1);
        SignedReading memory b = signed(reading(_id, 7, 2, 0), 1);
        _slash(a, b);

        vm.expectRevert(abi.encodeWithSelector(IDeviceRegistry.NothingAtStake.selector, _id, DeviceState.Slashed));
        this.slashExternally(b, a);
        DeviceId gone = admit(2);
        vm.prank(owner);
        registry.exit(gone);
        vm.warp(START + EXIT_DELAY);
        registry.release(gone);
        bytes memory error = abi.encodeWithSelector(IDeviceRegistry.NothingAtStake.selector, gone, DeviceState.Gone);
        _fails(signed(reading(gone, 7, 1, 0), 2), signed(reading(gone, 7, 2, 0), 2), error);
    }

    function test_L74_the_last_number_has_no_next_one() external {
        Reading memory last = reading(_id, 1, 1, 0);
        last.sequence = type(uint64).max;
        SignedReading memory a = signed(last, 1);
        SignedReading memory b = signed(reading(_id, 0, 1, 0), 1);

        vm.expectPartialRevert(ReadingLib.ReadingsConsistent.selector);
        this.slashExternally(a, b);
    }

    function test_L74_the_consortium_learns_of_a_slash() external {
        deliverFrom(0);

        _slash(signed(reading(_id, 7, 1, 0), 1), signed(reading(_id, 7, 2, 0), 1));
        deliverFrom(1);

        yes(mirror.deviceOf(_id).state == DeviceState.Slashed, "told");
    }

    function _slash(SignedReading memory a, SignedReading memory b) private returns (Offence) {
        vm.prank(REPORTER);
        return registry.slash(a, b);
    }

    function _fails(SignedReading memory a, SignedReading memory b, bytes memory error) private {
        vm.expectRevert(error);
        registry.slash(a, b);
    }

    function slashExternally(SignedReading calldata a, SignedReading calldata b) external {
        registry.slash(a, b);
    }
}
