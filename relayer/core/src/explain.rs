//! Where a transfer is, who may act next, until when, what it costs, and what happens if nobody does.

use std::fmt;

use alloy_primitives::U256;
use causeway_adapter_api::{Asset, ChainId, Lock, Timestamp, short_hex};
use serde::{Deserialize, Serialize};

use crate::swap::{
    Failure, Fate, Give, NoReveal, Now, Outcome, Party, Reason, Reveal, Role, Side, Stage, State,
    Take, TransferId, Watchtower,
};

mod relay;

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
    /// What it costs us.
    pub costs: Costs,
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

/// Explains `state` as of `now`.
pub fn explain(state: &State, now: &Now) -> Explanation {
    let (place, next, until, otherwise) = match state {
        State::Party(party) => of_party(party),
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
        until,
        costs: costs(state),
        otherwise,
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "transfer {} ({})", self.transfer, self.role)?;
        writeln!(f, "  where      {}", self.place)?;
        writeln!(f, "  next       {}", self.next)?;
        if let Some(until) = &self.until {
            let Deadline {
                chain,
                at,
                seconds_left,
            } = until;
            writeln!(
                f,
                "  until      {at} on chain {chain}, {seconds_left} s from its newest final block"
            )?;
        }
        writeln!(f, "  costs      {}", self.costs)?;
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

impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.given {
            Some(given) => {
                write!(
                    f,
                    "{} of {} on chain {}",
                    given.amount,
                    asset(given.asset),
                    given.chain
                )?;
                write!(
                    f,
                    ", a deposit of {} points while it is open, and the fees",
                    self.deposit
                )
            }
            None => f.write_str("the fees of completing, against the safety deposit"),
        }
    }
}

type Told = (String, Actor, Option<(ChainId, Timestamp)>, String);

fn of_party(party: &Party) -> Told {
    let give = &party.plan.give;
    let terms = give.lock.terms;
    let refund_at = Some((give.chain, terms.refund_at));
    let back = "our lock goes back to us after its deadline".to_owned();
    match (party.stage(), &party.take) {
        (Stage::Ended, _) => (ended(party.ended.as_ref()), Actor::Nobody, None, "nothing more".into()),
        (Stage::Approving, _) => (
            format!("we allow the lock contract of chain {} to take {}", give.chain, what(&give.lock)),
            Actor::Us,
            Some((give.chain, party.plan.lock_by)),
            "nothing is locked and the transfer is abandoned".into(),
        ),
        (Stage::Locking, _) => (
            format!("our lock of {} on chain {} is on its way", what(&give.lock), give.chain),
            Actor::Us,
            Some((give.chain, party.plan.lock_by)),
            "nothing is locked and the transfer is abandoned".into(),
        ),
        (Stage::Waiting, _) => waiting(party, back),
        (Stage::Claiming, Take::Seen { seen, .. }) => (
            format!("we claim {} on chain {}", what(&seen.lock), seen.chain),
            Actor::Us,
            Some((seen.chain, seen.lock.terms.refund_at)),
            "from its public window on anyone may complete it for us; after its deadline it goes back".into(),
        ),
        (Stage::Carrying, _) => (
            format!("we were paid; our lock of {} is open for its recipient", what(&give.lock)),
            Actor::OtherParty,
            refund_at,
            "anyone completes it in its public window; after its deadline it comes back to us".into(),
        ),
        (Stage::Refunding | Stage::Claiming | Stage::Watching, _) => (
            format!("the deadline passed; we take {} on chain {} back", what(&give.lock), give.chain),
            Actor::Us,
            Some((give.chain, terms.public_refund_at)),
            "then anyone may send it back to us for the safety deposit".into(),
        ),
    }
}

fn waiting(party: &Party, back: String) -> Told {
    let give = &party.plan.give;
    let refund_at = Some((give.chain, give.lock.terms.refund_at));
    let locked = format!(
        "our lock of {} on chain {} is final",
        what(&give.lock),
        give.chain
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
            let (amount, asset) = (wanted.amount, asset(wanted.asset));
            let asked = format!("{amount} of {asset} on chain {}", wanted.chain);
            let refused =
                refused.map_or_else(String::new, |why| format!("; a lock did not match: {why}"));
            let place = format!("{locked}; the other party is to lock {asked}{refused}");
            (place, Actor::OtherParty, refund_at, back)
        }
        (Side::Initiator { .. }, Take::Seen { seen, .. }) => {
            let place = format!(
                "{locked} and so is theirs on chain {}; we look whether time allows",
                seen.chain
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

fn what(lock: &Lock) -> String {
    format!("{} of {}", lock.amount, asset(lock.asset))
}

fn asset(asset: Asset) -> String {
    match asset {
        Asset::Native => "points".into(),
        Asset::Token(token) => format!("token {}", short_hex(token.as_slice())),
    }
}
