//! What is sent to a reader goes on to its sources.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{B256, Bytes};
use commonware_runtime::Clock;
use futures::future::{Either, select};
use jsonrpsee::rpc_params;
use tokio::sync::broadcast::error::RecvError;

use super::{SourceError, Sources};
use crate::{
    ledger::Ledger,
    pool::{Origin, PooledTx, TxPool},
};

/// How often what still waits here is sent once more: the source may have lost it.
const AGAIN: Duration = Duration::from_secs(5);
/// Most of them at once.
const MOST: usize = 256;

/// Sends on what is handed in here, until it is dropped.
pub(super) async fn run(
    clock: &impl Clock,
    pool: &Arc<TxPool>,
    ledger: &Arc<Ledger>,
    sources: &Sources,
) -> Infallible {
    let mut news = pool.news();
    let mut again = clock.current() + AGAIN;
    loop {
        let left = again.duration_since(clock.current()).unwrap_or_default();
        let next = {
            let arrival = pin!(news.recv());
            let due = pin!(clock.sleep(left));
            match select(arrival, due).await {
                Either::Left((next, _)) => Some(next),
                Either::Right(_) => None,
            }
        };
        match next {
            Some(Ok(tx)) if tx.origin == Origin::Here => one(pool, ledger, sources, &tx).await,
            Some(Ok(_)) => {}
            Some(Err(RecvError::Lagged(missed))) => {
                tracing::warn!(
                    missed,
                    "transactions arrive faster than they can be passed on; they are sent later"
                );
            }
            Some(Err(RecvError::Closed)) => std::future::pending().await,
            None => {
                let tip = ledger.tip();
                let base_fee = ledger.spec().next_base_fee(tip.block().header());
                let waiting = pool.candidates(&tip.state, base_fee);
                let ours = waiting.iter().filter(|tx| tx.origin == Origin::Here);
                for tx in ours.take(MOST) {
                    one(pool, ledger, sources, tx).await;
                }
                again = clock.current() + AGAIN;
            }
        }
    }
}

/// Offers it to one source after the other until one takes it. What a source refuses, and none takes, leaves the pool.
async fn one(pool: &Arc<TxPool>, ledger: &Arc<Ledger>, sources: &Sources, tx: &PooledTx) {
    let raw = Bytes::from(tx.tx.encoded_2718());
    let hash = tx.hash();
    let mut refused = None;
    for index in 0..sources.count() {
        let source = sources.get(index);
        let sent = source.ask::<B256>("eth_sendRawTransaction", rpc_params![&raw]);
        match sent.await {
            Ok(_) => return,
            // It waits there, or is in a block that is on its way here.
            Err(SourceError::Refused { words, .. })
                if words.contains("already known") || words.contains("nonce too low") =>
            {
                return;
            }
            Err(error @ SourceError::Refused { .. }) => refused = Some(error),
            Err(error) => tracing::debug!(%hash, %error, "a source does not take a transaction"),
        }
    }
    if let Some(error) = refused {
        tracing::warn!(chain = %ledger.spec().name, %hash, %error, "no source takes a transaction that was sent here: it is dropped");
        pool.drop_invalid(std::iter::once(hash));
    }
}
