//! Life of one message as the relayer sees it. Pure: no clock, no network. Rules M1..M17 are in docs/messages.md.
//!
//! ```text
//!   source                       destination
//!   Sent ----------------------> Proved ------> Executed(result) ----.
//!                                   |  '------> kept, retried --------+--> Acknowledged, at the source
//!                                   |             '-- given up -------'
//!                                   '--- not delivered by the deadline --> TimedOut, at the source
//! ```
//!
//! [`step`] first takes the event in as a fact, then decides from all facts and the time what is due, so it does not
//! matter which chain is read first. Bringing items across, results among them, is the business of [`crate::lane`].

use causeway_adapter_api::{ChainId, Timestamp};

mod machine;
mod types;

pub use types::*;

/// Begins with a message that a final block of its source shows.
pub const fn begin(sent: Sent) -> State {
    State {
        sent,
        there: There::Waiting { proved: false },
        asked: Asked {
            retry: false,
            give_up: false,
            time_out: false,
        },
        ended: None,
        hook: Hook::Quiet,
    }
}

/// Advances a message by one observed event.
///
/// Total: an event that says nothing new returns `Err` and leaves the message untouched. The same arguments always give
/// the same answer. A [`Event::Tick`] of a live message is always accepted.
///
/// # Errors
/// [`Unexpected`] names why the event changes nothing.
pub fn step(
    state: &State,
    event: &Event,
    now: &Now,
    patience: &Patience,
) -> Result<(State, Vec<Effect>), Unexpected> {
    machine::step(state.clone(), event, now, patience).map_err(|why| Unexpected {
        event: event.name(),
        why,
    })
}

/// Times at which a [`Event::Tick`] may change `state`, each on the clock of its chain. Empty once it has ended.
pub fn wake(state: &State) -> Vec<(ChainId, Timestamp)> {
    machine::wake(state)
}

#[cfg(test)]
mod tests;
