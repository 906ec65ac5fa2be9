//! Alice's escrow waits for a delivery on which the parties never agree. After its deadline she is paid back against a proof
//! that there is no verdict, although the daemon was dead when the deadline passed.
#![allow(missing_docs)]

use alloy_sol_types::SolEvent as _;
use anyhow::{Context as _, Result, ensure};
use causeway_contracts::SettlementEscrow;
use causeway_stories::{
    Causeway,
    books::{Books, ended, explained},
    settling::{Pair, Private, alice_opens, confirms},
};

#[test]
fn without_a_verdict_the_initiator_is_paid_back_by_proof() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let before = Books::open(&causeway)?;
    let (pair, private) = (Pair::of(&causeway)?, Private::new()?);
    let id = alice_opens(&causeway, &pair, &private, 45)?;
    explained(&causeway, &id, "the parties are to confirm")?;
    // One word is not two.
    confirms(&causeway, &id, "bob", &private)?;

    daemon.kill()?;
    let daemon = causeway.up(&[])?;

    for role in ["initiator", "counterparty"] {
        let part = ended(&causeway, &id, role).with_context(|| daemon.tail())?;
        ensure!(part["outcome"] == "refunded", "{part}");
    }
    let after = Books::now(&causeway)?;
    after.as_before(&before)?;
    let pair = Pair::of(&causeway)?;
    let refunded = pair.said(SettlementEscrow::DealRefunded::SIGNATURE_HASH)?;
    ensure!(refunded.is_some(), "the escrow says so");
    let released = pair.said(SettlementEscrow::DealReleased::SIGNATURE_HASH)?;
    ensure!(released.is_none(), "{released:?}");
    // What is over cannot be confirmed any more.
    let late = confirms(&causeway, &id, "alice", &private);
    let refusal = late.err().context("it was accepted")?.to_string();
    ensure!(refusal.contains("409"), "{refusal}");
    Ok(())
}
