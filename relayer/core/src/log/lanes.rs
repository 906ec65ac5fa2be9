//! That nothing is missing (V5): the items of each direction of a lane bear 0, 1, 2, .., and a gateway counts them.

use std::collections::BTreeMap;

use alloy_primitives::Address;

use crate::lane::LaneId;

/// What was seen of the lanes of one chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lanes(BTreeMap<(Address, LaneId), u64>);

/// An item of a lane that should be there and is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("item {missing} of lane {lane} of gateway {gateway} is missing, {seen}", lane = lane.0)]
pub struct Gap {
    /// Which gateway.
    pub gateway: Address,
    /// Which of its lanes.
    pub lane: LaneId,
    /// The first number that is missing.
    pub missing: u64,
    /// How that is known.
    pub seen: Evidence,
}

/// How it is known that an item exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// An item with this number came instead.
    Came(u64),
    /// The gateway counts so many.
    Counted(u64),
}

impl std::fmt::Display for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Came(got) => write!(f, "number {got} came instead"),
            Self::Counted(count) => write!(f, "the gateway counts {count}"),
        }
    }
}

impl Lanes {
    /// A lane was opened: from now on it is asked for.
    pub fn open(&mut self, gateway: Address, lane: LaneId) {
        self.0.entry((gateway, lane)).or_default();
    }

    /// The next item that was seen.
    ///
    /// # Errors
    /// [`Gap`] when it is not the next one: nothing is taken then.
    pub fn take(&mut self, gateway: Address, lane: LaneId, number: u64) -> Result<(), Gap> {
        let next = self.0.entry((gateway, lane)).or_default();
        if number != *next {
            return Err(Gap {
                gateway,
                lane,
                missing: *next,
                seen: Evidence::Came(number),
            });
        }
        *next = next.saturating_add(1);
        Ok(())
    }

    /// Compares with what the gateway counts.
    ///
    /// # Errors
    /// [`Gap`] when it counts more. Fewer is a chain that went back, which is found elsewhere.
    pub fn check(&self, gateway: Address, lane: LaneId, count: u64) -> Result<(), Gap> {
        let next = self.0.get(&(gateway, lane)).copied().unwrap_or_default();
        if count > next {
            return Err(Gap {
                gateway,
                lane,
                missing: next,
                seen: Evidence::Counted(count),
            });
        }
        Ok(())
    }

    /// Every lane that is known, with the number its next item has.
    pub fn iter(&self) -> impl Iterator<Item = (Address, LaneId, u64)> {
        let rows = self.0.iter();
        rows.map(|((gateway, lane), next)| (*gateway, *lane, *next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATEWAY: Address = Address::repeat_byte(7);
    const LANE: LaneId = LaneId(1);

    #[test]
    fn numbers_in_a_row_are_taken() {
        let mut lanes = Lanes::default();

        for number in 0..5 {
            assert_eq!(lanes.take(GATEWAY, LANE, number), Ok(()));
        }
        assert_eq!(lanes.check(GATEWAY, LANE, 5), Ok(()));
    }

    #[test]
    fn a_number_left_out_is_named() {
        let mut lanes = Lanes::default();
        lanes.take(GATEWAY, LANE, 0).expect("the first");

        let gap = lanes.take(GATEWAY, LANE, 2).expect_err("1 is missing");

        assert_eq!(gap.missing, 1);
        assert!(gap.to_string().contains("item 1 of lane 1"), "{gap}");
        assert_eq!(lanes.take(GATEWAY, LANE, 1), Ok(()), "it may still come");
    }

    #[test]
    fn the_last_item_withheld_is_missed_by_the_count() {
        let mut lanes = Lanes::default();
        lanes.take(GATEWAY, LANE, 0).expect("the first");

        let gap = lanes.check(GATEWAY, LANE, 2).expect_err("1 is missing");

        assert_eq!((gap.missing, gap.seen), (1, Evidence::Counted(2)));
    }

    #[test]
    fn a_lane_nobody_spoke_of_is_missed_by_the_count() {
        let lanes = Lanes::default();

        assert_eq!(lanes.check(GATEWAY, LANE, 0), Ok(()));
        assert!(lanes.check(GATEWAY, LANE, 1).is_err());
    }
}
