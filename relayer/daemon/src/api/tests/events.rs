//! `/v1/events`: what follows an id, and who is told that something is missing.

use axum::body::BodyDataStream;
use futures::StreamExt as _;

use super::*;
use crate::alarms::Rule;

/// Somebody who listens.
struct Listener {
    body: BodyDataStream,
    text: String,
}

#[derive(Debug, PartialEq, Eq)]
struct Heard {
    id: String,
    name: String,
    data: String,
}

impl Heard {
    fn number(&self) -> u64 {
        self.id.rsplit('-').next().unwrap().parse().unwrap()
    }
}

impl Listener {
    async fn to(bench: &Bench, path: &str, last: Option<&str>) -> Self {
        let mut request = request(Method::GET, path, None);
        if let Some(last) = last {
            let headers = request.headers_mut();
            headers.insert("last-event-id", last.parse().unwrap());
        }
        request.extensions_mut().insert(ConnectInfo(Caller {
            peer: None,
            refused: None,
        }));
        let response = bench.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    async fn next(&mut self) -> Heard {
        let wait = async {
            loop {
                if let Some((event, rest)) = self.text.split_once("\n\n") {
                    let field = |name: &str| {
                        let mut lines = event.lines();
                        let found = lines.find_map(|line| line.strip_prefix(name));
                        found.unwrap_or_default().to_owned()
                    };
                    let heard = Heard {
                        id: field("id: "),
                        name: field("event: "),
                        data: field("data: "),
                    };
                    self.text = rest.to_owned();
                    // Comments keep the connection alive.
                    if !heard.name.is_empty() {
                        return heard;
                    }
                    continue;
                }
                let bytes = self.body.next().await.expect("it goes on").unwrap();
                self.text.push_str(&String::from_utf8_lossy(&bytes));
            }
        };
        let heard = tokio::time::timeout(Duration::from_secs(60), wait).await;
        heard.expect("no event came")
    }
}

/// Raises an alarm and waits until it is stored.
async fn raise(bench: &Bench, subject: &str) {
    bench.app.alarms.raise(Rule::Device, subject, "a drill");
    let wait = async {
        loop {
            let open = bench.app.alarms.list(None, true, None, 500).await.unwrap();
            if open.iter().any(|alarm| alarm.subject == subject) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let stored = tokio::time::timeout(Duration::from_secs(60), wait).await;
    stored.expect("the alarm is stored");
}

#[tokio::test]
async fn a_stream_goes_on_after_an_id_from_memory_and_from_the_database() {
    let bench = Bench::new(Access::Loopback).await;
    let mut all = Listener::to(&bench, "/v1/events", None).await;
    bench.start(&swap()).await;
    let begun = all.next().await;
    raise(&bench, "meter-1").await;
    raise(&bench, "meter-2").await;

    let mut heard = vec![];
    while !heard
        .last()
        .is_some_and(|event: &Heard| event.data.contains("meter-2"))
    {
        heard.push(all.next().await);
    }
    // One listens by header, one by query; one from the beginning, which is before what is in memory.
    let mut by_header = Listener::to(&bench, "/v1/events", Some(&begun.id)).await;
    let by_query = format!("/v1/events?after={}", begun.id);
    let mut by_query = Listener::to(&bench, &by_query, None).await;
    let mut oldest = Listener::to(&bench, "/v1/events?after=0", None).await;

    assert_eq!(begun.name, "step");
    assert_eq!(oldest.next().await.data, begun.data);
    for (place, expected) in heard.iter().enumerate() {
        assert_eq!(expected.number(), begun.number() + 1 + place as u64);
        assert_eq!(&by_header.next().await, expected);
        assert_eq!(&by_query.next().await, expected);
        assert_eq!(&oldest.next().await, expected);
    }
    // The same from the rows alone, as after a restart.
    let store = bench.app.log.store();
    let rows = store.stream_after(begun.number(), 500).await.unwrap();
    for (row, expected) in rows.iter().zip(&heard) {
        let event = app::Published::of(&bench.app, row);
        assert_eq!((row.seq, event.name), (expected.number(), &*expected.name));
        assert_eq!(event.data, expected.data);
    }
    assert!(rows.len() >= heard.len());
}

#[tokio::test]
async fn whoever_cannot_go_on_is_told_so_and_gets_what_is_kept() {
    let bench = Bench::new(Access::Loopback).await;
    for subject in ["meter-1", "meter-2", "meter-3"] {
        raise(&bench, subject).await;
    }
    let mut all = Listener::to(&bench, "/v1/events?after=0", None).await;
    let first = all.next().await;
    let generation = first.id.rsplit_once('-').unwrap().0;

    for id in [
        "1700000000000-4".to_owned(),
        format!("{generation}-{}", u64::MAX),
    ] {
        let mut other = Listener::to(&bench, "/v1/events", Some(&id)).await;
        assert_eq!(other.next().await.name, "gap", "{id}");
        assert_eq!(other.next().await, first, "{id}");
    }
    let store = bench.app.log.store();
    store.forget_stream(first.number() + 1).await.unwrap();
    let rows = store.stream_after(first.number(), 500).await.unwrap();
    assert_eq!(rows[0].seq, first.number() + 2);
    // What is in memory is still told; a start has nothing there.
    bench.app.events.forget();
    let mut late = Listener::to(&bench, "/v1/events", Some(&first.id)).await;
    assert_eq!(late.next().await.name, "gap");
    assert!(late.next().await.data.contains("meter-3"));
    for id in ["x", "1", "-", "a-b", ""] {
        let answer = bench.get(&format!("/v1/events?after={id}")).await;
        assert!(is_problem(&answer, StatusCode::BAD_REQUEST), "{id}");
    }
}

#[tokio::test]
async fn event_streams_are_bounded_and_a_client_that_never_reads_gives_its_place_back() {
    let bench = Bench::new(Access::Loopback).await;
    let guards: Vec<_> = std::iter::from_fn(|| bench.app.take_stream()).collect();
    assert_eq!(guards.len(), 64);
    assert!(is_problem(
        &bench.get("/v1/events").await,
        StatusCode::TOO_MANY_REQUESTS
    ));
    drop(guards);

    let deaf = Listener::to(&bench, "/v1/events?after=0", None).await;
    let taken = || bench.app.streams.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(taken(), 1);
    for number in 0..200 {
        raise(&bench, &format!("meter-{number}")).await;
    }
    let wait = async {
        while taken() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let dropped = tokio::time::timeout(Duration::from_secs(120), wait).await;
    dropped.expect("the deaf one is dropped");
    drop(deaf);
}

#[tokio::test]
async fn two_thousand_viewers_hear_the_same_and_one_more_is_refused() {
    const VIEWERS: usize = 2_000;
    let names = ["a", "b"];
    let bench = Bench::crowded(Access::Loopback, names, "alice", Some(VIEWERS)).await;
    let mut viewers = Vec::with_capacity(VIEWERS);
    for place in 0..VIEWERS {
        // Half of them look at pages, half follow the events.
        let path = if place % 2 == 0 {
            "/live"
        } else {
            "/v1/events"
        };
        viewers.push((path, Listener::to(&bench, path, None).await));
    }
    assert!(is_problem(
        &bench.get("/v1/events").await,
        StatusCode::TOO_MANY_REQUESTS
    ));

    raise(&bench, "meter-1").await;

    for (path, viewer) in &mut viewers {
        let expected = if *path == "/live" { "change" } else { "alarm" };
        while viewer.next().await.name != expected {}
    }
    // Nobody else is held up.
    assert_eq!(bench.get("/v1/chains").await.0, StatusCode::OK);
    drop(viewers);
    let taken = || bench.app.streams.load(std::sync::atomic::Ordering::SeqCst);
    let wait = async {
        while taken() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let left = tokio::time::timeout(Duration::from_secs(120), wait).await;
    left.expect("every place is given back");
}
