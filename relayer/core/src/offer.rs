//! Whether a lock on one chain is answered with a lock on the other.

use alloy_primitives::{Address, U256};
use causeway_adapter_api::{Asset, ChainId, Lock, Terms, Timestamp, Wanted};
use serde::{Deserialize, Serialize};

use crate::{
    margin::{self, MarginError, Timing, Windows},
    swap::{Leg, Plan, Seen},
};

/// A standing offer: who locks `take` in our favour may have `give`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// Chain of the initiator's lock.
    pub take_chain: ChainId,
    /// What it must hold.
    pub take_asset: Asset,
    /// Our account there, its recipient.
    pub take_account: Address,
    /// Chain of our lock.
    pub give_chain: ChainId,
    /// What we lock.
    pub give_asset: Asset,
    /// Our account that pays.
    pub give_account: Address,
    /// How much we give for what we take.
    pub rate: Rate,
    /// The least we lock.
    pub min_give: U256,
    /// The most we lock in one swap.
    pub max_give: U256,
    /// Safety deposit we add to our lock, in native points.
    pub deposit: U256,
}

/// `num / den` units given for one unit taken, in the assets' smallest units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Given.
    pub num: u64,
    /// For this much taken; zero offers nothing.
    pub den: u64,
}

/// Why a lock is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// No offer of ours pairs these two assets for this recipient.
    #[error("no offer gives {wanted_asset:?} on chain {wanted_chain} for what was locked")]
    NoOffer {
        /// Where it was wanted.
        wanted_chain: ChainId,
        /// What was wanted.
        wanted_asset: Asset,
    },
    /// Outside the limits of the offer.
    #[error("amount: expected {min} to {max}, got {got}")]
    Limits {
        /// The least.
        min: U256,
        /// The most.
        max: U256,
        /// Wanted.
        got: U256,
    },
    /// More is wanted than the rate gives.
    #[error("rate: expected at most {expected}, got {got}")]
    Rate {
        /// What the locked amount is worth to us.
        expected: U256,
        /// Wanted.
        got: U256,
    },
    /// The lock is divided, or asks a contract before it opens.
    #[error("shape: expected one part and no hooks, got {parts} parts and hook flags {hook_flags}")]
    Shape {
        /// Parts.
        parts: u16,
        /// Flags.
        hook_flags: u8,
    },
    /// It asks us to pay nobody.
    #[error("the lock asks for payment to the zero address")]
    NoRecipient,
    /// V4.
    #[error(transparent)]
    Margin(#[from] MarginError),
}

/// What the answer depends on beside lock and offers.
#[derive(Clone, Copy, Debug)]
pub struct Terrain {
    /// Measured times, `a` being the chain of the seen lock.
    pub timing: Timing,
    /// Window lengths.
    pub windows: Windows,
    /// The latest it may be by now on the chain we lock on.
    pub now: Timestamp,
    /// Tells our lock apart from others.
    pub salt: u128,
    /// The `HashTimeLock` we lock in.
    pub spender: Address,
}

/// The offer that could answer `theirs`, judged by chains, assets and recipient alone.
///
/// # Errors
/// [`Refusal::NoOffer`].
pub fn find<'a>(offers: &'a [Offer], theirs: &Seen, wanted: &Wanted) -> Result<&'a Offer, Refusal> {
    let fits = |offer: &&Offer| {
        offer.take_chain == theirs.chain
            && offer.take_asset == theirs.lock.asset
            && offer.take_account == theirs.lock.recipient
            && offer.give_chain == wanted.chain
            && offer.give_asset == wanted.asset
    };
    let none = Refusal::NoOffer {
        wanted_chain: wanted.chain,
        wanted_asset: wanted.asset,
    };
    offers.iter().find(fits).ok_or(none)
}

/// T3: the plan that answers `theirs`, or why there is none.
///
/// # Errors
/// [`Refusal`] with expected and got.
pub fn answer(
    offer: &Offer,
    theirs: &Seen,
    wanted: &Wanted,
    terrain: &Terrain,
) -> Result<Plan, Refusal> {
    let terms = theirs.lock.terms;
    if terms.parts != 1 || terms.hook_flags != 0 {
        return Err(Refusal::Shape {
            parts: terms.parts,
            hook_flags: terms.hook_flags,
        });
    }
    if wanted.recipient.is_zero() {
        return Err(Refusal::NoRecipient);
    }
    if wanted.amount.is_zero() || !(offer.min_give..=offer.max_give).contains(&wanted.amount) {
        return Err(Refusal::Limits {
            min: offer.min_give,
            max: offer.max_give,
            got: wanted.amount,
        });
    }
    let worth = offer.rate.worth(theirs.lock.amount);
    if wanted.amount > worth {
        return Err(Refusal::Rate {
            expected: worth,
            got: wanted.amount,
        });
    }
    let Terrain {
        timing,
        windows,
        now,
        salt,
        spender,
    } = *terrain;
    let times = margin::answer(
        &timing,
        windows,
        terms.refund_at,
        terms.public_claim_at,
        now,
    )?;
    let lock = Lock {
        hashlock: theirs.lock.hashlock,
        sender: offer.give_account,
        recipient: wanted.recipient,
        asset: offer.give_asset,
        amount: wanted.amount,
        deposit: offer.deposit,
        terms: Terms {
            public_claim_at: times.public_claim_at,
            refund_at: times.t_b,
            public_refund_at: times.public_refund_at,
            parts: 1,
            hook_flags: 0,
            salt,
        },
        hooks: Address::ZERO,
    };
    Ok(Plan {
        give: Leg {
            chain: offer.give_chain,
            lock,
        },
        spender,
        margin: margin::required(&timing)?,
        settle: margin::settle(timing.b, timing.skew)?,
        lock_by: times.lock_by,
    })
}

impl Rate {
    /// What `taken` is worth, rounded down; nothing when the rate or the product is absurd.
    pub fn worth(self, taken: U256) -> U256 {
        taken
            .checked_mul(U256::from(self.num))
            .and_then(|product| product.checked_div(U256::from(self.den)))
            .unwrap_or(U256::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;
    use causeway_adapter_api::{Hashlock, LockId};

    use super::*;
    use crate::margin::ChainTiming;

    const A: ChainId = ChainId(1);
    const B: ChainId = ChainId(2);
    const CHAIN: ChainTiming = ChainTiming {
        inclusion_ms: 1_000,
        finality_ms: 1_000,
    };

    fn offer() -> Offer {
        Offer {
            take_chain: A,
            take_asset: Asset::Native,
            take_account: Address::repeat_byte(1),
            give_chain: B,
            give_asset: Asset::Token(Address::repeat_byte(2)),
            give_account: Address::repeat_byte(3),
            rate: Rate { num: 2, den: 1 },
            min_give: U256::from(10),
            max_give: U256::from(1_000),
            deposit: U256::from(5),
        }
    }

    fn theirs() -> Seen {
        let terms = Terms {
            public_claim_at: Timestamp(1_500),
            refund_at: Timestamp(2_000),
            public_refund_at: Timestamp(2_100),
            parts: 1,
            hook_flags: 0,
            salt: 9,
        };
        let lock = Lock {
            hashlock: Hashlock(B256::repeat_byte(7)),
            sender: Address::repeat_byte(8),
            recipient: offer().take_account,
            asset: Asset::Native,
            amount: U256::from(50),
            deposit: U256::ZERO,
            terms,
            hooks: Address::ZERO,
        };
        Seen {
            chain: A,
            id: LockId(B256::repeat_byte(6)),
            lock,
        }
    }

    fn wanted() -> Wanted {
        let recipient = Address::repeat_byte(9);
        Wanted {
            chain: B,
            asset: offer().give_asset,
            amount: U256::from(100),
            recipient,
        }
    }

    fn terrain(now: u64) -> Terrain {
        Terrain {
            timing: Timing {
                a: CHAIN,
                b: CHAIN,
                skew: 2,
                outage: 30,
            },
            windows: Windows {
                private_refund: 60,
                slack: 0,
            },
            now: Timestamp(now),
            salt: 4,
            spender: Address::repeat_byte(5),
        }
    }

    #[test]
    fn a_fair_lock_is_answered_with_what_it_asks_for() {
        let plan = answer(&offer(), &theirs(), &wanted(), &terrain(1_000)).expect("fair");

        assert_eq!(plan.give.chain, B);
        assert_eq!(plan.give.lock.amount, wanted().amount);
        assert_eq!(plan.give.lock.recipient, wanted().recipient);
        assert_eq!(plan.give.lock.terms.refund_at, Timestamp(1_500));
    }

    #[test]
    fn a_lock_worth_less_than_it_asks_for_is_refused() {
        let mut cheap = theirs();
        cheap.lock.amount = U256::from(49);

        let refused = answer(&offer(), &cheap, &wanted(), &terrain(1_000));

        assert_eq!(
            refused,
            Err(Refusal::Rate {
                expected: U256::from(98),
                got: U256::from(100)
            })
        );
    }

    #[test]
    fn a_lock_outside_the_limits_is_refused() {
        let greedy = Wanted {
            amount: U256::from(1_001),
            ..wanted()
        };

        assert!(matches!(
            answer(&offer(), &theirs(), &greedy, &terrain(1_000)),
            Err(Refusal::Limits { .. })
        ));
    }

    #[test]
    fn a_lock_that_ends_too_soon_is_refused() {
        assert!(matches!(
            answer(&offer(), &theirs(), &wanted(), &terrain(1_990)),
            Err(Refusal::Margin(MarginError::TooSoon { .. }))
        ));
    }

    #[test]
    fn a_divided_lock_is_refused() {
        let mut divided = theirs();
        divided.lock.terms.parts = 4;

        assert_eq!(
            answer(&offer(), &divided, &wanted(), &terrain(1_000)),
            Err(Refusal::Shape {
                parts: 4,
                hook_flags: 0
            })
        );
    }

    #[test]
    fn a_rate_over_zero_gives_nothing() {
        assert_eq!(Rate { num: 1, den: 0 }.worth(U256::MAX), U256::ZERO);
        assert_eq!(Rate { num: 2, den: 1 }.worth(U256::MAX), U256::ZERO);
    }

    #[test]
    fn an_offer_for_another_recipient_does_not_apply() {
        let mut stranger = theirs();
        stranger.lock.recipient = Address::repeat_byte(0xee);

        assert!(matches!(
            find(&[offer()], &stranger, &wanted()),
            Err(Refusal::NoOffer { .. })
        ));
    }
}
