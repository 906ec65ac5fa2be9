// ethers v6 against a hosted chain.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ContractFactory, JsonRpcProvider, Wallet, WebSocketProvider, parseEther } from "ethers";
import { artifact, chainId, http, key, within, ws } from "./chain.mjs";

// Blocks are final within milliseconds: an answer that ethers caches for its usual 250 ms, such as a nonce, is out of date.
const provider = new JsonRpcProvider(http, undefined, { polling: true, pollingInterval: 50, cacheTimeout: -1 });
const wallet = new Wallet(key, provider);
const { abi, bytecode } = artifact("PointsToken");
const free = (await provider.getFeeData()).gasPrice === 0n;
let token;

const rejects = (promise, code, message) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.code, code, error.message);
    if (message) assert.match(error.message, message);
    return true;
  });

test("the network is the one asked for", async () => {
  const network = await provider.getNetwork();
  assert.equal(network.chainId, BigInt(chainId));
});

test("a contract is deployed", async () => {
  const factory = new ContractFactory(abi, bytecode, wallet);
  token = await factory.deploy("Points", "PTS", wallet.address);
  await within(30, "the deployment", token.waitForDeployment());
  assert.notEqual(await provider.getCode(token.target), "0x");
  assert.equal(await token.symbol(), "PTS");
});

for (const type of [0, 1, 2]) {
  test(`a transaction of type ${type} becomes final`, async () => {
    const to = Wallet.createRandom().address;
    const sent = await wallet.sendTransaction({ to, value: parseEther("1"), type });
    const receipt = await within(30, "the receipt", sent.wait());

    assert.equal(receipt.status, 1);
    assert.equal(receipt.type, type);
    assert.equal(receipt.gasUsed, 21000n);
    assert.equal(await provider.getBalance(to), parseEther("1"));
    const seen = await provider.getTransaction(sent.hash);
    assert.equal(seen.blockHash, receipt.blockHash);
    assert.equal(seen.from, wallet.address);
  });
}

test("the gas estimate is enough and not wasteful", async () => {
  const to = Wallet.createRandom().address;
  const estimate = await token.mint.estimateGas(to, 5n);
  const receipt = await (await token.mint(to, 5n)).wait();

  assert.equal(receipt.status, 1);
  assert.ok(estimate >= receipt.gasUsed);
  assert.ok(estimate < (receipt.gasUsed * 13n) / 10n, `${estimate} for ${receipt.gasUsed}`);
});

test("logs are found by event and range", async () => {
  const to = Wallet.createRandom().address;
  const receipt = await (await token.mint(to, 9n)).wait();

  const found = await token.queryFilter(token.filters.Transfer(null, to), receipt.blockNumber, "latest");

  assert.equal(found.length, 1);
  assert.equal(found[0].args.value, 9n);
  assert.equal(found[0].transactionHash, receipt.hash);
  assert.deepEqual(await token.queryFilter(token.filters.Transfer(to), receipt.blockNumber), []);
});

test("an old nonce is refused as expired", async () => {
  await rejects(wallet.sendTransaction({ to: wallet.address, nonce: 0, gasLimit: 21000 }), "NONCE_EXPIRED");
});

test("a replacement that pays no more is refused", async () => {
  const nonce = (await wallet.getNonce("pending")) + 5; // waits behind a gap, so it can be replaced
  const base = { to: wallet.address, nonce, gasLimit: 21000, maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n };
  await wallet.sendTransaction(base);

  await rejects(wallet.sendTransaction({ ...base, value: 1n }), "REPLACEMENT_UNDERPRICED");
  await wallet.sendTransaction({ ...base, value: 1n, maxFeePerGas: 2n * 10n ** 11n, maxPriorityFeePerGas: 2n * 10n ** 9n });
});

test("an account without funds is told so", async () => {
  const poor = Wallet.createRandom().connect(provider);
  await rejects(poor.sendTransaction({ to: wallet.address, value: 1n, gasLimit: 21000 }), "INSUFFICIENT_FUNDS");
  await rejects(poor.estimateGas({ to: wallet.address, value: 1n }), "INSUFFICIENT_FUNDS");
});

test("a custom error is decoded from the call and from the estimate", async () => {
  const other = Wallet.createRandom().address;
  await assert.rejects(token.connect(provider).mint.staticCall(other, 1n, { from: other }), (error) => {
    assert.equal(error.code, "CALL_EXCEPTION");
    assert.equal(error.revert.name, "CallerNotMinter");
    assert.deepEqual([...error.revert.args], [other, wallet.address]);
    return true;
  });
  await rejects(token.transfer.estimateGas(other, 10n ** 30n), "CALL_EXCEPTION");
});

test("a failed transaction has a receipt that says so", async () => {
  const sent = await token.transfer(Wallet.createRandom().address, 10n ** 30n, { gasLimit: 100000 });
  await rejects(sent.wait(), "CALL_EXCEPTION");
  assert.equal((await provider.getTransactionReceipt(sent.hash)).status, 0);
});

test("fee data fits the chain", async () => {
  const fees = await provider.getFeeData();
  const { baseFeePerGas } = await provider.getBlock("latest");
  if (free) {
    assert.equal(baseFeePerGas, 0n);
  } else {
    assert.ok(fees.gasPrice > baseFeePerGas);
    assert.ok(fees.maxFeePerGas > baseFeePerGas);
  }
  const history = await provider.send("eth_feeHistory", ["0x4", "latest", [25, 75]]);
  assert.equal(history.baseFeePerGas.length, history.gasUsedRatio.length + 1);
});

test("heads and logs arrive by subscription", async () => {
  const live = new WebSocketProvider(ws);
  try {
    const to = Wallet.createRandom().address;
    const head = new Promise((resolve) => live.once("block", resolve));
    const log = new Promise((resolve) => token.connect(live).on(token.filters.Transfer(null, to), resolve));
    await live.getBlockNumber(); // both subscriptions are sent before this
    await new Promise((resolve) => setTimeout(resolve, 300));
    const receipt = await (await token.mint(to, 3n)).wait();

    const event = await within(20, "the log", log);
    assert.equal(event.log.transactionHash, receipt.hash);
    assert.ok((await within(20, "a head", head)) > 0);
  } finally {
    // ethers answers for no unsubscription still under way when it is destroyed: let them finish first.
    await live.removeAllListeners();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await live.getBlockNumber();
    await live.destroy();
  }
});

test("filters poll", async () => {
  const id = await provider.send("eth_newFilter", [{ address: token.target }]);
  const to = Wallet.createRandom().address;
  await (await token.mint(to, 4n)).wait();

  const first = await provider.send("eth_getFilterChanges", [id]);
  const second = await provider.send("eth_getFilterChanges", [id]);

  assert.equal(first.length, 1);
  assert.deepEqual(second, []);
  assert.equal(await provider.send("eth_uninstallFilter", [id]), true);
});

test.after(() => provider.destroy());
