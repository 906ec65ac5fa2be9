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
use tokio::sync::{
    Notify, broadcast,
    watch::{Receiver as Watching, Sender as Signal},
};

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
    store::{StoreError, StreamRow, Streamed},
    supply::SupplyHandle,
};

/// Events that are kept in memory; the database has more.
const KEPT_EVENTS: usize = 4_096;
/// Events read at once.
const PAGE: u32 = 256;
/// Pause between two looks when nobody says that there is more.
const LOOK: Duration = Duration::from_secs(5);
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
        tokio::spawn(publish(Arc::clone(&app)));
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

    /// An event of the database. What it is about may be forgotten: then a gap is all that can be said.
    pub(super) fn of(app: &App, row: &StreamRow) -> Self {
        let Some(said) = &row.said else {
            return Self::gap();
        };
        match said {
            Streamed::Step(row) => Self::new("step", &EventView::from(row)),
            Streamed::Crossing { key, id, step } => Self::new("step", &app.news(key, *id, step)),
            Streamed::Message(news) => Self::new("message", &MessageStep::new(app, news)),
            Streamed::Supply { peg, row } => Self::new("supply", &SupplyView::new(app, peg, row)),
            Streamed::Feed { feed, row } => match app.feeds.site(&feed.to_string()) {
                Ok(site) => Self::new("feed", &FeedStep::of(app, site, row.chain, &row.fact)),
                // The feed was taken out of the configuration.
                Err(_) => Self::gap(),
            },
            Streamed::Alarm(alarm) => Self::new("alarm", &AlarmView::from(alarm.clone())),
        }
    }

    /// Something is not known any more.
    pub(super) fn gap() -> Self {
        Self {
            name: "gap",
            data: "{}".into(),
        }
    }
}

/// An event and its number in the database.
pub(super) type Numbered = (u64, Published);

/// The newest events as they are sent, and who waits for more. The database has them all.
#[derive(Debug)]
pub(super) struct Events {
    kept: Mutex<Kept>,
    news: broadcast::Sender<Numbered>,
    newest: Signal<u64>,
    /// Says that there may be more in the database.
    more: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    next: u64,
    events: VecDeque<Numbered>,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            news: broadcast::channel(KEPT_EVENTS).0,
            newest: Signal::new(0),
            more: Notify::new(),
        }
    }
}

impl Events {
    /// What is kept from number `from` on, and what comes.
    pub(super) fn since(&self, from: u64) -> (Vec<Numbered>, broadcast::Receiver<Numbered>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let events = kept.events.iter().filter(|(n, _)| *n >= from);
        (events.cloned().collect(), self.news.subscribe())
    }

    /// Number the next event will have, as far as is known here.
    pub(super) fn next(&self) -> u64 {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next
    }

    /// The newest number; changes with every event.
    pub(super) fn newest(&self) -> Watching<u64> {
        self.newest.subscribe()
    }

    /// The next events after a number, if what follows it is kept here.
    pub(super) fn after(&self, seq: u64, limit: usize) -> Option<Vec<Numbered>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let from = seq.saturating_add(1);
        let known = kept.events.front().is_some_and(|(first, _)| *first <= from);
        let newer = || kept.events.iter().filter(|(n, _)| *n >= from);
        known.then(|| newer().take(limit).cloned().collect())
    }

    /// Something was made durable.
    fn look(&self) {
        self.more.notify_one();
    }

    fn push(&self, number: u64, event: impl Into<Published>) {
        let event = event.into();
        {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.next = number.saturating_add(1);
            if kept.events.len() == KEPT_EVENTS {
                kept.events.pop_front();
            }
            kept.events.push_back((number, event.clone()));
        }
        // An error means that nobody listens.
        let _ = self.news.send((number, event));
        self.newest.send_replace(number);
    }
}

/// Brings events from the database to those who listen, in the order in which they became durable.
async fn publish(app: Arc<App>) {
    let mut stopping = app.stopping.subscribe();
    // What was said before the start is shown as well.
    let mut seq = None;
    loop {
        if let Err(error) = bring(&app, &mut seq).await {
            tracing::warn!(%error, "events are not sent for now");
        }
        tokio::select! {
            () = app.events.more.notified() => {}
            // Somebody else may have made something durable.
            () = tokio::time::sleep(LOOK) => {}
            // An error means that the API is gone.
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}

async fn bring(app: &App, seq: &mut Option<u64>) -> Result<(), StoreError> {
    let store = app.log.store();
    let mut last = match *seq {
        Some(last) => last,
        None => store.stream_seq().await?.saturating_sub(KEPT_EVENTS as u64),
    };
    loop {
        let rows = store.stream_after(last, PAGE).await?;
        for row in &rows {
            app.events.push(row.seq, Published::of(app, row));
            last = row.seq;
        }
        *seq = Some(last);
        if rows.is_empty() {
            return Ok(());
        }
    }
}

/// Measures what happens, looks whether it is worth an alarm, and has it sent to those who listen.
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
                Ok(row) => metrics::transition(&row),
                Err(broadcast::error::RecvError::Lagged(missed)) => missed_some(missed),
                Err(broadcast::error::RecvError::Closed) => return,
            },
            step = async { tokio::select! {
                step = pegs.recv() => step,
                step = settlements.recv() => step,
            } } => match step {
                Ok(step) => metrics::crossing(&step),
                Err(broadcast::error::RecvError::Lagged(missed)) => missed_some(missed),
                Err(broadcast::error::RecvError::Closed) => return,
            },
            news = messages.recv() => match news {
                Ok(news) => metrics::message(&news),
                Err(broadcast::error::RecvError::Lagged(missed)) => missed_some(missed),
                Err(broadcast::error::RecvError::Closed) => return,
            },
            news = statements.recv() => match news {
                Ok(news) => watch::supply(&app, &news),
                Err(broadcast::error::RecvError::Lagged(missed)) => missed_some(missed),
                Err(broadcast::error::RecvError::Closed) => return,
            },
            news = feeds.recv() => match news {
                Ok(news) => watch::feed(&app, &news),
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    missed_some(missed);
                    watch::feeds(&app).await;
                }
                Err(broadcast::error::RecvError::Closed) => return,
            },
            news = alarms.recv() => match news {
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(missed)) => missed_some(missed),
                Err(broadcast::error::RecvError::Closed) => return,
            },
            // An error means that the API is gone.
            _ = stopping.changed() => return,
        }
        app.events.look();
    }
}

fn missed_some(missed: u64) {
    tracing::warn!(missed, "events were not measured by the API");
}

#[cfg(test)]
impl Events {
    /// As after a start.
    pub(super) fn forget(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.events.clear();
    }
}

#[cfg(test)]
impl App {
    /// Many events at once.
    pub(super) fn flood(&self, count: usize) {
        for number in 0..count as u64 {
            let said = Published::new("step", &serde_json::json!({}));
            self.events.push(number, said);
        }
    }
}
