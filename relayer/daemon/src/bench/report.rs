//! What a bench found, as a table or as JSON.

use serde::Serialize;

use super::{ChainBench, load::Measured, work::Work};

/// One line of the table.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Row {
    work: String,
    chain: String,
    per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_ms: Option<f64>,
    transactions: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocks: Option<u64>,
    refused: usize,
    /// Processor time of this process, load included, per second of wall time. An anvil's own is not in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_cores: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rss_mb: Option<f64>,
    /// From nothing to the first final block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_ms: Option<f64>,
}

impl Row {
    pub(super) fn measured(work: Work, chain: &str, m: Measured) -> Self {
        Self {
            work: work.to_string(),
            chain: chain.to_owned(),
            per_second: m.per_second,
            p50_ms: Some(m.p50_ms),
            p99_ms: Some(m.p99_ms),
            transactions: m.transactions,
            blocks: Some(m.blocks),
            refused: m.refused,
            cpu_cores: Some(m.cpu_cores),
            rss_mb: Some(m.rss_mb),
            start_ms: None,
        }
    }

    pub(super) fn limit(work: Work, rate: causeway_adapter_hosted::yardstick::Rate) -> Self {
        Self {
            work: work.to_string(),
            chain: "limit: bare loop, one core".into(),
            per_second: rate.per_second,
            transactions: rate.transactions,
            ..Self::default()
        }
    }
}

/// Everything one run found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    bench: &'static str,
    cores: usize,
    seconds: u64,
    window: usize,
    shared_execution: bool,
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Report {
    pub(super) fn new(options: &ChainBench) -> Self {
        Self {
            bench: "chain",
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            seconds: options.seconds,
            window: options.window,
            shared_execution: !options.no_share,
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(super) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    pub(super) fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            println!("{}", serde_json::to_string(self)?);
            return Ok(());
        }
        println!(
            "{} cores, {} s each, window {}",
            self.cores, self.seconds, self.window
        );
        println!(
            "| {:6} | {:28} | {:>8} | {:>8} | {:>8} | {:>7} | {:>6} | {:>7} | {:>8} |",
            "work", "chain", "tx/s", "p50 ms", "p99 ms", "refused", "cores", "rss MB", "start ms"
        );
        println!("|---|---|---|---|---|---|---|---|---|");
        for row in &self.rows {
            let number = |value: Option<f64>, digits: usize| {
                value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
            };
            println!(
                "| {:6} | {:28} | {:>8.0} | {:>8} | {:>8} | {:>7} | {:>6} | {:>7} | {:>8} |",
                row.work,
                row.chain,
                row.per_second,
                number(row.p50_ms, 0),
                number(row.p99_ms, 0),
                row.refused,
                number(row.cpu_cores, 2),
                number(row.rss_mb, 0),
                number(row.start_ms, 0),
            );
        }
        for note in &self.notes {
            println!("note: {note}");
        }
        Ok(())
    }
}
