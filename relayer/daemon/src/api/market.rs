//! `/v1/market`: offers of data, and buying access to it.
//!
//! The contract keeps what was bought; whoever serves the data counts what was used of it (docs/readings.md).

use std::sync::Arc;

use alloy_primitives::{Address, B256, U256, Uint};
use alloy_sol_types::{SolCall as _, SolValue as _};
use axum::{
    Json,
    extract::{
        Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::StatusCode,
};
use causeway_adapter_device::names::FeedName;
use causeway_contracts::{DataMarket, oracle::feed_id};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{App, Problem, resolve::number};
use crate::store::RelayCall;

/// Who may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum MarketAccess {
    /// Nobody new.
    Closed,
    /// Anybody.
    Free,
    /// Who paid.
    Paid,
    /// Members of the groups that the owner let in.
    Private,
}

impl MarketAccess {
    const ALL: [Self; 4] = [Self::Closed, Self::Free, Self::Paid, Self::Private];
}

/// An offer, and what an account bought of it. Prices are smallest units of the public chain's native points, decimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListingView {
    /// Its id.
    pub id: String,
    /// Who offers.
    pub owner: String,
    /// Name of the feed.
    pub feed: String,
    /// Who may read.
    pub access: MarketAccess,
    /// Price of one read.
    pub price_per_read: String,
    /// Price of a subscription's period.
    pub price_per_period: String,
    /// Seconds of that period.
    pub period_seconds: u32,
    /// Parts of 10,000 of what is paid that go to the devices.
    pub reward_share: u16,
    /// Who says which readings were useful, and rewards them; none where nothing is rewarded.
    pub keeper: Option<String>,
    /// What is there for devices.
    pub pool: String,
    /// Rewards that were paid so far.
    pub rewards: u64,
    /// The account that the rest is about.
    pub account: Option<String>,
    /// Reads that it bought.
    pub reads_bought: u64,
    /// Reads of them that this daemon has served.
    pub reads_used: u64,
    /// Last second of its subscription; zero without one.
    pub subscribed_until: u64,
}

/// Which offer.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Who offers: an account of the daemon, or an address.
    owner: String,
    /// Name of the feed.
    feed: String,
    /// Whose purchases are shown.
    account: Option<String>,
}

/// How an owner offers a feed's data; it replaces the offer before.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferData {
    /// The owner, one of the daemon's accounts.
    pub by: String,
    /// Name of the feed.
    pub feed: String,
    /// Who may read.
    pub access: MarketAccess,
    /// Price of one read, where it is paid for.
    #[serde(default)]
    pub price_per_read: Option<String>,
    /// Price of a subscription's period.
    #[serde(default)]
    pub price_per_period: Option<String>,
    /// Seconds of that period.
    #[serde(default)]
    pub period_seconds: Option<u32>,
    /// Parts of 10,000 of what is paid that go to the devices.
    #[serde(default)]
    pub reward_share: Option<u16>,
    /// Who says which readings were useful, and rewards them: an account of the daemon, or an address.
    #[serde(default)]
    pub keeper: Option<String>,
}

/// What is bought: reads, or periods of a subscription.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BuyData {
    /// Who pays and reads, one of the daemon's accounts.
    pub by: String,
    /// Who offers.
    pub owner: String,
    /// Name of the feed.
    pub feed: String,
    /// So many reads.
    #[serde(default)]
    pub reads: Option<u32>,
    /// Or so many periods.
    #[serde(default)]
    pub periods: Option<u32>,
}

/// An offer, and what an account bought of it.
#[utoipa::path(
    get, path = "/v1/market", tag = "market", params(Which),
    responses((status = 200, body = ListingView), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<ListingView>, Problem> {
    let Query(which) = which?;
    let owner = app.address("owner", &which.owner)?;
    let account = which.account.as_ref();
    let account = account
        .map(|text| app.address("account", text))
        .transpose()?;
    app.listing(owner, &which.feed, account).await.map(Json)
}

/// Offers a feed's data; answers once that is final.
#[utoipa::path(
    post, path = "/v1/market", tag = "market", request_body = OfferData,
    responses(
        (status = 200, body = ListingView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn offer(
    State(app): State<Arc<App>>,
    body: Result<Json<OfferData>, JsonRejection>,
) -> Result<Json<ListingView>, Problem> {
    let Json(request) = body?;
    let by = app.address("by", &request.by)?;
    let feed = named(&request.feed)?;
    let price =
        |field, text: &Option<String>| text.as_ref().map_or(Ok(Uint::ZERO), |t| price(field, t));
    let access = MarketAccess::ALL
        .iter()
        .position(|known| *known == request.access);
    let keeper = request.keeper.as_deref();
    let keeper = keeper.map(|text| app.address("keeper", text)).transpose()?;
    if request.reward_share.is_some_and(|share| share > 10_000) {
        let detail = "reward_share is in parts of 10000, expected at most all of them";
        return Err(Problem::bad_request(detail));
    }
    if request.reward_share.is_some_and(|share| share > 0) && keeper.is_none() {
        let detail = "keeper is missing: somebody must say which readings the reward_share is for";
        return Err(Problem::bad_request(detail));
    }
    let call = DataMarket::listCall {
        feed,
        offer: DataMarket::Offer {
            access: access
                .and_then(|place| u8::try_from(place).ok())
                .unwrap_or_default(),
            pricePerRead: price("price_per_read", &request.price_per_read)?,
            pricePerPeriod: price("price_per_period", &request.price_per_period)?,
            period: request.period_seconds.unwrap_or_default(),
            rewardShare: request.reward_share.unwrap_or_default(),
            keeper: keeper.unwrap_or_default(),
        },
    };
    let task = format!("market-offer:{by}:{feed}");
    app.on_market(by, task, call.abi_encode(), U256::ZERO)
        .await?;
    app.listing(by, &request.feed, None).await.map(Json)
}

/// Buys reads, or a subscription, at the offer's price; answers once that is final.
#[utoipa::path(
    post, path = "/v1/market/purchases", tag = "market", request_body = BuyData,
    responses(
        (status = 200, body = ListingView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn buy(
    State(app): State<Arc<App>>,
    body: Result<Json<BuyData>, JsonRejection>,
) -> Result<Json<ListingView>, Problem> {
    let Json(request) = body?;
    let by = app.address("by", &request.by)?;
    let owner = app.address("owner", &request.owner)?;
    let listing = app.listing(owner, &request.feed, Some(by)).await?;
    let id = listing_id(owner, named(&request.feed)?);
    let (count, each, data) = match (request.reads, request.periods) {
        (Some(count), None) => {
            let call = DataMarket::buyReadsCall { id, count };
            (count, &listing.price_per_read, call.abi_encode())
        }
        (None, Some(periods)) => {
            let call = DataMarket::subscribeCall { id, periods };
            (periods, &listing.price_per_period, call.abi_encode())
        }
        _ => {
            return Err(Problem::bad_request(
                "name either reads or periods, whichever is bought",
            ));
        }
    };
    let each = number("price", each)?;
    if count == 0 || each.is_zero() {
        let detail =
            format!("{count} are wanted at a price of {each}: the offer sells none of that");
        let what = "GET /v1/market shows what is offered";
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "not-for-sale",
            detail,
            what,
        ));
    }
    let total = each.saturating_mul(U256::from(count));
    app.on_market(by, format!("market-buy:{by}:{id}"), data, total)
        .await?;
    app.listing(owner, &request.feed, Some(by)).await.map(Json)
}

impl App {
    pub(super) async fn on_market(
        &self,
        by: Address,
        task: String,
        data: Vec<u8>,
        value: U256,
    ) -> Result<(), Problem> {
        let site = self.oracle()?.config().site;
        let call = RelayCall {
            task,
            to: site.market,
            data: data.into(),
            value,
            ..RelayCall::default()
        };
        self.relay.call(site.public, by, &call).await?;
        Ok(())
    }

    pub(super) async fn listing(
        &self,
        owner: Address,
        feed: &str,
        account: Option<Address>,
    ) -> Result<ListingView, Problem> {
        let oracle = self.oracle()?;
        let id = listing_id(owner, named(feed)?);
        let market = oracle.config().site.market;
        let found = self
            .of_public(market, &DataMarket::listingOfCall { id })
            .await?;
        let Some(found) = found.filter(|found| !found.owner.is_zero()) else {
            let detail = format!("{owner} offers nothing of {feed}");
            return Err(Problem::not_found(
                detail,
                "ask the owner of the devices for an offer",
            ));
        };
        let access = MarketAccess::ALL
            .get(usize::from(found.offer.access))
            .copied();
        let mut view = ListingView {
            id: id.to_string(),
            owner: owner.to_string(),
            feed: feed.to_owned(),
            access: access.unwrap_or(MarketAccess::Closed),
            price_per_read: found.offer.pricePerRead.to_string(),
            price_per_period: found.offer.pricePerPeriod.to_string(),
            period_seconds: found.offer.period,
            reward_share: found.offer.rewardShare,
            keeper: (!found.offer.keeper.is_zero()).then(|| found.offer.keeper.to_string()),
            pool: found.pool.to_string(),
            rewards: found.rewardPeriod,
            account: account.map(|account| account.to_string()),
            reads_bought: 0,
            reads_used: 0,
            subscribed_until: 0,
        };
        if let Some(account) = account {
            view.reads_bought = self.reads_bought(id, account).await?;
            view.reads_used = oracle.reads_used(id, account).await?;
            let call = DataMarket::subscribedUntilCall { id, account };
            view.subscribed_until = self.of_public(market, &call).await?.unwrap_or_default();
        }
        Ok(view)
    }

    /// Reads of a listing that an account bought, at the newest final block.
    pub(super) async fn reads_bought(&self, id: B256, account: Address) -> Result<u64, Problem> {
        let market = self.oracle()?.config().site.market;
        let call = DataMarket::readsOfCall { id, account };
        Ok(self.of_public(market, &call).await?.unwrap_or_default())
    }
}

/// `keccak256(abi.encode(owner, feed))`, as `DataMarket.idOf`.
pub(super) fn listing_id(owner: Address, feed: B256) -> B256 {
    alloy_primitives::keccak256((owner, feed).abi_encode_params())
}

pub(super) fn named(feed: &str) -> Result<B256, Problem> {
    let name = FeedName::new(feed);
    let name = name.map_err(|e| Problem::bad_request(format!("feed: {e}")))?;
    Ok(feed_id(name.as_str()))
}

pub(super) fn price(field: &str, text: &str) -> Result<Uint<96, 2>, Problem> {
    let value = number(field, text)?;
    match u128::try_from(value) {
        Ok(units) if units >> 96 == 0 => Ok(Uint::from(units)),
        _ => Err(Problem::bad_request(format!(
            "{field} is {value}, expected less than 2^96 smallest units"
        ))),
    }
}
