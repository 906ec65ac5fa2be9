//! Whatever bytes a peer, a file or a client offers, a decoder answers with a value or an error, and what it accepts is
//! the one encoding of that value: nothing else has the same hash.
#![allow(missing_docs)]

mod support;

use std::{path::Path, sync::OnceLock};

use alloy_consensus::TxEnvelope;
use alloy_eips::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use causeway_adapter_hosted::{
    block::{Block, MAX_BLOCK_BYTES},
    certificate::FinalityCertificate,
    scheme,
};
use commonware_codec::{Decode, Encode, RangeCfg};
use proptest::prelude::*;
use support::{Chain, call, key, transfer};

/// A block with a plain transfer, a creation and a call with data.
fn block() -> &'static [u8] {
    static RAW: OnceLock<Vec<u8>> = OnceLock::new();
    RAW.get_or_init(|| {
        let rich = key("rich");
        let to = Address::repeat_byte(7);
        let raw = [
            transfer(&rich, 0, to, 5),
            call(
                &rich,
                1,
                TxKind::Create,
                U256::ZERO,
                Bytes::from(vec![0x60; 70]),
                90_000,
            ),
            call(
                &rich,
                2,
                TxKind::Call(to),
                U256::MAX,
                Bytes::from(vec![1, 0, 2]),
                30_000,
            ),
        ];
        let transactions = raw
            .iter()
            .map(|raw| TxEnvelope::decode_2718_exact(raw).expect("made here"))
            .collect();
        let (genesis, _) = Chain::new(4).spec.genesis().expect("a sound spec");
        Block::new(genesis.header().clone(), transactions)
            .raw()
            .to_vec()
    })
}

fn certificate() -> Vec<u8> {
    FinalityCertificate {
        epoch: 3,
        view: 70_000,
        parent_view: 69_998,
        block_hash: B256::repeat_byte(4),
        signers: vec![0, 2, 3],
        signatures: vec![
            vec![0x80; 65].into(),
            vec![1; 65].into(),
            vec![0; 65].into(),
        ],
    }
    .to_bytes()
    .to_vec()
}

/// One change of the kind a hostile peer would make.
#[derive(Clone, Debug)]
enum Damage {
    Set(usize, u8),
    Insert(usize, u8),
    Remove(usize),
    Truncate(usize),
    Append(Vec<u8>),
    Swap(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, to)| Damage::Set(at, to)),
        (any::<usize>(), any::<u8>()).prop_map(|(at, to)| Damage::Insert(at, to)),
        any::<usize>().prop_map(Damage::Remove),
        any::<usize>().prop_map(Damage::Truncate),
        prop::collection::vec(any::<u8>(), 1..9).prop_map(Damage::Append),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Damage::Swap(a, b)),
    ]
}

fn damaged(mut raw: Vec<u8>, all: &[Damage]) -> Vec<u8> {
    for one in all {
        let length = raw.len().max(1);
        match one {
            Damage::Set(at, to) if !raw.is_empty() => raw[at % length] = *to,
            Damage::Insert(at, to) => raw.insert(at % (raw.len() + 1), *to),
            Damage::Remove(at) if !raw.is_empty() => {
                raw.remove(at % length);
            }
            Damage::Truncate(at) => raw.truncate(at % length),
            Damage::Append(more) => raw.extend(more),
            Damage::Swap(a, b) if !raw.is_empty() => raw.swap(a % length, b % length),
            Damage::Set(..) | Damage::Remove(_) | Damage::Swap(..) => {}
        }
    }
    raw
}

/// What `Block::decode` accepts encodes to the same bytes.
fn block_is_canonical(raw: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(block) = Block::decode(raw) {
        let again = Block::new(block.header().clone(), block.transactions().to_vec());
        prop_assert_eq!(again.raw().as_ref(), raw);
    }
    Ok(())
}

fn certificate_is_canonical(raw: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(certificate) = FinalityCertificate::from_bytes(raw) {
        let again = certificate.to_bytes();
        prop_assert_eq!(again.as_ref(), raw);
    }
    Ok(())
}

fn transaction_is_canonical(raw: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(transaction) = TxEnvelope::decode_2718_exact(raw) {
        prop_assert_eq!(transaction.encoded_2718(), raw);
    }
    Ok(())
}

fn votes_are_canonical(raw: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(votes) = scheme::Certificate::decode_cfg(bytes::Bytes::copy_from_slice(raw), &7) {
        prop_assert!(!votes.signatures.is_empty() && votes.signatures.len() <= 7);
        let again = votes.encode();
        prop_assert_eq!(again.as_ref(), raw);
    }
    Ok(())
}

#[test]
fn the_undamaged_originals_are_accepted() {
    assert!(Block::decode(block()).is_ok());
    assert!(FinalityCertificate::from_bytes(&certificate()).is_ok());
}

/// What coverage-guided fuzzing (`cargo xtask fuzz`) begins with. `CAUSEWAY_WRITE_SEEDS=true` writes it.
#[test]
fn the_seeds_of_the_fuzzer_are_accepted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/seeds");
    for (name, bytes) in [
        ("block/three", block().to_vec()),
        ("certificate/three_of_four", certificate()),
    ] {
        let file = folder.join(name);
        if std::env::var_os("CAUSEWAY_WRITE_SEEDS").is_some() {
            std::fs::create_dir_all(file.parent().expect("in a folder")).expect("a folder");
            std::fs::write(&file, &bytes).expect("written");
        }
    }
    let seed = |name| std::fs::read(folder.join(name)).expect(name);
    assert!(Block::decode(&seed("block/three")).is_ok());
    assert!(FinalityCertificate::from_bytes(&seed("certificate/three_of_four")).is_ok());
}

#[test]
fn a_block_longer_than_the_limit_is_refused_before_it_is_read() {
    let range: RangeCfg<usize> = (..=MAX_BLOCK_BYTES).into();
    let huge = Bytes::from(vec![0xC0; MAX_BLOCK_BYTES + 1]);

    let refused = Block::decode_cfg(huge.0.encode(), &range);

    assert!(refused.is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40_000))]

    #[test]
    fn any_bytes_are_read_or_refused(raw in prop::collection::vec(any::<u8>(), 0..600)) {
        block_is_canonical(&raw)?;
        certificate_is_canonical(&raw)?;
        transaction_is_canonical(&raw)?;
        votes_are_canonical(&raw)?;
    }

    #[test]
    fn a_damaged_block_is_refused_or_is_another_block(all in prop::collection::vec(damage(), 1..4)) {
        let raw = damaged(block().to_vec(), &all);

        block_is_canonical(&raw)?;
        if raw != block() {
            prop_assert_ne!(Block::decode(&raw).ok(), Block::decode(block()).ok());
        }
    }

    #[test]
    fn a_damaged_certificate_is_refused_or_is_another_one(all in prop::collection::vec(damage(), 1..4)) {
        let raw = damaged(certificate(), &all);

        certificate_is_canonical(&raw)?;
    }

    #[test]
    fn a_damaged_transaction_is_refused_or_is_another_one(
        which in 0_usize..3,
        all in prop::collection::vec(damage(), 1..4),
    ) {
        let original = Block::decode(block()).expect("the original").transactions()[which].encoded_2718();

        transaction_is_canonical(&damaged(original, &all))?;
    }
}
