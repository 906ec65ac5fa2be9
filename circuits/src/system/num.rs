//! Values inside a circuit: linear combinations of columns.

use std::ops::{Add, Sub};

use ark_bn254::Fr;
use ark_ff::{One, Zero};

use super::{ONE, Row};

/// A linear combination of columns and its value. Adding and scaling are free; only products cost constraints.
#[derive(Clone, Debug)]
pub struct Num {
    value: Fr,
    /// Empty when the builder records no structure, except for the constant part.
    terms: Row,
    constant: bool,
}

impl Num {
    /// A constant.
    pub fn constant(value: Fr) -> Self {
        let terms = if value.is_zero() {
            Vec::new()
        } else {
            vec![(ONE, value)]
        };
        Self {
            value,
            terms,
            constant: true,
        }
    }

    /// The constant zero.
    pub fn zero() -> Self {
        Self::constant(Fr::zero())
    }

    /// The constant one.
    pub fn one() -> Self {
        Self::constant(Fr::one())
    }

    pub(super) fn variable(column: u32, value: Fr) -> Self {
        Self {
            value,
            terms: vec![(column, Fr::one())],
            constant: false,
        }
    }

    pub(super) fn unrecorded(value: Fr) -> Self {
        Self {
            value,
            terms: Vec::new(),
            constant: false,
        }
    }

    /// The value under the present assignment.
    pub fn value(&self) -> Fr {
        self.value
    }

    /// The value, when it does not depend on the assignment.
    pub fn as_constant(&self) -> Option<Fr> {
        self.constant.then_some(self.value)
    }

    /// `k` times this.
    pub fn scale(&self, k: Fr) -> Self {
        if k.is_zero() {
            return Self::zero();
        }
        let terms = self
            .terms
            .iter()
            .map(|(column, c)| (*column, *c * k))
            .collect();
        Self {
            value: self.value * k,
            terms,
            constant: self.constant,
        }
    }

    /// `sum of k_i * x_i`, merged once.
    pub fn combine<'a>(parts: impl IntoIterator<Item = (Fr, &'a Num)>) -> Self {
        let mut all: Row = Vec::new();
        let (mut value, mut constant) = (Fr::zero(), true);
        for (k, num) in parts {
            value += num.value * k;
            constant &= num.constant;
            all.extend(num.terms.iter().map(|(column, c)| (*column, *c * k)));
        }
        all.sort_by_key(|(column, _)| *column);
        all.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        Self {
            value,
            terms: all,
            constant,
        }
    }

    pub(super) fn terms(&self) -> &Row {
        &self.terms
    }

    fn merge(&self, other: &Self, sign: Fr) -> Self {
        Self::combine([(Fr::one(), self), (sign, other)])
    }
}

impl Add for &Num {
    type Output = Num;
    fn add(self, other: &Num) -> Num {
        self.merge(other, Fr::one())
    }
}

impl Sub for &Num {
    type Output = Num;
    fn sub(self, other: &Num) -> Num {
        self.merge(other, -Fr::one())
    }
}

/// A [`Num`] that a constraint, or its construction, keeps to 0 or 1.
#[derive(Clone, Debug)]
pub struct Bit(Num);

impl Bit {
    /// Takes the caller's word that `num` is 0 or 1 in every accepted assignment.
    pub(crate) fn proved(num: Num) -> Self {
        Self(num)
    }

    /// A constant bit.
    pub fn constant(value: bool) -> Self {
        Self(Num::constant(Fr::from(value)))
    }

    /// As a number.
    pub fn num(&self) -> &Num {
        &self.0
    }

    /// The other bit.
    pub fn not(&self) -> Self {
        Self(&Num::one() - &self.0)
    }

    /// Whether it is one under the present assignment.
    pub fn is_set(&self) -> bool {
        self.0.value().is_one()
    }
}
