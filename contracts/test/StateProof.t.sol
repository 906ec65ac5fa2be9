// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";

import {CalldataRlp} from "../src/CalldataRlp.sol";
import {StateProof} from "../src/StateProof.sol";
import {OtherChain} from "./support/OtherChain.sol";

/// The library as a contract, and OpenZeppelin's beside it.
contract Prover {
    function slotAt(bytes32 root, address account, bytes32 slot, bytes[] calldata one, bytes[] calldata two)
        external
        pure
        returns (uint256)
    {
        return StateProof.slotAt(root, account, slot, one, two);
    }

    function slotIn(bytes32 root, bytes32 slot, bytes[] calldata proof) external pure returns (uint256) {
        return StateProof.slotIn(root, slot, proof);
    }

    function peer(bytes32 root, bytes32 slot, bytes[] calldata proof) external pure returns (uint256) {
        return RLP.decodeUint256(TrieProof.traverse(root, abi.encodePacked(keccak256(abi.encode(slot))), proof));
    }

    function peerAccount(bytes32 root, address account, bytes[] calldata proof) external pure returns (bytes memory) {
        return TrieProof.traverse(root, abi.encodePacked(keccak256(abi.encodePacked(account))), proof);
    }
}

/// Storage of another chain, and its absence: L28. Real tries come from test/fixtures/state.json (tools/fixtures.mjs).
contract StateProofTest is OtherChain {
    Prover private _prover;
    string private _json;
    bytes32 private _stateRoot;
    bytes32 private _storageRoot;

    struct Case {
        address account;
        bytes32 slot;
        uint256 value;
        bytes[] accountProof;
        bytes[] storageProof;
    }

    function setUp() external {
        _prover = new Prover();
        _json = vm.readFile("test/fixtures/state.json");
        _stateRoot = vm.parseJsonBytes32(_json, ".stateRoot");
        _storageRoot = vm.parseJsonBytes32(_json, ".storageRoot");
    }

    function _case(string memory kind, uint256 i) private view returns (Case memory c) {
        string memory at = string.concat(".", kind, "[", vm.toString(i), "]");
        c.account = vm.parseJsonAddress(_json, string.concat(at, ".account"));
        c.slot = vm.parseJsonBytes32(_json, string.concat(at, ".slot"));
        c.value = uint256(vm.parseJsonBytes32(_json, string.concat(at, ".value")));
        c.accountProof = vm.parseJsonBytesArray(_json, string.concat(at, ".accountProof"));
        c.storageProof = vm.parseJsonBytesArray(_json, string.concat(at, ".storageProof"));
    }

    function _prove(Case memory c) private view returns (uint256) {
        return _prover.slotAt(_stateRoot, c.account, c.slot, c.accountProof, c.storageProof);
    }

    function test_L28_values_and_absences_of_an_independent_library_are_proved() external view {
        uint256 absent;
        for (uint256 i = 0; vm.keyExistsJson(_json, string.concat(".cases[", vm.toString(i), "]")); ++i) {
            Case memory c = _case("cases", i);
            eq(_prove(c), c.value, "value");
            if (c.value == 0) ++absent;
            else eq(_prover.peer(_storageRoot, c.slot, c.storageProof), c.value, "as OpenZeppelin says");
        }
        eq(absent, 17, "absences");
    }

    function test_L28_an_account_that_does_not_exist_is_named() external {
        for (uint256 i = 0; i < 8; ++i) {
            Case memory c = _case("absent", i);
            vm.expectRevert(abi.encodeWithSelector(StateProof.AccountAbsent.selector, c.account));
            _prove(c);
        }
    }

    function test_L28_truncated_surplus_and_re_ordered_paths_are_refused() external {
        Case memory c = _case("cases", 3);
        uint256 n = c.storageProof.length;
        bytes[] memory whole = c.storageProof;
        c.storageProof = new bytes[](n - 1);
        for (uint256 i = 0; i < n - 1; ++i) {
            c.storageProof[i] = whole[i];
        }
        vm.expectRevert(abi.encodeWithSelector(StateProof.ProofTruncated.selector, n - 1));
        _prove(c);
        c.storageProof = new bytes[](n + 1);
        for (uint256 i = 0; i < n; ++i) {
            c.storageProof[i] = whole[i];
        }
        vm.expectRevert(abi.encodeWithSelector(StateProof.ProofSurplus.selector, n, n + 1));
        _prove(c);
        c.storageProof = whole;
        (whole[0], whole[1]) = (whole[1], whole[0]);
        vm.expectPartialRevert(StateProof.ProofWrongNode.selector);
        _prove(c);
        c.storageProof = new bytes[](0);
        vm.expectRevert(abi.encodeWithSelector(StateProof.ProofTruncated.selector, 0));
        _prove(c);
        c.accountProof = new bytes[](0);
        vm.expectRevert(abi.encodeWithSelector(StateProof.ProofTruncated.selector, 0));
        _prove(c);
    }

    function test_V6_a_zero_root_proves_nothing() external {
        Case memory c = _case("cases", 0);
        vm.expectRevert(abi.encodeWithSelector(StateProof.ProofRootZero.selector));
        _prover.slotAt(0, c.account, c.slot, c.accountProof, c.storageProof);
        vm.expectRevert(abi.encodeWithSelector(StateProof.ProofRootZero.selector));
        _prover.slotIn(0, c.slot, new bytes[](0));
    }

    function test_L28_the_proof_of_one_slot_is_none_of_another() external {
        Case memory c = _case("cases", 3);
        c.slot = bytes32(uint256(4));
        vm.expectRevert();
        _prove(c);
    }

    function test_L28_an_empty_trie_shows_absence_with_no_node_or_the_empty_one() external {
        bytes[] memory none = new bytes[](0);
        eq(_prover.slotIn(StateProof.EMPTY_ROOT, bytes32(0), none), 0, "no node");
        eq(_prover.slotIn(StateProof.EMPTY_ROOT, bytes32(0), list(hex"80")), 0, "the empty node");
        vm.expectPartialRevert(StateProof.ProofWrongNode.selector);
        _prover.slotIn(StateProof.EMPTY_ROOT, bytes32(0), list(hex"c0"));
        vm.expectRevert(abi.encodeWithSelector(StateProof.ProofSurplus.selector, 1, 2));
        _prover.slotIn(StateProof.EMPTY_ROOT, bytes32(0), list(hex"80", hex"80"));
    }

    function _malformed(bytes memory node) private {
        vm.expectRevert();
        _prover.slotIn(keccak256(node), bytes32(uint256(1)), list(node));
    }

    /// Hashes that fit prove nothing when the node is not one.
    function test_L28_nodes_that_are_none_are_refused() external {
        bytes32 path = keccak256(abi.encode(uint256(1)));
        bytes[] memory f = new bytes[](2);
        bytes[5] memory paths = [
            abi.encodePacked(uint8(0x21), path), // even path marked odd
            abi.encodePacked(uint8(0x2f), path), // flags beyond 3 are 0x4.; padding must be zero
            abi.encodePacked(uint8(0x40), path),
            bytes(""),
            abi.encodePacked(uint8(0x20), path, uint8(0)) // longer than a key
        ];
        for (uint256 i = 0; i < 5; ++i) {
            (f[0], f[1]) = (RLP.encode(paths[i]), RLP.encode(abi.encodePacked(uint8(5))));
            _malformed(RLP.encode(f));
        }
        // A value with a leading zero, of 33 bytes, empty, or zero.
        bytes[4] memory values = [bytes(hex"820005"), bytes.concat(hex"a1", new bytes(33)), bytes(""), bytes(hex"00")];
        for (uint256 i = 0; i < 4; ++i) {
            _malformed(leafNode(path, values[i]));
        }
        // Something behind the node; one, three and sixteen items; a string.
        bytes memory good = leafNode(path, hex"05");
        eq(_prover.slotIn(keccak256(good), bytes32(uint256(1)), list(good)), 5, "the good one");
        _malformed(bytes.concat(good, hex"00"));
        for (uint256 n = 0; n < 20; ++n) {
            if (n == 2 || n == 17) continue;
            bytes[] memory many = new bytes[](n);
            for (uint256 i = 0; i < n; ++i) {
                many[i] = hex"80";
            }
            _malformed(RLP.encode(many));
        }
        _malformed(RLP.encode(good));
        _malformed("");
        // A branch with a value; an extension that leads nowhere.
        bytes[] memory branch = new bytes[](17);
        for (uint256 i = 0; i < 16; ++i) {
            branch[i] = hex"80";
        }
        branch[16] = hex"05";
        _malformed(RLP.encode(branch));
        (f[0], f[1]) = (RLP.encode(abi.encodePacked(uint8(0x10) | uint8(path[0] >> 4))), bytes(hex"80"));
        _malformed(RLP.encode(f));
    }

    /// Nodes shorter than 32 bytes lie in their parents: a chain of branches down to depth 62, where a leaf is short.
    function test_L28_short_nodes_are_read_in_place_and_on_their_own() external view {
        bytes32 key = keccak256(abi.encode(uint256(1)));
        bytes[] memory f = new bytes[](2);
        // The last nibble as an odd path.
        (f[0], f[1]) = (RLP.encode(abi.encodePacked(uint8(0x30) | uint8(key[31]) & 15)), bytes(hex"05"));
        bytes memory leaf = RLP.encode(f);
        bytes[] memory branch = new bytes[](17);
        for (uint256 i = 0; i < 17; ++i) {
            branch[i] = hex"80";
        }
        branch[uint8(key[31]) >> 4] = leaf;
        bytes memory inner = RLP.encode(branch);
        yes(inner.length < 32, "short");
        // An extension over the first 62 nibbles.
        bytes memory path = new bytes(32);
        for (uint256 i = 0; i < 31; ++i) {
            path[i + 1] = key[i];
        }
        (f[0], f[1]) = (RLP.encode(path), inner);
        bytes memory root = RLP.encode(f);

        eq(_prover.slotIn(keccak256(root), bytes32(uint256(1)), list(root)), 5, "in place");
        bytes[] memory three = new bytes[](3);
        (three[0], three[1], three[2]) = (root, inner, leaf);
        eq(_prover.slotIn(keccak256(root), bytes32(uint256(1)), three), 5, "on their own");
        eq(_prover.peer(keccak256(root), bytes32(uint256(1)), three), 5, "as OpenZeppelin says");
    }

    function testFuzz_L28_no_changed_byte_of_a_proof_passes(uint256 which, uint256 node_, uint256 place, uint8 flip)
        external
    {
        vm.assume(flip != 0);
        Case memory c = _case("cases", which % 50);
        bytes[] memory proof = which % 2 == 0 || c.storageProof.length == 0 ? c.accountProof : c.storageProof;
        bytes memory one = proof[node_ % proof.length];
        one[place % one.length] ^= bytes1(flip);
        vm.expectRevert();
        _prove(c);
    }

    /// Tries of one and two leaves with any key and value: what OpenZeppelin's library accepts, ours does, and alike.
    function testFuzz_L28_inclusion_is_as_openzeppelin_says(bytes32 slot, uint256 value) external view {
        if (value == 0) value = 1;
        bytes memory leaf = leafNode(keccak256(abi.encode(slot)), RLP.encode(value));
        eq(_prover.slotIn(keccak256(leaf), slot, list(leaf)), value, "ours");
        eq(_prover.peer(keccak256(leaf), slot, list(leaf)), value, "theirs");
    }

    /// Any bytes as a node: ours accepts no value that OpenZeppelin's does not.
    function testFuzz_malformed_rlp_proves_no_value(bytes calldata noise, bytes32 slot) external view {
        bytes[] memory proof = list(noise);
        try _prover.slotIn(keccak256(noise), slot, proof) returns (uint256 value) {
            if (value != 0) eq(_prover.peer(keccak256(noise), slot, proof), value, "theirs");
        } catch {}
    }

    /// A real proof with one node changed and all hashes above it mended is still refused or proves what the peer says.
    function testFuzz_malformed_leaf_rlp_is_as_openzeppelin_says(bytes calldata noise) external view {
        bytes memory node = leafNode(keccak256(abi.encode(uint256(1))), noise);
        try _prover.slotIn(keccak256(node), bytes32(uint256(1)), list(node)) returns (uint256 value) {
            eq(_prover.peer(keccak256(node), bytes32(uint256(1)), list(node)), value, "theirs");
        } catch {}
    }
}
