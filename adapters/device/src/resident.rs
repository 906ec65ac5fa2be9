//! The process beside the sensor: reads it, signs, keeps on disk, sends, and forgets only what the operator has stored.
//!
//! ```text
//!   source --lines--> capture: sign, commit --> buffer on disk --batches--> uplink --answers--> confirmed
//! ```
//!
//! Every operator is a destination with a progress of its own; a reading is forgotten when all of them have stored it. A slow
//! or silent one holds up no other.
//!
//! A reading is on disk with its number before it is sent, so a crash never makes the device sign one number twice.
//! When the buffer is full, the oldest reading is let go if all but a third of the operators have stored it; so of four, one
//! that is silent for long stops nothing, and takes no more of this chain when it is back. Otherwise new measurements are not
//! taken (they are counted): nothing that is signed is thrown away before so many have it.

pub mod buffer;
pub mod config;
pub mod delivery;
pub mod health;
pub mod source;

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    check::next_of,
    client::{ClientError, HttpsClient, MqttClient},
    decimal::Decimal,
    ledger::{Chained, Clock},
    names::{Did, FeedName, Unit},
    reading::{Body, Signed},
    wire::{Form, Record, to_cbor, to_cose, to_json},
};
use buffer::{Buffer, BufferError};
use config::{Device, Uplink};
use delivery::{Step, decide};
use health::Health;

/// The device and what it says.
pub struct Resident {
    device: Device,
    buffer: Buffer,
    health: Arc<Health>,
    clock: Clock,
    captured: watch::Sender<()>,
}

/// Why a measurement was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// Not a number, or not one of the feed.
    #[error("the source says something that is no plausible value of the feed")]
    Value,
    /// No room.
    #[error("the buffer is full: new measurements are not taken until the operator is reached")]
    Full,
    /// The feed key cannot sign it.
    #[error(transparent)]
    Key(#[from] crate::keys::KeyError),
    /// The disk does not work.
    #[error(transparent)]
    Buffer(#[from] BufferError),
}

impl Resident {
    /// Puts a device together with its buffer.
    ///
    /// # Errors
    /// When the buffer holds readings of another device, feed or key.
    pub async fn new(device: Device, buffer: Buffer, clock: Clock) -> Result<Self, BufferError> {
        buffer.belongs_to(device.chain()).await?;
        let names: Vec<&str> = device
            .uplinks
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        buffer.serve(&names, device.chain()).await?;
        let health = Arc::new(Health::new(buffer.count().await?));
        Ok(Self {
            device,
            buffer,
            health,
            clock,
            captured: watch::Sender::new(()),
        })
    }

    /// What it reports about itself.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// Signs one measurement and puts it on disk.
    ///
    /// # Errors
    /// Says why it was not taken; counted in the health report.
    pub async fn capture(&self, text: &str) -> Result<(), CaptureError> {
        let taken = self.try_capture(text).await;
        match &taken {
            Ok(()) => {
                self.health.captured();
                self.captured.send_replace(());
            }
            Err(CaptureError::Value) => self.health.unreadable(),
            Err(CaptureError::Full) => self.health.not_taken(),
            Err(error) => self.health.problem(&Chained(error).to_string()),
        }
        taken
    }

    async fn try_capture(&self, text: &str) -> Result<(), CaptureError> {
        let feed = &self.device.feed;
        let value = Decimal::parse(plain(text.trim()))
            .ok()
            .and_then(|d| d.scaled(feed.decimals));
        let value = value
            .filter(|v| (feed.min..=feed.max).contains(v))
            .ok_or(CaptureError::Value)?;
        if self.buffer.is_full().await? {
            if !self.buffer.make_room().await? {
                return Err(CaptureError::Full);
            }
            self.health.let_go();
        }
        let head = self.buffer.head(self.device.chain()).await?;
        let next = next_of(head.as_ref());
        let chain = self.device.chain();
        let body = Body {
            key_number: chain.key_number,
            sequence: next.sequence,
            // A clock that was set back does not break the chain: time rises along it.
            time: (self.clock)().max(head.map_or(0, |head| head.time.saturating_add(1))),
            value,
            device: chain.device,
            feed: chain.feed,
            previous: next.previous,
        };
        let feed_key = self.device.feed_key.as_ref();
        let signed = Signed {
            body,
            hardware: self.device.hardware.sign(&body),
            feed: feed_key.map(|key| key.sign(&body)).transpose()?,
        };
        Ok(self.buffer.append(&signed).await?)
    }

    /// Takes measurements and sends them until told to stop.
    pub async fn run(&self, lines: mpsc::Receiver<String>, stop: &CancellationToken) {
        let uplinks = self.device.uplinks.iter();
        let delivering = uplinks.map(|(name, uplink)| self.deliver(name, uplink));
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.take(lines) => {}
            _ = futures::future::join_all(delivering) => {}
        }
    }

    async fn take(&self, mut lines: mpsc::Receiver<String>) {
        while let Some(line) = lines.recv().await {
            if let Err(error) = self.capture(&line).await {
                tracing::warn!(error = %Chained(&error), "a measurement was not taken");
            }
        }
        // The source is at its end; what is on disk is still to be sent.
        std::future::pending().await
    }

    /// Sends to one destination, over and over.
    async fn deliver(&self, to: &str, uplink: &Uplink) {
        let mut sender = Sender::new(&self.device, uplink);
        let mut captured = self.captured.subscribe();
        let mut failures = 0u32;
        loop {
            captured.mark_unchanged();
            match self.deliver_once(to, &mut sender).await {
                Ok(Some(step)) => {
                    failures = 0;
                    if let Some(pause) = step.pause() {
                        tokio::time::sleep(pause).await;
                    }
                }
                Ok(None) => {
                    if captured.changed().await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    self.health.problem(&format!("{to}: {}", Chained(&error)));
                    tracing::warn!(to, error = %Chained(&error), "readings are kept on disk for now");
                    tokio::time::sleep(backoff(failures)).await;
                    failures = failures.saturating_add(1);
                }
            }
        }
    }

    /// Sends the oldest batch; none if there is nothing to send.
    ///
    /// # Errors
    /// When the operator is not reached, or the disk does not work.
    async fn deliver_once(
        &self,
        to: &str,
        sender: &mut Sender,
    ) -> Result<Option<Step>, DeliveryError> {
        let batch = self.buffer.oldest(to, self.device.batch).await?;
        let Some(last) = batch.last() else {
            return Ok(None);
        };
        let answer = sender
            .send(&self.device, &batch, last.body.sequence)
            .await?;
        let lookup = match delivery::confirmed(&answer) {
            Some(sequence) => self.buffer.digest(sequence).await?,
            None => None,
        };
        let step = decide(&batch, &answer, lookup);
        match &step {
            Step::Forget { through } => {
                let forgotten = self.buffer.confirm(to, *through).await?;
                self.health.stored(forgotten);
            }
            Step::Wait { reason, .. } | Step::Stuck { reason } => {
                tracing::warn!(to, %reason, "the operator refuses the oldest readings");
                self.health.problem(&format!("{to}: {reason}"));
            }
        }
        Ok(Some(step))
    }
}

/// Readings were not delivered this time.
#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Buffer(#[from] BufferError),
    #[error(transparent)]
    Form(#[from] crate::wire::DecodeError),
}

/// One of the two ways to the operator.
enum Sender {
    Https(Result<Box<HttpsClient>, String>),
    Mqtt(Box<MqttClient>),
}

impl Sender {
    fn new(device: &Device, uplink: &Uplink) -> Self {
        match uplink {
            Uplink::Https { host, port, tls } => {
                let client = HttpsClient::new(host, *port, tls.clone()).map(Box::new);
                Self::Https(client.map_err(|_| host.clone()))
            }
            Uplink::Mqtt(broker) => {
                let topic = crate::ingest::mqtt::topic(&device.did, &device.feed.name);
                Self::Mqtt(Box::new(MqttClient::start(broker, topic)))
            }
        }
    }

    async fn send(
        &mut self,
        device: &Device,
        batch: &[Signed],
        last: u64,
    ) -> Result<crate::ingest::answer::Answer, DeliveryError> {
        let bytes = encode(device, batch)?.into();
        Ok(match self {
            Self::Https(Ok(client)) => client.post(device.form, bytes).await?,
            Self::Https(Err(host)) => return Err(ClientError::Host(host.clone()).into()),
            Self::Mqtt(client) => client.publish(bytes, last).await?,
        })
    }
}

fn encode(device: &Device, batch: &[Signed]) -> Result<Vec<u8>, crate::wire::DecodeError> {
    let records = || -> Result<Vec<Record>, _> {
        let feed = &device.feed;
        let of = |signed| record(&device.did, &feed.name, &feed.unit, feed.decimals, signed);
        batch.iter().map(of).collect()
    };
    match device.form {
        Form::Json => Ok(to_json(&records()?).into_bytes()),
        Form::Cbor => to_cbor(&records()?),
        Form::Cose => to_cose(batch),
    }
}

/// A signed reading as a record of its feed.
pub(crate) fn record(
    did: &Did,
    feed: &FeedName,
    unit: &Unit,
    decimals: u8,
    signed: &Signed,
) -> Result<Record, crate::wire::DecodeError> {
    let body = signed.body;
    Ok(Record {
        did: did.clone(),
        feed: feed.clone(),
        unit: unit.clone(),
        time: body.time,
        value: Decimal::new(body.value, decimals)?,
        key_number: body.key_number,
        sequence: body.sequence,
        previous: body.previous,
        hardware: signed.hardware,
        feed_signature: signed.feed,
    })
}

/// One second, doubled with each failure up to a minute.
fn backoff(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.min(6)).min(Duration::from_secs(60))
}

/// A number as a reading spells it: sensors print `4.10`, readings have no zeros at the end of a fraction.
fn plain(text: &str) -> &str {
    if text.contains('.') && !text.contains(['e', 'E']) {
        let cut = text.trim_end_matches('0');
        cut.strip_suffix('.').unwrap_or(cut)
    } else {
        text
    }
}

#[cfg(test)]
mod tests;
