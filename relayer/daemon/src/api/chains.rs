//! `/v1/chains`.

use std::sync::Arc;

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

async fn view(app: &App, entry: &ChainEntry) -> ChainView {
    let info = entry.chain.info();
    let tip = entry.chain.finalized().await.ok();
    ChainView {
        name: entry.name.clone(),
        chain_id: info.id.0,
        kind: entry.kind.into(),
        height: tip.map(|tip| tip.height.0),
        hash: tip.map(|tip| tip.hash.to_string()),
        time: tip.map(|tip| tip.time.0),
        hash_time_lock: info.hash_time_lock.to_string(),
        points_token: entry.points_token.map(|token| token.to_string()),
        rpc: entry.rpc.map(|addr| format!("http://{addr}")),
        rpc_tls: entry.rpc_tls.map(|addr| format!("https://{addr}")),
        validators: entry.validators,
        accounts: accounts(app, entry).await,
    }
}

async fn accounts(app: &App, entry: &ChainEntry) -> Vec<AccountView> {
    let mut views = Vec::new();
    for (name, address) in &app.accounts {
        let native = entry.chain.balance(Asset::Native, *address).await.ok();
        let points = match entry.points_token {
            Some(token) => entry
                .chain
                .balance(Asset::Token(token), *address)
                .await
                .ok(),
            None => None,
        };
        views.push(AccountView {
            name: name.clone(),
            address: address.to_string(),
            native: native.map(|n| n.to_string()),
            points: points.map(|n| n.to_string()),
        });
    }
    views
}
