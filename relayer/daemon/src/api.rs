//! The REST API: chains, transfers, events, health, metrics, and its own description; and the page over it.
//!
//! Outside the local profile everything but health needs a client certificate (mutual TLS) and the role in it. In the
//! local profile the API is plain HTTP on loopback, and requests that a foreign web page could cause are refused.
//! Errors are problem documents (RFC 9457) that say what to do.

mod accuse;
mod alarms;
mod app;
mod chains;
mod crossings;
mod describe;
mod devices;
mod election;
mod events;
mod evidence;
mod feeds;
mod guard;
mod health;
mod lanes;
mod log;
mod log_stream;
mod market;
mod members;
mod messages;
mod page;
mod problem;
mod proofs;
mod readings;
mod resolve;
mod rewards;
mod sealed;
pub(crate) mod serve;
mod sessions;
mod settlement;
mod stakes;
mod supply;
mod transfers;
mod views;
mod watch;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};

pub use accuse::{SignedReadingData, SlashDevice};
pub use alarms::{Acknowledge, AlarmList, AlarmView};
pub use app::{App, ChainContracts, ChainEntry, Engines};
pub use crossings::{PegKind, PegView, ProofView, StartPeg};
pub use describe::openapi;
pub use devices::{
    AdmitDevice, ByAccount, DeviceKeysBody, DeviceList, DeviceView, FeedView, OperatorView,
    OracleView,
};
pub use election::{
    ActOnCandidate, CandidateAct, CandidateView, ElectionEvent, ElectionView, Register, Withdraw,
    Withdrawn,
};
pub use evidence::KnownChain;
pub(crate) use feeds::decimal;
pub use feeds::{
    Feed, FeedAnswer, FeedAsk, FeedChain, FeedDone, FeedHistory, FeedList, FeedOperator, FeedStep,
    FeedTerms,
};
pub use lanes::{LaneAct, LaneOrdered, LaneView};
pub use log::{
    HeadSegment, HeadView, LogEntryView, LogList, LogProofView, LogState, SegmentPage, SegmentView,
};
pub use market::{BuyData, ListingView, MarketAccess, OfferData};
pub use members::{
    Ballot, CastVote, Execute, MembersView, OrganisationView, ProposalList, ProposalView, Propose,
    VoteView,
};
pub use messages::{Message, MessageDetail, MessageList, MessageStep, SendMessage};
pub use problem::Problem;
pub use proofs::{AcceptedProof, CircuitView, ProofsView, SubmitProof};
pub use readings::{Newest, ReadingList, ReadingView};
pub use rewards::{EarningsView, FundData, RewardData, RewardView, Rewarded, WithdrawData};
pub use sealed::{
    HolderOf, HolderShare, OpeningView, PartyOf, PartyShare, PublishKey, PutSealed, PutTerms,
    ReleaseShare, ReleasedView, SealedKeys, SealedList, SealedView,
};
pub use serve::Server;
pub use sessions::{
    EndorsedView, Endorsement, RecordSession, RecordedSession, SessionView, SessionWords,
};
pub use settlement::{ConfirmRequest, SettlementKind, StartSettlement};
pub use stakes::{DepositReturned, StakeView};
pub use supply::{SupplyList, SupplyView};
pub use views::{
    Amount, At, ChainView, EventView, ExplanationView, HistoryView, PartView, StartRequest,
    Started, Transfer, TransferList,
};

/// All routes over `app`.
fn router(app: Arc<App>) -> Router {
    Router::new()
        .merge(page::routes())
        .route("/api", get(describe::page))
        .route("/openapi.json", get(describe::document))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/v1/chains", get(chains::list))
        .route("/v1/chains/{id}", get(chains::show))
        .route("/v1/transfers", get(transfers::list).post(transfers::start))
        .route("/v1/transfers/{id}", get(transfers::show))
        .route("/v1/transfers/{id}/explain", get(transfers::explain))
        .route("/v1/transfers/{id}/refund", post(transfers::refund))
        .route("/v1/evidence", get(evidence::export))
        .route("/v1/evidence/chains", get(evidence::chains))
        .route("/v1/transfers/{id}/confirm", post(settlement::confirm))
        .route("/v1/messages", get(messages::list).post(messages::send))
        .route("/v1/messages/{id}", get(messages::show))
        .route("/v1/messages/{id}/retry", post(messages::retry))
        .route("/v1/proofs", post(proofs::submit))
        .route("/v1/proofs/{chain}", get(proofs::circuits))
        .route("/v1/supply", get(supply::list))
        .route("/v1/supply/{peg}", get(supply::history))
        .route("/v1/feeds", get(feeds::list))
        .route("/v1/feeds/{feed}", get(feeds::show))
        .route("/v1/feeds/{feed}/history", get(feeds::history))
        .route("/v1/feeds/{feed}/request", post(feeds::request))
        .route("/v1/feeds/{feed}/mark-stale", post(feeds::mark_stale))
        .route("/v1/oracle", get(devices::oracle))
        .route("/v1/devices", get(devices::list).post(devices::admit))
        .route("/v1/devices/{did}", get(devices::show))
        .route("/v1/devices/{did}/rekey", post(devices::rekey))
        .route("/v1/devices/{did}/revoke", post(devices::revoke))
        .route("/v1/devices/{did}/slash", post(accuse::slash))
        .route("/v1/devices/{did}/stake", get(stakes::stake))
        .route("/v1/devices/{did}/exit", post(stakes::exit))
        .route("/v1/devices/{did}/withdraw", post(stakes::withdraw))
        .route("/v1/did/{did}", get(devices::resolve))
        .route("/v1/market", get(market::show).post(market::offer))
        .route("/v1/market/purchases", post(market::buy))
        .route("/v1/market/funds", post(rewards::fund))
        .route("/v1/market/rewards", post(rewards::reward))
        .route(
            "/v1/market/earnings",
            get(rewards::earnings).post(rewards::withdraw),
        )
        .route("/v1/readings/{device}", get(readings::list))
        .route("/v1/readings/{device}/{sequence}", get(readings::show))
        .route(
            "/v1/readings/{device}/{sequence}/proof",
            get(readings::prove),
        )
        .route("/v1/sessions", post(sessions::record))
        .route("/v1/sessions/{device}", get(sessions::show))
        .route("/v1/log", get(log::list))
        .route("/v1/log/head", get(log::head))
        .route("/v1/log/proof", get(log::proof))
        .route("/v1/log/segments/{id}", get(log::segment))
        .route("/v1/log/events", get(log_stream::stream))
        .route("/v1/alarms", get(alarms::list))
        .route("/v1/alarms/{id}", get(alarms::show))
        .route("/v1/alarms/{id}/acknowledge", post(alarms::acknowledge))
        .route("/v1/lanes", get(lanes::list))
        .route("/v1/lanes/{chain}/{lane}/pause", post(lanes::pause))
        .route("/v1/lanes/{chain}/{lane}/unpause", post(lanes::unpause))
        .route("/v1/election", get(election::show))
        .route("/v1/election/history", get(election::history))
        .route("/v1/election/candidates", post(election::register))
        .route(
            "/v1/election/candidates/{number}",
            get(election::candidate).post(election::act),
        )
        .route("/v1/election/withdraw", post(election::withdraw))
        .route("/v1/members", get(members::show))
        .route(
            "/v1/members/proposals",
            get(members::proposals).post(members::propose),
        )
        .route("/v1/members/proposals/{number}", get(members::proposal))
        .route("/v1/members/proposals/{number}/vote", post(members::vote))
        .route(
            "/v1/members/proposals/{number}/execute",
            post(members::execute),
        )
        .route(
            "/v1/sealed",
            get(sealed::list)
                .post(sealed::put)
                .layer(DefaultBodyLimit::max(sealed::MAX_BODY)),
        )
        .route("/v1/sealed/terms", get(sealed::terms))
        .route("/v1/sealed/keys", post(sealed::publish))
        .route("/v1/sealed/{id}", get(sealed::show))
        .route("/v1/sealed/{id}/file", get(sealed::file))
        .route("/v1/sealed/{id}/release", post(sealed::release))
        .route("/v1/events", get(events::stream))
        .fallback(page::missing)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(app.limits.max_body_bytes))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            guard::guard,
        ))
        .with_state(app)
}
