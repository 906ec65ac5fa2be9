//! A chain of real headers, tries and signatures, small enough to stand in a test.

use alloy_consensus::{
    Eip658Value, Header, Receipt, ReceiptEnvelope, SignableTransaction, TxEip1559, TxEnvelope,
    proofs::calculate_receipt_root,
};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, Log, LogData, Signature, TxKind, U256, keccak256};
use alloy_rlp::Encodable;
use alloy_trie::{
    EMPTY_ROOT_HASH, HashBuilder, KECCAK_EMPTY, Nibbles, TrieAccount, proof::ProofRetainer,
};
use causeway_evidence::file::{Body, Chain, Fact, Finality, Handover, Item, Set, Slot};
use secp256k1::{Message, PublicKey, SECP256K1, SecretKey};

pub(crate) const CHAIN: u64 = 7001;
pub(crate) const EPOCH_LENGTH: u64 = 4;
pub(crate) const VALIDATOR_SET: Address = Address::repeat_byte(0xCA);
pub(crate) const PORT: Address = Address::repeat_byte(0xB0);
pub(crate) const PORT_SLOT: B256 = B256::repeat_byte(5);

/// A set of validators, named by a seed.
#[derive(Clone, Copy)]
pub(crate) struct Validators {
    pub(crate) seed: u8,
    pub(crate) size: u8,
}

impl Validators {
    fn key(self, index: u8) -> SecretKey {
        SecretKey::from_byte_array(keccak256([self.seed, index]).0).expect("a key")
    }

    pub(crate) fn votes(self) -> Vec<Address> {
        (0..self.size).map(|i| address(&self.key(i))).collect()
    }

    fn packed(self) -> B256 {
        keccak256(self.votes().iter().flat_map(|v| v.0.0).collect::<Vec<u8>>())
    }
}

fn address(key: &SecretKey) -> Address {
    let public = PublicKey::from_secret_key(SECP256K1, key).serialize_uncompressed();
    Address::from_raw_public_key(&public[1..])
}

/// The sets of epochs 0, 1, ...
pub(crate) struct World {
    pub(crate) sets: Vec<Validators>,
}

impl World {
    pub(crate) fn new() -> Self {
        let sets = vec![
            Validators { seed: 1, size: 4 },
            Validators { seed: 2, size: 7 },
            Validators { seed: 3, size: 5 },
        ];
        Self { sets }
    }

    fn state(&self, height: u64) -> State {
        // The set after the last block of an epoch is the next one's.
        let epoch = if height == 0 {
            0
        } else {
            (height + 1) / EPOCH_LENGTH
        };
        State {
            votes: self.sets[epoch as usize].packed(),
        }
    }

    pub(crate) fn header(&self, height: u64) -> Header {
        let parent_hash = match height.checked_sub(1) {
            Some(parent) => self.header(parent).hash_slow(),
            None => B256::ZERO,
        };
        Header {
            parent_hash,
            number: height,
            timestamp: 1_800_000_000 + height,
            state_root: self.state(height).root(),
            receipts_root: calculate_receipt_root(&receipts()),
            transactions_root: list(&transactions(), 0).0,
            ..Default::default()
        }
    }

    fn raw(&self, height: u64) -> Bytes {
        alloy_rlp::encode(self.header(height)).into()
    }

    /// Finality of a block by a certificate of a later one of the same epoch.
    pub(crate) fn finality(&self, height: u64, certified: u64, signers: usize) -> Finality {
        let (epoch, view, parent_view) = (certified / EPOCH_LENGTH, certified + 9, certified + 7);
        let domain = domain(self.header(0).hash_slow());
        let words = [
            domain,
            number(2),
            number(epoch),
            number(view),
            number(parent_view),
            self.header(certified).hash_slow(),
        ];
        let digest = keccak256(words.concat());
        let set = self.sets[epoch as usize];
        let signed = (0..set.size).take(signers);
        Finality {
            view,
            epoch,
            headers: (height..=certified)
                .map(|height| self.raw(height))
                .collect(),
            signers: signed.clone().map(u16::from).collect(),
            signatures: signed.map(|i| sign(&set.key(i), digest)).collect(),
            parent_view,
        }
    }

    fn set(&self, epoch: usize, height: u64) -> Set {
        let slot = self.state(height).slot(VALIDATOR_SET);
        Set {
            slot,
            votes: self.sets[epoch].votes(),
        }
    }

    pub(crate) fn chain(&self) -> Chain {
        let handover = |epoch: u64| {
            let last = (epoch + 1) * EPOCH_LENGTH - 1;
            Handover {
                next: self.set(epoch as usize + 1, last),
                finality: self.finality(last, last, usize::from(self.sets[epoch as usize].size)),
            }
        };
        Chain {
            id: CHAIN,
            genesis: self.raw(0),
            founding: self.set(0, 0),
            handovers: (0..2).map(handover).collect(),
            epoch_length: EPOCH_LENGTH,
            validator_set: VALIDATOR_SET,
        }
    }

    /// One item of each kind, proved in epochs 0, 1 and 2.
    pub(crate) fn body(&self) -> Body {
        let receipts: Vec<Vec<u8>> = receipts().iter().map(Encodable2718::encoded_2718).collect();
        let event = Fact::Event {
            log: 1,
            nodes: list(&receipts, 2).1,
            transaction: 2,
        };
        let raw = transactions();
        let transaction = Fact::Transaction {
            nodes: list(&raw, 1).1,
            transaction: 1,
        };
        let slot = Fact::Slot(self.state(9).slot(PORT));
        let item = |fact, height, certified| Item {
            fact,
            chain: CHAIN,
            finality: self.finality(height, certified, 5),
        };
        Body {
            about: "a test".into(),
            items: vec![
                item(event, 1, 3),
                item(transaction, 5, 5),
                item(slot, 9, 10),
            ],
            chains: vec![self.chain()],
        }
    }

    pub(crate) fn file(&self) -> Vec<u8> {
        self.body().encode().expect("short enough")
    }
}

pub(crate) fn domain(genesis: B256) -> B256 {
    let mut text = [0; 32];
    text[..20].copy_from_slice(b"causeway.finality.v1");
    keccak256(
        [
            number(96),
            number(CHAIN),
            genesis,
            number(20),
            B256::from(text),
        ]
        .concat(),
    )
}

fn number(n: u64) -> B256 {
    B256::from(U256::from(n))
}

fn sign(key: &SecretKey, digest: B256) -> Bytes {
    let signature = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest.0), key);
    let (id, rs) = signature.serialize_compact();
    let v = 27 + u8::try_from(i32::from(id)).expect("0 or 1");
    [rs.as_slice(), &[v]].concat().into()
}

/// The validators' contract with one slot, and a port with another.
struct State {
    votes: B256,
}

impl State {
    fn accounts(&self) -> Vec<(Address, B256, U256, B256, Vec<Bytes>)> {
        let votes = U256::from_be_bytes(self.votes.0);
        [
            (VALIDATOR_SET, number(2), votes),
            (PORT, PORT_SLOT, U256::from(77)),
        ]
        .map(|(address, key, value)| {
            let leaf = (Nibbles::unpack(keccak256(key)), alloy_rlp::encode(value));
            let (root, nodes) = trie(vec![leaf.clone()], leaf.0);
            (address, key, value, root, nodes)
        })
        .into()
    }

    fn leaves(&self) -> Vec<(Nibbles, Vec<u8>)> {
        let accounts = self.accounts().into_iter();
        accounts
            .map(|(address, _, _, root, _)| {
                let account = TrieAccount {
                    nonce: 1,
                    balance: U256::ZERO,
                    storage_root: root,
                    code_hash: KECCAK_EMPTY,
                };
                (
                    Nibbles::unpack(keccak256(address)),
                    alloy_rlp::encode(account),
                )
            })
            .collect()
    }

    fn root(&self) -> B256 {
        trie(self.leaves(), Nibbles::default()).0
    }

    fn slot(&self, of: Address) -> Slot {
        let path = Nibbles::unpack(keccak256(of));
        let leaves = self.leaves();
        let found = self
            .accounts()
            .into_iter()
            .find(|(address, ..)| *address == of);
        let (address, key, value, _, slot_nodes) = found.expect("there");
        Slot {
            key,
            value,
            address,
            slot_nodes,
            account_nodes: trie(leaves, path).1,
        }
    }
}

/// Root, and the nodes from it down to `target`.
fn trie(mut leaves: Vec<(Nibbles, Vec<u8>)>, target: Nibbles) -> (B256, Vec<Bytes>) {
    leaves.sort();
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(vec![target]));
    for (key, value) in &leaves {
        builder.add_leaf(*key, value);
    }
    let root = if leaves.is_empty() {
        EMPTY_ROOT_HASH
    } else {
        builder.root()
    };
    let nodes = builder.take_proof_nodes();
    (
        root,
        nodes
            .matching_nodes_sorted(&target)
            .into_iter()
            .map(|(_, node)| node)
            .collect(),
    )
}

fn list(values: &[Vec<u8>], target: usize) -> (B256, Vec<Bytes>) {
    let key = |index: usize| {
        let mut key = Vec::new();
        index.encode(&mut key);
        Nibbles::unpack(key)
    };
    let leaves = values
        .iter()
        .enumerate()
        .map(|(i, value)| (key(i), value.clone()));
    trie(leaves.collect(), key(target))
}

fn receipts() -> Vec<ReceiptEnvelope<Log>> {
    (0_u8..3)
        .map(|i| {
            let log = |j: u8| Log {
                address: PORT,
                data: LogData::new_unchecked(
                    vec![B256::repeat_byte(i), B256::repeat_byte(j)],
                    vec![j; 40].into(),
                ),
            };
            let receipt = Receipt {
                status: Eip658Value::Eip658(true),
                cumulative_gas_used: 21_000 * (u64::from(i) + 1),
                logs: vec![log(1), log(2)],
            };
            ReceiptEnvelope::Eip1559(receipt.with_bloom())
        })
        .collect()
}

fn transactions() -> Vec<Vec<u8>> {
    (0..3)
        .map(|nonce| {
            let tx = TxEip1559 {
                chain_id: CHAIN,
                nonce,
                gas_limit: 21_000,
                to: TxKind::Call(PORT),
                value: U256::from(nonce),
                ..Default::default()
            };
            let key = Validators { seed: 9, size: 1 }.key(0);
            let signature = sign(&key, tx.signature_hash());
            let signature = Signature::from_raw(&signature).expect("a signature");
            TxEnvelope::from(tx.into_signed(signature)).encoded_2718()
        })
        .collect()
}
