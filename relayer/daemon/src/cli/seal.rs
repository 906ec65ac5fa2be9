//! `causeway seal`. Content and its key are here alone: the daemon gets what is sealed.

pub(super) mod args;

use std::{fmt::Write as _, io::Read as _, path::Path, time::Duration};

use alloy_primitives::{Address, B256, hex};
use args::{Open, Seal};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use causeway_sealed::{
    ContentKey, MAX_CONTENT, MAX_FILE, Place, Points, Released, SealingKey, combine, open_file,
    open_whole, seal,
};
use serde_json::json;
use zeroize::Zeroizing;

use super::{CliError, args::Global, client::Api, key, output::Output, transfer::segment};
use crate::{
    api::{
        HolderShare, OpeningView, PartyOf, PartyShare, PublishKey, PutSealed, PutTerms,
        ReleaseShare, SealedKeys, SealedList, SealedView,
    },
    config::absolute,
    keys::{Keystore, address_of, sealing_key, write_new},
};

/// How long a content that was sent may take to appear.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) async fn run(global: &Global, command: Seal, output: &Output) -> Result<(), CliError> {
    let api = Api::connect(global)?;
    match command {
        Seal::Key { by } => {
            let key: PartyOf = api.post("/v1/sealed/keys", &PublishKey { by }).await?;
            let text = format!("{} has published {}", key.account, key.key);
            output.answer(&key, text);
        }
        Seal::Put {
            file,
            by,
            parties,
            subject,
        } => {
            let content = read(&file)?;
            let view = put(&api, (by, parties), subject, &content).await?;
            output.answer(&view, whole(&view));
        }
        Seal::List { limit } => {
            let list: SealedList = api.get(&format!("/v1/sealed?limit={limit}")).await?;
            let mut lines: Vec<String> = list.contents.iter().map(line).collect();
            if lines.is_empty() {
                lines.push("nothing is sealed: `causeway seal put` seals a file".into());
            }
            output.answer(&list, lines.join("\n"));
        }
        Seal::Show { content } => {
            let view: SealedView = api.get(&format!("/v1/sealed/{content}")).await?;
            output.answer(&view, whole(&view));
        }
        Seal::Release { content, by, grant } => {
            let path = format!("/v1/sealed/{content}/release");
            let view: SealedView = api.post(&path, &ReleaseShare { by, grant }).await?;
            output.answer(&view, whole(&view));
        }
        Seal::Open(args) => return open(&api, args, output).await,
    }
    Ok(())
}

/// Seals a content for the holders there are now and sends what is sealed.
async fn put(
    api: &Api,
    (by, parties): (String, Vec<String>),
    subject: B256,
    content: &[u8],
) -> Result<SealedView, CliError> {
    let mut names = vec![segment(&by)?];
    for party in &parties {
        names.push(segment(party)?);
    }
    let terms: PutTerms = api
        .get(&format!("/v1/sealed/terms?accounts={}", names.join(",")))
        .await?;
    let request = sealed(&by, &terms, subject, content)?;
    let id = request.content.clone();
    match api.post("/v1/sealed", &request).await {
        // It is under way: it can be told by its id.
        Err(CliError::Refused(problem)) if matches!(problem.status, 503 | 504) => {
            let deadline = tokio::time::Instant::now() + PATIENCE;
            loop {
                match api.get(&format!("/v1/sealed/{id}")).await {
                    Ok(view) => return Ok(view),
                    Err(error) if tokio::time::Instant::now() > deadline => return Err(error),
                    Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
                }
            }
        }
        done => done,
    }
}

fn sealed(
    by: &str,
    terms: &PutTerms,
    subject: B256,
    content: &[u8],
) -> Result<PutSealed, CliError> {
    let owner = terms.parties.first().map(|party| &party.account);
    let place = Place {
        chain: terms.chain_id,
        contract: told(&terms.contract)?,
        owner: told(owner.map_or("", String::as_str))?,
    };
    let mut parties = Vec::new();
    for party in &terms.parties {
        parties.push((told::<Address>(&party.account)?, told::<B256>(&party.key)?));
    }
    // As the contract takes them.
    parties.sort_unstable();
    parties.dedup();
    let mut holders = Vec::new();
    for holder in &terms.holders {
        holders.push((holder.organisation, told::<B256>(&holder.key)?));
    }
    let made = seal(
        &place,
        content,
        terms.needed,
        &parties,
        &holders,
        &mut rand::rng(),
    );
    let made = made.map_err(|error| CliError::Failed(error.to_string()))?;
    let wholes = parties.iter().zip(&made.wholes);
    let shares = holders.iter().zip(&made.shares);
    Ok(PutSealed {
        by: by.into(),
        content: made.content.to_string(),
        file: STANDARD.encode(&made.file),
        digest: made.digest.to_string(),
        commitment: made.commitment.to_string(),
        subject: subject.to_string(),
        points: hex::encode_prefixed(made.points.bytes()),
        parties: wholes
            .map(|((account, key), whole)| PartyShare {
                account: account.to_string(),
                key: key.to_string(),
                sealed: hex::encode_prefixed(whole),
            })
            .collect(),
        holders: shares
            .map(|((organisation, key), share)| HolderShare {
                organisation: *organisation,
                key: key.to_string(),
                sealed: hex::encode_prefixed(share),
            })
            .collect(),
    })
}

/// What a key opens, and which shares were no use.
type Found = (ContentKey, Vec<String>);

async fn open(api: &Api, args: Open, output: &Output) -> Result<(), CliError> {
    let store = Keystore {
        path: absolute(&args.keystore),
        password: key::required(args.password)?,
    };
    let secret = store.open()?;
    let (account, sealing) = (address_of(&secret), sealing_key(&secret));
    let id = args.content;
    let view: SealedView = api.get(&format!("/v1/sealed/{id}")).await?;
    let place = Place {
        chain: view.chain_id,
        contract: told(&view.contract)?,
        owner: told(&view.owner)?,
    };
    let digest: B256 = told(&view.digest)?;
    if place.id_of(digest) != id {
        return Err(bad_answer());
    }
    let (found, refused) = key_of(&view, id, account, &sealing)?;
    let file = match &args.file {
        Some(path) => std::fs::read(path).map_err(|source| CliError::Io {
            doing: "reading the sealed file",
            source,
        })?,
        None => api.bytes(&format!("/v1/sealed/{id}/file")).await?,
    };
    if file.len() > MAX_FILE {
        return Err(CliError::Failed(format!(
            "the sealed file is {} bytes, {MAX_FILE} at most can be one",
            file.len()
        )));
    }
    let plain = open_file(&place, &file, &found, (digest, told(&view.commitment)?));
    let plain = plain.map_err(|error| CliError::Failed(error.to_string()))?;
    write_new(&args.out, &plain).map_err(|source| CliError::Io {
        doing: "writing the content: is there a file of that name",
        source,
    })?;
    let out = args.out.display().to_string();
    let mut text = format!(
        "{out}: {} bytes, as the owner committed to them",
        plain.len()
    );
    for one in &refused {
        let _ = write!(text, "\nleft out: {one}");
    }
    output.answer(
        &json!({ "file": out, "bytes": plain.len(), "left_out": refused }),
        text,
    );
    Ok(())
}

/// The key of a content: a party's own, or what the shares of an opening come to.
fn key_of(
    view: &SealedView,
    id: B256,
    account: Address,
    sealing: &SealingKey,
) -> Result<Found, CliError> {
    let keys = view.keys.as_ref().ok_or_else(bad_answer)?;
    let points = Points::read(&bytes(&keys.points)?, view.needed);
    let points = points.map_err(|error| CliError::Failed(error.to_string()))?;
    let mut parties = keys.parties.iter();
    let own = parties.find(|party| told(&party.account).ok() == Some(account));
    if let Some(party) = own {
        let found = open_whole(sealing, id, account, &points, &bytes(&party.sealed)?);
        let found = found.map_err(|error| CliError::Failed(error.to_string()))?;
        return Ok((found, Vec::new()));
    }
    let granted = view.openings.iter().rev();
    let granted: Vec<&OpeningView> = granted
        .filter(|opening| told(&opening.recipient).ok() == Some(account))
        .collect();
    if granted.is_empty() {
        return Err(CliError::Failed(format!(
            "content {id} is not opened to {account}: members decide with `causeway member propose --by NAME --why REASON open-sealed {id} --to ORGANISATION`"
        )));
    }
    let mut why = String::new();
    for opening in granted {
        let (found, refused) = from_shares(view, keys, id, opening, &points, sealing)?;
        match found {
            Ok(found) => return Ok((found, refused)),
            Err(error) => {
                let _ = write!(why, "opening {}: {error}", opening.grant);
                for one in refused {
                    let _ = write!(why, "; {one}");
                }
            }
        }
    }
    Err(CliError::Failed(format!(
        "{why}; members release with `causeway seal release {id} --by NAME`"
    )))
}

type FromShares = (Result<ContentKey, causeway_sealed::ShareError>, Vec<String>);

fn from_shares(
    view: &SealedView,
    keys: &SealedKeys,
    id: B256,
    opening: &OpeningView,
    points: &Points,
    sealing: &SealingKey,
) -> Result<FromShares, CliError> {
    let mut shares = Vec::new();
    for one in &opening.released {
        let place = keys
            .holders
            .iter()
            .position(|holder| holder.organisation == one.organisation)
            .and_then(|place| u32::try_from(place).ok())
            .ok_or_else(bad_answer)?;
        let share = one.share.as_deref().ok_or_else(bad_answer)?;
        shares.push((one.organisation, place + 1, bytes(share)?));
    }
    let released: Vec<Released<'_>> = shares
        .iter()
        .map(|(organisation, number, sealed)| Released {
            content: id,
            organisation: *organisation,
            number: *number,
            sealed,
        })
        .collect();
    let (found, bad) = combine(sealing, opening.grant, points, &released);
    let name = |number: u32| {
        let known = view.holders.iter().find(|h| h.organisation == number);
        known.map_or_else(|| number.to_string(), |holder| holder.name.clone())
    };
    let bad = bad
        .into_iter()
        .map(|bad| format!("the share of {}: {}", name(bad.organisation), bad.why));
    Ok((found, bad.collect()))
}

/// The content to seal, from a file or the standard input; never more than can be sealed.
fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let failed = |source| CliError::Io {
        doing: "reading the content",
        source,
    };
    let mut content = Zeroizing::new(Vec::new());
    let limit = MAX_CONTENT as u64 + 1;
    if file == Path::new("-") {
        std::io::stdin()
            .take(limit)
            .read_to_end(&mut content)
            .map_err(failed)?;
    } else {
        let opened = std::fs::File::open(file).map_err(failed)?;
        opened
            .take(limit)
            .read_to_end(&mut content)
            .map_err(failed)?;
    }
    Ok(content)
}

fn told<T: std::str::FromStr>(text: &str) -> Result<T, CliError> {
    text.parse().map_err(|_| bad_answer())
}

fn bytes(text: &str) -> Result<Vec<u8>, CliError> {
    hex::decode(text).map_err(|_| bad_answer())
}

fn bad_answer() -> CliError {
    CliError::Failed("the daemon's answer makes no sense: is it of this version".into())
}

fn line(view: &SealedView) -> String {
    format!(
        "{}  {} bytes, by {}, {} of {} shares open it, {}",
        view.content,
        view.size,
        view.owner_name.as_deref().unwrap_or(&view.owner),
        view.needed,
        view.holders.len(),
        match view.openings.len() {
            0 => "never opened".to_owned(),
            count => format!("{count} openings"),
        }
    )
}

fn whole(view: &SealedView) -> String {
    let parties: Vec<&str> = view
        .parties
        .iter()
        .map(|party| party.name.as_deref().unwrap_or(&party.account))
        .collect();
    let holders: Vec<&str> = view.holders.iter().map(|h| h.name.as_str()).collect();
    let mut text = format!(
        "content {}\nsealed file {}, {} bytes, {}\nparties {}\n{} of these open it together: {}",
        view.content,
        view.digest,
        view.size,
        if view.here { "here" } else { "not here" },
        parties.join(", "),
        view.needed,
        holders.join(", ")
    );
    if view.openings.is_empty() {
        text.push_str("\nnever opened");
    }
    for opening in &view.openings {
        let released: Vec<&str> = opening.released.iter().map(|r| r.name.as_str()).collect();
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\nopening {} to {} at {}: {}\n  shares of: {}",
            opening.grant,
            opening.name,
            opening.granted_at,
            opening.why.as_deref().unwrap_or("(why is not known here)"),
            released.join(", ")
        );
    }
    text
}
