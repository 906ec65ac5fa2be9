//! What the resident process says about itself.

use std::{
    io,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use serde::Serialize;

use crate::ledger::Clock;

/// Counters since the start, and the last problem.
#[derive(Debug, Default)]
pub struct Health {
    pending: AtomicU64,
    captured: AtomicU64,
    stored: AtomicU64,
    unreadable: AtomicU64,
    not_taken: AtomicU64,
    let_go: AtomicU64,
    problem: Mutex<Option<String>>,
}

/// A report, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// When, milliseconds since 1970.
    pub at: u64,
    /// Readings on disk that the operator has not stored.
    pub pending: u64,
    /// Measurements signed since the start.
    pub captured: u64,
    /// Readings the operator has stored since the start.
    pub stored: u64,
    /// Lines of the source that were no plausible value.
    pub unreadable: u64,
    /// Measurements not taken because the buffer was full.
    pub not_taken: u64,
    /// Readings let go before every operator had them, because the buffer was full. Who lacks one refuses all later ones
    /// (`sequence_gap`) until the device is rekeyed.
    pub let_go: u64,
    /// What went wrong last, until something is stored again.
    pub problem: Option<String>,
    /// Memory in use, KiB, where the system tells.
    pub resident_kib: Option<u64>,
}

impl Health {
    pub(super) fn new(pending: u64) -> Self {
        Self {
            pending: AtomicU64::new(pending),
            ..Self::default()
        }
    }

    pub(super) fn captured(&self) {
        self.captured.fetch_add(1, Ordering::Relaxed);
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn let_go(&self) {
        self.let_go.fetch_add(1, Ordering::Relaxed);
        self.pending.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn stored(&self, readings: u64) {
        self.stored.fetch_add(readings, Ordering::Relaxed);
        self.pending.fetch_sub(readings, Ordering::Relaxed);
        *self.problem.lock() = None;
    }

    pub(super) fn unreadable(&self) {
        self.unreadable.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn not_taken(&self) {
        self.not_taken.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn problem(&self, text: &str) {
        *self.problem.lock() = Some(text.to_owned());
    }

    /// The report of now.
    pub fn report(&self, at: u64) -> Report {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Report {
            at,
            pending: load(&self.pending),
            captured: load(&self.captured),
            stored: load(&self.stored),
            unreadable: load(&self.unreadable),
            not_taken: load(&self.not_taken),
            let_go: load(&self.let_go),
            problem: self.problem.lock().clone(),
            resident_kib: resident_kib(),
        }
    }

    /// Writes the report to a file, over and over; a reader sees a whole one.
    pub async fn keep_writing(&self, path: &Path, every: Duration, clock: Clock) {
        let mut ticks = tokio::time::interval(every);
        loop {
            ticks.tick().await;
            let report = self.report(clock());
            tracing::info!(
                pending = report.pending,
                captured = report.captured,
                stored = report.stored,
                unreadable = report.unreadable,
                not_taken = report.not_taken,
                problem = report.problem.as_deref(),
                "health"
            );
            if let Err(error) = write(path, &report) {
                tracing::warn!(path = %path.display(), %error, "the health report cannot be written");
            }
        }
    }
}

fn write(path: &Path, report: &Report) -> io::Result<()> {
    let new = path.with_extension("new");
    std::fs::write(&new, serde_json::to_vec_pretty(report)?)?;
    std::fs::rename(&new, path)
}

/// Memory of this process that is in RAM.
pub fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
