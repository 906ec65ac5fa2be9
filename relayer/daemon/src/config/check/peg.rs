//! `[pegs.<name>]`.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use causeway_adapter_api::Asset;

use super::{Checker, asset, known, plain_name, value};
use crate::{
    config::{Account, Chain, ConfigError, Peg, PegEnd, raw},
    daemon::POINTS_PEG,
};

impl Checker<'_> {
    pub(super) fn peg(
        &self,
        name: &str,
        raw: raw::Peg,
        chains: &BTreeMap<String, Chain>,
        accounts: &BTreeMap<String, Account>,
    ) -> Result<Peg, ConfigError> {
        plain_name("name of a peg", name)?;
        let key = |key: &str| format!("pegs.{name}.{key}");
        if self.profile.is_local() && name == POINTS_PEG {
            let expected = "another name: points is the peg that the local profile makes";
            return Err(value(format!("pegs.{name}"), name, expected));
        }
        // The local profile has accounts that no section names.
        let guardian = self.profile.is_local() || accounts.contains_key(&raw.guardian);
        known(key("guardian"), &raw.guardian, "accounts", guardian)?;
        if raw.home.chain == raw.side.chain {
            let must = "be another chain than that of the home end";
            let key = key("side.chain");
            return Err(ConfigError::Must { key, must });
        }
        let end = |place: &str, raw: raw::PegEnd| -> Result<PegEnd, ConfigError> {
            let key = |field: &str| key(&format!("{place}.{field}"));
            let hosted = matches!(chains.get(&raw.chain), Some(Chain::Hosted(_)));
            known(key("chain"), &raw.chain, "hosted", hosted)?;
            Ok(PegEnd {
                port: contract(key("port"), &raw.port)?,
                asset: asset(key("asset"), &raw.asset)?,
                light_client: contract(key("light_client"), &raw.light_client)?,
                chain: raw.chain,
                start_height: raw.start_height,
            })
        };
        let (home, side) = (end("home", raw.home)?, end("side", raw.side)?);
        if side.asset == Asset::Native {
            let must = "be the address of the PegToken: a side chain's asset is never native";
            let key = key("side.asset");
            return Err(ConfigError::Must { key, must });
        }
        Ok(Peg {
            guardian: raw.guardian,
            home,
            side,
        })
    }
}

fn contract(key: String, text: &str) -> Result<Address, ConfigError> {
    let address = text
        .parse()
        .ok()
        .filter(|address: &Address| !address.is_zero());
    address.ok_or_else(|| value(key, text, "the address of a contract, not zero"))
}
