//! What people call chains and assets.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256, utils::format_units};
use causeway_adapter_api::{Asset, ChainId, short_hex};

/// Decimals of a native asset.
const NATIVE_DECIMALS: u8 = 18;

/// Names and units. What is not in it is told by number and in smallest units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    chains: BTreeMap<ChainId, String>,
    tokens: BTreeMap<(ChainId, Address), (String, u8)>,
}

impl Names {
    /// Adds the name of a chain.
    #[must_use]
    pub fn with_chain(mut self, chain: ChainId, name: impl Into<String>) -> Self {
        self.chains.insert(chain, name.into());
        self
    }

    /// Adds the name of a token, and how many decimals its unit has.
    #[must_use]
    pub fn with_token(
        mut self,
        chain: ChainId,
        token: Address,
        name: impl Into<String>,
        decimals: u8,
    ) -> Self {
        self.tokens.insert((chain, token), (name.into(), decimals));
        self
    }

    /// Returns `public`, or `chain 7001`.
    pub fn chain(&self, chain: ChainId) -> String {
        self.chains
            .get(&chain)
            .cloned()
            .unwrap_or_else(|| format!("chain {chain}"))
    }

    /// Returns `2.5 points`, or `25 of token 3ac01ce2` in its smallest units.
    pub fn amount(&self, chain: ChainId, asset: Asset, amount: U256) -> String {
        match asset {
            Asset::Native if self.chains.contains_key(&chain) => {
                format!("{} native points", decimal(amount, NATIVE_DECIMALS))
            }
            Asset::Native => format!("{amount} of points"),
            Asset::Token(token) => match self.tokens.get(&(chain, token)) {
                Some((name, decimals)) => format!("{} {name}", decimal(amount, *decimals)),
                None => format!("{amount} of token {}", short_hex(token.as_slice())),
            },
        }
    }
}

/// Returns an amount in units of `decimals` digits: exact, without trailing zeros.
pub fn decimal(amount: U256, decimals: u8) -> String {
    // More decimals than a number of 256 bits has digits: told in smallest units.
    let Ok(text) = format_units(amount, decimals) else {
        return amount.to_string();
    };
    match text.split_once('.') {
        Some((whole, fraction)) => match fraction.trim_end_matches('0') {
            "" => whole.to_owned(),
            rest => format!("{whole}.{rest}"),
        },
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ChainId = ChainId(7001);
    const TOKEN: Address = Address::repeat_byte(0x3a);

    #[test]
    fn known_assets_are_told_in_their_unit_exactly() {
        let names = Names::default()
            .with_chain(A, "public")
            .with_token(A, TOKEN, "points", 18);
        let point = U256::from(10).pow(U256::from(18));
        let told = |amount| names.amount(A, Asset::Token(TOKEN), amount);

        assert_eq!(told(point * U256::from(25)), "25 points");
        assert_eq!(told(point / U256::from(4)), "0.25 points");
        assert_eq!(told(U256::ONE), "0.000000000000000001 points");
        assert_eq!(told(U256::ZERO), "0 points");
        assert_eq!(names.amount(A, Asset::Native, point), "1 native points");
        assert_eq!(names.chain(A), "public");
    }

    #[test]
    fn unknown_assets_are_told_in_smallest_units_never_guessed() {
        let names = Names::default();

        assert_eq!(
            names.amount(A, Asset::Token(TOKEN), U256::from(25)),
            "25 of token 3a3a3a3a"
        );
        assert_eq!(names.amount(A, Asset::Native, U256::from(7)), "7 of points");
        assert_eq!(names.chain(A), "chain 7001");
    }
}
