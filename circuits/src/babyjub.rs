//! BabyJubJub: the curve whose points live inside circuits, in both of its forms, and signatures on it.
//!
//! | form | equation | who writes it |
//! |---|---|---|
//! | twisted | 168700 x² + y² = 1 + 168696 x² y² | circomlib, circuits here, everything stored or shown |
//! | reduced | x² + y² = 1 + (168696/168700) x² y² | ark-ed-on-bn254 |
//!
//! One maps to the other by x(reduced) = x(twisted) * [`root`], y unchanged, root² = 168700. The smaller root is
//! taken; the other one gives the negated point.
//!
//! Signatures are circomlib's EdDSA-Poseidon: `S * B8 = R + 8 * Poseidon(R.x, R.y, A.x, A.y, m) * A`.

use std::sync::OnceLock;

use ark_bn254::Fr;
use ark_ec::twisted_edwards::TECurveConfig;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ed_on_bn254::{EdwardsAffine, EdwardsConfig, Fr as Scalar};
use ark_ff::{BigInteger, Field, MontFp, PrimeField, Zero};
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::field::to_be_bytes;
use crate::poseidon;

/// Coefficient a of the twisted form.
pub const A: Fr = MontFp!("168700");
/// Coefficient d of the twisted form.
pub const D: Fr = MontFp!("168696");
/// The base point of signatures, circomlib's Base8, in the twisted form.
pub const BASE: [Fr; 2] = [
    MontFp!("5299619240641551281634865583518297030282874472190772894086521144482721001553"),
    MontFp!("16950150798460657717958625567821834550301663161624707787222815936182638968203"),
];

/// The smaller square root of 168700: x(reduced) / x(twisted).
pub fn root() -> Fr {
    static ROOT: OnceLock<Fr> = OnceLock::new();
    *ROOT.get_or_init(|| {
        // INVARIANT: 168700 is a square, or the curve's addition would not be complete.
        let root = A.sqrt().expect("168700 is a square");
        root.min(-root)
    })
}

/// A point of the prime subgroup that is not the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point(EdwardsAffine);

impl Point {
    /// The base point of signatures.
    pub fn base() -> Self {
        static BASE_POINT: OnceLock<Point> = OnceLock::new();
        // INVARIANT: a constant that the tests check.
        *BASE_POINT.get_or_init(|| Self::from_twisted(BASE).expect("the base point is a point"))
    }

    /// Takes twisted coordinates, circomlib's.
    ///
    /// # Errors
    ///
    /// When they are not on the curve, outside the prime subgroup, or the identity.
    pub fn from_twisted([x, y]: [Fr; 2]) -> Result<Self, Error> {
        Self::from_reduced([x * root(), y])
    }

    /// Takes reduced coordinates, those of ark-ed-on-bn254.
    ///
    /// # Errors
    ///
    /// As [`Point::from_twisted`].
    pub fn from_reduced([x, y]: [Fr; 2]) -> Result<Self, Error> {
        let point = EdwardsAffine::new_unchecked(x, y);
        if !point.is_on_curve() {
            return Err(Error::PointOffCurve);
        }
        if !point.is_in_correct_subgroup_assuming_on_curve() {
            return Err(Error::PointOutOfSubgroup);
        }
        if point.is_zero() {
            return Err(Error::PointIsIdentity);
        }
        Ok(Self(point))
    }

    /// Twisted coordinates, circomlib's.
    pub fn twisted(&self) -> [Fr; 2] {
        static INVERSE: OnceLock<Fr> = OnceLock::new();
        // INVARIANT: the root of 168700 is not zero.
        let inverse = INVERSE.get_or_init(|| root().inverse().expect("not zero"));
        [self.0.x * inverse, self.0.y]
    }

    /// Reduced coordinates, those of ark-ed-on-bn254.
    pub fn reduced(&self) -> [Fr; 2] {
        [self.0.x, self.0.y]
    }
}

/// A key that signs readings.
pub struct SecretKey {
    scalar: Zeroizing<[u8; 32]>,
    public: Point,
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey(..)")
    }
}

impl SecretKey {
    /// The key of a 32-byte seed.
    ///
    /// # Errors
    ///
    /// When the seed gives the zero key, which nobody will see happen.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, Error> {
        let scalar = wide(&[b"causeway/babyjub/key/1", seed]);
        let public = (Point::base().0 * scalar).into_affine();
        if scalar.is_zero() {
            return Err(Error::PointIsIdentity);
        }
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(&Zeroizing::new(scalar.into_bigint().to_bytes_le()));
        Ok(Self {
            scalar: bytes,
            public: Point(public),
        })
    }

    /// The public key.
    pub fn public(&self) -> Point {
        self.public
    }

    /// Signs a message. The nonce depends on key and message alone.
    pub fn sign(&self, message: Fr) -> Signature {
        let scalar = Scalar::from_le_bytes_mod_order(self.scalar.as_ref());
        let parts: [&[u8]; 3] = [
            b"causeway/babyjub/nonce/1",
            self.scalar.as_ref(),
            &to_be_bytes(&message),
        ];
        let nonce = wide(&parts);
        let r = Point((Point::base().0 * nonce).into_affine());
        let challenge = challenge(r, self.public, message);
        Signature {
            r,
            s: nonce + challenge * Scalar::from(8u64) * scalar,
        }
    }
}

/// An EdDSA-Poseidon signature. `S` is below the subgroup's order by construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The nonce's point.
    pub r: Point,
    s: Scalar,
}

impl Signature {
    /// Takes a signature as circomlibjs gives it.
    ///
    /// # Errors
    ///
    /// When `R` is not a point of the subgroup, or `S` not below its order.
    pub fn from_twisted(r: [Fr; 2], s: Fr) -> Result<Self, Error> {
        let big = s.into_bigint();
        let s = Scalar::from_bigint(big).ok_or(Error::ScalarNotCanonical)?;
        Ok(Self {
            r: Point::from_twisted(r)?,
            s,
        })
    }

    /// `S` as an element of the circuit's field.
    pub fn s(&self) -> Fr {
        // INVARIANT: the subgroup's order has 251 bits, r has 254.
        Fr::from_bigint(self.s.into_bigint()).expect("the order is below r")
    }

    /// Whether this is `key`'s signature of `message`.
    pub fn verify(&self, key: Point, message: Fr) -> bool {
        let challenge = challenge(self.r, key, message);
        let left = Point::base().0 * self.s;
        left == self.r.0.into_group() + key.0 * (challenge * Scalar::from(8u64))
    }
}

/// The challenge of a signature, before reduction by the subgroup's order.
pub fn challenge_hash(r: [Fr; 2], key: [Fr; 2], message: Fr) -> Fr {
    poseidon::hash(&[r[0], r[1], key[0], key[1], message])
}

fn challenge(r: Point, key: Point, message: Fr) -> Scalar {
    let hash = challenge_hash(r.twisted(), key.twisted(), message);
    // The challenge multiplies a point of that order, so here reducing is what the curve does anyway.
    Scalar::from_le_bytes_mod_order(&hash.into_bigint().to_bytes_le())
}

fn wide(parts: &[&[u8]]) -> Scalar {
    let mut hash = Sha512::new();
    parts.iter().for_each(|part| hash.update(part));
    Scalar::from_le_bytes_mod_order(&hash.finalize())
}

/// The order of the prime subgroup, as an element of the circuit's field.
pub fn order() -> Fr {
    // INVARIANT: the subgroup's order has 251 bits, r has 254.
    Fr::from_bigint(Scalar::MODULUS).expect("the order is below r")
}

/// Coefficient d of the reduced form, as ark-ed-on-bn254 has it.
pub fn reduced_d() -> Fr {
    EdwardsConfig::COEFF_D
}

#[cfg(test)]
mod tests {
    use ark_ff::One;

    use super::*;

    #[test]
    fn both_forms_are_one_curve() {
        assert_eq!(root().square(), A);
        assert_eq!(reduced_d() * A, D);
        assert_eq!(EdwardsConfig::COEFF_A, Fr::one());
        assert!(
            D.sqrt().is_none() && A.sqrt().is_some(),
            "the addition is complete"
        );
    }

    /// Twice the base point, as circomlibjs 0.1.7 computes it, and the base point in the reduced form.
    #[test]
    fn vectors_hold_both_ways() {
        let double = [
            MontFp!(
                "10031262171927540148667355526369034398030886437092045105752248699557385197826"
            ),
            MontFp!("633281375905621697187330766174974863687049529291089048651929454608812697683"),
        ];
        let computed = Point((Point::base().0 * Scalar::from(2u64)).into_affine());
        assert_eq!(computed.twisted(), double);
        assert_eq!(
            Point::from_twisted(double).unwrap().reduced(),
            computed.reduced()
        );

        let [x, y] = Point::base().reduced();
        assert_eq!(x, BASE[0] * root());
        assert_eq!(y, BASE[1]);
        assert_eq!(Point::from_reduced([x, y]).unwrap().twisted(), BASE);
        assert_eq!(
            order(),
            MontFp!("2736030358979909402780800718157159386076813972158567259200215660948447373041")
        );
    }

    #[test]
    fn points_that_are_not_of_the_subgroup_are_refused() {
        // circomlib's Generator has the full order, eight times the subgroup's.
        let generator = [
            MontFp!("995203441582195749578291179787384436505546430278305826713579947235728471134"),
            MontFp!("5472060717959818805561601436314318772137091100104008585924551046643952123905"),
        ];
        assert!(matches!(
            Point::from_twisted(generator),
            Err(Error::PointOutOfSubgroup)
        ));
        assert!(matches!(
            Point::from_twisted([BASE[0], BASE[0]]),
            Err(Error::PointOffCurve)
        ));
        assert!(matches!(
            Point::from_twisted([Fr::zero(), Fr::one()]),
            Err(Error::PointIsIdentity)
        ));
        assert!(matches!(
            Point::from_twisted([Fr::zero(), -Fr::one()]),
            Err(Error::PointOutOfSubgroup)
        ));
    }

    #[test]
    fn signatures_verify_for_their_key_and_message_alone() {
        let key = SecretKey::from_seed(&[1; 32]).unwrap();
        let other = SecretKey::from_seed(&[2; 32]).unwrap();
        let signature = key.sign(Fr::from(5u64));

        assert!(signature.verify(key.public(), Fr::from(5u64)));
        assert!(!signature.verify(key.public(), Fr::from(6u64)));
        assert!(!signature.verify(other.public(), Fr::from(5u64)));
        assert_eq!(
            signature,
            key.sign(Fr::from(5u64)),
            "the nonce is not random"
        );
        assert!(!format!("{key:?}").contains(|c: char| c.is_ascii_digit()));
    }
}
