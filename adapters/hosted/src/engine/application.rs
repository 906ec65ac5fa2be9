//! What consensus asks of a validator: proposals, verdicts, and a home for final blocks.
//!
//! Time, sleep and threads come from the runtime it is called with, so that a simulated one decides about all three.

use std::{collections::BTreeMap, future::pending, pin::pin, sync::Arc, time::Duration};

use alloy_primitives::{Address as Account, B256};
use commonware_actor::Feedback;
use commonware_consensus::{
    Application, Reporter,
    marshal::{Update, ancestry::Ancestry, core::Mailbox as MarshalMailbox, standard::Standard},
    simplex::types::{Activity, Context},
    types::{Epoch, Height},
};
use commonware_cryptography::{
    Digested, Digestible as _,
    certificate::{Provider, Scoped},
    ed25519::PublicKey,
    sha256::Digest,
};
use commonware_parallel::Sequential;
use commonware_runtime::{Clock, Metrics, Spawner, Storage};
use commonware_utils::{Acknowledgement as _, acknowledgement::Exact};
use futures::{
    StreamExt as _,
    future::{Either, select},
};
use parking_lot::Mutex;
use secp256k1::SecretKey;
use tokio::sync::mpsc;

use crate::{
    block::{Attributes, Block},
    equivocation::{Convictions, Equivocation},
    execute::ExecutedBlock,
    ledger::{BlockError, Ledger},
    node::validators_at,
    pool::TxPool,
    scheme::Scheme,
    spec::{ChainSpec, ValidatorEntry},
};

/// At every so manieth block the archive of consensus is pruned, when the ledger is.
const PRUNED_EVERY: u64 = 256;

/// Milliseconds since the Unix epoch, by the runtime's clock.
fn now_ms(clock: &impl Clock) -> u64 {
    super::since_epoch_ms(clock.current())
}

/// Committees by epoch, read from the newest final state when first asked for.
#[derive(Clone)]
pub(super) struct Committees {
    pub(super) ledger: Arc<Ledger>,
    pub(super) domain: B256,
    pub(super) vote: SecretKey,
    pub(super) known: Arc<Mutex<BTreeMap<u64, Arc<Scheme>>>>,
}

impl Committees {
    pub(super) fn validators(&self, epoch: u64) -> Option<Vec<ValidatorEntry>> {
        let tip = self.ledger.tip();
        let spec = self.ledger.spec();
        // The state decides about the epoch of the next block and no later one.
        if epoch > (tip.block().number() + 1) / spec.epoch_length {
            return None;
        }
        validators_at(spec.chain_id, &tip.state, tip.block().header(), epoch)
    }

    pub(super) fn get(&self, epoch: u64) -> Option<Arc<Scheme>> {
        if let Some(scheme) = self.known.lock().get(&epoch) {
            return Some(scheme.clone());
        }
        let scheme = Arc::new(Scheme::new(
            self.domain,
            &self.validators(epoch)?,
            Some(self.vote),
        )?);
        self.known.lock().insert(epoch, scheme.clone());
        Some(scheme)
    }
}

impl Provider for Committees {
    type Scope = Epoch;
    type Scheme = Scheme;

    fn scoped(&self, epoch: Epoch) -> Option<Scoped<Scheme>> {
        self.get(epoch.get()).map(Scoped::scheme)
    }
}

/// The application consensus drives: proposes, verifies, and passes final blocks on.
#[derive(Clone)]
pub(super) struct App {
    pub(super) ledger: Arc<Ledger>,
    pub(super) pool: Arc<TxPool>,
    pub(super) committees: Committees,
    pub(super) beneficiary: Account,
    pub(super) finals: mpsc::UnboundedSender<(Block, Exact)>,
}

impl App {
    fn spec(&self) -> &ChainSpec {
        self.ledger.spec()
    }

    /// The executed parent, executing what of its ancestry this validator has not seen. Never resolves when an ancestor
    /// is invalid: a quorum notarised it, so it is this validator that is wrong and must not vote.
    async fn ready<E: Spawner + Clock>(
        &self,
        context: &E,
        mut ancestry: impl Ancestry<Block>,
    ) -> Option<Arc<ExecutedBlock>> {
        let mut missing = Vec::new();
        let mut base = loop {
            let block = ancestry.next().await?;
            if let Some(executed) = self.ledger.executed(B256::from(block.digest().0)) {
                break executed;
            }
            missing.push(block.inner().clone());
        };
        for block in missing.into_iter().rev() {
            base = match self.verify_block(context, base, block).await {
                Ok(executed) => executed,
                Err(error) => {
                    tracing::error!(chain = %self.spec().name, %error, "a notarised block is invalid here: not voting");
                    pending().await
                }
            };
        }
        Some(base)
    }

    /// Whether a block pays its proposer. By the beneficiary elections count who made which block, so a quorum must stand
    /// for it (docs/adr/0017-blocks-counted-from-headers.md).
    fn is_of(&self, context: &Context<Digest, PublicKey>, block: &Block) -> bool {
        let committee = self.committees.get(context.round.epoch().get());
        let leader = committee.and_then(|c| c.address_of_member(&context.leader));
        let beneficiary = block.header().beneficiary;
        if leader != Some(beneficiary) {
            tracing::warn!(
                chain = %self.spec().name, number = block.number(), %beneficiary, ?leader,
                "refusing a proposed block whose beneficiary is not its proposer"
            );
        }
        leader == Some(beneficiary)
    }

    /// Verifies off the consensus threads, waiting for a block whose time is ahead of ours.
    async fn verify_block<E: Spawner + Clock>(
        &self,
        context: &E,
        parent: Arc<ExecutedBlock>,
        block: Block,
    ) -> Result<Arc<ExecutedBlock>, Arc<BlockError>> {
        let early = block.time_ms().saturating_sub(now_ms(context));
        if early > 0 {
            let wait = early.min(self.spec().heartbeat_ms);
            context.sleep(Duration::from_millis(wait)).await;
        }
        let (ledger, pool) = (self.ledger.clone(), self.pool.clone());
        let now = now_ms(context);
        blocking(context, move || ledger.verify(&parent, &block, &pool, now)).await
    }

    /// Waits until a block should be made: at once when something waits, else when the heartbeat is due.
    async fn pace(&self, clock: &impl Clock, parent: &ExecutedBlock) {
        let base_fee = self.spec().next_base_fee(parent.block().header());
        let made = parent.block().time_ms();
        let heartbeat = made + self.spec().heartbeat_ms;
        loop {
            let arrival = pin!(self.pool.arrival());
            if self.pool.has_candidates(&parent.state, base_fee) {
                let due = made + self.spec().min_interval_ms.max(1);
                let left = due.saturating_sub(now_ms(clock));
                if left > 0 {
                    clock.sleep(Duration::from_millis(left)).await;
                }
                return;
            }
            let left = heartbeat.saturating_sub(now_ms(clock));
            if left == 0 {
                return;
            }
            let due = pin!(clock.sleep(Duration::from_millis(left)));
            if let Either::Right(_) = select(arrival, due).await {
                return;
            }
        }
    }
}

/// Does work that takes long where it holds up nobody.
async fn blocking<E: Spawner, T: Send + 'static>(
    context: &E,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let worker = context.child("work").shared(true);
    match worker.spawn(async move |_| work()).await {
        Ok(result) => result,
        Err(_) => pending().await, // The runtime is stopping; nobody waits any more.
    }
}

impl<E: Spawner + Metrics + Clock + Storage> Application<E> for App {
    type SigningScheme = Scheme;
    type Context = Context<Digest, PublicKey>;
    type Block = Block;
    type Input = ();

    async fn propose(
        &mut self,
        (context, _): (E, Self::Context),
        ancestry: impl Ancestry<Block>,
        (): (),
    ) -> Option<Digested<Block>> {
        let parent = self.ready(&context, ancestry).await?;
        self.pace(&context, &parent).await;
        let attributes = Attributes {
            time_ms: now_ms(&context).max(parent.block().time_ms() + 1),
            beneficiary: self.beneficiary,
        };
        let (ledger, pool) = (self.ledger.clone(), self.pool.clone());
        let built = blocking(&context, move || ledger.propose(&parent, &pool, attributes)).await;
        Some(Digested::compute(built.block().clone(), &Sequential).await)
    }

    async fn verify(
        &mut self,
        (context, proposal): (E, Self::Context),
        mut ancestry: impl Ancestry<Block>,
    ) -> bool {
        let Some(block) = ancestry.next().await else {
            return false;
        };
        let block = block.inner().clone();
        if !self.is_of(&proposal, &block) {
            return false;
        }
        let Some(parent) = self.ready(&context, ancestry).await else {
            return false;
        };
        let number = block.number();
        match self.verify_block(&context, parent, block).await {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(chain = %self.spec().name, number, %error, "refusing a proposed block");
                false
            }
        }
    }
}

impl Reporter for App {
    type Activity = Update<Block>;

    fn report(&mut self, update: Update<Block>) -> Feedback {
        if let Update::Block(block, acknowledgement) = update {
            // Bounded by MAX_PENDING_ACKS; a receiver that is gone went with the runtime.
            let _ = self.finals.send((block.inner().clone(), acknowledgement));
        }
        Feedback::Ok
    }
}

/// Keeps the certificates of final blocks, and evidence against validators that sign twice.
#[derive(Clone)]
pub(super) struct Certifier {
    pub(super) ledger: Arc<Ledger>,
    pub(super) convictions: Arc<Convictions>,
    pub(super) scheme: Arc<Scheme>,
}

impl Reporter for Certifier {
    type Activity = Activity<Scheme, Digest>;

    fn report(&mut self, activity: Self::Activity) -> Feedback {
        if let Activity::Finalization(finalization) = &activity {
            let certificate = self
                .scheme
                .finality(&finalization.proposal, &finalization.certificate);
            self.ledger
                .certify(certificate.block_hash, certificate.to_bytes());
        }
        if let Some(found) = Equivocation::of(&self.scheme, &activity) {
            let validator = found.validator;
            if self.convictions.add(found) {
                tracing::error!(
                    chain = %self.ledger.spec().name, %validator,
                    "a validator signed two votes that exclude each other: the evidence is kept"
                );
            }
        }
        Feedback::Ok
    }
}

/// Takes final blocks in order and keeps them; tells when an epoch is over.
pub(super) async fn finalize<E: Spawner>(
    context: E,
    committees: Committees,
    pool: Arc<TxPool>,
    marshal: MarshalMailbox<Scheme, Standard<Block>>,
    mut finals: mpsc::UnboundedReceiver<(Block, Exact)>,
    epochs: mpsc::UnboundedSender<(u64, Digest)>,
) {
    let ledger = committees.ledger.clone();
    let last_of_epoch = |number: u64| (number + 1).is_multiple_of(ledger.spec().epoch_length);
    // A ledger that lost its file, or was restored from a copy, is behind what consensus knows it handed out.
    let processed = marshal
        .get_processed()
        .await
        .map_or(0, |p| p.height().get());
    for number in ledger.tip().block().number() + 1..=processed {
        let Some(block) = marshal.get_block(Height::new(number)).await else {
            tracing::error!(chain = %ledger.spec().name, number, "block is neither in the ledger nor in the archive");
            return;
        };
        if !keep(&context, &ledger, &pool, block.inner().clone(), None).await {
            return;
        }
        if last_of_epoch(number) {
            let _ = epochs.send((number, Digest(ledger.tip().block().hash().0)));
        }
    }
    while let Some((block, acknowledgement)) = finals.recv().await {
        let (number, hash) = (block.number(), block.hash());
        if !keep(&context, &ledger, &pool, block, Some(acknowledgement)).await {
            return;
        }
        certify(&committees, &marshal, number, hash).await;
        if let Some(keep) = ledger.keep_blocks()
            && number.is_multiple_of(PRUNED_EVERY)
        {
            // Its archive keeps what the ledger keeps, for peers that were away.
            marshal.prune(Height::new(number.saturating_sub(keep)));
        }
        if last_of_epoch(number) {
            let _ = epochs.send((number, Digest(hash.0)));
        }
    }
}

/// Keeps the certificate of a block that became final elsewhere while this validator was away. Readers, light clients and snapshots
/// ask for it, that of an epoch's last block above all.
async fn certify(
    committees: &Committees,
    marshal: &MarshalMailbox<Scheme, Standard<Block>>,
    number: u64,
    hash: B256,
) {
    let ledger = &committees.ledger;
    if !matches!(ledger.certificate(hash), Ok(None)) {
        return;
    }
    // Not every block has one: some are final through a descendant.
    let Some(found) = marshal.get_finalization(Height::new(number)).await else {
        return;
    };
    if let Some(scheme) = committees.get(found.proposal.round.epoch().get()) {
        let certificate = scheme.finality(&found.proposal, &found.certificate);
        ledger.certify(certificate.block_hash, certificate.to_bytes());
    }
}

/// Keeps one final block; false when this validator must stop.
async fn keep<E: Spawner>(
    context: &E,
    ledger: &Arc<Ledger>,
    pool: &Arc<TxPool>,
    block: Block,
    acknowledgement: Option<Exact>,
) -> bool {
    let number = block.number();
    let (into, from) = (ledger.clone(), pool.clone());
    let kept = blocking(context, move || {
        into.finalize(&block, &from, move || {
            if let Some(acknowledgement) = acknowledgement {
                acknowledgement.acknowledge();
            }
        })
    })
    .await;
    match kept {
        Ok(()) => {
            pool.on_final(&ledger.tip());
            true
        }
        Err(error) => {
            tracing::error!(
                chain = %ledger.spec().name, number, %error,
                "a final block does not execute here: this validator stops; its ledger or its binary differs from the quorum's"
            );
            false
        }
    }
}
