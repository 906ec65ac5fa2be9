// A holder deploys a contract: of the artifacts by name, or compiled here from a generated verifier's source.
// Orders: { keystore, password, rpc, chainId, contract, args, source }

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { ContractFactory, JsonRpcProvider } from "ethers";
import { holder } from "./wallet.mjs";

const contracts = new URL("../../contracts/", import.meta.url);

function artifact(name) {
  const { abi, bytecode } = JSON.parse(readFileSync(new URL(`artifacts/${name}.json`, contracts)));
  return { abi, bytecode };
}

function compiled(name, source) {
  const solc = createRequire(new URL("package.json", contracts))("solc");
  const path = `src/verifiers/${name}.sol`;
  const input = {
    language: "Solidity",
    sources: { [path]: { content: readFileSync(source, "utf8") } },
    settings: { viaIR: true, optimizer: { enabled: true, runs: 1000000 }, evmVersion: "osaka", outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } } },
  };
  const read = (file) => ({ contents: readFileSync(new URL(file, contracts), "utf8") });
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: read }));
  const unit = output.contracts?.[path]?.[name];
  if (!unit) throw new Error(JSON.stringify(output.errors));
  return { abi: unit.abi, bytecode: `0x${unit.evm.bytecode.object}` };
}

const orders = JSON.parse(process.argv[2]);
const { abi, bytecode } = orders.source ? compiled(orders.contract, orders.source) : artifact(orders.contract);
const provider = new JsonRpcProvider(orders.rpc, orders.chainId, { staticNetwork: true, polling: true, pollingInterval: 50, cacheTimeout: -1 });
const deployed = await new ContractFactory(abi, bytecode, holder(orders).connect(provider)).deploy(...orders.args);
await deployed.waitForDeployment();
console.log(JSON.stringify({ address: await deployed.getAddress() }));
provider.destroy();
