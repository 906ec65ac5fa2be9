//! Executing blocks and calls with revm.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_consensus::{
    Eip658Value, Header, Receipt, ReceiptEnvelope, ReceiptWithBloom, Transaction, TxEnvelope,
    TxType, proofs,
};
use alloy_eips::{eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, B256, Bloom, Bytes, Log, TxKind, U256};
use revm::{
    Context, ExecuteCommitEvm, ExecuteEvm, MainBuilder, MainContext, MainnetEvm,
    context::{
        BlockEnv, CfgEnv, ContextTr as _, TxEnv,
        either::Either,
        result::{EVMError, ExecutionResult, HaltReason, InvalidTransaction, Output},
    },
    database::{State, WrapDatabaseRef, states::bundle_state::BundleRetention},
    handler::MainnetContext,
    primitives::hardfork::SpecId,
};

use crate::{
    block::{self, Block},
    state::{Account, StateDelta, WorldState},
};

/// The Ethereum rules every hosted chain runs.
pub const SPEC: SpecId = SpecId::OSAKA;
/// Most gas one transaction may use (EIP-7825).
pub const TX_GAS_CAP: u64 = 16_777_216;
/// Longest a proposer executes before it closes its block; the rest waits for the next one.
const BUILD_BUDGET: Duration = Duration::from_millis(300);

type StateDb<'a> = State<WrapDatabaseRef<&'a WorldState>>;

/// Why a block or a transaction cannot be executed at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecutionError {
    /// A transaction of the block is not valid on the state before it.
    #[error("transaction {index} ({hash}) is not valid here: {reason}")]
    Invalid {
        /// Its place in the block.
        index: usize,
        /// Its hash.
        hash: B256,
        /// Why.
        reason: InvalidTransaction,
    },
    /// The block promises more gas than its limit.
    #[error("transaction {index} would take the block to {got} gas, its limit is {limit}")]
    BlockGas {
        /// Its place in the block.
        index: usize,
        /// Gas used with it.
        got: u64,
        /// The block's limit.
        limit: u64,
    },
    /// The header does not say what execution found.
    #[error("header field {field} is {got}, execution gives {expected}")]
    Header {
        /// Which field.
        field: &'static str,
        /// What execution gives.
        expected: String,
        /// What the header says.
        got: String,
    },
    /// revm stopped for a reason that is none of ours.
    #[error("the virtual machine failed: {0}")]
    Machine(String),
}

/// A block with its senders and receipts: what is kept of it for ever.
#[derive(Clone, Debug)]
pub struct BlockRecord {
    /// The block.
    pub block: Block,
    /// Sender of each transaction.
    pub senders: Vec<Address>,
    /// Receipt of each transaction.
    pub receipts: Vec<ReceiptEnvelope>,
}

/// A block with everything its execution gave.
#[derive(Debug)]
pub struct ExecutedBlock {
    /// The block, its senders and receipts.
    pub record: Arc<BlockRecord>,
    /// State after it.
    pub state: WorldState,
    /// What it changed.
    pub delta: StateDelta,
}

impl ExecutedBlock {
    /// The block.
    pub fn block(&self) -> &Block {
        &self.record.block
    }
}

impl BlockRecord {
    /// Gas used by the transaction at `index`.
    pub fn gas_used(&self, index: usize) -> u64 {
        let before = index
            .checked_sub(1)
            .and_then(|i| self.receipts.get(i))
            .map_or(0, |r| r.cumulative_gas_used());
        self.receipts
            .get(index)
            .map_or(0, |r| r.cumulative_gas_used() - before)
    }
}

/// A transaction and the account that signed it.
pub type Signed<'a> = (&'a TxEnvelope, Address);

struct Outcome {
    bundle: revm::database::BundleState,
    receipts: Vec<ReceiptEnvelope>,
    gas_used: u64,
}

/// Executes a block somebody else proposed and checks its header against what came out.
///
/// # Errors
/// Names the first transaction or header field that is wrong; the block is then permanently invalid.
pub fn replay(
    chain_id: u64,
    parent: &WorldState,
    block: Block,
    senders: Vec<Address>,
) -> Result<ExecutedBlock, ExecutionError> {
    let header = block.header();
    let signed = block.transactions().iter().zip(senders.iter().copied());
    let mut run = Run::new(chain_id, parent, header);
    for (index, tx) in signed.enumerate() {
        run.push(tx)
            .map_err(|refusal| refusal.into_error(index, tx.0, header.gas_limit))?;
    }
    let outcome = run.finish();
    let (mut state, delta) = parent.apply(&outcome.bundle);
    let bloom = logs_bloom(&outcome.receipts);
    let expect = |field, expected: String, got: String| {
        if expected == got {
            Ok(())
        } else {
            Err(ExecutionError::Header {
                field,
                expected,
                got,
            })
        }
    };
    expect(
        "stateRoot",
        state.root().to_string(),
        header.state_root.to_string(),
    )?;
    expect(
        "receiptsRoot",
        proofs::calculate_receipt_root(&outcome.receipts).to_string(),
        header.receipts_root.to_string(),
    )?;
    expect(
        "transactionsRoot",
        block::transactions_root(block.transactions()).to_string(),
        header.transactions_root.to_string(),
    )?;
    expect(
        "gasUsed",
        outcome.gas_used.to_string(),
        header.gas_used.to_string(),
    )?;
    expect(
        "logsBloom",
        bloom.to_string(),
        header.logs_bloom.to_string(),
    )?;
    state.remember_block(block.number(), block.hash());
    let record = Arc::new(BlockRecord {
        block,
        senders,
        receipts: outcome.receipts,
    });
    Ok(ExecutedBlock {
        record,
        state,
        delta,
    })
}

/// Builds a block from candidates in their order. Candidates that are not valid here are left out and returned.
pub fn build<'a>(
    chain_id: u64,
    parent: &WorldState,
    header: Header,
    candidates: impl Iterator<Item = Signed<'a>>,
) -> (ExecutedBlock, Vec<(B256, InvalidTransaction)>) {
    let started = Instant::now();
    let mut run = Run::new(chain_id, parent, &header);
    let (mut transactions, mut senders, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    let mut bytes = 1024; // the header and the lists around the body
    for (tx, sender) in candidates {
        let size = block::encoded_len(tx);
        if started.elapsed() > BUILD_BUDGET || bytes + size > block::MAX_BLOCK_BYTES {
            break;
        }
        match run.push((tx, sender)) {
            Ok(()) => {
                bytes += size;
                transactions.push(tx.clone());
                senders.push(sender);
            }
            Err(Refusal::Invalid(reason)) => refused.push((*tx.tx_hash(), reason)),
            Err(Refusal::BlockFull { .. }) => break,
            Err(Refusal::Machine(reason)) => {
                refused.push((*tx.tx_hash(), InvalidTransaction::Str(reason.into())));
            }
        }
    }
    let outcome = run.finish();
    let (mut state, delta) = parent.apply(&outcome.bundle);
    let header = Header {
        state_root: state.root(),
        transactions_root: block::transactions_root(&transactions),
        receipts_root: proofs::calculate_receipt_root(&outcome.receipts),
        logs_bloom: logs_bloom(&outcome.receipts),
        gas_used: outcome.gas_used,
        ..header
    };
    let block = Block::new(header, transactions);
    state.remember_block(block.number(), block.hash());
    let record = Arc::new(BlockRecord {
        block,
        senders,
        receipts: outcome.receipts,
    });
    (
        ExecutedBlock {
            record,
            state,
            delta,
        },
        refused,
    )
}

/// A call or a deployment that is simulated, never committed.
#[derive(Clone, Debug, Default)]
pub struct CallRequest {
    /// Who calls.
    pub from: Address,
    /// Whom, or `None` to deploy.
    pub to: Option<Address>,
    /// Most gas it may use.
    pub gas: u64,
    /// Price per gas it declares, wei.
    pub gas_price: u128,
    /// Native points attached.
    pub value: U256,
    /// Call data or creation code.
    pub data: Bytes,
    /// Nonce, or `None` for the account's next.
    pub nonce: Option<u64>,
    /// EIP-2930 access list.
    pub access_list: AccessList,
    /// EIP-7702 authorizations.
    pub authorizations: Vec<SignedAuthorization>,
}

/// What a simulated call came to.
#[derive(Clone, Debug)]
pub enum CallOutcome {
    /// It returned.
    Returned {
        /// Return data, or the code deployed.
        output: Bytes,
        /// Gas used, after refunds.
        gas_used: u64,
        /// Logs it would emit.
        logs: Vec<Log>,
    },
    /// It reverted with data.
    Reverted {
        /// Revert data.
        output: Bytes,
        /// Gas used.
        gas_used: u64,
    },
    /// It stopped on an error of the machine, such as out of gas.
    Halted {
        /// Why.
        reason: HaltReason,
        /// Gas used: all of it.
        gas_used: u64,
    },
}

/// Simulates a call on `state` as if it were in the block of `header`. Balance for gas and code of the sender are not
/// checked, as `eth_call` does not; the value attached is.
///
/// # Errors
/// Fails when the call cannot even start, for example without the funds it attaches.
pub fn call(
    chain_id: u64,
    state: &WorldState,
    header: &Header,
    request: &CallRequest,
) -> Result<CallOutcome, InvalidTransaction> {
    let mut db = State::builder().with_database_ref(state).build();
    let mut cfg = config(chain_id);
    cfg.disable_eip3607 = true;
    cfg.disable_base_fee = request.gas_price == 0;
    cfg.disable_block_gas_limit = true;
    cfg.tx_gas_limit_cap = Some(u64::MAX);
    let mut evm = Context::mainnet()
        .with_db(&mut db)
        .with_cfg(cfg)
        .with_block(block_env(header))
        .build_mainnet();
    let tx = TxEnv {
        tx_type: u8::from(!request.access_list.is_empty()),
        caller: request.from,
        gas_limit: request.gas,
        gas_price: request.gas_price,
        kind: request.to.map_or(TxKind::Create, TxKind::Call),
        value: request.value,
        data: request.data.clone(),
        nonce: request.nonce.unwrap_or_else(|| state.nonce(request.from)),
        chain_id: Some(chain_id),
        access_list: request.access_list.clone(),
        authorization_list: request
            .authorizations
            .iter()
            .cloned()
            .map(Either::Left)
            .collect(),
        ..Default::default()
    };
    let tx = if request.authorizations.is_empty() {
        tx
    } else {
        TxEnv { tx_type: 4, ..tx }
    };
    match evm.transact(tx) {
        Ok(result) => Ok(match result.result {
            ExecutionResult::Success {
                gas, logs, output, ..
            } => CallOutcome::Returned {
                output: output.into_data(),
                gas_used: gas.tx_gas_used(),
                logs,
            },
            ExecutionResult::Revert { gas, output, .. } => CallOutcome::Reverted {
                output,
                gas_used: gas.tx_gas_used(),
            },
            ExecutionResult::Halt { reason, gas, .. } => CallOutcome::Halted {
                reason,
                gas_used: gas.tx_gas_used(),
            },
        }),
        Err(EVMError::Transaction(reason)) => Err(reason),
        Err(other) => Err(InvalidTransaction::Str(other.to_string().into())),
    }
}

/// Runs creation code on a genesis state and returns the account it made, or the revert data.
///
/// # Errors
/// Fails when the machine itself does.
pub fn construct(
    chain_id: u64,
    state: &mut WorldState,
    code: Bytes,
) -> Result<Result<Account, Bytes>, ExecutionError> {
    let mut db = State::builder()
        .with_database_ref(&*state)
        .with_bundle_update()
        .build();
    let mut cfg = config(chain_id);
    cfg.disable_base_fee = true;
    cfg.disable_block_gas_limit = true;
    cfg.tx_gas_limit_cap = Some(u64::MAX);
    let result = {
        let mut evm = Context::mainnet()
            .with_db(&mut db)
            .with_cfg(cfg)
            .build_mainnet();
        evm.transact_commit(TxEnv {
            caller: Address::ZERO,
            gas_limit: 1_000_000_000,
            kind: TxKind::Create,
            data: code,
            chain_id: Some(chain_id),
            ..Default::default()
        })
        .map_err(|e| ExecutionError::Machine(e.to_string()))?
    };
    db.merge_transitions(BundleRetention::PlainState);
    let bundle = db.take_bundle();
    drop(db);
    match result {
        ExecutionResult::Success {
            output: Output::Create(_, Some(address)),
            ..
        } => {
            let (after, _) = state.apply(&bundle);
            let account = after.account(address).cloned().unwrap_or_default();
            state.add_code(after.code_of(address));
            Ok(Ok(account))
        }
        ExecutionResult::Revert { output, .. } => Ok(Err(output)),
        other => Err(ExecutionError::Machine(format!("{other:?}"))),
    }
}

/// One block under execution.
pub(crate) struct Run<'a> {
    evm: MainnetEvm<MainnetContext<StateDb<'a>>>,
    gas_limit: u64,
    receipts: Vec<ReceiptEnvelope>,
    gas_used: u64,
}

pub(crate) enum Refusal {
    Invalid(InvalidTransaction),
    BlockFull { got: u64 },
    Machine(String),
}

impl Refusal {
    fn into_error(self, index: usize, tx: &TxEnvelope, limit: u64) -> ExecutionError {
        match self {
            Self::Invalid(reason) => ExecutionError::Invalid {
                index,
                hash: *tx.tx_hash(),
                reason,
            },
            Self::BlockFull { got } => ExecutionError::BlockGas { index, got, limit },
            Self::Machine(reason) => ExecutionError::Machine(reason),
        }
    }
}

impl<'a> Run<'a> {
    pub(crate) fn new(chain_id: u64, parent: &'a WorldState, header: &Header) -> Self {
        let db = State::builder()
            .with_database_ref(parent)
            .with_bundle_update()
            .build();
        let evm = Context::mainnet()
            .with_db(db)
            .with_cfg(config(chain_id))
            .with_block(block_env(header))
            .build_mainnet();
        Self {
            evm,
            gas_limit: header.gas_limit,
            receipts: Vec::new(),
            gas_used: 0,
        }
    }

    pub(crate) fn push(&mut self, (tx, sender): Signed<'_>) -> Result<(), Refusal> {
        let promised = self.gas_used.saturating_add(tx.gas_limit());
        if promised > self.gas_limit {
            return Err(Refusal::BlockFull { got: promised });
        }
        let result = self
            .evm
            .transact_commit(tx_env(tx, sender))
            .map_err(|e| match e {
                EVMError::Transaction(reason) => Refusal::Invalid(reason),
                other => Refusal::Machine(other.to_string()),
            })?;
        self.gas_used += result.tx_gas_used();
        let status = Eip658Value::Eip658(result.is_success());
        let logs = match result {
            ExecutionResult::Success { logs, .. } => logs,
            ExecutionResult::Revert { .. } | ExecutionResult::Halt { .. } => Vec::new(),
        };
        self.receipts
            .push(receipt(tx.tx_type(), status, self.gas_used, logs));
        Ok(())
    }

    fn finish(mut self) -> Outcome {
        let db = self.evm.ctx.db_mut();
        db.merge_transitions(BundleRetention::PlainState);
        Outcome {
            bundle: db.take_bundle(),
            receipts: self.receipts,
            gas_used: self.gas_used,
        }
    }
}

pub(crate) fn config(chain_id: u64) -> CfgEnv {
    let mut cfg = CfgEnv::new_with_spec(SPEC);
    cfg.chain_id = chain_id;
    cfg
}

pub(crate) fn block_env(header: &Header) -> BlockEnv {
    BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: header.base_fee_per_gas.unwrap_or_default(),
        prevrandao: Some(header.mix_hash),
        ..Default::default()
    }
}

pub(crate) fn tx_env(tx: &TxEnvelope, sender: Address) -> TxEnv {
    TxEnv {
        tx_type: tx.tx_type() as u8,
        caller: sender,
        gas_limit: tx.gas_limit(),
        gas_price: tx.max_fee_per_gas(),
        gas_priority_fee: tx.max_priority_fee_per_gas(),
        kind: tx.kind(),
        value: tx.value(),
        data: tx.input().clone(),
        nonce: tx.nonce(),
        chain_id: tx.chain_id(),
        access_list: tx.access_list().cloned().unwrap_or_default(),
        authorization_list: tx
            .authorization_list()
            .map(|list| list.iter().cloned().map(Either::Left).collect())
            .unwrap_or_default(),
        ..Default::default()
    }
}

fn receipt(
    kind: TxType,
    status: Eip658Value,
    cumulative_gas_used: u64,
    logs: Vec<Log>,
) -> ReceiptEnvelope {
    let receipt = Receipt {
        status,
        cumulative_gas_used,
        logs,
    };
    let logs_bloom = receipt.bloom_slow();
    let receipt = ReceiptWithBloom {
        receipt,
        logs_bloom,
    };
    match kind {
        TxType::Legacy => ReceiptEnvelope::Legacy(receipt),
        TxType::Eip2930 => ReceiptEnvelope::Eip2930(receipt),
        TxType::Eip1559 => ReceiptEnvelope::Eip1559(receipt),
        TxType::Eip4844 => ReceiptEnvelope::Eip4844(receipt),
        TxType::Eip7702 => ReceiptEnvelope::Eip7702(receipt),
    }
}

fn logs_bloom(receipts: &[ReceiptEnvelope]) -> Bloom {
    receipts
        .iter()
        .fold(Bloom::ZERO, |bloom, receipt| bloom | *receipt.logs_bloom())
}
