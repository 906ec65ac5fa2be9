// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ILightClient} from "./ILightClient.sol";

/// @notice What the salt of a lock for the peg commits to.
struct PegTerms {
    /// Who is paid at the destination.
    address recipient;
    /// Makes the lock unlike any other.
    uint256 nonce;
}

/// @notice Where a transfer is in its life at the destination.
enum PegState {
    /// Not opened: nothing was proved.
    None,
    /// The lock is proved; waits for the preimage.
    Open,
    /// The recipient is paid. For ever.
    Claimed
}

/// @notice How much may pass, and what waits.
struct PegLimits {
    /// What may pass at once.
    uint128 capacity;
    /// How much of it comes back each second.
    uint128 perSecond;
    /// From this amount on a transfer waits; the largest number turns waiting off.
    uint128 largeAmount;
    /// How long, in seconds.
    uint64 delay;
}

/// @notice Everything a port is bound to.
struct PegConfig {
    /// `HashTimeLock` of this chain.
    address locks;
    /// What this chain believes of the other.
    ILightClient client;
    /// `HashTimeLock` of the other chain.
    address remoteLocks;
    /// The port of the other chain.
    address remotePort;
    /// The asset of the other chain; zero for its native one.
    address remoteToken;
    /// Sets limits, ends a pause.
    address administrator;
    /// Begins a pause.
    address guardian;
    /// First limits.
    PegLimits limits;
}

/// @notice The commitment to terms.
library PegTermsLib {
    /// @dev The low 112 bits, which is what a lock's salt has room for. The hashlock is in it, so that who wants to find
    ///      other terms with the same commitment must work on one lock alone.
    function commitment(PegTerms calldata terms, bytes32 hashlock) internal pure returns (uint112) {
        bytes32 domain = keccak256("causeway.peg.terms.v1");
        // The cut is what is wanted.
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint112(uint256(keccak256(abi.encode(domain, hashlock, terms.recipient, terms.nonce))));
    }
}
