//! How far apart the deadlines of two locks must be (V4), from what was measured on the two chains.
//!
//! The worst case that must still end well: the initiator's claim lands on B in the last second before `T_B`; the
//! counterparty sees it when it is final there, is down for the whole outage budget, and its claim on A must be
//! included and final before `T_A`.

use causeway_adapter_api::Timestamp;
use serde::{Deserialize, Serialize};

/// How quick one chain was over the measured window, in milliseconds at the 99.9th percentile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChainTiming {
    /// From sending a transaction to the block that holds it.
    pub inclusion_ms: u64,
    /// From that block to its finality being seen here.
    pub finality_ms: u64,
}

/// All terms of the margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Timing {
    /// The chain of the initiator's lock.
    pub a: ChainTiming,
    /// The chain of the counterparty's lock.
    pub b: ChainTiming,
    /// Seconds that clocks of chains and hosts may differ.
    pub skew: u64,
    /// Seconds a party may be down and still lose nothing, as declared.
    pub outage: u64,
}

/// How long the windows that are not computed stay open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Windows {
    /// Seconds in which only the sender may refund.
    pub private_refund: u64,
    /// Seconds added to the initiator's plan for the counterparty's delays, beside what is measured.
    pub slack: u64,
}

/// The deadlines an initiator proposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The initiator's lock is not sent from here on.
    pub lock_by: Timestamp,
    /// Proposed deadline on B, and the start of the public claim window on A.
    pub t_b: Timestamp,
    /// Deadline on A.
    pub t_a: Timestamp,
    /// Start of the public refund window on A.
    pub public_refund_at: Timestamp,
}

/// The deadlines a counterparty answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The counterparty's lock is not sent from here on.
    pub lock_by: Timestamp,
    /// Start of the public claim window on B.
    pub public_claim_at: Timestamp,
    /// Deadline on B.
    pub t_b: Timestamp,
    /// Start of the public refund window on B.
    pub public_refund_at: Timestamp,
}

/// Why deadlines are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum MarginError {
    /// The two deadlines are too near to each other.
    #[error("margin too thin: expected at least {expected} s between the deadlines, got {got} s")]
    TooThin {
        /// Seconds needed.
        expected: u64,
        /// Seconds left.
        got: u64,
    },
    /// The deadline leaves no time for what must be done before it.
    #[error("deadline too near: expected it at {expected} or later, got {got}")]
    TooSoon {
        /// The earliest that can work.
        expected: Timestamp,
        /// What was proposed, or what the initiator's deadline allows.
        got: Timestamp,
    },
    /// The numbers do not fit; a measurement or a setting is absurd.
    #[error("the times do not fit 64 bits: check the clock skew and outage budget")]
    ConfigOverflow,
}

/// Chains count whole seconds: a comparison on each may be off by one.
const ROUNDING: u64 = 2;

/// Seconds that must lie between the deadlines:
/// `finality(A) + finality(B) + 2 * inclusion + clock skew + outage budget + rounding`, inclusion being the slower of both.
///
/// # Errors
/// [`MarginError::ConfigOverflow`].
pub fn required(timing: &Timing) -> Result<u64, MarginError> {
    let inclusion = timing.a.inclusion_ms.max(timing.b.inclusion_ms);
    let chains = sum([
        timing.a.finality_ms,
        timing.b.finality_ms,
        inclusion,
        inclusion,
    ])?;
    sum([chains.div_ceil(1000), timing.skew, timing.outage, ROUNDING])
}

/// Seconds from deciding to act on a chain until the act is final there, skew included.
///
/// # Errors
/// [`MarginError::ConfigOverflow`].
pub fn settle(chain: ChainTiming, skew: u64) -> Result<u64, MarginError> {
    sum([
        sum([chain.inclusion_ms, chain.finality_ms])?.div_ceil(1000),
        skew,
        1,
    ])
}

/// V4: refuses two deadlines that leave less than the required margin.
///
/// # Errors
/// [`MarginError::TooThin`] with expected and got.
pub fn check(t_a: Timestamp, t_b: Timestamp, timing: &Timing) -> Result<(), MarginError> {
    let (expected, got) = (required(timing)?, t_a.since(t_b));
    if got < expected {
        Err(MarginError::TooThin { expected, got })
    } else {
        Ok(())
    }
}

/// Proposes deadlines for a swap that begins at `now`: each step may take its measured worst, and each party may be down
/// once for the outage budget before the counterparty's deadline.
///
/// # Errors
/// [`MarginError::ConfigOverflow`].
pub fn schedule(
    timing: &Timing,
    windows: Windows,
    now: Timestamp,
) -> Result<Schedule, MarginError> {
    let (on_a, on_b) = (
        settle(timing.a, timing.skew)?,
        settle(timing.b, timing.skew)?,
    );
    let after_lock = sum([on_b, on_b])?;
    let t_b = sum([now.0, on_a, after_lock, timing.outage, windows.slack])?;
    let t_a = sum([t_b, required(timing)?])?;
    Ok(Schedule {
        lock_by: Timestamp(t_b.saturating_sub(sum([after_lock, on_a])?)),
        t_b: Timestamp(t_b),
        t_a: Timestamp(t_a),
        public_refund_at: Timestamp(sum([t_a, windows.private_refund])?),
    })
}

/// Deadlines to answer a lock that ends at `t_a` and proposes `proposed` on B: the proposal if it is sound, else the
/// latest deadline that leaves the margin.
///
/// # Errors
/// [`MarginError::TooSoon`] when no deadline leaves both the margin and the time to lock and claim.
pub fn answer(
    timing: &Timing,
    windows: Windows,
    t_a: Timestamp,
    proposed: Timestamp,
    now: Timestamp,
) -> Result<Answer, MarginError> {
    let on_b = settle(timing.b, timing.skew)?;
    let needed = sum([on_b, on_b])?;
    let earliest = Timestamp(sum([now.0, needed])?);
    let latest = Timestamp(t_a.0.saturating_sub(required(timing)?));
    if latest < earliest {
        return Err(MarginError::TooSoon {
            expected: earliest,
            got: latest,
        });
    }
    let t_b = if (earliest..=latest).contains(&proposed) {
        proposed
    } else {
        latest
    };
    check(t_a, t_b, timing)?;
    Ok(Answer {
        lock_by: Timestamp(t_b.0.saturating_sub(needed).saturating_add(1)),
        public_claim_at: Timestamp(t_b.0.saturating_sub(on_b)),
        t_b,
        public_refund_at: Timestamp(sum([t_b.0, windows.private_refund])?),
    })
}

/// The deadlines of a peg, P1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PegSchedule {
    /// The lock is not sent from here on, by the origin's clock.
    pub lock_by: Timestamp,
    /// `T`: the destination pays only before it.
    pub t: Timestamp,
    /// `R`: the sender may ask for the refund from here on.
    pub r: Timestamp,
    /// Start of the public refund window.
    pub public_refund_at: Timestamp,
}

/// P1: proposes the deadlines of a peg that begins at `now`, `a` being its origin: lock final, opening final, `delay` of a
/// large amount, claim final, the declared outage and slack before `T`; a block past `T` known at the origin before `R`.
///
/// # Errors
/// [`MarginError::ConfigOverflow`].
pub fn peg_schedule(
    timing: &Timing,
    windows: Windows,
    delay: u64,
    now: Timestamp,
) -> Result<PegSchedule, MarginError> {
    let on_a = settle(timing.a, timing.skew)?;
    let after_lock = peg_room(timing, delay)?;
    let t = sum([now.0, on_a, after_lock, windows.slack])?;
    let r = sum([t, peg_refund_gap(timing)?])?;
    Ok(PegSchedule {
        lock_by: Timestamp(t.saturating_sub(sum([after_lock, on_a])?)),
        t: Timestamp(t),
        r: Timestamp(r),
        public_refund_at: Timestamp(sum([r, windows.private_refund.max(ROUNDING)])?),
    })
}

/// V4 for a peg: refuses deadlines that leave no room to lock at `now`, open and claim before `t`, or too little between
/// `t` and `r` for a block past `t` to be known at the origin.
///
/// # Errors
/// [`MarginError::TooSoon`] or [`MarginError::TooThin`], with expected and got.
pub fn peg_check(
    timing: &Timing,
    delay: u64,
    now: Timestamp,
    (t, r): (Timestamp, Timestamp),
) -> Result<(), MarginError> {
    let on_a = settle(timing.a, timing.skew)?;
    let earliest = Timestamp(sum([now.0, on_a, peg_room(timing, delay)?])?);
    if t < earliest {
        let (expected, got) = (earliest, t);
        return Err(MarginError::TooSoon { expected, got });
    }
    let (expected, got) = (peg_refund_gap(timing)?, r.since(t));
    if got < expected {
        return Err(MarginError::TooThin { expected, got });
    }
    Ok(())
}

/// Seconds from a final lock to a final claim, at worst: opening, delay, claim, outage.
fn peg_room(timing: &Timing, delay: u64) -> Result<u64, MarginError> {
    let on_b = settle(timing.b, timing.skew)?;
    sum([on_b, delay, on_b, timing.outage, ROUNDING])
}

/// Seconds from `T` until a block past it is final and known at the origin.
fn peg_refund_gap(timing: &Timing) -> Result<u64, MarginError> {
    let chains = sum([timing.b.finality_ms, timing.a.inclusion_ms])?;
    sum([chains.div_ceil(1000), timing.skew, ROUNDING])
}

/// S1, S2: the time from which on an escrow of this deadline is not opened any more, `a` being its chain: the escrow must be
/// final, then both parties confirm one after the other and the verdict is final, after the declared outage. Before it an
/// approval may be needed, so `now` must leave room for one.
///
/// # Errors
/// [`MarginError::TooSoon`] when `now` does not.
pub fn settlement_open_by(
    timing: &Timing,
    now: Timestamp,
    deadline: Timestamp,
) -> Result<Timestamp, MarginError> {
    let on_a = settle(timing.a, timing.skew)?;
    let on_b = settle(timing.b, timing.skew)?;
    let room = sum([on_a, on_b, on_b, timing.outage, ROUNDING])?;
    let expected = Timestamp(sum([now.0, on_a, room])?);
    if deadline < expected {
        let got = deadline;
        return Err(MarginError::TooSoon { expected, got });
    }
    Ok(Timestamp(deadline.0.saturating_sub(room)))
}

/// The 99.9th percentile of `samples` (nearest rank), `None` when there are none.
pub fn p999(samples: &[u64]) -> Option<u64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let rank = sorted.len().saturating_mul(999).div_ceil(1000);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn sum<const N: usize>(terms: [u64; N]) -> Result<u64, MarginError> {
    terms
        .into_iter()
        .try_fold(0_u64, u64::checked_add)
        .ok_or(MarginError::ConfigOverflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing {
        a: ChainTiming {
            inclusion_ms: 1_000,
            finality_ms: 2_000,
        },
        b: ChainTiming {
            inclusion_ms: 3_000,
            finality_ms: 500,
        },
        skew: 5,
        outage: 60,
    };
    const WINDOWS: Windows = Windows {
        private_refund: 100,
        slack: 10,
    };

    #[test]
    fn the_margin_is_the_sum_of_its_terms() {
        assert_eq!(required(&TIMING), Ok(2 + 1 + 6 + 5 + 60 + 2));
    }

    #[test]
    fn a_pair_of_deadlines_one_second_too_near_is_refused_with_expected_and_got() {
        let t_b = Timestamp(1_000);

        assert_eq!(check(t_b.plus(76), t_b, &TIMING), Ok(()));
        assert_eq!(
            check(t_b.plus(75), t_b, &TIMING),
            Err(MarginError::TooThin {
                expected: 76,
                got: 75
            })
        );
    }

    #[test]
    fn deadlines_in_the_wrong_order_are_refused() {
        assert_eq!(
            check(Timestamp(10), Timestamp(20), &TIMING),
            Err(MarginError::TooThin {
                expected: 76,
                got: 0
            })
        );
    }

    #[test]
    fn absurd_measurements_are_refused_and_do_not_wrap() {
        let timing = Timing {
            outage: u64::MAX,
            ..TIMING
        };

        assert_eq!(required(&timing), Err(MarginError::ConfigOverflow));
        assert_eq!(
            schedule(&timing, WINDOWS, Timestamp(1)),
            Err(MarginError::ConfigOverflow)
        );
        assert_eq!(
            schedule(&TIMING, WINDOWS, Timestamp(u64::MAX)),
            Err(MarginError::ConfigOverflow)
        );
    }

    #[test]
    fn a_proposed_schedule_is_ordered_and_can_be_answered() {
        let now = Timestamp(1_000_000);

        let plan = schedule(&TIMING, WINDOWS, now).expect("fits");
        let reply = answer(&TIMING, WINDOWS, plan.t_a, plan.t_b, now.plus(70)).expect("in time");

        assert!(now < plan.lock_by && plan.lock_by < plan.t_b);
        assert!(plan.t_b < plan.t_a && plan.t_a < plan.public_refund_at);
        assert_eq!(reply.t_b, plan.t_b);
        assert!(reply.lock_by < reply.public_claim_at && reply.public_claim_at < reply.t_b);
    }

    #[test]
    fn a_proposal_that_is_too_late_is_replaced_by_the_latest_safe_deadline() {
        let t_a = Timestamp(10_000);

        let reply = answer(&TIMING, WINDOWS, t_a, t_a, Timestamp(9_000)).expect("in time");

        assert_eq!(reply.t_b, Timestamp(10_000 - 76));
    }

    #[test]
    fn an_answer_that_leaves_no_time_to_claim_is_refused() {
        let refused = answer(
            &TIMING,
            WINDOWS,
            Timestamp(1_090),
            Timestamp(1_010),
            Timestamp(1_000),
        );

        assert_eq!(
            refused,
            Err(MarginError::TooSoon {
                expected: Timestamp(1_020),
                got: Timestamp(1_014)
            })
        );
    }

    #[test]
    fn the_percentile_is_the_nearest_rank() {
        let thousand: Vec<u64> = (1..=1000).rev().collect();

        assert_eq!(p999(&thousand), Some(999));
        assert_eq!(p999(&[7]), Some(7));
        assert_eq!(p999(&[]), None);
    }

    #[test]
    fn a_proposed_peg_leaves_room_and_one_second_less_is_refused() {
        let (now, delay) = (Timestamp(1_000_000), 30);

        let plan = peg_schedule(&TIMING, WINDOWS, delay, now).expect("fits");

        let times = (plan.t, plan.r);
        assert!(now < plan.lock_by && plan.lock_by < plan.t && plan.t < plan.r);
        assert_eq!(peg_check(&TIMING, delay, now, times), Ok(()));
        assert_eq!(
            peg_check(&TIMING, delay, now.plus(WINDOWS.slack), times),
            Ok(())
        );
        assert!(matches!(
            peg_check(&TIMING, delay, now.plus(WINDOWS.slack + 1), times),
            Err(MarginError::TooSoon { .. })
        ));
        assert!(matches!(
            peg_check(&TIMING, delay, now, (plan.t, Timestamp(plan.r.0 - 1))),
            Err(MarginError::TooThin { .. })
        ));
    }

    #[test]
    fn an_escrow_leaves_room_for_both_words_and_one_second_less_is_refused() {
        let now = Timestamp(1_000_000);
        // Approval and escrow of 3 s and skew, two words of 3.5 s and skew, outage, rounding.
        let (on_a, on_b) = (3 + 5 + 1, 4 + 5 + 1);
        let room = 2 * on_a + 2 * on_b + 60 + 2;

        assert_eq!(
            settlement_open_by(&TIMING, now, now.plus(room)),
            Ok(now.plus(on_a))
        );
        assert_eq!(
            settlement_open_by(&TIMING, now, now.plus(room - 1)),
            Err(MarginError::TooSoon {
                expected: now.plus(room),
                got: now.plus(room - 1)
            })
        );
        assert_eq!(
            settlement_open_by(&TIMING, Timestamp(u64::MAX), Timestamp(u64::MAX)),
            Err(MarginError::ConfigOverflow)
        );
    }
}
