//! What goes wrong while relaying.

use causeway_adapter_api::{ChainError, ChainId, Height};
use causeway_core::{
    message::{MessageId, Unexpected},
    tree::TreeError,
};

use crate::store::StoreError;

/// An error of the relay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// No gateway there.
    #[error("no gateway is configured on chain {0}")]
    PeerUnknownChain(ChainId),
    /// No such message.
    #[error("no message {0}")]
    PeerUnknownMessage(MessageId),
    /// There is nothing to retry.
    #[error("message {id}: {source}")]
    PeerNotNow {
        /// Which.
        id: MessageId,
        /// Why.
        #[source]
        source: Unexpected,
    },
    /// No lane leads there.
    #[error("no {kind} lane leads from chain {from} to chain {to}")]
    PeerNoLane {
        /// From where.
        from: ChainId,
        /// Where to.
        to: ChainId,
        /// Ordered or unordered.
        kind: &'static str,
    },
    /// No key for the account.
    #[error("no key for account {account} on chain {chain}")]
    ConfigUnknownAccount {
        /// Where.
        chain: ChainId,
        /// Whose key is missing.
        account: alloy_primitives::Address,
    },
    /// The gateway refuses the message.
    #[error("the gateway refuses: {0}")]
    PeerRefused(String),
    /// The contract refuses the call.
    #[error("the contract refuses: {0}")]
    PeerContractRefused(String),
    /// The message was handed over and is not in a block yet.
    #[error("not in a block yet: it goes on; ask again in a few seconds")]
    NotYet,
    /// The chain's blocks carry no certificates.
    #[error(
        "chain {0} carries no certificates that a contract could check: nothing of it can be proved"
    )]
    ConfigNotProvable(ChainId),
    /// What was read does not give the root the gateway holds.
    #[error(
        "items of lane {lane} of chain {chain} do not give the gateway's root at height {height}: read anew"
    )]
    NodeWrongRoot {
        /// Where.
        chain: ChainId,
        /// Which lane.
        lane: u32,
        /// In which block.
        height: Height,
    },
    /// The tree is not complete.
    #[error(transparent)]
    BugTree(#[from] TreeError),
    /// A contract's answer cannot be read.
    #[error("{contract} of chain {chain} answers what it cannot: is its address right?")]
    NodeMalformed {
        /// Where.
        chain: ChainId,
        /// Which.
        contract: &'static str,
    },
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    NoRandomness,
}
