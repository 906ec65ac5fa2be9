//! Evidence that a validator signed two votes that exclude each other, as the `Election` contract checks it.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes};
use bytes::Bytes as Buffer;
use commonware_codec::{Encode as _, ReadExt as _};
use commonware_consensus::{
    simplex::types::{Activity, Finalize, Notarize, Nullify, Proposal},
};
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
    /// What an activity of consensus proves against one of the scheme's members; `None` for everything else, and for
    /// evidence that does not hold: the engine hands it out unchecked.
    pub fn of(scheme: &Scheme, activity: &Activity<Scheme, Digest>) -> Option<Self> {
        // The library shows the two votes only in their encoding.
        let (first, second) = match activity {
            Activity::ConflictingNotarize(evidence) => {
                let mut bytes: Buffer = evidence.encode().into();
                let first = Notarize::<Scheme, Digest>::read(&mut bytes).ok()?;
                let second = Notarize::<Scheme, Digest>::read(&mut bytes).ok()?;
                (
                    SignedVote::notarize(&first)?,
                    SignedVote::notarize(&second)?,
                )
            }
            Activity::ConflictingFinalize(evidence) => {
                let mut bytes: Buffer = evidence.encode().into();
                let first = Finalize::<Scheme, Digest>::read(&mut bytes).ok()?;
                let second = Finalize::<Scheme, Digest>::read(&mut bytes).ok()?;
                (
                    SignedVote::finalize(&first)?,
                    SignedVote::finalize(&second)?,
                )
            }
            Activity::NullifyFinalize(evidence) => {
                let mut bytes: Buffer = evidence.encode().into();
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

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;
    use commonware_codec::{Copying, DecodeExt as _};
    use commonware_consensus::{
        simplex::types::{ConflictingFinalize, ConflictingNotarize, NullifyFinalize},
        types::{Epoch, Round, View},
    };
    use commonware_cryptography::{Signer as _, ed25519::PrivateKey};
    use secp256k1::SecretKey;

    use super::*;
    use crate::{scheme::address_of, spec::ValidatorEntry};

    fn key(index: usize) -> SecretKey {
        SecretKey::from_byte_array(keccak256(format!("vote {index}")).0).expect("a hash is a key")
    }

    /// The scheme of four validators, as the one of `index` has it.
    fn scheme(index: usize) -> Scheme {
        let validators: Vec<ValidatorEntry> = (0..4)
            .map(|i| {
                let seed = keccak256(format!("network {i}"));
                let network = PrivateKey::decode(Copying(seed.as_slice())).expect("a seed");
                ValidatorEntry {
                    vote: address_of(&key(i)),
                    network: B256::from_slice(network.public_key().as_ref()),
                    endpoint: "127.0.0.1:1".into(),
                }
            })
            .collect();
        Scheme::new(keccak256("domain"), &validators, Some(key(index))).expect("sound keys")
    }

    fn proposal(name: &str) -> Proposal<Digest> {
        let round = Round::new(Epoch::new(3), View::new(7));
        Proposal::new(round, View::new(6), Digest(keccak256(name).0))
    }

    #[test]
    fn two_notarizations_of_one_view_are_evidence() {
        let scheme = scheme(2);
        let votes =
            ["one", "other"].map(|name| Notarize::sign(&scheme, proposal(name)).expect("a member"));
        let [one, other] = votes;
        let activity = Activity::ConflictingNotarize(ConflictingNotarize::new(one, other));

        let found = Equivocation::of(&scheme, &activity).expect("evidence");

        assert_eq!(found.validator, address_of(&key(2)));
        assert_eq!(found.first.signer(scheme.domain()), Some(found.validator));
        assert_eq!(found.second.block, keccak256("other"));
        assert_eq!((found.first.epoch, found.first.view), (3, 7));
        assert_eq!(found.first.parent_view, 6);
    }

    #[test]
    fn two_finalizations_and_a_nullified_finalization_are_evidence() {
        let scheme = scheme(1);
        let one = Finalize::sign(&scheme, proposal("one")).expect("a member");
        let other = Finalize::sign(&scheme, proposal("other")).expect("a member");
        let passed = Nullify::sign::<Digest>(&scheme, one.proposal.round).expect("a member");

        let twice = Activity::ConflictingFinalize(ConflictingFinalize::new(one.clone(), other));
        let both = Activity::NullifyFinalize(NullifyFinalize::new(passed, one));

        assert!(Equivocation::of(&scheme, &twice).is_some());
        let found = Equivocation::of(&scheme, &both).expect("evidence");
        assert_eq!(found.first.kind, VoteKind::Nullify);
        assert_eq!(found.first.block, B256::ZERO);
        assert_eq!(found.second.signer(scheme.domain()), Some(found.validator));
    }

    #[test]
    fn a_vote_that_was_signed_by_another_is_no_evidence() {
        let (mine, others) = (scheme(2), scheme(1));
        let one = Notarize::sign(&mine, proposal("one")).expect("a member");
        let mut forged = Notarize::sign(&others, proposal("other")).expect("a member");
        // It says that it is the first one's.
        forged.attestation.signer = one.attestation.signer;
        let activity = Activity::ConflictingNotarize(ConflictingNotarize::new(one, forged));

        assert_eq!(Equivocation::of(&mine, &activity), None);
    }

    #[test]
    fn one_piece_of_evidence_is_kept_for_each_culprit() {
        let known = Convictions::default();
        let of = |index: usize, name: &str| {
            let scheme = scheme(index);
            let votes =
                ["one", name].map(|n| Notarize::sign(&scheme, proposal(n)).expect("a member"));
            let [one, other] = votes;
            let activity = Activity::ConflictingNotarize(ConflictingNotarize::new(one, other));
            Equivocation::of(&scheme, &activity).expect("evidence")
        };

        assert!(known.add(of(0, "other")));
        assert!(!known.add(of(0, "third")));
        assert!(known.add(of(1, "other")));
        known.forget(address_of(&key(0)));

        let left = known.all();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].validator, address_of(&key(1)));
    }

    #[test]
    fn a_single_vote_is_no_evidence() {
        let scheme = scheme(0);
        let vote = Notarize::sign(&scheme, proposal("one")).expect("a member");

        assert_eq!(Equivocation::of(&scheme, &Activity::Notarize(vote)), None);
    }
}
