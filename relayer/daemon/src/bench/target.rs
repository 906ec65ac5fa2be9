//! A chain under test: a process with a JSON-RPC port, whatever it runs.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use alloy_primitives::U256;
use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use super::{
    chains::GAS_LIMIT,
    load::Client,
    work::{CHAIN_ID, Workload},
};

/// Longest a chain may take to answer.
const START: Duration = Duration::from_secs(30);

/// What `bench serve` says once its chain runs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Served {
    pub(super) url: String,
    pub(super) start_ms: Option<f64>,
}

/// A chain under load, of one process or several.
pub(super) trait Chain {
    /// Its JSON-RPC.
    fn url(&self) -> &str;

    /// What its processes used so far.
    ///
    /// # Errors
    /// Fails when one is gone.
    fn usage(&self) -> anyhow::Result<Usage>;
}

/// A running chain. Dropping it ends the process.
pub(super) struct Target {
    process: Child,
    _dir: Option<tempfile::TempDir>,
    url: String,
    start_ms: Option<f64>,
}

/// Processor time and memory of a process so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    pub(super) cpu_seconds: f64,
    pub(super) rss_mb: f64,
    pub(super) peak_mb: f64,
}

impl Target {
    /// A hosted chain in a process of its own, from this very binary.
    ///
    /// # Errors
    /// Fails when it does not start.
    pub(super) async fn serve(accounts: u64, options: &[&str]) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir().context("making a directory")?;
        let own = std::env::current_exe().context("finding this program")?;
        let mut process = Command::new(own)
            .args(["bench", "serve", "--accounts", &accounts.to_string()])
            .arg("--dir")
            .arg(dir.path())
            .args(options)
            .stdin(Stdio::piped()) // it ends when this end of the pipe does
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting a chain")?;
        let stdout = process.stdout.take().context("the chain's output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(START, lines.next_line())
            .await
            .context("the chain does not start")??
            .context("the chain ended before it began")?;
        let served: Served = serde_json::from_str(&line).context("the chain's answer")?;
        Ok(Self {
            process,
            _dir: Some(dir),
            url: served.url,
            start_ms: served.start_ms,
        })
    }

    /// Foundry's anvil: an Ethereum node for tests, also on revm, one node without consensus and without a disk.
    ///
    /// It gets what our chains get: the same gas limit, first in first out, no other bound on a block. It mines at an
    /// interval, because its mining at once takes the same waiting transactions again and again under load.
    ///
    /// # Errors
    /// Fails when it does not start.
    pub(super) async fn anvil(
        binary: &Path,
        block_time: f64,
        workload: &Workload,
    ) -> anyhow::Result<Self> {
        let port = free_address()?.port();
        let process = Command::new(binary)
            .args(["--silent", "--no-request-size-limit", "--order", "fifo"])
            .args(["--block-time", &block_time.to_string()])
            .args(["--max-transactions", "100000"])
            .args(["--port", &port.to_string()])
            .args(["--chain-id", &CHAIN_ID.to_string()])
            .args(["--gas-limit", &GAS_LIMIT.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("running {}", binary.display()))?;
        let target = Self {
            process,
            _dir: None,
            url: format!("http://127.0.0.1:{port}"),
            start_ms: None,
        };
        let client = Client::new(&target.url)?;
        let deadline = Instant::now() + START;
        while let Err(error) = client.call("eth_chainId", serde_json::json!([])).await {
            if Instant::now() > deadline {
                return Err(error.context("anvil does not answer"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let points = format!("{:#x}", U256::from(10).pow(U256::from(27)));
        for address in workload.addresses() {
            client
                .call("anvil_setBalance", serde_json::json!([address, points]))
                .await
                .context("funding an account")?;
        }
        Ok(target)
    }

    pub(super) const fn start_ms(&self) -> Option<f64> {
        self.start_ms
    }
}

impl Chain for Target {
    fn url(&self) -> &str {
        &self.url
    }

    fn usage(&self) -> anyhow::Result<Usage> {
        match self.process.id() {
            Some(id) => usage(&id.to_string()),
            None => bail!("the chain's process ended"),
        }
    }
}

/// A port nobody listens on at the moment.
///
/// # Errors
/// Fails when there is none.
pub(super) fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("taking a free port")?;
    listener.local_addr().context("reading the port")
}

/// Reads `/proc/<process>/stat` (fields 14 and 15, hundredths of a second) and `status`; `self` is this process.
///
/// # Errors
/// Fails when there is no such process.
pub(super) fn usage(process: &str) -> anyhow::Result<Usage> {
    let read = |file: &str| {
        let path = format!("/proc/{process}/{file}");
        std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))
    };
    let (stat, status) = (read("stat")?, read("status")?);
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse::<u64>().ok())
        .sum();
    let kib = |key: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(key)?.split_whitespace().next())
            .and_then(|value| value.parse::<f64>().ok())
            .with_context(|| format!("{key} of process {process}"))
    };
    Ok(Usage {
        cpu_seconds: ticks as f64 / 100.0,
        rss_mb: kib("VmRSS:")? * 1024.0 / 1e6,
        peak_mb: kib("VmHWM:")? * 1024.0 / 1e6,
    })
}
