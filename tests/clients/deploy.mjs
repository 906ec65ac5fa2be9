// A holder deploys one of our contracts.
//
// argv[2]: JSON { keystore, password, rpc, chainId, contract, args }; `"self"` among the arguments is the new contract's address.

import { readFileSync } from "node:fs";
import { ContractFactory, JsonRpcProvider, getCreateAddress } from "ethers";
import { holder } from "./wallet.mjs";
import { within } from "./within.mjs";

const { rpc, chainId, contract, args, ...keys } = JSON.parse(process.argv[2]);
const artifact = new URL(`../../contracts/artifacts/${contract}.json`, import.meta.url);
const { abi, bytecode } = JSON.parse(readFileSync(artifact));
const provider = new JsonRpcProvider(rpc, chainId, { staticNetwork: true, polling: true, pollingInterval: 50, cacheTimeout: -1 });
const wallet = holder(keys).connect(provider);
const nonce = await wallet.getNonce();
const address = getCreateAddress({ from: wallet.address, nonce });
const given = args.map((argument) => (argument === "self" ? address : argument));
const made = await new ContractFactory(abi, bytecode, wallet).deploy(...given, { nonce });
await within(60, contract, made.waitForDeployment());
console.log(JSON.stringify({ address }));
process.exit(0);
