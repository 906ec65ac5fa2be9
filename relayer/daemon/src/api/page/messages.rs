//! `/messages`.

use std::sync::Arc;

use axum::{
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    response::Response,
};
use causeway_console::{
    pages::messages::{self as page, MessageLine, Messages, Said},
    parts::Pager,
};
use serde::Deserialize;

use super::{Look, look::page_at};
use crate::api::{App, Message, MessageDetail, Problem, messages::message_id};

/// Messages of one page.
const PAGE: u32 = 25;

/// Which messages.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Ask {
    #[serde(default)]
    offset: u32,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    ask: Result<Query<Ask>, QueryRejection>,
    look: Look,
) -> Response {
    let view = load(&app, ask).await;
    look.show(|frame| Ok(page::list(frame, &view?)))
}

async fn load(app: &App, ask: Result<Query<Ask>, QueryRejection>) -> Result<Messages, Problem> {
    let Query(ask) = ask?;
    let rows = app.messages_at(PAGE, ask.offset).await?;
    let more = rows.len() == PAGE as usize;
    let at = |offset: u32| page_at("/messages", &[], offset.into());
    Ok(Messages {
        rows: rows.iter().map(line).collect(),
        pager: Pager {
            newer: (ask.offset > 0).then(|| at(ask.offset.saturating_sub(PAGE))),
            older: more.then(|| at(ask.offset.saturating_add(PAGE))),
        },
    })
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    look: Look,
) -> Response {
    let view = detail(&app, id).await;
    look.show(|frame| Ok(page::page(frame, &view?)))
}

async fn detail(
    app: &App,
    id: Result<Path<String>, PathRejection>,
) -> Result<page::Message, Problem> {
    let found = app.relay.show(message_id(id)?).await?;
    let now = app.relay.now().await?;
    let found = MessageDetail::new(app, found, &now);
    let message = &found.message;
    let said = found.history.iter().map(|row| Said {
        chain: app.chain_name(causeway_adapter_api::ChainId(row.chain)),
        height: row.height,
        tx: row.tx.clone(),
        said: row.said.clone(),
        time: row.time,
    });
    Ok(page::Message {
        line: line(message),
        message_id: message.message_id.clone(),
        is_ordered: message.ordered,
        payload: message.payload.clone(),
        result: found.result.clone(),
        gas_limit: message.gas_limit,
        sent: (message.tx.clone(), message.height),
        proved_at: found.proved_at,
        ended_at: found.ended_at,
        explanation: message.explanation.clone(),
        history: said.collect(),
    })
}

fn line(message: &Message) -> MessageLine {
    MessageLine {
        id: message.id.clone(),
        kind: message.kind.clone(),
        from: message.from_chain.clone(),
        to: message.to_chain.clone(),
        sender: message.sender.clone(),
        recipient: message.recipient.clone(),
        stage: message.stage.clone(),
        outcome: message.outcome.clone(),
        deadline: message.deadline,
    }
}

impl App {
    async fn messages_at(&self, limit: u32, offset: u32) -> Result<Vec<Message>, Problem> {
        let rows = self.relay.list(limit, offset).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.relay.now().await?;
        Ok(rows
            .iter()
            .map(|row| Message::new(self, row, &now))
            .collect())
    }

    /// The newest messages.
    pub(super) async fn newest_messages(&self, limit: u32) -> Result<Vec<Message>, Problem> {
        self.messages_at(limit, 0).await
    }
}
