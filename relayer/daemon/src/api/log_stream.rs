//! `/v1/log/events`: the log as server-sent events. Ids are numbers of entries, so a client goes on where it was, also after the
//! daemon was restarted; whoever does not read is dropped.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode},
    response::sse::{Event, KeepAlive, Sse},
};
use futures::Stream;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use utoipa::IntoParams;

use super::{App, LogEntryView, Problem, app::StreamGuard};
use crate::eventlog::LogError;

/// Where to go on.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct From {
    /// Id of the last event that was received; the header `Last-Event-ID` says the same. `0` begins with the first entry.
    after: Option<String>,
}

/// Entries of the log as they come.
///
/// Events named `entry` carry a `LogEntryView`. An event named `gap` says that the log was made anew since the given id: everything
/// follows from its beginning.
#[utoipa::path(
    get, path = "/v1/log/events", tag = "log", params(From),
    responses(
        (status = 200, content_type = "text/event-stream", body = LogEntryView),
        (status = 400, body = Problem), (status = 429, body = Problem)
    )
)]
pub(super) async fn stream(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    from: Result<Query<From>, QueryRejection>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let Query(from) = from?;
    let header = headers
        .get("last-event-id")
        .and_then(|v| v.to_str().ok())
        .map(str::to_owned);
    let newest = app.log.store().log_seq().await.map_err(LogError::from)?;
    let (seq, gap) = match from.after.or(header) {
        None => (newest, false),
        Some(id) => position(&app, &id, newest)?,
    };
    let guard = app.take_stream().ok_or_else(|| {
        let what = "close another stream, or raise api.max_event_streams";
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-streams",
            "all event streams are taken",
            what,
        )
    })?;
    let (send, events) = mpsc::channel(WAITING);
    tokio::spawn(follow(app, guard, seq, gap, send));
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Sse::new(ReceiverStream::new(events).map(Ok)).keep_alive(keep_alive))
}

/// Sends until the client is gone, does not read, or the daemon stops. The stream's place is given back then.
async fn follow(
    app: Arc<App>,
    guard: StreamGuard,
    mut seq: u64,
    gap: bool,
    send: mpsc::Sender<Event>,
) {
    let _guard = guard;
    let mut newest = app.log.newest();
    let mut stopping = app.stopping.subscribe();
    if gap && !sent(&send, Event::default().event("gap").data("{}")).await {
        return;
    }
    loop {
        newest.borrow_and_update();
        let rows = match app.log.after(seq, PAGE).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "a stream of the event log ends");
                return;
            }
        };
        for row in &rows {
            let view = LogEntryView::new(&app, row);
            let data = serde_json::to_string(&view).unwrap_or_default();
            let id = format!("{}-{}", app.log.generation(), row.seq);
            if !sent(&send, Event::default().id(id).event("entry").data(data)).await {
                return;
            }
            seq = row.seq;
        }
        if !rows.is_empty() {
            continue;
        }
        tokio::select! {
            changed = newest.changed() => if changed.is_err() { return },
            () = send.closed() => return,
            // An error means that the API is gone.
            _ = stopping.changed() => return,
        }
    }
}

/// Whether the client took it in time.
pub(super) async fn sent(send: &mpsc::Sender<Event>, event: Event) -> bool {
    match send.send_timeout(event, SLOWEST).await {
        Ok(()) => true,
        Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
            tracing::info!("an event stream is dropped: its client does not read");
            false
        }
        Err(mpsc::error::SendTimeoutError::Closed(_)) => false,
    }
}

fn position(app: &App, id: &str, newest: u64) -> Result<(u64, bool), Problem> {
    let bad = || {
        Problem::bad_request("an event id is <generation>-<number>, as the stream sent it, or 0")
    };
    if id == "0" {
        return Ok((0, false));
    }
    let (generation, seq) = id.split_once('-').ok_or_else(bad)?;
    let seq: u64 = seq.parse().map_err(|_| bad())?;
    if generation != app.log.generation() || seq > newest {
        return Ok((0, true));
    }
    Ok((seq, false))
}

/// Events that wait for a client.
pub(super) const WAITING: usize = 64;
/// Entries read at once.
const PAGE: u32 = 256;
/// How long a client may leave them waiting.
const SLOWEST: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 30 });
