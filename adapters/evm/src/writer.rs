//! Writing to an external chain.

use std::sync::{Arc, PoisonError};

use alloy_primitives::{Address, U64, U256};
use async_trait::async_trait;
use causeway_adapter_api::{Bump, ChainError, ChainWriter, Order, PreparedTx};
use ethers_core::types::{
    self as eth, Eip1559TransactionRequest, TransactionRequest,
    transaction::eip2718::TypedTransaction,
};
use serde_json::{Value, json};

use crate::{
    EvmChain, FeeKind,
    abi::{Body, number},
    chain::{block, knows},
    fees::Price,
    refusal::Kind,
    rpc::{CallError, Node, Refused, params},
};

/// What one node says a transaction needs.
#[derive(Clone, Copy, Debug)]
struct Quote {
    gas: U256,
    price: Price,
    balance: U256,
}

#[async_trait]
impl ChainWriter for EvmChain {
    fn accounts(&self) -> Vec<Address> {
        self.keys.addresses()
    }

    async fn next_nonce(&self, account: Address) -> Result<u64, ChainError> {
        let ask = |node: Arc<Node>| async move {
            let params = params![account, "pending"];
            let nonce: U64 = node
                .call("eth_getTransactionCount", params, "reading the next nonce")
                .await?;
            Ok(nonce.to::<u64>())
        };
        let nonces = self.panel.gather(ask).await?;
        self.panel
            .reached(nonces)
            .ok_or_else(|| self.malformed("a nonce", "none"))
    }

    async fn prepare(
        &self,
        order: &Order,
        nonce: u64,
        bump: Bump,
    ) -> Result<PreparedTx, ChainError> {
        let account = order.account;
        if !self.keys.knows(account) {
            return Err(self.unknown(account));
        }
        let body = self
            .contracts
            .body(self.info.hash_time_lock, &order.action)?;
        let quotes = self.panel.gather(|node| {
            let body = &body;
            async move { self.quote(&node, account, body).await }
        });
        let quotes = quotes.await?;
        let gas = self
            .panel
            .reached(quotes.iter().map(|quote| quote.gas).collect());
        let gas = self.with_margin(gas.unwrap_or(U256::from(self.config.fees.max_gas)));
        let price = self.price(account, nonce, bump, middle(&quotes))?;
        let balance = self
            .panel
            .reached(quotes.iter().map(|quote| quote.balance).collect());
        self.check_balance(
            account,
            balance.unwrap_or_default(),
            body.value,
            gas.saturating_mul(price.most()),
        )?;
        let tx = self.transaction(account, nonce, &body, gas, price);
        let prepared = self
            .keys
            .sign(account, nonce, &tx)
            .unwrap_or_else(|| Err(self.unknown(account)))?;
        self.signed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remember(account, nonce, bump, price);
        Ok(prepared)
    }

    /// Offers the transaction to every node: one that takes it is enough.
    async fn broadcast(&self, tx: &PreparedTx) -> Result<(), ChainError> {
        let offers = self.panel.nodes().iter().map(|node| self.offer(node, tx));
        let mut refused = None;
        for answer in futures::future::join_all(offers).await {
            match answer {
                Ok(()) => return Ok(()),
                Err(error) => refused = Some(telling(refused, error)),
            }
        }
        Err(refused.unwrap_or_else(|| self.malformed("an answer", "none")))
    }
}

impl EvmChain {
    /// Simulates and prices at the node's newest state.
    async fn quote(&self, node: &Node, account: Address, body: &Body) -> Result<Quote, ChainError> {
        let balance: U256 = node
            .call(
                "eth_getBalance",
                params![account, "latest"],
                "reading a balance",
            )
            .await?;
        // Some nodes simulate without looking at the balance, others say so in words of their own: look first.
        self.check_balance(account, balance, body.value, U256::ZERO)?;
        let call = call_of(account, body);
        let refuse = |error| self.refusal(error, account, 0);
        // The call first: ethereumjs estimates the gas of a revert without a word.
        let simulated = node.call::<Value>(
            "eth_call",
            params![&call, "latest"],
            "simulating a transaction",
        );
        simulated.await.map_err(refuse)?;
        let estimated = node.call("eth_estimateGas", params![&call], "estimating gas");
        let gas: U256 = estimated.await.map_err(refuse)?;
        Ok(Quote {
            gas,
            price: self.market(node).await?,
            balance,
        })
    }

    /// Today's price at this node.
    async fn market(&self, node: &Node) -> Result<Price, ChainError> {
        let base = block(node, &json!("latest")).await?.base_fee_per_gas;
        let usual_tip = U256::from(self.config.fees.default_tip_wei);
        match (base, self.config.fees.kind) {
            (Some(base), FeeKind::Auto) => {
                // Not part of the standard: a node may not have it.
                let tip = asked(node, "eth_maxPriorityFeePerGas").await?;
                Ok(Price::dynamic(base, tip.unwrap_or(usual_tip)))
            }
            (Some(base), FeeKind::Legacy) => {
                // A node that gets EIP-1559 wrong may get this wrong too (ethereumjs 0.10.5 throws).
                let price = asked(node, "eth_gasPrice").await?;
                Ok(Price::legacy(
                    price.unwrap_or(base.saturating_add(usual_tip)),
                    base,
                ))
            }
            (None, _) => {
                let doing = "reading the gas price";
                let price: U256 = node.call("eth_gasPrice", params![], doing).await?;
                Ok(Price::legacy(price, U256::ZERO))
            }
        }
    }

    fn price(
        &self,
        account: Address,
        nonce: u64,
        bump: Bump,
        market: Option<Price>,
    ) -> Result<Price, ChainError> {
        let market = market.ok_or_else(|| self.malformed("a gas price", "none"))?;
        let signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        let price = signed.price(account, nonce, bump, market);
        let limit = U256::from(self.config.fees.max_fee_per_gas_wei);
        if price.most() > limit {
            let detail = format!(
                "gas would cost {} wei, `max_fee_per_gas_wei` allows {limit}",
                price.most()
            );
            return Err(ChainError::Busy {
                chain: self.info.name.clone(),
                detail,
            });
        }
        Ok(price)
    }

    fn with_margin(&self, gas: U256) -> U256 {
        let fees = &self.config.fees;
        let margin = gas.saturating_mul(U256::from(fees.gas_margin_percent)) / U256::from(100);
        // INVARIANT of the estimate: never below what was estimated, unless that is above the limit.
        gas.saturating_add(margin).min(U256::from(fees.max_gas))
    }

    fn check_balance(
        &self,
        account: Address,
        have: U256,
        value: U256,
        fee: U256,
    ) -> Result<(), ChainError> {
        let need = value.saturating_add(fee);
        if have >= need {
            return Ok(());
        }
        let detail = format!("have {have}, need {value} and up to {fee} for gas");
        Err(ChainError::InsufficientFunds {
            chain: self.info.name.clone(),
            account,
            detail,
        })
    }

    fn transaction(
        &self,
        from: Address,
        nonce: u64,
        body: &Body,
        gas: U256,
        price: Price,
    ) -> TypedTransaction {
        let data = eth::Bytes(body.data.0.clone());
        let mut tx: TypedTransaction = match price {
            Price::Dynamic { max, tip } => Eip1559TransactionRequest::new()
                .max_fee_per_gas(number(max))
                .max_priority_fee_per_gas(number(tip))
                .into(),
            Price::Legacy(price) => TransactionRequest::new().gas_price(number(price)).into(),
        };
        tx.set_from(eth::H160(from.0.0))
            .set_nonce(nonce)
            .set_gas(number(gas));
        tx.set_value(number(body.value))
            .set_data(data)
            .set_chain_id(self.info.id.0);
        if let Some(to) = body.to {
            tx.set_to(eth::H160(to.0.0));
        }
        tx
    }

    async fn offer(&self, node: &Node, tx: &PreparedTx) -> Result<(), ChainError> {
        let sent = node
            .call::<Value>(
                "eth_sendRawTransaction",
                params![&tx.raw],
                "sending a transaction",
            )
            .await;
        let refused = match sent {
            Ok(_) => return Ok(()),
            Err(CallError::Refused(refused)) if refused.kind == Kind::AlreadyKnown => return Ok(()),
            Err(CallError::Node(error)) => return Err(error),
            Err(CallError::Refused(refused)) => refused,
        };
        // A refusal is no proof of failure: "nonce too low" may be this very transaction, included.
        if knows(node, tx.id).await.unwrap_or(false) {
            return Ok(());
        }
        let mut error = self.refused(refused, tx.account, tx.nonce);
        if let ChainError::NonceTooLow { next, .. } = &mut error {
            let params = params![tx.account, "latest"];
            let count = node
                .call::<U64>("eth_getTransactionCount", params, "reading the next nonce")
                .await;
            *next = count.map(|count| count.to())?;
        }
        Err(error)
    }

    fn refusal(&self, error: CallError, account: Address, nonce: u64) -> ChainError {
        match error {
            CallError::Node(error) => error,
            CallError::Refused(refused) => self.refused(refused, account, nonce),
        }
    }

    fn refused(&self, refused: Refused, account: Address, nonce: u64) -> ChainError {
        match refused.kind {
            Kind::Reverted => {
                let data = refused.data.unwrap_or_default();
                ChainError::Reverted {
                    reason: self.contracts.reason(&data),
                    data,
                }
            }
            Kind::NonceTooLow => ChainError::NonceTooLow {
                account,
                got: nonce,
                next: nonce.saturating_add(1),
            },
            Kind::Underpriced => ChainError::Underpriced { account, nonce },
            Kind::InsufficientFunds => {
                let (chain, detail) = refused.words();
                ChainError::InsufficientFunds {
                    chain,
                    account,
                    detail,
                }
            }
            Kind::Busy | Kind::AlreadyKnown | Kind::Other => refused.into_chain_error(),
        }
    }

    fn unknown(&self, account: Address) -> ChainError {
        ChainError::ConfigUnknownAccount {
            chain: self.info.name.clone(),
            account,
        }
    }
}

/// A price the node may refuse to tell.
async fn asked(node: &Node, method: &'static str) -> Result<Option<U256>, ChainError> {
    match node
        .call(method, params![], "reading the usual price")
        .await
    {
        Ok(price) => Ok(Some(price)),
        Err(CallError::Refused(_)) => Ok(None),
        Err(CallError::Node(error)) => Err(error),
    }
}

fn call_of(from: Address, body: &Body) -> Value {
    let mut call = json!({ "from": from, "value": body.value, "data": body.data });
    if let (Some(to), Some(fields)) = (body.to, call.as_object_mut()) {
        fields.insert("to".into(), json!(to));
    }
    call
}

/// The middle offer, so that one node can neither starve nor milk us.
fn middle(quotes: &[Quote]) -> Option<Price> {
    let mut prices: Vec<Price> = quotes.iter().map(|quote| quote.price).collect();
    prices.sort_by_key(|price| price.most());
    prices.get(prices.len() / 2).copied()
}

/// Of two refusals the one that says more: a node that is away says nothing about the transaction.
fn telling(first: Option<ChainError>, second: ChainError) -> ChainError {
    match first {
        None | Some(ChainError::NodeUnreachable { .. } | ChainError::Timeout { .. }) => second,
        Some(first) => first,
    }
}
