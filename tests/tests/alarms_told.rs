//! Alarms by their causes, told to everybody who is to be told: large locks and a sender who takes back again and again are on the
//! page, posted to the webhook with a signature, and mailed.
#![allow(missing_docs)]

use std::fs;

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    Causeway,
    books::part,
    eventually,
    pegs::{ends, peg_in},
    root,
    told::Office,
};

#[test]
fn large_locks_and_repeated_refunds_are_told_on_the_page_to_the_webhook_and_by_mail() -> Result<()>
{
    let office = Office::start()?;
    let causeway = Causeway::new()?;
    let local = fs::read_to_string(root().join("config/local.toml"))?;
    let rules = "[eventlog]\nlarge_value = \"1\"\nrepeated_refunds = 2";
    let config = office.configured(&causeway, &local.replace("[eventlog]", rules))?;
    let config = config.to_str().context("a path that is text")?;
    let daemon = causeway.up(&[("CAUSEWAY_CONFIG", config)])?;

    // Twice alice locks for the peg and takes it back.
    for amount in [5_000, 6_000] {
        let id = peg_in(&causeway, amount)?;
        eventually("the lock is under way", || {
            let user = part(&causeway, &id, "user")?.context("the user's part")?;
            Ok((user["stage"] != "approving").then_some(()))
        })?;
        causeway.ask(&["transfer", "refund", &id])?;
        ends(&causeway, &id, "refunded").with_context(|| daemon.tail())?;
    }

    let rules = ["large_value", "repeated_refund"];
    for rule in rules {
        eventually(&format!("the alarm {rule}"), || {
            let list = causeway.ask(&["alarm", "list", "--all"])?;
            let alarms = list["alarms"].as_array().context("alarms")?;
            Ok(alarms
                .iter()
                .any(|alarm| alarm["rule"] == rule)
                .then_some(()))
        })
        .with_context(|| daemon.tail())?;
    }
    let page = causeway.get("/alarms?lang=en")?;
    ensure!(page.contains("2 refunds to"), "{page}");
    ensure!(page.contains("units by"), "{page}");
    office.told(&rules).with_context(|| daemon.tail())
}
