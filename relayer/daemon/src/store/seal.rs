//! Secrets at rest: XChaCha20-Poly1305 under the caller's key, bound to what they belong to.

use std::fmt;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::StoreError;

/// The 32 bytes that open the secrets of a database. Zeroised on drop, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct StoreKey([u8; 32]);

impl StoreKey {
    /// Wraps 32 secret bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(..)")
    }
}

/// Seals and opens: a random nonce of 24 bytes, then ciphertext and tag. The cipher wipes its key on drop.
pub(super) struct Seal(XChaCha20Poly1305);

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(..)")
    }
}

impl Seal {
    pub(super) fn new(key: StoreKey) -> Self {
        Self(XChaCha20Poly1305::new((&key.0).into()))
    }

    /// Seals `plain`; it opens only for the same `owner`.
    pub(super) fn seal(&self, owner: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| StoreError::NoRandomness)?;
        let payload = Payload {
            msg: plain,
            aad: owner,
        };
        let sealed = self.0.encrypt(XNonce::from_slice(&nonce), payload);
        let sealed = sealed.map_err(|_| StoreError::PeerOversized {
            what: "secret",
            max: usize::MAX,
            got: plain.len(),
        })?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed for `owner`.
    pub(super) fn open(
        &self,
        owner: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let unreadable = |detail: &str| StoreError::BugUnreadable {
            what: "secret",
            detail: detail.into(),
        };
        let (nonce, msg) = sealed
            .split_at_checked(NONCE)
            .ok_or_else(|| unreadable("it is too short"))?;
        let payload = Payload { msg, aad: owner };
        let plain = self.0.decrypt(XNonce::from_slice(nonce), payload);
        plain
            .map(Zeroizing::new)
            .map_err(|_| unreadable("another key or another transfer"))
    }
}

const NONCE: usize = 24;
