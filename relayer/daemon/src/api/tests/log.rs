//! The event log, alarms and lanes over the API, and who may ask for what.

use std::collections::BTreeSet;

use causeway_core::log::{ACTS, Act, Follower, tree};

use super::*;
use crate::alarms::Rule;

/// What each role may do beside reading: every other address that changes something is refused to it.
const MEMBERS: [&str; 11] = [
    "/v1/sealed",
    "/v1/sealed/{id}/release",
    "/v1/election/candidates",
    "/v1/election/candidates/{number}",
    "/v1/election/withdraw",
    "/v1/transfers",
    "/v1/transfers/{id}/refund",
    "/v1/transfers/{id}/confirm",
    "/v1/messages",
    "/v1/messages/{id}/retry",
    "/v1/proofs",
];
/// What operators may, and members.
const OF_DEVICES: [&str; 13] = [
    "/v1/devices",
    "/v1/devices/{did}/rekey",
    "/v1/devices/{did}/revoke",
    "/v1/devices/{did}/slash",
    "/v1/devices/{did}/exit",
    "/v1/devices/{did}/withdraw",
    "/v1/market",
    "/v1/market/purchases",
    "/v1/market/funds",
    "/v1/market/earnings",
    "/v1/feeds/{feed}/request",
    "/v1/feeds/{feed}/mark-stale",
    "/v1/sessions",
];
/// What operators may, and no member.
const OF_OPERATORS: [&str; 1] = ["/v1/market/rewards"];
const OVERSEERS: [&str; 3] = [
    "/v1/alarms/{id}/acknowledge",
    "/v1/lanes/{chain}/{lane}/pause",
    "/v1/lanes/{chain}/{lane}/unpause",
];
/// What members and regulators may: their organisations vote.
const OF_MEMBERS: [&str; 4] = [
    "/v1/sealed/keys",
    "/v1/members/proposals",
    "/v1/members/proposals/{number}/vote",
    "/v1/members/proposals/{number}/execute",
];
/// Nobody needs a certificate for these.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// Waits until an answer is as expected.
async fn until(bench: &Bench, path: &str, done: impl Fn(&Value) -> bool) -> Value {
    let wait = async {
        loop {
            let (status, answer) = bench.get(path).await;
            assert_eq!(status, StatusCode::OK, "{answer}");
            if done(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(60), wait).await;
    done.unwrap_or_else(|_| panic!("{path} never came to be as expected"))
}

#[tokio::test]
async fn every_address_answers_every_role_as_the_table_says() {
    let bench = Bench::new(Access::Certificates).await;
    let document = serde_json::to_value(openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let mut seen = BTreeSet::new();
    let roles = [
        None,
        Some(Role::Member),
        Some(Role::Operator),
        Some(Role::Regulator),
        Some(Role::Admin),
    ];

    for (path, methods) in paths {
        for method in methods.as_object().unwrap().keys() {
            if path.ends_with("/events") {
                // Streams do not end; their door is the same.
                continue;
            }
            let concrete = [
                "{id}",
                "{chain}",
                "{lane}",
                "{peg}",
                "{did}",
                "{feed}",
                "{device}",
                "{sequence}",
                "{number}",
            ]
            .iter()
            .fold(path.clone(), |path, part| path.replace(part, "1"));
            let method: Method = method.to_uppercase().parse().unwrap();
            seen.insert(path.as_str());
            for role in roles {
                let body = (method == Method::POST).then(|| "{}".to_owned());
                let asked = request(method.clone(), &concrete, body);
                let (status, answer) = bench.send(asked, role).await;

                let allowed = match role {
                    _ if OPEN.contains(&path.as_str()) => true,
                    None => false,
                    Some(_) if method == Method::GET => true,
                    Some(Role::Member) => {
                        MEMBERS.contains(&path.as_str())
                            || OF_DEVICES.contains(&path.as_str())
                            || OF_MEMBERS.contains(&path.as_str())
                    }
                    Some(Role::Operator) => {
                        OVERSEERS.contains(&path.as_str())
                            || OF_DEVICES.contains(&path.as_str())
                            || OF_OPERATORS.contains(&path.as_str())
                    }
                    Some(Role::Regulator) => {
                        OVERSEERS.contains(&path.as_str()) || OF_MEMBERS.contains(&path.as_str())
                    }
                    Some(Role::Admin) => true,
                    Some(_) => false,
                };
                let refused = status == StatusCode::FORBIDDEN || status == StatusCode::UNAUTHORIZED;
                assert_eq!(
                    !refused, allowed,
                    "{method} {path} as {role:?}: {status} {answer}"
                );
                assert!(
                    status != StatusCode::INTERNAL_SERVER_ERROR,
                    "{method} {path}: {answer}"
                );
            }
        }
    }

    for path in MEMBERS
        .iter()
        .chain(&OVERSEERS)
        .chain(&OF_MEMBERS)
        .chain(&OF_OPERATORS)
    {
        assert!(seen.contains(path), "{path} is not described");
    }
}

#[tokio::test]
async fn the_log_is_read_page_by_page_and_proved_under_a_signed_head() {
    let bench = Bench::new(Access::Loopback).await;
    for id in 1..=5 {
        bench.app.log.record(Act::AlarmCleared { id });
    }

    let all = until(&bench, "/v1/log?chain=acts&kind=alarm_cleared", |answer| {
        answer["entries"]
            .as_array()
            .is_some_and(|list| list.len() == 5)
    })
    .await;
    let newest = all["entries"][0]["seq"].as_u64().unwrap();
    let page = format!("/v1/log?kind=alarm_cleared&limit=2&before={newest}");
    let (_, page) = bench.get(&page).await;
    let state = until(&bench, "/v1/log/head", |state| {
        state["signed"]["segments"][0]["size"]
            .as_u64()
            .is_some_and(|size| size >= 6)
    })
    .await;
    let entry = &all["entries"][4];
    let part = &state["signed"]["segments"][0];
    let (position, size) = (&entry["position"], &part["size"]);
    let path = format!("/v1/log/proof?segment=0&position={position}&size={size}");
    let (status, proof) = bench.get(&path).await;

    assert_eq!(page["entries"].as_array().unwrap().len(), 2);
    assert_eq!(
        page["entries"][0]["act"]["alarm_cleared"]["id"], 4,
        "{page}"
    );
    assert_eq!(status, StatusCode::OK, "{proof}");
    let hash = |value: &Value| value.as_str().unwrap().parse().unwrap();
    let path: Vec<_> = proof["path"].as_array().unwrap().iter().map(hash).collect();
    let bytes = hex::decode(entry["bytes"].as_str().unwrap()).unwrap();
    let (at, of) = (position.as_u64().unwrap(), size.as_u64().unwrap());
    let leaf = tree::leaf(&bytes);
    assert!(tree::is_included(leaf, at, of, &path, hash(&part["root"])));

    let (_, raw) = bench.get("/v1/log/segments/0").await;
    let mut follower = Follower::new(ACTS);
    for text in raw["entries"].as_array().unwrap() {
        let bytes = hex::decode(text.as_str().unwrap()).unwrap();
        follower.take(&bytes).expect("every entry holds");
    }
    assert_eq!(follower.tree().root(of), Ok(hash(&part["root"])));
}

#[tokio::test]
async fn the_log_is_exported_as_a_table() {
    let bench = Bench::new(Access::Loopback).await;
    bench.app.log.record(Act::AlarmAcknowledged {
        by: "=1+1".into(),
        id: 7,
        note: "a, \"b\"".into(),
    });
    until(&bench, "/v1/log?kind=alarm_acknowledged", |answer| {
        answer["entries"]
            .as_array()
            .is_some_and(|list| list.len() == 1)
    })
    .await;

    let (status, table) = bench
        .get("/v1/log?format=csv&kind=alarm_acknowledged")
        .await;

    let table = table.as_str().expect("text");
    assert_eq!(status, StatusCode::OK);
    let mut lines = table.split("\r\n");
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("seq,segment,position,at,kind")
    );
    assert!(lines.next().unwrap().contains("acts"), "{table}");
}

#[tokio::test]
async fn bad_questions_about_the_log_are_answered_with_what_is_wrong() {
    let bench = Bench::new(Access::Loopback).await;
    let cases = [
        ("/v1/log?limit=0", 400),
        ("/v1/log?limit=501", 400),
        ("/v1/log?limit=10001&format=csv", 400),
        ("/v1/log?before=5&after=4", 400),
        ("/v1/log?chain=nowhere", 404),
        ("/v1/log?transfer=zz", 400),
        ("/v1/log?tx=0x12", 400),
        ("/v1/log?colour=red", 400),
        ("/v1/log?before=99999999999999999999999", 400),
        (
            "/v1/log?before=18446744073709551615&since=18446744073709551615",
            200,
        ),
        ("/v1/log/proof?segment=9&size=1&position=0", 404),
        (
            "/v1/log/proof?segment=0&size=18446744073709551615&position=0",
            400,
        ),
        ("/v1/log/proof?segment=0&size=1", 400),
        ("/v1/log/segments/x", 400),
        ("/v1/log/segments/5?from=18446744073709551615", 200),
        ("/v1/log/events?after=x", 400),
        ("/v1/alarms?limit=0", 400),
        ("/v1/alarms?state=purple", 400),
        ("/v1/alarms/x", 400),
        ("/v1/alarms/18446744073709551615", 404),
    ];

    for (path, expected) in cases {
        let (status, answer) = bench.get(path).await;
        assert_eq!(status.as_u16(), expected, "{path}: {answer}");
    }
    let long = json!({ "note": "x".repeat(1_001) });
    let (status, _) = bench.post("/v1/alarms/1/acknowledge", &long).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _) = bench
        .post("/v1/lanes/a/1/pause", &json!({ "why": " " }))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _) = bench
        .post("/v1/lanes/a/1/pause", &json!({ "why": "x" }))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND, "there is no gateway");
}

#[tokio::test]
async fn an_alarm_is_acknowledged_once_by_name_and_cleared_when_it_is_over() {
    let bench = Bench::new(Access::Loopback).await;
    bench
        .app
        .alarms
        .raise(Rule::Device, "meter-7", "it is silent");
    bench
        .app
        .alarms
        .raise(Rule::Device, "meter-7", "it is still silent");
    let list = until(&bench, "/v1/alarms?open=true", |answer| {
        answer["alarms"][0]["times"] == 2
    })
    .await;
    let id = list["alarms"][0]["id"].as_u64().unwrap();
    let path = format!("/v1/alarms/{id}/acknowledge");

    let (status, seen) = bench.post(&path, &json!({ "note": "on my way" })).await;
    let (again, _) = bench.post(&path, &json!({})).await;
    let (nowhere, _) = bench.post("/v1/alarms/999/acknowledge", &json!({})).await;
    bench.app.alarms.clear(Rule::Device, "meter-7");
    let over = until(&bench, &format!("/v1/alarms/{id}"), |alarm| {
        alarm["state"] == "cleared"
    })
    .await;

    assert_eq!(status, StatusCode::OK, "{seen}");
    assert_eq!(seen["state"], "acknowledged");
    assert_eq!(again, StatusCode::CONFLICT);
    assert_eq!(nowhere, StatusCode::NOT_FOUND);
    assert_eq!(over["text"], "it is still silent");
    assert_eq!(over["acknowledged_by"], "this machine");
    for kind in ["alarm_raised", "alarm_acknowledged", "alarm_cleared"] {
        until(&bench, &format!("/v1/log?kind={kind}"), |answer| {
            answer["entries"]
                .as_array()
                .is_some_and(|list| list.len() == 1)
        })
        .await;
    }
}

#[tokio::test]
async fn whoever_never_reads_the_log_s_stream_is_dropped_and_others_are_not() {
    let bench = Bench::new(Access::Loopback).await;
    let listen = || async {
        let mut asked = request(Method::GET, "/v1/log/events?after=0", None);
        asked.extensions_mut().insert(ConnectInfo(Caller {
            peer: None,
            refused: None,
        }));
        bench.router.clone().oneshot(asked).await.unwrap()
    };
    let deaf = listen().await;
    let mut reading = listen().await.into_body();
    let taken = || bench.app.streams.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!((deaf.status(), taken()), (StatusCode::OK, 2));

    for id in 0..300 {
        bench.app.log.record(Act::AlarmCleared { id });
    }
    let mut heard = String::new();
    let hearing = async {
        while !heard.contains("\\\"id\\\":299") && !heard.contains("\"id\":299") {
            let frame = reading.frame().await.unwrap().unwrap();
            heard.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
        }
        while taken() > 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(120), hearing).await;

    done.expect("the deaf one is dropped, the other hears all");
    assert_eq!(taken(), 1);
    drop(deaf);
}
