//! The conformance suite against anvil, a real Ethereum node on revm.

// clippy sees tests in functions marked as tests only, not in the helpers around them.
#![allow(clippy::unwrap_used)]

mod bed;

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use async_trait::async_trait;
use bed::{Bed, Driver, Process, Rpc, accounts, client_file, until_up};
use causeway_adapter_api::{Timestamp, conformance};
use causeway_adapter_evm::Finality;
use serde_json::json;

struct Anvil {
    rpc: Rpc,
    _process: Process,
}

impl Anvil {
    /// Starts a node on a port of its own choice.
    async fn start(args: &[&str]) -> (Self, String) {
        let mut command = Command::new(binary());
        command
            .args(["--port", "0", "--chain-id", &CHAIN_ID.to_string()])
            .args(args);
        let mut process = Process(command.stdout(Stdio::piped()).spawn().unwrap());
        let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
        let listening = lines.find_map(|line| {
            line.unwrap()
                .strip_prefix("Listening on ")
                .map(str::to_owned)
        });
        let url = format!("http://{}", listening.expect("anvil says where it listens"));
        // Its pipe must be read for as long as it lives.
        std::thread::spawn(move || lines.for_each(drop));
        let rpc = Rpc::new(&url);
        until_up(&rpc, &mut process, "anvil").await;
        for account in accounts() {
            let ether = json!("0x56bc75e2d63100000");
            rpc.call("anvil_setBalance", &[json!(account), ether])
                .await
                .unwrap();
        }
        (
            Self {
                rpc,
                _process: process,
            },
            url,
        )
    }
}

#[async_trait]
impl Driver for Anvil {
    async fn block(&self) {
        self.rpc.call("evm_mine", &[]).await.unwrap();
    }

    async fn block_at(&self, at: Timestamp) {
        // Refused when the chain is there already.
        let _ = self
            .rpc
            .call("evm_setNextBlockTimestamp", &[json!(at.0)])
            .await;
        self.block().await;
    }

    fn pool_is_visible(&self) -> bool {
        true
    }
}

async fn conforms(args: &[&str], finality: Finality) {
    let (anvil, url) = Anvil::start(args).await;
    let bed = Bed::new(url, CHAIN_ID, finality, anvil).await;

    let report = conformance::run(&bed)
        .await
        .unwrap_or_else(|failed| panic!("{failed}"));

    assert_eq!(report.passed, conformance::checks());
}

#[tokio::test(flavor = "multi_thread")]
async fn anvil_that_mines_when_told_conforms_with_instant_finality() {
    conforms(&["--no-mining"], Finality::Instant).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anvil_that_mines_when_told_conforms_after_two_confirmations() {
    conforms(&["--no-mining"], Finality::Confirmations(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anvil_that_mines_at_once_conforms_with_its_finalized_tag() {
    conforms(&["--slots-in-an-epoch", "1"], Finality::Tag).await;
}

/// The native binary of the platform package: no wrapper that would have to be killed as well.
fn binary() -> std::path::PathBuf {
    let machine = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    let system = if cfg!(target_os = "macos") {
        "darwin"
    } else {
        "linux"
    };
    client_file(&format!("@foundry-rs/anvil-{system}-{machine}/bin/anvil"))
}

const CHAIN_ID: u64 = 31_338;
