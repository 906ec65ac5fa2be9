//! A real node made ready for the conformance suite.

use std::{
    path::{Path, PathBuf},
    process::Child,
};

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolCall;
use async_trait::async_trait;
use causeway_adapter_api::{
    Action, Bump, Chain, ChainId, ChainReader, ChainWriter, Order, Timestamp, TxStatus, conformance,
};
use causeway_adapter_evm::{
    Account, EvmChain, EvmConfig, Fees, Finality, Password, connect, connect_to_deploy,
};
use causeway_contracts::{HashTimeLock, PointsToken, deploy_code};
use ethers_signers::{LocalWallet, Signer};
use jsonrpsee::{
    core::{client::ClientT, params::ArrayParams},
    http_client::{HttpClient, HttpClientBuilder},
};
use serde_json::Value;
use tempfile::TempDir;

/// A node process, killed when dropped.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How blocks are made and time is moved on one kind of node.
#[async_trait]
pub(crate) trait Driver: Send + Sync {
    /// Makes a block.
    async fn block(&self);
    /// Makes a block not older than `at`.
    async fn block_at(&self, at: Timestamp);
    /// Prices and margins this node needs.
    fn fees(&self) -> Fees {
        Fees::default()
    }
    /// Whether waiting transactions are shown.
    fn pool_is_visible(&self) -> bool;
}

/// The bed of one node.
pub(crate) struct Bed<D> {
    chain: EvmChain,
    token: Address,
    driver: D,
    _files: TempDir,
}

impl<D: Driver> Bed<D> {
    /// Opens the three accounts, deploys the contracts through the adapter itself, and connects.
    pub(crate) async fn new(url: String, chain_id: u64, finality: Finality, driver: D) -> Self {
        let files = tempfile::tempdir().unwrap();
        let mut config = config(files.path(), url, chain_id, finality);
        config.fees = driver.fees();
        driver.block().await;
        let deployer = connect_to_deploy(config.clone()).await.unwrap();
        let owner = owner();
        config.hash_time_lock = deploy(&deployer, &driver, HashTimeLock::BYTECODE.clone()).await;
        let arguments = PointsToken::constructorCall {
            name_: "Points".into(),
            symbol_: "PTS".into(),
            minter_: owner,
        };
        let token = deploy(
            &deployer,
            &driver,
            deploy_code(&PointsToken::BYTECODE, &arguments),
        )
        .await;
        let mint = PointsToken::mintCall {
            to: owner,
            amount: U256::from(conformance::TOKEN_NEEDED),
        };
        let mint = Action::Call {
            to: Some(token),
            value: U256::ZERO,
            data: mint.abi_encode().into(),
        };
        send(&deployer, &driver, mint).await;
        let chain = connect(config).await.unwrap();
        Self {
            chain,
            token,
            driver,
            _files: files,
        }
    }
}

#[async_trait]
impl<D: Driver> conformance::TestBed for Bed<D> {
    fn chain(&self) -> &dyn Chain {
        &self.chain
    }

    fn chain_id(&self) -> ChainId {
        self.chain.info().id
    }

    fn token(&self) -> Address {
        self.token
    }

    async fn progress(&self) {
        self.driver.block().await;
    }

    async fn pass_time_to(&self, at: Timestamp) {
        self.driver.block_at(at).await;
    }

    fn pool_is_visible(&self) -> bool {
        self.driver.pool_is_visible()
    }
}

/// JSON-RPC without opinions.
pub(crate) struct Rpc(HttpClient);

impl Rpc {
    pub(crate) fn new(url: &str) -> Self {
        Self(HttpClientBuilder::default().build(url).unwrap())
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        params: &[Value],
    ) -> Result<Value, jsonrpsee::core::client::Error> {
        let mut positional = ArrayParams::new();
        for param in params {
            positional.insert(param).unwrap();
        }
        self.0.request(method, positional).await
    }
}

/// Asks until the node answers; gives up when it does not within half a minute or its process ends.
pub(crate) async fn until_up(rpc: &Rpc, process: &mut Process, name: &str) {
    for _ in 0..300 {
        if let Some(status) = process.0.try_wait().unwrap() {
            panic!("{name} ended at once: {status}");
        }
        if rpc.call("eth_chainId", &[]).await.is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{name} does not answer");
}

/// A file below `tests/clients/node_modules`.
pub(crate) fn client_file(path: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/clients/node_modules")
        .join(path);
    assert!(
        file.exists(),
        "{} is missing: run `cargo xtask install`",
        file.display()
    );
    file
}

/// Addresses of the three accounts. All have points from genesis on; the first deploys and owns.
pub(crate) fn accounts() -> [Address; 3] {
    SEEDS.map(|seed| Address::from(LocalWallet::from_bytes(&[seed; 32]).unwrap().address().0))
}

/// Of the three, the one the suite calls the first: it gets the token.
fn owner() -> Address {
    let mut accounts = accounts();
    accounts.sort();
    accounts[0]
}

fn config(files: &Path, url: String, chain_id: u64, finality: Finality) -> EvmConfig {
    let password = files.join("password");
    std::fs::write(&password, "correct horse\n").unwrap();
    let account = |seed: u8| {
        let name = format!("account-{seed}");
        let mut rng = rand_core06::OsRng;
        eth_keystore::encrypt_key(files, &mut rng, [seed; 32], "correct horse", Some(&name))
            .unwrap();
        Account {
            keystore: files.join(name),
            password: Password::File(password.clone()),
        }
    };
    EvmConfig {
        name: "external".into(),
        chain_id,
        urls: vec![url],
        quorum: None,
        hash_time_lock: Address::ZERO,
        finality,
        accounts: SEEDS.map(account).to_vec(),
        fees: Fees::default(),
        tls: None,
        request_timeout_ms: 20_000,
        poll_ms: 20,
        max_response_bytes: 1_000_000,
        max_range: 100,
        certificates: false,
    }
}

async fn deploy<D: Driver>(chain: &EvmChain, driver: &D, data: Bytes) -> Address {
    let TxStatus::Final {
        created: Some(address),
        ..
    } = send(
        chain,
        driver,
        Action::Call {
            to: None,
            value: U256::ZERO,
            data,
        },
    )
    .await
    else {
        panic!("a deployment creates a contract");
    };
    address
}

async fn send<D: Driver>(chain: &EvmChain, driver: &D, action: Action) -> TxStatus {
    let account = owner();
    let nonce = chain.next_nonce(account).await.unwrap();
    let tx = chain
        .prepare(&Order { account, action }, nonce, Bump(0))
        .await
        .unwrap();
    chain.broadcast(&tx).await.unwrap();
    for _ in 0..50 {
        driver.block().await;
        let status = chain.status(tx.id).await.unwrap();
        if matches!(status, TxStatus::Final { .. }) {
            assert!(
                matches!(
                    status,
                    TxStatus::Final {
                        succeeded: true,
                        ..
                    }
                ),
                "{status:?}"
            );
            return status;
        }
    }
    panic!("{} is not final after 50 blocks", tx.id);
}

const SEEDS: [u8; 3] = [1, 2, 3];
