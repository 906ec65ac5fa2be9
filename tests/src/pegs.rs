//! Ways over the peg of the local profile, and what both ports hold.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    Causeway,
    books::{Books, ended},
    eventually,
    rpc::Rpc,
};

/// Begins a way over the peg, as soon as the daemon knows the time of both chains.
///
/// # Errors
/// Fails when the daemon refuses it, or dies over it.
pub fn begin(causeway: &Causeway, arguments: &[&str]) -> Result<String> {
    let start = [&["transfer", "start"][..], arguments].concat();
    let started = eventually("the daemon takes transfers", || {
        match causeway.ask(&start) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.to_string().contains("(503)") => Ok(None),
            Err(error) => Err(error),
        }
    })?;
    Ok(started["id"].as_str().context("an id")?.to_owned())
}

/// Alice's points leave the public chain.
///
/// # Errors
/// As [`begin`].
pub fn peg_in(causeway: &Causeway, amount: u64) -> Result<String> {
    let amount = format!("{amount}wei");
    begin(
        causeway,
        &[
            "--kind",
            "peg-in",
            "--from",
            "public:alice",
            "--give",
            &amount,
            "--to",
            "consortium:alice",
        ],
    )
}

/// Waits until the user's part of a peg has ended so.
///
/// # Errors
/// Fails when it has not in time, or ended otherwise.
pub fn ends(causeway: &Causeway, id: &str, outcome: &str) -> Result<Value> {
    let part = ended(causeway, id, "user")?;
    ensure!(part["outcome"] == outcome, "{part}");
    Ok(part)
}

/// Units that the vault holds, and that the mint has made.
///
/// # Errors
/// Fails when a chain does not answer.
pub fn held_and_minted(books: &Books) -> Result<(u128, u128)> {
    let (home, side) = (books.side("public")?, books.side("consortium")?);
    let port = home["peg"]["port"].as_str().context("the vault")?;
    let owner = format!("{:0>64}", port.trim_start_matches("0x"));
    let held = number(&home, &home["peg"]["asset"], &format!("0x70a08231{owner}"))?;
    let minted = number(&side, &side["peg"]["asset"], TOTAL_SUPPLY)?;
    Ok((held, minted))
}

/// What a token answers to a call.
fn number(chain: &Value, token: &Value, data: &str) -> Result<u128> {
    let rpc = Rpc::new(chain["rpc"].as_str().context("an endpoint")?)?;
    let answer = rpc.call("eth_call", json!([{ "to": token, "data": data }, "latest"]))?;
    let digits = answer.as_str().context("a word")?;
    u128::from_str_radix(digits.trim_start_matches("0x"), 16).context("a number")
}

/// Call data of ERC-20's `totalSupply()`.
const TOTAL_SUPPLY: &str = "0x18160ddd";
