//! What a sender is told, as JSON.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::refusal::Refused;

/// The answer to a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// It is stored, durably.
    Accepted(Accepted),
    /// Nothing of it is stored.
    Refused(Problem),
}

/// What was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// How many readings.
    pub accepted: usize,
    /// Number of the last one; over MQTT, where answers are not tied to requests.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sequence: Option<u64>,
}

/// What was refused and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The reason's name, kept.
    pub refused: String,
    /// Which reading of the batch.
    pub index: usize,
    /// The reason in words.
    pub detail: String,
    /// Where the chain is, if that is what was wrong.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<NextReading>,
    /// After how many seconds the same batch may be sent again; absent where it would be refused again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after: Option<u64>,
}

/// What the next reading of a chain must carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextReading {
    /// Its number.
    pub sequence: u64,
    /// The digest it names.
    pub previous: B256,
}

impl Problem {
    /// Tells of a refusal.
    pub fn of(refused: &Refused) -> Self {
        let refusal = &refused.refusal;
        Self {
            refused: refusal.code().to_owned(),
            index: refused.index,
            detail: refusal.to_string(),
            next: refusal.next().map(|next| NextReading {
                sequence: next.sequence,
                previous: next.previous,
            }),
            retry_after: refusal.retry_after(),
        }
    }
}

impl Answer {
    /// As bytes.
    pub fn to_json(&self) -> Vec<u8> {
        // Numbers, strings and hashes always have a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}
