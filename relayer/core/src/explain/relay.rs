//! Messages, pegs and settlements, explained.

use std::fmt;

use alloy_primitives::U256;
use causeway_adapter_api::{ChainId, Timestamp, short_hex};
use serde::{Deserialize, Serialize};

use super::{Actor, Costs, Deadline, Given, Names};
use crate::{
    message, peg, settlement,
    swap::{Fate, Now, Reveal},
};

/// The answer for one message, peg or settlement, for people ([`fmt::Display`]) and machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Which one.
    pub id: String,
    /// `message`, `peg_in`, `peg_out` or `settlement`.
    pub kind: String,
    /// Which part we have in it.
    pub role: String,
    /// Where it is, in a sentence.
    pub place: String,
    /// Who may act next.
    pub next: Actor,
    /// Until when; `None` when nothing presses.
    pub until: Option<Deadline>,
    /// What it costs us.
    pub costs: Costs,
    /// What happens if nobody acts.
    pub otherwise: String,
}

/// Place, who is next, until when, and what otherwise.
type Told = (String, Actor, Option<(ChainId, Timestamp)>, String);

const FREE: Costs = Costs {
    given: None,
    deposit: U256::ZERO,
};

/// Explains a message as of `now`.
pub fn message(state: &message::State, now: &Now, names: &Names) -> Account {
    let (way, deadline) = (state.sent.id.way, state.sent.deadline);
    let until = Some((way.to, deadline));
    let undone = "after its deadline anyone proves that it was not delivered, and its sender undoes what it did";
    let told: Told = match (&state.ended, &state.there) {
        (Some(outcome), _) => (ended_message(outcome), Actor::Nobody, None, nothing()),
        (None, message::There::Waiting { proved }) if now.of(way.to).proven <= deadline => {
            let far = if *proved {
                "its destination knows a root over it"
            } else {
                "it is on its source alone"
            };
            (
                format!("sent; {far}"),
                Actor::AnyRelayer,
                until,
                undone.into(),
            )
        }
        (None, message::There::Waiting { .. } | message::There::Expired) => (
            "not delivered by its deadline".into(),
            Actor::AnyRelayer,
            None,
            "it stays pending until anyone proves it".into(),
        ),
        (None, message::There::Kept { retries, .. }) => (
            format!("executed without success and kept; we tried {retries} more time(s)"),
            Actor::AnyRelayer,
            until,
            "after its deadline anyone gives it up, and its sender is told that it failed".into(),
        ),
        (None, message::There::Done { status, .. }) => (
            format!(
                "{} on {}; the result is on its way home",
                word(*status),
                names.chain(way.to)
            ),
            Actor::AnyRelayer,
            None,
            "the result waits; it is never too late".into(),
        ),
    };
    account(
        state.sent.id.to_string(),
        "message",
        "relayer",
        told,
        FREE,
        now,
    )
}

/// Explains a peg as of `now`.
pub fn peg(state: &peg::State, now: &Now, names: &Names) -> Account {
    let plan = &state.plan;
    let (from, to, t) = (plan.give.chain, plan.route.to, state.t());
    let r = plan.give.lock.terms.refund_at;
    let (origin, destination) = (names.chain(from), names.chain(to));
    let back = "the lock is refunded against a proof that nothing was paid";
    let told: Told = match (
        &state.ended,
        state.seen().map(|(.., fate)| fate),
        state.destination,
    ) {
        (Some(outcome), ..) => (ended_peg(outcome), Actor::Nobody, None, nothing()),
        (None, None, _) => (
            "our lock is under way".into(),
            Actor::Us,
            Some((from, plan.lock_by)),
            "nothing was given".into(),
        ),
        (None, Some(Fate::Refunded), _) => ("refunded".into(), Actor::Nobody, None, nothing()),
        (None, Some(Fate::Claimed), peg::Destination::Claimed) => {
            ("paid and collected".into(), Actor::Nobody, None, nothing())
        }
        (None, Some(Fate::Claimed), _) => (
            format!("collected on {origin}; {destination} owes the recipient"),
            Actor::AnyRelayer,
            None,
            "it is owed for ever: the proof of it has no deadline".into(),
        ),
        (None, Some(Fate::Open), peg::Destination::Claimed) => (
            format!("paid on {destination}; the lock on {origin} is to be collected"),
            Actor::AnyRelayer,
            None,
            "the lock stays collectable and can never be refunded".into(),
        ),
        (None, Some(Fate::Open), _) if now.of(to).proven >= t => (
            format!("not paid on {destination} in time"),
            Actor::AnyRelayer,
            Some((from, r)),
            back.into(),
        ),
        (None, Some(Fate::Open), peg::Destination::Absent) => (
            format!("locked on {origin}; {destination} is to take the proof"),
            Actor::AnyRelayer,
            Some((to, t)),
            back.into(),
        ),
        (None, Some(Fate::Open), peg::Destination::Opened { .. }) => {
            let ours = matches!(
                state.role,
                peg::Role::User {
                    reveal: Reveal::Allowed
                }
            );
            let next = if ours { Actor::Us } else { Actor::OtherParty };
            (
                format!("open on {destination}; its user is to claim"),
                next,
                Some((to, t)),
                back.into(),
            )
        }
    };
    let lock = &plan.give.lock;
    let costs = match state.role {
        peg::Role::Carrier => FREE,
        peg::Role::User { .. } => Costs {
            given: Some(Given {
                chain: from,
                asset: lock.asset,
                amount: lock.amount,
            }),
            deposit: lock.deposit,
        },
    };
    account(
        state.id().to_string(),
        plan.route.kind.name(),
        state.role.name(),
        told,
        costs,
        now,
    )
}

/// Explains a settlement as of `now`.
pub fn settlement(state: &settlement::State, now: &Now) -> Account {
    use settlement::{Business, Escrow, Party, Role};

    let deal = &state.plan.deal;
    let until = Some((deal.consortium, deal.deadline));
    let told: Told = match (&state.ended, state.escrow, &state.business) {
        (Some(end), ..) => (ended_settlement(end), Actor::Nobody, None, nothing()),
        (None, Escrow::Released | Escrow::Refunded, _) => {
            ("closed".into(), Actor::Nobody, None, nothing())
        }
        (None, Escrow::Approving | Escrow::Opening, _) => (
            "the escrow is under way".into(),
            Actor::Us,
            Some((deal.public, state.plan.open_by)),
            "nothing was given".into(),
        ),
        (None, Escrow::Open { recorded }, Business::Published { .. }) => {
            let far = if recorded {
                "recorded in the escrow; the parties are to be paid"
            } else {
                "on its way to the escrow"
            };
            (
                format!("there is a verdict, {far}"),
                Actor::AnyRelayer,
                None,
                "the escrow waits; it is never too late".into(),
            )
        }
        (None, Escrow::Open { .. }, Business::Pending)
            if now.of(deal.consortium).proven >= deal.deadline =>
        {
            (
                "no verdict came in time".into(),
                Actor::AnyRelayer,
                None,
                "the escrow waits until anyone proves it, then the initiator is paid back".into(),
            )
        }
        (None, Escrow::Open { .. }, Business::Pending) => {
            let missing = |word: &Option<settlement::Word>| word.is_none();
            let ours = match state.role {
                Role::Party(Party::Initiator) => missing(&state.initiator),
                Role::Party(Party::Counterparty) => missing(&state.counterparty),
                Role::Carrier => false,
            };
            let next = if ours { Actor::Us } else { Actor::OtherParty };
            (
                "the escrow is open; the parties are to confirm one outcome".into(),
                next,
                until,
                "the initiator is paid back against a proof that there is no verdict".into(),
            )
        }
    };
    let costs = match state.role {
        Role::Party(Party::Initiator) => Costs {
            given: Some(Given {
                chain: deal.public,
                asset: deal.asset,
                amount: deal.amount,
            }),
            deposit: U256::ZERO,
        },
        Role::Party(Party::Counterparty) | Role::Carrier => FREE,
    };
    account(
        short_hex(deal.id.as_slice()),
        "settlement",
        state.role.name(),
        told,
        costs,
        now,
    )
}

impl Account {
    /// All of it for people, with these names.
    pub fn text(&self, names: &Names) -> String {
        let mut text = format!("{} {} ({})\n", self.kind, self.id, self.role);
        text += &format!("  where      {}\n", self.place);
        text += &format!("  next       {}\n", self.next);
        if let Some(Deadline {
            chain,
            at,
            seconds_left,
        }) = &self.until
        {
            let chain = names.chain(*chain);
            text += &format!(
                "  until      {at} on {chain}, {seconds_left} s from its newest final block\n"
            );
        }
        text += &format!("  costs      {}\n", self.costs.text(names));
        text + "  otherwise  " + &self.otherwise
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&Names::default()))
    }
}

fn account(id: String, kind: &str, role: &str, told: Told, costs: Costs, now: &Now) -> Account {
    let (place, next, until, otherwise) = told;
    let until = until.map(|(chain, at)| {
        let seconds_left = at.since(now.of(chain).proven);
        Deadline {
            chain,
            at,
            seconds_left,
        }
    });
    let (kind, role) = (kind.into(), role.into());
    Account {
        id,
        kind,
        role,
        place,
        next,
        until,
        costs,
        otherwise,
    }
}

fn nothing() -> String {
    "nothing more".into()
}

const fn word(status: message::Status) -> &'static str {
    match status {
        message::Status::Executed => "executed",
        message::Status::Failed => "failed and given up",
        message::Status::Refused => "refused",
    }
}

fn ended_message(outcome: &message::Outcome) -> String {
    match outcome {
        message::Outcome::Acknowledged(status) => {
            format!("{}; the result came home", word(*status))
        }
        message::Outcome::TimedOut => "timed out: proved not to have been delivered".into(),
    }
}

fn ended_peg(outcome: &peg::Outcome) -> String {
    match outcome {
        peg::Outcome::Completed => {
            "completed: the recipient was paid and the lock collected".into()
        }
        peg::Outcome::Refunded => "refunded: what was locked went back".into(),
        peg::Outcome::Abandoned(peg::Reason::Cancelled) => {
            "cancelled before anything was locked".into()
        }
        peg::Outcome::Abandoned(peg::Reason::NotLocked(why)) => {
            format!("abandoned, nothing was given: {}", super::failure(why))
        }
    }
}

fn ended_settlement(end: &settlement::End) -> String {
    match end {
        settlement::End::Released => "released: the parties were paid their shares".into(),
        settlement::End::Refunded => "refunded: the initiator was paid back".into(),
        settlement::End::Abandoned(settlement::Reason::Cancelled) => {
            "cancelled before the escrow was opened".into()
        }
        settlement::End::Abandoned(settlement::Reason::NotOpened(why)) => {
            format!("abandoned, nothing was given: {}", super::failure(why))
        }
    }
}
