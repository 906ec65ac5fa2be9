//! Life of one settlement: an escrow on the public chain, opened by the proved result of the consortium chain together
//! with both parties' signatures. Pure: no clock, no network. Rules S1..S12 are in docs/transfers.md.
//!
//! ```text
//!            public chain                                   consortium chain
//!   S1       initiator opens the escrow --- final --------> S2: the business begins
//!   S3,S12                                                  parties confirm the outcome, before the deadline
//!   S4,S9    verdict recorded <--- gateway, or proof ------ verdict published
//!   S6,S9    released with both signatures
//!   S10      refunded <--- at a block >= deadline --------- no verdict
//! ```
//!
//! [`step`] first takes the event in as a fact, then decides from all facts and the time what is due, so it does not
//! matter which chain is read first.

use causeway_adapter_api::{ChainId, Timestamp};

mod machine;
mod types;

pub use types::*;

/// S1: begins a settlement whose initiator we are.
pub fn start(plan: Plan) -> (State, Vec<Effect>) {
    machine::start(plan)
}

/// S2, S9: takes up an escrow that a final block of the public chain shows, as a party or as a carrier.
pub const fn join(plan: Plan, role: Role) -> State {
    machine::joined(plan, role)
}

/// Advances a settlement by one observed event.
///
/// Total: an event that says nothing new returns `Err` and leaves the settlement untouched. The same arguments always
/// give the same answer. A [`Event::Tick`] of a live settlement is always accepted.
///
/// # Errors
/// [`Unexpected`] names why the event changes nothing.
pub fn step(state: &State, event: &Event, now: &Now) -> Result<(State, Vec<Effect>), Unexpected> {
    machine::step(state.clone(), event, now).map_err(|why| Unexpected {
        event: event.name(),
        why,
    })
}

/// Times at which a [`Event::Tick`] may change `state`, each on the clock of its chain. Empty once it has ended.
pub fn wake(state: &State) -> Vec<(ChainId, Timestamp)> {
    machine::wake(state)
}
