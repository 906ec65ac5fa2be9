//! Many devices connected at once.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use causeway_adapter_device::{
    fleet::{
        Fleet,
        drive::{Pace, Tally, Target, drive},
        profile::Profile,
    },
    ledger::system_clock,
};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::intake::Intake;
use crate::bench::target::usage;

/// Longest until all are connected and have a reading confirmed.
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(100);
/// Files that a process needs beside its connections.
const SPARE: u64 = 200;

/// Connections that were held, each with a key and a certificate of its own.
#[derive(Debug, Serialize)]
pub(super) struct Held {
    wanted: u64,
    connected: u64,
    /// Readings that were confirmed, one of each device.
    accepted: u64,
    refused: u64,
    failed: u64,
    seconds: f64,
    /// Most open files of a process here, which bounds it.
    open_files: u64,
    intake_mb_before: f64,
    intake_mb: f64,
    devices_mb: f64,
}

impl Held {
    pub(super) fn print(&self) {
        println!(
            "\n| connections held at once | {} of {} (a process may open {} files here) |\n|---|---:|\n\
             | until each had a reading confirmed | {:.1} s |\n| refused, failed | {}, {} |\n\
             | memory of the intake before, with all of them | {:.1}, {:.1} MB |\n\
             | a connection | {:.0} KB |\n| memory of the devices' process | {:.0} MB |",
            self.connected,
            self.wanted,
            self.open_files,
            self.seconds,
            self.refused,
            self.failed,
            self.intake_mb_before,
            self.intake_mb,
            (self.intake_mb - self.intake_mb_before) * 1e3 / self.connected as f64,
            self.devices_mb
        );
    }
}

/// Connects so many devices, has each send one reading, and looks at the memory while all of them are connected.
pub(super) async fn hold(wanted: u64, open_files: u64) -> anyhow::Result<Held> {
    ensure!(
        open_files >= wanted + SPARE,
        "a process may open {open_files} files here, and {wanted} connections need {}: raise the limit (`ulimit -Hn`), or lower --hold",
        wanted + SPARE
    );
    let fleet = Fleet::new(usize::try_from(wanted)?, Profile::ColdChain)?;
    let intake = Intake::start(&fleet, None).await?;
    let before = intake.usage()?.rss_mb;
    let (tally, stop) = (Arc::new(Tally::default()), CancellationToken::new());
    let target = [Target::Https {
        host: "127.0.0.1".into(),
        port: intake.port(),
    }];
    // Each speaks once, and goes on being connected.
    let pace = Pace {
        batch: 1,
        every: PATIENCE * 2,
        batches: None,
    };
    let begin = Instant::now();
    let watching = async {
        while tally.accepted.load(Ordering::Relaxed) < wanted && begin.elapsed() < PATIENCE {
            tokio::time::sleep(LOOK).await;
        }
        let seconds = begin.elapsed().as_secs_f64();
        let seen = (intake.usage(), usage("self"));
        stop.cancel();
        anyhow::Ok((seconds, seen.0?, seen.1?))
    };
    let driving = drive(
        &fleet,
        &target,
        pace,
        system_clock(),
        Arc::clone(&tally),
        stop.clone(),
    );
    let (driven, watched) = tokio::join!(driving, watching);
    driven?;
    let (seconds, intakes, own) = watched?;
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let accepted = load(&tally.accepted);
    if accepted < wanted {
        let problem = tally.last_problem.lock().clone();
        eprintln!("not all were confirmed: {}", problem.unwrap_or_default());
    }
    intake
        .stored(accepted)
        .await
        .context("what was confirmed")?;
    Ok(Held {
        wanted,
        connected: load(&tally.connected),
        accepted,
        refused: load(&tally.refused),
        failed: load(&tally.failed),
        seconds,
        open_files,
        intake_mb_before: before,
        intake_mb: intakes.rss_mb,
        devices_mb: own.rss_mb,
    })
}
