//! Elections of the public chain's producers, as far as a daemon has a part in them. Rules: `docs/validators.md`.
//!
//! Anybody may record blocks, call for an election and bring evidence; [`Keeper`] does it for the chain that is hosted here.

mod keeper;

use alloy_primitives::Address;
use causeway_adapter_api::ChainId;

pub use keeper::{Keeper, KeeperConfig};

/// Where an `Election` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElectionSite {
    /// The chain whose producers it elects.
    pub chain: ChainId,
    /// The contract.
    pub contract: Address,
}
