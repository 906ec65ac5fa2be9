//! `[members]` and `[election]`.

use std::collections::BTreeMap;

use alloy_primitives::Address;

use super::{Checker, value};
use crate::config::{Account, Chain, ConfigError, ElectionAt, raw};

impl Checker<'_> {
    /// Name of the consortium chain, and the `MemberRegistry` there.
    pub(super) fn members(
        &self,
        raw: raw::Members,
        chains: &BTreeMap<String, Chain>,
    ) -> Result<Option<(String, Address)>, ConfigError> {
        let key = |key: &str| format!("members.{key}");
        match (raw.chain, raw.registry) {
            (None, None) => Ok(None),
            (Some(chain), Some(_)) if !chains.contains_key(&chain) => {
                Err(value(key("chain"), chain, "the name of a chain"))
            }
            (Some(_), Some(registry)) if registry.is_zero() => Err(value(
                key("registry"),
                registry,
                "the address of the MemberRegistry",
            )),
            (Some(chain), Some(registry)) => Ok(Some((chain, registry))),
            (chain, _) => Err(value(
                key("chain"),
                chain.unwrap_or_default(),
                "a chain together with registry, or neither",
            )),
        }
    }

    /// The `SealedContent` whose openings those members decide.
    pub(super) fn sealed_content(
        &self,
        raw: &raw::Members,
    ) -> Result<Option<Address>, ConfigError> {
        let expected = match (raw.sealed_content, raw.registry) {
            (Some(at), _) if at.is_zero() => "the address of the SealedContent",
            (Some(_), None) => "left out, or together with chain and registry",
            (at, _) => return Ok(at),
        };
        let got = raw.sealed_content.unwrap_or_default();
        Err(value("members.sealed_content".into(), got, expected))
    }

    /// Where producers are elected, and who keeps it.
    pub(super) fn election(
        &self,
        raw: raw::Election,
        chains: &BTreeMap<String, Chain>,
        accounts: &BTreeMap<String, Account>,
    ) -> Result<Option<ElectionAt>, ConfigError> {
        let key = |key: &str| format!("election.{key}");
        let (chain, contract) = match (raw.chain, raw.contract) {
            (None, None) if raw.keeper.is_none() => return Ok(None),
            (Some(chain), Some(contract)) => (chain, contract),
            (chain, _) => {
                return Err(value(
                    key("chain"),
                    chain.unwrap_or_default(),
                    "a chain together with contract, or neither and no keeper",
                ));
            }
        };
        if !chains.contains_key(&chain) {
            return Err(value(key("chain"), chain, "the name of a chain"));
        }
        if contract.is_zero() {
            return Err(value(
                key("contract"),
                contract,
                "the address of the Election",
            ));
        }
        let keeper = raw.keeper;
        if let Some(name) = keeper.as_ref().filter(|name| !accounts.contains_key(*name)) {
            return Err(value(key("keeper"), name, "the name of an account"));
        }
        Ok(Some(ElectionAt {
            chain,
            contract,
            keeper,
        }))
    }
}
