// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Credential checks across borders: who asks learns the verdict, and nothing of who answered.
/// @notice The asker opens a request for a purpose; a holder of a right consents to this very request (the proof's
///         signal) and uses his right once for this asker and purpose (the nullifier). Issuers' trees are on record at
///         `anchors`.
interface ICredentialDesk {
    /// @notice What was asked, and whether it was answered.
    struct Request {
        address asker;
        uint16 level;
        bool answered;
        bytes32 purpose;
    }

    /// @notice Somebody asks for a right of this level.
    event Asked(bytes32 indexed request, address indexed asker, bytes32 indexed purpose, uint16 level, uint64 number);

    /// @notice A holder has shown such a right and consented.
    event Answered(bytes32 indexed request, bytes32 indexed statement, uint256 indexed nullifier);

    /// @notice The registry, anchors or set is zero.
    error ConfigZero();

    /// @notice A purpose of zero names nothing.
    error PurposeZero();

    /// @notice Nobody asked this.
    error RequestUnknown(bytes32 request);

    /// @notice It was answered.
    error RequestAnswered(bytes32 request);

    /// @notice The root is none of the issuers', is too old, or somebody was revoked since.
    error RootNotRecent(uint256 root);

    /// @notice The right was judged at a time that is not now.
    error TimeNotNow(uint256 got, uint256 now_, uint256 maxAge);

    /// @notice This holder has used his right for this asker and purpose.
    error RightUsed(uint256 nullifier);

    /// @notice Opens a request; the same purpose may be asked for again.
    function ask(bytes32 purpose, uint16 level) external returns (bytes32 request);

    /// @notice Answers a request. Anyone may carry the proof: it names nobody.
    /// @param time When the right was judged, seconds; at most `maxAge` ago.
    function answer(bytes32 request, uint256 root, uint256 nullifier, uint64 time, uint256[8] calldata proof) external;

    /// @notice A request.
    function requestOf(bytes32 request) external view returns (Request memory);

    /// @notice The round of the scope in which a holder has one nullifier.
    function scopeOf(address asker, bytes32 purpose) external pure returns (bytes32);

    /// @notice The signal that consents to a request.
    function signalOf(bytes32 request) external pure returns (uint256);
}
