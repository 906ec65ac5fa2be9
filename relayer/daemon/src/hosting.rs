//! The hosted chains of this process: validators, JSON-RPC and the adapter the relayer uses.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
};

use alloy_primitives::Address;
use causeway_adapter_hosted::{
    adapter::HostedChain,
    host::{Host, HostConfig, HostError, HostFailure, LocalValidator, ValidatorKeys},
    node::Node,
    pool::PoolLimits,
    rpc::{self, Access, Origins, RpcConfig, RpcHandle, RpcStartError},
    spec::ChainSpec,
    tls::{Peer, Role, TlsError, TlsFiles},
};
use secp256k1::SecretKey;

use crate::{
    config::{self, Hosted, raw::Kind},
    contracts::Contracts,
    datadir::DataDir,
    keys::{Keystore, KeystoreError},
    local::{self, DEPLOYER, Local, LocalError, LocalPorts},
};

/// A hosted chain, started.
pub struct Hosting {
    /// Its name.
    pub name: String,
    /// Who may use it.
    pub kind: Kind,
    /// The chain for this process.
    pub node: Node,
    /// The relayer's view, with the keys of this daemon.
    pub chain: Arc<HostedChain>,
    /// Its points token, where it is known.
    pub points_token: Option<Address>,
    /// Its `Gateway`, if the configuration names one.
    pub gateway: Option<Address>,
    /// Where a wallet connects without a certificate: the public port, or the stand-in of the local profile.
    pub rpc: Option<SocketAddr>,
    /// Where holders of a certificate connect.
    pub rpc_tls: Option<SocketAddr>,
    /// Keys of the validators that the local profile made; none in any other.
    pub(crate) candidates: Vec<ValidatorKeys>,
    host: Host,
    servers: Vec<RpcHandle>,
}

/// What a chain is started from, in any profile.
struct Setup {
    spec: ChainSpec,
    validators: Vec<LocalValidator>,
    tls: Option<TlsFiles>,
    hash_time_lock: Address,
    points_token: Option<Address>,
}

/// Why a chain is not hosted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostingError {
    /// Keys or genesis of the local profile.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// A keystore.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// The chain itself.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The JSON-RPC server.
    #[error(transparent)]
    Rpc(#[from] RpcStartError),
    /// Certificates of the JSON-RPC server.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No free port.
    #[error(
        "no port near {wanted} is free for the JSON-RPC of {chain}: set hosted.{chain}.rpc.listen"
    )]
    NoPort {
        /// Which chain.
        chain: String,
        /// As configured.
        wanted: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The port of a validator is taken.
    #[error(
        "a validator of {chain} cannot listen on {listen}: stop what uses the port; it is part of the genesis"
    )]
    PeerPort {
        /// Which chain.
        chain: String,
        /// Where.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Genesis of another chain.
    #[error(
        "hosted.{chain}.chain_id is {expected}, its genesis says {got}: one of them is of another chain"
    )]
    WrongChainId {
        /// Which chain.
        chain: String,
        /// As configured.
        expected: u64,
        /// In the genesis.
        got: u64,
    },
    /// A key that validates nothing.
    #[error(
        "validator {vote} of {chain} is not in its genesis: check keystore and genesis_file; for one that joins later, or that only reads, name nodes of the chain in hosted.{chain}.sources"
    )]
    NotAValidator {
        /// Which chain.
        chain: String,
        /// Whose key.
        vote: Address,
    },
    /// An endpoint that this process cannot listen on.
    #[error("endpoint {got} of a validator of {chain} is no address: expected IP:PORT")]
    BadEndpoint {
        /// Which chain.
        chain: String,
        /// In the genesis.
        got: String,
    },
    /// The task that opened the ledgers ended.
    #[error("opening the ledgers of {chain} was interrupted")]
    Interrupted {
        /// Which chain.
        chain: String,
    },
}

/// What is the same for all chains of this process.
#[derive(Debug)]
pub struct Context<'a> {
    /// The data directory.
    pub data: &'a DataDir,
    /// What the local profile made; `None` in any other.
    pub local: Option<&'a Local>,
    /// Where the local profile listens.
    pub ports: LocalPorts,
    /// Keys the adapters sign with.
    pub keys: &'a BTreeMap<String, SecretKey>,
}

impl Hosting {
    /// Starts validators and JSON-RPC of a chain.
    ///
    /// # Errors
    /// See [`HostingError`].
    pub async fn start(
        context: &Context<'_>,
        name: &str,
        config: &Hosted,
    ) -> Result<Self, HostingError> {
        let setup = setup(context, name, config)?;
        for validator in &setup.validators {
            let listen = validator.listen;
            // Found out here, because the consensus tasks can only log it.
            TcpListener::bind(listen).map_err(|source| HostingError::PeerPort {
                chain: name.into(),
                listen,
                source,
            })?;
        }
        let made_here = context.local.is_some();
        let keys = setup.validators.iter().map(|v| v.keys.clone());
        let candidates = keys.filter(|_| made_here).collect();
        let host_config = HostConfig {
            spec: Arc::new(setup.spec),
            data_dir: context.data.path().join("chains").join(name).join("data"),
            validators: setup.validators,
            share_execution: config.raw.share_execution,
            pool: PoolLimits::default(),
            history: config.history.clone(),
        };
        let host = tokio::task::spawn_blocking(move || Host::start(host_config))
            .await
            .map_err(|_| HostingError::Interrupted { chain: name.into() })??;
        let node = host.node();
        let keys = context.keys.values().copied().collect();
        let mut hosting = Self {
            chain: Arc::new(HostedChain::new(
                node.clone(),
                name,
                setup.hash_time_lock,
                keys,
            )),
            name: name.into(),
            kind: config.raw.kind,
            points_token: setup.points_token,
            gateway: config.raw.gateway,
            rpc: None,
            rpc_tls: None,
            servers: Vec::new(),
            candidates,
            node,
            host,
        };
        hosting.serve(context, &config.rpc, setup.tls).await?;
        Ok(hosting)
    }

    /// Resolves when the validators have stopped by themselves, with the reason.
    pub fn failed(&self) -> impl Future<Output = HostFailure> + Send + use<> {
        self.host.failed()
    }

    /// Stops serving, then validating.
    pub async fn stop(self) {
        for server in self.servers {
            server.stop().await;
        }
        let host = self.host;
        if tokio::task::spawn_blocking(move || host.stop())
            .await
            .is_err()
        {
            tracing::error!(chain = self.name, "stopping the validators was interrupted");
        }
    }

    async fn serve(
        &mut self,
        context: &Context<'_>,
        config: &config::Rpc,
        tls: Option<TlsFiles>,
    ) -> Result<(), HostingError> {
        let is_local = context.local.is_some();
        match self.kind {
            Kind::Public => {
                self.rpc = Some(self.open(config.listen, Access::Open, context).await?);
            }
            Kind::Consortium => {
                if let Some(files) = tls {
                    let access = Access::MutualTls(files.load()?);
                    self.rpc_tls = Some(self.open(config.listen, access, context).await?);
                }
                // The configuration refuses it outside the local profile; so does this.
                if let (Some(listen), true) = (config.stand_in_listen, is_local) {
                    let member = Access::LocalMember(Peer::local("member", Role::Member));
                    self.rpc = Some(self.open(listen, member, context).await?);
                }
            }
        }
        Ok(())
    }

    async fn open(
        &mut self,
        wanted: SocketAddr,
        access: Access,
        context: &Context<'_>,
    ) -> Result<SocketAddr, HostingError> {
        let is_local = context.local.is_some();
        let listen = if is_local {
            self.free(&context.ports, wanted)?
        } else {
            wanted
        };
        let mut config = RpcConfig::new(listen, access);
        config.barred = Arc::clone(&self.node.barred);
        if is_local {
            // Browser wallets of the local profile.
            config.origins = Origins::Any;
        }
        let server = rpc::start(self.node.clone(), config).await?;
        let addr = server.addr;
        self.servers.push(server);
        Ok(addr)
    }

    fn free(&self, ports: &LocalPorts, wanted: SocketAddr) -> Result<SocketAddr, HostingError> {
        let bound = ports
            .bind(wanted)
            .and_then(|listener| listener.local_addr());
        bound.map_err(|source| HostingError::NoPort {
            chain: self.name.clone(),
            wanted,
            source,
        })
    }
}

fn setup(context: &Context<'_>, name: &str, config: &Hosted) -> Result<Setup, HostingError> {
    match context.local {
        Some(local) => local_setup(context.data, local, name, config),
        None => named_setup(name, config),
    }
}

fn local_setup(
    data: &DataDir,
    local: &Local,
    name: &str,
    config: &Hosted,
) -> Result<Setup, HostingError> {
    if config.genesis_file.is_some() {
        return named_setup(name, config);
    }
    let chain = local.chain(data, name, config, config.raw.local_validators.unwrap_or(4))?;
    check_id(name, config, &chain.spec)?;
    let mut validators = Vec::new();
    for (keys, entry) in chain.validators.into_iter().zip(&chain.spec.validators) {
        let listen = entry
            .endpoint
            .parse()
            .map_err(|_| HostingError::BadEndpoint {
                chain: name.into(),
                got: entry.endpoint.clone(),
            })?;
        validators.push(LocalValidator { keys, listen });
    }
    let deployed = Contracts::of(local.keystore(DEPLOYER).address()?);
    let ca = local.ca();
    let tls = config
        .rpc
        .tls
        .as_ref()
        .map(tls_files)
        .unwrap_or_else(|| TlsFiles {
            ca: ca.join("ca.pem"),
            certificate: ca.join("server.pem"),
            key: ca.join("server.key"),
        });
    Ok(Setup {
        spec: chain.spec,
        validators,
        tls: Some(tls),
        hash_time_lock: config.raw.hash_time_lock.unwrap_or(deployed.hash_time_lock),
        points_token: config.raw.points_token.or(Some(deployed.points_token)),
    })
}

fn named_setup(name: &str, config: &Hosted) -> Result<Setup, HostingError> {
    // INVARIANT: the checked configuration has both outside the local profile; zero and an empty path fail below.
    let genesis: PathBuf = config.genesis_file.clone().unwrap_or_default();
    let spec = local::read_genesis(&genesis)?;
    check_id(name, config, &spec)?;
    let stores: Vec<Keystore> = config
        .validators
        .iter()
        .map(|v| Keystore {
            path: v.keystore_file.clone(),
            password: v.password.clone(),
        })
        .collect();
    let mut validators = Vec::new();
    for (vote, at) in local::open_keys(&stores)?.iter().zip(&config.validators) {
        let keys = local::validator_keys(vote);
        let entry = keys.entry(String::new());
        // With sources it begins as a reader, and validates once the chain's own set names it.
        if config.history.sources.urls.is_empty()
            && !spec
                .validators
                .iter()
                .any(|v| v.vote == entry.vote && v.network == entry.network)
        {
            return Err(HostingError::NotAValidator {
                chain: name.into(),
                vote: entry.vote,
            });
        }
        validators.push(LocalValidator {
            keys,
            listen: at.listen,
        });
    }
    Ok(Setup {
        spec,
        validators,
        tls: config.rpc.tls.as_ref().map(tls_files),
        hash_time_lock: config.raw.hash_time_lock.unwrap_or_default(),
        points_token: config.raw.points_token,
    })
}

fn check_id(name: &str, config: &Hosted, spec: &ChainSpec) -> Result<(), HostingError> {
    let (expected, got) = (config.raw.chain_id, spec.chain_id);
    if expected == got {
        return Ok(());
    }
    Err(HostingError::WrongChainId {
        chain: name.into(),
        expected,
        got,
    })
}

fn tls_files(tls: &config::Tls) -> TlsFiles {
    TlsFiles {
        ca: tls.client_ca_file.clone(),
        certificate: tls.certificate_file.clone(),
        key: tls.key_file.clone(),
    }
}
