//! Ranges, comparisons and canonical bits.
//!
//! Numbers are compared by the bits of a difference, never by arkworks' `enforce_cmp`. A
//! comparison of n bits is sound only for operands already known to have n bits: range first, compare second.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, BigInteger, Field, One, PrimeField};

use crate::system::{Bit, Builder, Num};

/// Requires one bit. One constraint.
pub fn boolean(c: &mut Builder, num: &Num) -> Bit {
    c.group("boolean", |c| {
        c.enforce(num, &(num - &Num::one()), &Num::zero())
    });
    Bit::proved(num.clone())
}

/// Takes a bit the prover knows. One constraint.
pub fn witness_bit(c: &mut Builder, label: &'static str, value: bool) -> Bit {
    let num = c.witness(label, Fr::from(value));
    boolean(c, &num)
}

/// Requires `0 <= num < 2^n` and gives its bits, lowest first. n + 1 constraints.
///
/// # Panics
///
/// For n of 254 or more: such bits would not be unique, see [`canonical`].
pub fn range(c: &mut Builder, num: &Num, n: usize) -> Vec<Bit> {
    assert!(n < 254, "{n} bits are not unique");
    c.group("range", |c| decompose(c, num, n))
}

/// Requires `a <= b`, both known to have n bits. n + 1 constraints.
pub fn at_most(c: &mut Builder, a: &Num, b: &Num, n: usize) {
    c.group("order", |c| {
        decompose(c, &(b - a), n);
    });
}

/// Whether `a <= b`, both known to have n bits. n + 2 constraints.
pub fn is_at_most(c: &mut Builder, a: &Num, b: &Num, n: usize) -> Bit {
    c.group("compare", |c| {
        let lifted = &(b - a) + &Num::constant(power(n));
        let mut bits = decompose(c, &lifted, n + 1);
        // INVARIANT: n + 1 bits were made.
        bits.pop().expect("n + 1 bits")
    })
}

/// Whether `num` is zero. Two constraints.
pub fn is_zero(c: &mut Builder, num: &Num) -> Bit {
    c.group("zero", |c| {
        let inverse = c.witness("inverse", num.value().inverse().unwrap_or_default());
        let product = c.mul(num, &inverse);
        let out = &Num::one() - &product;
        c.enforce(num, &out, &Num::zero());
        Bit::proved(out)
    })
}

/// Requires that `num` is not zero. One constraint.
pub fn nonzero(c: &mut Builder, num: &Num) {
    let inverse = c.witness("inverse", num.value().inverse().unwrap_or_default());
    c.enforce(num, &inverse, &Num::one());
}

/// Both bits. One constraint.
pub fn and(c: &mut Builder, a: &Bit, b: &Bit) -> Bit {
    Bit::proved(c.mul(a.num(), b.num()))
}

/// `bit ? yes : no`. One constraint.
pub fn select(c: &mut Builder, bit: &Bit, yes: &Num, no: &Num) -> Num {
    let chosen = c.mul(bit.num(), &(yes - no));
    no + &chosen
}

/// The 254 bits of the one representative below r. 407 constraints.
pub fn canonical(c: &mut Builder, num: &Num) -> Vec<Bit> {
    let bits = decompose(c, num, 254);
    below_or_equal(c, &bits, &(-Fr::one()));
    bits
}

/// Requires that the bits, lowest first, are a number of at most `bound`. About 0.6 constraints a bit.
///
/// From the top, `equal` stays one as long as every bit of the number equals that of the bound. While it is one, a zero
/// in the bound allows no one in the number; a run of zeros is one constraint, because a sum of bits is zero only when
/// each is.
pub fn below_or_equal(c: &mut Builder, bits: &[Bit], bound: &Fr) {
    c.group("canonical", |c| {
        let bound: Vec<bool> = bound.into_bigint().to_bits_le();
        let mut equal = Num::one();
        let mut run: Vec<&Num> = Vec::new();
        for (bit, one) in bits.iter().zip(bound).rev() {
            if !one {
                run.push(bit.num());
                continue;
            }
            forbid(c, &equal, &mut run);
            equal = c.mul(&equal, bit.num());
        }
        forbid(c, &equal, &mut run);
    });
}

fn forbid(c: &mut Builder, equal: &Num, run: &mut Vec<&Num>) {
    if !run.is_empty() {
        let sum = Num::combine(run.drain(..).map(|num| (Fr::one(), num)));
        c.enforce(equal, &sum, &Num::zero());
    }
}

/// The number of these bits, lowest first. Free.
pub fn pack(bits: &[Bit]) -> Num {
    let mut weight = Fr::one();
    Num::combine(bits.iter().map(|bit| {
        let part = (weight, bit.num());
        weight.double_in_place();
        part
    }))
}

/// 2^n.
pub fn power(n: usize) -> Fr {
    Fr::from(2u64).pow([n as u64])
}

fn decompose(c: &mut Builder, num: &Num, n: usize) -> Vec<Bit> {
    let value = num.value().into_bigint();
    let bits: Vec<Bit> = (0..n)
        .map(|i| witness_bit(c, "bit", value.get_bit(i)))
        .collect();
    c.group("sum", |c| c.equal(&pack(&bits), num));
    bits
}
