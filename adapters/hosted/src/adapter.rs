//! The relayer's view of a chain hosted in this process: no RPC in between.

use std::{collections::BTreeMap, time::Duration};

use alloy_consensus::{Transaction as _, TxEip1559};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, Bytes, TxKind, U256};
use alloy_sol_types::{SolCall, SolEvent, SolInterface, sol};
use async_trait::async_trait;
use causeway_adapter_api::{
    Action, Asset, Bump, ChainError, ChainId, ChainInfo, ChainReader, ChainWriter, Event,
    EventKind, Hashlock, Height, HeightRange, Lock, LockId, LockState, Order, Preimage, PreparedTx,
    Terms, Timestamp, Tip, TxId, TxStatus, Wanted,
};
use causeway_contracts::{
    DataMarket, DeviceRegistry, Election, Evidence, Gateway, HashTimeLock, Lock as SolLock,
    MemberRegistry, SealedContent,
};
use secp256k1::SecretKey;

use crate::{
    execute::{self, BlockRecord, CallOutcome, CallRequest, ExecutedBlock, TX_GAS_CAP},
    node::Node,
    pool::PoolError,
    scheme::address_of,
    sign::sign_1559,
    store::StoreError,
};

/// Most heights one [`ChainReader::events`] reads.
pub const MAX_RANGE: u64 = 10_000;
/// Longest [`ChainReader::finalized_after`] waits.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// Gas on top of the simulated use, in percent.
const GAS_MARGIN: u64 = 25;
/// Gas on top of that: two storage slots that others empty between simulation and inclusion, so that filling them costs
/// the full price again (a token balance of the lock contract, above all).
const GAS_SPARE: u64 = 2 * 22_100;
/// Tip of a first attempt on a chain with a fee market, wei per gas.
const BASE_TIP: u128 = 1_000_000_000;

sol! {
    interface Erc20 {
        function balanceOf(address owner) external view returns (uint256);
        function approve(address spender, uint256 amount) external returns (bool);
        error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
        error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
    }
}

/// One chain hosted here, with the accounts the relayer may sign for.
pub struct HostedChain {
    node: Node,
    info: ChainInfo,
    keys: BTreeMap<Address, SecretKey>,
}

impl HostedChain {
    /// An adapter named `name` over `node`, signing with `keys`.
    pub fn new(
        node: Node,
        name: impl Into<String>,
        hash_time_lock: Address,
        keys: Vec<SecretKey>,
    ) -> Self {
        let info = ChainInfo {
            id: ChainId(node.spec().chain_id),
            name: name.into(),
            hash_time_lock,
        };
        Self {
            node,
            info,
            keys: keys
                .into_iter()
                .map(|key| (address_of(&key), key))
                .collect(),
        }
    }

    fn tip(&self) -> Tip {
        tip_of(&self.node.ledger.tip().record)
    }

    pub(crate) const fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) fn store_error(&self, source: StoreError) -> ChainError {
        if let StoreError::Pruned { asked, oldest } = source {
            return ChainError::HistoryPruned {
                got: Height(asked),
                oldest: Height(oldest),
            };
        }
        ChainError::NodeUnreachable {
            chain: self.info.name.clone(),
            doing: "reading its store",
            source: source.into(),
        }
    }

    fn view(&self, to: Address, data: Vec<u8>) -> Result<Bytes, ChainError> {
        let request = CallRequest {
            to: Some(to),
            data: data.into(),
            gas: TX_GAS_CAP,
            ..Default::default()
        };
        self.simulate(&request).map(|(output, _)| output)
    }

    /// Runs a call on the newest final state; a refusal becomes [`ChainError::Reverted`].
    fn simulate(&self, request: &CallRequest) -> Result<(Bytes, u64), ChainError> {
        self.simulate_on(&self.node.ledger.tip(), request)
    }

    /// As [`HostedChain::simulate`], on the state after `block`.
    pub(crate) fn simulate_on(
        &self,
        block: &ExecutedBlock,
        request: &CallRequest,
    ) -> Result<(Bytes, u64), ChainError> {
        let outcome = execute::call(
            self.info.id.0,
            &block.state,
            block.block().header(),
            request,
        );
        match outcome {
            Ok(CallOutcome::Returned {
                output, gas_used, ..
            }) => Ok((output, gas_used)),
            Ok(CallOutcome::Reverted { output, .. }) => Err(ChainError::Reverted {
                reason: revert_reason(&output),
                data: output,
            }),
            Ok(CallOutcome::Halted { reason, .. }) => Err(ChainError::Reverted {
                reason: format!("{reason:?}"),
                data: Bytes::new(),
            }),
            Err(revm::context::result::InvalidTransaction::LackOfFundForMaxFee {
                fee,
                balance,
            }) => Err(ChainError::InsufficientFunds {
                chain: self.info.name.clone(),
                account: request.from,
                detail: format!("has {balance} wei, needs {fee}"),
            }),
            Err(reason) => Err(self.refused(reason.to_string())),
        }
    }

    fn refused(&self, message: String) -> ChainError {
        ChainError::NodeRefused {
            chain: self.info.name.clone(),
            code: 0,
            message,
        }
    }

    /// Refuses a range that is too wide or not final.
    pub(crate) fn check_range(&self, range: HeightRange) -> Result<(), ChainError> {
        let got = range.to.0.saturating_add(1).saturating_sub(range.from.0);
        if got > MAX_RANGE {
            return Err(ChainError::RangeTooWide {
                got,
                max: MAX_RANGE,
            });
        }
        let tip = self.tip().height;
        if range.to > tip {
            return Err(ChainError::NotFinal { got: range.to, tip });
        }
        Ok(())
    }

    fn key(&self, account: Address) -> Result<&SecretKey, ChainError> {
        self.keys
            .get(&account)
            .ok_or_else(|| ChainError::ConfigUnknownAccount {
                chain: self.info.name.clone(),
                account,
            })
    }

    fn call_of(&self, order: &Order) -> Result<CallRequest, ChainError> {
        let contract = Some(self.info.hash_time_lock);
        let (to, value, data) = match &order.action {
            Action::Lock { lock, wanted } => {
                let memo = wanted.map(|w| w.to_memo()).unwrap_or_default();
                let call = HashTimeLock::lockCall {
                    l: sol_lock(lock)?,
                    memo,
                };
                (contract, lock.attached()?, call.abi_encode())
            }
            Action::Claim { lock, preimage } => {
                let call = HashTimeLock::claimCall {
                    l: sol_lock(lock)?,
                    preimage: (*preimage.expose()).into(),
                };
                (contract, U256::ZERO, call.abi_encode())
            }
            Action::Refund { lock } => (
                contract,
                U256::ZERO,
                HashTimeLock::refundCall { l: sol_lock(lock)? }.abi_encode(),
            ),
            Action::Approve {
                token,
                spender,
                amount,
            } => {
                let call = Erc20::approveCall {
                    spender: *spender,
                    amount: *amount,
                };
                (Some(*token), U256::ZERO, call.abi_encode())
            }
            Action::Call { to, value, data } => (*to, *value, data.to_vec()),
        };
        Ok(CallRequest {
            from: order.account,
            to,
            value,
            data: data.into(),
            gas: TX_GAS_CAP,
            ..Default::default()
        })
    }

    /// Gas the call needs as a transaction. The simulation had all the gas there is, so a call that behaves differently
    /// with less is tried again with what would be attached.
    fn gas_for(&self, request: &CallRequest) -> Result<u64, ChainError> {
        let (_, used) = self.simulate(request)?;
        let gas = (used + used * GAS_MARGIN / 100 + GAS_SPARE).min(TX_GAS_CAP);
        let tight = CallRequest {
            gas,
            ..request.clone()
        };
        match self.simulate(&tight) {
            Ok(_) => Ok(gas),
            Err(_) => Ok(TX_GAS_CAP.min(self.node.spec().gas_limit)),
        }
    }

    /// Fee cap and tip of the `bump`-th attempt. Each attempt pays an eighth more than the one before.
    fn fees(&self, bump: Bump) -> (u128, u128) {
        let tip = self.node.ledger.tip();
        let base = u128::from(self.node.spec().next_base_fee(tip.block().header()));
        let raise = |fee: u128| (0..bump.0).fold(fee, |fee, _| fee + fee / 8 + 1);
        let priority = if base == 0 { 0 } else { BASE_TIP };
        // Room for the base fee to double a few times before the transaction has to be replaced.
        let (cap, priority) = (raise(base * 4 + priority), raise(priority));
        (cap.max(priority), priority)
    }

    fn decode(&self, record: &BlockRecord) -> Vec<Event> {
        let at = tip_of(record);
        let logs = record
            .receipts
            .iter()
            .zip(record.block.transactions())
            .flat_map(|(receipt, tx)| {
                receipt
                    .logs()
                    .iter()
                    .map(move |log| (log, TxId(*tx.tx_hash())))
            });
        logs.enumerate()
            .filter(|(_, (log, _))| log.address == self.info.hash_time_lock)
            .filter_map(|(index, (log, tx))| {
                let (lock_id, kind) = decode_log(log)?;
                Some(Event {
                    lock_id,
                    kind,
                    height: at.height,
                    block: at.hash,
                    time: at.time,
                    tx,
                    index: index as u64,
                })
            })
            .collect()
    }
}

#[async_trait]
impl ChainReader for HostedChain {
    fn info(&self) -> &ChainInfo {
        &self.info
    }

    async fn finalized(&self) -> Result<Tip, ChainError> {
        Ok(self.tip())
    }

    async fn finalized_after(&self, after: Height) -> Result<Tip, ChainError> {
        let mut tip = self.node.ledger.watch_tip();
        let wait = tip.wait_for(|block| block.block().number() > after.0);
        match tokio::time::timeout(MAX_WAIT, wait).await {
            Ok(Ok(block)) => Ok(tip_of(&block.record)),
            Ok(Err(source)) => Err(ChainError::NodeUnreachable {
                chain: self.info.name.clone(),
                doing: "waiting for a block",
                source: source.into(),
            }),
            Err(_) => Err(ChainError::Timeout {
                chain: self.info.name.clone(),
                doing: "waiting for a block",
                limit: MAX_WAIT,
            }),
        }
    }

    async fn events(&self, range: HeightRange) -> Result<Vec<Event>, ChainError> {
        self.check_range(range)?;
        let ledger = &self.node.ledger;
        let mut events = Vec::new();
        let numbers = ledger
            .logger_blocks(
                self.info.hash_time_lock,
                range.from.0,
                range.to.0,
                MAX_RANGE as usize,
            )
            .map_err(|e| self.store_error(e))?;
        for number in numbers {
            if let Some(record) = ledger.record(number).map_err(|e| self.store_error(e))? {
                events.extend(self.decode(&record));
            }
        }
        Ok(events)
    }

    async fn lock_state(&self, id: LockId) -> Result<LockState, ChainError> {
        let output = self.view(
            self.info.hash_time_lock,
            HashTimeLock::stateOfCall { id: id.0 }.abi_encode(),
        )?;
        let state = HashTimeLock::stateOfCall::abi_decode_returns(&output).map_err(|_| {
            ChainError::NodeMalformed {
                chain: self.info.name.clone(),
                expected: "the state of a lock",
                got: format!(
                    "{} bytes; is {} a HashTimeLock?",
                    output.len(),
                    self.info.hash_time_lock
                ),
            }
        })?;
        Ok(match state.state {
            OPEN => LockState::Open {
                claimed: state.claimedParts,
            },
            0 => LockState::Unknown,
            _ => LockState::Closed,
        })
    }

    async fn balance(&self, asset: Asset, owner: Address) -> Result<U256, ChainError> {
        match asset {
            Asset::Native => Ok(self.node.ledger.tip().state.balance(owner)),
            Asset::Token(token) => {
                let output = self.view(token, Erc20::balanceOfCall { owner }.abi_encode())?;
                Erc20::balanceOfCall::abi_decode_returns(&output).map_err(|_| {
                    ChainError::NodeMalformed {
                        chain: self.info.name.clone(),
                        expected: "an ERC-20 balance",
                        got: format!("{} bytes; is {token} a token?", output.len()),
                    }
                })
            }
        }
    }

    async fn status(&self, id: TxId) -> Result<TxStatus, ChainError> {
        let located = self
            .node
            .ledger
            .locate(id.0)
            .map_err(|e| self.store_error(e))?;
        let Some((number, index)) = located else {
            let pending = self.node.pool.get(id.0).is_some();
            return Ok(if pending {
                TxStatus::Pending
            } else {
                TxStatus::Unknown
            });
        };
        let record = self
            .node
            .ledger
            .record(number)
            .map_err(|e| self.store_error(e))?;
        let Some(record) = record else {
            return Ok(TxStatus::Unknown);
        };
        let (tx, sender) = (&record.block.transactions()[index], record.senders[index]);
        let base_fee = record.block.header().base_fee_per_gas;
        let price = U256::from(tx.effective_gas_price(base_fee));
        Ok(TxStatus::Final {
            at: tip_of(&record),
            succeeded: record.receipts[index].status(),
            created: tx.kind().is_create().then(|| sender.create(tx.nonce())),
            fee: price * U256::from(record.gas_used(index)),
        })
    }
}

#[async_trait]
impl ChainWriter for HostedChain {
    fn accounts(&self) -> Vec<Address> {
        self.keys.keys().copied().collect()
    }

    async fn next_nonce(&self, account: Address) -> Result<u64, ChainError> {
        Ok(self.node.pool.next_nonce(account))
    }

    async fn prepare(
        &self,
        order: &Order,
        nonce: u64,
        bump: Bump,
    ) -> Result<PreparedTx, ChainError> {
        let key = self.key(order.account)?;
        let request = self.call_of(order)?;
        let gas_limit = self.gas_for(&request)?;
        let (max_fee_per_gas, max_priority_fee_per_gas) = self.fees(bump);
        let tx = TxEip1559 {
            chain_id: self.info.id.0,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to: request.to.map_or(TxKind::Create, TxKind::Call),
            value: request.value,
            access_list: Default::default(),
            input: request.data,
        };
        let signed = sign_1559(key, tx);
        Ok(PreparedTx {
            id: TxId(*signed.tx_hash()),
            account: order.account,
            nonce,
            raw: signed.encoded_2718().into(),
        })
    }

    async fn broadcast(&self, tx: &PreparedTx) -> Result<(), ChainError> {
        match self.node.submit(&tx.raw) {
            Ok(_) | Err(PoolError::AlreadyKnown) => Ok(()),
            Err(PoolError::NonceTooLow { got, next }) => {
                // It may be this very transaction that used the nonce.
                let known = self
                    .node
                    .ledger
                    .locate(tx.id.0)
                    .map_err(|e| self.store_error(e))?;
                match known {
                    Some(_) => Ok(()),
                    None => Err(ChainError::NonceTooLow {
                        account: tx.account,
                        got,
                        next,
                    }),
                }
            }
            Err(PoolError::ReplacementUnderpriced { .. }) => Err(ChainError::Underpriced {
                account: tx.account,
                nonce: tx.nonce,
            }),
            Err(error @ PoolError::InsufficientFunds { .. }) => {
                Err(ChainError::InsufficientFunds {
                    chain: self.info.name.clone(),
                    account: tx.account,
                    detail: error.to_string(),
                })
            }
            Err(error @ (PoolError::Full { .. } | PoolError::SenderFull { .. })) => {
                Err(ChainError::Busy {
                    chain: self.info.name.clone(),
                    detail: error.to_string(),
                })
            }
            Err(error) => Err(self.refused(error.to_string())),
        }
    }
}

/// `LockState.Open` of the contract.
const OPEN: u8 = 1;

pub(crate) fn tip_of(record: &BlockRecord) -> Tip {
    Tip {
        height: Height(record.block.number()),
        hash: record.block.hash(),
        time: Timestamp(record.block.header().timestamp),
    }
}

fn sol_lock(lock: &Lock) -> Result<SolLock, ChainError> {
    Ok(SolLock {
        hashlock: lock.hashlock.0,
        sender: lock.sender,
        recipient: lock.recipient,
        token: lock.asset.address(),
        amount: lock.amount,
        deposit: lock.deposit,
        terms: lock.terms.packed()?,
        hooks: lock.hooks,
    })
}

fn api_lock(lock: &SolLock) -> Lock {
    Lock {
        hashlock: Hashlock(lock.hashlock),
        sender: lock.sender,
        recipient: lock.recipient,
        asset: Asset::from(lock.token),
        amount: lock.amount,
        deposit: lock.deposit,
        terms: Terms::unpacked(lock.terms),
        hooks: lock.hooks,
    }
}

fn decode_log(log: &alloy_primitives::Log) -> Option<(LockId, EventKind)> {
    match log.topics().first()? {
        topic if *topic == HashTimeLock::Locked::SIGNATURE_HASH => {
            let event = HashTimeLock::Locked::decode_log(log).ok()?.data;
            let wanted = Wanted::from_memo(&event.memo);
            Some((
                LockId(event.id),
                EventKind::Locked {
                    lock: api_lock(&event.lock),
                    wanted,
                },
            ))
        }
        topic if *topic == HashTimeLock::Claimed::SIGNATURE_HASH => {
            let event = HashTimeLock::Claimed::decode_log(log).ok()?.data;
            let preimage = Preimage::new(event.preimage.0);
            Some((
                LockId(event.id),
                EventKind::Claimed {
                    preimage,
                    by: event.by,
                },
            ))
        }
        topic if *topic == HashTimeLock::PartClaimed::SIGNATURE_HASH => {
            let event = HashTimeLock::PartClaimed::decode_log(log).ok()?.data;
            let index = u16::try_from(event.index).ok()?;
            let preimage = Preimage::new(event.preimage.0);
            Some((
                LockId(event.id),
                EventKind::PartClaimed {
                    index,
                    preimage,
                    amount: event.amount,
                },
            ))
        }
        topic if *topic == HashTimeLock::Refunded::SIGNATURE_HASH => {
            let event = HashTimeLock::Refunded::decode_log(log).ok()?.data;
            Some((
                LockId(event.id),
                EventKind::Refunded {
                    amount: event.amount,
                    by: event.by,
                },
            ))
        }
        _ => None,
    }
}

/// Name and arguments of the contract's error.
fn revert_reason(data: &Bytes) -> String {
    if let Ok(error) = HashTimeLock::HashTimeLockErrors::abi_decode(data) {
        return format!("{error:?}");
    }
    if let Ok(error) = DeviceRegistry::DeviceRegistryErrors::abi_decode(data) {
        return format!("{error:?}");
    }
    if let Ok(error) = DataMarket::DataMarketErrors::abi_decode(data) {
        return format!("{error:?}");
    }
    if let Ok(error) = Evidence::EvidenceErrors::abi_decode(data) {
        return format!("{error:?}");
    }
    if let Ok(error) = MemberRegistry::MemberRegistryErrors::abi_decode(data) {
        return format!("{error:?}");
    }
    if let Ok(error) = SealedContent::SealedContentErrors::abi_decode(data) {
        return format!("{error:?}");
    }
    if let Ok(error) = Election::ElectionErrors::abi_decode(data) {
        return format!("{error:?}");
    }
    if let Ok(error) = Gateway::GatewayErrors::abi_decode(data) {
        return format!("{error:?}");
    }
    if let Ok(error) = Erc20::Erc20Errors::abi_decode(data) {
        return match error {
            Erc20::Erc20Errors::ERC20InsufficientBalance(e) => {
                format!(
                    "ERC20InsufficientBalance({} has {}, needs {})",
                    e.sender, e.balance, e.needed
                )
            }
            Erc20::Erc20Errors::ERC20InsufficientAllowance(e) => {
                format!(
                    "ERC20InsufficientAllowance({} may take {}, needs {})",
                    e.spender, e.allowance, e.needed
                )
            }
        };
    }
    if let Some(reason) = alloy_sol_types::decode_revert_reason(data) {
        return reason;
    }
    format!("unknown error {data}")
}
