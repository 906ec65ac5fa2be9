//! Records blocks, calls for the election of each epoch, and brings what validators here found out about others.

use std::{sync::Arc, time::Duration};

use alloy_primitives::{Address, Bytes, keccak256};
use alloy_sol_types::SolCall;
use causeway_adapter_api::{Chain, ChainError, Height};
use causeway_adapter_hosted::{node::Node, store::StoreError};
use causeway_contracts::Election;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::ElectionSite;
use crate::{
    relay::{RelayError, RelayHandle},
    store::RelayCall,
};

/// Pause between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// Blocks that are recorded together, outside of an epoch's closing blocks.
const BATCH: u64 = 100;
/// How far back a block may lie whose hash the chain still knows: 256, less what passes until the transaction is in a block.
const KNOWN: u64 = 200;

/// What a keeper works on.
#[derive(Clone)]
pub struct KeeperConfig {
    /// The election.
    pub site: ElectionSite,
    /// Its chain, hosted here: headers and evidence are in its node.
    pub node: Node,
    /// Who pays.
    pub account: Address,
}

/// A keeper at work.
pub struct Keeper {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Keeper {
    /// Begins to keep the election.
    pub fn start(config: KeeperConfig, chain: Arc<dyn Chain>, relay: RelayHandle) -> Self {
        let stop = CancellationToken::new();
        let keeping = Keeping {
            config,
            chain,
            relay,
            closing: None,
            elected: None,
        };
        let task = tokio::spawn(run(keeping, stop.clone()));
        Self { stop, task }
    }

    /// Stops; what was ordered is on disk.
    pub async fn shutdown(self) {
        self.stop.cancel();
        // An error means that it ended by itself.
        let _ = self.task.await;
    }
}

struct Keeping {
    config: KeeperConfig,
    chain: Arc<dyn Chain>,
    relay: RelayHandle,
    /// Blocks at an epoch's end in which it is elected, once it was asked.
    closing: Option<u64>,
    /// The epoch that was elected in last.
    elected: Option<u64>,
}

/// Why a round did nothing, or not all.
#[derive(Debug, thiserror::Error)]
enum KeeperError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Relay(#[from] RelayError),
    #[error("a block cannot be read")]
    Store(#[from] StoreError),
    #[error("{0} is no Election")]
    NoElection(Address),
    #[error("block {0} is not here")]
    NoBlock(u64),
}

async fn run(mut keeping: Keeping, stop: CancellationToken) {
    loop {
        let pause = tokio::time::sleep(LOOK);
        if stop.run_until_cancelled(pause).await.is_none() {
            return;
        }
        match stop.run_until_cancelled(keeping.round()).await {
            None => return,
            Some(Ok(())) => {}
            Some(Err(error)) => debug!(%error, "the election was not kept"),
        }
    }
}

impl Keeping {
    async fn round(&mut self) -> Result<(), KeeperError> {
        self.report().await?;
        let length = self.config.node.spec().epoch_length;
        let closing = match self.closing {
            Some(closing) => closing,
            None => {
                let config = self.ask(Election::configCall {}).await?;
                *self.closing.insert(u64::from(config.closingBlocks))
            }
        };
        let recorded = self.ask(Election::recordedCall {}).await?;
        let tip = self.chain.finalized().await?.height.0;
        let epoch = tip / length;
        let opens = (epoch + 1).saturating_mul(length).saturating_sub(closing);
        let is_closing = tip >= opens;
        if tip.saturating_sub(recorded) >= BATCH || (is_closing && recorded + 1 < opens) {
            // A transaction is tried on the newest final block, in which that block's own hash is not known yet.
            return self.record(recorded, tip.saturating_sub(1)).await;
        }
        if is_closing && self.elected != Some(epoch) {
            let call = Election::electCall {};
            self.send(&format!("elect:{epoch}"), call).await?;
            info!(epoch, "the producers of the next epoch are elected");
            self.elected = Some(epoch);
        }
        Ok(())
    }

    /// Counts the next blocks. When nobody did for long, older hashes are made known first, back from one the chain knows.
    async fn record(&self, recorded: u64, newest: u64) -> Result<(), KeeperError> {
        let to = newest.min(recorded.saturating_add(BATCH));
        let mut known = to.max(newest.saturating_sub(KNOWN));
        while known > to {
            let before = to.max(known.saturating_sub(BATCH));
            let headers = self.headers(before + 1, known)?;
            self.send(
                &format!("anchor:{before}"),
                Election::anchorCall { headers },
            )
            .await?;
            known = before;
        }
        let headers = self.headers(recorded + 1, to)?;
        self.send(&format!("record:{to}"), Election::recordCall { headers })
            .await
    }

    fn headers(&self, from: u64, to: u64) -> Result<Vec<Bytes>, KeeperError> {
        let header = |number| {
            let header = self.config.node.header(number)?;
            header.ok_or(KeeperError::NoBlock(number))
        };
        (from..=to).map(header).collect()
    }

    /// Brings evidence, once; whoever was faster spared us the fee.
    async fn report(&self) -> Result<(), KeeperError> {
        for found in self.config.node.convictions.all() {
            let task = format!("report:{}", found.validator);
            match self.send(&task, found.report_call()).await {
                Ok(()) => warn!(validator = %found.validator, "reported for two votes of one view"),
                Err(KeeperError::Relay(RelayError::PeerContractRefused(why))) => {
                    info!(validator = %found.validator, why, "the evidence changes nothing");
                }
                Err(error) => return Err(error),
            }
            self.config.node.convictions.forget(found.validator);
        }
        Ok(())
    }

    async fn send(&self, task: &str, call: impl SolCall) -> Result<(), KeeperError> {
        let data = call.abi_encode();
        let call = RelayCall {
            task: format!("election:{task}:{}", keccak256(&data)),
            to: self.config.site.contract,
            data: data.into(),
            ..RelayCall::default()
        };
        let site = self.config.site;
        self.relay
            .call(site.chain, self.config.account, &call)
            .await?;
        Ok(())
    }

    async fn ask<C: SolCall>(&self, call: C) -> Result<C::Return, KeeperError> {
        let at: Height = self.chain.finalized().await?.height;
        let contract = self.config.site.contract;
        let answer = self
            .chain
            .call(contract, call.abi_encode().into(), at)
            .await?;
        C::abi_decode_returns(&answer).map_err(|_| KeeperError::NoElection(contract))
    }
}
