//! Reads one chain into its segment, and takes acts.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall as _;
use causeway_adapter_api::{ChainError, Height, HeightRange, RawLog, Tip};
use causeway_contracts::{Gateway, HashTimeLock};
use causeway_core::{
    lane::LaneId,
    log::{ACTS, Act, Body, Lanes},
};
use tokio::sync::{Mutex, mpsc};
use tracing::{debug, warn};

use super::{LogError, LoggedChain, Shared, kind_name, segment::Segment};
use crate::{
    alarms::Rule,
    metrics,
    store::{LogRow, NewEntry, SegmentRow, StoreError},
};

/// From when on a lock or a refund is worth an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Large {
    /// A lock of at least so much, in smallest units of its asset.
    pub value: U256,
    /// So many refunds of one sender ...
    pub refunds: usize,
    /// ... within so many seconds.
    pub within: u64,
}

impl Default for Large {
    fn default() -> Self {
        Self {
            value: U256::from(10).pow(U256::from(21)),
            refunds: 5,
            within: 3_600,
        }
    }
}

/// Reads one chain. What it keeps in memory only spares work.
pub(super) struct Reader {
    shared: Arc<Shared>,
    chain: LoggedChain,
    /// Seconds of the newest refunds of each sender, at most `large.refunds` each.
    refunds: BTreeMap<Address, VecDeque<u64>>,
    /// Who made the newest locks.
    senders: BTreeMap<B256, Address>,
}

impl Reader {
    pub(super) const fn new(shared: Arc<Shared>, chain: LoggedChain) -> Self {
        Self {
            shared,
            chain,
            refunds: BTreeMap::new(),
            senders: BTreeMap::new(),
        }
    }

    /// Works until the daemon stops.
    pub(super) async fn run(mut self) {
        let stop = self.shared.stop.clone();
        let mut last = None;
        loop {
            let pause = match stop.run_until_cancelled(self.round(last)).await {
                None | Some(Err(LogError::Store(StoreError::Injected(_)))) => return,
                Some(Ok(tip)) => {
                    last = Some(tip.height);
                    continue;
                }
                Some(Err(error)) => self.failed(&error).await,
            };
            let slept = stop.run_until_cancelled(tokio::time::sleep(pause)).await;
            if slept.is_none() {
                return;
            }
            // After an error: look at once, not at the next block.
            last = None;
        }
    }

    async fn round(&mut self, last: Option<Height>) -> Result<Tip, LogError> {
        let shared = Arc::clone(&self.shared);
        let chain = shared.chain(self.chain.id)?;
        let tip = match last {
            None => chain.finalized().await?,
            Some(height) => match chain.finalized_after(height).await {
                Err(ChainError::Timeout { .. }) => chain.finalized().await?,
                tip => tip?,
            },
        };
        self.look_at_age(tip);
        self.read_to(tip).await?;
        Ok(tip)
    }

    /// What an error is to those who watch, and how long to wait after it.
    async fn failed(&self, error: &LogError) -> Duration {
        let (alarms, name) = (&self.shared.alarms, &self.chain.name);
        match error {
            LogError::NodeGap { gap, .. } => {
                let subject = format!("{name}/{}", gap.lane);
                warn!(chain = name, %error, "an event is withheld");
                alarms.raise(Rule::Gap, subject, error.to_string());
                metrics::log_gap(name, true);
            }
            LogError::Broken(broken) => {
                let subject = self.chain.id.to_string();
                alarms.raise(Rule::LogTampered, subject, broken.to_string());
                return BROKEN;
            }
            LogError::Chain(_) => {
                debug!(chain = name, %error, "chain not read for the event log");
                alarms.raise(Rule::Stale, name.clone(), error.to_string());
            }
            _ => warn!(chain = name, %error, "chain not read for the event log"),
        }
        RETRY
    }

    /// Old news from a chain is an alarm, new ones end it.
    fn look_at_age(&self, tip: Tip) {
        let age = self.shared.config.wall.seconds().saturating_sub(tip.time.0);
        let (name, alarms) = (&self.chain.name, &self.shared.alarms);
        if age > self.chain.stale_after {
            let text = format!("the newest final block of {name} is {age} s old");
            alarms.raise(Rule::Stale, name.clone(), text);
        } else {
            alarms.clear(Rule::Stale, name.clone());
        }
    }

    /// Reads up to a final block. The segment is held while it is written alone, never while a node is asked.
    async fn read_to(&mut self, tip: Tip) -> Result<(), LogError> {
        let shared = Arc::clone(&self.shared);
        let chain = shared.chain(self.chain.id)?;
        let slot = shared.segments.get(&self.chain.id.0);
        let slot = slot.ok_or(LogError::PeerNoSegment(self.chain.id.0))?;
        let mut next = {
            let mut segment = slot.lock().await;
            if segment.stale {
                *segment = Segment::load(&shared.store, self.chain.id.0, self.chain.start).await?;
            }
            segment.read.next
        };
        let mut width = shared.config.max_range.max(1);
        while next <= tip.height {
            let to = Height(next.0.saturating_add(width - 1).min(tip.height.0));
            let range = HeightRange { from: next, to };
            let logs = match chain.logs(&self.chain.contracts, range).await {
                Ok(logs) => logs,
                Err(ChainError::RangeTooWide { max, .. }) if width > 1 => {
                    width = max.clamp(1, width - 1);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if let Err(error) = self.take(slot, &logs, to, to == tip.height).await {
                if let LogError::NodeGap { .. } = &error {
                    self.take_back(&mut *slot.lock().await).await?;
                }
                return Err(error);
            }
            self.watch(&logs);
            next = to.next();
        }
        let segment = slot.lock().await;
        for (_, lane, _) in segment.lanes.iter() {
            let subject = format!("{}/{lane}", self.chain.name);
            shared.alarms.clear(Rule::Gap, subject);
        }
        metrics::log_gap(&self.chain.name, false);
        metrics::log_segment(&self.chain.name, segment.follower.len(), tip.height.0);
        Ok(())
    }

    /// One range of blocks. Nothing of it is taken while a number is missing.
    async fn take(
        &self,
        slot: &Mutex<Segment>,
        logs: &[RawLog],
        to: Height,
        counted: bool,
    ) -> Result<(), LogError> {
        let gap = |gap| LogError::NodeGap {
            chain: self.chain.id,
            height: to.0,
            gap,
        };
        let lanes = slot.lock().await.lanes_with(logs).map_err(gap)?;
        if counted {
            for (gateway, lane, count) in self.counts(&lanes, to).await? {
                lanes.check(gateway, lane, count).map_err(gap)?;
            }
        }
        // This reader alone appends to its segment; in between it may have been found broken.
        let mut segment = slot.lock().await;
        if let Some(broken) = &segment.broken {
            return Err(broken.clone().into());
        }
        let quiet = logs.is_empty() && !to.0.is_multiple_of(QUIET);
        let size = segment.follower.len() + logs.len() as u64;
        let read = SegmentRow {
            next: to.next(),
            verified: if counted { to } else { segment.read.verified },
            size: if counted { size } else { segment.read.size },
        };
        if quiet && counted && segment.read.size == size {
            // Nothing happened in a few blocks: not worth a write.
            segment.read = read;
            return Ok(());
        }
        let entries = segment.append_logs(logs)?;
        segment.lanes = lanes;
        // Until it is known to be stored.
        segment.stale = true;
        self.shared.store(&mut segment, entries, Some(read)).await?;
        segment.read = read;
        Ok(())
    }

    /// What the gateways count at a height, for every lane that is known.
    async fn counts(
        &self,
        lanes: &Lanes,
        at: Height,
    ) -> Result<Vec<(Address, LaneId, u64)>, LogError> {
        let chain = self.shared.chain(self.chain.id)?;
        let mut counts = Vec::new();
        for (gateway, lane) in self.lanes(lanes) {
            let data = Gateway::outboundCall { lane: lane.0 }.abi_encode();
            let answer = match chain.call(gateway, data.into(), at).await {
                Ok(answer) => answer,
                // Before the gateway was deployed there is nothing to count.
                Err(ChainError::Reverted { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            if answer.is_empty() {
                continue;
            }
            let counted = Gateway::outboundCall::abi_decode_returns(&answer);
            let counted = counted.map_err(|_| LogError::NodeMalformed {
                chain: self.chain.id,
                call: "outbound(lane)",
            })?;
            counts.push((gateway, lane, counted.count));
        }
        Ok(counts)
    }

    /// Every lane that was opened, and the first few in case that very event is withheld.
    fn lanes(&self, lanes: &Lanes) -> Vec<(Address, LaneId)> {
        let known = lanes.iter().map(|(gateway, lane, _)| (gateway, lane));
        let usual = self.chain.gateways.iter().flat_map(|gateway| {
            let usual = [
                crate::contracts::UNORDERED_LANE,
                crate::contracts::ORDERED_LANE,
            ];
            usual.map(|lane| (*gateway, LaneId(lane)))
        });
        let mut all: Vec<(Address, LaneId)> = known.chain(usual).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Reads again from the last height at which every lane was counted: what is missing lies above it.
    async fn take_back(&self, segment: &mut Segment) -> Result<(), LogError> {
        let to = SegmentRow {
            next: segment.read.verified.next().max(self.chain.start),
            ..segment.read
        };
        if segment.follower.len() > segment.read.size {
            self.shared.store.truncate_log(segment.id, to).await?;
            segment.stale = true;
        }
        segment.read = to;
        Ok(())
    }

    /// Rules about single events.
    fn watch(&mut self, logs: &[RawLog]) {
        use alloy_sol_types::SolEvent as _;
        let (alarms, large, name) = (
            &self.shared.alarms,
            self.shared.config.large,
            &self.chain.name,
        );
        // What is read again from long ago is not news.
        let now = self.shared.config.wall.seconds();
        let news = logs
            .iter()
            .filter(|log| now.saturating_sub(log.time.0) < large.within);
        for log in news {
            let raw = alloy_primitives::Log::new(log.address, log.topics.clone(), log.data.clone());
            let Some(raw) = raw else { continue };
            if let Ok(locked) = HashTimeLock::Locked::decode_log(&raw) {
                self.senders.insert(locked.id, locked.lock.sender);
                if locked.lock.amount >= large.value {
                    let text = format!(
                        "lock {} of {} units by {} on {name}",
                        locked.id, locked.lock.amount, locked.lock.sender
                    );
                    alarms.raise(Rule::LargeValue, format!("{name}/{}", locked.id), text);
                }
            } else if let Ok(refunded) = HashTimeLock::Refunded::decode_log(&raw) {
                // Of an old lock only who sent the refund is known.
                let by = self.senders.remove(&refunded.id).unwrap_or(refunded.by);
                let times = self.refunds.entry(by).or_default();
                times.push_back(log.time.0);
                while times.len() > large.refunds {
                    times.pop_front();
                }
                let first = times.front().copied().unwrap_or_default();
                if times.len() >= large.refunds && log.time.0.saturating_sub(first) <= large.within
                {
                    let text = format!(
                        "{} refunds to {by} on {name} within {} s",
                        large.refunds, large.within
                    );
                    alarms.raise(Rule::RepeatedRefund, format!("{name}/{by}"), text);
                }
            }
        }
        if self.refunds.len() > SENDERS {
            self.refunds.clear();
        }
        if self.senders.len() > SENDERS {
            self.senders.clear();
        }
    }
}

/// Takes acts until the daemon stops, then those that wait.
pub(super) async fn acts(shared: Arc<Shared>, mut taken: mpsc::Receiver<Act>) {
    let stop = shared.stop.clone();
    let mut batch = Vec::new();
    loop {
        let got = stop
            .run_until_cancelled(taken.recv_many(&mut batch, BATCH))
            .await;
        let over = got.is_none();
        if over {
            while let Ok(act) = taken.try_recv() {
                batch.push(act);
            }
        } else if batch.is_empty() {
            return;
        }
        while !batch.is_empty() {
            match shared.append_acts(&batch).await {
                Ok(()) => batch.clear(),
                Err(LogError::Store(StoreError::Injected(_)) | LogError::Broken(_)) => return,
                Err(error) if over => {
                    warn!(%error, lost = batch.len(), "acts not in the log");
                    return;
                }
                Err(error) => {
                    warn!(%error, "acts not in the log, trying again");
                    let pause = tokio::time::sleep(RETRY);
                    if stop.run_until_cancelled(pause).await.is_none() {
                        break;
                    }
                }
            }
        }
        if over {
            return;
        }
    }
}

/// Puts every order of this daemon into the log, exactly once: how far they were read is stored with them.
pub(super) async fn orders(shared: Arc<Shared>) {
    let stop = shared.stop.clone();
    loop {
        match stop.run_until_cancelled(shared.append_orders()).await {
            None | Some(Err(LogError::Store(StoreError::Injected(_)))) => return,
            Some(Ok(BATCH)) => continue,
            Some(Ok(_)) => {}
            Some(Err(LogError::Broken(_))) => return,
            Some(Err(error)) => warn!(%error, "orders not in the log, trying again"),
        }
        if stop
            .run_until_cancelled(tokio::time::sleep(RETRY))
            .await
            .is_none()
        {
            return;
        }
    }
}

impl Shared {
    /// Appends the next orders; returns how many there were.
    async fn append_orders(&self) -> Result<usize, LogError> {
        let slot = self
            .segments
            .get(&ACTS)
            .ok_or(LogError::PeerNoSegment(ACTS))?;
        let mut segment = slot.lock().await;
        if segment.stale {
            *segment = Segment::load(&self.store, ACTS, Height(0)).await?;
        }
        if let Some(broken) = &segment.broken {
            return Err(broken.clone().into());
        }
        // The segment of acts reads no chain: its cursor counts orders.
        let orders = self
            .store
            .orders_from(segment.read.next.0, BATCH as u32)
            .await?;
        let Some((last, _)) = orders.last() else {
            return Ok(0);
        };
        let read = SegmentRow {
            next: Height(last + 1),
            ..segment.read
        };
        let at = self.config.wall.seconds();
        let mut entries = Vec::with_capacity(orders.len());
        let count = orders.len();
        for (_, act) in orders {
            if matches!(&act, Act::Ordered { task, .. } if task == super::anchor::TASK) {
                continue;
            }
            let body = Body::Act(act);
            let kind = kind_name(&body);
            let (entry, bytes) = segment.follower.append(at, body)?;
            entries.push(NewEntry { entry, kind, bytes });
        }
        segment.stale = true;
        self.store(&mut segment, entries, Some(read)).await?;
        segment.read = read;
        Ok(count)
    }

    async fn append_acts(&self, acts: &[Act]) -> Result<(), LogError> {
        let slot = self
            .segments
            .get(&ACTS)
            .ok_or(LogError::PeerNoSegment(ACTS))?;
        let mut segment = slot.lock().await;
        if segment.stale {
            *segment = Segment::load(&self.store, ACTS, Height(0)).await?;
        }
        if let Some(broken) = &segment.broken {
            return Err(broken.clone().into());
        }
        let at = self.config.wall.seconds();
        let mut entries = Vec::with_capacity(acts.len());
        for act in acts {
            let body = Body::Act(act.clone());
            let kind = kind_name(&body);
            let (entry, bytes) = segment.follower.append(at, body)?;
            entries.push(NewEntry { entry, kind, bytes });
        }
        segment.stale = true;
        self.store(&mut segment, entries, None).await
    }

    /// Stores entries that a segment has in memory already, and tells those who follow.
    async fn store(
        &self,
        segment: &mut Segment,
        entries: Vec<NewEntry>,
        read: Option<SegmentRow>,
    ) -> Result<(), LogError> {
        let numbers = self.store.append_log(segment.id, &entries, read).await?;
        segment.stale = false;
        metrics::log_entries(segment.id, entries.len());
        let rows = entries.into_iter().zip(numbers).map(|(new, seq)| LogRow {
            seq,
            entry: new.entry,
            kind: new.kind,
            bytes: new.bytes.into(),
        });
        self.publish(rows.collect());
        Ok(())
    }
}

/// Pause after an error.
const RETRY: Duration = Duration::from_secs(1);
/// Pause before a segment that does not hold is looked at again.
const BROKEN: Duration = Duration::from_secs(60);
/// Quiet blocks after which the cursor is moved nevertheless.
const QUIET: u64 = 200;
/// Acts appended at once.
const BATCH: usize = 256;
/// Senders whose refunds are counted, and locks whose sender is remembered.
const SENDERS: usize = 10_000;
