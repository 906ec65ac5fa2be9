//! Keys that other keys are sealed to.

use std::fmt;

use alloy_primitives::B256;
use hpke::{
    Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _, aead::ChaCha20Poly1305,
    kdf::HkdfSha256, kem::X25519HkdfSha256 as Kem, rand_core::CryptoRng,
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::ShareError;

/// Bytes of a sealed key: encapsulated key, 32 bytes, tag.
pub const SEALED_KEY: usize = ENCAPSULATED + SECRET + 16;
const ENCAPSULATED: usize = 32;
pub(crate) const SECRET: usize = 32;
/// Which words HPKE binds everything to.
const INFO: &[u8] = b"causeway sealed key v1";

/// 32 secret bytes, sealed.
pub type SealedKey = [u8; SEALED_KEY];

/// A public sealing key, as it is published. That it takes anything shows only when something is sealed to it.
pub type PublicKey = B256;

/// A private sealing key. Never printed.
#[derive(Clone)]
pub struct SealingKey {
    private: <Kem as hpke::Kem>::PrivateKey,
    public: PublicKey,
}

impl SealingKey {
    /// The sealing key of an account: derived from its secp256k1 key, about which it tells nothing. Who has the account's
    /// keystore has it.
    pub fn of_account(secret: &[u8; 32]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"causeway sealing key v1");
        hash.update(secret);
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(hash.finalize().into());
        let (private, public) = Kem::derive_keypair(seed.as_slice());
        Self {
            private,
            public: B256::from_slice(&public.to_bytes()),
        }
    }

    /// What others seal to.
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// Opens what was sealed to this key for this purpose.
    pub(crate) fn open(
        &self,
        purpose: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<[u8; SECRET]>, ShareError> {
        let refused = |_| ShareError::NotForThisKey;
        let (encapsulated, rest) = sealed
            .split_at_checked(ENCAPSULATED)
            .ok_or(ShareError::NotForThisKey)?;
        let encapsulated =
            <Kem as hpke::Kem>::EncappedKey::from_bytes(encapsulated).map_err(refused)?;
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, Kem>(
            &OpModeR::Base,
            &self.private,
            &encapsulated,
            INFO,
            rest,
            purpose,
        );
        let opened = Zeroizing::new(opened.map_err(refused)?);
        let secret = <[u8; SECRET]>::try_from(opened.as_slice());
        Ok(Zeroizing::new(
            secret.map_err(|_| ShareError::NotForThisKey)?,
        ))
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SealingKey").field(&self.public).finish()
    }
}

/// Seals 32 bytes to a key for a purpose.
pub(crate) fn seal_to(
    key: PublicKey,
    purpose: &[u8],
    secret: &[u8; SECRET],
    rng: &mut impl CryptoRng,
) -> Result<SealedKey, ShareError> {
    let refused = |_| ShareError::Recipient;
    let key = <Kem as hpke::Kem>::PublicKey::from_bytes(key.as_slice()).map_err(refused)?;
    let (encapsulated, rest) =
        hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, Kem>(
            &OpModeS::Base,
            &key,
            INFO,
            secret,
            purpose,
            rng,
        )
        .map_err(refused)?;
    let whole = [encapsulated.to_bytes().as_slice(), &rest].concat();
    SealedKey::try_from(whole.as_slice()).map_err(|_| ShareError::Recipient)
}
