//! The production path: equations out, a ceremony of two parties and a beacon by snarkjs, key in, its verifier on chain with
//! the transcript's hash, in a registry that takes no development keys; and a proof under it that the chain accepts.
#![allow(missing_docs)]

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{Causeway, proofs::Scene, root};
use serde_json::{Value, json};

/// snarkjs in all its steps: phase 1, two contributions, beacon, and its own check.
fn ceremony(equations: &Path, power: &Value, folder: &Path) -> Result<()> {
    let output = Command::new("node")
        .args(["run.mjs", "ceremony"])
        .arg(equations)
        .arg(power.to_string())
        .arg(folder)
        .current_dir(root().join("circuits/snarkjs"))
        .output()
        .context("running node: run `cargo xtask install`")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}{errors}");
    ensure!(
        said.lines().last() == Some("true"),
        "snarkjs refuses its result: {said}"
    );
    Ok(())
}

#[test]
fn a_ceremonys_key_is_registered_with_its_transcript_and_accepts_proofs() -> Result<()> {
    let causeway = Causeway::new()?;
    let dir = causeway.dir().to_owned();
    let path = |name: &str| dir.join(name).display().to_string();
    let circuit = causeway.ask(&["proof", "r1cs", "right", "--out", &path("right.r1cs")])?;
    ceremony(&dir.join("right.r1cs"), &circuit["power"], &dir)?;
    let (key, contract) = (path("right.key"), path("RightVerifier.sol"));
    let zkey = path("final.zkey");
    #[rustfmt::skip]
    let import = ["proof", "import", "right", &zkey, "--out", &key, "--solidity", &contract];
    let imported = causeway.ask(&import)?;
    ensure!(
        imported["contributions"] == 3,
        "two parties and the beacon: {imported}"
    );

    let daemon = causeway.up(&[])?;
    let mut scene = Scene::open(&causeway, "public")?;
    let carol = scene.books.address("carol")?;
    let registry = scene.deploy("VerifierRegistry", json!([carol, false]), None)?;
    let none = format!("0x{}", "0".repeat(64));
    // A development key is refused there.
    let development = scene.deploy("RightVerifier", json!([]), None)?;
    let register = |verifier: &str, transcript: &Value| json!([verifier, transcript]);
    let marked = register(&development, &json!(none));
    scene.refused(
        "KeyIsDevelopment",
        "carol",
        "VerifierRegistry",
        "register",
        marked,
    )?;
    let verifier = scene.deploy("RightVerifier", json!([]), Some(Path::new(&contract)))?;
    let without = register(&verifier, &json!(none));
    scene.refused(
        "TranscriptUnfit",
        "carol",
        "VerifierRegistry",
        "register",
        without,
    )?;
    let whole = register(&verifier, &imported["transcript"]);
    let done = scene.act("carol", "VerifierRegistry", "register", whole)?;
    let event = &done["events"][0]["args"];
    ensure!(event["transcript"] == imported["transcript"], "{event}");
    ensure!(
        event["keyHash"] == imported["key"] && event["development"] == false,
        "{event}"
    );

    let witness = causeway.ask(&["proof", "example", "right"])?;
    std::fs::write(dir.join("witness.json"), witness.to_string())?;
    let (witness, proof) = (path("witness.json"), path("proof.json"));
    let submit = |causeway: &Causeway| {
        #[rustfmt::skip]
        let submit = ["proof", "submit", &proof, "--from", "public:alice", "--registry", &registry];
        causeway.ask(&submit)
    };
    causeway.ask(&["proof", "make", &witness, "--out", &proof])?;
    let refused = submit(&causeway).map(drop).unwrap_err().to_string();
    ensure!(
        refused.contains("ProofRefused"),
        "under the development key: {refused}"
    );
    causeway.ask(&["proof", "make", &witness, "--out", &proof, "--key", &key])?;
    let accepted = submit(&causeway)?;
    ensure!(accepted["development"] == false, "{accepted}");
    ensure!(accepted["key"] == imported["key"], "{accepted}");
    drop(daemon);
    Ok(())
}
