//! `causeway demo --json --exit`: what a stranger runs first.
#![allow(missing_docs)]

use anyhow::{Context as _, Result};
use causeway_stories::Causeway;
use serde_json::Value;

#[test]
fn the_demo_completes_its_transfers_and_conserves_value() -> Result<()> {
    let causeway = Causeway::new()?;

    let output = causeway
        .command(&["demo", "--exit", "--json"])
        .output()
        .context("running the demo")?;

    let stdout = String::from_utf8(output.stdout)?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    let steps: Vec<Value> = stdout
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .context("one JSON object a line")?;
    let names: Vec<&str> = steps.iter().filter_map(|s| s["step"].as_str()).collect();
    assert!(names.contains(&"swap"), "{names:?}");
    let call = steps.iter().find(|s| s["step"] == "call");
    let call = call.context("a call across the chains")?;
    assert_eq!(call["ok"], true, "{call}");
    assert!(call["certificates"]["public"].is_u64(), "{call}");
    assert!(call["certificates"]["consortium"].is_u64(), "{call}");
    for name in ["peg_in", "peg_out"] {
        let crossed = steps.iter().find(|s| s["step"] == name);
        let crossed = crossed.with_context(|| format!("a step {name}"))?;
        assert_eq!(crossed["ok"], true, "{crossed}");
        assert_eq!(crossed["held"], crossed["minted"], "{crossed}");
        for chain in ["public", "consortium"] {
            assert!(crossed["certificates"][chain].is_u64(), "{crossed}");
        }
    }
    let step = |name: &str| steps.iter().find(|s| s["step"] == name);
    let proof = step("proof").context("a proof about a device's readings")?;
    assert_eq!(proof["ok"], true, "{proof}");
    assert_eq!(proof["verified"]["public"], true, "{proof}");
    assert_eq!(proof["verified"]["consortium"], true, "{proof}");
    let conditional = step("conditional").context("payment on a proof")?;
    for what in ["ok", "paid", "refused", "refunded"] {
        assert_eq!(conditional[what], true, "{what}: {conditional}");
    }
    let settled = steps.iter().find(|s| s["step"] == "settlement");
    let settled = settled.context("a settlement")?;
    assert_eq!(settled["ok"], true, "{settled}");
    assert!(settled["certificates"]["consortium"].is_u64(), "{settled}");
    let device = step("device").context("a device")?;
    assert_eq!(device["ok"], true, "{device}");
    assert_eq!(device["operators"], 4, "{device}");
    let feed = step("feed").context("a feed")?;
    assert_eq!(feed["ok"], true, "{feed}");
    assert!(feed["signers"].as_u64() >= Some(3), "{feed}");
    let alarm = step("alarm").context("an alarm")?;
    for chain in ["public", "consortium"] {
        assert!(feed["heights"][chain].is_u64(), "{feed}");
        for what in ["raised", "cleared"] {
            assert!(alarm[what][chain]["height"].is_u64(), "{what}: {alarm}");
        }
    }
    let points = |field: &str| {
        let text = settled[field].as_str().unwrap_or_default();
        text.parse::<u128>().context("an amount")
    };
    assert_eq!(
        points("initiator")? + points("counterparty")?,
        points("amount")?
    );
    let election = step("election").context("an election")?;
    assert_eq!(election["ok"], true, "{election}");
    assert_eq!(election["ranking"][0], election["candidate"], "{election}");
    let evidence = step("evidence").context("an evidence file")?;
    assert_eq!(evidence["ok"], true, "{evidence}");
    assert_eq!(evidence["change_refused"], true, "{evidence}");
    let summary = steps.last().context("a last step")?;
    assert_eq!(summary["step"], "summary");
    assert_eq!(summary["ok"], true, "{summary}");
    Ok(())
}
