//! `[eventlog]` and `[alarms]`.

use std::{collections::BTreeMap, time::Duration};

use alloy_primitives::U256;

use super::{Checker, range, value};
use crate::{
    alarms::{AlarmConfig, Mail, MailTls, Webhook},
    config::{Account, Chain, ConfigError, EventLog, raw},
};

impl Checker<'_> {
    pub(super) fn eventlog(
        &self,
        raw: raw::EventLog,
        chains: &BTreeMap<String, Chain>,
        accounts: &BTreeMap<String, Account>,
    ) -> Result<EventLog, ConfigError> {
        let key = |key: &str| format!("eventlog.{key}");
        range(
            key("anchor_every_seconds"),
            raw.anchor_every_seconds,
            1,
            86_400,
            "1 to 86400",
        )?;
        range(
            key("repeated_refunds"),
            raw.repeated_refunds as u64,
            2,
            1_000,
            "2 to 1000",
        )?;
        range(
            key("repeated_refunds_seconds"),
            raw.repeated_refunds_seconds,
            1,
            86_400,
            "1 to 86400",
        )?;
        let large_value: U256 = raw
            .large_value
            .parse()
            .map_err(|_| value(key("large_value"), &raw.large_value, "a decimal number"))?;
        if let Some(keeper) = &raw.keeper
            && !accounts.contains_key(keeper)
            && !self.profile.is_local()
        {
            return Err(value(key("keeper"), keeper, "the name of an account"));
        }
        let anchor = match (raw.anchor_chain, raw.anchor_contract) {
            (None, None) => None,
            (Some(chain), Some(contract)) if chains.contains_key(&chain) => Some((chain, contract)),
            (Some(chain), Some(_)) => {
                return Err(value(key("anchor_chain"), chain, "the name of a chain"));
            }
            (chain, _) => {
                return Err(value(
                    key("anchor_chain"),
                    chain.unwrap_or_default(),
                    "a chain together with anchor_contract, or neither",
                ));
            }
        };
        if anchor.is_some() && raw.keeper.is_none() && !self.profile.is_local() {
            return Err(ConfigError::Missing {
                key: key("keeper"),
                why: "heads are signed and anchored by an account of this daemon",
            });
        }
        Ok(EventLog {
            keeper: raw.keeper,
            anchor,
            anchor_every: Duration::from_secs(raw.anchor_every_seconds),
            large_value,
            refunds: raw.repeated_refunds,
            refunds_within: raw.repeated_refunds_seconds,
        })
    }

    pub(super) fn alarms(&self, raw: raw::Alarms) -> Result<AlarmConfig, ConfigError> {
        range(
            "alarms.escalate_after_seconds".into(),
            raw.escalate_after_seconds,
            1,
            604_800,
            "1 to 604800",
        )?;
        Ok(AlarmConfig {
            escalate_after: Duration::from_secs(raw.escalate_after_seconds),
            webhook: raw.webhook.map(|hook| self.webhook(hook)).transpose()?,
            mail: raw.mail.map(|mail| self.mail(mail)).transpose()?,
            ..AlarmConfig::default()
        })
    }

    fn webhook(&self, raw: raw::Webhook) -> Result<Webhook, ConfigError> {
        let plain = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];
        let loopback = plain.iter().any(|start| raw.url.starts_with(start));
        let is_trial = loopback && self.profile.is_local();
        if !(raw.url.starts_with("https://") || is_trial) {
            // The address may carry a secret of its own: it is not repeated.
            return Err(value(
                "alarms.webhook.url".into(),
                "an address without TLS",
                "https://...",
            ));
        }
        Ok(Webhook {
            url: raw.url,
            key_file: self.path(&raw.key_file),
        })
    }

    fn mail(&self, raw: raw::Mail) -> Result<Mail, ConfigError> {
        let key = |key: &str| format!("alarms.mail.{key}");
        if raw.tls == MailTls::None {
            self.local_only(key("tls"), "use implicit or starttls")?;
        }
        if raw.to.is_empty() || raw.to.len() > 20 {
            return Err(value(key("to"), raw.to.len(), "1 to 20 addresses"));
        }
        let login = match (raw.user, raw.password_file) {
            (None, None) => None,
            (Some(user), Some(file)) => Some((user, self.path(&file))),
            _ => {
                return Err(ConfigError::Missing {
                    key: key("password_file"),
                    why: "user and password_file belong together",
                });
            }
        };
        Ok(Mail {
            host: raw.host,
            port: raw.port,
            tls: raw.tls,
            ca: raw.ca_file.map(|file| self.path(&file)),
            from: raw.from,
            to: raw.to,
            login,
        })
    }
}
