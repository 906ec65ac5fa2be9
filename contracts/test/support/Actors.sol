// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IHashTimeLock} from "../../src/IHashTimeLock.sol";
import {ILockHooks} from "../../src/ILockHooks.sol";
import {Lock} from "../../src/LockTypes.sol";

/// Takes no native money.
contract RefusingPayee {
    receive() external payable {
        revert("no");
    }
}

/// Burns all the gas it is given.
contract GasBurningPayee {
    receive() external payable {
        while (true) {}
    }
}

/// Tries to be paid twice: calls back while it is being paid.
contract ReenteringPayee {
    IHashTimeLock private immutable _htlc;
    bytes private _again;
    bool public entered;
    bool public succeeded;

    constructor(IHashTimeLock htlc) {
        _htlc = htlc;
    }

    function plan(bytes calldata again) external {
        _again = again;
    }

    function act(bytes calldata call) external payable {
        (bool ok, bytes memory answer) = address(_htlc).call{value: msg.value}(call);
        if (!ok) {
            assembly {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }

    receive() external payable {
        if (entered) return;
        entered = true;
        (succeeded,) = address(_htlc).call(_again);
    }
}

/// Says what it is told to say, and remembers being asked.
contract Judge is ILockHooks {
    bytes4 private _answer;
    uint256 public asked;

    function setAnswer(bytes4 answer) external {
        _answer = answer;
    }

    function checkClaim(Lock calldata, bytes calldata) external returns (bytes4) {
        ++asked;
        return _answer;
    }

    function checkRefund(Lock calldata, bytes calldata) external returns (bytes4) {
        ++asked;
        return _answer;
    }
}

/// Tries to end the lock a second time while it judges it.
contract ReenteringJudge is ILockHooks {
    IHashTimeLock private immutable _htlc;
    bool public succeeded;

    constructor(IHashTimeLock htlc) {
        _htlc = htlc;
    }

    function checkClaim(Lock calldata l, bytes calldata evidence) external returns (bytes4) {
        (succeeded,) = address(_htlc).call(abi.encodeCall(_htlc.claimWith, (l, abi.decode(evidence, (bytes32)), "")));
        return this.checkClaim.selector;
    }

    function checkRefund(Lock calldata l, bytes calldata) external returns (bytes4) {
        (succeeded,) = address(_htlc).call(abi.encodeCall(_htlc.refundWith, (l, "")));
        return this.checkRefund.selector;
    }
}

/// A wallet contract whose owner may sign for it (ERC-1271).
contract ContractWallet {
    address private immutable _owner;

    constructor(address owner) {
        _owner = owner;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (bytes32 r, bytes32 s) = abi.decode(signature[:64], (bytes32, bytes32));
        return ecrecover(hash, uint8(signature[64]), r, s) == _owner ? this.isValidSignature.selector : bytes4(0);
    }

    function approve(address token, address spender) external {
        (bool ok,) = token.call(abi.encodeWithSignature("approve(address,uint256)", spender, type(uint256).max));
        require(ok);
    }
}
