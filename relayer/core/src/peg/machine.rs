//! Rules P1..P16 of user and carrier.

use alloy_primitives::{Address, B256};
use causeway_adapter_api::{Asset, ChainId, Height, Timestamp};

use super::types::*;
use crate::swap::opens;

type Stepped = Result<(State, Vec<Effect>), Why>;

/// P1, P2: the first state of a user, and what it asks for first.
pub(super) fn start(plan: Plan) -> (State, Vec<Effect>) {
    let origin = match plan.give.lock.asset {
        Asset::Native => Origin::Locking,
        Asset::Token(_) => Origin::Approving,
    };
    let state = State {
        plan,
        role: Role::User {
            reveal: Reveal::Allowed,
        },
        origin,
        destination: Destination::Absent,
        port: Port::Running,
        preimage: None,
        asked: Asked::default(),
        ended: None,
    };
    let effects = vec![state.first_effect()];
    (state, effects)
}

/// P3, P16: a peg whose lock is there already.
pub(super) fn placed(
    seen: Seen,
    height: Height,
    route: Route,
    promise: Promise,
    role: Role,
) -> State {
    let give = Leg {
        chain: seen.chain,
        lock: seen.lock,
    };
    let plan = Plan {
        give,
        spender: Address::ZERO,
        route,
        promise,
        settle: 0,
        lock_by: Timestamp(0),
    };
    let (id, fate) = (seen.id, Fate::Open);
    State {
        plan,
        role,
        origin: Origin::Placed { id, height, fate },
        destination: Destination::Absent,
        port: Port::Running,
        preimage: None,
        asked: Asked::default(),
        ended: None,
    }
}

pub(super) fn first(mut state: State, now: &Now) -> (State, Vec<Effect>) {
    let effects = state.decide(now);
    (state, effects)
}

/// One step: take the fact in, then do what is due.
pub(super) fn step(mut state: State, event: &Event, now: &Now) -> Stepped {
    if state.ended.is_some() {
        // P14: what has ended stays as it is.
        return Err(Why::Ended);
    }
    let mut effects = state.observe(event)?;
    effects.extend(state.decide(now));
    if state.ended.is_some() {
        effects.clear();
    }
    Ok((state, effects))
}

/// Times that matter to a peg.
pub(super) fn wake(state: &State) -> Vec<(ChainId, Timestamp)> {
    if state.ended.is_some() {
        return Vec::new();
    }
    let (from, to) = (state.plan.give.chain, state.plan.route.to);
    let mut times = vec![
        (from, state.plan.give.lock.terms.refund_at),
        (from, state.refund_from()),
        (to, state.t()),
    ];
    if let Destination::Opened { ready_at, .. } = state.destination {
        times.push((to, ready_at));
    }
    times
}

impl State {
    /// Takes `event` in as a fact; returns what follows from the event alone.
    fn observe(&mut self, event: &Event) -> Result<Vec<Effect>, Why> {
        match event {
            Event::Locked { seen, height } => self.lock_seen(seen, *height)?,
            Event::Collected { preimage } => {
                self.learn(*preimage)?;
                self.close(Fate::Claimed)?;
            }
            Event::Refunded if self.destination == Destination::Claimed => {
                // P9 forbids it: a chain took something back, or a node lies.
                return Err(Why::Contradiction);
            }
            Event::Refunded => self.close(Fate::Refunded)?,
            Event::Opened { ready_at, paid } => self.opened(*ready_at, *paid)?,
            Event::Claimed { .. } if self.destination == Destination::Claimed => {
                return Err(Why::Known);
            }
            Event::Claimed { preimage } => {
                self.learn(*preimage)?;
                self.destination = Destination::Claimed;
            }
            Event::Port(port) if *port != self.port => self.port = *port,
            Event::Port(_) => return Err(Why::Known),
            // P2: the contract may take the tokens now; not before would a lock succeed.
            Event::Approved if self.origin == Origin::Approving => {
                self.origin = Origin::Locking;
                return Ok(vec![self.lock_effect()]);
            }
            Event::Approved => return Err(Why::Known),
            Event::Failed { purpose, failure } => self.failed(*purpose, failure)?,
            Event::Tick => {}
            Event::Cancel => self.cancel()?,
        }
        Ok(Vec::new())
    }

    /// What is due, given all facts and the time.
    fn decide(&mut self, now: &Now) -> Vec<Effect> {
        self.ended = self.ended.take().or_else(|| self.outcome_at(now));
        let (Some((seen, height, fate)), None) = (self.seen(), &self.ended) else {
            return Vec::new();
        };
        let due = [
            self.open(seen, height, fate, now),
            self.open_paid(seen, fate),
            self.claim(seen, fate, now),
            self.collect(seen, fate),
            self.refund(seen, fate, now),
        ];
        due.into_iter().flatten().collect()
    }

    // -- facts --

    /// A final block shows our lock.
    fn lock_seen(&mut self, seen: &Seen, height: Height) -> Result<(), Why> {
        if seen.chain != self.plan.give.chain || seen.lock != self.plan.give.lock {
            return Err(Why::Foreign);
        }
        if let Origin::Placed { .. } = self.origin {
            return Err(Why::Known);
        }
        let (id, fate) = (seen.id, Fate::Open);
        self.origin = Origin::Placed { id, height, fate };
        Ok(())
    }

    fn learn(&mut self, preimage: B256) -> Result<(), Why> {
        if !opens(preimage, self.hashlock()) {
            return Err(Why::WrongPreimage);
        }
        self.preimage = Some(preimage);
        Ok(())
    }

    fn close(&mut self, how: Fate) -> Result<(), Why> {
        match &mut self.origin {
            Origin::Placed { fate, .. } if *fate == Fate::Open => *fate = how,
            Origin::Placed { .. } => return Err(Why::Known),
            Origin::Approving | Origin::Locking => return Err(Why::Foreign),
        }
        Ok(())
    }

    /// The id is open, or an open one is marked paid.
    fn opened(&mut self, ready_at: Timestamp, paid: bool) -> Result<(), Why> {
        let known = match self.destination {
            Destination::Absent => false,
            Destination::Opened {
                ready_at: before,
                paid: was,
            } => was || (before == ready_at && !paid),
            Destination::Claimed => true,
        };
        if known {
            return Err(Why::Known);
        }
        self.destination = Destination::Opened { ready_at, paid };
        Ok(())
    }

    /// The executor stopped trying: what is still due is asked for again, but for what cannot be done any more.
    fn failed(&mut self, purpose: Purpose, failure: &Failure) -> Result<(), Why> {
        let asked = match (purpose, self.origin) {
            (Purpose::Approve, Origin::Approving) | (Purpose::Lock, Origin::Locking) => {
                self.ended = Some(Outcome::Abandoned(Reason::NotLocked(failure.clone())));
                return Ok(());
            }
            (Purpose::Approve | Purpose::Lock, _) => return Err(Why::Known),
            (Purpose::Open, _) => &mut self.asked.open,
            (Purpose::OpenPaid, _) => &mut self.asked.open_paid,
            (Purpose::Reveal, _) => return self.reveal_failed(failure),
            (Purpose::Claim, _) => &mut self.asked.claim,
            (Purpose::Collect, _) => &mut self.asked.collect,
            (Purpose::Refund, _) => &mut self.asked.refund,
        };
        std::mem::take(asked).then_some(()).ok_or(Why::Known)
    }

    /// P5, P11: a reveal that was never sent is taken back; one that was sent may be public and is not.
    fn reveal_failed(&mut self, failure: &Failure) -> Result<(), Why> {
        match &mut self.role {
            Role::User { reveal } if self.asked.reveal && *failure == Failure::NeverSent => {
                *reveal = Reveal::Never(NoReveal::TooLate);
                self.asked.reveal = false;
                Ok(())
            }
            // P11: from here on the chains decide: collected, then P8; or refunded.
            Role::User { .. } if self.asked.reveal => Ok(()),
            Role::User { .. } => Err(Why::Known),
            Role::Carrier => Err(Why::WrongRole),
        }
    }

    /// P12: the operator wants the money back.
    fn cancel(&mut self) -> Result<(), Why> {
        let revealed = self.asked.reveal || self.preimage.is_some();
        match (&mut self.role, self.origin) {
            (Role::Carrier, _) => Err(Why::WrongRole),
            (Role::User { .. }, Origin::Approving) => {
                self.ended = Some(Outcome::Abandoned(Reason::Cancelled));
                Ok(())
            }
            (Role::User { .. }, _) if revealed => Err(Why::PointOfNoReturn),
            (Role::User { reveal }, _) if *reveal == Reveal::Allowed => {
                *reveal = Reveal::Never(NoReveal::Cancelled);
                Ok(())
            }
            (Role::User { .. }, _) => Err(Why::Known),
        }
    }

    // -- what is due --

    /// P3: opens at the destination while a claim there is possible.
    fn open(&mut self, seen: Seen, from: Height, fate: Fate, now: &Now) -> Option<Effect> {
        let (route, promise, not_after) = (self.plan.route, self.plan.promise, self.t());
        let useful = self.destination == Destination::Absent && fate == Fate::Open;
        if !useful || self.asked.open || now.of(route.to).latest >= not_after {
            return None;
        }
        self.asked.open = true;
        Some(Effect::Open {
            seen,
            route,
            promise,
            from,
            not_after,
        })
    }

    /// P8: the port has the money; the user is paid at any time.
    fn open_paid(&mut self, seen: Seen, fate: Fate) -> Option<Effect> {
        let (route, promise) = (self.plan.route, self.plan.promise);
        let owed = match self.destination {
            Destination::Absent | Destination::Opened { paid: false, .. } => true,
            Destination::Opened { paid: true, .. } | Destination::Claimed => false,
        };
        if fate != Fate::Claimed || !owed || self.asked.open_paid {
            return None;
        }
        self.asked.open_paid = true;
        Some(Effect::OpenPaid {
            seen,
            route,
            promise,
        })
    }

    /// P5, P7, P8: claims at the destination.
    fn claim(&mut self, seen: Seen, fate: Fate, now: &Now) -> Option<Effect> {
        let Destination::Opened { ready_at, paid } = self.destination else {
            return None;
        };
        let (route, promise, t) = (self.plan.route, self.plan.promise, self.t());
        let clock = now.of(route.to);
        if clock.proven < ready_at || self.port == Port::Paused {
            return None;
        }
        let (secret, start_before) = match (self.preimage, &mut self.role) {
            // P8: no deadline.
            (Some(preimage), _) if paid && !self.asked.claim => (Secret::Public(preimage), None),
            // P7: only the deadline itself is too late.
            (Some(preimage), _) if !self.asked.claim && clock.latest < t => {
                (Secret::Public(preimage), Some(t))
            }
            // P5: a claim sent now is final before T.
            (None, Role::User { reveal }) if *reveal == Reveal::Allowed => {
                let start_before = Timestamp(t.0.saturating_sub(self.plan.settle));
                if clock.proven >= start_before {
                    *reveal = Reveal::Never(NoReveal::TooLate);
                }
                if self.asked.reveal || clock.latest >= start_before || fate != Fate::Open {
                    return None;
                }
                (Secret::Own, Some(start_before))
            }
            _ => return None,
        };
        match secret {
            Secret::Own => self.asked.reveal = true,
            Secret::Public(_) => self.asked.claim = true,
        }
        Some(Effect::Claim {
            seen,
            route,
            promise,
            secret,
            start_before,
        })
    }

    /// P7: carries the secret home, however late.
    fn collect(&mut self, seen: Seen, fate: Fate) -> Option<Effect> {
        let preimage = self.preimage?;
        if fate != Fate::Open || self.asked.collect {
            return None;
        }
        self.asked.collect = true;
        Some(Effect::Collect { seen, preimage })
    }

    /// P10: silence past T gives the money back, against the proof of it.
    fn refund(&mut self, seen: Seen, fate: Fate, now: &Now) -> Option<Effect> {
        let (route, not_before) = (self.plan.route, self.t());
        // Every event of the destination up to a block at or after T was taken in.
        let absent =
            self.destination != Destination::Claimed && now.of(route.to).proven >= not_before;
        let due = now.of(seen.chain).proven >= self.refund_from();
        if fate != Fate::Open || !absent || !due || self.asked.refund {
            return None;
        }
        self.asked.refund = true;
        Some(Effect::Refund {
            seen,
            route,
            not_before,
        })
    }

    /// P14: how it ended, if it has.
    fn outcome_at(&self, now: &Now) -> Option<Outcome> {
        let give = &self.plan.give;
        match (self.seen(), self.destination) {
            (Some((.., Fate::Claimed)), Destination::Claimed) => Some(Outcome::Completed),
            (Some((.., Fate::Refunded)), _) => Some(Outcome::Refunded),
            (Some(_), _) => None,
            // The contract takes no lock whose T has passed.
            (None, _) if now.of(give.chain).proven >= give.lock.terms.public_claim_at => {
                Some(Outcome::Abandoned(Reason::NotLocked(Failure::Overdue)))
            }
            (None, _) => None,
        }
    }

    // -- helpers --

    /// From when on this role asks for the refund, by the origin's clock.
    const fn refund_from(&self) -> Timestamp {
        match self.role {
            Role::User { .. } => self.plan.give.lock.terms.refund_at,
            Role::Carrier => self.plan.give.lock.terms.public_refund_at,
        }
    }

    fn first_effect(&self) -> Effect {
        let Leg { chain, lock } = self.plan.give;
        match lock.asset {
            Asset::Native => self.lock_effect(),
            Asset::Token(token) => Effect::Approve {
                account: Account {
                    chain,
                    address: lock.sender,
                },
                token,
                spender: self.plan.spender,
                amount: lock.amount,
                not_after: self.plan.lock_by,
            },
        }
    }

    const fn lock_effect(&self) -> Effect {
        Effect::Lock {
            leg: self.plan.give,
            route: self.plan.route,
            promise: self.plan.promise,
            not_after: self.plan.lock_by,
        }
    }
}
