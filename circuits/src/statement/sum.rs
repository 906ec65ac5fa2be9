//! `sum`: the total over N admitted meters' signed readings of a period is T.
//!
//! # Statement
//!
//! For i = 1..N there are (key A_i, path_i, value_i, signature_i) such that, with P the Poseidon hash:
//!
//! 1. `set = climb(P(KEY, A_i.x, A_i.y), path_i)`
//! 2. signature_i is A_i's EdDSA-Poseidon signature of `P(METER, period, value_i)`
//! 3. the places of path_1, path_2, ... strictly rise
//! 4. every value is below 2^64 and `total` is their sum
//! 5. `digest` is the chain `d = P(SUM, period)`, then `d = P(d, place_i, value_i)`
//!
//! # Public inputs
//!
//! `period, set, total, digest`. The period is a [`Context`] whose round names what is metered and when.
//!
//! # Witness
//!
//! Keys, places, values, signatures.
//!
//! # Cost
//!
//! 66,188 constraints for 8 of 1,024 meters: 6,787 for a meter at depth 4; 242 more for each further level, and one for its place.
//!
//! # Attacks
//!
//! | attack | refused by |
//! |---|---|
//! | a meter that was never admitted, or is revoked | `membership` |
//! | a value nobody signed, or one of another period | `signature` |
//! | counting a meter twice | `distinct` |
//! | a value that wraps around, to lower or raise the total | `value` |
//! | another total | `total` |
//! | a list other than the one the regulator was given | `digest` |
//! | minting twice for one period; on another chain or contract | `signature` and `digest` read the period; the statement is accepted once |
//!
//! N is the circuit's; a meter that was silent signs zero or leaves its group. A sum of up to 2^16 meters has no more
//! than 80 bits: it cannot wrap around.

use ark_bn254::Fr;
use ark_ff::{One, Zero};

use super::reading::{self, Signed};
use crate::babyjub::Signature;
use crate::context::{Context, tag};
use crate::error::Error;
use crate::gadgets::{bits, poseidon};
use crate::poseidon as native;
use crate::system::{Builder, Circuit, Num};

/// Bits of a value.
pub const VALUE_BITS: usize = 64;
/// Meters of the registered circuit.
pub const METERS: usize = 8;
/// Depth of its tree.
pub const DEPTH: usize = 10;
/// Domain of the period.
pub const DOMAIN: &str = "causeway/sum/1";

/// What a meter signs.
pub fn message(period: &Context, value: u64) -> Fr {
    native::hash(&[meter_tag(), period.input(), Fr::from(value)])
}

/// A meter's part.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it metered.
    pub value: u64,
    /// Who signed it.
    pub signed: Signed,
}

impl Part {
    /// A meter's signature of its value.
    pub fn new(value: u64, key: [Fr; 2], path: crate::merkle::Path, signature: Signature) -> Self {
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
    /// What is metered, and where it counts.
    pub period: Fr,
    /// The admitted meters.
    pub set: Fr,
    /// The sum.
    pub total: u128,
    /// The list of places and values.
    pub digest: Fr,
}

impl Public {
    /// In the order of the statement.
    pub fn inputs(&self) -> Vec<Fr> {
        vec![self.period, self.set, Fr::from(self.total), self.digest]
    }
}

/// The statement with its values.
#[derive(Clone, Debug)]
pub struct Sum {
    public: Public,
    parts: Vec<Part>,
}

impl Sum {
    /// The statement about these meters, in the order of their places, in the tree of `set`.
    ///
    /// # Errors
    ///
    /// When there are none or more than 2^16.
    pub fn new(period: Context, set: Fr, parts: Vec<Part>) -> Result<Self, Error> {
        let max = 1 << 16;
        if parts.is_empty() || parts.len() > max {
            return Err(Error::Size {
                what: "meters",
                got: parts.len(),
                min: 1,
                max,
            });
        }
        let total = parts.iter().map(|part| u128::from(part.value)).sum();
        let period = period.input();
        let start = native::hash(&[sum_tag(), period]);
        let digest = parts.iter().fold(start, |digest, part| {
            native::hash(&[
                digest,
                Fr::from(part.signed.path.index),
                Fr::from(part.value),
            ])
        });
        Ok(Self {
            public: Public {
                period,
                set,
                total,
                digest,
            },
            parts,
        })
    }

    /// The circuit without values.
    ///
    /// # Errors
    ///
    /// As [`Sum::new`].
    pub fn blank(meters: usize, depth: usize) -> Result<Self, Error> {
        let period = Context::new(DOMAIN, 0, Default::default(), Default::default());
        let part = Part {
            value: 0,
            signed: Signed::blank(depth),
        };
        Self::new(period, Fr::zero(), vec![part; meters])
    }

    /// What the verifier sees.
    pub fn public(&self) -> Public {
        self.public
    }
}

impl Circuit for Sum {
    fn name(&self) -> String {
        let depth = self.parts[0].signed.path.siblings.len();
        format!("sum-{}-{depth}", self.parts.len())
    }

    fn build(&self, c: &mut Builder) {
        let names = ["period", "set", "total", "digest"];
        let inputs = self.public.inputs();
        let [period, set, total, digest] = [0, 1, 2, 3].map(|i| c.public(names[i], inputs[i]));
        let mut chain = c.group("digest", |c| {
            poseidon::tagged(c, sum_tag(), std::slice::from_ref(&period))
        });
        let mut sum = Num::zero();
        let mut before: Option<Num> = None;
        for part in &self.parts {
            let value = c.witness("value", Fr::from(part.value));
            c.group("value", |c| bits::range(c, &value, VALUE_BITS));
            let message = c.group("message", |c| {
                poseidon::tagged(c, meter_tag(), &[period.clone(), value.clone()])
            });
            let (index, _) = reading::signed(c, &set, &message, &part.signed);
            let place = bits::pack(&index);
            if let Some(before) = before {
                let next = &before + &Num::one();
                c.group("distinct", |c| bits::at_most(c, &next, &place, index.len()));
            }
            let inputs = [chain, place.clone(), value.clone()];
            chain = c.group("digest", |c| poseidon::hash(c, &inputs));
            sum = Num::combine([(Fr::one(), &sum), (Fr::one(), &value)]);
            before = Some(place);
        }
        c.group("total", |c| c.equal(&sum, &total));
        c.group("digest", |c| c.equal(&chain, &digest));
    }
}

fn meter_tag() -> Fr {
    tag("causeway/sum/meter/1")
}

fn sum_tag() -> Fr {
    tag("causeway/sum/digest/1")
}

#[cfg(test)]
#[path = "sum_tests.rs"]
mod tests;
