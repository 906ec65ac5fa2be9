//! Writes the verifier contracts of the development keys, and proofs for the tests of contracts.
//!
//! `cargo run --release -p causeway-circuits --example verifiers -- contracts`
//!
//! The keys are always the same, so the contracts are. The proofs are random: commit them with the contracts.

use std::error::Error;
use std::fs;
use std::path::Path;

use alloy_primitives::{Address, B256, U256, address, b256, keccak256};
use ark_bn254::Fr;
use causeway_circuits::field::from_hash;
use causeway_circuits::format::evm;
use causeway_circuits::groth16::{Compiled, Origin, Proof, ProvingKey, development_key, prove};
use causeway_circuits::groth16::{negated, rerandomised};
use causeway_circuits::registered::Registered;
use causeway_circuits::solidity::verifier;
use causeway_circuits::witness::{Number, Place, Witness};

/// forge's chain.
const CHAIN: u64 = 31337;
/// Where the tests put the contracts that act on proofs: contracts/test/support/ProofWorld.sol.
const CONDITION: Address = address!("0x00000000000000000000000000000000000c0d17");
const DESK: Address = address!("0x000000000000000000000000000000000000de5c");
const METERED: Address = address!("0x0000000000000000000000000000000000003e7e");
/// The lock of `ProofWorld.conditionalLock`.
const LOCK: B256 = b256!("0x88f174e8931d4443e4d518bf64d5f4c258a84a59d1aebd9f2c933c58688551d2");
/// Who asks in the tests of `CredentialDesk`, and for what.
const ASKER: Address = address!("0x0000000000000000000000000000000000000a5c");
const PURPOSE: &str = "customs clearance";
/// The period that is metered.
const PERIOD: u64 = 499_999;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1);
    let folder = folder.ok_or("the folder of the contracts")?;
    let folder = Path::new(&folder);
    let mut vectors = String::new();
    for registered in Registered::ALL {
        eprintln!("{}", registered.circuit());
        let (name, compiled) = (registered.contract(), registered.compile()?);
        let key = development_key(&compiled)?;
        let text = verifier(name, compiled.name(), key.verifying(), Origin::Development);
        fs::write(folder.join(format!("src/verifiers/{name}.sol")), text)?;
        for (name, witness) in witnesses(registered)? {
            let (proof, inputs) = proved(&key, &compiled, &witness)?;
            vectors += &vector(&name, &proof, &inputs);
            if name == "right" {
                vectors += &vector("negated", &negated(&proof)?, &inputs);
                let other = rerandomised(key.verifying(), &proof)?;
                vectors += &vector("rerandomised", &other, &inputs);
            }
        }
    }
    let text = format!("{HEAD}{}}}\n", vectors.trim_start_matches('\n'));
    fs::write(folder.join("test/verifiers/ProofVectors.sol"), text)?;
    Ok(())
}

fn proved(
    key: &ProvingKey,
    compiled: &Compiled,
    witness: &Witness,
) -> Result<(Proof, Vec<Fr>), causeway_circuits::Error> {
    prove(key, compiled, witness.circuit()?.as_ref())
}

/// The example of a statement, and what the tests of its consumer need.
fn witnesses(of: Registered) -> Result<Vec<(String, Witness)>, causeway_circuits::Error> {
    let at = |contract, round| Place {
        chain: CHAIN,
        contract,
        round,
    };
    let mut all = vec![(of.statement().to_owned(), Witness::example(of)?)];
    match of {
        Registered::Session => {
            let whole = Witness::example_at(of, at(CONDITION, LOCK))?;
            all.push(("coldChain".into(), whole));
            let mut broken = Witness::example_at(of, at(CONDITION, LOCK))?;
            if let Witness::Session(session) = &mut broken
                && let Some((_, value)) = session.readings.get_mut(100)
            {
                *value = -10_000;
            }
            all.push(("brokenColdChain".into(), broken));
            let place = Place {
                chain: 1,
                ..at(CONDITION, LOCK)
            };
            all.push(("coldChainElsewhere".into(), Witness::example_at(of, place)?));
        }
        Registered::Right => {
            let asker = B256::left_padding_from(ASKER.as_slice());
            let scope = keccak256([asker, keccak256(PURPOSE)].concat());
            for (name, number) in [("consent", 0_u64), ("secondConsent", 1)] {
                let level = B256::from(U256::from(2));
                let number = B256::from(U256::from(number));
                let request = keccak256([asker, keccak256(PURPOSE), level, number].concat());
                let mut witness = Witness::example_at(of, at(DESK, scope))?;
                if let Witness::Right(right) = &mut witness {
                    right.signal = Number(from_hash(request));
                }
                all.push((name.into(), witness));
            }
        }
        Registered::Sum => {
            let period = B256::from(U256::from(PERIOD));
            let metered = Witness::example_at(of, at(METERED, period))?;
            all.push(("metered".into(), metered));
        }
        Registered::Alarm | Registered::HashLink | Registered::Median => {}
    }
    Ok(all)
}

fn vector(name: &str, proof: &Proof, inputs: &[Fr]) -> String {
    let words: Vec<String> = evm::words(proof, inputs)
        .iter()
        .map(|w| format!("0x{}", hex::encode(w)))
        .collect();
    let (proof, inputs) = words.split_at(8);
    let mut out = format!(
        "\n    function {name}() internal pure returns (uint256[8] memory proof, uint256[] memory inputs) {{\n"
    );
    for (i, word) in proof.iter().enumerate() {
        out += &format!("        proof[{i}] = {word};\n");
    }
    out += &format!("        inputs = new uint256[]({});\n", inputs.len());
    for (i, word) in inputs.iter().enumerate() {
        out += &format!("        inputs[{i}] = {word};\n");
    }
    out + "    }\n"
}

const HEAD: &str = "// SPDX-License-Identifier: MIT OR Apache-2.0
// Generated by causeway-circuits; not to be edited.
pragma solidity 0.8.37;

/// Proofs under development keys.
library ProofVectors {
";
