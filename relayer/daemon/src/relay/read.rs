//! Reads gateways: live from the stored cursor, and again from the start as a second path of discovery.

use std::{sync::Arc, time::Duration};

use causeway_adapter_api::{ChainError, Height, HeightRange};
use causeway_core::message::Now;
use tracing::{debug, warn};

use super::{RelayError, Shared, Site, abi};
use crate::store::{CursorPath, Reading, RelayFact, TakenIn};

impl Shared {
    /// Takes in everything up to `end`. Returns whether nothing had to wait for the other chain.
    pub(super) async fn sync(
        &self,
        site: Site,
        path: CursorPath,
        end: Height,
        now: &Now,
    ) -> Result<bool, RelayError> {
        let stored = self.store.relay_cursor(site.chain, path).await?;
        let mut next = stored.unwrap_or(site.start);
        let mut width = self.config.max_range.max(1);
        let chain = self.chain(site.chain)?;
        while next <= end {
            let to = Height(next.0.saturating_add(width - 1).min(end.0));
            let logs = match chain
                .logs(&[site.gateway], HeightRange { from: next, to })
                .await
            {
                Ok(logs) => logs,
                Err(ChainError::RangeTooWide { max, .. }) if width > 1 => {
                    width = max.clamp(1, width - 1);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let facts: Vec<RelayFact> = logs
                .iter()
                .filter_map(|log| {
                    Some(RelayFact {
                        height: log.height,
                        index: log.index,
                        tx: log.tx,
                        time: log.time.0,
                        said: abi::read(log)?,
                    })
                })
                .collect();
            let lag = to.0.saturating_sub(next.0);
            if facts.is_empty() && path == CursorPath::Live && lag < QUIET && to == end {
                // Nothing happened in a few blocks: not worth a write.
                return Ok(true);
            }
            let reading = Reading {
                chain: site.chain,
                gateway: site.gateway,
                path,
                now,
                patience: &self.config.patience,
                at_ms: self.config.wall.millis(),
            };
            let taken = self.store.take_in_relay(reading, &facts, to.next()).await?;
            let (taken, news) = taken;
            for news in news {
                // An error means that nobody listens.
                let _ = self.news.send(news);
            }
            if let TakenIn::Before(height) = taken {
                debug!(chain = %site.chain, %height, "waiting for the other chain's side");
                return Ok(false);
            }
            next = to.next();
            if path == CursorPath::Rescan {
                tokio::time::sleep(self.config.rescan_pause).await;
            }
        }
        Ok(true)
    }
}

/// Reads one gateway again from the start, with pauses, until the relay stops.
pub(super) async fn rescan(shared: Arc<Shared>, site: Site) {
    let stop = shared.stop.clone();
    let reading = async {
        loop {
            tokio::time::sleep(shared.config.rescan_every.min(FIRST_RESCAN)).await;
            if let Err(error) = rescan_once(&shared, site).await {
                warn!(chain = %site.chain, %error, "gateway not read again");
            }
            tokio::time::sleep(shared.config.rescan_every).await;
        }
    };
    stop.run_until_cancelled(reading).await;
}

async fn rescan_once(shared: &Shared, site: Site) -> Result<(), RelayError> {
    let now = shared.now_of_tips().await?;
    let end = shared.chain(site.chain)?.finalized().await?.height;
    if shared.sync(site, CursorPath::Rescan, end, &now).await? {
        // The next one begins at the start again.
        let reading = Reading {
            chain: site.chain,
            gateway: site.gateway,
            path: CursorPath::Rescan,
            now: &now,
            patience: &shared.config.patience,
            at_ms: shared.config.wall.millis(),
        };
        shared.store.take_in_relay(reading, &[], site.start).await?;
    }
    Ok(())
}

/// Quiet blocks after which the cursor is moved nevertheless.
const QUIET: u64 = 200;
/// The first rescan begins soon after the start.
const FIRST_RESCAN: Duration = Duration::from_secs(60);
