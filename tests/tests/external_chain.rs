//! A chain that is not ours: swaps between the hosted consortium chain and anvil, a real Ethereum node, with the example
//! configuration. The daemon is killed once, the node hangs once, and one counterparty never comes.
#![allow(missing_docs)]

use std::{fs, path::PathBuf};

use alloy_primitives::{Address, U256};
use anyhow::{Context as _, Result, bail, ensure};
use causeway_stories::{Causeway, anvil::Anvil, eventually, root, rpc::Rpc};
use serde_json::{Value, json};

const CHAIN_ID: u64 = 31_337;
const UNIT: i128 = 10_i128.pow(18);
/// More than all gas of one account in this story costs.
const GAS: i128 = UNIT / 10;

/// The example, with the node of this story.
fn configured(causeway: &Causeway, anvil: &Anvil) -> Result<PathBuf> {
    let example = fs::read_to_string(root().join("config/external.toml"))?;
    let written = "http://127.0.0.1:9545";
    ensure!(
        example.contains(&format!("[\"{written}\"]")),
        "the example names another node"
    );
    let file = causeway.dir().join("external.toml");
    fs::write(&file, example.replace(written, anvil.url()))?;
    Ok(file)
}

/// What `up` says when it refuses to start.
fn refused(causeway: &Causeway, environment: &[(&str, &str)]) -> Result<String> {
    match causeway.up(environment) {
        Ok(daemon) => bail!("the daemon starts: {}", daemon.tail()),
        Err(error) => Ok(format!("{error:#}")),
    }
}

fn named(list: &Value, name: &str) -> Result<Value> {
    let found = list
        .as_array()
        .and_then(|list| list.iter().find(|item| item["name"] == name));
    found
        .cloned()
        .with_context(|| format!("no {name} in {list}"))
}

/// What two parties have, by chain, account and asset.
struct Books(Value);

impl Books {
    fn read(causeway: &Causeway) -> Result<Self> {
        causeway.ask(&["chain", "status"]).map(Self)
    }

    /// As soon as every chain says what every account has.
    fn whole(causeway: &Causeway) -> Result<Self> {
        eventually("every balance is known", || {
            let books = Self::read(causeway)?;
            let chains = books.0.as_array().into_iter().flatten();
            let mut accounts = chains.flat_map(|c| c["accounts"].as_array().into_iter().flatten());
            let known = accounts.all(|a| a["native"].is_string() && a["points"].is_string());
            Ok(known.then_some(books))
        })
    }

    fn account(&self, chain: &str, account: &str) -> Result<Value> {
        named(&named(&self.0, chain)?["accounts"], account)
    }

    fn amount(&self, chain: &str, account: &str, asset: &str) -> Result<i128> {
        let view = self.account(chain, account)?;
        let text = view[asset]
            .as_str()
            .with_context(|| format!("no {asset} in {view}"))?;
        text.parse().context("an amount")
    }

    /// How much more there is now than in `before`.
    fn more(&self, before: &Self, chain: &str, account: &str, asset: &str) -> Result<i128> {
        Ok(self.amount(chain, account, asset)? - before.amount(chain, account, asset)?)
    }

    fn address(&self, account: &str) -> Result<Address> {
        let view = self.account("sidechain", account)?;
        serde_json::from_value(view["address"].clone()).context("an address")
    }

    /// What the contract of a chain still holds: native, points.
    fn locked(&self, chain: &str, rpc: &Rpc) -> Result<(U256, U256)> {
        let view = named(&self.0, chain)?;
        let locks: Address = serde_json::from_value(view["hash_time_lock"].clone())?;
        // balanceOf(address)
        let data = format!("0x70a08231000000000000000000000000{locks:x}");
        let call = json!({ "to": view["points_token"], "data": data });
        let points = rpc.call("eth_call", json!([call, "latest"]))?;
        let points: U256 = serde_json::from_value(points)?;
        Ok((rpc.balance(locks)?, points))
    }
}

/// Begins a swap; returns its id.
fn start(causeway: &Causeway, arguments: &[&str]) -> Result<String> {
    let asked = [&["transfer", "start"], arguments].concat();
    eventually("the daemon takes transfers", || {
        match causeway.ask(&asked) {
            Ok(answer) => Ok(answer["id"].as_str().map(str::to_owned)),
            Err(error) if error.to_string().contains("unavailable (503)") => Ok(None),
            Err(error) => Err(error),
        }
    })
}

/// The parts of ours in a transfer.
fn parts(causeway: &Causeway, id: &str) -> Result<Vec<Value>> {
    let parts = causeway.ask(&["transfer", "show", id])?;
    parts.as_array().cloned().context("a list of parts")
}

/// Waits until the initiator's part is in one of `stages`.
fn initiator_is(causeway: &Causeway, id: &str, stages: &[&str]) -> Result<()> {
    eventually(&format!("{id} in one of {stages:?}"), || {
        let parts = parts(causeway, id)?;
        let there = parts.iter().any(|part| {
            part["role"] == "initiator" && stages.iter().any(|stage| part["stage"] == *stage)
        });
        Ok(there.then_some(()))
    })
}

/// Waits until every party's part has ended, and says how.
fn ended(causeway: &Causeway, id: &str, count: usize) -> Result<Vec<Value>> {
    eventually(&format!("{id} has ended"), || {
        let mut parts = parts(causeway, id)?;
        parts.retain(|part| part["role"] != "watchtower");
        let over = parts.iter().all(|part| part["outcome"].is_string());
        let outcomes = parts.into_iter().map(|part| part["outcome"].clone());
        let outcomes: Vec<Value> = outcomes.collect();
        Ok((over && outcomes.len() == count).then_some(outcomes))
    })
}

fn address_after(text: &str, words: &str) -> Result<Address> {
    let (_, rest) = text
        .split_once(words)
        .with_context(|| format!("no {words:?} in: {text}"))?;
    let word = rest.split_whitespace().next().unwrap_or_default();
    word.parse()
        .with_context(|| format!("{word} is no address"))
}

#[test]
fn assets_cross_between_the_consortium_and_a_chain_that_is_not_ours() -> Result<()> {
    let anvil = Anvil::start(CHAIN_ID)?;
    let causeway = Causeway::new()?;
    let file = configured(&causeway, &anvil)?;
    let file = file.to_str().context("a path that is text")?;
    let environment = [("CAUSEWAY_CONFIG", file)];
    let rich = U256::from(100 * UNIT.unsigned_abs());

    // The first start says who cannot pay for the contracts; the second deploys them.
    let said = refused(&causeway, &environment)?;
    anvil.fund(address_after(&said, "give account ")?, rich)?;
    let daemon = causeway.up(&environment)?;
    let made = Books::whole(&causeway)?;
    for account in ["alice", "bob"] {
        anvil.fund(made.address(account)?, rich)?;
    }
    let before = eventually("the accounts can pay", || {
        let books = Books::whole(&causeway)?;
        let funded = books.amount("sidechain", "bob", "native")? > 0
            && books.amount("sidechain", "alice", "native")? > 0;
        Ok(funded.then_some(books))
    })?;

    // Nobody answers this one.
    let stranger = "0x00000000000000000000000000000000000000aa";
    let abandoned = start(
        &causeway,
        &[
            "--from",
            "sidechain:alice",
            "--give",
            "3",
            "--give-asset",
            "native",
            "--counterparty",
            stranger,
            "--to",
            "consortium:alice",
            "--want",
            "3",
        ],
    )?;

    // From the external chain to the consortium; the daemon dies on the way.
    let outward = start(
        &causeway,
        &[
            "--from",
            "sidechain:alice",
            "--give",
            "5",
            "--counterparty",
            "bob",
            "--to",
            "consortium:alice",
            "--want",
            "5",
        ],
    )?;
    let under_way = ["locking", "waiting", "claiming", "carrying", "ended"];
    initiator_is(&causeway, &outward, &under_way)?;
    daemon.kill()?;
    let daemon = causeway.up(&environment)?;
    let outcomes = ended(&causeway, &outward, 2)?;
    ensure!(
        outcomes == ["completed", "completed"],
        "{outcomes:?}: {}",
        daemon.tail()
    );

    // From the consortium to the external chain, whose node hangs when the first lock is made.
    anvil.pause()?;
    let inward = start(
        &causeway,
        &[
            "--from",
            "consortium:alice",
            "--give",
            "100",
            "--counterparty",
            "bob",
            "--to",
            "sidechain:alice",
            "--want",
            "1",
            "--want-asset",
            "native",
        ],
    )?;
    initiator_is(&causeway, &inward, &["waiting"])?;
    let hanging = Books::read(&causeway)?;
    let sidechain = named(&hanging.0, "sidechain")?;
    ensure!(sidechain["height"].is_null(), "{sidechain}");
    let problem = sidechain["problem"].as_str().unwrap_or_default();
    ensure!(problem.contains("took longer"), "{sidechain}");
    ensure!(
        named(&hanging.0, "consortium")?["height"].is_u64(),
        "the other chain goes on"
    );
    anvil.resume()?;
    let outcomes = ended(&causeway, &inward, 2)?;
    ensure!(
        outcomes == ["completed", "completed"],
        "{outcomes:?}: {}",
        daemon.tail()
    );

    let outcomes = ended(&causeway, &abandoned, 1)?;
    ensure!(outcomes == ["refunded"], "{outcomes:?}: {}", daemon.tail());

    let after = Books::whole(&causeway)?;
    let moved = |chain, account, asset| after.more(&before, chain, account, asset);
    ensure!(moved("sidechain", "alice", "points")? == -5 * UNIT);
    ensure!(moved("sidechain", "bob", "points")? == 5 * UNIT);
    ensure!(moved("consortium", "alice", "points")? == -95 * UNIT);
    ensure!(moved("consortium", "bob", "points")? == 95 * UNIT);
    for account in ["alice", "bob"] {
        ensure!(moved("consortium", account, "native")? == 0);
    }
    let gas = [
        UNIT - moved("sidechain", "alice", "native")?,
        -UNIT - moved("sidechain", "bob", "native")?,
    ];
    ensure!(
        gas.iter().all(|paid| (1..GAS).contains(paid)),
        "gas {gas:?}"
    );
    let consortium = named(&after.0, "consortium")?;
    let stand_in = consortium["rpc"].as_str().context("the stand-in port")?;
    let nothing = (U256::ZERO, U256::ZERO);
    ensure!(after.locked("sidechain", &anvil.rpc)? == nothing);
    ensure!(after.locked("consortium", &Rpc::new(stand_in)?)? == nothing);
    daemon.kill()
}

#[test]
fn a_wrong_external_chain_is_named_before_anything_starts() -> Result<()> {
    let anvil = Anvil::start(CHAIN_ID)?;
    let causeway = Causeway::new()?;
    let file = configured(&causeway, &anvil)?;
    let file = ("CAUSEWAY_CONFIG", file.to_str().context("a path")?);
    let nowhere = ("CAUSEWAY_EVM__SIDECHAIN__URLS", "[\"http://127.0.0.1:1\"]");
    let address = "0x00000000000000000000000000000000000000c0";

    let wrong_id = refused(
        &causeway,
        &[file, ("CAUSEWAY_EVM__SIDECHAIN__CHAIN_ID", "5")],
    )?;
    let no_node = refused(&causeway, &[file, nowhere])?;
    let no_contract = refused(
        &causeway,
        &[
            file,
            ("CAUSEWAY_EVM__SIDECHAIN__HASH_TIME_LOCK", address),
            ("CAUSEWAY_EVM__SIDECHAIN__POINTS_TOKEN", address),
        ],
    )?;
    let doctor = |environment: &[(&str, &str)]| -> Result<String> {
        let mut command = causeway.command(&["doctor"]);
        let output = command.envs(environment.iter().copied()).output()?;
        Ok(String::from_utf8(output.stdout)?)
    };

    ensure!(
        wrong_id.contains("the node serves chain 31337")
            && wrong_id.contains("set evm.sidechain.chain_id"),
        "{wrong_id}"
    );
    ensure!(
        no_node.contains("does not answer") && no_node.contains("correct evm.sidechain.urls"),
        "{no_node}"
    );
    ensure!(
        no_contract.contains("there is no contract at")
            && no_contract.contains("evm.sidechain.hash_time_lock"),
        "{no_contract}"
    );
    let (good, bad) = (doctor(&[file])?, doctor(&[file, nowhere])?);
    ensure!(good.contains("ok   sidechain nodes"), "{good}");
    ensure!(bad.contains("FAIL sidechain nodes"), "{bad}");
    Ok(())
}
