//! What the event log costs: entries a second onto disk, checking all of them as a start does, proofs, and a page of the API.
//!
//! The entries are events of an unknown contract, with three topics and 160 bytes of data, as long as those of a gateway.

use std::{hint::black_box, time::Instant};

use alloy_primitives::{Address, B256, Bytes, keccak256};
use anyhow::Context as _;
use causeway_adapter_api::Height;
use causeway_core::log::{Body, ChainEvent, Follower};
use clap::Args;
use futures::TryStreamExt as _;
use serde::Serialize;

use super::{rebuild, viewers};
use crate::store::{LogFilter, LogPage, NewEntry, SegmentRow, Store, StoreKey};

/// Options of `causeway bench log`.
#[derive(Args, Clone, Debug)]
pub struct LogBench {
    /// Entries.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    entries: u64,
    /// Entries of one transaction of the database: as many as a block has.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    batch: u64,
    /// Who listens to the stream of a log of as many entries; 0 leaves that out.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(0..=5_000))]
    viewers: u32,
    /// Entries that come while they listen.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    news: u64,
    /// Entries of a log that is made again from a chain; 0 leaves that out.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(0..=10_000_000))]
    rebuild: u64,
}

#[derive(Debug, Serialize)]
struct Found {
    entries: u64,
    batch: u64,
    bytes_per_entry: f64,
    appended_per_second: f64,
    checked_per_second: f64,
    check_seconds_per_million: f64,
    proof_micros: f64,
    page_millis: f64,
    database_bytes_per_entry: f64,
    served: Option<viewers::Found>,
    rebuilt: Option<rebuild::Found>,
}

const SEGMENT: u64 = 7_001;
const PROOFS: u64 = 10_000;
const PAGES: u32 = 100;

/// Runs it.
///
/// # Errors
/// Fails when there is no place for the database, or it does not hold what was written.
pub async fn log(options: LogBench, json: bool) -> anyhow::Result<()> {
    let LogBench {
        entries,
        batch,
        viewers,
        news,
        rebuild,
    } = options;
    let dir = tempfile::tempdir().context("making a directory")?;
    let path = dir.path().join("log.sqlite");
    let store = Store::open(&path, StoreKey::new([1; 32])).await?;

    let began = Instant::now();
    let mut follower = Follower::new(SEGMENT);
    let mut bytes = 0;
    for block in 0..entries.div_ceil(batch) {
        let mut rows = Vec::new();
        for index in 0..batch.min(entries - block * batch) {
            let (entry, encoded) = follower.append(block, event(block, index))?;
            bytes += encoded.len();
            rows.push(NewEntry {
                entry,
                kind: "Unknown".into(),
                bytes: encoded,
            });
        }
        let read = SegmentRow {
            next: Height(block + 1),
            verified: Height(block),
            size: follower.len(),
        };
        store.append_log(SEGMENT, &rows, Some(read)).await?;
    }
    let append = began.elapsed().as_secs_f64();

    let began = Instant::now();
    let mut checked = Follower::new(SEGMENT);
    {
        let mut rows = std::pin::pin!(store.raw_log(SEGMENT));
        while let Some(row) = rows.try_next().await? {
            let entry = checked.take(&row.bytes)?;
            anyhow::ensure!(
                row.repeats(&entry, "Unknown"),
                "a row is not what was written"
            );
        }
    }
    let check = began.elapsed().as_secs_f64();
    anyhow::ensure!(
        checked.tree().root(entries) == follower.tree().root(entries),
        "another root was read than was written"
    );

    let began = Instant::now();
    for n in 0..PROOFS {
        black_box(checked.tree().inclusion(n * 7_919 % entries, entries)?);
    }
    let proof = began.elapsed().as_secs_f64();

    let began = Instant::now();
    for n in 0..PAGES {
        let before = u64::from(n) * entries / u64::from(PAGES);
        let page = LogPage::Before(before + 51);
        let rows = store.log_page(&LogFilter::default(), page, 50).await?;
        anyhow::ensure!(rows.len() == 50, "a page is short");
    }
    let page = began.elapsed().as_secs_f64();
    store.close().await;
    let size = std::fs::metadata(&path)
        .context("the database's size")?
        .len();

    let served = match viewers {
        0 => None,
        viewers => {
            eprintln!("{viewers} listeners ...");
            let place = dir.path().join("served");
            std::fs::create_dir(&place).context("making a directory")?;
            Some(viewers::measure(&place, entries, viewers as usize, news).await?)
        }
    };

    let rebuilt = match rebuild {
        0 => None,
        rebuild => {
            eprintln!("a chain of {rebuild} events ...");
            let place = dir.path().join("rebuilt");
            std::fs::create_dir(&place).context("making a directory")?;
            Some(rebuild::measure(&place, rebuild).await?)
        }
    };

    let count = entries as f64;
    let found = Found {
        entries,
        batch,
        bytes_per_entry: bytes as f64 / count,
        appended_per_second: count / append,
        checked_per_second: count / check,
        check_seconds_per_million: check * 1e6 / count,
        proof_micros: proof * 1e6 / PROOFS as f64,
        page_millis: page * 1e3 / f64::from(PAGES),
        database_bytes_per_entry: size as f64 / count,
        served,
        rebuilt,
    };
    if json {
        println!("{}", serde_json::to_string(&found)?);
        return Ok(());
    }
    println!(
        "{entries} entries of {:.0} bytes, {batch} in a transaction",
        found.bytes_per_entry
    );
    println!(
        "  appended, each transaction on disk  {:>10.0} /s",
        found.appended_per_second
    );
    println!(
        "  checked, as a start does            {:>10.0} /s",
        found.checked_per_second
    );
    println!(
        "  checked, a million                  {:>10.1} s",
        found.check_seconds_per_million
    );
    println!(
        "  inclusion proof                     {:>10.1} us",
        found.proof_micros
    );
    println!(
        "  page of 50 from the store           {:>10.2} ms",
        found.page_millis
    );
    println!(
        "  database                            {:>10.0} bytes an entry",
        found.database_bytes_per_entry
    );
    if let Some(served) = &found.served {
        served.print();
    }
    if let Some(rebuilt) = &found.rebuilt {
        rebuilt.print();
    }
    Ok(())
}

fn event(height: u64, index: u64) -> Body {
    let tx = keccak256([height.to_be_bytes(), index.to_be_bytes()].concat());
    Body::Event(ChainEvent {
        tx,
        data: Bytes::from(tx.repeat(5)),
        block: B256::left_padding_from(&height.to_be_bytes()),
        index,
        height,
        topics: vec![B256::repeat_byte(1), tx, B256::repeat_byte(2)],
        address: Address::repeat_byte(3),
    })
}
