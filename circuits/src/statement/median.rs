//! `median`: n distinct admitted operators signed this round of this feed; the value is their median.
//!
//! # Statement
//!
//! For i = 1..n there are (key A_i, path_i, value_i, signature_i) such that, with P the Poseidon hash:
//!
//! 1. `set = climb(P(KEY, A_i.x, A_i.y), path_i)`
//! 2. signature_i is A_i's EdDSA-Poseidon signature of `P(OBSERVATION, feed, round, value_i)`
//! 3. the places of path_1, path_2, ... strictly rise, and `mask` is the sum of `2^place_i`
//! 4. all values are below 2^32; at most `n / 2` of them (rounded down) are below `median`, and fewer than `n - n / 2`
//!    above it
//!
//! By 4, some value is the median: otherwise fewer than n values would be below or above it. For an odd n it is the
//! middle one, for an even n the upper of the two.
//!
//! # Public inputs
//!
//! `feed, round, set, median, mask`. The feed is a [`Context`] whose round names the feed; the round is a number.
//!
//! # Witness
//!
//! Keys, places, values, signatures.
//!
//! # Cost
//!
//! 46,254 constraints for 7 of 16 operators, 6,601 for each.
//!
//! # Attacks
//!
//! | attack | refused by |
//! |---|---|
//! | an operator that was never admitted, or was removed | `membership` |
//! | an observation nobody signed, or one of another feed or round | `signature` |
//! | one operator twice | `distinct` |
//! | a mask that names others than signed | `mask` |
//! | a value that wraps around | `value` |
//! | another value than the median | `median` |
//!
//! n is the circuit's and is the feed's quorum: whoever consumes the proof accepts only the circuit of its quorum.

use ark_bn254::Fr;
use ark_ff::{One, Zero};

use super::reading::{self, Signed, VALUE_BITS};
use crate::babyjub::Signature;
use crate::context::{Context, tag};
use crate::error::Error;
use crate::gadgets::bits::{self, power};
use crate::gadgets::poseidon;
use crate::merkle::Path;
use crate::poseidon as native;
use crate::system::{Bit, Builder, Circuit, Num};

/// Operators of the registered circuit.
pub const OPERATORS: usize = 7;
/// Depth of its tree.
pub const DEPTH: usize = 4;
/// Deepest tree whose mask is one number.
pub const MAX_DEPTH: usize = 7;
/// Domain of the feed.
pub const DOMAIN: &str = "causeway/median/1";

/// What an operator signs.
pub fn message(feed: &Context, round: u64, value: u32) -> Fr {
    native::hash(&[
        observation_tag(),
        feed.input(),
        Fr::from(round),
        Fr::from(value),
    ])
}

/// An operator's part.
#[derive(Clone, Debug)]
pub struct Observation {
    /// What it saw, lifted.
    pub value: u32,
    /// Who signed it.
    pub signed: Signed,
}

impl Observation {
    /// An operator's signature of its value.
    pub fn new(value: u32, key: [Fr; 2], path: Path, signature: Signature) -> Self {
        Self {
            value,
            signed: Signed {
                key,
                path,
                signature: signature.into(),
            },
        }
    }
}

/// What the verifier sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Public {
    /// The feed, and where it counts.
    pub feed: Fr,
    /// The round.
    pub round: u64,
    /// The admitted operators.
    pub set: Fr,
    /// The median.
    pub median: u32,
    /// Who signed: bit i for place i.
    pub mask: u128,
}

impl Public {
    /// In the order of the statement.
    pub fn inputs(&self) -> Vec<Fr> {
        let Self {
            feed,
            round,
            set,
            median,
            mask,
        } = *self;
        vec![feed, Fr::from(round), set, Fr::from(median), Fr::from(mask)]
    }
}

/// The statement with its values.
#[derive(Clone, Debug)]
pub struct Median {
    public: Public,
    observations: Vec<Observation>,
}

impl Median {
    /// The statement about these operators, in the order of their places, in the tree of `set`.
    ///
    /// # Errors
    ///
    /// When there are none, or more than the tree has places, or the tree is too deep for a mask.
    pub fn new(
        feed: Context,
        round: u64,
        set: Fr,
        observations: Vec<Observation>,
    ) -> Result<Self, Error> {
        let depth = observations
            .first()
            .map_or(0, |o| o.signed.path.siblings.len());
        if depth > MAX_DEPTH {
            return Err(Error::Size {
                what: "levels",
                got: depth,
                min: 1,
                max: MAX_DEPTH,
            });
        }
        let (got, max) = (observations.len(), 1 << depth);
        if got == 0 || got > max {
            return Err(Error::Size {
                what: "operators",
                got,
                min: 1,
                max,
            });
        }
        let mut sorted: Vec<u32> = observations.iter().map(|o| o.value).collect();
        sorted.sort_unstable();
        let mask = observations
            .iter()
            .fold(0, |mask, o| mask | 1 << (o.signed.path.index & 127));
        let public = Public {
            feed: feed.input(),
            round,
            set,
            median: sorted[got / 2],
            mask,
        };
        Ok(Self {
            public,
            observations,
        })
    }

    /// The circuit without values.
    ///
    /// # Errors
    ///
    /// As [`Median::new`].
    pub fn blank(operators: usize, depth: usize) -> Result<Self, Error> {
        let feed = Context::new(DOMAIN, 0, Default::default(), Default::default());
        let observation = Observation {
            value: 0,
            signed: Signed::blank(depth),
        };
        Self::new(feed, 0, Fr::zero(), vec![observation; operators])
    }

    /// What the verifier sees.
    pub fn public(&self) -> Public {
        self.public
    }
}

impl Circuit for Median {
    fn name(&self) -> String {
        let depth = self.observations[0].signed.path.siblings.len();
        format!("median-{}-{depth}", self.observations.len())
    }

    fn build(&self, c: &mut Builder) {
        let names = ["feed", "round", "set", "median", "mask"];
        let inputs = self.public.inputs();
        let [feed, round, set, median, mask] =
            [0, 1, 2, 3, 4].map(|i| c.public(names[i], inputs[i]));
        c.group("value", |c| bits::range(c, &median, VALUE_BITS));
        let (mut below, mut above) = (Num::zero(), Num::zero());
        let mut signers = Num::zero();
        let mut before: Option<Num> = None;
        for observation in &self.observations {
            let value = c.witness("value", Fr::from(observation.value));
            c.group("value", |c| bits::range(c, &value, VALUE_BITS));
            let message = c.group("message", |c| {
                let inputs = [feed.clone(), round.clone(), value.clone()];
                poseidon::tagged(c, observation_tag(), &inputs)
            });
            let (index, _) = reading::signed(c, &set, &message, &observation.signed);
            let place = bits::pack(&index);
            if let Some(before) = before {
                let next = &before + &Num::one();
                c.group("distinct", |c| bits::at_most(c, &next, &place, index.len()));
            }
            before = Some(place);
            let bit = c.group("mask", |c| place_bit(c, &index));
            signers = &signers + &bit;
            c.group("median", |c| {
                let reaches = bits::is_at_most(c, &median, &value, VALUE_BITS);
                let within = bits::is_at_most(c, &value, &median, VALUE_BITS);
                below = &below + reaches.not().num();
                above = &above + within.not().num();
            });
        }
        c.group("mask", |c| c.equal(&signers, &mask));
        c.group("median", |c| {
            let n = self.observations.len();
            let most = [n / 2, n - n / 2 - 1].map(|count| Num::constant(Fr::from(count as u64)));
            bits::at_most(c, &below, &most[0], COUNT_BITS);
            bits::at_most(c, &above, &most[1], COUNT_BITS);
        });
    }
}

/// Bits of a number of operators.
const COUNT_BITS: usize = MAX_DEPTH + 1;

/// `2^place` from the bits of the place: the product of `2^(2^k)` where bit k is set.
fn place_bit(c: &mut Builder, index: &[Bit]) -> Num {
    index
        .iter()
        .enumerate()
        .fold(Num::one(), |product, (k, bit)| {
            let factor = Num::combine([
                (Fr::one(), &Num::one()),
                (power(1 << k) - Fr::one(), bit.num()),
            ]);
            c.mul(&product, &factor)
        })
}

fn observation_tag() -> Fr {
    tag("causeway/median/observation/1")
}

#[cfg(test)]
#[path = "median_tests.rs"]
mod tests;
