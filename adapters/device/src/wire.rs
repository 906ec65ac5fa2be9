//! Forms in which readings travel. Every form has one spelling: what a decoder takes, the encoder writes again byte for
//! byte, so two systems never disagree about what was said.
//!
//! | form | media type | first byte |
//! |---|---|---|
//! | SenML in JSON, the compact form | `application/senml+json` | `[` |
//! | SenML in CBOR | `application/senml+cbor` | `0x80`..`0x9b` |
//! | tagged COSE_Sign1, one after the other | `application/cose`, `application/cbor-seq` | `0xd2` |

mod cbor;
mod cose;
mod json;

use alloy_primitives::B256;

use crate::{
    decimal::{Decimal, DecimalError},
    names::{Did, FeedName, NameError, Unit},
    reading::{Body, BodyError, FeedSignature, Signed},
};

/// Most readings in one batch.
pub const MAX_BATCH: usize = 256;
/// Most bytes of one batch.
pub const MAX_BYTES: usize = 256 * 1024;

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// SenML records in JSON.
    Json,
    /// SenML records in CBOR.
    Cbor,
    /// COSE_Sign1 messages.
    Cose,
}

impl Form {
    /// The form of a media type.
    pub fn of_media_type(text: &str) -> Option<Self> {
        // A parameter such as `cose-type` says nothing that is not checked anyway.
        match text.split(';').next().unwrap_or_default().trim() {
            "application/senml+json" => Some(Self::Json),
            "application/senml+cbor" => Some(Self::Cbor),
            "application/cose" | "application/cbor-seq" => Some(Self::Cose),
            _ => None,
        }
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/senml+json",
            Self::Cbor => "application/senml+cbor",
            Self::Cose => "application/cbor-seq",
        }
    }

    /// The form that a first byte announces, for transports without media types.
    pub fn of_first_byte(bytes: &[u8]) -> Option<Self> {
        match bytes.first()? {
            b'[' => Some(Self::Json),
            0x80..=0x9b => Some(Self::Cbor),
            0xd2 => Some(Self::Cose),
            _ => None,
        }
    }
}

/// A reading as a SenML record: names instead of ids, a decimal number instead of units of the last digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Who.
    pub did: Did,
    /// Of which feed.
    pub feed: FeedName,
    /// In which unit.
    pub unit: Unit,
    /// Milliseconds since 1970.
    pub time: u64,
    /// How much.
    pub value: Decimal,
    /// Which key signs.
    pub key_number: u32,
    /// Which number of the chain.
    pub sequence: u64,
    /// Digest of the one before.
    pub previous: B256,
    /// The hardware key's signature.
    pub hardware: [u8; 64],
    /// The feed key's signature.
    pub feed_signature: Option<FeedSignature>,
}

/// A reading as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, taken apart at once"
)]
pub enum Submitted {
    /// As a record.
    Record(Box<Record>),
    /// As a COSE_Sign1.
    Sealed(Signed),
}

/// Bytes are not readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// More bytes than a batch has.
    #[error("a batch has at most {MAX_BYTES} bytes, got {0}")]
    TooLarge(usize),
    /// More readings than a batch has.
    #[error("a batch has at most {MAX_BATCH} readings, got more")]
    TooMany,
    /// No readings.
    #[error("a batch has at least one reading")]
    Empty,
    /// No known form.
    #[error("neither SenML in JSON or CBOR nor tagged COSE_Sign1")]
    FormUnknown,
    /// No JSON, or other fields than a record has.
    #[error("no SenML records in JSON, at column {column}: {what}")]
    Json {
        /// Where.
        column: usize,
        /// What kind of problem.
        what: &'static str,
    },
    /// No CBOR.
    #[error("no CBOR: it ends early, nests too deep or is malformed")]
    Cbor,
    /// Other fields than a record has, or of another type.
    #[error("a record's field {0} is missing, unknown, repeated or of another type")]
    Field(&'static str),
    /// No COSE_Sign1 of ours.
    #[error("no tagged COSE_Sign1 with ES256, an attached payload and at most the field cwf: {0}")]
    Cose(&'static str),
    /// The same can be written in another, the one right way.
    #[error("reading {index} is not in its one spelling (docs/readings.md)")]
    Spelling {
        /// Which of the batch.
        index: usize,
    },
    /// A name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A number is none.
    #[error(transparent)]
    Number(#[from] DecimalError),
    /// A binary floating-point number: it is not exactly the decimal number that was meant.
    #[error("a value in CBOR is an integer or a decimal fraction (tag 4), not a float")]
    Float,
    /// Not a time of day in milliseconds.
    #[error(
        "a time is in seconds since 1970 with at most three digits behind the point; relative times are not taken"
    )]
    Time,
    /// Not a body.
    #[error(transparent)]
    Body(#[from] BodyError),
}

impl DecodeError {
    /// Its name in answers and metrics; kept.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge(_) => "too_large",
            Self::TooMany => "too_many",
            Self::Empty => "empty",
            Self::FormUnknown => "form_unknown",
            Self::Json { .. } => "json_malformed",
            Self::Cbor => "cbor_malformed",
            Self::Field(_) => "field_malformed",
            Self::Cose(_) => "cose_malformed",
            Self::Spelling { .. } => "not_canonical",
            Self::Name(_) => "name_malformed",
            Self::Number(DecimalError::NotFinite) => "value_not_finite",
            Self::Number(DecimalError::Range) => "value_too_large",
            Self::Number(DecimalError::Spelling) => "value_malformed",
            Self::Float => "value_float",
            Self::Time => "time_malformed",
            Self::Body(_) => "body_malformed",
        }
    }
}

/// Reads a batch; all of it or nothing.
///
/// # Errors
/// Names what is wrong.
pub fn decode(form: Form, bytes: &[u8]) -> Result<Vec<Submitted>, DecodeError> {
    if bytes.len() > MAX_BYTES {
        return Err(DecodeError::TooLarge(bytes.len()));
    }
    let boxed = |records: Vec<Record>| {
        let boxed = records.into_iter().map(|r| Submitted::Record(Box::new(r)));
        boxed.collect()
    };
    match form {
        Form::Json => json::decode(bytes).map(boxed),
        Form::Cbor => cbor::decode(bytes).map(boxed),
        Form::Cose => {
            cose::decode(bytes).map(|all| all.into_iter().map(Submitted::Sealed).collect())
        }
    }
}

/// Writes records as SenML in JSON.
pub fn to_json(records: &[Record]) -> String {
    json::encode(records)
}

/// Writes records as SenML in CBOR.
///
/// # Errors
/// [`DecodeError::Cbor`] never in practice: memory is the only thing that is written to.
pub fn to_cbor(records: &[Record]) -> Result<Vec<u8>, DecodeError> {
    cbor::encode(records)
}

/// Writes readings as COSE_Sign1 messages.
///
/// # Errors
/// As [`to_cbor`].
pub fn to_cose(readings: &[Signed]) -> Result<Vec<u8>, DecodeError> {
    cose::encode(readings)
}

impl Record {
    /// The name of a record: the DID, `/`, the feed's name.
    fn name(&self) -> String {
        format!("{}/{}", self.did, self.feed)
    }

    /// The time in seconds.
    fn seconds(&self) -> Result<Decimal, DecodeError> {
        let milliseconds = i64::try_from(self.time).map_err(|_| DecodeError::Time)?;
        Ok(Decimal::new(milliseconds, 3)?)
    }
}

/// The parts of a record's name.
fn split_name(name: &str) -> Result<(Did, FeedName), DecodeError> {
    let (did, feed) = name.split_once('/').ok_or(NameError::Did)?;
    Ok((Did::new(did)?, FeedName::new(feed)?))
}

/// Milliseconds of a time in seconds.
fn milliseconds(seconds: Decimal) -> Result<u64, DecodeError> {
    let milliseconds = seconds.scaled(3).ok_or(DecodeError::Time)?;
    // SenML reads what is below 2^28 seconds as relative to now.
    if milliseconds < RELATIVE_BELOW {
        return Err(DecodeError::Time);
    }
    u64::try_from(milliseconds).map_err(|_| DecodeError::Time)
}

/// Refuses what no reading may be, whatever form it has.
fn checked(record: Record) -> Result<Record, DecodeError> {
    let body = Body {
        key_number: record.key_number,
        sequence: record.sequence,
        time: record.time,
        value: 0,
        device: B256::ZERO,
        feed: B256::ZERO,
        previous: record.previous,
    };
    body.check()?;
    Ok(record)
}

const RELATIVE_BELOW: i64 = (1 << 28) * 1000;

#[cfg(test)]
pub(crate) mod tests;
