//! Where a transfer is, who may act next, until when, what it costs, and what happens if nobody does.

use std::fmt;

use alloy_primitives::U256;
use causeway_adapter_api::{Asset, ChainId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::swap::{
    Failure, Fate, Give, Leg, NoReveal, Now, Outcome, Party, Reason, Reveal, Role, Side, Stage,
    State, Take, TransferId, Watchtower,
};

mod names;
mod relay;

pub use names::{Names, decimal};
pub use relay::{Account, message, peg, settlement};

/// The answer, for people ([`fmt::Display`]) and machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Which transfer.
    pub transfer: TransferId,
    /// Which part we have in it.
    pub role: Role,
    /// Where it is, in a word.
    pub stage: Stage,
    /// Where it is, in a sentence.
    pub place: String,
    /// Who may act next.
    pub next: Actor,
    /// Until when; `None` when it has ended or no chain has told its time.
    pub until: Option<Deadline>,
    /// Name of the chain whose clock that is.
    pub until_on: Option<String>,
    /// What it costs us.
    pub costs: Costs,
    /// The same in a sentence.
    pub costs_text: String,
    /// What happens if nobody acts.
    pub otherwise: String,
}

/// Who may act next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// This daemon.
    Us,
    /// The other party.
    OtherParty,
    /// Anyone, for the safety deposit.
    Anyone,
    /// Anyone who carries a proof.
    AnyRelayer,
    /// Nobody: it is over.
    Nobody,
}

/// A moment on the clock of one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// Whose clock.
    pub chain: ChainId,
    /// When.
    pub at: Timestamp,
    /// Seconds left by the newest final block, zero when it has passed.
    pub seconds_left: u64,
}

/// What we put in, beside the fees of our transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Costs {
    /// What we give.
    pub given: Option<Given>,
    /// Safety deposit in our lock, in native points; whoever completes the lock has it.
    pub deposit: U256,
}

/// An amount of an asset on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// Where.
    pub chain: ChainId,
    /// What.
    pub asset: Asset,
    /// How much.
    pub amount: U256,
}

/// Explains `state` as of `now`, in numbers and smallest units.
pub fn explain(state: &State, now: &Now) -> Explanation {
    explain_named(state, now, &Names::default())
}

/// Explains `state` as of `now`, in the names and units people use.
pub fn explain_named(state: &State, now: &Now, names: &Names) -> Explanation {
    let (place, next, until, otherwise) = match state {
        State::Party(party) => of_party(party, names),
        State::Watchtower(tower) => of_watchtower(tower, now),
    };
    let until = until.map(|(chain, at)| {
        let seconds_left = at.since(now.of(chain).proven);
        Deadline {
            chain,
            at,
            seconds_left,
        }
    });
    Explanation {
        transfer: state.id(),
        role: state.role(),
        stage: state.stage(),
        place,
        next,
        until_on: until.map(|until| names.chain(until.chain)),
        until,
        costs_text: costs(state).text(names),
        costs: costs(state),
        otherwise,
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "transfer {} ({})", self.transfer, self.role)?;
        writeln!(f, "  where      {}", self.place)?;
        writeln!(f, "  next       {}", self.next)?;
        if let (Some(until), Some(on)) = (&self.until, &self.until_on) {
            let Deadline {
                at, seconds_left, ..
            } = until;
            writeln!(
                f,
                "  until      {at} on {on}, {seconds_left} s from its newest final block"
            )?;
        }
        writeln!(f, "  costs      {}", self.costs_text)?;
        write!(f, "  otherwise  {}", self.otherwise)
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Us => "this daemon",
            Self::OtherParty => "the other party",
            Self::Anyone => "anyone, for the safety deposit",
            Self::AnyRelayer => "anyone who carries a proof",
            Self::Nobody => "nobody, it is over",
        })
    }
}

impl Costs {
    /// The same with these names.
    pub fn text(&self, names: &Names) -> String {
        let Some(given) = &self.given else {
            return "the fees of completing, against the safety deposit".into();
        };
        format!(
            "{} on {}, a deposit of {} while it is open, and the fees",
            names.amount(given.chain, given.asset, given.amount),
            names.chain(given.chain),
            names.amount(given.chain, Asset::Native, self.deposit)
        )
    }
}

impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&Names::default()))
    }
}

type Told = (String, Actor, Option<(ChainId, Timestamp)>, String);

fn of_party(party: &Party, names: &Names) -> Told {
    let give = &party.plan.give;
    let (ours, here) = (what(give, names), names.chain(give.chain));
    let terms = give.lock.terms;
    let refund_at = Some((give.chain, terms.refund_at));
    let back = "our lock goes back to us after its deadline".to_owned();
    match (party.stage(), &party.take) {
        (Stage::Ended, _) => (ended(party.ended.as_ref()), Actor::Nobody, None, "nothing more".into()),
        (Stage::Approving, _) => (
            format!("we allow the lock contract of {here} to take {ours}"),
            Actor::Us,
            Some((give.chain, party.plan.lock_by)),
            "nothing is locked and the transfer is abandoned".into(),
        ),
        (Stage::Locking, _) => (
            format!("our lock of {ours} on {here} is on its way"),
            Actor::Us,
            Some((give.chain, party.plan.lock_by)),
            "nothing is locked and the transfer is abandoned".into(),
        ),
        (Stage::Waiting, _) => waiting(party, back, names),
        (Stage::Claiming, Take::Seen { seen, .. }) => (
            format!(
                "we claim {} on {}",
                names.amount(seen.chain, seen.lock.asset, seen.lock.amount),
                names.chain(seen.chain)
            ),
            Actor::Us,
            Some((seen.chain, seen.lock.terms.refund_at)),
            "from its public window on anyone may complete it for us; after its deadline it goes back".into(),
        ),
        (Stage::Carrying, _) => (
            format!("we were paid; our lock of {ours} is open for its recipient"),
            Actor::OtherParty,
            refund_at,
            "anyone completes it in its public window; after its deadline it comes back to us".into(),
        ),
        (Stage::Refunding | Stage::Claiming | Stage::Watching, _) => (
            format!("the deadline passed; we take {ours} on {here} back"),
            Actor::Us,
            Some((give.chain, terms.public_refund_at)),
            "then anyone may send it back to us for the safety deposit".into(),
        ),
    }
}

fn waiting(party: &Party, back: String, names: &Names) -> Told {
    let give = &party.plan.give;
    let refund_at = Some((give.chain, give.lock.terms.refund_at));
    let locked = format!(
        "our lock of {} on {} is final",
        what(give, names),
        names.chain(give.chain)
    );
    match (&party.side, &party.take) {
        (Side::Counterparty, _) => {
            let place =
                format!("{locked}; its recipient is to claim it, which shows us the secret");
            (place, Actor::OtherParty, refund_at, back)
        }
        (
            Side::Initiator {
                reveal: Reveal::Never(why),
                ..
            },
            _,
        ) => {
            let place = format!("{locked} and waits for its refund: {}", no_reveal(*why));
            (place, Actor::Us, refund_at, back)
        }
        (Side::Initiator { wanted, .. }, Take::Unseen { refused }) => {
            let asked = names.amount(wanted.chain, wanted.asset, wanted.amount);
            let there = names.chain(wanted.chain);
            let refused =
                refused.map_or_else(String::new, |why| format!("; a lock did not match: {why}"));
            let place = format!("{locked}; the other party is to lock {asked} on {there}{refused}");
            (place, Actor::OtherParty, refund_at, back)
        }
        (Side::Initiator { .. }, Take::Seen { seen, .. }) => {
            let place = format!(
                "{locked} and so is theirs on {}; we look whether time allows",
                names.chain(seen.chain)
            );
            (
                place,
                Actor::Us,
                Some((seen.chain, seen.lock.terms.refund_at)),
                back,
            )
        }
    }
}

fn of_watchtower(tower: &Watchtower, now: &Now) -> Told {
    if tower.ended.is_some() {
        return (
            ended(tower.ended.as_ref()),
            Actor::Nobody,
            None,
            "nothing more".into(),
        );
    }
    let open = tower.watched.iter().filter(|w| w.fate == Fate::Open);
    let (count, secret) = (
        open.clone().count(),
        if tower.preimage.is_some() {
            "public"
        } else {
            "unknown"
        },
    );
    let place = format!("{count} lock(s) of this hash are open; the secret is {secret}");
    let windows = open.map(|w| {
        let terms = w.seen.lock.terms;
        let claimable = tower.preimage.is_some() && now.of(w.seen.chain).proven < terms.refund_at;
        (
            w.seen.chain,
            if claimable {
                terms.public_claim_at
            } else {
                terms.public_refund_at
            },
        )
    });
    let next = windows.min_by_key(|(_, at)| *at);
    let ours = next.is_some_and(|(chain, at)| now.of(chain).proven >= at);
    let actor = if ours {
        Actor::Anyone
    } else {
        Actor::OtherParty
    };
    (
        place,
        actor,
        next,
        "we complete or refund it in the public window, for the deposit".into(),
    )
}

fn costs(state: &State) -> Costs {
    match state {
        State::Party(Party { plan, give, .. }) => {
            let lock = &plan.give.lock;
            let never =
                matches!(give, Give::Approving | Give::Locking) && state.outcome().is_some();
            let given = Given {
                chain: plan.give.chain,
                asset: lock.asset,
                amount: lock.amount,
            };
            if never {
                Costs {
                    given: Some(Given {
                        amount: U256::ZERO,
                        ..given
                    }),
                    deposit: U256::ZERO,
                }
            } else {
                Costs {
                    given: Some(given),
                    deposit: lock.deposit,
                }
            }
        }
        State::Watchtower(_) => Costs {
            given: None,
            deposit: U256::ZERO,
        },
    }
}

fn ended(outcome: Option<&Outcome>) -> String {
    match outcome {
        None => "it goes on".into(),
        Some(Outcome::Completed) => "completed: we have what was asked for".into(),
        Some(Outcome::Refunded) => "refunded: what was locked went back".into(),
        Some(Outcome::Abandoned(Reason::Cancelled)) => "cancelled before anything was locked".into(),
        Some(Outcome::Abandoned(Reason::NotLocked(why))) => {
            format!("abandoned, nothing was given: our lock was not made, {}", failure(why))
        }
        Some(Outcome::Abandoned(Reason::Lost)) => {
            "lost: our lock was claimed and theirs went back; we were down longer than the outage budget".into()
        }
    }
}

fn failure(failure: &Failure) -> String {
    match failure {
        Failure::NeverSent => "its time was over before it could be sent".into(),
        Failure::Overdue => "its time was over".into(),
        Failure::Refused(reason) => format!("the contract refuses: {reason}"),
        Failure::Unable(reason) => format!("a person must act: {reason}"),
    }
}

const fn no_reveal(why: NoReveal) -> &'static str {
    match why {
        NoReveal::Cancelled => "its refund was asked for",
        NoReveal::SecretLost => "its secret was lost with the database",
        NoReveal::TooLate => "too little time was left to claim theirs",
    }
}

fn what(leg: &Leg, names: &Names) -> String {
    names.amount(leg.chain, leg.lock.asset, leg.lock.amount)
}
