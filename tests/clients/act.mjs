// One holder does one thing with one contract: a transaction, or a question. Prints how it ended.
// Orders: { keystore, password, rpc, chainId, contract, address, method, args, view }

import { readFileSync, readdirSync } from "node:fs";
import { Contract, Interface, JsonRpcProvider } from "ethers";
import { holder } from "./wallet.mjs";

const artifacts = new URL("../../contracts/artifacts/", import.meta.url);
const abi = (name) => JSON.parse(readFileSync(new URL(`${name}.json`, artifacts))).abi;
// A refusal may come from any contract that was asked on the way.
const errors = new Interface(
  readdirSync(artifacts).flatMap((file) => abi(file.replace(/\.json$/, "")).filter((item) => item.type === "error")),
);
const plain = (value) => JSON.parse(JSON.stringify(value, (_, v) => (typeof v === "bigint" ? v.toString() : v)));

const orders = JSON.parse(process.argv[2]);
const provider = new JsonRpcProvider(orders.rpc, orders.chainId, { staticNetwork: true, polling: true, pollingInterval: 50, cacheTimeout: -1 });
const contract = new Contract(orders.address, abi(orders.contract), holder(orders).connect(provider));
const method = contract.getFunction(orders.method);
try {
  if (orders.view) {
    const answer = await method.staticCall(...orders.args);
    console.log(JSON.stringify({ ok: true, answer: plain(answer?.toArray?.() ?? answer) }));
  } else {
    const receipt = await (await method(...orders.args)).wait();
    const events = receipt.logs.map((log) => contract.interface.parseLog(log)).filter(Boolean);
    const named = events.map(({ name, args }) => ({ name, args: plain(args.toObject()) }));
    console.log(JSON.stringify({ ok: true, tx: receipt.hash, gas: receipt.gasUsed.toString(), events: named }));
  }
} catch (error) {
  const data = error.data ?? error.info?.error?.data;
  if (!data) throw error;
  const parsed = errors.parseError(data);
  console.log(JSON.stringify({ ok: false, error: parsed?.name ?? data, args: plain(parsed?.args.toArray() ?? []) }));
}
provider.destroy();
