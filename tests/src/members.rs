//! Votes of a consortium's members.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{Causeway, eventually_within};

/// Longest that a decision may take: its delay of a minute, and a slow machine.
pub const DECIDED: Duration = Duration::from_secs(300);

/// Proposes something and returns its number. `motion` are the arguments behind `--why`.
///
/// # Errors
/// Fails when it is refused.
pub fn propose(causeway: &Causeway, by: &str, why: &str, motion: &[&str]) -> Result<u64> {
    let command = [&["member", "propose", "--by", by, "--why", why], motion].concat();
    match causeway.ask(&command) {
        Ok(made) => made["number"].as_u64().context("a number"),
        Err(error) if is_slow(&error) => eventually_within(DECIDED, "the proposal", || {
            let list = causeway.ask(&["member", "show"])?;
            let list = list["proposals"].as_array().context("proposals")?;
            let ours = list.iter().find(|proposal| proposal["why"] == why);
            Ok(ours.and_then(|proposal| proposal["number"].as_u64()))
        }),
        Err(error) => Err(error),
    }
}

/// Votes for a proposal.
///
/// # Errors
/// Fails when the vote is refused.
pub fn vote_for(causeway: &Causeway, by: &str, number: u64) -> Result<Value> {
    let text = number.to_string();
    match causeway.ask(&["member", "vote", &text, "--by", by]) {
        Ok(shown) => Ok(shown),
        Err(error) if is_slow(&error) => {
            eventually_within(DECIDED, &format!("the vote of {by}"), || {
                let shown = causeway.ask(&["member", "show", &text])?;
                let votes = shown["votes"].as_array().context("votes")?;
                let cast = votes.iter().any(|vote| vote["name"] == by);
                Ok(cast.then_some(shown))
            })
        }
        Err(error) => Err(error),
    }
}

/// Executes a proposal as soon as its delay is over, and waits until that is final.
///
/// # Errors
/// Fails when it is refused for another reason than its delay.
pub fn executed(causeway: &Causeway, by: &str, number: u64) -> Result<Value> {
    let text = number.to_string();
    eventually_within(DECIDED, &format!("execution of proposal {number}"), || {
        let shown = causeway.ask(&["member", "show", &text])?;
        if shown["state"] == "executed" {
            return Ok(Some(shown));
        }
        match causeway.ask(&["member", "execute", &text, "--by", by]) {
            Ok(_) => Ok(None),
            Err(error) if is_slow(&error) => Ok(None),
            // It was executed since it was shown: the next look tells.
            Err(error) if error.to_string().contains("ProposalNotIn") => Ok(None),
            Err(error) if error.to_string().contains("ExecutedTooEarly") => {
                // The chain's clock decides, and asking it costs a block.
                std::thread::park_timeout(Duration::from_secs(2));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    })
}

/// What a command that must be refused says.
///
/// # Errors
/// Fails when it succeeds, or when no answer came in time.
pub fn refused(causeway: &Causeway, command: &[&str]) -> Result<String> {
    eventually_within(
        DECIDED,
        &format!("a refusal of {command:?}"),
        || match causeway.ask(command) {
            Ok(answer) => anyhow::bail!("{command:?} was not refused: {answer}"),
            Err(error) if is_slow(&error) => Ok(None),
            Err(error) => Ok(Some(error.to_string())),
        },
    )
}

/// The answer to a question, as soon as the daemon has the time for it.
///
/// # Errors
/// Fails when it is refused, or not answered in time.
pub fn asked(causeway: &Causeway, question: &[&str]) -> Result<Value> {
    eventually_within(
        DECIDED,
        &format!("an answer to {question:?}"),
        || match causeway.ask(question) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if is_slow(&error) => Ok(None),
            Err(error) => Err(error),
        },
    )
}

/// A candidate that registers, however slow the answer is. `register` are all arguments of the command.
///
/// # Errors
/// Fails when it is refused.
pub fn stands(causeway: &Causeway, register: &[&str], endpoint: &str) -> Result<Value> {
    eventually_within(DECIDED, "the candidacy", || {
        match causeway.ask(register) {
            Ok(candidate) => return Ok(Some(candidate)),
            // The order goes on, or is done: its keys are used.
            Err(error) if is_slow(&error) || error.to_string().contains("KeyUsed") => {}
            Err(error) => return Err(error),
        }
        let election = asked(causeway, &["election", "candidates"])?;
        let all = election["candidates"].as_array().context("candidates")?;
        Ok(all.iter().find(|one| one["endpoint"] == endpoint).cloned())
    })
}

/// Whether nothing was decided yet: the order stands, and goes on.
fn is_slow(error: &anyhow::Error) -> bool {
    let text = error.to_string();
    ["(503)", "(504)", "no daemon answers"]
        .iter()
        .any(|slow| text.contains(slow))
}
