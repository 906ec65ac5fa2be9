//! Certificates and state proofs, and how they are kept.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use causeway_adapter_api::{
    Certificate, Chain, ChainError, ChainId, Checkpoint, FinalityProof, Height, Provable, Timestamp,
};
use causeway_contracts::{LightClient, light_client};
use causeway_core::client::View;
use serde::{Deserialize, Serialize};

use super::{
    RelayError, Shared,
    abi::{VOTES_HASH_SLOT, client_update, packed},
};

/// Proof of an epoch's last block, as it is kept: version and everything a handover needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum KeptEpoch {
    /// First form.
    #[serde(rename = "v1")]
    V1(LastOfEpoch),
}

/// See [`KeptEpoch`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LastOfEpoch {
    height: u64,
    time: u64,
    state_root: B256,
    headers: Vec<Bytes>,
    epoch: u64,
    view: u64,
    parent_view: u64,
    block: B256,
    signers: Vec<u16>,
    signatures: Vec<Bytes>,
    votes: Vec<Address>,
    account_nodes: Vec<Bytes>,
    slot_nodes: Vec<Bytes>,
    next_votes: Vec<Address>,
}

impl LastOfEpoch {
    fn proof(&self) -> FinalityProof {
        FinalityProof {
            checkpoint: Checkpoint {
                height: Height(self.height),
                time: Timestamp(self.time),
                state_root: self.state_root,
            },
            headers: self.headers.clone(),
            certificate: Certificate {
                epoch: self.epoch,
                view: self.view,
                parent_view: self.parent_view,
                block: self.block,
                signers: self.signers.clone(),
                signatures: self.signatures.clone(),
            },
            votes: self.votes.clone(),
        }
    }

    /// The light client's `update` to this block.
    pub(super) fn update(&self) -> Bytes {
        client_update(&self.proof())
    }

    /// The light client's `handover` to the next epoch.
    pub(super) fn handover(&self) -> Bytes {
        LightClient::handoverCall {
            lastOfEpoch: light_client::LightClient::Checkpoint {
                height: self.height,
                timestamp: self.time,
                stateRoot: self.state_root,
            },
            accountProof: self.account_nodes.clone(),
            storageProof: self.slot_nodes.clone(),
            votes: packed(&self.next_votes),
        }
        .abi_encode()
        .into()
    }

    pub(super) const fn height(&self) -> u64 {
        self.height
    }
}

/// The chain as something that proves itself.
pub(crate) fn provable(chain: &dyn Chain) -> Result<&dyn Provable, RelayError> {
    chain
        .provable()
        .ok_or_else(|| RelayError::ConfigNotProvable(chain.info().id))
}

/// The newest block with a certificate at hand, not above `tip`; `None` while there is none near it.
pub(crate) async fn certified(
    chain: &dyn Chain,
    tip: Height,
) -> Result<Option<FinalityProof>, RelayError> {
    let chain = provable(chain)?;
    for back in 0..LOOK_BACK {
        let Some(height) = tip.0.checked_sub(back) else {
            break;
        };
        match chain.finality(Height(height)).await {
            Ok(proof) => return Ok(Some(proof)),
            Err(ChainError::NotFinal { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

impl Shared {
    pub(super) fn provable(&self, id: ChainId) -> Result<&dyn Provable, RelayError> {
        provable(self.chain(id)?)
    }

    /// See [`certified`].
    pub(super) async fn certified(
        &self,
        id: ChainId,
        tip: Height,
    ) -> Result<Option<FinalityProof>, RelayError> {
        certified(self.chain(id)?, tip).await
    }

    /// Keeps the proof of the epoch before the newest, if its last block's state is still there.
    pub(super) async fn keep_last_epoch(
        &self,
        id: ChainId,
        epoch_length: u64,
        tip: Height,
    ) -> Result<(), RelayError> {
        let Some(epoch) = (tip.0 / epoch_length.max(1)).checked_sub(1) else {
            return Ok(());
        };
        if self.store.kept_epoch(id, epoch).await?.is_some() {
            return Ok(());
        }
        let chain = self.provable(id)?;
        let last = Height((epoch + 1) * epoch_length - 1);
        let proof = chain.finality(last).await?;
        let anchor = chain.anchor().await?;
        if anchor.epoch != epoch + 1 {
            // The chain went on meanwhile; the newest votes are of a later epoch.
            return Ok(());
        }
        let state = chain
            .state(anchor.validator_set, &[VOTES_HASH_SLOT], last)
            .await?;
        let kept = KeptEpoch::V1(LastOfEpoch {
            height: last.0,
            time: proof.checkpoint.time.0,
            state_root: proof.checkpoint.state_root,
            headers: proof.headers,
            epoch: proof.certificate.epoch,
            view: proof.certificate.view,
            parent_view: proof.certificate.parent_view,
            block: proof.certificate.block,
            signers: proof.certificate.signers,
            signatures: proof.certificate.signatures,
            votes: proof.votes,
            account_nodes: state.nodes,
            slot_nodes: state
                .slots
                .into_iter()
                .next()
                .map(|slot| slot.nodes)
                .unwrap_or_default(),
            next_votes: anchor.votes,
        });
        let text = serde_json::to_string(&kept).map_err(|_| RelayError::NodeMalformed {
            chain: id,
            contract: "ValidatorSet",
        })?;
        Ok(self.store.keep_epoch(id, epoch, &text).await?)
    }

    pub(super) async fn kept_epoch(
        &self,
        id: ChainId,
        epoch: u64,
    ) -> Result<Option<LastOfEpoch>, RelayError> {
        let Some(text) = self.store.kept_epoch(id, epoch).await? else {
            return Ok(None);
        };
        let kept: KeptEpoch =
            serde_json::from_str(&text).map_err(|e| crate::store::StoreError::BugUnreadable {
                what: "proof of an epoch",
                detail: e.to_string(),
            })?;
        let KeptEpoch::V1(last) = kept;
        Ok(Some(last))
    }

    /// What a light client knows.
    pub(super) async fn view(
        &self,
        on: ChainId,
        client: Address,
        at: Height,
    ) -> Result<View, RelayError> {
        let chain = self.chain(on)?;
        Client { chain, client, at }.view().await
    }

    /// Whether a light client recorded a height.
    pub(super) async fn recorded(
        &self,
        on: ChainId,
        client: Address,
        at: Height,
        height: u64,
    ) -> Result<bool, RelayError> {
        let chain = self.chain(on)?;
        Client { chain, client, at }.recorded(height).await
    }
}

/// A light client as of one block of its chain.
pub(crate) struct Client<'a> {
    pub(crate) chain: &'a dyn Chain,
    pub(crate) client: Address,
    pub(crate) at: Height,
}

impl Client<'_> {
    /// What it knows.
    pub(crate) async fn view(&self) -> Result<View, RelayError> {
        let handed_over = self.number(LightClient::handedOverAtCall {}).await?;
        let grace = self.number(LightClient::graceCall {}).await?;
        Ok(View {
            epoch_length: self.number(LightClient::epochLengthCall {}).await?,
            epoch: self.number(LightClient::epochCall {}).await?,
            grace_until: Timestamp(handed_over.saturating_add(grace)),
            latest: Height(self.number(LightClient::latestHeightCall {}).await?),
            frozen: self.number(LightClient::frozenCall {}).await? != 0,
        })
    }

    /// Whether it recorded a height.
    pub(crate) async fn recorded(&self, height: u64) -> Result<bool, RelayError> {
        let hash = self
            .word(LightClient::checkpointHashCall { height })
            .await?;
        Ok(!hash.is_zero())
    }

    async fn word(&self, call: impl SolCall) -> Result<U256, RelayError> {
        let answer = self
            .chain
            .call(self.client, call.abi_encode().into(), self.at)
            .await?;
        U256::try_from_be_slice(&answer)
            .filter(|_| answer.len() == 32)
            .ok_or_else(|| RelayError::NodeMalformed {
                chain: self.chain.info().id,
                contract: "LightClient",
            })
    }

    async fn number(&self, call: impl SolCall) -> Result<u64, RelayError> {
        Ok(self.word(call).await?.saturating_to())
    }
}

/// Blocks below the tip in which a certificate is looked for.
const LOOK_BACK: u64 = 8;
