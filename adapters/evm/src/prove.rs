//! Reading any contract of an external chain, which is what a quorum of nodes says; and, where its nodes are Causeway's,
//! proving it: their blocks carry certificates that a contract checks (docs/rpc.md). So a relay needs nothing of a chain
//! but its JSON-RPC.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U64, U256};
use async_trait::async_trait;
use causeway_adapter_api::{
    Anchor, Certificate, ChainError, Checkpoint, ContractReader, FinalityProof, Handover, Height,
    HeightRange, Provable, RawLog, SlotProof, StateProof, Timestamp, TxId, VALIDATOR_SET,
    VOTES_HASH_SLOT,
};
use serde::Deserialize;

use crate::{
    EvmChain,
    chain::node_logs,
    rpc::{Node, params},
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Finalized {
    block_hash: B256,
    certificate: Votes,
    validators: Vec<Address>,
    headers: Vec<Bytes>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Votes {
    epoch: U64,
    view: U64,
    parent_view: U64,
    block_hash: B256,
    signers: Vec<u16>,
    signatures: Vec<Bytes>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sealed {
    hash: B256,
    timestamp: U64,
    state_root: B256,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proven {
    account_proof: Vec<Bytes>,
    storage_proof: Vec<ProvenSlot>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HandedOver {
    block_number: U64,
    votes_hash: U256,
    account_proof: Vec<Bytes>,
    storage_proof: Vec<Bytes>,
    next: Vec<Address>,
}

#[derive(Debug, Deserialize)]
struct ProvenSlot {
    value: U256,
    proof: Vec<Bytes>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Member {
    vote: Address,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    epoch: U64,
    epoch_length: U64,
    validators: Vec<Member>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Condition {
    domain: B256,
}

#[async_trait]
impl ContractReader for EvmChain {
    async fn logs(
        &self,
        contracts: &[Address],
        range: HeightRange,
    ) -> Result<Vec<RawLog>, ChainError> {
        self.check_range(range).await?;
        if contracts.is_empty() {
            // A filter without an address means every contract.
            return Ok(Vec::new());
        }
        let found = self
            .panel
            .agree("the same logs", |node| async move {
                node_logs(&node, contracts, None, range).await
            })
            .await?;
        Ok(found
            .into_iter()
            .map(|(log, time)| RawLog {
                address: log.address,
                topics: log.topics,
                data: log.data,
                height: Height(log.block_number.to()),
                block: log.block_hash,
                time,
                tx: TxId(log.transaction_hash),
                index: log.log_index.to(),
            })
            .collect())
    }

    async fn call(&self, to: Address, data: Bytes, at: Height) -> Result<Bytes, ChainError> {
        self.check_final(at).await?;
        self.view(to, data, at.0).await
    }

    fn provable(&self) -> Option<&dyn Provable> {
        self.config.certificates.then_some(self as &dyn Provable)
    }
}

#[async_trait]
impl Provable for EvmChain {
    async fn anchor(&self) -> Result<Anchor, ChainError> {
        // A light client is made from this: a quorum must say it.
        let set = self.panel.agree("the same validators", |node| async move {
            let doing = "reading the validators";
            let members: Members = node
                .call("causeway_getValidatorSet", params![], doing)
                .await?;
            Ok(members)
        });
        let set = set.await?;
        let domain = self
            .panel
            .agree("the same domain of votes", |node| async move {
                let doing = "reading the domain of votes";
                let condition: Condition = node.call("causeway_status", params![], doing).await?;
                Ok(condition.domain)
            });
        Ok(Anchor {
            chain: self.info.id,
            domain: domain.await?,
            epoch_length: set.epoch_length.to(),
            validator_set: VALIDATOR_SET,
            epoch: set.epoch.to(),
            votes: set.validators.into_iter().map(|m| m.vote).collect(),
        })
    }

    async fn finality(&self, height: Height) -> Result<FinalityProof, ChainError> {
        let found = self.first(|node| async move { finality(&node, height).await });
        let Some((sealed, proof)) = found.await? else {
            let tip = causeway_adapter_api::ChainReader::finalized(self).await?;
            return Err(ChainError::NotFinal {
                got: height,
                tip: tip.height,
            });
        };
        Ok(FinalityProof {
            checkpoint: Checkpoint {
                height,
                time: Timestamp(sealed.timestamp.to()),
                state_root: sealed.state_root,
            },
            headers: proof.headers,
            certificate: Certificate {
                epoch: proof.certificate.epoch.to(),
                view: proof.certificate.view.to(),
                parent_view: proof.certificate.parent_view.to(),
                block: proof.certificate.block_hash,
                signers: proof.certificate.signers,
                signatures: proof.certificate.signatures,
            },
            votes: proof.validators,
        })
    }

    async fn state(
        &self,
        account: Address,
        slots: &[B256],
        at: Height,
    ) -> Result<StateProof, ChainError> {
        let proven = self.first(|node| async move {
            let asked = params![account, slots, U64::from(at.0)];
            let proven: Proven = node.call("eth_getProof", asked, "proving a state").await?;
            if proven.storage_proof.len() == slots.len() {
                Ok(proven)
            } else {
                let got = format!("{} slots", proven.storage_proof.len());
                Err(node.malformed("a proof of every slot", got))
            }
        });
        let proven = proven.await?;
        let slots = slots.iter().zip(proven.storage_proof);
        let slots = slots.map(|(slot, proven)| SlotProof {
            slot: *slot,
            value: proven.value,
            nodes: proven.proof,
        });
        Ok(StateProof {
            at,
            account,
            nodes: proven.account_proof,
            slots: slots.collect(),
        })
    }

    async fn handover(&self, epoch: u64) -> Result<Handover, ChainError> {
        let asked = U64::from(epoch);
        let found = self.first(|node| async move {
            let doing = "reading a handover";
            let handed: Option<HandedOver> = node
                .call("causeway_getHandover", params![asked], doing)
                .await?;
            Ok(handed)
        });
        let Some(handed) = found.await? else {
            let tip = causeway_adapter_api::ChainReader::finalized(self).await?;
            // Which block that is, only the node knows: the first one of no epoch yet.
            return Err(ChainError::NotFinal {
                got: tip.height.next(),
                tip: tip.height,
            });
        };
        let last = Height(handed.block_number.to());
        let slot = SlotProof {
            slot: VOTES_HASH_SLOT,
            value: handed.votes_hash,
            nodes: handed.storage_proof,
        };
        Ok(Handover {
            finality: self.finality(last).await?,
            state: StateProof {
                at: last,
                account: VALIDATOR_SET,
                nodes: handed.account_proof,
                slots: vec![slot],
            },
            next: handed.next,
        })
    }
}

impl EvmChain {
    /// What the first node says that answers. Enough for what is checked by whoever it is shown to.
    async fn first<T, F, Fut>(&self, ask: F) -> Result<T, ChainError>
    where
        F: Fn(Arc<Node>) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, ChainError>> + Send,
        T: Send,
    {
        let mut failed = self.malformed("a node", "none");
        for node in self.panel.nodes() {
            match ask(Arc::clone(node)).await {
                Ok(answer) => return Ok(answer),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

/// Header and certificate of a block; `None` while there is none.
async fn finality(node: &Node, height: Height) -> Result<Option<(Sealed, Finalized)>, ChainError> {
    let number = U64::from(height.0);
    let method = "causeway_getFinalityCertificate";
    let doing = "reading a certificate";
    let proof: Option<Finalized> = node.call(method, params![number], doing).await?;
    let Some(proof) = proof else {
        return Ok(None);
    };
    let doing = "reading a header";
    let sealed: Option<Sealed> = node
        .call("eth_getBlockByNumber", params![number, false], doing)
        .await?;
    match sealed {
        Some(sealed) if sealed.hash == proof.block_hash => Ok(Some((sealed, proof))),
        other => {
            let got = other.map_or_else(|| "none".to_owned(), |sealed| sealed.hash.to_string());
            Err(node.malformed("the block that is certified", got))
        }
    }
}
