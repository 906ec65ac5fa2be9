//! Alice locks; dave, an ethers wallet, answers when it is too late: once with a deadline that leaves less than the margin,
//! once so near to his own deadline that a claim could not be final before it.
#![allow(missing_docs)]

use std::thread;

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    Causeway,
    books::{Books, alice_gives, ended, explained},
    wallet,
};
use serde_json::json;

const AMOUNT: u64 = 3_000;
/// Decides when it is too late to claim: settle is one second more at least, so what is locked for seven seconds comes late.
const SKEW: (&str, &str) = ("CAUSEWAY_TRANSFERS__CLOCK_SKEW_SECONDS", "6");

fn refused(how: &str, why: &str) -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[SKEW])?;
    let before = Books::open(&causeway)?;
    let dev = causeway.dir().join("dev");
    let id = alice_gives(&causeway, AMOUNT, "dave")?;
    let orders = json!({
        "keystore": dev.join("accounts/dave.json"),
        "password": dev.join("password"),
        "theirs": before.side("public")?,
        "ours": before.side("consortium")?,
        "how": how,
    });

    let latecomer = thread::spawn(move || wallet("latecomer.mjs", &orders));
    explained(&causeway, &id, why).with_context(|| daemon.tail())?;
    let alice = ended(&causeway, &id, "initiator")?;
    let dave = latecomer
        .join()
        .map_err(|_| anyhow::anyhow!("dave panicked"))??;

    ensure!(alice["outcome"] == "refunded", "{alice}");
    ensure!(dave["refunded"] == true, "{dave}");
    // The wallet has looked for the secret on both chains until both locks were over.
    ensure!(dave["claims"] == 0, "the secret was used: {dave}");
    Books::now(&causeway)?.as_before(&before)
}

#[test]
fn a_lock_that_leaves_less_than_the_margin_never_gets_the_secret() -> Result<()> {
    refused("thin margin", "a lock did not match: deadline")
}

#[test]
fn a_lock_that_comes_too_late_to_be_claimed_never_gets_the_secret() -> Result<()> {
    refused("too late", "too little time was left to claim theirs")
}
