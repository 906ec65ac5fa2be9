//! A reading with everything that shows it: the device's signature, the way to its period's root, the anchor of that root.

use alloy_primitives::{B256, hex};
use causeway_adapter_device::{
    archive::Inclusion,
    keys::HardwarePublic,
    merkle,
    reading::{Body, BodyError},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AnchorRecord;

/// A reading and what shows it. Bytes are 0x and hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadingProof {
    /// Of this form.
    pub version: u32,
    /// The 128 bytes that the device signed (docs/devices.md).
    pub body: String,
    /// The hardware key's signature, r and s.
    pub signature: String,
    /// Coordinates of the hardware key. The registry says whose it is.
    pub hardware: [String; 2],
    /// Place among the period's readings.
    pub place: u64,
    /// Siblings on the way to the root, the reading's own first.
    pub path: Vec<String>,
    /// The anchor on the consortium chain.
    pub anchor: ProvedAnchor,
}

/// An anchor as `Evidence` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProvedAnchor {
    /// Number of all anchors.
    pub number: u64,
    /// The feed's id.
    pub stream: String,
    /// Period of the stream.
    pub period: u64,
    /// Milliseconds since 1970: it begins here.
    pub from: u64,
    /// It ends before this.
    pub until: u64,
    /// How many readings.
    pub count: u64,
    /// Root over them.
    pub root: String,
    /// Running digest after the last.
    pub digest: String,
}

/// What a proof shows, once it was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The reading.
    pub body: Body,
    /// The root it is under: still to be compared with what the chain has.
    pub root: B256,
}

/// A proof shows nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// A field that cannot be read.
    #[error("{0} cannot be read: it must be 0x and hexadecimal digits of its length")]
    Field(&'static str),
    /// Another version.
    #[error("the proof has version {0}, this program reads version {VERSION}")]
    Version(u32),
    /// Not a reading.
    #[error("the body is no reading")]
    Body(#[from] BodyError),
    /// The key did not sign it.
    #[error("the hardware key has not signed this reading")]
    Signature,
    /// The reading is of another feed than the anchor.
    #[error("the reading's feed is {got}, the anchor's stream {expected}")]
    Stream {
        /// Of the reading.
        got: B256,
        /// Of the anchor.
        expected: B256,
    },
    /// The path leads elsewhere.
    #[error("the path does not lead from this reading to the anchor's root")]
    Path,
}

impl ReadingProof {
    /// Puts a proof together.
    pub fn new(inclusion: &Inclusion, hardware: [B256; 2], anchor: &AnchorRecord) -> Self {
        let signed = &inclusion.reading;
        Self {
            version: VERSION,
            body: hex::encode_prefixed(signed.body.to_bytes()),
            signature: hex::encode_prefixed(signed.hardware),
            hardware: hardware.map(|c| c.to_string()),
            place: inclusion.path.index,
            path: inclusion
                .path
                .siblings
                .iter()
                .map(B256::to_string)
                .collect(),
            anchor: ProvedAnchor {
                number: anchor.number,
                stream: anchor.stream.to_string(),
                period: anchor.period,
                from: anchor.from,
                until: anchor.until,
                count: anchor.count,
                root: anchor.root.to_string(),
                digest: anchor.digest.to_string(),
            },
        }
    }

    /// Checks signature and path. What is left to the caller: whether the key is the device's, and whether the chain has
    /// anchored this root for this stream.
    ///
    /// # Errors
    /// Says what does not hold.
    pub fn check(&self) -> Result<Shown, ProofError> {
        if self.version != VERSION {
            return Err(ProofError::Version(self.version));
        }
        let word = |field, text: &str| text.parse::<B256>().map_err(|_| ProofError::Field(field));
        let body = hex::decode(&self.body).map_err(|_| ProofError::Field("body"))?;
        let body = Body::from_bytes(&body)?;
        let mut signature = [0; 64];
        hex::decode_to_slice(&self.signature, &mut signature)
            .map_err(|_| ProofError::Field("signature"))?;
        let [x, y] = &self.hardware;
        let key = HardwarePublic::from_coordinates(word("hardware", x)?, word("hardware", y)?);
        let key = key.map_err(|_| ProofError::Field("hardware"))?;
        if !key.verify(&body, &signature) {
            return Err(ProofError::Signature);
        }
        let expected = word("anchor.stream", &self.anchor.stream)?;
        if body.feed != expected {
            let got = body.feed;
            return Err(ProofError::Stream { got, expected });
        }
        let siblings = self.path.iter().map(|text| word("path", text));
        let path = merkle::Path {
            index: self.place,
            count: self.anchor.count,
            siblings: siblings.collect::<Result<_, _>>()?,
        };
        let root = word("anchor.root", &self.anchor.root)?;
        if path.root(body.digest()) != Some(root) {
            return Err(ProofError::Path);
        }
        Ok(Shown { body, root })
    }
}

/// Version of the form.
const VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use causeway_adapter_device::{archive::Period, keys::HardwareKey, reading::Signed};

    use super::*;

    fn proof() -> ReadingProof {
        let key = HardwareKey::generate();
        let feed = B256::repeat_byte(2);
        let mut previous = B256::ZERO;
        let bodies: Vec<Body> = (1..=5)
            .map(|sequence| {
                let body = Body {
                    key_number: 1,
                    sequence,
                    time: 1_800_000_000_000 + sequence,
                    value: 400,
                    device: B256::repeat_byte(1),
                    feed,
                    previous,
                };
                previous = body.digest();
                body
            })
            .collect();
        let digests: Vec<B256> = bodies.iter().map(Body::digest).collect();
        let root = merkle::root(&digests);
        let period = Period {
            feed,
            period: 0,
            from: 1,
            until: 2,
            count: 5,
            digest: B256::repeat_byte(9),
            root,
        };
        let inclusion = Inclusion {
            reading: Signed {
                body: bodies[2],
                hardware: key.sign(&bodies[2]),
                feed: None,
            },
            path: merkle::path(&digests, 2).unwrap(),
            period,
        };
        let anchor = AnchorRecord {
            number: 0,
            stream: feed,
            period: 0,
            from: 1,
            until: 2,
            count: 5,
            root: root.unwrap(),
            digest: B256::repeat_byte(9),
        };
        ReadingProof::new(&inclusion, key.public().coordinates(), &anchor)
    }

    #[test]
    fn a_proof_shows_its_reading_after_a_way_through_text() {
        let text = serde_json::to_string(&proof()).unwrap();

        let read: ReadingProof = serde_json::from_str(&text).unwrap();

        assert_eq!(read.check().unwrap().body.sequence, 3);
    }

    #[test]
    fn every_part_of_a_proof_is_checked() {
        let broken = |change: &dyn Fn(&mut ReadingProof)| {
            let mut proof = proof();
            change(&mut proof);
            proof.check()
        };
        let other = B256::repeat_byte(7).to_string();

        assert!(matches!(
            broken(&|p| p.version = 2),
            Err(ProofError::Version(2))
        ));
        assert!(matches!(
            broken(&|p| p.body = "0x00".into()),
            Err(ProofError::Body(_))
        ));
        assert!(matches!(
            broken(&|p| p.body = "no".into()),
            Err(ProofError::Field("body"))
        ));
        assert!(matches!(
            // The value, within the 128 bytes.
            broken(&|p| p.body.replace_range(2 + 2 * 31..2 + 2 * 32, "ff")),
            Err(ProofError::Signature)
        ));
        assert!(matches!(
            broken(&|p| p.signature.replace_range(2..4, "00")),
            Err(ProofError::Signature)
        ));
        assert!(matches!(
            broken(&|p| p.anchor.stream = other.clone()),
            Err(ProofError::Stream { .. })
        ));
        assert!(matches!(
            broken(&|p| p.anchor.root = other.clone()),
            Err(ProofError::Path)
        ));
        assert!(matches!(
            broken(&|p| p.path[0] = other.clone()),
            Err(ProofError::Path)
        ));
        assert!(matches!(broken(&|p| p.place = 1), Err(ProofError::Path)));
        assert!(matches!(
            // Of three the third has a shorter way.
            broken(&|p| p.anchor.count = 3),
            Err(ProofError::Path)
        ));
        assert!(matches!(
            broken(&|p| drop(p.path.pop())),
            Err(ProofError::Path)
        ));
    }
}
