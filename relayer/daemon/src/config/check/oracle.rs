//! `[oracle]`.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    path::Path,
    time::Duration,
};

use alloy_primitives::Address;
use causeway_adapter_device::{
    decimal::MAX_SCALE,
    directory::Feed,
    names::{Did, FeedName, Unit},
};

use super::{Checker, known, plain_name, range, value};
use crate::{
    config::{Account, Chain, ConfigError, Oracle, OracleFeed, OracleMqtt, OracleOperator, raw},
    contracts::DEMO_FEED,
    local::OPERATORS,
    oracle::feeds::PeerSite,
};

/// Seconds from a device's exit to its deposit's return where nothing else is said.
const EXIT_DELAY: u32 = 3_600;
/// Shortest and longest that `DeviceRegistry` takes.
const EXIT_DELAYS: (u64, u64) = (60, 7_776_000);

type Chains = BTreeMap<String, Chain>;
type Accounts = BTreeMap<String, Account>;

impl Checker<'_> {
    pub(super) fn oracle(
        &self,
        raw: raw::Oracle,
        data: &Path,
        chains: &Chains,
        accounts: &Accounts,
    ) -> Result<Oracle, ConfigError> {
        let key = |key: &str| format!("oracle.{key}");
        range(
            key("period_seconds"),
            raw.period_seconds,
            1,
            86_400,
            "1 to 86400",
        )?;
        range(
            key("max_archive_bytes"),
            raw.max_archive_bytes,
            1 << 20,
            1 << 45,
            "1048576 to 35184372088832",
        )?;
        range(
            key("silent_after_seconds"),
            raw.silent_after_seconds,
            1,
            604_800,
            "1 to 604800",
        )?;
        if let Some(seconds) = raw.exit_delay_seconds {
            let instead = "the delay is in the registry's configuration, from its deployment on";
            self.local_only(key("exit_delay_seconds"), instead)?;
            let (least, most) = EXIT_DELAYS;
            range(
                key("exit_delay_seconds"),
                u64::from(seconds),
                least,
                most,
                "60 to 7776000",
            )?;
        }
        let rate = NonZeroU32::new(raw.readings_per_second);
        let per_second = rate.ok_or_else(|| value(key("readings_per_second"), 0, "above 0"))?;
        let operators = raw.operators.into_iter();
        let operators = operators
            .map(|(name, operator)| {
                Ok((
                    name.clone(),
                    self.operator(&name, operator, data, accounts)?,
                ))
            })
            .collect::<Result<BTreeMap<_, _>, ConfigError>>()?;
        let mut names = BTreeSet::new();
        let mut feeds = Vec::new();
        for (i, feed) in raw.feeds.into_iter().enumerate() {
            let feed = self.feed(i, feed, &operators)?;
            let name = feed.feed.name.as_str();
            if !names.insert(name.to_owned()) || self.profile.is_local() && name == DEMO_FEED {
                let expected = "a name that no other feed has";
                return Err(value(key(&format!("feeds[{i}].name")), name, expected));
            }
            feeds.push(feed);
        }
        if let Some(contracts) = &raw.contracts {
            self.contracts(contracts, chains)?;
        }
        let needs_contracts = !operators.is_empty() && !self.profile.is_local();
        if needs_contracts && raw.enabled && raw.contracts.is_none() {
            return Err(ConfigError::Missing {
                key: key("contracts"),
                why: "operators read devices from DeviceRegistry and DeviceMirror: name the deployed contracts",
            });
        }
        for name in &raw.without {
            let local = self.profile.is_local() && OPERATORS.contains(&name.as_str());
            known(
                key("without"),
                name,
                "operators of the local profile",
                local,
            )?;
        }
        let peers = raw.peers.into_iter().enumerate();
        let peers = peers.map(|(i, peer)| self.peer(i, peer));
        let peers = peers.collect::<Result<Vec<_>, ConfigError>>()?;
        Ok(Oracle {
            without: raw.without,
            peers,
            enabled: raw.enabled,
            period: Duration::from_secs(raw.period_seconds),
            per_second,
            max_archive_bytes: raw.max_archive_bytes,
            slash: raw.slash,
            silent_after: Duration::from_secs(raw.silent_after_seconds),
            exit_delay: raw.exit_delay_seconds.unwrap_or(EXIT_DELAY),
            contracts: raw.contracts,
            feeds,
            operators,
        })
    }

    fn contracts(&self, raw: &raw::OracleContracts, chains: &Chains) -> Result<(), ConfigError> {
        let key = |key: &str| format!("oracle.contracts.{key}");
        if self.profile.is_local() {
            let must = "be left out: the local profile deploys these contracts by itself";
            let key = "oracle.contracts".into();
            return Err(ConfigError::Must { key, must });
        }
        for (name, chain) in [
            ("public_chain", &raw.public_chain),
            ("consortium_chain", &raw.consortium_chain),
        ] {
            known(key(name), chain, "chain", chains.contains_key(chain))?;
        }
        if raw.public_chain == raw.consortium_chain {
            let must = "be another chain than public_chain";
            let key = key("consortium_chain");
            return Err(ConfigError::Must { key, must });
        }
        for (name, address) in [
            ("device_registry", raw.device_registry),
            ("evidence_roll", raw.evidence_roll),
            ("data_market", raw.data_market),
            ("device_mirror", raw.device_mirror),
            ("evidence", raw.evidence),
        ] {
            contract(key(name), address)?;
        }
        Ok(())
    }

    fn feed(
        &self,
        i: usize,
        raw: raw::OracleFeed,
        operators: &BTreeMap<String, OracleOperator>,
    ) -> Result<OracleFeed, ConfigError> {
        let key = |key: &str| format!("oracle.feeds[{i}].{key}");
        let name = FeedName::new(&raw.name);
        let name = name.map_err(|_| {
            value(
                key("name"),
                &raw.name,
                "1 to 64 characters of a-z, 0-9, '.', '/' and '-'",
            )
        })?;
        let unit = Unit::new(&raw.unit).map_err(|_| {
            value(
                key("unit"),
                &raw.unit,
                "a unit of SenML such as Cel, 1 to 16 characters",
            )
        })?;
        range(
            key("decimals"),
            u64::from(raw.decimals),
            0,
            u64::from(MAX_SCALE),
            "0 to 9",
        )?;
        if raw.min >= raw.max {
            return Err(value(key("min"), raw.min, "less than max"));
        }
        let did = |text: &String| {
            let did = Did::new(text);
            did.map_err(|_| value(key("devices"), text, "DIDs: did:odin: and an ODIN number"))
        };
        let devices = raw.devices.iter().map(did);
        let devices = devices.collect::<Result<BTreeSet<_>, _>>()?;
        if devices.is_empty() && raw.owners.is_empty() {
            return Err(ConfigError::Missing {
                key: key("owners"),
                why: "name the owners or the devices that speak for the feed: anybody can admit a device of his own",
            });
        }
        if let Some(keeper) = &raw.keeper {
            let ours = operators.contains_key(keeper)
                || self.profile.is_local() && OPERATORS.contains(&keeper.as_str());
            known(key("keeper"), keeper, "oracle.operators", ours)?;
        }
        let aggregators = match (raw.public_aggregator, raw.consortium_aggregator) {
            (Some(public), Some(consortium)) => {
                contract(key("public_aggregator"), public)?;
                contract(key("consortium_aggregator"), consortium)?;
                Some([public, consortium])
            }
            (None, None) => None,
            _ => {
                return Err(ConfigError::Missing {
                    key: key("public_aggregator"),
                    why: "a feed has an aggregator on both chains, or is only archived",
                });
            }
        };
        Ok(OracleFeed {
            feed: Feed {
                name,
                unit,
                decimals: raw.decimals,
                min: raw.min,
                max: raw.max,
                proved: raw.proved,
            },
            owners: raw.owners.into_iter().collect(),
            devices,
            keeper: raw.keeper,
            aggregators,
        })
    }

    fn operator(
        &self,
        name: &str,
        raw: raw::OracleOperator,
        data: &Path,
        accounts: &Accounts,
    ) -> Result<OracleOperator, ConfigError> {
        plain_name("name of an operator", name)?;
        let key = |key: &str| format!("oracle.operators.{name}.{key}");
        let account = raw.account.unwrap_or_else(|| name.to_owned());
        // The local profile has accounts that no section names.
        let there = self.profile.is_local() || accounts.contains_key(&account);
        known(key("account"), &account, "accounts", there)?;
        self.required(
            &raw.listen,
            || key("listen"),
            "the address at which devices post readings",
        )?;
        self.required(
            &raw.tls,
            || key("tls"),
            "readings are taken over mutual TLS: the operator's certificate, and the CA of its devices",
        )?;
        let archive = raw.archive_file.as_deref().map(|path| self.path(path));
        let mqtt = raw.mqtt.map(|mqtt| self.mqtt(name, mqtt)).transpose()?;
        Ok(OracleOperator {
            account,
            archive_file: archive
                .unwrap_or_else(|| data.join("operators").join(format!("{name}.sqlite"))),
            listen: raw.listen,
            tls: raw.tls.as_ref().map(|tls| self.tls(tls)).transpose()?,
            mqtt,
            messages_listen: raw.messages_listen,
            messages_tls: raw
                .messages_tls
                .as_ref()
                .map(|tls| self.tls(tls))
                .transpose()?,
        })
    }

    fn peer(&self, i: usize, raw: raw::OraclePeer) -> Result<PeerSite, ConfigError> {
        let key = |key: &str| format!("oracle.peers[{i}].{key}");
        plain_name("name of an operator", &raw.name)?;
        if raw.account.is_zero() {
            return Err(value(key("account"), raw.account, "the operator's account"));
        }
        let host = raw.url.strip_prefix("https://").unwrap_or_default();
        if host.is_empty() || host.trim_end_matches('/').contains(['/', '@', '?', '#']) {
            return Err(value(key("url"), &raw.url, "https://HOST:PORT"));
        }
        Ok(PeerSite {
            name: raw.name,
            account: raw.account,
            url: raw.url,
        })
    }

    fn mqtt(&self, name: &str, raw: raw::OracleMqtt) -> Result<OracleMqtt, ConfigError> {
        let key = |key: &str| format!("oracle.operators.{name}.mqtt.{key}");
        let parts = raw
            .url
            .strip_prefix("mqtts://")
            .and_then(|rest| rest.rsplit_once(':'))
            .and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)))
            .filter(|(host, port)| !host.is_empty() && !host.contains('/') && *port != 0);
        let Some((host, port)) = parts else {
            return Err(value(key("url"), &raw.url, "mqtts://HOST:PORT"));
        };
        let client_id = raw.client_id.unwrap_or_else(|| name.to_owned());
        plain_name(&key("client_id"), &client_id)?;
        Ok(OracleMqtt {
            host: host.to_owned(),
            port,
            client_id,
            ca_file: self.own(&raw.ca_file)?,
            certificate_file: self.own(&raw.certificate_file)?,
            key_file: self.own(&raw.key_file)?,
        })
    }
}

fn contract(key: String, address: Address) -> Result<(), ConfigError> {
    if address.is_zero() {
        return Err(value(
            key,
            address,
            "the address of a contract, which is not zero",
        ));
    }
    Ok(())
}
