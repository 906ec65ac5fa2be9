//! A delivery is paid because its cold chain never broke, which is proved and not shown; one that broke is refunded.
#![allow(missing_docs)]

use alloy_primitives::{B256, U256, hex, keccak256};
use anyhow::{Result, ensure};
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
    let packed = LockTerms {
        hook_flags: CLAIM_CONDITION,
        ..LockTerms::whole(
            now + seconds - 1,
            now + seconds,
            now + seconds + 600,
            conditional::salt(&terms),
        )
    };
    let preimage = keccak256(format!("preimage of {name}"));
    let lock = Lock {
        hashlock: B256::from_slice(&sha2::Sha256::digest(preimage)),
        sender: scene.books.address("carol")?.parse()?,
        recipient: scene.books.address("dave")?.parse()?,
        token: scene.at("PointsToken")?.parse()?,
        amount: U256::from(AMOUNT),
        deposit: U256::ZERO,
        terms: packed.pack()?,
        hooks: scene.at("SessionCondition")?.parse()?,
    };
    let locks = scene.at("HashTimeLock")?;
    scene.act("carol", "PointsToken", "approve", json!([locks, AMOUNT]))?;
    scene.act("carol", "HashTimeLock", "lock", json!([words(&lock), "0x"]))?;
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
    eventually("carol has her points back", || {
        let done = scene.try_act(
            "carol",
            "HashTimeLock",
            "refund",
            json!([words(&broken.lock)]),
        )?;
        ensure!(
            done["ok"] == true || done["error"] == "RefundTooEarly",
            "{done}"
        );
        Ok((done["ok"] == true).then_some(()))
    })?;
    ensure!(
        Books::now(&causeway)?.moved(&paid, "public", "carol")? == 0,
        "carol"
    );
    drop(daemon);
    Ok(())
}
