//! A cold-chain device with its owner and four operators: admitted, heard, proved, disowned; and those that do not keep to
//! the rules: `ReplayingDevice`, `TwoFacedDevice`.
#![allow(missing_docs)]

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_primitives::B256;
use anyhow::{Context as _, Result, bail, ensure};
use causeway_adapter_device::ingest::answer::Answer;
use causeway_stories::{
    Causeway,
    devices::{Device, post},
    eventually,
};
use serde_json::Value;

/// Periods of two seconds: a proof without an hour's wait.
const SHORT: [(&str, &str); 1] = [("CAUSEWAY_ORACLE__PERIOD_SECONDS", "2")];

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
fn a_device_that_replays_is_refused_and_one_with_two_faces_loses_its_deposit() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let device = Device::admit(&causeway, "10.cold.8")?;
    let oracle = fetch(&causeway, "/v1/oracle")?;
    let runtime = tokio::runtime::Runtime::new()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let now = u64::try_from(now.as_millis())?;

    let first = device.says(1, 400, B256::ZERO, now)?;
    let honest = device.says(2, 410, first.body.digest(), now + 1)?;
    let other_face = device.says(2, 790, first.body.digest(), now + 1)?;
    runtime.block_on(async {
        let mut client = device.client(port(&oracle, 0)?)?;
        // The device's certificate counts from its admission on, at the next request.
        ensure!(matches!(
            post(&mut client, &[first, honest]).await?,
            Answer::Accepted(accepted) if accepted.accepted == 2
        ));
        refused(post(&mut client, &[first, honest]).await?, "replayed")?;
        refused(post(&mut client, &[other_face]).await?, "equivocation")
    })?;

    let slashed = eventually("the registry to take its deposit", || {
        let shown = device.shown()?;
        Ok((shown["state"] == "slashed").then_some(shown))
    })
    .with_context(|| daemon.tail())?;
    assert_eq!(slashed["version"], 2, "{slashed}");
    runtime.block_on(async {
        let mut client = device.client(port(&oracle, 1)?)?;
        refused(post(&mut client, &[first]).await?, "device_revoked")
    })?;
    // A fifth of ten points is the reporter's; whoever reported has it once.
    let withdraw = ["device", "withdraw", &device.did, "--by", "operator1"];
    let paid = causeway.ask(&withdraw)?;
    assert_eq!(paid["amount"], "2000000000000000000", "{paid}");
    let again = causeway.ask(&withdraw);
    assert!(again.is_err_and(|e| e.to_string().contains("nothing to withdraw")));
    // Nothing is left to take.
    let again = causeway.ask(&["device", "slash", &device.did, "--by", "operator2"]);
    assert!(again.is_err_and(|e| e.to_string().contains("NothingAtStake")));
    // Nothing that it said is put on record.
    let (since, file) = (now.to_string(), device.dir.join("session.json"));
    let file = file.to_str().context("a path of letters")?;
    let session = causeway.ask(&[
        "reading",
        "session",
        &device.did,
        "--since",
        &since,
        "--until",
        &since,
        "--out",
        file,
    ]);
    assert!(session.is_err_and(|e| e.to_string().contains("lost its deposit")));
    Ok(())
}

#[test]
fn what_is_wrong_with_an_admission_is_said_before_anything_is_paid() -> Result<()> {
    let causeway = Causeway::new()?;
    let _daemon = causeway.up(&[])?;
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

    // The owner takes it out: the deposit stays for the delay, an hour here.
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
    let early = said(&["device", "withdraw", &device.did, "--by", "bob"])?;
    assert!(early.contains("ExitTooEarly"), "{early}");
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
