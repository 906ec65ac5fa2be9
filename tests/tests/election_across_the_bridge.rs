//! The public chain elects its producers while messages cross: holders vote, a producer resigns, the next epoch's set has one
//! validator less, the consortium's light client follows the handover, and messages go on in both directions.
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    Causeway, Daemon, eventually, eventually_within,
    members::{DECIDED, refused},
    settling::Pair,
};
use serde_json::Value;

/// Call data of ERC-20's `totalSupply()`.
const TOTAL_SUPPLY: &str = "0x18160ddd";
/// Blocks of an epoch of the public chain; the last quarter of them is for the election.
const EPOCH: u64 = 100;
const SHORT: (&str, &str) = ("CAUSEWAY_HOSTED__PUBLIC__EPOCH_BLOCKS", "100");

/// Calls a contract of the other chain and waits for its answer; the height of the sending chain that was proved.
fn crosses(causeway: &Causeway, pair: &Pair, from: &str, to: &str) -> Result<u64> {
    let recipient = format!("{to}:{}", pair.field(to, "points_token")?);
    let sender = format!("{from}:alice");
    let arguments = [
        "message",
        "send",
        "--from",
        &sender,
        "--to",
        &recipient,
        "--call",
        "--data",
        TOTAL_SUPPLY,
    ];
    let sent = eventually("the daemon takes messages", || {
        match causeway.ask(&arguments) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.to_string().contains("lane leads") => Ok(None),
            Err(error) if error.to_string().contains("(503)") => Ok(None),
            Err(error) => Err(error),
        }
    })?;
    let id = sent["id"].as_str().context("an id")?;
    let shown = eventually_within(DECIDED, &format!("the end of message {id}"), || {
        let shown = causeway.ask(&["message", "show", id])?;
        Ok((shown["outcome"] == "executed").then_some(shown))
    })?;
    let history = shown["history"].as_array().context("a history")?;
    let executed = history
        .iter()
        .find(|said| said["said"] == "executed")
        .with_context(|| format!("no execution in {shown}"))?;
    executed["proved_at"].as_u64().context("a proved height")
}

/// The newest election of so many producers: the epoch it is for, in the words of the history.
fn elected(causeway: &Causeway, daemon: &Daemon, producers: &str) -> Result<u64> {
    let what = format!("an election of {producers}");
    let found = eventually_within(DECIDED, &what, || {
        let history = causeway.ask(&["election", "history"])?;
        let history = history.as_array().context("a history")?.clone();
        Ok(history.into_iter().find(|event| {
            let text = event["text"].as_str().unwrap_or_default();
            event["kind"] == "Elected" && text.contains(&format!("producers {producers},"))
        }))
    })
    .with_context(|| daemon.tail())?;
    let text = found["text"].as_str().context("words")?;
    let epoch = text
        .strip_prefix("epoch ")
        .and_then(|rest| rest.split(':').next());
    epoch
        .and_then(|epoch| epoch.parse().ok())
        .with_context(|| format!("no epoch in {text}"))
}

fn score(candidate: &Value) -> Result<u128> {
    let text = candidate["score"].as_str().context("a score")?;
    text.parse().context("a number")
}

#[test]
fn producers_are_elected_and_the_other_chain_follows() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[SHORT])?;
    let pair = Pair::of(&causeway)?;
    crosses(&causeway, &pair, "public", "consortium").with_context(|| daemon.tail())?;

    // All validators stand, and the election governs them.
    let election = causeway.ask(&["election", "candidates"])?;
    ensure!(election["in_office"] == true, "{election}");
    ensure!(election["seats"] == 7, "{election}");
    let standing = election["candidates"].as_array().context("candidates")?;
    ensure!(standing.len() == 7, "{election}");

    // Votes count, and what must not be voted is refused.
    let before = causeway.ask(&["election", "score", "7"])?;
    let vote = ["election", "vote", "7", "--by", "alice", "--amount", "500"];
    let voted = eventually("the vote", || {
        match causeway.ask(&vote) {
            Ok(shown) => Ok(Some(shown)),
            // The order goes on; a second one would vote twice.
            Err(error) if error.to_string().contains("(50") => {
                let shown = causeway.ask(&["election", "score", "7"])?;
                Ok((shown["votes"] != "0").then_some(shown))
            }
            Err(error) => Err(error),
        }
    })?;
    ensure!(score(&voted)? > score(&before)?, "{before}: {voted}");
    let haste = refused(
        &causeway,
        &[
            "election", "unvote", "7", "--by", "alice", "--amount", "500",
        ],
    )?;
    ensure!(haste.contains("VoteLocked"), "{haste}");
    let own = refused(
        &causeway,
        &["election", "vote", "7", "--by", "producer", "--amount", "1"],
    )?;
    ensure!(own.contains("VoteForOneself"), "{own}");
    let nobody = refused(
        &causeway,
        &["election", "vote", "99", "--by", "alice", "--amount", "1"],
    )?;
    ensure!(nobody.contains("no candidate 99"), "{nobody}");
    let nothing = refused(&causeway, &["election", "withdraw", "--by", "bob"])?;
    ensure!(nothing.contains("NothingCredited"), "{nothing}");
    let stranger = refused(&causeway, &["election", "resign", "3", "--by", "alice"])?;
    ensure!(stranger.contains("CallerNotOwner"), "{stranger}");

    // The keeper records and elects by itself: all seven first, six once one has resigned.
    elected(&causeway, &daemon, "1, 2, 3, 4, 5, 6, 7")?;
    let resigned = causeway.ask(&["election", "resign", "3", "--by", "producer"]);
    if let Err(error) = resigned {
        ensure!(error.to_string().contains("(50"), "{error}");
    }
    let epoch = elected(&causeway, &daemon, "1, 2, 4, 5, 6, 7")?;

    // The new set validates, and the other chain believes it.
    eventually_within(DECIDED, "the epoch of the elected", || {
        let election = causeway.ask(&["election", "candidates"])?;
        Ok((election["epoch"].as_u64() >= Some(epoch)).then_some(()))
    })
    .with_context(|| daemon.tail())?;
    let proved = crosses(&causeway, &pair, "public", "consortium");
    let proved = proved.with_context(|| daemon.tail())?;
    ensure!(
        proved / EPOCH >= epoch,
        "block {proved} is of an epoch before {epoch}"
    );
    crosses(&causeway, &pair, "consortium", "public").with_context(|| daemon.tail())?;
    let gone = causeway.ask(&["election", "score", "3"])?;
    ensure!(
        gone["state"] == "leaving" && gone["elected"].is_null(),
        "{gone}"
    );
    let verified = causeway.ask(&["log", "verify"])?;
    ensure!(verified["holds"] == true, "{verified}");
    Ok(())
}
