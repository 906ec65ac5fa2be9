"""web3.py against a hosted chain. The environment is that of chain.mjs."""

import asyncio
import json
import os
import pathlib
import unittest

from eth_account import Account
from web3 import AsyncWeb3, Web3, WebSocketProvider
from web3.exceptions import ContractCustomError, Web3RPCError

HTTP = os.environ["CAUSEWAY_HTTP"]
WS = os.environ["CAUSEWAY_WS"]
CHAIN_ID = int(os.environ["CAUSEWAY_CHAIN_ID"])
ARTIFACTS = pathlib.Path(__file__).resolve().parents[2] / "contracts" / "artifacts"
PATIENCE = 30

w3 = Web3(Web3.HTTPProvider(HTTP))
account = Account.from_key(os.environ["CAUSEWAY_KEY"])


def artifact(name):
    found = json.loads((ARTIFACTS / f"{name}.json").read_text())
    return {"abi": found["abi"], "bytecode": found["bytecode"]}


def send(transaction):
    """Signs, sends and waits until it is final."""
    signed = account.sign_transaction(transaction)
    hash_ = w3.eth.send_raw_transaction(signed.raw_transaction)
    return w3.eth.wait_for_transaction_receipt(hash_, timeout=PATIENCE, poll_latency=0.05)


def defaults(**fields):
    nonce = w3.eth.get_transaction_count(account.address, "pending")
    return {"chainId": CHAIN_ID, "from": account.address, "nonce": nonce, **fields}


class Web3Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        factory = w3.eth.contract(**artifact("PointsToken"))
        receipt = send(factory.constructor("Points", "PTS", account.address).build_transaction(defaults()))
        cls.token = w3.eth.contract(address=receipt.contractAddress, abi=factory.abi)

    def mint(self, to, amount):
        return send(self.token.functions.mint(to, amount).build_transaction(defaults()))

    def test_the_chain_is_the_one_asked_for(self):
        self.assertTrue(w3.is_connected())
        self.assertEqual(w3.eth.chain_id, CHAIN_ID)
        self.assertEqual(w3.net.version, str(CHAIN_ID))
        self.assertTrue(w3.client_version.startswith("causeway/"))
        self.assertEqual(self.token.functions.symbol().call(), "PTS")

    def test_transactions_of_three_types_become_final(self):
        price = w3.eth.gas_price
        kinds = {
            "0x0": {"gasPrice": price},
            "0x1": {"gasPrice": price, "accessList": [], "type": 1},
            "0x2": {"maxFeePerGas": price * 2, "maxPriorityFeePerGas": w3.eth.max_priority_fee},
        }
        for kind, fees in kinds.items():
            with self.subTest(kind=kind):
                to = Account.create().address
                transaction = defaults(to=to, value=7, gas=21000, **fees)
                transaction.pop("from")
                receipt = send(transaction)
                self.assertEqual(receipt.status, 1)
                self.assertEqual(receipt.type, int(kind, 16))
                self.assertEqual(w3.eth.get_balance(to), 7)
                self.assertEqual(w3.eth.get_transaction(receipt.transactionHash).blockHash, receipt.blockHash)

    def test_the_estimate_is_enough(self):
        call = self.token.functions.mint(Account.create().address, 1)
        estimate = call.estimate_gas({"from": account.address})
        receipt = send(call.build_transaction(defaults(gas=estimate)))
        self.assertEqual(receipt.status, 1)

    def test_logs_are_found(self):
        to = Account.create().address
        receipt = self.mint(to, 3)
        found = self.token.events.Transfer.get_logs(argument_filters={"to": to}, from_block=receipt.blockNumber)
        self.assertEqual([event.args.value for event in found], [3])

    def test_filters_poll(self):
        watched = self.token.events.Transfer.create_filter(from_block="latest")
        to = Account.create().address
        self.mint(to, 4)
        self.assertIn(4, [event.args.value for event in watched.get_new_entries() if event.args.to == to])
        self.assertEqual(watched.get_new_entries(), [])

    def test_an_old_nonce_is_refused(self):
        transaction = defaults(to=account.address, value=0, gas=21000, gasPrice=w3.eth.gas_price)
        transaction.pop("from")
        with self.assertRaises(Web3RPCError) as caught:
            send({**transaction, "nonce": 0})
        self.assertIn("nonce too low", str(caught.exception))

    def test_a_custom_error_carries_its_data(self):
        other = Account.create().address
        with self.assertRaises(ContractCustomError) as caught:
            self.token.functions.mint(other, 1).call({"from": other})
        selector = Web3.keccak(text="CallerNotMinter(address,address)")[:4].hex()
        self.assertIn(selector, str(caught.exception.data or caught.exception))

    def test_an_account_without_funds_is_told_so(self):
        poor = Account.create()
        transaction = {"chainId": CHAIN_ID, "to": account.address, "value": 1, "gas": 21000, "nonce": 0, "gasPrice": w3.eth.gas_price}
        with self.assertRaises(Web3RPCError) as caught:
            w3.eth.send_raw_transaction(poor.sign_transaction(transaction).raw_transaction)
        self.assertIn("insufficient funds", str(caught.exception))

    def test_fee_history_and_proof_have_the_shapes_web3_expects(self):
        history = w3.eth.fee_history(4, "latest", [10, 90])
        self.assertEqual(len(history.baseFeePerGas), len(history.gasUsedRatio) + 1)
        proof = w3.eth.get_proof(self.token.address, [0], "latest")
        self.assertEqual(proof.address, self.token.address)
        self.assertTrue(proof.accountProof)

    def test_heads_and_logs_arrive_by_subscription(self):
        asyncio.run(asyncio.wait_for(self.subscribed(), PATIENCE))

    async def subscribed(self):
        async with AsyncWeb3(WebSocketProvider(WS)) as live:
            heads = await live.eth.subscribe("newHeads")
            logs = await live.eth.subscribe("logs", {"address": self.token.address})
            receipt = await asyncio.to_thread(self.mint, Account.create().address, 5)
            seen = set()
            async for message in live.socket.process_subscriptions():
                if message["subscription"] == heads:
                    self.assertGreater(message["result"]["number"], 0)
                    seen.add("head")
                elif message["subscription"] == logs:
                    self.assertEqual(message["result"]["transactionHash"], receipt.transactionHash)
                    seen.add("log")
                if seen == {"head", "log"}:
                    return


if __name__ == "__main__":
    unittest.main()
