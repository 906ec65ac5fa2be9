//! `[evm.<name>]`: from what is written to what the adapter takes.

use causeway_adapter_evm::{self as adapter, ConnectError, EvmConfig};
use causeway_core::margin::ChainTiming;

use super::{Checker, ConfigError, Purpose, range, raw, value};
use crate::config::Evm;

impl Checker<'_> {
    pub(super) fn evm(&self, name: &str, raw: raw::Evm) -> Result<Evm, ConfigError> {
        let key = |key: &str| format!("evm.{name}.{key}");
        range(key("chain_id"), raw.chain_id, 1, u64::MAX, "above 0")?;
        for (i, url) in raw.urls.iter().enumerate() {
            let wrong = |why| ConfigError::NodeUrl {
                key: key(&format!("urls[{i}]")),
                why,
            };
            usable(url).map_err(wrong)?;
        }
        for (field, address) in [
            ("hash_time_lock", raw.hash_time_lock),
            ("points_token", raw.points_token),
            ("gateway", raw.gateway),
        ] {
            if let Some(zero) = address.filter(|address| address.is_zero()) {
                return Err(value(key(field), zero, "an address that is not zero"));
            }
        }
        if self.purpose == Purpose::Daemon {
            self.required(
                &raw.hash_time_lock,
                || key("hash_time_lock"),
                "the address of the deployed HashTimeLock; only the local profile deploys one",
            )?;
        }
        let expected = "1 to 86400000";
        let inclusion_ms = raw.assumed_inclusion_ms;
        range(
            key("assumed_inclusion_ms"),
            inclusion_ms,
            1,
            DAY_MS,
            expected,
        )?;
        let finality_ms = raw
            .assumed_finality_ms
            .unwrap_or_else(|| assumed_finality_ms(raw.finality));
        range(key("assumed_finality_ms"), finality_ms, 1, DAY_MS, expected)?;
        let adapter = self.adapter(name, &raw)?;
        adapter.check().map_err(|error| refused(name, error))?;
        Ok(Evm {
            adapter,
            assumed: ChainTiming {
                inclusion_ms,
                finality_ms,
            },
            raw,
        })
    }

    fn adapter(&self, name: &str, raw: &raw::Evm) -> Result<EvmConfig, ConfigError> {
        let tls = raw.tls.as_ref().map(|tls| {
            Ok(adapter::Tls {
                ca: self.own(&tls.ca_file)?,
                certificate: tls
                    .certificate_file
                    .as_deref()
                    .map(|p| self.own(p))
                    .transpose()?,
                key: tls.key_file.as_deref().map(|p| self.own(p)).transpose()?,
            })
        });
        Ok(EvmConfig {
            name: name.into(),
            chain_id: raw.chain_id,
            urls: raw.urls.clone(),
            quorum: Some(raw.quorum.unwrap_or(raw.urls.len() / 2 + 1)),
            // Zero only until the local profile has deployed one.
            hash_time_lock: raw.hash_time_lock.unwrap_or_default(),
            finality: match raw.finality {
                raw::Finality::Finalized => adapter::Finality::Tag,
                raw::Finality::Confirmations(blocks) => adapter::Finality::Confirmations(blocks),
                raw::Finality::Instant => adapter::Finality::Instant,
            },
            accounts: Vec::new(),
            fees: adapter::Fees {
                kind: match raw.fees.kind {
                    raw::FeeKind::Auto => adapter::FeeKind::Auto,
                    raw::FeeKind::Legacy => adapter::FeeKind::Legacy,
                },
                max_fee_per_gas_wei: raw.fees.max_fee_per_gas_wei,
                default_tip_wei: raw.fees.default_tip_wei,
                gas_margin_percent: raw.fees.gas_margin_percent,
                max_gas: raw.fees.max_gas,
            },
            tls: tls.transpose()?,
            request_timeout_ms: raw.request_timeout_ms,
            poll_ms: raw.poll_ms,
            max_response_bytes: raw.max_response_bytes,
            max_range: raw.max_range,
            certificates: raw.gateway.is_some(),
        })
    }
}

/// Whether an address of a node can be used.
pub(super) fn usable(url: &str) -> Result<(), &'static str> {
    let uri: http::Uri = url.parse().map_err(|_| "it is no URL")?;
    match uri.scheme_str() {
        Some("http" | "https") => {}
        _ => return Err("it begins with neither http:// nor https://"),
    }
    match uri.host() {
        Some(host) if !host.is_empty() => Ok(()),
        _ => Err("it has no host"),
    }
}

/// The adapter's refusal, with our names of the keys.
fn refused(name: &str, error: ConnectError) -> ConfigError {
    let (key, must) = match error {
        ConnectError::ConfigBadValue { key, must, .. } => (key, must),
        // INVARIANT of `EvmConfig::check`: it touches neither files nor nodes, so there is no other error.
        _ => ("urls", "be usable"),
    };
    ConfigError::Must {
        key: format!("evm.{name}.{key}"),
        must,
    }
}

/// Longer than what is usual, because a margin that is too thin loses money and one that is too wide only time.
fn assumed_finality_ms(finality: raw::Finality) -> u64 {
    match finality {
        // Ethereum: two to three epochs of 384 s.
        raw::Finality::Finalized => 1_200_000,
        raw::Finality::Confirmations(blocks) => blocks
            .saturating_add(1)
            .saturating_mul(BLOCK_MS)
            .min(DAY_MS),
        raw::Finality::Instant => BLOCK_MS,
    }
}

/// A slow block of a chain of unknown kind.
const BLOCK_MS: u64 = 15_000;
const DAY_MS: u64 = 86_400_000;
