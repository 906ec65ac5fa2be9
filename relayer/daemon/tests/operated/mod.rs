//! Four operators of a feed, each with a database, a key, an archive and an endpoint of its own, over the chains of the local
//! profile. They know each other by address and certificate alone.

mod silent;

use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use async_trait::async_trait;
use causeway::{
    daemon::Chains,
    drive::{DriveConfig, Driver, DriverHandle},
    keys::Signers,
    local::OPERATORS,
    oracle::feeds::{
        FeedEnd, FeedSite, FeedsConfig, FeedsHandle, Operating, OperatorTls, PACE, PeerSite,
        Samples,
    },
    store::{Faults, Store, StoreKey},
};
use causeway_adapter_api::{
    Chain, ChainReader as _, ChainWriter as _, ContractReader as _, Height,
};
use causeway_adapter_device::{
    archive::{Archive, ArchiveConfig, ArchiveReader},
    check::{ClockLimits, Order, Peer, admit, follow, next_of},
    directory::{Directory, Entry, Feed, Fingerprint, Standing},
    keys::HardwareKey,
    names::{Did, FeedName, Unit},
    reading::{Body, Signed},
    sink::{Sink as _, SinkError},
    wire::Submitted,
};
use causeway_adapter_hosted::adapter::HostedChain;
use causeway_contracts::{FeedAggregator, deploy_code};
use causeway_core::feed::{Millis, Pace, Sample};
use secp256k1::SecretKey;

pub(crate) use self::silent::SilentLeader;
use crate::pegged::{act, as_carol};

/// Name of the feed.
pub(crate) const FEED: &str = "cold-chain/7/temperature";
/// Longest wait for one thing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(50);
const EVERY: Duration = Duration::from_millis(400);

/// The feed on both chains, and its operators.
pub(crate) struct World {
    pub(crate) chains: Chains,
    pub(crate) public: HostedChain,
    pub(crate) consortium: HostedChain,
    pub(crate) carol: Address,
    /// Aggregators: at home, and its twin.
    pub(crate) ends: [FeedEnd; 2],
    pub(crate) dir: PathBuf,
    pub(crate) keys: Vec<SecretKey>,
    ports: Vec<u16>,
    /// What the thermometer shows, hundredths of a degree.
    shown: Arc<AtomicI64>,
}

/// What the feed is deployed with.
pub(crate) fn terms(operators: &[Address]) -> FeedAggregator::FeedConfig {
    let mut sorted = operators.to_vec();
    sorted.sort_unstable();
    FeedAggregator::FeedConfig {
        operators: sorted.concat().into(),
        min: -4_000,
        max: 6_000,
        alarm: FeedAggregator::AlarmBand {
            low: 200,
            high: 800,
            hysteresis: 50,
            duration: 1,
        },
        deviation: 50,
        heartbeat: 6,
        staleAfter: 20,
    }
}

impl World {
    /// Deploys the feed, and hangs up a thermometer that shows four degrees.
    pub(crate) async fn new(dir: PathBuf, chains: Chains) -> Self {
        let (public, consortium) = (as_carol(&chains, "public"), as_carol(&chains, "consortium"));
        let carol = chains.accounts["carol"];
        // Twins have different addresses, so that a chain tells which one it has.
        let nothing = Bytes::new();
        act(&consortium, carol, Some(carol), nothing).await;
        let home = carol.create(public.next_nonce(carol).await.expect("a nonce"));
        let twin = carol.create(consortium.next_nonce(carol).await.expect("a nonce"));
        let operators = chains.operators();
        for chain in [&public, &consortium] {
            let arguments = FeedAggregator::constructorCall {
                feed_: causeway_contracts::oracle::feed_id(FEED),
                homeChainId: U256::from(public.info().id.0),
                home,
                administrator_: carol,
                decimals_: 2,
                description_: FEED.into(),
                config: terms(&operators),
            };
            let code = deploy_code(&FeedAggregator::BYTECODE, &arguments);
            act(chain, carol, None, code).await;
        }
        let end = |chain: &HostedChain, aggregator| FeedEnd {
            chain: chain.info().id,
            aggregator,
            start: Height(0),
        };
        let ends = [end(&public, home), end(&consortium, twin)];
        let local = chains.local.as_ref().expect("the local profile");
        let keys = OPERATORS.map(|name| local.keystore(name).open().expect("a key"));
        let shown = Arc::new(AtomicI64::new(400));
        let world = Self {
            ends,
            public,
            consortium,
            carol,
            dir,
            keys: keys.to_vec(),
            ports: free_ports(OPERATORS.len()),
            shown,
            chains,
        };
        let (archives, shown) = (world.archives(), Arc::clone(&world.shown));
        // A thread of its own, as a sensor: it ends with the test's process.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().expect("a runtime");
            runtime.block_on(thermometer(archives, shown));
        });
        world
    }

    fn archives(&self) -> Vec<PathBuf> {
        let path = |place| self.archive(place);
        (0..OPERATORS.len()).map(path).collect()
    }

    pub(crate) fn archive(&self, place: usize) -> PathBuf {
        self.dir.join(format!("archive{place}.sqlite"))
    }

    /// Has the thermometer show another temperature, hundredths of a degree.
    pub(crate) fn show(&self, value: i64) {
        self.shown.store(value, Ordering::SeqCst);
    }

    pub(crate) fn url(&self, place: usize) -> String {
        format!("https://127.0.0.1:{}", self.ports[place])
    }

    pub(crate) fn tls(&self, name: &str) -> OperatorTls {
        let ca = self.chains.local.as_ref().expect("local").ca();
        OperatorTls {
            ca: ca.join("ca.pem"),
            certificate: ca.join(format!("{name}.pem")),
            key: ca.join(format!("{name}.key")),
        }
    }

    /// An operator that keeps to the rules.
    pub(crate) async fn operator(&self, place: usize) -> House {
        let samples = Arc::new(ArchiveReader::new(&self.archive(place)));
        self.house(place, samples, Faults::none()).await
    }

    /// An operator with a view of its own, that may die at a persist point.
    pub(crate) async fn house(
        &self,
        place: usize,
        samples: Arc<dyn Samples>,
        faults: Faults,
    ) -> House {
        let name = OPERATORS[place];
        let hosted = ["public", "consortium"].map(|chain| {
            let hosting = self.chains.hosting(chain).expect("hosted");
            self.chains.as_account(hosting, name).expect("its account")
        });
        let chains: Vec<Arc<dyn Chain>> = hosted
            .into_iter()
            .map(|chain| Arc::new(chain) as Arc<dyn Chain>)
            .collect();
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports[place]));
        // Who had the port before has ended, but its listener may be closed a moment later.
        eventually("the port is free", || async move {
            TcpListener::bind(at).map(drop).map_err(|e| e.to_string())
        })
        .await;
        let path = self.dir.join(format!("house{place}.sqlite"));
        let store = Store::open(&path, StoreKey::new([7; 32])).await;
        let store = Arc::new(store.expect("a store").with_faults(faults.clone()));
        let driver = Driver::start(DriveConfig::default(), Arc::clone(&store), chains.clone());
        let driver = driver.await.expect("a driver");
        let account = self.chains.accounts[name];
        let others = (0..OPERATORS.len()).filter(|other| *other != place);
        let config = FeedsConfig {
            feeds: vec![FeedSite::new(FEED, 2, self.ends.to_vec())],
            operators: vec![Arc::new(Operating {
                name: name.into(),
                account,
                samples,
                listen: at,
                tls: self.tls(name),
            })],
            peers: others
                .map(|other| PeerSite {
                    name: OPERATORS[other].into(),
                    account: self.chains.accounts[OPERATORS[other]],
                    url: self.url(other),
                })
                .collect(),
            // Kind to a machine that is busy with other tests, and still quick where a leader is silent.
            pace: Pace {
                fresh: Millis(60_000),
                ..PACE
            },
            stale_payer: Some(account),
            ..FeedsConfig::default()
        };
        let signers = Signers::new([self.keys[place]]);
        let feeds = FeedsHandle::start(config, signers, Arc::clone(&store), driver.clone(), chains);
        House {
            feeds: feeds.await.expect("it begins"),
            driver,
            store,
            faults,
        }
    }

    /// A question to a contract at the newest final block.
    pub(crate) async fn ask<C: SolCall>(
        &self,
        chain: &HostedChain,
        to: Address,
        call: &C,
    ) -> Result<C::Return, causeway_adapter_api::ChainError> {
        let tip = chain.finalized().await.expect("a tip").height;
        let answer = chain.call(to, call.abi_encode().into(), tip).await?;
        Ok(C::abi_decode_returns(&answer).expect("what the interface says"))
    }
}

/// An operator: all that one machine would hold.
pub(crate) struct House {
    pub(crate) feeds: FeedsHandle,
    driver: DriverHandle,
    store: Arc<Store>,
    pub(crate) faults: Faults,
}

/// What an operator says of the feed: for each chain round and value of the last answer, alarm, stale.
pub(crate) type Stand = [(u32, i128, bool, bool); 2];

impl House {
    pub(crate) async fn stand(&self) -> Stand {
        let site = Arc::clone(&self.feeds.sites()[0]);
        let view = self.feeds.view(&site).await.expect("a view");
        let end = |place: usize| {
            let standing = &view.ends[place].standing;
            let answer = standing.answer.map(|answer| (answer.round, answer.value));
            let (round, value) = answer.unwrap_or_default();
            (round, value, standing.alarm, standing.stale)
        };
        [end(0), end(1)]
    }

    /// Waits until the feed stands on both chains as wanted.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&Stand) -> bool) -> Stand {
        eventually(what, || async {
            let stand = self.stand().await;
            if wanted(&stand) {
                Ok(stand)
            } else {
                Err(format!("{stand:?}"))
            }
        })
        .await
    }

    /// Ends it; what it had committed is all it has.
    pub(crate) async fn stop(self) {
        self.feeds.shutdown().await;
        self.driver.shutdown().await;
        self.store.close().await;
    }
}

/// Asks again until there is an answer.
pub(crate) async fn eventually<T, F: Future<Output = Result<T, String>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let began = tokio::time::Instant::now();
    loop {
        let last = match ask().await {
            Ok(answer) => return answer,
            Err(last) => last,
        };
        assert!(began.elapsed() < PATIENCE, "not in time: {what}: {last}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Says it is thirty degrees warmer than its devices do.
pub(crate) struct LyingOperator(pub(crate) ArchiveReader);

#[async_trait]
impl Samples for LyingOperator {
    async fn newest(&self, feed: B256, since: Millis) -> Result<Vec<Sample>, SinkError> {
        let mut found = self.0.newest(feed, since).await?;
        for sample in &mut found {
            sample.value += 3_000;
        }
        Ok(found)
    }
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.expect("after 1970").as_millis()).expect("milliseconds")
}

/// A device whose readings every operator checks and keeps, as an intake does.
async fn thermometer(archives: Vec<PathBuf>, shown: Arc<AtomicI64>) {
    let (hardware, did) = (HardwareKey::generate(), Did::of_number("10.cold.7"));
    let did = did.expect("an ODIN number");
    let feed = Feed {
        name: FeedName::new(FEED).expect("a name"),
        unit: Unit::new("Cel").expect("a unit"),
        decimals: 2,
        min: -4_000,
        max: 6_000,
        proved: false,
    };
    let (id, certificate) = (
        B256::repeat_byte(0xd1),
        Fingerprint(B256::repeat_byte(0xce)),
    );
    let mut directory = Directory::default();
    directory.describe(feed.clone()).expect("a feed");
    let entry = Entry {
        id,
        did,
        certificate,
        speaker: None,
        key_number: 1,
        hardware: hardware.public().coordinates(),
        feed_key: None,
        feeds: [feed.name.clone()].into(),
        standing: Standing::Active,
    };
    directory.admit(entry).expect("admitted");
    let mut kept = Vec::new();
    for path in archives {
        let archive = Archive::open(&path, ArchiveConfig::default()).await;
        kept.push(archive.expect("an archive"));
    }
    let mut last: Option<Signed> = None;
    loop {
        let next = next_of(last.as_ref().map(|last| &last.body));
        let body = Body {
            key_number: 1,
            sequence: next.sequence,
            time: now_ms(),
            value: shown.load(Ordering::SeqCst),
            device: id,
            feed: feed.name.id(),
            previous: next.previous,
        };
        let signed = Signed {
            body,
            hardware: hardware.sign(&body),
            feed: None,
        };
        for archive in &kept {
            let submitted = Submitted::Sealed(signed);
            let peer = Peer::Certificate(certificate);
            let limits = ClockLimits::default();
            let verified = admit(&directory, &peer, &submitted, now_ms(), limits);
            let order = follow(last.as_ref(), &verified.expect("a good reading"));
            let Ok(Order::Next(following)) = order else {
                panic!("the next reading: {order:?}")
            };
            let appended = archive.append(&[following], now_ms()).await;
            appended.expect("stored");
        }
        last = Some(signed);
        tokio::time::sleep(EVERY).await;
    }
}

/// Free now, below the range of outgoing connections, so that an operator finds its port again after a restart.
fn free_ports(count: usize) -> Vec<u16> {
    let start = 12_000 + u16::try_from(now_ms() % 7_000).expect("small");
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (start..21_000).filter(free).take(count).collect()
}
