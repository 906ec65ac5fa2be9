//! `/log`.

use std::sync::Arc;

use alloy_primitives::B256;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    response::Response,
};
use causeway_console::{
    pages::log::{self as page, Anchor, Entry, Log},
    parts::{Pager, segment},
};
use causeway_core::{
    log::{ACTS, Act, Body},
    swap::TransferId,
};
use serde::Deserialize;

use super::{Look, look::page_at};
use crate::{
    alarms::Rule,
    api::{App, LogEntryView, Problem, resolve::clipped},
    eventlog::LogError,
    store::{LogFilter, LogPage, LogRow},
};

/// Entries of one page.
const PAGE: u32 = 25;
/// Gaps that are shown.
const GAPS: u32 = 100;
/// Longest text that is looked for, bytes.
const MAX_QUERY: usize = 80;

/// Which entries.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Ask {
    #[serde(default)]
    q: String,
    before: Option<u64>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    ask: Result<Query<Ask>, QueryRejection>,
    look: Look,
) -> Response {
    let view = load(&app, ask).await;
    look.show(|frame| Ok(page::page(frame, &view?)))
}

async fn load(app: &App, ask: Result<Query<Ask>, QueryRejection>) -> Result<Log, Problem> {
    let Query(ask) = ask?;
    let query = ask.q.trim();
    let filter = filter(app, query)?;
    let before = LogPage::Before(ask.before.unwrap_or(u64::MAX));
    let rows = app.log.store().log_page(&filter, before, PAGE).await;
    let rows = rows.map_err(LogError::from)?;
    let (signed, anchored) = app.log.heads().await?;
    let standings = app.log.standings().await;
    let open = app.alarms.list(None, true, None, GAPS).await;
    let open = open.map_err(LogError::from)?;
    let gaps = open
        .into_iter()
        .filter(|alarm| alarm.rule == Rule::Gap.name());
    let (_, at) = app.log.keeper();
    let anchored = anchored.and_then(|row| {
        let (chain, _) = at?;
        let anchor = row.anchored?;
        Some(Anchor {
            size: row.head.size(),
            number: anchor.number,
            link: tx_link(&app.chain_name(chain), anchor.tx),
            at: row.head.at,
        })
    });
    let last = rows.last().filter(|_| rows.len() == PAGE as usize);
    let older = last.map(|row| row.seq.to_string());
    let broken = standings.iter().filter_map(|one| one.broken.as_ref());
    Ok(Log {
        size: standings.iter().map(|one| one.size).sum(),
        root: signed.map_or_else(String::new, |row| row.head.chains_root().to_string()),
        anchored,
        gaps: gaps.map(|alarm| (alarm.subject, alarm.text)).collect(),
        broken: broken.map(ToString::to_string).collect(),
        pager: Pager {
            newer: ask.before.map(|_| page_at("/log", &[("q", query)], 0)),
            older: older.map(|before| page_at("/log", &[("q", query), ("before", &before)], 0)),
        },
        rows: rows.iter().map(|row| entry(app, row)).collect(),
        query: query.to_owned(),
    })
}

/// A transaction, a transfer, a chain, `acts`, or the name of an event or act.
fn filter(app: &App, query: &str) -> Result<LogFilter, Problem> {
    if query.len() > MAX_QUERY {
        return Err(Problem::bad_request(format!(
            "what is looked for is longer than {MAX_QUERY} bytes: {:?}",
            clipped(query)
        )));
    }
    let mut filter = LogFilter::default();
    let named = app.chains.iter().find(|entry| entry.name == query);
    if query.is_empty() {
        return Ok(filter);
    }
    if query == "acts" {
        filter.segment = Some(ACTS);
    } else if let Some(entry) = named {
        filter.segment = Some(entry.id().0);
    } else if let Ok(tx) = query.parse::<B256>() {
        filter.tx = Some(tx);
    } else if let Ok(transfer) = query.parse::<TransferId>() {
        filter.transfer = Some(transfer);
    } else {
        filter.kind = Some(query.to_owned());
    }
    Ok(filter)
}

fn entry(app: &App, row: &LogRow) -> Entry {
    let view = LogEntryView::new(app, row);
    let (subject, link) = match &row.entry.body {
        Body::Event(event) => (
            view.about.unwrap_or(event.address.to_string()),
            Some(tx_link(&view.segment, event.tx)),
        ),
        Body::Act(act) => of_act(app, act),
    };
    Entry {
        number: view.seq,
        at: view.at,
        source: view.segment,
        kind: view.kind,
        subject,
        link,
        hash: view.hash,
    }
}

/// What an act is about, and where to look.
fn of_act(app: &App, act: &Act) -> (String, Option<String>) {
    let alarms = || Some("/alarms".to_owned());
    let lane = |by: &str, why: &str, lane: u32, chain: u64| {
        let chain = app.chain_name(causeway_adapter_api::ChainId(chain));
        (format!("{chain}/{lane} ({by}): {}", clipped(why)), None)
    };
    match act {
        Act::Started { version } => (version.clone(), None),
        Act::Ordered { task, .. } => (clipped(task), None),
        Act::AlarmRaised { rule, subject, .. } => {
            (format!("{rule} {}", clipped(subject)), alarms())
        }
        Act::AlarmAcknowledged { by, id, note } => {
            (format!("{id} ({by}): {}", clipped(note)), alarms())
        }
        Act::AlarmEscalated { id } | Act::AlarmCleared { id } => (id.to_string(), alarms()),
        Act::Paused {
            by,
            why,
            lane: number,
            chain,
        }
        | Act::Unpaused {
            by,
            why,
            lane: number,
            chain,
        } => lane(by, why, *number, *chain),
        Act::Opened { digest, .. } => (digest.to_string(), None),
    }
}

fn tx_link(chain: &str, tx: B256) -> String {
    format!("/chains/{}/tx/{tx}", segment(chain))
}
