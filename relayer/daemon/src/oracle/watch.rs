//! Follows what both chains say of devices at final heights, and keeps every intake's directory current.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use alloy_primitives::{Address, B256};
use causeway_adapter_api::{Chain, ChainError, ChainId, Height, HeightRange};
use causeway_adapter_device::{
    directory::{Directory, Entry, Fingerprint},
    names::{Did, FeedName},
};
use tracing::{debug, info, warn};

use super::{OracleConfig, OracleError, OracleFact, Shared, record};
use crate::store::{DeviceRow, OracleRead, StoreError};

/// One contract, or two of one chain that are read together.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) chain: ChainId,
    /// The first has the cursor.
    pub(super) contracts: Vec<Address>,
    pub(super) start: Height,
    pub(super) read: fn(&causeway_adapter_api::RawLog) -> Option<OracleFact>,
}

impl OracleConfig {
    pub(super) fn sources(&self) -> [Source; 2] {
        let site = self.site;
        [
            Source {
                chain: site.public,
                contracts: vec![site.registry, site.market],
                start: site.public_start,
                read: record::of_public,
            },
            Source {
                chain: site.consortium,
                contracts: vec![site.mirror, site.evidence],
                start: site.consortium_start,
                read: record::of_consortium,
            },
        ]
    }
}

/// Works until the daemon stops.
pub(super) async fn follow(shared: Arc<Shared>, source: Source) {
    let stop = shared.stop.clone();
    loop {
        match stop.run_until_cancelled(look(&shared, &source)).await {
            None | Some(Err(OracleError::Store(StoreError::Injected(_)))) => return,
            Some(Ok(())) => {}
            Some(Err(error)) => {
                warn!(chain = %source.chain, %error, "devices are not followed");
                if stop
                    .run_until_cancelled(tokio::time::sleep(PAUSE))
                    .await
                    .is_none()
                {
                    return;
                }
            }
        }
    }
}

/// Takes in what is final, then waits for the next block.
async fn look(shared: &Shared, source: &Source) -> Result<(), OracleError> {
    let chain = shared.chain(source.chain)?;
    let tip = chain.finalized().await?.height;
    let changed = take_in(shared, chain, source, tip).await?;
    if changed {
        shared.refresh().await?;
    }
    match tokio::time::timeout(PATIENCE, chain.finalized_after(tip)).await {
        Ok(Ok(_)) | Err(_) => Ok(()),
        // No block for a minute is the chain's trouble, and said elsewhere.
        Ok(Err(ChainError::Timeout { .. })) => Ok(()),
        Ok(Err(error)) => Err(error.into()),
    }
}

async fn take_in(
    shared: &Shared,
    chain: &dyn Chain,
    source: &Source,
    end: Height,
) -> Result<bool, OracleError> {
    let Some(keeper) = source.contracts.first().copied() else {
        return Ok(false);
    };
    let stored = shared.store.oracle_cursor(source.chain, keeper).await?;
    let mut next = stored.unwrap_or(source.start);
    let (mut width, mut changed) = (MAX_RANGE, false);
    while next <= end {
        let to = Height(next.0.saturating_add(width - 1).min(end.0));
        let logs = chain.logs(&source.contracts, HeightRange { from: next, to });
        let logs = match logs.await {
            Ok(logs) => logs,
            Err(ChainError::RangeTooWide { max, .. }) if width > 1 => {
                width = max.clamp(1, width - 1);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let facts: Vec<OracleFact> = logs.iter().filter_map(source.read).collect();
        if facts.is_empty() && to == end && to.0.saturating_sub(next.0) < QUIET {
            // Nothing happened in a few blocks: not worth a write.
            return Ok(changed);
        }
        changed |= !facts.is_empty();
        let read = OracleRead {
            chain: source.chain,
            contract: keeper,
            facts,
            next: to.next(),
        };
        shared.store.read_oracle(&read).await?;
        next = to.next();
    }
    Ok(changed)
}

impl Shared {
    /// Makes the directory anew from what is stored, and gives it to every intake: it holds from their next request on.
    pub(super) async fn refresh(&self) -> Result<(), OracleError> {
        let directory = self.directory().await?;
        let devices = directory.listing().devices.len();
        for operator in &self.operators {
            let fresh = directory.clone();
            operator.ingest().update(|current| *current = fresh);
        }
        info!(devices, "the directory of devices is current");
        Ok(())
    }

    /// Feeds of the configuration, and the devices that speak for them.
    pub(super) async fn directory(&self) -> Result<Directory, OracleError> {
        let mut rows: Vec<DeviceRow> = Vec::new();
        loop {
            let after = rows.last().and_then(|row| row.did.clone());
            let page = self.store.devices(&after.unwrap_or_default(), PAGE).await?;
            let full = page.len() == PAGE as usize;
            rows.extend(page);
            if !full {
                break;
            }
        }
        directory(&self.config, &rows)
    }
}

/// What an intake may know of `rows`: those that speak for a feed of ours, and those that speak for weak ones.
pub(super) fn directory(
    config: &OracleConfig,
    rows: &[DeviceRow],
) -> Result<Directory, OracleError> {
    let mut directory = Directory::default();
    for feed in &config.feeds {
        directory.describe(feed.feed.clone())?;
    }
    let entries: Vec<Entry> = rows.iter().filter_map(|row| entry(config, row)).collect();
    let heard = entries.iter().filter(|entry| !entry.feeds.is_empty());
    let speakers: BTreeSet<B256> = heard.filter_map(|entry| entry.speaker).collect();
    for entry in entries {
        if entry.feeds.is_empty() && !speakers.contains(&entry.id) {
            continue;
        }
        let did = entry.did.clone();
        if let Err(error) = directory.admit(entry) {
            // The registry admits what one of our libraries refuses, or two devices share what should be one's own.
            warn!(%did, %error, "a device of the registry cannot be taken");
        }
    }
    debug!(rows = rows.len(), "devices were looked through");
    Ok(directory)
}

fn entry(config: &OracleConfig, row: &DeviceRow) -> Option<Entry> {
    let did = Did::new(row.did.as_deref()?).ok()?;
    let record = row.newest()?;
    let speaks = config
        .feeds
        .iter()
        .filter(|feed| feed.owners.contains(&record.owner) || feed.devices.contains(&did));
    let feeds: BTreeSet<FeedName> = speaks.map(|feed| feed.feed.name.clone()).collect();
    Some(Entry {
        id: row.id,
        did,
        certificate: Fingerprint(record.certificate),
        speaker: record.speaker,
        key_number: record.key_number,
        hardware: record.hardware,
        feed_key: record.feed_key,
        feeds,
        standing: record.state.standing(),
    })
}

/// Heights asked for at once.
const MAX_RANGE: u64 = 500;
/// Quiet blocks after which the cursor is moved nevertheless.
const QUIET: u64 = 200;
/// Pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest wait for a block before the tip is asked for again.
const PATIENCE: Duration = Duration::from_secs(5);
/// Devices of one page.
const PAGE: u32 = 1_000;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use causeway_adapter_device::{
        directory::{Feed, Standing},
        keys::HardwareKey,
        names::Unit,
    };

    use super::*;
    use crate::{
        config::OracleFeed,
        oracle::{DeviceRecord, DeviceState, OracleSite},
    };

    const OWNER: Address = Address::repeat_byte(1);

    fn config() -> OracleConfig {
        let at = Address::repeat_byte(9);
        OracleConfig {
            site: OracleSite {
                public: ChainId(1),
                registry: at,
                roll: at,
                market: at,
                public_start: Height(0),
                consortium: ChainId(2),
                mirror: at,
                evidence: at,
                consortium_start: Height(0),
            },
            feeds: vec![OracleFeed {
                feed: Feed {
                    name: FeedName::new("cold/temperature").unwrap(),
                    unit: Unit::new("Cel").unwrap(),
                    decimals: 2,
                    min: -4_000,
                    max: 6_000,
                    proved: false,
                },
                owners: [OWNER].into(),
                devices: BTreeSet::new(),
                keeper: None,
                aggregators: None,
            }],
            operators: Vec::new(),
            period: Duration::from_secs(1),
            per_second: NonZeroU32::MIN,
            max_archive_bytes: 1,
            slash: false,
            silent_after: Duration::from_secs(600),
        }
    }

    fn record(version: u64, state: DeviceState, owner: Address) -> DeviceRecord {
        DeviceRecord {
            version,
            key_number: 1,
            state,
            owner,
            consortium_owner: owner,
            certificate: B256::repeat_byte(5),
            hardware: HardwareKey::generate().public().coordinates(),
            feed_key: None,
            speaker: None,
        }
    }

    fn row(registered: Option<DeviceRecord>, mirrored: Option<DeviceRecord>) -> DeviceRow {
        DeviceRow {
            id: B256::repeat_byte(3),
            did: Some("did:odin:10.cold.7".into()),
            registered,
            mirrored,
        }
    }

    fn standing(row: DeviceRow) -> Option<Standing> {
        let directory = directory(&config(), &[row]).unwrap();
        let found = directory.device(&B256::repeat_byte(3));
        found.map(|device| device.entry().standing)
    }

    #[test]
    fn l151_whichever_chain_knows_more_decides_whether_a_device_may_speak() {
        let active = |version| record(version, DeviceState::Active, OWNER);
        let revoked = |version| record(version, DeviceState::Revoked, OWNER);

        assert_eq!(standing(row(Some(active(1)), None)), Some(Standing::Active));
        assert_eq!(
            standing(row(Some(revoked(2)), Some(active(1)))),
            Some(Standing::Revoked)
        );
        assert_eq!(
            standing(row(Some(active(1)), Some(revoked(2)))),
            Some(Standing::Revoked)
        );
        for state in [
            DeviceState::Leaving,
            DeviceState::Slashed,
            DeviceState::Gone,
        ] {
            let gone = record(2, state, OWNER);
            assert_eq!(standing(row(Some(gone), None)), Some(Standing::Revoked));
        }
    }

    #[test]
    fn a_device_of_somebody_else_is_not_heard() {
        let other = record(1, DeviceState::Active, Address::repeat_byte(2));

        assert_eq!(standing(row(Some(other), None)), None);
    }

    #[test]
    fn a_device_that_only_the_mirror_named_waits_for_its_did() {
        let mut unnamed = row(None, Some(record(1, DeviceState::Active, OWNER)));
        unnamed.did = None;

        assert_eq!(standing(unnamed), None);
    }
}
