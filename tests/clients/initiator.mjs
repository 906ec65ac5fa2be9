// A wallet that knows nothing of Causeway but the contract begins a swap and finishes it: ethers, two RPC endpoints, a keystore.
//
// argv[2]: JSON { keystore, password, counterparty, give, want, amount } where give and want are
// { rpc, chainId, hashTimeLock, token } of the chain on which the wallet gives, and of the one on which it is paid.
// Prints one JSON object: the ids of both locks.

import { createHash, randomBytes } from "node:crypto";
import { hexlify } from "ethers";
import { approve, chain, event, holder, makeLock, plain, wanting } from "./wallet.mjs";
import { within } from "./within.mjs";

const { counterparty, give, want, amount, ...keys } = JSON.parse(process.argv[2]);
const signer = holder(keys);
const [from, to] = [chain(signer, give), chain(signer, want)];
const preimage = randomBytes(32);
const hashlock = hexlify(createHash("sha256").update(preimage).digest());
await approve(from, amount);
const now = (await from.provider.getBlock("latest")).timestamp;
const lock = plain(give.token, {
  hashlock,
  sender: signer.address,
  recipient: counterparty,
  amount,
  terms: [now + 300, now + 600, now + 900, 1, 0, 1],
});

await makeLock(from, lock, wanting(want, amount, signer.address));
const made = await within(60, "our lock", event(from.locks, from.locks.filters.Locked(null, hashlock)));

// The daemon, as the counterparty, finds the lock on chain alone and answers with its own.
const answer = await within(60, "the counterparty's lock", event(to.locks, to.locks.filters.Locked(null, hashlock)));
const theirs = answer.args.lock_ ?? answer.args[3];
if (theirs.recipient !== signer.address || theirs.amount !== BigInt(amount) || theirs.token !== want.token) {
  throw new Error(`the counterparty locked something else: ${answer.args}`);
}
await (await to.locks.claim(theirs.toObject(), preimage)).wait();

// The secret is public now: the counterparty takes what we locked.
await within(60, "the counterparty's claim", event(from.locks, from.locks.filters.Claimed(made.args.id)));
console.log(JSON.stringify({ ours: made.args.id, theirs: answer.args.id }));
process.exit(0);
