// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title The public input that binds a proof to where it counts.
/// @dev The upper 253 bits, so that it is below the order of the field without reducing.
library ProofContext {
    /// @dev Of the contract that calls this, on this chain.
    /// @param domain Keccak-256 of the statement's domain, such as `causeway/session/1`.
    /// @param round What the contract counts or names: a lock, a period, a purpose.
    function here(bytes32 domain, bytes32 round) internal view returns (uint256) {
        return fromHash(keccak256(abi.encode(domain, block.chainid, address(this), round)));
    }

    /// @dev A hash as a public input.
    function fromHash(bytes32 hash) internal pure returns (uint256) {
        return uint256(hash) >> 3;
    }
}
