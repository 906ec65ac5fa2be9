//! A chain as a wallet sees it.

use std::time::Duration;

use alloy_consensus::TxEip1559;
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, Bytes, TxKind, U256, keccak256};
use anyhow::{Context as _, Result, bail};
use causeway_adapter_hosted::sign::sign_1559;
use secp256k1::{SECP256K1, SecretKey};
use serde_json::{Value, json};

/// One JSON-RPC endpoint. Calls block.
pub struct Rpc {
    url: String,
    http: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Rpc {
    /// A client of `url`.
    ///
    /// # Errors
    /// Fails when no client can be made.
    pub fn new(url: impl Into<String>) -> Result<Self> {
        // Installed already by another client of this test: that one serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()
            .context("making a client")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("a runtime")?;
        Ok(Self {
            url: url.into(),
            http,
            runtime,
        })
    }

    /// What is there for who asks by plain HTTP.
    ///
    /// # Errors
    /// Fails when nothing answers, or with an error.
    pub fn get(&self) -> Result<String> {
        let answer = self.runtime.block_on(async {
            let answer = self.http.get(&self.url).send().await?;
            answer.error_for_status()?.text().await
        });
        answer.with_context(|| format!("asking {}", self.url))
    }

    /// Calls a method.
    ///
    /// # Errors
    /// Fails when the node does not answer or answers with an error.
    pub fn call(&self, method: &str, params: Value) -> Result<Value> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let answer: Value = self.runtime.block_on(async {
            self.http
                .post(&self.url)
                .json(&body)
                .send()
                .await?
                .json()
                .await
        })?;
        match answer.get("result") {
            Some(result) => Ok(result.clone()),
            None => bail!("{method}: {}", answer["error"]),
        }
    }

    /// Newest final height.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn height(&self) -> Result<u64> {
        let height = self.call("eth_blockNumber", json!([]))?;
        let digits = height
            .as_str()
            .context("a quantity")?
            .trim_start_matches("0x");
        u64::from_str_radix(digits, 16).context("a quantity")
    }

    /// Native points of an account.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn balance(&self, account: Address) -> Result<U256> {
        let balance = self.call("eth_getBalance", json!([account, "latest"]))?;
        serde_json::from_value(balance).context("a quantity")
    }
}

/// A test key.
pub fn test_key(label: &str) -> SecretKey {
    // INVARIANT: a hash is no key with probability 2^-128.
    SecretKey::from_byte_array(keccak256(label).0).expect("a hash is a key")
}

/// The address of a key.
pub fn address_of(key: &SecretKey) -> Address {
    Address::from_raw_public_key(&key.public_key(SECP256K1).serialize_uncompressed()[1..])
}

/// A signed transfer of native points.
pub fn transfer(key: &SecretKey, chain_id: u64, nonce: u64, to: Address, value: u64) -> Bytes {
    let tx = TxEip1559 {
        chain_id,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 100_000_000_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(to),
        value: U256::from(value),
        ..Default::default()
    };
    sign_1559(key, tx).encoded_2718().into()
}
