//! `session`: the K readings of one device, whose digest is anchored, ran forward in time; whether all stayed within
//! limits with no gap longer than g.
//!
//! # Statement
//!
//! There are (device, K readings of time and value) such that, with P the Poseidon hash:
//!
//! 1. `1 <= K <= N`; times below 2^44 and strictly rising, each step below 2^32
//! 2. `digest` is the chain over the readings: `d = P(SESSION, device)`, then for each 15 readings
//!    `d = P(d, w_1 .. w_15)`, where `w = time + 2^48 value + 2^80` for a reading and 0 past the last
//! 3. `limit = low + 2^32 high`; `span = K + 2^16 first + 2^64 last`, the times of the first and last reading
//! 4. `result = 1` if for every reading `low <= value <= high` and every step is at most `gap`, otherwise 0
//!
//! Values are unsigned 32-bit numbers; [`encode`] lifts a signed reading by 2^31, so that -20 °C is below 5 °C.
//!
//! # Public inputs
//!
//! `context, digest, limit, gap, span, result`.
//!
//! # Witness
//!
//! The device's number, the readings.
//!
//! # Cost
//!
//! 56,035 constraints for N = 256: 178 a reading, and 18 hashes of 15 readings.
//!
//! # Attacks
//!
//! | attack | refused by |
//! |---|---|
//! | other readings than those anchored, or those of another device | `digest` |
//! | leaving out the readings at the end | `digest`: a present reading carries 2^80, an absent one is 0 |
//! | leaving some out in the middle | `count`: present readings come first; `digest` |
//! | time that goes back or stands still | `order` |
//! | a start or step that wraps around the field | `time`, `order` |
//! | a value that wraps around | `value` |
//! | a smaller K, an earlier start, a later end | `span` |
//! | other limits or another gap than those stated | `limit`, `gap` |
//! | a broken chain shown as whole, or a whole one as broken | `verdict` |
//! | taking the proof to another chain, contract or transfer | `context` |
//!
//! K = 0 cannot be stated: of nothing, everything is true. Whoever consumes the proof compares digest, limit, gap and
//! span with what it anchored and asked for.

use ark_bn254::Fr;
use ark_ff::{One, Zero};

use super::bind;
use crate::context::{Context, tag};
use crate::error::Error;
use crate::gadgets::bits::{self, power};
use crate::gadgets::poseidon;
use crate::poseidon as native;
use crate::system::{Bit, Builder, Circuit, Num};

/// Readings of the registered circuit.
pub const CAPACITY: usize = 256;
/// The most readings any circuit may have.
pub const MAX_CAPACITY: usize = 4096;
/// Bits of a value.
pub const VALUE_BITS: usize = 32;
/// Bits of the first time, in milliseconds: until the year 2527.
pub const TIME_BITS: usize = 44;
/// Bits of a step between two times.
pub const STEP_BITS: usize = 32;
/// Domain of the context.
pub const DOMAIN: &str = "causeway/session/1";

/// Readings in one hash.
const CHUNK: usize = native::MAX_INPUTS - 1;
/// Where the value stands in a word, and the mark of a present reading.
const VALUE_AT: usize = 48;
const MARK_AT: usize = 80;

/// A reading as it is anchored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Milliseconds since 1970.
    pub time: u64,
    /// The value, lifted: see [`encode`].
    pub value: u32,
}

/// Lifts a signed value so that order is kept.
pub fn encode(value: i32) -> u32 {
    (value as u32) ^ (1 << 31)
}

/// What was lifted by [`encode`].
pub fn decode(value: u32) -> i32 {
    (value ^ (1 << 31)) as i32
}

/// The digest that is anchored.
///
/// # Errors
///
/// When there are no readings, too many for `capacity`, or a time past its range. Order is not judged here.
pub fn digest(device: Fr, readings: &[Reading], capacity: usize) -> Result<Fr, Error> {
    check_size(readings, capacity)?;
    let mut words: Vec<Fr> = readings.iter().map(word).collect();
    words.resize(capacity.div_ceil(CHUNK) * CHUNK, Fr::zero());
    let start = native::hash(&[session_tag(), device]);
    Ok(words.chunks(CHUNK).fold(start, |digest, chunk| {
        let inputs: Vec<Fr> = std::iter::once(digest)
            .chain(chunk.iter().copied())
            .collect();
        native::hash(&inputs)
    }))
}

/// What is asked of the readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The lowest value allowed.
    pub low: u32,
    /// The highest.
    pub high: u32,
    /// The longest step allowed, in milliseconds.
    pub gap: u32,
}

impl Terms {
    /// The public input that holds both limits.
    pub fn limit(&self) -> Fr {
        Fr::from(self.low) + Fr::from(self.high) * power(VALUE_BITS)
    }

    /// Whether the readings comply.
    pub fn hold(&self, readings: &[Reading]) -> bool {
        let within = readings
            .iter()
            .all(|r| (self.low..=self.high).contains(&r.value));
        let gapless = |pair: &[Reading]| pair[1].time - pair[0].time <= u64::from(self.gap);
        within && readings.windows(2).all(gapless)
    }
}

/// The public input that holds count, start and end.
pub fn span(count: usize, first: u64, last: u64) -> Fr {
    Fr::from(count as u64) + Fr::from(first) * power(16) + Fr::from(last) * power(64)
}

/// What the verifier sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Public {
    /// Where it counts.
    pub context: Fr,
    /// The anchored digest.
    pub digest: Fr,
    /// Both limits.
    pub limit: Fr,
    /// The longest step allowed.
    pub gap: u32,
    /// Count, start, end.
    pub span: Fr,
    /// Whether the readings comply.
    pub result: bool,
}

impl Public {
    /// In the order of the statement.
    pub fn inputs(&self) -> Vec<Fr> {
        let Self {
            context,
            digest,
            limit,
            gap,
            span,
            result,
        } = *self;
        vec![
            context,
            digest,
            limit,
            Fr::from(gap),
            span,
            Fr::from(result),
        ]
    }
}

/// The statement with its values.
#[derive(Clone, Debug)]
pub struct Session {
    public: Public,
    terms: Terms,
    device: Fr,
    readings: Vec<Reading>,
    capacity: usize,
}

impl Session {
    /// The statement about a device's readings in a circuit of `capacity`.
    ///
    /// # Errors
    ///
    /// When there are no readings, too many, or times that are past their range or do not rise.
    pub fn new(
        context: Context,
        device: Fr,
        readings: Vec<Reading>,
        terms: Terms,
        capacity: usize,
    ) -> Result<Self, Error> {
        let digest = digest(device, &readings, capacity)?;
        if let Some(at) = readings
            .windows(2)
            .position(|pair| pair[1].time <= pair[0].time)
        {
            return Err(Error::TimeNotRising { at: at + 1 });
        }
        let (first, last) = (readings[0].time, readings[readings.len() - 1].time);
        let public = Public {
            context: context.input(),
            digest,
            limit: terms.limit(),
            gap: terms.gap,
            span: span(readings.len(), first, last),
            result: terms.hold(&readings),
        };
        Ok(Self {
            public,
            terms,
            device,
            readings,
            capacity,
        })
    }

    /// The circuit without values.
    pub fn blank(capacity: usize) -> Self {
        let terms = Terms {
            low: 0,
            high: 0,
            gap: 0,
        };
        let zero = Fr::zero();
        let public = Public {
            context: zero,
            digest: zero,
            limit: zero,
            gap: 0,
            span: zero,
            result: false,
        };
        let readings = vec![Reading { time: 0, value: 0 }];
        Self {
            public,
            terms,
            device: zero,
            readings,
            capacity,
        }
    }

    /// What the verifier sees.
    pub fn public(&self) -> Public {
        self.public
    }
}

impl Circuit for Session {
    fn name(&self) -> String {
        format!("session-{}", self.capacity)
    }

    fn build(&self, c: &mut Builder) {
        let names = ["context", "digest", "limit", "gap", "span", "result"];
        let inputs = self.public.inputs();
        let [context, digest, limit, gap, span, result] =
            [0, 1, 2, 3, 4, 5].map(|i| c.public(names[i], inputs[i]));
        bind(c, "context", &context);
        let [low, high] = c.group("limit", |c| {
            let low = c.witness("low", Fr::from(self.terms.low));
            let high = c.witness("high", Fr::from(self.terms.high));
            bits::range(c, &low, VALUE_BITS);
            bits::range(c, &high, VALUE_BITS);
            c.equal(&(&low + &high.scale(power(VALUE_BITS))), &limit);
            [low, high]
        });
        c.group("gap", |c| bits::range(c, &gap, STEP_BITS));

        let mut words = Vec::with_capacity(self.capacity);
        let mut breaks = Vec::with_capacity(self.capacity);
        let first = c.witness("first", Fr::from(self.readings[0].time));
        c.group("time", |c| bits::range(c, &first, TIME_BITS));
        let (mut time, mut count) = (first.clone(), Num::zero());
        let mut before = Bit::constant(true);
        for i in 0..self.capacity {
            let present = self.presence(c, i, &before);
            let kept = (i > 0).then(|| {
                let step = self.step(c, i, &present);
                time = &time + &step;
                c.group("verdict", |c| bits::is_at_most(c, &step, &gap, STEP_BITS))
            });
            let value = c.witness(
                "value",
                Fr::from(self.readings.get(i).map_or(0, |r| r.value)),
            );
            c.group("value", |c| bits::range(c, &value, VALUE_BITS));
            breaks.push(c.group("verdict", |c| {
                let above = bits::is_at_most(c, &low, &value, VALUE_BITS);
                let below = bits::is_at_most(c, &value, &high, VALUE_BITS);
                let within = bits::and(c, &above, &below);
                let good = kept.map_or(within.clone(), |kept| bits::and(c, &within, &kept));
                bits::and(c, &present, &good.not())
            }));
            words.push(c.group("digest", |c| {
                let word = Num::combine([
                    (Fr::one(), &time),
                    (power(VALUE_AT), &value),
                    (power(MARK_AT), &Num::one()),
                ]);
                c.mul(present.num(), &word)
            }));
            count = &count + present.num();
            before = present;
        }
        c.group("digest", |c| self.chain(c, words, &digest));
        c.group("span", |c| {
            let computed =
                Num::combine([(Fr::one(), &count), (power(16), &first), (power(64), &time)]);
            c.equal(&computed, &span);
        });
        c.group("verdict", |c| {
            let broken = Num::combine(breaks.iter().map(|bit| (Fr::one(), bit.num())));
            let whole = bits::is_zero(c, &broken);
            c.equal(whole.num(), &result);
        });
    }
}

impl Session {
    /// Whether reading `i` is there; the first always is, and none follows one that is not.
    fn presence(&self, c: &mut Builder, i: usize, before: &Bit) -> Bit {
        if i == 0 {
            return Bit::constant(true);
        }
        c.group("count", |c| {
            let present = bits::witness_bit(c, "present", i < self.readings.len());
            c.enforce(present.num(), before.not().num(), &Num::zero());
            present
        })
    }

    /// From the reading before to reading `i`: at least one if it is there, zero if not.
    fn step(&self, c: &mut Builder, i: usize, present: &Bit) -> Num {
        let step = match self.readings.get(i) {
            Some(reading) => Fr::from(reading.time) - Fr::from(self.readings[i - 1].time),
            None => Fr::zero(),
        };
        let step = c.witness("step", step);
        c.group("order", |c| {
            bits::range(c, &(&step - present.num()), STEP_BITS);
            c.enforce(&step, present.not().num(), &Num::zero());
        });
        step
    }

    fn chain(&self, c: &mut Builder, mut words: Vec<Num>, digest: &Num) {
        words.resize(self.capacity.div_ceil(CHUNK) * CHUNK, Num::zero());
        let device = c.witness("device", self.device);
        let mut computed = poseidon::tagged(c, session_tag(), &[device]);
        for chunk in words.chunks(CHUNK) {
            let inputs: Vec<Num> = std::iter::once(computed)
                .chain(chunk.iter().cloned())
                .collect();
            computed = poseidon::hash(c, &inputs);
        }
        c.equal(&computed, digest);
    }
}

fn check_size(readings: &[Reading], capacity: usize) -> Result<(), Error> {
    let max = capacity.min(MAX_CAPACITY);
    if readings.is_empty() || readings.len() > max || capacity > MAX_CAPACITY {
        return Err(Error::Size {
            what: "readings",
            got: readings.len(),
            min: 1,
            max,
        });
    }
    if let Some(at) = readings.iter().position(|r| r.time >> TIME_BITS != 0) {
        return Err(Error::TimeOutOfRange {
            at,
            bits: TIME_BITS,
        });
    }
    Ok(())
}

fn word(reading: &Reading) -> Fr {
    Fr::from(reading.time) + Fr::from(reading.value) * power(VALUE_AT) + power(MARK_AT)
}

fn session_tag() -> Fr {
    tag("causeway/session/digest/1")
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
