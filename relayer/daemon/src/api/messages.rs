//! `/v1/messages`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::StatusCode,
};
use causeway_core::{
    explain,
    lane::Order,
    message::{Kind, MessageId, Now, Outcome, Status},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{App, At, Problem};
use crate::{
    relay::{MessageView, SendRequest, abi::MessageBody},
    store::{MessageNews, MessageRow, SaidRow},
};

/// Most messages of one page.
const MAX_PAGE: u32 = 500;

/// A message to be sent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendMessage {
    /// Who sends it, where: one of the daemon's accounts.
    pub from: At,
    /// Who gets it, where: a name or an address.
    pub to: At,
    /// What it says, as 0x and hexadecimal digits; for a call, the call data.
    pub payload: String,
    /// Call the recipient with the payload and bring back what it returns.
    #[serde(default)]
    pub call: bool,
    /// Take the ordered lane.
    #[serde(default)]
    pub ordered: bool,
    /// The last second, by the destination's clock, in which it is executed; a day from now without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<u64>,
    /// Gas of its execution; the gateway's default without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gas_limit: Option<u64>,
}

/// A message as it stands.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// Its id: from-to-lane-number.
    pub id: String,
    /// Its id in both gateways.
    pub message_id: String,
    /// Name of the chain it was sent from.
    pub from_chain: String,
    /// Name of the chain it is sent to.
    pub to_chain: String,
    /// Whether its lane keeps the order.
    pub ordered: bool,
    /// `message` or `call`.
    pub kind: String,
    /// Who sent it.
    pub sender: String,
    /// Who gets it.
    pub recipient: String,
    /// What it says.
    pub payload: String,
    /// The last second of the destination in which it is executed.
    pub deadline: u64,
    /// Gas of its execution.
    pub gas_limit: u64,
    /// Transaction it was sent in.
    pub tx: String,
    /// Block it was sent in.
    pub height: u64,
    /// sent, proved, executed, failed, acknowledged, expired, timed_out.
    pub stage: String,
    /// Once it has ended: executed, failed, refused, timed_out.
    pub outcome: Option<String>,
    /// Where it is and what happens next, in words.
    pub explanation: String,
}

/// A message with what both chains said about it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MessageDetail {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// What the recipient returned, once executed.
    pub result: Option<String>,
    /// Height of the source whose certificate proved it at its destination.
    pub proved_at: Option<u64>,
    /// Height of the destination whose certificate proved its end at its source.
    pub ended_at: Option<u64>,
    /// What both chains said, oldest first.
    pub history: Vec<SaidRow>,
}

/// Something that a chain said about a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageStep {
    /// Id of the message: from-to-lane-number.
    pub message: String,
    /// What, as in its history.
    pub said: String,
    /// Name of the chain that said it.
    pub chain: String,
    /// In which block.
    pub height: u64,
    /// In which transaction.
    pub tx: String,
    /// Time of the block, seconds.
    pub time: u64,
}

/// A page of messages.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MessageList {
    /// Newest first.
    pub messages: Vec<Message>,
    /// Where the next page begins, if there is one.
    pub next_offset: Option<u32>,
}

/// Which messages.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// At most so many, 1 to 500.
    #[serde(default = "page")]
    limit: u32,
    /// So many are skipped.
    #[serde(default)]
    offset: u32,
}

/// Sends a message to a contract of the other chain; answers once a final block shows it.
#[utoipa::path(
    post, path = "/v1/messages", tag = "messages", request_body = SendMessage,
    responses(
        (status = 201, body = MessageDetail), (status = 400, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn send(
    State(app): State<Arc<App>>,
    body: Result<Json<SendMessage>, JsonRejection>,
) -> Result<(StatusCode, Json<MessageDetail>), Problem> {
    let Json(request) = body?;
    let payload = request
        .payload
        .parse()
        .map_err(|_| Problem::bad_request("payload must be 0x and hexadecimal digits"))?;
    let (from, account) = app.account("from", &request.from)?;
    let (to, recipient) = app.account("to", &request.to)?;
    let sent = SendRequest {
        from,
        account,
        to,
        recipient,
        payload,
        call: request.call,
        order: if request.ordered {
            Order::Ordered
        } else {
            Order::Unordered
        },
        deadline: request.deadline,
        gas_limit: request.gas_limit,
    };
    let view = app.relay.send(&sent).await?;
    let now = app.relay.now().await?;
    let detail = MessageDetail::new(&app, view, &now);
    Ok((StatusCode::CREATED, Json(detail)))
}

/// Messages, newest first.
#[utoipa::path(
    get, path = "/v1/messages", tag = "messages", params(Filter),
    responses((status = 200, body = MessageList), (status = 400, body = Problem))
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<MessageList>, Problem> {
    let Query(filter) = filter?;
    if !(1..=MAX_PAGE).contains(&filter.limit) {
        return Err(Problem::bad_request(format!(
            "limit is {}, expected 1 to {MAX_PAGE}",
            filter.limit
        )));
    }
    let now = app.relay.now().await?;
    let rows = app.relay.list(filter.limit, filter.offset).await?;
    let more = rows.len() == filter.limit as usize;
    Ok(Json(MessageList {
        messages: rows
            .iter()
            .map(|row| Message::new(&app, row, &now))
            .collect(),
        next_offset: more.then(|| filter.offset.saturating_add(filter.limit)),
    }))
}

/// One message with what both chains said about it.
#[utoipa::path(
    get, path = "/v1/messages/{id}", tag = "messages",
    params(("id" = String, Path, description = "from-to-lane-number")),
    responses((status = 200, body = MessageDetail), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<MessageDetail>, Problem> {
    let view = app.relay.show(message_id(id)?).await?;
    let now = app.relay.now().await?;
    Ok(Json(MessageDetail::new(&app, view, &now)))
}

/// Has a message that failed executed again now, or a failed hook of its sender run again.
#[utoipa::path(
    post, path = "/v1/messages/{id}/retry", tag = "messages",
    params(("id" = String, Path, description = "from-to-lane-number")),
    responses((status = 202), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(super) async fn retry(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    app.relay.retry(message_id(id)?).await?;
    Ok(StatusCode::ACCEPTED)
}

impl Message {
    pub(super) fn new(app: &App, row: &MessageRow, now: &Now) -> Self {
        let state = &row.state;
        let (sent, way) = (state.sent, state.sent.id.way);
        let body = MessageBody::read(&row.body);
        let names = &app.driver.config().names;
        Self {
            id: sent.id.to_string(),
            message_id: sent.leaf.to_string(),
            from_chain: app.chain_name(way.from),
            to_chain: app.chain_name(way.to),
            ordered: sent.order == Order::Ordered,
            kind: match sent.kind {
                Kind::Message => "message",
                Kind::Call => "call",
            }
            .into(),
            sender: sent.sender.to_string(),
            recipient: sent.recipient.to_string(),
            payload: body
                .map(|body| body.payload)
                .unwrap_or_default()
                .to_string(),
            deadline: sent.deadline.0,
            gas_limit: sent.gas_limit,
            tx: row.tx.to_string(),
            height: row.height.0,
            stage: state.stage().name().into(),
            outcome: state.outcome().map(|outcome| outcome_name(outcome).into()),
            explanation: explain::message(state, now, names).text(names),
        }
    }
}

impl MessageStep {
    pub(super) fn new(app: &App, news: &MessageNews) -> Self {
        Self {
            message: news.id.to_string(),
            said: news.said.clone(),
            chain: app.chain_name(news.chain),
            height: news.height.0,
            tx: news.tx.to_string(),
            time: news.time,
        }
    }
}

impl MessageDetail {
    pub(super) fn new(app: &App, view: MessageView, now: &Now) -> Self {
        let of = |names: &[&str]| {
            view.history
                .iter()
                .rev()
                .find(|line| names.contains(&line.said.as_str()))
        };
        let there = of(&["executed", "failed", "refused", "expired"]);
        let home = of(&["acknowledged", "timed_out"]);
        Self {
            message: Message::new(app, &view.row, now),
            result: of(&["executed"])
                .map(|line| line.result.clone().unwrap_or_else(|| "0x".into())),
            proved_at: there.and_then(|line| line.proved_at),
            ended_at: home.and_then(|line| line.proved_at),
            history: view.history.clone(),
        }
    }
}

const fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Acknowledged(Status::Executed) => "executed",
        Outcome::Acknowledged(Status::Failed) => "failed",
        Outcome::Acknowledged(Status::Refused) => "refused",
        Outcome::TimedOut => "timed_out",
    }
}

pub(super) fn message_id(id: Result<Path<String>, PathRejection>) -> Result<MessageId, Problem> {
    let Path(id) = id?;
    id.parse().map_err(Problem::bad_request)
}

const fn page() -> u32 {
    50
}
