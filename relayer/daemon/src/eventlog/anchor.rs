//! Heads: signed over what was counted, anchored on a chain, and compared with what is anchored there.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use alloy_primitives::{Address, B256};
use alloy_sol_types::{SolCall as _, SolEvent as _};
use causeway_adapter_api::{ChainError, ChainId, Height, HeightRange};
use causeway_contracts::LogAnchor;
use causeway_core::log::{ACTS, Head};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::{LogError, Shared};
use crate::{
    alarms::Rule,
    metrics,
    store::{Anchored, Heads, RelayCall, StoreError},
};

/// What is known of the keeper's anchors.
#[derive(Clone, Debug, Default)]
pub(super) struct Anchorage {
    /// The next height to look for anchors at.
    next: Height,
    /// The newest anchor, and what it says; `None` inside for a head that cannot be read.
    newest: Option<(Anchored, Option<Head>)>,
    /// Whether that head was signed by this database, so that it also knows the acts.
    known: bool,
    /// Whether what is here agrees with it; `None` while not all of it was read again.
    pub(super) agrees: Option<bool>,
}

/// Task of the order that anchors. Its orders are not acts in the log: each would ask for the next anchor.
pub(super) const TASK: &str = "anchor:log";
/// An anchor that is not final after so long is late, whatever the interval.
const LATE: Duration = Duration::from_secs(60);
/// Pause between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// Heights asked for at once.
const WIDTH: u64 = 1_000;

/// Works until the daemon stops.
pub(super) async fn run(shared: Arc<Shared>) {
    let Some(keeper) = shared.config.keeper else {
        return;
    };
    let stop = shared.stop.clone();
    let mut signed = Instant::now();
    loop {
        let pause = tokio::time::sleep(LOOK.min(shared.config.anchor_every));
        if stop.run_until_cancelled(pause).await.is_none() {
            return;
        }
        let waited = signed.elapsed();
        match stop.run_until_cancelled(shared.round(keeper, waited)).await {
            None | Some(Err(LogError::Store(StoreError::Injected(_)))) => return,
            Some(Ok(true)) => signed = Instant::now(),
            Some(Ok(false)) => {}
            Some(Err(LogError::Chain(error))) => debug!(%error, "anchors not looked at"),
            Some(Err(error)) => warn!(%error, "no head of the event log"),
        }
    }
}

impl Shared {
    /// Looks at what is anchored, and signs the next head where it is due. Returns whether that was done.
    async fn round(&self, keeper: Address, waited: Duration) -> Result<bool, LogError> {
        let mut anchorage = {
            let kept = self.anchored.lock();
            kept.unwrap_or_else(PoisonError::into_inner).clone()
        };
        if let Some((chain, contract)) = self.config.anchor {
            self.follow(&mut anchorage, keeper, chain, contract).await?;
            self.compare(&mut anchorage).await;
        }
        let agrees = anchorage.agrees;
        let under_way = self
            .store
            .live_tasks()
            .await?
            .iter()
            .any(|task| task == TASK);
        let due = waited >= self.config.anchor_every && !under_way;
        if under_way && waited > LATE.max(self.config.anchor_every * 3) {
            let text = "the anchor before is not final after three intervals: can the keeper pay?";
            self.alarms.raise(Rule::LogUnanchored, "anchor", text);
        }
        let may = anchorage.newest.is_none() || agrees == Some(true);
        let newest = anchorage.newest.clone();
        {
            let mut kept = self.anchored.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = anchorage;
        }
        if !due || !may {
            return Ok(false);
        }
        self.sign(keeper, newest).await?;
        Ok(true)
    }

    /// Reads the keeper's anchors up to the newest final block.
    async fn follow(
        &self,
        anchorage: &mut Anchorage,
        keeper: Address,
        id: ChainId,
        contract: Address,
    ) -> Result<(), LogError> {
        let chain = self.chain(id)?;
        let end = chain.finalized().await?.height;
        let mut width = WIDTH;
        while anchorage.next <= end {
            let to = Height(anchorage.next.0.saturating_add(width - 1).min(end.0));
            let range = HeightRange {
                from: anchorage.next,
                to,
            };
            let logs = match chain.logs(&[contract], range).await {
                Ok(logs) => logs,
                Err(ChainError::RangeTooWide { max, .. }) if width > 1 => {
                    width = max.clamp(1, width - 1);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            for log in logs {
                let raw = alloy_primitives::Log::new(log.address, log.topics, log.data);
                let said = raw.and_then(|raw| LogAnchor::Anchored::decode_log(&raw).ok());
                let Some(said) = said.filter(|said| said.keeper == keeper) else {
                    continue;
                };
                let at = Anchored {
                    number: said.number,
                    link: said.link,
                    tx: log.tx.0,
                };
                let head = Head::decode(&said.head)
                    .filter(|head| (head.chains_root(), head.size()) == (said.root, said.size));
                anchorage.known = self.store.anchor_head(&said.head, &at).await?;
                metrics::log_anchored(said.number, log.time.0);
                self.alarms.clear(Rule::LogUnanchored, "anchor");
                info!(
                    number = said.number,
                    size = said.size,
                    "the event log is anchored"
                );
                anchorage.newest = Some((at, head));
                anchorage.agrees = None;
            }
            anchorage.next = to.next();
        }
        Ok(())
    }

    /// Compares what is here with the newest anchor, as soon as as much was read.
    async fn compare(&self, anchorage: &mut Anchorage) {
        let Some((at, head)) = &anchorage.newest else {
            return;
        };
        if anchorage.agrees.is_some() {
            return;
        }
        let Some(head) = head else {
            anchorage.agrees = Some(false);
            let text = format!("anchor {} is of no log this program knows", at.number);
            self.alarms.raise(Rule::LogTampered, "anchor", text);
            return;
        };
        let acts = anchorage.known.then_some(&head.acts);
        let mut all = true;
        for of in head.chains.iter().chain(acts) {
            let Some(segment) = self.segments.get(&of.id) else {
                // A chain that was removed from the configuration and whose entries are gone with the database.
                all = false;
                continue;
            };
            let mut segment = segment.lock().await;
            if segment.follower.len() < of.size && segment.broken.is_none() {
                all = false;
                continue;
            }
            segment.compare(Some(of));
            if let Some(broken) = &segment.broken {
                anchorage.agrees = Some(false);
                let text = format!("{broken}; anchor {} says otherwise", at.number);
                self.alarms
                    .raise(Rule::LogTampered, of.id.to_string(), text);
                return;
            }
        }
        if !all {
            return;
        }
        anchorage.agrees = Some(true);
        if !anchorage.known && head.acts.size > 0 {
            let text = format!(
                "{} acts that anchor {} speaks of are not in this database",
                head.acts.size, at.number
            );
            self.alarms.raise(Rule::ActsLost, ACTS.to_string(), text);
        }
    }

    /// Signs the next head, keeps it, and orders its anchor.
    async fn sign(
        &self,
        keeper: Address,
        newest: Option<(Anchored, Option<Head>)>,
    ) -> Result<(), LogError> {
        let head = self.head().await?;
        let (link, before) = newest.map_or((B256::ZERO, None), |(at, head)| (at.link, head));
        let same =
            |before: &Head| before.chains_root() == head.chains_root() && before.acts == head.acts;
        let kept = match self.config.anchor {
            Some(_) => before,
            None => self
                .store
                .heads(Heads::All, 1)
                .await?
                .pop()
                .map(|row| row.head),
        };
        if kept.as_ref().is_some_and(same) {
            return Ok(());
        }
        let Some(signature) = self.signers.sign(keeper, head.digest()) else {
            warn!(%keeper, "the key that signs heads is not here");
            return Ok(());
        };
        self.store.add_head(&head, keeper, &signature).await?;
        metrics::log_signed(head.at);
        let Some((chain, contract)) = self.config.anchor.filter(|_| head.size() > 0) else {
            return Ok(());
        };
        let call = LogAnchor::anchorCall {
            previous: link,
            size: head.size(),
            root: head.chains_root(),
            head: head.encode().into(),
        };
        let call = RelayCall {
            task: TASK.into(),
            to: contract,
            data: call.abi_encode().into(),
            ..RelayCall::default()
        };
        if self.store.add_call(chain, keeper, &call).await?.is_some() {
            self.driver.knock(chain, keeper);
        }
        Ok(())
    }
}
