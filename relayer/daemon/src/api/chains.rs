//! `/v1/chains`.

use std::sync::Arc;

use alloy_primitives::Address;
use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use causeway_adapter_api::Asset;

use super::{App, ChainEntry, ChainView, Problem, views::AccountView};

/// All chains.
#[utoipa::path(get, path = "/v1/chains", tag = "chains", responses((status = 200, body = [ChainView])))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Json<Vec<ChainView>> {
    Json(futures::future::join_all(app.chains.iter().map(|entry| view(&app, entry))).await)
}

/// One chain, by name or id.
#[utoipa::path(
    get, path = "/v1/chains/{id}", tag = "chains",
    params(("id" = String, Path, description = "Name or EIP-155 id")),
    responses((status = 200, body = ChainView), (status = 404, body = Problem))
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<ChainView>, Problem> {
    let Path(id) = id?;
    Ok(Json(view(&app, app.chain(&id)?).await))
}

pub(super) async fn view(app: &App, entry: &ChainEntry) -> ChainView {
    let info = entry.chain.info();
    let limit = app.limits.per_chain();
    let asked = entry.tip(limit).await;
    let tip = asked.as_ref().ok().copied();
    let accounts = tokio::time::timeout(limit, accounts(app, entry, tip.is_some())).await;
    ChainView {
        name: entry.name.clone(),
        chain_id: info.id.0,
        kind: entry.kind.into(),
        height: tip.map(|tip| tip.height.0),
        hash: tip.map(|tip| tip.hash.to_string()),
        time: tip.map(|tip| tip.time.0),
        hash_time_lock: info.hash_time_lock.to_string(),
        points_token: entry.points_token.map(|token| token.to_string()),
        gateway: entry.contracts.gateway.map(|at| at.to_string()),
        settlement: entry.contracts.settlement.map(|at| at.to_string()),
        delivery_agreement: entry.contracts.delivery_agreement.map(|at| at.to_string()),
        rpc: entry.rpc.map(|addr| format!("http://{addr}")),
        rpc_tls: entry.rpc_tls.map(|addr| format!("https://{addr}")),
        validators: entry.validators,
        peg: app.peg_view(entry),
        stalled_after_seconds: entry.stalled_after,
        problem: asked.err().map(|error| with_cause(&error)),
        accounts: accounts.unwrap_or_else(|_| unknown(app)),
    }
}

/// An error with what is behind it.
fn with_cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

/// Accounts and what they have; a chain that does not answer is not asked.
async fn accounts(app: &App, entry: &ChainEntry, answers: bool) -> Vec<AccountView> {
    if !answers {
        return unknown(app);
    }
    let views = app.accounts.iter().map(|(name, address)| async move {
        let native = entry.chain.balance(Asset::Native, *address);
        let points = async {
            let asset = Asset::Token(entry.points_token?);
            entry.chain.balance(asset, *address).await.ok()
        };
        let (native, points) = futures::join!(native, points);
        AccountView {
            name: name.clone(),
            address: address.to_string(),
            native: native.ok().map(|n| n.to_string()),
            points: points.map(|n| n.to_string()),
        }
    });
    futures::future::join_all(views).await
}

fn unknown(app: &App) -> Vec<AccountView> {
    let view = |(name, address): (&String, &Address)| AccountView {
        name: name.clone(),
        address: address.to_string(),
        native: None,
        points: None,
    };
    app.accounts.iter().map(view).collect()
}
