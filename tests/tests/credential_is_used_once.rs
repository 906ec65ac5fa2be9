//! Somebody abroad asks for a credential and learns that its holder has one, and nothing else; the holder consents to one
//! request, and cannot answer twice for the same purpose.
#![allow(missing_docs)]

use alloy_primitives::{Address, B256, keccak256};
use anyhow::{Context as _, Result, ensure};
use causeway_circuits::{
    field::{Fr, from_hash},
    merkle::Tree,
    statement::right,
    witness::{Number, Place, RightWitness, TreePath, Witness},
};
use causeway_stories::{Causeway, proofs::Scene};
use serde_json::{Value, json};

const LEVEL: u16 = 2;

/// The request that the desk announces.
fn asked(scene: &Scene<'_>, purpose: B256) -> Result<B256> {
    let done = scene.act("carol", "CredentialDesk", "ask", json!([purpose, LEVEL]))?;
    let request = done["events"][0]["args"]["request"].as_str();
    Ok(request.context("a request")?.parse()?)
}

fn answer(request: B256, made: &causeway_stories::proofs::Made) -> Value {
    json!([
        request,
        made.inputs[0],
        made.inputs[2],
        made.inputs[4],
        made.words
    ])
}

#[test]
fn a_credential_is_checked_with_consent_and_used_once() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let scene = Scene::open(&causeway, "consortium")?;
    let secret = Fr::from(271_828_u64);
    let expiry = scene.now()? + 86_400;
    let grant = right::Grant {
        holder: right::holder(secret),
        level: 3,
        expiry,
    };
    let tree = Tree::new(right::DEPTH, vec![Fr::from(1_u64), grant.leaf()])?;
    let root = causeway_circuits::field::to_u256(&tree.root());
    let purpose = keccak256("admission of a medicine");
    let carol: Address = scene.books.address("carol")?.parse()?;
    let scope = keccak256([carol.into_word(), purpose].concat());
    let witness = |request: B256| {
        Ok::<_, anyhow::Error>(Witness::Right(RightWitness {
            place: Place {
                chain: scene.chain_id,
                contract: scene.at("CredentialDesk")?.parse()?,
                round: scope,
            },
            secret: Number(secret),
            level: 3,
            expiry,
            path: TreePath::new(&tree.path(1)?),
            min: LEVEL,
            now: scene.now()?,
            signal: Number(from_hash(request)),
        }))
    };
    let first = asked(&scene, purpose)?;
    let consent = scene.prove("first", &witness(first)?)?;

    // The issuer has put nothing on record.
    let refused = |by, request, made| {
        scene.refused(
            by,
            "dave",
            "CredentialDesk",
            "answer",
            answer(request, made),
        )
    };
    refused("RootNotRecent", first, &consent)?;
    let issuers = keccak256("causeway/issuers/1");
    scene.act(
        "registrar",
        "OwnedAnchors",
        "anchorRoot",
        json!([issuers, root]),
    )?;
    scene.act("dave", "CredentialDesk", "answer", answer(first, &consent))?;
    let request = scene.ask("CredentialDesk", "requestOf", json!([first]))?;
    ensure!(request[2] == true, "answered: {request}");

    refused("RequestAnswered", first, &consent)?;
    let second = asked(&scene, purpose)?;
    let again = scene.prove("second", &witness(second)?)?;
    refused("RightUsed", second, &again)?;
    let other = asked(&scene, keccak256("another purpose"))?;
    refused("RightUsed", other, &consent)?;
    let request = scene.ask("CredentialDesk", "requestOf", json!([second]))?;
    ensure!(request[2] == false, "not answered: {request}");

    // Revoked: the old root counts no more.
    scene.act(
        "registrar",
        "OwnedAnchors",
        "dropRoot",
        json!([issuers, root]),
    )?;
    refused("RootNotRecent", second, &again)?;
    drop(daemon);
    Ok(())
}
