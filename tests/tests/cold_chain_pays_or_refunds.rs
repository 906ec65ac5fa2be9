//! A delivery is paid because its cold chain never broke, which is proved and not shown; one that broke is refunded. On what a
//! device measured and a quorum of operators put on record; and, for trials, on one account's word.
#![allow(missing_docs)]

use alloy_primitives::{B256, U256, hex, keccak256};
use anyhow::{Context as _, Result, ensure};
use causeway_circuits::{
    babyjub::SecretKey,
    field::{from_be_bytes, to_be_bytes},
    statement::{reading, session},
    witness::{Number, Place, SessionWitness, Witness},
};
use causeway_contracts::{
    Lock, LockTerms,
    conditional::{self, SessionTerms},
    lock_id,
    terms::CLAIM_CONDITION,
};
use causeway_stories::{
    Causeway,
    books::Books,
    devices::Device,
    eventually,
    proofs::{Made, Scene},
};
use serde_json::{Value, json};
use sha2::Digest as _;

const AMOUNT: u64 = 9_000;
const READINGS: u16 = 32;
const STEP: u64 = 60_000;

struct Delivery {
    lock: Lock,
    preimage: B256,
    terms: SessionTerms,
    witness: Witness,
}

/// Carol locks for dave on terms both know; the device's digest goes on record.
fn agreed(
    scene: &Scene<'_>,
    name: &str,
    seconds: u64,
    value: impl Fn(u16) -> i32,
) -> Result<Delivery> {
    let device = SecretKey::from_seed(&keccak256(name))?;
    let number = reading::leaf(device.public());
    let now = scene.now()?;
    let until = now * 1_000;
    let from = until - STEP * u64::from(READINGS - 1);
    let (low, high, gap) = (-25_000, -15_000, 90_000);
    let terms = SessionTerms {
        device: U256::from_be_bytes(to_be_bytes(&number)),
        from,
        until,
        low: session::encode(low),
        high: session::encode(high),
        gap,
        count: READINGS,
        nonce: u128::from(now),
    };
    let preimage = keccak256(format!("preimage of {name}"));
    let lock = locked(scene, "OwnedCondition", &terms, preimage, now, seconds)?;
    let witness = SessionWitness {
        place: Place {
            chain: scene.chain_id,
            contract: lock.hooks,
            round: lock_id(&lock),
        },
        device: Number(from_be_bytes(&terms.device.to_be_bytes())?),
        low,
        high,
        gap,
        readings: (0..READINGS)
            .map(|i| (from + STEP * u64::from(i), value(i)))
            .collect(),
    };
    let digest = U256::from_be_bytes(to_be_bytes(&witness.statement()?.public().digest));
    scene.act(
        "registrar",
        "OwnedAnchors",
        "anchorDigest",
        json!([terms.device, digest]),
    )?;
    Ok(Delivery {
        lock,
        preimage,
        terms,
        witness: Witness::Session(witness),
    })
}

/// Carol locks for dave, under a condition.
fn locked(
    scene: &Scene<'_>,
    condition: &str,
    terms: &SessionTerms,
    preimage: B256,
    now: u64,
    seconds: u64,
) -> Result<Lock> {
    let packed = LockTerms {
        hook_flags: CLAIM_CONDITION,
        ..LockTerms::whole(
            now + seconds - 1,
            now + seconds,
            now + seconds + 600,
            conditional::salt(terms),
        )
    };
    let lock = Lock {
        hashlock: B256::from_slice(&sha2::Sha256::digest(preimage)),
        sender: scene.books.address("carol")?.parse()?,
        recipient: scene.books.address("dave")?.parse()?,
        token: scene.at("PointsToken")?.parse()?,
        amount: U256::from(AMOUNT),
        deposit: U256::ZERO,
        terms: packed.pack()?,
        hooks: scene.at(condition)?.parse()?,
    };
    let locks = scene.at("HashTimeLock")?;
    scene.act("carol", "PointsToken", "approve", json!([locks, AMOUNT]))?;
    scene.act("carol", "HashTimeLock", "lock", json!([words(&lock), "0x"]))?;
    Ok(lock)
}

/// Carol has her points back once the lock's time is over.
fn refunded(scene: &Scene<'_>, lock: &Lock) -> Result<()> {
    eventually("carol has her points back", || {
        let done = scene.try_act("carol", "HashTimeLock", "refund", json!([words(lock)]))?;
        ensure!(
            done["ok"] == true || done["error"] == "RefundTooEarly",
            "{done}"
        );
        Ok((done["ok"] == true).then_some(()))
    })
}

/// A lock as ethers takes it.
fn words(lock: &Lock) -> Value {
    json!([
        lock.hashlock,
        lock.sender,
        lock.recipient,
        lock.token,
        lock.amount,
        lock.deposit,
        lock.terms,
        lock.hooks
    ])
}

fn claim(delivery: &Delivery, made: &Made) -> Result<Value> {
    let evidence =
        conditional::evidence(&delivery.terms, made.input(1), made.input(4), made.proof()?);
    Ok(json!([
        words(&delivery.lock),
        delivery.preimage,
        hex::encode_prefixed(evidence)
    ]))
}

/// A device whose readings went through the operators' doors, and a lock on them.
struct Shipment {
    lock: Lock,
    preimage: B256,
    terms: SessionTerms,
    did: String,
}

impl Shipment {
    /// Carol locks for dave on the readings of the device at places `first..=last`.
    fn agreed(
        scene: &Scene<'_>,
        device: &Device<'_>,
        number: U256,
        times: (u64, u64),
        (count, seconds): (u16, u64),
    ) -> Result<Self> {
        let now = scene.now()?;
        let terms = SessionTerms {
            device: number,
            from: times.0,
            until: times.1,
            // In units of the feed's last decimal: 2 to 8 degrees.
            low: session::encode(200),
            high: session::encode(800),
            gap: 600_000,
            count,
            nonce: u128::from(now),
        };
        let preimage = keccak256(format!("preimage of {} at {}", device.did, times.0));
        let lock = locked(scene, "SessionCondition", &terms, preimage, now, seconds)?;
        Ok(Self {
            lock,
            preimage,
            terms,
            did: device.did.clone(),
        })
    }

    /// Proves straight from the store, as whoever may read does.
    fn prove(&self, causeway: &Causeway, scene: &Scene<'_>, name: &str) -> Result<Made> {
        let (since, until) = (self.terms.from.to_string(), self.terms.until.to_string());
        self.prove_of(
            causeway,
            scene,
            name,
            &[&self.did, "--since", &since, "--until", &until],
        )
    }

    fn prove_of(
        &self,
        causeway: &Causeway,
        scene: &Scene<'_>,
        name: &str,
        source: &[&str],
    ) -> Result<Made> {
        let file = causeway.dir().join(format!("{name}.proof.json"));
        let out = file.display().to_string();
        let (chain, contract) = (scene.chain_id.to_string(), self.lock.hooks.to_string());
        let round = lock_id(&self.lock).to_string();
        let mut command = vec!["proof", "session"];
        command.extend(source);
        command.extend(["--min", "2", "--max", "8", "--max-gap", "600000"]);
        command.extend([
            "--chain-id",
            &chain,
            "--contract",
            &contract,
            "--round",
            &round,
        ]);
        command.extend(["--out", &out]);
        causeway.ask(&command)?;
        scene.read_proof(file)
    }

    fn claim(&self, made: &Made) -> Result<Value> {
        let evidence =
            conditional::evidence(&self.terms, made.input(1), made.input(4), made.proof()?);
        Ok(json!([
            words(&self.lock),
            self.preimage,
            hex::encode_prefixed(evidence)
        ]))
    }
}

/// Writes the session that covers these times; returns what is said of it.
fn session_file(
    causeway: &Causeway,
    did: &str,
    (since, until): (u64, u64),
    name: &str,
) -> Result<(String, Value)> {
    let file = causeway.dir().join(name).display().to_string();
    let (since, until) = (since.to_string(), until.to_string());
    let said = causeway.ask(&[
        "reading", "session", did, "--since", &since, "--until", &until, "--out", &file,
    ])?;
    Ok((file, said))
}

fn refusal(causeway: &Causeway, command: &[&str], why: &str) -> Result<()> {
    match causeway.ask(command) {
        Ok(answer) => anyhow::bail!("{command:?} was accepted: {answer}"),
        Err(error) => {
            let text = error.to_string();
            ensure!(text.contains(why), "{command:?}: {text}, expected {why}");
            Ok(())
        }
    }
}

/// A file with one thing changed.
fn changed(file: &str, name: &str, change: impl FnOnce(&mut Value)) -> Result<String> {
    let mut value: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    change(&mut value);
    let path = std::path::Path::new(file).with_file_name(name);
    std::fs::write(&path, serde_json::to_vec(&value)?)?;
    Ok(path.display().to_string())
}

#[test]
fn what_a_device_measured_and_a_quorum_recorded_is_proved_from_the_store_and_pays() -> Result<()> {
    const GOOD: u64 = 32;
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let device = Device::admit(&causeway, "10.cold.5")?;
    let beside = device.run()?;
    let good = GOOD;
    device.measure((0..good).map(|n| format!("{}.{:02}", 3 + n / 10, 25 + n % 10)))?;
    device.stored_by_all(good)?;
    device.measure(["9.5", "5", "4.5"].map(str::to_owned))?;
    let all = good + 3;
    device.stored_by_all(all)?;
    let page = causeway.ask(&["reading", "list", &device.did, "--limit", "64"])?;
    let times: Vec<u64> = page["readings"]
        .as_array()
        .context("readings")?
        .iter()
        .filter_map(|reading| reading["time"].as_u64())
        .collect();
    ensure!(times.len() as u64 == all, "{} times", times.len());
    let last = good as usize - 1;
    let scene = Scene::open(&causeway, "public")?;

    // Payment for the time in which all was well.
    let whole = (times[0], times[last]);
    let (file, said) = session_file(&causeway, &device.did, whole, "whole.session.json")?;
    let number: U256 = said["number"].as_str().context("a number")?.parse()?;
    ensure!(said["readings"] == good, "{said}");
    let count = u16::try_from(good)?;
    let paid = Shipment::agreed(&scene, &device, number, whole, (count, 900))?;
    let proof = paid.prove(&causeway, &scene, "whole")?;
    let claim = paid.claim(&proof)?;
    scene.refused(
        "DigestNotAnchored",
        "dave",
        "HashTimeLock",
        "claimWith",
        claim.clone(),
    )?;
    recorded_by_a_quorum_alone(&causeway, &file)?;
    scene.act("dave", "HashTimeLock", "claimWith", claim)?;
    let books = Books::now(&causeway)?;
    let amount = i128::from(AMOUNT);
    ensure!(
        books.moved(&scene.books, "public", "dave")? == amount,
        "dave is paid"
    );

    // None for the time in which it was not; leaving the bad reading out is no way out.
    let bad = (times[last + 1], times[last + 3]);
    let unpaid = Shipment::agreed(&scene, &device, number, bad, (2, 900))?;
    let later = (times[last + 2], times[last + 3]);
    for (name, when) in [("bad", bad), ("later", later)] {
        let (file, _) = session_file(
            &causeway,
            &device.did,
            when,
            &format!("{name}.session.json"),
        )?;
        causeway.ask(&["reading", "record", &file, "--from", "public:alice"])?;
    }
    let broke = unpaid.prove(&causeway, &scene, "bad")?;
    ensure!(broke.inputs[5].is_zero(), "it is true that it broke");
    let claim = unpaid.claim(&broke)?;
    scene.refused("ProofRefused", "dave", "HashTimeLock", "claimWith", claim)?;
    let file = causeway
        .dir()
        .join("later.session.json")
        .display()
        .to_string();
    let part = unpaid.prove_of(&causeway, &scene, "later", &[&file])?;
    ensure!(!part.inputs[5].is_zero(), "the rest of it held");
    let claim = unpaid.claim(&part)?;
    scene.refused(
        "ReadingsNotWhole",
        "dave",
        "HashTimeLock",
        "claimWith",
        claim,
    )?;
    drop((beside, daemon));
    Ok(())
}

/// A changed reading, digest or number, or too few operators, put nothing on record; the whole file does, once.
fn recorded_by_a_quorum_alone(causeway: &Causeway, file: &str) -> Result<()> {
    let record = |file: &str, why: &str| {
        refusal(
            causeway,
            &["reading", "record", file, "--from", "public:alice"],
            why,
        )
    };
    let other = changed(file, "other.json", |session| {
        session["readings"][3][1] = json!(500);
    })?;
    record(&other, "its readings do not give its digest")?;
    let fewer = changed(file, "fewer.json", |session| {
        session["readings"].as_array_mut().map(Vec::pop);
    })?;
    record(&fewer, "not as many readings")?;
    let shifted = changed(file, "shifted.json", |session| {
        for end in ["first", "last"] {
            let number = session["session"][end].as_u64().unwrap_or_default();
            session["session"][end] = json!(number + 1);
        }
    })?;
    record(&shifted, "SignatureNotOf")?;
    let few = changed(file, "few.json", |session| {
        for chain in session["chains"].as_array_mut().into_iter().flatten() {
            if let Some(all) = chain["endorsements"].as_array_mut() {
                all.truncate(2);
            }
        }
    })?;
    record(&few, "QuorumMissing: 2 signatures, 3 are needed")?;
    // The rest comes from another file: together they are a quorum.
    let rest = changed(file, "rest.json", |session| {
        for chain in session["chains"].as_array_mut().into_iter().flatten() {
            chain["endorsements"]
                .as_array_mut()
                .map(|all| all.drain(..2).count());
        }
    })?;
    let done = causeway.ask(&["reading", "record", &few, &rest, "--from", "public:alice"])?;
    ensure!(
        done["operators"].as_array().map(Vec::len) == Some(4),
        "{done}"
    );
    record(file, "SessionKnown")?;
    causeway.ask(&["reading", "record", file, "--from", "consortium:alice"])?;
    Ok(())
}

#[test]
fn a_whole_cold_chain_is_paid_and_a_broken_one_refunded() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let scene = Scene::open(&causeway, "public")?;

    let whole = agreed(&scene, "whole", 900, |i| -20_000 + i32::from(i))?;
    let proof = scene.prove("whole", &whole.witness)?;
    let plain = json!([words(&whole.lock), whole.preimage]);
    scene.refused("ClaimNeedsEvidence", "dave", "HashTimeLock", "claim", plain)?;
    scene.act("dave", "HashTimeLock", "claimWith", claim(&whole, &proof)?)?;
    let paid = Books::now(&causeway)?;
    let amount = i128::from(AMOUNT);
    ensure!(
        paid.moved(&scene.books, "public", "dave")? == amount,
        "dave is paid"
    );
    ensure!(
        paid.moved(&scene.books, "public", "carol")? == -amount,
        "carol has paid"
    );

    let broken = agreed(
        &scene,
        "broken",
        45,
        |i| if i == 20 { 4_000 } else { -20_000 },
    )?;
    let proof = scene.prove("broken", &broken.witness)?;
    ensure!(proof.inputs[5].is_zero(), "it is true that it broke");
    scene.refused(
        "ProofRefused",
        "dave",
        "HashTimeLock",
        "claimWith",
        claim(&broken, &proof)?,
    )?;
    refunded(&scene, &broken.lock)?;
    ensure!(
        Books::now(&causeway)?.moved(&paid, "public", "carol")? == 0,
        "carol"
    );
    drop(daemon);
    Ok(())
}
