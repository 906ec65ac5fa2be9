//! `[settlements.<name>]`.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Checker,
    peg::{contract, provable},
    plain_name,
};
use crate::config::{Account, Chain, ConfigError, Settlement, raw};

impl Checker<'_> {
    pub(super) fn settlement(
        &self,
        name: &str,
        raw: raw::Settlement,
        chains: &BTreeMap<String, Chain>,
        accounts: &BTreeMap<String, Account>,
    ) -> Result<Settlement, ConfigError> {
        plain_name("name of a settlement", name)?;
        let key = |key: &str| format!("settlements.{name}.{key}");
        self.our_account(key("carrier"), &raw.carrier, accounts)?;
        let (public, consortium) = (raw.public, raw.consortium);
        if public.chain == consortium.chain {
            let must = "be another chain than that of the escrow";
            let key = key("consortium.chain");
            return Err(ConfigError::Must { key, must });
        }
        for (field, chain) in [
            ("public.chain", &public.chain),
            ("consortium.chain", &consortium.chain),
        ] {
            provable(key(field), chain, chains)?;
        }
        let is_hosted = |chain: &String| matches!(chains.get(chain), Some(Chain::Hosted(_)));
        if self.profile.is_local() && is_hosted(&public.chain) && is_hosted(&consortium.chain) {
            let must =
                "be left out: the local profile makes a settlement between the chains it hosts";
            let key = format!("settlements.{name}");
            return Err(ConfigError::Must { key, must });
        }
        Ok(Settlement {
            carrier: raw.carrier,
            escrow: contract(key("public.escrow"), &public.escrow)?,
            light_client: contract(key("public.light_client"), &public.light_client)?,
            public: public.chain,
            public_start: public.start_height,
            settlement: contract(key("consortium.settlement"), &consortium.settlement)?,
            consortium: consortium.chain,
            consortium_start: consortium.start_height,
        })
    }
}

/// A deal names its two chains and not its contracts.
pub(super) fn distinct_pairs(
    settlements: &BTreeMap<String, Settlement>,
) -> Result<(), ConfigError> {
    let mut pairs = BTreeSet::new();
    for (name, settlement) in settlements {
        if !pairs.insert((&settlement.public, &settlement.consortium)) {
            let key = format!("settlements.{name}");
            let must = "be between another pair of chains than those before it";
            return Err(ConfigError::Must { key, must });
        }
    }
    Ok(())
}
