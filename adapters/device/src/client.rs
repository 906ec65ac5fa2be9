//! A device's connection to an operator: HTTPS, or MQTT through the operator's broker.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rumqttc::{AsyncClient, Event, EventLoop, Packet, QoS};
use rustls::pki_types::ServerName;
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_rustls::TlsConnector;

use crate::{
    ingest::{answer::Answer, mqtt::Broker},
    wire::Form,
};

/// Readings did not reach the operator, or its answer did not reach us. What was sent may be stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Not a name or address.
    #[error("{0} is no host name or address")]
    Host(String),
    /// No connection.
    #[error("cannot connect to {to}")]
    Connect {
        /// Where to.
        to: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// HTTP went wrong.
    #[error("the connection broke")]
    Http(#[from] hyper::Error),
    /// The request is none.
    #[error("the request cannot be made")]
    Request(#[from] http::Error),
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// An answer of another kind: not an operator of this version.
    #[error("the answer has status {status} and is not about readings: {text:?}")]
    Answer {
        /// Its status.
        status: u16,
        /// Its beginning.
        text: String,
    },
    /// The MQTT client has ended.
    #[error("the MQTT client has stopped")]
    Mqtt(#[from] rumqttc::ClientError),
}

/// One HTTPS connection, made anew when it is gone.
pub struct HttpsClient {
    host: ServerName<'static>,
    authority: String,
    tls: TlsConnector,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl HttpsClient {
    /// A client that has not connected yet.
    ///
    /// # Errors
    /// [`ClientError::Host`].
    pub fn new(host: &str, port: u16, tls: Arc<rustls::ClientConfig>) -> Result<Self, ClientError> {
        let name = ServerName::try_from(host.to_owned());
        Ok(Self {
            host: name.map_err(|_| ClientError::Host(host.to_owned()))?,
            authority: format!("{host}:{port}"),
            tls: TlsConnector::from(tls),
            open: None,
        })
    }

    /// Connects, unless it is connected.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn connect(&mut self) -> Result<(), ClientError> {
        if self.open.as_ref().is_some_and(|open| !open.is_closed()) {
            return Ok(());
        }
        let making = tokio::time::timeout(TIME, self.make()).await;
        self.open = Some(making.map_err(|_| ClientError::Timeout(TIME))??);
        Ok(())
    }

    async fn make(&self) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let failed = |source| ClientError::Connect {
            to: self.authority.clone(),
            source,
        };
        let socket = TcpStream::connect(&self.authority).await.map_err(failed)?;
        // Small requests go out at once; failing to ask for it costs time, not correctness.
        let _ = socket.set_nodelay(true);
        let stream = self
            .tls
            .connect(self.host.clone(), socket)
            .await
            .map_err(failed)?;
        let (open, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the operator ended");
            }
        });
        Ok(open)
    }

    /// Posts a batch.
    ///
    /// # Errors
    /// See [`ClientError`]; the connection is made anew next time.
    pub async fn post(&mut self, form: Form, batch: Bytes) -> Result<Answer, ClientError> {
        self.connect().await?;
        let Some(mut open) = self.open.take() else {
            return Err(ClientError::Timeout(TIME));
        };
        let request = Request::post("/v1/readings")
            .header(header::HOST, &self.authority)
            .header(header::CONTENT_TYPE, form.media_type())
            .body(Full::from(batch))?;
        let answering = async {
            open.ready().await?;
            let response = open.send_request(request).await?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), MAX_ANSWER)
                .collect()
                .await;
            let bytes = body
                .map(http_body_util::Collected::to_bytes)
                .unwrap_or_default();
            Answer::from_json(&bytes).map_err(|_| ClientError::Answer {
                status,
                text: String::from_utf8_lossy(&bytes)
                    .chars()
                    .take(SHOWN)
                    .collect(),
            })
        };
        let answer = tokio::time::timeout(TIME, answering).await;
        let answer = answer.map_err(|_| ClientError::Timeout(TIME))??;
        self.open = Some(open);
        Ok(answer)
    }
}

/// A session with the operator's broker.
#[derive(Debug)]
pub struct MqttClient {
    client: AsyncClient,
    topic: String,
    answers: mpsc::Receiver<Answer>,
    listening: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Drop for MqttClient {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MqttClient {
    /// Starts a client of one topic; it connects, and connects again, by itself.
    pub fn start(broker: &Broker, topic: String) -> Self {
        let mut options = broker.options();
        // Answers to what was sent before a restart would only confuse: it is sent again.
        options.set_clean_session(true);
        let (client, events) = AsyncClient::new(options, REQUESTS);
        let (told, answers) = mpsc::channel(REQUESTS);
        let (listens, listening) = watch::channel(false);
        let poll = Poll {
            client: client.clone(),
            topic: format!("{topic}/+"),
            told,
            listens,
        };
        let task = tokio::spawn(poll.run(events));
        Self {
            client,
            topic,
            answers,
            listening,
            task,
        }
    }

    /// Publishes a batch whose last reading has the number `last`, and waits until it is stored or refused.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn publish(&mut self, batch: Bytes, last: u64) -> Result<Answer, ClientError> {
        // An answer that nobody listens for is lost.
        let listening = self.listening.wait_for(|listening| *listening);
        match tokio::time::timeout(TIME, listening).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => return Err(ClientError::Timeout(TIME)),
        }
        while self.answers.try_recv().is_ok() {}
        let sending = self
            .client
            .publish_bytes(&self.topic, QoS::AtLeastOnce, false, batch);
        tokio::time::timeout(TIME, sending)
            .await
            .map_err(|_| ClientError::Timeout(TIME))??;
        let answering = async {
            while let Some(answer) = self.answers.recv().await {
                match &answer {
                    Answer::Accepted(accepted) if accepted.sequence != Some(last) => {}
                    _ => return Some(answer),
                }
            }
            None
        };
        let answer = tokio::time::timeout(TIME, answering).await;
        answer.ok().flatten().ok_or(ClientError::Timeout(TIME))
    }
}

/// Keeps a session and passes answers on.
struct Poll {
    client: AsyncClient,
    topic: String,
    told: mpsc::Sender<Answer>,
    listens: watch::Sender<bool>,
}

impl Poll {
    async fn run(self, mut events: EventLoop) {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    if let Err(error) = self.client.try_subscribe(&self.topic, QoS::AtLeastOnce) {
                        tracing::warn!(%error, "cannot subscribe to answers");
                    }
                }
                Ok(Event::Incoming(Packet::SubAck(_))) => drop(self.listens.send_replace(true)),
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    match Answer::from_json(&publish.payload) {
                        // One that finds no room belongs to a batch nobody waits for any more.
                        Ok(answer) => drop(self.told.try_send(answer)),
                        Err(error) => tracing::warn!(%error, "an answer cannot be read"),
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    self.listens.send_replace(false);
                    tracing::debug!(%error, "the broker is not reached");
                    tokio::time::sleep(RECONNECT).await;
                }
            }
        }
    }
}

/// Time for a connection, and for an answer.
const TIME: Duration = Duration::from_secs(20);
const RECONNECT: Duration = Duration::from_secs(1);
const MAX_ANSWER: usize = 64 * 1024;
const SHOWN: usize = 200;
const REQUESTS: usize = 16;
