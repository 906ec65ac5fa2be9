//! A node without a seat: reads final blocks from other nodes over their JSON-RPC, checks the certificate of each against the
//! validators that its own state names, executes and keeps them. docs/adr/0020-readers-and-snapshots.md.
//!
//! A source may lie, be slow, or be away: it is then left for the next one. It can keep a reader waiting, never make it
//! believe what no quorum signed. What is sent to a reader is passed on to a source.

mod check;
mod client;
mod pass_on;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy_primitives::{Address, B256, Bytes, U64};
use commonware_runtime::{Clock, Spawner};
use futures::future::{Either, select};
use jsonrpsee::rpc_params;
use serde::{Deserialize, Serialize};

pub use check::{Known, Lie, Sealed};
pub use client::{MAX_SOURCES, Source, SourceConfig, SourceConfigError, SourceError, Sources};

use crate::{
    block::Block,
    certificate::FinalityCertificate,
    ledger::{BlockError, Ledger},
    node::validators_at,
    pool::TxPool,
};

/// Most blocks of one answer.
pub const MAX_BLOCKS: u64 = 256;
/// Blocks of one answer end with the one that brings their encoding to this many bytes.
pub const MAX_BLOCKS_BYTES: usize = 8 << 20;
/// Bytes of blocks that may wait for the certificate above them.
const MAX_UNPROVEN_BYTES: usize = 64 << 20;
/// Pause between two looks for a new block.
const POLL: Duration = Duration::from_millis(200);
/// Pause after a source that gave nothing.
const PAUSE: Duration = Duration::from_millis(500);
/// A source that has nothing new for so many heartbeats is left for the next one: another may have.
const STALE_HEARTBEATS: u32 = 5;

/// `causeway_getFinalizedBlocks`, as it travels.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BlocksAnswer {
    /// Newest final block of the node that answers.
    pub(crate) head: U64,
    /// In order.
    pub(crate) blocks: Vec<SealedAnswer>,
}

/// One block there: both RLP.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SealedAnswer {
    pub(crate) block: Bytes,
    pub(crate) certificate: Option<Bytes>,
}

/// How a reader stands, for whoever asks.
#[derive(Debug, Default)]
pub struct Standing {
    /// Validators of this process that have a seat in the present epoch and vote.
    pub seats: AtomicU64,
    /// Newest final block that a source has spoken of.
    pub heard_of: AtomicU64,
}

/// What [`Follower::run`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// However long no source answers.
    Endless,
    /// Until every source was asked in vain: who has a seat can go on without them.
    UntilAllFailed,
}

/// A final block that cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error(
    "block {number}, which a quorum certified, does not execute here ({source}): ledger or program differ from theirs"
)]
pub struct Diverged {
    /// Which.
    pub number: u64,
    /// Why.
    #[source]
    pub source: Arc<BlockError>,
}

/// Reads one chain.
#[derive(Clone)]
pub struct Follower {
    /// Where to.
    pub ledger: Arc<Ledger>,
    /// What is sent here.
    pub pool: Arc<TxPool>,
    /// Domain of the chain's votes.
    pub domain: B256,
    /// Where from.
    pub sources: Sources,
    /// Told how far the sources are.
    pub standing: Arc<Standing>,
}

impl Follower {
    /// Reads until `seated` is true of the epoch of the next block and the sources know no later epoch. Returns how many blocks it
    /// read.
    ///
    /// # Errors
    /// [`Diverged`]: this node must not go on.
    pub async fn run<E: Spawner + Clock>(
        &self,
        context: &E,
        seated: impl Fn(u64) -> bool,
        patience: Patience,
    ) -> Result<u64, Diverged> {
        let reading = Box::pin(self.read(context, seated, patience));
        let passing_on = Box::pin(pass_on::run(
            context,
            &self.pool,
            &self.ledger,
            &self.sources,
        ));
        match select(reading, passing_on).await {
            Either::Left((read, _)) => read,
            Either::Right((never, _)) => match never {},
        }
    }

    async fn read<E: Spawner + Clock>(
        &self,
        context: &E,
        seated: impl Fn(u64) -> bool,
        patience: Patience,
    ) -> Result<u64, Diverged> {
        let spec = self.ledger.spec().clone();
        let stale = Duration::from_millis(spec.heartbeat_ms) * STALE_HEARTBEATS;
        let (mut at, mut failures, mut read) = (0, 0, 0);
        let mut told = String::new();
        let mut moved = context.current();
        loop {
            match self.fetch(self.sources.get(at)).await {
                Ok((head, sealed)) => {
                    failures = 0;
                    told.clear();
                    self.standing.heard_of.fetch_max(head, Ordering::Relaxed);
                    let fresh = !sealed.is_empty();
                    for one in sealed {
                        self.take(context, one).await?;
                        read += 1;
                    }
                    let epoch = (self.ledger.tip().block().number() + 1) / spec.epoch_length;
                    if seated(epoch) && head / spec.epoch_length <= epoch {
                        return Ok(read);
                    }
                    let now = context.current();
                    if fresh {
                        moved = now;
                        continue;
                    }
                    context.sleep(POLL).await;
                    if now.duration_since(moved).unwrap_or_default() > stale {
                        (at, moved) = (at + 1, now);
                    }
                }
                Err(error) => {
                    let words = error.to_string();
                    // The same again and again is said once.
                    if words != told {
                        tracing::warn!(chain = %spec.name, error = %words, "a source is left for the next one");
                        told = words;
                    }
                    (at, failures) = (at + 1, failures + 1);
                    let epoch = (self.ledger.tip().block().number() + 1) / spec.epoch_length;
                    let in_vain = failures >= self.sources.count();
                    if patience == Patience::UntilAllFailed && in_vain && seated(epoch) {
                        return Ok(read);
                    }
                    context.sleep(PAUSE).await;
                }
            }
        }
    }

    /// The next blocks that `source` can prove, and how far it says to be.
    ///
    /// # Errors
    /// Whatever it is, it is the source's fault.
    pub async fn fetch(&self, source: &Source) -> Result<(u64, Vec<Sealed>), SourceError> {
        let spec = self.ledger.spec();
        let tip = self.ledger.tip();
        let number = tip.block().number();
        let epoch = (number + 1) / spec.epoch_length;
        let set = validators_at(spec.chain_id, &tip.state, tip.block().header(), epoch);
        let votes: Vec<Address> = set.unwrap_or_default().iter().map(|v| v.vote).collect();
        let known = Known {
            domain: self.domain,
            epoch_length: spec.epoch_length,
            votes: &votes,
            tip: (number, tip.block().hash()),
        };
        let (mut sealed, mut bytes) = (Vec::new(), 0);
        loop {
            let from = number + 1 + sealed.len() as u64;
            let answer: BlocksAnswer = source
                .ask(
                    "causeway_getFinalizedBlocks",
                    rpc_params![U64::from(from), U64::from(MAX_BLOCKS)],
                )
                .await?;
            if answer.blocks.len() as u64 > MAX_BLOCKS {
                return Err(source.nonsense("more blocks than were asked for"));
            }
            let head = answer.head.to();
            let ended = answer.blocks.is_empty();
            for one in answer.blocks {
                bytes += one.block.len();
                sealed.push(decode(source, &one)?);
            }
            let lies = |lie| SourceError::Lies {
                source_label: source.label.clone(),
                lie,
            };
            let proven = known.proven(&sealed).map_err(lies)?;
            if proven > 0 || ended {
                sealed.truncate(proven);
                return Ok((head, sealed));
            }
            if bytes > MAX_UNPROVEN_BYTES {
                return Err(source.nonsense(format!(
                    "no certificate in {} blocks after {number}: it was away then",
                    sealed.len()
                )));
            }
        }
    }

    async fn take<E: Spawner>(&self, context: &E, sealed: Sealed) -> Result<(), Diverged> {
        let number = sealed.block.number();
        let (ledger, pool) = (self.ledger.clone(), self.pool.clone());
        let worker = context.child("read").shared(true);
        let taken = worker.spawn(async move |_| {
            if let Some(certificate) = &sealed.certificate {
                ledger.certify(certificate.block_hash, certificate.to_bytes());
            }
            let taken = ledger.finalize(&sealed.block, &pool, || ());
            if taken.is_ok() {
                pool.on_final(&ledger.tip());
            }
            taken
        });
        match taken.await {
            Ok(taken) => taken.map_err(|source| Diverged { number, source }),
            // The runtime is stopping.
            Err(_) => std::future::pending().await,
        }
    }
}

fn decode(source: &Source, one: &SealedAnswer) -> Result<Sealed, SourceError> {
    let bad = |error: alloy_rlp::Error| source.nonsense(format!("a block or certificate: {error}"));
    let certificate = one.certificate.as_ref();
    Ok(Sealed {
        block: Block::decode(&one.block).map_err(bad)?,
        certificate: certificate
            .map(|raw| FinalityCertificate::from_bytes(raw))
            .transpose()
            .map_err(bad)?,
    })
}
