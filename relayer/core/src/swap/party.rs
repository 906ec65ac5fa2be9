//! Rules T1..T13: initiator and counterparty.

use causeway_adapter_api::{Asset, ChainId, LockId, Timestamp, Wanted};

use super::types::*;

type Stepped = Result<(Party, Vec<Effect>), Why>;

/// T1, T3: the first state of a party, and what it asks for first.
pub(super) fn begin(plan: Plan, side: Side, take: Take) -> (State, Vec<Effect>) {
    let give = match plan.give.lock.asset {
        Asset::Native => Give::Locking,
        Asset::Token(_) => Give::Approving,
    };
    let party = Party {
        plan,
        side,
        give,
        take,
        preimage: None,
        asked: Asked::default(),
        ended: None,
    };
    let effects = vec![party.first_effect()];
    (State::Party(party), effects)
}

/// T19: a party whose lock is there already.
pub(super) fn adopted(own: Seen, side: Side, take: Take) -> State {
    let plan = Plan {
        give: Leg {
            chain: own.chain,
            lock: own.lock,
        },
        spender: alloy_primitives::Address::ZERO,
        margin: 0,
        settle: 0,
        lock_by: Timestamp(0),
    };
    let give = Give::Placed {
        id: own.id,
        fate: Fate::Open,
    };
    State::Party(Party {
        plan,
        side,
        give,
        take,
        preimage: None,
        asked: Asked::default(),
        ended: None,
    })
}

/// One step of a party: take the fact in, then do what is due.
pub(super) fn step(mut party: Party, event: &Event, now: &Now) -> Stepped {
    if party.ended.is_some() {
        // T20: what has ended stays as it is.
        return Err(Why::Ended);
    }
    let mut effects = party.observe(event)?;
    party.decide(now, &mut effects);
    Ok((party, effects))
}

/// Times that matter to a party.
pub(super) fn wake(party: &Party) -> Vec<(ChainId, Timestamp)> {
    if party.ended.is_some() {
        return Vec::new();
    }
    let give = &party.plan.give;
    let terms = give.lock.terms;
    let mut times = vec![
        (give.chain, terms.public_claim_at),
        (give.chain, terms.refund_at),
    ];
    match (&party.take, party.take_chain()) {
        (Take::Seen { seen, .. }, _) => times.push((seen.chain, seen.lock.terms.refund_at)),
        (Take::Unseen { .. }, Some(chain)) => times.push((chain, terms.refund_at)),
        (Take::Unseen { .. }, None) => {}
    }
    times
}

impl Party {
    /// Takes `event` in as a fact; returns what follows from the event alone.
    fn observe(&mut self, event: &Event) -> Result<Vec<Effect>, Why> {
        match event {
            Event::Locked(seen) if self.is_ours(seen) => self.placed(seen.id),
            Event::Locked(seen) => self.offered(seen),
            Event::Claimed {
                chain,
                id,
                preimage,
            } => {
                if !opens(*preimage, self.plan.give.lock.hashlock) {
                    return Err(Why::WrongPreimage);
                }
                self.closed(*chain, *id, Fate::Claimed)?;
                self.preimage = Some(*preimage);
                Ok(Vec::new())
            }
            Event::Refunded { chain, id } => self.closed(*chain, *id, Fate::Refunded),
            // T2: the contract may take the tokens now; not before would a lock succeed.
            Event::Approved if self.give == Give::Approving => {
                self.give = Give::Locking;
                Ok(vec![self.lock_effect()])
            }
            Event::Approved => Err(Why::Known),
            Event::Failed {
                purpose, failure, ..
            } => self.failed(*purpose, failure),
            Event::Tick => Ok(Vec::new()),
            Event::Cancel => self.cancel(),
        }
    }

    /// What is due, given all facts and the time.
    fn decide(&mut self, now: &Now, effects: &mut Vec<Effect>) {
        if self.ended.is_none() {
            self.ended = self.outcome(now);
        }
        if self.ended.is_some() {
            effects.clear();
            return;
        }
        effects.extend(self.claim(now));
        effects.extend(self.carry(now));
        effects.extend(self.refund(now));
    }

    // -- facts --

    fn is_ours(&self, seen: &Seen) -> bool {
        seen.chain == self.plan.give.chain && seen.lock == self.plan.give.lock
    }

    /// T4: a final block shows our lock.
    fn placed(&mut self, id: LockId) -> Result<Vec<Effect>, Why> {
        if let Give::Placed { .. } = self.give {
            return Err(Why::Known);
        }
        self.give = Give::Placed {
            id,
            fate: Fate::Open,
        };
        Ok(Vec::new())
    }

    /// T5: a final block shows a lock that may be the answer to ours.
    fn offered(&mut self, seen: &Seen) -> Result<Vec<Effect>, Why> {
        let Side::Initiator { wanted, .. } = self.side else {
            return Err(Why::Foreign);
        };
        if seen.lock.hashlock != self.plan.give.lock.hashlock || seen.chain != wanted.chain {
            return Err(Why::Foreign);
        }
        let take = match self.matches(&wanted, seen) {
            Ok(()) => Take::Seen {
                seen: *seen,
                fate: Fate::Open,
            },
            Err(refused) => Take::Unseen {
                refused: Some(refused),
            },
        };
        if matches!(self.take, Take::Seen { .. }) || self.take == take {
            return Err(Why::Known);
        }
        self.take = take;
        Ok(Vec::new())
    }

    /// T5: asset, amount, recipient, shape, and a deadline that leaves the margin (V4).
    fn matches(&self, wanted: &Wanted, seen: &Seen) -> Result<(), Mismatch> {
        let (lock, terms) = (&seen.lock, &seen.lock.terms);
        let latest = Timestamp(
            self.plan
                .give
                .lock
                .terms
                .refund_at
                .0
                .saturating_sub(self.plan.margin),
        );
        if lock.asset != wanted.asset {
            Err(Mismatch::Asset {
                expected: wanted.asset,
                got: lock.asset,
            })
        } else if lock.amount < wanted.amount {
            Err(Mismatch::Amount {
                expected: wanted.amount,
                got: lock.amount,
            })
        } else if lock.recipient != wanted.recipient {
            Err(Mismatch::Recipient {
                expected: wanted.recipient,
                got: lock.recipient,
            })
        } else if terms.parts != 1 || terms.hook_flags != 0 {
            Err(Mismatch::Shape {
                parts: terms.parts,
                hook_flags: terms.hook_flags,
            })
        } else if terms.refund_at > latest {
            Err(Mismatch::Deadline {
                expected: latest,
                got: terms.refund_at,
            })
        } else {
            Ok(())
        }
    }

    /// T7, T8, T10: a final block shows that one of the two locks was closed, by whomever.
    fn closed(&mut self, chain: ChainId, id: LockId, how: Fate) -> Result<Vec<Effect>, Why> {
        let fate = match (&mut self.give, &mut self.take) {
            (Give::Placed { id: own, fate }, _) if *own == id && chain == self.plan.give.chain => {
                fate
            }
            (_, Take::Seen { seen, fate }) if seen.id == id && seen.chain == chain => fate,
            _ => return Err(Why::Foreign),
        };
        if *fate != Fate::Open {
            return Err(Why::Known);
        }
        *fate = how;
        Ok(Vec::new())
    }

    /// T11: the executor stopped trying.
    fn failed(&mut self, purpose: Purpose, failure: &Failure) -> Result<Vec<Effect>, Why> {
        match (purpose, &self.give, &mut self.side) {
            (Purpose::Approve, Give::Approving, _) | (Purpose::Lock, Give::Locking, _) => {
                self.ended = Some(self.without_giving(Reason::NotLocked(failure.clone())));
            }
            // Nobody has seen the secret: it stays with us and the lock is refunded in its time.
            (Purpose::Claim, Give::Placed { .. }, Side::Initiator { reveal, .. })
                if self.asked.claim
                    && self.preimage.is_none()
                    && *failure == Failure::NeverSent =>
            {
                *reveal = Reveal::Never(NoReveal::TooLate);
                self.asked.claim = false;
            }
            // A refund is asked for again with the next tick.
            (Purpose::Refund, ..) if self.asked.refund => self.asked.refund = false,
            (Purpose::Claim, ..) if self.asked.claim => {}
            (Purpose::Carry, ..) if self.asked.carry => {}
            _ => return Err(Why::Known),
        }
        Ok(Vec::new())
    }

    /// T12: the operator wants the money back.
    fn cancel(&mut self) -> Result<Vec<Effect>, Why> {
        match (&mut self.side, self.give) {
            (_, Give::Approving) => self.ended = Some(self.without_giving(Reason::Cancelled)),
            _ if self.asked.claim || self.preimage.is_some() => return Err(Why::PointOfNoReturn),
            (
                Side::Initiator {
                    reveal: reveal @ Reveal::Allowed,
                    ..
                },
                _,
            ) => {
                *reveal = Reveal::Never(NoReveal::Cancelled);
            }
            (Side::Initiator { .. }, _) => return Err(Why::Known),
            (Side::Counterparty, _) => return Err(Why::PointOfNoReturn),
        }
        Ok(Vec::new())
    }

    // -- what is due --

    /// T6, T7: claims what is ours, while there is time.
    fn claim(&mut self, now: &Now) -> Option<Effect> {
        let Take::Seen {
            seen,
            fate: Fate::Open,
        } = self.take
        else {
            return None;
        };
        if self.asked.claim {
            return None;
        }
        let (clock, deadline) = (now.of(seen.chain), seen.lock.terms.refund_at);
        let (secret, start_before) = match (self.preimage, &mut self.side, self.give) {
            // T7: the secret is public; only the deadline itself is too late.
            (Some(preimage), ..) if clock.proven < deadline => (Secret::Public(preimage), None),
            // T6: both locks are final and matched, and a claim sent now is final before the deadline.
            (
                None,
                Side::Initiator {
                    reveal: reveal @ Reveal::Allowed,
                    ..
                },
                Give::Placed {
                    fate: Fate::Open, ..
                },
            ) => {
                let start_before = Timestamp(deadline.0.saturating_sub(self.plan.settle));
                if clock.proven >= start_before {
                    *reveal = Reveal::Never(NoReveal::TooLate);
                }
                if clock.latest >= start_before {
                    return None;
                }
                (Secret::Own, Some(start_before))
            }
            _ => return None,
        };
        self.asked.claim = true;
        let account = seen.lock.recipient;
        Some(Effect::Claim {
            seen,
            account,
            secret,
            start_before,
            purpose: Purpose::Claim,
        })
    }

    /// T8: we were paid; in the public window of our own lock we complete it for its recipient and have our deposit back.
    fn carry(&mut self, now: &Now) -> Option<Effect> {
        let (Some(preimage), Some(own)) = (self.preimage, self.own_open()) else {
            return None;
        };
        let terms = own.lock.terms;
        let proven = now.of(own.chain).proven;
        let paid = matches!(
            self.take,
            Take::Seen {
                fate: Fate::Claimed,
                ..
            }
        );
        if self.asked.carry || !paid || proven < terms.public_claim_at || proven >= terms.refund_at
        {
            return None;
        }
        self.asked.carry = true;
        Some(Effect::Claim {
            seen: own,
            account: own.lock.sender,
            secret: Secret::Public(preimage),
            start_before: None,
            purpose: Purpose::Carry,
        })
    }

    /// T9: silence past the deadline gives the money back.
    fn refund(&mut self, now: &Now) -> Option<Effect> {
        let own = self.own_open()?;
        if self.asked.refund || now.of(own.chain).proven < own.lock.terms.refund_at {
            return None;
        }
        self.asked.refund = true;
        Some(Effect::Refund {
            seen: own,
            account: own.lock.sender,
        })
    }

    /// T10: how it ended, if it has.
    fn outcome(&self, now: &Now) -> Option<Outcome> {
        let give_over = now.of(self.plan.give.chain).proven >= self.plan.give.lock.terms.refund_at;
        let (take_fate, take_over) = match &self.take {
            Take::Seen { seen, fate } => (
                *fate,
                now.of(seen.chain).proven >= seen.lock.terms.refund_at,
            ),
            // A lock that would answer ours must end before ours does.
            Take::Unseen { .. } => {
                let over = |chain| now.of(chain).proven >= self.plan.give.lock.terms.refund_at;
                (Fate::Open, self.take_chain().is_none_or(over))
            }
        };
        let own_fate = match self.give {
            Give::Placed { fate, .. } => fate,
            // The contract takes no lock whose deadline has passed.
            Give::Approving | Give::Locking if give_over => {
                return Some(self.without_giving(Reason::NotLocked(Failure::Overdue)));
            }
            Give::Approving | Give::Locking => return None,
        };
        match (own_fate, take_fate) {
            (Fate::Open, _) => None,
            (Fate::Claimed | Fate::Refunded, Fate::Claimed) => Some(Outcome::Completed),
            // Our claim may still be under way there.
            (Fate::Refunded, Fate::Open) if self.asked.claim && !take_over => None,
            (Fate::Refunded, _) => Some(Outcome::Refunded),
            (Fate::Claimed, Fate::Open) if !take_over => None,
            (Fate::Claimed, _) => Some(Outcome::Abandoned(Reason::Lost)),
        }
    }

    // -- helpers --

    fn without_giving(&self, reason: Reason) -> Outcome {
        match self.take {
            Take::Seen {
                fate: Fate::Claimed,
                ..
            } => Outcome::Completed,
            _ => Outcome::Abandoned(reason),
        }
    }

    const fn own_open(&self) -> Option<Seen> {
        match self.give {
            Give::Placed {
                id,
                fate: Fate::Open,
            } => Some(Seen {
                chain: self.plan.give.chain,
                id,
                lock: self.plan.give.lock,
            }),
            _ => None,
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
        let wanted = match self.side {
            Side::Initiator { wanted, .. } => Some(wanted),
            Side::Counterparty => None,
        };
        Effect::Lock {
            leg: self.plan.give,
            wanted,
            not_after: self.plan.lock_by,
        }
    }
}
