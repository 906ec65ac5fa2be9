//! Hosting the validators of one chain in this process.

use std::{
    any::Any,
    fs, io,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};

use alloy_primitives::B256;
use commonware_codec::{Copying, DecodeExt as _};
use commonware_cryptography::{Signer as _, ed25519::PrivateKey};
use commonware_runtime::{Runner as _, Spawner as _, Supervisor as _, tokio as runtime};
use secp256k1::SecretKey;
use tokio::sync::{mpsc, oneshot, watch};
use zeroize::Zeroizing;

use crate::{
    engine::{self, EngineError, Identity, Validator},
    equivocation::Convictions,
    follow::{Follower, Patience, SourceConfig, SourceConfigError, Sources, Standing},
    ledger::{ExecutionCache, Ledger, LedgerError},
    node::Node,
    pool::{PoolLimits, TxPool},
    scheme,
    snapshot::{self, Shelf, SnapshotError},
    spec::{ChainSpec, ValidatorEntry},
};

/// Threads consensus and connections of one chain run on.
const WORKERS: usize = 2;
/// A disk that does not take as many bytes more is full.
const ROOM: usize = 1 << 20;

/// The two keys of a validator.
#[derive(Clone)]
pub struct ValidatorKeys {
    /// Seed of the ed25519 key of its connections (RFC 8032).
    pub network_seed: Zeroizing<[u8; 32]>,
    /// secp256k1 key of its votes.
    pub vote: SecretKey,
}

impl ValidatorKeys {
    /// The public side, as a spec or the `ValidatorSet` contract names it.
    pub fn entry(&self, endpoint: String) -> ValidatorEntry {
        let network = self.network().public_key();
        ValidatorEntry {
            vote: scheme::address_of(&self.vote),
            network: B256::from_slice(network.as_ref()),
            endpoint,
        }
    }

    fn network(&self) -> PrivateKey {
        // INVARIANT: every 32 bytes are a valid ed25519 seed.
        PrivateKey::decode(Copying(self.network_seed.as_slice()))
            .expect("any 32 bytes are an ed25519 seed")
    }
}

impl std::fmt::Debug for ValidatorKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ValidatorKeys")
            .field(&scheme::address_of(&self.vote))
            .finish()
    }
}

/// A validator this process runs.
#[derive(Clone, Debug)]
pub struct LocalValidator {
    /// Its keys.
    pub keys: ValidatorKeys,
    /// Where it accepts connections of its peers.
    pub listen: SocketAddr,
}

/// What [`Host::start`] needs.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// The chain.
    pub spec: Arc<ChainSpec>,
    /// Directory for everything this chain keeps; made when missing.
    pub data_dir: PathBuf,
    /// Validators to run here: all of them in the daemon, one in `causeway node`, none in a node that only reads.
    pub validators: Vec<LocalValidator>,
    /// Whether the validators here share executed blocks by hash; without it each executes every block itself, as on
    /// hosts of their own.
    pub share_execution: bool,
    /// Bounds of the pool.
    pub pool: PoolLimits,
    /// Where it reads without a seat, how it begins, what it keeps.
    pub history: History,
}

/// How a node keeps up without a seat, how it begins, and how much of the past it keeps.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Nodes it reads from while it has no seat. Without any, only validators of the present set can run.
    pub sources: SourceConfig,
    /// Begin with the newest snapshot of a source where nothing is here yet; else with genesis.
    pub from_snapshot: bool,
    /// Make a snapshot at the end of every so many epochs and serve it; 0 makes none.
    pub snapshot_every: u64,
    /// Drop bodies and receipts of blocks older than this many; `None` keeps all: an archive.
    pub keep_blocks: Option<u64>,
}

/// Why a chain cannot be hosted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// Neither validator nor source was given.
    #[error("chain {0}: no validator to run here, and no source to read from")]
    NoValidators(String),
    /// The sources cannot be used.
    #[error("chain {chain}: {source}")]
    Sources {
        /// Which chain.
        chain: String,
        /// Why.
        #[source]
        source: SourceConfigError,
    },
    /// A snapshot is not brought here, not believed, or cannot be served.
    #[error("chain {chain}: {source}")]
    Snapshot {
        /// Which chain.
        chain: String,
        /// Why.
        #[source]
        source: Box<SnapshotError>,
    },
    /// The data directory cannot be made.
    #[error("cannot make the directory {path}")]
    DataDir {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The address of a validator is taken.
    #[error(
        "cannot listen on {listen} for the peers of a validator of {chain}: is another daemon running?"
    )]
    Listen {
        /// Which chain.
        chain: String,
        /// Where.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A ledger cannot be opened.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A thread cannot be started.
    #[error("cannot start the consensus thread of {chain}")]
    Thread {
        /// Which chain.
        chain: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Why running validators have stopped by themselves.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostFailure {
    /// The disk takes no more.
    #[error(
        "the validators of {chain} have stopped, because {dir} cannot be written: {problem}; make room on its disk, or make it writable, and start again: no final block is lost, what is missing comes from the peers"
    )]
    Storage {
        /// Which chain.
        chain: String,
        /// Its data directory.
        dir: PathBuf,
        /// What the disk or the store says.
        problem: String,
    },
    /// The consensus library gave up.
    #[error(
        "the validators of {chain} have stopped, because consensus failed: {problem}; start again: final blocks are on disk in {dir}"
    )]
    Consensus {
        /// Which chain.
        chain: String,
        /// Its data directory.
        dir: PathBuf,
        /// What the library says.
        problem: String,
    },
    /// Each validator stopped for a reason of its own.
    #[error("every validator of {0} in this process has stopped: the log names the reason of each")]
    NoneLeft(String),
}

/// Running validators of one chain. Dropping it stops them; what is final is on disk at every moment anyway.
pub struct Host {
    node: Node,
    failure: watch::Receiver<Option<HostFailure>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Host {
    /// Opens the ledgers and starts the validators.
    ///
    /// # Errors
    /// See [`HostError`]. A validator that fails later logs why and the others go on; see [`Self::failed`].
    pub fn start(config: HostConfig) -> Result<Self, HostError> {
        let spec = config.spec.clone();
        let chain = spec.name.clone();
        let dir = config.data_dir.clone();
        std::fs::create_dir_all(&dir).map_err(|source| HostError::DataDir {
            path: dir.clone(),
            source,
        })?;
        let (genesis, _) = spec.genesis().map_err(LedgerError::from)?;
        let domain = scheme::domain(spec.chain_id, genesis.hash());
        let cache = config
            .share_execution
            .then(|| Arc::new(ExecutionCache::default()));
        let mut ledgers = Vec::new();
        for local in &config.validators {
            // The consensus library panics on an address it cannot have: find that out here, where it can be said.
            std::net::TcpListener::bind(local.listen).map_err(|source| HostError::Listen {
                chain: chain.clone(),
                listen: local.listen,
                source,
            })?;
        }
        let in_chain = |source| HostError::Sources {
            chain: chain.clone(),
            source,
        };
        let history = &config.history;
        let sources = Sources::new(&history.sources).map_err(in_chain)?;
        let of_snapshot = |source| HostError::Snapshot {
            chain: chain.clone(),
            source: Box::new(source),
        };
        let mut files: Vec<String> = config
            .validators
            .iter()
            .map(|local| {
                let name = scheme::address_of(&local.keys.vote);
                alloy_primitives::hex::encode(&name[..6])
            })
            .collect();
        if files.is_empty() && sources.is_some() {
            files.push("reader".into());
        }
        for name in files {
            let file = dir.join(format!("ledger-{name}.redb"));
            if let Some(sources) = sources.as_ref().filter(|_| history.from_snapshot)
                && !file.exists()
            {
                begin_with_snapshot(&spec, &dir, &file, sources).map_err(of_snapshot)?;
            }
            let keep = history.keep_blocks;
            ledgers.push(Ledger::open(spec.clone(), &file, cache.clone(), keep)?);
        }
        let shelf = (history.snapshot_every > 0)
            .then(|| Shelf::open(&dir.join("snapshots")))
            .transpose()
            .map_err(of_snapshot)?;
        // The furthest ledger answers: after a crash the others may be some blocks behind.
        let serving = ledgers
            .iter()
            .max_by_key(|l| l.tip().block().number())
            .cloned()
            .ok_or_else(|| HostError::NoValidators(chain.clone()))?;
        let pool = TxPool::new(spec.clone(), serving.tip().state.clone(), config.pool);
        let convictions = Arc::<Convictions>::default();
        let standing = Arc::<Standing>::default();
        let follower = sources.clone().map(|sources| Follower {
            ledger: serving.clone(),
            pool: pool.clone(),
            domain,
            sources,
            standing: standing.clone(),
        });
        let snapshots = shelf
            .clone()
            .map(|shelf| (serving.clone(), shelf, history.snapshot_every));
        let alone = config.validators.len() == spec.validators.len();
        let validators: Vec<Validator> = config
            .validators
            .iter()
            .zip(ledgers)
            .enumerate()
            .map(|(index, (local, ledger))| Validator {
                identity: Identity {
                    network: local.keys.network(),
                    vote: local.keys.vote,
                    listen: local.listen,
                },
                ledger,
                pool: pool.clone(),
                domain,
                genesis: genesis.clone(),
                gossips: index == 0 && !alone,
                convictions: convictions.clone(),
                sources: sources.clone(),
                standing: standing.clone(),
            })
            .collect();
        let lives = Lives {
            reader: follower.filter(|_| validators.is_empty()),
            validators,
            snapshots,
        };
        let (stop, stopped) = oneshot::channel();
        let (failed, failure) = watch::channel(None);
        let thread = std::thread::Builder::new()
            .name(format!("chain-{chain}"))
            .spawn({
                let chain = chain.clone();
                move || {
                    let ended =
                        catch_unwind(AssertUnwindSafe(|| run(&chain, &dir, lives, stopped)));
                    let why = ended.unwrap_or_else(|panic| Some(diagnosed(&chain, &dir, &*panic)));
                    failed.send_replace(why);
                }
            })
            .map_err(|source| HostError::Thread { chain, source })?;
        let node = Node::new(serving, pool, genesis.hash())
            .with_convictions(convictions)
            .with_standing(standing, shelf);
        Ok(Self {
            node,
            failure,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The chain for the rest of this process.
    pub fn node(&self) -> Node {
        self.node.clone()
    }

    /// Resolves when the validators have stopped by themselves, with the reason.
    pub fn failed(&self) -> impl Future<Output = HostFailure> + Send + use<> {
        let mut failure = self.failure.clone();
        async move {
            let found = failure.wait_for(Option::is_some).await;
            match found.ok().and_then(|why| why.clone()) {
                Some(why) => why,
                // They were told to stop.
                None => std::future::pending().await,
            }
        }
    }

    /// Stops the validators and waits until they have. Blocks; call it off the async threads.
    pub fn stop(mut self) {
        self.shutdown();
    }

    fn shutdown(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(chain = %self.node.spec().name, "the consensus thread panicked");
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// What runs on the consensus thread.
struct Lives {
    validators: Vec<Validator>,
    /// Where there is no key at all.
    reader: Option<Follower>,
    /// Of which ledger, where to, every how many epochs.
    snapshots: Option<(Arc<Ledger>, Shelf, u64)>,
}

/// Brings a snapshot here and makes the ledger's file of it. Asks every source before it gives up.
fn begin_with_snapshot(
    spec: &ChainSpec,
    dir: &Path,
    file: &Path,
    sources: &Sources,
) -> Result<(), SnapshotError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| SnapshotError::Io {
            doing: "start a runtime to write to",
            path: dir.to_owned(),
            source,
        })?;
    let incoming = dir.join("snapshot-incoming");
    let mut refused = None;
    for first in 0..sources.count() {
        let (manifest, pieces) = runtime.block_on(snapshot::fetch(&incoming, sources, first))?;
        match snapshot::restore(spec, &manifest, &pieces) {
            Ok(restored) => {
                let (block, root) = (restored.tip.block.number(), restored.state.root());
                Ledger::begin(spec, file, &restored).map_err(|error| match error {
                    LedgerError::Store(error) => SnapshotError::from(error),
                    _ => SnapshotError::Block("the genesis here makes no chain"),
                })?;
                tracing::info!(chain = %spec.name, block, %root, "begins with a snapshot, which was verified from genesis on");
                return pieces.remove();
            }
            Err(error) => {
                tracing::warn!(chain = %spec.name, %error, "a snapshot is refused");
                pieces.remove()?;
                refused = Some(error);
            }
        }
    }
    Err(refused.unwrap_or(SnapshotError::NoneYet))
}

/// Makes a snapshot at the end of every `every` epochs.
async fn make_snapshots(context: runtime::Context, ledger: Arc<Ledger>, shelf: Shelf, every: u64) {
    let spec = ledger.spec().clone();
    let period = spec.epoch_length.saturating_mul(every);
    let mut tip = ledger.watch_tip();
    let mut last = shelf.heights().first().copied().unwrap_or_default();
    loop {
        let newest = tip.borrow_and_update().block().number();
        let end = (newest + 1) / period * period;
        // The state must still be there, and so must the certificate, which may come a little later.
        if let Some(end) = end.checked_sub(1).filter(|end| *end > last)
            && let Some(block) = ledger.recent(end)
            && matches!(ledger.certificate(block.block().hash()), Ok(Some(_)))
        {
            let (ledger, shelf, chain) = (ledger.clone(), shelf.clone(), spec.name.clone());
            let worker = context.child("snapshot").shared(true);
            let made = worker.spawn(
                async move |_| match snapshot::make(&ledger, &block, &shelf) {
                    Ok(()) => tracing::info!(%chain, block = end, "made a snapshot"),
                    Err(error) => tracing::error!(%chain, block = end, %error, "makes no snapshot"),
                },
            );
            if made.await.is_err() {
                return;
            }
            last = end;
        }
        if tip.changed().await.is_err() {
            return;
        }
    }
}

/// Runs everything until it is told to stop, which is `None`, or cannot go on.
fn run(
    chain: &str,
    dir: &Path,
    lives: Lives,
    stopped: oneshot::Receiver<()>,
) -> Option<HostFailure> {
    let config = runtime::Config::new()
        .with_storage_directory(dir.join("consensus"))
        .with_worker_threads(WORKERS);
    runtime::Runner::new(config).start(async move |context| {
        // Closed when the last validator has ended.
        let (running, mut broken) = mpsc::channel(1);
        if let Some((ledger, shelf, every)) = lives.snapshots {
            context
                .child("snapshots")
                .spawn(async move |context| make_snapshots(context, ledger, shelf, every).await);
        }
        if let Some(reader) = lives.reader {
            let (name, running) = (chain.to_owned(), running.clone());
            context.child("reader").spawn(async move |context| {
                let storage = reader.ledger.failed();
                tokio::select! {
                    ended = reader.run(&context, |_| false, Patience::Endless) => {
                        if let Err(error) = ended {
                            tracing::error!(chain = %name, %error, "reader stops");
                        }
                    }
                    problem = storage => drop(running.send(problem).await),
                }
            });
        }
        for (index, validator) in lives.validators.into_iter().enumerate() {
            let (name, running) = (chain.to_owned(), running.clone());
            context
                .child("validator")
                .with_attribute("index", index)
                .spawn(async move |context| {
                    let storage = validator.ledger.failed();
                    tokio::select! {
                        ended = engine::run(context, validator) => {
                            if let Err(error) = ended {
                                report(&name, index, &error);
                            }
                        }
                        // The first one speaks for all: they share the disk.
                        problem = storage => drop(running.send(problem).await),
                    }
                });
        }
        drop(running);
        tokio::select! {
            // Either outcome means that the host is gone or stopping.
            _ = stopped => None,
            problem = broken.recv() => {
                let problem = problem.or_else(|| has_room(dir).err().map(|error| error.to_string()));
                Some(problem.map_or_else(
                    || HostFailure::NoneLeft(chain.to_owned()),
                    |problem| HostFailure::Storage {
                        chain: chain.to_owned(),
                        dir: dir.to_owned(),
                        problem,
                    },
                ))
            }
        }
    })
}

/// The consensus library panics when it cannot write, and does not say why it could not.
fn diagnosed(chain: &str, dir: &Path, panic: &(dyn Any + Send)) -> HostFailure {
    let (chain, dir) = (chain.to_owned(), dir.to_owned());
    match has_room(&dir) {
        Err(error) => HostFailure::Storage {
            chain,
            dir,
            problem: error.to_string(),
        },
        Ok(()) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let problem = text.or_else(|| panic.downcast_ref::<&str>().copied());
            HostFailure::Consensus {
                chain,
                dir,
                problem: problem.unwrap_or("it does not say why").to_owned(),
            }
        }
    }
}

/// Whether the disk takes another file.
fn has_room(dir: &Path) -> io::Result<()> {
    let path = dir.join("room");
    let wrote = fs::write(&path, vec![0; ROOM]);
    let removed = fs::remove_file(&path);
    wrote.and(removed)
}

fn report(chain: &str, index: usize, error: &EngineError) {
    tracing::error!(chain, validator = index, %error, "validator stops");
}
