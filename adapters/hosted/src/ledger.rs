//! One validator's view of its chain: what it executed, what is final, and where that is kept.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{Arc, OnceLock, mpsc},
};

use alloy_consensus::{Header, transaction::SignerRecoverable};
use alloy_primitives::{Address, B256, Bytes};
use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};

use crate::{
    block::{self, Attributes, Block},
    execute::{self, BlockRecord, ExecutedBlock, ExecutionError},
    pool::TxPool,
    snapshot::Restored,
    spec::{ChainSpec, SpecError},
    store::{Loaded, NextVotes, Store, StoreError},
};

/// Blocks whose state stays readable, for `eth_call` and `eth_getProof` on recent heights.
pub const STATE_WINDOW: usize = 128;
/// Transactions in that window before it is cut shorter, so that full blocks do not fill the memory.
const WINDOW_TRANSACTIONS: usize = 20_000;
/// Blocks always kept in memory; more than can wait for the disk.
const WINDOW_MIN: usize = 24;
/// Final blocks that may wait for the disk; as many again are being written. Both together stay below [`WINDOW_MIN`],
/// so that every final block is found in memory or in the store.
const WRITE_QUEUE: usize = 8;
/// How far ahead of our clock a proposer's may be.
const MAX_AHEAD_MS: u64 = 1_000;
/// Fewest blocks a ledger keeps when it prunes: peers that were away for a moment, and wallets, ask for them.
pub const MIN_KEEP_BLOCKS: u64 = 256;
/// Fewer are not worth a write of their own.
const PRUNED_AT_LEAST: u64 = 32;
/// Most blocks that are pruned with one batch of new ones.
const PRUNED_AT_ONCE: u64 = 64;
/// Most certificates that wait for the disk; past it they are dropped, see [`Unwritten`].
const MAX_UNWRITTEN: usize = 10_000;

/// Why a ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The spec makes no chain.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The store says no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The thread that writes could not be started.
    #[error("cannot start the writer thread")]
    Thread(#[source] std::io::Error),
}

/// Why a proposed block is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// A header field breaks the chain's rules.
    #[error("header field {field} is {got}, must be {expected}")]
    Header {
        /// Which field.
        field: &'static str,
        /// What the rules ask.
        expected: String,
        /// What the header says.
        got: String,
    },
    /// A transaction's signature recovers to nobody.
    #[error("transaction {index} has no valid signature")]
    Signature {
        /// Its place in the block.
        index: usize,
    },
    /// Execution disagrees.
    #[error(transparent)]
    Execution(#[from] ExecutionError),
}

/// Executed blocks shared by the validators of one process, by block hash.
///
/// Whoever proposes or verifies a block first executes it; the others take the result. A chain hosted without this
/// cache executes every block once per validator, as separate hosts do.
#[derive(Default)]
pub struct ExecutionCache(Mutex<CacheInner>);

type Slot = Arc<OnceLock<Result<Arc<ExecutedBlock>, Arc<BlockError>>>>;

#[derive(Default)]
struct CacheInner {
    slots: HashMap<B256, Slot>,
    order: std::collections::VecDeque<B256>,
}

impl ExecutionCache {
    const CAPACITY: usize = 32;

    fn slot(&self, hash: B256) -> Slot {
        let mut inner = self.0.lock();
        if let Some(slot) = inner.slots.get(&hash) {
            return slot.clone();
        }
        if inner.order.len() >= Self::CAPACITY
            && let Some(old) = inner.order.pop_front()
        {
            inner.slots.remove(&old);
        }
        inner.order.push_back(hash);
        inner.slots.entry(hash).or_default().clone()
    }
}

/// A final block on its way to the disk, and what to do once it is there.
type Job = (Arc<ExecutedBlock>, Box<dyn FnOnce() + Send>);

/// Certificates that go to the disk with the next block. Losing them in a crash loses nothing else: a later certificate
/// proves the same blocks.
type Unwritten = Arc<Mutex<Vec<(B256, Bytes)>>>;

/// One validator's chain.
pub struct Ledger {
    spec: Arc<ChainSpec>,
    genesis: B256,
    keep: Option<u64>,
    store: Arc<Store>,
    cache: Option<Arc<ExecutionCache>>,
    inner: Mutex<Inner>,
    tip: watch::Sender<Arc<ExecutedBlock>>,
    news: broadcast::Sender<Arc<ExecutedBlock>>,
    /// Writes on a thread of its own; without it, at once.
    writer: Option<mpsc::SyncSender<Job>>,
    thread: Option<std::thread::JoinHandle<()>>,
    unwritten: Unwritten,
    healthy: watch::Receiver<Option<String>>,
}

struct Inner {
    /// Executed and not final yet, by hash.
    pending: HashMap<B256, Arc<ExecutedBlock>>,
    /// Final and recent, by number.
    recent: BTreeMap<u64, Arc<ExecutedBlock>>,
    recent_transactions: usize,
    locations: HashMap<B256, (u64, usize)>,
    certificates: HashMap<B256, Bytes>,
}

impl Ledger {
    /// Opens the ledger in `file`, making it from the spec's genesis when it is new. With `keep`, bodies and receipts of blocks
    /// older than that many are dropped; [`MIN_KEEP_BLOCKS`] are kept at least.
    ///
    /// # Errors
    /// See [`LedgerError`]; a damaged file is named.
    pub fn open(
        spec: Arc<ChainSpec>,
        file: &Path,
        cache: Option<Arc<ExecutionCache>>,
        keep: Option<u64>,
    ) -> Result<Arc<Self>, LedgerError> {
        let keep = keep.map(|keep| keep.max(MIN_KEEP_BLOCKS));
        let genesis = Self::genesis(&spec)?;
        let (store, loaded) = Store::open(file, &genesis, spec.epoch_length)?;
        let store = Arc::new(store);
        let (writer, jobs) = mpsc::sync_channel(WRITE_QUEUE);
        let (health, healthy) = watch::channel(None);
        let target = store.clone();
        let unwritten = Unwritten::default();
        let certificates = unwritten.clone();
        let thread = std::thread::Builder::new()
            .name(format!("store-{}", spec.name))
            .spawn(move || write_loop(&target, &jobs, &certificates, keep, &health))
            .map_err(LedgerError::Thread)?;
        let mut ledger = Self::over(spec, genesis.block().hash(), store, loaded, cache);
        ledger.keep = keep;
        ledger.writer = Some(writer);
        ledger.thread = Some(thread);
        ledger.unwritten = unwritten;
        ledger.healthy = healthy;
        Ok(Arc::new(ledger))
    }

    /// A ledger in memory that writes where it stands: in a simulation nothing may happen at a time of its own.
    #[cfg(test)]
    pub(crate) fn in_memory(spec: Arc<ChainSpec>) -> Result<Arc<Self>, LedgerError> {
        let genesis = Self::genesis(&spec)?;
        let (store, loaded) = Store::in_memory(&genesis, spec.epoch_length)?;
        let hash = genesis.block().hash();
        let ledger = Self::over(spec, hash, Arc::new(store), loaded, None);
        Ok(Arc::new(ledger))
    }

    /// Makes the file of a ledger that begins with a snapshot.
    ///
    /// # Errors
    /// See [`LedgerError`].
    pub fn begin(spec: &ChainSpec, file: &Path, restored: &Restored) -> Result<(), LedgerError> {
        let genesis = Self::genesis(spec)?;
        Ok(Store::begin(file, &genesis, spec.epoch_length, restored)?)
    }

    fn genesis(spec: &ChainSpec) -> Result<ExecutedBlock, LedgerError> {
        let (block, state) = spec.genesis()?;
        Ok(ExecutedBlock {
            record: Arc::new(BlockRecord {
                block,
                senders: Vec::new(),
                receipts: Vec::new(),
            }),
            state,
            delta: Default::default(),
        })
    }

    /// Without a writer.
    fn over(
        spec: Arc<ChainSpec>,
        genesis: B256,
        store: Arc<Store>,
        loaded: Loaded,
        cache: Option<Arc<ExecutionCache>>,
    ) -> Self {
        let tip = Arc::new(ExecutedBlock {
            record: Arc::new(loaded.tip),
            state: loaded.state,
            delta: Default::default(),
        });
        Self {
            spec,
            genesis,
            keep: None,
            store,
            cache,
            inner: Mutex::new(Inner {
                pending: HashMap::new(),
                recent: BTreeMap::from([(tip.block().number(), tip.clone())]),
                recent_transactions: tip.block().transactions().len(),
                locations: HashMap::new(),
                certificates: HashMap::new(),
            }),
            tip: watch::channel(tip).0,
            news: broadcast::channel(1024).0,
            writer: None,
            thread: None,
            unwritten: Unwritten::default(),
            healthy: watch::channel(None).1,
        }
    }

    /// The chain's spec.
    pub fn spec(&self) -> &Arc<ChainSpec> {
        &self.spec
    }

    /// Hash of block 0.
    pub const fn genesis_hash(&self) -> B256 {
        self.genesis
    }

    /// The newest final block.
    pub fn tip(&self) -> Arc<ExecutedBlock> {
        self.tip.borrow().clone()
    }

    /// Follows the newest final block; may skip blocks.
    pub fn watch_tip(&self) -> watch::Receiver<Arc<ExecutedBlock>> {
        self.tip.subscribe()
    }

    /// Follows every final block in order; a slow receiver is told how many it missed.
    pub fn news(&self) -> broadcast::Receiver<Arc<ExecutedBlock>> {
        self.news.subscribe()
    }

    /// Why nothing is written to disk any more, if that is so.
    pub fn trouble(&self) -> Option<String> {
        self.healthy.borrow().clone()
    }

    /// Resolves with the reason when a write fails: from then on nothing is written, and the validator must stop.
    pub fn failed(&self) -> impl Future<Output = String> + Send + use<> {
        let mut healthy = self.healthy.clone();
        async move {
            let found = healthy.wait_for(Option::is_some).await;
            match found.ok().and_then(|why| why.clone()) {
                Some(why) => why,
                // The ledger is gone.
                None => std::future::pending().await,
            }
        }
    }

    /// A final block whose state is still in the window.
    pub fn recent(&self, number: u64) -> Option<Arc<ExecutedBlock>> {
        self.inner.lock().recent.get(&number).cloned()
    }

    /// Oldest final block whose state is still in the window.
    pub fn oldest_state(&self) -> u64 {
        self.inner
            .lock()
            .recent
            .keys()
            .next()
            .copied()
            .unwrap_or_default()
    }

    /// How many blocks are kept; `None`: all.
    pub const fn keep_blocks(&self) -> Option<u64> {
        self.keep
    }

    /// Number of the oldest block after 0 whose body and receipts are kept.
    pub fn oldest_block(&self) -> u64 {
        self.store.oldest()
    }

    /// Block up to which a reader or a snapshot brought everything here, if one did.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub fn read_to(&self) -> Result<Option<u64>, StoreError> {
        self.store.read_to()
    }

    /// Remembers that a reader brought everything up to this block.
    ///
    /// # Errors
    /// Fails when the store cannot be written.
    pub fn set_read_to(&self, number: u64) -> Result<(), StoreError> {
        self.store.set_read_to(number)
    }

    /// The header of a final block, pruned or not.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub fn header(&self, number: u64) -> Result<Option<Header>, StoreError> {
        if let Some(block) = self.recent(number) {
            return Ok(Some(block.block().header().clone()));
        }
        self.store.header(number)
    }

    /// A final block of any age.
    ///
    /// # Errors
    /// [`StoreError::Pruned`] when it is kept no more; fails when the store cannot be read.
    pub fn record(&self, number: u64) -> Result<Option<Arc<BlockRecord>>, StoreError> {
        if let Some(block) = self.recent(number) {
            return Ok(Some(block.record.clone()));
        }
        Ok(self.store.record(number)?.map(Arc::new))
    }

    /// How the state after the last block of `epoch` names the next validators. A block reaches the file a moment after it
    /// is final.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub fn next_votes(&self, epoch: u64) -> Result<Option<NextVotes>, StoreError> {
        self.store.next_votes(epoch)
    }

    /// Number of a final block by its hash.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub fn number_of(&self, hash: B256) -> Result<Option<u64>, StoreError> {
        let recent = self
            .inner
            .lock()
            .recent
            .values()
            .find(|b| b.block().hash() == hash)
            .map(|b| b.block().number());
        if recent.is_some() {
            return Ok(recent);
        }
        self.store.number_of(hash)
    }

    /// Block and index of a final transaction.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub fn locate(&self, tx_hash: B256) -> Result<Option<(u64, usize)>, StoreError> {
        if let Some(at) = self.inner.lock().locations.get(&tx_hash) {
            return Ok(Some(*at));
        }
        self.store.locate(tx_hash)
    }

    /// Blocks in `from..=to` in which `address` emitted a log, ascending, at most `max`.
    ///
    /// # Errors
    /// [`StoreError::Pruned`] when the range begins before what is kept; fails when the store cannot be read.
    pub fn logger_blocks(
        &self,
        address: Address,
        from: u64,
        to: u64,
        max: usize,
    ) -> Result<Vec<u64>, StoreError> {
        if from > to {
            return Ok(Vec::new());
        }
        let mut numbers = self.store.logger_blocks(address, from, to, max)?;
        let written = numbers.last().copied();
        let inner = self.inner.lock();
        let fresh = inner
            .recent
            .range(from..=to)
            .filter(|(number, _)| Some(**number) > written);
        for (number, block) in fresh {
            let emits = block
                .record
                .receipts
                .iter()
                .flat_map(|r| r.logs())
                .any(|log| log.address == address);
            if emits && numbers.len() < max {
                numbers.push(*number);
            }
        }
        Ok(numbers)
    }

    /// The encoded certificate that finalised this very block, if it has one of its own; see
    /// [`crate::certificate::FinalityProof`] for blocks that became final through a descendant.
    ///
    /// # Errors
    /// Fails when the store cannot be read.
    pub fn certificate(&self, hash: B256) -> Result<Option<Bytes>, StoreError> {
        if let Some(certificate) = self.inner.lock().certificates.get(&hash) {
            return Ok(Some(certificate.clone()));
        }
        self.store.certificate(hash)
    }

    /// An executed block by hash, pending or recent.
    pub fn executed(&self, hash: B256) -> Option<Arc<ExecutedBlock>> {
        let inner = self.inner.lock();
        inner
            .pending
            .get(&hash)
            .or_else(|| {
                inner
                    .recent
                    .values()
                    .rev()
                    .find(|b| b.block().hash() == hash)
            })
            .cloned()
    }

    /// Builds a block on `parent` from what waits in the pool.
    pub fn propose(
        &self,
        parent: &ExecutedBlock,
        pool: &TxPool,
        attributes: Attributes,
    ) -> Arc<ExecutedBlock> {
        let base_fee = self.spec.next_base_fee(parent.block().header());
        let header = block::child_header(parent.block(), attributes, self.spec.gas_limit, base_fee);
        let candidates = pool.candidates(&parent.state, base_fee);
        let signed = candidates.iter().map(|pooled| (&pooled.tx, pooled.sender));
        let (built, refused) = execute::build(self.spec.chain_id, &parent.state, header, signed);
        pool.drop_invalid(refused.into_iter().map(|(hash, reason)| {
            tracing::debug!(chain = %self.spec.name, %hash, %reason, "transaction cannot run and leaves the pool");
            hash
        }));
        let built = Arc::new(built);
        if let Some(cache) = &self.cache {
            // A block of this hash cannot be there yet: nobody else has seen it.
            let _ = cache.slot(built.block().hash()).set(Ok(built.clone()));
        }
        self.insert_pending(built.clone());
        built
    }

    /// Checks and executes a block on `parent`, or finds that this was done already.
    ///
    /// # Errors
    /// A refused block is invalid for ever, except that one from the future is only asked for again later.
    pub fn verify(
        &self,
        parent: &ExecutedBlock,
        block: &Block,
        pool: &TxPool,
        now_ms: u64,
    ) -> Result<Arc<ExecutedBlock>, Arc<BlockError>> {
        if let Some(done) = self.executed(block.hash()) {
            return Ok(done);
        }
        check_header(&self.spec, parent.block(), block.header(), now_ms)?;
        let run = || {
            self.execute(parent, block, pool)
                .map(Arc::new)
                .map_err(Arc::new)
        };
        let executed = match &self.cache {
            Some(cache) => cache.slot(block.hash()).get_or_init(run).clone()?,
            None => run()?,
        };
        self.insert_pending(executed.clone());
        Ok(executed)
    }

    /// Takes a block consensus made final. `durable` runs once it is on disk. A block that is final already is ignored
    /// and reported durable at once: consensus repeats itself after a restart.
    ///
    /// # Errors
    /// A final block that does not follow the tip or does not execute means that this validator's ledger or binary
    /// differs from the quorum's; it must not go on.
    pub fn finalize(
        &self,
        block: &Block,
        pool: &TxPool,
        durable: impl FnOnce() + Send + 'static,
    ) -> Result<(), Arc<BlockError>> {
        let tip = self.tip();
        if block.number() <= tip.block().number() {
            durable();
            return Ok(());
        }
        let executed = match self.executed(block.hash()) {
            Some(executed) => executed,
            None => {
                // A final block was in time when the quorum accepted it: its own clock stands in for ours.
                check_header(&self.spec, tip.block(), block.header(), block.time_ms())?;
                self.execute(&tip, block, pool).map(Arc::new)?
            }
        };
        self.adopt(&executed);
        let _ = self.news.send(executed.clone());
        match &self.writer {
            // A full queue holds consensus back until the disk has caught up. A writer that has failed takes nothing: the
            // block stays unacknowledged.
            Some(writer) => {
                let _ = writer.send((executed, Box::new(durable)));
            }
            None => {
                let certificates = std::mem::take(&mut *self.unwritten.lock());
                match self.store.append(&[executed], &certificates) {
                    Ok(()) => durable(),
                    Err(error) => tracing::error!(%error, "a block is not written"),
                }
            }
        }
        Ok(())
    }

    /// Keeps the certificate of a final block.
    pub fn certify(&self, hash: B256, certificate: Bytes) {
        self.inner
            .lock()
            .certificates
            .insert(hash, certificate.clone());
        let mut unwritten = self.unwritten.lock();
        if unwritten.len() < MAX_UNWRITTEN {
            unwritten.push((hash, certificate));
        }
    }

    fn execute(
        &self,
        parent: &ExecutedBlock,
        block: &Block,
        pool: &TxPool,
    ) -> Result<ExecutedBlock, BlockError> {
        let senders = block
            .transactions()
            .iter()
            .enumerate()
            .map(|(index, tx)| match pool.get(*tx.tx_hash()) {
                Some(pooled) => Ok(pooled.sender),
                None => tx
                    .recover_signer()
                    .map_err(|_| BlockError::Signature { index }),
            })
            .collect::<Result<_, _>>()?;
        Ok(execute::replay(
            self.spec.chain_id,
            &parent.state,
            block.clone(),
            senders,
        )?)
    }

    fn insert_pending(&self, executed: Arc<ExecutedBlock>) {
        self.inner
            .lock()
            .pending
            .insert(executed.block().hash(), executed);
    }

    fn adopt(&self, executed: &Arc<ExecutedBlock>) {
        let number = executed.block().number();
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        inner
            .pending
            .retain(|_, block| block.block().number() > number);
        for (index, tx) in executed.block().transactions().iter().enumerate() {
            inner.locations.insert(*tx.tx_hash(), (number, index));
        }
        inner.recent_transactions += executed.block().transactions().len();
        inner.recent.insert(number, executed.clone());
        while inner.recent.len() > STATE_WINDOW
            || (inner.recent.len() > WINDOW_MIN && inner.recent_transactions > WINDOW_TRANSACTIONS)
        {
            let Some((_, old)) = inner.recent.pop_first() else {
                break;
            };
            inner.recent_transactions -= old.block().transactions().len();
            inner.certificates.remove(&old.block().hash());
            for tx in old.block().transactions() {
                inner.locations.remove(tx.tx_hash());
            }
        }
        // Under the lock: whoever finds a transaction of this block finds the block as the tip, too.
        self.tip.send_replace(executed.clone());
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // The writer ends once the queue is empty, and with it the file is free to be opened again.
        drop(self.writer.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(chain = %self.spec.name, "the writer thread panicked");
        }
    }
}

/// Checks everything about a header that does not need execution.
///
/// # Errors
/// Names the field.
pub fn check_header(
    spec: &ChainSpec,
    parent: &Block,
    header: &Header,
    now_ms: u64,
) -> Result<(), BlockError> {
    let time_ms = block::time_ms(header);
    let expected = Header {
        state_root: header.state_root,
        transactions_root: header.transactions_root,
        receipts_root: header.receipts_root,
        logs_bloom: header.logs_bloom,
        gas_used: header.gas_used,
        ..block::child_header(
            parent,
            Attributes {
                time_ms,
                beneficiary: header.beneficiary,
            },
            spec.gas_limit,
            spec.next_base_fee(parent.header()),
        )
    };
    let wrong = |field, expected: String, got: String| {
        Err(BlockError::Header {
            field,
            expected,
            got,
        })
    };
    if time_ms <= parent.time_ms() {
        return wrong(
            "time",
            format!("after {}", parent.time_ms()),
            time_ms.to_string(),
        );
    }
    if time_ms > now_ms + MAX_AHEAD_MS {
        return wrong(
            "time",
            format!("at most {}", now_ms + MAX_AHEAD_MS),
            time_ms.to_string(),
        );
    }
    if header.number != expected.number {
        return wrong(
            "number",
            expected.number.to_string(),
            header.number.to_string(),
        );
    }
    if header.base_fee_per_gas != expected.base_fee_per_gas {
        return wrong(
            "baseFeePerGas",
            format!("{:?}", expected.base_fee_per_gas),
            format!("{:?}", header.base_fee_per_gas),
        );
    }
    if *header != expected {
        return wrong("(all)", format!("{expected:?}"), format!("{header:?}"));
    }
    Ok(())
}

/// Writes batches until every sender is gone or a write fails. The file then takes nothing until it is opened anew. What was
/// not written stays unacknowledged, so consensus hands it out again after a restart and nothing is lost.
fn write_loop(
    store: &Store,
    jobs: &mpsc::Receiver<Job>,
    certificates: &Unwritten,
    keep: Option<u64>,
    health: &watch::Sender<Option<String>>,
) {
    while let Ok(first) = jobs.recv() {
        let (blocks, done): (Vec<_>, Vec<_>) = std::iter::once(first)
            .chain(jobs.try_iter().take(WRITE_QUEUE))
            .unzip();
        let certificates = std::mem::take(&mut *certificates.lock());
        let newest = blocks.last().map_or(0, |block| block.block().number());
        let below = keep.map_or(0, |keep| (newest + 1).saturating_sub(keep));
        let written = store.append(&blocks, &certificates).and_then(|()| {
            if below < store.oldest() + PRUNED_AT_LEAST {
                return Ok(());
            }
            store.prune(below, PRUNED_AT_ONCE)
        });
        if let Err(error) = written {
            health.send_replace(Some(error.to_string()));
            return;
        }
        done.into_iter().for_each(|durable| durable());
    }
}
