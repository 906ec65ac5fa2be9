//! Terms of a lock: three times, the number of parts, options and a salt in one 256-bit word.
//!
//! From the most significant bit:
//! `publicClaimAt 40 | refundAt 40 | publicRefundAt 40 | parts 16 | hookFlags 8 | salt 112`.

use alloy_primitives::U256;
use thiserror::Error;

/// Bit of [`LockTerms::hook_flags`]: a claim needs evidence.
pub const CLAIM_CONDITION: u8 = 1;
/// Bit of [`LockTerms::hook_flags`]: a refund needs evidence.
pub const REFUND_GUARD: u8 = 2;

const TIME_BITS: usize = 40;
const SALT_BITS: usize = 112;

/// Unpacked terms of a lock; times in unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LockTerms {
    /// From here on anyone may claim for the recipient.
    pub public_claim_at: u64,
    /// From here on nobody claims and the sender may refund.
    pub refund_at: u64,
    /// From here on anyone may refund to the sender.
    pub public_refund_at: u64,
    /// Number of equal parts, 1 for a lock that is claimed whole. The contract refuses 0.
    pub parts: u16,
    /// [`CLAIM_CONDITION`], [`REFUND_GUARD`].
    pub hook_flags: u8,
    /// Makes otherwise equal locks different; 112 bits.
    pub salt: u128,
}

/// Terms that do not fit their fields.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TermsError {
    /// A time past the year 36812.
    #[error("time {got} does not fit in {TIME_BITS} bits; is it in seconds?")]
    Time {
        /// The time given.
        got: u64,
    },
    /// A salt of more than 112 bits.
    #[error("salt {got:#x} does not fit in {SALT_BITS} bits")]
    Salt {
        /// The salt given.
        got: u128,
    },
}

impl LockTerms {
    /// Returns terms of a lock that is claimed whole and asks for no evidence.
    pub fn whole(public_claim_at: u64, refund_at: u64, public_refund_at: u64, salt: u128) -> Self {
        Self {
            public_claim_at,
            refund_at,
            public_refund_at,
            parts: 1,
            hook_flags: 0,
            salt,
        }
    }

    /// Returns the packed word, as `HashTimeLock.packTerms`.
    ///
    /// # Errors
    ///
    /// When a time or the salt is larger than its field. Whether the terms make sense is for the contract to say.
    pub fn pack(&self) -> Result<U256, TermsError> {
        let times = [self.public_claim_at, self.refund_at, self.public_refund_at];
        if let Some(&got) = times.iter().find(|&&time| time >> TIME_BITS != 0) {
            return Err(TermsError::Time { got });
        }
        if self.salt >> SALT_BITS != 0 {
            return Err(TermsError::Salt { got: self.salt });
        }
        let fields = [
            (U256::from(self.public_claim_at), 216),
            (U256::from(self.refund_at), 176),
            (U256::from(self.public_refund_at), 136),
            (U256::from(self.parts), 120),
            (U256::from(self.hook_flags), 112),
            (U256::from(self.salt), 0),
        ];
        Ok(fields
            .into_iter()
            .fold(U256::ZERO, |word, (field, shift)| word | (field << shift)))
    }

    /// Returns the fields of a packed word; every word has exactly one reading.
    pub fn unpack(word: U256) -> Self {
        Self {
            public_claim_at: field(word, 216, TIME_BITS),
            refund_at: field(word, 176, TIME_BITS),
            public_refund_at: field(word, 136, TIME_BITS),
            parts: field(word, 120, 16),
            hook_flags: field(word, 112, 8),
            salt: field(word, 0, SALT_BITS),
        }
    }
}

/// Returns `bits` bits of `word` above `shift`.
fn field<T: TryFrom<U256>>(word: U256, shift: usize, bits: usize) -> T
where
    T::Error: std::fmt::Debug,
{
    let mask = (U256::from(1) << bits) - U256::from(1);
    // INVARIANT: every caller asks for at most as many bits as `T` has.
    T::try_from((word >> shift) & mask).expect("a masked field fits its type")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn unpacking_gives_back_what_was_packed(
            times in prop::array::uniform3(0u64..1 << TIME_BITS),
            parts: u16,
            hook_flags: u8,
            salt in 0u128..1 << SALT_BITS,
        ) {
            let [public_claim_at, refund_at, public_refund_at] = times;
            let terms = LockTerms { public_claim_at, refund_at, public_refund_at, parts, hook_flags, salt };

            let word = terms.pack().unwrap();

            prop_assert_eq!(LockTerms::unpack(word), terms);
        }

        #[test]
        fn packing_gives_back_what_was_unpacked(limbs: [u64; 4]) {
            let word = U256::from_limbs(limbs);

            prop_assert_eq!(LockTerms::unpack(word).pack().unwrap(), word);
        }
    }

    #[test]
    fn fields_lie_from_the_most_significant_bit() {
        let terms = LockTerms {
            public_claim_at: 0x0102030405,
            refund_at: 0x060708090a,
            public_refund_at: 0x0b0c0d0e0f,
            parts: 0x1011,
            hook_flags: 0x12,
            salt: 0x131415161718191a1b1c1d1e1f20,
        };

        let bytes: Vec<u8> = (1..=32).collect();
        assert_eq!(terms.pack().unwrap(), U256::from_be_slice(&bytes));
    }

    #[test]
    fn milliseconds_past_the_field_are_refused() {
        let terms = LockTerms::whole(1 << 40, 1, 2, 0);

        assert_eq!(terms.pack(), Err(TermsError::Time { got: 1 << 40 }));
    }

    #[test]
    fn a_salt_past_the_field_is_refused() {
        let terms = LockTerms::whole(1, 2, 3, 1 << 112);

        assert_eq!(terms.pack(), Err(TermsError::Salt { got: 1 << 112 }));
    }
}
