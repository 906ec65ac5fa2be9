//! Reading any contract of a chain, and proving what was read to somebody who does not believe its node.

use alloy_primitives::{Address, B256, Bytes, U256, address};
use async_trait::async_trait;

use crate::{
    ChainError,
    types::{ChainId, Height, HeightRange, Timestamp, TxId},
};

/// Where the `ValidatorSet` system contract lives on every Causeway chain.
pub const VALIDATOR_SET: Address = address!("00000000000000000000000000000000Ca05e001");
/// Where it keeps the hash of the newest scheduled vote addresses, for other chains and evidence to prove.
pub const VOTES_HASH_SLOT: B256 = B256::with_last_byte(2);

/// Reading contracts other than the `HashTimeLock`.
///
/// The node behind it may lag, stay silent or lie, as with [`ChainReader`](crate::ChainReader): what is read here is a
/// hint. What other chains are to believe is proved with [`Provable`]. Calls may come in any order, at once, and be
/// repeated.
#[async_trait]
pub trait ContractReader: Send + Sync {
    /// Logs of `contracts` in `range`, in chain order. `range.to` must be final.
    ///
    /// # Errors
    /// [`ChainError::RangeTooWide`] when the range holds more heights than the adapter reads at once,
    /// [`ChainError::NotFinal`].
    async fn logs(
        &self,
        contracts: &[Address],
        range: HeightRange,
    ) -> Result<Vec<RawLog>, ChainError>;

    /// Runs a call on the state after the final block `at` and returns what it returned. Changes nothing.
    ///
    /// # Errors
    /// [`ChainError::Reverted`], [`ChainError::NotFinal`], [`ChainError::StatePruned`].
    async fn call(&self, to: Address, data: Bytes, at: Height) -> Result<Bytes, ChainError>;

    /// The chain as something that proves itself; `None` when its blocks carry no certificate a contract could check,
    /// as those of an external EVM chain. Never changes. Items of such a chain cannot be relayed by proof.
    fn provable(&self) -> Option<&dyn Provable> {
        None
    }

    /// The chain as something that proves its past; `None` where that cannot be asked. Never changes.
    fn archive(&self) -> Option<&dyn Archive> {
        None
    }
}

/// A chain whose final blocks carry a certificate that another chain's contract can check.
///
/// What it returns is checked by that contract and by nobody before: a node that lies here makes a transaction fail and
/// nothing else.
#[async_trait]
pub trait Provable: Send + Sync {
    /// What a light client of this chain is made from, as of the newest final block.
    async fn anchor(&self) -> Result<Anchor, ChainError>;

    /// Proof that the block at `height` is final.
    ///
    /// # Errors
    /// [`ChainError::NotFinal`] also while the certificate above a final block has not arrived.
    async fn finality(&self, height: Height) -> Result<FinalityProof, ChainError>;

    /// Proof of slots of one account after the block `at` (EIP-1186).
    ///
    /// # Errors
    /// [`ChainError::NotFinal`], [`ChainError::StatePruned`].
    async fn state(
        &self,
        account: Address,
        slots: &[B256],
        at: Height,
    ) -> Result<StateProof, ChainError>;

    /// How `epoch` gave over to the next. Of any age: kept for good.
    ///
    /// # Errors
    /// [`ChainError::NotFinal`] before its last block is final.
    async fn handover(&self, epoch: u64) -> Result<Handover, ChainError>;
}

/// A provable chain that also proves its past, for files that are checked long after
/// ([`ContractReader::archive`]). What it returns is checked by whoever reads the file, and by nobody before.
#[async_trait]
pub trait Archive: Provable {
    /// Proof of a final transaction and its receipt, of any age: blocks are kept. `None` when no final block has it.
    async fn included(&self, tx: TxId) -> Result<Option<Inclusion>, ChainError>;

    /// Where the chain's history of validator sets begins.
    ///
    /// # Errors
    /// [`ChainError::NodeMalformed`] when the genesis cannot be made again.
    async fn founding(&self) -> Result<Founding, ChainError>;
}

/// A log as its chain keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawLog {
    /// Who wrote it.
    pub address: Address,
    /// Signature of the event and its indexed arguments.
    pub topics: Vec<B256>,
    /// The other arguments.
    pub data: Bytes,
    /// In which block.
    pub height: Height,
    /// Hash of that block.
    pub block: B256,
    /// Time of that block.
    pub time: Timestamp,
    /// In which transaction.
    pub tx: TxId,
    /// Its place in the block.
    pub index: u64,
}

/// What a light client is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Which chain.
    pub chain: ChainId,
    /// Domain of its votes: chain id and genesis.
    pub domain: B256,
    /// Blocks of one epoch.
    pub epoch_length: u64,
    /// Its `ValidatorSet`.
    pub validator_set: Address,
    /// Epoch of the newest final block.
    pub epoch: u64,
    /// Vote addresses of that epoch, in the order of the `ValidatorSet`.
    pub votes: Vec<Address>,
}

/// What proofs about a block's state hang on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which block.
    pub height: Height,
    /// Its time.
    pub time: Timestamp,
    /// Root of the state after it.
    pub state_root: B256,
}

/// A quorum's votes for one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Epoch of the votes.
    pub epoch: u64,
    /// View of the votes.
    pub view: u64,
    /// View of the parent.
    pub parent_view: u64,
    /// The block.
    pub block: B256,
    /// Indices into the epoch's set, ascending.
    pub signers: Vec<u16>,
    /// `r | s | v` of each signer, in the same order.
    pub signatures: Vec<Bytes>,
}

/// Proof that a block is final: a certificate for it or for a descendant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalityProof {
    /// The block that is proved.
    pub checkpoint: Checkpoint,
    /// RLP of its header and those after it, up to the certified one.
    pub headers: Vec<Bytes>,
    /// The certificate.
    pub certificate: Certificate,
    /// Vote addresses of the certificate's epoch, in the order of the `ValidatorSet`.
    pub votes: Vec<Address>,
}

/// How one epoch gives over to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The last block of the epoch is final.
    pub finality: FinalityProof,
    /// The hash of the next set in the state after it.
    pub state: StateProof,
    /// Vote addresses of the next epoch, in the order of the `ValidatorSet`.
    pub next: Vec<Address>,
}

/// Proof of a transaction and its receipt by the roots of their block: nodes of both tries from the root down, RLP. The
/// last node holds the element itself, EIP-2718.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// In which block.
    pub height: Height,
    /// Index of the transaction in it.
    pub index: u64,
    /// How many logs of the block stand before those of its receipt.
    pub logs_before: u64,
    /// How many logs its receipt has.
    pub logs: u64,
    /// The transaction.
    pub transaction: Vec<Bytes>,
    /// Its receipt.
    pub receipt: Vec<Bytes>,
}

/// The first block, and the validators its state names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founding {
    /// RLP of the genesis header.
    pub header: Bytes,
    /// The slot that holds the hash of the vote addresses.
    pub state: StateProof,
    /// Vote addresses of epoch 0, in the order of the `ValidatorSet`.
    pub votes: Vec<Address>,
}

/// Proof of one account and some of its slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateProof {
    /// After which block.
    pub at: Height,
    /// Whose.
    pub account: Address,
    /// Nodes of the state trie from the root down, RLP.
    pub nodes: Vec<Bytes>,
    /// The slots, in the order asked.
    pub slots: Vec<SlotProof>,
}

/// Proof of one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotProof {
    /// Which.
    pub slot: B256,
    /// Its value; zero when it is absent, which the nodes then prove.
    pub value: U256,
    /// Nodes of the account's storage trie from the root down, RLP.
    pub nodes: Vec<Bytes>,
}
