//! The pair of chains at rest: its start, what it costs, and how fast a lone transaction is final.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use causeway_adapter_hosted::spec::FeePolicy;
use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::{
    chains::{Hosted, spec, validators},
    load::Client,
    target::usage,
    work::{CHAIN_ID, Work, Workload},
};

/// Validators of the public chain and of the consortium chain.
const PUBLIC: usize = 7;
const CONSORTIUM: usize = 4;
/// Time between the first blocks and the idle measurement.
const SETTLE: Duration = Duration::from_secs(2);
/// How often a lone transaction's receipt is asked for: the resolution of its latency.
const POLL: Duration = Duration::from_millis(2);
/// Shortest pause between lone transactions. The pauses grow by a step and start again, so that they fall everywhere
/// between two heartbeats.
const PAUSE: Duration = Duration::from_millis(60);
const PAUSE_STEP: Duration = Duration::from_millis(37);
const PAUSE_STEPS: u32 = 11;

/// Options of `causeway bench pair`.
#[derive(Args, Clone, Debug)]
pub struct PairBench {
    /// Seconds the pair is left alone.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    idle_seconds: u64,
    /// Lone transactions, one after the other is final.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(10..=10_000))]
    transactions: u32,
}

#[derive(Debug, Serialize)]
struct Found {
    bench: &'static str,
    cores: usize,
    start: Start,
    idle: Idle,
    lone: Lone,
}

/// Both chains from an empty directory to a final block each.
#[derive(Debug, Serialize)]
struct Start {
    public_ms: f64,
    consortium_ms: f64,
    goal_ms: f64,
}

#[derive(Debug, Serialize)]
struct Idle {
    seconds: u64,
    cores: f64,
    goal_cores: f64,
    rss_mb: f64,
    goal_mb: f64,
}

/// Native transfers on the public chain while nothing else happens.
#[derive(Debug, Serialize)]
struct Lone {
    transactions: u32,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    goal_p99_ms: f64,
}

/// Measures the pair and prints what it found.
///
/// # Errors
/// Fails when a chain does not start or does not take a transaction.
pub async fn pair(options: PairBench, json: bool) -> anyhow::Result<()> {
    // Installed already by another client of this process: that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let workload = Workload::new(Work::Native, 8);
    let dir = tempfile::tempdir().context("making a directory")?;
    eprintln!("starting {PUBLIC} and {CONSORTIUM} validators ...");
    let fee = FeePolicy::Eip1559 {
        initial_base_fee: 1_000_000_000,
    };
    let start = |name: &'static str, chain_id, fee, count| {
        let (workload, dir) = (&workload, dir.path().join(name));
        async move {
            let validators = validators(name, count)?;
            let spec = spec(name, chain_id, fee, workload, &validators);
            Hosted::start(spec, validators, true, &dir).await
        }
    };
    let (public, consortium) = tokio::try_join!(
        start("public", CHAIN_ID, fee, PUBLIC),
        start("consortium", CHAIN_ID + 1, FeePolicy::Free, CONSORTIUM),
    )?;
    tokio::time::sleep(SETTLE).await;
    eprintln!("idle for {} s ...", options.idle_seconds);
    let (begin, before) = (Instant::now(), usage("self")?);
    tokio::time::sleep(Duration::from_secs(options.idle_seconds)).await;
    let after = usage("self")?;
    let idle = Idle {
        seconds: options.idle_seconds,
        cores: (after.cpu_seconds - before.cpu_seconds) / begin.elapsed().as_secs_f64(),
        goal_cores: 0.1,
        rss_mb: after.rss_mb,
        goal_mb: 300.0,
    };
    eprintln!("{} lone transactions ...", options.transactions);
    let found = Found {
        bench: "pair",
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        start: Start {
            public_ms: public.start_ms,
            consortium_ms: consortium.start_ms,
            goal_ms: 2_000.0,
        },
        idle,
        lone: lone(&public.url, &workload, options.transactions).await?,
    };
    print(&found, json)
}

async fn lone(url: &str, workload: &Workload, count: u32) -> anyhow::Result<Lone> {
    let client = Client::new(url)?;
    let mut took = Vec::new();
    for index in 0..count {
        tokio::time::sleep(PAUSE + PAUSE_STEP * (index % PAUSE_STEPS)).await;
        let signed = workload.transaction(index as usize);
        let begin = Instant::now();
        let hash = client
            .call("eth_sendRawTransaction", json!([signed.raw]))
            .await?;
        client.included(&hash, POLL).await?;
        took.push(begin.elapsed().as_secs_f64() * 1000.0);
        if index % 50 == 49 {
            eprintln!("  {} of {count}", index + 1);
        }
    }
    took.sort_unstable_by(f64::total_cmp);
    let quantile = |q: usize| {
        took.get(took.len().saturating_sub(1) * q / 100)
            .copied()
            .unwrap_or_default()
    };
    Ok(Lone {
        transactions: count,
        p50_ms: quantile(50),
        p99_ms: quantile(99),
        max_ms: quantile(100),
        goal_p99_ms: 200.0,
    })
}

fn print(found: &Found, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(found)?);
        return Ok(());
    }
    let Found {
        start, idle, lone, ..
    } = found;
    println!(
        "{} cores, {PUBLIC} and {CONSORTIUM} validators",
        found.cores
    );
    println!("| what | measured | goal |");
    println!("|---|---:|---:|");
    let row = |what: &str, got: String, goal: String| println!("| {what} | {got} | {goal} |");
    let start_goal = format!("{:.0} ms", start.goal_ms);
    row(
        "start to first final block, public",
        format!("{:.0} ms", start.public_ms),
        start_goal.clone(),
    );
    row(
        "start to first final block, consortium",
        format!("{:.0} ms", start.consortium_ms),
        start_goal,
    );
    row(
        "idle, processor",
        format!("{:.3} cores", idle.cores),
        format!("{} cores", idle.goal_cores),
    );
    row(
        "idle, resident memory",
        format!("{:.0} MB", idle.rss_mb),
        format!("{:.0} MB", idle.goal_mb),
    );
    row(
        "lone transaction final, p50",
        format!("{:.0} ms", lone.p50_ms),
        String::new(),
    );
    row(
        "lone transaction final, p99",
        format!("{:.0} ms", lone.p99_ms),
        format!("{:.0} ms", lone.goal_p99_ms),
    );
    row(
        "lone transaction final, longest",
        format!("{:.0} ms", lone.max_ms),
        String::new(),
    );
    Ok(())
}
