//! The limit the bench measures a chain against: decode, recover, execute, on one thread, and nothing else.

use std::time::{Duration, Instant};

use alloy_consensus::{Header, TxEnvelope, transaction::SignerRecoverable};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::Bytes;

use crate::{execute, state::WorldState};

/// Transactions per block of the loop.
const BLOCK: usize = 500;

/// What the loop reached.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Transactions a second on one thread.
    pub per_second: f64,
    /// Transactions run.
    pub transactions: usize,
}

/// Runs `raw` on `state`, block after block, until it is used up or `limit` is over. No roots, no disk, no consensus: the
/// state is not even kept, so the transactions of a sender must stand in separate blocks in nonce order or one block.
///
/// `None` when a transaction is refused.
pub fn bare_loop(
    chain_id: u64,
    state: &WorldState,
    header: &Header,
    raw: &[Bytes],
    limit: Duration,
) -> Option<Rate> {
    let header = Header {
        gas_limit: u64::MAX,
        ..header.clone()
    };
    let mut run = execute::Run::new(chain_id, state, &header);
    let begin = Instant::now();
    let mut transactions = 0;
    for block in raw.chunks(BLOCK) {
        for raw in block {
            let tx = TxEnvelope::decode_2718(&mut raw.as_ref()).ok()?;
            let sender = tx.recover_signer().ok()?;
            run.push((&tx, sender)).ok()?;
            transactions += 1;
        }
        if begin.elapsed() > limit {
            break;
        }
    }
    let per_second = transactions as f64 / begin.elapsed().as_secs_f64();
    Some(Rate {
        per_second,
        transactions,
    })
}
