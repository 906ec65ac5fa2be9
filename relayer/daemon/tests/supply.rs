//! The supply statement over live chains: a token that loses units by itself, as the home asset of a peg of its own.

mod pegged;

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall as _, SolError as _, sol};
use causeway::{
    api::{SupplyList, SupplyView},
    config::{Config, Peg, PegEnd},
    daemon::{Chains, Daemon},
};
use causeway_adapter_api::{Asset, ChainWriter as _, Preimage};
use causeway_contracts::PegMint;

use self::pegged::{AMOUNT, LOOK, PATIENCE, Pegged, act, as_carol};

sol!(
    ShrinkingToken,
    "../../contracts/artifacts/ShrinkingToken.json"
);

/// Deploys the token, and gives carol enough of it.
async fn shrinking_token(chains: &Chains) -> Address {
    let (public, carol) = (as_carol(chains, "public"), chains.accounts["carol"]);
    let token = carol.create(public.next_nonce(carol).await.expect("a nonce"));
    act(&public, carol, None, ShrinkingToken::BYTECODE.clone()).await;
    let mint = ShrinkingToken::mintCall {
        to: carol,
        amount: U256::from(10 * AMOUNT),
    };
    act(&public, carol, Some(token), mint.abi_encode().into()).await;
    token
}

fn watched(config: &mut Config, peg: &Pegged) {
    let end = |chain: &str, port, asset| PegEnd {
        chain: chain.into(),
        port,
        asset: Asset::Token(asset),
        light_client: peg.messaging.light_client,
        start_height: 0,
    };
    let gold = Peg {
        guardian: "watchtower".into(),
        home: end("public", peg.vault, peg.token),
        side: end("consortium", peg.mint, peg.pegged),
    };
    config.pegs = BTreeMap::from([("gold".to_owned(), gold)]);
}

/// What a client of the daemon's API sees.
struct Reader {
    base: String,
    client: reqwest::Client,
}

impl Reader {
    fn of(daemon: &Daemon) -> Self {
        // Installed already by another test of this process: that one serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            base: format!("http://{}", daemon.api),
            client: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("a client"),
        }
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        let response = self.client.get(format!("{}{path}", self.base)).send().await;
        let response = response.expect("an answer");
        response.error_for_status().expect("a good answer")
    }

    /// The newest statement about the peg that is as wanted.
    async fn statement(&self, wanted: impl Fn(&SupplyView) -> bool) -> SupplyView {
        let began = tokio::time::Instant::now();
        loop {
            let list: SupplyList = self.get("/v1/supply").await.json().await.expect("a list");
            let found = list.statements.into_iter().find(|view| view.peg == "gold");
            if let Some(view) = &found
                && wanted(view)
            {
                return view.clone();
            }
            assert!(began.elapsed() < PATIENCE, "not stated: {found:?}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Reads events until one contains all of `parts`.
    async fn event(&self, parts: &[&str]) -> String {
        let mut stream = self.get("/v1/events?after=0-0").await;
        let mut text = String::new();
        loop {
            let chunk = tokio::time::timeout(PATIENCE, stream.chunk()).await;
            let chunk = chunk.expect("an event in time").expect("a stream");
            text += &String::from_utf8_lossy(&chunk.expect("the stream goes on"));
            let events = text.split("\n\n");
            let found = events.map(str::to_owned);
            let found = found.filter(|event| parts.iter().all(|part| event.contains(part)));
            if let Some(event) = found.into_iter().next() {
                return event;
            }
        }
    }

    async fn metric(&self, line: &str) -> bool {
        let text = self.get("/metrics").await.text().await.expect("text");
        text.lines().any(|found| found == line)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v1_a_token_that_shrinks_by_itself_pauses_both_ports_and_refunds_go_on() {
    let (_dir, mut config, chains) = pegged::chains().await;
    let token = shrinking_token(&chains).await;
    let peg = Pegged::of(&chains, token, chains.accounts["watchtower"]).await;
    watched(&mut config, &peg);
    let daemon = Daemon::start(&config, chains).await.expect("it starts");
    let reader = Reader::of(&daemon);
    let secret = Preimage::new([5; 32]);
    let (lock, memo) = peg.lock(&secret).await;
    peg.open(&lock, &memo).await;
    peg.claim(&lock, &secret).await;
    peg.collect(&lock, &secret).await;
    let whole = AMOUNT.to_string();
    let before = reader
        .statement(|view| view.books.as_ref().is_some_and(|books| books.held == whole))
        .await;
    assert!(before.holds, "{before:?}");
    assert_eq!(before.surplus.as_deref(), Some("0"));
    assert!(!before.home.paused && !before.side.paused);
    let (waiting, memo) = peg.lock(&Preimage::new([6; 32])).await;

    let shrink = ShrinkingToken::shrinkCall {}.abi_encode();
    peg.act(&peg.public, Some(token), shrink.into()).await;

    // The alarm, on every surface.
    let short = reader.statement(|view| !view.holds).await;
    assert_eq!(short.finding, "short");
    assert_eq!(short.missing, Some((AMOUNT / 2).to_string()));
    let event = reader.event(&["event: supply", "gold", "short"]).await;
    assert!(event.contains("\"holds\":false"), "{event}");
    assert!(reader.metric("causeway_supply_holds{peg=\"gold\"} 0").await);
    assert!(
        reader
            .metric("causeway_supply_holds{peg=\"points\"} 1")
            .await,
        "another peg is not touched"
    );
    // Both ports are paused by the guardian, and stay so.
    reader
        .statement(|view| view.home.paused && view.side.paused)
        .await;
    let opening = peg.opening(&waiting, &memo).await;
    let refusal = peg.refusal(&peg.consortium, peg.mint, opening).await;
    assert_eq!(refusal[..4], PegMint::PegIsPaused::SELECTOR);
    // A refund needs nobody's leave. What the locks lost by the token somebody has to make up for.
    let gift = ShrinkingToken::mintCall {
        to: peg.locks,
        amount: U256::from(AMOUNT),
    };
    peg.act(&peg.public, Some(token), gift.abi_encode().into())
        .await;
    let owned = peg.points(peg.carol).await;
    let refund = peg.refund(&waiting).await;
    peg.act(&peg.public, Some(peg.locks), refund).await;
    assert_eq!(peg.points(peg.carol).await, owned + U256::from(AMOUNT));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn v1_what_failed_while_nobody_watched_is_stated_and_paused_later() {
    let (_dir, mut config, chains) = pegged::chains().await;
    let token = shrinking_token(&chains).await;
    let peg = Pegged::of(&chains, token, chains.accounts["watchtower"]).await;
    watched(&mut config, &peg);
    let secret = Preimage::new([5; 32]);
    let (lock, memo) = peg.lock(&secret).await;
    peg.open(&lock, &memo).await;
    peg.claim(&lock, &secret).await;
    peg.collect(&lock, &secret).await;
    let shrink = ShrinkingToken::shrinkCall {}.abi_encode();
    peg.act(&peg.public, Some(token), shrink.into()).await;

    // Nobody watched until now: everything is read from the start.
    let daemon = Daemon::start(&config, chains).await.expect("it starts");
    let reader = Reader::of(&daemon);

    reader
        .statement(|view| view.finding == "short" && view.home.paused && view.side.paused)
        .await;
    let history: SupplyList = reader
        .get("/v1/supply/gold?limit=1")
        .await
        .json()
        .await
        .expect("a list");
    assert_eq!(history.statements.len(), 1);
    assert!(history.next_before.is_some());
    daemon.stop().await;
}
