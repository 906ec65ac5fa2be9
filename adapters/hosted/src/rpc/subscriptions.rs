//! `eth_subscribe` over WebSocket.

use std::sync::Arc;

use alloy_rpc_types_eth::Filter;
use jsonrpsee::{
    PendingSubscriptionSink, SubscriptionSink,
    core::{JsonRawValue, traits::IdProvider},
    server::TrySendError,
    types::{Params, SubscriptionId},
};
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;

use super::{context::Context, error::RpcError, filters, logs, params::Args, shape, stall::Cut};
use crate::execute::BlockRecord;

/// Ids of subscriptions: random quantities, as go-ethereum gives them.
#[derive(Debug)]
pub(crate) struct HexIds;

impl IdProvider for HexIds {
    fn next_id(&self) -> SubscriptionId<'static> {
        SubscriptionId::Str(filters::fresh_id().into())
    }
}

enum Topic {
    NewHeads,
    Logs(Box<Filter>),
    Pending { full: bool },
    Syncing,
}

/// Serves one subscription until its client leaves, or stops reading.
pub(crate) async fn subscribe(
    params: Params<'static>,
    pending: PendingSubscriptionSink,
    ctx: Arc<Context>,
    cut: Option<Cut>,
) {
    let topic = match topic(&params) {
        Ok(topic) => topic,
        Err(error) => return pending.reject(error).await,
    };
    // Heights are counted from before the client learns its id, so that it misses nothing it may expect.
    let next = ctx.newest() + 1;
    let news = ctx.node.pool.news();
    // A failure to accept means that the connection is gone.
    let Ok(mut sink) = pending.accept().await else {
        return;
    };
    let ended = match topic {
        Topic::NewHeads => {
            blocks(&ctx, &mut sink, next, |record, out| {
                out.push(raw(&shape::header(&record.block)))
            })
            .await
        }
        Topic::Logs(filter) => {
            let matching = |record: &BlockRecord, out: &mut Vec<_>| {
                if filter.matches_bloom(record.block.header().logs_bloom) {
                    out.extend(shape::matching_logs(record, &filter).iter().map(raw));
                }
            };
            blocks(&ctx, &mut sink, next, matching).await
        }
        Topic::Pending { full } => pending_transactions(&mut sink, news, full).await,
        Topic::Syncing => {
            let sent = send(&mut sink, raw(&false));
            sink.closed().await;
            sent
        }
    };
    if ended.is_err() {
        tracing::info!(chain = %ctx.node.spec().name, "a subscriber does not read and is cut off");
        // A client that missed something must notice: it sees its connection close, not silence.
        if let Some(Cut(cut)) = cut {
            cut.cancel();
        }
    }
}

fn topic(params: &Params<'_>) -> Result<Topic, RpcError> {
    let mut args = Args::new(params)?;
    let name: String = args.required("subscription name")?;
    let topic = match name.as_str() {
        "newHeads" => Topic::NewHeads,
        "logs" => {
            let filter: Filter = args.optional("filter")?.unwrap_or_default();
            logs::check(&filter)?;
            Topic::Logs(Box::new(filter))
        }
        "newPendingTransactions" => Topic::Pending {
            full: args.optional("full transactions")?.unwrap_or(false),
        },
        "syncing" => Topic::Syncing,
        _ => return Err(RpcError::UnknownSubscription(name)),
    };
    // Some clients send an empty object behind names that take nothing.
    if matches!(topic, Topic::NewHeads | Topic::Syncing) {
        let _: Option<serde_json::Value> = args.optional("options")?;
    }
    args.end()?;
    Ok(topic)
}

/// The client stopped reading.
struct Stalled;

/// Shows each final block once, in order, whatever the pace: the ledger is asked for what was passed over.
async fn blocks(
    ctx: &Context,
    sink: &mut SubscriptionSink,
    mut next: u64,
    mut show: impl FnMut(&BlockRecord, &mut Vec<Option<Box<JsonRawValue>>>),
) -> Result<(), Stalled> {
    let mut tip = ctx.node.ledger.watch_tip();
    loop {
        let newest = tip.borrow_and_update().block().number();
        while next <= newest {
            let mut items = Vec::new();
            match ctx.node.ledger.record(next) {
                Ok(Some(record)) => show(&record, &mut items),
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(chain = %ctx.node.spec().name, number = next, %error, "a subscription cannot read a block");
                }
            }
            for item in items {
                send(sink, item)?;
            }
            next += 1;
        }
        tokio::select! {
            () = sink.closed() => return Ok(()),
            changed = tip.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}

async fn pending_transactions(
    sink: &mut SubscriptionSink,
    mut news: tokio::sync::broadcast::Receiver<Arc<crate::pool::PooledTx>>,
    full: bool,
) -> Result<(), Stalled> {
    loop {
        let arrived = tokio::select! {
            () = sink.closed() => return Ok(()),
            arrived = news.recv() => arrived,
        };
        match arrived {
            Ok(pooled) if full => send(sink, raw(&shape::waiting(&pooled)))?,
            Ok(pooled) => send(sink, raw(&pooled.hash()))?,
            // Announcements of waiting transactions are a courtesy: too many at once are thinned out.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

fn raw<T: Serialize>(item: &T) -> Option<Box<JsonRawValue>> {
    serde_json::value::to_raw_value(item).ok()
}

/// Queues one notification. A full queue means that the client has not read for hundreds of them; waiting for it would
/// hold memory for as long as it likes.
fn send(sink: &mut SubscriptionSink, item: Option<Box<JsonRawValue>>) -> Result<(), Stalled> {
    let Some(item) = item else { return Ok(()) };
    match sink.try_send(item) {
        Ok(()) => Ok(()),
        Err(TrySendError::Closed(_)) => Ok(()), // `closed` ends the loop.
        Err(TrySendError::Full(_)) => Err(Stalled),
    }
}
