//! snarkjs and circomlibjs, run as they are, against ours: hashes, signatures, proofs, keys, and a whole ceremony.
//!
//! `cargo xtask install` puts them into circuits/snarkjs/node_modules.

use std::path::{Path, PathBuf};
use std::process::Command;

use alloy_primitives::{Address, B256};
use ark_bn254::Fr;
use ark_ff::One;
use causeway_circuits::babyjub::{Point, SecretKey, Signature};
use causeway_circuits::context::Context;
use causeway_circuits::error::{BinaryFault, Error, KeyFault};
use causeway_circuits::field::{from_decimal, to_decimal};
use causeway_circuits::format::{evm, json, r1cs, wtns, zkey};
use causeway_circuits::groth16::{Compiled, Origin, development_key, prove};
use causeway_circuits::keys;
use causeway_circuits::merkle::Tree;
use causeway_circuits::poseidon;
use causeway_circuits::statement::right::{self, Ask, Grant, Right};
use causeway_circuits::system::Circuit;
use causeway_circuits::yardstick;
use serde_json::{Value, json};

fn snarkjs(arguments: &[&str]) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("snarkjs");
    assert!(
        folder.join("node_modules").exists(),
        "run `cargo xtask install` first"
    );
    let out = Command::new("node")
        .arg("run.mjs")
        .args(arguments)
        .current_dir(folder)
        .output();
    let out = out.expect("node runs");
    let text = String::from_utf8_lossy(&out.stdout);
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(
        out.status.success(),
        "snarkjs {}: {text}{errors}",
        arguments[0]
    );
    serde_json::from_str(text.lines().last().expect("an answer")).expect("an answer in JSON")
}

fn right(chain: u64) -> Right {
    let secret = Fr::from(4711u64);
    let grant = Grant {
        holder: right::holder(secret),
        level: 3,
        expiry: 100,
    };
    let tree = Tree::new(1, vec![grant.leaf()]).expect("a tree");
    let scope = Context::new(right::DOMAIN, chain, Address::ZERO, B256::ZERO);
    let ask = Ask {
        scope,
        min: 2,
        now: 99,
        signal: Fr::from(5u64),
    };
    Right::new(secret, grant, tree.path(0).expect("a leaf"), ask)
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), content).expect("a file");
        self.path(name).display().to_string()
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a file")
    }
}

#[test]
fn poseidon_is_circomlibs_for_every_number_of_inputs() {
    let seed = |i: usize| poseidon::hash(&[Fr::from(i as u64)]);
    let lists: Vec<Vec<Fr>> = (1..=16)
        .map(|n| (0..n).map(|i| seed(i + n)).collect())
        .collect();
    let asked: Vec<Vec<String>> = lists
        .iter()
        .map(|list| list.iter().map(to_decimal).collect())
        .collect();

    let theirs = snarkjs(&["poseidon", &json!(asked).to_string()]);

    let ours: Vec<String> = lists
        .iter()
        .map(|list| to_decimal(&poseidon::hash(list)))
        .collect();
    assert_eq!(theirs, json!(ours));
}

#[test]
fn signatures_are_circomlibs_both_ways() {
    let secret = SecretKey::from_seed(&[9; 32]).unwrap();
    let message = Fr::from(1234u64);
    let signature = secret.sign(message);
    let pair = |p: [Fr; 2]| p.map(|x| to_decimal(&x));
    let ours = json!({
        "key": pair(secret.public().twisted()),
        "r": pair(signature.r.twisted()),
        "s": to_decimal(&signature.s()),
    });

    let answer = snarkjs(&["eddsa", "1234", &ours.to_string()]);

    assert_eq!(answer["accepted"], true);
    let number = |v: &Value| from_decimal::<Fr>(v.as_str().unwrap()).unwrap();
    let point = |v: &Value| [number(&v[0]), number(&v[1])];
    let theirs = &answer["theirs"];
    let key = Point::from_twisted(point(&theirs["key"])).unwrap();
    let signature = Signature::from_twisted(point(&theirs["r"]), number(&theirs["s"])).unwrap();
    assert!(signature.verify(key, message));
    assert!(!signature.verify(key, message + Fr::one()));
}

#[test]
fn snarkjs_verifies_our_proof_and_writes_our_calldata() {
    let compiled = Compiled::new(&right(1)).unwrap();
    let key = development_key(&compiled).unwrap();
    let (proof, inputs) = prove(&key, &compiled, &right(1)).unwrap();
    let folder = Folder::new();
    let key_file = folder.put("key.json", json::write_key(key.verifying()).unwrap());
    let proof_file = folder.put("proof.json", json::write_proof(&proof).unwrap());
    let inputs_file = folder.put("inputs.json", json::write_inputs(&inputs).unwrap());
    let other = right(2).public().inputs();
    let other_file = folder.put("other.json", json::write_inputs(&other).unwrap());

    assert_eq!(
        snarkjs(&["verify", &key_file, &inputs_file, &proof_file]),
        true
    );
    assert_eq!(
        snarkjs(&["verify", &key_file, &other_file, &proof_file]),
        false
    );
    let words = evm::words(&proof, &inputs);
    let words: Vec<String> = words
        .iter()
        .map(|w| format!("0x{}", hex::encode(w)))
        .collect();
    assert_eq!(
        snarkjs(&["calldata", &inputs_file, &proof_file]),
        json!(words)
    );
}

/// The key that measurements use: snarkjs proves under it what we would, and its proof verifies under the same points.
#[test]
fn snarkjs_proves_under_a_key_that_we_wrote_and_no_import_takes_it() {
    let compiled = Compiled::new(&right(1)).unwrap();
    let folder = Folder::new();
    let zkey_file = folder.put("ours.zkey", yardstick::snarkjs_key(&compiled).unwrap());
    let witness = folder.put("right.wtns", wtns::write(&right(1).assignment()));
    let [proof, inputs, key] = ["proof.json", "inputs.json", "key.json"].map(|name| {
        let path = folder.path(name);
        path.display().to_string()
    });
    snarkjs(&["key", &zkey_file, &key]);

    snarkjs(&["prove", &zkey_file, &witness, &proof, &inputs]);

    let verifying = json::read_key(&folder.text("key.json"), compiled.name()).unwrap();
    let stated = json::read_inputs(&folder.text("inputs.json")).unwrap();
    assert_eq!(stated, right(1).public().inputs());
    let proof = json::read_proof(&folder.text("proof.json")).unwrap();
    verifying.verify(&stated, &proof).unwrap();
    let imported = zkey::read(&std::fs::read(&zkey_file).unwrap(), &compiled);
    assert!(matches!(
        imported,
        Err(Error::KeyUnsafe(KeyFault::NoContribution))
    ));
}

/// The production path on one circuit: equations out, phase 2 by two parties and a beacon, key in, and proofs both
/// ways.
#[test]
fn a_ceremonys_key_proves_here_and_its_proofs_verify_both_ways() {
    let compiled = Compiled::new(&right(1)).unwrap();
    let folder = Folder::new();
    let equations = folder.put("right.r1cs", r1cs::write(compiled.system()));
    let power = compiled.domain().ilog2().to_string();
    let at = folder.path("").display().to_string();

    // snarkjs itself checks every contribution against our equations.
    assert_eq!(snarkjs(&["ceremony", &equations, &power, &at]), true);

    let file = std::fs::read(folder.path("final.zkey")).unwrap();
    let imported = zkey::read(&file, &compiled).unwrap();
    assert_eq!(imported.contributions, 3, "two parties and the beacon");
    assert_eq!(imported.key.origin(), Origin::Ceremony);
    let theirs = json::read_key(&folder.text("key.json"), compiled.name()).unwrap();
    assert_eq!(theirs.hash(), imported.key.verifying().hash());

    // Ours, under the ceremony's key.
    let (proof, inputs) = prove(&imported.key, &compiled, &right(1)).unwrap();
    let key_file = folder.path("key.json").display().to_string();
    let proof_file = folder.put("proof.json", json::write_proof(&proof).unwrap());
    let inputs_file = folder.put("inputs.json", json::write_inputs(&inputs).unwrap());
    assert_eq!(
        snarkjs(&["verify", &key_file, &inputs_file, &proof_file]),
        true
    );

    // Theirs, of our witness.
    let witness = folder.put("right.wtns", wtns::write(&right(1).assignment()));
    let zkey_file = folder.path("final.zkey").display().to_string();
    let made = folder.path("theirs.json").display().to_string();
    let made_inputs = folder.path("their-inputs.json").display().to_string();
    snarkjs(&["prove", &zkey_file, &witness, &made, &made_inputs]);
    let proof = json::read_proof(&folder.text("theirs.json")).unwrap();
    let stated = json::read_inputs(&folder.text("their-inputs.json")).unwrap();
    assert_eq!(stated, right(1).public().inputs());
    imported.key.verifying().verify(&stated, &proof).unwrap();

    // The imported key as a key file.
    let cached = folder.path("right.key");
    keys::write(
        &cached,
        &keys::encode(&imported.key, imported.transcript).unwrap(),
    )
    .unwrap();
    let (read, transcript) = keys::read(&cached, &compiled).unwrap();
    assert_eq!(transcript, imported.transcript);
    prove(&read, &compiled, &right(1)).unwrap();

    refuses_bad_files(&file, &compiled);
    // Nobody contributed: delta is the generator.
    let fresh = std::fs::read(folder.path("0.zkey")).unwrap();
    assert!(matches!(
        zkey::read(&fresh, &compiled),
        Err(Error::KeyUnsafe(_))
    ));
}

fn refuses_bad_files(file: &[u8], compiled: &Compiled) {
    let problem = |bytes: &[u8], compiled: &Compiled| match zkey::read(bytes, compiled) {
        Err(Error::Binary { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    let other = Compiled::new(&Right::blank(2)).expect("a circuit");
    assert_eq!(problem(file, &other), BinaryFault::OtherCircuit);
    assert_eq!(
        problem(&file[..file.len() - 1], compiled),
        BinaryFault::Truncated
    );
    assert_eq!(problem(&file[..3], compiled), BinaryFault::Truncated);
    assert_eq!(
        problem(&[file, &[0]].concat(), compiled),
        BinaryFault::Length
    );
    let mut magic = file.to_vec();
    magic[0] = b'Z';
    assert_eq!(problem(&magic, compiled), BinaryFault::Magic);
    let mut version = file.to_vec();
    version[4] = 2;
    assert_eq!(problem(&version, compiled), BinaryFault::Version);
    // A coefficient is compared, a point is on its curve or not.
    for at in [file.len() / 4, file.len() / 2, file.len() * 3 / 4] {
        let mut damaged = file.to_vec();
        damaged[at] ^= 1;
        assert!(zkey::read(&damaged, compiled).is_err(), "{at}");
    }
}
