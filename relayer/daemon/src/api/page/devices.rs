//! `/devices`.

use std::{collections::BTreeSet, sync::Arc};

use alloy_primitives::B256;
use axum::{
    extract::{
        ConnectInfo, Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::StatusCode,
    response::Response,
};
use causeway_adapter_device::{names::Did, reading};
use causeway_console::{
    pages::devices::{self as page, Device, DeviceHealth, DeviceLine},
    parts::{Money, Pager, segment},
    plot::Sample,
};
use causeway_contracts::oracle::feed_id;
use serde::Deserialize;

use super::{Look, feeds::float};
use crate::{
    api::{App, Problem, decimal, serve::Caller},
    oracle::{OracleHandle, Verdict},
    store::DeviceRow,
};

/// Devices of one page.
const PAGE: u32 = 25;
/// Readings in the picture.
const DRAWN: u64 = 60;

/// Which devices.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Ask {
    #[serde(default)]
    after: String,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    ask: Result<Query<Ask>, QueryRejection>,
    look: Look,
) -> Response {
    let found = lines(&app, &caller, ask).await;
    look.show(|frame| {
        let (lines, pager) = found?;
        Ok(page::list(frame, &lines, &pager))
    })
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    device: Result<Path<String>, PathRejection>,
    look: Look,
) -> Response {
    let view = load(&app, &caller, device).await;
    look.show(|frame| Ok(page::page(frame, &view?)))
}

async fn lines(
    app: &App,
    caller: &Caller,
    ask: Result<Query<Ask>, QueryRejection>,
) -> Result<(Vec<DeviceLine>, Pager), Problem> {
    let Query(ask) = ask?;
    // Without an operator here nothing is known of devices; the page says how to come by some.
    let Some(oracle) = &app.oracle else {
        return Ok(Default::default());
    };
    let rows = oracle.devices(&ask.after, PAGE).await?;
    let accused = oracle.accused().await?;
    let mut lines = Vec::new();
    for row in &rows {
        lines.extend(
            line(app, oracle, caller, row, &accused)
                .await?
                .map(|found| found.line),
        );
    }
    let full = rows.len() == PAGE as usize;
    let last = rows
        .last()
        .filter(|_| full)
        .and_then(|row| row.did.as_ref());
    let pager = Pager {
        newer: (!ask.after.is_empty()).then(|| "/devices".into()),
        older: last.map(|did| format!("/devices?after={}", segment(did))),
    };
    Ok((lines, pager))
}

/// What a line is made of, and what its page needs beside.
struct Found {
    line: DeviceLine,
    chains: Vec<reading::Chain>,
    newest: Option<u64>,
    decimals: u8,
    unit: String,
    is_private: bool,
}

async fn line(
    app: &App,
    oracle: &OracleHandle,
    caller: &Caller,
    row: &DeviceRow,
    accused: &BTreeSet<B256>,
) -> Result<Option<Found>, Problem> {
    let (Some(did), Some(record)) = (&row.did, row.newest()) else {
        return Ok(None);
    };
    let since = app.page.since.saturating_mul(1_000);
    let health = oracle.health(row, accused, since).await?;
    let feeds = Did::new(did).map(|did| oracle.feeds_of(&did, record.owner));
    let feeds = feeds.unwrap_or_default();
    let chain = |feed: &String| reading::Chain {
        device: row.id,
        feed: feed_id(feed),
        key_number: record.key_number,
    };
    let chains: Vec<reading::Chain> = feeds.iter().map(chain).collect();
    let (mut newest, mut is_private) = (None, false);
    if let Some(chain) = chains.first() {
        match app.may_read(caller, record.owner, chain.feed, None).await {
            // A page that looks again by itself would use up what was bought.
            Ok(Some(_)) => is_private = true,
            Ok(None) => {
                let all = oracle.newest(*chain).await?.into_iter();
                newest = all
                    .filter_map(|(_, last)| last)
                    .max_by_key(|last| last.body.sequence);
            }
            Err(problem) if problem.status == StatusCode::FORBIDDEN.as_u16() => is_private = true,
            Err(problem) => return Err(problem),
        }
    }
    let named = feeds.first().map(String::as_str).unwrap_or_default();
    let known = oracle.config().feeds.iter();
    let decimals = known.filter(|known| known.feed.name.as_str() == named);
    let decimals = decimals
        .map(|known| known.feed.decimals)
        .next()
        .unwrap_or(0);
    let unit = app.unit_of(named);
    let owner = app.account_name(record.owner);
    let reading = newest.as_ref().map(|last| Money {
        amount: decimal(last.body.value.into(), decimals),
        unit: unit.clone(),
    });
    Ok(Some(Found {
        line: DeviceLine {
            id: did.clone(),
            name: did.clone(),
            owner: owner.unwrap_or_else(|| record.owner.to_string()),
            feeds,
            reading,
            // That it speaks is no secret; what it says may be.
            at: health.newest.map(|at| at / 1_000),
            health: match health.verdict {
                Verdict::Well => DeviceHealth::Well,
                Verdict::Silent => DeviceHealth::Silent,
                Verdict::Refused => DeviceHealth::Refused,
                Verdict::Accused => DeviceHealth::Lying,
                Verdict::Retired => DeviceHealth::Removed,
            },
        },
        newest: newest.map(|last| last.body.sequence),
        chains,
        decimals,
        unit,
        is_private,
    }))
}

async fn load(
    app: &App,
    caller: &Caller,
    device: Result<Path<String>, PathRejection>,
) -> Result<Device, Problem> {
    let (Path(device), oracle) = (device?, app.oracle()?);
    let did = Did::new(&device).map_err(Problem::bad_request)?;
    let unknown = || {
        let detail = format!("{did} is in no final block of the registry");
        Problem::not_found(detail, "the list of devices has all that there are")
    };
    let row = oracle.device(did.as_str()).await?.ok_or_else(unknown)?;
    let record = row.newest().ok_or_else(unknown)?;
    let accused = oracle.accused().await?;
    let found = line(app, oracle, caller, &row, &accused).await?;
    let found = found.ok_or_else(unknown)?;
    let mut readings = Vec::new();
    let mut stored = Vec::new();
    if let Some(chain) = found.chains.first() {
        let newest = found.newest.unwrap_or(0);
        for sequence in newest.saturating_sub(DRAWN - 1).max(1)..=newest {
            let Some((_, signed)) = oracle.reading(*chain, sequence).await? else {
                continue;
            };
            let value = i128::from(signed.body.value);
            readings.push(Sample {
                at: signed.body.time / 1_000,
                value: float(value, found.decimals),
                text: decimal(value, found.decimals),
            });
        }
        let all = oracle.newest(*chain).await?.into_iter();
        stored.extend(all.map(|(name, last)| (name, last.map_or(0, |last| last.body.sequence))));
    }
    let since = app.page.since.saturating_mul(1_000);
    let health = oracle.health(&row, &accused, since).await?;
    let troubles = health.troubles.into_iter();
    Ok(Device {
        key: record.hardware[0].to_string(),
        certificate: record.certificate.to_string(),
        sequence: found.newest,
        stored,
        is_private: found.is_private,
        band: app.band_of(found.line.feeds.first()).await?,
        readings,
        unit: found.unit,
        refused: troubles
            .map(|trouble| {
                (
                    trouble.at / 1_000,
                    format!("{}: {}", trouble.code, trouble.detail),
                )
            })
            .collect(),
        line: found.line,
    })
}

impl App {
    /// Values of a feed between which nothing is alarming, where the feed has aggregators.
    async fn band_of(&self, feed: Option<&String>) -> Result<Option<(f64, f64)>, Problem> {
        let Some(site) = feed.and_then(|feed| self.feeds.site(feed).ok()) else {
            return Ok(None);
        };
        let terms = self.feeds.view(site).await?.terms;
        let float = |value| float(value, site.decimals);
        Ok(terms.map(|terms| (float(terms.band.low), float(terms.band.high))))
    }
}
