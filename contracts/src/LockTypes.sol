// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice Windows, parts and options of a lock in one word, from the most significant bit:
///         `uint40 publicClaimAt | uint40 refundAt | uint40 publicRefundAt | uint16 parts | uint8 hookFlags | uint112 salt`.
type Terms is uint256;

/// @notice `keccak256(abi.encode(lock))`.
type LockId is bytes32;

using TermsLib for Terms global;

/// @notice What is locked, for whom, under which hash, until when.
/// @dev Only its hash is stored: whoever acts on a lock repeats it, and finds it in the event `Locked`.
struct Lock {
    /// sha256 of the 32-byte preimage; with `parts > 1` the Merkle root over the parts' hashes.
    bytes32 hashlock;
    /// Who locked; the only one a refund is paid to.
    address sender;
    /// The only one a claim is paid to.
    address recipient;
    /// The ERC-20 token, or zero for the chain's native asset.
    address token;
    /// How much, in the token's smallest unit.
    uint256 amount;
    /// Safety deposit in the native asset, paid to whoever completes the lock.
    uint256 deposit;
    /// Windows, parts, options, salt.
    Terms terms;
    /// `ILockHooks` asked for evidence; zero if and only if `hookFlags` is zero.
    address hooks;
}

/// @notice Where a lock is in its life.
enum LockState {
    /// Never locked; or refunded whole after `refundAt`, when it can never be locked again.
    None,
    /// Holds the money, or what is left of it after partial claims.
    Open,
    /// Paid to the recipient. Kept for ever, so that a state proof can show it.
    Claimed,
    /// Paid back early by agreement, or after some parts were claimed. Kept for ever.
    Refunded
}

/// @notice Reads and writes the packed fields of `Terms`.
library TermsLib {
    /// @dev Bit of `hookFlags`: a claim needs evidence.
    uint8 internal constant CLAIM_CONDITION = 1;
    /// @dev Bit of `hookFlags`: a refund needs evidence.
    uint8 internal constant REFUND_GUARD = 2;

    /// @dev Packs the fields; every value of each field is representable.
    function pack(
        uint40 publicClaimAt_,
        uint40 refundAt_,
        uint40 publicRefundAt_,
        uint16 parts_,
        uint8 hookFlags_,
        uint112 salt_
    ) internal pure returns (Terms) {
        return Terms.wrap(
            (uint256(publicClaimAt_) << 216) | (uint256(refundAt_) << 176) | (uint256(publicRefundAt_) << 136)
                | (uint256(parts_) << 120) | (uint256(hookFlags_) << 112) | salt_
        );
    }

    function publicClaimAt(Terms t) internal pure returns (uint256) {
        return Terms.unwrap(t) >> 216;
    }

    function refundAt(Terms t) internal pure returns (uint256) {
        return uint40(Terms.unwrap(t) >> 176);
    }

    function publicRefundAt(Terms t) internal pure returns (uint256) {
        return uint40(Terms.unwrap(t) >> 136);
    }

    function parts(Terms t) internal pure returns (uint256) {
        return uint16(Terms.unwrap(t) >> 120);
    }

    function hookFlags(Terms t) internal pure returns (uint8) {
        return uint8(Terms.unwrap(t) >> 112);
    }

    function salt(Terms t) internal pure returns (uint112) {
        return uint112(Terms.unwrap(t));
    }

    function hasClaimCondition(Terms t) internal pure returns (bool) {
        return hookFlags(t) & CLAIM_CONDITION != 0;
    }

    function hasRefundGuard(Terms t) internal pure returns (bool) {
        return hookFlags(t) & REFUND_GUARD != 0;
    }
}
