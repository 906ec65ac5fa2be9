//! Times of the chains, measured on our own transactions and on tips.

use causeway_adapter_api::{ChainId, Tip};
use causeway_core::margin::{ChainTiming, Timing, p999};

use super::{DriveError, MIN_SAMPLES, Shared};
use crate::store::{Kind, StoreError};

impl Shared {
    /// The measured times of two chains, `a` being where the initiator locks.
    pub(super) async fn timing(&self, a: ChainId, b: ChainId) -> Result<Timing, DriveError> {
        let (skew, outage) = (self.config.clock_skew, self.config.outage_budget);
        Ok(Timing {
            a: self.chain_timing(a).await?,
            b: self.chain_timing(b).await?,
            skew,
            outage,
        })
    }

    async fn chain_timing(&self, chain: ChainId) -> Result<ChainTiming, DriveError> {
        let mut special = self.config.assumed_of.iter();
        let special = special.find(|(id, _)| *id == chain);
        let assumed = special.map_or(self.config.assumed, |(_, timing)| *timing);
        Ok(ChainTiming {
            inclusion_ms: self
                .percentile(chain, Kind::Inclusion, assumed.inclusion_ms)
                .await?,
            finality_ms: self
                .percentile(chain, Kind::Finality, assumed.finality_ms)
                .await?,
        })
    }

    async fn percentile(
        &self,
        chain: ChainId,
        kind: Kind,
        assumed: u64,
    ) -> Result<u64, DriveError> {
        let samples = self.store.measurements(chain, kind).await?;
        let enough = samples.len() >= MIN_SAMPLES;
        Ok(if enough {
            p999(&samples).unwrap_or(assumed)
        } else {
            assumed
        })
    }

    /// Measures one of our transactions: sent at `sent_ms`, found final just now in `block`.
    pub(super) async fn measure_tx(
        &self,
        chain: ChainId,
        sent_ms: u64,
        block: Tip,
    ) -> Result<(), StoreError> {
        let now = self.clocks.millis();
        // Blocks carry whole seconds: a block of the second in which we sent counts as included at once.
        let included = block
            .time
            .0
            .saturating_mul(1000)
            .clamp(sent_ms, now.max(sent_ms));
        self.store
            .measured(chain, Kind::Inclusion, included - sent_ms)
            .await?;
        self.store
            .measured(chain, Kind::Finality, now.saturating_sub(included))
            .await
    }

    /// Measures how late a new tip is seen.
    pub(super) async fn measure_tip(&self, chain: ChainId, tip: Tip) -> Result<(), StoreError> {
        let late = self
            .clocks
            .millis()
            .saturating_sub(tip.time.0.saturating_mul(1000));
        // A tip found after a pause of ours says nothing about the chain.
        if late > LONGEST_MS {
            Ok(())
        } else {
            self.store.measured(chain, Kind::Finality, late).await
        }
    }
}

const LONGEST_MS: u64 = 600_000;
