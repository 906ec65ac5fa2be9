//! One reading: the 128 bytes a device signs, their digest, and what a reading with its signatures is.
//!
//! The layout is fixed together with the contracts in docs/devices.md; `ReadingTypes.sol` computes the same digest.

use alloy_primitives::B256;
use sha2::{Digest as _, Sha256};

/// Length of what is signed.
pub const BODY_LENGTH: usize = 128;
/// Times are below this.
pub const TIME_LIMIT: u64 = 1 << 44;
/// Sequence numbers are below this, so that a database keeps them as its own integers.
pub const SEQUENCE_LIMIT: u64 = 1 << 63;

/// What a device says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body {
    /// Which of the device's keys signs, from 1.
    pub key_number: u32,
    /// Which reading of its chain this is, from 1.
    pub sequence: u64,
    /// Milliseconds since 1970.
    pub time: u64,
    /// In units of the feed's last decimal.
    pub value: i64,
    /// The device's id.
    pub device: B256,
    /// The feed's id.
    pub feed: B256,
    /// Digest of the reading before; zero for the first.
    pub previous: B256,
}

/// 128 bytes are not a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Another length.
    #[error("a reading has {BODY_LENGTH} bytes, got {0}")]
    Length(usize),
    /// Not the tag of this version.
    #[error("the first four bytes are not CWR1")]
    Tag,
    /// Key numbers begin with 1.
    #[error("the key number is zero: keys are counted from 1")]
    KeyNumberZero,
    /// Sequence numbers begin with 1.
    #[error("the sequence number is zero: readings are counted from 1")]
    SequenceZero,
    /// Too high a sequence number.
    #[error("the sequence number is not below 2^63")]
    SequenceRange,
    /// Too far a time.
    #[error("the time is not below 2^44 milliseconds")]
    TimeRange,
}

impl Body {
    /// Checks what the layout alone demands.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(self) -> Result<Self, BodyError> {
        match self {
            Self { key_number: 0, .. } => Err(BodyError::KeyNumberZero),
            Self { sequence: 0, .. } => Err(BodyError::SequenceZero),
            Self { sequence, .. } if sequence >= SEQUENCE_LIMIT => Err(BodyError::SequenceRange),
            Self { time, .. } if time >= TIME_LIMIT => Err(BodyError::TimeRange),
            body => Ok(body),
        }
    }

    /// The 128 bytes.
    pub fn to_bytes(&self) -> [u8; BODY_LENGTH] {
        let mut bytes = [0; BODY_LENGTH];
        let fields: [&[u8]; 8] = [
            &TAG,
            &self.key_number.to_be_bytes(),
            &self.sequence.to_be_bytes(),
            &self.time.to_be_bytes(),
            &self.value.to_be_bytes(),
            self.device.as_slice(),
            self.feed.as_slice(),
            self.previous.as_slice(),
        ];
        // The fields are 128 bytes together, so each target is filled.
        for (target, source) in bytes.iter_mut().zip(fields.concat()) {
            *target = source;
        }
        bytes
    }

    /// Reads the 128 bytes.
    ///
    /// # Errors
    /// See [`BodyError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BodyError> {
        let whole: &[u8; BODY_LENGTH] = bytes
            .try_into()
            .map_err(|_| BodyError::Length(bytes.len()))?;
        let mut rest = whole.as_slice();
        if take::<4>(&mut rest)? != TAG {
            return Err(BodyError::Tag);
        }
        Self {
            key_number: u32::from_be_bytes(take(&mut rest)?),
            sequence: u64::from_be_bytes(take(&mut rest)?),
            time: u64::from_be_bytes(take(&mut rest)?),
            value: i64::from_be_bytes(take(&mut rest)?),
            device: B256::new(take(&mut rest)?),
            feed: B256::new(take(&mut rest)?),
            previous: B256::new(take(&mut rest)?),
        }
        .check()
    }

    /// What an ES256 signature is made of: the `Sig_structure` of a COSE_Sign1 whose payload is the body.
    pub fn signed_bytes(&self) -> Vec<u8> {
        [PREFIX.as_slice(), &self.to_bytes()].concat()
    }

    /// What names this reading, and what the next one carries.
    pub fn digest(&self) -> B256 {
        B256::new(Sha256::digest(self.signed_bytes()).into())
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], BodyError> {
    let (head, tail) = rest.split_first_chunk().ok_or(BodyError::Length(N))?;
    *rest = tail;
    Ok(*head)
}

/// A feed key's signature: R.x, R.y (twisted), S, 32 bytes each.
pub type FeedSignature = [u8; 96];

/// A reading with its signatures, not yet believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// What is said.
    pub body: Body,
    /// The hardware key's signature: r and s.
    pub hardware: [u8; 64],
    /// The feed key's signature, for statements in zero knowledge.
    pub feed: Option<FeedSignature>,
}

/// One device's readings of one feed under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Chain {
    /// The device's id.
    pub device: B256,
    /// The feed's id.
    pub feed: B256,
    /// Which key.
    pub key_number: u32,
}

impl Signed {
    /// The chain it belongs to.
    pub fn chain(&self) -> Chain {
        let Body {
            device,
            feed,
            key_number,
            ..
        } = self.body;
        Chain {
            device,
            feed,
            key_number,
        }
    }
}

const TAG: [u8; 4] = *b"CWR1";
/// Array of four, "Signature1", {1: -7}, no external data, 128 bytes follow.
const PREFIX: [u8; 19] = *b"\x84\x6aSignature1\x43\xa1\x01\x26\x40\x58\x80";

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The vectors of docs/devices.md; `contracts/test` has the same for what a contract computes.
    #[test]
    fn digests_are_those_that_contracts_compute() {
        let first = Body {
            key_number: 1,
            sequence: 1,
            time: 1_800_000_000_123,
            value: -425,
            device: B256::repeat_byte(0x11),
            feed: B256::repeat_byte(0x22),
            previous: B256::ZERO,
        };
        let second = Body {
            sequence: 2,
            time: 1_800_000_060_123,
            value: i64::MAX,
            previous: first.digest(),
            ..first
        };

        let digests = [first, second].map(|body| body.digest().to_string());

        let expected = [
            "0xc7a6a678fbe023870babf6e133419264473b6ed09c49fc3743a393ab57348ccd",
            "0x23f797a7e7b1e9e40f082c20769cd8c1e32c0dc8011f3038191305d130bfcb29",
        ];
        assert_eq!(digests, expected);
    }

    pub(crate) fn body() -> Body {
        Body {
            key_number: 1,
            sequence: 1,
            time: 1_763_733_600_123,
            value: 425,
            device: B256::repeat_byte(0xd1),
            feed: B256::repeat_byte(0xfe),
            previous: B256::ZERO,
        }
    }

    pub(crate) fn bodies() -> impl Strategy<Value = Body> {
        let ids = (any::<[u8; 32]>(), any::<[u8; 32]>(), any::<[u8; 32]>());
        (1u32.., 1..SEQUENCE_LIMIT, 0..TIME_LIMIT, any::<i64>(), ids).prop_map(
            |(key_number, sequence, time, value, (device, feed, previous))| Body {
                key_number,
                sequence,
                time,
                value,
                device: device.into(),
                feed: feed.into(),
                previous: previous.into(),
            },
        )
    }

    /// The vector of docs/readings.md, which computes it without this code.
    #[test]
    fn the_documented_vector_holds() {
        let head = "435752310000000100000000000000010000019aa6b6f77b00000000000001a9";
        let digest = "2aa636bb8257fc57304f451a868e146383ff01b2df97cc5899c5d95d9bad4b6c";

        assert!(hex::encode(body().to_bytes()).starts_with(head));
        assert_eq!(hex::encode(body().digest()), digest);
    }

    #[test]
    fn bytes_that_are_no_reading_are_refused_by_name() {
        let bytes = body().to_bytes();
        let with = |at: usize, new: &[u8]| {
            let mut changed = bytes;
            changed[at..at + new.len()].copy_from_slice(new);
            Body::from_bytes(&changed)
        };

        assert_eq!(Body::from_bytes(&bytes), Ok(body()));
        assert_eq!(Body::from_bytes(&bytes[1..]), Err(BodyError::Length(127)));
        assert_eq!(with(3, b"2"), Err(BodyError::Tag));
        assert_eq!(with(4, &[0; 4]), Err(BodyError::KeyNumberZero));
        assert_eq!(with(8, &[0; 8]), Err(BodyError::SequenceZero));
        assert_eq!(with(8, &[0x80]), Err(BodyError::SequenceRange));
        assert_eq!(with(16, &[0, 0, 0x10]), Err(BodyError::TimeRange));
    }

    proptest! {
        #[test]
        fn bytes_and_bodies_are_one_to_one(body in bodies()) {
            prop_assert_eq!(Body::from_bytes(&body.to_bytes()), Ok(body));
        }
    }
}
