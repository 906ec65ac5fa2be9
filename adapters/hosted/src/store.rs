//! What one validator keeps on disk: final blocks, receipts, certificates, indexes and the flat state, in one redb file.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use alloy_consensus::{Header, ReceiptEnvelope};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::{
    block::Block,
    execute::{BlockRecord, ExecutedBlock},
    snapshot::Restored,
    spec::{VALIDATOR_SET, VOTES_HASH_SLOT},
    state::{StateDelta, WorldState},
};

/// Version of the file's layout; a file of another version is refused.
const LAYOUT: u64 = 1;

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
const RECEIPTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("receipts");
const NUMBERS: TableDefinition<'_, &[u8; 32], u64> = TableDefinition::new("numbers");
const LOCATIONS: TableDefinition<'_, &[u8; 32], (u64, u32)> = TableDefinition::new("locations");
const LOGGERS: TableDefinition<'_, (&[u8; 20], u64), ()> = TableDefinition::new("loggers");
const CERTIFICATES: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("certificates");
const ACCOUNTS: TableDefinition<'_, &[u8; 20], &[u8]> = TableDefinition::new("accounts");
const SLOTS: TableDefinition<'_, (&[u8; 20], &[u8; 32]), &[u8; 32]> = TableDefinition::new("slots");
const CODE: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("code");
/// By epoch: where the state after its last block names the next validators. Old states are forgotten, these proofs not.
const HANDOVERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("handovers");

/// Headers of blocks that are here no more, or never were: RLP.
const HEADERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("headers");
/// Key in [`META`]: number of the oldest block after 0 whose body and receipts are here.
const OLDEST: &str = "oldest";
/// Key in [`META`]: block up to which a reader or a snapshot brought everything here, not consensus.
const READ_TO: &str = "read-to";

/// Why the store cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file cannot be opened, read or written.
    #[error(
        "store {path}: {source}; check that the disk is not full and the file is writable and not open elsewhere"
    )]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: redb::Error,
    },
    /// The file is no database, or what it holds does not fit together.
    #[error(
        "store {path} is damaged: {what}; move the file away and start again, the validator then rebuilds it from its consensus archive or its peers"
    )]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// The file was written by another version.
    #[error(
        "store {path} has layout {got}, this version reads {LAYOUT}: use the version that wrote it"
    )]
    Layout {
        /// Which file.
        path: PathBuf,
        /// Its layout.
        got: u64,
    },
    /// The file belongs to another chain.
    #[error(
        "store {path} belongs to the chain with genesis {got}, this chain's genesis is {expected}: use another data directory"
    )]
    Genesis {
        /// Which file.
        path: PathBuf,
        /// Genesis in the file.
        got: B256,
        /// Genesis of the spec.
        expected: B256,
    },
    /// The block was pruned, or is older than the snapshot the file began with.
    #[error(
        "pruned history unavailable: block {asked} is not kept here any more, the oldest is {oldest}; ask an archive node"
    )]
    Pruned {
        /// Asked for.
        asked: u64,
        /// The oldest that is kept, block 0 excepted.
        oldest: u64,
    },
    /// The file's content contradicts itself.
    #[error(
        "store {path} is damaged at block {number}: {what}; move the file away and start again, the validator then rebuilds it from its consensus archive or its peers"
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Around which block.
        number: u64,
        /// What is wrong.
        what: String,
    },
}

/// One validator's file.
pub struct Store {
    path: PathBuf,
    db: Database,
    epoch_length: u64,
    /// As under [`OLDEST`].
    oldest: AtomicU64,
}

/// Proof of the slot in which a state names the next validators.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct NextVotes {
    /// The slot's value: the hash of their vote addresses.
    pub value: U256,
    /// Nodes of the state trie from the root down.
    pub account: Vec<Bytes>,
    /// Nodes of the contract's storage trie from the root down.
    pub slot: Vec<Bytes>,
}

impl NextVotes {
    fn of(state: &WorldState) -> Self {
        let proof = state.prove(VALIDATOR_SET, &[VOTES_HASH_SLOT.into()]);
        let (value, slot) = proof
            .slots
            .into_iter()
            .next()
            .map(|(_, value, nodes)| (value, nodes))
            .unwrap_or_default();
        Self {
            value,
            account: proof.proof,
            slot,
        }
    }
}

/// What [`Store::open`] finds.
pub struct Loaded {
    /// Newest block in the file.
    pub tip: BlockRecord,
    /// State after it.
    pub state: WorldState,
}

impl Store {
    /// Opens or creates the file, makes sure that it belongs to the chain of `genesis`, and loads what it holds.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(
        path: &Path,
        genesis: &ExecutedBlock,
        epoch_length: u64,
    ) -> Result<(Self, Loaded), StoreError> {
        let open = || {
            let store = Self::open_file(path, genesis, epoch_length)?;
            let loaded = store.load()?;
            Ok((store, loaded))
        };
        // The library panics on some pages that cannot be: here, before anything runs, that is one more damaged file.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(open)).unwrap_or_else(|_| {
            Err(StoreError::Corrupt {
                path: path.to_owned(),
                what: "a page of it cannot be read".into(),
            })
        })
    }

    fn open_file(
        path: &Path,
        genesis: &ExecutedBlock,
        epoch_length: u64,
    ) -> Result<Self, StoreError> {
        let db = Database::create(path).map_err(|e| StoreError::of(path, e.into()))?;
        Self::of_chain(path, db, genesis, epoch_length)
    }

    /// A store that is gone when it is dropped.
    #[cfg(test)]
    pub(crate) fn in_memory(
        genesis: &ExecutedBlock,
        epoch_length: u64,
    ) -> Result<(Self, Loaded), StoreError> {
        let path = Path::new("(memory)");
        let db = Database::builder()
            .create_with_backend(redb::backends::InMemoryBackend::new())
            .map_err(|e| StoreError::of(path, e.into()))?;
        let store = Self::of_chain(path, db, genesis, epoch_length)?;
        let loaded = store.load()?;
        Ok((store, loaded))
    }

    /// Makes sure that it belongs to the chain of `genesis`.
    fn of_chain(
        path: &Path,
        db: Database,
        genesis: &ExecutedBlock,
        epoch_length: u64,
    ) -> Result<Self, StoreError> {
        let store = Self {
            path: path.to_owned(),
            db,
            epoch_length,
            oldest: AtomicU64::new(1),
        };
        match store.meta("layout")? {
            None => {
                store.write(|tx| {
                    let mut meta = tx.open_table(META)?;
                    meta.insert("layout", LAYOUT.to_be_bytes().as_slice())?;
                    meta.insert("genesis", genesis.block().hash().as_slice())?;
                    drop(meta);
                    put_block(tx, genesis)?;
                    put_all_state(tx, &genesis.state)
                })?;
            }
            Some(layout) => {
                let got = layout.try_into().map_or(0, u64::from_be_bytes);
                if got != LAYOUT {
                    return Err(StoreError::Layout {
                        path: path.to_owned(),
                        got,
                    });
                }
                let got = store
                    .meta("genesis")?
                    .and_then(|g| B256::try_from(g.as_slice()).ok())
                    .unwrap_or_default();
                if got != genesis.block().hash() {
                    let expected = genesis.block().hash();
                    return Err(StoreError::Genesis {
                        path: path.to_owned(),
                        got,
                        expected,
                    });
                }
            }
        }
        let oldest = store.number_under(OLDEST)?.unwrap_or(1);
        store.oldest.store(oldest, Ordering::Release);
        Ok(store)
    }

    /// Makes the file of a chain that begins with a snapshot. It appears under `path` when it is whole.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn begin(
        path: &Path,
        genesis: &ExecutedBlock,
        epoch_length: u64,
        restored: &Restored,
    ) -> Result<(), StoreError> {
        let part = path.with_extension("part");
        let moving = |source: std::io::Error| StoreError::of(&part, redb::Error::Io(source));
        match std::fs::remove_file(&part) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(moving(error));
            }
            _ => {}
        }
        let store = Self::open_file(&part, genesis, epoch_length)?;
        let number = restored.tip.block.number();
        let tip = ExecutedBlock {
            record: Arc::new(restored.tip.clone()),
            state: restored.state.clone(),
            delta: StateDelta::default(),
        };
        store.write(|tx| {
            // What genesis left goes: the snapshot is the whole state.
            tx.delete_table(ACCOUNTS)?;
            tx.delete_table(SLOTS)?;
            tx.delete_table(CODE)?;
            put_all_state(tx, &restored.state)?;
            put_block(tx, &tip)?;
            put_handover(tx, &tip, epoch_length)?;
            let mut certificates = tx.open_table(CERTIFICATES)?;
            let hash = tip.block().hash();
            certificates.insert(&hash.0, restored.certificate.as_ref())?;
            let mut headers = tx.open_table(HEADERS)?;
            let mut numbers = tx.open_table(NUMBERS)?;
            let mut handovers = tx.open_table(HANDOVERS)?;
            for (epoch, handover) in (0_u64..).zip(&restored.history) {
                let hash = handover.header.hash_slow();
                certificates.insert(&hash.0, handover.certificate.to_bytes().as_ref())?;
                handovers.insert(epoch, alloy_rlp::encode(&handover.votes).as_slice())?;
            }
            let ends = restored.history.iter().map(|handover| &handover.header);
            for header in ends.chain(&restored.headers) {
                headers.insert(header.number, alloy_rlp::encode(header).as_slice())?;
                numbers.insert(&header.hash_slow().0, header.number)?;
            }
            let mut meta = tx.open_table(META)?;
            for key in [OLDEST, READ_TO] {
                meta.insert(key, number.to_be_bytes().as_slice())?;
            }
            Ok(())
        })?;
        drop(store);
        std::fs::rename(&part, path).map_err(moving)
    }

    /// Number of the oldest block after 0 whose body and receipts are here.
    pub fn oldest(&self) -> u64 {
        self.oldest.load(Ordering::Acquire)
    }

    /// Block up to which a reader or a snapshot brought everything here.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn read_to(&self) -> Result<Option<u64>, StoreError> {
        self.number_under(READ_TO)
    }

    /// Remembers that a reader brought everything up to this block.
    ///
    /// # Errors
    /// Fails when the file cannot be written.
    pub fn set_read_to(&self, number: u64) -> Result<(), StoreError> {
        self.write(|tx| {
            let mut meta = tx.open_table(META)?;
            meta.insert(READ_TO, number.to_be_bytes().as_slice())?;
            Ok(())
        })
    }

    /// Drops bodies, receipts and log index of blocks below `below`, at most `most` of them, oldest first. Headers, certificates,
    /// handovers and the places of transactions stay.
    ///
    /// # Errors
    /// On an error nothing is dropped.
    pub fn prune(&self, below: u64, most: u64) -> Result<(), StoreError> {
        let oldest = self.oldest();
        let until = below.min(oldest.saturating_add(most));
        if until <= oldest {
            return Ok(());
        }
        let mut records = Vec::new();
        for number in oldest..until {
            // A file that begins with a snapshot has no blocks before it.
            records.extend(self.record(number)?);
        }
        self.write(|tx| {
            let mut blocks = tx.open_table(BLOCKS)?;
            let mut receipts = tx.open_table(RECEIPTS)?;
            let mut headers = tx.open_table(HEADERS)?;
            let mut loggers = tx.open_table(LOGGERS)?;
            for record in &records {
                let number = record.block.number();
                let header = alloy_rlp::encode(record.block.header());
                headers.insert(number, header.as_slice())?;
                blocks.remove(number)?;
                receipts.remove(number)?;
                for address in emitters(record) {
                    loggers.remove((&address.0.0, number))?;
                }
            }
            let mut meta = tx.open_table(META)?;
            meta.insert(OLDEST, until.to_be_bytes().as_slice())?;
            Ok(())
        })?;
        self.oldest.store(until, Ordering::Release);
        Ok(())
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the newest block and rebuilds the state after it; the state must hash to the block's state root.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it does not.
    fn load(&self) -> Result<Loaded, StoreError> {
        let number = self.newest()?;
        let damaged = |what: String| StoreError::Damaged {
            path: self.path.clone(),
            number,
            what,
        };
        let tip = self
            .record(number)?
            .ok_or_else(|| damaged("the newest block is missing".into()))?;
        let mut state = self.read(|tx| {
            let accounts = tx.open_table(ACCOUNTS)?;
            let slots = tx.open_table(SLOTS)?;
            let code = tx.open_table(CODE)?;
            let accounts = accounts.iter()?.collect::<Result<Vec<_>, _>>()?;
            let slots = slots.iter()?.collect::<Result<Vec<_>, _>>()?;
            let code = code.iter()?.collect::<Result<Vec<_>, _>>()?;
            Ok(WorldState::rebuild(
                accounts.iter().map(|(address, value)| {
                    let (nonce, balance, hash) = decode_account(value.value());
                    (Address::from(address.value()), nonce, balance, hash)
                }),
                slots.iter().map(|(key, value)| {
                    let (address, slot) = key.value();
                    (
                        Address::from(address),
                        U256::from_be_bytes(*slot),
                        U256::from_be_bytes(*value.value()),
                    )
                }),
                code.iter()
                    .map(|(_, code)| Bytes::copy_from_slice(code.value())),
            ))
        })?;
        let expected = tip.block.header().state_root;
        if state.root() != expected {
            return Err(damaged(format!(
                "its state hashes to {}, the header says {expected}",
                state.root()
            )));
        }
        for back in number.saturating_sub(255)..=number {
            let header = self
                .header(back)?
                .ok_or_else(|| damaged(format!("block {back} is missing")))?;
            state.remember_block(back, header.hash_slow());
        }
        Ok(Loaded { tip, state })
    }

    /// Number of the newest block in the file.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn newest(&self) -> Result<u64, StoreError> {
        self.read(|tx| {
            Ok(tx
                .open_table(BLOCKS)?
                .last()?
                .map_or(0, |(number, _)| number.value()))
        })
    }

    /// Writes final blocks, in order, in one transaction that is on disk when this returns.
    ///
    /// # Errors
    /// On an error nothing of it is in the file.
    pub fn append(
        &self,
        blocks: &[Arc<ExecutedBlock>],
        certificates: &[(B256, Bytes)],
    ) -> Result<(), StoreError> {
        self.write(|tx| {
            for block in blocks {
                put_block(tx, block)?;
                put_delta(tx, &block.delta)?;
                put_handover(tx, block, self.epoch_length)?;
            }
            let mut table = tx.open_table(CERTIFICATES)?;
            for (hash, certificate) in certificates {
                table.insert(&hash.0, certificate.as_ref())?;
            }
            Ok(())
        })
    }

    /// A final block with senders and receipts.
    ///
    /// # Errors
    /// [`StoreError::Pruned`] when it is here no more; fails when the file cannot be read or what it holds cannot be decoded.
    pub fn record(&self, number: u64) -> Result<Option<BlockRecord>, StoreError> {
        self.kept(number)?;
        let found = self.read(|tx| {
            let block = tx
                .open_table(BLOCKS)?
                .get(number)?
                .map(|raw| raw.value().to_vec());
            let rest = tx
                .open_table(RECEIPTS)?
                .get(number)?
                .map(|raw| raw.value().to_vec());
            Ok(block.zip(rest))
        })?;
        let Some((block, rest)) = found else {
            return Ok(None);
        };
        let damaged = |what: &str| StoreError::Damaged {
            path: self.path.clone(),
            number,
            what: what.into(),
        };
        let block = Block::decode(&block).map_err(|_| damaged("the block is not RLP"))?;
        let (senders, receipts) =
            decode_receipts(&rest).ok_or_else(|| damaged("the receipts are not RLP"))?;
        if senders.len() != block.transactions().len() || receipts.len() != senders.len() {
            return Err(damaged(
                "the number of receipts is not the number of transactions",
            ));
        }
        Ok(Some(BlockRecord {
            block,
            senders,
            receipts,
        }))
    }

    /// The header of a final block, pruned or not. `None` for one that is not final yet, or older than what the file began with.
    ///
    /// # Errors
    /// Fails when the file cannot be read or what it holds cannot be decoded.
    pub fn header(&self, number: u64) -> Result<Option<Header>, StoreError> {
        let damaged = |_| StoreError::Damaged {
            path: self.path.clone(),
            number,
            what: "the block or header is not RLP".into(),
        };
        let (block, header) = self.read(|tx| {
            let owned = |raw: redb::AccessGuard<'_, &[u8]>| raw.value().to_vec();
            let block = tx.open_table(BLOCKS)?.get(number)?.map(owned);
            let header = match tx.open_table(HEADERS) {
                Ok(table) => table.get(number)?.map(owned),
                Err(redb::TableError::TableDoesNotExist(_)) => None,
                Err(e) => return Err(e.into()),
            };
            Ok((block, header))
        })?;
        match (block, header) {
            (Some(block), _) => {
                let block = Block::decode(&block).map_err(damaged)?;
                Ok(Some(block.header().clone()))
            }
            (None, Some(header)) => alloy_rlp::decode_exact(header).map(Some).map_err(damaged),
            (None, None) => Ok(None),
        }
    }

    /// Fails when the body of this block is here no more.
    fn kept(&self, asked: u64) -> Result<(), StoreError> {
        let oldest = self.oldest();
        if asked > 0 && asked < oldest {
            return Err(StoreError::Pruned { asked, oldest });
        }
        Ok(())
    }

    /// Number of the block with this hash.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn number_of(&self, hash: B256) -> Result<Option<u64>, StoreError> {
        self.read(|tx| Ok(tx.open_table(NUMBERS)?.get(&hash.0)?.map(|n| n.value())))
    }

    /// Block and index of a transaction.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn locate(&self, tx_hash: B256) -> Result<Option<(u64, usize)>, StoreError> {
        self.read(|tx| {
            Ok(tx.open_table(LOCATIONS)?.get(&tx_hash.0)?.map(|at| {
                let (number, index) = at.value();
                (number, index as usize)
            }))
        })
    }

    /// Blocks in `from..=to` in which `address` emitted a log, ascending, at most `max`.
    ///
    /// # Errors
    /// [`StoreError::Pruned`] when the range begins before what is kept; fails when the file cannot be read.
    pub fn logger_blocks(
        &self,
        address: Address,
        from: u64,
        to: u64,
        max: usize,
    ) -> Result<Vec<u64>, StoreError> {
        // Block 0 has no logs.
        self.kept(from.max(1))?;
        self.read(|tx| {
            let table = tx.open_table(LOGGERS)?;
            let range = table.range((&address.0.0, from)..=(&address.0.0, to))?;
            range
                .take(max)
                .map(|entry| Ok(entry?.0.value().1))
                .collect()
        })
    }

    /// The certificate stored for a block hash.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn certificate(&self, hash: B256) -> Result<Option<Bytes>, StoreError> {
        self.read(|tx| {
            Ok(tx
                .open_table(CERTIFICATES)?
                .get(&hash.0)?
                .map(|c| Bytes::copy_from_slice(c.value())))
        })
    }

    /// How the state after the last block of `epoch` names the next validators.
    ///
    /// # Errors
    /// Fails when the file cannot be read or what it holds cannot be decoded.
    pub fn next_votes(&self, epoch: u64) -> Result<Option<NextVotes>, StoreError> {
        let raw = self.read(|tx| match tx.open_table(HANDOVERS) {
            Ok(table) => Ok(table.get(epoch)?.map(|raw| raw.value().to_vec())),
            // Before the first epoch has ended.
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(e) => Err(e.into()),
        })?;
        raw.map(alloy_rlp::decode_exact)
            .transpose()
            .map_err(|_| StoreError::Damaged {
                path: self.path.clone(),
                number: epoch.saturating_add(1).saturating_mul(self.epoch_length),
                what: "the proof of the next validators is not RLP".into(),
            })
    }

    fn number_under(&self, key: &str) -> Result<Option<u64>, StoreError> {
        let raw = self.meta(key)?;
        Ok(raw.and_then(|raw| raw.try_into().ok().map(u64::from_be_bytes)))
    }

    fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|tx| match tx.open_table(META) {
            Ok(table) => Ok(table.get(key)?.map(|v| v.value().to_vec())),
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(e) => Err(e.into()),
        })
    }

    fn read<T>(
        &self,
        f: impl FnOnce(&redb::ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let run = || f(&self.db.begin_read()?);
        run().map_err(|source| StoreError::of(&self.path, source))
    }

    fn write(
        &self,
        f: impl FnOnce(&redb::WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), StoreError> {
        let run = || {
            let tx = self.db.begin_write()?;
            f(&tx)?;
            tx.commit()?;
            Ok(())
        };
        run().map_err(|source| StoreError::of(&self.path, source))
    }
}

impl StoreError {
    /// Tells a damaged file from one that cannot be read or written.
    fn of(path: &Path, source: redb::Error) -> Self {
        use std::io::ErrorKind::{InvalidData, UnexpectedEof};
        let path = path.to_owned();
        match source {
            redb::Error::Corrupted(what) => Self::Corrupt { path, what },
            redb::Error::Io(error) if matches!(error.kind(), InvalidData | UnexpectedEof) => {
                let what = error.to_string();
                Self::Corrupt { path, what }
            }
            source => Self::Io { path, source },
        }
    }
}

fn put_block(tx: &redb::WriteTransaction, executed: &ExecutedBlock) -> Result<(), redb::Error> {
    let record = &executed.record;
    let (number, hash) = (record.block.number(), record.block.hash());
    tx.open_table(BLOCKS)?
        .insert(number, record.block.raw().as_ref())?;
    tx.open_table(RECEIPTS)?
        .insert(number, encode_receipts(record).as_slice())?;
    tx.open_table(NUMBERS)?.insert(&hash.0, number)?;
    let mut locations = tx.open_table(LOCATIONS)?;
    for (index, transaction) in record.block.transactions().iter().enumerate() {
        locations.insert(&transaction.tx_hash().0, (number, index as u32))?;
    }
    let mut loggers = tx.open_table(LOGGERS)?;
    for address in emitters(record) {
        loggers.insert((&address.0.0, number), ())?;
    }
    // The numbers a fresh file needs, so that reading never meets a missing table.
    tx.open_table(CERTIFICATES)?;
    Ok(())
}

/// Who emitted a log in it.
fn emitters(record: &BlockRecord) -> BTreeSet<Address> {
    let logs = record.receipts.iter().flat_map(|r| r.logs());
    logs.map(|log| log.address).collect()
}

/// Keeps who comes next, when the block is the last of its epoch.
fn put_handover(
    tx: &redb::WriteTransaction,
    block: &ExecutedBlock,
    epoch_length: u64,
) -> Result<(), redb::Error> {
    let next = block.block().number().saturating_add(1);
    if next.is_multiple_of(epoch_length) {
        let epoch = (next / epoch_length).saturating_sub(1);
        let proof = NextVotes::of(&block.state);
        let mut table = tx.open_table(HANDOVERS)?;
        table.insert(epoch, alloy_rlp::encode(proof).as_slice())?;
    }
    Ok(())
}

fn put_delta(tx: &redb::WriteTransaction, delta: &StateDelta) -> Result<(), redb::Error> {
    let mut accounts = tx.open_table(ACCOUNTS)?;
    let mut slots = tx.open_table(SLOTS)?;
    let mut code = tx.open_table(CODE)?;
    for address in &delta.wiped {
        let low = (&address.0.0, &[0; 32]);
        let high = (&address.0.0, &[0xff; 32]);
        slots.retain_in(low..=high, |_, _| false)?;
    }
    for (address, account) in &delta.accounts {
        match account {
            Some((nonce, balance, hash)) => {
                accounts.insert(
                    &address.0.0,
                    encode_account(*nonce, *balance, *hash).as_slice(),
                )?;
            }
            None => drop(accounts.remove(&address.0.0)?),
        }
    }
    for (address, key, value) in &delta.slots {
        let key = (&address.0.0, &key.to_be_bytes::<32>());
        if value.is_zero() {
            slots.remove(key)?;
        } else {
            slots.insert(key, &value.to_be_bytes::<32>())?;
        }
    }
    for (hash, bytes) in &delta.code {
        code.insert(&hash.0, bytes.as_ref())?;
    }
    Ok(())
}

fn put_all_state(tx: &redb::WriteTransaction, state: &WorldState) -> Result<(), redb::Error> {
    let delta = StateDelta {
        accounts: state
            .accounts()
            .map(|(a, x)| (*a, Some((x.nonce, x.balance, x.code_hash))))
            .collect(),
        wiped: Vec::new(),
        slots: state
            .accounts()
            .flat_map(|(a, x)| x.storage.iter().map(|(k, v)| (*a, *k, *v)))
            .collect(),
        code: state
            .codes()
            .map(|(hash, code)| (*hash, code.original_bytes()))
            .collect(),
    };
    put_delta(tx, &delta)
}

/// `nonce (8) | balance (32) | code hash (32)`, big endian.
fn encode_account(nonce: u64, balance: U256, code_hash: B256) -> [u8; 72] {
    let mut out = [0; 72];
    out[..8].copy_from_slice(&nonce.to_be_bytes());
    out[8..40].copy_from_slice(&balance.to_be_bytes::<32>());
    out[40..].copy_from_slice(code_hash.as_slice());
    out
}

fn decode_account(raw: &[u8]) -> (u64, U256, B256) {
    // A value of another length decodes to an account that cannot hash to the state root, which `load` reports.
    let Ok(raw) = <[u8; 72]>::try_from(raw) else {
        return Default::default();
    };
    let nonce = raw[..8].iter().fold(0, |n, b| n << 8 | u64::from(*b));
    (
        nonce,
        U256::from_be_slice(&raw[8..40]),
        B256::from_slice(&raw[40..]),
    )
}

/// RLP of `[senders, receipts]`, each receipt as the byte string of its EIP-2718 form.
fn encode_receipts(record: &BlockRecord) -> Vec<u8> {
    let receipts: Vec<Bytes> = record
        .receipts
        .iter()
        .map(|r| Bytes::from(r.encoded_2718()))
        .collect();
    let mut out = Vec::new();
    record.senders.encode(&mut out);
    receipts.encode(&mut out);
    out
}

fn decode_receipts(mut raw: &[u8]) -> Option<(Vec<Address>, Vec<ReceiptEnvelope>)> {
    let senders = Vec::<Address>::decode(&mut raw).ok()?;
    let receipts = Vec::<Bytes>::decode(&mut raw).ok()?;
    let receipts = receipts
        .iter()
        .map(|r| ReceiptEnvelope::decode_2718(&mut r.as_ref()).ok())
        .collect::<Option<_>>()?;
    raw.is_empty().then_some((senders, receipts))
}
