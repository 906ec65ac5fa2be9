//! What the local profile makes at its first start: accounts, a CA, validator keys and genesis.
//!
//! All of it are test keys on one machine: the password lies beside them. Other profiles refuse them by the mark in
//! each keystore and by [`TEST_DIR_MARK`] in the directory.

use std::{
    collections::BTreeMap,
    fs, io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address, B256, U256};
use causeway_adapter_device::directory::Fingerprint;
use causeway_adapter_hosted::{
    host::ValidatorKeys,
    spec::{ChainSpec, FeePolicy, GenesisAccount, ValidatorEntry},
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use secp256k1::SecretKey;

mod ports;

pub use ports::LocalPorts;

use crate::{
    config::{Hosted, PasswordSource, raw::Kind},
    datadir::DataDir,
    keys::{
        Authority, CaError, Keystore, KeystoreError, Mark, Role, Subject, TEST_DIR_MARK,
        network_seed, write_new,
    },
};

/// Initiator of the demonstration.
pub const ALICE: &str = "alice";
/// Counterparty of the demonstration.
pub const BOB: &str = "bob";
/// Completes for others.
pub const WATCHTOWER: &str = "watchtower";
/// Swaps without a daemon: the driver does not hold her key.
pub const CAROL: &str = "carol";
/// Swaps without a daemon, as [`CAROL`].
pub const DAVE: &str = "dave";
/// Puts digests of readings and sets of members on record; the driver does not hold its key.
pub const REGISTRAR: &str = "registrar";
/// Deploys the contracts and mints points; sends nothing else.
pub const DEPLOYER: &str = "deployer";
/// Owns devices.
pub const DEVICE_OWNER: &str = "device-owner";
/// The operators of the oracle.
pub const OPERATORS: [&str; 4] = ["operator1", "operator2", "operator3", "operator4"];
/// The founding organisations of the consortium.
pub const MEMBERS: [&str; 4] = ["member1", "member2", "member3", "member4"];
/// Owns the validators of the public chain, and records their blocks.
pub const PRODUCER: &str = "producer";
/// Reads, and votes on pauses.
pub const REGULATOR: &str = "regulator";
/// The accounts of the local profile.
pub const ACCOUNTS: [&str; 18] = [
    ALICE,
    BOB,
    CAROL,
    DAVE,
    WATCHTOWER,
    REGISTRAR,
    DEPLOYER,
    DEVICE_OWNER,
    OPERATORS[0],
    OPERATORS[1],
    OPERATORS[2],
    OPERATORS[3],
    MEMBERS[0],
    MEMBERS[1],
    MEMBERS[2],
    MEMBERS[3],
    PRODUCER,
    REGULATOR,
];

/// Password of every test keystore. Not a secret: it protects against loading a test key by mistake, nothing else.
const PASSWORD: &str = "causeway local profile: these keys protect nothing";
/// File name of the certificate with which readings are taken.
pub const INTAKE: &str = "intake";
/// Native points of each account at genesis, in wei: one million points.
const FUNDS: u128 = 1_000_000 * 10_u128.pow(18);
/// Base fee of the genesis block of a public chain: 1 gwei.
const BASE_FEE_WEI: u64 = 1_000_000_000;
/// Ports for connections between validators; below the range of outgoing connections.
const PEER_PORTS: std::ops::Range<u16> = 21_000..32_000;

/// What a local profile made.
#[derive(Debug)]
pub struct Local {
    dev: PathBuf,
}

/// Why the local profile cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// A keystore.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// The CA.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// A certificate that was made here cannot be read.
    #[error("{} is no certificate: restore it, or remove the data directory", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// A file.
    #[error("cannot write the keys of the local profile")]
    File(#[from] io::Error),
    /// The stored genesis cannot be read.
    #[error("{} is no genesis: restore it, or remove the data directory to start a new chain", path.display())]
    Genesis {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// No port.
    #[error("no free loopback port for the validators: expected some of {PEER_PORTS:?}")]
    NoPorts,
}

/// A chain of the local profile.
#[derive(Debug)]
pub struct LocalChain {
    /// Its genesis.
    pub spec: ChainSpec,
    /// Keys of its validators.
    pub validators: Vec<ValidatorKeys>,
}

impl Local {
    /// Makes accounts and CA, or finds them.
    ///
    /// # Errors
    /// See [`LocalError`].
    pub fn open(data: &DataDir) -> Result<Self, LocalError> {
        let mark = data.path().join(TEST_DIR_MARK);
        fs::write(
            &mark,
            "Keys and certificates in here are test keys. Every other profile refuses them.\n",
        )?;
        let dev = data.make_once(Path::new("dev"), |dir| {
            write_new(&password_file(dir), PASSWORD.as_bytes())?;
            let stores = ACCOUNTS.map(|name| dir.join("accounts").join(format!("{name}.json")));
            make_keys(dir, &stores)?;
            make_certificates(&dir.join("ca"))?;
            make_device_certificates(&dir.join("devices"))
        })?;
        Ok(Self { dev })
    }

    /// Directory of the CA and its certificates.
    pub fn ca(&self) -> PathBuf {
        self.dev.join("ca")
    }

    /// SHA-256 of a certificate of the CA.
    ///
    /// # Errors
    /// [`LocalError::Certificate`].
    pub fn fingerprint(&self, name: &str) -> Result<B256, LocalError> {
        let path = self.ca().join(format!("{name}.pem"));
        let read = CertificateDer::from_pem_file(&path);
        let certificate = read.map_err(|source| LocalError::Certificate { path, source })?;
        Ok(Fingerprint::of(&certificate).0)
    }

    /// Directory of the CA of devices, and of the certificate with which every operator here takes their readings.
    pub fn device_ca(&self) -> PathBuf {
        self.dev.join("devices")
    }

    /// Keystore of an account.
    pub fn keystore(&self, account: &str) -> Keystore {
        let path = self.dev.join("accounts").join(format!("{account}.json"));
        Keystore {
            path,
            password: PasswordSource::File(password_file(&self.dev)),
        }
    }

    /// Addresses of the accounts, read without opening them.
    ///
    /// # Errors
    /// See [`LocalError`].
    pub fn addresses(&self) -> Result<BTreeMap<String, Address>, LocalError> {
        let mut addresses = BTreeMap::new();
        for name in ACCOUNTS {
            addresses.insert(name.to_owned(), self.keystore(name).address()?);
        }
        Ok(addresses)
    }

    /// Keys of the accounts.
    ///
    /// # Errors
    /// See [`LocalError`].
    pub fn accounts(&self) -> Result<BTreeMap<String, SecretKey>, LocalError> {
        let stores = ACCOUNTS.map(|name| self.keystore(name));
        let keys = open_keys(&stores)?;
        Ok(ACCOUNTS.map(str::to_owned).into_iter().zip(keys).collect())
    }

    /// Makes validators and genesis of a chain, or finds them.
    ///
    /// # Errors
    /// See [`LocalError`].
    pub fn chain(
        &self,
        data: &DataDir,
        name: &str,
        config: &Hosted,
        count: usize,
    ) -> Result<LocalChain, LocalError> {
        let funded = self.addresses()?;
        let dir = data.make_once(&Path::new("chains").join(name), |dir| {
            let stores: Vec<PathBuf> = (0..count).map(|i| validator_file(dir, i)).collect();
            let keys = make_keys(&self.dev, &stores)?;
            let keys: Vec<ValidatorKeys> = keys.iter().map(validator_keys).collect();
            let spec = genesis(data, name, config, &keys, &funded)?;
            fs::write(
                dir.join("genesis.json"),
                serde_json::to_vec_pretty(&spec).map_err(io::Error::from)?,
            )
            .map_err(LocalError::from)
        })?;
        let spec = read_genesis(&dir.join("genesis.json"))?;
        let password = PasswordSource::File(password_file(&self.dev));
        let stores: Vec<Keystore> = (0..spec.validators.len())
            .map(|i| Keystore {
                path: validator_file(&dir, i),
                password: password.clone(),
            })
            .collect();
        let validators = open_keys(&stores)?.iter().map(validator_keys).collect();
        Ok(LocalChain { spec, validators })
    }
}

/// Reads a genesis file.
///
/// # Errors
/// [`LocalError::Genesis`] when it is none.
pub fn read_genesis(path: &Path) -> Result<ChainSpec, LocalError> {
    let bytes = fs::read(path)?;
    serde_json::from_slice(&bytes).map_err(|source| LocalError::Genesis {
        path: path.into(),
        source,
    })
}

/// Both keys of a validator from its vote key.
pub fn validator_keys(vote: &SecretKey) -> ValidatorKeys {
    ValidatorKeys {
        network_seed: network_seed(vote),
        vote: *vote,
    }
}

fn genesis(
    data: &DataDir,
    name: &str,
    config: &Hosted,
    keys: &[ValidatorKeys],
    funded: &BTreeMap<String, Address>,
) -> Result<ChainSpec, LocalError> {
    let ports = free_ports(data, keys.len())?;
    let account = GenesisAccount {
        balance: U256::from(FUNDS),
        ..Default::default()
    };
    let alloc: BTreeMap<Address, GenesisAccount> =
        funded.values().map(|a| (*a, account.clone())).collect();
    let validators = keys.iter().zip(ports);
    let validators = validators
        .map(|(k, port)| k.entry(format!("127.0.0.1:{port}")))
        .collect();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Ok(ChainSpec {
        name: name.to_owned(),
        chain_id: config.raw.chain_id,
        // A whole second, because headers count seconds.
        genesis_time_ms: now.as_secs() * 1_000,
        gas_limit: config.raw.gas_limit,
        fee: match config.raw.kind {
            Kind::Public => FeePolicy::Eip1559 {
                initial_base_fee: BASE_FEE_WEI,
            },
            Kind::Consortium => FeePolicy::Free,
        },
        epoch_length: config.raw.epoch_blocks,
        heartbeat_ms: config.raw.heartbeat_ms,
        min_interval_ms: config.raw.min_interval_ms,
        // Hands over to whatever elects; the constructor refuses zero.
        administrator: funded.get(DEPLOYER).copied().unwrap_or_default(),
        validators,
        alloc,
    })
}

/// Ports that are free now and that no other chain of this data directory has. They stay in the genesis. Counted from a
/// random port on, so that two data directories rarely choose the same.
fn free_ports(data: &DataDir, count: usize) -> Result<Vec<u16>, LocalError> {
    let taken = ports_of_others(data);
    let free = |port: &u16| {
        !taken.contains(port) && TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()
    };
    let mut bytes = [0_u8; 2];
    getrandom::fill(&mut bytes).map_err(|e| LocalError::File(io::Error::other(e.to_string())))?;
    let span = PEER_PORTS.end - PEER_PORTS.start;
    let start = PEER_PORTS.start + u16::from_le_bytes(bytes) % span;
    let round = (start..PEER_PORTS.end).chain(PEER_PORTS.start..start);
    let ports: Vec<u16> = round.filter(free).take(count).collect();
    if ports.len() < count {
        Err(LocalError::NoPorts)
    } else {
        Ok(ports)
    }
}

fn ports_of_others(data: &DataDir) -> Vec<u16> {
    let dirs = fs::read_dir(data.path().join("chains"))
        .into_iter()
        .flatten()
        .flatten();
    let specs = dirs.filter_map(|dir| read_genesis(&dir.path().join("genesis.json")).ok());
    let validators = specs.flat_map(|spec| spec.validators);
    let port = |v: ValidatorEntry| v.endpoint.rsplit(':').next()?.parse().ok();
    validators.filter_map(port).collect()
}

fn make_certificates(dir: &Path) -> Result<(), LocalError> {
    let ca = Authority::create(dir, "causeway local test CA")?;
    let hosts = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    ca.issue(&Subject {
        name: "server".into(),
        role: Role::Server,
        hosts,
    })?;
    // One of the roles has a holder for each operator: they serve each other by it.
    for name in OPERATORS {
        ca.issue(&Subject {
            name: name.into(),
            role: Role::Operator,
            hosts: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        })?;
    }
    for name in MEMBERS {
        ca.issue(&Subject {
            name: name.into(),
            role: Role::Member,
            hosts: Vec::new(),
        })?;
    }
    for role in [Role::Member, Role::Operator, Role::Regulator, Role::Admin] {
        ca.issue(&Subject {
            name: role.name().into(),
            role,
            hosts: Vec::new(),
        })?;
    }
    Ok(())
}

fn make_device_certificates(dir: &Path) -> Result<(), LocalError> {
    let ca = Authority::create(dir, "causeway local test CA of devices")?;
    ca.issue(&Subject {
        name: INTAKE.into(),
        role: Role::Server,
        hosts: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
    })?;
    Ok(())
}

fn password_file(dev: &Path) -> PathBuf {
    dev.join("password")
}

fn validator_file(chain: &Path, index: usize) -> PathBuf {
    chain.join("validators").join(format!("{index}.json"))
}

/// The key derivation of a keystore is slow by design: a thread for each.
fn make_keys(dev: &Path, stores: &[PathBuf]) -> Result<Vec<SecretKey>, LocalError> {
    let password = PasswordSource::File(password_file(dev));
    in_threads(stores, |path| {
        let store = Keystore {
            path: path.clone(),
            password: password.clone(),
        };
        Ok(store.create(Mark::Test)?)
    })
}

/// Opens many keystores at once.
///
/// # Errors
/// The first that does not open.
pub fn open_keys(stores: &[Keystore]) -> Result<Vec<SecretKey>, LocalError> {
    in_threads(stores, |store| Ok(store.open()?))
}

fn in_threads<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, LocalError> + Sync,
) -> Result<Vec<R>, LocalError> {
    thread::scope(|scope| {
        let handles: Vec<_> = items
            .iter()
            .map(|item| scope.spawn(|| work(item)))
            .collect();
        handles
            .into_iter()
            .map(|h| {
                h.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}
