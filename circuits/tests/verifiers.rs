//! The committed verifier contracts are those of the development keys.
//!
//! If this fails because a circuit changed: `cargo run --release -p causeway-circuits --example verifiers -- contracts`,
//! then `cargo xtask contracts build`, and commit both: contracts deployed before verify the circuit as it was.

use std::path::Path;

use causeway_circuits::groth16::{Origin, development_key};
use causeway_circuits::registered::Registered;
use causeway_circuits::solidity::verifier;

#[test]
fn committed_verifiers_are_those_of_the_development_keys() {
    for registered in Registered::ALL {
        let (name, compiled) = (registered.contract(), registered.compile().unwrap());
        let key = development_key(&compiled).unwrap();

        let text = verifier(name, compiled.name(), key.verifying(), Origin::Development);

        let file = format!("../contracts/src/verifiers/{name}.sol");
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        assert_eq!(std::fs::read_to_string(committed).unwrap(), text, "{name}");
    }
}
