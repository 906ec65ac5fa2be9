// Writes test/fixtures/*.json: headers, certificates and EIP-1186 proofs made by libraries that are not ours.
// The same bytes on every machine. Run it by hand after changing it: `node tools/fixtures.mjs`.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createBlockHeader } from "@ethereumjs/block";
import { Common, Hardfork, Mainnet } from "@ethereumjs/common";
import { createMerkleProof, createMPT } from "@ethereumjs/mpt";
import { RLP } from "@ethereumjs/rlp";
import { Account, bigIntToUnpaddedBytes, bytesToHex, concatBytes, hexToBytes, setLengthLeft } from "@ethereumjs/util";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak_256 } from "@noble/hashes/sha3.js";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "test", "fixtures");
const seed = (text) => keccak_256(new TextEncoder().encode(text));
const word = (n) => setLengthLeft(bigIntToUnpaddedBytes(BigInt(n)), 32);
const big = (bytes) => (bytes.length === 0 ? 0n : BigInt(bytesToHex(bytes)));

// ---- state: 300 accounts, one of them with 400 slots, one without any

async function state() {
  const storage = await createMPT({ useKeyHashing: true });
  const values = new Map();
  for (let i = 0; i < 400; i++) {
    // Values of 1 to 32 bytes.
    const value = big(seed(`value ${i}`).slice(0, 1 + (i % 32))) || 1n;
    values.set(i, value);
    await storage.put(word(i), RLP.encode(bigIntToUnpaddedBytes(value)));
  }
  const trie = await createMPT({ useKeyHashing: true });
  const address = (i) => seed(`account ${i}`).slice(0, 20);
  for (let i = 0; i < 300; i++) {
    const account = new Account(BigInt(i), big(seed(`balance ${i}`).slice(0, i % 16)) || 0n);
    if (i === 7) account.storageRoot = storage.root();
    await trie.put(address(i), account.serialize());
  }
  const proofs = async (t, key) => (await createMerkleProof(t, key)).map(bytesToHex);
  const one = async (who, slot, value, withStorage = true) => ({
    account: bytesToHex(address(who)),
    slot: bytesToHex(word(slot)),
    value: bytesToHex(word(value)),
    accountProof: await proofs(trie, address(who)),
    storageProof: withStorage ? await proofs(storage, word(slot)) : [],
  });
  const cases = [];
  for (let i = 0; i < 400; i += 11) cases.push(await one(7, i, values.get(i)));
  for (let i = 1000; i < 1016; i++) cases.push(await one(7, i, 0));
  cases.push(await one(8, 1, 0, false));
  const absent = [];
  for (let i = 1000; i < 1008; i++) absent.push(await one(i, 0, 0, false));
  return { stateRoot: bytesToHex(trie.root()), storageRoot: bytesToHex(storage.root()), cases, absent };
}

// ---- three headers, each the parent of the next, and a certificate of 5 of 7 for the last

function headers(stateRoot) {
  const common = new Common({ chain: { ...Mainnet, chainId: 7701 }, hardfork: Hardfork.Osaka });
  const list = [];
  let parentHash = seed("parent");
  for (let i = 0; i < 3; i++) {
    const header = createBlockHeader(
      {
        parentHash, number: 41 + i, timestamp: 1_800_000_000 + i, stateRoot, gasLimit: 30_000_000, gasUsed: 21_000 * i,
        coinbase: seed("coinbase").slice(0, 20), extraData: setLengthLeft(bigIntToUnpaddedBytes(1_800_000_000_000n), 8),
        baseFeePerGas: 7n, blobGasUsed: 0n, excessBlobGas: 0n, mixHash: seed(`mix ${i}`),
      },
      { common, freeze: false },
    );
    list.push(header);
    parentHash = header.hash();
  }
  return list;
}

function certificate(hash) {
  const genesis = seed("genesis");
  const tag = new TextEncoder().encode("causeway.finality.v1");
  // abi.encode(string, uint256, bytes32)
  const padded = concatBytes(tag, new Uint8Array(32 - tag.length));
  const domain = keccak_256(concatBytes(word(96), word(7701), genesis, word(tag.length), padded));
  const [epoch, view, parentView] = [4n, 17n, 16n];
  const digest = keccak_256(concatBytes(domain, word(2), word(epoch), word(view), word(parentView), hash));
  const keys = Array.from({ length: 7 }, (_, i) => seed(`validator ${i}`));
  const addresses = keys.map((k) => keccak_256(secp256k1.getPublicKey(k, false).slice(1)).slice(12));
  const chosen = [0, 2, 3, 5, 6];
  const signatures = chosen.map((i) => {
    const s = secp256k1.sign(digest, keys[i], { prehash: false, format: "recovered", lowS: true });
    // noble: recovery byte first, then r and s
    return concatBytes(s.slice(1), Uint8Array.from([27 + s[0]]));
  });
  return {
    domain: bytesToHex(domain), genesis: bytesToHex(genesis), epoch: Number(epoch), viewNumber: Number(view),
    parentView: Number(parentView), signers: bytesToHex(word(chosen.reduce((m, i) => m | (1 << i), 0))),
    signatures: bytesToHex(concatBytes(...signatures)), votes: bytesToHex(concatBytes(...addresses)),
  };
}

const world = await state();
const chain = headers(hexToBytes(world.stateRoot));
const final = {
  headers: chain.map((h) => bytesToHex(RLP.encode(h.raw()))),
  hashes: chain.map((h) => bytesToHex(h.hash())),
  first: { height: 41, timestamp: 1_800_000_000, stateRoot: world.stateRoot },
  certificate: certificate(chain[2].hash()),
};
mkdirSync(folder, { recursive: true });
for (const [name, value] of Object.entries({ state: world, final })) {
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(value, null, 1)}\n`);
}
