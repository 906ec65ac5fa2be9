//! How often what was refused is tried again. In memory alone: after a restart everything is tried at once.

use std::{collections::HashMap, time::Duration};

use causeway_core::retry::{self, Policy};
use tokio::time::Instant;

use crate::{drive::jitter, store::OrderId};

/// Refusals in a row, by task.
#[derive(Debug, Default)]
pub(super) struct Pace(HashMap<String, Refused>);

#[derive(Clone, Copy, Debug)]
struct Refused {
    times: u8,
    until: Instant,
    /// The order that told so; one order is counted once.
    order: OrderId,
}

impl Pace {
    /// Notes that an order of `task` was refused; returns how many were in a row.
    pub(super) fn refused(
        &mut self,
        task: &str,
        order: OrderId,
        policy: &Policy,
        now: Instant,
    ) -> u8 {
        let before = self.0.get(task).copied();
        if let Some(known) = before.filter(|known| known.order == order) {
            return known.times;
        }
        let attempt = before.map_or(0, |known| known.times);
        let pause = retry::look_again(policy, attempt.into(), jitter());
        let refused = Refused {
            times: attempt.saturating_add(1),
            until: now + pause,
            order,
        };
        self.0.insert(task.to_owned(), refused);
        refused.times
    }

    /// Notes that a task came to a good end.
    pub(super) fn done(&mut self, task: &str) {
        self.0.remove(task);
    }

    /// Whether a task pauses.
    pub(super) fn pauses(&self, task: &str, now: Instant) -> bool {
        self.0.get(task).is_some_and(|refused| refused.until > now)
    }

    /// Forgets tasks that were not heard of for long, so that the memory stays bounded by what is open.
    pub(super) fn forget_old(&mut self, now: Instant) {
        self.0
            .retain(|_, refused| now.duration_since(refused.until) < FORGOTTEN);
    }
}

/// After so long a refusal says nothing about the next try.
const FORGOTTEN: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn one_order_is_counted_once_and_pauses_grow() {
        let (mut pace, policy, now) = (Pace::default(), Policy::default(), Instant::now());

        assert_eq!(pace.refused("a", OrderId(1), &policy, now), 1);
        assert_eq!(pace.refused("a", OrderId(1), &policy, now + SECOND), 1);
        assert!(pace.pauses("a", now) && !pace.pauses("b", now));
        assert!(!pace.pauses("a", now + SECOND / 2));
        assert_eq!(pace.refused("a", OrderId(2), &policy, now + SECOND), 2);
        assert!(pace.pauses("a", now + SECOND + SECOND * 7 / 10));
        pace.done("a");
        assert!(!pace.pauses("a", now + SECOND));
    }

    #[test]
    fn what_was_refused_long_ago_is_forgotten() {
        let (mut pace, policy, now) = (Pace::default(), Policy::default(), Instant::now());
        pace.refused("a", OrderId(1), &policy, now);

        let later = now + FORGOTTEN + SECOND;
        pace.forget_old(later);

        assert_eq!(pace.refused("a", OrderId(2), &policy, later), 1);
    }
}
