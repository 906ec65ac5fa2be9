//! Passing transactions on to validators in other processes.
//!
//! A message is the RLP list of raw transactions. What came from a peer is never passed on: every validator is
//! connected to every other.

use std::{sync::Arc, time::Duration};

use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::Bytes;
use alloy_rlp::{Decodable, Encodable};
use commonware_p2p::{Receiver, Recipients, Sender};
use tokio::sync::broadcast::error::RecvError;

use crate::pool::{MAX_TX_BYTES, Origin, TxPool};

/// Largest message, bytes.
pub(crate) const MAX_MESSAGE: usize = 512 * 1024;
/// How long transactions are collected before they travel together.
const COLLECT: Duration = Duration::from_millis(10);

/// Sends what is handed in here, admits what others send.
pub(crate) async fn run<S: Sender, R: Receiver>(pool: Arc<TxPool>, sender: S, receiver: R) {
    tokio::join!(send(pool.clone(), sender), receive(pool, receiver));
}

async fn send<S: Sender>(pool: Arc<TxPool>, mut sender: S) {
    let mut news = pool.news();
    let mut batch: Vec<Bytes> = Vec::new();
    let mut size = 0;
    loop {
        let next = if batch.is_empty() {
            news.recv().await
        } else {
            match tokio::time::timeout(COLLECT, news.recv()).await {
                Ok(next) => next,
                Err(_) => {
                    flush(&mut sender, &mut batch, &mut size);
                    continue;
                }
            }
        };
        match next {
            Ok(tx) if tx.origin == Origin::Here => {
                let raw = tx.tx.encoded_2718();
                if size + raw.len() + 16 > MAX_MESSAGE - MAX_TX_BYTES {
                    flush(&mut sender, &mut batch, &mut size);
                }
                size += raw.len() + 16;
                batch.push(raw.into());
            }
            Ok(_) => {}
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(
                    missed,
                    "transactions arrive faster than they can be passed on"
                );
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn flush<S: Sender>(sender: &mut S, batch: &mut Vec<Bytes>, size: &mut usize) {
    let mut message = Vec::with_capacity(*size + 16);
    std::mem::take(batch).encode(&mut message);
    *size = 0;
    // Peers that are away miss it: whoever proposes next from here includes it.
    let _ = sender.send(Recipients::All, bytes::Bytes::from(message), false);
}

async fn receive<R: Receiver>(pool: Arc<TxPool>, mut receiver: R) {
    while let Ok((peer, message)) = receiver.recv().await {
        let raw: Vec<u8> = bytes::Bytes::from(message).to_vec();
        let pool = pool.clone();
        let admitted = tokio::task::spawn_blocking(move || {
            let Ok(batch) = Vec::<Bytes>::decode(&mut raw.as_slice()) else {
                return false;
            };
            for tx in batch {
                // What this pool refuses (known, too low, too poor) is the normal case, not the peer's fault.
                if let Err(reason) = pool.submit_from_peer(&tx) {
                    tracing::trace!(%reason, "not taking a peer's transaction");
                }
            }
            true
        });
        if !admitted.await.unwrap_or(false) {
            tracing::warn!(?peer, "peer sent transactions that are not RLP");
        }
    }
}
