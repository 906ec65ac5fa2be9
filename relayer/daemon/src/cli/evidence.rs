//! `causeway evidence`.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use causeway_evidence::{Chains, Finding, Known, Proven, Report, Verdict, file::MAX_FILE, verify};
use serde_json::{Value, json};

use super::{
    CliError,
    args::{Evidence as Command, Export, Global},
    client::Api,
    output::Output,
    transfer::segment,
};
use crate::api::KnownChain;

pub(super) async fn run(
    global: &Global,
    command: Command,
    output: &Output,
) -> Result<(), CliError> {
    match command {
        Command::Export(args) => export(global, &args, output).await,
        Command::Chains => {
            let chains: Vec<KnownChain> = Api::connect(global)?.get("/v1/evidence/chains").await?;
            let text = chains.iter().map(|chain| {
                let KnownChain {
                    chain_id,
                    genesis,
                    epoch_length,
                    validator_set,
                } = chain;
                format!("--chain {chain_id}:{genesis}:{epoch_length}:{validator_set}")
            });
            output.answer(&chains, text.collect::<Vec<_>>().join("\n"));
            Ok(())
        }
        Command::Verify { file, chain } => {
            let known = chain
                .iter()
                .map(|text| known(text))
                .collect::<Result<Chains, _>>()?;
            let report = verify(&read(&file)?, &known);
            output.answer(&as_json(&report), as_text(&report));
            match report.first_broken() {
                None => Ok(()),
                Some(link) => Err(CliError::Failed(format!("not proved: {}", link.name))),
            }
        }
    }
}

async fn export(global: &Global, args: &Export, output: &Output) -> Result<(), CliError> {
    let query = match (&args.transfer, &args.chain, &args.tx) {
        (Some(id), ..) => format!("transfer={}", segment(id)?),
        (None, Some(chain), Some(tx)) => {
            let log = args
                .log
                .map_or_else(String::new, |log| format!("&log={log}"));
            format!("chain={}&tx={}{log}", segment(chain)?, segment(tx)?)
        }
        // clap asks for one or the other.
        _ => {
            return Err(CliError::Argument {
                argument: "--transfer",
                got: "missing".into(),
                expected: "the id of a transfer, or --chain and --tx",
            });
        }
    };
    let bytes = Api::connect(global)?
        .bytes(&format!("/v1/evidence?{query}"))
        .await?;
    let default = || PathBuf::from("causeway.evidence");
    let file = args.out.clone().unwrap_or_else(default);
    let doing = "writing the evidence file";
    std::fs::write(&file, &bytes).map_err(|source| CliError::Io { doing, source })?;
    let name = file.display().to_string();
    output.answer(
        &json!({ "file": name, "bytes": bytes.len() }),
        format!(
            "{name}: {} bytes\n  causeway evidence verify {name}",
            bytes.len()
        ),
    );
    Ok(())
}

/// A file of any origin; never more of it than what is read anyway.
fn read(file: &Path) -> Result<Vec<u8>, CliError> {
    use std::io::Read as _;
    let doing = "reading the evidence file";
    let failed = |source| CliError::Io { doing, source };
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_FILE)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let opened = std::fs::File::open(file).map_err(failed)?;
    opened.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// `ID:GENESIS:EPOCH_LENGTH:VALIDATOR_SET`, as `causeway evidence chains` prints it.
fn known(text: &str) -> Result<(u64, Known), CliError> {
    let parsed = || {
        let mut parts = text.split(':');
        let mut next = || parts.next();
        let id = next()?.parse().ok()?;
        let known = Known {
            genesis: next()?.parse().ok()?,
            epoch_length: next()?.parse().ok()?,
            validator_set: next()?.parse().ok()?,
        };
        next().is_none().then_some((id, known))
    };
    parsed().ok_or_else(|| CliError::Argument {
        argument: "--chain",
        got: text.into(),
        expected: "ID:GENESIS:EPOCH_LENGTH:VALIDATOR_SET, as `causeway evidence chains` prints it",
    })
}

fn as_text(report: &Report) -> String {
    let mut text = String::new();
    for link in &report.links {
        let (mark, rest) = match &link.verdict {
            Verdict::Holds => ("holds ", String::new()),
            Verdict::Assumed(known) => ("ASSUMED", format!("\n          compare: {known}")),
            Verdict::Broken(broken) => ("BROKEN", format!("\n          {broken}")),
            Verdict::NotReached => ("not reached", String::new()),
        };
        let _ = writeln!(text, "  {mark:<7} {}{rest}", link.name);
    }
    for found in &report.proven {
        let _ = writeln!(
            text,
            "  chain {} block {} time {}: {}",
            found.chain,
            found.height,
            found.time,
            in_words(&found.proven)
        );
    }
    let last = match (report.first_broken(), assumed(report)) {
        (Some(link), _) => format!("NOT PROVED, the first broken link: {}", link.name),
        (None, true) => "proved, if the chains are the ones above".into(),
        (None, false) => "proved".into(),
    };
    text + &last
}

/// What is proved, in words.
pub(crate) fn in_words(proven: &Proven) -> String {
    match proven {
        Proven::Event {
            address,
            topics,
            data,
            ..
        } => {
            let topic = topics
                .first()
                .map_or_else(|| "nameless".into(), ToString::to_string);
            format!(
                "event {topic} of {address}, {} more topics, {} bytes",
                topics.len().saturating_sub(1),
                data.len()
            )
        }
        Proven::Transaction { hash, from, .. } => format!("transaction {hash} by {from}"),
        Proven::Slot {
            address,
            key,
            value,
        } => format!("slot {key} of {address} is {value}"),
        other => format!("{other:?}"),
    }
}

fn assumed(report: &Report) -> bool {
    report
        .links
        .iter()
        .any(|link| matches!(link.verdict, Verdict::Assumed(_)))
}

fn as_json(report: &Report) -> Value {
    let links = report.links.iter().map(|link| {
        let (verdict, why) = match &link.verdict {
            Verdict::Holds => ("holds", None),
            Verdict::Assumed(known) => ("assumed", Some(known.to_string())),
            Verdict::Broken(broken) => ("broken", Some(broken.to_string())),
            Verdict::NotReached => ("not_reached", None),
        };
        json!({ "link": link.name, "verdict": verdict, "why": why })
    });
    json!({
        "about": report.about,
        "proved": report.is_sound(),
        "assumed": assumed(report),
        "first_broken": report.first_broken().map(|link| &link.name),
        "links": links.collect::<Vec<_>>(),
        "findings": report.proven.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn finding(found: &Finding) -> Value {
    let what = match &found.proven {
        Proven::Event {
            address,
            topics,
            data,
            transaction,
        } => json!({
            "event": { "contract": address, "topics": topics, "data": data, "transaction": transaction },
        }),
        Proven::Transaction {
            hash,
            from,
            transaction,
        } => json!({
            "transaction": { "hash": hash, "from": from, "index": transaction },
        }),
        Proven::Slot {
            address,
            key,
            value,
        } => json!({
            "slot": { "contract": address, "key": key, "value": value },
        }),
        _ => Value::Null,
    };
    let Finding {
        chain,
        height,
        block,
        time,
        ..
    } = found;
    json!({ "chain": chain, "height": height, "block": block, "time": time, "proved": what })
}
