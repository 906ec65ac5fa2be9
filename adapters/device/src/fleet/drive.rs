//! Devices in motion: each keeps its chain and its connection.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Fleet, Simulated, profile::Profile};
use crate::{
    check::next_of,
    client::{ClientError, HttpsClient, MqttClient},
    ingest::{
        answer::Answer,
        mqtt::{Broker, topic},
    },
    ledger::{Chained, Clock},
    reading::{Body, Signed},
    tls::TlsError,
    wire::{Form, to_cose},
};

/// Where a fleet sends.
#[derive(Clone, Debug)]
pub enum Target {
    /// An operator's HTTPS.
    Https {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// An operator's broker.
    Mqtt {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
}

/// How a fleet sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Readings of one batch.
    pub batch: usize,
    /// From one batch of a device to its next.
    pub every: Duration,
    /// Batches of each device; none for ever.
    pub batches: Option<u64>,
}

/// What a fleet has done.
#[derive(Debug, Default)]
pub struct Tally {
    /// Devices that are connected, to all operators.
    pub connected: AtomicU64,
    /// Readings that were confirmed, by each operator.
    pub accepted: AtomicU64,
    /// Batches that were refused.
    pub refused: AtomicU64,
    /// Batches that got no answer.
    pub failed: AtomicU64,
    /// The last refusal or failure.
    pub last_problem: Mutex<Option<String>>,
}

impl Tally {
    fn count(&self, outcome: &Result<Answer, ClientError>) {
        let (counter, by, problem) = match outcome {
            Ok(Answer::Accepted(accepted)) => (&self.accepted, accepted.accepted as u64, None),
            Ok(Answer::Refused(problem)) => (&self.refused, 1, Some(problem.detail.clone())),
            Err(error) => (&self.failed, 1, Some(Chained(error).to_string())),
        };
        counter.fetch_add(by, Ordering::Relaxed);
        if problem.is_some() {
            *self.last_problem.lock() = problem;
        }
    }
}

/// Drives every device of a fleet until each has sent what it should to every operator, or told to stop. A device says the
/// next thing when all of them have stored the one before: an operator that is silent holds a fleet up.
///
/// # Errors
/// When a device's certificate or the target cannot be used.
pub async fn drive(
    fleet: &Fleet,
    targets: &[Target],
    pace: Pace,
    clock: Clock,
    tally: Arc<Tally>,
    stop: CancellationToken,
) -> Result<(), LinkError> {
    let tasks = TaskTracker::new();
    // Handshakes cost both sides a signature: not all at once.
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    for (index, device) in fleet.devices.iter().enumerate() {
        let chain = Chain::new(device.clone(), fleet.profile, index, clock.clone());
        let links = targets
            .iter()
            .map(|to| Link::new(device, fleet.profile, to));
        let links = links.collect::<Result<Vec<_>, _>>()?;
        let (tally, stop, handshakes) = (tally.clone(), stop.clone(), handshakes.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = one(chain, links, pace, &tally, &handshakes) => {}
            }
        });
    }
    tasks.close();
    tasks.wait().await;
    Ok(())
}

async fn one(
    mut chain: Chain,
    mut links: Vec<Link>,
    pace: Pace,
    tally: &Tally,
    handshakes: &Semaphore,
) {
    let connecting = links.iter_mut().map(|link| async {
        while let Err(error) = link.connect(handshakes).await {
            tally.count(&Err(error));
            tokio::time::sleep(RETRY).await;
        }
    });
    futures::future::join_all(connecting).await;
    tally.connected.fetch_add(1, Ordering::Relaxed);
    let mut ticks = tokio::time::interval(pace.every.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut sent = 0;
    while pace.batches.is_none_or(|batches| sent < batches) {
        ticks.tick().await;
        let batch = chain.batch(pace.batch);
        let delivering = links.iter_mut().map(|link| deliver(link, &batch, tally));
        futures::future::join_all(delivering).await;
        chain.keep(&batch);
        sent = sent.saturating_add(1);
    }
}

/// Sends the same readings until they are stored: others with their numbers would be a contradiction.
async fn deliver(link: &mut Link, batch: &[Signed], tally: &Tally) {
    let mut rest = batch;
    while !rest.is_empty() {
        let outcome = link.send(rest).await;
        tally.count(&outcome);
        match outcome {
            Ok(Answer::Accepted(_)) => return,
            Ok(Answer::Refused(problem)) if problem.refused == "replayed" => {
                let next = problem.next.map_or(0, |next| next.sequence);
                let stored = rest
                    .iter()
                    .take_while(|signed| signed.body.sequence < next)
                    .count();
                rest = rest.get(stored..).unwrap_or_default();
            }
            Ok(Answer::Refused(_)) | Err(_) => tokio::time::sleep(RETRY).await,
        }
    }
}

/// A device's connection.
enum Link {
    Https(Box<HttpsClient>),
    Mqtt(Broker, String, Option<MqttClient>),
}

impl Link {
    fn new(device: &Simulated, profile: Profile, target: &Target) -> Result<Self, LinkError> {
        let tls = device.issued.identity().client()?;
        Ok(match target {
            Target::Https { host, port } => {
                Self::Https(Box::new(HttpsClient::new(host, *port, tls)?))
            }
            Target::Mqtt { host, port } => {
                let broker = Broker {
                    host: host.clone(),
                    port: *port,
                    client_id: device.entry.did.number().to_owned(),
                    tls,
                };
                let topic = topic(&device.entry.did, &profile.feed().name);
                Self::Mqtt(broker, topic, None)
            }
        })
    }

    async fn connect(&mut self, handshakes: &Semaphore) -> Result<(), ClientError> {
        // The semaphore is never closed.
        let _slot = handshakes.acquire().await;
        match self {
            Self::Https(client) => client.connect().await,
            Self::Mqtt(broker, topic, client) => {
                *client = Some(MqttClient::start(broker, topic.clone()));
                Ok(())
            }
        }
    }

    async fn send(&mut self, batch: &[Signed]) -> Result<Answer, ClientError> {
        // COSE has a form for every reading, so this is never empty.
        let bytes = to_cose(batch).unwrap_or_default().into();
        let last = batch.last().map_or(0, |signed| signed.body.sequence);
        match self {
            Self::Https(client) => client.post(Form::Cose, bytes).await,
            Self::Mqtt(broker, topic, client) => {
                let client = client.get_or_insert_with(|| MqttClient::start(broker, topic.clone()));
                client.publish(bytes, last).await
            }
        }
    }
}

/// A device cannot be given a connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Its certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The target cannot be reached by any device.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// What one device has said, and what it says next.
pub struct Chain {
    device: Arc<Simulated>,
    profile: Profile,
    index: usize,
    clock: Clock,
    last: Option<Body>,
}

impl Chain {
    /// A device that has said nothing yet.
    pub fn new(device: Arc<Simulated>, profile: Profile, index: usize, clock: Clock) -> Self {
        Self {
            device,
            profile,
            index,
            clock,
            last: None,
        }
    }

    /// Its next readings, signed. They are forgotten unless kept.
    pub fn batch(&self, count: usize) -> Vec<Signed> {
        let mut last = self.last;
        let mut batch = Vec::with_capacity(count);
        for _ in 0..count {
            let next = next_of(last.as_ref());
            let body = Body {
                key_number: self.device.entry.key_number,
                sequence: next.sequence,
                time: (self.clock)().max(last.map_or(0, |last| last.time.saturating_add(1))),
                value: self.profile.value(self.index, next.sequence),
                device: self.device.entry.id,
                feed: self.profile.feed().name.id(),
                previous: next.previous,
            };
            batch.push(Signed {
                body,
                hardware: self.device.hardware.sign(&body),
                feed: None,
            });
            last = Some(body);
        }
        batch
    }

    /// Remembers that these were stored.
    pub fn keep(&mut self, batch: &[Signed]) {
        self.last = batch.last().map(|signed| signed.body).or(self.last);
    }
}

const HANDSHAKES: usize = 64;
const RETRY: Duration = Duration::from_secs(1);
