//! What statements are built of. Each gadget says what it costs and what it leaves to its caller.

pub mod bits;
pub mod curve;
pub mod eddsa;
pub mod merkle;
pub mod poseidon;
pub mod sha256;

#[cfg(test)]
mod tests;
