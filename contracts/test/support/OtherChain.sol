// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";

import {Certificate, Checkpoint} from "../../src/LightClientTypes.sol";
import {Assert} from "./Assert.sol";

/// Headers, certificates and states of a chain that is not this one.
abstract contract OtherChain is Assert {
    using RLP for *;

    uint64 internal constant EPOCH_LENGTH = 10;
    uint64 internal constant GRACE = 1 hours;
    uint256 internal constant START = 1_800_000_000;
    address internal constant VALIDATOR_SET = 0x00000000000000000000000000000000CA05E001;
    /// Who may propose what a frozen client is to believe, and how long everybody may look at it.
    address internal constant GOVERNOR = address(0x9091);
    uint64 internal constant DELAY = 30 days;
    uint256 private constant _ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function key(uint256 set, uint256 index) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("validator", set, index))) >> 1;
    }

    function votesOf(uint256 set, uint256 size) internal pure returns (bytes memory votes) {
        for (uint256 i = 0; i < size; ++i) {
            votes = bytes.concat(votes, bytes20(vm.addr(key(set, i))));
        }
    }

    function domainOf(uint256 chainId) internal pure returns (bytes32) {
        return keccak256(abi.encode("causeway.finality.v1", chainId, keccak256("genesis")));
    }

    function header(bytes32 parent, uint64 height, uint64 timestamp, bytes32 stateRoot)
        internal
        pure
        returns (bytes memory)
    {
        bytes[] memory f = new bytes[](21);
        (f[0], f[1], f[2], f[3]) =
        (RLP.encode(parent), RLP.encode(keccak256("ommers")), RLP.encode(address(7)), RLP.encode(stateRoot));
        (f[4], f[5], f[6]) =
        (RLP.encode(keccak256("txs")), RLP.encode(keccak256("receipts")), RLP.encode(new bytes(256)));
        (f[7], f[8], f[9], f[10]) =
        (RLP.encode(uint256(0)), RLP.encode(uint256(height)), RLP.encode(uint256(30_000_000)), RLP.encode(uint256(0)));
        (f[11], f[12]) = (RLP.encode(uint256(timestamp)), RLP.encode(abi.encodePacked(timestamp * 1000)));
        (f[13], f[14], f[15]) =
        (RLP.encode(keccak256(abi.encode(parent))), RLP.encode(new bytes(8)), RLP.encode(uint256(7)));
        (f[16], f[17], f[18]) = (RLP.encode(keccak256("w")), RLP.encode(uint256(0)), RLP.encode(uint256(0)));
        (f[19], f[20]) = (RLP.encode(bytes32(0)), RLP.encode(keccak256("requests")));
        return RLP.encode(f);
    }

    /// Votes of members 0, 1, .. of a set for a block.
    function certify(bytes32 domain, uint256 set, uint256 count, uint64 epoch, bytes32 blockHash)
        internal
        pure
        returns (Certificate memory c)
    {
        (c.epoch, c.viewNumber, c.parentView) = (epoch, 5, 4);
        bytes32 digest = keccak256(abi.encode(domain, uint256(2), c.epoch, c.viewNumber, c.parentView, blockHash));
        for (uint256 i = 0; i < count; ++i) {
            c.signers |= 1 << i;
            c.signatures = bytes.concat(c.signatures, signature(key(set, i), digest));
        }
    }

    function signature(uint256 secret, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(secret, digest);
        return abi.encodePacked(r, s, v);
    }

    /// The same signature with the other s.
    function high(bytes memory signature_) internal pure returns (bytes memory) {
        (bytes32 r, uint256 s) = (word(signature_, 0), uint256(word(signature_, 32)));
        return abi.encodePacked(r, _ORDER - s, uint8(signature_[64]) ^ 7); // 27 <-> 28
    }

    function word(bytes memory data, uint256 at) internal pure returns (bytes32 value) {
        assembly {
            value := mload(add(add(data, 32), at))
        }
    }

    // ---- states of one account with one slot: tries of one leaf

    function leafNode(bytes32 path, bytes memory value) internal pure returns (bytes memory) {
        bytes[] memory f = new bytes[](2);
        (f[0], f[1]) = (RLP.encode(abi.encodePacked(uint8(0x20), path)), RLP.encode(value));
        return RLP.encode(f);
    }

    function accountOf(bytes32 storageRoot) internal pure returns (bytes memory) {
        bytes[] memory f = new bytes[](4);
        (f[0], f[1]) = (RLP.encode(uint256(1)), RLP.encode(uint256(0)));
        (f[2], f[3]) = (RLP.encode(storageRoot), RLP.encode(keccak256("code")));
        return RLP.encode(f);
    }

    function stateWith(address account, bytes32 slot, uint256 value)
        internal
        pure
        returns (bytes32 stateRoot, bytes[] memory accountProof, bytes[] memory storageProof)
    {
        (accountProof, storageProof) = (new bytes[](1), new bytes[](1));
        storageProof[0] = leafNode(keccak256(abi.encode(slot)), RLP.encode(value));
        accountProof[0] = leafNode(keccak256(abi.encodePacked(account)), accountOf(keccak256(storageProof[0])));
        stateRoot = keccak256(accountProof[0]);
    }

    function list(bytes memory one) internal pure returns (bytes[] memory items) {
        items = new bytes[](1);
        items[0] = one;
    }

    function list(bytes memory one, bytes memory two) internal pure returns (bytes[] memory items) {
        items = new bytes[](2);
        (items[0], items[1]) = (one, two);
    }
}
