//! What every node of one chain must agree on before its first block.

use std::collections::BTreeMap;

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolConstructor;

pub use causeway_adapter_api::{VALIDATOR_SET, VOTES_HASH_SLOT};
use causeway_contracts::ValidatorSet;
use serde::{Deserialize, Serialize};

use crate::{
    block::{self, Attributes, Block},
    execute::{self, ExecutionError},
    state::WorldState,
};

/// Fewest validators of a chain: 3f+1 with f = 1.
pub const MIN_VALIDATORS: usize = 4;
/// Most validators of a chain.
pub const MAX_VALIDATORS: usize = 101;

/// Genesis of one hosted chain. Two nodes with a different spec have different genesis hashes and never agree.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainSpec {
    /// Name for people, also part of every path and log line.
    pub name: String,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Time of the genesis block, milliseconds since the Unix epoch.
    pub genesis_time_ms: u64,
    /// Gas limit of every block.
    pub gas_limit: u64,
    /// What a transaction pays.
    pub fee: FeePolicy,
    /// Blocks per epoch; the validator set changes only between epochs.
    pub epoch_length: u64,
    /// Longest time between blocks when nothing is waiting, milliseconds.
    pub heartbeat_ms: u64,
    /// Shortest time between blocks when something is waiting, milliseconds.
    pub min_interval_ms: u64,
    /// Who may change the validator set.
    pub administrator: Address,
    /// Validators of the first epoch.
    pub validators: Vec<ValidatorEntry>,
    /// Accounts that exist from the start.
    #[serde(default)]
    pub alloc: BTreeMap<Address, GenesisAccount>,
}

/// What a transaction pays on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FeePolicy {
    /// EIP-1559 with this base fee in the genesis block, in wei.
    Eip1559 {
        /// Base fee of the genesis block.
        initial_base_fee: u64,
    },
    /// No base fee; a zero gas price is accepted.
    Free,
}

/// One validator as the spec and the `ValidatorSet` contract name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidatorEntry {
    /// Address of the secp256k1 key that signs votes; also gets the fees of the blocks it proposes.
    pub vote: Address,
    /// ed25519 key of its connections.
    pub network: B256,
    /// `host:port` where its peers reach it.
    pub endpoint: String,
}

/// An account that exists from the start.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisAccount {
    /// Native points, in wei.
    pub balance: U256,
    /// Runtime code, if it is a contract.
    #[serde(default)]
    pub code: Bytes,
}

/// Why a spec cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// Too few or too many validators.
    #[error("chain {chain}: {got} validators, must be {MIN_VALIDATORS} to {MAX_VALIDATORS}")]
    ValidatorCount {
        /// Which chain.
        chain: String,
        /// How many were given.
        got: usize,
    },
    /// A value that makes no chain.
    #[error("chain {chain}: {key} is {got}, must be {expected}")]
    Value {
        /// Which chain.
        chain: String,
        /// Which key of the spec.
        key: &'static str,
        /// What was given.
        got: u64,
        /// What is allowed.
        expected: &'static str,
    },
    /// The system contract refuses the validators.
    #[error("chain {chain}: the ValidatorSet contract refuses its arguments: {revert}")]
    ValidatorSetRefused {
        /// Which chain.
        chain: String,
        /// Revert data.
        revert: Bytes,
    },
    /// The genesis transaction could not run.
    #[error("chain {chain}: genesis cannot be executed")]
    Execution {
        /// Which chain.
        chain: String,
        /// Why.
        #[source]
        source: Box<ExecutionError>,
    },
}

impl ChainSpec {
    /// Checks every value and builds the genesis block and state.
    ///
    /// # Errors
    /// Names the first key whose value makes no chain.
    pub fn genesis(&self) -> Result<(Block, WorldState), SpecError> {
        self.check()?;
        let mut state = WorldState::default();
        for (address, account) in &self.alloc {
            state.set_account(*address, account.balance, account.code.clone());
        }
        self.install_validator_set(&mut state)?;
        let header = Header {
            number: 0,
            state_root: state.root(),
            parent_hash: B256::ZERO,
            ..block::child_header(
                &Block::new(Header::default(), Vec::new()),
                Attributes {
                    time_ms: self.genesis_time_ms,
                    beneficiary: Address::ZERO,
                },
                self.gas_limit,
                self.initial_base_fee(),
            )
        };
        let header = Header {
            transactions_root: alloy_consensus::EMPTY_ROOT_HASH,
            receipts_root: alloy_consensus::EMPTY_ROOT_HASH,
            mix_hash: B256::ZERO,
            ..header
        };
        let block = Block::new(header, Vec::new());
        state.remember_block(0, block.hash());
        Ok((block, state))
    }

    /// Base fee of the genesis block, wei.
    pub const fn initial_base_fee(&self) -> u64 {
        match self.fee {
            FeePolicy::Eip1559 { initial_base_fee } => initial_base_fee,
            FeePolicy::Free => 0,
        }
    }

    /// Base fee of the block after `parent`, wei (EIP-1559).
    pub fn next_base_fee(&self, parent: &Header) -> u64 {
        match self.fee {
            FeePolicy::Free => 0,
            FeePolicy::Eip1559 { .. } => alloy_eips::eip1559::calc_next_block_base_fee(
                parent.gas_used,
                parent.gas_limit,
                parent.base_fee_per_gas.unwrap_or_default(),
                alloy_eips::eip1559::BaseFeeParams::ethereum(),
            ),
        }
    }

    fn check(&self) -> Result<(), SpecError> {
        let chain = || self.name.clone();
        if !(MIN_VALIDATORS..=MAX_VALIDATORS).contains(&self.validators.len()) {
            return Err(SpecError::ValidatorCount {
                chain: chain(),
                got: self.validators.len(),
            });
        }
        let value = |key, got, expected| {
            Err(SpecError::Value {
                chain: chain(),
                key,
                got,
                expected,
            })
        };
        if self.chain_id == 0 {
            return value("chain_id", self.chain_id, "above 0");
        }
        if !(1_000_000..=10_000_000_000).contains(&self.gas_limit) {
            return value("gas_limit", self.gas_limit, "1,000,000 to 10,000,000,000");
        }
        if self.epoch_length < 8 {
            return value("epoch_length", self.epoch_length, "at least 8");
        }
        if !(100..=10_000).contains(&self.heartbeat_ms) {
            return value("heartbeat_ms", self.heartbeat_ms, "100 to 10,000");
        }
        if self.min_interval_ms > self.heartbeat_ms {
            return value(
                "min_interval_ms",
                self.min_interval_ms,
                "at most heartbeat_ms",
            );
        }
        Ok(())
    }

    /// Runs the constructor of `ValidatorSet` and puts what it made at its fixed address, so that its checks hold from
    /// the first block.
    fn install_validator_set(&self, state: &mut WorldState) -> Result<(), SpecError> {
        let constructor = ValidatorSet::constructorCall {
            administrator_: self.administrator,
            epochLength_: self.epoch_length,
            first: self
                .validators
                .iter()
                .map(|v| ValidatorSet::Validator {
                    vote: v.vote,
                    network: v.network,
                    endpoint: v.endpoint.clone(),
                })
                .collect(),
        };
        let mut code = ValidatorSet::BYTECODE.to_vec();
        code.extend_from_slice(&constructor.abi_encode());
        let created = execute::construct(self.chain_id, state, code.into()).map_err(|source| {
            SpecError::Execution {
                chain: self.name.clone(),
                source: source.into(),
            }
        })?;
        match created {
            Ok(account) => {
                state.install(VALIDATOR_SET, account);
                Ok(())
            }
            Err(revert) => Err(SpecError::ValidatorSetRefused {
                chain: self.name.clone(),
                revert,
            }),
        }
    }
}
