//! Feeds brought to life: the tasks of the operators that are run here, what they send each other, and what the aggregators
//! of both chains say.
//!
//! ```text
//!  archive of the operator's intake --samples--> operator --messages, mutual TLS--> other operators
//!                                                | state, effects, orders: one commit
//!  aggregators --final logs--> watch --> store --'--> lane of the operator's account --report--> aggregators
//! ```
//!
//! * `watch`: one task for each aggregator puts on record what it says, tells who listens, and says when it is silent.
//! * `operator`: one task for each operator and feed holds a `causeway_core::feed::State` and does what it asks for.
//! * `peers`: an endpoint for each operator, and a queue for each of the others.
//!
//! What never happens here: an operator acts on a step before the step is stored with what it asks for (V7); a message
//! counts before every signature in it was verified; a queue grows without a stated maximum.

mod abi;
mod error;
mod operator;
mod peers;
mod samples;
mod view;
mod watch;

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use alloy_primitives::{Address, B256};
use causeway_adapter_api::{Chain, ChainId, Height};
use causeway_core::feed::{Millis, Pace};
use tokio::sync::{broadcast, watch as signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::{
    abi::{Answered, FeedFact, REPORT_OLD, Said, Standing, Terms, refusal, request_round},
    error::FeedsError,
    peers::{Envelope, MAX_MESSAGE, Taken},
    samples::Samples,
    view::{EndView, FeedView, OperatorView},
};
use crate::{
    drive::{DriverHandle, WallClock},
    keys::Signers,
    store::{FeedRow, Store},
};

/// What feeds are told.
pub struct FeedsConfig {
    /// The feeds.
    pub feeds: Vec<FeedSite>,
    /// The operators that are run here.
    pub operators: Vec<Arc<Operating>>,
    /// Operators that are run elsewhere.
    pub peers: Vec<PeerSite>,
    /// How patient the operators run here are.
    pub pace: Pace,
    /// Pause between two looks at an operator's archive.
    pub sample_every: Duration,
    /// Who pays for saying that a feed is silent; nobody says so here without.
    pub stale_payer: Option<Address>,
    /// Heights asked for at once.
    pub max_range: u64,
    /// The local clock.
    pub wall: WallClock,
}

impl Default for FeedsConfig {
    fn default() -> Self {
        Self {
            feeds: Vec::new(),
            operators: Vec::new(),
            peers: Vec::new(),
            pace: PACE,
            sample_every: Duration::from_millis(250),
            stale_payer: None,
            max_range: 500,
            wall: WallClock::default(),
        }
    }
}

/// A pace for operators that are near each other and devices that report every few seconds.
pub const PACE: Pace = Pace {
    gather: Millis(250),
    resend: Millis(1_000),
    patience: Millis(6_000),
    stage: Millis(4_000),
    fresh: Millis(30_000),
    skew: Millis(5_000),
};

/// A feed and its aggregators.
#[derive(Debug)]
pub struct FeedSite {
    /// Its name in the API, metrics and logs.
    pub name: String,
    /// Its id on every chain.
    pub id: B256,
    /// Digits behind the point.
    pub decimals: u8,
    /// Its aggregators, the first at home.
    pub ends: Vec<FeedEnd>,
    /// Told when an aggregator said something.
    bell: signal::Sender<()>,
}

impl FeedSite {
    /// A feed with aggregators at `ends`.
    pub fn new(name: &str, decimals: u8, ends: Vec<FeedEnd>) -> Self {
        Self {
            name: name.to_owned(),
            id: causeway_contracts::oracle::feed_id(name),
            decimals,
            ends,
            bell: signal::Sender::new(()),
        }
    }

    fn ring(&self) {
        self.bell.send_replace(());
    }
}

/// An aggregator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedEnd {
    /// Its chain.
    pub chain: ChainId,
    /// Where it is.
    pub aggregator: Address,
    /// Not deployed before this height.
    pub start: Height,
}

/// An operator that is run here.
pub struct Operating {
    /// Its name, as in its certificate.
    pub name: String,
    /// Its account, whose key signs and whose lanes send.
    pub account: Address,
    /// Its own view of the devices.
    pub samples: Arc<dyn Samples>,
    /// Where it takes messages.
    pub listen: SocketAddr,
    /// Its certificate, and whose it believes.
    pub tls: OperatorTls,
}

/// Files of an operator's mutual TLS, PEM: the certificate is a server's and a client's.
#[derive(Clone, Debug)]
pub struct OperatorTls {
    /// Certificates of the CA of all operators.
    pub ca: PathBuf,
    /// The operator's own.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// An operator that is run elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerSite {
    /// Its name, as in its certificate.
    pub name: String,
    /// Its account.
    pub account: Address,
    /// Where it takes messages: `https://host:port`.
    pub url: String,
}

/// Something new that an aggregator said, for who listens.
#[derive(Clone, Debug)]
pub struct FeedNews {
    /// Which feed.
    pub site: Arc<FeedSite>,
    /// Which chain.
    pub chain: ChainId,
    /// What.
    pub fact: FeedFact,
}

/// What all tasks share.
struct Shared {
    config: FeedsConfig,
    feeds: Vec<Arc<FeedSite>>,
    signers: Signers,
    store: Arc<Store>,
    driver: DriverHandle,
    chains: Vec<Arc<dyn Chain>>,
    /// Where the endpoints of the operators run here are.
    endpoints: BTreeMap<String, SocketAddr>,
    news: broadcast::Sender<FeedNews>,
    stop: CancellationToken,
}

/// The running feeds. Clones talk to the same ones; they stop with [`FeedsHandle::shutdown`].
#[derive(Clone)]
pub struct FeedsHandle {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

impl fmt::Debug for FeedsHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedsHandle")
            .field("feeds", &self.shared.feeds)
            .field("endpoints", &self.shared.endpoints)
            .finish_non_exhaustive()
    }
}

impl FeedsHandle {
    /// Opens the endpoints of the operators run here, and begins. Reports are sent by the lanes of `driver`.
    ///
    /// # Errors
    /// Names what is wrong with the configuration, a certificate, or an endpoint.
    pub async fn start(
        mut config: FeedsConfig,
        signers: Signers,
        store: Arc<Store>,
        driver: DriverHandle,
        chains: Vec<Arc<dyn Chain>>,
    ) -> Result<Self, FeedsError> {
        let feeds: Vec<Arc<FeedSite>> = config.feeds.drain(..).map(Arc::new).collect();
        check(&feeds, &config, &signers, &chains)?;
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let doors = peers::Doors::open(&config, &feeds, &stop).await?;
        let (news, _) = broadcast::channel(NEWS);
        let shared = Arc::new(Shared {
            endpoints: doors.addresses(),
            config,
            feeds,
            signers,
            store,
            driver,
            chains,
            news,
            stop,
        });
        for site in &shared.feeds {
            for end in &site.ends {
                let watch = watch::Watch::new(Arc::clone(&shared), Arc::clone(site), *end);
                tasks.spawn(watch.run());
            }
        }
        doors.serve(&shared, &tasks)?;
        tasks.close();
        Ok(Self { shared, tasks })
    }

    /// The feeds.
    pub fn sites(&self) -> &[Arc<FeedSite>] {
        &self.shared.feeds
    }

    /// A feed by name or id.
    ///
    /// # Errors
    /// [`FeedsError::PeerUnknownFeed`].
    pub fn site(&self, feed: &str) -> Result<&Arc<FeedSite>, FeedsError> {
        let mut feeds = self.shared.feeds.iter();
        let found = feeds.find(|site| site.name == feed || site.id.to_string() == feed);
        found.ok_or_else(|| FeedsError::PeerUnknownFeed(feed.chars().take(80).collect()))
    }

    /// Endpoints of the operators run here, by name.
    pub fn endpoints(&self) -> &BTreeMap<String, SocketAddr> {
        &self.shared.endpoints
    }

    /// What the aggregators of a feed said, newest first, at most `limit`, below the place `before`.
    ///
    /// # Errors
    /// [`FeedsError::PeerUnknownFeed`].
    pub async fn history(
        &self,
        feed: &str,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<FeedRow>, FeedsError> {
        let id = self.site(feed)?.id;
        Ok(self.shared.store.feed_history(id, before, limit).await?)
    }

    /// Everything aggregators say from now on. Who falls behind by more than a few hundred misses some.
    pub fn subscribe(&self) -> broadcast::Receiver<FeedNews> {
        self.shared.news.subscribe()
    }

    /// Stops every task and waits for them. The next start goes on from the store and the chains.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Shared {
    fn chain(&self, id: ChainId) -> Result<&Arc<dyn Chain>, FeedsError> {
        let found = self.chains.iter().find(|chain| chain.info().id == id);
        found.ok_or(FeedsError::ConfigUnknownChain(id))
    }
}

fn check(
    feeds: &[Arc<FeedSite>],
    config: &FeedsConfig,
    signers: &Signers,
    chains: &[Arc<dyn Chain>],
) -> Result<(), FeedsError> {
    for (place, site) in feeds.iter().enumerate() {
        if feeds.iter().take(place).any(|other| other.id == site.id) {
            return Err(FeedsError::ConfigDuplicateFeed(site.name.clone()));
        }
        let known = |end: &&FeedEnd| !chains.iter().any(|chain| chain.info().id == end.chain);
        if let Some(end) = site.ends.iter().find(known) {
            return Err(FeedsError::ConfigUnknownChain(end.chain));
        }
    }
    match config
        .operators
        .iter()
        .find(|operator| !signers.hold(operator.account))
    {
        Some(operator) => Err(FeedsError::ConfigNoKey(operator.name.clone())),
        None => Ok(()),
    }
}

/// News a subscriber may fall behind.
const NEWS: usize = 256;
