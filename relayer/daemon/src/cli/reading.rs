//! `causeway reading`.

use alloy_primitives::B256;
use causeway_adapter_device::names::Did;

use super::{
    CliError,
    args::{Global, Reading as Command},
    client::Api,
    output::Output,
};
use crate::{
    api::{ReadingList, ReadingView},
    oracle::ReadingProof,
};

pub(super) async fn run(
    global: &Global,
    command: Command,
    output: &Output,
) -> Result<(), CliError> {
    match command {
        Command::List { did, from, limit } => {
            let path = format!("/v1/readings/{}?from={from}&limit={limit}", parsed(&did)?);
            let page: ReadingList = Api::connect(global)?.get(&path).await?;
            let mut text: Vec<String> = page.readings.iter().map(line).collect();
            let newest = page
                .newest
                .iter()
                .map(|n| format!("{} {}", n.operator, n.sequence));
            text.push(format!("newest: {}", newest.collect::<Vec<_>>().join(", ")));
            output.answer(&page, text.join("\n"));
            Ok(())
        }
        Command::Show { did, sequence } => {
            let path = format!("/v1/readings/{}/{sequence}", parsed(&did)?);
            let reading: ReadingView = Api::connect(global)?.get(&path).await?;
            output.answer(&reading, line(&reading));
            Ok(())
        }
        Command::Prove { did, sequence, out } => {
            let path = format!("/v1/readings/{}/{sequence}/proof", parsed(&did)?);
            let proof: ReadingProof = Api::connect(global)?.get(&path).await?;
            if let Some(out) = &out {
                let text = serde_json::to_string_pretty(&proof).unwrap_or_default();
                std::fs::write(out, text).map_err(|source| CliError::Io {
                    doing: "writing the proof",
                    source,
                })?;
            }
            let text = format!(
                "reading {sequence} of {did} is in period {} under root {}, anchor {}",
                proof.anchor.period, proof.anchor.root, proof.anchor.number
            );
            output.answer(&proof, text);
            Ok(())
        }
        Command::Verify {
            file,
            root,
            hardware_x,
        } => verify(&file, root, hardware_x, output),
    }
}

/// Offline: no daemon is asked.
fn verify(
    file: &std::path::Path,
    root: B256,
    hardware_x: B256,
    output: &Output,
) -> Result<(), CliError> {
    let text = std::fs::read_to_string(file).map_err(|source| CliError::Io {
        doing: "reading the proof",
        source,
    })?;
    let failed = |why: String| CliError::Failed(format!("the proof shows nothing: {why}"));
    let proof: ReadingProof = serde_json::from_str(&text).map_err(|e| failed(e.to_string()))?;
    let shown = proof.check().map_err(|e| failed(e.to_string()))?;
    if shown.root != root {
        return Err(failed(format!(
            "it is about root {}, not {root}",
            shown.root
        )));
    }
    let [x, _] = &proof.hardware;
    if x.parse() != Ok(hardware_x) {
        return Err(failed(format!(
            "it is signed by the key {x}, not {hardware_x}"
        )));
    }
    let body = shown.body;
    let found = serde_json::json!({
        "device": body.device,
        "feed": body.feed,
        "key_number": body.key_number,
        "sequence": body.sequence,
        "time": body.time,
        "value": body.value,
        "root": shown.root,
    });
    let text = format!(
        "device {} said {} (last-digit units) at {} ms, as reading {} under key {}; it is under the root",
        body.device, body.value, body.time, body.sequence, body.key_number
    );
    output.answer(&found, text);
    Ok(())
}

fn parsed(did: &str) -> Result<Did, CliError> {
    Did::new(did).map_err(|_| CliError::Argument {
        argument: "DID",
        got: did.into(),
        expected: "did:odin: and 1 to 119 characters of a-z, 0-9, '.', ':', '-'",
    })
}

fn line(reading: &ReadingView) -> String {
    format!(
        "{:>8} {:>12} {} at {} ms  {} ({})",
        reading.sequence, reading.value, reading.unit, reading.time, reading.feed, reading.operator
    )
}
