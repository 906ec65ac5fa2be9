//! `/alarms`.

use std::sync::Arc;

use axum::{
    Form,
    extract::{
        ConnectInfo, Path, Query, State,
        rejection::{FormRejection, PathRejection, QueryRejection},
    },
    http::HeaderMap,
    response::{IntoResponse as _, Redirect, Response},
};
use causeway_console::{
    pages::alarms::{self as page, Alarm, Alarms, Notice},
    parts::{Pager, Tone, segment},
};
use serde::Deserialize;

use super::Look;
use crate::{
    api::{App, Problem, alarms::noticed, serve::Caller},
    eventlog::LogError,
    store::{AlarmRow, AlarmState},
};

/// Alarms of one page.
const PAGE: u32 = 25;

/// Which alarms.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Ask {
    before: Option<u64>,
}

/// What the form carries.
#[derive(Debug, Deserialize)]
pub(super) struct Acknowledged {
    #[serde(default)]
    token: String,
    #[serde(default)]
    note: String,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    ask: Result<Query<Ask>, QueryRejection>,
    look: Look,
) -> Response {
    let view = load(&app, ask).await;
    look.show(|frame| {
        let view = Alarms {
            may_acknowledge: frame.who.may_oversee,
            ..view?
        };
        Ok(page::page(frame, &view))
    })
}

async fn load(app: &App, ask: Result<Query<Ask>, QueryRejection>) -> Result<Alarms, Problem> {
    let Query(ask) = ask?;
    let rows = app.alarms.list(None, false, ask.before, PAGE).await;
    let rows = rows.map_err(LogError::from)?;
    let full = rows.len() == PAGE as usize;
    let last = rows.last().filter(|_| full);
    Ok(Alarms {
        pager: Pager {
            newer: ask.before.map(|_| "/alarms".into()),
            older: last.map(|row| format!("/alarms?before={}", row.id)),
        },
        rows: rows.into_iter().map(|row| alarm(app, row)).collect(),
        may_acknowledge: false,
    })
}

pub(super) async fn acknowledge(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    headers: HeaderMap,
    id: Result<Path<u64>, PathRejection>,
    look: Look,
    form: Result<Form<Acknowledged>, FormRejection>,
) -> Response {
    let done = async {
        let Form(form) = form.map_err(|rejection| {
            let what = "open the page anew and send its form from there";
            Problem::new(rejection.status(), "bad-form", rejection.body_text(), what)
        })?;
        app.own_form(&headers, &caller, &form.token)?;
        let Path(id) = id?;
        noticed(&app, &caller, id, form.note.trim()).await
    };
    match done.await {
        Ok(_) => Redirect::to("/alarms").into_response(),
        Err(problem) => look.refuse(problem),
    }
}

fn alarm(app: &App, row: AlarmRow) -> Alarm {
    let link = link(app, &row.rule, &row.subject);
    let notice = row.acknowledged_at.map(|at| Notice {
        by: row.acknowledged_by.unwrap_or_default(),
        at,
        note: row.note.unwrap_or_default(),
    });
    Alarm {
        id: row.id.to_string(),
        tone: match row.state {
            AlarmState::Raised | AlarmState::Escalated => Tone::Bad,
            AlarmState::Acknowledged => Tone::Warn,
            AlarmState::Cleared => Tone::Plain,
        },
        rule: row.rule,
        told: row.text,
        link,
        raised: row.raised_at,
        cleared: row.cleared_at,
        is_escalated: row.state == AlarmState::Escalated,
        times: row.times,
        acknowledged: notice,
    }
}

/// The page of what an alarm is about.
fn link(app: &App, rule: &str, subject: &str) -> Option<String> {
    let chain = |name: &str| app.chains.iter().any(|entry| entry.name == name);
    let feed = || {
        let (feed, on) = subject.rsplit_once('/')?;
        (chain(on) && app.feeds.site(feed).is_ok()).then(|| format!("/feeds/{}", segment(feed)))
    };
    match rule {
        "device" => Some(format!("/devices/{}", segment(subject))),
        "threshold" => feed(),
        "stale" if chain(subject) => Some(format!("/chains/{}", segment(subject))),
        "stale" => feed(),
        "supply" => Some(format!("/supply/{}", segment(subject))),
        "margin" => Some(format!("/transfers/{}", segment(subject))),
        "gap" | "log_tampered" | "log_unanchored" | "acts_lost" | "log_lost" => Some("/log".into()),
        _ => None,
    }
}

impl App {
    /// Alarms that nobody has seen, newest first.
    pub(super) async fn unseen_alarms(&self, limit: u32) -> Result<Vec<AlarmRow>, Problem> {
        let open = self.alarms.list(None, true, None, limit).await;
        let mut open = open.map_err(LogError::from)?;
        open.retain(|row| row.acknowledged_at.is_none());
        Ok(open)
    }
}
