//! Running a call that is never committed.

use alloy_consensus::Header;
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_rpc_types_eth::{
    BlockOverrides, TransactionRequest,
    state::{AccountOverride, StateOverride},
};
use revm::{
    Context, DatabaseRef, ExecuteEvm, MainBuilder, MainContext,
    bytecode::Bytecode,
    context::{
        BlockEnv, CfgEnv, TxEnv,
        either::Either,
        result::{EVMError, ExecutionResult, HaltReason},
    },
    database::CacheDB,
    state::EvmState,
};

use super::error::RpcError;
use crate::{
    execute::{block_env, config},
    state::WorldState,
};

/// A state and a block to simulate in, with the caller's changes to both.
pub(crate) struct Simulation<'a> {
    db: CacheDB<&'a WorldState>,
    cfg: CfgEnv,
    env: BlockEnv,
}

/// How a simulated call ended.
pub(crate) struct Run {
    pub(crate) end: End,
    /// Gas paid for, after refunds.
    pub(crate) gas_used: u64,
    /// Gas needed while running, before refunds.
    pub(crate) gas_spent: u64,
    /// Everything the call did, except paying for gas: see [`effects`].
    pub(crate) effects: B256,
    /// Accounts and slots it looked at.
    pub(crate) touched: AccessList,
}

/// The three ways a call can end.
pub(crate) enum End {
    /// It returned data, or the code it deployed.
    Returned(Bytes),
    /// It reverted with data.
    Reverted(Bytes),
    /// The machine stopped it.
    Halted(HaltReason),
}

impl Run {
    /// What `eth_call` answers.
    pub(crate) fn output(self) -> Result<Bytes, RpcError> {
        match self.end {
            End::Returned(output) => Ok(output),
            End::Reverted(output) => Err(RpcError::Reverted(output)),
            End::Halted(reason) => Err(RpcError::Halted(reason)),
        }
    }
}

impl<'a> Simulation<'a> {
    /// Prepares to run as if in the block of `header`, on `state`.
    pub(crate) fn new(chain_id: u64, state: &'a WorldState, header: &Header) -> Self {
        let mut cfg = config(chain_id);
        cfg.disable_eip3607 = true;
        cfg.disable_block_gas_limit = true;
        cfg.disable_nonce_check = true;
        cfg.tx_gas_limit_cap = Some(u64::MAX);
        Self {
            db: CacheDB::new(state),
            cfg,
            env: block_env(header),
        }
    }

    /// Changes accounts before the call.
    pub(crate) fn override_state(&mut self, overrides: StateOverride) -> Result<(), RpcError> {
        for (address, account) in overrides {
            self.override_account(address, account)?;
        }
        Ok(())
    }

    fn override_account(
        &mut self,
        address: Address,
        account: AccountOverride,
    ) -> Result<(), RpcError> {
        if account.move_precompile_to.is_some() {
            return Err(RpcError::Override("movePrecompileToAddress"));
        }
        let Ok(info) = self.db.basic_ref(address);
        let mut info = info.unwrap_or_default();
        info.balance = account.balance.unwrap_or(info.balance);
        info.nonce = account.nonce.unwrap_or(info.nonce);
        if let Some(code) = account.code {
            let code = Bytecode::new_raw_checked(code)
                .map_err(|_| RpcError::Override("code that no account can have"))?;
            info.code_hash = code.hash_slow();
            info.code = Some(code);
        }
        self.db.insert_account_info(address, info);
        let word =
            |(key, value): (B256, B256)| (U256::from_be_bytes(key.0), U256::from_be_bytes(value.0));
        match (account.state, account.state_diff) {
            (Some(_), Some(_)) => return Err(RpcError::TwoStates(address)),
            (Some(all), None) => {
                let Ok(()) = self
                    .db
                    .replace_account_storage(address, all.into_iter().map(word).collect());
            }
            (None, Some(some)) => {
                for (key, value) in some.into_iter().map(word) {
                    let Ok(()) = self.db.insert_account_storage(address, key, value);
                }
            }
            (None, None) => {}
        }
        Ok(())
    }

    /// Changes the block before the call.
    pub(crate) fn override_block(&mut self, overrides: BlockOverrides) -> Result<(), RpcError> {
        if overrides.block_hash.is_some() {
            return Err(RpcError::Override("blockHash"));
        }
        let env = &mut self.env;
        env.number = overrides.number.unwrap_or(env.number);
        env.difficulty = overrides.difficulty.unwrap_or(env.difficulty);
        env.timestamp = overrides.time.map_or(env.timestamp, U256::from);
        env.gas_limit = overrides.gas_limit.unwrap_or(env.gas_limit);
        env.beneficiary = overrides.coinbase.unwrap_or(env.beneficiary);
        env.prevrandao = overrides.random.or(env.prevrandao);
        env.basefee = overrides
            .base_fee
            .map_or(env.basefee, |fee| fee.saturating_to());
        Ok(())
    }

    /// Balance the caller has here.
    pub(crate) fn balance(&self, address: Address) -> U256 {
        let Ok(info) = self.db.basic_ref(address);
        info.map_or(U256::ZERO, |info| info.balance)
    }

    /// The transaction a request stands for, with `gas` if it names none.
    pub(crate) fn transaction(
        &self,
        request: TransactionRequest,
        gas: u64,
    ) -> Result<TxEnv, RpcError> {
        let expected = self.cfg.chain_id;
        if let Some(got) = request.chain_id.filter(|got| *got != expected) {
            return Err(RpcError::ChainId { got, expected });
        }
        if request.blob_versioned_hashes.is_some() || request.max_fee_per_blob_gas.is_some() {
            return Err(RpcError::Unsupported(
                "blob transactions (type 3): this chain has no blobs",
            ));
        }
        let tips = request.max_fee_per_gas.is_some() || request.max_priority_fee_per_gas.is_some();
        if request.gas_price.is_some() && tips {
            return Err(RpcError::TwoPrices);
        }
        let caller = request.from.unwrap_or_default();
        let Ok(account) = self.db.basic_ref(caller);
        let authorizations = request.authorization_list.unwrap_or_default();
        let tx_type = match () {
            () if !authorizations.is_empty() => 4,
            () if tips => 2,
            () if request.access_list.is_some() => 1,
            () => 0,
        };
        Ok(TxEnv {
            tx_type,
            caller,
            gas_limit: request.gas.unwrap_or(gas).min(gas),
            gas_price: request
                .gas_price
                .or(request.max_fee_per_gas)
                .unwrap_or_default(),
            gas_priority_fee: tips.then(|| request.max_priority_fee_per_gas.unwrap_or_default()),
            kind: request.to.unwrap_or(TxKind::Create),
            value: request.value.unwrap_or_default(),
            data: request
                .input
                .try_into_unique_input()
                .map_err(|_| RpcError::TwoInputs)?
                .unwrap_or_default(),
            nonce: request
                .nonce
                .unwrap_or_else(|| account.map_or(0, |a| a.nonce)),
            chain_id: Some(expected),
            access_list: request.access_list.unwrap_or_default(),
            authorization_list: authorizations.into_iter().map(Either::Left).collect(),
            ..Default::default()
        })
    }

    /// Runs a transaction and forgets what it changed.
    pub(crate) fn run(&mut self, tx: TxEnv) -> Result<Run, RpcError> {
        let mut cfg = self.cfg.clone();
        // Without a price the caller does not say that it could pay; with one it must be able to.
        cfg.disable_base_fee = tx.gas_price == 0;
        let (caller, beneficiary, called) =
            (tx.caller, self.env.beneficiary, tx.kind.to().copied());
        let mut evm = Context::mainnet()
            .with_db(&mut self.db)
            .with_cfg(cfg)
            .with_block(self.env.clone())
            .build_mainnet();
        let done = evm.transact(tx).map_err(|error| match error {
            EVMError::Transaction(reason) => RpcError::Invalid(reason),
            other => RpcError::Invalid(other.to_string().into()),
        })?;
        let effects = effects(&done.result, &done.state, &[caller, beneficiary]);
        let touched = touched(&done.state, &[Some(caller), Some(beneficiary), called]);
        let gas = *done.result.gas();
        let end = match done.result {
            ExecutionResult::Success { output, .. } => End::Returned(output.into_data()),
            ExecutionResult::Revert { output, .. } => End::Reverted(output),
            ExecutionResult::Halt { reason, .. } => End::Halted(reason),
        };
        Ok(Run {
            end,
            gas_used: gas.tx_gas_used(),
            gas_spent: gas.total_gas_spent(),
            effects,
            touched,
        })
    }
}

/// Digest of what a call returned, logged and changed. Balances of those who pay and get the gas are left out, since they
/// differ with every amount of it.
fn effects(result: &ExecutionResult, state: &EvmState, payers: &[Address]) -> B256 {
    let mut bytes = result
        .output()
        .map(|o| keccak256(o).to_vec())
        .unwrap_or_default();
    for log in result.logs() {
        bytes.extend_from_slice(log.address.as_slice());
        log.topics()
            .iter()
            .for_each(|topic| bytes.extend_from_slice(topic.as_slice()));
        bytes.extend_from_slice(keccak256(&log.data.data).as_slice());
    }
    let mut accounts: Vec<_> = state
        .iter()
        .filter(|(_, account)| account.is_touched())
        .collect();
    accounts.sort_unstable_by_key(|(address, _)| **address);
    for (address, account) in accounts {
        let mut slots: Vec<_> = account
            .storage
            .iter()
            .filter(|(_, slot)| slot.is_changed())
            .collect();
        slots.sort_unstable_by_key(|(key, _)| **key);
        bytes.extend_from_slice(address.as_slice());
        bytes.extend_from_slice(&account.info.nonce.to_be_bytes());
        bytes.extend_from_slice(account.info.code_hash.as_slice());
        if !payers.contains(address) {
            bytes.extend_from_slice(&account.info.balance.to_be_bytes::<32>());
        }
        for (key, slot) in slots {
            bytes.extend_from_slice(&key.to_be_bytes::<32>());
            bytes.extend_from_slice(&slot.present_value.to_be_bytes::<32>());
        }
    }
    keccak256(bytes)
}

/// What an access list should name: everything loaded that is not warm anyway.
fn touched(state: &EvmState, warm: &[Option<Address>]) -> AccessList {
    let precompile = |address: &Address| address.0[..18].iter().all(|byte| *byte == 0);
    let mut items: Vec<AccessListItem> = state
        .iter()
        .filter(|(address, account)| {
            !account.storage.is_empty() || !(warm.contains(&Some(**address)) || precompile(address))
        })
        .map(|(address, account)| {
            let mut storage_keys: Vec<B256> =
                account.storage.keys().map(|key| B256::from(*key)).collect();
            storage_keys.sort_unstable();
            AccessListItem {
                address: *address,
                storage_keys,
            }
        })
        .collect();
    items.sort_unstable_by_key(|item| item.address);
    AccessList(items)
}
