//! `hashlink`: one preimage opens a SHA-256 lock and a Poseidon lock.
//!
//! # Statement
//!
//! There are 32 bytes p, the number of whose upper and lower 16 bytes are `h` and `l`, such that, with P the Poseidon
//! hash:
//!
//! 1. `SHA-256(p) = high * 2^128 + low`
//! 2. `lock = P(LOCK, h, l)`
//!
//! # Public inputs
//!
//! `high, low, lock, context`.
//!
//! # Witness
//!
//! The 256 bits of p.
//!
//! # Cost
//!
//! 25,986 constraints.
//!
//! # Attacks
//!
//! | attack | refused by |
//! |---|---|
//! | a Poseidon lock that another preimage opens | `sha256`, `lock`: both read the same bits |
//! | bits that are none | `preimage` |
//! | taking the proof to another chain, contract or transfer | `context` |
//!
//! The lock's digest has two inputs, because it has more bits than the field.

use ark_bn254::Fr;
use ark_ff::Zero;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::bind;
use crate::context::{Context, tag};
use crate::gadgets::{bits, poseidon, sha256};
use crate::poseidon as native;
use crate::system::{Bit, Builder, Circuit};

/// Domain of the context.
pub const DOMAIN: &str = "causeway/hashlink/1";

/// The Poseidon lock that 32 bytes open.
pub fn lock(preimage: &[u8; 32]) -> Fr {
    let [high, low] = halves(preimage);
    native::hash(&[lock_tag(), high, low])
}

/// What the verifier sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Public {
    /// The upper 16 bytes of the SHA-256 digest.
    pub high: Fr,
    /// The lower ones.
    pub low: Fr,
    /// The Poseidon lock.
    pub lock: Fr,
    /// Where it counts.
    pub context: Fr,
}

impl Public {
    /// In the order of the statement.
    pub fn inputs(&self) -> Vec<Fr> {
        vec![self.high, self.low, self.lock, self.context]
    }
}

/// The statement with its values.
#[derive(Debug)]
pub struct HashLink {
    public: Public,
    preimage: Zeroizing<[u8; 32]>,
}

impl HashLink {
    /// The statement that one knows what opens both locks.
    pub fn new(context: Context, preimage: [u8; 32]) -> Self {
        let [high, low] = halves(&Sha256::digest(preimage).into());
        let public = Public {
            high,
            low,
            lock: lock(&preimage),
            context: context.input(),
        };
        Self {
            public,
            preimage: Zeroizing::new(preimage),
        }
    }

    /// The circuit without values.
    pub fn blank() -> Self {
        let zero = Fr::zero();
        let public = Public {
            high: zero,
            low: zero,
            lock: zero,
            context: zero,
        };
        Self {
            public,
            preimage: Zeroizing::new([0; 32]),
        }
    }

    /// What the verifier sees.
    pub fn public(&self) -> Public {
        self.public
    }
}

impl Circuit for HashLink {
    fn name(&self) -> String {
        "hashlink".into()
    }

    fn build(&self, c: &mut Builder) {
        let names = ["high", "low", "lock", "context"];
        let inputs = self.public.inputs();
        let [high, low, lock, context] = [0, 1, 2, 3].map(|i| c.public(names[i], inputs[i]));
        bind(c, "context", &context);
        let preimage: Vec<Bit> = c.group("preimage", |c| {
            let bit = |i: usize| self.preimage[i / 8] >> (7 - i % 8) & 1 == 1;
            (0..256)
                .map(|i| bits::witness_bit(c, "preimage", bit(i)))
                .collect()
        });
        c.group("sha256", |c| {
            let digest = sha256::digest(c, &preimage);
            c.equal(&digest[0], &high);
            c.equal(&digest[1], &low);
        });
        c.group("lock", |c| {
            let half = |bits: &[Bit]| bits::pack(&bits.iter().rev().cloned().collect::<Vec<_>>());
            let halves = [half(&preimage[..128]), half(&preimage[128..])];
            let computed = poseidon::tagged(c, lock_tag(), &halves);
            c.equal(&computed, &lock);
        });
    }
}

fn halves(bytes: &[u8; 32]) -> [Fr; 2] {
    let (chunks, _) = bytes.as_chunks::<16>();
    [0, 1].map(|i: usize| Fr::from(u128::from_be_bytes(chunks[i])))
}

fn lock_tag() -> Fr {
    tag("causeway/hashlink/lock/1")
}

#[cfg(test)]
#[path = "hashlink_tests.rs"]
mod tests;
