//! A small chain for tests: keys, ports, spec, signing.
#![allow(dead_code, missing_docs, unreachable_pub)]

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

use alloy_consensus::TxEip1559;
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, Bytes, TxKind, U256, keccak256};
use causeway_adapter_hosted::{
    host::{History, Host, HostConfig, LocalValidator, ValidatorKeys},
    pool::PoolLimits,
    scheme::address_of,
    sign::sign_1559,
    spec::{ChainSpec, FeePolicy, GenesisAccount},
};
use secp256k1::SecretKey;

pub const CHAIN_ID: u64 = 7001;

/// A test key; never used outside tests.
pub fn key(label: &str) -> SecretKey {
    SecretKey::from_byte_array(keccak256(label).0).expect("a hash is a key")
}

/// A port that is free now and that this program has given to nobody else, below the range of outgoing connections: a validator that
/// comes back finds it free again.
pub fn free_port() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(process::id() % 900).expect("small") * 10;
    let mut places = (0..9_000_u16).map(|_| NEXT.fetch_add(1, Ordering::Relaxed) % 9_000);
    places
        .find_map(|place| {
            let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 12_000 + (start + place) % 9_000));
            TcpListener::bind(at).is_ok().then_some(at)
        })
        .expect("a free port")
}

pub struct Chain {
    pub spec: Arc<ChainSpec>,
    pub validators: Vec<LocalValidator>,
}

impl Chain {
    /// A chain of `n` validators in which the account of `key("rich")` has points.
    pub fn new(n: usize) -> Self {
        Self::with_epoch(n, 1_000_000)
    }

    pub fn with_epoch(n: usize, epoch_length: u64) -> Self {
        let validators: Vec<LocalValidator> = (0..n).map(validator).collect();
        let rich = GenesisAccount {
            balance: U256::from(10).pow(U256::from(24)),
            code: Bytes::new(),
        };
        let spec = ChainSpec {
            name: "test".into(),
            chain_id: CHAIN_ID,
            genesis_time_ms: 1_700_000_000_000,
            gas_limit: 300_000_000,
            fee: FeePolicy::Eip1559 {
                initial_base_fee: 1_000_000_000,
            },
            epoch_length,
            heartbeat_ms: 500,
            min_interval_ms: 10,
            administrator: address_of(&key("administrator")),
            validators: validators
                .iter()
                .map(|v| v.keys.entry(v.listen.to_string()))
                .collect(),
            alloc: BTreeMap::from([
                (address_of(&key("rich")), rich.clone()),
                (address_of(&key("administrator")), rich),
            ]),
        };
        Self {
            spec: Arc::new(spec),
            validators,
        }
    }

    /// Runs the validators in `range` in this process.
    pub fn host(&self, dir: &Path, range: std::ops::Range<usize>, share_execution: bool) -> Host {
        let config = HostConfig {
            share_execution,
            ..self.config(dir, self.validators[range].to_vec(), History::default())
        };
        Host::start(config).expect("the host starts")
    }

    /// A host of these validators, or of a reader when there are none.
    pub fn config(
        &self,
        dir: &Path,
        validators: Vec<LocalValidator>,
        history: History,
    ) -> HostConfig {
        HostConfig {
            spec: self.spec.clone(),
            data_dir: dir.to_owned(),
            validators,
            share_execution: true,
            pool: PoolLimits::default(),
            history,
        }
    }
}

/// Keys and port of validator `i`.
pub fn validator(i: usize) -> LocalValidator {
    LocalValidator {
        keys: ValidatorKeys {
            network_seed: keccak256(format!("network {i}")).0.into(),
            vote: key(&format!("vote {i}")),
        },
        listen: free_port(),
    }
}

/// A signed EIP-1559 transaction.
pub fn transfer(from: &SecretKey, nonce: u64, to: Address, value: u64) -> Vec<u8> {
    call(
        from,
        nonce,
        TxKind::Call(to),
        U256::from(value),
        Bytes::new(),
        21_000,
    )
}

pub fn call(
    from: &SecretKey,
    nonce: u64,
    to: TxKind,
    value: U256,
    input: Bytes,
    gas_limit: u64,
) -> Vec<u8> {
    sign(
        from,
        TxEip1559 {
            chain_id: CHAIN_ID,
            nonce,
            gas_limit,
            max_fee_per_gas: 100_000_000_000,
            max_priority_fee_per_gas: 1,
            to,
            value,
            access_list: Default::default(),
            input,
        },
    )
}

pub fn sign(key: &SecretKey, tx: TxEip1559) -> Vec<u8> {
    sign_1559(key, tx).encoded_2718()
}
