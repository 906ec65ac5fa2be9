//! Sealed content where none can be: without members, and bodies that are too large.

use super::*;

fn body(file: usize) -> Value {
    json!({
        "by": "alice", "content": "", "file": "A".repeat(file), "digest": "", "commitment": "", "subject": "",
        "points": "", "parties": [], "holders": [],
    })
}

#[tokio::test]
async fn without_a_contract_nothing_is_sealed_or_shown() {
    let bench = Bench::new(Access::Loopback).await;
    let id = B256::repeat_byte(1);

    for path in [
        "/v1/sealed".to_owned(),
        "/v1/sealed/terms?accounts=alice".to_owned(),
        format!("/v1/sealed/{id}"),
        format!("/v1/sealed/{id}/file"),
    ] {
        let answer = bench.get(&path).await;
        assert!(is_problem(&answer, StatusCode::NOT_FOUND), "{path}");
    }
    for (path, body) in [
        ("/v1/sealed/keys".to_owned(), json!({ "by": "alice" })),
        (format!("/v1/sealed/{id}/release"), json!({ "by": "alice" })),
        ("/v1/sealed".to_owned(), body(300_000)),
    ] {
        let answer = bench.post(&path, &body).await;
        assert!(is_problem(&answer, StatusCode::NOT_FOUND), "{path}");
    }
}

#[tokio::test]
async fn bad_ids_fields_and_pages_are_refused_before_anything_is_asked() {
    let bench = Bench::new(Access::Loopback).await;

    for path in [
        "/v1/sealed?limit=0",
        "/v1/sealed?limit=51",
        "/v1/sealed?page=1",
        "/v1/sealed/1",
        "/v1/sealed/1/file",
        "/v1/sealed/terms",
        "/v1/sealed/terms?accounts=nobody",
    ] {
        let answer = bench.get(path).await;
        assert!(
            is_problem(&answer, StatusCode::BAD_REQUEST),
            "{path}: {answer:?}"
        );
    }
    let many = vec!["alice"; 17].join(",");
    let answer = bench
        .get(&format!("/v1/sealed/terms?accounts={many}"))
        .await;
    assert!(is_problem(&answer, StatusCode::BAD_REQUEST), "{answer:?}");
    let unknown = json!({ "by": "alice", "secret": "0x01" });
    let answer = bench.post("/v1/sealed/keys", &unknown).await;
    assert!(
        is_problem(&answer, StatusCode::UNPROCESSABLE_ENTITY),
        "{answer:?}"
    );
    let answer = bench
        .post("/v1/sealed", &body(crate::api::sealed::MAX_BODY))
        .await;
    assert!(
        is_problem(&answer, StatusCode::PAYLOAD_TOO_LARGE),
        "{answer:?}"
    );
}
