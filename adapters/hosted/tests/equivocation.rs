//! What consensus reports about a validator that signs twice becomes evidence a contract can check.
#![allow(missing_docs)]

use alloy_primitives::{B256, keccak256};
use causeway_adapter_hosted::{
    equivocation::{Convictions, Equivocation},
    scheme::{Scheme, VoteKind, address_of},
    spec::ValidatorEntry,
};
use commonware_codec::{Copying, DecodeExt as _};
use commonware_consensus::{
    simplex::types::{
        Activity, ConflictingFinalize, ConflictingNotarize, Finalize, Notarize, Nullify,
        NullifyFinalize, Proposal,
    },
    types::{Epoch, Round, View},
};
use commonware_cryptography::{Signer as _, ed25519::PrivateKey, sha256::Digest};
use secp256k1::SecretKey;

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
        let votes = ["one", name].map(|n| Notarize::sign(&scheme, proposal(n)).expect("a member"));
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
