//! The block file of a validator is damaged while it stands still: it is named with the height, and built anew without it.
#![allow(missing_docs)]

use std::{fs, path::PathBuf};

use alloy_primitives::{Address, U256};
use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    rpc::{address_of, test_key, transfer},
    validators::{Validator, arrived, begun, hash_of, network},
};
use serde_json::json;

const CHAIN_ID: u64 = 7304;
/// An amount that stands nowhere else in the file.
const AMOUNT: u64 = 0xc0ff_ee01_dead_beef;

fn block_file(validator: &Validator) -> Result<PathBuf> {
    let data = validator.dir.join("data/chains/story/data");
    fs::read_dir(&data)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|kind| kind == "redb"))
        .with_context(|| format!("no block file in {}", data.display()))
}

/// Changes the balance of who has [`AMOUNT`], wherever it stands.
fn damage(file: &PathBuf) -> Result<()> {
    let mut bytes = fs::read(file)?;
    let value = U256::from(AMOUNT).to_be_bytes::<32>();
    let places: Vec<usize> = (0..bytes.len() - 32)
        .filter(|at| bytes[*at..*at + 32] == value)
        .collect();
    ensure!(!places.is_empty(), "the balance stands in the file");
    for at in places {
        bytes[at + 31] ^= 1;
    }
    Ok(fs::write(file, bytes)?)
}

#[test]
fn a_damaged_block_file_is_named_and_rebuilt_once_it_is_moved_away() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let rich = test_key("damaged store");
    let to = Address::repeat_byte(11);
    let mut validators = network(dir.path(), CHAIN_ID, 4, address_of(&rich))?;
    for validator in &mut validators {
        validator.start()?;
    }
    let first = validators[0].client()?;
    let hurt = validators[3].client()?;
    begun(&first)?;
    let raw = transfer(&rich, CHAIN_ID, 0, to, AMOUNT);
    first.call("eth_sendRawTransaction", json!([raw]))?;
    arrived(&hurt, to, AMOUNT)?;
    let height = hurt.height()?;
    let hash = hash_of(&hurt, height)?;

    // Stopped in order, damaged, started: it refuses the file by name and height.
    ensure!(validators[3].stop()?.success(), "{}", validators[3].log()?);
    let file = block_file(&validators[3])?;
    let name = file
        .file_name()
        .context("a name")?
        .to_string_lossy()
        .into_owned();
    damage(&file)?;
    validators[3].start()?;
    ensure!(validators[3].ended()?.code() == Some(3), "it started");
    let log = validators[3].log()?;
    let said = log.lines().last().unwrap_or_default();
    ensure!(
        said.contains(&name)
            && said.contains("is damaged at block")
            && said.contains("move the file away"),
        "{log}"
    );

    // No database at all: the same.
    fs::write(&file, vec![0x5a; 1 << 16])?;
    validators[3].start()?;
    ensure!(validators[3].ended()?.code() == Some(3), "it started");
    let log = validators[3].log()?;
    let said = log.lines().last().unwrap_or_default();
    ensure!(
        said.contains(&name) && said.contains("is damaged") && said.contains("move the file away"),
        "{log}"
    );

    // It does what it was told: the validator has the same blocks again and goes on with the others.
    fs::rename(&file, file.with_extension("damaged"))?;
    validators[3].start()?;
    arrived(&hurt, to, AMOUNT)?;
    ensure!(hash_of(&hurt, height)? == hash, "another history");
    let raw = transfer(&rich, CHAIN_ID, 1, to, 1);
    first.call("eth_sendRawTransaction", json!([raw]))?;
    arrived(&hurt, to, AMOUNT + 1)
}
