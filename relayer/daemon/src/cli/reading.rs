//! `causeway reading`.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
    path::Path,
};

use alloy_primitives::{Address, B256};
use causeway_adapter_device::names::{Did, FeedName};
use causeway_contracts::oracle::{device_number, feed_id};

use super::{
    CliError,
    args::{Global, Reading as Command},
    client::Api,
    output::Output,
    proof::args::When,
    transfer::at,
};
use crate::{
    api::{
        EndorsedView, Endorsement, ReadingList, ReadingView, RecordSession, RecordedSession,
        SessionView, SessionWords,
    },
    keys::write_new,
    oracle::{ReadingProof, digest_of},
};

/// Longest file of a session, bytes: many times that of the largest.
const MAX_SESSION: u64 = 256 << 10;

pub(super) async fn run(
    global: &Global,
    command: Command,
    output: &Output,
) -> Result<(), CliError> {
    match command {
        Command::List { did, from, limit } => {
            let path = format!("/v1/readings/{}?from={from}&limit={limit}", parsed(&did)?);
            let page: ReadingList = Api::connect(global)?.get(&path).await?;
            let mut text: Vec<String> = page.readings.iter().map(line).collect();
            let newest = page
                .newest
                .iter()
                .map(|n| format!("{} {}", n.operator, n.sequence));
            text.push(format!("newest: {}", newest.collect::<Vec<_>>().join(", ")));
            output.answer(&page, text.join("\n"));
            Ok(())
        }
        Command::Show { did, sequence } => {
            let path = format!("/v1/readings/{}/{sequence}", parsed(&did)?);
            let reading: ReadingView = Api::connect(global)?.get(&path).await?;
            output.answer(&reading, line(&reading));
            Ok(())
        }
        Command::Prove { did, sequence, out } => {
            let path = format!("/v1/readings/{}/{sequence}/proof", parsed(&did)?);
            let proof: ReadingProof = Api::connect(global)?.get(&path).await?;
            if let Some(out) = &out {
                let text = serde_json::to_string_pretty(&proof).unwrap_or_default();
                std::fs::write(out, text).map_err(|source| CliError::Io {
                    doing: "writing the proof",
                    source,
                })?;
            }
            let text = format!(
                "reading {sequence} of {did} is in period {} under root {}, anchor {}",
                proof.anchor.period, proof.anchor.root, proof.anchor.number
            );
            output.answer(&proof, text);
            Ok(())
        }
        Command::Session { did, when, out } => {
            let session = fetch_session(global, &did, &when).await?;
            let text = serde_json::to_string_pretty(&session).unwrap_or_default();
            write_new(&out, text.as_bytes()).map_err(|source| CliError::Io {
                doing: "writing the session: name a file that is not there yet",
                source,
            })?;
            let words = &session.session;
            let signed = session.chains.iter().map(|chain| {
                let (got, quorum) = (chain.endorsements.len(), chain.quorum);
                format!(
                    "{}: {got} operators signed, {quorum} are needed",
                    chain.chain
                )
            });
            let mut lines = vec![format!(
                "readings {} to {} of {did}, digest {}\n  number {}",
                words.first, words.last, words.digest, session.number
            )];
            lines.extend(signed);
            let without = session.without.iter();
            lines.extend(without.map(|(name, why)| format!("{name} has it not: {why}")));
            output.answer(&Shown::of(&session), lines.join("\n  "));
            Ok(())
        }
        Command::Record {
            files,
            from,
            sessions,
        } => record(global, &files, &from, sessions, output).await,
        Command::Verify {
            file,
            root,
            hardware_x,
        } => verify(&file, root, hardware_x, output),
    }
}

/// What is shown of a session: everything but the readings.
#[derive(serde::Serialize)]
struct Shown<'a> {
    did: &'a str,
    feed: &'a str,
    number: &'a str,
    session: &'a SessionWords,
    from: u64,
    until: u64,
    readings: usize,
    chains: &'a [EndorsedView],
    without: &'a BTreeMap<String, String>,
}

impl<'a> Shown<'a> {
    fn of(view: &'a SessionView) -> Self {
        let time = |reading: Option<&(u64, i32)>| reading.map_or(0, |(time, _)| *time);
        Self {
            did: &view.did,
            feed: &view.feed,
            number: &view.number,
            session: &view.session,
            from: time(view.readings.first()),
            until: time(view.readings.last()),
            readings: view.readings.len(),
            chains: &view.chains,
            without: &view.without,
        }
    }
}

/// Asks the daemon for a session, and checks what it says.
pub(super) async fn fetch_session(
    global: &Global,
    did: &str,
    when: &When,
) -> Result<SessionView, CliError> {
    let mut path = format!(
        "/v1/sessions/{}?since={}&until={}",
        parsed(did)?,
        when.since,
        when.until
    );
    if let Some(feed) = &when.feed {
        let named = FeedName::new(feed).map_err(|_| CliError::Argument {
            argument: "--feed",
            got: feed.clone(),
            expected: "1 to 64 characters of a-z, 0-9, '.', '/', '-'",
        })?;
        path.push_str(&format!("&feed={named}"));
    }
    if let Some(group) = when.group {
        path.push_str(&format!("&group={group}"));
    }
    let session = Api::connect(global)?.get(&path).await?;
    checked(session)
}

/// Reads a file that `reading session` wrote, and checks it.
pub(super) fn read_session(path: &Path) -> Result<SessionView, CliError> {
    let failed = |source| CliError::Io {
        doing: "reading a session",
        source,
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut file = file.take(MAX_SESSION);
    file.read_to_string(&mut text).map_err(failed)?;
    let session = serde_json::from_str(&text).map_err(|_| {
        let path = path.display();
        CliError::Failed(format!(
            "{path} is no session: make one with `causeway reading session`"
        ))
    })?;
    checked(session)
}

/// The readings give the digest, under the number that contracts have for the device.
fn checked(view: SessionView) -> Result<SessionView, CliError> {
    let failed = |why: &str| {
        Err(CliError::Failed(format!(
            "the session shows nothing: {why}"
        )))
    };
    if view.version != 1 {
        return failed("it is of another version than 1");
    }
    let words = [&view.session.device, &view.session.digest, &view.number];
    let words = words.map(|text| text.parse::<B256>());
    let [Ok(device), Ok(digest), Ok(number)] = words else {
        return failed("device, digest and number must be 0x and 64 hexadecimal digits");
    };
    if B256::from(device_number(device, feed_id(&view.feed))) != number {
        return failed("its number is not that of this device and feed");
    }
    let count = view.session.last.checked_sub(view.session.first);
    if count != Some((view.readings.len() as u64).wrapping_sub(1)) {
        return failed("it has not as many readings as its sequence numbers say");
    }
    if digest_of(number.into(), &view.readings)? != digest {
        return failed("its readings do not give its digest");
    }
    Ok(view)
}

/// Sends the signatures of all files, and no reading.
async fn record(
    global: &Global,
    files: &[std::path::PathBuf],
    from: &str,
    sessions: Option<Address>,
    output: &Output,
) -> Result<(), CliError> {
    let from = at("--from", from)?;
    let mut all = Vec::new();
    for file in files {
        all.push(read_session(file)?);
    }
    let Some(first) = all.first() else {
        return Err(CliError::Failed("name a session's file".into()));
    };
    let other = |view: &&SessionView| (&view.session, &view.feed) != (&first.session, &first.feed);
    if all.iter().any(|view| other(&view)) {
        return Err(CliError::Failed(
            "the files are about different sessions: their operators have different readings"
                .into(),
        ));
    }
    let here = all.iter().flat_map(|view| &view.chains);
    let here = here.filter(|chain| chain.chain == from.chain);
    let endorsements: BTreeSet<Endorsement> =
        here.flat_map(|chain| chain.endorsements.clone()).collect();
    let request = RecordSession {
        from,
        feed: first.feed.clone(),
        session: first.session.clone(),
        endorsements: endorsements.into_iter().collect(),
        sessions: sessions.map(|address| address.to_string()),
    };
    let done: RecordedSession = Api::connect(global)?.post("/v1/sessions", &request).await?;
    let text = format!(
        "{} has session {} of device number {} on record, on the word of {} operators\n  in transaction {}",
        done.chain,
        done.digest,
        done.number,
        done.operators.len(),
        done.tx
    );
    output.answer(&done, text);
    Ok(())
}

/// Offline: no daemon is asked.
fn verify(
    file: &std::path::Path,
    root: B256,
    hardware_x: B256,
    output: &Output,
) -> Result<(), CliError> {
    let text = std::fs::read_to_string(file).map_err(|source| CliError::Io {
        doing: "reading the proof",
        source,
    })?;
    let failed = |why: String| CliError::Failed(format!("the proof shows nothing: {why}"));
    let proof: ReadingProof = serde_json::from_str(&text).map_err(|e| failed(e.to_string()))?;
    let shown = proof.check().map_err(|e| failed(e.to_string()))?;
    if shown.root != root {
        return Err(failed(format!(
            "it is about root {}, not {root}",
            shown.root
        )));
    }
    let [x, _] = &proof.hardware;
    if x.parse() != Ok(hardware_x) {
        return Err(failed(format!(
            "it is signed by the key {x}, not {hardware_x}"
        )));
    }
    let body = shown.body;
    let found = serde_json::json!({
        "device": body.device,
        "feed": body.feed,
        "key_number": body.key_number,
        "sequence": body.sequence,
        "time": body.time,
        "value": body.value,
        "root": shown.root,
    });
    let text = format!(
        "device {} said {} (last-digit units) at {} ms, as reading {} under key {}; it is under the root",
        body.device, body.value, body.time, body.sequence, body.key_number
    );
    output.answer(&found, text);
    Ok(())
}

fn parsed(did: &str) -> Result<Did, CliError> {
    Did::new(did).map_err(|_| CliError::Argument {
        argument: "DID",
        got: did.into(),
        expected: "did:odin: and 1 to 119 characters of a-z, 0-9, '.', ':', '-'",
    })
}

fn line(reading: &ReadingView) -> String {
    format!(
        "{:>8} {:>12} {} at {} ms  {} ({})",
        reading.sequence, reading.value, reading.unit, reading.time, reading.feed, reading.operator
    )
}
