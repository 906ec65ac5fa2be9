//! Operators of a feed as their companies run them: a process, a key, a database and a view of the devices each. They know
//! each other by address and certificate alone, and see the chains by JSON-RPC.

use std::{
    cell::RefCell,
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, hex, keccak256};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{Causeway, Daemon, devices::FEED, eventually, free_address, settling::Pair, wallet};

/// Names of the operators.
pub const NAMES: [&str; 4] = ["north", "east", "south", "west"];
/// The account that owns the devices; the first operator's daemon has its key.
pub const OWNER: &str = "owner";
/// A member who reads for money; the first operator's daemon has its key too.
pub const READER: &str = "reader";
/// A hundred native points.
const GIFT: &str = "100000000000000000000";

/// What the four agreed on before any of them began: CAs and addresses. Keys stay with each.
pub struct Club {
    dir: tempfile::TempDir,
    operators: Vec<Operator>,
}

/// One operator.
pub struct Operator {
    /// Its name.
    pub name: &'static str,
    /// Its installation.
    pub causeway: Causeway,
    account: Address,
    /// Where devices post readings.
    readings: u16,
    /// Where the others send messages.
    messages: u16,
    daemon: RefCell<Option<Daemon>>,
}

impl Club {
    /// Makes keys and certificates of all, deploys their feed on the chains of `host`, and starts every one of them.
    ///
    /// # Errors
    /// Fails when a command or a daemon does.
    pub fn found(host: &Causeway, pair: &Pair) -> Result<Self> {
        let dir = tempfile::tempdir().context("making a directory")?;
        let mut club = Self {
            dir,
            operators: Vec::new(),
        };
        let ports: Vec<u16> = (0..2 * NAMES.len())
            .map(|_| Ok(free_address()?.port()))
            .collect::<Result<_>>()?;
        for (name, ports) in NAMES.into_iter().zip(ports.chunks(2)) {
            let mut causeway = Causeway::new()?;
            causeway.outside_local();
            club.operators.push(Operator {
                name,
                causeway,
                account: Address::ZERO,
                readings: ports[0],
                messages: ports[1],
                daemon: RefCell::new(None),
            });
        }
        club.certify()?;
        let (mut owner, mut reader) = (Address::ZERO, Address::ZERO);
        for operator in &mut club.operators {
            operator.account = key(&operator.causeway, operator.name)?;
            if operator.name == NAMES[0] {
                owner = key(&operator.causeway, OWNER)?;
                reader = key(&operator.causeway, READER)?;
            }
        }
        let accounts: Vec<Address> = club.operators.iter().map(|one| one.account).collect();
        for account in accounts.iter().chain([&owner, &reader]) {
            let mut gift = pair.wallet(host, "carol", "public")?;
            (gift["to"], gift["amount"]) = (account.to_string().into(), GIFT.into());
            wallet("fund.mjs", &gift)?;
        }
        let aggregators = deploy(host, pair, &accounts)?;
        let contracts: Value = serde_json::from_str(&host.get("/v1/oracle")?)?;
        for place in 0..NAMES.len() {
            let text = club.config(place, pair, &contracts, &aggregators, owner)?;
            let file = club.operators[place].causeway.dir().join("operator.toml");
            fs::write(&file, text)?;
            let causeway = &mut club.operators[place].causeway;
            causeway.set("CAUSEWAY_CONFIG", file);
            for (variable, name) in [
                ("CERTIFICATE", "me.pem"),
                ("KEY", "me.key"),
                ("CA", "ca.pem"),
            ] {
                let path = club.dir.path().join("api").join(name);
                causeway.set(&format!("CAUSEWAY_CLIENT_{variable}"), path);
            }
            club.operators[place].up()?;
        }
        Ok(club)
    }

    /// An operator by its place.
    pub fn at(&self, place: usize) -> &Operator {
        &self.operators[place]
    }

    /// Runs a command of the first operator's daemon as the member who reads.
    ///
    /// # Errors
    /// Fails when the command does, with what it said.
    pub fn ask_as_reader(&self, arguments: &[&str]) -> Result<Value> {
        let api = self.dir.path().join("api");
        let mut command = self.operators[0].causeway.command(arguments);
        let output = command
            .arg("--json")
            .env("CAUSEWAY_CLIENT_CERTIFICATE", api.join("reader.pem"))
            .env("CAUSEWAY_CLIENT_KEY", api.join("reader.key"))
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let why = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{arguments:?}: {said}{why}");
        serde_json::from_str(&said).with_context(|| format!("not JSON: {said}"))
    }

    /// The CA of devices.
    pub fn devices(&self) -> PathBuf {
        self.dir.path().join("devices")
    }

    /// Has a device send to every operator, as its owner would after all of them told him their addresses.
    ///
    /// # Errors
    /// Fails when the device's configuration cannot be changed.
    pub fn send_to_all(&self, device: &Path) -> Result<()> {
        let path = device.join("device.toml");
        let urls = self.operators.iter();
        let urls: Vec<String> = urls
            .map(|one| format!("https://127.0.0.1:{}", one.readings))
            .collect();
        let text = fs::read_to_string(&path)?;
        let line = |line: &str| match line.starts_with("url = ") {
            true => format!("url = {urls:?}"),
            false => line.to_owned(),
        };
        let lines: Vec<String> = text.lines().map(line).collect();
        fs::write(&path, lines.join("\n") + "\n").context("the device's configuration")
    }

    /// The end of every log.
    pub fn tails(&self) -> String {
        let tail = |one: &Operator| {
            let tail = one
                .daemon
                .borrow()
                .as_ref()
                .map(Daemon::tail)
                .unwrap_or_default();
            format!("--- {}\n{tail}", one.name)
        };
        let tails: Vec<String> = self.operators.iter().map(tail).collect();
        tails.join("\n")
    }

    /// Three CAs: of those who ask the API, of operators, of devices.
    fn certify(&self) -> Result<()> {
        let maker = &self.operators[0].causeway;
        let path = |name: &str| self.dir.path().join(name).display().to_string();
        let [api, operators, devices] = ["api", "operators", "devices"].map(path);
        for ca in [&api, &operators, &devices] {
            maker.ask(&["key", "ca", "--dir", ca])?;
        }
        let issue = |dir: &str, name: &str, role: &[&str]| {
            let subject = ["key", "issue", "--dir", dir, "--name", name, "--role"];
            maker.ask(&[&subject, role].concat())
        };
        let here = ["--host", "127.0.0.1"];
        issue(&api, "api", &[&["server"][..], &here].concat())?;
        issue(&api, "me", &["operator"])?;
        issue(&api, READER, &["member"])?;
        for name in NAMES {
            issue(&operators, name, &[&["operator"][..], &here].concat())?;
            issue(&devices, name, &[&["server"][..], &here].concat())?;
        }
        Ok(())
    }

    fn config(
        &self,
        place: usize,
        pair: &Pair,
        contracts: &Value,
        aggregators: &[String; 2],
        owner: Address,
    ) -> Result<String> {
        let own = &self.operators[place];
        let tls = |what: &str, ca: &str, name: &str| {
            let file = |file: String| self.dir.path().join(ca).join(file).display().to_string();
            let [client, certificate, key] = [
                "ca.pem".into(),
                format!("{name}.pem"),
                format!("{name}.key"),
            ]
            .map(file);
            format!(
                "{what}.client_ca_file = \"{client}\"\n{what}.certificate_file = \"{certificate}\"\n\
                 {what}.key_file = \"{key}\"\n"
            )
        };
        let name = own.name;
        let mut text = format!(
            "profile = \"trial\"\n[api]\nlisten = \"127.0.0.1:0\"\n{}[transfers]\ncarry = false\n\
             outage_budget_seconds = 20\nclock_skew_seconds = 1\n",
            tls("tls", "api", "api")
        );
        let others: &[&str] = if place == 0 { &[OWNER, READER] } else { &[] };
        for account in [name].iter().chain(others) {
            text += &format!(
                "[accounts.{account}]\nkeystore_file = \"{account}.json\"\npassword_file = \"password\"\n"
            );
        }
        for chain in ["public", "consortium"] {
            text += &format!(
                "[evm.{chain}]\nchain_id = {}\nurls = [\"{}\"]\nhash_time_lock = \"{}\"\nfinality = \"finalized\"\n\
                 poll_ms = 250\nrequest_timeout_ms = 10000\nassumed_inclusion_ms = 2000\n\
                 assumed_finality_ms = 2000\nfees.default_tip_wei = 0\n",
                pair.id(chain)?,
                pair.field(chain, "rpc")?,
                pair.field(chain, "hash_time_lock")?,
            );
        }
        text +=
            "[oracle.contracts]\npublic_chain = \"public\"\nconsortium_chain = \"consortium\"\n";
        for contract in [
            "device_registry",
            "evidence_roll",
            "data_market",
            "device_mirror",
            "evidence",
        ] {
            text += &format!("{contract} = {}\n", contracts[contract]);
        }
        let [home, twin] = aggregators;
        text += &format!(
            "[[oracle.feeds]]\nname = \"{FEED}\"\nunit = \"Cel\"\ndecimals = 2\nmin = -4000\nmax = 6000\n\
             owners = [\"{owner}\"]\npublic_aggregator = \"{home}\"\nconsortium_aggregator = \"{twin}\"\n\
             [oracle.operators.{name}]\nlisten = \"127.0.0.1:{}\"\nmessages_listen = \"127.0.0.1:{}\"\n{}{}",
            own.readings,
            own.messages,
            tls("tls", "devices", name),
            tls("messages_tls", "operators", name),
        );
        for other in self.operators.iter().filter(|other| other.name != name) {
            text += &format!(
                "[[oracle.peers]]\nname = \"{}\"\naccount = \"{}\"\nurl = \"https://127.0.0.1:{}\"\n",
                other.name, other.account, other.messages
            );
        }
        Ok(text)
    }
}

impl Operator {
    /// Starts it.
    ///
    /// # Errors
    /// Fails when it does not become ready.
    pub fn up(&self) -> Result<()> {
        let daemon = self.causeway.up(&[]);
        let daemon = daemon.with_context(|| format!("starting {}", self.name))?;
        self.daemon.replace(Some(daemon));
        Ok(())
    }

    /// Kills it as `kill -9` does.
    ///
    /// # Errors
    /// Fails when it does not run.
    pub fn kill(&self) -> Result<()> {
        self.daemon.take().context("it does not run")?.kill()
    }

    /// Where devices post readings to it.
    pub fn readings_port(&self) -> u16 {
        self.readings
    }

    /// Whether it runs.
    pub fn runs(&self) -> bool {
        self.daemon.borrow().is_some()
    }

    /// The feed as it sees it on one chain.
    ///
    /// # Errors
    /// Fails when it does not answer.
    pub fn sees(&self, chain: &str) -> Result<Value> {
        let feed = self.causeway.ask(&["feed", "show", FEED])?;
        let ends = feed["chains"].as_array().context("chains")?;
        let end = ends.iter().find(|end| end["chain"] == chain);
        end.cloned().with_context(|| format!("no {chain}: {feed}"))
    }

    /// Numbers of the readings of a device in its archive.
    ///
    /// # Errors
    /// Fails when it does not answer.
    pub fn stored(&self, did: &str, limit: u64) -> Result<Vec<u64>> {
        let limit = limit.to_string();
        let page = self
            .causeway
            .ask(&["reading", "list", did, "--limit", &limit])?;
        let readings = page["readings"].as_array().context("readings")?;
        let number = |one: &Value| one["sequence"].as_u64().context("a number");
        readings.iter().map(number).collect()
    }

    /// Waits until it has stored the reading of this number.
    ///
    /// # Errors
    /// Fails when it has not in time.
    pub fn has(&self, did: &str, sequence: u64) -> Result<()> {
        eventually(&format!("reading {sequence} at {}", self.name), || {
            let page = self
                .causeway
                .ask(&["reading", "list", did, "--limit", "1"])?;
            let newest = page["newest"][0]["sequence"].as_u64();
            Ok((newest >= Some(sequence)).then_some(()))
        })
    }
}

/// A new account, in the installation's own directory.
fn key(causeway: &Causeway, name: &str) -> Result<Address> {
    let file = |name: String| causeway.dir().join(name).display().to_string();
    let password = file("password".into());
    if !Path::new(&password).is_file() {
        fs::write(&password, "a password of a story\n")?;
    }
    let out = file(format!("{name}.json"));
    let made = causeway.ask(&["key", "new", "--out", &out, "--password-file", &password])?;
    let address = made["address"].as_str().context("an address")?;
    Ok(address.parse()?)
}

/// The feed on both chains: its first aggregator at home on the public chain, and the twin.
fn deploy(host: &Causeway, pair: &Pair, operators: &[Address]) -> Result<[String; 2]> {
    let mut sorted = operators.to_vec();
    // The contract takes them in ascending order alone.
    sorted.sort_unstable();
    let config = json!({
        "operators": hex::encode_prefixed(sorted.concat()),
        "min": -4_000, "max": 6_000,
        "alarm": { "low": 200, "high": 800, "hysteresis": 50, "duration": 2 },
        "deviation": 50, "heartbeat": 20, "staleAfter": 90,
    });
    let id = keccak256(FEED).to_string();
    let home_chain = pair.id("public")?;
    let made = |account: &str, chain: &str, home: &str| -> Result<String> {
        let mut orders = pair.wallet(host, account, chain)?;
        orders["contract"] = "FeedAggregator".into();
        orders["args"] = json!([id, home_chain, home, operators[0], 2, FEED, config]);
        let made = wallet("deploy.mjs", &orders)?;
        Ok(made["address"].as_str().context("an address")?.to_owned())
    };
    let home = made("carol", "public", "self")?;
    // By another account, so that it has another address.
    let twin = made("dave", "consortium", &home)?;
    ensure!(home != twin, "twins are told apart by their addresses");
    Ok([home, twin])
}
