//! What an answer means for the readings on disk. Pure.

use std::time::Duration;

use alloy_primitives::B256;

use crate::{ingest::answer::Answer, reading::Signed};

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The operator has stored everything up to this number.
    Forget {
        /// The number.
        through: u64,
    },
    /// It cannot now.
    Wait {
        /// What it says.
        reason: String,
        /// How long.
        pause: Duration,
    },
    /// It will not. Nothing is thrown away; somebody has to look.
    Stuck {
        /// What it says.
        reason: String,
    },
}

impl Step {
    /// How long to wait before the next attempt.
    pub(super) fn pause(&self) -> Option<Duration> {
        match self {
            Self::Forget { .. } => None,
            Self::Wait { pause, .. } => Some(*pause),
            Self::Stuck { .. } => Some(STUCK),
        }
    }
}

/// The number up to which an answer says everything is stored already.
pub fn confirmed(answer: &Answer) -> Option<u64> {
    match answer {
        Answer::Accepted(_) => None,
        Answer::Refused(problem) => problem.next?.sequence.checked_sub(1),
    }
}

/// Decides by the answer to `batch`; `known` is our own digest of the reading [`confirmed`] names, if it still waits.
///
/// An operator is believed that it has a reading only if it names the reading's digest: so neither a mix-up nor an answer to
/// something else makes the device forget what nobody has.
pub fn decide(batch: &[Signed], answer: &Answer, known: Option<B256>) -> Step {
    let last = batch.last().map_or(0, |last| last.body.sequence);
    let problem = match answer {
        Answer::Accepted(accepted) if accepted.accepted == batch.len() => {
            return Step::Forget { through: last };
        }
        Answer::Accepted(accepted) => {
            let reason = format!(
                "{} of {} readings were confirmed",
                accepted.accepted,
                batch.len()
            );
            return Step::Stuck { reason };
        }
        Answer::Refused(problem) => problem,
    };
    let reason = format!("{}: {}", problem.refused, problem.detail);
    match (problem.next, confirmed(answer), problem.retry_after) {
        (Some(next), Some(through), _) if known == Some(next.previous) => Step::Forget { through },
        (_, _, Some(seconds)) => Step::Wait {
            reason,
            pause: Duration::from_secs(seconds.min(MAX_WAIT)),
        },
        _ => Step::Stuck { reason },
    }
}

/// Between attempts to send what is refused.
const STUCK: Duration = Duration::from_secs(60);
const MAX_WAIT: u64 = 300;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ingest::answer::{Accepted, NextReading, Problem},
        world::Sensor,
    };

    fn batch() -> Vec<Signed> {
        let mut sensor = Sensor::new("10.cold.7");
        (0..3).map(|value| sensor.say(value)).collect()
    }

    fn refused(next: Option<NextReading>, retry_after: Option<u64>) -> Answer {
        Answer::Refused(Problem {
            refused: "replayed".into(),
            index: 0,
            detail: "why".into(),
            next,
            retry_after,
        })
    }

    #[test]
    fn a_stored_batch_is_forgotten() {
        let sequence = None;
        let accepted = |accepted| Answer::Accepted(Accepted { accepted, sequence });

        assert_eq!(
            decide(&batch(), &accepted(3), None),
            Step::Forget { through: 3 }
        );
        assert!(matches!(
            decide(&batch(), &accepted(2), None),
            Step::Stuck { .. }
        ));
    }

    #[test]
    fn what_is_stored_already_is_forgotten_only_by_its_digest() {
        let batch = batch();
        let second = batch[1].body.digest();
        let next = NextReading {
            sequence: 3,
            previous: second,
        };
        let answer = refused(Some(next), None);

        assert_eq!(confirmed(&answer), Some(2));
        assert_eq!(
            decide(&batch, &answer, Some(second)),
            Step::Forget { through: 2 }
        );
        let other = Some(B256::repeat_byte(1));
        assert!(matches!(decide(&batch, &answer, other), Step::Stuck { .. }));
        assert!(matches!(decide(&batch, &answer, None), Step::Stuck { .. }));
    }

    #[test]
    fn an_operator_that_cannot_now_is_asked_again() {
        let step = decide(&batch(), &refused(None, Some(10)), None);

        assert_eq!(step.pause(), Some(Duration::from_secs(10)));
        let long = decide(&batch(), &refused(None, Some(u64::MAX)), None);
        assert_eq!(long.pause(), Some(Duration::from_secs(MAX_WAIT)));
        let never = decide(&batch(), &refused(None, None), None);
        assert_eq!(never.pause(), Some(STUCK));
    }
}
