//! What was refused of each admitted device: the newest few, for whoever looks after devices.

use std::collections::{HashMap, VecDeque};

use alloy_primitives::B256;
use parking_lot::Mutex;

use crate::refusal::Refusal;

/// Refusals that are kept of a device.
pub const KEPT: usize = 16;
/// Devices of which some are kept; of more, nothing is.
const DEVICES: usize = 65_536;
/// Longest text, characters.
const MAX_DETAIL: usize = 300;

/// A batch of a device that was refused for a reason that sending it again does not mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// When, milliseconds since 1970.
    pub at: u64,
    /// The reason's name, as in the answer.
    pub code: &'static str,
    /// The reason in words.
    pub detail: String,
}

/// Bounded in every direction: what a device sends makes it no longer.
#[derive(Debug, Default)]
pub(super) struct Troubles(Mutex<HashMap<B256, VecDeque<Trouble>>>);

impl Troubles {
    /// Keeps a refusal that is the device's fault.
    pub(super) fn note(&self, device: B256, at: u64, refusal: &Refusal) {
        if !refusal.is_fault() {
            return;
        }
        let mut all = self.0.lock();
        if all.len() >= DEVICES && !all.contains_key(&device) {
            return;
        }
        let kept = all.entry(device).or_default();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Trouble {
            at,
            code: refusal.code(),
            detail: refusal.to_string().chars().take(MAX_DETAIL).collect(),
        });
    }

    /// Newest first.
    pub(super) fn of(&self, device: &B256) -> Vec<Trouble> {
        let all = self.0.lock();
        let kept = all.get(device).into_iter().flatten();
        kept.rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Next;

    #[test]
    fn the_newest_faults_are_kept_and_no_more() {
        let (troubles, device) = (Troubles::default(), B256::repeat_byte(1));

        for at in 0..100 {
            troubles.note(device, at, &Refusal::SignatureWrong);
        }

        let kept = troubles.of(&device);
        assert_eq!(kept.len(), KEPT);
        assert_eq!((kept[0].at, kept[0].code), (99, "signature_wrong"));
        assert_eq!(troubles.of(&B256::ZERO), []);
    }

    #[test]
    fn what_is_mended_by_sending_again_is_no_fault() {
        let (troubles, device) = (Troubles::default(), B256::repeat_byte(1));
        let next = Next {
            sequence: 4,
            previous: B256::ZERO,
        };

        for refusal in [
            Refusal::Busy,
            Refusal::TooOften { retry_ms: 5 },
            Refusal::Storage("stopping"),
            Refusal::Gap { next, got: 9 },
            Refusal::Replayed { next, got: 3 },
        ] {
            troubles.note(device, 1, &refusal);
        }

        assert_eq!(troubles.of(&device), []);
    }
}
