// Compiles src/ with the pinned compiler and writes artifacts/, or with --check compares them.
// The same sources give the same bytes on every machine: no metadata hash, no paths outside the package.
import { existsSync, readFileSync, readdirSync, writeFileSync, mkdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const artifacts = join(root, "artifacts");

// What is published. Everything else in src/ is reached from these.
const contracts = [
  "CallExecutor",
  "DataMarket",
  "DeviceMirror",
  "DeviceRegistry",
  "DeviceSessions",
  "CredentialDesk",
  "Election",
  "EventHub",
  "Evidence",
  "EvidenceRoll",
  "FeedAggregator",
  "Gateway",
  "HashTimeLock",
  "ILockHooks",
  "IMessageHooks",
  "LightClient",
  "LogAnchor",
  "MemberRegistry",
  "MeteredToken",
  "OwnedAnchors",
  "PegMint",
  "PegToken",
  "PegVault",
  "PointsToken",
  "SealedContent",
  "SessionCondition",
  "Settlement",
  "SettlementEscrow",
  "ValidatorSet",
  "VerifierRegistry",
  "examples/DeliveryAgreement",
  "verifiers/AlarmVerifier",
  "verifiers/HashLinkVerifier",
  "verifiers/MedianVerifier",
  "verifiers/RightVerifier",
  "verifiers/SessionVerifier",
  "verifiers/SumVerifier",
  // For tests only.
  "test/support/ColdChainConsumer",
  "test/tokens/ShrinkingToken",
];

const sourceOf = (name) => (name.startsWith("test/") ? `${name}.sol` : `src/${name}.sol`);

// Optimised for calls, but for what would not fit into 24,576 bytes of code that way.
const usualRuns = 1_000_000;
const runs = { Election: 200, Gateway: 200 };
const runsOf = (name) => runs[name] ?? usualRuns;

const settingsFor = (runs) => ({
  viaIR: true,
  optimizer: { enabled: true, runs },
  evmVersion: "osaka",
  metadata: { appendCBOR: false, bytecodeHash: "none" },
  remappings: [],
});

// Compiler messages that are known and harmless, by code and text.
const accepted = [
  (e) => e.message.startsWith('"at" will be promoted to keyword'), // the pragma is fixed; OpenZeppelin uses it as well
  (e) => e.message.startsWith("Transient storage as defined by EIP-1153"), // OpenZeppelin's guard clears it itself
];

function readImport(path) {
  const file = path.startsWith("@") ? join(root, "node_modules", path) : join(root, path);
  return existsSync(file) ? { contents: readFileSync(file, "utf8") } : { error: `${path} not found` };
}

function compile(runs) {
  const names = contracts.filter((name) => runsOf(name) === runs);
  const sources = Object.fromEntries(
    names.map((name) => [sourceOf(name), { content: readFileSync(join(root, sourceOf(name)), "utf8") }]),
  );
  const outputSelection = { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } };
  const input = { language: "Solidity", sources, settings: { ...settingsFor(runs), outputSelection } };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: readImport }));
  const problems = (output.errors ?? []).filter(
    (e) => e.severity !== "info" && !accepted.some((known) => known(e)),
  );
  for (const problem of problems) console.error(problem.formattedMessage);
  if (problems.length > 0) throw new Error(`${problems.length} compiler messages; warnings count as errors`);
  return output;
}

function artifact(output, name) {
  const unit = output.contracts[sourceOf(name)][basename(name)];
  return {
    contractName: basename(name),
    sourceName: sourceOf(name),
    compiler: { version: solc.version().replace(".Emscripten.clang", ""), settings: settingsFor(runsOf(name)) },
    abi: unit.abi,
    bytecode: `0x${unit.evm.bytecode.object}`,
    deployedBytecode: `0x${unit.evm.deployedBytecode.object}`,
  };
}

function main(check) {
  const outputs = new Map([...new Set(contracts.map(runsOf))].map((runs) => [runs, compile(runs)]));
  mkdirSync(artifacts, { recursive: true });
  const stale = [];
  for (const name of contracts) {
    const file = join(artifacts, `${basename(name)}.json`);
    const built = artifact(outputs.get(runsOf(name)), name);
    const text = `${JSON.stringify(built, null, 2)}\n`;
    const size = (built.deployedBytecode.length - 2) / 2;
    if (size > 24_576) throw new Error(`${name} has ${size} bytes of code, the limit is 24576`);
    const same = existsSync(file) && readFileSync(file, "utf8") === text;
    if (!same) stale.push(`${basename(name)}.json`);
    if (!check && !same) writeFileSync(file, text);
    console.log(`${name}: ${size} bytes of code, artifact ${same ? "up to date" : check ? "DIFFERS" : "written"}`);
  }
  const known = new Set(contracts.map((name) => `${basename(name)}.json`));
  stale.push(...readdirSync(artifacts).filter((file) => !known.has(file)));
  if (check && stale.length > 0) {
    throw new Error(`artifacts differ from the sources: ${stale.join(", ")}; run \`cargo xtask contracts build\``);
  }
}

try {
  main(process.argv.includes("--check"));
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exit(1);
}
