//! The supply statement (V1): for every peg, whether each token on the side chain is backed at home.
//!
//! ```text
//!  cut (final heights of both chains that belong together)
//!    +--> read: logs of locks and ports up to the cut --> store
//!    +--> read: held(vault), totalSupply, paused, at the cut
//!  core::supply --> statement (stored) --fails--> pause of both ports (an order, stored) --> the guardian's lane
//! ```
//!
//! It relies on nothing that the drivers of transfers believe: it reads the chains itself, into tables of its own.
//!
//! What never happens here: a port is paused before the statement that fails is stored; a pause is ended. As long as the
//! statement fails a port that is not paused is paused again, so a crash between statement and pause loses nothing.

mod error;
mod read;
mod watch;

use std::{fmt, sync::Arc, time::Duration};

use alloy_primitives::{Address, U256};
use causeway_adapter_api::{Chain, ChainId};
use causeway_core::{
    supply::{Books, Cut, NoStatement, Verdict},
    swap::Fate,
};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::error::SupplyError;
use crate::{
    crossing::peg::PegSite,
    drive::{DriverHandle, WallClock},
    store::{StatementRow, Store},
};

/// What the statement is told.
#[derive(Clone, Debug)]
pub struct SupplyConfig {
    /// The pegs it is made for.
    pub pegs: Vec<Watched>,
    /// Pause between two statements.
    pub every: Duration,
    /// Heights asked for at once.
    pub max_range: u64,
    /// The local clock.
    pub wall: WallClock,
}

impl Default for SupplyConfig {
    fn default() -> Self {
        Self {
            pegs: Vec::new(),
            every: Duration::from_secs(5),
            max_range: 500,
            wall: WallClock::default(),
        }
    }
}

/// A peg, and who may pause it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Its name in the API, metrics and logs.
    pub name: String,
    /// Where it is.
    pub site: PegSite,
    /// One of our accounts: the guardian of both ports. Without one a failing statement pauses nothing.
    pub guardian: Option<Address>,
}

/// One statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Heights it is about.
    pub cut: Cut,
    /// The sums; `None` when there are none.
    pub books: Option<Books>,
    /// What it says.
    pub finding: Finding,
    /// The highest surplus of this and all statements before: no rule lowers it.
    pub highest: U256,
    /// Whether opening and claiming were stopped at home.
    pub home_paused: bool,
    /// The same on the side chain.
    pub side_paused: bool,
}

/// What a statement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// Every token is backed.
    Holds {
        /// What was given away.
        surplus: U256,
    },
    /// Tokens exist that nothing backs.
    Short {
        /// How many.
        missing: U256,
    },
    /// What was given away before is gone.
    SurplusFell {
        /// The highest so far.
        from: U256,
        /// Now.
        to: U256,
    },
    /// A transfer was paid at its destination and is refunded, or was never made, at its origin.
    Broken {
        /// How much.
        amount: U256,
        /// What the origin shows.
        origin: Option<Fate>,
    },
    /// The sums do not fit 256 bits.
    Absurd,
}

impl Finding {
    /// The name that is shown.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Holds { .. } => "holds",
            Self::Short { .. } => "short",
            Self::SurplusFell { .. } => "surplus_fell",
            Self::Broken { .. } => "broken",
            Self::Absurd => "absurd",
        }
    }

    /// Whether the ports are to be paused.
    pub const fn is_alarm(&self) -> bool {
        !matches!(self, Self::Holds { .. })
    }

    /// What a statement found; `None` when none can be made at these heights.
    pub(crate) fn of(verdict: Result<Verdict, NoStatement>) -> Option<Self> {
        match verdict {
            Ok(Verdict::Holds { surplus }) => Some(Self::Holds { surplus }),
            Ok(Verdict::Short { missing }) => Some(Self::Short { missing }),
            Ok(Verdict::SurplusFell { from, to }) => Some(Self::SurplusFell { from, to }),
            Err(NoStatement::Broken { amount, origin }) => Some(Self::Broken { amount, origin }),
            Err(NoStatement::Overflow) => Some(Self::Absurd),
            Err(NoStatement::Skewed { .. }) => None,
        }
    }
}

/// A change of what is found, for who listens.
#[derive(Clone, Debug)]
pub struct SupplyNews {
    /// Which peg.
    pub peg: String,
    /// What was stated.
    pub row: StatementRow,
}

/// What all tasks share.
struct Shared {
    config: SupplyConfig,
    store: Arc<Store>,
    driver: DriverHandle,
    chains: Vec<Arc<dyn Chain>>,
    news: broadcast::Sender<SupplyNews>,
    stop: CancellationToken,
}

/// The running statement. Clones talk to the same one; it stops with [`SupplyHandle::shutdown`].
#[derive(Clone)]
pub struct SupplyHandle {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

impl fmt::Debug for SupplyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupplyHandle")
            .field("pegs", &self.shared.config.pegs)
            .finish_non_exhaustive()
    }
}

impl SupplyHandle {
    /// Begins to watch the pegs of `config`. Pauses are sent by the lanes of `driver`.
    pub fn start(
        config: SupplyConfig,
        store: Arc<Store>,
        driver: DriverHandle,
        chains: Vec<Arc<dyn Chain>>,
    ) -> Self {
        let (news, _) = broadcast::channel(NEWS);
        let shared = Arc::new(Shared {
            config,
            store,
            driver,
            chains,
            news,
            stop: CancellationToken::new(),
        });
        let tasks = TaskTracker::new();
        for peg in shared.config.pegs.clone() {
            tasks.spawn(watch::Watch::new(Arc::clone(&shared), peg).run());
        }
        tasks.close();
        Self { shared, tasks }
    }

    /// The pegs it is made for.
    pub fn pegs(&self) -> &[Watched] {
        &self.shared.config.pegs
    }

    /// Statements about a peg, newest first, at most `limit`, below the number `before`.
    ///
    /// # Errors
    /// [`SupplyError::PeerUnknownPeg`].
    pub async fn statements(
        &self,
        peg: &str,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<StatementRow>, SupplyError> {
        if !self.pegs().iter().any(|known| known.name == peg) {
            return Err(SupplyError::PeerUnknownPeg(peg.chars().take(80).collect()));
        }
        Ok(self.shared.store.statements(peg, before, limit).await?)
    }

    /// Every change of what is found from now on, the first statement of each peg included.
    pub fn subscribe(&self) -> broadcast::Receiver<SupplyNews> {
        self.shared.news.subscribe()
    }

    /// Stops every task and waits for them. The next start goes on from the store and the chains.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Shared {
    fn chain(&self, id: ChainId) -> Result<&dyn Chain, SupplyError> {
        let found = self.chains.iter().find(|chain| chain.info().id == id);
        let found = found.ok_or(SupplyError::ConfigUnknownChain(id))?;
        Ok(found.as_ref())
    }
}

/// Changes a subscriber may fall behind.
const NEWS: usize = 256;
