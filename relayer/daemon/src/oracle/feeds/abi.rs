//! What aggregators say, and what is said to them.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256, aliases::U40};
use alloy_sol_types::{SolCall as _, SolError as _, SolEvent as _, SolValue as _};
use causeway_adapter_api::{Height, RawLog, Timestamp, TxId};
use causeway_contracts::{
    device_sessions::DeviceSessions as Sessions, feed_aggregator::FeedAggregator as Abi,
};
use causeway_core::feed::{Band, Complete};
use serde::{Deserialize, Serialize};

/// Something an aggregator said, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedFact {
    /// The contract's own count.
    pub number: u64,
    /// What.
    pub said: Said,
    /// In which block.
    pub height: Height,
    /// In which transaction.
    pub tx: TxId,
    /// Time of the block.
    pub time: Timestamp,
}

/// What an aggregator said. Stored: variants are added, never renamed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Reports are of this configuration from now on.
    Configured {
        /// 1, 2, .. on each chain.
        number: u32,
        /// Its digest.
        digest: B256,
        /// All of it, as the contract takes it.
        config: Bytes,
    },
    /// A round was answered.
    Answered {
        /// Which.
        round: u32,
        /// The median, in units of the last decimal.
        value: i128,
        /// The time of the data, seconds.
        observed_at: u64,
        /// Whose observations it was made of, one bit each.
        observers: u32,
        /// Who signed, one bit each.
        signers: u32,
        /// Who brought it.
        by: Address,
    },
    /// Somebody wants a round.
    Requested {
        /// Which.
        round: u32,
        /// Who.
        by: Address,
    },
    /// The alarm is on.
    AlarmRaised {
        /// Since which round.
        round: u32,
        /// Its answer.
        value: i128,
        /// The time of its data, seconds.
        observed_at: u64,
    },
    /// It is off.
    AlarmCleared {
        /// Since which round.
        round: u32,
        /// Its answer.
        value: i128,
        /// The time of its data, seconds.
        observed_at: u64,
    },
    /// There has been no answer for too long.
    Stale {
        /// The last round.
        round: u32,
        /// The time of its data, seconds.
        updated_at: u64,
        /// Who said so.
        by: Address,
    },
}

impl Said {
    /// Its name in the API, events, metrics and logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Configured { .. } => "configured",
            Self::Answered { .. } => "answered",
            Self::Requested { .. } => "requested",
            Self::AlarmRaised { .. } => "alarm_raised",
            Self::AlarmCleared { .. } => "alarm_cleared",
            Self::Stale { .. } => "stale",
        }
    }

    /// The round it is about; a configuration is about none.
    pub const fn round(&self) -> Option<u32> {
        match self {
            Self::Configured { .. } => None,
            Self::Answered { round, .. }
            | Self::Requested { round, .. }
            | Self::AlarmRaised { round, .. }
            | Self::AlarmCleared { round, .. }
            | Self::Stale { round, .. } => Some(*round),
        }
    }

    /// The answer it is about.
    pub const fn value(&self) -> Option<i128> {
        match self {
            Self::Answered { value, .. }
            | Self::AlarmRaised { value, .. }
            | Self::AlarmCleared { value, .. } => Some(*value),
            Self::Configured { .. } | Self::Requested { .. } | Self::Stale { .. } => None,
        }
    }
}

/// An aggregator as of a final block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The configuration in force: number, digest, all of it.
    pub config: Option<(u32, B256, Bytes)>,
    /// Its last answer.
    pub answer: Option<Answered>,
    /// The last round that was requested.
    pub requested: u32,
    /// Whether an alarm is on.
    pub alarm: bool,
    /// Whether somebody called it stale, and no answer came since.
    pub stale: bool,
    /// What silence is counted from, seconds of the chain.
    pub updated_at: u64,
}

/// An answer as it stands on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Of which round.
    pub round: u32,
    /// The median, in units of the last decimal.
    pub value: i128,
    /// The time of the data, seconds.
    pub observed_at: u64,
    /// Whose observations it was made of, one bit each.
    pub observers: u32,
    /// Who signed, one bit each.
    pub signers: u32,
    /// Who brought it.
    pub by: Address,
    /// In which block.
    pub height: Height,
    /// In which transaction.
    pub tx: TxId,
    /// Time of that block, seconds.
    pub time: u64,
}

impl Standing {
    /// Takes in what the contract said next.
    pub fn take(&mut self, fact: &FeedFact) {
        match &fact.said {
            Said::Configured {
                number,
                digest,
                config,
            } => {
                self.config = Some((*number, *digest, config.clone()));
                if self.answer.is_none() {
                    self.updated_at = fact.time.0;
                }
            }
            Said::Answered {
                round,
                value,
                observed_at,
                observers,
                signers,
                by,
            } => {
                self.answer = Some(Answered {
                    round: *round,
                    value: *value,
                    observed_at: *observed_at,
                    observers: *observers,
                    signers: *signers,
                    by: *by,
                    height: fact.height,
                    tx: fact.tx,
                    time: fact.time.0,
                });
                // As the contract: data from the future counts from now on.
                self.updated_at = (*observed_at).min(fact.time.0);
                self.stale = false;
            }
            Said::Requested { round, .. } => self.requested = *round,
            Said::AlarmRaised { .. } => self.alarm = true,
            Said::AlarmCleared { .. } => self.alarm = false,
            Said::Stale { .. } => self.stale = true,
        }
    }

    /// The configuration in force; `None` before the first, or when it is none.
    pub fn terms(&self) -> Option<Terms> {
        let (number, digest, bytes) = self.config.as_ref()?;
        Terms::read(*number, *digest, bytes)
    }
}

/// A configuration, read.
#[derive(Clone, Debug)]
pub struct Terms {
    /// 1, 2, .. on each chain.
    pub number: u32,
    /// Its digest.
    pub digest: B256,
    /// Accounts in ascending order.
    pub operators: Vec<Address>,
    /// When an answer is an alarm.
    pub band: Band,
    config: Abi::FeedConfig,
}

impl Terms {
    fn read(number: u32, digest: B256, bytes: &[u8]) -> Option<Self> {
        let config = Abi::FeedConfig::abi_decode(bytes).ok()?;
        let operators = config.operators.chunks_exact(20).map(Address::from_slice);
        Some(Self {
            number,
            digest,
            operators: operators.collect(),
            band: Band {
                low: config.alarm.low,
                high: config.alarm.high,
                hysteresis: config.alarm.hysteresis,
                duration: config.alarm.duration,
            },
            config,
        })
    }

    /// Least and greatest plausible value.
    pub const fn plausible(&self) -> (i128, i128) {
        (self.config.min, self.config.max)
    }

    /// By how much a sample must differ to begin a round.
    pub const fn deviation(&self) -> u128 {
        self.config.deviation
    }

    /// Seconds after which a round begins anyway.
    pub const fn heartbeat(&self) -> u32 {
        self.config.heartbeat
    }

    /// Seconds after which the feed may be called stale.
    pub const fn stale_after(&self) -> u32 {
        self.config.staleAfter
    }

    /// The call that brings a report to an aggregator.
    pub fn transmit(&self, complete: &Complete) -> Bytes {
        let report = &complete.report;
        let signers = complete
            .signatures
            .keys()
            .filter_map(|place| 1_u32.checked_shl(place.0.into()))
            .fold(0, |bits, bit| bits | bit);
        let signatures: Vec<u8> = complete.signatures.values().flatten().copied().collect();
        Abi::transmitCall {
            config: self.config.clone(),
            report: Abi::Report {
                round: report.round.0,
                observedAt: U40::saturating_from(report.observed_at.0),
                observers: report.observers,
                observations: report.packed().into(),
            },
            signatures: Abi::ReportSignatures {
                signers,
                signatures: signatures.into(),
            },
        }
        .abi_encode()
        .into()
    }

    /// The call that puts a session on record, with signatures by the operators' places; `None` where the configuration is
    /// none that `DeviceSessions` takes.
    pub fn record_session(
        &self,
        session: Sessions::DeviceSession,
        signatures: &BTreeMap<usize, [u8; 64]>,
    ) -> Option<Sessions::recordCall> {
        let bits = signatures
            .keys()
            .filter_map(|place| 1_u32.checked_shl(u32::try_from(*place).ok()?))
            .fold(0, |bits, bit| bits | bit);
        let signatures: Vec<u8> = signatures.values().flatten().copied().collect();
        Some(Sessions::recordCall {
            // The same struct under another contract's name.
            config: Sessions::FeedConfig::abi_decode(&self.config.abi_encode()).ok()?,
            session,
            signatures: Sessions::ReportSignatures {
                signers: bits,
                signatures: signatures.into(),
            },
        })
    }

    /// The call that says that a feed is silent.
    pub fn mark_stale(&self) -> Bytes {
        Abi::markStaleCall {
            config: self.config.clone(),
        }
        .abi_encode()
        .into()
    }
}

/// The call that asks for a round.
pub fn request_round() -> Bytes {
    Abi::requestRoundCall {}.abi_encode().into()
}

/// What an aggregator answers when somebody else brought the report first.
pub const REPORT_OLD: [u8; 4] = Abi::ReportOld::SELECTOR;

/// What a log says; `None` for events that consumers of other feeds know, which say nothing more.
pub(super) fn read(log: &RawLog) -> Option<FeedFact> {
    let raw = alloy_primitives::Log::new(log.address, log.topics.clone(), log.data.clone())?;
    let (number, said) = match *log.topics.first()? {
        Abi::ConfigSet::SIGNATURE_HASH => {
            let e = Abi::ConfigSet::decode_log(&raw).ok()?.data;
            let said = Said::Configured {
                number: e.configNumber,
                digest: e.configDigest,
                config: e.config.abi_encode().into(),
            };
            (e.number, said)
        }
        Abi::ReportAccepted::SIGNATURE_HASH => {
            let e = Abi::ReportAccepted::decode_log(&raw).ok()?.data;
            let said = Said::Answered {
                round: e.round,
                value: median(&e.report.observations)?,
                observed_at: e.report.observedAt.to(),
                observers: e.report.observers,
                signers: e.signers,
                by: e.by,
            };
            (e.number, said)
        }
        Abi::RoundRequested::SIGNATURE_HASH => {
            let e = Abi::RoundRequested::decode_log(&raw).ok()?.data;
            let (round, by) = (e.round, e.by);
            (e.number, Said::Requested { round, by })
        }
        Abi::AlarmRaised::SIGNATURE_HASH => {
            let e = Abi::AlarmRaised::decode_log(&raw).ok()?.data;
            let said = Said::AlarmRaised {
                round: e.round,
                value: e.answer,
                observed_at: e.observedAt.to(),
            };
            (e.number, said)
        }
        Abi::AlarmCleared::SIGNATURE_HASH => {
            let e = Abi::AlarmCleared::decode_log(&raw).ok()?.data;
            let said = Said::AlarmCleared {
                round: e.round,
                value: e.answer,
                observed_at: e.observedAt.to(),
            };
            (e.number, said)
        }
        Abi::FeedStale::SIGNATURE_HASH => {
            let e = Abi::FeedStale::decode_log(&raw).ok()?.data;
            let said = Said::Stale {
                round: e.round,
                updated_at: e.updatedAt.to(),
                by: e.by,
            };
            (e.number, said)
        }
        _ => return None,
    };
    Some(FeedFact {
        number,
        said,
        height: log.height,
        tx: log.tx,
        time: log.time,
    })
}

/// The contract checked that they ascend.
fn median(packed: &[u8]) -> Option<i128> {
    let (values, _) = packed.as_chunks::<16>();
    values
        .get(values.len() / 2)
        .copied()
        .map(i128::from_be_bytes)
}

/// What an aggregator answers when it is not silent, or somebody else has said so.
pub(super) const NOT_STALE: [u8; 4] = Abi::NotStale::SELECTOR;

/// Why an aggregator refuses, in its own words; `None` for what is none of its errors.
pub fn refusal(data: &[u8]) -> Option<String> {
    use alloy_sol_types::SolInterface as _;
    let error = Abi::FeedAggregatorErrors::abi_decode(data).ok()?;
    let seconds = |number: U256| number.saturating_to::<u64>();
    Some(match error {
        Abi::FeedAggregatorErrors::RequestedBefore(e) => {
            format!("round {} is requested already", e.round)
        }
        Abi::FeedAggregatorErrors::NotStale(e) => format!(
            "the feed is not stale, or was called so: its chain's time is {}, silence is at {}",
            seconds(e.nowAt),
            seconds(e.staleAt)
        ),
        Abi::FeedAggregatorErrors::ConfigWrong(_) => {
            "the configuration has changed in between: try again".into()
        }
        other => format!("{other:?}"),
    })
}
