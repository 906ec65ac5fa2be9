//! What goes wrong while driving transfers.

use alloy_primitives::Address;
use causeway_adapter_api::ChainId;
use causeway_core::{
    margin::MarginError,
    swap::{TransferId, Unexpected},
};

use crate::store::StoreError;

/// An error of the driver.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriveError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// V4, or absurd settings.
    #[error(transparent)]
    Margin(#[from] MarginError),
    /// The chain is not configured.
    #[error("no chain {got} is configured, there are {known:?}")]
    PeerUnknownChain {
        /// Asked for.
        got: ChainId,
        /// Configured.
        known: Vec<ChainId>,
    },
    /// Two parties swap between two chains.
    #[error("a swap needs two chains, got {0} twice")]
    PeerSameChain(ChainId),
    /// An amount of zero is no swap.
    #[error("amounts given and wanted must be above zero")]
    PeerZeroAmount,
    /// Nobody would be paid.
    #[error("the counterparty's account is the zero address")]
    PeerZeroCounterparty,
    /// No key for the account.
    #[error("no key for account {account} on chain {chain}: add its keystore to the configuration")]
    ConfigUnknownAccount {
        /// Where.
        chain: ChainId,
        /// Whose key is missing.
        account: Address,
    },
    /// Two chains with one id.
    #[error("chain {0} is configured twice")]
    ConfigDuplicateChain(ChainId),
    /// A chain has not told its time yet.
    #[error("chain {0} has not answered yet: try again when its node is reachable")]
    ChainSilent(ChainId),
    /// No such transfer, or no part of ours in it that can be refunded.
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
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    NoRandomness,
    /// The driver was shut down, or stopped because its database failed.
    #[error("the driver is not running")]
    Stopped,
}
