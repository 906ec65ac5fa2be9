// What a hosted chain serves, checked with independent libraries: header hash, roots, proofs, finality certificate.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createBlockHeaderFromRPC } from "@ethereumjs/block";
import { createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { MerklePatriciaTrie, verifyMerkleProof } from "@ethereumjs/mpt";
import { RLP } from "@ethereumjs/rlp";
import { bytesToHex, createAccountFromRLP, hexToBytes } from "@ethereumjs/util";
import {
  AbiCoder, Contract, ContractFactory, JsonRpcProvider, Transaction, Wallet, getBytes, keccak256, recoverAddress, toBeHex,
} from "ethers";
import { artifact, chainId, http, key, rpc, within } from "./chain.mjs";

const common = createCustomCommon({ chainId, name: "causeway" }, Mainnet, { hardfork: Hardfork.Osaka });
const provider = new JsonRpcProvider(http, undefined, { pollingInterval: 50, cacheTimeout: -1 });
const wallet = new Wallet(key, provider);
const { abi, bytecode } = artifact("PointsToken");
let token, block;

test("there is a block with three kinds of transactions", async () => {
  token = await within(30, "the token", (await new ContractFactory(abi, bytecode, wallet).deploy("P", "P", wallet.address)).waitForDeployment());
  const price = (await provider.getFeeData()).gasPrice * 2n;
  const nonce = await wallet.getNonce("pending");
  const mint = await token.mint.populateTransaction(wallet.address, 1000n);
  const common_ = { ...mint, gasLimit: 120000, chainId };
  const all = await Promise.all([
    wallet.signTransaction({ ...common_, nonce, type: 0, gasPrice: price }),
    wallet.signTransaction({ ...common_, nonce: nonce + 1, type: 1, gasPrice: price, accessList: [] }),
    wallet.signTransaction({ ...common_, nonce: nonce + 2, type: 2, maxFeePerGas: price, maxPriorityFeePerGas: price / 10n }),
  ]);
  const hashes = await Promise.all(all.map((raw) => rpc("eth_sendRawTransaction", raw)));
  const receipt = await within(30, "the last receipt", provider.waitForTransaction(hashes[2]));
  block = await rpc("eth_getBlockByHash", receipt.blockHash, true);
});

test("the block hash is the hash of the header's fields", () => {
  const header = createBlockHeaderFromRPC(block, { common, setHardfork: false, skipConsensusFormatValidation: true });
  assert.equal(bytesToHex(header.hash()), block.hash);
});

test("the transactions root is of the transactions", async () => {
  const raw = await Promise.all(block.transactions.map((tx) => rpc("eth_getRawTransactionByHash", tx.hash)));
  raw.forEach((tx, index) => assert.equal(Transaction.from(tx).hash, block.transactions[index].hash));
  assert.equal(await root(raw.map(hexToBytes)), block.transactionsRoot);
});

test("the receipts root is of the receipts", async () => {
  const receipts = await rpc("eth_getBlockReceipts", block.number);
  assert.equal(receipts.length, block.transactions.length);
  const encoded = receipts.map((receipt) => {
    const logs = receipt.logs.map((log) => [log.address, log.topics, log.data].map(deepBytes));
    const body = RLP.encode([quantity(receipt.status), quantity(receipt.cumulativeGasUsed), hexToBytes(receipt.logsBloom), logs]);
    const type = Number(receipt.type);
    return type === 0 ? body : Uint8Array.from([type, ...body]);
  });
  assert.equal(await root(encoded), block.receiptsRoot);
});

test("an account and its storage are proved against the state root", async () => {
  // Slot of balanceOf[wallet] in OpenZeppelin's ERC20, whose mapping is the first variable.
  const slot = keccak256(AbiCoder.defaultAbiCoder().encode(["address", "uint256"], [wallet.address, 0]));
  const proof = await rpc("eth_getProof", token.target, [slot, "0x1234"], block.number);

  const leaf = await verifyMerkleProof(getBytes(keccak256(token.target)), proof.accountProof.map(hexToBytes), {
    useKeyHashing: false, root: hexToBytes(block.stateRoot),
  }).catch((error) => assert.fail(`account proof: ${error.message}`));
  const account = createAccountFromRLP(leaf);
  assert.equal(account.nonce, BigInt(proof.nonce));
  assert.equal(account.balance, BigInt(proof.balance));
  assert.equal(bytesToHex(account.codeHash), proof.codeHash);
  assert.equal(bytesToHex(account.storageRoot), proof.storageHash);
  const [held, absent] = await Promise.all(proof.storageProof.map(async ({ key: slotKey, proof: nodes }) => {
    const path = getBytes(keccak256(toBeHex(BigInt(slotKey), 32)));
    const value = await verifyMerkleProof(path, nodes.map(hexToBytes), { useKeyHashing: false, root: account.storageRoot });
    return value === null ? 0n : BigInt(bytesToHex(RLP.decode(value)));
  }));
  assert.equal(held, BigInt(proof.storageProof[0].value));
  assert.equal(held, await new Contract(token.target, abi, provider).balanceOf(wallet.address, { blockTag: Number(block.number) }));
  assert.equal(absent, 0n);
});

test("the absence of an account is proved", async () => {
  const nobody = Wallet.createRandom().address;
  const proof = await rpc("eth_getProof", nobody, [], block.number);
  const leaf = await verifyMerkleProof(getBytes(keccak256(nobody)), proof.accountProof.map(hexToBytes), {
    useKeyHashing: false, root: hexToBytes(block.stateRoot),
  });
  assert.equal(leaf, null);
});

test("a quorum of validators signed the block, or a descendant its headers lead to", async () => {
  const proof = await within(30, "the certificate", (async () => {
    for (;;) {
      const found = await rpc("causeway_getFinalityCertificate", block.hash);
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })());
  const { certificate, validators, headers } = proof;

  const hashes = headers.map((header) => keccak256(header));
  assert.equal(hashes[0], block.hash);
  assert.equal(hashes.at(-1), certificate.blockHash);
  headers.slice(1).forEach((header, index) => assert.equal(bytesToHex(RLP.decode(hexToBytes(header))[0]), hashes[index]));

  const coder = AbiCoder.defaultAbiCoder();
  const domain = keccak256(coder.encode(["string", "uint64", "bytes32"], ["causeway.finality.v1", chainId, proof.genesisHash]));
  assert.equal(proof.domain, domain);
  assert.equal((await rpc("eth_getBlockByNumber", "0x0", false)).hash, proof.genesisHash);
  const digest = keccak256(coder.encode(
    ["bytes32", "uint256", "uint256", "uint256", "uint256", "bytes32"],
    [domain, 2, certificate.epoch, certificate.view, certificate.parentView, certificate.blockHash],
  ));
  const quorum = validators.length - Math.floor((validators.length - 1) / 3);
  assert.equal(Number(proof.quorum), quorum);
  assert.ok(new Set(certificate.signers).size >= quorum);
  certificate.signers.forEach((signer, index) => {
    assert.equal(recoverAddress(digest, certificate.signatures[index]).toLowerCase(), validators[signer].toLowerCase());
  });
});

test.after(() => provider.destroy());

const quantity = (hex) => (BigInt(hex) === 0n ? new Uint8Array() : hexToBytes(toBeHex(BigInt(hex))));
const deepBytes = (value) => (Array.isArray(value) ? value.map(deepBytes) : hexToBytes(value));

async function root(items) {
  const trie = new MerklePatriciaTrie();
  for (const [index, item] of items.entries()) await trie.put(RLP.encode(index), item);
  return bytesToHex(trie.root());
}
