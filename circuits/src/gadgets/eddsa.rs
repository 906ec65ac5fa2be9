//! circomlib's EdDSA-Poseidon in circuit.

use ark_bn254::Fr;
use ark_ff::One;

use super::curve::{PointVar, multiply_constant};
use super::{bits, poseidon};
use crate::babyjub::{BASE, Signature, order};
use crate::system::{Builder, Num};

/// Bits of the subgroup's order.
const SCALAR_BITS: usize = 251;

/// A signature as a circuit takes it: any numbers at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureValues {
    /// The nonce's point, twisted.
    pub r: [Fr; 2],
    /// The scalar.
    pub s: Fr,
}

impl SignatureValues {
    /// Numbers for a circuit without values.
    pub fn blank() -> Self {
        Self {
            r: BASE,
            s: Fr::one(),
        }
    }
}

impl From<Signature> for SignatureValues {
    fn from(signature: Signature) -> Self {
        Self {
            r: signature.r.twisted(),
            s: signature.s(),
        }
    }
}

/// Requires `S * B8 = R + 8 * h * A` for the challenge h, and gives S.
///
/// `key` must be on the curve. R need not be checked: the equation computes it from points that are, so it is on the
/// curve and in the prime subgroup. `S` is the representative below the subgroup's order and h the one below r, so a
/// signature has no second form.
pub fn verify(c: &mut Builder, key: &PointVar, message: &Num, signature: &SignatureValues) -> Num {
    let [x, y] = signature.r;
    let r = PointVar {
        x: c.witness("signature.r.x", x),
        y: c.witness("signature.r.y", y),
    };
    let s = c.witness("signature.s", signature.s);
    let s_bits = c.group("scalar", |c| {
        let bits = bits::range(c, &s, SCALAR_BITS);
        bits::below_or_equal(c, &bits, &(order() - Fr::one()));
        bits
    });
    let challenge = c.group("challenge", |c| {
        let parts = [&r.x, &r.y, &key.x, &key.y, message].map(Clone::clone);
        let hash = poseidon::hash(c, &parts);
        bits::canonical(c, &hash)
    });
    let eight = c.group("key", |c| key.times_cofactor(c));
    c.group("equation", |c| {
        let left = multiply_constant(c, BASE, &s_bits);
        let product = eight.negate().multiply(c, &challenge);
        let computed = left.add(c, &product);
        c.group("equal", |c| computed.equal(c, &r));
    });
    s
}
