//! What metrics say of the relay: open messages, and how far the light clients are behind.

use causeway_adapter_api::ChainId;

use super::{RelayError, RelayHandle, proofs::Client};

/// Open messages of one direction of a lane in one stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneState {
    /// Chain they were sent from.
    pub source: ChainId,
    /// Which lane.
    pub lane: u32,
    /// Where they stand.
    pub stage: String,
    /// How many.
    pub count: u64,
    /// For how long the oldest is known, milliseconds.
    pub age_ms: u64,
}

/// A light client beside the chain it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientLag {
    /// Where it is.
    pub on: ChainId,
    /// Which chain it follows.
    pub of: ChainId,
    /// Its newest epoch.
    pub epoch: u64,
    /// Epochs of the other chain that it does not know.
    pub epochs_behind: u64,
    /// Blocks since the newest it knows; it learns of blocks only when something is to be proved.
    pub blocks_behind: u64,
    /// Whether it saw two certificates for one height.
    pub frozen: bool,
}

impl RelayHandle {
    /// Messages that have not ended.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn open_messages(&self) -> Result<Vec<LaneState>, RelayError> {
        let now = self.shared.config.wall.millis();
        let found = self.shared.store.relay_open_messages().await?;
        let state = found.into_iter().map(|open| LaneState {
            source: open.source,
            lane: open.lane,
            stage: open.stage,
            count: open.count,
            age_ms: now.saturating_sub(open.oldest_ms),
        });
        Ok(state.collect())
    }

    /// Every direction of every lane: the chain it begins on, and its number.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn lanes(&self) -> Result<Vec<(ChainId, u32)>, RelayError> {
        let lanes = self.shared.store.relay_lanes().await?;
        Ok(lanes.iter().map(|lane| (lane.chain, lane.lane)).collect())
    }

    /// Every light client that a lane relies on.
    ///
    /// # Errors
    /// Whatever a chain or the store says.
    pub async fn clients(&self) -> Result<Vec<ClientLag>, RelayError> {
        let shared = &self.shared;
        let mut found = Vec::new();
        let mut lanes = shared.store.relay_lanes().await?;
        lanes.sort_unstable_by_key(|lane| (lane.chain.0, lane.client));
        lanes.dedup_by_key(|lane| (lane.chain.0, lane.client));
        for lane in lanes {
            let (on, of) = (lane.chain, lane.remote);
            let chain = shared.chain(on)?;
            let at = chain.finalized().await?.height;
            let newest = shared.chain(of)?.finalized().await?.height;
            let client = Client {
                chain,
                client: lane.client,
                at,
            };
            let view = client.view().await?;
            let epoch = newest.0 / view.epoch_length.max(1);
            found.push(ClientLag {
                on,
                of,
                epoch: view.epoch,
                epochs_behind: epoch.saturating_sub(view.epoch),
                blocks_behind: newest.0.saturating_sub(view.latest.0),
                frozen: view.frozen,
            });
        }
        Ok(found)
    }
}
