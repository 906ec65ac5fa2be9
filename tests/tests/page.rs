//! The page in a real browser, over a daemon that ran the demonstration: the journeys of a member, an operator and a regulator;
//! without a mouse; without script; every page in light and dark, in both languages, on a desktop and a phone. No error on the
//! console, nothing loaded from elsewhere, nothing that moves, nothing serious for the accessibility checker.
#![allow(missing_docs)]

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use causeway_stories::{Causeway, Daemon, root, told::Office, wallet};
use serde_json::json;

/// Longest that the demonstration takes on a machine that does much else.
const DEMONSTRATION: Duration = Duration::from_secs(600);

/// Its device stops with the demonstration: an alarm that somebody has to notice.
const SILENT: (&str, &str) = ("CAUSEWAY_ORACLE__SILENT_AFTER_SECONDS", "10");

/// Waits until the last step of the demonstration, the settlement, has ended, and returns the address of the page.
fn demonstrated(causeway: &Causeway, daemon: &mut Daemon) -> Result<String> {
    let deadline = Instant::now() + DEMONSTRATION;
    loop {
        if causeway.announced().is_file()
            && let Ok(list) = causeway.ask(&["transfer", "list", "--kind", "settlement"])
        {
            let transfers = list["transfers"].as_array().or(list.as_array());
            let mut all = transfers.into_iter().flatten();
            if all.any(|transfer| transfer["outcome"].is_string()) {
                let url = std::fs::read_to_string(causeway.announced())?;
                return Ok(url.trim().to_owned());
            }
        }
        ensure!(daemon.runs()?, "the demonstration ended: {}", daemon.tail());
        if Instant::now() > deadline {
            bail!("the demonstration is not over: {}", daemon.tail());
        }
        std::thread::park_timeout(Duration::from_millis(500));
    }
}

#[test]
fn members_operators_and_regulators_find_their_way_in_a_browser() -> Result<()> {
    let (causeway, office) = (Causeway::new()?, Office::start()?);
    let local = std::fs::read_to_string(root().join("config/local.toml"))?;
    let config = office.configured(&causeway, &local)?;
    let config = config.to_str().context("a path that is text")?;
    let mut daemon = causeway.start(&["demo"], &[SILENT, ("CAUSEWAY_CONFIG", config)])?;
    let url = demonstrated(&causeway, &mut daemon)?;

    let pictures = std::env::var("PAGE_PICTURES").ok();
    let orders = json!({ "url": url, "dir": causeway.dir(), "pictures": pictures });
    let measured = wallet("page/journeys.mjs", &orders).with_context(|| daemon.tail())?;

    ensure!(measured["checked"] == json!(4 * 23), "{measured}");
    ensure!(
        measured["first_page_ms"].is_f64() || measured["first_page_ms"].is_u64(),
        "{measured}"
    );
    // What the demonstration's feed and device gave cause for was told to everybody.
    office
        .told(&["threshold", "device"])
        .with_context(|| daemon.tail())?;
    println!("{measured}");
    Ok(())
}
