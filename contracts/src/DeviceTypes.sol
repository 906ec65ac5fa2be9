// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice Names a device: `keccak256(abi.encode(chainId, registry, keccak256(did)))`.
type DeviceId is bytes32;

/// @notice Names a feed: `keccak256(name)`.
type FeedId is bytes32;

using {sameDevice as ==, otherDevice as !=} for DeviceId global;
using {sameFeed as ==, otherFeed as !=} for FeedId global;

function sameDevice(DeviceId a, DeviceId b) pure returns (bool) {
    return DeviceId.unwrap(a) == DeviceId.unwrap(b);
}

function otherDevice(DeviceId a, DeviceId b) pure returns (bool) {
    return DeviceId.unwrap(a) != DeviceId.unwrap(b);
}

function sameFeed(FeedId a, FeedId b) pure returns (bool) {
    return FeedId.unwrap(a) == FeedId.unwrap(b);
}

function otherFeed(FeedId a, FeedId b) pure returns (bool) {
    return FeedId.unwrap(a) != FeedId.unwrap(b);
}

/// @dev The device that is none: what has no speaker speaks for itself.
DeviceId constant NO_DEVICE = DeviceId.wrap(0);

/// @notice Where a device is in its life.
enum DeviceState {
    /// Never admitted.
    None,
    /// Its readings count.
    Active,
    /// Its readings count no more; the owner took it out.
    Leaving,
    /// Its readings count no more; one of the owner's keys disowned it.
    Revoked,
    /// It contradicted itself and lost its deposit. For ever.
    Slashed,
    /// The deposit was paid back. For ever.
    Gone
}

/// @notice What a device signs with.
struct DeviceKeys {
    /// Public point of the P-256 key that signs readings.
    bytes32 hardwareX;
    bytes32 hardwareY;
    /// Public point of the BabyJubJub key for statements in zero knowledge, twisted Edwards form; zeros if it has none.
    uint256 feedX;
    uint256 feedY;
    /// The device whose hardware key signs for this one; zero if it signs itself.
    DeviceId speaker;
}

/// @notice What both chains know of a device.
struct DeviceRecord {
    /// Rises with every change; zero: never admitted.
    uint64 version;
    /// Number of the keys, from 1.
    uint32 keyNumber;
    DeviceState state;
    /// The owner's account on the public chain.
    address owner;
    /// The owner's account on the consortium chain.
    address consortiumOwner;
    /// SHA-256 fingerprint of its X.509 certificate.
    bytes32 certificate;
    DeviceKeys keys;
}

/// @notice What the owner's two keys and the device's hardware key sign to admit it.
struct Admission {
    /// `did:odin:<number>`.
    string did;
    address owner;
    address consortiumOwner;
    bytes32 certificate;
    DeviceKeys keys;
    /// Last second of this chain in which it is accepted.
    uint64 expires;
}

/// @notice What the owner's two keys and the new hardware key sign to replace a device's keys.
struct Rekeying {
    DeviceId device;
    /// Number of the new keys: the present one's plus 1.
    uint32 keyNumber;
    bytes32 certificate;
    DeviceKeys keys;
    uint64 expires;
}

/// @notice The three signatures of an admission or a rekeying.
struct Approvals {
    /// Of the public-chain account; ERC-1271 if it is a contract.
    bytes owner;
    /// Of the consortium-chain account.
    bytes consortiumOwner;
    /// Of the hardware key, over `sha256` of the EIP-712 digest.
    bytes32 r;
    bytes32 s;
}
