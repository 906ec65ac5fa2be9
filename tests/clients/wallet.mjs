// What the wallets of the stories have in common: ethers, an endpoint a chain, a keystore, the contracts' ABI.

import { readFileSync } from "node:fs";
import { AbiCoder, Contract, JsonRpcProvider, Wallet } from "ethers";

/** The ABI of one of our contracts. */
export const abiOf = (name) =>
  JSON.parse(readFileSync(new URL(`../../contracts/artifacts/${name}.json`, import.meta.url))).abi;

/** The holder of a keystore. */
export function holder({ keystore, password }) {
  return Wallet.fromEncryptedJsonSync(readFileSync(keystore, "utf8"), readFileSync(password, "utf8").trim());
}

/** A holder's view of one chain: { rpc, chainId, hashTimeLock, token }. */
export function chain(signer, { rpc, chainId, hashTimeLock, token }) {
  const provider = new JsonRpcProvider(rpc, chainId, { staticNetwork: true, polling: true, pollingInterval: 50, cacheTimeout: -1 });
  const wallet = signer.connect(provider);
  return {
    provider,
    locks: new Contract(hashTimeLock, abiOf("HashTimeLock"), wallet),
    points: new Contract(token, abiOf("PointsToken"), wallet),
  };
}

/** Waits for an event of `contract` that `matches`, from block 0 on. */
export async function event(contract, filter, matches = () => true) {
  for (;;) {
    const found = (await contract.queryFilter(filter, 0)).find(matches);
    if (found) return found;
    await pause();
  }
}

/** Waits until the chain's own clock shows `time`. */
export async function reached({ provider }, time) {
  while ((await provider.getBlock("latest")).timestamp < time) await pause();
}

/** Lets the contract take `amount` points of the holder. */
export async function approve({ locks, points }, amount) {
  await (await points.approve(await locks.getAddress(), amount)).wait();
}

/** Makes an approved `lock`, given as an object with `terms` as an array for packTerms. */
export async function makeLock({ locks }, lock, memo) {
  const packed = { ...lock, terms: await locks.packTerms(...lock.terms) };
  await (await locks.lock(packed, memo)).wait();
  return packed;
}

/** The memo that asks for `amount` of `token` on another chain. */
export function wanting({ chainId, token }, amount, recipient) {
  return AbiCoder.defaultAbiCoder().encode(
    ["uint256", "uint256", "address", "uint256", "address"],
    [1, chainId, token, amount, recipient],
  );
}

/** A lock of points with nothing but the necessary. */
export function plain(token, lock) {
  return { token, deposit: 0, hooks: "0x0000000000000000000000000000000000000000", ...lock };
}

function pause() {
  return new Promise((resume) => setTimeout(resume, 100));
}
