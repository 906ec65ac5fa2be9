//! Why a batch was not taken. Each reason has a name that is kept, a status, and says what to do.

use alloy_primitives::B256;

use crate::{
    evidence::Evidence,
    names::{Did, FeedName, Unit},
    wire::DecodeError,
};

/// Why a batch was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The bytes are no readings.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// No such device.
    #[error("device {0} is not admitted")]
    DeviceUnknown(String),
    /// Its time is over.
    #[error("device {0} is revoked or leaving")]
    DeviceRevoked(Did),
    /// A certificate of no device.
    #[error("the certificate is no admitted device's")]
    CertificateUnknown,
    /// Somebody else's certificate.
    #[error("this certificate does not speak for device {0}")]
    CertificateOther(Did),
    /// Sent to a topic of another device or feed.
    #[error("the topic is not that of device {did} and feed {feed}")]
    TopicOther {
        /// The reading's.
        did: Did,
        /// The reading's.
        feed: FeedName,
    },
    /// A topic of no device and feed.
    #[error(
        "the topic is not causeway/v1/<feed>/<device>, or the message came with quality of service 0"
    )]
    TopicMalformed,
    /// Another key than the registered one.
    #[error("key number: expected {expected}, got {got}")]
    KeyNumber {
        /// The registry's.
        expected: u32,
        /// The reading's.
        got: u32,
    },
    /// No such feed, or not this device's.
    #[error("the device does not speak for feed {0}")]
    FeedUnknown(String),
    /// Another unit than the feed's.
    #[error("unit: expected {expected}, got {got}")]
    UnitWrong {
        /// The feed's.
        expected: Unit,
        /// The reading's.
        got: Unit,
    },
    /// More digits than the feed has, or too large for them.
    #[error(
        "the value is not a whole number of the feed's units of 10^-{decimals}, or does not fit"
    )]
    ValuePrecision {
        /// The feed's.
        decimals: u8,
    },
    /// Outside of what the sensor can measure.
    #[error("the value {got} is not plausible: {min} to {max} in units of the feed's last digit")]
    ValueImplausible {
        /// Lowest.
        min: i64,
        /// Highest.
        max: i64,
        /// The reading's.
        got: i64,
    },
    /// A clock that is ahead.
    #[error("the reading is from {ahead} ms ahead of now: set the device's clock")]
    ClockAhead {
        /// By how much.
        ahead: u64,
    },
    /// Too old to be taken.
    #[error("the reading is {age} ms old, at most {max} are taken")]
    ClockBehind {
        /// How old.
        age: u64,
        /// How old it may be.
        max: u64,
    },
    /// Not later than the one before.
    #[error("time does not rise: the reading before is from {previous}, this one from {got}")]
    ClockBack {
        /// The one before.
        previous: u64,
        /// This one.
        got: u64,
    },
    /// Not signed by the device.
    #[error("the hardware signature is not the device's")]
    SignatureWrong,
    /// Not signed by the feed key.
    #[error("the feed signature is not the device's, or the device has no feed key")]
    FeedSignatureWrong,
    /// The feed needs one.
    #[error(
        "the feed is proved in zero knowledge: each reading needs the feed key's signature (cwf)"
    )]
    FeedSignatureMissing,
    /// Readings are missing in between.
    #[error("sequence: expected {}, got {got}; send those in between first", next.sequence)]
    Gap {
        /// Where the chain is.
        next: Next,
        /// The reading's.
        got: u64,
    },
    /// It is already stored, durably: whoever waits for that may stop waiting.
    #[error("reading {got} is already stored; next is {}", next.sequence)]
    Replayed {
        /// Where the chain is.
        next: Next,
        /// The reading's.
        got: u64,
    },
    /// The device contradicts itself; the evidence is kept.
    #[error("the device contradicts a reading it signed before ({}): both are kept as evidence", .0.offence().code())]
    Contradiction(Box<Evidence>),
    /// A device that sends too often.
    #[error("more readings than the device may send: wait {retry_ms} ms")]
    TooOften {
        /// When to come again.
        retry_ms: u64,
    },
    /// Too much work is waiting.
    #[error("too many readings are waiting to be stored: try again")]
    Busy,
    /// Nothing can be stored.
    #[error("readings cannot be stored now ({0}): nothing of the batch was kept, try again later")]
    Storage(&'static str),
}

/// Where a chain is: what its next reading must carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Its number.
    pub sequence: u64,
    /// The digest it names.
    pub previous: B256,
}

/// A refused batch: which reading, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("reading {index}: {refusal}")]
pub struct Refused {
    /// Index of the first faulty reading.
    pub index: usize,
    /// What is wrong with it.
    pub refusal: Refusal,
}

impl Refusal {
    /// Its name in answers and metrics; kept.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(error) => error.code(),
            Self::DeviceUnknown(_) => "device_unknown",
            Self::DeviceRevoked(_) => "device_revoked",
            Self::CertificateUnknown => "certificate_unknown",
            Self::CertificateOther(_) => "certificate_other",
            Self::TopicOther { .. } => "topic_other",
            Self::TopicMalformed => "topic_malformed",
            Self::KeyNumber { .. } => "key_number",
            Self::FeedUnknown(_) => "feed_unknown",
            Self::UnitWrong { .. } => "unit_wrong",
            Self::ValuePrecision { .. } => "value_precision",
            Self::ValueImplausible { .. } => "value_implausible",
            Self::ClockAhead { .. } => "clock_ahead",
            Self::ClockBehind { .. } => "clock_behind",
            Self::ClockBack { .. } => "clock_back",
            Self::SignatureWrong => "signature_wrong",
            Self::FeedSignatureWrong => "feed_signature_wrong",
            Self::FeedSignatureMissing => "feed_signature_missing",
            Self::Gap { .. } => "sequence_gap",
            Self::Replayed { .. } => "replayed",
            Self::Contradiction(evidence) => evidence.offence().code(),
            Self::TooOften { .. } => "too_often",
            Self::Busy => "busy",
            Self::Storage(_) => "storage",
        }
    }

    /// Its HTTP status.
    pub fn status(&self) -> http::StatusCode {
        use http::StatusCode as S;
        match self {
            Self::Malformed(DecodeError::TooLarge(_) | DecodeError::TooMany) => {
                S::PAYLOAD_TOO_LARGE
            }
            Self::Malformed(_) | Self::TopicMalformed => S::BAD_REQUEST,
            Self::DeviceUnknown(_)
            | Self::DeviceRevoked(_)
            | Self::CertificateUnknown
            | Self::CertificateOther(_)
            | Self::TopicOther { .. }
            | Self::KeyNumber { .. }
            | Self::FeedUnknown(_)
            | Self::SignatureWrong
            | Self::FeedSignatureWrong
            | Self::FeedSignatureMissing => S::FORBIDDEN,
            Self::UnitWrong { .. }
            | Self::ValuePrecision { .. }
            | Self::ValueImplausible { .. }
            | Self::ClockAhead { .. }
            | Self::ClockBehind { .. }
            | Self::ClockBack { .. } => S::UNPROCESSABLE_ENTITY,
            Self::Gap { .. } | Self::Replayed { .. } | Self::Contradiction(_) => S::CONFLICT,
            Self::TooOften { .. } => S::TOO_MANY_REQUESTS,
            Self::Busy | Self::Storage(_) => S::SERVICE_UNAVAILABLE,
        }
    }

    /// After how many seconds the same batch may be sent again; none where it would be refused again.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooOften { retry_ms } => Some(retry_ms.div_ceil(1000).max(1)),
            Self::Busy => Some(1),
            Self::Storage(_) => Some(10),
            _ => None,
        }
    }

    /// Whether the batch is refused for good, for a reason that is the device's: neither load, nor what it sends out of turn.
    pub fn is_fault(&self) -> bool {
        self.retry_after().is_none() && self.next().is_none()
    }

    /// Where the chain is, if that is what was wrong.
    pub fn next(&self) -> Option<Next> {
        match self {
            Self::Gap { next, .. } | Self::Replayed { next, .. } => Some(*next),
            _ => None,
        }
    }
}
