//! A disk fills up under a validator, and under a daemon: each says so and stops, and goes on when there is room.
#![allow(missing_docs)]

use alloy_primitives::Address;
use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    Causeway,
    books::{Books, alice_gives, ended},
    eventually, free_address,
    rpc::{address_of, test_key, transfer},
    small_disk::Cramped,
    validators::{arrived, begun, hash_of, network},
};
use serde_json::json;

const CHAIN_ID: u64 = 7303;
const AMOUNT: u64 = 8_000;

#[test]
fn a_validator_with_a_full_disk_says_so_and_stops_and_comes_back_when_there_is_room() -> Result<()>
{
    let dir = tempfile::tempdir()?;
    let rich = test_key("full disk");
    let to = Address::repeat_byte(9);
    let mut validators = network(dir.path(), CHAIN_ID, 4, address_of(&rich))?;
    let node = ["node", "--config", "node.toml"];
    let mut last = Cramped::start(&validators[3].dir, "data", &node, &[])?;
    for validator in &mut validators[..3] {
        validator.start()?;
    }
    let first = validators[0].client()?;
    let cramped = validators[3].client()?;
    let send = |nonce: u64| {
        let raw = transfer(&rich, CHAIN_ID, nonce, to, 1);
        first.call("eth_sendRawTransaction", json!([raw]))
    };
    begun(&first)?;
    send(0)?;
    arrived(&cramped, to, 1)?;
    let height = cramped.height()?;
    let kept = hash_of(&cramped, height)?;

    // It names the directory, the reason and what to do, and ends.
    ensure!(last.fill()? == 1, "{}", last.log()?);
    last.said_why("data/chains/story/data")?;

    // The others are a quorum.
    send(1)?;
    arrived(&first, to, 2)?;

    // With room it has what it had and gets what it missed.
    last.make_room()?;
    arrived(&cramped, to, 2)?;
    ensure!(hash_of(&cramped, height)? == kept, "a final block was lost");
    let height = first.height()?;
    eventually("it is as far as the others", || {
        Ok((cramped.height()? >= height).then_some(()))
    })?;
    ensure!(
        hash_of(&cramped, height)? == hash_of(&first, height)?,
        "two histories"
    );
    Ok(())
}

#[test]
fn a_swap_whose_daemon_ran_out_of_disk_ends_well_when_there_is_room() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let listen = free_address()?;
    let address = listen.to_string();
    // What both parties may be down for and lose nothing: longer than this story fills the disk.
    let environment = [
        ("CAUSEWAY_API__LISTEN", address.as_str()),
        ("CAUSEWAY_TRANSFERS__OUTAGE_BUDGET_SECONDS", "30"),
    ];
    let up = ["up", "--data-dir", "data"];
    let mut daemon = Cramped::start(dir.path(), "data", &up, &environment)?;
    // The disk is mounted where only the daemon sees it, so its address is given.
    let causeway = Causeway::at(format!("http://{listen}"))?;
    let ready = || {
        eventually("the daemon answers", || {
            Ok(causeway.ask(&["chain", "status"]).ok())
        })
    };
    ready().with_context(|| daemon.log().unwrap_or_default())?;
    let before = Books::open(&causeway)?;
    let id = alice_gives(&causeway, AMOUNT, "bob")?;

    ensure!(daemon.fill()? == 1, "{}", daemon.log()?);
    daemon.said_why("data/chains/")?;
    daemon.make_room()?;

    ready().with_context(|| daemon.log().unwrap_or_default())?;
    let alice = ended(&causeway, &id, "initiator")?;
    let after = Books::now(&causeway)?;
    if alice["outcome"] == "completed" {
        let bob = ended(&causeway, &id, "counterparty")?;
        ensure!(bob["outcome"] == "completed", "{bob}");
        let amount = i128::from(AMOUNT);
        let after = Books::now(&causeway)?;
        for (chain, gain) in [("public", amount), ("consortium", -amount)] {
            ensure!(
                after.moved(&before, chain, "bob")? == gain,
                "bob on {chain}"
            );
            ensure!(
                after.moved(&before, chain, "alice")? == -gain,
                "alice on {chain}"
            );
        }
        return Ok(());
    }
    ensure!(alice["outcome"] != "lost", "{alice}");
    after.as_before(&before)
}
