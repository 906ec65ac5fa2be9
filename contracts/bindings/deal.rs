//! Hashes of a settlement as both its contracts make them; `docs/transfers.md` says what they are for.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::{Eip712Domain, SolStruct, SolValue, eip712_domain};

use crate::settlement_escrow::SettlementEscrow::Deal;

pub use crate::peg::{VERDICTS_SLOT, mapping_slot};

mod signed {
    #![allow(missing_docs)]
    alloy_sol_types::sol! {
        struct Outcome {
            bytes32 id;
            bytes32 outcomeDigest;
            uint256 toCounterparty;
        }
    }
}

/// Returns the id of a deal that the escrow at `escrow` on chain `public_chain_id` holds, as `SettlementEscrow.idOf`.
pub fn deal_id(public_chain_id: u64, escrow: Address, deal: &Deal) -> B256 {
    keccak256((U256::from(public_chain_id), escrow, deal.clone()).abi_encode_params())
}

/// Returns what `Settlement` stores for a deal that ended so: what a state proof shows.
pub fn verdict(id: B256, outcome_digest: B256, to_counterparty: U256) -> B256 {
    keccak256((id, outcome_digest, to_counterparty).abi_encode_params())
}

/// Returns the EIP-712 domain of an escrow.
pub fn domain(public_chain_id: u64, escrow: Address) -> Eip712Domain {
    eip712_domain! {
        name: "Causeway SettlementEscrow",
        version: "1",
        chain_id: public_chain_id,
        verifying_contract: escrow,
    }
}

/// Returns what a party signs for an outcome, as `Settlement.signedHash`.
pub fn signed_hash(
    domain: &Eip712Domain,
    id: B256,
    outcome_digest: B256,
    to_counterparty: U256,
) -> B256 {
    signed::Outcome {
        id,
        outcomeDigest: outcome_digest,
        toCounterparty: to_counterparty,
    }
    .eip712_signing_hash(domain)
}

/// Returns the digest of private data: keccak256 over a random value that only the parties know, then the data. Without the
/// random value anyone could try likely data until one fits.
pub fn private_digest(salt: B256, data: &[u8]) -> B256 {
    keccak256([salt.as_slice(), data].concat())
}

#[cfg(test)]
mod tests {
    use alloy_primitives::b256;

    use super::*;

    const ESCROW: Address = Address::repeat_byte(9);

    fn deal() -> Deal {
        Deal {
            initiator: Address::repeat_byte(1),
            counterparty: Address::repeat_byte(2),
            asset: Address::repeat_byte(3),
            amount: U256::from(1_000),
            deadline: 1_800_003_600,
            business: Address::repeat_byte(4),
            termsDigest: B256::repeat_byte(5),
            salt: U256::ONE,
        }
    }

    // The expected hashes are those of `test_the_hashes_of_a_deal_never_change` in contracts/test/SettlementHashes.t.sol.

    #[test]
    fn the_hashes_of_a_deal_are_those_of_the_contracts() {
        let id = deal_id(7701, ESCROW, &deal());
        let digest = B256::repeat_byte(6);
        let split = U256::from(600);

        assert_eq!(id, ID);
        assert_eq!(verdict(id, digest, split), VERDICT);
        let signed = signed_hash(&domain(7701, ESCROW), id, digest, split);
        assert_eq!(signed, SIGNED);
    }

    #[test]
    fn another_chain_or_escrow_is_another_deal() {
        let id = deal_id(7701, ESCROW, &deal());

        assert_ne!(deal_id(7702, ESCROW, &deal()), id);
        assert_ne!(deal_id(7701, Address::repeat_byte(8), &deal()), id);
    }

    #[test]
    fn equal_data_with_another_random_value_has_another_digest() {
        let data = b"two pallets, one broken";

        let digest = private_digest(B256::repeat_byte(1), data);

        assert_ne!(digest, private_digest(B256::repeat_byte(2), data));
        assert_ne!(digest, keccak256(data));
        assert_eq!(digest, keccak256([[1; 32].as_slice(), data].concat()));
    }

    const ID: B256 = b256!("ada62983b98657ba21b8c6f2c90bc47ab67a6f322b790f44c42407313d1f5bfb");
    const VERDICT: B256 = b256!("b966f634242ec15df1aea208c07d512d177ee408156dfb3cd180445f6c07284c");
    const SIGNED: B256 = b256!("51848a3bda3e4eb13c338e7f185a31611a7a12a8deb7705d28dda0ec57741dcc");
}
