//! Two daemons that know nothing of each other carry messages on the same lanes and transfers over one peg: outsiders, each
//! with a database and an account of its own, who see the chains by JSON-RPC alone and asked nobody. Both are killed and
//! started again at random moments. Nothing is lost, each message is executed and each transfer paid exactly once, and that
//! the other was quicker is no failure.
#![allow(missing_docs)]

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use alloy_primitives::B256;
use alloy_sol_types::SolEvent as _;
use anyhow::{Context as _, Result, ensure};
use causeway_contracts::Gateway;
use causeway_stories::{
    Causeway, Daemon,
    books::{Books, ended},
    eventually,
    pegs::{begin, held_and_minted},
    settling::Pair,
    wallet,
};
use serde_json::{Value, json};

/// Rounds of sending and killing.
const ROUNDS: usize = 3;
/// Call data of ERC-20's `totalSupply()`.
const TOTAL_SUPPLY: &str = "0x18160ddd";
/// Units of each transfer over the peg.
const PEGGED: u64 = 500;
/// Ten native points.
const GIFT: &str = "10000000000000000000";

/// A daemon that hosts nothing and is in nobody's configuration.
struct Outsider {
    name: &'static str,
    causeway: Causeway,
    config: PathBuf,
    daemon: Option<Daemon>,
}

impl Outsider {
    fn start(name: &'static str, pair: &Pair, books: &Books) -> Result<Self> {
        let causeway = Causeway::new()?;
        let mut text = "profile = \"local\"\n[transfers]\noutage_budget_seconds = 60\nclock_skew_seconds = 1\n".to_owned();
        for chain in ["public", "consortium"] {
            let field = |field| pair.field(chain, field);
            text += &format!(
                "[evm.{chain}]\nchain_id = {}\nurls = [\"{}\"]\nhash_time_lock = \"{}\"\npoints_token = \"{}\"\n\
                 gateway = \"{}\"\nfinality = \"finalized\"\npoll_ms = 100\nrequest_timeout_ms = 5000\n\
                 assumed_inclusion_ms = 2000\nassumed_finality_ms = 2000\nfees.default_tip_wei = 0\n",
                pair.id(chain)?,
                field("rpc")?,
                field("hash_time_lock")?,
                field("points_token")?,
                field("gateway")?,
            );
        }
        text += "[pegs.theirs]\ncarrier = \"watchtower\"\n";
        for (end, chain) in [("home", "public"), ("side", "consortium")] {
            let peg = &books.side(chain)?["peg"];
            text += &format!(
                "[pegs.theirs.{end}]\nchain = \"{chain}\"\nport = {}\nasset = {}\nlight_client = {}\n",
                peg["port"], peg["asset"], peg["client"]
            );
        }
        let config = causeway.dir().join("outsider.toml");
        fs::write(&config, text)?;
        let mut outsider = Self {
            name,
            causeway,
            config,
            daemon: None,
        };
        outsider.up()?;
        Ok(outsider)
    }

    fn up(&mut self) -> Result<()> {
        let config = self.config.to_str().context("a path that is text")?;
        let daemon = self.causeway.up(&[("CAUSEWAY_CONFIG", config)]);
        self.daemon = Some(daemon.with_context(|| format!("starting {}", self.name))?);
        Ok(())
    }

    fn kill(&mut self) -> Result<()> {
        self.daemon.take().context("it runs")?.kill()
    }

    /// Address of one of its accounts: the watchtower's pays for what it carries.
    fn address(&self, name: &str) -> Result<String> {
        let chains = self.causeway.ask(&["chain", "status"])?;
        let accounts = chains[0]["accounts"].as_array().context("accounts")?;
        let payer = accounts.iter().find(|a| a["name"] == name);
        let address = payer.and_then(|payer| payer["address"].as_str());
        Ok(address.context("an account")?.to_lowercase())
    }

    fn tail(&self) -> String {
        self.daemon.as_ref().map(Daemon::tail).unwrap_or_default()
    }
}

/// A call of the points token on the other chain, as soon as the host has read the gateways.
fn send(host: &Causeway, pair: &Pair, from: &str, to: &str, ordered: bool) -> Result<String> {
    let sender = format!("{from}:alice");
    let recipient = format!("{to}:{}", pair.field(to, "points_token")?);
    let mut arguments = vec!["message", "send", "--from", &sender, "--to", &recipient];
    arguments.extend(["--call", "--data", TOTAL_SUPPLY]);
    arguments.extend(ordered.then_some("--ordered"));
    let sent = eventually("the host takes messages", || match host.ask(&arguments) {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.to_string().contains("lane leads") => Ok(None),
        Err(error) if error.to_string().contains("(503)") => Ok(None),
        Err(error) => Err(error),
    })?;
    Ok(sent["id"].as_str().context("an id")?.to_owned())
}

/// Logs of a chain's gateway by one event, as (lane, index, transaction).
fn logs(pair: &Pair, chain: &str, event: B256) -> Result<Vec<(String, String, String)>> {
    let gateway = pair.field(chain, "gateway")?;
    let filter = json!({ "address": gateway, "fromBlock": "0x0", "topics": [event] });
    let logs = pair.rpc(chain)?.call("eth_getLogs", json!([filter]))?;
    let text = |value: &Value| value.as_str().map(str::to_owned).context("text");
    let log = |log: &Value| {
        Ok((
            text(&log["topics"][1])?,
            text(&log["topics"][2])?,
            text(&log["transactionHash"])?,
        ))
    };
    logs.as_array().context("logs")?.iter().map(log).collect()
}

/// Moments that differ from run to run; printed, so that a failure can be told.
fn random() -> Result<[u8; ROUNDS]> {
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let hash = alloy_primitives::keccak256(seed.as_nanos().to_be_bytes());
    eprintln!("moments: {hash}");
    let mut moments = [0; ROUNDS];
    moments.copy_from_slice(&hash[..ROUNDS]);
    Ok(moments)
}

#[test]
fn two_daemons_race_on_the_same_lanes_and_over_one_peg_and_nothing_is_lost_or_done_twice()
-> Result<()> {
    let host = Causeway::new()?;
    let hosting = host.up(&[("CAUSEWAY_TRANSFERS__CARRY", "false")])?;
    let (pair, books) = (Pair::of(&host)?, Books::open(&host)?);
    let mut outsiders = [
        Outsider::start("the first outsider", &pair, &books)?,
        Outsider::start("the second outsider", &pair, &books)?,
    ];
    let mut payers = Vec::new();
    for outsider in &outsiders {
        let payer = outsider.address("watchtower")?;
        let mut gift = pair.wallet(&host, "carol", "public")?;
        (gift["to"], gift["amount"]) = (payer.clone().into(), GIFT.into());
        wallet("fund.mjs", &gift)?;
        payers.push(payer);
    }
    let user = outsiders[0].address("alice")?;
    let mut gift = pair.wallet(&host, "carol", "public")?;
    (gift["to"], gift["amount"]) = (user.clone().into(), GIFT.into());
    wallet("fund.mjs", &gift)?;
    let mut points = pair.wallet(&host, "carol", "public")?;
    (points["contract"], points["method"]) = ("PointsToken".into(), "transfer".into());
    points["address"] = pair.field("public", "points_token")?.into();
    points["args"] = json!([user, (100 * PEGGED).to_string()]);
    let given = wallet("act.mjs", &points)?;
    ensure!(given["ok"] == true, "{given}");

    let mut ids = Vec::new();
    let mut pegs = Vec::new();
    let give = format!("{PEGGED}wei");
    #[rustfmt::skip]
    let peg_in = [
        "--kind", "peg-in", "--from", "public:alice", "--give", &give, "--to", "consortium:alice",
        "--window", "900",
    ];
    for moment in random()? {
        pegs.push(begin(&outsiders[0].causeway, &peg_in)?);
        for ordered in [false, true] {
            ids.push(send(&host, &pair, "public", "consortium", ordered)?);
            ids.push(send(&host, &pair, "consortium", "public", ordered)?);
        }
        std::thread::park_timeout(Duration::from_millis(u64::from(moment) * 8));
        // One, the other, or both at once.
        for (index, outsider) in outsiders.iter_mut().enumerate() {
            if (moment % 3) as usize != index {
                outsider.kill()?;
            }
        }
        for outsider in &mut outsiders {
            if outsider.daemon.is_none() {
                outsider.up()?;
            }
        }
    }

    for id in &ids {
        let shown = eventually(&format!("the end of message {id}"), || {
            let shown = host.ask(&["message", "show", id])?;
            Ok(shown["outcome"].is_string().then_some(shown))
        });
        let tails = || format!("{}\n{}", outsiders[0].tail(), outsiders[1].tail());
        let shown = shown.with_context(|| format!("{}\n{}", hosting.tail(), tails()))?;
        ensure!(shown["outcome"] == "executed", "{shown}");
    }
    let mut executed = 0;
    let mut senders = BTreeMap::new();
    for chain in ["public", "consortium"] {
        let mut seen = BTreeMap::new();
        let rpc = pair.rpc(chain)?;
        for (lane, index, tx) in logs(&pair, chain, Gateway::MessageExecuted::SIGNATURE_HASH)? {
            *seen.entry((lane, index)).or_insert(0) += 1;
            let tx = rpc.call("eth_getTransactionByHash", json!([tx]))?;
            let sender = tx["from"].as_str().context("a sender")?.to_lowercase();
            *senders.entry(sender).or_insert(0) += 1;
        }
        ensure!(
            seen.values().all(|times| *times == 1),
            "executed twice: {seen:?}"
        );
        executed += seen.len();
        let failed = logs(&pair, chain, Gateway::MessageFailed::SIGNATURE_HASH)?;
        ensure!(failed.is_empty(), "{failed:?}");
    }
    ensure!(
        executed == ids.len(),
        "{executed} executed of {}",
        ids.len()
    );
    ensure!(
        senders.keys().all(|sender| payers.contains(sender)),
        "{senders:?}, {payers:?}"
    );
    // Every transfer was paid and collected once, and both know it: one as its user, the other as who carries it.
    for (outsider, role) in outsiders.iter().zip(["user", "carrier"]) {
        for id in &pegs {
            let part = ended(&outsider.causeway, id, role);
            let part = part.with_context(|| outsider.tail())?;
            ensure!(part["outcome"] == "completed", "{part}");
            ensure!(part["alarm"].is_null(), "{part}");
        }
    }
    let moved = u128::from(PEGGED) * u128::try_from(pegs.len())?;
    ensure!(
        held_and_minted(&books)? == (moved, moved),
        "held and minted"
    );
    // Neither has anything left to do.
    for outsider in &outsiders {
        for id in &ids {
            eventually(&format!("{} knows the end of {id}", outsider.name), || {
                let shown = outsider.causeway.ask(&["message", "show", id]);
                Ok(shown.ok().filter(|shown| shown["outcome"] == "executed"))
            })
            .with_context(|| outsider.tail())?;
        }
    }
    Ok(())
}
