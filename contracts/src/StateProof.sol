// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CalldataRlp} from "./CalldataRlp.sol";

/// @title Values of another chain's storage, from EIP-1186 proofs.
/// @notice Tells a value from its proved absence. Everything else is an error: a proof either proves, or reverts.
/// @dev Nodes are those of the hexary trie of the Yellow Paper, appendix D, from the root down, one for each hash; a node
///      shorter than 32 bytes lies in its parent and may be given a second time on its own, as some libraries do.
///
///      Written anew because OpenZeppelin's `TrieProof` knows no proofs of absence; it agrees on inclusion
///      (test/StateProof.t.sol). Gas of one slot, account and storage proof of depth 3 and 3, is in gas.md.
library StateProof {
    /// The account is proved not to exist.
    error AccountAbsent(address account);
    /// The value found under the account's key is not an account.
    error AccountMalformed(address account);
    /// The value found under the slot's key is not a number in canonical form.
    error SlotMalformed(bytes32 slot);
    /// The root to prove against is zero.
    error ProofRootZero();
    /// The proof ends before the value or its absence is shown.
    error ProofTruncated(uint256 nodes);
    /// The value or its absence is shown before the proof ends.
    error ProofSurplus(uint256 used, uint256 given);
    /// Node `index` is not the one its parent names.
    error ProofWrongNode(uint256 index, bytes32 got, bytes32 expected);
    /// Node `index` is neither branch, extension nor leaf of a trie with keys of 32 bytes.
    error ProofNodeMalformed(uint256 index);

    /// keccak256 of the RLP of the empty string: the root of a trie without entries.
    bytes32 internal constant EMPTY_ROOT = 0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421;

    uint256 private constant _KEY_NIBBLES = 64;

    /// Where in the trie, and in the proof, a search is.
    struct _Search {
        /// What is looked for.
        uint256 key;
        /// Nibbles of the key that lie behind.
        uint256 depth;
        /// Elements of the proof used so far.
        uint256 used;
        /// The node under the hand: from here ..
        uint256 node;
        /// .. to here in calldata.
        uint256 limit;
    }

    /// @dev Returns the value of a storage slot in the state with this root; 0 means it is proved not to be set.
    function slotAt(
        bytes32 stateRoot,
        address account,
        bytes32 slot,
        bytes[] calldata accountProof,
        bytes[] calldata storageProof
    ) internal pure returns (uint256) {
        return slotIn(storageRootOf(stateRoot, account, accountProof), slot, storageProof);
    }

    /// @dev Returns the root of an account's storage. Reverts with `AccountAbsent` if there is no such account.
    function storageRootOf(bytes32 stateRoot, address account, bytes[] calldata proof) internal pure returns (bytes32) {
        (uint256 at, uint256 limit) = _find(stateRoot, keccak256(abi.encodePacked(account)), proof);
        if (at == limit) revert AccountAbsent(account);
        (uint256 payload, uint256 end, bool isList) = CalldataRlp.bounds(at, limit);
        if (!isList || end != limit) revert AccountMalformed(account);
        (, uint256 balanceAt) = CalldataRlp.number(payload, end, 8);
        (, uint256 rootAt) = CalldataRlp.number(balanceAt, end, 32);
        // Two hashes of 32 bytes, each with its prefix, and nothing behind.
        if (
            end - rootAt != 66 || CalldataRlp.word(rootAt) >> 248 != 0xa0
                || CalldataRlp.word(rootAt + 33) >> 248 != 0xa0
        ) {
            revert AccountMalformed(account);
        }
        return bytes32(CalldataRlp.word(rootAt + 1));
    }

    /// @dev Returns the value of a slot in the storage with this root; 0 means it is proved not to be set.
    function slotIn(bytes32 storageRoot, bytes32 slot, bytes[] calldata proof) internal pure returns (uint256 value) {
        (uint256 at, uint256 limit) = _find(storageRoot, keccak256(abi.encode(slot)), proof);
        if (at == limit) return 0;
        uint256 end;
        (value, end) = CalldataRlp.number(at, limit, 32);
        // Zero is never stored: it would be a second form of absence.
        if (end != limit || value == 0) revert SlotMalformed(slot);
    }

    /// Returns where the value of `key` lies in calldata, or an empty range when it is proved absent.
    function _find(bytes32 root, bytes32 key, bytes[] calldata proof) private pure returns (uint256 at, uint256 limit) {
        if (root == 0) revert ProofRootZero();
        if (root == EMPTY_ROOT) {
            _checkEmpty(proof);
            return (0, 0);
        }
        _Search memory s;
        s.key = uint256(key);
        _enter(s, proof, root);
        bool more = true;
        // At most 64 rounds: each takes at least one of the key's nibbles, or ends.
        while (more) {
            (at, limit, more) = _step(s, proof);
        }
        if (s.used != proof.length) revert ProofSurplus(s.used, proof.length);
    }

    /// No node at all, or the empty one.
    function _checkEmpty(bytes[] calldata proof) private pure {
        if (proof.length == 0) return;
        if (proof.length != 1) revert ProofSurplus(1, proof.length);
        bytes32 got = keccak256(proof[0]);
        if (got != EMPTY_ROOT) revert ProofWrongNode(0, got, EMPTY_ROOT);
    }

    /// Goes on to the next element of the proof, which must have this hash.
    function _enter(_Search memory s, bytes[] calldata proof, bytes32 expected) private pure {
        uint256 index = s.used;
        if (index >= proof.length) revert ProofTruncated(proof.length);
        bytes calldata node = proof[index];
        bytes32 got = keccak256(node);
        if (got != expected) revert ProofWrongNode(index, got, expected);
        s.used = index + 1;
        s.node = _offset(node);
        s.limit = s.node + node.length;
    }

    /// Takes one node: goes down (`more`), or ends with the value's range, empty for absence.
    function _step(_Search memory s, bytes[] calldata proof)
        private
        pure
        returns (uint256 at, uint256 limit, bool more)
    {
        (uint256 first, uint256 end, bool isList) = CalldataRlp.bounds(s.node, s.limit);
        if (!isList || end != s.limit) revert ProofNodeMalformed(s.used - 1);
        (, uint256 second,) = CalldataRlp.bounds(first, end);
        (, uint256 third,) = CalldataRlp.bounds(second, end);
        if (third == end) return _pair(s, proof, first, second);
        return (0, 0, _branch(s, proof, first));
    }

    /// A leaf or an extension: a path, and the value or the child.
    function _pair(_Search memory s, bytes[] calldata proof, uint256 first, uint256 second)
        private
        pure
        returns (uint256 at, uint256 limit, bool more)
    {
        (uint256 length, bool isLeaf, bool same) = _path(s, first, second);
        bool isList;
        (at, limit, isList) = CalldataRlp.bounds(second, s.limit);
        if (isLeaf) {
            // All keys are 32 bytes long, and nothing is stored as an empty value.
            if (s.depth + length != _KEY_NIBBLES || isList || at == limit) revert ProofNodeMalformed(s.used - 1);
            return same ? (at, limit, false) : (0, 0, false);
        }
        if (length == 0 || s.depth + length >= _KEY_NIBBLES) revert ProofNodeMalformed(s.used - 1);
        if (!same) return (0, 0, false);
        s.depth += length;
        more = _descend(s, proof, second);
        if (!more) revert ProofNodeMalformed(s.used - 1); // an extension leads somewhere
    }

    /// Sixteen children and an empty value. Returns false when there is no child on the key's way.
    function _branch(_Search memory s, bytes[] calldata proof, uint256 first) private pure returns (bool) {
        if (s.depth >= _KEY_NIBBLES) revert ProofNodeMalformed(s.used - 1);
        uint256 nibble = (s.key >> (252 - 4 * s.depth)) & 15;
        uint256 child;
        uint256 at = first;
        for (uint256 i = 0; i < 16; ++i) {
            if (i == nibble) child = at;
            (, at,) = CalldataRlp.bounds(at, s.limit);
        }
        // Keys have one length, so that no value lies in a branch.
        if (at + 1 != s.limit || CalldataRlp.word(at) >> 248 != 0x80) revert ProofNodeMalformed(s.used - 1);
        s.depth += 1;
        return _descend(s, proof, child);
    }

    /// Goes to a child: by its hash, or, shorter than 32 bytes, in place. Returns false when there is none.
    function _descend(_Search memory s, bytes[] calldata proof, uint256 start) private pure returns (bool) {
        (uint256 payload, uint256 end, bool isList) = CalldataRlp.bounds(start, s.limit);
        if (!isList) {
            if (payload == end) return false;
            if (end - payload != 32) revert ProofNodeMalformed(s.used - 1);
            _enter(s, proof, bytes32(CalldataRlp.word(payload)));
            return true;
        }
        uint256 length = end - start;
        if (length >= 32) revert ProofNodeMalformed(s.used - 1);
        (s.node, s.limit) = (start, end);
        // Given once more as an element of its own?
        if (s.used < proof.length && proof[s.used].length == length) {
            uint256 rest = 256 - 8 * length;
            uint256 again = CalldataRlp.word(_offset(proof[s.used]));
            if (again >> rest == CalldataRlp.word(start) >> rest) s.used += 1;
        }
        return true;
    }

    /// Reads a hex-prefix path (Yellow Paper, appendix C) and compares it with the key ahead.
    function _path(_Search memory s, uint256 first, uint256 second)
        private
        pure
        returns (uint256 length, bool isLeaf, bool same)
    {
        (uint256 at, uint256 end, bool isList) = CalldataRlp.bounds(first, second);
        if (isList || at == end) revert ProofNodeMalformed(s.used - 1);
        uint256 flags = CalldataRlp.word(at) >> 252;
        bool odd = flags & 1 == 1;
        // An even path has a zero nibble behind its flags.
        if (flags > 3 || (!odd && (CalldataRlp.word(at) >> 248) & 15 != 0)) revert ProofNodeMalformed(s.used - 1);
        isLeaf = flags >= 2;
        length = 2 * (end - at - 1) + (odd ? 1 : 0);
        if (length > _KEY_NIBBLES - s.depth) revert ProofNodeMalformed(s.used - 1);
        uint256 nibbles = odd ? CalldataRlp.word(at) << 4 : CalldataRlp.word(at + 1);
        // Nibbles behind `length` differ; they are shifted out. A shift by 256 leaves zero: the empty path fits.
        same = (nibbles ^ (s.key << (4 * s.depth))) >> (256 - 4 * length) == 0;
    }

    function _offset(bytes calldata data) private pure returns (uint256 at) {
        assembly ("memory-safe") {
            at := data.offset
        }
    }
}
