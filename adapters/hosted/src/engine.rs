//! One validator: the consensus library wired to a ledger and a pool.
//!
//! commonware's `simplex` orders, `marshal` keeps and repairs final blocks, `buffered` spreads proposals, all over
//! `authenticated::lookup` connections. This module is the only one that names them together, because their API moves
//! monthly. One simplex engine runs per epoch; its committee comes from the `ValidatorSet` contract as the last block of
//! the epoch before left it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address as Account, B256};
use commonware_actor::Feedback;
use commonware_broadcast::buffered;
use commonware_codec::{RangeCfg, varint::MAX_U32_VARINT_SIZE};
use commonware_consensus::{
    Application, Reporter, Reporters,
    marshal::{
        self, Update,
        ancestry::Ancestry,
        core::{Actor as Marshal, Mailbox as MarshalMailbox},
        standard::{Inline, Standard},
    },
    simplex::{
        self, ForwardPolicy, SkipBudget, SkipPolicy,
        elector::RoundRobin,
        types::{Activity, Context},
    },
    types::{Epoch, FixedEpocher, Height, ViewDelta},
};
use commonware_cryptography::{
    ChaCha20Poly1305, Digested, Digestible as _, Sha256, Signer as _,
    certificate::{Provider, Scoped, Verifier},
    ed25519::{PrivateKey, PublicKey},
    sha256::Digest,
};
use commonware_p2p::{
    Address, AddressableManager as _, CheckedSender as _, LimitedSender, Recipients,
    authenticated::lookup, max_message_size, utils::mux::Muxer,
};
use commonware_parallel::Sequential;
use commonware_runtime::{
    Clock, Metrics, Quota, Spawner, Storage, Supervisor as _, buffer::paged::CacheRef,
    tokio as runtime,
};
use commonware_storage::{archive::prunable, translator::TwoCap};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{
    Acknowledgement as _, NZDuration, NZU16, NZU32, NZU64, NZUsize, acknowledgement::Exact,
    ordered::Map,
};
use futures::StreamExt as _;
use parking_lot::Mutex;
use secp256k1::SecretKey;
use tokio::sync::mpsc;

use crate::{
    block::{Attributes, Block, MAX_BLOCK_BYTES},
    equivocation::{Convictions, Equivocation},
    execute::ExecutedBlock,
    gossip,
    ledger::{BlockError, Ledger},
    node::validators_at,
    pool::TxPool,
    scheme::{self, Scheme},
    spec::{ChainSpec, MAX_VALIDATORS, ValidatorEntry},
};

/// Messages a second and channel that a peer may send. Mailboxes are sized by it times the number of peers.
const QUOTA: u32 = 64;
/// Blocks consensus hands out before the first of them must be on disk.
const MAX_PENDING_ACKS: usize = 16;
/// How long an engine goes on after its epoch, so that slower peers can fetch its last certificates.
const EPOCH_LINGER: Duration = Duration::from_millis(500);
/// Pause between two dials; each goes to another peer, so a validator is connected to all after their number of pauses.
const DIAL_PAUSE: Duration = Duration::from_millis(25);
/// Shortest time between two dials of one peer that does not answer.
const REDIAL_PAUSE: Duration = Duration::from_millis(500);
/// Longest a starting validator waits for its peers before its first vote: one that is away must not hold up the others.
const MEETING: Duration = Duration::from_millis(1_500);
/// As [`MEETING`], once a quorum is connected.
const MEETING_QUORUM: Duration = Duration::from_millis(250);
/// How often a starting validator counts its peers; below the channel's [`QUOTA`].
const MEETING_POLL: Duration = Duration::from_millis(20);
/// Namespace of the connections' handshake.
const HANDSHAKE: &[u8] = b"causeway.p2p.v1";

/// Who a validator is and where it listens.
pub struct Identity {
    /// Key of its connections.
    pub network: PrivateKey,
    /// Key of its votes.
    pub vote: SecretKey,
    /// Where it accepts connections.
    pub listen: SocketAddr,
}

/// Everything one validator runs on.
pub struct Validator {
    /// Who it is.
    pub identity: Identity,
    /// Its chain.
    pub ledger: Arc<Ledger>,
    /// The pool of this process.
    pub pool: Arc<TxPool>,
    /// Domain of the chain's votes.
    pub domain: B256,
    /// Hash and block 0.
    pub genesis: Block,
    /// Whether it passes transactions on to peers; one validator of a process does.
    pub gossips: bool,
    /// What the validators of this process know against others.
    pub convictions: Arc<Convictions>,
}

/// Why a validator cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The contract's set cannot be used.
    #[error(
        "validator set of epoch {0} is unreadable, or a network key of it is not an ed25519 key"
    )]
    Set(u64),
    /// An endpoint of the set is no address.
    #[error(
        "endpoint {endpoint} of validator {vote} is not host:port with a literal or resolvable host"
    )]
    Endpoint {
        /// What the set says.
        endpoint: String,
        /// Whose.
        vote: Account,
    },
    /// A storage partition cannot be opened.
    #[error("consensus storage of {partition} cannot be opened")]
    Storage {
        /// Which.
        partition: String,
        /// Why.
        #[source]
        source: commonware_storage::archive::Error,
    },
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// Committees by epoch, read from the newest final state when first asked for.
#[derive(Clone)]
struct Committees {
    ledger: Arc<Ledger>,
    domain: B256,
    vote: SecretKey,
    known: Arc<Mutex<BTreeMap<u64, Arc<Scheme>>>>,
}

impl Committees {
    fn validators(&self, epoch: u64) -> Option<Vec<ValidatorEntry>> {
        let tip = self.ledger.tip();
        let spec = self.ledger.spec();
        // The state decides about the epoch of the next block and no later one.
        if epoch > (tip.block().number() + 1) / spec.epoch_length {
            return None;
        }
        validators_at(spec.chain_id, &tip.state, tip.block().header(), epoch)
    }

    fn get(&self, epoch: u64) -> Option<Arc<Scheme>> {
        if let Some(scheme) = self.known.lock().get(&epoch) {
            return Some(scheme.clone());
        }
        let scheme = Arc::new(Scheme::new(
            self.domain,
            &self.validators(epoch)?,
            Some(self.vote),
        )?);
        self.known.lock().insert(epoch, scheme.clone());
        Some(scheme)
    }
}

impl Provider for Committees {
    type Scope = Epoch;
    type Scheme = Scheme;

    fn scoped(&self, epoch: Epoch) -> Option<Scoped<Scheme>> {
        self.get(epoch.get()).map(Scoped::scheme)
    }
}

/// The application consensus drives: proposes, verifies, and passes final blocks on.
#[derive(Clone)]
struct App {
    ledger: Arc<Ledger>,
    pool: Arc<TxPool>,
    committees: Committees,
    beneficiary: Account,
    finals: mpsc::UnboundedSender<(Block, Exact)>,
}

impl App {
    fn spec(&self) -> &ChainSpec {
        self.ledger.spec()
    }

    /// The executed parent, executing what of its ancestry this validator has not seen. Never resolves when an ancestor
    /// is invalid: a quorum notarised it, so it is this validator that is wrong and must not vote.
    async fn ready(&self, mut ancestry: impl Ancestry<Block>) -> Option<Arc<ExecutedBlock>> {
        let mut missing = Vec::new();
        let mut base = loop {
            let block = ancestry.next().await?;
            if let Some(executed) = self.ledger.executed(B256::from(block.digest().0)) {
                break executed;
            }
            missing.push(block.inner().clone());
        };
        for block in missing.into_iter().rev() {
            base = match self.verify_block(base, block).await {
                Ok(executed) => executed,
                Err(error) => {
                    tracing::error!(chain = %self.spec().name, %error, "a notarised block is invalid here: not voting");
                    std::future::pending().await
                }
            };
        }
        Some(base)
    }

    /// Whether a block pays its proposer. By the beneficiary elections count who made which block, so a quorum must stand
    /// for it (docs/adr/0017-blocks-counted-from-headers.md).
    fn is_of(&self, context: &Context<Digest, PublicKey>, block: &Block) -> bool {
        let committee = self.committees.get(context.round.epoch().get());
        let leader = committee.and_then(|c| c.address_of_member(&context.leader));
        let beneficiary = block.header().beneficiary;
        if leader != Some(beneficiary) {
            tracing::warn!(
                chain = %self.spec().name, number = block.number(), %beneficiary, ?leader,
                "refusing a proposed block whose beneficiary is not its proposer"
            );
        }
        leader == Some(beneficiary)
    }

    /// Verifies off the consensus threads, waiting for a block whose time is ahead of ours.
    async fn verify_block(
        &self,
        parent: Arc<ExecutedBlock>,
        block: Block,
    ) -> Result<Arc<ExecutedBlock>, Arc<BlockError>> {
        let early = block.time_ms().saturating_sub(now_ms());
        if early > 0 {
            tokio::time::sleep(Duration::from_millis(early.min(self.spec().heartbeat_ms))).await;
        }
        let (ledger, pool) = (self.ledger.clone(), self.pool.clone());
        blocking(move || ledger.verify(&parent, &block, &pool, now_ms())).await
    }

    /// Waits until a block should be made: at once when something waits, else when the heartbeat is due.
    async fn pace(&self, parent: &ExecutedBlock) {
        let base_fee = self.spec().next_base_fee(parent.block().header());
        let made = parent.block().time_ms();
        let heartbeat = made + self.spec().heartbeat_ms;
        loop {
            let arrival = self.pool.arrival();
            if self.pool.has_candidates(&parent.state, base_fee) {
                sleep_until(made + self.spec().min_interval_ms.max(1)).await;
                return;
            }
            let left = heartbeat.saturating_sub(now_ms());
            if left == 0
                || tokio::time::timeout(Duration::from_millis(left), arrival)
                    .await
                    .is_err()
            {
                return;
            }
        }
    }
}

async fn sleep_until(time_ms: u64) {
    let left = time_ms.saturating_sub(now_ms());
    if left > 0 {
        tokio::time::sleep(Duration::from_millis(left)).await;
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => std::future::pending().await, // The runtime is stopping; nobody waits any more.
    }
}

impl<E: Spawner + Metrics + Clock + Storage> Application<E> for App {
    type SigningScheme = Scheme;
    type Context = Context<Digest, PublicKey>;
    type Block = Block;
    type Input = ();

    async fn propose(
        &mut self,
        _: (E, Self::Context),
        ancestry: impl Ancestry<Block>,
        (): (),
    ) -> Option<Digested<Block>> {
        let parent = self.ready(ancestry).await?;
        self.pace(&parent).await;
        let attributes = Attributes {
            time_ms: now_ms().max(parent.block().time_ms() + 1),
            beneficiary: self.beneficiary,
        };
        let (ledger, pool) = (self.ledger.clone(), self.pool.clone());
        let built = blocking(move || ledger.propose(&parent, &pool, attributes)).await;
        Some(Digested::compute(built.block().clone(), &Sequential).await)
    }

    async fn verify(
        &mut self,
        (_, context): (E, Self::Context),
        mut ancestry: impl Ancestry<Block>,
    ) -> bool {
        let Some(block) = ancestry.next().await else {
            return false;
        };
        let block = block.inner().clone();
        if !self.is_of(&context, &block) {
            return false;
        }
        let Some(parent) = self.ready(ancestry).await else {
            return false;
        };
        let number = block.number();
        match self.verify_block(parent, block).await {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(chain = %self.spec().name, number, %error, "refusing a proposed block");
                false
            }
        }
    }
}

impl Reporter for App {
    type Activity = Update<Block>;

    fn report(&mut self, update: Update<Block>) -> Feedback {
        if let Update::Block(block, acknowledgement) = update {
            // Bounded by MAX_PENDING_ACKS; a receiver that is gone went with the runtime.
            let _ = self.finals.send((block.inner().clone(), acknowledgement));
        }
        Feedback::Ok
    }
}

/// Keeps the certificates of final blocks, and evidence against validators that sign twice.
#[derive(Clone)]
struct Certifier {
    ledger: Arc<Ledger>,
    convictions: Arc<Convictions>,
    scheme: Arc<Scheme>,
}

impl Reporter for Certifier {
    type Activity = Activity<Scheme, Digest>;

    fn report(&mut self, activity: Self::Activity) -> Feedback {
        if let Activity::Finalization(finalization) = &activity {
            let certificate = self
                .scheme
                .finality(&finalization.proposal, &finalization.certificate);
            self.ledger
                .certify(certificate.block_hash, certificate.to_bytes());
        }
        if let Some(found) = Equivocation::of(&self.scheme, &activity) {
            let validator = found.validator;
            if self.convictions.add(found) {
                tracing::error!(
                    chain = %self.ledger.spec().name, %validator,
                    "a validator signed two votes that exclude each other: the evidence is kept"
                );
            }
        }
        Feedback::Ok
    }
}

/// Takes final blocks in order and keeps them; tells when an epoch is over.
async fn finalize(
    ledger: Arc<Ledger>,
    pool: Arc<TxPool>,
    marshal: MarshalMailbox<Scheme, Standard<Block>>,
    mut finals: mpsc::UnboundedReceiver<(Block, Exact)>,
    epochs: mpsc::UnboundedSender<(u64, Digest)>,
) {
    let last_of_epoch = |number: u64| (number + 1).is_multiple_of(ledger.spec().epoch_length);
    // A ledger that lost its file, or was restored from a copy, is behind what consensus knows it handed out.
    let processed = marshal
        .get_processed()
        .await
        .map_or(0, |p| p.height().get());
    for number in ledger.tip().block().number() + 1..=processed {
        let Some(block) = marshal.get_block(Height::new(number)).await else {
            tracing::error!(chain = %ledger.spec().name, number, "block is neither in the ledger nor in the archive");
            return;
        };
        if !keep(&ledger, &pool, block.inner().clone(), None).await {
            return;
        }
        if last_of_epoch(number) {
            let _ = epochs.send((number, Digest(ledger.tip().block().hash().0)));
        }
    }
    while let Some((block, acknowledgement)) = finals.recv().await {
        let (number, hash) = (block.number(), block.hash());
        if !keep(&ledger, &pool, block, Some(acknowledgement)).await {
            return;
        }
        if last_of_epoch(number) {
            let _ = epochs.send((number, Digest(hash.0)));
        }
    }
}

/// Keeps one final block; false when this validator must stop.
async fn keep(
    ledger: &Arc<Ledger>,
    pool: &Arc<TxPool>,
    block: Block,
    acknowledgement: Option<Exact>,
) -> bool {
    let number = block.number();
    let (into, from) = (ledger.clone(), pool.clone());
    let kept = blocking(move || {
        into.finalize(&block, &from, move || {
            if let Some(acknowledgement) = acknowledgement {
                acknowledgement.acknowledge();
            }
        })
    })
    .await;
    match kept {
        Ok(()) => {
            pool.on_final(&ledger.tip());
            true
        }
        Err(error) => {
            tracing::error!(
                chain = %ledger.spec().name, number, %error,
                "a final block does not execute here: this validator stops; its ledger or its binary differs from the quorum's"
            );
            false
        }
    }
}

fn peers(validators: &[ValidatorEntry]) -> Result<Map<PublicKey, Address>, EngineError> {
    let mut peers = Vec::new();
    for validator in validators {
        let key = scheme::network_key(validator.network).ok_or(EngineError::Set(0))?;
        let bad = || EngineError::Endpoint {
            endpoint: validator.endpoint.clone(),
            vote: validator.vote,
        };
        // Resolved once an epoch: a name that moves is followed at the next.
        let mut resolved =
            std::net::ToSocketAddrs::to_socket_addrs(&validator.endpoint).map_err(|_| bad())?;
        peers.push((key, Address::from(resolved.next().ok_or_else(bad)?)));
    }
    peers.try_into().map_err(|_| EngineError::Set(0))
}

/// Peers a set may have. Mailboxes are sized by it, so it follows the size of the chain: room for twice the validators of
/// genesis, at least 16.
fn most_peers(validators: usize) -> usize {
    (2 * validators).clamp(16, MAX_VALIDATORS)
}

/// Waits until the other validators of the set are connected. A block proposed before is heard by nobody, and all wait for
/// a time-out; so the first leader pays for the patience of everyone.
async fn meet(context: &runtime::Context, mut peers: impl LimitedSender, validators: usize) {
    let begin = context.current();
    let faults = validators.saturating_sub(1) / 3;
    let mut enough_since = None;
    loop {
        let connected = peers
            .check(Recipients::All)
            .map_or(0, |checked| checked.recipients().len())
            + 1;
        let now = context.current();
        let since = |then| now.duration_since(then).unwrap_or_default();
        if connected >= validators - faults {
            enough_since.get_or_insert(now);
        }
        if connected >= validators
            || since(begin) >= MEETING
            || enough_since.is_some_and(|then| since(then) >= MEETING_QUORUM)
        {
            return;
        }
        context.sleep(MEETING_POLL).await;
    }
}

/// Runs one validator until the runtime stops.
///
/// # Errors
/// Fails when it cannot start; a running validator does not return.
pub async fn run(context: runtime::Context, validator: Validator) -> Result<(), EngineError> {
    let Validator {
        identity,
        ledger,
        pool,
        domain,
        genesis,
        gossips,
        convictions,
    } = validator;
    let me = identity.network.public_key();
    let spec = ledger.spec().clone();
    let uid = alloy_primitives::hex::encode(&me.as_ref()[..6]);
    let blocks: RangeCfg<usize> = RangeCfg::from(..=MAX_BLOCK_BYTES);
    let committees = Committees {
        ledger: ledger.clone(),
        domain,
        vote: identity.vote,
        known: Arc::default(),
    };

    // Connections.
    let most = MAX_VALIDATORS as u32;
    let payload = simplex::max_payload_size::<Scheme, Digest>(most)
        .max(marshal::max_payload_size::<Standard<Block>, Scheme>(
            most, &blocks,
        ))
        .max(gossip::MAX_MESSAGE)
        + MAX_U32_VARINT_SIZE;
    let handshake = Cups::<_, ChaCha20Poly1305>::new(
        Sake {
            signer: identity.network.clone(),
            synchrony_bound: Duration::from_secs(5),
            max_handshake_age: Duration::from_secs(10),
            version: sake::Version::V1,
        },
        cups::Version::V1,
    );
    let namespace = [HANDSHAKE, domain.as_slice()].concat();
    let mut config = lookup::Config::local(
        handshake,
        &namespace,
        identity.listen,
        commonware_utils::NZUsize!(most_peers(spec.validators.len())),
        max_message_size(&[payload]),
        NZUsize!(1000),
    );
    // Many validators may share one address: the daemon hosts them all, a consortium tests on one machine.
    config.allowed_handshake_rate_per_ip = Quota::per_second(NZU32!(128));
    config.dial_timeout = Duration::from_secs(5);
    config.dial_frequency = DIAL_PAUSE;
    config.peer_connection_cooldown = REDIAL_PAUSE;
    let (mut network, mut oracle) = lookup::Network::new(context.child("network"), config);
    let quota = Quota::per_second(NZU32!(QUOTA));
    let votes = network.register(0, quota);
    let certificates = network.register(1, quota);
    let resolver = network.register(2, quota);
    let proposals = network.register(3, quota);
    let backfill = network.register(4, quota);
    let transactions = network.register(5, quota);
    network.start();

    // Final blocks.
    let cache = CacheRef::new(NZU16!(4084), NZUsize!(256));
    let archive = |name: &str| format!("{uid}-{name}");
    macro_rules! archive {
        ($name:literal, $codec:expr) => {{
            let partition = archive($name);
            prunable::Archive::init(
                context.child($name),
                prunable::Config {
                    translator: TwoCap,
                    metadata_partition: format!("{partition}-meta"),
                    key_partition: format!("{partition}-key"),
                    key_page_cache: cache.clone(),
                    value_partition: format!("{partition}-value"),
                    compression: None,
                    codec_config: $codec,
                    items_per_section: NZU64!(1024),
                    key_write_buffer: NZUsize!(1 << 16),
                    value_write_buffer: NZUsize!(1 << 18),
                    replay_buffer: NZUsize!(1 << 18),
                },
            )
            .await
            .map_err(|source| EngineError::Storage { partition, source })?
        }};
    }
    let finalizations = archive!(
        "finalizations",
        Scheme::certificate_codec_config_unbounded()
    );
    let finalized = archive!("blocks", blocks);
    let genesis_digest = Digest(genesis.hash().0);
    let epocher = FixedEpocher::new(commonware_utils::NZU64!(spec.epoch_length));
    let (marshal, mailbox, _): (_, MarshalMailbox<Scheme, Standard<Block>>, _) = Marshal::init(
        context.child("marshal"),
        finalizations,
        finalized,
        marshal::Config {
            provider: committees.clone(),
            epocher: epocher.clone(),
            start: marshal::Start::Genesis(Digested::precomputed(genesis, genesis_digest)),
            partition_prefix: uid.clone(),
            mailbox_size: NZUsize!(1024),
            view_retention: ViewDelta::new(100),
            prunable_items_per_section: NZU64!(1024),
            page_cache: cache.clone(),
            replay_buffer: NZUsize!(1 << 18),
            key_write_buffer: NZUsize!(1 << 16),
            value_write_buffer: NZUsize!(1 << 18),
            block_codec_config: blocks,
            max_repair: NZUsize!(20),
            max_pending_acks: commonware_utils::NZUsize!(MAX_PENDING_ACKS),
            strategy: Sequential,
        },
    )
    .await;
    let (buffer, buffer_mailbox) = buffered::Engine::new(
        context.child("buffer"),
        buffered::Config {
            public_key: me.clone(),
            mailbox_size: NZUsize!(1024),
            // Proposals kept for each peer, decoded: four full blocks of every proposer are as many as can be under way,
            // and each of them costs megabytes.
            deque_size: 4,
            priority: true,
            codec_config: blocks,
            peer_provider: oracle.clone(),
            strategy: Sequential,
        },
    );
    let (finals_tx, finals_rx) = mpsc::unbounded_channel();
    let (epochs_tx, mut epochs_rx) = mpsc::unbounded_channel();
    let app = App {
        ledger: ledger.clone(),
        pool: pool.clone(),
        committees: committees.clone(),
        beneficiary: scheme::address_of(&identity.vote),
        finals: finals_tx,
    };
    let inline = Inline::new(
        context.child("inline"),
        app.clone(),
        mailbox.clone(),
        epocher,
    );
    let repair = marshal::resolver::p2p::init(
        context.child("backfill"),
        marshal::resolver::p2p::Config {
            public_key: me.clone(),
            peer_provider: oracle.clone(),
            blocker: oracle.clone(),
            mailbox_size: NZUsize!(1024),
            fetch_timeout: NZDuration!(Duration::from_secs(1)),
            fetch_retry_delay: Duration::from_millis(100),
            priority_requests: false,
            priority_responses: false,
        },
        backfill,
    );
    let (mux, mut votes) = Muxer::new(context.child("votes"), votes.0, votes.1);
    mux.start();
    let (mux, mut certificates) = Muxer::new(
        context.child("certificates"),
        certificates.0,
        certificates.1,
    );
    mux.start();
    let (mux, mut resolver) = Muxer::new(context.child("resolver"), resolver.0, resolver.1);
    mux.start();

    // The epoch the next block belongs to, and the block its engine starts from.
    let next = ledger.tip().block().number() + 1;
    let mut epoch = next / spec.epoch_length;
    let mut floor = match (epoch * spec.epoch_length).checked_sub(1) {
        None => genesis_digest,
        Some(last) => {
            let record = ledger
                .record(last)
                .ok()
                .flatten()
                .ok_or(EngineError::Set(epoch))?;
            Digest(record.block.hash().0)
        }
    };
    let set = committees
        .validators(epoch)
        .ok_or(EngineError::Set(epoch))?;
    oracle.track(epoch, peers(&set)?);
    buffer.start(proposals);
    marshal.start(app, buffer_mailbox, repair);
    context.child("finalize").spawn({
        let (ledger, pool, mailbox) = (ledger.clone(), pool.clone(), mailbox.clone());
        async move |_| finalize(ledger, pool, mailbox, finals_rx, epochs_tx).await
    });
    meet(&context, transactions.0.clone(), set.len()).await;
    if gossips {
        context.child("gossip").spawn({
            let pool = pool.clone();
            async move |_| gossip::run(pool, transactions.0, transactions.1).await
        });
    }

    let heartbeat = Duration::from_millis(spec.heartbeat_ms);
    loop {
        let scheme = committees.get(epoch).ok_or(EngineError::Set(epoch))?;
        let certifier = Certifier {
            ledger: ledger.clone(),
            convictions: convictions.clone(),
            scheme: scheme.clone(),
        };
        let reporter: Reporters<Certifier, Inline<_, _, _, _, _>> =
            (certifier, inline.clone()).into();
        let engine = simplex::Engine::new(
            context.child("simplex").with_attribute("epoch", epoch),
            simplex::Config {
                scheme: scheme.as_ref().clone(),
                elector: RoundRobin::<Sha256>::default(),
                blocker: oracle.clone(),
                automaton: inline.clone(),
                relay: inline.clone(),
                reporter,
                partition: format!("{uid}-simplex-{epoch}"),
                mailbox_size: NZUsize!(1024),
                epoch: Epoch::new(epoch),
                floor: simplex::Floor::Genesis(floor),
                replay_buffer: NZUsize!(1 << 18),
                write_buffer: NZUsize!(1 << 18),
                // A leader may wait a whole heartbeat before it proposes.
                leader_timeout: heartbeat + Duration::from_millis(750),
                certification_timeout: heartbeat + Duration::from_millis(1_250),
                timeout_retry: Duration::from_secs(2),
                fetch_timeout: NZDuration!(Duration::from_secs(1)),
                fetch_retry_delay: Duration::from_millis(100),
                view_retention: ViewDelta::new(10),
                skip: SkipPolicy::Enabled {
                    timeout: Duration::from_secs(5),
                    budget: SkipBudget::Participants,
                },
                page_cache: cache.clone(),
                strategy: Sequential,
                forward: ForwardPolicy::Disabled,
                track_historical_votes: false,
            },
        );
        let channels = (
            votes.register(epoch).await,
            certificates.register(epoch).await,
            resolver.register(epoch).await,
        );
        let (Ok(votes), Ok(certificates), Ok(resolver)) = channels else {
            return Ok(());
        };
        let running = engine.start(votes, certificates, resolver);
        tracing::info!(chain = %spec.name, validator = %uid, epoch, "epoch begins");

        // Until the last block of this epoch is final.
        loop {
            let Some((number, digest)) = epochs_rx.recv().await else {
                return Ok(());
            };
            if number / spec.epoch_length >= epoch {
                (epoch, floor) = (number / spec.epoch_length + 1, digest);
                break;
            }
        }
        let set = committees
            .validators(epoch)
            .ok_or(EngineError::Set(epoch))?;
        oracle.track(epoch, peers(&set)?);
        context
            .child("linger")
            .with_attribute("epoch", epoch)
            .spawn(async move |_| {
                tokio::time::sleep(EPOCH_LINGER).await;
                running.abort();
            });
    }
}
