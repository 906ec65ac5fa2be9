//! From what is written to what can be started.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use alloy_primitives::{Address, U256};
use causeway_adapter_api::Asset;

use super::{
    Account, Api, Chain, Config, ConfigError, Hosted, Offer, OfferAsset, PasswordSource, Profile,
    Purpose, Rpc, Tls, Transfers, Validator, raw,
};

mod evm;
mod history;
mod log;
mod members;
mod oracle;
mod peg;
mod settlement;

/// Checks every value. Touches no file but to see whether a keystore is a test key.
pub(super) fn check(raw: raw::Raw, base: &Path, purpose: Purpose) -> Result<Config, ConfigError> {
    let checker = Checker {
        base,
        profile: profile(&raw.profile)?,
        purpose,
    };
    let mut chains = BTreeMap::new();
    for (name, hosted) in raw.hosted {
        plain_name("name of a chain", &name)?;
        let chain = checker.hosted(&name, hosted)?;
        chains.insert(name, Chain::Hosted(chain));
    }
    for (name, evm) in raw.evm {
        plain_name("name of a chain", &name)?;
        let chain = checker.evm(&name, evm)?;
        if chains.insert(name.clone(), Chain::Evm(chain)).is_some() {
            let key = format!("evm.{name}");
            return Err(value(key, &name, "a name that no hosted chain has"));
        }
    }
    distinct_ids(&chains)?;
    let mut accounts = BTreeMap::new();
    for (name, account) in raw.accounts {
        let account = checker.account(&name, account)?;
        accounts.insert(name, account);
    }
    let offers = raw.offers.into_iter().enumerate();
    let offers = offers
        .map(|(i, offer)| checker.offer(i, offer, &chains, &accounts))
        .collect::<Result<_, _>>()?;
    let pegs = raw.pegs.into_iter();
    let pegs = pegs
        .map(|(name, peg)| Ok((name.clone(), checker.peg(&name, peg, &chains, &accounts)?)))
        .collect::<Result<BTreeMap<_, _>, ConfigError>>()?;
    peg::distinct_ports(&pegs)?;
    let settlements = raw.settlements.into_iter();
    let settlements = settlements
        .map(|(name, s)| {
            let checked = checker.settlement(&name, s, &chains, &accounts)?;
            Ok((name, checked))
        })
        .collect::<Result<BTreeMap<_, _>, ConfigError>>()?;
    settlement::distinct_pairs(&settlements)?;
    let data_dir = checker.path(&raw.data_dir);
    if raw.local_port_shift > 0 {
        let instead = "write the port you want at each `listen`";
        checker.local_only("local_port_shift".into(), instead)?;
    }
    let oracle = checker.oracle(raw.oracle, &data_dir, &chains, &accounts)?;
    Ok(Config {
        oracle,
        eventlog: checker.eventlog(raw.eventlog, &chains, &accounts)?,
        members: checker.members(raw.members.clone(), &chains)?,
        sealed_content: checker.sealed_content(&raw.members)?,
        election: checker.election(raw.election, &chains, &accounts)?,
        alarms: checker.alarms(raw.alarms)?,
        api: checker.api(raw.api)?,
        transfers: checker.transfers(raw.transfers, &data_dir)?,
        log: raw.log,
        profile: checker.profile,
        data_dir,
        local_port_shift: raw.local_port_shift,
        chains,
        accounts,
        offers,
        pegs,
        settlements,
    })
}

struct Checker<'a> {
    base: &'a Path,
    profile: Profile,
    purpose: Purpose,
}

impl Checker<'_> {
    fn path(&self, path: &Path) -> PathBuf {
        super::absolute(&self.base.join(path))
    }

    fn local_only(&self, key: String, instead: &'static str) -> Result<(), ConfigError> {
        match &self.profile {
            Profile::Local => Ok(()),
            Profile::Named(profile) => Err(ConfigError::LocalOnly {
                key,
                profile: profile.clone(),
                instead,
            }),
        }
    }

    /// Outside the local profile a thing that would otherwise be made must be given.
    fn required<T>(
        &self,
        given: &Option<T>,
        key: impl FnOnce() -> String,
        why: &'static str,
    ) -> Result<(), ConfigError> {
        if self.profile.is_local() || given.is_some() {
            return Ok(());
        }
        Err(ConfigError::Missing { key: key(), why })
    }

    fn hosted(&self, name: &str, raw: raw::Hosted) -> Result<Hosted, ConfigError> {
        let key = |key: &str| format!("hosted.{name}.{key}");
        range(key("chain_id"), raw.chain_id, 1, u64::MAX, "above 0")?;
        range(
            key("gas_limit"),
            raw.gas_limit,
            1_000_000,
            10_000_000_000,
            "1000000 to 10000000000",
        )?;
        range(
            key("heartbeat_ms"),
            raw.heartbeat_ms,
            100,
            10_000,
            "100 to 10000",
        )?;
        range(
            key("min_interval_ms"),
            raw.min_interval_ms,
            0,
            raw.heartbeat_ms,
            "at most heartbeat_ms",
        )?;
        range(
            key("epoch_blocks"),
            raw.epoch_blocks,
            8,
            u64::MAX,
            "at least 8",
        )?;
        if let Some(count) = raw.local_validators {
            self.local_only(
                key("local_validators"),
                "make keys with `causeway key new` and name them in [[hosted.<name>.validators]]",
            )?;
            range(key("local_validators"), count as u64, 4, 101, "4 to 101")?;
        }
        self.required(
            &raw.genesis_file,
            || key("genesis_file"),
            "every validator needs the same genesis; make it once with `causeway chain genesis`",
        )?;
        if self.purpose == Purpose::Daemon {
            self.required(
                &raw.hash_time_lock,
                || key("hash_time_lock"),
                "the address of the deployed HashTimeLock; `causeway node` runs the chain before there is one",
            )?;
        }
        match raw.gateway {
            Some(_) if self.profile.is_local() => {
                let must = "be left out: the local profile deploys a Gateway by itself";
                let key = key("gateway");
                return Err(ConfigError::Must { key, must });
            }
            Some(zero) if zero.is_zero() => {
                return Err(value(key("gateway"), zero, "an address that is not zero"));
            }
            _ => {}
        }
        let mut validators = Vec::new();
        for (i, v) in raw.validators.iter().enumerate() {
            let at = format!("hosted.{name}.validators[{i}]");
            validators.push(Validator {
                keystore_file: self.keystore(&v.keystore_file)?,
                password: self.password(at, &v.password_file, &v.password_env)?,
                listen: v.listen,
            });
        }
        if validators.is_empty() && raw.local_validators.is_none() && raw.sources.is_empty() {
            return Err(ConfigError::Missing {
                key: key("validators"),
                why: "name at least one validator to run here (in the local profile, set local_validators), \
                      or sources for a node that only reads",
            });
        }
        Ok(Hosted {
            history: self.history(name, &raw)?,
            rpc: self.rpc(name, &raw)?,
            genesis_file: raw.genesis_file.as_deref().map(|p| self.path(p)),
            validators,
            raw,
        })
    }

    fn rpc(&self, name: &str, raw: &raw::Hosted) -> Result<Rpc, ConfigError> {
        let key = |key: &str| format!("hosted.{name}.rpc.{key}");
        if let Some(listen) = raw.rpc.stand_in_listen {
            self.local_only(
                key("stand_in_listen"),
                "remove it and connect with a client certificate of the consortium",
            )?;
            if !listen.ip().is_loopback() {
                return Err(value(key("stand_in_listen"), listen, "a loopback address"));
            }
        }
        if raw.kind == raw::Kind::Consortium {
            self.required(
                &raw.rpc.tls,
                || key("tls"),
                "a consortium chain is reached with client certificates only; \
                 make a CA with `causeway key ca` and certificates with `causeway key issue`",
            )?;
        }
        Ok(Rpc {
            listen: raw.rpc.listen,
            stand_in_listen: raw.rpc.stand_in_listen,
            tls: raw.rpc.tls.as_ref().map(|tls| self.tls(tls)).transpose()?,
        })
    }

    fn tls(&self, tls: &raw::Tls) -> Result<Tls, ConfigError> {
        Ok(Tls {
            client_ca_file: self.own(&tls.client_ca_file)?,
            certificate_file: self.own(&tls.certificate_file)?,
            key_file: self.own(&tls.key_file)?,
        })
    }

    fn account(&self, name: &str, raw: raw::Account) -> Result<Account, ConfigError> {
        let key = format!("accounts.{name}");
        Ok(Account {
            keystore_file: self.keystore(&raw.keystore_file)?,
            password: self.password(key, &raw.password_file, &raw.password_env)?,
            watchtower: raw.watchtower,
        })
    }

    fn keystore(&self, path: &Path) -> Result<PathBuf, ConfigError> {
        let path = self.own(path)?;
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if !self.profile.is_local() && text.contains(crate::keys::TEST_KEY_MARK) {
            return Err(ConfigError::TestKey {
                path,
                profile: self.profile.name().into(),
            });
        }
        Ok(path)
    }

    /// A path that, outside the local profile, is none of what a local profile made.
    fn own(&self, path: &Path) -> Result<PathBuf, ConfigError> {
        let path = self.path(path);
        let made = path
            .ancestors()
            .skip(1)
            .any(|dir| dir.join(crate::keys::TEST_DIR_MARK).is_file());
        if made && !self.profile.is_local() {
            return Err(ConfigError::TestKey {
                path,
                profile: self.profile.name().into(),
            });
        }
        Ok(path)
    }

    fn password(
        &self,
        at: String,
        file: &Option<PathBuf>,
        env: &Option<String>,
    ) -> Result<PasswordSource, ConfigError> {
        match (file, env) {
            (Some(path), None) => Ok(PasswordSource::File(self.own(path)?)),
            (None, Some(name)) => Ok(PasswordSource::Env(name.clone())),
            _ => Err(ConfigError::Missing {
                key: format!("{at}.password_file"),
                why: "give exactly one of password_file and password_env",
            }),
        }
    }

    fn api(&self, raw: raw::Api) -> Result<Api, ConfigError> {
        let ms = raw.request_timeout_ms;
        range(
            "api.request_timeout_ms".into(),
            ms,
            100,
            120_000,
            "100 to 120000",
        )?;
        let bytes = raw.max_body_bytes as u64;
        range(
            "api.max_body_bytes".into(),
            bytes,
            1_024,
            1 << 24,
            "1024 to 16777216",
        )?;
        let streams = raw.max_event_streams as u64;
        range(
            "api.max_event_streams".into(),
            streams,
            1,
            10_000,
            "1 to 10000",
        )?;
        if self.purpose == Purpose::Daemon {
            self.required(
                &raw.tls,
                || "api.tls".into(),
                "outside the local profile the API asks for client certificates; \
                 make a CA with `causeway key ca` and certificates with `causeway key issue`",
            )?;
        }
        if raw.tls.is_none() && !raw.listen.ip().is_loopback() {
            return Err(value(
                "api.listen".into(),
                raw.listen,
                "a loopback address, or [api.tls]",
            ));
        }
        Ok(Api {
            listen: raw.listen,
            tls: raw.tls.as_ref().map(|tls| self.tls(tls)).transpose()?,
            request_timeout: Duration::from_millis(ms),
            max_body_bytes: raw.max_body_bytes,
            max_event_streams: raw.max_event_streams,
        })
    }

    fn transfers(&self, raw: raw::Transfers, data: &Path) -> Result<Transfers, ConfigError> {
        const DAY: u64 = 86_400;
        let key = |key: &str| format!("transfers.{key}");
        let outage = raw.outage_budget_seconds;
        range(
            key("outage_budget_seconds"),
            outage,
            1,
            30 * DAY,
            "1 to 2592000",
        )?;
        range(
            key("clock_skew_seconds"),
            raw.clock_skew_seconds,
            1,
            3_600,
            "1 to 3600",
        )?;
        let refund = raw.private_refund_seconds;
        // The contract's MIN_WINDOW is 4 seconds.
        range(
            key("private_refund_seconds"),
            refund,
            4,
            30 * DAY,
            "4 to 2592000",
        )?;
        range(
            key("slack_seconds"),
            raw.slack_seconds,
            0,
            DAY,
            "0 to 86400",
        )?;
        range(
            key("verdict_patience_seconds"),
            raw.verdict_patience_seconds,
            0,
            DAY,
            "0 to 86400",
        )?;
        let seal = raw.seal_key_file.as_deref();
        Ok(Transfers {
            seal_key_file: seal.map_or_else(|| data.join("seal.key"), |path| self.path(path)),
            raw,
        })
    }

    fn offer(
        &self,
        i: usize,
        raw: raw::Offer,
        chains: &BTreeMap<String, Chain>,
        accounts: &BTreeMap<String, Account>,
    ) -> Result<Offer, ConfigError> {
        let key = |key: &str| format!("offers[{i}].{key}");
        for (name, chain) in [
            ("take_chain", &raw.take_chain),
            ("give_chain", &raw.give_chain),
        ] {
            known(key(name), chain, "chain", chains.contains_key(chain))?;
        }
        // The local profile has accounts that no section names.
        let account = self.profile.is_local() || accounts.contains_key(&raw.account);
        known(key("account"), &raw.account, "accounts", account)?;
        range(key("rate_take"), raw.rate_take, 1, u64::MAX, "above 0")?;
        let side = |field: &str, text: &str, chain: &str| -> Result<OfferAsset, ConfigError> {
            if text != "points" {
                return Ok(OfferAsset::Fixed(asset(key(field), text)?));
            }
            let there = chains
                .get(chain)
                .is_some_and(|chain| chain.has_points(&self.profile));
            if there {
                return Ok(OfferAsset::Points);
            }
            Err(value(
                key(field),
                text,
                "native or the address of a token: that chain has no points_token",
            ))
        };
        Ok(Offer {
            take_asset: side("take_asset", &raw.take_asset, &raw.take_chain)?,
            give_asset: side("give_asset", &raw.give_asset, &raw.give_chain)?,
            min_give: amount(key("min_give"), &raw.min_give)?,
            max_give: amount(key("max_give"), &raw.max_give)?,
            deposit_wei: amount(key("deposit_wei"), &raw.deposit_wei)?,
            take_chain: raw.take_chain,
            give_chain: raw.give_chain,
            account: raw.account,
            rate_give: raw.rate_give,
            rate_take: raw.rate_take,
        })
    }
}

/// Reads `native` or a token address.
pub(crate) fn asset(key: String, text: &str) -> Result<Asset, ConfigError> {
    if text == "native" {
        return Ok(Asset::Native);
    }
    let expected = "native or the address of a token";
    let address: Address = text
        .parse()
        .map_err(|_| value(key.clone(), text, expected))?;
    if address.is_zero() {
        return Err(value(key, text, expected));
    }
    Ok(Asset::Token(address))
}

fn amount(key: String, text: &str) -> Result<U256, ConfigError> {
    U256::from_str_radix(text, 10)
        .map_err(|_| value(key, text, "a decimal number of smallest units"))
}

fn profile(name: &str) -> Result<Profile, ConfigError> {
    match name {
        "local" => Ok(Profile::Local),
        "" => Err(value(
            "profile".into(),
            "\"\"",
            "local or a name of your own",
        )),
        other => Ok(Profile::Named(other.into())),
    }
}

/// Names of chains become directories and URL segments.
fn plain_name(what: &str, name: &str) -> Result<(), ConfigError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=32).contains(&name.len()) && name.chars().all(plain) {
        return Ok(());
    }
    Err(value(what.into(), name, "1 to 32 of a-z, 0-9 and -"))
}

fn distinct_ids(chains: &BTreeMap<String, Chain>) -> Result<(), ConfigError> {
    let mut ids = std::collections::BTreeSet::new();
    for (name, chain) in chains {
        if !ids.insert(chain.id()) {
            let key = format!("chain_id of {name}");
            return Err(value(key, chain.id(), "an id that no other chain has"));
        }
    }
    Ok(())
}

fn known(key: String, got: &str, section: &'static str, found: bool) -> Result<(), ConfigError> {
    if found {
        return Ok(());
    }
    Err(ConfigError::UnknownName {
        key,
        got: got.into(),
        section,
    })
}

fn range(
    key: String,
    got: u64,
    min: u64,
    max: u64,
    expected: &'static str,
) -> Result<(), ConfigError> {
    if (min..=max).contains(&got) {
        return Ok(());
    }
    Err(value(key, got, expected))
}

fn value(key: String, got: impl ToString, expected: &'static str) -> ConfigError {
    ConfigError::Value {
        key,
        got: got.to_string(),
        expected,
    }
}
