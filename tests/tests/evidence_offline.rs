//! A transfer's evidence is written by a daemon and checked when no daemon runs: each event down to the genesis of its
//! chain, over handovers of validators; a changed byte, and another chain, are told by name.
#![allow(missing_docs)]

use std::{path::Path, process::Output};

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    Causeway,
    books::{Books, alice_gives, ended},
    eventually,
};
use serde_json::Value;

/// Short epochs: several hand over within the story.
const EPOCHS: [(&str, &str); 2] = [
    ("CAUSEWAY_HOSTED__PUBLIC__EPOCH_BLOCKS", "12"),
    ("CAUSEWAY_HOSTED__CONSORTIUM__EPOCH_BLOCKS", "12"),
];

fn verify(causeway: &Causeway, file: &Path, chains: &[String]) -> Result<(Output, Value)> {
    let mut command = causeway.command(&["evidence", "verify", "--json"]);
    command.arg(file);
    chains.iter().for_each(|chain| {
        command.args(["--chain", chain]);
    });
    let output = command.output().context("running causeway")?;
    // The report comes first; what is not proved ends with an error after it.
    let mut values = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
    let report: Value = values.next().context("evidence verify said nothing")??;
    Ok((output, report))
}

fn height(causeway: &Causeway, chain: &str) -> Result<u64> {
    let status = causeway.ask(&["chain", "status", chain])?;
    let found = [&status, &status[0]]
        .into_iter()
        .find_map(|value| value["height"].as_u64());
    found.with_context(|| format!("the height of {chain} in {status}"))
}

#[test]
fn evidence_of_a_transfer_is_verified_with_no_daemon_and_no_network() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&EPOCHS)?;
    Books::open(&causeway)?;
    let id = alice_gives(&causeway, 3, "bob")?;
    ended(&causeway, &id, "initiator")?;
    eventually("two epochs of both chains have ended", || {
        let far = height(&causeway, "public")?.min(height(&causeway, "consortium")?) > 30;
        Ok(far.then_some(()))
    })?;
    let late = alice_gives(&causeway, 2, "bob")?;
    ended(&causeway, &late, "initiator")?;

    let file = causeway.dir().join("late.evidence");
    let name = file.to_str().context("a name")?;
    causeway.ask(&["evidence", "export", "--transfer", &late, "--out", name])?;
    let known = causeway.ask(&["evidence", "chains"])?;
    daemon.kill()?;

    let chains: Vec<String> = known
        .as_array()
        .context("chains")?
        .iter()
        .map(|chain| {
            let text = |key: &str| chain[key].as_str().unwrap_or_default().to_owned();
            let (id, length) = (&chain["chain_id"], &chain["epoch_length"]);
            format!(
                "{id}:{}:{length}:{}",
                text("genesis"),
                text("validator_set")
            )
        })
        .collect();
    let (output, report) = verify(&causeway, &file, &chains)?;
    ensure!(
        output.status.success() && report["proved"] == true,
        "{report}"
    );
    ensure!(report["assumed"] == false, "{report}");
    // Two locks and two claims.
    let findings = report["findings"].as_array().context("findings")?;
    ensure!(findings.len() == 4, "{report}");
    let handovers = report["links"].as_array().context("links")?.iter();
    let handovers = handovers.filter(|link| {
        link["link"]
            .as_str()
            .is_some_and(|text| text.contains("hands over"))
    });
    ensure!(handovers.count() >= 4, "{report}");

    let bytes = std::fs::read(&file)?;
    for place in (0..bytes.len()).step_by(bytes.len() / 16) {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        std::fs::write(&file, &changed)?;
        let (output, report) = verify(&causeway, &file, &chains)?;
        ensure!(output.status.code() == Some(1), "byte {place}: {report}");
        ensure!(report["first_broken"].is_string(), "byte {place}: {report}");
    }

    std::fs::write(&file, &bytes)?;
    let (output, report) = verify(&causeway, &file, &[])?;
    ensure!(
        output.status.success() && report["assumed"] == true,
        "{report}"
    );
    let chain = chains.first().context("a chain")?;
    let (id, rest) = chain.split_once(':').context("an id")?;
    let (_, rest) = rest.split_once(':').context("a genesis")?;
    let foreign = format!("{id}:0x{}:{rest}", "22".repeat(32));
    let mut output = causeway.command(&["evidence", "verify"]);
    let output = output.arg(&file).args(["--chain", &foreign]).output()?;
    ensure!(
        !output.status.success(),
        "{foreign} was taken for the chain"
    );
    Ok(())
}

#[test]
fn what_cannot_be_proved_is_refused_with_the_reason() -> Result<()> {
    let causeway = Causeway::new()?;
    let _daemon = causeway.up(&[])?;
    Books::open(&causeway)?;
    let nothing = format!("0x{}", "11".repeat(32));

    let refused = |arguments: &[&str]| match causeway.ask(arguments) {
        Ok(answer) => Err(anyhow::anyhow!("{arguments:?} gave {answer}")),
        Err(error) => Ok(error.to_string()),
    };
    let export = ["evidence", "export"];
    let unknown = refused(&[&export[..], &["--chain", "public", "--tx", &nothing]].concat())?;
    let nowhere = refused(&[&export[..], &["--chain", "nowhere", "--tx", &nothing]].concat())?;
    let malformed = refused(&[&export[..], &["--transfer", "zz"]].concat())?;
    let never = refused(&[&export[..], &["--transfer", &"ab".repeat(16)]].concat())?;
    let missing = refused(&["evidence", "verify", "/nowhere/at.all"])?;

    ensure!(unknown.contains("no final transaction"), "{unknown}");
    ensure!(nowhere.contains("nowhere"), "{nowhere}");
    ensure!(malformed.contains("32 hexadecimal digits"), "{malformed}");
    ensure!(never.contains("nothing of it is final"), "{never}");
    ensure!(missing.contains("evidence file"), "{missing}");
    Ok(())
}
