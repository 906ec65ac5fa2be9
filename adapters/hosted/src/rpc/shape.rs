//! Blocks, transactions and receipts in the JSON shapes Ethereum clients know.

use alloy_consensus::{
    ReceiptEnvelope, ReceiptWithBloom, Sealed, Transaction as _, TxEnvelope, TxReceipt as _,
    transaction::Recovered,
};
use alloy_eips::eip4895::Withdrawals;
use alloy_primitives::{Address, U256};
use alloy_rpc_types_eth::{
    Block as RpcBlock, BlockTransactions, Filter, Header as RpcHeader, Log as RpcLog,
    Transaction as RpcTransaction, TransactionReceipt,
};

use crate::{block::Block, execute::BlockRecord, pool::PooledTx};

/// A receipt as clients know it.
pub(crate) type RpcReceipt = TransactionReceipt<ReceiptEnvelope<RpcLog>>;

/// All fields of the header, so that its hash can be computed from them.
pub(crate) fn header(block: &Block) -> RpcHeader {
    RpcHeader::from_consensus(
        Sealed::new_unchecked(block.header().clone(), block.hash()),
        None,
        Some(U256::from(block.raw().len())),
    )
}

/// A block with its transactions in full.
pub(crate) fn full_block(record: &BlockRecord) -> RpcBlock {
    let all = (0..record.senders.len())
        .filter_map(|index| transaction(record, index))
        .collect();
    with_transactions(&record.block, BlockTransactions::Full(all))
}

/// A block with the hashes of its transactions.
pub(crate) fn slim_block(record: &BlockRecord) -> RpcBlock {
    let hashes = record
        .block
        .transactions()
        .iter()
        .map(|tx| *tx.tx_hash())
        .collect();
    with_transactions(&record.block, BlockTransactions::Hashes(hashes))
}

fn with_transactions(block: &Block, transactions: BlockTransactions<RpcTransaction>) -> RpcBlock {
    RpcBlock {
        header: header(block),
        uncles: Vec::new(),
        transactions,
        withdrawals: Some(Withdrawals::default()),
    }
}

/// A transaction in its block.
pub(crate) fn transaction(record: &BlockRecord, index: usize) -> Option<RpcTransaction> {
    let tx = record.block.transactions().get(index)?;
    let header = record.block.header();
    Some(RpcTransaction {
        inner: Recovered::new_unchecked(tx.clone(), *record.senders.get(index)?),
        block_hash: Some(record.block.hash()),
        block_number: Some(header.number),
        transaction_index: Some(index as u64),
        effective_gas_price: Some(tx.effective_gas_price(header.base_fee_per_gas)),
        block_timestamp: Some(header.timestamp),
    })
}

/// A transaction in no block yet.
pub(crate) fn waiting(pooled: &PooledTx) -> RpcTransaction<TxEnvelope> {
    RpcTransaction {
        inner: Recovered::new_unchecked(pooled.tx.clone(), pooled.sender),
        block_hash: None,
        block_number: None,
        transaction_index: None,
        effective_gas_price: None,
        block_timestamp: None,
    }
}

/// The receipt of a transaction.
pub(crate) fn receipt(record: &BlockRecord, index: usize) -> Option<RpcReceipt> {
    let mut first_log = record
        .receipts
        .iter()
        .take(index)
        .map(|r| r.logs().len())
        .sum();
    one_receipt(record, index, &mut first_log)
}

/// The receipts of a block.
pub(crate) fn receipts(record: &BlockRecord) -> Vec<RpcReceipt> {
    let mut first_log = 0;
    (0..record.receipts.len())
        .filter_map(|index| one_receipt(record, index, &mut first_log))
        .collect()
}

fn one_receipt(record: &BlockRecord, index: usize, next_log: &mut usize) -> Option<RpcReceipt> {
    let tx = record.block.transactions().get(index)?;
    let from = *record.senders.get(index)?;
    let receipt = record.receipts.get(index)?;
    let header = record.block.header();
    let (hash, number) = (record.block.hash(), record.block.number());
    let logs = receipt
        .logs()
        .iter()
        .enumerate()
        .map(|(offset, log)| RpcLog {
            inner: log.clone(),
            block_hash: Some(hash),
            block_number: Some(number),
            block_timestamp: Some(header.timestamp),
            transaction_hash: Some(*tx.tx_hash()),
            transaction_index: Some(index as u64),
            log_index: Some((*next_log + offset) as u64),
            removed: false,
        });
    let with_bloom = ReceiptWithBloom {
        receipt: alloy_consensus::Receipt {
            status: receipt.status_or_post_state(),
            cumulative_gas_used: receipt.cumulative_gas_used(),
            logs: logs.collect(),
        },
        logs_bloom: *receipt.logs_bloom(),
    };
    *next_log += receipt.logs().len();
    Some(TransactionReceipt {
        inner: match receipt {
            ReceiptEnvelope::Legacy(_) => ReceiptEnvelope::Legacy(with_bloom),
            ReceiptEnvelope::Eip2930(_) => ReceiptEnvelope::Eip2930(with_bloom),
            ReceiptEnvelope::Eip1559(_) => ReceiptEnvelope::Eip1559(with_bloom),
            ReceiptEnvelope::Eip4844(_) => ReceiptEnvelope::Eip4844(with_bloom),
            ReceiptEnvelope::Eip7702(_) => ReceiptEnvelope::Eip7702(with_bloom),
        },
        transaction_hash: *tx.tx_hash(),
        transaction_index: Some(index as u64),
        block_hash: Some(hash),
        block_number: Some(number),
        gas_used: record.gas_used(index),
        effective_gas_price: tx.effective_gas_price(header.base_fee_per_gas),
        blob_gas_used: None,
        blob_gas_price: None,
        from,
        to: tx.to(),
        contract_address: created(tx, from),
    })
}

fn created(tx: &TxEnvelope, from: Address) -> Option<Address> {
    tx.to().is_none().then(|| from.create(tx.nonce()))
}

/// The logs of a block that match.
pub(crate) fn matching_logs(record: &BlockRecord, filter: &Filter) -> Vec<RpcLog> {
    let hashes = record.block.transactions().iter().map(|tx| *tx.tx_hash());
    // The range was applied when the block was chosen.
    let mut logs = Vec::new();
    let unbounded = Filter {
        block_option: Default::default(),
        ..filter.clone()
    };
    unbounded.append_matching_block_logs(
        &mut logs,
        (record.block.number(), record.block.hash()).into(),
        record.block.header().timestamp,
        hashes.zip(record.receipts.iter()),
        false,
    );
    logs
}
