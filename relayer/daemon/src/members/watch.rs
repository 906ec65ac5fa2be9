//! Whose certificates count: those that the `MemberRegistry` bound once and binds no more open no door here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use alloy_primitives::{B256, Log};
use alloy_sol_types::{SolCall as _, SolEvent as _};
use causeway_adapter_api::{Chain, ChainError, Height, HeightRange};
use causeway_adapter_hosted::tls::Barred;
use causeway_contracts::MemberRegistry;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::Members;

/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// Heights asked for at once.
const WIDTH: u64 = 1_000;

/// Follows the registry.
pub struct Watch {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Watch {
    /// Begins to follow the registry from its chain's first block on. Until that was read, nobody is refused.
    pub fn start(members: Members, chain: Arc<dyn Chain>, barred: Arc<Barred>) -> Self {
        let stop = CancellationToken::new();
        let watching = Watching {
            members,
            chain,
            barred,
            next: Height(0),
            bound: BTreeMap::new(),
            said: false,
        };
        let task = tokio::spawn(run(watching, stop.clone()));
        Self { stop, task }
    }

    /// Stops.
    pub async fn shutdown(self) {
        self.stop.cancel();
        // An error means that it ended by itself.
        let _ = self.task.await;
    }
}

struct Watching {
    members: Members,
    chain: Arc<dyn Chain>,
    barred: Arc<Barred>,
    /// The next height to read.
    next: Height,
    /// Every certificate that was ever bound, and whether it counts.
    bound: BTreeMap<B256, bool>,
    /// Whether the registry said something that was not judged yet.
    said: bool,
}

async fn run(mut watching: Watching, stop: CancellationToken) {
    loop {
        match stop.run_until_cancelled(watching.round()).await {
            None => return,
            Some(Ok(())) => {}
            Some(Err(error)) => debug!(%error, "the registry's certificates were not read"),
        }
        let pause = tokio::time::sleep(LOOK);
        if stop.run_until_cancelled(pause).await.is_none() {
            return;
        }
    }
}

impl Watching {
    /// Reads what the registry said since the last look; only then can a certificate count otherwise than before.
    async fn round(&mut self) -> Result<(), ChainError> {
        let end = self.chain.finalized().await?.height;
        let mut width = WIDTH;
        while self.next <= end {
            let to = Height(self.next.0.saturating_add(width - 1).min(end.0));
            let range = HeightRange {
                from: self.next,
                to,
            };
            let logs = match self.chain.logs(&[self.members.registry], range).await {
                Ok(logs) => logs,
                Err(ChainError::RangeTooWide { max, .. }) if width > 1 => {
                    width = max.clamp(1, width - 1);
                    continue;
                }
                Err(error) => return Err(error),
            };
            for log in logs {
                self.said = true;
                let raw = Log::new(log.address, log.topics, log.data);
                let bound =
                    raw.and_then(|raw| MemberRegistry::CertificateBound::decode_log(&raw).ok());
                if let Some(bound) = bound {
                    self.bound.entry(bound.fingerprint).or_insert(true);
                }
            }
            self.next = to.next();
        }
        if self.said {
            self.judge(end).await?;
            self.said = false;
        }
        Ok(())
    }

    async fn judge(&mut self, at: Height) -> Result<(), ChainError> {
        for (fingerprint, counts) in &mut self.bound {
            let call = MemberRegistry::certificateCall {
                fingerprint: *fingerprint,
            };
            let data = call.abi_encode();
            let registry = self.members.registry;
            let answer = self.chain.call(registry, data.into(), at).await?;
            let Ok(found) = MemberRegistry::certificateCall::abi_decode_returns(&answer) else {
                continue;
            };
            let now = found.number != 0;
            if now != *counts {
                info!(%fingerprint, counts = now, "a certificate counts otherwise");
                *counts = now;
            }
        }
        let out = self.bound.iter().filter(|(_, counts)| !**counts);
        let barred: BTreeSet<B256> = out.map(|(fingerprint, _)| *fingerprint).collect();
        self.barred.set(barred);
        Ok(())
    }
}
