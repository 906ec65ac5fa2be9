//! One aggregator: what it says in final blocks, and that somebody says so when it falls silent.

use std::{sync::Arc, time::Duration};

use alloy_primitives::Address;
use causeway_adapter_api::{Chain, ChainError, Height, HeightRange, Tip};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::{FeedEnd, FeedNews, FeedSite, FeedsError, REPORT_OLD, Shared, Standing, abi};
use crate::{
    metrics,
    store::{FeedRead, RelayCall, StoreError},
};

/// Reads one aggregator. What it keeps in memory is in the store, but for the last blocks in which nothing happened.
pub(super) struct Watch {
    shared: Arc<Shared>,
    site: Arc<FeedSite>,
    end: FeedEnd,
    next: Height,
    stored: Height,
    standing: Standing,
    /// When silence was told last, and after which round.
    told: Option<(u32, Instant)>,
}

impl Watch {
    pub(super) fn new(shared: Arc<Shared>, site: Arc<FeedSite>, end: FeedEnd) -> Self {
        Self {
            shared,
            site,
            next: end.start,
            stored: Height(0),
            end,
            standing: Standing::default(),
            told: None,
        }
    }

    /// Works until the daemon stops.
    pub(super) async fn run(mut self) {
        let stop = self.shared.stop.clone();
        let mut loaded = false;
        loop {
            let work = async {
                if !loaded {
                    self.load().await?;
                    loaded = true;
                }
                self.follow().await
            };
            match stop.run_until_cancelled(work).await {
                None | Some(Err(FeedsError::Store(StoreError::Injected(_)))) => return,
                Some(Ok(())) => continue,
                Some(Err(FeedsError::Chain(ChainError::Timeout { .. }))) => {
                    debug!(feed = self.site.name, chain = %self.end.chain, "no new block");
                }
                Some(Err(error)) => {
                    warn!(feed = self.site.name, chain = %self.end.chain, %error, "an aggregator is not read");
                }
            }
            let pause = tokio::time::sleep(PAUSE);
            if stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    async fn load(&mut self) -> Result<(), FeedsError> {
        let store = &self.shared.store;
        if let Some((next, standing)) = store.feed_end(self.site.id, self.end.chain).await? {
            (self.next, self.stored, self.standing) = (next, next, standing);
            metrics::feed(&self.site.name, self.end.chain, &self.standing);
        }
        Ok(())
    }

    /// Takes in the next final blocks.
    async fn follow(&mut self) -> Result<(), FeedsError> {
        let chain = Arc::clone(self.shared.chain(self.end.chain)?);
        let mut tip = chain.finalized().await?;
        if tip.height < self.next {
            tip = chain
                .finalized_after(Height(self.next.0.saturating_sub(1)))
                .await?;
        }
        let mut width = self.shared.config.max_range.max(1);
        while self.next <= tip.height {
            let to = Height(self.next.0.saturating_add(width - 1).min(tip.height.0));
            match self.read(chain.as_ref(), to).await {
                Err(FeedsError::Chain(ChainError::RangeTooWide { max, .. })) if width > 1 => {
                    width = max.clamp(1, width - 1);
                }
                read => read?,
            }
        }
        self.silence(tip).await
    }

    async fn read(&mut self, chain: &dyn Chain, to: Height) -> Result<(), FeedsError> {
        let range = HeightRange {
            from: self.next,
            to,
        };
        let logs = chain.logs(&[self.end.aggregator], range).await?;
        let facts: Vec<_> = logs.iter().filter_map(abi::read).collect();
        let mut standing = self.standing.clone();
        for fact in &facts {
            standing.take(fact);
        }
        let next = to.next();
        // Blocks in which nothing happened are read again after a restart, rather than a write for each.
        if !facts.is_empty() || next.0.saturating_sub(self.stored.0) >= UNSTORED {
            let read = FeedRead {
                feed: self.site.id,
                chain: self.end.chain,
                facts: &facts,
                standing: &standing,
                next,
            };
            self.shared.store.read_feed(&read).await?;
            self.stored = next;
        }
        (self.next, self.standing) = (next, standing);
        if facts.is_empty() {
            return Ok(());
        }
        metrics::feed(&self.site.name, self.end.chain, &self.standing);
        for fact in facts {
            metrics::feed_said(&self.site.name, self.end.chain, fact.said.name());
            let (feed, chain, said) = (&self.site.name, self.end.chain, fact.said.name());
            info!(feed, %chain, said, round = fact.said.round(), height = %fact.height, "an aggregator says");
            // An error means that nobody listens.
            let _ = self.shared.news.send(FeedNews {
                site: Arc::clone(&self.site),
                chain: self.end.chain,
                fact,
            });
        }
        self.site.ring();
        Ok(())
    }

    /// F14: whoever sees the silence says so. Others may be quicker, which is no failure.
    async fn silence(&mut self, tip: Tip) -> Result<(), FeedsError> {
        let Some(payer) = self.shared.config.stale_payer else {
            return Ok(());
        };
        let Some(terms) = self.standing.terms() else {
            return Ok(());
        };
        let silent_at = self
            .standing
            .updated_at
            .saturating_add(terms.stale_after().into());
        if self.standing.stale || tip.time.0 < silent_at {
            return Ok(());
        }
        let round = self.standing.answer.map_or(0, |answer| answer.round);
        let told = self.told.filter(|(before, _)| *before == round);
        if told.is_some_and(|(_, at)| at.elapsed() < TELL_AGAIN) {
            return Ok(());
        }
        self.told = Some((round, Instant::now()));
        self.order(payer, &terms.mark_stale()).await
    }

    async fn order(
        &self,
        payer: Address,
        data: &alloy_primitives::Bytes,
    ) -> Result<(), FeedsError> {
        let call = RelayCall {
            task: format!("feed-stale:{}:{}", self.end.chain, self.site.id),
            to: self.end.aggregator,
            data: data.clone(),
            moot: Some(abi::NOT_STALE.into()),
            ..RelayCall::default()
        };
        let (store, chain) = (&self.shared.store, self.end.chain);
        if store.add_call(chain, payer, &call).await?.is_some() {
            info!(feed = self.site.name, %chain, "the feed is silent: saying so");
            self.shared.driver.knock(chain, payer);
        }
        Ok(())
    }
}

/// Pause after trouble with a chain.
const PAUSE: Duration = Duration::from_secs(1);
/// Pause before silence that nobody put on record is told again.
const TELL_AGAIN: Duration = Duration::from_secs(30);
/// Heights without an event that may be read again after a restart.
const UNSTORED: u64 = 256;

/// The order of a report, for one chain and round.
pub(super) fn report_call(
    site: &FeedSite,
    end: &FeedEnd,
    round: u32,
    data: alloy_primitives::Bytes,
) -> RelayCall {
    RelayCall {
        task: format!("feed-report:{}:{}:{round}", end.chain, site.id),
        to: end.aggregator,
        data,
        moot: Some(REPORT_OLD.into()),
        ..RelayCall::default()
    }
}
