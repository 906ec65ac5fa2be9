// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Points of BabyJubJub in twisted Edwards form, as circomlib has them (docs/circuits.md).
library FeedKey {
    uint256 private constant _R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    uint256 private constant _A = 168700;
    uint256 private constant _D = 168696;

    /// @dev Whether a x^2 + y^2 = 1 + d x^2 y^2, in canonical coordinates, and not the neutral point or the one of order 2.
    function isPoint(uint256 x, uint256 y) internal pure returns (bool) {
        if (x == 0 || x >= _R || y >= _R) return false;
        uint256 xx = mulmod(x, x, _R);
        uint256 yy = mulmod(y, y, _R);
        uint256 left = addmod(mulmod(_A, xx, _R), yy, _R);
        return left == addmod(1, mulmod(_D, mulmod(xx, yy, _R), _R), _R);
    }
}
