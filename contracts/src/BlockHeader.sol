// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CalldataRlp} from "./CalldataRlp.sol";

/// @title Reads who made a block from its header.
/// @dev Everything up to the difficulty has one length (Yellow Paper, section 4.3). What is read is believed only of a
///      header whose hash is known: what lies behind the number needs no look.
library BlockHeader {
    /// Header `index` is not the RLP of a header.
    error HeaderMalformed(uint256 index);

    uint256 private constant _PARENT = 3;
    uint256 private constant _BENEFICIARY = 69;
    uint256 private constant _DIFFICULTY = 448;
    uint256 private constant _NUMBER = 449;

    /// @dev Returns the number, the hash of the parent, and who got the fees.
    function read(bytes calldata header, uint256 index)
        internal
        pure
        returns (uint64 number, bytes32 parent, address beneficiary)
    {
        uint256 at;
        assembly ("memory-safe") {
            at := header.offset
        }
        bool sound = header.length > _NUMBER && CalldataRlp.word(at) >> 248 == 0xf9
            && (CalldataRlp.word(at) >> 232) & 0xffff == header.length - 3 && _is(at + _PARENT, 0xa0)
            && _is(at + _BENEFICIARY, 0x94) && _is(at + _DIFFICULTY, 0x80);
        if (!sound) revert HeaderMalformed(index);
        (uint256 field,) = CalldataRlp.number(at + _NUMBER, at + header.length, 8);
        number = uint64(field);
        parent = bytes32(CalldataRlp.word(at + _PARENT + 1));
        beneficiary = address(uint160(CalldataRlp.word(at + _BENEFICIARY + 1) >> 96));
    }

    function _is(uint256 at, uint256 prefix) private pure returns (bool) {
        return CalldataRlp.word(at) >> 248 == prefix;
    }
}
