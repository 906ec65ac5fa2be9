//! Proofs, inputs and keys as files and call data bring them. What is read is written back as it was, or is an equal value.
#![no_main]

use std::sync::OnceLock;

use causeway_circuits::{
    format::{evm, json, zkey},
    groth16::Compiled,
    statement::right::Right,
};
use libfuzzer_sys::fuzz_target;

/// Depth of the tree of the circuit a key is read for.
const DEPTH: usize = 20;

fuzz_target!(|raw: &[u8]| {
    for count in [1, 3, 6] {
        if let Ok((proof, inputs)) = evm::read(raw, count) {
            assert_eq!(evm::write(&proof, &inputs), raw);
        }
    }
    if let Some(circuit) = circuit() {
        let _ = zkey::read(raw, circuit);
    }
    let Ok(text) = std::str::from_utf8(raw) else {
        return;
    };
    if let Ok(proof) = json::read_proof(text) {
        let again = json::write_proof(&proof).and_then(|text| json::read_proof(&text));
        assert_eq!(again.ok(), Some(proof));
    }
    if let Ok(inputs) = json::read_inputs(text) {
        let again = json::write_inputs(&inputs).and_then(|text| json::read_inputs(&text));
        assert_eq!(again.ok(), Some(inputs));
    }
    let _ = json::read_key(text, "right-20");
});

fn circuit() -> Option<&'static Compiled> {
    static COMPILED: OnceLock<Option<Compiled>> = OnceLock::new();
    COMPILED
        .get_or_init(|| Compiled::new(&Right::blank(DEPTH)).ok())
        .as_ref()
}
