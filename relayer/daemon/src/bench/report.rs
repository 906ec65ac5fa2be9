//! What a bench found, as a table or as JSON.

use serde::Serialize;

use super::{
    ChainBench, RowKind,
    load::{Measured, Offer},
    work::Work,
};

/// One line of the table.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Row {
    work: String,
    chain: &'static str,
    /// What was offered: a window of unfinished transactions, or transactions a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    offered: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_second: Option<f64>,
    /// Of the limit row and of the anvil row of the same work and run.
    #[serde(skip_serializing_if = "Option::is_none")]
    of_limit: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of_anvil: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transactions: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocks: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<usize>,
    /// Processor time of the chain's process, and of the one that sends and watches, per second of wall time.
    #[serde(skip_serializing_if = "Option::is_none")]
    chain_cores: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_cores: Option<f64>,
    /// Most memory the chain's process had.
    #[serde(skip_serializing_if = "Option::is_none")]
    chain_mb: Option<f64>,
    /// From nothing to the first final block.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_ms: Option<f64>,
    /// Why there is nothing else in this row.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Row {
    pub(super) fn measured(
        work: Work,
        kind: RowKind,
        offer: Offer,
        m: Measured,
        start_ms: Option<f64>,
    ) -> Self {
        Self {
            work: work.to_string(),
            chain: kind.name(),
            offered: Some(match offer {
                Offer::Window(most) => format!("{most} open"),
                Offer::PerSecond(rate) => format!("{rate}/s"),
            }),
            per_second: Some(m.per_second),
            p50_ms: Some(m.p50_ms),
            p99_ms: Some(m.p99_ms),
            max_ms: Some(m.max_ms),
            transactions: Some(m.transactions),
            blocks: Some(m.blocks),
            refused: Some(m.refused),
            lost: Some(m.lost),
            chain_cores: Some(m.chain_cores),
            load_cores: Some(m.load_cores),
            chain_mb: Some(m.chain_mb),
            start_ms,
            ..Self::default()
        }
    }

    pub(super) fn limit(work: Work, rate: causeway_adapter_hosted::yardstick::Rate) -> Self {
        Self {
            work: work.to_string(),
            chain: RowKind::Limit.name(),
            per_second: Some(rate.per_second),
            transactions: Some(rate.transactions),
            ..Self::default()
        }
    }

    pub(super) fn failed(work: Work, kind: RowKind, error: String) -> Self {
        Self {
            work: work.to_string(),
            chain: kind.name(),
            error: Some(error),
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
    accounts: u64,
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Report {
    pub(super) fn new(options: &ChainBench) -> Self {
        Self {
            bench: "chain",
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            seconds: options.seconds,
            accounts: options.accounts,
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

    /// Whether a row could not be measured.
    pub(super) fn failed(&self) -> bool {
        self.rows.iter().any(|row| row.error.is_some())
    }

    /// Prints the report, with every row's ratio to the yardsticks of its work.
    pub(super) fn print(&mut self, json: bool) -> anyhow::Result<()> {
        let yardsticks = self.rows.clone();
        for row in &mut self.rows {
            let rate = |kind: RowKind| {
                yardsticks
                    .iter()
                    .find(|y| y.work == row.work && y.chain == kind.name())
                    .and_then(|y| y.per_second)
            };
            let ratio = |kind| Some(row.per_second? / rate(kind)?);
            (row.of_limit, row.of_anvil) = (ratio(RowKind::Limit), ratio(RowKind::Anvil));
        }
        if json {
            println!("{}", serde_json::to_string(self)?);
            return Ok(());
        }
        println!(
            "{} cores, {} s a row, {} accounts; cores and MB are the chain's process alone",
            self.cores, self.seconds, self.accounts
        );
        println!(
            "| work | chain | offered | tx/s | of limit | of anvil | p50 ms | p99 ms | max ms | blocks | cores | load's cores | peak MB | start ms |"
        );
        println!("|---|---|---|{}", "---:|".repeat(11));
        for row in &self.rows {
            println!("{}", line(row));
        }
        for note in &self.notes {
            println!("note: {note}");
        }
        Ok(())
    }
}

fn line(row: &Row) -> String {
    if let Some(error) = &row.error {
        return format!("| {} | {} | not measured: {error} |", row.work, row.chain);
    }
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(String::new, |value| format!("{value:.digits$}"))
    };
    let mut trouble = String::new();
    for (count, what) in [(row.refused, "refused"), (row.lost, "in no block")] {
        if let Some(count) = count.filter(|count| *count > 0) {
            trouble += &format!(" ({count} {what})");
        }
    }
    let cells = [
        row.work.clone(),
        row.chain.to_owned() + &trouble,
        row.offered.clone().unwrap_or_default(),
        number(row.per_second, 0),
        number(row.of_limit, 2),
        number(row.of_anvil, 2),
        number(row.p50_ms, 0),
        number(row.p99_ms, 0),
        number(row.max_ms, 0),
        row.blocks
            .map_or_else(String::new, |blocks| blocks.to_string()),
        number(row.chain_cores, 2),
        number(row.load_cores, 2),
        number(row.chain_mb, 0),
        number(row.start_ms, 0),
    ];
    format!("| {} |", cells.join(" | "))
}
