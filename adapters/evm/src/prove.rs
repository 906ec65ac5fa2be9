//! Reading any contract of an external chain. Its blocks carry no certificate that a contract could check, so it is not
//! [provable](causeway_adapter_api::Provable): what is read here is what a quorum of nodes says.

use alloy_primitives::{Address, Bytes};
use async_trait::async_trait;
use causeway_adapter_api::{ChainError, ContractReader, Height, HeightRange, RawLog, TxId};

use crate::{EvmChain, chain::node_logs};

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
}
