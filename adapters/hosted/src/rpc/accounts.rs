//! Balances, code, storage, nonces, proofs, and sending.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use alloy_rpc_types_eth::{EIP1186AccountProofResponse, EIP1186StorageProof};
use alloy_serde::JsonStorageKey;

use super::{
    context::{Caller, Context, Reply, reply},
    error::RpcError,
    params::Args,
};

/// Most storage keys of one proof.
const MAX_PROOF_KEYS: usize = 1024;

pub(crate) fn balance(ctx: &Context, mut args: Args) -> Reply {
    let address: Address = args.required("address")?;
    let block: Option<BlockId> = args.optional("block")?;
    args.end()?;
    reply(ctx.state(block)?.state.balance(address))
}

pub(crate) fn code(ctx: &Context, mut args: Args) -> Reply {
    let address: Address = args.required("address")?;
    let block: Option<BlockId> = args.optional("block")?;
    args.end()?;
    reply(ctx.state(block)?.state.code_of(address))
}

pub(crate) fn storage_at(ctx: &Context, mut args: Args) -> Reply {
    let address: Address = args.required("address")?;
    let key: JsonStorageKey = args.required("slot")?;
    let block: Option<BlockId> = args.optional("block")?;
    args.end()?;
    reply(B256::from(
        ctx.state(block)?.state.slot(address, key.as_b256().into()),
    ))
}

/// The next nonce; at `pending` with everything counted that waits in the pool without a gap.
pub(crate) fn transaction_count(ctx: &Context, mut args: Args) -> Reply {
    let address: Address = args.required("address")?;
    let block: Option<BlockId> = args.optional("block")?;
    args.end()?;
    let nonce = ctx.state(block)?.state.nonce(address);
    if block == Some(BlockId::Number(BlockNumberOrTag::Pending)) {
        return reply(U64::from(nonce.max(ctx.node.pool.next_nonce(address))));
    }
    reply(U64::from(nonce))
}

/// EIP-1186.
pub(crate) fn proof(ctx: &Context, mut args: Args) -> Reply {
    let address: Address = args.required("address")?;
    let keys: Vec<JsonStorageKey> = args.required("storage keys")?;
    let block: Option<BlockId> = args.optional("block")?;
    args.end()?;
    if keys.len() > MAX_PROOF_KEYS {
        return Err(RpcError::BadArgument {
            index: 1,
            name: "storage keys",
            problem: "at most 1024 keys",
        });
    }
    let slots: Vec<U256> = keys.iter().map(|key| key.as_b256().into()).collect();
    let proven = ctx.state(block)?.state.prove(address, &slots);
    let storage_proof = keys
        .into_iter()
        .zip(proven.slots)
        .map(|(key, (_, value, proof))| EIP1186StorageProof { key, value, proof });
    reply(EIP1186AccountProofResponse {
        address,
        balance: proven.account.balance,
        code_hash: proven.account.code_hash,
        nonce: proven.account.nonce,
        storage_hash: proven.account.storage_root,
        account_proof: proven.proof,
        storage_proof: storage_proof.collect(),
    })
}

/// Admits a signed transaction to the pool.
pub(crate) fn send_raw_transaction(ctx: &Context, mut args: Args, caller: &Caller) -> Reply {
    if let Some(peer) = &caller.0
        && !peer.role.may_send()
    {
        return Err(RpcError::RoleMayNotSend {
            role: peer.role,
            name: peer.name.clone(),
        });
    }
    let raw: Bytes = args.required("signed transaction")?;
    args.end()?;
    reply(ctx.node.submit(&raw)?.hash())
}
