//! EIP-712 digests the parties of a lock sign.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{Eip712Domain, SolStruct, eip712_domain};

use crate::hash_time_lock::HashTimeLock;

mod signed {
    #![allow(missing_docs)]
    alloy_sol_types::sol! {
        struct Lock {
            bytes32 hashlock;
            address sender;
            address recipient;
            address token;
            uint256 amount;
            uint256 deposit;
            uint256 terms;
            address hooks;
        }

        struct LockFor {
            Lock lock;
            bytes memo;
            uint256 nonce;
            uint256 deadline;
        }

        struct RefundTogether {
            bytes32 id;
            uint256 deadline;
        }
    }
}

/// Returns the domain of the `HashTimeLock` at `contract` on chain `chain_id`.
pub fn domain(chain_id: u64, contract: Address) -> Eip712Domain {
    eip712_domain! {
        name: "Causeway HashTimeLock",
        version: "1",
        chain_id: chain_id,
        verifying_contract: contract,
    }
}

/// Returns what a sender signs so that somebody else may lock for him with `lockFor`.
///
/// `nonce` is 192 bits of key and 64 bits of sequence; `deadline` is in unix seconds.
pub fn lock_for_digest(
    domain: &Eip712Domain,
    lock: &HashTimeLock::Lock,
    memo: Bytes,
    nonce: U256,
    deadline: u64,
) -> B256 {
    let lock = signed::Lock {
        hashlock: lock.hashlock,
        sender: lock.sender,
        recipient: lock.recipient,
        token: lock.token,
        amount: lock.amount,
        deposit: lock.deposit,
        terms: lock.terms,
        hooks: lock.hooks,
    };
    let request = signed::LockFor {
        lock,
        memo,
        nonce,
        deadline: U256::from(deadline),
    };
    request.eip712_signing_hash(domain)
}

/// Returns what a recipient signs so that the sender may refund lock `id` early, until `deadline` in unix seconds.
pub fn refund_together_digest(domain: &Eip712Domain, id: B256, deadline: u64) -> B256 {
    signed::RefundTogether {
        id,
        deadline: U256::from(deadline),
    }
    .eip712_signing_hash(domain)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{b256, bytes};

    use super::*;

    fn lock() -> HashTimeLock::Lock {
        HashTimeLock::Lock {
            hashlock: B256::repeat_byte(1),
            sender: Address::repeat_byte(2),
            recipient: Address::repeat_byte(3),
            token: Address::repeat_byte(4),
            amount: U256::from(5),
            deposit: U256::from(6),
            terms: U256::from(7),
            hooks: Address::ZERO,
        }
    }

    // The expected digests are ethers.js 6.17's, whose signatures the deployed contract accepts.

    #[test]
    fn the_gasless_lock_digest_is_that_of_wallets() {
        let nonce = (U256::from(3) << 64) | U256::from(1);

        let domain = domain(7701, Address::repeat_byte(9));
        let digest = lock_for_digest(&domain, &lock(), bytes!("abcd"), nonce, 1_800_000_000);

        let expected = b256!("7fc6c99d27b2bd27924170ad95c0cea1474d282f64517eacce9c2b63b3b413f1");
        assert_eq!(digest, expected);
    }

    #[test]
    fn the_cooperative_refund_digest_is_that_of_wallets() {
        let domain = domain(7701, Address::repeat_byte(9));
        let digest = refund_together_digest(&domain, B256::repeat_byte(10), 1_800_000_000);

        let expected = b256!("48076f8c327b573b4774410895afa5f5adfd4c76b2f0826871525ccf0fb50581");
        assert_eq!(digest, expected);
    }

    #[test]
    fn the_lock_id_is_that_of_the_contract() {
        let expected = b256!("b6a8e8c83464ce29db75cc3183232da72d322e81d7f8e6556e5554154ff01d09");
        assert_eq!(crate::lock_id(&lock()), expected);
    }
}
