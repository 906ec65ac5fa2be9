//! A public chain of seven validators, each its own process: f = 2 stopped, then f + 1, then one back.
#![allow(missing_docs)]

use std::time::Duration;

use alloy_primitives::{Address, U256};
use anyhow::{Result, ensure};
use causeway_stories::{
    eventually,
    rpc::{address_of, test_key, transfer},
    validators::{arrived, begun, hash_of, network},
};
use serde_json::json;

const CHAIN_ID: u64 = 7302;
/// Ten times the heartbeat: time for a chain that could go on to do so.
const SILENCE: Duration = Duration::from_secs(5);

#[test]
fn seven_validators_go_on_without_two_halt_without_three_and_go_on_when_one_returns() -> Result<()>
{
    let dir = tempfile::tempdir()?;
    let rich = test_key("seven validators");
    let to = Address::repeat_byte(7);
    let mut validators = network(dir.path(), CHAIN_ID, 7, address_of(&rich))?;
    for validator in &mut validators {
        validator.start()?;
    }
    let first = validators[0].client()?;
    let second = validators[1].client()?;
    let send = |nonce: u64| {
        let raw = transfer(&rich, CHAIN_ID, nonce, to, 1);
        first.call("eth_sendRawTransaction", json!([raw]))
    };
    begun(&first)?;
    send(0)?;
    arrived(&second, to, 1)?;

    // f = 2 stopped: five of seven are a quorum.
    validators[6].kill()?;
    validators[5].kill()?;
    send(1)?;
    arrived(&second, to, 2)?;

    // f + 1 stopped: four of seven are none. What was under way may still end, nothing after it.
    validators[4].kill()?;
    std::thread::park_timeout(SILENCE);
    let halted = first.height()?;
    send(2)?;
    std::thread::park_timeout(SILENCE);
    let height = first.height()?;
    ensure!(height == halted, "four of seven finalised a block");
    ensure!(
        first.balance(to)? == U256::from(2),
        "four of seven finalised a transaction"
    );
    let last = hash_of(&first, height)?;

    // One back: the same chain goes on, with the transaction that waited.
    validators[4].start()?;
    arrived(&second, to, 3)?;
    let back = validators[4].client()?;
    arrived(&back, to, 3)?;
    for node in [&first, &second, &back] {
        ensure!(hash_of(node, height)? == last, "another chain went on");
    }

    // The other two come back to it.
    for index in [5, 6] {
        validators[index].start()?;
        let late = validators[index].client()?;
        eventually("a late validator has caught up", || {
            Ok((late.height().unwrap_or_default() > height).then_some(()))
        })?;
        ensure!(hash_of(&late, height)? == last, "another history");
    }
    Ok(())
}
