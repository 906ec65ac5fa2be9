//! The REST API: chains, transfers, events, health, metrics, and its own description; and the page over it.
//!
//! Outside the local profile everything but health needs a client certificate (mutual TLS) and the role in it. In the
//! local profile the API is plain HTTP on loopback, and requests that a foreign web page could cause are refused.
//! Errors are problem documents (RFC 9457) that say what to do.

mod app;
mod chains;
mod crossings;
mod describe;
mod events;
mod evidence;
mod guard;
mod health;
mod messages;
mod page;
mod problem;
mod proofs;
mod resolve;
mod serve;
mod settlement;
mod supply;
mod transfers;
mod views;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};

pub use app::{App, ChainContracts, ChainEntry, Engines};
pub use crossings::{PegKind, PegView, ProofView, StartPeg};
pub use describe::openapi;
pub use evidence::KnownChain;
pub use messages::{Message, MessageDetail, MessageList, MessageStep, SendMessage};
pub use problem::Problem;
pub use proofs::{AcceptedProof, CircuitView, ProofsView, SubmitProof};
pub use serve::Server;
pub use settlement::{ConfirmRequest, SettlementKind, StartSettlement};
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
