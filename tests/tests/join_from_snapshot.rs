//! A fifth node joins a chain of four processes while transactions go on: from a snapshot that it verifies, first as a reader,
//! then voted in, then voted out. A snapshot with one byte changed is refused by name.
#![allow(missing_docs)]

use std::{cell::Cell, path::Path};

use alloy_consensus::TxEip1559;
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, Bytes, TxKind, U256};
use alloy_sol_types::SolCall as _;
use anyhow::{Context as _, Result, ensure};
use causeway_adapter_hosted::{
    sign::sign_1559,
    spec::{VALIDATOR_SET, ValidatorEntry},
};
use causeway_contracts::ValidatorSet;
use causeway_stories::{
    eventually, free_address,
    hosts::Place,
    rpc::{Rpc, address_of, test_key, transfer},
    tampering::TamperingNode,
    validators::{Validator, arrived, begun, entry, hash_of, joining, network_with},
};
use secp256k1::SecretKey;
use serde_json::{Value, json};

const CHAIN_ID: u64 = 7305;
/// Blocks of an epoch: ten seconds when nothing waits.
const EPOCH: &str = "20";

/// Whoever pays and administers.
struct Rich {
    key: SecretKey,
    nonce: Cell<u64>,
    to: Address,
}

impl Rich {
    fn next(&self) -> u64 {
        let nonce = self.nonce.get();
        self.nonce.set(nonce + 1);
        nonce
    }

    /// One wei more, sent to this node.
    fn pay(&self, node: &Rpc) -> Result<()> {
        let raw = transfer(&self.key, CHAIN_ID, self.next(), self.to, 1);
        node.call("eth_sendRawTransaction", json!([raw]))?;
        Ok(())
    }

    fn schedule(&self, node: &Rpc, set: &[ValidatorEntry]) -> Result<()> {
        let next = set.iter().map(|v| ValidatorSet::Validator {
            vote: v.vote,
            network: v.network,
            endpoint: v.endpoint.clone(),
        });
        let call = ValidatorSet::scheduleCall {
            next: next.collect(),
        };
        let tx = TxEip1559 {
            chain_id: CHAIN_ID,
            nonce: self.next(),
            gas_limit: 5_000_000,
            max_fee_per_gas: 100_000_000_000,
            max_priority_fee_per_gas: 1,
            to: TxKind::Call(VALIDATOR_SET),
            input: call.abi_encode().into(),
            ..Default::default()
        };
        let raw = Bytes::from(sign_1559(&self.key, tx).encoded_2718());
        node.call("eth_sendRawTransaction", json!([raw]))?;
        Ok(())
    }

    /// Wei that `to` has once everything sent so far is final. What was scheduled moved none.
    fn paid(&self, scheduled: u64) -> u64 {
        self.nonce.get() - scheduled
    }
}

fn place() -> Result<Place> {
    Ok(Place {
        peers: free_address()?,
        rpc: free_address()?,
        within: None,
    })
}

fn status(node: &Rpc, field: &str) -> Result<u64> {
    let status = node.call("causeway_status", json!([]))?;
    let value: U256 = serde_json::from_value(status[field].clone()).context("a quantity")?;
    u64::try_from(value).context("a small quantity")
}

fn waits(node: &Rpc, what: &str, field: &str, value: u64) -> Result<()> {
    eventually(what, || {
        Ok((status(node, field).ok() == Some(value)).then_some(()))
    })
}

fn header(node: &Rpc, height: u64) -> Result<Value> {
    let block = json!([format!("{height:#x}"), false]);
    node.call("eth_getBlockByNumber", block)
}

/// Where a node keeps its ledger.
fn ledgers(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir.join("data/chains/story/data"));
    let names = entries.into_iter().flatten().flatten();
    let is_ledger = |name: &std::ffi::OsString| name.to_string_lossy().ends_with(".redb");
    names.filter(|entry| is_ledger(&entry.file_name())).count()
}

#[test]
fn a_fifth_process_joins_from_a_snapshot_validates_leaves_and_reads_on() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let rich = Rich {
        key: test_key("join from snapshot"),
        nonce: Cell::new(0),
        to: Address::repeat_byte(9),
    };
    let places = (0..4).map(|_| place()).collect::<Result<Vec<_>>>()?;
    let mut four = network_with(
        dir.path(),
        CHAIN_ID,
        address_of(&rich.key),
        places,
        &["--epoch-blocks", EPOCH],
        "snapshot_every_epochs = 1",
    )?;
    for validator in &mut four {
        validator.start()?;
    }
    let first = four[0].client()?;
    let second = four[1].client()?;
    begun(&first)?;
    rich.pay(&first)?;
    eventually("a snapshot", || {
        let answer = first.call("causeway_getSnapshot", json!([]))?;
        Ok((!answer.is_null()).then_some(()))
    })?;

    // One byte of one piece is changed on the way: it is refused by name, and nothing is begun.
    let tampering = TamperingNode::before(&four[0].url(), "causeway_getSnapshotPiece")?;
    let mut victim = joining(
        dir.path(),
        "victim",
        CHAIN_ID,
        &four[0],
        place()?,
        &[tampering.url()],
    )?;
    victim.start_with(&["--snapshot", tampering.url()])?;
    let refused = victim.ended()?;
    ensure!(!refused.success(), "it began with a changed snapshot");
    let said = victim.log()?;
    ensure!(said.contains("of the snapshot hashes to"), "{said}");
    ensure!(ledgers(&victim.dir) == 0, "half a ledger was left");

    // The fifth joins while transactions go on.
    let sources = [four[0].url(), four[1].url()];
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    let mut fifth = joining(dir.path(), "fifth", CHAIN_ID, &four[0], place()?, &sources)?;
    fifth.start_with(&["--snapshot", sources[0]])?;
    let reader = fifth.client()?;
    eventually("the fifth answers", || {
        rich.pay(&first)?;
        Ok(reader.height().ok())
    })?;
    ensure!(status(&reader, "oldestBlock")? > 1, "it began with genesis");
    ensure!(status(&reader, "validates")? == 0, "it validates already");
    for node in [&first, &reader, &second, &reader] {
        rich.pay(node)?;
    }
    arrived(&reader, rich.to, rich.paid(0))?;
    arrived(&first, rich.to, rich.paid(0))?;
    let height = reader.height()?;
    let (mine, theirs) = (header(&reader, height)?, header(&first, height)?);
    ensure!(mine["stateRoot"] == theirs["stateRoot"], "{mine} {theirs}");
    ensure!(mine["hash"] == theirs["hash"], "{mine} {theirs}");
    let gone = header(&reader, 3).err().context("it has block 3")?;
    ensure!(gone.to_string().contains("pruned history"), "{gone}");

    // Voted in, it signs: with the fourth killed, four of five are just a quorum.
    let genesis: Vec<ValidatorEntry> = four.iter().map(entry).collect::<Result<_>>()?;
    let mut grown = genesis.clone();
    grown.push(entry(&fifth)?);
    rich.schedule(&first, &grown)?;
    waits(&reader, "the fifth has its seat", "validates", 1)?;
    four[3].kill()?;
    rich.pay(&second)?;
    arrived(&first, rich.to, rich.paid(1))?;
    eventually("its signature", || {
        let proof = first.call("causeway_getFinalityCertificate", json!(["latest"]))?;
        let signers = proof["certificate"]["signers"].as_array();
        Ok(signers.filter(|s| s.contains(&json!(4))).map(|_| ()))
    })?;

    // It comes back to its seat after kill -9, without a snapshot: it has a ledger.
    fifth.kill()?;
    fifth.start()?;
    rich.pay(&second)?;
    arrived(&first, rich.to, rich.paid(1))?;

    // Voted out, it reads on in the same process.
    four[3].start()?;
    let fourth = four[3].client()?;
    arrived(&fourth, rich.to, rich.paid(1))?;
    rich.schedule(&second, &genesis)?;
    waits(&reader, "the fifth has lost its seat", "validates", 0)?;
    rich.pay(&reader)?;
    arrived(&fourth, rich.to, rich.paid(2))?;
    arrived(&reader, rich.to, rich.paid(2))?;
    let height = reader.height()?;
    eventually("the fourth is as far", || {
        Ok((fourth.height()? >= height).then_some(()))
    })?;
    ensure!(
        hash_of(&reader, height)? == hash_of(&fourth, height)?,
        "two chains"
    );
    for validator in four.iter_mut().chain([&mut fifth]) {
        let ended = validator.stop()?;
        ensure!(ended.success(), "{}", validator.log()?);
    }
    Ok(())
}

#[test]
fn a_key_that_is_not_in_the_genesis_needs_sources() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let rich = address_of(&test_key("nobody"));
    let places = (0..4).map(|_| place()).collect::<Result<Vec<_>>>()?;
    let four = network_with(dir.path(), CHAIN_ID, rich, places, &[], "")?;
    let mut stranger: Validator =
        joining(dir.path(), "stranger", CHAIN_ID, &four[0], place()?, &[])?;

    stranger.start()?;
    let ended = stranger.ended()?;

    let said = stranger.log()?;
    ensure!(
        !ended.success() && said.contains("hosted.story.sources"),
        "{said}"
    );
    Ok(())
}
