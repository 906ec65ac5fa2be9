//! Making a snapshot of a state that this node has executed.

use std::collections::BTreeSet;

use alloy_consensus::constants::KECCAK_EMPTY;
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bytes};
use alloy_rlp::Encodable as _;

use super::{
    AccountPart, EPOCHS_PER_PIECE, HEADERS, Handover, Manifest, PIECE_BYTES, Pieces,
    SLOTS_PER_PART, Shelf, Slot, SnapshotError, StatePiece, VERSION,
};
use crate::{
    certificate::FinalityCertificate,
    execute::ExecutedBlock,
    ledger::Ledger,
    node::validators_at,
    state::{Account, WorldState},
};

/// Writes the snapshot of `block`, the last of its epoch, onto the shelf. The state is a value: it stays what it is while the chain
/// goes on. Beside it this takes memory for one piece and for the keys of the accounts.
///
/// # Errors
/// See [`SnapshotError`]; nothing is on the shelf then.
pub fn make(ledger: &Ledger, block: &ExecutedBlock, shelf: &Shelf) -> Result<(), SnapshotError> {
    let spec = ledger.spec();
    let number = block.block().number();
    let epoch = number / spec.epoch_length;
    let pieces = shelf.begin(number)?;
    let missing = |what, number| SnapshotError::Missing { what, number };

    let mut history = Vec::new();
    let mut piece = Vec::new();
    for before in 0..epoch {
        let last = (before + 1) * spec.epoch_length - 1;
        let header = ledger.header(last)?;
        let header = header.ok_or_else(|| missing("the header", last))?;
        let certificate = certificate(ledger, last, header.hash_slow())?;
        let votes = ledger.next_votes(before)?;
        let votes = votes.ok_or_else(|| missing("the proof of the next validators", last))?;
        let set = validators_at(
            spec.chain_id,
            &block.state,
            block.block().header(),
            before + 1,
        );
        let set = set.ok_or_else(|| missing("the validators", last))?;
        piece.push(Handover {
            header,
            certificate,
            votes,
            next: set.iter().map(|v| v.vote).collect(),
        });
        if piece.len() == EPOCHS_PER_PIECE {
            history.push(pieces.put(&alloy_rlp::encode(std::mem::take(&mut piece)))?);
        }
    }
    if !piece.is_empty() {
        history.push(pieces.put(&alloy_rlp::encode(piece))?);
    }
    let headers = (number.saturating_sub(HEADERS)..number).map(|number| {
        let header = ledger.header(number)?;
        header.ok_or_else(|| missing("the header", number))
    });
    let manifest = Manifest {
        version: VERSION,
        chain_id: spec.chain_id,
        genesis: ledger.genesis_hash(),
        block: block.block().raw().clone(),
        receipts: block
            .record
            .receipts
            .iter()
            .map(|receipt| Bytes::from(receipt.encoded_2718()))
            .collect(),
        certificate: certificate(ledger, number, block.block().hash())?,
        headers: headers.collect::<Result<_, SnapshotError>>()?,
        history,
        state: state(&block.state, &pieces)?,
    };
    pieces.put_manifest(&alloy_rlp::encode(manifest))?;
    shelf.publish(&pieces, number)
}

fn certificate(
    ledger: &Ledger,
    number: u64,
    hash: B256,
) -> Result<FinalityCertificate, SnapshotError> {
    let raw = ledger.certificate(hash)?;
    let raw = raw.ok_or(SnapshotError::NoCertificate(number))?;
    FinalityCertificate::from_bytes(&raw).map_err(|_| SnapshotError::NoCertificate(number))
}

/// Writes all pieces of a state and returns their hashes.
fn state(state: &WorldState, pieces: &Pieces) -> Result<Vec<B256>, SnapshotError> {
    let mut writer = Writer {
        pieces,
        piece: StatePiece::default(),
        bytes: 0,
        hashes: Vec::new(),
    };
    let mut accounts: Vec<(Address, &Account)> = state
        .accounts()
        .map(|(address, account)| (*address, account))
        .collect();
    accounts.sort_unstable_by_key(|(address, _)| *address);
    // Code that no account has any more is not part of the state.
    let codes: BTreeSet<B256> = accounts
        .iter()
        .map(|(_, account)| account.code_hash)
        .filter(|hash| *hash != KECCAK_EMPTY)
        .collect();
    for code in codes.into_iter().filter_map(|hash| state.code(hash)) {
        let code = code.original_bytes();
        writer.bytes += code.len();
        writer.piece.codes.push(code);
        writer.flush(PIECE_BYTES)?;
    }
    for (address, account) in accounts {
        writer.account(address, account)?;
    }
    writer.flush(1)?;
    Ok(writer.hashes)
}

struct Writer<'a> {
    pieces: &'a Pieces,
    piece: StatePiece,
    bytes: usize,
    hashes: Vec<B256>,
}

impl Writer<'_> {
    fn account(&mut self, address: Address, account: &Account) -> Result<(), SnapshotError> {
        let mut slots: Vec<Slot> = account
            .storage
            .iter()
            .map(|(key, value)| Slot {
                key: *key,
                value: *value,
            })
            .collect();
        slots.sort_unstable_by_key(|slot| slot.key);
        let mut parts = slots.chunks(SLOTS_PER_PART);
        // An account without slots is a part, too.
        let mut next = Some(parts.next().unwrap_or_default());
        while let Some(slots) = next {
            let part = AccountPart {
                address,
                nonce: account.nonce,
                balance: account.balance,
                code_hash: account.code_hash,
                slots: slots.to_vec(),
            };
            self.bytes += part.length();
            self.piece.accounts.push(part);
            self.flush(PIECE_BYTES)?;
            next = parts.next();
        }
        Ok(())
    }

    /// Writes the piece when it has at least so many bytes.
    fn flush(&mut self, least: usize) -> Result<(), SnapshotError> {
        if self.bytes >= least {
            self.bytes = 0;
            let piece = std::mem::take(&mut self.piece);
            self.hashes
                .push(self.pieces.put(&alloy_rlp::encode(piece))?);
        }
        Ok(())
    }
}
