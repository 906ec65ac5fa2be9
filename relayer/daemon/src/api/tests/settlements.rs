//! Settlements: what is wrong with a request is said before anything is locked or signed.

use super::*;

fn settlement() -> Value {
    json!({
        "kind": "settlement",
        "from": { "chain": "a", "account": "dora" },
        "give": { "asset": "points", "amount": "600" },
        "counterparty": "bob",
        "consortium": "b",
        "terms_digest": format!("0x{}", "5d".repeat(32)),
        "window_seconds": 3_600,
    })
}

fn outcome() -> Value {
    json!({ "outcome_digest": format!("0x{}", "6e".repeat(32)), "to_counterparty": "35" })
}

#[tokio::test]
async fn a_settlement_is_started_listed_shown_explained_and_taken_back() {
    let bench = Bench::new(Access::Loopback).await;

    let (status, started) = bench.start(&settlement()).await;
    assert_eq!(status, StatusCode::CREATED, "{started}");
    let id = started["id"].as_str().unwrap();

    let (_, list) = bench.get("/v1/transfers?kind=settlement&chain=b").await;
    let transfer = &list["transfers"][0];
    assert_eq!(transfer["id"], id);
    assert_eq!(transfer["role"], "initiator");
    assert_eq!(transfer["to_account"], "bob");
    assert_eq!(transfer["give"]["amount"], "600");
    let (_, shown) = bench.get(&format!("/v1/transfers/{id}")).await;
    assert_eq!(shown[0]["history"][0]["does"], json!(["approve"]));
    let (_, told) = bench.get(&format!("/v1/transfers/{id}/explain")).await;
    assert!(told[0]["text"].as_str().unwrap().contains("settlement"));
    let refund = format!("/v1/transfers/{id}/refund");
    let (status, _) = bench.post(&refund, &Value::Null).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let again = bench.post(&refund, &Value::Null).await;
    assert!(is_problem(&again, StatusCode::CONFLICT), "{again:?}");
}

#[tokio::test]
async fn a_settlement_with_a_wrong_field_says_which() {
    let bench = Bench::new(Access::Loopback).await;
    bench.start(&settlement()).await;
    let cases = [
        ("/from/chain", json!("mars"), "mars"),
        ("/from/account", json!("alice"), "no key for account"),
        ("/give/amount", json!("0"), "above zero"),
        ("/counterparty", json!("dora"), "other than the initiator"),
        ("/counterparty", json!(TOKEN), "other than the initiator"),
        ("/counterparty", json!(Address::ZERO), "counterparty"),
        ("/consortium", json!("mars"), "mars"),
        ("/consortium", json!("a"), "no settlement is configured"),
        ("/terms_digest", json!("0x12"), "terms_digest"),
        (
            "/terms_digest",
            json!(format!("0x{}", "00".repeat(32))),
            "zero",
        ),
        ("/window_seconds", json!(3_600_000_000_u64), "365 days"),
    ];
    for (at, value, expected) in cases {
        let mut body = settlement();
        *body.pointer_mut(at).unwrap() = value;
        let answer = bench.post("/v1/transfers", &body).await;
        assert!(
            is_problem(&answer, StatusCode::BAD_REQUEST),
            "{at}: {answer:?}"
        );
        let detail = answer.1["detail"].as_str().unwrap();
        assert!(detail.contains(expected), "{at}: {answer:?}");
    }
    let mut body = settlement();
    body["business"] = json!("the shop");
    let answer = bench.post("/v1/transfers", &body).await;
    assert!(is_problem(&answer, StatusCode::BAD_REQUEST), "{answer:?}");
}

#[tokio::test]
async fn a_window_that_is_too_short_is_refused_with_both_figures() {
    let bench = Bench::new(Access::Loopback).await;
    bench.start(&settlement()).await;
    let mut body = settlement();
    body["window_seconds"] = json!(20);

    let answer = bench.post("/v1/transfers", &body).await;

    assert!(is_problem(&answer, StatusCode::CONFLICT), "{answer:?}");
    let detail = answer.1["detail"].as_str().unwrap();
    let figures = detail.split(|c: char| !c.is_ascii_digit());
    let figures: Vec<u64> = figures.filter_map(|text| text.parse().ok()).collect();
    assert!(
        matches!(figures[..], [expected, got] if expected > got),
        "{detail}"
    );
}

#[tokio::test]
async fn more_than_the_account_has_is_refused() {
    let bench = Bench::new(Access::Loopback).await;
    bench.start(&settlement()).await;
    let mut body = settlement();
    body["give"]["amount"] = json!("1001");

    let answer = bench.post("/v1/transfers", &body).await;

    assert!(is_problem(&answer, StatusCode::CONFLICT), "{answer:?}");
    assert!(
        answer.1["detail"].as_str().unwrap().contains("1000"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_field_of_another_kind_or_an_unknown_kind_is_refused() {
    let bench = Bench::new(Access::Loopback).await;
    let mut foreign = settlement();
    foreign["want"] = json!({ "asset": "native", "amount": "5" });
    let mut unknown = settlement();
    unknown["kind"] = json!("barter");

    let foreign = bench.post("/v1/transfers", &foreign).await;
    let unknown = bench.post("/v1/transfers", &unknown).await;

    assert!(
        is_problem(&foreign, StatusCode::UNPROCESSABLE_ENTITY),
        "{foreign:?}"
    );
    assert!(is_problem(&unknown, StatusCode::BAD_REQUEST), "{unknown:?}");
}

#[tokio::test]
async fn an_outcome_that_cannot_be_is_refused() {
    let bench = Bench::new(Access::Loopback).await;
    let (_, started) = bench.start(&settlement()).await;
    let id = started["id"].as_str().unwrap();
    let confirm = |id: &str| format!("/v1/transfers/{id}/confirm");
    let cases = [
        ("/outcome_digest", json!("sold"), "outcome_digest"),
        (
            "/outcome_digest",
            json!(format!("0x{}", "00".repeat(32))),
            "zero",
        ),
        (
            "/to_counterparty",
            json!("601"),
            "at most what the escrow holds",
        ),
        ("/to_counterparty", json!("-1"), "to_counterparty"),
    ];
    for (at, value, expected) in cases {
        let mut body = outcome();
        *body.pointer_mut(at).unwrap() = value;
        let answer = bench.post(&confirm(id), &body).await;
        assert!(
            is_problem(&answer, StatusCode::BAD_REQUEST),
            "{at}: {answer:?}"
        );
        let detail = answer.1["detail"].as_str().unwrap();
        assert!(detail.contains(expected), "{at}: {answer:?}");
    }
    let mut other = outcome();
    other["account"] = json!("bob");
    let other = bench.post(&confirm(id), &other).await;
    assert!(is_problem(&other, StatusCode::CONFLICT), "{other:?}");
    let unknown = bench.post(&confirm(&"7".repeat(32)), &outcome()).await;
    assert!(is_problem(&unknown, StatusCode::NOT_FOUND), "{unknown:?}");
    let mut more = outcome();
    more["data"] = json!("the private data itself");
    let more = bench.post(&confirm(id), &more).await;
    assert!(
        is_problem(&more, StatusCode::UNPROCESSABLE_ENTITY),
        "{more:?}"
    );

    let (status, _) = bench.post(&confirm(id), &outcome()).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let again = bench.post(&confirm(id), &outcome()).await;
    assert!(is_problem(&again, StatusCode::CONFLICT), "{again:?}");
}
