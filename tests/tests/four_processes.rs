//! A consortium of four validators, each its own process: one stopped, then a second, then one back.
#![allow(missing_docs)]

use std::time::Duration;

use alloy_primitives::{Address, U256};
use anyhow::{Result, ensure};
use causeway_stories::{
    rpc::{address_of, test_key, transfer},
    validators::{arrived, begun, hash_of, network},
};
use serde_json::json;

const CHAIN_ID: u64 = 7301;

#[test]
fn four_processes_agree_stand_one_stopped_halt_at_two_and_go_on_when_one_returns() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let rich = test_key("four processes");
    let to = Address::repeat_byte(5);
    let mut validators = network(dir.path(), CHAIN_ID, 4, address_of(&rich))?;
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

    // All four: a transaction handed to one is final at another.
    begun(&first)?;
    send(0)?;
    arrived(&second, to, 1)?;

    // One stopped: f = 1, the chain goes on.
    validators[3].kill()?;
    send(1)?;
    arrived(&second, to, 2)?;

    // Two stopped: no quorum, nothing becomes final.
    validators[2].kill()?;
    // What was under way may still end, nothing after it.
    std::thread::park_timeout(Duration::from_secs(5));
    let halted = first.height()?;
    send(2)?;
    std::thread::park_timeout(Duration::from_secs(5));
    ensure!(first.height()? == halted, "two of four finalised a block");
    ensure!(
        first.balance(to)? == U256::from(2),
        "two of four finalised a transaction"
    );

    // One back: the chain goes on where it stopped, with the transaction that waited.
    validators[2].start()?;
    arrived(&second, to, 3)?;
    let back = validators[2].client()?;
    arrived(&back, to, 3)?;
    let height = first.height()? - 1;
    ensure!(
        hash_of(&first, height)? == hash_of(&back, height)?,
        "two histories"
    );
    Ok(())
}
