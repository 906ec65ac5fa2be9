//! A chain whose validators are processes of their own: `causeway node`, each with its keys, its storage and its port.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, U256};
use anyhow::{Context as _, Result, bail, ensure};
use causeway_adapter_hosted::spec::ValidatorEntry;
use serde_json::json;

use crate::{PATIENCE, binary, eventually, free_address, hosts::Place, rpc::Rpc};

/// One validator, running or not. Killed when dropped.
pub struct Validator {
    /// Its directory: `node.toml`, `genesis.json`, `data/`, `log`.
    pub dir: PathBuf,
    place: Place,
    process: Option<Child>,
}

impl Validator {
    /// Starts it, or starts it again.
    ///
    /// # Errors
    /// Fails when the process cannot be started.
    pub fn start(&mut self) -> Result<()> {
        self.start_with(&[])
    }

    /// The same, with more arguments.
    ///
    /// # Errors
    /// Fails when the process cannot be started.
    pub fn start_with(&mut self, arguments: &[&str]) -> Result<()> {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir.join("log"))?;
        let mut command = match &self.place.within {
            Some(host) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", host]).arg(binary()?);
                command
            }
            None => Command::new(binary()?),
        };
        let process = command
            .args(["node", "--config", "node.toml"])
            .args(arguments)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("starting a validator")?;
        self.process = Some(process);
        Ok(())
    }

    /// Kills it as `kill -9` does.
    ///
    /// # Errors
    /// Fails when it does not run.
    pub fn kill(&mut self) -> Result<()> {
        let mut process = self.process.take().context("it runs")?;
        process.kill()?;
        process.wait()?;
        Ok(())
    }

    /// Asks it to end, as a supervisor does, and waits until it has.
    ///
    /// # Errors
    /// Fails when it does not in time.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        let process = self.process.as_ref().context("it runs")?;
        let asked = Command::new("kill")
            .args(["-TERM", &process.id().to_string()])
            .status()?;
        ensure!(asked.success(), "SIGTERM cannot be sent");
        self.ended()
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// Fails when it does not in time.
    pub fn ended(&mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let process = self.process.as_mut().context("it runs")?;
            if let Some(status) = process.try_wait()? {
                self.process = None;
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("a validator still runs after {PATIENCE:?}: {}", self.log()?);
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Everything it has logged.
    ///
    /// # Errors
    /// Fails when it was never started.
    pub fn log(&self) -> Result<String> {
        fs::read_to_string(self.dir.join("log")).context("reading a validator's log")
    }

    /// A client of its JSON-RPC.
    ///
    /// # Errors
    /// Fails when no client can be made.
    pub fn client(&self) -> Result<Rpc> {
        Rpc::new(self.url())
    }

    /// Where its JSON-RPC is.
    pub fn url(&self) -> String {
        format!("http://{}", self.place.rpc)
    }
}

impl Validator {
    fn configure(&self, chain_id: u64, lines: &str) -> Result<()> {
        let Place { peers, rpc, .. } = self.place;
        let config = format!(
            r#"profile = "local"
data_dir = "data"
[api]
listen = "127.0.0.1:0"
[hosted.story]
kind = "public"
chain_id = {chain_id}
genesis_file = "genesis.json"
rpc.listen = "{rpc}"
{lines}
[[hosted.story.validators]]
keystore_file = "validator.json"
password_file = "password"
listen = "{peers}"
"#
        );
        fs::write(self.dir.join("node.toml"), config)?;
        Ok(())
    }
}

impl Drop for Validator {
    fn drop(&mut self) {
        if self.process.is_some() {
            // A test that failed leaves no process behind.
            let _ = self.kill();
        }
    }
}

/// Makes keys, genesis and configuration of `count` validators with the commands an operator would use.
///
/// # Errors
/// Fails when a command fails.
pub fn network(dir: &Path, chain_id: u64, count: usize, rich: Address) -> Result<Vec<Validator>> {
    let place = || {
        Ok(Place {
            peers: free_address()?,
            rpc: free_address()?,
            within: None,
        })
    };
    let places: Vec<Place> = (0..count).map(|_| place()).collect::<Result<_>>()?;
    network_at(dir, chain_id, rich, places)
}

/// As [`network`], at these places.
///
/// # Errors
/// Fails when a command fails.
pub fn network_at(
    dir: &Path,
    chain_id: u64,
    rich: Address,
    places: impl IntoIterator<Item = Place>,
) -> Result<Vec<Validator>> {
    network_with(dir, chain_id, rich, places, &[], "")
}

/// As [`network_at`], with more arguments of `chain genesis` and lines of `[hosted.story]`.
///
/// # Errors
/// Fails when a command fails.
pub fn network_with(
    dir: &Path,
    chain_id: u64,
    rich: Address,
    places: impl IntoIterator<Item = Place>,
    arguments: &[&str],
    lines: &str,
) -> Result<Vec<Validator>> {
    let mut validators = Vec::new();
    for (index, place) in places.into_iter().enumerate() {
        validators.push(with_keys(dir, &format!("validator-{index}"), place)?);
    }
    let mut genesis = Command::new(binary()?);
    #[rustfmt::skip]
    genesis
        .args(["chain", "genesis", "--name", "story", "--kind", "public", "--heartbeat-ms", "500"])
        .args(["--chain-id", &chain_id.to_string(), "--administrator", &rich.to_string()])
        .args(["--fund", &format!("{rich}=1000")])
        .args(arguments);
    for validator in &validators {
        genesis
            .arg("--validator")
            .arg(validator.dir.join("entry.json"));
    }
    let genesis = answer(&mut genesis)?;
    for validator in &validators {
        fs::write(validator.dir.join("genesis.json"), &genesis)?;
        validator.configure(chain_id, lines)?;
    }
    Ok(validators)
}

/// A node with keys of its own that no genesis knows, and the genesis of `member`. It reads from `sources`.
///
/// # Errors
/// Fails when a command fails.
pub fn joining(
    dir: &Path,
    name: &str,
    chain_id: u64,
    member: &Validator,
    place: Place,
    sources: &[&str],
) -> Result<Validator> {
    let validator = with_keys(dir, name, place)?;
    fs::copy(
        member.dir.join("genesis.json"),
        validator.dir.join("genesis.json"),
    )?;
    validator.configure(chain_id, &format!("sources = {sources:?}"))?;
    Ok(validator)
}

/// The public side of a validator's keys, as a genesis and the `ValidatorSet` name it.
///
/// # Errors
/// Fails when its file is gone.
pub fn entry(validator: &Validator) -> Result<ValidatorEntry> {
    let raw = fs::read(validator.dir.join("entry.json"))?;
    serde_json::from_slice(&raw).context("the entry of a validator")
}

fn with_keys(dir: &Path, name: &str, place: Place) -> Result<Validator> {
    let home = dir.join(name);
    fs::create_dir(&home)?;
    fs::write(home.join("password"), "a test password\n")?;
    #[rustfmt::skip]
    let entry = answer(
        Command::new(binary()?)
            .args(["key", "new", "--out", "validator.json", "--password-file", "password"])
            .args(["--validator", &place.peers.to_string(), "--json"])
            .current_dir(&home),
    )?;
    fs::write(home.join("entry.json"), entry)?;
    Ok(Validator {
        dir: home,
        place,
        process: None,
    })
}

/// Waits until an account has exactly `wei` at one node.
///
/// # Errors
/// Fails when it has not in time.
pub fn arrived(rpc: &Rpc, account: Address, wei: u64) -> Result<()> {
    eventually(&format!("{wei} wei arrived"), || {
        Ok((rpc.balance(account).ok() == Some(U256::from(wei))).then_some(()))
    })
}

/// Waits until a node has a final block after 0; returns its height.
///
/// # Errors
/// Fails when it has none in time.
pub fn begun(rpc: &Rpc) -> Result<u64> {
    eventually("the first block", || {
        Ok(rpc.height().ok().filter(|height| *height > 0))
    })
}

/// Hash of a final block.
///
/// # Errors
/// Fails when the node does not have it.
pub fn hash_of(rpc: &Rpc, height: u64) -> Result<B256> {
    let block = rpc.call(
        "eth_getBlockByNumber",
        json!([format!("{height:#x}"), false]),
    )?;
    serde_json::from_value(block["hash"].clone()).with_context(|| format!("block {height}"))
}

fn answer(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().context("running causeway")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {said}");
    Ok(output.stdout)
}
