// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// What everybody holds halves with every `shrink`, without a transfer, as the balances of a token that rebases may. The
/// home asset of a peg must not be like this: V1 cannot hold. For tests only.
contract ShrinkingToken {
    mapping(address => uint256) private _shares;
    mapping(address => mapping(address => uint256)) public allowance;
    uint256 private _sharesPerUnit = 1;

    function mint(address to, uint256 amount) external {
        _shares[to] += amount * _sharesPerUnit;
    }

    function shrink() external {
        _sharesPerUnit *= 2;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        return true;
    }

    function balanceOf(address owner) external view returns (uint256) {
        return _shares[owner] / _sharesPerUnit;
    }

    function _move(address from, address to, uint256 amount) private {
        uint256 shares = amount * _sharesPerUnit;
        _shares[from] -= shares;
        _shares[to] += shares;
    }
}
