//! What a prover is given as a file: witnesses, proofs. What is read is proved or refused by name, and never panics.
#![no_main]

use causeway_circuits::{format::file::ProofFile, witness::Witness};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    let Ok(text) = std::str::from_utf8(raw) else {
        return;
    };
    if let Ok(witness) = Witness::read(text) {
        // Whether the numbers make a statement is said here.
        let _ = witness.circuit();
    }
    if let Ok(file) = ProofFile::read(text) {
        let again = file.write().and_then(|text| ProofFile::read(&text));
        assert_eq!(again.ok().map(|file| file.inputs), Some(file.inputs));
    }
});
