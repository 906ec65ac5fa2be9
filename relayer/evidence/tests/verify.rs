//! An evidence file proves what it says, and nothing that was changed in it does.
#![allow(missing_docs)]

mod support;

use std::path::Path;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use causeway_evidence::{
    Broken, Chains, Known, Proven, Report, Verdict,
    file::{Body, Fact, MAGIC, Slot, VERSION},
    verify,
};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use support::{CHAIN, EPOCH_LENGTH, PORT, PORT_SLOT, VALIDATOR_SET, World};

fn known() -> Chains {
    let known = Known {
        genesis: World::new().header(0).hash_slow(),
        epoch_length: EPOCH_LENGTH,
        validator_set: VALIDATOR_SET,
    };
    Chains::from([(CHAIN, known)])
}

fn checked(body: &Body) -> Report {
    verify(&body.encode().expect("short enough"), &known())
}

/// What is wrong with a good body once `change` was done to it.
fn broken(change: impl FnOnce(&mut Body)) -> Broken {
    let mut body = World::new().body();
    change(&mut body);
    let report = checked(&body);
    match &report.first_broken().expect("broken").verdict {
        Verdict::Broken(broken) => broken.clone(),
        other => panic!("{other:?}"),
    }
}

fn slot_of(body: &mut Body) -> &mut Slot {
    match &mut body.items[2].fact {
        Fact::Slot(slot) => slot,
        other => panic!("{other:?}"),
    }
}

/// A file around these bytes, with a digest that fits.
fn enveloped(body: Vec<u8>) -> Vec<u8> {
    let digest = Sha256::digest(&body).to_vec();
    let envelope = (MAGIC, VERSION, Bytes::from(body), Bytes::from(digest));
    let mut file = Vec::new();
    ciborium::into_writer(&envelope, &mut file).expect("written");
    file
}

#[test]
fn a_file_proves_an_event_a_transaction_and_a_slot() {
    let report = verify(&World::new().file(), &known());

    assert!(
        report
            .links
            .iter()
            .all(|link| link.verdict == Verdict::Holds),
        "{report:#?}"
    );
    let found: Vec<_> = report
        .proven
        .iter()
        .map(|found| (found.height, &found.proven))
        .collect();
    let (
        1,
        Proven::Event {
            address: PORT,
            topics,
            data,
            transaction: 2,
        },
    ) = found[0]
    else {
        panic!("{found:?}");
    };
    assert_eq!(topics[..], [B256::repeat_byte(2), B256::repeat_byte(2)]);
    assert_eq!(data[..], [2; 40]);
    assert!(matches!(
        found[1],
        (5, Proven::Transaction { transaction: 1, .. })
    ));
    let slot = Proven::Slot {
        address: PORT,
        key: PORT_SLOT,
        value: U256::from(77),
    };
    assert_eq!(found[2], (9, &slot));
}

#[test]
fn every_change_of_a_single_byte_is_found() {
    let (file, known) = (World::new().file(), known());

    for place in 0..file.len() {
        for flip in [1, 0x80, 0xFF] {
            let mut changed = file.clone();
            changed[place] ^= flip;
            assert!(
                !verify(&changed, &known).is_sound(),
                "byte {place} ^ {flip}"
            );
        }
    }
}

/// Somebody who changes a file on purpose computes the digest anew. What is left to him are the words that prove nothing,
/// and to point at another log of the same receipt, which is just as true.
#[test]
fn every_change_of_a_single_byte_is_found_although_the_digest_fits() {
    let (original, known) = (World::new().body(), known());
    let mut body = Vec::new();
    ciborium::into_writer(&original, &mut body).expect("written");

    for place in 0..body.len() {
        let mut changed = body.clone();
        changed[place] ^= 1;
        let file = enveloped(changed);
        let found = !verify(&file, &known).is_sound()
            || Body::decode(&file).is_ok_and(|other| harmless(other) == harmless(original.clone()));
        assert!(found, "byte {place}");
    }
}

fn harmless(mut body: Body) -> Body {
    body.about.clear();
    for item in &mut body.items {
        if let Fact::Event { log, .. } = &mut item.fact {
            *log = 0;
        }
    }
    body
}

#[test]
fn every_truncation_and_every_appended_byte_is_found() {
    let (file, known) = (World::new().file(), known());

    for length in 0..file.len() {
        assert!(
            !verify(&file[..length], &known).is_sound(),
            "{length} bytes"
        );
    }
    let longer = [file.as_slice(), &[0]].concat();
    assert!(!verify(&longer, &known).is_sound());
}

#[test]
fn a_reader_who_knows_no_chain_is_told_what_is_assumed() {
    let report = verify(&World::new().file(), &Chains::new());

    assert!(report.is_sound());
    let assumed = known()[&CHAIN];
    assert!(
        report
            .links
            .iter()
            .any(|link| link.verdict == Verdict::Assumed(assumed))
    );
}

#[test]
fn another_chain_of_the_same_id_is_refused() {
    let other = Known {
        genesis: B256::ZERO,
        ..known()[&CHAIN]
    };

    let report = verify(&World::new().file(), &Chains::from([(CHAIN, other)]));

    assert!(matches!(
        report.first_broken().expect("broken").verdict,
        Verdict::Broken(Broken::ChainForeign { chain: CHAIN, .. })
    ));
    assert!(report.proven.is_empty());
}

#[test]
fn an_epoch_length_that_was_made_up_is_refused_by_who_knows_the_chain() {
    assert!(matches!(
        broken(|body| body.chains[0].epoch_length = 5),
        Broken::ChainForeign { .. }
    ));
}

#[test]
fn a_quorum_less_one_proves_nothing() {
    let broken = broken(|body| {
        let finality = &mut body.items[1].finality;
        finality.signers.pop();
        finality.signatures.pop();
    });

    assert_eq!(
        broken,
        Broken::Quorum {
            got: 4,
            needed: 5,
            size: 7
        }
    );
}

#[test]
fn a_signer_who_stands_twice_is_refused() {
    let broken = broken(|body| {
        let finality = &mut body.items[1].finality;
        finality.signers[1] = 0;
        finality.signatures[1] = finality.signatures[0].clone();
    });

    assert_eq!(broken, Broken::Signers { size: 7 });
}

#[test]
fn the_second_form_of_a_signature_is_refused() {
    let order = alloy_primitives::uint!(
        0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256
    );
    let broken = broken(|body| {
        let signature = &mut body.items[0].finality.signatures[0];
        let s = order - U256::from_be_slice(&signature[32..64]);
        let v = 27 + 28 - signature[64];
        *signature = [&signature[..32], &s.to_be_bytes::<32>(), &[v]]
            .concat()
            .into();
    });

    assert!(matches!(broken, Broken::Signature { index: 0, .. }));
}

#[test]
fn votes_of_another_epochs_set_are_refused() {
    let world = World::new();
    let mut swapped = World::new();
    swapped.sets.swap(1, 2);
    let broken = broken(|body| body.items[1].finality = swapped.finality(5, 5, 5));

    assert_ne!(world.header(5).hash_slow(), swapped.header(5).hash_slow());
    assert!(
        matches!(broken, Broken::Signature { .. } | Broken::Quorum { .. }),
        "{broken:?}"
    );
}

#[test]
fn a_block_of_an_epoch_nobody_handed_over_to_is_refused() {
    let broken = broken(|body| {
        body.chains[0].handovers.pop();
    });

    assert_eq!(broken, Broken::EpochUnknown { got: 2, newest: 1 });
}

#[test]
fn a_handover_that_is_left_out_is_found() {
    let broken = broken(|body| {
        body.chains[0].handovers.remove(0);
    });

    assert_eq!(broken, Broken::EpochUnknown { got: 1, newest: 0 });
}

#[test]
fn a_founding_set_the_genesis_state_does_not_name_is_refused() {
    let broken = broken(|body| body.chains[0].founding.votes[3] = Address::repeat_byte(1));

    assert!(matches!(broken, Broken::SetWrong { .. }));
}

#[test]
fn a_set_read_from_another_slot_or_contract_is_refused() {
    let other = broken(|body| {
        let slot = slot_of(body).clone();
        body.chains[0].founding.slot = slot;
    });

    assert_eq!(
        other,
        Broken::SetSlot {
            address: PORT,
            key: PORT_SLOT
        }
    );
}

#[test]
fn sets_too_small_too_large_or_with_a_member_twice_are_refused() {
    let small = broken(|body| body.chains[0].founding.votes.truncate(3));
    let large = broken(|body| {
        let votes = (0_u8..102).map(Address::with_last_byte).collect();
        body.chains[0].founding.votes = votes;
    });
    let twice = broken(|body| body.chains[0].founding.votes[1] = body.chains[0].founding.votes[0]);

    assert!(matches!(small, Broken::SetSize { got: 3, .. }));
    assert!(matches!(large, Broken::SetSize { got: 102, .. }));
    assert_eq!(twice, Broken::SetMember(1));
}

#[test]
fn headers_must_follow_one_another() {
    let unlinked = broken(|body| {
        body.items[0].finality.headers.remove(1);
    });
    let none = broken(|body| body.items[0].finality.headers.clear());
    let longer = broken(|body| {
        let header = &mut body.items[0].finality.headers[0];
        *header = [header.as_ref(), &[0]].concat().into();
    });

    assert_eq!(unlinked, Broken::HeaderNotLinked { index: 1 });
    assert_eq!(none, Broken::HeadersEmpty);
    assert_eq!(longer, Broken::HeaderMalformed { index: 0 });
}

#[test]
fn a_certificate_of_the_wrong_epoch_is_refused() {
    let broken = broken(|body| body.items[1].finality.epoch = 2);

    assert_eq!(
        broken,
        Broken::EpochWrong {
            height: 5,
            got: 2,
            expected: 1
        }
    );
}

#[test]
fn a_value_the_trie_does_not_hold_is_refused() {
    let value = broken(|body| slot_of(body).value = U256::from(78));
    let account = broken(|body| {
        let leaf = alloy_rlp::encode(alloy_trie::nodes::LeafNode::new(
            alloy_trie::Nibbles::unpack(keccak256(PORT)),
            vec![0xC0],
        ));
        slot_of(body).account_nodes = vec![leaf.into()];
    });
    let event = broken(|body| match &mut body.items[0].fact {
        Fact::Event { transaction, .. } => *transaction = 1,
        other => panic!("{other:?}"),
    });
    let log = broken(|body| match &mut body.items[0].fact {
        Fact::Event { log, .. } => *log = 2,
        other => panic!("{other:?}"),
    });

    assert_eq!(value, Broken::Path { root: "storage" });
    assert_eq!(account, Broken::Path { root: "state" });
    assert_eq!(event, Broken::Path { root: "receipts" });
    assert_eq!(log, Broken::LogMissing { got: 2, logs: 2 });
}

#[test]
fn a_path_with_a_node_too_many_or_too_few_is_refused() {
    let more = broken(|body| {
        let nodes = &mut slot_of(body).account_nodes;
        nodes.push(nodes[0].clone());
    });
    let fewer = broken(|body| {
        slot_of(body).account_nodes.pop();
    });

    assert_eq!(more, Broken::Path { root: "state" });
    assert_eq!(fewer, Broken::Path { root: "state" });
}

#[test]
fn an_item_of_a_chain_that_is_not_there_is_refused() {
    assert_eq!(
        broken(|body| body.items[0].chain = 1),
        Broken::ChainMissing(1)
    );
}

#[test]
fn chains_stand_once_each() {
    let broken = broken(|body| {
        let chain = body.chains[0].clone();
        body.chains.push(chain);
    });

    assert_eq!(broken, Broken::ChainsOrder(CHAIN));
}

#[test]
fn a_file_of_another_version_or_kind_is_named_as_such() {
    let file = World::new().file();
    let version = file
        .iter()
        .position(|byte| *byte == 1)
        .expect("the version");
    let mut newer = file.clone();
    newer[version] = 2;
    let mut foreign = file;
    foreign[2] = b'C';

    let first = |file: &[u8]| verify(file, &known()).links[0].verdict.clone();
    assert_eq!(
        first(&newer),
        Verdict::Broken(Broken::FileVersion { got: 2, known: 1 })
    );
    assert_eq!(first(&foreign), Verdict::Broken(Broken::FileForeign));
    assert_eq!(first(b"%PDF-1.7"), Verdict::Broken(Broken::FileUnreadable));
    assert_eq!(first(&[]), Verdict::Broken(Broken::FileUnreadable));
}

/// RFC 8949, section 4.2.1.
#[test]
fn the_encoding_is_deterministic() {
    fn ordered(value: &ciborium::Value) -> bool {
        match value {
            ciborium::Value::Map(pairs) => {
                let keys: Vec<Vec<u8>> = pairs
                    .iter()
                    .map(|(key, _)| {
                        let mut bytes = Vec::new();
                        ciborium::into_writer(key, &mut bytes).expect("written");
                        bytes
                    })
                    .collect();
                keys.is_sorted_by(|a, b| a < b) && pairs.iter().all(|(_, value)| ordered(value))
            }
            ciborium::Value::Array(values) => values.iter().all(ordered),
            ciborium::Value::Float(_) => false,
            _ => true,
        }
    }
    let mut bytes = Vec::new();
    ciborium::into_writer(&World::new().body(), &mut bytes).expect("written");

    let body: ciborium::Value = ciborium::from_reader(bytes.as_slice()).expect("read");

    assert!(ordered(&body));
}

#[test]
fn what_is_written_is_read_again() {
    let body = World::new().body();

    assert_eq!(Body::decode(&body.encode().expect("written")), Ok(body));
}

/// The bytes of version 1 do not change: regulators keep files for years. `CAUSEWAY_WRITE_GOLDEN=true` writes them.
#[test]
fn the_golden_file_is_still_read_and_still_written() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1.evidence");
    if std::env::var_os("CAUSEWAY_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, World::new().file()).expect("written");
    }

    let golden = std::fs::read(&path).expect("there");

    assert!(
        World::new().file() == golden,
        "other bytes than the golden file's"
    );
    assert!(verify(&golden, &known()).is_sound());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(!verify(&bytes, &known()).is_sound());
    }
}
