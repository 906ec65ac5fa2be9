//! Carries messages, calls and their results between gateways, on proofs (docs/messages.md).
//!
//! ```text
//!  gateway A --logs--> read --facts--> store <--facts-- read <--logs-- gateway B
//!                                        |
//!                         plan: what is not done, proved by the newest certificate
//!                                        |
//!                  order (stored) --> the account's lane --> one transaction: update, proveRoot, deliver
//! ```
//!
//! * `read`: follows each gateway's final logs, and reads them again from the start, slowly.
//! * `plan`: looks at what is open and asks for what is missing; nothing is remembered that the store does not know.
//! * `proofs`: certificates, state proofs and tree paths, put together as call data.
//!
//! What never happens here: a transaction is sent before its order is stored; something is asked for twice at once;
//! anything is believed about a chain but its final blocks. Several relays may work on the same lanes: what somebody
//! else has done is success.

pub mod abi;
mod error;
mod measure;
mod plan;
pub(crate) mod proofs;
mod read;
mod send;

use std::{sync::Arc, time::Duration};

use alloy_primitives::Address;
use causeway_adapter_api::{Chain, ChainId, Height};
use causeway_core::{
    batch::Policy,
    message::{self, Event, MessageId, Patience},
};
use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::{
    error::RelayError,
    measure::{ClientLag, LaneState},
    send::SendRequest,
};
use crate::{
    drive::{DriverHandle, WallClock},
    store::{MessageNews, MessageRow, SaidRow, Store},
};

/// What the relay is told.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// Gateways, one for each chain.
    pub sites: Vec<Site>,
    /// Light clients beside those of lanes that are brought from epoch to epoch: those of pegs and settlements.
    pub clients: Vec<Follower>,
    /// Whether anything is brought across, or gateways are only read.
    pub carry: bool,
    /// Sizes of deliveries.
    pub policy: Policy,
    /// How failures are retried.
    pub patience: Patience,
    /// How often the relay looks when no block arrives.
    pub poll: Duration,
    /// Heights asked for at once.
    pub max_range: u64,
    /// Pause between two reads of the slow second path.
    pub rescan_pause: Duration,
    /// Pause between two whole rescans.
    pub rescan_every: Duration,
    /// The local clock.
    pub wall: WallClock,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            sites: Vec::new(),
            clients: Vec::new(),
            carry: true,
            policy: Policy::default(),
            patience: Patience::default(),
            poll: Duration::from_millis(500),
            max_range: 500,
            rescan_pause: Duration::from_millis(500),
            rescan_every: Duration::from_secs(3600),
            wall: WallClock::default(),
        }
    }
}

/// A gateway, and who pays for what is brought to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Where.
    pub chain: ChainId,
    /// The gateway.
    pub gateway: Address,
    /// One of our accounts there.
    pub account: Address,
    /// Where reading begins.
    pub start: Height,
}

/// A light client, and who pays for what is brought to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follower {
    /// The chain that it follows.
    pub of: ChainId,
    /// Where it is.
    pub on: ChainId,
    /// Its address there.
    pub client: Address,
    /// One of our accounts there.
    pub account: Address,
}

impl RelayConfig {
    /// Every chain that is looked at.
    fn chains(&self) -> Vec<ChainId> {
        let sites = self.sites.iter().map(|site| site.chain);
        let clients = self.clients.iter().flat_map(|f| [f.of, f.on]);
        let mut chains: Vec<ChainId> = sites.chain(clients).collect();
        chains.sort_unstable();
        chains.dedup();
        chains
    }
}

/// What all tasks of the relay share.
struct Shared {
    config: RelayConfig,
    store: Arc<Store>,
    driver: DriverHandle,
    chains: Vec<Arc<dyn Chain>>,
    news: broadcast::Sender<MessageNews>,
    stop: CancellationToken,
}

/// A message with everything a person asks about it.
#[derive(Clone, Debug)]
pub struct MessageView {
    /// Where it stands.
    pub row: MessageRow,
    /// How it came there, oldest first.
    pub history: Vec<SaidRow>,
}

/// A running relay. Clones talk to the same one; it stops with [`RelayHandle::shutdown`].
#[derive(Clone)]
pub struct RelayHandle {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

impl std::fmt::Debug for RelayHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelayHandle")
            .field("sites", &self.shared.config.sites)
            .finish_non_exhaustive()
    }
}

impl RelayHandle {
    /// Begins to read the gateways of `config` and to carry between them, through the lanes of `driver`.
    pub fn start(
        config: RelayConfig,
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
        if !shared.config.chains().is_empty() {
            tasks.spawn(plan::Runner::new(Arc::clone(&shared)).run());
        }
        for site in shared.config.sites.clone() {
            tasks.spawn(read::rescan(Arc::clone(&shared), site));
        }
        tasks.close();
        Self { shared, tasks }
    }

    /// Messages, newest first.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn list(&self, limit: u32, offset: u32) -> Result<Vec<MessageRow>, RelayError> {
        Ok(self.shared.store.relay_messages(limit, offset).await?)
    }

    /// One message and its history.
    ///
    /// # Errors
    /// [`RelayError::PeerUnknownMessage`].
    pub async fn show(&self, id: MessageId) -> Result<MessageView, RelayError> {
        let row = self.row(id).await?;
        let history = self.shared.store.relay_history(id).await?;
        Ok(MessageView { row, history })
    }

    /// Has a message that failed executed again now, or a sender's failed hook run again.
    ///
    /// # Errors
    /// [`RelayError::PeerNotNow`] when there is nothing to retry.
    pub async fn retry(&self, id: MessageId) -> Result<(), RelayError> {
        let row = self.row(id).await?;
        let now = self.now().await?;
        let step = message::step(
            &row.state,
            &Event::Retry,
            &now,
            &self.shared.config.patience,
        );
        let (next, _) = step.map_err(|source| RelayError::PeerNotNow { id, source })?;
        let at = self.shared.config.wall.millis();
        self.shared.store.step_message(&row, next, at).await?;
        self.shared.driver.ring();
        Ok(())
    }

    /// What both chains say about messages, from now on. Who falls behind by more than a thousand misses some.
    pub fn subscribe(&self) -> broadcast::Receiver<MessageNews> {
        self.shared.news.subscribe()
    }

    /// The gateways.
    pub fn sites(&self) -> &[Site] {
        &self.shared.config.sites
    }

    /// What the messages' machine is told of time.
    ///
    /// # Errors
    /// A chain that does not answer.
    pub async fn now(&self) -> Result<message::Now, RelayError> {
        self.shared.now_of_tips().await
    }

    /// Stops every task and waits for them. Nothing is lost: the next start goes on from the store and the chains.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.tasks.wait().await;
    }

    async fn row(&self, id: MessageId) -> Result<MessageRow, RelayError> {
        let found = self.shared.store.relay_message(id).await?;
        found.ok_or(RelayError::PeerUnknownMessage(id))
    }
}

impl Shared {
    fn chain(&self, id: ChainId) -> Result<&dyn Chain, RelayError> {
        let found = self.chains.iter().find(|chain| chain.info().id == id);
        found
            .map(|chain| chain.as_ref())
            .ok_or(RelayError::PeerUnknownChain(id))
    }

    fn site(&self, id: ChainId) -> Result<Site, RelayError> {
        let found = self.config.sites.iter().find(|site| site.chain == id);
        found.copied().ok_or(RelayError::PeerUnknownChain(id))
    }

    async fn now_of_tips(&self) -> Result<message::Now, RelayError> {
        let mut clocks = Vec::new();
        for chain in self.config.chains() {
            let tip = self.chain(chain)?.finalized().await?;
            clocks.push((chain, self.clock(tip.time)));
        }
        Ok(message::Now::new(clocks))
    }

    fn clock(&self, proven: causeway_adapter_api::Timestamp) -> message::Clock {
        let wall = causeway_adapter_api::Timestamp(self.config.wall.seconds());
        message::Clock {
            proven,
            latest: proven.max(wall),
        }
    }
}

/// What a subscriber may fall behind.
const NEWS: usize = 1024;
