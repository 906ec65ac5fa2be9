//! What eight meters signed for a period is minted once; and a statement is accepted once for an account, through the
//! daemon.
#![allow(missing_docs)]

use alloy_primitives::{B256, U256, keccak256};
use anyhow::{Result, ensure};
use causeway_circuits::{
    babyjub::SecretKey,
    field::to_u256,
    merkle::Tree,
    statement::{reading, sum},
    witness::{Number, Place, SignedBy, SumWitness, Witness},
};
use causeway_stories::{Causeway, proofs::Scene};
use serde_json::json;

/// Seconds of a period, and smallest units for each watt-hour, of the local profile.
const PERIOD: u64 = 60;
const UNIT: u64 = 1_000_000_000_000_000;

#[test]
fn minted_is_metered_and_a_statement_is_accepted_once() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let scene = Scene::open(&causeway, "consortium")?;
    let period = scene.now()? / PERIOD - 1;
    let place = Place {
        chain: scene.chain_id,
        contract: scene.at("MeteredToken")?.parse()?,
        round: B256::from(U256::from(period)),
    };
    let meters: Vec<SecretKey> = (0..sum::METERS as u8)
        .map(|i| SecretKey::from_seed(&[i + 40; 32]))
        .collect::<Result<_, _>>()?;
    let leaves = meters
        .iter()
        .map(|key| reading::leaf(key.public()))
        .collect();
    let tree = Tree::new(sum::DEPTH, leaves)?;
    let context = place.context(sum::DOMAIN);
    let mut total = 0;
    let mut parts = Vec::new();
    for (i, key) in meters.iter().enumerate() {
        let value = 1_234 * (i as u64 + 1);
        total += value;
        let signature = key.sign(sum::message(&context, value));
        parts.push((
            value,
            SignedBy::new(key.public(), &tree.path(i)?, &signature),
        ));
    }
    let witness = Witness::Sum(SumWitness {
        place,
        set: Number(tree.root()),
        meters: parts,
    });
    let made = scene.prove("metered", &witness)?;
    ensure!(made.inputs[2] == U256::from(total), "the sum");
    let root = to_u256(&tree.root());
    let mint = |total: U256| json!([period, root, total, made.inputs[3], made.words]);

    scene.refused(
        "RootNotRecent",
        "dave",
        "MeteredToken",
        "mint",
        mint(made.inputs[2]),
    )?;
    let set = keccak256("causeway/meters/1");
    scene.act(
        "registrar",
        "OwnedAnchors",
        "anchorRoot",
        json!([set, root]),
    )?;
    let more = made.inputs[2] + U256::ONE;
    scene.refused("ProofRefused", "dave", "MeteredToken", "mint", mint(more))?;
    scene.act("dave", "MeteredToken", "mint", mint(made.inputs[2]))?;

    let supply = scene.ask("MeteredToken", "totalSupply", json!([]))?;
    ensure!(
        supply == (u128::from(total) * u128::from(UNIT)).to_string(),
        "minted = metered: {supply}"
    );
    scene.refused(
        "PeriodMinted",
        "dave",
        "MeteredToken",
        "mint",
        mint(made.inputs[2]),
    )?;

    let file = made.file.display().to_string();
    let submit = ["proof", "submit", &file, "--from", "consortium:alice"];
    let accepted = causeway.ask(&submit)?;
    ensure!(
        accepted["development"] == true,
        "the key is marked: {accepted}"
    );
    let again = causeway.ask(&submit).map(drop).unwrap_err().to_string();
    ensure!(again.contains("statement seen (409)"), "{again}");
    let elsewhere = ["proof", "submit", &file, "--from", "public:alice"];
    causeway.ask(&elsewhere)?;
    drop(daemon);
    Ok(())
}
