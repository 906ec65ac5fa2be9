//! Alarms are told by a real POST to a real server, again and again until it takes them.

use std::{path::Path, time::Duration};

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use tokio::{net::TcpListener, sync::mpsc};

use super::*;
use crate::store::StoreKey;

async fn store(dir: &Path) -> Arc<Store> {
    let store = Store::open(&dir.join("db"), StoreKey::new([1; 32])).await;
    Arc::new(store.expect("a new database"))
}

/// Waits for the next thing.
async fn next<T>(from: &mut mpsc::Receiver<T>) -> T {
    let next = tokio::time::timeout(Duration::from_secs(120), from.recv()).await;
    next.expect("in time").expect("something comes")
}

/// Waits until an alarm is in a state.
async fn until(alarms: &Alarms, state: AlarmState) -> AlarmRow {
    for _ in 0..6_000 {
        let found = alarms
            .list(Some(state), false, None, 1)
            .await
            .expect("read");
        if let Some(row) = found.into_iter().next() {
            return row;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no alarm is {state:?}");
}

#[tokio::test]
async fn a_webhook_gets_what_is_signed_and_is_asked_again_when_it_fails() {
    let dir = tempfile::tempdir().expect("a directory");
    let key_file = dir.path().join("key");
    std::fs::write(&key_file, "a key of this test\n").expect("written");
    let (send, mut got) = mpsc::channel::<(HeaderMap, Bytes)>(8);
    let calls = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let take = move |headers: HeaderMap, body: Bytes| async move {
        // The first one fails.
        if counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
            return http::StatusCode::SERVICE_UNAVAILABLE;
        }
        drop(send.send((headers, body)).await);
        http::StatusCode::NO_CONTENT
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let server = Router::new().route("/hook", post(take));
    tokio::spawn(async move { axum::serve(listener, server).await });
    let config = AlarmConfig {
        webhook: Some(Webhook {
            url: format!("http://{at}/hook"),
            key_file,
        }),
        ..AlarmConfig::default()
    };
    let alarms = Alarms::start(config, store(dir.path()).await).expect("a usable webhook");

    alarms.raise(Rule::Gap, "public/1", "item 4 is missing");
    let (headers, body) = next(&mut got).await;

    let text = |name: &str| headers[name].to_str().expect("text").to_owned();
    let mut mac = Hmac::<Sha256>::new_from_slice(b"a key of this test").expect("a key");
    mac.update(format!("{}.", text("causeway-timestamp")).as_bytes());
    mac.update(&body);
    let expected = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert_eq!(text("causeway-signature"), expected);
    let said: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(said["alarm"]["rule"], "gap");
    assert_eq!(said["happened"], "raised");
    assert!(calls.load(std::sync::atomic::Ordering::SeqCst) >= 2);
    alarms.shutdown().await;
}

/// A mail server that takes everything: what it took, by lines of a real dialogue.
async fn mail_server() -> (u16, mpsc::Receiver<String>) {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (send, got) = mpsc::channel(64);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let send = send.clone();
            tokio::spawn(async move {
                let (read, mut write) = stream.into_split();
                let mut lines = BufReader::new(read).lines();
                write.write_all(b"220 localhost\r\n").await?;
                while let Some(line) = lines.next_line().await? {
                    let word = line.split([' ', ':']).next().unwrap_or_default();
                    let answer = match word.to_uppercase().as_str() {
                        "DATA" => {
                            write.write_all(b"354 go on\r\n").await?;
                            let mut message = String::new();
                            while let Some(line) = lines.next_line().await? {
                                if line == "." {
                                    break;
                                }
                                message += &line;
                                message.push('\n');
                            }
                            // An error means that the test is over.
                            drop(send.send(message).await);
                            "250 taken"
                        }
                        "QUIT" => "221 bye",
                        _ => "250 localhost",
                    };
                    write.write_all(format!("{answer}\r\n").as_bytes()).await?;
                }
                Ok::<(), std::io::Error>(())
            });
        }
    });
    (port, got)
}

#[tokio::test]
async fn every_rule_is_told_to_the_webhook_and_by_mail_when_it_begins_and_when_it_is_over() {
    let dir = tempfile::tempdir().expect("a directory");
    let key_file = dir.path().join("key");
    std::fs::write(&key_file, "a key of this test\n").expect("written");
    let (send, mut posted) = mpsc::channel::<Bytes>(64);
    let take = move |body: Bytes| async move {
        drop(send.send(body).await);
        http::StatusCode::NO_CONTENT
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let server = Router::new().route("/hook", post(take));
    tokio::spawn(async move { axum::serve(listener, server).await });
    let (port, mut mailed) = mail_server().await;
    let config = AlarmConfig {
        webhook: Some(Webhook {
            url: format!("http://{at}/hook"),
            key_file,
        }),
        mail: Some(Mail {
            host: "127.0.0.1".into(),
            port,
            tls: MailTls::None,
            ca: None,
            from: "causeway@example.org".into(),
            to: vec!["duty@example.org".into()],
            login: None,
        }),
        ..AlarmConfig::default()
    };
    let alarms = Alarms::start(config, store(dir.path()).await).expect("usable channels");

    for happened in ["raised", "cleared"] {
        for rule in Rule::ALL {
            let subject = format!("about {}", rule.name());
            match happened {
                "raised" => alarms.raise(rule, subject, format!("why {}", rule.name())),
                _ => alarms.clear(rule, subject),
            }
        }
        let (mut posts, mut mails) = (BTreeSet::new(), Vec::new());
        while posts.len() < Rule::ALL.len() {
            let said: serde_json::Value =
                serde_json::from_slice(&next(&mut posted).await).expect("JSON");
            assert_eq!(said["happened"], happened);
            let field = |name: &str| said["alarm"][name].as_str().expect("text").to_owned();
            assert_eq!(field("subject"), format!("about {}", field("rule")));
            assert_eq!(field("text"), format!("why {}", field("rule")));
            posts.insert(field("rule"));
        }
        while mails.len() < Rule::ALL.len() {
            mails.push(next(&mut mailed).await);
        }
        for rule in Rule::ALL {
            let name = rule.name();
            assert!(posts.contains(name), "{name}");
            let told = |mail: &&String| {
                mail.contains(&format!("{name} {happened}"))
                    && mail.contains(&format!("about {name}"))
            };
            assert!(mails.iter().any(|mail| told(&mail)), "{name}: {mails:?}");
        }
    }
    alarms.shutdown().await;
}

#[tokio::test]
async fn what_nobody_has_seen_escalates_and_what_somebody_has_does_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = AlarmConfig {
        escalate_after: Duration::from_secs(0),
        ..AlarmConfig::default()
    };
    let alarms = Alarms::start(config, store(dir.path()).await).expect("nothing to tell");
    let mut news = alarms.subscribe();

    alarms.raise(Rule::Stale, "public", "no news");
    let escalated = until(&alarms, AlarmState::Escalated).await;
    let seen = alarms.acknowledge(escalated.id, "someone", "seen").await;
    let again = alarms.acknowledge(escalated.id, "someone", "seen").await;

    assert_eq!(
        seen.expect("stored").expect("it was open").state,
        AlarmState::Acknowledged
    );
    assert_eq!(again.expect("stored"), None);
    let mut happened = Vec::new();
    while let Ok(step) = news.try_recv() {
        happened.push(step.happened);
    }
    assert_eq!(happened, ["raised", "escalated", "acknowledged"]);
    alarms.shutdown().await;
}

#[tokio::test]
async fn a_clock_that_jumps_back_escalates_nothing_early_and_loses_nothing() {
    use std::sync::atomic::{AtomicU64, Ordering};

    let dir = tempfile::tempdir().expect("a directory");
    let now = Arc::new(AtomicU64::new(10_000_000));
    let clock = Arc::clone(&now);
    let config = AlarmConfig {
        escalate_after: Duration::from_secs(900),
        wall: WallClock::new(move || clock.load(Ordering::SeqCst)),
        ..AlarmConfig::default()
    };
    let alarms = Alarms::start(config, store(dir.path()).await).expect("nothing to tell");

    alarms.raise(Rule::Stale, "before", "no news");
    until(&alarms, AlarmState::Raised).await;
    now.store(1_000_000, Ordering::SeqCst);
    alarms.raise(Rule::Stale, "after", "no news");
    let after = loop {
        let open = alarms.list(None, true, None, 10).await.expect("read");
        if let Some(row) = open.into_iter().find(|row| row.subject == "after") {
            break row;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    // By this clock the first is of the future and the second is new.
    assert_eq!((after.raised_at, after.state), (1_000, AlarmState::Raised));
    now.store(1_899_000, Ordering::SeqCst);
    alarms.clear(Rule::Stale, "after");
    let cleared = until(&alarms, AlarmState::Cleared).await;
    assert_eq!((cleared.id, cleared.escalated_at), (after.id, None));
    // A jump ahead makes the other one late, as a clock that was right would.
    now.store(11_000_000, Ordering::SeqCst);
    let late = until(&alarms, AlarmState::Escalated).await;
    assert_eq!(late.subject, "before");
    alarms.shutdown().await;
}

#[tokio::test]
async fn alarms_are_there_after_a_restart_and_are_not_raised_twice() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = store(dir.path()).await;
    let alarms = Alarms::start(AlarmConfig::default(), Arc::clone(&store)).expect("started");
    alarms.raise(Rule::Supply, "points", "short");
    let first = until(&alarms, AlarmState::Raised).await;
    alarms.shutdown().await;

    let alarms = Alarms::start(AlarmConfig::default(), store).expect("started");
    alarms.raise(Rule::Supply, "points", "still short");
    alarms.clear(Rule::Supply, "points");
    let cleared = until(&alarms, AlarmState::Cleared).await;
    alarms.raise(Rule::Supply, "points", "short again");
    let second = until(&alarms, AlarmState::Raised).await;

    assert_eq!((cleared.id, cleared.times), (first.id, 2));
    assert_ne!(second.id, first.id);
    alarms.shutdown().await;
}

#[test]
fn names_of_rules_are_kept_apart() {
    let names: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();

    assert_eq!(names.len(), Rule::ALL.len());
}
