// The holder of a keystore signs digests: r, s and v each. The key stays here.
//
// argv[2]: JSON { keystore, password, digests }.

import { holder } from "./wallet.mjs";

const { digests, ...keys } = JSON.parse(process.argv[2]);
const { signingKey, address } = holder(keys);
console.log(JSON.stringify({ address, signatures: digests.map((digest) => signingKey.sign(digest).serialized) }));
