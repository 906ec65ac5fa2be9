//! What stands in an evidence file, and its bytes.
//!
//! ```text
//! file = [ "causeway-evidence", version: 1, body: bstr, sha256(body): bstr ]
//! ```
//!
//! `body` is the CBOR of [`Body`]. Everything is encoded deterministically (RFC 8949, section 4.2.1): shortest integers,
//! definite lengths, map keys in bytewise order. One content has one file; a reader refuses every other encoding. The
//! fields below stand in the order of their keys for that reason.

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Broken;

/// First word of every file.
pub const MAGIC: &str = "causeway-evidence";
/// The version written and read here.
pub const VERSION: u8 = 1;
/// The longest file that is read, bytes.
pub const MAX_FILE: usize = 64 << 20;

/// Everything a file proves, and what it is proved with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// What the file was made for, in its maker's words; proves nothing.
    pub about: String,
    /// What is proved.
    pub items: Vec<Item>,
    /// The chains the items are of, ascending by id, once each.
    pub chains: Vec<Chain>,
}

/// One chain, from its genesis to the newest epoch that is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// EIP-155 chain id.
    pub id: u64,
    /// RLP of the genesis header; its hash is the chain's name.
    pub genesis: Bytes,
    /// The set of epoch 0, by the genesis state.
    pub founding: Set,
    /// The set of epoch n + 1, by the state after the last block of epoch n; from n = 0 without a gap.
    pub handovers: Vec<Handover>,
    /// Blocks of one epoch.
    pub epoch_length: u64,
    /// The `ValidatorSet` contract.
    pub validator_set: Address,
}

/// A validator set in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// The slot that holds keccak256 of the vote addresses, 20 bytes each.
    pub slot: Slot,
    /// The vote addresses.
    pub votes: Vec<Address>,
}

/// One epoch gives over to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// The next set, in the state after the last block of the epoch.
    pub next: Set,
    /// That block is final.
    pub finality: Finality,
}

/// Proof that a block is final: headers from it to one that a quorum signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finality {
    /// View of the votes.
    pub view: u64,
    /// Epoch of the votes.
    pub epoch: u64,
    /// RLP of the block's header and those after it, each the parent of the next.
    pub headers: Vec<Bytes>,
    /// Indices into the epoch's set, ascending.
    pub signers: Vec<u16>,
    /// `r | s | v` of each signer.
    pub signatures: Vec<Bytes>,
    /// View of the parent.
    pub parent_view: u64,
}

/// A slot of a contract in a state, as EIP-1186 proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// Which.
    pub key: B256,
    /// Its value; zero when it is absent.
    pub value: U256,
    /// Whose.
    pub address: Address,
    /// Nodes of the storage trie from its root down.
    pub slot_nodes: Vec<Bytes>,
    /// Nodes of the state trie from its root down; the last holds the account.
    pub account_nodes: Vec<Bytes>,
}

/// One thing that is proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// What.
    pub fact: Fact,
    /// On which chain.
    pub chain: u64,
    /// Its block is final.
    pub finality: Finality,
}

/// What a final block shows. New kinds are added, never renamed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fact {
    /// A contract's event.
    Event {
        /// Which log of the receipt.
        log: u64,
        /// Nodes of the receipts trie from its root down; the last holds the receipt, EIP-2718.
        nodes: Vec<Bytes>,
        /// Index of its transaction in the block.
        transaction: u64,
    },
    /// A transaction.
    Transaction {
        /// Nodes of the transactions trie from its root down; the last holds the transaction, EIP-2718.
        nodes: Vec<Bytes>,
        /// Its index in the block.
        transaction: u64,
    },
    /// What a contract had stored after the block.
    Slot(Slot),
}

/// The file around a body.
#[derive(Serialize, Deserialize)]
struct Envelope(String, u8, Bytes, Bytes);

impl Body {
    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Broken::FileTooLong`].
    pub fn encode(&self) -> Result<Vec<u8>, Broken> {
        let body = encoded(self)?;
        let digest = Sha256::digest(&body).to_vec();
        let file = encoded(&Envelope(MAGIC.into(), VERSION, body.into(), digest.into()))?;
        match file.len() {
            got if got > MAX_FILE => Err(Broken::FileTooLong { got, max: MAX_FILE }),
            _ => Ok(file),
        }
    }

    /// Reads a file. What is read encodes to the same bytes again.
    ///
    /// # Errors
    /// The first of the `File...` kinds that holds.
    pub fn decode(file: &[u8]) -> Result<Self, Broken> {
        if file.len() > MAX_FILE {
            let got = file.len();
            return Err(Broken::FileTooLong { got, max: MAX_FILE });
        }
        let Envelope(magic, version, body, digest) = decoded(file)?;
        if magic != MAGIC {
            return Err(Broken::FileForeign);
        }
        if version != VERSION {
            return Err(Broken::FileVersion {
                got: version,
                known: VERSION,
            });
        }
        if *digest != *Sha256::digest(&body) {
            return Err(Broken::FileDigest);
        }
        decoded(&body)
    }
}

fn encoded(value: &impl Serialize) -> Result<Vec<u8>, Broken> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).map_err(|_| Broken::FileUnreadable)?;
    Ok(bytes)
}

/// Reads exactly one value in its one encoding.
fn decoded<T: Serialize + for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<T, Broken> {
    let value: T = ciborium::from_reader(bytes).map_err(|_| Broken::FileUnreadable)?;
    if encoded(&value)? != bytes {
        return Err(Broken::FileNotCanonical);
    }
    Ok(value)
}
