// Begins a swap, is answered, and never uses its secret; takes its lock back after the deadline.
//
// argv[2]: as for initiator.mjs. Prints { transfer, answered, refunded }.

import { createHash, randomBytes } from "node:crypto";
import { hexlify } from "ethers";
import { approve, chain, event, holder, makeLock, plain, reached, wanting } from "./wallet.mjs";
import { within } from "./within.mjs";

/** Seconds: what the local profile's margin and two claims need, and some for a slow machine. */
const [DEADLINE_ON_B, DEADLINE_ON_A] = [20, 34];

const { counterparty, give, want, amount, ...keys } = JSON.parse(process.argv[2]);
const signer = holder(keys);
const [from, to] = [chain(signer, give), chain(signer, want)];
const hashlock = hexlify(createHash("sha256").update(randomBytes(32)).digest());
await approve(from, amount);
const now = (await from.provider.getBlock("latest")).timestamp;
const lock = plain(give.token, {
  hashlock,
  sender: signer.address,
  recipient: counterparty,
  amount,
  // Only the sender refunds for a minute: no watchtower does it for the sleeper.
  terms: [now + DEADLINE_ON_B, now + DEADLINE_ON_A, now + DEADLINE_ON_A + 60, 1, 0, 1],
});

const made = await makeLock(from, lock, wanting(want, amount, signer.address));
await within(60, "the counterparty's lock", event(to.locks, to.locks.filters.Locked(null, hashlock)));
await within(60, "the deadline", reached(from, now + DEADLINE_ON_A));
const receipt = await (await from.locks.refund(made)).wait();
console.log(JSON.stringify({ transfer: hashlock.slice(2, 34), answered: true, refunded: receipt.status === 1 }));
process.exit(0);
