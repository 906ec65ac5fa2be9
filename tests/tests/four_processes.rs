//! A consortium of four validators, each its own process: one stopped, then a second, then one back.
#![allow(missing_docs)]

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use alloy_primitives::{Address, U256};
use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    binary, eventually,
    rpc::{Rpc, address_of, test_key, transfer},
};
use serde_json::json;

const CHAIN_ID: u64 = 7301;

struct Validator {
    dir: PathBuf,
    rpc: SocketAddr,
    process: Option<Child>,
}

impl Validator {
    fn start(&mut self) -> Result<()> {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir.join("log"))?;
        let process = Command::new(binary()?)
            .args(["node", "--config", "node.toml"])
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("starting a validator")?;
        self.process = Some(process);
        Ok(())
    }

    fn kill(&mut self) -> Result<()> {
        let mut process = self.process.take().context("it runs")?;
        process.kill()?;
        process.wait()?;
        Ok(())
    }

    fn client(&self) -> Result<Rpc> {
        Rpc::new(format!("http://{}", self.rpc))
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

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Makes keys, genesis and configuration with the commands an operator would use.
fn consortium(dir: &Path, rich: Address) -> Result<Vec<Validator>> {
    let mut validators = Vec::new();
    let mut entries = Vec::new();
    let mut listens = Vec::new();
    for index in 0..4 {
        let home = dir.join(format!("validator-{index}"));
        fs::create_dir(&home)?;
        fs::write(home.join("password"), "a test password\n")?;
        let listen = free_address()?;
        let output = Command::new(binary()?)
            .args([
                "key",
                "new",
                "--out",
                "validator.json",
                "--password-file",
                "password",
            ])
            .args(["--validator", &listen.to_string(), "--json"])
            .current_dir(&home)
            .output()?;
        ensure!(
            output.status.success(),
            "key new: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let entry = home.join("entry.json");
        fs::write(&entry, output.stdout)?;
        entries.push(entry);
        listens.push(listen);
        validators.push(Validator {
            dir: home,
            rpc: free_address()?,
            process: None,
        });
    }
    let mut genesis = Command::new(binary()?);
    genesis
        .args([
            "chain",
            "genesis",
            "--name",
            "consortium",
            "--kind",
            "public",
            "--heartbeat-ms",
            "500",
        ])
        .args([
            "--chain-id",
            &CHAIN_ID.to_string(),
            "--administrator",
            &rich.to_string(),
        ])
        .args(["--fund", &format!("{rich}=1000")]);
    for entry in &entries {
        genesis.arg("--validator").arg(entry);
    }
    let genesis = genesis.output()?;
    ensure!(
        genesis.status.success(),
        "chain genesis: {}",
        String::from_utf8_lossy(&genesis.stderr)
    );
    for (validator, listen) in validators.iter().zip(listens) {
        fs::write(validator.dir.join("genesis.json"), &genesis.stdout)?;
        fs::write(
            validator.dir.join("node.toml"),
            format!(
                r#"profile = "local"
data_dir = "data"
[api]
listen = "127.0.0.1:0"
[hosted.consortium]
kind = "public"
chain_id = {CHAIN_ID}
genesis_file = "genesis.json"
rpc.listen = "{}"
[[hosted.consortium.validators]]
keystore_file = "validator.json"
password_file = "password"
listen = "{listen}"
"#,
                validator.rpc
            ),
        )?;
    }
    Ok(validators)
}

#[test]
fn four_processes_agree_stand_one_stopped_halt_at_two_and_go_on_when_one_returns() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let rich = test_key("four processes");
    let to = Address::repeat_byte(5);
    let mut validators = consortium(dir.path(), address_of(&rich))?;
    for validator in &mut validators {
        validator.start()?;
    }
    let first = validators[0].client()?;
    let second = validators[1].client()?;
    let send = |nonce: u64| {
        first.call(
            "eth_sendRawTransaction",
            json!([transfer(&rich, CHAIN_ID, nonce, to, 1)]),
        )
    };
    let arrived = |rpc: &Rpc, value: u64| {
        eventually(&format!("{value} wei arrived"), || {
            Ok((rpc.balance(to).ok() == Some(U256::from(value))).then_some(()))
        })
    };

    // All four: a transaction handed to one is final at another.
    eventually("the first block", || {
        Ok(first.height().ok().filter(|h| *h > 0))
    })?;
    send(0)?;
    arrived(&second, 1)?;

    // One stopped: f = 1, the chain goes on.
    validators[3].kill()?;
    send(1)?;
    arrived(&second, 2)?;

    // Two stopped: no quorum, nothing becomes final.
    validators[2].kill()?;
    let halted = first.height()?;
    send(2)?;
    std::thread::park_timeout(Duration::from_secs(5));
    ensure!(
        first.height()? <= halted + 1,
        "two of four finalised a block"
    );
    ensure!(
        first.balance(to)? == U256::from(2),
        "two of four finalised a transaction"
    );

    // One back: the chain goes on where it stopped, with the transaction that waited.
    validators[2].start()?;
    arrived(&second, 3)?;
    let back = validators[2].client()?;
    arrived(&back, 3)?;
    let height = first.height()?;
    let hash = |rpc: &Rpc| {
        rpc.call(
            "eth_getBlockByNumber",
            json!([format!("{:#x}", height - 1), false]),
        )
    };
    ensure!(
        hash(&first)?["hash"] == hash(&back)?["hash"],
        "two histories"
    );
    Ok(())
}
