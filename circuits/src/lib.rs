//! Facts about off-chain data, proved without showing the data: Groth16 on BN254.
//!
//! | module | for |
//! |---|---|
//! | [`system`] | constraint systems whose every constraint belongs to a named group |
//! | [`gadgets`] | Poseidon, Merkle paths, ranges, BabyJubJub, EdDSA-Poseidon, SHA-256 in circuit |
//! | [`poseidon`], [`babyjub`], [`merkle`], [`context`] | the same outside of circuits |
//! | [`statement`] | one module for each statement: its mathematics, inputs, witness, attacks |
//! | [`registered`] | the sizes that have a verifier contract |
//! | [`witness`] | what a prover knows, as JSON |
//! | [`groth16`] | the only caller of the proof library: keys, proofs, verified statements |
//! | [`keys`] | key files: development keys, imported ceremonies |
//! | [`prover`] | proving with bounded threads, memory and queue, and cancellation |
//! | [`mod@format`] | proof files, snarkjs JSON, EVM calldata, r1cs, wtns, zkey |
//! | [`yardstick`] | the bare library and snarkjs on the same circuit, for measurements |
//! | [`solidity`] | a verifier contract from a verifying key |
//!
//! What never happens here: a number is reduced while it is read, a proof is identified by its bytes, a key is used
//! that was not checked, or a statement module touches file, clock or network.

pub mod babyjub;
pub mod context;
pub mod error;
pub mod field;
pub mod format;
pub mod gadgets;
pub mod groth16;
pub mod keys;
pub mod merkle;
pub mod poseidon;
pub mod prover;
pub mod registered;
pub mod solidity;
pub mod statement;
pub mod system;
pub mod witness;
pub mod yardstick;

pub use error::Error;
