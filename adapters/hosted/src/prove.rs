//! Reading any contract of a chain hosted here, and proving it to other chains: from the ledger, no RPC in between.

use std::sync::Arc;

use alloy_consensus::ReceiptEnvelope;
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, Bytes};
use alloy_trie::{HashBuilder, Nibbles, proof::ProofRetainer};
use async_trait::async_trait;
use causeway_adapter_api::{
    Anchor, Archive, Certificate, ChainError, ChainId, Checkpoint, ContractReader, FinalityProof,
    Founding, Handover, Height, HeightRange, Inclusion, Provable, RawLog, SlotProof, StateProof,
    Timestamp, TxId,
};

use crate::{
    adapter::{HostedChain, MAX_RANGE, tip_of},
    execute::{BlockRecord, CallRequest, ExecutedBlock, TX_GAS_CAP},
    spec::{VALIDATOR_SET, VOTES_HASH_SLOT},
    state::WorldState,
};

#[async_trait]
impl ContractReader for HostedChain {
    async fn logs(
        &self,
        contracts: &[Address],
        range: HeightRange,
    ) -> Result<Vec<RawLog>, ChainError> {
        self.check_range(range)?;
        let ledger = &self.node().ledger;
        let mut numbers = Vec::new();
        for contract in contracts {
            let found =
                ledger.logger_blocks(*contract, range.from.0, range.to.0, MAX_RANGE as usize);
            numbers.extend(found.map_err(|e| self.store_error(e))?);
        }
        numbers.sort_unstable();
        numbers.dedup();
        let mut logs = Vec::new();
        for number in numbers {
            if let Some(record) = ledger.record(number).map_err(|e| self.store_error(e))? {
                logs.extend(logs_of(&record, contracts));
            }
        }
        Ok(logs)
    }

    async fn call(&self, to: Address, data: Bytes, at: Height) -> Result<Bytes, ChainError> {
        let block = self.executed(at)?;
        let request = CallRequest {
            to: Some(to),
            data,
            gas: TX_GAS_CAP,
            ..Default::default()
        };
        self.simulate_on(&block, &request).map(|(output, _)| output)
    }

    fn provable(&self) -> Option<&dyn Provable> {
        Some(self)
    }

    fn archive(&self) -> Option<&dyn Archive> {
        Some(self)
    }
}

#[async_trait]
impl Provable for HostedChain {
    async fn anchor(&self) -> Result<Anchor, ChainError> {
        let node = self.node();
        let epoch = node.epoch_of(node.ledger.tip().block().number());
        Ok(Anchor {
            chain: ChainId(node.spec().chain_id),
            domain: node.domain(),
            epoch_length: node.spec().epoch_length,
            validator_set: VALIDATOR_SET,
            epoch,
            votes: self.votes(epoch)?,
        })
    }

    async fn finality(&self, height: Height) -> Result<FinalityProof, ChainError> {
        let node = self.node();
        let tip = node.ledger.tip().block().number();
        // Heights far above the tip need no look at the store.
        let proof = if height.0 > tip {
            None
        } else {
            node.finality_proof(height.0)
                .map_err(|e| self.store_error(e))?
        };
        let missing = ChainError::NotFinal {
            got: height,
            tip: Height(tip),
        };
        let Some(proof) = proof else {
            return Err(missing);
        };
        let Some(first) = proof.headers.first() else {
            return Err(missing);
        };
        let certificate = proof.certificate;
        Ok(FinalityProof {
            checkpoint: Checkpoint {
                height,
                time: Timestamp(first.timestamp),
                state_root: first.state_root,
            },
            headers: proof
                .headers
                .iter()
                .map(|header| Bytes::from(alloy_rlp::encode(header)))
                .collect(),
            votes: self.votes(certificate.epoch)?,
            certificate: Certificate {
                epoch: certificate.epoch,
                view: certificate.view,
                parent_view: certificate.parent_view,
                block: certificate.block_hash,
                signers: certificate.signers,
                signatures: certificate.signatures,
            },
        })
    }

    async fn state(
        &self,
        account: Address,
        slots: &[B256],
        at: Height,
    ) -> Result<StateProof, ChainError> {
        let block = self.executed(at)?;
        Ok(proven(&block.state, account, slots, at))
    }

    async fn handover(&self, epoch: u64) -> Result<Handover, ChainError> {
        let node = self.node();
        let next = epoch.saturating_add(1);
        let last = Height(
            next.saturating_mul(node.spec().epoch_length)
                .saturating_sub(1),
        );
        let finality = self.finality(last).await?;
        let proof = node.ledger.next_votes(epoch);
        let proof = proof.map_err(|e| self.store_error(e))?;
        let proof = proof.ok_or_else(|| ChainError::NotFinal {
            got: last,
            tip: Height(node.ledger.tip().block().number()),
        })?;
        let slot = SlotProof {
            slot: VOTES_HASH_SLOT,
            value: proof.value,
            nodes: proof.slot,
        };
        Ok(Handover {
            finality,
            state: StateProof {
                at: last,
                account: VALIDATOR_SET,
                nodes: proof.account,
                slots: vec![slot],
            },
            next: self.votes(next)?,
        })
    }
}

#[async_trait]
impl Archive for HostedChain {
    async fn included(&self, tx: TxId) -> Result<Option<Inclusion>, ChainError> {
        let ledger = &self.node().ledger;
        let place = ledger.locate(tx.0).map_err(|e| self.store_error(e))?;
        let Some((height, index)) = place else {
            return Ok(None);
        };
        let record = ledger.record(height).map_err(|e| self.store_error(e))?;
        Ok(record.and_then(|record| inclusion(&record, index)))
    }

    async fn founding(&self) -> Result<Founding, ChainError> {
        let spec = self.node().spec();
        // The state of long ago is made again from the genesis file, which the chain's name commits to.
        let (block, state) = spec.genesis().map_err(|error| ChainError::NodeMalformed {
            chain: spec.name.clone(),
            expected: "a genesis that can be made again",
            got: error.to_string(),
        })?;
        Ok(Founding {
            header: alloy_rlp::encode(block.header()).into(),
            state: proven(&state, VALIDATOR_SET, &[VOTES_HASH_SLOT], Height(0)),
            votes: self.votes(0)?,
        })
    }
}

fn proven(state: &WorldState, account: Address, slots: &[B256], at: Height) -> StateProof {
    let keys: Vec<_> = slots.iter().map(|slot| (*slot).into()).collect();
    let proven = state.prove(account, &keys);
    let slots = slots.iter().zip(proven.slots);
    StateProof {
        at,
        account,
        nodes: proven.proof,
        slots: slots
            .map(|(slot, (_, value, nodes))| SlotProof {
                slot: *slot,
                value,
                nodes,
            })
            .collect(),
    }
}

/// `None` when the block has no such transaction.
fn inclusion(record: &BlockRecord, index: usize) -> Option<Inclusion> {
    let count = |receipts: &[ReceiptEnvelope]| receipts.iter().map(|r| r.logs().len() as u64).sum();
    let (before, from) = record.receipts.split_at_checked(index)?;
    let transactions = record.block.transactions().iter();
    Some(Inclusion {
        height: Height(record.block.number()),
        index: index as u64,
        logs_before: count(before),
        logs: count(from.get(..1)?),
        transaction: path_to(transactions.map(Encodable2718::encoded_2718), index),
        receipt: path_to(
            record.receipts.iter().map(Encodable2718::encoded_2718),
            index,
        ),
    })
}

/// Nodes from the root of a list's trie (Yellow Paper, section 4.3) down to one element.
fn path_to(values: impl Iterator<Item = Vec<u8>>, target: usize) -> Vec<Bytes> {
    let key = |index: usize| Nibbles::unpack(alloy_rlp::encode(index));
    let mut leaves: Vec<_> = values
        .enumerate()
        .map(|(i, value)| (key(i), value))
        .collect();
    leaves.sort_unstable_by_key(|(key, _)| *key);
    let target = key(target);
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(vec![target]));
    for (key, value) in &leaves {
        builder.add_leaf(*key, value);
    }
    // Computing the root is what retains the nodes.
    builder.root();
    let nodes = builder.take_proof_nodes().matching_nodes_sorted(&target);
    nodes.into_iter().map(|(_, node)| node).collect()
}

impl HostedChain {
    /// A final block whose state is still there.
    fn executed(&self, at: Height) -> Result<Arc<ExecutedBlock>, ChainError> {
        let ledger = &self.node().ledger;
        let tip = ledger.tip().block().number();
        if at.0 > tip {
            return Err(ChainError::NotFinal {
                got: at,
                tip: Height(tip),
            });
        }
        ledger.recent(at.0).ok_or_else(|| ChainError::StatePruned {
            got: at,
            oldest: Height(ledger.oldest_state()),
        })
    }

    /// Vote addresses of an epoch, as the chain's own contract names them.
    fn votes(&self, epoch: u64) -> Result<Vec<Address>, ChainError> {
        let set = self.node().validators(epoch);
        let set = set.ok_or_else(|| ChainError::NodeMalformed {
            chain: self.node().spec().name.clone(),
            expected: "the validators of an epoch that has begun",
            got: format!("nothing for epoch {epoch}"),
        })?;
        Ok(set.into_iter().map(|validator| validator.vote).collect())
    }
}

fn logs_of(record: &BlockRecord, contracts: &[Address]) -> Vec<RawLog> {
    let at = tip_of(record);
    let logs = record
        .receipts
        .iter()
        .zip(record.block.transactions())
        .flat_map(|(receipt, tx)| {
            let id = TxId(*tx.tx_hash());
            receipt.logs().iter().map(move |log| (log, id))
        });
    logs.enumerate()
        .filter(|(_, (log, _))| contracts.contains(&log.address))
        .map(|(index, (log, tx))| RawLog {
            address: log.address,
            topics: log.data.topics().to_vec(),
            data: log.data.data.clone(),
            height: at.height,
            block: at.hash,
            time: at.time,
            tx,
            index: index as u64,
        })
        .collect()
}
