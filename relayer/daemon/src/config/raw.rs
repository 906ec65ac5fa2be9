//! The configuration as it is written: one struct per section, unknown keys refused.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::PathBuf,
};

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

/// The whole file. Paths are relative to the directory of the file, or to the working directory without one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Raw {
    /// `local` makes keys, certificates and genesis by itself; any other name makes nothing.
    pub profile: String,
    /// Where everything that lasts is kept.
    pub data_dir: PathBuf,
    /// Local profile alone: added to every port of this configuration at which it listens.
    pub local_port_shift: u16,
    /// What is logged.
    pub log: Log,
    /// The REST API.
    pub api: Api,
    /// Chains this process hosts, by name.
    pub hosted: BTreeMap<String, Hosted>,
    /// External chains, by name.
    pub evm: BTreeMap<String, Evm>,
    /// Accounts whose keys this daemon holds, by name.
    pub accounts: BTreeMap<String, Account>,
    /// How transfers are driven.
    pub transfers: Transfers,
    /// Standing offers: which locks are answered.
    pub offers: Vec<Offer>,
    /// Pegs that are carried, or whose supply is stated, by name.
    pub pegs: BTreeMap<String, Peg>,
    /// Devices, and the operators of this process that take their readings.
    pub oracle: Oracle,
    /// Settlements that are carried, by name.
    pub settlements: BTreeMap<String, Settlement>,
    /// The event log.
    pub eventlog: EventLog,
    /// Who belongs to the consortium.
    pub members: Members,
    /// Who validates the public chain.
    pub election: Election,
    /// Who is told of alarms.
    pub alarms: Alarms,
}

/// `[log]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// `tracing` directives.
    pub filter: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// `[api]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Api {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Certificate, key and CA of clients. Required outside the local profile.
    pub tls: Option<Tls>,
    /// Longest a request may take, milliseconds; event streams excepted.
    pub request_timeout_ms: u64,
    /// Largest body, bytes.
    pub max_body_bytes: usize,
    /// Most event streams at once.
    pub max_event_streams: usize,
}

/// A server certificate and who its clients are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM of the CA whose client certificates are accepted.
    pub client_ca_file: PathBuf,
    /// PEM of the server's certificate chain.
    pub certificate_file: PathBuf,
    /// PEM of the server's private key.
    pub key_file: PathBuf,
}

/// What kind of chain is hosted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Anyone reads and sends; fees by EIP-1559.
    Public,
    /// Certificate holders only; no fee.
    Consortium,
}

/// `[hosted.<name>]`: a chain this process hosts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hosted {
    /// Who may use it and what a transaction pays.
    pub kind: Kind,
    /// EIP-155 chain id; must be that of the genesis file.
    pub chain_id: u64,
    /// Genesis. Made by the local profile, required by any other.
    #[serde(default)]
    pub genesis_file: Option<PathBuf>,
    /// Validators made and run here. Local profile alone.
    #[serde(default)]
    pub local_validators: Option<usize>,
    /// Validators run here, each with its key.
    #[serde(default)]
    pub validators: Vec<Validator>,
    /// Whether validators of this process share executed blocks.
    #[serde(default = "yes")]
    pub share_execution: bool,
    /// Gas limit of a block, for a genesis made here.
    #[serde(default = "gas_limit")]
    pub gas_limit: u64,
    /// Longest time between blocks when nothing waits, for a genesis made here, milliseconds.
    #[serde(default = "heartbeat_ms")]
    pub heartbeat_ms: u64,
    /// Shortest time between blocks when something waits, for a genesis made here, milliseconds.
    #[serde(default)]
    pub min_interval_ms: u64,
    /// Blocks per epoch, for a genesis made here.
    #[serde(default = "epoch_blocks")]
    pub epoch_blocks: u64,
    /// The `HashTimeLock`. Deployed by the local profile, required by any other.
    #[serde(default)]
    pub hash_time_lock: Option<Address>,
    /// The points token. Deployed by the local profile, optional in any other.
    #[serde(default)]
    pub points_token: Option<Address>,
    /// The `Gateway`, if its messages are carried. Deployed by the local profile, optional in any other.
    #[serde(default)]
    pub gateway: Option<Address>,
    /// Nodes of the chain that are read from while no validator here has a seat: their JSON-RPC. Nothing they say is believed
    /// without a certificate.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Certificates for `https` sources.
    #[serde(default)]
    pub source_tls: Option<EvmTls>,
    /// Whether a node without data begins with a source's snapshot, and not with genesis.
    #[serde(default)]
    pub start_from_snapshot: bool,
    /// At the end of how many epochs a snapshot is made and served; 0 makes none.
    #[serde(default)]
    pub snapshot_every_epochs: u64,
    /// Blocks whose transactions and receipts are kept; all when left out.
    #[serde(default)]
    pub keep_blocks: Option<u64>,
    /// The JSON-RPC server.
    pub rpc: Rpc,
}

/// `[[hosted.<name>.validators]]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validator {
    /// Web3 v3 keystore of its vote key; the key of its connections is derived from it.
    pub keystore_file: PathBuf,
    /// File with the keystore's password in its first line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Name of the environment variable that holds the keystore's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// Where its peers reach it.
    pub listen: SocketAddr,
}

/// `[hosted.<name>.rpc]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rpc {
    /// Public chain: HTTP and WebSocket. Consortium chain: the same over mutual TLS.
    pub listen: SocketAddr,
    /// Consortium chain, local profile alone: a loopback port without TLS that stands in for one member.
    #[serde(default)]
    pub stand_in_listen: Option<SocketAddr>,
    /// Consortium chain: certificate and CA. Made by the local profile, required by any other.
    #[serde(default)]
    pub tls: Option<Tls>,
}

/// `[evm.<name>]`: an external chain that speaks Ethereum JSON-RPC.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evm {
    /// EIP-155 chain id that every node must report.
    pub chain_id: u64,
    /// JSON-RPC nodes. One is allowed; then that node is believed.
    pub urls: Vec<String>,
    /// How many nodes must say the same; the majority when left out.
    #[serde(default)]
    pub quorum: Option<usize>,
    /// When a block is final.
    #[serde(default)]
    pub finality: Finality,
    /// The `HashTimeLock` there. Deployed by the local profile, required by any other.
    #[serde(default)]
    pub hash_time_lock: Option<Address>,
    /// The points token there. Deployed together with the `HashTimeLock`, optional otherwise.
    #[serde(default)]
    pub points_token: Option<Address>,
    /// The `Gateway` there, if the chain is one of Causeway whose messages this daemon carries.
    #[serde(default)]
    pub gateway: Option<Address>,
    /// Where reading begins: the height at which the `HashTimeLock` was deployed.
    #[serde(default)]
    pub start_height: u64,
    /// Whether watchtower accounts complete locks of others there.
    #[serde(default)]
    pub watchtower: bool,
    /// Prices and limits of transactions.
    #[serde(default)]
    pub fees: EvmFees,
    /// Certificates for `https` nodes; the system's authorities when left out.
    #[serde(default)]
    pub tls: Option<EvmTls>,
    /// Time from sending to a block, assumed until it was measured, milliseconds.
    #[serde(default = "assumed_inclusion_ms")]
    pub assumed_inclusion_ms: u64,
    /// Time from a block to its finality, assumed until it was measured, milliseconds; by `finality` when left out.
    #[serde(default)]
    pub assumed_finality_ms: Option<u64>,
    /// Longest a request may take, milliseconds.
    #[serde(default = "request_timeout_ms")]
    pub request_timeout_ms: u64,
    /// Pause between two looks for a new block, milliseconds.
    #[serde(default = "poll_ms")]
    pub poll_ms: u64,
    /// Most heights whose events are read at once.
    #[serde(default = "max_range")]
    pub max_range: u64,
    /// Largest answer of a node, bytes.
    #[serde(default = "max_response_bytes")]
    pub max_response_bytes: u32,
}

/// When a block of an external chain is final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finality {
    /// The chain says so: block tag `finalized`.
    #[default]
    Finalized,
    /// When this many blocks follow.
    Confirmations(u64),
    /// At once.
    Instant,
}

/// Which transactions are sent to an external chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeKind {
    /// EIP-1559 where blocks have a base fee, legacy elsewhere.
    #[default]
    Auto,
    /// Legacy everywhere.
    Legacy,
}

/// `[evm.<name>.fees]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvmFees {
    /// Which kind of transaction is sent.
    pub kind: FeeKind,
    /// Highest price of one unit of gas ever signed, in wei.
    pub max_fee_per_gas_wei: u64,
    /// Tip where the node does not propose one, in wei.
    pub default_tip_wei: u64,
    /// Gas added to the node's estimate, in percent.
    pub gas_margin_percent: u64,
    /// Most gas of one transaction.
    pub max_gas: u64,
}

/// `[evm.<name>.tls]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvmTls {
    /// PEM of the authorities that may sign the nodes' certificates.
    pub ca_file: PathBuf,
    /// PEM of our certificate chain, for nodes that ask for one.
    #[serde(default)]
    pub certificate_file: Option<PathBuf>,
    /// PEM of its private key.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
}

/// `[accounts.<name>]`: a key this daemon holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Web3 v3 keystore.
    pub keystore_file: PathBuf,
    /// File with the keystore's password in its first line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Name of the environment variable that holds the keystore's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// Whether the account completes transfers of others for their safety deposit.
    #[serde(default)]
    pub watchtower: bool,
}

/// `[transfers]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Transfers {
    /// How long a party may be down and still lose nothing, seconds.
    pub outage_budget_seconds: u64,
    /// How far clocks may differ, seconds.
    pub clock_skew_seconds: u64,
    /// How long only the sender may refund, seconds.
    pub private_refund_seconds: u64,
    /// Added to a plan for the other party's delays, seconds.
    pub slack_seconds: u64,
    /// How long a settlement's verdict may be on its way through the gateway before it is proved instead, seconds.
    pub verdict_patience_seconds: u64,
    /// File of the 32-byte key that encrypts preimages, hexadecimal. Made where it does not exist.
    pub seal_key_file: Option<PathBuf>,
    /// Whether messages and pegs are carried between the chains.
    pub carry: bool,
}

/// `[[offers]]`: who locks one asset in our favour may have another.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Chain of the first lock, by name.
    pub take_chain: String,
    /// `native`, `points` (the chain's points token), or the address of a token.
    pub take_asset: String,
    /// Chain of our lock, by name.
    pub give_chain: String,
    /// `native`, `points` (the chain's points token), or the address of a token.
    pub give_asset: String,
    /// Our account, by name.
    pub account: String,
    /// Units given ...
    pub rate_give: u64,
    /// ... for this many taken, in the assets' smallest units.
    pub rate_take: u64,
    /// The least we lock, in the asset's smallest unit, decimal.
    pub min_give: String,
    /// The most we lock in one swap, in the asset's smallest unit, decimal.
    pub max_give: String,
    /// Safety deposit of our lock, in native wei, decimal.
    #[serde(default = "zero")]
    pub deposit_wei: String,
}

/// `[pegs.<name>]`: a pair of ports that is carried, whose supply is stated and which is paused when the statement fails.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peg {
    /// Our account that both ports have as their guardian, by name. Without one nothing is paused.
    #[serde(default)]
    pub guardian: Option<String>,
    /// Our account that pays for what is carried, by name. Without one nothing is carried or started.
    #[serde(default)]
    pub carrier: Option<String>,
    /// Where the asset is at home.
    pub home: PegEnd,
    /// Where its `PegToken` is.
    pub side: PegEnd,
}

/// `[pegs.<name>.home]` and `[pegs.<name>.side]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PegEnd {
    /// The chain, by name.
    pub chain: String,
    /// `PegVault` at home, `PegMint` on the side.
    pub port: String,
    /// At home `native` or the address of the token, on the side the address of the `PegToken`.
    pub asset: String,
    /// What this chain believes of the other.
    pub light_client: String,
    /// Where reading begins: the block in which the port was deployed, or before.
    #[serde(default)]
    pub start_height: u64,
}

/// `[oracle]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Oracle {
    /// Whether operators take readings here.
    pub enabled: bool,
    /// Length of the periods over which readings are anchored, seconds.
    pub period_seconds: u64,
    /// Readings a device may send each second, on average.
    pub readings_per_second: u32,
    /// Most that an operator's archive may grow to, bytes.
    pub max_archive_bytes: u64,
    /// Whether evidence against a device is brought to the registry without being asked.
    pub slash: bool,
    /// After how long without a reading a device is an alarm, seconds.
    pub silent_after_seconds: u64,
    /// Seconds from a device's exit to its deposit's return, in the registry that the local profile deploys.
    pub exit_delay_seconds: Option<u32>,
    /// Where the contracts are. Deployed by the local profile, required by any other.
    pub contracts: Option<OracleContracts>,
    /// Feeds whose readings are taken. The local profile has one of its own beside these.
    pub feeds: Vec<OracleFeed>,
    /// Operators of this process, by name. The local profile has four of its own.
    pub operators: BTreeMap<String, OracleOperator>,
    /// Operators of the local profile that do not run here.
    pub without: BTreeSet<String>,
    /// Operators of the same feeds that run elsewhere.
    pub peers: Vec<OraclePeer>,
}

/// `[oracle.contracts]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OracleContracts {
    /// The chain that admits devices, by name.
    pub public_chain: String,
    /// The chain on which readings are anchored, by name.
    pub consortium_chain: String,
    /// `DeviceRegistry`, on the public chain.
    pub device_registry: Address,
    /// `EvidenceRoll`, on the public chain.
    pub evidence_roll: Address,
    /// `DataMarket`, on the public chain.
    pub data_market: Address,
    /// `DeviceMirror`, on the consortium chain.
    pub device_mirror: Address,
    /// `Evidence`, on the consortium chain.
    pub evidence: Address,
    /// Where reading of the registry begins.
    #[serde(default)]
    pub public_start_height: u64,
    /// Where reading of the mirror begins.
    #[serde(default)]
    pub consortium_start_height: u64,
}

/// `[[oracle.feeds]]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OracleFeed {
    /// Its name.
    pub name: String,
    /// Unit of its readings.
    pub unit: String,
    /// Digits behind the point.
    pub decimals: u8,
    /// Lowest plausible value, in units of the last digit.
    pub min: i64,
    /// Highest plausible value.
    pub max: i64,
    /// Whether each reading must carry the feed key's signature.
    #[serde(default)]
    pub proved: bool,
    /// Devices of these owners speak for it.
    #[serde(default)]
    pub owners: Vec<Address>,
    /// These devices speak for it, by DID.
    #[serde(default)]
    pub devices: Vec<String>,
    /// Our operator who anchors its periods, by name.
    #[serde(default)]
    pub keeper: Option<String>,
    /// The feed's first `FeedAggregator`, on the public chain.
    #[serde(default)]
    pub public_aggregator: Option<Address>,
    /// Its twin on the consortium chain.
    #[serde(default)]
    pub consortium_aggregator: Option<Address>,
}

/// `[oracle.operators.<name>]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OracleOperator {
    /// Its account, by name; the operator's own name when left out.
    pub account: Option<String>,
    /// Its archive; `operators/<name>.sqlite` in the data directory when left out.
    pub archive_file: Option<PathBuf>,
    /// Where readings are posted.
    pub listen: Option<SocketAddr>,
    /// Its certificate, and the CA of its devices.
    pub tls: Option<Tls>,
    /// A broker whose readings it takes too.
    pub mqtt: Option<OracleMqtt>,
    /// Where messages of other operators are taken.
    pub messages_listen: Option<SocketAddr>,
    /// The certificate that names the operator, and the CA of all operators.
    pub messages_tls: Option<Tls>,
}

/// `[[oracle.peers]]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OraclePeer {
    /// Its name, as in its certificate.
    pub name: String,
    /// Its account.
    pub account: Address,
    /// Where it takes messages: `https://host:port`.
    pub url: String,
}

/// `[oracle.operators.<name>.mqtt]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OracleMqtt {
    /// `mqtts://host:port`.
    pub url: String,
    /// Name of the session; the operator's own when left out.
    #[serde(default)]
    pub client_id: Option<String>,
    /// PEM of the CA of the broker's certificate.
    pub ca_file: PathBuf,
    /// PEM of our certificate.
    pub certificate_file: PathBuf,
    /// PEM of its private key, PKCS#8.
    pub key_file: PathBuf,
}

impl Default for Oracle {
    fn default() -> Self {
        Self {
            enabled: true,
            period_seconds: 3_600,
            readings_per_second: 100,
            max_archive_bytes: 64 << 30,
            slash: true,
            silent_after_seconds: 600,
            exit_delay_seconds: None,
            contracts: None,
            feeds: Vec::new(),
            operators: BTreeMap::new(),
            without: BTreeSet::new(),
            peers: Vec::new(),
        }
    }
}

/// `[settlements.<name>]`: an escrow on a public chain that opens on results of a consortium chain.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    /// Our account that pays, on the public chain, for what anyone may do, by name.
    pub carrier: String,
    /// Where the escrow is.
    pub public: EscrowEnd,
    /// Where the results are.
    pub consortium: ResultEnd,
}

/// `[settlements.<name>.public]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscrowEnd {
    /// The chain, by name.
    pub chain: String,
    /// The `SettlementEscrow`.
    pub escrow: String,
    /// What this chain believes of the consortium.
    pub light_client: String,
    /// Where reading begins: the block in which the escrow was deployed, or before.
    #[serde(default)]
    pub start_height: u64,
}

/// `[settlements.<name>.consortium]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultEnd {
    /// The chain, by name.
    pub chain: String,
    /// The `Settlement`.
    pub settlement: String,
    /// Where reading begins: the block in which it was deployed, or before.
    #[serde(default)]
    pub start_height: u64,
}

/// `[eventlog]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventLog {
    /// Our account that signs and anchors heads, by name. The watchtower's in the local profile, none in any other.
    pub keeper: Option<String>,
    /// Chain of the anchors, by name.
    pub anchor_chain: Option<String>,
    /// The `LogAnchor` there. Deployed by the local profile.
    pub anchor_contract: Option<Address>,
    /// Time between two heads, seconds.
    pub anchor_every_seconds: u64,
    /// A lock of at least so much is an alarm, in smallest units of its asset, decimal.
    pub large_value: String,
    /// So many refunds to one sender are an alarm ...
    pub repeated_refunds: usize,
    /// ... within so many seconds.
    pub repeated_refunds_seconds: u64,
}

/// `[members]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Members {
    /// The consortium chain, by name.
    pub chain: Option<String>,
    /// The `MemberRegistry` there. Deployed by the local profile.
    pub registry: Option<Address>,
    /// The `SealedContent` there. Deployed by the local profile.
    pub sealed_content: Option<Address>,
}

/// `[election]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Election {
    /// The public chain, by name.
    pub chain: Option<String>,
    /// The `Election` there. Deployed by the local profile.
    pub contract: Option<Address>,
    /// Our account that records blocks, calls for elections and brings evidence, by name.
    pub keeper: Option<String>,
}

/// `[alarms]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Alarms {
    /// After how long an alarm that nobody has acknowledged escalates, seconds.
    pub escalate_after_seconds: u64,
    /// Where they are posted.
    pub webhook: Option<Webhook>,
    /// Where they are mailed.
    pub mail: Option<Mail>,
}

/// `[alarms.webhook]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// HTTPS; in the local profile also HTTP on loopback.
    pub url: String,
    /// File whose first line is the key of the signature.
    pub key_file: PathBuf,
}

/// `[alarms.mail]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is talked to.
    #[serde(default = "implicit")]
    pub tls: crate::alarms::MailTls,
    /// PEM of the authority of its certificate, where no public one issued it.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Who sends.
    pub from: String,
    /// Who is told.
    pub to: Vec<String>,
    /// User name at the server.
    #[serde(default)]
    pub user: Option<String>,
    /// File whose first line is the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
}

impl Default for EventLog {
    fn default() -> Self {
        Self {
            keeper: None,
            anchor_chain: None,
            anchor_contract: None,
            anchor_every_seconds: 600,
            large_value: "1000000000000000000000".into(),
            repeated_refunds: 5,
            repeated_refunds_seconds: 3_600,
        }
    }
}

impl Default for Alarms {
    fn default() -> Self {
        Self {
            escalate_after_seconds: 900,
            webhook: None,
            mail: None,
        }
    }
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            profile: "local".into(),
            data_dir: "causeway-data".into(),
            local_port_shift: 0,
            log: Log::default(),
            api: Api::default(),
            hosted: BTreeMap::new(),
            evm: BTreeMap::new(),
            accounts: BTreeMap::new(),
            transfers: Transfers::default(),
            offers: Vec::new(),
            pegs: BTreeMap::new(),
            oracle: Oracle::default(),
            settlements: BTreeMap::new(),
            eventlog: EventLog::default(),
            members: Members::default(),
            election: Election::default(),
            alarms: Alarms::default(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        let filter = "info,commonware_consensus=warn,commonware_p2p=warn,commonware_runtime=warn";
        Self {
            format: LogFormat::Pretty,
            filter: filter.into(),
        }
    }
}

impl Default for Api {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8700)),
            tls: None,
            request_timeout_ms: 10_000,
            max_body_bytes: 64 * 1024,
            max_event_streams: 64,
        }
    }
}

impl Default for EvmFees {
    fn default() -> Self {
        let fees = causeway_adapter_evm::Fees::default();
        Self {
            kind: FeeKind::Auto,
            max_fee_per_gas_wei: fees.max_fee_per_gas_wei,
            default_tip_wei: fees.default_tip_wei,
            gas_margin_percent: fees.gas_margin_percent,
            max_gas: fees.max_gas,
        }
    }
}

impl Default for Transfers {
    fn default() -> Self {
        Self {
            outage_budget_seconds: 3_600,
            clock_skew_seconds: 10,
            private_refund_seconds: 3_600,
            slack_seconds: 60,
            verdict_patience_seconds: 60,
            seal_key_file: None,
            carry: true,
        }
    }
}

const fn implicit() -> crate::alarms::MailTls {
    crate::alarms::MailTls::Implicit
}

const fn yes() -> bool {
    true
}

const fn gas_limit() -> u64 {
    300_000_000
}

const fn heartbeat_ms() -> u64 {
    1_000
}

const fn epoch_blocks() -> u64 {
    7_200
}

/// Three slots of Ethereum.
const fn assumed_inclusion_ms() -> u64 {
    36_000
}

const fn request_timeout_ms() -> u64 {
    10_000
}

const fn poll_ms() -> u64 {
    1_000
}

const fn max_range() -> u64 {
    1_000
}

const fn max_response_bytes() -> u32 {
    10_000_000
}

fn zero() -> String {
    "0".into()
}
