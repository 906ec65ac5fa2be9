//! The one task that owns all transfers in memory: every change of one goes through here, and through one commit.

use std::{collections::HashMap, sync::Arc};

use alloy_primitives::U256;
use causeway_adapter_api::{ChainId, Event as ChainEvent, EventKind, Height, LockId, Tip, Wanted};
use causeway_core::swap::{self, Effect, Event, Fate, Now, Purpose, Role, Seen, State, TransferId};
use tokio::sync::{broadcast, mpsc, oneshot};
use tracing::{debug, error, info};

use super::{DriveError, Shared, SwapRequest, lane::Closed};
use crate::store::{
    Change, Committed, Creation, CursorPath, EventKey, Fact, OrderChange, OrderId, OrderStatus,
    PersistPoint, Record, RecordKey, StepWrite, StoreError, TransitionRow,
};

mod discover;
mod start;

/// Where a sender learns that its message was taken in.
pub(super) type Reply<T> = oneshot::Sender<Result<T, DriveError>>;

/// What the router is told.
pub(super) enum Msg {
    /// Events of a chain up to, not including, `next`; with `tip` when that is all there is.
    Batch {
        chain: ChainId,
        path: CursorPath,
        events: Vec<ChainEvent>,
        next: Height,
        tip: Option<Tip>,
        reply: Reply<()>,
    },
    /// A rescan came to its end; the next one begins at `restart`.
    Rescanned {
        chain: ChainId,
        restart: Height,
        reply: Reply<()>,
    },
    /// An order is over.
    Closed {
        order: OrderId,
        key: RecordKey,
        purpose: Purpose,
        lock: Option<LockId>,
        closed: Closed,
        reply: Reply<()>,
    },
    /// The operator begins a swap.
    Start {
        request: SwapRequest,
        reply: Reply<TransferId>,
    },
    /// The operator wants the money back.
    Cancel { id: TransferId, reply: Reply<()> },
}

/// Owner of the transfers. Dropping it loses nothing: all of it is in the store.
pub(super) struct Router {
    shared: Arc<Shared>,
    news: broadcast::Sender<TransitionRow>,
    /// Transfers that have not ended.
    open: HashMap<RecordKey, Record>,
    /// The height up to which the stored live cursor may lag; re-reading is harmless.
    cursors: HashMap<ChainId, Height>,
}

impl Router {
    pub(super) async fn load(
        shared: Arc<Shared>,
        news: broadcast::Sender<TransitionRow>,
    ) -> Result<Self, DriveError> {
        shared.store.check_not_halted().await?;
        let open = shared.store.open_records().await?;
        info!(open = open.len(), "transfers taken up");
        let open = open
            .into_iter()
            .map(|record| (record.key, record))
            .collect();
        Ok(Self {
            shared,
            news,
            open,
            cursors: HashMap::new(),
        })
    }

    /// Works until the driver stops.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Msg>) {
        let stop = self.shared.stop.clone();
        while let Some(Some(message)) = stop.run_until_cancelled(inbox.recv()).await {
            if let Err(fatal) = self.handle(message).await {
                error!(error = %fatal, "the driver stops");
                stop.cancel();
            }
        }
    }

    /// Answers one message. Only what no later attempt can mend is returned as an error.
    async fn handle(&mut self, message: Msg) -> Result<(), StoreError> {
        match message {
            Msg::Batch {
                chain,
                path,
                events,
                next,
                tip,
                reply,
            } => {
                let done = self.batch(chain, path, events, next, tip).await;
                self.answer(done, reply).await
            }
            Msg::Rescanned {
                chain,
                restart,
                reply,
            } => {
                let cursor = Some((chain, CursorPath::Rescan, restart));
                let done = self
                    .commit(
                        PersistPoint::CursorMoved,
                        Change {
                            cursor,
                            ..Change::default()
                        },
                    )
                    .await;
                self.answer(done.map(drop), reply).await
            }
            Msg::Closed {
                order,
                key,
                purpose,
                lock,
                closed,
                reply,
            } => {
                let done = self.closed(order, key, purpose, lock, closed).await;
                self.answer(done, reply).await
            }
            Msg::Start { request, reply } => {
                let done = self.start(request).await;
                self.answer(done, reply).await
            }
            Msg::Cancel { id, reply } => {
                let done = self.cancel(id).await;
                self.answer(done, reply).await
            }
        }
    }

    async fn answer<T>(
        &mut self,
        done: Result<T, DriveError>,
        reply: Reply<T>,
    ) -> Result<(), StoreError> {
        let fatal = match &done {
            Err(DriveError::Store(StoreError::Injected(at))) => {
                Err(StoreError::Injected(at.clone()))
            }
            // Fails closed: the driver stops and does not start again.
            Err(DriveError::Store(StoreError::ChainChanged { .. })) => {
                self.shared.store.check_not_halted().await
            }
            // Another daemon writes to our database: what we hold in memory is no longer true.
            Err(DriveError::Store(StoreError::Conflict { .. })) => self.reload().await,
            _ => Ok(()),
        };
        let _ = reply.send(done);
        fatal
    }

    async fn reload(&mut self) -> Result<(), StoreError> {
        let open = self.shared.store.open_records().await?;
        self.open = open
            .into_iter()
            .map(|record| (record.key, record))
            .collect();
        Ok(())
    }

    /// Takes in events of a chain, then what time permits, then new locks.
    async fn batch(
        &mut self,
        chain: ChainId,
        path: CursorPath,
        events: Vec<ChainEvent>,
        next: Height,
        tip: Option<Tip>,
    ) -> Result<(), DriveError> {
        let busy = !events.is_empty();
        for event in &events {
            self.take_in(chain, event).await?;
        }
        let lag = self
            .cursors
            .get(&chain)
            .map_or(u64::MAX, |stored| next.0.saturating_sub(stored.0));
        if path == CursorPath::Rescan || busy || lag >= CURSOR_LAG {
            let cursor = Some((chain, path, next));
            self.commit(
                PersistPoint::CursorMoved,
                Change {
                    cursor,
                    ..Change::default()
                },
            )
            .await?;
            if path == CursorPath::Live {
                self.cursors.insert(chain, next);
            }
        }
        if let Some(tip) = tip {
            // Only now is every event up to the tip applied.
            self.shared.clocks.applied(chain, tip);
            self.tick(chain, tip).await?;
            self.knock_all(chain);
        }
        if self.shared.clocks.know(self.shared.chain_ids()) {
            self.discover().await?;
        }
        Ok(())
    }

    async fn take_in(&mut self, chain: ChainId, raw: &ChainEvent) -> Result<(), DriveError> {
        let Some((event, wanted)) = translate(chain, raw) else {
            return Ok(());
        };
        let hashlock = match &event {
            Event::Locked(seen) => Some(seen.lock.hashlock),
            Event::Claimed { id, .. } | Event::Refunded { id, .. } => {
                self.shared.store.hashlock_of(chain, *id).await?
            }
            _ => None,
        };
        let now = self.shared.clocks.now();
        let mut steps = Vec::new();
        if let Some(hashlock) = hashlock {
            for role in [Role::Initiator, Role::Counterparty, Role::Watchtower] {
                let key = RecordKey {
                    id: hashlock.into(),
                    role,
                };
                if role == Role::Watchtower && !self.worth_watching(&event) {
                    continue;
                }
                steps.extend(self.step(key, &event, &now));
            }
        }
        let key = EventKey {
            chain,
            height: raw.height,
            index: raw.index,
        };
        let fact = Some(Fact {
            key,
            block: raw.block,
            event,
            wanted,
        });
        self.commit(
            PersistPoint::EventApplied,
            Change {
                fact,
                steps,
                ..Change::default()
            },
        )
        .await?;
        Ok(())
    }

    /// Steps every transfer that waits for a time which `chain` has reached.
    async fn tick(&mut self, chain: ChainId, tip: Tip) -> Result<(), DriveError> {
        let due = |record: &&Record| {
            swap::wake(&record.state)
                .iter()
                .any(|(id, at)| *id == chain && *at <= tip.time)
        };
        let keys: Vec<RecordKey> = self
            .open
            .values()
            .filter(due)
            .map(|record| record.key)
            .collect();
        let now = self.shared.clocks.now();
        // Also what was ready while a chain had not told its time yet.
        let fresh = self
            .open
            .values()
            .filter(|record| record.state.stage() == swap::Stage::Waiting);
        let fresh: Vec<RecordKey> = fresh.map(|record| record.key).collect();
        for key in keys.into_iter().chain(fresh) {
            if let Some(step) = self.step(key, &Event::Tick, &now) {
                let change = Change {
                    steps: vec![step],
                    ..Change::default()
                };
                self.commit(PersistPoint::TransferStepped, change).await?;
            }
        }
        Ok(())
    }

    async fn closed(
        &mut self,
        order: OrderId,
        key: RecordKey,
        purpose: Purpose,
        id: Option<LockId>,
        closed: Closed,
    ) -> Result<(), DriveError> {
        let (status, event) = match closed {
            Closed::Done if purpose == Purpose::Approve => {
                (OrderStatus::Done, Some(Event::Approved))
            }
            // The chain itself tells of locks, claims and refunds.
            Closed::Done => (OrderStatus::Done, None),
            Closed::Failed(failure) => (
                OrderStatus::Failed,
                Some(Event::Failed {
                    purpose,
                    id,
                    failure,
                }),
            ),
        };
        let now = self.shared.clocks.now();
        let steps = event
            .and_then(|event| self.step(key, &event, &now))
            .into_iter()
            .collect();
        let order = Some(OrderChange { id: order, status });
        self.commit(
            PersistPoint::OrderClosed,
            Change {
                order,
                steps,
                ..Change::default()
            },
        )
        .await?;
        Ok(())
    }

    async fn cancel(&mut self, id: TransferId) -> Result<(), DriveError> {
        let ours = |role: &Role| self.open.contains_key(&RecordKey { id, role: *role });
        let role = [Role::Initiator, Role::Counterparty].into_iter().find(ours);
        let key = RecordKey {
            id,
            role: role.ok_or(DriveError::PeerUnknownTransfer(id))?,
        };
        let Some(record) = self.open.get(&key) else {
            return Err(DriveError::PeerUnknownTransfer(id));
        };
        let now = self.shared.clocks.now();
        let (state, effects) = swap::step(&record.state, &Event::Cancel, &now)
            .map_err(|source| DriveError::PeerNotNow { id, source })?;
        let step = StepWrite {
            key,
            from: record.revision,
            event: Event::Cancel,
            state,
            effects,
        };
        let change = Change {
            steps: vec![step],
            ..Change::default()
        };
        self.commit(PersistPoint::TransferStepped, change)
            .await
            .map(drop)
    }

    // -- helpers --

    /// One step of one transfer, `None` when the event changes nothing.
    fn step(&self, key: RecordKey, event: &Event, now: &Now) -> Option<StepWrite> {
        let record = self.open.get(&key)?;
        match swap::step(&record.state, event, now) {
            Ok((state, effects)) if state == record.state && effects.is_empty() => None,
            Ok((state, effects)) => Some(StepWrite {
                key,
                from: record.revision,
                event: event.clone(),
                state,
                effects,
            }),
            Err(unexpected) => {
                debug!(transfer_id = %key.id, role = %key.role, %unexpected, "event ignored");
                None
            }
        }
    }

    /// A lock whose deposit does not pay for completing it is not watched.
    fn worth_watching(&self, event: &Event) -> bool {
        match (event, &self.shared.config.watchtower) {
            (Event::Locked(seen), Some(tower)) => {
                swap::watchable(&seen.lock) && seen.lock.deposit >= tower.min_deposit
            }
            (Event::Locked(_), None) => false,
            _ => true,
        }
    }

    /// Writes a change, then takes it over in memory, tells who listens and wakes who has work.
    async fn commit(
        &mut self,
        point: PersistPoint,
        change: Change,
    ) -> Result<Committed, DriveError> {
        let at = self.shared.clocks.seconds();
        let committed = self.shared.store.commit(point, &change, at).await?;
        if committed == Committed::SeenBefore {
            return Ok(committed);
        }
        for Creation { state, effects, .. } in change.create {
            let key = RecordKey::from(&state);
            let record = Record {
                key,
                state,
                revision: 0,
                created_at: at,
                updated_at: at,
            };
            self.take_over(record, None, effects);
        }
        for StepWrite {
            key,
            from,
            event,
            state,
            effects,
        } in change.steps
        {
            let created_at = self.open.get(&key).map_or(at, |record| record.created_at);
            let record = Record {
                key,
                state,
                revision: from.saturating_add(1),
                created_at,
                updated_at: at,
            };
            self.take_over(record, Some(event), effects);
        }
        Ok(committed)
    }

    fn take_over(&mut self, record: Record, event: Option<Event>, effects: Vec<Effect>) {
        let (key, stage) = (record.key, record.state.stage());
        info!(
            transfer_id = %key.id, role = %key.role, ?stage, event = event.as_ref().map_or("begun", Event::name),
            "transfer stepped",
        );
        for account in effects.iter().map(Effect::account) {
            let Ok(linked) = self.shared.linked(account.chain) else {
                continue;
            };
            let lanes = linked
                .lanes
                .iter()
                .filter(|lane| lane.account == account.address);
            lanes.for_each(|lane| lane.knock.notify_one());
        }
        let stage = format!("{stage:?}").to_lowercase();
        let row = TransitionRow {
            key,
            seq: record.revision,
            event,
            effects,
            stage,
            at: record.updated_at,
        };
        let _ = self.news.send(row);
        if record.state.outcome().is_some() {
            self.open.remove(&key);
        } else {
            self.open.insert(key, record);
        }
    }

    fn knock_all(&self, chain: ChainId) {
        if let Ok(linked) = self.shared.linked(chain) {
            linked.lanes.iter().for_each(|lane| lane.knock.notify_one());
        }
    }
}

/// The same event in the words of the state machine. Locks in parts take no part in swaps.
fn translate(chain: ChainId, event: &ChainEvent) -> Option<(Event, Option<Wanted>)> {
    let id = event.lock_id;
    match &event.kind {
        EventKind::Locked { lock, wanted } => Some((
            Event::Locked(Seen {
                chain,
                id,
                lock: *lock,
            }),
            *wanted,
        )),
        EventKind::Claimed { preimage, .. } => {
            let preimage = (*preimage.expose()).into();
            Some((
                Event::Claimed {
                    chain,
                    id,
                    preimage,
                },
                None,
            ))
        }
        EventKind::Refunded { .. } => Some((Event::Refunded { chain, id }, None)),
        EventKind::PartClaimed { .. } => None,
    }
}

/// A lock as facts, in the order in which its chain showed them.
fn facts(known: &crate::store::KnownLock) -> Vec<Event> {
    let Seen { chain, id, .. } = known.seen;
    let mut facts = vec![Event::Locked(known.seen)];
    match (known.fate, known.preimage) {
        (Fate::Claimed, Some(preimage)) => facts.push(Event::Claimed {
            chain,
            id,
            preimage,
        }),
        (Fate::Refunded, _) => facts.push(Event::Refunded { chain, id }),
        _ => {}
    }
    facts
}

/// Applies facts to a state that was just made; those that say nothing new are skipped.
fn replay(
    mut state: State,
    mut effects: Vec<Effect>,
    facts: &[Event],
    now: &Now,
) -> (State, Vec<Effect>) {
    for fact in facts {
        if let Ok((next, more)) = swap::step(&state, fact, now) {
            state = next;
            effects.extend(more);
        }
    }
    (state, effects)
}

/// Wants nothing that any lock can give: for a lock of ours of which nobody knows what it was for.
fn nothing_wanted(own: &Seen) -> Wanted {
    Wanted {
        chain: own.chain,
        asset: own.lock.asset,
        amount: U256::MAX,
        recipient: own.lock.sender,
    }
}

/// Blocks the stored cursor may lag behind while nothing happens.
const CURSOR_LAG: u64 = 64;
