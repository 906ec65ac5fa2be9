//! A peg of a token that loses units by itself. The daemon is killed at every persist point of the supply statement, sees
//! at its next start that the statement (V1) does not hold, says so everywhere, and pauses both ports: nothing more goes over.
#![allow(missing_docs)]

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    Causeway, Daemon,
    books::Books,
    eventually,
    pegs::{begin, ends},
    root, wallet,
};
use serde_json::{Value, json};

const AMOUNT: u64 = 1_000;
const ZERO: &str = "0x0000000000000000000000000000000000000000";
/// Names in `relayer/daemon/src/store/fault.rs`.
const POINTS: [&str; 2] = ["supply_read", "supply_stated"];

/// The local profile and `[pegs.gold]`, which the watchtower's account guards and carries.
fn configured(causeway: &Causeway, books: &Books, peg: &Value) -> Result<PathBuf> {
    let client = |chain: &str| -> Result<Value> { Ok(books.side(chain)?["peg"]["client"].take()) };
    let text = format!(
        "{}\n[pegs.gold]\nguardian = \"watchtower\"\ncarrier = \"watchtower\"\n\
         [pegs.gold.home]\nchain = \"public\"\nport = {}\nasset = {}\nlight_client = {}\n\
         [pegs.gold.side]\nchain = \"consortium\"\nport = {}\nasset = {}\nlight_client = {}\n",
        fs::read_to_string(root().join("config/local.toml"))?,
        peg["vault"],
        peg["token"],
        client("public")?,
        peg["mint"],
        peg["pegged"],
        client("consortium")?,
    );
    let file = causeway.dir().join("gold.toml");
    fs::write(&file, text)?;
    Ok(file)
}

fn start<'a>(token: &'a str, amount: &'a str) -> [&'a str; 12] {
    let to = "consortium:alice";
    [
        "--kind",
        "peg-in",
        "--from",
        "public:alice",
        "--give",
        amount,
        "--give-asset",
        token,
        "--to",
        to,
        "--window",
        "600",
    ]
}

/// The newest statement of a list about gold.
fn gold(list: &Value) -> Result<Value> {
    let statements = list["statements"].as_array().context("statements")?;
    let found = statements.iter().find(|view| view["peg"] == "gold");
    found.cloned().context("a statement about gold")
}

/// What the port of a chain says, asked without sending, to an opening that proves nothing.
fn opening(causeway: &Causeway, books: &Books, chain: &str, port: (&str, &Value)) -> Result<Value> {
    let dev = causeway.dir().join("dev");
    let side = books.side(chain)?;
    let lock = json!({
        "hashlock": format!("0x{:064x}", 1), "sender": ZERO, "recipient": ZERO, "token": ZERO,
        "amount": 1, "deposit": 0, "terms": 0, "hooks": ZERO,
    });
    let checkpoint = json!({ "height": 1, "timestamp": 1, "stateRoot": format!("0x{:064x}", 1) });
    wallet(
        "act.mjs",
        &json!({
            "keystore": dev.join("accounts/carol.json"), "password": dev.join("password"),
            "rpc": side["rpc"], "chainId": side["chainId"], "contract": port.0, "address": port.1,
            "method": "open", "view": true,
            "args": [lock, { "recipient": ZERO, "nonce": 0 }, checkpoint, [], []],
        }),
    )
}

/// Dies at a persist point of the statement.
fn dies_at(causeway: &Causeway, fault: &str) -> Result<()> {
    match causeway.up(&[("CAUSEWAY_CRASH_AT", fault)]) {
        Ok(mut daemon) => {
            let status = daemon.ended();
            let status = status.with_context(|| format!("{fault} was not reached"))?;
            ensure!(
                status.code().is_none(),
                "{fault}: ended by itself, {status}"
            );
        }
        // Killed before it was ready; a point it does not know would end it with a code.
        Err(error) => ensure!(error.to_string().contains("ended with signal"), "{error}"),
    }
    Ok(())
}

/// A peg-in of gold goes over, and the statement covers it.
fn one_goes_over(causeway: &Causeway, daemon: &Daemon, token: &str) -> Result<()> {
    let id = begin(causeway, &start(token, "1000wei")).with_context(|| daemon.tail())?;
    ends(causeway, &id, "completed").with_context(|| daemon.tail())?;
    let whole = AMOUNT.to_string();
    eventually("the statement covers it", || {
        let list = causeway.ask(&["supply"]).ok();
        let stated = list.and_then(|list| gold(&list).ok());
        Ok(stated.filter(|gold| {
            gold["holds"] == true && gold["books"]["held"] == whole && gold["surplus"] == "0"
        }))
    })
    .with_context(|| daemon.tail())
    .map(drop)
}

#[test]
fn v1_a_token_that_shrinks_by_itself_pauses_both_ports_and_nothing_goes_over_any_more() -> Result<()>
{
    let mut causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let books = Books::open(&causeway)?;
    let dev = causeway.dir().join("dev");
    let carol =
        json!({ "keystore": dev.join("accounts/carol.json"), "password": dev.join("password") });
    let mut orders = carol.clone();
    (orders["home"], orders["side"]) = (books.side("public")?, books.side("consortium")?);
    orders["guardian"] = books.address("watchtower")?.into();
    orders["holder"] = books.address("alice")?.into();
    orders["amount"] = (10 * AMOUNT).to_string().into();
    let peg = wallet("broken_peg.mjs", &orders).with_context(|| daemon.tail())?;
    let token = peg["token"].as_str().context("a token")?.to_owned();
    daemon.kill()?;
    let file = configured(&causeway, &books, &peg)?;
    causeway.set("CAUSEWAY_CONFIG", file);

    for point in POINTS {
        for edge in ["before", "after"] {
            dies_at(&causeway, &format!("{point}.{edge}"))?;
        }
    }
    let daemon = causeway.up(&[])?;
    one_goes_over(&causeway, &daemon, &token)?;
    let books = Books::open(&causeway)?;
    let ports = [
        ("consortium", ("PegMint", &peg["mint"])),
        ("public", ("PegVault", &peg["vault"])),
    ];
    for (chain, port) in ports {
        let said = opening(&causeway, &books, chain, port)?;
        ensure!(
            said["ok"] == false && said["error"] != "PegIsPaused",
            "{said}"
        );
    }

    // The token loses units. Whether the daemon sees it now or after it was killed is all the same.
    let public = books.side("public")?;
    let mut shrink = carol;
    (shrink["rpc"], shrink["chainId"]) = (public["rpc"].clone(), public["chainId"].clone());
    (shrink["contract"], shrink["address"]) = ("ShrinkingToken".into(), token.as_str().into());
    (shrink["method"], shrink["args"]) = ("shrink".into(), json!([]));
    let shrunk = wallet("act.mjs", &shrink)?;
    ensure!(shrunk["ok"] == true, "{shrunk}");
    daemon.kill()?;
    dies_at(&causeway, "supply_stated.after")?;

    let daemon = causeway.up(&[])?;
    let paused = eventually("both ports are paused", || {
        let list: Value = serde_json::from_str(&causeway.get("/v1/supply")?)?;
        let stated = gold(&list).ok();
        Ok(stated.filter(|gold| gold["home"]["paused"] == true && gold["side"]["paused"] == true))
    });
    let paused = paused.with_context(|| daemon.tail())?;
    ensure!(
        paused["holds"] == false && paused["finding"] == "short",
        "{paused}"
    );
    let missing = (AMOUNT / 2).to_string();
    ensure!(paused["missing"] == missing, "{paused}");
    let told = gold(&causeway.ask_alarmed(&["supply"])?)?;
    ensure!(told["finding"] == "short", "{told}");
    let metrics = causeway.get("/metrics")?;
    for line in [
        "causeway_supply_holds{peg=\"gold\"} 0",
        // Another peg is not touched.
        "causeway_supply_holds{peg=\"points\"} 1",
    ] {
        ensure!(
            metrics.lines().any(|found| found == line),
            "no {line} in {metrics}"
        );
    }
    // Nothing goes over: the daemon begins nothing, and the contracts open nothing for anyone.
    let refusal = begin(&causeway, &start(&token, "1wei")).err();
    let refusal = refusal.context("a peg-in over a paused port begins")?;
    ensure!(refusal.to_string().contains("is paused"), "{refusal}");
    let books = Books::open(&causeway)?;
    for (chain, port) in ports {
        let said = opening(&causeway, &books, chain, port)?;
        ensure!(said["error"] == "PegIsPaused", "{said}");
    }
    Ok(())
}
