//! The words a `HashTimeLock` speaks: packed terms, lock ids, memos. One encoding for every adapter.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};

use crate::{Asset, ChainError, ChainId, Hashlock, Lock, LockId, Terms, Timestamp, Wanted};

/// Version word of the memo this code writes and reads.
pub const MEMO_VERSION: u64 = 1;

impl Terms {
    /// The contract's `terms` word: `publicClaimAt:40 | refundAt:40 | publicRefundAt:40 | parts:16 | hookFlags:8 |
    /// salt:112`, from the most significant bit.
    ///
    /// # Errors
    /// [`ChainError::BugBadOrder`] when a time or the salt has more bits than its field.
    pub fn packed(&self) -> Result<U256, ChainError> {
        let mut word = U256::ZERO;
        for at in [self.public_claim_at, self.refund_at, self.public_refund_at] {
            if at.0 >> TIME_BITS != 0 {
                return Err(ChainError::BugBadOrder(
                    "a time of the lock has more than 40 bits",
                ));
            }
            word = (word << TIME_BITS) | U256::from(at.0);
        }
        if self.salt >> SALT_BITS != 0 {
            return Err(ChainError::BugBadOrder(
                "the salt of the lock has more than 112 bits",
            ));
        }
        word = (word << 16usize) | U256::from(self.parts);
        word = (word << 8usize) | U256::from(self.hook_flags);
        Ok((word << SALT_BITS) | U256::from(self.salt))
    }

    /// Reads the contract's `terms` word; every word is valid.
    pub fn unpacked(word: U256) -> Self {
        let field = |shift: usize, bits: usize| (word >> shift) & ((U256::ONE << bits) - U256::ONE);
        let time = |shift| Timestamp(field(shift, TIME_BITS).to::<u64>());
        Self {
            public_claim_at: time(216),
            refund_at: time(176),
            public_refund_at: time(136),
            parts: field(120, 16).to::<u16>(),
            hook_flags: field(112, 8).to::<u8>(),
            salt: field(0, SALT_BITS).to::<u128>(),
        }
    }
}

impl Lock {
    /// The eight words of `abi.encode(lock)`.
    ///
    /// # Errors
    /// As [`Terms::packed`].
    pub fn words(&self) -> Result<[B256; 8], ChainError> {
        Ok([
            self.hashlock.0,
            self.sender.into_word(),
            self.recipient.into_word(),
            self.asset.address().into_word(),
            self.amount.into(),
            self.deposit.into(),
            self.terms.packed()?.into(),
            self.hooks.into_word(),
        ])
    }

    /// Reads what [`Lock::words`] wrote; `None` when an address word is not an address.
    pub fn from_words(words: &[B256; 8]) -> Option<Self> {
        Some(Self {
            hashlock: Hashlock(words[0]),
            sender: address(words[1])?,
            recipient: address(words[2])?,
            asset: Asset::from(address(words[3])?),
            amount: words[4].into(),
            deposit: words[5].into(),
            terms: Terms::unpacked(words[6].into()),
            hooks: address(words[7])?,
        })
    }

    /// The id under which its contract knows it: `keccak256(abi.encode(lock))`.
    ///
    /// # Errors
    /// As [`Terms::packed`].
    pub fn id(&self) -> Result<LockId, ChainError> {
        Ok(LockId(keccak256(self.words()?.concat())))
    }

    /// Native points a transaction that makes this lock must attach.
    ///
    /// # Errors
    /// [`ChainError::BugBadOrder`] when amount and deposit overflow.
    pub fn attached(&self) -> Result<U256, ChainError> {
        match self.asset {
            Asset::Token(_) => Ok(self.deposit),
            Asset::Native => self
                .amount
                .checked_add(self.deposit)
                .ok_or(ChainError::BugBadOrder(
                    "amount and deposit of the lock overflow",
                )),
        }
    }
}

impl Wanted {
    /// The memo: `abi.encode(version, chainId, token, amount, recipient)`.
    pub fn to_memo(&self) -> Bytes {
        [
            B256::from(U256::from(MEMO_VERSION)),
            U256::from(self.chain.0).into(),
            self.asset.address().into_word(),
            self.amount.into(),
            self.recipient.into_word(),
        ]
        .concat()
        .into()
    }

    /// Reads a memo; `None` for any other version, length or a field out of range: a stranger wrote it.
    pub fn from_memo(memo: &[u8]) -> Option<Self> {
        let words: [B256; 5] = words(memo)?;
        if U256::from_be_bytes(words[0].0) != U256::from(MEMO_VERSION) {
            return None;
        }
        Some(Self {
            chain: ChainId(u64::try_from(U256::from_be_bytes(words[1].0)).ok()?),
            asset: Asset::from(address(words[2])?),
            amount: words[3].into(),
            recipient: address(words[4])?,
        })
    }
}

/// Exactly `N` words, or nothing.
pub(crate) fn words<const N: usize>(bytes: &[u8]) -> Option<[B256; N]> {
    if bytes.len() != N * 32 {
        return None;
    }
    Some(std::array::from_fn(|i| {
        B256::from_slice(&bytes[i * 32..(i + 1) * 32])
    }))
}

fn address(word: B256) -> Option<Address> {
    word[..12]
        .iter()
        .all(|byte| *byte == 0)
        .then(|| Address::from_word(word))
}

const TIME_BITS: usize = 40;
const SALT_BITS: usize = 112;

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        Lock {
            hashlock: Hashlock(B256::repeat_byte(0x11)),
            sender: Address::repeat_byte(0x22),
            recipient: Address::repeat_byte(0x33),
            asset: Asset::Token(Address::repeat_byte(0x44)),
            amount: U256::from(5),
            deposit: U256::from(6),
            terms: Terms {
                public_claim_at: Timestamp(1),
                refund_at: Timestamp(2),
                public_refund_at: Timestamp(3),
                parts: 4,
                hook_flags: 5,
                salt: 6,
            },
            hooks: Address::ZERO,
        }
    }

    #[test]
    fn packed_terms_stand_in_the_documented_order() {
        let word = lock().terms.packed().unwrap();

        let hex = format!("{:064x}", word);
        assert_eq!(
            hex,
            concat!(
                "0000000001",
                "0000000002",
                "0000000003",
                "0004",
                "05",
                "0000000000000000000000000006"
            )
        );
        assert_eq!(Terms::unpacked(word), lock().terms);
    }

    #[test]
    fn a_time_or_salt_too_long_for_its_field_is_refused() {
        let mut terms = lock().terms;
        terms.refund_at = Timestamp(1 << 40);
        assert!(matches!(terms.packed(), Err(ChainError::BugBadOrder(_))));

        let mut terms = lock().terms;
        terms.salt = 1 << 112;
        assert!(matches!(terms.packed(), Err(ChainError::BugBadOrder(_))));
    }

    #[test]
    fn lock_words_round_trip_and_dirty_address_words_are_refused() {
        let mut words = lock().words().unwrap();
        assert_eq!(Lock::from_words(&words), Some(lock()));

        words[1].0[0] = 1;
        assert_eq!(Lock::from_words(&words), None);
    }

    #[test]
    fn memo_round_trips_and_foreign_memos_are_none() {
        let wanted = Wanted {
            chain: ChainId(7),
            asset: Asset::Native,
            amount: U256::from(9),
            recipient: Address::repeat_byte(1),
        };
        let memo = wanted.to_memo();

        assert_eq!(Wanted::from_memo(&memo), Some(wanted));
        assert_eq!(Wanted::from_memo(&[]), None);
        assert_eq!(Wanted::from_memo(&memo[1..]), None);
        let mut other_version = memo.to_vec();
        other_version[31] = 2;
        assert_eq!(Wanted::from_memo(&other_version), None);
        let mut huge_chain = memo.to_vec();
        huge_chain[32] = 1;
        assert_eq!(Wanted::from_memo(&huge_chain), None);
    }
}
