//! The daemon dies at every persist point of settlements, before and after the commit, whichever step of which deal that is;
//! started again, every deal ends as it would have (V7).
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    Causeway,
    books::{Books, part},
    eventually,
    pegs::begin,
    settling::Private,
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
/// What bob gets of each deal.
const SHARE: u64 = 600;

/// A deal that the parties' words alone settle, with a deadline that no number of restarts outlasts.
fn opens(causeway: &Causeway, private: &Private) -> Result<String> {
    let (order, salt) = (private.path("order"), private.path("order.salt"));
    #[rustfmt::skip]
    let start = [
        "--kind", "settlement", "--from", "public:alice", "--give", "1000wei", "--counterparty", "bob",
        "--to", "consortium", "--terms", &order, "--salt-file", &salt, "--window", "3600",
    ];
    begin(causeway, &start)
}

/// Ids of the deals that the store knows.
fn deals(causeway: &Causeway) -> Result<Vec<String>> {
    let answer = causeway.ask(&["transfer", "list", "--limit", "500"])?;
    let list = answer["transfers"]
        .as_array()
        .context("a list of transfers")?;
    let of_deal = |row: &Value| row["kind"] == "settlement" && row["role"] == "initiator";
    let ids = list.iter().filter(|row| of_deal(row));
    let ids = ids.map(|row| row["id"].as_str().map(str::to_owned).context("an id"));
    ids.collect()
}

/// Both parties say what the deal came to. One who has said it, or may not yet, or is cut off, is asked again later.
fn confirm(causeway: &Causeway, private: &Private, id: &str) -> Vec<String> {
    let (receipt, salt) = (private.path("receipt"), private.path("receipt.salt"));
    let share = format!("{SHARE}wei");
    let said = ["alice", "bob"].map(|party| {
        #[rustfmt::skip]
        let word = [
            "transfer", "confirm", id, "--as", party, "--data", &receipt, "--salt-file", &salt,
            "--to-counterparty", &share,
        ];
        causeway.ask(&word).err().map(|error| error.to_string())
    });
    said.into_iter().flatten().collect()
}

#[test]
fn a_settlement_ends_well_whatever_the_daemon_dies_between() -> Result<()> {
    let causeway = Causeway::new()?;
    let private = Private::new()?;
    let daemon = causeway.up(&[])?;
    let before = Books::open(&causeway)?;
    daemon.kill()?;
    for point in POINTS {
        for edge in ["before", "after"] {
            let fault = format!("{point}.{edge}");
            // The deals of earlier rounds go on beside the new one, and may be what the daemon dies over.
            match causeway.up(&[("CAUSEWAY_CRASH_AT", &fault)]) {
                Ok(mut daemon) => {
                    // Requests may be cut off by the crash: what became of them is found out below.
                    for id in deals(&causeway).unwrap_or_default() {
                        confirm(&causeway, &private, &id);
                    }
                    let asked = opens(&causeway, &private);
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
    let last = opens(&causeway, &private)?;
    let all = deals(&causeway)?;
    ensure!(all.contains(&last), "the last one is not listed: {all:?}");
    for id in &all {
        for role in ["initiator", "counterparty"] {
            let mut refusals = Vec::new();
            let part = eventually(&format!("the end of {id} for the {role}"), || {
                let found = part(&causeway, id, role)?.filter(|part| part["outcome"].is_string());
                if found.is_none() {
                    refusals = confirm(&causeway, &private, id);
                }
                Ok(found)
            })
            .with_context(|| format!("{refusals:?}: {}", daemon.tail()))?;
            ensure!(part["outcome"] == "released", "{part}");
        }
    }
    let after = Books::now(&causeway)?;
    let paid = i128::from(SHARE) * i128::try_from(all.len())?;
    ensure!(
        after.moved(&before, "public", "bob")? == paid,
        "{} deals",
        all.len()
    );
    ensure!(
        after.moved(&before, "public", "alice")? == -paid,
        "{} deals",
        all.len()
    );
    Ok(())
}
