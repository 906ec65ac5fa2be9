//! A settlement of a delivery between alice and bob, as their own software would make it.

use std::{io::Read as _, path::PathBuf};

use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::{SolEvent as _, SolValue as _};
use anyhow::{Context as _, Result, ensure};
use causeway_contracts::{
    DeliveryAgreement::{GoodsReceipt, PurchaseOrder},
    SettlementEscrow,
};
use serde_json::{Value, json};

use crate::{Causeway, eventually, rpc::Rpc, wallet};

/// Points in the escrow.
pub const AMOUNT: u64 = 40_000;
/// What of them the figures give bob.
pub const SHARE: u64 = 35_000;

/// What only the members of the consortium know: the files of both parties.
pub struct Private {
    dir: tempfile::TempDir,
    order: PurchaseOrder,
    receipt: GoodsReceipt,
}

impl Private {
    /// Figures that come to [`SHARE`].
    ///
    /// # Errors
    /// Fails when there is no place for the files.
    pub fn new() -> Result<Self> {
        let private = Self {
            dir: tempfile::tempdir().context("making a directory")?,
            order: PurchaseOrder {
                goods: "cathode copper, grade A, bundles of the Yunnan works".into(),
                units: U256::from(40),
                unitPrice: U256::from(1_000),
            },
            receipt: GoodsReceipt {
                delivered: U256::from(37),
                damaged: U256::from(2),
                remark: "three bundles missing at the gate, two wet".into(),
            },
        };
        std::fs::write(private.file("order"), private.order.abi_encode())?;
        std::fs::write(private.file("receipt"), private.receipt.abi_encode())?;
        // The order's is made by the command that opens the escrow; this one the parties agreed on before.
        let mut salt = B256::ZERO;
        std::fs::File::open("/dev/urandom")?.read_exact(salt.as_mut_slice())?;
        std::fs::write(private.file("receipt.salt"), salt.to_string())?;
        Ok(private)
    }

    /// Path of one of the files, as an argument.
    pub fn path(&self, name: &str) -> String {
        self.file(name).to_string_lossy().into_owned()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn salt(&self, name: &str) -> Result<B256> {
        let text = std::fs::read_to_string(self.file(name)).context("the random value")?;
        text.trim().parse().context("32 bytes")
    }

    /// Everything that must not leave the consortium.
    ///
    /// # Errors
    /// Fails before the random values are made.
    pub fn secrets(&self) -> Result<Vec<(&'static str, Vec<u8>)>> {
        // A figure alone is a number like any other; both together are the delivery.
        let figures = |a: U256, b: U256| [a.to_be_bytes::<32>(), b.to_be_bytes::<32>()].concat();
        // The first word of a text would be enough to tell.
        let word = |text: &str| text.as_bytes().iter().take(16).copied().collect();
        Ok(vec![
            ("the goods", word(&self.order.goods)),
            ("the remark", word(&self.receipt.remark)),
            (
                "units and price",
                figures(self.order.units, self.order.unitPrice),
            ),
            (
                "delivered and damaged",
                figures(self.receipt.delivered, self.receipt.damaged),
            ),
            (
                "the order's random value",
                self.salt("order.salt")?.to_vec(),
            ),
            (
                "the receipt's random value",
                self.salt("receipt.salt")?.to_vec(),
            ),
        ])
    }
}

/// Both chains of the local profile with their contracts, as a daemon tells them.
pub struct Pair {
    chains: Value,
}

impl Pair {
    /// What the daemon says of its chains.
    ///
    /// # Errors
    /// Fails when it does not answer.
    pub fn of(causeway: &Causeway) -> Result<Self> {
        let chains = causeway.ask(&["chain", "status"])?;
        Ok(Self { chains })
    }

    fn chain(&self, name: &str) -> Result<&Value> {
        let chains = self.chains.as_array().context("a list of chains")?;
        let found = chains.iter().find(|chain| chain["name"] == name);
        found.with_context(|| format!("no chain {name} in {}", self.chains))
    }

    /// A field of a chain.
    ///
    /// # Errors
    /// Fails when there is none.
    pub fn field(&self, chain: &str, field: &str) -> Result<&str> {
        let chain = self.chain(chain)?;
        chain[field]
            .as_str()
            .with_context(|| format!("no {field} in {chain}"))
    }

    /// A client of a chain.
    ///
    /// # Errors
    /// Fails when it serves none.
    pub fn rpc(&self, chain: &str) -> Result<Rpc> {
        Rpc::new(self.field(chain, "rpc")?)
    }

    /// The id of a chain.
    ///
    /// # Errors
    /// Fails when there is no such chain.
    pub fn id(&self, chain: &str) -> Result<u64> {
        self.chain(chain)?["chain_id"]
            .as_u64()
            .context("a chain id")
    }

    /// What a wallet of an account must know to act on a chain.
    ///
    /// # Errors
    /// Fails when there is no such chain.
    pub fn wallet(&self, causeway: &Causeway, account: &str, chain: &str) -> Result<Value> {
        let dev = causeway.dir().join("dev");
        Ok(json!({
            "keystore": dev.join(format!("accounts/{account}.json")),
            "password": dev.join("password"),
            "rpc": self.field(chain, "rpc")?,
            "chainId": self.chain(chain)?["chain_id"],
        }))
    }

    /// The guardian pauses the unordered lane of a chain's gateway, so that it takes no message.
    ///
    /// # Errors
    /// Fails when the wallet does.
    pub fn pause(&self, causeway: &Causeway, chain: &str) -> Result<()> {
        let mut orders = self.wallet(causeway, "watchtower", chain)?;
        orders["gateway"] = self.field(chain, "gateway")?.into();
        orders["lane"] = 1.into();
        orders["paused"] = true.into();
        wallet("pause.mjs", &orders).map(drop)
    }

    /// A party puts the private figures into the business contract; returns the outcome they come to.
    ///
    /// # Errors
    /// Fails when the wallet does.
    pub fn state(
        &self,
        causeway: &Causeway,
        (party, deal): (&str, &Value),
        private: &Private,
    ) -> Result<Value> {
        let mut orders = self.wallet(causeway, party, "consortium")?;
        orders["agreement"] = self.field("consortium", "delivery_agreement")?.into();
        orders["deal"] = deal.clone();
        orders["order"] = json!({
            "goods": private.order.goods,
            "units": private.order.units.to_string(),
            "unitPrice": private.order.unitPrice.to_string(),
        });
        orders["orderSalt"] = private.salt("order.salt")?.to_string().into();
        orders["receipt"] = json!({
            "delivered": private.receipt.delivered.to_string(),
            "damaged": private.receipt.damaged.to_string(),
            "remark": private.receipt.remark,
        });
        orders["receiptSalt"] = private.salt("receipt.salt")?.to_string().into();
        wallet("delivery.mjs", &orders)
    }

    /// The deal as the event of its escrow shows it to anyone.
    ///
    /// # Errors
    /// Fails when it is not there in time.
    pub fn deal(&self) -> Result<Value> {
        let rpc = self.rpc("public")?;
        let escrow = self.field("public", "settlement")?;
        let topic = SettlementEscrow::DealOpened::SIGNATURE_HASH;
        let log = eventually("the escrow is opened", || {
            let filter = json!({"address": escrow, "fromBlock": "0x0", "topics": [topic]});
            let logs = rpc.call("eth_getLogs", json!([filter]))?;
            Ok(logs.as_array().and_then(|logs| logs.last().cloned()))
        })?;
        let data: Bytes = serde_json::from_value(log["data"].clone()).context("data of a log")?;
        let deal = SettlementEscrow::Deal::abi_decode(&data).context("a deal")?;
        Ok(json!({
            "initiator": deal.initiator, "counterparty": deal.counterparty, "asset": deal.asset,
            "amount": deal.amount.to_string(), "deadline": deal.deadline, "business": deal.business,
            "termsDigest": deal.termsDigest, "salt": deal.salt.to_string(),
        }))
    }

    /// The newest block in which the escrow said `event`, if it did.
    ///
    /// # Errors
    /// Fails when the chain does not answer.
    pub fn said(&self, event: B256) -> Result<Option<Value>> {
        let filter = json!({
            "address": self.field("public", "settlement")?, "fromBlock": "0x0", "topics": [event],
        });
        let logs = self.rpc("public")?.call("eth_getLogs", json!([filter]))?;
        Ok(logs.as_array().and_then(|logs| logs.last().cloned()))
    }

    /// Whom the transaction of a log called.
    ///
    /// # Errors
    /// Fails when the chain does not answer.
    pub fn recipient(&self, log: &Value) -> Result<String> {
        let question = json!([log["transactionHash"]]);
        let tx = self
            .rpc("public")?
            .call("eth_getTransactionByHash", question)?;
        Ok(tx["to"].as_str().context("a recipient")?.to_owned())
    }
}

/// Alice opens an escrow for bob's delivery, as soon as the daemon knows the time of both chains; returns its id.
///
/// # Errors
/// Fails when the daemon refuses it.
pub fn alice_opens(
    causeway: &Causeway,
    pair: &Pair,
    private: &Private,
    window: u64,
) -> Result<String> {
    let (amount, window) = (format!("{AMOUNT}wei"), window.to_string());
    let business = pair.field("consortium", "delivery_agreement")?;
    let (order, salt) = (private.path("order"), private.path("order.salt"));
    #[rustfmt::skip]
    let start = [
        "transfer", "start", "--kind", "settlement", "--from", "public:alice", "--give", &amount,
        "--counterparty", "bob", "--to", "consortium", "--terms", &order, "--salt-file", &salt,
        "--business", business, "--window", &window,
    ];
    let started = eventually("the daemon takes settlements", || {
        match causeway.ask(&start) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.to_string().contains("unavailable (503)") => Ok(None),
            Err(error) => Err(error),
        }
    })?;
    Ok(started["id"].as_str().context("an id")?.to_owned())
}

/// A party has the outcome of its private figures confirmed.
///
/// # Errors
/// Fails when the daemon refuses it.
pub fn confirms(causeway: &Causeway, id: &str, party: &str, private: &Private) -> Result<()> {
    let (receipt, salt) = (private.path("receipt"), private.path("receipt.salt"));
    let share = format!("{SHARE}wei");
    #[rustfmt::skip]
    let confirm = [
        "transfer", "confirm", id, "--as", party, "--data", &receipt, "--salt-file", &salt,
        "--to-counterparty", &share,
    ];
    causeway.ask(&confirm).map(drop)
}

/// Both parties put in their figures and have the outcome confirmed.
///
/// # Errors
/// Fails when a wallet or the daemon refuses.
pub fn agree(causeway: &Causeway, pair: &Pair, id: &str, private: &Private) -> Result<()> {
    let (deal, share) = (pair.deal()?, SHARE.to_string());
    for party in ["alice", "bob"] {
        let outcome = pair.state(causeway, (party, &deal), private)?;
        let got = outcome["toCounterparty"].as_str();
        ensure!(got == Some(share.as_str()), "{outcome}");
    }
    for party in ["alice", "bob"] {
        confirms(causeway, id, party, private)?;
    }
    Ok(())
}
