// A holder compiles a generated verifier with the project's compiler and deploys it. Prints its address.
// Orders: { keystore, password, rpc, chainId, name, source }

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { ContractFactory, JsonRpcProvider } from "ethers";
import { holder } from "./wallet.mjs";

const contracts = new URL("../../contracts/", import.meta.url);
const solc = createRequire(new URL("package.json", contracts))("solc");

const orders = JSON.parse(process.argv[2]);
const path = `src/verifiers/${orders.name}.sol`;
const sources = {
  [path]: { content: orders.source },
  "src/IVerifier.sol": { content: readFileSync(new URL("src/IVerifier.sol", contracts), "utf8") },
};
// As contracts/tools/build.mjs compiles the committed ones.
const settings = { viaIR: true, optimizer: { enabled: true, runs: 1_000_000 }, evmVersion: "osaka" };
const outputSelection = { "*": { "*": ["abi", "evm.bytecode.object"] } };
const input = { language: "Solidity", sources, settings: { ...settings, outputSelection } };
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const problems = (output.errors ?? []).filter((e) => e.severity === "error");
if (problems.length > 0) throw new Error(problems.map((e) => e.formattedMessage).join("\n"));
const { abi, evm } = output.contracts[path][orders.name];

const provider = new JsonRpcProvider(orders.rpc, orders.chainId, { staticNetwork: true, polling: true, pollingInterval: 50, cacheTimeout: -1 });
const deployed = await new ContractFactory(abi, evm.bytecode.object, holder(orders).connect(provider)).deploy();
await deployed.waitForDeployment();
console.log(JSON.stringify({ address: await deployed.getAddress() }));
provider.destroy();
