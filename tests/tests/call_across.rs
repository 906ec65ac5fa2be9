//! A contract of the other chain is called from the command line; its answer comes back on proofs alone, while the daemon
//! that carries it is killed in between.
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{Causeway, eventually};
use serde_json::Value;

/// Call data of ERC-20's `totalSupply()`.
const TOTAL_SUPPLY: &str = "0x18160ddd";
/// Four accounts of a million points each.
const SUPPLY: &str = "0x0000000000000000000000000000000000000000000034f086f3b33b684000000";

fn points(causeway: &Causeway, chain: &str) -> Result<String> {
    let status = causeway.ask(&["chain", "status", chain])?;
    let found = [&status, &status["chains"][0], &status[0]]
        .into_iter()
        .find_map(|value| value["points_token"].as_str().map(str::to_owned));
    found.with_context(|| format!("the points token of {chain} in {status}"))
}

/// Sends as soon as the relay has read the gateways.
fn send(causeway: &Causeway, from: &str, to: &str) -> Result<Value> {
    let recipient = format!("{to}:{}", points(causeway, to)?);
    let from = format!("{from}:alice");
    let arguments = [
        "message",
        "send",
        "--from",
        &from,
        "--to",
        &recipient,
        "--call",
        "--data",
        TOTAL_SUPPLY,
    ];
    eventually("the daemon takes messages", || {
        match causeway.ask(&arguments) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.to_string().contains("lane leads") => Ok(None),
            Err(error) if error.to_string().contains("(503)") => Ok(None),
            Err(error) => Err(error),
        }
    })
}

fn ended(causeway: &Causeway, id: &str) -> Result<Value> {
    eventually("the message ends", || {
        let shown = causeway.ask(&["message", "show", id]);
        Ok(shown.ok().filter(|shown| shown["outcome"].is_string()))
    })
}

#[test]
fn a_call_returns_its_result_although_the_daemon_is_killed_on_the_way() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let mut ids = Vec::new();
    for (from, to) in [("public", "consortium"), ("consortium", "public")] {
        let sent = send(&causeway, from, to)?;
        ids.push(sent["id"].as_str().context("an id")?.to_owned());
    }

    daemon.kill()?;
    let daemon = causeway.up(&[])?;

    for id in &ids {
        let shown = ended(&causeway, id).with_context(|| daemon.tail())?;
        ensure!(shown["outcome"] == "executed", "{shown}");
        let result = shown["result"].as_str().context("a result")?;
        ensure!(result.trim_start_matches("0x").len() == 64, "{shown}");
        ensure!(
            result.trim_start_matches("0x").trim_start_matches('0')
                == SUPPLY.trim_start_matches("0x").trim_start_matches('0'),
            "{shown}"
        );
        ensure!(
            shown["proved_at"].is_u64() && shown["ended_at"].is_u64(),
            "{shown}"
        );
        let explained = causeway.ask(&["explain", id])?;
        ensure!(
            explained["explanation"]
                .as_str()
                .is_some_and(|text| text.contains("the result came home")),
            "{explained}"
        );
    }
    let listed = causeway.ask(&["message", "list"])?;
    ensure!(
        listed["messages"]
            .as_array()
            .is_some_and(|all| all.len() >= 2),
        "{listed}"
    );
    drop(daemon);
    Ok(())
}
