//! The consortium's gateway takes no messages: its lane is paused. The verdict is proved to the escrow by the slot in which
//! it stands, and the delivery is paid all the same.
#![allow(missing_docs)]

use alloy_sol_types::SolEvent as _;
use anyhow::{Context as _, Result, ensure};
use causeway_contracts::SettlementEscrow;
use causeway_stories::{
    Causeway,
    books::{Books, ended},
    settling::{Pair, Private, SHARE, agree, alice_opens},
};
use serde_json::Value;

#[test]
fn a_verdict_that_no_gateway_carries_is_proved_by_its_slot() -> Result<()> {
    let causeway = Causeway::new()?;
    let environment = [("CAUSEWAY_TRANSFERS__VERDICT_PATIENCE_SECONDS", "3")];
    let daemon = causeway.up(&environment)?;
    let before = Books::open(&causeway)?;
    let (pair, private) = (Pair::of(&causeway)?, Private::new()?);
    pair.pause(&causeway, "consortium")?;
    let id = alice_opens(&causeway, &pair, &private, 300)?;

    agree(&causeway, &pair, &id, &private)?;

    let part = ended(&causeway, &id, "initiator").with_context(|| daemon.tail())?;
    ensure!(part["outcome"] == "released", "{part}");
    let after = Books::now(&causeway)?;
    ensure!(after.moved(&before, "public", "bob")? == i128::from(SHARE));
    // No message: the transaction that recorded the verdict called the escrow itself.
    let recorded = pair.said(SettlementEscrow::VerdictRecorded::SIGNATURE_HASH)?;
    let recorded = recorded.context("a recorded verdict")?;
    let escrow = pair.field("public", "settlement")?.to_lowercase();
    let to = pair.recipient(&recorded)?;
    ensure!(to.to_lowercase() == escrow, "recorded through {to}");
    let messages = causeway.ask(&["message", "list"])?;
    let none = |list: &Value| list.as_array().is_some_and(Vec::is_empty);
    ensure!(none(&messages["messages"]), "{messages}");
    let shown = causeway.ask(&["transfer", "show", &id])?;
    let parts = shown.as_array().context("parts")?;
    let proved = parts
        .iter()
        .any(|part| part["proofs"].as_array().is_some_and(|p| !p.is_empty()));
    ensure!(proved, "the certificate that proved it is shown: {shown}");
    Ok(())
}
