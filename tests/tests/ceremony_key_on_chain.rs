//! The way of a production key, from equations to a live chain: snarkjs runs the ceremony, the chain records its
//! transcript, and a statement proved under it is accepted once and not marked as a development key's.
//!
//! On `right` with a tree of two, because phase 1 for the full tree takes minutes.
#![allow(missing_docs)]

use std::{fs, process::Command};

use alloy_primitives::{Address, B256, U256};
use anyhow::{Context as _, Result, ensure};
use ark_bn254::Fr;
use causeway_circuits::{
    context::Context,
    format::{evm, json, r1cs, zkey},
    groth16::{Compiled, Origin, development_key, prove},
    merkle::Tree,
    solidity,
    statement::right::{self, Ask, Grant, Right},
};
use causeway_stories::{Causeway, proofs::Scene, root};
use serde_json::{Value, json};

#[test]
fn a_ceremonys_key_is_registered_with_its_transcript_and_proves_on_a_live_chain() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let scene = Scene::open(&causeway, "public")?;
    let circuit = member(scene.chain_id)?;
    let compiled = Compiled::new(&circuit)?;

    let folder = causeway.dir().join("ceremony");
    fs::create_dir(&folder)?;
    let equations = folder.join("right.r1cs");
    fs::write(&equations, r1cs::write(compiled.system()))?;
    let power = compiled.domain().ilog2().to_string();
    let (equations, at) = (equations.display(), folder.display());
    let good = snarkjs(&["ceremony", &equations.to_string(), &power, &at.to_string()])?;
    ensure!(good == true, "snarkjs checks the ceremony: {good}");
    let imported = zkey::read(&fs::read(folder.join("final.zkey"))?, &compiled)?;
    let key = imported.key.verifying();

    let source = |name, key, origin| solidity::verifier(name, compiled.name(), key, origin);
    let ceremony = source("CeremonyVerifier", key, Origin::Ceremony);
    let verifier = scene.deploy_verifier("alice", "CeremonyVerifier", &ceremony)?;
    let development = development_key(&compiled)?;
    let marked = source(
        "MarkedVerifier",
        development.verifying(),
        Origin::Development,
    );
    let marked = scene.deploy_verifier("alice", "MarkedVerifier", &marked)?;
    let transcript = B256::from(imported.transcript);
    let register = |verifier: &str, transcript: B256| json!([verifier, transcript]);
    let registry = "VerifierRegistry";

    // Nobody but the administrator; no ceremony without a transcript, no development key with one.
    let by_alice = register(&verifier, transcript);
    scene.refused(
        "CallerNotAdministrator",
        "alice",
        registry,
        "register",
        by_alice,
    )?;
    let silent = register(&verifier, B256::ZERO);
    scene.refused("TranscriptUnfit", "deployer", registry, "register", silent)?;
    let dressed_up = register(&marked, transcript);
    scene.refused(
        "TranscriptUnfit",
        "deployer",
        registry,
        "register",
        dressed_up,
    )?;
    let known = register(&verifier, transcript);
    let registered = scene.act("deployer", registry, "register", known)?;
    let event = &registered["events"][0]["args"];
    ensure!(event["transcript"] == json!(transcript), "{event}");
    ensure!(event["keyHash"] == json!(key.hash()), "{event}");
    ensure!(event["development"] == false, "{event}");

    let (proof, inputs) = prove(&imported.key, &compiled, &circuit)?;
    fs::write(folder.join("proof.json"), json::write_proof(&proof)?)?;
    fs::write(folder.join("inputs.json"), json::write_inputs(&inputs)?)?;
    let file = |name: &str| folder.join(name).display().to_string();
    let [key_file, inputs_file, proof_file] = ["key.json", "inputs.json", "proof.json"].map(file);
    let verified = snarkjs(&["verify", &key_file, &inputs_file, &proof_file])?;
    ensure!(verified == true, "snarkjs verifies it: {verified}");
    let words: Vec<U256> = evm::words(&proof, &inputs)
        .into_iter()
        .map(U256::from_be_bytes)
        .collect();
    let (proof, inputs) = words.split_at(8);
    let statement = |inputs: &[U256]| json!([key.circuit_id(), proof, inputs]);
    let mut another = inputs.to_vec();
    another[0] += U256::ONE;
    scene.refused(
        "ProofRefused",
        "bob",
        registry,
        "accept",
        statement(&another),
    )?;
    let accepted = scene.act("bob", registry, "accept", statement(inputs))?;
    let event = &accepted["events"][0]["args"];
    ensure!(event["development"] == false, "{event}");
    ensure!(event["keyHash"] == json!(key.hash()), "{event}");
    scene.refused(
        "StatementSeen",
        "bob",
        registry,
        "accept",
        statement(inputs),
    )?;
    drop(daemon);
    Ok(())
}

/// One right in a tree of two, asked for on this chain.
fn member(chain: u64) -> Result<Right> {
    let secret = Fr::from(31_337_u64);
    let grant = Grant {
        holder: right::holder(secret),
        level: 3,
        expiry: 100,
    };
    let tree = Tree::new(1, vec![grant.leaf()])?;
    let ask = Ask {
        scope: Context::new(right::DOMAIN, chain, Address::ZERO, B256::ZERO),
        min: 2,
        now: 99,
        signal: Fr::from(5_u64),
    };
    Ok(Right::new(secret, grant, tree.path(0)?, ask))
}

fn snarkjs(arguments: &[&str]) -> Result<Value> {
    let output = Command::new("node")
        .arg("run.mjs")
        .args(arguments)
        .current_dir(root().join("circuits/snarkjs"))
        .output()
        .context("running node: run `cargo xtask install`")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "snarkjs: {said}");
    let answer = String::from_utf8(output.stdout)?;
    let last = answer.lines().last().context("an answer")?;
    serde_json::from_str(last).context("snarkjs says no JSON")
}
