//! Holders who act on proofs: a wallet for each, and the binary that proves.

use std::path::PathBuf;

use alloy_primitives::{B256, U256};
use anyhow::{Context as _, Result, ensure};
use causeway_circuits::witness::Witness;
use serde_json::{Value, json};

use crate::{Causeway, books::Books, rpc::Rpc, wallet};

/// One chain of the local profile with its contracts of proofs, and the wallets of its people.
pub struct Scene<'a> {
    causeway: &'a Causeway,
    /// Who has how much, at the beginning.
    pub books: Books,
    side: Value,
    contracts: Value,
    /// Id of the chain.
    pub chain_id: u64,
}

/// A proof that the binary made.
pub struct Made {
    /// Its file.
    pub file: PathBuf,
    /// The words of the proof.
    pub words: Vec<U256>,
    /// The public inputs.
    pub inputs: Vec<U256>,
}

impl<'a> Scene<'a> {
    /// The chain of this name, once its contracts are there.
    ///
    /// # Errors
    /// Fails when the daemon does not answer.
    pub fn open(causeway: &'a Causeway, chain: &str) -> Result<Self> {
        let books = Books::open(causeway)?;
        let side = books.side(chain)?;
        let contracts = causeway.ask(&["proof", "circuits", chain])?["contracts"].take();
        let chain_id = side["chainId"].as_u64().context("a chain id")?;
        Ok(Self {
            causeway,
            books,
            side,
            contracts,
            chain_id,
        })
    }

    /// Address of a contract.
    ///
    /// # Errors
    /// Fails when the chain has no such contract.
    pub fn at(&self, contract: &str) -> Result<&str> {
        let known = match contract {
            "HashTimeLock" => &self.side["hashTimeLock"],
            "PointsToken" => &self.side["token"],
            other => &self.contracts[other],
        };
        known
            .as_str()
            .with_context(|| format!("address of {contract}"))
    }

    /// Seconds of the chain's clock.
    ///
    /// # Errors
    /// Fails when the node does not answer.
    pub fn now(&self) -> Result<u64> {
        let rpc = Rpc::new(self.side["rpc"].as_str().context("a URL")?)?;
        let block = rpc.call("eth_getBlockByNumber", json!(["latest", false]))?;
        let time = block["timestamp"].as_str().context("a time")?;
        u64::from_str_radix(time.trim_start_matches("0x"), 16).context("a time")
    }

    /// Has `who` call a contract; returns how that ended, a refusal included.
    ///
    /// # Errors
    /// Fails when the wallet fails.
    pub fn try_act(&self, who: &str, contract: &str, method: &str, args: Value) -> Result<Value> {
        self.order(who, contract, method, args, false)
    }

    /// Has `who` call a contract, which must not refuse.
    ///
    /// # Errors
    /// As [`Self::try_act`], and with the contract's error.
    pub fn act(&self, who: &str, contract: &str, method: &str, args: Value) -> Result<Value> {
        let done = self.try_act(who, contract, method, args)?;
        ensure!(done["ok"] == true, "{contract}.{method} by {who}: {done}");
        Ok(done)
    }

    /// Has `who` call a contract, which must refuse with this error.
    ///
    /// # Errors
    /// As [`Self::try_act`], and when it does not refuse so.
    pub fn refused(
        &self,
        by: &str,
        who: &str,
        contract: &str,
        method: &str,
        args: Value,
    ) -> Result<()> {
        let done = self.try_act(who, contract, method, args)?;
        ensure!(
            done["error"] == by,
            "{contract}.{method} by {who}: {done}, expected {by}"
        );
        Ok(())
    }

    /// Asks a contract.
    ///
    /// # Errors
    /// As [`Self::act`].
    pub fn ask(&self, contract: &str, method: &str, args: Value) -> Result<Value> {
        let mut done = self.order("carol", contract, method, args, true)?;
        ensure!(done["ok"] == true, "{contract}.{method}: {done}");
        Ok(done["answer"].take())
    }

    /// Proves a witness with the binary.
    ///
    /// # Errors
    /// Fails with what the binary says.
    pub fn prove(&self, name: &str, witness: &Witness) -> Result<Made> {
        let (private, file) = (format!("{name}.witness.json"), format!("{name}.proof.json"));
        let [private, file] = [private, file].map(|name| self.causeway.dir().join(name));
        std::fs::write(&private, serde_json::to_vec(witness)?)?;
        let path = |path: &PathBuf| path.display().to_string();
        self.causeway
            .ask(&["proof", "make", &path(&private), "--out", &path(&file)])?;
        self.read_proof(file)
    }

    /// A proof that the binary made.
    ///
    /// # Errors
    /// Fails with what the binary says.
    pub fn read_proof(&self, file: PathBuf) -> Result<Made> {
        let path = file.display().to_string();
        let data = self
            .causeway
            .ask(&["proof", "export", &path, "--to", "calldata"])?;
        let words = |value: &Value| serde_json::from_value::<Vec<U256>>(value.clone());
        Ok(Made {
            words: words(&data["proof"])?,
            inputs: words(&data["inputs"])?,
            file,
        })
    }

    /// Has `who` compile and deploy a generated verifier; returns its address.
    ///
    /// # Errors
    /// Fails when it does not compile, and when the wallet fails.
    pub fn deploy_verifier(&self, who: &str, name: &str, source: &str) -> Result<String> {
        let mut orders = self.wallet_of(who);
        orders["name"] = json!(name);
        orders["source"] = json!(source);
        let deployed = wallet("verifier.mjs", &orders)?;
        let address = deployed["address"].as_str().context("an address")?;
        Ok(address.to_owned())
    }

    fn order(
        &self,
        who: &str,
        contract: &str,
        method: &str,
        args: Value,
        view: bool,
    ) -> Result<Value> {
        let mut orders = self.wallet_of(who);
        orders["contract"] = json!(contract);
        orders["address"] = json!(self.at(contract)?);
        orders["method"] = json!(method);
        orders["args"] = args;
        orders["view"] = json!(view);
        wallet("act.mjs", &orders)
    }

    /// What a wallet must know of its holder and the chain.
    fn wallet_of(&self, who: &str) -> Value {
        let dev = self.causeway.dir().join("dev");
        json!({
            "keystore": dev.join(format!("accounts/{who}.json")), "password": dev.join("password"),
            "rpc": self.side["rpc"], "chainId": self.chain_id,
        })
    }
}

impl Made {
    /// A public input as 32 bytes.
    pub fn input(&self, index: usize) -> B256 {
        B256::from(self.inputs[index])
    }

    /// The proof as a contract takes it.
    ///
    /// # Errors
    /// Fails when it has not eight words.
    pub fn proof(&self) -> Result<[U256; 8]> {
        let words = self.words.clone().try_into();
        words.map_err(|words: Vec<U256>| anyhow::anyhow!("{} words", words.len()))
    }
}
