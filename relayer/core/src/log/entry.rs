//! What stands in the log, and its bytes: CBOR by the deterministic rules of RFC 8949, section 4.2.1.
//!
//! The fields below stand in the order of their keys for that reason: shorter keys first, then bytewise. New kinds of acts are
//! added, never renamed; another meaning is another version. `tests/golden/log.v1.json` keeps the bytes.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use super::Broken;

/// The version written and read here.
pub const VERSION: u64 = 1;
/// The longest entry that is read, bytes. A log of a chain is far shorter: its gas limits it.
pub const MAX_ENTRY: usize = 1 << 22;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Version of the schema.
    pub v: u64,
    /// Unix second: of the block, or of the local clock for an act.
    pub at: u64,
    /// What happened.
    pub body: Body,
    /// The chain's id, or 0 for acts.
    pub segment: u64,
    /// Number in the segment, from 0.
    pub position: u64,
    /// Hash of the entry before, zero for the first.
    pub previous: B256,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Body {
    /// A contract of the bridge said something in a final block.
    Event(ChainEvent),
    /// The daemon did something.
    Act(Act),
}

/// A log of a contract, as its chain keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainEvent {
    /// In which transaction.
    pub tx: B256,
    /// The arguments that are not indexed.
    pub data: Bytes,
    /// Hash of the block.
    pub block: B256,
    /// Place of the log in the block.
    pub index: u64,
    /// Number of the block.
    pub height: u64,
    /// Signature of the event, and its indexed arguments.
    pub topics: Vec<B256>,
    /// The contract.
    pub address: Address,
}

/// Something a daemon did. Names are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// It began to run.
    Started {
        /// Its version.
        version: String,
    },
    /// It took on an order for one of its accounts.
    Ordered {
        /// What for: a task's name.
        task: String,
        /// On which chain.
        chain: u64,
        /// Whose account.
        account: Address,
    },
    /// An alarm was raised.
    AlarmRaised {
        /// Its number.
        id: u64,
        /// Which rule.
        rule: String,
        /// What happened.
        text: String,
        /// About what.
        subject: String,
    },
    /// A person has seen an alarm.
    AlarmAcknowledged {
        /// Who: name in the certificate.
        by: String,
        /// Its number.
        id: u64,
        /// What the person said.
        note: String,
    },
    /// Nobody has seen an alarm in time.
    AlarmEscalated {
        /// Its number.
        id: u64,
    },
    /// What an alarm was about is over.
    AlarmCleared {
        /// Its number.
        id: u64,
    },
    /// A lane was paused by a person through this daemon.
    Paused {
        /// Who: name in the certificate.
        by: String,
        /// Why.
        why: String,
        /// Which lane.
        lane: u32,
        /// On which chain.
        chain: u64,
    },
    /// The end of a pause was asked for by a person through this daemon.
    Unpaused {
        /// Who: name in the certificate.
        by: String,
        /// Why.
        why: String,
        /// Which lane.
        lane: u32,
        /// On which chain.
        chain: u64,
    },
    /// Sealed content was opened.
    Opened {
        /// Who: name in the certificate.
        by: String,
        /// By which right: the vote that released the key.
        right: String,
        /// Digest of what was opened.
        digest: B256,
    },
}

impl Act {
    /// The name that is shown and asked for.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Ordered { .. } => "ordered",
            Self::AlarmRaised { .. } => "alarm_raised",
            Self::AlarmAcknowledged { .. } => "alarm_acknowledged",
            Self::AlarmEscalated { .. } => "alarm_escalated",
            Self::AlarmCleared { .. } => "alarm_cleared",
            Self::Paused { .. } => "paused",
            Self::Unpaused { .. } => "unpaused",
            Self::Opened { .. } => "opened",
        }
    }
}

/// Why bytes are no entry; [`Fault::at`] says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No CBOR of an entry.
    Unreadable,
    /// Another encoding of it.
    NotCanonical,
    /// Another version.
    Version(u64),
}

impl Fault {
    /// The same, of an entry.
    pub const fn at(self, segment: u64, position: u64) -> Broken {
        match self {
            Self::Unreadable => Broken::Unreadable { segment, position },
            Self::NotCanonical => Broken::NotCanonical { segment, position },
            Self::Version(got) => Broken::Version {
                segment,
                position,
                got,
            },
        }
    }
}

/// The version alone, of an entry of any version.
#[derive(Deserialize)]
struct Versioned {
    v: u64,
}

impl Entry {
    /// Its one encoding.
    pub fn encode(&self) -> Vec<u8> {
        encoded(self)
    }

    /// Reads an entry. What is read encodes to the same bytes again.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() > MAX_ENTRY {
            return Err(Fault::Unreadable);
        }
        let entry: Self = match ciborium::from_reader(bytes) {
            Ok(entry) => entry,
            Err(_) => match ciborium::from_reader::<Versioned, _>(bytes) {
                Ok(Versioned { v }) if v != VERSION => return Err(Fault::Version(v)),
                _ => return Err(Fault::Unreadable),
            },
        };
        if entry.v != VERSION {
            return Err(Fault::Version(entry.v));
        }
        if entry.encode() != bytes {
            return Err(Fault::NotCanonical);
        }
        Ok(entry)
    }

    /// Its place in the one order over all segments: time, then segment, then number. Acts come before events of the same second.
    pub const fn place(&self) -> (u64, u64, u64) {
        (self.at, self.segment, self.position)
    }
}

/// Every type here is plain data, which always has an encoding, and a vector takes all bytes.
pub(super) fn encoded(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let done = ciborium::into_writer(value, &mut bytes);
    debug_assert!(done.is_ok(), "plain data has an encoding");
    bytes
}
