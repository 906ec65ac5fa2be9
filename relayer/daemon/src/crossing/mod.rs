//! Drives transfers that live on proofs: the peg, the settlement (docs/transfers.md).
//!
//! ```text
//!  contracts of both chains --logs--> read --facts--> one commit: fact, states, effects
//!                                                           |
//!                  act: is the proof at hand? --------------+--> order --> the account's lane
//!                  bring the light client a checkpoint first
//! ```
//!
//! * [`Machine`] and [`Kind`] are what a kind of transfer says of itself; all else here is the same for all of them.
//! * `read`: follows final logs, and reads them again from the start, slowly.
//! * `runner`: steps by time, turns effects into orders, looks what became of them.
//! * `evidence`: a slot of one chain in a checkpoint that a light client of the other knows.
//!
//! What never happens here: an effect is acted on before it is stored; anything is believed of a chain but its final
//! blocks; a secret is in an order or a log. Several daemons may work on the same transfers: what somebody else has done is
//! done (P13, S11). What is kept in memory only spares work.

mod error;
mod evidence;
mod kind;
mod pace;
pub mod peg;
mod read;
mod runner;
pub mod settlement;
mod step;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use causeway_adapter_api::{Chain, ChainId, Preimage, Timestamp};
use causeway_core::{
    retry::Policy,
    swap::{Clock, Now, TransferId, Unexpected},
};
use tokio::sync::{Notify, broadcast};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::pace::Pace;
pub use self::{
    error::CrossingError,
    evidence::{Belief, Evidence, Question},
    kind::{About, Act, Kind, Machine, News, OnRefusal, Ordered, Place, Said, Wish},
};
use crate::{
    drive::{DriverHandle, WallClock},
    store::{CrossingKey, CrossingRow, CrossingStep, PersistPoint, ProofRow, Store, StoreError},
};

/// What the driver of such transfers is told.
#[derive(Clone, Debug)]
pub struct CrossingConfig {
    /// How often it looks when no block arrives.
    pub poll: Duration,
    /// Heights asked for at once.
    pub max_range: u64,
    /// Pause between two reads of the slow second path.
    pub rescan_pause: Duration,
    /// Pause between two whole rescans.
    pub rescan_every: Duration,
    /// Pauses after refusals.
    pub retry: Policy,
    /// The local clock.
    pub wall: WallClock,
}

impl Default for CrossingConfig {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(500),
            max_range: 500,
            rescan_pause: Duration::from_millis(500),
            rescan_every: Duration::from_secs(3600),
            retry: Policy::default(),
            wall: WallClock::default(),
        }
    }
}

/// What everything of one kind stands on.
pub struct Ground {
    config: CrossingConfig,
    store: Arc<Store>,
    driver: DriverHandle,
    chains: Vec<Arc<dyn Chain>>,
    /// What is known of time: of each chain, up to where everything was taken in.
    now: Mutex<Now>,
    pace: Mutex<Pace>,
    news: broadcast::Sender<StepNews>,
    /// Rung when a command changed something.
    bell: Notify,
    stop: CancellationToken,
}

/// A change of a transfer, for who listens.
#[derive(Clone, Debug)]
pub struct StepNews {
    /// Which record.
    pub key: CrossingKey,
    /// The transfer's public name.
    pub id: TransferId,
    /// What happened.
    pub step: CrossingStep,
}

/// One part of ours with everything a person asks about it.
#[derive(Clone, Debug)]
pub struct CrossingView<S> {
    /// As it is stored.
    pub row: CrossingRow,
    /// Where it stands.
    pub state: S,
    /// How it came there, oldest first.
    pub history: Vec<CrossingStep>,
    /// By which blocks of the other chain our orders proved something.
    pub proofs: Vec<ProofRow>,
}

/// A running driver of one kind. Clones talk to the same one; it stops with [`Handle::shutdown`].
pub struct Handle<K: Kind> {
    ground: Arc<Ground>,
    kind: Arc<K>,
    tasks: TaskTracker,
}

impl<K: Kind> Clone for Handle<K> {
    fn clone(&self) -> Self {
        Self {
            ground: Arc::clone(&self.ground),
            kind: Arc::clone(&self.kind),
            tasks: self.tasks.clone(),
        }
    }
}

impl<K: Kind> fmt::Debug for Handle<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("kind", &K::NAME)
            .finish_non_exhaustive()
    }
}

impl<K: Kind> Handle<K> {
    /// Begins to read the kind's contracts and to act, through the lanes of `driver`. Without contracts it does nothing.
    pub fn start(
        config: CrossingConfig,
        kind: K,
        store: Arc<Store>,
        driver: DriverHandle,
        chains: Vec<Arc<dyn Chain>>,
    ) -> Self {
        let (news, _) = broadcast::channel(NEWS);
        let ground = Arc::new(Ground {
            config,
            store,
            driver,
            chains,
            now: Mutex::new(Now::new([])),
            pace: Mutex::default(),
            news,
            bell: Notify::new(),
            stop: CancellationToken::new(),
        });
        let kind = Arc::new(kind);
        let tasks = TaskTracker::new();
        let places = kind::by_chain(kind.places());
        if !places.is_empty() {
            let (ground, kind) = (Arc::clone(&ground), Arc::clone(&kind));
            tasks.spawn(runner::Runner::new(ground, kind).run());
        }
        for place in places {
            let (ground, kind) = (Arc::clone(&ground), Arc::clone(&kind));
            tasks.spawn(read::rescan(ground, kind, place));
        }
        tasks.close();
        Self {
            ground,
            kind,
            tasks,
        }
    }

    /// What the kind knows of its contracts.
    pub fn kind(&self) -> &K {
        &self.kind
    }

    /// What it stands on.
    pub fn ground(&self) -> &Ground {
        &self.ground
    }

    /// Stores a transfer that the operator begins, with its secret; what it asks for follows.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn begin(
        &self,
        state: K::State,
        effects: Vec<K::Effect>,
        secret: Option<Preimage>,
    ) -> Result<(), CrossingError> {
        let weather = step::weather(&self.ground, &*self.kind, &state).await?;
        let (state, effects) = step::replay::<K>(state, effects, &weather, &self.ground.now());
        let mut write = step::write::<K>(&state, None, None, &effects)?;
        write.secret = secret;
        self.ground
            .commit(PersistPoint::CrossingCreated, None, vec![write], None)
            .await?;
        self.ground.bell.notify_one();
        Ok(())
    }

    /// Tells our open parts in a transfer what the operator wants; the first one that takes it counts.
    ///
    /// # Errors
    /// [`CrossingError::PeerUnknownTransfer`], or [`CrossingError::PeerNotNow`] when none takes it.
    pub async fn command(&self, id: TransferId, event: &K::Event) -> Result<(), CrossingError> {
        for _ in 0..=CONFLICTS {
            match self.try_command(id, event).await {
                Err(CrossingError::Store(StoreError::Conflict { .. })) => {}
                done => return done,
            }
        }
        self.try_command(id, event).await
    }

    async fn try_command(&self, id: TransferId, event: &K::Event) -> Result<(), CrossingError> {
        let now = self.ground.now();
        let mut refused: Option<Unexpected> = None;
        for row in self.rows(id).await? {
            let state = step::state::<K>(&row)?;
            match K::step(&state, event, &now) {
                Ok((next, effects)) => {
                    let write = step::write::<K>(&next, Some(row.revision), Some(event), &effects)?;
                    self.ground
                        .commit(PersistPoint::CrossingStepped, None, vec![write], None)
                        .await?;
                    self.ground.bell.notify_one();
                    return Ok(());
                }
                Err(unexpected) => refused = refused.or(Some(unexpected)),
            }
        }
        Err(match refused {
            Some(source) => CrossingError::PeerNotNow { id, source },
            None => CrossingError::PeerUnknownTransfer(id),
        })
    }

    /// Every part of ours in one transfer; none when it is of another kind.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn show(&self, id: TransferId) -> Result<Vec<CrossingView<K::State>>, CrossingError> {
        let mut views = Vec::new();
        for row in self.rows(id).await? {
            views.push(CrossingView {
                state: step::state::<K>(&row)?,
                history: self.ground.store.crossing_history(&row.key).await?,
                proofs: self.ground.store.crossing_proofs(&row.key).await?,
                row,
            });
        }
        Ok(views)
    }

    /// A stored state as a value.
    ///
    /// # Errors
    /// [`CrossingError::BugUnreadable`].
    pub fn state(&self, row: &CrossingRow) -> Result<K::State, CrossingError> {
        step::state::<K>(row)
    }

    /// Every change from now on. Who falls behind by more than a thousand misses some.
    pub fn subscribe(&self) -> broadcast::Receiver<StepNews> {
        self.ground.news.subscribe()
    }

    /// Stops every task and waits for them. Nothing is lost: the next start goes on from the store and the chains.
    pub async fn shutdown(&self) {
        self.ground.stop.cancel();
        self.tasks.wait().await;
    }

    async fn rows(&self, id: TransferId) -> Result<Vec<CrossingRow>, CrossingError> {
        let mut rows = self.ground.store.crossings_of(id).await?;
        rows.retain(|row| row.key.kind == K::NAME);
        Ok(rows)
    }
}

impl Ground {
    /// One of the chains.
    ///
    /// # Errors
    /// [`crate::relay::RelayError::PeerUnknownChain`].
    pub fn chain(&self, id: ChainId) -> Result<&dyn Chain, CrossingError> {
        let found = self.chains.iter().find(|chain| chain.info().id == id);
        let found = found.ok_or(crate::relay::RelayError::PeerUnknownChain(id))?;
        Ok(found.as_ref())
    }

    /// What is known of time: for each chain up to where everything was taken in.
    pub fn now(&self) -> Now {
        self.now
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The driver of swaps, which sends for us.
    pub const fn driver(&self) -> &DriverHandle {
        &self.driver
    }

    fn clock(&self, proven: Timestamp) -> Clock {
        let wall = Timestamp(self.config.wall.seconds());
        Clock {
            proven,
            latest: proven.max(wall),
        }
    }

    fn set_now(&self, now: Now) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes a subscriber may fall behind.
const NEWS: usize = 1024;
/// Times that somebody else may be quicker to change a record.
const CONFLICTS: usize = 3;
