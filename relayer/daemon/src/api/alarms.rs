//! `/v1/alarms`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{
        ConnectInfo, Path, Query, State,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{App, Problem, serve::Caller};
use crate::{
    eventlog::LogError,
    store::{AlarmRow, AlarmState},
};

/// Most alarms of one page.
const MAX_PAGE: u32 = 500;
/// Longest note, characters.
pub(super) const MAX_NOTE: usize = 1_000;

/// An alarm. Times are unix seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlarmView {
    /// Its number.
    pub id: u64,
    /// Which rule; docs/operations.md lists them.
    pub rule: String,
    /// About what.
    pub subject: String,
    /// What happened.
    pub text: String,
    /// `raised`, `acknowledged`, `escalated`, `cleared`.
    pub state: String,
    /// Times it was raised while it was open.
    pub times: u64,
    /// When first.
    pub raised_at: u64,
    /// When nobody had seen it in time.
    pub escalated_at: Option<u64>,
    /// When somebody saw it.
    pub acknowledged_at: Option<u64>,
    /// Who did.
    pub acknowledged_by: Option<String>,
    /// What the person said.
    pub note: Option<String>,
    /// When it was over.
    pub cleared_at: Option<u64>,
}

/// Alarms.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AlarmList {
    /// Newest first.
    pub alarms: Vec<AlarmView>,
    /// Where the next page begins, if there is one.
    pub next_before: Option<u64>,
}

/// That a person has seen an alarm.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acknowledge {
    /// What is done about it; at most 1000 characters.
    #[serde(default)]
    pub note: String,
}

/// Which alarms.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// At most so many, 1 to 500.
    #[serde(default = "page")]
    limit: u32,
    /// Below this number.
    before: Option<u64>,
    /// Only in this state: `raised`, `acknowledged`, `escalated`, `cleared`.
    state: Option<AlarmState>,
    /// Only those that are not cleared.
    #[serde(default)]
    open: bool,
}

/// Alarms, newest first.
#[utoipa::path(
    get, path = "/v1/alarms", tag = "alarms",
    params(Page),
    responses((status = 200, body = AlarmList), (status = 400, body = Problem))
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<AlarmList>, Problem> {
    let Query(page) = page?;
    if !(1..=MAX_PAGE).contains(&page.limit) {
        return Err(Problem::bad_request(format!(
            "limit is {}, expected 1 to {MAX_PAGE}",
            page.limit
        )));
    }
    let rows = app
        .alarms
        .list(page.state, page.open, page.before, page.limit);
    let rows = rows.await.map_err(LogError::from)?;
    let full = rows.len() == page.limit as usize;
    Ok(Json(AlarmList {
        next_before: rows.last().filter(|_| full).map(|row| row.id),
        alarms: rows.into_iter().map(AlarmView::from).collect(),
    }))
}

/// One alarm.
#[utoipa::path(
    get, path = "/v1/alarms/{id}", tag = "alarms",
    params(("id" = u64, Path, description = "number of an alarm")),
    responses((status = 200, body = AlarmView), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    id: Result<Path<u64>, PathRejection>,
) -> Result<Json<AlarmView>, Problem> {
    let Path(id) = id?;
    let row = app.alarms.show(id).await.map_err(LogError::from)?;
    row.map(|row| Json(row.into())).ok_or_else(|| unknown(id))
}

/// Says that somebody has seen an alarm and does something about it.
#[utoipa::path(
    post, path = "/v1/alarms/{id}/acknowledge", tag = "alarms", request_body = Acknowledge,
    params(("id" = u64, Path, description = "number of an alarm")),
    responses(
        (status = 200, body = AlarmView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)
    )
)]
pub(super) async fn acknowledge(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    id: Result<Path<u64>, PathRejection>,
    body: Result<Json<Acknowledge>, JsonRejection>,
) -> Result<Json<AlarmView>, Problem> {
    let (Path(id), Json(body)) = (id?, body?);
    noticed(&app, &caller, id, &body.note).await.map(Json)
}

/// Notes that somebody has seen an alarm, in the API and on the page alike.
pub(super) async fn noticed(
    app: &App,
    caller: &Caller,
    id: u64,
    note: &str,
) -> Result<AlarmView, Problem> {
    if note.chars().count() > MAX_NOTE {
        return Err(Problem::bad_request(format!(
            "the note is longer than {MAX_NOTE} characters"
        )));
    }
    let by = caller.name();
    let done = app.alarms.acknowledge(id, &by, note).await;
    if let Some(row) = done.map_err(LogError::from)? {
        return Ok(row.into());
    }
    let row = app.alarms.show(id).await.map_err(LogError::from)?;
    let row = row.ok_or_else(|| unknown(id))?;
    let detail = format!("alarm {id} is {} already", row.state.name());
    let what = "GET /v1/alarms/{id} says by whom and when";
    Err(Problem::new(StatusCode::CONFLICT, "not-now", detail, what))
}

fn unknown(id: u64) -> Problem {
    Problem::not_found(format!("no alarm {id}"), "list alarms at /v1/alarms")
}

impl From<AlarmRow> for AlarmView {
    fn from(row: AlarmRow) -> Self {
        Self {
            id: row.id,
            rule: row.rule,
            subject: row.subject,
            text: row.text,
            state: row.state.name().into(),
            times: row.times,
            raised_at: row.raised_at,
            escalated_at: row.escalated_at,
            acknowledged_at: row.acknowledged_at,
            acknowledged_by: row.acknowledged_by,
            note: row.note,
            cleared_at: row.cleared_at,
        }
    }
}

impl Caller {
    /// Who it is, for the log: the name in the certificate.
    pub(super) fn name(&self) -> String {
        let name = self.peer.as_ref().map(|peer| peer.name.clone());
        name.unwrap_or_else(|| "this machine".into())
    }
}

const fn page() -> u32 {
    50
}
