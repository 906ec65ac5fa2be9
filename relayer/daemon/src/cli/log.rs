//! `causeway log`: reading it, and checking all of it with nothing believed of the daemon that keeps it.

use std::fmt::Write as _;

use alloy_primitives::{Address, Bytes};
use causeway_core::log::{Follower, Head};
use serde::Serialize;

use super::{
    CliError,
    args::{Global, Log, LogList as Ask},
    client::Api,
    output::Output,
    run,
    transfer::segment,
};
use crate::{
    api::{LogList, LogState, SegmentPage},
    config::Purpose,
    daemon,
    datadir::DataDir,
    eventlog,
    store::Store,
};

/// What a check of the whole log found.
#[derive(Debug, Serialize)]
struct Report {
    holds: bool,
    /// Entries that were read.
    entries: u64,
    /// What does not hold, each with the entry it is about.
    problems: Vec<String>,
    /// Who signed the newest head, if anybody did.
    keeper: Option<Address>,
    /// Whether the daemon says that the newest anchor agrees.
    anchored: Option<bool>,
}

pub(super) async fn run(global: &Global, command: Log, output: &Output) -> Result<(), CliError> {
    match command {
        Log::List(ask) => list(&Api::connect(global)?, &ask, output).await,
        Log::Head => {
            let state: LogState = Api::connect(global)?.get("/v1/log/head").await?;
            output.answer(&state, shown(&state));
            Ok(())
        }
        Log::Verify { keeper } => verify(&Api::connect(global)?, keeper, output).await,
        Log::Forget => forget(global, output).await,
    }
}

async fn list(api: &Api, ask: &Ask, output: &Output) -> Result<(), CliError> {
    let mut path = format!("/v1/log?limit={}", ask.limit);
    if let Some(before) = ask.before {
        let _ = write!(path, "&before={before}");
    }
    let words = [
        ("chain", &ask.chain),
        ("kind", &ask.kind),
        ("transfer", &ask.transfer),
    ];
    for (key, word) in words {
        if let Some(word) = word {
            let _ = write!(path, "&{key}={}", segment(word)?);
        }
    }
    let list: LogList = api.get(&path).await?;
    let lines: Vec<String> = list
        .entries
        .iter()
        .map(|entry| {
            let about = match (&entry.act, &entry.about) {
                (Some(act), _) => act.to_string(),
                (None, about) => about.clone().unwrap_or_default(),
            };
            let height = entry.height.map_or(String::new(), |h| format!("block {h}"));
            format!(
                "{:>8} {} {:<12} {:<20} {height:<14} {about}",
                entry.seq, entry.at, entry.segment, entry.kind
            )
        })
        .collect();
    let text = if lines.is_empty() {
        "no such entry".to_owned()
    } else {
        lines.join("\n")
    };
    output.answer(&list, text);
    Ok(())
}

fn shown(state: &LogState) -> String {
    let mut text = String::new();
    for part in &state.segments {
        let _ = writeln!(
            text,
            "{:<12} {:>10} entries, complete to block {}{}",
            part.segment,
            part.size,
            part.height,
            part.broken
                .as_ref()
                .map_or(String::new(), |broken| format!("; BROKEN: {broken}"))
        );
    }
    match &state.signed {
        Some(head) => {
            let _ = writeln!(
                text,
                "signed by {} at {}: {}",
                head.keeper, head.at, head.chains_root
            );
        }
        None => text.push_str("no head signed yet\n"),
    }
    match &state.anchored {
        Some(head) => {
            let number = head.anchor_number.unwrap_or_default();
            let tx = head.anchor_tx.as_deref().unwrap_or_default();
            let _ = write!(
                text,
                "anchored as number {number} in {tx}: {}",
                head.chains_root
            );
        }
        None => text.push_str("no head anchored yet"),
    }
    text
}

/// Reads every entry, and believes nothing but the arithmetic.
async fn verify(api: &Api, keeper: Option<Address>, output: &Output) -> Result<(), CliError> {
    let state: LogState = api.get("/v1/log/head").await?;
    let mut problems = Vec::new();
    let mut entries = 0;
    let mut followers = Vec::new();
    for part in &state.segments {
        let (follower, broken) = read(api, part.segment_id, part.counted).await?;
        entries += follower.len();
        problems.extend(broken);
        // What it keeps beside the entries, only the daemon sees.
        problems.extend(part.broken.clone());
        followers.push((part.segment_id, follower));
    }
    let mut signer = None;
    for view in [&state.signed, &state.anchored].into_iter().flatten() {
        let head = hex::decode(&view.head).ok();
        let head = head.and_then(|bytes| Head::decode(&bytes));
        let Some(head) = head else {
            problems.push("the head is in no known encoding".into());
            continue;
        };
        let signature: Bytes = view.signature.parse().unwrap_or_default();
        let by = eventlog::recovered(&head, &signature);
        let expected = keeper.or_else(|| view.keeper.parse().ok());
        if by.is_none() || by != expected {
            problems.push(format!(
                "the head at {} is not signed by its keeper",
                head.at
            ));
        }
        signer = signer.or(by);
        for part in std::iter::once(&head.acts).chain(&head.chains) {
            let found = followers.iter().find(|(id, _)| *id == part.id);
            let checked = match found {
                Some((_, follower)) => follower.check(part).err(),
                None => Follower::new(part.id).check(part).err(),
            };
            problems.extend(checked.map(|broken| broken.to_string()));
        }
    }
    if keeper.is_some() && state.signed.is_none() {
        problems.push("no head is signed".into());
    }
    if state.agrees == Some(false) {
        problems.push("the newest anchor on the chain says otherwise".into());
    }
    problems.dedup();
    let report = Report {
        holds: problems.is_empty(),
        entries,
        keeper: signer,
        anchored: state.agrees,
        problems,
    };
    let text = if report.holds {
        let by = signer.map_or("nobody yet".to_owned(), |by| by.to_string());
        format!("all {entries} entries hold; the newest head is signed by {by}")
    } else {
        report.problems.join("\n")
    };
    output.answer(&report, text);
    match report.problems.first() {
        None => Ok(()),
        Some(first) => Err(CliError::Failed(format!(
            "the event log does not hold: {first}"
        ))),
    }
}

/// One segment from its beginning, up to the first entry that does not hold.
async fn read(api: &Api, id: u64, counted: u64) -> Result<(Follower, Option<String>), CliError> {
    let mut follower = Follower::new(id);
    let mut from = Some(0);
    while let Some(next) = from {
        let path = format!("/v1/log/segments/{id}?from={next}");
        let page: SegmentPage = api.get(&path).await?;
        for text in &page.entries {
            let bytes = hex::decode(text).unwrap_or_default();
            if let Err(broken) = follower.take(&bytes) {
                return Ok((follower, Some(broken.to_string())));
            }
        }
        from = page.next_from;
    }
    let got = follower.len();
    let short = (got < counted).then(|| {
        format!(
            "segment {id} ends after {got} entries: entry {got} is missing, {counted} were counted"
        )
    });
    Ok((follower, short))
}

async fn forget(global: &Global, output: &Output) -> Result<(), CliError> {
    let config = run::read(global, Purpose::Daemon)?;
    // Whoever owns the directory is the only one who writes there.
    let data = DataDir::own(&config.data_dir)?;
    let failed = |error: &dyn std::fmt::Display| CliError::Failed(error.to_string());
    let key = daemon::seal_key(&config).map_err(|error| failed(&error))?;
    let path = data.path().join("causeway.sqlite");
    let store = Store::open(&path, key)
        .await
        .map_err(|error| failed(&error))?;
    store.forget_log().await.map_err(|error| failed(&error))?;
    store.close().await;
    let text =
        "the event log is forgotten: the next start reads the chains again; acts before are gone";
    output.answer(&serde_json::json!({ "forgotten": true }), text);
    Ok(())
}
