//! The chains a bench runs against.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_consensus::Header;
use alloy_primitives::{Address, Bytes, U256, keccak256};
use anyhow::{Context as _, bail};
use causeway_adapter_hosted::{
    block::Attributes,
    host::{Host, HostConfig, LocalValidator, ValidatorKeys},
    ledger::Ledger,
    node::Node,
    pool::{PoolLimits, TxPool},
    rpc::{self, Access, RpcConfig, RpcHandle},
    spec::{ChainSpec, FeePolicy, GenesisAccount},
    state::WorldState,
};
use secp256k1::SecretKey;
use tokio::process::{Child, Command};

use super::work::{CHAIN_ID, Workload};

const GAS_LIMIT: u64 = 400_000_000;

fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("taking a free port")?;
    listener.local_addr().context("reading the port")
}

fn validators(count: usize) -> anyhow::Result<Vec<LocalValidator>> {
    (0..count)
        .map(|i| {
            let seed = keccak256(format!("causeway bench network {i}")).0;
            let vote = SecretKey::from_byte_array(keccak256(format!("causeway bench vote {i}")).0)?;
            let keys = ValidatorKeys {
                network_seed: seed.into(),
                vote,
            };
            Ok(LocalValidator {
                keys,
                listen: free_address()?,
            })
        })
        .collect()
}

fn spec(workload: &Workload, validators: &[LocalValidator]) -> Arc<ChainSpec> {
    let rich = GenesisAccount {
        balance: U256::from(10).pow(U256::from(27)),
        code: Bytes::new(),
    };
    let alloc: BTreeMap<Address, GenesisAccount> = workload
        .addresses()
        .map(|address| (address, rich.clone()))
        .collect();
    Arc::new(ChainSpec {
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
        validators: validators
            .iter()
            .map(|v| v.keys.entry(v.listen.to_string()))
            .collect(),
        alloc,
    })
}

fn pool_limits() -> PoolLimits {
    PoolLimits {
        total: 100_000,
        per_sender: 10_000,
        ..PoolLimits::default()
    }
}

async fn serve(node: Node) -> anyhow::Result<(RpcHandle, String)> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let handle = rpc::start(node, RpcConfig::new(listen, Access::Open))
        .await
        .context("starting RPC")?;
    let url = format!("http://{}", handle.addr);
    Ok((handle, url))
}

/// A whole chain in this process.
pub(super) struct Hosted {
    _host: Host,
    _rpc: RpcHandle,
    _dir: tempfile::TempDir,
    url: String,
    start_ms: f64,
}

impl Hosted {
    pub(super) async fn start(
        workload: &Workload,
        count: usize,
        share_execution: bool,
    ) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir().context("making a directory")?;
        let validators = validators(count)?;
        let spec = spec(workload, &validators);
        let begin = Instant::now();
        let config = HostConfig {
            spec,
            data_dir: dir.path().to_owned(),
            validators,
            share_execution,
            pool: pool_limits(),
        };
        let host = tokio::task::spawn_blocking(move || Host::start(config)).await??;
        let (rpc, url) = serve(host.node()).await?;
        let mut tip = host.node().ledger.watch_tip();
        let first = tip.wait_for(|block| block.block().number() > 0);
        tokio::time::timeout(Duration::from_secs(30), first)
            .await
            .context("no block in 30 s")??;
        let start_ms = begin.elapsed().as_secs_f64() * 1000.0;
        Ok(Self {
            _host: host,
            _rpc: rpc,
            _dir: dir,
            url,
            start_ms,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn start_ms(&self) -> f64 {
        self.start_ms
    }
}

/// One validator that asks nobody: pool, execution, roots, disk and RPC, without consensus.
pub(super) struct Solo {
    node: Node,
    sealer: tokio::task::JoinHandle<()>,
    _rpc: RpcHandle,
    _dir: tempfile::TempDir,
    url: String,
}

impl Solo {
    pub(super) async fn start(workload: &Workload) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir().context("making a directory")?;
        let spec = spec(workload, &validators(4)?);
        let genesis = spec.genesis()?.0.hash();
        let ledger = Ledger::open(spec.clone(), &dir.path().join("solo.redb"), None)?;
        let pool = TxPool::new(spec, ledger.tip().state.clone(), pool_limits());
        let node = Node::new(ledger, pool, genesis);
        let sealer = tokio::spawn(seal(node.clone()));
        let (rpc, url) = serve(node.clone()).await?;
        Ok(Self {
            node,
            sealer,
            _rpc: rpc,
            _dir: dir,
            url,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Newest state, its header, and the spec.
    pub(super) fn tip(&self) -> (WorldState, Header, Arc<ChainSpec>) {
        let tip = self.node.ledger.tip();
        (
            tip.state.clone(),
            tip.block().header().clone(),
            self.node.spec().clone(),
        )
    }
}

impl Drop for Solo {
    fn drop(&mut self) {
        self.sealer.abort();
    }
}

async fn seal(node: Node) {
    loop {
        let arrival = node.pool.arrival();
        let tip = node.ledger.tip();
        if !node
            .pool
            .has_candidates(&tip.state, node.spec().next_base_fee(tip.block().header()))
        {
            arrival.await;
            continue;
        }
        let node = node.clone();
        let sealed = tokio::task::spawn_blocking(move || {
            let now = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX));
            let time_ms = now.max(tip.block().time_ms() + 1);
            let built = node.ledger.propose(
                &tip,
                &node.pool,
                Attributes {
                    time_ms,
                    beneficiary: Address::ZERO,
                },
            );
            let kept = node.ledger.finalize(built.block(), &node.pool, || ());
            node.pool.on_final(&node.ledger.tip());
            kept
        });
        if !matches!(sealed.await, Ok(Ok(()))) {
            return;
        }
    }
}

/// A peer: foundry's anvil, an Ethereum node for tests, also on revm, one node without consensus.
pub(super) struct Anvil {
    _process: Child,
    url: String,
}

impl Anvil {
    pub(super) async fn start(binary: &Path, workload: &Workload) -> anyhow::Result<Self> {
        let port = free_address()?.port();
        let process = Command::new(binary)
            .args(["--silent", "--no-request-size-limit", "--order", "fifo"])
            .args([
                "--port",
                &port.to_string(),
                "--chain-id",
                &CHAIN_ID.to_string(),
            ])
            .args(["--gas-limit", &GAS_LIMIT.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("running {}", binary.display()))?;
        let url = format!("http://127.0.0.1:{port}");
        let http = reqwest::Client::builder().no_proxy().build()?;
        let deadline = Instant::now() + Duration::from_secs(20);
        let call = |method: &str, params: serde_json::Value| {
            let body =
                serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
            http.post(&url).json(&body).send()
        };
        while call("eth_chainId", serde_json::json!([])).await.is_err() {
            if Instant::now() > deadline {
                bail!("anvil does not answer after 20 s");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for address in workload.addresses() {
            let points = format!("{:#x}", U256::from(10).pow(U256::from(27)));
            call("anvil_setBalance", serde_json::json!([address, points]))
                .await
                .context("funding an account")?;
        }
        Ok(Self {
            _process: process,
            url,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}
