// What the tests ask of snarkjs and circomlibjs: `node run.mjs <command> <arguments>`. Answers are JSON on one line.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildEddsa, buildPoseidon } from "circomlibjs";
import * as snarkjs from "snarkjs";

const json = (file) => JSON.parse(readFileSync(file, "utf8"));
const write = (file, value) => writeFileSync(file, JSON.stringify(value));

const commands = {
  // Whether snarkjs accepts a proof.
  async verify(key, inputs, proof) {
    return snarkjs.groth16.verify(json(key), json(inputs), json(proof));
  },

  // The arguments snarkjs would give to its own contract, flat.
  async calldata(inputs, proof) {
    const text = await snarkjs.groth16.exportSolidityCallData(json(proof), json(inputs));
    return JSON.parse(`[${text}]`).flat(3);
  },

  // Phase 1, phase 2 by two parties, a beacon, and the check of the result; writes final.zkey and key.json.
  async ceremony(r1cs, power, folder) {
    const at = (name) => join(folder, name);
    const curve = await snarkjs.curves.getCurveFromName("bn128");
    await snarkjs.powersOfTau.newAccumulator(curve, Number(power), at("0.ptau"));
    await snarkjs.powersOfTau.contribute(at("0.ptau"), at("1.ptau"), "first", "entropy of a test");
    await snarkjs.powersOfTau.preparePhase2(at("1.ptau"), at("final.ptau"));
    await snarkjs.zKey.newZKey(r1cs, at("final.ptau"), at("0.zkey"));
    await snarkjs.zKey.contribute(at("0.zkey"), at("1.zkey"), "consortium", "entropy of one party");
    await snarkjs.zKey.contribute(at("1.zkey"), at("2.zkey"), "regulator", "entropy of the other");
    const beacon = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20";
    await snarkjs.zKey.beacon(at("2.zkey"), at("final.zkey"), "beacon", beacon, 10);
    write(at("key.json"), await snarkjs.zKey.exportVerificationKey(at("final.zkey")));
    return snarkjs.zKey.verifyFromR1cs(r1cs, at("final.ptau"), at("final.zkey"));
  },

  // Proves a witness under a ceremony's key.
  async prove(zkey, witness, proof, inputs) {
    const made = await snarkjs.groth16.prove(zkey, witness);
    write(proof, made.proof);
    write(inputs, made.publicSignals);
    return true;
  },

  // The verifying key of a zkey.
  async key(zkey, key) {
    write(key, await snarkjs.zKey.exportVerificationKey(zkey));
    return true;
  },

  // The same proof several times after one that warms up: seconds by the clock and of processors, for each.
  async measure(zkey, witness, times) {
    const { proof, publicSignals } = await snarkjs.groth16.prove(zkey, witness);
    const rounds = [];
    for (let i = 0; i < Number(times); i++) {
      const [clock, cpu] = [process.hrtime.bigint(), process.cpuUsage()];
      await snarkjs.groth16.prove(zkey, witness);
      const used = process.cpuUsage(cpu);
      rounds.push({ wall: Number(process.hrtime.bigint() - clock) / 1e9, cpu: (used.user + used.system) / 1e6 });
    }
    const key = await snarkjs.zKey.exportVerificationKey(zkey);
    const clock = process.hrtime.bigint();
    const verified = await snarkjs.groth16.verify(key, publicSignals, proof);
    const verify = Number(process.hrtime.bigint() - clock) / 1e9;
    return { rounds, verified, verify, memory: process.resourceUsage().maxRSS * 1024 };
  },

  // Poseidon of each list of decimals.
  async poseidon(lists) {
    const poseidon = await buildPoseidon();
    return JSON.parse(lists).map((list) => poseidon.F.toObject(poseidon(list.map(BigInt))).toString());
  },

  // Whether circomlibjs accepts our signature, and a signature of its own for us to accept.
  async eddsa(message, ours) {
    const eddsa = await buildEddsa();
    const F = eddsa.F;
    const point = (p) => p.map((x) => F.e(BigInt(x)));
    const text = (p) => p.map((x) => F.toObject(x).toString());
    const { key, r, s } = JSON.parse(ours);
    const accepted = eddsa.verifyPoseidon(F.e(BigInt(message)), { R8: point(r), S: BigInt(s) }, point(key));
    const secret = Buffer.alloc(32, 7);
    const signature = eddsa.signPoseidon(secret, F.e(BigInt(message)));
    const theirs = { key: text(eddsa.prv2pub(secret)), r: text(signature.R8), s: signature.S.toString() };
    return { accepted, theirs };
  },
};

const [command, ...rest] = process.argv.slice(2);
const answer = await commands[command](...rest);
// Its worker threads would keep the process alive.
process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0));
