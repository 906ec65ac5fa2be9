// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ILockHooks} from "./ILockHooks.sol";

/// @notice What both parties agreed about a device's readings when they made the lock.
struct SessionTerms {
    /// The device's number: whose readings.
    uint256 device;
    /// The first reading is no later than this, milliseconds since 1970.
    uint64 from;
    /// The last reading is no earlier than this.
    uint64 until;
    /// The lowest value allowed, lifted by 2^31.
    uint32 low;
    /// The highest value allowed, lifted by 2^31.
    uint32 high;
    /// The longest step between two readings, milliseconds.
    uint32 gap;
    /// The fewest readings.
    uint16 count;
    /// Chosen at random by who locks, after everything else was agreed: the lock has room for 112 bits of the hash of
    /// these terms, and so nobody else can have prepared two terms of one hash.
    uint128 nonce;
}

/// @title Claim condition of a lock: the cold chain never broke.
/// @notice A lock with `hooks` here and the claim condition's flag is claimed with the preimage **and** a proof of the
///         statement `session`; otherwise it is refunded when its time is over, as any lock. Its salt is
///         `saltOf(terms)`. A lock whose salt is none can only be refunded.
interface ISessionCondition is ILockHooks {
    /// @notice The proof was accepted for this lock, and its statement is used up.
    event ConditionMet(bytes32 indexed lock, bytes32 indexed statement, uint256 indexed device, uint256 digest);

    /// @notice The registry, locks or anchors are zero.
    error ConfigZero();

    /// @notice Only the lock contract asks: anybody else would use a statement up.
    error CallerNotLocks(address got, address expected);

    /// @notice These are not the terms in the lock's salt.
    error TermsNotAgreed(uint112 got, uint112 expected);

    /// @notice Terms that ask for nothing, or that nothing meets.
    error TermsRefused();

    /// @notice Nobody anchored this digest for the device.
    error DigestNotAnchored(uint256 device, uint256 digest);

    /// @notice There are fewer readings than agreed.
    error ReadingsTooFew(uint256 got, uint256 expected);

    /// @notice The readings begin later or end earlier than agreed. Milliseconds.
    error ReadingsNotWhole(uint256 first, uint256 last, uint64 from, uint64 until);

    /// @notice The salt of a lock under these terms.
    function saltOf(SessionTerms calldata terms) external pure returns (uint112);

    /// @notice What `claimWith` takes as evidence.
    /// @param span The proof's public input: count + 2^16 first + 2^64 last.
    function evidence(SessionTerms calldata terms, uint256 digest, uint256 span, uint256[8] calldata proof)
        external
        pure
        returns (bytes memory);
}
