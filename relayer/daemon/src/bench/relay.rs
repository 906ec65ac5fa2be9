//! Messages between the live chains: how many a second, how long each takes, beside what the chains themselves need.
//!
//! * floor: a lone transaction final on the source, one on the destination, and one block of the source, measured in the
//!   same run on the same chains. No relay by proof can be faster: the message must be final, its delivery must be final,
//!   and between the two there is a block to be certified.
//! * one at a time: the next message is sent when the last one was executed.
//! * saturated: all of them at once.
//! * with a competitor: a second relay with its own database and account works on the same lanes.
//!
//! The clock of a message runs from handing its transaction to the source until a final block of the destination shows
//! that it was executed.

mod report;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall as _, SolEvent as _, sol};
use anyhow::{Context as _, bail};
use causeway_adapter_api::{
    Action, Bump, Chain, ChainReader as _, ChainWriter as _, ContractReader as _, Height,
    HeightRange, Order, PreparedTx, TxStatus,
};
use causeway_adapter_hosted::adapter::HostedChain;
use causeway_contracts::Gateway;
use clap::Args;
use serde_json::json;

use self::report::{Floor, Found, Row, line, ms, print, quantile};
use super::load::Client;
use crate::{
    config::{self, Source},
    contracts::UNORDERED_LANE,
    daemon::{Chains, Daemon},
    drive::{DriveConfig, Driver, DriverHandle},
    relay::{RelayHandle, SendRequest},
    store::{Store, StoreKey},
};

sol! {
    function balanceOf(address owner) external view returns (uint256);
}

/// Options of `causeway bench relay`.
#[derive(Args, Clone, Debug)]
pub struct RelayBench {
    /// Lone transactions on each chain, and messages one at a time.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(5..=10_000))]
    single: u32,
    /// Messages at once.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(5..=5_000))]
    saturated: u32,
}

/// Measures and prints what it found.
///
/// # Errors
/// Fails when the chains do not start, or a message is not executed.
pub async fn relay(options: RelayBench, json: bool) -> anyhow::Result<()> {
    // Installed already by another client of this process: that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    eprintln!("starting both chains and the relay ...");
    let mut field = Field::start().await?;
    eprintln!("{} lone transactions on each chain ...", options.single);
    let floor = field.floor(options.single).await?;
    let mut rows = Vec::new();
    for competitor in [false, true] {
        let names = if competitor {
            field.compete().await?;
            ["one at a time, competitor", "saturated, competitor"]
        } else {
            ["one at a time", "saturated"]
        };
        for (name, at_once) in names.into_iter().zip([false, true]) {
            eprintln!("{name} ...");
            let sent = if at_once {
                field.round(options.saturated, Instant::now()).await?
            } else {
                field.single(options.single).await?
            };
            rows.push(field.row(name, &floor, &sent).await?);
        }
    }
    field.stop().await;
    let found = Found {
        bench: "relay",
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        floor,
        rows,
    };
    print(&found, json)
}

/// When messages were seen to be executed, and in which transaction, by their number.
type Executed = BTreeMap<u64, (Instant, B256)>;

/// The chains, the relay, and an account that sends.
struct Field {
    daemon: Daemon,
    source: HostedChain,
    destination: HostedChain,
    sender: Address,
    gateway: Address,
    /// JSON-RPC of the destination.
    client: Client,
    request: SendRequest,
    competitor: Option<(RelayHandle, DriverHandle)>,
    /// Up to where the destination was read.
    seen: Height,
    dir: tempfile::TempDir,
}

/// One message.
#[derive(Clone, Copy, Debug)]
struct Done {
    took: Duration,
    /// Since the row began.
    at: Duration,
    delivery: B256,
}

impl Field {
    async fn start() -> anyhow::Result<Self> {
        let dir = tempfile::tempdir().context("making a directory")?;
        let source = Source {
            data_dir: Some(dir.path().join("data")),
            ..Source::default()
        };
        let config = config::load(&source)?;
        let chains = Chains::start(&config).await?;
        chains.deploy().await?;
        let daemon = Daemon::start(&config, chains).await?;
        let chains = &daemon.chains;
        let of = |name: &str, account: &str| {
            let hosting = chains.hosting(name).context("a chain of the profile")?;
            let found = chains.as_account(hosting, account);
            found.context("an account of the profile")
        };
        let (source, destination) = (of("consortium", SENDER)?, of("public", SENDER)?);
        let account = |name: &str| chains.accounts.get(name).copied().context("an account");
        let sender = account(SENDER)?;
        let public = chains.hosting("public").context("the public chain")?;
        let rpc = public.rpc.context("JSON-RPC of the public chain")?;
        let request = SendRequest {
            from: source.info().id,
            account: sender,
            to: destination.info().id,
            recipient: public.points_token.context("points")?,
            payload: balanceOfCall { owner: sender }.abi_encode().into(),
            call: true,
            order: causeway_core::lane::Order::Unordered,
            deadline: None,
            gas_limit: None,
        };
        let gateway = chains.messaging().context("gateways")?.gateway;
        let seen = destination.finalized().await?.height;
        Ok(Self {
            client: Client::new(&format!("http://{rpc}"))?,
            daemon,
            source,
            destination,
            sender,
            gateway,
            request,
            competitor: None,
            seen,
            dir,
        })
    }

    /// A second relay, as another operator would run it.
    async fn compete(&mut self) -> anyhow::Result<()> {
        let chains = &self.daemon.chains;
        let account = chains.accounts.get(COMPETITOR).copied();
        let account = account.context("an account of the profile")?;
        let path = self.dir.path().join("competitor.sqlite");
        let store = Arc::new(Store::open(&path, StoreKey::new([7; 32])).await?);
        let mut own: Vec<Arc<dyn Chain>> = Vec::new();
        for hosting in &chains.hosted {
            let chain = chains.as_account(hosting, COMPETITOR);
            own.push(Arc::new(chain.context("an account of the profile")?));
        }
        let driver = Driver::start(DriveConfig::default(), Arc::clone(&store), own.clone()).await?;
        let mut config = chains.relay_config();
        for site in &mut config.sites {
            site.account = account;
        }
        let relay = RelayHandle::start(config, store, driver.clone(), own);
        // It has read what is behind it once it knows the newest message.
        let newest = self.daemon.relay.list(1, 0).await?;
        if let Some(row) = newest.first() {
            let began = Instant::now();
            while relay.show(row.state.sent.id).await.is_err() {
                if began.elapsed() > PATIENCE {
                    bail!("the competitor does not read the gateways");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        self.competitor = Some((relay, driver));
        Ok(())
    }

    async fn floor(&self, count: u32) -> anyhow::Result<Floor> {
        let (source, block_ms) = self.lone(&self.source, count).await?;
        let (destination, _) = self.lone(&self.destination, count).await?;
        let (s50, s99) = (quantile(&source, 50), quantile(&source, 99));
        let (d50, d99) = (quantile(&destination, 50), quantile(&destination, 99));
        Ok(Floor {
            source_p50_ms: s50,
            source_p99_ms: s99,
            destination_p50_ms: d50,
            destination_p99_ms: d99,
            block_ms,
            p50_ms: s50 + d50 + block_ms,
            p99_ms: s99 + d99 + block_ms,
        })
    }

    /// Sorted milliseconds of transactions one after the other, and the time between two blocks meanwhile.
    async fn lone(&self, chain: &HostedChain, count: u32) -> anyhow::Result<(Vec<f64>, f64)> {
        let (mut took, mut begun) = (Vec::new(), None);
        for _ in 0..count {
            let tx = self
                .prepared(chain, Some(self.sender), Bytes::new(), 0)
                .await?;
            let now = Instant::now();
            let height = chain.finalized().await?.height;
            begun.get_or_insert((now, height));
            chain.broadcast(&tx).await?;
            final_one(chain, tx.id).await?;
            took.push(ms(now.elapsed()));
        }
        let (began, first) = begun.context("no transaction")?;
        let blocks = chain.finalized().await?.height.0.saturating_sub(first.0);
        took.sort_unstable_by(f64::total_cmp);
        Ok((took, ms(began.elapsed()) / blocks.max(1) as f64))
    }

    /// A transaction of the sender, `ahead` nonces after its next one.
    async fn prepared(
        &self,
        chain: &HostedChain,
        to: Option<Address>,
        data: Bytes,
        ahead: u64,
    ) -> anyhow::Result<PreparedTx> {
        let nonce = chain.next_nonce(self.sender).await?.saturating_add(ahead);
        let order = Order {
            account: self.sender,
            action: Action::Call {
                to,
                value: U256::ZERO,
                data,
            },
        };
        Ok(chain.prepare(&order, nonce, Bump(0)).await?)
    }

    async fn single(&mut self, count: u32) -> anyhow::Result<Vec<Done>> {
        let (row, mut all) = (Instant::now(), Vec::new());
        for index in 0..count {
            // The pauses grow and start again, so that messages fall everywhere between two heartbeats.
            tokio::time::sleep(PAUSE * (1 + index % 11)).await;
            all.extend(self.round(1, row).await?);
        }
        Ok(all)
    }

    /// Sends so many messages as fast as they are taken, and waits until all of them were executed.
    async fn round(&mut self, count: u32, row: Instant) -> anyhow::Result<Vec<Done>> {
        let mut txs = Vec::new();
        for ahead in 0..u64::from(count) {
            let (to, data) = (Some(self.gateway), self.request.data());
            txs.push(self.prepared(&self.source, to, data, ahead).await?);
        }
        let send = async {
            let mut sent = BTreeMap::new();
            for tx in &txs {
                sent.insert(tx.id.0, Instant::now());
                self.source.broadcast(tx).await?;
            }
            anyhow::Ok((self.appended(&txs).await?, sent))
        };
        // Deliveries go on meanwhile: the destination's blocks are read as they come.
        let ((indices, sent), (executed, seen)) = tokio::try_join!(send, self.executed(count))?;
        self.seen = seen;
        let mut all = Vec::new();
        for (index, tx) in indices {
            let begun = sent.get(&tx).context("a message of nobody")?;
            let (seen, delivery) = executed.get(&index).context("another message came")?;
            all.push(Done {
                took: seen.duration_since(*begun),
                at: seen.duration_since(row),
                delivery: *delivery,
            });
        }
        Ok(all)
    }

    /// Numbers of the messages that these transactions sent.
    async fn appended(&self, txs: &[PreparedTx]) -> anyhow::Result<Vec<(u64, B256)>> {
        let mut from = None;
        for tx in txs {
            let height = final_one(&self.source, tx.id).await?;
            from.get_or_insert(height);
        }
        let range = HeightRange {
            from: from.context("no transaction")?,
            to: self.source.finalized().await?.height,
        };
        let logs = self.source.logs(&[self.gateway], range).await?;
        let of_ours = logs
            .iter()
            .filter(|log| txs.iter().any(|tx| tx.id == log.tx));
        let mut found = Vec::new();
        for log in of_ours {
            let raw = alloy_primitives::Log::new(log.address, log.topics.clone(), log.data.clone());
            let item = raw.as_ref().map(Gateway::ItemAppended::decode_log);
            if let Some(Ok(item)) = item {
                found.push((item.data.index, log.tx.0));
            }
        }
        if found.len() != txs.len() {
            bail!("{} transactions sent {} messages", txs.len(), found.len());
        }
        Ok(found)
    }

    /// Waits until so many messages were executed: when each was seen to be, and in which transaction.
    async fn executed(&self, count: u32) -> anyhow::Result<(Executed, Height)> {
        let (mut found, mut seen) = (Executed::new(), self.seen);
        let began = Instant::now();
        while found.len() < count as usize {
            let tip = self.destination.finalized_after(seen);
            let tip = tokio::time::timeout(PATIENCE, tip).await;
            let tip = tip.context("no message is executed")??.height;
            let range = HeightRange {
                from: seen.next(),
                to: tip,
            };
            let now = Instant::now();
            for log in self.destination.logs(&[self.gateway], range).await? {
                let raw = alloy_primitives::Log::new(log.address, log.topics.clone(), log.data);
                if let Some(Ok(event)) = raw.as_ref().map(Gateway::MessageExecuted::decode_log)
                    && event.data.lane == UNORDERED_LANE
                {
                    found.insert(event.data.index, (now, log.tx.0));
                }
            }
            seen = tip;
            if began.elapsed() > ROW {
                bail!(
                    "{} of {count} messages are executed after {ROW:?}",
                    found.len()
                );
            }
        }
        Ok((found, seen))
    }

    async fn row(&self, name: &'static str, floor: &Floor, all: &[Done]) -> anyhow::Result<Row> {
        let mut took: Vec<f64> = all.iter().map(|done| ms(done.took)).collect();
        took.sort_unstable_by(f64::total_cmp);
        let mut batches: BTreeMap<B256, u32> = BTreeMap::new();
        for done in all {
            *batches.entry(done.delivery).or_default() += 1;
        }
        let mut gas = Vec::new();
        for (tx, items) in &batches {
            let receipt = self
                .client
                .call("eth_getTransactionReceipt", json!([tx]))
                .await?;
            let used = receipt.get("gasUsed").and_then(|used| used.as_str());
            let used =
                used.and_then(|hex| u64::from_str_radix(hex.trim_start_matches("0x"), 16).ok());
            gas.push((
                f64::from(*items),
                used.context("a receipt with gasUsed")? as f64,
            ));
        }
        let mut sizes: Vec<u32> = batches.values().copied().collect();
        sizes.sort_unstable();
        let last = all.iter().map(|done| done.at).max().unwrap_or_default();
        let spent: f64 = gas.iter().map(|(_, used)| used).sum();
        let line = line(&gas);
        let (p50, p99) = (quantile(&took, 50), quantile(&took, 99));
        let rounded = |value: f64| value.round() as u64;
        Ok(Row {
            row: name,
            messages: all.len(),
            per_second: all.len() as f64 / last.as_secs_f64(),
            p50_ms: p50,
            p99_ms: p99,
            max_ms: quantile(&took, 100),
            p50_blocks: p50 / floor.block_ms,
            p99_blocks: p99 / floor.block_ms,
            p99_of_floor: p99 / floor.p99_ms,
            deliveries: batches.len(),
            batch_p50: sizes.get(sizes.len() / 2).map_or(0, |size| *size as usize),
            batch_max: sizes.last().map_or(0, |size| *size as usize),
            gas_per_message: rounded(spent / all.len().max(1) as f64),
            gas_fixed: line.map(|(fixed, _)| rounded(fixed)),
            gas_per_item: line.map(|(_, each)| rounded(each)),
        })
    }

    async fn stop(self) {
        if let Some((relay, driver)) = self.competitor {
            relay.shutdown().await;
            driver.shutdown().await;
        }
        self.daemon.stop().await;
    }
}

/// Waits until a transaction is final; returns its height.
async fn final_one(chain: &HostedChain, id: causeway_adapter_api::TxId) -> anyhow::Result<Height> {
    let began = Instant::now();
    loop {
        let tip = chain.finalized().await?.height;
        match chain.status(id).await? {
            TxStatus::Final {
                at,
                succeeded: true,
                ..
            } => return Ok(at.height),
            TxStatus::Final { .. } => bail!("transaction {id} reverted"),
            TxStatus::Unknown | TxStatus::Pending => {}
        }
        if began.elapsed() > PATIENCE {
            bail!("transaction {id} is not final after {PATIENCE:?}");
        }
        // A time-out only means that nothing happened yet.
        let _ = tokio::time::timeout(PAUSE, chain.finalized_after(tip)).await;
    }
}

/// Account that sends; the daemon does not use its key.
const SENDER: &str = "dave";
/// Account of the second relay; the daemon does not use its key either.
const COMPETITOR: &str = "carol";
/// The longest wait for one thing.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest row.
const ROW: Duration = Duration::from_secs(300);
/// The shortest pause.
const PAUSE: Duration = Duration::from_millis(37);
