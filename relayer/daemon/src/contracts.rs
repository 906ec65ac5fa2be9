//! Deploying what transfers need, on a chain of the local profile.
//!
//! The deployer sends these transactions and no others, so its nonce tells how far it got: a restart goes on there.

use std::time::Duration;

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolCall as _;
use causeway_adapter_api::{Action, Asset, Bump, Chain, ChainError, Order, TxId, TxStatus};
use causeway_contracts::{HashTimeLock, PointsToken, deploy_code};

/// Points minted for each account, in the token's smallest unit: one million.
pub const MINTED: u128 = 1_000_000 * 10_u128.pow(18);
/// Rounds of waiting for a block before giving up.
const MAX_WAITS: u32 = 30;

/// Where the contracts of a chain are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contracts {
    /// The `HashTimeLock`.
    pub hash_time_lock: Address,
    /// The `PointsToken`.
    pub points_token: Address,
}

impl Contracts {
    /// Where a deployer's first two contracts will be.
    pub fn of(deployer: Address) -> Self {
        Self {
            hash_time_lock: deployer.create(0),
            points_token: deployer.create(1),
        }
    }
}

/// Why the contracts are not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// The chain says no.
    #[error("cannot deploy on {chain}")]
    Chain {
        /// Which chain.
        chain: String,
        /// Why.
        #[source]
        source: ChainError,
    },
    /// The transaction reverted.
    #[error(
        "transaction {id} reverted on {chain}: its receipt says with which gas; a new --data-dir starts anew"
    )]
    Reverted {
        /// Which chain.
        chain: String,
        /// Which transaction.
        id: TxId,
    },
    /// No block came.
    #[error(
        "transaction {id} is not final on {chain} after {MAX_WAITS} blocks: see `causeway chain status`"
    )]
    Stuck {
        /// Which chain.
        chain: String,
        /// Which transaction.
        id: TxId,
    },
}

/// Deploys what is missing and mints points for `holders`; returns how many transactions were sent.
///
/// # Errors
/// See [`DeployError`].
pub async fn ensure(
    chain: &dyn Chain,
    deployer: Address,
    holders: &[Address],
) -> Result<usize, DeployError> {
    let failed = |source| DeployError::Chain {
        chain: chain.info().name.clone(),
        source,
    };
    let [creations, mints] = [creations(chain, deployer), mints(deployer, holders)];
    let mut sent = 0;
    let mut nonce = 0;
    // Simulating a mint needs the token: each stage is final before the next is prepared.
    for stage in [creations, mints] {
        let mut ids = Vec::new();
        for action in stage {
            if nonce >= chain.next_nonce(deployer).await.map_err(failed)? {
                let order = Order {
                    account: deployer,
                    action,
                };
                let tx = chain
                    .prepare(&order, nonce, Bump(0))
                    .await
                    .map_err(failed)?;
                chain.broadcast(&tx).await.map_err(failed)?;
                ids.push(tx.id);
            }
            nonce += 1;
        }
        sent += ids.len();
        for id in ids {
            finalised(chain, id).await?;
        }
    }
    Ok(sent)
}

/// Waits until a transaction is final.
///
/// # Errors
/// [`DeployError::Reverted`] when it did not do what it was to do.
pub async fn finalised(chain: &dyn Chain, id: TxId) -> Result<(), DeployError> {
    let name = || chain.info().name.clone();
    let failed = |source| DeployError::Chain {
        chain: name(),
        source,
    };
    for _ in 0..MAX_WAITS {
        let tip = chain.finalized().await.map_err(failed)?;
        match chain.status(id).await.map_err(failed)? {
            TxStatus::Final {
                succeeded: true, ..
            } => return Ok(()),
            TxStatus::Final { .. } => return Err(DeployError::Reverted { chain: name(), id }),
            TxStatus::Unknown | TxStatus::Pending => {}
        }
        let next = chain.finalized_after(tip.height);
        // A reader may wait up to a minute; asking again sooner costs nothing.
        if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(2), next).await {
            tracing::debug!(chain = name(), %error, "no new block yet");
        }
    }
    Err(DeployError::Stuck { chain: name(), id })
}

/// The points token of a chain as an asset.
pub const fn points(contracts: Contracts) -> Asset {
    Asset::Token(contracts.points_token)
}

fn creations(chain: &dyn Chain, deployer: Address) -> Vec<Action> {
    let token = PointsToken::constructorCall {
        name_: format!("Causeway points of {}", chain.info().name),
        symbol_: "PTS".into(),
        minter_: deployer,
    };
    let create = |data| Action::Call {
        to: None,
        value: U256::ZERO,
        data,
    };
    vec![
        create(HashTimeLock::BYTECODE.clone()),
        create(deploy_code::<PointsToken::constructorCall>(
            &PointsToken::BYTECODE,
            &token,
        )),
    ]
}

fn mints(deployer: Address, holders: &[Address]) -> Vec<Action> {
    let to = Some(Contracts::of(deployer).points_token);
    let mint = |holder: &Address| {
        let call = PointsToken::mintCall {
            to: *holder,
            amount: U256::from(MINTED),
        };
        Action::Call {
            to,
            value: U256::ZERO,
            data: Bytes::from(call.abi_encode()),
        }
    };
    holders.iter().map(mint).collect()
}
