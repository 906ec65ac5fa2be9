//! Rules T14..T18: completing for whoever is offline. A watchtower has no key of the parties and needs none: in the
//! public windows anyone may act, and only the party named in the lock is paid.

use causeway_adapter_api::{ChainId, Lock, LockId, Timestamp};

use super::types::*;

type Stepped = Result<(Watchtower, Vec<Effect>), Why>;

/// T14: a record that looks after its first lock.
pub(super) fn begin(first: Seen, accounts: Vec<Account>) -> Watchtower {
    Watchtower {
        hashlock: first.lock.hashlock,
        accounts,
        watched: vec![Watched::new(first)],
        preimage: None,
        ended: None,
    }
}

/// Whether preimage and time alone end this lock. One in parts, or with a judge of evidence, is not a watchtower's: its
/// plain claim or refund would be refused for ever.
pub(super) fn watchable(lock: &Lock) -> bool {
    lock.terms.parts == 1 && lock.terms.hook_flags == 0
}

/// One step of a watchtower.
pub(super) fn step(mut tower: Watchtower, event: &Event, now: &Now) -> Stepped {
    if tower.ended.is_some() {
        // T20: what has ended stays as it is.
        return Err(Why::Ended);
    }
    tower.observe(event)?;
    let effects = tower.decide(now);
    Ok((tower, effects))
}

/// Times that matter to a watchtower.
pub(super) fn wake(tower: &Watchtower) -> Vec<(ChainId, Timestamp)> {
    if tower.ended.is_some() {
        return Vec::new();
    }
    let times = |watched: &Watched| {
        let (chain, terms) = (watched.seen.chain, watched.seen.lock.terms);
        [
            (chain, terms.public_claim_at),
            (chain, terms.public_refund_at),
        ]
    };
    let last = tower.last_deadline();
    let over = tower.accounts.iter().map(|account| (account.chain, last));
    let open = tower.watched.iter().filter(|w| w.fate == Fate::Open);
    open.flat_map(times).chain(over).collect()
}

impl Watched {
    const fn new(seen: Seen) -> Self {
        Self {
            seen,
            fate: Fate::Open,
            claim: false,
            refund: false,
        }
    }
}

impl Watchtower {
    fn observe(&mut self, event: &Event) -> Result<(), Why> {
        match event {
            // T15: any lock under the hash is looked after, whoever made it.
            Event::Locked(seen) => self.add(*seen),
            Event::Claimed {
                chain,
                id,
                preimage,
            } => {
                if !opens(*preimage, self.hashlock) {
                    return Err(Why::WrongPreimage);
                }
                self.close(*chain, *id, Fate::Claimed)?;
                self.preimage = Some(*preimage);
                Ok(())
            }
            Event::Refunded { chain, id } => self.close(*chain, *id, Fate::Refunded),
            // A refund is asked for again with the next tick; a claim that came too late is not.
            Event::Failed {
                purpose: Purpose::Refund,
                id: Some(id),
                ..
            } => {
                let asked = |w: &&mut Watched| w.seen.id == *id && w.refund;
                self.watched
                    .iter_mut()
                    .find(asked)
                    .map(|w| w.refund = false)
                    .ok_or(Why::Known)
            }
            Event::Failed {
                purpose: Purpose::Carry,
                ..
            }
            | Event::Tick => Ok(()),
            Event::Failed { .. } | Event::Approved | Event::Cancel => Err(Why::WrongRole),
        }
    }

    fn decide(&mut self, now: &Now) -> Vec<Effect> {
        // T18: over when every lock is closed and every chain is past the last deadline. Not before: the chains are
        // read independently, and the lock that matters most may be read after the others are closed.
        let (closed, last) = (
            self.watched.iter().all(|w| w.fate != Fate::Open),
            self.last_deadline(),
        );
        if closed
            && self
                .accounts
                .iter()
                .all(|account| now.of(account.chain).proven >= last)
        {
            let claimed = self.watched.iter().any(|w| w.fate == Fate::Claimed);
            self.ended = Some(if claimed {
                Outcome::Completed
            } else {
                Outcome::Refunded
            });
            return Vec::new();
        }
        let (preimage, accounts) = (self.preimage, &self.accounts);
        let account = |chain| {
            accounts
                .iter()
                .find(|a| a.chain == chain)
                .map(|a| a.address)
        };
        let open = self.watched.iter_mut().filter(|w| w.fate == Fate::Open);
        open.filter_map(|w| w.due(preimage, now, account(w.seen.chain)?))
            .collect()
    }

    fn add(&mut self, seen: Seen) -> Result<(), Why> {
        if seen.lock.hashlock != self.hashlock || !watchable(&seen.lock) {
            return Err(Why::Foreign);
        }
        if self
            .watched
            .iter()
            .any(|w| w.seen.id == seen.id && w.seen.chain == seen.chain)
        {
            return Err(Why::Known);
        }
        if self.watched.len() >= MAX_WATCHED {
            return Err(Why::Full);
        }
        self.watched.push(Watched::new(seen));
        Ok(())
    }

    fn last_deadline(&self) -> Timestamp {
        let deadlines = self.watched.iter().map(|w| w.seen.lock.terms.refund_at);
        deadlines.max().unwrap_or_default()
    }

    fn close(&mut self, chain: ChainId, id: LockId, how: Fate) -> Result<(), Why> {
        let same = |w: &&mut Watched| w.seen.id == id && w.seen.chain == chain;
        let watched = self.watched.iter_mut().find(same).ok_or(Why::Foreign)?;
        if watched.fate != Fate::Open {
            return Err(Why::Known);
        }
        watched.fate = how;
        Ok(())
    }
}

impl Watched {
    fn due(
        &mut self,
        preimage: Option<alloy_primitives::B256>,
        now: &Now,
        account: alloy_primitives::Address,
    ) -> Option<Effect> {
        let (seen, terms) = (self.seen, self.seen.lock.terms);
        let proven = now.of(seen.chain).proven;
        // T16: the secret is public and so is the window.
        if let (Some(preimage), false) = (preimage, self.claim)
            && (terms.public_claim_at..terms.refund_at).contains(&proven)
        {
            self.claim = true;
            let (secret, purpose) = (Secret::Public(preimage), Purpose::Carry);
            return Some(Effect::Claim {
                seen,
                account,
                secret,
                start_before: None,
                purpose,
            });
        }
        // T17: nobody refunded in the private window.
        if !self.refund && proven >= terms.public_refund_at {
            self.refund = true;
            return Some(Effect::Refund { seen, account });
        }
        None
    }
}
