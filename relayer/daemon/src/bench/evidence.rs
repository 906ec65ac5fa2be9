//! Evidence files: how long each kind is and how long its check takes, beside the bare work of it in the same run, which is to
//! recover the signer of every signature and to hash every node, header and the file.
//!
//! The chain is real: seven validators with short epochs, so that there are handovers.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_primitives::{B256, Bytes, keccak256};
use anyhow::{Context as _, ensure};
use causeway_adapter_api::{Chain, ChainId, ContractReader as _, Height, HeightRange, TxId};
use causeway_adapter_hosted::{adapter::HostedChain, spec::FeePolicy};
use causeway_evidence::{
    Chains,
    file::{Body, Fact, Finality, Slot},
    verify,
};
use clap::Args;
use secp256k1::{
    Message, SECP256K1,
    ecdsa::{RecoverableSignature, RecoveryId},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    chains::{Hosted, spec, validators},
    load::set_up,
    work::{CHAIN_ID, Work, Workload},
};
use crate::evidence::{Collector, Part, Subject};

/// Options of `causeway bench evidence`.
#[derive(Args, Clone, Debug)]
pub struct EvidenceBench {
    /// Epochs of which the longest file carries the handovers.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    epochs: u64,
    /// Blocks of an epoch.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(20..=10_000))]
    epoch_blocks: u64,
    /// Times each file is checked.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
}

#[derive(Debug, Serialize)]
struct Found {
    bench: &'static str,
    validators: usize,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    what: String,
    handovers: usize,
    items: usize,
    signatures: usize,
    bytes: usize,
    verified_ms: f64,
    bare_ms: f64,
}

const VALIDATORS: usize = 7;
/// Accounts that get points: as many transactions with an event each.
const ACCOUNTS: u64 = 16;
/// Longest the chain may take for its epochs.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// Runs it.
///
/// # Errors
/// Fails when the chain does not start, or a file that it made does not verify.
pub async fn evidence(options: EvidenceBench, json: bool) -> anyhow::Result<()> {
    // Installed already by another client of this process: that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let workload = Workload::new(Work::Erc20, ACCOUNTS);
    let validators = validators("evidence", VALIDATORS)?;
    let fee = FeePolicy::Eip1559 {
        initial_base_fee: 1_000_000_000,
    };
    let mut spec = Arc::unwrap_or_clone(spec("evidence", CHAIN_ID, fee, &workload, &validators));
    spec.epoch_length = options.epoch_blocks;
    spec.heartbeat_ms = 100;
    let dir = tempfile::tempdir().context("making a directory")?;
    eprintln!(
        "{VALIDATORS} validators, epochs of {} blocks ...",
        options.epoch_blocks
    );
    let hosted = Hosted::start(Arc::new(spec), validators, true, dir.path()).await?;
    set_up(&hosted.url, &workload).await?;
    let token = workload.first().1.create(0);
    let chain = HostedChain::new(hosted.node(), "evidence", token, Vec::new());
    let tip = hosted.node().ledger.tip().block().number();
    let range = HeightRange {
        from: Height(0),
        to: Height(tip),
    };
    let logs = chain.logs(&[token], range).await?;
    ensure!(logs.len() >= ACCOUNTS as usize, "too few events");
    let wanted = options.epochs * options.epoch_blocks + options.epoch_blocks;
    eprintln!("until block {wanted} ...");
    let mut blocks = hosted.node().ledger.watch_tip();
    let late = blocks.wait_for(|block| block.block().number() > wanted);
    let late = tokio::time::timeout(PATIENCE, late).await;
    late.context("the chain does not reach its epochs")??;
    // A transaction of a late epoch: its file has every handover from genesis on.
    let last = workload.transaction(1);
    let client = super::load::Client::new(&hosted.url)?;
    let sent = client.call("eth_sendRawTransaction", serde_json::json!([last.raw]));
    client
        .included(&sent.await?, Duration::from_millis(5))
        .await?;

    let collector = Collector::new(vec![Arc::new(chain) as Arc<dyn Chain>]);
    let known = collector.known().await?;
    let event = |tx, part| Subject {
        chain: ChainId(CHAIN_ID),
        tx,
        part,
    };
    let first = logs[0].tx;
    let many = |count: usize| -> Vec<Subject> {
        let logs = logs.iter().take(count);
        logs.map(|log| event(log.tx, Part::Event(0))).collect()
    };
    let kinds = [
        ("an event", vec![event(first, Part::Event(0))]),
        (
            "a transaction and its events",
            vec![event(first, Part::Whole)],
        ),
        ("the events of 4 transactions", many(4)),
        ("the events of 16 transactions", many(16)),
        (
            "an event of the newest epoch",
            vec![event(TxId(last.hash), Part::Event(0))],
        ),
    ];
    let mut rows = Vec::new();
    for (what, subjects) in kinds {
        let file = collector.collect(what.into(), &subjects).await?;
        rows.push(row(what, &file, &known, options.rounds)?);
    }
    let found = Found {
        bench: "evidence",
        validators: VALIDATORS,
        rows,
    };
    print(&found, json)
}

fn row(what: &str, file: &[u8], known: &Chains, rounds: u32) -> anyhow::Result<Row> {
    let body = Body::decode(file)?;
    let report = verify(file, known);
    ensure!(report.first_broken().is_none(), "{what} does not verify");
    ensure!(
        report.proven.len() == body.items.len(),
        "{what} is not proved"
    );
    let began = Instant::now();
    for _ in 0..rounds {
        black_box(verify(black_box(file), known));
    }
    let verified = began.elapsed();
    let work = Bare::of(&body);
    let began = Instant::now();
    for _ in 0..rounds {
        work.run(black_box(file))?;
    }
    let bare = began.elapsed();
    let each = |all: Duration| all.as_secs_f64() * 1e3 / f64::from(rounds);
    Ok(Row {
        what: what.into(),
        handovers: body.chains.iter().map(|chain| chain.handovers.len()).sum(),
        items: body.items.len(),
        signatures: work.signatures.len(),
        bytes: file.len(),
        verified_ms: each(verified),
        bare_ms: each(bare),
    })
}

/// What nobody who checks a file can spare.
#[derive(Default)]
struct Bare {
    signatures: Vec<Bytes>,
    hashed: Vec<Bytes>,
}

impl Bare {
    fn of(body: &Body) -> Self {
        let mut all = Self::default();
        for chain in &body.chains {
            all.hashed.push(chain.genesis.clone());
            all.slot(&chain.founding.slot);
            for handover in &chain.handovers {
                all.finality(&handover.finality);
                all.slot(&handover.next.slot);
            }
        }
        for item in &body.items {
            all.finality(&item.finality);
            match &item.fact {
                Fact::Event { nodes, .. } | Fact::Transaction { nodes, .. } => {
                    all.hashed.extend(nodes.iter().cloned());
                }
                Fact::Slot(slot) => all.slot(slot),
            }
        }
        all
    }

    fn finality(&mut self, finality: &Finality) {
        self.signatures.extend(finality.signatures.iter().cloned());
        self.hashed.extend(finality.headers.iter().cloned());
    }

    fn slot(&mut self, slot: &Slot) {
        let nodes = slot.slot_nodes.iter().chain(&slot.account_nodes);
        self.hashed.extend(nodes.cloned());
    }

    /// Whose the signatures are over some digest: recovering the signer of another digest takes as long.
    fn run(&self, file: &[u8]) -> anyhow::Result<()> {
        black_box(Sha256::digest(file));
        let mut digest = B256::ZERO;
        for bytes in &self.hashed {
            digest = black_box(keccak256(bytes));
        }
        for raw in &self.signatures {
            let (last, compact) = raw.split_last().context("a signature")?;
            let recovery = RecoveryId::try_from(i32::from(last % 27))?;
            let signature = RecoverableSignature::from_compact(compact, recovery)?;
            let message = Message::from_digest(digest.0);
            // For a digest that was not signed there may be no key.
            if let Ok(key) = SECP256K1.recover_ecdsa(message, &signature) {
                black_box(keccak256(&key.serialize_uncompressed()[1..]));
            }
        }
        Ok(())
    }
}

fn print(found: &Found, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(found)?);
        return Ok(());
    }
    println!("| file | handovers | items | signatures | bytes | verified ms | bare ms | ratio |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for row in &found.rows {
        println!(
            "| {} | {} | {} | {} | {} | {:.2} | {:.2} | {:.2} |",
            row.what,
            row.handovers,
            row.items,
            row.signatures,
            row.bytes,
            row.verified_ms,
            row.bare_ms,
            row.verified_ms / row.bare_ms
        );
    }
    Ok(())
}
