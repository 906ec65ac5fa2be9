//! The parts of the daemon put together, started in order and stopped in reverse.

use std::{collections::BTreeMap, io, net::SocketAddr, path::PathBuf, sync::Arc};

use alloy_primitives::{Address, U256};
use causeway_adapter_api::{Asset, Chain, ChainError, ChainId, Height, Provable as _};
use causeway_adapter_hosted::{adapter::HostedChain, tls::TlsError};
use causeway_core::{
    explain::Names,
    margin::{ChainTiming, Windows},
    offer::{Offer, Rate},
    swap::Account,
};
use secp256k1::SecretKey;

use crate::{
    alarms::{Alarms, DeliverError},
    api::{self, App, ChainContracts, ChainEntry, Engines},
    config::{self, Config, OfferAsset, raw::Kind},
    contracts::{
        self, Candidacy, Contracts, DeployError, Founder, Messaging, OracleAt, OracleEnd, Peg,
        PegEnd, Proofs, SettlementEnd, Settling,
    },
    crossing::{
        CrossingConfig, Handle,
        peg::{PegHandle, Pegs},
        settlement::SettlementHandle,
    },
    datadir::{DataDir, DataDirError},
    drive::{DriveConfig, DriveError, Driver, DriverHandle, WatchtowerConfig},
    election::Keeper,
    eventlog::{Large, LogConfig, LogError, LogHandle, LoggedChain},
    external::{Deployer, External, ExternalError},
    hosting::{Context, Hosting, HostingError},
    keys::{self, Keystore, KeystoreError, address_of},
    local::{
        ACCOUNTS, ALICE, BOB, CAROL, DAVE, DEPLOYER, Local, LocalError, LocalPorts, MEMBERS,
        OPERATORS, PRODUCER, REGISTRAR, REGULATOR, WATCHTOWER,
    },
    members::Watch,
    oracle::{
        OracleConfig, OracleError, OracleHandle, Surroundings,
        feeds::{FeedsConfig, FeedsError, FeedsHandle},
    },
    relay::{RelayConfig, RelayHandle},
    store::{Store, StoreError, StoreKey},
    supply::SupplyHandle,
};

/// What a hosted chain is assumed to need until it was measured, milliseconds.
pub(crate) const ASSUMED: ChainTiming = ChainTiming {
    inclusion_ms: 1_000,
    finality_ms: 1_000,
};
/// Age of a hosted chain's newest final block, in seconds, from which on it is stale.
const STALE_SECONDS: u64 = 30;
/// Decimals of a points token.
const POINTS_DECIMALS: u8 = 18;
/// Largest swap the local profile's offers answer, smallest units: a thousand points.
const LOCAL_MAX_GIVE: u128 = 1_000 * 10_u128.pow(18);

/// Why the daemon does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The local profile.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// A keystore.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// A hosted chain.
    #[error(transparent)]
    Hosting(#[from] HostingError),
    /// An external chain.
    #[error(transparent)]
    External(#[from] ExternalError),
    /// The contracts.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The driver.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// Feeds.
    #[error(transparent)]
    Feeds(#[from] FeedsError),
    /// Devices and operators.
    #[error(transparent)]
    Oracle(#[from] OracleError),
    /// The event log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Telling people of alarms.
    #[error(transparent)]
    Alarms(#[from] DeliverError),
    /// Certificates of the API.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The API's port.
    #[error("the API cannot listen on {listen}: choose another api.listen or stop what uses it")]
    Listen {
        /// Where.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file of the key that encrypts preimages.
    #[error("{} must hold 64 hexadecimal digits and be readable by this user", path.display())]
    SealKey {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Chains that run, with the keys of this daemon: everything but storage, driver and API.
pub struct Chains {
    /// The data directory, owned.
    pub data: DataDir,
    /// What the local profile made.
    pub local: Option<Local>,
    /// The hosted chains.
    pub hosted: Vec<Hosting>,
    /// The external chains.
    pub external: Vec<External>,
    /// Accounts, by name.
    pub accounts: BTreeMap<String, Address>,
    pub(crate) keys: BTreeMap<String, SecretKey>,
    pub(crate) watchtowers: Vec<Address>,
    /// Of deposits, in the registry that the local profile deploys, seconds.
    exit_delay: u32,
}

/// A running daemon.
pub struct Daemon {
    /// Its chains.
    pub chains: Chains,
    /// The driver of transfers.
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
    /// The event log.
    pub log: LogHandle,
    /// The alarms.
    pub alarms: Alarms,
    /// Keeps the election, where its chain is hosted here.
    keeper: Option<Keeper>,
    /// Follows whose certificates count.
    watch: Option<Watch>,
    /// Where the API listens.
    pub api: SocketAddr,
    store: Arc<Store>,
    server: api::Server,
}

impl Chains {
    /// Takes the data directory, connects every external chain, and starts validators and JSON-RPC of every hosted one.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let data = DataDir::own(&config.data_dir)?;
        let local = config
            .profile
            .is_local()
            .then(|| Local::open(&data))
            .transpose()?;
        let stores = keystores(config, local.as_ref());
        let (keys, watchtowers) = accounts(config, local.as_ref())?;
        let driven = driven(&keys, local.is_some());
        let accounts: BTreeMap<String, Address> = keys
            .iter()
            .map(|(name, key)| (name.clone(), address_of(key)))
            .collect();
        let driven_stores: BTreeMap<Address, Keystore> = driven
            .iter()
            .filter_map(|(name, key)| Some((address_of(key), stores.get(name)?.clone())))
            .collect();
        let deployer = local.as_ref().map(|local| Deployer {
            keystore: local.keystore(DEPLOYER),
            holders: holders(&accounts),
        });
        // First: nothing has to be stopped again when a node does not answer.
        let mut external = Vec::new();
        for (name, chain) in config.external() {
            let connected = External::connect(name, chain, &driven_stores, deployer.as_ref());
            external.push(connected.await?);
        }
        let context = Context {
            data: &data,
            local: local.as_ref(),
            ports: LocalPorts::new(data.path(), config.local_port_shift),
            keys: &driven,
        };
        let mut hosted = Vec::new();
        for (name, chain) in config.hosted() {
            hosted.push(Hosting::start(&context, name, chain).await?);
        }
        Ok(Self {
            data,
            local,
            hosted,
            external,
            accounts,
            keys,
            watchtowers,
            exit_delay: config.oracle.exit_delay,
        })
    }

    /// In the local profile, deploys what is missing; returns how many transactions that took.
    ///
    /// # Errors
    /// See [`DeployError`].
    pub async fn deploy(&self) -> Result<usize, DeployError> {
        let (Some(_), Some(deployer)) = (&self.local, self.accounts.get(DEPLOYER)) else {
            return Ok(0);
        };
        let holders = holders(&self.accounts);
        let mut sent = 0;
        for hosting in &self.hosted {
            let Some(chain) = self.as_account(hosting, DEPLOYER) else {
                continue;
            };
            sent += contracts::ensure(&chain, *deployer, &holders).await?;
        }
        Ok(sent + self.deploy_messaging(*deployer, holders.len()).await?)
    }

    /// Gateways and light clients between the two hosted chains.
    async fn deploy_messaging(
        &self,
        deployer: Address,
        holders: usize,
    ) -> Result<usize, DeployError> {
        let (Some([a, b]), Some(guardian)) = (self.pair(), self.accounts.get(WATCHTOWER).copied())
        else {
            return Ok(0);
        };
        let mut sent = 0;
        for (here, there) in [(a, b), (b, a)] {
            let Some(chain) = self.as_account(here, DEPLOYER) else {
                continue;
            };
            let anchor = there.chain.anchor().await;
            let anchor = anchor.map_err(|source| DeployError::Chain {
                chain: there.name.clone(),
                source,
            })?;
            sent +=
                contracts::ensure_messaging(&chain, deployer, guardian, holders, &anchor).await?;
        }
        for hosting in [a, b] {
            let Some(chain) = self.as_account(hosting, DEPLOYER) else {
                continue;
            };
            let end = match hosting.kind {
                Kind::Public => PegEnd::Home,
                Kind::Consortium => PegEnd::Side,
            };
            sent += contracts::ensure_peg(&chain, deployer, guardian, holders, end).await?;
            sent += self.deploy_proofs(&chain, deployer, holders).await?;
        }
        Ok(sent + self.deploy_settlement(deployer, holders).await?)
    }

    /// Escrow on the public chain, results on the consortium chain.
    async fn deploy_settlement(
        &self,
        deployer: Address,
        holders: usize,
    ) -> Result<usize, DeployError> {
        let Some([public, consortium]) = self.public_and_consortium() else {
            return Ok(0);
        };
        let there = SettlementEnd::Consortium {
            public: id_of(public),
        };
        let mut sent = 0;
        for (hosting, end) in [(public, SettlementEnd::Public), (consortium, there)] {
            let Some(chain) = self.as_account(hosting, DEPLOYER) else {
                continue;
            };
            sent += contracts::ensure_settlement(&chain, deployer, holders, end).await?;
        }
        Ok(sent + self.deploy_oracle(deployer, holders).await?)
    }

    /// Devices and feeds: admitted and offered on the public chain, mirrored and anchored on the consortium chain.
    async fn deploy_oracle(&self, deployer: Address, holders: usize) -> Result<usize, DeployError> {
        let (Some([public, consortium]), Some(keeper)) = (
            self.public_and_consortium(),
            self.operators().first().copied(),
        ) else {
            return Ok(0);
        };
        let here = OracleEnd::Public {
            consortium: id_of(consortium),
            exit_delay: self.exit_delay,
        };
        let there = OracleEnd::Consortium {
            public: id_of(public),
            keeper,
        };
        let mut sent = 0;
        for (hosting, end) in [(public, here), (consortium, there)] {
            let Some(chain) = self.as_account(hosting, DEPLOYER) else {
                continue;
            };
            let operators = self.operators();
            sent += contracts::ensure_oracle(&chain, deployer, holders, &operators, end).await?;
        }
        if let Some(chain) = self.as_account(public, DEPLOYER) {
            sent += contracts::ensure_log_anchor(&chain, deployer, holders).await?;
        }
        sent += self.deploy_election(public, deployer, holders).await?;
        Ok(sent + self.deploy_members(consortium, deployer, holders).await?)
    }

    /// Members of the consortium, who take over its validators, its gateway and its port.
    async fn deploy_members(
        &self,
        consortium: &Hosting,
        deployer: Address,
        holders: usize,
    ) -> Result<usize, DeployError> {
        let Some((local, chain)) = self
            .local
            .as_ref()
            .zip(self.as_account(consortium, DEPLOYER))
        else {
            return Ok(0);
        };
        let registry = contracts::member_registry(deployer, holders);
        if !contracts::governed_by(&chain, deployer, registry)
            .await
            .map_err(unanswered(consortium))?
        {
            tracing::info!("somebody else governs the validators of the consortium chain");
            return Ok(0);
        }
        let Some(founders) = self.founders(local, consortium)? else {
            tracing::info!("no member could bear so many validators: the deployer governs");
            return Ok(0);
        };
        contracts::ensure_members(&chain, deployer, holders, &founders).await
    }

    /// Elections on the public chain, in which its validators stand.
    async fn deploy_election(
        &self,
        public: &Hosting,
        deployer: Address,
        holders: usize,
    ) -> Result<usize, DeployError> {
        let chains = [DEPLOYER, PRODUCER].map(|name| self.as_account(public, name));
        let ([Some(chain), Some(as_owner)], Some(owner)) =
            (chains, self.accounts.get(PRODUCER).copied())
        else {
            return Ok(0);
        };
        let spec = public.node.spec();
        let candidacy = Candidacy {
            owner,
            keys: &public.candidates,
            validators: &spec.validators,
            domain: public.node.domain(),
            epoch_length: spec.epoch_length,
        };
        let election = contracts::election(deployer, holders);
        let governed = contracts::governed_by(&chain, deployer, election).await;
        if !candidacy.fits() || !governed.map_err(unanswered(public))? {
            tracing::info!(
                "no election: other validators than the least number of seats, or others govern them"
            );
            return Ok(0);
        }
        contracts::ensure_election(&chain, &as_owner, deployer, holders, candidacy).await
    }

    /// The founding organisations: each with its share of the validators and the certificates of its people, and a
    /// regulator. `None` when the validators cannot be shared so that nobody has more than may fail.
    fn founders(
        &self,
        local: &Local,
        consortium: &Hosting,
    ) -> Result<Option<Vec<Founder>>, DeployError> {
        let validators = &consortium.node.spec().validators;
        let Some(shares) = contracts::dealt(validators, MEMBERS.len()) else {
            return Ok(None);
        };
        let account = |name: &str| self.accounts.get(name).copied().unwrap_or_default();
        let mut founders = Vec::new();
        for ((name, operator), validators) in MEMBERS.into_iter().zip(OPERATORS).zip(shares) {
            let certificates = vec![local.fingerprint(name)?, local.fingerprint(operator)?];
            founders.push(Founder {
                name: name.into(),
                account: account(name),
                observes: false,
                certificates,
                validators,
            });
        }
        founders.push(Founder {
            name: REGULATOR.into(),
            account: account(REGULATOR),
            observes: true,
            certificates: vec![local.fingerprint(REGULATOR)?],
            validators: Vec::new(),
        });
        Ok(Some(founders))
    }

    /// Accounts of the operators of the local profile, in the order of their names.
    pub fn operators(&self) -> Vec<Address> {
        let found = OPERATORS.iter().filter_map(|name| self.accounts.get(*name));
        found.copied().collect()
    }

    /// What the operators of this process are told; `None` when there are none.
    pub fn oracle_config(&self, config: &Config) -> Option<OracleConfig> {
        let pair = self.public_and_consortium();
        let local = self.local.as_ref().zip(self.oracle()).zip(pair);
        let named = config.oracle.contracts.as_ref().and_then(|at| {
            let id = |name| self.named(name).map(|(id, _)| id);
            Some([id(&at.public_chain)?, id(&at.consortium_chain)?])
        });
        OracleConfig::gather(&Surroundings {
            config: &config.oracle,
            accounts: &self.accounts,
            local: local.map(|((local, at), [public, consortium])| {
                (local, at, [id_of(public), id_of(consortium)])
            }),
            named,
            data_dir: self.data.path(),
            ports: LocalPorts::new(self.data.path(), config.local_port_shift),
        })
    }

    /// Where the contracts of devices and feeds are, in the local profile.
    pub fn oracle(&self) -> Option<OracleAt> {
        self.public_and_consortium()?;
        let deployer = self.accounts.get(DEPLOYER)?;
        Some(OracleAt::of(*deployer, holders(&self.accounts).len()))
    }

    /// Verifiers and what acts on proofs, on one chain.
    async fn deploy_proofs(
        &self,
        chain: &HostedChain,
        deployer: Address,
        holders: usize,
    ) -> Result<usize, DeployError> {
        let account = |name| self.accounts.get(name).copied();
        let Some((registrar, beneficiary)) = account(REGISTRAR).zip(account(ALICE)) else {
            return Ok(0);
        };
        use causeway_adapter_api::ChainReader as _;
        let at = OracleAt::of(deployer, holders);
        let twin = self
            .public_and_consortium()
            .is_some_and(|[_, side]| side.chain.info().id == chain.info().id);
        let feed = if twin { at.feed_twin } else { at.feed_home };
        contracts::ensure_proofs(chain, deployer, holders, registrar, beneficiary, feed).await
    }

    /// The pair of the local profile, if it is one public and one consortium chain.
    pub(crate) fn public_and_consortium(&self) -> Option<[&Hosting; 2]> {
        match self.pair()? {
            [a, b] if (a.kind, b.kind) == (Kind::Public, Kind::Consortium) => Some([a, b]),
            [a, b] if (b.kind, a.kind) == (Kind::Public, Kind::Consortium) => Some([b, a]),
            _ => None,
        }
    }

    /// The two hosted chains of the local profile, if it has just two.
    pub(crate) fn pair(&self) -> Option<[&Hosting; 2]> {
        match self.hosted.as_slice() {
            [a, b] if self.local.is_some() => Some([a, b]),
            _ => None,
        }
    }

    /// Where the contracts of messages are, in the local profile.
    pub fn messaging(&self) -> Option<Messaging> {
        self.pair()?;
        let deployer = self.accounts.get(DEPLOYER)?;
        Some(Messaging::of(*deployer, holders(&self.accounts).len()))
    }

    /// How many accounts got points in the local profile: so many transactions more of the deployer.
    pub(crate) fn holders(&self) -> usize {
        holders(&self.accounts).len()
    }

    /// Where the contracts of the peg are, in the local profile.
    pub fn peg(&self) -> Option<Peg> {
        self.pair()?;
        let deployer = self.accounts.get(DEPLOYER)?;
        Some(Peg::of(*deployer, holders(&self.accounts).len()))
    }

    /// Where the contracts of proofs are, in the local profile.
    pub fn proofs(&self) -> Option<Proofs> {
        self.pair()?;
        let deployer = self.accounts.get(DEPLOYER)?;
        Some(Proofs::of(*deployer, holders(&self.accounts).len()))
    }

    /// Where the contracts of settlements are, in the local profile.
    pub fn settling(&self) -> Option<Settling> {
        self.public_and_consortium()?;
        let deployer = self.accounts.get(DEPLOYER)?;
        Some(Settling::of(*deployer, holders(&self.accounts).len()))
    }

    /// Feeds and the operators run here.
    fn feeds_config(&self, config: &Config) -> FeedsConfig {
        let oracle = self.oracle_config(config);
        let peers = config.oracle.peers.clone();
        oracle.map_or_else(FeedsConfig::default, |oracle| oracle.feeds_config(peers))
    }

    /// What the event log reads: every contract of the bridge that this daemon knows, on every chain.
    pub fn log_config(&self, config: &Config) -> LogConfig {
        let hosted = self.hosted.iter().map(|hosting| LoggedChain {
            id: id_of(hosting),
            name: hosting.name.clone(),
            contracts: self.bridge_contracts(config, hosting),
            gateways: self.messaging().map(|at| at.gateway).into_iter().collect(),
            start: Height(0),
            stale_after: STALE_SECONDS,
        });
        let external = self.external.iter().map(|external| {
            use causeway_adapter_api::ChainReader as _;
            let locks = external.chain.info().hash_time_lock;
            let usual_ms = external.assumed.inclusion_ms + external.assumed.finality_ms;
            LoggedChain {
                id: external.id(),
                name: external.name.clone(),
                contracts: std::iter::once(locks).chain(external.gateway).collect(),
                gateways: external.gateway.into_iter().collect(),
                start: external.start,
                stale_after: STALE_SECONDS + usual_ms.div_ceil(1_000),
            }
        });
        let raw = &config.eventlog;
        let keeper = match &raw.keeper {
            Some(name) => self.accounts.get(name),
            None => self.accounts.get(WATCHTOWER),
        };
        let local = self.public_and_consortium().and_then(|[public, _]| {
            let deployer = self.accounts.get(DEPLOYER)?;
            let at = contracts::log_anchor(*deployer, holders(&self.accounts).len());
            Some((id_of(public), at))
        });
        let named = raw.anchor.as_ref().and_then(|(chain, contract)| {
            let (id, _) = self.named(chain)?;
            Some((id, *contract))
        });
        LogConfig {
            chains: hosted.chain(external).collect(),
            keeper: keeper.copied(),
            anchor: named.or(local),
            anchor_every: raw.anchor_every,
            large: Large {
                value: raw.large_value,
                refunds: raw.refunds,
                within: raw.refunds_within,
            },
            ..LogConfig::default()
        }
    }

    fn bridge_contracts(&self, config: &Config, hosting: &Hosting) -> Vec<Address> {
        let info = causeway_adapter_api::ChainReader::info(hosting.chain.as_ref());
        let mut all = vec![
            info.hash_time_lock,
            causeway_adapter_hosted::spec::VALIDATOR_SET,
        ];
        all.extend(
            self.messaging()
                .into_iter()
                .flat_map(|at| [at.light_client, at.gateway, at.event_hub]),
        );
        all.extend(self.peg().into_iter().flat_map(|at| [at.port, at.pegged]));
        all.extend(self.proofs().into_iter().flat_map(|at| {
            let sessions = [at.condition, at.sessions, at.owned_condition];
            [at.registry, at.anchors, at.desk, at.metered]
                .into_iter()
                .chain(sessions)
        }));
        all.extend(
            self.settling()
                .into_iter()
                .flat_map(|at| [at.escrow, at.agreement]),
        );
        let members = self.members(config);
        let members = members.filter(|members| members.chain == id_of(hosting));
        all.extend(
            members
                .into_iter()
                .flat_map(|members| std::iter::once(members.registry).chain(members.sealed)),
        );
        let election = self.election(config);
        let election = election.filter(|site| site.chain == id_of(hosting));
        all.extend(election.map(|site| site.contract));
        for peg in config.pegs.values() {
            let ends = [&peg.home, &peg.side].into_iter();
            let here = ends.filter(|end| end.chain == hosting.name);
            all.extend(here.flat_map(|end| [end.port, end.light_client]));
        }
        all.retain(|address| !address.is_zero());
        all.sort_unstable();
        all.dedup();
        all
    }

    /// A chain with the key of one account alone.
    pub fn as_account(&self, hosting: &Hosting, name: &str) -> Option<HostedChain> {
        let htlc = causeway_adapter_api::ChainReader::info(hosting.chain.as_ref()).hash_time_lock;
        let key = *self.keys.get(name)?;
        Some(HostedChain::new(
            hosting.node.clone(),
            &hosting.name,
            htlc,
            vec![key],
        ))
    }

    /// A hosted chain by name.
    pub fn hosting(&self, name: &str) -> Option<&Hosting> {
        self.hosted.iter().find(|hosting| hosting.name == name)
    }

    /// Id and points token of a chain, by name.
    fn named(&self, name: &str) -> Option<(ChainId, Option<Address>)> {
        let hosted = self.hosting(name).map(|h| (id_of(h), h.points_token));
        let external = self.external.iter().find(|e| e.name == name);
        hosted.or_else(|| external.map(|e| (e.id(), e.points_token)))
    }

    /// Stops serving and validating.
    pub async fn stop(self) {
        for hosting in self.hosted {
            hosting.stop().await;
        }
    }
}

impl Daemon {
    /// Starts storage, driver and API over running chains.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(config: &Config, chains: Chains) -> Result<Self, StartError> {
        let key = seal_key(config)?;
        let store = Store::open(&chains.data.path().join("causeway.sqlite"), key).await?;
        let store = Arc::new(crate::faults::armed(store));
        let hosted = chains.hosted.iter();
        let hosted = hosted.map(|h| Arc::clone(&h.chain) as Arc<dyn Chain>);
        let external = chains.external.iter();
        let external = external.map(|e| Arc::clone(&e.chain) as Arc<dyn Chain>);
        let dynamic: Vec<Arc<dyn Chain>> = hosted.chain(external).collect();
        let dynamic_chains = dynamic.clone();
        let drive = drive_config(config, &chains);
        let driver = Driver::start(drive, Arc::clone(&store), dynamic.clone()).await?;
        let carry = config.transfers.raw.carry;
        let relay = RelayHandle::start(
            RelayConfig {
                carry,
                clients: chains.followers(config),
                ..chains.relay_config()
            },
            Arc::clone(&store),
            driver.clone(),
            dynamic.clone(),
        );
        let pegs = if carry {
            chains.pegs(config, &dynamic)
        } else {
            Pegs::new(Vec::new(), Vec::new())
        };
        let pegs = Handle::start(
            CrossingConfig::default(),
            pegs,
            Arc::clone(&store),
            driver.clone(),
            dynamic.clone(),
        );
        let settlements = Handle::start(
            CrossingConfig::default(),
            chains.settlements(config),
            Arc::clone(&store),
            driver.clone(),
            dynamic.clone(),
        );
        let supply = SupplyHandle::start(
            chains.supply_config(config),
            Arc::clone(&store),
            driver.clone(),
            dynamic.clone(),
        );
        let feeds = FeedsHandle::start(
            chains.feeds_config(config),
            chains.signers(),
            Arc::clone(&store),
            driver.clone(),
            dynamic.clone(),
        )
        .await?;
        let alarms = Alarms::start(config.alarms.clone(), Arc::clone(&store))?;
        let oracle = match chains.oracle_config(config) {
            Some(told) => {
                let started = OracleHandle::start(
                    told,
                    Arc::clone(&store),
                    driver.clone(),
                    dynamic.clone(),
                    alarms.clone(),
                );
                Some(started.await?)
            }
            None => None,
        };
        let log = LogHandle::start(
            chains.log_config(config),
            Arc::clone(&store),
            driver.clone(),
            dynamic,
            chains.signers(),
            alarms.clone(),
        )
        .await?;
        alarms.attach(log.clone());
        let barred = chains.barred(config);
        let watch = chains.members(config).and_then(|members| {
            let chains = dynamic_chains.iter();
            let chain = chains.clone().find(|c| c.info().id == members.chain)?;
            Some(Watch::start(
                members,
                Arc::clone(chain),
                Arc::clone(&barred),
            ))
        });
        let keeper = chains.keeper(config).and_then(|keeper| {
            let hosting = chains
                .hosted
                .iter()
                .find(|h| id_of(h) == keeper.site.chain)?;
            let chain = Arc::clone(&hosting.chain) as Arc<dyn Chain>;
            Some(Keeper::start(keeper, chain, relay.clone()))
        });
        let proofs = chains.proofs();
        let entries = chains.hosted.iter().map(|hosting| ChainEntry {
            proofs,
            contracts: chains.contracts_on(config, hosting),
            ..ChainEntry::hosted(hosting)
        });
        let external = chains.external.iter().map(|external| ChainEntry {
            contracts: ChainContracts {
                gateway: external.gateway,
                settlement: chains.settlement_on(config, &external.name),
                ..ChainContracts::default()
            },
            ..ChainEntry::external(external)
        });
        let entries = entries.chain(external);
        let entries = entries.collect();
        let accounts = chains.accounts.clone();
        let engines = Engines {
            driver: driver.clone(),
            relay: relay.clone(),
            pegs: pegs.clone(),
            supply: supply.clone(),
            settlements: settlements.clone(),
            feeds: feeds.clone(),
            oracle: oracle.clone(),
            signers: chains.signers(),
            log: log.clone(),
            alarms: alarms.clone(),
            members: chains.members(config),
            barred: Arc::clone(&barred),
            election: chains.election(config),
        };
        let app = App::new(engines, entries, accounts, config);
        let server = api::Server::start(config, app).await?;
        Ok(Self {
            chains,
            driver,
            relay,
            pegs,
            supply,
            settlements,
            alarms,
            feeds,
            log,
            oracle,
            keeper,
            watch,
            api: server.addr,
            store,
            server,
        })
    }

    /// Stops in reverse order; what was accepted is on disk.
    pub async fn stop(self) {
        self.server.stop().await;
        if let Some(watch) = self.watch {
            watch.shutdown().await;
        }
        if let Some(keeper) = self.keeper {
            keeper.shutdown().await;
        }
        self.feeds.shutdown().await;
        if let Some(oracle) = &self.oracle {
            oracle.shutdown().await;
        }
        self.supply.shutdown().await;
        self.alarms.shutdown().await;
        self.log.shutdown().await;
        self.pegs.shutdown().await;
        self.settlements.shutdown().await;
        self.relay.shutdown().await;
        self.driver.shutdown().await;
        self.store.close().await;
        self.chains.stop().await;
    }
}

/// Where the keys of all accounts are.
fn keystores(config: &Config, local: Option<&Local>) -> BTreeMap<String, Keystore> {
    let made = local.into_iter().flat_map(|local| {
        let named = |name: &str| (name.to_owned(), local.keystore(name));
        ACCOUNTS.map(named)
    });
    let given = config.accounts.iter().map(|(name, account)| {
        let store = Keystore {
            path: account.keystore_file.clone(),
            password: account.password.clone(),
        };
        (name.clone(), store)
    });
    made.chain(given).collect()
}

/// That a chain does not answer while its contracts are looked for.
fn unanswered(hosting: &Hosting) -> impl Fn(ChainError) -> DeployError {
    let chain = hosting.name.clone();
    move |source| DeployError::Chain {
        chain: chain.clone(),
        source,
    }
}

/// Keys that the driver may use; the others stay out of its adapters.
pub(crate) fn driven(
    keys: &BTreeMap<String, SecretKey>,
    is_local: bool,
) -> BTreeMap<String, SecretKey> {
    let is_driven = |name: &str| ![DEPLOYER, CAROL, DAVE, REGISTRAR].contains(&name) || !is_local;
    let driven = keys.iter().filter(|(name, _)| is_driven(name));
    driven.map(|(name, key)| (name.clone(), *key)).collect()
}

/// Who gets points in the local profile.
fn holders(accounts: &BTreeMap<String, Address>) -> Vec<Address> {
    let names = [ALICE, BOB, CAROL, DAVE];
    let found = names.iter().filter_map(|name| accounts.get(*name));
    found.copied().collect()
}

pub(crate) fn id_of(hosting: &Hosting) -> ChainId {
    ChainId(hosting.node.spec().chain_id)
}

/// Keys of all accounts, and which of them complete for others.
fn accounts(
    config: &Config,
    local: Option<&Local>,
) -> Result<(BTreeMap<String, SecretKey>, Vec<Address>), StartError> {
    let mut keys = local.map(Local::accounts).transpose()?.unwrap_or_default();
    let mut watchtowers: Vec<Address> = keys.get(WATCHTOWER).map(address_of).into_iter().collect();
    for (name, account) in &config.accounts {
        let store = Keystore {
            path: account.keystore_file.clone(),
            password: account.password.clone(),
        };
        let key = store.open()?;
        if account.watchtower {
            watchtowers.push(address_of(&key));
        }
        keys.insert(name.clone(), key);
    }
    Ok((keys, watchtowers))
}

fn drive_config(config: &Config, chains: &Chains) -> DriveConfig {
    let transfers = &config.transfers.raw;
    let watched = chains.external.iter().filter(|e| e.watchtower);
    let hosted = chains.hosted.iter().map(id_of);
    let ids: Vec<ChainId> = hosted.chain(watched.map(External::id)).collect();
    let mut offers: Vec<Offer> = config
        .offers
        .iter()
        .filter_map(|o| offer(o, chains))
        .collect();
    if chains.local.is_some() {
        offers.extend(local_offers(chains));
    }
    let tower = chains.watchtowers.first().map(|address| WatchtowerConfig {
        accounts: ids
            .iter()
            .map(|chain| Account {
                chain: *chain,
                address: *address,
            })
            .collect(),
        min_deposit: U256::ZERO,
    });
    DriveConfig {
        offers,
        outage_budget: transfers.outage_budget_seconds,
        clock_skew: transfers.clock_skew_seconds,
        windows: Windows {
            private_refund: transfers.private_refund_seconds,
            slack: transfers.slack_seconds,
        },
        assumed: ASSUMED,
        assumed_of: chains
            .external
            .iter()
            .map(|e| (e.id(), e.assumed))
            .collect(),
        start_heights: chains.external.iter().map(|e| (e.id(), e.start)).collect(),
        watchtower: tower,
        names: names(chains),
        ..DriveConfig::default()
    }
}

/// Chains by their names in the configuration, points as points.
fn names(chains: &Chains) -> Names {
    let hosted = chains
        .hosted
        .iter()
        .map(|h| (id_of(h), h.name.as_str(), h.points_token));
    let external = chains
        .external
        .iter()
        .map(|e| (e.id(), e.name.as_str(), e.points_token));
    hosted
        .chain(external)
        .fold(Names::default(), |names, (id, name, points)| {
            let names = names.with_chain(id, name);
            match points {
                Some(token) => names.with_token(id, token, "points", POINTS_DECIMALS),
                None => names,
            }
        })
}

fn offer(offer: &config::Offer, chains: &Chains) -> Option<Offer> {
    let side = |name: &str, asset: OfferAsset| {
        let (id, points) = chains.named(name)?;
        let asset = match asset {
            OfferAsset::Points => Asset::Token(points?),
            OfferAsset::Fixed(asset) => asset,
        };
        Some((id, asset))
    };
    let (take_chain, take_asset) = side(&offer.take_chain, offer.take_asset)?;
    let (give_chain, give_asset) = side(&offer.give_chain, offer.give_asset)?;
    let account = *chains.accounts.get(&offer.account)?;
    Some(Offer {
        take_chain,
        take_asset,
        take_account: account,
        give_chain,
        give_asset,
        give_account: account,
        rate: Rate {
            num: offer.rate_give,
            den: offer.rate_take,
        },
        min_give: offer.min_give,
        max_give: offer.max_give,
        deposit: offer.deposit_wei,
    })
}

/// In the local profile bob changes anything into anything, one for one; between hosted chains alone, because what an
/// external chain holds may be worth something.
fn local_offers(chains: &Chains) -> Vec<Offer> {
    let Some(bob) = chains.accounts.get(BOB).copied() else {
        return Vec::new();
    };
    let mut assets = Vec::new();
    for hosting in &chains.hosted {
        let id = id_of(hosting);
        assets.push((id, Asset::Native));
        assets.extend(hosting.points_token.map(|token| (id, Asset::Token(token))));
    }
    let pairs = assets
        .iter()
        .flat_map(|take| assets.iter().map(move |give| (*take, *give)));
    let across = pairs.filter(|((a, _), (b, _))| a != b);
    let offer = |((take_chain, take_asset), (give_chain, give_asset))| Offer {
        take_chain,
        take_asset,
        take_account: bob,
        give_chain,
        give_asset,
        give_account: bob,
        rate: Rate { num: 1, den: 1 },
        min_give: U256::ONE,
        max_give: U256::from(LOCAL_MAX_GIVE),
        deposit: U256::ZERO,
    };
    across.map(offer).collect::<Vec<_>>()
}

/// The key that encrypts preimages; made at the first start.
pub(crate) fn seal_key(config: &Config) -> Result<StoreKey, StartError> {
    let path = &config.transfers.seal_key_file;
    let failed = |source| StartError::SealKey {
        path: path.clone(),
        source,
    };
    if !path.exists() {
        let mut bytes = zeroize::Zeroizing::new([0_u8; 32]);
        getrandom::fill(bytes.as_mut_slice())
            .map_err(|e| failed(io::Error::other(e.to_string())))?;
        let text = zeroize::Zeroizing::new(hex::encode(bytes.as_slice()));
        keys::write_new(path, text.as_bytes()).map_err(failed)?;
    }
    let text = keys::read_secret_line(path).map_err(failed)?;
    let mut bytes = [0_u8; 32];
    hex::decode_to_slice(text.trim(), &mut bytes)
        .map_err(|_| failed(io::ErrorKind::InvalidData.into()))?;
    Ok(StoreKey::new(bytes))
}

/// Contracts of a chain of the local profile.
pub fn contracts_of(hosting: &Hosting) -> Option<Contracts> {
    let info = causeway_adapter_api::ChainReader::info(hosting.chain.as_ref());
    Some(Contracts {
        hash_time_lock: info.hash_time_lock,
        points_token: hosting.points_token?,
    })
}
