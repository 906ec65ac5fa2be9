//! What other nodes of the chain read here: final blocks with their certificates, snapshots. docs/rpc.md describes the JSON.

use alloy_primitives::{B256, U64};

use super::{
    context::{Context, Reply, reply},
    error::RpcError,
    params::Args,
};
use crate::{
    follow::{BlocksAnswer, MAX_BLOCKS, MAX_BLOCKS_BYTES, SealedAnswer},
    snapshot::SnapshotAnswer,
};

/// Final blocks from a height on, each with its certificate where it has one of its own.
pub(crate) fn finalized_blocks(ctx: &Context, mut args: Args) -> Reply {
    let from: U64 = args.required("from")?;
    let count: U64 = args.required("count")?;
    args.end()?;
    if count.to::<u64>() > MAX_BLOCKS {
        return Err(RpcError::BadArgument {
            index: 1,
            name: "count",
            problem: "at most 256 blocks",
        });
    }
    let ledger = &ctx.node.ledger;
    let head = ctx.newest();
    let (mut blocks, mut bytes) = (Vec::new(), 0);
    let end = from.to::<u64>().saturating_add(count.to());
    for number in from.to()..end.min(head + 1) {
        let Some(record) = ledger.record(number)? else {
            break;
        };
        let block = record.block.raw().clone();
        bytes += block.len();
        blocks.push(SealedAnswer {
            certificate: ledger.certificate(record.block.hash())?,
            block,
        });
        if bytes >= MAX_BLOCKS_BYTES {
            break;
        }
    }
    reply(BlocksAnswer {
        head: U64::from(head),
        blocks,
    })
}

/// The newest snapshot that is served here.
pub(crate) fn snapshot(ctx: &Context, args: Args) -> Reply {
    args.end()?;
    let newest = ctx.node.shelf.as_ref().and_then(|shelf| shelf.newest());
    reply(newest.map(|(height, manifest)| SnapshotAnswer {
        height: U64::from(height),
        manifest,
    }))
}

/// A piece of a snapshot.
pub(crate) fn snapshot_piece(ctx: &Context, mut args: Args) -> Reply {
    let hash: B256 = args.required("hash")?;
    args.end()?;
    let piece = ctx.node.shelf.as_ref().and_then(|shelf| shelf.piece(hash));
    reply(piece.ok_or(RpcError::UnknownPiece(hash))?)
}
