//! Prices of gas. Pure.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use causeway_adapter_api::Bump;

/// What one unit of gas costs at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Price {
    /// EIP-1559.
    Dynamic {
        /// Most per unit, base fee and tip together.
        max: U256,
        /// The proposer's share.
        tip: U256,
    },
    /// Before EIP-1559.
    Legacy(U256),
}

impl Price {
    /// For a chain with a base fee: room for it to double, as six full blocks in a row would make it.
    pub(crate) fn dynamic(base: U256, tip: U256) -> Self {
        Self::Dynamic {
            max: base.saturating_mul(U256::from(2)).saturating_add(tip),
            tip,
        }
    }

    /// For a legacy transaction; on a chain with a base fee it must stay above it for a block or two.
    pub(crate) fn legacy(price: U256, base: U256) -> Self {
        Self::Legacy(price.max(base.saturating_add(base / U256::from(4))))
    }

    pub(crate) const fn most(self) -> U256 {
        match self {
            Self::Dynamic { max, .. } | Self::Legacy(max) => max,
        }
    }

    /// One step up: every component at least an eighth more, rounded up. Pools ask for a tenth.
    fn raised(self) -> Self {
        let up = |x: U256| x.saturating_add(x.div_ceil(U256::from(8)).max(U256::ONE));
        match self {
            Self::Dynamic { max, tip } => {
                let tip = up(tip);
                Self::Dynamic {
                    max: up(max).max(tip),
                    tip,
                }
            }
            Self::Legacy(price) => Self::Legacy(up(price)),
        }
    }

    fn raised_by(self, steps: u8) -> Self {
        (0..steps).fold(self, |price, _| price.raised())
    }

    /// The higher of each component; of two kinds, `self`.
    fn or_higher(self, other: Self) -> Self {
        match (self, other) {
            (
                Self::Dynamic { max, tip },
                Self::Dynamic {
                    max: other_max,
                    tip: other_tip,
                },
            ) => Self::Dynamic {
                max: max.max(other_max),
                tip: tip.max(other_tip),
            },
            (Self::Legacy(price), Self::Legacy(other)) => Self::Legacy(price.max(other)),
            (own, _) => own,
        }
    }
}

/// What was signed for each nonce, so that a replacement is dearer than what it replaces even when the market fell
/// meanwhile. Lost by a restart: then a replacement may need one more step.
#[derive(Debug, Default)]
pub(crate) struct Signed {
    prices: BTreeMap<(Address, u64), (Bump, Price)>,
}

impl Signed {
    /// The price of `bump` for this nonce at today's `market` price.
    pub(crate) fn price(&self, account: Address, nonce: u64, bump: Bump, market: Price) -> Price {
        let today = market.raised_by(bump.0);
        match self.prices.get(&(account, nonce)) {
            Some((before, price)) if bump > *before => {
                today.or_higher(price.raised_by(bump.0 - before.0))
            }
            _ => today,
        }
    }

    /// Remembers the highest bump signed for this nonce.
    pub(crate) fn remember(&mut self, account: Address, nonce: u64, bump: Bump, price: Price) {
        let known = self.prices.get(&(account, nonce));
        if known.is_some_and(|(before, _)| *before > bump) {
            return;
        }
        // The lowest nonces of this account are the oldest.
        while self.prices.len() >= MAX_REMEMBERED {
            self.prices.pop_first();
        }
        self.prices.insert((account, nonce), (bump, price));
    }
}

const MAX_REMEMBERED: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Address = Address::repeat_byte(1);

    fn dynamic(max: u64, tip: u64) -> Price {
        Price::Dynamic {
            max: U256::from(max),
            tip: U256::from(tip),
        }
    }

    #[test]
    fn each_step_raises_both_components_by_an_eighth_or_more() {
        let mut price = dynamic(1_001, 3);
        for _ in 0..40 {
            let (
                Price::Dynamic { max, tip },
                Price::Dynamic {
                    max: next_max,
                    tip: next_tip,
                },
            ) = (price, price.raised())
            else {
                panic!("a dynamic price stays dynamic");
            };
            assert!(next_max * U256::from(8) >= max * U256::from(9));
            assert!(next_tip * U256::from(8) >= tip * U256::from(9));
            assert!(next_max >= next_tip);
            price = price.raised();
        }
    }

    #[test]
    fn a_price_of_zero_can_be_raised() {
        assert_eq!(dynamic(0, 0).raised(), dynamic(1, 1));
        assert_eq!(Price::Legacy(U256::ZERO).raised(), Price::Legacy(U256::ONE));
    }

    #[test]
    fn a_replacement_is_dearer_than_the_first_although_the_market_fell() {
        let mut signed = Signed::default();
        signed.remember(ALICE, 7, Bump(0), dynamic(8_000, 800));

        assert_eq!(
            signed.price(ALICE, 7, Bump(1), dynamic(80, 8)),
            dynamic(9_000, 900)
        );
        assert_eq!(
            signed.price(ALICE, 8, Bump(1), dynamic(80, 8)),
            dynamic(90, 9)
        );
    }

    #[test]
    fn memory_is_bounded() {
        let mut signed = Signed::default();
        for nonce in 0..MAX_REMEMBERED as u64 + 10 {
            signed.remember(ALICE, nonce, Bump(0), dynamic(1, 1));
        }
        assert_eq!(signed.prices.len(), MAX_REMEMBERED);
    }
}
