//! What goes wrong with transfers that live on proofs.

use causeway_adapter_api::{ChainError, ChainId};
use causeway_core::swap::{TransferId, Unexpected};

use crate::{drive::DriveError, relay::RelayError, store::StoreError};

/// An error of the driver of such transfers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrossingError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Certificates and light clients.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// Times and accounts of the chains.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// No such transfer, or no part of ours in it that can do this.
    #[error("no transfer {0} of ours")]
    PeerUnknownTransfer(TransferId),
    /// The transfer cannot do that now.
    #[error("transfer {id}: {source}")]
    PeerNotNow {
        /// Which.
        id: TransferId,
        /// Why.
        #[source]
        source: Unexpected,
    },
    /// A contract's answer cannot be read.
    #[error("{contract} of chain {chain} answers what it cannot: is its address right?")]
    NodeMalformed {
        /// Where.
        chain: ChainId,
        /// Which.
        contract: &'static str,
    },
    /// A stored value cannot be read back.
    #[error("stored {what} cannot be read: {detail}")]
    BugUnreadable {
        /// Which value.
        what: &'static str,
        /// Why.
        detail: String,
    },
}
