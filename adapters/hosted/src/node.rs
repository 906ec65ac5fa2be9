//! One chain as the rest of this process uses it: for RPC, the relayer's adapter, the daemon's page.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes};
use alloy_sol_types::SolCall;
use causeway_contracts::ValidatorSet;

use crate::{
    certificate::{FinalityCertificate, FinalityProof},
    equivocation::Convictions,
    execute::{self, CallOutcome, CallRequest},
    follow::Standing,
    ledger::Ledger,
    pool::{PoolError, PooledTx, TxPool},
    scheme,
    snapshot::Shelf,
    spec::{ChainSpec, VALIDATOR_SET, ValidatorEntry},
    state::WorldState,
    store::StoreError,
    tls::Barred,
};

/// Furthest a certificate may lie above the block it proves.
const MAX_PROOF_HEADERS: u64 = 1024;

/// A chain hosted here: the ledger of one of its validators, and the pool they share. Cloning is cheap.
#[derive(Clone)]
pub struct Node {
    /// What is final.
    pub ledger: Arc<Ledger>,
    /// What waits.
    pub pool: Arc<TxPool>,
    /// What the validators here know against others.
    pub convictions: Arc<Convictions>,
    /// Certificates that its servers refuse.
    pub barred: Arc<Barred>,
    /// Whether it validates or reads.
    pub standing: Arc<Standing>,
    /// Snapshots that it serves, if it makes any.
    pub shelf: Option<Shelf>,
    genesis: B256,
}

impl Node {
    /// A node over a ledger and a pool of the same chain.
    pub fn new(ledger: Arc<Ledger>, pool: Arc<TxPool>, genesis: B256) -> Self {
        Self {
            ledger,
            pool,
            convictions: Arc::default(),
            barred: Arc::default(),
            standing: Arc::default(),
            shelf: None,
            genesis,
        }
    }

    /// The same node, with what its validators find out about others.
    #[must_use]
    pub fn with_convictions(mut self, convictions: Arc<Convictions>) -> Self {
        self.convictions = convictions;
        self
    }

    /// The same node, with what others may ask about how it keeps up and what it serves to those that begin.
    #[must_use]
    pub fn with_standing(mut self, standing: Arc<Standing>, shelf: Option<Shelf>) -> Self {
        (self.standing, self.shelf) = (standing, shelf);
        self
    }

    /// The header of a final block, as a contract takes it: RLP. `None` where the block is not here.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn header(&self, number: u64) -> Result<Option<Bytes>, StoreError> {
        let header = self.ledger.header(number)?;
        Ok(header.map(|header| alloy_rlp::encode(header).into()))
    }

    /// Takes a signed transaction into the pool.
    ///
    /// A block is visible in the ledger a moment before the pool has followed it. Whoever saw its transaction there must
    /// not be told that it still waits, so the pool follows first.
    ///
    /// # Errors
    ///
    /// What the pool refuses.
    pub fn submit(&self, raw: &[u8]) -> Result<Arc<PooledTx>, PoolError> {
        self.pool.on_final(&self.ledger.tip());
        self.pool.submit(raw)
    }

    /// The chain's spec.
    pub fn spec(&self) -> &Arc<ChainSpec> {
        self.ledger.spec()
    }

    /// Hash of block 0.
    pub const fn genesis(&self) -> B256 {
        self.genesis
    }

    /// Domain of the chain's votes, see [`scheme::domain`].
    pub fn domain(&self) -> B256 {
        scheme::domain(self.spec().chain_id, self.genesis)
    }

    /// Epoch of a height.
    pub fn epoch_of(&self, number: u64) -> u64 {
        number / self.spec().epoch_length
    }

    /// Proof that the block at `number` is final, or `None` when there is no such block yet, or the certificate above it
    /// has not arrived.
    ///
    /// # Errors
    /// Fails when the store cannot be read or a stored certificate is damaged.
    pub fn finality_proof(&self, number: u64) -> Result<Option<FinalityProof>, StoreError> {
        let mut headers = Vec::new();
        for height in number..=number.saturating_add(MAX_PROOF_HEADERS) {
            let Some(header) = self.ledger.header(height)? else {
                return Ok(None);
            };
            let hash = header.hash_slow();
            headers.push(header);
            if let Some(raw) = self.ledger.certificate(hash)? {
                let certificate =
                    FinalityCertificate::from_bytes(&raw).map_err(|e| StoreError::Damaged {
                        path: Default::default(),
                        number: height,
                        what: format!("its certificate: {e}"),
                    })?;
                return Ok(Some(FinalityProof {
                    certificate,
                    headers,
                }));
            }
        }
        Ok(None)
    }

    /// Validators of `epoch`, as the `ValidatorSet` contract of the newest final state says; `None` when that state does
    /// not know yet.
    pub fn validators(&self, epoch: u64) -> Option<Vec<ValidatorEntry>> {
        let tip = self.ledger.tip();
        validators_at(
            self.spec().chain_id,
            &tip.state,
            tip.block().header(),
            epoch,
        )
    }
}

/// Asks the `ValidatorSet` contract of `state` who validates in `epoch`.
pub fn validators_at(
    chain_id: u64,
    state: &WorldState,
    header: &alloy_consensus::Header,
    epoch: u64,
) -> Option<Vec<ValidatorEntry>> {
    let request = CallRequest {
        from: Address::ZERO,
        to: Some(VALIDATOR_SET),
        gas: 500_000_000,
        data: ValidatorSet::atCall { epoch }.abi_encode().into(),
        ..Default::default()
    };
    let CallOutcome::Returned { output, .. } =
        execute::call(chain_id, state, header, &request).ok()?
    else {
        return None;
    };
    let set = ValidatorSet::atCall::abi_decode_returns(&output).ok()?;
    Some(
        set.into_iter()
            .map(|v| ValidatorEntry {
                vote: v.vote,
                network: v.network,
                endpoint: v.endpoint,
            })
            .collect(),
    )
}
