// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IMemberRegistry} from "./IMemberRegistry.sol";
import {ISealedContent} from "./ISealedContent.sol";
import {CallClass, Organisation, Role} from "./MemberTypes.sol";
import {Content, Grant, HolderKey, PartyKey, Sealing} from "./SealedTypes.sol";

/// @title Content that stays sealed until the members of the consortium vote to open it.
/// @notice -- seal --/-- vote: open --/-- members release their shares: whoever it is opened to reads it --
/// @dev Invariants L170..L177 in docs/threats.md; each has a test with the same number. Loops end at MAX_PARTIES or at
///      the registry's MAX_ORGANISATIONS.
contract SealedContent is ISealedContent {
    /// @inheritdoc ISealedContent
    uint256 public constant MAX_PARTIES = 16;
    /// @inheritdoc ISealedContent
    uint256 public constant MAX_SIZE = 1_048_576 + 1_024;

    /// Encapsulated key, 32 bytes sealed, tag.
    uint256 private constant _SEALED_KEY = 32 + 32 + 16;
    /// A compressed point of the first group of BLS12-381.
    uint256 private constant _POINT = 48;
    uint256 private constant _MIN_NEEDED = 2;

    IMemberRegistry private immutable _registry;

    mapping(address account => bytes32 key) private _keys;
    mapping(bytes32 id => Content) private _contents;
    mapping(bytes32 id => uint256[] numbers) private _grantsOf;
    mapping(uint256 number => Grant) private _grants;
    mapping(uint256 number => mapping(uint32 organisation => uint64 height)) private _released;
    bytes32[] private _all;
    uint256 private _granted;

    constructor(IMemberRegistry registry_) {
        if (address(registry_).code.length == 0) revert SealedConfigRefused();
        _registry = registry_;
    }

    modifier onlyByVote() {
        if (msg.sender != address(_registry)) revert OnlyByVote(msg.sender);
        _;
    }

    // ---- by anyone

    /// @inheritdoc ISealedContent
    function publishKey(bytes32 key) external {
        if (key == 0) revert KeyZero();
        _keys[msg.sender] = key;
        emit KeyPublished(msg.sender, key);
    }

    /// @inheritdoc ISealedContent
    function seal(Sealing calldata s) external returns (bytes32 id) {
        if (s.digest == 0) revert ContentRefused(0);
        if (s.commitment == 0) revert ContentRefused(1);
        if (s.size == 0 || s.size > MAX_SIZE) revert ContentRefused(2);
        id = idOf(msg.sender, s.digest);
        Content storage c = _contents[id];
        if (c.owner != address(0)) revert ContentKnown(id);
        (c.owner, c.sealedAt, c.height, c.size) = (msg.sender, uint40(block.timestamp), uint64(block.number), s.size);
        (c.digest, c.commitment, c.subject) = (s.digest, s.commitment, s.subject);
        _checkParties(s.parties);
        c.needed = uint32(_checkHolders(s.holders));
        if (s.points.length != c.needed * _POINT) revert PointsRefused(s.points.length, c.needed * _POINT);
        for (uint256 i = 0; i < s.parties.length; ++i) {
            c.parties.push(s.parties[i].account);
        }
        for (uint256 i = 0; i < s.holders.length; ++i) {
            c.holders.push(s.holders[i].organisation);
        }
        _all.push(id);
        emit ContentSealed(id, msg.sender, s.subject, s);
    }

    // ---- by vote alone

    /// @inheritdoc ISealedContent
    function open(bytes32 id, uint32 organisation) external onlyByVote returns (uint256 number) {
        if (_contents[id].owner == address(0)) revert ContentUnknown(id);
        Organisation memory o = _registry.organisation(organisation);
        if (o.role == Role.None) revert RecipientRefused(organisation);
        bytes32 key = _keys[o.account];
        if (key == 0) revert KeyMissing(o.account);
        number = ++_granted;
        Grant storage g = _grants[number];
        (g.content, g.organisation, g.recipient, g.key) = (id, organisation, o.account, key);
        (g.grantedAt, g.height) = (uint40(block.timestamp), uint64(block.number));
        _grantsOf[id].push(number);
        emit OpeningGranted(number, id, organisation, o.account, key);
    }

    // ---- by a member

    /// @inheritdoc ISealedContent
    function release(uint256 number, bytes calldata share) external {
        Grant storage g = _grants[number];
        if (g.content == 0) revert GrantUnknown(number);
        uint32 organisation = _registry.numberOf(msg.sender);
        if (organisation == 0 || _registry.organisation(organisation).role != Role.Member) {
            revert CallerNotMember(msg.sender);
        }
        if (!_holds(g.content, organisation)) revert NotAHolder(organisation, g.content);
        if (_released[number][organisation] != 0) revert ReleasedBefore(number, organisation);
        _checkSealedKey(share);
        _released[number][organisation] = uint64(block.number);
        ++g.released;
        emit ShareReleased(number, organisation, share);
    }

    // ---- reading

    /// @inheritdoc ISealedContent
    function idOf(address owner, bytes32 digest) public view returns (bytes32) {
        // The owner is in it, so that nobody takes the place of what another is about to seal.
        return keccak256(abi.encode(block.chainid, address(this), owner, digest));
    }

    /// @inheritdoc ISealedContent
    function content(bytes32 id) external view returns (Content memory) {
        return _contents[id];
    }

    /// @inheritdoc ISealedContent
    function contents() external view returns (uint256) {
        return _all.length;
    }

    /// @inheritdoc ISealedContent
    function contentAt(uint256 number) external view returns (bytes32) {
        return _all[number];
    }

    /// @inheritdoc ISealedContent
    function grant(uint256 number) external view returns (Grant memory) {
        return _grants[number];
    }

    /// @inheritdoc ISealedContent
    function grantsOf(bytes32 id) external view returns (uint256[] memory) {
        return _grantsOf[id];
    }

    /// @inheritdoc ISealedContent
    function releasedAt(uint256 number, uint32 organisation) external view returns (uint64) {
        return _released[number][organisation];
    }

    /// @inheritdoc ISealedContent
    function keyOf(address account) external view returns (bytes32) {
        return _keys[account];
    }

    /// @inheritdoc ISealedContent
    function holders() external view returns (uint32[] memory organisations, uint256 needed) {
        uint32[] memory all = _registry.organisations();
        organisations = new uint32[](all.length);
        uint256 count;
        for (uint256 i = 0; i < all.length; ++i) {
            Organisation memory o = _registry.organisation(all[i]);
            if (_isHolder(o)) organisations[count++] = all[i];
        }
        assembly ("memory-safe") {
            mstore(organisations, count)
        }
        needed = _registry.neededFor(CallClass.Guarded);
    }

    /// @inheritdoc ISealedContent
    function registry() external view returns (address) {
        return address(_registry);
    }

    // ---- checks

    function _checkParties(PartyKey[] calldata parties) private view {
        if (parties.length == 0 || parties.length > MAX_PARTIES) revert PartiesRefused(parties.length, MAX_PARTIES);
        bool present;
        for (uint256 i = 0; i < parties.length; ++i) {
            address account = parties[i].account;
            if (i != 0 && account <= parties[i - 1].account) revert PartiesRefused(i, MAX_PARTIES);
            present = present || account == msg.sender;
            _checkKey(account, parties[i].key);
            _checkSealedKey(parties[i].whole);
        }
        if (!present) revert PartiesRefused(parties.length, MAX_PARTIES);
    }

    /// S3: all members with a key, or an owner could choose those who never release; as many shares as votes.
    function _checkHolders(HolderKey[] calldata given) private view returns (uint256 needed) {
        needed = _registry.neededFor(CallClass.Guarded);
        if (needed < _MIN_NEEDED) revert ThresholdTooSmall(needed, _MIN_NEEDED);
        uint32[] memory all = _registry.organisations();
        uint256 expected;
        for (uint256 i = 0; i < all.length; ++i) {
            if (_isHolder(_registry.organisation(all[i]))) ++expected;
        }
        if (given.length != expected || expected < needed) revert HoldersRefused(given.length, expected, needed);
        for (uint256 i = 0; i < given.length; ++i) {
            uint32 number = given[i].organisation;
            bool repeated = i != 0 && number <= given[i - 1].organisation;
            Organisation memory o = _registry.organisation(number);
            if (repeated || !_isHolder(o)) revert HoldersRefused(i, expected, needed);
            _checkKey(o.account, given[i].key);
            _checkSealedKey(given[i].share);
        }
    }

    function _checkKey(address account, bytes32 key) private view {
        bytes32 current = _keys[account];
        if (current == 0) revert KeyMissing(account);
        if (current != key) revert KeyNotCurrent(account, key, current);
    }

    function _checkSealedKey(bytes calldata sealedKey) private pure {
        if (sealedKey.length != _SEALED_KEY) revert SealedKeyRefused(sealedKey.length, _SEALED_KEY);
    }

    function _isHolder(Organisation memory o) private view returns (bool) {
        return o.role == Role.Member && _keys[o.account] != 0;
    }

    function _holds(bytes32 id, uint32 organisation) private view returns (bool) {
        uint32[] storage held = _contents[id].holders;
        for (uint256 i = 0; i < held.length; ++i) {
            if (held[i] == organisation) return true;
        }
        return false;
    }
}
