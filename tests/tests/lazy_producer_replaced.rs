//! A `LazyProducer` is elected with the highest score, and no process runs for it: it fills none of its slots. The election benches
//! it at the end of its first epoch, a standby has its seat in the next, and its owner has it stand again when its time is over.
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    Causeway, Daemon, eventually_within,
    members::{DECIDED, asked, refused, stands},
};
use serde_json::Value;

/// Blocks of an epoch of the public chain: enough that seven producers are judged.
const SHORT: (&str, &str) = ("CAUSEWAY_HOSTED__PUBLIC__EPOCH_BLOCKS", "100");

/// Where nobody listens.
const ENDPOINT: &str = "127.0.0.1:9";

/// A candidacy without a validator behind it.
struct LazyProducer {
    number: String,
}

impl LazyProducer {
    /// Registers it with so large a deposit that it is elected.
    fn stands(causeway: &Causeway, daemon: &Daemon) -> Result<Self> {
        let path = |name: &str| causeway.dir().join(name).to_string_lossy().into_owned();
        let (keystore, password) = (path("lazy.json"), path("lazy.password"));
        std::fs::write(&password, "a test password\n")?;
        causeway.ask(&[
            "key",
            "new",
            "--out",
            &keystore,
            "--password-file",
            &password,
        ])?;
        #[rustfmt::skip]
        let register = [
            "election", "register", "--owner", "alice", "--deposit", "5000", "--keystore", &keystore,
            "--password-file", &password, "--endpoint", ENDPOINT,
        ];
        let candidate = stands(causeway, &register, ENDPOINT).with_context(|| daemon.tail())?;
        let number = candidate["number"].to_string();
        Ok(Self { number })
    }

    fn shown(&self, causeway: &Causeway) -> Result<Value> {
        asked(causeway, &["election", "score", &self.number])
    }
}

/// The newest event of a kind whose words contain these.
fn event(causeway: &Causeway, daemon: &Daemon, kind: &str, words: &str) -> Result<Value> {
    eventually_within(2 * DECIDED, &format!("{kind} of {words}"), || {
        let history = asked(causeway, &["election", "history"])?;
        let history = history.as_array().context("a history")?.clone();
        Ok(history.into_iter().find(|event| {
            let text = event["text"].as_str().unwrap_or_default();
            event["kind"] == kind && text.contains(words)
        }))
    })
    .with_context(|| daemon.tail())
}

#[test]
fn a_producer_that_makes_no_block_is_replaced_by_a_standby_and_may_come_back() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[SHORT])?;
    let election = asked(&causeway, &["election", "candidates"])?;
    ensure!(election["in_office"] == true, "{election}");

    // Its deposit makes it the first of eight for seven seats: one that works stands by.
    let lazy = LazyProducer::stands(&causeway, &daemon)?;
    let number = lazy.number.clone();
    let early = refused(&causeway, &["election", "rejoin", &number, "--by", "alice"])?;
    ensure!(early.contains("RejoinRefused"), "{early}");
    let elected = eventually_within(2 * DECIDED, "its election", || {
        let shown = lazy.shown(&causeway)?;
        Ok((shown["elected"] == "producer").then_some(shown))
    })
    .with_context(|| daemon.tail())?;
    ensure!(elected["state"] == "running", "{elected}");

    // It fills no slot, and nobody but the others notices: the chain goes on.
    let idle = event(
        &causeway,
        &daemon,
        "ProducerIdle",
        &format!("candidate {number} made 0 of"),
    )?;
    ensure!(idle["tx"].is_string(), "{idle}");
    let benched = lazy.shown(&causeway)?;
    ensure!(benched["benched_until"].is_u64(), "{benched}");
    let replaced = eventually_within(2 * DECIDED, "a set without it", || {
        let election = asked(&causeway, &["election", "candidates"])?;
        let all = election["candidates"]
            .as_array()
            .context("candidates")?
            .clone();
        let producers = all.iter().filter(|one| one["elected"] == "producer");
        let lazy = all.iter().find(|one| one["endpoint"] == ENDPOINT);
        let is_out = lazy.is_some_and(|one| one["elected"].is_null());
        Ok((is_out && producers.count() == 7).then_some(election))
    })
    .with_context(|| daemon.tail())?;
    ensure!(replaced["seats"] == 7, "{replaced}");
    eventually_within(DECIDED, "the page says so", || {
        let page = causeway.get("/members?lang=en").unwrap_or_default();
        Ok(page.contains("benched until epoch").then_some(()))
    })
    .with_context(|| daemon.tail())?;

    // Nobody but its owner has it stand again, and not before its time is over.
    let stranger = refused(&causeway, &["election", "rejoin", &number, "--by", "bob"])?;
    ensure!(stranger.contains("CallerNotOwner"), "{stranger}");
    let back = eventually_within(2 * DECIDED, "it stands again", || {
        match causeway.ask(&["election", "rejoin", &number, "--by", "alice"]) {
            Ok(shown) => Ok(Some(shown)),
            Err(error) if error.to_string().contains("RejoinRefused") => {
                let shown = lazy.shown(&causeway)?;
                // An order that was slow is done; otherwise its time is not over.
                Ok(shown["benched_until"].is_null().then_some(shown))
            }
            Err(error) if error.to_string().contains("(50") => Ok(None),
            Err(error) => Err(error),
        }
    })
    .with_context(|| daemon.tail())?;
    ensure!(back["benched_until"].is_null(), "{back}");
    let height = || -> Result<u64> {
        let chains = asked(&causeway, &["chain", "status"])?;
        let chains = chains.as_array().context("chains")?;
        let public = chains.iter().find(|chain| chain["name"] == "public");
        public
            .and_then(|chain| chain["height"].as_u64())
            .context("a height")
    };
    let then = height()?;
    eventually_within(DECIDED, "further blocks", || {
        Ok((height()? > then + 5).then_some(()))
    })
    .with_context(|| daemon.tail())
}
