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
