//! A member is removed by vote in the middle of its transfer: its certificate opens nothing from then on, and the transfer goes
//! on, because nobody's consent is asked for it.
#![allow(missing_docs)]

use std::fs;

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{Causeway, Daemon, eventually, eventually_within, members::DECIDED};
use reqwest::{Certificate, Client, Identity, Method, StatusCode};
use serde_json::{Value, json};

/// A daemon of the local profile whose API asks for certificates of the local CA: those that the founders are bound to.
struct Office {
    causeway: Causeway,
    daemon: Daemon,
    url: String,
    runtime: tokio::runtime::Runtime,
}

impl Office {
    fn open() -> Result<Self> {
        // Installed already by another test of this file: that one serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let causeway = Causeway::new()?;
        // The first start makes the CA, under a daemon without certificates.
        causeway.up(&[])?.kill()?;
        let config = causeway.dir().join("office.toml");
        fs::write(&config, CONFIG)?;
        let path = config.to_str().context("a path of letters")?.to_owned();
        let daemon = causeway.start(&["up", "--config", &path], &[])?;
        let announced = causeway.announced();
        let url = eventually("the daemon tells its address", || {
            Ok(fs::read_to_string(&announced).ok())
        })
        .with_context(|| daemon.tail())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Self {
            causeway,
            daemon,
            url,
            runtime,
        })
    }

    /// A request with a certificate of the local CA.
    fn ask(&self, who: &str, path: &str, body: Option<&Value>) -> Result<(StatusCode, Value)> {
        let ca = self.causeway.dir().join("dev/ca");
        let read = |name: &str| fs::read(ca.join(name));
        let identity = [read(&format!("{who}.pem"))?, read(&format!("{who}.key"))?].concat();
        let client = Client::builder()
            .no_proxy()
            .use_rustls_tls()
            .tls_built_in_root_certs(false)
            .add_root_certificate(Certificate::from_pem(&read("ca.pem")?)?)
            .identity(Identity::from_pem(&identity)?)
            .build()?;
        let method = if body.is_some() {
            Method::POST
        } else {
            Method::GET
        };
        let mut request = client.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(body);
        }
        self.runtime.block_on(async {
            let response = request.send().await?;
            let status = response.status();
            let text = response.text().await?;
            Ok((
                status,
                serde_json::from_str(&text).unwrap_or(Value::String(text)),
            ))
        })
    }

    /// Asks until the answer is as wanted; slow answers and a daemon that begins are waited for.
    fn until<T>(&self, what: &str, mut check: impl FnMut(&Self) -> Result<Option<T>>) -> Result<T> {
        eventually_within(DECIDED, what, || check(self)).with_context(|| self.daemon.tail())
    }

    fn propose(&self, why: &str, motion: Value) -> Result<u64> {
        let body = json!({ "by": "member1", "why": why, "motion": motion });
        let (status, answer) = self.ask("member1", "/v1/members/proposals", Some(&body))?;
        ensure!(
            status == StatusCode::CREATED || status.is_server_error(),
            "{status} {answer}"
        );
        self.until("the proposal", |office| {
            let (_, list) = office.ask("member1", "/v1/members/proposals", None)?;
            let list = list["proposals"].as_array().cloned().unwrap_or_default();
            let ours = list.iter().find(|proposal| proposal["why"] == why);
            Ok(ours.and_then(|proposal| proposal["number"].as_u64()))
        })
    }

    fn vote(&self, by: &str, number: u64) -> Result<()> {
        let path = format!("/v1/members/proposals/{number}");
        let body = json!({ "by": by, "vote": "for" });
        let (status, answer) = self.ask(by, &format!("{path}/vote"), Some(&body))?;
        ensure!(
            status == StatusCode::OK || status.is_server_error(),
            "{status} {answer}"
        );
        self.until(&format!("the vote of {by}"), |office| {
            let (_, shown) = office.ask(by, &path, None)?;
            let votes = shown["votes"].as_array().cloned().unwrap_or_default();
            Ok(votes.iter().any(|vote| vote["name"] == by).then_some(()))
        })
    }

    fn executed(&self, number: u64) -> Result<()> {
        let path = format!("/v1/members/proposals/{number}");
        self.until(&format!("execution of proposal {number}"), |office| {
            let (_, shown) = office.ask("member1", &path, None)?;
            if shown["state"] == "executed" {
                return Ok(Some(()));
            }
            let body = json!({ "by": "member1" });
            let (status, answer) =
                office.ask("member1", &format!("{path}/execute"), Some(&body))?;
            let told = answer["detail"].as_str().unwrap_or_default();
            // Too early, or final by now: the next look tells.
            let early = told.contains("ExecutedTooEarly") || told.contains("ProposalNotIn");
            ensure!(
                status == StatusCode::OK || status.is_server_error() || early,
                "{status} {answer}"
            );
            std::thread::park_timeout(std::time::Duration::from_secs(2));
            Ok(None)
        })
    }
}

#[test]
fn a_removed_members_certificate_opens_nothing_and_its_transfer_goes_on() -> Result<()> {
    let office = Office::open()?;
    office.until("members are read", |office| {
        let (status, _) = office.ask("member4", "/v1/members", None)?;
        Ok((status == StatusCode::OK).then_some(()))
    })?;

    // A certificate votes for its own organisation alone, and one that is bound to none for nobody.
    let other =
        json!({ "by": "member2", "why": "mine", "motion": { "remove": { "organisation": 1 } } });
    for (who, told) in [("member4", "does not speak"), ("member", "does not speak")] {
        let (status, answer) = office.ask(who, "/v1/members/proposals", Some(&other))?;
        let detail = answer["detail"].as_str().unwrap_or_default();
        ensure!(
            status == StatusCode::FORBIDDEN && detail.contains(told),
            "{who}: {status} {answer}"
        );
    }

    // Without a fifth member with a validator nobody can be removed (G7): three validators bear no fault.
    let fifth = json!({ "admit": {
        "name": "fifth", "account": format!("0x{:040x}", 0x5f), "role": "member",
        "certificates": [format!("0x{:064x}", 0x5f)],
        "validators": [{
            "vote": format!("0x{:040x}", 0x6f), "network": format!("0x{:064x}", 0x6f), "endpoint": "127.0.0.1:9",
        }],
    } });
    let admission = office.propose("there are five of us", fifth)?;
    // Three of four, with the proposer; of five it takes four.
    for by in ["member2", "member3"] {
        office.vote(by, admission)?;
    }
    office.executed(admission)?;
    let removal = office.propose(
        "it left the consortium",
        json!({ "remove": { "organisation": 4 } }),
    )?;
    for by in ["member2", "member3", "member4"] {
        office.vote(by, removal)?;
    }

    // In the middle of a transfer the member is removed.
    let transfer = json!({
        "from": { "chain": "public", "account": "alice" },
        "give": { "asset": "points", "amount": "5" },
        "counterparty": "bob",
        "to": { "chain": "consortium", "account": "alice" },
        "want": { "asset": "points", "amount": "5" },
    });
    let (status, started) = office.ask("member4", "/v1/transfers", Some(&transfer))?;
    ensure!(status.is_success(), "{status} {started}");
    let id = started["id"].as_str().context("an id")?.to_owned();
    office.executed(removal)?;
    let barred = office.until("the certificate is refused", |office| {
        let (status, answer) = office.ask("member4", "/v1/members", None)?;
        Ok((status == StatusCode::FORBIDDEN).then_some(answer))
    })?;
    let told = barred["detail"].as_str().unwrap_or_default();
    ensure!(told.contains("removed"), "{barred}");
    let vote = json!({ "by": "member4", "vote": "for" });
    let (status, answer) = office.ask(
        "member4",
        &format!("/v1/members/proposals/{removal}/vote"),
        Some(&vote),
    )?;
    ensure!(status == StatusCode::FORBIDDEN, "{status} {answer}");

    // The others go on, and so does what it began.
    let (status, members) = office.ask("member1", "/v1/members", None)?;
    ensure!(status == StatusCode::OK, "{status} {members}");
    let names = members["organisations"].as_array().context("members")?;
    ensure!(
        names.iter().all(|one| one["name"] != "member4"),
        "{members}"
    );
    office.until("the transfer completes", |office| {
        let (_, shown) = office.ask("member1", &format!("/v1/transfers/{id}"), None)?;
        let parts = shown.as_array().cloned().unwrap_or_default();
        let ended = |part: &Value| part["role"] == "initiator" && part["outcome"] == "completed";
        Ok(parts.iter().any(ended).then_some(()))
    })
}

const CONFIG: &str = r#"
profile = "local"
[api]
listen = "127.0.0.1:0"
tls.client_ca_file = "dev/ca/ca.pem"
tls.certificate_file = "dev/ca/server.pem"
tls.key_file = "dev/ca/server.key"
[hosted.public]
kind = "public"
chain_id = 7001
local_validators = 7
rpc.listen = "127.0.0.1:8545"
[hosted.consortium]
kind = "consortium"
chain_id = 7002
local_validators = 4
rpc.listen = "127.0.0.1:8547"
[transfers]
outage_budget_seconds = 3
clock_skew_seconds = 1
private_refund_seconds = 4
slack_seconds = 4
"#;
