//! Sends a pre-signed load through JSON-RPC and times each transaction until it is in a block.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use alloy_consensus::TxEnvelope;
use alloy_eips::eip2718::Decodable2718 as _;
use alloy_primitives::{B256, Bytes};
use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore};

use super::work::Workload;

/// Nonce the accounts start from after the set-up; the first account's start is later.
pub(super) const SETUP_NONCE: u64 = 0;
/// Transactions per JSON-RPC batch.
const BATCH: usize = 50;
/// Connections that send.
const CONNECTIONS: usize = 4;
/// Load before the measurement begins.
const WARM_UP: Duration = Duration::from_secs(2);
/// Most transactions a second the load is prepared for.
const MOST_PER_SECOND: u64 = 30_000;
/// How often the newest block is asked for.
const POLL: Duration = Duration::from_millis(5);

/// What one run of load came to.
pub(super) struct Measured {
    pub(super) per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) transactions: usize,
    pub(super) blocks: u64,
    pub(super) refused: usize,
    pub(super) cpu_cores: f64,
    pub(super) rss_mb: f64,
}

struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    fn new(url: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .build()
            .context("making a client")?;
        Ok(Self {
            http,
            url: url.to_owned(),
        })
    }

    async fn post(&self, body: &Value) -> anyhow::Result<Value> {
        let answer = self
            .http
            .post(&self.url)
            .json(body)
            .send()
            .await
            .context("sending a request")?;
        answer.json().await.context("reading an answer")
    }

    async fn call(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        let answer = self
            .post(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
            .await?;
        match answer.get("result") {
            Some(result) => Ok(result.clone()),
            None => bail!("{method}: {}", answer["error"]),
        }
    }

    async fn height(&self) -> anyhow::Result<u64> {
        hex_u64(&self.call("eth_blockNumber", json!([])).await?)
    }

    async fn hashes(&self, height: u64) -> anyhow::Result<Vec<B256>> {
        let block = self
            .call(
                "eth_getBlockByNumber",
                json!([format!("{height:#x}"), false]),
            )
            .await?;
        serde_json::from_value(block["transactions"].clone())
            .context("transaction hashes of a block")
    }
}

fn hex_u64(value: &Value) -> anyhow::Result<u64> {
    let text = value.as_str().context("a quantity")?;
    u64::from_str_radix(text.trim_start_matches("0x"), 16).context("a quantity")
}

/// Deploys what the work needs and waits for it.
///
/// # Errors
/// Fails when the chain refuses it.
pub(super) async fn set_up(url: &str, workload: &Workload) -> anyhow::Result<()> {
    let client = Client::new(url)?;
    for raw in workload.set_up().chunks(200) {
        let mut last = Value::Null;
        for raw in raw {
            last = client.call("eth_sendRawTransaction", json!([raw])).await?;
        }
        let deadline = Instant::now() + Duration::from_secs(30);
        while client
            .call("eth_getTransactionReceipt", json!([last]))
            .await?
            .is_null()
        {
            if Instant::now() > deadline {
                bail!("the set-up is not in a block after 30 s");
            }
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(())
}

/// Sets up, warms up, measures.
///
/// # Errors
/// Fails when the chain stops answering.
pub(super) async fn run(
    url: &str,
    workload: &Workload,
    measured: Duration,
    window: usize,
) -> anyhow::Result<Measured> {
    set_up(url, workload).await?;
    let most = (WARM_UP + measured).as_secs() * MOST_PER_SECOND;
    let load = workload.transactions(SETUP_NONCE, usize::try_from(most)?);
    // Read before anything is sent: a fast chain has the first transactions in a block before we look.
    let height = Client::new(url)?.height().await?;
    let submitted: Arc<Mutex<HashMap<B256, Instant>>> = Arc::default();
    let window = Arc::new(Semaphore::new(window));
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..CONNECTIONS)
        .map(|lane| {
            let batches: Vec<Vec<Bytes>> = load
                .chunks(BATCH)
                .skip(lane)
                .step_by(CONNECTIONS)
                .map(<[Bytes]>::to_vec)
                .collect();
            tokio::spawn(send(
                url.to_owned(),
                batches,
                submitted.clone(),
                window.clone(),
                stop.clone(),
            ))
        })
        .collect();
    drop(load);
    let result = observe(url, height, &submitted, &window, measured).await;
    stop.store(true, Ordering::Relaxed);
    window.close();
    let mut refused = 0;
    for sender in senders {
        refused += sender.await.context("a sender panicked")??;
    }
    Ok(Measured { refused, ..result? })
}

async fn send(
    url: String,
    batches: Vec<Vec<Bytes>>,
    submitted: Arc<Mutex<HashMap<B256, Instant>>>,
    window: Arc<Semaphore>,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<usize> {
    let client = Client::new(&url)?;
    let mut refused = 0;
    for batch in batches {
        let Ok(room) = window.acquire_many(u32::try_from(batch.len())?).await else {
            break;
        };
        if stop.load(Ordering::Relaxed) {
            break;
        }
        room.forget(); // given back when the transactions are seen in a block
        let body: Vec<Value> = batch
            .iter()
            .enumerate()
            .map(|(id, raw)| json!({"jsonrpc": "2.0", "id": id, "method": "eth_sendRawTransaction", "params": [raw]}))
            .collect();
        let now = Instant::now();
        {
            let mut submitted = submitted.lock().await;
            for raw in &batch {
                let tx =
                    TxEnvelope::decode_2718(&mut raw.as_ref()).context("our own transaction")?;
                submitted.insert(*tx.tx_hash(), now);
            }
        }
        let answers = client.post(&Value::Array(body)).await?;
        if answers
            .as_array()
            .is_none_or(|all| all.len() != batch.len())
        {
            bail!("the chain refuses a whole batch: {answers}");
        }
        let bad: Vec<&Value> = answers
            .as_array()
            .into_iter()
            .flatten()
            .filter(|a| a.get("error").is_some())
            .collect();
        if let Some(first) = bad.first()
            && refused == 0
        {
            eprintln!("  refused: {}", first["error"]);
        }
        refused += bad.len();
    }
    Ok(refused)
}

async fn observe(
    url: &str,
    mut height: u64,
    submitted: &Mutex<HashMap<B256, Instant>>,
    window: &Semaphore,
    measured: Duration,
) -> anyhow::Result<Measured> {
    let client = Client::new(url)?;
    let begin = Instant::now() + WARM_UP;
    let end = begin + measured;
    let (mut latencies, mut blocks) = (Vec::new(), 0);
    let mut cpu = None;
    while Instant::now() < end {
        let newest = client.height().await?;
        if newest == height {
            tokio::time::sleep(POLL).await;
            continue;
        }
        for number in height + 1..=newest {
            let hashes = client.hashes(number).await?;
            let seen = Instant::now();
            let mut waiting = submitted.lock().await;
            let times: Vec<Instant> = hashes
                .iter()
                .filter_map(|hash| waiting.remove(hash))
                .collect();
            window.add_permits(times.len());
            if seen >= begin && seen < end {
                cpu.get_or_insert_with(cpu_seconds);
                blocks += 1;
                latencies.extend(times.iter().map(|sent| seen.duration_since(*sent)));
            }
        }
        height = newest;
    }
    let used = cpu.map_or(0.0, |before| cpu_seconds() - before);
    latencies.sort_unstable();
    let quantile = |q: usize| {
        latencies
            .get(latencies.len().saturating_sub(1) * q / 100)
            .map_or(0.0, |d| d.as_secs_f64() * 1000.0)
    };
    Ok(Measured {
        per_second: latencies.len() as f64 / measured.as_secs_f64(),
        p50_ms: quantile(50),
        p99_ms: quantile(99),
        transactions: latencies.len(),
        blocks,
        refused: 0,
        cpu_cores: used / measured.as_secs_f64(),
        rss_mb: rss_mb(),
    })
}

/// Processor time of this process so far, from `/proc/self/stat` (fields 14 and 15, hundredths of a second).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse::<u64>().ok())
        .sum();
    ticks as f64 / 100.0
}

/// Resident memory of this process, from `/proc/self/statm`.
pub(super) fn rss_mb() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm
        .split_whitespace()
        .nth(1)
        .and_then(|p| p.parse().ok())
        .unwrap_or(0);
    pages as f64 * 4096.0 / 1e6
}
