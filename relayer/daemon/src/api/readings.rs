//! `/v1/readings`: raw readings from the archives of the operators here, and proofs of them.
//!
//! Who may read is the owner's choice, made on chain: `DataMarket` is asked about the listing of the device's owner for the
//! feed. Without a listing the data is private. Reads that were bought one by one are counted here, each before it is served.
//! Operators, regulators and administrators of the API read everything.

use std::sync::Arc;

use alloy_primitives::{Address, B256, hex};
use axum::{
    Json,
    extract::{
        ConnectInfo, Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::StatusCode,
};
use causeway_adapter_device::{names::Did, reading};
use causeway_adapter_hosted::tls::Role;
use causeway_contracts::{DataMarket, oracle::feed_id};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{App, Problem, app::Access, market::listing_id, serve::Caller};
use crate::oracle::{DeviceState, OracleHandle, ReadingProof};

/// Most readings of one page.
const MAX_PAGE: u64 = 256;

/// A reading as an operator accepted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadingView {
    /// The device.
    pub did: String,
    /// Name of the feed.
    pub feed: String,
    /// Number of the key that signed it.
    pub key_number: u32,
    /// Its number in the device's chain.
    pub sequence: u64,
    /// Milliseconds since 1970.
    pub time: u64,
    /// The value, decimal text.
    pub value: String,
    /// Its unit.
    pub unit: String,
    /// What names it, and what the next reading carries.
    pub digest: String,
    /// Digest of the one before.
    pub previous: String,
    /// What the device signed, 128 bytes (docs/devices.md).
    pub body: String,
    /// The hardware key's signature, r and s: with `body` it is good evidence, whoever shows it.
    pub signature: String,
    /// The operator whose archive it is of.
    pub operator: String,
}

/// Readings of a device, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReadingList {
    /// The readings.
    pub readings: Vec<ReadingView>,
    /// The newest number in each operator's archive, zero where it has none.
    pub newest: Vec<Newest>,
    /// Where the next page begins, if there is one.
    pub next_from: Option<u64>,
}

/// How far an operator is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Newest {
    /// Which operator.
    pub operator: String,
    /// The newest number it has stored.
    pub sequence: u64,
}

/// Which readings.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Name of the feed; not needed where the device speaks for one of this daemon alone.
    feed: Option<String>,
    /// Number of the key; the present one when left out.
    key_number: Option<u32>,
    /// A group of readers that the caller is in, where the data is private.
    group: Option<u64>,
    /// In a list: from this number on.
    from: Option<u64>,
    /// In a list: at most so many, 1 to 256.
    limit: Option<u64>,
}

impl Which {
    /// Of a feed and key, for a reader of a group.
    pub(super) fn of(feed: Option<String>, key_number: Option<u32>, group: Option<u64>) -> Self {
        Self {
            feed,
            key_number,
            group,
            from: None,
            limit: None,
        }
    }
}

/// A device's chain that somebody may read.
pub(super) struct Found {
    pub(super) did: Did,
    pub(super) chain: reading::Chain,
    pub(super) state: DeviceState,
    hardware: [B256; 2],
    present: bool,
    paid: Option<PaidReads>,
}

impl Found {
    /// Whether the caller may have all of it, and not so many readings as it paid for.
    pub(super) fn whole(&self) -> Result<(), Problem> {
        match self.paid {
            Some(_) => Err(closed(
                "a session is a whole stretch of readings, and you bought reads one by one",
            )),
            None => Ok(()),
        }
    }
}

/// Reads that the caller bought one by one.
pub(super) struct PaidReads {
    listing: B256,
    account: Address,
    bought: u64,
}

/// Readings of a device.
#[utoipa::path(
    get, path = "/v1/readings/{device}", tag = "readings",
    params(Which, ("device" = String, Path, description = "did:odin:<number>")),
    responses(
        (status = 200, body = ReadingList), (status = 400, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)
    )
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    device: Result<Path<String>, PathRejection>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<ReadingList>, Problem> {
    let (Path(device), Query(which)) = (device?, which?);
    let found = app.readable(&caller, &device, &which).await?;
    let (from, limit) = (which.from.unwrap_or(1), which.limit.unwrap_or(50));
    if !(1..=MAX_PAGE).contains(&limit) || from == 0 {
        return Err(Problem::bad_request(format!(
            "from is {from} and limit {limit}, expected 1 or more and 1 to {MAX_PAGE}"
        )));
    }
    let oracle = app.oracle()?;
    let mut readings = Vec::new();
    for sequence in from..from.saturating_add(limit) {
        let Some(view) = reading_of(oracle, &found, sequence).await? else {
            break;
        };
        readings.push(view);
    }
    let granted = app.pay(&found, readings.len()).await?;
    readings.truncate(granted);
    let newest = oracle.newest(found.chain).await?;
    let newest = newest.into_iter().map(|(operator, last)| Newest {
        operator,
        sequence: last.map_or(0, |last| last.body.sequence),
    });
    let full = readings.len() as u64 == limit;
    Ok(Json(ReadingList {
        next_from: full.then(|| from.saturating_add(limit)),
        readings,
        newest: newest.collect(),
    }))
}

/// One reading.
#[utoipa::path(
    get, path = "/v1/readings/{device}/{sequence}", tag = "readings",
    params(
        Which, ("device" = String, Path, description = "did:odin:<number>"),
        ("sequence" = u64, Path, description = "its number")
    ),
    responses(
        (status = 200, body = ReadingView), (status = 400, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)
    )
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    path: Result<Path<(String, u64)>, PathRejection>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<ReadingView>, Problem> {
    let (Path((device, sequence)), Query(which)) = (path?, which?);
    let found = app.readable(&caller, &device, &which).await?;
    let view = reading_of(app.oracle()?, &found, sequence).await?;
    let view = view.ok_or_else(|| missing(&found, sequence))?;
    app.pay(&found, 1).await?;
    Ok(Json(view))
}

/// A reading with its signature, the way to its period's root, and the anchor of that root.
#[utoipa::path(
    get, path = "/v1/readings/{device}/{sequence}/proof", tag = "readings",
    params(
        Which, ("device" = String, Path, description = "did:odin:<number>"),
        ("sequence" = u64, Path, description = "its number")
    ),
    responses(
        (status = 200, body = ReadingProof), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)
    )
)]
pub(super) async fn prove(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    path: Result<Path<(String, u64)>, PathRejection>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<ReadingProof>, Problem> {
    let (Path((device, sequence)), Query(which)) = (path?, which?);
    let found = app.readable(&caller, &device, &which).await?;
    let oracle = app.oracle()?;
    if reading_of(oracle, &found, sequence).await?.is_none() {
        return Err(missing(&found, sequence));
    }
    if !found.present {
        let detail =
            "the key of that number was replaced, and this daemon keeps the present one alone";
        let what = "ask for the reading without its proof";
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "key-replaced",
            detail,
            what,
        ));
    }
    let proof = oracle.proof(found.chain, sequence, found.hardware).await?;
    let proof = proof.ok_or_else(|| {
        let detail = format!("reading {sequence} is stored, its period is not anchored yet");
        let what =
            "ask again after the end of the period; oracle.period_seconds says how long one is";
        Problem::new(StatusCode::CONFLICT, "not-anchored", detail, what)
    })?;
    app.pay(&found, 1).await?;
    Ok(Json(proof))
}

impl App {
    /// The chain of readings that is asked for, if the caller may read it.
    pub(super) async fn readable(
        &self,
        caller: &Caller,
        device: &str,
        which: &Which,
    ) -> Result<Found, Problem> {
        let oracle = self.oracle()?;
        let did = Did::new(device).map_err(Problem::bad_request)?;
        let row = oracle.device(did.as_str()).await?;
        let record = row.as_ref().and_then(|row| Some((row.id, row.newest()?)));
        let Some((id, record)) = record else {
            let detail = format!("{did} is in no final block of the registry");
            return Err(Problem::not_found(detail, "list devices at /v1/devices"));
        };
        let feeds = oracle.feeds_of(&did, record.owner);
        let feed = match (&which.feed, feeds.as_slice()) {
            (Some(name), _) if feeds.contains(name) => name,
            (None, [one]) => one,
            _ => {
                let detail = format!("{did} speaks for: {}", feeds.join(", "));
                return Err(Problem::bad_request(format!("name one feed: {detail}")));
            }
        };
        let asked = self.may_read(caller, record.owner, feed_id(feed), which.group);
        let paid = asked.await?;
        let key_number = which.key_number.unwrap_or(record.key_number);
        Ok(Found {
            chain: reading::Chain {
                device: id,
                feed: feed_id(feed),
                key_number,
            },
            state: record.state,
            hardware: record.hardware,
            present: key_number == record.key_number,
            did,
            paid,
        })
    }

    /// Asks the market, as whoever serves data must. Reads that were bought one by one are used with [`Self::pay`].
    pub(super) async fn may_read(
        &self,
        caller: &Caller,
        owner: Address,
        feed: B256,
        group: Option<u64>,
    ) -> Result<Option<PaidReads>, Problem> {
        let peer = match (self.access, &caller.peer) {
            // Loopback of the local profile is the operator's own machine.
            (Access::Loopback, _) => return Ok(None),
            (Access::Certificates, Some(peer)) => peer,
            (Access::Certificates, None) => return Err(closed("no certificate was sent")),
        };
        if matches!(peer.role, Role::Operator | Role::Regulator | Role::Admin) {
            return Ok(None);
        }
        // A member whose certificate bears the name of an account here reads as that account.
        let account = self.accounts.get(&peer.name).copied().unwrap_or_default();
        let (market, listing) = (self.oracle()?.config().site.market, listing_id(owner, feed));
        let call = DataMarket::mayReadCall {
            id: listing,
            account,
            group: group.unwrap_or_default(),
        };
        match self.of_public(market, &call).await? {
            Some(true) => return Ok(None),
            Some(false) => {}
            // No listing: nothing was ever offered.
            None => return Err(closed("its owner has not offered it")),
        }
        // What was bought stays bought, whatever the offer is now.
        let bought = self.reads_bought(listing, account).await?;
        if bought == 0 {
            return Err(closed("the owner's offer does not include you"));
        }
        Ok(Some(PaidReads {
            listing,
            account,
            bought,
        }))
    }

    /// Uses up as many of the caller's reads, if it bought them one by one, and returns how many it may have.
    async fn pay(&self, found: &Found, wanted: usize) -> Result<usize, Problem> {
        let Some(paid) = found.paid.as_ref().filter(|_| wanted > 0) else {
            return Ok(wanted);
        };
        let PaidReads {
            listing,
            account,
            bought,
        } = *paid;
        let used = self
            .oracle()?
            .use_reads(listing, account, bought, wanted as u64);
        match usize::try_from(used.await?).unwrap_or(wanted) {
            0 => Err(closed(&format!(
                "the {bought} reads that you bought are used up"
            ))),
            granted => Ok(granted),
        }
    }
}

async fn reading_of(
    oracle: &OracleHandle,
    found: &Found,
    sequence: u64,
) -> Result<Option<ReadingView>, Problem> {
    let Some((operator, signed)) = oracle.reading(found.chain, sequence).await? else {
        return Ok(None);
    };
    let feeds = oracle.config().feeds.iter();
    let mut feeds = feeds.filter(|feed| feed.feed.name.id() == found.chain.feed);
    let Some(feed) = feeds.next() else {
        return Ok(None);
    };
    let body = signed.body;
    Ok(Some(ReadingView {
        did: found.did.to_string(),
        feed: feed.feed.name.to_string(),
        key_number: body.key_number,
        sequence: body.sequence,
        time: body.time,
        value: scaled(body.value, feed.feed.decimals),
        unit: feed.feed.unit.to_string(),
        digest: body.digest().to_string(),
        previous: body.previous.to_string(),
        body: hex::encode_prefixed(body.to_bytes()),
        signature: hex::encode_prefixed(signed.hardware),
        operator: operator.name().to_owned(),
    }))
}

fn scaled(value: i64, decimals: u8) -> String {
    match causeway_adapter_device::decimal::Decimal::new(value, decimals) {
        Ok(decimal) => decimal.to_string(),
        // Checked with the configuration: a feed has at most nine decimals.
        Err(_) => value.to_string(),
    }
}

fn missing(found: &Found, sequence: u64) -> Problem {
    let detail = format!("no operator here has reading {sequence} of {}", found.did);
    Problem::not_found(
        detail,
        "GET /v1/readings/{device} says how far each operator is",
    )
}

fn closed(why: &str) -> Problem {
    let detail = format!("these readings are not for you: {why}");
    let what = "ask the device's owner, or buy access from DataMarket; a certificate named as one of the daemon's accounts reads as it";
    Problem::new(StatusCode::FORBIDDEN, "not-offered", detail, what)
}
