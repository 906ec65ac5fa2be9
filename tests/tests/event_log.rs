//! The event log: an event that a node withholds is missed and named, and comes in when the node shows it; a database that was
//! lost is made again from the chains with the same root; a log that was changed is found out at the next start, and by
//! `causeway log verify`, with the entry named.
#![allow(missing_docs)]

use std::{fs, path::PathBuf};

use alloy_sol_types::SolEvent as _;
use anyhow::{Context as _, Result, ensure};
use causeway_contracts::Gateway;
use causeway_stories::{
    Causeway, Daemon, eventually, log, pegs, root, settling::Pair, withholding::WithholdingNode,
};
use serde_json::Value;

/// Call data of ERC-20's `totalSupply()`.
const TOTAL_SUPPLY: &str = "0x18160ddd";
/// Heads every second.
const OFTEN: (&str, &str) = ("CAUSEWAY_EVENTLOG__ANCHOR_EVERY_SECONDS", "1");

/// A daemon that hosts nothing and sees the public chain through a node that withholds what it is told to.
struct WithholdingRelayer {
    causeway: Causeway,
    node: WithholdingNode,
    daemon: Daemon,
}

impl WithholdingRelayer {
    fn start(pair: &Pair) -> Result<Self> {
        let node = WithholdingNode::before(pair.field("public", "rpc")?)?;
        let causeway = Causeway::new()?;
        let mut text = "profile = \"local\"\n[transfers]\ncarry = false\n".to_owned();
        for chain in ["public", "consortium"] {
            let field = |field| pair.field(chain, field);
            let url = match chain {
                "public" => node.url(),
                _ => field("rpc")?,
            };
            text += &format!(
                "[evm.{chain}]\nchain_id = {}\nurls = [\"{url}\"]\nhash_time_lock = \"{}\"\npoints_token = \"{}\"\n\
                 gateway = \"{}\"\nfinality = \"finalized\"\npoll_ms = 100\nrequest_timeout_ms = 5000\n\
                 assumed_inclusion_ms = 2000\nassumed_finality_ms = 2000\nfees.default_tip_wei = 0\n",
                pair.id(chain)?,
                field("hash_time_lock")?,
                field("points_token")?,
                field("gateway")?,
            );
        }
        let config: PathBuf = causeway.dir().join("watcher.toml");
        fs::write(&config, text)?;
        let config = config.to_str().context("a path that is text")?;
        let daemon = causeway.up(&[("CAUSEWAY_CONFIG", config)])?;
        Ok(Self {
            causeway,
            node,
            daemon,
        })
    }

    /// Items of the public chain's lane that its log has.
    fn items(&self) -> Result<Vec<Value>> {
        log::entries(
            &self.causeway,
            &["--kind", "ItemAppended", "--chain", "public"],
        )
    }
}

/// A call from the public chain, as soon as the host has read the gateways.
fn send(host: &Causeway, pair: &Pair) -> Result<String> {
    let recipient = format!("consortium:{}", pair.field("consortium", "points_token")?);
    let arguments = [
        "message",
        "send",
        "--from",
        "public:alice",
        "--to",
        &recipient,
        "--call",
        "--data",
        TOTAL_SUPPLY,
    ];
    let sent = eventually("the host takes messages", || match host.ask(&arguments) {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.to_string().contains("lane leads") => Ok(None),
        Err(error) if error.to_string().contains("(503)") => Ok(None),
        Err(error) => Err(error),
    })?;
    Ok(sent["id"].as_str().context("an id")?.to_owned())
}

fn executed(host: &Causeway, id: &str) -> Result<()> {
    eventually(&format!("the end of message {id}"), || {
        let shown = host.ask(&["message", "show", id])?;
        Ok((shown["outcome"] == "executed").then_some(()))
    })
}

fn alarm(causeway: &Causeway, rule: &str, state: &[&str]) -> Result<Value> {
    eventually(&format!("an alarm {rule} that is one of {state:?}"), || {
        let list = causeway.ask(&["alarm", "list", "--all"])?;
        let alarms = list["alarms"].as_array().context("alarms")?;
        let is = |alarm: &&Value| {
            alarm["rule"] == rule && state.iter().any(|state| alarm["state"] == *state)
        };
        Ok(alarms.iter().find(is).cloned())
    })
}

#[test]
fn a_withheld_event_is_missed_and_named_and_comes_in_when_it_is_shown() -> Result<()> {
    let host = Causeway::new()?;
    let hosting = host.up(&[])?;
    let pair = Pair::of(&host)?;
    let first = send(&host, &pair)?;
    executed(&host, &first).with_context(|| hosting.tail())?;
    let watcher = WithholdingRelayer::start(&pair)?;
    let before = eventually("the watcher has the first item", || {
        let items = watcher.items()?;
        Ok((!items.is_empty()).then_some(items.len()))
    })
    .with_context(|| watcher.daemon.tail())?;

    watcher
        .node
        .withhold(Gateway::ItemAppended::SIGNATURE_HASH)?;
    let second = send(&host, &pair)?;
    executed(&host, &second)?;
    let raised = alarm(&watcher.causeway, "gap", &["raised", "escalated"])
        .with_context(|| watcher.daemon.tail())?;
    let withheld = watcher.items()?.len();
    watcher.node.show();
    let cleared = alarm(&watcher.causeway, "gap", &["cleared"]);
    let cleared = cleared.with_context(|| watcher.daemon.tail())?;
    let after = eventually("the withheld item", || {
        let items = watcher.items()?;
        Ok((items.len() > before).then_some(items.len()))
    })?;
    let verified = watcher.causeway.ask(&["log", "verify"])?;

    let text = raised["text"].as_str().unwrap_or_default();
    ensure!(
        text.contains("item 1 of lane 1") && text.contains("chain 7001"),
        "{raised}"
    );
    ensure!(raised["subject"] == "public/1", "{raised}");
    ensure!(withheld == before, "an event was logged over the gap");
    ensure!(cleared["id"] == raised["id"], "{cleared}");
    ensure!(after == before + 1, "{after} items");
    ensure!(verified["holds"] == true, "{verified}");
    Ok(())
}

#[test]
fn a_lost_log_is_made_again_with_the_same_root_and_a_changed_one_is_found_out() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[OFTEN])?;
    let pair = Pair::of(&causeway)?;
    let message = send(&causeway, &pair)?;
    executed(&causeway, &message).with_context(|| daemon.tail())?;
    let kept = log::anchored_beyond(&causeway, 0).with_context(|| daemon.tail())?;
    let verified = causeway.ask(&["log", "verify"])?;
    ensure!(verified["holds"] == true, "{verified}");
    daemon.kill()?;

    // The database is lost.
    for file in [
        "causeway.sqlite",
        "causeway.sqlite-wal",
        "causeway.sqlite-shm",
    ] {
        let path = causeway.dir().join(file);
        if path.exists() {
            fs::remove_file(path)?;
        }
    }
    let daemon = causeway.up(&[OFTEN])?;
    let agrees = eventually("the new log agrees with the anchor", || {
        let state = causeway.ask(&["log", "head"])?;
        Ok(state["agrees"].is_boolean().then_some(state))
    })
    .with_context(|| daemon.tail())?;
    ensure!(agrees["agrees"] == true, "{agrees}");
    for part in kept["segments"].as_array().context("segments")? {
        if part["segment_id"] != 0 {
            log::same_root(&causeway, part)?;
        }
    }
    alarm(&causeway, "acts_lost", &["raised", "escalated"])?;
    let anchored = log::anchored_beyond(&causeway, kept["size"].as_u64().context("a size")?);
    anchored.with_context(|| daemon.tail())?;
    daemon.kill()?;

    for tampering in log::Tampering::ALL {
        let copy = log::Stolen::of(causeway.dir())?;
        let entry = copy.tamper(tampering)?;
        let found = copy.found_out()?;
        ensure!(
            found.alarm.contains(&entry) && found.verify.contains(&entry),
            "{tampering:?}, {entry} expected: {found:?}"
        );
    }
    Ok(())
}

#[test]
fn a_stream_goes_on_after_a_restart_or_says_that_it_cannot() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let mut log = log::Listener::to(&causeway, "/v1/log/events?after=0", None)?;
    let (first, _) = log.next("entry")?;
    let mut steps = log::Listener::to(&causeway, "/v1/events", None)?;
    let swap = ["--from", "public:alice", "--give", "5"];
    let rest = [
        "--counterparty",
        "bob",
        "--to",
        "consortium:alice",
        "--want",
        "5",
    ];
    pegs::begin(&causeway, &[swap.as_slice(), rest.as_slice()].concat())?;
    let (step, _) = steps.next("step").with_context(|| daemon.tail())?;
    drop((log, steps));
    daemon.kill()?;

    let daemon = causeway.up(&[])?;
    // The log gives everything after the id; the order of its numbers is that of before.
    let mut log = log::Listener::to(&causeway, "/v1/log/events", Some(&first))?;
    let (second, entry) = log.next("entry").with_context(|| daemon.tail())?;
    let number = |id: &str| id.rsplit('-').next().and_then(|n| n.parse::<u64>().ok());
    ensure!(
        number(&second) == number(&first).map(|first| first + 1),
        "{first} is followed by {second}: {entry}"
    );
    // Steps go on as well: what came first after the id, told or not before the end, and nothing is said to be missing.
    let mut steps = log::Listener::to(&causeway, "/v1/events", Some(&step))?;
    let (name, after, said) = steps.any().with_context(|| daemon.tail())?;
    ensure!(
        number(&after) == number(&step).map(|step| step + 1),
        "{step} is followed by {name} {after}: {said}"
    );
    // An id of another database begins with the oldest that is kept, and says so.
    let mut others = log::Listener::to(&causeway, "/v1/events", Some("00000000-1"))?;
    let (name, ..) = others.any().with_context(|| daemon.tail())?;
    ensure!(name == "gap", "{name}");
    let (again, _) = others.next("step").with_context(|| daemon.tail())?;
    ensure!(number(&again) <= number(&step), "{again} after {step}");
    // An id that is none of both is refused.
    for path in ["/v1/log/events", "/v1/events"] {
        let refused = log::Listener::to(&causeway, path, Some("yesterday"));
        ensure!(
            refused.is_err_and(|error| error.to_string().contains("400")),
            "{path} does not refuse"
        );
    }
    Ok(())
}

#[test]
fn a_lane_is_paused_with_who_when_and_why() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let lane = |causeway: &Causeway| -> Result<Value> {
        let lanes = causeway.ask(&["lane", "list"])?;
        let lanes = lanes.as_array().context("lanes")?;
        let found = lanes
            .iter()
            .find(|lane| lane["chain"] == "public" && lane["lane"] == 1);
        found.cloned().context("lane 1 of the public chain")
    };
    let before = lane(&causeway)?;

    causeway.ask(&["lane", "pause", "public", "1", "--why", "a drill"])?;
    let paused = eventually("the pause is final and in the log", || {
        let lane = lane(&causeway)?;
        Ok(lane["paused_at"].is_u64().then_some(lane))
    })
    .with_context(|| daemon.tail())?;
    let acts = eventually("the act", || {
        let acts = log::entries(&causeway, &["--kind", "paused"])?;
        Ok((!acts.is_empty()).then_some(acts))
    })?;
    let again = causeway.ask(&["lane", "pause", "public", "1", "--why", "again"]);
    let unpause = causeway.ask(&["lane", "unpause", "public", "1", "--why", "over"]);

    ensure!(before["paused"] == false, "{before}");
    ensure!(paused["paused_by"] == before["guardian"], "{paused}");
    ensure!(acts[0]["act"]["paused"]["why"] == "a drill", "{acts:?}");
    let again = again.err().context("paused already")?.to_string();
    ensure!(again.contains("paused already"), "{again}");
    let unpause = unpause
        .err()
        .context("the administrator's right")?
        .to_string();
    ensure!(unpause.contains("whose key is not here"), "{unpause}");
    Ok(())
}

#[test]
fn an_alarm_is_mailed_to_who_is_to_be_told() -> Result<()> {
    let server = log::MailServer::start()?;
    let causeway = Causeway::new()?;
    let local = fs::read_to_string(root().join("config/local.toml"))?;
    let every_lock = local.replace("[eventlog]", "[eventlog]\nlarge_value = \"1\"");
    let config = causeway.dir().join("mailed.toml");
    let mail = format!(
        "\n[alarms.mail]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"causeway@example.org\"\n\
         to = [\"duty@example.org\"]\n",
        server.port
    );
    fs::write(&config, every_lock + &mail)?;
    let config = config.to_str().context("a path that is text")?;
    let daemon = causeway.up(&[("CAUSEWAY_CONFIG", config)])?;

    let started = pegs::begin(
        &causeway,
        &[
            "--from",
            "public:alice",
            "--give",
            "5",
            "--counterparty",
            "bob",
            "--to",
            "consortium:alice",
            "--want",
            "5",
        ],
    )?;
    let message = server.message().with_context(|| daemon.tail())?;
    let raised = alarm(&causeway, "large_value", &["raised", "escalated"])?;
    let id = raised["id"].to_string();
    let seen = causeway.ask(&["alarm", "ack", &id, "--note", "expected"])?;
    let of_transfer = eventually("the transfer in the log", || {
        let entries = log::entries(&causeway, &["--transfer", &started])?;
        Ok((!entries.is_empty()).then_some(entries))
    })?;

    ensure!(message["to"][0] == "duty@example.org", "{message}");
    let content = message["content"].as_str().unwrap_or_default();
    ensure!(content.contains("large_value raised"), "{content}");
    ensure!(
        seen["state"] == "acknowledged" && seen["note"] == "expected",
        "{seen}"
    );
    ensure!(
        of_transfer.iter().any(|entry| entry["kind"] == "Locked"),
        "{of_transfer:?}"
    );
    Ok(())
}

#[test]
fn an_alarm_is_mailed_over_tls_and_to_nobody_whose_certificate_is_not_believed() -> Result<()> {
    // A run before made the authority and the server's certificate.
    let causeway = Causeway::new()?;
    causeway.up(&[])?.kill()?;
    let ca = causeway.dir().join("dev/ca");
    let local = fs::read_to_string(root().join("config/local.toml"))?;
    let every_lock = local.replace("[eventlog]", "[eventlog]\nlarge_value = \"1\"");
    let mut locks = 0;
    for how in ["implicit", "starttls"] {
        let server = log::MailServer::encrypted(how, &ca)?;
        let mail = |ca_file: &str| {
            format!(
                "\n[alarms.mail]\nhost = \"localhost\"\nport = {}\ntls = \"{how}\"\n{ca_file}\
                 from = \"causeway@example.org\"\nto = [\"duty@example.org\"]\n",
                server.port
            )
        };
        let config = causeway.dir().join(format!("{how}.toml"));
        let path = config.to_str().context("a path that is text")?;
        let mut lock = || {
            locks += 1;
            let give = locks.to_string();
            let from = [
                "--from",
                "public:alice",
                "--give",
                &give,
                "--counterparty",
                "bob",
            ];
            let to = ["--to", "consortium:alice", "--want", "5"];
            pegs::begin(&causeway, &[from.as_slice(), to.as_slice()].concat())
        };

        fs::write(&config, every_lock.clone() + &mail(""))?;
        let daemon = causeway.up(&[("CAUSEWAY_CONFIG", path)])?;
        lock()?;
        eventually("mail that cannot be sent", || {
            let failed = "causeway_alarm_deliveries_total{channel=\"mail\",outcome=\"failed\"}";
            Ok(causeway.get("/metrics")?.contains(failed).then_some(()))
        })
        .with_context(|| daemon.tail())?;
        daemon.kill()?;
        let believed = format!("ca_file = \"{}\"\n", ca.join("ca.pem").display());
        fs::write(&config, every_lock.clone() + &mail(&believed))?;
        let daemon = causeway.up(&[("CAUSEWAY_CONFIG", path)])?;
        let message = server.message().with_context(|| daemon.tail())?;

        ensure!(message["tls"] == true, "{message}");
        let content = message["content"].as_str().unwrap_or_default();
        ensure!(content.contains("large_value raised"), "{content}");
        daemon.kill()?;
    }
    Ok(())
}

#[test]
fn an_independent_tool_that_knows_the_description_finds_no_server_error() -> Result<()> {
    let causeway = Causeway::new()?;
    let daemon = causeway.up(&[])?;
    let pair = Pair::of(&causeway)?;
    let message = send(&causeway, &pair)?;
    executed(&causeway, &message).with_context(|| daemon.tail())?;
    let url = fs::read_to_string(causeway.announced())?;

    let output = std::process::Command::new(log::python_tool("schemathesis")?)
        .args(["run", &format!("{url}/openapi.json")])
        .args([
            "--checks",
            "not_a_server_error",
            "--seed",
            "1",
            "--max-examples",
            "8",
        ])
        .args([
            "--exclude-path",
            "/v1/events",
            "--exclude-path",
            "/v1/log/events",
        ])
        .args(["--suppress-health-check", "all", "--request-timeout", "60"])
        .args(["--generation-database", "none", "--no-color"])
        .current_dir(causeway.dir())
        .output()
        .context("running schemathesis: run `cargo xtask install`")?;

    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{said}\n{}", daemon.tail());
    Ok(())
}
