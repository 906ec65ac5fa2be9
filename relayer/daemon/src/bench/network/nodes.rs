//! Validators as processes of their own, each on its host: `causeway node` with a configuration, a genesis and a key file.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, Bytes, U256};
use anyhow::{Context as _, bail, ensure};
use causeway_adapter_hosted::spec::{ChainSpec, FeePolicy, GenesisAccount, ValidatorEntry};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::hosts::Place;
use crate::bench::{
    chains::GAS_LIMIT,
    load::Client,
    target::{Chain, Usage, usage},
    work::{CHAIN_ID, Workload},
};

/// Longest a node may take to come up, and a chain to go on.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);
/// How often something is looked at.
pub(super) const LOOK: Duration = Duration::from_millis(5);

/// One validator, running or not.
pub(super) struct Node {
    home: PathBuf,
    place: Place,
    process: Option<Child>,
    pub(super) client: Client,
}

/// All validators of a chain.
pub(super) struct Nodes {
    pub(super) all: Vec<Node>,
    url: String,
}

impl Nodes {
    /// Makes keys, genesis and configuration below `dir`, one directory for each place.
    ///
    /// # Errors
    /// Fails when a key or file cannot be made.
    pub(super) async fn new(
        dir: &Path,
        places: Vec<Place>,
        workload: &Workload,
    ) -> anyhow::Result<Self> {
        let url = format!("http://{}", places.first().context("a place")?.rpc);
        let (mut all, mut validators) = (Vec::new(), Vec::new());
        for (index, place) in places.into_iter().enumerate() {
            let home = dir.join(format!("validator-{index}"));
            fs::create_dir_all(&home)?;
            validators.push(new_key(&home, &place).await?);
            let config = configuration(&place);
            fs::write(home.join("node.toml"), config)?;
            all.push(Node {
                client: Client::new(&format!("http://{}", place.rpc))?,
                home,
                place,
                process: None,
            });
        }
        let genesis = serde_json::to_vec(&genesis(validators, workload))?;
        for node in &all {
            fs::write(node.home.join("genesis.json"), &genesis)?;
        }
        Ok(Self { all, url })
    }

    /// Starts all of them and waits for a final block after 0 at the first; returns how long that took.
    ///
    /// # Errors
    /// Fails when one does not start.
    pub(super) async fn start(&mut self) -> anyhow::Result<Duration> {
        let begin = Instant::now();
        for node in &mut self.all {
            node.start()?;
        }
        self.first_mut()?.reaches(1).await?;
        Ok(begin.elapsed())
    }

    /// The one that clients talk to.
    ///
    /// # Errors
    /// Fails when there is none.
    pub(super) fn first(&self) -> anyhow::Result<&Node> {
        self.all.first().context("a validator")
    }

    /// The same, to wait for it.
    ///
    /// # Errors
    /// Fails when there is none.
    pub(super) fn first_mut(&mut self) -> anyhow::Result<&mut Node> {
        self.all.first_mut().context("a validator")
    }

    /// The one that is lost and comes back.
    ///
    /// # Errors
    /// Fails when there is none.
    pub(super) fn last(&mut self) -> anyhow::Result<&mut Node> {
        self.all.last_mut().context("a validator")
    }
}

impl Chain for Nodes {
    fn url(&self) -> &str {
        &self.url
    }

    /// The sum over all that run.
    fn usage(&self) -> anyhow::Result<Usage> {
        let mut sum = Usage::default();
        for node in &self.all {
            let Some(process) = &node.process else {
                continue;
            };
            let id = process.id().context("a validator ended")?;
            let one = usage(&id.to_string())?;
            sum.cpu_seconds += one.cpu_seconds;
            sum.rss_mb += one.rss_mb;
            sum.peak_mb += one.peak_mb;
        }
        Ok(sum)
    }
}

impl Node {
    /// Starts it, or starts it again.
    ///
    /// # Errors
    /// Fails when the process cannot be started.
    pub(super) fn start(&mut self) -> anyhow::Result<()> {
        let own = std::env::current_exe().context("finding this program")?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.home.join("log"))?;
        // `ip netns exec` becomes the program it starts: the process is the validator's.
        let process = Command::new("ip")
            .args(["netns", "exec", &self.place.name])
            .arg(own)
            .args(["node", "--config", "node.toml"])
            .current_dir(&self.home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("starting a validator")?;
        self.process = Some(process);
        Ok(())
    }

    /// Kills it as `kill -9` does.
    ///
    /// # Errors
    /// Fails when it does not run.
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        let mut process = self.process.take().context("it does not run")?;
        process.kill().await.context("killing a validator")
    }

    /// Throws away everything it has learnt: it joins from genesis when it starts again.
    ///
    /// # Errors
    /// Fails when the files cannot be removed.
    pub(super) fn forget(&self) -> anyhow::Result<()> {
        ensure!(self.process.is_none(), "it runs");
        fs::remove_dir_all(self.home.join("data")).context("removing its data")
    }

    /// Waits until it has a final block of this height.
    ///
    /// # Errors
    /// Fails when it has none in time or ends, with the end of its log.
    pub(super) async fn reaches(&mut self, height: u64) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut last = Instant::now();
        loop {
            let now = self.client.height().await;
            if now.as_ref().is_ok_and(|now| *now >= height) {
                return Ok(());
            }
            let running = self.process.as_mut().map(Child::try_wait);
            if let Some(Ok(Some(status))) = running {
                bail!("{} ended, {status}: {}", self.place.name, self.log());
            }
            if Instant::now() > deadline {
                bail!(
                    "{} has no block {height} after {PATIENCE:?} ({now:?}): {}",
                    self.place.name,
                    self.log()
                );
            }
            if last.elapsed() > Duration::from_secs(10) {
                last = Instant::now();
                eprintln!(
                    "  {}: block {} of {height}",
                    self.place.name,
                    now.unwrap_or_default()
                );
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The last lines of its log.
    fn log(&self) -> String {
        let all = fs::read_to_string(self.home.join("log")).unwrap_or_default();
        let lines: Vec<&str> = all.lines().collect();
        lines
            .get(lines.len().saturating_sub(5)..)
            .unwrap_or_default()
            .join("\n")
    }
}

async fn new_key(home: &Path, place: &Place) -> anyhow::Result<ValidatorEntry> {
    fs::write(home.join("password"), "a password of the bench\n")?;
    let own = std::env::current_exe().context("finding this program")?;
    let output = Command::new(own)
        .args(["key", "new", "--out", "validator.json"])
        .args(["--password-file", "password"])
        .args(["--validator", &place.peers.to_string(), "--json"])
        .current_dir(home)
        .output()
        .await
        .context("making a key")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "making a key: {said}");
    serde_json::from_slice(&output.stdout).context("a validator's entry")
}

fn configuration(place: &Place) -> String {
    format!(
        r#"profile = "local"
data_dir = "data"
[api]
listen = "127.0.0.1:0"
[hosted.bench]
kind = "public"
chain_id = {CHAIN_ID}
genesis_file = "genesis.json"
rpc.listen = "{}"
[[hosted.bench.validators]]
keystore_file = "validator.json"
password_file = "password"
listen = "{}"
"#,
        place.rpc, place.peers
    )
}

fn genesis(validators: Vec<ValidatorEntry>, workload: &Workload) -> ChainSpec {
    let rich = GenesisAccount {
        balance: U256::from(10).pow(U256::from(27)),
        code: Bytes::new(),
    };
    let alloc: BTreeMap<Address, GenesisAccount> = workload
        .addresses()
        .map(|address| (address, rich.clone()))
        .collect();
    ChainSpec {
        name: "bench".into(),
        chain_id: CHAIN_ID,
        genesis_time_ms: 1_700_000_000_000,
        gas_limit: GAS_LIMIT,
        fee: FeePolicy::Eip1559 {
            initial_base_fee: 1_000_000_000,
        },
        epoch_length: 10_000_000,
        heartbeat_ms: 1_000,
        min_interval_ms: 20,
        administrator: Address::repeat_byte(1),
        validators,
        alloc,
    }
}

/// Sends one transaction and waits until it is in a final block; returns how long that took.
///
/// # Errors
/// Fails when it is refused or takes longer than half a minute.
pub(super) async fn lone(
    client: &Client,
    workload: &Workload,
    place: usize,
) -> anyhow::Result<Duration> {
    let signed = workload.transaction(place);
    let begin = Instant::now();
    let hash: Value = client
        .call("eth_sendRawTransaction", json!([signed.raw]))
        .await?;
    client.included(&hash, LOOK).await?;
    Ok(begin.elapsed())
}
