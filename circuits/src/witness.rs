//! What a prover knows, as a JSON file: the private half of a statement. `causeway proof example` prints one of each.
//!
//! Numbers of the field are decimal strings; words and addresses hexadecimal; readings plain numbers, negative ones
//! included. A refusal says where in the file or which field, never what it read, and [`Witness`] shows nothing of itself: values in
//! here are somebody's secret.

mod example;

use alloy_primitives::{Address, B256};
use ark_bn254::Fr;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Value, error::Category};

use crate::babyjub::{Point, Signature};
use crate::context::Context;
use crate::error::{Error, WitnessFault};
use crate::field::{from_decimal, to_decimal};
use crate::merkle::Path;
use crate::registered::Registered;
use crate::statement::{alarm, hashlink, median, reading, right, session, sum};
use crate::system::Circuit;

/// Longest witness file: four times the largest statement's.
pub const MAX_FILE: u64 = 256 << 10;

/// What a prover knows of one statement.
#[derive(Serialize, Deserialize)]
#[serde(tag = "statement", rename_all = "lowercase")]
pub enum Witness {
    /// A right of the issuer's tree.
    Right(RightWitness),
    /// A reading over the limit.
    Alarm(AlarmWitness),
    /// Readings of a device.
    Session(SessionWitness),
    /// A preimage.
    HashLink(HashLinkWitness),
    /// Values of meters.
    Sum(SumWitness),
    /// Observations of operators.
    Median(MedianWitness),
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Witness({:?}, ..)", self.registered())
    }
}

/// Where, and for which round, the proof counts; the domain is the statement's.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The chain of the contract that acts on the proof.
    pub chain: u64,
    /// That contract.
    pub contract: Address,
    /// What it counts or names: a lock, a period, a policy.
    pub round: B256,
}

/// A number of the field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Number(pub Fr);

/// A leaf's place in its tree.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreePath {
    /// Index of the leaf.
    pub index: u64,
    /// Siblings, the leaf's own first.
    pub siblings: Vec<Number>,
}

/// A key of an admission tree and its signature, in circomlib's coordinates.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedBy {
    /// The key.
    pub key: [Number; 2],
    /// Its place.
    pub path: TreePath,
    /// The point of the signature.
    pub r: [Number; 2],
    /// Its scalar.
    pub s: Number,
}

/// For [`right`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RightWitness {
    /// The scope.
    pub place: Place,
    /// The holder's secret.
    pub secret: Number,
    /// Granted level.
    pub level: u16,
    /// Last second of the right.
    pub expiry: u64,
    /// The right's place in the issuer's tree.
    pub path: TreePath,
    /// Level that is asked for.
    pub min: u16,
    /// The second it is judged at.
    pub now: u64,
    /// What is consented to.
    pub signal: Number,
}

/// For [`alarm`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmWitness {
    /// The policy.
    pub place: Place,
    /// Values above this alarm.
    pub limit: i32,
    /// First and last moment of the window, in the reading's unit.
    pub window: [u64; 2],
    /// Number of the reading.
    pub sequence: u64,
    /// Its time.
    pub time: u64,
    /// Its value.
    pub value: i32,
    /// Who signed it.
    pub signed: SignedBy,
}

/// For [`session`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionWitness {
    /// The context.
    pub place: Place,
    /// The device's number.
    pub device: Number,
    /// Lowest value allowed.
    pub low: i32,
    /// Highest.
    pub high: i32,
    /// Longest step allowed, milliseconds.
    pub gap: u32,
    /// Time in milliseconds and value of each reading.
    pub readings: Vec<(u64, i32)>,
}

/// For [`hashlink`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HashLinkWitness {
    /// The context.
    pub place: Place,
    /// What opens both locks.
    pub preimage: B256,
}

/// For [`sum`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SumWitness {
    /// The period.
    pub place: Place,
    /// Root of the admitted meters.
    pub set: Number,
    /// What each metered, in the order of places.
    pub meters: Vec<(u64, SignedBy)>,
}

/// For [`median`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MedianWitness {
    /// The feed.
    pub place: Place,
    /// The round.
    pub round: u64,
    /// Root of the admitted operators.
    pub set: Number,
    /// What each observed, in the order of places.
    pub operators: Vec<(i32, SignedBy)>,
}

impl Witness {
    /// Reads a witness file.
    ///
    /// # Errors
    ///
    /// When it is too long or not the JSON of a statement's witness; where, and never what it says there.
    pub fn read(text: &str) -> Result<Self, Error> {
        let got = text.len() as u64;
        if got > MAX_FILE {
            return Err(Error::FileTooLong { got, max: MAX_FILE });
        }
        let json: Value = serde_json::from_str(text).map_err(|error| Error::Witness {
            line: error.line(),
            column: error.column(),
            problem: match error.classify() {
                Category::Eof => WitnessFault::Truncated,
                _ => WitnessFault::Syntax,
            },
        })?;
        // The library's own message may quote the value.
        serde_json::from_str(text).map_err(|_| fault(&json))
    }

    /// Which circuit it is for.
    pub fn registered(&self) -> Registered {
        match self {
            Self::Right(_) => Registered::Right,
            Self::Alarm(_) => Registered::Alarm,
            Self::Session(_) => Registered::Session,
            Self::HashLink(_) => Registered::HashLink,
            Self::Sum(_) => Registered::Sum,
            Self::Median(_) => Registered::Median,
        }
    }

    /// The statement with its values, to be proved.
    ///
    /// # Errors
    ///
    /// When there are more or fewer readings, members or levels than the circuit takes, times do not rise, or a key or
    /// signature is none. What the circuit itself refuses is found when it is proved.
    pub fn circuit(&self) -> Result<Box<dyn Circuit>, Error> {
        Ok(match self {
            Self::Right(w) => Box::new(w.statement()?),
            Self::Alarm(w) => Box::new(w.statement()?),
            Self::Session(w) => Box::new(w.statement()?),
            Self::HashLink(w) => {
                let context = w.place.context(hashlink::DOMAIN);
                Box::new(hashlink::HashLink::new(context, w.preimage.0))
            }
            Self::Sum(w) => Box::new(w.statement()?),
            Self::Median(w) => Box::new(w.statement()?),
        })
    }
}

impl RightWitness {
    fn statement(&self) -> Result<right::Right, Error> {
        let secret = self.secret.0;
        let grant = right::Grant {
            holder: right::holder(secret),
            level: self.level,
            expiry: self.expiry,
        };
        let ask = right::Ask {
            scope: self.place.context(right::DOMAIN),
            min: self.min,
            now: self.now,
            signal: self.signal.0,
        };
        let path = self.path.of_depth(right::DEPTH)?;
        Ok(right::Right::new(secret, grant, path, ask))
    }
}

impl AlarmWitness {
    fn statement(&self) -> Result<alarm::Alarm, Error> {
        let policy = self.place.context(alarm::DOMAIN);
        let reading = reading::Reading {
            sequence: self.sequence,
            time: self.time,
            value: session::encode(self.value),
        };
        let signed = self.signed.of_depth(alarm::DEPTH)?;
        let limit = session::encode(self.limit);
        Ok(alarm::Alarm::new(
            policy,
            limit,
            self.window,
            reading,
            signed,
        ))
    }
}

impl SessionWitness {
    /// The statement, for who wants to see its public inputs.
    ///
    /// # Errors
    ///
    /// As [`session::Session::new`].
    pub fn statement(&self) -> Result<session::Session, Error> {
        let lifted = |(time, value): &(u64, i32)| session::Reading {
            time: *time,
            value: session::encode(*value),
        };
        let terms = session::Terms {
            low: session::encode(self.low),
            high: session::encode(self.high),
            gap: self.gap,
        };
        session::Session::new(
            self.place.context(session::DOMAIN),
            self.device.0,
            self.readings.iter().map(lifted).collect(),
            terms,
            session::CAPACITY,
        )
    }
}

impl SumWitness {
    fn statement(&self) -> Result<sum::Sum, Error> {
        exactly("meters", self.meters.len(), sum::METERS)?;
        let part = |(value, signed): &(u64, SignedBy)| {
            Ok(sum::Part {
                value: *value,
                signed: signed.of_depth(sum::DEPTH)?,
            })
        };
        let parts = self.meters.iter().map(part).collect::<Result<_, Error>>()?;
        sum::Sum::new(self.place.context(sum::DOMAIN), self.set.0, parts)
    }
}

impl MedianWitness {
    fn statement(&self) -> Result<median::Median, Error> {
        exactly("operators", self.operators.len(), median::OPERATORS)?;
        let part = |(value, signed): &(i32, SignedBy)| {
            Ok(median::Observation {
                value: session::encode(*value),
                signed: signed.of_depth(median::DEPTH)?,
            })
        };
        let parts = self.operators.iter().map(part);
        let parts = parts.collect::<Result<_, Error>>()?;
        let feed = self.place.context(median::DOMAIN);
        median::Median::new(feed, self.round, self.set.0, parts)
    }
}

impl Place {
    /// The context of a statement with this domain.
    pub fn context(&self, domain: &str) -> Context {
        Context::new(domain, self.chain, self.contract, self.round)
    }
}

impl TreePath {
    /// A path as JSON has it.
    pub fn new(path: &Path) -> Self {
        Self {
            index: path.index,
            siblings: path.siblings.iter().copied().map(Number).collect(),
        }
    }

    fn of_depth(&self, depth: usize) -> Result<Path, Error> {
        exactly("levels", self.siblings.len(), depth)?;
        let places = 1_usize << depth;
        if self.index >> depth != 0 {
            return Err(Error::LeafUnknown {
                index: usize::try_from(self.index).unwrap_or(usize::MAX),
                leaves: places,
            });
        }
        Ok(Path {
            index: self.index,
            siblings: self.siblings.iter().map(|n| n.0).collect(),
        })
    }
}

impl SignedBy {
    /// A signature as JSON has it.
    pub fn new(key: Point, path: &Path, signature: &Signature) -> Self {
        Self {
            key: key.twisted().map(Number),
            path: TreePath::new(path),
            r: signature.r.twisted().map(Number),
            s: Number(signature.s()),
        }
    }

    fn of_depth(&self, depth: usize) -> Result<reading::Signed, Error> {
        let pair = |numbers: [Number; 2]| numbers.map(|n| n.0);
        let key = Point::from_twisted(pair(self.key))?;
        let signature = Signature::from_twisted(pair(self.r), self.s.0)?;
        Ok(reading::Signed {
            key: key.twisted(),
            path: self.path.of_depth(depth)?,
            signature: signature.into(),
        })
    }
}

/// Names what is wrong with a file that is JSON, without a word of what is in it: the field that alone makes the example
/// unreadable.
fn fault(json: &Value) -> Error {
    let statement = json.get("statement").and_then(Value::as_str);
    let example = statement
        .and_then(|name| Registered::named(name).ok())
        .and_then(|of| Witness::example(of).ok())
        .and_then(|witness| serde_json::to_value(witness).ok());
    let field = |field: &str| Error::WitnessField {
        field: field.to_owned(),
    };
    let Some(Value::Object(example)) = example else {
        return field("statement");
    };
    for name in example.keys() {
        let mut mixed = example.clone();
        mixed.insert(name.clone(), json.get(name).cloned().unwrap_or_default());
        if serde_json::from_value::<Witness>(Value::Object(mixed)).is_err() {
            return field(name);
        }
    }
    Error::WitnessSurplus
}

fn exactly(what: &'static str, got: usize, expected: usize) -> Result<(), Error> {
    if got == expected {
        return Ok(());
    }
    Err(Error::Size {
        what,
        got,
        min: expected,
        max: expected,
    })
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&to_decimal(&self.0))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        from_decimal(&text).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
