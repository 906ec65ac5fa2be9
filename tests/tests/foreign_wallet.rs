//! An ethers wallet does the initiator's part by calling the contracts itself; the daemon, the counterparty, finds the swap
//! from the chain alone.
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{Causeway, books::Books, wallet};
use serde_json::json;

const AMOUNT: u64 = 7_000;

#[test]
fn a_wallet_that_knows_only_the_contracts_swaps_with_the_daemon() -> Result<()> {
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

    wallet("initiator.mjs", &orders).with_context(|| daemon.tail())?;

    let after = Books::now(&causeway)?;
    let amount = i128::from(AMOUNT);
    for (chain, gain) in [("public", amount), ("consortium", -amount)] {
        ensure!(
            after.moved(&before, chain, "carol")? == -gain,
            "carol's points on {chain}"
        );
        ensure!(
            after.moved(&before, chain, "bob")? == gain,
            "bob's points on {chain}"
        );
    }
    Ok(())
}
