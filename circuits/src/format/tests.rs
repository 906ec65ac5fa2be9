use std::path::Path;
use std::sync::OnceLock;

use proptest::prelude::*;

use super::{binary, evm, json, r1cs, wtns, zkey};
use crate::error::{BinaryFault, Error};
use crate::groth16::{Compiled, development_key, prove};
use crate::statement::right::Right;
use crate::system::{Builder, Circuit, Num};

/// Two public inputs, one of them squared.
struct Tiny;

impl Circuit for Tiny {
    fn name(&self) -> String {
        "tiny".into()
    }

    fn build(&self, c: &mut Builder) {
        let [nine, one] = [9u64, 1].map(|v| c.public("input", v.into()));
        let three = c.witness("three", 3u64.into());
        c.enforce(&three, &three, &nine);
        c.equal(&one, &Num::one());
    }
}

fn compiled() -> &'static Compiled {
    static COMPILED: OnceLock<Compiled> = OnceLock::new();
    COMPILED.get_or_init(|| Compiled::new(&Tiny).unwrap())
}

fn texts() -> &'static [String; 3] {
    static TEXTS: OnceLock<[String; 3]> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let key = development_key(compiled()).unwrap();
        let (proof, inputs) = prove(&key, compiled(), &Tiny).unwrap();
        let proof = json::write_proof(&proof).unwrap();
        [
            proof,
            json::write_inputs(&inputs).unwrap(),
            json::write_key(key.verifying()).unwrap(),
        ]
    })
}

/// What coverage-guided fuzzing (`cargo xtask fuzz`) begins with. `CAUSEWAY_WRITE_SEEDS=true` writes it anew; a proof is
/// another one each time.
#[test]
fn the_seeds_of_the_fuzzer_are_a_proof_and_its_key() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/seeds/proof");
    let names = ["proof.json", "inputs.json", "key.json"];
    if std::env::var_os("CAUSEWAY_WRITE_SEEDS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in names.iter().zip(texts()) {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }
    let [proof, inputs, key] =
        names.map(|name| std::fs::read_to_string(folder.join(name)).unwrap());

    let inputs = json::read_inputs(&inputs).unwrap();
    let proof = json::read_proof(&proof).unwrap();
    json::read_key(&key, "tiny")
        .unwrap()
        .verify(&inputs, &proof)
        .unwrap();
}

#[test]
fn equations_are_written_as_iden3_reads_them() {
    let bytes = r1cs::write(compiled().system());

    let sections = binary::Sections::read("r1cs", b"r1cs", 1, &bytes).unwrap();
    let mut header = sections.section(1).unwrap();
    header.field::<ark_bn254::Fr>().unwrap();
    // Columns, outputs, public inputs, private ones.
    let counts = [0; 4].map(|_| header.u32().unwrap());
    assert_eq!(counts, [4, 0, 2, 1]);
    assert_eq!(header.u64().unwrap(), 4, "labels");
    assert_eq!(header.u32().unwrap(), 2, "constraints");
    header.end().unwrap();
    assert!(binary::Sections::read("wtns", b"wtns", 2, &wtns::write(&Tiny.assignment())).is_ok());
}

#[test]
fn a_section_twice_or_missing_is_refused() {
    let twice = binary::write(b"zkey", 1, &[(1, vec![1, 0, 0, 0]), (1, vec![])]);
    let problem = |bytes: &[u8]| match zkey::read(bytes, compiled()) {
        Err(Error::Binary { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };

    assert_eq!(problem(&twice), BinaryFault::Twice);
    assert_eq!(
        problem(&binary::write(b"zkey", 1, &[])),
        BinaryFault::Missing
    );
    let plonk = binary::write(b"zkey", 1, &[(1, vec![2, 0, 0, 0])]);
    assert_eq!(problem(&plonk), BinaryFault::Protocol);
    let endless = [
        &b"zkey"[..],
        &[1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0],
        &[0xff; 8],
    ]
    .concat();
    assert_eq!(problem(&endless), BinaryFault::Truncated);
}

proptest! {
    /// Whatever comes is read or refused: no decoder panics, and what is read is written back the same.
    #[test]
    fn decoders_take_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = zkey::read(&bytes, compiled());
        let _ = zkey::read(&[&b"zkey\x01\0\0\0"[..], &bytes].concat(), compiled());
        if let Ok((proof, inputs)) = evm::read(&bytes, bytes.len() / 32) {
            prop_assert_eq!(evm::write(&proof, &inputs), bytes.clone());
        }
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(json::read_proof(&text).is_err());
        prop_assert!(json::read_key(&text, "tiny").is_err());
        let _ = json::read_inputs(&text);
    }

    /// One changed character of a valid text is refused, or gives another valid text; never a panic.
    #[test]
    fn decoders_take_damaged_text(which in 0usize..3, at in any::<prop::sample::Index>(), with in any::<char>()) {
        let mut chars: Vec<char> = texts()[which].chars().collect();
        let at = at.index(chars.len());
        chars[at] = with;
        let text: String = chars.into_iter().collect();
        match which {
            0 => { let _ = json::read_proof(&text); }
            1 => { let _ = json::read_inputs(&text); }
            _ => { let _ = json::read_key(&text, "tiny"); }
        }
    }
}

#[test]
fn a_circuit_of_another_size_has_another_hash() {
    let [two, three] = [2, 3].map(|depth| Right::blank(depth).system().hash());

    assert_ne!(two, three);
    assert_eq!(two, Right::blank(2).system().hash());
}
