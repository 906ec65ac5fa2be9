//! A slot of one chain in a checkpoint that a light client of the other knows. Where the client is behind, it is brought a
//! newer checkpoint first: a transaction of its own, which serves every transfer that waits for one.

use alloy_primitives::{Address, B256, Bytes, U256};
use causeway_adapter_api::{ChainError, ChainId, Checkpoint, FinalityProof, Height};
use causeway_core::client::View;
use tokio::time::Instant;
use tracing::debug;

use super::{CrossingError, Ground};
use crate::{
    relay::{
        abi::client_update,
        proofs::{Client, certified, provable},
    },
    store::{OrderStatus, RelayCall},
};

/// Who believes what of whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Belief {
    /// The chain that is proved.
    pub of: ChainId,
    /// The chain that is to believe it.
    pub on: ChainId,
    /// The light client there.
    pub client: Address,
    /// Who pays for what is brought to it.
    pub account: Address,
}

/// What is to be shown.
pub struct Question<'a> {
    /// Whose storage.
    pub account: Address,
    /// Which slot.
    pub slot: B256,
    /// Which checkpoints will do.
    pub enough: &'a (dyn Fn(&Checkpoint) -> bool + Sync),
    /// Which values will do.
    pub holds: &'a (dyn Fn(U256) -> bool + Sync),
}

/// The answer, as a contract takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The block, which the light client knows.
    pub checkpoint: Checkpoint,
    /// Nodes of the state trie.
    pub account_nodes: Vec<Bytes>,
    /// Nodes of the account's storage trie.
    pub slot_nodes: Vec<Bytes>,
}

impl Ground {
    /// The slot in the newest checkpoint that the client knows, if that will do. Otherwise the client is brought the newest
    /// certified block, if that one does; `None` until then.
    ///
    /// # Errors
    /// A chain that does not answer.
    pub async fn evidence(
        &self,
        belief: &Belief,
        question: &Question<'_>,
    ) -> Result<Option<Evidence>, CrossingError> {
        let on = self.chain(belief.on)?;
        let at = on.finalized().await?.height;
        let client = Client {
            chain: on,
            client: belief.client,
            at,
        };
        let view = client.view().await?;
        if view.frozen {
            debug!(of = %belief.of, on = %belief.on, "the light client is frozen: nothing can be proved to it");
            return Ok(None);
        }
        let of = self.chain(belief.of)?;
        if view.latest > Height(0) {
            let known = match provable(of)?.finality(view.latest).await {
                Ok(known) => self.answer(belief.of, &known.checkpoint, question).await?,
                // The node lags behind what its chain has proved: a newer one serves.
                Err(ChainError::NotFinal { .. }) => None,
                Err(error) => return Err(error.into()),
            };
            if known.is_some() {
                return Ok(known);
            }
        }
        let tip = of.finalized().await?.height;
        let Some(newest) = certified(of, tip).await? else {
            return Ok(None);
        };
        let newer = newest.checkpoint.height > view.latest;
        if newer
            && self
                .answer(belief.of, &newest.checkpoint, question)
                .await?
                .is_some()
        {
            self.bring(belief, &view, &newest).await?;
        }
        Ok(None)
    }

    /// The slot after one block, if both will do.
    async fn answer(
        &self,
        of: ChainId,
        checkpoint: &Checkpoint,
        question: &Question<'_>,
    ) -> Result<Option<Evidence>, CrossingError> {
        if !(question.enough)(checkpoint) {
            return Ok(None);
        }
        let chain = provable(self.chain(of)?)?;
        let slots = [question.slot];
        let state = chain.state(question.account, &slots, checkpoint.height);
        let state = match state.await {
            Ok(state) => state,
            // The chain has forgotten it: a newer one serves.
            Err(ChainError::StatePruned { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let slot = state.slots.into_iter().next();
        Ok(slot
            .filter(|slot| (question.holds)(slot.value))
            .map(|slot| Evidence {
                checkpoint: *checkpoint,
                account_nodes: state.nodes,
                slot_nodes: slot.nodes,
            }))
    }

    /// Orders the client's update to a block; one at a time.
    async fn bring(
        &self,
        belief: &Belief,
        view: &View,
        newest: &FinalityProof,
    ) -> Result<(), CrossingError> {
        if newest.certificate.epoch > view.epoch {
            debug!(of = %belief.of, on = %belief.on, "waiting for the light client's new validator set");
            return Ok(());
        }
        let Belief {
            of,
            on,
            client,
            account,
        } = *belief;
        let task = format!("checkpoint:{of}:{on}:{client}");
        match self.store.task_end(&task).await? {
            Some((_, OrderStatus::Waiting | OrderStatus::Sent)) => return Ok(()),
            Some((order, OrderStatus::Failed)) => {
                let now = Instant::now();
                let mut pace = self.pace();
                pace.refused(&task, order, &self.config.retry, now);
                if pace.pauses(&task, now) {
                    return Ok(());
                }
            }
            Some((_, OrderStatus::Done)) | None => self.pace().done(&task),
        }
        let call = RelayCall {
            task,
            to: client,
            data: client_update(newest),
            ..RelayCall::default()
        };
        if self.store.add_call(on, account, &call).await?.is_some() {
            debug!(%of, %on, height = %newest.checkpoint.height, "bringing a checkpoint");
            self.driver.knock(on, account);
        }
        Ok(())
    }
}
