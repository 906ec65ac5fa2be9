//! Rules S1..S12 of parties and carrier.

use causeway_adapter_api::{Asset, ChainId, Timestamp};

use super::types::*;

type Stepped = Result<(State, Vec<Effect>), Why>;

/// S1: the first state of an initiator, and what it asks for first.
pub(super) fn start(plan: Plan) -> (State, Vec<Effect>) {
    let (deal, not_after) = (plan.deal, plan.open_by);
    let (escrow, first) = match deal.asset {
        Asset::Native => (Escrow::Opening, Effect::Open { deal, not_after }),
        Asset::Token(token) => {
            let account = Account {
                chain: deal.public,
                address: deal.initiator,
            };
            let approve = Effect::Approve {
                account,
                token,
                spender: plan.escrow,
                amount: deal.amount,
                not_after,
            };
            (Escrow::Approving, approve)
        }
    };
    let state = State {
        escrow,
        ..joined(plan, Role::Party(Party::Initiator))
    };
    (state, vec![first])
}

/// S2: a settlement whose escrow is open already.
pub(super) const fn joined(plan: Plan, role: Role) -> State {
    State {
        plan,
        role,
        escrow: Escrow::Open { recorded: false },
        business: Business::Pending,
        initiator: None,
        counterparty: None,
        wish: None,
        asked: Asked {
            confirm: false,
            prove: false,
            release: false,
            refund: false,
        },
        ended: None,
    }
}

/// One step: take the fact in, then do what is due.
pub(super) fn step(mut state: State, event: &Event, now: &Now) -> Stepped {
    if state.ended.is_some() {
        // S11: what has ended stays as it is.
        return Err(Why::Ended);
    }
    let mut effects = state.observe(event, now)?;
    state.ended = state.ended.take().or_else(|| state.end(now));
    if state.ended.is_some() {
        return Ok((state, Vec::new()));
    }
    effects.extend(state.decide(now));
    Ok((state, effects))
}

/// Times that matter to a settlement.
pub(super) fn wake(state: &State) -> Vec<(ChainId, Timestamp)> {
    if state.ended.is_some() {
        return Vec::new();
    }
    let deal = &state.plan.deal;
    let mut times = vec![(deal.consortium, deal.deadline)];
    match (state.escrow, &state.business) {
        (Escrow::Approving | Escrow::Opening, _) => times.push((deal.public, state.plan.open_by)),
        (_, Business::Published { prove_at, .. }) => times.push((deal.consortium, *prove_at)),
        _ => {}
    }
    times
}

impl State {
    /// Takes `event` in as a fact; returns what follows from the event alone.
    fn observe(&mut self, event: &Event, now: &Now) -> Result<Vec<Effect>, Why> {
        let (deal, not_after) = (self.plan.deal, self.plan.open_by);
        match (event, self.escrow) {
            // S1: the contract may take the tokens now.
            (Event::Approved, Escrow::Approving) => {
                self.escrow = Escrow::Opening;
                return Ok(vec![Effect::Open { deal, not_after }]);
            }
            (Event::Opened, Escrow::Approving | Escrow::Opening) => {
                self.escrow = Escrow::Open { recorded: false };
            }
            (Event::Approved | Event::Opened, _) => return Err(Why::Known),
            (Event::Confirmed { by, word }, _) => self.confirmed(*by, word)?,
            // S4: once, for ever.
            (Event::Published(outcome), _) => self.published(*outcome, now)?,
            // S5: a verdict that came twice changes nothing.
            (Event::Recorded, Escrow::Open { recorded: false }) => {
                self.escrow = Escrow::Open { recorded: true };
            }
            (Event::Released, Escrow::Open { .. }) => self.escrow = Escrow::Released,
            // S7 forbids it: a chain took something back, or a node lies.
            (Event::Refunded, Escrow::Open { .. })
                if matches!(self.business, Business::Published { .. }) =>
            {
                return Err(Why::Contradiction);
            }
            (Event::Refunded, Escrow::Open { .. }) => self.escrow = Escrow::Refunded,
            (Event::Recorded, Escrow::Open { recorded: true }) => return Err(Why::Known),
            (Event::Recorded | Event::Released | Event::Refunded, _) => return Err(Why::Foreign),
            (Event::Failed { purpose, failure }, _) => self.failed(*purpose, failure)?,
            (Event::Tick, _) => {}
            (Event::Confirm(outcome), _) => self.wished(*outcome)?,
            (Event::Cancel, Escrow::Approving) => {
                self.ended = Some(End::Abandoned(Reason::Cancelled));
            }
            (Event::Cancel, _) => return Err(Why::PointOfNoReturn),
        }
        Ok(Vec::new())
    }

    /// What is due, given all facts and the time.
    fn decide(&mut self, now: &Now) -> Vec<Effect> {
        let Escrow::Open { recorded } = self.escrow else {
            return Vec::new();
        };
        let due = match self.business {
            Business::Pending => [self.confirm(now), self.refund(now)],
            Business::Published { outcome, prove_at } => {
                let clock = now.of(self.plan.deal.consortium);
                let late = !recorded && clock.proven >= prove_at;
                let prove = late.then(|| self.prove(outcome)).flatten();
                let release = recorded.then(|| self.release(outcome)).flatten();
                [prove, release]
            }
        };
        due.into_iter().flatten().collect()
    }

    // -- facts --

    /// S3: a party's word; until the verdict it may be replaced by another.
    fn confirmed(&mut self, by: Party, word: &Word) -> Result<(), Why> {
        let place = match by {
            Party::Initiator => &mut self.initiator,
            Party::Counterparty => &mut self.counterparty,
        };
        if place.as_ref() == Some(word) {
            return Err(Why::Known);
        }
        *place = Some(word.clone());
        if self.role == Role::Party(by) && self.wish == Some(word.outcome) {
            (self.wish, self.asked.confirm) = (None, false);
        }
        Ok(())
    }

    fn published(&mut self, outcome: Outcome, now: &Now) -> Result<(), Why> {
        match self.business {
            Business::Published { outcome: known, .. } if known == outcome => Err(Why::Known),
            Business::Published { .. } => Err(Why::Contradiction),
            Business::Pending => {
                let proven = now.of(self.plan.deal.consortium).proven;
                let prove_at = proven.plus(self.plan.patience);
                self.business = Business::Published { outcome, prove_at };
                (self.wish, self.asked.confirm) = (None, false);
                Ok(())
            }
        }
    }

    /// S12: only the operator decides what is confirmed, and may change its mind until the verdict.
    fn wished(&mut self, outcome: Outcome) -> Result<(), Why> {
        let ours = match self.role {
            Role::Party(Party::Initiator) => &self.initiator,
            Role::Party(Party::Counterparty) => &self.counterparty,
            Role::Carrier => return Err(Why::WrongRole),
        };
        if let Business::Published { .. } = self.business {
            return Err(Why::PointOfNoReturn);
        }
        // Nobody can be paid more than there is.
        if outcome.to_counterparty > self.plan.deal.amount {
            return Err(Why::Foreign);
        }
        let said = ours.as_ref().is_some_and(|word| word.outcome == outcome);
        if self.wish == Some(outcome) || (self.wish.is_none() && said) {
            return Err(Why::Known);
        }
        (self.wish, self.asked.confirm) = (Some(outcome), false);
        Ok(())
    }

    /// The executor stopped trying: what is still due is asked for again, but for what cannot be done any more.
    fn failed(&mut self, purpose: Purpose, failure: &Failure) -> Result<(), Why> {
        let asked = match (purpose, self.escrow) {
            (Purpose::Approve, Escrow::Approving) | (Purpose::Open, Escrow::Opening) => {
                self.ended = Some(End::Abandoned(Reason::NotOpened(failure.clone())));
                return Ok(());
            }
            (Purpose::Approve | Purpose::Open, _) => return Err(Why::Known),
            // Not asked for again by itself: the operator may.
            (Purpose::Confirm, _) if self.asked.confirm => {
                (self.wish, self.asked.confirm) = (None, false);
                return Ok(());
            }
            (Purpose::Confirm, _) => return Err(Why::Known),
            (Purpose::Prove, _) => &mut self.asked.prove,
            (Purpose::Release, _) => &mut self.asked.release,
            (Purpose::Refund, _) => &mut self.asked.refund,
        };
        std::mem::take(asked).then_some(()).ok_or(Why::Known)
    }

    // -- what is due --

    /// S3, S12: signs what the operator has seen, while it can become final before the deadline.
    fn confirm(&mut self, now: &Now) -> Option<Effect> {
        let (Some(outcome), Role::Party(party)) = (self.wish, self.role) else {
            return None;
        };
        let deal = self.plan.deal;
        let start_before = Timestamp(deal.deadline.0.saturating_sub(self.plan.settle));
        if self.asked.confirm || now.of(deal.consortium).latest >= start_before {
            return None;
        }
        self.asked.confirm = true;
        Some(Effect::Confirm {
            deal,
            party,
            outcome,
            start_before,
        })
    }

    /// S9: the gateway is slow, paused or nobody's business: the verdict is proved by its slot.
    fn prove(&mut self, outcome: Outcome) -> Option<Effect> {
        let asked = std::mem::replace(&mut self.asked.prove, true);
        let deal = self.plan.deal;
        (!asked).then_some(Effect::Prove { deal, outcome })
    }

    /// S9: released with the signatures that the consortium shows.
    fn release(&mut self, outcome: Outcome) -> Option<Effect> {
        let signed = |word: &Option<Word>| {
            let word = word.as_ref().filter(|word| word.outcome == outcome);
            word.map(|word| word.signature.clone())
        };
        let (initiator, counterparty) = (signed(&self.initiator)?, signed(&self.counterparty)?);
        if self.asked.release {
            return None;
        }
        self.asked.release = true;
        Some(Effect::Release {
            deal: self.plan.deal,
            outcome,
            initiator,
            counterparty,
        })
    }

    /// S10: no verdict by the deadline, and none can come any more.
    fn refund(&mut self, now: &Now) -> Option<Effect> {
        let deal = self.plan.deal;
        let not_before = deal.deadline;
        // Every event of the consortium up to a block at or after the deadline was taken in.
        if self.asked.refund || now.of(deal.consortium).proven < not_before {
            return None;
        }
        self.asked.refund = true;
        Some(Effect::Refund { deal, not_before })
    }

    /// S11: how it ended, if it has.
    fn end(&self, now: &Now) -> Option<End> {
        let deal = &self.plan.deal;
        match self.escrow {
            Escrow::Released => Some(End::Released),
            Escrow::Refunded => Some(End::Refunded),
            Escrow::Open { .. } => None,
            // The escrow's own rule: no deal is opened after its deadline.
            Escrow::Approving | Escrow::Opening if now.of(deal.public).proven >= deal.deadline => {
                Some(End::Abandoned(Reason::NotOpened(Failure::Overdue)))
            }
            Escrow::Approving | Escrow::Opening => None,
        }
    }
}
