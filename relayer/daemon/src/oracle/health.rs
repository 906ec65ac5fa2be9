//! How devices are: whether they speak, whether what they send is taken, whether they contradicted themselves.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use alloy_primitives::B256;
use causeway_adapter_device::{
    ingest::troubles::Trouble, ledger::system_clock, names::Did, reading, sink::Sink as _,
};
use causeway_contracts::oracle::feed_id;
use tracing::warn;

use super::{DeviceState, OracleError, Shared};
use crate::{
    alarms::{Alarms, Rule},
    store::{DeviceRow, StoreError},
};

/// How a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It speaks when it should.
    Well,
    /// It has not spoken for longer than `oracle.silent_after_seconds`.
    Silent,
    /// What it sent last was refused.
    Refused,
    /// It contradicted itself.
    Accused,
    /// It is admitted no more.
    Retired,
}

/// What is known of a device's health here.
#[derive(Clone, Debug)]
pub struct Health {
    /// In a word.
    pub verdict: Verdict,
    /// When its newest reading was measured, milliseconds since 1970.
    pub newest: Option<u64>,
    /// What was refused of it since the start, newest first.
    pub troubles: Vec<Trouble>,
}

/// What a verdict is made of. Times are milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
struct Seen {
    is_active: bool,
    is_accused: bool,
    /// Its newest reading.
    newest: Option<u64>,
    /// Its newest refusal.
    refused: Option<u64>,
    /// Since when it could have spoken.
    since: u64,
    now: u64,
    silent_after: u64,
}

const fn judge(seen: &Seen) -> Verdict {
    let newest = match seen.newest {
        Some(at) => at,
        None => 0,
    };
    match seen.refused {
        _ if !seen.is_active => Verdict::Retired,
        _ if seen.is_accused => Verdict::Accused,
        Some(at) if at > newest => Verdict::Refused,
        _ => {
            let heard = if newest > seen.since {
                newest
            } else {
                seen.since
            };
            // A device whose clock is ahead is not silent.
            if seen.now.saturating_sub(heard) > seen.silent_after {
                Verdict::Silent
            } else {
                Verdict::Well
            }
        }
    }
}

impl Shared {
    /// Devices that showed something against themselves to an operator here.
    pub(super) async fn accused(&self) -> Result<BTreeSet<B256>, OracleError> {
        let mut all = BTreeSet::new();
        for operator in &self.operators {
            let accused = operator.archive().accused().await;
            let accused = accused.map_err(|source| operator.failed(source))?;
            all.extend(accused.iter().map(|kept| kept.readings[0].0.device));
        }
        Ok(all)
    }

    /// How a device is; `since` is when it could have begun to speak.
    pub(super) async fn health(
        &self,
        row: &DeviceRow,
        accused: &BTreeSet<B256>,
        since: u64,
    ) -> Result<Health, OracleError> {
        let record = row.newest();
        let did = row.did.as_deref().and_then(|did| Did::new(did).ok());
        let mut newest = None;
        if let (Some(record), Some(did)) = (record, &did) {
            for feed in self.feeds_of(did, record.owner) {
                let chain = reading::Chain {
                    device: row.id,
                    feed: feed_id(&feed),
                    key_number: record.key_number,
                };
                for operator in &self.operators {
                    let last = operator.archive().last(chain).await;
                    let last = last.map_err(|source| operator.failed(source))?;
                    newest = newest.max(last.map(|last| last.body.time));
                }
            }
        }
        let troubles = self.operators.iter();
        let mut troubles: Vec<Trouble> = troubles
            .flat_map(|operator| operator.ingest().troubles(&row.id))
            .collect();
        troubles.sort_by_key(|trouble| std::cmp::Reverse(trouble.at));
        let seen = Seen {
            is_active: record.is_some_and(|record| record.state == DeviceState::Active),
            is_accused: accused.contains(&row.id),
            newest,
            refused: troubles.first().map(|trouble| trouble.at),
            since,
            now: system_clock()(),
            silent_after: millis(self.config.silent_after),
        };
        Ok(Health {
            verdict: judge(&seen),
            newest,
            troubles,
        })
    }
}

/// Looks at every device that speaks for a feed of ours, again and again, and raises and ends alarms.
pub(super) async fn watch(shared: Arc<Shared>, alarms: Alarms) {
    let stop = shared.stop.clone();
    let mut first_seen = BTreeMap::new();
    loop {
        let looked = look(&shared, &alarms, &mut first_seen);
        match stop.run_until_cancelled(looked).await {
            None | Some(Err(OracleError::Store(StoreError::Injected(_)))) => return,
            Some(Ok(())) => {}
            Some(Err(error)) => warn!(%error, "devices are not looked after for now"),
        }
        let pause = tokio::time::sleep(EVERY);
        if stop.run_until_cancelled(pause).await.is_none() {
            return;
        }
    }
}

async fn look(
    shared: &Shared,
    alarms: &Alarms,
    told: &mut BTreeMap<B256, (u64, Verdict)>,
) -> Result<(), OracleError> {
    let (accused, now) = (shared.accused().await?, system_clock()());
    let mut after = String::new();
    loop {
        let rows = shared.store.devices(&after, PAGE).await?;
        let Some(last) = rows.last().and_then(|row| row.did.clone()) else {
            return Ok(());
        };
        after = last;
        for row in &rows {
            let (Some(did), Some(record)) = (&row.did, row.newest()) else {
                continue;
            };
            let speaks =
                Did::new(did).is_ok_and(|did| !shared.feeds_of(&did, record.owner).is_empty());
            if !speaks {
                continue;
            }
            let before = told.get(&row.id).copied();
            let since = before.map_or(now, |(since, _)| since);
            let health = shared.health(row, &accused, since).await?;
            told.insert(row.id, (since, health.verdict));
            // Said when it changes, and at the first look after a start.
            if before.map(|(_, verdict)| verdict) != Some(health.verdict) {
                say(shared, alarms, did, &health);
            }
        }
    }
}

fn say(shared: &Shared, alarms: &Alarms, did: &str, health: &Health) {
    let text = match health.verdict {
        Verdict::Well | Verdict::Retired => return alarms.clear(Rule::Device, did),
        Verdict::Silent => format!(
            "{did} has not spoken for more than {} s",
            shared.config.silent_after.as_secs()
        ),
        Verdict::Refused => {
            let why = health.troubles.first();
            let why = why.map_or("", |trouble| trouble.detail.as_str());
            format!("what {did} sends is refused: {why}")
        }
        Verdict::Accused => format!("{did} contradicted itself: the evidence is kept"),
    };
    alarms.raise(Rule::Device, did, text);
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Pause between two looks.
const EVERY: Duration = Duration::from_secs(2);
/// Devices of one page.
const PAGE: u32 = 500;

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: Seen = Seen {
        is_active: true,
        is_accused: false,
        newest: Some(100_000),
        refused: None,
        since: 0,
        now: 130_000,
        silent_after: 60_000,
    };

    #[test]
    fn a_device_is_silent_when_its_time_is_over_and_not_before() {
        let at = |now| judge(&Seen { now, ..WELL });

        assert_eq!(at(160_000), Verdict::Well);
        assert_eq!(at(160_001), Verdict::Silent);
    }

    #[test]
    fn a_device_that_never_spoke_has_its_time_from_when_it_could() {
        let never = |now| {
            judge(&Seen {
                newest: None,
                since: 100_000,
                now,
                ..WELL
            })
        };

        assert_eq!(never(100_000), Verdict::Well);
        assert_eq!(never(160_001), Verdict::Silent);
    }

    #[test]
    fn a_clock_that_jumps_raises_no_false_silence() {
        let jumps = |now, newest| {
            judge(&Seen {
                now,
                newest,
                ..WELL
            })
        };

        assert_eq!(jumps(0, Some(100_000)), Verdict::Well);
        assert_eq!(jumps(130_000, Some(u64::MAX)), Verdict::Well);
    }

    #[test]
    fn a_refusal_counts_until_something_newer_is_taken() {
        let refused = |at| {
            judge(&Seen {
                refused: Some(at),
                ..WELL
            })
        };

        assert_eq!(refused(100_001), Verdict::Refused);
        assert_eq!(refused(99_999), Verdict::Well);
    }

    #[test]
    fn evidence_outweighs_and_whoever_left_is_no_trouble() {
        let accused = Seen {
            is_accused: true,
            refused: Some(u64::MAX),
            ..WELL
        };

        assert_eq!(judge(&accused), Verdict::Accused);
        let gone = Seen {
            is_active: false,
            ..accused
        };
        assert_eq!(judge(&gone), Verdict::Retired);
    }
}
