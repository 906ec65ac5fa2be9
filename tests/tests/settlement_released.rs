//! A delivery is settled by both parties, the daemon killed on the way: bob is paid what the private figures come to, alice
//! has the rest back, and not one figure, word or random value of theirs is anywhere on the public chain.
#![allow(missing_docs)]

use alloy_primitives::hex;
use anyhow::{Context as _, Result, ensure};
use causeway_stories::{
    Causeway,
    books::{Books, ended},
    rpc::Rpc,
    settling::{AMOUNT, Pair, Private, SHARE, agree, alice_opens},
};
use serde_json::{Value, json};

/// Slots of a contract that are looked at one by one; what mappings hold comes from call data, which is looked at whole.
const SLOTS: u64 = 32;

/// Every block, transaction, receipt, code and low storage slot of a chain, as its node tells them.
fn everything(rpc: &Rpc) -> Result<String> {
    let mut text = String::new();
    let mut say = |value: &Value| text.push_str(&value.to_string().to_lowercase());
    let mut contracts = Vec::new();
    for height in 0..=rpc.height()? {
        let block = rpc.call(
            "eth_getBlockByNumber",
            json!([format!("{height:#x}"), true]),
        )?;
        for tx in block["transactions"].as_array().context("transactions")? {
            let receipt = rpc.call("eth_getTransactionReceipt", json!([tx["hash"]]))?;
            contracts.extend([&receipt["contractAddress"], &receipt["to"]].map(Value::clone));
            say(&receipt);
        }
        say(&block);
    }
    contracts.retain(Value::is_string);
    contracts.sort_by_key(Value::to_string);
    contracts.dedup();
    for contract in contracts {
        say(&rpc.call("eth_getCode", json!([contract, "latest"]))?);
        for slot in 0..SLOTS {
            let slot = format!("{slot:#x}");
            say(&rpc.call("eth_getStorageAt", json!([contract, slot, "latest"]))?);
        }
    }
    Ok(text)
}

/// In which forms a secret stands in what a node told.
fn forms(told: &str, secret: &[u8]) -> Vec<&'static str> {
    let reversed: Vec<u8> = secret.iter().rev().copied().collect();
    let plain = String::from_utf8_lossy(secret).to_lowercase();
    let mut found = Vec::new();
    let mut look = |form, text: &str| {
        if told.contains(text) {
            found.push(form);
        }
    };
    look("bytes", &hex::encode(secret));
    look("bytes reversed", &hex::encode(&reversed));
    look("text", &plain);
    look("hexadecimal as text", &hex::encode(hex::encode(secret)));
    found
}

#[test]
fn a_delivery_is_settled_and_its_figures_stay_with_the_members() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let before = Books::open(&causeway)?;
    let (pair, private) = (Pair::of(&causeway)?, Private::new()?);
    let id = alice_opens(&causeway, &pair, &private, 300)?;
    agree(&causeway, &pair, &id, &private)?;

    daemon.kill()?;
    let daemon = causeway.up(&[])?;

    for role in ["initiator", "counterparty"] {
        let part = ended(&causeway, &id, role).with_context(|| daemon.tail())?;
        ensure!(part["outcome"] == "released", "{part}");
        ensure!(part["kind"] == "settlement", "{part}");
    }
    let after = Books::now(&causeway)?;
    let share = i128::from(SHARE);
    ensure!(
        after.moved(&before, "public", "bob")? == share,
        "bob's share"
    );
    ensure!(
        after.moved(&before, "public", "alice")? == -share,
        "alice has {AMOUNT} less, and the rest back"
    );

    let pair = Pair::of(&causeway)?;
    let (public, consortium) = (
        everything(&pair.rpc("public")?)?,
        everything(&pair.rpc("consortium")?)?,
    );
    for (what, secret) in private.secrets()? {
        ensure!(
            !forms(&consortium, &secret).is_empty(),
            "the search does not find {what} where it is"
        );
        let leaked = forms(&public, &secret);
        ensure!(
            leaked.is_empty(),
            "{what} is on the public chain as {leaked:?}"
        );
    }
    Ok(())
}
