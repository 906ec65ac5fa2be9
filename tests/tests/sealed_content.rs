//! Alice seals the figures of a delivery for bob and herself. The regulator sees digest and parties and reads nothing, until
//! the members vote and enough of them release their shares; one who gives a wrong share is named and not needed. Another
//! content stays closed, and every opening stands in the log.
#![allow(missing_docs)]

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    Causeway, eventually, eventually_within, log,
    members::{DECIDED, executed, propose, refused, vote_for},
    settling::{Pair, Private},
    wallet,
};
use serde_json::Value;

const SUBJECT: &str = "0x5d00000000000000000000000000000000000000000000000000000000000001";

/// Does something that waits for a final block, again while the daemon is too slow to tell.
fn done(causeway: &Causeway, command: &[&str]) -> Result<Value> {
    eventually_within(DECIDED, &format!("{command:?}"), || {
        match causeway.ask(command) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => {
                let text = error.to_string();
                let is_slow = ["(503)", "(504)", "no daemon answers"];
                // It happened before the daemon could tell.
                let has_been = text.contains("ReleasedBefore");
                if has_been || is_slow.iter().any(|slow| text.contains(slow)) {
                    return Ok(has_been.then_some(Value::Null));
                }
                Err(error)
            }
        }
    })
}

/// What an account opens, or why it does not.
fn opened(causeway: &Causeway, account: &str, id: &str, out: &Path) -> Result<Value> {
    let dev = causeway.dir().join("dev");
    let keystore = dev.join(format!("accounts/{account}.json"));
    let path = |path: &Path| path.to_string_lossy().into_owned();
    causeway.ask(&[
        "seal",
        "open",
        id,
        "--keystore",
        &path(&keystore),
        "--password-file",
        &path(&dev.join("password")),
        "--out",
        &path(out),
    ])
}

fn not_opened(causeway: &Causeway, account: &str, id: &str, out: &Path) -> Result<String> {
    match opened(causeway, account, id, out) {
        Ok(answer) => anyhow::bail!("{account} opened {id}: {answer}"),
        Err(error) => {
            ensure!(!out.exists(), "{} was written", out.display());
            Ok(error.to_string())
        }
    }
}

fn sealed(causeway: &Causeway, file: &str) -> Result<String> {
    #[rustfmt::skip]
    let put = ["seal", "put", file, "--by", "alice", "--party", "bob", "--subject", SUBJECT];
    let view = causeway.ask(&put)?;
    Ok(view["content"].as_str().context("an id")?.to_owned())
}

/// A member gives eighty bytes that are no share, past the daemon.
fn forges(causeway: &Causeway, pair: &Pair, member: &str, view: &Value) -> Result<()> {
    let mut orders = pair.wallet(causeway, member, "consortium")?;
    orders["contract"] = "SealedContent".into();
    orders["address"] = view["contract"].clone();
    orders["method"] = "release".into();
    let grant = view["openings"][0]["grant"].as_u64().context("a grant")?;
    orders["args"] = serde_json::json!([grant, format!("0x{}", "07".repeat(80))]);
    let told = wallet("act.mjs", &orders)?;
    ensure!(told["ok"] == true, "{told}");
    Ok(())
}

/// Files of a directory and below that hold some bytes.
fn holding(dir: &Path, secret: &[u8]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(holding(&path, secret)?);
            continue;
        }
        // A running daemon replaces some of them.
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        if bytes.windows(secret.len()).any(|window| window == secret) {
            found.push(path);
        }
    }
    Ok(found)
}

#[test]
fn a_sealed_content_is_opened_by_vote_and_another_stays_closed() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let pair = Pair::of(&causeway)?;
    let private = Private::new()?;
    let (receipt, order) = (private.path("receipt"), private.path("order"));
    let outside = tempfile::tempdir()?;
    let out = |name: &str| outside.path().join(name);

    // Nothing is sealed before enough members can hold a share.
    #[rustfmt::skip]
    let early = refused(&causeway, &["seal", "put", &receipt, "--by", "alice"])?;
    ensure!(
        early.contains("members have published a sealing key"),
        "{early}"
    );
    for account in [
        "member1",
        "member2",
        "member3",
        "member4",
        "regulator",
        "alice",
    ] {
        done(&causeway, &["seal", "key", "--by", account]).with_context(|| daemon.tail())?;
    }
    let keyless = refused(
        &causeway,
        &["seal", "put", &receipt, "--by", "alice", "--party", "bob"],
    )?;
    ensure!(
        keyless.contains("has published no sealing key"),
        "{keyless}"
    );
    done(&causeway, &["seal", "key", "--by", "bob"])?;

    let id = sealed(&causeway, &receipt).with_context(|| daemon.tail())?;
    let closed = sealed(&causeway, &order).with_context(|| daemon.tail())?;
    let content = std::fs::read(&receipt)?;

    // The regulator sees who and what, and reads nothing; no member does; the parties do.
    let view = causeway.ask(&["seal", "show", &id])?;
    ensure!(view["needed"] == 3 && view["subject"] == SUBJECT, "{view}");
    ensure!(
        view["parties"].as_array().map(Vec::len) == Some(2),
        "{view}"
    );
    ensure!(
        view["holders"].as_array().map(Vec::len) == Some(4),
        "{view}"
    );
    for account in ["regulator", "member1"] {
        let why = not_opened(&causeway, account, &id, &out("none"))?;
        ensure!(why.contains("is not opened to"), "{why}");
    }
    for account in ["alice", "bob"] {
        opened(&causeway, account, &id, &out(account))?;
        ensure!(std::fs::read(out(account))? == content, "{account}");
    }
    let ungranted = refused(&causeway, &["seal", "release", &id, "--by", "member1"])?;
    ensure!(ungranted.contains("never opened by a vote"), "{ungranted}");
    let unknown = refused(&causeway, &["seal", "show", SUBJECT])?;
    ensure!(unknown.contains("no content"), "{unknown}");

    // The vote: not the regulator's own.
    let list = causeway.ask(&["member", "list"])?;
    let organisations = list["organisations"].as_array().context("members")?;
    let regulator = organisations.iter().find(|o| o["name"] == "regulator");
    let number = regulator.context("a regulator")?["number"].to_string();
    let why = "the quantities of this delivery are disputed";
    let opening = ["open-sealed", id.as_str(), "--to", number.as_str()];
    #[rustfmt::skip]
    let by_itself = [&["member", "propose", "--by", "regulator", "--why", why][..], &opening].concat();
    let by_itself = refused(&causeway, &by_itself)?;
    ensure!(by_itself.contains("RoleRefused"), "{by_itself}");
    let proposal = propose(&causeway, "member1", why, &opening).with_context(|| daemon.tail())?;
    for member in ["member2", "member3"] {
        vote_for(&causeway, member, proposal)?;
    }
    executed(&causeway, "member1", proposal).with_context(|| daemon.tail())?;

    // One share is not enough, and is given once.
    done(&causeway, &["seal", "release", &id, "--by", "member1"]).with_context(|| daemon.tail())?;
    let twice = refused(&causeway, &["seal", "release", &id, "--by", "member1"])?;
    ensure!(twice.contains("ReleasedBefore"), "{twice}");
    let alone = not_opened(&causeway, "regulator", &id, &out("none"))?;
    ensure!(alone.contains("1 shares are good, 3 are needed"), "{alone}");
    let party = refused(&causeway, &["seal", "release", &id, "--by", "alice"])?;
    ensure!(party.contains("no holder of a share"), "{party}");

    // A wrong share is named and left out.
    let view = causeway.ask(&["seal", "show", &id])?;
    forges(&causeway, &pair, "member2", &view)?;
    done(&causeway, &["seal", "release", &id, "--by", "member3"]).with_context(|| daemon.tail())?;
    let forged = eventually("the wrong share is there", || {
        let why = not_opened(&causeway, "regulator", &id, &out("none"))?;
        Ok(why.contains("the share of member2").then_some(why))
    })?;
    ensure!(
        forged.contains("2 shares are good, 3 are needed"),
        "{forged}"
    );
    done(&causeway, &["seal", "release", &id, "--by", "member4"]).with_context(|| daemon.tail())?;
    let answer = opened(&causeway, "regulator", &id, &out("opened"))?;
    ensure!(
        answer["left_out"].to_string().contains("member2"),
        "{answer}"
    );
    ensure!(std::fs::read(out("opened"))? == content, "other bytes");
    let mode = std::fs::metadata(out("opened"))?.permissions().mode();
    ensure!(mode & 0o077 == 0, "others may read it: {mode:o}");
    let again = opened(&causeway, "regulator", &id, &out("opened"));
    ensure!(again.is_err(), "a file was overwritten");

    // The other content, and everybody else, are as before.
    let other = not_opened(&causeway, "regulator", &closed, &out("none"))?;
    ensure!(other.contains("is not opened to"), "{other}");
    let member = not_opened(&causeway, "member1", &id, &out("none"))?;
    ensure!(member.contains("is not opened to"), "{member}");

    // Who, when and why: on the chain and in the log.
    eventually("the opening in the log", || {
        let count = |kind| -> Result<usize> {
            Ok(log::entries(&causeway, &["--kind", kind, "--chain", "consortium"])?.len())
        };
        let all = count("ContentSealed")? == 2
            && count("OpeningGranted")? == 1
            && count("ShareReleased")? == 4;
        Ok(all.then_some(()))
    })?;
    let view = causeway.ask(&["seal", "show", &id])?;
    let told = &view["openings"][0];
    ensure!(told["why"] == why && told["proposal"] == proposal, "{view}");
    ensure!(
        told["name"] == "regulator" && told["granted_at"].is_u64(),
        "{view}"
    );
    let verified = causeway.ask(&["log", "verify"])?;
    ensure!(verified["holds"] == true, "{verified}");

    // Chains, database and logs of the daemon hold nothing of it.
    for (file, word) in [(&receipt, "three bundles"), (&order, "cathode copper")] {
        let found = holding(outside_of(file)?, word.as_bytes())?;
        ensure!(!found.is_empty(), "the search finds nothing where it is");
        let found = holding(causeway.dir(), word.as_bytes())?;
        ensure!(found.is_empty(), "{word} stands in {found:?}");
    }
    Ok(())
}

fn outside_of(file: &str) -> Result<&Path> {
    Path::new(file).parent().context("a directory")
}
