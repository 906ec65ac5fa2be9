//! The daemon dies at every persist point of a peg, before and after the commit; started again, every peg ends as it would
//! have (V7).
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    Causeway,
    books::Books,
    eventually,
    pegs::{begin, held_and_minted},
};
use serde_json::Value;

/// Names in `relayer/daemon/src/store/fault.rs`; `causeway` refuses a name it does not know, so a renamed point fails here.
const POINTS: [&str; 5] = [
    "crossing_created",
    "crossing_read",
    "crossing_cursor",
    "crossing_stepped",
    "crossing_ordered",
];
const AMOUNT: u128 = 1_000;

/// A window that no number of restarts outlasts, so that every peg can end well.
const START: [&str; 10] = [
    "--kind",
    "peg-in",
    "--from",
    "public:alice",
    "--give",
    "1000wei",
    "--to",
    "consortium:alice",
    "--window",
    "900",
];

fn pegs(causeway: &Causeway) -> Result<Vec<Value>> {
    let answer = causeway.ask(&["transfer", "list", "--limit", "500", "--role", "user"])?;
    let list = answer["transfers"].as_array().cloned();
    list.context("a list of transfers")
}

#[test]
fn a_peg_ends_well_whatever_the_daemon_dies_between() -> Result<()> {
    let causeway = Causeway::new()?;
    for point in POINTS {
        for edge in ["before", "after"] {
            let fault = format!("{point}.{edge}");
            // The pegs of earlier rounds go on beside the new one, and may be what the daemon dies over.
            match causeway.up(&[("CAUSEWAY_CRASH_AT", &fault)]) {
                Ok(mut daemon) => {
                    // The request may be cut off by the crash: whether the peg exists is found out below.
                    let asked = begin(&causeway, &START);
                    let ended = daemon.ended();
                    let status =
                        ended.with_context(|| format!("{fault} was not reached: {asked:?}"))?;
                    ensure!(
                        status.code().is_none(),
                        "{fault}: ended by itself, {status}"
                    );
                }
                // Killed before it was ready; a point it does not know would end it with a code.
                Err(error) => ensure!(error.to_string().contains("ended with signal"), "{error}"),
            }
        }
    }

    let daemon = causeway.up(&[])?;
    let last = begin(&causeway, &START)?;
    let all = eventually("every peg completed", || {
        let all = pegs(&causeway)?;
        let open = all.iter().any(|peg| peg["outcome"].is_null());
        Ok((!open).then_some(all))
    })
    .with_context(|| daemon.tail())?;

    ensure!(
        all.iter().any(|peg| peg["id"] == *last),
        "the last one is not listed"
    );
    ensure!(
        all.iter().all(|peg| peg["outcome"] == "completed"),
        "{all:?}"
    );
    let moved = AMOUNT * u128::try_from(all.len())?;
    let books = Books::now(&causeway)?;
    ensure!(
        held_and_minted(&books)? == (moved, moved),
        "{} pegs",
        all.len()
    );
    Ok(())
}
