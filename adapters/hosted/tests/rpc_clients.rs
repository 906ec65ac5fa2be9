//! Unmodified wallet clients (ethers, viem, web3.py) against a public and a consortium chain of four validators each.
#![allow(missing_docs)]

mod rpc_support;
mod support;

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use alloy_primitives::hex;
use causeway_adapter_hosted::{
    host::Host,
    rpc::{self, Access, Origins, RpcConfig, RpcHandle},
    spec::{ChainSpec, FeePolicy},
    tls::{Peer, Role},
};
use support::{Chain, key};

/// Longest one client's script runs.
const PATIENCE: Duration = Duration::from_secs(120);

struct Served {
    handle: RpcHandle,
    host: Host,
    chain_id: u64,
    _dir: tempfile::TempDir,
}

async fn serve(fee: FeePolicy, chain_id: u64, access: Access) -> Served {
    let mut chain = Chain::new(4);
    let spec = ChainSpec {
        fee,
        chain_id,
        ..(*chain.spec).clone()
    };
    chain.spec = Arc::new(spec);
    let dir = tempfile::tempdir().expect("a directory");
    let host = chain.host(dir.path(), 0..4, true);
    let listen = ([127, 0, 0, 1], 0).into();
    let config = RpcConfig {
        origins: Origins::Any,
        ..RpcConfig::new(listen, access)
    };
    let handle = rpc::start(host.node(), config)
        .await
        .expect("the server starts");
    Served {
        handle,
        host,
        chain_id,
        _dir: dir,
    }
}

async fn both() -> [Served; 2] {
    let member = Access::LocalMember(Peer::local("Member One", Role::Member));
    [
        serve(
            FeePolicy::Eip1559 {
                initial_base_fee: 1_000_000_000,
            },
            7001,
            Access::Open,
        )
        .await,
        serve(FeePolicy::Free, 7002, member).await,
    ]
}

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients")
}

async fn run(program: &Path, script: &str, needed: &Path) {
    assert!(
        needed.exists(),
        "{} is missing: run cargo xtask install",
        needed.display()
    );
    for served in both().await {
        let addr = served.handle.addr;
        let child = tokio::process::Command::new(program)
            .arg(clients().join(script))
            .current_dir(clients())
            .env("CAUSEWAY_HTTP", format!("http://{addr}"))
            .env("CAUSEWAY_WS", format!("ws://{addr}"))
            .env("CAUSEWAY_CHAIN_ID", served.chain_id.to_string())
            .env(
                "CAUSEWAY_KEY",
                hex::encode_prefixed(key("rich").secret_bytes()),
            )
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let done = tokio::time::timeout(PATIENCE, child)
            .await
            .expect("the client is done in time");
        let done = done.expect("the client starts");
        assert!(
            done.status.success(),
            "{script} on chain {}:\n{}\n{}",
            served.chain_id,
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
        served.handle.stop().await;
        tokio::task::spawn_blocking(move || served.host.stop())
            .await
            .expect("the host stops");
    }
}

fn node() -> PathBuf {
    "node".into()
}

#[tokio::test(flavor = "multi_thread")]
async fn ethers_works_unmodified() {
    run(
        &node(),
        "ethers.test.mjs",
        &clients().join("node_modules/ethers"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn viem_works_unmodified() {
    run(
        &node(),
        "viem.test.mjs",
        &clients().join("node_modules/viem"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_independent_library_verifies_headers_receipts_and_proofs() {
    run(
        &node(),
        "verify.test.mjs",
        &clients().join("node_modules/@ethereumjs/mpt"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn web3_py_works_unmodified() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("target")
        .to_owned();
    let python = target.join("venv/bin/python");
    run(&python, "web3_test.py", &python).await;
}
