//! What operators send each other: an endpoint for each operator run here, and a queue for each of the others.
//!
//! The certificate names the sender; what it says is believed only as far as it is signed. A message is sent once: what is
//! lost is said again by the operator itself (F3), so nothing is repeated here.

mod door;
mod outbox;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use alloy_primitives::{Address, B256};
use causeway_adapter_hosted::tls::TlsFiles;
use causeway_core::feed::Message;
use serde::{Deserialize, Serialize};
use tokio::{
    net::TcpListener,
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{FeedSite, FeedsConfig, FeedsError, Operating, Shared, operator::Operator};
use door::Endpoint;
pub(super) use outbox::Outboxes;

/// A message as it travels: the body of `POST /v1/feed/messages`, in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// Id of the feed.
    pub feed: B256,
    /// What is said.
    pub message: Message,
}

/// The answer: whether the message changed anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// It did.
    pub taken: bool,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Largest message, bytes: a proposal of 31 operators has less than half of it.
pub const MAX_MESSAGE: usize = 64 * 1024;
/// Messages of one sender that may wait for one operator; more are refused until it has caught up.
const WAITING: usize = 16;
/// Messages of all senders that may wait for one feed of one operator.
const MAILBOX: usize = 128;

/// A message that waits for the operator. Its place among the sender's is given back when it is dropped.
pub(super) struct Letter {
    pub(super) from: Address,
    pub(super) message: Message,
    pub(super) reply: oneshot::Sender<Result<Taken, String>>,
    pub(super) _place: OwnedSemaphorePermit,
}

/// Endpoints that are open and not served yet: only when all are open does each operator know where the others are.
pub(super) struct Doors(Vec<Opened>);

struct Opened {
    operator: Arc<Operating>,
    listener: TcpListener,
    addr: SocketAddr,
    acceptor: TlsAcceptor,
    inboxes: BTreeMap<B256, mpsc::Sender<Letter>>,
    letters: Vec<(Arc<FeedSite>, mpsc::Receiver<Letter>)>,
    stop: CancellationToken,
}

impl Doors {
    /// Opens an endpoint for each operator that is run here.
    pub(super) async fn open(
        config: &FeedsConfig,
        feeds: &[Arc<FeedSite>],
        stop: &CancellationToken,
    ) -> Result<Self, FeedsError> {
        let mut doors = Vec::with_capacity(config.operators.len());
        for operator in &config.operators {
            let listen = operator.listen;
            let failed = |source| FeedsError::Listen {
                operator: operator.name.clone(),
                listen,
                source,
            };
            let listener = TcpListener::bind(listen).await.map_err(failed)?;
            let addr = listener.local_addr().map_err(failed)?;
            let tls = TlsFiles {
                ca: operator.tls.ca.clone(),
                certificate: operator.tls.certificate.clone(),
                key: operator.tls.key.clone(),
            };
            let (mut inboxes, mut letters) = (BTreeMap::new(), Vec::new());
            for site in feeds {
                let (send, receive) = mpsc::channel(MAILBOX);
                inboxes.insert(site.id, send);
                letters.push((Arc::clone(site), receive));
            }
            doors.push(Opened {
                operator: Arc::clone(operator),
                listener,
                addr,
                acceptor: TlsAcceptor::from(tls.load()?),
                inboxes,
                letters,
                stop: stop.clone(),
            });
        }
        Ok(Self(doors))
    }

    /// Where they are, by the operators' names.
    pub(super) fn addresses(&self) -> BTreeMap<String, SocketAddr> {
        let doors = self.0.iter();
        doors
            .map(|door| (door.operator.name.clone(), door.addr))
            .collect()
    }

    /// Begins to serve them, and starts the operators behind.
    pub(super) fn serve(self, shared: &Arc<Shared>, tasks: &TaskTracker) -> Result<(), FeedsError> {
        let here = shared.config.operators.iter();
        let here = here.map(|operator| (operator.name.clone(), operator.account));
        let elsewhere = shared.config.peers.iter();
        let elsewhere = elsewhere.map(|peer| (peer.name.clone(), peer.account));
        let names: BTreeMap<String, Address> = here.chain(elsewhere).collect();
        for door in self.0 {
            let outboxes = Outboxes::start(shared, &door.operator, tasks)?;
            let outboxes = Arc::new(outboxes);
            for (site, letters) in door.letters {
                let operator = Operator::new(
                    Arc::clone(shared),
                    site,
                    Arc::clone(&door.operator),
                    Arc::clone(&outboxes),
                    letters,
                );
                tasks.spawn(operator.run());
            }
            let endpoint = Endpoint::new(door.operator.name.clone(), names.clone(), door.inboxes);
            let served = endpoint.serve(door.listener, door.addr, door.acceptor, door.stop);
            tasks.spawn(served);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
