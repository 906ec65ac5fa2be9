//! Words that try to leave their place, where somebody who is not trusted can put them on a chain or into the daemon: every page
//! shows them as text. The pages are those of a real daemon, followed link by link, in both languages.
//!
//! Beside the fields of [`FIELDS`], `relayer/daemon/src/api/tests/page.rs` puts such words where no chain is needed: names of
//! chains, accounts and feeds, alarms' subjects and texts, notes, forms, query parameters, headers, certificates, evidence files and
//! their names. Identifiers and feeds of devices cannot hold them (`adapters/device`: they are refused when they are made), and
//! `relayer/console/tests/pages.rs` has them in every text of every page.
#![allow(missing_docs)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy_consensus::TxEip1559;
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, Bytes, TxKind, hex};
use alloy_sol_types::SolValue as _;
use anyhow::{Context as _, Result, ensure};
use causeway_adapter_hosted::sign::sign_1559;
use causeway_stories::{
    Causeway, eventually, log,
    members::{executed, propose, stands, vote_for},
    pegs,
    rpc::{Rpc, address_of, test_key},
    settling::Pair,
    wallet,
};
use secp256k1::SecretKey;
use serde_json::{Value, json};

/// Fits where 31 bytes do: an endpoint.
const HOSTILE: &str = "<img src=x onerror=alert(1)>";
const SHOWN: &str = "&lt;img src=x onerror=alert(1)&gt;";
/// What is left of it in a symbol, which is cut.
const CUT: &str = "“<bdi>&lt;img src=x on";

/// What somebody may write, how its text begins on a page, and where it must be seen.
const FIELDS: [(&str, &str, &str); 8] = [
    ("reason of a proposal", SHOWN, "/members"),
    ("name of an organisation", SHOWN, "/members"),
    ("endpoint of a candidate", SHOWN, "/members"),
    ("note on an alarm", SHOWN, "/alarms"),
    ("act in the log", SHOWN, "/log"),
    ("text of a call's argument", SHOWN, "/chains/consortium/tx/"),
    (
        "text of an event's argument",
        SHOWN,
        "/chains/consortium/tx/",
    ),
    ("symbol of a token", CUT, "/chains/public/tx/"),
];

/// A lock of any value is an alarm, which somebody can write a note on.
const EVERY_LOCK: (&str, &str) = ("CAUSEWAY_EVENTLOG__LARGE_VALUE", "\"1\"");
/// Most pages that are followed.
const PAGES: usize = 250;

/// A contract that answers and says anything: whatever it is asked, this text.
fn teller(text: &str) -> Bytes {
    let data = text.to_owned().abi_encode();
    let word = |number: usize| hex::encode(&(number as u32).to_be_bytes()[2..]);
    let length = word(data.len());
    // Copies what follows it into memory, logs it, returns it.
    let code = format!("61{length}601460003961{length}6000a061{length}6000f3");
    let runtime = [hex::decode(code).unwrap_or_default(), data].concat();
    let begin = format!("61{}80600c6000396000f3", word(runtime.len()));
    [hex::decode(begin).unwrap_or_default(), runtime]
        .concat()
        .into()
}

/// Somebody with a wallet of his own.
struct Stranger {
    key: SecretKey,
    rpc: Rpc,
    chain_id: u64,
    nonce: u64,
}

impl Stranger {
    fn on(pair: &Pair, causeway: &Causeway) -> Result<Self> {
        let key = test_key("a stranger with hostile words");
        let mut gift = pair.wallet(causeway, "alice", "public")?;
        gift["to"] = json!(address_of(&key));
        gift["amount"] = json!("20000000000000000000");
        wallet("fund.mjs", &gift)?;
        Ok(Self {
            key,
            rpc: pair.rpc("public")?,
            chain_id: pair.id("public")?,
            nonce: 0,
        })
    }

    /// The receipt of a transaction.
    fn sends(&mut self, to: TxKind, input: Bytes) -> Result<Value> {
        let tx = TxEip1559 {
            chain_id: self.chain_id,
            nonce: self.nonce,
            gas_limit: 8_000_000,
            max_fee_per_gas: 100_000_000_000,
            max_priority_fee_per_gas: 1,
            to,
            input,
            ..Default::default()
        };
        self.nonce += 1;
        let raw: Bytes = sign_1559(&self.key, tx).encoded_2718().into();
        let hash = self.rpc.call("eth_sendRawTransaction", json!([raw]))?;
        let receipt = eventually("a receipt", || {
            let receipt = self.rpc.call("eth_getTransactionReceipt", json!([hash]));
            Ok(receipt.ok().filter(Value::is_object))
        })?;
        ensure!(receipt["status"] == "0x1", "{receipt}");
        Ok(receipt)
    }

    /// Deploys a token of this symbol and calls it; the call's transaction.
    fn token(&mut self, symbol: &str) -> Result<String> {
        let made = self.sends(TxKind::Create, teller(symbol))?;
        let at: Address = serde_json::from_value(made["contractAddress"].clone())?;
        let called = self.sends(TxKind::Call(at), Bytes::new())?;
        let hash = called["transactionHash"].as_str().context("a hash")?;
        Ok(hash.to_owned())
    }
}

/// Nothing of what somebody wrote became part of the page.
fn is_harmless(text: &str) -> bool {
    let lower = text.to_lowercase();
    let scripts = lower.matches("<script").count();
    scripts == lower.matches("<script src=\"/assets/").count()
        && lower.matches("<img").count() == lower.matches("<img src=\"/assets/").count()
        && !lower.contains("style=")
        && !lower.contains("<style")
        && !lower.contains("javascript:")
        // An address may stand there as text; nothing leads to it or loads it.
        && !lower.contains("=\"http")
        && !lower.contains("=http")
        && !lower.contains("url(")
}

/// Addresses of pages that a page leads to.
fn links(text: &str) -> impl Iterator<Item = String> {
    let outside = ["/assets/", "/v1/", "/api", "/metrics", "/openapi"];
    let found = text.split("href=\"").skip(1);
    let found = found.filter_map(|rest| rest.split('"').next());
    let found = found.filter(|link| link.starts_with('/'));
    found
        .filter(move |link| !outside.iter().any(|part| link.starts_with(part)))
        .map(|link| link.replace("&amp;", "&"))
}

/// Follows all links from these pages on, newest found first where there are too many; every page by its address.
fn followed(causeway: &Causeway, from: Vec<String>) -> Result<BTreeMap<String, String>> {
    let mut seen: BTreeSet<String> = from.iter().cloned().collect();
    let mut waiting: VecDeque<String> = from.into();
    let mut pages = BTreeMap::new();
    while let Some(path) = waiting.pop_front() {
        if pages.len() == PAGES {
            break;
        }
        // What is pruned, or not final yet, is a page as well, but one that is refused.
        let Ok(page) = causeway.get(&path) else {
            continue;
        };
        for link in links(&page) {
            if seen.insert(link.clone()) {
                waiting.push_back(link);
            }
        }
        pages.insert(path, page);
    }
    Ok(pages)
}

#[test]
fn hostile_words_on_the_chains_are_text_on_every_page() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[EVERY_LOCK])?;
    let pair = Pair::of(&causeway)?;

    // Into the registry, by a member; into the election, by anybody with a deposit.
    let stranger = address_of(&test_key("an organisation")).to_string();
    let admit = ["admit", "--name", HOSTILE, "--account", &stranger];
    let admitted = propose(&causeway, "member1", HOSTILE, &admit)?;
    for by in ["member2", "member3"] {
        vote_for(&causeway, by, admitted).with_context(|| daemon.tail())?;
    }
    let path = |name: &str| causeway.dir().join(name).to_string_lossy().into_owned();
    let (keystore, password) = (path("candidate.json"), path("candidate.password"));
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
        "election", "register", "--owner", "alice", "--deposit", "1000", "--keystore", &keystore,
        "--password-file", &password, "--endpoint", HOSTILE,
    ];
    let candidate = stands(&causeway, &register, HOSTILE).with_context(|| daemon.tail())?;
    ensure!(candidate["endpoint"] == HOSTILE, "{candidate}");

    // Into contracts of somebody's own; into a note.
    let mut somebody = Stranger::on(&pair, &causeway)?;
    let token = somebody.token(HOSTILE)?;
    let huge = somebody.token(&HOSTILE.repeat(300))?;
    #[rustfmt::skip]
    pegs::begin(&causeway, &[
        "--from", "public:alice", "--give", "5", "--counterparty", "bob",
        "--to", "consortium:alice", "--want", "5",
    ])?;
    let alarm = eventually("an alarm of a large value", || {
        let list = causeway.ask(&["alarm", "list"])?;
        let alarms = list["alarms"].as_array().context("alarms")?;
        let found = alarms.iter().find(|alarm| alarm["rule"] == "large_value");
        Ok(found.map(|alarm| alarm["id"].to_string()))
    })
    .with_context(|| daemon.tail())?;
    causeway.ask(&["alarm", "ack", &alarm, "--note", HOSTILE])?;
    executed(&causeway, "member4", admitted).with_context(|| daemon.tail())?;
    let proposed = eventually("the proposal and the note in the log", || {
        let noted = log::entries(&causeway, &["--kind", "alarm_acknowledged"])?;
        let proposed = log::entries(&causeway, &["--kind", "Proposed"])?;
        let first = proposed.first().filter(|_| !noted.is_empty());
        Ok(first.and_then(|entry| entry["tx"].as_str().map(str::to_owned)))
    })?;

    for lang in ["en", "zh"] {
        let first = format!("/members?lang={lang}");
        let from = [
            first,
            format!("/?lang={lang}"),
            format!("/log?q=alarm_acknowledged&lang={lang}"),
            format!("/alarms?lang={lang}"),
            format!("/chains/consortium/tx/{proposed}?lang={lang}"),
            format!("/chains/public/tx/{token}?lang={lang}"),
            format!("/chains/public/tx/{huge}?lang={lang}"),
        ];
        let pages = followed(&causeway, from.to_vec())?;
        for (path, page) in &pages {
            ensure!(
                is_harmless(page),
                "{path} is not what the daemon wrote alone"
            );
        }
        for (field, shown, place) in FIELDS {
            let there: Vec<&String> = pages
                .keys()
                .filter(|path| path.starts_with(place))
                .collect();
            // A chain that was slow to answer is asked again.
            eventually(&format!("{field} on one of {there:?}"), || {
                let mut pages = there.iter().filter_map(|path| causeway.get(path).ok());
                Ok(pages.any(|page| page.contains(shown)).then_some(()))
            })
            .with_context(|| daemon.tail())?;
        }
        let huge = format!("/chains/public/tx/{huge}?lang={lang}");
        let huge = pages.get(&huge).context("the huge token's page")?;
        ensure!(!huge.contains("“<bdi>"), "a huge symbol is shown");
    }
    Ok(())
}
