// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Balances and allowances; the odd ones below differ in one habit each. For tests only.
abstract contract BareToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function _move(address from, address to, uint256 amount) internal {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }

    function _spend(address from, uint256 amount) internal {
        allowance[from][msg.sender] -= amount;
    }
}

/// Returns nothing, as USDT does.
contract NoReturnToken is BareToken {
    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        _spend(from, amount);
        _move(from, to, amount);
    }
}

/// Returns false instead of reverting, and moves nothing.
contract FalseReturningToken is BareToken {
    function transfer(address, uint256) external pure returns (bool) {
        return false;
    }

    function transferFrom(address, address, uint256) external pure returns (bool) {
        return false;
    }
}

/// Keeps one percent of every transfer.
contract FeeToken is BareToken {
    function transfer(address to, uint256 amount) external returns (bool) {
        _take(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        _spend(from, amount);
        _take(from, to, amount);
        return true;
    }

    function _take(address from, address to, uint256 amount) private {
        _move(from, to, amount - amount / 100);
        balanceOf[from] -= amount / 100;
    }
}

/// Makes a planned call whenever it moves, as a token with hooks lets its holders do.
contract ReenteringToken is BareToken {
    address private _target;
    bytes private _data;
    bool public succeeded;
    bytes public answer;

    function plan(address target, bytes calldata data) external {
        (_target, _data) = (target, data);
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _reenter();
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        _reenter();
        _spend(from, amount);
        _move(from, to, amount);
        return true;
    }

    function _reenter() private {
        address target = _target;
        if (target == address(0)) return;
        _target = address(0);
        (succeeded, answer) = target.call(_data);
    }
}
