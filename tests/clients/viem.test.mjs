// viem against a hosted chain.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BaseError, ContractFunctionRevertedError, InsufficientFundsError, NonceTooLowError,
  createPublicClient, createWalletClient, defineChain, http as overHttp, parseEther, webSocket,
} from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { artifact, chainId, http, key, within, ws } from "./chain.mjs";

const chain = defineChain({
  id: chainId,
  name: "causeway",
  nativeCurrency: { name: "points", symbol: "PTS", decimals: 18 },
  rpcUrls: { default: { http: [http], webSocket: [ws] } },
});
const account = privateKeyToAccount(key);
const client = createPublicClient({ chain, transport: overHttp(), pollingInterval: 50 });
const wallet = createWalletClient({ account, chain, transport: overHttp() });
const { abi, bytecode } = artifact("PointsToken");
const someone = () => privateKeyToAccount(generatePrivateKey()).address;
let token;

const final = (hash) => within(30, `the receipt of ${hash}`, client.waitForTransactionReceipt({ hash }));
const mint = (to, amount) => wallet.writeContract({ address: token, abi, functionName: "mint", args: [to, amount] });

test("a contract is deployed", async () => {
  assert.equal(await client.getChainId(), chainId);
  const receipt = await final(await wallet.deployContract({ abi, bytecode, args: ["Points", "PTS", account.address] }));
  assert.equal(receipt.status, "success");
  token = receipt.contractAddress;
  assert.equal(await client.readContract({ address: token, abi, functionName: "symbol" }), "PTS");
});

for (const type of ["legacy", "eip2930", "eip1559"]) {
  test(`a transaction of type ${type} becomes final`, async () => {
    const to = someone();
    const hash = await wallet.sendTransaction({ to, value: parseEther("1"), type });
    const receipt = await final(hash);

    assert.equal(receipt.status, "success");
    assert.equal(receipt.type, type);
    assert.equal(await client.getBalance({ address: to }), parseEther("1"));
    assert.equal((await client.getTransaction({ hash })).blockHash, receipt.blockHash);
    const block = await client.getBlock({ blockHash: receipt.blockHash, includeTransactions: true });
    assert.ok(block.transactions.some((tx) => tx.hash === hash));
  });
}

test("an access list is made and used", async () => {
  const request = { account: account.address, to: token, data: "0x18160ddd" };
  const { accessList } = await client.createAccessList(request);
  assert.ok(accessList.some((item) => item.address.toLowerCase() === token.toLowerCase()));
});

test("logs are found, and a range too large is refused with its bound", async () => {
  const to = someone();
  const receipt = await final(await mint(to, 7n));

  const logs = await client.getContractEvents({ address: token, abi, eventName: "Transfer", args: { to }, fromBlock: 0n });

  assert.equal(logs.length, 1);
  assert.equal(logs[0].args.value, 7n);
  assert.equal(logs[0].blockHash, receipt.blockHash);
  const byHash = await client.getLogs({ blockHash: receipt.blockHash });
  assert.equal(byHash.length, 1);
});

test("an old nonce is refused", async () => {
  await assert.rejects(wallet.sendTransaction({ to: someone(), nonce: 0, gas: 21000n }), (error) => {
    assert.ok(error.walk((e) => e instanceof NonceTooLowError), error.message);
    return true;
  });
});

test("a replacement that pays no more is refused", async () => {
  const nonce = (await client.getTransactionCount({ address: account.address, blockTag: "pending" })) + 7;
  const request = { to: account.address, nonce, gas: 21000n, maxFeePerGas: 10n ** 11n, maxPriorityFeePerGas: 10n ** 9n };
  await wallet.sendTransaction(request);
  await assert.rejects(wallet.sendTransaction({ ...request, value: 1n }), /replacement transaction underpriced/);
});

test("an account without funds is told so", async () => {
  const poor = createWalletClient({ account: privateKeyToAccount(generatePrivateKey()), chain, transport: overHttp() });
  await assert.rejects(poor.sendTransaction({ to: someone(), value: 1n, gas: 21000n }), (error) => {
    assert.ok(error.walk((e) => e instanceof InsufficientFundsError), error.message);
    return true;
  });
});

test("a custom error is decoded", async () => {
  const other = someone();
  const simulated = client.simulateContract({ account: other, address: token, abi, functionName: "mint", args: [other, 1n] });
  await assert.rejects(simulated, (error) => {
    assert.ok(error instanceof BaseError);
    const reverted = error.walk((e) => e instanceof ContractFunctionRevertedError);
    assert.equal(reverted.data.errorName, "CallerNotMinter");
    return true;
  });
});

test("state overrides apply to a call", async () => {
  const other = someone();
  const code = "0x4760005260206000f3"; // returns its own balance
  const { data } = await client.call({
    to: other,
    stateOverride: [{ address: other, code, balance: 77n }],
  });
  assert.equal(BigInt(data), 77n);
});

test("heads and logs arrive by subscription", async () => {
  const live = createPublicClient({ chain, transport: webSocket(ws) });
  const to = someone();
  let stopHeads, stopLogs;
  try {
    const head = new Promise((onBlock, onError) => { stopHeads = live.watchBlocks({ onBlock, onError }); });
    const log = new Promise((onLogs, onError) => {
      stopLogs = live.watchContractEvent({ address: token, abi, eventName: "Transfer", args: { to }, onLogs, onError });
    });
    await live.getBlockNumber();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const receipt = await final(await mint(to, 11n));

    const [event] = await within(20, "the log", log);
    assert.equal(event.transactionHash, receipt.transactionHash);
    assert.ok((await within(20, "a head", head)).number > 0n);
  } finally {
    stopHeads?.();
    stopLogs?.();
    (await live.transport.getRpcClient()).close();
  }
});
