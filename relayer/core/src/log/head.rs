//! What is signed and anchored of a log.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{ACTS, entry::encoded};

/// Domain of signatures.
const SIGNED: &[u8] = b"causeway.log.head.v1";
/// Domain of the root over the chains.
const CHAINS: &str = "causeway.log.chains.v1";

/// A log as of one moment. Deterministic CBOR, as entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Version of the schema.
    pub v: u64,
    /// Unix second of the keeper's clock.
    pub at: u64,
    /// The acts.
    pub acts: SegmentHead,
    /// The chains, ascending by id.
    pub chains: Vec<SegmentHead>,
}

/// One segment of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentHead {
    /// The chain's id, or 0.
    pub id: u64,
    /// Root of its tree.
    pub root: B256,
    /// Entries.
    pub size: u64,
    /// The newest block of the chain up to which nothing is missing; 0 for acts.
    pub height: u64,
}

impl Head {
    /// A head of these segments.
    pub fn new(at: u64, acts: SegmentHead, mut chains: Vec<SegmentHead>) -> Self {
        chains.sort_by_key(|segment| segment.id);
        Self {
            v: super::VERSION,
            at,
            acts,
            chains,
        }
    }

    /// Entries of all chains.
    pub fn size(&self) -> u64 {
        let sizes = self.chains.iter().map(|segment| segment.size);
        sizes.fold(0, u64::saturating_add)
    }

    /// The root over the chains: the same for everybody who has read as many entries of each. It does not depend on how far the
    /// quiet blocks after the last entry were read, nor on anything of this daemon.
    pub fn chains_root(&self) -> B256 {
        let rows = self.chains.iter();
        let rows: Vec<(u64, u64, B256)> = rows.map(|s| (s.id, s.size, s.root)).collect();
        B256::from_slice(&Sha256::digest(encoded(&(CHAINS, rows))))
    }

    /// A segment of it.
    pub fn segment(&self, id: u64) -> Option<&SegmentHead> {
        if id == ACTS {
            return Some(&self.acts);
        }
        self.chains.iter().find(|segment| segment.id == id)
    }

    /// Its one encoding.
    pub fn encode(&self) -> Vec<u8> {
        encoded(self)
    }

    /// Reads a head; `None` for anything but its one encoding, in this version.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let head: Self = ciborium::from_reader(bytes).ok()?;
        (head.v == super::VERSION && head.encode() == bytes).then_some(head)
    }

    /// What the keeper signs.
    pub fn digest(&self) -> B256 {
        let hash = Sha256::new().chain_update(SIGNED);
        B256::from_slice(&hash.chain_update(self.encode()).finalize())
    }
}
