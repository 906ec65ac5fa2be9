//! What `bench relay` found, as tables or as JSON.

use std::time::Duration;

use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct Found {
    pub(super) bench: &'static str,
    pub(super) cores: usize,
    pub(super) floor: Floor,
    pub(super) rows: Vec<Row>,
}

/// What the chains alone need, milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Floor {
    pub(super) source_p50_ms: f64,
    pub(super) source_p99_ms: f64,
    pub(super) destination_p50_ms: f64,
    pub(super) destination_p99_ms: f64,
    /// One block after the other, on demand.
    pub(super) block_ms: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) row: &'static str,
    pub(super) messages: usize,
    pub(super) per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
    /// The same in blocks of the floor.
    pub(super) p50_blocks: f64,
    pub(super) p99_blocks: f64,
    /// Of the floor's p99.
    pub(super) p99_of_floor: f64,
    pub(super) deliveries: usize,
    pub(super) batch_p50: usize,
    pub(super) batch_max: usize,
    pub(super) gas_per_message: u64,
    /// Gas of a delivery beside its items: transaction, certificate, root. Least squares over the deliveries; absent when
    /// all have one size.
    pub(super) gas_fixed: Option<u64>,
    pub(super) gas_per_item: Option<u64>,
}

/// Intercept and slope of the line nearest to the points; none when they all lie above one another.
pub(super) fn line(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let spread: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    let slope = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>() / spread;
    (spread > 0.0).then_some((y - slope * x, slope))
}

pub(super) fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let place = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(place).copied().unwrap_or_default()
}

pub(super) fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}

pub(super) fn print(found: &Found, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(found)?);
        return Ok(());
    }
    let floor = &found.floor;
    println!(
        "{} cores; messages from the consortium chain to the public one",
        found.cores
    );
    println!("| floor | p50 ms | p99 ms |");
    println!("|---|---:|---:|");
    let row = |what: &str, p50: f64, p99: f64| println!("| {what} | {p50:.0} | {p99:.0} |");
    row(
        "lone transaction final, source",
        floor.source_p50_ms,
        floor.source_p99_ms,
    );
    row(
        "lone transaction final, destination",
        floor.destination_p50_ms,
        floor.destination_p99_ms,
    );
    row("one block of the source", floor.block_ms, floor.block_ms);
    row("floor", floor.p50_ms, floor.p99_ms);
    println!();
    println!(
        "| row | messages | /s | p50 ms | p99 ms | max ms | p50 blocks | p99 blocks | p99 of floor | deliveries | batch p50 | batch max | gas/message | fixed gas | gas/item |"
    );
    println!("|---|{}", "---:|".repeat(14));
    for r in &found.rows {
        let maybe = |gas: Option<u64>| gas.map_or_else(String::new, |gas| gas.to_string());
        println!(
            "| {} | {} | {:.1} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} | {:.2} | {} | {} | {} | {} | {} | {} |",
            r.row,
            r.messages,
            r.per_second,
            r.p50_ms,
            r.p99_ms,
            r.max_ms,
            r.p50_blocks,
            r.p99_blocks,
            r.p99_of_floor,
            r.deliveries,
            r.batch_p50,
            r.batch_max,
            r.gas_per_message,
            maybe(r.gas_fixed),
            maybe(r.gas_per_item),
        );
    }
    Ok(())
}
