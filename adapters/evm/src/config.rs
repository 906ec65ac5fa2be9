//! The `[chain.<name>]` section of an external chain.

use std::{path::PathBuf, time::Duration};

use alloy_primitives::Address;
use serde::Deserialize;

use crate::ConnectError;

/// An external chain, as configured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvmConfig {
    /// Name in errors, logs and on the page.
    pub name: String,
    /// EIP-155 id; a node that says another is refused.
    pub chain_id: u64,
    /// JSON-RPC nodes, `http` or `https`. One is allowed; then that node is believed.
    pub urls: Vec<String>,
    /// How many nodes must say the same. More than half of them; all of them when left out.
    #[serde(default)]
    pub quorum: Option<usize>,
    /// Address of the chain's `HashTimeLock`.
    pub hash_time_lock: Address,
    /// When a block is final.
    pub finality: Finality,
    /// Accounts to sign with.
    #[serde(default)]
    pub accounts: Vec<Account>,
    /// Prices and limits.
    #[serde(default)]
    pub fees: Fees,
    /// Certificates for `https` nodes; the system's authorities when left out.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// How long one request may take, in milliseconds; 100 to 60,000.
    #[serde(default = "request_timeout_ms")]
    pub request_timeout_ms: u64,
    /// Pause between two looks for a new block, in milliseconds; 10 to 60,000.
    #[serde(default = "poll_ms")]
    pub poll_ms: u64,
    /// Largest answer of a node, in bytes.
    #[serde(default = "max_response_bytes")]
    pub max_response_bytes: u32,
    /// Most heights whose events are read at once.
    #[serde(default = "max_range")]
    pub max_range: u64,
    /// Whether its nodes are Causeway's, whose blocks carry certificates that contracts check.
    #[serde(default)]
    pub certificates: bool,
}

/// When a block is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Finality {
    /// The chain says so: block tag `finalized`.
    Tag,
    /// A block is final when this many follow it. Only as good as the chain's reorganisations are short.
    Confirmations(u64),
    /// Every block is final at once: chains with instant finality, and test nodes.
    Instant,
}

/// One account: an encrypted Web3 v3 keystore and where its password comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The keystore file.
    pub keystore: PathBuf,
    /// Its password.
    pub password: Password,
}

/// Where a password comes from. Never the command line: every process of the machine may read that.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Password {
    /// First line of a file.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

/// Prices and limits of transactions.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fees {
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

/// Which kind of transaction is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeKind {
    /// EIP-1559 where blocks have a base fee, legacy elsewhere.
    #[default]
    Auto,
    /// Legacy everywhere, for nodes that get EIP-1559 wrong.
    Legacy,
}

impl Default for Fees {
    fn default() -> Self {
        Self {
            kind: FeeKind::Auto,
            max_fee_per_gas_wei: 500_000_000_000,
            default_tip_wei: 1_000_000_000,
            gas_margin_percent: 25,
            // EIP-7825 caps a transaction here.
            max_gas: 16_777_216,
        }
    }
}

/// Certificates for `https` nodes, PEM files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Authorities that may sign the node's certificate.
    pub ca: PathBuf,
    /// Our certificate chain, for nodes that ask for one.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// Its key.
    #[serde(default)]
    pub key: Option<PathBuf>,
}

impl EvmConfig {
    /// Checks what can be checked without a node, and returns the quorum.
    ///
    /// # Errors
    /// [`ConnectError`] names the key and what it must be.
    pub fn check(&self) -> Result<usize, ConnectError> {
        let refuse = |key, must| {
            Err(ConnectError::ConfigBadValue {
                chain: self.name.clone(),
                key,
                must,
            })
        };
        let nodes = self.urls.len();
        let quorum = self.quorum.unwrap_or(nodes);
        if self.name.is_empty() {
            return refuse("name", "not be empty");
        }
        if self.chain_id == 0 {
            return refuse("chain_id", "not be zero");
        }
        if nodes == 0 || nodes > MAX_NODES {
            return refuse("urls", "name 1 to 16 nodes");
        }
        let mut urls = self.urls.clone();
        urls.sort();
        urls.dedup();
        if urls.len() != nodes {
            return refuse(
                "urls",
                "name each node once: a repeated node would count twice in the quorum",
            );
        }
        if quorum > nodes || quorum * 2 <= nodes {
            return refuse(
                "quorum",
                "be more than half of the nodes and at most all of them",
            );
        }
        if self.finality == Finality::Confirmations(0) {
            return refuse("finality", "be `instant` where no confirmations are wanted");
        }
        if !(100..=60_000).contains(&self.request_timeout_ms) {
            return refuse("request_timeout_ms", "be 100 to 60000");
        }
        if !(10..=60_000).contains(&self.poll_ms) {
            return refuse("poll_ms", "be 10 to 60000");
        }
        if !(1..=100_000).contains(&self.max_range) {
            return refuse("max_range", "be 1 to 100000");
        }
        if !(10_000..=100_000_000).contains(&self.max_response_bytes) {
            return refuse("max_response_bytes", "be 10000 to 100000000");
        }
        if self.fees.max_gas < 21_000 || self.fees.gas_margin_percent > 1_000 {
            return refuse(
                "fees",
                "allow 21000 gas, and a margin of at most 1000 percent",
            );
        }
        if self
            .tls
            .as_ref()
            .is_some_and(|tls| tls.certificate.is_some() != tls.key.is_some())
        {
            return refuse("tls", "name certificate and key together");
        }
        Ok(quorum)
    }

    pub(crate) const fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(crate) const fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms)
    }
}

const MAX_NODES: usize = 16;

const fn request_timeout_ms() -> u64 {
    10_000
}

const fn poll_ms() -> u64 {
    1_000
}

const fn max_response_bytes() -> u32 {
    10_000_000
}

const fn max_range() -> u64 {
    1_000
}
