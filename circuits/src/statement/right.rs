//! `right`: I hold an unexpired right of at least level m, and use it once in this scope.
//!
//! # Statement
//!
//! There are (secret, level, expiry, path) such that, with P the Poseidon hash:
//!
//! 1. `root = climb(P(LEAF, P(HOLDER, secret), level, expiry), path)`
//! 2. `level >= min`, both below 2^16
//! 3. `expiry >= now`, both below 2^64
//! 4. `nullifier = P(NULLIFIER, secret, scope)`
//!
//! # Public inputs
//!
//! `root, scope, nullifier, min, now, signal`. The scope is a [`Context`]: domain, chain, contract, round. The signal
//! is what the holder consents to (the hash of a request); the proof is for this signal alone.
//!
//! # Cost
//!
//! 5,878 constraints at depth 20: 242 a level, 1,038 for the rest.
//!
//! # Attacks
//!
//! | attack | refused by |
//! |---|---|
//! | a right the issuer did not put into the tree, or revoked | `membership` |
//! | a lower level; a level or minimum that wraps around the field | `level` |
//! | an expired right; a time that wraps around | `expiry` |
//! | using it twice in one scope under another nullifier | `nullifier` |
//! | taking somebody's proof for another request | `signal` |
//! | taking it to another chain, contract or round | `nullifier`, which reads the scope |
//!
//! One holder has one nullifier in a scope, however many rights. Whoever consumes the proof checks that `root` is one
//! of the issuer's recent roots and that `now` is the chain's time: both are public for that reason.

use ark_bn254::Fr;
use ark_ff::Zero;

use super::bind;
use crate::context::{Context, tag};
use crate::gadgets::{bits, merkle, poseidon};
use crate::merkle::Path;
use crate::poseidon as native;
use crate::system::{Builder, Circuit};

/// Bits of a level.
pub const LEVEL_BITS: usize = 16;
/// Bits of a time.
pub const TIME_BITS: usize = 64;
/// Depth of the tree that the registered circuit has.
pub const DEPTH: usize = 20;
/// Domain of the scope.
pub const DOMAIN: &str = "causeway/right/1";

/// What an issuer grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// `P(HOLDER, secret)`, which the holder gives to the issuer.
    pub holder: Fr,
    /// How far the right goes.
    pub level: u16,
    /// The last second it is valid.
    pub expiry: u64,
}

impl Grant {
    /// The leaf of the issuer's tree.
    pub fn leaf(&self) -> Fr {
        native::hash(&[
            leaf_tag(),
            self.holder,
            Fr::from(self.level),
            Fr::from(self.expiry),
        ])
    }
}

/// What a holder gives to issuers: it hides the secret.
pub fn holder(secret: Fr) -> Fr {
    native::hash(&[holder_tag(), secret])
}

/// What may appear once in a scope.
pub fn nullifier(secret: Fr, scope: Fr) -> Fr {
    native::hash(&[nullifier_tag(), secret, scope])
}

/// What the verifier sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Public {
    /// The issuer's tree.
    pub root: Fr,
    /// Where it counts.
    pub scope: Fr,
    /// What is used up.
    pub nullifier: Fr,
    /// The level asked for.
    pub min: u16,
    /// The time it is judged at.
    pub now: u64,
    /// What is consented to.
    pub signal: Fr,
}

impl Public {
    /// In the order of the statement.
    pub fn inputs(&self) -> Vec<Fr> {
        let Self {
            root,
            scope,
            nullifier,
            min,
            now,
            signal,
        } = *self;
        vec![root, scope, nullifier, Fr::from(min), Fr::from(now), signal]
    }
}

/// The statement with its values.
#[derive(Clone, Debug)]
pub struct Right {
    public: Public,
    secret: Fr,
    grant: Grant,
    path: Path,
}

impl Right {
    /// The statement that the holder of `secret` has `grant`, which stands at `path`.
    pub fn new(secret: Fr, grant: Grant, path: Path, ask: Ask) -> Self {
        let scope = ask.scope.input();
        let public = Public {
            root: path.root(grant.leaf()),
            scope,
            nullifier: nullifier(secret, scope),
            min: ask.min,
            now: ask.now,
            signal: ask.signal,
        };
        Self {
            public,
            secret,
            grant,
            path,
        }
    }

    /// The circuit without values.
    pub fn blank(depth: usize) -> Self {
        let grant = Grant {
            holder: holder(Fr::zero()),
            level: 0,
            expiry: 0,
        };
        let path = Path::blank(depth);
        let public = Public {
            root: Fr::zero(),
            scope: Fr::zero(),
            nullifier: Fr::zero(),
            min: 0,
            now: 0,
            signal: Fr::zero(),
        };
        Self {
            public,
            secret: Fr::zero(),
            grant,
            path,
        }
    }

    /// What the verifier sees.
    pub fn public(&self) -> Public {
        self.public
    }
}

/// What a verifier asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Where the right is used.
    pub scope: Context,
    /// At least this level.
    pub min: u16,
    /// At this time.
    pub now: u64,
    /// For this request.
    pub signal: Fr,
}

impl Circuit for Right {
    fn name(&self) -> String {
        format!("right-{}", self.path.siblings.len())
    }

    fn build(&self, c: &mut Builder) {
        let names = ["root", "scope", "nullifier", "min", "now", "signal"];
        let inputs = self.public.inputs();
        let [root, scope, used, min, now, signal] =
            [0, 1, 2, 3, 4, 5].map(|i| c.public(names[i], inputs[i]));
        let secret = c.witness("secret", self.secret);
        let level = c.witness("level", Fr::from(self.grant.level));
        let expiry = c.witness("expiry", Fr::from(self.grant.expiry));

        c.group("membership", |c| {
            let holder = poseidon::tagged(c, holder_tag(), std::slice::from_ref(&secret));
            let leaf = poseidon::tagged(c, leaf_tag(), &[holder, level.clone(), expiry.clone()]);
            let (climbed, _) = merkle::root(c, &leaf, &self.path);
            c.equal(&climbed, &root);
        });
        c.group("level", |c| {
            bits::range(c, &min, LEVEL_BITS);
            bits::range(c, &level, LEVEL_BITS);
            bits::at_most(c, &min, &level, LEVEL_BITS);
        });
        c.group("expiry", |c| {
            bits::range(c, &now, TIME_BITS);
            bits::range(c, &expiry, TIME_BITS);
            bits::at_most(c, &now, &expiry, TIME_BITS);
        });
        c.group("nullifier", |c| {
            let computed = poseidon::tagged(c, nullifier_tag(), &[secret.clone(), scope.clone()]);
            c.equal(&computed, &used);
        });
        bind(c, "signal", &signal);
    }
}

fn holder_tag() -> Fr {
    tag("causeway/right/holder/1")
}

fn leaf_tag() -> Fr {
    tag("causeway/right/leaf/1")
}

fn nullifier_tag() -> Fr {
    tag("causeway/right/nullifier/1")
}

#[cfg(test)]
#[path = "right_tests.rs"]
mod tests;
