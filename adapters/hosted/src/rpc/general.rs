//! `net_`, `web3_` and `rpc_` methods.

use alloy_primitives::{Bytes, U64, keccak256};

use super::{
    context::{Context, Reply, reply},
    params::Args,
};

pub(crate) fn net_version(ctx: &Context, args: Args) -> Reply {
    args.end()?;
    reply(ctx.node.spec().chain_id.to_string())
}

pub(crate) fn net_listening(_: &Context, args: Args) -> Reply {
    args.end()?;
    reply(true)
}

/// The other validators of the set: that many keep the chain with this node.
pub(crate) fn net_peer_count(ctx: &Context, args: Args) -> Reply {
    args.end()?;
    let epoch = ctx.node.epoch_of(ctx.newest());
    let validators = ctx
        .node
        .validators(epoch)
        .map_or(ctx.node.spec().validators.len(), |set| set.len());
    reply(U64::from(validators.saturating_sub(1)))
}

pub(crate) fn client_version(_: &Context, args: Args) -> Reply {
    args.end()?;
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    reply(format!(
        "causeway/v{}/{os}-{arch}/rust",
        env!("CARGO_PKG_VERSION")
    ))
}

pub(crate) fn sha3(_: &Context, mut args: Args) -> Reply {
    let data: Bytes = args.required("data")?;
    args.end()?;
    reply(keccak256(data))
}

pub(crate) fn modules(_: &Context, args: Args) -> Reply {
    args.end()?;
    reply(
        serde_json::json!({ "causeway": "1.0", "eth": "1.0", "net": "1.0", "rpc": "1.0", "txpool": "1.0", "web3": "1.0" }),
    )
}
