//! An operator that takes part in every round and leads none.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy_primitives::{B256, Signature};
use causeway::{
    keys::Signers,
    local::OPERATORS,
    oracle::feeds::{Envelope, FeedsHandle, Samples as _, Taken},
};
use causeway_adapter_device::archive::ArchiveReader;
use causeway_contracts::oracle::feed_id;
use causeway_core::feed::{Message, Millis, Observation, SignedObservation};
use reqwest::Client;
use tokio::task::JoinHandle;

use super::{FEED, World, now_ms};

const EVERY: Duration = Duration::from_millis(300);
const FRESH_MS: u64 = 20_000;

/// Signs what it sees and tells all others, in whatever round they are; then it proposes nothing, signs no report and brings
/// none to a chain. So the others count on it as a leader.
pub(crate) struct SilentLeader {
    task: JoinHandle<()>,
    heard: Arc<AtomicU64>,
}

impl SilentLeader {
    /// Begins, as the operator of `place`, which must not run; `peer` tells it the round.
    pub(crate) fn begin(world: &World, place: usize, peer: FeedsHandle) -> Self {
        let heard = Arc::new(AtomicU64::new(0));
        let others = (0..OPERATORS.len()).filter(|other| *other != place);
        let voice = Voice {
            client: crate::client(world, OPERATORS[place]),
            urls: others
                .map(|other| format!("{}/v1/feed/messages", world.url(other)))
                .collect(),
            signers: Signers::new([world.keys[place]]),
            account: world.chains.accounts[OPERATORS[place]],
            archive: ArchiveReader::new(&world.archive(place)),
            heard: Arc::clone(&heard),
        };
        let task = tokio::spawn(async move {
            loop {
                voice.observe(&peer).await;
                tokio::time::sleep(EVERY).await;
            }
        });
        Self { task, heard }
    }

    /// Which rounds it leads: numbers that leave this rest when divided by the number of operators.
    pub(crate) fn leads(world: &World, place: usize) -> u32 {
        let mut accounts = OPERATORS.map(|name| world.chains.accounts[name]);
        accounts.sort_unstable();
        let own = world.chains.accounts[OPERATORS[place]];
        let place = accounts.iter().position(|account| *account == own);
        u32::try_from(place.expect("it is an operator")).expect("small")
    }

    /// How many of its observations changed something at one of the others.
    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::SeqCst)
    }

    pub(crate) async fn end(self) {
        self.task.abort();
        // Aborted, which is what was asked for.
        let _ = self.task.await;
    }
}

struct Voice {
    client: Client,
    urls: Vec<String>,
    signers: Signers,
    account: alloy_primitives::Address,
    archive: ArchiveReader,
    heard: Arc<AtomicU64>,
}

impl Voice {
    async fn observe(&self, peer: &FeedsHandle) {
        let site = Arc::clone(&peer.sites()[0]);
        let view = peer.view(&site).await.expect("a view");
        let (Some(terms), Some(round)) = (view.terms, view.operators[0].round) else {
            return;
        };
        let since = Millis(now_ms() - FRESH_MS);
        let newest = self.archive.newest(feed_id(FEED), since).await;
        let Some(sample) = newest.expect("its archive").into_iter().next() else {
            return;
        };
        let observation = Observation { round, sample };
        let message = Message::Observation(self.signed(observation, terms.digest));
        let envelope = Envelope {
            feed: feed_id(FEED),
            message,
        };
        for url in &self.urls {
            // One of the others may be away.
            let Ok(answer) = self.client.post(url).json(&envelope).send().await else {
                continue;
            };
            if answer.json::<Taken>().await.is_ok_and(|taken| taken.taken) {
                self.heard.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    fn signed(&self, observation: Observation, digest: B256) -> SignedObservation {
        let raw = self.signers.sign(self.account, observation.digest(digest));
        let signature = Signature::from_raw(&raw.expect("a key")).expect("a signature");
        SignedObservation {
            observation,
            signature: signature.as_erc2098().into(),
        }
    }
}
