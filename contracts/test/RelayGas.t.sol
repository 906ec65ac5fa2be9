// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IGateway} from "../src/IGateway.sol";
import {ILightClient} from "../src/ILightClient.sol";
import {Certificate, Checkpoint} from "../src/LightClientTypes.sol";
import {Item} from "../src/MessageTypes.sol";
import {GatewayTest} from "./support/GatewayTest.sol";
import {Asker, LightTaker} from "./support/Recipients.sol";

/// Writes or compares gas-relay.md, as Gas.t.sol does gas.md.
contract RelayGasTest is GatewayTest {
    string private _table;
    LightTaker private _taker;
    Asker private _asker;

    /// forge-config: default.isolate = true
    function test_gas_is_as_committed() external {
        (_taker, _asker) = (new LightTaker(), new Asker(a.gateway));
        _table = _head();
        _certificates();
        _proofs();
        _messages();
        if (vm.envOr("CAUSEWAY_WRITE_GAS", false)) {
            vm.writeFile("gas-relay.md", _table);
        } else {
            yes(
                keccak256(bytes(vm.readFile("gas-relay.md"))) == keccak256(bytes(_table)),
                "gas-relay.md differs from what was measured; run `cargo xtask contracts gas` and look at the change"
            );
        }
    }

    function _head() private pure returns (string memory) {
        return string.concat(
            "# Gas of the relay\n\n",
            "Written by `cargo xtask contracts gas`, compared by `cargo xtask contracts test`. Whole transactions (21,000 +\n",
            "calldata + execution) of the committed artifacts on Osaka rules, cold storage, steady state. Rows of `slotAt` are\n",
            "execution alone: it is a view. A quorum is n - (n - 1) / 3. States of gateway rows are tries of one node; what deeper ones cost is\n",
            "the difference between the rows of `slotAt`. The recipient of messages does nothing.\n\n",
            "| transaction | gas | target | best peer |\n",
            "|---|---:|---:|---:|\n"
        );
    }

    // ---- certificates

    function _certificates() private {
        _row("`LightClient.update`, 3 of 4", _updateGas(4, 3), "", "");
        uint256 five = _updateGas(7, 5);
        _row("`LightClient.update`, 5 of 7", five, "", "81,025 Scribe 5");
        _row("`LightClient.update`, 15 of 21", _updateGas(21, 15), "", "");
        _row("`LightClient.update`, 68 of 101", _updateGas(101, 68), "", "");
        uint256 six = _updateGas(7, 6);
        uint256 member = _updateGas(8, 6) - six;
        _row("each further signature", six - five, "", "");
        _row("each further member of the set", member, "", "");
        // The hash of the set is the one cold slot that only the certificate needs.
        _row("certificate of 5 of 7, marginal", 5 * (six - five) + 7 * member + 2_100, "32,000", "32,131 CCIP");
        _row("`LightClient.update` of a known block, 5 of 7", _knownGas(), "", "");
        _row("`LightClient.handover` to 7 new validators", _handoverGas(2, 7), "", "");
        _row("`LightClient.handover` to 101 new validators", _handoverGas(2, 101), "", "");
        _row("`LightClient.handover` to the same 7", _handoverGas(1, 7), "", "");
    }

    function _fresh(uint256 size) private returns (ILightClient client) {
        bytes memory votes = votesOf(1, size);
        client = ILightClient(
            deploy(
                "LightClient",
                abi.encode(
                    HOME, domainOf(HOME), uint64(10), VALIDATOR_SET, GRACE, uint64(0), votes, address(0), uint64(0)
                )
            )
        );
        // Not the first block: the newest height is not zero.
        _update(client, size, size - (size - 1) / 3, 1, keccak256("first"));
    }

    function _update(ILightClient client, uint256 size, uint256 signers, uint64 height, bytes32 root)
        private
        returns (uint256)
    {
        bytes memory h = header(keccak256("parent"), height, uint64(START) + height, root);
        Certificate memory c = certify(domainOf(HOME), 1, signers, 0, keccak256(h));
        bytes memory votes = votesOf(1, size);
        client.update(list(h), c, votes);
        return vm.lastCallGas().gasTotalUsed;
    }

    function _updateGas(uint256 size, uint256 signers) private returns (uint256) {
        return _update(_fresh(size), size, signers, 2, keccak256("second"));
    }

    function _knownGas() private returns (uint256) {
        return _update(_fresh(7), 7, 5, 1, keccak256("first"));
    }

    function _handoverGas(uint256 set, uint256 size) private returns (uint256) {
        ILightClient client = _fresh(7);
        bytes memory next = votesOf(set, size);
        (bytes32 root, bytes[] memory account, bytes[] memory slot) =
            stateWith(VALIDATOR_SET, bytes32(uint256(2)), uint256(keccak256(next)));
        _update(client, 7, 5, 9, root);
        client.handover(Checkpoint(9, uint64(START) + 9, root), account, slot, next);
        return vm.lastCallGas().gasTotalUsed;
    }

    // ---- state proofs

    function _proofs() private {
        ILightClient client = _fresh(7);
        (bytes32 root, bytes[] memory account, bytes[] memory slot) = stateWith(VALIDATOR_SET, 0, 1);
        _update(client, 7, 5, 4, root);
        client.slotAt(Checkpoint(4, uint64(START) + 4, root), VALIDATOR_SET, 0, account, slot);
        _row("`slotAt`, one node and one node", vm.lastCallGas().gasTotalUsed, "", "");

        string memory json = vm.readFile("test/fixtures/state.json");
        root = vm.parseJsonBytes32(json, ".stateRoot");
        _update(client, 7, 5, 5, root);
        _row(
            "`slotAt` of 300 accounts and 400 slots, a value",
            _slotGas(client, root, json, "3"),
            "",
            "190,000-360,000 EIP-1186"
        );
        _row("`slotAt` of 300 accounts and 400 slots, absence", _slotGas(client, root, json, "40"), "", "");
    }

    function _slotGas(ILightClient client, bytes32 root, string memory json, string memory number)
        private
        returns (uint256)
    {
        string memory at = string.concat(".cases[", number, "]");
        address who = vm.parseJsonAddress(json, string.concat(at, ".account"));
        bytes32 slot = vm.parseJsonBytes32(json, string.concat(at, ".slot"));
        bytes[] memory account = vm.parseJsonBytesArray(json, string.concat(at, ".accountProof"));
        bytes[] memory storage_ = vm.parseJsonBytesArray(json, string.concat(at, ".storageProof"));
        client.slotAt(Checkpoint(5, uint64(START) + 5, root), who, slot, account, storage_);
        return vm.lastCallGas().gasTotalUsed;
    }

    // ---- messages

    function _messages() private {
        // Steady state: peaks, buckets and bits are not zero.
        for (uint256 i = 0; i < 33; ++i) {
            _send();
        }
        deliverToB(LANE, 0, 33);
        deliverToA(LANE, 0, 33);
        uint256 sum = 0;
        for (uint256 i = 0; i < 16; ++i) {
            sum += _send();
        }
        _row("`sendMessage` of 256 bytes, mean of 16", sum / 16, "", "");
        sync();
        uint256 batch = _batchGas(33, 16);
        _row("update, proof and 16 messages of 256 bytes, 5 of 7", batch, "", "");
        _row("the same, each message, all in", batch / 16, "44,000", "44,086 CCIP");
        _row("`proveRoot`", _proveGas, "", "");
        _send();
        deliverToB(LANE, 50, 1);
        _row("`deliver` of one message of 256 bytes", vm.lastCallGas().gasTotalUsed, "", "86,407 CCIP");
        deliverToB(LANE, 50, 1);
        _row("`deliver` of one that was delivered", vm.lastCallGas().gasTotalUsed, "", "");
        deliverToA(LANE, 33, 16);
        _row("16 acknowledgements, each", vm.lastCallGas().gasTotalUsed / 16, "", "");
        deliverToA(LANE, 49, 1);
        _row("one acknowledgement", vm.lastCallGas().gasTotalUsed, "", "");
        _row("`timeOut` with hook", _timeOutGas(), "", "");
    }

    uint256 private _proveGas;

    function _payload() private pure returns (bytes memory payload) {
        for (uint256 i = 0; i < 8; ++i) {
            payload = bytes.concat(payload, keccak256(abi.encode(i)));
        }
    }

    function _send() private returns (uint256) {
        send(CAROL, address(_taker), _payload(), none());
        return vm.lastCallGas().gasTotalUsed;
    }

    /// A relayer's one transaction: certificate, proof of the root, all messages.
    function _batchGas(uint256 first, uint256 count) private returns (uint256 used) {
        bytes[] memory calls = new bytes[](3);
        bytes32 root = vm.load(address(a.gateway), a.gateway.rootSlot(LANE));
        (calls[0], calls[1]) = _provingCalls(uint256(root));
        calls[2] = _deliverCall(root, first, count);
        away();
        (bool ok,) = address(b.gateway).call(abi.encodeWithSignature("multicall(bytes[])", calls));
        used = vm.lastCallGas().gasTotalUsed;
        yes(ok && b.gateway.delivered(LANE, uint64(first + count - 1)), "delivered");
        _send();
        proveToB(LANE);
        _proveGas = vm.lastCallGas().gasTotalUsed;
        deliverToB(LANE, first + count, 1);
    }

    function _provingCalls(uint256 value) private returns (bytes memory update, bytes memory prove) {
        Checkpoint memory c = Checkpoint(++a.height, uint64(block.timestamp), 0);
        bytes[] memory account;
        bytes[] memory storage_;
        (c.stateRoot, account, storage_) = stateWith(address(a.gateway), a.gateway.rootSlot(LANE), value);
        prove = abi.encodeCall(IGateway.proveRoot, (LANE, c, account, storage_));
        bytes memory h = header(keccak256("parent"), c.height, c.timestamp, c.stateRoot);
        Certificate memory certificate = certify(domainOf(HOME), 1, 5, 0, keccak256(h));
        update = abi.encodeCall(IGateway.update, (LANE, list(h), certificate, votesOf(1, 7)));
    }

    function _deliverCall(bytes32 root, uint256 first, uint256 count) private view returns (bytes memory) {
        bytes32[] memory all = leaves(a.gateway, LANE);
        Item[] memory some = items(a.gateway, LANE, first, count);
        bytes32[] memory path = rangePath(all, first, count);
        return abi.encodeCall(IGateway.deliver, (LANE, root, uint64(all.length), uint64(first), some, path));
    }

    function _timeOutGas() private returns (uint256) {
        home();
        _asker.ask(at(AWAY, address(_taker)), _payload(), list(wish("notifySender()")));
        vm.warp(START + 2 days);
        sync();
        timeOutAtA(LANE, uint64(bodies[address(a.gateway)][LANE].length - 1));
        return vm.lastCallGas().gasTotalUsed;
    }

    // ---- writing

    function _row(string memory what, uint256 gas, string memory target, string memory peer) private {
        _table = string.concat(_table, "| ", what, " | ", _thousands(gas), " | ", target, " | ", peer, " |\n");
    }

    function _thousands(uint256 value) private pure returns (string memory) {
        if (value < 1000) return vm.toString(value);
        bytes memory digits = bytes(vm.toString(1000 + value % 1000));
        digits[0] = ",";
        return string.concat(_thousands(value / 1000), string(digits));
    }
}
