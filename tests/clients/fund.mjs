// A holder of native points gives some away.
//
// argv[2]: JSON { keystore, password, rpc, chainId, to, amount }.

import { JsonRpcProvider } from "ethers";
import { holder } from "./wallet.mjs";
import { within } from "./within.mjs";

const { rpc, chainId, to, amount, ...keys } = JSON.parse(process.argv[2]);
const provider = new JsonRpcProvider(rpc, chainId, { staticNetwork: true, polling: true, pollingInterval: 50, cacheTimeout: -1 });
const sent = await holder(keys).connect(provider).sendTransaction({ to, value: amount });
await within(60, "the gift", sent.wait());
console.log(JSON.stringify({ to }));
process.exit(0);
