//! What every handler works with: the chain, the bounds, the open filters.

use std::sync::Arc;

use alloy_eips::{BlockId, BlockNumberOrTag};
use jsonrpsee::{core::JsonRawValue, types::ErrorObjectOwned};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::{RpcLimits, error::RpcError, filters::Filters};
use crate::{
    execute::{BlockRecord, ExecutedBlock},
    node::Node,
    tls::Peer,
};

/// What a handler returns.
pub(crate) type Reply = Result<Box<JsonRawValue>, RpcError>;

/// Encodes an answer.
pub(crate) fn reply<T: Serialize>(value: T) -> Reply {
    serde_json::value::to_raw_value(&value).map_err(RpcError::Encoding)
}

/// Who calls. Open chains do not know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller(pub(crate) Option<Arc<Peer>>);

/// Shared by all requests of one server.
pub(crate) struct Context {
    pub(crate) node: Node,
    pub(crate) limits: RpcLimits,
    pub(crate) filters: Filters,
    /// Expensive requests that may run at once.
    heavy: Arc<Semaphore>,
}

impl Context {
    pub(crate) fn new(node: Node, limits: RpcLimits) -> Self {
        Self {
            node,
            filters: Filters::new(&limits),
            heavy: Arc::new(Semaphore::new(limits.heavy_calls)),
            limits,
        }
    }

    /// Runs an expensive request on a thread of its own, a bounded number at once.
    ///
    /// The permit stays with the work, so a caller that hangs up does not make room for more than the bound.
    pub(crate) async fn heavy(
        self: Arc<Self>,
        run: impl FnOnce(&Self) -> Reply + Send + 'static,
    ) -> Result<Box<JsonRawValue>, ErrorObjectOwned> {
        let busy = RpcError::Busy {
            running: self.limits.heavy_calls,
        };
        let permit =
            tokio::time::timeout(self.limits.heavy_wait, self.heavy.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(busy.into());
        };
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            run(&self)
        });
        done.await
            .unwrap_or(Err(RpcError::Dropped))
            .map_err(Into::into)
    }

    /// Number of the newest final block.
    pub(crate) fn newest(&self) -> u64 {
        self.node.ledger.tip().block().number()
    }

    /// Height a tag means. Only final blocks are shown, so `latest`, `safe`, `finalized` and `pending` are the same block.
    pub(crate) fn height(&self, block: BlockNumberOrTag) -> u64 {
        match block {
            BlockNumberOrTag::Number(number) => number,
            BlockNumberOrTag::Earliest => 0,
            _ => self.newest(),
        }
    }

    /// Height of a block named either way; `None` for a hash nobody knows.
    pub(crate) fn height_of(&self, id: BlockId) -> Result<Option<u64>, RpcError> {
        match id {
            BlockId::Number(number) => Ok(Some(self.height(number))),
            BlockId::Hash(hash) => Ok(self.node.ledger.number_of(hash.block_hash)?),
        }
    }

    /// A final block; `None` when there is none such.
    pub(crate) fn record(&self, id: BlockId) -> Result<Option<Arc<BlockRecord>>, RpcError> {
        match self.height_of(id)? {
            Some(number) => Ok(self.node.ledger.record(number)?),
            None => Ok(None),
        }
    }

    /// A block together with the state after it.
    pub(crate) fn state(&self, id: Option<BlockId>) -> Result<Arc<ExecutedBlock>, RpcError> {
        let tip = self.node.ledger.tip();
        let newest = tip.block().number();
        let asked = match id.unwrap_or_default() {
            BlockId::Hash(hash) => {
                let hash = hash.block_hash;
                self.node
                    .ledger
                    .number_of(hash)?
                    .ok_or(RpcError::UnknownBlock(hash))?
            }
            BlockId::Number(BlockNumberOrTag::Number(number)) => number,
            BlockId::Number(BlockNumberOrTag::Earliest) => 0,
            BlockId::Number(_) => return Ok(tip),
        };
        if asked > newest {
            return Err(RpcError::HeaderNotFound { asked, newest });
        }
        let oldest = self.node.ledger.oldest_state();
        self.node.ledger.recent(asked).ok_or(RpcError::StatePruned {
            asked,
            oldest,
            newest,
        })
    }
}
