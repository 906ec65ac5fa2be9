// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ILogAnchor, LogHead} from "./ILogAnchor.sol";

/// @title Heads of event logs, one chain of heads for each account.
/// @dev A head also names the acts of the daemon, which may begin anew when its database was lost; the chain segments are
///      made again from the chains, so they never shrink.
contract LogAnchor is ILogAnchor {
    /// @inheritdoc ILogAnchor
    uint256 public constant MAX_HEAD = 4_096;

    mapping(address keeper => LogHead) private _heads;

    /// @inheritdoc ILogAnchor
    function anchor(bytes32 previous, uint64 size, bytes32 root, bytes calldata head) external returns (bytes32 link) {
        LogHead memory last = _heads[msg.sender];
        if (previous != last.link) revert AnchorStale(previous, last.link);
        if (size == 0 || root == 0) revert AnchorEmpty();
        if (head.length > MAX_HEAD) revert AnchorLong(head.length, MAX_HEAD);
        if (size < last.size) revert AnchorShrinks(size, last.size);
        if (size == last.size && root != last.root) revert AnchorRewrites(size, root, last.root);
        uint64 number = last.number + 1;
        link = keccak256(abi.encode(msg.sender, number, size, root, keccak256(head), previous));
        _heads[msg.sender] = LogHead(number, size, uint64(block.timestamp), root, link);
        emit Anchored(msg.sender, number, size, root, link, head);
    }

    /// @inheritdoc ILogAnchor
    function headOf(address keeper) external view returns (LogHead memory) {
        return _heads[keeper];
    }
}
