//! `alarm`: an admitted, unrevoked device signed a reading over the limit; which and how much stays hidden.
//!
//! # Statement
//!
//! There are (key A, path, sequence, time, value, signature) such that, with P the Poseidon hash:
//!
//! 1. `root = climb(P(KEY, A.x, A.y), path)`
//! 2. signature is A's EdDSA-Poseidon signature of `m = P(READING, sequence, time, value)`
//! 3. `value > limit`, both below 2^32
//! 4. `window = from + 2^64 until`, `from <= time <= until`, all below 2^64
//! 5. `nullifier = P(NULLIFIER, S, m, policy)`, S the signature's scalar
//!
//! # Public inputs
//!
//! `root, policy, limit, window, nullifier`. The policy is a [`Context`] whose round names the rule that alarms.
//!
//! # Witness
//!
//! Everything of the reading, its device's key and place.
//!
//! # Cost
//!
//! 11,084 constraints at depth 20.
//!
//! # Attacks
//!
//! | attack | refused by |
//! |---|---|
//! | a device that was never admitted, or is revoked (its leaf is zero in the new tree) | `membership` |
//! | a reading nobody signed, or another than was signed; a key of small order | `signature` |
//! | a second form of one signature, to alarm twice | `signature/scalar` |
//! | a reading at or below the limit; values that wrap around | `limit` |
//! | an old or future reading; times that wrap around | `window` |
//! | alarming twice with one reading | `nullifier` |
//! | taking the proof to another chain, contract or policy | `nullifier`, which reads the policy |
//!
//! S enters the nullifier because a reading is easily guessed, and the nullifier would then name it; S is known only to
//! those who hold the reading. A device that signs one reading twice can alarm twice: the two signatures are
//! evidence against its stake.

use ark_bn254::Fr;
use ark_ff::{One, Zero};

use super::reading::{self, Reading, Signed, TIME_BITS, VALUE_BITS};
use crate::context::{Context, tag};
use crate::gadgets::bits::{self, power};
use crate::gadgets::poseidon;
use crate::poseidon as native;
use crate::system::{Builder, Circuit, Num};

/// Depth of the tree that the registered circuit has.
pub const DEPTH: usize = 20;
/// Domain of the policy.
pub const DOMAIN: &str = "causeway/alarm/1";

/// What the verifier sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Public {
    /// The admitted devices.
    pub root: Fr,
    /// The rule, and where it counts.
    pub policy: Fr,
    /// Values above this alarm.
    pub limit: u32,
    /// From when until when.
    pub window: Fr,
    /// What is used up.
    pub nullifier: Fr,
}

impl Public {
    /// In the order of the statement.
    pub fn inputs(&self) -> Vec<Fr> {
        let Self {
            root,
            policy,
            limit,
            window,
            nullifier,
        } = *self;
        vec![root, policy, Fr::from(limit), window, nullifier]
    }
}

/// The public input that holds both ends of a window.
pub fn window(from: u64, until: u64) -> Fr {
    Fr::from(from) + Fr::from(until) * power(TIME_BITS)
}

/// The statement with its values.
#[derive(Clone, Debug)]
pub struct Alarm {
    public: Public,
    window: [u64; 2],
    reading: Reading,
    signed: Signed,
}

impl Alarm {
    /// The statement that `signed` signed `reading`, which is over the limit and within the window.
    pub fn new(
        policy: Context,
        limit: u32,
        between: [u64; 2],
        reading: Reading,
        signed: Signed,
    ) -> Self {
        let policy = policy.input();
        let inputs = [
            nullifier_tag(),
            signed.signature.s,
            reading.message(),
            policy,
        ];
        let public = Public {
            root: signed.path.root(reading::leaf_of(signed.key)),
            policy,
            limit,
            window: window(between[0], between[1]),
            nullifier: native::hash(&inputs),
        };
        Self {
            public,
            window: between,
            reading,
            signed,
        }
    }

    /// The circuit without values.
    pub fn blank(depth: usize) -> Self {
        let zero = Fr::zero();
        let public = Public {
            root: zero,
            policy: zero,
            limit: 0,
            window: zero,
            nullifier: zero,
        };
        let reading = Reading {
            sequence: 0,
            time: 0,
            value: 0,
        };
        Self {
            public,
            window: [0, 0],
            reading,
            signed: Signed::blank(depth),
        }
    }

    /// What the verifier sees.
    pub fn public(&self) -> Public {
        self.public
    }
}

impl Circuit for Alarm {
    fn name(&self) -> String {
        format!("alarm-{}", self.signed.path.siblings.len())
    }

    fn build(&self, c: &mut Builder) {
        let names = ["root", "policy", "limit", "window", "nullifier"];
        let inputs = self.public.inputs();
        let [root, policy, limit, window, used] =
            [0, 1, 2, 3, 4].map(|i| c.public(names[i], inputs[i]));
        let sequence = c.witness("sequence", Fr::from(self.reading.sequence));
        let time = c.witness("time", Fr::from(self.reading.time));
        let value = c.witness("value", Fr::from(self.reading.value));
        let message = c.group("message", |c| {
            poseidon::tagged(
                c,
                reading::reading_tag(),
                &[sequence, time.clone(), value.clone()],
            )
        });
        let (_, s) = reading::signed(c, &root, &message, &self.signed);
        c.group("limit", |c| {
            bits::range(c, &limit, VALUE_BITS);
            bits::range(c, &value, VALUE_BITS);
            bits::at_most(c, &(&limit + &Num::one()), &value, VALUE_BITS);
        });
        c.group("window", |c| {
            let [from, until] = ["from", "until"].map(|label| {
                let end = self.window[usize::from(label == "until")];
                let end = c.witness(label, Fr::from(end));
                bits::range(c, &end, TIME_BITS);
                end
            });
            let both = Num::combine([(Fr::one(), &from), (power(TIME_BITS), &until)]);
            c.equal(&both, &window);
            bits::range(c, &time, TIME_BITS);
            bits::at_most(c, &from, &time, TIME_BITS);
            bits::at_most(c, &time, &until, TIME_BITS);
        });
        c.group("nullifier", |c| {
            let computed = poseidon::tagged(c, nullifier_tag(), &[s, message, policy]);
            c.equal(&computed, &used);
        });
    }
}

fn nullifier_tag() -> Fr {
    tag("causeway/alarm/nullifier/1")
}

#[cfg(test)]
#[path = "alarm_tests.rs"]
mod tests;
