//! Blocks, pool and ledgers of a mock chain. Pure: time arrives from outside.

use std::collections::{HashMap, VecDeque};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};

use super::{
    Setup, block_hash,
    ledger::{Context, Ledger, Outcome, Revert},
    wire::Tx,
};
use crate::{
    Action, Asset, Bump, ChainError, Event, Height, HeightRange, Lock, Timestamp, Tip, TxId,
    TxStatus,
};

#[derive(Debug)]
pub(super) struct State {
    setup: Setup,
    contract: Address,
    blocks: Vec<Block>,
    /// The ledger after each block from the newest final one to the head.
    ledgers: VecDeque<Ledger>,
    /// In order of arrival; a replacement takes the place of what it replaces.
    pool: Vec<(TxId, Tx)>,
    receipts: HashMap<TxId, Receipt>,
    /// The next block is not made before this.
    pub(super) clock: Timestamp,
    pub(super) halted: bool,
    pub(super) floor: Bump,
}

#[derive(Debug)]
struct Block {
    tip: Tip,
    events: Vec<Event>,
}

#[derive(Clone, Copy, Debug)]
struct Receipt {
    height: Height,
    succeeded: bool,
    created: Option<Address>,
    fee: U256,
}

impl State {
    pub(super) fn genesis(setup: &Setup) -> Self {
        let (height, time) = (Height(0), setup.genesis_time);
        let hash = block_hash(setup.id, B256::ZERO, height, time, &[]);
        Self {
            setup: setup.clone(),
            contract: Address::left_padding_from(&[0xc0, 0xde]),
            blocks: vec![Block {
                tip: Tip { height, hash, time },
                events: Vec::new(),
            }],
            ledgers: VecDeque::from([Ledger::default()]),
            pool: Vec::new(),
            receipts: HashMap::new(),
            clock: time,
            halted: false,
            floor: Bump(0),
        }
    }

    pub(super) fn fund(&mut self, asset: Asset, owner: Address, amount: U256) {
        for ledger in &mut self.ledgers {
            ledger.credit(asset, owner, amount);
        }
    }

    pub(super) fn seal(&mut self) {
        if self.halted {
            return;
        }
        let (parent, height, time) = (self.head(), self.head().height.next(), self.next_time());
        let mut ledger = self.head_ledger().clone();
        let mut events = Vec::new();
        let mut included = Vec::new();
        while let Some((id, tx)) = self.take_runnable(&ledger) {
            let Some((after, receipt, outcome)) = self.execute(&ledger, &tx, height, time) else {
                continue; // It cannot pay its fee any more: gone from the pool, as if never sent.
            };
            ledger = after;
            self.receipts.insert(id, receipt);
            included.push(id);
            events.extend(outcome.event.map(|event| (id, event)));
        }
        let hash = block_hash(self.setup.id, parent.hash, height, time, &included);
        let numbered = events.into_iter().zip(0u64..);
        let events = numbered.map(|((tx, (lock_id, kind)), index)| Event {
            lock_id,
            kind,
            height,
            block: hash,
            time,
            tx,
            index,
        });
        self.blocks.push(Block {
            tip: Tip { height, hash, time },
            events: events.collect(),
        });
        self.ledgers.push_back(ledger);
        while self.ledgers.len() as u64 > self.setup.finality.saturating_add(1) {
            self.ledgers.pop_front();
        }
    }

    pub(super) fn admit(&mut self, raw: &Bytes) -> Result<(), ChainError> {
        let id = TxId(keccak256(raw));
        let tx = Tx::decode(raw).ok_or_else(|| self.refuse("invalid transaction encoding"))?;
        if tx.chain != self.setup.id.0 {
            return Err(self.refuse("invalid chain id for signer"));
        }
        let known =
            self.receipts.contains_key(&id) || self.pool.iter().any(|(waiting, _)| *waiting == id);
        if known {
            return Ok(());
        }
        self.check_nonce(&tx)?;
        self.check_funds(&tx)?;
        let full = self.pool.len() >= MAX_POOL;
        let same_nonce = self
            .pool
            .iter_mut()
            .find(|(_, old)| (old.account, old.nonce) == (tx.account, tx.nonce));
        match same_nonce {
            Some((_, old)) if tx.bump <= old.bump => Err(ChainError::Underpriced {
                account: tx.account,
                nonce: tx.nonce,
            }),
            Some(place) => {
                *place = (id, tx);
                Ok(())
            }
            None if full => Err(ChainError::Busy {
                chain: self.setup.name.clone(),
                detail: "pool is full".into(),
            }),
            None => {
                self.pool.push((id, tx));
                Ok(())
            }
        }
    }

    pub(super) fn drop_from_pool(&mut self, id: TxId) -> bool {
        let before = self.pool.len();
        self.pool.retain(|(waiting, _)| *waiting != id);
        self.pool.len() < before
    }

    /// What would happen to `tx` in the next block, the pool left aside.
    pub(super) fn simulate(&self, tx: &Tx) -> Result<(), ChainError> {
        self.check_nonce(tx)?;
        self.check_funds(tx)?;
        let mut ledger = self.head_ledger().clone();
        let ran = ledger.apply(&tx.action, self.context(tx, self.next_time()));
        ran.map(|_| ())
            .map_err(|Revert(reason)| ChainError::Reverted {
                reason,
                data: Bytes::new(),
            })
    }

    pub(super) fn events(&self, range: HeightRange) -> Result<Vec<Event>, ChainError> {
        let got = range.to.0.saturating_sub(range.from.0).saturating_add(1);
        if got > self.setup.max_range {
            return Err(ChainError::RangeTooWide {
                got,
                max: self.setup.max_range,
            });
        }
        let tip = self.finalized().height;
        if range.to > tip {
            return Err(ChainError::NotFinal { got: range.to, tip });
        }
        let inside = self
            .blocks
            .iter()
            .filter(|block| (range.from..=range.to).contains(&block.tip.height));
        Ok(inside
            .flat_map(|block| block.events.iter().cloned())
            .collect())
    }

    pub(super) fn status(&self, id: TxId) -> TxStatus {
        let waits = || self.pool.iter().any(|(waiting, _)| *waiting == id);
        match self.receipts.get(&id) {
            Some(receipt) if receipt.height <= self.finalized().height => TxStatus::Final {
                at: self.tip_at(receipt.height),
                succeeded: receipt.succeeded,
                created: receipt.created,
                fee: receipt.fee,
            },
            Some(_) => TxStatus::Pending,
            None if waits() => TxStatus::Pending,
            None => TxStatus::Unknown,
        }
    }

    pub(super) fn next_nonce(&self, account: Address) -> u64 {
        let mut next = self.head_ledger().nonce(account);
        while self
            .pool
            .iter()
            .any(|(_, tx)| (tx.account, tx.nonce) == (account, next))
        {
            next += 1;
        }
        next
    }

    pub(super) fn pool(&self) -> Vec<TxId> {
        self.pool.iter().map(|(id, _)| *id).collect()
    }

    pub(super) fn head(&self) -> Tip {
        // INVARIANT: genesis is pushed at construction and nothing is ever removed.
        self.blocks
            .last()
            .expect("a chain has its genesis block")
            .tip
    }

    pub(super) fn finalized(&self) -> Tip {
        self.tip_at(Height(
            self.head().height.0.saturating_sub(self.setup.finality),
        ))
    }

    pub(super) fn final_ledger(&self) -> &Ledger {
        // INVARIANT: `seal` pushes before it pops, and never pops the last.
        self.ledgers
            .front()
            .expect("the newest final block has a ledger")
    }

    pub(super) fn next_time(&self) -> Timestamp {
        self.clock
            .max(self.head().time.plus(self.setup.block_time.max(1)))
    }

    fn head_ledger(&self) -> &Ledger {
        // INVARIANT: as in `final_ledger`.
        self.ledgers.back().expect("the head has a ledger")
    }

    fn tip_at(&self, height: Height) -> Tip {
        let index = usize::try_from(height.0).unwrap_or(usize::MAX);
        self.blocks
            .get(index)
            .map_or_else(|| self.head(), |block| block.tip)
    }

    fn take_runnable(&mut self, ledger: &Ledger) -> Option<(TxId, Tx)> {
        let floor = self.floor;
        let runs = |(_, tx): &(TxId, Tx)| tx.nonce == ledger.nonce(tx.account) && tx.bump >= floor;
        let index = self.pool.iter().position(runs)?;
        Some(self.pool.remove(index))
    }

    /// Takes the fee, runs the action, and keeps its effects when it succeeds. `None` when the fee cannot be paid.
    fn execute(
        &self,
        before: &Ledger,
        tx: &Tx,
        height: Height,
        time: Timestamp,
    ) -> Option<(Ledger, Receipt, Outcome)> {
        let fee = self.fee(tx);
        let mut paid = before.clone();
        paid.debit(Asset::Native, tx.account, fee).ok()?;
        paid.bump_nonce(tx.account);
        let mut after = paid.clone();
        let ran = after.apply(&tx.action, self.context(tx, time));
        let receipt = |succeeded, created| Receipt {
            height,
            succeeded,
            created,
            fee,
        };
        Some(match ran {
            Ok(outcome) => (after, receipt(true, outcome.created), outcome),
            Err(_) => (paid, receipt(false, None), Outcome::default()),
        })
    }

    fn check_nonce(&self, tx: &Tx) -> Result<(), ChainError> {
        let next = self.head_ledger().nonce(tx.account);
        if tx.nonce < next {
            return Err(ChainError::NonceTooLow {
                account: tx.account,
                got: tx.nonce,
                next,
            });
        }
        Ok(())
    }

    fn check_funds(&self, tx: &Tx) -> Result<(), ChainError> {
        let attached = match &tx.action {
            Action::Lock { lock, .. } => Lock::attached(lock)?,
            Action::Call { value, .. } => *value,
            Action::Claim { .. } | Action::Refund { .. } | Action::Approve { .. } => U256::ZERO,
        };
        let have = self.head_ledger().balance(Asset::Native, tx.account);
        let need = attached.saturating_add(self.fee(tx));
        if have < need {
            return Err(ChainError::InsufficientFunds {
                chain: self.setup.name.clone(),
                account: tx.account,
                detail: format!("have {have}, need {need}"),
            });
        }
        Ok(())
    }

    fn fee(&self, tx: &Tx) -> U256 {
        let gas: u64 = match &tx.action {
            Action::Lock { lock, .. } if lock.asset == Asset::Native => 48_000,
            Action::Lock { .. } => 67_000,
            Action::Claim { .. } | Action::Refund { .. } => 42_000,
            Action::Approve { .. } => 46_000,
            Action::Call { .. } => 21_000,
        };
        let mut price = U256::from(self.setup.gas_price);
        if !price.is_zero() {
            for _ in 0..tx.bump.0 {
                price += price / U256::from(8) + U256::ONE;
            }
        }
        price.saturating_mul(U256::from(gas))
    }

    fn context(&self, tx: &Tx, now: Timestamp) -> Context {
        Context {
            caller: tx.account,
            nonce: tx.nonce,
            now,
            contract: self.contract,
        }
    }

    fn refuse(&self, message: &str) -> ChainError {
        ChainError::NodeRefused {
            chain: self.setup.name.clone(),
            code: -32_602,
            message: message.into(),
        }
    }
}

const MAX_POOL: usize = 10_000;
