//! Why devices or operators do not get what they ask for.

use std::{io, net::SocketAddr, path::PathBuf};

use causeway_adapter_api::{ChainError, ChainId};
use causeway_adapter_device::{directory::DirectoryError, sink::SinkError, tls::TlsError};

use crate::store::StoreError;

/// Why devices or operators do not get what they ask for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OracleError {
    /// The directory of an archive cannot be made.
    #[error("cannot make {}: check its owner, or set oracle.operators.{operator}.archive_file", path.display())]
    ConfigDirectory {
        /// Whose.
        operator: String,
        /// Which directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An archive cannot be used.
    #[error("the archive of operator {operator} cannot be used")]
    Archive {
        /// Whose.
        operator: String,
        /// Why.
        #[source]
        source: SinkError,
    },
    /// Certificates of an intake or a broker.
    #[error("certificates of operator {operator} cannot be used")]
    ConfigTls {
        /// Whose.
        operator: String,
        /// Why.
        #[source]
        source: TlsError,
    },
    /// The port of an intake.
    #[error(
        "operator {operator} cannot listen on {listen}: set oracle.operators.{operator}.listen or stop what uses it"
    )]
    ConfigListen {
        /// Whose.
        operator: String,
        /// Where.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A feed of the configuration cannot be described.
    #[error("a feed of [oracle] cannot be used")]
    ConfigFeed(#[from] DirectoryError),
    /// A chain of `[oracle.contracts]` is not run or connected here.
    #[error("chain {0} of [oracle.contracts] is not one of this daemon's")]
    ConfigUnknownChain(ChainId),
    /// A chain does not answer.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An answer that is none of the contract's.
    #[error("{contract} on {chain} does not answer as such a contract: check [oracle.contracts]")]
    NodeMalformed {
        /// Which contract.
        contract: &'static str,
        /// Where.
        chain: ChainId,
    },
    /// A worker thread is gone.
    #[error("a worker thread ended early: see the log")]
    Worker,
}
