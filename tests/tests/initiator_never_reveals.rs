//! Carol, an ethers wallet, locks; the daemon answers from an offer of bob; carol never uses her secret.
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    Causeway,
    books::{Books, ended},
    wallet,
};
use serde_json::json;

const AMOUNT: u64 = 6_000;

#[test]
fn an_initiator_who_never_reveals_is_refunded_and_so_is_the_daemon() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let before = Books::open(&causeway)?;
    let dev = causeway.dir().join("dev");
    let orders = json!({
        "keystore": dev.join("accounts/carol.json"),
        "password": dev.join("password"),
        "counterparty": before.address("bob")?,
        "give": before.side("public")?,
        "want": before.side("consortium")?,
        "amount": AMOUNT,
    });

    // Locks, sees bob's lock, sleeps, and takes its own lock back after its deadline.
    let carol = wallet("sleeper.mjs", &orders).with_context(|| daemon.tail())?;

    ensure!(
        carol["answered"] == true && carol["refunded"] == true,
        "{carol}"
    );
    // Bob's deadline is before carol's.
    let id = carol["transfer"].as_str().context("an id")?;
    let bob = ended(&causeway, id, "counterparty")?;
    ensure!(bob["outcome"] == "refunded", "{bob}");
    Books::now(&causeway)?.as_before(&before)
}
