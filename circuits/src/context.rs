//! What a proof is for: one public input binds statement, chain, contract and round.

use alloy_primitives::{Address, B256, U256, keccak256};
use ark_bn254::Fr;

use crate::field::from_hash;

/// Where, and for which round, a proof counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Keccak-256 of the statement's domain, such as `causeway/right/1`.
    pub domain: B256,
    /// The chain of the contract that acts on the proof.
    pub chain: u64,
    /// That contract.
    pub contract: Address,
    /// What the contract counts or names: a transfer, a period, a policy.
    pub round: B256,
}

impl Context {
    /// The context of a statement, named by its domain.
    pub fn new(domain: &str, chain: u64, contract: Address, round: B256) -> Self {
        Self {
            domain: keccak256(domain),
            chain,
            contract,
            round,
        }
    }

    /// The public input: the upper 253 bits of `keccak256(abi.encode(domain, chain, contract, round))`.
    pub fn input(&self) -> Fr {
        let mut words = [[0u8; 32]; 4];
        words[0] = self.domain.0;
        words[1] = U256::from(self.chain).to_be_bytes();
        words[2] = self.contract.into_word().0;
        words[3] = self.round.0;
        from_hash(keccak256(words.concat()))
    }
}

/// A tag that keeps hashes of one purpose apart from those of another.
pub fn tag(purpose: &str) -> Fr {
    from_hash(keccak256(purpose))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_changes_the_input() {
        let base = Context::new("causeway/right/1", 1, Address::ZERO, B256::ZERO);
        let others = [
            Context::new("causeway/alarm/1", 1, Address::ZERO, B256::ZERO),
            Context { chain: 2, ..base },
            Context {
                contract: Address::repeat_byte(1),
                ..base
            },
            Context {
                round: B256::repeat_byte(1),
                ..base
            },
        ];
        for other in others {
            assert_ne!(other.input(), base.input());
        }
    }
}
