//! Devices and the operators of this process: who may speak, what they say, and what is anchored of it.
//!
//! ```text
//!  DeviceRegistry, DeviceMirror --final logs--> watch --> store --> the directory of every operator
//!  devices --HTTPS, MQTT--> operator: its intake --> its archive --> answer
//!                                       period over --> root --> Evidence.anchor --> rollUp --Gateway--> EvidenceRoll
//!                                       contradiction --> DeviceRegistry.slash
//! ```
//!
//! Every operator has its own account, archive and intake; all of them read the same final blocks. In the local profile
//! four of them run here, elsewhere those that `[oracle.operators]` names.

pub mod admit;
mod did;
mod error;
pub mod feeds;
mod health;
mod keep;
mod kit;
mod operator;
mod proof;
mod record;
mod session;
mod setup;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use alloy_primitives::{Address, B256, U256};
use causeway_adapter_api::{Chain, ChainId};
use causeway_adapter_device::{
    archive::KeptEvidence,
    names::Did,
    reading::{self, Signed},
    sink::Sink as _,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::setup::Surroundings;
pub use self::{
    did::document as did_document,
    error::OracleError,
    health::{Health, Verdict},
    kit::{Kit, KitError},
    operator::Operator,
    proof::{ProofError, ProvedAnchor, ReadingProof, Shown},
    record::{AnchorRecord, DeviceRecord, DeviceState, OracleFact},
    session::{NoSession, Session, Sessions, digest_of},
    setup::{OperatorSetup, OracleConfig, OracleSite},
};
use crate::{
    alarms::Alarms,
    drive::DriverHandle,
    store::{DeviceRow, RewardRow, Store},
};

/// What all tasks share.
struct Shared {
    config: OracleConfig,
    store: Arc<Store>,
    driver: DriverHandle,
    chains: Vec<Arc<dyn Chain>>,
    operators: Vec<Arc<Operator>>,
    stop: CancellationToken,
}

impl Shared {
    fn chain(&self, id: ChainId) -> Result<&dyn Chain, OracleError> {
        let found = self.chains.iter().find(|chain| chain.info().id == id);
        found
            .map(|chain| chain.as_ref())
            .ok_or(OracleError::ConfigUnknownChain(id))
    }

    fn feeds_of(&self, did: &Did, owner: Address) -> Vec<String> {
        let feeds = self.config.feeds.iter();
        let speaks = feeds.filter(|feed| feed.heard(did, owner));
        speaks.map(|feed| feed.feed.name.to_string()).collect()
    }
}

/// The operators of this process. Clones talk to the same ones; they stop with [`OracleHandle::shutdown`].
#[derive(Clone)]
pub struct OracleHandle {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

impl std::fmt::Debug for OracleHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OracleHandle")
            .field("operators", &self.shared.operators)
            .finish_non_exhaustive()
    }
}

impl OracleHandle {
    /// Opens the archives, takes readings, and follows what the chains say of devices.
    ///
    /// # Errors
    /// Names the operator whose archive, certificate or port cannot be used.
    pub async fn start(
        config: OracleConfig,
        store: Arc<Store>,
        driver: DriverHandle,
        chains: Vec<Arc<dyn Chain>>,
        alarms: Alarms,
    ) -> Result<Self, OracleError> {
        let mut shared = Shared {
            config,
            store,
            driver,
            chains,
            operators: Vec::new(),
            stop: CancellationToken::new(),
        };
        // What was known before the restart is known at once; what happened since follows within moments.
        let directory = shared.directory().await?;
        for setup in shared.config.operators.clone() {
            let operator = Operator::start(&shared.config, setup, directory.clone()).await?;
            tracing::info!(operator = operator.name(), addr = %operator.addr(), "an operator takes readings");
            shared.operators.push(Arc::new(operator));
        }
        let shared = Arc::new(shared);
        let tasks = TaskTracker::new();
        for source in shared.config.sources() {
            tasks.spawn(watch::follow(Arc::clone(&shared), source));
        }
        for operator in shared.operators.clone() {
            tasks.spawn(keep::keep(Arc::clone(&shared), operator));
        }
        tasks.spawn(health::watch(Arc::clone(&shared), alarms));
        tasks.close();
        Ok(Self { shared, tasks })
    }

    /// What the operators were told.
    pub fn config(&self) -> &OracleConfig {
        &self.shared.config
    }

    /// The operators.
    pub fn operators(&self) -> &[Arc<Operator>] {
        &self.shared.operators
    }

    /// Devices whose DID comes after `after`, in the order of their DIDs.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn devices(&self, after: &str, limit: u32) -> Result<Vec<DeviceRow>, OracleError> {
        Ok(self.shared.store.devices(after, limit).await?)
    }

    /// Uses up to `wanted` bought reads of a listing; returns how many were left to use.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn use_reads(
        &self,
        listing: B256,
        account: Address,
        bought: u64,
        wanted: u64,
    ) -> Result<u64, OracleError> {
        let store = &self.shared.store;
        Ok(store.use_reads(listing, account, bought, wanted).await?)
    }

    /// Reads of a listing that an account has used here.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn reads_used(&self, listing: B256, account: Address) -> Result<u64, OracleError> {
        Ok(self.shared.store.reads_used(listing, account).await?)
    }

    /// What a listing's reward of this number was asked for from here.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn asked_reward(
        &self,
        listing: B256,
        number: u64,
    ) -> Result<Option<RewardRow>, OracleError> {
        Ok(self.shared.store.reward(listing, number).await?)
    }

    /// Keeps what a reward is asked for.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn ask_reward(
        &self,
        listing: B256,
        number: u64,
        row: &RewardRow,
    ) -> Result<(), OracleError> {
        Ok(self.shared.store.ask_reward(listing, number, row).await?)
    }

    /// Forgets a reward that was refused.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn forget_reward(&self, listing: B256, number: u64) -> Result<(), OracleError> {
        Ok(self.shared.store.forget_reward(listing, number).await?)
    }

    /// For how many readings a device was rewarded, and with how much.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn earned(&self, device: B256) -> Result<(u64, U256), OracleError> {
        Ok(self.shared.store.earned(device).await?)
    }

    /// The device of an id.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn device_by_id(&self, id: B256) -> Result<Option<DeviceRow>, OracleError> {
        Ok(self.shared.store.device_by_id(id).await?)
    }

    /// Readings of each device of a feed in periods that are over, as the operator of this account counts them, or else the
    /// feed's keeper; with that operator's name.
    ///
    /// # Errors
    /// An archive that cannot be read.
    pub async fn counted(
        &self,
        feed: B256,
        account: Address,
        periods: (u64, u64),
        most: u32,
    ) -> Result<(String, BTreeMap<B256, u64>), OracleError> {
        let Some(operator) = self.counter(feed, account) else {
            return Ok((String::new(), BTreeMap::new()));
        };
        let counted = operator.archive().counted(feed, periods, most).await;
        let counted = counted.map_err(|source| operator.failed(source))?;
        Ok((operator.name().to_owned(), counted.into_iter().collect()))
    }

    /// Number of the newest period of a feed that is over, in the archive that [`OracleHandle::counted`] counts.
    ///
    /// # Errors
    /// An archive that cannot be read.
    pub async fn newest_closed(
        &self,
        feed: B256,
        account: Address,
    ) -> Result<Option<u64>, OracleError> {
        let Some(operator) = self.counter(feed, account) else {
            return Ok(None);
        };
        let periods = operator.archive().periods(feed).await;
        let periods = periods.map_err(|source| operator.failed(source))?;
        let closed = periods.iter().rev().find(|period| period.root.is_some());
        Ok(closed.map(|period| period.period))
    }

    fn counter(&self, feed: B256, account: Address) -> Option<Arc<Operator>> {
        let mut operators = self.keepers_first(feed);
        operators.sort_by_key(|operator| operator.account() != account);
        operators.into_iter().next()
    }

    /// The device of a DID.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn device(&self, did: &str) -> Result<Option<DeviceRow>, OracleError> {
        Ok(self.shared.store.device_of(did).await?)
    }

    /// Names of our feeds that a device of this owner speaks for.
    pub fn feeds_of(&self, did: &Did, owner: Address) -> Vec<String> {
        self.shared.feeds_of(did, owner)
    }

    /// Devices that showed something against themselves to an operator here.
    ///
    /// # Errors
    /// An archive that cannot be read.
    pub async fn accused(&self) -> Result<BTreeSet<B256>, OracleError> {
        self.shared.accused().await
    }

    /// How a device is; `since` is when it could have begun to speak, milliseconds since 1970.
    ///
    /// # Errors
    /// An archive that cannot be read.
    pub async fn health(
        &self,
        row: &DeviceRow,
        accused: &BTreeSet<B256>,
        since: u64,
    ) -> Result<Health, OracleError> {
        self.shared.health(row, accused, since).await
    }

    /// The first thing that a device showed against itself to any operator here.
    ///
    /// # Errors
    /// An archive that cannot be read.
    pub async fn evidence_against(
        &self,
        device: B256,
    ) -> Result<Option<KeptEvidence>, OracleError> {
        for operator in &self.shared.operators {
            let accused = operator.archive().accused().await;
            let accused = accused.map_err(|source| operator.failed(source))?;
            let against = |kept: &&KeptEvidence| kept.readings[0].0.device == device;
            if let Some(kept) = accused.iter().find(against) {
                return Ok(Some(*kept));
            }
        }
        Ok(None)
    }

    /// A reading of a device from the first archive here that has it; the feed's keeper is asked first.
    ///
    /// # Errors
    /// An archive that cannot be read.
    pub async fn reading(
        &self,
        chain: reading::Chain,
        sequence: u64,
    ) -> Result<Option<(Arc<Operator>, Signed)>, OracleError> {
        for operator in self.keepers_first(chain.feed) {
            let found = operator.archive().reading(chain, sequence).await;
            if let Some(signed) = found.map_err(|source| operator.failed(source))? {
                return Ok(Some((operator, signed)));
            }
        }
        Ok(None)
    }

    /// The newest reading of a device in each archive here, by the operator's name.
    ///
    /// # Errors
    /// An archive that cannot be read.
    pub async fn newest(
        &self,
        chain: reading::Chain,
    ) -> Result<Vec<(String, Option<Signed>)>, OracleError> {
        let mut all = Vec::new();
        for operator in &self.shared.operators {
            let last = operator.archive().last(chain).await;
            let last = last.map_err(|source| operator.failed(source))?;
            all.push((operator.name().to_owned(), last));
        }
        Ok(all)
    }

    /// A reading with the way to an anchored root; `None` while its period is open or not anchored at a final height.
    ///
    /// # Errors
    /// An archive or database that cannot be read.
    pub async fn proof(
        &self,
        chain: reading::Chain,
        sequence: u64,
        hardware: [B256; 2],
    ) -> Result<Option<ReadingProof>, OracleError> {
        for operator in self.keepers_first(chain.feed) {
            let found = operator.archive().inclusion(chain, sequence).await;
            let Some(inclusion) = found.map_err(|source| operator.failed(source))? else {
                continue;
            };
            let period = inclusion.period.period;
            let anchor = self.shared.store.anchor_of(chain.feed, period).await?;
            // Another operator's periods have other readings: only the keeper's are anchored.
            let Some(anchor) = anchor.filter(|anchor| Some(anchor.root) == inclusion.period.root)
            else {
                continue;
            };
            return Ok(Some(ReadingProof::new(&inclusion, hardware, &anchor)));
        }
        Ok(None)
    }

    fn keepers_first(&self, feed: B256) -> Vec<Arc<Operator>> {
        let feeds = self.shared.config.feeds.iter();
        let mut found = feeds.filter(|known| known.feed.name.id() == feed);
        let keeper = found.find_map(|known| known.keeper.clone());
        let mut operators = self.shared.operators.clone();
        operators.sort_by_key(|operator| Some(operator.name()) != keeper.as_deref());
        operators
    }

    /// Stops every task and waits for them. What was confirmed is on disk.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        for operator in &self.shared.operators {
            operator.stop().await;
        }
        self.tasks.wait().await;
    }
}
