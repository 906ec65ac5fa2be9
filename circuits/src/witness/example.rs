//! A witness of each statement: for `causeway proof example`, measurements and tests.

use alloy_primitives::{Address, B256, U256};
use ark_bn254::Fr;

use super::{
    AlarmWitness, HashLinkWitness, MedianWitness, Number, Place, RightWitness, SessionWitness,
    SignedBy, SumWitness, TreePath, Witness,
};
use crate::babyjub::SecretKey;
use crate::error::Error;
use crate::merkle::Tree;
use crate::registered::Registered;
use crate::statement::{alarm, median, reading, right, session, sum};

impl Witness {
    /// A witness that satisfies its statement, of values that everybody knows.
    ///
    /// # Errors
    ///
    /// Never, for these values.
    pub fn example(of: Registered) -> Result<Self, Error> {
        let place = Place {
            chain: 31337,
            contract: Address::repeat_byte(1),
            round: B256::from(U256::from(7)),
        };
        Self::example_at(of, place)
    }

    /// The same where it counts elsewhere.
    ///
    /// # Errors
    ///
    /// Never, for these values.
    pub fn example_at(of: Registered, place: Place) -> Result<Self, Error> {
        Ok(match of {
            Registered::Right => Self::Right(right_of(place)?),
            Registered::Alarm => Self::Alarm(alarm_of(place)?),
            Registered::Session => Self::Session(session_of(place)),
            Registered::HashLink => Self::HashLink(HashLinkWitness {
                place,
                preimage: B256::repeat_byte(7),
            }),
            Registered::Sum => Self::Sum(sum_of(place)?),
            Registered::Median => Self::Median(median_of(place)?),
        })
    }
}

fn right_of(place: Place) -> Result<RightWitness, Error> {
    let secret = Fr::from(4711u64);
    let (level, expiry) = (3, 2_000_000_000);
    let grant = right::Grant {
        holder: right::holder(secret),
        level,
        expiry,
    };
    let tree = Tree::new(right::DEPTH, vec![grant.leaf()])?;
    Ok(RightWitness {
        place,
        secret: Number(secret),
        level,
        expiry,
        path: TreePath::new(&tree.path(0)?),
        min: 2,
        now: 1_800_000_000,
        signal: Number(Fr::from(5u64)),
    })
}

fn alarm_of(place: Place) -> Result<AlarmWitness, Error> {
    let (keys, tree) = members(1, alarm::DEPTH)?;
    let (sequence, time, value) = (12, 1_800_000_000_000, 9_000);
    let reading = reading::Reading {
        sequence,
        time,
        value: session::encode(value),
    };
    let signature = keys[0].sign(reading.message());
    Ok(AlarmWitness {
        place,
        limit: 8_000,
        window: [time - 60_000, time],
        sequence,
        time,
        value,
        signed: SignedBy::new(keys[0].public(), &tree.path(0)?, &signature),
    })
}

/// A day at -20 degrees in thousandths, a reading each 5.6 minutes.
fn session_of(place: Place) -> SessionWitness {
    let at = |i: u64| (1_800_000_000_000 + i * 337_500, -20_000);
    SessionWitness {
        place,
        device: Number(Fr::from(5u64)),
        low: -25_000,
        high: -15_000,
        gap: 600_000,
        readings: (0..session::CAPACITY as u64).map(at).collect(),
    }
}

fn sum_of(place: Place) -> Result<SumWitness, Error> {
    let (keys, tree) = members(sum::METERS, sum::DEPTH)?;
    let period = place.context(sum::DOMAIN);
    let part = |(i, key): (usize, &SecretKey)| {
        let value = 1_000 + i as u64;
        let signature = key.sign(sum::message(&period, value));
        Ok((
            value,
            SignedBy::new(key.public(), &tree.path(i)?, &signature),
        ))
    };
    let meters = keys.iter().enumerate().map(part);
    Ok(SumWitness {
        place,
        set: Number(tree.root()),
        meters: meters.collect::<Result<_, Error>>()?,
    })
}

fn median_of(place: Place) -> Result<MedianWitness, Error> {
    let (keys, tree) = members(median::OPERATORS, median::DEPTH)?;
    let (feed, round) = (place.context(median::DOMAIN), 9);
    let seen = |(i, key): (usize, &SecretKey)| {
        let value = -20_000 + i as i32;
        let signature = key.sign(median::message(&feed, round, session::encode(value)));
        Ok((
            value,
            SignedBy::new(key.public(), &tree.path(i)?, &signature),
        ))
    };
    let operators = keys.iter().enumerate().map(seen);
    Ok(MedianWitness {
        place,
        round,
        set: Number(tree.root()),
        operators: operators.collect::<Result<_, Error>>()?,
    })
}

fn members(count: usize, depth: usize) -> Result<(Vec<SecretKey>, Tree), Error> {
    let keys = (0..count).map(|i| SecretKey::from_seed(&[i as u8; 32]));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let leaves = keys.iter().map(|key| reading::leaf(key.public())).collect();
    Ok((keys, Tree::new(depth, leaves)?))
}
