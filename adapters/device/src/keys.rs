//! Keys of a device: the hardware key (P-256) that makes its readings count, the feed key (BabyJubJub) for statements.
//!
//! Key files are PKCS#8 in PEM, encrypted or not, readable by their owner alone; a feed key is 32 bytes in hex.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use alloy_primitives::B256;
use causeway_circuits::{
    babyjub,
    field::{from_be_bytes, to_be_bytes},
    statement::{reading, session},
};
use p256::{
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _},
};
use zeroize::Zeroizing;

use crate::reading::{Body, FeedSignature};

/// A key or its file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Others may read it.
    #[error("{path} can be read by others (mode {mode:o}): chmod 600 {path}")]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It cannot be read or written.
    #[error("cannot use {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It holds no such key.
    #[error("{path} holds no {expected}; an encrypted file needs its password file")]
    Format {
        /// Which file.
        path: PathBuf,
        /// What was looked for.
        expected: &'static str,
    },
    /// The password file is empty.
    #[error("{path} holds no password in its first line")]
    PasswordEmpty {
        /// Which file.
        path: PathBuf,
    },
    /// Not the coordinates of a public key.
    #[error("not a public key of {curve}")]
    Public {
        /// Which curve.
        curve: &'static str,
    },
    /// The feed key signs 32-bit values only.
    #[error("the feed key signs values within -2^31 .. 2^31 - 1, got {0}")]
    ValueRange(i64),
}

/// The key that makes a device's readings count.
pub struct HardwareKey(SigningKey);

impl std::fmt::Debug for HardwareKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HardwareKey({})", self.public())
    }
}

impl HardwareKey {
    /// A new key, of the system's randomness.
    pub fn generate() -> Self {
        Self(SigningKey::random(
            &mut p256::elliptic_curve::rand_core::OsRng,
        ))
    }

    /// Reads a PKCS#8 file.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn load(path: &Path, password: Option<&Path>) -> Result<Self, KeyError> {
        Self::from_pkcs8(&load_pkcs8(path, password)?)
            .ok_or_else(|| format(path, "P-256 key in PKCS#8"))
    }

    /// Takes a key from PKCS#8 bytes.
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        SigningKey::from_pkcs8_der(der).ok().map(Self)
    }

    /// Writes a new PKCS#8 file, encrypted where there is a password. Never overwrites.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn save(&self, path: &Path, password: Option<&Path>) -> Result<(), KeyError> {
        let der = self
            .0
            .to_pkcs8_der()
            .map_err(|_| format(path, "key that can be written"))?;
        save_pkcs8(path, der.as_bytes(), password)
    }

    /// Its public half.
    pub fn public(&self) -> HardwarePublic {
        let point = self.0.verifying_key().to_encoded_point(false);
        let mut bytes = [0; 65];
        // An uncompressed point has 65 bytes.
        bytes
            .iter_mut()
            .zip(point.as_bytes())
            .for_each(|(to, from)| *to = *from);
        HardwarePublic(bytes)
    }

    /// Signs a reading. The nonce depends on key and reading alone: a device short of randomness leaks nothing.
    pub fn sign(&self, body: &Body) -> [u8; 64] {
        self.sign_message(&body.signed_bytes())
    }

    /// Signs the digest of an admission or a rekeying: 32 bytes, so that it is never a reading.
    pub fn approve(&self, digest: B256) -> [u8; 64] {
        self.sign_message(digest.as_slice())
    }

    fn sign_message(&self, message: &[u8]) -> [u8; 64] {
        let signature: Signature = self.0.sign(message);
        signature
            .normalize_s()
            .unwrap_or(signature)
            .to_bytes()
            .into()
    }
}

/// Public half of a hardware key, an uncompressed point.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HardwarePublic([u8; 65]);

impl HardwarePublic {
    /// Takes the two coordinates, as the registry has them.
    ///
    /// # Errors
    /// When they are no point of P-256.
    pub fn from_coordinates(x: B256, y: B256) -> Result<Self, KeyError> {
        let mut bytes = [4; 65];
        let coordinates = x.iter().chain(y.iter());
        bytes
            .iter_mut()
            .skip(1)
            .zip(coordinates)
            .for_each(|(to, from)| *to = *from);
        p256::PublicKey::from_sec1_bytes(&bytes)
            .map(|_| Self(bytes))
            .map_err(|_| KeyError::Public { curve: "P-256" })
    }

    /// The two coordinates.
    pub fn coordinates(&self) -> [B256; 2] {
        let (_, xy) = self.0.split_at(1);
        let (x, y) = xy.split_at(32);
        [B256::from_slice(x), B256::from_slice(y)]
    }

    /// Whether this is the key's signature of the reading, in the one form that contracts take.
    pub fn verify(&self, body: &Body, signature: &[u8; 64]) -> bool {
        self.verify_message(&body.signed_bytes(), signature)
    }

    /// Whether the key has approved the digest of an admission or a rekeying.
    pub fn approved(&self, digest: B256, signature: &[u8; 64]) -> bool {
        self.verify_message(digest.as_slice(), signature)
    }

    fn verify_message(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let (_, s) = signature.split_at(32);
        s <= HALF_ORDER.as_slice()
            && ring::signature::UnparsedPublicKey::new(
                &ring::signature::ECDSA_P256_SHA256_FIXED,
                &self.0,
            )
            .verify(message, signature)
            .is_ok()
    }
}

impl std::fmt::Display for HardwarePublic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for HardwarePublic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HardwarePublic({self})")
    }
}

/// The key whose signatures are proved in zero knowledge.
#[derive(Debug)]
pub struct FeedKey(babyjub::SecretKey);

impl FeedKey {
    /// The key of a seed.
    ///
    /// # Errors
    /// When the seed gives the zero key.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        babyjub::SecretKey::from_seed(seed)
            .map(Self)
            .map_err(|_| KeyError::Public {
                curve: "BabyJubJub",
            })
    }

    /// Reads the seed's file.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let text = read_private(path)?;
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim_ascii_end(), seed.as_mut_slice())
            .map_err(|_| format(path, "seed of 64 hexadecimal digits"))?;
        Self::from_seed(&seed)
    }

    /// Makes a seed's file. Never overwrites.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn create(path: &Path) -> Result<Self, KeyError> {
        use p256::elliptic_curve::rand_core::{OsRng, RngCore as _};
        let mut seed = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(seed.as_mut_slice());
        write_private(
            path,
            Zeroizing::new(hex::encode(seed.as_slice())).as_bytes(),
        )?;
        Self::from_seed(&seed)
    }

    /// Its public half.
    pub fn public(&self) -> FeedPublic {
        FeedPublic(self.0.public())
    }

    /// Signs what statements are about: sequence, time and value.
    ///
    /// # Errors
    /// [`KeyError::ValueRange`].
    pub fn sign(&self, body: &Body) -> Result<FeedSignature, KeyError> {
        let signature = self.0.sign(message(body)?);
        let [x, y] = signature.r.twisted();
        let mut bytes = [0; 96];
        let parts = [
            to_be_bytes(&x),
            to_be_bytes(&y),
            to_be_bytes(&signature.s()),
        ]
        .concat();
        bytes
            .iter_mut()
            .zip(parts)
            .for_each(|(to, from)| *to = from);
        Ok(bytes)
    }
}

/// Public half of a feed key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedPublic(babyjub::Point);

impl FeedPublic {
    /// Takes the two (twisted) coordinates, as the registry has them.
    ///
    /// # Errors
    /// When they are no usable point.
    pub fn from_coordinates(x: B256, y: B256) -> Result<Self, KeyError> {
        let point = from_be_bytes(&x.0).and_then(|x| Ok([x, from_be_bytes(&y.0)?]));
        point
            .and_then(babyjub::Point::from_twisted)
            .map(Self)
            .map_err(|_| KeyError::Public {
                curve: "BabyJubJub",
            })
    }

    /// The two (twisted) coordinates.
    pub fn coordinates(&self) -> [B256; 2] {
        self.0.twisted().map(|c| B256::new(to_be_bytes(&c)))
    }

    /// Whether this is the key's signature of the reading.
    pub fn verify(&self, body: &Body, signature: &FeedSignature) -> bool {
        let Ok(message) = message(body) else {
            return false;
        };
        let mut parts = signature.chunks_exact(32).map(|part| {
            let part: [u8; 32] = part.try_into().unwrap_or([0xff; 32]);
            from_be_bytes(&part)
        });
        let (Some(Ok(x)), Some(Ok(y)), Some(Ok(s))) = (parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        babyjub::Signature::from_twisted([x, y], s)
            .is_ok_and(|signature| signature.verify(self.0, message))
    }
}

fn message(body: &Body) -> Result<ark_bn254::Fr, KeyError> {
    let value = i32::try_from(body.value).map_err(|_| KeyError::ValueRange(body.value))?;
    let reading = reading::Reading {
        sequence: body.sequence,
        time: body.time,
        value: session::encode(value),
    };
    Ok(reading.message())
}

/// Reads the DER of a PKCS#8 file.
///
/// # Errors
/// See [`KeyError`].
pub fn load_pkcs8(path: &Path, password: Option<&Path>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let wrong = || format(path, "PKCS#8 key");
    let text = read_private(path)?;
    let text = std::str::from_utf8(&text).map_err(|_| wrong())?;
    let (label, document) = pkcs8::SecretDocument::from_pem(text).map_err(|_| wrong())?;
    let plain = match (label, password) {
        ("PRIVATE KEY", _) => document,
        ("ENCRYPTED PRIVATE KEY", Some(password)) => {
            let encrypted = pkcs8::EncryptedPrivateKeyInfo::try_from(document.as_bytes());
            let password = password_of(password)?;
            encrypted
                .and_then(|key| key.decrypt(password))
                .map_err(|_| wrong())?
        }
        _ => return Err(wrong()),
    };
    Ok(plain.to_bytes())
}

/// Writes a new PKCS#8 file, encrypted (scrypt, AES-256) where there is a password. Never overwrites.
///
/// # Errors
/// See [`KeyError`].
pub fn save_pkcs8(path: &Path, der: &[u8], password: Option<&Path>) -> Result<(), KeyError> {
    use pkcs8::{LineEnding, PrivateKeyInfo, SecretDocument};
    let wrong = || format(path, "key that can be written as PKCS#8");
    let (document, label) = match password {
        None => (SecretDocument::try_from(der), "PRIVATE KEY"),
        Some(password) => {
            let password = password_of(password)?;
            let key = PrivateKeyInfo::try_from(der).map_err(|_| wrong())?;
            let encrypted = key.encrypt(p256::elliptic_curve::rand_core::OsRng, password);
            (Ok(encrypted.map_err(|_| wrong())?), "ENCRYPTED PRIVATE KEY")
        }
    };
    let pem = document.and_then(|d| d.to_pem(label, LineEnding::LF));
    write_private(path, pem.map_err(|_| wrong())?.as_bytes())
}

fn password_of(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let text = read_private(path)?;
    match text.split(|b| *b == b'\n' || *b == b'\r').next() {
        Some(line) if !line.is_empty() => Ok(Zeroizing::new(line.to_vec())),
        _ => Err(KeyError::PasswordEmpty { path: path.into() }),
    }
}

fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let failed = |source| KeyError::File {
        path: path.into(),
        source,
    };
    let file = fs::File::open(path).map_err(failed)?;
    // Of the opened file, so that nobody exchanges it in between.
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed {
            path: path.into(),
            mode,
        });
    }
    let mut content = Zeroizing::new(Vec::new());
    io::Read::read_to_end(&mut io::Read::take(file, MAX_FILE), &mut content).map_err(failed)?;
    Ok(content)
}

fn write_private(path: &Path, content: &[u8]) -> Result<(), KeyError> {
    let failed = |source| KeyError::File {
        path: path.into(),
        source,
    };
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(failed)
}

fn format(path: &Path, expected: &'static str) -> KeyError {
    KeyError::Format {
        path: path.into(),
        expected,
    }
}

const MAX_FILE: u64 = 64 * 1024;
/// Half of the order of P-256, rounded down.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

#[cfg(test)]
mod tests;
