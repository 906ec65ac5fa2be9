//! One chain as the relayer sees it.

use alloy_primitives::{Address, U256};
use async_trait::async_trait;

use crate::{
    ChainError, ContractReader,
    types::{
        Asset, Bump, ChainInfo, Event, Height, HeightRange, LockId, LockState, Order, PreparedTx,
        Tip, TxId, TxStatus,
    },
};

/// Reading a chain.
///
/// The node behind it may lag, stay silent or, for an external chain, lie; the relayer treats everything read here as
/// a hint to act on and never as a proof. Calls may come in any order, at once, and be repeated after a restart. All
/// answers are about **final** blocks: nothing here is ever taken back.
#[async_trait]
pub trait ChainReader: Send + Sync {
    /// What does not change: id, name, contract addresses.
    fn info(&self) -> &ChainInfo;

    /// The newest final block. Never lower than an earlier answer of the same reader.
    async fn finalized(&self) -> Result<Tip, ChainError>;

    /// Waits until a final block above `after` exists and returns the newest. May be dropped at any time. Returns
    /// [`ChainError::Timeout`] rather than waiting longer than the adapter's own limit (at most a minute).
    async fn finalized_after(&self, after: Height) -> Result<Tip, ChainError>;

    /// Events of the `HashTimeLock` in `range`, in chain order. `range.to` must be final.
    ///
    /// # Errors
    /// [`ChainError::RangeTooWide`] when the range holds more heights than the adapter reads at once.
    async fn events(&self, range: HeightRange) -> Result<Vec<Event>, ChainError>;

    /// Where a lock stands at the newest final block.
    async fn lock_state(&self, id: LockId) -> Result<LockState, ChainError>;

    /// What `owner` has of `asset` at the newest final block.
    async fn balance(&self, asset: Asset, owner: Address) -> Result<U256, ChainError>;

    /// What the transaction came to. A transaction that was dropped is [`TxStatus::Unknown`]; one that
    /// was replaced is so at the latest when its replacement is final.
    async fn status(&self, id: TxId) -> Result<TxStatus, ChainError>;
}

/// Writing to a chain with the accounts this adapter holds keys for.
///
/// Nonces are the caller's business: it stores what it prepares before it broadcasts. Nothing here waits for a block.
#[async_trait]
pub trait ChainWriter: Send + Sync {
    /// Accounts that can sign.
    fn accounts(&self) -> Vec<Address>;

    /// The nonce the account's next transaction needs, pending ones counted.
    async fn next_nonce(&self, account: Address) -> Result<u64, ChainError>;

    /// Simulates `order` at the newest state, prices it, and signs it with `nonce`. Sends nothing. The same call with a
    /// higher `bump` gives a replacement that every pool of the chain accepts instead of the first.
    ///
    /// # Errors
    /// [`ChainError::Reverted`] with the contract's error when the simulation says that it cannot succeed now.
    async fn prepare(
        &self,
        order: &Order,
        nonce: u64,
        bump: Bump,
    ) -> Result<PreparedTx, ChainError>;

    /// Hands the transaction to the chain, or finds that it is there already: repeating it is harmless.
    async fn broadcast(&self, tx: &PreparedTx) -> Result<(), ChainError>;
}

/// All of it: what the daemon holds.
pub trait Chain: ChainReader + ChainWriter + ContractReader {}

impl<T: ChainReader + ChainWriter + ContractReader> Chain for T {}
