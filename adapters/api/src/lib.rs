//! What the relayer asks of a chain, and nothing else.
//!
//! An adapter is one crate that implements [`ChainReader`], [`ChainWriter`] and [`ContractReader`] for one kind of chain and passes the
//! conformance suite. The relayer holds `Arc<dyn Chain>` and never learns which kind it talks to.
//!
//! * [`types`]: ids, heights, amounts, locks, events: the vocabulary both sides share.
//! * [`chain`]: reading and writing, with what each method promises and what it does not.
//! * [`prove`]: reading any contract, and proving what was read to another chain.
//! * [`error`]: what went wrong and, through [`ChainError::retry`], what to do about it.
//! * [`mock`]: a chain in memory for unit tests; it passes the same suite.
//! * [`conformance`]: the suite every implementation passes.
//!
//! Nothing here opens a socket or reads a clock.

pub mod chain;
mod codec;
pub mod conformance;
pub mod error;
pub mod mock;
pub mod prove;
pub mod types;

pub use chain::{Chain, ChainReader, ChainWriter};
pub use codec::MEMO_VERSION;
pub use error::{ChainError, Retry};
pub use prove::{
    Anchor, Archive, Certificate, Checkpoint, ContractReader, FinalityProof, Founding, Handover,
    Inclusion, Provable, RawLog, SlotProof, StateProof, VALIDATOR_SET, VOTES_HASH_SLOT,
};
pub use types::*;
