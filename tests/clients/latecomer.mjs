// The other party of a swap that the daemon began: finds the lock in its favour and answers it badly.
//
// argv[2]: JSON { keystore, password, theirs, ours, how } where theirs and ours are { rpc, chainId, hashTimeLock, token } of the
// chain of the daemon's lock, and of ours. `how` is "thin margin": our deadline is two seconds before theirs; or "too late": ours
// comes in seconds, just long enough for the contract to take the lock. Prints { refunded, claims }: whether we took our lock
// back, and how many claims of either lock there were when both were over.

import { AbiCoder } from "ethers";
import { approve, chain, event, holder, makeLock, plain, reached } from "./wallet.mjs";
import { within } from "./within.mjs";

const { theirs, ours, how, ...keys } = JSON.parse(process.argv[2]);
const signer = holder(keys);
const [from, to] = [chain(signer, theirs), chain(signer, ours)];

const found = await within(60, "the daemon's lock", event(from.locks, from.locks.filters.Locked(null, null, signer.address)));
const { id, hashlock, memo } = found.args;
const [, , , amount, recipient] = AbiCoder.defaultAbiCoder().decode(
  ["uint256", "uint256", "address", "uint256", "address"],
  memo,
);
const { refundAt: deadline } = await from.locks.unpackTerms(found.args[3].terms);
await approve(to, amount);
const now = Math.floor(Date.now() / 1000);
const refundAt = how === "thin margin" ? Number(deadline) - 2 : now + 7;
const lock = plain(ours.token, {
  hashlock,
  sender: signer.address,
  recipient,
  amount,
  terms: [refundAt - 1, refundAt, refundAt + 60, 1, 0, 1],
});

const made = await makeLock(to, lock, "0x");
await within(90, "our deadline", reached(to, refundAt));
const receipt = await (await to.locks.refund(made)).wait();
await within(90, "the end of the daemon's lock", event(from.locks, from.locks.filters.Refunded(id)));
const claims = await Promise.all(
  [from, to].map(({ locks }) => locks.queryFilter(locks.filters.Claimed(null, hashlock), 0)),
);
console.log(JSON.stringify({ refunded: receipt.status === 1, claims: claims.flat().length }));
process.exit(0);
