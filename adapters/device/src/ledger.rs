//! One task decides what is the next reading of each chain, and confirms what is stored.
//!
//! It takes what is waiting as one group, so that one sync of the disk serves many batches. Nobody is answered before the
//! group is on disk: neither "accepted", nor "already stored" of a reading that came twice within one group.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::{mpsc, oneshot};

use crate::{
    check::{Following, Order, Verified, follow, repeated},
    reading::{Chain, Signed},
    refusal::{Refusal, Refused},
    sink::{Sink, SinkError},
};

/// What reads the time: milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The system's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        // A clock before 1970 refuses every reading as ahead.
        u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
    })
}

/// Batches that wait at most.
pub const MAX_WAITING: usize = 1024;
/// Readings of one group at most; a last batch may go past it.
const GROUP: usize = 4096;

/// A batch that waits.
struct Waiting {
    readings: Vec<Verified>,
    answer: oneshot::Sender<Result<usize, Refused>>,
}

/// The door to the task. Cheap to clone; the task ends when all are gone.
#[derive(Clone, Debug)]
pub struct Ledger {
    queue: mpsc::Sender<Waiting>,
}

/// An answer that is to come.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Result<usize, Refused>>);

impl Pending {
    /// Waits until the batch is stored, and returns how many readings it had.
    ///
    /// # Errors
    /// Says which reading is refused and why; nothing of the batch was stored then.
    pub async fn stored(self) -> Result<usize, Refused> {
        // A task that is gone has confirmed nothing.
        self.0
            .await
            .unwrap_or_else(|_| Err(whole(Refusal::Storage("stopping"))))
    }
}

impl Ledger {
    /// Starts the task over a store.
    pub fn start(sink: Arc<dyn Sink>, clock: Clock) -> Self {
        let (queue, waiting) = mpsc::channel(MAX_WAITING);
        let task = Task {
            sink,
            clock,
            last: HashMap::new(),
        };
        tokio::spawn(task.run(waiting));
        Self { queue }
    }

    /// Hands over a batch, or refuses it at once where too many wait.
    ///
    /// # Errors
    /// [`Refusal::Busy`], [`Refusal::Storage`].
    pub fn try_submit(&self, readings: Vec<Verified>) -> Result<Pending, Refused> {
        let (answer, pending) = oneshot::channel();
        match self.queue.try_send(Waiting { readings, answer }) {
            Ok(()) => Ok(Pending(pending)),
            Err(mpsc::error::TrySendError::Full(_)) => Err(whole(Refusal::Busy)),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(whole(Refusal::Storage("stopping"))),
        }
    }

    /// Hands over a batch, waiting for room: for transports that hold back their senders.
    pub async fn submit(&self, readings: Vec<Verified>) -> Pending {
        let (answer, pending) = oneshot::channel();
        // Where the task is gone, the answer's sender goes with the error, and says so.
        drop(self.queue.send(Waiting { readings, answer }).await);
        Pending(pending)
    }
}

/// A refusal of no reading in particular.
pub(crate) const fn whole(refusal: Refusal) -> Refused {
    Refused { index: 0, refusal }
}

struct Task {
    sink: Arc<dyn Sink>,
    clock: Clock,
    /// Newest reading by chain; as many as there are devices, feeds and keys admitted.
    last: HashMap<Chain, Signed>,
}

/// What one group adds.
#[derive(Default)]
struct Group {
    rows: Vec<Following>,
    last: HashMap<Chain, Signed>,
    answers: Vec<(oneshot::Sender<Verdict>, Verdict)>,
}

/// How many readings of a batch were new, or why it was refused.
type Verdict = Result<usize, Refused>;

impl Task {
    async fn run(mut self, mut waiting: mpsc::Receiver<Waiting>) {
        while let Some(first) = waiting.recv().await {
            let mut group = Group::default();
            let mut next = Some(first);
            while let Some(batch) = next {
                let verdict = self.judge(&mut group, &batch.readings).await;
                group.answers.push((batch.answer, verdict));
                let room = group.rows.len() < GROUP && group.answers.len() < MAX_WAITING;
                next = room.then(|| waiting.try_recv().ok()).flatten();
            }
            self.store(group).await;
        }
    }

    /// Decides about one batch: all of it joins the group, or nothing.
    async fn judge(&mut self, group: &mut Group, readings: &[Verified]) -> Result<usize, Refused> {
        let mut last: HashMap<Chain, Signed> = HashMap::new();
        let mut rows = Vec::with_capacity(readings.len());
        for (index, reading) in readings.iter().enumerate() {
            let refused = |refusal| Refused { index, refusal };
            let chain = reading.signed().chain();
            let newest = match last.get(&chain).or(group.last.get(&chain)) {
                Some(newest) => Some(*newest),
                None => self.newest(chain).await.map_err(|e| refused(storage(&e)))?,
            };
            let order = match follow(newest.as_ref(), reading) {
                Ok(Order::Next(following)) => {
                    last.insert(chain, *reading.signed());
                    rows.push(following);
                    continue;
                }
                Ok(Order::Old) => self.old(&rows, group, newest.as_ref(), reading).await,
                Err(refusal) => refusal,
            };
            if let Refusal::Contradiction(evidence) = &order {
                let kept = self.sink.accuse(evidence, (self.clock)()).await;
                kept.map_err(|e| refused(storage(&e)))?;
                let device = reading.signed().body.device;
                tracing::warn!(%device, offence = evidence.offence().code(), "a device contradicts itself");
            }
            return Err(refused(order));
        }
        group.last.extend(last);
        group.rows.extend(rows);
        Ok(readings.len())
    }

    /// What a reading is whose number was used before: by one that is stored, or waits in this group.
    async fn old(
        &self,
        rows: &[Following],
        group: &Group,
        newest: Option<&Signed>,
        reading: &Verified,
    ) -> Refusal {
        let (chain, sequence) = (reading.signed().chain(), reading.signed().body.sequence);
        let same =
            |f: &&Following| f.signed().chain() == chain && f.signed().body.sequence == sequence;
        if let Some(waits) = rows.iter().chain(&group.rows).find(same) {
            return repeated(newest, waits.signed(), reading);
        }
        match self.sink.reading(chain, sequence).await {
            Ok(Some(stored)) => repeated(newest, &stored, reading),
            Ok(None) => storage(&SinkError::Damaged { what: "chain" }),
            Err(error) => storage(&error),
        }
    }

    async fn newest(&mut self, chain: Chain) -> Result<Option<Signed>, SinkError> {
        if let Some(newest) = self.last.get(&chain) {
            return Ok(Some(*newest));
        }
        let newest = self.sink.last(chain).await?;
        self.last.extend(newest.map(|newest| (chain, newest)));
        Ok(newest)
    }

    async fn store(&mut self, group: Group) {
        let stored = if group.rows.is_empty() {
            Ok(())
        } else {
            self.sink.append(&group.rows, (self.clock)()).await
        };
        match stored {
            Ok(()) => {
                self.last.extend(group.last);
                for (answer, verdict) in group.answers {
                    // Whoever does not wait any more asks again.
                    drop(answer.send(verdict));
                }
            }
            Err(error) => {
                tracing::error!(readings = group.rows.len(), error = %Chained(&error), "readings could not be stored");
                // It may have kept them after all: ask again.
                self.last.clear();
                for (answer, _) in group.answers {
                    drop(answer.send(Err(whole(storage(&error)))));
                }
            }
        }
    }
}

fn storage(error: &SinkError) -> Refusal {
    Refusal::Storage(error.code())
}

/// An error with what caused it, for a log line.
pub(crate) struct Chained<'a>(pub(crate) &'a dyn std::error::Error);

impl std::fmt::Display for Chained<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            write!(f, ": {error}")?;
            next = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
