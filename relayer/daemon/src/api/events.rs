//! `/v1/events`: every step of every transfer and message, what supply statements find, what feeds answer, and alarms, as
//! server-sent events. Ids are numbers of the database, so a client goes on where it was, also after the daemon was restarted;
//! whoever does not read is dropped.

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

use super::{
    App, EventView, Problem,
    app::{Numbered, Published, StreamGuard},
    log_stream::{WAITING, sent},
};
use crate::{eventlog::LogError, store::StoreError};

/// Where to go on.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct From {
    /// Id of the last event that was received; the header `Last-Event-ID` says the same. `0` begins with the oldest that is kept.
    after: Option<String>,
}

/// Steps of all transfers and messages as they happen, every change of what a supply statement finds, what feeds say, and alarms.
///
/// Events named `step` carry an `EventView`, `message` a `MessageStep`, `supply` a `SupplyView`, `feed` a `FeedStep`, `alarm` an
/// `AlarmView`. After an id follows everything since, across restarts of the daemon; the newest 100,000 events are kept. An event
/// named `gap` says that events are no longer kept, or that the database was made anew since the given id: list the transfers again.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", params(From),
    responses(
        (status = 200, content_type = "text/event-stream", body = EventView),
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
    let newest = app.log.store().stream_seq().await;
    let newest = newest.map_err(LogError::from)?;
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
    let mut newest = app.events.newest();
    let mut stopping = app.stopping.subscribe();
    if gap && !sent(&send, missing()).await {
        return;
    }
    loop {
        newest.borrow_and_update();
        let events = match after(&app, seq).await {
            Ok(events) => events,
            Err(error) => {
                tracing::warn!(%error, "an event stream ends");
                return;
            }
        };
        // Numbers follow each other; what was removed is missing. Zero stands for the oldest that there is.
        let removed = |first: u64| seq != 0 && first > seq.saturating_add(1);
        if events.first().is_some_and(|(first, _)| removed(*first)) && !sent(&send, missing()).await
        {
            return;
        }
        for (number, event) in &events {
            let id = format!("{}-{number}", app.log.generation());
            let event = Event::default().id(id).event(event.name).data(&event.data);
            if !sent(&send, event).await {
                return;
            }
            seq = *number;
        }
        if !events.is_empty() {
            continue;
        }
        tokio::select! {
            changed = newest.changed() => if changed.is_err() { return },
            () = send.closed() => return,
            // An error means that the API is gone.
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}

/// The next events: from memory where they are kept there.
async fn after(app: &App, seq: u64) -> Result<Vec<Numbered>, StoreError> {
    if let Some(events) = app.events.after(seq, PAGE as usize) {
        return Ok(events);
    }
    let rows = app.log.store().stream_after(seq, PAGE).await?;
    let events = rows.iter().map(|row| (row.seq, Published::of(app, row)));
    Ok(events.collect())
}

fn missing() -> Event {
    let gap = Published::gap();
    Event::default().event(gap.name).data(gap.data)
}

/// Number to go on with, and whether something is missing: an id of another database, or of a newer state of this one, begins
/// with the oldest event that is kept.
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

/// Events read at once.
const PAGE: u32 = 256;
