//! `causeway bench`: what the hosted chains carry and what they cost.
//!
//! `bench chain` measures one row after another, each beside the limit and a peer:
//!
//! * limit: decode, recover the sender and execute, on one thread, no roots, no disk, no consensus.
//! * 1 validator: pool, roots, disk and RPC, without consensus.
//! * n validators: the whole chain in one process, over loopback.
//! * anvil: the same pre-signed load through the same client.
//!
//! Every chain is a process of its own, so that processor time and memory are the chain's alone: `bench serve` runs one.
//! `bench prove` measures the statements of `causeway-circuits`, beside the bare library and snarkjs.
//! `bench pair` measures the pair at rest, its start, and the finality of lone transactions.
//! `bench network` measures validators on hosts of their own, with delay, loss and a cut line between them.
//! `bench log` measures the event log, pages of it, who listens to it, and making it again from a chain.
//! `bench evidence` measures evidence files and their check.
//! `bench relay` measures messages between the live chains.
//! `bench ingest` measures readings of devices that become durable.
//! `bench feed` measures the way of a reading to a final answer on both chains.

mod chains;
mod evidence;
mod feed;
mod ingest;
mod load;
mod log;
mod network;
mod pair;
mod prove;
mod rebuild;
mod relay;
mod report;
mod target;
mod viewers;
mod work;

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

use self::{
    chains::Solo,
    load::{Load, Offer},
    report::{Report, Row},
    target::Target,
    work::{Work, Workload},
};
pub use self::{
    chains::{ServeBench, serve},
    evidence::{EvidenceBench, evidence},
    feed::{FeedBench, feed},
    ingest::{IngestBench, IngestServe, ingest, ingest_serve},
    log::{LogBench, log},
    network::{NetworkBench, network},
    pair::{PairBench, pair},
    prove::{ProveBench, ProveRow, prove, prove_row},
    relay::{RelayBench, relay},
};

/// Most transactions a second the load is prepared for.
const MOST_PER_SECOND: u64 = 32_000;

/// Options of `causeway bench chain`.
#[derive(Args, Clone, Debug)]
pub struct ChainBench {
    /// Seconds of load per row, after two seconds of warm-up.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// What to measure, in this order.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "limit,anvil,one,four,seven,seven-each,seven-paced"
    )]
    rows: Vec<RowKind>,
    /// Kinds of transactions.
    #[arg(long, value_delimiter = ',', default_value = "native,erc20,lock")]
    work: Vec<Work>,
    /// Accounts that send.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u64).range(8..=100_000))]
    accounts: u64,
    /// Transactions submitted and not final yet, at most, in every row but the paced one.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(50..=100_000))]
    window: u32,
    /// Transactions a second offered in the paced row, whatever the chain does.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u32).range(50..=30_000))]
    pace: u32,
    /// The anvil binary to compare with; left out when it is not there.
    #[arg(
        long,
        default_value = "tests/clients/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
    )]
    anvil: PathBuf,
    /// Seconds between anvil's blocks. It collapses when it mines at once: docs/benchmarks.md.
    #[arg(long, default_value_t = 0.1)]
    anvil_block_time: f64,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowKind {
    /// The bare loop on one core.
    Limit,
    /// Foundry's anvil.
    Anvil,
    /// One validator without consensus.
    One,
    /// Four validators that share executed blocks.
    Four,
    /// Seven validators that share executed blocks.
    Seven,
    /// Seven validators, each executing every block, as on hosts of their own.
    SevenEach,
    /// Seven validators that share executed blocks, at a fixed offered load.
    SevenPaced,
}

impl RowKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit: bare loop, one core",
            Self::Anvil => "anvil",
            Self::One => "1 validator, no consensus",
            Self::Four => "4 validators",
            Self::Seven => "7 validators",
            Self::SevenEach => "7 validators, each executing",
            Self::SevenPaced => "7 validators, paced",
        }
    }
}

/// Runs the bench and prints its report.
///
/// # Errors
/// Fails when a row could not be measured; the report is printed all the same and says which and why.
pub async fn chain(options: ChainBench, json: bool) -> anyhow::Result<()> {
    // Installed already by another client of this process: that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut report = Report::new(&options);
    for work in &options.work {
        let workload = Arc::new(Workload::new(*work, options.accounts));
        let count = (load::WARM_UP.as_secs() + options.seconds) * MOST_PER_SECOND;
        eprintln!("{work}: signing {count} transactions ...");
        let load = {
            let workload = workload.clone();
            tokio::task::spawn_blocking(move || Load::sign(&workload, count)).await??
        };
        for kind in &options.rows {
            if *kind == RowKind::Anvil && !options.anvil.exists() {
                report.note(format!(
                    "no anvil at {}: run `cargo xtask install`",
                    options.anvil.display()
                ));
                continue;
            }
            eprintln!("{work}: {} ...", kind.name());
            let row = match row(&options, &workload, &load, *kind).await {
                Ok(row) => row,
                Err(error) => {
                    eprintln!("{work}: {}: {error:#}", kind.name());
                    Row::failed(*work, *kind, format!("{error:#}"))
                }
            };
            report.push(row);
        }
    }
    report.print(json)?;
    if report.failed() {
        bail!("a row could not be measured: see its error");
    }
    Ok(())
}

async fn row(
    options: &ChainBench,
    workload: &Workload,
    load: &Load,
    kind: RowKind,
) -> anyhow::Result<Row> {
    let seconds = Duration::from_secs(options.seconds);
    let accounts = options.accounts;
    let target = match kind {
        RowKind::Limit => return limit_row(workload, load, seconds).await,
        RowKind::Anvil => Target::anvil(&options.anvil, options.anvil_block_time, workload).await?,
        RowKind::One => Target::serve(accounts, &["--validators", "1"]).await?,
        RowKind::Four => Target::serve(accounts, &["--validators", "4"]).await?,
        RowKind::Seven | RowKind::SevenPaced => {
            Target::serve(accounts, &["--validators", "7"]).await?
        }
        RowKind::SevenEach => Target::serve(accounts, &["--validators", "7", "--no-share"]).await?,
    };
    let offer = match kind {
        RowKind::SevenPaced => Offer::PerSecond(options.pace),
        _ => Offer::Window(options.window),
    };
    let measured = load::run(&target, workload, load, offer, seconds).await?;
    Ok(Row::measured(
        workload.work,
        kind,
        offer,
        measured,
        target.start_ms(),
    ))
}

async fn limit_row(workload: &Workload, load: &Load, limit: Duration) -> anyhow::Result<Row> {
    let dir = tempfile::tempdir().context("making a directory")?;
    let solo = Solo::start(workload, dir.path()).await?;
    load::set_up(solo.url(), workload).await?;
    let (state, header, spec) = solo.tip();
    let raw = load.raw();
    let rate = tokio::task::spawn_blocking(move || {
        causeway_adapter_hosted::yardstick::bare_loop(spec.chain_id, &state, &header, &raw, limit)
    })
    .await?
    .context("the bare loop refuses a transaction of the load")?;
    Ok(Row::limit(workload.work, rate))
}
