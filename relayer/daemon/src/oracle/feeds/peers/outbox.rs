//! A bounded queue for each of the other operators.

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy_primitives::Address;
use bytes::Bytes;
use reqwest::{Certificate, Client, Identity};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info, warn};

use super::{
    super::{FeedsError, Operating, Shared},
    Envelope,
};
use crate::{api::Problem, metrics};

/// The queues of one operator.
pub(in super::super) struct Outboxes(BTreeMap<Address, Arc<Outbox>>);

struct Outbox {
    queue: Mutex<VecDeque<Bytes>>,
    bell: Notify,
}

impl Outboxes {
    /// Starts a task for each of the other operators.
    pub(super) fn start(
        shared: &Arc<Shared>,
        operator: &Operating,
        tasks: &TaskTracker,
    ) -> Result<Self, FeedsError> {
        let client = client(operator)?;
        let here = shared.config.operators.iter();
        let here = here.filter_map(|other| {
            let addr = shared.endpoints.get(&other.name)?;
            Some((other.name.clone(), other.account, format!("https://{addr}")))
        });
        let elsewhere = shared.config.peers.iter();
        let elsewhere = elsewhere.map(|peer| (peer.name.clone(), peer.account, peer.url.clone()));
        let others = here.chain(elsewhere);
        let mut outboxes = BTreeMap::new();
        for (name, account, url) in others.filter(|(_, account, _)| *account != operator.account) {
            let outbox = Arc::new(Outbox {
                queue: Mutex::default(),
                bell: Notify::new(),
            });
            let sender = Sender {
                outbox: Arc::clone(&outbox),
                client: client.clone(),
                operator: operator.name.clone(),
                to: name,
                url: format!("{}/v1/feed/messages", url.trim_end_matches('/')),
                reached: None,
            };
            tasks.spawn(sender.run(shared.stop.clone()));
            outboxes.insert(account, outbox);
        }
        Ok(Self(outboxes))
    }

    /// Has a message sent to every other operator.
    pub(in super::super) fn broadcast(&self, envelope: &Envelope) {
        let Some(bytes) = written(envelope) else {
            return;
        };
        for outbox in self.0.values() {
            outbox.push(bytes.clone());
        }
    }

    /// Has a message sent to one of them.
    pub(in super::super) fn send(&self, to: Address, envelope: &Envelope) {
        if let (Some(outbox), Some(bytes)) = (self.0.get(&to), written(envelope)) {
            outbox.push(bytes);
        }
    }
}

fn written(envelope: &Envelope) -> Option<Bytes> {
    let written = serde_json::to_vec(envelope);
    if let Err(error) = &written {
        tracing::error!(%error, "a message cannot be written");
    }
    written.ok().map(Bytes::from)
}

impl Outbox {
    /// What is oldest goes first when there is no room: it is said again anyway (F3).
    fn push(&self, bytes: Bytes) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() == QUEUED {
            queue.pop_front();
        }
        queue.push_back(bytes);
        drop(queue);
        self.bell.notify_one();
    }

    async fn next(&self) -> Bytes {
        loop {
            let first = {
                let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                queue.pop_front()
            };
            match first {
                Some(bytes) => return bytes,
                None => self.bell.notified().await,
            }
        }
    }
}

struct Sender {
    outbox: Arc<Outbox>,
    client: Client,
    operator: String,
    to: String,
    url: String,
    /// Whether the last message arrived; `None` before the first.
    reached: Option<bool>,
}

impl Sender {
    async fn run(mut self, stop: CancellationToken) {
        while let Some(bytes) = stop.run_until_cancelled(self.outbox.next()).await {
            let sent = stop.run_until_cancelled(self.post(bytes)).await;
            let Some(outcome) = sent else { return };
            metrics::feed_sent(&self.operator, &self.to, outcome);
            let pause = tokio::time::sleep(PAUSE);
            if outcome != "sent" && stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    async fn post(&mut self, bytes: Bytes) -> &'static str {
        let request = self.client.post(&self.url);
        let request = request
            .header("content-type", "application/json")
            .body(bytes);
        let (operator, to) = (&self.operator, &self.to);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                if self.reached != Some(false) {
                    warn!(operator, to, error = %chained(&error), "another operator is not reached");
                }
                self.reached = Some(false);
                return "unreachable";
            }
        };
        if self.reached == Some(false) {
            info!(operator, to, "another operator is reached again");
        }
        self.reached = Some(true);
        let status = response.status();
        if status.is_success() {
            return "sent";
        }
        let problem = response.json::<Problem>().await;
        let detail = problem.map_or_else(|error| error.to_string(), |problem| problem.detail);
        debug!(operator, to, %status, detail, "another operator refuses a message");
        if status == reqwest::StatusCode::TOO_MANY_REQUESTS {
            return "busy";
        }
        "refused"
    }
}

fn chained(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn client(operator: &Operating) -> Result<Client, FeedsError> {
    let failed = |source| FeedsError::Client {
        operator: operator.name.clone(),
        source,
    };
    // An error means that the provider is set already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut pem = zeroize::Zeroizing::new(read(&operator.tls.certificate)?);
    pem.extend(read(&operator.tls.key)?);
    let identity = Identity::from_pem(&pem).map_err(failed)?;
    let ca = Certificate::from_pem(&read(&operator.tls.ca)?).map_err(failed)?;
    Client::builder()
        .use_rustls_tls()
        .identity(identity)
        .tls_built_in_root_certs(false)
        .add_root_certificate(ca)
        .timeout(TIMEOUT)
        .no_proxy()
        .build()
        .map_err(failed)
}

fn read(path: &Path) -> Result<Vec<u8>, FeedsError> {
    fs::read(path).map_err(|source| FeedsError::File {
        path: path.into(),
        source,
    })
}

/// Messages that may wait for one operator.
const QUEUED: usize = 64;
/// Longest a message takes.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after a message that did not arrive.
const PAUSE: Duration = Duration::from_millis(200);
