//! Keys and certificates: encrypted keystores, the development CA, and files that only their owner reads.

mod ca;
mod keystore;
mod private_file;
mod signer;
#[cfg(test)]
mod tests;

pub use ca::{Authority, CaError, Issued, Role, Subject};
pub use keystore::{Keystore, KeystoreError, Mark, address_of, network_seed, sealing_key};
pub use private_file::{read_secret_line, write_new};
pub use signer::Signers;

/// Stands in every keystore that a local profile makes; other profiles refuse such keystores.
pub const TEST_KEY_MARK: &str = "causeway-test-key";

/// Stands in every directory of keys and certificates that a local profile makes; other profiles refuse what is in it.
pub const TEST_DIR_MARK: &str = "MADE-BY-LOCAL-PROFILE";
