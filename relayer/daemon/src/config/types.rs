//! A checked configuration.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    num::NonZeroU32,
    path::PathBuf,
    time::Duration,
};

use alloy_primitives::{Address, U256};
use causeway_adapter_api::Asset;
use causeway_adapter_device::{directory::Feed, names::Did};
use causeway_adapter_evm::EvmConfig;
use causeway_adapter_hosted::host::History;
use causeway_core::margin::ChainTiming;

use super::raw;
use crate::alarms::AlarmConfig;
use crate::oracle::feeds::PeerSite;

/// A configuration whose every value was checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who makes keys and certificates.
    pub profile: Profile,
    /// Where everything that lasts is kept; absolute.
    pub data_dir: PathBuf,
    /// Local profile: added to every port at which it listens.
    pub local_port_shift: u16,
    /// What is logged.
    pub log: raw::Log,
    /// The REST API.
    pub api: Api,
    /// The chains, by name.
    pub chains: BTreeMap<String, Chain>,
    /// Accounts whose keys this daemon holds, by name.
    pub accounts: BTreeMap<String, Account>,
    /// How transfers are driven.
    pub transfers: Transfers,
    /// Standing offers.
    pub offers: Vec<Offer>,
    /// Pegs that are carried, or whose supply is stated, by name.
    pub pegs: BTreeMap<String, Peg>,
    /// Devices, and the operators of this process.
    pub oracle: Oracle,
    /// Settlements that are carried, by name.
    pub settlements: BTreeMap<String, Settlement>,
    /// The event log.
    pub eventlog: EventLog,
    /// Name of the consortium chain and its `MemberRegistry`; `None` in the local profile, which deploys one.
    pub members: Option<(String, Address)>,
    /// The `SealedContent` on the same chain.
    pub sealed_content: Option<Address>,
    /// The public chain, its `Election`, and our account that keeps it; `None` in the local profile, which deploys one.
    pub election: Option<ElectionAt>,
    /// Who is told of alarms.
    pub alarms: AlarmConfig,
}

/// Devices, and the operators of this process that take their readings.
#[derive(Clone, Debug)]
pub struct Oracle {
    /// Whether operators take readings here.
    pub enabled: bool,
    /// Length of the periods over which readings are anchored.
    pub period: Duration,
    /// Readings a device may send each second, on average.
    pub per_second: NonZeroU32,
    /// Most that an operator's archive may grow to, bytes.
    pub max_archive_bytes: u64,
    /// Whether evidence against a device is brought to the registry without being asked.
    pub slash: bool,
    /// After how long without a reading a device is an alarm.
    pub silent_after: Duration,
    /// Seconds from a device's exit to its deposit's return, in the registry that the local profile deploys.
    pub exit_delay: u32,
    /// Where the contracts are; `None` in the local profile, which deploys them.
    pub contracts: Option<raw::OracleContracts>,
    /// Feeds that the configuration names.
    pub feeds: Vec<OracleFeed>,
    /// Operators that the configuration names, by name.
    pub operators: BTreeMap<String, OracleOperator>,
    /// Operators of the local profile that do not run here.
    pub without: BTreeSet<String>,
    /// Operators of the same feeds that run elsewhere.
    pub peers: Vec<PeerSite>,
}

/// A feed whose readings are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OracleFeed {
    /// What its readings may be.
    pub feed: Feed,
    /// Devices of these owners speak for it.
    pub owners: BTreeSet<Address>,
    /// These devices speak for it.
    pub devices: BTreeSet<Did>,
    /// Our operator who anchors its periods, by name.
    pub keeper: Option<String>,
    /// Its aggregators, on the public chain and on the consortium chain.
    pub aggregators: Option<[Address; 2]>,
}

impl OracleFeed {
    /// Whether a device of this owner speaks for it.
    pub fn heard(&self, did: &Did, owner: Address) -> bool {
        self.devices.contains(did) || self.owners.contains(&owner)
    }
}

/// An operator of this process, as far as the configuration says.
#[derive(Clone, Debug)]
pub struct OracleOperator {
    /// Its account, by name.
    pub account: String,
    /// Its archive.
    pub archive_file: PathBuf,
    /// Where readings are posted; in the local profile chosen when left out.
    pub listen: Option<SocketAddr>,
    /// Its certificate, and the CA of its devices; in the local profile made when left out.
    pub tls: Option<Tls>,
    /// A broker whose readings it takes too.
    pub mqtt: Option<OracleMqtt>,
    /// Where messages of other operators are taken.
    pub messages_listen: Option<SocketAddr>,
    /// The certificate that names it, and the CA of all operators; in the local profile made when left out.
    pub messages_tls: Option<Tls>,
}

/// A broker of an operator.
#[derive(Clone, Debug)]
pub struct OracleMqtt {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Name of the session.
    pub client_id: String,
    /// CA of the broker.
    pub ca_file: PathBuf,
    /// Our certificate.
    pub certificate_file: PathBuf,
    /// Its key.
    pub key_file: PathBuf,
}

/// An escrow on a public chain, and the results of a consortium chain that open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Our account that pays on the public chain, by name.
    pub carrier: String,
    /// The public chain, by name.
    pub public: String,
    /// The `SettlementEscrow` there.
    pub escrow: Address,
    /// What the public chain believes of the consortium.
    pub light_client: Address,
    /// Where reading the escrow begins.
    pub public_start: u64,
    /// The consortium chain, by name.
    pub consortium: String,
    /// The `Settlement` there.
    pub settlement: Address,
    /// Where reading the results begins.
    pub consortium_start: u64,
}

/// An election that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElectionAt {
    /// Name of the chain.
    pub chain: String,
    /// The `Election` there.
    pub contract: Address,
    /// Our account that records blocks, calls for elections and brings evidence, by name.
    pub keeper: Option<String>,
}

/// The event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLog {
    /// Our account that signs heads, by name.
    pub keeper: Option<String>,
    /// Name of the chain and the contract where they are anchored.
    pub anchor: Option<(String, Address)>,
    /// Time between two heads.
    pub anchor_every: Duration,
    /// A lock of at least so much is an alarm.
    pub large_value: U256,
    /// So many refunds to one sender are an alarm ...
    pub refunds: usize,
    /// ... within so many seconds.
    pub refunds_within: u64,
}

/// A pair of ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peg {
    /// Our account that both ports have as their guardian, by name; `None` pauses nothing.
    pub guardian: Option<String>,
    /// Our account that pays for what is carried, by name; `None` carries and starts nothing.
    pub carrier: Option<String>,
    /// Where the asset is at home.
    pub home: PegEnd,
    /// Where its `PegToken` is.
    pub side: PegEnd,
}

/// One end of a peg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PegEnd {
    /// The chain, by name.
    pub chain: String,
    /// `PegVault` at home, `PegMint` on the side.
    pub port: Address,
    /// What is held, or made.
    pub asset: Asset,
    /// What this chain believes of the other.
    pub light_client: Address,
    /// Where reading begins.
    pub start_height: u64,
}

/// Who makes keys, certificates and genesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// This daemon, for one machine and points without worth.
    Local,
    /// People; nothing is made silently.
    Named(String),
}

/// One chain.
// A handful of them exist, once.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
pub enum Chain {
    /// Hosted by this process.
    Hosted(Hosted),
    /// Somebody else's.
    Evm(Evm),
}

/// A hosted chain.
#[derive(Clone, Debug)]
pub struct Hosted {
    /// As written; ranges were checked.
    pub raw: raw::Hosted,
    /// Genesis outside the local profile.
    pub genesis_file: Option<PathBuf>,
    /// Validators with keys of their own.
    pub validators: Vec<Validator>,
    /// Where it reads without a seat, how it begins, what it keeps.
    pub history: History,
    /// The JSON-RPC server.
    pub rpc: Rpc,
}

/// A validator run here.
#[derive(Clone, Debug)]
pub struct Validator {
    /// Its keystore.
    pub keystore_file: PathBuf,
    /// The keystore's password.
    pub password: PasswordSource,
    /// Where its peers reach it.
    pub listen: SocketAddr,
}

/// A JSON-RPC server.
#[derive(Clone, Debug)]
pub struct Rpc {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Loopback port without TLS that stands in for a member.
    pub stand_in_listen: Option<SocketAddr>,
    /// Certificates of a consortium chain outside the local profile.
    pub tls: Option<Tls>,
}

/// Files of a TLS server with client certificates.
#[derive(Clone, Debug)]
pub struct Tls {
    /// CA of the clients.
    pub client_ca_file: PathBuf,
    /// Chain of the server.
    pub certificate_file: PathBuf,
    /// Key of the server.
    pub key_file: PathBuf,
}

/// An external chain.
#[derive(Clone, Debug)]
pub struct Evm {
    /// As written.
    pub raw: raw::Evm,
    /// The same for the adapter, checked; without accounts.
    pub adapter: EvmConfig,
    /// What its times are taken for until they were measured.
    pub assumed: ChainTiming,
}

/// A key this daemon holds.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its keystore.
    pub keystore_file: PathBuf,
    /// The keystore's password.
    pub password: PasswordSource,
    /// Completes for others.
    pub watchtower: bool,
}

/// Where a password is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// First line of this file.
    File(PathBuf),
    /// This environment variable.
    Env(String),
}

/// The REST API.
#[derive(Clone, Debug)]
pub struct Api {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Certificates; `None` in the local profile alone.
    pub tls: Option<Tls>,
    /// Longest a request may take.
    pub request_timeout: Duration,
    /// Largest body, bytes.
    pub max_body_bytes: usize,
    /// Most event streams at once.
    pub max_event_streams: usize,
}

/// How transfers are driven.
#[derive(Clone, Debug)]
pub struct Transfers {
    /// As written; ranges were checked.
    pub raw: raw::Transfers,
    /// File of the key that encrypts preimages.
    pub seal_key_file: PathBuf,
}

/// What an offer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferAsset {
    /// The points token of the chain, wherever it is.
    Points,
    /// This one.
    Fixed(Asset),
}

/// A standing offer.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Chain of the first lock.
    pub take_chain: String,
    /// What it holds.
    pub take_asset: OfferAsset,
    /// Chain of our lock.
    pub give_chain: String,
    /// What we lock.
    pub give_asset: OfferAsset,
    /// Our account.
    pub account: String,
    /// Units given ...
    pub rate_give: u64,
    /// ... for this many taken.
    pub rate_take: u64,
    /// The least we lock.
    pub min_give: U256,
    /// The most we lock.
    pub max_give: U256,
    /// Safety deposit of our lock.
    pub deposit_wei: U256,
}

impl Profile {
    /// Whether keys and certificates are made here.
    pub fn is_local(&self) -> bool {
        *self == Self::Local
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Local => "local",
            Self::Named(name) => name,
        }
    }
}

impl Config {
    /// The external chains, by name.
    pub fn external(&self) -> impl Iterator<Item = (&String, &Evm)> {
        self.chains.iter().filter_map(|(name, chain)| match chain {
            Chain::Evm(evm) => Some((name, evm)),
            Chain::Hosted(_) => None,
        })
    }

    /// The hosted chains, by name.
    pub fn hosted(&self) -> impl Iterator<Item = (&String, &Hosted)> {
        self.chains.iter().filter_map(|(name, chain)| match chain {
            Chain::Hosted(hosted) => Some((name, hosted)),
            Chain::Evm(_) => None,
        })
    }
}

impl Chain {
    /// Whether there is a points token, now or once the local profile has deployed it.
    pub(super) fn has_points(&self, profile: &Profile) -> bool {
        let (token, deploys) = match self {
            Self::Hosted(hosted) => (hosted.raw.points_token, true),
            Self::Evm(evm) => (evm.raw.points_token, evm.raw.hash_time_lock.is_none()),
        };
        token.is_some() || (profile.is_local() && deploys)
    }

    /// EIP-155 chain id.
    pub const fn id(&self) -> u64 {
        match self {
            Self::Hosted(hosted) => hosted.raw.chain_id,
            Self::Evm(evm) => evm.raw.chain_id,
        }
    }
}
