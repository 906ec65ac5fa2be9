//! A fifth node joins a chain of four while it runs: it reads, is voted in and signs, is voted out and reads on, in one process
//! and without a restart.
#![allow(missing_docs)]

mod rpc_support;
mod support;

use std::{sync::atomic::Ordering, time::Duration};

use alloy_primitives::{Address, TxKind, U256};
use alloy_sol_types::SolCall as _;
use causeway_adapter_hosted::{
    certificate::FinalityCertificate,
    follow::SourceConfig,
    host::{History, Host},
    node::Node,
    spec::{VALIDATOR_SET, ValidatorEntry},
};
use causeway_contracts::ValidatorSet;
use rpc_support::serve;
use support::{Chain, call, key, transfer, validator};

const EPOCH: u64 = 16;

async fn until(node: &Node, what: &str, mut done: impl FnMut(&Node) -> bool) {
    let mut tip = node.ledger.watch_tip();
    let wait = async {
        while !done(node) {
            // What is waited for may come a moment after the block.
            let _ = tokio::time::timeout(Duration::from_millis(200), tip.changed()).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(180), wait)
        .await
        .unwrap_or_else(|_| panic!("not in time: {what}"));
}

/// Has the administrator name the next set.
fn schedule(node: &Node, nonce: u64, set: &[ValidatorEntry]) {
    let next = set.iter().map(|v| ValidatorSet::Validator {
        vote: v.vote,
        network: v.network,
        endpoint: v.endpoint.clone(),
    });
    let data = ValidatorSet::scheduleCall {
        next: next.collect(),
    };
    let raw = call(
        &key("administrator"),
        nonce,
        TxKind::Call(VALIDATOR_SET),
        U256::ZERO,
        data.abi_encode().into(),
        5_000_000,
    );
    node.submit(&raw).expect("admitted");
}

/// Whether the validator at this place of the set has signed the certificate of the newest block.
fn signed(node: &Node, place: u16) -> bool {
    let hash = node.ledger.tip().block().hash();
    let raw = node.ledger.certificate(hash).expect("readable");
    let certificate = raw.map(|raw| FinalityCertificate::from_bytes(&raw).expect("one of ours"));
    certificate.is_some_and(|certificate| certificate.signers.contains(&place))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fifth_reads_is_voted_in_signs_is_voted_out_and_reads_on() {
    let chain = Chain::with_epoch(4, EPOCH);
    let homes = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let four = chain.host(homes[0].path(), 0..4, true);
    let rpc = serve(four.node()).await;
    let first = four.node();
    until(&first, "an epoch", |n| {
        n.ledger.tip().block().number() > EPOCH
    })
    .await;

    // It reads from genesis on, while the chain runs.
    let fifth = validator(4);
    let history = History {
        sources: SourceConfig {
            urls: vec![format!("http://{}", rpc.addr)],
            tls: None,
        },
        ..History::default()
    };
    let config = chain.config(homes[1].path(), vec![fifth.clone()], history);
    let joined = tokio::task::spawn_blocking(move || Host::start(config))
        .await
        .expect("no panic")
        .expect("it starts");
    let node = joined.node();
    let seats = |n: &Node| n.standing.seats.load(Ordering::Relaxed);
    let height = first.ledger.tip().block().number();
    until(&node, "it has caught up", |n| {
        n.ledger.tip().block().number() >= height
    })
    .await;
    assert_eq!(seats(&node), 0);

    // What is sent to it becomes final.
    let to = Address::repeat_byte(7);
    node.submit(&transfer(&key("rich"), 0, to, 5))
        .expect("admitted");
    until(&first, "the transfer", |n| {
        n.ledger.tip().state.balance(to) == U256::from(5)
    })
    .await;

    // Voted in, it signs.
    let mut set = chain.spec.validators.clone();
    set.push(fifth.keys.entry(fifth.listen.to_string()));
    schedule(&first, 0, &set);
    until(&node, "its seat", |n| seats(n) == 1).await;
    until(&first, "its signature", |n| signed(n, 4)).await;

    // Voted out, it reads on.
    schedule(&first, 1, &chain.spec.validators);
    until(&node, "the end of its seat", |n| seats(n) == 0).await;
    let goal = node.ledger.tip().block().number() + EPOCH;
    until(&node, "it reads on", |n| {
        n.ledger.tip().block().number() >= goal
    })
    .await;
    until(&first, "the others as well", |n| {
        n.ledger.tip().block().number() >= goal
    })
    .await;
    let hash = |n: &Node| {
        let header = n.ledger.header(goal).expect("readable").expect("final");
        header.hash_slow()
    };
    assert_eq!(hash(&node), hash(&first));

    // And once more, in the same process.
    schedule(&first, 2, &set);
    until(&node, "its second seat", |n| seats(n) == 1).await;
    until(&first, "its signature again", |n| signed(n, 4)).await;
    rpc.stop().await;
    for host in [joined, four] {
        tokio::task::spawn_blocking(move || host.stop())
            .await
            .expect("it stops");
    }
}
