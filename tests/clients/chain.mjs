// What the client tests share: the chain under test, from the environment, and the contract they deploy.
//
// CAUSEWAY_HTTP, CAUSEWAY_WS   URLs of its JSON-RPC
// CAUSEWAY_CHAIN_ID            the chain id it must have
// CAUSEWAY_KEY                 private key of an account with native points

import { readFileSync } from "node:fs";

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

export const http = required("CAUSEWAY_HTTP");
export const ws = required("CAUSEWAY_WS");
export const chainId = Number(required("CAUSEWAY_CHAIN_ID"));
export const key = required("CAUSEWAY_KEY");

const artifacts = new URL("../../contracts/artifacts/", import.meta.url);

/** ABI and bytecode of one of our contracts. */
export function artifact(name) {
  const { abi, bytecode } = JSON.parse(readFileSync(new URL(`${name}.json`, artifacts)));
  return { abi, bytecode: bytecode.startsWith("0x") ? bytecode : `0x${bytecode}` };
}

export { within } from "./within.mjs";

/** One bare JSON-RPC call. */
export async function rpc(method, ...params) {
  const response = await fetch(http, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const { result, error } = await response.json();
  if (error) throw Object.assign(new Error(`${method}: ${error.message}`), error);
  return result;
}
