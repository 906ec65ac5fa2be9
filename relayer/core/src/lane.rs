//! One direction of a lane: what was appended on one chain and is not done on the other, and the deliveries that are
//! under way. Pure: no clock, no network. Rules M1..M17 are in docs/messages.md.
//!
//! A lane's state is not stored: it follows from the events of both chains, which are. What is stored is each
//! [`Effect`], before it is acted on. [`step`] takes an event in as a fact, then decides from all facts what to send.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use causeway_adapter_api::{ChainId, Height, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    batch::{self, Batch, Candidate, Decision, Load, Policy},
    client::{self, NoPath, View},
    swap::{Clock, Unexpected, Why},
};

/// Number of a lane, the same on both of its chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LaneId(pub u32);

impl std::fmt::Display for LaneId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// One direction of a lane. Its numbers run without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Way {
    /// Which lane.
    pub lane: LaneId,
    /// Where items are appended.
    pub from: ChainId,
    /// Where they are delivered.
    pub to: ChainId,
}

impl Way {
    /// The other direction of the same lane.
    pub const fn back(self) -> Self {
        Self {
            lane: self.lane,
            from: self.to,
            to: self.from,
        }
    }
}

/// Whether messages are executed in the order of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// M7: strictly the next one; one that is past its deadline counts as processed.
    Ordered,
    /// Any.
    Unordered,
}

/// What kind of item it is, as far as delivering it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Not executed after its deadline, by the clock of its destination.
    Message {
        /// The last second in which it is executed.
        deadline: Timestamp,
    },
    /// The result of a message; never too late.
    Ack,
}

/// An item of a lane, as a final block of its source shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Item {
    /// Its number on this way.
    pub index: u64,
    /// Its leaf in the lane's tree.
    pub leaf: B256,
    /// Message or acknowledgement.
    pub what: What,
    /// Bytes of its content.
    pub bytes: u32,
    /// Gas it may use at its destination, its share of the delivery included.
    pub gas: u64,
}

/// One direction of a lane as the relayer sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    /// Which.
    pub way: Way,
    /// In which order its messages are executed.
    pub order: Order,
    /// Items appended by [`Lane::tip`].
    pub appended: u64,
    /// The newest final block of the source all of whose events were taken in.
    pub tip: Height,
    /// Items under the newest root that the destination knows.
    pub known: u64,
    /// What is not done at the destination.
    pub open: BTreeMap<u64, Open>,
    /// Our deliveries under way.
    pub flights: Vec<Batch>,
    /// How often in a row deliveries of ours were refused: each halves the next one, so that an item that spoils its
    /// batch ends up alone.
    pub refused: u8,
}

/// An item that is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Open {
    /// The item.
    pub item: Item,
    /// When it was first seen here, in milliseconds.
    pub since_ms: u64,
    /// Not tried before, in milliseconds: alone, it was refused.
    pub not_before_ms: u64,
    /// How often it was refused alone.
    pub refused: u8,
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A final block of the source shows a new item.
    Appended(Item),
    /// All events of the source up to this final block were taken in.
    Tip(Height),
    /// A final block of the destination shows that a root with so many items is known there.
    Rooted(u64),
    /// A final block of the destination shows that this item is done: executed, kept as failed, acknowledged, or stepped
    /// over; or, on an unordered lane, a final block of the source shows that it was timed out.
    Done(u64),
    /// A delivery of ours ended without doing its items.
    Refused(Batch),
    /// Time passed.
    Tick,
}

impl Event {
    /// Its name in logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Appended(_) => "appended",
            Self::Tip(_) => "tip",
            Self::Rooted(_) => "rooted",
            Self::Done(_) => "done",
            Self::Refused(_) => "refused",
            Self::Tick => "tick",
        }
    }
}

/// One transaction, all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Deliver a range of items.
    Deliver {
        /// On which way.
        way: Way,
        /// Under the root of the tree with so many items.
        count: u64,
        /// Where that root is not known yet: the block of the source whose state proves it.
        prove: Option<Height>,
        /// The items.
        batch: Batch,
    },
}

/// One call of the transaction that a delivery is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Record a block in the destination's light client, or hand it over to the next set.
    Update(client::Step),
    /// Prove the lane's root out of the state of this recorded block.
    ProveRoot(Height),
    /// Deliver the range under the root of the tree with so many items.
    Deliver {
        /// Items in that tree.
        count: u64,
        /// The range.
        batch: Batch,
    },
}

/// What the relayer knows of time, for one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The destination's clock.
    pub to: Clock,
    /// Milliseconds of the local clock, for waiting only.
    pub ms: u64,
}

/// The calls that a delivery is made of, given what the destination's light client knows.
///
/// # Errors
/// [`NoPath`] when the light client cannot be brought to the block that proves the root.
pub fn calls(effect: &Effect, view: &View, now: Timestamp) -> Result<Vec<Call>, NoPath> {
    let Effect::Deliver {
        count,
        prove,
        batch,
        ..
    } = effect;
    let mut calls = Vec::new();
    if let Some(height) = *prove {
        let path = view.path(height, now)?;
        calls.extend(path.steps.into_iter().map(Call::Update));
        if !path.complete {
            // Too far behind for one transaction: the first part of the way alone.
            return Ok(calls);
        }
        calls.push(Call::ProveRoot(height));
    }
    let (count, batch) = (*count, batch.clone());
    calls.push(Call::Deliver { count, batch });
    Ok(calls)
}

/// Advances a lane by one observed event.
///
/// Total: an event that says nothing new returns `Err` and leaves the lane untouched. [`Event::Tick`] is always accepted.
///
/// # Errors
/// [`Unexpected`] names why the event changes nothing.
pub fn step(
    lane: &Lane,
    event: &Event,
    moment: &Moment,
    policy: &Policy,
) -> Result<(Lane, Vec<Effect>), Unexpected> {
    let mut next = lane.clone();
    next.observe(event, moment, policy)
        .map_err(|why| Unexpected {
            event: event.name(),
            why,
        })?;
    let effects = next.decide(moment, policy);
    Ok((next, effects))
}

/// When a [`Event::Tick`] may make the lane send, in milliseconds; `None` while only an event can.
pub fn wake(lane: &Lane, moment: &Moment, policy: &Policy) -> Option<u64> {
    let held = lane.open.values().map(|open| open.not_before_ms);
    let held = held.filter(|at| *at > moment.ms).min();
    let gathered = match lane.decision(moment, policy) {
        Decision::Wait { until_ms } => Some(until_ms),
        Decision::Nothing | Decision::Send(_) => None,
    };
    held.into_iter().chain(gathered).min()
}

impl Lane {
    /// A lane of which nothing is known yet.
    pub const fn new(way: Way, order: Order) -> Self {
        Self {
            way,
            order,
            appended: 0,
            tip: Height(0),
            known: 0,
            open: BTreeMap::new(),
            flights: Vec::new(),
            refused: 0,
        }
    }

    fn observe(&mut self, event: &Event, moment: &Moment, policy: &Policy) -> Result<(), Why> {
        match event {
            // V5: numbers run without gaps; an item out of turn is a reader's fault, not a fact.
            Event::Appended(item) if item.index == self.appended => {
                self.appended = self.appended.saturating_add(1);
                let open = Open {
                    item: *item,
                    since_ms: moment.ms,
                    not_before_ms: 0,
                    refused: 0,
                };
                self.open.insert(item.index, open);
                Ok(())
            }
            Event::Appended(item) if item.index < self.appended => Err(Why::Known),
            Event::Appended(_) => Err(Why::Foreign),
            Event::Tip(height) if *height > self.tip => {
                self.tip = *height;
                Ok(())
            }
            Event::Rooted(count) if *count > self.known => {
                self.known = *count;
                Ok(())
            }
            Event::Tip(_) | Event::Rooted(_) => Err(Why::Known),
            // M5: done by somebody else is done.
            Event::Done(index) => {
                if self.open.remove(index).is_none() {
                    return Err(Why::Known);
                }
                let open = &self.open;
                let before = self.flights.len();
                self.flights
                    .retain(|flight| flight.whole().any(|index| open.contains_key(&index)));
                if self.flights.len() < before {
                    self.refused = 0;
                }
                Ok(())
            }
            Event::Refused(batch) => self.refuse(batch, moment, policy),
            Event::Tick => Ok(()),
        }
    }

    /// Narrows down what spoils a delivery: half as many next time, and a single one pauses.
    fn refuse(&mut self, batch: &Batch, moment: &Moment, policy: &Policy) -> Result<(), Why> {
        let place = self.flights.iter().position(|flight| flight == batch);
        self.flights.remove(place.ok_or(Why::Known)?);
        let mut whole = batch.whole();
        if let (Some(alone), None) = (whole.next(), whole.next()) {
            if let Some(open) = self.open.get_mut(&alone) {
                let pause = policy
                    .linger_ms
                    .max(1)
                    .saturating_mul(1 << open.refused.min(MAX_PAUSE_SHIFT));
                open.refused = open.refused.saturating_add(1);
                open.not_before_ms = moment.ms.saturating_add(pause);
            }
            self.refused = 0;
        } else {
            self.refused = self.refused.saturating_add(1).min(MAX_HALVINGS);
        }
        Ok(())
    }

    fn decide(&mut self, moment: &Moment, policy: &Policy) -> Vec<Effect> {
        let mut effects = Vec::new();
        // INVARIANT: each round adds a flight, and `Load::Full` ends them.
        while let Decision::Send(batch) = self.decision(moment, policy) {
            let under_known = batch.end() <= self.known;
            let (count, prove) = if under_known {
                (self.known, None)
            } else {
                (self.appended, Some(self.tip))
            };
            self.flights.push(batch.clone());
            effects.push(Effect::Deliver {
                way: self.way,
                count,
                prove,
                batch,
            });
        }
        effects
    }

    fn decision(&self, moment: &Moment, policy: &Policy) -> Decision {
        let most = match self.order {
            Order::Ordered => 1,
            Order::Unordered => usize::from(policy.flights.max(1)),
        };
        let load = match self.flights.len() {
            0 => Load::Idle,
            n if n < most => Load::Busy,
            _ => Load::Full,
        };
        let halved = Policy {
            items: (policy.items >> self.refused).max(1),
            ..*policy
        };
        batch::decide(&halved, load, moment.ms, self.candidates(moment))
    }

    /// What could go now, in the order of the numbers.
    fn candidates(&self, moment: &Moment) -> Vec<Candidate> {
        let held = |open: &Open| open.not_before_ms > moment.ms;
        let flying = |index: u64| self.flights.iter().any(|flight| flight.carries(index));
        let ready = |open: &&Open| match self.order {
            // Strictly the next one: what waits behind a held item waits with it.
            Order::Ordered => true,
            Order::Unordered => !held(open) && !flying(open.item.index) && !open.expired(moment),
        };
        let go_on = |open: &&Open| self.order == Order::Unordered || !held(open);
        let ready = self.open.values().filter(ready).take_while(go_on);
        ready
            .take(MAX_CANDIDATES)
            .map(|open| open.candidate(moment))
            .collect()
    }
}

impl Open {
    /// It will not be executed any more, and on an unordered lane nobody waits for it: it is timed out instead.
    fn expired(&self, moment: &Moment) -> bool {
        matches!(self.item.what, What::Message { deadline } if moment.to.latest > deadline)
    }

    fn candidate(&self, moment: &Moment) -> Candidate {
        let left = match self.item.what {
            What::Message { deadline } => Some(deadline.since(moment.to.latest)),
            What::Ack => None,
        };
        Candidate {
            index: self.item.index,
            bytes: self.item.bytes,
            gas: self.item.gas,
            since_ms: self.since_ms,
            left,
        }
    }
}

/// The longest pause of a refused item is the linger time doubled so often.
const MAX_PAUSE_SHIFT: u8 = 10;

/// Halving so often makes a batch of any size a single item.
const MAX_HALVINGS: u8 = 15;

/// Items looked at for one delivery.
const MAX_CANDIDATES: usize = 1_024;

#[cfg(test)]
mod tests;
