//! What can be wrong with a link.

use alloy_primitives::{Address, B256, U256};

/// Why a link does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// Longer than what is read.
    #[error("the file has {got} bytes, {max} are the most")]
    FileTooLong {
        /// Its length.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// No CBOR, or not of this shape.
    #[error("the file is not CBOR of this kind: it was cut off, changed, or is something else")]
    FileUnreadable,
    /// Some other file.
    #[error("this is not an evidence file")]
    FileForeign,
    /// From another version.
    #[error("the file is of version {got}, this program reads {known}: take a newer one")]
    FileVersion {
        /// Of the file.
        got: u8,
        /// Of this program.
        known: u8,
    },
    /// Changed after it was made.
    #[error("the file was changed after it was made: its digest is another")]
    FileDigest,
    /// The same content in another encoding, or followed by something.
    #[error("the file is not in its one canonical encoding")]
    FileNotCanonical,
    /// Chains twice or out of order.
    #[error("the chains are not in ascending order, once each: chain {0}")]
    ChainsOrder(u64),
    /// An item is of a chain the file does not contain.
    #[error("the file does not contain chain {0}")]
    ChainMissing(u64),
    /// The chain is not the one that is known by this id.
    #[error("chain {chain} is {got}, and not what is known as {known}")]
    ChainForeign {
        /// Its id.
        chain: u64,
        /// Genesis, epoch length and validator contract in the file.
        got: String,
        /// The same, as known.
        known: String,
    },
    /// Blocks of an epoch: none.
    #[error("an epoch of no blocks")]
    EpochEmpty,
    /// No header, or not in its one encoding.
    #[error("header {index} is malformed")]
    HeaderMalformed {
        /// Its place.
        index: usize,
    },
    /// The first block is not number 0.
    #[error("the genesis block has number {0}")]
    GenesisNumber(u64),
    /// A header is not the parent of the next.
    #[error("header {index} does not follow the one before it")]
    HeaderNotLinked {
        /// Its place.
        index: usize,
    },
    /// No header at all.
    #[error("no header")]
    HeadersEmpty,
    /// A set no quorum can be made of.
    #[error("a set of {got} validators, {min} to {max} are possible")]
    SetSize {
        /// Its size.
        got: usize,
        /// The smallest.
        min: usize,
        /// The largest.
        max: usize,
    },
    /// A member is zero or stands twice.
    #[error("validator {0} of the set is zero or stands twice")]
    SetMember(usize),
    /// The state names another set.
    #[error("the state names the set {expected}, the file has {got}")]
    SetWrong {
        /// Hash of the addresses in the file.
        got: B256,
        /// What the state holds.
        expected: U256,
    },
    /// The set is read from the wrong place.
    #[error(
        "the set is proved by slot {key} of {address}, and not by the one of the validators' contract"
    )]
    SetSlot {
        /// Of which contract.
        address: Address,
        /// Which slot.
        key: B256,
    },
    /// The block is not the last of its epoch.
    #[error("epoch {epoch} ends with block {expected}, the file has block {got}")]
    HandoverHeight {
        /// The epoch that ends.
        epoch: u64,
        /// The block in the file.
        got: u64,
        /// Its last block.
        expected: u64,
    },
    /// No set is known for the epoch.
    #[error("the sets lead to epoch {newest}, the certificate is of epoch {got}")]
    EpochUnknown {
        /// Of the certificate.
        got: u64,
        /// The newest known.
        newest: u64,
    },
    /// The certificate's epoch is not the block's.
    #[error("block {height} belongs to epoch {expected}, the certificate to epoch {got}")]
    EpochWrong {
        /// The certified block.
        height: u64,
        /// Of the certificate.
        got: u64,
        /// Of the block.
        expected: u64,
    },
    /// Too few signers.
    #[error("{got} of {size} validators signed, {needed} are a quorum")]
    Quorum {
        /// Signers.
        got: usize,
        /// Needed.
        needed: usize,
        /// Validators of the set.
        size: usize,
    },
    /// Signers not ascending, not in the set, or not one signature each.
    #[error("signers are not ascending, below {size}, with one signature each")]
    Signers {
        /// Validators of the set.
        size: usize,
    },
    /// A signature is not the signer's.
    #[error("signature {index} is not of validator {expected}")]
    Signature {
        /// Its place.
        index: usize,
        /// Whose it must be.
        expected: Address,
    },
    /// The inclusion path does not lead to the root.
    #[error("the inclusion path does not lead from the block's {root} root to what is claimed")]
    Path {
        /// Which root: state, storage, transactions, receipts.
        root: &'static str,
    },
    /// An account not in its one encoding.
    #[error("the account is malformed")]
    AccountMalformed,
    /// A receipt not in its one encoding.
    #[error("the receipt is malformed")]
    ReceiptMalformed,
    /// A transaction not in its one encoding, or without a sender.
    #[error("the transaction is malformed")]
    TransactionMalformed,
    /// The receipt has fewer logs.
    #[error("the receipt has {logs} logs, number {got} is asked for")]
    LogMissing {
        /// Which.
        got: u64,
        /// How many there are.
        logs: usize,
    },
}
