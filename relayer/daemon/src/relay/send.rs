//! Sending a message from one of our own accounts.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes};
use alloy_sol_types::SolCall as _;
use causeway_adapter_api::{ChainId, TxId};
use causeway_contracts::Gateway;
use causeway_core::lane::Order;

use super::{
    MessageView, RelayError, RelayHandle,
    abi::{attribute, interoperable},
};
use crate::store::{OrderStatus, RelayCall};

/// A message to be sent from one of our accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendRequest {
    /// From which chain.
    pub from: ChainId,
    /// By which of our accounts.
    pub account: Address,
    /// To which chain.
    pub to: ChainId,
    /// To whom.
    pub recipient: Address,
    /// What it says; for a call, the call data.
    pub payload: Bytes,
    /// Call the recipient with the payload and bring back what it returns.
    pub call: bool,
    /// Which of the two lanes.
    pub order: Order,
    /// The last second, by the destination's clock, in which it is executed.
    pub deadline: Option<u64>,
    /// Gas of its execution.
    pub gas_limit: Option<u64>,
}

impl SendRequest {
    /// The call of the gateway.
    pub(crate) fn data(&self) -> Bytes {
        let mut attributes: Vec<Bytes> = Vec::new();
        if let Some(second) = self.deadline {
            attributes.push(attribute::deadlineCall { second }.abi_encode().into());
        }
        if let Some(gas) = self.gas_limit {
            attributes.push(attribute::gasLimitCall { gas }.abi_encode().into());
        }
        if self.order == Order::Ordered {
            attributes.push(attribute::orderedCall {}.abi_encode().into());
        }
        if self.call {
            attributes.push(attribute::rawCallCall {}.abi_encode().into());
        }
        Gateway::sendMessageCall {
            recipient: interoperable(self.to.0, self.recipient),
            payload: self.payload.clone(),
            attributes,
        }
        .abi_encode()
        .into()
    }
}

impl RelayHandle {
    /// Has one of our accounts call a contract, through its lane; returns the transaction once it is final.
    ///
    /// # Errors
    /// [`RelayError::ConfigUnknownAccount`], [`RelayError::PeerContractRefused`], [`RelayError::NotYet`] when the same
    /// task is under way or no block takes it in time: the call is stored and goes on.
    pub async fn call(
        &self,
        from: ChainId,
        account: Address,
        call: &RelayCall,
    ) -> Result<TxId, RelayError> {
        let shared = &self.shared;
        let chain = shared.chain(from)?;
        if !chain.accounts().contains(&account) {
            return Err(RelayError::ConfigUnknownAccount {
                chain: from,
                account,
            });
        }
        let order = shared.store.add_call(from, account, call).await?;
        let order = order.ok_or(RelayError::NotYet)?;
        shared.driver.knock(from, account);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < deadline {
            let (status, detail, txs) = shared.store.call_status(order).await?;
            match (status, txs.last()) {
                (OrderStatus::Failed, _) => {
                    return Err(RelayError::PeerContractRefused(detail.unwrap_or_default()));
                }
                (OrderStatus::Done, Some(tx)) => return Ok(*tx),
                _ => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
        Err(RelayError::NotYet)
    }

    /// Sends a message and returns it as soon as a final block shows it. Its delivery goes on without the caller.
    ///
    /// # Errors
    /// [`RelayError::PeerNoLane`], [`RelayError::PeerRefused`] with the gateway's words, [`RelayError::NotYet`].
    pub async fn send(&self, request: &SendRequest) -> Result<MessageView, RelayError> {
        let shared = &self.shared;
        let site = shared.site(request.from)?;
        let chain = shared.chain(request.from)?;
        if !chain.accounts().contains(&request.account) {
            return Err(RelayError::ConfigUnknownAccount {
                chain: request.from,
                account: request.account,
            });
        }
        let lanes = shared.store.relay_lanes().await?;
        let leads = lanes.iter().any(|lane| {
            lane.chain == request.from && lane.remote == request.to && lane.order == request.order
        });
        if !leads {
            return Err(RelayError::PeerNoLane {
                from: request.from,
                to: request.to,
                kind: match request.order {
                    Order::Ordered => "ordered",
                    Order::Unordered => "unordered",
                },
            });
        }
        let mut name = B256::ZERO;
        getrandom::fill(name.as_mut_slice()).map_err(|_| RelayError::NoRandomness)?;
        let call = RelayCall {
            task: format!("send:{name}"),
            to: site.gateway,
            data: request.data(),
            ..RelayCall::default()
        };
        let order = shared
            .store
            .add_call(request.from, request.account, &call)
            .await?
            .ok_or(RelayError::NotYet)?;
        shared.driver.knock(request.from, request.account);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < deadline {
            let (status, detail, txs) = shared.store.call_status(order).await?;
            if status == OrderStatus::Failed {
                return Err(RelayError::PeerRefused(detail.unwrap_or_default()));
            }
            for tx in txs {
                if let Some(row) = shared.store.relay_messages_of_tx(tx).await?.first() {
                    return self.show(row.state.sent.id).await;
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Err(RelayError::NotYet)
    }
}

/// The longest wait for the message's block.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(25);
