//! What is known of the chains' times, shared by all tasks.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use causeway_adapter_api::{ChainId, Timestamp, Tip};
use causeway_core::swap::{Clock, Now};

use super::config::WallClock;

/// One clock for each chain.
#[derive(Debug)]
pub(super) struct Clocks {
    wall: WallClock,
    tips: Mutex<HashMap<ChainId, Known>>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    tip: Tip,
    block_time: Duration,
}

impl Clocks {
    pub(super) fn new(wall: WallClock) -> Self {
        Self {
            wall,
            tips: Mutex::default(),
        }
    }

    /// Notes that every event up to `tip` was applied.
    pub(super) fn applied(&self, chain: ChainId, tip: Tip) {
        let mut tips = self.tips();
        let known = tips.get(&chain).copied();
        let block_time = known.map_or(FIRST_GUESS, |known| {
            let blocks = tip.height.0.saturating_sub(known.tip.height.0).max(1);
            let took = Duration::from_secs(tip.time.since(known.tip.time) / blocks);
            // Bounded, so that one long silence does not stop replacements for long.
            (known.block_time * 3 + took)
                .div_f32(4.0)
                .clamp(SHORTEST, LONGEST)
        });
        if known.is_none_or(|known| known.tip.height <= tip.height) {
            tips.insert(chain, Known { tip, block_time });
        }
    }

    /// Whether every one of `chains` told its time.
    pub(super) fn know(&self, chains: impl IntoIterator<Item = ChainId>) -> bool {
        let tips = self.tips();
        chains.into_iter().all(|chain| tips.contains_key(&chain))
    }

    pub(super) fn now(&self) -> Now {
        let wall = Timestamp(self.wall.seconds());
        let clock = |known: &Known| {
            let proven = known.tip.time;
            Clock {
                proven,
                latest: proven.max(wall),
            }
        };
        Now::new(
            self.tips()
                .iter()
                .map(|(chain, known)| (*chain, clock(known))),
        )
    }

    pub(super) fn block_time(&self, chain: ChainId) -> Duration {
        self.tips()
            .get(&chain)
            .map_or(FIRST_GUESS, |known| known.block_time)
    }

    pub(super) fn millis(&self) -> u64 {
        self.wall.millis()
    }

    pub(super) fn seconds(&self) -> u64 {
        self.wall.seconds()
    }

    fn tips(&self) -> MutexGuard<'_, HashMap<ChainId, Known>> {
        self.tips.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const FIRST_GUESS: Duration = Duration::from_secs(2);
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
