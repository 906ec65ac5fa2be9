//! Ordering, repair and spreading of blocks over whatever network and runtime it is given: real ones in [`super::run`], simulated
//! ones in the tests.

use std::{collections::BTreeMap, pin::pin, sync::Arc, time::Duration};

use commonware_broadcast::buffered;
use commonware_codec::RangeCfg;
use commonware_consensus::{
    Reporters,
    marshal::{
        self,
        core::{Actor as Marshal, Mailbox as MarshalMailbox},
        standard::{Inline, Standard},
    },
    simplex::{self, ForwardPolicy, SkipBudget, SkipPolicy, elector::RoundRobin},
    types::{Epoch, FixedEpocher, Height, ViewDelta},
};
use commonware_cryptography::{
    Digested, Sha256, Signer as _, certificate::Verifier, ed25519::PublicKey, sha256::Digest,
};
use commonware_p2p::{
    Blocker, CheckedSender as _, LimitedSender, Provider, Receiver, Recipients, Sender,
    utils::mux::{Builder as _, Muxer},
};
use commonware_parallel::Sequential;
use commonware_runtime::{Clock, Metrics, Spawner, Storage, buffer::paged::CacheRef};
use commonware_storage::{archive::prunable, translator::TwoCap};
use commonware_utils::{NZDuration, NZU16, NZU64, NZUsize, vec::NonEmptyVec};
use futures::future::{Either, select};
use rand_core::CryptoRng;
use tokio::sync::mpsc;

use super::{
    EngineError, Validator,
    application::{App, Certifier, Committees, finalize},
};
use crate::{
    block::{Block, MAX_BLOCK_BYTES},
    certificate::FinalityCertificate,
    gossip,
    ledger::Ledger,
    scheme::{self, Scheme},
    spec::ValidatorEntry,
};

/// Blocks consensus hands out before the first of them must be on disk.
const MAX_PENDING_ACKS: usize = 16;
/// How long an engine goes on after its epoch, so that slower peers can fetch its last certificates.
const EPOCH_LINGER: Duration = Duration::from_millis(500);
/// Longest a starting validator waits for its peers before its first vote: one that is away must not hold up the others.
const MEETING: Duration = Duration::from_millis(1_500);
/// As [`MEETING`], once a quorum is connected.
const MEETING_QUORUM: Duration = Duration::from_millis(250);
/// How often a starting validator counts its peers; below the channel's [`QUOTA`].
const MEETING_POLL: Duration = Duration::from_millis(20);

/// What a validator runs on: tasks, time, chance and disk.
pub(super) trait Runtime: Spawner + Clock + Storage + Metrics + CryptoRng {}

impl<E: Spawner + Clock + Storage + Metrics + CryptoRng> Runtime for E {}

/// Tells the network whom to be connected to.
pub(super) trait Peers {
    /// From this epoch on these.
    fn track(&mut self, epoch: u64, validators: &[ValidatorEntry]) -> Result<(), EngineError>;
}

/// Why a running validator has ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The runtime is stopping, or a part of it has given up and said why.
    Stopped,
    /// The next epoch's set does not name it.
    NoSeat,
    /// The next epoch's set is larger than the network was made for.
    Outgrown,
}

/// When a validator ends by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// Whether it ends when it is voted out, because it can go on as a reader; else it goes on without a vote.
    pub(super) leaves: bool,
    /// Most validators the network can be connected to.
    pub(super) most_peers: usize,
}

/// Channels of one validator, and who is behind them.
pub(super) struct Net<S, R, P, B, T> {
    pub(super) votes: (S, R),
    pub(super) certificates: (S, R),
    pub(super) resolver: (S, R),
    pub(super) proposals: (S, R),
    pub(super) backfill: (S, R),
    pub(super) transactions: (S, R),
    pub(super) provider: P,
    pub(super) blocker: B,
    pub(super) peers: T,
}

/// Waits until the other validators of the set are connected. A block proposed before is heard by nobody, and all wait for
/// a time-out; so the first leader pays for the patience of everyone.
async fn meet(context: &impl Clock, mut peers: impl LimitedSender, validators: usize) {
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

/// Runs one validator until the runtime stops or its terms end; `uid` begins the names of its storage.
///
/// # Errors
/// Fails when it cannot start.
pub(super) async fn run<E, S, R, P, B, T>(
    context: E,
    uid: String,
    validator: Validator,
    mut net: Net<S, R, P, B, T>,
    terms: Terms,
) -> Result<Ended, EngineError>
where
    E: Runtime,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
    P: Provider<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey>,
    T: Peers,
{
    let Validator {
        identity,
        ledger,
        pool,
        domain,
        genesis,
        gossips,
        convictions,
        ..
    } = validator;
    let me = identity.network.public_key();
    let account = scheme::address_of(&identity.vote);
    let spec = ledger.spec().clone();
    let blocks: RangeCfg<usize> = RangeCfg::from(..=MAX_BLOCK_BYTES);
    let committees = Committees {
        ledger: ledger.clone(),
        domain,
        vote: identity.vote,
        known: Arc::default(),
    };

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
            start: floor_of(&ledger, &committees).unwrap_or_else(|| {
                marshal::Start::Genesis(Digested::precomputed(genesis, genesis_digest))
            }),
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
            peer_provider: net.provider.clone(),
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
            peer_provider: net.provider.clone(),
            blocker: net.blocker.clone(),
            mailbox_size: NZUsize!(1024),
            fetch_timeout: NZDuration!(Duration::from_secs(1)),
            fetch_retry_delay: Duration::from_millis(100),
            priority_requests: false,
            priority_responses: false,
        },
        net.backfill,
    );
    let (mux, mut votes, mut strays) =
        Muxer::builder(context.child("votes"), net.votes.0, net.votes.1)
            .with_backup()
            .build();
    mux.start();
    let (mux, mut certificates) = Muxer::new(
        context.child("certificates"),
        net.certificates.0,
        net.certificates.1,
    );
    mux.start();
    let (mux, mut resolver) = Muxer::new(context.child("resolver"), net.resolver.0, net.resolver.1);
    mux.start();

    // The epoch the next block belongs to, and the block its engine starts from.
    let next = ledger.tip().block().number() + 1;
    let mut epoch = next / spec.epoch_length;
    let mut floor = match (epoch * spec.epoch_length).checked_sub(1) {
        None => genesis_digest,
        Some(last) => {
            let header = ledger
                .header(last)
                .ok()
                .flatten()
                .ok_or(EngineError::Set(epoch))?;
            Digest(header.hash_slow().0)
        }
    };
    let set = committees
        .validators(epoch)
        .ok_or(EngineError::Set(epoch))?;
    net.peers.track(epoch, &set)?;
    buffer.start(net.proposals);
    marshal.start(app, buffer_mailbox, repair);
    context.child("finalize").spawn({
        let (committees, pool, mailbox) = (committees.clone(), pool.clone(), mailbox.clone());
        async move |context| {
            finalize(context, committees, pool, mailbox, finals_rx, epochs_tx).await;
        }
    });
    meet(&context, net.transactions.0.clone(), set.len()).await;
    if gossips {
        context.child("gossip").spawn({
            let pool = pool.clone();
            let (sender, receiver) = net.transactions;
            async move |_| gossip::run(pool, sender, receiver).await
        });
    }

    let heartbeat = Duration::from_millis(spec.heartbeat_ms);
    // Latest epoch beyond ours in which a peer voted; no more peers than the network is connected to.
    let mut ahead: BTreeMap<PublicKey, u64> = BTreeMap::new();
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
                blocker: net.blocker.clone(),
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
            return Ok(Ended::Stopped);
        };
        let running = engine.start(votes, certificates, resolver);
        tracing::info!(chain = %spec.name, validator = %uid, epoch, "epoch begins");

        // Until the last block of this epoch is final. Who is in a later epoch has a certificate of that block, and nobody votes in
        // this one any more: a validator that was away asks for it.
        let last = Height::new((epoch + 1) * spec.epoch_length - 1);
        ask(
            &mailbox,
            last,
            ahead
                .iter()
                .filter(|(_, theirs)| **theirs > epoch)
                .map(|(peer, _)| peer),
        );
        loop {
            let ended = pin!(epochs_rx.recv());
            let stray = pin!(strays.recv());
            match select(ended, stray).await {
                Either::Left((None, _)) => return Ok(Ended::Stopped),
                Either::Left((Some((number, digest)), _)) => {
                    if number / spec.epoch_length >= epoch {
                        (epoch, floor) = (number / spec.epoch_length + 1, digest);
                        break;
                    }
                }
                Either::Right((None, _)) => return Ok(Ended::Stopped),
                Either::Right((Some((theirs, (peer, _))), _)) => {
                    if theirs > epoch
                        && ahead
                            .insert(peer.clone(), theirs)
                            .is_none_or(|known| known <= epoch)
                    {
                        ask(&mailbox, last, std::iter::once(&peer));
                    }
                }
            }
        }
        let set = committees
            .validators(epoch)
            .ok_or(EngineError::Set(epoch))?;
        let seated = set.iter().any(|v| v.vote == account);
        let ended = match (seated, set.len() > terms.most_peers) {
            (false, _) if terms.leaves => Some(Ended::NoSeat),
            (_, true) => Some(Ended::Outgrown),
            _ => None,
        };
        if let Some(ended) = ended {
            context.sleep(EPOCH_LINGER).await;
            return Ok(ended);
        }
        net.peers.track(epoch, &set)?;
        context
            .child("linger")
            .with_attribute("epoch", epoch)
            .spawn(async move |context| {
                context.sleep(EPOCH_LINGER).await;
                running.abort();
            });
    }
}

/// Where the consensus archive begins when a reader or a snapshot brought what is before: with the last block of the epoch before
/// the next block's. An archive that is further already keeps what it has.
fn floor_of(
    ledger: &Ledger,
    committees: &Committees,
) -> Option<marshal::Start<Scheme, Digest, Digested<Block>>> {
    let read_to = ledger.read_to().ok().flatten()?;
    let length = ledger.spec().epoch_length;
    let last = ((ledger.tip().block().number() + 1) / length * length).checked_sub(1)?;
    // Later ones came by consensus, and are in its archive.
    if read_to < last {
        return None;
    }
    let hash = ledger.header(last).ok().flatten()?.hash_slow();
    let raw = ledger.certificate(hash).ok().flatten()?;
    let certificate = FinalityCertificate::from_bytes(&raw).ok()?;
    let finalization = committees
        .get(certificate.epoch)?
        .finalization(&certificate)?;
    Some(marshal::Start::Floor(finalization))
}

/// Has the certificate of a final block fetched from those who should have it, and what is missing before that block.
fn ask<'a>(
    marshal: &MarshalMailbox<Scheme, Standard<Block>>,
    height: Height,
    peers: impl Iterator<Item = &'a PublicKey>,
) {
    let peers: Vec<PublicKey> = peers.cloned().collect();
    if let Ok(peers) = NonEmptyVec::try_from(peers) {
        marshal.hint_finalized(height, peers);
    }
}
