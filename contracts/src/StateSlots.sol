// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {LockId} from "./LockTypes.sol";

/// @title Where the other chain keeps what state proofs are made of.
/// @dev L59: a test reads each slot of the deployed artifact. Changing one of these breaks every proof.
library StateSlots {
    /// Slot of the mapping from id to lock in `HashTimeLock`; the state is in the top byte.
    uint256 internal constant LOCKS = 4;
    /// Slot of the mapping from id to transfer in `PegPort`; the state is in the top byte.
    uint256 internal constant TRANSFERS = 0;
    /// Slot of the mapping from id to verdict in `Settlement`.
    uint256 internal constant VERDICTS = 0;
    /// How far the state of a lock or transfer is from the low end of its slot.
    uint256 internal constant STATE_SHIFT = 248;

    function lockSlot(LockId id) internal pure returns (bytes32) {
        return keccak256(abi.encode(id, LOCKS));
    }

    function transferSlot(LockId id) internal pure returns (bytes32) {
        return keccak256(abi.encode(id, TRANSFERS));
    }

    function verdictSlot(bytes32 id) internal pure returns (bytes32) {
        return keccak256(abi.encode(id, VERDICTS));
    }
}
