//! `/v1/transfers`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode},
};
use causeway_core::{peg, swap::TransferId};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use super::{
    App, ExplanationView, PartView, Problem, Started, Transfer, TransferList,
    app::Repeatable,
    crossings::{StartBody, digest},
};
use crate::{crossing::CrossingError, drive::DriveError, store::Listed};

/// Most transfers of one page.
const MAX_PAGE: u32 = 500;
/// Records looked through for one filtered page; more pages follow.
const MAX_SCAN: u32 = 5_000;
/// Longest idempotency key.
const MAX_KEY: usize = 128;

/// Which transfers.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// At most so many, 1 to 500.
    #[serde(default = "page")]
    pub(super) limit: u32,
    /// So many are skipped.
    #[serde(default)]
    pub(super) offset: u32,
    /// `swap`, `peg_in`, `peg_out` or `settlement`.
    pub(super) kind: Option<String>,
    /// `initiator`, `counterparty`, `watchtower`, `user` or `carrier`.
    pub(super) role: Option<String>,
    /// A stage, as the `stage` of a transfer.
    pub(super) stage: Option<String>,
    /// A chain's name, as `from_chain` or `to_chain` of a transfer.
    pub(super) chain: Option<String>,
}

/// Begins a transfer: a swap, or by `kind` a way over the peg or a settlement.
///
/// With an `Idempotency-Key` header a repetition of the same request answers with the same transfer, as long as the
/// daemon was not restarted between.
#[utoipa::path(
    post, path = "/v1/transfers", tag = "transfers", request_body = StartBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 128 characters of your choice")),
    responses(
        (status = 201, body = Started), (status = 200, description = "A repetition", body = Started),
        (status = 400, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn start(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<(StatusCode, Json<Started>), Problem> {
    let Json(body) = body?;
    let request = StartBody::read(body)?;
    let begin = app.resolve(&request)?;
    let Some(key) = idempotency_key(&headers)? else {
        let id = app.begin(begin).await?.to_string();
        return Ok((StatusCode::CREATED, Json(Started { id })));
    };
    let body = digest(&request);
    let mut kept = app.started.lock().await;
    if let Some(first) = kept.iter().find(|first| first.key == key) {
        if first.body != body {
            let what = "use a new Idempotency-Key for another transfer";
            let detail = "this Idempotency-Key was used for another request";
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "key-reused",
                detail,
                what,
            ));
        }
        return Ok((
            StatusCode::OK,
            Json(Started {
                id: first.id.to_string(),
            }),
        ));
    }
    let id = app.begin(begin).await?;
    Repeatable { key, body, id }.remember(&mut kept);
    Ok((StatusCode::CREATED, Json(Started { id: id.to_string() })))
}

/// Transfers, newest first.
#[utoipa::path(
    get, path = "/v1/transfers", tag = "transfers", params(Filter),
    responses((status = 200, body = TransferList), (status = 400, body = Problem))
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<TransferList>, Problem> {
    let Query(filter) = filter?;
    Ok(Json(listed(&app, &filter).await?))
}

/// Transfers that pass a filter, newest first.
pub(super) async fn listed(app: &App, filter: &Filter) -> Result<TransferList, Problem> {
    if !(1..=MAX_PAGE).contains(&filter.limit) {
        return Err(Problem::bad_request(format!(
            "limit is {}, expected 1 to {MAX_PAGE}",
            filter.limit
        )));
    }
    let (mut transfers, mut offset) = (Vec::new(), filter.offset);
    let end = filter.offset.saturating_add(MAX_SCAN);
    loop {
        let records = app.driver.list_all(MAX_PAGE, offset).await?;
        let more = records.len() == MAX_PAGE as usize;
        for record in &records {
            offset = offset.saturating_add(1);
            let transfer = match record {
                Listed::Swap(record) => Transfer::new(app, record),
                Listed::Crossing(row) => app.crossing(row)?,
            };
            if filter.takes(&transfer) {
                transfers.push(transfer);
            }
            if transfers.len() == filter.limit as usize {
                return Ok(TransferList {
                    transfers,
                    next_offset: Some(offset),
                });
            }
        }
        if !more || offset >= end {
            return Ok(TransferList {
                transfers,
                next_offset: more.then_some(offset),
            });
        }
    }
}

/// Every part of ours in one transfer.
#[utoipa::path(
    get, path = "/v1/transfers/{id}", tag = "transfers",
    params(("id" = String, Path, description = "32 hexadecimal digits")),
    responses((status = 200, body = [PartView]), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Vec<PartView>>, Problem> {
    Ok(Json(parts(&app, transfer_id(id)?).await?))
}

/// Where a transfer is, who may act next, until when, what it costs, and what happens if nobody does.
#[utoipa::path(
    get, path = "/v1/transfers/{id}/explain", tag = "transfers",
    params(("id" = String, Path, description = "32 hexadecimal digits")),
    responses((status = 200, body = [ExplanationView]), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn explain(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Vec<ExplanationView>>, Problem> {
    let parts = parts(&app, transfer_id(id)?).await?;
    Ok(Json(
        parts.into_iter().map(|part| part.explanation).collect(),
    ))
}

/// Asks for the money back: at once where nothing is locked, after the deadline where something is.
#[utoipa::path(
    post, path = "/v1/transfers/{id}/refund", tag = "transfers",
    params(("id" = String, Path, description = "32 hexadecimal digits")),
    responses((status = 202), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(super) async fn refund(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    give_back(&app, transfer_id(id)?).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Asks for the money of a transfer of whatever kind back.
pub(super) async fn give_back(app: &App, id: TransferId) -> Result<(), Problem> {
    match app.pegs.command(id, &peg::Event::Cancel).await {
        Err(CrossingError::PeerUnknownTransfer(_)) => {}
        done => return Ok(done?),
    }
    match app.settlements.cancel(id).await {
        Err(CrossingError::PeerUnknownTransfer(_)) => app.driver.refund(id).await?,
        done => done?,
    }
    Ok(())
}

/// Our parts in a transfer of whatever kind; there is at least one.
pub(super) async fn parts(app: &App, id: TransferId) -> Result<Vec<PartView>, Problem> {
    let (pegs, settlements) = (app.pegs.show(id).await?, app.settlements.show(id).await?);
    let pegs = pegs.iter().map(|view| app.peg_part(view));
    let settlements = settlements.iter().map(|view| app.settlement_part(view));
    let mut parts: Vec<PartView> = pegs.chain(settlements).collect();
    match app.driver.show(id).await {
        Err(DriveError::PeerUnknownTransfer(_)) if !parts.is_empty() => {}
        shown => parts.extend(shown?.iter().map(|view| PartView::new(app, view))),
    }
    Ok(parts)
}

impl Filter {
    fn takes(&self, transfer: &Transfer) -> bool {
        let is = |wanted: &Option<String>, got: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| got == Some(wanted))
        };
        is(&self.kind, Some(&transfer.kind))
            && is(&self.role, Some(&transfer.role))
            && is(&self.stage, Some(&transfer.stage))
            && (is(&self.chain, transfer.from_chain.as_deref())
                || is(&self.chain, transfer.to_chain.as_deref()))
    }
}

pub(super) fn transfer_id(id: Result<Path<String>, PathRejection>) -> Result<TransferId, Problem> {
    let Path(id) = id?;
    id.parse().map_err(Problem::bad_request)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if (1..=MAX_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Problem::bad_request(format!(
            "Idempotency-Key must have 1 to {MAX_KEY} ASCII characters"
        ))),
    }
}

const fn page() -> u32 {
    50
}
