//! Foundry's anvil: an Ethereum node that is not ours.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use alloy_primitives::{Address, U256};
use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::{eventually, root, rpc::Rpc};

/// A running node on a port of its own choice, with a block every second; killed when dropped.
pub struct Anvil {
    child: Child,
    url: String,
    /// Its JSON-RPC.
    pub rpc: Rpc,
}

impl Anvil {
    /// Starts a node with empty state.
    ///
    /// # Errors
    /// Fails when it is not installed or does not answer.
    pub fn start(chain_id: u64) -> Result<Self> {
        let binary = root().join("tests/clients/node_modules").join(BINARY);
        ensure!(
            binary.is_file(),
            "{} is missing: run `cargo xtask install`",
            binary.display()
        );
        let mut child = Command::new(binary)
            .args(["--port", "0", "--block-time", "1"])
            .args(["--chain-id", &chain_id.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting anvil")?;
        let stdout = child.stdout.take().context("anvil's output")?;
        let mut lines = BufReader::new(stdout).lines();
        let mut at = None;
        for line in lines.by_ref() {
            let line = line.context("reading anvil's output")?;
            if let Some(address) = line.strip_prefix("Listening on ") {
                at = Some(format!("http://{address}"));
                break;
            }
        }
        // Its pipe must be read for as long as it lives.
        std::thread::spawn(move || lines.for_each(drop));
        let url = at.context("anvil did not say where it listens")?;
        let rpc = Rpc::new(url.clone())?;
        eventually("anvil answers", || Ok(rpc.height().ok()))?;
        Ok(Self { child, url, rpc })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Gives an account native points out of nothing.
    ///
    /// # Errors
    /// Fails when the node does not do it.
    pub fn fund(&self, account: Address, wei: U256) -> Result<()> {
        self.rpc
            .call("anvil_setBalance", json!([account, wei]))
            .map(drop)
    }

    /// Stops the process where it stands: connections are taken, nothing is answered, no block is made.
    ///
    /// # Errors
    /// Fails when it cannot be reached.
    pub fn pause(&self) -> Result<()> {
        self.signal("-STOP")
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// Fails when it cannot be reached.
    pub fn resume(&self) -> Result<()> {
        self.signal("-CONT")
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let status = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .context("running kill")?;
        ensure!(status.success(), "kill {signal} ended with {status}");
        Ok(())
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // Ended already, or killed now: either is what a dropped node should be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const BINARY: &str = "@foundry-rs/anvil-linux-amd64/bin/anvil";
