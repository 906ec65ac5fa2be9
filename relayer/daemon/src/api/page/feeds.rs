//! `/feeds`.

use std::sync::Arc;

use axum::{
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    response::Response,
};
use causeway_adapter_device::names::Did;
use causeway_console::{
    pages::feeds::{self as page, Feed, FeedLine, Round},
    parts::{Money, Pager, segment},
    plot::Sample,
};
use serde::Deserialize;

use super::Look;
use crate::{
    api::{App, Problem, decimal},
    oracle::feeds::{FeedSite, FeedView, Said, Terms},
    store::FeedRow,
};

/// What aggregators said that is looked through for the rounds of one page.
const READ: u32 = 500;
/// Rounds of one page.
const PAGE: usize = 25;
/// Devices of the store that are looked through, and that are shown.
const DEVICES: (u32, usize) = (500, 50);

/// Which rounds.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Ask {
    before: Option<i64>,
}

pub(super) async fn list(State(app): State<Arc<App>>, look: Look) -> Response {
    let lines = lines(&app).await;
    look.show(|frame| Ok(page::list(frame, &lines?, &Pager::default())))
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    feed: Result<Path<String>, PathRejection>,
    ask: Result<Query<Ask>, QueryRejection>,
    look: Look,
) -> Response {
    let view = load(&app, feed, ask).await;
    look.show(|frame| Ok(page::page(frame, &view?)))
}

async fn lines(app: &App) -> Result<Vec<FeedLine>, Problem> {
    let mut lines = Vec::new();
    for site in app.feeds.sites() {
        let view = app.feeds.view(site).await?;
        lines.push(line(app, site, &view));
    }
    Ok(lines)
}

async fn load(
    app: &App,
    feed: Result<Path<String>, PathRejection>,
    ask: Result<Query<Ask>, QueryRejection>,
) -> Result<Feed, Problem> {
    let (Path(name), Query(ask)) = (feed?, ask?);
    let site = app.feeds.site(&name)?;
    let view = app.feeds.view(site).await?;
    let rows = app.feeds.history(&name, ask.before, READ).await?;
    let unit = app.unit_of(&site.name);
    let told = rounds(site, &unit, view.terms.as_ref(), &rows);
    let at = |before: i64| format!("/feeds/{}?before={before}", segment(&site.name));
    let oldest = told.get(PAGE - 1).map(|(row, ..)| *row);
    // What was read beyond the last round shown may hold more of them.
    let more = told.len() > PAGE || rows.len() == READ as usize;
    let older = oldest.or_else(|| rows.last().map(|row| row.id));
    let drawn = told.iter().rev().map(|(.., sample)| sample.clone());
    let delivered = view.ends.iter().filter_map(|end| {
        let answer = end.standing.answer?;
        Some((
            app.chain_name(end.end.chain),
            u64::from(answer.round),
            answer.time,
        ))
    });
    Ok(Feed {
        line: line(app, site, &view),
        answers: drawn.collect(),
        band: view.terms.as_ref().map(|terms| {
            let float = |value| float(value, site.decimals);
            (float(terms.band.low), float(terms.band.high))
        }),
        delivered: delivered.collect(),
        devices: devices(app, &site.name).await?,
        pager: Pager {
            newer: ask
                .before
                .map(|_| format!("/feeds/{}", segment(&site.name))),
            older: older.filter(|_| more).map(at),
        },
        rounds: told
            .into_iter()
            .take(PAGE)
            .map(|(_, round, _)| round)
            .collect(),
        unit,
    })
}

/// The newest answer on any chain, and what all chains say of alarms.
fn line(app: &App, site: &FeedSite, view: &FeedView) -> FeedLine {
    let answers = view.ends.iter().filter_map(|end| end.standing.answer);
    let newest = answers.max_by_key(|answer| answer.round);
    let unit = app.unit_of(&site.name);
    FeedLine {
        id: site.name.clone(),
        name: site.name.clone(),
        answer: newest.map(|answer| Money {
            amount: decimal(answer.value, site.decimals),
            unit,
        }),
        at: newest.map(|answer| answer.observed_at),
        quorum: (
            newest.map_or(0, |answer| answer.signers.count_ones() as usize),
            view.terms.as_ref().map_or(0, |terms| terms.operators.len()),
        ),
        is_alarmed: view.ends.iter().any(|end| end.standing.alarm),
        is_stale: view.ends.iter().any(|end| end.standing.stale),
    }
}

/// Every round that was answered once, newest first, with the row that told it.
fn rounds(
    site: &FeedSite,
    unit: &str,
    terms: Option<&Terms>,
    rows: &[FeedRow],
) -> Vec<(i64, Round, Sample)> {
    let mut told: Vec<(i64, Round, Sample)> = Vec::new();
    let answers: Vec<(u32, i128, u64, u32, i64)> = rows
        .iter()
        .filter_map(|row| match row.fact.said {
            Said::Answered {
                round,
                value,
                observed_at,
                signers,
                ..
            } => Some((round, value, observed_at, signers, row.id)),
            _ => None,
        })
        .collect();
    for (round, value, at, signers, row) in &answers {
        // Every chain hears of a round; the first to tell it is enough.
        if told
            .iter()
            .any(|(_, known, _)| known.number == u64::from(*round))
        {
            continue;
        }
        let before = answers.iter().filter(|(number, ..)| number < round);
        let before = before.max_by_key(|(number, ..)| *number);
        let asked = rows.iter().any(|row| matches!(row.fact.said, Said::Requested { round: wanted, .. } if wanted == *round));
        let text = decimal(*value, site.decimals);
        let trigger = match (asked, before, terms) {
            (true, ..) => "request",
            (_, Some((_, old, ..)), Some(terms)) if value.abs_diff(*old) >= terms.deviation() => {
                "deviation"
            }
            (_, Some((_, _, then, ..)), Some(terms))
                if at.saturating_sub(*then) >= u64::from(terms.heartbeat()) =>
            {
                "heartbeat"
            }
            _ => "",
        };
        let shown = Round {
            number: u64::from(*round),
            answer: Money {
                amount: text.clone(),
                unit: unit.to_owned(),
            },
            at: *at,
            trigger: trigger.into(),
            signers: signers.count_ones() as usize,
        };
        let sample = Sample {
            at: *at,
            value: float(*value, site.decimals),
            text,
        };
        told.push((*row, shown, sample));
    }
    told
}

/// Devices that speak for a feed: link and name.
async fn devices(app: &App, feed: &str) -> Result<Vec<(String, String)>, Problem> {
    let Some(oracle) = &app.oracle else {
        return Ok(Vec::new());
    };
    let rows = oracle.devices("", DEVICES.0).await?;
    let speaks = rows.iter().filter_map(|row| {
        let (did, record) = (row.did.as_ref()?, row.newest()?);
        let feeds = oracle.feeds_of(&Did::new(did).ok()?, record.owner);
        let link = format!("/devices/{}", segment(did));
        feeds
            .iter()
            .any(|name| name == feed)
            .then(|| (link, did.clone()))
    });
    Ok(speaks.take(DEVICES.1).collect())
}

/// A picture shows fewer digits than a float has.
pub(super) fn float(value: i128, decimals: u8) -> f64 {
    value as f64 / 10_f64.powi(i32::from(decimals))
}

impl App {
    /// Unit of a feed, where an operator here takes its readings; nothing elsewhere.
    pub(super) fn unit_of(&self, feed: &str) -> String {
        let feeds = self.oracle.iter().flat_map(|oracle| &oracle.config().feeds);
        let mut found = feeds.filter(|known| known.feed.name.as_str() == feed);
        found
            .next()
            .map_or_else(String::new, |known| known.feed.unit.to_string())
    }
}
