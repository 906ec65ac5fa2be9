//! The operator's side: readings come in, are checked, stored, and only then confirmed.
//!
//! | module | for |
//! |---|---|
//! | [`https`] | POST with mutual TLS |
//! | [`mqtt`] | a client of the operator's broker |
//! | [`answer`] | what a sender is told |
//! | [`troubles`] | what was refused of each device |

pub mod answer;
pub mod https;
pub mod mqtt;
pub mod troubles;

use std::{num::NonZeroU32, sync::Arc};

use alloy_primitives::{B256, keccak256};
use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock as _};
use parking_lot::RwLock;

use self::troubles::{Trouble, Troubles};
use crate::{
    check::{ClockLimits, Peer, Verified, admit},
    directory::{Directory, Standing},
    ledger::{Clock, Ledger, Pending, whole},
    refusal::{Refusal, Refused},
    sink::Sink,
    wire::{Form, Submitted, decode},
};

/// What a device may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Clocks.
    pub clock: ClockLimits,
    /// Readings a device may send each second, on average.
    pub per_second: NonZeroU32,
    /// Readings it may send at once; at least a batch, so that a drained buffer gets through.
    pub burst: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clock: ClockLimits::default(),
            per_second: NonZeroU32::new(100).unwrap_or(NonZeroU32::MIN),
            burst: NonZeroU32::new(1024).unwrap_or(NonZeroU32::MIN),
        }
    }
}

/// One operator's intake, shared by its transports.
pub struct Ingest {
    directory: RwLock<Directory>,
    ledger: Ledger,
    clock: Clock,
    limits: Limits,
    rates: DefaultKeyedRateLimiter<B256>,
    troubles: Troubles,
}

impl std::fmt::Debug for Ingest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ingest")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Ingest {
    /// Starts an intake over a store. Needs a tokio runtime.
    pub fn start(
        directory: Directory,
        sink: Arc<dyn Sink>,
        clock: Clock,
        limits: Limits,
    ) -> Arc<Self> {
        let quota = Quota::per_second(limits.per_second).allow_burst(limits.burst);
        Arc::new(Self {
            directory: RwLock::new(directory),
            ledger: Ledger::start(sink, clock.clone()),
            clock,
            limits,
            rates: DefaultKeyedRateLimiter::keyed(quota),
            troubles: Troubles::default(),
        })
    }

    /// Changes what is known of devices: admitted, revoked, rekeyed. Holds from the next batch on, on open connections too.
    pub fn update<T>(&self, change: impl FnOnce(&mut Directory) -> T) -> T {
        change(&mut self.directory.write())
    }

    /// Reads and checks a batch, as far as that needs no earlier readings.
    ///
    /// # Errors
    /// Which reading is refused, and why.
    pub fn verify(&self, peer: &Peer, form: Form, bytes: &[u8]) -> Result<Vec<Verified>, Refused> {
        let known = self.known(peer).map_err(whole)?;
        let readings = decode(form, bytes).map_err(|error| whole(error.into()))?;
        self.within_rate(known, &readings).map_err(whole)?;
        let now = (self.clock)();
        let directory = self.directory.read();
        let check = |(index, reading)| {
            let verdict = admit(&directory, peer, reading, now, self.limits.clock);
            verdict.map_err(|refusal| Refused { index, refusal })
        };
        readings.iter().enumerate().map(check).collect()
    }

    /// Takes a batch or refuses it; when this returns `Ok` it is stored, durably.
    ///
    /// # Errors
    /// Which reading is refused, and why. Nothing of the batch was kept.
    pub async fn take(
        self: &Arc<Self>,
        peer: Peer,
        form: Form,
        bytes: bytes::Bytes,
    ) -> Result<usize, Refused> {
        let outcome = async {
            let verified = self.verify_apart(peer.clone(), form, bytes).await?;
            self.ledger.try_submit(verified)?.stored().await
        };
        let outcome = outcome.await;
        if let Err(refused) = &outcome {
            self.note(&peer, &refused.refusal);
        }
        outcome
    }

    /// What was refused of a device since the start, newest first, [`troubles::KEPT`] at most.
    pub fn troubles(&self, device: &B256) -> Vec<Trouble> {
        self.troubles.of(device)
    }

    /// Keeps what was refused of an admitted device; of others nothing is kept.
    pub(crate) fn note(&self, peer: &Peer, refusal: &Refusal) {
        let directory = self.directory.read();
        let device = match peer {
            Peer::Certificate(fingerprint) => directory.by_certificate(fingerprint),
            Peer::Topic { did, .. } => directory.by_did(did),
        };
        if let Some(device) = device {
            self.troubles
                .note(device.entry().id, (self.clock)(), refusal);
        }
    }

    /// As [`Ingest::verify`], large batches on a thread of their own so that nobody else waits for them.
    pub(crate) async fn verify_apart(
        self: &Arc<Self>,
        peer: Peer,
        form: Form,
        bytes: bytes::Bytes,
    ) -> Result<Vec<Verified>, Refused> {
        if bytes.len() < SMALL {
            return self.verify(&peer, form, &bytes);
        }
        let this = Arc::clone(self);
        let apart = tokio::task::spawn_blocking(move || this.verify(&peer, form, &bytes));
        // Only a stopping runtime drops the work.
        apart
            .await
            .unwrap_or_else(|_| Err(whole(Refusal::Storage("stopping"))))
    }

    /// Hands over checked readings, waiting for room.
    pub(crate) async fn submit(&self, readings: Vec<Verified>) -> Pending {
        self.ledger.submit(readings).await
    }

    /// A sender we know, before anything of it is read.
    fn known(&self, peer: &Peer) -> Result<B256, Refusal> {
        let directory = self.directory.read();
        let device = match peer {
            Peer::Certificate(fingerprint) => directory
                .by_certificate(fingerprint)
                .ok_or(Refusal::CertificateUnknown)?,
            Peer::Topic { did, .. } => directory
                .by_did(did)
                .ok_or_else(|| Refusal::DeviceUnknown(did.to_string()))?,
        };
        if device.entry().standing == Standing::Revoked {
            return Err(Refusal::DeviceRevoked(device.entry().did.clone()));
        }
        Ok(match peer {
            Peer::Certificate(fingerprint) => fingerprint.0,
            Peer::Topic { did, .. } => keccak256(did.as_str()),
        })
    }

    /// Counted by who sends, not by who is said to speak: nobody uses up another device's allowance.
    fn within_rate(&self, sender: B256, readings: &[Submitted]) -> Result<(), Refusal> {
        let count = u32::try_from(readings.len()).ok().and_then(NonZeroU32::new);
        let Some(count) = count else { return Ok(()) };
        match self.rates.check_key_n(&sender, count) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(until)) => {
                let wait = until.wait_time_from(governor::clock::DefaultClock::default().now());
                let retry_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                Err(Refusal::TooOften { retry_ms })
            }
            // More at once than the burst: smaller batches get through.
            Err(_) => Err(Refusal::Malformed(crate::wire::DecodeError::TooMany)),
        }
    }
}

/// Batches below this are checked where they are read: about a dozen readings.
const SMALL: usize = 4096;
