//! Amounts as people write them.

use alloy_primitives::{U256, utils::parse_units};
use causeway_adapter_api::Asset;
use causeway_console::parts::Money;
use causeway_core::explain::decimal;

use crate::api::{Amount, App, ChainEntry, Problem, resolve::clipped};

/// Decimals of points and of native points.
pub(super) const DECIMALS: u8 = 18;

impl App {
    /// An amount of the API on a chain, in whole units where the asset is known.
    pub(super) fn money(&self, chain: Option<&str>, amount: &Amount) -> Money {
        let entry = chain.and_then(|name| self.chains.iter().find(|entry| entry.name == name));
        let asset = match amount.asset.as_str() {
            "native" => Some(Asset::Native),
            text => text.parse().ok().map(Asset::Token),
        };
        let unit = entry
            .zip(asset)
            .and_then(|(entry, asset)| self.unit(entry, asset));
        match (unit, U256::from_str_radix(&amount.amount, 10)) {
            (Some(unit), Ok(number)) => whole(number, unit),
            _ => Money {
                amount: amount.amount.clone(),
                unit: format!("× {}", clipped(&amount.asset)),
            },
        }
    }

    /// What people call an asset, when its decimals are known.
    fn unit(&self, entry: &ChainEntry, asset: Asset) -> Option<&'static str> {
        match asset {
            Asset::Native => Some("native"),
            Asset::Token(token) if entry.points_token == Some(token) => Some("points"),
            asset => {
                let mut ends = self.peg_ports(entry.id());
                ends.any(|(here, _)| here.asset == asset)
                    .then_some("pegged")
            }
        }
    }
}

/// A number of smallest units in whole ones.
pub(super) fn whole(number: U256, unit: &str) -> Money {
    Money {
        amount: decimal(number, DECIMALS),
        unit: unit.to_owned(),
    }
}

/// Smallest units from what somebody typed: digits, at most one point, at most eighteen digits behind it.
pub(super) fn typed(field: &str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let wrong = || {
        let got = clipped(text);
        Problem::bad_request(format!(
            "{field} is {got:?}, expected a number of whole points such as 2.5"
        ))
    };
    let (front, behind) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if front.is_empty() || !digits(front) || !digits(behind) || behind.len() > usize::from(DECIMALS)
    {
        return Err(wrong());
    }
    let parsed = parse_units(text, DECIMALS).map_err(|_| wrong())?;
    Ok(parsed.get_absolute().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_smallest_units() {
        assert_eq!(typed("give", " 2.5 ").unwrap(), "2500000000000000000");
        assert_eq!(typed("give", "0.000000000000000001").unwrap(), "1");
        assert_eq!(typed("give", "7").unwrap(), "7000000000000000000");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        let long = "9".repeat(99);
        for text in [
            "",
            ".",
            ".5",
            "-1",
            "+1",
            "1e3",
            "0x1",
            "1.2.3",
            "1,5",
            "٣",
            "0.0000000000000000001",
            &long,
        ] {
            assert!(typed("give", text).is_err(), "{text}");
        }
    }
}
