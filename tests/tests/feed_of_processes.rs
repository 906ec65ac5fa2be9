//! A feed of four companies: each operator a process of its own, with its own key, database and view of the devices, outside
//! the local profile. One is killed and comes back, then another one goes: the feed goes on, what the device measured
//! meanwhile drains to who was away, and no round has two answers.
#![allow(missing_docs)]

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use causeway_adapter_device::ingest::answer::Answer;
use causeway_stories::{
    Causeway,
    devices::{Device, FEED, post},
    eventually,
    operators::{Club, OWNER, READER},
    settling::Pair,
};
use serde_json::Value;

const CHAINS: [&str; 2] = ["public", "consortium"];

struct Story<'a> {
    club: &'a Club,
    device: &'a Device<'a>,
    measured: u64,
}

impl Story<'_> {
    /// Measures the same until every operator that runs sees it answered on both chains, in a round after the last.
    fn answered(&mut self, what: &str, value: &str) -> Result<()> {
        let before = self.club.at(0).sees("public")?;
        let before = before["answer"]["round"].as_u64().unwrap_or_default();
        let mut measured = 0;
        let seen = eventually(what, || {
            self.device.measure([value.to_owned()])?;
            measured += 1;
            std::thread::park_timeout(Duration::from_millis(500));
            for place in 0..4 {
                let operator = self.club.at(place);
                for chain in CHAINS {
                    if !operator.runs() {
                        continue;
                    }
                    let end = operator.sees(chain)?;
                    let round = end["answer"]["round"].as_u64().unwrap_or_default();
                    if round <= before || end["answer"]["value"] != value {
                        return Ok(None);
                    }
                }
            }
            Ok(Some(()))
        });
        self.measured += measured;
        seen.with_context(|| self.club.tails())
    }

    fn pending(&self) -> Result<u64> {
        let text = fs::read_to_string(self.device.dir.join("health.json"))?;
        let health: Value = serde_json::from_str(&text)?;
        health["pending"].as_u64().context("how many wait")
    }

    /// Nothing waits beside the sensor, and this operator has every reading, in order.
    fn drained(&self, place: usize) -> Result<()> {
        let (operator, did) = (self.club.at(place), &self.device.did);
        operator.has(did, self.measured)?;
        let limit = self.measured.min(256);
        let stored = operator.stored(did, limit)?;
        ensure!(stored == (1..=limit).collect::<Vec<_>>(), "{stored:?}");
        eventually("nothing waits beside the sensor", || {
            Ok((self.pending()? == 0).then_some(()))
        })
    }
}

#[test]
fn a_feed_of_four_processes_goes_on_when_one_is_killed_and_its_readings_drain_to_it_afterwards()
-> Result<()> {
    let host = Causeway::new()?;
    // The host serves chains, and carries messages between them; its own operators have nothing to do with this feed.
    let without = "[\"operator2\", \"operator3\", \"operator4\"]";
    let hosting = host.up(&[("CAUSEWAY_ORACLE__WITHOUT", without)])?;
    let pair = Pair::of(&host)?;
    let club = Club::found(&host, &pair);
    let club = club.with_context(|| hosting.tail())?;
    let (north, devices) = (&club.at(0).causeway, club.devices());
    let device = Device::admit_of(north, "10.cold.31", OWNER, Some(&devices));
    let device = device.with_context(|| format!("{}\n{}", hosting.tail(), club.tails()))?;
    club.send_to_all(&device.dir)?;
    // An operator that has not read of the admission yet refuses, and is asked again.
    let _beside = device.run()?;
    let mut story = Story {
        club: &club,
        device: &device,
        measured: 0,
    };

    story.answered("the first answer", "4.25")?;
    let home = story.club.at(3).sees("public")?;
    ensure!(home["answer"]["signers"].as_u64() >= Some(3), "{home}");

    // One of four is killed: the feed goes on, through a round that it would have led; its readings wait.
    story.club.at(2).kill()?;
    for value in ["5.25", "4.50", "5.50", "4.75"] {
        story.answered("an answer of three", value)?;
    }
    eventually("readings wait for who is away", || {
        Ok((story.pending()? > 0).then_some(()))
    })?;
    story.club.at(2).up()?;
    story.drained(2)?;

    // Another one goes: there is no quorum without who came back.
    story.club.at(1).kill()?;
    for value in ["6.25", "5.50"] {
        story.answered("an answer with the operator that came back", value)?;
    }
    story.club.at(1).up()?;
    story.drained(1)?;
    story.answered("an answer of all four", "4.25")?;

    one_history(story.club)?;
    reads_are_sold_one_by_one(story.club, &device.did)?;
    two_faces_are_seen_by_whoever_asks_two_operators(story.club)
}

/// A `TwoFacedDevice` says one thing to one operator and another to the next: neither has evidence, and a reader who asks
/// both has.
fn two_faces_are_seen_by_whoever_asks_two_operators(club: &Club) -> Result<()> {
    let (north, devices) = (&club.at(0).causeway, club.devices());
    let device = Device::admit_of(north, "10.cold.32", OWNER, Some(&devices))?;
    let faces = device.two_faced()?.faces([410, 790]);
    let runtime = tokio::runtime::Runtime::new()?;
    let mut files = Vec::new();
    for (place, face) in faces.into_iter().enumerate() {
        let operator = club.at(place);
        // An operator that has not read of the admission yet refuses.
        eventually("a face is stored", || {
            let answer = runtime.block_on(async {
                let mut client = device.client(operator.readings_port())?;
                post(&mut client, &[face]).await
            })?;
            match answer {
                Answer::Accepted(_) => Ok(Some(())),
                Answer::Refused(problem) if problem.refused == "replayed" => Ok(Some(())),
                Answer::Refused(problem) => {
                    let early = ["certificate_unknown", "device_unknown"];
                    ensure!(early.contains(&problem.refused.as_str()), "{problem:?}");
                    Ok(None)
                }
            }
        })?;
        let shown = operator
            .causeway
            .ask(&["reading", "show", &device.did, "1"])?;
        let file = device.dir.join(format!("face{place}.json"));
        fs::write(&file, shown.to_string())?;
        files.push(file.display().to_string());
    }
    let slash = ["device", "slash", &device.did, "--by", READER];
    let unseen = north.ask(&slash);
    ensure!(unseen.is_err_and(|e| e.to_string().contains("no operator here has evidence")));
    let with = |first: &str, second: &str| {
        let readings = ["--reading", first, "--reading", second];
        north.ask(&[&slash[..], &readings].concat())
    };
    let same = with(&files[0], &files[0]);
    ensure!(same.is_err_and(|e| e.to_string().contains("do not contradict")));

    let slashed = with(&files[1], &files[0])?;
    ensure!(slashed["state"] == "slashed", "{slashed}");
    let withdraw = ["device", "withdraw", &device.did, "--by", READER];
    let paid = north.ask(&withdraw)?;
    // A fifth of ten points.
    ensure!(paid["amount"] == "2000000000000000000", "{paid}");
    Ok(())
}

/// A member reads what he paid for, and no more.
fn reads_are_sold_one_by_one(club: &Club, did: &str) -> Result<()> {
    let list = |limit: &str| club.ask_as_reader(&["reading", "list", did, "--limit", limit]);
    let refused = |limit: &str, why: &str| match list(limit) {
        Ok(page) => bail!("served: {page}"),
        Err(error) => {
            let said = error.to_string();
            ensure!(said.contains(why), "{said}");
            Ok(())
        }
    };
    let buy = |what: &[&str]| {
        let market = [
            "market", "buy", "--owner", OWNER, "--feed", FEED, "--by", READER,
        ];
        club.ask_as_reader(&[&market, what].concat())
    };
    refused("1", "has not offered it")?;
    let market = ["market", "offer", "--feed", FEED, "--by", OWNER, "--access"];
    let offered = ["paid", "--price-per-read", "0.01"];
    let offer = club.at(0).causeway.ask(&[&market[..], &offered].concat())?;
    ensure!(offer["price_per_read"] == "10000000000000000", "{offer}");
    refused("1", "does not include you")?;
    let no_subscription = buy(&["--periods", "1"]);
    ensure!(no_subscription.is_err_and(|e| e.to_string().contains("sells none of that")));

    let bought = buy(&["--reads", "3"])?;
    ensure!(
        bought["reads_bought"] == 3 && bought["reads_used"] == 0,
        "{bought}"
    );
    for (limit, served) in [("2", 2), ("2", 1)] {
        let page = list(limit)?;
        let readings = page["readings"].as_array().context("readings")?;
        ensure!(readings.len() == served, "{page}");
    }
    refused("2", "used up")?;
    refused("1", "used up")?;
    let bought = buy(&["--reads", "1"])?;
    ensure!(
        bought["reads_bought"] == 4 && bought["reads_used"] == 3,
        "{bought}"
    );
    let one = club.ask_as_reader(&["reading", "show", did, "1"])?;
    ensure!(one["value"] == "4.25", "{one}");
    refused("1", "used up")
}

/// On each chain every round has one answer, the same on both, and all operators know the same.
fn one_history(club: &Club) -> Result<()> {
    let mut known: BTreeMap<u64, String> = BTreeMap::new();
    for place in 0..4 {
        let history = ["feed", "history", FEED, "--limit", "500"];
        let page = club.at(place).causeway.ask(&history)?;
        let steps = page["steps"].as_array().context("a history")?;
        for chain in CHAINS {
            let said = |step: &&Value| step["chain"] == chain && step["said"] == "answered";
            let mut rounds = Vec::new();
            for step in steps.iter().filter(said) {
                let round = step["round"].as_u64().context("a round")?;
                let value = step["value"].to_string();
                let first = known.entry(round).or_insert_with(|| value.clone());
                ensure!(*first == value, "round {round}: {first} and {value}");
                rounds.push(round);
            }
            ensure!(rounds.is_sorted_by(|a, b| a > b), "{chain}: {rounds:?}");
            ensure!(rounds.len() >= 8, "{chain}: {rounds:?}");
        }
    }
    Ok(())
}
