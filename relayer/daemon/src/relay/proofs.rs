//! Certificates and state proofs.

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolCall;
use causeway_adapter_api::{
    Chain, ChainError, ChainId, Checkpoint, FinalityProof, Handover, Height, Provable, Timestamp,
};
use causeway_contracts::{LightClient, light_client};
use causeway_core::client::View;

use super::{
    RelayError, Shared,
    abi::{client_update, packed},
};

/// The light client's `update` to the last block of an epoch.
pub(super) fn update_to(handover: &Handover) -> Bytes {
    client_update(&handover.finality)
}

/// The light client's `handover` to the epoch after it.
pub(super) fn handover_by(handover: Handover) -> Bytes {
    let slot = handover.state.slots.into_iter().next();
    LightClient::handoverCall {
        lastOfEpoch: light_client_checkpoint(&handover.finality.checkpoint),
        accountProof: handover.state.nodes,
        storageProof: slot.map(|slot| slot.nodes).unwrap_or_default(),
        votes: packed(&handover.next),
    }
    .abi_encode()
    .into()
}

const fn light_client_checkpoint(of: &Checkpoint) -> light_client::LightClient::Checkpoint {
    light_client::LightClient::Checkpoint {
        height: of.height.0,
        timestamp: of.time.0,
        stateRoot: of.state_root,
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

    /// How an epoch of a chain gave over to the next; `None` while its last block is not final, or has no certificate yet.
    pub(super) async fn handover(
        &self,
        id: ChainId,
        epoch: u64,
    ) -> Result<Option<Handover>, RelayError> {
        match self.provable(id)?.handover(epoch).await {
            Ok(handover) => Ok(Some(handover)),
            Err(ChainError::NotFinal { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
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
