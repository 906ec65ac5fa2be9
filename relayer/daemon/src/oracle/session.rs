//! Sessions: readings of a device that follow each other without a gap, as each operator here has them.
//!
//! What an operator signs for `DeviceSessions` is made of its own archive alone; so a quorum's signatures say that more than
//! f honest ones took these very readings from the device, and that none in between is left out.

use std::sync::Arc;

use alloy_primitives::{B256, U256};
use causeway_adapter_device::reading::{self, Signed};
use causeway_circuits::{
    field::{from_be_bytes, to_be_bytes},
    statement::session::{CAPACITY, Reading, digest, encode},
};
use causeway_contracts::oracle::device_number;

use super::{Operator, OracleError, OracleHandle};

/// Readings that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Sequence number of the first.
    pub first: u64,
    /// And of the last.
    pub last: u64,
    /// Time and value of each, in units of the feed's last decimal.
    pub readings: Vec<(u64, i32)>,
    /// What is put on record.
    pub digest: B256,
}

/// An operator has no such session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoSession {
    /// Its archive has no reading of this device, feed and key.
    #[error("it has no reading of this device, feed and key")]
    Nothing,
    /// The beginning is not covered.
    #[error("the first reading is of {first}, after {since}: ask from {first} on")]
    NotBefore {
        /// Time of the first.
        first: u64,
        /// What was asked for.
        since: u64,
    },
    /// The end is not covered.
    #[error(
        "the last reading is of {last}, before {until}: wait for the next, or ask until {last}"
    )]
    NotOver {
        /// Time of the last.
        last: u64,
        /// What was asked for.
        until: u64,
    },
    /// More than a statement takes.
    #[error("there are more than {CAPACITY} readings: ask for a shorter time")]
    TooMany,
    /// A value that no statement holds.
    #[error("the value of reading {0} does not fit 32 bits")]
    ValueTooLarge(u64),
    /// The device contradicted itself.
    #[error("the device has shown two faces: its readings are evidence against it")]
    Accused,
    /// Numbers out of range.
    #[error(transparent)]
    Statement(#[from] causeway_circuits::Error),
}

impl Session {
    /// The session that `found` are, if they cover `times`.
    fn of(
        chain: reading::Chain,
        (since, until): (u64, u64),
        found: &[Signed],
    ) -> Result<Self, NoSession> {
        let (Some(first), Some(last)) = (found.first(), found.last()) else {
            return Err(NoSession::Nothing);
        };
        let (first, last) = (first.body, last.body);
        if first.time > since {
            let first = first.time;
            return Err(NoSession::NotBefore { first, since });
        }
        if found.len() > CAPACITY {
            return Err(NoSession::TooMany);
        }
        if last.time < until {
            let last = last.time;
            return Err(NoSession::NotOver { last, until });
        }
        let mut readings = Vec::with_capacity(found.len());
        for Signed { body, .. } in found {
            let value = i32::try_from(body.value);
            let value = value.map_err(|_| NoSession::ValueTooLarge(body.sequence))?;
            readings.push((body.time, value));
        }
        let number = device_number(chain.device, chain.feed);
        Ok(Self {
            first: first.sequence,
            last: last.sequence,
            digest: digest_of(number, &readings)?,
            readings,
        })
    }
}

/// The digest of readings under a device's number.
///
/// # Errors
/// Where there are none or too many, or a number is out of range.
pub fn digest_of(number: U256, readings: &[(u64, i32)]) -> Result<B256, causeway_circuits::Error> {
    let readings: Vec<Reading> = readings
        .iter()
        .map(|(time, value)| Reading {
            time: *time,
            value: encode(*value),
        })
        .collect();
    let device = from_be_bytes(&number.to_be_bytes())?;
    Ok(to_be_bytes(&digest(device, &readings, CAPACITY)?).into())
}

/// What each operator has, the feed's keeper first.
pub type Sessions = Vec<(Arc<Operator>, Result<Session, NoSession>)>;

impl OracleHandle {
    /// The session that covers `times` (milliseconds) as each operator here has it.
    ///
    /// # Errors
    /// An archive that cannot be read.
    pub async fn sessions(
        &self,
        chain: reading::Chain,
        times: (u64, u64),
    ) -> Result<Sessions, OracleError> {
        let mut archives = Vec::new();
        for operator in self.keepers_first(chain.feed) {
            let failed = |source| operator.failed(source);
            let accused = operator.archive().accused().await.map_err(failed)?;
            let accused = accused
                .iter()
                .any(|kept| kept.readings[0].0.device == chain.device);
            // One more than a statement takes: enough to see that there are too many.
            let most = u32::try_from(CAPACITY + 1).unwrap_or(u32::MAX);
            let found = operator.archive().stretch(chain, times, most).await;
            archives.push((Arc::clone(&operator), accused, found.map_err(failed)?));
        }
        // Hundreds of Poseidon hashes: not on a thread of the runtime.
        let digested = tokio::task::spawn_blocking(move || {
            let one = |(operator, accused, found): (_, _, Vec<Signed>)| {
                let session = if accused {
                    Err(NoSession::Accused)
                } else {
                    Session::of(chain, times, &found)
                };
                (operator, session)
            };
            archives.into_iter().map(one).collect()
        });
        digested.await.map_err(|_| OracleError::Worker)
    }
}

#[cfg(test)]
mod tests {
    use causeway_adapter_device::reading::Body;

    use super::*;

    const CHAIN: reading::Chain = reading::Chain {
        device: B256::repeat_byte(1),
        feed: B256::repeat_byte(2),
        key_number: 1,
    };

    /// Readings at 1000, 2000, .. with these values.
    fn readings(values: &[i64]) -> Vec<Signed> {
        let said = |(i, value): (usize, &i64)| Signed {
            body: Body {
                key_number: CHAIN.key_number,
                sequence: i as u64 + 1,
                time: (i as u64 + 1) * 1_000,
                value: *value,
                device: CHAIN.device,
                feed: CHAIN.feed,
                previous: B256::ZERO,
            },
            hardware: [0; 64],
            feed: None,
        };
        values.iter().enumerate().map(said).collect()
    }

    #[test]
    fn a_session_has_every_reading_and_the_extreme_values_too() {
        let found = readings(&[425, i64::from(i32::MIN), i64::from(i32::MAX)]);

        let session = Session::of(CHAIN, (1_500, 3_000), &found).unwrap();

        assert_eq!((session.first, session.last), (1, 3));
        assert_eq!(
            session.readings,
            [(1_000, 425), (2_000, i32::MIN), (3_000, i32::MAX)]
        );
        let number = device_number(CHAIN.device, CHAIN.feed);
        assert_eq!(
            session.digest,
            digest_of(number, &session.readings).unwrap()
        );
    }

    #[test]
    fn one_value_or_time_or_device_more_or_less_is_another_digest() {
        let number = device_number(CHAIN.device, CHAIN.feed);
        let said = [(1_000, 425), (2_000, 430)];
        let digest = digest_of(number, &said).unwrap();

        let other = device_number(CHAIN.device, B256::repeat_byte(3));
        for changed in [
            digest_of(number, &[(1_000, 425), (2_000, 431)]),
            digest_of(number, &[(1_000, 425), (2_001, 430)]),
            digest_of(number, &said[..1]),
            digest_of(other, &said),
        ] {
            assert_ne!(changed.unwrap(), digest);
        }
    }

    #[test]
    fn what_does_not_cover_the_time_is_no_session() {
        let found = readings(&[425, 430]);
        let no = |times| Session::of(CHAIN, times, &found).unwrap_err();

        assert!(matches!(
            no((999, 2_000)),
            NoSession::NotBefore { first: 1_000, .. }
        ));
        assert!(matches!(
            no((1_000, 2_001)),
            NoSession::NotOver { last: 2_000, .. }
        ));
        assert!(matches!(
            Session::of(CHAIN, (0, 1), &[]),
            Err(NoSession::Nothing)
        ));
    }

    #[test]
    fn more_readings_or_larger_values_than_a_statement_takes_are_refused_by_name() {
        let whole = readings(&[425; CAPACITY]);
        let end = CAPACITY as u64 * 1_000;
        Session::of(CHAIN, (1_000, end), &whole).unwrap();

        let more = readings(&[425; CAPACITY + 1]);
        let large = readings(&[425, i64::from(i32::MAX) + 1]);

        assert!(matches!(
            Session::of(CHAIN, (1_000, end + 1_000), &more),
            Err(NoSession::TooMany)
        ));
        assert!(matches!(
            Session::of(CHAIN, (1_000, 2_000), &large),
            Err(NoSession::ValueTooLarge(2))
        ));
    }
}
