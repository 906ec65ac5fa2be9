//! `/live`: says to pages that are open that something changed, and how high the chains are. What changed they read anew.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::StatusCode,
    response::sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, StreamExt as _, stream};
use tokio::{
    sync::{Mutex, broadcast},
    time::{Instant, Interval, MissedTickBehavior},
};

use crate::api::{
    App, Problem,
    app::{Published, StreamGuard},
};

/// Looks of one stream at what is new.
const PACE: Duration = Duration::from_secs(1);
/// After so many looks without news pages are told to look all the same: who signs changes without an event.
const QUIET: u32 = 10;

/// The heights of all chains as JSON, asked for once a second however many pages are open.
#[derive(Default)]
pub(super) struct Heights(Mutex<Option<(Instant, Arc<str>)>>);

impl Heights {
    async fn of(&self, app: &App) -> Arc<str> {
        let mut kept = self.0.lock().await;
        if let Some((at, text)) = kept.as_ref()
            && at.elapsed() < PACE / 2
        {
            return Arc::clone(text);
        }
        let limit = app.limits.per_chain();
        let tips = app.chains.iter().map(|entry| async move {
            let height = entry.tip(limit).await.ok()?.height.0;
            Some((entry.name.clone(), height.into()))
        });
        let tips = futures::future::join_all(tips).await;
        let all: serde_json::Map<String, serde_json::Value> = tips.into_iter().flatten().collect();
        let text: Arc<str> = serde_json::Value::Object(all).to_string().into();
        *kept = Some((Instant::now(), Arc::clone(&text)));
        text
    }
}

/// One page that listens. A browser that does not read holds a place and nothing that grows: what it misses is forgotten.
struct Listener {
    app: Arc<App>,
    news: broadcast::Receiver<(u64, Published)>,
    tick: Interval,
    quiet: u32,
    told: Arc<str>,
    waiting: VecDeque<Event>,
    _place: StreamGuard,
}

pub(super) async fn stream(
    State(app): State<Arc<App>>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let place = app.take_stream().ok_or_else(|| {
        let what = "close another page, or raise api.max_event_streams";
        let detail = "all event streams are taken";
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-streams",
            detail,
            what,
        )
    })?;
    let (_, news) = app.events.since(app.events.next());
    let mut tick = tokio::time::interval(PACE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stopping = app.stopping.subscribe();
    let listener = Listener {
        app,
        news,
        tick,
        quiet: 0,
        told: "".into(),
        waiting: VecDeque::new(),
        _place: place,
    };
    let stopped = async move { drop(stopping.wait_for(|stop| *stop).await) };
    let events = stream::unfold(listener, next).take_until(Box::pin(stopped));
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Sse::new(events).keep_alive(keep_alive))
}

async fn next(mut listener: Listener) -> Option<(Result<Event, Infallible>, Listener)> {
    loop {
        if let Some(event) = listener.waiting.pop_front() {
            return Some((Ok(event), listener));
        }
        listener.tick.tick().await;
        let heights = listener.app.page.heights.of(&listener.app).await;
        if heights != listener.told {
            listener
                .waiting
                .push_back(Event::default().event("heights").data(&*heights));
            listener.told = heights;
        }
        listener.quiet += 1;
        if heard(&mut listener.news)? || listener.quiet >= QUIET {
            listener.quiet = 0;
            listener
                .waiting
                .push_back(Event::default().event("change").data("{}"));
        }
    }
}

/// Whether anything happened since the last look; `None` when nothing will any more.
fn heard(news: &mut broadcast::Receiver<(u64, Published)>) -> Option<bool> {
    let mut heard = false;
    loop {
        match news.try_recv() {
            Ok(_) | Err(broadcast::error::TryRecvError::Lagged(_)) => heard = true,
            Err(broadcast::error::TryRecvError::Empty) => return Some(heard),
            Err(broadcast::error::TryRecvError::Closed) => return None,
        }
    }
}
