// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Content, Grant, Sealing} from "./SealedTypes.sol";

/// @title Content that stays sealed until the members of the consortium vote to open it.
/// @notice -- seal --/-- vote: open --/-- members release their shares: whoever it is opened to reads it --
///         Of a content the chain has digest, parties and keys sealed for others; never the content, never a key.
///         Rules S1..S9 in docs/regulator.md.
/// @dev Invariants L170..L177 in docs/threats.md.
interface ISealedContent {
    /// @notice An account has this sealing key from now on.
    event KeyPublished(address indexed account, bytes32 key);
    /// @notice A content is sealed.
    event ContentSealed(bytes32 indexed content, address indexed owner, bytes32 indexed subject, Sealing sealing);
    /// @notice The members voted that an organisation may read a content.
    event OpeningGranted(
        uint256 indexed grant, bytes32 indexed content, uint32 indexed organisation, address recipient, bytes32 key
    );
    /// @notice A member gave its share for a grant, sealed to the grant's key.
    event ShareReleased(uint256 indexed grant, uint32 indexed organisation, bytes share);

    /// The registry has no code.
    error SealedConfigRefused();
    /// The key is zero.
    error KeyZero();
    /// The account has published no sealing key.
    error KeyMissing(address account);
    /// The account has another sealing key than the content was sealed to: seal it anew.
    error KeyNotCurrent(address account, bytes32 got, bytes32 expected);
    /// Digest or commitment is zero, or the size is zero or too large: 0 digest, 1 commitment, 2 size.
    error ContentRefused(uint256 field);
    /// The same file was sealed by the same account before.
    error ContentKnown(bytes32 content);
    /// There is no such content.
    error ContentUnknown(bytes32 content);
    /// Parties are 1 to `MAX_PARTIES`, ascending, the caller among them.
    error PartiesRefused(uint256 got, uint256 max);
    /// Holders are all members with a key, ascending, and at least as many as must agree.
    error HoldersRefused(uint256 got, uint256 expected, uint256 needed);
    /// With fewer than two shares needed, one member would open it alone.
    error ThresholdTooSmall(uint256 got, uint256 min);
    /// So many bytes of commitments do not fit so many shares.
    error PointsRefused(uint256 got, uint256 expected);
    /// A sealed key has another length.
    error SealedKeyRefused(uint256 got, uint256 expected);
    /// Only the members' votes do this.
    error OnlyByVote(address caller);
    /// The organisation is none, or was removed.
    error RecipientRefused(uint32 organisation);
    /// There is no such grant.
    error GrantUnknown(uint256 grant);
    /// The caller votes for no member of the consortium now.
    error CallerNotMember(address caller);
    /// The member holds no share of this content: it joined later.
    error NotAHolder(uint32 organisation, bytes32 content);
    /// The member has released its share for this grant.
    error ReleasedBefore(uint256 grant, uint32 organisation);

    // ---- by anyone

    /// @notice Publishes the caller's sealing key, X25519; contents sealed before stay sealed to the one before.
    ///         Timeline: any time.
    function publishKey(bytes32 key) external;

    /// @notice Registers a sealed content; the caller is one of its parties. Timeline: any time.
    function seal(Sealing calldata sealing) external returns (bytes32 content);

    // ---- by vote alone

    /// @notice Lets an organisation read a content. Timeline: when the members' proposal is executed.
    function open(bytes32 content, uint32 organisation) external returns (uint256 grant);

    // ---- by a member

    /// @notice Gives the caller's share for a grant, sealed to the grant's key. Timeline: after the grant, once.
    function release(uint256 grant, bytes calldata share) external;

    // ---- reading

    /// @notice Returns the id of a content: `keccak256(abi.encode(chain id, this, owner, digest))`.
    function idOf(address owner, bytes32 digest) external view returns (bytes32);

    /// @notice Returns a content; owner zero if there is none.
    function content(bytes32 id) external view returns (Content memory);

    /// @notice Returns how many contents there are.
    function contents() external view returns (uint256);

    /// @notice Returns the id of the content of this number, from zero on.
    function contentAt(uint256 number) external view returns (bytes32);

    /// @notice Returns a grant; content zero if there is none.
    function grant(uint256 number) external view returns (Grant memory);

    /// @notice Returns the numbers of a content's grants.
    function grantsOf(bytes32 id) external view returns (uint256[] memory);

    /// @notice Returns the block in which a member released its share; zero if it has not.
    function releasedAt(uint256 number, uint32 organisation) external view returns (uint64);

    /// @notice Returns the sealing key of an account; zero if it published none.
    function keyOf(address account) external view returns (bytes32);

    /// @notice Returns who holds shares of what is sealed now, and how many shares will open it.
    function holders() external view returns (uint32[] memory organisations, uint256 needed);

    /// @notice Returns who decides.
    function registry() external view returns (address);

    /// @notice Most parties of one content.
    function MAX_PARTIES() external view returns (uint256);

    /// @notice Largest sealed file, in bytes.
    function MAX_SIZE() external view returns (uint256);
}
