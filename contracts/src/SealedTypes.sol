// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice A party of a content: its key, and the content's key sealed for it.
struct PartyKey {
    address account;
    /// The sealing key that `whole` is sealed to, as it is published.
    bytes32 key;
    bytes whole;
}

/// @notice A member that holds a share of a content's key.
struct HolderKey {
    uint32 organisation;
    /// The sealing key that `share` is sealed to, as it is published.
    bytes32 key;
    bytes share;
}

/// @notice A content to register.
struct Sealing {
    /// SHA-256 of the sealed file.
    bytes32 digest;
    /// Bytes of the sealed file.
    uint32 size;
    /// Commitment to the plain content.
    bytes32 commitment;
    /// What it belongs to, a deal or a transfer; zero for nothing.
    bytes32 subject;
    /// Commitments to the polynomial whose values are the shares, one point for each share that is needed.
    bytes points;
    /// Ascending by account; the caller is one of them.
    PartyKey[] parties;
    /// Ascending by organisation; every member that has published a key.
    HolderKey[] holders;
}

/// @notice A content as it is remembered. The keys sealed for parties and holders stand in the event of its block.
struct Content {
    address owner;
    uint40 sealedAt;
    /// The block of its event.
    uint64 height;
    uint32 size;
    /// Shares that open it.
    uint32 needed;
    bytes32 digest;
    bytes32 commitment;
    bytes32 subject;
    address[] parties;
    /// Organisations that hold a share; the holder at place `i` has that of number `i + 1`.
    uint32[] holders;
}

/// @notice A right to open a content.
struct Grant {
    bytes32 content;
    uint32 organisation;
    uint40 grantedAt;
    /// The block of its event.
    uint64 height;
    /// Shares released so far.
    uint32 released;
    address recipient;
    /// The recipient's sealing key when it was granted.
    bytes32 key;
}
