//! The conformance suite against ethereumjs: an EVM, a pool and a JSON-RPC server that share no code with revm or geth.
//!
//! It is a client after the merge, so the test plays the consensus client: it asks for a block over the Engine API,
//! gives it back, and calls it final. That makes time and the `finalized` tag ours to move. Its pool is not visible:
//! `eth_getTransactionByHash` finds a transaction only when it is in a block.

// clippy sees tests in functions marked as tests only, not in the helpers around them.
#![allow(clippy::unwrap_used)]

mod bed;

use std::{
    net::TcpListener,
    process::{Command, Stdio},
};

use alloy_primitives::{B256, U64};
use async_trait::async_trait;
use bed::{Bed, Driver, Process, Rpc, accounts, client_file, until_up};
use causeway_adapter_api::{Timestamp, conformance};
use causeway_adapter_evm::{FeeKind, Fees, Finality};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

struct Ethereumjs {
    rpc: Rpc,
    engine: Rpc,
    _process: Process,
    _data: TempDir,
}

impl Ethereumjs {
    async fn start() -> (Self, String) {
        let data = tempfile::tempdir().unwrap();
        let genesis_file = data.path().join("genesis.json");
        std::fs::write(&genesis_file, genesis().to_string()).unwrap();
        let ports = free_ports();
        let mut command = Command::new("node");
        command.arg(client_file("@ethereumjs/client/dist/esm/bin/cli.js"));
        command
            .arg("--gethGenesis")
            .arg(genesis_file)
            .arg("--dataDir")
            .arg(data.path().join("data"));
        command.args([
            "--rpc",
            "--rpcAddr",
            "127.0.0.1",
            "--rpcPort",
            &ports[0].to_string(),
        ]);
        command.args([
            "--rpcEngine",
            "--rpcEngineAddr",
            "127.0.0.1",
            "--rpcEnginePort",
            &ports[1].to_string(),
        ]);
        command.args([
            "--rpcEngineAuth",
            "false",
            "--isSingleNode",
            "--sync",
            "none",
            "--port",
            &ports[2].to_string(),
        ]);
        command.args([
            "--discDns",
            "false",
            "--discV4",
            "false",
            "--logFile",
            "false",
            "--logLevel",
            "error",
        ]);
        let mut process = Process(
            // It writes its own files into the directory it runs in.
            command
                .current_dir(data.path())
                .stdout(Stdio::null())
                .spawn()
                .expect("node is installed"),
        );
        let (url, engine) = (
            format!("http://127.0.0.1:{}", ports[0]),
            format!("http://127.0.0.1:{}", ports[1]),
        );
        let (rpc, engine) = (Rpc::new(&url), Rpc::new(&engine));
        until_up(&rpc, &mut process, "ethereumjs").await;
        until_up(&engine, &mut process, "the engine of ethereumjs").await;
        (
            Self {
                rpc,
                engine,
                _process: process,
                _data: data,
            },
            url,
        )
    }

    async fn engine(&self, method: &str, params: &[Value]) -> Value {
        self.engine
            .call(method, params)
            .await
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// What a consensus client does for one block.
    async fn make(&self, at_least: Timestamp) {
        let head = self
            .rpc
            .call("eth_getBlockByNumber", &[json!("latest"), json!(false)])
            .await
            .unwrap();
        let time: U64 = serde_json::from_value(head["timestamp"].clone()).unwrap();
        let time = at_least.0.max(time.to::<u64>() + 1);
        let attributes = json!({
            "timestamp": U64::from(time),
            "prevRandao": B256::ZERO,
            "suggestedFeeRecipient": "0x0000000000000000000000000000000000000001",
            "withdrawals": [],
            "parentBeaconBlockRoot": B256::ZERO,
        });
        let started = self
            .engine(
                "engine_forkchoiceUpdatedV3",
                &[choice(&head["hash"]), attributes],
            )
            .await;
        let built = self
            .engine("engine_getPayloadV4", &[started["payloadId"].clone()])
            .await;
        let payload = built["executionPayload"].clone();
        let hash = payload["blockHash"].clone();
        let requests = built.get("executionRequests").cloned().unwrap_or(json!([]));
        let judged = self
            .engine(
                "engine_newPayloadV4",
                &[payload, json!([]), json!(B256::ZERO), requests],
            )
            .await;
        assert_eq!(judged["status"], "VALID", "{judged}");
        self.engine("engine_forkchoiceUpdatedV3", &[choice(&hash), Value::Null])
            .await;
    }
}

#[async_trait]
impl Driver for Ethereumjs {
    async fn block(&self) {
        self.make(Timestamp(0)).await;
    }

    async fn block_at(&self, at: Timestamp) {
        self.make(at).await;
    }

    /// 0.10.5: receipts of EIP-1559 transactions leave the base fee out of `effectiveGasPrice`, and gas is estimated after
    /// refunds, which is up to a fifth less than the transaction must offer.
    fn fees(&self) -> Fees {
        Fees {
            kind: FeeKind::Legacy,
            gas_margin_percent: 60,
            ..Fees::default()
        }
    }

    fn pool_is_visible(&self) -> bool {
        false
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ethereumjs_conforms_with_its_finalized_tag() {
    let (node, url) = Ethereumjs::start().await;
    let bed = Bed::new(url, CHAIN_ID, Finality::Tag, node).await;

    let report = conformance::run(&bed)
        .await
        .unwrap_or_else(|failed| panic!("{failed}"));

    assert_eq!(report.passed, conformance::checks());
}

fn choice(head: &Value) -> Value {
    json!({ "headBlockHash": head, "safeBlockHash": head, "finalizedBlockHash": head })
}

/// Every fork from the start, up to the one the contracts are compiled for.
fn genesis() -> Value {
    let blocks = [
        "homestead",
        "eip150",
        "eip155",
        "eip158",
        "byzantium",
        "constantinople",
        "petersburg",
    ];
    let more_blocks = ["istanbul", "berlin", "london", "mergeNetsplit"];
    let mut config: Map<String, Value> = blocks
        .iter()
        .chain(&more_blocks)
        .map(|fork| (format!("{fork}Block"), json!(0)))
        .collect();
    let times =
        ["shanghai", "cancun", "prague", "osaka"].map(|fork| (format!("{fork}Time"), json!(0)));
    config.extend(times);
    let blobs = json!({ "target": 3, "max": 6, "baseFeeUpdateFraction": 3_338_477 });
    config.insert(
        "blobSchedule".into(),
        json!({ "cancun": blobs, "prague": blobs, "osaka": blobs }),
    );
    config.insert("chainId".into(), json!(CHAIN_ID));
    config.insert("terminalTotalDifficulty".into(), json!(0));
    config.insert("terminalTotalDifficultyPassed".into(), json!(true));
    let rich = json!({ "balance": "0x56bc75e2d63100000" });
    let alloc: Map<String, Value> = accounts()
        .iter()
        .map(|account| (account.to_string(), rich.clone()))
        .collect();
    json!({
        "config": config,
        "nonce": "0x0",
        "timestamp": "0x6553f100",
        "extraData": "0x",
        "gasLimit": "0x3938700",
        "difficulty": "0x0",
        "mixHash": B256::ZERO,
        "coinbase": "0x0000000000000000000000000000000000000000",
        "baseFeePerGas": "0x3b9aca00",
        "alloc": alloc,
    })
}

/// Ports nobody listens on at the moment, all different.
fn free_ports() -> [u16; 3] {
    let held = [(); 3].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

const CHAIN_ID: u64 = 4_242;
