//! The event log: every event of the bridge's contracts on every chain in one append-only log, and what this daemon does
//! (docs/regulator.md, rules in `causeway_core::log`).
//!
//! ```text
//!  final logs of all contracts --+--> numbers of lanes in a row, gateways' counts --> store (entries + cursor)
//!  acts of the daemon -----------'                         |                             |
//!                                                    alarm `gap`           head, signed --> LogAnchor on the public chain
//! ```
//!
//! It reads the chains itself and relies on nothing that the drivers of transfers believe.
//!
//! What never happens here: an entry is changed; an event is appended to a chain's segment while a number before it is
//! missing (the segment waits, and an alarm says for what); a head is signed over entries that were not counted.

mod anchor;
mod error;
mod names;
mod read;
mod segment;
mod signed;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex as StdMutex, PoisonError},
    time::Duration,
};

use alloy_primitives::{Address, B256};
use causeway_adapter_api::{Chain, ChainId, Height};
use causeway_core::log::{ACTS, Act, Body, Broken, Head, TreeError};
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::segment::Segment;
pub use self::{
    error::LogError,
    names::{act_of, contract_name, event_name, kind_of},
    read::Large,
    signed::{is_signed_by, recovered},
};
use crate::{
    alarms::{Alarms, Rule},
    drive::{DriverHandle, WallClock},
    keys::Signers,
    store::{HeadRow, Heads, LogRow, Store},
};

/// What the log is told.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// The chains it reads.
    pub chains: Vec<LoggedChain>,
    /// The account that signs heads; without one nothing is signed.
    pub keeper: Option<Address>,
    /// Where heads are anchored, if anywhere.
    pub anchor: Option<(ChainId, Address)>,
    /// Time between two heads.
    pub anchor_every: Duration,
    /// From when on a lock or a refund is worth an alarm.
    pub large: Large,
    /// Heights asked for at once.
    pub max_range: u64,
    /// The local clock.
    pub wall: WallClock,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            chains: Vec::new(),
            keeper: None,
            anchor: None,
            anchor_every: Duration::from_secs(600),
            large: Large::default(),
            max_range: 500,
            wall: WallClock::default(),
        }
    }
}

/// One chain of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedChain {
    /// Which.
    pub id: ChainId,
    /// Its name.
    pub name: String,
    /// The contracts of the bridge there.
    pub contracts: Vec<Address>,
    /// Those of them that are gateways: their lanes are counted.
    pub gateways: Vec<Address>,
    /// Where reading begins.
    pub start: Height,
    /// Age of the newest final block, in seconds, from which on it is stale.
    pub stale_after: u64,
}

/// What all tasks share.
struct Shared {
    config: LogConfig,
    store: Arc<Store>,
    driver: DriverHandle,
    chains: Vec<Arc<dyn Chain>>,
    signers: Signers,
    alarms: Alarms,
    segments: BTreeMap<u64, Mutex<Segment>>,
    recent: StdMutex<VecDeque<Arc<LogRow>>>,
    newest: watch::Sender<u64>,
    generation: String,
    anchored: StdMutex<anchor::Anchorage>,
    stop: CancellationToken,
}

/// The running log. Clones talk to the same one; it stops with [`LogHandle::shutdown`].
#[derive(Clone)]
pub struct LogHandle {
    shared: Arc<Shared>,
    acts: mpsc::Sender<Act>,
    tasks: TaskTracker,
}

impl fmt::Debug for LogHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogHandle")
            .field("chains", &self.shared.config.chains)
            .finish_non_exhaustive()
    }
}

/// Where one segment stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The chain's id, or 0 for acts.
    pub segment: u64,
    /// Entries.
    pub size: u64,
    /// Of them in the head that would be signed now.
    pub counted: u64,
    /// The newest block up to which nothing is missing.
    pub height: Height,
    /// Why nothing is appended to it any more.
    pub broken: Option<Broken>,
}

/// What proves an entry against a head.
#[derive(Clone, Debug)]
pub struct LogProof {
    /// The segment's part of the head.
    pub size: u64,
    /// Its root.
    pub root: B256,
    /// Hashes from the entry's sibling up.
    pub path: Vec<B256>,
}

/// Rows behind the newest that are kept for those who follow.
const RECENT: usize = 4_096;
/// Acts that wait to be appended.
const ACTS_WAITING: usize = 1_024;

impl LogHandle {
    /// Checks what is stored, then begins to read the chains and to take acts. What does not hold is an alarm and named by
    /// [`Self::standings`]; the rest of the daemon works on.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn start(
        config: LogConfig,
        store: Arc<Store>,
        driver: DriverHandle,
        chains: Vec<Arc<dyn Chain>>,
        signers: Signers,
        alarms: Alarms,
    ) -> Result<Self, LogError> {
        let mut segments = BTreeMap::new();
        let ids = config.chains.iter().map(|chain| chain.id.0);
        let mut ids: Vec<u64> = ids.chain([ACTS]).collect();
        // Chains that were removed from the configuration keep their entries.
        ids.extend(store.log_segments().await?);
        ids.sort_unstable();
        ids.dedup();
        let heads = store.heads(Heads::All, 1).await?;
        let head = heads.first();
        let forged = head.is_some_and(|row| !is_signed_by(&row.head, row.keeper, &row.signature));
        for id in ids {
            let start = config.chains.iter().find(|chain| chain.id.0 == id);
            let start = start.map_or(Height(0), |chain| chain.start);
            let mut segment = Segment::load(&store, id, start).await?;
            let of_head = head.and_then(|row| row.head.segment(id));
            segment.compare(of_head.filter(|_| !forged));
            if let Some(broken) = &segment.broken {
                tracing::error!(%broken, "the event log was changed");
                alarms.raise(Rule::LogTampered, id.to_string(), broken.to_string());
            }
            segments.insert(id, Mutex::new(segment));
        }
        if forged {
            alarms.raise(
                Rule::LogTampered,
                "head",
                "the newest head has no valid signature",
            );
        }
        let newest = store.log_seq().await?;
        let generation = store.log_generation().await?;
        let (acts, taken) = mpsc::channel(ACTS_WAITING);
        let shared = Arc::new(Shared {
            segments,
            recent: StdMutex::default(),
            newest: watch::channel(newest).0,
            generation,
            anchored: StdMutex::default(),
            stop: CancellationToken::new(),
            config,
            store,
            driver,
            chains,
            signers,
            alarms,
        });
        let handle = Self {
            shared: Arc::clone(&shared),
            acts,
            tasks: TaskTracker::new(),
        };
        handle.tasks.spawn(read::acts(Arc::clone(&shared), taken));
        handle.tasks.spawn(read::orders(Arc::clone(&shared)));
        for chain in shared.config.chains.clone() {
            handle
                .tasks
                .spawn(read::Reader::new(Arc::clone(&shared), chain).run());
        }
        handle.tasks.spawn(anchor::run(Arc::clone(&shared)));
        handle.tasks.close();
        handle.record(Act::Started {
            version: env!("CARGO_PKG_VERSION").into(),
        });
        Ok(handle)
    }

    /// Puts an act of this daemon into the log. It is appended soon; what comes while the queue is full is counted as lost,
    /// and is an alarm.
    pub fn record(&self, act: Act) {
        if self.acts.try_send(act).is_err() {
            let text = "the queue of acts is full: the database does not keep up";
            self.shared.alarms.raise(Rule::LogLost, "acts", text);
        }
    }

    /// What tells the numbers of this log from those of one that was made anew.
    pub fn generation(&self) -> &str {
        &self.shared.generation
    }

    /// The chains it reads.
    pub fn chains(&self) -> &[LoggedChain] {
        &self.shared.config.chains
    }

    /// The account that signs, and where heads are anchored.
    pub fn keeper(&self) -> (Option<Address>, Option<(ChainId, Address)>) {
        (self.shared.config.keeper, self.shared.config.anchor)
    }

    /// The newest number; changes with every entry.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.shared.newest.subscribe()
    }

    /// Entries above a number, oldest first, at most `limit`: from memory where they are kept there.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn after(&self, seq: u64, limit: u32) -> Result<Vec<Arc<LogRow>>, LogError> {
        {
            let recent = self.shared.recent.lock();
            let recent = recent.unwrap_or_else(PoisonError::into_inner);
            if recent
                .front()
                .is_some_and(|row| row.seq <= seq.saturating_add(1))
            {
                let newer = recent.iter().filter(|row| row.seq > seq);
                return Ok(newer.take(limit as usize).cloned().collect());
            }
        }
        let filter = crate::store::LogFilter::default();
        let page = crate::store::LogPage::After(seq);
        let rows = self.shared.store.log_page(&filter, page, limit).await?;
        Ok(rows.into_iter().map(Arc::new).collect())
    }

    /// The store behind it.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Where every segment stands.
    pub async fn standings(&self) -> Vec<Standing> {
        let mut standings = Vec::with_capacity(self.shared.segments.len());
        for segment in self.shared.segments.values() {
            standings.push(segment.lock().await.standing());
        }
        standings
    }

    /// The newest signed head, and the newest that is anchored.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn heads(&self) -> Result<(Option<HeadRow>, Option<HeadRow>), LogError> {
        let store = &self.shared.store;
        let signed = store.heads(Heads::All, 1).await?.pop();
        let anchored = store.heads(Heads::Anchored, 1).await?.pop();
        Ok((signed, anchored))
    }

    /// What proves entry `position` of a segment when it had `size` entries.
    ///
    /// # Errors
    /// [`LogError::PeerNoProof`] where it had not, [`LogError::PeerNoSegment`].
    pub async fn proof(
        &self,
        segment: u64,
        position: u64,
        size: u64,
    ) -> Result<LogProof, LogError> {
        let segment = self.segment(segment)?.lock().await;
        let tree = segment.follower.tree();
        Ok(LogProof {
            size,
            root: tree.root(size)?,
            path: tree.inclusion(position, size)?,
        })
    }

    /// What proves that a segment of `old` entries is the beginning of the one of `new`.
    ///
    /// # Errors
    /// As [`Self::proof`].
    pub async fn consistency(
        &self,
        segment: u64,
        old: u64,
        new: u64,
    ) -> Result<LogProof, LogError> {
        let segment = self.segment(segment)?.lock().await;
        let tree = segment.follower.tree();
        Ok(LogProof {
            size: new,
            root: tree.root(new)?,
            path: tree.consistency(old, new)?,
        })
    }

    /// Whether what is anchored and what is here agree, as far as it was looked at.
    pub fn agrees(&self) -> Option<bool> {
        let anchored = self.shared.anchored.lock();
        anchored.unwrap_or_else(PoisonError::into_inner).agrees
    }

    /// Stops every task and waits for them; acts that were taken are appended first.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.tasks.wait().await;
    }

    fn segment(&self, id: u64) -> Result<&Mutex<Segment>, LogError> {
        let found = self.shared.segments.get(&id);
        found.ok_or(LogError::PeerNoSegment(id))
    }
}

impl Shared {
    fn chain(&self, id: ChainId) -> Result<&dyn Chain, LogError> {
        let found = self.chains.iter().find(|chain| chain.info().id == id);
        found
            .map(AsRef::as_ref)
            .ok_or(LogError::ConfigUnknownChain(id))
    }

    /// Tells those who follow. Rows come in the order of their numbers, because the database gives them one writer.
    fn publish(&self, rows: Vec<LogRow>) {
        let Some(last) = rows.last().map(|row| row.seq) else {
            return;
        };
        {
            let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            for row in rows {
                // Another segment's batch may have been quicker between commit and this.
                let at = recent.partition_point(|kept| kept.seq < row.seq);
                recent.insert(at, Arc::new(row));
            }
            while recent.len() > RECENT {
                recent.pop_front();
            }
        }
        self.newest
            .send_modify(|newest| *newest = last.max(*newest));
    }

    /// A head over what was counted.
    async fn head(&self) -> Result<Head, TreeError> {
        let mut chains = Vec::new();
        let mut acts = None;
        for (id, segment) in &self.segments {
            let counted = segment.lock().await.counted()?;
            if *id == ACTS {
                acts = Some(counted);
            } else {
                chains.push(counted);
            }
        }
        // INVARIANT: `start` makes the segment of acts.
        let acts = acts.ok_or(TreeError::NoLeaf { index: 0, size: 0 })?;
        Ok(Head::new(self.config.wall.seconds(), acts, chains))
    }
}

/// The name of what an entry says.
fn kind_name(body: &Body) -> String {
    kind_of(body).to_owned()
}
