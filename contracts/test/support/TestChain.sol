// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint} from "../../src/LightClientTypes.sol";
import {Assert} from "./Assert.sol";
import {TrieBuilder} from "./TrieBuilder.sol";

/// What one chain believes of the other: only checkpoints that the other really had. Stands for `LightClient`, whose own
/// tests show that a quorum's certificate is the only way in.
contract TestClient {
    error CheckpointUnknown(uint64 height);
    error ClientFrozen();

    uint64 public immutable chainId;
    bool public frozen;
    mapping(bytes32 => bool) private _known;

    constructor(uint64 chainId_) {
        chainId = chainId_;
    }

    function know(Checkpoint calldata c) external {
        _known[keccak256(abi.encode(c))] = true;
    }

    function freeze() external {
        frozen = true;
    }

    function check(Checkpoint calldata c) external view {
        if (frozen) revert ClientFrozen();
        if (!_known[keccak256(abi.encode(c))]) revert CheckpointUnknown(c.height);
    }
}

/// One of two chains that live in one test machine: which of the contracts' slots are its state, its clock, its final
/// blocks, and proofs of them. Roots are of real tries over what the contracts really stored.
contract TestChain is Assert {
    TestClient public immutable client;
    uint256 public time;
    Checkpoint[] private _blocks;
    address[] private _accounts;
    mapping(address => bytes32[]) private _slots;
    mapping(address => mapping(bytes32 => bool)) private _watched;
    mapping(uint256 height => mapping(address => mapping(bytes32 => uint256))) private _values;

    constructor(uint64 chainId, uint256 time_) {
        client = new TestClient(chainId);
        time = time_;
    }

    /// Makes an account, and a slot of it, part of this chain's state.
    function watch(address account, bytes32 slot) external {
        if (_watched[account][slot]) return;
        if (_slots[account].length == 0) _accounts.push(account);
        _watched[account][slot] = true;
        _slots[account].push(slot);
    }

    function pass(uint256 seconds_) external {
        time += seconds_;
    }

    /// Lets the test machine run at this chain's time.
    function enter() external {
        vm.warp(time);
    }

    /// Ends a block: its state is known to the other chain from now on.
    function finalise() external returns (Checkpoint memory c) {
        uint256 number = _blocks.length;
        for (uint256 i = 0; i < _accounts.length; ++i) {
            bytes32[] storage slots = _slots[_accounts[i]];
            for (uint256 j = 0; j < slots.length; ++j) {
                _values[number][_accounts[i]][slots[j]] = uint256(vm.load(_accounts[i], slots[j]));
            }
        }
        // casting to 'uint64' is safe because both are small
        // forge-lint: disable-next-line(unsafe-typecast)
        c = Checkpoint(uint64(number), uint64(time), TrieBuilder.root(_state(number)));
        _blocks.push(c);
        client.know(c);
    }

    function height() external view returns (uint256) {
        return _blocks.length;
    }

    function blockAt(uint256 height_) external view returns (Checkpoint memory) {
        return _blocks[height_];
    }

    function prove(uint256 height_, address account, bytes32 slot)
        external
        view
        returns (bytes[] memory accountProof, bytes[] memory storageProof)
    {
        accountProof = TrieBuilder.proof(_state(height_), keccak256(abi.encodePacked(account)));
        storageProof = TrieBuilder.proof(_storage(height_, account), keccak256(abi.encode(slot)));
    }

    function _state(uint256 height_) private view returns (TrieBuilder.Entry[] memory entries) {
        entries = new TrieBuilder.Entry[](_accounts.length + 3);
        for (uint256 i = 0; i < entries.length; ++i) {
            address account = i < _accounts.length ? _accounts[i] : address(uint160(i));
            bytes32 root = i < _accounts.length ? TrieBuilder.root(_storage(height_, account)) : keccak256(hex"80");
            entries[i] = TrieBuilder.Entry(
                keccak256(abi.encodePacked(account)), TrieBuilder.account(root, keccak256(abi.encode(account)))
            );
        }
    }

    function _storage(uint256 height_, address account) private view returns (TrieBuilder.Entry[] memory entries) {
        bytes32[] storage slots = _slots[account];
        uint256 count = 0;
        for (uint256 i = 0; i < slots.length; ++i) {
            if (_values[height_][account][slots[i]] != 0) ++count;
        }
        entries = new TrieBuilder.Entry[](count);
        count = 0;
        for (uint256 i = 0; i < slots.length; ++i) {
            uint256 value = _values[height_][account][slots[i]];
            if (value == 0) continue;
            entries[count++] = TrieBuilder.Entry(keccak256(abi.encode(slots[i])), TrieBuilder.number(value));
        }
    }
}
