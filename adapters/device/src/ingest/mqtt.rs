//! MQTT: a client of the operator's broker.
//!
//! Devices publish to `causeway/v1/<feed>/<number>`; the broker's access list lets each write to its own topic alone
//! (docs/readings.md has one). A message is acknowledged to the broker after its readings are stored or refused, so what
//! this process loses in a crash the broker sends again. The device is told by `.../accepted` or `.../refused`: the broker's
//! own acknowledgement only says that the broker has it.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use metrics::gauge;
use rumqttc::{
    AsyncClient, Event, EventLoop, MqttOptions, Packet, Publish, QoS, TlsConfiguration, Transport,
};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Ingest,
    answer::{Accepted, Answer, Problem},
    https::{count_accepted, count_refused},
};
use crate::{
    check::{Peer, Verified},
    ledger::{Pending, whole},
    names::{Did, FeedName},
    refusal::{Refusal, Refused},
    wire::{DecodeError, Form, MAX_BYTES},
};

/// Where the broker is, and who we are there.
#[derive(Clone, Debug)]
pub struct Broker {
    /// Name or address; the broker's certificate is for it.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Name of our session: the broker keeps what it could not deliver under this name.
    pub client_id: String,
    /// TLS 1.3 with our certificate.
    pub tls: Arc<rustls::ClientConfig>,
}

impl Broker {
    pub(crate) fn options(&self) -> MqttOptions {
        let mut options = MqttOptions::new(&self.client_id, &self.host, self.port);
        let tls = TlsConfiguration::Rustls(self.tls.clone());
        options
            .set_transport(Transport::tls_with_config(tls))
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_session(false)
            .set_max_packet_size(MAX_PACKET, MAX_PACKET);
        options
    }
}

/// A running client.
#[derive(Debug)]
pub struct MqttIngest {
    stop: CancellationToken,
    tasks: TaskTracker,
    subscribed: watch::Receiver<bool>,
}

impl MqttIngest {
    /// Starts the client; it connects, and connects again, by itself.
    pub fn start(broker: &Broker, ingest: Arc<Ingest>) -> Self {
        let mut options = broker.options();
        options.set_manual_acks(true);
        let (client, events) = AsyncClient::new(options, REQUESTS);
        let (queue, waiting) = mpsc::channel(IN_FLIGHT);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let again = Arc::new(Notify::new());
        let (subscribes, subscribed) = watch::channel(false);
        let poll = Poll {
            client: client.clone(),
            queue,
            again: again.clone(),
            stop: stop.clone(),
            standing: Standing {
                session: broker.client_id.clone(),
                subscribes,
            },
        };
        tasks.spawn(poll.run(events));
        let work = Work {
            client,
            ingest,
            again,
        };
        tasks.spawn(work.run(waiting));
        Self {
            stop,
            tasks,
            subscribed,
        }
    }

    /// Waits until the broker hands readings over. Before an operator's first subscription a broker has nobody to keep readings
    /// for, and drops them: a device that hears nothing of them sends them again.
    pub async fn subscribed(&mut self) {
        // The other end is gone only when this was stopped.
        drop(self.subscribed.wait_for(|subscribed| *subscribed).await);
    }

    /// Disconnects. What was not acknowledged stays with the broker.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Keeps the connection, and never waits for the work: acknowledgements go out through it.
struct Poll {
    client: AsyncClient,
    queue: mpsc::Sender<Publish>,
    again: Arc<Notify>,
    stop: CancellationToken,
    standing: Standing,
}

/// Whether the broker hands readings over, for whoever waits for it and for the metric.
struct Standing {
    session: String,
    subscribes: watch::Sender<bool>,
}

impl Standing {
    fn set(&self, subscribed: bool) {
        // Looked up each time: a handle taken before metrics are collected would never be.
        gauge!("causeway_device_broker_connected", "session" => self.session.clone())
            .set(f64::from(u8::from(subscribed)));
        self.subscribes.send_replace(subscribed);
    }
}

impl Poll {
    async fn run(self, mut events: EventLoop) {
        loop {
            let event = tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.again.notified() => {
                    // What was not stored comes again with a new connection.
                    events.clean();
                    self.standing.set(false);
                    tokio::time::sleep(STORAGE_PAUSE).await;
                    continue;
                }
                event = events.poll() => event,
            };
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    tracing::info!("connected to the broker");
                    if let Err(error) = self.client.try_subscribe(SUBSCRIBED, QoS::AtLeastOnce) {
                        tracing::error!(%error, "cannot subscribe to readings");
                    }
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    self.hand_over(publish, &mut events)
                }
                Ok(Event::Incoming(Packet::SubAck(_))) => self.standing.set(true),
                Ok(_) => {}
                Err(error) => {
                    self.standing.set(false);
                    tracing::warn!(%error, "the broker is not reached");
                    tokio::time::sleep(RECONNECT).await;
                }
            }
        }
    }

    fn hand_over(&self, publish: Publish, events: &mut EventLoop) {
        // A packet identifier has 16 bits, so no broker has more than this unacknowledged.
        if self.queue.try_send(publish).is_err() {
            tracing::error!(
                "the broker sends more than MQTT lets it have in flight; connecting again"
            );
            events.clean();
        }
    }
}

/// Checks, stores, acknowledges; in the order of arrival, many at once.
struct Work {
    client: AsyncClient,
    ingest: Arc<Ingest>,
    again: Arc<Notify>,
}

/// A message on its way through.
struct Taken<T> {
    publish: Publish,
    outcome: Result<T, Refused>,
}

impl Work {
    async fn run(self, waiting: mpsc::Receiver<Publish>) {
        let messages = futures::stream::unfold(waiting, |mut waiting| async {
            waiting.recv().await.map(|publish| (publish, waiting))
        });
        let (checking, submitting) = (self.ingest.clone(), self.ingest.clone());
        let mut outcomes = std::pin::pin!(
            messages
                .map(move |publish| check(checking.clone(), publish))
                .buffered(CHECKED_AT_ONCE)
                .then(move |checked| submit(submitting.clone(), checked))
                .map(stored)
                .buffered(STORED_AT_ONCE)
        );
        while let Some(taken) = outcomes.next().await {
            self.answer(taken).await;
        }
    }

    async fn answer(&self, taken: Taken<Accepted>) {
        let publish = taken.publish;
        let (suffix, answer) = match taken.outcome {
            Ok(accepted) => {
                count_accepted("mqtt", accepted.accepted);
                ("accepted", Answer::Accepted(accepted))
            }
            Err(refused) if matches!(refused.refusal, Refusal::Storage(_)) => {
                count_refused("mqtt", &refused.refusal);
                // Not acknowledged: the broker keeps it and sends it again.
                self.again.notify_one();
                return;
            }
            Err(refused) => {
                count_refused("mqtt", &refused.refusal);
                let reason = refused.refusal.code();
                tracing::info!(reason, index = refused.index, topic = %publish.topic, "readings were refused");
                if let Ok((peer, _)) = source(&publish) {
                    self.ingest.note(&peer, &refused.refusal);
                }
                ("refused", Answer::Refused(Problem::of(&refused)))
            }
        };
        let topic = format!("{}/{suffix}", publish.topic);
        // An answer that is lost is asked for again: the device sends once more and hears that it is stored.
        let told = self
            .client
            .publish(topic, QoS::AtMostOnce, false, answer.to_json())
            .await;
        let acknowledged = self.client.ack(&publish).await;
        if let Err(error) = told.and(acknowledged) {
            tracing::debug!(%error, "the client has stopped");
        }
    }
}

async fn check(ingest: Arc<Ingest>, publish: Publish) -> Taken<(u64, Vec<Verified>)> {
    let outcome = match source(&publish) {
        Ok((peer, form)) => {
            let bytes = publish.payload.clone();
            // A task of its own, so that checks run on all cores.
            let checked = tokio::spawn(async move { ingest.verify_apart(peer, form, bytes).await });
            checked
                .await
                .unwrap_or_else(|_| Err(whole(Refusal::Storage("stopping"))))
        }
        Err(refusal) => Err(whole(refusal)),
    };
    let outcome = outcome.map(|readings| {
        let last = readings
            .last()
            .map_or(0, |last| last.signed().body.sequence);
        (last, readings)
    });
    Taken { publish, outcome }
}

async fn submit(
    ingest: Arc<Ingest>,
    checked: Taken<(u64, Vec<Verified>)>,
) -> Taken<(u64, Pending)> {
    let outcome = match checked.outcome {
        Ok((sequence, readings)) => Ok((sequence, ingest.submit(readings).await)),
        Err(refused) => Err(refused),
    };
    Taken {
        publish: checked.publish,
        outcome,
    }
}

async fn stored(taken: Taken<(u64, Pending)>) -> Taken<Accepted> {
    let outcome = match taken.outcome {
        Ok((sequence, pending)) => pending.stored().await.map(|accepted| Accepted {
            accepted,
            sequence: Some(sequence),
        }),
        Err(refused) => Err(refused),
    };
    Taken {
        publish: taken.publish,
        outcome,
    }
}

fn source(publish: &Publish) -> Result<(Peer, Form), Refusal> {
    if publish.qos == QoS::AtMostOnce {
        return Err(Refusal::TopicMalformed);
    }
    let (did, feed) = of_topic(&publish.topic).ok_or(Refusal::TopicMalformed)?;
    let form = Form::of_first_byte(&publish.payload).ok_or(DecodeError::FormUnknown)?;
    Ok((Peer::Topic { did, feed }, form))
}

/// Device and feed of a topic.
pub fn of_topic(topic: &str) -> Option<(Did, FeedName)> {
    let (feed, number) = topic.strip_prefix(PREFIX)?.split_once('/')?;
    Some((
        Did::of_number(number).ok()?,
        FeedName::of_topic_level(feed).ok()?,
    ))
}

/// The topic of a device's readings of a feed.
pub fn topic(did: &Did, feed: &FeedName) -> String {
    format!("{PREFIX}{}/{}", feed.topic_level(), did.number())
}

const PREFIX: &str = "causeway/v1/";
/// Readings alone: answers are one level deeper, and are not sent back to us.
const SUBSCRIBED: &str = "causeway/v1/+/+";
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const RECONNECT: Duration = Duration::from_secs(1);
const STORAGE_PAUSE: Duration = Duration::from_secs(1);
const MAX_PACKET: usize = MAX_BYTES + 1024;
const IN_FLIGHT: usize = 65_535;
/// Requests to the client that wait: more than one pass of the work makes.
const REQUESTS: usize = 4 * STORED_AT_ONCE;
const CHECKED_AT_ONCE: usize = 64;
const STORED_AT_ONCE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_names_a_device_and_a_feed_alone() {
        let did = Did::new("did:odin:10.cold-7").unwrap();
        let feed = FeedName::new("cold/7/t").unwrap();

        let name = topic(&did, &feed);

        assert_eq!(name, "causeway/v1/cold_7_t/10.cold-7");
        assert_eq!(of_topic(&name), Some((did, feed)));
        for bad in [
            "causeway/v1/x",
            "causeway/v2/x/y",
            "causeway/v1/x/y/refused",
            "causeway/v1//y",
            "",
        ] {
            assert_eq!(of_topic(bad), None, "{bad}");
        }
    }
}
