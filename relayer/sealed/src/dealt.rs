//! A content's key, dealt: the whole to each party, a share to each holder, and the way back.

use std::{fmt, num::NonZeroU32};

use alloy_primitives::{Address, B256};
use commonware_codec::{Copying, Decode as _, Encode as _, RangeCfg};
use commonware_cryptography::bls12381::primitives::group::{G1, Scalar, ScalarReadCfg};
use commonware_math::{
    algebra::CryptoGroup as _,
    poly::{Interpolator, Poly},
};
use commonware_parallel::Sequential;
use commonware_utils::ordered::Map;
use hpke::rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{
    PublicKey, SealError, SealedKey, SealingKey, ShareError,
    key::{SEALED_KEY, SECRET, seal_to},
};

/// Bytes of a commitment: a compressed point of G1.
const POINT: usize = 48;

/// The key of one content. Never printed; wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct ContentKey(Scalar);

impl ContentKey {
    /// The key of the file's cipher.
    pub(crate) fn cipher(&self) -> Zeroizing<[u8; 32]> {
        let mut hash = Sha256::new();
        hash.update(b"causeway content key v1");
        hash.update(secret(&self.0).as_slice());
        Zeroizing::new(hash.finalize().into())
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(..)")
    }
}

/// Commitments to the polynomial of a content's shares: `needed` of them open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Points {
    poly: Poly<G1>,
    needed: NonZeroU32,
}

impl Points {
    /// Reads the commitments as the chain has them.
    ///
    /// # Errors
    /// [`ShareError::Points`] when these are not so many points of the curve.
    pub fn read(bytes: &[u8], needed: u32) -> Result<Self, ShareError> {
        let refused = || ShareError::Points { needed };
        let count = NonZeroU32::new(needed).ok_or_else(refused)?;
        if Some(bytes.len())
            != usize::try_from(needed)
                .ok()
                .and_then(|n| n.checked_mul(POINT))
        {
            return Err(refused());
        }
        // The library writes how many there are before them.
        let count_bytes = (bytes.len() / POINT).encode();
        let whole = [count_bytes.as_ref(), bytes].concat();
        let poly = Poly::<G1>::decode_cfg(whole, &(RangeCfg::exact(count), ()));
        Ok(Self {
            poly: poly.map_err(|_| refused())?,
            needed: count,
        })
    }

    /// The commitments as the chain keeps them.
    pub fn bytes(&self) -> Vec<u8> {
        let whole = self.poly.encode();
        let points = self.needed.get() as usize * POINT;
        whole[whole.len() - points..].to_vec()
    }

    /// Shares that open the content.
    pub const fn needed(&self) -> u32 {
        self.needed.get()
    }

    fn are_for(&self, share: &Scalar, number: u32) -> bool {
        G1::generator() * share == self.poly.eval(&Scalar::from(u64::from(number)))
    }
}

/// What a new content's key is dealt into.
pub(crate) struct Dealt {
    pub(crate) key: ContentKey,
    pub(crate) points: Points,
    poly: Poly<Scalar>,
}

/// Draws a key and the polynomial of its shares.
pub(crate) fn deal(
    needed: u32,
    holders: usize,
    rng: &mut impl CryptoRng,
) -> Result<Dealt, SealError> {
    let count = NonZeroU32::new(needed).filter(|n| n.get() >= 2 && n.get() as usize <= holders);
    let count = count.ok_or(SealError::Threshold { needed, holders })?;
    let poly = Poly::<Scalar>::new(rng, needed - 1);
    let points = Points {
        poly: Poly::commit(poly.clone()),
        needed: count,
    };
    Ok(Dealt {
        key: ContentKey(poly.constant().clone()),
        points,
        poly,
    })
}

impl Dealt {
    /// The key itself, sealed for a party.
    pub(crate) fn whole(
        &self,
        content: B256,
        (account, key): (Address, PublicKey),
        rng: &mut impl CryptoRng,
    ) -> Result<SealedKey, SealError> {
        let sealed = seal_to(key, &for_party(content, account), &secret(&self.key.0), rng);
        sealed.map_err(|_| SealError::PartyKey(account))
    }

    /// The share of the holder of this number, from 1 on. A holder whose key takes nothing gets zeros, so that nobody can
    /// keep others from sealing by publishing such a key.
    pub(crate) fn share(
        &self,
        content: B256,
        number: u32,
        (organisation, key): (u32, PublicKey),
        rng: &mut impl CryptoRng,
    ) -> SealedKey {
        let share = self.poly.eval(&Scalar::from(u64::from(number)));
        let sealed = seal_to(
            key,
            &for_holder(content, organisation),
            &secret(&share),
            rng,
        );
        sealed.unwrap_or([0; SEALED_KEY])
    }
}

/// A party's way to the key of a content.
///
/// # Errors
/// See [`ShareError`].
pub fn open_whole(
    key: &SealingKey,
    content: B256,
    account: Address,
    points: &Points,
    whole: &[u8],
) -> Result<ContentKey, ShareError> {
    let scalar = read(&*key.open(&for_party(content, account), whole)?)?;
    points
        .are_for(&scalar, 0)
        .then_some(ContentKey(scalar))
        .ok_or(ShareError::NotOnPolynomial)
}

/// A holder's share, sealed anew to whoever a vote opened the content to. Only a share that is right leaves.
///
/// # Errors
/// See [`ShareError`].
pub fn release(
    key: &SealingKey,
    holder: &Released<'_>,
    points: &Points,
    to: (u64, PublicKey),
    rng: &mut impl CryptoRng,
) -> Result<SealedKey, ShareError> {
    let (content, organisation) = (holder.content, holder.organisation);
    let share = read(&*key.open(&for_holder(content, organisation), holder.sealed)?)?;
    if !points.are_for(&share, holder.number) {
        return Err(ShareError::NotOnPolynomial);
    }
    let (grant, recipient) = to;
    let purpose = for_recipient(content, organisation, grant);
    seal_to(recipient, &purpose, &secret(&share), rng)
}

/// A sealed share, as the chain has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released<'a> {
    /// The content's id.
    pub content: B256,
    /// Whose share.
    pub organisation: u32,
    /// Its number among the holders, from 1 on.
    pub number: u32,
    /// The share, sealed.
    pub sealed: &'a [u8],
}

/// A released share that is no use, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadShare {
    /// Who released it.
    pub organisation: u32,
    /// What is wrong.
    pub why: ShareError,
}

/// The recipient's way to the key: opens what was released for a grant, leaves out and names what is wrong.
///
/// # Errors
/// [`ShareError::TooFew`] with fewer good shares than are needed; the bad ones come along in either case.
pub fn combine(
    key: &SealingKey,
    grant: u64,
    points: &Points,
    released: &[Released<'_>],
) -> (Result<ContentKey, ShareError>, Vec<BadShare>) {
    let mut good = Vec::new();
    let mut bad = Vec::new();
    for one in released {
        let opened = || {
            let purpose = for_recipient(one.content, one.organisation, grant);
            let share = read(&*key.open(&purpose, one.sealed)?)?;
            let fits = points.are_for(&share, one.number);
            fits.then_some(share).ok_or(ShareError::NotOnPolynomial)
        };
        match opened() {
            Ok(share) => good.push((one.number, share)),
            Err(why) => bad.push(BadShare {
                organisation: one.organisation,
                why,
            }),
        }
    }
    let mut shares = Map::from_iter_dedup(good);
    let needed = points.needed();
    if shares.len() < needed as usize {
        let good = shares.len();
        return (Err(ShareError::TooFew { good, needed }), bad);
    }
    // Any so many of them give the same key.
    shares.truncate(needed as usize);
    let places = shares
        .iter_pairs()
        .map(|(n, _)| (*n, Scalar::from(u64::from(*n))));
    let found = Interpolator::new(places).interpolate(&shares, &Sequential);
    let checked = found.filter(|scalar| points.are_for(scalar, 0));
    (
        checked.map(ContentKey).ok_or(ShareError::NotOnPolynomial),
        bad,
    )
}

fn secret(scalar: &Scalar) -> Zeroizing<[u8; SECRET]> {
    let mut bytes = Zeroizing::new([0; SECRET]);
    bytes.copy_from_slice(&Zeroizing::new(scalar.encode().to_vec()));
    bytes
}

fn read(bytes: &[u8]) -> Result<Scalar, ShareError> {
    // A share may be zero, though hardly ever.
    let read = Scalar::decode_cfg(Copying(bytes), &ScalarReadCfg::AllowZero);
    read.map_err(|_| ShareError::NotOnPolynomial)
}

/// What a sealed key is bound to, so that none serves for another purpose.
fn for_party(content: B256, account: Address) -> Vec<u8> {
    [b"party".as_slice(), content.as_slice(), account.as_slice()].concat()
}

fn for_holder(content: B256, organisation: u32) -> Vec<u8> {
    let organisation = organisation.to_be_bytes();
    [b"share".as_slice(), content.as_slice(), &organisation].concat()
}

fn for_recipient(content: B256, organisation: u32, grant: u64) -> Vec<u8> {
    let (organisation, grant) = (organisation.to_be_bytes(), grant.to_be_bytes());
    [
        b"grant".as_slice(),
        content.as_slice(),
        &organisation,
        &grant,
    ]
    .concat()
}
