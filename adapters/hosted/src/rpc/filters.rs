//! Filters a client polls: `eth_newFilter` and its kin.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_primitives::B256;
use alloy_rpc_types_eth::Filter;
use jsonrpsee::{core::traits::IdProvider, server::RandomIntegerIdProvider, types::SubscriptionId};
use parking_lot::Mutex;
use tokio::sync::broadcast::{self, error::TryRecvError};

use super::{
    RpcLimits,
    context::{Context, Reply, reply},
    error::RpcError,
    logs,
    params::Args,
    shape,
};
use crate::pool::PooledTx;

/// Open filters. A filter nobody asks for expires.
pub(crate) struct Filters {
    max: usize,
    lifetime: Duration,
    open: Mutex<HashMap<String, Open>>,
}

struct Open {
    kind: Kind,
    asked: Instant,
}

#[derive(Clone)]
enum Kind {
    /// Logs from block `next` on.
    Logs { filter: Box<Filter>, next: u64 },
    /// Hashes of blocks from `next` on.
    Blocks { next: u64 },
    /// Transactions as they are admitted. What does not fit the channel between two polls is lost, oldest first.
    Pending {
        news: Arc<Mutex<broadcast::Receiver<Arc<PooledTx>>>>,
        full: bool,
    },
}

impl Filters {
    pub(crate) fn new(limits: &RpcLimits) -> Self {
        Self {
            max: limits.filters,
            lifetime: limits.filter_lifetime,
            open: Mutex::default(),
        }
    }

    fn insert(&self, kind: Kind) -> Result<String, RpcError> {
        let mut open = self.open.lock();
        open.retain(|_, filter| filter.asked.elapsed() < self.lifetime);
        if open.len() >= self.max {
            return Err(RpcError::TooManyFilters { max: self.max });
        }
        let id = fresh_id();
        open.insert(
            id.clone(),
            Open {
                kind,
                asked: Instant::now(),
            },
        );
        Ok(id)
    }

    /// The filter, whose life is prolonged by asking.
    fn get(&self, id: &str) -> Result<Kind, RpcError> {
        let mut open = self.open.lock();
        match open
            .get_mut(id)
            .filter(|filter| filter.asked.elapsed() < self.lifetime)
        {
            Some(filter) => {
                filter.asked = Instant::now();
                Ok(filter.kind.clone())
            }
            None => Err(RpcError::FilterNotFound {
                seconds: self.lifetime.as_secs(),
            }),
        }
    }

    fn advance(&self, id: &str, to: u64) {
        match self.open.lock().get_mut(id).map(|filter| &mut filter.kind) {
            Some(Kind::Logs { next, .. } | Kind::Blocks { next }) => *next = to,
            Some(Kind::Pending { .. }) | None => {}
        }
    }
}

/// An id no other client can guess: a quantity of random bits.
pub(crate) fn fresh_id() -> String {
    match RandomIntegerIdProvider.next_id() {
        SubscriptionId::Num(id) => format!("{id:#x}"),
        SubscriptionId::Str(id) => id.into_owned(),
    }
}

pub(crate) fn new_filter(ctx: &Context, mut args: Args) -> Reply {
    let filter: Filter = args.required("filter")?;
    args.end()?;
    logs::check(&filter)?;
    let next = ctx.newest() + 1;
    reply(ctx.filters.insert(Kind::Logs {
        filter: Box::new(filter),
        next,
    })?)
}

pub(crate) fn new_block_filter(ctx: &Context, args: Args) -> Reply {
    args.end()?;
    reply(ctx.filters.insert(Kind::Blocks {
        next: ctx.newest() + 1,
    })?)
}

pub(crate) fn new_pending_filter(ctx: &Context, mut args: Args) -> Reply {
    let full = args.optional("full transactions")?.unwrap_or(false);
    args.end()?;
    let news = Arc::new(Mutex::new(ctx.node.pool.news()));
    reply(ctx.filters.insert(Kind::Pending { news, full })?)
}

pub(crate) fn uninstall(ctx: &Context, mut args: Args) -> Reply {
    let id: String = args.required("filter id")?;
    args.end()?;
    reply(ctx.filters.open.lock().remove(&id).is_some())
}

/// All logs of a log filter, over its whole range.
pub(crate) fn filter_logs(ctx: &Context, mut args: Args) -> Reply {
    let id: String = args.required("filter id")?;
    args.end()?;
    match ctx.filters.get(&id)? {
        Kind::Logs { filter, .. } => reply(logs::query(ctx, &filter)?),
        _ => Err(RpcError::BadArgument {
            index: 0,
            name: "filter id",
            problem: "not a log filter",
        }),
    }
}

/// What is new since the last time.
pub(crate) fn filter_changes(ctx: &Context, mut args: Args) -> Reply {
    let id: String = args.required("filter id")?;
    args.end()?;
    match ctx.filters.get(&id)? {
        Kind::Logs { filter, next } => {
            let to = newest_of(ctx, &filter);
            let found = logs::range(ctx, &filter, next.max(oldest_of(ctx, &filter)), to)?;
            ctx.filters.advance(&id, ctx.newest().min(to) + 1);
            reply(found)
        }
        Kind::Blocks { next } => {
            // A poll far apart from the last is answered in parts.
            let to = ctx.newest().min(next.saturating_add(ctx.limits.log_blocks));
            let mut hashes: Vec<B256> = Vec::new();
            for number in next..=to {
                hashes.extend(
                    ctx.node
                        .ledger
                        .record(number)?
                        .map(|record| record.block.hash()),
                );
            }
            ctx.filters.advance(&id, to.max(next - 1) + 1);
            reply(hashes)
        }
        Kind::Pending { news, full } => {
            let arrived = drain(&mut news.lock());
            if full {
                reply(
                    arrived
                        .iter()
                        .map(|pooled| shape::waiting(pooled))
                        .collect::<Vec<_>>(),
                )
            } else {
                reply(
                    arrived
                        .iter()
                        .map(|pooled| pooled.hash())
                        .collect::<Vec<_>>(),
                )
            }
        }
    }
}

fn newest_of(ctx: &Context, filter: &Filter) -> u64 {
    filter.get_to_block().unwrap_or(u64::MAX).min(ctx.newest())
}

fn oldest_of(ctx: &Context, filter: &Filter) -> u64 {
    filter
        .get_from_block()
        .filter(|from| *from > ctx.newest())
        .unwrap_or_default()
}

fn drain(news: &mut broadcast::Receiver<Arc<PooledTx>>) -> Vec<Arc<PooledTx>> {
    let mut arrived = Vec::new();
    loop {
        match news.try_recv() {
            Ok(pooled) => arrived.push(pooled),
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return arrived,
        }
    }
}
