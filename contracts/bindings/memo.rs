//! The memo of a lock: what its sender expects on the other chain.
//!
//! `abi.encode(uint256 version = 1, uint256 destinationChainId, address destinationToken,
//! uint256 destinationAmount, address destinationRecipient)`: five words. The contract does not read it; whoever
//! does must treat it as a wish of the sender, checked against nothing.

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolValue;
use thiserror::Error;

/// Version this module writes and reads.
pub const VERSION: u64 = 1;
/// Longest memo the contract takes, in bytes.
pub const MAX_BYTES: usize = 256;

type Words = (U256, U256, Address, U256, Address);

/// Terms of the other side of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Memo {
    /// Chain on which the sender expects to be paid.
    pub destination_chain_id: u64,
    /// Token there; zero for the native asset.
    pub destination_token: Address,
    /// Amount there, in that token's smallest unit.
    pub destination_amount: U256,
    /// Who is to be paid there.
    pub destination_recipient: Address,
}

/// Why bytes are not a memo of ours.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemoError {
    /// Not exactly five canonical words.
    #[error("memo of {got} bytes is not five ABI words")]
    Shape {
        /// Length found.
        got: usize,
    },
    /// Written by a later version, or by something else.
    #[error("memo has version {got}, expected {VERSION}")]
    Version {
        /// Version found.
        got: U256,
    },
    /// A chain id past 64 bits.
    #[error("memo names chain {got}, which no chain can have")]
    ChainId {
        /// Chain id found.
        got: U256,
    },
}

impl Memo {
    /// Returns the memo's bytes.
    pub fn encode(&self) -> Bytes {
        let words: Words = (
            U256::from(VERSION),
            U256::from(self.destination_chain_id),
            self.destination_token,
            self.destination_amount,
            self.destination_recipient,
        );
        words.abi_encode_params().into()
    }

    /// Reads a memo; only the exact encoding of [`Memo::encode`] is taken.
    ///
    /// # Errors
    ///
    /// When the bytes are of another shape or version: the lock is not meant for this bridge.
    pub fn decode(bytes: &[u8]) -> Result<Self, MemoError> {
        let shape = || MemoError::Shape { got: bytes.len() };
        let words = Words::abi_decode_params_validate(bytes).map_err(|_| shape())?;
        let (version, chain_id, destination_token, destination_amount, destination_recipient) =
            words;
        if version != U256::from(VERSION) {
            return Err(MemoError::Version { got: version });
        }
        if words.abi_encode_params() != bytes {
            return Err(shape());
        }
        let destination_chain_id =
            u64::try_from(chain_id).map_err(|_| MemoError::ChainId { got: chain_id })?;
        Ok(Self {
            destination_chain_id,
            destination_token,
            destination_amount,
            destination_recipient,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn memo(chain_id: u64, token: [u8; 20], amount: [u64; 4], recipient: [u8; 20]) -> Memo {
        Memo {
            destination_chain_id: chain_id,
            destination_token: token.into(),
            destination_amount: U256::from_limbs(amount),
            destination_recipient: recipient.into(),
        }
    }

    proptest! {
        #[test]
        fn decoding_gives_back_what_was_encoded(chain_id: u64, token: [u8; 20], amount: [u64; 4], recipient: [u8; 20]) {
            let memo = memo(chain_id, token, amount, recipient);

            prop_assert_eq!(Memo::decode(&memo.encode()), Ok(memo));
        }

        #[test]
        fn no_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Memo::decode(&bytes);
        }
    }

    #[test]
    fn the_encoding_is_five_words_and_never_changes() {
        let bytes = memo(7702, [0x11; 20], [1000, 0, 0, 0], [0x22; 20]).encode();

        let golden = concat!(
            "0000000000000000000000000000000000000000000000000000000000000001",
            "0000000000000000000000000000000000000000000000000000000000001e16",
            "0000000000000000000000001111111111111111111111111111111111111111",
            "00000000000000000000000000000000000000000000000000000000000003e8",
            "0000000000000000000000002222222222222222222222222222222222222222",
        );
        assert_eq!(hex::encode(&bytes), golden);
        assert!(bytes.len() <= MAX_BYTES);
    }

    #[test]
    fn another_version_is_named() {
        let mut bytes = memo(1, [1; 20], [1, 0, 0, 0], [1; 20]).encode().to_vec();
        bytes[31] = 2;

        assert_eq!(
            Memo::decode(&bytes),
            Err(MemoError::Version { got: U256::from(2) })
        );
    }

    #[test]
    fn trailing_bytes_are_refused() {
        let mut bytes = memo(1, [1; 20], [1, 0, 0, 0], [1; 20]).encode().to_vec();
        bytes.push(0);

        assert_eq!(Memo::decode(&bytes), Err(MemoError::Shape { got: 161 }));
    }

    #[test]
    fn an_impossible_chain_id_is_refused() {
        let mut bytes = memo(1, [1; 20], [1, 0, 0, 0], [1; 20]).encode().to_vec();
        bytes[32] = 1;

        assert!(matches!(
            Memo::decode(&bytes),
            Err(MemoError::ChainId { .. })
        ));
    }

    #[test]
    fn an_address_with_dirty_high_bytes_is_refused() {
        let mut bytes = memo(1, [1; 20], [1, 0, 0, 0], [1; 20]).encode().to_vec();
        bytes[64] = 1;

        assert_eq!(Memo::decode(&bytes), Err(MemoError::Shape { got: 160 }));
    }
}
