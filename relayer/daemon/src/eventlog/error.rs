//! Why the event log does not go on, or does not answer.

use causeway_adapter_api::{ChainError, ChainId};
use causeway_core::log::{Broken, Gap, TreeError};

use crate::store::StoreError;

/// What goes wrong with the event log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// There is no such segment.
    #[error("no segment {0}: GET /v1/log/head lists them")]
    PeerNoSegment(u64),
    /// There is nothing to prove.
    #[error("no proof: {0}")]
    PeerNoProof(#[from] TreeError),
    /// The log names a chain this daemon does not have.
    #[error("chain {0} of the event log is not among this daemon's chains")]
    ConfigUnknownChain(ChainId),
    /// A contract answered something else than its type.
    #[error("{call} on chain {chain} cannot be read: is it the right contract?")]
    NodeMalformed {
        /// Where.
        chain: ChainId,
        /// Which call.
        call: &'static str,
    },
    /// A number is missing.
    #[error(
        "{gap}, up to block {height} of chain {chain}: its node withholds it, or has not got it"
    )]
    NodeGap {
        /// Where.
        chain: ChainId,
        /// Up to which block was read.
        height: u64,
        /// What is missing.
        gap: Gap,
    },
    /// What is stored, or what was to be appended, does not hold.
    #[error("the event log does not hold: {0}")]
    Broken(#[from] Broken),
    /// A chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}
