//! `causeway proof` without a daemon: what it makes, what it refuses, and that it shows nothing private.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

/// The secret of the example witness, and one of ours.
const EXAMPLE: &str = "4711";
const SECRET: &str = "31415926535897932384626433832795028841971";

fn causeway(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_causeway"))
        .arg("proof")
        .args(arguments)
        .args(["--json", "--data-dir", "data"])
        .current_dir(dir)
        .env_remove("CAUSEWAY_CONFIG")
        .env_remove("CAUSEWAY_API_URL")
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

fn answer(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_str(&said).unwrap_or_else(|_| panic!("not JSON: {said}"))
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("an error in JSON");
    answer["error"].as_str().expect("an error").to_owned()
}

fn write(dir: &Path, name: &str, value: &Value) {
    std::fs::write(dir.join(name), value.to_string()).expect("written");
}

fn read(dir: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(dir.join(name)).expect("there")).expect("JSON")
}

#[test]
fn a_witness_becomes_a_proof_that_verifies_and_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let mut witness = answer(&causeway(dir, &["example", "right"]));
    assert_eq!(witness["secret"], EXAMPLE);
    write(dir, "witness.json", &witness);

    let made = causeway(dir, &["make", "witness.json", "--out", "proof.json"]);
    let made = answer(&made);
    assert_eq!(made["development"], true);
    let verified = answer(&causeway(dir, &["verify", "proof.json"]));
    assert_eq!(verified["statement"], made["statement"]);
    let calldata = answer(&causeway(
        dir,
        &["export", "proof.json", "--to", "calldata"],
    ));
    assert_eq!(calldata["statement"], made["statement"]);
    assert_eq!(calldata["inputs"].as_array().unwrap().len(), 6);
    answer(&causeway(
        dir,
        &["export", "proof.json", "--to", "snarkjs", "--out", "."],
    ));
    let verified = [
        "verify",
        "proof.json",
        "--verifying-key",
        "verification_key.json",
    ];
    std::fs::rename(dir.join("proof.json"), dir.join("snarkjs.json")).unwrap();
    answer(&causeway(
        dir,
        &["make", "witness.json", "--out", "proof.json"],
    ));
    answer(&causeway(dir, &verified));
    for name in ["proof.json", "snarkjs.json", "public.json"] {
        let text = std::fs::read_to_string(dir.join(name)).unwrap();
        assert!(
            !text.contains(&format!("\"{EXAMPLE}\"")),
            "{name} holds the secret"
        );
    }

    let mut proof = read(dir, "proof.json");
    proof["inputs"][3] = json!("3");
    write(dir, "other.json", &proof);
    assert!(refused(&causeway(dir, &["verify", "other.json"])).contains("does not verify"));
    proof["inputs"] = json!(["1"]);
    write(dir, "other.json", &proof);
    assert!(refused(&causeway(dir, &["verify", "other.json"])).contains("1 public inputs"));

    // A level that the holder does not have: the rule is named, the secret is not.
    witness["secret"] = json!(SECRET);
    write(dir, "witness.json", &witness);
    let output = causeway(dir, &["make", "witness.json", "--out", "false.json"]);
    let _ = answer(&output);
    witness["min"] = json!(9);
    write(dir, "witness.json", &witness);
    let output = causeway(dir, &["make", "witness.json", "--out", "false.json"]);
    assert!(refused(&output).contains("`level"), "{output:?}");
    let said = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&said).contains(SECRET));
}

#[test]
fn files_that_are_no_witness_proof_or_key_are_refused_and_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let mut witness = answer(&causeway(dir, &["example", "right"]));
    witness["secret"] = json!([SECRET]);
    write(dir, "witness.json", &witness);
    let make = ["make", "witness.json", "--out", "proof.json"];

    let output = causeway(dir, &make);
    assert!(refused(&output).contains("`secret`"), "{output:?}");
    let said = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&said).contains(SECRET));

    std::fs::write(dir.join("witness.json"), "x".repeat(1 << 20)).unwrap();
    assert!(refused(&causeway(dir, &make)).contains("at most"));
    std::fs::write(dir.join("proof.json"), "{}").unwrap();
    assert!(refused(&causeway(dir, &["verify", "proof.json"])).contains("JSON"));
    assert!(refused(&causeway(dir, &["keys", "quorum"])).contains("no such statement"));

    let small = "--memory";
    let witness = answer(&causeway(dir, &["example", "right"]));
    write(dir, "witness.json", &witness);
    let output = causeway(dir, &[&make[..], &[small, "1"]].concat());
    assert!(refused(&output).contains("the limit is"), "{output:?}");
    let key = dir.join("data/proving-keys/right-20.development.key");
    let bytes = std::fs::read(&key).expect("a cached key");
    std::fs::write(&key, &bytes[..bytes.len() / 2]).unwrap();
    assert!(
        refused(&causeway(dir, &make)).contains("bytes"),
        "truncated"
    );
    std::fs::write(dir.join("zkey"), b"zkey").unwrap();
    let import = ["import", "right", "zkey", "--out", "k"];
    assert!(refused(&causeway(dir, &import)).contains("zkey file"));
}

#[test]
fn statements_are_described_with_their_sizes() {
    let folder = tempfile::tempdir().unwrap();

    let found = answer(&causeway(folder.path(), &["statements"]));

    let names: Vec<&str> = found
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|s| s["statement"].as_str())
        .collect();
    assert_eq!(
        names,
        ["right", "alarm", "session", "hashlink", "sum", "median"]
    );
    assert_eq!(found[2]["constraints"], 56_035);
    assert_eq!(found[2]["inputs"][0], "context");
}
