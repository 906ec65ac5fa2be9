//! The table of methods.

use std::sync::Arc;

use jsonrpsee::{
    RpcModule,
    core::RegisterMethodError,
    types::{ErrorObjectOwned, Params},
};

use super::{
    accounts, calls, causeway, chain,
    context::{Caller, Context, Reply},
    error::RpcError,
    fees, filters, general, history, logs,
    params::Args,
    stall::Cut,
    subscriptions,
};

type Handler = fn(&Context, Args) -> Reply;
type PersonalHandler = fn(&Context, Args, &Caller) -> Reply;
type Table<H> = &'static [(&'static str, H)];

/// Needs the chain's memory or one record of its store: answered where it arrives.
const LIGHT: Table<Handler> = &[
    ("eth_accounts", chain::accounts),
    ("eth_blockNumber", chain::block_number),
    ("eth_chainId", chain::chain_id),
    ("eth_gasPrice", fees::gas_price),
    ("eth_getBalance", accounts::balance),
    ("eth_getBlockByHash", chain::block_by_hash),
    ("eth_getBlockByNumber", chain::block_by_number),
    (
        "eth_getBlockTransactionCountByHash",
        chain::transaction_count_by_hash,
    ),
    (
        "eth_getBlockTransactionCountByNumber",
        chain::transaction_count_by_number,
    ),
    ("eth_getCode", accounts::code),
    ("eth_getHeaderByHash", chain::header_by_hash),
    ("eth_getHeaderByNumber", chain::header_by_number),
    (
        "eth_getRawTransactionByHash",
        chain::raw_transaction_by_hash,
    ),
    ("eth_getStorageAt", accounts::storage_at),
    (
        "eth_getTransactionByBlockHashAndIndex",
        chain::transaction_by_block_hash,
    ),
    (
        "eth_getTransactionByBlockNumberAndIndex",
        chain::transaction_by_block_number,
    ),
    ("eth_getTransactionByHash", chain::transaction_by_hash),
    ("eth_getTransactionCount", accounts::transaction_count),
    ("eth_getTransactionReceipt", chain::transaction_receipt),
    ("eth_getUncleByBlockHashAndIndex", chain::uncle_by_hash),
    ("eth_getUncleByBlockNumberAndIndex", chain::uncle_by_number),
    ("eth_getUncleCountByBlockHash", chain::uncle_count_by_hash),
    (
        "eth_getUncleCountByBlockNumber",
        chain::uncle_count_by_number,
    ),
    ("eth_maxPriorityFeePerGas", fees::max_priority_fee),
    ("eth_newBlockFilter", filters::new_block_filter),
    ("eth_newFilter", filters::new_filter),
    (
        "eth_newPendingTransactionFilter",
        filters::new_pending_filter,
    ),
    ("eth_syncing", chain::syncing),
    ("eth_uninstallFilter", filters::uninstall),
    ("net_listening", general::net_listening),
    ("net_version", general::net_version),
    ("rpc_modules", general::modules),
    ("txpool_status", chain::txpool_status),
    ("web3_clientVersion", general::client_version),
    ("web3_sha3", general::sha3),
];

/// Runs code, proves, or reads many records: on a thread of its own, a bounded number at once.
const HEAVY: Table<Handler> = &[
    (
        "causeway_getFinalityCertificate",
        causeway::finality_certificate,
    ),
    ("causeway_getFinalizedBlocks", history::finalized_blocks),
    ("causeway_getHandover", causeway::handover),
    ("causeway_getSnapshot", history::snapshot),
    ("causeway_getSnapshotPiece", history::snapshot_piece),
    ("causeway_getValidatorSet", causeway::validator_set),
    ("eth_call", calls::call),
    ("eth_createAccessList", calls::create_access_list),
    ("eth_estimateGas", calls::estimate_gas),
    ("eth_feeHistory", fees::fee_history),
    ("eth_getBlockReceipts", chain::block_receipts),
    ("eth_getFilterChanges", filters::filter_changes),
    ("eth_getFilterLogs", filters::filter_logs),
    ("eth_getLogs", logs::get_logs),
    ("eth_getProof", accounts::proof),
    ("net_peerCount", general::net_peer_count),
    ("txpool_content", chain::txpool_content),
    ("txpool_inspect", chain::txpool_inspect),
];

/// Depends on who asks.
const PERSONAL: Table<PersonalHandler> = &[
    ("causeway_status", causeway::status),
    ("eth_sendRawTransaction", accounts::send_raw_transaction),
];

/// Would need a key of the caller's, which a node must not have.
const WITH_KEYS: &[&str] = &[
    "eth_sendTransaction",
    "eth_sign",
    "eth_signTransaction",
    "eth_signTypedData_v4",
];

/// Every method over `ctx`.
pub(crate) fn module(ctx: Arc<Context>) -> Result<RpcModule<Context>, RegisterMethodError> {
    let mut module = RpcModule::from_arc(ctx);
    for (name, handler) in LIGHT {
        module.register_method(name, |params, ctx, _| {
            Args::new(&params)
                .and_then(|args| handler(ctx, args))
                .map_err(ErrorObjectOwned::from)
        })?;
    }
    for (name, handler) in PERSONAL {
        module.register_method(name, |params, ctx, extensions| {
            let caller = extensions.get::<Caller>().cloned().unwrap_or_default();
            Args::new(&params)
                .and_then(|args| handler(ctx, args, &caller))
                .map_err(ErrorObjectOwned::from)
        })?;
    }
    for (name, handler) in HEAVY {
        module.register_async_method(name, |params, ctx, _| heavy(params, ctx, *handler))?;
    }
    for name in WITH_KEYS {
        module.register_method(name, |_, _, _| {
            Err::<(), _>(ErrorObjectOwned::from(RpcError::NoKeys))
        })?;
    }
    module.register_subscription(
        "eth_subscribe",
        "eth_subscription",
        "eth_unsubscribe",
        |params, pending, ctx, extensions| {
            subscriptions::subscribe(params, pending, ctx, extensions.get::<Cut>().cloned())
        },
    )?;
    Ok(module)
}

async fn heavy(
    params: Params<'static>,
    ctx: Arc<Context>,
    handler: Handler,
) -> Result<Box<jsonrpsee::core::JsonRawValue>, ErrorObjectOwned> {
    let args = Args::new(&params)?;
    ctx.heavy(move |ctx| handler(ctx, args)).await
}
