//! What goes wrong with feeds.

use std::{io, net::SocketAddr, path::PathBuf};

use causeway_adapter_api::{ChainError, ChainId};
use causeway_adapter_hosted::tls::TlsError;
use causeway_core::feed::BadSettings;

use crate::store::StoreError;

/// What goes wrong with feeds.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedsError {
    /// There is no such feed.
    #[error("no feed {0:?}: GET /v1/feeds lists them")]
    PeerUnknownFeed(String),
    /// A feed has no aggregator on that chain.
    #[error("feed {feed:?} has no aggregator on chain {chain}: GET /v1/feeds/{{feed}} lists them")]
    PeerUnknownEnd {
        /// Which feed.
        feed: String,
        /// Which chain.
        chain: ChainId,
    },
    /// The chain has not shown the feed's configuration yet.
    #[error("the configuration of feed {0:?} was not read yet")]
    NotYet(String),
    /// An aggregator refuses.
    #[error("the aggregator refuses: {0}")]
    PeerContractRefused(String),
    /// A feed names a chain this daemon does not have.
    #[error("chain {0} of a feed is not among this daemon's chains: add it, or remove the feed")]
    ConfigUnknownChain(ChainId),
    /// Two feeds have one name.
    #[error("feed {0:?} is there twice: name each feed once")]
    ConfigDuplicateFeed(String),
    /// An operator is run here without its key.
    #[error("the key of operator {0} is not among this daemon's accounts")]
    ConfigNoKey(String),
    /// An operator's settings and the configuration on chain do not fit.
    #[error("operator {operator} cannot take part in {feed:?}")]
    ConfigRules {
        /// Whose.
        operator: String,
        /// In which feed.
        feed: String,
        /// Why.
        #[source]
        source: BadSettings,
    },
    /// An operator's endpoint.
    #[error(
        "operator {operator} cannot listen on {listen}: choose another port or stop what uses it"
    )]
    Listen {
        /// Whose.
        operator: String,
        /// Where.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Certificates of an operator.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A file of an operator's certificate.
    #[error("cannot read {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A client of the other operators cannot be made.
    #[error("certificate and key of operator {operator} are no client's")]
    Client {
        /// Whose.
        operator: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// An operator's archive of readings.
    #[error("readings of operator {operator} cannot be read: {detail}")]
    Samples {
        /// Whose.
        operator: String,
        /// What the archive says.
        detail: String,
    },
    /// A chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}
