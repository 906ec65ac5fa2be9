//! `causeway doctor`: what can be checked now, each finding with what to do.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _, path::Path};

use causeway_core::margin::{self, ChainTiming, Timing};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde::Serialize;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{CliError, args::Global, client::Api, output::Output, run};
use crate::{
    api::{AlarmList, ChainView, LogState},
    config::{Config, PasswordSource, Purpose},
    datadir::{DataDir, DataDirError},
    external,
    metrics::unix_seconds,
};

/// One thing looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) check: String,
    pub(crate) ok: bool,
    pub(crate) detail: String,
}

pub(super) async fn run(global: &Global, output: &Output) -> Result<(), CliError> {
    let config = run::read(global, Purpose::Daemon)?;
    let mut findings = vec![finding("version", true, env!("CARGO_PKG_VERSION"))];
    findings.push(finding(
        "configuration",
        true,
        format!("profile {}", config.profile.name()),
    ));
    let running = match Api::connect(global) {
        Ok(api) => api
            .get::<Vec<ChainView>>("/v1/chains")
            .await
            .map(|chains| (api, chains))
            .ok(),
        Err(_) => None,
    };
    findings.push(data_dir(&config, running.is_some()));
    match &running {
        Some((api, chains)) => {
            findings.push(finding("daemon", true, format!("answers at {}", api.url())));
            for chain in chains {
                findings.extend(live(config.transfers.raw.clock_skew_seconds, chain));
            }
            findings.extend(log(&config, api).await);
        }
        None => {
            findings.push(finding(
                "daemon",
                true,
                "none is running; its chains are not checked",
            ));
            findings.extend(ports(&config));
            findings.extend(nodes(&config).await);
        }
    }
    findings.extend(quorums(&config));
    findings.push(margins(&config));
    findings.extend(secrets(&config));
    findings.extend(certificates(&config));
    let bad = findings.iter().filter(|f| !f.ok).count();
    let text: Vec<String> = findings
        .iter()
        .map(|f| {
            format!(
                "{} {:<24} {}",
                if f.ok { "ok  " } else { "FAIL" },
                f.check,
                f.detail
            )
        })
        .collect();
    output.answer(&findings, text.join("\n"));
    if bad == 0 {
        Ok(())
    } else {
        Err(CliError::Failed(format!(
            "{bad} of {} checks failed",
            findings.len()
        )))
    }
}

fn finding(check: impl Into<String>, ok: bool, detail: impl Into<String>) -> Finding {
    Finding {
        check: check.into(),
        ok,
        detail: detail.into(),
    }
}

fn data_dir(config: &Config, running: bool) -> Finding {
    match DataDir::own(&config.data_dir) {
        Ok(_) => finding(
            "data directory",
            true,
            format!("{} can be written", config.data_dir.display()),
        ),
        Err(DataDirError::InUse { owner, .. }) if running => finding(
            "data directory",
            true,
            format!("in use by the daemon, process {owner}"),
        ),
        Err(error) => finding("data directory", false, error.to_string()),
    }
}

fn ports(config: &Config) -> Vec<Finding> {
    let mut wanted = vec![("api.listen".to_owned(), config.api.listen)];
    for (name, hosted) in config.hosted() {
        wanted.push((format!("hosted.{name}.rpc"), hosted.rpc.listen));
        wanted.extend(
            hosted
                .rpc
                .stand_in_listen
                .map(|at| (format!("hosted.{name}.stand_in"), at)),
        );
    }
    let local = config.profile.is_local();
    wanted
        .into_iter()
        .map(|(key, mut at)| {
            if at.port() > 0 {
                at.set_port(at.port().saturating_add(config.local_port_shift));
            }
            (key, at)
        })
        .map(|(key, at)| match TcpListener::bind(at) {
            Ok(_) => finding(key, true, format!("{at} is free")),
            Err(_) if local => finding(
                key,
                true,
                format!("{at} is taken: another port will be used"),
            ),
            Err(error) => finding(
                key,
                false,
                format!("{at}: {error}; stop what uses it or change the key"),
            ),
        })
        .collect()
}

/// What a chain shows while it runs; `skew` seconds may its clock be ahead.
pub(crate) fn live(skew: u64, chain: &ChainView) -> Vec<Finding> {
    let name = &chain.name;
    let Some(time) = chain.time else {
        return vec![finding(
            format!("{name} finality"),
            false,
            chain
                .problem
                .clone()
                .unwrap_or_else(|| "the chain does not answer: see the daemon's log".into()),
        )];
    };
    let now = unix_seconds();
    let (ahead, behind) = (time.saturating_sub(now), now.saturating_sub(time));
    let mut findings = vec![
        finding(
            format!("{name} clock"),
            ahead <= skew,
            format!(
                "newest block is {ahead} s ahead of this host, {skew} s are allowed; check NTP"
            ),
        ),
        finding(
            format!("{name} finality"),
            behind <= chain.stalled_after_seconds,
            format!(
                "newest final block is {behind} s old; past {} s too few {} answer",
                chain.stalled_after_seconds,
                if chain.kind == "evm" {
                    "nodes"
                } else {
                    "validators"
                }
            ),
        ),
    ];
    if chain.kind != "consortium" {
        for account in &chain.accounts {
            let empty = account.native.as_deref() == Some("0");
            let detail = if empty {
                "has no native points for fees"
            } else {
                "can pay fees"
            };
            findings.push(finding(format!("{name} {}", account.name), !empty, detail));
        }
    }
    findings
}

/// Whether the event log holds, how old its head is, and which alarms nobody has seen.
async fn log(config: &Config, api: &Api) -> Vec<Finding> {
    let state = match api.get::<LogState>("/v1/log/head").await {
        Ok(state) => state,
        Err(error) => return vec![finding("event log", false, error.to_string())],
    };
    let mut findings = Vec::new();
    for part in &state.segments {
        let check = format!("{} log", part.segment);
        findings.push(match &part.broken {
            Some(broken) => finding(
                check,
                false,
                format!("{broken}; see docs/operations.md, Alarms"),
            ),
            None => finding(
                check,
                true,
                format!("{} entries, complete to block {}", part.size, part.height),
            ),
        });
    }
    if state.agrees == Some(false) {
        let detail =
            "the newest anchor on the chain is of another log; see docs/operations.md, Alarms";
        findings.push(finding("log anchor", false, detail));
    }
    if let (Some(signed), Some(_)) = (&state.signed, state.anchor_chain) {
        let anchored = state.anchored.as_ref().map_or(0, |head| head.at);
        let behind = signed.at.saturating_sub(anchored);
        let allowed = config
            .eventlog
            .anchor_every
            .as_secs()
            .saturating_mul(3)
            .max(60);
        let detail = match anchored {
            0 => "a head is signed, none is anchored yet".to_owned(),
            _ => format!(
                "the newest signed head is {behind} s newer than the anchored one, {allowed} s are allowed"
            ),
        };
        findings.push(finding(
            "log head",
            anchored == 0 || behind <= allowed,
            detail,
        ));
    }
    match api.get::<AlarmList>("/v1/alarms?open=true&limit=500").await {
        Ok(list) => {
            let unseen = list
                .alarms
                .iter()
                .filter(|alarm| alarm.acknowledged_at.is_none())
                .count();
            let detail = format!("{unseen} open that nobody has acknowledged: causeway alarm list");
            findings.push(finding("alarms", unseen == 0, detail));
        }
        Err(error) => findings.push(finding("alarms", false, error.to_string())),
    }
    findings
}

/// Certificates of this daemon's servers, and of who signs its clients'.
fn certificates(config: &Config) -> Vec<Finding> {
    let servers = config
        .hosted()
        .filter_map(|(_, hosted)| hosted.rpc.tls.as_ref());
    let files = config.api.tls.iter().chain(servers);
    let files = files.flat_map(|tls| [&tls.certificate_file, &tls.client_ca_file]);
    files.map(|path| certificate(path)).collect()
}

fn certificate(path: &Path) -> Finding {
    let check = "certificate";
    let bad = |why: &str| finding(check, false, format!("{}: {why}", path.display()));
    let Ok(der) = CertificateDer::from_pem_file(path) else {
        return bad("no certificate can be read from it");
    };
    let Ok((_, certificate)) = X509Certificate::from_der(&der) else {
        return bad("is no certificate");
    };
    let until = certificate.validity().not_after.timestamp();
    let now = i64::try_from(unix_seconds()).unwrap_or(i64::MAX);
    let days = (until - now) / 86_400;
    let detail = format!(
        "{} is valid for {days} days; `causeway key issue` makes another",
        path.display()
    );
    finding(check, until > now && days >= SOON_DAYS, detail)
}

/// A certificate with fewer days left is a finding.
const SOON_DAYS: i64 = 14;

/// Asks the nodes of external chains what the daemon will ask them when it starts.
async fn nodes(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, chain) in config.external() {
        let check = format!("{name} nodes");
        findings.push(match external::probe(name, chain).await {
            Ok(()) => finding(check, true, "all answer and serve the chain"),
            Err(error) => finding(check, false, error.to_string()),
        });
    }
    findings
}

fn quorums(config: &Config) -> Vec<Finding> {
    let described = config.external().map(|(name, chain)| {
        let nodes = chain.adapter.urls.len();
        let quorum = chain.adapter.quorum.unwrap_or(nodes);
        let alone = if nodes == 1 {
            "; it is believed alone: name nodes of several operators"
        } else {
            ""
        };
        let detail = format!("{quorum} of {nodes} nodes must say the same{alone}");
        finding(format!("{name} quorum"), true, detail)
    });
    described.collect()
}

fn margins(config: &Config) -> Finding {
    let quick = ChainTiming {
        inclusion_ms: 1_000,
        finality_ms: 1_000,
    };
    let slow = config.external().map(|(_, chain)| chain.assumed);
    let slow = slow.max_by_key(|t| t.inclusion_ms.saturating_add(t.finality_ms));
    let slow = slow.unwrap_or(quick);
    let raw = &config.transfers.raw;
    let timing = Timing {
        a: quick,
        b: slow,
        skew: raw.clock_skew_seconds,
        outage: raw.outage_budget_seconds,
    };
    match margin::required(&timing) {
        Ok(seconds) => finding(
            "margin",
            true,
            format!(
                "two deadlines lie at least {seconds} s apart, with {} ms inclusion and {} ms finality of the slower chain",
                slow.inclusion_ms, slow.finality_ms
            ),
        ),
        Err(error) => finding("margin", false, error.to_string()),
    }
}

fn secrets(config: &Config) -> Vec<Finding> {
    let mut files: Vec<&Path> = vec![&config.transfers.seal_key_file];
    let hosted = config.hosted().flat_map(|(_, hosted)| &hosted.validators);
    let stores = hosted.map(|v| (&v.keystore_file, &v.password));
    let accounts = config
        .accounts
        .values()
        .map(|a| (&a.keystore_file, &a.password));
    for (keystore, password) in stores.chain(accounts) {
        files.push(keystore);
        if let PasswordSource::File(path) = password {
            files.push(path);
        }
    }
    files
        .into_iter()
        .filter(|path| path.exists())
        .map(private)
        .collect()
}

fn private(path: &Path) -> Finding {
    let mode = fs::metadata(path)
        .map(|m| m.permissions().mode() & 0o077)
        .unwrap_or(0o077);
    let detail = format!(
        "{}{}",
        path.display(),
        if mode == 0 {
            ""
        } else {
            ": others may read it; chmod 600"
        }
    );
    finding("private file", mode == 0, detail)
}
