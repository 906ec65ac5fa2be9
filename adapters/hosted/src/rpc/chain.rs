//! Blocks, transactions, receipts, and what is waiting.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{B256, U64};
use alloy_rpc_types_eth::Index;
use serde_json::Value;

use super::{
    context::{Context, Reply, reply},
    error::RpcError,
    params::Args,
    shape,
};

/// JSON of a transaction without its input, bytes; generous.
const SHOWN_FIELDS: usize = 1024;

pub(crate) fn chain_id(ctx: &Context, args: Args) -> Reply {
    args.end()?;
    reply(U64::from(ctx.node.spec().chain_id))
}

pub(crate) fn block_number(ctx: &Context, args: Args) -> Reply {
    args.end()?;
    reply(U64::from(ctx.newest()))
}

/// A hosted chain shows final blocks alone, so there is never a target ahead to sync to.
pub(crate) fn syncing(_: &Context, args: Args) -> Reply {
    args.end()?;
    reply(false)
}

pub(crate) fn accounts(_: &Context, args: Args) -> Reply {
    args.end()?;
    reply(Value::Array(Vec::new()))
}

pub(crate) fn block_by_number(ctx: &Context, mut args: Args) -> Reply {
    let number: BlockNumberOrTag = args.required("block number")?;
    block(ctx, number.into(), args)
}

pub(crate) fn block_by_hash(ctx: &Context, mut args: Args) -> Reply {
    let hash: B256 = args.required("block hash")?;
    block(ctx, hash.into(), args)
}

fn block(ctx: &Context, id: BlockId, mut args: Args) -> Reply {
    let full = args.optional("full transactions")?.unwrap_or(false);
    args.end()?;
    let record = ctx.record(id)?;
    reply(record.map(|r| {
        if full {
            shape::full_block(&r)
        } else {
            shape::slim_block(&r)
        }
    }))
}

pub(crate) fn header_by_number(ctx: &Context, mut args: Args) -> Reply {
    let number: BlockNumberOrTag = args.required("block number")?;
    args.end()?;
    reply(ctx.record(number.into())?.map(|r| shape::header(&r.block)))
}

pub(crate) fn header_by_hash(ctx: &Context, mut args: Args) -> Reply {
    let hash: B256 = args.required("block hash")?;
    args.end()?;
    reply(ctx.record(hash.into())?.map(|r| shape::header(&r.block)))
}

pub(crate) fn transaction_count_by_number(ctx: &Context, mut args: Args) -> Reply {
    let number: BlockNumberOrTag = args.required("block number")?;
    args.end()?;
    reply(
        ctx.record(number.into())?
            .map(|r| U64::from(r.block.transactions().len())),
    )
}

pub(crate) fn transaction_count_by_hash(ctx: &Context, mut args: Args) -> Reply {
    let hash: B256 = args.required("block hash")?;
    args.end()?;
    reply(
        ctx.record(hash.into())?
            .map(|r| U64::from(r.block.transactions().len())),
    )
}

/// There are no uncles since there is no proof of work.
pub(crate) fn uncle_count_by_number(ctx: &Context, mut args: Args) -> Reply {
    let number: BlockNumberOrTag = args.required("block number")?;
    args.end()?;
    reply(ctx.record(number.into())?.map(|_| U64::ZERO))
}

pub(crate) fn uncle_count_by_hash(ctx: &Context, mut args: Args) -> Reply {
    let hash: B256 = args.required("block hash")?;
    args.end()?;
    reply(ctx.record(hash.into())?.map(|_| U64::ZERO))
}

pub(crate) fn uncle_by_number(_: &Context, mut args: Args) -> Reply {
    let _: BlockNumberOrTag = args.required("block number")?;
    let _: Index = args.required("index")?;
    args.end()?;
    reply(Value::Null)
}

pub(crate) fn uncle_by_hash(_: &Context, mut args: Args) -> Reply {
    let _: B256 = args.required("block hash")?;
    let _: Index = args.required("index")?;
    args.end()?;
    reply(Value::Null)
}

pub(crate) fn transaction_by_hash(ctx: &Context, mut args: Args) -> Reply {
    let hash: B256 = args.required("transaction hash")?;
    args.end()?;
    if let Some((record, index)) = located(ctx, hash)? {
        return reply(shape::transaction(&record, index));
    }
    if let Some(pooled) = ctx.node.pool.get(hash) {
        return reply(shape::waiting(&pooled));
    }
    // It may have moved from the pool into a final block between the two looks.
    reply(located(ctx, hash)?.and_then(|(record, index)| shape::transaction(&record, index)))
}

pub(crate) fn transaction_by_block_number(ctx: &Context, mut args: Args) -> Reply {
    let number: BlockNumberOrTag = args.required("block number")?;
    let index: Index = args.required("index")?;
    args.end()?;
    reply(
        ctx.record(number.into())?
            .and_then(|r| shape::transaction(&r, index.into())),
    )
}

pub(crate) fn transaction_by_block_hash(ctx: &Context, mut args: Args) -> Reply {
    let hash: B256 = args.required("block hash")?;
    let index: Index = args.required("index")?;
    args.end()?;
    reply(
        ctx.record(hash.into())?
            .and_then(|r| shape::transaction(&r, index.into())),
    )
}

pub(crate) fn raw_transaction_by_hash(ctx: &Context, mut args: Args) -> Reply {
    use alloy_eips::eip2718::Encodable2718;

    let hash: B256 = args.required("transaction hash")?;
    args.end()?;
    if let Some((record, index)) = located(ctx, hash)? {
        let raw = record
            .block
            .transactions()
            .get(index)
            .map(Encodable2718::encoded_2718);
        return reply(raw.map(alloy_primitives::Bytes::from));
    }
    reply(
        ctx.node
            .pool
            .get(hash)
            .map(|pooled| alloy_primitives::Bytes::from(pooled.tx.encoded_2718())),
    )
}

pub(crate) fn transaction_receipt(ctx: &Context, mut args: Args) -> Reply {
    let hash: B256 = args.required("transaction hash")?;
    args.end()?;
    reply(located(ctx, hash)?.and_then(|(record, index)| shape::receipt(&record, index)))
}

pub(crate) fn block_receipts(ctx: &Context, mut args: Args) -> Reply {
    let id: BlockId = args.required("block")?;
    args.end()?;
    reply(ctx.record(id)?.map(|r| shape::receipts(&r)))
}

pub(crate) fn txpool_status(ctx: &Context, args: Args) -> Reply {
    args.end()?;
    let (ready, queued) = ctx.node.pool.len();
    reply(serde_json::json!({ "pending": U64::from(ready), "queued": U64::from(queued) }))
}

pub(crate) fn txpool_content(ctx: &Context, args: Args) -> Reply {
    args.end()?;
    txpool(ctx, |pooled| {
        serde_json::to_value(shape::waiting(pooled)).unwrap_or_default()
    })
}

pub(crate) fn txpool_inspect(ctx: &Context, args: Args) -> Reply {
    use alloy_consensus::Transaction;

    args.end()?;
    txpool(ctx, |pooled| {
        let to = pooled
            .tx
            .to()
            .map_or_else(|| "contract creation".into(), |to| to.to_string());
        let (value, gas, price) = (
            pooled.tx.value(),
            pooled.tx.gas_limit(),
            pooled.tx.max_fee_per_gas(),
        );
        Value::String(format!("{to}: {value} wei + {gas} gas × {price} wei"))
    })
}

/// Waiting transactions by sender and nonce: `pending` can run now, `queued` waits for a nonce before it.
fn txpool(ctx: &Context, show: impl Fn(&crate::pool::PooledTx) -> Value) -> Reply {
    use alloy_consensus::Transaction;

    let (mut pending, mut queued) = (serde_json::Map::new(), serde_json::Map::new());
    let content = ctx.node.pool.content();
    let bytes: usize = content
        .iter()
        .map(|pooled| SHOWN_FIELDS + 2 * pooled.tx.input().len())
        .sum();
    let max = ctx.limits.response_bytes;
    if bytes > max as usize {
        return Err(RpcError::PoolTooLarge {
            waiting: content.len(),
            max,
        });
    }
    for pooled in content {
        let ready = pooled.tx.nonce() < ctx.node.pool.next_nonce(pooled.sender);
        let of_sender = if ready { &mut pending } else { &mut queued }
            .entry(pooled.sender.to_string())
            .or_insert_with(|| Value::Object(Default::default()));
        if let Value::Object(of_sender) = of_sender {
            of_sender.insert(pooled.tx.nonce().to_string(), show(&pooled));
        }
    }
    reply(serde_json::json!({ "pending": pending, "queued": queued }))
}

type Located = (std::sync::Arc<crate::execute::BlockRecord>, usize);

fn located(ctx: &Context, hash: B256) -> Result<Option<Located>, RpcError> {
    let Some((number, index)) = ctx.node.ledger.locate(hash)? else {
        return Ok(None);
    };
    Ok(ctx
        .node
        .ledger
        .record(number)?
        .map(|record| (record, index)))
}
