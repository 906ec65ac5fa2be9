// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

import {ICallExecutor} from "../../src/ICallExecutor.sol";
import {IGateway} from "../../src/IGateway.sol";
import {IMessageHooks} from "../../src/IMessageHooks.sol";

/// Takes messages, answers calls, and remembers both.
contract Taker is IERC7786Recipient {
    uint256 public taken;
    bytes32 public lastId;
    bytes public lastSender;
    bytes public lastPayload;
    uint256 public gasSeen;

    function receiveMessage(bytes32 id, bytes calldata sender, bytes calldata payload)
        external
        payable
        returns (bytes4)
    {
        gasSeen = gasleft();
        ++taken;
        (lastId, lastSender, lastPayload) = (id, sender, payload);
        return this.receiveMessage.selector;
    }

    function add(uint256 x, uint256 y) external returns (uint256) {
        ++taken;
        return x + y;
    }

    function whoCalls(ICallExecutor executor) external returns (uint64, address, bytes32) {
        ++taken;
        return executor.origin();
    }

    function seeGas() external {
        gasSeen = gasleft();
        ++taken;
    }
}

/// Takes messages and does nothing with them.
contract LightTaker is IERC7786Recipient {
    function receiveMessage(bytes32, bytes calldata, bytes calldata) external payable returns (bytes4) {
        return this.receiveMessage.selector;
    }
}

/// Misbehaves in a way that can be chosen.
contract BadTaker {
    receive() external payable {}

    enum Mode {
        Revert,
        BurnGas,
        ReturnBomb,
        RevertBomb,
        WrongAnswer,
        NoAnswer,
        Good
    }

    Mode public mode;

    function set(Mode mode_) external {
        mode = mode_;
    }

    fallback() external payable {
        if (mode == Mode.Revert) revert("no");
        if (mode == Mode.BurnGas) while (true) {}
        assembly {
            let m := and(sload(0), 0xff)
            if eq(m, 2) { return(0, 100000) }
            if eq(m, 3) { revert(0, 100000) }
            if eq(m, 4) {
                mstore(0, shl(224, 0xdeadbeef))
                return(0, 32)
            }
            if eq(m, 5) { return(0, 0) }
            mstore(0, shl(224, 0x2432ef26))
            return(0, 32)
        }
    }
}

/// Calls back while it is called.
contract ReenteringTaker {
    receive() external payable {}

    address private immutable _gateway;
    bytes private _again;
    bool public entered;
    bool public succeeded;
    bytes public answer;

    constructor(address gateway) {
        _gateway = gateway;
    }

    function plan(bytes calldata again) external {
        _again = again;
    }

    fallback() external payable {
        entered = true;
        (succeeded, answer) = _gateway.call(_again);
        assembly {
            mstore(0, shl(224, 0x2432ef26))
            return(0, 32)
        }
    }
}

/// Sends messages and wants to know how they end.
contract Asker is IMessageHooks {
    enum Mode {
        Good,
        Revert,
        BurnGas,
        Reenter
    }

    IGateway private immutable _gateway;
    Mode public mode;
    bytes private _again;
    uint256 public acknowledged;
    uint256 public timedOut;
    bytes32 public lastId;
    bool public lastSuccess;
    bytes public lastResult;
    bool public reentered;

    constructor(IGateway gateway) {
        _gateway = gateway;
    }

    function set(Mode mode_, bytes calldata again) external {
        (mode, _again) = (mode_, again);
    }

    function ask(bytes calldata recipient, bytes calldata payload, bytes[] calldata attributes)
        external
        returns (bytes32)
    {
        return _gateway.sendMessage(recipient, payload, attributes);
    }

    function onAcknowledged(bytes32 id, bool success, bytes calldata result) external {
        require(msg.sender == address(_gateway));
        _misbehave();
        ++acknowledged;
        (lastId, lastSuccess, lastResult) = (id, success, result);
    }

    function onTimedOut(bytes32 id) external {
        require(msg.sender == address(_gateway));
        _misbehave();
        ++timedOut;
        lastId = id;
    }

    function _misbehave() private {
        if (mode == Mode.Revert) revert("no");
        if (mode == Mode.BurnGas) while (true) {}
        if (mode == Mode.Reenter) (reentered,) = address(_gateway).call(_again);
    }
}
