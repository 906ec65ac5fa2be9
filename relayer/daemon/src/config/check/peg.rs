//! `[pegs.<name>]`.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use causeway_adapter_api::Asset;

use super::{Checker, asset, known, plain_name, value};
use crate::config::{Account, Chain, ConfigError, POINTS_PEG, Peg, PegEnd, raw};

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
        for (field, account) in [("guardian", &raw.guardian), ("carrier", &raw.carrier)] {
            if let Some(account) = account {
                self.our_account(key(field), account, accounts)?;
            }
        }
        if raw.home.chain == raw.side.chain {
            let must = "be another chain than that of the home end";
            let key = key("side.chain");
            return Err(ConfigError::Must { key, must });
        }
        let end = |place: &str, raw: raw::PegEnd| -> Result<PegEnd, ConfigError> {
            let key = |field: &str| key(&format!("{place}.{field}"));
            provable(key("chain"), &raw.chain, chains)?;
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
            carrier: raw.carrier,
            home,
            side,
        })
    }

    /// The local profile has accounts that no section names.
    pub(super) fn our_account(
        &self,
        key: String,
        name: &str,
        accounts: &BTreeMap<String, Account>,
    ) -> Result<(), ConfigError> {
        let found = self.profile.is_local() || accounts.contains_key(name);
        known(key, name, "accounts", found)
    }
}

/// A port serves one pair.
pub(super) fn distinct_ports(pegs: &BTreeMap<String, Peg>) -> Result<(), ConfigError> {
    let mut ports = BTreeMap::new();
    for (name, peg) in pegs {
        for (place, end) in [("home", &peg.home), ("side", &peg.side)] {
            if ports.insert((&end.chain, end.port), name).is_some() {
                let key = format!("pegs.{name}.{place}.port");
                return Err(value(key, end.port, "a port that no other peg has"));
            }
        }
    }
    Ok(())
}

/// Proofs travel between chains of Causeway alone.
pub(super) fn provable(
    key: String,
    name: &str,
    chains: &BTreeMap<String, Chain>,
) -> Result<(), ConfigError> {
    match chains.get(name) {
        Some(Chain::Hosted(_)) => Ok(()),
        Some(Chain::Evm(evm)) if evm.raw.gateway.is_some() => Ok(()),
        Some(Chain::Evm(_)) => {
            let must = "be a chain that proves itself: one hosted here, or an [evm.<name>] that names its gateway";
            Err(ConfigError::Must { key, must })
        }
        None => known(key, name, "hosted or evm", false),
    }
}

pub(super) fn contract(key: String, text: &str) -> Result<Address, ConfigError> {
    let address = text
        .parse()
        .ok()
        .filter(|address: &Address| !address.is_zero());
    address.ok_or_else(|| value(key, text, "the address of a contract, not zero"))
}
