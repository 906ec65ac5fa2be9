//! From effects of the peg to transactions.

use alloy_primitives::{Address, U256};
use causeway_adapter_api::{Checkpoint, LockState, Timestamp};
use causeway_contracts::peg::{LOCKS_SLOT, TRANSFERS_SLOT, mapping_slot};
use causeway_core::peg::{
    Destination, Effect, Failure, Fate, Origin, Port, Promise, Role, Route, Secret, Seen, State,
};

use super::{PegPort, PegSite, Pegs, abi};
use crate::{
    crossing::{Act, Belief, CrossingError, Ground, Ordered, Question, Wish},
    store::{Allowed, RelayCall},
};

impl Pegs {
    /// What to do about an effect, given what the chains say by now.
    pub(super) async fn acted(
        &self,
        ground: &Ground,
        site: &PegSite,
        state: &State,
        wish: &Wish<Effect>,
    ) -> Result<Act, CrossingError> {
        let (origin, destination) = site.way(state.plan.route.kind);
        let desk = Desk {
            ground,
            state,
            wish,
            origin,
            destination,
        };
        match &wish.effect {
            // P2: neither is sent from `lock_by` on.
            Effect::Approve {
                token,
                spender,
                amount,
                not_after,
                ..
            } => Ok(desk.approve(*token, (*spender, *amount), *not_after)),
            Effect::Lock {
                route,
                promise,
                not_after,
                ..
            } => desk.lock(route, promise, *not_after).await,
            // P3.
            Effect::Open {
                seen,
                promise,
                from,
                not_after,
                ..
            } => {
                let late = wish.now.of(destination.chain).latest >= *not_after;
                if state.destination != Destination::Absent || desk.fate() != Some(Fate::Open) {
                    return Ok(Act::Moot);
                }
                if late {
                    return Ok(Act::Fail(desk.overdue()));
                }
                let open = Proved {
                    enough: &|block| block.height >= *from,
                    lock_is: OPEN,
                    not_after: Some(*not_after),
                };
                desk.open(seen, promise, &open).await
            }
            // P8.
            Effect::OpenPaid { seen, promise, .. } => {
                if !desk.owes() {
                    return Ok(Act::Moot);
                }
                let claimed = Proved {
                    enough: &|_| true,
                    lock_is: CLAIMED,
                    not_after: None,
                };
                desk.open(seen, promise, &claimed).await
            }
            Effect::Claim {
                seen,
                secret,
                start_before,
                ..
            } => desk.claim(seen, *secret, *start_before),
            // P7: no deadline.
            Effect::Collect { seen, preimage } => {
                if desk.fate() != Some(Fate::Open) {
                    return Ok(Act::Moot);
                }
                let data = abi::collect(origin.chain, &seen.lock, *preimage)?;
                Ok(Ordered::call(origin.chain, origin.account, origin.port, data).into())
            }
            Effect::Refund {
                seen, not_before, ..
            } => desk.refund(self, seen, *not_before).await,
        }
    }
}

/// One effect with what is known around it.
struct Desk<'a> {
    ground: &'a Ground,
    state: &'a State,
    wish: &'a Wish<Effect>,
    origin: &'a PegPort,
    destination: &'a PegPort,
}

/// What a proof of the lock must show.
struct Proved<'a> {
    enough: &'a (dyn Fn(&Checkpoint) -> bool + Sync),
    lock_is: u8,
    not_after: Option<Timestamp>,
}

impl Desk<'_> {
    fn approve(
        &self,
        token: Address,
        (spender, at_least): (Address, U256),
        not_after: Timestamp,
    ) -> Act {
        if self.state.origin != Origin::Approving {
            return Act::Moot;
        }
        if self.late(self.origin, not_after) {
            return Act::Fail(self.overdue());
        }
        let call = RelayCall {
            to: token,
            allows: Some(Allowed { spender, at_least }),
            not_after: Some(not_after),
            ..RelayCall::default()
        };
        self.by_sender(call)
    }

    async fn lock(
        &self,
        route: &Route,
        promise: &Promise,
        not_after: Timestamp,
    ) -> Result<Act, CrossingError> {
        let lock = &self.state.plan.give.lock;
        if self.state.origin != Origin::Locking {
            return Ok(Act::Moot);
        }
        // An order that was given up may have got there: the chain's event follows.
        let chain = self.ground.chain(self.origin.chain)?;
        if chain.lock_state(lock.id()?).await? != LockState::Unknown {
            return Ok(Act::Moot);
        }
        if self.late(self.origin, not_after) {
            return Ok(Act::Fail(self.overdue()));
        }
        Ok(self.by_sender(RelayCall {
            to: self.origin.locks,
            data: abi::lock(self.origin.chain, lock, route, promise)?,
            value: lock.attached()?,
            not_after: Some(not_after),
            ..RelayCall::default()
        }))
    }

    /// P3, P8: opens, or marks paid, by a checkpoint that shows the lock as it must be.
    async fn open(
        &self,
        seen: &Seen,
        promise: &Promise,
        proved: &Proved<'_>,
    ) -> Result<Act, CrossingError> {
        if self.state.port == Port::Paused {
            return Ok(Act::NotYet);
        }
        let belief = Belief {
            of: self.origin.chain,
            on: self.destination.chain,
            client: self.destination.client,
            account: self.destination.account,
        };
        let question = Question {
            account: self.origin.locks,
            slot: mapping_slot(seen.id.0, LOCKS_SLOT),
            enough: proved.enough,
            holds: &|value| top_byte(value) == proved.lock_is,
        };
        let Some(evidence) = self.ground.evidence(&belief, &question).await? else {
            return Ok(Act::NotYet);
        };
        let height = evidence.checkpoint.height;
        let to = self.destination;
        let data = abi::open(to.chain, &seen.lock, promise, evidence)?;
        let mut ordered = Ordered::call(to.chain, to.account, to.port, data);
        ordered.call.not_after = proved.not_after;
        ordered.proved_at = Some(height);
        Ok(ordered.into())
    }

    /// P5, P7, P8: pays the recipient.
    fn claim(
        &self,
        seen: &Seen,
        secret: Secret,
        start_before: Option<Timestamp>,
    ) -> Result<Act, CrossingError> {
        let Destination::Opened { paid, .. } = self.state.destination else {
            return Ok(Act::Moot);
        };
        let clock = self.wish.now.of(self.destination.chain);
        let begun = self.wish.exposed && secret == Secret::Own;
        let over = match start_before.filter(|_| !paid) {
            None => false,
            // P5: once sent it is pursued until the port takes it no more.
            Some(_) if begun => clock.proven >= self.state.t(),
            Some(at) => clock.latest >= at,
        };
        if over {
            return Ok(Act::Fail(self.overdue()));
        }
        if self.state.port == Port::Paused {
            return Ok(Act::NotYet);
        }
        let to = self.destination;
        let (data, reveals) = match secret {
            Secret::Own => (
                abi::claim_without_secret(to.chain, &seen.lock)?,
                Some(self.state.id()),
            ),
            Secret::Public(preimage) => (abi::claim(to.chain, &seen.lock, preimage)?, None),
        };
        let mut ordered = Ordered::call(to.chain, to.account, to.port, data);
        ordered.call.reveals = reveals;
        ordered.call.start_before = start_before.filter(|_| !paid && !begun);
        Ok(ordered.into())
    }

    /// P10: back to the sender, by a block of the destination at or past `T` that shows nothing paid.
    async fn refund(
        &self,
        pegs: &Pegs,
        seen: &Seen,
        not_before: Timestamp,
    ) -> Result<Act, CrossingError> {
        let paid = self.state.destination == Destination::Claimed;
        if self.fate() != Some(Fate::Open) || paid {
            return Ok(Act::Moot);
        }
        let belief = Belief {
            of: self.destination.chain,
            on: self.origin.chain,
            client: self.origin.client,
            account: self.origin.account,
        };
        let question = Question {
            account: self.destination.port,
            slot: mapping_slot(seen.id.0, TRANSFERS_SLOT),
            enough: &|block| block.time >= not_before,
            holds: &|value| top_byte(value) != CLAIMED,
        };
        let Some(evidence) = self.ground.evidence(&belief, &question).await? else {
            return Ok(Act::NotYet);
        };
        let height = evidence.checkpoint.height;
        let from = self.origin;
        let data = abi::refund(from.chain, &seen.lock, evidence)?;
        // Before `publicRefundAt` only the sender may.
        let sender = seen.lock.sender;
        let own = matches!(self.state.role, Role::User { .. });
        let account = if own && pegs.is_ours(from.chain, sender) {
            sender
        } else {
            from.account
        };
        let mut ordered = Ordered::call(from.chain, account, from.locks, data);
        ordered.proved_at = Some(height);
        Ok(ordered.into())
    }

    // -- helpers --

    fn by_sender(&self, call: RelayCall) -> Act {
        let ordered = Ordered {
            chain: self.origin.chain,
            account: self.state.plan.give.lock.sender,
            call,
            proved_at: None,
        };
        ordered.into()
    }

    fn late(&self, end: &PegPort, not_after: Timestamp) -> bool {
        self.wish.now.of(end.chain).latest >= not_after
    }

    const fn overdue(&self) -> Failure {
        if self.wish.exposed {
            Failure::Overdue
        } else {
            Failure::NeverSent
        }
    }

    const fn fate(&self) -> Option<Fate> {
        match self.state.origin {
            Origin::Placed { fate, .. } => Some(fate),
            Origin::Approving | Origin::Locking => None,
        }
    }

    /// Whether the destination does not know yet that the lock was collected.
    const fn owes(&self) -> bool {
        match self.state.destination {
            Destination::Absent | Destination::Opened { paid: false, .. } => true,
            Destination::Opened { paid: true, .. } | Destination::Claimed => false,
        }
    }
}

/// States of locks and of ids lie in the top byte of their slots.
fn top_byte(value: U256) -> u8 {
    value.byte(31)
}

/// A lock that holds the money; an id that is opened.
const OPEN: u8 = 1;
/// A lock that was claimed; an id that was paid.
const CLAIMED: u8 = 2;
