//! `/v1/events`: every step of every transfer and message, what supply statements find, and what feeds answer, as server-sent events.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode},
    response::sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use tokio::sync::broadcast;
use utoipa::IntoParams;

use super::{
    App, EventView, Problem,
    app::{Published, StreamGuard},
};

/// Where to go on.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct From {
    /// Id of the last event that was received; the header `Last-Event-ID` says the same.
    after: Option<String>,
}

/// Steps of all transfers and messages as they happen, and every change of what a supply statement finds.
///
/// Events named `step` carry an `EventView`, `message` a `MessageStep`, `supply` a `SupplyView`, `feed` a `FeedStep`, `alarm` an `AlarmView`. An event named `gap` says that events after the given id are no longer
/// kept, or were of an earlier run of the daemon: list the transfers again.
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
    let (start, same_run) = match from.after.or(header) {
        None => (app.events.next(), true),
        Some(id) => position(&app, &id)?,
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
    let (kept, complete, news) = app.events.since(start);
    let run = app.events.run;
    let gap = (!complete || !same_run).then(|| Ok(Event::default().event("gap").data("{}")));
    let kept = stream::iter(kept).map(move |(n, event)| Ok(step(run, n, &event)));
    let live = stream::unfold((news, guard), move |state| next(run, state));
    let events = stream::iter(gap).chain(kept).chain(live);
    let mut stopping = app.stopping.subscribe();
    let stopped = async move { drop(stopping.wait_for(|stop| *stop).await) };
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Sse::new(events.take_until(Box::pin(stopped))).keep_alive(keep_alive))
}

type Live = (broadcast::Receiver<(u64, Published)>, StreamGuard);

async fn next(run: u64, (mut news, guard): Live) -> Option<(Result<Event, Infallible>, Live)> {
    let event = match news.recv().await {
        Ok((n, event)) => step(run, n, &event),
        Err(broadcast::error::RecvError::Lagged(_)) => Event::default().event("gap").data("{}"),
        Err(broadcast::error::RecvError::Closed) => return None,
    };
    Some((Ok(event), (news, guard)))
}

fn step(run: u64, n: u64, event: &Published) -> Event {
    Event::default()
        .id(format!("{run}-{n}"))
        .event(event.name)
        .data(&event.data)
}

/// Number to go on with, and whether the id is of this run. An id of another run goes on with all that is kept.
fn position(app: &App, id: &str) -> Result<(u64, bool), Problem> {
    let bad = || Problem::bad_request("an event id is <number>-<number>, as the stream sent it");
    let (run, n) = id.split_once('-').ok_or_else(bad)?;
    let (run, n): (u64, u64) = (
        run.parse().map_err(|_| bad())?,
        n.parse().map_err(|_| bad())?,
    );
    if run != app.events.run {
        return Ok((0, false));
    }
    Ok((n.saturating_add(1), true))
}
