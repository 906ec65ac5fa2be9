//! Web3 v3 keystores of secp256k1 keys.

use std::{
    io,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, keccak256};
use causeway_sealed::SealingKey;
use rand_core06::OsRng;
use secp256k1::{PublicKey, SECP256K1, SecretKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{TEST_KEY_MARK, private_file};
use crate::config::PasswordSource;

/// A keystore file and where its password is.
#[derive(Clone, Debug)]
pub struct Keystore {
    /// The file.
    pub path: PathBuf,
    /// Its password.
    pub password: PasswordSource,
}

/// What is written into a new keystore beside the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    Own,
    /// That it is a test key; see [`TEST_KEY_MARK`].
    Test,
}

/// What is wrong with a keystore.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeystoreError {
    /// It is there already.
    #[error("{} exists: move it away first, a key is never overwritten", path.display())]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error("cannot access {}: check that it exists and may be read", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The password is not where it should be.
    #[error("environment variable {name} with the password of {} is not set", path.display())]
    NoPassword {
        /// Which variable.
        name: String,
        /// Which keystore.
        path: PathBuf,
    },
    /// Wrong password, or not a keystore.
    #[error("cannot open the keystore {}: wrong password or not a Web3 v3 keystore", path.display())]
    Locked {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<eth_keystore::KeystoreError>,
    },
    /// What it holds is no key.
    #[error("{} does not hold a secp256k1 key", path.display())]
    NotAKey {
        /// Which file.
        path: PathBuf,
    },
}

impl Keystore {
    /// Makes a key and its keystore.
    ///
    /// # Errors
    /// [`KeystoreError::Exists`] when the file is there.
    pub fn create(&self, mark: Mark) -> Result<SecretKey, KeystoreError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        let key = loop {
            getrandom::fill(bytes.as_mut_slice())
                .map_err(|e| self.file_error(io::Error::other(e.to_string())))?;
            // All but about 2^-128 of all values are keys.
            if let Ok(key) = SecretKey::from_byte_array(*bytes) {
                break key;
            }
        };
        self.store(&key, mark)?;
        Ok(key)
    }

    /// Opens the keystore.
    ///
    /// # Errors
    /// See [`KeystoreError`].
    pub fn open(&self) -> Result<SecretKey, KeystoreError> {
        if !self.path.is_file() {
            return Err(self.file_error(io::ErrorKind::NotFound.into()));
        }
        let password = self.password()?;
        let bytes =
            eth_keystore::decrypt_key(&self.path, password.as_bytes()).map_err(|source| {
                KeystoreError::Locked {
                    path: self.path.clone(),
                    source: Box::new(source),
                }
            })?;
        let bytes = Zeroizing::new(bytes);
        let not_a_key = || KeystoreError::NotAKey {
            path: self.path.clone(),
        };
        let array = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| not_a_key())?;
        SecretKey::from_byte_array(array).map_err(|_| not_a_key())
    }

    /// The address that is written in the keystore, without opening it.
    ///
    /// # Errors
    /// See [`KeystoreError`].
    pub fn address(&self) -> Result<Address, KeystoreError> {
        let text = std::fs::read_to_string(&self.path).map_err(|e| self.file_error(e))?;
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let address = value
            .get("address")
            .and_then(Value::as_str)
            .and_then(|a| a.parse().ok());
        address.ok_or_else(|| KeystoreError::NotAKey {
            path: self.path.clone(),
        })
    }

    fn store(&self, key: &SecretKey, mark: Mark) -> Result<(), KeystoreError> {
        if self.path.exists() {
            return Err(KeystoreError::Exists {
                path: self.path.clone(),
            });
        }
        let dir = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(dir).map_err(|e| self.file_error(e))?;
        let name = self
            .path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        // Written beside and moved, so that a crash leaves no half keystore under the final name.
        let (half_name, half) = (format!(".{name}.new"), dir.join(format!(".{name}.new")));
        let secret = Zeroizing::new(key.secret_bytes());
        let password = self.password()?;
        eth_keystore::encrypt_key(
            dir,
            &mut OsRng,
            secret.as_slice(),
            password.as_bytes(),
            Some(&half_name),
        )
        .map_err(|source| KeystoreError::Locked {
            path: half.clone(),
            source: Box::new(source),
        })?;
        private_file::restrict(&half).map_err(|e| self.file_error(e))?;
        annotate(&half, key, mark).map_err(|e| self.file_error(e))?;
        std::fs::rename(&half, &self.path).map_err(|e| self.file_error(e))
    }

    fn password(&self) -> Result<Zeroizing<String>, KeystoreError> {
        match &self.password {
            PasswordSource::File(path) => {
                private_file::read_secret_line(path).map_err(|source| KeystoreError::File {
                    path: path.clone(),
                    source,
                })
            }
            PasswordSource::Env(name) => {
                std::env::var(name)
                    .map(Zeroizing::new)
                    .map_err(|_| KeystoreError::NoPassword {
                        name: name.clone(),
                        path: self.path.clone(),
                    })
            }
        }
    }

    fn file_error(&self, source: io::Error) -> KeystoreError {
        KeystoreError::File {
            path: self.path.clone(),
            source,
        }
    }
}

/// Adds the address, which wallets show, and the mark of a test key.
fn annotate(path: &Path, key: &SecretKey, mark: Mark) -> io::Result<()> {
    let mut value: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    if let Some(object) = value.as_object_mut() {
        object.insert("address".into(), json!(format!("{:#x}", address_of(key))));
        if mark == Mark::Test {
            object.insert("note".into(), json!(TEST_KEY_MARK));
        }
    }
    std::fs::write(path, serde_json::to_vec_pretty(&value)?)
}

/// Address of a key.
pub fn address_of(key: &SecretKey) -> Address {
    let public = PublicKey::from_secret_key(SECP256K1, key).serialize_uncompressed();
    Address::from_slice(&keccak256(&public[1..])[12..])
}

/// The sealing key of an account: one keystore holds both.
pub fn sealing_key(account: &SecretKey) -> SealingKey {
    SealingKey::of_account(&Zeroizing::new(account.secret_bytes()))
}

/// Seed of the key of a validator's connections, derived from its vote key: one keystore per validator, and the seed
/// tells nothing about the vote key.
pub fn network_seed(vote: &SecretKey) -> Zeroizing<[u8; 32]> {
    let mut hash = Sha256::new();
    hash.update(b"causeway network key v1");
    hash.update(Zeroizing::new(vote.secret_bytes()));
    Zeroizing::new(hash.finalize().into())
}
