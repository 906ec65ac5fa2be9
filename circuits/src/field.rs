//! Field elements as bytes and text. Nothing is ever reduced while it is read: a number that is not below the modulus
//! is somebody's attack or mistake.

use alloy_primitives::{B256, U256};
pub use ark_bn254::{Fq, Fr};
use ark_ff::{BigInteger, PrimeField};

use crate::error::Error;

/// Which of the two fields of BN254 a number should be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Scalars, public inputs; modulus r.
    Scalar,
    /// Coordinates of points; modulus q.
    Base,
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Scalar => "scalar field (r)",
            Self::Base => "base field (q)",
        })
    }
}

/// A prime field with a name, for messages.
pub trait Named: PrimeField {
    /// Its name.
    const FIELD: Field;
}

impl Named for Fr {
    const FIELD: Field = Field::Scalar;
}

impl Named for Fq {
    const FIELD: Field = Field::Base;
}

/// Reads 32 bytes, most significant first.
///
/// # Errors
///
/// When the number is not below the modulus.
pub fn from_be_bytes<F: Named>(bytes: &[u8; 32]) -> Result<F, Error> {
    from_u256(U256::from_be_bytes(*bytes))
}

/// Takes a number.
///
/// # Errors
///
/// When it is not below the modulus.
pub fn from_u256<F: Named>(number: U256) -> Result<F, Error> {
    let bits: Vec<bool> = (0..256).map(|i| number.bit(i)).collect();
    let big = F::BigInt::from_bits_le(&bits);
    F::from_bigint(big).ok_or(Error::NotCanonical {
        field: F::FIELD,
        got: number,
    })
}

/// Reads a decimal number as snarkjs writes it: digits alone, no sign, no leading zero.
///
/// # Errors
///
/// When it is not such a number, or not below the modulus.
pub fn from_decimal<F: Named>(text: &str) -> Result<F, Error> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let canonical = !text.is_empty() && (text == "0" || !text.starts_with('0'));
    if !digits || !canonical || text.len() > 78 {
        return Err(Error::NotDecimal { length: text.len() });
    }
    let number = text
        .parse::<U256>()
        .map_err(|_| Error::NotDecimal { length: text.len() })?;
    from_u256(number)
}

/// As decimal text.
pub fn to_decimal<F: PrimeField>(value: &F) -> String {
    to_u256(value).to_string()
}

/// As 32 bytes, most significant first.
pub fn to_be_bytes<F: PrimeField>(value: &F) -> [u8; 32] {
    to_u256(value).to_be_bytes()
}

/// As a number.
pub fn to_u256<F: PrimeField>(value: &F) -> U256 {
    let bytes = value.into_bigint().to_bytes_le();
    U256::from_le_slice(&bytes)
}

/// A hash as a field element: its upper 253 bits, so that nothing needs reducing and a contract computes it by a shift.
pub fn from_hash(hash: B256) -> Fr {
    let number = U256::from_be_bytes(hash.0) >> 3;
    // INVARIANT: 253 bits are below r, which has 254.
    from_u256(number).expect("253 bits are below r")
}

#[cfg(test)]
mod tests {
    use ark_ff::{One, Zero};

    use super::*;

    fn r() -> U256 {
        to_u256(&-Fr::one()) + U256::ONE
    }

    #[test]
    fn the_modulus_itself_and_more_are_refused() {
        let below = from_u256::<Fr>(r() - U256::ONE).unwrap();

        assert_eq!(below, -Fr::one());
        assert!(matches!(
            from_u256::<Fr>(r()),
            Err(Error::NotCanonical { .. })
        ));
        assert!(matches!(
            from_u256::<Fr>(U256::MAX),
            Err(Error::NotCanonical { .. })
        ));
        assert!(from_u256::<Fq>(r()).is_ok(), "r is below q");
        assert!(matches!(
            from_be_bytes::<Fr>(&[0xff; 32]),
            Err(Error::NotCanonical { .. })
        ));
    }

    #[test]
    fn decimals_are_read_as_written_or_not_at_all() {
        assert_eq!(from_decimal::<Fr>("0").unwrap(), Fr::zero());
        assert_eq!(from_decimal::<Fr>("17").unwrap(), Fr::from(17u64));
        assert_eq!(
            from_decimal::<Fr>(&to_decimal(&-Fr::one())).unwrap(),
            -Fr::one()
        );
        for bad in [
            "", "00", "01", "+1", "-1", " 1", "1 ", "0x1", "1_000", "1e3", "٣",
        ] {
            assert!(
                matches!(from_decimal::<Fr>(bad), Err(Error::NotDecimal { .. })),
                "{bad}"
            );
        }
        let long = "1".repeat(79);
        assert!(matches!(
            from_decimal::<Fr>(&long),
            Err(Error::NotDecimal { .. })
        ));
        assert!(matches!(
            from_decimal::<Fr>(&r().to_string()),
            Err(Error::NotCanonical { .. })
        ));
    }

    #[test]
    fn a_hash_keeps_its_upper_253_bits() {
        let value = from_hash(B256::repeat_byte(0xff));

        assert_eq!(to_u256(&value), U256::MAX >> 3);
    }
}
