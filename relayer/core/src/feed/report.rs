//! What a round comes to, and its bytes.

use std::collections::BTreeMap;

use alloy_primitives::{B256, U256, keccak256};
use causeway_adapter_api::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Observation, Place, Round, SignedObservation};

/// What a round came to. Chains take its observations in ascending order and the bits of the observers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Report {
    /// Which round.
    pub round: Round,
    /// The time of the data: the upper median of the observations' times.
    pub observed_at: Timestamp,
    /// Who observed, one bit each.
    pub observers: u32,
    /// What they observed, in ascending order.
    pub values: Vec<i128>,
}

impl Report {
    /// F5: the one report that these observations make; `None` when there are none, they are of several rounds, or a place
    /// has no bit.
    pub fn of(parts: &BTreeMap<Place, SignedObservation>) -> Option<Self> {
        let observations = || parts.values().map(|part| part.observation);
        let round = observations().next()?.round;
        if observations().any(|observation| observation.round != round) {
            return None;
        }
        let observers = parts.keys().try_fold(0_u32, |bits, place| {
            Some(bits | 1_u32.checked_shl(place.0.into())?)
        })?;
        let mut values: Vec<i128> = observations().map(|o| o.sample.value).collect();
        values.sort_unstable();
        let mut times: Vec<_> = observations().map(|o| o.sample.at).collect();
        times.sort_unstable();
        let observed_at = times.get(times.len() / 2)?.seconds();
        Some(Self {
            round,
            observed_at,
            observers,
            values,
        })
    }

    /// The median, for an even number the upper one of the middle; `None` of no observations.
    pub fn answer(&self) -> Option<i128> {
        self.values.get(self.values.len() / 2).copied()
    }

    /// The observations as chains take them: 16 bytes each.
    pub fn packed(&self) -> Vec<u8> {
        self.values.iter().flat_map(|v| v.to_be_bytes()).collect()
    }

    /// What operators sign, as `FeedAggregator.reportDigestOf`.
    pub fn digest(&self, config: B256) -> B256 {
        hash(&[
            keccak256("causeway.feed.report.v1"),
            config,
            word(self.round.0.into()),
            word(self.observed_at.0),
            word(self.observers.into()),
            keccak256(self.packed()),
        ])
    }
}

impl Observation {
    /// What an operator signs to say that it observed this. Chains never see it.
    pub fn digest(&self, config: B256) -> B256 {
        let mut value = [if self.sample.value < 0 { 0xff } else { 0 }; 32];
        let (_, low) = value.split_at_mut(16);
        low.copy_from_slice(&self.sample.value.to_be_bytes());
        hash(&[
            keccak256("causeway.feed.observation.v1"),
            config,
            word(self.round.0.into()),
            B256::from(value),
            word(self.sample.at.0),
        ])
    }
}

/// `abi.encode` of words is their concatenation.
fn hash(words: &[B256]) -> B256 {
    keccak256(words.concat())
}

fn word(number: u64) -> B256 {
    U256::from(number).into()
}
