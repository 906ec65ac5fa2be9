//! The consortium's members: what they may propose, as calls of contracts and back in words. Rules: `docs/validators.md`.
//!
//! [`Members`] says where the contracts are; [`Watch`] follows whose certificates count.

mod motion;
mod watch;

use std::collections::BTreeMap;

use alloy_primitives::Address;
use causeway_adapter_api::ChainId;

pub use motion::{
    MemberRole, Motion, MotionError, NewMember, NewPeriod, NewRole, NewValidators, Of, OfContent,
    OfLane, OfPeg, Period, ValidatorTerms, terms,
};

pub use watch::Watch;

/// Where members decide, and on what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    /// The consortium chain.
    pub chain: ChainId,
    /// The `MemberRegistry` there.
    pub registry: Address,
    /// The `Gateway` there.
    pub gateway: Option<Address>,
    /// The `SealedContent` there.
    pub sealed: Option<Address>,
    /// The ports of pegs there, by the pegs' names.
    pub ports: BTreeMap<String, Address>,
}
