// A lane's guardian pauses it; its administrator ends the pause.
//
// argv[2]: JSON { keystore, password, rpc, chainId, gateway, lane, paused }.

import { Contract, JsonRpcProvider } from "ethers";
import { abiOf, holder } from "./wallet.mjs";
import { within } from "./within.mjs";

const { rpc, chainId, gateway, lane, paused, ...keys } = JSON.parse(process.argv[2]);
const provider = new JsonRpcProvider(rpc, chainId, { staticNetwork: true, polling: true, pollingInterval: 50, cacheTimeout: -1 });
const contract = new Contract(gateway, abiOf("Gateway"), holder(keys).connect(provider));

const sent = await (paused ? contract.pause(lane) : contract.unpause(lane));
await within(60, "the pause", sent.wait());
console.log(JSON.stringify({ paused }));
process.exit(0);
