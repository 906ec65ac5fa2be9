//! `causeway_` methods: finality certificates, validator sets, the node's own condition. docs/rpc.md describes the JSON.

use std::sync::atomic::Ordering;

use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use serde::Serialize;

use super::{
    context::{Caller, Context, Reply, reply},
    error::RpcError,
    params::Args,
};
use crate::certificate::FinalityProof;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FinalityReply {
    chain_id: U64,
    genesis_hash: B256,
    domain: B256,
    block_number: U64,
    block_hash: B256,
    certificate: CertificateReply,
    validators: Vec<Address>,
    quorum: U64,
    headers: Vec<Bytes>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CertificateReply {
    epoch: U64,
    view: U64,
    parent_view: U64,
    block_hash: B256,
    signers: Vec<u16>,
    signatures: Vec<Bytes>,
}

pub(crate) fn finality_certificate(ctx: &Context, mut args: Args) -> Reply {
    let id: BlockId = args.required("block")?;
    args.end()?;
    let Some(number) = ctx.height_of(id)? else {
        return reply(serde_json::Value::Null);
    };
    let Some(FinalityProof {
        certificate,
        headers,
    }) = ctx.node.finality_proof(number)?
    else {
        return reply(serde_json::Value::Null);
    };
    let set = ctx
        .node
        .validators(certificate.epoch)
        .ok_or(RpcError::UnknownEpoch(certificate.epoch))?;
    let validators: Vec<Address> = set.iter().map(|validator| validator.vote).collect();
    reply(FinalityReply {
        chain_id: U64::from(ctx.node.spec().chain_id),
        genesis_hash: ctx.node.genesis(),
        domain: ctx.node.domain(),
        block_number: U64::from(number),
        block_hash: headers
            .first()
            .map(|header| header.hash_slow())
            .unwrap_or_default(),
        quorum: U64::from(quorum(validators.len())),
        validators,
        certificate: CertificateReply {
            epoch: U64::from(certificate.epoch),
            view: U64::from(certificate.view),
            parent_view: U64::from(certificate.parent_view),
            block_hash: certificate.block_hash,
            signers: certificate.signers,
            signatures: certificate.signatures,
        },
        headers: headers
            .iter()
            .map(|header| Bytes::from(alloy_rlp::encode(header)))
            .collect(),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HandoverReply {
    epoch: U64,
    block_number: U64,
    votes_hash: U256,
    account_proof: Vec<Bytes>,
    storage_proof: Vec<Bytes>,
    next: Vec<Address>,
}

/// How an epoch gave over to the next: the slot of the next votes in the state after its last block.
pub(crate) fn handover(ctx: &Context, mut args: Args) -> Reply {
    let epoch: U64 = args.required("epoch")?;
    args.end()?;
    let epoch: u64 = epoch.to();
    let Some(proof) = ctx.node.ledger.next_votes(epoch)? else {
        return reply(serde_json::Value::Null);
    };
    let next = epoch.saturating_add(1);
    let set = ctx
        .node
        .validators(next)
        .ok_or(RpcError::UnknownEpoch(next))?;
    let last = next.saturating_mul(ctx.node.spec().epoch_length);
    reply(HandoverReply {
        epoch: U64::from(epoch),
        block_number: U64::from(last.saturating_sub(1)),
        votes_hash: proof.value,
        account_proof: proof.account,
        storage_proof: proof.slot,
        next: set.iter().map(|validator| validator.vote).collect(),
    })
}

pub(crate) fn validator_set(ctx: &Context, mut args: Args) -> Reply {
    let epoch: U64 = args
        .optional("epoch")?
        .unwrap_or_else(|| U64::from(ctx.node.epoch_of(ctx.newest())));
    args.end()?;
    let set = ctx
        .node
        .validators(epoch.to())
        .ok_or_else(|| RpcError::UnknownEpoch(epoch.to()))?;
    let validators: Vec<_> = set
        .iter()
        .map(
            |v| serde_json::json!({ "vote": v.vote, "network": v.network, "endpoint": v.endpoint }),
        )
        .collect();
    reply(serde_json::json!({
        "epoch": epoch,
        "epochLength": U64::from(ctx.node.spec().epoch_length),
        "quorum": U64::from(quorum(set.len())),
        "validators": validators,
    }))
}

pub(crate) fn status(ctx: &Context, args: Args, caller: &Caller) -> Reply {
    args.end()?;
    let spec = ctx.node.spec();
    let tip = ctx.node.ledger.tip();
    let (ready, queued) = ctx.node.pool.len();
    let you = caller.0.as_ref().map(|p| {
        serde_json::json!({ "name": p.name, "role": p.role.to_string(), "fingerprint": p.fingerprint, "maySend": p.role.may_send() })
    });
    reply(serde_json::json!({
        "name": spec.name,
        "chainId": U64::from(spec.chain_id),
        "genesisHash": ctx.node.genesis(),
        "domain": ctx.node.domain(),
        "latest": {
            "number": U64::from(tip.block().number()),
            "hash": tip.block().hash(),
            "timeMs": U64::from(tip.block().time_ms()),
        },
        "epoch": U64::from(ctx.node.epoch_of(tip.block().number())),
        "validates": U64::from(ctx.node.standing.seats.load(Ordering::Relaxed)),
        "heardOf": U64::from(ctx.node.standing.heard_of.load(Ordering::Relaxed).max(tip.block().number())),
        "oldestBlock": U64::from(ctx.node.ledger.oldest_block()),
        "oldestState": U64::from(ctx.node.ledger.oldest_state()),
        "pool": { "pending": U64::from(ready), "queued": U64::from(queued) },
        "trouble": ctx.node.ledger.trouble(),
        "you": you,
    }))
}

/// Signers a certificate of a set of this size needs: 2f+1 of 3f+1.
const fn quorum(size: usize) -> usize {
    size - size.saturating_sub(1) / 3
}
