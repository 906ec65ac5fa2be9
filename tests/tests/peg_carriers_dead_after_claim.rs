//! The recipient was paid on the side chain, and every relayer dies before the secret is carried home. However long that
//! lasts, the lock at home cannot be refunded; when a relayer starts again, the vault gets what it is owed (P9, P14).
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    Causeway,
    books::Books,
    eventually,
    pegs::{ends, held_and_minted, peg_in},
    wallet,
};
use serde_json::json;

const AMOUNT: u64 = 6_000;
/// What the peg's driver reads one after the other is the lock, the opening, the claim.
const CLAIM_READ: &str = "crossing_read.before:3";

#[test]
fn with_every_relayer_dead_after_the_side_claim_the_home_refund_is_impossible() -> Result<()> {
    let causeway = Causeway::new()?;
    let mut daemon = causeway.up(&[("CAUSEWAY_CRASH_AT", CLAIM_READ)])?;
    let before = Books::open(&causeway)?;
    let id = peg_in(&causeway, AMOUNT)?;
    daemon.ended().context("the claim was never read")?;

    // The chains go on, and nobody carries.
    let hosts = causeway.up(&[("CAUSEWAY_TRANSFERS__CARRY", "false")])?;
    let books = Books::open(&causeway)?;
    let paid = eventually("the chains answer", || Ok(held_and_minted(&books).ok()))?;
    ensure!(paid == (0, u128::from(AMOUNT)), "held and minted: {paid:?}");
    let dev = causeway.dir().join("dev");
    let orders = json!({
        "keystore": dev.join("accounts/carol.json"), "password": dev.join("password"),
        "home": books.side("public")?, "side": books.side("consortium")?,
    });
    let asked = wallet("refund_peg.mjs", &orders).with_context(|| hosts.tail())?;
    ensure!(asked["refused"] == "PegPaidOut", "{asked}");
    hosts.kill()?;

    let daemon = causeway.up(&[])?;
    let user = ends(&causeway, &id, "completed").with_context(|| daemon.tail())?;
    ensure!(user["kind"] == "peg_in", "{user}");
    let books = Books::now(&causeway)?;
    let amount = u128::from(AMOUNT);
    ensure!(
        held_and_minted(&books)? == (amount, amount),
        "what was minted is not covered"
    );
    ensure!(
        books.moved(&before, "public", "alice")? == -i128::from(AMOUNT),
        "alice's points"
    );
    Ok(())
}
