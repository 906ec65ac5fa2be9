//! A chain over several hosts: every validator a process with an address of its own, with delay between them.
//!
//! Hosts are network namespaces of this machine, so they share its processors: more validators are slower here because there are
//! more of them to run, and that is not what they would be on hosts of their own. What each costs, and what delay, a lost
//! validator and a cut line do, is what this tells.

mod hosts;
mod line;
mod nodes;

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde::Serialize;

use self::{
    hosts::Hosts,
    nodes::{Nodes, PATIENCE, lone},
};
use super::{
    MOST_PER_SECOND,
    load::{self, Load, Offer},
    work::{Work, Workload},
};

/// A transaction is sent this often while a long chain is made: about one for each block.
const BEAT: Duration = Duration::from_millis(15);
/// How long the line is cut.
const CUT: Duration = Duration::from_secs(5);
/// Time for what is on its way when the line is cut to be known.
const SETTLE: Duration = Duration::from_secs(1);

/// Options of `causeway bench network`.
#[derive(Args, Clone, Debug)]
pub struct NetworkBench {
    /// Validators, one row for each with each delay.
    #[arg(long, value_delimiter = ',', default_value = "4,7,13", value_parser = clap::value_parser!(u8).range(4..=101))]
    validators: Vec<u8>,
    /// Delay between each two hosts, one way, in milliseconds.
    #[arg(long, value_delimiter = ',', default_value = "0,20,100", value_parser = clap::value_parser!(u64).range(0..=2_000))]
    delay_ms: Vec<u64>,
    /// Seconds of load per row, after two seconds of warm-up.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// What the load does.
    #[arg(long, default_value = "erc20")]
    work: Work,
    /// Accounts that send.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u64).range(8..=10_000))]
    accounts: u64,
    /// Transactions submitted and not final yet, at most.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(50..=100_000))]
    window: u32,
    /// Transactions a second offered instead, whatever the chain does: to see what each validator costs as they grow.
    #[arg(long, value_parser = clap::value_parser!(u32).range(50..=30_000))]
    pace: Option<u32>,
    /// Lone transactions, one after the other is final.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(3..=1_000))]
    lone: u32,
    /// Blocks that a validator without anything catches up, on a chain of the first number of validators without delay; 0: none.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(0..=10_000_000))]
    join_blocks: u64,
    /// Leaves out what is lost and cut: only the load is measured.
    #[arg(long)]
    load_only: bool,
    /// Set when started once more, in a network of its own.
    #[arg(long, hide = true)]
    inside: bool,
}

/// One number of validators with one delay.
#[derive(Debug, Default, Serialize)]
struct Row {
    validators: u8,
    delay_ms: u64,
    start_ms: f64,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    refused: usize,
    lost: usize,
    /// All validators together, and the mean of one.
    cores: f64,
    node_cores: f64,
    node_peak_mb: f64,
    /// What went over the line, a second of load.
    line_mb_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    faults: Option<Faults>,
    /// Frames that found the line's queues full.
    dropped: u64,
}

/// What happens when something is lost.
#[derive(Debug, Serialize)]
struct Faults {
    lone_p50_ms: f64,
    lone_p99_ms: f64,
    /// The first transaction after a validator was killed.
    killed_first_ms: f64,
    killed_p50_ms: f64,
    killed_p99_ms: f64,
    /// From its start to having the block that was newest then.
    back_ms: f64,
    /// From mending a line that left neither side a quorum to the first block at both.
    healed_ms: f64,
}

/// A validator that joined with nothing.
#[derive(Debug, Serialize)]
struct Joined {
    validators: u8,
    blocks: u64,
    seconds: f64,
    blocks_per_second: f64,
}

#[derive(Debug, Serialize)]
struct Found {
    bench: &'static str,
    cores: usize,
    seconds: u64,
    work: String,
    offered: String,
    rows: Vec<Row>,
    #[serde(skip_serializing_if = "Option::is_none")]
    joined: Option<Joined>,
}

/// Runs the bench and prints its report.
///
/// # Errors
/// Fails where this machine allows no network namespaces, and when a row cannot be measured.
pub async fn network(options: NetworkBench, json: bool) -> anyhow::Result<()> {
    if !options.inside {
        return once_more();
    }
    // Installed already by another client of this process: that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    hosts::prepare()?;
    let workload = Workload::new(options.work, options.accounts);
    let per_second = options.pace.map_or(MOST_PER_SECOND, u64::from);
    // More than is sent: a sender that runs out of load is an error.
    let count = (load::WARM_UP.as_secs() + options.seconds + 10) * per_second;
    eprintln!("signing {count} transactions ...");
    let load = Load::sign(&workload, count)?;
    let mut rows = Vec::new();
    for delay in &options.delay_ms {
        for validators in &options.validators {
            eprintln!("{validators} validators, {delay} ms ...");
            let row = row(&options, *validators, *delay, &workload, &load)
                .await
                .with_context(|| format!("{validators} validators, {delay} ms"))?;
            rows.push(row);
        }
    }
    let joined = match options.validators.first() {
        Some(validators) if options.join_blocks > 0 => {
            Some(join(*validators, options.join_blocks).await?)
        }
        _ => None,
    };
    let found = Found {
        bench: "network",
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        seconds: options.seconds,
        work: options.work.to_string(),
        offered: options
            .pace
            .map_or_else(|| format!("{} open", options.window), |p| format!("{p}/s")),
        rows,
        joined,
    };
    print(&found, json)
}

/// Starts this very command in a network of its own.
fn once_more() -> anyhow::Result<()> {
    let status = hosts::outer()?
        .arg(std::env::current_exe().context("finding this program")?)
        .args(std::env::args_os().skip(1))
        .arg("--inside")
        .status()
        .context("starting in a network of its own")?;
    if !status.success() {
        bail!("the bench in a network of its own: {status}");
    }
    Ok(())
}

async fn row(
    options: &NetworkBench,
    validators: u8,
    delay_ms: u64,
    workload: &Workload,
    load: &Load,
) -> anyhow::Result<Row> {
    let dir = tempfile::tempdir().context("making a directory")?;
    let hosts = Hosts::new(validators, Duration::from_millis(delay_ms))?;
    // One account more than the load has: lone transactions are its.
    let people = Workload::new(Work::Native, options.accounts + 1);
    let places = hosts.places().collect();
    let mut nodes = Nodes::new(dir.path(), places, &people).await?;
    let start = nodes.start().await?;
    for node in &mut nodes.all {
        node.reaches(1).await?;
    }
    let mut lonely = Lonely {
        people,
        sent: 0,
        accounts: options.accounts,
    };
    let faults = if options.load_only {
        None
    } else {
        Some(faults(options.lone, &hosts, &mut nodes, &mut lonely).await?)
    };
    let offer = options
        .pace
        .map_or(Offer::Window(options.window), Offer::PerSecond);
    let seconds = Duration::from_secs(options.seconds);
    let (bytes, begin) = (hosts.line.bytes(), Instant::now());
    let measured = load::run(&nodes, workload, load, offer, seconds).await?;
    let took = begin.elapsed().as_secs_f64();
    let count = f64::from(validators);
    Ok(Row {
        validators,
        delay_ms,
        start_ms: ms(start),
        per_second: measured.per_second,
        p50_ms: measured.p50_ms,
        p99_ms: measured.p99_ms,
        refused: measured.refused,
        lost: measured.lost,
        cores: measured.chain_cores,
        node_cores: measured.chain_cores / count,
        node_peak_mb: measured.chain_mb / count,
        line_mb_per_second: (hosts.line.bytes() - bytes) as f64 / 1e6 / took,
        faults,
        dropped: hosts.line.dropped(),
    })
}

/// Lone transactions of an account that the load does not have.
struct Lonely {
    people: Workload,
    accounts: u64,
    sent: u64,
}

impl Lonely {
    async fn send(&mut self, nodes: &Nodes) -> anyhow::Result<Duration> {
        let place = self.sent * (self.accounts + 1) + self.accounts;
        self.sent += 1;
        let place = usize::try_from(place)?;
        lone(&nodes.first()?.client, &self.people, place).await
    }

    async fn many(&mut self, nodes: &Nodes, count: u32) -> anyhow::Result<Vec<f64>> {
        let mut took = Vec::new();
        for _ in 0..count {
            took.push(ms(self.send(nodes).await?));
        }
        Ok(took)
    }
}

async fn faults(
    count: u32,
    hosts: &Hosts,
    nodes: &mut Nodes,
    lonely: &mut Lonely,
) -> anyhow::Result<Faults> {
    eprintln!("  {count} lone transactions ...");
    let alone = lonely.many(nodes, count).await?;
    eprintln!("  a validator is killed ...");
    nodes.last()?.kill().await?;
    let killed = lonely.many(nodes, count).await?;
    let newest = nodes.first()?.client.height().await?;
    let begin = Instant::now();
    nodes.last()?.start()?;
    nodes.last()?.reaches(newest).await?;
    let back = begin.elapsed();
    eprintln!("  the line is cut for {CUT:?} ...");
    let healed = cut(hosts, nodes).await?;
    Ok(Faults {
        lone_p50_ms: quantile(&alone, 50),
        lone_p99_ms: quantile(&alone, 99),
        killed_first_ms: killed.first().copied().unwrap_or_default(),
        killed_p50_ms: quantile(&killed, 50),
        killed_p99_ms: quantile(&killed, 99),
        back_ms: ms(back),
        healed_ms: ms(healed),
    })
}

/// Cuts the line in the middle, mends it, and waits for a block at both ends.
async fn cut(hosts: &Hosts, nodes: &mut Nodes) -> anyhow::Result<Duration> {
    hosts.line.cut(u8::try_from(nodes.all.len() / 2)?)?;
    tokio::time::sleep(SETTLE).await;
    let halted = nodes.first()?.client.height().await?;
    tokio::time::sleep(CUT).await;
    let (west, east) = (
        nodes.first()?.client.height().await?,
        nodes.last()?.client.height().await?,
    );
    ensure!(
        west == halted && east <= halted,
        "blocks without a quorum: {halted}, then {west} and {east}"
    );
    hosts.line.mend();
    let begin = Instant::now();
    nodes.first_mut()?.reaches(halted + 1).await?;
    nodes.last()?.reaches(halted + 1).await?;
    Ok(begin.elapsed())
}

/// A long chain of small blocks, and a validator that starts with nothing while the chain goes on.
async fn join(validators: u8, blocks: u64) -> anyhow::Result<Joined> {
    eprintln!("a chain of {blocks} blocks, for a validator that joins ...");
    let dir = tempfile::tempdir().context("making a directory")?;
    let hosts = Hosts::new(validators, Duration::ZERO)?;
    let people = Workload::new(Work::Native, 1);
    let places = hosts.places().collect();
    let mut nodes = Nodes::new(dir.path(), places, &people).await?;
    nodes.start().await?;
    nodes.last()?.reaches(1).await?;
    nodes.last()?.kill().await?;
    nodes.last()?.forget()?;
    let (mut height, mut told, mut place) = (0, Instant::now(), 0);
    let (mut grown, mut beat) = (Instant::now(), tokio::time::interval(BEAT));
    while height < blocks {
        beat.tick().await;
        let raw = people.transaction(place).raw;
        let client = &nodes.first()?.client;
        client
            .call("eth_sendRawTransaction", serde_json::json!([raw]))
            .await?;
        place += 1;
        let now = client.height().await?;
        if now > height {
            (height, grown) = (now, Instant::now());
        }
        ensure!(grown.elapsed() < PATIENCE, "the chain stands at {height}");
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            eprintln!("  block {height} of {blocks}");
        }
    }
    eprintln!("  it joins ...");
    let begin = Instant::now();
    nodes.last()?.start()?;
    nodes.last()?.reaches(blocks).await?;
    let seconds = begin.elapsed().as_secs_f64();
    Ok(Joined {
        validators,
        blocks,
        seconds,
        blocks_per_second: blocks as f64 / seconds,
    })
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn quantile(of: &[f64], percent: usize) -> f64 {
    let mut sorted = of.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
        .get(sorted.len().saturating_sub(1) * percent / 100)
        .copied()
        .unwrap_or_default()
}

fn print(found: &Found, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(found)?);
        return Ok(());
    }
    println!(
        "{} cores for all hosts together, {} s a row, {}, {}; delay is one way",
        found.cores, found.seconds, found.work, found.offered
    );
    println!(
        "| validators | delay ms | tx/s | p50 ms | p99 ms | cores | cores of one | peak MB of one | line MB/s | start ms |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for row in &found.rows {
        println!(
            "| {} | {} | {:.0} | {:.0} | {:.0} | {:.2} | {:.3} | {:.0} | {:.1} | {:.0} |",
            row.validators,
            row.delay_ms,
            row.per_second,
            row.p50_ms,
            row.p99_ms,
            row.cores,
            row.node_cores,
            row.node_peak_mb,
            row.line_mb_per_second,
            row.start_ms,
        );
        for (count, what) in [
            (row.refused as u64, "transactions were refused"),
            (row.lost as u64, "transactions were in no block by the end"),
            (row.dropped, "frames found the line full"),
        ] {
            if count > 0 {
                eprintln!(
                    "{} validators, {} ms: {count} {what}",
                    row.validators, row.delay_ms
                );
            }
        }
    }
    if found.rows.iter().any(|row| row.faults.is_some()) {
        println!(
            "\n| validators | delay ms | lone p50 ms | p99 ms | first after a kill ms | one dead p50 ms | p99 ms | killed one back ms | healed ms |"
        );
        println!("|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    }
    for row in &found.rows {
        let Some(faults) = &row.faults else {
            continue;
        };
        println!(
            "| {} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
            row.validators,
            row.delay_ms,
            faults.lone_p50_ms,
            faults.lone_p99_ms,
            faults.killed_first_ms,
            faults.killed_p50_ms,
            faults.killed_p99_ms,
            faults.back_ms,
            faults.healed_ms,
        );
    }
    if let Some(joined) = &found.joined {
        println!(
            "\n{} validators: one that had nothing caught up {} small blocks in {:.1} s, {:.0} a second",
            joined.validators, joined.blocks, joined.seconds, joined.blocks_per_second
        );
    }
    Ok(())
}
