// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IMemberRegistry} from "../../src/IMemberRegistry.sol";
import {ISealedContent} from "../../src/ISealedContent.sol";
import {Allowed, CallClass} from "../../src/MemberTypes.sol";
import {HolderKey, PartyKey, Sealing} from "../../src/SealedTypes.sol";
import {MemberWorld} from "./MemberWorld.sol";

/// The members of `MemberWorld` with sealing keys, two parties outside the consortium, and a content of theirs.
abstract contract SealedWorld is MemberWorld {
    address internal constant ALICE = address(0xA11CE);
    address internal constant BOB = address(0xB0B);
    address internal constant EVE = address(0xE7E);

    ISealedContent internal sealing;

    function setUp() public virtual override {
        super.setUp();
        sealing = ISealedContent(deploy("SealedContent", abi.encode(address(registry))));
        decide(
            abi.encodeCall(
                IMemberRegistry.allow, (Allowed(address(sealing), ISealedContent.open.selector, CallClass.Guarded))
            )
        );
        for (uint256 i = 0; i <= REGULATOR; ++i) {
            publish(accountOf(i));
        }
        publish(ALICE);
        publish(BOB);
    }

    function keyFor(address account) internal pure returns (bytes32) {
        return keccak256(abi.encode("sealing key", account));
    }

    function publish(address account) internal {
        vm.prank(account);
        sealing.publishKey(keyFor(account));
    }

    /// What a party's program would register, for organisations 1 to 4.
    function words() internal pure returns (Sealing memory s) {
        (s.digest, s.commitment, s.subject) = (keccak256("file"), keccak256("plain"), keccak256("deal"));
        (s.size, s.points) = (2_000, new bytes(3 * 48));
        s.parties = new PartyKey[](2);
        // Ascending.
        s.parties[0] = PartyKey(BOB, keyFor(BOB), new bytes(80));
        s.parties[1] = PartyKey(ALICE, keyFor(ALICE), new bytes(80));
        s.holders = new HolderKey[](4);
        for (uint256 i = 0; i < 4; ++i) {
            s.holders[i] = HolderKey(uint32(i + 1), keyFor(accountOf(i)), new bytes(80));
        }
    }

    function sealedBy(address owner, Sealing memory s) internal returns (bytes32) {
        vm.prank(owner);
        return sealing.seal(s);
    }

    function sealOne() internal returns (bytes32) {
        return sealedBy(ALICE, words());
    }

    function opening(bytes32 id, uint32 organisation) internal pure returns (bytes memory) {
        return abi.encodeCall(ISealedContent.open, (id, organisation));
    }

    /// Opened by a vote to an organisation; the grant's number.
    function openTo(bytes32 id, uint32 organisation) internal returns (uint256) {
        registry.execute(pass(address(sealing), opening(id, organisation)));
        uint256[] memory all = sealing.grantsOf(id);
        return all[all.length - 1];
    }

    function releaseBy(uint256 i, uint256 grant) internal {
        vm.prank(accountOf(i));
        sealing.release(grant, new bytes(80));
    }
}
