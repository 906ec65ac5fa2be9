//! A log made again from its chain: a chain in this process with many events of one contract, and the event log over it, which
//! reads blocks, checks places, hashes and stores entries as a daemon does whose database was lost.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, TxKind, U256, hex};
use anyhow::{Context as _, ensure};
use causeway_adapter_api::{Chain, ChainId, Height};
use causeway_adapter_hosted::adapter::HostedChain;
use serde::Serialize;
use serde_json::json;

use super::{
    chains::Solo,
    load::Client,
    work::{CHAIN_ID, Work, Workload, sign},
};
use crate::{
    alarms::{AlarmConfig, Alarms},
    drive::{DriveConfig, Driver},
    eventlog::{LogConfig, LogHandle, LoggedChain},
    keys::Signers,
    store::{Store, StoreKey},
};

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    entries: u64,
    blocks: u64,
    per_second: f64,
    seconds_per_million: f64,
}

/// Events of one transaction.
const EVENTS: u64 = 100;
/// Emits so many events of three topics and 160 bytes, whatever it is called with: a loop that counts down.
const EMITTER: &str = "60645b6001900380808060a06000a38060025700";
/// Longest a log may take for all of them.
const PATIENCE: Duration = Duration::from_secs(3_600);

impl Found {
    pub(super) fn print(&self) {
        println!(
            "  made again from the chain           {:>10.0} /s, from {} blocks; a million in {:.1} s",
            self.per_second, self.blocks, self.seconds_per_million
        );
    }
}

/// Makes a chain with at least `entries` events, and the log of it twice: what is measured is the second time.
///
/// # Errors
/// Fails when the chain does not start, or the two logs have different roots.
pub(super) async fn measure(dir: &Path, entries: u64) -> anyhow::Result<Found> {
    // Installed already by another client of this process: that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let workload = Workload::new(Work::Native, 8);
    let solo = Solo::start(&workload, dir).await?;
    let transactions = entries.div_ceil(EVENTS);
    let emitter = fill(&solo, &workload, transactions).await?;
    let entries = transactions * EVENTS;
    let (first, _) = made(&solo, &dir.join("first.sqlite"), emitter, entries).await?;
    let (second, took) = made(&solo, &dir.join("second.sqlite"), emitter, entries).await?;
    ensure!(first == second, "the log was made again with another root");
    Ok(Found {
        entries,
        blocks: solo.node().ledger.tip().block().number(),
        per_second: entries as f64 / took.as_secs_f64(),
        seconds_per_million: took.as_secs_f64() * 1e6 / entries as f64,
    })
}

async fn fill(solo: &Solo, workload: &Workload, transactions: u64) -> anyhow::Result<Address> {
    let client = Client::new(solo.url())?;
    let (key, sender) = workload.first();
    // Copies what follows it and returns it.
    let code = format!("60{:02x}80600b6000396000f3{EMITTER}", EMITTER.len() / 2);
    let deploy = hex::decode(code)?.into();
    let deploy = sign(key, 0, TxKind::Create, U256::ZERO, deploy, 200_000);
    let hash = client
        .call("eth_sendRawTransaction", json!([deploy]))
        .await?;
    client.included(&hash, Duration::from_millis(5)).await?;
    let emitter = sender.create(0);
    for number in 1..=transactions {
        let call = sign(
            key,
            number,
            TxKind::Call(emitter),
            U256::ZERO,
            Vec::new().into(),
            600_000,
        );
        let hash = client.call("eth_sendRawTransaction", json!([call])).await?;
        // One block for each, as on a chain that is not busy.
        client.included(&hash, Duration::from_millis(1)).await?;
    }
    Ok(emitter)
}

/// Root of the chain's segment of a new log, and how long it took until it had all entries.
async fn made(
    solo: &Solo,
    path: &Path,
    emitter: Address,
    entries: u64,
) -> anyhow::Result<(B256, Duration)> {
    let chain = HostedChain::new(solo.node(), "bench", emitter, Vec::new());
    let chains: Vec<Arc<dyn Chain>> = vec![Arc::new(chain)];
    let store = Arc::new(Store::open(path, StoreKey::new([1; 32])).await?);
    // It drives nothing and reads no chain: the log alone is measured.
    let driver = Driver::start(DriveConfig::default(), Arc::clone(&store), Vec::new()).await?;
    let alarms = Alarms::start(AlarmConfig::default(), Arc::clone(&store))?;
    let config = LogConfig {
        chains: vec![LoggedChain {
            id: ChainId(CHAIN_ID),
            name: "bench".into(),
            contracts: vec![emitter],
            gateways: Vec::new(),
            start: Height(0),
            stale_after: u64::MAX,
        }],
        ..LogConfig::default()
    };
    let began = Instant::now();
    let log = LogHandle::start(
        config,
        store,
        driver.clone(),
        chains,
        Signers::default(),
        alarms.clone(),
    )
    .await?;
    let all = async {
        loop {
            let standings = log.standings().await;
            let found = standings.iter().find(|one| one.segment == CHAIN_ID);
            if found.is_some_and(|one| one.size >= entries) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let done = tokio::time::timeout(PATIENCE, all).await;
    done.context("the log does not get all entries")?;
    let took = began.elapsed();
    let root = log.proof(CHAIN_ID, 0, entries).await?.root;
    log.shutdown().await;
    alarms.shutdown().await;
    driver.shutdown().await;
    Ok((root, took))
}
