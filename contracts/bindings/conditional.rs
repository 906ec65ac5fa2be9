//! Locks that are claimed with a proof about device data: what the salt commits to, what `claimWith` takes.

use alloy_primitives::{B256, Bytes, U256, keccak256};
use alloy_sol_types::SolValue;

pub use crate::session_condition::SessionCondition::SessionTerms;

/// Returns the salt of a lock under these terms, as `SessionCondition.saltOf`.
pub fn salt(terms: &SessionTerms) -> u128 {
    let hash = keccak256(terms.abi_encode());
    let mut low = [0; 16];
    // The lower 112 bits.
    low[2..].copy_from_slice(&hash[18..]);
    u128::from_be_bytes(low)
}

/// Returns what `claimWith` takes as evidence, as `SessionCondition.evidence`: the words of the proof as a verifier takes
/// them, and of its public inputs digest and span.
pub fn evidence(terms: &SessionTerms, digest: B256, span: B256, proof: [U256; 8]) -> Bytes {
    let numbers = [digest, span].map(|word| U256::from_be_bytes(word.0));
    (terms.clone(), numbers[0], numbers[1], proof)
        .abi_encode_params()
        .into()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, address, b256};
    use sha2::Digest as _;

    use super::*;
    use crate::{Lock, LockTerms, lock_id, terms::CLAIM_CONDITION};

    /// The lock of `contracts/test/support/ProofWorld.sol`, for which its proofs were made.
    #[test]
    fn the_id_of_a_conditional_lock_is_that_of_the_contract() {
        let terms = SessionTerms {
            device: U256::from(5),
            from: 1_800_000_000_000,
            until: 1_800_086_062_500,
            low: (1 << 31) - 25_000,
            high: (1 << 31) - 15_000,
            gap: 600_000,
            count: 256,
            nonce: 0xc01d,
        };
        let start = 1_800_000_000;
        let times = [start + 3_600, start + 7_200, start + 10_800];
        let packed = LockTerms {
            hook_flags: CLAIM_CONDITION,
            ..LockTerms::whole(times[0], times[1], times[2], salt(&terms))
        };
        let preimage = keccak256("preimage");
        let lock = Lock {
            hashlock: B256::from_slice(&sha2::Sha256::digest(preimage)),
            sender: address!("0xe05fcc23807536bee418f142d19fa0d21bb0cff7"),
            recipient: address!("0x0376aac07ad725e01357b1725b5cec61ae10473c"),
            token: Address::ZERO,
            amount: U256::from(1_000_000),
            deposit: U256::ZERO,
            terms: packed.pack().unwrap(),
            hooks: address!("0x00000000000000000000000000000000000c0d17"),
        };

        assert_eq!(
            lock_id(&lock),
            b256!("0x88f174e8931d4443e4d518bf64d5f4c258a84a59d1aebd9f2c933c58688551d2")
        );
    }
}
