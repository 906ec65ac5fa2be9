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
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address as Account, B256};
use commonware_codec::{RangeCfg, varint::MAX_U32_VARINT_SIZE};
use commonware_consensus::{marshal, marshal::standard::Standard, simplex};
use commonware_cryptography::{
    ChaCha20Poly1305, Signer as _,
    ed25519::{PrivateKey, PublicKey},
    sha256::Digest,
};
use commonware_p2p::{Address, AddressableManager as _, authenticated::lookup, max_message_size};
use commonware_runtime::{Quota, Supervisor as _, tokio as runtime};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{NZU32, NZUsize, ordered::Map};
use secp256k1::SecretKey;

use consensus::{Net, Peers};

use crate::{
    block::{Block, MAX_BLOCK_BYTES},
    equivocation::Convictions,
    gossip,
    ledger::Ledger,
    pool::TxPool,
    scheme::{self, Scheme},
    spec::{MAX_VALIDATORS, ValidatorEntry},
};

/// Messages a second and channel that a peer may send. Mailboxes are sized by it times the number of peers.
const QUOTA: u32 = 64;
/// Pause between two dials; each goes to another peer, so a validator is connected to all after their number of pauses.
const DIAL_PAUSE: Duration = Duration::from_millis(25);
/// Shortest time between two dials of one peer that does not answer.
const REDIAL_PAUSE: Duration = Duration::from_millis(500);
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
fn since_epoch_ms(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// Runs one validator until the runtime stops.
///
/// # Errors
/// Fails when it cannot start; a running validator does not return.
pub async fn run(context: runtime::Context, validator: Validator) -> Result<(), EngineError> {
    let identity = &validator.identity;
    let spec = validator.ledger.spec();
    let blocks: RangeCfg<usize> = RangeCfg::from(..=MAX_BLOCK_BYTES);
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
    let namespace = [HANDSHAKE, validator.domain.as_slice()].concat();
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
    network.start();
    let me = validator.identity.network.public_key();
    let uid = alloy_primitives::hex::encode(&me.as_ref()[..6]);
    consensus::run(context, uid, validator, net).await
}

/// Peers by the addresses that the set names.
struct Addresses(lookup::Oracle<PublicKey>);

impl Peers for Addresses {
    fn track(&mut self, epoch: u64, validators: &[ValidatorEntry]) -> Result<(), EngineError> {
        self.0.track(epoch, peers(validators)?);
        Ok(())
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
