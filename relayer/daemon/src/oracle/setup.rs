//! What the operators of this process are told, from the configuration and from what the local profile made.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    num::NonZeroU32,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use alloy_primitives::Address;
use causeway_adapter_api::{ChainId, Height};
use causeway_adapter_device::{
    archive::ArchiveReader,
    directory::Feed,
    names::{Did, FeedName, Unit},
};

use super::feeds::{FeedEnd, FeedSite, FeedsConfig, Operating, OperatorTls, PeerSite};
use crate::{
    config::{self, OracleFeed, OracleMqtt, Tls},
    contracts::{DEMO_DECIMALS, DEMO_FEED, DEMO_RANGE, DEMO_UNIT, OracleAt},
    local::{DEVICE_OWNER, INTAKE, Local, LocalPorts, OPERATORS},
};

/// Where the contracts of devices are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OracleSite {
    /// The chain that admits devices.
    pub public: ChainId,
    /// `DeviceRegistry`.
    pub registry: Address,
    /// `EvidenceRoll`.
    pub roll: Address,
    /// `DataMarket`.
    pub market: Address,
    /// Where reading of the registry begins.
    pub public_start: Height,
    /// The chain on which readings are anchored.
    pub consortium: ChainId,
    /// `DeviceMirror`.
    pub mirror: Address,
    /// `Evidence`.
    pub evidence: Address,
    /// Where reading of the mirror begins.
    pub consortium_start: Height,
}

/// One operator of this process.
#[derive(Clone, Debug)]
pub struct OperatorSetup {
    /// Its name.
    pub name: String,
    /// Its account on both chains. The key is where the keys of all accounts are: in the lanes, and in `keys::Signers`.
    pub account: Address,
    /// Its archive, which no other operator uses.
    pub archive_file: PathBuf,
    /// Where readings are posted.
    pub listen: SocketAddr,
    /// Where another port is taken when that one is used: in the local profile.
    pub near: Option<LocalPorts>,
    /// Its certificate, and the CA of its devices.
    pub tls: Tls,
    /// A broker whose readings it takes too.
    pub mqtt: Option<OracleMqtt>,
    /// Where it takes messages of other operators, and by which certificate; without it takes no part in feeds.
    pub messages: Option<(SocketAddr, Tls)>,
}

/// Everything that the operators of this process are told.
#[derive(Clone, Debug)]
pub struct OracleConfig {
    /// Where the contracts are.
    pub site: OracleSite,
    /// Feeds whose readings are taken.
    pub feeds: Vec<OracleFeed>,
    /// The operators.
    pub operators: Vec<OperatorSetup>,
    /// Length of the periods over which readings are anchored.
    pub period: Duration,
    /// Readings a device may send each second, on average.
    pub per_second: NonZeroU32,
    /// Most that an archive may grow to, bytes.
    pub max_archive_bytes: u64,
    /// Whether evidence against a device is brought to the registry without being asked.
    pub slash: bool,
    /// After how long without a reading a device counts as silent.
    pub silent_after: Duration,
}

/// What an [`OracleConfig`] is made of.
pub(crate) struct Surroundings<'a> {
    pub(crate) config: &'a config::Oracle,
    pub(crate) accounts: &'a BTreeMap<String, Address>,
    pub(crate) local: Option<(&'a Local, OracleAt, [ChainId; 2])>,
    /// Ids of the chains that `[oracle.contracts]` names.
    pub(crate) named: Option<[ChainId; 2]>,
    pub(crate) data_dir: &'a std::path::Path,
    pub(crate) ports: LocalPorts,
}

impl OracleConfig {
    /// What the configuration and, in the local profile, what it made come to; `None` when no operator runs here.
    pub(crate) fn gather(around: &Surroundings<'_>) -> Option<Self> {
        let config = around.config;
        if !config.enabled {
            return None;
        }
        let site = match (around.local, &config.contracts, around.named) {
            (Some((_, at, [public, consortium])), _, _) => OracleSite {
                public,
                registry: at.registry,
                roll: at.roll,
                market: at.market,
                public_start: Height(0),
                consortium,
                mirror: at.mirror,
                evidence: at.evidence,
                consortium_start: Height(0),
            },
            (None, Some(at), Some([public, consortium])) => OracleSite {
                public,
                registry: at.device_registry,
                roll: at.evidence_roll,
                market: at.data_market,
                public_start: Height(at.public_start_height),
                consortium,
                mirror: at.device_mirror,
                evidence: at.evidence,
                consortium_start: Height(at.consortium_start_height),
            },
            _ => return None,
        };
        let mut feeds = config.feeds.clone();
        feeds.extend(around.local.and_then(|(_, at, _)| demo_feed(around, &at)));
        let operators = around.operators();
        (!operators.is_empty()).then_some(Self {
            site,
            feeds,
            operators,
            period: config.period,
            per_second: config.per_second,
            max_archive_bytes: config.max_archive_bytes,
            slash: config.slash,
            silent_after: config.silent_after,
        })
    }
}

impl OracleConfig {
    /// What feeds are told: those with aggregators, and the operators here that take messages.
    pub(crate) fn feeds_config(&self, peers: Vec<PeerSite>) -> FeedsConfig {
        let site = |feed: &OracleFeed| {
            let [public, consortium] = feed.aggregators?;
            let (name, decimals) = (feed.feed.name.as_str(), feed.feed.decimals);
            let home = FeedEnd {
                chain: self.site.public,
                aggregator: public,
                start: self.site.public_start,
            };
            let twin = FeedEnd {
                chain: self.site.consortium,
                aggregator: consortium,
                start: self.site.consortium_start,
            };
            Some(FeedSite::new(name, decimals, vec![home, twin]))
        };
        let operating = |setup: &OperatorSetup| {
            let (listen, tls) = setup.messages.clone()?;
            Some(Arc::new(Operating {
                name: setup.name.clone(),
                account: setup.account,
                samples: Arc::new(ArchiveReader::new(&setup.archive_file)),
                listen,
                tls: OperatorTls {
                    ca: tls.client_ca_file,
                    certificate: tls.certificate_file,
                    key: tls.key_file,
                },
            }))
        };
        FeedsConfig {
            feeds: self.feeds.iter().filter_map(site).collect(),
            operators: self.operators.iter().filter_map(operating).collect(),
            peers,
            stale_payer: self.operators.first().map(|setup| setup.account),
            ..FeedsConfig::default()
        }
    }
}

impl Surroundings<'_> {
    fn operators(&self) -> Vec<OperatorSetup> {
        let mut names: BTreeSet<&str> = self.config.operators.keys().map(String::as_str).collect();
        if self.local.is_some() {
            names.extend(OPERATORS);
        }
        names.retain(|name| !self.config.without.contains(*name));
        let setup = |(place, name): (usize, &str)| self.operator(place, name);
        names.into_iter().enumerate().filter_map(setup).collect()
    }

    /// An operator whose account or address is not there is none: the checked configuration has both.
    fn operator(&self, place: usize, name: &str) -> Option<OperatorSetup> {
        let given = self.config.operators.get(name);
        let account = given.map_or(name, |given| given.account.as_str());
        let made = self.local.map(|(local, ..)| {
            let ca = local.device_ca();
            Tls {
                client_ca_file: ca.join("ca.pem"),
                certificate_file: ca.join(format!("{INTAKE}.pem")),
                key_file: ca.join(format!("{INTAKE}.key")),
            }
        });
        let step = u16::try_from(place).ok()?;
        let near = SocketAddr::from(([127, 0, 0, 1], FIRST_PORT.checked_add(step)?));
        let listen = given.and_then(|given| given.listen);
        Some(OperatorSetup {
            name: name.to_owned(),
            account: *self.accounts.get(account)?,
            archive_file: given.map_or_else(
                || {
                    self.data_dir
                        .join("operators")
                        .join(format!("{name}.sqlite"))
                },
                |given| given.archive_file.clone(),
            ),
            listen: listen.or_else(|| made.is_some().then_some(near))?,
            near: made.is_some().then(|| self.ports.clone()),
            tls: given.and_then(|given| given.tls.clone()).or(made)?,
            mqtt: given.and_then(|given| given.mqtt.clone()),
            messages: self.messages(name),
        })
    }

    /// In the local profile any free port will do: the operators tell each other.
    fn messages(&self, name: &str) -> Option<(SocketAddr, Tls)> {
        let given = self.config.operators.get(name);
        let made = self.local.map(|(local, ..)| Tls {
            client_ca_file: local.ca().join("ca.pem"),
            certificate_file: local.ca().join(format!("{name}.pem")),
            key_file: local.ca().join(format!("{name}.key")),
        });
        let any = made
            .is_some()
            .then(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let listen = given.and_then(|given| given.messages_listen).or(any)?;
        let tls = given
            .and_then(|given| given.messages_tls.clone())
            .or(made)?;
        Some((listen, tls))
    }
}

/// The feed of the local profile: devices of its owner speak for it, its first operator anchors it.
fn demo_feed(around: &Surroundings<'_>, at: &OracleAt) -> Option<OracleFeed> {
    let (min, max) = DEMO_RANGE;
    Some(OracleFeed {
        feed: Feed {
            name: FeedName::new(DEMO_FEED).ok()?,
            unit: Unit::new(DEMO_UNIT).ok()?,
            decimals: DEMO_DECIMALS,
            min,
            max,
            proved: false,
        },
        owners: around
            .accounts
            .get(DEVICE_OWNER)
            .copied()
            .into_iter()
            .collect(),
        devices: BTreeSet::<Did>::new(),
        keeper: OPERATORS.first().map(|name| (*name).to_owned()),
        aggregators: Some([at.feed_home, at.feed_twin]),
    })
}

/// Port near which the first operator of the local profile listens; the API's steps of ten never meet it.
const FIRST_PORT: u16 = 8_701;
