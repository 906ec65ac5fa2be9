//! `/v1/market/rewards`, `/v1/market/funds`, `/v1/market/earnings`: what devices earn by readings that were accepted.
//!
//! A reward pays for whole periods of the archive of the listing's keeper, which are over and never change: whoever has the
//! anchored readings counts them again. Which periods were paid for is kept here, so that no reading is rewarded twice; the
//! contract takes rewards in the order of their numbers alone.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall as _;
use axum::{
    Json,
    extract::{
        Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::StatusCode,
};
use causeway_contracts::DataMarket;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    App, ListingView, Problem,
    market::{listing_id, named, price},
};
use crate::{
    oracle::{DeviceState, OracleHandle},
    relay::RelayError,
    store::{RelayCall, RewardRow},
};

/// Devices of one reward: as many as the contract takes.
const MAX_DEVICES: usize = 128;
/// Devices whose readings are counted.
const COUNTED: u32 = 10_000;

/// Money for a listing's devices.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FundData {
    /// Who pays, one of the daemon's accounts.
    pub by: String,
    /// Who offers.
    pub owner: String,
    /// Name of the feed.
    pub feed: String,
    /// How much, smallest units of the public chain's native points.
    pub amount: String,
}

/// A reward for readings that the operator here accepted.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RewardData {
    /// The listing's keeper, one of the daemon's accounts.
    pub by: String,
    /// Who offers.
    pub owner: String,
    /// Name of the feed.
    pub feed: String,
    /// For each reading, smallest units.
    pub per_reading: String,
    /// First period of the archive; the one after the last that was rewarded when left out.
    #[serde(default)]
    pub from: Option<u64>,
    /// Last period; the newest that is over when left out.
    #[serde(default)]
    pub through: Option<u64>,
}

/// Who withdraws.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawData {
    /// Who asks and pays for the transaction, one of the daemon's accounts.
    pub by: String,
    /// Whose earnings are paid out to him; the same when left out.
    #[serde(default)]
    pub payee: Option<String>,
}

/// Whose earnings.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Whose {
    /// An account of the daemon, or an address.
    account: String,
}

/// What one device earned in a reward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rewarded {
    /// The device.
    pub did: String,
    /// Its readings.
    pub readings: u32,
    /// Smallest units, credited to its owner.
    pub amount: String,
}

/// A reward that is final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RewardView {
    /// Id of the listing.
    pub listing: String,
    /// Number of the listing's reward, from 0.
    pub number: u64,
    /// The operator whose archive was counted.
    pub operator: String,
    /// First period of the archive.
    pub from: u64,
    /// Last period.
    pub through: u64,
    /// Who earned what.
    pub devices: Vec<Rewarded>,
    /// All of it, smallest units.
    pub total: String,
    /// Whether more devices spoke in these periods: ask again for theirs.
    pub more: bool,
}

/// What an account earned in the market: by its data that was bought, and by its devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EarningsView {
    /// The account.
    pub account: String,
    /// What waits to be withdrawn, smallest units.
    pub credited: String,
}

/// Gives money to a listing's devices; answers once that is final.
#[utoipa::path(
    post, path = "/v1/market/funds", tag = "market", request_body = FundData,
    responses(
        (status = 200, body = ListingView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn fund(
    State(app): State<Arc<App>>,
    body: Result<Json<FundData>, JsonRejection>,
) -> Result<Json<ListingView>, Problem> {
    let Json(request) = body?;
    let by = app.address("by", &request.by)?;
    let owner = app.address("owner", &request.owner)?;
    let id = listing_id(owner, named(&request.feed)?);
    let amount = price("amount", &request.amount)?;
    if amount.is_zero() {
        return Err(Problem::bad_request("amount is 0, expected more"));
    }
    app.listing(owner, &request.feed, None).await?;
    let call = DataMarket::fundCall { id };
    let task = format!("market-fund:{by}:{id}");
    app.on_market(by, task, call.abi_encode(), U256::from(amount))
        .await?;
    app.listing(owner, &request.feed, None).await.map(Json)
}

/// Pays devices for their readings in periods that are over; answers once that is final.
#[utoipa::path(
    post, path = "/v1/market/rewards", tag = "market", request_body = RewardData,
    responses(
        (status = 200, body = RewardView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn reward(
    State(app): State<Arc<App>>,
    body: Result<Json<RewardData>, JsonRejection>,
) -> Result<Json<RewardView>, Problem> {
    let Json(request) = body?;
    let by = app.address("by", &request.by)?;
    let owner = app.address("owner", &request.owner)?;
    let feed = named(&request.feed)?;
    let per_reading = price("per_reading", &request.per_reading)?;
    let listing = app.listing(owner, &request.feed, None).await?;
    let (id, oracle) = (listing_id(owner, feed), app.oracle()?);
    let number = listing.rewards;
    let mut row = next_row(oracle, id, number, &request, feed, by).await?;
    let counted = oracle.counted(feed, by, (row.first, row.last), COUNTED);
    let (operator, counted) = counted.await?;
    let paid = useful(oracle, &counted, row.after).await?;
    let more = paid.len() > MAX_DEVICES;
    let paid: Vec<(B256, String, u32)> = paid.into_iter().take(MAX_DEVICES).collect();
    let Some((last, ..)) = paid.last() else {
        return Err(nothing(&row));
    };
    row.rest_after = more.then_some(*last);
    oracle.ask_reward(id, number, &row).await?;
    let call = DataMarket::rewardCall {
        id,
        period: number,
        perReading: per_reading,
        useful: paid
            .iter()
            .map(|(device, _, readings)| DataMarket::Useful {
                device: *device,
                readings: *readings,
            })
            .collect(),
    };
    let site = oracle.config().site;
    let order = RelayCall {
        task: format!("market-reward:{id}:{number}"),
        to: site.market,
        data: call.abi_encode().into(),
        ..RelayCall::default()
    };
    if let Err(error) = app.relay.call(site.public, by, &order).await {
        // One that is late may still be taken: what it was asked for stays.
        if !matches!(error, RelayError::NotYet) {
            oracle.forget_reward(id, number).await?;
        }
        return Err(error.into());
    }
    let amount = |readings: u32| U256::from(per_reading).saturating_mul(U256::from(readings));
    let total = paid.iter().map(|(.., readings)| amount(*readings));
    Ok(Json(RewardView {
        listing: id.to_string(),
        number,
        operator,
        from: row.first,
        through: row.last,
        total: total.fold(U256::ZERO, U256::saturating_add).to_string(),
        devices: paid
            .into_iter()
            .map(|(_, did, readings)| Rewarded {
                did,
                readings,
                amount: amount(readings).to_string(),
            })
            .collect(),
        more,
    }))
}

/// What an account earned in the market and has not withdrawn.
#[utoipa::path(
    get, path = "/v1/market/earnings", tag = "market", params(Whose),
    responses((status = 200, body = EarningsView), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn earnings(
    State(app): State<Arc<App>>,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<Json<EarningsView>, Problem> {
    let Query(whose) = whose?;
    let account = app.address("account", &whose.account)?;
    let credited = app.market_credit(account).await?;
    Ok(Json(EarningsView {
        account: account.to_string(),
        credited: credited.to_string(),
    }))
}

/// Pays out what an account earned in the market, to that account; answers once that is final, with what was paid.
#[utoipa::path(
    post, path = "/v1/market/earnings", tag = "market", request_body = WithdrawData,
    responses(
        (status = 200, body = EarningsView, description = "what was paid out, as `credited`"),
        (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn withdraw(
    State(app): State<Arc<App>>,
    body: Result<Json<WithdrawData>, JsonRejection>,
) -> Result<Json<EarningsView>, Problem> {
    let Json(request) = body?;
    let by = app.address("by", &request.by)?;
    let payee = request.payee.as_deref().unwrap_or(&request.by);
    let payee = app.address("payee", payee)?;
    let credited = app.market_credit(payee).await?;
    if credited.is_zero() {
        let detail = format!("{payee} has nothing to withdraw from the market");
        let what = "data that is bought and readings that are rewarded are credited: GET /v1/market/earnings";
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "nothing-credited",
            detail,
            what,
        ));
    }
    let call = DataMarket::withdrawCall { payee };
    let task = format!("market-withdraw:{payee}");
    app.on_market(by, task, call.abi_encode(), U256::ZERO)
        .await?;
    Ok(Json(EarningsView {
        account: payee.to_string(),
        credited: credited.to_string(),
    }))
}

/// The periods and devices that come next. What was asked for and is not known to be refused is asked for again.
async fn next_row(
    oracle: &OracleHandle,
    id: B256,
    number: u64,
    request: &RewardData,
    feed: B256,
    by: Address,
) -> Result<RewardRow, Problem> {
    if let Some(begun) = oracle.asked_reward(id, number).await? {
        return Ok(begun);
    }
    let before = match number.checked_sub(1) {
        None => None,
        Some(before) => oracle.asked_reward(id, before).await?,
    };
    // The rest of a reward that had more devices than the contract takes at once.
    if let Some((row, rest)) = before.and_then(|row| Some((row, row.rest_after?))) {
        return Ok(RewardRow {
            after: Some(rest),
            rest_after: None,
            ..row
        });
    }
    let first = match (request.from, before) {
        (Some(from), Some(row)) if from <= row.last => {
            let detail = format!("period {from} was rewarded: the next is {}", row.last + 1);
            let what =
                "leave `from` out, or begin later: what is left out is not rewarded any more";
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "rewarded-already",
                detail,
                what,
            ));
        }
        (Some(from), _) => from,
        (None, Some(row)) => row.last.saturating_add(1),
        (None, None) if number == 0 => 0,
        (None, None) => {
            let detail = format!(
                "reward {} of this listing was not paid from here",
                number - 1
            );
            let what = "name the first period of the archive with `from`: those before it were paid elsewhere";
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "periods-unknown",
                detail,
                what,
            ));
        }
    };
    let newest = oracle.newest_closed(feed, by).await?;
    let last = match (request.through, newest) {
        (through, Some(newest)) => through.unwrap_or(newest).min(newest),
        (_, None) => return Err(not_over(first)),
    };
    if last < first {
        return Err(not_over(first));
    }
    Ok(RewardRow {
        first,
        last,
        after: None,
        rest_after: None,
    })
}

/// Active devices, of which nothing is known against them, with how many readings of theirs were accepted; in the order of
/// their ids, which the contract asks for.
async fn useful(
    oracle: &OracleHandle,
    counted: &BTreeMap<B256, u64>,
    after: Option<B256>,
) -> Result<Vec<(B256, String, u32)>, Problem> {
    let accused = oracle.accused().await?;
    let mut paid = Vec::new();
    for (device, readings) in counted {
        if after.is_some_and(|after| *device <= after) || accused.contains(device) {
            continue;
        }
        let Some(row) = oracle.device_by_id(*device).await? else {
            continue;
        };
        let active = row.registered.as_ref();
        let active = active.is_some_and(|record| record.state == DeviceState::Active);
        let (Some(did), true) = (row.did, active) else {
            continue;
        };
        let readings = u32::try_from(*readings).unwrap_or(u32::MAX);
        paid.push((*device, did, readings));
        if paid.len() > MAX_DEVICES {
            break;
        }
    }
    Ok(paid)
}

fn nothing(row: &RewardRow) -> Problem {
    let detail = format!(
        "no active device has a reading in periods {} to {}",
        row.first, row.last
    );
    let what = "ask again when later periods are over: these are part of it then";
    Problem::new(StatusCode::CONFLICT, "nothing-to-reward", detail, what)
}

fn not_over(first: u64) -> Problem {
    let detail = format!("period {first} of the archive is not over, or has no reading yet");
    let what = "ask again when it is over: `oracle.period_seconds` says how long periods are";
    Problem::new(StatusCode::CONFLICT, "nothing-to-reward", detail, what)
}

impl App {
    async fn market_credit(&self, payee: Address) -> Result<U256, Problem> {
        let market = self.oracle()?.config().site.market;
        let call = DataMarket::creditedCall { payee };
        let credited = self.of_public(market, &call).await?;
        credited.ok_or_else(|| Problem::unavailable("the market does not answer"))
    }
}
