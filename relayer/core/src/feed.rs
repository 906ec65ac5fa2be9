//! One operator's part in a feed: what it observes, what it signs, what it sends to the chains. Pure: no clock, no network,
//! no keys. Rules F1..F14 are in docs/oracle.md.
//!
//! ```text
//!   all      want a round (deviation, heartbeat, request, time-out) -- signed observation --> all
//!   leader   2f + 1 observations ------------------------------------- proposal ------------> all
//!   all      the proposal is what its observations make --- one signature for a round ------> leader
//!   leader   2f + 1 signatures --------------------------------------- report --------------> all, and both chains
//!   others   the chain lacks it still: in their turn ----------------------------------------> that chain
//! ```
//!
//! At most f of 3f + 1 operators lie or are silent; messages are lost, repeated, late and out of order. [`step`] takes
//! verified messages only: [`Roster::open`] is their one way in.

mod alarm;
mod machine;
mod messages;
mod report;
mod settings;
mod types;

pub use alarm::{Alarm, Band};
pub use messages::{BadMessage, Message, Roster};
pub use report::Report;
pub use settings::{BadSettings, Pace, Rules, Settings};
pub use types::*;

/// Begins with nothing observed or answered. `round` is the last one that was begun under any configuration: rounds never
/// go back.
pub fn begin(rules: &Rules, round: Round) -> State {
    machine::begin(rules, round)
}

/// Advances one operator's feed by one event.
///
/// Total: an event that says nothing new, or nothing allowed, returns `Err` and leaves the state untouched. The same
/// arguments always give the same answer. A [`Event::Tick`] is always accepted.
///
/// # Errors
/// [`Unexpected`] names why the event changes nothing.
pub fn step(
    state: &State,
    event: &Event,
    now: Millis,
    rules: &Rules,
) -> Result<(State, Vec<Effect>), Unexpected> {
    machine::step(state.clone(), event, now, rules).map_err(|why| Unexpected {
        event: event.name(),
        why,
    })
}

/// The next time after `now` at which a [`Event::Tick`] may change `state`.
pub fn wake(state: &State, now: Millis, rules: &Rules) -> Option<Millis> {
    machine::wake(state, now, rules)
}

#[cfg(test)]
mod tests;
