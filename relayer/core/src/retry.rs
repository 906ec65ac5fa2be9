//! When to try again. Pure: chance and time are arguments.

use std::time::Duration;

use causeway_adapter_api::{Bump, Retry};

/// What to do about one failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try again after this long.
    After(Duration),
    /// The same call cannot succeed: look at the chain and decide anew.
    Look,
    /// A person must act; look again after this long whether it was done.
    Person(Duration),
}

/// Limits of retrying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The longest pause.
    pub cap: Duration,
    /// A stuck transaction is replaced after this many expected block times.
    pub stuck_blocks: u32,
    /// The highest fee step.
    pub max_bump: u8,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            cap: Duration::from_secs(60),
            stuck_blocks: 6,
            max_bump: 30,
        }
    }
}

/// Pause between looks when a person must act.
const PERSON: Duration = Duration::from_secs(60);

/// The largest jitter, in thousandths.
pub const FULL_JITTER: u16 = 1000;

/// What to do after attempt number `attempt` (0 for the first) failed.
///
/// The pause doubles with each attempt up to the cap. `jitter`, 0 to [`FULL_JITTER`], takes away up to a quarter of it,
/// so that many transfers do not knock at once.
pub fn next(policy: &Policy, reason: Retry, attempt: u32, jitter: u16) -> Next {
    match reason {
        Retry::After(base) => Next::After(pause(policy.cap, base, attempt, jitter)),
        Retry::Never => Next::Look,
        Retry::Fatal => Next::Person(PERSON),
    }
}

/// Pause before asking again what the chain says about an act that it refused for now.
pub fn look_again(policy: &Policy, attempt: u32, jitter: u16) -> Duration {
    pause(policy.cap, Duration::from_millis(500), attempt, jitter)
}

/// The fee step for replacing a transaction that was sent `waited` ago, `None` while it is not stuck or cannot be raised.
pub fn replacement(
    policy: &Policy,
    waited: Duration,
    block_time: Duration,
    bump: Bump,
) -> Option<Bump> {
    // Each replacement gets as long as the first attempt had.
    let steps = policy
        .stuck_blocks
        .saturating_mul(u32::from(bump.0).saturating_add(1));
    let stuck = waited > block_time.saturating_mul(steps);
    (stuck && bump.0 < policy.max_bump).then_some(Bump(bump.0.saturating_add(1)))
}

fn pause(cap: Duration, base: Duration, attempt: u32, jitter: u16) -> Duration {
    let factor = 1_u32.checked_shl(attempt.min(16)).unwrap_or(u32::MAX);
    let full = base.saturating_mul(factor).min(cap);
    let kept = 4 * u32::from(FULL_JITTER) - u32::from(jitter.min(FULL_JITTER));
    full.saturating_mul(kept) / (4 * u32::from(FULL_JITTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        cap: Duration::from_secs(60),
        stuck_blocks: 3,
        max_bump: 2,
    };
    const BASE: Retry = Retry::After(Duration::from_secs(2));

    #[test]
    fn the_pause_doubles_up_to_the_cap() {
        let pauses: Vec<Next> = [0, 1, 4, 5, 400]
            .map(|attempt| next(&POLICY, BASE, attempt, 0))
            .into();

        assert_eq!(
            pauses,
            [2, 4, 32, 60, 60].map(|s| Next::After(Duration::from_secs(s)))
        );
    }

    #[test]
    fn jitter_takes_away_at_most_a_quarter() {
        assert_eq!(
            next(&POLICY, BASE, 1, FULL_JITTER),
            Next::After(Duration::from_secs(3))
        );
        assert_eq!(
            next(&POLICY, BASE, 1, u16::MAX),
            Next::After(Duration::from_secs(3))
        );
    }

    #[test]
    fn what_cannot_succeed_is_not_repeated() {
        assert_eq!(next(&POLICY, Retry::Never, 0, 0), Next::Look);
        assert!(matches!(next(&POLICY, Retry::Fatal, 0, 0), Next::Person(_)));
    }

    #[test]
    fn a_transaction_is_replaced_only_when_it_is_stuck() {
        let block = Duration::from_secs(1);

        assert_eq!(
            replacement(&POLICY, Duration::from_secs(3), block, Bump(0)),
            None
        );
        assert_eq!(
            replacement(&POLICY, Duration::from_secs(4), block, Bump(0)),
            Some(Bump(1))
        );
        assert_eq!(
            replacement(&POLICY, Duration::from_secs(4), block, Bump(1)),
            None
        );
    }

    #[test]
    fn the_fee_of_a_replacement_has_a_ceiling() {
        assert_eq!(
            replacement(&POLICY, Duration::MAX, Duration::from_secs(1), Bump(2)),
            None
        );
    }
}
