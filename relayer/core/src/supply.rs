//! The supply statement (V1) of one pegged asset, from what both chains show at final heights.
//!
//! ```text
//!   held + carried in + carried out = supply + owed in + owed out + surplus
//! ```
//!
//! *Held* is what the vault has, *supply* what the token's contract counts. *Carried* is paid at the destination while its
//! lock is still open at the origin; *owed* is collected at the origin and not yet paid at the destination (P8). *Surplus*
//! was given away: sent to the vault, or locked for a port in no proper lock. Nobody can lower it, so the statement fails
//! when it is negative or falls. A gift must not stop a lane, or anyone could.

use alloy_primitives::U256;
use causeway_adapter_api::Height;
use serde::{Deserialize, Serialize};

use crate::swap::Fate;

/// One transfer, as its two chains show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// How much.
    pub amount: U256,
    /// The lock at the origin; `None` when there is none.
    pub origin: Option<Fate>,
    /// Whether the recipient was paid at the destination.
    pub claimed: bool,
}

/// Final heights of both chains at which a statement is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Height of the home chain.
    pub home: Height,
    /// Height of the side chain.
    pub side: Height,
    /// The newest block of the home chain that the side chain's light client knew at `side`.
    pub side_knows: Height,
    /// The newest block of the side chain that the home chain's light client knew at `home`.
    pub home_knows: Height,
}

/// The sums of a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Books {
    /// What the vault has.
    pub held: U256,
    /// What the token's contract counts.
    pub supply: U256,
    /// Minted, its home lock still open.
    pub carried_in: U256,
    /// Released, its side lock still open and its tokens still counted.
    pub carried_out: U256,
    /// Collected at home, not yet minted.
    pub owed_in: U256,
    /// Destroyed on the side, not yet released.
    pub owed_out: U256,
    /// Locked at home and not minted: it will be minted or go back.
    pub waiting_in: U256,
    /// Locked on the side and not released: it will be released or go back.
    pub waiting_out: U256,
}

/// What a statement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every token is backed.
    Holds {
        /// What was given away.
        surplus: U256,
    },
    /// Tokens exist that nothing backs: the lane is to be paused.
    Short {
        /// How many.
        missing: U256,
    },
    /// Every token is backed, but what was given away before is gone: somebody took what nobody can take. The lane is
    /// to be paused.
    SurplusFell {
        /// At the statement before.
        from: U256,
        /// Now.
        to: U256,
    },
}

/// Why there is no statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoStatement {
    /// One chain relies on a block of the other that is past the height looked at; look at a later one.
    #[error(
        "chain heights do not belong together: home {home} of {home_needed}, side {side} of {side_needed}"
    )]
    Skewed {
        /// Looked at.
        home: Height,
        /// The side chain relies on.
        home_needed: Height,
        /// Looked at.
        side: Height,
        /// The home chain relies on.
        side_needed: Height,
    },
    /// A transfer was paid at the destination and refunded, or never made, at the origin. This must not be (P9).
    #[error("a transfer of {amount} was paid at its destination and is {origin:?} at its origin")]
    Broken {
        /// How much.
        amount: U256,
        /// What the origin shows.
        origin: Option<Fate>,
    },
    /// The sums do not fit 256 bits: an observation is absurd.
    #[error("the sums do not fit 256 bits")]
    Overflow,
}

impl NoStatement {
    /// Whether it is as bad as a statement that fails.
    pub const fn is_alarm(&self) -> bool {
        matches!(self, Self::Broken { .. } | Self::Overflow)
    }
}

impl Verdict {
    /// Whether the lane is to be paused.
    pub const fn is_alarm(&self) -> bool {
        matches!(self, Self::Short { .. } | Self::SurplusFell { .. })
    }
}

impl Cut {
    /// Refuses heights that do not contain every act either chain relies on.
    ///
    /// # Errors
    /// [`NoStatement::Skewed`].
    pub const fn check(&self) -> Result<(), NoStatement> {
        if self.side_knows.0 > self.home.0 || self.home_knows.0 > self.side.0 {
            return Err(NoStatement::Skewed {
                home: self.home,
                home_needed: self.side_knows,
                side: self.side,
                side_needed: self.home_knows,
            });
        }
        Ok(())
    }
}

impl Books {
    /// Sums up what both chains show: the vault's balance, the token's supply, and all transfers into and out of the side
    /// chain that have not ended, or whatever was left of them.
    ///
    /// # Errors
    /// [`NoStatement::Broken`], [`NoStatement::Overflow`].
    pub fn new(held: U256, supply: U256, ins: &[Row], outs: &[Row]) -> Result<Self, NoStatement> {
        let (into, out) = (Sums::of(ins)?, Sums::of(outs)?);
        Ok(Self {
            held,
            supply,
            carried_in: into.carried,
            carried_out: out.carried,
            owed_in: into.owed,
            owed_out: out.owed,
            waiting_in: into.waiting,
            waiting_out: out.waiting,
        })
    }

    /// What there is, against what is promised.
    ///
    /// # Errors
    /// [`NoStatement::Overflow`].
    pub fn verdict(&self) -> Result<Verdict, NoStatement> {
        let backing = add([self.held, self.carried_in, self.carried_out])?;
        let promised = add([self.supply, self.owed_in, self.owed_out])?;
        Ok(match backing.checked_sub(promised) {
            Some(surplus) => Verdict::Holds { surplus },
            None => Verdict::Short {
                missing: promised.saturating_sub(backing),
            },
        })
    }

    /// The same, beside the surplus of the statement before.
    ///
    /// # Errors
    /// [`NoStatement::Overflow`].
    pub fn verdict_after(&self, before: U256) -> Result<Verdict, NoStatement> {
        Ok(match self.verdict()? {
            Verdict::Holds { surplus } if surplus < before => Verdict::SurplusFell {
                from: before,
                to: surplus,
            },
            verdict => verdict,
        })
    }
}

/// One direction's transfers.
#[derive(Default)]
struct Sums {
    carried: U256,
    owed: U256,
    waiting: U256,
}

impl Sums {
    fn of(rows: &[Row]) -> Result<Self, NoStatement> {
        rows.iter().try_fold(Self::default(), |mut sums, row| {
            let Row {
                amount,
                origin,
                claimed,
            } = *row;
            let place = match (origin, claimed) {
                (Some(Fate::Open), true) => &mut sums.carried,
                (Some(Fate::Open), false) => &mut sums.waiting,
                (Some(Fate::Claimed), false) => &mut sums.owed,
                (Some(Fate::Claimed), true) | (Some(Fate::Refunded) | None, false) => {
                    return Ok(sums);
                }
                (Some(Fate::Refunded) | None, true) => {
                    return Err(NoStatement::Broken { amount, origin });
                }
            };
            *place = add([*place, amount])?;
            Ok(sums)
        })
    }
}

fn add<const N: usize>(terms: [U256; N]) -> Result<U256, NoStatement> {
    let sum = terms.into_iter().try_fold(U256::ZERO, U256::checked_add);
    sum.ok_or(NoStatement::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(origin: Fate, claimed: bool) -> Row {
        let origin = Some(origin);
        let amount = U256::from(10);
        Row {
            amount,
            origin,
            claimed,
        }
    }

    fn verdict(held: u64, supply: u64, ins: &[Row], outs: &[Row]) -> Verdict {
        let books = Books::new(U256::from(held), U256::from(supply), ins, outs).expect("fits");
        books.verdict().expect("fits")
    }

    const EVEN: Verdict = Verdict::Holds {
        surplus: U256::ZERO,
    };

    #[test]
    fn every_moment_of_a_peg_in_and_a_peg_out_balances() {
        assert_eq!(verdict(0, 0, &[row(Fate::Open, false)], &[]), EVEN);
        assert_eq!(verdict(0, 10, &[row(Fate::Open, true)], &[]), EVEN);
        assert_eq!(verdict(10, 0, &[row(Fate::Claimed, false)], &[]), EVEN);
        assert_eq!(
            verdict(
                10,
                10,
                &[row(Fate::Claimed, true)],
                &[row(Fate::Open, false)]
            ),
            EVEN
        );
        assert_eq!(verdict(0, 10, &[], &[row(Fate::Open, true)]), EVEN);
        assert_eq!(verdict(10, 0, &[], &[row(Fate::Claimed, false)]), EVEN);
        assert_eq!(verdict(0, 0, &[], &[row(Fate::Claimed, true)]), EVEN);
    }

    #[test]
    fn a_gift_does_not_stop_a_lane_and_a_missing_unit_does() {
        let gift = verdict(11, 10, &[], &[]);
        let short = verdict(9, 10, &[], &[]);

        assert_eq!(
            gift,
            Verdict::Holds {
                surplus: U256::from(1)
            }
        );
        assert!(!gift.is_alarm());
        assert_eq!(
            short,
            Verdict::Short {
                missing: U256::from(1)
            }
        );
        assert!(short.is_alarm());
    }

    #[test]
    fn a_surplus_that_falls_is_an_alarm() {
        let books = Books::new(U256::from(11), U256::from(10), &[], &[]).expect("fits");

        assert!(books.verdict_after(U256::from(2)).expect("fits").is_alarm());
        assert!(!books.verdict_after(U256::from(1)).expect("fits").is_alarm());
    }

    #[test]
    fn paid_and_refunded_is_broken() {
        let broken = Books::new(U256::ZERO, U256::ZERO, &[row(Fate::Refunded, true)], &[]);

        assert!(broken.is_err_and(|why| why.is_alarm()));
    }

    #[test]
    fn heights_that_do_not_belong_together_make_no_statement() {
        let cut = Cut {
            home: Height(10),
            side: Height(20),
            side_knows: Height(10),
            home_knows: Height(20),
        };

        assert_eq!(cut.check(), Ok(()));
        assert!(
            Cut {
                home: Height(9),
                ..cut
            }
            .check()
            .is_err()
        );
        assert!(
            Cut {
                side: Height(19),
                ..cut
            }
            .check()
            .is_err()
        );
    }

    #[test]
    fn absurd_sums_are_refused() {
        let most = Row {
            amount: U256::MAX,
            ..row(Fate::Open, true)
        };

        assert_eq!(
            Books::new(U256::ZERO, U256::ZERO, &[most, most], &[]),
            Err(NoStatement::Overflow)
        );
    }
}
