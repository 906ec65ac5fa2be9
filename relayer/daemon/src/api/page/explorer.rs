//! Blocks and transactions of the chains hosted here.

use std::sync::Arc;

use alloy_consensus::{Transaction as _, TxEnvelope};
use alloy_primitives::{Address, B256};
use axum::{
    extract::{Path, State, rejection::PathRejection},
    response::Response,
};
use causeway_adapter_hosted::{execute::BlockRecord, node::Node};
use causeway_console::{
    pages::explorer::{self as page, Block, Event, Transaction, TxLine},
    parts::{Pager, segment},
};

use super::{
    Look, amounts,
    chains::{blocking, certificate},
    decode,
};
use crate::api::{App, ChainEntry, Problem};

/// Transactions of a block that are listed.
const LISTED: usize = 200;
/// Digits of call data and of an unknown event that are shown.
const SHOWN: usize = 2_000;

pub(super) async fn block(
    State(app): State<Arc<App>>,
    path: Result<Path<(String, u64)>, PathRejection>,
    look: Look,
) -> Response {
    let view = load(&app, path).await;
    look.show(|frame| Ok(page::block(frame, &view?)))
}

async fn load(
    app: &App,
    path: Result<Path<(String, u64)>, PathRejection>,
) -> Result<Block, Problem> {
    let Path((chain, number)) = path?;
    let entry = app.chain(&chain)?;
    let (name, node) = (entry.name.clone(), hosted(entry)?);
    let found = blocking(move || {
        node.ledger
            .record(number)
            .ok()
            .flatten()
            .map(|record| of_block(&name, &node, &record))
    });
    found.await?.ok_or_else(|| {
        let detail = format!("no final block {number} on {}", entry.name);
        Problem::not_found(detail, "ask for a block that is final already")
    })
}

pub(super) async fn transaction(
    State(app): State<Arc<App>>,
    path: Result<Path<(String, String)>, PathRejection>,
    look: Look,
) -> Response {
    let view = load_tx(&app, path).await;
    look.show(|frame| Ok(page::transaction(frame, &view?)))
}

async fn load_tx(
    app: &App,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Transaction, Problem> {
    let Path((chain, hash)) = path?;
    let entry = app.chain(&chain)?;
    let (name, node) = (entry.name.clone(), hosted(entry)?);
    let expected = "a transaction hash is 0x and 64 hexadecimal digits";
    let hash: B256 = hash.parse().map_err(|_| Problem::bad_request(expected))?;
    let found = blocking(move || {
        let (number, index) = node.ledger.locate(hash).ok().flatten()?;
        let record = node.ledger.record(number).ok().flatten()?;
        of_transaction(&name, &record, index)
    });
    let mut view = found.await?.ok_or_else(|| {
        let detail = format!("no final transaction {hash} on {}", entry.name);
        Problem::not_found(detail, "look again once it is final")
    })?;
    let to = view.line.to.iter();
    let named = to.chain(view.events.iter().map(|event| &event.address));
    let named = named.filter_map(|at| at.parse().ok());
    let symbols = app.symbols(entry, named).await;
    let symbol = |at: &str| symbols.get(&at.parse::<Address>().ok()?).cloned();
    view.symbol = view.line.to.as_deref().and_then(symbol);
    for event in &mut view.events {
        event.symbol = symbol(&event.address);
    }
    Ok(view)
}

fn hosted(entry: &ChainEntry) -> Result<Node, Problem> {
    entry.node.clone().ok_or_else(|| {
        let detail = format!("{} is not hosted here: its blocks are not kept", entry.name);
        Problem::not_found(detail, "ask an explorer of that chain")
    })
}

fn of_block(chain: &str, node: &Node, record: &BlockRecord) -> Block {
    let header = record.block.header();
    let number = record.block.number();
    let epoch = node.epoch_of(number);
    let validators = node
        .validators(epoch)
        .map_or(node.spec().validators.len(), |set| set.len());
    let own = certificate(node, number);
    let tip = node.ledger.tip().block().number();
    let at = |number: u64| format!("/chains/{}/blocks/{number}", segment(chain));
    Block {
        chain: chain.to_owned(),
        number,
        hash: record.block.hash().to_string(),
        parent: header.parent_hash.to_string(),
        time: header.timestamp,
        state_root: header.state_root.to_string(),
        gas: (header.gas_used, header.gas_limit),
        proposer: header.beneficiary.to_string(),
        epoch,
        certificate: own.map(|certificate| (certificate.signers.len(), validators)),
        transactions: (0..record.block.transactions().len().min(LISTED))
            .filter_map(|index| line(record, index))
            .collect(),
        pager: Pager {
            newer: (number < tip).then(|| at(number + 1)),
            older: (number > 0).then(|| at(number - 1)),
        },
    }
}

fn line(record: &BlockRecord, index: usize) -> Option<TxLine> {
    let tx = record.block.transactions().get(index)?;
    let from = record.senders.get(index).copied().unwrap_or_default();
    let receipt = record.receipts.get(index)?;
    let call = decode::call(tx.input()).map(|call| format!("{}.{}", call.contract, call.name));
    Some(TxLine {
        hash: tx.tx_hash().to_string(),
        from: from.to_string(),
        to: tx.to().map(|to: Address| to.to_string()),
        call: call.filter(|_| tx.to().is_some()),
        succeeded: receipt.status(),
    })
}

fn of_transaction(chain: &str, record: &BlockRecord, index: usize) -> Option<Transaction> {
    let tx: &TxEnvelope = record.block.transactions().get(index)?;
    let receipt = record.receipts.get(index)?;
    let before = index
        .checked_sub(1)
        .and_then(|index| record.receipts.get(index));
    let before = before.map_or(0, |receipt| receipt.cumulative_gas_used());
    let line = line(record, index)?;
    let events = receipt.logs().iter().map(|log| Event {
        address: log.address.to_string(),
        symbol: None,
        decoded: decode::event(log),
        topics: log.topics().iter().map(ToString::to_string).collect(),
        data: clipped(log.data.data.to_string()),
    });
    Some(Transaction {
        chain: chain.to_owned(),
        block: record.block.number(),
        time: record.block.header().timestamp,
        value: amounts::whole(tx.value(), amounts::NATIVE, "native"),
        gas: receipt.cumulative_gas_used().saturating_sub(before),
        symbol: None,
        call: decode::call(tx.input()).filter(|_| tx.to().is_some()),
        data: clipped(tx.input().to_string()),
        events: events.collect(),
        evidence: Some(format!(
            "/v1/evidence?chain={}&tx={}",
            segment(chain),
            line.hash
        )),
        line,
    })
}

fn clipped(mut text: String) -> String {
    if text.len() > SHOWN {
        text.truncate(SHOWN);
        text.push('…');
    }
    text
}
