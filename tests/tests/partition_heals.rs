//! Seven validators on hosts of their own at two sites, and the line between the sites is cut.
#![allow(missing_docs)]

use std::time::Duration;

use alloy_primitives::{Address, U256};
use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    eventually,
    hosts::{Hosts, inside},
    rpc::{Rpc, address_of, test_key, transfer},
    validators::{arrived, begun, hash_of, network_at},
};
use serde_json::json;

const CHAIN_ID: u64 = 7304;
/// Ten times the heartbeat: time for a chain that could go on to do so.
const SILENCE: Duration = Duration::from_secs(5);

#[test]
fn three_and_four_of_seven_wait_for_each_other_and_five_go_on_without_two() -> Result<()> {
    inside(
        "three_and_four_of_seven_wait_for_each_other_and_five_go_on_without_two",
        story,
    )
}

fn story() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let rich = test_key("two sites");
    let to = Address::repeat_byte(7);
    let hosts = Hosts::new(7, 4)?;
    let mut validators = network_at(dir.path(), CHAIN_ID, address_of(&rich), hosts.places())?;
    for validator in &mut validators {
        validator.start()?;
    }
    let nodes = validators.iter().map(|v| v.client());
    let nodes = nodes.collect::<Result<Vec<Rpc>>>()?;
    let (west, east) = (&nodes[0], &nodes[6]);
    let send = |node: &Rpc, nonce: u64| {
        let raw = transfer(&rich, CHAIN_ID, nonce, to, 1);
        node.call("eth_sendRawTransaction", json!([raw]))
    };
    begun(west).with_context(|| validators[0].log().unwrap_or_default())?;
    send(west, 0)?;
    arrived(east, to, 1)?;

    // Four and three: neither is a quorum of seven.
    hosts.cut()?;
    std::thread::park_timeout(SILENCE);
    let halted = [west.height()?, east.height()?];
    send(west, 1)?;
    std::thread::park_timeout(SILENCE);
    ensure!(
        [west.height()?, east.height()?] == halted,
        "less than five of seven finalised a block"
    );
    ensure!(west.balance(to)? == U256::from(1), "nothing was final");
    let shared = halted.into_iter().min().unwrap_or_default();
    ensure!(hash_of(west, shared)? == hash_of(east, shared)?);

    // Healed: what waited at one site is final at both.
    hosts.mend()?;
    for node in &nodes {
        arrived(node, to, 2)?;
        ensure!(
            hash_of(node, shared)? == hash_of(west, shared)?,
            "two histories"
        );
    }

    // Five and two: the five go on; the two stand still, and catch up when they are back.
    hosts.move_to(4, "west")?;
    send(west, 2)?;
    arrived(&nodes[4], to, 3)?;
    hosts.cut()?;
    std::thread::park_timeout(SILENCE);
    let left = east.height()?;
    send(west, 3)?;
    arrived(&nodes[4], to, 4)?;
    let ahead = eventually("the five are ahead", || {
        Ok(Some(west.height()?).filter(|height| *height > left + 5))
    })?;
    ensure!(east.height()? == left, "two of seven finalised a block");
    hosts.mend()?;
    for node in &nodes {
        arrived(node, to, 4)?;
        eventually("it has caught up", || {
            Ok((node.height()? >= ahead).then_some(()))
        })?;
        ensure!(
            hash_of(node, ahead)? == hash_of(west, ahead)?,
            "two histories"
        );
    }
    Ok(())
}
