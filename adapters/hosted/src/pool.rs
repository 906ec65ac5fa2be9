//! Transactions waiting for a block.
//!
//! One pool serves every validator of a chain in this process. A sender is recovered once, at admission. The pool holds
//! no lock while it recovers, and never touches the disk: what it loses in a crash its owner sends again.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use alloy_consensus::{Transaction, TxEnvelope, TxType, transaction::SignerRecoverable};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B256, U256};
use parking_lot::Mutex;
use revm::context_interface::cfg::gas::calculate_initial_tx_gas_for_tx;
use tokio::sync::{Notify, broadcast};

use crate::{
    execute::{ExecutedBlock, SPEC, TX_GAS_CAP, tx_env},
    spec::ChainSpec,
    state::WorldState,
};

/// Largest transaction, bytes (as go-ethereum).
pub const MAX_TX_BYTES: usize = 128 * 1024;
/// A replacement pays at least this many percent of what it replaces.
const REPLACEMENT_PERCENT: u128 = 110;
/// How far ahead of the account's next nonce a transaction may wait.
pub const MAX_NONCE_GAP: u64 = 4096;
/// Most candidates offered to one block.
const MAX_CANDIDATES: usize = 20_000;

/// Bounds of a pool.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// Most transactions in all.
    pub total: usize,
    /// Most transactions of one sender.
    pub per_sender: usize,
    /// Most bytes of encoded transactions in all.
    pub bytes: usize,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            total: 60_000,
            per_sender: 4096,
            bytes: 256 << 20,
        }
    }
}

/// A transaction in the pool.
#[derive(Debug)]
pub struct PooledTx {
    /// The transaction.
    pub tx: TxEnvelope,
    /// Who signed it.
    pub sender: Address,
    /// How it came here.
    pub origin: Origin,
}

/// How a transaction came to this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Handed in here.
    Here,
    /// Passed on by another node.
    Peer,
}

impl PooledTx {
    /// Its hash.
    pub fn hash(&self) -> B256 {
        *self.tx.tx_hash()
    }

    fn size(&self) -> usize {
        self.tx.encode_2718_len()
    }

    fn tip_cap(&self) -> u128 {
        self.tx
            .max_priority_fee_per_gas()
            .unwrap_or_else(|| self.tx.max_fee_per_gas())
    }
}

/// Why a transaction is not admitted. The words are those Ethereum clients look for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// Not one canonical signed transaction.
    #[error("rlp: {0}")]
    Malformed(String),
    /// Too many bytes.
    #[error("oversized data: transaction size {got}, limit {max}")]
    Oversized {
        /// Given.
        got: usize,
        /// Allowed.
        max: usize,
    },
    /// A kind hosted chains have no use for.
    #[error("transaction type not supported: {0}")]
    Unsupported(&'static str),
    /// Signed for no chain.
    #[error("only replay-protected (EIP-155) transactions allowed over RPC")]
    NotReplayProtected,
    /// Signed for another chain.
    #[error("invalid chain id for signer: have {got} want {expected}")]
    WrongChain {
        /// Given.
        got: u64,
        /// Ours.
        expected: u64,
    },
    /// The signature recovers to nobody.
    #[error("invalid sender: the signature does not recover to an account")]
    BadSignature,
    /// The nonce is used.
    #[error("nonce too low: next nonce {next}, tx nonce {got}")]
    NonceTooLow {
        /// Given.
        got: u64,
        /// The account's next.
        next: u64,
    },
    /// The nonce is too far ahead.
    #[error("nonce too high: next nonce {next}, tx nonce {got}, at most {MAX_NONCE_GAP} ahead")]
    NonceTooHigh {
        /// Given.
        got: u64,
        /// The account's next.
        next: u64,
    },
    /// Not enough gas to start.
    #[error("intrinsic gas too low: gas {got}, minimum needed {needed}")]
    IntrinsicGas {
        /// Given.
        got: u64,
        /// Needed.
        needed: u64,
    },
    /// More gas than a transaction or a block may use.
    #[error(
        "exceeds block gas limit: gas {got}, limit {max} (EIP-7825 caps one transaction at {TX_GAS_CAP})"
    )]
    GasLimit {
        /// Given.
        got: u64,
        /// Allowed.
        max: u64,
    },
    /// The tip is above the cap.
    #[error(
        "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas {tip}, maxFeePerGas {max}"
    )]
    TipAboveCap {
        /// Tip.
        tip: u128,
        /// Cap.
        max: u128,
    },
    /// The account cannot pay for it.
    #[error("insufficient funds for gas * price + value: address {sender} have {have} want {want}")]
    InsufficientFunds {
        /// Who.
        sender: Address,
        /// Balance, wei.
        have: U256,
        /// Most it can cost, wei.
        want: U256,
    },
    /// The sender has code that is not a delegation (EIP-3607).
    #[error("sender not an eoa: address {0}")]
    SenderHasCode(Address),
    /// The very same transaction is here.
    #[error("already known")]
    AlreadyKnown,
    /// The nonce is taken by a transaction this one does not outbid by a tenth.
    #[error("replacement transaction underpriced: new tip {tip} and cap {cap} must both be at least {needed}% of the old and above it", needed = REPLACEMENT_PERCENT)]
    ReplacementUnderpriced {
        /// New tip, wei per gas.
        tip: u128,
        /// New cap, wei per gas.
        cap: u128,
    },
    /// One sender fills its share.
    #[error("account {sender} has {max} transactions waiting already")]
    SenderFull {
        /// Who.
        sender: Address,
        /// Allowed.
        max: usize,
    },
    /// The pool is full of better paid ones.
    #[error("txpool is full: {max} transactions wait that pay at least as much")]
    Full {
        /// Allowed.
        max: usize,
    },
}

/// The pool.
pub struct TxPool {
    spec: Arc<ChainSpec>,
    limits: PoolLimits,
    inner: Mutex<Inner>,
    arrived: Notify,
    news: broadcast::Sender<Arc<PooledTx>>,
}

type Priority = (Reverse<u128>, u64);

struct Inner {
    height: u64,
    state: WorldState,
    by_hash: HashMap<B256, (Arc<PooledTx>, Priority)>,
    by_sender: HashMap<Address, BTreeMap<u64, B256>>,
    order: BTreeMap<Priority, B256>,
    sequence: u64,
    /// Encoded size of everything that waits.
    bytes: usize,
}

impl TxPool {
    /// An empty pool on top of `state`.
    pub fn new(spec: Arc<ChainSpec>, state: WorldState, limits: PoolLimits) -> Arc<Self> {
        Arc::new(Self {
            spec,
            limits,
            inner: Mutex::new(Inner {
                height: 0,
                state,
                by_hash: HashMap::new(),
                by_sender: HashMap::new(),
                order: BTreeMap::new(),
                sequence: 0,
                bytes: 0,
            }),
            arrived: Notify::new(),
            news: broadcast::channel(8192).0,
        })
    }

    /// Admits a signed transaction in its EIP-2718 encoding.
    ///
    /// # Errors
    /// Says what is wrong with it, in the words Ethereum clients expect.
    pub fn submit(&self, raw: &[u8]) -> Result<Arc<PooledTx>, PoolError> {
        self.take(raw, Origin::Here)
    }

    /// Admits a transaction another node passed on; it is not passed on again.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub fn submit_from_peer(&self, raw: &[u8]) -> Result<Arc<PooledTx>, PoolError> {
        self.take(raw, Origin::Peer)
    }

    fn take(&self, raw: &[u8], origin: Origin) -> Result<Arc<PooledTx>, PoolError> {
        let pooled = Arc::new(self.admit(raw, origin)?);
        self.inner.lock().insert(pooled.clone(), &self.limits)?;
        self.arrived.notify_waiters();
        // No receiver is not an error: nobody listens for gossip when every validator lives here.
        let _ = self.news.send(pooled.clone());
        Ok(pooled)
    }

    /// Transactions as they are admitted, for gossip and subscriptions.
    pub fn news(&self) -> broadcast::Receiver<Arc<PooledTx>> {
        self.news.subscribe()
    }

    /// Waits until a transaction is admitted. A wait begun before [`Self::submit`] returns sees it.
    pub fn arrival(&self) -> tokio::sync::futures::Notified<'_> {
        self.arrived.notified()
    }

    /// A waiting transaction.
    pub fn get(&self, hash: B256) -> Option<Arc<PooledTx>> {
        self.inner
            .lock()
            .by_hash
            .get(&hash)
            .map(|(tx, _)| tx.clone())
    }

    /// The nonce the next transaction of `sender` needs when everything waiting without a gap is counted.
    pub fn next_nonce(&self, sender: Address) -> u64 {
        let inner = self.inner.lock();
        let mut next = inner.state.nonce(sender);
        if let Some(waiting) = inner.by_sender.get(&sender) {
            while waiting.contains_key(&next) {
                next += 1;
            }
        }
        next
    }

    /// How many wait: those that can run now, and those behind a gap.
    pub fn len(&self) -> (usize, usize) {
        let inner = self.inner.lock();
        let ready: usize = inner
            .by_sender
            .iter()
            .map(|(sender, waiting)| {
                let first = inner.state.nonce(*sender);
                waiting
                    .keys()
                    .zip(first..)
                    .take_while(|(have, want)| *have == want)
                    .count()
            })
            .sum();
        (ready, inner.by_hash.len() - ready)
    }

    /// Every waiting transaction, for inspection.
    pub fn content(&self) -> Vec<Arc<PooledTx>> {
        self.inner.lock().order_iter().cloned().collect()
    }

    /// Whether a block on top of `state` would have anything in it.
    pub fn has_candidates(&self, state: &WorldState, base_fee: u64) -> bool {
        !self.select(state, base_fee, 1).is_empty()
    }

    /// Best paid first, each sender's in nonce order, for a block on top of `state`.
    pub fn candidates(&self, state: &WorldState, base_fee: u64) -> Vec<Arc<PooledTx>> {
        self.select(state, base_fee, MAX_CANDIDATES)
    }

    fn select(&self, state: &WorldState, base_fee: u64, max: usize) -> Vec<Arc<PooledTx>> {
        let inner = self.inner.lock();
        let mut next: HashMap<Address, u64> = HashMap::new();
        let mut early: HashMap<(Address, u64), Arc<PooledTx>> = HashMap::new();
        let mut chosen = Vec::new();
        for tx in inner.order_iter() {
            if chosen.len() >= max {
                break;
            }
            if tx.tx.max_fee_per_gas() < u128::from(base_fee) {
                continue;
            }
            let expected = next
                .entry(tx.sender)
                .or_insert_with(|| state.nonce(tx.sender));
            match tx.tx.nonce().cmp(expected) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Greater => {
                    early.insert((tx.sender, tx.tx.nonce()), tx.clone());
                }
                std::cmp::Ordering::Equal => {
                    chosen.push(tx.clone());
                    *expected += 1;
                    while let Some(follower) = early.remove(&(tx.sender, *expected)) {
                        chosen.push(follower);
                        *expected += 1;
                    }
                }
            }
        }
        chosen
    }

    /// Brings the pool up to a final block: what it contains, or makes impossible, leaves.
    pub fn on_final(&self, block: &ExecutedBlock) {
        let mut inner = self.inner.lock();
        if block.block().number() <= inner.height {
            return; // Another validator of this process reported it first.
        }
        inner.height = block.block().number();
        inner.state = block.state.clone();
        for sender in &block.record.senders {
            let next = block.state.nonce(*sender);
            inner.remove_below(*sender, next);
        }
    }

    /// Drops transactions a proposer found impossible.
    pub fn drop_invalid(&self, hashes: impl Iterator<Item = B256>) {
        let mut inner = self.inner.lock();
        for hash in hashes {
            inner.remove(hash);
        }
    }

    fn admit(&self, raw: &[u8], origin: Origin) -> Result<PooledTx, PoolError> {
        if raw.len() > MAX_TX_BYTES {
            return Err(PoolError::Oversized {
                got: raw.len(),
                max: MAX_TX_BYTES,
            });
        }
        let mut rest = raw;
        let tx =
            TxEnvelope::decode_2718(&mut rest).map_err(|e| PoolError::Malformed(e.to_string()))?;
        if !rest.is_empty() {
            return Err(PoolError::Malformed(format!(
                "{} bytes behind the transaction",
                rest.len()
            )));
        }
        debug_assert_eq!(tx.encode_2718_len(), raw.len());
        self.check_form(&tx)?;
        let sender = tx.recover_signer().map_err(|_| PoolError::BadSignature)?;
        self.check_state(&tx, sender)?;
        Ok(PooledTx { tx, sender, origin })
    }

    fn check_form(&self, tx: &TxEnvelope) -> Result<(), PoolError> {
        if tx.tx_type() == TxType::Eip4844 {
            return Err(PoolError::Unsupported(
                "blob transactions (type 3): this chain has no blobs",
            ));
        }
        match tx.chain_id() {
            None => return Err(PoolError::NotReplayProtected),
            Some(got) if got != self.spec.chain_id => {
                return Err(PoolError::WrongChain {
                    got,
                    expected: self.spec.chain_id,
                });
            }
            Some(_) => {}
        }
        let max = self.spec.gas_limit.min(TX_GAS_CAP);
        if tx.gas_limit() > max {
            return Err(PoolError::GasLimit {
                got: tx.gas_limit(),
                max,
            });
        }
        if let Some(tip) = tx.max_priority_fee_per_gas()
            && tip > tx.max_fee_per_gas()
        {
            return Err(PoolError::TipAboveCap {
                tip,
                max: tx.max_fee_per_gas(),
            });
        }
        let gas = calculate_initial_tx_gas_for_tx(tx_env(tx, Address::ZERO), SPEC, None);
        let needed = gas.initial_regular_gas.max(gas.floor_gas());
        if tx.gas_limit() < needed {
            return Err(PoolError::IntrinsicGas {
                got: tx.gas_limit(),
                needed,
            });
        }
        Ok(())
    }

    fn check_state(&self, tx: &TxEnvelope, sender: Address) -> Result<(), PoolError> {
        let (next, have, code) = {
            let inner = self.inner.lock();
            let account = inner.state.account(sender);
            let code = account.and_then(|a| inner.state.code(a.code_hash)).cloned();
            (
                account.map_or(0, |a| a.nonce),
                account.map_or(U256::ZERO, |a| a.balance),
                code,
            )
        };
        if code.is_some_and(|code| !code.is_empty() && !code.is_eip7702()) {
            return Err(PoolError::SenderHasCode(sender));
        }
        let got = tx.nonce();
        if got < next {
            return Err(PoolError::NonceTooLow { got, next });
        }
        if got - next > MAX_NONCE_GAP {
            return Err(PoolError::NonceTooHigh { got, next });
        }
        let gas = U256::from(tx.gas_limit()) * U256::from(tx.max_fee_per_gas());
        let want = gas.saturating_add(tx.value());
        if want > have {
            return Err(PoolError::InsufficientFunds { sender, have, want });
        }
        Ok(())
    }
}

impl Inner {
    fn order_iter(&self) -> impl Iterator<Item = &Arc<PooledTx>> {
        self.order
            .values()
            .filter_map(|hash| self.by_hash.get(hash).map(|(tx, _)| tx))
    }

    fn insert(&mut self, pooled: Arc<PooledTx>, limits: &PoolLimits) -> Result<(), PoolError> {
        let (hash, sender, nonce) = (pooled.hash(), pooled.sender, pooled.tx.nonce());
        if self.by_hash.contains_key(&hash) {
            return Err(PoolError::AlreadyKnown);
        }
        // The state may have moved on while the signature was recovered.
        let next = self.state.nonce(sender);
        if nonce < next {
            return Err(PoolError::NonceTooLow { got: nonce, next });
        }
        let waiting = self.by_sender.get(&sender);
        if let Some(old) = waiting.and_then(|w| w.get(&nonce)).copied() {
            self.check_replacement(&pooled, old)?;
            self.remove(old);
        } else if waiting.is_some_and(|w| w.len() >= limits.per_sender) {
            return Err(PoolError::SenderFull {
                sender,
                max: limits.per_sender,
            });
        } else if self.by_hash.len() >= limits.total {
            self.evict_for(&pooled, limits.total)?;
        }
        while self.bytes + pooled.size() > limits.bytes {
            self.evict_for(&pooled, self.by_hash.len())?;
        }
        self.bytes += pooled.size();
        self.sequence += 1;
        let priority = (Reverse(pooled.tip_cap()), self.sequence);
        self.order.insert(priority, hash);
        self.by_sender
            .entry(sender)
            .or_default()
            .insert(nonce, hash);
        self.by_hash.insert(hash, (pooled, priority));
        Ok(())
    }

    fn check_replacement(&self, new: &PooledTx, old: B256) -> Result<(), PoolError> {
        let Some((old, _)) = self.by_hash.get(&old) else {
            return Ok(());
        };
        let outbids = |new: u128, old: u128| {
            // A free chain's zero price cannot be outbid by a percentage: above it is asked as well.
            new > old && new >= old.saturating_mul(REPLACEMENT_PERCENT) / 100
        };
        let (tip, cap) = (new.tip_cap(), new.tx.max_fee_per_gas());
        if outbids(tip, old.tip_cap()) && outbids(cap, old.tx.max_fee_per_gas()) {
            Ok(())
        } else {
            Err(PoolError::ReplacementUnderpriced { tip, cap })
        }
    }

    /// Makes room by dropping the worst paid transaction and what its sender queued behind it.
    fn evict_for(&mut self, new: &PooledTx, max: usize) -> Result<(), PoolError> {
        let worst = self
            .order
            .last_key_value()
            .map(|((Reverse(tip), _), hash)| (*tip, *hash));
        let Some((tip, hash)) = worst else {
            return Err(PoolError::Full { max });
        };
        let victim = self
            .by_hash
            .get(&hash)
            .map(|(tx, _)| (tx.sender, tx.tx.nonce()));
        let Some((sender, nonce)) = victim else {
            return Err(PoolError::Full { max });
        };
        if tip >= new.tip_cap() || sender == new.sender {
            return Err(PoolError::Full { max });
        }
        let doomed: Vec<B256> = self
            .by_sender
            .get(&sender)
            .into_iter()
            .flat_map(|w| w.range(nonce..))
            .map(|(_, h)| *h)
            .collect();
        for hash in doomed {
            self.remove(hash);
        }
        Ok(())
    }

    fn remove(&mut self, hash: B256) {
        let Some((tx, priority)) = self.by_hash.remove(&hash) else {
            return;
        };
        self.order.remove(&priority);
        self.bytes -= tx.size();
        if let Some(waiting) = self.by_sender.get_mut(&tx.sender) {
            waiting.remove(&tx.tx.nonce());
            if waiting.is_empty() {
                self.by_sender.remove(&tx.sender);
            }
        }
    }

    fn remove_below(&mut self, sender: Address, next: u64) {
        let Some(waiting) = self.by_sender.get(&sender) else {
            return;
        };
        let done: Vec<B256> = waiting.range(..next).map(|(_, hash)| *hash).collect();
        for hash in done {
            self.remove(hash);
        }
    }
}
