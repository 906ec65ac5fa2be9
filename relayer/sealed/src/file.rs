//! The sealed file: `01 | nonce (24) | XChaCha20-Poly1305(salt (32) | content)`, bound to chain, contract and owner.

use alloy_primitives::{Address, B256, keccak256};
use alloy_sol_types::SolValue as _;
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use hpke::rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{ContentKey, OpenError, Points, PublicKey, SealError, SealedKey, dealt::deal};

/// Largest content, bytes.
pub const MAX_CONTENT: usize = 1024 * 1024;
/// Largest file, bytes; the contract's bound.
pub const MAX_FILE: usize = MAX_CONTENT + 1024;

const VERSION: u8 = 1;
const NONCE: usize = 24;
const SALT: usize = 32;

/// Where a content is registered, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The chain.
    pub chain: u64,
    /// The `SealedContent` there.
    pub contract: Address,
    /// Who registers it.
    pub owner: Address,
}

impl Place {
    /// The id of the content in a file of this digest, as `SealedContent.idOf`.
    pub fn id_of(&self, digest: B256) -> B256 {
        let chain = alloy_primitives::U256::from(self.chain);
        keccak256((chain, self.contract, self.owner, digest).abi_encode())
    }

    fn bound(&self) -> Vec<u8> {
        let chain = self.chain.to_be_bytes();
        [
            b"causeway sealed content v1".as_slice(),
            &chain,
            self.contract.as_slice(),
            self.owner.as_slice(),
        ]
        .concat()
    }
}

/// A content, sealed.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// Its id.
    pub content: B256,
    /// The file.
    pub file: Vec<u8>,
    /// SHA-256 of the file.
    pub digest: B256,
    /// What the plain content answers to.
    pub commitment: B256,
    /// Commitments to the shares.
    pub points: Points,
    /// The key sealed for each party, in their order.
    pub wholes: Vec<SealedKey>,
    /// A share sealed for each holder, in their order.
    pub shares: Vec<SealedKey>,
}

/// Seals a content: `needed` of the holders open it together, each party alone.
///
/// # Errors
/// See [`SealError`].
pub fn seal(
    place: &Place,
    content: &[u8],
    needed: u32,
    parties: &[(Address, PublicKey)],
    holders: &[(u32, PublicKey)],
    rng: &mut impl CryptoRng,
) -> Result<Sealed, SealError> {
    if content.is_empty() || content.len() > MAX_CONTENT {
        return Err(SealError::Size {
            got: content.len(),
            max: MAX_CONTENT,
        });
    }
    let dealt = deal(needed, holders.len(), rng)?;
    let mut salted = Zeroizing::new(vec![0; SALT]);
    rng.fill_bytes(&mut salted);
    salted.extend_from_slice(content);
    let mut nonce = [0; NONCE];
    rng.fill_bytes(&mut nonce);
    let bound = place.bound();
    let payload = Payload {
        msg: &salted,
        aad: &bound,
    };
    let encrypted = cipher(&dealt.key).encrypt(XNonce::from_slice(&nonce), payload);
    let encrypted = encrypted.map_err(|_| SealError::Cipher)?;
    let file = [&[VERSION], nonce.as_slice(), &encrypted].concat();
    let digest = digest_of(&file);
    let id = place.id_of(digest);
    let wholes = parties.iter().map(|party| dealt.whole(id, *party, rng));
    let wholes = wholes.collect::<Result<_, _>>()?;
    let shares = (1..).zip(holders);
    let shares = shares.map(|(number, holder)| dealt.share(id, number, *holder, rng));
    Ok(Sealed {
        content: id,
        digest,
        commitment: commitment(&salted),
        wholes,
        shares: shares.collect(),
        points: dealt.points,
        file,
    })
}

/// Opens a file whose digest and commitment the chain tells.
///
/// # Errors
/// See [`OpenError`].
pub fn open_file(
    place: &Place,
    file: &[u8],
    key: &ContentKey,
    (digest, expected): (B256, B256),
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let got = digest_of(file);
    if got != digest {
        return Err(OpenError::Digest {
            expected: digest,
            got,
        });
    }
    let rest = file.strip_prefix(&[VERSION]).ok_or(OpenError::Format)?;
    let (nonce, msg) = rest.split_at_checked(NONCE).ok_or(OpenError::Format)?;
    let bound = place.bound();
    let payload = Payload { msg, aad: &bound };
    let opened = cipher(key).decrypt(XNonce::from_slice(nonce), payload);
    let mut salted = Zeroizing::new(opened.map_err(|_| OpenError::Key)?);
    let got = commitment(&salted);
    if got != expected {
        return Err(OpenError::Commitment { expected, got });
    }
    if salted.len() < SALT {
        return Err(OpenError::Format);
    }
    Ok(Zeroizing::new(salted.split_off(SALT)))
}

fn cipher(key: &ContentKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&*key.cipher()).into())
}

fn digest_of(file: &[u8]) -> B256 {
    B256::from(<[u8; 32]>::from(Sha256::digest(file)))
}

fn commitment(salted: &[u8]) -> B256 {
    let mut hash = Sha256::new();
    hash.update(b"causeway sealed commitment v1");
    hash.update(salted);
    B256::from(<[u8; 32]>::from(hash.finalize()))
}
