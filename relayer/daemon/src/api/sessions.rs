//! `/v1/sessions`: a device's readings of some time as a statement `session` is about them, what the operators here sign of
//! them, and putting them on record. Who may read a session is who may read its readings.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, Signature, U256, hex};
use alloy_sol_types::{SolCall as _, SolInterface as _};
use axum::{
    Json,
    extract::{
        ConnectInfo, Path, Query, State,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::StatusCode,
};
use causeway_adapter_api::ChainError;
use causeway_contracts::{
    DeviceSessions,
    device_sessions::DeviceSessions::DeviceSession,
    oracle::{device_number, session_digest},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    App, At, Problem,
    readings::{Found, Which},
    serve::Caller,
};
use crate::{
    oracle::{
        DeviceState, Session, Sessions,
        feeds::{FeedEnd, Terms},
    },
    store::RelayCall,
};

/// Most signatures of one request: a feed has no more operators.
const MAX_ENDORSEMENTS: usize = 31;

/// Readings of a device that follow each other without a gap. Private: it holds them all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionView {
    /// Of this form: 1.
    pub version: u32,
    /// The device.
    pub did: String,
    /// Name of the feed.
    pub feed: String,
    /// Unit of the values.
    pub unit: String,
    /// Digits behind the point: a value of 425 with two decimals is 4.25.
    pub decimals: u8,
    /// What `DeviceSessions` has on record.
    pub session: SessionWords,
    /// The device's number in statements, 0x and 64 hexadecimal digits: `device` of `SessionTerms`.
    pub number: String,
    /// Time (milliseconds since 1970) and value of each reading.
    pub readings: Vec<(u64, i32)>,
    /// What the operators here sign, for each chain with an aggregator of the feed.
    pub chains: Vec<EndorsedView>,
    /// Operators here that have not these readings, and why.
    pub without: BTreeMap<String, String>,
}

/// A session as `DeviceSessions` takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionWords {
    /// Id of the device.
    pub device: String,
    /// Number of the key that signed the readings.
    pub key_number: u32,
    /// Sequence number of the first reading.
    pub first: u64,
    /// Sequence number of the last.
    pub last: u64,
    /// Digest of all of them.
    pub digest: String,
}

/// Who signs a session for one chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndorsedView {
    /// Name of the chain.
    pub chain: String,
    /// How many signatures make a quorum.
    pub quorum: usize,
    /// The operators' signatures.
    pub endorsements: Vec<Endorsement>,
}

/// An operator's signature of a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Endorsement {
    /// The operator's account.
    pub operator: String,
    /// `r | vs` (EIP-2098), 64 bytes.
    pub signature: String,
}

/// A session to be put on record. It holds no reading.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordSession {
    /// Who pays, where: one of the daemon's accounts.
    pub from: At,
    /// Name of the feed.
    pub feed: String,
    /// The session.
    pub session: SessionWords,
    /// Signatures of its operators, a quorum at least.
    pub endorsements: Vec<Endorsement>,
    /// The `DeviceSessions`; the one the daemon knows without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<String>,
}

/// A session on record.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecordedSession {
    /// Name of the chain.
    pub chain: String,
    /// The `DeviceSessions`.
    pub sessions: String,
    /// The device's number in statements.
    pub number: String,
    /// The digest.
    pub digest: String,
    /// Whose signatures it was recorded on.
    pub operators: Vec<String>,
    /// The final transaction.
    pub tx: String,
}

/// Which session.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct When {
    /// Milliseconds since 1970: the first reading is the last one measured not after this.
    since: u64,
    /// The last reading is the first one measured not before this.
    until: u64,
    /// Name of the feed; not needed where the device speaks for one of this daemon alone.
    feed: Option<String>,
    /// Number of the key; the present one when left out.
    key_number: Option<u32>,
    /// A group of readers that the caller is in, where the data is private.
    group: Option<u64>,
}

/// The session of a device that covers some time, with the signatures of the operators here.
#[utoipa::path(
    get, path = "/v1/sessions/{device}", tag = "readings",
    params(When, ("device" = String, Path, description = "did:odin:<number>")),
    responses(
        (status = 200, body = SessionView), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)
    )
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    device: Result<Path<String>, PathRejection>,
    when: Result<Query<When>, QueryRejection>,
) -> Result<Json<SessionView>, Problem> {
    let (Path(device), Query(when)) = (device?, when?);
    if when.since > when.until {
        return Err(Problem::bad_request("since is later than until"));
    }
    let which = Which::of(when.feed, when.key_number, when.group);
    let found = app.readable(&caller, &device, &which).await?;
    found.whole()?;
    if found.state == DeviceState::Slashed {
        let detail = format!("{} lost its deposit: it contradicted itself", found.did);
        let what = "nothing that it said is put on record; the evidence is in DeviceRegistry";
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "device-slashed",
            detail,
            what,
        ));
    }
    let oracle = app.oracle()?;
    let had = oracle
        .sessions(found.chain, (when.since, when.until))
        .await?;
    let feeds = oracle.config().feeds.iter();
    let mut feeds = feeds.filter(|feed| feed.feed.name.id() == found.chain.feed);
    let feed = feeds
        .next()
        .ok_or_else(|| Problem::not_found("no such feed", "list feeds at /v1/feeds"))?;
    let (session, agreed, without) = compared(had)?;
    let words = DeviceSession {
        device: found.chain.device,
        keyNumber: found.chain.key_number,
        first: session.first,
        last: session.last,
        digest: U256::from_be_bytes(session.digest.0),
    };
    let name = feed.feed.name.to_string();
    let number = device_number(found.chain.device, found.chain.feed);
    Ok(Json(SessionView {
        version: 1,
        did: found.did.to_string(),
        unit: feed.feed.unit.to_string(),
        decimals: feed.feed.decimals,
        session: said(&found, &session),
        number: B256::from(number).to_string(),
        readings: session.readings,
        chains: app.endorsed(&name, &words, &agreed).await?,
        feed: name,
        without,
    }))
}

/// Puts a session on record; answers once that is final.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "readings", request_body = RecordSession,
    responses(
        (status = 201, body = RecordedSession), (status = 400, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn record(
    State(app): State<Arc<App>>,
    body: Result<Json<RecordSession>, JsonRejection>,
) -> Result<(StatusCode, Json<RecordedSession>), Problem> {
    let Json(request) = body?;
    let (chain, account) = app.account("from", &request.from)?;
    let entry = app.chain(&request.from.chain)?;
    let sessions = match (&request.sessions, entry.proofs) {
        (Some(text), _) => text.parse().map_err(|_| {
            Problem::bad_request("sessions must be an address: 0x and 40 hexadecimal digits")
        })?,
        (None, Some(at)) => at.sessions,
        (None, None) => {
            let detail = format!("no DeviceSessions is known on {}", entry.name);
            let what = "name the address of one in `sessions`";
            return Err(Problem::not_found(detail, what));
        }
    };
    let site = app.feeds.site(&request.feed)?;
    let (_, terms) = app.feeds.end(site, chain).await?;
    let session = read(&request.session)?;
    let (operators, call) = signed(&terms, session.clone(), &request.endorsements)?;
    let data = Bytes::from(call);
    let tip = entry
        .chain
        .finalized()
        .await
        .map_err(Problem::unavailable)?;
    match entry.chain.call(sessions, data.clone(), tip.height).await {
        Ok(_) => {}
        Err(ChainError::Reverted { data, reason }) => {
            let detail = refusal(&data).unwrap_or(reason);
            let what =
                "gather signatures of a quorum of the feed's operators for this very session";
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "session-refused",
                detail,
                what,
            ));
        }
        Err(other) => return Err(Problem::unavailable(other)),
    }
    let number = device_number(session.device, site.id);
    let digest = B256::from(session.digest);
    let call = RelayCall {
        task: format!("session:{sessions}:{number}:{digest}"),
        to: sessions,
        data,
        ..RelayCall::default()
    };
    let tx = app.relay.call(chain, account, &call).await?;
    let recorded = RecordedSession {
        chain: entry.name.clone(),
        sessions: sessions.to_string(),
        number: B256::from(number).to_string(),
        digest: digest.to_string(),
        operators: operators.iter().map(Address::to_string).collect(),
        tx: tx.to_string(),
    };
    Ok((StatusCode::CREATED, Json(recorded)))
}

/// The session of the first operator that has one, the accounts of those that have the same, and why others have not, by name.
type Compared = (Session, Vec<Address>, BTreeMap<String, String>);

/// Compares what the operators have.
fn compared(had: Sessions) -> Result<Compared, Problem> {
    let (mut first, mut agreed, mut without) = (None::<Session>, Vec::new(), BTreeMap::new());
    for (operator, session) in had {
        let why = match session {
            Ok(session) => {
                if *first.get_or_insert_with(|| session.clone()) == session {
                    agreed.push(operator.account());
                    continue;
                }
                "it has other readings than the feed's keeper".to_owned()
            }
            Err(why) => why.to_string(),
        };
        without.insert(operator.name().to_owned(), why);
    }
    match first {
        Some(session) => Ok((session, agreed, without)),
        None => {
            let each = without.iter().map(|(name, why)| format!("{name}: {why}"));
            let detail = each.collect::<Vec<_>>().join("; ");
            let what = "GET /v1/readings/{device} lists readings and their times";
            Err(Problem::new(
                StatusCode::CONFLICT,
                "no-session",
                detail,
                what,
            ))
        }
    }
}

impl App {
    /// Signs for every chain with an aggregator of the feed, as those operators whose keys are here.
    async fn endorsed(
        &self,
        feed: &str,
        session: &DeviceSession,
        agreed: &[Address],
    ) -> Result<Vec<EndorsedView>, Problem> {
        // A feed without aggregators has no operators whom a contract knows.
        let Ok(site) = self.feeds.site(feed) else {
            return Ok(Vec::new());
        };
        let mut all = Vec::new();
        for end in &site.ends {
            let (FeedEnd { chain, .. }, terms) = self.feeds.end(site, end.chain).await?;
            let digest = session_digest(terms.digest, session);
            let ours = agreed.iter().filter(|one| terms.operators.contains(one));
            let sign = |operator: &Address| {
                let raw = self.signers.sign(*operator, digest)?;
                let signature = Signature::from_raw(&raw).ok()?;
                Some(Endorsement {
                    operator: operator.to_string(),
                    signature: hex::encode_prefixed(signature.as_erc2098()),
                })
            };
            let name = self.chains.iter().find(|entry| entry.id() == chain);
            all.push(EndorsedView {
                chain: name.map_or_else(|| chain.0.to_string(), |entry| entry.name.clone()),
                quorum: quorum(terms.operators.len()),
                endorsements: ours.filter_map(sign).collect(),
            });
        }
        Ok(all)
    }
}

const fn quorum(operators: usize) -> usize {
    operators - operators.saturating_sub(1) / 3
}

fn said(found: &Found, session: &Session) -> SessionWords {
    SessionWords {
        device: found.chain.device.to_string(),
        key_number: found.chain.key_number,
        first: session.first,
        last: session.last,
        digest: session.digest.to_string(),
    }
}

fn read(words: &SessionWords) -> Result<DeviceSession, Problem> {
    let word = |name, text: &str| {
        text.parse::<B256>().map_err(|_| {
            Problem::bad_request(format!("{name} must be 0x and 64 hexadecimal digits"))
        })
    };
    Ok(DeviceSession {
        device: word("session.device", &words.device)?,
        keyNumber: words.key_number,
        first: words.first,
        last: words.last,
        digest: U256::from_be_bytes(word("session.digest", &words.digest)?.0),
    })
}

/// The call with the signatures in the order of the operators, each once.
fn signed(
    terms: &Terms,
    session: DeviceSession,
    endorsements: &[Endorsement],
) -> Result<(Vec<Address>, Vec<u8>), Problem> {
    if endorsements.len() > MAX_ENDORSEMENTS {
        return Err(Problem::bad_request(format!(
            "{} endorsements, at most {MAX_ENDORSEMENTS}",
            endorsements.len()
        )));
    }
    let mut placed = BTreeMap::new();
    for one in endorsements {
        let operator: Address = one.operator.parse().map_err(|_| {
            Problem::bad_request("an operator must be 0x and 40 hexadecimal digits")
        })?;
        let place = terms.operators.iter().position(|known| *known == operator);
        let place = place.ok_or_else(|| {
            Problem::bad_request(format!("{operator} is no operator of this feed"))
        })?;
        let mut signature = [0; 64];
        hex::decode_to_slice(&one.signature, &mut signature).map_err(|_| {
            Problem::bad_request("a signature must be 0x and 128 hexadecimal digits")
        })?;
        if placed.insert(place, signature).is_some() {
            return Err(Problem::bad_request(format!("{operator} signed twice")));
        }
    }
    let operators = placed
        .keys()
        .filter_map(|place| terms.operators.get(*place));
    let operators = operators.copied().collect();
    let call = terms.record_session(session, &placed).ok_or_else(|| {
        Problem::unavailable("the feed's configuration cannot be read as the contract takes it")
    })?;
    Ok((operators, call.abi_encode()))
}

/// What the contract says, by the names of its errors.
fn refusal(data: &[u8]) -> Option<String> {
    use DeviceSessions::DeviceSessionsErrors as E;
    let error = E::abi_decode(data).ok()?;
    Some(match error {
        E::SessionKnown(_) => "SessionKnown: it is on record already, nothing is left to do".into(),
        E::QuorumMissing(e) => {
            format!(
                "QuorumMissing: {} signatures, {} are needed",
                e.got, e.needed
            )
        }
        E::SignatureNotOf(e) => {
            format!("SignatureNotOf: {} has not signed this session", e.expected)
        }
        E::ConfigWrong(_) => {
            "ConfigWrong: the feed's operators have changed: gather signatures anew".into()
        }
        other => format!("{other:?}"),
    })
}
