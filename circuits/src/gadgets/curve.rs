//! Points of BabyJubJub's twisted form in circuit.
//!
//! The addition law is complete on this curve (a is a square, d is not), so no sum of two points on the curve has an
//! exception to guard against; the Montgomery form would be cheaper and has several.

use ark_bn254::Fr;
use ark_ff::{Field, One, Zero};

use super::bits::{and, nonzero};
use crate::babyjub::{A, D};
use crate::system::{Bit, Builder, Num};

/// A point, known to be on the curve by whoever made it.
#[derive(Clone, Debug)]
pub struct PointVar {
    /// First coordinate.
    pub x: Num,
    /// Second coordinate.
    pub y: Num,
}

impl PointVar {
    /// The identity.
    pub fn identity() -> Self {
        Self {
            x: Num::zero(),
            y: Num::one(),
        }
    }

    /// Takes a point the prover knows and requires that it is on the curve. Three constraints.
    pub fn witness(c: &mut Builder, labels: [&'static str; 2], [x, y]: [Fr; 2]) -> Self {
        let (x, y) = (c.witness(labels[0], x), c.witness(labels[1], y));
        c.group("on curve", |c| {
            let (xx, yy) = (c.mul(&x, &x), c.mul(&y, &y));
            let left = &xx.scale(A) + &yy;
            c.enforce(&xx.scale(D), &yy, &(&left - &Num::one()));
        });
        Self { x, y }
    }

    /// The negated point. Free.
    pub fn negate(&self) -> Self {
        Self {
            x: self.x.scale(-Fr::one()),
            y: self.y.clone(),
        }
    }

    /// Six constraints.
    pub fn add(&self, c: &mut Builder, other: &Self) -> Self {
        let beta = c.mul(&self.x, &other.y);
        let gamma = c.mul(&self.y, &other.x);
        let delta = c.mul(&(&self.y - &self.x.scale(A)), &(&other.x + &other.y));
        let tau = c.mul(&beta, &gamma).scale(D);
        let above = Num::combine([(Fr::one(), &delta), (A, &beta), (-Fr::one(), &gamma)]);
        let x = divide(c, &(&beta + &gamma), &(&Num::one() + &tau));
        let y = divide(c, &above, &(&Num::one() - &tau));
        Self { x, y }
    }

    /// Five constraints.
    pub fn double(&self, c: &mut Builder) -> Self {
        let two = Fr::from(2u64);
        let xy = c.mul(&self.x, &self.y);
        let (xx, yy) = (c.mul(&self.x, &self.x).scale(A), c.mul(&self.y, &self.y));
        let sum = &xx + &yy;
        let x = divide(c, &xy.scale(two), &sum);
        let y = divide(c, &(&yy - &xx), &(&Num::constant(two) - &sum));
        Self { x, y }
    }

    /// Requires equality. Two constraints.
    pub fn equal(&self, c: &mut Builder, other: &Self) {
        c.equal(&self.x, &other.x);
        c.equal(&self.y, &other.y);
    }

    /// `scalar * self`, bits lowest first, two at a time. 23 constraints a pair of bits.
    pub fn multiply(&self, c: &mut Builder, scalar: &[Bit]) -> Self {
        let double = self.double(c);
        let triple = double.add(c, self);
        let none = Bit::constant(false);
        let mut sum: Option<Self> = None;
        for pair in scalar.chunks(2).rev() {
            let (low, high) = (&pair[0], pair.get(1).unwrap_or(&none));
            let both = and(c, low, high);
            let x = choose(
                c,
                [low, high, &both],
                [&Num::zero(), &self.x, &double.x, &triple.x],
            );
            let y = choose(
                c,
                [low, high, &both],
                [&Num::one(), &self.y, &double.y, &triple.y],
            );
            let part = Self { x, y };
            sum = Some(match sum {
                None => part,
                Some(sum) => sum.double(c).double(c).add(c, &part),
            });
        }
        sum.unwrap_or_else(Self::identity)
    }

    /// Requires a point that eight does not annihilate, and gives eight times it. 16 constraints.
    pub fn times_cofactor(&self, c: &mut Builder) -> Self {
        let eight = self.double(c).double(c).double(c);
        // Eight times anything is in the prime subgroup, where only the identity has x = 0.
        c.group("order", |c| nonzero(c, &eight.x));
        eight
    }
}

/// `scalar * point` for a constant point, bits lowest first, two at a time. 7 constraints a pair of bits.
pub fn multiply_constant(c: &mut Builder, point: [Fr; 2], scalar: &[Bit]) -> PointVar {
    let none = Bit::constant(false);
    let mut power = point;
    let mut sum: Option<PointVar> = None;
    for pair in scalar.chunks(2) {
        let double = plain_add(power, power);
        let triple = plain_add(double, power);
        let (low, high) = (&pair[0], pair.get(1).unwrap_or(&none));
        let both = and(c, low, high);
        let part = PointVar {
            x: look_up(
                [low, high, &both],
                [Fr::zero(), power[0], double[0], triple[0]],
            ),
            y: look_up(
                [low, high, &both],
                [Fr::one(), power[1], double[1], triple[1]],
            ),
        };
        sum = Some(match sum {
            None => part,
            Some(sum) => sum.add(c, &part),
        });
        power = plain_add(double, double);
    }
    sum.unwrap_or_else(PointVar::identity)
}

/// Entry `low + 2 high` of a table, `both` being their product. Three constraints.
fn choose(c: &mut Builder, [low, high, both]: [&Bit; 3], table: [&Num; 4]) -> Num {
    let [zero, one, two, three] = table;
    let first = c.mul(low.num(), &(one - zero));
    let second = c.mul(high.num(), &(two - zero));
    let third = c.mul(both.num(), &(&(&(three - one) - two) + zero));
    &(zero + &first) + &(&second + &third)
}

/// Entry `low + 2 high` of a constant table, `both` being their product. Free.
fn look_up([low, high, both]: [&Bit; 3], [zero, one, two, three]: [Fr; 4]) -> Num {
    Num::combine([
        (zero, &Num::one()),
        (one - zero, low.num()),
        (two - zero, high.num()),
        (three - one - two + zero, both.num()),
    ])
}

/// `a / b` for a divisor that the addition law keeps from zero. One constraint.
fn divide(c: &mut Builder, a: &Num, b: &Num) -> Num {
    let quotient = a.value() * b.value().inverse().unwrap_or_default();
    let quotient = c.witness("quotient", quotient);
    c.enforce(&quotient, b, a);
    quotient
}

fn plain_add([x1, y1]: [Fr; 2], [x2, y2]: [Fr; 2]) -> [Fr; 2] {
    let (beta, gamma) = (x1 * y2, y1 * x2);
    let tau = D * beta * gamma;
    let over = |x: Fr| x.inverse().unwrap_or_default();
    let y = (y1 * y2 - A * x1 * x2) * over(Fr::one() - tau);
    [(beta + gamma) * over(Fr::one() + tau), y]
}
