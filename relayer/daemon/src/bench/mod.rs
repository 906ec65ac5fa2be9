//! `causeway bench chain`: what the hosted chain carries, beside its limit and a peer, in one run.
//!
//! * limit: decode, recover the sender and execute, on one thread, no roots, no disk, no consensus.
//! * solo: one validator with pool, roots, disk and RPC, without consensus.
//! * n validators: the whole chain in this process, over loopback.
//! * anvil: the same pre-signed load through the same client.
//!
//! The load comes from this process too, so the cores are shared by everything; docs/benchmarks.md says which machine.

mod chains;
mod load;
mod report;
mod work;

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Args;

use self::{
    chains::{Anvil, Hosted, Solo},
    report::{Report, Row},
    work::{Work, Workload},
};

/// Options of `causeway bench chain`.
#[derive(Args, Clone, Debug)]
pub struct ChainBench {
    /// Seconds of load per measurement, after two seconds of warm-up.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Numbers of validators; 1 means one validator without consensus.
    #[arg(long, value_delimiter = ',', default_value = "1,4,7")]
    validators: Vec<usize>,
    /// Kinds of transactions.
    #[arg(long, value_delimiter = ',', default_value = "native,erc20,lock")]
    work: Vec<Work>,
    /// Accounts that send.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u64).range(8..=100_000))]
    accounts: u64,
    /// Transactions submitted and not final yet, at most.
    #[arg(long, default_value_t = 2_000)]
    window: usize,
    /// Every validator executes every block itself, as on hosts of their own, instead of sharing results by block hash.
    #[arg(long)]
    no_share: bool,
    /// The anvil binary to compare with; left out when it is not there.
    #[arg(
        long,
        default_value = "tests/clients/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
    )]
    anvil: PathBuf,
}

/// Runs the bench and prints its report.
///
/// # Errors
/// Fails when a chain cannot be started or refuses the load.
pub async fn chain(options: ChainBench, json: bool) -> anyhow::Result<()> {
    // Installed already by another client of this process: that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let measured = Duration::from_secs(options.seconds);
    let mut report = Report::new(&options);
    for work in &options.work {
        let workload = Workload::new(*work, options.accounts);
        for validators in &options.validators {
            eprintln!("{work}: {validators} validator(s) ...");
            let row = hosted_row(&options, &workload, *validators, measured).await?;
            report.push(row);
            if *validators == 1 {
                eprintln!("{work}: limit ...");
                report.push(limit_row(&workload, measured).await?);
            }
        }
        if options.anvil.exists() {
            eprintln!("{work}: anvil ...");
            let anvil = Anvil::start(&options.anvil, &workload)
                .await
                .context("starting anvil")?;
            let result = load::run(anvil.url(), &workload, measured, options.window).await?;
            report.push(Row::measured(*work, "anvil", result));
        } else {
            report.note(format!(
                "anvil is not at {}: run `cargo xtask install`",
                options.anvil.display()
            ));
        }
    }
    report.print(json)
}

async fn hosted_row(
    options: &ChainBench,
    workload: &Workload,
    validators: usize,
    measured: Duration,
) -> anyhow::Result<Row> {
    if validators == 1 {
        let solo = Solo::start(workload).await?;
        let result = load::run(solo.url(), workload, measured, options.window).await?;
        return Ok(Row::measured(
            workload.work,
            "1 validator, no consensus",
            result,
        ));
    }
    let hosted = Hosted::start(workload, validators, !options.no_share).await?;
    let result = load::run(hosted.url(), workload, measured, options.window).await?;
    let name = format!(
        "{validators} validators{}",
        if options.no_share {
            ", each executing"
        } else {
            ""
        }
    );
    let mut row = Row::measured(workload.work, &name, result);
    row.start_ms = Some(hosted.start_ms());
    Ok(row)
}

async fn limit_row(workload: &Workload, measured: Duration) -> anyhow::Result<Row> {
    let solo = Solo::start(workload).await?;
    load::set_up(solo.url(), workload).await?;
    let (state, header, spec) = solo.tip();
    let raw = workload.transactions(load::SETUP_NONCE, 20_000);
    let rate = tokio::task::spawn_blocking(move || {
        causeway_adapter_hosted::yardstick::bare_loop(
            spec.chain_id,
            &state,
            &header,
            &raw,
            measured,
        )
    })
    .await?
    .context("the bare loop refuses a transaction of the load")?;
    Ok(Row::limit(workload.work, rate))
}
