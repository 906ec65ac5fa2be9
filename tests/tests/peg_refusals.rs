//! What a peg refuses before anything is locked, as it is said on the command line (P1).
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    Causeway,
    books::Books,
    pegs::{begin, ends, held_and_minted, peg_in},
    wallet,
};
use serde_json::json;

/// Arguments, and what the refusal says.
const REFUSED: [(&[&str], &str); 9] = [
    (
        &[
            "--from",
            "public:alice",
            "--give",
            "0",
            "--to",
            "consortium:alice",
        ],
        "above zero",
    ),
    (
        &[
            "--from",
            "public:alice",
            "--give",
            "10001",
            "--to",
            "consortium:alice",
        ],
        "at most",
    ),
    (
        &[
            "--from",
            "consortium:alice",
            "--give",
            "1",
            "--to",
            "public:alice",
        ],
        "peg_in goes from",
    ),
    (
        &[
            "--from",
            "public:alice",
            "--give",
            "1",
            "--to",
            "public:alice",
        ],
        "peg_in goes from",
    ),
    (
        &[
            "--from",
            "public:alice",
            "--give",
            "1",
            "--give-asset",
            "native",
            "--to",
            "consortium:alice",
        ],
        "takes Token",
    ),
    (
        &[
            "--from",
            "public:alice",
            "--give",
            "1",
            "--give-asset",
            "gold",
            "--to",
            "consortium:alice",
        ],
        "give.asset",
    ),
    (
        &[
            "--from",
            "public:carol",
            "--give",
            "1",
            "--to",
            "consortium:alice",
        ],
        "no key for account",
    ),
    (
        &["--from", "public:alice", "--give", "1", "--to", ZERO],
        "does not pay",
    ),
    (
        &[
            "--from",
            "public:alice",
            "--give",
            "1",
            "--to",
            "consortium:alice",
            "--window",
            "3",
        ],
        "deadline too near: expected",
    ),
];
const ZERO: &str = "consortium:0x0000000000000000000000000000000000000000";

#[test]
fn a_peg_that_cannot_end_well_is_refused_with_its_reason_and_nothing_is_locked() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    // One that is taken first: then the daemon knows the time of both chains.
    let good = peg_in(&causeway, 7)?;
    ends(&causeway, &good, "completed").with_context(|| daemon.tail())?;
    let before = Books::open(&causeway)?;

    for (arguments, expected) in REFUSED {
        let start = [&["--kind", "peg-in"][..], arguments].concat();
        let refusal = begin(&causeway, &start).err();
        let refusal = refusal.with_context(|| format!("not refused: {arguments:?}"))?;
        ensure!(
            refusal.to_string().contains(expected),
            "{arguments:?}: {refusal}"
        );
    }
    let poor = [
        "--kind",
        "peg-out",
        "--from",
        "consortium:bob",
        "--give",
        "1",
        "--to",
        "public:bob",
    ];
    let refusal = begin(&causeway, &poor)
        .err()
        .context("bob has nothing pegged")?;
    ensure!(refusal.to_string().contains("needs"), "{refusal}");

    let dev = causeway.dir().join("dev");
    let orders = json!({
        "keystore": dev.join("accounts/watchtower.json"), "password": dev.join("password"),
        "at": before.side("consortium")?,
    });
    let paused = wallet("pause_peg.mjs", &orders)?;
    ensure!(paused["paused"] == true, "{paused}");
    let refusal = peg_in(&causeway, 7).err().context("the port is paused")?;
    ensure!(refusal.to_string().contains("is paused"), "{refusal}");

    let after = Books::now(&causeway)?;
    ensure!(held_and_minted(&after)? == (7, 7), "something moved");
    after.as_before(&before)
}
