//! Hosted chains for the bench, and the process that runs one.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_consensus::Header;
use alloy_primitives::{Address, Bytes, U256, keccak256};
use anyhow::Context as _;
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
use clap::Args;
use secp256k1::SecretKey;
use tokio::io::AsyncReadExt as _;

use super::{
    target::{Served, free_address},
    work::{CHAIN_ID, Work, Workload},
};

/// Gas of a block, on every chain of the bench.
pub(super) const GAS_LIMIT: u64 = 400_000_000;

/// Validators of a chain with keys made from its name, for throw-away chains alone.
///
/// # Errors
/// Fails when no port is free.
pub(super) fn validators(chain: &str, count: usize) -> anyhow::Result<Vec<LocalValidator>> {
    (0..count)
        .map(|i| {
            let seed = keccak256(format!("causeway {chain} network {i}")).0;
            let vote =
                SecretKey::from_byte_array(keccak256(format!("causeway {chain} vote {i}")).0)?;
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

/// A chain on which the accounts of the load are rich.
pub(super) fn spec(
    name: &str,
    chain_id: u64,
    fee: FeePolicy,
    workload: &Workload,
    validators: &[LocalValidator],
) -> Arc<ChainSpec> {
    let rich = GenesisAccount {
        balance: U256::from(10).pow(U256::from(27)),
        code: Bytes::new(),
    };
    let alloc: BTreeMap<Address, GenesisAccount> = workload
        .addresses()
        .map(|address| (address, rich.clone()))
        .collect();
    Arc::new(ChainSpec {
        name: name.into(),
        chain_id,
        genesis_time_ms: 1_700_000_000_000,
        gas_limit: GAS_LIMIT,
        fee,
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

async fn serve_rpc(node: Node) -> anyhow::Result<(RpcHandle, String)> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let handle = rpc::start(node, RpcConfig::new(listen, Access::Open))
        .await
        .context("starting RPC")?;
    let url = format!("http://{}", handle.addr);
    Ok((handle, url))
}

/// Options of `causeway bench serve`.
#[derive(Args, Clone, Debug)]
pub struct ServeBench {
    /// Validators; 1 means one without consensus.
    #[arg(long)]
    validators: usize,
    /// Every validator executes every block itself instead of sharing results by block hash.
    #[arg(long)]
    no_share: bool,
    /// Accounts of the load that have points from the start.
    #[arg(long)]
    accounts: u64,
    /// Where the chain keeps its files.
    #[arg(long)]
    dir: PathBuf,
}

/// Runs one chain, says where on one line, and ends when its standard input does.
///
/// # Errors
/// Fails when the chain does not start.
pub async fn serve(options: ServeBench) -> anyhow::Result<()> {
    let workload = Workload::new(Work::Native, options.accounts);
    let mut stdin = tokio::io::stdin();
    let mut rest = Vec::new();
    let say = |served: &Served| -> anyhow::Result<()> {
        println!("{}", serde_json::to_string(served)?);
        Ok(())
    };
    if options.validators == 1 {
        let solo = Solo::start(&workload, &options.dir).await?;
        say(&Served {
            url: solo.url.clone(),
            start_ms: None,
        })?;
        stdin.read_to_end(&mut rest).await?;
        return Ok(());
    }
    let fee = FeePolicy::Eip1559 {
        initial_base_fee: 1_000_000_000,
    };
    let validators = validators("bench", options.validators)?;
    let spec = spec("bench", CHAIN_ID, fee, &workload, &validators);
    let hosted = Hosted::start(spec, validators, !options.no_share, &options.dir).await?;
    say(&Served {
        url: hosted.url,
        start_ms: Some(hosted.start_ms),
    })?;
    stdin.read_to_end(&mut rest).await?;
    Ok(())
}

/// A whole chain in this process.
pub(super) struct Hosted {
    host: Host,
    _rpc: RpcHandle,
    pub(super) url: String,
    /// From nothing to the first final block.
    pub(super) start_ms: f64,
}

impl Hosted {
    /// Starts a chain and waits for a block that was not there before.
    ///
    /// # Errors
    /// Fails when it makes none within 30 seconds.
    pub(super) async fn start(
        spec: Arc<ChainSpec>,
        validators: Vec<LocalValidator>,
        share_execution: bool,
        dir: &Path,
    ) -> anyhow::Result<Self> {
        let begin = Instant::now();
        let config = HostConfig {
            spec,
            data_dir: dir.to_owned(),
            validators,
            share_execution,
            pool: pool_limits(),
            history: Default::default(),
        };
        let host = tokio::task::spawn_blocking(move || Host::start(config)).await??;
        let (rpc, url) = serve_rpc(host.node()).await?;
        let mut tip = host.node().ledger.watch_tip();
        let known = tip.borrow().block().number();
        let first = tip.wait_for(|block| block.block().number() > known);
        tokio::time::timeout(Duration::from_secs(30), first)
            .await
            .context("no block in 30 s")??;
        let start_ms = begin.elapsed().as_secs_f64() * 1000.0;
        Ok(Self {
            host,
            _rpc: rpc,
            url,
            start_ms,
        })
    }
}

impl Hosted {
    /// The chain itself.
    pub(super) fn node(&self) -> Node {
        self.host.node()
    }
}

/// One validator that asks nobody: pool, execution, roots, disk and RPC, without consensus.
pub(super) struct Solo {
    node: Node,
    sealer: tokio::task::JoinHandle<()>,
    _rpc: RpcHandle,
    url: String,
}

impl Solo {
    pub(super) async fn start(workload: &Workload, dir: &Path) -> anyhow::Result<Self> {
        let fee = FeePolicy::Eip1559 {
            initial_base_fee: 1_000_000_000,
        };
        let spec = spec("bench", CHAIN_ID, fee, workload, &validators("bench", 4)?);
        let genesis = spec.genesis()?.0.hash();
        let ledger = Ledger::open(spec.clone(), &dir.join("solo.redb"), None, None)?;
        let pool = TxPool::new(spec, ledger.tip().state.clone(), pool_limits());
        let node = Node::new(ledger, pool, genesis);
        let sealer = tokio::spawn(seal(node.clone()));
        let (rpc, url) = serve_rpc(node.clone()).await?;
        Ok(Self {
            node,
            sealer,
            _rpc: rpc,
            url,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The chain itself.
    pub(super) fn node(&self) -> Node {
        self.node.clone()
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
