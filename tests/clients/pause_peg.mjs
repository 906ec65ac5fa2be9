// The guardian pauses a port of the peg.
//
// argv[2]: JSON { keystore, password, at } with { rpc, chainId, hashTimeLock, token, peg: { port } }. Prints { paused }.

import { Contract } from "ethers";
import { abiOf, chain, holder } from "./wallet.mjs";

const { at, ...keys } = JSON.parse(process.argv[2]);
const { locks } = chain(holder(keys), at);
const port = new Contract(at.peg.port, abiOf("PegMint"), locks.runner);
await (await port.pause()).wait();
console.log(JSON.stringify({ paused: await port.paused() }));
process.exit(0);
