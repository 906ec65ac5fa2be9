// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGateway} from "../src/IGateway.sol";
import {IMemberRegistry} from "../src/IMemberRegistry.sol";
import {Validator} from "../src/IValidatorSet.sol";
import {Allowed, CallClass, Role, Terms} from "../src/MemberTypes.sol";
import {GatewayTest} from "./support/GatewayTest.sol";

/// A gateway whose lanes the members govern and a regulator can freeze: L141 on the real one.
contract MembersFreezeTest is GatewayTest {
    address private constant REGULATOR = address(0x4E6);
    IMemberRegistry private _registry;

    function setUp() public override {
        super.setUp();
        Allowed[] memory calls = new Allowed[](3);
        calls[0] = Allowed(address(a.gateway), IGateway.pause.selector, CallClass.Pause);
        calls[1] = Allowed(address(a.gateway), IGateway.unpause.selector, CallClass.Guarded);
        calls[2] = Allowed(address(a.gateway), IGateway.setLimit.selector, CallClass.Guarded);
        uint40[3] memory periods = [uint40(1 days), uint40(1 hours), uint40(1 days)];
        // Four members and a regulator; who validates is not the matter here.
        Terms[] memory founders = new Terms[](5);
        for (uint256 i = 0; i < 5; ++i) {
            (founders[i].name, founders[i].account) = (vm.toString(i), i == 4 ? REGULATOR : _member(i));
            founders[i].role = i == 4 ? Role.Observer : Role.Member;
        }
        address set = deploy("ValidatorSet", abi.encode(address(this), uint64(100), _first()));
        _registry = IMemberRegistry(deploy("MemberRegistry", abi.encode(set, founders, periods, calls)));
        a.gateway.offerAdministration(address(_registry));
        _registry.takeOver(address(a.gateway));
    }

    function _first() private pure returns (Validator[] memory first) {
        first = new Validator[](4);
        for (uint256 i = 0; i < 4; ++i) {
            first[i] = Validator(_member(i), bytes32(i + 1), "10.0.0.1:1");
        }
    }

    function _member(uint256 i) private pure returns (address) {
        return address(uint160(0xAC0000 + i));
    }

    function _isPaused() private view returns (bool paused) {
        (, paused) = a.gateway.laneOf(LANE);
    }

    function test_L141_a_regulator_and_a_member_freeze_a_lane_and_the_members_open_it_again() external {
        bytes memory pause = abi.encodeCall(IGateway.pause, (LANE));
        vm.prank(REGULATOR);
        uint256 number = _registry.propose(address(a.gateway), pause, "a drill");
        vm.prank(_member(3));
        _registry.vote(number, true);
        _registry.execute(number);
        yes(_isPaused(), "frozen at once");

        vm.prank(_member(0));
        number = _registry.propose(address(a.gateway), abi.encodeCall(IGateway.unpause, (LANE)), "over");
        for (uint256 i = 1; i < 3; ++i) {
            vm.prank(_member(i));
            _registry.vote(number, true);
        }
        vm.expectPartialRevert(IMemberRegistry.ExecutedTooEarly.selector);
        _registry.execute(number);
        vm.warp(block.timestamp + 1 hours);
        _registry.execute(number);
        yes(!_isPaused(), "open after the delay");
    }

    function test_L144_the_former_administrator_of_a_gateway_has_no_say_any_more() external {
        vm.expectRevert(abi.encodeWithSelector(IGateway.CallerRefused.selector, address(this), address(_registry)));
        a.gateway.unpause(LANE);
        vm.expectRevert(abi.encodeWithSelector(IGateway.CallerRefused.selector, address(this), address(_registry)));
        a.gateway.setLimit(LANE, 1, 1);
    }

    function test_the_guardian_still_pauses_alone() external {
        vm.prank(GUARDIAN);
        a.gateway.pause(LANE);
        yes(_isPaused(), "paused");
    }
}
