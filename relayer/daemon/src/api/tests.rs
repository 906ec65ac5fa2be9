//! Every address with right, wrong, oversized and repeated input, over two chains in memory.

mod events;
mod log;
mod page;
mod proofs;
mod sealed;

use std::{collections::BTreeMap, path::Path, time::Duration};

use alloy_primitives::{Address, B256, U256};
use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request, StatusCode, header},
};
use causeway_adapter_api::{
    Asset, Chain, ChainId, Height, Timestamp, TxId,
    mock::{MockChain, Setup},
};
use causeway_adapter_hosted::tls::{Peer, Role};
use causeway_core::swap::Account;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{
    app::{Access, ChainEntry},
    serve::Caller,
    *,
};
use crate::{
    alarms::{AlarmConfig, Alarms},
    config::{self, Purpose},
    crossing::{
        CrossingConfig, Handle,
        peg::{PegPort, PegSite, Pegs},
        settlement::{SettlementSite, Settlements},
    },
    drive::{DriveConfig, Driver, WallClock},
    eventlog::{LogConfig, LogHandle, LoggedChain},
    keys::{Signers, address_of},
    oracle::feeds::{FeedEnd, FeedFact, FeedSite, FeedsConfig, FeedsHandle, Said, Standing},
    relay::{RelayConfig, RelayHandle},
    store::{FeedRead, Store, StoreKey},
    supply::{SupplyConfig, SupplyHandle},
};

mod settlements;

const ALICE: Address = Address::repeat_byte(0xa1);
const BOB: Address = Address::repeat_byte(0xb0);
const TOKEN: Address = Address::repeat_byte(0x70);
/// A feed without operators.
const FEED: &str = "cold/temperature";

/// Dora's key: she is a party of settlements.
fn party() -> secp256k1::SecretKey {
    secp256k1::SecretKey::from_byte_array([7; 32]).unwrap()
}

fn settlements() -> Settlements {
    Settlements {
        sites: vec![SettlementSite {
            public: ChainId(1),
            escrow: Address::repeat_byte(0xe5),
            public_start: Height(0),
            consortium: ChainId(2),
            settlement: Address::repeat_byte(0x5e),
            consortium_start: Height(0),
            client: Address::repeat_byte(0xc1),
            account: ALICE,
        }],
        signers: Signers::new([party()]),
        settle: 4,
        patience: 20,
    }
}

struct Bench {
    router: Router,
    app: Arc<App>,
    _dir: tempfile::TempDir,
}

impl Bench {
    async fn new(access: Access) -> Self {
        Self::named(access, ["a", "b"], "alice").await
    }

    /// With these names of chains and of alice's account.
    async fn named(access: Access, names: [&str; 2], alice: &str) -> Self {
        Self::crowded(access, names, alice, None).await
    }

    /// For so many listeners at once.
    async fn crowded(
        access: Access,
        names: [&str; 2],
        alice: &str,
        streams: Option<usize>,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let chain = |id, name: &str| {
            let chain = MockChain::new(Setup {
                id: ChainId(id),
                name: name.into(),
                gas_price: 0,
                ..Setup::default()
            });
            chain.fund(Asset::Native, ALICE, U256::from(1_000));
            chain.fund(Asset::Token(TOKEN), ALICE, U256::from(1_000));
            chain.fund(Asset::Token(TOKEN), address_of(&party()), U256::from(1_000));
            chain.seal_to_final();
            chain.with_accounts(vec![ALICE, address_of(&party())])
        };
        let (a, b) = (chain(1, names[0]), chain(2, names[1]));
        let now = a.now();
        let store = Store::open(&dir.path().join("db"), StoreKey::new([1; 32]))
            .await
            .unwrap();
        let drive = DriveConfig {
            poll: Duration::from_millis(5),
            wall: WallClock::new(move || now.0 * 1000),
            ..DriveConfig::default()
        };
        let chains: Vec<Arc<dyn Chain>> = vec![Arc::new(a.clone()), Arc::new(b.clone())];
        let store = Arc::new(store);
        let driver = Driver::start(drive, Arc::clone(&store), chains.clone())
            .await
            .unwrap();
        let relay = RelayHandle::start(
            RelayConfig::default(),
            Arc::clone(&store),
            driver.clone(),
            chains.clone(),
        );
        let pegs = Handle::start(
            CrossingConfig::default(),
            Pegs::new(vec![site()], ours()),
            Arc::clone(&store),
            driver.clone(),
            chains.clone(),
        );
        let settlements = Handle::start(
            CrossingConfig::default(),
            settlements(),
            Arc::clone(&store),
            driver.clone(),
            chains.clone(),
        );
        let end = FeedEnd {
            chain: ChainId(1),
            aggregator: Address::repeat_byte(0xfe),
            start: Height(0),
        };
        let known = FeedsConfig {
            feeds: vec![
                FeedSite::new(FEED, 2, vec![end]),
                FeedSite::new(alice, 0, vec![end]),
            ],
            ..FeedsConfig::default()
        };
        let feeds = FeedsHandle::start(
            known,
            Signers::default(),
            Arc::clone(&store),
            driver.clone(),
            chains.clone(),
        );
        let feeds = feeds.await.unwrap();
        let supply = SupplyHandle::start(
            SupplyConfig::default(),
            Arc::clone(&store),
            driver.clone(),
            chains.clone(),
        );
        let alarms = Alarms::start(AlarmConfig::default(), Arc::clone(&store)).unwrap();
        let logged = [(1, "a"), (2, "b")].map(|(id, name)| LoggedChain {
            id: ChainId(id),
            name: name.into(),
            contracts: vec![chains[0].info().hash_time_lock],
            gateways: Vec::new(),
            start: Height(0),
            stale_after: u64::MAX,
        });
        let log = LogConfig {
            chains: logged.to_vec(),
            keeper: Some(address_of(&party())),
            anchor_every: Duration::from_millis(20),
            ..LogConfig::default()
        };
        let log = LogHandle::start(
            log,
            store,
            driver.clone(),
            chains,
            Signers::new([party()]),
            alarms.clone(),
        )
        .await
        .unwrap();
        alarms.attach(log.clone());
        let engines = Engines {
            driver,
            relay,
            pegs,
            supply,
            settlements,
            feeds,
            oracle: None,
            signers: crate::keys::Signers::default(),
            log,
            alarms,
            members: None,
            barred: Arc::default(),
            election: None,
        };
        let entry = |chain: MockChain, name: &str| ChainEntry {
            name: name.into(),
            kind: "public",
            chain: Arc::new(chain),
            points_token: Some(TOKEN),
            proofs: None,
            contracts: ChainContracts::default(),
            rpc: None,
            rpc_tls: None,
            validators: None,
            node: None,
            stalled_after: 30,
        };
        let accounts = BTreeMap::from([
            (alice.to_owned(), ALICE),
            ("bob".to_owned(), BOB),
            ("dora".to_owned(), address_of(&party())),
        ]);
        let mut config = config::parse(config::LOCAL, Path::new("."), Purpose::Daemon).unwrap();
        if let Some(streams) = streams {
            config.api.max_event_streams = streams;
        }
        let entries = vec![entry(a, names[0]), entry(b, names[1])];
        let app = App::with_access(engines, entries, accounts, &config, access);
        Self {
            router: router(Arc::clone(&app)),
            app,
            _dir: dir,
        }
    }

    /// Waits until an alarm of a rule is open.
    async fn raised(&self, rule: &str) -> Value {
        for _ in 0..6_000 {
            let asked = request(Method::GET, "/v1/alarms?open=true&state=raised", None);
            let (_, list) = self.send(asked, Some(Role::Admin)).await;
            let alarms = list["alarms"].as_array().into_iter().flatten();
            if let Some(found) = alarms.into_iter().find(|alarm| alarm["rule"] == rule) {
                return found.clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no alarm {rule} is raised");
    }

    /// An aggregator answers these rounds: number, value, second; the last one is an alarm. As the reader of its chain stores it.
    async fn answers(&self, rounds: &[(u32, i128, u64)]) {
        let site = Arc::clone(self.app.feeds.site(FEED).unwrap());
        let (mut facts, mut standing) = (Vec::new(), Standing::default());
        let fact = |number, said| FeedFact {
            number,
            said,
            height: Height(1),
            tx: TxId(B256::ZERO),
            time: Timestamp(1),
        };
        for (round, value, at) in rounds.iter().copied() {
            let said = Said::Answered {
                round,
                value,
                observed_at: at,
                observers: 7,
                signers: 7,
                by: ALICE,
            };
            facts.push(fact(u64::from(round), said));
        }
        let (round, value, observed_at) = *rounds.last().unwrap();
        let raised = Said::AlarmRaised {
            round,
            value,
            observed_at,
        };
        facts.push(fact(99, raised));
        facts.iter().for_each(|fact| standing.take(fact));
        let read = FeedRead {
            feed: site.id,
            chain: ChainId(1),
            facts: &facts,
            standing: &standing,
            next: Height(u64::MAX >> 2),
        };
        self.app.log.store().read_feed(&read).await.unwrap();
        watch::feeds(&self.app).await;
    }

    async fn send(&self, request: Request<Body>, peer: Option<Role>) -> (StatusCode, Value) {
        let mut request = request;
        let peer = peer.map(|role| Peer::local("someone", role));
        request.extensions_mut().insert(ConnectInfo(Caller {
            peer,
            refused: None,
        }));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let value = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        (status, value)
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(request(Method::GET, path, None), None).await
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(request(Method::POST, path, Some(body.to_string())), None)
            .await
    }

    /// The first start may come before the chains told their time.
    async fn start(&self, body: &Value) -> (StatusCode, Value) {
        for _ in 0..6_000 {
            let answer = self.post("/v1/transfers", body).await;
            if answer.0 != StatusCode::SERVICE_UNAVAILABLE {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the chains never told their time");
    }
}

fn request(method: Method, path: &str, body: Option<String>) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "127.0.0.1:8700")
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.map_or_else(Body::empty, Body::from))
        .unwrap()
}

fn swap() -> Value {
    json!({
        "from": { "chain": "a", "account": "alice" },
        "give": { "asset": "points", "amount": "5" },
        "counterparty": "bob",
        "to": { "chain": "2", "account": "alice" },
        "want": { "asset": "native", "amount": "5" },
    })
}

/// A pair of ports that nothing answers for: what is refused before the chains are asked.
fn site() -> PegSite {
    let end = |chain, asset| PegPort {
        chain: ChainId(chain),
        port: Address::repeat_byte(0x90),
        asset: Asset::Token(asset),
        locks: Address::repeat_byte(0x10),
        client: Address::repeat_byte(0xc1),
        account: ALICE,
        start: Height(0),
    };
    PegSite {
        home: end(1, TOKEN),
        side: end(2, Address::repeat_byte(0x71)),
    }
}

fn ours() -> Vec<Account> {
    let account = |chain| Account {
        chain: ChainId(chain),
        address: ALICE,
    };
    vec![account(1), account(2)]
}

fn peg() -> Value {
    json!({
        "kind": "peg_in",
        "from": { "chain": "a", "account": "alice" },
        "give": { "asset": "peg", "amount": "5" },
        "to": { "chain": "b", "account": "bob" },
    })
}

fn is_problem(answer: &(StatusCode, Value), status: StatusCode) -> bool {
    let text = |key: &str| answer.1[key].as_str().is_some_and(|text| !text.is_empty());
    answer.0 == status && text("type") && text("detail") && text("what_to_do")
}

#[tokio::test]
async fn chains_are_listed_and_found_by_name_and_id() {
    let bench = Bench::new(Access::Loopback).await;

    let (status, all) = bench.get("/v1/chains").await;
    assert_eq!(
        (status, all.as_array().map(Vec::len)),
        (StatusCode::OK, Some(2))
    );
    assert_eq!(all[0]["accounts"][0]["points"], "1000");
    assert_eq!(bench.get("/v1/chains/a").await.1["chain_id"], 1);
    assert_eq!(bench.get("/v1/chains/2").await.1["name"], "b");
    assert!(is_problem(
        &bench.get("/v1/chains/mars").await,
        StatusCode::NOT_FOUND
    ));
}

#[tokio::test]
async fn a_transfer_is_started_listed_shown_explained_and_taken_back() {
    let bench = Bench::new(Access::Loopback).await;

    let (status, started) = bench.start(&swap()).await;
    assert_eq!(status, StatusCode::CREATED, "{started}");
    let id = started["id"].as_str().unwrap();

    let (_, list) = bench.get("/v1/transfers?role=initiator&chain=a").await;
    assert_eq!(list["transfers"][0]["id"], id);
    assert_eq!(list["transfers"][0]["from_account"], "alice");
    assert_eq!(
        bench.get("/v1/transfers?role=watchtower").await.1["transfers"],
        json!([])
    );
    let (_, shown) = bench.get(&format!("/v1/transfers/{id}")).await;
    assert_eq!(shown[0]["history"][0]["event"], Value::Null);
    let (_, told) = bench.get(&format!("/v1/transfers/{id}/explain")).await;
    assert!(told[0]["text"].as_str().unwrap().contains(id));
    let (status, _) = bench
        .post(&format!("/v1/transfers/{id}/refund"), &Value::Null)
        .await;
    assert_eq!(status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_start_with_a_wrong_field_says_which() {
    let bench = Bench::new(Access::Loopback).await;
    let cases = [
        ("/from/chain", json!("mars"), "mars"),
        ("/from/account", json!("carol"), "from.account"),
        ("/give/amount", json!("-5"), "give.amount"),
        ("/give/amount", json!("0x5"), "give.amount"),
        ("/give/amount", json!("9".repeat(99)), "give.amount"),
        ("/give/amount", json!("0"), "above zero"),
        ("/give/asset", json!("gold"), "give.asset"),
        ("/counterparty", json!("0x12"), "counterparty"),
        ("/to/chain", json!("a"), "two chains"),
    ];
    bench.start(&swap()).await;
    for (at, value, expected) in cases {
        let mut body = swap();
        *body.pointer_mut(at).unwrap() = value;
        let answer = bench.post("/v1/transfers", &body).await;
        assert!(
            is_problem(&answer, StatusCode::BAD_REQUEST),
            "{at}: {answer:?}"
        );
        assert!(
            answer.1["detail"].as_str().unwrap().contains(expected),
            "{at}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_peg_with_a_wrong_field_says_which() {
    let bench = Bench::new(Access::Loopback).await;
    let zero = "0x0000000000000000000000000000000000000000";
    let cases = [
        (
            "/kind",
            json!("teleport"),
            "expected swap, peg_in, peg_out or settlement",
        ),
        (
            "/kind",
            json!(7),
            "expected swap, peg_in, peg_out or settlement",
        ),
        (
            "/kind",
            json!("peg_out"),
            "peg_out goes from chain 2 to chain 1",
        ),
        ("/from/chain", json!("mars"), "mars"),
        ("/from/account", json!("bob"), "no key for account"),
        (
            "/to/chain",
            json!("a"),
            "peg_in goes from chain 1 to chain 2",
        ),
        ("/to/account", json!(zero), "does not pay"),
        ("/give/amount", json!("0"), "above zero"),
        ("/give/amount", json!("five"), "give.amount"),
        ("/give/asset", json!("gold"), "give.asset"),
        ("/give/asset", json!("native"), "takes"),
    ];
    for (at, value, expected) in cases {
        let mut body = peg();
        *body.pointer_mut(at).unwrap() = value;
        let answer = bench.post("/v1/transfers", &body).await;
        assert!(
            is_problem(&answer, StatusCode::BAD_REQUEST),
            "{at}: {answer:?}"
        );
        assert!(
            answer.1["detail"].as_str().unwrap().contains(expected),
            "{at}: {answer:?}"
        );
    }
    for (field, value) in [
        ("counterparty", json!("bob")),
        ("window_seconds", json!("3")),
    ] {
        let mut body = peg();
        body[field] = value;
        let answer = bench.post("/v1/transfers", &body).await;
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        assert!(is_problem(&answer, status), "{field}: {answer:?}");
    }
    let (_, list) = bench.get("/v1/transfers").await;
    assert_eq!(list["transfers"], json!([]), "something began");
}

#[tokio::test]
async fn transfers_are_told_apart_by_their_kind() {
    let bench = Bench::new(Access::Loopback).await;
    let mut named = swap();
    named["kind"] = json!("swap");
    let (status, started) = bench.start(&named).await;
    assert_eq!(status, StatusCode::CREATED, "{started}");

    let (_, swaps) = bench.get("/v1/transfers?kind=swap").await;
    let (_, pegs) = bench.get("/v1/transfers?kind=peg_in").await;

    assert_eq!(swaps["transfers"][0]["id"], started["id"]);
    assert_eq!(swaps["transfers"][0]["kind"], "swap");
    assert_eq!(pegs["transfers"], json!([]));
    assert_eq!(
        bench.get("/v1/chains/a").await.1["peg"]["asset"],
        TOKEN.to_string()
    );
}

#[tokio::test]
async fn a_body_that_is_malformed_unknown_or_too_large_is_refused() {
    let bench = Bench::new(Access::Loopback).await;
    let send = |body: String| bench.send(request(Method::POST, "/v1/transfers", Some(body)), None);

    assert!(is_problem(&send("{".into()).await, StatusCode::BAD_REQUEST));
    let mut more = swap();
    more["colour"] = json!("red");
    assert!(is_problem(
        &send(more.to_string()).await,
        StatusCode::UNPROCESSABLE_ENTITY
    ));
    let large = format!("{{\"x\":\"{}\"}}", "y".repeat(70_000));
    assert!(is_problem(
        &send(large).await,
        StatusCode::PAYLOAD_TOO_LARGE
    ));
}

#[tokio::test]
async fn a_start_repeated_under_one_key_starts_once() {
    let bench = Bench::new(Access::Loopback).await;
    bench.start(&swap()).await;
    let keyed = |body: Value| {
        let mut request = request(Method::POST, "/v1/transfers", Some(body.to_string()));
        request
            .headers_mut()
            .insert("idempotency-key", "one".parse().unwrap());
        bench.send(request, None)
    };

    let (first, second) = (keyed(swap()).await, keyed(swap()).await);
    let mut other = swap();
    other["give"]["amount"] = json!("6");

    assert_eq!((first.0, second.0), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!(first.1, second.1);
    assert!(is_problem(
        &keyed(other).await,
        StatusCode::UNPROCESSABLE_ENTITY
    ));
}

#[tokio::test]
async fn what_does_not_exist_is_a_problem_document() {
    let bench = Bench::new(Access::Loopback).await;
    let unknown = "00".repeat(16);

    for path in ["", "/explain"] {
        let answer = bench.get(&format!("/v1/transfers/{unknown}{path}")).await;
        assert!(is_problem(&answer, StatusCode::NOT_FOUND), "{answer:?}");
        let answer = bench.get(&format!("/v1/transfers/xyz{path}")).await;
        assert!(is_problem(&answer, StatusCode::BAD_REQUEST), "{answer:?}");
    }
    assert!(is_problem(&bench.get("/v2").await, StatusCode::NOT_FOUND));
    let deleted = bench
        .send(request(Method::DELETE, "/v1/transfers", None), None)
        .await;
    assert!(
        is_problem(&deleted, StatusCode::METHOD_NOT_ALLOWED),
        "{deleted:?}"
    );
    for query in ["limit=0", "limit=501", "limit=x", "colour=red"] {
        let answer = bench.get(&format!("/v1/transfers?{query}")).await;
        assert!(
            is_problem(&answer, StatusCode::BAD_REQUEST),
            "{query}: {answer:?}"
        );
    }
    assert!(is_problem(
        &bench.get("/v1/events?after=x").await,
        StatusCode::BAD_REQUEST
    ));
}

#[tokio::test]
async fn a_foreign_web_page_is_refused_in_the_local_profile() {
    let bench = Bench::new(Access::Loopback).await;
    let with = |name: &'static str, value: &'static str| {
        let mut request = request(Method::GET, "/v1/chains", None);
        request.headers_mut().insert(name, value.parse().unwrap());
        bench.send(request, None)
    };

    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "",
        "localhost.evil.example:8700",
    ] {
        assert!(
            is_problem(&with("host", host).await, StatusCode::FORBIDDEN),
            "{host}"
        );
    }
    for origin in ["https://evil.example", "null", "http://127.0.0.1:9999"] {
        assert!(
            is_problem(&with("origin", origin).await, StatusCode::FORBIDDEN),
            "{origin}"
        );
    }
    assert_eq!(with("host", "localhost:8700").await.0, StatusCode::OK);
    assert_eq!(with("host", "[::1]:8700").await.0, StatusCode::OK);
    assert_eq!(
        with("origin", "http://127.0.0.1:8700").await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn roles_decide_outside_the_local_profile() {
    let bench = Bench::new(Access::Certificates).await;
    let read = |role| bench.send(request(Method::GET, "/v1/chains", None), role);
    let path = format!("/v1/transfers/{}/refund", "00".repeat(16));
    let write = |role| bench.send(request(Method::POST, &path, None), role);

    assert!(is_problem(&read(None).await, StatusCode::UNAUTHORIZED));
    for role in [Role::Member, Role::Operator, Role::Regulator, Role::Admin] {
        assert_eq!(read(Some(role)).await.0, StatusCode::OK);
    }
    for role in [Role::Operator, Role::Regulator] {
        assert!(is_problem(&write(Some(role)).await, StatusCode::FORBIDDEN));
    }
    for role in [Role::Member, Role::Admin] {
        assert_eq!(write(Some(role)).await.0, StatusCode::NOT_FOUND);
    }
    let health = bench
        .send(request(Method::GET, "/healthz", None), None)
        .await;
    assert_eq!(health.0, StatusCode::OK);
}

#[tokio::test]
async fn the_description_names_every_address_and_loads_nothing() {
    let bench = Bench::new(Access::Loopback).await;

    let (_, document) = bench.get("/openapi.json").await;
    let (_, page) = bench.get("/api").await;

    let page = page.as_str().unwrap();
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(page.contains(path), "{path}");
    }
    assert_eq!(document["paths"].as_object().unwrap().len(), 72);
    for outside in ["http://", "https://", "<script", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[tokio::test]
async fn health_and_metrics_answer() {
    let bench = Bench::new(Access::Loopback).await;

    assert_eq!(bench.get("/healthz").await.0, StatusCode::OK);
    bench.get("/v1/chains").await;
    let (status, text) = bench.get("/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.as_str().unwrap().contains("causeway_chain_height"));
}

#[tokio::test]
async fn supply_of_an_unknown_peg_and_a_page_too_large_are_refused() {
    let bench = Bench::new(Access::Loopback).await;

    let (status, list) = bench.get("/v1/supply").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(list["statements"], serde_json::json!([]));
    let unknown = bench.get("/v1/supply/gold").await;
    assert!(is_problem(&unknown, StatusCode::NOT_FOUND));
    for query in ["limit=0", "limit=501", "before=-1", "page=2"] {
        let answer = bench.get(&format!("/v1/supply/gold?{query}")).await;
        assert!(is_problem(&answer, StatusCode::BAD_REQUEST), "{query}");
    }
}

#[tokio::test]
async fn an_unknown_feed_and_a_page_too_large_are_refused() {
    let bench = Bench::new(Access::Loopback).await;

    let (status, list) = bench.get("/v1/feeds").await;
    assert_eq!(status, StatusCode::OK);
    let names = [&list["feeds"][0]["name"], &list["feeds"][1]["name"]];
    assert_eq!(names, [FEED, "alice"]);
    for path in ["cold-chain%2F7", "cold-chain%2F7/history"] {
        let unknown = bench.get(&format!("/v1/feeds/{path}")).await;
        assert!(is_problem(&unknown, StatusCode::NOT_FOUND), "{path}");
    }
    for query in ["limit=0", "limit=501", "before=x", "page=2"] {
        let answer = bench.get(&format!("/v1/feeds/gold/history?{query}")).await;
        assert!(is_problem(&answer, StatusCode::BAD_REQUEST), "{query}");
    }
}
