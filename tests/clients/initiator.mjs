// A wallet that knows nothing of Causeway but the contract begins a swap and finishes it: ethers, two RPC endpoints, a keystore.
//
// argv[2]: JSON { keystore, password, counterparty, give, want, amount } where give and want are
// { rpc, chainId, hashTimeLock, token } of the chain on which the wallet gives, and of the one on which it is paid.
// Prints one JSON object: the ids of both locks.

import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { AbiCoder, Contract, JsonRpcProvider, Wallet, hexlify } from "ethers";
import { within } from "./within.mjs";

const { keystore, password, counterparty, give, want, amount } = JSON.parse(process.argv[2]);
const artifact = (name) =>
  JSON.parse(readFileSync(new URL(`../../contracts/artifacts/${name}.json`, import.meta.url))).abi;
const signer = Wallet.fromEncryptedJsonSync(readFileSync(keystore, "utf8"), readFileSync(password, "utf8").trim());

/** The wallet's view of one chain. */
function chain({ rpc, chainId, hashTimeLock, token }) {
  const provider = new JsonRpcProvider(rpc, chainId, { staticNetwork: true, polling: true, pollingInterval: 50, cacheTimeout: -1 });
  const wallet = signer.connect(provider);
  return {
    provider,
    locks: new Contract(hashTimeLock, artifact("HashTimeLock"), wallet),
    points: new Contract(token, artifact("PointsToken"), wallet),
  };
}

/** Waits for an event of `contract` that `matches`, from block 0 on. */
async function event(contract, filter, matches) {
  for (;;) {
    const found = (await contract.queryFilter(filter, 0)).find(matches);
    if (found) return found;
    await new Promise((resume) => setTimeout(resume, 100));
  }
}

const [from, to] = [chain(give), chain(want)];
const preimage = randomBytes(32);
const hashlock = hexlify(createHash("sha256").update(preimage).digest());
const now = (await from.provider.getBlock("latest")).timestamp;
const terms = await from.locks.packTerms(now + 300, now + 600, now + 900, 1, 0, 1);
const lock = {
  hashlock,
  sender: signer.address,
  recipient: counterparty,
  token: give.token,
  amount,
  deposit: 0,
  terms,
  hooks: "0x0000000000000000000000000000000000000000",
};
const memo = AbiCoder.defaultAbiCoder().encode(
  ["uint256", "uint256", "address", "uint256", "address"],
  [1, want.chainId, want.token, amount, signer.address],
);

await (await from.points.approve(give.hashTimeLock, amount)).wait();
await (await from.locks.lock(lock, memo)).wait();
const made = await within(60, "our lock", event(from.locks, from.locks.filters.Locked(null, hashlock), () => true));

// The daemon, as the counterparty, finds the lock on chain alone and answers with its own.
const answer = await within(60, "the counterparty's lock", event(to.locks, to.locks.filters.Locked(null, hashlock), () => true));
const theirs = answer.args.lock_ ?? answer.args[3];
if (theirs.recipient !== signer.address || theirs.amount !== BigInt(amount) || theirs.token !== want.token) {
  throw new Error(`the counterparty locked something else: ${answer.args}`);
}
await (await to.locks.claim(theirs.toObject(), preimage)).wait();

// The secret is public now: the counterparty takes what we locked.
await within(60, "the counterparty's claim", event(from.locks, from.locks.filters.Claimed(made.args.id), () => true));
console.log(JSON.stringify({ ours: made.args.id, theirs: answer.args.id }));
process.exit(0);
