//! A producer in office signs two votes of one view. Anybody who has both brings them to the election: its deposit is slashed, the
//! next epoch's validators are without it, and all of it stands in the log and on the page. What is no such evidence is refused:
//! votes that do not exclude each other, votes of two validators, votes of another chain, and the same evidence again.
#![allow(missing_docs)]

use alloy_primitives::{Address, B256, keccak256};
use anyhow::{Context as _, Result, ensure};
use causeway_adapter_hosted::{
    scheme::{VoteKind, domain, vote_digest},
    spec::ChainSpec,
};
use causeway_stories::{
    Causeway, eventually_within, log,
    members::{DECIDED, asked},
    settling::Pair,
    wallet,
};
use serde_json::{Value, json};

/// Blocks of an epoch of the public chain.
const SHORT: (&str, &str) = ("CAUSEWAY_HOSTED__PUBLIC__EPOCH_BLOCKS", "100");

/// The key of a validator of the public chain that signs whatever it is asked to.
struct Equivocator {
    keys: Value,
    vote: Address,
}

impl Equivocator {
    /// The holder of the key of validator `index`.
    fn of(causeway: &Causeway, index: usize) -> Result<Self> {
        let dir = causeway.dir();
        let keystore = dir.join(format!("chains/public/validators/{index}.json"));
        let keys = json!({ "keystore": keystore, "password": dir.join("dev/password") });
        let mut equivocator = Self {
            keys,
            vote: Address::ZERO,
        };
        let answer = equivocator.signs(&[B256::ZERO])?;
        equivocator.vote = serde_json::from_value(answer["address"].clone())?;
        Ok(equivocator)
    }

    fn signs(&self, digests: &[B256]) -> Result<Value> {
        let mut orders = self.keys.clone();
        orders["digests"] = json!(digests);
        wallet("sign.mjs", &orders)
    }

    /// A vote for the block of this name, as the contract takes it.
    fn votes(&self, domain: B256, kind: VoteKind, view: u64, block: &str) -> Result<Value> {
        let block = keccak256(block);
        let digest = vote_digest(domain, kind, 0, view, view - 1, block);
        let signed = self.signs(&[digest])?;
        Ok(json!({
            "kind": kind as u8, "epoch": 0, "viewNumber": view, "parentView": view - 1,
            "blockHash": block, "signature": signed["signatures"][0],
        }))
    }
}

/// Somebody brings two votes to the election.
struct Reporter<'a> {
    causeway: &'a Causeway,
    pair: &'a Pair,
    election: &'a Value,
}

impl Reporter<'_> {
    fn reports(&self, first: &Value, second: &Value) -> Result<Value> {
        let mut orders = self.pair.wallet(self.causeway, "dave", "public")?;
        orders["contract"] = json!("Election");
        orders["address"] = self.election["contract"].clone();
        orders["method"] = json!("report");
        orders["args"] = json!([first, second]);
        wallet("act.mjs", &orders)
    }

    fn is_refused(&self, first: &Value, second: &Value, error: &str) -> Result<()> {
        let answer = self.reports(first, second)?;
        ensure!(
            answer["ok"] == false && answer["error"] == error,
            "{error} expected: {answer}"
        );
        Ok(())
    }
}

fn candidate(causeway: &Causeway, vote: Address) -> Result<Value> {
    let election = asked(causeway, &["election", "candidates"])?;
    let all = election["candidates"].as_array().context("candidates")?;
    let found = all.iter().find(|one| one["vote"] == vote.to_string());
    let number = found.map(|one| one["number"].to_string());
    asked(
        causeway,
        &["election", "score", &number.context("a candidate")?],
    )
}

#[test]
fn who_signs_twice_is_slashed_and_validates_no_more_and_innocents_are_not() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[SHORT])?;
    let pair = Pair::of(&causeway)?;
    let election = asked(&causeway, &["election", "candidates"])?;
    ensure!(election["in_office"] == true, "{election}");
    let genesis = std::fs::read(causeway.dir().join("chains/public/genesis.json"))?;
    let spec: ChainSpec = serde_json::from_slice(&genesis)?;
    let domain = domain(spec.chain_id, spec.genesis()?.0.hash());
    let (culprit, innocent) = (
        Equivocator::of(&causeway, 2)?,
        Equivocator::of(&causeway, 3)?,
    );
    let before = eventually_within(DECIDED, "the first election", || {
        let found = candidate(&causeway, culprit.vote)?;
        Ok((found["elected"] == "producer").then_some(found))
    })
    .with_context(|| daemon.tail())?;
    let number = before["number"].to_string();
    let validators = || causeway.get("/chains/public?lang=en").unwrap_or_default();
    let both = [culprit.vote, innocent.vote].map(|vote| vote.to_string());
    eventually_within(DECIDED, "both validate", || {
        let page = validators();
        Ok(both.iter().all(|vote| page.contains(vote)).then_some(()))
    })?;
    let reporter = Reporter {
        causeway: &causeway,
        pair: &pair,
        election: &election,
    };
    let notarizes = |who: &Equivocator, block| who.votes(domain, VoteKind::Notarize, 7, block);

    // Nobody is harmed by what an honest validator signs, nor by what others say of it.
    let one = notarizes(&culprit, "one")?;
    let finalizes = innocent.votes(domain, VoteKind::Finalize, 7, "one")?;
    let honest = notarizes(&innocent, "one")?;
    reporter.is_refused(&honest, &finalizes, "VotesCompatible")?;
    reporter.is_refused(&honest, &honest, "VotesCompatible")?;
    let later = innocent.votes(domain, VoteKind::Notarize, 8, "other")?;
    reporter.is_refused(&honest, &later, "VotesCompatible")?;
    let other = notarizes(&culprit, "other")?;
    reporter.is_refused(&honest, &other, "VotesOfTwo")?;
    let elsewhere = innocent.votes(keccak256("another chain"), VoteKind::Notarize, 7, "other")?;
    let mixed = reporter.reports(&honest, &elsewhere)?;
    ensure!(mixed["ok"] == false, "{mixed}");
    let mut forged = other.clone();
    forged["signature"] = honest["signature"].clone();
    let forged = reporter.reports(&one, &forged)?;
    ensure!(forged["ok"] == false, "{forged}");
    let unharmed = candidate(&causeway, innocent.vote)?;
    ensure!(unharmed["state"] == "running", "{unharmed}");

    // Two blocks of one view: that is enough, once.
    let slashed = reporter.reports(&one, &other)?;
    ensure!(slashed["ok"] == true, "{slashed}: {}", daemon.tail());
    reporter.is_refused(&one, &other, "NothingAtStake")?;
    reporter.is_refused(&other, &one, "NothingAtStake")?;

    let after = eventually_within(DECIDED, "the slashed candidate", || {
        let found = asked(&causeway, &["election", "score", &number])?;
        Ok((found["state"] == "slashed").then_some(found))
    })
    .with_context(|| daemon.tail())?;
    ensure!(before["deposit"] != "0", "{before}");
    ensure!(
        after["deposit"] == "0" && after["elected"].is_null(),
        "{after}"
    );
    let paid = asked(&causeway, &["election", "history"])?;
    let told = paid.as_array().context("a history")?.iter();
    let mut told = told.filter(|event| event["kind"] == "ProducerSlashed");
    let event = told.next().context("the event in the history")?;
    let text = event["text"].as_str().unwrap_or_default();
    ensure!(text.starts_with(&format!("candidate {number} ")), "{event}");

    // The next epoch begins without it, and the chain goes on.
    eventually_within(DECIDED, "an epoch of the others", || {
        let page = validators();
        let [culprit, innocent] = &both;
        Ok((page.contains(innocent) && !page.contains(culprit)).then_some(()))
    })
    .with_context(|| daemon.tail())?;
    let entries = log::entries(&causeway, &["--kind", "ProducerSlashed"])?;
    ensure!(entries.len() == 1, "{entries:?}");
    let tx = entries[0]["tx"].as_str().context("a transaction")?;
    for (path, shown) in [
        ("/log?q=ProducerSlashed&lang=en", tx),
        ("/members?lang=en", "5 / 6"),
    ] {
        eventually_within(DECIDED, &format!("{shown} on {path}"), || {
            let page = causeway.get(path).unwrap_or_default();
            Ok(page.contains(shown).then_some(()))
        })
        .with_context(|| daemon.tail())?;
    }
    let verified = causeway.ask(&["log", "verify"])?;
    ensure!(verified["holds"] == true, "{verified}");
    Ok(())
}
