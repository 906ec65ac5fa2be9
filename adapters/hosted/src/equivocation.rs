//! Evidence that a validator signed two votes that exclude each other, as the `Election` contract checks it.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes};
use causeway_contracts::Election;
use commonware_codec::{Encode as _, ReadExt as _};
use commonware_consensus::simplex::types::{Activity, Finalize, Notarize, Nullify, Proposal};
use commonware_cryptography::{certificate::Attestation, sha256::Digest};
use parking_lot::Mutex;

use crate::{
    scheme::{Scheme, VoteKind, VoteSignature, vote_digest},
    spec::MAX_VALIDATORS,
};

/// One signed vote of consensus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedVote {
    /// What for.
    pub kind: VoteKind,
    /// Epoch.
    pub epoch: u64,
    /// View.
    pub view: u64,
    /// View of the parent; zero for a nullification.
    pub parent_view: u64,
    /// The block; zero for a nullification.
    pub block: B256,
    /// `r | s | v`.
    pub signature: Bytes,
}

impl SignedVote {
    /// Who signed, or `None` when the signature is none.
    pub fn signer(&self, domain: B256) -> Option<Address> {
        let signature = VoteSignature(<[u8; 65]>::try_from(self.signature.as_ref()).ok()?);
        signature.recover(vote_digest(
            domain,
            self.kind,
            self.epoch,
            self.view,
            self.parent_view,
            self.block,
        ))
    }

    /// As the contract takes it.
    fn to_contract(&self) -> Election::ConsensusVote {
        Election::ConsensusVote {
            kind: self.kind as u8,
            epoch: self.epoch,
            viewNumber: self.view,
            parentView: self.parent_view,
            blockHash: self.block,
            signature: self.signature.clone(),
        }
    }

    fn on(
        kind: VoteKind,
        proposal: &Proposal<Digest>,
        attestation: &Attestation<Scheme>,
    ) -> Option<Self> {
        Some(Self {
            kind,
            epoch: proposal.round.epoch().get(),
            view: proposal.round.view().get(),
            parent_view: proposal.parent.get(),
            block: B256::from_slice(&proposal.payload),
            signature: Bytes::copy_from_slice(&attestation.signature.get()?.0),
        })
    }

    fn notarize(vote: &Notarize<Scheme, Digest>) -> Option<Self> {
        Self::on(VoteKind::Notarize, &vote.proposal, &vote.attestation)
    }

    fn finalize(vote: &Finalize<Scheme, Digest>) -> Option<Self> {
        Self::on(VoteKind::Finalize, &vote.proposal, &vote.attestation)
    }

    fn nullify(vote: &Nullify<Scheme>) -> Option<Self> {
        Some(Self {
            kind: VoteKind::Nullify,
            epoch: vote.round.epoch().get(),
            view: vote.round.view().get(),
            parent_view: 0,
            block: B256::ZERO,
            signature: Bytes::copy_from_slice(&vote.attestation.signature.get()?.0),
        })
    }
}

/// Two votes of one validator that exclude each other. Checked: both signatures are its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equivocation {
    /// Address of its vote key.
    pub validator: Address,
    /// One vote.
    pub first: SignedVote,
    /// The other.
    pub second: SignedVote,
}

impl Equivocation {
    /// The call that has the culprit slashed. Anybody may send it.
    pub fn report_call(&self) -> Election::reportCall {
        Election::reportCall {
            first: self.first.to_contract(),
            second: self.second.to_contract(),
        }
    }

    /// What an activity of consensus proves against one of the scheme's members; `None` for everything else, and for
    /// evidence that does not hold: the engine hands it out unchecked.
    pub fn of(scheme: &Scheme, activity: &Activity<Scheme, Digest>) -> Option<Self> {
        // The library shows the two votes only in their encoding.
        let (first, second) = match activity {
            Activity::ConflictingNotarize(evidence) => {
                let mut bytes = evidence.encode();
                let first = Notarize::<Scheme, Digest>::read(&mut bytes).ok()?;
                let second = Notarize::<Scheme, Digest>::read(&mut bytes).ok()?;
                (
                    SignedVote::notarize(&first)?,
                    SignedVote::notarize(&second)?,
                )
            }
            Activity::ConflictingFinalize(evidence) => {
                let mut bytes = evidence.encode();
                let first = Finalize::<Scheme, Digest>::read(&mut bytes).ok()?;
                let second = Finalize::<Scheme, Digest>::read(&mut bytes).ok()?;
                (
                    SignedVote::finalize(&first)?,
                    SignedVote::finalize(&second)?,
                )
            }
            Activity::NullifyFinalize(evidence) => {
                let mut bytes = evidence.encode();
                let first = Nullify::<Scheme>::read(&mut bytes).ok()?;
                let second = Finalize::<Scheme, Digest>::read(&mut bytes).ok()?;
                (SignedVote::nullify(&first)?, SignedVote::finalize(&second)?)
            }
            _ => return None,
        };
        let validator = first.signer(scheme.domain())?;
        let of_the_set = scheme.has_voter(validator);
        (of_the_set && second.signer(scheme.domain()) == Some(validator)).then_some(Self {
            validator,
            first,
            second,
        })
    }
}

/// What the validators of this process know against others: one piece of evidence for each culprit, which is as much as
/// can be punished. In memory alone: whoever restarts has forgotten it, the others have not.
#[derive(Debug, Default)]
pub struct Convictions(Mutex<BTreeMap<Address, Equivocation>>);

impl Convictions {
    /// Keeps evidence; false when there is some against this validator already, or no room.
    pub fn add(&self, found: Equivocation) -> bool {
        let mut known = self.0.lock();
        let new = known.len() < MAX_VALIDATORS && !known.contains_key(&found.validator);
        if new {
            known.insert(found.validator, found);
        }
        new
    }

    /// All there is.
    pub fn all(&self) -> Vec<Equivocation> {
        self.0.lock().values().cloned().collect()
    }

    /// Drops what was dealt with.
    pub fn forget(&self, validator: Address) {
        self.0.lock().remove(&validator);
    }
}
