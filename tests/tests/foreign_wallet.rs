//! An ethers wallet does the initiator's part by calling the contracts itself; the daemon, the counterparty, finds the swap
//! from the chain alone.
#![allow(missing_docs)]

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{Causeway, eventually, root};
use serde_json::{Value, json};

const AMOUNT: u64 = 7_000;

fn points(chains: &Value, chain: &str, account: &str) -> Result<u128> {
    let text = find(&find(chains, chain)?["accounts"], account)?["points"]
        .as_str()
        .context("points of an account")?
        .to_owned();
    text.parse().context("points are a number")
}

fn find(list: &Value, name: &str) -> Result<Value> {
    let found = list
        .as_array()
        .and_then(|l| l.iter().find(|item| item["name"] == name));
    found
        .cloned()
        .with_context(|| format!("no {name} in {list}"))
}

#[test]
fn a_wallet_that_knows_only_the_contracts_swaps_with_the_daemon() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let before = eventually("contracts on both chains", || {
        let chains = causeway.ask(&["chain", "status"])?;
        let list = chains.as_array().context("a list of chains")?;
        let deployed = list
            .iter()
            .all(|c| c["hash_time_lock"].is_string() && c["points_token"].is_string());
        Ok(deployed.then_some(chains))
    })?;
    let side = |name: &str| -> Result<Value> {
        let chain = find(&before, name)?;
        Ok(json!({
            "rpc": chain["rpc"], "chainId": chain["chain_id"],
            "hashTimeLock": chain["hash_time_lock"], "token": chain["points_token"],
        }))
    };
    let dev = causeway.dir().join("dev");
    let orders = json!({
        "keystore": dev.join("accounts/carol.json"),
        "password": dev.join("password"),
        "counterparty": find(&find(&before, "public")?["accounts"], "bob")?["address"],
        "give": side("public")?,
        "want": side("consortium")?,
        "amount": AMOUNT,
    });

    let wallet = Command::new("node")
        .arg("initiator.mjs")
        .arg(orders.to_string())
        .current_dir(root().join("tests/clients"))
        .output()
        .context("running node: run `cargo xtask install`")?;

    let said = String::from_utf8_lossy(&wallet.stderr);
    ensure!(wallet.status.success(), "{said}\n{}", daemon.tail());
    let after = causeway.ask(&["chain", "status"])?;
    let moved = |chain: &str, account: &str| -> Result<i128> {
        Ok(points(&after, chain, account)? as i128 - points(&before, chain, account)? as i128)
    };
    let amount = i128::from(AMOUNT);
    ensure!(
        moved("public", "carol")? == -amount && moved("consortium", "carol")? == amount,
        "carol's points"
    );
    ensure!(
        moved("public", "bob")? == amount && moved("consortium", "bob")? == -amount,
        "bob's points"
    );
    Ok(())
}
