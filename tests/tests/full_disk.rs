//! The disk of one validator of four fills up: it says so and stops, the others go on, and with room it comes back.
#![allow(missing_docs)]

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use alloy_primitives::Address;
use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    binary, eventually,
    rpc::{address_of, test_key, transfer},
    validators::{Validator, arrived, begun, hash_of, network},
};
use serde_json::json;

const CHAIN_ID: u64 = 7303;

/// A small disk, mounted where nobody else sees it, with one file that takes all the room left.
const SMALL_DISK: &str = r#"
mount -t tmpfs -o size=64m story data || exit 99
"$0" node --config node.toml </dev/null &
read -r full
cat /dev/zero >data/filler 2>/dev/null
wait $!
echo "ended with $?" >ended
read -r room
rm data/filler
exec "$0" node --config node.toml </dev/null
"#;

/// Where nothing may be mounted: no file may grow past what the log needs. The refusal is then "too large", not "no space".
const NO_GROWTH: &str = r#"
trap '' XFSZ
"$0" node --config node.toml </dev/null &
read -r full
prlimit --pid $! --fsize=262144:262144
wait $!
echo "ended with $?" >ended
read -r room
exec "$0" node --config node.toml </dev/null
"#;

/// A shell in namespaces of its own; whatever it starts dies with it.
fn namespaces() -> Option<Command> {
    let kinds = [
        &["--user", "--map-root-user"][..],
        // Root in a container may be refused the first and allowed this.
        &[],
    ];
    kinds.into_iter().find_map(|kind| {
        let mut command = Command::new("unshare");
        command
            .args(kind)
            .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c"]);
        let mut trial = Command::new("unshare");
        trial
            .args(kind)
            .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c"]);
        let tried = trial
            .arg("mount -t tmpfs -o size=1m trial /mnt")
            .stderr(Stdio::null())
            .status();
        tried
            .is_ok_and(|status| status.success())
            .then_some(command)
    })
}

fn start_cramped(validator: &mut Validator) -> Result<()> {
    std::fs::create_dir(validator.dir.join("data"))?;
    let mut command = match namespaces() {
        Some(mut command) => {
            command.arg(SMALL_DISK);
            command
        }
        None => {
            let mut command = Command::new("sh");
            command.args(["-c", NO_GROWTH]);
            command
        }
    };
    command.arg(binary()?).stdin(Stdio::piped());
    validator.start_as(command)
}

#[test]
fn a_validator_with_a_full_disk_says_so_and_stops_and_comes_back_when_there_is_room() -> Result<()>
{
    let dir = tempfile::tempdir()?;
    let rich = test_key("full disk");
    let to = Address::repeat_byte(9);
    let mut validators = network(dir.path(), CHAIN_ID, 4, address_of(&rich))?;
    start_cramped(&mut validators[3])?;
    for validator in &mut validators[..3] {
        validator.start()?;
    }
    let first = validators[0].client()?;
    let send = |nonce: u64| {
        let raw = transfer(&rich, CHAIN_ID, nonce, to, 1);
        first.call("eth_sendRawTransaction", json!([raw]))
    };
    let cramped = validators[3].client()?;
    begun(&cramped)?;
    send(0)?;
    arrived(&cramped, to, 1)?;
    let (height, kept) = {
        let height = cramped.height()?;
        (height, hash_of(&cramped, height)?)
    };

    validators[3].input()?.write_all(b"full\n")?;

    // It names the directory, the reason and what to do, and ends.
    let note = validators[3].dir.join("ended");
    let ended = eventually("the validator without room has ended", || {
        Ok(std::fs::read_to_string(&note)
            .ok()
            .filter(|text| text.ends_with('\n')))
    })?;
    let log = validators[3].log()?;
    ensure!(ended.trim() == "ended with 1", "{ended}: {log}");
    let said = log
        .lines()
        .find(|line| line.contains("the validators of story have stopped"))
        .with_context(|| log.clone())?;
    ensure!(
        said.contains("data/chains/story/data cannot be written") && said.contains("make room"),
        "{said}"
    );
    ensure!(
        said.contains("No space left on device") || said.contains("File too large"),
        "{said}"
    );

    // The others are a quorum.
    send(1)?;
    arrived(&first, to, 2)?;

    // With room it has what it had and gets what it missed.
    validators[3].input()?.write_all(b"room\n")?;
    arrived(&cramped, to, 2)?;
    ensure!(hash_of(&cramped, height)? == kept, "a final block was lost");
    let height = cramped.height()?;
    ensure!(
        hash_of(&cramped, height)? == {
            eventually("the first has the block", || {
                Ok(first.height().ok().filter(|at| *at >= height))
            })?;
            hash_of(&first, height)?
        },
        "two histories"
    );
    Ok(())
}
