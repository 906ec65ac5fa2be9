//! A world for tests: devices with keys, a feed, readings in a chain.

use alloy_primitives::{B256, keccak256};

use crate::{
    decimal::Decimal,
    directory::{Directory, Entry, Feed, Fingerprint, Standing},
    keys::{FeedKey, HardwareKey},
    names::{Did, FeedName, Unit},
    reading::{Body, Signed},
    wire::{Record, Submitted},
};

/// When tests happen.
pub(crate) const NOW: u64 = 1_763_733_600_000;

pub(crate) fn feed() -> Feed {
    Feed {
        name: FeedName::new("cold/7/t").unwrap(),
        unit: Unit::new("Cel").unwrap(),
        decimals: 2,
        min: -40_00,
        max: 60_00,
        proved: false,
    }
}

/// A device with its keys, and the last thing it said.
pub(crate) struct Sensor {
    pub(crate) did: Did,
    pub(crate) id: B256,
    pub(crate) hardware: HardwareKey,
    pub(crate) feed_key: FeedKey,
    pub(crate) last: Option<Signed>,
}

impl Sensor {
    pub(crate) fn new(number: &str) -> Self {
        Self {
            did: Did::of_number(number).unwrap(),
            id: keccak256(number),
            hardware: HardwareKey::generate(),
            feed_key: FeedKey::from_seed(&keccak256(number).0).unwrap(),
            last: None,
        }
    }

    pub(crate) fn certificate(&self) -> Fingerprint {
        Fingerprint(keccak256(self.did.as_str()))
    }

    pub(crate) fn entry(&self) -> Entry {
        Entry {
            id: self.id,
            did: self.did.clone(),
            certificate: self.certificate(),
            speaker: None,
            key_number: 1,
            hardware: self.hardware.public().coordinates(),
            feed_key: Some(self.feed_key.public().coordinates()),
            feeds: [feed().name].into(),
            standing: Standing::Active,
        }
    }

    /// What it would say next, a second after the last.
    pub(crate) fn body(&self, value: i64) -> Body {
        let next = crate::check::next_of(self.last.as_ref().map(|last| &last.body));
        Body {
            key_number: 1,
            sequence: next.sequence,
            time: NOW - 3_600_000 + next.sequence * 1000,
            value,
            device: self.id,
            feed: feed().name.id(),
            previous: next.previous,
        }
    }

    pub(crate) fn sign(&self, body: Body) -> Signed {
        Signed {
            body,
            hardware: self.hardware.sign(&body),
            feed: None,
        }
    }

    /// Says the next thing and remembers it.
    pub(crate) fn say(&mut self, value: i64) -> Signed {
        let signed = self.sign(self.body(value));
        self.last = Some(signed);
        signed
    }

    pub(crate) fn record(&self, signed: &Signed) -> Record {
        let Signed {
            body,
            hardware,
            feed: signature,
        } = *signed;
        Record {
            did: self.did.clone(),
            feed: feed().name,
            unit: feed().unit,
            time: body.time,
            value: Decimal::new(body.value, feed().decimals).unwrap(),
            key_number: body.key_number,
            sequence: body.sequence,
            previous: body.previous,
            hardware,
            feed_signature: signature,
        }
    }

    pub(crate) fn submitted(&self, signed: &Signed) -> Submitted {
        Submitted::Record(Box::new(self.record(signed)))
    }
}

pub(crate) fn directory(sensors: &[&Sensor]) -> Directory {
    let mut directory = Directory::default();
    directory.describe(feed()).unwrap();
    for sensor in sensors {
        directory.admit(sensor.entry()).unwrap();
    }
    directory
}
