//! What the handlers share.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy_primitives::{Address, B256};
use causeway_adapter_api::{Chain, ChainError, ChainId, Tip};
use causeway_adapter_hosted::{node::Node, tls::Barred};
use causeway_core::swap::TransferId;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use tokio::sync::{broadcast, watch::Sender as Signal};

use super::{
    AlarmView, EventView, FeedStep, MessageStep, SupplyView,
    page::{self, Shared as Pages},
    watch,
};
use crate::{
    alarms::Alarms,
    config::{Config, raw::Kind},
    contracts::Proofs,
    crossing::{peg::PegHandle, settlement::SettlementHandle},
    drive::DriverHandle,
    election::ElectionSite,
    eventlog::LogHandle,
    external::External,
    hosting::Hosting,
    keys::Signers,
    members::Members,
    metrics,
    oracle::{OracleHandle, feeds::FeedsHandle},
    relay::RelayHandle,
    supply::SupplyHandle,
};

/// Events that a client can still resume from.
const KEPT_EVENTS: usize = 4_096;
/// Idempotency keys that are remembered.
const KEPT_KEYS: usize = 1_024;

/// What the handlers share.
pub struct App {
    pub(super) driver: DriverHandle,
    pub(super) relay: RelayHandle,
    pub(super) pegs: PegHandle,
    pub(super) supply: SupplyHandle,
    pub(super) settlements: SettlementHandle,
    pub(super) feeds: FeedsHandle,
    pub(super) oracle: Option<OracleHandle>,
    pub(super) signers: Signers,
    pub(super) log: LogHandle,
    pub(super) alarms: Alarms,
    pub(super) members: Option<Members>,
    pub(super) barred: Arc<Barred>,
    pub(super) election: Option<ElectionSite>,
    pub(super) chains: Vec<ChainEntry>,
    pub(super) accounts: BTreeMap<String, Address>,
    pub(super) access: Access,
    pub(super) limits: Limits,
    pub(super) prometheus: PrometheusHandle,
    pub(super) events: Events,
    pub(super) page: Pages,
    pub(super) streams: AtomicUsize,
    pub(super) stopping: Signal<bool>,
    /// Starts made under an idempotency key. Held while a transfer starts, so that a repetition waits for the first.
    pub(super) started: tokio::sync::Mutex<VecDeque<Repeatable>>,
}

/// What does the work behind the API.
pub struct Engines {
    /// The driver of swaps.
    pub driver: DriverHandle,
    /// The relay of messages.
    pub relay: RelayHandle,
    /// The driver of pegs.
    pub pegs: PegHandle,
    /// The supply statement.
    pub supply: SupplyHandle,
    /// The driver of settlements.
    pub settlements: SettlementHandle,
    /// Feeds.
    pub feeds: FeedsHandle,
    /// The operators run here, if there are any.
    pub oracle: Option<OracleHandle>,
    /// Keys of our accounts, for what is signed beside transactions.
    pub signers: Signers,
    /// The event log.
    pub log: LogHandle,
    /// The alarms.
    pub alarms: Alarms,
    /// Where members decide, where that is known.
    pub members: Option<Members>,
    /// Certificates that count no more.
    pub barred: Arc<Barred>,
    /// Where producers are elected, where that is known.
    pub election: Option<ElectionSite>,
}

/// Who may talk to the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Loopback without certificates: the local profile.
    Loopback,
    /// Client certificates with roles.
    Certificates,
}

/// Bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) request_timeout: Duration,
    pub(super) max_body_bytes: usize,
    pub(super) max_event_streams: usize,
}

impl Limits {
    /// How long one chain may take while a request about several is answered: such a request asks it at most twice.
    pub(super) fn per_chain(&self) -> Duration {
        self.request_timeout / 4
    }
}

/// A start that may be repeated.
#[derive(Clone, Debug)]
pub(super) struct Repeatable {
    pub(super) key: String,
    pub(super) body: B256,
    pub(super) id: TransferId,
}

/// A chain as the API shows it.
#[derive(Clone)]
pub struct ChainEntry {
    /// Its name.
    pub name: String,
    /// `public`, `consortium` or `evm`.
    pub kind: &'static str,
    /// The adapter.
    pub chain: Arc<dyn Chain>,
    /// Its points token.
    pub points_token: Option<Address>,
    /// Its contracts of proofs, where the daemon knows them.
    pub proofs: Option<Proofs>,
    /// Its contracts of messages and settlements.
    pub contracts: ChainContracts,
    /// JSON-RPC without a certificate.
    pub rpc: Option<SocketAddr>,
    /// JSON-RPC with one.
    pub rpc_tls: Option<SocketAddr>,
    /// Validators of the chain, where it is hosted here.
    pub validators: Option<usize>,
    /// The chain itself, where it is hosted here.
    pub node: Option<Node>,
    /// Age of its newest final block, in seconds, from which on it counts as stalled.
    pub stalled_after: u64,
}

/// Contracts of messages and settlements on one chain, where it has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainContracts {
    /// The `Gateway`.
    pub gateway: Option<Address>,
    /// `SettlementEscrow` or `Settlement`.
    pub settlement: Option<Address>,
    /// `DeliveryAgreement`.
    pub delivery_agreement: Option<Address>,
}

/// Seconds without a final block after which a hosted chain counts as stalled.
const STALLED_SECONDS: u64 = 30;

impl ChainEntry {
    /// A hosted chain.
    pub fn hosted(hosting: &Hosting) -> Self {
        Self {
            name: hosting.name.clone(),
            kind: match hosting.kind {
                Kind::Public => "public",
                Kind::Consortium => "consortium",
            },
            chain: Arc::clone(&hosting.chain) as Arc<dyn Chain>,
            points_token: hosting.points_token,
            proofs: None,
            contracts: ChainContracts::default(),
            rpc: hosting.rpc,
            rpc_tls: hosting.rpc_tls,
            validators: Some(hosting.node.spec().validators.len()),
            node: Some(hosting.node.clone()),
            stalled_after: STALLED_SECONDS,
        }
    }

    /// An external chain.
    pub fn external(external: &External) -> Self {
        let usual_ms = external
            .assumed
            .inclusion_ms
            .saturating_add(external.assumed.finality_ms);
        Self {
            name: external.name.clone(),
            kind: "evm",
            chain: Arc::clone(&external.chain) as Arc<dyn Chain>,
            points_token: external.points_token,
            proofs: None,
            contracts: ChainContracts::default(),
            rpc: None,
            rpc_tls: None,
            validators: None,
            node: None,
            // The newest final block of a chain that finalises slowly is never young.
            stalled_after: STALLED_SECONDS.saturating_add(usual_ms.div_ceil(1_000)),
        }
    }

    /// The newest final block, or why there is none within `limit`: a node that hangs must not hold up the others.
    pub(super) async fn tip(&self, limit: Duration) -> Result<Tip, ChainError> {
        let asked = tokio::time::timeout(limit, self.chain.finalized()).await;
        asked.unwrap_or_else(|_| {
            Err(ChainError::Timeout {
                chain: self.name.clone(),
                doing: "reading the newest final block",
                limit,
            })
        })
    }

    /// Its chain id.
    pub fn id(&self) -> ChainId {
        self.chain.info().id
    }
}

impl App {
    /// Gathers what the handlers need and begins to collect events.
    pub fn new(
        engines: Engines,
        chains: Vec<ChainEntry>,
        accounts: BTreeMap<String, Address>,
        config: &Config,
    ) -> Arc<Self> {
        let access = if config.api.tls.is_some() {
            Access::Certificates
        } else {
            Access::Loopback
        };
        Self::with_access(engines, chains, accounts, config, access)
    }

    pub(super) fn with_access(
        engines: Engines,
        chains: Vec<ChainEntry>,
        accounts: BTreeMap<String, Address>,
        config: &Config,
        access: Access,
    ) -> Arc<Self> {
        let Engines {
            driver,
            relay,
            pegs,
            supply,
            settlements,
            alarms,
            feeds,
            log,
            oracle,
            signers,
            members,
            barred,
            election,
        } = engines;
        let app = Arc::new(Self {
            driver,
            relay,
            pegs,
            supply,
            settlements,
            alarms,
            members,
            barred,
            election,
            feeds,
            log,
            oracle,
            signers,
            chains,
            accounts,
            access,
            limits: Limits {
                request_timeout: config.api.request_timeout,
                max_body_bytes: config.api.max_body_bytes,
                max_event_streams: config.api.max_event_streams,
            },
            prometheus: metrics::handle(),
            events: Events::default(),
            page: Pages::new(config.transfers.raw.clock_skew_seconds),
            streams: AtomicUsize::new(0),
            stopping: Signal::new(false),
            started: tokio::sync::Mutex::default(),
        });
        tokio::spawn(collect(Arc::clone(&app)));
        tokio::spawn(watch::margins(Arc::clone(&app)));
        tokio::spawn(page::learn(Arc::clone(&app)));
        app
    }

    pub(super) fn chain_name(&self, id: ChainId) -> String {
        let found = self.chains.iter().find(|entry| entry.id() == id);
        found.map_or_else(|| id.to_string(), |entry| entry.name.clone())
    }

    pub(super) fn account_name(&self, address: Address) -> Option<String> {
        self.accounts
            .iter()
            .find(|(_, a)| **a == address)
            .map(|(name, _)| name.clone())
    }

    /// Takes one of the bounded event streams, until the guard is dropped.
    pub(super) fn take_stream(self: &Arc<Self>) -> Option<StreamGuard> {
        let max = self.limits.max_event_streams;
        let taken = self
            .streams
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| {
                (n < max).then_some(n + 1)
            });
        taken.ok().map(|_| StreamGuard(Arc::clone(self)))
    }
}

/// Gives an event stream back when dropped.
pub(super) struct StreamGuard(pub(super) Arc<App>);

impl Drop for StreamGuard {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Repeatable {
    pub(super) fn remember(self, kept: &mut VecDeque<Self>) {
        if kept.len() == KEPT_KEYS {
            kept.pop_front();
        }
        kept.push_back(self);
    }
}

/// An event as it is sent: its name and its JSON.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) name: &'static str,
    pub(super) data: String,
}

impl Published {
    fn new(name: &'static str, value: &impl Serialize) -> Self {
        let data = serde_json::to_string(value).unwrap_or_default();
        Self { name, data }
    }
}

impl From<EventView> for Published {
    fn from(step: EventView) -> Self {
        Self::new("step", &step)
    }
}

/// An event and its number in this run.
type Numbered = (u64, Published);

/// The newest events, and who waits for more.
#[derive(Debug)]
pub(super) struct Events {
    kept: Mutex<Kept>,
    news: broadcast::Sender<Numbered>,
    /// Tells ids of this run from those of another.
    pub(super) run: u64,
}

#[derive(Debug, Default)]
struct Kept {
    next: u64,
    events: VecDeque<Numbered>,
}

impl Default for Events {
    fn default() -> Self {
        let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        // Two starts within a second are two runs.
        let run = started.map_or(0, |t| u64::try_from(t.as_millis()).unwrap_or(u64::MAX));
        Self {
            kept: Mutex::default(),
            news: broadcast::channel(KEPT_EVENTS).0,
            run,
        }
    }
}

impl Events {
    /// What is kept from number `from` on, whether nothing between is missing, and what comes.
    pub(super) fn since(&self, from: u64) -> (Vec<Numbered>, bool, broadcast::Receiver<Numbered>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let complete =
            kept.events.front().is_none_or(|(first, _)| *first <= from) && from <= kept.next;
        let events = kept
            .events
            .iter()
            .filter(|(n, _)| *n >= from)
            .cloned()
            .collect();
        (events, complete, self.news.subscribe())
    }

    /// Number the next event will have.
    pub(super) fn next(&self) -> u64 {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next
    }

    fn push(&self, event: impl Into<Published>) {
        let event = event.into();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let number = kept.next;
        kept.next += 1;
        if kept.events.len() == KEPT_EVENTS {
            kept.events.pop_front();
        }
        kept.events.push_back((number, event.clone()));
        // An error means that nobody listens.
        let _ = self.news.send((number, event));
    }
}

async fn collect(app: Arc<App>) {
    let mut news = app.driver.subscribe();
    let mut pegs = app.pegs.subscribe();
    let mut messages = app.relay.subscribe();
    let mut statements = app.supply.subscribe();
    let mut settlements = app.settlements.subscribe();
    let mut feeds = app.feeds.subscribe();
    let mut alarms = app.alarms.subscribe();
    let mut stopping = app.stopping.subscribe();
    // What aggregators said in an earlier run is no news.
    watch::feeds(&app).await;
    loop {
        tokio::select! {
            row = news.recv() => match row {
                Ok(row) => {
                    metrics::transition(&row);
                    app.events.push(EventView::from(&row));
                }
                Err(broadcast::error::RecvError::Lagged(missed)) => missed_some(missed),
                Err(broadcast::error::RecvError::Closed) => return,
            },
            step = async { tokio::select! {
                step = pegs.recv() => step,
                step = settlements.recv() => step,
            } } => match step {
                Ok(step) => {
                    metrics::crossing(&step);
                    app.events.push(app.news(&step));
                }
                Err(broadcast::error::RecvError::Lagged(missed)) => missed_some(missed),
                Err(broadcast::error::RecvError::Closed) => return,
            },
            news = messages.recv() => match news {
                Ok(news) => {
                    metrics::message(&news);
                    app.events.push(Published::new("message", &MessageStep::new(&app, &news)));
                }
                Err(broadcast::error::RecvError::Lagged(missed)) => missed_some(missed),
                Err(broadcast::error::RecvError::Closed) => return,
            },
            news = statements.recv() => match news {
                Ok(news) => {
                    watch::supply(&app, &news);
                    let view = SupplyView::new(&app, &news.peg, &news.row);
                    app.events.push(Published::new("supply", &view));
                }
                Err(broadcast::error::RecvError::Lagged(missed)) => missed_some(missed),
                Err(broadcast::error::RecvError::Closed) => return,
            },
            news = feeds.recv() => match news {
                Ok(news) => {
                    watch::feed(&app, &news);
                    app.events.push(Published::new("feed", &FeedStep::new(&app, &news)));
                }
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    missed_some(missed);
                    watch::feeds(&app).await;
                }
                Err(broadcast::error::RecvError::Closed) => return,
            },
            news = alarms.recv() => match news {
                Ok(news) => app.events.push(Published::new("alarm", &AlarmView::from(news.alarm))),
                Err(broadcast::error::RecvError::Lagged(missed)) => missed_some(missed),
                Err(broadcast::error::RecvError::Closed) => return,
            },
            // An error means that the API is gone.
            _ = stopping.changed() => return,
        }
    }
}

fn missed_some(missed: u64) {
    tracing::warn!(
        missed,
        "events were missed by the API; its clients list again"
    );
}

#[cfg(test)]
impl App {
    /// Many events at once.
    pub(super) fn flood(&self, count: usize) {
        for _ in 0..count {
            self.events
                .push(Published::new("step", &serde_json::json!({})));
        }
    }
}
