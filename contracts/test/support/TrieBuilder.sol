// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Makes real state tries and proofs of them inside a test: slow, plain, and written apart from `StateProof`.
library TrieBuilder {
    /// One entry: the hashed key, and the RLP of the value.
    struct Entry {
        bytes32 key;
        bytes value;
    }

    function root(Entry[] memory entries) internal pure returns (bytes32) {
        return keccak256(entries.length == 0 ? bytes(hex"80") : _node(entries, 0));
    }

    /// The nodes that show the entry, or that there is none.
    function proof(Entry[] memory entries, bytes32 key) internal pure returns (bytes[] memory nodes) {
        nodes = new bytes[](0);
        uint256 depth = 0;
        while (entries.length > 0) {
            bytes memory node = _node(entries, depth);
            if (depth == 0 || node.length >= 32) nodes = _push(nodes, node);
            if (entries.length == 1) break;
            uint256 shared = _shared(entries, depth);
            if (shared > 0) {
                for (uint256 i = depth; i < depth + shared; ++i) {
                    if (_nibble(key, i) != _nibble(entries[0].key, i)) return nodes;
                }
                depth += shared;
            } else {
                entries = _child(entries, depth, _nibble(key, depth));
                ++depth;
            }
        }
    }

    function account(bytes32 storageRoot, bytes32 codeHash) internal pure returns (bytes memory) {
        return list(bytes.concat(hex"0180a0", storageRoot, hex"a0", codeHash));
    }

    /// RLP of a number other than zero.
    function number(uint256 value) internal pure returns (bytes memory) {
        uint256 bytes_ = 1;
        while (bytes_ < 32 && value >> (8 * bytes_) != 0) ++bytes_;
        bytes memory raw = new bytes(bytes_);
        for (uint256 i = 0; i < bytes_; ++i) {
            raw[bytes_ - 1 - i] = bytes1(uint8(value >> (8 * i)));
        }
        return item(raw);
    }

    function item(bytes memory raw) internal pure returns (bytes memory) {
        if (raw.length == 1 && uint8(raw[0]) < 0x80) return raw;
        return bytes.concat(_head(raw.length, 0x80), raw);
    }

    function list(bytes memory content) internal pure returns (bytes memory) {
        return bytes.concat(_head(content.length, 0xc0), content);
    }

    function _head(uint256 length, uint8 base) private pure returns (bytes memory) {
        if (length < 56) return abi.encodePacked(uint8(base + length));
        if (length < 256) return abi.encodePacked(uint8(base + 56), uint8(length));
        return abi.encodePacked(uint8(base + 57), uint16(length));
    }

    function _node(Entry[] memory entries, uint256 depth) private pure returns (bytes memory) {
        if (entries.length == 1) {
            return list(bytes.concat(item(_path(entries[0].key, depth, 64, true)), item(entries[0].value)));
        }
        uint256 shared = _shared(entries, depth);
        if (shared > 0) {
            bytes memory path = item(_path(entries[0].key, depth, depth + shared, false));
            return list(bytes.concat(path, _reference(_node(entries, depth + shared))));
        }
        bytes memory content;
        for (uint256 n = 0; n < 16; ++n) {
            Entry[] memory child = _child(entries, depth, n);
            bytes memory link = child.length == 0 ? bytes(hex"80") : _reference(_node(child, depth + 1));
            content = bytes.concat(content, link);
        }
        return list(bytes.concat(content, hex"80"));
    }

    function _reference(bytes memory node) private pure returns (bytes memory) {
        return node.length < 32 ? node : bytes.concat(hex"a0", keccak256(node));
    }

    function _path(bytes32 key, uint256 from, uint256 to, bool leaf) private pure returns (bytes memory path) {
        uint256 flag = leaf ? 2 : 0;
        path = abi.encodePacked(uint8((to - from) % 2 == 1 ? ((flag + 1) << 4) | _nibble(key, from) : flag << 4));
        for (uint256 i = from + (to - from) % 2; i < to; i += 2) {
            path = bytes.concat(path, bytes1(uint8((_nibble(key, i) << 4) | _nibble(key, i + 1))));
        }
    }

    /// How many nibbles from `depth` on all entries have in common.
    function _shared(Entry[] memory entries, uint256 depth) private pure returns (uint256 shared) {
        while (true) {
            for (uint256 i = 1; i < entries.length; ++i) {
                if (_nibble(entries[i].key, depth + shared) != _nibble(entries[0].key, depth + shared)) return shared;
            }
            ++shared;
        }
    }

    function _child(Entry[] memory entries, uint256 depth, uint256 nibble) private pure returns (Entry[] memory child) {
        uint256 count = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            if (_nibble(entries[i].key, depth) == nibble) ++count;
        }
        child = new Entry[](count);
        count = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            if (_nibble(entries[i].key, depth) == nibble) child[count++] = entries[i];
        }
    }

    function _nibble(bytes32 key, uint256 at) private pure returns (uint256) {
        return (uint256(key) >> (252 - 4 * at)) & 15;
    }

    function _push(bytes[] memory nodes, bytes memory node) private pure returns (bytes[] memory longer) {
        longer = new bytes[](nodes.length + 1);
        for (uint256 i = 0; i < nodes.length; ++i) {
            longer[i] = nodes[i];
        }
        longer[nodes.length] = node;
    }
}
