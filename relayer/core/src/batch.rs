//! Which items of a lane go into the next delivery, and whether to send now or wait for more.
//!
//! A delivery costs a fixed part (update, proof of the root, transaction) and a part per item. Waiting divides the fixed
//! part among more items and makes the first ones late. So an idle lane sends at once, a busy one gathers until a
//! delivery is worth its fixed part or somebody has waited long enough, and an item near its deadline waits for nobody.

use serde::{Deserialize, Serialize};

/// Limits of one delivery, and how long to gather.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Items with content in one delivery.
    pub items: u16,
    /// Items that are done already and lie between, passed as bare leaves.
    pub bare: u16,
    /// Bytes of all contents together.
    pub bytes: u32,
    /// Gas of all items together, under the chain's limit for one transaction.
    pub gas: u64,
    /// Send without waiting from so many items on.
    pub enough: u16,
    /// The longest an item waits for others, in milliseconds.
    pub linger_ms: u64,
    /// An item whose deadline is so near, in seconds, waits for nobody.
    pub urgent: u64,
    /// Deliveries under way at once; an ordered lane has one.
    pub flights: u16,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            items: 64,
            bare: 64,
            bytes: 96 * 1024,
            gas: 12_000_000,
            enough: 16,
            linger_ms: 250,
            urgent: 15,
            flights: 2,
        }
    }
}

/// An item that could go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// Its number on the lane.
    pub index: u64,
    /// Bytes of its content.
    pub bytes: u32,
    /// Gas it may use at its destination, its share of the delivery included.
    pub gas: u64,
    /// When it could have gone first, in milliseconds.
    pub since_ms: u64,
    /// Seconds to its deadline; `None` when it has none.
    pub left: Option<u64>,
}

/// How one item is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carried {
    /// With its content.
    Whole,
    /// Its leaf alone: it is done already.
    Bare,
}

/// A contiguous range of a lane's items.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Batch {
    /// Number of the first item.
    pub first: u64,
    /// How each item of the range is passed; the first and the last are whole.
    pub items: Vec<Carried>,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Nothing could go.
    Nothing,
    /// More may come; look again at this time, in milliseconds.
    Wait {
        /// When.
        until_ms: u64,
    },
    /// Send this.
    Send(Batch),
}

/// How busy the lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Load {
    /// No delivery of ours is under way: gathering would gain nothing but delay.
    Idle,
    /// Some are under way.
    Busy,
    /// As many as are allowed are under way.
    Full,
}

/// Decides about `candidates`, which come in the order of their numbers.
///
/// Only the first run is considered: candidates follow each other with at most [`Policy::bare`] done items between.
/// A single item over the limits goes alone: it could go no other way.
pub fn decide(
    policy: &Policy,
    load: Load,
    now_ms: u64,
    candidates: impl IntoIterator<Item = Candidate>,
) -> Decision {
    let mut run = Run::default();
    let mut oldest = u64::MAX;
    let (mut urgent, mut full) = (false, false);
    for candidate in candidates {
        if !run.admits(policy, &candidate) {
            full = true;
            break;
        }
        oldest = oldest.min(candidate.since_ms);
        urgent |= candidate.left.is_some_and(|left| left <= policy.urgent);
        run.push(&candidate);
    }
    if run.whole == 0 {
        return Decision::Nothing;
    }
    let until_ms = oldest.saturating_add(policy.linger_ms);
    let worth = full || run.whole >= policy.enough || urgent || now_ms >= until_ms;
    match load {
        Load::Full => Decision::Wait { until_ms },
        Load::Busy if !worth => Decision::Wait { until_ms },
        Load::Busy | Load::Idle => Decision::Send(run.batch),
    }
}

impl Batch {
    /// The number after the last item.
    pub fn end(&self) -> u64 {
        self.first.saturating_add(self.items.len() as u64)
    }

    /// Numbers of the items that are passed whole.
    pub fn whole(&self) -> impl Iterator<Item = u64> {
        let numbered = (self.first..).zip(&self.items);
        numbered.filter_map(|(index, item)| (*item == Carried::Whole).then_some(index))
    }

    /// Whether `index` is passed whole.
    pub fn carries(&self, index: u64) -> bool {
        let place = index.checked_sub(self.first);
        let item = place.and_then(|at| self.items.get(usize::try_from(at).ok()?));
        item == Some(&Carried::Whole)
    }
}

/// A batch in the making.
struct Run {
    batch: Batch,
    whole: u16,
    bare: u64,
    bytes: u32,
    gas: u64,
}

impl Default for Run {
    fn default() -> Self {
        let batch = Batch {
            first: 0,
            items: Vec::new(),
        };
        Self {
            batch,
            whole: 0,
            bare: 0,
            bytes: 0,
            gas: 0,
        }
    }
}

impl Run {
    fn admits(&self, policy: &Policy, next: &Candidate) -> bool {
        if self.whole == 0 {
            return true;
        }
        // Out of order, or given twice: never in one batch.
        let Some(gap) = next.index.checked_sub(self.batch.end()) else {
            return false;
        };
        self.whole < policy.items
            && self.bare.saturating_add(gap) <= u64::from(policy.bare)
            && self.bytes.saturating_add(next.bytes) <= policy.bytes
            && self.gas.saturating_add(next.gas) <= policy.gas
    }

    fn push(&mut self, next: &Candidate) {
        if self.whole == 0 {
            self.batch.first = next.index;
        }
        let gap = next.index.saturating_sub(self.batch.end());
        self.bare = self.bare.saturating_add(gap);
        self.batch.items.extend((0..gap).map(|_| Carried::Bare));
        self.batch.items.push(Carried::Whole);
        self.whole = self.whole.saturating_add(1);
        self.bytes = self.bytes.saturating_add(next.bytes);
        self.gas = self.gas.saturating_add(next.gas);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Carried::{Bare, Whole};

    const POLICY: Policy = Policy {
        items: 4,
        bare: 2,
        bytes: 1_000,
        gas: 1_000,
        enough: 3,
        linger_ms: 100,
        urgent: 5,
        flights: 1,
    };

    fn item(index: u64) -> Candidate {
        Candidate {
            index,
            bytes: 10,
            gas: 10,
            since_ms: 0,
            left: Some(60),
        }
    }

    fn sent(load: Load, now_ms: u64, items: &[Candidate]) -> Option<(u64, Vec<Carried>)> {
        match decide(&POLICY, load, now_ms, items.iter().copied()) {
            Decision::Send(batch) => Some((batch.first, batch.items)),
            Decision::Nothing | Decision::Wait { .. } => None,
        }
    }

    #[test]
    fn an_idle_lane_sends_a_single_item_at_once() {
        assert_eq!(sent(Load::Idle, 0, &[item(7)]), Some((7, vec![Whole])));
    }

    #[test]
    fn a_busy_lane_gathers_until_it_is_worth_it_or_somebody_waited_long_enough() {
        assert_eq!(
            decide(&POLICY, Load::Busy, 99, [item(0), item(1)]),
            Decision::Wait { until_ms: 100 }
        );
        assert!(sent(Load::Busy, 100, &[item(0), item(1)]).is_some());
        assert!(sent(Load::Busy, 0, &[item(0), item(1), item(2)]).is_some());
    }

    #[test]
    fn an_item_near_its_deadline_waits_for_nobody() {
        let urgent = Candidate {
            left: Some(5),
            ..item(0)
        };

        assert!(sent(Load::Busy, 0, &[urgent]).is_some());
    }

    #[test]
    fn a_full_lane_sends_nothing_more() {
        assert_eq!(sent(Load::Full, 1_000, &[item(0)]), None);
    }

    #[test]
    fn done_items_between_are_passed_bare_up_to_the_limit() {
        assert_eq!(
            sent(Load::Idle, 0, &[item(3), item(6)]),
            Some((3, vec![Whole, Bare, Bare, Whole]))
        );
        assert_eq!(
            sent(Load::Idle, 0, &[item(3), item(7)]),
            Some((3, vec![Whole]))
        );
    }

    #[test]
    fn a_batch_keeps_to_its_limits() {
        let many: Vec<_> = (0..9).map(item).collect();
        let heavy = Candidate {
            gas: 995,
            ..item(1)
        };

        assert_eq!(sent(Load::Busy, 0, &many), Some((0, vec![Whole; 4])));
        assert_eq!(
            sent(Load::Idle, 0, &[item(0), heavy]),
            Some((0, vec![Whole]))
        );
    }

    #[test]
    fn an_item_over_the_limits_goes_alone() {
        let huge = Candidate {
            bytes: u32::MAX,
            gas: u64::MAX,
            ..item(4)
        };

        assert_eq!(
            sent(Load::Idle, 0, &[huge, item(5)]),
            Some((4, vec![Whole]))
        );
    }

    #[test]
    fn nothing_to_send_is_nothing() {
        assert_eq!(decide(&POLICY, Load::Idle, 0, []), Decision::Nothing);
    }
}
