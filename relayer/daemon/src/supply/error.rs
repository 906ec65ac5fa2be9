//! Why no statement is made.

use causeway_adapter_api::{ChainError, ChainId, Height};

use crate::{relay::RelayError, store::StoreError};

/// What goes wrong with the supply statement.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SupplyError {
    /// There is no such peg.
    #[error("no peg {0:?}: GET /v1/supply lists them")]
    PeerUnknownPeg(String),
    /// A peg names a chain this daemon does not have.
    #[error("chain {0} of a peg is not among this daemon's chains: add it, or remove the peg")]
    ConfigUnknownChain(ChainId),
    /// A contract answered something else than its type.
    #[error(
        "{call} on chain {chain} answered {got} bytes, expected one word: is it the right contract?"
    )]
    NodeMalformed {
        /// Where.
        chain: ChainId,
        /// Which call.
        call: &'static str,
        /// Length of the answer.
        got: usize,
    },
    /// Each chain relies on newer blocks of the other than were final when it was asked; it is tried again.
    #[error("heights {home} and {side} do not belong together yet")]
    NotYet {
        /// Of the home chain.
        home: Height,
        /// Of the side chain.
        side: Height,
    },
    /// A chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A light client.
    #[error(transparent)]
    Client(#[from] RelayError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}
