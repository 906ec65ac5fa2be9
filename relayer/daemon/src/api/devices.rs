//! `/v1/oracle`, `/v1/devices`, `/v1/did`: who takes readings, which devices there are, and their owners' words.
//!
//! Private keys of devices are never here: whoever admits one sends the hardware key's signature. The owner's accounts are
//! those of the daemon.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alloy_primitives::{Address, B256};
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use causeway_adapter_device::names::Did;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{App, Problem, resolve::number};
use crate::{
    oracle::{
        DeviceRecord, DeviceState, OracleError, OracleHandle,
        admit::{self, NewDevice, NewKey, NewKeys},
        did_document,
    },
    store::{DeviceRow, RelayCall},
};

/// Most devices of one page.
const MAX_PAGE: u32 = 500;
/// How long an answer waits for the record of a final transaction.
const SHOWN_WITHIN: Duration = Duration::from_secs(5);

/// Devices' contracts, and the operators of this daemon.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OracleView {
    /// Name of the chain that admits devices.
    pub public_chain: String,
    /// Its chain id, which owners and hardware keys sign.
    pub public_chain_id: u64,
    /// `DeviceRegistry` there, which they sign too.
    pub device_registry: String,
    /// `EvidenceRoll` there.
    pub evidence_roll: String,
    /// `DataMarket` there.
    pub data_market: String,
    /// Name of the chain on which readings are anchored.
    pub consortium_chain: String,
    /// `DeviceMirror` there.
    pub device_mirror: String,
    /// `Evidence` there.
    pub evidence: String,
    /// The operators.
    pub operators: Vec<OperatorView>,
    /// Feeds whose readings they take.
    pub feeds: Vec<FeedView>,
    /// The daemon's accounts, by name.
    pub accounts: BTreeMap<String, String>,
}

/// An operator of this daemon.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OperatorView {
    /// Its name.
    pub name: String,
    /// Its account on both chains.
    pub account: String,
    /// Where devices post readings, over mutual TLS.
    pub readings: String,
    /// Whether it takes readings of a broker too.
    pub broker: bool,
}

/// A feed whose readings are taken.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FeedView {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Unit of its readings.
    pub unit: String,
    /// Digits behind the point.
    pub decimals: u8,
    /// Lowest plausible value, in units of the last digit.
    pub min: i64,
    /// Highest plausible value.
    pub max: i64,
    /// Whether each reading must carry the feed key's signature.
    pub proved: bool,
}

/// A device as both chains show it at final heights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceView {
    /// Its DID.
    pub did: String,
    /// Its id on the chains.
    pub id: String,
    /// Where it is in its life.
    pub state: DeviceState,
    /// Rises with every change.
    pub version: u64,
    /// Number of its keys.
    pub key_number: u32,
    /// The owner on the public chain.
    pub owner: String,
    /// The owner on the consortium chain.
    pub consortium_owner: String,
    /// SHA-256 of its certificate.
    pub certificate: String,
    /// Coordinates of its hardware key.
    pub hardware: [String; 2],
    /// Coordinates of its feed key.
    pub feed_key: Option<[String; 2]>,
    /// Id of the device that speaks for it.
    pub speaker: Option<String>,
    /// Feeds of this daemon that it speaks for.
    pub feeds: Vec<String>,
    /// Version that the consortium chain knows; none until the first message has come.
    pub mirrored_version: Option<u64>,
    /// State that it knows.
    pub mirrored_state: Option<DeviceState>,
}

/// Devices in the order of their DIDs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DeviceList {
    /// The devices.
    pub devices: Vec<DeviceView>,
    /// Where the next page begins, if there is one.
    pub next_after: Option<String>,
}

/// Public keys of a device and the hardware key's word.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceKeysBody {
    /// SHA-256 of the certificate, 0x and 64 hexadecimal digits, as everything here.
    pub certificate: String,
    /// Coordinates of the hardware key.
    pub hardware: [String; 2],
    /// Coordinates of the feed key, if there is one.
    #[serde(default)]
    pub feed_key: Option<[String; 2]>,
    /// DID of the device that speaks for a weak one; its hardware key is the one above.
    #[serde(default)]
    pub speaker: Option<String>,
    /// Last second of the public chain in which this is accepted.
    pub expires: u64,
    /// r and s of the hardware key's signature.
    pub signature: [String; 2],
}

/// A device to be admitted.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdmitDevice {
    /// `did:odin:<number>`.
    pub did: String,
    /// The owner on the public chain, who pays: one of the daemon's accounts.
    pub owner: String,
    /// The owner on the consortium chain: one of the daemon's accounts; the same when left out.
    #[serde(default)]
    pub consortium_owner: Option<String>,
    /// Deposit in smallest units, decimal.
    pub deposit: String,
    /// Its keys.
    pub keys: DeviceKeysBody,
}

/// Who disowns a device.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ByAccount {
    /// One of the daemon's accounts.
    pub by: String,
}

/// Which devices.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// At most so many, 1 to 500.
    #[serde(default = "page")]
    limit: u32,
    /// Those after this DID.
    #[serde(default)]
    after: String,
}

/// Contracts of devices, and the operators of this daemon.
#[utoipa::path(
    get, path = "/v1/oracle", tag = "devices",
    responses((status = 200, body = OracleView), (status = 404, body = Problem))
)]
pub(super) async fn oracle(State(app): State<Arc<App>>) -> Result<Json<OracleView>, Problem> {
    let oracle = app.oracle()?;
    let (config, site) = (oracle.config(), oracle.config().site);
    let operators = oracle.operators().iter().map(|operator| OperatorView {
        name: operator.name().into(),
        account: operator.account().to_string(),
        readings: format!("https://{}", operator.addr()),
        broker: operator.has_broker(),
    });
    let feeds = config.feeds.iter().map(|feed| FeedView {
        name: feed.feed.name.to_string(),
        id: feed.feed.name.id().to_string(),
        unit: feed.feed.unit.to_string(),
        decimals: feed.feed.decimals,
        min: feed.feed.min,
        max: feed.feed.max,
        proved: feed.feed.proved,
    });
    Ok(Json(OracleView {
        public_chain: app.chain_name(site.public),
        public_chain_id: site.public.0,
        device_registry: site.registry.to_string(),
        evidence_roll: site.roll.to_string(),
        data_market: site.market.to_string(),
        consortium_chain: app.chain_name(site.consortium),
        device_mirror: site.mirror.to_string(),
        evidence: site.evidence.to_string(),
        operators: operators.collect(),
        feeds: feeds.collect(),
        accounts: app
            .accounts
            .iter()
            .map(|(name, address)| (name.clone(), address.to_string()))
            .collect(),
    }))
}

/// Devices that were ever admitted, in the order of their DIDs.
#[utoipa::path(
    get, path = "/v1/devices", tag = "devices", params(Page),
    responses((status = 200, body = DeviceList), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<DeviceList>, Problem> {
    let Query(page) = page?;
    if !(1..=MAX_PAGE).contains(&page.limit) {
        return Err(Problem::bad_request(format!(
            "limit is {}, expected 1 to {MAX_PAGE}",
            page.limit
        )));
    }
    let oracle = app.oracle()?;
    let rows = oracle.devices(&page.after, page.limit).await?;
    let full = rows.len() == page.limit as usize;
    let devices: Vec<DeviceView> = rows.iter().filter_map(|row| view(oracle, row)).collect();
    Ok(Json(DeviceList {
        next_after: rows.last().filter(|_| full).and_then(|row| row.did.clone()),
        devices,
    }))
}

/// One device.
#[utoipa::path(
    get, path = "/v1/devices/{did}", tag = "devices",
    params(("did" = String, Path, description = "did:odin:<number>")),
    responses((status = 200, body = DeviceView), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn show(
    State(app): State<Arc<App>>,
    did: Result<Path<String>, PathRejection>,
) -> Result<Json<DeviceView>, Problem> {
    let (oracle, did) = (app.oracle()?, of_path(did)?);
    let row = known(oracle, &did).await?;
    view(oracle, &row).map(Json).ok_or_else(|| unknown(&did))
}

/// Admits a device; answers once that is final on the public chain. The consortium chain learns it by a message.
#[utoipa::path(
    post, path = "/v1/devices", tag = "devices", request_body = AdmitDevice,
    responses(
        (status = 201, body = DeviceView), (status = 400, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn admit(
    State(app): State<Arc<App>>,
    body: Result<Json<AdmitDevice>, JsonRejection>,
) -> Result<(StatusCode, Json<DeviceView>), Problem> {
    let Json(request) = body?;
    let oracle = app.oracle()?;
    let did = Did::new(&request.did).map_err(Problem::bad_request)?;
    let owner = app.address("owner", &request.owner)?;
    let consortium = request.consortium_owner.as_ref().unwrap_or(&request.owner);
    let device = NewDevice {
        did: did.to_string(),
        owner,
        consortium_owner: app.address("consortium_owner", consortium)?,
        certificate: word("keys.certificate", &request.keys.certificate)?,
        keys: keys(oracle, &request.keys).await?,
        expires: request.keys.expires,
    };
    let (site, signature) = (
        oracle.config().site,
        pair("keys.signature", &request.keys.signature)?,
    );
    let digest = device.digest(site.public.0, site.registry);
    hardware_signed(&device.keys, digest, signature)?;
    let deposit = number("deposit", &request.deposit)?;
    let call = device.call(&site, &app.signers, signature, deposit);
    send(&app, owner, call.ok_or_else(not_ours)?).await?;
    let seen = |row: &DeviceRow| row.registered.is_some();
    let view = shown(oracle, &did, seen).await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// Replaces a device's keys; the old ones stop counting at once.
#[utoipa::path(
    post, path = "/v1/devices/{did}/rekey", tag = "devices", request_body = DeviceKeysBody,
    params(("did" = String, Path, description = "did:odin:<number>")),
    responses(
        (status = 200, body = DeviceView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn rekey(
    State(app): State<Arc<App>>,
    did: Result<Path<String>, PathRejection>,
    body: Result<Json<DeviceKeysBody>, JsonRejection>,
) -> Result<Json<DeviceView>, Problem> {
    let (oracle, did) = (app.oracle()?, of_path(did)?);
    let Json(request) = body?;
    let row = known(oracle, &did).await?;
    let record = registered(&row).ok_or_else(|| unknown(&did))?;
    let new = NewKey {
        device: row.id,
        key_number: record.key_number.saturating_add(1),
        certificate: word("certificate", &request.certificate)?,
        keys: keys(oracle, &request).await?,
        expires: request.expires,
    };
    let (site, signature) = (oracle.config().site, pair("signature", &request.signature)?);
    hardware_signed(
        &new.keys,
        new.digest(site.public.0, site.registry),
        signature,
    )?;
    let owners = [record.owner, record.consortium_owner];
    let call = new.call(&site, &app.signers, owners, signature);
    send(&app, record.owner, call.ok_or_else(not_ours)?).await?;
    let seen = |row: &DeviceRow| registered(row).is_some_and(|r| r.key_number == new.key_number);
    Ok(Json(shown(oracle, &did, seen).await?))
}

/// Disowns a device: its readings count no more, its deposit comes back after a delay.
#[utoipa::path(
    post, path = "/v1/devices/{did}/revoke", tag = "devices", request_body = ByAccount,
    params(("did" = String, Path, description = "did:odin:<number>")),
    responses(
        (status = 200, body = DeviceView), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 503, body = Problem)
    )
)]
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    did: Result<Path<String>, PathRejection>,
    body: Result<Json<ByAccount>, JsonRejection>,
) -> Result<Json<DeviceView>, Problem> {
    let (oracle, did) = (app.oracle()?, of_path(did)?);
    let Json(request) = body?;
    let by = app.address("by", &request.by)?;
    let row = known(oracle, &did).await?;
    let record = registered(&row).ok_or_else(|| unknown(&did))?;
    let (site, is_owner) = (oracle.config().site, record.owner == by);
    let call = admit::revoke(&site, &app.signers, row.id, by, is_owner);
    send(&app, by, call.ok_or_else(not_ours)?).await?;
    let seen = |row: &DeviceRow| registered(row).is_some_and(|r| r.state != DeviceState::Active);
    Ok(Json(shown(oracle, &did, seen).await?))
}

/// The DID document of a device (W3C DID Core). A device that is not active any more has a deactivated DID: 410.
#[utoipa::path(
    get, path = "/v1/did/{did}", tag = "devices",
    params(("did" = String, Path, description = "did:odin:<number>")),
    responses(
        (status = 200, description = "application/did+ld+json"), (status = 400, body = Problem),
        (status = 404, body = Problem), (status = 410, body = Problem)
    )
)]
pub(super) async fn resolve(
    State(app): State<Arc<App>>,
    did: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let (oracle, did) = (app.oracle()?, of_path(did)?);
    let row = known(oracle, &did).await?;
    let record = row.newest().ok_or_else(|| unknown(&did))?;
    let Some(document) = did_document(did.as_str(), record, oracle.config().site.public) else {
        let detail = format!(
            "{did} is deactivated: the device is {}",
            record.state.name()
        );
        let what = "believe no signature made from now on; /v1/devices/{did} has the last record";
        return Err(Problem::new(StatusCode::GONE, "deactivated", detail, what));
    };
    let mut response = Json(document).into_response();
    let kind = HeaderValue::from_static("application/did+ld+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

impl App {
    pub(super) fn oracle(&self) -> Result<&OracleHandle, Problem> {
        self.oracle.as_ref().ok_or_else(|| {
            let what = "ask the daemon of an operator; docs/operations.md says how to run one";
            Problem::not_found("no operator of devices runs here", what)
        })
    }
}

/// Has an account of ours call the registry, and waits until that is final.
pub(super) async fn send(app: &App, account: Address, call: RelayCall) -> Result<(), Problem> {
    let chain = app.oracle()?.config().site.public;
    app.relay.call(chain, account, &call).await?;
    Ok(())
}

/// The device once what is final has been read.
pub(super) async fn shown(
    oracle: &OracleHandle,
    did: &Did,
    seen: impl Fn(&DeviceRow) -> bool,
) -> Result<DeviceView, Problem> {
    let looking = async {
        loop {
            let row = oracle.device(did.as_str()).await?;
            if let Some(view) = row.filter(&seen).and_then(|row| view(oracle, &row)) {
                return Ok::<_, Problem>(view);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let late = "it is done, and not yet read back: GET /v1/devices/{did} shows it in a moment";
    tokio::time::timeout(SHOWN_WITHIN, looking)
        .await
        .unwrap_or_else(|_| Err(Problem::unavailable(late)))
}

pub(super) async fn known(oracle: &OracleHandle, did: &Did) -> Result<DeviceRow, Problem> {
    oracle
        .device(did.as_str())
        .await?
        .ok_or_else(|| unknown(did))
}

pub(super) fn unknown(did: &Did) -> Problem {
    let detail = format!("{did} is in no final block of the registry");
    Problem::not_found(detail, "list devices at /v1/devices")
}

pub(super) fn registered(row: &DeviceRow) -> Option<&DeviceRecord> {
    row.registered.as_ref()
}

fn not_ours() -> Problem {
    Problem::bad_request("a key of the owner is not among the daemon's accounts: both must be")
}

fn hardware_signed(keys: &NewKeys, digest: B256, signature: [B256; 2]) -> Result<(), Problem> {
    if admit::hardware_signed(keys, digest, signature) {
        return Ok(());
    }
    Err(Problem::bad_request(format!(
        "the hardware key has not signed {digest}: sign the SHA-256 of it, with s at most half the order"
    )))
}

async fn keys(oracle: &OracleHandle, body: &DeviceKeysBody) -> Result<NewKeys, Problem> {
    let speaker = match &body.speaker {
        None => None,
        Some(text) => {
            let did = Did::new(text).map_err(Problem::bad_request)?;
            Some(known(oracle, &did).await?.id)
        }
    };
    let feed_key = body.feed_key.as_ref().map(|key| pair("feed_key", key));
    Ok(NewKeys {
        hardware: pair("hardware", &body.hardware)?,
        feed_key: feed_key.transpose()?,
        speaker,
    })
}

fn pair(field: &str, text: &[String; 2]) -> Result<[B256; 2], Problem> {
    let [a, b] = text;
    Ok([word(field, a)?, word(field, b)?])
}

fn word(field: &str, text: &str) -> Result<B256, Problem> {
    text.parse()
        .map_err(|_| Problem::bad_request(format!("{field} must be 0x and 64 hexadecimal digits")))
}

pub(super) fn of_path(did: Result<Path<String>, PathRejection>) -> Result<Did, Problem> {
    let Path(did) = did?;
    Did::new(&did).map_err(Problem::bad_request)
}

fn view(oracle: &OracleHandle, row: &DeviceRow) -> Option<DeviceView> {
    let record = row.newest()?;
    let did = row.did.clone()?;
    let text = |pair: [B256; 2]| pair.map(|word| word.to_string());
    let mirrored = row.mirrored.as_ref();
    let feeds = Did::new(&did).map(|did| oracle.feeds_of(&did, record.owner));
    Some(DeviceView {
        id: row.id.to_string(),
        state: record.state,
        version: record.version,
        key_number: record.key_number,
        owner: record.owner.to_string(),
        consortium_owner: record.consortium_owner.to_string(),
        certificate: record.certificate.to_string(),
        hardware: text(record.hardware),
        feed_key: record.feed_key.map(text),
        speaker: record.speaker.map(|id| id.to_string()),
        feeds: feeds.unwrap_or_default(),
        mirrored_version: mirrored.map(|record| record.version),
        mirrored_state: mirrored.map(|record| record.state),
        did,
    })
}

impl From<OracleError> for Problem {
    fn from(error: OracleError) -> Self {
        let text = error.to_string();
        match error {
            OracleError::Chain(_) => Self::unavailable(text),
            _ => {
                tracing::error!(error = text, "a request failed");
                let what = "see the log of the daemon; `causeway doctor` looks for the cause";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text, what)
            }
        }
    }
}

const fn page() -> u32 {
    50
}
