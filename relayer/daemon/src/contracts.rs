//! Deploying what transfers need, on a chain of the local profile.
//!
//! The deployer sends these transactions and no others, so its nonce tells how far it got: a restart goes on there.

mod election;
mod members;
mod oracle;
mod proofs;

use std::time::Duration;

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolCall as _;
use causeway_adapter_api::{
    Action, Anchor, Asset, Bump, Chain, ChainError, ChainId, Order, TxId, TxStatus,
};
use causeway_contracts::{
    DeliveryAgreement, EventHub, Gateway, HashTimeLock, LightClient, LogAnchor, PegMint, PegVault,
    PointsToken, Settlement, SettlementEscrow, deploy_code, gateway::Gateway::LaneConfig,
};

use crate::local::LocalError;

pub use self::election::{CANDIDATE_DEPOSIT, Candidacy, election, ensure_election, governed_by};
pub use self::members::{Founder, dealt, ensure_members, member_registry, sealed_content};
pub use self::oracle::{
    DEMO_DECIMALS, DEMO_FEED, DEMO_RANGE, DEMO_UNIT, DEVICE_DEPOSIT, OracleAt, OracleEnd,
    demo_config, demo_feed, ensure_oracle,
};
pub use self::proofs::{PERIOD, Proofs, UNIT, ensure_proofs, issuers, meters};

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

/// Where the contracts of messages are on a chain of the local profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Messaging {
    /// What this chain believes of the other.
    pub light_client: Address,
    /// The `Gateway`.
    pub gateway: Address,
    /// The `EventHub`.
    pub event_hub: Address,
}

impl Messaging {
    /// Where a deployer puts them, after what transfers need and a mint for each holder.
    pub fn of(deployer: Address, holders: usize) -> Self {
        let first = first_of_messaging(holders);
        Self {
            light_client: deployer.create(first),
            gateway: deployer.create(first + 1),
            event_hub: deployer.create(first + 2),
        }
    }
}

/// Where the contracts of the peg are in the local profile: the same addresses on both chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peg {
    /// `PegVault` on the public chain, `PegMint` on the other.
    pub port: Address,
    /// The `PegToken`, on the other chain.
    pub pegged: Address,
    /// What each chain believes of the other.
    pub client: Address,
}

impl Peg {
    /// Where a deployer puts them, after what messages need.
    pub fn of(deployer: Address, holders: usize) -> Self {
        let port = deployer.create(first_of_messaging(holders) + MESSAGING);
        Self {
            port,
            // The first contract the mint makes is its token.
            pegged: port.create(1),
            client: Messaging::of(deployer, holders).light_client,
        }
    }
}

/// Which end of the peg a chain has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PegEnd {
    /// Holds the points.
    Home,
    /// Mints pegged points.
    Side,
}

/// Where the contracts of settlements are in the local profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settling {
    /// `SettlementEscrow` on the public chain.
    pub escrow: Address,
    /// `Settlement` on the consortium chain; the same deployer with the same nonce, so the same address.
    pub settlement: Address,
    /// The worked example of a private business, `DeliveryAgreement`, on the consortium chain.
    pub agreement: Address,
    /// What the public chain believes of the consortium.
    pub client: Address,
}

impl Settling {
    /// Where a deployer puts them, after what proofs need.
    pub fn of(deployer: Address, holders: usize) -> Self {
        let first = first_of_settling(holders);
        Self {
            escrow: deployer.create(first),
            settlement: deployer.create(first),
            agreement: deployer.create(first + 1),
            client: Messaging::of(deployer, holders).light_client,
        }
    }
}

/// Which end of settlements a chain has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettlementEnd {
    /// Holds what is settled.
    Public,
    /// Comes to the results.
    Consortium {
        /// The chain of the escrow.
        public: ChainId,
    },
}

/// Where the anchors of the event log are, on the public chain of the local profile.
pub fn log_anchor(deployer: Address, holders: usize) -> Address {
    deployer.create(log_anchor_nonce(holders))
}

const fn log_anchor_nonce(holders: usize) -> u64 {
    first_of_settling(holders) + SETTLEMENT_PUBLIC + oracle::ORACLE_PUBLIC
}

/// Transactions of [`ensure_settlement`] on the public chain.
const SETTLEMENT_PUBLIC: u64 = 1;
/// Transactions of [`ensure_messaging`].
const MESSAGING: u64 = 5;
/// Transactions of [`ensure_peg`].
const PEG: u64 = 1;
/// Points that may pass the peg at once, smallest units: ten thousand.
const PEG_CAPACITY: u128 = 10_000 * 10_u128.pow(18);
/// Points of it that come back each second.
const PEG_REFILL: u128 = 10_u128.pow(18);
/// From here on a transfer waits.
const PEG_LARGE: u128 = 1_000 * 10_u128.pow(18);
/// How long it waits, seconds.
const PEG_DELAY: u64 = 60;

const fn first_of_messaging(holders: usize) -> u64 {
    2 + holders as u64
}

const fn first_of_settling(holders: usize) -> u64 {
    first_of_messaging(holders) + MESSAGING + PEG + proofs::PROOFS
}

/// Number of the lane whose messages are executed in any order.
pub const UNORDERED_LANE: u32 = 1;
/// Number of the lane whose messages are executed in order.
pub const ORDERED_LANE: u32 = 2;
/// Seconds for which the validators of the epoch before are still believed.
const GRACE: u64 = 3_600;
/// Messages at once, in each direction of a lane.
const LANE_CAPACITY: u32 = 10_000;
/// Messages a second that flow back.
const LANE_REFILL: u32 = 1_000;

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
    /// The certificates of the founding organisations.
    #[error("the founding organisations cannot be named")]
    Founders(#[from] LocalError),
    /// The key that must sign a candidacy is another validator's.
    #[error("the key of validator {0} is not here: restore its keystore")]
    ForeignKey(Address),
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

/// Deploys on `chain` what messages to and from the chain of `remote` need, where it is missing; returns how many
/// transactions were sent. [`ensure`] comes first, for the same holders.
///
/// # Errors
/// See [`DeployError`].
pub async fn ensure_messaging(
    chain: &dyn Chain,
    deployer: Address,
    guardian: Address,
    holders: usize,
    remote: &Anchor,
) -> Result<usize, DeployError> {
    let at = Messaging::of(deployer, holders);
    let locks = Contracts::of(deployer);
    let create = |data| Action::Call {
        to: None,
        value: U256::ZERO,
        data,
    };
    let client = LightClient::constructorCall {
        chainId_: remote.chain.0,
        domain_: remote.domain,
        epochLength_: remote.epoch_length,
        validatorSet_: remote.validator_set,
        grace_: GRACE,
        firstEpoch: remote.epoch,
        votes: remote.votes.concat().into(),
        // A local profile is started anew rather than recovered: nobody may.
        governor_: Address::ZERO,
        recoveryDelay_: 0,
    };
    let gateway = Gateway::constructorCall {
        administrator_: deployer,
        guardian_: guardian,
        denied: vec![locks.hash_time_lock, at.light_client],
    };
    let hub = EventHub::constructorCall {
        gateway_: at.gateway,
    };
    let creations = vec![
        create(deploy_code(&LightClient::BYTECODE, &client)),
        create(deploy_code(&Gateway::BYTECODE, &gateway)),
        create(deploy_code(&EventHub::BYTECODE, &hub)),
    ];
    let open = |lane, ordered| {
        let config = LaneConfig {
            lane,
            remoteChainId: remote.chain.0,
            // The same deployer with the same nonces: the same address.
            remoteGateway: at.gateway,
            client: at.light_client,
            ordered,
            capacity: LANE_CAPACITY,
            refill: LANE_REFILL,
        };
        let call = Gateway::openLaneCall { c: config };
        Action::Call {
            to: Some(at.gateway),
            value: U256::ZERO,
            data: call.abi_encode().into(),
        }
    };
    let lanes = vec![open(UNORDERED_LANE, false), open(ORDERED_LANE, true)];
    let first = first_of_messaging(holders);
    stages(chain, deployer, first, [creations, lanes]).await
}

/// Deploys `chain`'s end of the peg of points, where it is missing; returns how many transactions were sent.
/// [`ensure_messaging`] comes first, on both chains.
///
/// # Errors
/// See [`DeployError`].
pub async fn ensure_peg(
    chain: &dyn Chain,
    deployer: Address,
    guardian: Address,
    holders: usize,
    end: PegEnd,
) -> Result<usize, DeployError> {
    let (locks, peg) = (Contracts::of(deployer), Peg::of(deployer, holders));
    let data = match end {
        PegEnd::Home => deploy_code(
            &PegVault::BYTECODE,
            &PegVault::constructorCall {
                config: PegVault::PegConfig {
                    locks: locks.hash_time_lock,
                    client: peg.client,
                    remoteLocks: locks.hash_time_lock,
                    remotePort: peg.port,
                    remoteToken: peg.pegged,
                    administrator: deployer,
                    guardian,
                    limits: PegVault::PegLimits {
                        capacity: PEG_CAPACITY,
                        perSecond: PEG_REFILL,
                        largeAmount: PEG_LARGE,
                        delay: PEG_DELAY,
                    },
                },
                token_: locks.points_token,
            },
        ),
        PegEnd::Side => deploy_code(
            &PegMint::BYTECODE,
            &PegMint::constructorCall {
                config: PegMint::PegConfig {
                    locks: locks.hash_time_lock,
                    client: peg.client,
                    remoteLocks: locks.hash_time_lock,
                    remotePort: peg.port,
                    remoteToken: locks.points_token,
                    administrator: deployer,
                    guardian,
                    limits: PegMint::PegLimits {
                        capacity: PEG_CAPACITY,
                        perSecond: PEG_REFILL,
                        largeAmount: PEG_LARGE,
                        delay: PEG_DELAY,
                    },
                },
                name: "Pegged points".into(),
                symbol: "pPTS".into(),
                decimals: 18,
            },
        ),
    };
    let create = Action::Call {
        to: None,
        value: U256::ZERO,
        data,
    };
    let first = first_of_messaging(holders) + MESSAGING;
    stages(chain, deployer, first, [vec![create], Vec::new()]).await
}

/// Deploys `chain`'s end of settlements, where it is missing; returns how many transactions were sent.
/// [`ensure_proofs`] comes first, on both chains.
///
/// # Errors
/// See [`DeployError`].
pub async fn ensure_settlement(
    chain: &dyn Chain,
    deployer: Address,
    holders: usize,
    end: SettlementEnd,
) -> Result<usize, DeployError> {
    let (at, gateway) = (
        Settling::of(deployer, holders),
        Messaging::of(deployer, holders).gateway,
    );
    let create = |data| Action::Call {
        to: None,
        value: U256::ZERO,
        data,
    };
    let both = match end {
        SettlementEnd::Public => {
            let arguments = SettlementEscrow::constructorCall {
                gateway_: gateway,
                client_: at.client,
                settlement_: at.settlement,
            };
            let escrow = deploy_code(&SettlementEscrow::BYTECODE, &arguments);
            [vec![create(escrow)], Vec::new()]
        }
        SettlementEnd::Consortium { public } => {
            let arguments = Settlement::constructorCall {
                gateway_: gateway,
                publicChainId_: U256::from(public.0),
                escrow_: at.escrow,
            };
            let settlement = deploy_code(&Settlement::BYTECODE, &arguments);
            let arguments = DeliveryAgreement::constructorCall {
                settlement_: at.settlement,
            };
            let agreement = deploy_code(&DeliveryAgreement::BYTECODE, &arguments);
            [vec![create(settlement)], vec![create(agreement)]]
        }
    };
    stages(chain, deployer, first_of_settling(holders), both).await
}

/// Deploys the anchors of the event log on the public chain, where they are missing; returns how many transactions were sent.
/// [`ensure_settlement`] comes first.
///
/// # Errors
/// See [`DeployError`].
pub async fn ensure_log_anchor(
    chain: &dyn Chain,
    deployer: Address,
    holders: usize,
) -> Result<usize, DeployError> {
    let create = Action::Call {
        to: None,
        value: U256::ZERO,
        data: LogAnchor::BYTECODE.clone(),
    };
    let both = [vec![create], Vec::new()];
    stages(chain, deployer, log_anchor_nonce(holders), both).await
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
    let both = [creations(chain, deployer), mints(deployer, holders)];
    stages(chain, deployer, 0, both).await
}

/// Sends the deployer's transactions from `nonce` on, those that are missing. Simulating a call needs what it calls: each
/// stage is final before the next is prepared.
async fn stages(
    chain: &dyn Chain,
    deployer: Address,
    mut nonce: u64,
    stages: [Vec<Action>; 2],
) -> Result<usize, DeployError> {
    let failed = |source| DeployError::Chain {
        chain: chain.info().name.clone(),
        source,
    };
    let mut sent = 0;
    for stage in stages {
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
