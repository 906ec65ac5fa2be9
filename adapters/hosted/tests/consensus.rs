//! Validators of one chain agree, keep what is final, and go on after a crash.
#![allow(missing_docs)]

mod support;

use std::{sync::Arc, time::Duration};

use alloy_primitives::{Address, U256};
use causeway_adapter_hosted::{node::Node, scheme::address_of, spec::GenesisAccount};
use support::{Chain, key, transfer};

/// Waits until the chain has a final block that satisfies `done`.
async fn until(node: &Node, what: &str, mut done: impl FnMut(&Node) -> bool) {
    let mut tip = node.ledger.watch_tip();
    let wait = async {
        while !done(node) {
            tip.changed().await.expect("the ledger lives");
        }
    };
    tokio::time::timeout(Duration::from_secs(120), wait)
        .await
        .unwrap_or_else(|_| panic!("not in time: {what}"));
}

#[tokio::test]
async fn a_transaction_becomes_final_with_a_certificate_of_the_quorum() {
    let chain = Chain::new(4);
    let dir = tempfile::tempdir().expect("a directory");
    let host = chain.host(dir.path(), 0..4, true);
    let node = host.node();
    let to = Address::repeat_byte(7);

    let raw = transfer(&key("rich"), 0, to, 5);
    node.pool
        .submit(&raw)
        .expect("a valid transaction is admitted");
    until(&node, "the transfer", |n| {
        n.ledger.tip().state.balance(to) == U256::from(5)
    })
    .await;

    let number = node.ledger.tip().block().number();
    until(&node, "a certificate", |n| {
        n.finality_proof(number).expect("readable").is_some()
    })
    .await;
    let proof = node
        .finality_proof(number)
        .expect("readable")
        .expect("present");
    let set: Vec<Address> = node
        .validators(proof.certificate.epoch)
        .expect("known")
        .iter()
        .map(|v| v.vote)
        .collect();
    assert_eq!(set.len(), 4);
    let hash = node
        .ledger
        .record(number)
        .expect("readable")
        .expect("present")
        .block
        .hash();
    proof
        .verify(hash, node.domain(), &set)
        .expect("the certificate proves the block");

    let mut forged = proof.clone();
    forged.certificate.view += 1;
    assert!(forged.verify(hash, node.domain(), &set).is_err());
    let mut thin = proof;
    thin.certificate.signers.truncate(2);
    thin.certificate.signatures.truncate(2);
    assert!(thin.verify(hash, node.domain(), &set).is_err());
}

#[tokio::test]
async fn the_same_chain_goes_on_after_a_restart() {
    let chain = Chain::new(4);
    let dir = tempfile::tempdir().expect("a directory");
    let to = Address::repeat_byte(8);
    let host = chain.host(dir.path(), 0..4, false);
    host.node()
        .pool
        .submit(&transfer(&key("rich"), 0, to, 1))
        .expect("admitted");
    until(&host.node(), "the first transfer", |n| {
        n.ledger.tip().state.balance(to) == U256::from(1)
    })
    .await;
    let before = host.node().ledger.tip().block().clone();
    tokio::task::spawn_blocking(move || host.stop())
        .await
        .expect("it stops");

    let host = chain.host(dir.path(), 0..4, false);
    let node = host.node();

    node.pool
        .submit(&transfer(&key("rich"), 1, to, 1))
        .expect("the nonce was kept");
    until(&node, "the second transfer", |n| {
        n.ledger.tip().state.balance(to) == U256::from(2)
    })
    .await;
    let kept = node
        .ledger
        .record(before.number())
        .expect("readable")
        .expect("kept");
    assert_eq!(kept.block.hash(), before.hash());
    assert_eq!(node.ledger.tip().state.nonce(address_of(&key("rich"))), 2);
}

#[tokio::test]
async fn an_epoch_hands_over_to_the_next() {
    let chain = Chain::with_epoch(4, 8);
    let dir = tempfile::tempdir().expect("a directory");
    let host = chain.host(dir.path(), 0..4, true);

    until(&host.node(), "the third epoch", |n| {
        n.ledger.tip().block().number() >= 18
    })
    .await;

    let node = host.node();
    assert!(
        node.finality_proof(17)
            .expect("readable")
            .is_some_and(|p| p.certificate.epoch == 2)
    );
}

/// The adversary `WrongGenesis`: one of four starts from a genesis that gives itself points.
#[tokio::test]
async fn a_validator_with_another_genesis_finalises_nothing_and_the_others_go_on() {
    let chain = Chain::new(4);
    let dirs = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let mut spec = (*chain.spec).clone();
    let thief = Address::repeat_byte(0x66);
    let points = GenesisAccount {
        balance: U256::from(10).pow(U256::from(24)),
        ..Default::default()
    };
    spec.alloc.insert(thief, points);
    let wrong_genesis = Chain {
        spec: Arc::new(spec),
        validators: chain.validators.clone(),
    };

    let wrong = wrong_genesis.host(dirs[0].path(), 3..4, false);
    let honest = chain.host(dirs[1].path(), 0..3, false);
    let to = Address::repeat_byte(7);
    let raw = transfer(&key("rich"), 0, to, 5);
    honest.node().pool.submit(&raw).expect("admitted");
    until(&honest.node(), "ten blocks of three validators", |n| {
        n.ledger.tip().block().number() >= 10
    })
    .await;

    let tip = honest.node().ledger.tip();
    assert_eq!(tip.state.balance(to), U256::from(5));
    assert_eq!(tip.state.balance(thief), U256::ZERO);
    let alone = wrong.node().ledger.tip();
    assert_eq!(alone.block().number(), 0, "it finalised a block");
    let (genesis, _) = chain.spec.genesis().expect("a genesis");
    assert_ne!(alone.block().hash(), genesis.hash());
}
