//! A ledger refuses what breaks the chain's rules and finds a damaged file; a pool answers in the words clients expect.
#![allow(missing_docs)]

mod support;

use std::{path::Path, sync::Arc};

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use causeway_adapter_hosted::{
    block::{Attributes, Block},
    execute::ExecutedBlock,
    ledger::Ledger,
    node::Node,
    pool::{PoolError, PoolLimits, TxPool},
    scheme::address_of,
};
use support::{CHAIN_ID, Chain, call, key, sign, transfer};

const NOW: u64 = 1_700_000_100_000;

struct Solo {
    ledger: Arc<Ledger>,
    pool: Arc<TxPool>,
}

impl Solo {
    fn open(chain: &Chain, file: &Path) -> Self {
        let ledger = Ledger::open(chain.spec.clone(), file, None, None).expect("it opens");
        let pool = TxPool::new(
            chain.spec.clone(),
            ledger.tip().state.clone(),
            PoolLimits::default(),
        );
        Self { ledger, pool }
    }

    fn propose(&self) -> Arc<ExecutedBlock> {
        let tip = self.ledger.tip();
        let time_ms = tip.block().time_ms() + 1_000;
        self.ledger.propose(
            &tip,
            &self.pool,
            Attributes {
                time_ms,
                beneficiary: Address::repeat_byte(9),
            },
        )
    }

    /// Makes a block of what waits and returns once it is on disk; the pool has followed.
    fn seal(&self) -> Arc<ExecutedBlock> {
        let built = self.seal_before_the_pool();
        self.pool.on_final(&self.ledger.tip());
        built
    }

    /// The moment in which a block is in the ledger and the pool has not followed.
    fn seal_before_the_pool(&self) -> Arc<ExecutedBlock> {
        let built = self.propose();
        let (done, durable) = std::sync::mpsc::channel();
        self.ledger
            .finalize(built.block(), &self.pool, move || {
                done.send(()).expect("the test waits")
            })
            .expect("our own block is valid");
        durable.recv().expect("the block is written");
        built
    }
}

#[test]
fn a_reopened_ledger_has_the_same_blocks_and_state() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("ledger.redb");
    let chain = Chain::new(4);
    let to = Address::repeat_byte(3);
    let solo = Solo::open(&chain, &file);
    for nonce in 0..5 {
        solo.pool
            .submit(&transfer(&key("rich"), nonce, to, 2))
            .expect("admitted");
        solo.seal();
    }
    // A contract that stores 7 in slot 1 and then clears it again when called: init code returns `60006001 55`.
    let init = Bytes::from_static(&[
        0x60, 7, 0x60, 1, 0x55, 0x65, 0x60, 0, 0x60, 1, 0x55, 0, 0x60, 0, 0x52, 0x60, 6, 0x60, 26,
        0xf3,
    ]);
    solo.pool
        .submit(&call(
            &key("rich"),
            5,
            TxKind::Create,
            U256::ZERO,
            init,
            200_000,
        ))
        .expect("admitted");
    let made = solo.seal();
    let contract = address_of(&key("rich")).create(5);
    assert_eq!(made.state.slot(contract, U256::from(1)), U256::from(7));
    solo.pool
        .submit(&call(
            &key("rich"),
            6,
            TxKind::Call(contract),
            U256::ZERO,
            Bytes::new(),
            100_000,
        ))
        .expect("admitted");
    let cleared = solo.seal();
    assert_eq!(cleared.state.slot(contract, U256::from(1)), U256::ZERO);
    let root = solo.ledger.tip().state.root();
    drop(solo);

    let again = Solo::open(&chain, &file);

    assert_eq!(again.ledger.tip().block().number(), 7);
    assert_eq!(again.ledger.tip().state.root(), root);
    assert_eq!(again.ledger.tip().state.balance(to), U256::from(10));
    let record = again.ledger.record(3).expect("readable").expect("kept");
    assert_eq!(record.senders, vec![address_of(&key("rich"))]);
    let hash = *record.block.transactions()[0].tx_hash();
    assert_eq!(again.ledger.locate(hash).expect("readable"), Some((3, 0)));
}

#[test]
fn a_file_of_another_chain_is_refused_by_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("ledger.redb");
    drop(Solo::open(&Chain::new(4), &file));

    let other = Chain::with_epoch(4, 99);
    let last = Ledger::open(other.spec.clone(), &file, None, None).err();

    let error = last.expect("refused").to_string();
    assert!(
        error.contains("ledger.redb") && error.contains("another data directory"),
        "{error}"
    );
}

#[test]
fn a_damaged_file_is_found_when_it_is_opened() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("ledger.redb");
    let chain = Chain::new(4);
    let solo = Solo::open(&chain, &file);
    solo.pool
        .submit(&transfer(&key("rich"), 0, Address::repeat_byte(3), 77))
        .expect("admitted");
    solo.seal();
    drop(solo);
    // The balance of the account that got 77 wei: change it wherever the file holds it.
    let mut bytes = std::fs::read(&file).expect("readable");
    let mut value = [0u8; 32];
    value[31] = 77;
    let places: Vec<usize> = (0..bytes.len() - 32)
        .filter(|i| bytes[*i..*i + 32] == value)
        .collect();
    assert!(!places.is_empty(), "the balance stands in the file");
    for place in places {
        bytes[place + 31] = 78;
    }
    let copy = dir.path().join("copy.redb");
    std::fs::write(&copy, bytes).expect("writable");

    let error = Ledger::open(chain.spec.clone(), &copy, None, None)
        .err()
        .expect("refused")
        .to_string();

    assert!(error.contains("copy.redb"), "{error}");
}

#[test]
fn a_proposed_header_with_any_field_changed_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let chain = Chain::new(4);
    let proposer = Solo::open(&chain, &dir.path().join("a.redb"));
    let verifier = Solo::open(&chain, &dir.path().join("b.redb"));
    proposer
        .pool
        .submit(&transfer(&key("rich"), 0, Address::repeat_byte(3), 1))
        .expect("admitted");
    let built = proposer.propose();
    let parent = verifier.ledger.tip();
    let good = built.block();
    type Change = (&'static str, fn(&mut Header));
    let changes: Vec<Change> = vec![
        ("parent hash", |h| h.parent_hash = B256::repeat_byte(1)),
        ("number", |h| h.number += 1),
        ("gas limit", |h| h.gas_limit += 1),
        ("gas used", |h| h.gas_used += 1),
        ("state root", |h| h.state_root = B256::repeat_byte(1)),
        ("receipts root", |h| h.receipts_root = B256::repeat_byte(1)),
        ("transactions root", |h| {
            h.transactions_root = B256::repeat_byte(1)
        }),
        ("bloom", |h| h.logs_bloom.0[0] = 1),
        ("base fee", |h| h.base_fee_per_gas = Some(1)),
        ("timestamp", |h| h.timestamp += 1),
        ("milliseconds", |h| h.extra_data = Bytes::new()),
        ("mix hash", |h| h.mix_hash = B256::repeat_byte(1)),
        ("difficulty", |h| h.difficulty = U256::ONE),
        ("withdrawals root", |h| h.withdrawals_root = None),
        ("requests hash", |h| h.requests_hash = None),
    ];
    for (what, change) in changes {
        let mut header = good.header().clone();
        change(&mut header);
        let bad = Block::new(header, good.transactions().to_vec());
        let verdict = verifier.ledger.verify(&parent, &bad, &verifier.pool, NOW);
        assert!(verdict.is_err(), "a block with another {what} was accepted");
    }
    let without = Block::new(good.header().clone(), Vec::new());
    assert!(
        verifier
            .ledger
            .verify(&parent, &without, &verifier.pool, NOW)
            .is_err(),
        "a body of another header"
    );

    assert!(
        verifier
            .ledger
            .verify(&parent, good, &verifier.pool, NOW)
            .is_ok()
    );
}

#[test]
fn a_block_from_the_future_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let solo = Solo::open(&Chain::new(4), &dir.path().join("a.redb"));
    let other = Solo::open(
        &Chain {
            spec: solo.ledger.spec().clone(),
            validators: Vec::new(),
        },
        &dir.path().join("b.redb"),
    );
    let built = solo.propose();

    let verdict = other.ledger.verify(
        &other.ledger.tip(),
        built.block(),
        &other.pool,
        built.block().time_ms() - 5_000,
    );

    assert!(verdict.is_err_and(|e| e.to_string().contains("time")));
}

fn refusal(pool: &TxPool, raw: &[u8]) -> String {
    pool.submit(raw).expect_err("refused").to_string()
}

#[test]
fn a_nonce_seen_in_a_block_is_used_even_before_the_pool_has_followed() {
    let dir = tempfile::tempdir().expect("a directory");
    let solo = Solo::open(&Chain::new(4), &dir.path().join("a.redb"));
    let node = Node::new(solo.ledger.clone(), solo.pool.clone(), B256::ZERO);
    let (rich, to) = (key("rich"), Address::repeat_byte(3));
    node.submit(&transfer(&rich, 0, to, 1)).expect("admitted");
    solo.seal_before_the_pool();

    let refused = node.submit(&transfer(&rich, 0, to, 2));

    let refused = refused.err();
    assert!(
        matches!(refused, Some(PoolError::NonceTooLow { got: 0, next: 1 })),
        "{refused:?}"
    );
}

#[test]
fn the_pool_refuses_in_the_words_clients_look_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let solo = Solo::open(&Chain::new(4), &dir.path().join("a.redb"));
    let (rich, to) = (key("rich"), Address::repeat_byte(3));
    solo.pool
        .submit(&transfer(&rich, 0, to, 1))
        .expect("admitted");
    solo.seal();

    assert!(refusal(&solo.pool, &transfer(&rich, 0, to, 2)).starts_with("nonce too low"));
    assert!(refusal(&solo.pool, &transfer(&rich, 90_000, to, 2)).starts_with("nonce too high"));
    assert!(
        refusal(&solo.pool, &transfer(&key("poor"), 0, to, 1))
            .starts_with("insufficient funds for gas * price + value")
    );
    let small = call(&rich, 1, TxKind::Call(to), U256::ZERO, Bytes::new(), 20_999);
    assert!(refusal(&solo.pool, &small).starts_with("intrinsic gas too low"));
    let huge = call(
        &rich,
        1,
        TxKind::Call(to),
        U256::ZERO,
        Bytes::new(),
        17_000_000,
    );
    assert!(refusal(&solo.pool, &huge).starts_with("exceeds block gas limit"));
    let long = call(
        &rich,
        1,
        TxKind::Call(to),
        U256::ZERO,
        vec![0; 140_000].into(),
        10_000_000,
    );
    assert!(refusal(&solo.pool, &long).starts_with("oversized data"));
    assert!(refusal(&solo.pool, b"\x02\xc0").starts_with("rlp"));
    assert!(refusal(&solo.pool, b"").starts_with("rlp"));
    let mut trailing = transfer(&rich, 1, to, 1);
    trailing.push(0);
    assert!(refusal(&solo.pool, &trailing).starts_with("rlp"));
    let mut foreign = tx(&rich, 1, to);
    foreign.chain_id = CHAIN_ID + 1;
    assert!(refusal(&solo.pool, &sign(&rich, foreign)).starts_with("invalid chain id"));

    let first = transfer(&rich, 1, to, 1);
    solo.pool.submit(&first).expect("admitted");
    assert_eq!(refusal(&solo.pool, &first), "already known");
    assert!(
        refusal(&solo.pool, &transfer(&rich, 1, to, 2))
            .starts_with("replacement transaction underpriced")
    );
}

fn tx(_: &secp256k1::SecretKey, nonce: u64, to: Address) -> alloy_consensus::TxEip1559 {
    alloy_consensus::TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 100_000_000_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(to),
        ..Default::default()
    }
}

#[test]
fn a_better_paid_transaction_replaces_the_one_that_waits() {
    let dir = tempfile::tempdir().expect("a directory");
    let solo = Solo::open(&Chain::new(4), &dir.path().join("a.redb"));
    let (rich, old, new) = (
        key("rich"),
        Address::repeat_byte(3),
        Address::repeat_byte(4),
    );
    solo.pool
        .submit(&transfer(&rich, 0, old, 1))
        .expect("admitted");
    let mut better = tx(&rich, 0, new);
    better.max_fee_per_gas = 120_000_000_000;
    better.max_priority_fee_per_gas = 2;
    better.value = U256::ONE;
    solo.pool.submit(&sign(&rich, better)).expect("it outbids");

    let state = &solo.seal().state;

    assert_eq!(
        (state.balance(old), state.balance(new)),
        (U256::ZERO, U256::ONE)
    );
}

#[test]
fn a_sender_fills_its_share_and_no_more_and_nonces_run_in_order() {
    let dir = tempfile::tempdir().expect("a directory");
    let chain = Chain::new(4);
    let ledger =
        Ledger::open(chain.spec.clone(), &dir.path().join("a.redb"), None, None).expect("it opens");
    let limits = PoolLimits {
        total: 100,
        per_sender: 3,
        ..PoolLimits::default()
    };
    let pool = TxPool::new(chain.spec.clone(), ledger.tip().state.clone(), limits);
    let (rich, to) = (key("rich"), Address::repeat_byte(3));
    for nonce in [2, 0, 1] {
        pool.submit(&transfer(&rich, nonce, to, 1))
            .expect("admitted");
    }

    assert!(matches!(
        pool.submit(&transfer(&rich, 3, to, 1)),
        Err(PoolError::SenderFull { max: 3, .. })
    ));
    let nonces: Vec<u64> = pool
        .candidates(&ledger.tip().state, 0)
        .iter()
        .map(|c| alloy_consensus::Transaction::nonce(&c.tx))
        .collect();
    assert_eq!(nonces, [0, 1, 2]);
    assert_eq!(pool.next_nonce(address_of(&rich)), 3);
}
