//! External chains: the adapter connected with the accounts of this daemon.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::Address;
use causeway_adapter_api::{ChainError, ChainId, ChainReader as _, Height};
use causeway_adapter_evm::{
    self as adapter, ConnectError, EvmChain, EvmConfig, connect, connect_to_deploy,
};
use causeway_core::margin::ChainTiming;

use crate::{
    config::{Evm, PasswordSource},
    contracts::{self, Contracts, DeployError},
    keys::{Keystore, KeystoreError},
};

/// An external chain, connected.
pub struct External {
    /// Its name.
    pub name: String,
    /// The relayer's view, with the keys of this daemon.
    pub chain: Arc<EvmChain>,
    /// Its points token, where it is known.
    pub points_token: Option<Address>,
    /// Its `Gateway`, if this daemon carries its messages.
    pub gateway: Option<Address>,
    /// Where reading begins.
    pub start: Height,
    /// What its times are taken for until they were measured.
    pub assumed: ChainTiming,
    /// Whether watchtower accounts complete locks of others there.
    pub watchtower: bool,
    /// Nodes, and how many of them must say the same.
    pub nodes: (usize, usize),
}

/// Why an external chain is not driven.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExternalError {
    /// A node or a setting.
    #[error(
        "external chain {name} cannot be connected: {source}; {}",
        what_to_do(name, source)
    )]
    Connect {
        /// Which chain.
        name: String,
        /// Why.
        #[source]
        source: ConnectError,
    },
    /// The contracts of the local profile.
    #[error(
        "external chain {name} has no contracts of this local profile yet, and deploying them failed: {source}; \
         give account {deployer} native points there and start again, \
         or name a deployed contract in evm.{name}.hash_time_lock"
    )]
    Deploy {
        /// Which chain.
        name: String,
        /// Who deploys.
        deployer: Address,
        /// Why.
        #[source]
        source: DeployError,
    },
    /// The keystore of the deployer.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
}

/// Who deploys on an external chain of the local profile, and who gets points.
#[derive(Debug)]
pub struct Deployer {
    /// Its keystore.
    pub keystore: Keystore,
    /// Accounts that points are minted for.
    pub holders: Vec<Address>,
}

impl External {
    /// Connects a chain; where its contract is not named, deploys it first.
    ///
    /// # Errors
    /// See [`ExternalError`].
    pub async fn connect(
        name: &str,
        config: &Evm,
        accounts: &BTreeMap<Address, Keystore>,
        deployer: Option<&Deployer>,
    ) -> Result<Self, ExternalError> {
        let mut adapter = config.adapter.clone();
        let mut points_token = config.raw.points_token;
        if let (None, Some(deployer)) = (config.raw.hash_time_lock, deployer) {
            let deployed = deploy(name, &adapter, deployer).await?;
            adapter.hash_time_lock = deployed.hash_time_lock;
            points_token = points_token.or(Some(deployed.points_token));
        }
        adapter.accounts = accounts.values().map(account).collect();
        let nodes = (adapter.urls.len(), adapter.quorum.unwrap_or_default());
        if nodes.0 == 1 {
            tracing::warn!(
                chain = name,
                "one node is believed alone: name several in evm.<name>.urls"
            );
        }
        let chain = connect(adapter)
            .await
            .map_err(|source| refused(name, source))?;
        Ok(Self {
            name: name.into(),
            chain: Arc::new(chain),
            points_token,
            gateway: config.raw.gateway,
            start: Height(config.raw.start_height),
            assumed: config.assumed,
            watchtower: config.raw.watchtower,
            nodes,
        })
    }

    /// Its chain id.
    pub fn id(&self) -> ChainId {
        self.chain.info().id
    }
}

/// Looks whether every node answers, serves the chain and has the contract; signs nothing and opens no keystore.
///
/// # Errors
/// See [`ExternalError`].
pub async fn probe(name: &str, config: &Evm) -> Result<(), ExternalError> {
    let adapter = config.adapter.clone();
    let done = if config.raw.hash_time_lock.is_some() {
        connect(adapter).await
    } else {
        connect_to_deploy(adapter).await
    };
    done.map(drop).map_err(|source| refused(name, source))
}

/// The first two contracts of the deployer, deployed as far as they are missing.
async fn deploy(
    name: &str,
    config: &EvmConfig,
    deployer: &Deployer,
) -> Result<Contracts, ExternalError> {
    let address = deployer.keystore.address()?;
    let config = EvmConfig {
        accounts: vec![account(&deployer.keystore)],
        ..config.clone()
    };
    let chain = connect_to_deploy(config)
        .await
        .map_err(|source| refused(name, source))?;
    contracts::ensure(&chain, address, &deployer.holders)
        .await
        .map_err(|source| ExternalError::Deploy {
            name: name.into(),
            deployer: address,
            source,
        })?;
    Ok(Contracts::of(address))
}

fn account(keystore: &Keystore) -> adapter::Account {
    adapter::Account {
        keystore: keystore.path.clone(),
        password: match &keystore.password {
            PasswordSource::File(path) => adapter::Password::File(path.clone()),
            PasswordSource::Env(name) => adapter::Password::Env(name.clone()),
        },
    }
}

fn refused(name: &str, source: ConnectError) -> ExternalError {
    ExternalError::Connect {
        name: name.into(),
        source,
    }
}

fn what_to_do(name: &str, error: &ConnectError) -> String {
    match error {
        ConnectError::Chain(ChainError::ConfigWrongChain { .. }) => {
            format!(
                "set evm.{name}.chain_id to what the node says, or evm.{name}.urls to nodes of the chain meant"
            )
        }
        ConnectError::Chain(_) => format!(
            "every node must answer once at the start: start it, or correct evm.{name}.urls"
        ),
        ConnectError::ConfigNoContract { .. } => {
            format!(
                "look whether evm.{name}.hash_time_lock is of this chain and its deployment is final"
            )
        }
        _ => format!("correct [evm.{name}]"),
    }
}
