//! Life of one peg: an asset leaves its home chain, or comes back. Pure: no clock, no network. Rules P1..P16 are in
//! docs/transfers.md.
//!
//! ```text
//!            origin                                         destination
//!   P2       user locks for the port, T and R named
//!   P3       '--- proved open, before T ------------------> opened; limit taken, large values wait
//!   P5       .--------------------------------------------- user claims with s, before T
//!   P7       '-> anyone collects the lock for the port
//!   P8       collected early? --- proved claimed ---------> opened, claimed at any time
//!   P10      refund from R on <--- at a block >= T, not claimed
//! ```
//!
//! [`step`] first takes the event in as a fact, then decides from all facts and the time what is due, so it does not
//! matter which chain is read first.

use causeway_adapter_api::{ChainId, Height, Timestamp};

mod machine;
mod terms;
mod types;

pub use terms::*;
pub use types::*;

/// P1: begins a peg of ours. The plan's deadlines come from [`crate::margin::peg_schedule`].
pub fn start(plan: Plan) -> (State, Vec<Effect>) {
    machine::start(plan)
}

/// P3, P16: takes up a final lock for the peg, whoever made it, as a carrier. The caller has checked it with [`check`].
pub fn carry(seen: Seen, height: Height, route: Route, promise: Promise) -> State {
    machine::placed(seen, height, route, promise, Role::Carrier)
}

/// P16: takes up a lock of ours that the chain shows and the store does not know, after a lost database. Its secret is
/// lost, so it is only carried and refunded.
pub fn adopt(seen: Seen, height: Height, route: Route, promise: Promise) -> State {
    let reveal = Reveal::Never(NoReveal::SecretLost);
    machine::placed(seen, height, route, promise, Role::User { reveal })
}

/// Advances a peg by one observed event.
///
/// Total: an event that says nothing new returns `Err` and leaves the peg untouched. The same arguments always give the
/// same answer. A [`Event::Tick`] of a live peg is always accepted.
///
/// # Errors
/// [`Unexpected`] names why the event changes nothing.
pub fn step(state: &State, event: &Event, now: &Now) -> Result<(State, Vec<Effect>), Unexpected> {
    machine::step(state.clone(), event, now).map_err(|why| Unexpected {
        event: event.name(),
        why,
    })
}

/// What is due after taking up a lock with [`carry`] or [`adopt`], without an event.
pub fn first(state: State, now: &Now) -> (State, Vec<Effect>) {
    machine::first(state, now)
}

/// Times at which a [`Event::Tick`] may change `state`, each on the clock of its chain. Empty once it has ended.
pub fn wake(state: &State) -> Vec<(ChainId, Timestamp)> {
    machine::wake(state)
}
