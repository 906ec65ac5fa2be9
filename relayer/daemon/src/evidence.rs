//! Gathers what an evidence file proves from the chains: history of validator sets, certificates, inclusion paths.
//!
//! Nothing here is believed by a reader: who verifies the file checks every link of it, with other code
//! ([`causeway_evidence::verify`](mod@causeway_evidence::verify)).

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, keccak256};
use causeway_adapter_api::{
    Archive, Chain, ChainError, ChainId, FinalityProof, Hashlock, Height, HeightRange, Inclusion,
    Provable, RawLog, StateProof, TxId,
};
use causeway_core::swap::TransferId;
use causeway_evidence::{
    Broken, Chains, Known,
    file::{self, Body, Fact, Item},
};

/// The most items of one file.
pub const MAX_ITEMS: usize = 256;

/// Heights asked for at once.
const WIDTH: u64 = 10_000;

/// What is to be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// On which chain.
    pub chain: ChainId,
    /// Which transaction.
    pub tx: TxId,
    /// What of it.
    pub part: Part,
}

/// What of a transaction is to be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The transaction itself and all of its events.
    Whole,
    /// One of its events, counted in the transaction.
    Event(u64),
    /// One of its events, counted in the block.
    EventOfBlock(u64),
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// No such chain.
    #[error("no chain {0} here")]
    UnknownChain(ChainId),
    /// It cannot be asked for proofs of its past.
    #[error(
        "chain {0} cannot be asked for proofs of its past: it is external, ask whoever hosts it"
    )]
    NotProvable(ChainId),
    /// Not final, or never sent.
    #[error("no final transaction {tx} on chain {chain}")]
    UnknownTransaction {
        /// Where.
        chain: ChainId,
        /// Which.
        tx: TxId,
    },
    /// The transaction has fewer logs.
    #[error("transaction {tx} has {logs} events, number {got} is asked for")]
    UnknownLog {
        /// Which transaction.
        tx: TxId,
        /// What was asked for.
        got: u64,
        /// How many there are.
        logs: u64,
    },
    /// Nothing final is to be proved yet.
    #[error("nothing of it is final on a chain that proves itself")]
    Nothing,
    /// Too much for one file.
    #[error("{got} items, {max} are the most in one file: ask for one transaction")]
    TooMany {
        /// How many.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// A chain does not answer as it should.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The file cannot be written or read back.
    #[error("{} cannot be written and read: check permissions and space", path.display())]
    Write {
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It does not fit a file.
    #[error(transparent)]
    File(#[from] Broken),
}

/// Makes evidence files.
#[derive(Clone)]
pub struct Collector {
    chains: Vec<Arc<dyn Chain>>,
}

impl Collector {
    /// A collector over these chains.
    pub const fn new(chains: Vec<Arc<dyn Chain>>) -> Self {
        Self { chains }
    }

    /// Writes a file that proves the subjects.
    ///
    /// # Errors
    /// Names what cannot be proved and why.
    pub async fn collect(
        &self,
        about: String,
        subjects: &[Subject],
    ) -> Result<Vec<u8>, EvidenceError> {
        let mut items = Vec::new();
        let mut newest: BTreeMap<ChainId, u64> = BTreeMap::new();
        for subject in subjects {
            let chain = self.provable(subject.chain)?;
            let included = included(self.archive(subject.chain)?, *subject).await?;
            let finality = chain.finality(included.height).await?;
            let epoch = newest.entry(subject.chain).or_default();
            *epoch = finality.certificate.epoch.max(*epoch);
            let finality = finality_of(finality);
            items.extend(facts(*subject, included)?.into_iter().map(|fact| Item {
                fact,
                chain: subject.chain.0,
                finality: finality.clone(),
            }));
        }
        match items.len() {
            0 => return Err(EvidenceError::Nothing),
            got if got > MAX_ITEMS => {
                return Err(EvidenceError::TooMany {
                    got,
                    max: MAX_ITEMS,
                });
            }
            _ => {}
        }
        let mut chains = Vec::with_capacity(newest.len());
        for (id, epoch) in newest {
            chains.push(self.history(id, epoch).await?);
        }
        Ok(Body {
            about,
            items,
            chains,
        }
        .encode()?)
    }

    /// What a reader should know of the chains hosted here, to compare a file with.
    ///
    /// # Errors
    /// A chain that does not answer.
    pub async fn known(&self) -> Result<Chains, EvidenceError> {
        let mut known = Chains::new();
        for chain in &self.chains {
            let (Some(provable), Some(archive)) = (chain.provable(), chain.archive()) else {
                continue;
            };
            let (anchor, founding) = (provable.anchor().await?, archive.founding().await?);
            let genesis = keccak256(&founding.header);
            let (epoch_length, validator_set) = (anchor.epoch_length, anchor.validator_set);
            known.insert(
                anchor.chain.0,
                Known {
                    genesis,
                    epoch_length,
                    validator_set,
                },
            );
        }
        Ok(known)
    }

    /// What every chain's `HashTimeLock` says of the locks of one transfer, oldest first, chain after chain. Looks through
    /// all of its events.
    ///
    /// # Errors
    /// A chain that does not answer.
    pub async fn of_transfer(&self, id: TransferId) -> Result<Vec<Subject>, EvidenceError> {
        let mut subjects = Vec::new();
        for chain in &self.chains {
            if chain.archive().is_none() {
                continue;
            }
            let (info, end) = (chain.info(), chain.finalized().await?.height);
            let mut locks = Vec::new();
            let mut next = Height(0);
            while next <= end {
                let to = Height(next.0.saturating_add(WIDTH - 1).min(end.0));
                let range = HeightRange { from: next, to };
                let mut logs = chain.logs(&[info.hash_time_lock], range).await?;
                logs.retain(|log| is_about(log, id, &mut locks));
                subjects.extend(logs.iter().map(|log| Subject {
                    chain: info.id,
                    tx: log.tx,
                    part: Part::EventOfBlock(log.index),
                }));
                next = to.next();
            }
        }
        Ok(subjects)
    }

    /// From genesis to the set of `epoch`.
    async fn history(&self, id: ChainId, epoch: u64) -> Result<file::Chain, EvidenceError> {
        let archive = self.archive(id)?;
        let anchor = self.provable(id)?.anchor().await?;
        let founding = archive.founding().await?;
        let mut handovers = Vec::new();
        for past in 0..epoch {
            let handover = archive.handover(past).await?;
            handovers.push(file::Handover {
                next: set_of(id, handover.state, handover.next)?,
                finality: finality_of(handover.finality),
            });
        }
        Ok(file::Chain {
            id: id.0,
            genesis: founding.header,
            founding: set_of(id, founding.state, founding.votes)?,
            handovers,
            epoch_length: anchor.epoch_length,
            validator_set: anchor.validator_set,
        })
    }

    fn chain(&self, id: ChainId) -> Result<&dyn Chain, EvidenceError> {
        let found = self.chains.iter().find(|chain| chain.info().id == id);
        found
            .map(AsRef::as_ref)
            .ok_or(EvidenceError::UnknownChain(id))
    }

    fn archive(&self, id: ChainId) -> Result<&dyn Archive, EvidenceError> {
        let archive = self.chain(id)?.archive();
        archive.ok_or(EvidenceError::NotProvable(id))
    }

    fn provable(&self, id: ChainId) -> Result<&dyn Provable, EvidenceError> {
        self.chain(id)?
            .provable()
            .ok_or(EvidenceError::NotProvable(id))
    }
}

/// Whether an event of a `HashTimeLock` names the transfer's hash lock, or one of its locks.
fn is_about(log: &RawLog, id: TransferId, locks: &mut Vec<B256>) -> bool {
    let (Some(lock), hashlock) = (log.topics.get(1), log.topics.get(2)) else {
        return false;
    };
    if hashlock.is_some_and(|hashlock| TransferId::from(Hashlock(*hashlock)) == id) {
        locks.push(*lock);
    }
    locks.contains(lock)
}

async fn included(chain: &dyn Archive, subject: Subject) -> Result<Inclusion, EvidenceError> {
    let Subject { chain: id, tx, .. } = subject;
    let found = chain.included(tx).await?;
    found.ok_or(EvidenceError::UnknownTransaction { chain: id, tx })
}

fn facts(subject: Subject, included: Inclusion) -> Result<Vec<Fact>, EvidenceError> {
    let Inclusion {
        index: transaction,
        logs,
        receipt,
        ..
    } = included;
    let event = |log| Fact::Event {
        log,
        nodes: receipt.clone(),
        transaction,
    };
    let log = match subject.part {
        Part::Whole => {
            let nodes = included.transaction;
            let sent = Fact::Transaction { nodes, transaction };
            return Ok(std::iter::once(sent).chain((0..logs).map(event)).collect());
        }
        Part::Event(log) => log,
        Part::EventOfBlock(log) => log.saturating_sub(included.logs_before),
    };
    if log >= logs {
        let (tx, got) = (subject.tx, log);
        return Err(EvidenceError::UnknownLog { tx, got, logs });
    }
    Ok(vec![event(log)])
}

fn finality_of(proof: FinalityProof) -> file::Finality {
    let certificate = proof.certificate;
    file::Finality {
        view: certificate.view,
        epoch: certificate.epoch,
        headers: proof.headers,
        signers: certificate.signers,
        signatures: certificate.signatures,
        parent_view: certificate.parent_view,
    }
}

fn set_of(
    chain: ChainId,
    state: StateProof,
    votes: Vec<Address>,
) -> Result<file::Set, EvidenceError> {
    let slot = state
        .slots
        .into_iter()
        .next()
        .ok_or_else(|| ChainError::NodeMalformed {
            chain: chain.to_string(),
            expected: "the slot that was asked for",
            got: "no slot".into(),
        })?;
    let slot = file::Slot {
        key: slot.slot,
        value: slot.value,
        address: state.account,
        slot_nodes: slot.nodes,
        account_nodes: state.nodes,
    };
    Ok(file::Set { slot, votes })
}
