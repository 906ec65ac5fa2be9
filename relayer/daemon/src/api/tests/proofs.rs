//! `/v1/proofs` with input that is none, before any chain is asked.

use super::*;

/// The generator of G1 and of G2: points that are fit, and no proof of anything.
const POINTS: [&str; 8] = [
    "0x0000000000000000000000000000000000000000000000000000000000000001",
    "0x0000000000000000000000000000000000000000000000000000000000000002",
    "0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2",
    "0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed",
    "0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b",
    "0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa",
    "0x0000000000000000000000000000000000000000000000000000000000000001",
    "0x0000000000000000000000000000000000000000000000000000000000000002",
];
const ONE: &str = POINTS[0];
/// The order of the scalar field.
const R: &str = "0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001";

fn submission() -> Value {
    json!({
        "from": { "chain": "a", "account": "alice" }, "circuit": "right-20",
        "proof": POINTS, "inputs": [ONE, ONE, ONE, ONE, ONE, ONE],
        "registry": "0x0000000000000000000000000000000000000007",
    })
}

#[tokio::test]
async fn proofs_that_are_none_are_refused_by_name() {
    let bench = Bench::new(Access::Loopback).await;
    let refused = async |path: &str, value: Value, words: &str| {
        let mut body = submission();
        *body.pointer_mut(path).unwrap() = value;
        let answer = bench.post("/v1/proofs", &body).await;
        assert!(is_problem(&answer, StatusCode::BAD_REQUEST), "{answer:?}");
        let detail = answer.1["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{path}: {detail}");
    };

    refused("/circuit", json!("right-21"), "no such statement").await;
    refused("/from/chain", json!("mars"), "no chain").await;
    refused("/from/account", json!("mallory"), "from.account").await;
    refused("/registry", json!("0x07"), "registry").await;
    refused("/proof", json!(POINTS[..7]), "7 words").await;
    refused("/proof", json!([]), "0 words").await;
    refused("/proof/3", json!("0x12"), "word 3").await;
    refused("/proof/3", json!("12"), "word 3").await;
    refused("/proof/0", json!(POINTS[7]), "curve").await;
    refused("/proof/2", json!(POINTS[3]), "curve").await;
    refused("/inputs/1", json!(R), "modulus").await;
    refused("/inputs/1", json!("one"), "word 9").await;
    refused("/inputs", json!(vec![ONE; 33]), "33 inputs").await;
}

#[tokio::test]
async fn unknown_fields_and_chains_without_contracts_are_refused() {
    let bench = Bench::new(Access::Loopback).await;

    let mut body = submission();
    body["witness"] = json!("which stays where it is");
    let answer = bench.post("/v1/proofs", &body).await;
    assert!(
        is_problem(&answer, StatusCode::UNPROCESSABLE_ENTITY),
        "{answer:?}"
    );
    let mut body = submission();
    body.as_object_mut().unwrap().remove("registry");
    let answer = bench.post("/v1/proofs", &body).await;
    assert!(is_problem(&answer, StatusCode::NOT_FOUND), "{answer:?}");
    for path in ["/v1/proofs/a", "/v1/proofs/mars"] {
        let answer = bench.get(path).await;
        assert!(is_problem(&answer, StatusCode::NOT_FOUND), "{answer:?}");
    }
}
