//! What a reading must be before it is stored. Pure: the time is an argument, what is known is an argument.
//!
//! Two parts. [`admit`] needs nothing but the directory, so many readings are checked at once: who sends, who speaks, the
//! value, the clock, the signatures. [`follow`] needs the chain's last reading, so one place decides it: number, link, order
//! in time. Signatures come before order because only signed readings are evidence.

use crate::{
    directory::{Device, Directory, Feed, Fingerprint, Standing},
    evidence::Evidence,
    names::{Did, FeedName},
    reading::{Body, Signed},
    refusal::{Next, Refusal},
    wire::{Record, Submitted},
};

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A TLS client with this certificate.
    Certificate(Fingerprint),
    /// Whoever the broker let write to a device's topic.
    Topic {
        /// The topic's device.
        did: Did,
        /// The topic's feed.
        feed: FeedName,
    },
}

/// How far a reading's time may be from ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockLimits {
    /// Milliseconds it may be ahead.
    pub ahead: u64,
    /// Milliseconds it may be old: as long as a device may be without network.
    pub age: u64,
}

impl Default for ClockLimits {
    fn default() -> Self {
        Self {
            ahead: 60_000,
            age: 31 * 24 * 3_600_000,
        }
    }
}

/// A reading that an admitted device signed, with a plausible value. Whether it is the next one is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified(Signed);

impl Verified {
    /// The reading.
    pub fn signed(&self) -> &Signed {
        &self.0
    }
}

/// A reading that is the next of its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Following(Signed);

impl Following {
    /// The reading.
    pub fn signed(&self) -> &Signed {
        &self.0
    }
}

/// Checks everything that does not depend on the readings before.
///
/// # Errors
/// The first rule it breaks.
pub fn admit(
    directory: &Directory,
    peer: &Peer,
    submitted: &Submitted,
    now: u64,
    clock: ClockLimits,
) -> Result<Verified, Refusal> {
    let (signed, device, feed) = resolve(directory, submitted)?;
    let body = &signed.body;
    speaks(directory, peer, device, feed)?;
    if device.entry().standing == Standing::Revoked {
        return Err(Refusal::DeviceRevoked(device.entry().did.clone()));
    }
    let expected = device.entry().key_number;
    if body.key_number != expected {
        let got = body.key_number;
        return Err(Refusal::KeyNumber { expected, got });
    }
    plausible(feed, body)?;
    in_time(body, now, clock)?;
    if !device.hardware().verify(body, &signed.hardware) {
        return Err(Refusal::SignatureWrong);
    }
    match (signed.feed, device.feed_key()) {
        (None, _) if feed.proved => return Err(Refusal::FeedSignatureMissing),
        (None, _) => {}
        (Some(signature), Some(key)) if key.verify(body, &signature) => {}
        (Some(_), _) => return Err(Refusal::FeedSignatureWrong),
    }
    Ok(Verified(signed))
}

/// What a chain's last reading says about the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "almost every reading is the next one; plain values keep `match` plain"
)]
pub enum Order {
    /// It is the next.
    Next(Following),
    /// It bears a number that is already stored: compare it with that one, [`repeated`].
    Old,
}

/// Checks that a reading is the next one of its chain, of which `last` is the newest.
///
/// # Errors
/// [`Refusal::Gap`], [`Refusal::ClockBack`], [`Refusal::Contradiction`].
pub fn follow(last: Option<&Signed>, new: &Verified) -> Result<Order, Refusal> {
    let body = &new.0.body;
    let next = next_of(last.map(|last| &last.body));
    if body.sequence < next.sequence {
        return Ok(Order::Old);
    }
    if body.sequence > next.sequence {
        let got = body.sequence;
        return Err(Refusal::Gap { next, got });
    }
    let before = last.unwrap_or(&new.0);
    if let Some(evidence) = Evidence::of(before, &new.0) {
        return Err(Refusal::Contradiction(Box::new(evidence)));
    }
    match last {
        Some(last) if body.time <= last.body.time => Err(Refusal::ClockBack {
            previous: last.body.time,
            got: body.time,
        }),
        _ => Ok(Order::Next(Following(new.0))),
    }
}

/// What a reading is whose number is already `stored`: the same again, or evidence.
pub fn repeated(last: Option<&Signed>, stored: &Signed, new: &Verified) -> Refusal {
    match Evidence::of(stored, &new.0) {
        Some(evidence) => Refusal::Contradiction(Box::new(evidence)),
        None => Refusal::Replayed {
            next: next_of(last.map(|last| &last.body)),
            got: new.0.body.sequence,
        },
    }
}

/// What the next reading of a chain must carry.
pub fn next_of(last: Option<&Body>) -> Next {
    last.map_or(
        Next {
            sequence: 1,
            previous: alloy_primitives::B256::ZERO,
        },
        |last| Next {
            // Sequence numbers are below 2^63.
            sequence: last.sequence.saturating_add(1),
            previous: last.digest(),
        },
    )
}

fn resolve<'a>(
    directory: &'a Directory,
    submitted: &Submitted,
) -> Result<(Signed, &'a Device, &'a Feed), Refusal> {
    match submitted {
        Submitted::Record(record) => of_record(directory, record),
        Submitted::Sealed(signed) => {
            let unknown = |id: &alloy_primitives::B256| id.to_string();
            let device = directory.device(&signed.body.device);
            let device =
                device.ok_or_else(|| Refusal::DeviceUnknown(unknown(&signed.body.device)))?;
            let feed = directory
                .feed(&signed.body.feed)
                .filter(|f| device.entry().feeds.contains(&f.name));
            let feed = feed.ok_or_else(|| Refusal::FeedUnknown(unknown(&signed.body.feed)))?;
            Ok((*signed, device, feed))
        }
    }
}

fn of_record<'a>(
    directory: &'a Directory,
    record: &Record,
) -> Result<(Signed, &'a Device, &'a Feed), Refusal> {
    let device = directory.by_did(&record.did);
    let device = device.ok_or_else(|| Refusal::DeviceUnknown(record.did.to_string()))?;
    let feed = directory
        .feed(&record.feed.id())
        .filter(|f| device.entry().feeds.contains(&f.name));
    let feed = feed.ok_or_else(|| Refusal::FeedUnknown(record.feed.to_string()))?;
    if record.unit != feed.unit {
        return Err(Refusal::UnitWrong {
            expected: feed.unit.clone(),
            got: record.unit.clone(),
        });
    }
    let decimals = feed.decimals;
    let value = record
        .value
        .scaled(decimals)
        .ok_or(Refusal::ValuePrecision { decimals })?;
    let signed = Signed {
        body: Body {
            key_number: record.key_number,
            sequence: record.sequence,
            time: record.time,
            value,
            device: device.entry().id,
            feed: record.feed.id(),
            previous: record.previous,
        },
        hardware: record.hardware,
        feed: record.feed_signature,
    };
    Ok((signed, device, feed))
}

fn speaks(directory: &Directory, peer: &Peer, device: &Device, feed: &Feed) -> Result<(), Refusal> {
    let entry = device.entry();
    match peer {
        Peer::Certificate(fingerprint) => {
            let speaker = directory.by_certificate(fingerprint).map(|d| d.entry());
            let speaker = speaker.ok_or(Refusal::CertificateUnknown)?;
            if speaker.standing == Standing::Revoked {
                return Err(Refusal::DeviceRevoked(speaker.did.clone()));
            }
            if speaker.id != entry.id && entry.speaker != Some(speaker.id) {
                return Err(Refusal::CertificateOther(entry.did.clone()));
            }
        }
        Peer::Topic { did, feed: topic } => {
            if *did != entry.did || *topic != feed.name {
                let (did, feed) = (entry.did.clone(), feed.name.clone());
                return Err(Refusal::TopicOther { did, feed });
            }
        }
    }
    Ok(())
}

fn plausible(feed: &Feed, body: &Body) -> Result<(), Refusal> {
    let (min, max, got) = (feed.min, feed.max, body.value);
    if (min..=max).contains(&got) {
        Ok(())
    } else {
        Err(Refusal::ValueImplausible { min, max, got })
    }
}

fn in_time(body: &Body, now: u64, clock: ClockLimits) -> Result<(), Refusal> {
    let (ahead, age) = (body.time.saturating_sub(now), now.saturating_sub(body.time));
    if ahead > clock.ahead {
        return Err(Refusal::ClockAhead { ahead });
    }
    if age > clock.age {
        let max = clock.age;
        return Err(Refusal::ClockBehind { age, max });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
