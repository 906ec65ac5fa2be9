//! Proofs, keys, inputs and equations in the forms of others. Everything read is checked; nothing is reduced.

mod binary;
pub mod evm;
pub mod file;
pub mod json;
pub mod r1cs;
pub mod wtns;
pub mod zkey;
pub(crate) mod zkey_write;

#[cfg(test)]
mod tests;
