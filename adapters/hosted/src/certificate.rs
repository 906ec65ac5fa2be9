//! Finality certificates as they are stored, served and checked outside consensus.

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};

use crate::scheme::{VoteKind, VoteSignature, vote_digest};

/// A quorum's finalization votes for one block.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct FinalityCertificate {
    /// Epoch of the votes.
    pub epoch: u64,
    /// View of the votes.
    pub view: u64,
    /// View of the parent.
    pub parent_view: u64,
    /// The block.
    pub block_hash: B256,
    /// Indices into the epoch's set, ascending.
    pub signers: Vec<u16>,
    /// `r | s | v` of each signer, in the same order.
    pub signatures: Vec<Bytes>,
}

/// Why a certificate proves nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Fewer than 2f+1 signers.
    #[error("{got} signers, a set of {size} needs {needed}")]
    Quorum {
        /// Signers in the certificate.
        got: usize,
        /// Signers needed.
        needed: usize,
        /// Validators in the set.
        size: usize,
    },
    /// Signers not ascending, not in the set, or not one signature each.
    #[error("signers must be ascending, below {size}, and have one signature each")]
    Signers {
        /// Validators in the set.
        size: usize,
    },
    /// One signature is not the signer's.
    #[error("signature {index} is not of validator {expected}")]
    Signature {
        /// Its place in the certificate.
        index: usize,
        /// Whose it must be.
        expected: Address,
    },
    /// The set is too small to tolerate a fault.
    #[error("a set of {0} validators tolerates no fault, at least 4 are needed")]
    SetTooSmall(usize),
}

impl FinalityCertificate {
    /// Checks the certificate against the vote addresses of its epoch, in the order of the `ValidatorSet` contract.
    ///
    /// # Errors
    /// Names the first thing that is wrong.
    pub fn verify(&self, domain: B256, set: &[Address]) -> Result<(), CertificateError> {
        let size = set.len();
        if size < crate::spec::MIN_VALIDATORS {
            return Err(CertificateError::SetTooSmall(size));
        }
        let needed = size - (size - 1) / 3;
        if self.signers.len() < needed {
            return Err(CertificateError::Quorum {
                got: self.signers.len(),
                needed,
                size,
            });
        }
        let ascending = self.signers.windows(2).all(|pair| pair[0] < pair[1]);
        let within = self.signers.iter().all(|i| usize::from(*i) < size);
        if !ascending || !within || self.signers.len() != self.signatures.len() {
            return Err(CertificateError::Signers { size });
        }
        let digest = vote_digest(
            domain,
            VoteKind::Finalize,
            self.epoch,
            self.view,
            self.parent_view,
            self.block_hash,
        );
        for (index, (signer, signature)) in self.signers.iter().zip(&self.signatures).enumerate() {
            let expected = set[usize::from(*signer)];
            let signature = <[u8; 65]>::try_from(signature.as_ref())
                .ok()
                .map(VoteSignature);
            if signature.and_then(|s| s.recover(digest)) != Some(expected) {
                return Err(CertificateError::Signature { index, expected });
            }
        }
        Ok(())
    }

    /// The stored form: RLP.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::new();
        self.encode(&mut out);
        out.into()
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// Fails on anything that is not exactly one certificate.
    pub fn from_bytes(mut raw: &[u8]) -> Result<Self, alloy_rlp::Error> {
        let certificate = Self::decode(&mut raw)?;
        if raw.is_empty() {
            Ok(certificate)
        } else {
            Err(alloy_rlp::Error::UnexpectedLength)
        }
    }
}

/// Proof that a block is final: a certificate for it or for a descendant, and the headers that lead from one to the other.
///
/// Consensus finalises a block together with its ancestors, so not every block has a certificate of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalityProof {
    /// The certificate.
    pub certificate: FinalityCertificate,
    /// Headers from the block itself to the certified one, each the parent of the next; one header when the block has
    /// its own certificate.
    pub headers: Vec<Header>,
}

impl FinalityProof {
    /// Checks the certificate and that the headers connect `block` to it.
    ///
    /// # Errors
    /// Names what is wrong with the certificate; headers that do not connect are a signer error of their own.
    pub fn verify(
        &self,
        block: B256,
        domain: B256,
        set: &[Address],
    ) -> Result<(), FinalityProofError> {
        let hashes: Vec<B256> = self.headers.iter().map(Header::hash_slow).collect();
        let linked = self
            .headers
            .iter()
            .skip(1)
            .zip(&hashes)
            .all(|(child, parent)| child.parent_hash == *parent);
        if hashes.first() != Some(&block)
            || hashes.last() != Some(&self.certificate.block_hash)
            || !linked
        {
            return Err(FinalityProofError::Headers {
                block,
                certified: self.certificate.block_hash,
            });
        }
        Ok(self.certificate.verify(domain, set)?)
    }
}

/// Why a finality proof proves nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FinalityProofError {
    /// The headers do not lead from the block to the certified one.
    #[error("the headers do not lead from block {block} to the certified block {certified}")]
    Headers {
        /// The block to be proved.
        block: B256,
        /// The block the certificate is for.
        certified: B256,
    },
    /// The certificate itself is wrong.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}
