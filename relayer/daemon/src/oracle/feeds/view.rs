//! A feed as people and programs see it.

use alloy_primitives::Address;
use causeway_adapter_api::ChainId;
use causeway_core::feed::{Alarm, Round};

use super::{FeedEnd, FeedSite, FeedsError, FeedsHandle, Standing, Terms};

/// A feed: its terms, its aggregators, the operators run here.
#[derive(Clone, Debug)]
pub struct FeedView {
    /// The configuration in force at home; `None` before it was read.
    pub terms: Option<Terms>,
    /// In the order of the site.
    pub ends: Vec<EndView>,
    /// Those that are run here.
    pub operators: Vec<OperatorView>,
}

/// An aggregator as of the last final block in which it said something.
#[derive(Clone, Debug)]
pub struct EndView {
    /// Where.
    pub end: FeedEnd,
    /// How it stands.
    pub standing: Standing,
}

/// An operator that is run here.
#[derive(Clone, Debug)]
pub struct OperatorView {
    /// Its name.
    pub name: String,
    /// Its account.
    pub account: Address,
    /// The round it is in, or was in last; `None` before it took part.
    pub round: Option<Round>,
    /// What it sees on each chain: whether an alarm is on there.
    pub alarms: Vec<(ChainId, Alarm)>,
    /// Its own sample: value and milliseconds.
    pub sample: Option<(i128, u64)>,
}

impl FeedsHandle {
    /// A feed as it stands.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn view(&self, site: &FeedSite) -> Result<FeedView, FeedsError> {
        let store = &self.shared.store;
        let mut ends = Vec::with_capacity(site.ends.len());
        for end in &site.ends {
            let found = store.feed_end(site.id, end.chain).await?;
            let standing = found.map(|(_, standing)| standing).unwrap_or_default();
            ends.push(EndView {
                end: *end,
                standing,
            });
        }
        let mut operators = Vec::with_capacity(self.shared.config.operators.len());
        for operator in &self.shared.config.operators {
            let row = store.feed_operator(operator.account, site.id).await?;
            let state = row.as_ref().map(|row| &row.state);
            let alarms = state.into_iter().flat_map(|state| &state.seen);
            operators.push(OperatorView {
                name: operator.name.clone(),
                account: operator.account,
                round: state.map(|state| state.round),
                alarms: alarms.map(|seen| (seen.chain, seen.alarm)).collect(),
                sample: state
                    .and_then(|state| state.sample)
                    .map(|sample| (sample.value, sample.at.0)),
            });
        }
        Ok(FeedView {
            terms: ends.first().and_then(|end| end.standing.terms()),
            ends,
            operators,
        })
    }

    /// The aggregator of a feed on one chain, and the configuration in force there.
    ///
    /// # Errors
    /// [`FeedsError::PeerUnknownEnd`], [`FeedsError::NotYet`].
    pub async fn end(
        &self,
        site: &FeedSite,
        chain: ChainId,
    ) -> Result<(FeedEnd, Terms), FeedsError> {
        let end = site.ends.iter().find(|end| end.chain == chain);
        let end = *end.ok_or_else(|| FeedsError::PeerUnknownEnd {
            feed: site.name.clone(),
            chain,
        })?;
        let found = self.shared.store.feed_end(site.id, chain).await?;
        let terms = found.and_then(|(_, standing)| standing.terms());
        let terms = terms.ok_or_else(|| FeedsError::NotYet(site.name.clone()))?;
        Ok((end, terms))
    }
}
