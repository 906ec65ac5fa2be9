//! `/v1/lanes`: what runs between the chains, and stopping it.

use std::sync::Arc;

use alloy_primitives::{Address, Bytes};
use alloy_sol_types::SolCall;
use axum::{
    Json,
    extract::{
        ConnectInfo, Path, State,
        rejection::{JsonRejection, PathRejection},
    },
    http::StatusCode,
};
use causeway_adapter_api::{ChainError, Height};
use causeway_contracts::Gateway;
use causeway_core::log::Act;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{App, ChainEntry, Problem, alarms::MAX_NOTE, serve::Caller};
use crate::{
    contracts::{ORDERED_LANE, UNORDERED_LANE},
    eventlog::LogError,
    store::RelayCall,
};

/// One direction of a lane, at the newest final block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LaneView {
    /// Name of the chain it begins on.
    pub chain: String,
    /// Its number.
    pub lane: u32,
    /// Address of the gateway.
    pub gateway: String,
    /// Id of the chain it leads to.
    pub to: u64,
    /// Whether messages are executed in order.
    pub ordered: bool,
    /// Items so far.
    pub sent: u64,
    /// Whether nothing is sent or delivered.
    pub paused: bool,
    /// Who paused it last, while it is paused: an address.
    pub paused_by: Option<String>,
    /// When, unix seconds.
    pub paused_at: Option<u64>,
    /// Who may pause it.
    pub guardian: String,
    /// Who may pause it and end a pause.
    pub administrator: String,
}

/// Why a lane is paused, or runs again.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LaneAct {
    /// The reason; it stands in the event log. 1 to 1000 characters.
    pub why: String,
}

/// What was ordered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LaneOrdered {
    /// The task: its transaction is sent soon.
    pub task: String,
}

/// All lanes, in both directions.
#[utoipa::path(
    get, path = "/v1/lanes", tag = "lanes",
    responses((status = 200, body = [LaneView]), (status = 503, body = Problem))
)]
pub(super) async fn list(State(app): State<Arc<App>>) -> Result<Json<Vec<LaneView>>, Problem> {
    let mut lanes = Vec::new();
    for entry in &app.chains {
        for lane in [UNORDERED_LANE, ORDERED_LANE] {
            lanes.extend(view(&app, entry, lane).await?);
        }
    }
    Ok(Json(lanes))
}

/// Stops a lane at once, in both directions of this chain's gateway: the guardian's right.
#[utoipa::path(
    post, path = "/v1/lanes/{chain}/{lane}/pause", tag = "lanes", request_body = LaneAct,
    params(("chain" = String, Path, description = "name or id"), ("lane" = u32, Path, description = "number of the lane")),
    responses(
        (status = 202, body = LaneOrdered), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn pause(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    path: Result<Path<(String, u32)>, PathRejection>,
    body: Result<Json<LaneAct>, JsonRejection>,
) -> Result<(StatusCode, Json<LaneOrdered>), Problem> {
    let (Path((chain, lane)), Json(body)) = (path?, body?);
    act(&app, &caller, &chain, lane, body.why, Wanted::Paused).await
}

/// Lets a lane run again: the administrator's right. Where that is the `MemberRegistry`, members propose it instead.
#[utoipa::path(
    post, path = "/v1/lanes/{chain}/{lane}/unpause", tag = "lanes", request_body = LaneAct,
    params(("chain" = String, Path, description = "name or id"), ("lane" = u32, Path, description = "number of the lane")),
    responses(
        (status = 202, body = LaneOrdered), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn unpause(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    path: Result<Path<(String, u32)>, PathRejection>,
    body: Result<Json<LaneAct>, JsonRejection>,
) -> Result<(StatusCode, Json<LaneOrdered>), Problem> {
    let (Path((chain, lane)), Json(body)) = (path?, body?);
    act(&app, &caller, &chain, lane, body.why, Wanted::Running).await
}

/// What a lane is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Paused,
    Running,
}

async fn act(
    app: &App,
    caller: &Caller,
    chain: &str,
    lane: u32,
    why: String,
    wanted: Wanted,
) -> Result<(StatusCode, Json<LaneOrdered>), Problem> {
    if why.trim().is_empty() || why.chars().count() > MAX_NOTE {
        return Err(Problem::bad_request(format!(
            "why is 1 to {MAX_NOTE} characters: it stands in the event log"
        )));
    }
    let entry = app.chain(chain)?;
    let view = view(app, entry, lane).await?.ok_or_else(|| {
        let detail = format!("no lane {lane} on {}", entry.name);
        Problem::not_found(detail, "GET /v1/lanes lists them")
    })?;
    let conflict =
        |kind, detail: String, what| Problem::new(StatusCode::CONFLICT, kind, detail, what);
    let (is, name) = match wanted {
        Wanted::Paused => (view.paused, "paused"),
        Wanted::Running => (!view.paused, "running"),
    };
    if is {
        let detail = format!("lane {lane} on {} is {name} already", entry.name);
        return Err(conflict("not-now", detail, "GET /v1/lanes says since when"));
    }
    let ours = entry.chain.accounts();
    let rights = match wanted {
        Wanted::Paused => vec![&view.guardian, &view.administrator],
        Wanted::Running => vec![&view.administrator],
    };
    let account = rights
        .iter()
        .find_map(|right| ours.iter().find(|account| account.to_string() == **right));
    let Some(account) = account.copied() else {
        let names: Vec<&str> = rights.iter().map(|right| right.as_str()).collect();
        let detail = format!(
            "only {} may do that, whose key is not here",
            names.join(" or ")
        );
        let what = "ask whoever holds that key; where it is the MemberRegistry, `causeway member propose unpause`";
        return Err(conflict("no-right", detail, what));
    };
    let gateway = view.gateway.parse().map_err(Problem::bad_request)?;
    let by = caller.name();
    let (data, task, said) = match wanted {
        Wanted::Paused => (
            Gateway::pauseCall { lane }.abi_encode(),
            format!("pause:{}:{gateway}:{lane}", entry.id()),
            Act::Paused {
                by,
                why,
                lane,
                chain: entry.id().0,
            },
        ),
        Wanted::Running => (
            Gateway::unpauseCall { lane }.abi_encode(),
            format!("unpause:{}:{gateway}:{lane}", entry.id()),
            Act::Unpaused {
                by,
                why,
                lane,
                chain: entry.id().0,
            },
        ),
    };
    let call = RelayCall {
        task: task.clone(),
        to: gateway,
        data: data.into(),
        ..RelayCall::default()
    };
    let store = app.log.store();
    let ordered = store.add_call(entry.id(), account, &call).await;
    if ordered.map_err(LogError::from)?.is_some() {
        app.log.record(said);
        app.driver.knock(entry.id(), account);
    }
    Ok((StatusCode::ACCEPTED, Json(LaneOrdered { task })))
}

/// A lane as its gateway shows it; `None` where there is none.
async fn view(app: &App, entry: &ChainEntry, lane: u32) -> Result<Option<LaneView>, Problem> {
    let Some(gateway) = entry.contracts.gateway else {
        return Ok(None);
    };
    let asked = async {
        let at = entry.chain.finalized().await?.height;
        let Some(lane_of) = ask(entry, gateway, at, Gateway::laneOfCall { lane }).await? else {
            return Ok(None);
        };
        let out = ask(entry, gateway, at, Gateway::outboundCall { lane }).await?;
        let guardian = ask(entry, gateway, at, Gateway::guardianCall {}).await?;
        let administrator = ask(entry, gateway, at, Gateway::administratorCall {}).await?;
        Ok::<_, ChainError>(Some((lane_of, out, guardian, administrator)))
    };
    let asked = tokio::time::timeout(app.limits.per_chain(), asked).await;
    let slow = || Problem::unavailable(format!("{} does not answer in time", entry.name));
    let asked = asked.map_err(|_| slow())?;
    let found = asked.map_err(|error| Problem::unavailable(error.to_string()))?;
    let Some((lane_of, out, guardian, administrator)) = found else {
        return Ok(None);
    };
    if lane_of.config.client == Address::ZERO {
        return Ok(None);
    }
    let address = |found: Option<Address>| found.unwrap_or_default().to_string();
    let last = if lane_of.paused {
        paused(app, entry, gateway, lane).await?
    } else {
        None
    };
    Ok(Some(LaneView {
        chain: entry.name.clone(),
        lane,
        gateway: gateway.to_string(),
        to: lane_of.config.remoteChainId,
        ordered: lane_of.config.ordered,
        sent: out.map_or(0, |out| out.count),
        paused: lane_of.paused,
        paused_by: last.map(|(by, _)| by.to_string()),
        paused_at: last.map(|(_, at)| at),
        guardian: address(guardian),
        administrator: address(administrator),
    }))
}

/// Who paused a lane last, and when, as the event log has it.
async fn paused(
    app: &App,
    entry: &ChainEntry,
    gateway: Address,
    lane: u32,
) -> Result<Option<(Address, u64)>, Problem> {
    use alloy_sol_types::SolEvent as _;
    use causeway_core::log::Body;

    let filter = crate::store::LogFilter {
        segment: Some(entry.id().0),
        kind: Some("LanePaused".into()),
        ..crate::store::LogFilter::default()
    };
    let page = crate::store::LogPage::Before(u64::MAX);
    let rows = app.log.store().log_page(&filter, page, 100).await;
    let rows = rows.map_err(LogError::from)?;
    Ok(rows.into_iter().find_map(|row| {
        let Body::Event(event) = row.entry.body else {
            return None;
        };
        let raw = alloy_primitives::Log::new(event.address, event.topics, event.data)?;
        let said = Gateway::LanePaused::decode_log(&raw).ok()?;
        (event.address == gateway && said.lane == lane).then_some((said.by, row.entry.at))
    }))
}

pub(super) async fn ask<C: SolCall>(
    entry: &ChainEntry,
    to: Address,
    at: Height,
    call: C,
) -> Result<Option<C::Return>, ChainError> {
    let data = Bytes::from(call.abi_encode());
    match entry.chain.call(to, data, at).await {
        Ok(answer) => Ok(C::abi_decode_returns(&answer).ok()),
        Err(ChainError::Reverted { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
