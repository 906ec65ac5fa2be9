// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice What an account has said last about its event log.
struct LogHead {
    /// Heads of the account so far, this one included; 0 when there is none.
    uint64 number;
    /// Entries of all chain segments together.
    uint64 size;
    /// Second in which it was anchored.
    uint64 time;
    /// Root over the chain segments.
    bytes32 root;
    /// Hash of the head as a whole and of the one before, so that the newest one commits to all.
    bytes32 link;
}

/// @title Heads of event logs, on record where their keepers cannot change them.
/// @notice -- head n on record --/-- only a head that names it, is not shorter, and does not change what is there --
///         Nothing here says that a log is right: it says that its keeper has said so, when, and never otherwise before.
/// @dev Invariants L115..L119 in docs/threats.md, the log in docs/regulator.md, docs/adr/0015-event-log.md.
interface ILogAnchor {
    /// @notice The keeper's log has this head.
    event Anchored(
        address indexed keeper, uint64 indexed number, uint64 size, bytes32 root, bytes32 link, bytes head
    );

    /// The keeper's newest head is another: somebody else uses the key, or this is a repetition.
    error AnchorStale(bytes32 got, bytes32 expected);
    /// The chain segments have fewer entries than before.
    error AnchorShrinks(uint64 got, uint64 before);
    /// As many entries as before, and another root.
    error AnchorRewrites(uint64 size, bytes32 got, bytes32 before);
    /// The root is zero, or there is no entry.
    error AnchorEmpty();
    /// The head is longer than MAX_HEAD.
    error AnchorLong(uint256 got, uint256 max);

    /// @notice Puts the caller's next head on record.
    /// @param previous The link of the caller's head before, zero for the first.
    /// @param head Sizes and roots of all segments in the log's own encoding: emitted, not read.
    /// @return link What the next one has to name.
    function anchor(bytes32 previous, uint64 size, bytes32 root, bytes calldata head) external returns (bytes32 link);

    /// @notice Returns the newest head of a keeper; all zero when there is none.
    function headOf(address keeper) external view returns (LogHead memory);

    /// @notice Returns the longest head in bytes.
    function MAX_HEAD() external view returns (uint256);
}
