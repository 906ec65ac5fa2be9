//! `/evidence`: files made and checked in the page. A check changes nothing: every role may send a file.

use std::sync::Arc;

use axum::{
    extract::{
        ConnectInfo, Multipart, State,
        multipart::{MultipartError, MultipartRejection},
    },
    http::{HeaderMap, StatusCode},
    response::Response,
};
use causeway_console::pages::evidence::{self as page, Evidence, Link, Report, Verdict};
use causeway_evidence::{Chains, Finding, Proven, verify};
use sha2::{Digest as _, Sha256};

use super::{Look, chains::blocking};
use crate::{
    api::{App, Problem, resolve::clipped, serve::Caller},
    cli::in_words,
};

/// Its address.
pub(in crate::api) const CHECK: &str = "/evidence";
/// Largest file that is checked here, bytes; the command line takes larger ones.
pub(super) const MAX_FILE: usize = 8 << 20;
/// What a form holds beside the file, bytes.
pub(super) const MAX_REST: usize = 16 << 10;
/// Files checked at once.
pub(super) const MAX_CHECKS: usize = 2;
/// Fields of a form that are read.
const MAX_FIELDS: usize = 4;
/// Links and findings that are shown.
const SHOWN: usize = 2_000;

pub(super) async fn show(State(app): State<Arc<App>>, look: Look) -> Response {
    let view = app.evidence_page(None).await;
    look.show(|frame| Ok(page::page(frame, &view?)))
}

pub(super) async fn check(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    headers: HeaderMap,
    look: Look,
    form: Result<Multipart, MultipartRejection>,
) -> Response {
    let checked = async {
        // Before anything of the body is read.
        super::forms::own_origin(&headers)?;
        let _place = app.page.checks.try_acquire().map_err(|_| {
            let detail = "other files are being checked";
            let what = "try again in a moment, or use `causeway evidence verify`";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "busy", detail, what)
        })?;
        let form = form.map_err(|e| bad_form(e.status(), &e.body_text()))?;
        let sent = read(form).await?;
        app.own_form(&headers, &caller, &sent.token)?;
        let known = app.collector().known().await?;
        let report = blocking(move || report(&sent, &known)).await?;
        app.evidence_page(Some(report)).await
    };
    let view = checked.await;
    look.show(|frame| Ok(page::page(frame, &view?)))
}

#[derive(Default)]
struct Sent {
    token: String,
    name: String,
    bytes: Vec<u8>,
}

async fn read(mut form: Multipart) -> Result<Sent, Problem> {
    let mut sent = Sent::default();
    let mut has_file = false;
    for _ in 0..MAX_FIELDS {
        let Some(field) = form.next_field().await.map_err(refused)? else {
            break;
        };
        match field.name() {
            Some("token") => sent.token = clipped(&field.text().await.map_err(refused)?),
            Some("file") => {
                sent.name = clipped(field.file_name().unwrap_or_default());
                sent.bytes = field.bytes().await.map_err(refused)?.to_vec();
                has_file = true;
            }
            _ => {}
        }
    }
    match sent.bytes.len() {
        0 if !has_file => Err(bad_form(StatusCode::BAD_REQUEST, "no file was sent")),
        got if got > MAX_FILE => Err(too_large()),
        _ => Ok(sent),
    }
}

fn refused(error: MultipartError) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        status => bad_form(status, &error.body_text()),
    }
}

fn too_large() -> Problem {
    let detail = format!("the file has more than {} MiB", MAX_FILE >> 20);
    let what = "check it on your own machine: causeway evidence verify FILE";
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "file-too-large",
        detail,
        what,
    )
}

fn bad_form(status: StatusCode, detail: &str) -> Problem {
    Problem::new(
        status,
        "bad-form",
        detail,
        "choose a file on the page and send the form from there",
    )
}

/// Checks the file with the code that checks it anywhere else.
fn report(sent: &Sent, known: &Chains) -> Report {
    let found = verify(&sent.bytes, known);
    let links = found.links.iter().take(SHOWN).map(|link| {
        let (verdict, why) = match &link.verdict {
            causeway_evidence::Verdict::Holds => (Verdict::Holds, None),
            causeway_evidence::Verdict::Assumed(known) => {
                (Verdict::Assumed, Some(known.to_string()))
            }
            causeway_evidence::Verdict::Broken(broken) => {
                (Verdict::Broken, Some(broken.to_string()))
            }
            causeway_evidence::Verdict::NotReached => (Verdict::NotReached, None),
        };
        Link {
            name: link.name.clone(),
            verdict,
            why,
        }
    });
    Report {
        file: sent.name.clone(),
        bytes: sent.bytes.len(),
        digest: alloy_primitives::hex::encode(Sha256::digest(&sent.bytes)),
        about: found.about.as_deref().map(clipped),
        links: links.collect(),
        findings: found.proven.iter().take(SHOWN).map(told).collect(),
    }
}

fn told(found: &Finding) -> (u64, u64, u64, String) {
    let what = match &found.proven {
        Proven::Event {
            address,
            topics,
            data,
            ..
        } => {
            let log = alloy_primitives::Log::new_unchecked(*address, topics.clone(), data.clone());
            super::decode::event(&log)
                .map(|event| format!("{}.{} of {address}", event.contract, event.name))
        }
        _ => None,
    };
    (
        found.chain,
        found.height,
        found.time,
        what.unwrap_or_else(|| in_words(&found.proven)),
    )
}

impl App {
    async fn evidence_page(&self, report: Option<Report>) -> Result<Evidence, Problem> {
        let known = self.collector().known().await?;
        let known = known.iter().map(|(id, known)| {
            format!(
                "{id}:{}:{}:{}",
                known.genesis, known.epoch_length, known.validator_set
            )
        });
        let provable = self.chains.iter().filter(|entry| entry.node.is_some());
        Ok(Evidence {
            max_bytes: MAX_FILE,
            chains: provable.map(|entry| entry.name.clone()).collect(),
            known: known.collect(),
            report,
        })
    }
}
