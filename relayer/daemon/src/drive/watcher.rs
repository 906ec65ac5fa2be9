//! Reads one chain: live from the stored cursor, and again from the start as a second path of discovery.

use std::{sync::Arc, time::Duration};

use causeway_adapter_api::{Chain, ChainError, ChainId, Height, HeightRange, Tip};
use causeway_core::retry::{self, Next};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tracing::{debug, warn};

use super::{Shared, router::Msg};
use crate::store::CursorPath;

/// Reads one chain.
#[derive(Clone)]
pub(super) struct Watcher {
    shared: Arc<Shared>,
    id: ChainId,
    chain: Arc<dyn Chain>,
    router: mpsc::Sender<Msg>,
}

impl Watcher {
    pub(super) fn new(
        shared: Arc<Shared>,
        id: ChainId,
        chain: Arc<dyn Chain>,
        router: mpsc::Sender<Msg>,
    ) -> Self {
        Self {
            shared,
            id,
            chain,
            router,
        }
    }

    /// Follows the newest final block until the driver stops.
    pub(super) async fn follow(self) {
        let stop = self.shared.stop.clone();
        stop.run_until_cancelled(self.follow_on()).await;
    }

    /// Reads everything again from the start, with pauses, until the driver stops. Never blocks live work: it waits for
    /// its own reads alone, and the router takes its batches between others.
    pub(super) async fn rescan(self) {
        let stop = self.shared.stop.clone();
        stop.run_until_cancelled(self.rescan_on()).await;
    }

    async fn follow_on(&self) {
        let mut next = self.first_height(CursorPath::Live).await;
        let (mut last, mut attempt) = (None, 0);
        let mut measured = Instant::now();
        loop {
            let tip = match last {
                None => self.chain.finalized().await,
                Some(height) => self.chain.finalized_after(height).await,
            };
            let tip = match tip {
                Ok(tip) => tip,
                // Nothing new for a while is no error of a chain we have heard of.
                Err(ChainError::Timeout { .. }) if last.is_some() => continue,
                Err(error) => {
                    self.pause(&error, &mut attempt).await;
                    continue;
                }
            };
            if last.is_some() && measured.elapsed() >= MEASURE_EVERY {
                measured = Instant::now();
                if let Err(error) = self.shared.measure_tip(self.id, tip).await {
                    debug!(chain = %self.id, %error, "tip not measured");
                }
            }
            attempt = 0;
            next = self
                .read(next, tip.height, CursorPath::Live, Some(tip))
                .await;
            last = Some(tip.height);
        }
    }

    async fn rescan_on(&self) {
        loop {
            let start = self.first_height(CursorPath::Rescan).await;
            let mut attempt = 0;
            let end = loop {
                match self.chain.finalized().await {
                    Ok(tip) => break tip.height,
                    Err(error) => self.pause(&error, &mut attempt).await,
                }
            };
            self.read(start, end, CursorPath::Rescan, None).await;
            // The next one begins at the start again.
            self.deliver(|reply| Msg::Rescanned {
                chain: self.id,
                restart: self.start_height(),
                reply,
            })
            .await;
            tokio::time::sleep(self.shared.config.rescan_every).await;
        }
    }

    /// Reads from `next` to `end` in bounded ranges; returns the height after the last one.
    async fn read(
        &self,
        mut next: Height,
        end: Height,
        path: CursorPath,
        tip: Option<Tip>,
    ) -> Height {
        let (mut width, mut attempt) = (self.shared.config.max_range.max(1), 0);
        while next <= end {
            let to = Height(next.0.saturating_add(width - 1).min(end.0));
            let events = match self.chain.events(HeightRange { from: next, to }).await {
                Ok(events) => events,
                Err(ChainError::RangeTooWide { max, .. }) if width > 1 => {
                    width = max.clamp(1, width - 1);
                    continue;
                }
                Err(error) => {
                    self.pause(&error, &mut attempt).await;
                    continue;
                }
            };
            attempt = 0;
            let tip = tip.filter(|_| to == end);
            self.deliver(|reply| Msg::Batch {
                chain: self.id,
                path,
                events: events.clone(),
                next: to.next(),
                tip,
                reply,
            })
            .await;
            next = to.next();
            if path == CursorPath::Rescan {
                tokio::time::sleep(self.shared.config.rescan_pause).await;
            }
        }
        next
    }

    /// Hands a message over until the router has taken it in; a full disk must not lose an event.
    async fn deliver(
        &self,
        message: impl Fn(oneshot::Sender<Result<(), super::DriveError>>) -> Msg,
    ) {
        loop {
            let (reply, answer) = oneshot::channel();
            if self.router.send(message(reply)).await.is_err() {
                // The router is gone: the driver stops.
                return std::future::pending().await;
            }
            match answer.await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => {
                    warn!(chain = %self.id, %error, "events not taken in, trying again")
                }
                Err(_) => return std::future::pending().await,
            }
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    async fn first_height(&self, path: CursorPath) -> Height {
        loop {
            match self.shared.store.cursor(self.id, path).await {
                Ok(found) => return found.unwrap_or_else(|| self.start_height()),
                Err(error) => warn!(chain = %self.id, %error, "cursor not read, trying again"),
            }
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    fn start_height(&self) -> Height {
        let starts = &self.shared.config.start_heights;
        starts
            .iter()
            .find(|(id, _)| *id == self.id)
            .map_or(Height(0), |(_, height)| *height)
    }

    async fn pause(&self, error: &ChainError, attempt: &mut u32) {
        let next = retry::next(&self.shared.config.retry, error.retry(), *attempt, jitter());
        let pause = match next {
            Next::After(pause) | Next::Person(pause) => pause,
            Next::Look => retry::look_again(&self.shared.config.retry, *attempt, jitter()),
        };
        *attempt = attempt.saturating_add(1);
        warn!(chain = %self.id, %error, ?pause, "chain not read, trying again");
        tokio::time::sleep(pause).await;
    }
}

/// A number from 0 to [`retry::FULL_JITTER`]; not secret, so a failure of the system's randomness gives none.
pub(crate) fn jitter() -> u16 {
    let mut bytes = [0; 2];
    let _ = getrandom::fill(&mut bytes);
    u16::from_le_bytes(bytes) % (retry::FULL_JITTER + 1)
}

const MEASURE_EVERY: Duration = Duration::from_secs(1);
const STORE_PAUSE: Duration = Duration::from_secs(1);
