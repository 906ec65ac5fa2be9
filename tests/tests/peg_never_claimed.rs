//! A lock for the peg whose secret is never used comes back against a proof that nothing was paid (P10, P12).
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    Causeway,
    books::{Books, part},
    eventually,
    pegs::{ends, held_and_minted, peg_in},
};

const AMOUNT: u64 = 5_000;

#[test]
fn a_peg_that_is_never_claimed_is_refunded_against_a_proof_of_absence() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let before = Books::open(&causeway)?;
    let id = peg_in(&causeway, AMOUNT)?;
    // Before the lock is sent a change of mind would end it with nothing given.
    eventually("the lock is under way", || {
        let user = part(&causeway, &id, "user")?.context("the user's part")?;
        Ok((user["stage"] != "approving").then_some(()))
    })?;

    causeway.ask(&["transfer", "refund", &id])?;
    let user = ends(&causeway, &id, "refunded").with_context(|| daemon.tail())?;

    let proofs = user["proofs"].as_array().context("proofs")?;
    let absence = proofs.iter().find(|proof| proof["purpose"] == "refund");
    let absence = absence.with_context(|| format!("no proof of absence: {user}"))?;
    ensure!(
        absence["chain"] == "consortium" && absence["height"].is_u64(),
        "{absence}"
    );
    let history = user["history"].as_array().context("a history")?;
    ensure!(
        history.iter().all(|step| step["event"] != "claimed"),
        "{user}"
    );
    let books = Books::now(&causeway)?;
    ensure!(
        held_and_minted(&books)? == (0, 0),
        "something is held or minted"
    );
    books.as_before(&before)
}
