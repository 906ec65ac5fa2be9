//! A regulator and a member freeze a lane by vote, at once; three members open it again, after the delay. What is sent
//! meanwhile over the lane waits or is refused, and goes on afterwards. Who, when and why stand on the chain and in the log.
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    Causeway, eventually, eventually_within, log,
    members::{DECIDED, executed, propose, refused, vote_for},
    settling::Pair,
};
use serde_json::Value;

/// Call data of ERC-20's `totalSupply()`.
const TOTAL_SUPPLY: &str = "0x18160ddd";

fn call(pair: &Pair, from: &str, to: &str) -> Result<Vec<String>> {
    let recipient = format!("{to}:{}", pair.field(to, "points_token")?);
    let arguments = [
        "message",
        "send",
        "--from",
        &format!("{from}:alice"),
        "--to",
        &recipient,
        "--call",
        "--data",
        TOTAL_SUPPLY,
    ];
    Ok(arguments.map(str::to_owned).to_vec())
}

fn send(causeway: &Causeway, pair: &Pair) -> Result<String> {
    let arguments = call(pair, "public", "consortium")?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let sent = eventually("the daemon takes messages", || {
        match causeway.ask(&arguments) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.to_string().contains("lane leads") => Ok(None),
            Err(error) if error.to_string().contains("(503)") => Ok(None),
            Err(error) => Err(error),
        }
    })?;
    Ok(sent["id"].as_str().context("an id")?.to_owned())
}

fn executed_message(causeway: &Causeway, id: &str) -> Result<()> {
    eventually_within(DECIDED, &format!("the end of message {id}"), || {
        let shown = causeway.ask(&["message", "show", id])?;
        Ok((shown["outcome"] == "executed").then_some(()))
    })
}

fn lane(causeway: &Causeway) -> Result<Value> {
    let lanes = causeway.ask(&["lane", "list"])?;
    let lanes = lanes.as_array().context("lanes")?;
    let found = lanes
        .iter()
        .find(|lane| lane["chain"] == "consortium" && lane["lane"] == 1);
    found.cloned().context("lane 1 of the consortium")
}

#[test]
fn a_lane_is_frozen_by_a_regulator_and_a_member_and_opened_by_the_members() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let pair = Pair::of(&causeway)?;
    let members = causeway.ask(&["member", "list"])?;
    let organisations = members["organisations"].as_array().context("members")?;
    let registry = &members["registry"];
    ensure!(organisations.len() == 5, "{members}");
    let validators = organisations
        .iter()
        .map(|one| one["validators"].as_array().map_or(0, Vec::len));
    ensure!(
        validators.collect::<Vec<_>>() == [1, 1, 1, 1, 0],
        "{members}"
    );
    ensure!(
        members["governs"].as_array().map(Vec::len) == Some(3),
        "validators, gateway and port: {members}"
    );
    ensure!(&lane(&causeway)?["administrator"] == registry, "{members}");

    // The freeze: nobody alone, then two of five.
    let why = "item 4 is withheld";
    let freeze = propose(&causeway, "regulator", why, &["pause", "--lane", "1"])
        .with_context(|| daemon.tail())?;
    let number = freeze.to_string();
    let alone = refused(
        &causeway,
        &["member", "execute", &number, "--by", "regulator"],
    )?;
    ensure!(alone.contains("ProposalNotIn"), "{alone}");
    ensure!(lane(&causeway)?["paused"] == false, "paused by one");
    let stranger = refused(&causeway, &["member", "vote", &number, "--by", "alice"])?;
    ensure!(stranger.contains("CallerNotAdmitted"), "{stranger}");
    let twice = refused(&causeway, &["member", "vote", &number, "--by", "regulator"])?;
    ensure!(twice.contains("VotedBefore"), "{twice}");
    let passed = vote_for(&causeway, "member2", freeze)?;
    ensure!(passed["state"] == "passed", "{passed}");
    let frozen = executed(&causeway, "member2", freeze).with_context(|| daemon.tail())?;
    ensure!(frozen["text"] == "pause lane 1", "{frozen}");
    let paused = eventually("the pause in the log", || {
        let lane = lane(&causeway)?;
        Ok(lane["paused_at"].is_u64().then_some(lane))
    })?;
    ensure!(&paused["paused_by"] == registry, "{paused}");

    // From the frozen side nothing leaves; what comes from the other side waits.
    let from_here = call(&pair, "consortium", "public")?;
    let from_here: Vec<&str> = from_here.iter().map(String::as_str).collect();
    let frozen_out = refused(&causeway, &from_here)?;
    ensure!(frozen_out.contains("LaneIsPaused"), "{frozen_out}");
    let waiting = send(&causeway, &pair).with_context(|| daemon.tail())?;

    // Opening it again: not by an observer, not by two, not in haste.
    let observer = refused(
        &causeway,
        &[
            "member",
            "propose",
            "--by",
            "regulator",
            "--why",
            "over",
            "unpause",
            "--lane",
            "1",
        ],
    )?;
    ensure!(observer.contains("RoleRefused"), "{observer}");
    let opening = propose(&causeway, "member1", "found", &["unpause", "--lane", "1"])?;
    vote_for(&causeway, "member3", opening)?;
    let two = refused(
        &causeway,
        &["member", "execute", &opening.to_string(), "--by", "member1"],
    )?;
    ensure!(two.contains("ProposalNotIn"), "{two}");
    let shown = causeway.ask(&["message", "show", &waiting])?;
    ensure!(
        shown["outcome"] != "executed",
        "over a frozen lane: {shown}"
    );
    vote_for(&causeway, "member4", opening)?;
    executed(&causeway, "member4", opening).with_context(|| daemon.tail())?;

    // What waited goes on.
    eventually("the lane runs", || {
        Ok((lane(&causeway)?["paused"] == false).then_some(()))
    })?;
    executed_message(&causeway, &waiting).with_context(|| daemon.tail())?;

    // All of it stands in the log, with the reasons.
    eventually("both decisions in the log", || {
        let count = |kind| -> Result<usize> {
            Ok(log::entries(&causeway, &["--kind", kind, "--chain", "consortium"])?.len())
        };
        let all = count("Proposed")? == 2
            && count("Voted")? == 5
            && count("Executed")? == 2
            && count("LanePaused")? == 1
            && count("LaneUnpaused")? == 1;
        Ok(all.then_some(()))
    })?;
    let shown = causeway.ask(&["member", "show", &number])?;
    ensure!(
        shown["why"] == why && shown["proposer"] == "regulator",
        "{shown}"
    );
    let verified = causeway.ask(&["log", "verify"])?;
    ensure!(verified["holds"] == true, "{verified}");
    Ok(())
}

#[test]
fn a_peg_is_frozen_and_opened_by_vote_and_bad_proposals_are_refused() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;

    let propose_by = |by: &'static str, why: &'static str, motion: &[&'static str]| {
        let head = ["member", "propose", "--by", by, "--why", why];
        refused(&causeway, &[&head[..], motion].concat())
    };
    let empty = propose_by("member1", "", &["remove", "2"])?;
    ensure!(empty.contains("1 to 1000 bytes"), "{empty}");
    let unknown = propose_by("member1", "why", &["pause", "--peg", "gold"])?;
    ensure!(unknown.contains("there are: points"), "{unknown}");
    let nobody = propose_by("nobody", "why", &["remove", "2"])?;
    ensure!(nobody.contains("by is \"nobody\""), "{nobody}");
    let outsider = propose_by("alice", "why", &["remove", "2"])?;
    ensure!(outsider.contains("CallerNotAdmitted"), "{outsider}");
    let missing = refused(&causeway, &["member", "show", "7"])?;
    ensure!(missing.contains("no proposal 7"), "{missing}");

    let freeze = propose(
        &causeway,
        "member4",
        "a drill",
        &["pause", "--peg", "points"],
    )?;
    vote_for(&causeway, "regulator", freeze)?;
    executed(&causeway, "regulator", freeze).with_context(|| daemon.tail())?;
    let opening = propose(
        &causeway,
        "member4",
        "over",
        &["unpause", "--peg", "points"],
    )?;
    for by in ["member1", "member2"] {
        vote_for(&causeway, by, opening)?;
    }
    let opened = executed(&causeway, "member1", opening).with_context(|| daemon.tail())?;

    ensure!(opened["text"] == "unpause peg points", "{opened}");
    let kinds = ["PegPaused", "PegUnpaused"];
    for kind in kinds {
        eventually(kind, || {
            let found = log::entries(&causeway, &["--kind", kind, "--chain", "consortium"])?;
            Ok((!found.is_empty()).then_some(()))
        })?;
    }
    Ok(())
}
