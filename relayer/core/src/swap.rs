//! Life of one two-party swap. Pure: no clock, no network. Rules T1..T20 are in docs/transfers.md.
//!
//! ```text
//!            chain A (initiator gives)                       chain B (counterparty gives)
//!   T1,T2    initiator locks until T_A --- final ---.
//!   T3                                              '------> counterparty checks, locks until T_B
//!   T5,T6    .------------------- final, matched ----------- initiator reveals: claims on B
//!   T7       '-> counterparty, or anyone later, claims on A
//!   T9       refund after T_A                                refund after T_B
//! ```
//!
//! [`step`] first takes the event in as a fact, then decides from all facts and the time what is due. Deciding from
//! facts, not from their order, makes it indifferent to which chain is read first.

use causeway_adapter_api::{ChainId, Lock, Timestamp, Wanted};

mod party;
mod types;
mod watchtower;

pub use types::*;

/// Advances a transfer by one observed event.
///
/// Total: an event that says nothing new in `state` returns `Err` and leaves the transfer untouched. The same
/// arguments always give the same answer. A [`Event::Tick`] of a live transfer is always accepted.
///
/// # Errors
/// [`Unexpected`] names why the event changes nothing.
pub fn step(state: &State, event: &Event, now: &Now) -> Result<(State, Vec<Effect>), Unexpected> {
    let stepped = match state {
        State::Party(party) => party::step(party.clone(), event, now)
            .map(|(next, effects)| (State::Party(next), effects)),
        State::Watchtower(tower) => watchtower::step(tower.clone(), event, now)
            .map(|(next, effects)| (State::Watchtower(next), effects)),
    };
    stepped.map_err(|why| Unexpected {
        event: event.name(),
        why,
    })
}

/// T1: begins a transfer in which we give first, asking for `wanted` on the other chain.
pub fn initiate(plan: Plan, wanted: Wanted) -> (State, Vec<Effect>) {
    let side = Side::Initiator {
        wanted,
        reveal: Reveal::Allowed,
    };
    party::begin(plan, side, Take::Unseen { refused: None })
}

/// T3: begins a transfer in which we answer the final lock `theirs`. The caller has checked it with
/// [`crate::offer::answer`].
pub fn join(plan: Plan, theirs: Seen) -> (State, Vec<Effect>) {
    party::begin(
        plan,
        Side::Counterparty,
        Take::Seen {
            seen: theirs,
            fate: Fate::Open,
        },
    )
}

/// T19: takes up a lock of ours that the chain shows and the store does not know, after a lost database. Its secret is
/// lost, so it is only watched and refunded, or claimed when someone else makes the secret public.
pub fn adopt_initiator(own: Seen, wanted: Wanted) -> State {
    let side = Side::Initiator {
        wanted,
        reveal: Reveal::Never(NoReveal::SecretLost),
    };
    party::adopted(own, side, Take::Unseen { refused: None })
}

/// T19: takes up our answer to `theirs` that the chain shows and the store does not know.
pub fn adopt_counterparty(own: Seen, theirs: Seen) -> State {
    party::adopted(
        own,
        Side::Counterparty,
        Take::Seen {
            seen: theirs,
            fate: Fate::Open,
        },
    )
}

/// T14: whether a watchtower can complete this lock.
pub fn watchable(lock: &Lock) -> bool {
    watchtower::watchable(lock)
}

/// T14: begins watching a lock for whoever is offline, with `accounts` to pay and be rewarded.
pub fn watch(first: Seen, accounts: Vec<Account>) -> State {
    State::Watchtower(watchtower::begin(first, accounts))
}

/// Times at which a [`Event::Tick`] may change `state`, each on the clock of its chain. Empty once it has ended.
pub fn wake(state: &State) -> Vec<(ChainId, Timestamp)> {
    match state {
        State::Party(party) => party::wake(party),
        State::Watchtower(tower) => watchtower::wake(tower),
    }
}

#[cfg(test)]
mod tests;
