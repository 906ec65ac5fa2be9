//! `eth_getLogs`.

use std::{sync::Arc, time::Instant};

use alloy_primitives::Address;
use alloy_rpc_types_eth::{Filter, FilterBlockOption, Log as RpcLog};

use super::{
    context::{Context, Reply, reply},
    error::RpcError,
    params::Args,
    shape,
};
use crate::execute::BlockRecord;

/// Longest a query runs, seconds.
const DEADLINE_SECONDS: u64 = 10;
/// Most alternatives in one place of a filter (as go-ethereum).
const MAX_ALTERNATIVES: usize = 1000;

pub(crate) fn get_logs(ctx: &Context, mut args: Args) -> Reply {
    let filter: Filter = args.required("filter")?;
    args.end()?;
    check(&filter)?;
    reply(query(ctx, &filter)?)
}

/// Refuses a filter that asks for too many alternatives at once.
pub(crate) fn check(filter: &Filter) -> Result<(), RpcError> {
    let widest = filter
        .topics
        .iter()
        .map(|t| t.len())
        .chain([filter.address.len()])
        .max()
        .unwrap_or_default();
    if widest > MAX_ALTERNATIVES {
        let problem = "at most 1000 addresses, and 1000 alternatives per topic";
        return Err(RpcError::BadArgument {
            index: 0,
            name: "filter",
            problem,
        });
    }
    Ok(())
}

/// The logs a filter asks for, within the stated bounds.
pub(crate) fn query(ctx: &Context, filter: &Filter) -> Result<Vec<RpcLog>, RpcError> {
    match filter.block_option {
        FilterBlockOption::AtBlockHash(hash) => {
            let record = ctx
                .record(hash.into())?
                .ok_or(RpcError::UnknownBlock(hash))?;
            Ok(shape::matching_logs(&record, filter))
        }
        FilterBlockOption::Range {
            from_block,
            to_block,
        } => {
            let from = ctx.height(from_block.unwrap_or_default());
            let to = ctx.height(to_block.unwrap_or_default());
            if from > to {
                return Err(RpcError::InvertedRange { from, to });
            }
            range(ctx, filter, from, to.min(ctx.newest()))
        }
    }
}

/// Matching logs of `from..=to`, both final; an empty range has none.
pub(crate) fn range(
    ctx: &Context,
    filter: &Filter,
    from: u64,
    to: u64,
) -> Result<Vec<RpcLog>, RpcError> {
    if from > to {
        return Ok(Vec::new());
    }
    let addresses: Vec<Address> = filter.address.iter().copied().collect();
    let got = to - from + 1;
    let (max, condition) = if addresses.is_empty() {
        (ctx.limits.log_blocks, "without an address in the filter")
    } else {
        (
            ctx.limits.log_blocks_by_address,
            "with addresses in the filter",
        )
    };
    if got > max {
        return Err(RpcError::BlockRange {
            got,
            max,
            condition,
        });
    }
    let mut search = Search {
        ctx,
        filter,
        found: Vec::new(),
        bytes: 0,
        started: Instant::now(),
    };
    if addresses.is_empty() {
        for number in from..=to {
            search.block(number)?;
        }
    } else {
        for number in blocks_of(ctx, &addresses, from, to)? {
            search.block(number)?;
        }
    }
    Ok(search.found)
}

/// Blocks in which one of the addresses emitted a log, ascending, from the index.
fn blocks_of(
    ctx: &Context,
    addresses: &[Address],
    from: u64,
    to: u64,
) -> Result<Vec<u64>, RpcError> {
    let mut numbers = Vec::new();
    for address in addresses {
        // One more than can be answered is enough to know that it is too much: a block in the index has a log at least.
        let most = usize::try_from(to - from)
            .unwrap_or(usize::MAX)
            .saturating_add(1);
        numbers.extend(ctx.node.ledger.logger_blocks(*address, from, to, most)?);
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

struct Search<'a> {
    ctx: &'a Context,
    filter: &'a Filter,
    found: Vec<RpcLog>,
    bytes: usize,
    started: Instant,
}

impl Search<'_> {
    fn block(&mut self, number: u64) -> Result<(), RpcError> {
        if self.started.elapsed().as_secs() >= DEADLINE_SECONDS {
            return Err(RpcError::Timeout {
                seconds: DEADLINE_SECONDS,
            });
        }
        let Some(record) = self.ctx.node.ledger.record(number)? else {
            return Ok(());
        };
        if self.possible(&record) {
            let logs = shape::matching_logs(&record, self.filter);
            // One log may carry megabytes, so counting logs alone does not bound the answer. Hex doubles their size.
            self.bytes += logs
                .iter()
                .map(|log| 2 * log.inner.data.data.len())
                .sum::<usize>();
            self.found.extend(logs);
        }
        let (max, max_bytes) = (self.ctx.limits.logs, self.ctx.limits.response_bytes);
        if self.found.len() > max {
            return Err(RpcError::TooManyLogs { max });
        }
        if self.bytes > max_bytes as usize {
            return Err(RpcError::TooManyBytes { max: max_bytes });
        }
        Ok(())
    }

    fn possible(&self, record: &Arc<BlockRecord>) -> bool {
        self.filter.matches_bloom(record.block.header().logs_bloom)
    }
}
