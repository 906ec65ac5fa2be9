//! Believing a snapshot: from genesis over every handover to its block, and from its pieces to the state root of that block.

use alloy_consensus::{
    Header, ReceiptEnvelope, constants::KECCAK_EMPTY, proofs, transaction::SignerRecoverable as _,
};
use alloy_eips::eip2718::Decodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::Decodable as _;
use alloy_trie::{Nibbles, TrieAccount, proof::verify_proof};

use super::{
    AccountPart, HEADERS, Handover, Manifest, Pieces, SnapshotError, StatePiece, VERSION, canonical,
};
use crate::{
    block::{self, Block},
    execute::BlockRecord,
    scheme,
    spec::{ChainSpec, SpecError, VALIDATOR_SET, VOTES_HASH_SLOT},
    state::{StateBuilder, WorldState},
};

/// What a snapshot has proved.
#[derive(Debug)]
pub struct Restored {
    /// The block.
    pub tip: BlockRecord,
    /// Its certificate, RLP.
    pub certificate: Bytes,
    /// The state after it.
    pub state: WorldState,
    /// The headers before it.
    pub headers: Vec<Header>,
    /// How each epoch before its own gave over to the next.
    pub history: Vec<Handover>,
}

/// Checks everything and builds the state.
///
/// # Errors
/// Names the first thing that is wrong. Nothing was kept then.
pub fn restore(
    spec: &ChainSpec,
    manifest: &Manifest,
    pieces: &Pieces,
) -> Result<Restored, SnapshotError> {
    let (genesis, _) = spec.genesis().map_err(|_: SpecError| {
        // The caller has opened this genesis before.
        SnapshotError::Block("the genesis here makes no chain")
    })?;
    let mismatch = manifest.chain_id != spec.chain_id || manifest.genesis != genesis.hash();
    if manifest.version != VERSION {
        return Err(SnapshotError::Version {
            got: manifest.version,
        });
    }
    if mismatch {
        return Err(SnapshotError::OtherChain {
            got_id: manifest.chain_id,
            got: manifest.genesis,
            expected_id: spec.chain_id,
            expected: genesis.hash(),
        });
    }
    let domain = scheme::domain(spec.chain_id, genesis.hash());
    let block =
        Block::decode(&manifest.block).map_err(|_| SnapshotError::Malformed { part: "block" })?;
    if !(block.number() + 1).is_multiple_of(spec.epoch_length) {
        return Err(SnapshotError::Block("it does not end an epoch"));
    }
    let epoch = block.number() / spec.epoch_length;

    let mut votes: Vec<Address> = spec.validators.iter().map(|v| v.vote).collect();
    let history = history(spec, manifest, pieces, domain, epoch, &mut votes)?;
    let certificate = &manifest.certificate;
    if certificate.block_hash != block.hash() || certificate.epoch != epoch {
        return Err(SnapshotError::Block("its certificate is for another one"));
    }
    let verified = certificate.verify(domain, &votes);
    verified.map_err(|source| SnapshotError::Certificate { epoch, source })?;
    lead_to(&manifest.headers, &block)?;
    let tip = record(block, &manifest.receipts)?;

    let state = state(manifest, pieces)?;
    let (got, expected) = (state.root(), tip.block.header().state_root);
    if got != expected {
        return Err(SnapshotError::StateRoot { got, expected });
    }
    Ok(Restored {
        certificate: certificate.to_bytes(),
        tip,
        state,
        headers: manifest.headers.clone(),
        history,
    })
}

/// Checks every handover before `epoch`; `votes` are the first validators and become those of `epoch`.
fn history(
    spec: &ChainSpec,
    manifest: &Manifest,
    pieces: &Pieces,
    domain: B256,
    expected: u64,
    votes: &mut Vec<Address>,
) -> Result<Vec<Handover>, SnapshotError> {
    let mut found = Vec::new();
    for hash in &manifest.history {
        found.extend(canonical::<Vec<Handover>>(
            &piece(pieces, *hash)?,
            "history",
        )?);
    }
    let got = found.len() as u64;
    if got != expected {
        return Err(SnapshotError::Epochs { got, expected });
    }
    for (handover, epoch) in found.iter().zip(0..) {
        let refused = |why| SnapshotError::Handover { epoch, why };
        let header = &handover.header;
        if header.number != (epoch + 1) * spec.epoch_length - 1 {
            return Err(refused("its block does not end the epoch"));
        }
        let certificate = &handover.certificate;
        if certificate.epoch != epoch || certificate.block_hash != header.hash_slow() {
            return Err(refused("its certificate is for another block"));
        }
        let verified = certificate.verify(domain, votes);
        verified.map_err(|source| SnapshotError::Certificate { epoch, source })?;
        let packed: Vec<u8> = handover.next.iter().flat_map(|vote| vote.0.0).collect();
        if handover.votes.value != U256::from_be_bytes(keccak256(packed).0) {
            return Err(refused("the next votes are not those of their hash"));
        }
        if !names(header.state_root, handover) {
            return Err(refused("its state does not name the next votes"));
        }
        votes.clone_from(&handover.next);
    }
    Ok(found)
}

/// Whether the state under `root` has the value in the slot of the next votes.
fn names(root: B256, handover: &Handover) -> bool {
    let proof = &handover.votes;
    // The account is the last node's value; the proof of it is checked against what it decodes to.
    let Some(account) = proof.account.last().and_then(|node| leaf(node)) else {
        return false;
    };
    let Ok(decoded) = TrieAccount::decode(&mut account.as_slice()) else {
        return false;
    };
    let key = Nibbles::unpack(keccak256(VALIDATOR_SET));
    if verify_proof(root, key, Some(account), &proof.account).is_err() {
        return false;
    }
    let key = Nibbles::unpack(keccak256(VOTES_HASH_SLOT));
    let value = alloy_rlp::encode(proof.value);
    verify_proof(decoded.storage_root, key, Some(value), &proof.slot).is_ok()
}

/// The value of a leaf of a trie.
fn leaf(node: &[u8]) -> Option<Vec<u8>> {
    let [_, value] =
        <[Bytes; 2]>::try_from(alloy_rlp::decode_exact::<Vec<Bytes>>(node).ok()?).ok()?;
    Some(value.to_vec())
}

/// Checks that the headers are those before `block`, as many as `BLOCKHASH` reaches.
fn lead_to(headers: &[Header], block: &Block) -> Result<(), SnapshotError> {
    let first = block.number().saturating_sub(HEADERS);
    let mut parent = block.header().parent_hash;
    let mut numbers = (first..block.number()).rev();
    for header in headers.iter().rev() {
        let number = numbers.next().ok_or(SnapshotError::Header { number: 0 })?;
        if header.number != number || header.hash_slow() != parent {
            return Err(SnapshotError::Header { number });
        }
        parent = header.parent_hash;
    }
    match numbers.next() {
        Some(number) => Err(SnapshotError::Header { number }),
        None => Ok(()),
    }
}

fn record(block: Block, receipts: &[Bytes]) -> Result<BlockRecord, SnapshotError> {
    let header = block.header();
    if block::transactions_root(block.transactions()) != header.transactions_root {
        return Err(SnapshotError::Block(
            "its transactions are not its header's",
        ));
    }
    let receipts = receipts
        .iter()
        .map(|raw| {
            let mut rest = raw.as_ref();
            let receipt = ReceiptEnvelope::decode_2718(&mut rest).ok()?;
            rest.is_empty().then_some(receipt)
        })
        .collect::<Option<Vec<_>>>()
        .ok_or(SnapshotError::Malformed { part: "receipts" })?;
    if receipts.len() != block.transactions().len()
        || proofs::calculate_receipt_root(&receipts) != header.receipts_root
    {
        return Err(SnapshotError::Block("its receipts are not its header's"));
    }
    let senders = block.transactions().iter().map(|tx| tx.recover_signer());
    let senders = senders.collect::<Result<_, _>>();
    let senders = senders.map_err(|_| SnapshotError::Block("a signature of it is none"))?;
    Ok(BlockRecord {
        block,
        senders,
        receipts,
    })
}

fn state(manifest: &Manifest, pieces: &Pieces) -> Result<WorldState, SnapshotError> {
    let mut builder = StateBuilder::default();
    let mut order = Order::default();
    for hash in &manifest.state {
        let piece: StatePiece = canonical(&piece(pieces, *hash)?, "state")?;
        for code in piece.codes {
            let hash = builder.code(code);
            order.code(hash)?;
        }
        for part in piece.accounts {
            order.account(&part)?;
            if part.code_hash != KECCAK_EMPTY && !builder.has_code(part.code_hash) {
                return Err(order.wrong(part.address, "its code is missing"));
            }
            let slots = part.slots.iter().map(|slot| (slot.key, slot.value));
            builder.account(
                part.address,
                (part.nonce, part.balance, part.code_hash),
                slots,
            );
        }
    }
    Ok(builder.finish())
}

/// The one order in which a state is written.
#[derive(Default)]
struct Order {
    code: Option<B256>,
    account: Option<AccountPart>,
}

impl Order {
    fn code(&mut self, hash: B256) -> Result<(), SnapshotError> {
        let ascending = self.code.is_none_or(|before| before < hash);
        if !ascending || self.account.is_some() {
            return Err(self.wrong(hash, "codes come first, ascending by hash"));
        }
        self.code = Some(hash);
        Ok(())
    }

    fn account(&mut self, part: &AccountPart) -> Result<(), SnapshotError> {
        let ascending = part.slots.windows(2).all(|pair| pair[0].key < pair[1].key);
        if !ascending || part.slots.iter().any(|slot| slot.value.is_zero()) {
            return Err(self.wrong(part.address, "slots ascend by key and are not zero"));
        }
        let follows = match &self.account {
            None => true,
            Some(before) if before.address == part.address => {
                let same = (before.nonce, before.balance, before.code_hash)
                    == (part.nonce, part.balance, part.code_hash);
                let (last, first) = (before.slots.last(), part.slots.first());
                same && last.zip(first).is_some_and(|(l, f)| l.key < f.key)
            }
            Some(before) => before.address < part.address,
        };
        if !follows {
            return Err(self.wrong(part.address, "accounts ascend by address"));
        }
        self.account = Some(part.clone());
        Ok(())
    }

    fn wrong(&self, at: impl std::fmt::Display, why: &'static str) -> SnapshotError {
        let at = at.to_string();
        SnapshotError::State { at, why }
    }
}

/// A piece that is here: whoever fetched them saw to that.
fn piece(pieces: &Pieces, hash: B256) -> Result<Bytes, SnapshotError> {
    let piece = pieces.piece(hash)?;
    piece.ok_or(SnapshotError::Piece {
        expected: hash,
        got: B256::ZERO,
    })
}
