//! A chain in memory for unit tests: deterministic, without clock, socket or task of its own.
//!
//! It behaves as a real chain does where the relayer can tell: a pool with replacement and nonce gaps, blocks, finality
//! some blocks later, fees, and a `HashTimeLock` with real windows, deposits, balances and allowances. The test decides
//! when blocks are made and what time it is, and may break the node at any call.
//!
//! ```
//! # use causeway_adapter_api::{mock::{MockChain, Setup}, *};
//! # use alloy_primitives::{Address, U256};
//! let alice = Address::repeat_byte(1);
//! let chain = MockChain::new(Setup::default()).with_accounts(vec![alice]);
//! chain.fund(Asset::Native, alice, U256::from(1_000_000_000_000_000_000u64));
//! let tip = chain.seal();
//! assert_eq!(tip.height, Height(1));
//! ```

mod contracts;
mod ledger;
mod state;
mod wire;

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alloy_primitives::{Address, B256, U256};
use async_trait::async_trait;
use tokio::sync::watch;

use self::{state::State, wire::Tx};
use crate::{
    Asset, Bump, ChainError, ChainId, ChainInfo, ChainReader, ChainWriter, Event, Height,
    HeightRange, LockId, LockState, Order, PreparedTx, Timestamp, Tip, TxId, TxStatus,
};

/// How a mock chain is made.
#[derive(Clone, Debug)]
pub struct Setup {
    /// EIP-155 id.
    pub id: ChainId,
    /// Name in errors.
    pub name: String,
    /// Time of block 0.
    pub genesis_time: Timestamp,
    /// Seconds from one block to the next, at least 1.
    pub block_time: u64,
    /// How many blocks must follow a block before it is final; 0 for finality at once.
    pub finality: u64,
    /// Who makes blocks.
    pub production: Production,
    /// Price of gas at [`Bump`] 0; zero makes a chain without fees.
    pub gas_price: u64,
    /// Most heights [`ChainReader::events`] reads at once.
    pub max_range: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            id: ChainId(31_337),
            name: "mock".into(),
            genesis_time: Timestamp(1_700_000_000),
            block_time: 1,
            finality: 0,
            production: Production::Manual,
            gas_price: 1_000_000_000,
            max_range: 1_000,
        }
    }
}

/// Who makes blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Production {
    /// Only [`MockChain::seal`] and [`MockChain::seal_to_final`].
    Manual,
    /// Each accepted broadcast also seals as many blocks as make its transaction final.
    OnBroadcast,
}

/// A call that can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// [`ChainReader::finalized`] and [`ChainReader::finalized_after`].
    Finalized,
    /// [`ChainReader::events`] and [`crate::ContractReader::logs`].
    Events,
    /// [`ChainReader::lock_state`].
    LockState,
    /// [`ChainReader::balance`] and [`crate::ContractReader::call`].
    Balance,
    /// [`ChainReader::status`].
    Status,
    /// [`ChainWriter::next_nonce`].
    NextNonce,
    /// [`ChainWriter::prepare`].
    Prepare,
    /// [`ChainWriter::broadcast`].
    Broadcast,
}

/// How a call is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens; [`ChainError::NodeUnreachable`].
    Unreachable,
    /// Nothing happens; [`ChainError::Timeout`].
    Timeout,
    /// Nothing happens; [`ChainError::Busy`].
    Busy,
    /// Nothing happens; [`ChainError::NodeMalformed`].
    Malformed,
    /// The call takes effect, its answer comes too late: [`ChainError::Timeout`].
    AnswerLost,
    /// The answer is good, the transaction is gone. Only for [`Op::Broadcast`].
    Forgotten,
    /// Each event comes twice. Only for [`Op::Events`].
    Duplicated,
}

/// A handle on a chain in memory: the adapter of one relayer.
///
/// Clones share everything. [`MockChain::with_accounts`] gives the handle of another party: same chain, other keys,
/// other faults.
#[derive(Clone, Debug)]
pub struct MockChain {
    shared: Arc<Shared>,
    accounts: Vec<Address>,
    faults: Arc<Mutex<VecDeque<(Op, Fault)>>>,
}

#[derive(Debug)]
struct Shared {
    info: ChainInfo,
    setup: Setup,
    state: Mutex<State>,
    /// The newest final block; waiters hold receivers.
    tip: watch::Sender<Tip>,
}

impl MockChain {
    /// A chain of one block, without funds; the handle has no accounts.
    pub fn new(setup: Setup) -> Self {
        let state = State::genesis(&setup);
        let info = ChainInfo {
            id: setup.id,
            name: setup.name.clone(),
            hash_time_lock: Address::left_padding_from(&[0xc0, 0xde]),
        };
        let tip = watch::Sender::new(state.finalized());
        Self {
            shared: Arc::new(Shared {
                info,
                setup,
                state: Mutex::new(state),
                tip,
            }),
            accounts: Vec::new(),
            faults: Arc::default(),
        }
    }

    /// Another party's handle on the same chain: signs for `accounts`, is broken by its own faults.
    pub fn with_accounts(&self, accounts: Vec<Address>) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            accounts,
            faults: Arc::default(),
        }
    }

    /// Gives `owner` more of `asset`, as if from genesis on. A token exists as soon as somebody has some.
    pub fn fund(&self, asset: Asset, owner: Address, amount: U256) {
        self.state().fund(asset, owner, amount);
    }

    /// Makes one block of everything in the pool that can run. Does nothing on a halted chain. Returns the new head,
    /// which need not be final.
    pub fn seal(&self) -> Tip {
        let mut state = self.state();
        state.seal();
        self.shared.tip.send_replace(state.finalized());
        state.head()
    }

    /// Makes one block, and as many after it as make it final. Returns it.
    pub fn seal_to_final(&self) -> Tip {
        let sealed = self.seal();
        for _ in 0..self.shared.setup.finality {
            self.seal();
        }
        sealed
    }

    /// Time of the block that would be made next.
    pub fn now(&self) -> Timestamp {
        self.state().next_time()
    }

    /// The next block is made at `at`; an earlier time than the chain allows is ignored.
    pub fn set_time(&self, at: Timestamp) {
        self.state().clock = at;
    }

    /// The next block is made `seconds` later than it would have been.
    pub fn advance_time(&self, seconds: u64) {
        let mut state = self.state();
        state.clock = state.next_time().plus(seconds);
    }

    /// No blocks until [`MockChain::resume`]; the pool goes on taking transactions.
    pub fn halt(&self) {
        self.state().halted = true;
    }

    /// Ends [`MockChain::halt`].
    pub fn resume(&self) {
        self.state().halted = false;
    }

    /// Blocks leave out transactions prepared with a lower bump: they stay in the pool, stuck, until replaced.
    pub fn set_price_floor(&self, floor: Bump) {
        self.state().floor = floor;
    }

    /// The pool forgets `id`. Returns whether it was there.
    pub fn drop_from_pool(&self, id: TxId) -> bool {
        self.state().drop_from_pool(id)
    }

    /// Transactions that wait, nonce gaps included.
    pub fn pool(&self) -> Vec<TxId> {
        self.state().pool()
    }

    /// Breaks the next call of `op` on this handle and its clones. Faults of one `op` are used in the order given.
    pub fn inject(&self, op: Op, fault: Fault) {
        self.faults().push_back((op, fault));
    }

    /// Faults injected and not used yet.
    pub fn faults_left(&self) -> usize {
        self.faults().len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, VecDeque<(Op, Fault)>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next fault of `op`; those without effect become errors here.
    fn enter(&self, op: Op, doing: &'static str) -> Result<Option<Fault>, ChainError> {
        let fault = {
            let mut faults = self.faults();
            let found = faults.iter().position(|(broken, _)| *broken == op);
            found
                .and_then(|index| faults.remove(index))
                .map(|(_, fault)| fault)
        };
        let chain = self.shared.info.name.clone();
        match fault {
            Some(Fault::Unreachable) => Err(ChainError::NodeUnreachable {
                chain,
                doing,
                source: "injected fault".into(),
            }),
            Some(Fault::Timeout) => Err(self.late(doing)),
            Some(Fault::Busy) => Err(ChainError::Busy {
                chain,
                detail: "injected fault".into(),
            }),
            Some(Fault::Malformed) => Err(ChainError::NodeMalformed {
                chain,
                expected: doing,
                got: "injected fault".into(),
            }),
            effective => Ok(effective),
        }
    }

    fn leave<T>(
        &self,
        fault: Option<Fault>,
        doing: &'static str,
        answer: T,
    ) -> Result<T, ChainError> {
        if fault == Some(Fault::AnswerLost) {
            Err(self.late(doing))
        } else {
            Ok(answer)
        }
    }

    fn late(&self, doing: &'static str) -> ChainError {
        ChainError::Timeout {
            chain: self.shared.info.name.clone(),
            doing,
            limit: LIMIT,
        }
    }
}

#[async_trait]
impl ChainReader for MockChain {
    fn info(&self) -> &ChainInfo {
        &self.shared.info
    }

    async fn finalized(&self) -> Result<Tip, ChainError> {
        let fault = self.enter(Op::Finalized, FINALIZED)?;
        let tip = self.state().finalized();
        self.leave(fault, FINALIZED, tip)
    }

    /// Waits without limit: no time passes here unless the test lets it.
    async fn finalized_after(&self, after: Height) -> Result<Tip, ChainError> {
        let fault = self.enter(Op::Finalized, FINALIZED)?;
        let mut tips = self.shared.tip.subscribe();
        let found = tips
            .wait_for(|tip| tip.height > after)
            .await
            .map(|tip| *tip);
        let tip = found.map_err(|_| self.late(FINALIZED))?;
        self.leave(fault, FINALIZED, tip)
    }

    async fn events(&self, range: HeightRange) -> Result<Vec<Event>, ChainError> {
        let fault = self.enter(Op::Events, EVENTS)?;
        let events = self.state().events(range)?;
        if fault == Some(Fault::Duplicated) {
            return Ok(events
                .into_iter()
                .flat_map(|event| [event.clone(), event])
                .collect());
        }
        self.leave(fault, EVENTS, events)
    }

    async fn lock_state(&self, id: LockId) -> Result<LockState, ChainError> {
        let fault = self.enter(Op::LockState, LOCK_STATE)?;
        let found = self.state().final_ledger().lock_state(id);
        self.leave(fault, LOCK_STATE, found)
    }

    async fn balance(&self, asset: Asset, owner: Address) -> Result<U256, ChainError> {
        let fault = self.enter(Op::Balance, BALANCE)?;
        let found = self.state().final_ledger().balance(asset, owner);
        self.leave(fault, BALANCE, found)
    }

    async fn status(&self, id: TxId) -> Result<TxStatus, ChainError> {
        let fault = self.enter(Op::Status, STATUS)?;
        let found = self.state().status(id);
        self.leave(fault, STATUS, found)
    }
}

#[async_trait]
impl ChainWriter for MockChain {
    fn accounts(&self) -> Vec<Address> {
        self.accounts.clone()
    }

    async fn next_nonce(&self, account: Address) -> Result<u64, ChainError> {
        let fault = self.enter(Op::NextNonce, NEXT_NONCE)?;
        let nonce = self.state().next_nonce(account);
        self.leave(fault, NEXT_NONCE, nonce)
    }

    async fn prepare(
        &self,
        order: &Order,
        nonce: u64,
        bump: Bump,
    ) -> Result<PreparedTx, ChainError> {
        let fault = self.enter(Op::Prepare, PREPARE)?;
        let account = order.account;
        if !self.accounts.contains(&account) {
            return Err(ChainError::ConfigUnknownAccount {
                chain: self.shared.info.name.clone(),
                account,
            });
        }
        let tx = Tx {
            chain: self.shared.info.id.0,
            account,
            nonce,
            bump,
            action: order.action.clone(),
        };
        let prepared = tx.seal()?;
        self.state().simulate(&tx)?;
        self.leave(fault, PREPARE, prepared)
    }

    async fn broadcast(&self, tx: &PreparedTx) -> Result<(), ChainError> {
        let fault = self.enter(Op::Broadcast, BROADCAST)?;
        if fault == Some(Fault::Forgotten) {
            return Ok(());
        }
        self.state().admit(&tx.raw)?;
        if self.shared.setup.production == Production::OnBroadcast {
            self.seal_to_final();
        }
        self.leave(fault, BROADCAST, ())
    }
}

/// Hash of a mock block: everything that makes it different from another.
fn block_hash(chain: ChainId, parent: B256, height: Height, time: Timestamp, txs: &[TxId]) -> B256 {
    let mut bytes = Vec::with_capacity(56 + txs.len() * 32);
    bytes.extend(chain.0.to_be_bytes());
    bytes.extend(parent);
    bytes.extend(height.0.to_be_bytes());
    bytes.extend(time.0.to_be_bytes());
    bytes.extend(txs.iter().flat_map(|tx| tx.0));
    alloy_primitives::keccak256(bytes)
}

const LIMIT: Duration = Duration::from_secs(10);
const FINALIZED: &str = "reading the newest final block";
const EVENTS: &str = "reading events";
const LOCK_STATE: &str = "reading the state of a lock";
const BALANCE: &str = "reading a balance";
const STATUS: &str = "reading the status of a transaction";
const NEXT_NONCE: &str = "reading the next nonce";
const PREPARE: &str = "preparing a transaction";
const BROADCAST: &str = "broadcasting a transaction";
