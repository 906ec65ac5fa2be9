// Somebody deploys a token whose balances shrink when anybody wants them to, and a peg of it: PegVault at home, PegMint on the
// side. A holder is given some of the token.
//
// argv[2]: JSON { keystore, password, home, side, guardian, holder, amount } with { rpc, chainId, hashTimeLock, token,
// peg: { client } } of each chain. Prints { token, vault, mint, pegged }.

import { readFileSync } from "node:fs";
import { ContractFactory, getCreateAddress } from "ethers";
import { chain, holder as holderOf } from "./wallet.mjs";
import { within } from "./within.mjs";

const { home, side, guardian, holder, amount, ...keys } = JSON.parse(process.argv[2]);
const [here, there] = [home, side].map((at) => chain(holderOf(keys), at).locks.runner);
const from = here.address;
const [first, nonce] = [await here.getNonce(), await there.getNonce()];
const at = (nonce, from_ = from) => getCreateAddress({ from: from_, nonce });
const [vault, mint] = [at(first + 1), at(nonce)];
const pegged = at(1, mint);

async function deploy(signer, name, ...args) {
  const file = new URL(`../../contracts/artifacts/${name}.json`, import.meta.url);
  const { abi, bytecode } = JSON.parse(readFileSync(file));
  const made = await new ContractFactory(abi, bytecode, signer).deploy(...args);
  await within(60, name, made.waitForDeployment());
  return made;
}

const config = (own, other, remotePort, remoteToken) => ({
  locks: own.hashTimeLock,
  client: own.peg.client,
  remoteLocks: other.hashTimeLock,
  remotePort,
  remoteToken,
  administrator: from,
  guardian,
  limits: { capacity: 10n ** 24n, perSecond: 10n ** 18n, largeAmount: 10n ** 23n, delay: 60 },
});
const token = await deploy(here, "ShrinkingToken");
const address = await token.getAddress();
await deploy(here, "PegVault", config(home, side, mint, pegged), address);
await deploy(there, "PegMint", config(side, home, vault, address), "Pegged gold", "pGLD", 18);
await within(60, "the first units", token.mint(holder, amount).then((sent) => sent.wait()));
console.log(JSON.stringify({ token: address, vault, mint, pegged }));
process.exit(0);
