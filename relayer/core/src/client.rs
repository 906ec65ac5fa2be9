//! How a light client on one chain is brought to a height of the other: which updates and handovers, in which order.
//!
//! A client accepts certificates of the newest set it knows, and of the one before for a while. So each epoch that lies
//! between is stepped through: its last block is recorded, then the next set is proved out of that block's state.

use causeway_adapter_api::{Height, Timestamp};
use serde::{Deserialize, Serialize};

/// Steps that one path may have; who is further behind goes the first part of the way.
pub const MAX_STEPS: usize = 16;

/// What a light client knows, as a final block of its own chain shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct View {
    /// Blocks in an epoch of the other chain; never zero.
    pub epoch_length: u64,
    /// The newest epoch whose set is known.
    pub epoch: u64,
    /// Until when, on the client's own chain, certificates of the epoch before are accepted.
    pub grace_until: Timestamp,
    /// The highest block recorded.
    pub latest: Height,
    /// It saw two certificates for one height and accepts nothing more.
    pub frozen: bool,
}

/// One call to a light client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Record this block with a certificate for it, or for a descendant in the same epoch.
    Update(Height),
    /// Prove the set of this epoch out of the recorded last block of the one before.
    Handover(u64),
}

/// A way to a height.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Path {
    /// The calls, in order; at most [`MAX_STEPS`].
    pub steps: Vec<Step>,
    /// Whether they lead to the height itself, or only nearer to it.
    pub complete: bool,
}

/// Why a height cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NoPath {
    /// The client is frozen for good.
    #[error("the light client is frozen: it saw two certificates for one height")]
    Frozen,
    /// The block's validators are no longer accepted; a later block must serve.
    #[error(
        "height {height} is of epoch {epoch}, whose validators are accepted no more: use a later block"
    )]
    Expired {
        /// Asked for.
        height: Height,
        /// Its epoch.
        epoch: u64,
    },
    /// An epoch of no blocks.
    #[error("the light client has an epoch length of zero")]
    ConfigZero,
}

impl View {
    /// The calls that make the client record `height`, at `now` of its own chain.
    ///
    /// # Errors
    /// [`NoPath`].
    pub fn path(&self, height: Height, now: Timestamp) -> Result<Path, NoPath> {
        if self.frozen {
            return Err(NoPath::Frozen);
        }
        let target = self.epoch_of(height)?;
        let expired = target + 1 < self.epoch || (target < self.epoch && now >= self.grace_until);
        if expired {
            let epoch = target;
            return Err(NoPath::Expired { height, epoch });
        }
        let mut steps = Vec::new();
        for epoch in self.epoch..target {
            if steps.len() + 3 > MAX_STEPS {
                let complete = false;
                return Ok(Path { steps, complete });
            }
            steps.push(Step::Update(self.last_of(epoch)));
            steps.push(Step::Handover(epoch + 1));
        }
        steps.push(Step::Update(height));
        let complete = true;
        Ok(Path { steps, complete })
    }

    /// The epoch of a block.
    ///
    /// # Errors
    /// [`NoPath::ConfigZero`].
    pub const fn epoch_of(&self, height: Height) -> Result<u64, NoPath> {
        match height.0.checked_div(self.epoch_length) {
            Some(epoch) => Ok(epoch),
            None => Err(NoPath::ConfigZero),
        }
    }

    /// The last block of an epoch, whose state names the next set.
    pub const fn last_of(&self, epoch: u64) -> Height {
        let first_after = epoch.saturating_add(1).saturating_mul(self.epoch_length);
        Height(first_after.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: View = View {
        epoch_length: 10,
        epoch: 3,
        grace_until: Timestamp(100),
        latest: Height(35),
        frozen: false,
    };

    #[test]
    fn a_block_of_the_newest_epoch_takes_one_update() {
        let path = VIEW.path(Height(37), Timestamp(1_000)).expect("reachable");

        assert_eq!(path.steps, [Step::Update(Height(37))]);
        assert!(path.complete);
    }

    #[test]
    fn each_epoch_between_is_handed_over() {
        let path = VIEW.path(Height(51), Timestamp(1_000)).expect("reachable");

        let expected = [
            Step::Update(Height(39)),
            Step::Handover(4),
            Step::Update(Height(49)),
            Step::Handover(5),
            Step::Update(Height(51)),
        ];
        assert_eq!(path.steps, expected);
    }

    #[test]
    fn the_epoch_before_is_accepted_only_within_the_grace() {
        assert!(VIEW.path(Height(29), Timestamp(99)).is_ok());
        assert!(matches!(
            VIEW.path(Height(29), Timestamp(100)),
            Err(NoPath::Expired { epoch: 2, .. })
        ));
        assert!(VIEW.path(Height(19), Timestamp(0)).is_err());
    }

    #[test]
    fn a_long_way_is_gone_in_parts() {
        let path = VIEW.path(Height(10_000), Timestamp(0)).expect("reachable");

        assert!(!path.complete);
        assert!(path.steps.len() <= MAX_STEPS);
        assert!(matches!(path.steps.last(), Some(Step::Handover(_))));
    }

    #[test]
    fn a_frozen_client_leads_nowhere() {
        let frozen = View {
            frozen: true,
            ..VIEW
        };

        assert_eq!(frozen.path(Height(37), Timestamp(0)), Err(NoPath::Frozen));
    }
}
