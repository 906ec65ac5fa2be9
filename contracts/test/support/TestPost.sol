// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC7786GatewaySource, IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

/// Carries messages between two chains that live in one test machine. Stands for two `Gateway`s, whose own tests show
/// that only a proved message gets through.
contract TestPost is IERC7786GatewaySource {
    struct Letter {
        bytes sender;
        bytes recipient;
        bytes payload;
    }

    error Refusing();

    uint64 private immutable _sourceChain;
    bool private _refusing;
    Letter[] private _letters;

    constructor(uint64 sourceChain) {
        _sourceChain = sourceChain;
    }

    function setRefusing(bool refusing) external {
        _refusing = refusing;
    }

    function supportsAttribute(bytes4) external pure returns (bool) {
        return false;
    }

    function sendMessage(bytes calldata recipient, bytes calldata payload_, bytes[] calldata)
        external
        payable
        returns (bytes32)
    {
        if (_refusing) revert Refusing();
        _letters.push(Letter(nameOf(_sourceChain, msg.sender), recipient, payload_));
        return bytes32(_letters.length);
    }

    function deliver(uint256 index) external {
        Letter storage l = _letters[index];
        (, address to) = InteroperableAddress.parseEvmV1(l.recipient);
        IERC7786Recipient(to).receiveMessage(bytes32(index + 1), l.sender, l.payload);
    }

    /// Says anything of anyone, as a gateway never would.
    function deliverTo(address to, bytes calldata sender, bytes calldata payload_) external returns (bytes32) {
        return bytes32(IERC7786Recipient(to).receiveMessage(0, sender, payload_));
    }

    function count() external view returns (uint256) {
        return _letters.length;
    }

    function payload(uint256 index) external view returns (bytes memory) {
        return _letters[index].payload;
    }

    function nameOf(uint256 chainId, address account) public pure returns (bytes memory) {
        return InteroperableAddress.formatEvmV1(chainId, account);
    }
}
