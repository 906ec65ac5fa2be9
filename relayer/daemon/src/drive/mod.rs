//! Drives transfers: reads the chains, steps the state machines, stores, then acts.
//!
//! ```text
//!  chain --events--> watcher --batch--> router --one commit--> store (state, history, orders, cursor)
//!    ^                                    |  ^
//!    '---- transactions ---- lane <-poke--'  '--- what an order came to ---.
//!                              '-------------------------------------------'
//! ```
//!
//! * `watcher`: one task for each chain follows its final blocks, another reads it again from the start, slowly.
//! * `router`: the one task that owns all transfers in memory; everything that changes one goes through its mailbox.
//! * `lane`: one task for each account sends its orders, one nonce after the other.
//!
//! What never happens here: an order is acted on before it is stored; a lane changes a transfer; a chain is believed
//! to be later than its newest final block when time permits, or earlier than the local clock when time forbids.

mod clock;
mod config;
mod error;
mod lane;
mod measure;
mod router;
mod watcher;

use std::sync::Arc;

use alloy_primitives::Address;
use causeway_adapter_api::{Chain, ChainId};
use causeway_core::{
    explain::{Explanation, explain_named},
    margin::Timing,
    swap::TransferId,
};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::watcher::jitter;
use self::{
    clock::Clocks,
    router::{Msg, Router},
};
pub use self::{
    config::{DriveConfig, MIN_SAMPLES, SwapRequest, WallClock, WatchtowerConfig},
    error::DriveError,
};
use crate::store::{KnownLock, Listed, Record, Store, TransitionRow};

/// Starts the tasks that drive transfers.
#[derive(Debug)]
pub struct Driver;

/// One part of ours in a transfer, with everything a person asks about it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct TransferView {
    /// Where it stands.
    #[serde(flatten)]
    pub record: Record,
    /// The same in words.
    pub explanation: Explanation,
    /// How it came there, oldest first.
    pub history: Vec<TransitionRow>,
}

/// What every task of the driver shares.
#[derive(Debug)]
struct Shared {
    config: DriveConfig,
    store: Arc<Store>,
    chains: Vec<Linked>,
    clocks: Clocks,
    /// Told when a call of the relay is over.
    closed_calls: watch::Sender<()>,
    stop: CancellationToken,
}

/// One chain and the lanes of its accounts.
struct Linked {
    id: ChainId,
    chain: Arc<dyn Chain>,
    lanes: Vec<lane::Door>,
}

impl std::fmt::Debug for Linked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Linked")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A running driver. Clones talk to the same one; it stops with [`DriverHandle::shutdown`], not by being dropped.
#[derive(Clone, Debug)]
pub struct DriverHandle {
    shared: Arc<Shared>,
    mailbox: mpsc::Sender<Msg>,
    news: broadcast::Sender<TransitionRow>,
    tasks: TaskTracker,
}

impl Driver {
    /// Takes up every stored transfer where it was left, and begins to read the chains.
    ///
    /// # Errors
    /// [`DriveError::ConfigDuplicateChain`], and whatever the store says.
    pub async fn start(
        config: DriveConfig,
        store: Arc<Store>,
        chains: Vec<Arc<dyn Chain>>,
    ) -> Result<DriverHandle, DriveError> {
        let chains = link(chains)?;
        let clocks = Clocks::new(config.wall.clone());
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            config,
            store,
            chains,
            clocks,
            closed_calls: watch::Sender::new(()),
            stop,
        });
        let (mailbox, inbox) = mpsc::channel(MAILBOX);
        let (news, _) = broadcast::channel(NEWS);
        let tasks = TaskTracker::new();
        let router = Router::load(Arc::clone(&shared), news.clone()).await?;
        tasks.spawn(router.run(inbox));
        for linked in &shared.chains {
            let (id, chain) = (linked.id, Arc::clone(&linked.chain));
            let watcher =
                watcher::Watcher::new(Arc::clone(&shared), id, Arc::clone(&chain), mailbox.clone());
            tasks.spawn(watcher.clone().follow());
            tasks.spawn(watcher.rescan());
            for door in &linked.lanes {
                let lane = lane::Lane::new(
                    Arc::clone(&shared),
                    Arc::clone(&chain),
                    door.clone(),
                    mailbox.clone(),
                );
                tasks.spawn(lane.run());
            }
        }
        tasks.close();
        Ok(DriverHandle {
            shared,
            mailbox,
            news,
            tasks,
        })
    }
}

impl DriverHandle {
    /// Begins a swap: stores it with its secret; its first transaction follows.
    ///
    /// # Errors
    /// Names what is wrong with the request, or that a chain does not answer yet.
    pub async fn start_swap(&self, request: SwapRequest) -> Result<TransferId, DriveError> {
        self.ask(|reply| Msg::Start { request, reply }).await
    }

    /// Asks for the money back. What is locked already comes back after its deadline; a secret that may be public
    /// cannot be called back.
    ///
    /// # Errors
    /// [`DriveError::PeerNotNow`] when there is no way back.
    pub async fn refund(&self, id: TransferId) -> Result<(), DriveError> {
        self.ask(|reply| Msg::Cancel { id, reply }).await
    }

    /// Transfers, newest first.
    pub async fn list(&self, limit: u32, offset: u32) -> Result<Vec<Record>, DriveError> {
        Ok(self.shared.store.list(limit, offset).await?)
    }

    /// Transfers of every kind, newest first.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn list_all(&self, limit: u32, offset: u32) -> Result<Vec<Listed>, DriveError> {
        Ok(self.shared.store.list_all(limit, offset).await?)
    }

    /// Every part we have in one transfer.
    ///
    /// # Errors
    /// [`DriveError::PeerUnknownTransfer`].
    pub async fn show(&self, id: TransferId) -> Result<Vec<TransferView>, DriveError> {
        let records = self.shared.store.records_of(id).await?;
        if records.is_empty() {
            return Err(DriveError::PeerUnknownTransfer(id));
        }
        let mut views = Vec::with_capacity(records.len());
        for record in records {
            let (now, names) = (self.shared.clocks.now(), &self.shared.config.names);
            let explanation = explain_named(&record.state, &now, names);
            let history = self.shared.store.history(record.key).await?;
            views.push(TransferView {
                record,
                explanation,
                history,
            });
        }
        Ok(views)
    }

    /// Locks that asked us for an answer and were refused, newest first, with the reason.
    pub async fn refused(&self, limit: u32) -> Result<Vec<KnownLock>, DriveError> {
        Ok(self.shared.store.refused(limit).await?)
    }

    /// What a swap from `a` to `b` is timed by now.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn timing(&self, a: ChainId, b: ChainId) -> Result<Timing, DriveError> {
        self.shared.timing(a, b).await
    }

    /// Every change of a transfer from now on. Who falls behind by more than a thousand misses some.
    pub fn subscribe(&self) -> broadcast::Receiver<TransitionRow> {
        self.news.subscribe()
    }

    /// Wakes the lane of an account: an order was stored for it.
    pub fn knock(&self, chain: ChainId, account: Address) {
        let linked = self.shared.chains.iter().filter(|l| l.id == chain);
        for door in linked.flat_map(|linked| &linked.lanes) {
            if door.account == account {
                door.knock.notify_one();
            }
        }
    }

    /// Told whenever a call of the relay is over.
    pub fn closed_calls(&self) -> watch::Receiver<()> {
        self.shared.closed_calls.subscribe()
    }

    /// Has everybody look again who is told of closed calls.
    pub fn ring(&self) {
        self.shared.closed_calls.send_replace(());
    }

    /// Whether all tasks still run; a driver whose database fails for good stops itself.
    pub fn is_running(&self) -> bool {
        !self.shared.stop.is_cancelled()
    }

    /// Stops sending: a chain took back what was final, which the store remembers.
    pub(crate) fn fail_closed(&self) {
        self.shared.stop.cancel();
    }

    /// What is configured, for who plans transfers of another kind.
    pub(crate) fn config(&self) -> &DriveConfig {
        &self.shared.config
    }

    /// Stops every task and waits for them. Nothing is lost: the next start goes on from the store.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.tasks.wait().await;
    }

    async fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<T, DriveError>>) -> Msg,
    ) -> Result<T, DriveError> {
        let (reply, answer) = oneshot::channel();
        self.mailbox
            .send(message(reply))
            .await
            .map_err(|_| DriveError::Stopped)?;
        answer.await.map_err(|_| DriveError::Stopped)?
    }
}

impl Shared {
    fn linked(&self, id: ChainId) -> Result<&Linked, DriveError> {
        let known = || self.chains.iter().map(|linked| linked.id).collect();
        let found = self.chains.iter().find(|linked| linked.id == id);
        found.ok_or_else(|| DriveError::PeerUnknownChain {
            got: id,
            known: known(),
        })
    }

    fn chain_ids(&self) -> impl Iterator<Item = ChainId> {
        self.chains.iter().map(|linked| linked.id)
    }
}

fn link(chains: Vec<Arc<dyn Chain>>) -> Result<Vec<Linked>, DriveError> {
    let mut linked: Vec<Linked> = Vec::with_capacity(chains.len());
    for chain in chains {
        let id = chain.info().id;
        if linked.iter().any(|other| other.id == id) {
            return Err(DriveError::ConfigDuplicateChain(id));
        }
        let lanes = chain.accounts().into_iter().map(lane::Door::new).collect();
        linked.push(Linked { id, chain, lanes });
    }
    Ok(linked)
}

/// Messages that may wait for the router; senders wait beyond.
const MAILBOX: usize = 64;
/// Transitions a subscriber may fall behind.
const NEWS: usize = 1024;

#[cfg(test)]
mod tests;
