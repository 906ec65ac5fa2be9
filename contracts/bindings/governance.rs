//! What candidates of an election sign; `docs/validators.md` says what for.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolValue;

/// Returns what a vote key signs to stand in the `Election` at `election` on chain `chain_id`, as
/// `Election.candidacyDigest`.
pub fn candidacy_digest(
    chain_id: u64,
    election: Address,
    owner: Address,
    vote: Address,
    network: B256,
) -> B256 {
    let tag = keccak256("causeway.candidacy.v1");
    keccak256(
        (
            tag,
            U256::from(chain_id),
            election,
            owner,
            vote,
            network,
        )
            .abi_encode(),
    )
}

#[cfg(test)]
mod tests {
    use alloy_primitives::b256;

    use super::*;

    // The expected digest is the deployed contract's: `test/ElectionVectors.t.sol` has the same.
    #[test]
    fn what_is_signed_to_stand_is_that_of_the_contract() {
        let digest = candidacy_digest(
            7701,
            Address::repeat_byte(9),
            Address::repeat_byte(1),
            Address::repeat_byte(2),
            B256::repeat_byte(3),
        );

        let expected = b256!("3465304feb8fa4367b46a6492b8b08d7bd18e341cff9cd37edd95bbae70dd87b");
        assert_eq!(digest, expected);
    }
}
