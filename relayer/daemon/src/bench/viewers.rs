//! The event log as people and programs look at it: a daemon's log, alarms and API without chains, full of acts; pages of it;
//! many who listen to its stream, one of whom never reads.
//!
//! Listeners are in the same process: what is measured is the work of both ends.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use alloy_primitives::Address;
use anyhow::{Context as _, ensure};
use causeway_core::log::Act;
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};

use super::target::usage;
use crate::{
    alarms::{AlarmConfig, Alarms},
    api::{App, Engines, Server},
    config::{self, Purpose},
    crossing::{CrossingConfig, Handle, peg::Pegs, settlement::Settlements},
    drive::{DriveConfig, Driver},
    eventlog::{LogConfig, LogHandle},
    keys::Signers,
    oracle::feeds::{FeedsConfig, FeedsHandle},
    relay::{RelayConfig, RelayHandle},
    store::{Store, StoreKey},
    supply::{SupplyConfig, SupplyHandle},
};

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    acts_per_second: f64,
    first_page_ms: Quantiles,
    log_page_ms: Quantiles,
    search_ms: Quantiles,
    viewers: usize,
    sent_per_second: f64,
    late_ms: f64,
    rss_before_mb: f64,
    rss_connected_mb: f64,
    peak_mb: f64,
    deaf_dropped_after_seconds: f64,
}

#[derive(Debug, Serialize)]
struct Quantiles {
    p50: f64,
    max: f64,
}

/// Times a page is asked for.
const ASKED: usize = 50;
/// Acts that may wait before the log is asked whether it has them.
const AT_ONCE: u64 = 512;
/// Longest anything takes.
const PATIENCE: Duration = Duration::from_secs(600);
/// Acts that are more than what a socket that nobody reads holds.
const FLOOD: u64 = 30_000;

/// Fills a log with acts, asks for pages of it, and has `viewers` listen while `news` more come.
///
/// # Errors
/// Fails when something is not served, or a listener misses an entry.
pub(super) async fn measure(
    dir: &Path,
    entries: u64,
    viewers: usize,
    news: u64,
) -> anyhow::Result<Found> {
    let mut bench = Bench::start(dir, viewers).await?;
    let began = Instant::now();
    bench.record(entries).await?;
    let acts_per_second = entries as f64 / began.elapsed().as_secs_f64();
    let first_page_ms = bench.pages("/").await?;
    let log_page_ms = bench.pages("/log").await?;
    let search_ms = bench.pages("/log?q=ordered").await?;

    let rss_before_mb = usage("self")?.rss_mb;
    let heard: Arc<Vec<AtomicU64>> = Arc::new((0..viewers).map(|_| AtomicU64::new(0)).collect());
    let mut listening = JoinSet::new();
    for place in 0..viewers {
        let stream = listen(bench.server.addr, None).await?;
        listening.spawn(count(stream, Arc::clone(&heard), place));
    }
    let rss_connected_mb = usage("self")?.rss_mb;
    let began = Instant::now();
    bench.record(news).await?;
    let recorded = began.elapsed();
    let all = async {
        loop {
            let done = heard
                .iter()
                .all(|heard| heard.load(Ordering::Relaxed) >= news);
            if done {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let told = tokio::time::timeout(PATIENCE, all).await;
    told.context("a listener did not hear of every entry")?;
    let told = began.elapsed();
    let peak_mb = usage("self")?.peak_mb;
    listening.shutdown().await;

    let mut deaf = listen(bench.server.addr, Some(4_096)).await?;
    let began = Instant::now();
    bench.record(FLOOD).await?;
    let deaf_dropped_after_seconds = bench.dropped(began).await?;
    let mut rest = Vec::new();
    // What was on its way is still there; then the stream is over, in whichever way.
    let ended = tokio::time::timeout(PATIENCE, deaf.read_to_end(&mut rest)).await;
    drop(ended.context("the stream that nobody read did not end")?);
    bench.stop().await;
    Ok(Found {
        acts_per_second,
        first_page_ms,
        log_page_ms,
        search_ms,
        viewers,
        sent_per_second: news as f64 * viewers as f64 / told.as_secs_f64(),
        late_ms: told.saturating_sub(recorded).as_secs_f64() * 1e3,
        rss_before_mb,
        rss_connected_mb,
        peak_mb,
        deaf_dropped_after_seconds,
    })
}

/// A daemon's database, log, alarms and API, without chains.
struct Bench {
    server: Server,
    log: LogHandle,
    recorded: u64,
}

impl Bench {
    async fn start(dir: &Path, viewers: usize) -> anyhow::Result<Self> {
        let mut config = config::parse(config::LOCAL, dir, Purpose::Daemon)?;
        config.api.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.api.max_event_streams = viewers + 1;
        let path = dir.join("viewers.sqlite");
        let store = Arc::new(Store::open(&path, StoreKey::new([1; 32])).await?);
        let driver = Driver::start(DriveConfig::default(), Arc::clone(&store), Vec::new()).await?;
        let (chains, signers) = (Vec::new, Signers::default);
        let alarms = Alarms::start(AlarmConfig::default(), Arc::clone(&store))?;
        let log = LogHandle::start(
            LogConfig::default(),
            Arc::clone(&store),
            driver.clone(),
            chains(),
            signers(),
            alarms.clone(),
        )
        .await?;
        alarms.attach(log.clone());
        let engines = Engines {
            relay: RelayHandle::start(
                RelayConfig::default(),
                Arc::clone(&store),
                driver.clone(),
                chains(),
            ),
            pegs: Handle::start(
                CrossingConfig::default(),
                Pegs::new(Vec::new(), Vec::new()),
                Arc::clone(&store),
                driver.clone(),
                chains(),
            ),
            supply: SupplyHandle::start(
                SupplyConfig::default(),
                Arc::clone(&store),
                driver.clone(),
                chains(),
            ),
            settlements: Handle::start(
                CrossingConfig::default(),
                Settlements {
                    sites: Vec::new(),
                    signers: signers(),
                    settle: 4,
                    patience: 20,
                },
                Arc::clone(&store),
                driver.clone(),
                chains(),
            ),
            feeds: FeedsHandle::start(
                FeedsConfig::default(),
                signers(),
                Arc::clone(&store),
                driver.clone(),
                chains(),
            )
            .await?,
            oracle: None,
            signers: signers(),
            log: log.clone(),
            alarms,
            driver,
            members: None,
            barred: Arc::default(),
            election: None,
        };
        let app = App::new(engines, Vec::new(), BTreeMap::new(), &config);
        let server = Server::start(&config, app).await?;
        let recorded = *log.newest().borrow();
        Ok(Self {
            server,
            log,
            recorded,
        })
    }

    /// Puts acts into the log, no faster than it takes them, and waits for the last.
    async fn record(&mut self, count: u64) -> anyhow::Result<()> {
        let mut newest = self.log.newest();
        let last = self.recorded + count;
        while self.recorded < last {
            let batch = AT_ONCE.min(last - self.recorded);
            for _ in 0..batch {
                self.log.record(Act::Ordered {
                    task: format!("bench:{}", self.recorded),
                    chain: 7_001,
                    account: Address::repeat_byte(0xa1),
                });
                self.recorded += 1;
            }
            let recorded = self.recorded;
            let taken = newest.wait_for(|newest| *newest >= recorded);
            let taken = tokio::time::timeout(PATIENCE, taken).await;
            drop(
                taken
                    .context("the log takes no acts")?
                    .context("the log has stopped")?,
            );
        }
        Ok(())
    }

    /// Milliseconds from asking for a page to its last byte, for a person.
    async fn pages(&self, path: &str) -> anyhow::Result<Quantiles> {
        let mut took = Vec::with_capacity(ASKED);
        for _ in 0..ASKED {
            let began = Instant::now();
            let mut stream = TcpStream::connect(self.server.addr).await?;
            let request = format!(
                "GET {path} HTTP/1.1\r\nhost: {}\r\naccept: text/html\r\nconnection: close\r\n\r\n",
                self.server.addr
            );
            stream.write_all(request.as_bytes()).await?;
            let mut page = Vec::new();
            stream.read_to_end(&mut page).await?;
            took.push(began.elapsed().as_secs_f64() * 1e3);
            ensure!(page.starts_with(b"HTTP/1.1 200"), "{path} is not served");
        }
        took.sort_unstable_by(f64::total_cmp);
        Ok(Quantiles {
            p50: took[ASKED / 2],
            max: took[ASKED - 1],
        })
    }

    /// Seconds until every place of the streams is free again.
    async fn dropped(&self, began: Instant) -> anyhow::Result<f64> {
        let free = async {
            loop {
                let page = self.health().await?;
                if [">0 of ", " 0 of "].iter().any(|none| page.contains(none)) {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let free = tokio::time::timeout(PATIENCE, free).await;
        free.context("whoever does not read is never dropped")??;
        Ok(began.elapsed().as_secs_f64())
    }

    async fn health(&self) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(self.server.addr).await?;
        let request = format!(
            "GET /health HTTP/1.1\r\nhost: {}\r\naccept: text/html\r\nconnection: close\r\n\r\n",
            self.server.addr
        );
        stream.write_all(request.as_bytes()).await?;
        let mut page = String::new();
        stream.read_to_string(&mut page).await?;
        Ok(page)
    }

    async fn stop(self) {
        self.server.stop().await;
        self.log.shutdown().await;
    }
}

/// Opens the stream of the log and reads its head; with `window` the socket holds no more.
async fn listen(addr: SocketAddr, window: Option<u32>) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = window {
        socket.set_recv_buffer_size(bytes)?;
    }
    let mut stream = socket.connect(addr).await?;
    // So that the end of the stream is the end of the connection, too.
    let request =
        format!("GET /v1/log/events HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut status = [0; 12];
    stream.read_exact(&mut status).await?;
    let status = String::from_utf8_lossy(&status).into_owned();
    ensure!(status == "HTTP/1.1 200", "a listener is told {status:?}");
    Ok(stream)
}

/// Counts entries until it is stopped.
async fn count(mut stream: TcpStream, heard: Arc<Vec<AtomicU64>>, place: usize) {
    // Its first byte is nowhere else in it, so that a byte that does not fit can only begin it.
    const MARK: &[u8] = b"\nevent: entry";
    let (mut buffer, mut matched) = (vec![0; 16 << 10], 0);
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        let mut found = 0;
        for byte in &buffer[..read] {
            matched = match matched {
                n if *byte == MARK[n] => n + 1,
                _ => usize::from(*byte == MARK[0]),
            };
            if matched == MARK.len() {
                (found, matched) = (found + 1, 0);
            }
        }
        heard[place].fetch_add(found, Ordering::Relaxed);
    }
}

impl Found {
    /// For people.
    pub(super) fn print(&self) {
        let line =
            |what: &str, value: f64, unit: &str| println!("  {what:<38} {value:>10.1} {unit}");
        line("acts into a daemon's log", self.acts_per_second, "/s");
        for (what, found) in [
            ("first page", &self.first_page_ms),
            ("page of the log", &self.log_page_ms),
            ("page of one kind", &self.search_ms),
        ] {
            line(&format!("{what}, p50"), found.p50, "ms");
            line(&format!("{what}, longest of {ASKED}"), found.max, "ms");
        }
        line(
            &format!("out to {} listeners", self.viewers),
            self.sent_per_second,
            "/s",
        );
        line("the last of them after the last entry", self.late_ms, "ms");
        line("memory before they came", self.rss_before_mb, "MB");
        line("with all of them, both ends", self.rss_connected_mb, "MB");
        line("at its peak, both ends", self.peak_mb, "MB");
        line(
            "who never reads is dropped after",
            self.deaf_dropped_after_seconds,
            "s",
        );
    }
}
