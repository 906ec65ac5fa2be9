//! Devices that do not keep to the rules: admitted, with keys and certificates of their own, over the real protocol. What they
//! say is signed as any reading is; only what they choose to say is wrong.

use alloy_primitives::B256;

use crate::{
    check::next_of,
    keys::HardwareKey,
    reading::{Body, Signed},
};

/// Whose readings: what an adversary is admitted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The device's id.
    pub device: B256,
    /// The feed's id.
    pub feed: B256,
    /// The time of its first reading, milliseconds since 1970; each one after it is a millisecond later.
    pub begins: u64,
}

/// Signs whatever it is told to.
struct Voice {
    key: HardwareKey,
    identity: Identity,
}

impl Voice {
    fn says(&self, last: Option<&Body>, value: i64) -> Signed {
        let next = next_of(last);
        let body = Body {
            key_number: 1,
            sequence: next.sequence,
            time: self.identity.begins.saturating_add(next.sequence),
            value,
            device: self.identity.device,
            feed: self.identity.feed,
            previous: next.previous,
        };
        Signed {
            hardware: self.key.sign(&body),
            body,
            feed: None,
        }
    }

    fn continues(&self, last: Option<&Body>, values: &[i64]) -> Vec<Signed> {
        let mut said: Vec<Signed> = Vec::with_capacity(values.len());
        for value in values {
            let before = said.last().map(|signed| &signed.body).or(last);
            let next = self.says(before, *value);
            said.push(next);
        }
        said
    }
}

/// Says what it has said already, or says it out of order.
pub struct ReplayingDevice {
    voice: Voice,
    said: Vec<Signed>,
}

impl ReplayingDevice {
    /// One that has said nothing yet.
    pub fn new(key: HardwareKey, identity: Identity) -> Self {
        Self {
            voice: Voice { key, identity },
            said: Vec::new(),
        }
    }

    /// Its next readings, in order, as an honest device says them.
    pub fn honest(&mut self, values: &[i64]) -> Vec<Signed> {
        let said = self.voice.continues(self.last(), values);
        self.said.extend_from_slice(&said);
        said
    }

    /// Everything that it has said so far, once more.
    pub fn replay(&self) -> Vec<Signed> {
        self.said.clone()
    }

    /// What it would say next, the last one first.
    pub fn reordered(&self, values: &[i64]) -> Vec<Signed> {
        let mut next = self.voice.continues(self.last(), values);
        next.reverse();
        next
    }

    /// What it would say next, without the first one.
    pub fn skipping(&self, values: &[i64]) -> Vec<Signed> {
        self.voice
            .continues(self.last(), values)
            .into_iter()
            .skip(1)
            .collect()
    }

    fn last(&self) -> Option<&Body> {
        self.said.last().map(|signed| &signed.body)
    }
}

/// Says one thing to one operator and another to the next, under one number.
pub struct TwoFacedDevice {
    voice: Voice,
    last: Option<Body>,
}

impl TwoFacedDevice {
    /// One that has said nothing yet.
    pub fn new(key: HardwareKey, identity: Identity) -> Self {
        Self {
            voice: Voice { key, identity },
            last: None,
        }
    }

    /// What it says to everybody.
    pub fn common(&mut self, value: i64) -> Signed {
        let said = self.voice.says(self.last.as_ref(), value);
        self.last = Some(said.body);
        said
    }

    /// Two readings of its next number.
    pub fn faces(&self, values: [i64; 2]) -> [Signed; 2] {
        values.map(|value| self.voice.says(self.last.as_ref(), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Evidence, Offence};

    const IDENTITY: Identity = Identity {
        device: B256::repeat_byte(1),
        feed: B256::repeat_byte(2),
        begins: 1_800_000_000_000,
    };

    #[test]
    fn two_faces_are_evidence_and_what_a_replaying_device_says_is_none() {
        let mut two_faced = TwoFacedDevice::new(HardwareKey::generate(), IDENTITY);
        let mut replaying = ReplayingDevice::new(HardwareKey::generate(), IDENTITY);

        let common = two_faced.common(400);
        let [one, other] = two_faced.faces([410, 790]);
        let said = replaying.honest(&[1, 2, 3]);
        let skipping = replaying.skipping(&[4, 5]);

        let evidence = Evidence::of(&one, &other).unwrap();
        assert_eq!(evidence.offence(), Offence::Equivocation);
        assert!(Evidence::of(&common, &one).is_none());
        for (first, second) in said.iter().zip(&said[1..]) {
            assert!(Evidence::of(first, second).is_none());
        }
        assert_eq!(replaying.replay(), said);
        assert_eq!((skipping.len(), skipping[0].body.sequence), (1, 5));
        let reordered = replaying.reordered(&[4, 5]);
        assert_eq!(reordered[0].body.sequence, 5);
        assert_eq!(reordered[1].body.sequence, 4);
    }
}
