//! What a reader believes of a batch of blocks, and what it calls a lie.
#![allow(missing_docs)]

mod rpc_support;
mod support;

use alloy_consensus::Header;
use alloy_primitives::{Address, B256};
use causeway_adapter_hosted::{
    block::Block,
    certificate::{CertificateError, FinalityCertificate},
    follow::{Known, Lie, Sealed},
};
use rpc_support::{Instant, vote_keys};
use support::{Chain, key, transfer};

const EPOCH: u64 = 8;

/// Twelve blocks, every second with a certificate, and so the eighth, which begins an epoch, and the seventh, which ends one.
struct Blocks {
    sealed: Vec<Sealed>,
    votes: Vec<Address>,
    domain: B256,
    genesis: B256,
}

impl Blocks {
    fn new() -> Self {
        let chain = Chain::with_epoch(4, EPOCH);
        let instant = Instant::manual(chain.spec.clone(), vote_keys(&chain));
        let node = &instant.node;
        for nonce in 0..12 {
            let paid = transfer(&key("rich"), nonce, Address::repeat_byte(1), 1);
            node.submit(&paid).expect("admitted");
            instant.seal();
        }
        let sealed = (1..=12).map(|number| {
            let record = node.ledger.record(number).expect("readable").expect("kept");
            let raw = node.ledger.certificate(record.block.hash());
            let raw = raw.expect("readable");
            Sealed {
                block: record.block.clone(),
                certificate: raw.map(|raw| FinalityCertificate::from_bytes(&raw).expect("ours")),
            }
        });
        Self {
            sealed: sealed.collect(),
            votes: chain.spec.validators.iter().map(|v| v.vote).collect(),
            domain: node.domain(),
            genesis: node.genesis(),
        }
    }

    fn known(&self) -> Known<'_> {
        Known {
            domain: self.domain,
            epoch_length: EPOCH,
            votes: &self.votes,
            tip: (0, self.genesis),
        }
    }

    fn lie(&self, change: impl FnOnce(&mut Vec<Sealed>)) -> Lie {
        let mut changed = self.sealed.clone();
        change(&mut changed);
        self.known().proven(&changed).expect_err("a lie")
    }
}

#[test]
fn blocks_are_proved_up_to_the_last_certificate_of_their_epoch() {
    let blocks = Blocks::new();
    let proven = |count: usize| {
        let some = &blocks.sealed[..count];
        blocks.known().proven(some).expect("no lie")
    };

    assert_eq!(proven(0), 0);
    assert_eq!(proven(1), 0, "the first has no certificate of its own");
    assert_eq!(proven(5), 4);
    assert_eq!(proven(7), 7, "the last of an epoch has one");
    assert_eq!(proven(12), 7, "who validates next is in the state after it");
}

#[test]
fn each_lie_has_a_name() {
    let blocks = Blocks::new();
    let certified =
        |sealed: &mut Vec<Sealed>, at: usize| sealed[at].certificate.clone().expect("it has one");
    let resealed = |sealed: &mut Vec<Sealed>, at: usize, header: Header, with_body: bool| {
        let body = sealed[at].block.transactions().to_vec();
        sealed[at].block = Block::new(header, if with_body { body } else { Vec::new() });
    };

    let gap = blocks.lie(|s| drop(s.remove(1)));
    assert_eq!(
        gap,
        Lie::Number {
            got: 3,
            expected: 2
        }
    );

    let parent = blocks.lie(|s| {
        let header = Header {
            parent_hash: B256::repeat_byte(1),
            ..s[2].block.header().clone()
        };
        resealed(s, 2, header, true);
    });
    assert_eq!(parent, Lie::Parent { number: 3 });

    let body = blocks.lie(|s| {
        let header = s[2].block.header().clone();
        resealed(s, 2, header, false);
    });
    assert_eq!(body, Lie::Body { number: 3 });

    let other = blocks.lie(|s| s[1].certificate = Some(certified(s, 3)));
    assert_eq!(other, Lie::OtherBlock { number: 2 });

    let epoch = blocks.lie(|s| {
        let mut certificate = certified(s, 1);
        certificate.epoch = 1;
        s[1].certificate = Some(certificate);
    });
    let (number, got, expected) = (2, 1, 0);
    assert_eq!(
        epoch,
        Lie::Epoch {
            number,
            got,
            expected
        }
    );

    let forged = blocks.lie(|s| {
        let mut certificate = certified(s, 1);
        certificate.view += 1;
        s[1].certificate = Some(certificate);
    });
    assert!(matches!(
        forged,
        Lie::Certificate {
            number: 2,
            source: CertificateError::Signature { index: 0, .. }
        }
    ));

    let few = blocks.lie(|s| {
        let mut certificate = certified(s, 1);
        certificate.signers.truncate(2);
        certificate.signatures.truncate(2);
        s[1].certificate = Some(certificate);
    });
    assert!(matches!(
        few,
        Lie::Certificate {
            number: 2,
            source: CertificateError::Quorum { got: 2, .. }
        }
    ));
}
