//! A cold-chain device with its owner and four operators: admitted, heard, proved, disowned; and those that do not keep to
//! the rules: `ReplayingDevice`, `TwoFacedDevice`.
#![allow(missing_docs)]

use std::{
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::B256;
use anyhow::{Context as _, Result, bail, ensure};
use causeway_adapter_device::ingest::answer::Answer;
use causeway_stories::{
    Causeway,
    devices::{Device, FEED, post},
    eventually, eventually_within,
};
use serde_json::Value;

/// Periods of two seconds: a proof without an hour's wait.
const SHORT: [(&str, &str); 1] = [("CAUSEWAY_ORACLE__PERIOD_SECONDS", "2")];

/// What is said of a period that cannot be rewarded yet.
const NOT_OVER: &str = "is not over, or has no reading yet";

/// The delay of the story's deposits, and patience.
const DELAY_OVER: Duration = Duration::from_secs(300);

fn values(from: u64, to: u64) -> impl Iterator<Item = String> {
    (from..=to).map(|n| format!("{}.{:02}", 4 + n / 100, n % 100))
}

#[test]
fn every_acknowledged_reading_outlives_the_daemon_and_is_proved_by_its_root() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&SHORT)?;
    let device = Device::admit(&causeway, "10.cold.7")?;
    assert_eq!(device.record["state"], "active", "{}", device.record);
    assert_eq!(device.record["mirrored_state"], "active");
    let document = fetch(&causeway, &format!("/v1/did/{}", device.did))?;
    assert_eq!(document["id"], device.did.as_str(), "{document}");
    assert_eq!(
        document["verificationMethod"][0]["publicKeyJwk"]["crv"],
        "P-256"
    );

    let beside = device.run()?;
    device.measure(values(1, 40))?;
    // Killed while readings come in: as soon as one is known to be stored somewhere.
    let seen = eventually("a first reading", || {
        let newest = device.newest()?;
        Ok(newest.iter().any(|n| *n > 0).then_some(newest))
    })?;
    daemon.kill()?;
    let daemon = causeway.up(&SHORT)?;

    let after = device.newest()?;
    for (before, after) in seen.iter().zip(&after) {
        assert!(after >= before, "stored {before}, found {after}");
    }
    device.measure(values(41, 60))?;
    device.stored_by_all(60)?;
    let page = causeway.ask(&["reading", "list", &device.did, "--limit", "60"])?;
    let readings = page["readings"].as_array().context("readings")?;
    let got: Vec<f64> = readings
        .iter()
        .filter_map(|r| r["value"].as_str()?.parse().ok())
        .collect();
    let said: Vec<f64> = values(1, 60).filter_map(|v| v.parse().ok()).collect();
    assert_eq!(got, said, "in order, none twice, none missing");

    proved(&causeway, &device).with_context(|| daemon.tail())?;

    let revoked = causeway.ask(&["device", "revoke", &device.did, "--by", "device-owner"])?;
    assert_eq!(revoked["state"], "revoked", "{revoked}");
    device.measure(values(61, 61))?;
    device.complains_of("device_revoked")?;
    assert!(device.newest()?.iter().all(|n| *n == 60));
    eventually("the consortium chain to know", || {
        Ok((device.shown()?["mirrored_state"] == "revoked").then_some(()))
    })?;
    drop(beside);
    Ok(())
}

/// The proof of one reading holds under the anchored root, and under no other.
fn proved(causeway: &Causeway, device: &Device<'_>) -> Result<()> {
    let file = device.dir.join("proof.json");
    let file = file.to_str().context("a path of letters")?;
    let proof = eventually("an anchored period", || {
        Ok(causeway
            .ask(&["reading", "prove", &device.did, "7", "--out", file])
            .ok())
    })?;
    let root = proof["anchor"]["root"].as_str().context("a root")?;
    let key = device.record["hardware"][0].as_str().context("a key")?;
    let verify = |root: &str, key: &str| {
        causeway.ask(&[
            "reading",
            "verify",
            file,
            "--root",
            root,
            "--hardware-x",
            key,
        ])
    };
    let shown = verify(root, key)?;
    assert_eq!(shown["sequence"], 7, "{shown}");
    assert_eq!(shown["value"], 407, "{shown}");
    let other = B256::repeat_byte(7).to_string();
    assert!(verify(&other, key).is_err());
    assert!(verify(root, &other).is_err());
    // The same root goes on to the public chain, by a message.
    let oracle = fetch(causeway, "/v1/oracle")?;
    let roll = oracle["evidence_roll"].as_str().context("the roll")?;
    eventually("the roll on the public chain", || {
        let messages = causeway.ask(&["message", "list", "--limit", "100"])?;
        let all = messages["messages"].as_array().context("messages")?;
        let done = all.iter().any(|message| {
            let to = message["recipient"].as_str().unwrap_or_default();
            to.eq_ignore_ascii_case(roll) && message["outcome"] == "executed"
        });
        Ok(done.then_some(()))
    })
}

#[test]
fn a_device_that_replays_is_refused_and_still_earns_and_one_with_two_faces_loses_its_deposit()
-> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&SHORT)?;
    let oracle = fetch(&causeway, "/v1/oracle")?;
    let runtime = tokio::runtime::Runtime::new()?;

    let device = Device::admit(&causeway, "10.cold.8")?;
    let mut replaying = device.replaying()?;
    runtime.block_on(async {
        let mut client = device.client(port(&oracle, 0)?)?;
        // The device's certificate counts from its admission on, at the next request.
        let said = replaying.honest(&[400, 410]);
        let answer = post(&mut client, &said).await?;
        ensure!(
            matches!(&answer, Answer::Accepted(a) if a.accepted == 2),
            "{answer:?}"
        );
        refused(post(&mut client, &replaying.replay()).await?, "replayed")?;
        for wrong in [
            replaying.reordered(&[420, 430]),
            replaying.skipping(&[420, 430]),
        ] {
            refused(post(&mut client, &wrong).await?, "sequence_gap")?;
        }
        Ok(())
    })?;
    let metrics = causeway.get("/metrics")?;
    let log = fs::read_to_string(causeway.dir().join("story.log"))?;
    for reason in ["replayed", "sequence_gap"] {
        let counted = metrics.lines().any(|line| {
            line.starts_with("causeway_device_refused_total")
                && line.contains(&format!("reason=\"{reason}\""))
                && line.contains("transport=\"https\"")
        });
        ensure!(counted, "{metrics}");
        let said = |line: &str| line.contains("readings were refused") && line.contains(reason);
        ensure!(log.lines().any(said), "{}", daemon.tail());
    }
    rewarded(&causeway, &device).with_context(|| daemon.tail())?;

    let liar = Device::admit(&causeway, "10.cold.18")?;
    let mut two_faced = liar.two_faced()?;
    let first = two_faced.common(400);
    let [honest, other] = two_faced.faces([410, 790]);
    runtime.block_on(async {
        let mut client = liar.client(port(&oracle, 0)?)?;
        let answer = post(&mut client, &[first, honest]).await?;
        ensure!(matches!(answer, Answer::Accepted(_)), "{answer:?}");
        refused(post(&mut client, &[other]).await?, "equivocation")
    })?;
    let slashed = eventually("the registry to take its deposit", || {
        let shown = liar.shown()?;
        Ok((shown["state"] == "slashed").then_some(shown))
    })
    .with_context(|| daemon.tail())?;
    assert_eq!(slashed["version"], 2, "{slashed}");
    runtime.block_on(async {
        let mut client = liar.client(port(&oracle, 1)?)?;
        refused(post(&mut client, &[first]).await?, "device_revoked")
    })?;
    // A fifth of ten points is the reporter's; whoever reported has it once.
    let withdraw = ["device", "withdraw", &liar.did, "--by", "operator1"];
    let paid = causeway.ask(&withdraw)?;
    assert_eq!(paid["amount"], "2000000000000000000", "{paid}");
    let again = causeway.ask(&withdraw);
    assert!(again.is_err_and(|e| e.to_string().contains("nothing to withdraw")));
    // Nothing is left to take.
    let again = causeway.ask(&["device", "slash", &liar.did, "--by", "operator2"]);
    assert!(again.is_err_and(|e| e.to_string().contains("NothingAtStake")));
    // Nothing that it said is put on record, or earns.
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let (since, file) = (now.as_millis().to_string(), liar.dir.join("session.json"));
    let file = file.to_str().context("a path of letters")?;
    let session = causeway.ask(&[
        "reading", "session", &liar.did, "--since", &since, "--until", &since, "--out", file,
    ]);
    assert!(session.is_err_and(|e| e.to_string().contains("lost its deposit")));
    let stake = causeway.ask(&["device", "stake", &liar.did])?;
    assert_eq!(stake["earned"], "0", "{stake}");
    Ok(())
}

/// Two readings that were accepted, at a tenth of a point each, once.
fn rewarded(causeway: &Causeway, device: &Device<'_>) -> Result<()> {
    let market = |what: &str, rest: &[&str]| {
        let listing = ["market", what, "--owner", "device-owner", "--feed", FEED];
        causeway.ask(&[&listing, rest].concat())
    };
    let refused = |answer: Result<Value>, why: &str| match answer {
        Ok(answer) => bail!("accepted: {answer}"),
        Err(error) => {
            let said = error.to_string();
            ensure!(said.contains(why), "{why} is not in {said}");
            Ok(())
        }
    };
    let reward = |by: &str, each: &str| market("reward", &["--by", by, "--per-reading", each]);
    let offer = [
        "market",
        "offer",
        "--feed",
        FEED,
        "--by",
        "device-owner",
        "--access",
        "paid",
        "--price-per-read",
        "0.01",
        "--reward-share",
        "2000",
    ];
    refused(causeway.ask(&offer), "--keeper")?;
    refused(reward("operator1", "0.1"), "offers nothing")?;
    let offered = causeway.ask(&[&offer[..], &["--keeper", "operator1"]].concat())?;
    ensure!(
        offered["reward_share"] == 2000 && offered["pool"] == "0",
        "{offered}"
    );

    // The period in which the readings were accepted is over within moments.
    let poor = eventually("a period that is over", || {
        let said = reward("operator1", "0.1");
        let said = said
            .err()
            .context("nothing is in the pool yet")?
            .to_string();
        Ok((!said.contains(NOT_OVER)).then_some(said))
    })?;
    ensure!(poor.contains("PoolTooSmall"), "{poor}");
    // A fifth of what a reader pays, and a gift.
    let buy = ["--by", "alice", "--reads", "10"];
    market("buy", &buy)?;
    let funded = market("fund", &["--by", "device-owner", "--amount", "0.5"])?;
    ensure!(funded["pool"] == "520000000000000000", "{funded}");
    refused(reward("alice", "0.1"), "CallerNotKeeper")?;
    let before = causeway.ask(&["market", "earnings", "device-owner"])?;
    ensure!(before["credited"] == "80000000000000000", "{before}");

    let paid = reward("operator1", "0.1")?;
    ensure!(paid["total"] == "200000000000000000", "{paid}");
    ensure!(paid["devices"][0]["did"] == device.did.as_str(), "{paid}");
    ensure!(
        paid["devices"][0]["readings"] == 2 && paid["more"] == false,
        "{paid}"
    );
    // No reading is paid for twice, and nothing before what was paid.
    refused(reward("operator1", "0.1"), NOT_OVER)?;
    let earlier = ["--by", "operator1", "--per-reading", "0.1", "--from", "0"];
    refused(market("reward", &earlier), "was rewarded")?;
    let stake = eventually("what the device earned", || {
        let stake = causeway.ask(&["device", "stake", &device.did])?;
        Ok((stake["earned"] != "0").then_some(stake))
    })?;
    ensure!(
        stake["earned"] == "200000000000000000" && stake["readings_rewarded"] == 2,
        "{stake}"
    );
    let left = market("show", &[])?;
    ensure!(
        left["pool"] == "320000000000000000" && left["rewards"] == 1,
        "{left}"
    );
    let withdraw = [
        "market",
        "withdraw",
        "--by",
        "alice",
        "--payee",
        "device-owner",
    ];
    let paid = causeway.ask(&withdraw)?;
    ensure!(paid["credited"] == "280000000000000000", "{paid}");
    refused(causeway.ask(&withdraw), "nothing to withdraw")
}

#[test]
fn what_is_wrong_with_an_admission_is_said_before_anything_is_paid_and_a_deposit_comes_back_after_its_delay()
-> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[("CAUSEWAY_ORACLE__EXIT_DELAY_SECONDS", "90")])?;
    let device = Device::admit(&causeway, "10.cold.9")?;
    let dir = device.dir.to_str().context("a path of letters")?.to_owned();
    let said = |arguments: &[&str]| match causeway.ask(arguments) {
        Ok(answer) => bail!("accepted: {answer}"),
        Err(error) => Ok(error.to_string()),
    };
    let admit = |did: &str, owner: &str, deposit: &str| {
        said(&[
            "device",
            "admit",
            "--did",
            did,
            "--dir",
            &dir,
            "--owner",
            owner,
            "--deposit",
            deposit,
        ])
    };

    let twice = admit(&device.did, "device-owner", "10")?;
    assert!(twice.contains("DeviceKnown"), "{twice}");
    let same_key = admit("did:odin:10.cold.10", "device-owner", "10")?;
    assert!(same_key.contains("AlreadyUsed"), "{same_key}");
    let poor = admit("did:odin:10.cold.11", "device-owner", "1")?;
    assert!(poor.contains("DepositRefused"), "{poor}");
    let nobody = admit("did:odin:10.cold.12", "somebody", "10")?;
    assert!(nobody.contains("--owner"), "{nobody}");
    let name = admit("did:web:example", "device-owner", "10")?;
    assert!(name.contains("did:odin:"), "{name}");
    let stranger = said(&["device", "revoke", &device.did, "--by", "bob"])?;
    assert!(stranger.contains("SignatureNotOf"), "{stranger}");
    let unknown = said(&["device", "show", "did:odin:10.nobody"])?;
    assert!(unknown.contains("no final block"), "{unknown}");

    let dir = dir.as_str();
    let rekeyed = causeway.ask(&["device", "rekey", &device.did, "--dir", dir])?;
    assert_eq!(rekeyed["key_number"], 2, "{rekeyed}");
    assert!(fs::exists(device.dir.join("hardware.pem.old"))?);

    // The owner takes it out: the deposit stays for the delay, a minute and a half here.
    let early = said(&["device", "withdraw", &device.did, "--by", "device-owner"])?;
    assert!(early.contains("nothing to withdraw"), "{early}");
    let stranger = said(&["device", "exit", &device.did, "--by", "bob"])?;
    assert!(stranger.contains("CallerNotOwner"), "{stranger}");
    let out = causeway.ask(&["device", "exit", &device.did, "--by", "device-owner"])?;
    assert_eq!(out["state"], "leaving", "{out}");
    let twice = said(&["device", "exit", &device.did, "--by", "device-owner"])?;
    assert!(twice.contains("DeviceNotActive"), "{twice}");
    let stake = causeway.ask(&["device", "stake", &device.did])?;
    assert_eq!(stake["deposit"], "10000000000000000000", "{stake}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let back = stake["release_at"].as_u64().context("when it comes back")?;
    assert!(back > now, "{stake}");
    let withdraw = ["device", "withdraw", &device.did, "--by", "bob"];
    let early = said(&withdraw)?;
    assert!(early.contains("ExitTooEarly"), "{early}");

    let paid = eventually_within(DELAY_OVER, "the deposit comes back", || {
        match causeway.ask(&withdraw) {
            Ok(paid) => Ok(Some(paid)),
            Err(error) if error.to_string().contains("ExitTooEarly") => {
                std::thread::park_timeout(Duration::from_secs(1));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    })
    .with_context(|| daemon.tail())?;
    assert_eq!(paid["amount"], "10000000000000000000", "{paid}");
    assert_eq!(paid["payee"], stake["owner"], "{paid}");
    let stake = causeway.ask(&["device", "stake", &device.did])?;
    assert_eq!(stake["state"], "gone", "{stake}");
    assert_eq!(
        (&stake["deposit"], &stake["credited"]),
        (&"0".into(), &"0".into())
    );
    let again = said(&withdraw)?;
    assert!(again.contains("nothing to withdraw"), "{again}");
    Ok(())
}

fn refused(answer: Answer, expected: &str) -> Result<()> {
    match answer {
        Answer::Refused(problem) if problem.refused == expected => Ok(()),
        other => bail!("expected {expected}, got {other:?}"),
    }
}

fn port(oracle: &Value, operator: usize) -> Result<u16> {
    let url = oracle["operators"][operator]["readings"].as_str();
    let port = url.and_then(|url| url.rsplit(':').next()?.parse().ok());
    port.context("where an operator listens")
}

/// An address of the API that no command shows.
fn fetch(causeway: &Causeway, path: &str) -> Result<Value> {
    // Installed already by another story of this file: that one serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let base = fs::read_to_string(causeway.announced())?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let response = client.get(format!("{base}{path}")).send().await?;
        Ok(response.error_for_status()?.json().await?)
    })
}
