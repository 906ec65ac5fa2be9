//! What a transaction should pay.

use alloy_consensus::Transaction;
use alloy_eips::BlockNumberOrTag;
use alloy_primitives::{U64, U256};
use alloy_rpc_types_eth::FeeHistory;

use super::{
    context::{Context, Reply, reply},
    error::RpcError,
    params::Args,
};
use crate::{execute::BlockRecord, spec::FeePolicy};

/// Blocks a suggestion looks back on (as go-ethereum).
const SAMPLE_BLOCKS: u64 = 20;
/// Percentile of their tips that is suggested (as go-ethereum).
const SAMPLE_PERCENTILE: usize = 60;
/// Least suggested tip on a chain with fees, wei per gas. Blocks are rarely full, so more buys nothing.
const MIN_TIP: u128 = 1_000_000;
/// Highest suggested tip: one careless sender must not set everybody's price.
const MAX_TIP: u128 = 500_000_000_000;
/// Most blocks of one fee history (as go-ethereum).
const MAX_HISTORY: u64 = 1024;
/// Most percentiles of one fee history (as go-ethereum).
const MAX_PERCENTILES: usize = 100;

/// Price for a legacy transaction: the next base fee with room for two full blocks, and the suggested tip.
pub(crate) fn gas_price(ctx: &Context, args: Args) -> Reply {
    args.end()?;
    let tip = ctx.node.ledger.tip();
    let base = u128::from(ctx.node.spec().next_base_fee(tip.block().header()));
    reply(U256::from(base + base / 4 + suggested_tip(ctx)?))
}

pub(crate) fn max_priority_fee(ctx: &Context, args: Args) -> Reply {
    args.end()?;
    reply(U256::from(suggested_tip(ctx)?))
}

fn suggested_tip(ctx: &Context) -> Result<u128, RpcError> {
    if ctx.node.spec().fee == FeePolicy::Free {
        return Ok(0);
    }
    let newest = ctx.newest();
    let mut tips = Vec::new();
    for number in newest.saturating_sub(SAMPLE_BLOCKS - 1)..=newest {
        // Only what is in memory: a suggestion is not worth a disk access.
        if let Some(block) = ctx.node.ledger.recent(number) {
            tips.extend(tips_of(&block.record).map(|(tip, _)| tip));
        }
    }
    tips.sort_unstable();
    let sample = tips
        .get((tips.len().saturating_sub(1)) * SAMPLE_PERCENTILE / 100)
        .copied()
        .unwrap_or(MIN_TIP);
    Ok(sample.clamp(MIN_TIP, MAX_TIP))
}

pub(crate) fn fee_history(ctx: &Context, mut args: Args) -> Reply {
    let count: U64 = args.required("block count")?;
    let newest: BlockNumberOrTag = args.required("newest block")?;
    let percentiles: Vec<f64> = args.optional("reward percentiles")?.unwrap_or_default();
    args.end()?;
    let rising = percentiles.windows(2).all(|pair| pair[0] <= pair[1]);
    let within = percentiles.iter().all(|p| (0.0..=100.0).contains(p));
    if percentiles.len() > MAX_PERCENTILES || !rising || !within {
        let problem = "at most 100 numbers from 0 to 100, each at least the one before";
        return Err(RpcError::BadArgument {
            index: 2,
            name: "reward percentiles",
            problem,
        });
    }
    let (asked, newest) = (ctx.height(newest), ctx.newest());
    if asked > newest {
        return Err(RpcError::HeaderNotFound { asked, newest });
    }
    let count = count.to::<u64>().min(MAX_HISTORY).min(asked + 1);
    let oldest = (asked + 1) - count;
    let mut history = FeeHistory {
        oldest_block: oldest,
        ..Default::default()
    };
    let mut rewards = Vec::new();
    for number in oldest..oldest + count {
        let record = ctx
            .node
            .ledger
            .record(number)?
            .ok_or(RpcError::HeaderNotFound {
                asked: number,
                newest,
            })?;
        let header = record.block.header();
        history
            .base_fee_per_gas
            .push(header.base_fee_per_gas.unwrap_or_default().into());
        history
            .gas_used_ratio
            .push(header.gas_used as f64 / header.gas_limit as f64);
        history.base_fee_per_blob_gas.push(0);
        history.blob_gas_used_ratio.push(0.0);
        rewards.push(rewards_of(&record, &percentiles));
        if number == asked {
            history
                .base_fee_per_gas
                .push(ctx.node.spec().next_base_fee(header).into());
            history.base_fee_per_blob_gas.push(0);
        }
    }
    history.reward = (!percentiles.is_empty()).then_some(rewards);
    reply(history)
}

/// Tip and gas of each transaction of a block.
fn tips_of(record: &BlockRecord) -> impl Iterator<Item = (u128, u64)> {
    let base = record.block.header().base_fee_per_gas.unwrap_or_default();
    record
        .block
        .transactions()
        .iter()
        .enumerate()
        .map(move |(index, tx)| {
            (
                tx.effective_tip_per_gas(base).unwrap_or_default(),
                record.gas_used(index),
            )
        })
}

/// Tips at the given percentiles of the block's gas; zeroes for an empty block.
fn rewards_of(record: &BlockRecord, percentiles: &[f64]) -> Vec<u128> {
    let mut tips: Vec<_> = tips_of(record).collect();
    tips.sort_unstable();
    let used = record.block.header().gas_used as f64;
    percentiles
        .iter()
        .map(|percentile| {
            let threshold = used * percentile / 100.0;
            let mut sum = 0.0;
            let reached = tips.iter().find(|(_, gas)| {
                sum += *gas as f64;
                sum >= threshold
            });
            reached.or(tips.last()).map_or(0, |(tip, _)| *tip)
        })
        .collect()
}
