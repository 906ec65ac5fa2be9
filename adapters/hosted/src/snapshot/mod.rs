//! The state after an epoch's last block, in pieces, with everything that proves it from genesis on.
//!
//! ```text
//! manifest   version, chain, genesis, the epoch's last block with receipts and certificate, 255 headers before it,
//!            hashes of the pieces
//! history    for each earlier epoch: its last header and certificate, and the proof in that header's state of who came next
//! state      codes by hash, then accounts by address, each with its slots by key
//! ```
//!
//! Everything is canonical RLP: two honest nodes make the same bytes, except that each may hold other quorums' signatures.
//! [`make`] makes one, [`fetch`] brings one here, [`restore`] believes it or says why not.

mod fetch;
mod make;
mod restore;
mod shelf;

use std::path::PathBuf;

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};

pub(crate) use fetch::SnapshotAnswer;
pub use fetch::fetch;
pub use make::make;
pub use restore::{Restored, restore};
pub use shelf::{Pieces, Shelf};

use crate::{
    certificate::{CertificateError, FinalityCertificate},
    follow::SourceError,
    store::{NextVotes, StoreError},
};

/// Version of the format.
pub const VERSION: u64 = 1;
/// A piece ends with the part that brings it to so many bytes.
const PIECE_BYTES: usize = 1 << 20;
/// Largest piece that is taken, bytes.
pub const MAX_PIECE_BYTES: usize = 2 << 20;
/// Epochs in one piece of history.
const EPOCHS_PER_PIECE: usize = 64;
/// Slots of an account in one part.
const SLOTS_PER_PART: usize = 4096;
/// Headers before the block: `BLOCKHASH` reaches so far.
const HEADERS: u64 = 255;

/// What a snapshot is, and how it is proved.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Manifest {
    /// [`VERSION`].
    pub version: u64,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Hash of block 0.
    pub genesis: B256,
    /// RLP of the last block of an epoch.
    pub block: Bytes,
    /// Its receipts, each in its EIP-2718 form.
    pub receipts: Vec<Bytes>,
    /// Its certificate.
    pub certificate: FinalityCertificate,
    /// The headers before it, ascending: 255 of them, or all.
    pub headers: Vec<Header>,
    /// keccak256 of the pieces of history.
    pub history: Vec<B256>,
    /// keccak256 of the pieces of state.
    pub state: Vec<B256>,
}

/// How one epoch gave over to the next.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Handover {
    /// Header of its last block.
    pub header: Header,
    /// Certificate of that block.
    pub certificate: FinalityCertificate,
    /// Where that block's state names the hash of the next votes.
    pub votes: NextVotes,
    /// The next votes.
    pub next: Vec<Address>,
}

/// A piece of state.
#[derive(Clone, Debug, Default, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct StatePiece {
    /// Codes, ascending by hash; all of them before the first account.
    pub codes: Vec<Bytes>,
    /// Accounts, ascending by address. One with many slots is several parts.
    pub accounts: Vec<AccountPart>,
}

/// An account, or the part of it with these slots.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct AccountPart {
    /// Whose.
    pub address: Address,
    /// Transactions sent, or contracts made.
    pub nonce: u64,
    /// Native points, wei.
    pub balance: U256,
    /// keccak256 of the code.
    pub code_hash: B256,
    /// Slots that are not zero, ascending by key.
    pub slots: Vec<Slot>,
}

/// A slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Slot {
    /// Which.
    pub key: U256,
    /// Its value.
    pub value: U256,
}

/// Why a snapshot is not made, not brought here, or not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The source does not give it.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// No source has one.
    #[error(
        "no source has a snapshot yet: set hosted.<chain>.snapshot_every_epochs on one of them and wait for the end of an epoch, or begin from genesis"
    )]
    NoneYet,
    /// No source gave all of it.
    #[error(
        "no source gave the whole snapshot after {attempts} attempts; the last problem: {last}"
    )]
    GivenUp {
        /// How often was tried.
        attempts: usize,
        /// What went wrong last.
        #[source]
        last: Box<SnapshotError>,
    },
    /// Bytes that are not what they should be.
    #[error("the snapshot's {part} is not canonical RLP: it was changed or is of another version")]
    Malformed {
        /// Which part.
        part: &'static str,
    },
    /// A format this version does not know.
    #[error("the snapshot has version {got}, this program reads {VERSION}")]
    Version {
        /// In the manifest.
        got: u64,
    },
    /// Another chain's.
    #[error(
        "the snapshot is of chain {got_id} with genesis {got}, expected chain {expected_id} with genesis {expected}"
    )]
    OtherChain {
        /// In the manifest.
        got_id: u64,
        /// In the manifest.
        got: B256,
        /// Here.
        expected_id: u64,
        /// Here.
        expected: B256,
    },
    /// A piece that is not what the manifest says.
    #[error("piece {expected} of the snapshot hashes to {got}: it was changed")]
    Piece {
        /// In the manifest.
        expected: B256,
        /// What came.
        got: B256,
    },
    /// A block that ends no epoch, or whose body or receipts are not its header's.
    #[error("the block of the snapshot is refused: {0}")]
    Block(&'static str),
    /// Headers that do not lead to the block.
    #[error("header {number} of the snapshot does not lead to its block")]
    Header {
        /// Where the chain breaks.
        number: u64,
    },
    /// Fewer or more epochs than there were.
    #[error("the snapshot tells of {got} handovers, {expected} epochs came before its own")]
    Epochs {
        /// In the history.
        got: u64,
        /// Before the block.
        expected: u64,
    },
    /// An epoch's end that is not proved.
    #[error("the handover of epoch {epoch} in the snapshot is refused: {why}")]
    Handover {
        /// Which epoch.
        epoch: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// A certificate that its epoch's validators did not make.
    #[error("the certificate of epoch {epoch} in the snapshot is refused: {source}")]
    Certificate {
        /// Which epoch.
        epoch: u64,
        /// What is wrong.
        #[source]
        source: CertificateError,
    },
    /// Accounts, slots or codes that are missing, too many, or out of order.
    #[error("the state of the snapshot is refused at {at}: {why}")]
    State {
        /// Where.
        at: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Another state.
    #[error("the state of the snapshot hashes to {got}, the certified header says {expected}")]
    StateRoot {
        /// Rebuilt.
        got: B256,
        /// Certified.
        expected: B256,
    },
    /// This node has no certificate of a block that the proof needs.
    #[error(
        "this node has no certificate of block {0}: it was away then; let another node make snapshots"
    )]
    NoCertificate(u64),
    /// This node lacks what the proof needs.
    #[error("this node does not have {what} of block {number}")]
    Missing {
        /// What.
        what: &'static str,
        /// Of which block.
        number: u64,
    },
    /// The disk.
    #[error("cannot {doing} {path}: {source}; check space and permissions")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Manifest {
    /// All pieces, history first.
    pub fn pieces(&self) -> impl Iterator<Item = B256> + '_ {
        self.history.iter().chain(&self.state).copied()
    }
}

/// Reads what must be the one encoding of one value.
pub(crate) fn canonical<T: Decodable + Encodable>(
    raw: &[u8],
    part: &'static str,
) -> Result<T, SnapshotError> {
    let value: T = alloy_rlp::decode_exact(raw).map_err(|_| SnapshotError::Malformed { part })?;
    if alloy_rlp::encode(&value) == raw {
        Ok(value)
    } else {
        Err(SnapshotError::Malformed { part })
    }
}

fn io(
    doing: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(std::io::Error) -> SnapshotError {
    let path = path.into();
    move |source| SnapshotError::Io {
        doing,
        path,
        source,
    }
}
