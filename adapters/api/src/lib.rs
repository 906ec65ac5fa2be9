//! What the relayer asks of a chain, and nothing else.
//!
//! An adapter is one crate that implements [`ChainReader`] and [`ChainWriter`] for one kind of chain and passes the
//! conformance suite. The relayer holds `Arc<dyn Chain>` and never learns which kind it talks to.
//!
//! * [`types`]: ids, heights, amounts, locks, events: the vocabulary both sides share.
//! * [`chain`]: the two traits, with what each method promises and what it does not.
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
pub mod types;

pub use chain::{Chain, ChainReader, ChainWriter};
pub use codec::MEMO_VERSION;
pub use error::{ChainError, Retry};
pub use types::*;
