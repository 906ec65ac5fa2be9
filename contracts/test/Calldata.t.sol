// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Lock, LockId, LockState, Terms} from "../src/LockTypes.sol";
import {LockTest} from "./support/LockTest.sol";

/// The id is hashed straight from calldata; odd calldata must not make a second name for a lock.
contract CalldataTest is LockTest {
    function testFuzz_the_id_is_the_hash_of_the_encoding(Lock calldata l) external view {
        eq(LockId.unwrap(htlc.idOf(l)), keccak256(abi.encode(l)), "id");
    }

    function test_L7_unclean_addresses_do_not_lock() external {
        Lock memory l = tokenLock();
        bytes memory data = abi.encodeCall(htlc.lock, (l, ""));
        for (uint256 word = 1; word <= 3; ++word) {
            _refused(alice, data, word);
        }
        _refused(alice, data, 7);
        eq(token.balanceOf(address(htlc)), 0, "held");
    }

    function test_L2_unclean_addresses_do_not_claim() external {
        Lock memory l = tokenLock();
        open(l);
        bytes memory data = abi.encodeCall(htlc.claim, (l, PREIMAGE));
        for (uint256 word = 1; word <= 3; ++word) {
            _refused(bob, data, word);
        }
        _refused(bob, data, 7);
        stateIs(l, LockState.Open);
    }

    /// Sets the topmost bit of a word of `call` and expects the data to fail.
    function _refused(address by, bytes memory data, uint256 word) private {
        bytes memory unclean = bytes.concat(data);
        unclean[4 + 32 * word] |= 0x80;
        vm.prank(by);
        (bool ok,) = address(htlc).call(unclean);
        yes(!ok, vm.toString(word));
    }

    function test_L2_too_short_calldata_is_refused() external {
        bytes memory data = abi.encodeCall(htlc.claim, (tokenLock(), PREIMAGE));
        assembly {
            mstore(data, sub(mload(data), 1))
        }
        vm.prank(bob);
        (bool ok,) = address(htlc).call(data);

        yes(!ok, "refused");
    }
}
