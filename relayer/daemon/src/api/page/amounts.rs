//! Amounts as people write them. How many digits a token has behind the point, its contract is asked once; until it has said,
//! amounts are shown in smallest units.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use alloy_primitives::{Address, U256, utils::parse_units};
use causeway_adapter_api::{Asset, ChainId};
use causeway_console::parts::Money;
use causeway_core::explain::decimal;

use crate::api::{Amount, App, ChainEntry, Problem, resolve::clipped};

/// Decimals of native points.
pub(super) const NATIVE: u8 = 18;
/// More than a number of 256 bits has digits: no token has them.
const MOST_DECIMALS: u64 = 77;
/// Call data of ERC-20's `decimals()`.
const ASK: [u8; 4] = [0x31, 0x3c, 0xe5, 0x67];
/// Pause before a token that did not answer is asked again.
const PAUSE: Duration = Duration::from_secs(2);

/// Digits behind the point of the tokens that are shown.
#[derive(Default)]
pub(super) struct Decimals(RwLock<BTreeMap<(ChainId, Address), u8>>);

impl Decimals {
    fn of(&self, chain: ChainId, token: Address) -> Option<u8> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&(chain, token)).copied()
    }

    pub(in crate::api) fn learn(&self, chain: ChainId, token: Address, decimals: u8) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert((chain, token), decimals);
    }
}

/// Asks every token that is shown until it has answered. One that is no ERC-20 keeps its smallest units.
pub(in crate::api) async fn learn(app: Arc<App>) {
    let mut stopping = app.stopping.subscribe();
    loop {
        let mut unknown = app.shown_tokens();
        unknown.retain(|(chain, token)| app.page.decimals.of(*chain, *token).is_none());
        if unknown.is_empty() {
            return;
        }
        for (chain, token) in unknown {
            if let Some(decimals) = app.asked(chain, token).await {
                app.page.decimals.learn(chain, token, decimals);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            // An error means that the API is gone.
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}

impl App {
    fn shown_tokens(&self) -> Vec<(ChainId, Address)> {
        let points = self
            .chains
            .iter()
            .filter_map(|entry| Some((entry.id(), entry.points_token?)));
        let watched = self.supply.pegs().iter().map(|peg| peg.site);
        let carried = self.pegs.kind().sites().iter().copied();
        let ends = watched
            .chain(carried)
            .flat_map(|site| [site.home, site.side]);
        let pegged = ends.filter_map(|end| match end.asset {
            Asset::Token(token) => Some((end.chain, token)),
            Asset::Native => None,
        });
        let mut all: Vec<_> = points.chain(pegged).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    async fn asked(&self, chain: ChainId, token: Address) -> Option<u8> {
        let entry = self.chains.iter().find(|entry| entry.id() == chain)?;
        let tip = entry.tip(self.limits.per_chain()).await.ok()?;
        let answer = entry.chain.call(token, ASK.into(), tip.height).await.ok()?;
        let number = U256::try_from_be_slice(&answer)?;
        // A contract without such a function may answer nothing, which is no zero.
        let is_whole = answer.len() == 32 && number <= U256::from(MOST_DECIMALS);
        is_whole.then(|| number.to::<u8>())
    }

    /// Digits behind the point of the asset of a peg, where its token has said.
    pub(super) fn peg_decimals(&self, peg: &str) -> Option<u8> {
        let found = self.supply.pegs().iter().find(|known| known.name == peg)?;
        let home = found.site.home;
        self.decimals(home.chain, home.asset)
    }

    fn decimals(&self, chain: ChainId, asset: Asset) -> Option<u8> {
        match asset {
            Asset::Native => Some(NATIVE),
            Asset::Token(token) => self.page.decimals.of(chain, token),
        }
    }

    /// Digits behind the point of what a form names: `native`, `points`, or the peg of a chain.
    pub(super) fn decimals_of(&self, chain: &str, word: &str) -> Result<u8, Problem> {
        let entry = self.chains.iter().find(|entry| entry.name == chain);
        let asset = entry.and_then(|entry| match word {
            "native" => Some(Asset::Native),
            "points" => entry.points_token.map(Asset::Token),
            _ => self
                .peg_ports(entry.id())
                .next()
                .map(|(here, _)| here.asset),
        });
        match (entry, asset) {
            (Some(entry), Some(asset)) => self
                .decimals(entry.id(), asset)
                .ok_or_else(|| Problem::unavailable("the token has not said its decimals yet")),
            // What is not known here is refused by name, whatever its amount.
            _ => Ok(NATIVE),
        }
    }

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
            (Some((unit, decimals)), Ok(number)) => whole(number, decimals, unit),
            _ => Money {
                amount: amount.amount.clone(),
                unit: format!("× {}", clipped(&amount.asset)),
            },
        }
    }

    /// What people call an asset, when its decimals are known.
    fn unit(&self, entry: &ChainEntry, asset: Asset) -> Option<(&'static str, u8)> {
        let word = match asset {
            Asset::Native => "native",
            Asset::Token(token) if entry.points_token == Some(token) => "points",
            asset => {
                let mut ends = self.peg_ports(entry.id());
                ends.any(|(here, _)| here.asset == asset)
                    .then_some("pegged")?
            }
        };
        Some((word, self.decimals(entry.id(), asset)?))
    }
}

/// A number of smallest units in whole ones.
pub(super) fn whole(number: U256, decimals: u8, unit: &str) -> Money {
    Money {
        amount: decimal(number, decimals),
        unit: unit.to_owned(),
    }
}

/// Smallest units from what somebody typed: digits, at most one point, at most `decimals` digits behind it.
pub(super) fn typed(field: &str, text: &str, decimals: u8) -> Result<String, Problem> {
    let text = text.trim();
    let wrong = || {
        let got = clipped(text);
        Problem::bad_request(format!(
            "{field} is {got:?}, expected a number of whole points such as 2.5"
        ))
    };
    let (front, behind) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if front.is_empty() || !digits(front) || !digits(behind) || behind.len() > usize::from(decimals)
    {
        return Err(wrong());
    }
    let parsed = parse_units(text, decimals).map_err(|_| wrong())?;
    Ok(parsed.get_absolute().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_smallest_units() {
        assert_eq!(typed("give", " 2.5 ", 18).unwrap(), "2500000000000000000");
        assert_eq!(typed("give", "0.000000000000000001", 18).unwrap(), "1");
        assert_eq!(typed("give", "7", 18).unwrap(), "7000000000000000000");
    }

    #[test]
    fn an_asset_of_six_digits_has_six() {
        assert_eq!(typed("give", "2.5", 6).unwrap(), "2500000");
        assert!(typed("give", "0.0000001", 6).is_err());
        assert_eq!(whole(U256::from(2_500_000), 6, "x").amount, "2.5");
        assert_eq!(whole(U256::from(7), 0, "x").amount, "7");
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
            assert!(typed("give", text, 18).is_err(), "{text}");
        }
    }
}
