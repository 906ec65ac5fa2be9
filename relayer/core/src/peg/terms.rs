//! Which locks are for the peg, and what they say ("The lock and its terms" in docs/transfers.md).

use alloy_primitives::{Address, B256, Keccak256, U256, keccak256};
use causeway_adapter_api::{Asset, ChainId, Hashlock, Lock};

use super::types::{Promise, Route};

/// The refund guard's bit among a lock's hook flags.
pub const REFUND_GUARD: u8 = 2;

/// What is known of a pair of ports, seen from the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ports {
    /// Where an asset goes from here.
    pub route: Route,
    /// The origin's port.
    pub origin: Address,
    /// What the origin's port takes.
    pub asset: Asset,
}

/// Why a lock is not for the peg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NotForPeg {
    /// It pays somebody else.
    #[error("recipient: expected the port {expected}, got {got}")]
    Recipient {
        /// The port.
        expected: Address,
        /// The lock's recipient.
        got: Address,
    },
    /// Its refund is not guarded by the port, or its claim has a condition, or it is divided.
    #[error(
        "shape: expected one part and the port's refund guard alone, got {parts} parts, hook flags {hook_flags} of {hooks}"
    )]
    Shape {
        /// Parts.
        parts: u16,
        /// Flags.
        hook_flags: u8,
        /// Contract.
        hooks: Address,
    },
    /// It holds something else.
    #[error("asset: expected {expected:?}, got {got:?}")]
    Asset {
        /// What the port takes.
        expected: Asset,
        /// What is locked.
        got: Asset,
    },
    /// The memo does not have the peg's form, or leads elsewhere.
    #[error("the memo is not of a peg to this port")]
    Memo,
    /// The memo says something else than the salt commits to.
    #[error("salt: the memo's recipient and nonce make {expected}, got {got}")]
    Salt {
        /// What the memo makes.
        expected: u128,
        /// What the lock has.
        got: u128,
    },
}

/// P3: what a lock with this memo promises, if it is for the peg.
///
/// # Errors
/// [`NotForPeg`]; such a lock is refunded in its time, and never opened.
pub fn check(ports: &Ports, lock: &Lock, memo: &[u8]) -> Result<Promise, NotForPeg> {
    let (terms, hooks) = (&lock.terms, lock.hooks);
    let (parts, hook_flags) = (terms.parts, terms.hook_flags);
    if lock.recipient != ports.origin {
        let (expected, got) = (ports.origin, lock.recipient);
        return Err(NotForPeg::Recipient { expected, got });
    }
    if parts != 1 || hook_flags != REFUND_GUARD || hooks != ports.origin {
        return Err(NotForPeg::Shape {
            parts,
            hook_flags,
            hooks,
        });
    }
    if lock.asset != ports.asset {
        let (expected, got) = (ports.asset, lock.asset);
        return Err(NotForPeg::Asset { expected, got });
    }
    let promise = read_memo(&ports.route, memo).ok_or(NotForPeg::Memo)?;
    let (expected, got) = (salt(lock.hashlock, &promise), terms.salt);
    if expected != got {
        return Err(NotForPeg::Salt { expected, got });
    }
    Ok(promise)
}

/// The salt of a lock that promises this: the low 112 bits of a keccak256.
pub fn salt(hashlock: Hashlock, promise: &Promise) -> u128 {
    let mut hasher = Keccak256::new();
    hasher.update(keccak256("causeway.peg.terms.v1"));
    hasher.update(hashlock.0);
    hasher.update(promise.recipient.into_word());
    hasher.update(B256::from(promise.nonce));
    let hash = U256::from_be_bytes(hasher.finalize().0);
    let low: U256 = hash & U256::from(SALT_MASK);
    low.to::<u128>()
}

/// The memo of a lock that promises this: five words, so that anybody can go on from the event alone.
pub fn memo(route: &Route, promise: &Promise) -> Vec<u8> {
    let words = [
        B256::from(U256::from(MEMO_VERSION)),
        B256::from(U256::from(route.to.0)),
        route.port.into_word(),
        promise.recipient.into_word(),
        B256::from(promise.nonce),
    ];
    words.concat()
}

/// What a memo promises, if it has exactly the form and the destination of `route`.
fn read_memo(route: &Route, memo: &[u8]) -> Option<Promise> {
    if memo.len() != MEMO_WORDS * 32 {
        return None;
    }
    let word = |place: usize| U256::from_be_slice(&memo[place * 32..(place + 1) * 32]);
    let recipient: [u8; 20] = memo[3 * 32 + 12..4 * 32].try_into().ok()?;
    let promise = Promise {
        recipient: Address::from(recipient),
        nonce: word(4),
    };
    let chain: u64 = word(1).try_into().ok()?;
    let to = ChainId(chain);
    // Written again, it must be the same bytes: no padding says anything else.
    (to == route.to && self::memo(route, &promise) == memo && !promise.recipient.is_zero())
        .then_some(promise)
}

const SALT_MASK: u128 = (1 << 112) - 1;
const MEMO_VERSION: u64 = 2;
const MEMO_WORDS: usize = 5;
