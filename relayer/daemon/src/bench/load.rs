//! Sends a pre-signed load through JSON-RPC and times each transaction until it is in a block.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use alloy_primitives::{B256, Bytes, bytes::Bytes as Body};
use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{
    target::Chain,
    work::{Signed, Workload},
};

/// Transactions per JSON-RPC batch.
const BATCH: usize = 50;
/// Connections that send.
const CONNECTIONS: usize = 4;
/// Load before the measurement begins.
pub(super) const WARM_UP: Duration = Duration::from_secs(2);
/// How long the last transactions are waited for once the load has stopped.
const DRAIN: Duration = Duration::from_secs(5);
/// How often the newest block is asked for.
const POLL: Duration = Duration::from_millis(5);
/// How often progress is told.
const PROGRESS: Duration = Duration::from_secs(2);

/// How much load is offered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Offer {
    /// As much as the chain takes, with this many transactions submitted and not in a block yet.
    Window(u32),
    /// This many transactions a second, whatever the chain does; the time of a transaction counts from when it was due.
    PerSecond(u32),
}

/// What one run of load came to.
pub(super) struct Measured {
    /// Transactions in a block a second, over the measured time.
    pub(super) per_second: f64,
    /// From submission, or when it was due, to being seen in a block; of all transactions submitted in the measured time.
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
    pub(super) transactions: usize,
    pub(super) blocks: u64,
    pub(super) refused: usize,
    /// Submitted in the measured time and in no block by the end.
    pub(super) lost: usize,
    /// Processor time a second of the chain's process, and of this one, which sends and watches.
    pub(super) chain_cores: f64,
    pub(super) load_cores: f64,
    /// Most memory the chain's process had.
    pub(super) chain_mb: f64,
}

/// Transactions in the order they are sent, and the requests that carry them.
pub(super) struct Load {
    batches: Arc<Vec<Batch>>,
}

struct Batch {
    transactions: Vec<Signed>,
    body: Body,
}

impl Load {
    /// Signs `count` transactions of the workload on all cores.
    ///
    /// # Errors
    /// Fails when a thread ends early.
    pub(super) fn sign(workload: &Workload, count: u64) -> anyhow::Result<Self> {
        let batches = usize::try_from(count)?.div_ceil(BATCH);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = batches.div_ceil(threads);
        let parts: Vec<Vec<Batch>> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads)
                .map(|t| {
                    let range = (t * share).min(batches)..((t + 1) * share).min(batches);
                    scope.spawn(move || range.map(|i| Batch::sign(workload, i)).collect())
                })
                .collect();
            running
                .into_iter()
                .map(|thread| thread.join().ok().context("a signing thread panicked"))
                .collect::<anyhow::Result<_>>()
        })?;
        Ok(Self {
            batches: Arc::new(parts.into_iter().flatten().collect()),
        })
    }

    /// All transactions, encoded.
    pub(super) fn raw(&self) -> Vec<Bytes> {
        let all = self.batches.iter().flat_map(|batch| &batch.transactions);
        all.map(|signed| signed.raw.clone()).collect()
    }
}

impl Batch {
    fn sign(workload: &Workload, index: usize) -> Self {
        let transactions: Vec<Signed> = (index * BATCH..(index + 1) * BATCH)
            .map(|i| workload.transaction(i))
            .collect();
        let body: Vec<Value> = transactions
            .iter()
            .enumerate()
            .map(|(id, tx)| json!({"jsonrpc": "2.0", "id": id, "method": "eth_sendRawTransaction", "params": [tx.raw]}))
            .collect();
        Self {
            transactions,
            body: Value::Array(body).to_string().into(),
        }
    }
}

/// A JSON-RPC client of one chain.
pub(super) struct Client {
    http: reqwest::Client,
    url: String,
}

#[derive(Deserialize)]
struct HashesOnly {
    transactions: Vec<B256>,
}

#[derive(Deserialize)]
struct Answer<T> {
    result: Option<T>,
    error: Option<Value>,
}

impl Client {
    pub(super) fn new(url: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .timeout(Duration::from_secs(30))
            .build()
            .context("making a client")?;
        Ok(Self {
            http,
            url: url.to_owned(),
        })
    }

    async fn post(&self, body: Body) -> anyhow::Result<Body> {
        let answer = self
            .http
            .post(&self.url)
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .context("sending a request")?;
        answer.bytes().await.context("reading an answer")
    }

    async fn ask<T: for<'a> Deserialize<'a>>(
        &self,
        method: &str,
        params: Value,
    ) -> anyhow::Result<Option<T>> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let answer = self.post(body.to_string().into()).await?;
        let answer: Answer<T> =
            serde_json::from_slice(&answer).with_context(|| format!("the answer to {method}"))?;
        match answer.error {
            Some(error) => bail!("{method}: {error}"),
            None => Ok(answer.result),
        }
    }

    /// Calls a method; a missing result is null.
    pub(super) async fn call(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        Ok(self.ask(method, params).await?.unwrap_or_default())
    }

    /// The newest final block's.
    pub(super) async fn height(&self) -> anyhow::Result<u64> {
        let height: Option<String> = self.ask("eth_blockNumber", json!([])).await?;
        let text = height.context("a height")?;
        u64::from_str_radix(text.trim_start_matches("0x"), 16).context("a height")
    }

    async fn hashes(&self, height: u64) -> anyhow::Result<Vec<B256>> {
        let params = json!([format!("{height:#x}"), false]);
        let block: Option<HashesOnly> = self.ask("eth_getBlockByNumber", params).await?;
        Ok(block
            .with_context(|| format!("block {height}"))?
            .transactions)
    }

    /// Waits until a transaction is in a block.
    pub(super) async fn included(&self, hash: &Value, poll: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        let asked = json!([hash]);
        while self
            .call("eth_getTransactionReceipt", asked.clone())
            .await?
            .is_null()
        {
            if Instant::now() > deadline {
                bail!("transaction {hash} is in no block after 30 s");
            }
            tokio::time::sleep(poll).await;
        }
        Ok(())
    }
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
        client
            .included(&last, POLL)
            .await
            .context("setting the work up")?;
    }
    Ok(())
}

/// What a panicking holder left behind is counts alone: they stay what they are.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What senders and observer share.
struct Shared {
    load: Arc<Vec<Batch>>,
    submitted: Mutex<HashMap<B256, Instant>>,
    window: Semaphore,
    stop: AtomicBool,
    refused: Mutex<(usize, Option<Value>)>,
}

impl Shared {
    fn note_submitted(&self, batch: &Batch, when: Instant) {
        let mut submitted = locked(&self.submitted);
        submitted.extend(batch.transactions.iter().map(|tx| (tx.hash, when)));
    }

    fn take_seen(&self, hashes: &[B256]) -> Vec<Instant> {
        let mut submitted = locked(&self.submitted);
        hashes.iter().filter_map(|h| submitted.remove(h)).collect()
    }

    fn waiting(&self, from: Instant, to: Instant) -> usize {
        let submitted = locked(&self.submitted);
        submitted
            .values()
            .filter(|when| (from..to).contains(*when))
            .count()
    }

    /// Counts the refused ones of a batch; the first reason is kept.
    fn note_answers(&self, answers: &[u8], batch: &Batch) -> anyhow::Result<()> {
        let answers: Value = serde_json::from_slice(answers).context("answers to a batch")?;
        let Some(all) = answers
            .as_array()
            .filter(|all| all.len() == batch.transactions.len())
        else {
            bail!("the chain refuses a whole batch: {answers}");
        };
        let mut bad = all.iter().filter_map(|answer| answer.get("error"));
        if let Some(first) = bad.next() {
            let mut refused = locked(&self.refused);
            refused.0 += 1 + bad.count();
            refused.1.get_or_insert_with(|| first.clone());
        }
        Ok(())
    }

    fn refused(&self) -> (usize, Option<Value>) {
        locked(&self.refused).clone()
    }
}

/// Sets up, warms up, measures.
///
/// # Errors
/// Fails when the chain stops answering, puts nothing of the load in a block, or uses the load up.
pub(super) async fn run(
    target: &impl Chain,
    workload: &Workload,
    load: &Load,
    offer: Offer,
    measured: Duration,
) -> anyhow::Result<Measured> {
    set_up(target.url(), workload).await?;
    // Read before anything is sent: a fast chain has the first transactions in a block before we look.
    let height = Client::new(target.url())?.height().await?;
    let window = match offer {
        Offer::Window(most) => most as usize,
        Offer::PerSecond(_) => Semaphore::MAX_PERMITS >> 1,
    };
    let shared = Arc::new(Shared {
        load: load.batches.clone(),
        submitted: Mutex::default(),
        window: Semaphore::new(window),
        stop: AtomicBool::new(false),
        refused: Mutex::default(),
    });
    let begin = Instant::now();
    let senders: Vec<_> = (0..CONNECTIONS)
        .map(|lane| {
            let sender = send(target.url().to_owned(), shared.clone(), lane, offer, begin);
            tokio::spawn(sender)
        })
        .collect();
    let result = observe(target, height, &shared, begin + WARM_UP, measured).await;
    shared.stop.store(true, Ordering::Relaxed);
    shared.window.close();
    let mut dry = false;
    for sender in senders {
        dry |= sender.await.context("a sender panicked")?? == Ended::Dry;
    }
    let result = result?;
    if dry {
        bail!("the load was used up before the end: prepare more of it");
    }
    if result.transactions == 0 {
        let (refused, reason) = shared.refused();
        let pool = Client::new(target.url())?
            .call("txpool_status", json!([]))
            .await?;
        bail!(
            "no transaction was in a block within the {} s measured; {refused} were refused ({}), the chain's pool: {pool}",
            measured.as_secs(),
            reason.unwrap_or_default()
        );
    }
    Ok(result)
}

#[derive(PartialEq, Eq)]
enum Ended {
    Stopped,
    Dry,
}

async fn send(
    url: String,
    shared: Arc<Shared>,
    lane: usize,
    offer: Offer,
    begin: Instant,
) -> anyhow::Result<Ended> {
    let client = Client::new(&url)?;
    for (index, batch) in shared.load.iter().enumerate() {
        if index % CONNECTIONS != lane {
            continue;
        }
        let when = match offer {
            Offer::Window(_) => {
                let Ok(room) = shared.window.acquire_many(BATCH as u32).await else {
                    return Ok(Ended::Stopped);
                };
                room.forget(); // given back when the transactions are seen in a block
                Instant::now()
            }
            Offer::PerSecond(rate) => {
                let due = begin
                    + Duration::from_secs_f64((index * BATCH) as f64 / f64::from(rate.max(1)));
                tokio::time::sleep_until(due.into()).await;
                due
            }
        };
        if shared.stop.load(Ordering::Relaxed) {
            return Ok(Ended::Stopped);
        }
        shared.note_submitted(batch, when);
        let answers = client.post(batch.body.clone()).await?;
        shared.note_answers(&answers, batch)?;
    }
    Ok(Ended::Dry)
}

async fn observe(
    target: &impl Chain,
    mut height: u64,
    shared: &Shared,
    begin: Instant,
    measured: Duration,
) -> anyhow::Result<Measured> {
    let client = Client::new(target.url())?;
    let end = begin + measured;
    let (mut latencies, mut final_in_time, mut blocks) = (Vec::new(), 0_usize, 0);
    let (mut before, mut after) = (None, None);
    let mut told = (begin, 0);
    loop {
        let now = Instant::now();
        if now >= begin && before.is_none() {
            before = Some((now, target.usage()?, super::target::usage("self")?));
        }
        if now >= end && after.is_none() {
            after = Some((now, target.usage()?, super::target::usage("self")?));
            shared.stop.store(true, Ordering::Relaxed);
        }
        if now >= end && (now >= end + DRAIN || shared.waiting(begin, end) == 0) {
            break;
        }
        if now >= told.0 + PROGRESS && now < end {
            let rate = (final_in_time - told.1) as f64 / now.duration_since(told.0).as_secs_f64();
            eprintln!(
                "  {:>3} s {rate:>7.0} tx/s",
                now.duration_since(begin).as_secs()
            );
            told = (now, final_in_time);
        }
        let newest = client.height().await?;
        if newest == height {
            tokio::time::sleep(POLL).await;
            continue;
        }
        for number in height + 1..=newest {
            let hashes = client.hashes(number).await?;
            let seen = Instant::now();
            let times = shared.take_seen(&hashes);
            shared.window.add_permits(times.len());
            if (begin..end).contains(&seen) {
                blocks += 1;
                final_in_time += times.len();
            }
            let counted = times.iter().filter(|sent| (begin..end).contains(*sent));
            latencies.extend(counted.map(|sent| seen.duration_since(*sent)));
        }
        height = newest;
    }
    let (Some(before), Some(after)) = (before, after) else {
        bail!("the measurement ended before it began");
    };
    latencies.sort_unstable();
    let quantile = |q: usize| {
        latencies
            .get(latencies.len().saturating_sub(1) * q / 100)
            .map_or(0.0, |d| d.as_secs_f64() * 1000.0)
    };
    let seconds = after.0.duration_since(before.0).as_secs_f64();
    Ok(Measured {
        per_second: final_in_time as f64 / measured.as_secs_f64(),
        p50_ms: quantile(50),
        p99_ms: quantile(99),
        max_ms: quantile(100),
        transactions: final_in_time,
        blocks,
        refused: shared.refused().0,
        lost: shared.waiting(begin, end),
        chain_cores: (after.1.cpu_seconds - before.1.cpu_seconds) / seconds,
        load_cores: (after.2.cpu_seconds - before.2.cpu_seconds) / seconds,
        chain_mb: after.1.peak_mb,
    })
}
