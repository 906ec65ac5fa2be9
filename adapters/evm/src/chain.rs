//! Reading an external chain.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy_primitives::{Address, Bytes, U64, U256};
use async_trait::async_trait;
use causeway_adapter_api::{
    Asset, ChainError, ChainId, ChainInfo, ChainReader, Event, Height, HeightRange, LockId,
    LockState, Timestamp, Tip, TxId, TxStatus,
};
use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::{
    ConnectError, EvmConfig, Finality,
    abi::Contracts,
    fees::Signed,
    keys::Keys,
    panel::Panel,
    rpc::{Header, Log, Node, Receipt, Sent, malformed, params},
};

/// An external chain: what [`connect`] gives.
pub struct EvmChain {
    pub(crate) info: ChainInfo,
    pub(crate) config: EvmConfig,
    pub(crate) panel: Panel,
    pub(crate) contracts: Contracts,
    pub(crate) keys: Keys,
    pub(crate) signed: Mutex<Signed>,
    /// The newest final block ever returned.
    tip: Mutex<Option<Tip>>,
}

/// Opens the keystores, and checks that every node serves the configured chain and that the contract is there.
///
/// # Errors
/// [`ConnectError`] says which key of the configuration to look at, or which node does not answer as it should. All
/// nodes must answer once, however small the quorum: a wrong URL is found here and not on a bad day.
pub async fn connect(config: EvmConfig) -> Result<EvmChain, ConnectError> {
    let chain = connect_to_deploy(config).await?;
    chain.check_contract().await?;
    tracing::info!(chain = %chain.info.name, id = %chain.info.id, "chain connected");
    Ok(chain)
}

/// As [`connect`], before there is a `HashTimeLock`: `hash_time_lock` may still be zero. Good for deploying one, and for
/// nothing else.
///
/// # Errors
/// As [`connect`].
pub async fn connect_to_deploy(config: EvmConfig) -> Result<EvmChain, ConnectError> {
    let quorum = config.check()?;
    let contracts = Contracts::load()?;
    let panel = Panel::new(config.name.clone(), Node::all(&config)?, quorum);
    let (accounts, chain_id) = (config.accounts.clone(), config.chain_id);
    // Key derivation takes a good part of a second for each keystore, on purpose.
    let keys = tokio::task::spawn_blocking(move || Keys::open(&accounts, chain_id)).await;
    // INVARIANT: the task neither panics nor is cancelled: the runtime that runs us runs it.
    let keys = keys.expect("opening keystores does not panic")?;
    try_join_all(panel.nodes().iter().map(|node| check_node(node, chain_id))).await?;
    let info = ChainInfo {
        id: ChainId(chain_id),
        name: config.name.clone(),
        hash_time_lock: config.hash_time_lock,
    };
    Ok(EvmChain {
        info,
        config,
        panel,
        contracts,
        keys,
        signed: Mutex::default(),
        tip: Mutex::default(),
    })
}

async fn check_node(node: &Node, expected: u64) -> Result<(), ChainError> {
    let got: U64 = node
        .call("eth_chainId", params![], "reading the chain id")
        .await?;
    if got.to::<u64>() != expected {
        return Err(ChainError::ConfigWrongChain {
            expected: ChainId(expected),
            got: ChainId(got.to()),
        });
    }
    Ok(())
}

impl EvmChain {
    async fn check_contract(&self) -> Result<(), ConnectError> {
        let address = self.config.hash_time_lock;
        let code: Bytes = self
            .panel
            .agree("the same code at `hash_time_lock`", |node| async move {
                Ok(node
                    .call(
                        "eth_getCode",
                        params![address, "latest"],
                        "reading the contract's code",
                    )
                    .await?)
            })
            .await?;
        if code.is_empty() {
            return Err(ConnectError::ConfigNoContract {
                chain: self.config.name.clone(),
                address,
            });
        }
        Ok(())
    }

    /// The highest height that a quorum of nodes calls final.
    async fn final_height(&self) -> Result<u64, ChainError> {
        let finality = self.config.finality;
        let heights = self
            .panel
            .gather(|node| async move { node_final_height(&node, finality).await })
            .await?;
        self.panel
            .reached(heights)
            .ok_or_else(|| self.malformed("a final height", "none"))
    }

    async fn tip_at(&self, height: u64) -> Result<Tip, ChainError> {
        let ask = |node: Arc<Node>| async move { Ok(tip_of(&header(&node, height).await?)) };
        self.panel.agree("the same final block", ask).await
    }

    fn last_tip(&self) -> Option<Tip> {
        *self.tip.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self, new: Tip) -> Tip {
        let mut tip = self.tip.lock().unwrap_or_else(PoisonError::into_inner);
        match *tip {
            // Another call got further while this one waited.
            Some(old) if old.height >= new.height => old,
            _ => *tip.insert(new),
        }
    }

    /// A call at a final height that a quorum answers alike.
    pub(crate) async fn view(
        &self,
        to: Address,
        data: Bytes,
        height: u64,
    ) -> Result<Bytes, ChainError> {
        let call = json!({ "to": to, "data": data });
        self.panel
            .agree("the same answer to a call", |node| {
                let call = call.clone();
                async move {
                    let params = params![call, U64::from(height)];
                    Ok(node.call("eth_call", params, "calling a contract").await?)
                }
            })
            .await
    }

    pub(crate) fn malformed(&self, expected: &'static str, got: impl Into<String>) -> ChainError {
        malformed(self.info.name.clone(), expected, got)
    }
}

#[async_trait]
impl ChainReader for EvmChain {
    fn info(&self) -> &ChainInfo {
        &self.info
    }

    async fn finalized(&self) -> Result<Tip, ChainError> {
        let height = self.final_height().await?;
        let Some(last) = self.last_tip() else {
            return Ok(self.advance(self.tip_at(height).await?));
        };
        if height <= last.height.0 {
            return Ok(last);
        }
        // A final block that changed means that the finality rule is wrong for this chain. Nothing read before can be
        // relied on: fail closed, for ever.
        let again = self.tip_at(last.height.0).await?;
        if again != last {
            let got = format!(
                "block {} with hash {} instead of {}",
                last.height, again.hash, last.hash
            );
            return Err(self.malformed("that a final block stays", got));
        }
        Ok(self.advance(self.tip_at(height).await?))
    }

    async fn finalized_after(&self, after: Height) -> Result<Tip, ChainError> {
        let looking = async {
            loop {
                let tip = self.finalized().await?;
                if tip.height > after {
                    return Ok(tip);
                }
                tokio::time::sleep(self.config.poll()).await;
            }
        };
        let doing = "waiting for a final block";
        tokio::time::timeout(PATIENCE, looking)
            .await
            .unwrap_or_else(|_| {
                Err(ChainError::Timeout {
                    chain: self.info.name.clone(),
                    doing,
                    limit: PATIENCE,
                })
            })
    }

    async fn events(&self, range: HeightRange) -> Result<Vec<Event>, ChainError> {
        self.check_range(range).await?;
        self.panel
            .agree("the same events", |node| async move {
                self.node_events(&node, range).await
            })
            .await
    }

    async fn lock_state(&self, id: LockId) -> Result<LockState, ChainError> {
        let height = self.finalized().await?.height.0;
        let answer = self
            .view(
                self.info.hash_time_lock,
                self.contracts.state_call(id)?,
                height,
            )
            .await?;
        let state = self.contracts.state(&answer);
        state.ok_or_else(|| self.malformed("the state of a lock", answer.to_string()))
    }

    async fn balance(&self, asset: Asset, owner: Address) -> Result<U256, ChainError> {
        let height = self.finalized().await?.height.0;
        let Asset::Token(token) = asset else {
            let ask = |node: Arc<Node>| async move {
                let params = params![owner, U64::from(height)];
                Ok(node
                    .call("eth_getBalance", params, "reading a balance")
                    .await?)
            };
            return self.panel.agree("the same balance", ask).await;
        };
        let answer = self
            .view(token, self.contracts.balance_call(owner)?, height)
            .await?;
        let balance = self.contracts.balance(&answer);
        balance.ok_or_else(|| self.malformed("a token balance", answer.to_string()))
    }

    async fn status(&self, id: TxId) -> Result<TxStatus, ChainError> {
        let seen = self
            .panel
            .gather(|node| async move { node_status(&node, id).await })
            .await?;
        let included: Vec<u64> = seen.iter().filter_map(|seen| seen.height()).collect();
        let Some(height) = self.panel.reached(included) else {
            let anybody = seen.iter().any(|seen| !matches!(seen, Seen::Nothing));
            return Ok(if anybody {
                TxStatus::Pending
            } else {
                TxStatus::Unknown
            });
        };
        if height > self.finalized().await?.height.0 {
            return Ok(TxStatus::Pending);
        }
        let ask = |node: Arc<Node>| async move {
            let found = receipt(&node, id).await?;
            let receipt = found
                .ok_or_else(|| node.malformed("the receipt of a final transaction", "none"))?;
            let header = header(&node, receipt.block_number.to()).await?;
            if header.hash != receipt.block_hash {
                return Err(node.malformed("a receipt of the final block", format!("{receipt:?}")));
            }
            Ok(final_status(&receipt, &header))
        };
        self.panel.agree("the same receipt", ask).await
    }
}

impl EvmChain {
    async fn node_events(&self, node: &Node, range: HeightRange) -> Result<Vec<Event>, ChainError> {
        let contract = [self.info.hash_time_lock];
        let topics = Some(json!([self.contracts.topics()]));
        let logs = node_logs(node, &contract, topics, range).await?;
        let mut events: Vec<Event> = Vec::with_capacity(logs.len());
        for (log, time) in logs {
            let decoded = self.contracts.event(&log);
            let (lock_id, kind) = decoded
                .ok_or_else(|| node.malformed("an event of the contract", format!("{log:?}")))?;
            events.push(Event {
                lock_id,
                kind,
                height: Height(log.block_number.to()),
                block: log.block_hash,
                time,
                tx: TxId(log.transaction_hash),
                index: log.log_index.to(),
            });
        }
        Ok(events)
    }

    /// Refuses a range that is too wide or not final.
    pub(crate) async fn check_range(&self, range: HeightRange) -> Result<(), ChainError> {
        let (got, max) = (
            range.to.0.saturating_sub(range.from.0).saturating_add(1),
            self.config.max_range,
        );
        if got > max {
            return Err(ChainError::RangeTooWide { got, max });
        }
        self.check_final(range.to).await
    }

    /// Refuses a height that is not final.
    pub(crate) async fn check_final(&self, height: Height) -> Result<(), ChainError> {
        let known = self.last_tip().filter(|tip| tip.height >= height);
        let tip = match known {
            Some(tip) => tip.height,
            None => self.finalized().await?.height,
        };
        if height > tip {
            return Err(ChainError::NotFinal { got: height, tip });
        }
        Ok(())
    }
}

/// Logs of `contracts` as one node tells them, each with the time of its block; refused when they are not what was asked.
pub(crate) async fn node_logs(
    node: &Node,
    contracts: &[Address],
    topics: Option<Value>,
    range: HeightRange,
) -> Result<Vec<(Log, Timestamp)>, ChainError> {
    let filter = json!({
        "address": contracts,
        "fromBlock": U64::from(range.from.0),
        "toBlock": U64::from(range.to.0),
        "topics": topics.unwrap_or_else(|| json!([])),
    });
    let logs: Vec<Log> = node
        .call("eth_getLogs", params![filter], "reading logs")
        .await?;
    let mut headers: BTreeMap<u64, Header> = BTreeMap::new();
    let mut found: Vec<(Log, Timestamp)> = Vec::with_capacity(logs.len());
    for log in logs {
        let height = log.block_number.to::<u64>();
        let ours =
            contracts.contains(&log.address) && (range.from.0..=range.to.0).contains(&height);
        if !ours || log.removed {
            return Err(node.malformed(
                "logs of the contracts in the range asked",
                format!("{log:?}"),
            ));
        }
        let block = match headers.get(&height) {
            Some(block) => block.clone(),
            None => headers
                .entry(height)
                .or_insert(header(node, height).await?)
                .clone(),
        };
        if block.hash != log.block_hash {
            return Err(node.malformed("logs of the final block", format!("{log:?}")));
        }
        let place = (log.block_number, log.log_index);
        if found
            .last()
            .is_some_and(|(last, _)| (last.block_number, last.log_index) >= place)
        {
            return Err(node.malformed("logs in chain order", format!("{log:?}")));
        }
        found.push((log, Timestamp(block.timestamp.to())));
    }
    Ok(found)
}

/// What one node knows of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    Waiting,
    Included(u64),
}

impl Seen {
    const fn height(self) -> Option<u64> {
        match self {
            Self::Included(height) => Some(height),
            Self::Nothing | Self::Waiting => None,
        }
    }
}

async fn node_status(node: &Node, id: TxId) -> Result<Seen, ChainError> {
    if let Some(receipt) = receipt(node, id).await? {
        return Ok(Seen::Included(receipt.block_number.to()));
    }
    let Some(tx) = transaction(node, id).await? else {
        return Ok(Seen::Nothing);
    };
    // Some nodes go on showing what was replaced (anvil): a used nonce tells, unless it was used by this very one since.
    let params = params![tx.from, "latest"];
    let used: U64 = node
        .call("eth_getTransactionCount", params, "reading a nonce")
        .await?;
    if used <= tx.nonce {
        return Ok(Seen::Waiting);
    }
    let included = receipt(node, id).await?;
    Ok(included.map_or(Seen::Nothing, |receipt| {
        Seen::Included(receipt.block_number.to())
    }))
}

async fn transaction(node: &Node, id: TxId) -> Result<Option<Sent>, ChainError> {
    let doing = "looking for a transaction";
    Ok(node
        .call("eth_getTransactionByHash", params![id.0], doing)
        .await?)
}

/// Whether the node has the transaction, waiting or included.
pub(crate) async fn knows(node: &Node, id: TxId) -> Result<bool, ChainError> {
    Ok(transaction(node, id).await?.is_some())
}

async fn receipt(node: &Node, id: TxId) -> Result<Option<Receipt>, ChainError> {
    let found: Option<Receipt> = node
        .call(
            "eth_getTransactionReceipt",
            params![id.0],
            "reading a receipt",
        )
        .await?;
    match found {
        Some(other) if other.transaction_hash != id.0 => {
            Err(node.malformed("the receipt asked for", other.transaction_hash.to_string()))
        }
        found => Ok(found),
    }
}

async fn header(node: &Node, height: u64) -> Result<Header, ChainError> {
    let header = block(node, &json!(U64::from(height))).await?;
    if header.number.to::<u64>() != height {
        return Err(node.malformed("the block asked for", format!("block {}", header.number)));
    }
    Ok(header)
}

/// The header of a number or tag.
pub(crate) async fn block(node: &Node, which: &Value) -> Result<Header, ChainError> {
    let found: Option<Header> = node
        .call(
            "eth_getBlockByNumber",
            params![which, false],
            "reading a block",
        )
        .await?;
    found.ok_or_else(|| node.malformed("a block", format!("none for {which}")))
}

async fn node_final_height(node: &Node, finality: Finality) -> Result<u64, ChainError> {
    let tag = match finality {
        Finality::Tag => "finalized",
        Finality::Confirmations(_) | Finality::Instant => "latest",
    };
    let height = block(node, &json!(tag)).await?.number.to::<u64>();
    Ok(match finality {
        Finality::Confirmations(after) => height.saturating_sub(after),
        Finality::Tag | Finality::Instant => height,
    })
}

fn tip_of(header: &Header) -> Tip {
    Tip {
        height: Height(header.number.to()),
        hash: header.hash,
        time: Timestamp(header.timestamp.to()),
    }
}

fn final_status(receipt: &Receipt, header: &Header) -> TxStatus {
    let succeeded = receipt.status == U64::from(1);
    TxStatus::Final {
        at: tip_of(header),
        succeeded,
        created: receipt
            .contract_address
            .filter(|address| succeeded && !address.is_zero()),
        fee: receipt.gas_used.saturating_mul(receipt.effective_gas_price),
    }
}

impl std::fmt::Debug for EvmChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EvmChain")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

/// The trait's promise is "at most a minute".
const PATIENCE: Duration = Duration::from_secs(30);
