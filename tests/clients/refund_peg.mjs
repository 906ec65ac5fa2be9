// Anybody asks for the refund of the newest lock for the peg, with the best proof there can be: a block of the other chain
// past every deadline, whose certificate the light client takes, and what the port's slot holds there.
//
// argv[2]: JSON { keystore, password, home, side } with { rpc, chainId, hashTimeLock, token, peg: { port, client } } of each.
// Prints { lock, proved_at, refused }: the name of the contract's error, or null when it would refund.

import { AbiCoder, Contract, Interface, concat, keccak256 } from "ethers";
import { abiOf, chain, event, holder, reached } from "./wallet.mjs";
import { within } from "./within.mjs";

const { home, side, ...keys } = JSON.parse(process.argv[2]);
const signer = holder(keys);
const [here, there] = [chain(signer, home), chain(signer, side)];
const coder = AbiCoder.defaultAbiCoder();
const port = home.peg.port;

const made = await within(30, "a lock for the peg", event(here.locks, here.locks.filters.Locked(null, null, port)));
const { id } = made.args;
const lock = made.args.lock_ ?? made.args[3];
// publicClaimAt:40 | refundAt:40 | publicRefundAt:40, from the most significant bit.
const publicRefundAt = Number((lock.terms >> 136n) & ((1n << 40n) - 1n));
await within(120, "every deadline", Promise.all([reached(here, publicRefundAt), reached(there, publicRefundAt)]));

const { proof, block } = await within(30, "a certificate", certified());
const client = new Contract(home.peg.client, abiOf("LightClient"), here.locks.runner);
const { epoch, view, parentView, signers, signatures } = proof.certificate;
const certificate = {
  epoch,
  viewNumber: view,
  parentView,
  signers: signers.reduce((bits, index) => bits | (1n << BigInt(index)), 0n),
  signatures: concat(signatures),
};
await (await client.update(proof.headers, certificate, concat(proof.validators))).wait();

const slot = keccak256(coder.encode(["bytes32", "uint256"], [id, 0]));
const { accountProof, storageProof } = await there.provider.send("eth_getProof", [side.peg.port, [slot], block.number]);
const evidence = coder.encode(
  ["tuple(uint64,uint64,bytes32)", "bytes[]", "bytes[]"],
  [[block.number, block.timestamp, block.stateRoot], accountProof, storageProof[0].proof],
);
const refused = await here.locks.refundWith.staticCall(lock.toObject(), evidence).then(() => null, named);
console.log(JSON.stringify({ lock: id, proved_at: Number(block.number), refused }));
process.exit(0);

/** The newest block of the other chain with its certificate. */
async function certified() {
  for (;;) {
    const block = await there.provider.send("eth_getBlockByNumber", ["latest", false]);
    const proof = await there.provider.send("causeway_getFinalityCertificate", [block.number]);
    if (proof) return { proof, block };
  }
}

/** The name of a contract's error; whatever else went wrong is thrown on. */
function named(error) {
  const known = new Interface(abiOf("PegVault")).parseError(error.data ?? "0x");
  if (!known) throw error;
  return known.name;
}
