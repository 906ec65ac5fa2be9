// A party of a settlement puts its private figures into the business contract: ethers, the consortium's endpoint, a keystore.
//
// argv[2]: JSON { keystore, password, rpc, chainId, agreement, deal, order, orderSalt, receipt, receiptSalt }, the deal as
// the escrow's event shows it. Prints one JSON object: the outcome that the figures come to.

import { Contract, JsonRpcProvider } from "ethers";
import { abiOf, holder } from "./wallet.mjs";
import { within } from "./within.mjs";

const { rpc, chainId, agreement, deal, order, orderSalt, receipt, receiptSalt, ...keys } = JSON.parse(process.argv[2]);
const provider = new JsonRpcProvider(rpc, chainId, { staticNetwork: true, polling: true, pollingInterval: 50, cacheTimeout: -1 });
const contract = new Contract(agreement, abiOf("DeliveryAgreement"), holder(keys).connect(provider));

const sent = await contract.getFunction("state")(deal, order, orderSalt, receipt, receiptSalt);
await within(60, "the party's figures", sent.wait());
const outcome = await contract.outcomeOf(order, receipt, receiptSalt);
console.log(JSON.stringify({ digest: outcome.digest, toCounterparty: outcome.toCounterparty.toString() }));
process.exit(0);
