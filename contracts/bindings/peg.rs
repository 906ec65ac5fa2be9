//! What a lock for the peg commits to, and its memo; `docs/transfers.md` says what they are for.
//!
//! The memo is `abi.encode(uint256 version = 2, uint256 destinationChainId, address destinationPort, address recipient,
//! uint256 nonce)`: five words. Nothing on chain reads it: it opens the commitment in the lock's salt, or it is worth nothing.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::SolValue;

use crate::memo::MemoError;

/// Version of a memo for the peg; [`crate::memo::VERSION`] is a swap's.
pub const VERSION: u64 = 2;
/// Slot of the mapping from id to lock in `HashTimeLock`.
pub const LOCKS_SLOT: u64 = 4;
/// Slot of the mapping from id to transfer in `PegVault` and `PegMint`.
pub const TRANSFERS_SLOT: u64 = 0;
/// Slot of the mapping from id to verdict in `Settlement`.
pub const VERDICTS_SLOT: u64 = 0;

type Words = (U256, U256, Address, Address, U256);

/// Memo of a lock for the peg: everything that a carrier must know beside the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PegMemo {
    /// Chain on which the port pays.
    pub destination_chain_id: u64,
    /// The port there.
    pub destination_port: Address,
    /// Who is paid there.
    pub recipient: Address,
    /// Makes the lock unlike any other.
    pub nonce: U256,
}

impl PegMemo {
    /// Returns the memo's bytes.
    pub fn encode(&self) -> Bytes {
        let words: Words = (
            U256::from(VERSION),
            U256::from(self.destination_chain_id),
            self.destination_port,
            self.recipient,
            self.nonce,
        );
        words.abi_encode_params().into()
    }

    /// Reads a memo; only the exact encoding of [`PegMemo::encode`] is taken.
    ///
    /// # Errors
    ///
    /// When the bytes are of another shape or version: the lock is not meant for the peg.
    pub fn decode(bytes: &[u8]) -> Result<Self, MemoError> {
        let shape = || MemoError::Shape { got: bytes.len() };
        let words = Words::abi_decode_params_validate(bytes).map_err(|_| shape())?;
        let (version, chain_id, destination_port, recipient, nonce) = words;
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
            destination_port,
            recipient,
            nonce,
        })
    }

    /// Returns the salt of a lock with this hash that pays by these terms, as `IPegPort.saltOf`; 112 bits.
    pub fn salt(&self, hashlock: B256) -> u128 {
        let domain = keccak256("causeway.peg.terms.v1");
        let hash = keccak256((domain, hashlock, self.recipient, self.nonce).abi_encode());
        let mut low = [0; 16];
        low[2..].copy_from_slice(&hash[18..]);
        u128::from_be_bytes(low)
    }
}

/// Returns the storage slot of `id` in the mapping at `mapping`; what a state proof is asked for.
pub fn mapping_slot(id: B256, mapping: u64) -> B256 {
    keccak256((id, U256::from(mapping)).abi_encode())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn memo(chain_id: u64, port: [u8; 20], recipient: [u8; 20], nonce: [u64; 4]) -> PegMemo {
        PegMemo {
            destination_chain_id: chain_id,
            destination_port: port.into(),
            recipient: recipient.into(),
            nonce: U256::from_limbs(nonce),
        }
    }

    proptest! {
        #[test]
        fn decoding_gives_back_what_was_encoded(chain_id: u64, port: [u8; 20], recipient: [u8; 20], nonce: [u64; 4]) {
            let memo = memo(chain_id, port, recipient, nonce);

            prop_assert_eq!(PegMemo::decode(&memo.encode()), Ok(memo));
        }

        #[test]
        fn no_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = PegMemo::decode(&bytes);
        }

        #[test]
        fn a_salt_fits_its_field(nonce: [u64; 4], hashlock: [u8; 32]) {
            prop_assert_eq!(memo(1, [1; 20], [2; 20], nonce).salt(hashlock.into()) >> 112, 0);
        }
    }

    #[test]
    fn a_memo_of_a_swap_is_not_one_of_the_peg() {
        let swap = crate::Memo {
            destination_chain_id: 7702,
            destination_token: Address::repeat_byte(1),
            destination_amount: U256::from(5),
            destination_recipient: Address::repeat_byte(2),
        };
        let peg = memo(7702, [1; 20], [2; 20], [7, 0, 0, 0]);

        assert!(PegMemo::decode(&swap.encode()).is_err());
        assert!(crate::Memo::decode(&peg.encode()).is_err());
    }

    #[test]
    fn trailing_bytes_are_refused() {
        let mut bytes = memo(1, [1; 20], [2; 20], [7, 0, 0, 0]).encode().to_vec();
        bytes.push(0);

        assert_eq!(PegMemo::decode(&bytes), Err(MemoError::Shape { got: 161 }));
    }

    #[test]
    fn the_salt_is_that_of_the_contract() {
        // `test_L43_the_commitment_never_changes` in contracts/test/PegRefusals.t.sol.
        let memo = memo(1, [0x11; 20], [0x22; 20], [7, 0, 0, 0]);

        let salt = memo.salt(B256::repeat_byte(0x33));

        assert_eq!(format!("{salt:028x}"), GOLDEN_SALT);
    }

    const GOLDEN_SALT: &str = "d573568357fafcfe8ca59a1708c6";
}
