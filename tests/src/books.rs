//! Who has how much on each chain, and what became of transfers, asked of a running daemon.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{Causeway, eventually};

/// The chains of the local profile at one moment, with the points of every account.
#[derive(Clone, Debug)]
pub struct Books(Value);

impl Books {
    /// The books once the contracts are on every chain.
    ///
    /// # Errors
    /// Fails when they are not there in time.
    pub fn open(causeway: &Causeway) -> Result<Self> {
        eventually("contracts on every chain", || {
            let books = Self::now(causeway)?;
            let chains = books.0.as_array().context("a list of chains")?;
            let deployed = chains
                .iter()
                .all(|c| c["hash_time_lock"].is_string() && c["points_token"].is_string());
            Ok(deployed.then_some(books))
        })
    }

    /// The books now.
    ///
    /// # Errors
    /// Fails when the daemon does not answer.
    pub fn now(causeway: &Causeway) -> Result<Self> {
        Ok(Self(causeway.ask(&["chain", "status"])?))
    }

    /// What a wallet must know of a chain.
    ///
    /// # Errors
    /// Fails when there is no such chain.
    pub fn side(&self, chain: &str) -> Result<Value> {
        let chain = named(&self.0, chain)?;
        Ok(json!({
            "rpc": chain["rpc"], "chainId": chain["chain_id"],
            "hashTimeLock": chain["hash_time_lock"], "token": chain["points_token"], "peg": chain["peg"],
        }))
    }

    /// Address of an account.
    ///
    /// # Errors
    /// Fails when there is no such account.
    pub fn address(&self, account: &str) -> Result<String> {
        let chain = self.0.get(0).context("a chain")?;
        let address = named(&chain["accounts"], account)?["address"].take();
        Ok(address.as_str().context("an address")?.to_owned())
    }

    /// Points of an account.
    ///
    /// # Errors
    /// Fails when there is no such chain or account.
    pub fn points(&self, chain: &str, account: &str) -> Result<i128> {
        let account = named(&named(&self.0, chain)?["accounts"], account)?;
        let points = account["points"].as_str().context("points of an account")?;
        points.parse().context("points are a number")
    }

    /// Points that came to an account since `earlier`.
    ///
    /// # Errors
    /// As [`Self::points`].
    pub fn moved(&self, earlier: &Self, chain: &str, account: &str) -> Result<i128> {
        Ok(self.points(chain, account)? - earlier.points(chain, account)?)
    }

    /// Every account has on every chain exactly the points it had `earlier`.
    ///
    /// # Errors
    /// Names the first account that has not.
    pub fn as_before(&self, earlier: &Self) -> Result<()> {
        let chains = self.0.as_array().context("a list of chains")?;
        for chain in chains {
            let name = chain["name"].as_str().context("a name")?;
            for account in chain["accounts"].as_array().context("accounts")? {
                let account = account["name"].as_str().context("a name")?;
                let moved = self.moved(earlier, name, account)?;
                ensure!(moved == 0, "{account} has {moved} more on {name}");
            }
        }
        Ok(())
    }
}

fn named(list: &Value, name: &str) -> Result<Value> {
    let found = list
        .as_array()
        .and_then(|l| l.iter().find(|item| item["name"] == name));
    found
        .cloned()
        .with_context(|| format!("no {name} in {list}"))
}

/// Starts a swap of public points of alice for consortium points, as soon as the daemon knows the time of both chains.
///
/// # Errors
/// Fails when the daemon refuses it.
pub fn alice_gives(causeway: &Causeway, amount: u64, counterparty: &str) -> Result<String> {
    let amount = format!("{amount}wei");
    #[rustfmt::skip]
    let start = [
        "transfer", "start", "--from", "public:alice", "--give", &amount, "--counterparty", counterparty,
        "--to", "consortium:alice", "--want", &amount,
    ];
    let started = eventually("the daemon takes transfers", || {
        match causeway.ask(&start) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.to_string().contains("unavailable (503)") => Ok(None),
            Err(error) => Err(error),
        }
    })?;
    Ok(started["id"].as_str().context("an id")?.to_owned())
}

/// Our part of `role` in a transfer, once there is one.
///
/// # Errors
/// Fails when the daemon does not answer.
pub fn part(causeway: &Causeway, id: &str, role: &str) -> Result<Option<Value>> {
    let parts = causeway.ask(&["transfer", "show", id])?;
    let parts = parts.as_array().context("a list of parts")?;
    Ok(parts.iter().find(|part| part["role"] == role).cloned())
}

/// Waits until our part of `role` has ended; returns it.
///
/// # Errors
/// Fails when it has not in time.
pub fn ended(causeway: &Causeway, id: &str, role: &str) -> Result<Value> {
    eventually(&format!("the end of transfer {id} for the {role}"), || {
        Ok(part(causeway, id, role)?.filter(|part| part["outcome"].is_string()))
    })
}

/// Waits until a sentence about our part as initiator contains `words`.
///
/// # Errors
/// Fails when none does in time.
pub fn explained(causeway: &Causeway, id: &str, words: &str) -> Result<()> {
    eventually(&format!("transfer {id}: {words}"), || {
        let told = causeway.ask(&["explain", id])?;
        let place = told
            .as_array()
            .and_then(|parts| parts.iter().find(|part| part["role"] == "initiator"))
            .and_then(|part| part["place"].as_str().map(str::to_owned));
        Ok(place.filter(|place| place.contains(words)).map(drop))
    })
}
