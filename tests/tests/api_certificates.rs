//! The API behind mutual TLS, as a client meets it: who gets in, and what each role may do.
#![allow(missing_docs)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use causeway_stories::{Causeway, Daemon, eventually};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType, date_time_ymd,
};
use reqwest::{Certificate, Client, Identity, Method, StatusCode};
use serde_json::{Value, json};

/// A daemon whose API asks for certificates of the CA in `tls`.
struct Office {
    causeway: Causeway,
    tls: PathBuf,
    url: String,
    daemon: Daemon,
    runtime: tokio::runtime::Runtime,
}

impl Office {
    fn open() -> Result<Self> {
        // Installed already by another test of this file: that one serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let causeway = Causeway::new()?;
        let tls = causeway.dir().join("tls");
        fs::create_dir(&tls)?;
        authority(&causeway, &tls)?;
        issue(&causeway, &tls, "api", &["server", "--host", "127.0.0.1"])?;
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
            tls,
            url,
            daemon,
            runtime,
        })
    }

    /// A certificate and key of the office's CA, by the command an operator would use.
    fn identity(&self, role: &str) -> Result<Vec<u8>> {
        let name = format!("a-{role}");
        issue(&self.causeway, &self.tls, &name, &[role])?;
        both(&self.tls, &name)
    }

    /// A certificate with the office's own CA key and dates of our choice.
    fn expired(&self) -> Result<Vec<u8>> {
        let read = |name: &str| fs::read_to_string(self.tls.join(name));
        let issuer =
            Issuer::from_ca_cert_pem(&read("ca.pem")?, KeyPair::from_pem(&read("ca.key")?)?)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "late");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.subject_alt_names = vec![SanType::URI("urn:causeway:role:admin".try_into()?)];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?;
        Ok([certificate.pem(), key.serialize_pem()]
            .concat()
            .into_bytes())
    }

    /// One request over a connection of its own; an error is one of the connection.
    fn ask(
        &self,
        identity: Option<&[u8]>,
        method: Method,
        path: &str,
    ) -> Result<(StatusCode, Value)> {
        self.ask_with(identity, method, path, &json!({}))
    }

    fn ask_with(
        &self,
        identity: Option<&[u8]>,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<(StatusCode, Value)> {
        let ca = Certificate::from_pem(&fs::read(self.tls.join("ca.pem"))?)?;
        let mut client = Client::builder()
            .no_proxy()
            .use_rustls_tls()
            .tls_built_in_root_certs(false)
            .add_root_certificate(ca);
        if let Some(pem) = identity {
            client = client.identity(Identity::from_pem(pem)?);
        }
        let mut request = client
            .build()?
            .request(method.clone(), format!("{}{path}", self.url));
        if method == Method::POST {
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
}

fn authority(causeway: &Causeway, dir: &Path) -> Result<()> {
    let dir = dir.to_str().context("a path of letters")?;
    causeway.ask(&["key", "ca", "--dir", dir]).map(drop)
}

fn issue(causeway: &Causeway, dir: &Path, name: &str, role: &[&str]) -> Result<()> {
    let dir = dir.to_str().context("a path of letters")?;
    let fixed = ["key", "issue", "--dir", dir, "--name", name, "--role"];
    causeway.ask(&[&fixed[..], role].concat()).map(drop)
}

fn both(dir: &Path, name: &str) -> Result<Vec<u8>> {
    let read = |kind: &str| fs::read(dir.join(format!("{name}.{kind}")));
    Ok([read("pem")?, read("key")?].concat())
}

#[test]
fn only_certificates_of_the_ca_get_in_and_each_role_does_what_it_may() -> Result<()> {
    let office = Office::open()?;

    // Nobody: health, and nothing else.
    let (status, _) = office.ask(None, Method::GET, "/healthz")?;
    ensure!(
        status == StatusCode::OK,
        "{status}: {}",
        office.daemon.tail()
    );
    for (method, path) in [(Method::GET, "/v1/chains"), (Method::POST, "/v1/transfers")] {
        let (status, problem) = office.ask(None, method, path)?;
        ensure!(status == StatusCode::UNAUTHORIZED, "{status} {problem}");
        let told = problem["detail"].as_str().unwrap_or_default();
        ensure!(told.contains("no client certificate was sent"), "{problem}");
        ensure!(problem["what_to_do"].is_string(), "{problem}");
    }

    // A stranger's CA, an expired certificate, and the server's own: no connection at all, not even for health.
    let elsewhere = office.causeway.dir().join("elsewhere");
    fs::create_dir(&elsewhere)?;
    authority(&office.causeway, &elsewhere)?;
    issue(&office.causeway, &elsewhere, "stranger", &["admin"])?;
    let strangers = [
        ("of another CA", both(&elsewhere, "stranger")?),
        ("expired", office.expired()?),
        ("not for clients", both(&office.tls, "api")?),
    ];
    for (what, identity) in &strangers {
        let answer = office.ask(Some(identity), Method::GET, "/healthz");
        ensure!(answer.is_err(), "a certificate {what} got {answer:?}");
    }

    // Everyone reads; members and admins act.
    for (role, acts) in [
        ("member", true),
        ("admin", true),
        ("operator", false),
        ("regulator", false),
    ] {
        let identity = office.identity(role)?;
        let (status, chains) = office.ask(Some(&identity), Method::GET, "/v1/chains")?;
        ensure!(status == StatusCode::OK, "{role}: {status} {chains}");
        let (status, problem) = office.ask(Some(&identity), Method::POST, "/v1/transfers")?;
        if acts {
            // Past the door: the empty body is what is wrong now.
            ensure!(
                status.is_client_error()
                    && status != StatusCode::UNAUTHORIZED
                    && status != StatusCode::FORBIDDEN,
                "{role}: {status} {problem}"
            );
        } else {
            ensure!(
                status == StatusCode::FORBIDDEN,
                "{role}: {status} {problem}"
            );
            let told = problem["detail"].as_str().unwrap_or_default();
            ensure!(
                told.contains(&format!("a-{role} has the role {role}")),
                "{problem}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_regulator_pauses_a_lane_of_either_chain_alone_and_ends_no_pause() -> Result<()> {
    let office = Office::open()?;
    let regulator = office.identity("regulator")?;
    let member = office.identity("member")?;
    let act = |who: &[u8], path: &str, why: &str| {
        let why = json!({ "why": why });
        eventually(&format!("an answer to {path}"), || {
            let answer = office.ask_with(Some(who), Method::POST, path, &why)?;
            Ok((!answer.0.is_server_error()).then_some(answer))
        })
        .with_context(|| office.daemon.tail())
    };
    let lanes = || office.ask(Some(&regulator), Method::GET, "/v1/lanes");

    for chain in ["public", "consortium"] {
        let path = format!("/v1/lanes/{chain}/1");
        let why = format!("a drill on {chain}");
        let (status, problem) = act(&member, &format!("{path}/pause"), &why)?;
        ensure!(status == StatusCode::FORBIDDEN, "{status} {problem}");
        let (status, ordered) = act(&regulator, &format!("{path}/pause"), &why)?;
        ensure!(status == StatusCode::ACCEPTED, "{status} {ordered}");
        let paused = eventually(&format!("the pause on {chain}"), || {
            let (_, lanes) = lanes()?;
            let lanes = lanes.as_array().cloned().unwrap_or_default();
            let mut of = lanes.into_iter();
            let lane = of.find(|lane| lane["chain"] == chain && lane["lane"] == 1);
            Ok(lane.filter(|lane| lane["paused_at"].is_u64()))
        })
        .with_context(|| office.daemon.tail())?;
        ensure!(paused["paused_by"] == paused["guardian"], "{paused}");
        // Ending it is the administrator's right: the deployer's here, the members' there.
        let (status, problem) = act(&regulator, &format!("{path}/unpause"), "over")?;
        ensure!(status == StatusCode::CONFLICT, "{status} {problem}");
        let told = problem["detail"].as_str().unwrap_or_default();
        ensure!(told.contains("whose key is not here"), "{problem}");
    }
    let acts = eventually("both acts in the log", || {
        let path = "/v1/log?kind=paused";
        let (_, log) = office.ask(Some(&regulator), Method::GET, path)?;
        let entries = log["entries"].as_array().cloned().unwrap_or_default();
        Ok((entries.len() == 2).then_some(entries))
    })?;
    for (entry, chain) in acts.iter().zip(["consortium", "public"]) {
        let act = &entry["act"]["paused"];
        ensure!(act["by"] == "a-regulator", "{entry}");
        ensure!(act["why"] == format!("a drill on {chain}"), "{entry}");
    }
    Ok(())
}

const CONFIG: &str = r#"
profile = "local"
[api]
listen = "127.0.0.1:0"
tls.client_ca_file = "tls/ca.pem"
tls.certificate_file = "tls/api.pem"
tls.key_file = "tls/api.key"
[hosted.public]
kind = "public"
chain_id = 7001
local_validators = 4
rpc.listen = "127.0.0.1:8545"
[hosted.consortium]
kind = "consortium"
chain_id = 7002
local_validators = 4
rpc.listen = "127.0.0.1:8547"
"#;
