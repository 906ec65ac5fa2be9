// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Calls of code that nobody vouches for.
/// @dev The callee gets the gas it must have, or everything reverts; of its answer no more is copied than is wanted, so
///      that a long one costs the caller nothing. Assembly because Solidity's own call always copies the whole answer.
library BoundedCall {
    /// The caller of the transaction left less gas than the call must have.
    error GasTooLow(uint256 got, uint256 needed);

    /// @dev What the CALL itself and the steps before it may cost: a cold account is 2,600.
    uint256 internal constant RESERVE = 5_000;

    /// @dev Calls with exactly `gasLimit`; returns at most `max` bytes of the answer.
    function callExactly(address target, uint256 gasLimit, bytes memory data, uint256 max)
        internal
        returns (bool ok, bytes memory answer)
    {
        uint256 got = usable();
        if (got < gasLimit) revert GasTooLow(got, gasLimit);
        return call(target, gasLimit, data, max);
    }

    /// @dev Returns how much gas a call from here can be given: all but one 64th (EIP-150), and the reserve.
    function usable() internal view returns (uint256) {
        uint256 left = gasleft();
        return left < RESERVE ? 0 : (left - RESERVE) / 64 * 63;
    }

    /// @dev Calls with at most `gasLimit`; returns at most `max` bytes of the answer.
    function call(address target, uint256 gasLimit, bytes memory data, uint256 max)
        internal
        returns (bool ok, bytes memory answer)
    {
        assembly ("memory-safe") {
            ok := call(gasLimit, target, 0, add(data, 32), mload(data), 0, 0)
            let size := returndatasize()
            if gt(size, max) { size := max }
            answer := mload(0x40)
            mstore(answer, size)
            returndatacopy(add(answer, 32), 0, size)
            mstore(0x40, add(add(answer, 32), and(add(size, 31), not(31))))
        }
    }
}
