//! The page: what the API tells, for people. Loaders read what the handlers of the API read and fill the view structs of
//! [`causeway_console`], which renders them.
//!
//! The access rules are the API's ([`super::guard`]). A form carries a token and must come from this very origin
//! ([`forms`]); nothing is loaded from elsewhere, no style or script stands in a page ([`look`]).

mod alarms;
mod amounts;
mod chains;
mod decode;
mod devices;
mod evidence;
mod explorer;
mod feeds;
mod forms;
mod health;
mod live;
mod log;
mod look;
mod members;
mod messages;
mod overview;
mod proofs;
mod search;
mod supply;
mod symbols;
mod transfer;
mod transfers;

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Path, rejection::PathRejection},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use causeway_console::{Place, assets::Asset};

pub(super) use amounts::learn;
pub(super) use evidence::CHECK;
pub(super) use look::{Look, refused};

use super::{App, Problem};

/// The form that says that somebody has seen an alarm.
pub(super) const ACKNOWLEDGE: &str = "/alarms/{id}/acknowledge";

/// Parts of the navigation that have something behind them.
const PLACES: [Place; 13] = [
    Place::Overview,
    Place::Transfers,
    Place::Messages,
    Place::Supply,
    Place::Chains,
    Place::Feeds,
    Place::Devices,
    Place::Proofs,
    Place::Evidence,
    Place::Alarms,
    Place::Log,
    Place::Members,
    Place::Health,
];

/// What the pages share beside what the API shares.
pub(super) struct Shared {
    /// What tokens of forms are made from; never leaves the process.
    key: [u8; 32],
    /// When the process began, unix seconds.
    since: u64,
    /// Seconds by which a chain's clock may be ahead.
    skew: u64,
    /// Files that are checked at once.
    checks: tokio::sync::Semaphore,
    heights: live::Heights,
    decimals: amounts::Decimals,
    symbols: symbols::Symbols,
}

impl Shared {
    /// Begins with a key of its own; `skew` is what `transfers.clock_skew_seconds` allows.
    pub(super) fn new(skew: u64) -> Self {
        let mut key = [0_u8; 32];
        // Without randomness there is no token that anybody could send: forms are refused, pages are shown.
        if let Err(error) = getrandom::fill(&mut key) {
            tracing::error!(%error, "no randomness for the tokens of forms");
            key = [0; 32];
        }
        Self {
            key,
            since: crate::metrics::unix_seconds(),
            skew,
            checks: tokio::sync::Semaphore::new(evidence::MAX_CHECKS),
            heights: live::Heights::default(),
            decimals: amounts::Decimals::default(),
            symbols: symbols::Symbols::default(),
        }
    }
}

/// The routes of the page.
pub(super) fn routes() -> Router<Arc<App>> {
    let uploads = DefaultBodyLimit::max(evidence::MAX_FILE + evidence::MAX_REST);
    Router::new()
        .route("/", get(overview::show))
        .route("/transfers", get(transfers::list).post(transfers::start))
        .route("/transfers/new", get(transfers::form))
        .route("/transfers/{id}", get(transfer::show))
        .route("/transfers/{id}/refund", post(transfer::refund))
        .route("/messages", get(messages::list))
        .route("/messages/{id}", get(messages::show))
        .route("/chains", get(chains::list))
        .route("/chains/{chain}", get(chains::show))
        .route("/chains/{chain}/blocks/{number}", get(explorer::block))
        .route("/chains/{chain}/tx/{hash}", get(explorer::transaction))
        .route("/search", get(search::find))
        .route("/supply", get(supply::list))
        .route("/supply/{peg}", get(supply::show))
        .route("/feeds", get(feeds::list))
        .route("/feeds/{feed}", get(feeds::show))
        .route("/devices", get(devices::list))
        .route("/devices/{device}", get(devices::show))
        .route("/alarms", get(alarms::list))
        .route(ACKNOWLEDGE, post(alarms::acknowledge))
        .route("/log", get(log::list))
        .route("/proofs", get(proofs::show))
        .route(
            CHECK,
            get(evidence::show).post(evidence::check).layer(uploads),
        )
        .route("/members", get(members::show))
        .route("/health", get(health::show))
        .route("/live", get(live::stream))
        .route("/assets/{version}/{name}", get(asset))
}

/// A file that pages load: one of those that are part of the program, nothing from a disk.
async fn asset(path: Result<Path<(String, String)>, PathRejection>) -> Result<Response, Problem> {
    let Path((version, name)) = path?;
    let found = Asset::find(&version, &name).ok_or_else(|| {
        Problem::not_found(
            "no such file is part of the page",
            "load the page anew: its files have changed",
        )
    })?;
    let headers: [(HeaderName, &str); 2] = [
        (header::CONTENT_TYPE, found.media),
        (
            header::CACHE_CONTROL,
            "private, max-age=31536000, immutable",
        ),
    ];
    Ok((StatusCode::OK, headers, found.body).into_response())
}

/// What is not there: a page for people, a problem document for programs.
pub(super) async fn missing(look: Look) -> Response {
    look.refuse(super::problem::no_such_route().await)
}
