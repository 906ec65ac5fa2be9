//! How long a sample takes from the operators to a final answer on both chains.
//!
//! Everything runs as in the local profile: both chains, four operators with messages over mutual TLS, reports through their
//! accounts' lanes. The samples are in memory: what is left out is the device's way to the archives, and reading them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use alloy_primitives::{B256, Bytes, U256};
use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use causeway_adapter_api::{Action, Bump, Chain, ChainId, Height, Order};
use causeway_adapter_device::sink::SinkError;
use causeway_core::feed::{Millis, Sample};
use clap::Args;
use serde::Serialize;
use tokio::sync::broadcast::Receiver;

use crate::{
    config::{self, Source},
    contracts::{DEMO_DECIMALS, DEMO_FEED, finalised},
    daemon::Chains,
    drive::{DriveConfig, Driver, WallClock},
    hosting::Hosting,
    keys::Signers,
    local::OPERATORS,
    oracle::feeds::{
        FeedEnd, FeedNews, FeedSite, FeedsConfig, FeedsHandle, Operating, OperatorTls, Said,
        Samples,
    },
    store::{Store, StoreKey},
};

/// Longest a round may take before the measurement is given up.
const LIMIT: Duration = Duration::from_secs(60);
/// Shortest pause between rounds; the pauses grow by a step and start again, so that they fall everywhere between two
/// looks of an operator and two heartbeats of a chain.
const PAUSE: Duration = Duration::from_millis(300);
const PAUSE_STEP: Duration = Duration::from_millis(67);
const PAUSE_STEPS: u32 = 11;
/// The readings, in turn: further apart than the feed's deviation.
const READINGS: [i128; 2] = [400, 600];

/// Options of `causeway bench feed`.
#[derive(Args, Clone, Debug)]
pub struct FeedBench {
    /// Rounds that are measured.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    rounds: u32,
}

#[derive(Debug, Serialize)]
struct Found {
    bench: &'static str,
    cores: usize,
    operators: usize,
    rounds: u32,
    /// Pause between two looks of an operator at its samples.
    sample_every_ms: u128,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    what: String,
    p50_ms: f64,
    p95_ms: f64,
    max_ms: f64,
}

/// What every operator's devices say.
#[derive(Default)]
struct Shown(Mutex<Option<Sample>>);

#[async_trait]
impl Samples for Shown {
    async fn newest(&self, _feed: B256, since: Millis) -> Result<Vec<Sample>, SinkError> {
        let shown = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(shown
            .filter(|sample| sample.at >= since)
            .into_iter()
            .collect())
    }
}

/// Measures the rounds and prints what it found.
///
/// # Errors
/// Fails when a chain does not start, or a round takes longer than a minute.
pub async fn feed(options: FeedBench, json: bool) -> anyhow::Result<()> {
    let dir = tempfile::tempdir().context("making a directory")?;
    eprintln!("starting the pair and its contracts ...");
    let config = config::load(&Source {
        data_dir: Some(dir.path().join("data")),
        ..Source::default()
    })?;
    let chains = Chains::start(&config).await?;
    chains.deploy().await?;
    let public = chains.hosting("public").context("a public chain")?;
    let consortium = chains.hosting("consortium").context("a consortium chain")?;
    eprintln!("{} lone transactions on each chain ...", options.rounds);
    let mut rows = Vec::new();
    for hosting in [public, consortium] {
        let took = lone(&chains, hosting, options.rounds).await?;
        let what = format!("floor: a lone transaction final, {}", hosting.name);
        rows.push(Row::of(what, took));
    }
    let path = dir.path().join("bench.sqlite");
    let store = Arc::new(Store::open(&path, StoreKey::new([1; 32])).await?);
    let dynamic: Vec<Arc<dyn Chain>> = [public, consortium]
        .map(|hosting| Arc::clone(&hosting.chain) as Arc<dyn Chain>)
        .into();
    let drive = DriveConfig::default();
    let driver = Driver::start(drive, Arc::clone(&store), dynamic.clone()).await?;
    let shown = Arc::new(Shown::default());
    let told = told(&chains, &shown)?;
    let every = told.sample_every;
    let local = chains.local.as_ref().context("the local profile")?;
    let keys = OPERATORS.map(|name| local.keystore(name).open());
    let keys = keys.into_iter().collect::<Result<Vec<_>, _>>()?;
    let feeds = FeedsHandle::start(told, Signers::new(keys), store, driver.clone(), dynamic);
    let feeds = feeds.await?;
    eprintln!("{} rounds ...", options.rounds);
    rows.extend(rounds(&feeds, &shown, [public, consortium], options.rounds).await?);
    feeds.shutdown().await;
    driver.shutdown().await;
    chains.stop().await;
    let found = Found {
        bench: "feed",
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        operators: OPERATORS.len(),
        rounds: options.rounds,
        sample_every_ms: every.as_millis(),
        rows,
    };
    print(&found, json)
}

/// The local profile's feed with its four operators, all of whose devices say the same.
fn told(chains: &Chains, shown: &Arc<Shown>) -> anyhow::Result<FeedsConfig> {
    let at = chains.oracle().context("a feed")?;
    let local = chains.local.as_ref().context("the local profile")?;
    let end = |name: &str, aggregator| {
        let hosting = chains.hosting(name).context("a chain")?;
        anyhow::Ok(FeedEnd {
            chain: id(hosting),
            aggregator,
            start: Height(0),
        })
    };
    let ends = vec![
        end("public", at.feed_home)?,
        end("consortium", at.feed_twin)?,
    ];
    let operating = |(name, account): (&&str, _)| {
        Arc::new(Operating {
            name: (*name).to_owned(),
            account,
            samples: Arc::clone(shown) as Arc<dyn Samples>,
            listen: ([127, 0, 0, 1], 0).into(),
            tls: OperatorTls {
                ca: local.ca().join("ca.pem"),
                certificate: local.ca().join(format!("{name}.pem")),
                key: local.ca().join(format!("{name}.key")),
            },
        })
    };
    Ok(FeedsConfig {
        feeds: vec![FeedSite::new(DEMO_FEED, DEMO_DECIMALS, ends)],
        operators: OPERATORS
            .iter()
            .zip(chains.operators())
            .map(operating)
            .collect(),
        ..FeedsConfig::default()
    })
}

/// Empty transactions of the first operator, one after the other is final.
async fn lone(chains: &Chains, hosting: &Hosting, count: u32) -> anyhow::Result<Vec<f64>> {
    let chain = hosting.chain.as_ref() as &dyn Chain;
    let account = *chains.operators().first().context("an operator")?;
    let mut took = Vec::new();
    for index in 0..count {
        tokio::time::sleep(PAUSE + PAUSE_STEP * (index % PAUSE_STEPS)).await;
        let action = Action::Call {
            to: Some(account),
            value: U256::ZERO,
            data: Bytes::new(),
        };
        let order = Order { account, action };
        let begin = Instant::now();
        let nonce = chain.next_nonce(account).await?;
        let tx = chain.prepare(&order, nonce, Bump(0)).await?;
        chain.broadcast(&tx).await?;
        finalised(chain, tx.id).await?;
        took.push(milliseconds(begin));
    }
    Ok(took)
}

async fn rounds(
    feeds: &FeedsHandle,
    shown: &Shown,
    [public, consortium]: [&Hosting; 2],
    count: u32,
) -> anyhow::Result<Vec<Row>> {
    let mut news = feeds.subscribe();
    let wall = WallClock::default();
    let (mut home, mut twin, mut both) = (Vec::new(), Vec::new(), Vec::new());
    // The first answer comes with the start of everything: it is not measured.
    for index in 0..=count {
        tokio::time::sleep(PAUSE + PAUSE_STEP * (index % PAUSE_STEPS)).await;
        let value = READINGS
            .into_iter()
            .cycle()
            .nth(index as usize)
            .unwrap_or_default();
        let at = Millis(wall.millis());
        let begin = Instant::now();
        *shown.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Sample { value, at });
        let answered = answers(&mut news, value, begin);
        let [a, b] = tokio::time::timeout(LIMIT, answered)
            .await
            .with_context(|| format!("round {index} took longer than {LIMIT:?}"))??;
        let took = |chain| if a.0 == chain { a.1 } else { b.1 };
        let (a, b) = (took(id(public)), took(id(consortium)));
        if index > 0 {
            home.push(a);
            twin.push(b);
            both.push(a.max(b));
        }
    }
    Ok(vec![
        Row::of(format!("reading to final answer, {}", public.name), home),
        Row::of(
            format!("reading to final answer, {}", consortium.name),
            twin,
        ),
        Row::of("reading to final answer on both chains".into(), both),
    ])
}

/// The first answer of this value on each chain, and after how long it was read from a final block.
async fn answers(
    news: &mut Receiver<FeedNews>,
    value: i128,
    begin: Instant,
) -> anyhow::Result<[(ChainId, f64); 2]> {
    let mut first: Option<(ChainId, f64)> = None;
    loop {
        let told = news.recv().await.context("the feed goes on")?;
        let Said::Answered { value: got, .. } = told.fact.said else {
            continue;
        };
        let found = (told.chain, milliseconds(begin));
        match first {
            _ if got != value => {}
            None => first = Some(found),
            Some(first) if first.0 != found.0 => return Ok([first, found]),
            Some(_) => {}
        }
    }
}

impl Row {
    fn of(what: String, mut took: Vec<f64>) -> Self {
        took.sort_unstable_by(f64::total_cmp);
        let quantile = |q: usize| {
            let place = took.len().saturating_sub(1) * q / 100;
            took.get(place).copied().unwrap_or_default()
        };
        Self {
            what,
            p50_ms: quantile(50),
            p95_ms: quantile(95),
            max_ms: quantile(100),
        }
    }
}

fn id(hosting: &Hosting) -> ChainId {
    ChainId(hosting.node.spec().chain_id)
}

fn milliseconds(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1000.0
}

fn print(found: &Found, json: bool) -> anyhow::Result<()> {
    ensure!(!found.rows.is_empty(), "nothing was measured");
    if json {
        println!("{}", serde_json::to_string(found)?);
        return Ok(());
    }
    println!(
        "{} cores, {} operators, {} rounds, samples looked at every {} ms",
        found.cores, found.operators, found.rounds, found.sample_every_ms
    );
    println!("| what | p50 ms | p95 ms | longest ms |");
    println!("|---|---:|---:|---:|");
    for row in &found.rows {
        println!(
            "| {} | {:.0} | {:.0} | {:.0} |",
            row.what, row.p50_ms, row.p95_ms, row.max_ms
        );
    }
    Ok(())
}
