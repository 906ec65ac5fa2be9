//! Votes and certificates of consensus, in a form another chain's contract checks with `ecrecover`.
//!
//! A vote is a 65-byte recoverable secp256k1 signature `r | s | v` (v = 27 or 28, low s) over
//!
//! ```text
//! keccak256(abi.encode(bytes32 domain, uint256 kind, uint256 epoch, uint256 view, uint256 parentView, bytes32 blockHash))
//! ```
//!
//! with kind 0 for a notarization, 1 for a nullification (parentView and blockHash zero) and 2 for a finalization. The
//! domain is `keccak256(abi.encode("causeway.finality.v1", chainId, genesisHash))`, so a vote means nothing on another chain.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::SolValue;
use bytes::BufMut;
use commonware_codec::{
    Buf, Copying, DecodeExt, EncodeSize, Error, FixedSize, Read, ReadRangeExt, Write,
};
use commonware_consensus::{
    Epochable, Viewable,
    simplex::types::{Finalization, Proposal, Subject},
    types::{Epoch, Round, View},
};
use commonware_cryptography::{
    Digest,
    certificate::{
        AssemblyError, Attestation, Membership, Scheme as CertificateScheme, Signers, Verification,
        Verifier, verify_then_assemble,
    },
    ed25519::PublicKey,
    sha256::Digest as Sha256Digest,
};
use commonware_parallel::Strategy;
use commonware_utils::{
    N3f1, Participant, TryCollect,
    iter::NonEmpty,
    ordered::{Quorum, Set},
};
use rand_core::CryptoRng;
use secp256k1::{
    Message, SECP256K1, SecretKey,
    ecdsa::{RecoverableSignature, RecoveryId},
};

use crate::{certificate::FinalityCertificate, spec::ValidatorEntry};

/// What a vote is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum VoteKind {
    /// The block may follow its parent.
    Notarize = 0,
    /// The view passes without a block.
    Nullify = 1,
    /// The block is final.
    Finalize = 2,
}

/// Domain of every vote of one chain.
pub fn domain(chain_id: u64, genesis: B256) -> B256 {
    keccak256(("causeway.finality.v1".to_owned(), chain_id, genesis).abi_encode_params())
}

/// The 32 bytes a vote signs.
pub fn vote_digest(
    domain: B256,
    kind: VoteKind,
    epoch: u64,
    view: u64,
    parent_view: u64,
    block: B256,
) -> B256 {
    keccak256(
        (
            domain,
            U256::from(kind as u8),
            epoch,
            view,
            parent_view,
            block,
        )
            .abi_encode(),
    )
}

/// Ethereum address of a vote key.
pub fn address_of(key: &SecretKey) -> Address {
    let public = key.public_key(SECP256K1).serialize_uncompressed();
    Address::from_raw_public_key(&public[1..])
}

/// The ed25519 key of a validator's connections, if these bytes are one.
pub fn network_key(bytes: B256) -> Option<PublicKey> {
    PublicKey::decode(Copying(bytes.as_slice())).ok()
}

/// One vote's signature: `r | s | v`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct VoteSignature(pub [u8; 65]);

impl VoteSignature {
    /// Who signed `digest`, or `None` when the signature is not one of canonical form.
    pub fn recover(&self, digest: B256) -> Option<Address> {
        let (compact, v) = self.0.split_at(64);
        let id = RecoveryId::try_from(i32::from(v[0]).checked_sub(27)?).ok()?;
        if i32::from(id) > 1 {
            return None; // `ecrecover` knows 27 and 28 alone.
        }
        let signature = RecoverableSignature::from_compact(compact, id).ok()?;
        let mut low = signature.to_standard();
        low.normalize_s();
        if low != signature.to_standard() {
            return None; // High s: the same vote in a second form.
        }
        let public = SECP256K1
            .recover_ecdsa(Message::from_digest(digest.0), &signature)
            .ok()?;
        Some(Address::from_raw_public_key(
            &public.serialize_uncompressed()[1..],
        ))
    }

    fn sign(digest: B256, key: &SecretKey) -> Self {
        let signature = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest.0), key);
        let (id, compact) = signature.serialize_compact();
        let mut out = [0; 65];
        out[..64].copy_from_slice(&compact);
        out[64] = 27 + i32::from(id) as u8;
        Self(out)
    }
}

impl FixedSize for VoteSignature {
    const SIZE: usize = 65;
}

impl Write for VoteSignature {
    fn write(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.0);
    }
}

impl Read for VoteSignature {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        if buf.remaining() < Self::SIZE {
            return Err(Error::EndOfBuffer);
        }
        let mut out = [0; Self::SIZE];
        buf.copy_to_slice(&mut out);
        Ok(Self(out))
    }
}

/// A quorum's votes for one subject: who signed, and the signatures in the order of the set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Certificate {
    /// Bitmap over the set.
    pub signers: Signers,
    /// One signature per set bit, in order.
    pub signatures: Vec<VoteSignature>,
}

impl Write for Certificate {
    fn write(&self, buf: &mut impl BufMut) {
        self.signers.write(buf);
        self.signatures.write(buf);
    }
}

impl EncodeSize for Certificate {
    fn encode_size(&self) -> usize {
        self.signers.encode_size() + self.signatures.encode_size()
    }
}

impl Read for Certificate {
    type Cfg = usize;

    fn read_cfg(buf: &mut impl Buf, participants: &usize) -> Result<Self, Error> {
        let signers = Signers::read_cfg(buf, participants)?;
        let signatures = Vec::<VoteSignature>::read_range(buf, ..=*participants)?;
        if signers.count() == 0 || signers.count() != signatures.len() {
            return Err(Error::Invalid(
                "Certificate",
                "as many signatures as signers, at least one",
            ));
        }
        Ok(Self {
            signers,
            signatures,
        })
    }
}

/// The votes of one set of validators, as the consensus library needs them.
#[derive(Clone, Debug)]
pub struct Scheme {
    members: Set<PublicKey>,
    addresses: Vec<Address>,
    signer: Option<(Participant, SecretKey)>,
    domain: B256,
    /// Place of each member in the `ValidatorSet` contract, whose order is not the library's.
    places: Vec<u16>,
}

impl Scheme {
    /// A scheme for the validators of one epoch, in the order of the `ValidatorSet` contract. With a key whose address is
    /// among them the scheme signs, else it only verifies. `None` when a network key is not one, or stands twice.
    pub fn new(
        domain: B256,
        validators: &[ValidatorEntry],
        key: Option<SecretKey>,
    ) -> Option<Self> {
        let keys: Vec<PublicKey> = validators
            .iter()
            .map(|v| network_key(v.network))
            .collect::<Option<_>>()?;
        let members: Set<PublicKey> = keys.iter().cloned().try_collect().ok()?;
        let places: Vec<u16> = members
            .iter()
            .map(|member| {
                keys.iter()
                    .position(|k| k == member)
                    .and_then(|p| u16::try_from(p).ok())
            })
            .collect::<Option<_>>()?;
        let addresses: Vec<Address> = places
            .iter()
            .map(|p| validators[usize::from(*p)].vote)
            .collect();
        let signer = key.and_then(|key| {
            let me = address_of(&key);
            let index = addresses.iter().position(|a| *a == me)?;
            Some((Participant::from_usize(index), key))
        });
        Some(Self {
            members,
            addresses,
            signer,
            domain,
            places,
        })
    }

    /// The certificate of a finalization in the form other chains check: indices in the order of the contract.
    pub fn finality<D: Digest>(
        &self,
        proposal: &Proposal<D>,
        certificate: &Certificate,
    ) -> FinalityCertificate {
        let mut votes: Vec<(u16, Bytes)> = certificate
            .signers
            .iter()
            .zip(&certificate.signatures)
            .filter_map(|(signer, signature)| {
                Some((
                    *self.places.get(usize::from(signer))?,
                    Bytes::copy_from_slice(&signature.0),
                ))
            })
            .collect();
        votes.sort_by_key(|(place, _)| *place);
        let (signers, signatures) = votes.into_iter().unzip();
        FinalityCertificate {
            epoch: proposal.round.epoch().get(),
            view: proposal.round.view().get(),
            parent_view: proposal.parent.get(),
            block_hash: B256::from_slice(&proposal.payload),
            signers,
            signatures,
        }
    }

    /// The other way: a certificate as the consensus library takes it. `None` when its signers are not this set's.
    pub fn finalization(
        &self,
        certificate: &FinalityCertificate,
    ) -> Option<Finalization<Self, Sha256Digest>> {
        let mut votes = Vec::new();
        for (place, signature) in certificate.signers.iter().zip(&certificate.signatures) {
            let index = self.places.iter().position(|p| p == place)?;
            let signature = VoteSignature(signature.as_ref().try_into().ok()?);
            votes.push((Participant::from_usize(index), signature));
        }
        votes.sort_by_key(|(signer, _)| *signer);
        let (signers, signatures): (Vec<_>, Vec<_>) = votes.into_iter().unzip();
        Some(Finalization {
            proposal: Proposal::new(
                Round::new(Epoch::new(certificate.epoch), View::new(certificate.view)),
                View::new(certificate.parent_view),
                Sha256Digest(certificate.block_hash.0),
            ),
            certificate: Certificate {
                signers: Signers::try_from((&self.members, signers)).ok()?,
                signatures,
            },
        })
    }

    /// Address of the vote key of a member, by its network key.
    pub fn address_of_member(&self, member: &PublicKey) -> Option<Address> {
        let index = self.members.iter().position(|m| m == member)?;
        self.addresses.get(index).copied()
    }

    /// Whether this is the address of a member's vote key.
    pub fn has_voter(&self, address: Address) -> bool {
        self.addresses.contains(&address)
    }

    /// Domain of the votes.
    pub const fn domain(&self) -> B256 {
        self.domain
    }

    fn digest<D: Digest>(&self, subject: &Subject<'_, D>) -> B256 {
        match subject {
            Subject::Notarize { proposal } | Subject::Finalize { proposal } => {
                let kind = match subject {
                    Subject::Notarize { .. } => VoteKind::Notarize,
                    _ => VoteKind::Finalize,
                };
                vote_digest(
                    self.domain,
                    kind,
                    proposal.round.epoch().get(),
                    proposal.round.view().get(),
                    proposal.parent.get(),
                    B256::from_slice(&proposal.payload),
                )
            }
            Subject::Nullify { round } => vote_digest(
                self.domain,
                VoteKind::Nullify,
                round.epoch().get(),
                round.view().get(),
                0,
                B256::ZERO,
            ),
        }
    }

    fn signed_by(&self, digest: B256, signature: &VoteSignature, signer: Participant) -> bool {
        let expected = self.addresses.get(usize::from(signer));
        expected.is_some() && signature.recover(digest).as_ref() == expected
    }
}

impl Verifier for Scheme {
    type Subject<'a, D: Digest> = Subject<'a, D>;
    type Faults = N3f1;
    type PublicKey = PublicKey;
    type Certificate = Certificate;

    fn verify_certificate<R: CryptoRng, D: Digest>(
        &self,
        _: &mut R,
        subject: Subject<'_, D>,
        certificate: &Certificate,
        _: &impl Strategy,
    ) -> bool {
        if certificate.signers.len() != self.members.len()
            || certificate.signers.count() != certificate.signatures.len()
            || certificate.signers.count() < self.members.quorum::<N3f1>() as usize
        {
            return false;
        }
        let digest = self.digest(&subject);
        certificate
            .signers
            .iter()
            .zip(&certificate.signatures)
            .all(|(signer, signature)| self.signed_by(digest, signature, signer))
    }

    fn is_batchable() -> bool {
        false
    }

    fn max_certificate_size(participants: u32) -> usize {
        let participants = participants as usize;
        participants * VoteSignature::SIZE + participants / 8 + 32
    }

    fn certificate_codec_config(&self) -> usize {
        self.members.len()
    }

    fn certificate_codec_config_unbounded() -> usize {
        crate::spec::MAX_VALIDATORS
    }
}

impl CertificateScheme for Scheme {
    type Signature = VoteSignature;

    fn me(&self) -> Option<Membership> {
        self.signer
            .as_ref()
            .map(|(index, _)| Membership::Signer(*index))
    }

    fn participants(&self) -> &Set<PublicKey> {
        &self.members
    }

    fn sign<D: Digest>(&self, subject: Subject<'_, D>) -> Option<Attestation<Self>> {
        let (signer, key) = self.signer.as_ref()?;
        let signature = VoteSignature::sign(self.digest(&subject), key);
        Some(Attestation {
            signer: *signer,
            signature: signature.into(),
        })
    }

    fn verify_attestation<R: CryptoRng, D: Digest>(
        &self,
        _: &mut R,
        subject: Subject<'_, D>,
        attestation: &Attestation<Self>,
        _: &impl Strategy,
    ) -> bool {
        let Some(signature) = attestation.signature.get() else {
            return false;
        };
        self.signed_by(self.digest(&subject), signature, attestation.signer)
    }

    fn optimistic_assemble<'a, R, D, I, J>(
        &self,
        rng: &mut R,
        subject: Subject<'_, D>,
        pending: I,
        verified: J,
        strategy: &impl Strategy,
    ) -> Result<Certificate, Verification<Self>>
    where
        R: CryptoRng,
        D: Digest,
        I: IntoIterator<Item = Attestation<Self>>,
        I::IntoIter: ExactSizeIterator + Send,
        J: IntoIterator<Item = &'a Attestation<Self>>,
        J::IntoIter: Send,
    {
        verify_then_assemble::<Self, _, D, _, _>(self, rng, subject, pending, verified, strategy)
    }

    fn assemble<I>(
        &self,
        attestations: NonEmpty<I>,
        _: &impl Strategy,
    ) -> Result<Certificate, AssemblyError>
    where
        I: Iterator<Item = Attestation<Self>> + Send,
    {
        let mut votes = Vec::new();
        for Attestation { signer, signature } in attestations {
            let signature = signature
                .get()
                .cloned()
                .ok_or(AssemblyError::MalformedSignature(signer))?;
            votes.push((signer, signature));
        }
        votes.sort_by_key(|(signer, _)| *signer);
        let (signers, signatures): (Vec<_>, Vec<_>) = votes.into_iter().unzip();
        let signers = Signers::try_from((&self.members, signers))?;
        let quorum = self.members.quorum::<N3f1>();
        let count = signers.count() as u32;
        if count < quorum {
            return Err(AssemblyError::InsufficientAttestations(quorum, count));
        }
        Ok(Certificate {
            signers,
            signatures,
        })
    }

    fn is_attributable() -> bool {
        true
    }
}
