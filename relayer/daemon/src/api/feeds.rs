//! `/v1/feeds`.

use std::sync::Arc;

use alloy_primitives::Bytes;
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
};
use causeway_adapter_api::{ChainError, ChainId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{App, Problem};
use crate::{
    oracle::feeds::{EndView, FeedSite, FeedView, FeedsError, Said, Terms, refusal, request_round},
    store::{FeedRow, RelayCall},
};

/// Most lines of one page.
const MAX_PAGE: u32 = 500;

/// A feed. Values are decimal text in the feed's unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Feed {
    /// Its name.
    pub name: String,
    /// Its id on every chain.
    pub id: String,
    /// Digits behind the point of an answer.
    pub decimals: u8,
    /// The newest round that any chain has an answer of.
    pub last_round: Option<u32>,
    /// What operators agree on; absent before it was read from the chain.
    pub terms: Option<FeedTerms>,
    /// Its aggregators, the first at home.
    pub chains: Vec<FeedChain>,
    /// Operators that are run by this daemon.
    pub operators: Vec<FeedOperator>,
}

/// What operators agree on, as both chains have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeedTerms {
    /// Number of the configuration.
    pub number: u32,
    /// Its digest, which every report is bound to.
    pub digest: String,
    /// Accounts of the operators, in the order of the bits.
    pub operators: Vec<String>,
    /// Observations and signatures that a report needs.
    pub quorum: usize,
    /// Operators that may lie or be silent.
    pub faulty: usize,
    /// Least plausible value.
    pub min: String,
    /// Greatest plausible value.
    pub max: String,
    /// Least calm answer.
    pub alarm_low: String,
    /// Greatest calm answer.
    pub alarm_high: String,
    /// How far within the band an answer must be to end an alarm.
    pub alarm_hysteresis: String,
    /// Seconds that a breach, or calm, lasts before it counts.
    pub alarm_seconds: u32,
    /// By how much a sample must differ to begin a round.
    pub deviation: String,
    /// Seconds after which a round begins anyway.
    pub heartbeat_seconds: u32,
    /// Seconds after which anyone may call the feed stale.
    pub stale_after_seconds: u32,
}

/// A feed on one chain, as of its last final event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeedChain {
    /// Name of the chain.
    pub chain: String,
    /// Address of the aggregator.
    pub aggregator: String,
    /// Its last answer.
    pub answer: Option<FeedAnswer>,
    /// The last round that somebody asked for.
    pub requested: u32,
    /// Whether an alarm is on.
    pub alarm: bool,
    /// Whether somebody called it stale, and no answer came since.
    pub stale: bool,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeedAnswer {
    /// Of which round.
    pub round: u32,
    /// The median.
    pub value: String,
    /// The time of the data, unix seconds.
    pub observed_at: u64,
    /// How many observed.
    pub observers: u32,
    /// How many signed.
    pub signers: u32,
    /// Who brought and paid for it.
    pub by: String,
    /// In which block.
    pub height: u64,
    /// In which transaction.
    pub tx: String,
    /// Time of that block, unix seconds.
    pub time: u64,
}

/// An operator that is run by this daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeedOperator {
    /// Its name.
    pub name: String,
    /// Its account.
    pub account: String,
    /// Where it takes messages of the others.
    pub endpoint: Option<String>,
    /// The round it is in, or was in last.
    pub round: Option<u32>,
    /// What its own devices said last.
    pub sample: Option<String>,
    /// When, unix milliseconds.
    pub sampled_at: Option<u64>,
}

/// Feeds.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FeedList {
    /// All that this daemon knows.
    pub feeds: Vec<Feed>,
}

/// Something that an aggregator said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeedStep {
    /// Name of the feed.
    pub feed: String,
    /// Name of the chain.
    pub chain: String,
    /// `configured`, `answered`, `requested`, `alarm_raised`, `alarm_cleared`, `stale`.
    pub said: String,
    /// The contract's own count.
    pub number: u64,
    /// The round it is about.
    pub round: Option<u32>,
    /// The answer it is about.
    pub value: Option<String>,
    /// The time of that answer's data, unix seconds.
    pub observed_at: Option<u64>,
    /// In which block.
    pub height: u64,
    /// In which transaction.
    pub tx: String,
    /// Time of the block, unix seconds.
    pub time: u64,
}

/// What aggregators said.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FeedHistory {
    /// Newest first.
    pub steps: Vec<FeedStep>,
    /// Where the next page begins, if there is one.
    pub next_before: Option<i64>,
}

/// On which chain something is asked for, and who pays.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedAsk {
    /// Name or id of the chain.
    pub chain: String,
    /// One of the daemon's accounts.
    pub account: String,
}

/// It is in a final block.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FeedDone {
    /// Name of the feed.
    pub feed: String,
    /// Name of the chain.
    pub chain: String,
    /// In which transaction.
    pub tx: String,
}

/// Which lines of a history.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// At most so many, 1 to 500.
    #[serde(default = "page")]
    limit: u32,
    /// Below this place.
    before: Option<i64>,
}

/// Every feed with its answers on all chains.
#[utoipa::path(
    get, path = "/v1/feeds", tag = "feeds", responses((status = 200, body = FeedList))
)]
pub(super) async fn list(State(app): State<Arc<App>>) -> Result<Json<FeedList>, Problem> {
    let mut feeds = Vec::new();
    for site in app.feeds.sites() {
        let view = app.feeds.view(site).await?;
        feeds.push(Feed::new(&app, site, &view));
    }
    Ok(Json(FeedList { feeds }))
}

/// One feed.
#[utoipa::path(
    get, path = "/v1/feeds/{feed}", tag = "feeds",
    params(("feed" = String, Path, description = "name or id; a slash is written %2F")),
    responses((status = 200, body = Feed), (status = 404, body = Problem))
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    feed: Result<Path<String>, PathRejection>,
) -> Result<Json<Feed>, Problem> {
    let Path(feed) = feed?;
    let site = app.feeds.site(&feed)?;
    let view = app.feeds.view(site).await?;
    Ok(Json(Feed::new(&app, site, &view)))
}

/// What the aggregators of a feed said, newest first.
#[utoipa::path(
    get, path = "/v1/feeds/{feed}/history", tag = "feeds",
    params(Page, ("feed" = String, Path, description = "name or id; a slash is written %2F")),
    responses((status = 200, body = FeedHistory), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn history(
    State(app): State<Arc<App>>,
    feed: Result<Path<String>, PathRejection>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<FeedHistory>, Problem> {
    let (Path(feed), Query(page)) = (feed?, page?);
    if !(1..=MAX_PAGE).contains(&page.limit) {
        let (got, max) = (page.limit, MAX_PAGE);
        let detail = format!("limit is {got}, expected 1 to {max}");
        return Err(Problem::bad_request(detail));
    }
    let site = app.feeds.site(&feed)?;
    let rows = app.feeds.history(&feed, page.before, page.limit).await?;
    let full = rows.len() == page.limit as usize;
    let step = |row: &FeedRow| FeedStep::of(&app, site, row.chain, &row.fact);
    Ok(Json(FeedHistory {
        steps: rows.iter().map(step).collect(),
        next_before: rows.last().filter(|_| full).map(|row| row.id),
    }))
}

/// Asks the operators for a round now; answers once a final block shows it.
#[utoipa::path(
    post, path = "/v1/feeds/{feed}/request", tag = "feeds", request_body = FeedAsk,
    params(("feed" = String, Path, description = "name or id; a slash is written %2F")),
    responses(
        (status = 200, body = FeedDone), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn request(
    State(app): State<Arc<App>>,
    feed: Result<Path<String>, PathRejection>,
    body: Result<Json<FeedAsk>, JsonRejection>,
) -> Result<Json<FeedDone>, Problem> {
    let (Path(feed), Json(ask)) = (feed?, body?);
    call(&app, &feed, &ask, "feed-request", |_| request_round()).await
}

/// Says that a feed is silent; answers once a final block shows it.
#[utoipa::path(
    post, path = "/v1/feeds/{feed}/mark-stale", tag = "feeds", request_body = FeedAsk,
    params(("feed" = String, Path, description = "name or id; a slash is written %2F")),
    responses(
        (status = 200, body = FeedDone), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn mark_stale(
    State(app): State<Arc<App>>,
    feed: Result<Path<String>, PathRejection>,
    body: Result<Json<FeedAsk>, JsonRejection>,
) -> Result<Json<FeedDone>, Problem> {
    let (Path(feed), Json(ask)) = (feed?, body?);
    call(&app, &feed, &ask, "feed-mark-stale", Terms::mark_stale).await
}

/// A call of an aggregator by one of our accounts, simulated first: a refusal comes in the contract's own words.
async fn call(
    app: &App,
    feed: &str,
    ask: &FeedAsk,
    task: &str,
    data: impl FnOnce(&Terms) -> Bytes + Send,
) -> Result<Json<FeedDone>, Problem> {
    let site = app.feeds.site(feed)?;
    let entry = app.chain(&ask.chain)?;
    let account = app.address("account", &ask.account)?;
    let (end, terms) = app.feeds.end(site, entry.id()).await?;
    let data = data(&terms);
    let tip = entry
        .chain
        .finalized()
        .await
        .map_err(Problem::unavailable)?;
    let simulated = entry.chain.call(end.aggregator, data.clone(), tip.height);
    match simulated.await {
        Ok(_) => {}
        Err(ChainError::Reverted { reason, data }) => {
            let why = refusal(&data).unwrap_or(reason);
            return Err(FeedsError::PeerContractRefused(why).into());
        }
        Err(error) => return Err(Problem::unavailable(error)),
    }
    let call = RelayCall {
        task: format!("{task}:{}:{}:{account}", end.chain, site.id),
        to: end.aggregator,
        data,
        ..RelayCall::default()
    };
    let tx = app.relay.call(end.chain, account, &call).await?;
    Ok(Json(FeedDone {
        feed: site.name.clone(),
        chain: entry.name.clone(),
        tx: tx.to_string(),
    }))
}

impl Feed {
    fn new(app: &App, site: &FeedSite, view: &FeedView) -> Self {
        let text = |value| decimal(value, site.decimals);
        let rounds = view.ends.iter().filter_map(|end| end.standing.answer);
        let operators = view.operators.iter().map(|operator| FeedOperator {
            name: operator.name.clone(),
            account: operator.account.to_string(),
            endpoint: app
                .feeds
                .endpoints()
                .get(&operator.name)
                .map(|addr| format!("https://{addr}")),
            round: operator.round.map(|round| round.0),
            sample: operator.sample.map(|(value, _)| text(value)),
            sampled_at: operator.sample.map(|(_, at)| at),
        });
        Self {
            name: site.name.clone(),
            id: site.id.to_string(),
            decimals: site.decimals,
            last_round: rounds.map(|answer| answer.round).max(),
            terms: view
                .terms
                .as_ref()
                .map(|terms| FeedTerms::new(terms, site.decimals)),
            chains: view
                .ends
                .iter()
                .map(|end| FeedChain::new(app, site, end))
                .collect(),
            operators: operators.collect(),
        }
    }
}

impl FeedTerms {
    fn new(terms: &Terms, decimals: u8) -> Self {
        let text = |value| decimal(value, decimals);
        let span = |value: u128| text(i128::try_from(value).unwrap_or(i128::MAX));
        let faulty = terms.operators.len().saturating_sub(1) / 3;
        let (min, max) = terms.plausible();
        Self {
            number: terms.number,
            digest: terms.digest.to_string(),
            operators: terms.operators.iter().map(ToString::to_string).collect(),
            quorum: terms.operators.len() - faulty,
            faulty,
            min: text(min),
            max: text(max),
            alarm_low: text(terms.band.low),
            alarm_high: text(terms.band.high),
            alarm_hysteresis: span(terms.band.hysteresis),
            alarm_seconds: terms.band.duration,
            deviation: span(terms.deviation()),
            heartbeat_seconds: terms.heartbeat(),
            stale_after_seconds: terms.stale_after(),
        }
    }
}

impl FeedChain {
    fn new(app: &App, site: &FeedSite, view: &EndView) -> Self {
        let standing = &view.standing;
        let answer = standing.answer.map(|answer| FeedAnswer {
            round: answer.round,
            value: decimal(answer.value, site.decimals),
            observed_at: answer.observed_at,
            observers: answer.observers.count_ones(),
            signers: answer.signers.count_ones(),
            by: app
                .account_name(answer.by)
                .unwrap_or_else(|| answer.by.to_string()),
            height: answer.height.0,
            tx: answer.tx.to_string(),
            time: answer.time,
        });
        Self {
            chain: app.chain_name(view.end.chain),
            aggregator: view.end.aggregator.to_string(),
            answer,
            requested: standing.requested,
            alarm: standing.alarm,
            stale: standing.stale,
        }
    }
}

impl FeedStep {
    pub(super) fn of(
        app: &App,
        site: &FeedSite,
        chain: ChainId,
        fact: &crate::oracle::feeds::FeedFact,
    ) -> Self {
        let observed_at = match fact.said {
            Said::Answered { observed_at, .. }
            | Said::AlarmRaised { observed_at, .. }
            | Said::AlarmCleared { observed_at, .. } => Some(observed_at),
            Said::Stale { updated_at, .. } => Some(updated_at),
            Said::Configured { .. } | Said::Requested { .. } => None,
        };
        Self {
            feed: site.name.clone(),
            chain: app.chain_name(chain),
            said: fact.said.name().into(),
            number: fact.number,
            round: fact.said.round(),
            value: fact.said.value().map(|value| decimal(value, site.decimals)),
            observed_at,
            height: fact.height.0,
            tx: fact.tx.to_string(),
            time: fact.time.0,
        }
    }
}

/// A number of units of the last decimal, as people write it.
pub(crate) fn decimal(value: i128, decimals: u8) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!(
        "{:0>width$}",
        value.unsigned_abs(),
        width = usize::from(decimals) + 1
    );
    let (whole, part) = digits.split_at(digits.len() - usize::from(decimals));
    let dot = if decimals == 0 { "" } else { "." };
    format!("{sign}{whole}{dot}{part}")
}

const fn page() -> u32 {
    50
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn values_are_written_with_all_their_decimals() {
        let cases = [
            (425, 2, "4.25"),
            (-425, 2, "-4.25"),
            (-5, 2, "-0.05"),
            (0, 2, "0.00"),
            (7, 0, "7"),
            (i128::MIN, 3, "-170141183460469231731687303715884105.728"),
        ];
        for (value, decimals, expected) in cases {
            assert_eq!(decimal(value, decimals), expected);
        }
    }
}
