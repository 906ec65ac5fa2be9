//! `/v1/sealed`: content that stays sealed until members vote to open it (docs/regulator.md). What passes here is sealed:
//! neither a content nor its key.

mod chest;
mod views;

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use alloy_sol_types::SolCall as _;
use axum::{
    Json,
    extract::{
        ConnectInfo, Path, Query, State,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::{HeaderName, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use causeway_adapter_hosted::tls::Role;
use causeway_contracts::{MemberRegistry, SealedContent};
use causeway_sealed::{MAX_FILE, Points, Released, SEALED_KEY, ShareError};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use utoipa::IntoParams;

use super::{
    App, Problem,
    members::{Books, speaker, within},
    serve::Caller,
};
use crate::{
    eventlog::LogError,
    store::{Kept, MAX_SEALED_FILES, RelayCall},
};

pub(super) use chest::Chest;
pub use views::{
    HolderOf, HolderShare, OpeningView, PartyOf, PartyShare, PublishKey, PutSealed, PutTerms,
    ReleaseShare, ReleasedView, SealedKeys, SealedList, SealedView,
};

/// Longest body of a content: its file in base64, and the keys.
pub(super) const MAX_BODY: usize = MAX_FILE / 3 * 4 + 256 * 1024;
/// Most contents of one page.
const MAX_PAGE: u32 = 50;
/// Most parties; the contract's bound.
const MAX_PARTIES: usize = 16;

/// Which contents.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// At most so many, 1 to 50.
    #[serde(default = "page")]
    limit: u32,
    /// Below this number.
    before: Option<u64>,
}

/// For whom.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct For {
    /// The parties, the owner first: names or addresses, separated by commas.
    accounts: String,
}

/// Contents, newest first, without the keys sealed for others.
#[utoipa::path(
    get, path = "/v1/sealed", tag = "sealed", params(Page),
    responses(
        (status = 200, body = SealedList), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<SealedList>, Problem> {
    let Query(page) = page?;
    if !(1..=MAX_PAGE).contains(&page.limit) {
        return Err(Problem::bad_request(format!(
            "limit is {}, expected 1 to {MAX_PAGE}",
            page.limit
        )));
    }
    let chest = Chest::open(&app).await?;
    within(&app, chest.page(&app, page.limit, page.before))
        .await
        .map(Json)
}

/// What must be known to seal something: who holds shares now, and the keys of the parties.
#[utoipa::path(
    get, path = "/v1/sealed/terms", tag = "sealed", params(For),
    responses(
        (status = 200, body = PutTerms), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn terms(
    State(app): State<Arc<App>>,
    of: Result<Query<For>, QueryRejection>,
) -> Result<Json<PutTerms>, Problem> {
    let Query(of) = of?;
    let mut accounts = Vec::new();
    for account in of.accounts.split(',').take(MAX_PARTIES + 1) {
        accounts.push(app.address("accounts", account)?);
    }
    if accounts.len() > MAX_PARTIES {
        return Err(Problem::bad_request(format!(
            "accounts are more than {MAX_PARTIES}"
        )));
    }
    let chest = Chest::open(&app).await?;
    within(&app, chest.terms(&app, &accounts)).await.map(Json)
}

/// One content with the keys that are sealed for others, and its openings.
#[utoipa::path(
    get, path = "/v1/sealed/{id}", tag = "sealed",
    params(("id" = String, Path, description = "id of the content, 32 bytes")),
    responses(
        (status = 200, body = SealedView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<SealedView>, Problem> {
    let id = id_of(id)?;
    let chest = Chest::open(&app).await?;
    within(&app, chest.whole(&app, id)).await.map(Json)
}

/// The sealed file: ciphertext.
#[utoipa::path(
    get, path = "/v1/sealed/{id}/file", tag = "sealed",
    params(("id" = String, Path, description = "id of the content, 32 bytes")),
    responses(
        (status = 200, content_type = "application/octet-stream", description = "the sealed file"),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn file(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<([(HeaderName, &'static str); 1], Vec<u8>), Problem> {
    let id = id_of(id)?;
    let chest = Chest::open(&app).await?;
    let content = within(&app, chest.content(id)).await?;
    let found = app.log.store().sealed_file(content.digest).await;
    let bytes = found.map_err(LogError::from)?.ok_or_else(|| {
        let detail = format!("the sealed file of {id} is not here");
        let what = "ask a party of it for the file, and give it to `causeway seal open --file`";
        Problem::not_found(detail, what)
    })?;
    let headers = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((headers, bytes))
}

/// Publishes the sealing key of an account whose key is here; answers once that is final.
#[utoipa::path(
    post, path = "/v1/sealed/keys", tag = "sealed", request_body = PublishKey,
    responses(
        (status = 200, body = PartyOf), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn publish(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    body: Result<Json<PublishKey>, JsonRejection>,
) -> Result<Json<PartyOf>, Problem> {
    let Json(request) = body?;
    let chest = Chest::open(&app).await?;
    let by = voice(&app, &caller, &request.by).await?;
    let key = sealing(&app, by)?.public();
    if within(&app, chest.key_of(by)).await? != key {
        let call = SealedContent::publishKeyCall { key };
        send(&app, &chest, by, "key", call.abi_encode()).await?;
    }
    Ok(Json(PartyOf {
        account: by.to_string(),
        name: app.account_name(by),
        key: key.to_string(),
    }))
}

/// Keeps a sealed file and registers it in the name of an account whose key is here; answers once that is final.
#[utoipa::path(
    post, path = "/v1/sealed", tag = "sealed", request_body = PutSealed,
    responses(
        (status = 201, body = SealedView), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    body: Result<Json<PutSealed>, JsonRejection>,
) -> Result<(StatusCode, Json<SealedView>), Problem> {
    let Json(request) = body?;
    let chest = Chest::open(&app).await?;
    let (file, sealing) = checked(&request)?;
    let by = voice(&app, &caller, &request.by).await?;
    let id = chest.place(by).id_of(sealing.digest);
    if request.content != id.to_string() {
        return Err(Problem::bad_request(format!(
            "content is {:?}, by this owner and digest it is {id}",
            request.content
        )));
    }
    let (store, digest) = (app.log.store(), sealing.digest);
    let kept = store.keep_sealed(digest, &file).await;
    let kept = kept.map_err(LogError::from)?;
    if kept == Kept::Full {
        let detail = format!("{MAX_SEALED_FILES} sealed files are here");
        let what = "register it at another daemon";
        return Err(Problem::new(StatusCode::CONFLICT, "full", detail, what));
    }
    let call = SealedContent::sealCall { s: sealing };
    let sent = send(&app, &chest, by, "seal", call.abi_encode()).await;
    if let Err(problem) = sent {
        // Where it may still come to be, the file stays.
        let refused = problem.status < 500;
        if refused && kept == Kept::New {
            store.drop_sealed(digest).await.map_err(LogError::from)?;
        }
        return Err(problem);
    }
    let chest = Chest::open(&app).await?;
    let view = within(&app, chest.whole(&app, id)).await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// Releases the share of a member whose key is here, for an opening that was voted; answers once that is final.
#[utoipa::path(
    post, path = "/v1/sealed/{id}/release", tag = "sealed", request_body = ReleaseShare,
    params(("id" = String, Path, description = "id of the content, 32 bytes")),
    responses(
        (status = 200, body = SealedView), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn release(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    id: Result<Path<String>, PathRejection>,
    body: Result<Json<ReleaseShare>, JsonRejection>,
) -> Result<Json<SealedView>, Problem> {
    let (id, Json(request)) = (id_of(id)?, body?);
    let chest = Chest::open(&app).await?;
    let by = voice(&app, &caller, &request.by).await?;
    let view = within(&app, chest.whole(&app, id)).await?;
    let call = released(&app, &chest, &view, by, (id, request.grant)).await?;
    send(&app, &chest, by, "release", call.abi_encode()).await?;
    let chest = Chest::open(&app).await?;
    within(&app, chest.whole(&app, id)).await.map(Json)
}

/// The call that releases a member's share, with the share sealed anew; nothing leaves that no vote granted.
async fn released(
    app: &App,
    chest: &Chest<'_>,
    view: &SealedView,
    by: Address,
    (id, wanted): (B256, Option<u64>),
) -> Result<SealedContent::releaseCall, Problem> {
    let conflict =
        |kind, detail: String, what| Problem::new(StatusCode::CONFLICT, kind, detail, what);
    let mut openings = view.openings.iter().rev();
    let opening = openings.find(|o| wanted.is_none_or(|number| o.grant == number));
    let opening = opening.ok_or_else(|| {
        let detail = wanted.map_or_else(
            || format!("content {id} was never opened by a vote"),
            |number| format!("content {id} has no opening {number}"),
        );
        let what = "members vote first: `causeway member propose ... open-sealed`";
        conflict("not-granted", detail, what)
    })?;
    let number = within(
        app,
        chest
            .books
            .ask(MemberRegistry::numberOfCall { account: by }),
    )
    .await?;
    let keys = view.keys.as_ref();
    let holders = keys.map_or(&[][..], |keys| &keys.holders);
    let mut holders = (1..).zip(holders);
    let held = holders.find(|(_, holder)| number != 0 && holder.organisation == number);
    let (place, holder) = held.ok_or_else(|| {
        let detail = format!("{by} votes for no holder of a share of {id}");
        let what = "GET /v1/sealed/{id} lists the holders";
        conflict("no-share", detail, what)
    })?;
    let unreadable = |error: ShareError| {
        let what = "the owner sealed it for another key, or wrongly: the other members' shares may be enough";
        conflict("share-unusable", error.to_string(), what)
    };
    let bytes = |text: &str| hex::decode(text).unwrap_or_default();
    let points = keys.map_or_else(Vec::new, |keys| bytes(&keys.points));
    let points = Points::read(&points, view.needed).map_err(unreadable)?;
    let sealed = bytes(&holder.sealed);
    let share = Released {
        content: id,
        organisation: number,
        number: place,
        sealed: &sealed,
    };
    let recipient: B256 = opening.key.parse().map_err(Problem::bad_request)?;
    let to = (opening.grant, recipient);
    let own = sealing(app, by)?;
    let share = causeway_sealed::release(&own, &share, &points, to, &mut rand::rng());
    Ok(SealedContent::releaseCall {
        number: U256::from(opening.grant),
        share: share.map_err(unreadable)?.to_vec().into(),
    })
}

/// The file of a request and what is to be registered.
fn checked(request: &PutSealed) -> Result<(Vec<u8>, SealedContent::Sealing), Problem> {
    let word = |field: &str, text: &str| {
        let parsed: Result<B256, _> = text.parse();
        let expected = format!("{field} is not 0x and 64 hexadecimal digits");
        parsed.map_err(|_| Problem::bad_request(expected))
    };
    let file = STANDARD
        .decode(&request.file)
        .map_err(|_| Problem::bad_request("file is not base64"))?;
    if file.is_empty() || file.len() > MAX_FILE {
        return Err(Problem::bad_request(format!(
            "the file is {} bytes, expected 1 to {MAX_FILE}",
            file.len()
        )));
    }
    let digest = word("digest", &request.digest)?;
    let got = B256::from(<[u8; 32]>::from(Sha256::digest(&file)));
    if got != digest {
        return Err(Problem::bad_request(format!(
            "digest is {digest}, the file's is {got}"
        )));
    }
    let sealed_key = |text: &str| -> Result<Bytes, Problem> {
        let bytes = hex::decode(text).ok().filter(|b| b.len() == SEALED_KEY);
        let expected = format!("a sealed key is not {SEALED_KEY} bytes in hexadecimal");
        Ok(bytes.ok_or_else(|| Problem::bad_request(expected))?.into())
    };
    let mut parties = Vec::new();
    for party in &request.parties {
        let account = party.account.parse();
        parties.push(SealedContent::PartyKey {
            account: account.map_err(|_| Problem::bad_request("a party is no address"))?,
            key: word("key of a party", &party.key)?,
            whole: sealed_key(&party.sealed)?,
        });
    }
    let mut holders = Vec::new();
    for holder in &request.holders {
        holders.push(SealedContent::HolderKey {
            organisation: holder.organisation,
            key: word("key of a holder", &holder.key)?,
            share: sealed_key(&holder.sealed)?,
        });
    }
    let points = hex::decode(&request.points)
        .map_err(|_| Problem::bad_request("points are not hexadecimal"))?;
    let sealing = SealedContent::Sealing {
        digest,
        size: u32::try_from(file.len()).unwrap_or(u32::MAX),
        commitment: word("commitment", &request.commitment)?,
        subject: word("subject", &request.subject)?,
        points: points.into(),
        parties,
        holders,
    };
    Ok((file, sealing))
}

/// The account that acts. Of an organisation only its own certificate speaks; of others, whose keys are here, members do.
async fn voice(app: &App, caller: &Caller, by: &str) -> Result<Address, Problem> {
    let account = app.address("by", by)?;
    let Some(peer) = &caller.peer else {
        return Ok(account);
    };
    let books = Books::open(app).await?;
    let number = within(app, books.ask(MemberRegistry::numberOfCall { account })).await?;
    if number != 0 {
        return speaker(app, caller, by).await;
    }
    if matches!(peer.role, Role::Member | Role::Admin) {
        return Ok(account);
    }
    let detail = format!("{account} is no organisation that {} speaks for", peer.name);
    let what = "name the account of your own organisation";
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "not-your-organisation",
        detail,
        what,
    ))
}

fn sealing(app: &App, account: Address) -> Result<causeway_sealed::SealingKey, Problem> {
    let found = app.signers.sealing(account);
    found.ok_or_else(|| Problem::bad_request(format!("the key of {account} is not here")))
}

/// Has an account of ours call the contract, and waits until that is final.
async fn send(
    app: &App,
    chest: &Chest<'_>,
    by: Address,
    what: &str,
    data: Vec<u8>,
) -> Result<(), Problem> {
    // A share is sealed differently each time: one release of a member at a time is enough.
    let of = if what == "release" {
        B256::ZERO
    } else {
        keccak256(&data)
    };
    let call = RelayCall {
        task: format!("sealed:{what}:{by}:{of}"),
        to: chest.at,
        data: data.into(),
        ..RelayCall::default()
    };
    app.relay.call(chest.books.members.chain, by, &call).await?;
    Ok(())
}

fn id_of(id: Result<Path<String>, PathRejection>) -> Result<B256, Problem> {
    let Path(id) = id?;
    let expected = "the id of a content is 0x and 64 hexadecimal digits";
    id.parse().map_err(|_| Problem::bad_request(expected))
}

const fn page() -> u32 {
    20
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> PutSealed {
        let file = b"ciphertext";
        let word = |byte| B256::repeat_byte(byte).to_string();
        let sealed = hex::encode_prefixed([1; SEALED_KEY]);
        PutSealed {
            by: "alice".into(),
            content: word(1),
            file: STANDARD.encode(file),
            digest: B256::from(<[u8; 32]>::from(Sha256::digest(file))).to_string(),
            commitment: word(2),
            subject: word(0),
            points: "0x0102".into(),
            parties: vec![PartyShare {
                account: Address::repeat_byte(3).to_string(),
                key: word(4),
                sealed: sealed.clone(),
            }],
            holders: vec![HolderShare {
                organisation: 7,
                key: word(5),
                sealed,
            }],
        }
    }

    #[test]
    fn what_is_asked_for_is_what_is_registered() {
        let (file, sealing) = checked(&asked()).unwrap();

        assert_eq!(file, b"ciphertext");
        assert_eq!(sealing.size, 10);
        assert_eq!(sealing.digest.to_string(), asked().digest);
        assert_eq!(sealing.commitment, B256::repeat_byte(2));
        assert_eq!(sealing.parties[0].account, Address::repeat_byte(3));
        assert_eq!(sealing.holders[0].organisation, 7);
        assert_eq!(sealing.points.as_ref(), [1, 2]);
    }

    #[test]
    fn every_part_that_makes_no_sense_is_named() {
        type Spoil = fn(&mut PutSealed);
        let cases: [(Spoil, &str); 9] = [
            (|r| r.file = "***".into(), "file is not base64"),
            (|r| r.file.clear(), "the file is 0 bytes"),
            (|r| r.file = STANDARD.encode("changed"), "the file's is"),
            (|r| r.digest = "1".into(), "digest is not"),
            (|r| r.commitment = "0x12".into(), "commitment is not"),
            (|r| r.subject = "deal".into(), "subject is not"),
            (|r| r.points = "0x1".into(), "points are not"),
            (|r| r.parties[0].sealed = "0x01".into(), "a sealed key"),
            (|r| r.holders[0].key.clear(), "key of a holder"),
        ];

        for (spoil, said) in cases {
            let mut request = asked();
            spoil(&mut request);
            let problem = checked(&request).unwrap_err();
            assert_eq!(problem.status, 400, "{said}");
            assert!(problem.detail.contains(said), "{said}: {}", problem.detail);
        }
        let mut large = asked();
        large.file = STANDARD.encode(vec![0; MAX_FILE + 1]);
        let problem = checked(&large).unwrap_err();
        assert!(problem.detail.contains("expected 1 to"), "{problem:?}");
    }
}
