//! The daemon dies at every persist point of a swap, before and after the commit; started again, the swap ends as it
//! would have (V7).
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{Causeway, eventually};
use serde_json::Value;

/// Names in `relayer/daemon/src/store/fault.rs`; `causeway` refuses a name it does not know, so a renamed point fails here.
const POINTS: [&str; 10] = [
    "transfer_created",
    "event_applied",
    "transfer_stepped",
    "cursor_moved",
    "lock_decided",
    "tx_prepared",
    "tx_sending",
    "tx_sent",
    "tx_voided",
    "order_closed",
];

/// Points a swap that goes well does not come by.
const NOT_ON_THE_WAY: [&str; 1] = ["tx_voided"];

const START: [&str; 12] = [
    "transfer",
    "start",
    "--from",
    "public:alice",
    "--give",
    "5",
    "--counterparty",
    "bob",
    "--to",
    "consortium:alice",
    "--want",
    "5",
];

/// Starts the swap as soon as the daemon knows the time of both chains; fails when the daemon dies over it.
fn start(causeway: &Causeway) -> Result<Value> {
    eventually("the daemon takes transfers", || {
        match causeway.ask(&START) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.to_string().contains("unavailable (503)") => Ok(None),
            Err(error) => Err(error),
        }
    })
}

fn transfers(causeway: &Causeway) -> Result<Vec<Value>> {
    let answer = causeway.ask(&["transfer", "list", "--limit", "500"])?;
    let list = answer
        .get("items")
        .or_else(|| answer.get("transfers"))
        .unwrap_or(&answer);
    list.as_array().cloned().context("a list of transfers")
}

/// Both parties' records of every swap have ended, and each completed; a watchtower's record watches on.
fn all_completed(causeway: &Causeway) -> Result<Option<usize>> {
    let Ok(mut all) = transfers(causeway) else {
        return Ok(None);
    };
    all.retain(|t| t["role"] != "watchtower");
    let completed = all.iter().filter(|t| t["outcome"] == "completed").count();
    let initiators = all.iter().filter(|t| t["role"] == "initiator").count();
    let paired = all.len() == 2 * initiators;
    Ok((!all.is_empty() && paired && completed == all.len()).then_some(completed))
}

#[test]
fn a_swap_ends_well_whatever_the_daemon_dies_between() -> Result<()> {
    let causeway = Causeway::new()?;
    let mut died = 0;
    for point in POINTS {
        for edge in ["before", "after"] {
            let fault = format!("{point}.{edge}");
            let mut daemon = causeway
                .up(&[("CAUSEWAY_CRASH_AT", &fault)])
                .or_else(|error| {
                    // A point that is passed while the daemon starts kills it before it is ready; that counts.
                    died += 1;
                    causeway
                        .up(&[])
                        .with_context(|| format!("after {fault}: {error}"))
                })?;
            // The request may be cut off by the crash: whether the transfer exists is then found out below.
            let asked = start(&causeway);
            if NOT_ON_THE_WAY.contains(&point) {
                asked?;
            } else if daemon.ended().is_ok() {
                died += 1;
            }
            drop(daemon);

            let daemon = causeway
                .up(&[])
                .with_context(|| format!("restart after {fault}"))?;
            if all_completed(&causeway)?.is_none() && transfers(&causeway)?.is_empty() {
                start(&causeway)?;
            }
            eventually(
                &format!("every transfer completed after {fault}: {}", daemon.tail()),
                || all_completed(&causeway),
            )?;
            daemon.kill()?;
        }
    }
    let on_the_way = 2 * (POINTS.len() - NOT_ON_THE_WAY.len());
    ensure!(
        died >= on_the_way,
        "only {died} of {on_the_way} crashes happened"
    );
    Ok(())
}
