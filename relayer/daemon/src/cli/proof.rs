//! `causeway proof`: making, checking and submitting proofs. Everything but `submit`, `circuits` and `session` of a DID needs
//! no daemon.

pub(super) mod args;
mod files;
mod keys;
mod session;

use std::{io, path::Path};

use alloy_primitives::{U256, hex};
use alloy_sol_types::SolCall as _;
use causeway_circuits::{
    Error,
    field::to_decimal,
    format::{self, evm, file::ProofFile, r1cs, zkey},
    groth16::{Origin, circuit_id},
    prover::{Limits, Progress, Prover},
    registered::Registered,
    solidity,
    witness::Witness,
};
use causeway_contracts::VerifierRegistry;
use serde_json::{Value, json};

use super::{
    CliError,
    args::Global,
    client::Api,
    output::Output,
    transfer::{at, segment},
};
use crate::api::{AcceptedProof, CircuitView, ProofsView, SubmitProof};
use args::{Command, Form, How, KeyChoice, KeysFolder, Make};
use files::{read_bytes, read_private, read_proof, read_text, write};
use keys::development;

pub(super) async fn run(
    global: &Global,
    command: Command,
    output: &Output,
) -> Result<(), CliError> {
    match command {
        Command::Statements => statements(output),
        Command::Example { statement } => {
            let witness = Witness::example(Registered::named(&statement)?)?;
            let text = serde_json::to_string_pretty(&witness).map_err(Error::Json)?;
            output.answer(&witness, text);
            Ok(())
        }
        Command::Keys { statements, keys } => make_keys(global, &statements, &keys, output).await,
        Command::Session(arguments) => {
            let witness = session::witness(global, &arguments).await?;
            prove(global, witness, &arguments.how, output).await
        }
        Command::Make(arguments) => make(global, arguments, output).await,
        Command::Verify {
            proof,
            verifying_key,
            key,
        } => verify(global, &proof, verifying_key.as_deref(), &key, output),
        Command::Export {
            proof,
            to: Form::Calldata,
            ..
        } => {
            let file = read_proof(&proof)?;
            let calls = calldata(&file);
            let text = serde_json::to_string_pretty(&calls).map_err(Error::Json)?;
            output.answer(&calls, text);
            Ok(())
        }
        Command::Export {
            proof, out, key, ..
        } => export(global, &proof, &out.unwrap_or_default(), &key, output),
        Command::Submit {
            proof,
            from,
            registry,
        } => {
            let file = read_proof(&proof)?;
            let words = evm::words(&file.proof, &file.inputs);
            let words: Vec<String> = words.iter().map(hex::encode_prefixed).collect();
            let (proof, inputs) = words.split_at(8);
            let request = SubmitProof {
                from: at("--from", &from)?,
                circuit: file.circuit.circuit().into(),
                proof: proof.to_vec(),
                inputs: inputs.to_vec(),
                registry: registry.map(|address| address.to_string()),
            };
            let accepted: AcceptedProof =
                Api::connect(global)?.post("/v1/proofs", &request).await?;
            let text = format!(
                "{} accepted statement {} for {}{}\n  in transaction {}",
                accepted.chain,
                accepted.statement,
                accepted.consumer,
                warning(accepted.development),
                accepted.tx
            );
            output.answer(&accepted, text);
            Ok(())
        }
        Command::Circuits { chain } => {
            let path = format!("/v1/proofs/{}", segment(&chain)?);
            let found: ProofsView = Api::connect(global)?.get(&path).await?;
            let line = |c: &CircuitView| {
                format!(
                    "{:<12} {} key {}{}",
                    c.circuit,
                    c.verifier,
                    c.key,
                    warning(c.development)
                )
            };
            let mut text: Vec<String> = found.circuits.iter().map(line).collect();
            let at = |(name, address): (&String, &String)| format!("{name:<17} {address}");
            text.extend(found.contracts.iter().map(at));
            output.answer(&found, text.join("\n"));
            Ok(())
        }
        Command::R1cs { statement, out } => {
            let compiled = Registered::named(&statement)?.compile()?;
            write(&out, &r1cs::write(compiled.system()))?;
            let found = json!({
                "circuit": compiled.name(), "constraints": compiled.system().constraints.len(),
                "power": compiled.domain().ilog2(), "file": out,
            });
            let text = format!(
                "{} has {} constraints; phase 1 needs a power of {} or more",
                compiled.name(),
                compiled.system().constraints.len(),
                compiled.domain().ilog2()
            );
            output.answer(&found, text);
            Ok(())
        }
        Command::Import {
            statement,
            zkey,
            out,
            solidity,
        } => import(&statement, &zkey, &out, solidity.as_deref(), output),
    }
}

fn statements(output: &Output) -> Result<(), CliError> {
    let mut found = Vec::new();
    let mut text = Vec::new();
    for registered in Registered::ALL {
        let compiled = registered.compile()?;
        let (constraints, inputs) = (
            compiled.system().constraints.len(),
            &compiled.system().inputs,
        );
        text.push(format!(
            "{:<9} {}\n          {}: {constraints} constraints; public: {}",
            registered.statement(),
            registered.about(),
            registered.circuit(),
            inputs.join(", ")
        ));
        found.push(json!({
            "statement": registered.statement(), "circuit": registered.circuit(), "about": registered.about(),
            "id": compiled.id(), "constraints": constraints, "inputs": inputs, "verifier": registered.contract(),
        }));
    }
    output.answer(&found, text.join("\n"));
    Ok(())
}

async fn make_keys(
    global: &Global,
    names: &[String],
    folder: &KeysFolder,
    output: &Output,
) -> Result<(), CliError> {
    let keys = folder.open(global)?;
    let mut wanted = Vec::new();
    for name in names {
        wanted.push(Registered::named(name)?);
    }
    if wanted.is_empty() {
        wanted = Registered::ALL.to_vec();
    }
    let mut found = Vec::new();
    for registered in wanted {
        let (keys, say) = (keys.clone(), *output);
        let made = in_worker(move || {
            let compiled = registered.compile()?;
            let key = development(&keys, &compiled, &say)?;
            Ok((key.verifying().hash(), keys.development_file(&compiled)))
        });
        let (hash, file) = made.await?;
        output.say(format!(
            "{:<12} key {hash}{}",
            registered.circuit(),
            warning(true)
        ));
        found.push(json!({
            "circuit": registered.circuit(), "key": hash, "development": true, "file": file,
        }));
    }
    if output.is_json() {
        output.answer(&found, "");
    }
    Ok(())
}

async fn make(global: &Global, arguments: Make, output: &Output) -> Result<(), CliError> {
    let witness = Witness::read(&read_private(&arguments.witness)?)?;
    prove(global, witness, &arguments.how, output).await
}

/// Proves in a worker thread, within bounds; Ctrl-C cancels.
async fn prove(
    global: &Global,
    witness: Witness,
    how: &How,
    output: &Output,
) -> Result<(), CliError> {
    let registered = witness.registered();
    let source = how.key.open(global)?;
    let limits = Limits {
        threads: how.threads,
        at_once: std::num::NonZeroUsize::MIN,
        waiting: 0,
        memory: how.memory.get().saturating_mul(1 << 20),
    };
    let prover = std::sync::Arc::new(Prover::new(limits)?);
    let cancel = prover.cancel();
    let (say, stop) = (*output, cancel.clone());
    let proving = in_worker(move || {
        let compiled = registered.compile()?;
        let key = source.load(&compiled, &say)?;
        let circuit = witness.circuit()?;
        let made = prover.prove(
            &key,
            &compiled,
            circuit.as_ref(),
            &stop,
            |progress| match progress {
                Progress::Checking => say.say("  checking the witness against every constraint"),
                Progress::Proving => say.say("  proving"),
                Progress::Waiting | Progress::Done => {}
            },
        );
        let (proof, inputs) = made?;
        let file = ProofFile {
            circuit: registered,
            key: key.verifying().hash(),
            inputs,
            proof,
        };
        let names = compiled.system().inputs.clone();
        Ok((file, names, key.origin()))
    });
    tokio::pin!(proving);
    let (file, names, origin) = tokio::select! {
        made = &mut proving => made?,
        pressed = tokio::signal::ctrl_c() => {
            pressed.map_err(|source| CliError::Io { doing: "waiting for signals", source })?;
            cancel.cancel();
            // A proof under way is computed to its end and then dropped.
            proving.await?
        }
    };
    write(&how.out, file.write()?.as_bytes())?;
    let inputs: serde_json::Map<String, Value> = names
        .iter()
        .zip(&file.inputs)
        .map(|(name, input)| ((*name).to_owned(), Value::from(to_decimal(input))))
        .collect();
    let development = origin == Origin::Development;
    let found = json!({
        "circuit": registered.circuit(), "statement": statement(&file), "key": file.key,
        "development": development, "inputs": inputs, "file": how.out,
    });
    let text = format!(
        "{}: statement {}{}\n  causeway proof verify {}",
        registered.circuit(),
        statement(&file),
        warning(development),
        how.out.display()
    );
    output.answer(&found, text);
    Ok(())
}

fn verify(
    global: &Global,
    proof: &Path,
    verifying_key: Option<&Path>,
    key: &KeyChoice,
    output: &Output,
) -> Result<(), CliError> {
    let file = read_proof(proof)?;
    // Who made a verifying key alone, it does not say.
    let (verified, development) = match verifying_key {
        Some(path) => {
            let text = read_text(path, format::file::MAX_FILE)?;
            let key = format::json::read_key(&text, file.circuit.circuit())?;
            (file.verify(&key)?, None)
        }
        None => {
            let key = key.open(global)?.load(&file.circuit.compile()?, output)?;
            let development = key.origin() == Origin::Development;
            (file.verify(key.verifying())?, Some(development))
        }
    };
    let found = json!({
        "verified": true, "circuit": file.circuit.circuit(), "statement": verified.statement(),
        "key": file.key, "development": development,
    });
    let text = format!(
        "{} verifies statement {}{}",
        file.circuit.circuit(),
        verified.statement(),
        warning(development == Some(true))
    );
    output.answer(&found, text);
    Ok(())
}

fn export(
    global: &Global,
    proof: &Path,
    out: &Path,
    key: &KeyChoice,
    output: &Output,
) -> Result<(), CliError> {
    let file = read_proof(proof)?;
    let key = key.open(global)?.load(&file.circuit.compile()?, output)?;
    file.verify(key.verifying())?;
    let written = [
        ("proof.json", format::json::write_proof(&file.proof)?),
        ("public.json", format::json::write_inputs(&file.inputs)?),
        (
            "verification_key.json",
            format::json::write_key(key.verifying())?,
        ),
    ];
    for (name, text) in &written {
        write(&out.join(name), text.as_bytes())?;
    }
    let text = format!(
        "in {}: npx snarkjs groth16 verify verification_key.json public.json proof.json",
        out.display()
    );
    output.answer(
        &json!({ "folder": out, "files": written.map(|(name, _)| name) }),
        text,
    );
    Ok(())
}

fn import(
    statement: &str,
    zkey: &Path,
    out: &Path,
    contract: Option<&Path>,
    output: &Output,
) -> Result<(), CliError> {
    let registered = Registered::named(statement)?;
    let compiled = registered.compile()?;
    let imported = zkey::read(&read_bytes(zkey)?, &compiled)?;
    causeway_circuits::keys::write(
        out,
        &causeway_circuits::keys::encode(&imported.key, imported.transcript)?,
    )?;
    let key = imported.key.verifying();
    if let Some(path) = contract {
        let name = registered.contract();
        let text = solidity::verifier(name, compiled.name(), key, imported.key.origin());
        write(path, text.as_bytes())?;
    }
    let found = json!({
        "circuit": compiled.name(), "key": key.hash(), "transcript": imported.transcript,
        "contributions": imported.contributions, "development": false, "file": out,
    });
    let text = format!(
        "{} key {} of {} contributions\n  transcript {} for VerifierRegistry.register",
        compiled.name(),
        key.hash(),
        imported.contributions,
        imported.transcript
    );
    output.answer(&found, text);
    Ok(())
}

/// Proving and making keys take seconds of a core: never on a thread of the runtime.
async fn in_worker<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, CliError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|source| CliError::Io {
        doing: "a worker thread",
        source: io::Error::other(source),
    })?;
    Ok(done?)
}

fn calldata(file: &ProofFile) -> Value {
    let words: Vec<U256> = evm::words(&file.proof, &file.inputs)
        .into_iter()
        .map(U256::from_be_bytes)
        .collect();
    let (proof, inputs) = words.split_at(8);
    let proof: [U256; 8] = std::array::from_fn(|i| proof.get(i).copied().unwrap_or_default());
    let circuit = circuit_id(file.circuit.circuit());
    let accept = VerifierRegistry::acceptCall {
        circuit,
        proof,
        inputs: inputs.to_vec(),
    };
    let check = VerifierRegistry::checkCall {
        circuit,
        proof,
        inputs: inputs.to_vec(),
    };
    json!({
        "circuit": circuit, "proof": proof, "inputs": inputs, "statement": statement(file),
        "accept": hex::encode_prefixed(accept.abi_encode()), "check": hex::encode_prefixed(check.abi_encode()),
    })
}

fn statement(file: &ProofFile) -> alloy_primitives::B256 {
    let words = evm::words(&file.proof, &file.inputs);
    let inputs = words.get(8..).unwrap_or_default();
    causeway_circuits::groth16::statement_of(circuit_id(file.circuit.circuit()), inputs)
}

const fn warning(development: bool) -> &'static str {
    if development {
        " (DEVELOPMENT KEY: shows nothing to others)"
    } else {
        ""
    }
}
