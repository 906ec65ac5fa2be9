//! Why a chain cannot be connected.

use std::path::PathBuf;

use alloy_primitives::Address;
use causeway_adapter_api::ChainError;

/// Why [`connect`](crate::connect) failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// A key of the configuration has a value it cannot have.
    #[error("chain {chain}: `{key}` must {must}")]
    ConfigBadValue {
        /// Which chain.
        chain: String,
        /// Which key.
        key: &'static str,
        /// What it must be.
        must: &'static str,
    },
    /// A URL cannot be used. It is not shown: it may hold a secret.
    #[error("chain {chain}: node {index} of `urls` cannot be used: {why}")]
    ConfigBadUrl {
        /// Which chain.
        chain: String,
        /// Which of the URLs, from 1.
        index: usize,
        /// Why.
        why: &'static str,
    },
    /// A file cannot be read.
    #[error("cannot read {path}", path = path.display())]
    ConfigUnreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// An environment variable with a password is not set.
    #[error("environment variable {name} is not set, it should hold the password of {keystore}", keystore = keystore.display())]
    ConfigNoPassword {
        /// Which variable.
        name: String,
        /// For which keystore.
        keystore: PathBuf,
    },
    /// A keystore cannot be opened.
    #[error("cannot open keystore {path}: wrong password, or not a Web3 v3 keystore", path = path.display())]
    ConfigBadKeystore {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Two keystores hold the same key.
    #[error("account {0} is configured twice")]
    ConfigAccountTwice(Address),
    /// A certificate or key file does not hold what it should.
    #[error("cannot use {path} for TLS", path = path.display())]
    ConfigBadCertificate {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no contract where the `HashTimeLock` should be.
    #[error(
        "chain {chain}: there is no contract at {address}: deploy HashTimeLock and set `hash_time_lock`"
    )]
    ConfigNoContract {
        /// Which chain.
        chain: String,
        /// Where it should be.
        address: Address,
    },
    /// Our own copy of the contract's ABI cannot be read.
    #[error("the built-in contract interface cannot be read")]
    BugBadAbi(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The nodes do not answer as they should.
    #[error(transparent)]
    Chain(#[from] ChainError),
}
