//! Health and metrics.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use causeway_adapter_api::{ChainError, Tip};
use serde::Serialize;
use utoipa::ToSchema;

use super::{App, ChainEntry, Problem};
use crate::{metrics, relay::RelayError};

/// Whether the process runs.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = String)))]
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// What is ready.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ready {
    /// Name and height of each chain.
    chains: Vec<(String, u64)>,
}

/// Whether transfers can be made: the driver runs and every chain finalises.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, body = Ready), (status = 503, body = Problem))
)]
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Ready>, Problem> {
    if !app.driver.is_running() {
        let what = "see the log: its database failed; free space or repair it, then start again";
        let detail = "the driver of transfers has stopped";
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "stopped",
            detail,
            what,
        ));
    }
    let now = metrics::unix_seconds();
    let mut chains = Vec::new();
    for (entry, tip) in tips(&app).await {
        let tip = tip.map_err(Problem::unavailable)?;
        let age = now.saturating_sub(tip.time.0);
        if age > entry.stalled_after {
            let detail = format!("the newest block of {} is {age} s old", entry.name);
            return Err(Problem::unavailable(detail));
        }
        chains.push((entry.name.clone(), tip.height.0));
    }
    Ok(Json(Ready { chains }))
}

/// Metrics in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, body = String)))]
pub(super) async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    for (entry, tip) in tips(&app).await {
        if let Ok(tip) = tip {
            metrics::chain(&entry.name, tip);
        }
    }
    if let Err(error) = relay_metrics(&app).await {
        tracing::warn!(%error, "the relay was not measured");
    }
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        app.prometheus.render(),
    )
}

/// What changes without an event: open messages and their age, light clients and how far they are behind.
async fn relay_metrics(app: &App) -> Result<(), RelayError> {
    let lanes = app.relay.lanes().await?;
    metrics::open_messages(&lanes, &app.relay.open_messages().await?);
    for lag in app.relay.clients().await? {
        metrics::client(&lag);
    }
    Ok(())
}

/// All chains and their newest final blocks, asked at once.
pub(super) async fn tips(app: &App) -> Vec<(&ChainEntry, Result<Tip, ChainError>)> {
    let limit = app.limits.per_chain();
    let asked = app.chains.iter();
    let asked = asked.map(|entry| async move { (entry, entry.tip(limit).await) });
    futures::future::join_all(asked).await
}
