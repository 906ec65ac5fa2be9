//! One validator: the consensus library wired to a ledger and a pool.
//!
//! commonware's `simplex` orders, `marshal` keeps and repairs final blocks, `buffered` spreads proposals, all over
//! `authenticated::lookup` connections. This module is the only one that names them together, because their API moves
//! monthly: `application` is what they ask of a validator, `consensus` joins them over any network and runtime, [`run`] over
//! real ones. One simplex engine runs per epoch; its committee comes from the `ValidatorSet` contract as the last block of
//! the epoch before left it.

mod application;
mod consensus;
#[cfg(test)]
mod simulation;

use std::{
    future::pending,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::B256;
use commonware_codec::{RangeCfg, varint::MAX_U32_VARINT_SIZE};
use commonware_consensus::{marshal, marshal::standard::Standard, simplex};
use commonware_cryptography::{
    ChaCha20Poly1305, Signer as _,
    ed25519::{PrivateKey, PublicKey},
    sha256::Digest,
};
use commonware_p2p::{Address, AddressableManager as _, authenticated::lookup, max_message_size};
use commonware_runtime::{Clock, Quota, Spawner as _, Supervisor as _, tokio as runtime};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{NZU32, NZUsize, ordered::Map};
use futures::future::{Either, select};
use secp256k1::SecretKey;

use consensus::{Ended, Net, Peers, Terms};

use crate::{
    block::{Block, MAX_BLOCK_BYTES},
    equivocation::Convictions,
    follow::{Diverged, Follower, Patience, Sources, Standing},
    gossip,
    ledger::Ledger,
    node::validators_at,
    pool::TxPool,
    scheme::{self, Scheme},
    spec::{MAX_VALIDATORS, ValidatorEntry},
    store::StoreError,
};

/// Messages a second and channel that a peer may send. Mailboxes are sized by it times the number of peers.
const QUOTA: u32 = 64;
/// Pause between two dials; each goes to another peer, so a validator is connected to all after their number of pauses.
const DIAL_PAUSE: Duration = Duration::from_millis(25);
/// Shortest time between two dials of one peer that does not answer.
const REDIAL_PAUSE: Duration = Duration::from_millis(500);
/// How long nothing becomes final before a validator asks its sources whether it is alone with that.
const STILL: Duration = Duration::from_secs(30);
/// How often it looks.
const LOOK: Duration = Duration::from_secs(5);
/// Namespace of the connections' handshake.
const HANDSHAKE: &[u8] = b"causeway.p2p.v1";

/// Who a validator is and where it listens.
#[derive(Clone)]
pub struct Identity {
    /// Key of its connections.
    pub network: PrivateKey,
    /// Key of its votes.
    pub vote: SecretKey,
    /// Where it accepts connections.
    pub listen: SocketAddr,
}

/// Everything one validator runs on.
#[derive(Clone)]
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
    /// Where it reads while it has no seat. Without any it needs one from the start, and stands still when it is voted out.
    pub sources: Option<Sources>,
    /// How many of this process have a seat.
    pub standing: Arc<Standing>,
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
    /// A final block cannot be taken.
    #[error(transparent)]
    Diverged(#[from] Diverged),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
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
fn since_epoch_ms(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// Runs one validator until the runtime stops: as a reader while the set does not name it, with a vote while it does.
///
/// # Errors
/// Fails when it cannot start, or what is final does not execute here; a running validator does not return.
pub async fn run(context: runtime::Context, validator: Validator) -> Result<(), EngineError> {
    let Some(sources) = validator.sources.clone() else {
        while sit(&context, &validator, None).await? == Some(Ended::Outgrown) {}
        return Ok(());
    };
    let follower = Follower {
        ledger: validator.ledger.clone(),
        pool: validator.pool.clone(),
        domain: validator.domain,
        sources,
        standing: validator.standing.clone(),
    };
    let chain = validator.ledger.spec().name.clone();
    let me = scheme::address_of(&validator.identity.vote);
    let mut patience = Patience::UntilAllFailed;
    loop {
        let read = follower
            .run(&context, |epoch| seated(&validator, epoch), patience)
            .await?;
        let epoch = next_epoch(&validator.ledger);
        if read > 0 {
            let tip = validator.ledger.tip().block().number();
            validator.ledger.set_read_to(tip)?;
        }
        tracing::info!(%chain, validator = %me, epoch, read, "takes its seat");
        patience = match sit(&context, &validator, Some(&follower)).await? {
            Some(Ended::Stopped) => return Ok(()),
            Some(Ended::NoSeat) => {
                tracing::info!(%chain, validator = %me, "was voted out and goes on as a reader");
                Patience::Endless
            }
            Some(Ended::Outgrown) => Patience::UntilAllFailed,
            None => {
                tracing::warn!(%chain, validator = %me, "hears nothing of its peers that the sources do not know long since: reads on");
                Patience::UntilAllFailed
            }
        };
    }
}

/// Validates until its terms end; `None` when the peers were left behind or have left it, which the sources know.
async fn sit(
    context: &runtime::Context,
    validator: &Validator,
    follower: Option<&Follower>,
) -> Result<Option<Ended>, EngineError> {
    let epoch = next_epoch(&validator.ledger);
    let task = context.child("seat").with_attribute("epoch", epoch);
    let validator = validator.clone();
    // Everything it has started ends with it.
    let mut sitting = task.spawn(async move |context| seat(context, validator, epoch).await);
    let behind = pin!(async {
        match follower {
            Some(follower) => left_behind(context, follower).await,
            None => pending().await,
        }
    });
    match select(&mut sitting, behind).await {
        Either::Left((Ok(ended), _)) => ended.map(Some),
        // The runtime is stopping.
        Either::Left((Err(_), _)) => Ok(Some(Ended::Stopped)),
        Either::Right(((), _)) => {
            sitting.abort();
            // An error is that it was aborted.
            let _ = sitting.await;
            Ok(None)
        }
    }
}

/// Resolves when nothing became final here for long while a source proves that something did.
async fn left_behind(clock: &impl Clock, follower: &Follower) {
    let mut seen = follower.ledger.tip().block().number();
    let mut since = clock.current();
    loop {
        clock.sleep(LOOK).await;
        let (now, number) = (clock.current(), follower.ledger.tip().block().number());
        if number != seen {
            (seen, since) = (number, now);
        } else if now.duration_since(since).unwrap_or_default() > STILL {
            for index in 0..follower.sources.count() {
                let read = follower.fetch(follower.sources.get(index)).await;
                // Asking takes time; meanwhile it may have gone on.
                let still = follower.ledger.tip().block().number() == seen;
                if still && read.is_ok_and(|(_, blocks)| !blocks.is_empty()) {
                    return;
                }
            }
        }
    }
}

/// Epoch of the block after the newest.
fn next_epoch(ledger: &Ledger) -> u64 {
    (ledger.tip().block().number() + 1) / ledger.spec().epoch_length
}

/// Whether the newest state names this validator, with both of its keys, for an epoch.
fn seated(validator: &Validator, epoch: u64) -> bool {
    let ledger = &validator.ledger;
    let tip = ledger.tip();
    let (state, header) = (&tip.state, tip.block().header());
    let set = validators_at(ledger.spec().chain_id, state, header, epoch).unwrap_or_default();
    let vote = scheme::address_of(&validator.identity.vote);
    let network = validator.identity.network.public_key();
    set.iter()
        .any(|v| v.vote == vote && v.network.as_slice() == network.as_ref())
}

/// Counts a seat while it lives.
struct Seat(Arc<Standing>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.seats.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs one validator from an epoch on, until the runtime stops or its terms end.
async fn seat(
    context: runtime::Context,
    validator: Validator,
    epoch: u64,
) -> Result<Ended, EngineError> {
    let _seat = seated(&validator, epoch).then(|| {
        validator.standing.seats.fetch_add(1, Ordering::Relaxed);
        Seat(validator.standing.clone())
    });
    let identity = &validator.identity;
    let spec = validator.ledger.spec();
    let blocks: RangeCfg<usize> = RangeCfg::from(..=MAX_BLOCK_BYTES);
    // Connections.
    let tip = validator.ledger.tip();
    let now = validators_at(spec.chain_id, &tip.state, tip.block().header(), epoch);
    let now = now.map_or(0, |set| set.len());
    let most = most_peers(spec.validators.len().max(now));
    let largest = MAX_VALIDATORS as u32;
    let payload = simplex::max_payload_size::<Scheme, Digest>(largest)
        .max(marshal::max_payload_size::<Standard<Block>, Scheme>(
            largest, &blocks,
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
    let namespace = [HANDSHAKE, validator.domain.as_slice()].concat();
    let mut config = lookup::Config::local(
        handshake,
        &namespace,
        identity.listen,
        commonware_utils::NZUsize!(most),
        max_message_size(&[payload]),
        NZUsize!(1000),
    );
    // Many validators may share one address: the daemon hosts them all, a consortium tests on one machine.
    config.allowed_handshake_rate_per_ip = Quota::per_second(NZU32!(128));
    config.dial_timeout = Duration::from_secs(5);
    config.dial_frequency = DIAL_PAUSE;
    config.peer_connection_cooldown = REDIAL_PAUSE;
    let (mut network, oracle) = lookup::Network::new(context.child("network"), config);
    let quota = Quota::per_second(NZU32!(QUOTA));
    let net = Net {
        votes: network.register(0, quota),
        certificates: network.register(1, quota),
        resolver: network.register(2, quota),
        proposals: network.register(3, quota),
        backfill: network.register(4, quota),
        transactions: network.register(5, quota),
        provider: oracle.clone(),
        blocker: oracle.clone(),
        peers: Addresses(oracle),
    };
    // Ends with this validator, so that its port is free when it comes back.
    let _network = network.start();
    let me = validator.identity.network.public_key();
    let uid = alloy_primitives::hex::encode(&me.as_ref()[..6]);
    let terms = Terms {
        leaves: validator.sources.is_some(),
        most_peers: most,
    };
    consensus::run(context, uid, validator, net, terms).await
}

/// Peers by the addresses that the set names.
struct Addresses(lookup::Oracle<PublicKey>);

impl Peers for Addresses {
    fn track(&mut self, epoch: u64, validators: &[ValidatorEntry]) -> Result<(), EngineError> {
        self.0.track(epoch, peers(validators)?);
        Ok(())
    }
}

/// One whose endpoint leads nowhere is left out: it must not keep the others from being connected.
fn peers(validators: &[ValidatorEntry]) -> Result<Map<PublicKey, Address>, EngineError> {
    let mut peers = Vec::new();
    for validator in validators {
        let key = scheme::network_key(validator.network).ok_or(EngineError::Set(0))?;
        // Resolved once an epoch: a name that moves is followed at the next.
        let resolved = std::net::ToSocketAddrs::to_socket_addrs(&validator.endpoint);
        match resolved.ok().and_then(|mut addresses| addresses.next()) {
            Some(address) => peers.push((key, Address::from(address))),
            None => tracing::error!(
                validator = %validator.vote, endpoint = %validator.endpoint,
                "the endpoint of a validator is not host:port with a literal or resolvable host: it is not connected"
            ),
        }
    }
    peers.try_into().map_err(|_| EngineError::Set(0))
}

/// Peers a set may have. Mailboxes are sized by it, so it follows the size of the chain: room for twice the validators of
/// genesis or of now, at least 16. A set that grows beyond it makes every validator connect anew.
fn most_peers(validators: usize) -> usize {
    (2 * validators).clamp(16, MAX_VALIDATORS)
}
